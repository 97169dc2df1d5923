//! What do floods of made-up names do to Suimon, and what to the resolvers of Debian? One table and one picture (docs/comparison.md).
//!
//! Needs root (network namespaces), two cores, and the peers in a root of their own (packaging/install-peers); who is missing has no rows.
//! Traffic and measuring are `suimon drill --attack`'s. `SUIMOND` and `SUIMON` in the environment name other binaries.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a program that measures and prints"
)]

mod measures;
mod options;
#[path = "../page/mod.rs"]
mod page;
mod plot;
mod publish;
mod resolvers;
mod rig;
mod summary;
#[path = "../whole/table.rs"]
mod summing;
mod table;
mod told;

use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;
use serde_json::{Value, json};

use measures::Measure;
use options::Options;
use resolvers::{OURS, Resolver};
use rig::{Order, Programs};
use summary::{Row, Run};

/// Where reports, table and picture go.
const OUT: &str = "build/bench";

fn main() -> ExitCode {
    let options = Options::parse();
    match perform(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("bench torture: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn perform(options: &Options) -> Result<(), String> {
    let resolvers = options.resolvers()?;
    fs::create_dir_all(OUT).map_err(|error| format!("{OUT}: {error}"))?;
    let files = match options.from.as_slice() {
        [] if !rustix::process::geteuid().is_root() => {
            println!("bench torture: needs root, for network namespaces");
            return Ok(());
        }
        [] => vec![measure(options, &resolvers)?],
        files => files.to_vec(),
    };
    let (settings, runs) = read(&files)?;
    let rows = summary::rows(&runs);
    let text = publish::text(&settings, &rows);
    println!("\n{text}");
    write("torture.md", &text)?;
    write("torture.svg", &plot::svg(&rows))?;
    println!("table and picture: {OUT}/torture.md, {OUT}/torture.svg");
    for verdict in table::verdicts(&rows, OURS) {
        summing::record(&verdict);
    }
    if options.publish {
        publish::into_docs(&text, &plot::svg(&rows))?;
        println!("docs/comparison.md and docs/comparison.svg are written");
    }
    say_what_fails(&rows);
    Ok(())
}

/// Every attack on every resolver, in turn; the reports go to a file, one a line, so that an interrupted run is not lost.
fn measure(options: &Options, resolvers: &[Resolver]) -> Result<PathBuf, String> {
    let binary =
        |variable: &str, built: &str| std::env::var(variable).unwrap_or_else(|_| built.to_owned());
    let programs = Programs {
        suimon: binary("SUIMON", env!("CARGO_BIN_EXE_suimon")),
        suimond: binary("SUIMOND", env!("CARGO_BIN_EXE_suimond")),
        peers: options.peers(),
    };
    let mut present = Vec::new();
    let mut versions: Vec<String> = Vec::new();
    for resolver in resolvers {
        match rig::version(&programs, resolver.product) {
            Some(version) => {
                let told = format!("{} {version}", resolver.product.name());
                if !versions.contains(&told) {
                    versions.push(told);
                }
                present.push(*resolver);
            }
            None => println!(
                "{} is not in {}: no rows",
                resolver.key,
                programs.peers.display()
            ),
        }
    }
    let path = Path::new(OUT).join("torture.jsonl");
    let mut file =
        fs::File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut keep = |value: &Value| {
        writeln!(file, "{value}").map_err(|error| format!("{}: {error}", path.display()))
    };
    keep(&json!({"setting": publish::setting(options, &versions)}))?;
    let cells = present.len() * options.attacks.len() * options.rate.len();
    let mut failed = Vec::new();
    let begun = Instant::now();
    for turn in 0..options.runs {
        let mut done = 0;
        for attack in &options.attacks {
            for rate in &options.rate {
                // In another order each turn: nobody always comes after the same one.
                let first = turn as usize % present.len().max(1);
                for resolver in present.iter().cycle().skip(first).take(present.len()) {
                    done += 1;
                    println!(
                        "{:>4} s  turn {}/{}, {done}/{cells}: {attack}, {rate}/s, {}",
                        begun.elapsed().as_secs(),
                        turn + 1,
                        options.runs,
                        resolver.key
                    );
                    let order = Order {
                        attack: attack.clone(),
                        rate: *rate,
                        capacity: options.capacity,
                        calm: options.calm,
                        seconds: options.seconds(),
                        after: options.after(),
                        seed: u64::from(turn) + 1,
                    };
                    match rig::run(&programs, resolver, &order) {
                        Ok(report) => keep(&json!({"resolver": resolver.key, "report": report}))?,
                        Err(reason) => {
                            println!("{reason}");
                            failed.push(format!("{attack}, {rate}/s, {}", resolver.key));
                        }
                    }
                }
            }
        }
    }
    if failed.is_empty() {
        return Ok(path);
    }
    println!("no report: {}", failed.join("; "));
    if failed.iter().any(|cell| cell.ends_with(", suimon")) {
        return Err("Suimon itself could not be measured".to_owned());
    }
    Ok(path)
}

/// The settings, a paragraph each, and the runs of files of reports.
fn read(files: &[PathBuf]) -> Result<(String, Vec<Run>), String> {
    let mut settings = Vec::new();
    let mut runs = Vec::new();
    for path in files {
        let told = |error: &dyn Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(&error))?;
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).map_err(|error| told(&error))?;
            if let Some(setting) = value["setting"].as_str() {
                settings.push(setting.to_owned());
                continue;
            }
            let key = value["resolver"].as_str().unwrap_or_default();
            let resolver = Resolver::named(key).ok_or_else(|| format!("no resolver {key:?}"))?;
            runs.push(told::run(resolver.title, &value["report"])?);
        }
    }
    // In the order of the table, not of the turns.
    let place = |run: &Run| {
        let resolver = resolvers::ALL
            .iter()
            .position(|resolver| resolver.title == run.resolver);
        let attack = &run.attack;
        (attack.rate, attack.victim, attack.name.clone(), resolver)
    };
    runs.sort_by_key(place);
    Ok((settings.join("\n\n"), runs))
}

fn write(name: &str, text: &str) -> Result<(), String> {
    let path = Path::new(OUT).join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Where Suimon itself misses a promise, with all the figures of that row.
fn say_what_fails(rows: &[Row]) {
    let ours = rows.iter().filter(|row| row.resolver == OURS);
    for row in ours {
        for measure in Measure::PROMISED {
            if row.is_held(measure) == Some(false) {
                println!(
                    "NOT held: {}, {}",
                    table::title(&row.attack),
                    measure.title()
                );
            }
        }
    }
}
