//! Does a look-up that met a failure go on under an attack that began after it? Not for a name that nobody knows.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use super::lab::{client, guard, plan};
use crate::config::plan::{self as config, ZoneGuardMode};
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Class, Cut, Outcome, Permission, Query, Server, Slot, ZoneGuard};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::Name;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// What a client is lent for a name of a zone, by whose server it is known.
fn judged(guard: &ZoneGuard, asked: &str, who: u64, renews: bool) -> Permission {
    let asked = name(asked);
    let address: IpAddr = "192.0.2.53".parse().expect("an address");
    let zone = asked.suffix(2);
    let query = Query {
        name: &asked,
        cut: Some(Cut::Delegation(
            &zone,
            Some(Server {
                address,
                most: 1_024,
            }),
        )),
        client: client(who),
        hop_limit: None,
        joins: false,
        renews,
    };
    guard.judge(&query, || false, now())
}

fn lent(guard: &ZoneGuard, asked: &str, who: u64) -> Slot {
    match judged(guard, asked, who, false) {
        Permission::Fetch(slot) | Permission::Explore(slot) => slot,
        other => panic!("{asked}: {other:?}"),
    }
}

fn now() -> Now {
    Now::at_secs(10)
}

/// Look-ups of `zones` zones of the server until something is engaged.
fn fill(guard: &ZoneGuard, zones: u64) -> Vec<Slot> {
    let mut held = Vec::new();
    for at in 0..2_000 {
        if guard.engaged() > 0 {
            break;
        }
        let zone = at % zones;
        held.push(lent(guard, &format!("r{at}.t{zone}.hosted"), 100 + at));
    }
    assert_eq!(guard.engaged(), 1);
    held
}

fn denied(guard: &ZoneGuard) -> u64 {
    guard.counters().denied().map(|(_, times)| times).sum()
}

#[test]
fn a_look_up_that_met_a_failure_stops_when_its_zone_or_server_came_under_attack_meanwhile() {
    for (zones, reason) in [(1, Reason::ZoneInFlight), (100, Reason::ServerOverloaded)] {
        let guard = guard(&plan());
        let mine = name("mine.t0.hosted");
        let mut slot = lent(&guard, "mine.t0.hosted", 1);
        assert_eq!(slot.stops(&mine, true, now()), None, "nothing is engaged");
        let mut elsewhere = lent(&guard, "mine.quiet.example", 1);
        let held = fill(&guard, zones);
        let before = denied(&guard);
        assert_eq!(slot.stops(&mine, true, now()), Some(reason));
        assert_eq!(denied(&guard), before + 1, "as whoever asks for it now");
        let other = name("other.t0.hosted");
        assert_eq!(slot.stops(&other, true, now()), None, "of itself alone");
        if zones == 1 {
            let quiet = name("mine.quiet.example");
            assert_eq!(elsewhere.stops(&quiet, true, now()), None, "another zone");
        }
        assert_eq!(denied(&guard), before + 1);
        drop((held, slot));
    }
}

#[test]
fn nobody_is_denied_where_nobody_asked_but_it_stops_all_the_same() {
    let guard = guard(&plan());
    let Permission::Fetch(mut slot) = judged(&guard, "mine.t0.hosted", 1, true) else {
        panic!("a renewal");
    };
    let _held = fill(&guard, 1);
    let before = denied(&guard);
    let reason = slot.stops(&name("mine.t0.hosted"), false, now());
    assert_eq!(reason, Some(Reason::ZoneInFlight));
    assert_eq!(denied(&guard), before);
}

#[test]
fn a_name_that_is_known_and_one_that_explores_go_on() {
    let guard = guard(&plan());
    let real = Outcome {
        ended: Some(Ended::Positive),
        silent: false,
        answered: true,
        is_real: true,
    };
    let mut known = lent(&guard, "www.t0.hosted", 1);
    for who in [2, 3] {
        lent(&guard, "www.t0.hosted", who).finish(real, 1, now());
    }
    let _held = fill(&guard, 1);
    assert_eq!(known.stops(&name("www.t0.hosted"), true, now()), None);
    let Permission::Explore(mut explores) = judged(&guard, "new.t0.hosted", 9, false) else {
        panic!("a clean client's first name");
    };
    assert_eq!(explores.stops(&name("new.t0.hosted"), true, now()), None);
}

#[test]
fn what_the_operator_pins_is_held_back_from_then_on_and_not_before() {
    let guard = guard(&plan());
    let mut slot = lent(&guard, "mine.t0.hosted", 1);
    let zone = name("t0.hosted");
    guard.wish(&zone, Class::Pinned, now()).expect("a zone");
    assert_eq!(guard.engaged(), 1);
    assert_eq!(slot.stops(&name("mine.t0.hosted"), true, now()), None);
}

#[test]
fn log_only_counts_it_once_and_lets_it_go_on() {
    let guard = guard(&config::ZoneGuard {
        mode: ZoneGuardMode::LogOnly,
        ..plan()
    });
    let mine = name("mine.t0.hosted");
    let mut slot = lent(&guard, "mine.t0.hosted", 1);
    let _held = fill(&guard, 1);
    let before = denied(&guard);
    for _ in 0..3 {
        assert_eq!(slot.stops(&mine, true, now()), None);
    }
    assert_eq!(denied(&guard), before + 1);
    let known = guard.counters().denied_known.load(Ordering::Relaxed);
    assert_eq!(known, 0);
}

#[test]
fn it_goes_on_again_when_the_guard_has_let_go() {
    let guard = guard(&plan());
    let mine = name("mine.t0.hosted");
    let mut slot = lent(&guard, "mine.t0.hosted", 1);
    let held = fill(&guard, 1);
    drop(held);
    let zone = name("t0.hosted");
    assert!(guard.release(&zone, now()));
    assert_eq!(slot.stops(&mine, true, now()), None);
}
