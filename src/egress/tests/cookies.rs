//! Do servers get their cookies back, and does nobody else pass for them?

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::config::plan;
use crate::egress::{Egress, Query, Transport};
use crate::wire::query::COOKIE;
use crate::wire::writer::{Opt, push_option, write_opt};
use crate::wire::{QueryView, Rcode};

use super::fake::{Fake, GOOD, Script, framed, good, now, reply};
use super::{address, ask, base, budget, egress, failure, impatient, name, question};

const EVIL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
const GIVEN: &[u8] = b"server's";

fn with_cookies() -> Arc<Egress> {
    egress(&plan::Egress {
        cookies: true,
        ..base()
    })
}

/// The value of the COOKIE option in a query.
fn carried(query: &[u8]) -> Option<Vec<u8>> {
    let view = QueryView::parse(query).unwrap();
    view.edns?.cookie.map(<[u8]>::to_vec)
}

fn client_part(query: &[u8]) -> Vec<u8> {
    carried(query).unwrap()[..8].to_vec()
}

/// The reply with an OPT record and this value of a COOKIE option, if any.
fn with_option(mut reply: Vec<u8>, rcode: Rcode, value: Option<&[u8]>) -> Vec<u8> {
    let mut options = Vec::new();
    if let Some(value) = value {
        push_option(&mut options, COOKIE, value);
    }
    let opt = Opt {
        udp_size: 1232,
        rcode: rcode.0,
        options: &options,
        ..Opt::default()
    };
    write_opt(&mut reply, &opt);
    reply[11] = 1;
    reply
}

/// What a server says that takes part.
fn honest(query: &[u8]) -> Vec<u8> {
    let value = [&client_part(query)[..], GIVEN].concat();
    with_option(good(query), Rcode::NOERROR, Some(&value))
}

fn forged(query: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    with_option(
        reply(query, Rcode::NOERROR, Some(EVIL)),
        Rcode::NOERROR,
        value,
    )
}

#[tokio::test]
async fn a_server_gets_back_what_it_gave() {
    let fake = Fake::udp(|query| now(honest(query))).await;
    let egress = with_cookies();
    for _ in 0..3 {
        assert_eq!(
            address(&ask(&egress, fake.address).await),
            Some((GOOD, false))
        );
    }
    let values: Vec<_> = fake
        .asked()
        .iter()
        .map(|asked| carried(&asked.packet).unwrap())
        .collect();
    assert_eq!(values[0].len(), 8);
    assert_eq!(values[1], [&values[0][..], GIVEN].concat());
    assert_eq!(values[2], values[1]);
}

#[tokio::test]
async fn every_server_knows_us_by_another_cookie() {
    let (one, two) = (
        Fake::udp(|query| now(honest(query))).await,
        Fake::udp(|query| now(honest(query))).await,
    );
    let egress = with_cookies();
    for fake in [&one, &two] {
        ask(&egress, fake.address).await;
    }
    let first = |fake: &Fake| client_part(&fake.asked()[0].packet);
    assert_ne!(first(&one), first(&two));
}

#[tokio::test]
async fn a_server_without_cookies_is_sent_one_once_and_never_the_same_again() {
    let fake = Fake::udp(|query| now(with_option(good(query), Rcode::NOERROR, None))).await;
    let egress = with_cookies();
    for _ in 0..3 {
        assert_eq!(
            address(&ask(&egress, fake.address).await),
            Some((GOOD, false))
        );
    }
    let carries: Vec<bool> = fake
        .asked()
        .iter()
        .map(|asked| carried(&asked.packet).is_some())
        .collect();
    assert_eq!(carries, [true, false, false]);
}

#[tokio::test]
async fn what_has_another_cookie_is_passed_over_for_a_stream() {
    // What has an illegal length is no DNS message, and is passed over like any other rubbish.
    for (length, by_tcp) in [
        (0, false),
        (7, false),
        (8, true),
        (24, true),
        (40, true),
        (41, false),
    ] {
        let fake = Fake::both(
            move |query| {
                vec![
                    (0, forged(query, Some(&vec![7; length]))),
                    (20, honest(query)),
                ]
            },
            |query| now(framed(&honest(query))),
        )
        .await;
        let egress = with_cookies();
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, by_tcp)), "{length} octets");
        assert_eq!(
            fake.asked().len(),
            1 + usize::from(by_tcp),
            "{length} octets"
        );
    }
}

#[tokio::test]
async fn without_its_cookie_nobody_is_believed_to_be_a_server_that_gave_one() {
    let under_attack = Arc::new(AtomicBool::new(false));
    let now_evil = Arc::clone(&under_attack);
    let fake = Fake::both(
        move |query| {
            if now_evil.load(Ordering::Relaxed) {
                now(forged(query, None))
            } else {
                now(honest(query))
            }
        },
        |query| now(framed(&honest(query))),
    )
    .await;
    let egress = with_cookies();
    assert_eq!(
        address(&ask(&egress, fake.address).await),
        Some((GOOD, false))
    );
    under_attack.store(true, Ordering::Relaxed);
    assert_eq!(
        address(&ask(&egress, fake.address).await),
        Some((GOOD, true))
    );
    let doubted = egress.counters().snapshot().doubted;
    assert_eq!(doubted, 1);
}

#[tokio::test]
async fn a_server_that_gives_cookies_no_more_says_so_over_a_stream_and_is_asked_without() {
    let changed = Arc::new(AtomicBool::new(false));
    let now_plain = Arc::clone(&changed);
    let plain = |query: &[u8]| with_option(good(query), Rcode::NOERROR, None);
    let fake = Fake::both(
        move |query| {
            if now_plain.load(Ordering::Relaxed) {
                now(plain(query))
            } else {
                now(honest(query))
            }
        },
        move |query| now(framed(&plain(query))),
    )
    .await;
    let egress = with_cookies();
    ask(&egress, fake.address).await;
    changed.store(true, Ordering::Relaxed);
    // Once may have been a forger, whom a server that leaves cookies out of its streams does not contradict.
    for by_tcp in [true, true, false, false] {
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, by_tcp)));
    }
    assert_eq!(cookies_of(&fake), ["own", "both", "both", "none", "none"]);
}

#[tokio::test]
async fn neither_a_stream_without_a_cookie_nor_a_forgery_before_one_makes_us_ask_without() {
    let turn = AtomicUsize::new(0);
    let plain = |query: &[u8]| with_option(good(query), Rcode::NOERROR, None);
    // A server that leaves cookies out of its streams; a forger who has found port and ID of every other datagram, whose own answer is lost.
    let fake = Fake::both(
        move |query| {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            now(if turn % 2 == 1 {
                forged(query, None)
            } else {
                honest(query)
            })
        },
        move |query| now(framed(&plain(query))),
    )
    .await;
    let egress = with_cookies();
    for turn in 0..6 {
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, turn % 2 == 1)), "never the forger's");
    }
    // Whoever can have us ask by a stream can do so without end.
    let (question, zone) = (question(), name("example.test."));
    let candidates = [fake.address];
    for _ in 0..3 {
        let by_stream = Query {
            transport: Transport::Tcp,
            ..Query::authoritative(&question, &candidates, &zone)
        };
        let told = egress.exchange(&by_stream, &mut budget()).await;
        assert_eq!(address(&told), Some((GOOD, true)));
    }
    assert_eq!(
        address(&ask(&egress, fake.address).await),
        Some((GOOD, false))
    );
    assert!(cookies_of(&fake)[1..].iter().all(|word| *word == "both"));
}

#[tokio::test]
async fn the_silence_after_a_question_from_before_it_gave_a_cookie_is_no_sign_that_it_stopped() {
    let turn = AtomicUsize::new(0);
    let fake = Fake::udp(move |query| match turn.fetch_add(1, Ordering::Relaxed) {
        0 => Vec::new(),
        _ => now(honest(query)),
    })
    .await;
    let egress = hasty();
    let lost = {
        let (egress, server) = (Arc::clone(&egress), fake.address);
        tokio::spawn(async move { ask(&egress, server).await })
    };
    while fake.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(address(&ask(&egress, fake.address).await).is_some());
    assert!(failure(&lost.await.unwrap()).is_some());
    assert!(address(&ask(&egress, fake.address).await).is_some());
    assert_eq!(cookies_of(&fake), ["own", "own", "both"]);
}

#[tokio::test]
async fn behind_an_address_that_moved_a_server_with_another_secret_or_none_is_heard() {
    const OTHER: &[u8] = b"another's";
    let other = |query: &[u8]| [&client_part(query)[..], OTHER].concat();
    let (fake, moved) = changeable(move |query| {
        now(with_option(
            good(query),
            Rcode::NOERROR,
            Some(&other(query)),
        ))
    })
    .await;
    let egress = hasty();
    for at in 0..3 {
        moved.store(at > 0, Ordering::Relaxed);
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, false)));
    }
    let last = carried(&fake.asked()[2].packet).unwrap();
    assert_eq!(&last[8..], OTHER, "and gets back what it gave itself");
    // One that drops what has a cookie looks dead until it is tried without EDNS.
    let (fake, moved) = changeable(|query| match carried(query) {
        Some(_) => Vec::new(),
        None => now(good(query)),
    })
    .await;
    let egress = hasty();
    ask(&egress, fake.address).await;
    moved.store(true, Ordering::Relaxed);
    let mut lost = 0;
    while address(&ask(&egress, fake.address).await).is_none() {
        lost += 1;
        assert!(lost < 10, "lost for ever");
    }
    assert!(lost >= 1);
}

/// BADCOOKIE with a server cookie, as the first `times` replies.
fn demanding(times: usize) -> impl Fn(&[u8]) -> Script + Send + Sync + 'static {
    let told = AtomicUsize::new(0);
    move |query| {
        let value = [&client_part(query)[..], GIVEN].concat();
        if told.fetch_add(1, Ordering::Relaxed) < times {
            let bare = reply(query, Rcode(Rcode::BADCOOKIE.0 & 0xF), None);
            now(with_option(bare, Rcode::BADCOOKIE, Some(&value)))
        } else {
            now(honest(query))
        }
    }
}

#[tokio::test]
async fn badcookie_is_answered_with_the_new_cookie_and_then_over_a_stream() {
    for (times, seen) in [
        (1, vec!["udp+", "udp+"]),
        (2, vec!["udp+", "udp+", "tcp+"]),
        (9, vec!["udp+", "udp+", "tcp+"]),
    ] {
        let fake = Fake::both(demanding(times), |query| now(framed(&honest(query)))).await;
        let egress = with_cookies();
        let told = address(&ask(&egress, fake.address).await).map(|(address, _)| address);
        assert_eq!(told, Some(GOOD), "{times}");
        assert_eq!(fake.seen(), seen, "{times}");
        let second = carried(&fake.asked()[1].packet).unwrap();
        assert_eq!(&second[8..], GIVEN);
    }
}

#[tokio::test]
async fn a_server_that_cannot_read_cookies_but_edns_is_asked_with_edns_alone() {
    let fake = Fake::udp(|query| {
        now(if carried(query).is_some() {
            with_option(reply(query, Rcode::FORMERR, None), Rcode::FORMERR, None)
        } else {
            with_option(good(query), Rcode::NOERROR, None)
        })
    })
    .await;
    let egress = with_cookies();
    for _ in 0..2 {
        assert_eq!(
            address(&ask(&egress, fake.address).await),
            Some((GOOD, false))
        );
    }
    assert_eq!(fake.seen(), ["udp+", "udp+", "udp+"]);
}

#[tokio::test]
async fn a_server_that_is_silent_at_cookies_is_asked_without_next_time() {
    let fake = Fake::udp(|query| {
        if carried(query).is_some() {
            Vec::new()
        } else {
            now(good(query))
        }
    })
    .await;
    let egress = egress(&plan::Egress {
        cookies: true,
        ..impatient()
    });
    assert!(failure(&ask(&egress, fake.address).await).is_some());
    assert_eq!(
        address(&ask(&egress, fake.address).await),
        Some((GOOD, false))
    );
}

/// What each query so far carried: nothing, our own cookie, or the server's, too.
fn cookies_of(fake: &Fake) -> Vec<&'static str> {
    let word = |packet: &[u8]| match carried(packet).map(|value| value.len()) {
        None => "none",
        Some(8) => "own",
        Some(_) => "both",
    };
    fake.asked()
        .iter()
        .filter(|asked| !asked.tcp)
        .map(|asked| word(&asked.packet))
        .collect()
}

fn hasty() -> Arc<Egress> {
    egress(&plan::Egress {
        cookies: true,
        ..impatient()
    })
}

/// A server that takes part until told otherwise, and refuses connections.
async fn changeable(
    then: impl Fn(&[u8]) -> Script + Send + Sync + 'static,
) -> (Fake, Arc<AtomicBool>) {
    let changed = Arc::new(AtomicBool::new(false));
    let is_changed = Arc::clone(&changed);
    let fake = Fake::udp(move |query| {
        if is_changed.load(Ordering::Relaxed) {
            then(query)
        } else {
            now(honest(query))
        }
    })
    .await;
    (fake, changed)
}

#[tokio::test]
async fn a_server_that_gives_cookies_no_more_and_takes_no_streams_is_asked_without_the_second_time()
{
    let (fake, changed) =
        changeable(|query| now(with_option(good(query), Rcode::NOERROR, None))).await;
    let egress = hasty();
    ask(&egress, fake.address).await;
    changed.store(true, Ordering::Relaxed);
    assert!(failure(&ask(&egress, fake.address).await).is_some());
    for _ in 0..2 {
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, false)));
    }
    assert_eq!(cookies_of(&fake), ["own", "both", "both", "none", "none"]);
    assert_eq!(egress.counters().snapshot().cookie_fallback, 1);
}

#[tokio::test]
async fn a_server_whose_replies_have_another_cookie_is_asked_without_at_once_if_it_never_gave_one()
{
    let wrong = |query: &[u8]| with_option(good(query), Rcode::NOERROR, Some(&[7; 24]));
    let plain = move |query: &[u8]| match carried(query) {
        Some(_) => now(wrong(query)),
        None => now(with_option(good(query), Rcode::NOERROR, None)),
    };
    let fake = Fake::udp(plain).await;
    let egress = hasty();
    for _ in 0..2 {
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, false)));
    }
    assert_eq!(cookies_of(&fake), ["own", "none", "none"]);
    // Over a stream that can be had, the same is no reason to fail: nobody off the path writes there.
    let fake = Fake::both(plain, move |query| now(framed(&wrong(query)))).await;
    let told = address(&ask(&hasty(), fake.address).await);
    assert_eq!(told, Some((GOOD, true)));
}

#[tokio::test]
async fn a_forger_who_is_faster_than_the_server_does_not_make_it_one_without_cookies() {
    let (fake, changed) =
        changeable(|query| vec![(0, forged(query, None)), (15, honest(query))]).await;
    let egress = hasty();
    ask(&egress, fake.address).await;
    changed.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        let told = address(&ask(&egress, fake.address).await);
        assert_eq!(told, Some((GOOD, false)), "the right one is waited for");
    }
    assert_eq!(cookies_of(&fake), ["own", "both", "both", "both", "both"]);
}

#[tokio::test]
async fn forgeries_that_fit_with_right_answers_between_them_do_not_add_up() {
    let turn = AtomicUsize::new(0);
    let (fake, changed) = changeable(move |query| {
        // The answer to every other query is lost, and a forger finds its port and ID.
        if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            now(forged(query, None))
        } else {
            now(honest(query))
        }
    })
    .await;
    let egress = hasty();
    ask(&egress, fake.address).await;
    changed.store(true, Ordering::Relaxed);
    for turn in 0..6 {
        let told = address(&ask(&egress, fake.address).await);
        let right = (turn % 2 == 1).then_some((GOOD, false));
        assert_eq!(told, right, "never the forger's");
    }
    assert!(cookies_of(&fake)[1..].iter().all(|word| *word == "both"));
}
