//! What is told of one client asking one name: who decides, and by what?

use serde::{Deserialize, Serialize};

use super::{LimitReport, ShareWhy};

/// `why`: who decides about this client and this name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhyReport {
    /// The client.
    pub client: String,
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// "admit", "refuse" or "drop".
    pub verdict: String,
    /// The access rule that matched, as the configuration writes it; nothing if none did.
    pub rule: Option<String>,
    /// The reason code, as in metrics and logs.
    pub reason: String,
    /// The same as a sentence.
    pub sentence: String,
    /// By which interfaces its queries may come, in words; nothing if by any.
    #[serde(default)]
    pub ways: Option<String>,
    /// What policy does with the name: "resolve", "forward", "stub", "answer".
    pub policy: String,
    /// Which forward, stub or local zone that is, and its servers.
    pub route: Option<String>,
    /// The negative trust anchor that keeps the name from being validated, if one does.
    #[serde(default)]
    pub negative_anchor: Option<String>,
    /// What the zone guard thinks of the name; nothing if it is off, or the name is not found out elsewhere.
    #[serde(default)]
    pub zone_guard: Option<GuardWhy>,
    /// What the cache holds for the question: "positive, 300 s left", "NXDOMAIN, 12 s left"; nothing if it does not.
    pub cached: Option<String>,
    /// The limits that the client is under, from its own to those of the networks around it; none if it has none.
    #[serde(default)]
    pub limits: Vec<LimitReport>,
    /// What it has of what is under way; nothing if it is not served.
    #[serde(default)]
    pub shares: Option<ShareWhy>,
}

/// What the zone guard thinks of a name, in `why`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardWhy {
    /// The zones it is charged to, the deepest first.
    pub zones: Vec<String>,
    /// Whether the name is known to be real.
    pub known: bool,
    /// The zone that is held back and covers the name.
    pub held_back: Option<String>,
    /// Why it is: "in_flight", "failing", "flood", "pinned".
    pub trigger: Option<String>,
    /// The server it is charged to, if the zone's servers are known.
    #[serde(default)]
    pub server: Option<String>,
    /// Why that is held back, if it is: "in_flight", "failing", "flood".
    #[serde(default)]
    pub server_trigger: Option<String>,
}
