//! What stands in docs/comparison.md about a run: the machine, the versions, the command, both tables?

use std::fs;

use crate::measures::Measure;
use crate::options::Options;
use crate::page;
use crate::summary::Row;
use crate::table;

const PAGE: &str = "docs/comparison.md";
const PICTURE: &str = "docs/comparison.svg";

/// Machine, day, versions and command, as a paragraph.
pub fn setting(options: &Options, versions: &[String]) -> String {
    format!(
        "{} {}. Turns of each attack on each resolver: {}; {} s calm, {} s attack, up to {} s \
         until the release. Command: `packaging/run-benches torture{}`.",
        page::machine(),
        versions.join(", "),
        options.runs,
        options.calm,
        options.seconds(),
        options.after(),
        page::arguments(),
    )
}

/// The whole of what a run publishes.
pub fn text(setting: &str, rows: &[Row]) -> String {
    let runs = rows.iter().map(|row| row.runs).max().unwrap_or(0);
    let spread = if runs > 1 {
        " Medians, with the least and the most in brackets."
    } else {
        ""
    };
    format!(
        "{setting}{spread}{} is a target missed.\n\n{}\nHow, and at which cost:\n\n{}",
        table::MISSED,
        table::markdown(rows, &Measure::PROMISED),
        table::markdown(rows, &Measure::BESIDE),
    )
}

/// Puts text and picture into docs/.
///
/// # Errors
/// In words: a file that cannot be read or written, or that lacks the place for it.
pub fn into_docs(text: &str, picture: &str) -> Result<(), String> {
    page::publish(PAGE, "torture", text)?;
    fs::write(PICTURE, picture).map_err(|error| format!("{PICTURE}: {error}"))
}
