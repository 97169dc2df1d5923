//! Where in the file are we? Lines without comments and blanks, each with its place, and what to say of one that is wrong.

use std::fmt;
use std::sync::Arc;

/// A line of a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a file is not a scenario: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ReadError {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
}

/// A line with something on it.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// Where it stands.
    pub(super) place: Place,
    /// Without its comment and the blanks around it.
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    /// The first word and what follows it.
    pub(super) fn split(&self) -> (&'a str, &'a str) {
        split(self.text)
    }

    /// An error at this line.
    pub(super) fn error(&self, what: impl Into<String>) -> ReadError {
        ReadError {
            place: self.place.clone(),
            what: what.into(),
        }
    }
}

/// The first word of a text and what follows it, without blanks at either end.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// The lines of a file, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    file: Arc<str>,
    rest: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &str, text: &'a str) -> Self {
        Self {
            file: file.into(),
            rest: text.lines(),
            number: 0,
        }
    }

    /// The place of the line that was read last.
    pub(super) fn place(&self) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: self.number.max(1),
        }
    }

    /// The next line with something on it.
    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let text = self.raw()?;
            let text = without_comment(text, &[';']).trim();
            if !text.is_empty() {
                return Some(Line {
                    place: self.place(),
                    text,
                });
            }
        }
    }

    /// The next line as it stands, whatever is on it.
    pub(super) fn raw(&mut self) -> Option<&'a str> {
        let text = self.rest.next()?;
        self.number += 1;
        Some(text)
    }

    /// An error at the line that was read last, for what should have followed it.
    pub(super) fn error(&self, what: impl Into<String>) -> ReadError {
        ReadError {
            place: self.place(),
            what: what.into(),
        }
    }
}

/// The text up to the first of `marks` that is neither quoted nor escaped.
pub(super) fn without_comment<'a>(text: &'a str, marks: &[char]) -> &'a str {
    let mut quoted = false;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            mark if !quoted && marks.contains(&mark) => return text.get(..at).unwrap_or(text),
            _ => {}
        }
    }
    text
}
