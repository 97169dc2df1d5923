//! Are whole answers put together from the cache only when all of them is known?

use super::*;
use crate::wire::Rcode;

fn answer(cache: &Cache, text: &str, rtype: RecordType, secs: u64) -> Option<(Rcode, Vec<String>)> {
    let response = cache.lookup(&question(text, rtype), at(secs))?;
    let lines = response
        .answer
        .iter()
        .map(|held| format!("{} {} {}", held.rrset.owner, held.ttl, held.rrset.rtype))
        .collect();
    Some((response.rcode, lines))
}

fn store(cache: &Cache, line: &str) {
    cache.store(set(&[line]), Rank::AuthAnswer, at(0));
}

#[test]
fn a_chain_is_answered_when_its_end_is_known() {
    let cache = cache();
    store(&cache, "a. 100 IN CNAME b.");
    store(&cache, "b. 50 IN CNAME c.");
    assert_eq!(answer(&cache, "a.", RecordType::A, 0), None);
    store(&cache, "c. 70 IN A 192.0.2.1");
    let chain = ["a. 90 CNAME", "b. 40 CNAME", "c. 60 A"]
        .map(String::from)
        .to_vec();
    assert_eq!(
        answer(&cache, "a.", RecordType::A, 10),
        Some((Rcode::NOERROR, chain))
    );
    // Part of it expired: not known.
    assert_eq!(answer(&cache, "a.", RecordType::A, 50), None);
    // Asked for itself, the CNAME is the answer.
    let itself = vec!["a. 90 CNAME".to_owned()];
    assert_eq!(
        answer(&cache, "a.", RecordType::CNAME, 10),
        Some((Rcode::NOERROR, itself))
    );
}

#[test]
fn the_code_of_a_chain_is_that_of_its_end() {
    let cache = cache();
    store(&cache, "a. 100 IN CNAME b.");
    let soa = set(&["z. 30 IN SOA ns.z. r.z. 1 2 3 4 30"]);
    let end = question("b.", RecordType::A);
    cache.store_negative(&end, Negative::NxDomain, Some(soa.clone()), at(0));
    let response = cache
        .lookup(&question("a.", RecordType::A), at(10))
        .unwrap();
    assert_eq!(response.rcode, Rcode::NXDOMAIN);
    assert_eq!((response.answer.len(), response.authority[0].ttl), (1, 20));
    cache.flush(&name("b."), FlushScope::Name);
    cache.store_negative(&end, Negative::NoData, Some(soa), at(0));
    let response = cache
        .lookup(&question("a.", RecordType::A), at(10))
        .unwrap();
    assert_eq!(
        (response.rcode, response.authority.len()),
        (Rcode::NOERROR, 1)
    );
}

#[test]
fn a_failure_is_told_with_its_reason() {
    let cache = cache();
    let asked = question("f.", RecordType::A);
    cache.store_failure(
        &asked,
        Ede::new(Ede::NETWORK_ERROR, "all servers timed out"),
        at(0),
    );
    let response = cache.lookup(&asked, at(1)).unwrap();
    assert_eq!(response.rcode, Rcode::SERVFAIL);
    let ede = response.ede.unwrap();
    assert_eq!(ede.code, Ede::CACHED_ERROR);
    assert!(ede.text.contains("all servers timed out"));
    assert_eq!(cache.lookup(&asked, at(5)), None);
    // What is known is told all the same.
    store(&cache, "f. 100 IN A 192.0.2.1");
    assert_eq!(
        answer(&cache, "f.", RecordType::A, 1).unwrap().0,
        Rcode::NOERROR
    );
    // A chain that ends in a failure keeps its links.
    store(&cache, "g. 100 IN CNAME h.");
    cache.store_failure(&question("h.", RecordType::A), Ede::new(0, ""), at(0));
    let (rcode, lines) = answer(&cache, "g.", RecordType::A, 1).unwrap();
    assert_eq!((rcode, lines.len()), (Rcode::SERVFAIL, 1));
}

#[test]
fn dname_makes_a_cname() {
    let cache = cache();
    store(&cache, "old.z. 100 IN DNAME new.z.");
    assert_eq!(answer(&cache, "a.old.z.", RecordType::A, 0), None);
    store(&cache, "a.new.z. 100 IN A 192.0.2.1");
    let (rcode, lines) = answer(&cache, "a.OLD.z.", RecordType::A, 40).unwrap();
    assert_eq!(rcode, Rcode::NOERROR);
    assert_eq!(
        lines,
        ["old.z. 60 DNAME", "a.OLD.z. 60 CNAME", "a.new.z. 60 A"]
    );
    // The owner itself is not renamed.
    assert_eq!(answer(&cache, "old.z.", RecordType::A, 0), None);
    // A name that becomes too long (RFC 6672 section 2.2).
    let long = format!("{0}.{0}.{0}", "x".repeat(63));
    store(&cache, &format!("s. 100 IN DNAME {long}."));
    let (rcode, lines) =
        answer(&cache, &format!("{}.s.", "y".repeat(63)), RecordType::A, 0).unwrap();
    assert_eq!((rcode, lines.len()), (Rcode::YXDOMAIN, 1));
}

#[test]
fn loops_and_endless_chains_end() {
    let cache = cache();
    store(&cache, "l. 100 IN CNAME l.");
    store(&cache, "m. 100 IN CNAME n.");
    store(&cache, "n. 100 IN CNAME m.");
    store(&cache, "d. 100 IN DNAME d.d.");
    for text in ["l.", "m.", "x.d."] {
        assert_eq!(answer(&cache, text, RecordType::A, 0), None);
        // What recursion then finds out about it is told from here on.
        cache.store_failure(&question(text, RecordType::A), Ede::new(0, "loop"), at(0));
        assert_eq!(
            answer(&cache, text, RecordType::A, 0).unwrap().0,
            Rcode::SERVFAIL
        );
    }
    for number in 0..=MAX_LINKS {
        store(&cache, &format!("c{number}. 100 IN CNAME c{}.", number + 1));
    }
    store(&cache, &format!("c{}. 100 IN A 192.0.2.1", MAX_LINKS + 1));
    assert_eq!(answer(&cache, "c0.", RecordType::A, 0), None);
    assert_eq!(
        answer(&cache, "c1.", RecordType::A, 0).unwrap().1.len(),
        MAX_LINKS + 1
    );
}

#[test]
fn any_gets_one_set() {
    let cache = cache();
    assert_eq!(answer(&cache, "a.", RecordType::ANY, 0), None);
    store(&cache, "a. 100 IN MX 1 m.");
    store(&cache, "a. 100 IN AAAA 2001:db8::1");
    assert_eq!(
        answer(&cache, "a.", RecordType::ANY, 0).unwrap().1,
        ["a. 100 AAAA"]
    );
    store(&cache, "b. 100 IN CNAME a.");
    assert_eq!(
        answer(&cache, "b.", RecordType::ANY, 0).unwrap().1,
        ["b. 100 CNAME"]
    );
    cache.store_negative(
        &question("n.", RecordType::A),
        Negative::NxDomain,
        None,
        at(0),
    );
    assert_eq!(
        answer(&cache, "n.", RecordType::ANY, 0).unwrap().0,
        Rcode::NXDOMAIN
    );
}
