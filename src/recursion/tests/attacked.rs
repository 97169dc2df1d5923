//! Where a zone comes under attack while one of its names is looked up: is it asked again, and what stays of that?

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::internet::{Deed, Internet, Run, TEST, name};
use super::signed;
use crate::guard::zones::tests::overtaken;
use crate::guard::zones::{Cut, Slot, ZoneGuard};
use crate::recursion::{Crowd, Over};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Question, Rcode, RecordType};

const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

/// A zone guard and what others hold of it.
#[derive(Clone)]
struct Watched {
    guard: Arc<ZoneGuard>,
    held: Rc<RefCell<Vec<Slot>>>,
}

impl Watched {
    fn new() -> Self {
        Self {
            guard: overtaken::watchful(),
            held: Rc::default(),
        }
    }

    fn lends(&self, owner: &str, now: Now) -> Slot {
        let zone = name("a.test");
        overtaken::lent(&self.guard, owner, Cut::Delegation(&zone, None), 9, now).expect("a slot")
    }

    fn attack(&self, now: Now) {
        let zone = name("a.test");
        let held = overtaken::overrun(&self.guard, "a.test", Cut::Delegation(&zone, None), now);
        self.held.borrow_mut().extend(held);
    }

    fn knows(&self, owner: &str, now: Now) {
        let zone = name("a.test");
        overtaken::known(&self.guard, owner, Cut::Delegation(&zone, None), now);
    }
}

fn internet() -> Internet {
    let mut internet = Internet::new();
    let records = ["www.a.test A 192.0.2.80", "deep.in.a.test A 192.0.2.81"];
    internet.zone("a.test", &[ONE, OTHER], &records);
    internet
}

/// The attack begins when the first server of the zone has been asked for `owner`, which does as `deed` says.
fn asked_under_attack(
    watched: &Watched,
    internet: &mut Internet,
    owner: &str,
    mut deed: impl FnMut(&Question, Over) -> Deed + 'static,
) -> Run {
    let now = internet.now;
    internet.slot.set(watched.lends(owner, now));
    let at_work = watched.clone();
    internet.villain(ONE, move |question, over| {
        at_work.attack(now);
        deed(question, over)
    });
    internet.ask(owner, "A")
}

#[test]
fn a_name_that_nobody_knows_is_not_asked_for_again_and_resolves_when_the_guard_lets_go() {
    let (watched, mut internet) = (Watched::new(), internet());
    let run = asked_under_attack(&watched, &mut internet, "www.a.test", |_, _| Deed::Silence);
    assert_eq!(
        (run.rcode(), run.to(ONE), run.to(OTHER)),
        (Rcode::SERVFAIL, 1, 0)
    );
    assert_eq!(run.crowded, Some(Crowd::Attack(Reason::ZoneInFlight)));
    let (_, text) = run.ede();
    assert_eq!(text, Reason::ZoneInFlight.sentence());
    // It failed for the zone's servers, once.
    assert!(run.blames_its_zone && run.silent.len() == 1);
    let question = Question::new(name("www.a.test"), RecordType::A);
    assert!(internet.cache.failure(&question, internet.now).is_none());
    watched.held.borrow_mut().clear();
    assert!(watched.guard.release(&name("a.test"), internet.now));
    internet.honest(ONE);
    internet.slot.set(watched.lends("www.a.test", internet.now));
    assert_eq!(internet.ask("www.a.test", "A").answer().len(), 1);
}

#[test]
fn whoever_says_something_wrong_was_asked_in_vain_too() {
    let (watched, mut internet) = (Watched::new(), internet());
    let run = asked_under_attack(&watched, &mut internet, "www.a.test", |_, _| Deed::Garbage);
    assert_eq!(
        (run.rcode(), run.to(ONE), run.to(OTHER)),
        (Rcode::SERVFAIL, 1, 0)
    );
}

#[test]
fn a_known_name_goes_on_and_so_does_one_that_was_let_through_under_attack() {
    let (watched, mut internet) = (Watched::new(), internet());
    watched.knows("www.a.test", internet.now);
    let run = asked_under_attack(&watched, &mut internet, "www.a.test", |_, _| Deed::Silence);
    assert_eq!((run.answer().len(), run.to(OTHER)), (1, 1));
    // The zone is engaged by now: this one explores.
    let run = asked_under_attack(&watched, &mut internet, "deep.in.a.test", |_, _| {
        Deed::Silence
    });
    assert_eq!(run.answer().len(), 1);
    assert!(run.to(OTHER) > 0);
}

#[test]
fn what_follows_from_an_answer_goes_on() {
    let (watched, mut internet) = (Watched::new(), internet());
    let zones = internet.zones[&ONE.parse::<IpAddr>().unwrap()].clone();
    let at_one = zones.clone();
    let run = asked_under_attack(
        &watched,
        &mut internet,
        "www.a.test",
        move |question, over| {
            let mut message = signed::answer(&at_one, question);
            message.header.flags = message.header.flags.with_tc(over == Over::Udp);
            Deed::Say(message)
        },
    );
    assert_eq!((run.answer().len(), run.to(ONE)), (1, 2), "by a stream");
    let (watched, mut internet) = (Watched::new(), self::internet());
    let run = asked_under_attack(
        &watched,
        &mut internet,
        "deep.in.a.test",
        move |question, _| Deed::Say(signed::answer(&zones, question)),
    );
    assert_eq!((run.answer().len(), run.to(ONE)), (1, 2), "label by label");
}

#[test]
fn what_was_asked_in_vain_further_up_does_not_stop_the_first_question_to_the_zone() {
    let (watched, mut internet) = (Watched::new(), internet());
    let now = internet.now;
    internet.slot.set(watched.lends("www.a.test", now));
    let zones = internet.zones[&TEST.parse::<IpAddr>().unwrap()].clone();
    let (at_work, mut asked) = (watched, 0);
    internet.villain(TEST, move |question, _| {
        at_work.attack(now);
        asked += 1;
        match asked {
            1 => Deed::Silence,
            _ => Deed::Say(signed::answer(&zones, question)),
        }
    });
    assert_eq!(internet.ask("www.a.test", "A").answer().len(), 1);
}
