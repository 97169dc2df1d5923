//! Do other clients' cached answers come as soon as ever, whatever else suimond is at? Their slowest hundredth, disturbed and calm in turns.
//!
//! Needs root (network namespaces), dnsperf, iproute2 and two cores; the server has one of them. Environment: `SUIMOND` another binary, `TURNS` of each
//! kind, `SECONDS` of each.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "a program that measures and prints, with parts of the bench `whole`; a panic is the report"
)]

#[path = "../whole/authority.rs"]
mod authority;
mod disturbance;
#[path = "../whole/lab.rs"]
mod lab;
mod probe;
mod rig;
#[path = "../whole/table.rs"]
mod table;

use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use disturbance::ALL;
use rig::Rig;

/// How much longer the slowest hundredth may wait.
const MOST: f64 = 2.0;

fn main() -> ExitCode {
    if let Some(lack) = rig::lack() {
        println!("\n## Cached answers beside other work\n");
        table::record(&format!(
            "| cached answers beside other work | not measured: {lack} | |"
        ));
        println!("not measured: {lack}");
        return ExitCode::SUCCESS;
    }
    let (turns, seconds) = (setting("TURNS", 7_usize), setting("SECONDS", 4_u64));
    let mut rig = Rig::new(Duration::from_secs(seconds));
    println!(
        "\n## Cached answers beside other work: {turns} turns of {seconds} s, calm and disturbed\n"
    );
    println!("| | p99, µs | calm, µs | ratio | of the turns | lost | what happened in a turn |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    for disturbance in ALL {
        let (mut with, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut lost, mut happened) = (0, Vec::new());
        for _ in 0..turns {
            let calm = rig.calm(disturbance);
            let (disturbed, count) = rig.disturbed(disturbance);
            // It is no result if nothing went on.
            assert!(count > 0.0, "{}: nothing happened", disturbance.title());
            happened.push(count);
            lost += disturbed.lost;
            ratios.push(disturbed.p99 / calm.p99);
            with.push(disturbed.p99);
            without.push(calm.p99);
        }
        let ratio = quantile(&ratios, 0.5);
        println!(
            "| {} | {:.0} | {:.0} | {ratio:.2} | {:.2}–{:.2} | {lost} | {} |",
            disturbance.title(),
            quantile(&with, 0.5),
            quantile(&without, 0.5),
            quantile(&ratios, 0.0),
            quantile(&ratios, 1.0),
            disturbance.told(quantile(&happened, 0.5)),
        );
        let verdict = if ratio <= MOST { "held" } else { "NOT held" };
        table::record(&format!(
            "| p99 of cached answers beside {}, of calm | {ratio:.2} ({lost} lost) | at most {MOST}: {verdict} |",
            disturbance.title()
        ));
    }
    ExitCode::SUCCESS
}

fn setting<T: FromStr>(name: &str, otherwise: T) -> T {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The value that a part `q` of all are below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a short list"
)]
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (q * sorted.len() as f64) as usize;
    sorted[place.min(sorted.len() - 1)]
}
