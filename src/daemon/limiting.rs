//! What do operators hear of the limits per client? How they stand, what one client is under, and the metrics beside the reasons.

use std::net::IpAddr;

use super::live::Live;
use crate::config::plan::{LimiterAlgorithm, LimiterMode};
use crate::guard::Client;
use crate::ops::control::protocol::{LimitReport, LimiterReport};
use crate::ops::metrics::Metric;
use crate::sys::clock::{self, Now};
use crate::telemetry::{Counts, Reason};

/// What is held back, by reason.
const LIMITED: [Reason; 5] = [
    Reason::LimitedBadCookie,
    Reason::LimitedClosed,
    Reason::LimitedDeferred,
    Reason::LimitedDropped,
    Reason::LimitedTruncated,
];

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
            "suimon_limiter_suspects",
            "Customers whose datagrams get no data without a proof, because of limiter.prove_after.",
            u64::try_from(limiter.suspects(clock::now())).unwrap_or(u64::MAX),
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
