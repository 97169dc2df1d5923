//! What is an RRset? One owner, one type, one TTL, its RDATA in wire form and the signatures beside it.

use super::rdata::rrsig_labels;
use super::{Name, RecordType};

pub use super::group::group;

/// Several RDATA in uncompressed wire form, in one allocation: each a 16-bit length in network order, then its octets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RdataSet(Box<[u8]>);

impl RdataSet {
    /// Packs `items`, in order. An item over 65,535 octets (which no message can hold) is left out.
    pub fn new<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut packed = Vec::new();
        for item in items {
            let Ok(length) = u16::try_from(item.len()) else {
                continue;
            };
            packed.extend_from_slice(&length.to_be_bytes());
            packed.extend_from_slice(item);
        }
        Self(packed.into_boxed_slice())
    }

    /// The RDATA, in order.
    #[must_use]
    pub fn iter(&self) -> RdataIter<'_> {
        RdataIter { rest: &self.0 }
    }

    /// How many RDATA there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Octets taken, lengths included.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a RdataSet {
    type Item = &'a [u8];
    type IntoIter = RdataIter<'a>;

    fn into_iter(self) -> RdataIter<'a> {
        self.iter()
    }
}

/// The RDATA of a set, in order.
#[derive(Clone, Debug)]
pub struct RdataIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for RdataIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<2>()?;
        let (item, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.rest = rest;
        Some(item)
    }
}

/// An RRset of class IN with the signatures that came beside it (RFC 2181 section 5, RFC 4035 section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    /// The owner name, case as received.
    pub owner: Name,
    /// The type of all its records.
    pub rtype: RecordType,
    /// The lowest TTL of its records in seconds as received (RFC 2181 section 5.2), 0..=2^31-1.
    pub ttl: u32,
    /// The RDATA, uncompressed, without repeats (RFC 2181 section 5).
    pub rdata: RdataSet,
    /// RDATA of the RRSIG records that cover this type at this owner.
    pub rrsigs: RdataSet,
}

impl Rrset {
    /// Whether it was made from a wildcard: what its first signature covers has fewer labels than its owner (RFC 4035 section
    /// 5.3.2). A wildcard itself was not.
    #[must_use]
    pub fn is_expanded(&self) -> bool {
        let is_wildcard = self.owner.labels().next() == Some(b"*");
        let labels = self.owner.label_count() - usize::from(is_wildcard);
        let signed = self.rrsigs.iter().next().and_then(rrsig_labels);
        signed.is_some_and(|signed| usize::from(signed) < labels)
    }

    /// Octets this set takes in memory, allocations included, for caches bounded in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let name = self.owner.as_wire().len();
        size_of::<Self>()
            + if name > 40 { name } else { 0 }
            + self.rdata.packed_len()
            + self.rrsigs.packed_len()
    }
}
