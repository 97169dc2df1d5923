//! `suimon anchors`: which keys are believed without proof, and how far is a roll-over?

use super::output::{Paint, Side, Table};
use super::{Error, Exit, Session};
use crate::ops::control::protocol::{
    AnchorKeyReport, AnchorReport, Request, StatusReport, ValidationReport,
};

/// Show the trust anchors: every key, its state, and when the zone is asked for its keys (RFC 5011).
///
/// A new key is pending for 30 days and trusted after that, if every answer until then has shown it; a missing one stays
/// trusted; a revoked one is never trusted again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let report: StatusReport = session.ask(&Request::Status {})?;
        session.screen.show(&report.validation, |paint| {
            listed(&report.validation, paint)
        })?;
        Ok(Exit::Done)
    }
}

/// The keys of one anchor in lines of `status`: `. 20326 valid since 2026-11-22T00:00:00Z`.
pub(super) fn told(anchor: &AnchorReport) -> Vec<String> {
    let mut lines: Vec<String> = anchor
        .keys
        .iter()
        .map(|key| {
            let since = key
                .since
                .as_ref()
                .map_or_else(String::new, |since| format!(" since {since}"));
            let next = next(key).map_or_else(String::new, |next| format!(", {next}"));
            format!("{} {} {}{since}{next}", anchor.zone, key.tag, key.state)
        })
        .collect();
    if anchor.followed {
        lines.push(format!("{} {}", anchor.zone, checks(anchor)));
    }
    lines
}

fn next(key: &AnchorKeyReport) -> Option<String> {
    match (&key.trusted_from, &key.removed_from) {
        (Some(at), _) => Some(format!("trusted from {at}")),
        (None, Some(at)) => Some(format!("forgotten from {at}")),
        (None, None) => None,
    }
}

fn checks(anchor: &AnchorReport) -> String {
    let last = match (&anchor.last_check, &anchor.last_result) {
        (Some(at), Some(result)) => format!("last checked {at} ({result})"),
        _ => "never checked".to_owned(),
    };
    match &anchor.next_check {
        Some(next) => format!("{last}, next {next}"),
        None if anchor.key_tags.is_empty() => format!("{last}; all its keys are revoked"),
        None => format!("{last}, next at once"),
    }
}

fn listed(report: &ValidationReport, paint: Paint) -> String {
    if report.anchors.is_empty() {
        let why = report.off_because.as_deref().unwrap_or("there are none");
        return format!("no trust anchors: {why}\n");
    }
    let mut table = Table::new(&[
        Side::Left,
        Side::Right,
        Side::Right,
        Side::Left,
        Side::Left,
        Side::Left,
    ]);
    table.row(["Zone", "Key", "Algorithm", "State", "Since", "Next"]);
    for anchor in &report.anchors {
        for key in &anchor.keys {
            table.row([
                &anchor.zone,
                &key.tag.to_string(),
                &key.algorithm.map_or_else(String::new, |it| it.to_string()),
                &key.state,
                key.since.as_deref().unwrap_or(""),
                &next(key).unwrap_or_default(),
            ]);
        }
        if anchor.keys.is_empty() {
            for tag in &anchor.key_tags {
                table.row([&anchor.zone, &tag.to_string(), "", "configured", "", ""]);
            }
        }
    }
    let mut text = String::new();
    for (index, line) in table
        .render("", |_, cell| cell.to_owned())
        .lines()
        .enumerate()
    {
        text += &if index == 0 {
            paint.strong(line)
        } else {
            line.to_owned()
        };
        text.push('\n');
    }
    text.push('\n');
    for anchor in &report.anchors {
        let zone = &anchor.zone;
        text += &if anchor.followed {
            format!("{zone}  {}\n", checks(anchor))
        } else {
            format!("{zone}  roll-overs are not followed (dnssec.follow_rollovers)\n")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tag: u16, state: &str) -> AnchorKeyReport {
        AnchorKeyReport {
            tag,
            algorithm: Some(8),
            state: state.to_owned(),
            since: Some("2026-11-22T00:00:00Z".to_owned()),
            ..AnchorKeyReport::default()
        }
    }

    fn root() -> AnchorReport {
        AnchorReport {
            zone: ".".to_owned(),
            key_tags: vec![20326, 38696],
            followed: true,
            keys: vec![
                key(20326, "valid"),
                AnchorKeyReport {
                    trusted_from: Some("2026-12-22T00:00:00Z".to_owned()),
                    ..key(4711, "pending")
                },
                AnchorKeyReport {
                    tag: 38696,
                    state: "configured".to_owned(),
                    ..AnchorKeyReport::default()
                },
                AnchorKeyReport {
                    removed_from: Some("2027-01-01T00:00:00Z".to_owned()),
                    ..key(9, "revoked")
                },
            ],
            last_check: Some("2026-11-22T01:00:00Z".to_owned()),
            last_result: Some("validated".to_owned()),
            last_validated: None,
            next_check: Some("2026-11-23T01:00:00Z".to_owned()),
        }
    }

    #[test]
    fn every_key_is_listed_with_its_state_and_what_comes_next() {
        let report = ValidationReport {
            on: true,
            anchors: vec![
                root(),
                AnchorReport {
                    zone: "corp.example.".to_owned(),
                    key_tags: vec![7],
                    ..AnchorReport::default()
                },
            ],
            ..ValidationReport::default()
        };
        assert_eq!(
            listed(&report, Paint::plain()),
            "\
Zone             Key  Algorithm  State       Since                 Next
.              20326          8  valid       2026-11-22T00:00:00Z
.               4711          8  pending     2026-11-22T00:00:00Z  trusted from 2026-12-22T00:00:00Z
.              38696             configured
.                  9          8  revoked     2026-11-22T00:00:00Z  forgotten from 2027-01-01T00:00:00Z
corp.example.      7             configured

.  last checked 2026-11-22T01:00:00Z (validated), next 2026-11-23T01:00:00Z
corp.example.  roll-overs are not followed (dnssec.follow_rollovers)
"
        );
    }

    #[test]
    fn in_status_each_key_is_a_line() {
        assert_eq!(
            told(&root()),
            [
                ". 20326 valid since 2026-11-22T00:00:00Z",
                ". 4711 pending since 2026-11-22T00:00:00Z, trusted from 2026-12-22T00:00:00Z",
                ". 38696 configured",
                ". 9 revoked since 2026-11-22T00:00:00Z, forgotten from 2027-01-01T00:00:00Z",
                ". last checked 2026-11-22T01:00:00Z (validated), next 2026-11-23T01:00:00Z",
            ]
        );
        assert!(told(&AnchorReport::default()).is_empty());
    }

    #[test]
    fn without_anchors_and_without_trust_it_says_so() {
        let report = ValidationReport {
            off_because: Some("dnssec.validation is \"off\"".to_owned()),
            ..ValidationReport::default()
        };
        assert_eq!(
            listed(&report, Paint::plain()),
            "no trust anchors: dnssec.validation is \"off\"\n"
        );
        let revoked = AnchorReport {
            key_tags: Vec::new(),
            keys: vec![key(9, "revoked")],
            next_check: None,
            ..root()
        };
        assert!(told(&revoked)[1].ends_with("(validated); all its keys are revoked"));
    }
}
