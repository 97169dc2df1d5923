//! The operator's tool `suimon`: what may stand on its command line, and what it does then.

mod anchors;
mod ask;
mod check;
mod client;
mod completions;
mod drill;
mod exit;
mod flush;
mod guard;
mod incidents;
mod manual;
mod nta;
mod output;
mod reload;
mod shadow;
mod stats;
mod status;
mod top;
mod why;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::de::DeserializeOwned;

use crate::ops::control::protocol::{Request, domain_name};
use crate::wire::RecordType;

pub use exit::Exit;
use output::{Color, Format, Paint, Screen};

/// Asks, checks and steers a running suimond.
///
/// Talks to suimond over its control socket; `check` and `drill` need no daemon. Results go to standard output,
/// everything else to standard error.
#[derive(Debug, Parser)]
#[command(
    name = "suimon",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Control socket of the daemon.
    #[arg(
        long,
        global = true,
        help_heading = HEADING, value_name = "PATH",
        default_value = "/run/suimon/control.sock"
    )]
    socket: PathBuf,

    /// For whom results are written.
    #[arg(long, global = true, help_heading = HEADING, value_name = "FORMAT", default_value = "human")]
    output: Format,

    /// When colours are used.
    #[arg(long, global = true, help_heading = HEADING, value_name = "WHEN", default_value = "auto")]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
const HEADING: &str = "Global options";

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Args),
    Stats(stats::Args),
    Top(top::Args),
    Check(check::Args),
    Ask(ask::Args),
    Why(why::Args),
    Flush(flush::Args),
    Nta(nta::Args),
    Anchors(anchors::Args),
    Guard(guard::Args),
    Incidents(incidents::Args),
    Reload(reload::Args),
    Drill(drill::Args),
    Completions(completions::Args),
    Man(manual::Args),
}

/// Why a command came to nothing.
#[derive(Debug)]
enum Error {
    /// The command line makes no sense.
    Usage(String),
    /// No daemon.
    Unreachable(String),
    /// Not this user.
    NotPermitted(String),
    /// It was tried.
    Failed(String),
    /// Results cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What every command gets: where the daemon is and where results go.
struct Session<'a> {
    socket: PathBuf,
    screen: Screen<'a>,
    /// Whether results go to a terminal.
    terminal: bool,
}

impl Session<'_> {
    fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        client::ask(&self.socket, request)
    }
}

/// Runs the tool: arguments with the program's name first, results on standard output.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let surroundings = Surroundings {
        terminal: io::stdout().is_terminal(),
        no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
    };
    execute(args, &mut io::stdout(), &mut io::stderr(), surroundings).into()
}

/// What the terminal and the environment say about colours.
#[derive(Clone, Copy, Debug, Default)]
struct Surroundings {
    terminal: bool,
    no_color: bool,
}

fn execute(
    args: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: Surroundings,
) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, out, err, surroundings),
    };
    let paint = Paint::new(cli.color, surroundings.terminal, surroundings.no_color);
    let mut session = Session {
        socket: cli.socket,
        screen: Screen {
            out: &mut *out,
            format: cli.output,
            paint,
        },
        terminal: surroundings.terminal,
    };
    let done = match cli.command {
        Command::Status(args) => args.run(&mut session),
        Command::Stats(args) => args.run(&mut session),
        Command::Top(args) => args.run(&mut session),
        Command::Check(args) => args.run(&mut session),
        Command::Ask(args) => args.run(&mut session),
        Command::Why(args) => args.run(&mut session),
        Command::Flush(args) => args.run(&mut session),
        Command::Nta(args) => args.run(&mut session),
        Command::Anchors(args) => args.run(&mut session),
        Command::Guard(args) => args.run(&mut session),
        Command::Incidents(args) => args.run(&mut session),
        Command::Reload(args) => args.run(&mut session),
        Command::Drill(args) => args.run(&mut session),
        Command::Completions(args) => args.run(&mut session),
        Command::Man(args) => args.run(),
    };
    let flushed = done.and_then(|exit| Ok(out.flush().map(|()| exit)?));
    let (exit, sentence) = match flushed {
        Ok(exit) => return exit,
        // Whoever reads us has seen enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Exit::Done;
        }
        Err(Error::Output(error)) => (Exit::No, format!("cannot write the result: {error}")),
        Err(Error::Usage(sentence)) => (Exit::Usage, sentence),
        Err(Error::Unreachable(sentence)) => (Exit::Unreachable, sentence),
        Err(Error::NotPermitted(sentence)) => (Exit::NotPermitted, sentence),
        Err(Error::Failed(sentence)) => (Exit::No, sentence),
    };
    let _ = writeln!(err, "suimon: {sentence}");
    exit
}

/// clap's word on a bad command line, or the help and version that were asked for.
fn usage(
    error: &clap::Error,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: Surroundings,
) -> Exit {
    let text = if surroundings.terminal && !surroundings.no_color {
        error.render().ansi().to_string()
    } else {
        error.render().to_string()
    };
    let _ = if error.use_stderr() {
        err.write_all(text.as_bytes())
    } else {
        out.write_all(text.as_bytes())
    };
    if error.exit_code() == 0 {
        Exit::Done
    } else {
        Exit::Usage
    }
}

/// A record type on the command line.
fn record_type(text: &str) -> Result<RecordType, String> {
    text.parse()
        .map_err(|_| "not a record type; write a mnemonic such as AAAA, or TYPE123".to_owned())
}

#[cfg(test)]
mod tests;
