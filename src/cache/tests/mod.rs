//! Does the cache say what it was told, while it may, and no longer?

mod answers;
mod companions;
mod denials;
mod flood;
mod model;
mod stale;
mod whole;

use std::time::Duration;

use super::*;
use crate::sys::clock::Now;
use crate::wire::rrset::group;
use crate::wire::text::record_from_text;
use crate::wire::{Ede, Name, Question, Rrset};

fn plan() -> plan::Cache {
    plan::Cache {
        max_bytes: 64 << 20,
        answer_slots: 1024,
        min_ttl: 0,
        max_ttl: 86_400,
        max_negative_ttl: 10_800,
        delegation_ttl: (60, 86_400),
        failure_ttl: 5,
        max_failure_ttl: 300,
        max_stale: 0,
        stale_ttl: 30,
        prefetch: false,
        failures: 1000,
    }
}

fn cache() -> Cache {
    Cache::with_secret(&plan(), 1, 2)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn question(text: &str, rtype: RecordType) -> Question {
    Question::new(name(text), rtype)
}

fn set(lines: &[&str]) -> Rrset {
    let records: Vec<_> = lines
        .iter()
        .map(|line| record_from_text(line, 300).unwrap())
        .collect();
    group(&records).remove(0)
}

fn at(secs: u64) -> Now {
    Now::at_secs(1000 + secs)
}

/// The moment `secs` before [`at`] 0.
fn before(secs: u64) -> Now {
    Now::at_secs(1000 - secs)
}

#[test]
fn a_set_is_there_until_its_ttl_is_over() {
    let cache = cache();
    let held = cache.store(set(&["a. 10 IN A 192.0.2.1"]), Rank::AuthAnswer, at(0));
    assert_eq!(held.ttl, 10);
    let left = |now| {
        cache
            .rrset(&name("A."), RecordType::A, Rank::Additional, now)
            .map(|held| held.ttl)
    };
    assert_eq!(left(at(0)), Some(10));
    assert_eq!(left(at(9)), Some(1));
    assert_eq!(left(at(10)), None);
    assert_eq!(left(at(1 << 40)), None);
    // The clock may step back a little, not far; the TTL never grows.
    assert_eq!(left(before(5)), Some(10));
    assert_eq!(left(before(6)), None);
    assert_eq!(
        cache.rrset(&name("a."), RecordType::AAAA, Rank::Additional, at(0)),
        None
    );
    assert_eq!(
        cache.rrset(&name("b."), RecordType::A, Rank::Additional, at(0)),
        None
    );
}

#[test]
fn ttls_are_put_between_floor_and_cap() {
    let cache = Cache::with_secret(
        &plan::Cache {
            min_ttl: 5,
            ..plan()
        },
        1,
        2,
    );
    assert_eq!(
        cache
            .store(set(&["a. 0 IN A 192.0.2.1"]), Rank::AuthAnswer, at(0))
            .ttl,
        5
    );
    assert_eq!(
        cache
            .store(
                set(&["a. 2147483647 IN A 192.0.2.1"]),
                Rank::AuthAnswer,
                at(0)
            )
            .ttl,
        86_400
    );
    let found = cache.rrset(&name("a."), RecordType::A, Rank::AuthAnswer, at(0));
    assert_eq!(found.unwrap().ttl, 86_400);
}

#[test]
fn the_cap_on_ttls_holds_for_nonexistence_too() {
    let short = plan::Cache {
        max_ttl: 60,
        ..plan()
    };
    let cache = Cache::with_secret(&short, 1, 2);
    let soa = set(&["z. 3600 IN SOA ns.z. r.z. 1 2 3 4 3600"]);
    let asked = question("a.z.", RecordType::A);
    cache.store_negative(&asked, Negative::NxDomain, Some(soa), at(0));
    let (_, held) = cache.negative(&asked, at(0)).unwrap();
    assert_eq!(held.unwrap().ttl, 60);
    assert_eq!(cache.negative(&asked, at(60)), None);
}

#[test]
fn a_ttl_of_zero_is_not_kept() {
    let cache = cache();
    assert_eq!(
        cache
            .store(set(&["a. 0 IN A 192.0.2.1"]), Rank::AuthAnswer, at(0))
            .ttl,
        0
    );
    assert_eq!(
        cache.rrset(&name("a."), RecordType::A, Rank::Additional, at(0)),
        None
    );
}

#[test]
fn trust_decides_what_is_replaced() {
    let ranks = [
        Rank::Additional,
        Rank::NonAuthAuthority,
        Rank::NonAuthAnswer,
        Rank::AuthAuthority,
        Rank::AuthAnswer,
    ];
    for first in ranks {
        for second in ranks {
            let cache = cache();
            cache.store(set(&["a. 10 IN A 192.0.2.1"]), first, at(0));
            cache.store(set(&["a. 100 IN A 192.0.2.2"]), second, at(1));
            let last = |now| {
                let held = cache.rrset(&name("a."), RecordType::A, Rank::Additional, now)?;
                held.rrset.rdata.iter().next()?.last().copied()
            };
            let expected = if second >= first { 2 } else { 1 };
            assert_eq!(last(at(1)), Some(expected), "{first:?} then {second:?}");
            // Once it has expired, trust does not matter any more.
            cache.store(set(&["a. 100 IN A 192.0.2.3"]), second, at(200));
            assert_eq!(last(at(200)), Some(3));
        }
    }
}

#[test]
fn a_reader_may_ask_for_more_trust() {
    let cache = cache();
    cache.store(set(&["a. 10 IN A 192.0.2.1"]), Rank::Additional, at(0));
    assert!(
        cache
            .rrset(&name("a."), RecordType::A, Rank::Additional, at(0))
            .is_some()
    );
    assert!(
        cache
            .rrset(&name("a."), RecordType::A, Rank::NonAuthAnswer, at(0))
            .is_none()
    );
    // Glue is not good enough to answer with.
    assert_eq!(cache.lookup(&question("a.", RecordType::A), at(0)), None);
}

#[test]
fn nonexistence_lasts_for_the_lowest_of_ttl_minimum_and_cap() {
    let soa =
        |ttl: u32, minimum: u32| set(&[&format!("z. {ttl} IN SOA ns.z. r.z. 1 2 3 4 {minimum}")]);
    let asked = question("a.z.", RecordType::A);
    for (ttl, minimum, expected) in [(50, 100, 50), (100, 50, 50), (100_000, 90_000, 10_800)] {
        let cache = cache();
        cache.store_negative(&asked, Negative::NxDomain, Some(soa(ttl, minimum)), at(0));
        let (kind, held) = cache.negative(&asked, at(1)).unwrap();
        assert_eq!(
            (kind, held.unwrap().ttl),
            (Negative::NxDomain, expected - 1)
        );
        assert_eq!(cache.negative(&asked, at(u64::from(expected))), None);
    }
    let cache = cache();
    cache.store_negative(&asked, Negative::NoData, None, at(0));
    assert_eq!(
        cache.negative(&asked, at(4)),
        Some((Negative::NoData, None))
    );
    assert_eq!(cache.negative(&asked, at(5)), None);
    cache.store_negative(&asked, Negative::NoData, Some(soa(0, 50)), at(0));
    assert_eq!(cache.negative(&asked, at(5)), None);
}

#[test]
fn no_name_covers_all_types_and_no_data_covers_one() {
    let cache = cache();
    cache.store_negative(
        &question("n.", RecordType::A),
        Negative::NxDomain,
        None,
        at(0),
    );
    cache.store_negative(
        &question("d.", RecordType::A),
        Negative::NoData,
        None,
        at(0),
    );
    assert!(
        cache
            .negative(&question("N.", RecordType::MX), at(0))
            .is_some()
    );
    assert!(
        cache
            .negative(&question("d.", RecordType::A), at(0))
            .is_some()
    );
    assert!(
        cache
            .negative(&question("d.", RecordType::MX), at(0))
            .is_none()
    );
    // Not below it: that is for RFC 8020, with proof.
    assert!(
        cache
            .negative(&question("x.n.", RecordType::A), at(0))
            .is_none()
    );
}

#[test]
fn data_and_nonexistence_take_each_others_place() {
    let cache = cache();
    let asked = question("a.", RecordType::A);
    cache.store_negative(&asked, Negative::NxDomain, None, at(0));
    cache.store(set(&["a. 100 IN A 192.0.2.1"]), Rank::AuthAnswer, at(1));
    assert_eq!(cache.negative(&asked, at(1)), None);
    assert_eq!(cache.negative(&question("a.", RecordType::MX), at(1)), None);
    cache.store_negative(&asked, Negative::NoData, None, at(2));
    assert!(cache.negative(&asked, at(2)).is_some());
    // Glue does not bring back what the authority denies.
    cache.store(set(&["a. 100 IN A 192.0.2.1"]), Rank::Additional, at(3));
    assert!(cache.negative(&asked, at(3)).is_some());
    cache.store(set(&["a. 100 IN A 192.0.2.1"]), Rank::AuthAnswer, at(3));
    cache.store_negative(&asked, Negative::NxDomain, None, at(4));
    assert!(cache.negative(&asked, at(4)).is_some());
}

#[test]
fn failures_last_twice_as_long_each_time_and_are_forgotten() {
    let cache = cache();
    let asked = question("f.", RecordType::A);
    let fail = |now| cache.store_failure(&asked, Ede::new(Ede::NETWORK_ERROR, "timeout"), now);
    let mut now = 0;
    for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
        fail(at(now));
        assert!(
            cache.failure(&asked, at(now + expected - 1)).is_some(),
            "{expected}"
        );
        assert!(
            cache.failure(&asked, at(now + expected)).is_none(),
            "{expected}"
        );
        now += expected;
    }
    assert_eq!(
        cache.failure(&question("f.", RecordType::MX), at(now - 1)),
        None
    );
    // A fresh failure is not prolonged by another.
    fail(at(now));
    fail(at(now + 299));
    assert!(cache.failure(&asked, at(now + 300)).is_none());
    // Long after, it starts anew.
    fail(at(now + 601));
    assert!(cache.failure(&asked, at(now + 606)).is_none());
    fail(at(now + 606));
    assert!(cache.failure(&asked, at(now + 606)).is_some());
    cache.clear_failure(&asked);
    assert!(cache.failure(&asked, at(now + 606)).is_none());
    fail(at(now + 607));
    assert!(cache.failure(&asked, at(now + 612)).is_none());
    // The clock stepped back far: nothing is known of that time.
    fail(at(now + 700));
    assert!(cache.failure(&asked, at(now)).is_none());
}

fn delegation(zone: &str, expires: Now) -> Delegation {
    Delegation {
        zone: name(zone),
        servers: vec![DelegationServer {
            name: name("ns.example."),
            addresses: vec!["192.0.2.1".parse().unwrap()],
        }],
        expires_at: expires.wall_secs(),
    }
}

#[test]
fn the_deepest_fresh_delegation_is_found() {
    let cache = cache();
    for (zone, secs) in [(".", 5000), ("com.", 1000), ("example.com.", 100)] {
        cache.store_delegation(delegation(zone, at(secs)), at(0));
    }
    let deepest = |text: &str, now| {
        let found = cache.deepest_delegation(&name(text), now);
        found.map(|delegation| delegation.zone.to_string())
    };
    assert_eq!(
        deepest("www.EXAMPLE.com.", at(0)).as_deref(),
        Some("example.com.")
    );
    assert_eq!(
        deepest("example.com.", at(99)).as_deref(),
        Some("example.com.")
    );
    assert_eq!(deepest("example.com.", at(100)).as_deref(), Some("com."));
    assert_eq!(deepest("badexample.com.", at(0)).as_deref(), Some("com."));
    assert_eq!(deepest("org.", at(0)).as_deref(), Some("."));
    assert_eq!(deepest("www.example.com.", at(5000)), None);
    assert_eq!(deepest("www.example.com.", before(6)), None);
    cache.forget_delegation(&name("example.com."));
    assert_eq!(deepest("example.com.", at(0)).as_deref(), Some("com."));
}

#[test]
fn delegations_are_clamped_and_do_not_outlive_a_revoked_parent() {
    let cache = cache();
    let stored = |zone: &str, secs: u64, now: Now| {
        cache
            .store_delegation(delegation(zone, at(secs)), now)
            .expires_at
            - at(0).wall_secs()
    };
    assert_eq!(stored("a.", 1, at(0)), 60);
    assert_eq!(stored("b.", 1_000_000, at(0)), 86_400);
    // A top-level domain does not cap what is below it.
    assert_eq!(stored("z.a.", 500, at(0)), 500);
    // Any other delegation does: no child of z.a. learnt near its end lives much longer (Phoenix domains).
    assert_eq!(stored("x.z.a.", 80_000, at(10)), 500);
    assert_eq!(stored("y.z.a.", 80_000, at(490)), 550);
    // A parent that says it again is believed.
    assert_eq!(stored("z.a.", 900, at(400)), 900);
}

#[test]
fn an_ns_set_of_the_child_does_not_prolong_its_delegation() {
    let cache = cache();
    cache.store_delegation(delegation("ghost.a.", at(100)), at(0));
    for secs in (0..200).step_by(10) {
        cache.store(
            set(&["ghost.a. 86400 IN NS ns.ghost.a."]),
            Rank::AuthAnswer,
            at(secs),
        );
        cache.store(
            set(&["ghost.a. 86400 IN NS ns.ghost.a."]),
            Rank::AuthAuthority,
            at(secs),
        );
    }
    assert!(cache.delegation(&name("ghost.a."), at(99)).is_some());
    assert_eq!(
        cache.deepest_delegation(&name("www.ghost.a."), at(100)),
        None
    );
}

#[test]
fn flushing_forgets_what_its_scope_says() {
    let filled = || {
        let cache = cache();
        for owner in ["a.", "x.a.", "b."] {
            cache.store(
                set(&[&format!("{owner} 100 IN A 192.0.2.1")]),
                Rank::AuthAnswer,
                at(0),
            );
            cache.store(
                set(&[&format!("{owner} 100 IN MX 1 m.")]),
                Rank::AuthAnswer,
                at(0),
            );
            cache.store_negative(
                &question(owner, RecordType::AAAA),
                Negative::NoData,
                None,
                at(0),
            );
            cache.store_failure(&question(owner, RecordType::TXT), Ede::new(0, ""), at(0));
            cache.store_delegation(delegation(owner, at(100)), at(0));
        }
        cache.settle();
        cache
    };
    let left = |cache: &Cache| {
        let mut left = 0;
        for owner in ["a.", "x.a.", "b."] {
            left += usize::from(
                cache
                    .rrset(&name(owner), RecordType::A, Rank::Additional, at(0))
                    .is_some(),
            );
            left += usize::from(
                cache
                    .rrset(&name(owner), RecordType::MX, Rank::Additional, at(0))
                    .is_some(),
            );
            left += usize::from(
                cache
                    .negative(&question(owner, RecordType::AAAA), at(0))
                    .is_some(),
            );
            left += usize::from(
                cache
                    .failure(&question(owner, RecordType::TXT), at(0))
                    .is_some(),
            );
            left += usize::from(cache.delegation(&name(owner), at(0)).is_some());
        }
        left
    };
    for (scope, gone) in [
        (FlushScope::NameType(RecordType::A), 1),
        (FlushScope::NameType(RecordType::TXT), 1),
        (FlushScope::Name, 5),
        (FlushScope::Tree, 10),
        (FlushScope::All, 15),
    ] {
        let cache = filled();
        assert_eq!(left(&cache), 15);
        let generation = cache.generation();
        assert_eq!(cache.flush(&name("A."), scope), gone, "{scope:?}");
        assert_eq!(
            left(&cache),
            15 - usize::try_from(gone).unwrap(),
            "{scope:?}"
        );
        assert!(cache.generation() > generation);
    }
}

#[test]
fn counts_follow_what_is_held() {
    let cache = cache();
    assert_eq!((cache.entries(), cache.bytes()), (0, 0));
    let held = cache.store(set(&["a. 100 IN A 192.0.2.1"]), Rank::AuthAnswer, at(0));
    cache.store_delegation(delegation("a.", at(100)), at(0));
    cache.settle();
    assert_eq!((cache.entries(), cache.delegations()), (1, 1));
    let least = u64::try_from(held.rrset.memory()).unwrap();
    assert!(cache.bytes() > least && cache.bytes() < least + 2000);
    let mut seen = Vec::new();
    cache.for_each_rrset(at(0), |held, rank| seen.push((held.ttl, rank)));
    assert_eq!(seen, [(100, Rank::AuthAnswer)]);
}

#[test]
fn time_between_now_and_wall_is_the_callers() {
    // The monotonic clock plays no part: a machine that slept has the wall clock moved only.
    let cache = cache();
    cache.store(set(&["a. 10 IN A 192.0.2.1"]), Rank::AuthAnswer, at(0));
    let slept = Now {
        wall_ms: at(20).wall_ms,
        mono: at(0).mono + Duration::from_millis(1),
    };
    assert_eq!(
        cache.rrset(&name("a."), RecordType::A, Rank::Additional, slept),
        None
    );
}
