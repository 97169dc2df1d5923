//! How did it go? Passed, failed at a step with what differs, or not supported with what is not.

use std::fmt;

use super::text::{Place, ReadError};

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
