//! `suimon guard`: which zones and servers are under attack, and what should be done about one of them?

use std::net::IpAddr;

use clap::Subcommand;

use super::nta::lost;
use super::output::{Paint, Side, Table, count, counted, span};
use super::{Error, Exit, Session, shadow};
use crate::ops::control::protocol::{
    GuardChangeReport, GuardReport, GuardTarget, Request, ShadowReport, ShareReport,
};
use crate::wire::Name;

/// Show and steer the zone guard, which holds back floods of made-up names.
///
/// It engages and lets go by itself. What is pinned or exempted here lasts until it is released, over restarts; `status` shows it.
/// A server stands for all zones on it and is known by one address of all that they have, the one that `status` shows.
/// Zones exempt for good stand in zone_guard.exempt.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the zones and servers that are held back, and how the guard stands.
    Status,
    /// Say of every limit whether enforcing it is safe: how many known-good queries it held back, or would.
    ///
    /// A query is known to be good if its name is (it is in the filter of known names, or answered without asking anybody), or if its
    /// address is proven by TCP or a cookie. What is counted is the same in log-only mode and in force.
    Shadow,
    /// Hold back unknown names of a zone from now on, attacked or not.
    Pin {
        /// The zone.
        #[arg(value_name = "ZONE", value_parser = zone)]
        zone: Name,
    },
    /// Never hold back anything of a zone, or of the zones of a server for its sake.
    Exempt {
        /// The zone, or the address by which the server is known.
        #[arg(value_name = "ZONE|ADDRESS")]
        target: GuardTarget,
    },
    /// Take back pin or exempt, and let go of a zone or server that is held back now.
    Release {
        /// The zone, or the address by which the server is known.
        #[arg(value_name = "ZONE|ADDRESS")]
        target: GuardTarget,
    },
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let request = match &self.what {
            What::Status => {
                let report: GuardReport = session.ask(&Request::GuardStatus {})?;
                session
                    .screen
                    .show(&report, |paint| status(&report, paint))?;
                return Ok(Exit::Done);
            }
            What::Shadow => {
                let report: ShadowReport = session.ask(&Request::GuardShadow {})?;
                session
                    .screen
                    .show(&report, |paint| shadow::human(&report, paint))?;
                return Ok(Exit::Done);
            }
            What::Pin { zone } => Request::GuardPin {
                zone: zone.to_string(),
            },
            What::Exempt { target } => Request::GuardExempt {
                zone: target.to_string(),
            },
            What::Release { target } => Request::GuardRelease {
                zone: target.to_string(),
            },
        };
        let report: GuardChangeReport = session.ask(&request)?;
        session
            .screen
            .show(&report, |paint| changed(&report, paint))?;
        Ok(Exit::Done)
    }
}

/// What can be pinned.
fn zone(text: &str) -> Result<Name, String> {
    match text.parse()? {
        GuardTarget::Zone(zone) => Ok(zone),
        GuardTarget::Server(_) => {
            Err("a server is not pinned, for its zones may be anybody's: pin its zones".to_owned())
        }
    }
}

/// A zone as it is, a server as what it is.
fn named(zone: &str) -> String {
    match zone.parse::<IpAddr>() {
        Ok(address) => format!("server {address}"),
        Err(_) => zone.to_owned(),
    }
}

fn changed(report: &GuardChangeReport, paint: Paint) -> String {
    let zone = &named(&report.zone);
    let is_server = zone != &report.zone;
    let text = match report.done.as_str() {
        "exempt" if is_server => format!(
            "{} {zone}: nothing of its zones is held back for its sake until it is released\n",
            paint.warn("exempt")
        ),
        "pinned" => format!(
            "{} {zone}: its unknown names are held back until it is released\n",
            paint.warn("pinned")
        ),
        "exempt" => format!(
            "{} {zone}: nothing of it is held back until it is released\n",
            paint.warn("exempt")
        ),
        _ => format!("{} {zone}\n", paint.good("released")),
    };
    text + &lost(report.kept, paint)
}

fn status(report: &GuardReport, paint: Paint) -> String {
    let mode = match report.mode.as_str() {
        "off" => paint.warn("off"),
        "log-only" => paint.warn("log-only: nothing is held back"),
        other => paint.good(other),
    };
    let mut text = format!(
        "zone guard {mode}; {} of {} slots in use, {} per zone; {} known (one filter takes {}); {}\n",
        count(report.slots_used.into()),
        count(report.slots.into()),
        count(report.slots_per_zone.into()),
        counted(report.known_names, "name", "names"),
        count(report.known_names_capacity),
        counted(
            report.suffix_rules,
            "public suffix rule",
            "public suffix rules"
        ),
    );
    text += &shares(&report.shares, paint);
    for wish in &report.wishes {
        let origin = match (wish.origin.as_str(), &wish.since) {
            ("configuration", _) => " (zone_guard.exempt)".to_owned(),
            (_, Some(since)) => format!(" (suimon guard, since {since})"),
            _ => String::new(),
        };
        text += &format!("{} {}{origin}\n", paint.warn(&wish.wish), named(&wish.zone));
    }
    if report.zones.is_empty() && report.servers.is_empty() {
        return text + "no zone and no server is under attack\n";
    }
    let mut table = Table::new(&[
        Side::Left,
        Side::Left,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
    ]);
    table.row([
        "Held back",
        "Because",
        "Since",
        "Asked/s",
        "Unknown/s",
        "Failing",
        "Denied",
        "Explored",
    ]);
    for zone in &report.zones {
        let because = if zone.dead {
            "servers dead"
        } else {
            &zone.trigger
        };
        table.row([
            zone.suffix.as_ref().unwrap_or(&zone.zone),
            because,
            &span(zone.seconds),
            &format!("{:.0}", zone.demand_per_second),
            &format!("{:.0}", zone.unknown_per_second),
            &format!("{:.0} %", zone.failed_share * 100.0),
            &count(zone.denied),
            &count(zone.explored),
        ]);
    }
    for server in &report.servers {
        table.row([
            &format!("server {}", server.server),
            &server.trigger,
            &span(server.seconds),
            &format!("{:.0}", server.demand_per_second),
            &format!("{:.0}", server.unknown_per_second),
            &format!("{:.0} %", server.failed_share * 100.0),
            &count(server.denied),
            &count(server.explored),
        ]);
    }
    let mut lines = table.render("", |_, cell| cell.to_owned());
    if let Some(end) = lines.find('\n') {
        let heading = paint.strong(lines.get(..end).unwrap_or_default());
        lines.replace_range(..end, &heading);
    }
    text + &lines
}

fn shares(report: &ShareReport, paint: Paint) -> String {
    let mode = match report.mode.as_str() {
        "enforce" => paint.good("enforce"),
        "off" => return format!("shares {}\n", paint.warn("off")),
        other => paint.warn(other),
    };
    format!(
        "shares {mode}; {} per client, full {}; {} per server, full {}; {} waiting\n",
        counted(report.per_client.into(), "look-up", "look-ups"),
        counted(report.clients_full_total, "time", "times"),
        counted(report.per_server.into(), "question", "questions"),
        counted(report.servers_full_total, "time", "times"),
        counted(report.clients_waiting, "client", "clients"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::control::protocol::{GuardWish, GuardedServer, GuardedZone};

    #[test]
    fn the_status_says_what_is_held_back_and_why() {
        let mut report = GuardReport {
            mode: "enforce".to_owned(),
            slots_used: 12,
            slots: 8_192,
            slots_per_zone: 511,
            known_names: 40_000,
            known_names_capacity: 9_320_675,
            suffix_rules: 7_000,
            shares: ShareReport {
                mode: "enforce".to_owned(),
                per_client: 127,
                per_server: 1_022,
                clients_waiting: 9,
                clients_full_total: 1,
                servers_full_total: 12_000,
            },
            ..GuardReport::default()
        };
        assert_eq!(
            status(&report, Paint::plain()),
            "zone guard enforce; 12 of 8,192 slots in use, 511 per zone; 40,000 names known (one filter takes 9,320,675); 7,000 public suffix rules\nshares enforce; 127 look-ups per client, full 1 time; 1,022 questions per server, full 12,000 times; 9 clients waiting\nno zone and no server is under attack\n"
        );
        report.wishes.push(GuardWish {
            zone: "left.example.".to_owned(),
            wish: "exempt".to_owned(),
            origin: "operator".to_owned(),
            since: Some("2026-11-22T03:00:00Z".to_owned()),
        });
        report.wishes.push(GuardWish {
            zone: "always.example.".to_owned(),
            wish: "exempt".to_owned(),
            origin: "configuration".to_owned(),
            since: None,
        });
        report.wishes.push(GuardWish {
            zone: "192.0.2.99".to_owned(),
            wish: "exempt".to_owned(),
            origin: "operator".to_owned(),
            since: Some("2026-11-22T03:00:00Z".to_owned()),
        });
        report.zones.push(GuardedZone {
            zone: "victim.example.".to_owned(),
            suffix: Some("www.victim.example.".to_owned()),
            trigger: "flood".to_owned(),
            seconds: 65,
            demand_per_second: 5_010.4,
            unknown_per_second: 5_000.2,
            failed_share: 0.014,
            denied: 320_000,
            explored: 1_300,
            ..GuardedZone::default()
        });
        report.servers.push(GuardedServer {
            server: "192.0.2.53".to_owned(),
            trigger: "in_flight".to_owned(),
            seconds: 5,
            demand_per_second: 2_040.0,
            unknown_per_second: 2_000.0,
            failed_share: 0.4,
            denied: 9_000,
            explored: 120,
            ..GuardedServer::default()
        });
        let told = status(&report, Paint::plain());
        let lines: Vec<&str> = told.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "exempt left.example. (suimon guard, since 2026-11-22T03:00:00Z)",
                "exempt always.example. (zone_guard.exempt)",
                "exempt server 192.0.2.99 (suimon guard, since 2026-11-22T03:00:00Z)",
                "Held back            Because        Since  Asked/s  Unknown/s  Failing   Denied  Explored",
                "www.victim.example.  flood      1 min 5 s     5010       5000      1 %  320,000     1,300",
                "server 192.0.2.53    in_flight        5 s     2040       2000     40 %    9,000       120",
            ]
        );
    }

    #[test]
    fn what_was_done_is_said_in_a_line() {
        let of = |zone: &str, done: &str| {
            let report = GuardChangeReport {
                zone: zone.to_owned(),
                done: done.to_owned(),
                kept: done != "lost",
            };
            changed(&report, Paint::plain())
        };
        let told = |done: &str| of("a.test.", done);
        assert_eq!(
            of("192.0.2.53", "exempt"),
            "exempt server 192.0.2.53: nothing of its zones is held back for its sake until it is released\n"
        );
        assert_eq!(of("192.0.2.53", "released"), "released server 192.0.2.53\n");
        assert_eq!(
            told("pinned"),
            "pinned a.test.: its unknown names are held back until it is released\n"
        );
        assert_eq!(
            told("exempt"),
            "exempt a.test.: nothing of it is held back until it is released\n"
        );
        assert_eq!(told("released"), "released a.test.\n");
        assert!(told("lost").contains("a restart will not know of it"));
    }

    #[test]
    fn only_a_zone_can_be_pinned() {
        assert_eq!(zone("a.test").unwrap().to_string(), "a.test.");
        assert!(zone("192.0.2.53").unwrap_err().contains("pin its zones"));
        assert!(zone("192.0.2.300").unwrap_err().contains("is no address"));
    }
}
