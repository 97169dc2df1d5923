//! Which key does the parent point to? A view of DS RDATA (RFC 4034 section 5), and whether a key is the one.

use super::algorithm::{Accepted, DigestType};
use super::crypto;
use super::key::Dnskey;
use crate::wire::Name;

/// The fields of one DS, borrowed from its RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ds<'a> {
    /// The tag of the key.
    pub key_tag: u16,
    /// The number of the key's algorithm, supported or not.
    pub algorithm: u8,
    /// The number of the digest type, supported or not.
    pub digest_type: u8,
    /// The digest.
    pub digest: &'a [u8],
}

impl<'a> Ds<'a> {
    /// Reads RDATA. Nothing if it is too short.
    #[must_use]
    pub const fn read(rdata: &'a [u8]) -> Option<Self> {
        let [t0, t1, algorithm, digest_type, digest @ ..] = rdata else {
            return None;
        };
        Some(Self {
            key_tag: u16::from_be_bytes([*t0, *t1]),
            algorithm: *algorithm,
            digest_type: *digest_type,
            digest,
        })
    }

    /// Whether its algorithm is one that is believed.
    #[must_use]
    pub const fn has_believed_algorithm(&self, accepted: Accepted) -> bool {
        accepted.algorithm(self.algorithm).is_some()
    }

    /// Whether its digest type is one that is believed.
    #[must_use]
    pub const fn has_believed_digest(&self, accepted: Accepted) -> bool {
        accepted.digest(self.digest_type).is_some()
    }

    /// Whether both are.
    #[must_use]
    pub const fn is_usable(&self, accepted: Accepted) -> bool {
        self.has_believed_algorithm(accepted) && self.has_believed_digest(accepted)
    }

    /// Whether its digest is one of SHA-1: then it does not count beside others (RFC 4509 section 3).
    #[must_use]
    pub const fn is_by_sha1(&self) -> bool {
        self.digest_type == DigestType::Sha1.number()
    }

    /// Whether its tag and algorithm are those of `key`, whose tag is `tag`.
    #[must_use]
    pub const fn may_name(&self, key: &Dnskey<'_>, tag: u16) -> bool {
        self.key_tag == tag && self.algorithm == key.algorithm
    }

    /// Whether its digest is that of `key` at `owner` (RFC 4034 section 5.1.4). Costs one hash.
    #[must_use]
    pub fn fits(&self, owner: &Name, key: &Dnskey<'_>) -> bool {
        DigestType::of(self.digest_type).is_some_and(|kind| {
            crypto::digest(kind, &[&owner.to_lower_wire(), key.rdata()]).as_ref() == self.digest
        })
    }
}
