//! What is one entry of the cache? Data or the lack of it, with rank, security, proofs and its end.

use std::sync::Arc;

use super::CLOCK_SLACK;
use super::rrsets::{Negative, OVERHEAD, Rank};
use crate::sys::clock::Now;
use crate::wire::{Held, Name, Rrset, Security};

/// What stands behind an entry beside its rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backing {
    /// What validation found.
    pub security: Security,
    /// NSEC and NSEC3 sets that prove a negative answer, or that nothing closer matched than a wildcard (RFC 4035 section 3.1.3).
    pub proofs: Vec<Arc<Rrset>>,
}

/// One entry: at most one per name and type, be it data or the lack of it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub known: Known,
    pub rank: Rank,
    pub security: Security,
    /// Wall seconds.
    pub stored: u64,
    /// Wall seconds.
    pub expires: u64,
}

/// What is known.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Data(Arc<Rrset>),
    Expanded(Arc<Expanded>),
    Absence(Arc<Absence>),
    Nothing(u32),
}

/// A set that a wildcard stands for.
#[derive(Debug)]
pub(super) struct Expanded {
    pub rrset: Arc<Rrset>,
    pub proofs: Vec<Arc<Rrset>>,
}

/// Something that does not exist.
#[derive(Debug)]
pub(super) struct Absence {
    pub name: Name,
    pub kind: Negative,
    pub soa: Option<Arc<Rrset>>,
    pub proofs: Vec<Arc<Rrset>>,
}

impl Backing {
    /// Where nothing is validated.
    #[must_use]
    pub const fn unvalidated() -> Self {
        Self {
            security: Security::Indeterminate,
            proofs: Vec::new(),
        }
    }
}

impl Absence {
    /// The SOA and the proofs.
    pub(super) fn held(&self, ttl: u32, security: Security) -> Vec<Held> {
        let soa = self.soa.iter().map(|rrset| Held {
            rrset: Arc::clone(rrset),
            ttl,
            security,
        });
        soa.chain(holding(&self.proofs, ttl, security)).collect()
    }
}

/// Proofs as they are handed on: as good as what they prove.
pub(super) fn holding(proofs: &[Arc<Rrset>], ttl: u32, security: Security) -> Vec<Held> {
    let held = |rrset: &Arc<Rrset>| Held {
        rrset: Arc::clone(rrset),
        ttl,
        security,
    };
    proofs.iter().map(held).collect()
}

/// No entry lives longer than the proofs behind it.
pub(super) fn lowest_ttl(ttl: u32, proofs: &[Arc<Rrset>]) -> u32 {
    proofs.iter().map(|set| set.ttl).fold(ttl, u32::min)
}

/// Octets of proofs beside an entry. Often shared by several, and counted with each.
pub(super) fn memory(proofs: &[Arc<Rrset>]) -> usize {
    proofs
        .iter()
        .map(|set| size_of::<Arc<Rrset>>() + set.memory())
        .sum()
}

impl Slot {
    /// Not an entry at all: a weight for the sketch of popularity.
    pub(super) const fn claiming(weight: u32) -> Self {
        Self {
            known: Known::Nothing(weight),
            rank: Rank::Additional,
            security: Security::Unchecked,
            stored: 0,
            expires: 0,
        }
    }

    pub(super) fn weight(&self) -> u32 {
        let known = match &self.known {
            Known::Nothing(weight) => return *weight,
            Known::Data(rrset) => rrset.memory(),
            Known::Expanded(expanded) => {
                size_of::<Expanded>() + expanded.rrset.memory() + memory(&expanded.proofs)
            }
            Known::Absence(absence) => {
                size_of::<Absence>()
                    + absence.soa.as_ref().map_or(0, |soa| soa.memory())
                    + memory(&absence.proofs)
            }
        };
        u32::try_from(OVERHEAD + known).unwrap_or(u32::MAX)
    }

    /// Whether this entry is not to be replaced by `newer`: whether somebody looked comes first, then the rank.
    pub(super) fn outweighs(&self, newer: &Self) -> bool {
        let looked_at = |slot: &Self| slot.security > Security::Unchecked;
        (looked_at(self), self.rank) > (looked_at(newer), newer.rank)
    }

    pub(super) fn name(&self) -> Option<&Name> {
        match &self.known {
            Known::Data(rrset) => Some(&rrset.owner),
            Known::Expanded(expanded) => Some(&expanded.rrset.owner),
            Known::Absence(absence) => Some(&absence.name),
            Known::Nothing(_) => None,
        }
    }

    /// Whether it ended at most `grace` seconds ago.
    pub(super) const fn is_stale(&self, grace: u64, now: Now) -> bool {
        let now = now.wall_secs();
        grace > 0 && self.expires <= now && now - self.expires <= grace
    }

    /// Seconds left; nothing if it has expired or was stored in what is now the future.
    pub(super) fn left(&self, now: Now) -> Option<u32> {
        let now = now.wall_secs();
        let left = self.expires.checked_sub(now).filter(|left| *left > 0)?;
        let lifetime = self.expires.saturating_sub(self.stored);
        (left <= lifetime + CLOCK_SLACK)
            .then(|| u32::try_from(left.min(lifetime)).unwrap_or(u32::MAX))
    }
}
