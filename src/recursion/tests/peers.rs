//! The rows of peer-behaviour.md that need no DNSSEC: at least as good as the best peer, from cold.

use super::internet::{
    Deed, Internet, ROOT, TEST, cached, error, name, refers, reply, rr, says, soa,
};
use crate::config::plan::Minimisation;
use crate::recursion::Over;
use crate::recursion::trace::Happening;
use crate::wire::{Rcode, RecordType};

const EVIL: &str = "192.0.2.66";
const VICTIM: &str = "192.0.2.7";

fn with_evil(deed: impl FnMut(&crate::wire::Question, Over) -> Deed + 'static) -> Internet {
    let mut internet = Internet::new();
    internet.zone("evil.test", &[EVIL], &[]);
    internet.villain(EVIL, deed);
    internet
}

#[test]
fn nxns_with_60_names_in_another_zone_costs_at_most_5_packets_to_either_side() {
    let names: Vec<String> = (0..60)
        .map(|i| format!("sub.evil.test NS ns{i}.victim.test"))
        .collect();
    let mut internet = with_evil(move |question, _| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Deed::Say(refers(question, &names))
    });
    internet.zone("victim.test", &[VICTIM], &["www.victim.test A 192.0.2.80"]);
    let run = internet.ask("x.sub.evil.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(
        run.to(EVIL) <= 2 && run.to(VICTIM) <= 3,
        "{:?}",
        run.questions()
    );
    assert!(run.sent.len() <= 9, "{}", run.sent.len());
    let again = internet.ask("y.sub.evil.test", "A");
    assert!(again.to(VICTIM) <= 3);
}

#[test]
fn nxns_with_60_names_under_60_evil_delegations_costs_at_most_10_packets_to_the_evil_side() {
    // Each NS name lies below a delegation of its own that again lists 60 names, and so on.
    let mut internet = with_evil(move |question, _| {
        let cut = question.name.suffix(3);
        let names: Vec<String> = (0..60)
            .map(|i| {
                format!(
                    "{cut} NS a.n{i}x{}.evil.test",
                    question.name.as_wire().len()
                )
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Deed::Say(refers(question, &names))
    });
    let run = internet.ask("x.sub.evil.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(run.to(EVIL) <= 10, "{:?}", run.questions());
}

#[test]
fn nxns_with_50_unresolvable_names_in_the_parent_is_bounded_too() {
    let mut internet = Internet::new();
    let names: Vec<String> = (0..50)
        .map(|i| format!("evil.test NS ns{i}.nowhere{i}.test"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    internet.add(TEST, "test", &names);
    let run = internet.ask("x.evil.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    // Three names looked up; each is denied at its middle label, then in full (relaxed minimisation).
    assert!(run.sent.len() <= 8, "{:?}", run.questions());
}

#[test]
fn a_delegation_per_label_over_35_labels_resolves_within_37_packets() {
    let mut internet = Internet::new();
    let address = |depth: usize| format!("10.1.0.{depth}");
    let mut zone = "test".to_owned();
    let mut at = TEST.to_owned();
    for depth in 1..=34 {
        let child = format!("d{depth}.{zone}");
        let ns = format!("{child} NS ns.{child}");
        let glue = format!("ns.{child} A {}", address(depth));
        internet.add(&at, &zone, &[&ns, &glue]);
        internet.serve(&address(depth), &child, &[&format!("{child} A 192.0.2.80")]);
        (zone, at) = (child, address(depth));
    }
    for mode in [
        Minimisation::Relaxed,
        Minimisation::Off,
        Minimisation::Strict,
    ] {
        internet.plan.qname_minimisation = mode;
        internet
            .cache
            .flush(&name("."), crate::cache::FlushScope::All);
        let run = internet.ask(&zone, "A");
        assert_eq!(
            (run.rcode(), run.answer().len()),
            (Rcode::NOERROR, 1),
            "{mode:?} {:?}",
            run.response.ede
        );
        assert!(run.sent.len() <= 37, "{mode:?}: {}", run.sent.len());
    }
}

#[test]
fn a_loop_of_zones_that_are_served_from_each_other_fails_at_once() {
    let mut internet = Internet::new();
    internet.add(
        TEST,
        "test",
        &[
            "a.test NS ns.b.test",
            "b.test NS ns.c.test",
            "c.test NS ns.a.test",
        ],
    );
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(
        run.took.as_millis() < 200 && run.sent.len() <= 5,
        "{:?}",
        run.questions()
    );
    // a needs b, b needs c, c needs a: the third look-up is the last, not the one that a depth limit stops.
    let lookups = |run: &super::internet::Run| {
        run.trace
            .iter()
            .filter(|event| matches!(event.what, Happening::LookUp { .. }))
            .count()
    };
    assert_eq!(lookups(&run), 3);
    assert!(!run.ede().1.contains("nested"), "{:?}", run.ede());
    // A server whose name lies in the zone it serves is not looked up at all.
    internet.add(TEST, "test", &["d.test NS ns.d.test"]);
    let run = internet.ask("www.d.test", "A");
    assert_eq!(
        (run.rcode(), lookups(&run), run.sent.len()),
        (Rcode::SERVFAIL, 0, 1)
    );
    // Also when the name asked for is one of those the servers have.
    let run = internet.ask("ns.b.test", "AAAA");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(run.sent.len() <= 3, "{:?}", run.questions());
}

#[test]
fn a_failure_that_only_the_loop_caused_is_not_held_against_the_other_zone() {
    // b.test has a good server beside the one that loops; whoever asks it first through a.test must not spoil it.
    let mut internet = Internet::new();
    internet.add(
        TEST,
        "test",
        &[
            "a.test NS ns.b.test",
            "b.test NS ns.a.test",
            "b.test NS ns.good.test",
        ],
    );
    internet.zone("good.test", &[VICTIM], &["ns.good.test A 192.0.2.8"]);
    internet.serve(
        "192.0.2.8",
        "b.test",
        &["ns.b.test A 192.0.2.9", "www.b.test A 192.0.2.80"],
    );
    internet.serve("192.0.2.9", "a.test", &["www.a.test A 192.0.2.81"]);
    for dice in 0..4 {
        internet.dice = dice;
        internet
            .cache
            .flush(&name("."), crate::cache::FlushScope::All);
        assert_eq!(
            internet.ask("www.a.test", "A").answer(),
            ["www.a.test. A 192.0.2.81"]
        );
        assert_eq!(
            internet.ask("www.b.test", "A").answer(),
            ["www.b.test. A 192.0.2.80"]
        );
    }
}

#[test]
fn cnames_times_glueless_times_deep_cost_at_most_14_packets() {
    // CAMP: every link leads into a fresh glueless delegation, whose server's name again leads through links.
    let mut internet = with_evil(move |question, _| {
        let labels = question.name.label_count();
        let first = question.name.suffix(3);
        let mark = question.name.as_wire().len();
        if labels <= 3 {
            let link = format!("{} CNAME w.c{mark}.evil.test", question.name);
            return Deed::Say(says(question, &[&link]));
        }
        let names: Vec<String> = (0..5)
            .map(|i| format!("{first} NS n{i}m{mark}.evil.test"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Deed::Say(refers(question, &names))
    });
    let run = internet.ask("w.x.evil.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(
        run.sent.len() <= 14,
        "{}: {:?}",
        run.sent.len(),
        run.questions()
    );
}

#[test]
fn mute_servers_cost_few_packets_and_at_most_5_seconds() {
    for (servers, packets) in [(1, 2), (2, 3), (3, 4), (4, 5), (13, 8)] {
        let addresses: Vec<String> = (1..=servers).map(|i| format!("192.0.2.{i}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        for labels in ["w", "w.x.y.z"] {
            let mut internet = Internet::new();
            internet.zone("mute.test", &addresses, &[]);
            addresses.iter().for_each(|at| internet.silence(at));
            let run = internet.ask(&format!("{labels}.mute.test"), "A");
            assert_eq!((run.rcode(), run.ede().0), (Rcode::SERVFAIL, 22));
            assert!(
                run.sent.len() - 2 <= packets,
                "{servers} servers: {:?}",
                run.questions()
            );
            assert!(
                run.took.as_millis() <= 5000,
                "{servers} servers: {:?}",
                run.took
            );
            let again = internet.ask(&format!("{labels}.mute.test"), "A");
            assert_eq!(again.sent.len(), 0);
        }
    }
}

#[test]
fn fifty_names_of_one_silent_server_or_of_fifty_cost_at_most_5_seconds() {
    for distinct in [false, true] {
        let mut internet = Internet::new();
        for i in 0..50 {
            let ns = format!("mute.test NS ns{i}.mute.test");
            let address = if distinct { 100 + i } else { 1 };
            let glue = format!("ns{i}.mute.test A 192.0.2.{address}");
            internet.add(TEST, "test", &[&ns, &glue]);
        }
        let run = internet.ask("w.mute.test", "A");
        assert_eq!(run.rcode(), Rcode::SERVFAIL);
        assert!(
            run.sent.len() <= 10 && run.took.as_millis() <= 5000,
            "{} in {:?}",
            run.sent.len(),
            run.took
        );
    }
}

#[test]
fn servers_that_drop_a_first_query_answer_the_second_however_many_there_are() {
    // What egress makes of servers that drop EDNS: silence at first, plain and answered the second time.
    for servers in 1..=5 {
        let addresses: Vec<String> = (1..=servers).map(|i| format!("192.0.2.{i}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        for owner in ["www.drop.test", "a.b.c.drop.test"] {
            let mut internet = Internet::new();
            internet.zone("drop.test", &addresses, &[]);
            for at in &addresses {
                let mut asked = 0;
                internet.villain(at, move |question, _| {
                    asked += 1;
                    if asked == 1 {
                        return Deed::Silence;
                    }
                    Deed::Say(says(
                        question,
                        &[&format!("{} A 192.0.2.80", question.name)],
                    ))
                });
            }
            let run = internet.ask(owner, "A");
            assert_eq!(
                (run.rcode(), run.answer().len()),
                (Rcode::NOERROR, 1),
                "{servers} servers"
            );
            assert!(run.sent.len() <= 8);
        }
    }
}

#[test]
fn silence_at_every_turn_of_a_chain_is_summed_up() {
    // Each link leads to a zone whose first two servers are mute: one by one bearable, together not.
    let mut internet = Internet::new();
    internet.latency = std::time::Duration::from_millis(20);
    for i in 0..10 {
        let zone = format!("z{i}.test");
        let mute = [
            format!("10.2.{i}.1"),
            format!("10.2.{i}.2"),
            format!("10.2.{i}.3"),
        ];
        let mute: Vec<&str> = mute.iter().map(String::as_str).collect();
        let link = format!("w.{zone} CNAME w.z{}.test", i + 1);
        internet.zone(&zone, &mute, &[&link]);
        internet.silence(mute[0]);
        internet.silence(mute[1]);
    }
    let run = internet.ask("w.z0.test", "A");
    assert_eq!((run.rcode(), run.ede().0), (Rcode::SERVFAIL, 22));
    assert!(run.ede().1.contains("did not answer"), "{:?}", run.ede());
    assert!(run.took.as_millis() <= 5000, "{:?}", run.took);
}

#[test]
fn poison_in_any_section_is_neither_handed_on_nor_kept() {
    let mut internet = Internet::new();
    internet.zone(
        "evil.test",
        &[EVIL],
        &["www.evil.test A 192.0.2.80", "other.evil.test A 192.0.2.81"],
    );
    internet.zone("victim.test", &[VICTIM], &["www.victim.test A 192.0.2.99"]);
    internet.twist(EVIL, |_, message| {
        for section in [
            &mut message.answer,
            &mut message.authority,
            &mut message.additional,
        ] {
            section.push(rr("www.victim.test A 6.6.6.6"));
            section.push(rr("victim.test NS ns.evil.test"));
            section.push(rr("test NS ns.evil.test"));
            section.push(rr(". NS ns.evil.test"));
            section.push(rr("ns.nic.test A 6.6.6.6"));
            section.push(rr("ns.evil.test A 6.6.6.6"));
            section.push(rr("unrelated.evil.test A 6.6.6.6"));
            section.push(rr("victim.test DNAME evil.test"));
        }
    });
    let run = internet.ask("www.evil.test", "A");
    assert_eq!(run.answer(), ["www.evil.test. A 192.0.2.80"]);
    assert!(
        run.authority()
            .iter()
            .all(|line| !line.contains("ns.evil.test")),
        "{:?}",
        run.authority()
    );
    internet.ask("no.evil.test", "A");
    internet.ask("no.such.evil.test", "MX");
    for (line, _) in cached(&internet) {
        assert!(
            !line.contains("6.6.6.6") && !line.contains("ns.evil.test"),
            "{line}"
        );
    }
    let run = internet.ask("www.victim.test", "A");
    assert_eq!(run.answer(), ["www.victim.test. A 192.0.2.99"]);
    assert_eq!(run.to(EVIL), 0);
}

#[test]
fn a_server_that_changes_its_mind_forever_is_cut_off_by_the_budget() {
    // Every reply refers one label further down, to itself, for a name of 100 labels.
    let mut internet = with_evil(|question, _| Deed::Say(error(question, Rcode::REFUSED)));
    let long = format!("{}evil.test", "l.".repeat(100));
    let full = name(&long);
    let mut depth = 2;
    internet.villain(EVIL, move |question, _| {
        depth += 1;
        let cut = full.suffix(depth.min(question.name.label_count()));
        let ns = format!("{cut} NS ns.{cut}");
        let glue = format!("ns.{cut} A {EVIL}");
        Deed::Say(refers(question, &[&ns, &glue]))
    });
    let run = internet.ask(&long, "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(run.sent.len() <= 50, "{}", run.sent.len());
    assert_eq!(
        internet.ask(&long, "A").sent.len(),
        0,
        "what was too expensive is not tried again at once"
    );
}

#[test]
fn a_reply_full_of_everything_is_read_as_what_it_answers() {
    // Answer, SOA, referral and NXDOMAIN at once: the answer counts.
    let mut internet = with_evil(|question, _| {
        let mut message = says(question, &["www.evil.test A 192.0.2.80"]);
        message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        message.authority.push(soa("evil.test"));
        message.authority.push(rr("www.evil.test NS ns.evil.test"));
        Deed::Say(message)
    });
    let run = internet.ask("www.evil.test", "A");
    assert_eq!((run.rcode(), run.answer().len()), (Rcode::NOERROR, 1));
}

#[test]
fn root_servers_that_say_nothing_useful_fail_at_once() {
    for kind in 0..3 {
        let mut internet = Internet::new();
        internet.villain(ROOT, move |question, _| {
            Deed::Say(match kind {
                0 => reply(question),
                1 => refers(
                    question,
                    &[". NS a.root-servers.net", "a.root-servers.net A 198.41.0.4"],
                ),
                _ => error(question, Rcode::SERVFAIL),
            })
        });
        let run = internet.ask("www.a.test", "A");
        assert_eq!(run.rcode(), Rcode::SERVFAIL);
        assert!(run.sent.len() <= 2, "{:?}", run.questions());
    }
    let mut internet = Internet::new();
    internet.plan.root_hints.clear();
    let run = internet.ask("www.a.test", "A");
    assert_eq!((run.rcode(), run.sent.len()), (Rcode::SERVFAIL, 0));
    assert_eq!(run.response.answer.len(), 0);
    assert!(
        internet
            .cache
            .failure(
                &crate::wire::Question::new(name("www.a.test"), RecordType::A),
                internet.now
            )
            .is_some()
    );
}

#[test]
fn a_zone_that_failed_once_in_a_query_is_not_asked_again_for_its_other_names() {
    let mut internet = Internet::new();
    internet.add(
        TEST,
        "test",
        &[
            "z.test NS ns1.dead.test",
            "z.test NS ns2.dead.test",
            "z.test NS ns3.dead.test",
        ],
    );
    internet.zone("dead.test", &[VICTIM], &[]);
    internet.errs(VICTIM, Rcode::REFUSED);
    let run = internet.ask("w.z.test", "A");
    assert_eq!((run.rcode(), run.to(VICTIM)), (Rcode::SERVFAIL, 1));
    assert!(run.sent.len() <= 4, "{:?}", run.questions());
}
