//! What was good before is given while that is wanted, with its marks, and no longer.

use super::*;
use crate::cache::{Backing, Demand};
use crate::wire::{Rcode, Security};

fn lenient() -> Cache {
    let plan = plan::Cache {
        max_stale: 3600,
        prefetch: true,
        ..plan()
    };
    Cache::with_secret(&plan, 1, 2)
}

#[test]
fn data_are_stale_from_their_end_to_the_longest_time_and_not_authentic() {
    let cache = lenient();
    let backing = Backing {
        security: Security::Secure,
        proofs: Vec::new(),
    };
    let alias = set(&["alias.a. 60 IN CNAME www.a."]);
    cache.store_backed(alias, Rank::AuthAnswer, backing.clone(), at(0));
    let address = set(&["www.a. 600 IN A 192.0.2.1"]);
    cache.store_backed(address, Rank::AuthAnswer, backing, at(0));
    let asked = question("alias.a.", RecordType::A);
    assert!(cache.lookup(&asked, at(59)).unwrap().is_authenticated());
    assert_eq!(cache.lookup(&asked, at(60)), None);
    let stale = cache.stale(&asked, Demand::Checked, at(60)).unwrap();
    let ttls: Vec<u32> = stale.answer.iter().map(|held| held.ttl).collect();
    assert_eq!(ttls, [30, 540], "only what has ended gets the short TTL");
    assert!(!stale.is_authenticated());
    assert_eq!(stale.ede.unwrap().code, Ede::STALE_ANSWER);
    assert!(cache.stale(&asked, Demand::Checked, at(3660)).is_some());
    assert!(cache.stale(&asked, Demand::Checked, at(3661)).is_none());
}

#[test]
fn a_stale_denial_has_a_mark_of_its_own() {
    let cache = lenient();
    let soa = set(&["a. 60 IN SOA ns.a. root.a. 1 3600 600 86400 60"]);
    let asked = question("gone.a.", RecordType::A);
    cache.store_negative(&asked, Negative::NxDomain, Some(soa), at(0));
    let stale = cache.stale(&asked, Demand::Checked, at(100)).unwrap();
    assert_eq!(stale.rcode, Rcode::NXDOMAIN);
    assert_eq!(stale.ede.unwrap().code, Ede::STALE_NXDOMAIN);
}

#[test]
fn without_leave_nothing_is_stale_and_what_nobody_looked_at_is_for_those_who_take_anything() {
    let strict = cache();
    let asked = question("www.a.", RecordType::A);
    let address = || set(&["www.a. 60 IN A 192.0.2.1"]);
    strict.store(address(), Rank::AuthAnswer, at(0));
    assert_eq!(strict.stale(&asked, Demand::Checked, at(61)), None);
    let cache = lenient();
    cache.store_backed(address(), Rank::AuthAnswer, Backing::default(), at(0));
    assert_eq!(cache.stale(&asked, Demand::Checked, at(61)), None);
    assert!(cache.stale(&asked, Demand::Any, at(61)).is_some());
}

#[test]
fn a_failure_is_never_stale() {
    let cache = lenient();
    let asked = question("www.a.", RecordType::A);
    cache.store_failure(&asked, Ede::new(Ede::NETWORK_ERROR, "x"), at(0));
    assert_eq!(cache.stale(&asked, Demand::Checked, at(1)), None);
    assert_eq!(cache.stale(&asked, Demand::Checked, at(10)), None);
}

#[test]
fn a_name_is_looked_up_anew_once_in_a_while() {
    let cache = lenient();
    let asked = question("www.a.", RecordType::A);
    assert!(cache.prefetches());
    assert!(cache.may_renew(&asked, at(0)));
    assert!(!cache.may_renew(&asked, at(9)));
    assert!(cache.may_renew(&question("www.a.", RecordType::AAAA), at(9)));
    assert!(cache.may_renew(&asked, at(10)));
}
