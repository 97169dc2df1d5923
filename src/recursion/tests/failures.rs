//! Servers that fail: the next one is asked within the same query (hickory.md 4.1), and a person is told why.

use super::internet::{Deed, Internet, Run, TEST, error, name, reply, rr, says, soa};
use crate::cache::Rank;
use crate::wire::{Class, Question, Rcode, RecordType};

const GOOD: &str = "192.0.2.2";
const BAD: &str = "192.0.2.1";

/// `a.test` with a bad and a good server; six names.
fn two_servers() -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[BAD, GOOD],
        &[
            "n0.a.test A 192.0.2.80",
            "n1.a.test A 192.0.2.80",
            "n2.a.test A 192.0.2.80",
            "n3.a.test A 192.0.2.80",
            "n4.a.test A 192.0.2.80",
            "n5.a.test A 192.0.2.80",
        ],
    );
    internet
}

fn six_resolve(mut internet: Internet) {
    for dice in 0..4 {
        internet.dice = dice;
        internet
            .cache
            .flush(&name("."), crate::cache::FlushScope::All);
        for place in 0..6 {
            let run = internet.ask(&format!("n{place}.a.test"), "A");
            assert_eq!(
                run.answer().len(),
                1,
                "name {place}, dice {dice}: {:?}",
                run.response.ede
            );
            assert!(run.to(BAD) <= 2, "{:?}", run.questions());
        }
    }
}

#[test]
fn where_one_server_refuses_the_other_answers() {
    for rcode in [
        Rcode::REFUSED,
        Rcode::SERVFAIL,
        Rcode::NOTIMP,
        Rcode::FORMERR,
        Rcode::NOTAUTH,
    ] {
        let mut internet = two_servers();
        internet.errs(BAD, rcode);
        six_resolve(internet);
    }
}

#[test]
fn where_one_server_is_silent_the_other_answers_within_a_second() {
    let mut internet = two_servers();
    internet.silence(BAD);
    let run = internet.ask("n0.a.test", "A");
    assert_eq!((run.answer().len(), run.to(BAD)), (1, 1));
    assert!(run.took.as_millis() < 1000, "{:?}", run.took);
    six_resolve(internet);
}

#[test]
fn where_one_server_is_lame_in_any_way_the_other_answers() {
    let lame: Vec<fn(&Question) -> Deed> = vec![
        // Empty, not authoritative.
        |question| Deed::Say(reply(question)),
        // Upward.
        |question| {
            Deed::Say(super::internet::refers(
                question,
                &[". NS a.root-servers.net", "a.root-servers.net A 198.41.0.4"],
            ))
        },
        // To itself.
        |question| {
            Deed::Say(super::internet::refers(
                question,
                &["a.test NS ns0.a.test", "ns0.a.test A 192.0.2.1"],
            ))
        },
        // Sideways.
        |question| {
            Deed::Say(super::internet::refers(
                question,
                &["b.test NS ns0.a.test", "ns0.a.test A 192.0.2.1"],
            ))
        },
        // Another question.
        |question| {
            let mut message = says(question, &["n0.a.test A 6.6.6.6"]);
            message.question = Some((Question::new(name("x.test"), RecordType::A), Class::IN));
            Deed::Say(message)
        },
        // A query instead of a response; another opcode; truncated even over TCP.
        |question| {
            let mut message = says(question, &["n0.a.test A 6.6.6.6"]);
            message.header.flags = message.header.flags.with_qr(false);
            Deed::Say(message)
        },
        |question| {
            let mut message = says(question, &["n0.a.test A 6.6.6.6"]);
            message.header.flags = message.header.flags.with_opcode(5);
            Deed::Say(message)
        },
        |question| {
            let mut message = says(question, &["n0.a.test A 6.6.6.6"]);
            message.header.flags = message.header.flags.with_tc(true);
            Deed::Say(message)
        },
        |_| Deed::Garbage,
        |_| Deed::Unreachable,
    ];
    for (kind, deed) in lame.into_iter().enumerate() {
        good_answers_beside(deed, kind);
        let (_, run) = ask_both_doing(deed);
        assert_eq!(
            run.rcode(),
            Rcode::SERVFAIL,
            "kind {kind}: {:?}",
            run.answer()
        );
        assert!(
            run.to(BAD) + run.to(GOOD) <= 6,
            "kind {kind}: {}",
            run.sent.len()
        );
    }
}

/// Three names are answered well although one of two servers does this.
fn good_answers_beside(deed: fn(&Question) -> Deed, kind: usize) {
    let mut internet = two_servers();
    internet.villain(BAD, move |question, _| deed(question));
    for place in 0..3 {
        let run = internet.ask(&format!("n{place}.a.test"), "A");
        assert_eq!(
            run.answer(),
            [format!("n{place}.a.test. A 192.0.2.80")],
            "kind {kind}"
        );
    }
}

/// What becomes of a name when both servers do this.
fn ask_both_doing(deed: fn(&Question) -> Deed) -> (Internet, Run) {
    let mut internet = two_servers();
    for server in [BAD, GOOD] {
        internet.villain(server, move |question, _| deed(question));
    }
    let run = internet.ask("n0.a.test", "A");
    (internet, run)
}

#[test]
fn what_a_doubtful_server_says_is_taken_when_nobody_says_better() {
    type Doubtful = (fn(&Question) -> Deed, Rcode, usize);
    let doubtful: Vec<Doubtful> = vec![
        // From somebody's cache.
        (
            |question| {
                let mut message = reply(question);
                message.header.flags = message.header.flags.with_ra(true);
                message
                    .answer
                    .push(rr(&format!("{} A 6.6.6.6", question.name)));
                Deed::Say(message)
            },
            Rcode::NOERROR,
            1,
        ),
        // NXDOMAIN without authority.
        (
            |question| Deed::Say(error(question, Rcode::NXDOMAIN)),
            Rcode::NXDOMAIN,
            0,
        ),
        // NODATA with the SOA of a zone above.
        (
            |question| {
                let mut message = says(question, &[]);
                message.authority.push(soa("test"));
                Deed::Say(message)
            },
            Rcode::NOERROR,
            0,
        ),
        // NODATA and nothing else.
        (|question| Deed::Say(says(question, &[])), Rcode::NOERROR, 0),
    ];
    for (kind, (deed, rcode, answers)) in doubtful.into_iter().enumerate() {
        good_answers_beside(deed, kind);
        let (internet, run) = ask_both_doing(deed);
        assert_eq!(
            (run.rcode(), run.answer().len()),
            (rcode, answers),
            "kind {kind}: {:?}",
            run.response.ede
        );
        assert!(run.response.authority.is_empty(), "kind {kind}");
        assert_eq!((run.to(BAD), run.to(GOOD)), (1, 1), "kind {kind}");
        assert!(
            super::internet::cached(&internet)
                .iter()
                .all(|(line, rank)| !line.contains("6.6.6.6") || *rank == Rank::NonAuthAnswer)
        );
    }
}

#[test]
fn for_an_empty_reply_one_other_server_is_asked_and_no_more() {
    let mut internet = Internet::new();
    let all = [BAD, GOOD, "192.0.2.3", "192.0.2.4"];
    internet.zone("a.test", &all, &[]);
    all.iter().for_each(|at| internet.silence(at));
    internet.villain(BAD, |question, _| Deed::Say(says(question, &[])));
    let run = internet.ask("n0.a.test", "A");
    assert_eq!((run.rcode(), run.answer().len()), (Rcode::NOERROR, 0));
    assert_eq!(run.sent.len(), 2 + 2, "{:?}", run.sent);
    assert!(run.took.as_millis() < 500, "{:?}", run.took);
}

#[test]
fn names_of_a_dead_zone_do_not_ask_its_parent_one_by_one() {
    let mut internet = two_servers();
    internet.ask("n0.a.test", "A");
    internet.errs(BAD, Rcode::REFUSED);
    internet.errs(GOOD, Rcode::REFUSED);
    let asked: usize = (1..6)
        .map(|place| internet.ask(&format!("n{place}.a.test"), "A").to(TEST))
        .sum();
    assert_eq!(asked, 1, "RFC 9520 section 3.3");
    internet.wait(6);
    assert_eq!(internet.ask("x.a.test", "A").to(TEST), 1);
}

#[test]
fn a_wrong_question_ends_at_once_when_nobody_else_can_be_asked() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &[]);
    internet.villain(BAD, |_, _| {
        Deed::Say(says(&Question::new(name("x.test"), RecordType::A), &[]))
    });
    let run = internet.ask("n0.a.test", "A");
    assert_eq!((run.rcode(), run.ede().0), (Rcode::SERVFAIL, 24));
    assert!(run.took.as_millis() < 100 && run.sent.len() <= 4);
}

#[test]
fn the_reason_of_a_failure_is_told() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &[]);
    internet.errs(BAD, Rcode::REFUSED);
    assert_eq!(
        internet.ask("n.a.test", "A").ede(),
        (23, "192.0.2.1 answered REFUSED for a.test.".to_owned())
    );

    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &[]);
    internet.silence(BAD);
    assert_eq!(
        internet.ask("n.a.test", "A").ede(),
        (22, "no server of a.test. answered".to_owned())
    );

    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &[]);
    internet.villain(BAD, |question, _| Deed::Say(reply(question)));
    assert_eq!(
        internet.ask("n.a.test", "A").ede(),
        (22, "192.0.2.1 is not authoritative for a.test.".to_owned())
    );

    let mut internet = Internet::new();
    internet.add(TEST, "test", &["a.test NS ns.a.test"]);
    assert_eq!(
        internet.ask("n.a.test", "A").ede(),
        (
            22,
            "no address is known for any server of a.test.".to_owned()
        )
    );
}

#[test]
fn a_network_that_says_no_is_told_and_not_remembered() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &["n.a.test A 192.0.2.80"]);
    internet.villain(BAD, |_, _| Deed::Unreachable);
    assert_eq!(
        internet.ask("n.a.test", "A").ede(),
        (23, "192.0.2.1 could not be reached for a.test.".to_owned())
    );
    assert_eq!(internet.cache.failures(), 0);
    internet.cannot_use(BAD);
    assert_eq!(
        internet.ask("n.a.test", "A").ede(),
        (
            22,
            "no server of a.test. has an address that may be asked".to_owned()
        )
    );
    assert_eq!(internet.cache.failures(), 0);
}

#[test]
fn a_failure_is_remembered_for_five_seconds_and_told_as_such() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &["n.a.test A 192.0.2.80"]);
    internet.errs(BAD, Rcode::SERVFAIL);
    internet.ask("n.a.test", "A");
    let again = internet.ask("n.a.test", "A");
    assert_eq!(
        (again.rcode(), again.ede().0, again.sent.len()),
        (Rcode::SERVFAIL, 13, 0)
    );
    internet.twist(BAD, |_, _| ());
    internet.wait(6);
    assert_eq!(internet.ask("n.a.test", "A").answer().len(), 1);
}

#[test]
fn a_server_that_drops_or_denies_address_questions_still_serves_full_names() {
    // hickory.md has this for NS questions; ours are A questions, so the same for those.
    for kind in 0..4 {
        let mut internet = Internet::new();
        internet.zone("a.test", &[BAD], &["x.y.z.a.test TXT hello"]);
        let zones = vec![(
            name("a.test"),
            vec![soa("a.test"), rr("x.y.z.a.test TXT hello")],
        )];
        internet.villain(BAD, move |question, _| match (question.rtype, kind) {
            (RecordType::A, 0) => Deed::Silence,
            (RecordType::A, 1) => Deed::Say(error(question, Rcode::REFUSED)),
            (RecordType::A, 2) => Deed::Say({
                let mut message = error(question, Rcode::NXDOMAIN);
                message.header.flags = message.header.flags.with_aa(true);
                message
            }),
            (RecordType::A, 3) => Deed::Garbage,
            _ => Deed::Say(super::internet::answer(&zones, question)),
        });
        let run = internet.ask("x.y.z.a.test", "TXT");
        assert_eq!(
            (run.rcode(), run.answer().len()),
            (Rcode::NOERROR, 1),
            "kind {kind}"
        );
        assert!(run.sent.len() <= 4, "kind {kind}: {:?}", run.questions());
    }
}

#[test]
fn a_lost_packet_is_survived_even_with_a_single_server() {
    let mut internet = Internet::new();
    internet.zone("a.test", &[BAD], &["www.a.test A 192.0.2.80"]);
    let mut count = 0;
    internet.villain(BAD, move |question, _| {
        count += 1;
        if count == 1 {
            Deed::Silence
        } else {
            Deed::Say(says(question, &["www.a.test A 192.0.2.80"]))
        }
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!((run.answer().len(), run.to(BAD)), (1, 2));
}

#[test]
fn faults_are_told_to_whoever_drives_the_recursion() {
    use crate::recursion::{AskFailure, Fault, Heard, Recursion, Route, Routes, Step};
    struct Iterate;
    impl Routes for Iterate {
        fn route(&self, _: &crate::wire::Name, _: RecordType) -> Route {
            Route::Iterate
        }
    }
    let internet = Internet::new();
    let mut budget = internet.budget();
    let question = Question::new(name("test"), RecordType::A);
    let mut recursion = Recursion::new(question, std::sync::Arc::new(internet.plan.clone()), 0);
    let Step::Ask(ask) = recursion.step(&internet.cache, &Iterate, &mut budget, internet.now)
    else {
        panic!("nothing asked")
    };
    let heard = Heard::Failed {
        server: Some(ask.servers[0]),
        failure: AskFailure::Timeout,
    };
    recursion.heard(heard, &internet.cache, &mut budget, internet.now);
    let faults = recursion.take_faults();
    assert_eq!(
        (faults.len(), faults[0].fault, faults[0].server),
        (1, Fault::Silent, Some(ask.servers[0]))
    );
    assert!(recursion.take_faults().is_empty());
}

#[test]
fn a_zone_is_blamed_for_its_own_servers_alone() {
    let silent = |internet: &mut Internet| {
        for server in [BAD, GOOD] {
            internet.villain(server, |_, _| Deed::Silence);
        }
    };
    let mut internet = two_servers();
    silent(&mut internet);
    let run = internet.ask("n0.a.test", "A");
    assert_eq!((run.rcode(), run.blames_its_zone), (Rcode::SERVFAIL, true));
    // An alias in a good zone leads there: its own servers have answered.
    let mut internet = two_servers();
    internet.zone(
        "good.test",
        &["192.0.2.77"],
        &["alias.good.test CNAME n0.a.test"],
    );
    internet.point_to(TEST, "test", "good.test");
    silent(&mut internet);
    let run = internet.ask("alias.good.test", "A");
    assert_eq!((run.rcode(), run.blames_its_zone), (Rcode::SERVFAIL, false));
}

#[test]
fn only_a_server_that_was_asked_and_said_nothing_is_silent() {
    let addresses = |of: &[&str]| -> Vec<std::net::IpAddr> {
        of.iter().map(|text| text.parse().unwrap()).collect()
    };
    let run = |deeds: [fn(&Question) -> Deed; 2]| {
        let mut internet = two_servers();
        for (server, deed) in [BAD, GOOD].into_iter().zip(deeds) {
            internet.villain(server, move |question, _| deed(question));
        }
        internet.ask("n0.a.test", "A")
    };
    let refuses = |question: &Question| Deed::Say(error(question, Rcode::REFUSED));
    let silence = |_: &Question| Deed::Silence;
    assert_eq!(
        run([silence, silence]).silent,
        addresses(&[BAD, GOOD]),
        "the two of the zone, and not those above"
    );
    // Beside one of the attacker's own that keeps silent, one that refuses his zone is there.
    let run = run([refuses, silence]);
    assert_eq!(
        (run.rcode(), run.silent),
        (Rcode::SERVFAIL, addresses(&[GOOD]))
    );
    // Nor is anybody who let nobody down.
    let mut internet = two_servers();
    internet.villain(BAD, |_, _| Deed::Silence);
    let run = internet.ask("n0.a.test", "A");
    assert_eq!(run.rcode(), Rcode::NOERROR);
}
