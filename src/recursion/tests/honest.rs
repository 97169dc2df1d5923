//! Names in honest zones resolve, and cost what they must.

use super::internet::{Deed, Internet, error, ip, name, reply, rr, says};
use crate::cache::Rank;
use crate::guard::permit::InternalCause;
use crate::recursion::trace::Happening;
use crate::recursion::{Over, Recursion, Route};
use crate::wire::{Rcode, RecordType};

fn plain() -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &["192.0.2.1"],
        &[
            "a.test NS ns0.a.test",
            "ns0.a.test A 192.0.2.1",
            "www.a.test A 192.0.2.80",
            "mail.a.test MX www.a.test",
            "deep.er.a.test A 192.0.2.81",
            "*.wild.a.test A 192.0.2.82",
        ],
    );
    internet
}

#[test]
fn a_cold_name_costs_one_packet_per_zone() {
    let mut internet = plain();
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::NOERROR);
    assert_eq!(run.answer(), ["www.a.test. A 192.0.2.80"]);
    assert_eq!(run.questions(), ["test. A", "a.test. A", "www.a.test. A"]);
    assert!(!run.response.authoritative && !run.response.is_authenticated());
}

#[test]
fn a_second_name_in_a_warm_zone_costs_one_packet_and_a_known_one_none() {
    let mut internet = plain();
    internet.ask("www.a.test", "A");
    assert_eq!(internet.ask("mail.a.test", "MX").sent.len(), 1);
    assert_eq!(internet.ask("www.a.test", "A").sent.len(), 0);
    assert_eq!(
        internet.ask("WWW.A.test", "A").answer(),
        ["www.a.test. A 192.0.2.80"]
    );
}

#[test]
fn a_name_below_an_empty_non_terminal_is_found_and_the_way_is_remembered() {
    let mut internet = plain();
    internet.ask("www.a.test", "A");
    let run = internet.ask("deep.er.a.test", "A");
    assert_eq!(run.answer(), ["deep.er.a.test. A 192.0.2.81"]);
    assert_eq!(run.questions(), ["er.a.test. A", "deep.er.a.test. A"]);
    assert_eq!(internet.ask("deep.er.a.test", "MX").sent.len(), 1);
    let ent = internet.ask("er.a.test", "A");
    assert_eq!((ent.rcode(), ent.sent.len()), (Rcode::NOERROR, 0));
}

#[test]
fn a_wildcard_answers_for_names_below_it() {
    let mut internet = plain();
    let run = internet.ask("x.y.wild.a.test", "A");
    assert_eq!(run.answer(), ["x.y.wild.a.test. A 192.0.2.82"]);
    let run = internet.ask("wild.a.test", "A");
    assert_eq!((run.rcode(), run.answer().len()), (Rcode::NOERROR, 0));
}

#[test]
fn a_negative_answer_has_its_soa_with_the_negative_ttl_and_is_cached() {
    let mut internet = plain();
    for (owner, rcode) in [
        ("no.a.test", Rcode::NXDOMAIN),
        ("www.a.test", Rcode::NOERROR),
    ] {
        let run = internet.ask(owner, "TXT");
        assert_eq!((run.rcode(), run.answer().len()), (rcode, 0));
        assert_eq!(run.response.authority[0].rrset.rtype, RecordType::SOA);
        assert_eq!(run.response.authority[0].ttl, 60);
        assert_eq!(internet.ask(owner, "TXT").sent.len(), 0);
    }
    assert_eq!(
        internet.ask("no.a.test", "A").sent.len(),
        0,
        "NXDOMAIN covers all types"
    );
}

#[test]
fn glueless_servers_are_looked_up_and_kept_as_answers_of_their_own_zone() {
    let mut internet = plain();
    internet.add("192.0.2.1", "a.test", &["ns.a.test A 192.0.2.2"]);
    internet.add(super::internet::TEST, "test", &["b.test NS ns.a.test"]);
    internet.serve("192.0.2.2", "b.test", &["www.b.test A 192.0.2.90"]);
    let run = internet.ask("www.b.test", "A");
    assert_eq!(run.answer(), ["www.b.test. A 192.0.2.90"]);
    assert_eq!(run.sent.len(), 5, "{:?}", run.questions());
    let held = internet.cache.rrset(
        &name("ns.a.test"),
        RecordType::A,
        Rank::AuthAnswer,
        internet.now,
    );
    assert!(held.is_some());
}

#[test]
fn a_server_with_only_an_ipv6_address_is_found_with_and_without_glue() {
    let mut internet = plain();
    internet.zone("six.test", &["2001:db8::6"], &["www.six.test A 192.0.2.66"]);
    assert_eq!(internet.ask("www.six.test", "A").answer().len(), 1);
    internet.add("192.0.2.1", "a.test", &["ns6.a.test AAAA 2001:db8::7"]);
    internet.add(super::internet::TEST, "test", &["b.test NS ns6.a.test"]);
    internet.serve("2001:db8::7", "b.test", &["www.b.test A 192.0.2.90"]);
    assert_eq!(
        internet.ask("www.b.test", "A").answer(),
        ["www.b.test. A 192.0.2.90"]
    );
}

#[test]
fn where_ipv4_cannot_be_used_the_ipv6_address_of_a_server_is_looked_up() {
    let mut internet = plain();
    internet.add(
        "192.0.2.1",
        "a.test",
        &["ns.a.test A 192.0.2.9", "ns.a.test AAAA 2001:db8::9"],
    );
    internet.add(super::internet::TEST, "test", &["b.test NS ns.a.test"]);
    internet.serve("2001:db8::9", "b.test", &["www.b.test A 192.0.2.90"]);
    internet.cannot_use("192.0.2.9");
    assert_eq!(
        internet.ask("www.b.test", "A").answer(),
        ["www.b.test. A 192.0.2.90"]
    );
}

#[test]
fn without_ipv6_no_aaaa_of_a_server_is_looked_up() {
    let mut internet = plain();
    internet.plan.ipv6 = false;
    internet.add(super::internet::TEST, "test", &["b.test NS none.a.test"]);
    internet.add("192.0.2.1", "a.test", &["none.a.test TXT hello"]);
    let run = internet.ask("www.b.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    let asked = run.questions();
    assert!(asked.contains(&"none.a.test. A".to_owned()), "{asked:?}");
    assert!(
        !asked.contains(&"none.a.test. AAAA".to_owned()),
        "{asked:?}"
    );
}

#[test]
fn without_ipv6_a_server_with_aaaa_glue_alone_is_looked_up_when_the_others_fail() {
    let mut internet = plain();
    internet.plan.ipv6 = false;
    internet.add(
        super::internet::TEST,
        "test",
        &[
            "b.test NS mute.a.test",
            "b.test NS six.a.test",
            "mute.a.test A 192.0.2.7",
            "six.a.test AAAA 2001:db8::6",
        ],
    );
    internet.add("192.0.2.1", "a.test", &["six.a.test A 192.0.2.9"]);
    internet.serve("192.0.2.9", "b.test", &["www.b.test A 192.0.2.90"]);
    let run = internet.ask("www.b.test", "A");
    assert_eq!(run.answer(), ["www.b.test. A 192.0.2.90"]);
    assert_eq!(run.to("2001:db8::6"), 0);
}

#[test]
fn without_ipv4_no_a_of_a_server_is_looked_up() {
    let mut internet = Internet::new();
    internet.plan.ipv4 = false;
    internet.plan.root_hints = vec![(name("a.root-servers.net"), vec![ip("2001:db8::1")])];
    let top = [
        "test NS ns.nic.test",
        "ns.nic.test A 192.5.6.30",
        "ns.nic.test AAAA 2001:db8::2",
    ];
    internet.serve("2001:db8::1", ".", &top);
    let cuts = [
        "a.test NS ns0.a.test",
        "ns0.a.test AAAA 2001:db8::3",
        "b.test NS ns.a.test",
    ];
    internet.serve("2001:db8::2", "test", &cuts);
    let both = ["ns.a.test A 192.0.2.9", "ns.a.test AAAA 2001:db8::9"];
    internet.serve("2001:db8::3", "a.test", &both);
    internet.serve("2001:db8::9", "b.test", &["www.b.test A 192.0.2.90"]);
    let run = internet.ask("www.b.test", "A");
    assert_eq!(run.answer(), ["www.b.test. A 192.0.2.90"]);
    assert!(run.sent.iter().all(|sent| sent.to.is_ipv6()));
    let asked = run.questions();
    assert!(!asked.contains(&"ns.a.test. A".to_owned()), "{asked:?}");
}

#[test]
fn parent_and_child_on_one_server_need_no_referral() {
    let mut internet = plain();
    internet.serve(
        "192.0.2.1",
        "child.a.test",
        &["www.child.a.test A 192.0.2.91"],
    );
    internet.add("192.0.2.1", "a.test", &["child.a.test NS ns0.a.test"]);
    let run = internet.ask("www.child.a.test", "A");
    assert_eq!(run.answer(), ["www.child.a.test. A 192.0.2.91"]);
    assert_eq!(run.sent.len(), 4);
}

#[test]
fn ds_is_asked_of_the_parent_even_when_the_child_is_known() {
    let mut internet = plain();
    internet.ask("www.a.test", "A");
    let run = internet.ask("a.test", "DS");
    assert_eq!(
        (
            run.rcode(),
            run.to("192.0.2.1"),
            run.to(super::internet::TEST)
        ),
        (Rcode::NOERROR, 0, 1)
    );
    assert_eq!(run.response.authority[0].rrset.owner, name("test"));
}

#[test]
fn any_is_answered_with_one_rrset() {
    let mut internet = plain();
    internet.add(
        "192.0.2.1",
        "a.test",
        &["many.a.test A 192.0.2.1", "many.a.test TXT hello"],
    );
    let run = internet.ask("many.a.test", "ANY");
    assert_eq!(run.response.answer.len(), 1);
}

#[test]
fn ttl_zero_is_answered_and_not_kept() {
    let mut internet = plain();
    internet.twist("192.0.2.1", |_, message| {
        for record in &mut message.answer {
            record.ttl = 0;
        }
    });
    for _ in 0..2 {
        let run = internet.ask("www.a.test", "A");
        assert_eq!(run.response.answer[0].ttl, 0);
        assert!(run.to("192.0.2.1") == 1);
    }
}

#[test]
fn the_cap_on_ttls_holds_for_what_is_not_kept_too() {
    let mut internet = plain();
    let short = crate::config::plan::Cache {
        max_ttl: 60,
        ..super::internet::cache_plan()
    };
    internet.cache = crate::cache::Cache::with_secret(&short, 1, 2);
    let run = internet.ask("www.a.test", "A");
    let sections = [
        &run.response.answer,
        &run.response.authority,
        &run.response.additional,
    ];
    let ttls: Vec<u32> = sections
        .into_iter()
        .flatten()
        .map(|held| held.ttl)
        .collect();
    assert!(ttls.len() >= 2, "{ttls:?}");
    assert!(ttls.iter().all(|ttl| *ttl == 60), "{ttls:?}");
}

#[test]
fn the_largest_ttl_is_handed_on_as_a_day() {
    let mut internet = plain();
    internet.twist("192.0.2.1", |_, message| {
        for record in &mut message.answer {
            record.ttl = 0x7FFF_FFFF;
        }
    });
    assert_eq!(
        internet.ask("www.a.test", "A").response.answer[0].ttl,
        86_400
    );
}

#[test]
fn signatures_stay_beside_what_they_cover_and_nothing_is_called_authenticated() {
    let mut internet = plain();
    internet.twist("192.0.2.1", |question, message| {
        let mut signature = rr(&format!("{} TXT x", question.name));
        signature.rtype = RecordType::RRSIG;
        signature.rdata = [&[0, 1][..], &[0; 30][..]].concat().into();
        message.answer.push(signature);
        message.header.flags = message.header.flags.with_ad(true);
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.response.answer.len(), 1);
    assert_eq!(run.response.answer[0].rrset.rrsigs.len(), 1);
    assert!(!run.response.is_authenticated());
    assert_eq!(internet.ask("www.a.test", "RRSIG").rcode(), Rcode::NOERROR);
}

#[test]
fn a_truncated_reply_that_reaches_us_is_asked_again_over_tcp_of_the_same_server() {
    use crate::recursion::{Heard, Step};
    let internet = plain();
    let plan = std::sync::Arc::new(internet.plan.clone());
    let question = crate::wire::Question::new(name("test"), RecordType::SOA);
    let mut recursion = Recursion::new(question, plan, 0);
    let mut budget = internet.budget();
    let routes = NoRoutes;
    let Step::Ask(ask) = recursion.step(&internet.cache, &routes, &mut budget, internet.now) else {
        panic!("nothing asked")
    };
    let mut message = reply(&ask.question);
    message.header.flags = message.header.flags.with_tc(true);
    let heard = Heard::Reply {
        server: ask.servers[0],
        over: Over::Udp,
        message: message.into(),
        bytes: 12,
    };
    recursion.heard(heard, &internet.cache, &mut budget, internet.now);
    let Step::Ask(again) = recursion.step(&internet.cache, &routes, &mut budget, internet.now)
    else {
        panic!("nothing asked")
    };
    assert_eq!((again.over, &again.servers), (Over::Tcp, &ask.servers));
}

struct NoRoutes;

impl crate::recursion::Routes for NoRoutes {
    fn route(&self, _: &crate::wire::Name, _: RecordType) -> Route {
        Route::Iterate
    }
}

#[test]
fn a_rrset_of_1500_records_is_answered_and_not_kept() {
    let mut internet = plain();
    internet.villain("192.0.2.1", |question, over| {
        let mut message = says(question, &[]);
        if question.name == name("big.a.test") {
            if over == Over::Udp {
                message.header.flags = message.header.flags.with_tc(true);
            } else {
                message.answer = (0..1500)
                    .map(|i| rr(&format!("big.a.test A 10.0.{}.{}", i / 250, i % 250)))
                    .collect();
            }
        }
        Deed::Say(message)
    });
    for _ in 0..2 {
        let run = internet.ask("big.a.test", "A");
        assert_eq!(run.answer().len(), 1500);
        assert!(run.sent.iter().any(|sent| sent.over == Over::Tcp));
    }
    assert!(
        internet
            .cache
            .rrset(
                &name("big.a.test"),
                RecordType::A,
                Rank::Additional,
                internet.now
            )
            .is_none()
    );
}

#[test]
fn priming_makes_the_root_delegation_that_later_names_start_from() {
    let mut internet = plain();
    internet.add(
        super::internet::ROOT,
        ".",
        &[
            ". NS b.root-servers.net",
            "b.root-servers.net A 199.9.14.201",
        ],
    );
    internet.twist(super::internet::ROOT, |question, message| {
        if question.rtype == RecordType::NS {
            message
                .additional
                .push(rr("b.root-servers.net A 199.9.14.201"));
            message.additional.push(rr("evil.example A 6.6.6.6"));
        }
    });
    internet.cause = InternalCause::Priming;
    let run = internet.ask(".", "NS");
    assert_eq!((run.rcode(), run.sent.len()), (Rcode::NOERROR, 1));
    let root = internet.cache.delegation(&name("."), internet.now).unwrap();
    let mut addresses: Vec<_> = root
        .servers
        .iter()
        .flat_map(|server| server.addresses.clone())
        .collect();
    addresses.sort();
    // The one without an address in the reply keeps that of the hints.
    assert_eq!(addresses, [ip("198.41.0.4"), ip("199.9.14.201")]);
    assert_eq!(
        internet.ask(".", "NS").sent.len(),
        1,
        "priming renews what is cached"
    );
    internet.silence(super::internet::ROOT);
    internet.serve(
        "199.9.14.201",
        ".",
        &["test NS ns.nic.test", "ns.nic.test A 192.5.6.30"],
    );
    internet.cause = InternalCause::Audit;
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.answer(), ["www.a.test. A 192.0.2.80"]);
    assert!(run.to("199.9.14.201") >= 1);
}

#[test]
fn a_failed_priming_is_not_held_against_anybody() {
    let mut internet = plain();
    internet.villain(super::internet::ROOT, |_, _| Deed::Unreachable);
    internet.cause = InternalCause::Priming;
    assert_eq!(internet.ask(".", "NS").rcode(), Rcode::SERVFAIL);
    internet.cause = InternalCause::Audit;
    assert_eq!(internet.ask("www.a.test", "A").rcode(), Rcode::SERVFAIL);
    assert_eq!(
        internet.cache.failures(),
        0,
        "no route of our own is nobody's failure"
    );
}

#[test]
fn a_zone_that_moved_is_found_again_through_its_parent() {
    let mut internet = plain();
    internet.ask("www.a.test", "A");
    internet.errs("192.0.2.1", Rcode::REFUSED);
    internet.villain(super::internet::TEST, |question, _| {
        Deed::Say(super::internet::refers(
            question,
            &["a.test NS ns0.a.test", "ns0.a.test A 192.0.2.11"],
        ))
    });
    internet.serve("192.0.2.11", "a.test", &["new.a.test A 192.0.2.83"]);
    let run = internet.ask("new.a.test", "A");
    assert_eq!(run.answer(), ["new.a.test. A 192.0.2.83"]);
    assert_eq!(run.sent.len(), 3, "{:?}", run.questions());
}

#[test]
fn servers_that_failed_are_not_asked_again_because_the_parent_names_them_again() {
    let mut internet = plain();
    internet.ask("www.a.test", "A");
    internet.errs("192.0.2.1", Rcode::REFUSED);
    let run = internet.ask("new.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert_eq!((run.to(super::internet::TEST), run.to("192.0.2.1")), (1, 1));
}

#[test]
fn a_child_does_not_prolong_its_own_delegation() {
    let mut internet = plain();
    internet.ask("www.a.test", "A");
    let ends = internet
        .cache
        .delegation(&name("a.test"), internet.now)
        .unwrap()
        .expires_at;
    internet.wait(200);
    internet.ask("a.test", "NS");
    internet.ask("deep.er.a.test", "A");
    let still = internet
        .cache
        .delegation(&name("a.test"), internet.now)
        .unwrap()
        .expires_at;
    assert_eq!(ends, still);
    internet.wait(101);
    assert!(
        internet
            .cache
            .delegation(&name("a.test"), internet.now)
            .is_none()
    );
}

#[test]
fn the_trace_tells_every_step_in_words() {
    let mut internet = plain();
    let run = internet.ask("www.a.test", "A");
    let asks = run
        .trace
        .iter()
        .filter(|event| matches!(event.what, Happening::Ask { .. }))
        .count();
    assert_eq!(asks, 3);
    let words: Vec<String> = run.trace.iter().map(ToString::to_string).collect();
    assert!(
        words.contains(&"referral from . to test.: 1 servers, 1 addresses".to_owned()),
        "{words:#?}"
    );
    assert!(
        words.contains(&"ask a.test. A (minimised) of test. (1 servers)".to_owned()),
        "{words:#?}"
    );
    assert_eq!(words.last().unwrap(), "done: www.a.test. A NOERROR");
}

#[test]
fn an_error_with_no_question_section_is_still_an_error() {
    let mut internet = plain();
    internet.villain("192.0.2.1", |question, _| {
        let mut message = error(question, Rcode::FORMERR);
        message.question = None;
        Deed::Say(message)
    });
    assert_eq!(
        internet.ask("www.a.test", "A").ede(),
        (23, "192.0.2.1 answered FORMERR for a.test.".to_owned())
    );
}
