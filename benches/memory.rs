//! How much memory do one million small RRsets take? By the cache's own reckoning, and by what the process grew.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that measures and prints; a panic is the report"
)]

#[path = "whole/table.rs"]
mod table;

use std::path::Path;
use std::process::ExitCode;

use suimon::cache::{Cache, Rank};
use suimon::config;
use suimon::sys::clock::Now;
use suimon::wire::rrset::RdataSet;
use suimon::wire::{Name, RecordType, Rrset};

const RRSETS: u32 = 1_000_000;
/// The promise: 1 GB, not GiB.
const PROMISE: u64 = 1_000_000_000;

fn main() -> ExitCode {
    let config = format!("[cache]\nsize = \"{}MiB\"\n", PROMISE >> 20);
    let plan = config::load_text(Path::new("bench.toml"), &config)
        .expect("a config that holds")
        .plan
        .cache;
    let now = Now::at_secs(0);
    let before = resident();
    let cache = Cache::new(&plan);
    for number in 0..RRSETS {
        cache.store(small(number), Rank::AuthAnswer, now);
    }
    cache.settle();
    let grown = resident().saturating_sub(before);
    let (entries, reckoned) = (cache.entries(), cache.bytes());

    // What was stored is there: a sample of one in a thousand.
    let asked = (0..RRSETS).step_by(1000);
    let found = asked.clone().filter(|number| {
        cache
            .rrset(&name(*number), RecordType::A, Rank::AuthAnswer, now)
            .is_some()
    });
    let (asked, found) = (asked.len(), found.count());

    let each = |bytes: u64| bytes / u64::from(RRSETS);
    println!("\n## Memory: {RRSETS} small RRsets (one A record, names of 30 octets)\n");
    println!("| | octets | each |\n|---|---:|---:|");
    println!("| the process grew by (RSS) | {grown} | {} |", each(grown));
    println!(
        "| the cache's own reckoning | {reckoned} | {} |",
        each(reckoned)
    );
    println!("| limit | {PROMISE} | {} |", each(PROMISE));
    println!("\nHeld: {entries} entries; {found} of {asked} looked up were found.");
    let fits = grown <= PROMISE && entries == u64::from(RRSETS) && found == asked;
    let verdict = if fits { "held" } else { "NOT held" };
    println!("One million small RRsets fit in 1 GB: {verdict}.");
    table::record(&format!(
        "| memory: one million small RRsets | {} MB | at most 1,000 MB: {verdict} |",
        grown / 1_000_000
    ));
    // A reckoning below the truth would let the daemon outgrow what its operator gave it.
    let share = reckoned * 100 / grown;
    println!("The cache reckons with {share} % of what the process grew by.");
    table::record(&format!(
        "| memory: the cache's own reckoning, of the truth | {share} % | at least 90 %: {} |",
        if share >= 90 { "held" } else { "NOT held" }
    ));
    if fits {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn name(number: u32) -> Name {
    format!("host-{number:07}.customers.example.")
        .parse()
        .expect("a domain name")
}

fn small(number: u32) -> Rrset {
    Rrset {
        owner: name(number),
        rtype: RecordType::A,
        ttl: 86_400,
        rdata: RdataSet::new([number.to_be_bytes().as_slice()]),
        rrsigs: RdataSet::default(),
    }
}

/// Octets of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second field of statm") * 4096
}
