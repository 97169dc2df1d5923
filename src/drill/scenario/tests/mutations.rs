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

#[test]
fn a_wrong_code_is_seen_in_every_check() {
    let mut broken = 0;
    for file in own() {
        let whole = read(&std::fs::read_to_string(&file).unwrap());
        for index in checks(&whole) {
            let mut scenario = whole.clone();
            let expected = entry(&mut scenario, index);
            assert!(
                compares(expected, &[Match::Rcode]),
                "{}: step {} does not look at the code",
                file.display(),
                whole.steps[index].number
            );
            // NOTZONE: no answer of ours ever has it.
            expected.packets[0].rcode = Some(Rcode(10));
            let Outcome::Fail(failure) = play(&scenario) else {
                panic!("{}: step {index} passes with a wrong code", file.display());
            };
            assert!(failure.what.contains("rcode differs"), "{}", failure.what);
            assert_eq!(failure.place, entry(&mut scenario, index).place);
            broken += 1;
        }
    }
    assert!(broken > 200, "{broken}");
}

#[test]
fn a_record_too_few_is_seen_in_every_answer() {
    let mut broken = 0;
    for file in own() {
        let whole = read(&std::fs::read_to_string(&file).unwrap());
        for index in checks(&whole) {
            let mut scenario = whole.clone();
            let expected = entry(&mut scenario, index);
            let gone = expected.packets[0].answer.pop();
            if gone.is_none() {
                continue;
            }
            assert!(compares(expected, &[Match::Answer]), "{}", file.display());
            let Outcome::Fail(failure) = play(&scenario) else {
                panic!("{}: step {index} passes with a record less", file.display());
            };
            assert!(failure.what.contains("answer differs"), "{}", failure.what);
            broken += 1;
        }
    }
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
