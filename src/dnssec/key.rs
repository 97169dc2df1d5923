//! What does a key record say, and which keys of a zone may sign? A view of DNSKEY RDATA (RFC 4034 section 2), and the keys of one zone.

use std::collections::HashMap;

use super::algorithm::{Accepted, Algorithm};
use crate::wire::{Name, RdataSet};

/// Keys of one tag and algorithm that are tried at most (CVE-2023-50387; PowerDNS's number). A zone with honest keys has two
/// of one tag once in a thousand years.
pub const MAX_KEYS_PER_TAG: usize = 2;

/// The fields of one DNSKEY, borrowed from its RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dnskey<'a> {
    rdata: &'a [u8],
    /// All flags.
    pub flags: u16,
    /// 3, or the key is of no use (RFC 4034 section 2.1.2).
    pub protocol: u8,
    /// The number of its algorithm, supported or not.
    pub algorithm: u8,
    /// The public key, in the form of its algorithm.
    pub public_key: &'a [u8],
}

impl<'a> Dnskey<'a> {
    /// The flag of a key that may sign the zone (RFC 4034 section 2.1.1).
    pub const ZONE: u16 = 0x0100;
    /// The flag of a key that its owner has revoked (RFC 5011 section 2.1).
    pub const REVOKE: u16 = 0x0080;
    /// The flag of a key that the parent may point to; a hint to people (RFC 4034 section 2.1.1).
    pub const SECURE_ENTRY_POINT: u16 = 0x0001;

    /// Reads RDATA. Nothing if it is too short.
    #[must_use]
    pub const fn read(rdata: &'a [u8]) -> Option<Self> {
        let [f0, f1, protocol, algorithm, public_key @ ..] = rdata else {
            return None;
        };
        Some(Self {
            rdata,
            flags: u16::from_be_bytes([*f0, *f1]),
            protocol: *protocol,
            algorithm: *algorithm,
            public_key,
        })
    }

    /// The RDATA it was read from.
    #[must_use]
    pub const fn rdata(&self) -> &'a [u8] {
        self.rdata
    }

    /// Whether it may sign the zone.
    #[must_use]
    pub const fn is_zone_key(&self) -> bool {
        self.flags & Self::ZONE != 0
    }

    /// Whether it was revoked: then it vouches for nothing (RFC 5011 section 2.1).
    #[must_use]
    pub const fn is_revoked(&self) -> bool {
        self.flags & Self::REVOKE != 0
    }

    /// Whether its flags and protocol let it sign: a zone key, not revoked, of protocol 3.
    #[must_use]
    pub const fn may_sign(&self) -> bool {
        self.is_zone_key() && !self.is_revoked() && self.protocol == 3
    }

    /// Its tag (RFC 4034 appendix B; the other rule of B.1 is for algorithm 1, which is not supported).
    #[must_use]
    pub fn tag(&self) -> u16 {
        let sum: u32 = self
            .rdata
            .chunks(2)
            .map(|pair| match *pair {
                [high, low] => u32::from(u16::from_be_bytes([high, low])),
                [high] => u32::from(high) << 8,
                _ => 0,
            })
            .fold(0, u32::wrapping_add);
        let folded = sum.wrapping_add(sum >> 16) & 0xFFFF;
        u16::try_from(folded).unwrap_or_default()
    }
}

/// One key that may sign, of an algorithm that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tag: u16,
    pub(super) algorithm: Algorithm,
    pub(super) public_key: Box<[u8]>,
}

impl Key {
    /// Nothing if the key may not sign or its algorithm is not believed.
    pub(super) fn of(dnskey: &Dnskey<'_>, accepted: Accepted) -> Option<Self> {
        let algorithm = accepted.algorithm(dnskey.algorithm)?;
        dnskey.may_sign().then(|| Self {
            tag: dnskey.tag(),
            algorithm,
            public_key: dnskey.public_key.into(),
        })
    }

    /// The keys of a DNSKEY set that may sign, at most [`MAX_KEYS_PER_TAG`] of each tag and algorithm.
    pub(super) fn all(dnskeys: &RdataSet, accepted: Accepted) -> Vec<Self> {
        let mut alike: HashMap<(Algorithm, u16), usize> = HashMap::new();
        let mut keys: Vec<Self> = Vec::new();
        for key in dnskeys
            .iter()
            .filter_map(Dnskey::read)
            .filter_map(|dnskey| Self::of(&dnskey, accepted))
        {
            let count = alike.entry((key.algorithm, key.tag)).or_default();
            *count += 1;
            if *count <= MAX_KEYS_PER_TAG {
                keys.push(key);
            }
        }
        keys
    }

    /// Whether a signature with this algorithm and tag may be by this key.
    pub(super) fn answers_to(&self, algorithm: Algorithm, tag: u16) -> bool {
        self.tag == tag && self.algorithm == algorithm
    }
}

/// The keys of one zone that a chain of trust vouches for. Only the room's own chain of trust makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneKeys {
    pub(super) zone: Name,
    pub(super) keys: Box<[Key]>,
    pub(super) expires: u64,
}

impl ZoneKeys {
    /// The zone they sign.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        &self.zone
    }

    /// Until when they may be used, seconds since 1970. Counts the DNSKEY set and its signature; the TTL of the DS set above
    /// is the caller's to add by [`Self::cap`].
    #[must_use]
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// The same keys, for no longer than until `expires`.
    #[must_use]
    pub fn cap(mut self, expires: u64) -> Self {
        self.expires = self.expires.min(expires);
        self
    }

    /// How many keys of believed algorithms there are; tags beyond [`MAX_KEYS_PER_TAG`] are not counted.
    #[must_use]
    pub const fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Whether all are of algorithms that are quick to check.
    #[must_use]
    pub fn are_quick(&self) -> bool {
        self.keys.iter().all(|key| key.algorithm.is_quick())
    }

    /// Octets taken, allocations included, for caches bounded in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let name = self.zone.as_wire().len();
        let keys = self
            .keys
            .iter()
            .map(|key| size_of::<Key>() + key.public_key.len());
        size_of::<Self>() + if name > 40 { name } else { 0 } + keys.sum::<usize>()
    }
}
