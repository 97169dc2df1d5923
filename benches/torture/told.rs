//! What does the report of `suimon drill --attack --json` say in the comparison's measures?

use std::collections::BTreeMap;

use serde_json::Value;

use crate::measures::{Measure, Victim};
use crate::summary::{Attack, Run};

/// The version of the report that is understood.
const SCHEMA: u64 = 1;
/// Within which a release is promised.
const LONGEST_RELEASE_S: f64 = 60.0;
/// Cached answers come within some tens of microseconds, and the drill counts them in tenths of a millisecond: below this a
/// multiple says nothing.
const LEAST_CALM_MS: f64 = 1.0;

/// A run, from the title of its resolver and the drill's report on it.
///
/// # Errors
/// In words, what is missing or strange in the report.
pub fn run(resolver: &str, report: &Value) -> Result<Run, String> {
    if report["schema"].as_u64() != Some(SCHEMA) {
        return Err(format!("no report of schema {SCHEMA}: {report:.80}"));
    }
    let name = report["attack"]
        .as_str()
        .ok_or("the report names no attack")?;
    let rate = report["asked"]["rate"]
        .as_u64()
        .and_then(|rate| u32::try_from(rate).ok())
        .ok_or("the report tells no rate")?;
    Ok(Run {
        attack: Attack {
            name: name.to_owned(),
            victim: victim(name),
            rate,
        },
        resolver: resolver.to_owned(),
        figures: figures(report),
    })
}

/// The state of the attacked zone's servers is told in the attack's name.
fn victim(name: &str) -> Victim {
    if name.ends_with("-dead") {
        Victim::Dead
    } else if name.ends_with("-overloaded") {
        Victim::Overloaded
    } else {
        Victim::Healthy
    }
}

fn figures(report: &Value) -> BTreeMap<Measure, f64> {
    let calm = &report["honest"]["calm"];
    let attack = &report["honest"]["attack"];
    let process = &report["process"];
    let per_cent = |share: f64| share * 100.0;
    let figures = [
        (Measure::Known, share(&[&attack["known"]])),
        (Measure::New, share(&[&attack["new"]])),
        (Measure::Cached, share(&[&attack["cached"]])),
        (Measure::Cold, share(&[&attack["expired"], &attack["cold"]])),
        (Measure::Slowdown, slowdown(calm, attack)),
        (Measure::Upstream, upstream(report)),
        (Measure::Engaged, moment(report, "throttled_after_s")),
        (Measure::Released, released(report)),
        (Measure::KnownHalf, attack["known"]["p50_ms"].as_f64()),
        (Measure::KnownMost, attack["known"]["p99_ms"].as_f64()),
        (Measure::CachedHalf, attack["cached"]["p50_ms"].as_f64()),
        (Measure::CachedMost, attack["cached"]["p99_ms"].as_f64()),
        (Measure::ColdHalf, attack["cold"]["p50_ms"].as_f64()),
        (Measure::ColdMost, attack["cold"]["p99_ms"].as_f64()),
        (Measure::Sent, report["sent"]["per_second"].as_f64()),
        (
            Measure::Replies,
            report["replies"]["share"].as_f64().map(per_cent),
        ),
        (Measure::Cpu, process["cpu_share"].as_f64().map(per_cent)),
        (
            Measure::Memory,
            process["rss_peak"]
                .as_f64()
                .map(|octets| octets / 1_048_576.0),
        ),
        (Measure::Sockets, process["sockets_peak"].as_f64()),
    ];
    figures
        .into_iter()
        .filter_map(|(measure, value)| Some((measure, value?)))
        .collect()
}

/// Per cent of the questions of these kinds together that were answered; nothing if none was asked.
fn share(kinds: &[&Value]) -> Option<f64> {
    let sum = |key: &str| -> f64 { kinds.iter().filter_map(|kind| kind[key].as_f64()).sum() };
    let asked = sum("asked");
    (asked > 0.0).then(|| sum("answered") / asked * 100.0)
}

/// Packets to authoritative servers beyond those of the calm, per attack query, in the settled part of the attack. All count, whatever they
/// ask for: some resolvers ask for servers' names and cuts again and again. The first second of the calm, when caches are empty, does not.
fn upstream(report: &Value) -> Option<f64> {
    let seconds = report["series"].as_array()?;
    let of = |phase: &str, skipped: usize| -> (f64, f64, f64) {
        seconds
            .iter()
            .filter(|second| second["phase"] == phase)
            .skip(skipped)
            .fold((0.0, 0.0, 0.0), |(count, packets, sent), second| {
                let number = |key: &str| second[key].as_f64().unwrap_or(0.0);
                let both = number("upstream_attack") + number("upstream_honest");
                (count + 1.0, packets + both, sent + number("sent"))
            })
    };
    let (calm, before, _) = of("calm", 1);
    let (attack, packets, sent) = of("attack", 0);
    let usual = before / calm * attack;
    (calm > 0.0 && sent > 0.0).then(|| (packets - usual).max(0.0) / sent)
}

/// How much longer the slowest hundredth waits than before: of cached names or of cold ones, whichever suffers more. Infinite where none
/// of them is answered any more.
fn slowdown(calm: &Value, attack: &Value) -> Option<f64> {
    ["cached", "cold"]
        .into_iter()
        .filter_map(|kind| {
            let before = calm[kind]["p99_ms"].as_f64()?.max(LEAST_CALM_MS);
            let unanswered = attack[kind]["asked"].as_f64()? > 0.0
                && attack[kind]["answered"].as_f64() == Some(0.0);
            if unanswered {
                return Some(f64::INFINITY);
            }
            Some((attack[kind]["p99_ms"].as_f64()?.max(LEAST_CALM_MS) / before).max(1.0))
        })
        .reduce(f64::max)
}

/// Like [`moment`], but who did not watch for as long as a release may take has seen nothing.
fn released(report: &Value) -> Option<f64> {
    let watched = report["asked"]["after_s"].as_f64().unwrap_or(0.0);
    moment(report, "released_after_s")
        .filter(|seconds| seconds.is_finite() || watched >= LONGEST_RELEASE_S)
}

/// Seconds until something came; infinite if it was watched for and never came, nothing if it was not watched for.
fn moment(report: &Value, key: &str) -> Option<f64> {
    match report.get(key)? {
        Value::Null => Some(f64::INFINITY),
        seconds => seconds.as_f64(),
    }
}
