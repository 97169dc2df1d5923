//! `suimon drill`: does suimond do what it promises, on a small Internet that is partly out to get it?

use super::output::Format;
use super::{Error, Exit, Session};
use crate::drill::{self, DrillOptions, OutputFormat};

/// Run suimond on a small Internet on loopback addresses, partly hostile, and see what holds.
///
/// Root servers, hundreds of zones, several dozen villains, honest and dishonest clients; no network and no privileges
/// needed. The table says what was asked, answered, refused and dropped, what it cost upstream, and whether every
/// expectation held; the exit code is 0 if so and 1 if not. With --attack one flood is played beside honest clients
/// instead: 0 if the resolver withstood it, 1 if not, 2 if it could not be played.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: DrillOptions,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let output = match session.screen.format {
            Format::Human => OutputFormat::Human,
            Format::Json => OutputFormat::Json,
        };
        match drill::run(&self.options, output, session.screen.out) {
            Ok(true) => Ok(Exit::Done),
            Ok(false) => Ok(Exit::No),
            // An attack's exit code says held, did not hold, or could not be played.
            Err(error) if self.options.siege.attack.is_some() => {
                Err(Error::Usage(error.to_string()))
            }
            Err(error) => Err(Error::Failed(error.to_string())),
        }
    }
}
