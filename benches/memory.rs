//! How much memory do a million cached small RRsets take? Prints it, and ends with 1 if it is over 1 GB.
#![expect(
    clippy::print_stdout,
    reason = "a report for people is what this is for"
)]

use std::process::ExitCode;

use suimon::cache::{Cache, Rank};
use suimon::config::plan;
use suimon::sys::clock::Now;
use suimon::wire::{Name, Question, RdataSet, RecordType, Rrset};

const SETS: u32 = 1_000_000;
const LIMIT: u64 = 1_000_000_000;

fn main() -> ExitCode {
    let plan = plan::Cache {
        max_bytes: 2 << 30,
        answer_slots: 0,
        min_ttl: 0,
        max_ttl: 86_400,
        max_negative_ttl: 10_800,
        delegation_ttl: (60, 86_400),
        failure_ttl: 5,
        max_failure_ttl: 300,
        failures: 200_000,
    };
    let now = Now::at_secs(1);
    let before = resident();
    let cache = Cache::new(&plan);
    for number in 0..SETS {
        cache.store(small_set(number), Rank::AuthAnswer, now);
    }
    cache.settle();
    let known = (0..SETS)
        .filter(|number| {
            let question = Question::new(small_set(*number).owner, RecordType::A);
            cache.lookup(&question, now).is_some()
        })
        .count();
    let used = resident().saturating_sub(before);
    println!(
        "{known} of {SETS} RRsets known; {} MB resident, {} octets each; reckoned {} octets each",
        used / 1_000_000,
        used / u64::from(SETS),
        cache.bytes() / u64::from(SETS),
    );
    if used <= LIMIT && known == usize::try_from(SETS).unwrap_or(0) {
        ExitCode::SUCCESS
    } else {
        println!("the goal is all of them in {} MB", LIMIT / 1_000_000);
        ExitCode::FAILURE
    }
}

/// One address at a name of ordinary length.
fn small_set(number: u32) -> Rrset {
    let owner = format!("www{number}.domain{}.example.com", number % 5000);
    Rrset {
        owner: owner.parse().unwrap_or_else(|_| Name::root()),
        rtype: RecordType::A,
        ttl: 3600,
        rdata: RdataSet::new([&number.to_be_bytes()[..]]),
        rrsigs: RdataSet::default(),
    }
}

/// Octets of memory this process holds (Linux).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}
