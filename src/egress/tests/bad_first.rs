//! Does a bad packet in front of the good reply do any harm? (TuDoor; peer-behaviour.md: the best peer survives 7 of 11.)

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::egress::Failure;
use crate::wire::{Name, Rcode};

use super::fake::{Fake, GOOD, Script, framed, good, now, reply};
use super::{address, ask, base, egress, failure};
use crate::config::plan;

/// What an attacker on the path's edge would like us to believe.
const EVIL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

fn evil(query: &[u8]) -> Vec<u8> {
    reply(query, Rcode::NOERROR, Some(EVIL))
}

fn changed(query: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = evil(query);
    change(&mut packet);
    packet
}

fn question_end() -> usize {
    12 + "www.example.test.".parse::<Name>().unwrap().as_wire().len() + 4
}

type Kind = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Each is sent first; the good reply follows 80 ms later from the same server.
const KINDS: [Kind; 15] = [
    ("empty datagram", |_| Vec::new()),
    ("shorter than a header", |query| query[..5].to_vec()),
    ("wrong ID", |query| {
        changed(query, |packet| packet[0] ^= 0x55)
    }),
    ("garbage", |_| vec![0xA5; 100]),
    ("QR=0", |query| changed(query, |packet| packet[2] &= 0x7F)),
    ("opcode UPDATE", |query| {
        changed(query, |packet| packet[2] |= 5 << 3)
    }),
    ("another name", |query| {
        changed(query, |packet| packet[13] = b'x')
    }),
    ("another type", |query| {
        changed(query, |packet| packet[question_end() - 3] = 28)
    }),
    ("another class", |query| {
        changed(query, |packet| packet[question_end() - 1] = 3)
    }),
    ("no question", |query| {
        changed(query, |packet| {
            packet[5] = 0;
            packet.drain(12..question_end());
            packet[12..14].copy_from_slice(&[1, b'a']);
        })
    }),
    ("two questions", |query| {
        changed(query, |packet| packet[5] = 2)
    }),
    ("more records claimed than there are", |query| {
        changed(query, |packet| packet[7] = 9)
    }),
    ("pointer to itself", |query| {
        changed(query, |packet| {
            let end = question_end();
            packet[end + 1] = u8::try_from(end).unwrap();
        })
    }),
    ("address of three octets", |query| {
        changed(query, |packet| {
            let length = packet.len();
            packet[length - 5] = 3;
            packet.pop();
        })
    }),
    ("two OPT records", |query| {
        changed(query, |packet| {
            packet[11] = 2;
            for _ in 0..2 {
                packet.extend_from_slice(&[0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 0]);
            }
        })
    }),
];

/// Time enough for what comes at once, and soon over.
fn a_second() -> plan::Egress {
    plan::Egress {
        initial_timeout: Duration::from_secs(1),
        max_timeout: Duration::from_secs(1),
        ..base()
    }
}

fn then_good(bad: fn(&[u8]) -> Vec<u8>) -> impl Fn(&[u8]) -> Script + Send + Sync {
    move |query| vec![(0, bad(query)), (80, good(query))]
}

#[tokio::test]
async fn the_good_reply_is_taken_after_each_kind_of_bad_one() {
    for (kind, bad) in KINDS {
        let fake = Fake::udp(then_good(bad)).await;
        let egress = egress(&base());
        let exchanged = ask(&egress, fake.address).await;
        assert_eq!(address(&exchanged), Some((GOOD, false)), "{kind}");
        let discarded: u64 = egress.counters().snapshot().discarded.iter().sum();
        assert_eq!(discarded, 1, "{kind}");
    }
}

#[tokio::test]
async fn after_a_wrong_id_the_reply_over_tcp_wins() {
    let fake = Fake::both(then_good(KINDS[2].1), |query| {
        now(framed(&reply(
            query,
            Rcode::NOERROR,
            Some(Ipv4Addr::new(192, 0, 2, 2)),
        )))
    })
    .await;
    let egress = egress(&base());
    let exchanged = ask(&egress, fake.address).await;
    let by_tcp = Ipv4Addr::new(192, 0, 2, 2);
    assert_eq!(address(&exchanged), Some((by_tcp, true)));
    assert_eq!(fake.seen(), ["udp+", "tcp+"]);
    let counters = egress.counters().snapshot();
    assert_eq!((counters.doubted, counters.sent_in_all()), (1, 2));
}

#[tokio::test]
async fn twenty_thousand_wrong_ids_do_not_hide_the_right_answer() {
    let flood = |query: &[u8]| {
        let id = u16::from_be_bytes([query[0], query[1]]);
        let wrong = |guess: u16| {
            changed(query, |packet| {
                packet[..2].copy_from_slice(&id.wrapping_add(guess).to_be_bytes());
            })
        };
        (1..=20_000).map(|guess| (0, wrong(guess))).collect()
    };
    let fake = Fake::both(flood, |query| now(framed(&good(query)))).await;
    let egress = egress(&base());
    let exchanged = ask(&egress, fake.address).await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
    let discarded: u64 = egress.counters().snapshot().discarded.iter().sum();
    assert!(discarded <= 33, "{discarded} looked at");
}

#[tokio::test]
async fn more_than_32_wrong_questions_lead_to_tcp() {
    let flood = |query: &[u8]| {
        let bad = changed(query, |packet| packet[13] = b'x');
        (0..40).map(|_| (0, bad.clone())).collect()
    };
    let fake = Fake::both(flood, |query| now(framed(&good(query)))).await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
    assert_eq!(fake.seen(), ["udp+", "tcp+"]);
}

#[tokio::test]
async fn a_flood_without_tcp_fails_and_is_not_held_against_the_server() {
    let flood = |query: &[u8]| {
        let bad = changed(query, |packet| packet[0] ^= 1);
        let mut script: Script = (0..200).map(|_| (0, bad.clone())).collect();
        script.push((30, evil(query)));
        script
    };
    let fake = Fake::udp(flood).await;
    let egress = egress(&a_second());
    let exchanged = ask(&egress, fake.address).await;
    assert_eq!(failure(&exchanged), Some(Failure::Timeout));
    let view = egress
        .servers()
        .view(fake.address, crate::sys::clock::now());
    assert_eq!(view.timeouts, 0);
}

#[tokio::test]
async fn somebody_else_is_not_heard() {
    // The reply comes from another port of the same host: the kernel drops it, the socket is connected.
    let fake = Fake::udp(|query| vec![(40, good(query))]).await;
    let egress = egress(&base());
    let asking = ask(&egress, fake.address);
    let forging = async {
        while fake.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let query = fake.asked().remove(0);
        let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        stranger
            .send_to(&evil(&query.packet), query.from)
            .await
            .unwrap();
    };
    let (exchanged, ()) = tokio::join!(asking, forging);
    assert_eq!(address(&exchanged), Some((GOOD, false)));
}

#[tokio::test]
async fn only_rubbish_is_a_bad_reply_and_no_timeout() {
    let fake = Fake::udp(|query| now(changed(query, |packet| packet[7] = 9))).await;
    let egress = egress(&a_second());
    let exchanged = ask(&egress, fake.address).await;
    assert_eq!(failure(&exchanged), Some(Failure::BadReply));
    assert_eq!(egress.counters().timeouts.load(Ordering::Relaxed), 0);
}
