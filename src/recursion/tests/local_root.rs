//! Is the root left alone when a copy of its zone is at hand, and asked when the copy is no use?

use super::internet::{Internet, ROOT, TEST, ip, name};
use super::signed::{VALID, key};
use crate::dnssec::{Anchor, Clock, ZoneCopy};
use crate::drill::signing::{Denial, sign_whole_zone};
use crate::recursion::LocalRoot;
use crate::wire::{Class, Question, Rcode, Record, RecordType, rdata};

/// Root, `test` and `a.test`; the root servers are gone, and a copy of their zone is at hand.
fn without_roots() -> Internet {
    let mut internet = Internet::new();
    internet.zone("a.test", &["192.0.2.10"], &["www.a.test A 192.0.2.80"]);
    internet.add(
        ROOT,
        ".",
        &[
            "plain NS ns.plain",
            "ns.plain A 192.0.2.30",
            "mute NS ns.plain",
            "zz.ent NS ns.plain",
        ],
    );
    internet.serve("192.0.2.30", "plain", &["www.plain A 192.0.2.90"]);
    internet.copies_the_root();
    internet.silence(ROOT);
    internet
}

#[test]
fn a_known_top_level_domain_costs_no_packet_to_the_root() {
    let mut internet = without_roots();
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::NOERROR, "{:?}", run.response);
    assert!(!run.sent.is_empty() && run.sent.iter().all(|sent| sent.to != ip(ROOT)));
    let told: Vec<String> = run.trace.iter().map(ToString::to_string).collect();
    let local = |line: &&String| line.contains("local copy of the root: test. A NOERROR");
    assert_eq!(told.iter().filter(local).count(), 1, "{told:#?}");
    // `a.test` has no DS, and that is proven by `test`, whose DS is proven by the copy.
    assert!(!run.response.is_authenticated());
    let test = internet.ask("test", "NS");
    assert!(test.response.is_authenticated(), "{:?}", test.response);
}

#[test]
fn an_unsigned_top_level_domain_is_proven_to_be_one() {
    let mut internet = without_roots();
    let run = internet.ask("www.plain", "A");
    assert_eq!(run.rcode(), Rcode::NOERROR, "{:?}", run.response);
    assert!(run.sent.iter().all(|sent| sent.to == ip("192.0.2.30")));
    assert!(!run.response.is_authenticated());
}

#[test]
fn an_unknown_top_level_domain_costs_no_packet_and_is_denied_with_proof() {
    let mut internet = without_roots();
    for owner in [
        "junk",
        "printer.local-junk",
        "a.b.c.nowhere",
        "zzz",
        "x.ent",
    ] {
        let run = internet.ask(owner, "A");
        assert_eq!(run.rcode(), Rcode::NXDOMAIN, "{owner}");
        assert!(run.sent.is_empty(), "{owner}: {:?}", run.sent);
        assert!(
            run.response.is_authenticated(),
            "{owner}: {:?}",
            run.response
        );
        let types: Vec<RecordType> = run
            .response
            .authority
            .iter()
            .map(|held| held.rrset.rtype)
            .collect();
        assert!(types.contains(&RecordType::SOA) && types.contains(&RecordType::NSEC));
        let signed = |held: &crate::wire::Held| !held.rrset.rrsigs.is_empty();
        assert!(run.response.authority.iter().all(signed), "{owner}");
    }
}

#[test]
fn what_the_root_itself_has_and_has_not_comes_from_the_copy() {
    let mut internet = without_roots();
    for (owner, rtype, rcode, answers) in [
        (".", "NS", Rcode::NOERROR, 1),
        (".", "DNSKEY", Rcode::NOERROR, 1),
        (".", "ZONEMD", Rcode::NOERROR, 1),
        (".", "SOA", Rcode::NOERROR, 1),
        (".", "TXT", Rcode::NOERROR, 0),
        ("ent", "A", Rcode::NOERROR, 0),
        ("test", "DS", Rcode::NOERROR, 1),
        ("plain", "DS", Rcode::NOERROR, 0),
        ("junk", "DS", Rcode::NXDOMAIN, 0),
    ] {
        let run = internet.ask(owner, rtype);
        assert_eq!(run.rcode(), rcode, "{owner} {rtype}");
        assert_eq!(run.response.answer.len(), answers, "{owner} {rtype}");
        assert!(run.sent.is_empty(), "{owner} {rtype}: {:?}", run.sent);
        assert!(run.response.is_authenticated(), "{owner} {rtype}");
    }
}

#[test]
fn a_client_who_checks_for_himself_is_served_from_the_copy_as_well() {
    let mut internet = without_roots();
    internet.checking = false;
    let run = internet.ask("junk", "A");
    assert_eq!(run.rcode(), Rcode::NXDOMAIN);
    assert!(run.sent.is_empty());
}

#[test]
fn a_copy_that_is_not_believed_is_left_and_the_root_is_asked() {
    let mut internet = without_roots();
    // Proven then, and expired now: what is made of it is bogus, and the root, which signed anew, is not.
    let old = internet.local_root.take().unwrap();
    let mut internet = Internet::new();
    internet.signed_from_the_root();
    let short = crate::drill::signing::Validity {
        inception: VALID.inception,
        expiration: VALID.inception + 1000,
    };
    let mut unsigned = internet.records(ROOT, ".").clone();
    unsigned.retain(|record| {
        !matches!(
            record.rtype,
            RecordType::RRSIG | RecordType::NSEC | RecordType::DNSKEY
        )
    });
    let whole = sign_whole_zone(&unsigned, &[key(".")], &Denial::Nsec, short).unwrap();
    let clock = Clock {
        at: u64::from(short.inception) + 10,
        skew: 0,
    };
    let anchor = Anchor::new(&key(".").ds_set(300));
    let copy = ZoneCopy::verify(&whole, &anchor, clock).unwrap();
    internet.local_root = Some(LocalRoot::new(std::sync::Arc::new(copy)));
    let run = internet.ask("junk", "A");
    assert_eq!(run.rcode(), Rcode::NXDOMAIN, "{:?}", run.response);
    assert!(run.response.is_authenticated());
    assert!(run.sent.iter().any(|sent| sent.to == ip(ROOT)));
    let told: Vec<String> = run.trace.iter().map(ToString::to_string).collect();
    let blamed =
        |line: &String| line.contains("fault: the local copy of the root was not believed");
    assert!(told.iter().any(blamed), "{told:#?}");
    drop(old);
}

#[test]
fn names_that_others_answer_for_do_not_come_from_the_copy() {
    let mut internet = without_roots();
    internet.route(
        "junk",
        crate::recursion::Route::Stub {
            zone: name("junk"),
            servers: vec![format!("{TEST}:53").parse().unwrap()],
        },
    );
    internet.serve(TEST, "junk", &["www.junk A 192.0.2.99"]);
    let run = internet.ask("www.junk", "A");
    assert!(!run.sent.is_empty());
    assert!(run.sent.iter().all(|sent| sent.to == ip(TEST)));
}

#[test]
fn a_zone_that_is_not_like_the_root_is_not_served() {
    let signer = [key(".")];
    let anchor = Anchor::new(&signer[0].ds_set(300));
    let clock = Clock {
        at: u64::from(VALID.inception) + 10,
        skew: 0,
    };
    let reply = |more: &str, denial: &Denial, owner: &str, rtype| {
        let text =
            format!(". 60 SOA a. b. 1 2 3 4 5\n. 60 NS a.\na. 60 A 192.0.2.1\nt. 60 NS a.\n{more}");
        let records = crate::wire::zone_file::records(&text, 100).unwrap();
        let whole = sign_whole_zone(&records, &signer, denial, VALID).unwrap();
        let copy = ZoneCopy::verify(&whole, &anchor, clock).unwrap();
        LocalRoot::new(std::sync::Arc::new(copy)).reply(&Question::new(name(owner), rtype))
    };
    let nsec = Denial::Nsec;
    let a = RecordType::A;
    assert!(reply("", &nsec, "x.t", a).is_some());
    assert!(reply("", &nsec, "x", RecordType::RRSIG).is_none());
    assert!(reply("", &nsec, "x", RecordType(255)).is_none());
    assert!(reply("*. 60 TXT x", &nsec, "x", a).is_none());
    assert!(reply("d. 60 DNAME a.", &nsec, "x.d", a).is_none());
    assert!(reply("c. 60 CNAME a.", &nsec, "c", a).is_none());
    let nsec3 = Denial::Nsec3(crate::drill::signing::Hashing {
        iterations: 0,
        salt: Vec::new(),
        opt_out: false,
    });
    assert!(reply("", &nsec3, "x", a).is_none());
}

#[test]
fn a_denial_holds_the_records_that_prove_it_and_no_more() {
    let mut internet = without_roots();
    let local = internet.local_root.take().unwrap();
    let message = local
        .reply(&Question::new(name("a.b.junk"), RecordType::A))
        .unwrap();
    assert!(message.header.flags.aa() && message.answer.is_empty());
    let nsec: Vec<&Record> = message
        .authority
        .iter()
        .filter(|record| record.rtype == RecordType::NSEC)
        .collect();
    assert_eq!(nsec.len(), 2, "of the name, and of the wildcard");
    assert!(nsec.iter().all(|record| record.class == Class::IN));
    let (next, _) = rdata::nsec(&nsec[0].rdata).unwrap();
    assert!(nsec[0].owner < name("a.b.junk") && name("a.b.junk") < next);
}
