//! What was forged, or overtaken by events: is it found out, and asked anew, at a bounded price?

use super::internet::{Deed, Internet, Run, TEST, ip, name, rr, says};
use super::signed::{VALID, answer, key, records};
use crate::dnssec::algorithm::Algorithm;
use crate::drill::signing::{Denial, KEY_SIGNING, Signer, ZONE_SIGNING, sign_zone};
use crate::recursion::Over;
use crate::wire::{Ede, Question, Rcode, Record, RecordType, rdata};

const AT: &str = "192.0.2.10";
const OTHER: &str = "192.0.2.11";
const THIRD: &str = "192.0.2.12";
const EVIL: &str = "192.0.2.66";

const NAMES: [&str; 6] = [
    "www.a.test A 192.0.2.80",
    "n1.a.test A 192.0.2.81",
    "n2.a.test A 192.0.2.82",
    "n3.a.test A 192.0.2.83",
    "n4.a.test A 192.0.2.84",
    "n5.a.test A 192.0.2.85",
];

/// Root, `test` and `a.test` signed, the latter on these servers.
fn signed(at: &[&str]) -> Internet {
    let mut internet = Internet::new();
    internet.zone("a.test", at, &NAMES);
    internet.point_to(TEST, "test", "a.test");
    for at in at {
        internet.sign(at, "a.test", &Denial::Nsec);
    }
    internet.signed_from_the_root();
    internet
}

fn secure(run: &Run) {
    run.assert_secure();
    assert!(!run.answer().is_empty(), "{:?}", run.response);
}

fn bogus(run: &Run, code: u16) {
    assert_eq!(run.rcode(), Rcode::SERVFAIL, "{:?}", run.response);
    assert_eq!(run.ede().0, code, "{:?}", run.ede());
}

/// A server that says of every name that it has this address, without a signature.
fn lies(internet: &mut Internet) {
    internet.villain(EVIL, |question, _| {
        let record = format!("{} A 6.6.6.6", question.name);
        Deed::Say(match question.rtype {
            RecordType::A => says(question, &[&record]),
            _ => says(question, &[]),
        })
    });
}

/// Has the server of the parent send everybody to EVIL for `zone`, DS and all; then one query is let down.
fn forged_once(internet: &mut Internet, parent_at: &str, zone: &str) {
    lies(internet);
    let apex = name(zone);
    internet.twist(parent_at, move |_, message| {
        let referral = message
            .authority
            .iter()
            .any(|record| record.rtype == RecordType::NS && record.owner == apex);
        if referral {
            for record in &mut message.additional {
                record.rdata = Box::new([192, 0, 2, 66]);
            }
        }
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL, "{:?}", run.response);
    internet.honest(parent_at);
    internet.wait(6);
}

/// Keys of `a.test` made anew.
fn signer(seed: u64, flags: u16) -> Signer {
    Signer::new(&name("a.test"), Algorithm::Ed25519, seed, flags).unwrap()
}

/// Signs `a.test` at AT with these keys and no others.
fn resign(internet: &mut Internet, signers: &[Signer]) {
    let held = internet.records(AT, "a.test");
    held.retain(|record| {
        !matches!(
            record.rtype,
            RecordType::RRSIG | RecordType::NSEC | RecordType::DNSKEY
        )
    });
    *held = sign_zone(held, signers, &Denial::Nsec, VALID).unwrap();
}

/// Has the parent point to this key.
fn point_to(internet: &mut Internet, to: &Signer) {
    let parent = internet.records(TEST, "test");
    parent.retain(|record| {
        record.rtype != RecordType::DS
            && !matches!(
                record.rtype,
                RecordType::RRSIG | RecordType::NSEC | RecordType::DNSKEY
            )
    });
    parent.extend(records(&to.ds_set(300)));
    internet.sign(TEST, "test", &Denial::Nsec);
}

fn count(run: &Run, question: &str) -> usize {
    run.questions()
        .iter()
        .filter(|one| *one == question)
        .count()
}

#[test]
fn a_forged_referral_is_undone_by_asking_the_parent_again() {
    let mut internet = signed(&[AT]);
    forged_once(&mut internet, TEST, "a.test");
    let run = internet.ask("www.a.test", "A");
    secure(&run);
    assert_eq!(run.answer(), ["www.a.test. A 192.0.2.80"]);
    assert_eq!(run.to(TEST), 1, "{:?}", run.questions());
    let next = internet.ask("n1.a.test", "A");
    secure(&next);
    assert_eq!(next.questions(), ["n1.a.test. A"], "and it stays undone");
}

#[test]
fn a_forged_referral_to_the_parent_is_undone_too() {
    let mut internet = signed(&[AT]);
    forged_once(&mut internet, super::internet::ROOT, "test");
    secure(&internet.ask("www.a.test", "A"));
    let next = internet.ask("n1.a.test", "A");
    secure(&next);
    assert_eq!(next.to(EVIL), 0);
}

#[test]
fn a_signed_zone_whose_old_servers_lost_its_keys_is_found_at_its_new_ones() {
    let mut internet = signed(&[AT]);
    secure(&internet.ask("www.a.test", "A"));
    // The zone moves; its old server goes on, signed by keys that nobody vouches for.
    internet.serve(OTHER, "a.test", &NAMES);
    internet.sign(OTHER, "a.test", &Denial::Nsec);
    resign(&mut internet, &[signer(99, KEY_SIGNING)]);
    for record in internet.records(TEST, "test") {
        if record.owner == name("ns0.a.test") && record.rtype == RecordType::A {
            *record = rr("ns0.a.test A 192.0.2.11");
        }
    }
    let run = internet.ask("n1.a.test", "A");
    secure(&run);
    // For the DS set, and for who serves the zone.
    assert_eq!(run.to(TEST), 2, "{:?}", run.questions());
    assert!(run.sent.len() <= 8, "{:?}", run.questions());
    let next = internet.ask("n2.a.test", "A");
    secure(&next);
    assert_eq!((next.sent.len(), next.to(OTHER)), (1, 1));
}

#[test]
fn the_parent_of_a_bogus_zone_is_asked_again_once_and_not_for_every_name() {
    let mut internet = signed(&[AT]);
    secure(&internet.ask("www.a.test", "A"));
    internet.twist(AT, |_, message| {
        message.answer.retain(|r| r.rtype != RecordType::RRSIG);
    });
    let runs: Vec<Run> = (1..=5)
        .map(|place| internet.ask(&format!("n{place}.a.test"), "A"))
        .collect();
    for run in &runs {
        bogus(run, Ede::RRSIGS_MISSING);
        assert!(run.to(AT) <= 3, "{:?}", run.questions());
    }
    let asked: usize = runs.iter().map(|run| run.to(TEST)).sum();
    assert_eq!(asked, 1);
    assert!(
        internet
            .cache
            .delegation(&name("a.test"), internet.now)
            .is_some(),
        "what is known of the zone is not lost to a liar"
    );
}

#[test]
fn a_bogus_zone_that_was_just_introduced_is_not_introduced_twice() {
    let mut internet = signed(&[AT]);
    internet.twist(AT, |_, message| {
        message.answer.retain(|r| r.rtype != RecordType::RRSIG);
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert_eq!(count(&run, "a.test. A"), 1, "{:?}", run.questions());
}

#[test]
fn one_forged_datagram_does_not_let_a_zone_with_one_server_down() {
    for rtype in [RecordType::A, RecordType::DNSKEY] {
        let mut internet = signed(&[AT]);
        let honest = internet.zones.get(&ip(AT)).unwrap().clone();
        internet.villain(AT, move |question, over| {
            let mut message = answer(&honest, question);
            let asked = question.name != name("a.test") || rtype == RecordType::DNSKEY;
            if over == Over::Udp && question.rtype == rtype && asked {
                for record in message.answer.iter_mut().filter(|r| r.rtype == rtype) {
                    *record.rdata.last_mut().unwrap() ^= 1;
                }
            }
            Deed::Say(message)
        });
        let run = internet.ask("www.a.test", "A");
        secure(&run);
        let streams = run.sent.iter().filter(|sent| sent.over == Over::Tcp);
        assert_eq!(streams.count(), 1, "{:?}", run.sent);
    }
}

#[test]
fn a_zone_that_is_bogus_at_every_server_costs_one_stream_more() {
    for at in [&[AT][..], &[AT, OTHER], &[AT, OTHER, THIRD]] {
        let mut internet = signed(at);
        for at in at {
            internet.twist(at, |question, message| {
                if question.rtype == RecordType::A && question.name != name("a.test") {
                    for record in message.answer.iter_mut() {
                        if record.rtype == RecordType::A {
                            record.rdata = Box::new([6, 6, 6, 6]);
                        }
                    }
                }
            });
        }
        let run = internet.ask("www.a.test", "A");
        bogus(&run, Ede::DNSSEC_BOGUS);
        let asked = count(&run, "www.a.test. A");
        assert_eq!(asked, at.len() + 1, "{:?}", run.sent);
    }
}

#[test]
fn where_no_stream_is_to_be_had_the_reason_is_still_the_bogus_one() {
    let mut internet = signed(&[AT]);
    let honest = internet.zones.get(&ip(AT)).unwrap().clone();
    internet.villain(AT, move |question, over| {
        if over == Over::Tcp {
            return Deed::Unreachable;
        }
        let mut message = answer(&honest, question);
        if *question == Question::new(name("www.a.test"), RecordType::A) {
            message.answer[0].rdata = Box::new([6, 6, 6, 6]);
        }
        Deed::Say(message)
    });
    bogus(&internet.ask("www.a.test", "A"), Ede::DNSSEC_BOGUS);
}

#[test]
fn keys_that_were_rolled_in_a_hurry_are_fetched_when_a_signature_names_one() {
    let mut internet = signed(&[AT]);
    let entry = key("a.test");
    resign(&mut internet, &[entry.clone(), signer(1, ZONE_SIGNING)]);
    secure(&internet.ask("www.a.test", "A"));
    resign(&mut internet, &[entry, signer(2, ZONE_SIGNING)]);
    // Only the new key signs what is asked for.
    let run = internet.ask("n1.a.test", "A");
    secure(&run);
    assert_eq!(run.questions(), ["n1.a.test. A", "a.test. DNSKEY"]);
    let next = internet.ask("n2.a.test", "A");
    secure(&next);
    assert_eq!(next.questions(), ["n2.a.test. A"]);
}

#[test]
fn a_ds_that_was_replaced_in_a_hurry_is_fetched_when_the_keys_do_not_fit() {
    let mut internet = signed(&[AT]);
    secure(&internet.ask("www.a.test", "A"));
    let new = signer(7, KEY_SIGNING);
    resign(&mut internet, std::slice::from_ref(&new));
    point_to(&mut internet, &new);
    let run = internet.ask("n1.a.test", "A");
    secure(&run);
    assert_eq!(
        run.questions(),
        ["n1.a.test. A", "a.test. DNSKEY", "a.test. DS"]
    );
    let next = internet.ask("n2.a.test", "A");
    assert_eq!(next.questions(), ["n2.a.test. A"]);
    secure(&next);
}

#[test]
fn signatures_by_unknown_keys_fetch_the_keys_once_a_minute_and_lose_none() {
    let mut internet = signed(&[AT]);
    secure(&internet.ask("www.a.test", "A"));
    let honest = internet.zones.get(&ip(AT)).unwrap().clone();
    internet.twist(AT, |question, message| {
        for record in &mut message.answer {
            if record.rtype == RecordType::RRSIG && question.rtype == RecordType::A {
                record.rdata[16] ^= 1;
            }
        }
    });
    let mut asked = 0;
    for place in 1..=5 {
        let run = internet.ask(&format!("n{place}.a.test"), "A");
        bogus(&run, Ede::DNSKEY_MISSING);
        asked += count(&run, "a.test. DNSKEY") + count(&run, "a.test. DS");
    }
    assert_eq!(asked, 1);
    internet.wait(61);
    let run = internet.ask("n1.a.test", "A");
    assert_eq!(count(&run, "a.test. DNSKEY"), 1);
    internet.wait(10);
    internet.honest(AT);
    internet.zones.insert(ip(AT), honest);
    let run = internet.ask("n2.a.test", "A");
    secure(&run);
    assert_eq!(
        run.questions(),
        ["n2.a.test. A"],
        "the keys are still known"
    );
}

#[test]
fn keys_that_cannot_be_fetched_anew_stay_what_they_were() {
    let mut internet = signed(&[AT]);
    secure(&internet.ask("www.a.test", "A"));
    let honest = internet.zones.get(&ip(AT)).unwrap().clone();
    internet.villain(AT, move |question, over| {
        let mut message = answer(&honest, question);
        for record in &mut message.answer {
            if record.rtype == RecordType::RRSIG
                && (over == Over::Udp || question.rtype == RecordType::DNSKEY)
            {
                record.rdata[16] ^= 1;
            }
        }
        Deed::Say(message)
    });
    // The datagram is forged, its keys cannot be had; the stream is honest, and the keys for that are known.
    secure(&internet.ask("n1.a.test", "A"));
}

#[test]
fn why_keys_could_not_be_had_is_told_for_every_name_and_not_the_first_alone() {
    type Spoil = fn(&Question, &mut crate::wire::Message);
    let expired: Spoil = |question, message| {
        for record in &mut message.answer {
            if record.rtype == RecordType::RRSIG && question.rtype == RecordType::DNSKEY {
                // The expiration (RFC 4034 section 3.1).
                record.rdata[8..12].copy_from_slice(&1_600_000_001_u32.to_be_bytes());
            }
        }
    };
    let refused: Spoil = |question, message| {
        if question.rtype == RecordType::DNSKEY {
            *message = super::internet::error(question, Rcode::REFUSED);
        }
    };
    for (spoil, code) in [
        (expired, Ede::SIGNATURE_EXPIRED),
        (refused, Ede::NETWORK_ERROR),
    ] {
        let mut internet = signed(&[AT]);
        internet.twist(AT, spoil);
        for owner in ["www.a.test", "n1.a.test", "n2.a.test"] {
            bogus(&internet.ask(owner, "A"), code);
        }
    }
}

#[test]
fn an_unsigned_zone_below_an_empty_name_of_an_opted_out_zone_on_one_server_is_insecure() {
    let opted_out = Denial::Nsec3(crate::drill::signing::Hashing {
        iterations: 0,
        salt: Vec::new(),
        opt_out: true,
    });
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[AT],
        &["www.a.test A 192.0.2.80", "c.ent.a.test NS ns0.a.test"],
    );
    internet.serve(
        AT,
        "c.ent.a.test",
        &[
            "c.ent.a.test NS ns0.a.test",
            "www.c.ent.a.test A 192.0.2.81",
        ],
    );
    internet.point_to(TEST, "test", "a.test");
    internet.sign(AT, "a.test", &opted_out);
    internet.signed_from_the_root();
    // As NSD does for an empty name that an opted-out span hides: the closest encloser alone.
    internet.twist(AT, |question, message| {
        if *question == Question::new(name("ent.a.test"), RecordType::DS) {
            // The bit of SOA in the first window (RFC 4034 section 4.1.2).
            let of_apex = |record: &&Record| {
                record.rtype == RecordType::RRSIG
                    || rdata::nsec3(&record.rdata)
                        .is_none_or(|nsec3| nsec3.types.get(2).is_some_and(|bits| bits & 2 != 0))
            };
            let kept: Vec<_> = message.authority.iter().filter(of_apex).cloned().collect();
            assert!(kept.len() < message.authority.len());
            message.authority = kept;
        }
    });
    for (owner, rcode) in [
        ("www.c.ent.a.test", Rcode::NOERROR),
        ("nope.c.ent.a.test", Rcode::NXDOMAIN),
        ("c.ent.a.test", Rcode::NOERROR),
    ] {
        let run = internet.ask(owner, "A");
        assert_eq!(
            run.rcode(),
            rcode,
            "{owner} {:#?}",
            run.trace
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        );
    }
}
