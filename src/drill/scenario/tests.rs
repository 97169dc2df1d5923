//! Are scenario files read as the two projects mean them, do ours pass, and does every check of ours fail when it should?

mod comparing;
mod mutations;
mod reading;
mod signed;

use std::path::PathBuf;

use super::{Outcome, Scenario, play, run_file};

/// Our own scenarios.
fn own() -> Vec<PathBuf> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rpl"))
        .collect();
    files.sort();
    assert!(files.len() >= 280, "{} holds too few", directory.display());
    files
}

fn read(text: &str) -> Scenario {
    Scenario::read("test.rpl", text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn our_scenarios_pass_without_sockets() {
    let bad: Vec<String> = own()
        .iter()
        .map(|file| (file, run_file(file, play)))
        .filter(|(_, outcome)| *outcome != Outcome::Pass)
        .map(|(file, outcome)| format!("{}: {outcome}", file.display()))
        .collect();
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn each_of_our_scenarios_says_which_rule_it_shows() {
    for file in own() {
        let text = std::fs::read_to_string(&file).unwrap();
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("; ") && first.len() > 30,
            "{}: no comment first",
            file.display()
        );
    }
}
