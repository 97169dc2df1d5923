//! How does a bench put what it found into a page of docs/, and how does it describe the machine?

use std::fs;
use std::process::Command;

/// Processor, cores, kernel, day and load, as one sentence.
pub fn machine() -> String {
    format!(
        "{}, {} cores, Linux {}; {}, load {} at the start.",
        processor(),
        std::thread::available_parallelism().map_or(1, usize::from),
        first_word("/proc/sys/kernel/osrelease"),
        said(&["date", "-u", "+%F"]),
        first_word("/proc/loadavg"),
    )
}

/// What this program was told, with a space before each word.
pub fn arguments() -> String {
    std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .fold(String::new(), |all, argument| format!("{all} {argument}"))
}

/// Puts `text` into a page, between the marks of that bench.
///
/// # Errors
/// In words: a file that cannot be read or written, or that lacks the place for it.
pub fn publish(page: &str, bench: &str, text: &str) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{page}: {error}");
    let old = fs::read_to_string(page).map_err(told)?;
    let new =
        replaced(&old, bench, text).ok_or_else(|| format!("{page} has no place for a run"))?;
    fs::write(page, new).map_err(told)
}

/// A page with what stands between the marks of a bench replaced; nothing if the marks are not there.
pub fn replaced(page: &str, bench: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- packaging/run-benches {bench} --publish: begin -->\n");
    let (before, rest) = page.split_once(&begin)?;
    let end = "<!-- end -->";
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{after}"))
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "A machine".to_owned(), |(_, name)| name.to_owned())
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
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
