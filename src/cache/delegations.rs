//! Who serves which zone, as the parent says? Delegations, kept apart so that no child can prolong its own (ghost domains).

use std::net::IpAddr;
use std::sync::Arc;

use moka::sync::Cache as Moka;

use super::key::{BuildUnhashed, Key};
use super::{CLOCK_SLACK, Cache};
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType};

/// A zone cut and the servers below it, from the parent's referral (or, for the root, from priming or the hints).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The apex of the zone that is delegated.
    pub zone: Name,
    /// Its servers, in the order of the referral.
    pub servers: Vec<DelegationServer>,
    /// Wall seconds at which it ends: made from the TTL of the parent's NS set, then clamped by the cache.
    pub expires_at: u64,
}

/// One server of a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationServer {
    /// The name in the NS record.
    pub name: Name,
    /// Glue: addresses from the same referral, in the bailiwick of the referring zone. Empty if it came without.
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug)]
pub(super) struct Delegations {
    pub(super) store: Moka<Key, Kept, BuildUnhashed>,
}

#[derive(Clone, Debug)]
pub(super) struct Kept {
    delegation: Arc<Delegation>,
    /// Wall seconds.
    stored: u64,
}

impl Delegation {
    /// Octets this takes in memory, allocations included.
    #[must_use]
    pub fn memory(&self) -> usize {
        let servers: usize = self
            .servers
            .iter()
            .map(|server| {
                size_of::<DelegationServer>() + server.addresses.len() * size_of::<IpAddr>()
            })
            .sum();
        size_of::<Self>() + servers
    }
}

impl Delegations {
    pub(super) fn new(max_bytes: u64) -> Self {
        let store = Moka::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Key, kept: &Kept| {
                u32::try_from(super::rrsets::OVERHEAD + kept.delegation.memory())
                    .unwrap_or(u32::MAX)
            })
            .build_with_hasher(BuildUnhashed::default());
        Self { store }
    }
}

impl Kept {
    fn is_fresh(&self, now: Now) -> bool {
        let now = now.wall_secs();
        now < self.delegation.expires_at && now.saturating_add(CLOCK_SLACK) >= self.stored
    }
}

impl Cache {
    /// Stores what a parent said about a zone cut, in place of what it said before.
    ///
    /// Only a parent's referral may come here, never a child's own NS set: then the parent can end a delegation by ceasing to
    /// make it, however often the child is asked (ghost domains, CVE-2012-1033). The lifetime is clamped to the plan's range,
    /// and does not reach past that of a delegation above it that is not a top-level domain's: else a child of a revoked zone,
    /// stored shortly before its parent ends, would live on (Phoenix domains, CVE-2022-30698); one minimum lifetime is the
    /// most it can outlive.
    ///
    /// Returns the delegation as it is now kept.
    pub fn store_delegation(&self, mut delegation: Delegation, now: Now) -> Arc<Delegation> {
        let stored = now.wall_secs();
        let (min, max) = self.plan.delegation_ttl;
        let above = delegation
            .zone
            .parent()
            .and_then(|parent| self.deepest_delegation(&parent, now))
            .filter(|above| above.zone.label_count() >= 2)
            .map_or(u64::MAX, |above| above.expires_at);
        delegation.expires_at = delegation
            .expires_at
            .min(above)
            .min(stored.saturating_add(u64::from(max)))
            .max(stored.saturating_add(u64::from(min)));
        delegation.servers.shrink_to_fit();
        let delegation = Arc::new(delegation);
        self.delegations.store.insert(
            self.keyer.key(&delegation.zone, RecordType::NS),
            Kept {
                delegation: Arc::clone(&delegation),
                stored,
            },
        );
        delegation
    }

    /// The fresh delegation closest above `name`, or at it. A question of type DS belongs to the parent: ask for the name's
    /// parent then (RFC 4035 section 3.1.4.1).
    #[must_use]
    pub fn deepest_delegation(&self, name: &Name, now: Now) -> Option<Arc<Delegation>> {
        let mut at = Some(name.clone());
        while let Some(zone) = at {
            if let Some(delegation) = self.delegation(&zone, now) {
                return Some(delegation);
            }
            at = zone.parent();
        }
        None
    }

    /// The fresh delegation of exactly this zone.
    #[must_use]
    pub fn delegation(&self, zone: &Name, now: Now) -> Option<Arc<Delegation>> {
        self.delegations
            .store
            .get(&self.keyer.key(zone, RecordType::NS))
            .filter(|kept| kept.is_fresh(now) && kept.delegation.zone == *zone)
            .map(|kept| kept.delegation)
    }

    /// Forgets the delegation of a zone: none of its servers was any good, the parent is to be asked again.
    pub fn forget_delegation(&self, zone: &Name) {
        self.delegations
            .store
            .invalidate(&self.keyer.key(zone, RecordType::NS));
    }

    pub(super) fn flush_delegations(&self, which: impl Fn(&Name) -> bool) -> u64 {
        let mut gone = 0;
        for (key, kept) in &self.delegations.store {
            if which(&kept.delegation.zone) {
                self.delegations.store.invalidate(&*key);
                gone += 1;
            }
        }
        gone
    }
}
