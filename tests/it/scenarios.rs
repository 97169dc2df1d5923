//! Do the scenarios of tests/scenarios hold for the daemon on real sockets, as they do for its rooms without any?

use std::path::{Path, PathBuf};
use std::process::Command;

use suimon::drill::scenario::{Outcome, live, run_file};

use crate::lab::{Lab, suimond};

/// Our own scenarios.
fn own() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .expect("tests/scenarios")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rpl"))
        .collect();
    files.sort();
    files
}

/// Runs files live in a namespace of their own; what came of each.
fn play_live(tag: &str, files: &[PathBuf]) -> Vec<(PathBuf, Outcome)> {
    let mut lab = Lab::new(tag);
    let ns = lab.namespace("all");
    let directory = lab.dir().to_owned();
    ns.inside(move || {
        let place = live::Place::here(suimond::SUIMOND.into(), directory);
        files
            .iter()
            .map(|file| {
                let outcome = run_file(file, |scenario| live::play(scenario, &place));
                (file.clone(), outcome)
            })
            .collect()
    })
}

#[test]
fn our_scenarios_hold_for_the_daemon() {
    let played = play_live("scenarios", &own());
    let bad: Vec<String> = played
        .iter()
        .filter(|(_, outcome)| !matches!(outcome, Outcome::Pass | Outcome::Unsupported { .. }))
        .map(|(file, outcome)| format!("{}: {outcome}", file.display()))
        .collect();
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
    let passed = played
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Pass)
        .count();
    let left_out = played.len() - passed;
    assert!(
        passed >= 280 && left_out <= 10,
        "{passed} passed, {left_out} left out"
    );
}

#[test]
fn a_scenario_that_is_wrong_fails_through_the_daemon_too() {
    let lab = Lab::new("wrong");
    let right = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/cname-chain-across-zones.rpl"),
    )
    .expect("a scenario");
    let (before, after) = right.rsplit_once("203.0.113.5").expect("its answer");
    let other_answer = lab.file("answer.rpl", &format!("{before}203.0.113.6{after}"));
    let no_server = lab.file(
        "server.rpl",
        &right.replace("ADDRESS 192.0.2.2", "ADDRESS 192.0.2.3"),
    );
    let nonsense = lab.file(
        "nonsense.rpl",
        &right.replace("STEP 2 CHECK_ANSWER", "STEP 2 GUESS"),
    );
    let played = play_live("wrongs", &[other_answer, no_server, nonsense.clone()]);
    let told: Vec<String> = played
        .iter()
        .map(|(_, outcome)| outcome.to_string())
        .collect();
    assert!(
        told[0].contains("answer differs") && told[0].contains("203.0.113.6"),
        "{}",
        told[0]
    );
    assert!(told[1].starts_with("FAIL"), "{}", told[1]);
    let Outcome::Unreadable(error) = &played[2].1 else {
        panic!("{}", told[2]);
    };
    assert_eq!(error.what, "unknown step `GUESS`");
    assert!(
        error
            .to_string()
            .starts_with(&format!("{}:", nonsense.display()))
    );
}

#[test]
fn the_example_says_what_passed_and_what_did_not() {
    // Built beside the tests by `cargo test`; a run of this test alone may not have it yet.
    let program = Path::new(suimond::SUIMOND)
        .parent()
        .expect("the directory of binaries")
        .join("examples/suimon-scenario");
    if !program.is_file() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--locked",
                "--quiet",
                "--example",
                "suimon-scenario",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.expect("cargo starts").success());
    }
    let lab = Lab::new("example");
    let bad = lab.file("bad.rpl", "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 GUESS\n");
    let good = own().into_iter().next().expect("a scenario");
    let run = |arguments: &[&str]| {
        let output = Command::new(&program)
            .args(arguments)
            .output()
            .expect("suimon-scenario starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let good = good.to_str().expect("a plain path");
    let (code, text) = run(&[good]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.ends_with("1 passed, 0 failed, 0 not supported, 0 unreadable\n"),
        "{text}"
    );
    let bad = bad.to_str().expect("a plain path");
    let (code, text) = run(&[good, bad]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains(&format!("{bad}:3: unknown step `GUESS`")),
        "{text}"
    );
}
