//! Where too much is under way at a server: is the next one asked at once, and is nothing held against anybody afterwards?

use super::internet::{Internet, ROOT, TEST, name};
use crate::drill::signing::Denial;
use crate::guard::permit::InternalCause;
use crate::recursion::Crowd;
use crate::wire::{Ede, Question, Rcode, RecordType};

const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

fn internet() -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[ONE, OTHER],
        &["www.a.test A 192.0.2.80", "new.a.test A 192.0.2.81"],
    );
    internet
}

fn question(owner: &str) -> Question {
    Question::new(name(owner), RecordType::A)
}

/// Whether nothing of a failure stays: not for the question, and the next ask resolves when there is room again.
fn is_forgotten(mut internet: Internet, owner: &str) {
    assert!(
        internet
            .cache
            .failure(&question(owner), internet.now)
            .is_none()
    );
    internet.crowded.clear();
    internet.honest(ONE);
    let run = internet.ask(owner, "A");
    assert_eq!(run.answer().len(), 1, "{:?}", run.response.ede);
}

#[test]
fn a_server_over_its_share_is_passed_over_for_the_next_at_once() {
    let mut internet = internet();
    internet.crowd(ONE, None);
    let run = internet.ask("www.a.test", "A");
    assert_eq!((run.answer().len(), run.to(ONE)), (1, 0));
    assert!(run.took.as_millis() < 100, "{:?}", run.took);
}

#[test]
fn where_all_servers_are_over_their_share_the_name_fails_at_once_and_nobody_remembers() {
    let mut internet = internet();
    // The delegation is known: of servers that really failed the parent would be asked whether they are still the right ones.
    internet.ask("www.a.test", "A");
    internet.crowd(ONE, None);
    internet.crowd(OTHER, None);
    let run = internet.ask("new.a.test", "A");
    assert_eq!((run.rcode(), run.sent.len()), (Rcode::SERVFAIL, 0));
    let (code, text) = run.ede();
    assert_eq!(code, Ede::NO_REACHABLE_AUTHORITY);
    assert!(
        text.contains("a.test. have all the questions under way"),
        "{text}"
    );
    assert!(!run.blames_its_zone);
    is_forgotten(internet, "new.a.test");
}

#[test]
fn what_failed_beside_a_server_that_was_not_asked_is_not_remembered_either() {
    let mut internet = internet();
    internet.cause = InternalCause::Audit;
    internet.silence(ONE);
    internet.crowd(OTHER, None);
    let run = internet.ask("www.a.test", "A");
    assert_eq!((run.rcode(), run.to(OTHER)), (Rcode::SERVFAIL, 0));
    assert!(run.to(ONE) > 0 && !run.blames_its_zone);
    is_forgotten(internet, "www.a.test");
}

#[test]
fn keys_that_could_not_be_asked_for_make_nothing_bogus() {
    let question = question("www.a.test");
    for at in [ONE, TEST, ROOT] {
        let mut internet = Internet::new();
        internet.zone("a.test", &[ONE], &["www.a.test A 192.0.2.80"]);
        internet.point_to(TEST, "test", "a.test");
        internet.sign(ONE, "a.test", &Denial::Nsec);
        internet.signed_from_the_root();
        internet.crowd(at, Some(RecordType::DNSKEY));
        let run = internet.ask("www.a.test", "A");
        assert_eq!(run.rcode(), Rcode::SERVFAIL, "{at}");
        assert_eq!(run.ede().0, Ede::NO_REACHABLE_AUTHORITY, "{:?}", run.ede());
        assert!(internet.cache.failure(&question, internet.now).is_none());
        internet.crowded.clear();
        internet.ask("www.a.test", "A").assert_secure();
    }
}

#[test]
fn a_server_known_by_a_name_that_cannot_be_asked_for_now_leaves_the_others() {
    let mut internet = Internet::new();
    internet.zone("b.test", &[ONE], &["ns.b.test A 192.0.2.9"]);
    internet.zone("c.test", &[OTHER], &["ns.c.test A 192.0.2.9"]);
    internet.add(
        TEST,
        "test",
        &["d.test NS ns.b.test", "d.test NS ns.c.test"],
    );
    internet.serve("192.0.2.9", "d.test", &["www.d.test A 192.0.2.80"]);
    for crowded in [ONE, OTHER] {
        internet
            .cache
            .flush(&name("."), crate::cache::FlushScope::All);
        internet.crowd(crowded, None);
        let run = internet.ask("www.d.test", "A");
        assert_eq!(run.answer().len(), 1, "{:?}", run.response.ede);
        assert_eq!(run.to(crowded), 0);
        internet.crowded.clear();
    }
}

/// Whether a failure of the name's A records is remembered.
fn is_remembered(internet: &Internet, owner: &str) -> bool {
    let failure = internet.cache.failure(&question(owner), internet.now);
    failure.is_some()
}

#[test]
fn what_else_fails_beside_a_server_that_was_passed_over_is_remembered_all_the_same() {
    // Whichever of the two is looked up first.
    for (dead, crowded) in [("b.test", "c.test"), ("c.test", "b.test")] {
        let mut internet = Internet::new();
        let at = |zone: &str| if zone == dead { ONE } else { OTHER };
        for zone in ["b.test", "c.test"] {
            let address = format!("ns.{zone} A 192.0.2.9");
            internet.zone(zone, &[at(zone)], &[&address]);
        }
        let servers = ["d.test NS ns.b.test", "d.test NS ns.c.test"];
        internet.add(TEST, "test", &servers);
        internet.serve("192.0.2.9", "d.test", &["www.d.test A 192.0.2.80"]);
        internet.errs(ONE, Rcode::SERVFAIL);
        internet.crowd(OTHER, None);
        let run = internet.ask("www.d.test", "A");
        assert_eq!((run.rcode(), run.to(OTHER)), (Rcode::SERVFAIL, 0));
        assert_eq!(run.crowded, Some(Crowd::Servers), "and it is said why");
        let remembered = |owner: &str| is_remembered(&internet, owner);
        assert!(remembered(&format!("ns.{dead}")), "really dead");
        assert!(!remembered(&format!("ns.{crowded}")), "not asked");
        assert!(!remembered("www.d.test"), "for want of what was not asked");
        // Who comes to the zone whose servers were passed over a second time has no more reason to think it dead.
        internet.crowded.clear();
        assert_eq!(internet.ask("www.d.test", "A").answer().len(), 1);
    }
}

#[test]
fn a_server_that_was_passed_over_on_the_way_does_not_excuse_what_fails_behind_it() {
    let mut internet = Internet::new();
    let alias = ["www.e.test CNAME www.dead.test"];
    internet.zone("e.test", &[ONE], &alias);
    internet.zone("b.test", &["192.0.2.3"], &["ns.b.test A 192.0.2.4"]);
    internet.add(TEST, "test", &["e.test NS ns.b.test"]);
    internet.serve("192.0.2.4", "e.test", &alias);
    internet.zone("dead.test", &[OTHER], &[]);
    internet.errs(OTHER, Rcode::SERVFAIL);
    internet.crowd(ONE, None);
    let run = internet.ask("www.e.test", "A");
    assert!(
        run.to("192.0.2.4") > 0,
        "another server said where it leads"
    );
    assert_eq!((run.rcode(), run.crowded), (Rcode::SERVFAIL, None));
    assert!(is_remembered(&internet, "www.e.test"));
    let again = internet.ask("www.e.test", "A");
    assert_eq!((again.rcode(), again.sent.len()), (Rcode::SERVFAIL, 0));
}

#[test]
fn a_limit_that_is_met_beside_a_server_that_was_passed_over_is_remembered_of_nobody() {
    let mut internet = internet();
    let servers: Vec<String> = (0..9).map(|at| format!("d.test NS n{at}.a.test")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    internet.add(TEST, "test", &servers);
    internet.crowd(ONE, None);
    internet.crowd(OTHER, None);
    internet.plan.limits.failing_ns_names = 1;
    let run = internet.ask("www.d.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert_eq!(run.crowded, Some(Crowd::Servers));
    assert!(!run.blames_its_zone && !is_remembered(&internet, "www.d.test"));
}
