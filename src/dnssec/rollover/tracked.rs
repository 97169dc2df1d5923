//! What is known of one key of an anchor's zone? Its state, since when, and who vouched for it.

use super::super::algorithm::{Accepted, DigestType};
use super::super::crypto::digest;
use super::super::key::{Dnskey, Key};

/// The algorithms and digests of keys that are followed.
pub(super) const FOLLOWED: Accepted = Accepted::WithoutSha1;

/// One key, as RFC 5011 section 4.2 sees it; one that is in no state ("Start") is not remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedKey {
    /// Its DNSKEY RDATA, the flag of revocation not set.
    pub rdata: Box<[u8]>,
    /// Its state.
    pub state: State,
    /// Wall seconds at which it entered the state.
    pub since: u64,
}

/// The states of RFC 5011 section 4.2 that are worth remembering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// "AddPend": in every validated set for less than the hold-down. Not trusted.
    Pending {
        /// Seconds from [`TrackedKey::since`] before it may become valid.
        hold_down: u64,
        /// The keys that had signed the set in which it was first seen. When all of them are revoked, it begins anew.
        vouchers: Vec<KeyId>,
    },
    /// Trusted.
    Valid,
    /// Trusted, but not in the last validated set.
    Missing,
    /// Revoked by itself: never trusted again.
    Revoked {
        /// Wall seconds at which it was first found missing from a validated set, if it still is.
        absent_since: Option<u64>,
    },
    /// Revoked, and gone from the zone for long: no longer watched, and never trusted again.
    Removed,
}

/// A fingerprint (SHA-256) of a key's algorithm and public key, whatever its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

impl KeyId {
    pub(super) fn of(octets: &[u8]) -> Self {
        Self(octets.try_into().unwrap_or_default())
    }

    pub(super) fn of_key(dnskey: &Dnskey<'_>) -> Self {
        let parts: [&[u8]; 2] = [&[dnskey.algorithm], dnskey.public_key];
        Self::of(digest(DigestType::Sha256, &parts).as_ref())
    }

    /// From 32 octets.
    #[must_use]
    pub const fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The 32 octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl State {
    /// As reports, metrics and the file have it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Valid => "valid",
            Self::Missing => "missing",
            Self::Revoked { .. } => "revoked",
            Self::Removed => "removed",
        }
    }

    /// The words of all states.
    pub const WORDS: [&'static str; 5] = ["pending", "valid", "missing", "revoked", "removed"];
}

impl TrackedKey {
    pub(super) fn new(rdata: &[u8], state: State, since: u64) -> Self {
        Self {
            rdata: rdata.into(),
            state,
            since,
        }
    }

    /// A view of its RDATA; nothing if that is too short to be any.
    #[must_use]
    pub fn dnskey(&self) -> Option<Dnskey<'_>> {
        Dnskey::read(&self.rdata)
    }

    /// Whether this is the key of a DNSKEY record, whatever its flags.
    #[must_use]
    pub fn is(&self, dnskey: &Dnskey<'_>) -> bool {
        self.dnskey().is_some_and(|mine| mine.is_same_key(dnskey))
    }

    /// Whether it may vouch for its zone.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        matches!(self.state, State::Valid | State::Missing)
    }

    /// Whether it was revoked once.
    #[must_use]
    pub const fn is_revoked(&self) -> bool {
        matches!(self.state, State::Revoked { .. } | State::Removed)
    }

    pub(super) fn enter(&mut self, state: State, at: u64) {
        self.state = state;
        self.since = at;
    }
}

impl Dnskey<'_> {
    /// Whether this is the same key as `other`, whatever the flags of both.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.public_key == other.public_key
    }

    /// Whether its algorithm is one whose roll-overs are followed: not one by SHA-1, whatever the operator believes, for what
    /// is learned from such a key outlives it.
    #[must_use]
    pub const fn is_followed(&self) -> bool {
        FOLLOWED.algorithm(self.algorithm).is_some()
    }

    /// The RDATA with the flag of revocation cleared.
    pub(super) fn unrevoked(&self) -> Box<[u8]> {
        let mut rdata: Box<[u8]> = self.rdata().into();
        if let Some(low) = rdata.get_mut(1) {
            *low &= !(Dnskey::REVOKE.to_be_bytes()[1]);
        }
        rdata
    }

    /// The key itself, to check what it has signed, revoked or not.
    pub(super) fn as_signer(&self) -> Option<Key> {
        Some(Key {
            tag: self.tag(),
            algorithm: FOLLOWED.algorithm(self.algorithm)?,
            public_key: self.public_key.into(),
        })
    }
}
