//! `suimon drill`: what does suimond do on a small Internet that is partly out to get it?

use super::output::Format;
use super::{Error, Exit, Session};
use crate::drill::{self, DrillOptions, OutputFormat};

/// Run suimond against a small Internet on loopback, partly hostile.
///
/// Starts root servers, top-level domains, hundreds of zones and several dozen villains on loopback addresses, puts suimond
/// in front of them, sends honest and dishonest clients, and ends with a table of what was promised and what held. With
/// --serve everything stays up to be asked by hand.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: DrillOptions,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let options = DrillOptions {
            output: match session.screen.format {
                Format::Human => OutputFormat::Human,
                Format::Json => OutputFormat::Json,
            },
            ..self.options.clone()
        };
        Ok(match drill::run(&options, session.screen.out) {
            drill::EXIT_HELD => Exit::Done,
            drill::EXIT_OS => Exit::Refused,
            _ => Exit::No,
        })
    }
}
