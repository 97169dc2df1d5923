//! How did it go? Passed, failed at a step with what differs, or not supported with what is not.

use std::fmt;

use super::entry::Entry;
use super::head::Flavour;
use super::matching::{Came, differences};
use super::text::{Place, ReadError};
use crate::wire::Message;

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every check held.
    Pass,
    /// One did not.
    Fail(Failure),
    /// The file asks for something that suimond, or this runner, does not have.
    Unsupported {
        /// Where it asks.
        place: Place,
        /// For what.
        what: String,
    },
    /// The file is not a scenario.
    Unreadable(ReadError),
}

/// Why a scenario failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The entry or step that did not hold.
    pub place: Place,
    /// The step, as `STEP 10 CHECK_ANSWER`; empty where there is none.
    pub step: String,
    /// What is wrong, over several lines.
    pub what: String,
    /// What servers were asked, and by which entry they replied.
    pub asked: Vec<String>,
}

impl Outcome {
    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "FAIL",
            Self::Unsupported { .. } => "not supported",
            Self::Unreadable(_) => "UNREADABLE",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str(self.word()),
            Self::Unsupported { place, what } => write!(f, "{}: {what} ({place})", self.word()),
            Self::Unreadable(error) => write!(f, "{}: {error}", self.word()),
            Self::Fail(failure) => {
                let Failure {
                    place,
                    step,
                    what,
                    asked,
                } = failure;
                write!(f, "{}: {place}: {step}\n  {what}", self.word())?;
                if !asked.is_empty() {
                    write!(f, "\n  asked until then:")?;
                }
                asked.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
        }
    }
}

/// What is wrong with an answer, section by section; nothing if it is right. TTLs may be lower by up to `slack` seconds.
pub(super) fn wrong(
    entry: &Entry,
    flavour: Flavour,
    octets: Option<&[u8]>,
    tcp: bool,
    slack: u32,
) -> Option<String> {
    let Some(octets) = octets else {
        return Some("no reply was sent".to_owned());
    };
    if let Some(raw) = &entry.template().raw {
        return (raw.as_slice() != octets).then(|| "the octets differ".to_owned());
    }
    let mut message = match Message::parse(octets) {
        Ok(message) => message,
        Err(error) => return Some(format!("the reply cannot be read: {error}")),
    };
    let compare = |message: &Message| differences(entry, flavour, Came { message, tcp });
    let found = compare(&message);
    if found.is_empty() {
        return None;
    }
    for _ in 0..slack {
        let Message {
            answer,
            authority,
            additional,
            ..
        } = &mut message;
        for record in [answer, authority, additional].into_iter().flatten() {
            record.ttl = record.ttl.saturating_add(1);
        }
        if compare(&message).is_empty() {
            return None;
        }
    }
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    Some(lines.join("\n  "))
}
