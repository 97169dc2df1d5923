//! Which configured name is the most specific for this one? A hash table of lower-case names, walked by suffix.

use std::collections::HashMap;
use std::sync::Arc;

use crate::wire::{Held, Name, RecordType, Rrset, Security};

use super::served::Served;

/// Everything that is configured at one name.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The operator's zone with this apex.
    pub(super) operator: Option<Operator>,
    /// The built-in zone with this apex (RFC 6761, RFC 6303 and kin).
    pub(super) built_in: Option<Arc<Served>>,
    /// From here down the built-in zones above do not count.
    pub(super) passthrough: bool,
    /// The operator's records at this name.
    pub(super) data: Vec<Held>,
    /// Records that belong to a built-in zone.
    pub(super) built_in_data: Vec<Held>,
    /// Whether some name below has records: this one then exists, if only as an empty non-terminal (RFC 8020).
    data_below: bool,
}

impl Entry {
    /// Whether a zone that we serve has this name.
    pub(super) fn exists(&self) -> bool {
        self.data_below || !self.data.is_empty() || !self.built_in_data.is_empty()
    }
}

/// A zone of the operator's.
#[derive(Debug)]
pub(super) enum Operator {
    /// Answered from local data alone.
    Local(Arc<Served>),
    /// Index of a forward zone.
    Forward(usize),
    /// Index of a stub zone.
    Stub(usize),
}

/// The names, in lower-case wire form.
#[derive(Debug, Default)]
pub(super) struct Table {
    names: HashMap<Box<[u8]>, Entry>,
    /// Labels of the longest name in the table: suffixes with more need no look-up.
    deepest: usize,
}

impl Table {
    /// The entry at `name`, made if need be.
    pub(super) fn entry(&mut self, name: &Name) -> &mut Entry {
        self.deepest = self.deepest.max(name.label_count());
        self.names
            .entry(name.to_lower_wire().into_boxed_slice())
            .or_default()
    }

    /// Puts an RRset of the operator's at its name and marks the names above.
    pub(super) fn add_data(&mut self, rrset: Rrset) {
        let owner = rrset.owner.clone();
        self.entry(&owner).data.push(hold(rrset));
        self.mark_above(&owner);
    }

    /// The same for a record of a built-in zone.
    pub(super) fn add_built_in_data(&mut self, rrset: Rrset) {
        let owner = rrset.owner.clone();
        self.entry(&owner).built_in_data.push(hold(rrset));
        self.mark_above(&owner);
    }

    /// The entry at exactly this name.
    pub(super) fn get(&self, folded: &[u8]) -> Option<&Entry> {
        self.names.get(folded)
    }

    /// Entries at `folded` and above it, the most specific first, each with the octets of `folded` in front of it.
    pub(super) fn upwards<'t, 'n>(
        &'t self,
        folded: &'n [u8],
    ) -> impl Iterator<Item = (usize, &'t Entry)> + use<'t, 'n> {
        let labels = suffixes(folded).count().saturating_sub(1);
        suffixes(folded)
            .skip(labels.saturating_sub(self.deepest))
            .filter_map(|(at, suffix)| self.names.get(suffix).map(|entry| (at, entry)))
    }

    /// The operator's data at `*` below the closest encloser of `folded` (RFC 4592 section 3.3.1), whose apex has
    /// `apex_len` octets.
    pub(super) fn wildcard(&self, folded: &[u8], apex_len: usize) -> Option<&[Held]> {
        let (_, encloser) = suffixes(folded).skip(1).find(|(_, suffix)| {
            suffix.len() <= apex_len || self.names.get(*suffix).is_some_and(Entry::exists)
        })?;
        let mut source = smallvec::SmallVec::<[u8; 64]>::from_slice(b"\x01*");
        source.extend_from_slice(encloser);
        self.names
            .get(source.as_slice())
            .map(|entry| entry.data.as_slice())
            .filter(|data| !data.is_empty())
    }

    fn mark_above(&mut self, owner: &Name) {
        let mut above = owner.parent();
        while let Some(name) = above {
            self.entry(&name).data_below = true;
            above = name.parent();
        }
    }
}

/// The RRset with its own TTL, signatures left out: policy has none.
pub(super) fn hold(rrset: Rrset) -> Held {
    let ttl = match (rrset.rtype, rrset.rdata.iter().next()) {
        // In a negative answer the SOA's TTL is no more than its minimum (RFC 2308 section 3).
        (RecordType::SOA, Some(rdata)) => rrset.ttl.min(
            rdata
                .last_chunk::<4>()
                .map_or(0, |m| u32::from_be_bytes(*m)),
        ),
        _ => rrset.ttl,
    };
    Held {
        rrset: Arc::new(rrset),
        ttl,
        security: Security::Indeterminate,
    }
}

/// A name in wire form and all above it, each with its offset; the root comes last.
fn suffixes(folded: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let start = at?;
        let suffix = folded.get(start..).filter(|suffix| !suffix.is_empty())?;
        at = match suffix.first() {
            Some(&length) if length > 0 => Some(start + 1 + usize::from(length)),
            _ => None,
        };
        Some((start, suffix))
    })
}
