//! `suimon nta`: excuse a zone from validation for a while (RFC 7646), see who is excused, and end it.

use clap::Subcommand;

use super::output::{Paint, Side, Table, counted, span};
use super::{Error, Exit, Session, domain_name};
use crate::config::units::Span;
use crate::ops::control::protocol::{
    LONGEST_NTA, NegativeAnchorReport, NtaAddReport, NtaListReport, NtaRemoveReport, Request,
};
use crate::wire::Name;

/// Do not validate a zone for a while: negative trust anchors (RFC 7646).
///
/// For a zone of others whose signatures are broken by mistake: first make sure that it is a mistake, for whoever excuses a
/// forged zone serves the forgery. It acts at once, survives reloads and restarts, and ends by itself. Zones excused for
/// good stand in dnssec.negative_trust_anchors, `[[forward]]` and `[[stub]]`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Do not validate a zone, nor anything below it, for a while.
    Add {
        /// The zone.
        #[arg(value_name = "ZONE", value_parser = domain_name)]
        zone: Name,

        /// How long: 1s to 7d.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = duration)]
        seconds: u32,

        /// Why, for those who read the list.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Show the zones that are not validated.
    List,
    /// Validate a zone again.
    Remove {
        /// The zone.
        #[arg(value_name = "ZONE", value_parser = domain_name)]
        zone: Name,
    },
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        match &self.what {
            What::Add {
                zone,
                seconds,
                reason,
            } => {
                let report: NtaAddReport = session.ask(&Request::NtaAdd {
                    zone: zone.to_string(),
                    seconds: *seconds,
                    reason: reason.clone(),
                })?;
                session
                    .screen
                    .show(&report, |paint| added(&report, paint))?;
            }
            What::List => {
                let report: NtaListReport = session.ask(&Request::NtaList {})?;
                session
                    .screen
                    .show(&report, |paint| listed(&report, paint))?;
            }
            What::Remove { zone } => {
                let report: NtaRemoveReport = session.ask(&Request::NtaRemove {
                    zone: zone.to_string(),
                })?;
                session
                    .screen
                    .show(&report, |paint| removed(&report, paint))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// A negative anchor in a line of `status`: `broken.test. for 59 min 3 s more (their key is gone)`.
pub(super) fn told(anchor: &NegativeAnchorReport) -> String {
    let end = match (anchor.seconds_left, &anchor.until) {
        (Some(0), _) => " until now".to_owned(),
        (Some(left), _) => format!(" for {} more", span(left)),
        (None, Some(until)) => format!(" until {until}"),
        (None, None) => String::new(),
    };
    let reason = anchor
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{}{end}{reason}", anchor.zone)
}

fn added(report: &NtaAddReport, paint: Paint) -> String {
    let anchor = &report.added;
    let mut text = format!(
        "{} {} and what is below it until {}; {} forgotten\n",
        paint.warn("not validating"),
        anchor.zone,
        anchor.until.as_deref().unwrap_or("further notice"),
        counted(report.removed, "cached entry", "cached entries"),
    );
    if report.replaced {
        text += "it takes the place of an earlier negative trust anchor for the zone\n";
    }
    text + &lost(report.kept, paint)
}

fn removed(report: &NtaRemoveReport, paint: Paint) -> String {
    let text = format!(
        "{} {} again; {} forgotten\n",
        paint.good("validating"),
        report.zone,
        counted(report.removed, "cached entry", "cached entries"),
    );
    text + &lost(report.kept, paint)
}

pub(super) fn lost(kept: bool, paint: Paint) -> String {
    if kept {
        String::new()
    } else {
        format!(
            "{}: the state directory cannot be written, so a restart will not know of it; the log says why\n",
            paint.warn("warning")
        )
    }
}

fn listed(report: &NtaListReport, paint: Paint) -> String {
    if report.negative_anchors.is_empty() {
        return "no negative trust anchors: every zone below a trust anchor is validated\n"
            .to_owned();
    }
    let mut table = Table::new(&[Side::Left; 4]);
    table.row(["Zone", "By", "Ends", "Reason"]);
    for anchor in &report.negative_anchors {
        let ends = match (anchor.seconds_left, &anchor.until) {
            (Some(0), _) => "ended".to_owned(),
            (Some(left), _) => format!("in {}", span(left)),
            (None, Some(until)) => until.clone(),
            (None, None) => "never".to_owned(),
        };
        table.row([
            &anchor.zone,
            &anchor.source,
            &ends,
            anchor.reason.as_deref().unwrap_or(""),
        ]);
    }
    let mut first = true;
    table
        .render("", |_, cell| cell.to_owned())
        .lines()
        .map(|line| {
            let heading = std::mem::take(&mut first);
            let line = if heading {
                paint.strong(line)
            } else {
                line.to_owned()
            };
            line + "\n"
        })
        .collect()
}

/// Seconds of a length of time on the command line.
fn duration(text: &str) -> Result<u32, String> {
    let Span(span) = text.parse().map_err(|error| format!("{error}"))?;
    if span.subsec_nanos() != 0 {
        return Err("write whole seconds, minutes, hours or days: 90m, 2h, 1d".to_owned());
    }
    u32::try_from(span.as_secs())
        .ok()
        .filter(|seconds| (1..=LONGEST_NTA).contains(seconds))
        .ok_or_else(|| {
            "a negative trust anchor lasts from 1s to 7d; for longer use dnssec.negative_trust_anchors".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(zone: &str, seconds_left: Option<u64>, reason: Option<&str>) -> NegativeAnchorReport {
        NegativeAnchorReport {
            zone: zone.to_owned(),
            source: if seconds_left.is_some() {
                "operator"
            } else {
                "configuration"
            }
            .to_owned(),
            until: seconds_left.map(|_| "2026-12-01T00:00:00Z".to_owned()),
            seconds_left,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn what_was_done_is_said_in_a_line() {
        let mut report = NtaAddReport {
            added: anchor("broken.test.", Some(3600), None),
            replaced: false,
            removed: 1,
            kept: true,
        };
        assert_eq!(
            added(&report, Paint::plain()),
            "not validating broken.test. and what is below it until 2026-12-01T00:00:00Z; 1 cached entry forgotten\n"
        );
        report.replaced = true;
        report.kept = false;
        assert_eq!(
            added(&report, Paint::plain())
                .lines()
                .skip(1)
                .collect::<Vec<_>>(),
            [
                "it takes the place of an earlier negative trust anchor for the zone",
                "warning: the state directory cannot be written, so a restart will not know of it; the log says why"
            ]
        );
        let report = NtaRemoveReport {
            zone: "broken.test.".to_owned(),
            removed: 2,
            kept: true,
        };
        assert_eq!(
            removed(&report, Paint::plain()),
            "validating broken.test. again; 2 cached entries forgotten\n"
        );
    }

    #[test]
    fn the_list_says_who_for_how_long_and_why() {
        let report = NtaListReport {
            negative_anchors: vec![
                anchor("lab.test.", None, None),
                anchor("broken.test.", Some(3543), Some("their key is gone")),
            ],
        };
        assert_eq!(
            listed(&report, Paint::plain()),
            "\
Zone          By             Ends           Reason
lab.test.     configuration  never
broken.test.  operator       in 59 min 3 s  their key is gone
"
        );
        assert_eq!(
            listed(&NtaListReport::default(), Paint::plain()),
            "no negative trust anchors: every zone below a trust anchor is validated\n"
        );
        let told: Vec<String> = report.negative_anchors.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "lab.test.",
                "broken.test. for 59 min 3 s more (their key is gone)"
            ]
        );
    }

    #[test]
    fn a_week_is_the_longest() {
        assert_eq!(duration("90m"), Ok(5_400));
        assert_eq!(duration("1w"), Ok(LONGEST_NTA));
        assert_eq!(
            duration("8d").unwrap_err(),
            "a negative trust anchor lasts from 1s to 7d; for longer use dnssec.negative_trust_anchors"
        );
        for bad in ["0s", "1ms", "soon", "-1h", ""] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
