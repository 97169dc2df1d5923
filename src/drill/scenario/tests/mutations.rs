//! Can our scenarios fail? Each expectation is broken in turn, and the runner must see it.

use super::{own, read};
use crate::drill::scenario::{Deed, Entry, Match, Outcome, Scenario, play};
use crate::wire::Rcode;

/// The entries of CHECK_ANSWER steps, by index of the step.
fn checks(scenario: &Scenario) -> Vec<usize> {
    let steps = scenario.steps.iter().enumerate();
    steps
        .filter(|(_, step)| matches!(step.deed, Deed::CheckAnswer(_)))
        .map(|(index, _)| index)
        .collect()
}

fn entry(scenario: &mut Scenario, index: usize) -> &mut Entry {
    match &mut scenario.steps[index].deed {
        Deed::CheckAnswer(entry) => entry,
        _ => unreachable!("asked for a CHECK_ANSWER"),
    }
}

/// Whether one of the parts is compared by this entry.
fn compares(entry: &Entry, parts: &[Match]) -> bool {
    let matches = entry.matches.as_deref().unwrap_or_default();
    matches.contains(&Match::All) || parts.iter().any(|part| matches.contains(part))
}

/// How many of our expectations `spoil` could spoil; each must then fail at its place, for `reason`.
fn broken(reason: &str, spoil: impl Fn(&mut Entry, &str) -> bool) -> usize {
    let mut broken = 0;
    for file in own() {
        let whole = read(&std::fs::read_to_string(&file).unwrap());
        for index in checks(&whole) {
            let mut scenario = whole.clone();
            let place = format!("{}: step {}", file.display(), whole.steps[index].number);
            if !spoil(entry(&mut scenario, index), &place) {
                continue;
            }
            let Outcome::Fail(failure) = play(&scenario) else {
                panic!("{place} passes, and should not: {reason}");
            };
            assert!(failure.what.contains(reason), "{}", failure.what);
            assert_eq!(failure.place, entry(&mut scenario, index).place);
            broken += 1;
        }
    }
    broken
}

#[test]
fn a_wrong_code_is_seen_in_every_check() {
    let broken = broken("rcode differs", |expected, place| {
        assert!(
            compares(expected, &[Match::Rcode]),
            "{place} does not look at the code"
        );
        // NOTZONE: no answer of ours ever has it.
        expected.packets[0].rcode = Some(Rcode(10));
        true
    });
    assert!(broken > 200, "{broken}");
}

#[test]
fn a_record_too_few_is_seen_in_every_answer() {
    let broken = broken("answer differs", |expected, place| {
        let gone = expected.packets[0].answer.pop();
        if gone.is_some() {
            assert!(compares(expected, &[Match::Answer]), "{place}");
        }
        gone.is_some()
    });
    assert!(broken > 100, "{broken}");
}

#[test]
fn a_server_that_is_not_scripted_fails_the_scenario_with_its_question() {
    for file in own() {
        let mut scenario = read(&std::fs::read_to_string(&file).unwrap());
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let asks = !["client-", "special-", "local-"]
            .iter()
            .any(|kind| name.starts_with(kind));
        for range in &mut scenario.ranges {
            range.entries.clear();
        }
        let outcome = play(&scenario);
        match outcome {
            // What is answered without asking needs no script.
            Outcome::Pass if !asks => {}
            Outcome::Fail(failure) => {
                let told = failure.what.contains("no entry matches the question `");
                assert!(told, "{}: {}", file.display(), failure.what);
            }
            other => panic!("{}: {other}", file.display()),
        }
    }
}
