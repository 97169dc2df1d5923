//! Which keys of an anchor's zone are believed while it rolls them over? RFC 5011, a machine without clock, file or socket.
//!
//! A [`TrustPoint`] begins with what the operator configured. It is shown DNSKEY sets of its zone as they came off the wire,
//! and checks them itself: only a set signed by a key that is trusted at that moment counts as seen, and only a key that
//! signed its own revocation is revoked. What it says in return is the anchor to believe from now on, what has changed, and
//! when to ask again.
//!
//! ```text
//!            NewKey            AddTime            KeyRem              RevBit             RemTime
//!   (start) ────────► Pending ─────────► Valid ◄────────► Missing ─┬────────► Revoked ──────────► Removed
//!           ◄────────            ▲          │     KeyPres          │
//!            KeyRem              │          └──────────────────────┘
//!                     configured keys
//! ```
//!
//! Where the RFC leaves room:
//! - A zone all of whose keys are revoked is treated as if no anchor had ever been configured (section 5; Unbound does the same):
//!   it is validated from an anchor above it, and unsigned without one. Whoever can revoke all keys could as well sign
//!   what he likes; to keep failing would only turn an orderly end of signing into an outage. It is logged as an error and
//!   told by `suimon status`, and lasts until the operator configures another anchor.
//! - What is configured and has not been met yet stays trusted, so that an anchor may be given before its key is published.
//! - A missing key stays trusted until it is revoked (section 2.2), without an end.
//! - A hold-down that began in the future, because the clock was set back, begins anew.

mod observe;
mod tracked;

#[cfg(test)]
mod tests;

pub use tracked::{KeyId, State, TrackedKey};

use super::Anchor;
use super::algorithm::DigestType;
use super::crypto::digest;
use super::key::Dnskey;
use crate::wire::{Name, RdataSet};

/// How long a new key must have been seen before it is trusted, seconds (30 days; RFC 5011 section 2.4.1).
pub const ADD_HOLD_DOWN: u64 = 30 * DAY;
/// How long a revoked key must have been gone before it is no longer watched, seconds (30 days; section 2.4.2).
pub const REMOVE_HOLD_DOWN: u64 = 30 * DAY;
/// Keys of one zone that are remembered (section 2.4.3: at least 5; the root has 2 or 3). Configured ones come on top.
pub const MOST_KEYS: usize = 16;
/// The least time between two checks, seconds (section 2.3).
pub const HOUR: u64 = 3_600;

const DAY: u64 = 86_400;

/// What a zone's check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// A DNSKEY set signed by a trusted key.
    Validated,
    /// One that is not; nothing in it counts but revocations.
    NotValidated,
    /// None at all.
    NoAnswer,
}

/// By how much the zone itself lets us rest: from the last validated set (RFC 5011 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The TTL under which the set was signed, seconds.
    pub original_ttl: u32,
    /// How long its signature was valid still, seconds.
    pub lifetime: u32,
}

/// What is remembered of a zone; what a restart must not lose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its keys, in the order in which they were met.
    pub keys: Vec<TrackedKey>,
    /// From the last validated set.
    pub pace: Option<Pace>,
    /// When it was last checked, wall seconds, and what came of it.
    pub last_check: Option<(u64, CheckResult)>,
    /// When a check last came to [`CheckResult::Validated`], wall seconds.
    pub last_validated: Option<u64>,
    /// When it is to be checked next, wall seconds; 0: at once.
    pub next_check: u64,
}

/// One zone that has a trust anchor, and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPoint {
    configured: Anchor,
    memory: Memory,
}

/// One key that changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its tag, without the flag of revocation.
    pub tag: u16,
    /// The number of its algorithm.
    pub algorithm: u8,
    /// The state it left, as [`State::word`] has it, or "start".
    pub from: &'static str,
    /// The state it entered.
    pub to: &'static str,
}

impl TrustPoint {
    /// A zone of which nothing is known but what the operator says.
    #[must_use]
    pub fn new(configured: Anchor) -> Self {
        Self {
            configured,
            memory: Memory::default(),
        }
    }

    /// A zone with what was learned of it before, by the same configured anchor.
    #[must_use]
    pub const fn resume(configured: Anchor, memory: Memory) -> Self {
        Self { configured, memory }
    }

    /// A zone whose configured anchor has changed since `memory`: all begins anew, except that what was revoked stays revoked
    /// (RFC 5011 section 2.1: permanently), even if the new anchor names it again.
    #[must_use]
    pub fn begin_anew(configured: Anchor, memory: Memory) -> Self {
        let mut keys = memory.keys;
        keys.retain(|key| matches!(key.state, State::Revoked { .. } | State::Removed));
        Self {
            configured,
            memory: Memory {
                keys,
                ..Memory::default()
            },
        }
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        self.configured.zone()
    }

    /// What the operator configured.
    #[must_use]
    pub const fn configured(&self) -> &Anchor {
        &self.configured
    }

    /// What is remembered.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The anchor to believe: the valid and the missing keys, and what is configured and was not met yet. Nothing when all
    /// that could be trusted has been revoked.
    #[must_use]
    pub fn trusted(&self) -> Option<Anchor> {
        let anchor = self.anchor();
        let any_revoked = self.memory.keys.iter().any(TrackedKey::is_revoked);
        let usable = anchor.dnskeys().any(|key| key.is_followed())
            || anchor.ds().any(|ds| ds.is_usable(tracked::FOLLOWED));
        (usable || !any_revoked).then_some(anchor)
    }

    /// The trusted records, usable or not.
    fn anchor(&self) -> Anchor {
        let known = &self.memory.keys;
        let unmet_ds = self.configured.ds_records().iter().filter(|ds| {
            super::ds::Ds::read(ds).is_some_and(|ds| {
                !known.iter().any(|key| {
                    key.dnskey().is_some_and(|dnskey| {
                        ds.may_name(&dnskey, dnskey.tag()) && ds.fits(self.zone(), &dnskey)
                    })
                })
            })
        });
        let unmet = self.configured.dnskey_records().iter().filter(|rdata| {
            Dnskey::read(rdata).is_some_and(|dnskey| !known.iter().any(|key| key.is(&dnskey)))
        });
        let trusted = known
            .iter()
            .filter(|key| key.is_trusted())
            .map(|key| &*key.rdata);
        Anchor::of(
            self.zone().clone(),
            RdataSet::new(unmet_ds),
            RdataSet::new(unmet.chain(trusted)),
        )
    }

    /// Whether the configured anchor names this key.
    fn names(&self, dnskey: &Dnskey<'_>) -> bool {
        let tag = dnskey.tag();
        let by_ds = |ds: super::ds::Ds<'_>| {
            ds.may_name(dnskey, tag)
                && ds.has_believed_digest(tracked::FOLLOWED)
                && ds.fits(self.zone(), dnskey)
        };
        self.configured.ds().any(by_ds)
            || self
                .configured
                .dnskeys()
                .any(|configured| configured.is_same_key(dnskey))
    }

    /// Whether it is time to ask for the DNSKEY set, at `at` wall seconds. Never when nothing is trusted any more. A clock that
    /// was set back makes it time as well.
    #[must_use]
    pub fn is_due(&self, at: u64) -> bool {
        let due = at >= self.memory.next_check
            || self.memory.next_check - at > self.memory.pace.map_or(HOUR, Pace::interval);
        due && self.trusted().is_some()
    }

    /// When a pending key may become valid: at the first check from then on that still shows it.
    #[must_use]
    pub const fn trusted_from(key: &TrackedKey) -> Option<u64> {
        match &key.state {
            State::Pending { hold_down, .. } => Some(key.since.saturating_add(*hold_down)),
            _ => None,
        }
    }

    /// When a revoked key that is gone from the zone will be watched no longer.
    #[must_use]
    pub const fn removed_from(key: &TrackedKey) -> Option<u64> {
        match &key.state {
            State::Revoked {
                absent_since: Some(since),
            } => Some(since.saturating_add(REMOVE_HOLD_DOWN)),
            _ => None,
        }
    }

    /// Nobody answered, at `at` wall seconds.
    pub fn unanswered(&mut self, at: u64) {
        self.failed(CheckResult::NoAnswer, at);
    }

    fn failed(&mut self, result: CheckResult, at: u64) {
        self.memory.last_check = Some((at, result));
        let rest = self.memory.pace.map_or(HOUR, Pace::retry);
        self.memory.next_check = at.saturating_add(rest);
    }
}

impl Pace {
    /// Seconds to the next check after a good one: max(1 h, min(15 d, TTL / 2, lifetime / 2)).
    #[must_use]
    pub fn interval(self) -> u64 {
        let half = u64::from(self.original_ttl.min(self.lifetime)) / 2;
        half.clamp(HOUR, 15 * DAY)
    }

    /// Seconds to the next check after a failed one: max(1 h, min(1 d, TTL / 10, lifetime / 10)).
    #[must_use]
    pub fn retry(self) -> u64 {
        let tenth = u64::from(self.original_ttl.min(self.lifetime)) / 10;
        tenth.clamp(HOUR, DAY)
    }
}

impl CheckResult {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Validated, Self::NotValidated, Self::NoAnswer];

    /// As reports and the file have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Validated => "validated",
            Self::NotValidated => "not validated",
            Self::NoAnswer => "no answer",
        }
    }
}

/// A fingerprint of what is configured for a zone, whatever the order of its records.
#[must_use]
pub fn fingerprint(configured: &Anchor) -> KeyId {
    let mut records: Vec<(u8, &[u8])> = configured
        .ds_records()
        .iter()
        .map(|ds| (0, ds))
        .chain(configured.dnskey_records().iter().map(|key| (1, key)))
        .collect();
    records.sort_unstable();
    records.dedup();
    let mut octets = configured.zone().to_lower_wire().to_vec();
    for (kind, rdata) in records {
        octets.push(kind);
        octets.extend_from_slice(&u32::try_from(rdata.len()).unwrap_or(u32::MAX).to_be_bytes());
        octets.extend_from_slice(rdata);
    }
    KeyId::of(digest(DigestType::Sha256, &[&octets]).as_ref())
}
