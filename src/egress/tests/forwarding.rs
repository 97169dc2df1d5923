//! Does a forward zone get its answer from whichever of its resolvers has one?

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan::{self, ForwardZone, Limits};
use crate::egress::{Egress, Exchanged, Failure, Forwarder};
use crate::guard::permit::{Budget, InternalCause, RecursionPermit};
use crate::guard::zones::Cut;
use crate::guard::zones::tests::overtaken;
use crate::sys::clock;
use crate::telemetry::Reason;
use crate::wire::{QueryView, Rcode, RecordType};

use super::fake::{Fake, GOOD, code, framed, good, has_edns, now, reply, truncated};
use super::{address, base, budget, budget_of, egress, failure, name, question};

fn forwarder(egress: &Arc<Egress>, servers: &[SocketAddr]) -> Forwarder {
    let zone = ForwardZone {
        zone: name("test."),
        servers: servers.to_vec(),
        leak_ok: None,
    };
    Forwarder::new(&zone, egress).unwrap()
}

async fn forward(plan: &plan::Egress, servers: &[SocketAddr], budget: &mut Budget) -> Exchanged {
    let forwarder = forwarder(&egress(plan), servers);
    forwarder.ask(&question(), true, false, budget).await
}

fn brisk() -> plan::Egress {
    plan::Egress {
        initial_timeout: Duration::from_millis(100),
        max_timeout: Duration::from_millis(150),
        ..base()
    }
}

/// Prefers `first`: everybody else is known to be slow.
fn preferring(egress: &Egress, first: SocketAddr, others: &[SocketAddr]) {
    let now = clock::now();
    egress
        .servers()
        .note_reply(first, Duration::from_millis(1), true, now);
    for other in others {
        egress
            .servers()
            .note_reply(*other, Duration::from_secs(1), true, now);
    }
}

#[tokio::test]
async fn a_forwarder_is_asked_with_rd_and_edns_and_its_answer_taken() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let mut budget = budget();
    let exchanged = forward(&base(), &[fake.address], &mut budget).await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
    assert_eq!(budget.spent().packets, 1);
    assert!(budget.spent().bytes > 0);
    let asked = fake.asked();
    assert_eq!(asked.len(), 1);
    let view = QueryView::parse(&asked[0].packet).unwrap();
    assert!(view.flags.rd() && !view.flags.cd());
    let edns = view.edns.unwrap();
    assert_eq!((edns.udp_size, edns.dnssec_ok), (1232, true));
    assert_eq!(view.question(), question());
}

#[tokio::test]
async fn refused_and_servfail_lead_to_the_next_one() {
    for refusal in [
        Rcode::REFUSED,
        Rcode::SERVFAIL,
        Rcode::NOTIMP,
        Rcode::FORMERR,
    ] {
        let bad = Fake::udp(move |query| now(code(query, refusal))).await;
        let fine = Fake::udp(|query| now(good(query))).await;
        let egress = egress(&base());
        preferring(&egress, bad.address, &[fine.address]);
        let forwarder = forwarder(&egress, &[bad.address, fine.address]);
        let mut answered_second = 0;
        for _ in 0..4 {
            let exchanged = forwarder.ask(&question(), true, false, &mut budget()).await;
            assert_eq!(address(&exchanged), Some((GOOD, false)), "{refusal}");
            answered_second += u32::from(!bad.asked().is_empty());
        }
        assert!(
            answered_second > 0,
            "{refusal}: the bad one was never asked"
        );
    }
}

#[tokio::test]
async fn if_all_refuse_the_refusal_is_the_reply() {
    let first = Fake::udp(|query| now(code(query, Rcode::REFUSED))).await;
    let second = Fake::udp(|query| now(code(query, Rcode::REFUSED))).await;
    let mut budget = budget();
    let exchanged = forward(&base(), &[first.address, second.address], &mut budget).await;
    let Exchanged::Reply { message, .. } = exchanged else {
        panic!("no reply");
    };
    assert_eq!(message.rcode(), Rcode::REFUSED);
    assert_eq!(budget.spent().packets, 2);
}

#[tokio::test]
async fn a_silent_one_leads_to_the_next_one() {
    let silent = Fake::udp(|_| Vec::new()).await;
    let fine = Fake::udp(|query| now(good(query))).await;
    let egress = egress(&brisk());
    preferring(&egress, silent.address, &[fine.address]);
    let forwarder = forwarder(&egress, &[silent.address, fine.address]);
    let exchanged = forwarder
        .ask(&question(), false, false, &mut budget())
        .await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
}

#[tokio::test]
async fn a_silent_one_leads_nowhere_when_the_zone_came_under_attack_meanwhile() {
    let zone = name("test.");
    let guard = overtaken::watchful();
    let cut = Cut::Configured(&zone);
    let asked = question().name.to_string();
    let slot = overtaken::lent(&guard, &asked, cut, 9, clock::now()).unwrap();
    let _held = overtaken::overrun(&guard, "test", cut, clock::now());
    let (one, other) = (
        Fake::udp(|_| Vec::new()).await,
        Fake::udp(|_| Vec::new()).await,
    );
    let forwarder = forwarder(&egress(&brisk()), &[one.address, other.address]);
    let mut budget = RecursionPermit::internal(InternalCause::Audit)
        .holding(slot)
        .into_budget(&Limits::default(), clock::now());
    let told = forwarder.ask(&question(), true, false, &mut budget).await;
    assert_eq!(failure(&told), Some(Failure::Denied(Reason::ZoneInFlight)));
    assert_eq!(one.asked().len() + other.asked().len(), 1);
}

#[tokio::test]
async fn a_closed_port_leads_to_the_next_one() {
    let closed = {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let fine = Fake::udp(|query| now(good(query))).await;
    let egress = egress(&base());
    preferring(&egress, closed, &[fine.address]);
    let forwarder = forwarder(&egress, &[closed, fine.address]);
    let before = clock::now();
    let exchanged = forwarder
        .ask(&question(), false, false, &mut budget())
        .await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
    assert!(clock::now().since(before) < Duration::from_secs(4));
}

#[tokio::test]
async fn silence_all_around_ends_within_bounds() {
    let silent = Fake::udp(|_| Vec::new()).await;
    let mut budget = budget_of(&Limits {
        time: Duration::from_millis(900),
        ..Limits::default()
    });
    let before = clock::now();
    let brisk = plan::Egress {
        tcp_timeout: Duration::from_millis(400),
        ..brisk()
    };
    let exchanged = forward(&brisk, &[silent.address], &mut budget).await;
    assert!(clock::now().since(before) < Duration::from_secs(10));
    assert!(matches!(
        failure(&exchanged),
        Some(Failure::Timeout | Failure::Exhausted(_))
    ));
    let sent = budget.spent().packets;
    assert!((2..=8).contains(&sent), "{sent}");
    // The last one may still be on its way.
    let came = async {
        while silent.asked().len() < sent as usize {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(10), came).await;
    assert!(came.is_ok() && silent.asked().len() == sent as usize);
}

#[tokio::test]
async fn nxdomain_and_nodata_come_with_their_soa() {
    for rcode in [Rcode::NXDOMAIN, Rcode::NOERROR] {
        let fake = Fake::udp(move |query| {
            let mut packet = reply(query, rcode, None);
            packet[9] = 1;
            packet.extend_from_slice(b"\x04test\x00\x00\x06\x00\x01\x00\x00\x00\x3C\x00\x18");
            packet.extend_from_slice(b"\x01a\x00\x00");
            for number in 1..=5u32 {
                packet.extend_from_slice(&number.to_be_bytes());
            }
            now(packet)
        })
        .await;
        let exchanged = forward(&base(), &[fake.address], &mut budget()).await;
        let Exchanged::Reply { message, .. } = exchanged else {
            panic!("no reply to {rcode}");
        };
        assert_eq!(message.rcode(), rcode);
        assert!(message.answer.is_empty());
        assert_eq!(message.authority.len(), 1);
        assert_eq!(message.authority[0].rtype, RecordType::SOA);
        assert_eq!(message.authority[0].ttl, 60);
        assert_eq!(message.authority[0].owner, name("test."));
    }
}

#[tokio::test]
async fn tc_leads_to_tcp_and_both_are_charged() {
    let fake = Fake::both(
        |query| now(truncated(query)),
        |query| now(framed(&good(query))),
    )
    .await;
    let mut budget = budget();
    let exchanged = forward(&base(), &[fake.address], &mut budget).await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
    assert_eq!(budget.spent().packets, 2);
    assert_eq!(fake.seen(), ["udp+", "tcp+"]);
}

#[tokio::test]
async fn a_wrong_id_or_rubbish_leads_to_tcp() {
    let changes: [fn(&mut Vec<u8>); 3] = [
        |packet| packet[0] ^= 1,
        |packet| packet[2] &= 0x7F,
        |packet| packet[7] = 9,
    ];
    for change in changes {
        let bad = move |query: &[u8]| {
            let mut packet = reply(query, Rcode::NOERROR, Some(Ipv4Addr::new(6, 6, 6, 6)));
            change(&mut packet);
            now(packet)
        };
        let fake = Fake::both(bad, |query| now(framed(&good(query)))).await;
        let exchanged = forward(&base(), &[fake.address], &mut budget()).await;
        assert_eq!(address(&exchanged), Some((GOOD, true)));
        assert_eq!(fake.seen(), ["udp+", "tcp+"]);
    }
}

#[tokio::test]
async fn a_wrong_question_is_passed_over() {
    let fake = Fake::udp(|query| {
        let mut packet = reply(query, Rcode::NOERROR, Some(Ipv4Addr::new(6, 6, 6, 6)));
        packet[13] = b'x';
        vec![(0, packet), (30, good(query))]
    })
    .await;
    let exchanged = forward(&base(), &[fake.address], &mut budget()).await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
}

#[tokio::test]
async fn a_wrong_question_over_tcp_is_not_taken() {
    let fake = Fake::both(
        |query| now(truncated(query)),
        |query| {
            let mut packet = good(query);
            packet[13] = b'x';
            now(framed(&packet))
        },
    )
    .await;
    let exchanged = forward(&brisk(), &[fake.address], &mut budget()).await;
    assert_eq!(failure(&exchanged), Some(Failure::BadReply));
}

#[tokio::test]
async fn refusal_of_edns_leads_to_a_plain_query() {
    let fake = Fake::udp(|query| {
        now(if has_edns(query) {
            code(query, Rcode::FORMERR)
        } else {
            good(query)
        })
    })
    .await;
    let mut budget = budget();
    let exchanged = forward(&base(), &[fake.address], &mut budget).await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
    assert_eq!(fake.seen(), ["udp+", "udp"]);
    assert_eq!(budget.spent().packets, 2);
}

#[tokio::test]
async fn an_empty_budget_sends_nothing() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let mut budget = budget_of(&Limits {
        packets: 0,
        ..Limits::default()
    });
    let exchanged = forward(&base(), &[fake.address], &mut budget).await;
    assert!(matches!(failure(&exchanged), Some(Failure::Exhausted(_))));
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn we_are_not_our_own_forwarder() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let egress = Arc::new(Egress::new(&base(), &[fake.address], Arc::default()));
    let exchanged = forwarder(&egress, &[fake.address])
        .ask(&question(), false, false, &mut budget())
        .await;
    assert_eq!(failure(&exchanged), Some(Failure::NoUsableServer));
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn ports_keep_to_the_configured_range() {
    let plan = plan::Egress {
        source_ports: (40_000, 41_000),
        ..base()
    };
    let fake = Fake::udp(|query| now(good(query))).await;
    let forwarder = forwarder(&egress(&plan), &[fake.address]);
    for _ in 0..20 {
        let exchanged = forwarder
            .ask(&question(), false, false, &mut budget())
            .await;
        assert!(address(&exchanged).is_some());
    }
    let asked = fake.asked();
    assert_eq!(asked.len(), 20, "nothing is cached there");
    let ports = asked.iter().map(|one| one.from.port());
    assert!(
        ports
            .into_iter()
            .all(|port| (40_000..=41_000).contains(&port))
    );
}
