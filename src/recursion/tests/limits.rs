//! Each limit of the budget at its number and one past it: SERVFAIL with its sentence, and the next query is served.

use super::internet::{Deed, Internet, ROOT, TEST, name, refers, says};
use super::signed::{VALID, key};
use crate::dnssec::Dnskey;
use crate::drill::signing::Denial;
use crate::guard::permit::Exhausted;
use crate::wire::rrset::group;
use crate::wire::{Class, Ede, Rcode, Record, RecordType, rdata};

const A: &str = "192.0.2.1";

fn fails_by(internet: &mut Internet, owner: &str, limit: Exhausted) {
    let run = internet.ask(owner, "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert_eq!(run.ede().1, limit.sentence());
    assert!(run.answer().is_empty());
    internet.zone(
        "good.test",
        &["192.0.2.200"],
        &["www.good.test A 192.0.2.201"],
    );
    assert_eq!(
        internet.ask("www.good.test", "A").rcode(),
        Rcode::NOERROR,
        "the next query is served"
    );
    assert_eq!(
        internet.ask(owner, "A").sent.len(),
        0,
        "the failure is remembered"
    );
}

/// Zones of one label each below `test`, `depth` of them, data in the last.
fn ladder(depth: usize) -> (Internet, String) {
    let mut internet = Internet::new();
    let (mut zone, mut at) = ("test".to_owned(), TEST.to_owned());
    for step in 1..=depth {
        let child = format!("d{step}.{zone}");
        let address = format!("10.1.0.{step}");
        internet.add(
            &at,
            &zone,
            &[
                &format!("{child} NS ns.{child}"),
                &format!("ns.{child} A {address}"),
            ],
        );
        internet.serve(&address, &child, &[&format!("{child} A 192.0.2.80")]);
        (zone, at) = (child, address);
    }
    (internet, zone)
}

#[test]
fn fifty_packets_are_sent_and_the_fifty_first_is_not() {
    // Root, test, then one packet per rung.
    let (mut internet, name) = ladder(48);
    let run = internet.ask(&name, "A");
    assert_eq!((run.rcode(), run.sent.len()), (Rcode::NOERROR, 50));
    let (mut internet, name) = ladder(49);
    assert_eq!(internet.ask(&name, "A").sent.len(), 50);
    internet
        .cache
        .flush(&super::internet::name("."), crate::cache::FlushScope::All);
    fails_by(&mut internet, &name, Exhausted::Packets);
}

#[test]
fn what_forgets_to_charge_the_budget_is_stopped_all_the_same() {
    use crate::recursion::{AskFailure, Heard, Recursion, Route, Routes, Step};
    struct Iterate;
    impl Routes for Iterate {
        fn route(&self, _: &crate::wire::Name, _: RecordType) -> Route {
            Route::Iterate
        }
    }
    let internet = Internet::new();
    let mut budget = internet.budget();
    let question = crate::wire::Question::new(name(&"l.".repeat(120)), RecordType::A);
    let mut recursion = Recursion::new(question, std::sync::Arc::new(internet.plan.clone()), 0);
    for asks in 0..200 {
        match recursion.step(&internet.cache, &Iterate, &mut budget, internet.now) {
            Step::Done(response) => {
                assert_eq!(response.rcode, Rcode::SERVFAIL);
                assert!(asks <= 101);
                return;
            }
            Step::Verify(_) => unreachable!("nothing is validated here"),
            Step::Ask(ask) => {
                let cut = ask.question.name.suffix(ask.zone.label_count() + 1);
                let message = refers(
                    &ask.question,
                    &[
                        &format!("{cut} NS ns.{cut}"),
                        &format!("ns.{cut} A 10.0.0.1"),
                    ],
                );
                let server = ask.servers[0];
                let heard = if asks % 2 == 0 {
                    Heard::Reply {
                        server,
                        over: ask.over,
                        message: message.into(),
                        bytes: 0,
                    }
                } else {
                    Heard::Failed {
                        server: Some(server),
                        failure: AskFailure::BadReply,
                    }
                };
                recursion.heard(heard, &internet.cache, &mut budget, internet.now);
            }
        }
    }
    panic!("never stopped");
}

#[test]
fn octets_are_counted_and_bite() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[A], &[]);
    internet.villain(A, |question, _| {
        let mut message = says(
            question,
            &[&format!("{} CNAME x{}", question.name, question.name)],
        );
        let filler = "f".repeat(200);
        message.additional = (0..300)
            .map(|_| super::internet::rr(&format!("f.a.test TXT {filler}")))
            .collect();
        Deed::Say(message)
    });
    fails_by(&mut internet, "w.a.test", Exhausted::Bytes);
}

#[test]
fn time_is_counted_and_bites() {
    let (mut internet, name) = ladder(20);
    internet.latency = std::time::Duration::from_millis(900);
    let run = internet.ask(&name, "A");
    assert_eq!(
        (run.rcode(), run.ede()),
        (Rcode::SERVFAIL, (22, Exhausted::Time.sentence().to_owned()))
    );
    assert!(run.took.as_millis() <= 7900);
    // No server let us down: a name that is far away is not held against the next client, who gets further.
    assert_eq!(internet.ask(&name, "A").rcode(), Rcode::SERVFAIL);
    assert_eq!(internet.ask(&name, "A").rcode(), Rcode::NOERROR);
}

#[test]
fn an_answer_that_comes_too_late_to_ask_on_is_still_an_answer() {
    let (mut internet, name) = ladder(2);
    internet.latency = std::time::Duration::from_millis(1800);
    let run = internet.ask(&name, "A");
    assert!(run.took > internet.plan.limits.time);
    assert_eq!(run.rcode(), Rcode::NOERROR);
}

/// `z0 <- z1 <- … `: each zone is served by a name in the next one, without glue; the last has glue.
fn glueless(depth: usize) -> Internet {
    let mut internet = Internet::new();
    for step in 0..depth {
        internet.add(
            TEST,
            "test",
            &[&format!("z{step}.test NS ns.z{}.test", step + 1)],
        );
        let own = format!("ns.z{step}.test A 10.3.0.{step}");
        internet.serve(
            &format!("10.3.0.{}", step + 1),
            &format!("z{step}.test"),
            &[&own, &format!("www.z{step}.test A 192.0.2.80")],
        );
    }
    let own = format!("ns.z{depth}.test A 10.3.0.{depth}");
    internet.zone(&format!("z{depth}.test"), &["10.3.1.1"], &[&own]);
    internet
}

#[test]
fn servers_are_looked_up_seven_deep_and_not_eight() {
    let run = glueless(7).ask("www.z0.test", "A");
    assert_eq!(
        (run.rcode(), run.answer().len()),
        (Rcode::NOERROR, 1),
        "{:?}",
        run.response.ede
    );
    let mut internet = glueless(8);
    // Each of the seven names on the way counts as failing: let the depth be what bites.
    internet.plan.limits.failing_ns_names = 20;
    let run = internet.ask("www.z0.test", "A");
    assert_eq!(
        (run.rcode(), run.ede().1),
        (Rcode::SERVFAIL, Exhausted::Depth.sentence().to_owned())
    );
    // The zones further down the chain are none the worse for it.
    assert_eq!(internet.ask("www.z2.test", "A").rcode(), Rcode::NOERROR);
}

#[test]
fn a_sixth_failing_server_name_ends_the_query() {
    // A chain through zones that each list three servers that do not exist: five are paid for.
    let mut internet = Internet::new();
    for zone in 0..3 {
        for server in 0..3 {
            internet.add(
                TEST,
                "test",
                &[&format!("z{zone}.test NS n{server}x{zone}.test")],
            );
        }
        internet.add(
            TEST,
            "test",
            &[
                &format!("z{zone}.test NS ok{zone}.test"),
                &format!("ok{zone}.test A 10.4.0.{zone}"),
            ],
        );
        let link = format!("w.z{zone}.test CNAME w.z{}.test", zone + 1);
        internet.serve(
            &format!("10.4.0.{zone}"),
            &format!("z{zone}.test"),
            &[&link],
        );
        internet.errs(&format!("10.4.0.{zone}"), Rcode::REFUSED);
    }
    let run = internet.ask("w.z0.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    internet.plan.limits.failing_ns_names = 2;
    internet
        .cache
        .flush(&name("."), crate::cache::FlushScope::All);
    fails_by(&mut internet, "w.z1.test", Exhausted::FailingNsNames);
}

#[test]
fn only_three_names_of_a_delegation_are_looked_up() {
    let mut internet = Internet::new();
    for server in 0..13 {
        internet.add(TEST, "test", &[&format!("z.test NS n{server}.test")]);
    }
    let run = internet.ask("w.z.test", "A");
    assert_eq!(
        (run.rcode(), run.sent.len()),
        (Rcode::SERVFAIL, 2 + 3),
        "{:?}",
        run.questions()
    );
}

/// Two signed zones with a chain of aliases through both; `wrong` of the sets that are looked at have a wrong signature before the
/// right one, so that each costs two checks.
fn chain_of_signatures(wrong: usize) -> Internet {
    const B: &str = "192.0.2.2";
    let mut internet = Internet::new();
    let mut links: Vec<String> = (0..6)
        .map(|link| format!("n{link}.a.test CNAME n{}.a.test", link + 1))
        .collect();
    links.push("n6.a.test CNAME n0.b.test".to_owned());
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    internet.zone("a.test", &[A], &links);
    internet.zone(
        "b.test",
        &[B],
        &[
            "n0.b.test CNAME n1.b.test",
            "n1.b.test CNAME n2.b.test",
            "n2.b.test CNAME n3.b.test",
            "n3.b.test A 192.0.2.80",
        ],
    );
    internet.zone(
        "good.test",
        &["192.0.2.200"],
        &["www.good.test A 192.0.2.201"],
    );
    for zone in ["a.test", "b.test"] {
        internet.point_to(TEST, "test", zone);
    }
    internet.sign(A, "a.test", &Denial::Nsec);
    internet.sign(B, "b.test", &Denial::Nsec);
    internet.signed_from_the_root();
    let mut spoilt = 0;
    for (at, zone) in [(ROOT, "."), (TEST, "test"), (A, "a.test"), (B, "b.test")] {
        let records = internet.records(at, zone);
        let mut before = Vec::new();
        for record in records.iter() {
            let looked_at = match rdata::rrsig_covers(&record.rdata) {
                Some(RecordType::DNSKEY | RecordType::CNAME) => true,
                Some(RecordType::DS) => true,
                Some(RecordType::A) => record.owner == name("n3.b.test"),
                _ => false,
            };
            if record.rtype == RecordType::RRSIG && looked_at && spoilt < wrong {
                spoilt += 1;
                let mut wrong = record.clone();
                *wrong.rdata.last_mut().unwrap() ^= 1;
                before.push(wrong);
            }
        }
        before.append(records);
        *records = before;
    }
    assert_eq!(spoilt, wrong);
    internet
}

#[test]
fn thirty_two_signatures_are_checked_for_a_query_and_the_thirty_third_is_not() {
    let plain = chain_of_signatures(0).ask("n0.a.test", "A");
    assert!(plain.response.is_authenticated(), "{:?}", plain.response);
    let spare = 32 - usize::try_from(plain.spent.signatures).unwrap();
    let full = chain_of_signatures(spare).ask("n0.a.test", "A");
    assert!(full.response.is_authenticated(), "{:?}", full.response);
    assert_eq!(full.spent.signatures, 32);
    let mut internet = chain_of_signatures(spare + 1);
    let run = internet.ask("n0.a.test", "A");
    assert_eq!(run.spent.signatures, 32);
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert_eq!(run.ede().1, Exhausted::Signatures.sentence());
    assert_eq!(
        internet.ask("n0.a.test", "A").sent.len(),
        0,
        "it is remembered"
    );
    assert_eq!(internet.ask("www.good.test", "A").rcode(), Rcode::NOERROR);
}

/// Keys of one tag: the same words in another order.
fn keys_of_one_tag(count: u8) -> Vec<Vec<u8>> {
    (0..count)
        .map(|turn| {
            let mut words: Vec<[u8; 2]> = (0..16_u8).map(|word| [word, 0x51]).collect();
            words.rotate_left(usize::from(turn % 16));
            words.swap(0, 1 + usize::from(turn / 16));
            [&[1, 0, 3, 15][..], &words.concat()].concat()
        })
        .collect()
}

#[test]
fn sixty_ds_records_times_sixty_keys_of_one_tag_cost_no_more_than_a_few_checks() {
    for fits in [false, true] {
        let mut internet = Internet::new();
        internet.zone("a.test", &[A], &["www.a.test A 192.0.2.80"]);
        internet.zone(
            "good.test",
            &["192.0.2.200"],
            &["www.good.test A 192.0.2.201"],
        );
        internet.sign(A, "a.test", &Denial::Nsec);
        let record = |owner: &str, rtype, rdata: &[u8]| Record {
            owner: name(owner),
            rtype,
            class: Class::IN,
            ttl: 300,
            rdata: rdata.into(),
        };
        let colliding = keys_of_one_tag(60);
        let tag = Dnskey::read(&colliding[0]).unwrap().tag();
        let held = internet.records(A, "a.test");
        held.retain(|record| rdata::rrsig_covers(&record.rdata) != Some(RecordType::DNSKEY));
        held.extend(
            colliding
                .iter()
                .map(|key| record("a.test", RecordType::DNSKEY, key)),
        );
        let keys: Vec<Record> = held
            .iter()
            .filter(|record| record.rtype == RecordType::DNSKEY)
            .cloned()
            .collect();
        let set = group(&keys).pop().unwrap();
        for number in 0..60 {
            let mut fields = key("a.test").fields(&set, VALID);
            fields.key_tag = tag;
            let mut rrsig = key("a.test").sign_fields(&set, &fields).unwrap();
            *rrsig.last_mut().unwrap() ^= 1 + number;
            held.push(record("a.test", RecordType::RRSIG, &rrsig));
        }
        let parent = internet.records(TEST, "test");
        for key in &colliding {
            let named = [name("a.test").as_wire(), key].concat();
            let mut digest = ring::digest::digest(&ring::digest::SHA256, &named)
                .as_ref()
                .to_vec();
            if !fits {
                digest[0] ^= 1;
            }
            let ds = [&tag.to_be_bytes()[..], &[15, 2], &digest].concat();
            parent.push(record("a.test", RecordType::DS, &ds));
        }
        internet.signed_from_the_root();
        let run = internet.ask("www.a.test", "A");
        assert_eq!(run.rcode(), Rcode::SERVFAIL);
        let code = if fits {
            Ede::DNSSEC_BOGUS
        } else {
            Ede::DNSKEY_MISSING
        };
        assert_eq!(run.ede().0, code, "{:?}", run.ede());
        // The root's keys, the DS sets of test and a.test, the keys of test; then two for the datagram, two for the stream.
        let expected = if fits { 4 + 4 } else { 4 };
        assert_eq!(run.spent.signatures, expected);
        assert_eq!(internet.ask("www.good.test", "A").rcode(), Rcode::NOERROR);
    }
}
