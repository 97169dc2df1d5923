//! Why is something not believed? One reason for each way to fail, with its extended error and its sentence.

use std::fmt;

use crate::wire::{Ede, Name, RecordType};

/// Data that must not be believed (RFC 4035 section 4.3 "bogus"), and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bogus {
    /// The reason.
    pub why: Why,
    /// Of which set: owner and type; nothing for a limit.
    pub subject: Option<(Name, RecordType)>,
}

/// One reason each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A signed zone sent no signature for it.
    NoSignature,
    /// No signature was made by a key of the zone.
    NoMatchingKey,
    /// A signature does not fit the data.
    WrongSignature,
    /// All signatures have expired.
    Expired,
    /// All signatures lie in the future.
    NotYetValid,
    /// Signatures that expire before they begin.
    ExpiredBeforeValid,
    /// The signer is not the zone, or the labels field cannot be right (RFC 4035 section 5.3.1; CVE-2026-44690).
    WrongSigner,
    /// No DNSKEY could be had.
    NoDnskey,
    /// No DNSKEY matches a DS of the parent or a trust anchor.
    NoKeyForDs,
    /// The keys that match have no zone key bit (RFC 4034 section 2.1.1).
    NotAZoneKey,
    /// The proof that it does not exist is missing or does not fit.
    NoProof,
    /// DS could be neither had nor denied.
    NoDs,
    /// More signatures to check than one response or query may cost (CVE-2023-50387).
    TooManySignatures,
    /// More NSEC3 hashes to make than one query may cost (CVE-2023-50868).
    TooManyHashes,
    /// The query ended before the work did.
    Abandoned,
}

impl Bogus {
    /// About one set.
    #[must_use]
    pub fn of(why: Why, owner: &Name, rtype: RecordType) -> Self {
        Self {
            why,
            subject: Some((owner.clone(), rtype)),
        }
    }

    /// A limit was met.
    #[must_use]
    pub const fn limit(why: Why) -> Self {
        Self { why, subject: None }
    }

    /// Whether our own limit, not the data, is the reason.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(
            self.why,
            Why::TooManySignatures | Why::TooManyHashes | Why::Abandoned
        )
    }

    /// The extended error (RFC 8914 section 4).
    #[must_use]
    pub fn ede(&self) -> Ede {
        Ede {
            code: self.why.code(),
            text: self.to_string().into(),
        }
    }
}

impl Why {
    /// Whether something is missing, and nothing wrong: a server that was asked without DO answers like that.
    #[must_use]
    pub const fn is_absence(self) -> bool {
        matches!(
            self,
            Self::NoSignature | Self::NoProof | Self::NoDs | Self::NoDnskey
        )
    }

    const fn code(self) -> u16 {
        match self {
            Self::NoSignature => Ede::RRSIGS_MISSING,
            Self::NoMatchingKey | Self::NoDnskey | Self::NoKeyForDs => Ede::DNSKEY_MISSING,
            Self::Expired => Ede::SIGNATURE_EXPIRED,
            Self::NotYetValid => Ede::SIGNATURE_NOT_YET_VALID,
            Self::ExpiredBeforeValid => Ede::SIGNATURE_EXPIRED_BEFORE_VALID,
            Self::NotAZoneKey => Ede::NO_ZONE_KEY_BIT,
            Self::NoProof | Self::NoDs => Ede::NSEC_MISSING,
            Self::WrongSignature | Self::WrongSigner => Ede::DNSSEC_BOGUS,
            Self::TooManySignatures | Self::TooManyHashes | Self::Abandoned => Ede::OTHER,
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoSignature => "no signature",
            Self::NoMatchingKey => "no signature by a key of the zone",
            Self::WrongSignature => "signature does not match the data",
            Self::Expired => "signature expired",
            Self::NotYetValid => "signature not yet valid",
            Self::ExpiredBeforeValid => "signature expires before it begins",
            Self::WrongSigner => "signed by the wrong zone or for another name",
            Self::NoDnskey => "no DNSKEY to be had",
            Self::NoKeyForDs => "no DNSKEY matches the DS",
            Self::NotAZoneKey => "the key is not a zone key",
            Self::NoProof => "no proof that it does not exist",
            Self::NoDs => "DS neither shown nor denied",
            Self::TooManySignatures => "too many signatures to check",
            Self::TooManyHashes => "too many NSEC3 hashes to make",
            Self::Abandoned => "the query ended before its validation did",
        }
    }
}

impl fmt::Display for Bogus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some((owner, rtype)) => write!(f, "{owner} {rtype}: {}", self.why.sentence()),
            None => f.write_str(self.why.sentence()),
        }
    }
}
