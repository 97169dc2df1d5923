//! What do operators and the log hear of the limits per client? A word when a network goes over its limit, and when it stops.

use std::net::IpAddr;

use ipnet::IpNet;

use super::live::Live;
use crate::config::plan::{LimiterAlgorithm, LimiterMode};
use crate::guard::Client;
use crate::ops::control::protocol::{LimitReport, LimiterReport};
use crate::ops::metrics::Metric;
use crate::sys::clock::{self, Now};
use crate::telemetry::events::{Event, Phase};
use crate::telemetry::{Counts, Reason};

/// What is held back, by reason.
const LIMITED: [Reason; 5] = [
    Reason::LimitedBadCookie,
    Reason::LimitedClosed,
    Reason::LimitedDeferred,
    Reason::LimitedDropped,
    Reason::LimitedTruncated,
];

/// No longer prefixes than these stand in the log: who asks what is nobody's business there (parameter sheet, section 7).
const LOGGED: (u8, u8) = (24, 48);

/// Logs what has begun, goes on or ended. Called every few seconds.
pub(super) fn tell_events(live: &Live, now: Now) {
    for event in live.pipeline.guard.limiter().events(now) {
        log(&event, live.plan.guard.limiter.mode == LimiterMode::Enforce);
    }
}

/// The part of the status.
pub(super) fn status(live: &Live, counts: &Counts, now: Now) -> LimiterReport {
    let (plan, limiter) = (&live.plan.guard.limiter, live.pipeline.guard.limiter());
    let demand = limiter.demand();
    LimiterReport {
        mode: match plan.mode {
            LimiterMode::Off => "off",
            LimiterMode::LogOnly => "log-only",
            LimiterMode::Enforce => "enforce",
        }
        .to_owned(),
        algorithm: match plan.algorithm {
            LimiterAlgorithm::Sketch => "sketch",
            LimiterAlgorithm::Isc => "isc",
        }
        .to_owned(),
        limited_total: LIMITED
            .iter()
            .map(|reason| counts.verdict(*reason))
            .fold(0, u64::saturating_add),
        would_limit_total: counts.verdict(Reason::WouldLimit),
        limited_prefixes: u64::try_from(limiter.limited_prefixes()).unwrap_or(u64::MAX),
        slip: limiter.slip(now),
        most_per_customer: demand.map(|(most, _)| most),
        suggested_rate: demand.map(|(_, rate)| rate),
    }
}

/// The limits that a client is under.
pub(super) fn limits(live: &Live, client: IpAddr, verified: bool) -> Vec<LimitReport> {
    let shares = live
        .pipeline
        .guard
        .limiter()
        .look(Client::new(client, verified), clock::now());
    shares
        .into_iter()
        .map(|share| LimitReport {
            prefix: share.prefix.to_string(),
            used: share.used,
        })
        .collect()
}

/// Beside the reasons, which telemetry counts.
pub(super) fn metrics(metrics: &mut Vec<Metric>, live: &Live) {
    let limiter = live.pipeline.guard.limiter();
    for (name, help, amount) in [
        (
            "suimon_limited_prefixes",
            "Networks over a limit in the last minute.",
            u64::try_from(limiter.limited_prefixes()).unwrap_or(u64::MAX),
        ),
        (
            "suimon_limiter_slip",
            "Of how many limited queries one gets a reply.",
            u64::from(limiter.slip(clock::now())),
        ),
        (
            "suimon_limiter_bytes",
            "Octets the limiter takes; they never change.",
            u64::try_from(limiter.bytes()).unwrap_or(u64::MAX),
        ),
        (
            "suimon_limiter_suggested_rate",
            "A value for limiter.rate: four times what all but one of a thousand active customers stay below; 0 until enough was seen.",
            limiter.demand().map_or(0, |(_, rate)| u64::from(rate)),
        ),
    ] {
        metrics.push(Metric::level(name, help, &[], amount));
    }
}

fn log(event: &Event, enforced: bool) {
    let network = logged(event.prefix);
    let seconds = event.at_ms.saturating_sub(event.since_ms) / 1000;
    let (kind, phase) = (event.kind.label(), event.phase.label());
    let (queries, peak) = (event.count, event.peak);
    match event.phase {
        Phase::Start => {
            tracing::warn!(%network, kind, phase, queries, enforced, "a network asks more than its limit");
        }
        Phase::Continue => {
            tracing::warn!(%network, kind, phase, queries, peak, seconds, enforced, "a network still asks more than its limit");
        }
        Phase::Stop => {
            tracing::info!(%network, kind, phase, queries, peak, seconds, enforced, "a network is within its limit again");
        }
    }
}

/// A prefix as the log may show it.
pub(super) fn logged(prefix: IpNet) -> IpNet {
    let most = match prefix {
        IpNet::V4(_) => LOGGED.0,
        IpNet::V6(_) => LOGGED.1,
    };
    IpNet::new(prefix.addr(), prefix.prefix_len().min(most)).map_or(prefix, |cut| cut.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_shows_networks_not_clients() {
        for (prefix, shown) in [
            ("192.0.2.7/32", "192.0.2.0/24"),
            ("192.0.0.0/18", "192.0.0.0/18"),
            ("2001:db8:1:2300::/56", "2001:db8:1::/48"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(logged(prefix.parse().unwrap()).to_string(), shown);
        }
    }
}
