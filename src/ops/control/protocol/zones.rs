//! What is told of the zone guard: how it stands, which zones are under attack, and what the operator did about one.

use serde::{Deserialize, Serialize};

use super::ShareReport;

/// `guard status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuardReport {
    /// "off", "log-only" or "enforce".
    pub mode: String,
    /// Look-ups under way that hold a slot.
    pub slots_used: u32,
    /// Slots in all.
    pub slots: u32,
    /// What one zone may hold now.
    pub slots_per_zone: u32,
    /// What clients and servers may.
    #[serde(default)]
    pub shares: ShareReport,
    /// Names known to be real; those in both filters count twice.
    pub known_names: u64,
    /// Names that one of the two filters can take.
    pub known_names_capacity: u64,
    /// Rules of the public suffix list in use.
    pub suffix_rules: u64,
    /// Zones that are held back now, those asked for most first.
    pub zones: Vec<GuardedZone>,
    /// Zones pinned or exempted, by the operator or by the configuration.
    pub wishes: Vec<GuardWish>,
}

/// One zone that is held back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuardedZone {
    /// The zone.
    pub zone: String,
    /// The part of it that is attacked, if it is not all of it.
    pub suffix: Option<String>,
    /// Why: "in_flight", "failing", "flood", "pinned".
    pub trigger: String,
    /// How zones of its kind are treated: "plain", "lookup", "pinned".
    pub class: String,
    /// Seconds since it began.
    pub seconds: u64,
    /// Queries per second that the cache could not answer.
    pub demand_per_second: f32,
    /// The same for names not known to be real.
    pub unknown_per_second: f32,
    /// Share of look-ups that failed lately, 0 to 1.
    pub failed_share: f32,
    /// Whether its servers count as dead.
    pub dead: bool,
    /// Slots it holds.
    pub slots_held: u32,
    /// Queries denied since it began.
    pub denied: u64,
    /// Unknown names looked for since it began.
    pub explored: u64,
    /// About how many different unknown names were asked for.
    pub names: u64,
    /// About how many client prefixes asked.
    pub clients: u64,
}

/// A zone that is pinned or exempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardWish {
    /// The zone, with all below it.
    pub zone: String,
    /// "pinned" or "exempt".
    pub wish: String,
    /// Who says so: "operator" (`suimon guard`, kept over restarts) or "configuration" (zone_guard.exempt).
    #[serde(default)]
    pub origin: String,
    /// Since when, of what the operator said (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// `guard pin`, `exempt` and `release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardChangeReport {
    /// The zone.
    pub zone: String,
    /// What was done: "pinned", "exempt", "released".
    pub done: String,
    /// Whether a restart will know of it.
    #[serde(default)]
    pub kept: bool,
}
