//! What do we know, for how long, and how much do we trust it?
//!
//! One shared store of RRsets and negative answers bounded in octets, one of delegations, one of gaps in signed zones, one of
//! failures. All expire by the wall clock that the caller passes in; an entry stored more than [`CLOCK_SLACK`] seconds in the
//! future (the clock stepped back) counts as expired. Admission is TinyLFU: when the store is full, a name seen once does not
//! push out one that is asked often. **So what was stored may be gone at once**: who needs it for the query at hand keeps it
//! himself.

pub mod answers;
mod companions;
mod cut;
mod delegations;
pub mod denials;
mod failures;
mod key;
mod lookup;
mod rrsets;
mod slot;

use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache as Moka;
use rand::Rng;

use crate::config::plan;
use crate::sys;
use crate::wire::{Name, RecordType};

pub use delegations::{Delegation, DelegationServer};
pub use lookup::{Demand, MAX_LINKS, made_cname, remembered};
pub use rrsets::{NEGATIVE_TTL_WITHOUT_SOA, Negative, Rank};
pub use slot::Backing;

use companions::Companions;
use delegations::Delegations;
use denials::Denials;
use failures::Failures;
use key::{BuildUnhashed, Key, Keyer};
use rrsets::Rrsets;

/// Seconds that the wall clock may step back before entries count as expired.
pub const CLOCK_SLACK: u64 = 5;

/// Names remembered for having been looked up anew of late.
const RENEWALS: u64 = 10_000;

/// Everything suimond remembers about the DNS. Shared by all threads.
#[derive(Debug)]
pub struct Cache {
    plan: plan::Cache,
    keyer: Keyer,
    rrsets: Rrsets,
    delegations: Delegations,
    companions: Companions,
    denials: Denials,
    failures: Failures,
    /// When names were last looked up anew before their end, wall seconds.
    renewals: Moka<Key, u64, BuildUnhashed>,
    generation: AtomicU64,
}

/// What [`Cache::flush`] forgets, seen from the name it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushScope {
    /// Everything at the name itself.
    Name,
    /// One type at the name, its nonexistence included.
    NameType(RecordType),
    /// The name and all below it.
    Tree,
    /// Everything there is.
    All,
}

impl Cache {
    /// An empty cache within the limits of `plan`, its keys secret to this start.
    #[must_use]
    pub fn new(plan: &plan::Cache) -> Self {
        Self::with_secret(
            plan,
            sys::entropy::csprng().next_u64(),
            sys::entropy::csprng().next_u64(),
        )
    }

    /// The same with a given secret, for tests and benches.
    #[must_use]
    pub fn with_secret(plan: &plan::Cache, secret0: u64, secret1: u64) -> Self {
        // Delegations are few and dear: every miss needs one. They get a share of their own that no RRset can take.
        let delegation_bytes = plan.max_bytes / 8;
        let companion_bytes = plan.max_bytes / 64;
        // So do the gaps of signed zones: a flood of names that exist nowhere must not push out what answers it.
        let denial_bytes = plan.max_bytes / 16;
        Self {
            plan: plan.clone(),
            keyer: Keyer::new(secret0, secret1),
            rrsets: Rrsets::new(plan.max_bytes - delegation_bytes - companion_bytes - denial_bytes),
            companions: Companions::new(companion_bytes),
            denials: Denials::new(denial_bytes),
            delegations: Delegations::new(delegation_bytes),
            failures: Failures::new(plan.failures),
            renewals: Moka::builder()
                .max_capacity(RENEWALS)
                .build_with_hasher(BuildUnhashed::default()),
            generation: AtomicU64::new(0),
        }
    }

    /// RRsets and negative answers held, expired ones that nothing has pushed out yet included. A little behind the truth.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.rrsets.store.entry_count()
    }

    /// Octets that RRsets, negative answers and delegations take, by our own reckoning. A little behind the truth.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rrsets.store.weighted_size()
            + self.delegations.store.weighted_size()
            + self.companions.store.weighted_size()
            + self.denials.store.weighted_size()
    }

    /// Delegations held.
    #[must_use]
    pub fn delegations(&self) -> u64 {
        self.delegations.store.entry_count()
    }

    /// Failures held.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.store.entry_count()
    }

    /// Grows with every flush; a ready-made answer of an older generation must not be used.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Forgets what `scope` says about `name`; returns how many entries that were. [`FlushScope::NameType`] is quick;
    /// the others look at every entry.
    pub fn flush(&self, name: &Name, scope: FlushScope) -> u64 {
        match scope {
            FlushScope::Name | FlushScope::NameType(_) => self.flush_denials(name, false),
            FlushScope::Tree => self.flush_denials(name, true),
            FlushScope::All => self.denials.store.invalidate_all(),
        }
        match scope {
            FlushScope::Name | FlushScope::NameType(_) => self.flush_companions(|at| at == name),
            FlushScope::Tree => self.flush_companions(|at| at.is_within(name)),
            FlushScope::All => self.flush_companions(|_| true),
        }
        let gone = match scope {
            FlushScope::NameType(rtype) => {
                self.flush_rrset(name, rtype)
                    + self.flush_failures(|at, of| at == name && of == rtype)
            }
            FlushScope::Name => {
                self.flush_rrsets(|at| at == name)
                    + self.flush_failures(|at, _| at == name)
                    + self.flush_delegations(|zone| zone == name)
            }
            FlushScope::Tree => {
                self.flush_rrsets(|at| at.is_within(name))
                    + self.flush_failures(|at, _| at.is_within(name))
                    + self.flush_delegations(|zone| zone.is_within(name))
            }
            FlushScope::All => {
                self.flush_rrsets(|_| true)
                    + self.flush_failures(|_, _| true)
                    + self.flush_delegations(|_| true)
            }
        };
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.settle();
        gone
    }

    /// Finishes the housekeeping that stores and look-ups left behind: evictions, counts. Never needed for right answers.
    pub fn settle(&self) {
        self.rrsets.store.run_pending_tasks();
        self.delegations.store.run_pending_tasks();
        self.companions.store.run_pending_tasks();
        self.denials.store.run_pending_tasks();
        self.failures.store.run_pending_tasks();
    }
}

#[cfg(test)]
mod tests;
