//! `suimon status`: how is the daemon, on one screen?

use super::output::{Paint, Side, Table, count, counted, millis, percent, share, size, span};
use super::{Error, Exit, Session};
use super::{anchors, nta};
use crate::ops::control::protocol::{
    LimiterReport, LocalRootReport, Request, StatusReport, ValidationReport,
};

/// Show the daemon's health on one screen.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let report: StatusReport = session.ask(&Request::Status {})?;
        session
            .screen
            .show(&report, |paint| human(&report, paint))?;
        Ok(Exit::Done)
    }
}

fn human(report: &StatusReport, paint: Paint) -> String {
    let state = match report.state.as_str() {
        "serving" => paint.good(&report.state),
        other => paint.warn(other),
    };
    let mut text = format!(
        "{} {state} for {}, process {}\n\n",
        paint.strong(&format!("suimond {}", report.version)),
        span(report.uptime_seconds),
        report.pid
    );
    text += &facts(report).render("", |column, cell| match column {
        0 => paint.strong(cell),
        _ => cell.to_owned(),
    });
    if !report.warnings.is_empty() {
        text += &format!("\n{}\n", paint.warn("Needs attention"));
        for warning in &report.warnings {
            text += &format!("  - {}\n", warning.replace('\n', "\n    "));
        }
    }
    text
}

fn facts(report: &StatusReport) -> Table {
    let mut table = Table::new(&[Side::Left, Side::Left]);
    let listeners: Vec<String> = report.listeners.iter().map(ToString::to_string).collect();
    let listens = match listeners.as_slice() {
        [] => "nowhere".to_owned(),
        some => format!(
            "{}, UDP and TCP, {}",
            some.join(", "),
            counted(report.workers, "worker", "workers")
        ),
    };
    table.row(["Listens on", &listens]);
    table.row(["Config", &config(report)]);
    table.row([
        "Queries",
        &format!(
            "{} in all, {:.1}/s now",
            count(report.queries_total),
            report.queries_per_second
        ),
    ]);
    table.row([
        "Not served",
        &format!(
            "{} refused, {} dropped, {} SERVFAIL",
            count(report.refused_total),
            count(report.dropped_total),
            count(report.servfail_total)
        ),
    ]);
    for (index, words) in limits(&report.limiter).iter().enumerate() {
        table.row([if index == 0 { "Limits" } else { "" }, words]);
    }
    let hurting = report
        .limits
        .iter()
        .filter(|limit| limit.verdict == "hurts");
    for limit in hurting {
        let would = if limit.mode == "log-only" {
            "would have held"
        } else {
            "held"
        };
        let words = format!(
            "{} {would} back {}, {} of them known to be good (suimon guard shadow)",
            limit.limit,
            count(limit.acted_total),
            count(limit.known_good()),
        );
        table.row(["", &words]);
    }
    table.row(["Answers", &answers(report)]);
    table.row([
        "Upstream",
        &format!(
            "{}, {} unanswered, {} in flight",
            counted(report.upstream_packets_total, "packet", "packets"),
            percent(share(
                report.upstream_timeouts_total,
                report.upstream_packets_total
            )),
            counted(report.recursions_in_flight, "recursion", "recursions")
        ),
    ]);
    table.row([
        "Cache",
        &format!(
            "{}, {} of {} ({})",
            counted(report.cache_entries, "entry", "entries"),
            size(report.cache_bytes),
            size(report.cache_capacity_bytes),
            percent(share(report.cache_bytes, report.cache_capacity_bytes))
        ),
    ]);
    table.row(["Validation", &validation(&report.validation)]);
    let keys = report.validation.anchors.iter().flat_map(anchors::told);
    for (index, key) in keys.enumerate() {
        table.row([if index == 0 { "Anchors" } else { "" }, &key]);
    }
    for (index, anchor) in report.validation.negative_anchors.iter().enumerate() {
        let label = if index == 0 { "Except" } else { "" };
        table.row([label, &nta::told(anchor)]);
    }
    if let Some(root) = &report.local_root {
        table.row(["Local root", &local_root(root)]);
    }
    table.row([
        "TCP",
        &counted(
            report.tcp_connections,
            "connection open",
            "connections open",
        ),
    ]);
    table
}

fn limits(report: &LimiterReport) -> Vec<String> {
    let now = counted(
        report.limited_prefixes,
        "network over its limit now",
        "networks over their limits now",
    );
    let mut lines = match report.mode.as_str() {
        "" => Vec::new(),
        "off" => vec!["off (limiter.mode)".to_owned()],
        "log-only" => vec![format!(
            "only logged: {} would have been held back, {now}",
            counted(report.would_limit_total, "query", "queries")
        )],
        _ => vec![format!(
            "{} held back, {now}",
            counted(report.limited_total, "query", "queries")
        )],
    };
    if let Some(slip) = Some(report.slip).filter(|slip| *slip > 1) {
        lines.push(format!(
            "under a flood: one limited query of {slip} gets a reply"
        ));
    }
    if let (Some(most), Some(rate)) = (report.most_per_customer, report.suggested_rate) {
        lines.push(format!(
            "99.9 % of customers ask less than {most:.1}/s; suggested limiter.rate {rate}"
        ));
    }
    lines
}

fn config(report: &StatusReport) -> String {
    let files = match report.config_files.as_slice() {
        [] => "built-in defaults".to_owned(),
        some => some.join(", "),
    };
    match &report.last_reload {
        None => files,
        Some(reload) if reload.applied => {
            format!("{files}, reloaded {} ago", span(reload.seconds_ago))
        }
        Some(reload) => format!(
            "{files}; the reload {} ago failed, the old one is running",
            span(reload.seconds_ago)
        ),
    }
}

fn validation(report: &ValidationReport) -> String {
    if !report.on {
        return match &report.off_because {
            Some(why) => format!("off: {why}"),
            None => "off".to_owned(),
        };
    }
    let anchors: Vec<String> = report
        .anchors
        .iter()
        .map(|anchor| {
            let tags: Vec<String> = anchor.key_tags.iter().map(ToString::to_string).collect();
            match tags.as_slice() {
                [] => anchor.zone.clone(),
                some => format!("{} ({})", anchor.zone, some.join(", ")),
            }
        })
        .collect();
    format!(
        "on, by the keys of {}; {} known",
        anchors.join(", "),
        counted(report.zones_known, "zone", "zones")
    )
}

fn local_root(report: &LocalRootReport) -> String {
    let (Some(serial), Some(checked)) = (report.serial, report.checked_seconds_ago) else {
        return match &report.trouble {
            Some(why) => format!("not in use: {why}"),
            None => "not in use: it is being fetched".to_owned(),
        };
    };
    format!(
        "serial {serial}, verified; {} from {}, the newest {} ago, used until {}",
        counted(report.records.unwrap_or_default(), "record", "records"),
        report.source.as_deref().unwrap_or("somewhere"),
        span(checked),
        report.expires.as_deref().unwrap_or("it expires")
    )
}

fn answers(report: &StatusReport) -> String {
    let hits = report.hit_ratio.map_or_else(
        || "none yet".to_owned(),
        |ratio| format!("{} from what is known", percent(ratio)),
    );
    match (report.latency_p50_ms, report.latency_p99_ms) {
        (Some(half), Some(most)) => format!(
            "{hits}; half within {}, 99 % within {}",
            millis(half),
            millis(most)
        ),
        _ => hits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::control::protocol::{
        AnchorReport, LastReload, NegativeAnchorReport, ShadowLimit,
    };

    #[test]
    fn one_screen_of_a_busy_daemon() {
        let report = StatusReport {
            version: "0.1.0".to_owned(),
            pid: 4711,
            state: "serving".to_owned(),
            uptime_seconds: 93_784,
            listeners: vec!["127.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()],
            workers: 2,
            config_files: vec!["/etc/suimon/suimon.toml".to_owned()],
            last_reload: Some(LastReload {
                seconds_ago: 301,
                applied: true,
            }),
            queries_total: 1_234_567,
            queries_per_second: 1042.26,
            hit_ratio: Some(0.987_4),
            refused_total: 1000,
            dropped_total: 3,
            servfail_total: 12,
            latency_p50_ms: Some(0.016),
            latency_p99_ms: Some(32.768),
            recursions_in_flight: 1,
            tcp_connections: 0,
            upstream_packets_total: 20_000,
            upstream_timeouts_total: 50,
            cache_entries: 52_001,
            cache_bytes: 12_900_000,
            cache_capacity_bytes: 256 << 20,
            validation: ValidationReport {
                on: true,
                off_because: None,
                anchors: vec![
                    AnchorReport {
                        zone: ".".to_owned(),
                        key_tags: vec![20326, 38696],
                        ..AnchorReport::default()
                    },
                    AnchorReport {
                        zone: "corp.example.".to_owned(),
                        key_tags: Vec::new(),
                        ..AnchorReport::default()
                    },
                ],
                negative_anchors: vec![
                    NegativeAnchorReport {
                        zone: "lab.example.".to_owned(),
                        source: "configuration".to_owned(),
                        ..NegativeAnchorReport::default()
                    },
                    NegativeAnchorReport {
                        zone: "broken.test.".to_owned(),
                        source: "operator".to_owned(),
                        until: Some("2026-12-01T00:00:00Z".to_owned()),
                        seconds_left: Some(59),
                        reason: Some("key lost".to_owned()),
                    },
                ],
                zones_known: 412,
            },
            limiter: LimiterReport {
                mode: "enforce".to_owned(),
                algorithm: "sketch".to_owned(),
                limited_total: 4096,
                would_limit_total: 0,
                limited_prefixes: 1,
                slip: 2,
                most_per_customer: Some(11.3),
                suggested_rate: Some(46),
            },
            limits: vec![ShadowLimit {
                limit: "client_limiter".to_owned(),
                mode: "enforce".to_owned(),
                acted_total: 4_096,
                known_names_total: 12,
                proven_addresses_total: 1,
                verdict: "hurts".to_owned(),
                ..ShadowLimit::default()
            }],
            local_root: Some(LocalRootReport {
                in_use: true,
                serial: Some(2_026_112_200),
                records: Some(24_881),
                source: Some("192.0.2.1:53".to_owned()),
                checked_seconds_ago: Some(725),
                expires: Some("2026-11-29T06:00:00Z".to_owned()),
                trouble: None,
            }),
            warnings: vec![
                "the receive buffer is smaller than asked for:\nraise net.core.rmem_max".to_owned(),
            ],
        };
        assert_eq!(
            human(&report, Paint::plain()),
            "\
suimond 0.1.0 serving for 1 d 2 h, process 4711

Listens on  127.0.0.1:53, [::1]:53, UDP and TCP, 2 workers
Config      /etc/suimon/suimon.toml, reloaded 5 min 1 s ago
Queries     1,234,567 in all, 1042.3/s now
Not served  1,000 refused, 3 dropped, 12 SERVFAIL
Limits      4,096 queries held back, 1 network over its limit now
            under a flood: one limited query of 2 gets a reply
            99.9 % of customers ask less than 11.3/s; suggested limiter.rate 46
            client_limiter held back 4,096, 13 of them known to be good (suimon guard shadow)
Answers     98.7 % from what is known; half within 0.02 ms, 99 % within 32.8 ms
Upstream    20,000 packets, 0.2 % unanswered, 1 recursion in flight
Cache       52,001 entries, 12.3 MiB of 256.0 MiB (4.8 %)
Validation  on, by the keys of . (20326, 38696), corp.example.; 412 zones known
Except      lab.example.
            broken.test. for 59 s more (key lost)
Local root  serial 2026112200, verified; 24,881 records from 192.0.2.1:53, the newest 12 min 5 s ago, used until 2026-11-29T06:00:00Z
TCP         0 connections open

Needs attention
  - the receive buffer is smaller than asked for:
    raise net.core.rmem_max
"
        );
    }

    #[test]
    fn limits_that_are_off_or_only_logged_say_so() {
        let told = |mode: &str| {
            limits(&LimiterReport {
                mode: mode.to_owned(),
                would_limit_total: 1,
                ..LimiterReport::default()
            })
        };
        assert_eq!(told("off"), ["off (limiter.mode)"]);
        assert_eq!(
            told("log-only"),
            ["only logged: 1 query would have been held back, 0 networks over their limits now"]
        );
        assert!(told("").is_empty(), "an older suimond");
    }

    #[test]
    fn a_fresh_daemon_divides_by_nothing() {
        let report = StatusReport {
            version: "0.1.0".to_owned(),
            state: "draining".to_owned(),
            validation: ValidationReport {
                off_because: Some("dnssec.validation is \"off\"".to_owned()),
                ..ValidationReport::default()
            },
            last_reload: Some(LastReload {
                seconds_ago: 2,
                applied: false,
            }),
            local_root: Some(LocalRootReport {
                trouble: Some("192.0.2.1:53: it answered REFUSED".to_owned()),
                ..LocalRootReport::default()
            }),
            ..StatusReport::default()
        };
        let text = human(&report, Paint::plain());
        assert!(text.contains("suimond 0.1.0 draining for 0 s"), "{text}");
        assert!(
            text.contains("\nValidation  off: dnssec.validation is \"off\"\n"),
            "{text}"
        );
        assert!(
            text.contains("built-in defaults; the reload 2 s ago failed, the old one is running\n"),
            "{text}"
        );
        assert!(text.contains("Answers     none yet\n"), "{text}");
        assert!(
            text.contains("\nLocal root  not in use: 192.0.2.1:53: it answered REFUSED\n"),
            "{text}"
        );
        assert!(text.contains("0 B of 0 B (0.0 %)"), "{text}");
        assert!(!text.contains("attention"), "{text}");
    }
}
