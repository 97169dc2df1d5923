//! Names that the operator sends another way: forward zones, stub zones, answers of his own, also at the end of a chain.

use super::internet::{Deed, Internet, error, ip, name, reply, rr, soa};
use crate::recursion::{Route, Via};
use crate::wire::{Held, Question, Rcode, RdataSet, RecordType, Response, Rrset, Security};

const FORWARDER: &str = "10.0.0.3";

fn forwarding(zone: &str) -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &["192.0.2.1"],
        &[
            "www.a.test A 192.0.2.80",
            "to-corp.a.test CNAME x.y.corp.test",
        ],
    );
    internet.route(
        zone,
        Route::Forward {
            zone: name(zone),
            index: 3,
        },
    );
    internet
}

/// A forwarder's answer: RA, no AA.
fn forwarded(question: &Question, records: &[&str]) -> Deed {
    let mut message = reply(question);
    message.header.flags = message.header.flags.with_ra(true);
    message.answer = records.iter().map(|text| rr(text)).collect();
    Deed::Say(message)
}

#[test]
fn a_forwarder_is_asked_for_the_full_name_once() {
    let mut internet = forwarding("corp.test");
    internet.villain(FORWARDER, |question, _| {
        forwarded(question, &["x.y.corp.test A 10.9.9.9"])
    });
    let run = internet.ask("x.y.corp.test", "A");
    assert_eq!(run.answer(), ["x.y.corp.test. A 10.9.9.9"]);
    assert_eq!(run.questions(), ["x.y.corp.test. A"]);
    assert_eq!(run.sent[0].via, Via::Forward(3));
    assert_eq!(internet.ask("x.y.corp.test", "A").sent.len(), 0);
    assert_eq!(
        internet.ask("to-corp.a.test", "A").answer().len(),
        2,
        "also as the end of a chain"
    );
}

#[test]
fn a_forwarders_chain_is_believed_within_its_zone_and_asked_anew_outside() {
    let mut internet = forwarding("corp.test");
    internet.villain(FORWARDER, |question, _| {
        forwarded(
            question,
            &[
                "x.corp.test CNAME y.corp.test",
                "y.corp.test CNAME www.a.test",
                "www.a.test A 6.6.6.6",
            ],
        )
    });
    let run = internet.ask("x.corp.test", "A");
    assert_eq!(
        run.answer(),
        [
            "x.corp.test. CNAME y.corp.test.",
            "y.corp.test. CNAME www.a.test.",
            "www.a.test. A 192.0.2.80"
        ]
    );
    assert_eq!(run.to(FORWARDER), 1);
}

#[test]
fn a_forwarder_of_everything_is_believed_in_everything() {
    let mut internet = forwarding(".");
    internet.villain(FORWARDER, |question, _| {
        forwarded(
            question,
            &["x.example CNAME y.invalid-tld", "y.invalid-tld A 192.0.2.9"],
        )
    });
    let run = internet.ask("x.example", "A");
    assert_eq!((run.answer().len(), run.sent.len()), (2, 1));
}

#[test]
fn a_chain_that_a_forwarder_leaves_open_is_followed_by_another_question() {
    let mut internet = forwarding("corp.test");
    internet.villain(FORWARDER, |question, _| {
        if question.name == name("x.corp.test") {
            forwarded(question, &["x.corp.test CNAME y.corp.test"])
        } else {
            forwarded(question, &["y.corp.test A 10.9.9.9"])
        }
    });
    let run = internet.ask("x.corp.test", "A");
    assert_eq!(
        run.answer(),
        ["x.corp.test. CNAME y.corp.test.", "y.corp.test. A 10.9.9.9"]
    );
    assert_eq!(run.questions(), ["x.corp.test. A", "y.corp.test. A"]);
    // The forwarder that says no more of the target means that there is none.
    internet.villain(FORWARDER, |question, _| {
        if question.name == name("v.corp.test") {
            forwarded(question, &["v.corp.test CNAME w.corp.test"])
        } else {
            forwarded(question, &[])
        }
    });
    let run = internet.ask("v.corp.test", "AAAA");
    assert_eq!((run.rcode(), run.answer().len()), (Rcode::NOERROR, 1));
    assert_eq!(run.sent.len(), 2);
}

#[test]
fn a_forwarders_negative_answers_are_cached_and_its_errors_and_referrals_are_failures() {
    let mut internet = forwarding("corp.test");
    internet.villain(FORWARDER, |question, _| {
        let mut message = error(question, Rcode::NXDOMAIN);
        message.header.flags = message.header.flags.with_ra(true);
        message.authority.push(soa("corp.test"));
        Deed::Say(message)
    });
    for packets in [1, 0] {
        let run = internet.ask("no.corp.test", "A");
        assert_eq!((run.rcode(), run.sent.len()), (Rcode::NXDOMAIN, packets));
    }
    internet.errs(FORWARDER, Rcode::REFUSED);
    assert_eq!(
        internet.ask("e1.corp.test", "A").ede(),
        (23, "10.0.0.3 answered REFUSED for corp.test.".to_owned())
    );
    internet.villain(FORWARDER, |question, _| {
        Deed::Say(super::internet::refers(
            question,
            &[
                "sub.corp.test NS ns.sub.corp.test",
                "ns.sub.corp.test A 6.6.6.6",
            ],
        ))
    });
    assert_eq!(
        internet.ask("e2.sub.corp.test", "A").rcode(),
        Rcode::SERVFAIL
    );
    internet.silence(FORWARDER);
    let run = internet.ask("e3.corp.test", "A");
    assert_eq!(
        (run.rcode(), run.sent.len()),
        (Rcode::SERVFAIL, 1),
        "the pool of forwarders does its own retrying"
    );
    assert!(
        internet
            .cache
            .deepest_delegation(&name("sub.corp.test"), internet.now)
            .is_none_or(|d| !d.zone.is_within(&name("corp.test")))
    );
}

#[test]
fn a_stub_zone_is_asked_at_its_servers_and_ports_and_down_from_there() {
    let mut internet = Internet::new();
    internet.serve(
        "192.0.2.20",
        "lab.test",
        &[
            "www.lab.test A 192.0.2.80",
            "sub.lab.test NS ns.sub.lab.test",
            "ns.sub.lab.test A 192.0.2.21",
        ],
    );
    internet.serve(
        "192.0.2.21",
        "sub.lab.test",
        &["www.sub.lab.test A 192.0.2.81"],
    );
    internet.route(
        "lab.test",
        Route::Stub {
            zone: name("lab.test"),
            servers: vec![
                "192.0.2.20:5301".parse().unwrap(),
                "192.0.2.20:5302".parse().unwrap(),
            ],
        },
    );
    let run = internet.ask("www.lab.test", "A");
    assert_eq!((run.answer().len(), run.sent.len()), (1, 1));
    assert_eq!(
        run.sent[0].via,
        Via::Stub(vec!["192.0.2.20:5301".parse().unwrap()])
    );
    for packets in [2, 0] {
        let run = internet.ask("www.sub.lab.test", "A");
        assert_eq!(
            (run.answer(), run.sent.len()),
            (vec!["www.sub.lab.test. A 192.0.2.81".to_owned()], packets)
        );
    }
    let run = internet.ask("x.sub.lab.test", "A");
    assert_eq!(
        (run.to("192.0.2.20"), run.to("192.0.2.21")),
        (0, 1),
        "the delegation below the stub is remembered"
    );
    internet.silence("192.0.2.20");
    let run = internet.ask("y.lab.test", "A");
    let ports: Vec<_> = run.sent.iter().map(|sent| sent.via.clone()).collect();
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(
        ports.contains(&Via::Stub(vec!["192.0.2.20:5302".parse().unwrap()])),
        "{ports:?}"
    );
}

#[test]
fn a_stub_zone_goes_before_the_delegation_that_the_world_knows() {
    let mut internet = Internet::new();
    internet.zone("lab.test", &["192.0.2.1"], &["www.lab.test A 192.0.2.80"]);
    internet.serve("192.0.2.20", "lab.test", &["in.lab.test A 10.0.0.80"]);
    assert_eq!(internet.ask("www.lab.test", "A").to("192.0.2.1"), 1);
    internet.route(
        "lab.test",
        Route::Stub {
            zone: name("lab.test"),
            servers: vec!["192.0.2.20:53".parse().unwrap()],
        },
    );
    let run = internet.ask("in.lab.test", "A");
    assert_eq!(run.answer(), ["in.lab.test. A 10.0.0.80"]);
    assert_eq!((run.to("192.0.2.1"), run.to("192.0.2.20")), (0, 1));
}

#[test]
fn an_answer_of_the_operator_ends_a_chain_and_costs_nothing() {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &["192.0.2.1"],
        &[
            "www.a.test CNAME localhost",
            "b.a.test CNAME local.a.test",
            "local.a.test A 6.6.6.6",
        ],
    );
    let mut localhost = Response::empty(Rcode::NOERROR);
    localhost.answer.push(Held {
        security: Security::Indeterminate,
        rrset: Rrset {
            owner: name("localhost"),
            rtype: RecordType::A,
            ttl: 60,
            rdata: RdataSet::new([&[127, 0, 0, 1][..]]),
            rrsigs: RdataSet::default(),
        }
        .into(),
        ttl: 60,
    });
    internet.route("localhost", Route::Answer(localhost));
    internet.route(
        "local.a.test",
        Route::Answer(Response::empty(Rcode::NXDOMAIN)),
    );
    let run = internet.ask("www.a.test", "A");
    assert_eq!(
        run.answer(),
        ["www.a.test. CNAME localhost.", "localhost. A 127.0.0.1"]
    );
    // Also where the reply itself went on within its zone.
    let run = internet.ask("b.a.test", "A");
    assert_eq!(
        (run.rcode(), run.answer()),
        (
            Rcode::NXDOMAIN,
            vec!["b.a.test. CNAME local.a.test.".to_owned()]
        )
    );
    assert_eq!(internet.ask("localhost", "A").sent.len(), 0);
}

#[test]
fn a_server_whose_address_the_operator_gives_is_not_looked_up() {
    let mut internet = Internet::new();
    internet.add(super::internet::TEST, "test", &["b.test NS ns.home.arpa"]);
    internet.serve("192.0.2.9", "b.test", &["www.b.test A 192.0.2.80"]);
    let mut own = Response::empty(Rcode::NOERROR);
    own.answer.push(Held {
        security: Security::Indeterminate,
        rrset: Rrset {
            owner: name("ns.home.arpa"),
            rtype: RecordType::A,
            ttl: 60,
            rdata: RdataSet::new([&[192, 0, 2, 9][..]]),
            rrsigs: RdataSet::default(),
        }
        .into(),
        ttl: 60,
    });
    internet.route("home.arpa", Route::Answer(own));
    let run = internet.ask("www.b.test", "A");
    assert_eq!((run.answer().len(), run.sent.len()), (1, 3));
    assert_eq!(run.sent.last().unwrap().to, ip("192.0.2.9"));
}
