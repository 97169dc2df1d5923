//! Does the resolver do what a scenario file says? Replay files in the form of Unbound's testbound and CZ.NIC's Deckard.
//!
//! A file has a configuration, ranges of scripted replies and steps. [`play()`] runs it through the rooms of suimond without
//! input and output: the pipeline with guard, policy, cache and answer, and the recursion, under a clock that only steps move.
//! [`live`] runs it through the daemon and scripted servers on real sockets. docs/testing.md tells the format and what of it
//! is not supported.

mod answers;
mod entry;
mod evaluate;
mod file;
mod found_out;
mod head;
pub mod live;
mod matching;
mod options;
mod outcome;
mod packet;
mod play;
mod records;
mod script;
mod servers;
mod sessions;
mod settings;
mod text;
mod trust;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use entry::{Adjust, Entry, Match, Template};
pub use file::{Deed, Range, Scenario, Step};
pub use head::{Flavour, Head, Stale, Zone};
pub use matching::Difference;
pub use outcome::{Failure, Outcome};
pub use play::play;
pub use records::Asked;
pub use text::{Place, ReadError};
pub use trust::Dnssec;

/// Reads a file and runs it with `run`, if it is a scenario that is supported.
pub fn run_file(path: &Path, run: impl FnOnce(&Scenario) -> Outcome) -> Outcome {
    let name = path.display().to_string();
    let text = match std::fs::read(path) {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(error) => {
            let place = Place {
                file: name.into(),
                line: 0,
            };
            let what = error.to_string();
            return Outcome::Unreadable(ReadError { place, what });
        }
    };
    match Scenario::read(&name, &text) {
        Err(error) => Outcome::Unreadable(error),
        Ok(scenario) => match scenario.unsupported() {
            Some((place, what)) => Outcome::Unsupported { place, what },
            None => run(&scenario),
        },
    }
}
