//! What is told of validation: by what answers are validated, and which zones are excused?

use serde::{Deserialize, Serialize};

/// Longest life of a negative trust anchor added at run time, seconds: a week (RFC 7646 section 2 wants them short-lived).
pub const LONGEST_NTA: u32 = 7 * 86_400;

/// Whether and by what answers are validated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// Whether they are.
    pub on: bool,
    /// Why they are not, as a clause.
    pub off_because: Option<String>,
    /// The zones that are believed without proof.
    pub anchors: Vec<AnchorReport>,
    /// The zones that are not validated.
    pub negative_anchors: Vec<NegativeAnchorReport>,
    /// Zones whose keys, or whose lack of keys, are known now.
    pub zones_known: u64,
}

/// One zone that is believed without proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorReport {
    /// The zone.
    pub zone: String,
    /// The tags of the keys that are believed, each once, ascending; none when all are revoked.
    pub key_tags: Vec<u16>,
    /// Whether its roll-overs are followed (RFC 5011); what follows is told only then.
    #[serde(default)]
    pub followed: bool,
    /// Its keys, trusted or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<AnchorKeyReport>,
    /// When it was last asked for its keys (RFC 3339, UTC, as all times here).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<String>,
    /// What came of that: "validated", "not validated", "no answer".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_result: Option<String>,
    /// When its keys were last validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_validated: Option<String>,
    /// When it will be asked next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check: Option<String>,
}

/// One key of a zone that is believed without proof (RFC 5011 section 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorKeyReport {
    /// Its tag, as it was or would be without the flag of revocation.
    pub tag: u16,
    /// The number of its algorithm, once the key was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<u8>,
    /// "configured" (trusted, not seen yet), "pending", "valid", "missing" (trusted), "revoked", "removed".
    pub state: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// From when on a pending key is trusted if it is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_from: Option<String>,
    /// From when on a revoked key that is gone is no longer watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_from: Option<String>,
}

/// One zone that is not validated (RFC 7646).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NegativeAnchorReport {
    /// The zone; all below it is treated as unsigned.
    pub zone: String,
    /// Who said so: "configuration" or "operator".
    pub source: String,
    /// When it ends (RFC 3339, UTC); nothing = when the configuration changes.
    pub until: Option<String>,
    /// Seconds until then.
    pub seconds_left: Option<u64>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
}

/// `nta add`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtaAddReport {
    /// What holds now.
    pub added: NegativeAnchorReport,
    /// Whether an earlier one for the zone was replaced.
    pub replaced: bool,
    /// Cached entries forgotten.
    pub removed: u64,
    /// Whether it will be known after a restart; if not, why stands in the log.
    pub kept: bool,
}

/// `nta list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtaListReport {
    /// Those of the configuration first.
    pub negative_anchors: Vec<NegativeAnchorReport>,
}

/// `nta remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtaRemoveReport {
    /// The zone that is validated again.
    pub zone: String,
    /// Cached entries forgotten.
    pub removed: u64,
    /// Whether that will be known after a restart; if not, why stands in the log.
    pub kept: bool,
}
