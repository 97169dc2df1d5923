//! Do suimond, Unbound, Knot Resolver and PowerDNS say the same about one generated Internet, signed and unsigned, honest and not?
//!
//! Needs root (network namespaces), NSD, tcpdump and Debian's resolvers; who is missing is not asked. Options: `--questions N`,
//! `--zones N`, `--seed N`, `--only KIND`, `--peer NAME` (either may be repeated), `--at-once N`, `--rounds N` (of cold names), `--examples N`,
//! `--tell` (what everybody said).
//! `SUIMOND` in the environment is another binary, `SUIMOND_BEFORE` one more, to be compared like a peer. Fails on a difference that is not in tests/it/differ/verdicts.toml.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "a program that asks and prints; the lab is the tests', of which it uses a part; a panic is the report"
)]

#[path = "../../tests/it/differ/mod.rs"]
mod differ;
#[path = "../../tests/it/lab/mod.rs"]
mod lab;

use std::process::ExitCode;
use std::time::Duration;

use differ::questions::Kind;
use differ::resolvers::Resolver;
use differ::{Options, report};

fn main() -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        println!("The comparison needs root, for network namespaces.");
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let values = |key: &str| -> Vec<String> {
        let pairs = words.windows(2).filter(|pair| pair[0] == key);
        pairs.map(|pair| pair[1].clone()).collect()
    };
    let number = |key: &str, default: usize| {
        let value = values(key).pop();
        value.map_or(default, |value| {
            value.parse().unwrap_or_else(|_| panic!("{key}: a number"))
        })
    };
    let peers = values("--peer");
    let only = values("--only");
    let resolvers: Vec<Resolver> = Resolver::ALL
        .into_iter()
        .filter(|resolver| {
            *resolver == Resolver::Suimond
                || peers.is_empty()
                || peers.iter().any(|peer| peer == resolver.name())
        })
        .filter(|resolver| {
            let version = resolver.version();
            let told = version.as_deref().unwrap_or("not installed");
            println!("{}: {told}", resolver.name());
            version.is_some()
        })
        .collect();
    let options = Options {
        seed: number("--seed", 1) as u64,
        zones: number("--zones", 120),
        questions: number("--questions", 600),
        resolvers,
        kinds: Kind::ALL
            .into_iter()
            .filter(|kind| only.iter().any(|only| only == kind.word()))
            .collect(),
        at_once: (!values("--at-once").is_empty()).then(|| number("--at-once", 1)),
        rounds: number("--rounds", 1),
        patience: Duration::from_secs(12),
    };
    let outcome = differ::run(&options);
    if words.iter().any(|word| word == "--tell") {
        for (kind, asked) in &outcome.asked {
            for (place, asked) in asked.iter().enumerate() {
                println!(
                    "{} {} {} {} {}",
                    kind.word(),
                    asked.family,
                    asked.question.name,
                    asked.question.rtype,
                    asked.flags
                );
                for resolver in &options.resolvers {
                    let run = &outcome.runs[&(*kind, *resolver)];
                    println!("    {:8} {}", resolver.name(), run.said[place]);
                }
            }
            for resolver in &options.resolvers {
                for line in &outcome.runs[&(*kind, *resolver)].upstream {
                    println!("{} {} sent {line}", kind.word(), resolver.name());
                }
            }
        }
    }
    println!("\n{}", report::tables(&outcome));
    println!("Judged:\n{}", report::judged(&outcome));
    let unjudged = outcome.unjudged().count();
    println!(
        "Not judged: {unjudged}\n{}",
        report::unjudged(&outcome, number("--examples", 2))
    );
    if unjudged == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
