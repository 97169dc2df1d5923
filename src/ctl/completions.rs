//! `suimon completions`: what should the shell offer?

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, Error, Exit, Session};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        session
            .screen
            .out
            .write_all(&script(self.shell, &mut Cli::command()))?;
        Ok(Exit::Done)
    }
}

/// The completion script of a command; without trailing spaces, so that it can be kept in a repository.
pub(super) fn script(shell: Shell, command: &mut clap::Command) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, command, name, &mut script);
    script
}
