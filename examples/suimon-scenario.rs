//! Do scenario files pass? `suimon-scenario [--live] FILE...` runs each and prints pass, fail with what differs, or not supported.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use suimon::drill::scenario::{self, Outcome, live};

/// Run scenario files (.rpl, as testbound and Deckard have them) through suimond's rooms, or through suimond itself
///
/// Exit code: 0 if none failed, 1 if one did, 2 if one is not a scenario.
#[derive(Debug, Parser)]
#[command(name = "suimon-scenario")]
struct Arguments {
    /// Run the daemon, in a network namespace of its own (needs root)
    #[arg(long)]
    live: bool,

    /// The daemon for --live
    #[arg(long, value_name = "PROGRAM")]
    suimond: Option<PathBuf>,

    /// Say nothing of scenarios that pass
    #[arg(long, short)]
    quiet: bool,

    /// Scenario files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments, &mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            let _unheard = writeln!(io::stderr(), "suimon-scenario: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments, out: &mut impl Write) -> io::Result<ExitCode> {
    let place = if arguments.live {
        match live::Place::alone(arguments.suimond.clone())? {
            Ok(place) => Some(place),
            // Somebody else ran with our arguments inside of a namespace.
            Err(code) => return Ok(ExitCode::from(code)),
        }
    } else {
        None
    };
    let (mut passed, mut failed, mut unsupported, mut unreadable) = (0, 0, 0, 0);
    for file in &arguments.files {
        let outcome = scenario::run_file(file, |scenario| match &place {
            Some(place) => live::play(scenario, place),
            None => scenario::play(scenario),
        });
        match &outcome {
            Outcome::Pass => passed += 1,
            Outcome::Fail(_) => failed += 1,
            Outcome::Unsupported { .. } => unsupported += 1,
            Outcome::Unreadable(_) => unreadable += 1,
        }
        if !(arguments.quiet && outcome == Outcome::Pass) {
            writeln!(out, "{}: {outcome}", file.display())?;
        }
    }
    writeln!(
        out,
        "{passed} passed, {failed} failed, {unsupported} not supported, {unreadable} unreadable"
    )?;
    Ok(match (failed, unreadable) {
        (_, 1..) => ExitCode::from(2),
        (1.., _) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}
