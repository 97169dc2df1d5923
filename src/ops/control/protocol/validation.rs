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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorReport {
    /// The zone.
    pub zone: String,
    /// The tags of its keys, each once, ascending.
    pub key_tags: Vec<u16>,
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
