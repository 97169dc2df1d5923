//! What stands in docs/comparison.md about a run: the machine, the versions, the command, both tables?

use std::fs;
use std::process::Command;

use crate::measures::Measure;
use crate::options::Options;
use crate::summary::Row;
use crate::table;

const PAGE: &str = "docs/comparison.md";
const PICTURE: &str = "docs/comparison.svg";
/// What a run writes stands between these lines.
const BEGIN: &str = "<!-- packaging/run-benches torture --publish: begin -->\n";
const END: &str = "<!-- end -->";

/// Machine, day, versions and command, as a paragraph.
pub fn setting(options: &Options, versions: &[String]) -> String {
    let load = first_words("/proc/loadavg", 1);
    format!(
        "{}, {} cores, Linux {}; {}, load {load} at the start. {}. Turns of each attack on each resolver: {}; {} s calm, {} s attack, up to {} s \
         until the release. Command: `packaging/run-benches torture{}`.",
        processor(),
        std::thread::available_parallelism().map_or(1, usize::from),
        first_words("/proc/sys/kernel/osrelease", 1),
        said(&["date", "-u", "+%F"]),
        versions.join(", "),
        options.runs,
        options.calm,
        options.seconds(),
        options.after(),
        arguments(),
    )
}

/// The whole of what a run publishes.
pub fn page(setting: &str, rows: &[Row]) -> String {
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

/// Puts page and picture into docs/.
///
/// # Errors
/// In words: a file that cannot be read or written, or that lacks the place for it.
pub fn into_docs(page: &str, picture: &str) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{PAGE}: {error}");
    let text = fs::read_to_string(PAGE).map_err(told)?;
    let text = replaced(&text, page).ok_or_else(|| format!("{PAGE} has no place for a run"))?;
    fs::write(PAGE, text).map_err(told)?;
    fs::write(PICTURE, picture).map_err(|error| format!("{PICTURE}: {error}"))
}

/// A text with what stands between the marks replaced; nothing if the marks are not there.
pub fn replaced(text: &str, page: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{page}\n{END}{after}"))
}

fn arguments() -> String {
    std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .fold(String::new(), |all, argument| format!("{all} {argument}"))
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "A machine".to_owned(), |(_, name)| name.to_owned())
}

fn first_words(path: &str, count: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .take(count)
        .collect::<Vec<_>>()
        .join(" ")
}

fn said(command: &[&str]) -> String {
    let Some((program, arguments)) = command.split_first() else {
        return String::new();
    };
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
