//! Does what came along with an answer come along again from the cache, no longer than it may, and never for itself?

use super::*;
use crate::wire::{Held, Rcode, Response, Security};

fn held(lines: &[&str]) -> Held {
    let set = set(lines);
    Held {
        ttl: set.ttl,
        rrset: set.into(),
        security: Security::Indeterminate,
    }
}

fn full() -> Response {
    Response {
        answer: vec![held(&["www.a.test 300 A 192.0.2.1"])],
        authority: vec![held(&["a.test 200 NS ns.a.test"])],
        additional: vec![held(&["ns.a.test 100 A 192.0.2.2"])],
        ..Response::empty(Rcode::NOERROR)
    }
}

/// What the cache says at `now`, told by owner and TTL.
fn told(cache: &Cache, asked: &Question, now: Now) -> Option<[Vec<(String, u32)>; 3]> {
    let mut response = cache.lookup(asked, now)?;
    cache.add_companions(asked, &mut response, now);
    let tell = |section: &[Held]| {
        section
            .iter()
            .map(|held| (held.rrset.owner.to_string(), held.ttl))
            .collect()
    };
    Some([
        tell(&response.answer),
        tell(&response.authority),
        tell(&response.additional),
    ])
}

fn stored() -> (Cache, Question) {
    let cache = cache();
    let www = question("www.a.test", RecordType::A);
    cache.store(
        set(&["www.a.test 300 A 192.0.2.1"]),
        Rank::AuthAnswer,
        at(0),
    );
    cache.store_companions(&www, &full(), at(0));
    (cache, www)
}

#[test]
fn each_set_comes_along_for_as_long_as_its_own_ttl() {
    let (cache, www) = stored();
    let entry = |name: &str, ttl| vec![(name.to_owned(), ttl)];
    let [answer, ns, address] = ["www.a.test.", "a.test.", "ns.a.test."];
    for (secs, expected) in [
        (0, [entry(answer, 300), entry(ns, 200), entry(address, 100)]),
        (99, [entry(answer, 201), entry(ns, 101), entry(address, 1)]),
        (100, [entry(answer, 200), entry(ns, 100), Vec::new()]),
        (250, [entry(answer, 50), Vec::new(), Vec::new()]),
    ] {
        assert_eq!(
            told(&cache, &www, at(secs)),
            Some(expected),
            "after {secs} s"
        );
    }
    assert_eq!(told(&cache, &www, at(300)), None);
}

#[test]
fn nothing_comes_along_with_other_questions_failures_and_answers_of_the_future() {
    let (cache, www) = stored();
    let other = question("www.a.test", RecordType::AAAA);
    cache.store(
        set(&["www.a.test 300 AAAA 2001:db8::1"]),
        Rank::AuthAnswer,
        at(0),
    );
    let [_, authority, additional] = told(&cache, &other, at(0)).expect("an answer");
    assert!(authority.is_empty() && additional.is_empty());
    let mut failure = Response {
        rcode: Rcode::NXDOMAIN,
        ..full()
    };
    cache.add_companions(&www, &mut failure, at(0));
    assert_eq!(
        failure.authority.len(),
        1,
        "nothing is added to what is no answer"
    );
    let mut early = Response {
        authority: Vec::new(),
        ..full()
    };
    cache.add_companions(&www, &mut early, before(CLOCK_SLACK + 1));
    assert!(early.authority.is_empty(), "the clock stepped back");
}

#[test]
fn what_came_along_is_no_answer_and_no_delegation() {
    let (cache, _) = stored();
    assert!(
        cache
            .lookup(&question("a.test", RecordType::NS), at(0))
            .is_none()
    );
    assert!(
        cache
            .lookup(&question("ns.a.test", RecordType::A), at(0))
            .is_none()
    );
    assert!(
        cache
            .rrset(&name("ns.a.test"), RecordType::A, Rank::Additional, at(0))
            .is_none()
    );
    assert!(
        cache
            .deepest_delegation(&name("www.a.test"), at(0))
            .is_none()
    );
}

#[test]
fn a_flush_takes_it_along() {
    for (flushed, scope) in [
        ("www.a.test", FlushScope::Name),
        ("www.a.test", FlushScope::NameType(RecordType::A)),
        ("test", FlushScope::Tree),
        (".", FlushScope::All),
    ] {
        let (cache, www) = stored();
        cache.flush(&name(flushed), scope);
        let mut response = Response {
            authority: Vec::new(),
            additional: Vec::new(),
            ..full()
        };
        cache.add_companions(&www, &mut response, at(0));
        assert!(
            response.authority.is_empty() && response.additional.is_empty(),
            "{scope:?}"
        );
    }
}
