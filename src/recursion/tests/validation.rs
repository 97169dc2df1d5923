//! What is believed: chains of trust, denials and wildcards over a signed Internet, and what is made of lies.

use super::internet::{Deed, Internet, Run, TEST, ip, name, rr};
use super::signed::{answer, key, records};
use crate::cache::{Demand, Rank};
use crate::dnssec::algorithm::DigestType;
use crate::drill::signing::{Denial, Hashing, nsec_rdata};
use crate::recursion::Route;
use crate::wire::{Class, Ede, Question, Rcode, RdataSet, Record, RecordType, Security};

const AT: &str = "192.0.2.10";
const OTHER: &str = "192.0.2.11";

const NSEC3: Denial = Denial::Nsec3(Hashing {
    iterations: 0,
    salt: Vec::new(),
    opt_out: false,
});

/// Root, `test` and `a.test` signed.
fn signed(denial: &Denial) -> Internet {
    signed_with(denial, &[])
}

/// The same with more in `a.test`.
fn signed_with(denial: &Denial, more: &[&str]) -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[AT],
        &[
            "www.a.test A 192.0.2.80",
            "alias.a.test CNAME www.a.test",
            "deep.ent.a.test A 192.0.2.81",
            "*.wild.a.test A 192.0.2.82",
            "d.a.test DNAME ent.a.test",
            "out.a.test CNAME www.plain.test",
        ],
    );
    internet.add(AT, "a.test", more);
    internet.zone("plain.test", &[OTHER], &["www.plain.test A 192.0.2.90"]);
    internet.point_to(TEST, "test", "a.test");
    internet.sign(AT, "a.test", denial);
    internet.signed_from_the_root();
    internet
}

fn secure(run: &Run) {
    run.assert_secure();
}

fn bogus(run: &Run, code: u16) {
    assert_eq!(run.rcode(), Rcode::SERVFAIL, "{:?}", run.response);
    assert_eq!(run.ede().0, code, "{:?}", run.ede());
    assert!(run.answer().is_empty());
}

#[test]
fn everything_a_signed_zone_says_is_secure_with_nsec_and_with_nsec3() {
    for denial in [Denial::Nsec, NSEC3] {
        let mut internet = signed(&denial);
        for (owner, rtype, rcode) in [
            ("www.a.test", "A", Rcode::NOERROR),
            ("www.a.test", "TXT", Rcode::NOERROR),
            ("alias.a.test", "A", Rcode::NOERROR),
            ("alias.a.test", "MX", Rcode::NOERROR),
            ("nowhere.a.test", "A", Rcode::NXDOMAIN),
            ("x.nowhere.a.test", "A", Rcode::NXDOMAIN),
            ("ent.a.test", "A", Rcode::NOERROR),
            ("x.wild.a.test", "A", Rcode::NOERROR),
            ("y.x.wild.a.test", "A", Rcode::NOERROR),
            ("x.wild.a.test", "TXT", Rcode::NOERROR),
            ("deep.d.a.test", "A", Rcode::NOERROR),
            ("a.test", "DNSKEY", Rcode::NOERROR),
            ("a.test", "DS", Rcode::NOERROR),
            ("plain.test", "DS", Rcode::NOERROR),
            ("test", "DS", Rcode::NOERROR),
            (".", "DNSKEY", Rcode::NOERROR),
            (".", "DS", Rcode::NOERROR),
            (".", "NS", Rcode::NOERROR),
            ("nowhere", "A", Rcode::NXDOMAIN),
        ] {
            let run = internet.ask(owner, rtype);
            assert_eq!(run.rcode(), rcode, "{owner} {rtype}: {:?}", run.response);
            secure(&run);
            let again = internet.ask(owner, rtype);
            assert_eq!(again.sent.len(), 0, "{owner} {rtype}");
            secure(&again);
            assert_eq!(again.answer(), run.answer());
        }
    }
}

#[test]
fn an_unsigned_zone_below_two_signed_ones_on_one_server_is_insecure() {
    let mut internet = Internet::new();
    let delegation = |zone: &str| {
        [
            format!("{zone} NS ns0.a.test"),
            "ns0.a.test A 192.0.2.10".into(),
        ]
    };
    internet.zone("a.test", &[AT], &["s.a.test NS ns0.a.test"]);
    internet.serve(
        AT,
        "s.a.test",
        &["s.a.test NS ns0.a.test", "u.s.a.test NS ns0.a.test"],
    );
    let unsigned = delegation("u.s.a.test");
    internet.serve(
        AT,
        "u.s.a.test",
        &[&unsigned[0], "www.u.s.a.test A 192.0.2.80"],
    );
    internet.point_to(AT, "a.test", "s.a.test");
    internet.point_to(TEST, "test", "a.test");
    internet.sign(AT, "s.a.test", &Denial::Nsec);
    internet.sign(AT, "a.test", &Denial::Nsec);
    internet.signed_from_the_root();
    let run = internet.ask("www.u.s.a.test", "A");
    assert_eq!(run.rcode(), Rcode::NOERROR, "{:?}", run.ede());
    assert_eq!(run.response.answer[0].security, Security::Insecure);
}

#[test]
fn a_lost_packet_and_then_a_plain_reply_do_not_make_a_signed_zone_bogus() {
    let mut internet = signed(&Denial::Nsec);
    let honest = internet.zones.get(&ip(AT)).unwrap().clone();
    let mut sends = 0;
    internet.villain(AT, move |question, _| {
        let mut message = answer(&honest, question);
        if *question == Question::new(name("www.a.test"), RecordType::A) {
            sends += 1;
            match sends {
                1 => return Deed::Silence,
                // Asked without EDNS, as silence may be a dislike of it.
                2 => message
                    .answer
                    .retain(|record| record.rtype != RecordType::RRSIG),
                _ => {}
            }
        }
        Deed::Say(message)
    });
    secure(&internet.ask("www.a.test", "A"));
}

#[test]
fn a_cached_link_that_a_wildcard_made_comes_with_its_proof_where_the_rest_is_asked_for() {
    let mut internet = signed_with(&Denial::Nsec, &["*.far.a.test CNAME www.a.test"]);
    internet.ask("x.far.a.test", "A");
    let run = internet.ask("x.far.a.test", "MX");
    assert_eq!(run.questions(), ["www.a.test. MX"]);
    secure(&run);
    let authority = &run.response.authority;
    let proofs = authority
        .iter()
        .filter(|held| held.rrset.rtype == RecordType::NSEC);
    let owners: Vec<String> = proofs.map(|held| held.rrset.owner.to_string()).collect();
    for owner in ["*.far.a.test.", "www.a.test."] {
        assert!(owners.iter().any(|one| one == owner), "{owner}: {owners:?}");
    }
}

#[test]
fn a_cold_signed_name_costs_a_question_for_keys_at_each_zone_and_no_more() {
    let mut internet = signed(&Denial::Nsec);
    let run = internet.ask("www.a.test", "A");
    secure(&run);
    assert_eq!(
        run.questions(),
        [
            "test. A",
            ". DNSKEY",
            "a.test. A",
            "test. DNSKEY",
            "www.a.test. A",
            "a.test. DNSKEY",
        ]
    );
    let next = internet.ask("alias.a.test", "A");
    assert_eq!(next.questions(), ["alias.a.test. A"]);
}

#[test]
fn an_unsigned_zone_is_insecure_by_proof_and_costs_no_question_for_it() {
    for denial in [Denial::Nsec, NSEC3] {
        let mut internet = signed(&denial);
        let run = internet.ask("www.plain.test", "A");
        assert_eq!(run.rcode(), Rcode::NOERROR);
        assert_eq!(run.response.answer[0].security, Security::Insecure);
        assert!(!run.response.is_authenticated());
        assert!(
            !run.questions()
                .iter()
                .any(|asked| asked.contains("plain.test. DNSKEY") || asked.contains(" DS")),
            "{:?}",
            run.questions()
        );
        let mixed = internet.ask("out.a.test", "A");
        assert_eq!(mixed.answer().len(), 2);
        assert_eq!(
            mixed
                .response
                .answer
                .iter()
                .map(|held| held.security)
                .collect::<Vec<_>>(),
            [Security::Secure, Security::Insecure]
        );
        assert!(!mixed.response.is_authenticated());
    }
}

#[test]
fn a_changed_record_is_bogus_at_every_server_then_a_failure_that_only_cd_overlooks() {
    let mut internet = signed(&Denial::Nsec);
    internet.twist(AT, |question, message| {
        if question.rtype == RecordType::A {
            for record in &mut message.answer {
                if record.rtype == RecordType::A {
                    record.rdata = Box::new([6, 6, 6, 6]);
                }
            }
        }
    });
    let run = internet.ask("www.a.test", "A");
    bogus(&run, Ede::DNSSEC_BOGUS);
    let again = internet.ask("www.a.test", "A");
    assert_eq!(again.sent.len(), 0, "a failure is remembered");
    bogus(&again, Ede::DNSSEC_BOGUS);
    internet.checking = false;
    let unchecked = internet.ask("www.a.test", "A");
    assert_eq!(unchecked.answer(), ["www.a.test. A 6.6.6.6"]);
    assert!(!unchecked.response.is_authenticated());
    let question = Question::new(name("www.a.test"), RecordType::A);
    assert_eq!(
        internet
            .cache
            .lookup(&question, internet.now)
            .map(|response| response.rcode),
        Some(Rcode::SERVFAIL)
    );
    let any = internet
        .cache
        .lookup_as(&question, Demand::Any, internet.now);
    assert_eq!(any.map(|response| response.rcode), Some(Rcode::NOERROR));
}

#[test]
fn of_two_servers_one_may_lie() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[AT, OTHER], &["www.a.test A 192.0.2.80"]);
    internet.point_to(TEST, "test", "a.test");
    internet.sign(AT, "a.test", &Denial::Nsec);
    internet.sign(OTHER, "a.test", &Denial::Nsec);
    internet.signed_from_the_root();
    internet.twist(AT, |_, message| {
        message.answer.retain(|r| r.rtype != RecordType::RRSIG)
    });
    let run = internet.ask("www.a.test", "A");
    secure(&run);
    assert_eq!(run.answer(), ["www.a.test. A 192.0.2.80"]);
    let question = Question::new(name("www.a.test"), RecordType::A);
    let held = internet.cache.rrset(
        &question.name,
        question.rtype,
        Rank::AuthAnswer,
        internet.now,
    );
    assert_eq!(held.unwrap().security, Security::Secure);
}

#[test]
fn what_is_stripped_is_bogus_with_the_reason() {
    type Twist = fn(&Question, &mut crate::wire::Message);
    let rows: [(&str, &str, Twist, u16); 5] = [
        (
            "www.a.test",
            "A",
            |_, message| message.answer.retain(|r| r.rtype != RecordType::RRSIG),
            Ede::RRSIGS_MISSING,
        ),
        (
            "nowhere.a.test",
            "A",
            |_, message| message.authority.retain(|r| r.rtype != RecordType::NSEC),
            Ede::NSEC_MISSING,
        ),
        (
            "x.wild.a.test",
            "A",
            |_, message| message.authority.retain(|r| r.rtype != RecordType::NSEC),
            Ede::NSEC_MISSING,
        ),
        (
            "www.a.test",
            "TXT",
            |_, message| message.authority.clear(),
            Ede::NSEC_MISSING,
        ),
        (
            "www.a.test",
            "A",
            |question, message| {
                if question.rtype == RecordType::DNSKEY {
                    message.answer.clear();
                }
            },
            Ede::DNSKEY_MISSING,
        ),
    ];
    for (owner, rtype, twist, code) in rows {
        let mut internet = signed(&Denial::Nsec);
        internet.twist(AT, twist);
        let run = internet.ask(owner, rtype);
        bogus(&run, code);
    }
}

#[test]
fn a_stripped_ds_does_not_make_a_zone_insecure() {
    let mut internet = signed(&Denial::Nsec);
    internet.twist(TEST, |_, message| {
        message.authority.retain(|r| r.rtype != RecordType::DS);
        message.answer.retain(|r| r.rtype != RecordType::DS);
    });
    internet.twist(AT, |_, message| {
        message.answer.retain(|r| r.rtype != RecordType::RRSIG);
        message.authority.clear();
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(run.response.ede.as_ref().is_some_and(Ede::is_bogus));
}

#[test]
fn a_referral_without_ds_costs_one_question_for_it() {
    let mut internet = signed(&Denial::Nsec);
    internet.twist(TEST, |question, message| {
        if question.rtype != RecordType::DS {
            message.authority.retain(|r| r.rtype != RecordType::DS);
        }
    });
    let run = internet.ask("www.a.test", "A");
    secure(&run);
    assert!(run.questions().contains(&"a.test. DS".to_owned()));
}

#[test]
fn parent_and_unsigned_child_on_one_server_are_told_apart() {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[AT],
        &["www.a.test A 192.0.2.80", "sub.a.test NS ns0.a.test"],
    );
    internet.serve(AT, "sub.a.test", &["www.sub.a.test A 192.0.2.81"]);
    internet.point_to(TEST, "test", "a.test");
    internet.sign(AT, "a.test", &Denial::Nsec);
    internet.signed_from_the_root();
    let run = internet.ask("www.sub.a.test", "A");
    assert_eq!(run.answer(), ["www.sub.a.test. A 192.0.2.81"]);
    assert_eq!(run.response.answer[0].security, Security::Insecure);
    secure(&internet.ask("www.a.test", "A"));
}

#[test]
fn parent_and_signed_child_on_one_server_are_told_apart() {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[AT],
        &[
            "www.a.test A 192.0.2.80",
            "sub.a.test NS ns0.a.test",
            "to.a.test CNAME www.sub.a.test",
        ],
    );
    internet.serve(AT, "sub.a.test", &["www.sub.a.test A 192.0.2.81"]);
    internet.point_to(AT, "a.test", "sub.a.test");
    internet.sign(AT, "sub.a.test", &Denial::Nsec);
    internet.point_to(TEST, "test", "a.test");
    internet.sign(AT, "a.test", &Denial::Nsec);
    internet.signed_from_the_root();
    secure(&internet.ask("www.sub.a.test", "A"));
    secure(&internet.ask("to.a.test", "A"));
    secure(&internet.ask("nowhere.sub.a.test", "A"));
}

#[test]
fn more_iterations_than_are_looked_at_make_insecure_with_the_reason() {
    let denial = Denial::Nsec3(Hashing {
        iterations: 51,
        salt: vec![1, 2],
        opt_out: false,
    });
    let mut internet = signed(&denial);
    secure(&internet.ask("www.a.test", "A"));
    let run = internet.ask("nowhere.a.test", "A");
    assert_eq!(run.rcode(), Rcode::NXDOMAIN);
    assert!(!run.response.is_authenticated());
    assert_eq!(run.ede().0, Ede::UNSUPPORTED_NSEC3_ITERATIONS);
}

#[test]
fn a_negative_anchor_makes_insecure_what_would_be_bogus() {
    let mut internet = signed(&Denial::Nsec);
    internet.twist(AT, |_, message| {
        message.answer.retain(|r| r.rtype != RecordType::RRSIG)
    });
    internet.believes(crate::config::plan::Dnssec {
        anchors: vec![key(".").ds_set(300)],
        negative_anchors: vec![crate::config::plan::NegativeAnchor {
            zone: name("a.test"),
            until: None,
        }],
        ..Default::default()
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.response.answer[0].security, Security::Insecure);
}

#[test]
fn a_ds_by_sha_1_is_followed_only_where_sha_1_is_believed() {
    for sha1 in [false, true] {
        let mut internet = Internet::new();
        internet.zone("a.test", &[AT], &["www.a.test A 192.0.2.80"]);
        let mut ds = key("a.test").ds_set(300);
        let by_sha1 = key("a.test").ds(DigestType::Sha1);
        ds.rdata = RdataSet::new([by_sha1.as_slice()]);
        internet.records(TEST, "test").extend(records(&ds));
        internet.sign(AT, "a.test", &Denial::Nsec);
        internet.signed_from_the_root();
        internet.believes(crate::config::plan::Dnssec {
            anchors: vec![key(".").ds_set(300)],
            sha1,
            ..Default::default()
        });
        let run = internet.ask("www.a.test", "A");
        assert_eq!(run.rcode(), Rcode::NOERROR);
        assert_eq!(run.response.is_authenticated(), sha1);
        if !sha1 {
            assert_eq!(run.ede().0, Ede::UNSUPPORTED_DIGEST);
        }
    }
}

#[test]
fn an_insecure_alias_cannot_bring_its_target_along() {
    let mut internet = signed(&Denial::Nsec);
    // The unsigned zone's server says what a signed name's address is: out of its zone, so it is asked anew.
    internet.villain(OTHER, |question, _| {
        Deed::Say(super::internet::says(
            question,
            &["www.plain.test CNAME www.a.test", "www.a.test A 6.6.6.6"],
        ))
    });
    let run = internet.ask("www.plain.test", "A");
    assert_eq!(
        run.answer(),
        [
            "www.plain.test. CNAME www.a.test.",
            "www.a.test. A 192.0.2.80"
        ]
    );
    let _ = rr("x A 1.2.3.4");
}

#[test]
fn addresses_of_servers_are_not_validated_and_not_handed_out_unvalidated() {
    let mut internet = signed(&Denial::Nsec);
    internet.add(
        OTHER,
        "plain.test",
        &["sub.plain.test NS ns.elsewhere.a.test"],
    );
    internet
        .records(AT, "a.test")
        .push(rr("ns.elsewhere.a.test A 192.0.2.33"));
    internet.serve(
        "192.0.2.33",
        "sub.plain.test",
        &["www.sub.plain.test A 192.0.2.83"],
    );
    let run = internet.ask("www.sub.plain.test", "A");
    assert_eq!(run.answer(), ["www.sub.plain.test. A 192.0.2.83"]);
    let question = Question::new(name("ns.elsewhere.a.test"), RecordType::A);
    assert!(internet.cache.lookup(&question, internet.now).is_none());
    bogus(
        &internet.ask("ns.elsewhere.a.test", "A"),
        Ede::RRSIGS_MISSING,
    );
}

#[test]
fn a_cname_asked_for_below_a_dname_is_the_one_that_the_dname_makes() {
    for denial in [Denial::Nsec, NSEC3] {
        let mut internet = signed(&denial);
        // By the server, and then from the cache.
        for rtype in ["CNAME", "ANY", "CNAME"] {
            let run = internet.ask("deep.d.a.test", rtype);
            assert_eq!(
                (run.rcode(), run.answer()),
                (
                    Rcode::NOERROR,
                    vec![
                        "d.a.test. DNAME ent.a.test.".to_owned(),
                        "deep.d.a.test. CNAME deep.ent.a.test.".to_owned(),
                    ]
                ),
                "{rtype}"
            );
            secure(&run);
        }
    }
}

#[test]
fn an_unsigned_zone_has_no_say_in_what_a_signed_one_beside_it_has() {
    let mut internet = signed(&Denial::Nsec);
    // From the TLD's server: a denial of a name in the signed zone, with a record of the unsigned zone that claims to be signed.
    internet.twist(TEST, |question, message| {
        if question.name == name("a.test") && question.rtype == RecordType::A {
            let mut rrsig = vec![0, 47, 13, 2, 0, 0, 14, 16];
            rrsig.extend([0x70, 0, 0, 0, 0x60, 0, 0, 0, 0, 1]);
            rrsig.extend_from_slice(name("plain.test").as_wire());
            rrsig.extend([1; 64]);
            let nsec = nsec_rdata(&name("z.plain.test"), &[RecordType::A]);
            *message = super::internet::error(question, Rcode::NXDOMAIN);
            message.header.flags = message.header.flags.with_aa(true);
            message.authority = vec![super::internet::soa("test")];
            for (rtype, rdata) in [(RecordType::NSEC, nsec), (RecordType::RRSIG, rrsig)] {
                message.authority.push(Record {
                    owner: name("x.plain.test"),
                    rtype,
                    class: Class::IN,
                    ttl: 300,
                    rdata: rdata.into(),
                });
            }
        }
    });
    internet.plan.qname_minimisation = crate::config::plan::Minimisation::Strict;
    let run = internet.ask("www.a.test", "A");
    secure(&run);
    assert_eq!(run.answer(), ["www.a.test. A 192.0.2.80"]);
}

#[test]
fn who_checks_for_himself_gets_the_proofs() {
    for denial in [Denial::Nsec, NSEC3] {
        let mut internet = signed(&denial);
        internet.checking = false;
        for (owner, rtype) in [
            ("nowhere.a.test", "A"),
            ("www.a.test", "TXT"),
            ("x.wild.a.test", "A"),
            ("plain.test", "DS"),
        ] {
            for from in ["the servers", "the cache"] {
                let run = internet.ask(owner, rtype);
                let proofs = run.response.authority.iter().filter(|held| {
                    matches!(held.rrset.rtype, RecordType::NSEC | RecordType::NSEC3)
                        && !held.rrset.rrsigs.is_empty()
                });
                assert!(proofs.count() > 0, "{owner} {rtype} from {from}");
                assert!(!run.response.is_authenticated());
            }
        }
        let run = internet.ask("deep.d.a.test", "A");
        assert_eq!(run.answer().len(), 3);
        assert_eq!(internet.ask("deep.d.a.test", "A").answer().len(), 3);
    }
}

#[test]
fn keys_that_cannot_be_had_are_no_failure_for_who_checks_himself() {
    let mut internet = signed(&Denial::Nsec);
    let zones = internet.zones.get(&ip(AT)).cloned().unwrap();
    internet.villain(AT, move |question, _| {
        if question.rtype == RecordType::DNSKEY {
            Deed::Silence
        } else {
            Deed::Say(answer(&zones, question))
        }
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    internet.checking = false;
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.answer(), ["www.a.test. A 192.0.2.80"]);
}

#[test]
fn servers_that_come_along_are_proven_only_for_who_shows_them() {
    let mut internet = signed_with(
        &Denial::Nsec,
        &["a.test NS ns0.a.test", "other.a.test A 192.0.2.83"],
    );
    let zones = internet.zones.get(&ip(AT)).cloned().unwrap();
    internet.villain(AT, move |question, _| {
        let mut message = answer(&zones, question);
        if question.rtype == RecordType::A {
            let servers = Question::new(name("a.test"), RecordType::NS);
            message.authority.extend(answer(&zones, &servers).answer);
        }
        Deed::Say(message)
    });
    let mut asked = |companions: bool, owner: &str| {
        internet.plan.companions = companions;
        let run = internet.ask(owner, "A");
        secure(&run);
        let shown = run.authority().iter().any(|line| line.contains(" NS "));
        (run.signatures, shown)
    };
    // The way there.
    let _ = asked(true, "www.a.test");
    assert_eq!(asked(true, "deep.ent.a.test"), (2, true));
    assert_eq!(asked(false, "other.a.test"), (1, false));
}

#[test]
fn a_dname_that_a_wildcard_made_redirects_nothing_below_it() {
    let mut internet = signed_with(&Denial::Nsec, &["*.far.a.test DNAME ent.a.test"]);
    let zones = internet.zones.get(&ip(AT)).cloned().unwrap();
    let itself = Question::new(name("x.far.a.test"), RecordType::DNAME);
    let run = internet.ask("x.far.a.test", "DNAME");
    assert_eq!(run.answer().len(), 1);
    secure(&run);
    let below = internet.ask("deep.x.far.a.test", "A");
    assert_eq!((below.rcode(), below.answer().len()), (Rcode::NOERROR, 0));
    // The same, brought as if it answered for a name below.
    let mut internet = signed_with(&Denial::Nsec, &["*.far.a.test DNAME ent.a.test"]);
    internet.twist(AT, move |question, message| {
        if question.name == name("deep.x.far.a.test") {
            let shown = answer(&zones, &itself);
            message.answer = shown.answer;
            message.authority = shown.authority;
        }
    });
    bogus(&internet.ask("deep.x.far.a.test", "A"), Ede::NSEC_MISSING);
}

#[test]
fn a_server_that_takes_an_empty_name_for_nothing_is_corrected_by_its_own_proof() {
    let mut internet = signed(&Denial::Nsec);
    internet.twist(AT, |question, message| {
        if question.name == name("ent.a.test") {
            message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        }
    });
    for _ in 0..2 {
        let run = internet.ask("ent.a.test", "A");
        assert_eq!((run.rcode(), run.answer().len()), (Rcode::NOERROR, 0));
        secure(&run);
    }
    let run = internet.ask("deep.ent.a.test", "A");
    assert_eq!(run.answer(), ["deep.ent.a.test. A 192.0.2.81"]);
}

#[test]
fn a_signed_denial_is_believed_without_aa_and_without_soa() {
    let mut internet = signed(&Denial::Nsec);
    internet.twist(AT, |question, message| {
        if question.rtype != RecordType::DNSKEY {
            message.header.flags = message.header.flags.with_aa(false);
            let soa = |record: &Record| {
                let covered = record.rdata.first_chunk() == Some(&RecordType::SOA.0.to_be_bytes());
                record.rtype == RecordType::SOA || (record.rtype == RecordType::RRSIG && covered)
            };
            message.authority.retain(|record| !soa(record));
        }
    });
    for (owner, rcode) in [
        ("www.a.test", Rcode::NOERROR),
        ("nowhere.a.test", Rcode::NXDOMAIN),
    ] {
        let run = internet.ask(owner, "TXT");
        assert_eq!(run.rcode(), rcode, "{:?}", run.response.ede);
        secure(&run);
    }
}

#[test]
fn what_a_stub_or_forward_zone_denied_is_not_asked_again() {
    for forwards in [false, true] {
        let mut internet = signed(&Denial::Nsec);
        internet.believes_the_root_and_its_gaps();
        let zone = name("a.test");
        let (at, route) = if forwards {
            let index = 3;
            ("10.0.0.3", Route::Forward { zone, index })
        } else {
            let servers = vec!["192.0.2.10:53".parse().unwrap()];
            (AT, Route::Stub { zone, servers })
        };
        internet.route("a.test", route);
        // A forwarder finds out the parent's word on the DS as well.
        let held = internet.zones.iter();
        let held = held.filter(|(server, _)| forwards || **server == ip(AT));
        let zones: Vec<_> = held.flat_map(|(_, zones)| zones.clone()).collect();
        internet.villain(at, move |question, _| Deed::Say(answer(&zones, question)));
        let first = internet.ask("nowhere.a.test", "A");
        assert_eq!(first.rcode(), Rcode::NXDOMAIN, "{:?}", first.response.ede);
        let run = internet.ask("noway.a.test", "A");
        assert_eq!((run.rcode(), run.sent.len()), (Rcode::NXDOMAIN, 0));
        secure(&run);
        assert_eq!(internet.ask("www.a.test", "A").answer().len(), 1);
    }
}
