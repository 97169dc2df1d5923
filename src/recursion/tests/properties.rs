//! Whatever servers say: no panic, an end within the budget, and nothing kept beyond what the zone may speak for.

use std::sync::Arc;

use proptest::prelude::*;

use super::internet::{Internet, ip, name, reply, rr, soa};
use crate::recursion::{AskFailure, Heard, Over, Recursion, Route, Routes, Step};
use crate::wire::{Message, Name, Question, Rcode, Record, RecordType};

struct Iterate;

impl Routes for Iterate {
    fn route(&self, name: &Name, _: RecordType) -> Route {
        if name.is_within(&"stub.test".parse().unwrap()) {
            Route::Stub {
                zone: "stub.test".parse().unwrap(),
                servers: vec!["192.0.2.9:5300".parse().unwrap()],
            }
        } else if name.is_within(&"corp.test".parse().unwrap()) {
            Route::Forward {
                zone: "corp.test".parse().unwrap(),
                index: 0,
            }
        } else {
            Route::Iterate
        }
    }
}

const NAMES: [&str; 14] = [
    ".",
    "test",
    "a.test",
    "b.test",
    "www.a.test",
    "x.www.a.test",
    "ns.a.test",
    "ns.b.test",
    "www.b.test",
    "d.a.test",
    "y.stub.test",
    "y.corp.test",
    "victim.example",
    "ns.victim.example",
];

fn record() -> impl Strategy<Value = Record> {
    let owner = prop::sample::select(NAMES.to_vec());
    let target = prop::sample::select(NAMES.to_vec());
    (owner, target, 0..8_u8, 0..4_u8).prop_map(|(owner, target, kind, last)| match kind {
        0 => rr(&format!("{owner} CNAME {target}")),
        1 => rr(&format!("{owner} DNAME {target}")),
        2 | 3 => rr(&format!("{owner} NS {target}")),
        4 => soa(owner),
        5 => rr(&format!("{owner} AAAA 2001:db8::{last}")),
        6 => rr(&format!("{owner} TXT t{last}")),
        _ => rr(&format!("{owner} A 192.0.2.{last}")),
    })
}

#[derive(Clone, Debug)]
struct Act {
    failure: Option<AskFailure>,
    named: bool,
    rcode: u16,
    flags: u8,
    records: [Vec<Record>; 3],
    other_question: bool,
    stranger: bool,
}

fn act() -> impl Strategy<Value = Act> {
    let failure = prop_oneof![
        20 => Just(None),
        1 => Just(Some(AskFailure::Timeout)),
        1 => Just(Some(AskFailure::Network)),
        1 => Just(Some(AskFailure::BadReply)),
        1 => Just(Some(AskFailure::NoUsableServer)),
    ];
    let some = || prop::collection::vec(record(), 0..6);
    (
        failure,
        any::<bool>(),
        0..8_u16,
        any::<u8>(),
        [some(), some(), some()],
        prop::bool::weighted(0.03),
        prop::bool::weighted(0.03),
    )
        .prop_map(
            |(failure, named, rcode, flags, records, other_question, stranger)| Act {
                failure,
                named,
                // Mostly NOERROR and NXDOMAIN: errors end things too soon to be interesting.
                rcode: if rcode > 5 {
                    rcode
                } else {
                    [0, 0, 0, 3, 0, 3][usize::from(rcode)]
                },
                flags,
                records,
                other_question,
                stranger,
            },
        )
}

fn message(act: &Act, question: &Question) -> Message {
    let mut message = reply(question);
    let [answer, authority, additional] = act.records.clone();
    message.answer = answer;
    message.authority = authority;
    message.additional = additional;
    message.header.flags = message
        .header
        .flags
        .with_aa(act.flags & 1 != 0)
        .with_ra(act.flags & 6 == 6)
        .with_tc(act.flags & 0x38 == 0x38)
        .with_rcode(Rcode(act.rcode));
    if act.other_question {
        message.question = None;
    }
    message
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_servers_say_it_ends_and_keeps_to_the_bailiwick(
        acts in prop::collection::vec(act(), 1..60),
        owner in prop::sample::select(vec!["www.a.test", "x.www.a.test", "d.a.test", "a.b.d.a.test", "y.stub.test", "y.corp.test", "test"]),
        rtype in prop::sample::select(vec![RecordType::A, RecordType::AAAA, RecordType::NS, RecordType::CNAME, RecordType::DS, RecordType::ANY, RecordType::TXT]),
        seed in any::<u64>(),
    ) {
        let internet = Internet::new();
        let mut now = internet.now;
        let mut budget = internet.budget();
        let question = Question::new(name(owner), rtype);
        let mut recursion = Recursion::new(question, Arc::new(internet.plan.clone()), seed).with_trace();
        let mut zones: Vec<Name> = Vec::new();
        let mut packets = 0;
        let response = loop {
            let ask = match recursion.step(&internet.cache, &Iterate, &mut budget, now) {
                Step::Done(response) => break response,
                Step::Ask(ask) => ask,
                Step::Verify(_) => unreachable!("nothing is validated here"),
            };
            now = now.plus(std::time::Duration::from_millis(20));
            zones.push(ask.zone.clone());
            let heard = match budget.charge_packet(now) {
                Err(limit) => Heard::Failed { server: None, failure: AskFailure::Budget(limit) },
                Ok(()) => {
                    let act = &acts[packets % acts.len()];
                    packets += 1;
                    let offered = ask.servers.get(seed as usize % ask.servers.len().max(1)).copied();
                    let server = if act.stranger { ip("203.0.113.1") } else { offered.unwrap_or_else(|| ip("10.0.0.1")) };
                    match act.failure {
                        Some(failure) => Heard::Failed { server: act.named.then_some(server), failure },
                        None => Heard::Reply { server, over: if act.flags & 0x40 != 0 { Over::Tcp } else { ask.over }, message: message(act, &ask.question).into(), bytes: 100 },
                    }
                }
            };
            recursion.heard(heard, &internet.cache, &mut budget, now);
        };
        prop_assert!(packets <= 50);
        prop_assert!(!response.is_authenticated() && !response.authoritative);
        prop_assert!(response.rcode == Rcode::NOERROR || response.answer.len() <= 24);
        // Every RRset kept lies within a zone that was asked.
        let mut outside = None;
        internet.cache.for_each_rrset(now, |held, _| {
            if !zones.iter().any(|zone| held.rrset.owner.is_within(zone)) {
                outside = Some(held.rrset.owner.clone());
            }
        });
        prop_assert_eq!(outside, None);
        // So does all that is handed on.
        for held in response.answer.iter().chain(&response.authority).chain(&response.additional) {
            prop_assert!(zones.iter().any(|zone| held.rrset.owner.is_within(zone)));
        }
        // A failure says why.
        prop_assert_eq!(response.rcode == Rcode::SERVFAIL, response.ede.is_some());
    }

    #[test]
    fn an_evil_zone_leaves_nothing_behind_outside_itself(
        acts in prop::collection::vec(act(), 1..30),
        seed in any::<u64>(),
    ) {
        let mut internet = Internet::new();
        internet.zone("a.test", &["192.0.2.1"], &[]);
        internet.zone("victim.test", &["192.0.2.7"], &["www.victim.test A 192.0.2.99"]);
        let mut count = 0;
        // All addresses that the records above can make belong to the villain as well.
        for at in ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            let acts = acts.clone();
            internet.villain(at, move |question, _| {
                count += 1;
                super::internet::Deed::Say(message(&acts[count % acts.len()], question))
            });
        }
        internet.dice = seed | 1;
        for owner in ["www.a.test", "x.www.a.test", "ns.a.test"] {
            let run = internet.ask(owner, "A");
            prop_assert!(run.sent.len() <= 50);
        }
        let mut outside = None;
        internet.cache.for_each_rrset(internet.now, |held, _| {
            let owner = &held.rrset.owner;
            // Of the rest only the honest servers' own words may be there: they say nothing of A, AAAA, NS, TXT.
            let spoken = [RecordType::A, RecordType::AAAA, RecordType::NS, RecordType::TXT, RecordType::CNAME].contains(&held.rrset.rtype);
            if spoken && !owner.is_within(&name("a.test")) {
                outside = Some(format!("{owner} {}", held.rrset.rtype));
            }
        });
        prop_assert_eq!(outside, None);
        for zone in ["victim.test", "b.test", "victim.example"] {
            let kept = internet.cache.delegation(&name(zone), internet.now);
            prop_assert!(kept.is_none_or(|kept| kept.servers.iter().all(|server| server.name == name("ns0.victim.test"))));
        }
        let run = internet.ask("www.victim.test", "A");
        prop_assert_eq!(run.answer(), vec!["www.victim.test. A 192.0.2.99".to_owned()]);
    }
}
