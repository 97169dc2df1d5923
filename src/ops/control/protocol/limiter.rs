//! What do operators see of the limits per client?

use serde::{Deserialize, Serialize};

/// The limiter, in `status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LimiterReport {
    /// "off", "log-only", "enforce".
    pub mode: String,
    /// "sketch", "isc".
    pub algorithm: String,
    /// Queries held back since the start: truncated, dropped, deferred, closed.
    pub limited_total: u64,
    /// Queries that would have been, and were served.
    pub would_limit_total: u64,
    /// Networks over a limit in the last minute.
    pub limited_prefixes: u64,
    /// Of how many limited queries one gets a reply now.
    pub slip: u32,
    /// Queries per second that all but one of a thousand active customers stay below, as far as the limit lets it be seen; nothing
    /// until enough was seen.
    pub most_per_customer: Option<f64>,
    /// The rate that this suggests.
    pub suggested_rate: Option<u32>,
}

/// A limit that a client is under, in `why`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LimitReport {
    /// The network whose limit it is.
    pub prefix: String,
    /// How much of it is used, 0..=1.
    pub used: f64,
}
