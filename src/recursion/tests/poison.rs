//! What a server may not say: glue, referrals and negative answers beyond its zone (threats.md 4.1).

use super::internet::{Deed, Internet, TEST, cached, name, refers, reply, rr, says, soa};
use crate::cache::Rank;
use crate::wire::{Rcode, RecordType};

const A: &str = "192.0.2.1";

#[test]
fn glue_is_used_for_its_delegation_and_is_never_an_answer() {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[A],
        &["www.a.test A 192.0.2.80", "ns0.a.test A 192.0.2.99"],
    );
    internet.ask("www.a.test", "A");
    assert!(
        !cached(&internet)
            .iter()
            .any(|(line, _)| line.starts_with("ns0.a.test"))
    );
    assert_eq!(
        internet.ask("ns0.a.test", "A").answer(),
        ["ns0.a.test. A 192.0.2.99"],
        "the zone's own word counts"
    );
}

#[test]
fn glue_outside_the_referring_zone_is_ignored_unless_that_is_switched_off() {
    for harden in [true, false] {
        let mut internet = Internet::new();
        internet.plan.harden_glue = harden;
        internet.zone("a.test", &[A], &[]);
        internet.villain(A, |question, _| {
            Deed::Say(refers(
                question,
                &["sub.a.test NS ns.b.test", "ns.b.test A 6.6.6.6"],
            ))
        });
        internet.zone("b.test", &["192.0.2.2"], &["ns.b.test A 192.0.2.3"]);
        internet.serve("192.0.2.3", "sub.a.test", &["w.sub.a.test A 192.0.2.80"]);
        internet.villain("6.6.6.6", |question, _| {
            Deed::Say(says(question, &["w.sub.a.test A 6.6.6.6"]))
        });
        let run = internet.ask("w.sub.a.test", "A");
        assert_eq!(run.to("6.6.6.6") > 0, !harden);
        assert_eq!(run.answer()[0].ends_with("6.6.6.6"), !harden);
        assert_eq!(
            internet.ask("ns.b.test", "A").answer(),
            ["ns.b.test. A 192.0.2.3"]
        );
    }
}

#[test]
fn sibling_glue_serves_the_delegation_it_came_with_and_no_other() {
    let mut internet = Internet::new();
    internet.add(
        TEST,
        "test",
        &[
            "a.test NS ns.b.test",
            "ns.b.test A 192.0.2.5",
            "b.test NS ns.b.test",
        ],
    );
    internet.serve("192.0.2.5", "a.test", &["www.a.test A 192.0.2.80"]);
    let run = internet.ask("www.a.test", "A");
    assert_eq!((run.answer().len(), run.sent.len()), (1, 3));
    assert!(
        internet
            .cache
            .rrset(
                &name("ns.b.test"),
                RecordType::A,
                Rank::Additional,
                internet.now
            )
            .is_none()
    );
}

#[test]
fn addresses_of_servers_that_the_referral_does_not_list_are_ignored() {
    let mut internet = Internet::new();
    internet.add(
        TEST,
        "test",
        &["a.test NS ns.a.test", "ns.a.test A 192.0.2.1"],
    );
    internet.twist(TEST, |_, message| {
        message.additional.push(rr("other.a.test A 6.6.6.6"))
    });
    internet.serve(A, "a.test", &["www.a.test A 192.0.2.80"]);
    internet.ask("www.a.test", "A");
    let delegation = internet
        .cache
        .delegation(&name("a.test"), internet.now)
        .unwrap();
    assert_eq!(delegation.servers.len(), 1);
    assert_eq!(delegation.servers[0].addresses, [super::internet::ip(A)]);
}

#[test]
fn a_referral_must_lead_strictly_down_towards_the_name() {
    for zone in [
        "b.test",
        "test",
        "a.test",
        "www.b.test",
        ".",
        "x.www.a.test",
        "evil.a.test",
    ] {
        let mut internet = Internet::new();
        internet.zone("a.test", &[A], &[]);
        let ns = format!("{zone} NS ns.a.test");
        internet.villain(A, move |question, _| {
            Deed::Say(refers(question, &[&ns, "ns.a.test A 6.6.6.6"]))
        });
        let run = internet.ask("www.a.test", "A");
        assert_eq!(
            (run.rcode(), run.to("6.6.6.6")),
            (Rcode::SERVFAIL, 0),
            "{zone}"
        );
        let kept = internet.cache.delegation(&name(zone), internet.now);
        assert!(
            kept.is_none_or(|kept| kept
                .servers
                .iter()
                .all(|server| server.name != name("ns.a.test"))),
            "{zone}"
        );
    }
}

#[test]
fn servers_named_beside_a_positive_answer_are_not_a_delegation() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[A], &["www.a.test A 192.0.2.80"]);
    internet.twist(A, |_, message| {
        message.authority.push(rr("a.test NS ns.evil.a.test"));
        message.additional.push(rr("ns.evil.a.test A 6.6.6.6"));
    });
    let run = internet.ask("www.a.test", "A");
    assert!(
        run.authority()
            .contains(&"a.test. NS ns.evil.a.test.".to_owned()),
        "shown to who wants full responses"
    );
    assert!(
        !cached(&internet)
            .iter()
            .any(|(line, _)| line.contains("evil"))
    );
    let run = internet.ask("other.a.test", "A");
    assert_eq!((run.to("6.6.6.6"), run.to(A)), (0, 1));
}

#[test]
fn an_soa_of_another_zone_is_not_handed_on() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[A], &[]);
    internet.villain(A, |question, _| {
        let mut message = says(question, &[]);
        message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        for zone in ["b.test", "test", "x.www.a.test"] {
            message.authority.push(soa(zone));
        }
        Deed::Say(message)
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(
        (run.rcode(), run.response.authority.len()),
        (Rcode::NXDOMAIN, 0)
    );
}

#[test]
fn records_of_other_classes_are_not_seen() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[A], &[]);
    internet.villain(A, |question, _| {
        let mut message = says(question, &["www.a.test A 6.6.6.6"]);
        for record in &mut message.answer {
            record.class = crate::wire::Class::CH;
        }
        message.authority.push(soa("a.test"));
        Deed::Say(message)
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!((run.rcode(), run.answer().len()), (Rcode::NOERROR, 0));
}

#[test]
fn an_answer_without_aa_and_ra_is_taken_with_lower_rank() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[A], &[]);
    internet.villain(A, |question, _| {
        let mut message = reply(question);
        message.answer.push(rr("www.a.test A 192.0.2.80"));
        Deed::Say(message)
    });
    assert_eq!(internet.ask("www.a.test", "A").answer().len(), 1);
    assert_eq!(
        cached(&internet),
        [("www.a.test. A 192.0.2.80".to_owned(), Rank::NonAuthAnswer)]
    );
}
