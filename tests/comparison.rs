//! Does the comparison of `benches/torture` reckon, judge and draw rightly? Fed with reports of the drill that are written here.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a failed expectation is a failed test; the modules are a bench's"
)]

#[path = "../benches/torture/measures.rs"]
mod measures;
#[path = "../benches/torture/plot.rs"]
mod plot;
#[path = "../benches/torture/summary.rs"]
mod summary;
#[path = "../benches/torture/table.rs"]
mod table;
#[path = "../benches/torture/told.rs"]
mod told;

use serde_json::{Value, json};

use measures::{Measure, Target, Victim};
use summary::{Run, Spread};

const OURS: &str = "**Suimon**";

/// What one kind of honest questions got.
fn kind(asked: u64, answered: u64, p99: f64) -> Value {
    json!({"asked": asked, "answered": answered, "p50_ms": p99 / 4.0, "p99_ms": p99})
}

/// Three seconds of calm, the first of them busy; one of onset, two of the attack with so many packets a second for its names.
fn series(attack: f64) -> Value {
    let second = |phase: &str, attack: f64, honest: f64, sent: f64| json!({"phase": phase, "upstream_attack": attack, "upstream_honest": honest, "sent": sent});
    json!([
        second("calm", 1.0, 400.0, 0.0),
        second("calm", 0.0, 20.0, 0.0),
        second("calm", 0.0, 40.0, 0.0),
        second("onset", 4_000.0, 30.0, 5_000.0),
        second("attack", attack, 30.0, 5_000.0),
        second("attack", attack, 30.0, 5_000.0),
        second("after", 0.0, 30.0, 0.0),
    ])
}

/// A report in which all is well, at that rate.
fn report(attack: &str, rate: u32) -> Value {
    let honest = || {
        json!({
            "known": kind(200, 200, 3.0), "new": kind(50, 50, 4.0), "cached": kind(400, 400, 1.2),
            "expired": kind(100, 100, 5.0), "cold": kind(100, 100, 5.0),
        })
    };
    json!({
        "schema": 1, "attack": attack, "asked": {"rate": rate, "after_s": 60.0},
        "sent": {"queries": 50_000, "per_second": 4_990.0}, "replies": {"share": 0.25},
        "honest": {"calm": honest(), "onset": honest(), "attack": honest(), "after": honest()},
        "series": series(50.0),
        "throttled_after_s": 1.0, "released_after_s": 42.5,
        "process": {"cpu_share": 0.5, "rss_peak": 52_428_800, "sockets_peak": 17},
    })
}

fn run(resolver: &str, report: &Value) -> Run {
    told::run(resolver, report).expect("a report")
}

fn figure(report: &Value, measure: Measure) -> Option<f64> {
    run("x", report).figures.get(&measure).copied()
}

#[test]
fn a_report_becomes_figures_in_the_units_of_the_table() {
    let mut report = report("water-torture-healthy", 5_000);
    report["honest"]["attack"]["known"] = kind(200, 199, 3.0);
    report["honest"]["attack"]["expired"] = kind(100, 90, 5.0);
    let run = run(OURS, &report);
    assert_eq!(run.attack.name, "water-torture-healthy");
    assert_eq!(
        (run.attack.victim, run.attack.rate),
        (Victim::Healthy, 5_000)
    );
    for (measure, value) in [
        (Measure::Known, 99.5),
        (Measure::New, 100.0),
        (Measure::Cached, 100.0),
        // Looked up: those whose TTL ended and those never asked for, together.
        (Measure::Cold, 95.0),
        (Measure::Slowdown, 1.0),
        // The settled part, not the whole; what honest clients cause is not the attack's.
        (Measure::Upstream, 0.01),
        (Measure::Engaged, 1.0),
        (Measure::Released, 42.5),
        (Measure::KnownMost, 3.0),
        (Measure::Sent, 4_990.0),
        (Measure::Replies, 25.0),
        (Measure::Cpu, 50.0),
        (Measure::Memory, 50.0),
        (Measure::Sockets, 17.0),
    ] {
        let told = run.figures.get(&measure).copied();
        assert!(
            told.is_some_and(|told| (told - value).abs() < 1e-9),
            "{measure:?}: {told:?}, not {value}"
        );
    }
}

#[test]
fn what_was_not_measured_is_no_figure_and_what_never_came_is_no_zero() {
    let mut report = report("water-torture-dead", 5_000);
    report["process"] = Value::Null;
    report["honest"]["attack"]["new"] = kind(0, 0, 0.0);
    report["throttled_after_s"] = Value::Null;
    report["series"] = json!([]);
    for measure in [
        Measure::Cpu,
        Measure::Memory,
        Measure::New,
        Measure::Upstream,
    ] {
        assert_eq!(figure(&report, measure), None, "{measure:?}");
    }
    assert_eq!(figure(&report, Measure::Engaged), Some(f64::INFINITY));
    assert_eq!(run("x", &report).attack.victim, Victim::Dead);
    // A release that nobody waited for is none that never came.
    report["released_after_s"] = Value::Null;
    assert_eq!(figure(&report, Measure::Released), Some(f64::INFINITY));
    report["asked"]["after_s"] = json!(2.0);
    assert_eq!(figure(&report, Measure::Released), None);
    report["released_after_s"] = json!(0.5);
    assert_eq!(figure(&report, Measure::Released), Some(0.5));
    let rows = summary::rows(&[run("x", &report)]);
    assert_eq!(rows[0].is_held(Measure::Engaged), Some(false));
    assert_eq!(rows[0].is_held(Measure::Cpu), None);
    assert!(told::run("x", &json!({"schema": 2})).is_err());
    assert!(told::run("x", &json!({"schema": 1, "attack": "y"})).is_err());
}

#[test]
fn the_slowdown_is_the_worse_of_both_kinds_and_not_the_clocks_grain() {
    let mut report = report("water-torture-healthy", 5_000);
    report["honest"]["attack"]["cold"] = kind(100, 100, 15.0);
    assert_eq!(figure(&report, Measure::Slowdown), Some(3.0));
    // A cached answer in half a millisecond instead of a tenth slows nobody down.
    report["honest"]["calm"]["cached"] = kind(400, 400, 0.1);
    report["honest"]["attack"]["cached"] = kind(400, 400, 0.5);
    assert_eq!(figure(&report, Measure::Slowdown), Some(3.0));
    // Where nobody is answered there is no p99, and no answer is no quick answer.
    report["honest"]["attack"]["cold"] =
        json!({"asked": 100, "answered": 0, "p50_ms": null, "p99_ms": null});
    assert_eq!(figure(&report, Measure::Slowdown), Some(f64::INFINITY));
}

#[test]
fn packets_upstream_count_whatever_they_ask_for() {
    let mut report = report("water-torture-dead", 5_000);
    report["series"][4]["upstream_honest"] = json!(4_030.0);
    report["series"][5]["upstream_honest"] = json!(4_030.0);
    assert_eq!(figure(&report, Measure::Upstream), Some(0.81));
    report["series"][4]["sent"] = json!(0.0);
    report["series"][5]["sent"] = json!(0.0);
    assert_eq!(figure(&report, Measure::Upstream), None);
}

#[test]
fn promises_depend_on_the_attack() {
    let target = |measure: Measure, victim, rate| measure.target(victim, rate);
    assert_eq!(
        target(Measure::Known, Victim::Dead, 5_000),
        Some(Target::AtLeast(99.0))
    );
    // Nobody can know new names of dead servers.
    assert_eq!(target(Measure::New, Victim::Dead, 5_000), None);
    assert_eq!(
        target(Measure::New, Victim::Overloaded, 5_000),
        Some(Target::AtLeast(90.0))
    );
    // Few queries a second do not hurt the servers.
    assert_eq!(target(Measure::Upstream, Victim::Healthy, 1_000), None);
    assert_eq!(
        target(Measure::Upstream, Victim::Healthy, 5_000),
        Some(Target::AtMost(0.05))
    );
    assert!(Target::AtLeast(99.9).is_held(99.9) && !Target::AtLeast(99.9).is_held(99.89));
    assert!(Target::AtMost(3.0).is_held(3.0) && !Target::AtMost(3.0).is_held(3.01));
    for measure in Measure::BESIDE {
        assert_eq!(target(measure, Victim::Healthy, 5_000), None, "{measure:?}");
    }
}

#[test]
fn runs_become_a_median_and_its_ends() {
    let spread = |values: &[f64]| Spread::of(values.to_vec());
    assert_eq!(spread(&[]), None);
    let of = |median, least, most| {
        Some(Spread {
            median,
            least,
            most,
        })
    };
    assert_eq!(spread(&[3.0, 1.0, 2.0]), of(2.0, 1.0, 3.0));
    assert_eq!(spread(&[4.0, 1.0]), of(2.5, 1.0, 4.0));
    assert_eq!(
        spread(&[1.0, f64::INFINITY, 2.0]),
        of(2.0, 1.0, f64::INFINITY)
    );

    // Two turns, the second in another order: rows stand by attack, then by resolver.
    let (healthy, dead) = (
        report("water-torture-healthy", 5_000),
        report("water-torture-dead", 5_000),
    );
    let runs = [
        run(OURS, &healthy),
        run("Unbound", &healthy),
        run("Unbound", &dead),
        run(OURS, &dead),
        run(OURS, &healthy),
    ];
    let rows = summary::rows(&runs);
    let told: Vec<(&str, &str, usize)> = rows
        .iter()
        .map(|row| (row.attack.name.as_str(), row.resolver.as_str(), row.runs))
        .collect();
    assert_eq!(
        told,
        [
            ("water-torture-healthy", OURS, 2),
            ("water-torture-healthy", "Unbound", 1),
            ("water-torture-dead", OURS, 1),
            ("water-torture-dead", "Unbound", 1),
        ]
    );
}

/// Suimon well, in two runs; Unbound not.
fn rows() -> Vec<summary::Row> {
    let ours = report("water-torture-dead", 20_000);
    let mut again = ours.clone();
    again["honest"]["attack"]["known"] = kind(200, 198, 3.0);
    let mut theirs = ours.clone();
    theirs["honest"]["attack"]["known"] = kind(200, 0, 0.0);
    theirs["series"] = series(4_061.5);
    theirs["throttled_after_s"] = Value::Null;
    summary::rows(&[run(OURS, &ours), run("Unbound", &theirs), run(OURS, &again)])
}

#[test]
fn the_table_tells_medians_spread_targets_and_what_misses_them() {
    let told = table::markdown(
        &rows(),
        &[
            Measure::Known,
            Measure::Upstream,
            Measure::Engaged,
            Measure::Cpu,
        ],
    );
    assert_eq!(
        told,
        "| | known names, % | upstream packets per attack query | engaged after, s | CPU, % of a core |\n\
         |---|---:|---:|---:|---:|\n\
         | **water-torture-dead, 20,000/s** | *≥ 99* | *≤ 0.05* | *≤ 3* |  |\n\
         | **Suimon** | 99.5 (99–100) | 0.01 | 1 | 50 |\n\
         | Unbound | 0 ✗ | 0.812 ✗ | never ✗ | 50 |\n"
    );
    // A column that nobody has a figure for is none.
    let mut report = report("water-torture-dead", 5_000);
    report["process"] = Value::Null;
    let told = table::markdown(
        &summary::rows(&[run("x", &report)]),
        &[Measure::Cpu, Measure::Known],
    );
    assert!(told.starts_with("| | known names, % |\n"), "{told}");
}

#[test]
fn make_bench_is_told_which_of_our_promises_hold() {
    let rows = rows();
    let ours: Vec<String> = table::verdicts(&rows, OURS).collect();
    assert!(
        ours.contains(
            &"| water-torture-dead, 20,000/s: known names, % | 99.5 (99–100) | ≥ 99: held |"
                .to_owned()
        ),
        "{ours:#?}"
    );
    assert!(
        ours.iter().all(|line| !line.contains("NOT held")),
        "{ours:#?}"
    );
    let theirs: Vec<String> = table::verdicts(&rows, "Unbound").collect();
    assert!(
        theirs.contains(
            &"| water-torture-dead, 20,000/s: engaged after, s | never | ≤ 3: NOT held |"
                .to_owned()
        ),
        "{theirs:#?}"
    );
}

#[test]
fn the_picture_holds_every_row_in_its_place() {
    let mut report = report("water-torture-healthy & <all>", 5_000);
    report["series"] = series(0.0);
    let mut rows = rows();
    rows.extend(summary::rows(&[run(OURS, &report)]));
    let svg = plot::svg(&rows);
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches(">**Suimon**<").count(), 0, "no Markdown");
    assert_eq!(svg.matches(">Suimon<").count(), 2);
    assert_eq!(svg.matches(">Unbound<").count(), 1);
    assert!(svg.contains("water-torture-healthy &amp; &lt;all&gt;, 5,000/s"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    // A mark each for known names: at 99.5 %, at 0 %, at 100 %, between 300 and 690.
    for x in ["688.0", "300.0", "690.0"] {
        let disc = format!("<circle class=\"f\" cx=\"{x}\"");
        assert!(svg.contains(&disc), "no {disc} in {svg}");
    }
    // The spread between two runs is a line; a single run has none.
    assert_eq!(svg.matches("<line class=\"m\"").count(), 1);
}
