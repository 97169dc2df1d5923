//! Which RRsets and which nonexistences are known? One store for both, ranked by RFC 2181 section 5.4.1.

use std::sync::Arc;

use moka::ops::compute::Op;
use moka::sync::Cache as Moka;

use super::Cache;
use super::key::{BuildUnhashed, Key};
use super::lookup::{Demand, View};
use super::slot::{Absence, Backing, Expanded, Known, Slot, holding, lowest_ttl};
use crate::sys::clock::Now;
use crate::wire::{Held, Name, Question, RecordType, Rrset, Security, rdata};

/// Octets one entry takes beside the RRset: moka's node, its place in two queues, its part of the table and of the sketch, the
/// rounding of the allocator. Measured: a million small RRsets grew the process by 503 octets each, 94 of them the RRset
/// (benches/memory.rs).
pub(super) const OVERHEAD: usize = 410;
/// Octets of the smallest entry, nearly: what the sketch of popularity is sized by. It takes 8 octets for each of these.
const SMALLEST: u64 = 256;
/// Seconds that a negative answer without an SOA record is remembered: it should not be (RFC 2308 section 5), but a client that
/// repeats itself must not cost a packet each time.
pub const NEGATIVE_TTL_WITHOUT_SOA: u32 = 5;
/// The type under which the nonexistence of a whole name is kept; no record can have it (RFC 6895 section 3.1).
pub(super) const WHOLE_NAME: RecordType = RecordType(0);

/// How much a datum is trusted, lowest first (RFC 2181 section 5.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Additional section.
    Additional,
    /// Authority section of a reply without AA: the NS set of a referral and its glue.
    NonAuthAuthority,
    /// Answer section of a reply without AA, as forwarders give. The lowest that is good enough to answer with.
    NonAuthAnswer,
    /// Authority section of a reply with AA.
    AuthAuthority,
    /// Answer section of a reply with AA.
    AuthAnswer,
}

/// What does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Negative {
    /// The type, at a name that exists (RFC 2308 section 2.2).
    NoData,
    /// The name, with all its types (RFC 2308 section 2.1).
    NxDomain,
}

#[derive(Debug)]
pub(super) struct Rrsets {
    pub(super) store: Moka<Key, Slot, BuildUnhashed>,
}

impl Rrsets {
    pub(super) fn new(max_bytes: u64) -> Self {
        let store = Moka::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Key, slot: &Slot| slot.weight())
            .build_with_hasher(BuildUnhashed::default());
        let rrsets = Self { store };
        rrsets.size_sketch(max_bytes);
        rrsets
    }

    /// Makes moka size its sketch of how often names are asked for a full cache of small entries.
    ///
    /// moka (0.12.16) sizes the sketch once, when the cache is half full, as entries x octets held / octets allowed: for a cache
    /// bounded in octets a quarter of the entries it will hold. The sketch then forgets what is hot within a cache's worth of new
    /// names, and a flood of those evicts it (cache::tests::flood). So it is sized at the start, by a few entries that claim to be huge,
    /// and that are gone before the first real one comes.
    fn size_sketch(&self, max_bytes: u64) {
        let entries = max_bytes / SMALLEST;
        // count x (count x claim) / max_bytes = entries
        let claim = u64::from(u32::MAX);
        let count = (u128::from(entries) * u128::from(max_bytes) / u128::from(claim)).isqrt() + 1;
        let keys = || (0..count).map(Key::from_number);
        for claim in [1, u32::MAX] {
            for key in keys() {
                self.store.insert(key, Slot::claiming(claim));
            }
            self.store.run_pending_tasks();
        }
        for key in keys() {
            self.store.invalidate(&key);
        }
        self.store.run_pending_tasks();
    }
}

/// What the cache says about a name and type.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// The RRset, and the proofs behind it if a wildcard stands for it.
    Data(Held, Vec<Held>),
    /// It does not exist; the SOA and the proofs, with the TTL left.
    Absent(Negative, Security, Vec<Held>),
}

impl Cache {
    /// Stores an RRset that nobody validates: [`Cache::store_backed`] with [`Security::Indeterminate`] and no proof.
    pub fn store(&self, rrset: Rrset, rank: Rank, now: Now) -> Held {
        self.store_backed(rrset, rank, Backing::unvalidated(), now)
    }

    /// Stores an RRset with its TTL put between the floor and the cap, unless something fresh of a higher rank is known there.
    /// An equal rank replaces; what was not looked at gives way to what was, and never replaces it. The proofs that a wildcard
    /// needs live as long as the set, and the set no longer than they. A TTL of 0 (after the floor) is not stored.
    ///
    /// Returns the set with the TTL it would be served with, whether or not it was stored.
    pub fn store_backed(&self, rrset: Rrset, rank: Rank, backing: Backing, now: Now) -> Held {
        let ttl = lowest_ttl(self.served_ttl(rrset.ttl), &backing.proofs);
        let rrset = Arc::new(rrset);
        let security = backing.security;
        if ttl > 0 {
            let key = self.keyer.key(&rrset.owner, rrset.rtype);
            let known = if backing.proofs.is_empty() {
                Known::Data(Arc::clone(&rrset))
            } else {
                Known::Expanded(Arc::new(Expanded {
                    rrset: Arc::clone(&rrset),
                    proofs: backing.proofs,
                }))
            };
            self.put(key, known, rank, security, ttl, now);
            if rank >= Rank::AuthAnswer && security > Security::Unchecked {
                // What an authority just showed exists.
                let whole = self.keyer.key(&rrset.owner, WHOLE_NAME);
                if self.rrsets.store.contains_key(&whole) {
                    self.rrsets.store.invalidate(&whole);
                }
            }
        }
        Held {
            rrset,
            ttl,
            security,
        }
    }

    /// A TTL put between the floor and the cap.
    #[must_use]
    pub fn served_ttl(&self, received: u32) -> u32 {
        received.max(self.plan.min_ttl).min(self.plan.max_ttl)
    }

    /// The fresh RRset of this name and type, if it is trusted at least `min_rank`.
    #[must_use]
    pub fn rrset(&self, name: &Name, rtype: RecordType, min_rank: Rank, now: Now) -> Option<Held> {
        match self.fact(name, rtype, min_rank, View::of(Demand::Any, now))? {
            Fact::Data(held, _) => Some(held),
            Fact::Absent(..) => None,
        }
    }

    /// The same, fresh or not: what was known last, as long as it is held. Does not count as a use of the name if there is nothing.
    #[must_use]
    pub fn rrset_of_old(
        &self,
        name: &Name,
        rtype: RecordType,
        min_rank: Rank,
        now: Now,
    ) -> Option<Held> {
        let view = View {
            grace: u64::MAX,
            ..View::of(Demand::Any, now)
        };
        let key = self.keyer.key(name, rtype);
        if !self.rrsets.store.contains_key(&key) {
            return None;
        }
        match self.judge(key, name, rtype, min_rank, view)? {
            Fact::Data(held, _) => Some(held),
            Fact::Absent(..) => None,
        }
    }

    /// Stores a nonexistence that nobody validates: [`Cache::store_denied`] with [`Security::Indeterminate`] and no proof.
    pub fn store_negative(
        &self,
        question: &Question,
        kind: Negative,
        soa: Option<Rrset>,
        now: Now,
    ) {
        self.store_denied(question, kind, soa, Backing::unvalidated(), now);
    }

    /// Stores that the type (`NoData`) or the name (`NxDomain`) of `question` does not exist, for the lowest of the TTL of the
    /// SOA record, its MINIMUM field, the TTLs of the proofs and both caps (RFC 2308 section 5); without an SOA for
    /// [`NEGATIVE_TTL_WITHOUT_SOA`] seconds. Fresh authoritative data of the type is replaced: the authority has changed its mind.
    ///
    /// Returns the SOA and the proofs with the TTL they would be served with, whether or not they were stored.
    pub fn store_denied(
        &self,
        question: &Question,
        kind: Negative,
        soa: Option<Rrset>,
        backing: Backing,
        now: Now,
    ) -> Vec<Held> {
        let ttl = soa.as_ref().map_or(NEGATIVE_TTL_WITHOUT_SOA, |soa| {
            let minimum = soa.rdata.iter().next().and_then(rdata::soa_minimum);
            soa.ttl.min(minimum.unwrap_or(0))
        });
        let ttl = ttl.min(self.plan.max_negative_ttl).min(self.plan.max_ttl);
        let ttl = lowest_ttl(ttl, &backing.proofs);
        let rtype = match kind {
            Negative::NoData => question.rtype,
            Negative::NxDomain => WHOLE_NAME,
        };
        let security = backing.security;
        let absence = Absence {
            name: question.name.clone(),
            kind,
            soa: soa.map(Arc::new),
            proofs: backing.proofs,
        };
        let told = absence.held(ttl, security);
        if ttl > 0 {
            let key = self.keyer.key(&question.name, rtype);
            let known = Known::Absence(Arc::new(absence));
            self.put(key, known, Rank::AuthAnswer, security, ttl, now);
            if kind == Negative::NxDomain && security > Security::Unchecked {
                // Data of the asked type, if any, is older than this.
                self.rrsets
                    .store
                    .invalidate(&self.keyer.key(&question.name, question.rtype));
            }
        }
        told
    }

    /// Whether the name or the type of `question` is known not to exist; the SOA with the TTL left.
    #[must_use]
    pub fn negative(&self, question: &Question, now: Now) -> Option<(Negative, Option<Held>)> {
        match self.known(question, View::of(Demand::Any, now))? {
            Fact::Absent(kind, _, told) => {
                let soa = told
                    .into_iter()
                    .find(|held| held.rrset.rtype == RecordType::SOA);
                Some((kind, soa))
            }
            Fact::Data(..) => None,
        }
    }

    /// What is known about the question itself, good enough to answer with; no chain is followed.
    pub(super) fn known(&self, question: &Question, view: View) -> Option<Fact> {
        self.fact(&question.name, question.rtype, Rank::NonAuthAnswer, view)
            .or_else(|| self.aside(&question.name, WHOLE_NAME, view))
    }

    /// The fresh entry of this name and type.
    pub(super) fn fact(
        &self,
        name: &Name,
        rtype: RecordType,
        min_rank: Rank,
        view: View,
    ) -> Option<Fact> {
        self.judge(self.keyer.key(name, rtype), name, rtype, min_rank, view)
    }

    /// The same, good enough to answer with, without counting as a use of the name if there is nothing.
    ///
    /// moka counts look-ups in vain as well, to know what would be worth keeping. The several that one question takes (its
    /// nonexistence, a CNAME, a DNAME above) would drown what it learns from the one that matters, and a flood of new names
    /// would make it forget which are hot.
    pub(super) fn aside(&self, name: &Name, rtype: RecordType, view: View) -> Option<Fact> {
        let key = self.keyer.key(name, rtype);
        if !self.rrsets.store.contains_key(&key) {
            return None;
        }
        self.judge(key, name, rtype, Rank::NonAuthAnswer, view)
    }

    fn judge(
        &self,
        key: Key,
        name: &Name,
        rtype: RecordType,
        min_rank: Rank,
        view: View,
    ) -> Option<Fact> {
        let slot = self.rrsets.store.get(&key)?;
        let (ttl, security) = match slot.left(view.now) {
            Some(left) => (left, slot.security),
            None if slot.is_stale(view.grace, view.now) => {
                (self.plan.stale_ttl, slot.security.min(Security::Insecure))
            }
            None => return None,
        };
        if !view.demand.accepts(slot.security) {
            return None;
        }
        if slot.rank < min_rank || slot.name() != Some(name) {
            return None;
        }
        match slot.known {
            Known::Data(rrset) => {
                let held = Held {
                    rrset,
                    ttl,
                    security,
                };
                (held.rrset.rtype == rtype).then_some(Fact::Data(held, Vec::new()))
            }
            Known::Expanded(expanded) => {
                let proofs = holding(&expanded.proofs, ttl, security);
                let held = Held {
                    rrset: Arc::clone(&expanded.rrset),
                    ttl,
                    security,
                };
                (held.rrset.rtype == rtype).then_some(Fact::Data(held, proofs))
            }
            Known::Absence(absence) => {
                let told = absence.held(ttl, security);
                Some(Fact::Absent(absence.kind, security, told))
            }
            Known::Nothing(_) => None,
        }
    }

    /// Calls `each` with name, type and TTL left of every fresh RRset. Slow: it walks everything.
    pub fn for_each_rrset(&self, now: Now, mut each: impl FnMut(&Held, Rank)) {
        for (_, slot) in &self.rrsets.store {
            let rrset = match &slot.known {
                Known::Data(rrset) => rrset,
                Known::Expanded(expanded) => &expanded.rrset,
                Known::Absence(_) | Known::Nothing(_) => continue,
            };
            if let Some(ttl) = slot.left(now) {
                let held = Held {
                    rrset: Arc::clone(rrset),
                    ttl,
                    security: slot.security,
                };
                each(&held, slot.rank);
            }
        }
    }

    fn put(&self, key: Key, known: Known, rank: Rank, security: Security, ttl: u32, now: Now) {
        let stored = now.wall_secs();
        let slot = Slot {
            known,
            rank,
            security,
            stored,
            expires: stored.saturating_add(u64::from(ttl)),
        };
        self.rrsets.store.entry(key).and_compute_with(|entry| {
            match entry.map(moka::Entry::into_value) {
                Some(old) if old.outweighs(&slot) && old.left(now).is_some() => Op::Nop,
                _ => Op::Put(slot),
            }
        });
    }

    /// Forgets one type at a name and the nonexistence of the name.
    pub(super) fn flush_rrset(&self, name: &Name, rtype: RecordType) -> u64 {
        let keys = [rtype, WHOLE_NAME].map(|rtype| self.keyer.key(name, rtype));
        keys.iter()
            .filter(|key| self.rrsets.store.remove(*key).is_some())
            .map(|_| 1)
            .sum()
    }

    /// Forgets everything at the names that `which` picks.
    pub(super) fn flush_rrsets(&self, which: impl Fn(&Name) -> bool) -> u64 {
        let mut gone = 0;
        for (key, slot) in &self.rrsets.store {
            if slot.name().is_some_and(&which) {
                self.rrsets.store.invalidate(&*key);
                gone += 1;
            }
        }
        gone
    }
}
