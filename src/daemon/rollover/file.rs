//! How does what was learned of trust anchors outlive the process? One JSON file in the state directory, which people can read.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::units::Moment;
use crate::daemon::state_file::StateFile;
use crate::dnssec::Dnskey;
use crate::dnssec::rollover::{
    CheckResult, KeyId, Memory, Pace, State, TrackedKey, TrustPoint, fingerprint,
};
use crate::wire::{Name, RecordType, encoding, text};

/// The file's name in the state directory.
pub(super) const FILE: &str = "trust-anchors.json";
/// What a file that cannot be read is renamed to, so that nothing in it is lost.
const ASIDE: &str = "trust-anchors.json.unreadable";
/// The form written, and the only one read.
const SCHEMA: u32 = 1;
/// Longest file that is read, octets: a hundred zones with sixteen long keys each.
const LONGEST: u64 = 4 << 20;
/// The last second of the year 9999, beyond which a moment cannot be written.
const END_OF_TIME: u64 = 253_402_300_799;

/// What was learned of one zone, and by which configured anchor.
#[derive(Debug)]
pub(super) struct Learned {
    pub(super) zone: Name,
    pub(super) configured: KeyId,
    pub(super) memory: Memory,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    schema: u32,
    trust_points: Vec<KeptPoint>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptPoint {
    zone: String,
    /// SHA-256 of the configured anchor, so that another one begins anew.
    configured_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_check: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_result: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_validated: Option<Moment>,
    next_check: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature_lifetime: Option<u32>,
    keys: Vec<KeptKey>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptKey {
    tag: u16,
    state: String,
    since: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_down_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vouched_by_sha256: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    absent_since: Option<Moment>,
    dnskey: String,
}

/// The file.
#[derive(Debug)]
pub(super) struct AnchorFile(StateFile);

impl AnchorFile {
    pub(super) fn of(state_dir: &Path) -> Self {
        Self(StateFile::of(state_dir, FILE, LONGEST))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// What was kept; nothing if there is no file yet.
    ///
    /// # Errors
    /// The file cannot be read, or not all in it makes sense: then nothing of it is believed.
    pub(super) fn load(&self) -> io::Result<Vec<Learned>> {
        self.0
            .read()?
            .map_or_else(|| Ok(Vec::new()), |octets| understand(&octets))
    }

    /// Puts a file that cannot be read out of the way.
    pub(super) fn put_aside(&self) -> io::Result<PathBuf> {
        self.0.put_aside(ASIDE)
    }

    /// Keeps all of `points`.
    pub(super) fn save(&self, points: &[TrustPoint]) -> io::Result<()> {
        let kept = Kept {
            schema: SCHEMA,
            trust_points: points.iter().map(KeptPoint::of).collect(),
        };
        let mut octets = serde_json::to_vec_pretty(&kept)?;
        octets.push(b'\n');
        self.0.replace(&octets)
    }
}

fn understand(octets: &[u8]) -> io::Result<Vec<Learned>> {
    let kept: Kept = serde_json::from_slice(octets)?;
    if kept.schema != SCHEMA {
        return Err(bad(format!(
            "its schema is {}, and this suimond knows {SCHEMA}",
            kept.schema
        )));
    }
    kept.trust_points
        .into_iter()
        .map(KeptPoint::learned)
        .collect()
}

impl KeptPoint {
    fn of(point: &TrustPoint) -> Self {
        let memory = point.memory();
        Self {
            zone: point.zone().to_string(),
            configured_sha256: hex(&fingerprint(point.configured())),
            last_check: memory.last_check.map(|(at, _)| moment(at)),
            last_result: memory
                .last_check
                .map(|(_, result)| result.word().to_owned()),
            last_validated: memory.last_validated.map(moment),
            next_check: moment(memory.next_check),
            original_ttl: memory.pace.map(|pace| pace.original_ttl),
            signature_lifetime: memory.pace.map(|pace| pace.lifetime),
            keys: memory.keys.iter().map(KeptKey::of).collect(),
        }
    }

    fn learned(self) -> io::Result<Learned> {
        let zone = self
            .zone
            .parse()
            .map_err(|error| bad(format!("`{}` is not a zone: {error}", self.zone)))?;
        let last_check = match (self.last_check, &self.last_result) {
            (Some(at), Some(word)) => {
                let result = CheckResult::ALL
                    .into_iter()
                    .find(|result| result.word() == word)
                    .ok_or_else(|| bad(format!("`{word}` is no result")))?;
                Some((at.0, result))
            }
            _ => None,
        };
        let pace =
            self.original_ttl
                .zip(self.signature_lifetime)
                .map(|(original_ttl, lifetime)| Pace {
                    original_ttl,
                    lifetime,
                });
        Ok(Learned {
            zone,
            configured: unhex(&self.configured_sha256)?,
            memory: Memory {
                keys: self
                    .keys
                    .into_iter()
                    .map(KeptKey::tracked)
                    .collect::<io::Result<_>>()?,
                pace,
                last_check,
                last_validated: self.last_validated.map(|at| at.0),
                next_check: self.next_check.0,
            },
        })
    }
}

impl KeptKey {
    fn of(key: &TrackedKey) -> Self {
        let (hold_down_seconds, vouched_by_sha256) = match &key.state {
            State::Pending {
                hold_down,
                vouchers,
            } => (Some(*hold_down), vouchers.iter().map(hex).collect()),
            _ => (None, Vec::new()),
        };
        let absent_since = match key.state {
            State::Revoked { absent_since } => absent_since.map(moment),
            _ => None,
        };
        Self {
            tag: key.dnskey().map_or(0, |key| key.tag()),
            state: key.state.word().to_owned(),
            since: moment(key.since),
            hold_down_seconds,
            vouched_by_sha256,
            absent_since,
            dnskey: text::rdata_to_text(RecordType::DNSKEY, &key.rdata),
        }
    }

    fn tracked(self) -> io::Result<TrackedKey> {
        let rdata = text::rdata_from_text(RecordType::DNSKEY, &self.dnskey)
            .map_err(|error| bad(format!("the key {}: {error}", self.tag)))?;
        // The tag is a checksum of sorts: a key that was damaged must not be trusted.
        if Dnskey::read(&rdata).map(|key| key.tag()) != Some(self.tag) {
            return Err(bad(format!("the key {} has another tag", self.tag)));
        }
        let state = match self.state.as_str() {
            "pending" => State::Pending {
                hold_down: self
                    .hold_down_seconds
                    .ok_or_else(|| bad(format!("the key {} has no hold-down", self.tag)))?,
                vouchers: self
                    .vouched_by_sha256
                    .iter()
                    .map(|id| unhex(id))
                    .collect::<io::Result<_>>()?,
            },
            "valid" => State::Valid,
            "missing" => State::Missing,
            "revoked" => State::Revoked {
                absent_since: self.absent_since.map(|at| at.0),
            },
            "removed" => State::Removed,
            other => return Err(bad(format!("`{other}` is no state of a key"))),
        };
        Ok(TrackedKey {
            rdata,
            state,
            since: self.since.0,
        })
    }
}

fn moment(at: u64) -> Moment {
    Moment(at.min(END_OF_TIME))
}

fn hex(id: &KeyId) -> String {
    encoding::hex(id.octets()).to_ascii_lowercase()
}

fn unhex(text: &str) -> io::Result<KeyId> {
    encoding::unhex(text)
        .and_then(|octets| octets.try_into().ok())
        .map(KeyId::from_octets)
        .ok_or_else(|| bad(format!("`{text}` is no SHA-256")))
}

fn bad(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
