//! What is told of limits and of whom they hurt?

use serde::{Deserialize, Serialize};

/// `guard shadow`: what each limit does, or would do if it were enforced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShadowReport {
    /// Seconds over which this was counted.
    pub uptime_seconds: u64,
    /// Queries in that time, as a measure of the rest.
    pub queries_total: u64,
    /// Each limit.
    pub limits: Vec<ShadowLimit>,
    /// Queries per second that all but one of a thousand active customers stay below; nothing until enough was seen.
    pub most_per_customer: Option<f64>,
    /// The value for `limiter.rate` that this suggests.
    pub suggested_rate: Option<u32>,
}

/// One limit, and the queries that it held back or would have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowLimit {
    /// Its code, as in `suimon_shadow_total`.
    pub limit: String,
    /// "off", "log-only", "enforce"; "always" for one that protects memory and cannot be watched only.
    pub mode: String,
    /// The setting that this is; nothing for "always".
    pub setting: Option<String>,
    /// Queries (of TCP limits: connections) held back since the start, or in log-only mode those that would have been.
    pub acted_total: u64,
    /// Of those, for names known to be real: in the filter of known names, or answered NOERROR without asking anybody.
    pub known_names_total: u64,
    /// Of the others, from addresses that were proven by TCP or a cookie.
    pub proven_addresses_total: u64,
    /// "off", "quiet" (nothing was over it), "safe" (nothing known to be good was), "hurts".
    pub verdict: String,
    /// What to do about it, one sentence; nothing if there is nothing to do.
    pub advice: Option<String>,
}

impl ShadowLimit {
    /// Queries known to be good among them.
    #[must_use]
    pub const fn known_good(&self) -> u64 {
        self.known_names_total
            .saturating_add(self.proven_addresses_total)
    }
}
