//! `suimon guard shadow`: is it safe to enforce each limit?

use super::output::{Paint, Side, Table, count, counted, span};
use crate::ops::control::protocol::ShadowReport;

/// A day: what was counted for less says little of busy hours.
const ENOUGH: u64 = 86_400;

/// One screen.
pub(super) fn human(report: &ShadowReport, paint: Paint) -> String {
    let mut text = format!(
        "counted for {}: {}\n\n",
        span(report.uptime_seconds),
        counted(report.queries_total, "query", "queries")
    );
    let mut table = Table::new(&[
        Side::Left,
        Side::Left,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Left,
    ]);
    table.row([
        "Limit",
        "Mode",
        "Over it",
        "Known name",
        "Proven address",
        "Of all",
        "Verdict",
    ]);
    for limit in &report.limits {
        table.row([
            &limit.limit,
            &limit.mode,
            &count(limit.acted_total),
            &count(limit.known_names_total),
            &count(limit.proven_addresses_total),
            &part(limit.known_good(), report.queries_total),
            word(&limit.verdict, &limit.mode),
        ]);
    }
    let lines = table.render("", |column, cell| match (column, cell) {
        (6, "hurts" | "would hurt") => paint.bad(cell),
        (6, "safe" | "safe to enforce") => paint.good(cell),
        _ => cell.to_owned(),
    });
    let (heading, rows) = lines.split_once('\n').unwrap_or((&lines, ""));
    text += &format!("{}\n{rows}", paint.strong(heading));
    let advices = report
        .limits
        .iter()
        .filter_map(|limit| Some((&limit.limit, limit.advice.as_ref()?)));
    for (index, (limit, advice)) in advices.enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        text += &format!("{gap}{}: {advice}\n", paint.warn(limit));
    }
    if let (Some(most), Some(rate)) = (report.most_per_customer, report.suggested_rate) {
        text += &format!(
            "\nall but one of a thousand active customers stay below {most:.1} queries per second; four times that: limiter.rate = {rate}\n"
        );
    }
    if report.uptime_seconds < ENOUGH {
        text += "\nthis is less than a day: the busiest hour of the week decides\n";
    }
    text
}

/// The verdict for people.
fn word<'a>(verdict: &'a str, mode: &str) -> &'a str {
    match (verdict, mode) {
        ("hurts", "log-only") => "would hurt",
        ("safe", "log-only") => "safe to enforce",
        ("off", _) => "",
        ("quiet", _) => "nothing over it",
        (verdict, _) => verdict,
    }
}

/// Of all queries, as people say it.
#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn part(good: u64, all: u64) -> String {
    match good {
        0 => String::new(),
        _ if all == 0 => "-".to_owned(),
        good if good.saturating_mul(100) >= all => {
            format!("{:.1} %", good as f64 * 100.0 / all as f64)
        }
        good => format!("1 in {}", count(all / good)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::control::protocol::ShadowLimit;

    fn limit(
        limit: &str,
        mode: &str,
        [acted, names, addresses]: [u64; 3],
        verdict: &str,
    ) -> ShadowLimit {
        ShadowLimit {
            limit: limit.to_owned(),
            mode: mode.to_owned(),
            setting: None,
            acted_total: acted,
            known_names_total: names,
            proven_addresses_total: addresses,
            verdict: verdict.to_owned(),
            advice: (verdict == "hurts").then(|| "set limiter.rate = 800 (it is 200)".to_owned()),
        }
    }

    #[test]
    fn one_screen_says_per_limit_whether_enforcing_is_safe() {
        let mut report = ShadowReport {
            uptime_seconds: 7_200,
            queries_total: 10_000_000,
            limits: vec![
                limit("client_limiter", "log-only", [12_000, 400, 100], "hurts"),
                limit("zone_guard", "log-only", [3_000_000, 0, 0], "safe"),
                limit("proof", "off", [0, 0, 0], "off"),
                limit("tcp_total", "always", [0, 0, 0], "quiet"),
            ],
            most_per_customer: Some(199.5),
            suggested_rate: Some(800),
        };
        assert_eq!(
            human(&report, Paint::plain()),
            "\
counted for 2 h: 10,000,000 queries

Limit           Mode        Over it  Known name  Proven address       Of all  Verdict
client_limiter  log-only     12,000         400             100  1 in 20,000  would hurt
zone_guard      log-only  3,000,000           0               0               safe to enforce
proof           off               0           0               0
tcp_total       always            0           0               0               nothing over it

client_limiter: set limiter.rate = 800 (it is 200)

all but one of a thousand active customers stay below 199.5 queries per second; four times that: limiter.rate = 800

this is less than a day: the busiest hour of the week decides
"
        );
        report.limits = vec![limit(
            "client_limiter",
            "enforce",
            [12_000, 400_000, 0],
            "hurts",
        )];
        report.uptime_seconds = 100_000;
        let told = human(&report, Paint::plain());
        assert!(told.contains("4.0 %  hurts\n"), "{told}");
        assert!(!told.contains("less than a day"), "{told}");
    }
}
