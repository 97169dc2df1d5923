//! Which gaps of signed zones are known? Validated NSEC, NSEC3 and wildcard sets, in the order of their zone (RFC 8198).
//!
//! One ordered store per zone, so that the record before a name, which is the one that may cover it, is one look-up. Nothing
//! comes in without the seal of `dnssec`. What can never save a question is not kept: spans that cover next to nothing (RFC
//! 4470, RFC 9824), opt-out (RFC 8198 section 5.2), costly hashes, sets made from a wildcard, and so a flood of made-up names
//! adds at most one set per gap of the zone. Every zone has a bound of its own, and all zones have one together.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use moka::sync::Cache as Moka;
use smallvec::SmallVec;

use super::key::{BuildUnhashed, Key};
use super::{CLOCK_SLACK, Cache};
use crate::dnssec::validated::Validated;
use crate::sys::clock::Now;
use crate::wire::{Held, Name, RecordType, Rrset, Security, rdata};

/// NSEC3 iterations above which a chain is not used aggressively, however many the validator puts up with: looking it up is to
/// cost less than a question (P4: 50).
pub const MAX_ITERATIONS: u16 = 50;
/// Octets of a set's node in the tree, its counters and the rounding of the allocator, beside the set itself.
const OVERHEAD: usize = 160;
/// Part of the whole that one zone may have: the hoard of one zone does not cost the others theirs.
const ZONE_SHARE: u64 = 4;
/// Expired sets passed over before a look-up gives up; the next store clears them away.
const PASSED_OVER: usize = 4;
/// The type under which zones are filed.
const FILED_AS: RecordType = RecordType::NSEC;

/// A place in the canonical order (RFC 4034 section 6.1), or a hash: octets that sort as the names do.
pub(super) type Place = SmallVec<[u8; 40]>;

#[derive(Debug)]
pub(super) struct Denials {
    pub(super) store: Moka<Key, Arc<DenialZone>, BuildUnhashed>,
    zone_bytes: usize,
}

/// What is known of the gaps in one zone.
#[derive(Debug)]
pub struct DenialZone {
    zone: Name,
    chains: RwLock<Chains>,
}

#[derive(Debug, Default)]
struct Chains {
    soa: Option<Entry>,
    nsec: Chain,
    hashed: Chain,
    parameters: Parameters,
    wildcards: Chain,
}

/// How the names of a zone are hashed (RFC 5155 section 4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Additional rounds.
    pub iterations: u16,
    /// The salt.
    pub salt: SmallVec<[u8; 16]>,
}

/// Sets in order, and where the search for one to give up goes on.
#[derive(Debug, Default)]
struct Chain {
    sets: BTreeMap<Place, Entry>,
    bytes: usize,
    hand: Place,
}

#[derive(Debug)]
struct Entry {
    set: Validated<Arc<Rrset>>,
    /// Wall seconds.
    stored: u64,
    /// Wall seconds.
    expires: u64,
    /// Whether it was of use since the hand last passed.
    used: AtomicBool,
}

/// A validated set and the seconds it has left.
#[derive(Clone, Debug)]
pub struct KnownDenial {
    /// The set.
    pub set: Validated<Arc<Rrset>>,
    /// What is left of its lifetime: at least 1.
    pub ttl: u32,
}

impl Denials {
    pub(super) fn new(max_bytes: u64) -> Self {
        let store = Moka::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Key, zone: &Arc<DenialZone>| zone.weight())
            .build_with_hasher(BuildUnhashed::default());
        Self {
            store,
            zone_bytes: usize::try_from(max_bytes / ZONE_SHARE).unwrap_or(usize::MAX),
        }
    }
}

impl Cache {
    /// Keeps what was proven about the gaps of `zone`: its SOA, NSEC and NSEC3 sets, and wildcard sets by their own name (`*`
    /// first). Whatever else is in `sets` is passed over, and so is what can save no question.
    ///
    /// Lifetimes are those of the sets, at most the SOA's MINIMUM if one is given (RFC 8198 section 5.4), and at most the
    /// highest negative TTL. The sets must have been validated under the keys of `zone`.
    pub fn store_denial(
        &self,
        zone: &Name,
        soa: Option<&Validated<Rrset>>,
        sets: &[Validated<Rrset>],
        now: Now,
    ) {
        let soa = soa.filter(|soa| soa.rtype == RecordType::SOA && soa.owner == *zone);
        let negative_ttl = soa
            .map_or(u32::MAX, |soa| negative_ttl(soa))
            .min(self.plan.max_negative_ttl);
        let mut fits = sets
            .iter()
            .filter_map(|set| Some((set, kind_of(set, zone)?)))
            .peekable();
        if fits.peek().is_none() {
            return;
        }
        let key = self.keyer.key(zone, FILED_AS);
        let known = self.denials.store.get(&key).filter(|at| at.zone == *zone);
        let at = known.unwrap_or_else(|| {
            Arc::new(DenialZone {
                zone: zone.clone(),
                chains: RwLock::default(),
            })
        });
        {
            let mut chains = at.chains.write().unwrap_or_else(PoisonError::into_inner);
            for (set, kind) in fits {
                let cap = match kind {
                    Kind::Wildcard(_) => self.plan.max_ttl,
                    Kind::Nsec(_) | Kind::Nsec3(..) => negative_ttl.min(self.plan.max_ttl),
                };
                if let Some(entry) = Entry::new(set, cap, now) {
                    chains.put(kind, entry);
                }
            }
            if let Some(soa) = soa {
                let cap = self.plan.max_negative_ttl.min(self.plan.max_ttl);
                chains.soa = Entry::new(soa, cap, now);
            }
            chains.shrink(self.denials.zone_bytes, now);
        }
        // Stored anew, so that it is weighed anew.
        self.denials.store.insert(key, at);
    }

    /// The deepest zone at or above `name` of which gaps are known. A question of type DS belongs to the parent: ask for the
    /// name's parent then.
    #[must_use]
    pub fn denial_zone(&self, name: &Name) -> Option<Arc<DenialZone>> {
        let mut rest = name.as_wire();
        loop {
            let key = self.keyer.key_of_wire(rest, FILED_AS);
            // Not counted as a use in vain: see `Cache::aside`.
            if self.denials.store.contains_key(&key)
                && let Some(at) = self.denials.store.get(&key)
                && at.zone.as_wire().eq_ignore_ascii_case(rest)
            {
                return Some(at);
            }
            let length = usize::from(*rest.first()?);
            rest = rest.get(length + 1..).filter(|_| length > 0)?;
        }
    }

    /// Zones of which gaps are known.
    #[must_use]
    pub fn denial_zones(&self) -> u64 {
        self.denials.store.entry_count()
    }

    /// Forgets all that could deny something at the names that a flush is about: `below` says whether those below `name` are.
    pub(super) fn flush_denials(&self, name: &Name, below: bool) {
        for (key, at) in &self.denials.store {
            if name.is_within(&at.zone) || below && at.zone.is_within(name) {
                self.denials.store.invalidate(&*key);
            }
        }
    }
}

impl DenialZone {
    /// The apex.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        &self.zone
    }

    /// The SOA.
    #[must_use]
    pub fn soa(&self, now: Now) -> Option<KnownDenial> {
        self.read().soa.as_ref()?.known(now)
    }

    /// The NSEC at `name` or else the one before it: if any is known that says something about it, it is this one.
    #[must_use]
    pub fn nsec_at_or_before(&self, name: &Name, now: Now) -> Option<KnownDenial> {
        let chains = self.read();
        if chains.nsec.sets.is_empty() {
            return None;
        }
        chains.nsec.at_or_before(&place(name), now)
    }

    /// How names are hashed, if hashed gaps are known.
    #[must_use]
    pub fn parameters(&self) -> Option<Parameters> {
        let chains = self.read();
        (!chains.hashed.sets.is_empty()).then(|| chains.parameters.clone())
    }

    /// The NSEC3 at `hash`, or else the one before it, the last one coming before the first.
    #[must_use]
    pub fn nsec3_at_or_before(&self, hash: &[u8; 20], now: Now) -> Option<KnownDenial> {
        let chains = self.read();
        let found = chains.hashed.at_or_before(hash, now);
        found.or_else(|| chains.hashed.last(now))
    }

    /// The wildcard RRset of this name and type.
    #[must_use]
    pub fn wildcard(&self, owner: &Name, rtype: RecordType, now: Now) -> Option<KnownDenial> {
        let chains = self.read();
        if chains.wildcards.sets.is_empty() {
            return None;
        }
        let entry = chains.wildcards.sets.get(&typed_place(owner, rtype))?;
        entry.known(now)
    }

    fn read(&self) -> RwLockReadGuard<'_, Chains> {
        self.chains.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn weight(&self) -> u32 {
        let octets = size_of::<Self>() + self.zone.as_wire().len() + self.read().bytes();
        u32::try_from(super::rrsets::OVERHEAD + octets).unwrap_or(u32::MAX)
    }
}

/// Where a set is kept.
enum Kind {
    Nsec(Place),
    Nsec3(Place, Parameters),
    Wildcard(Place),
}

/// Types that no name gets from a wildcard, whatever the zone holds (RFC 4592 section 4), or that mean something else there.
const NEVER_FROM_A_WILDCARD: [RecordType; 6] = [
    RecordType::NS,
    RecordType::SOA,
    RecordType::DNAME,
    RecordType::DS,
    RecordType::DNSKEY,
    RecordType::RRSIG,
];

/// Where a set is to be kept; nothing if it can save no question.
fn kind_of(set: &Rrset, zone: &Name) -> Option<Kind> {
    if !set.owner.is_within(zone) || set.is_expanded() {
        return None;
    }
    let only = set.rdata.iter().next()?;
    match set.rtype {
        RecordType::NSEC => {
            let (next, _) = rdata::nsec(only)?;
            let is_minimal =
                next.parent().as_ref() == Some(&set.owner) && next.labels().next() == Some(b"\0");
            let is_ours = next.is_within(zone) && !is_minimal;
            is_ours.then(|| Kind::Nsec(place(&set.owner)))
        }
        RecordType::NSEC3 => {
            let fields = rdata::nsec3(only)?;
            let hash = rdata::nsec3_owner_hash(set.owner.labels().next()?)?;
            let cheap = fields.iterations <= MAX_ITERATIONS;
            let parent = set.owner.parent()?;
            let fits = fields.algorithm == 1 && fields.flags == 0 && parent == *zone && cheap;
            (fits && !is_narrow(&hash, fields.next)).then(|| {
                let parameters = Parameters {
                    iterations: fields.iterations,
                    salt: SmallVec::from_slice(fields.salt),
                };
                Kind::Nsec3(Place::from_slice(&hash), parameters)
            })
        }
        _ => {
            let is_wildcard = set.owner.labels().next() == Some(b"*");
            let fits = is_wildcard && !NEVER_FROM_A_WILDCARD.contains(&set.rtype);
            fits.then(|| Kind::Wildcard(typed_place(&set.owner, set.rtype)))
        }
    }
}

/// Whether a span of hashes is so narrow (under 2^96 of 2^160) that no name will ever fall into it: a white lie (RFC 7129
/// appendix B).
fn is_narrow(owner: &[u8; 20], next: &[u8]) -> bool {
    let high = |hash: &[u8]| {
        hash.first_chunk::<8>()
            .map_or(0, |high| u64::from_be_bytes(*high))
    };
    high(next).wrapping_sub(high(owner)) <= 1 && *owner != *next
}

/// The lower of the TTL of an SOA record and its MINIMUM field (RFC 2308 section 5).
fn negative_ttl(soa: &Rrset) -> u32 {
    let minimum = soa.rdata.iter().next().and_then(rdata::soa_minimum);
    soa.ttl.min(minimum.unwrap_or(0))
}

/// Octets that sort as names do in canonical order: the labels from the root, in lower case, each closed by an octet lower than
/// any in it. Two octets stand for 0 and for 1, to keep 0 free for that.
pub(super) fn place(name: &Name) -> Place {
    let labels: SmallVec<[&[u8]; 16]> = name.labels().collect();
    let mut place = Place::new();
    for label in labels.iter().rev() {
        for octet in *label {
            match octet.to_ascii_lowercase() {
                low @ (0 | 1) => place.extend_from_slice(&[1, low]),
                other => place.push(other),
            }
        }
        place.push(0);
    }
    place
}

fn typed_place(name: &Name, rtype: RecordType) -> Place {
    let mut place = place(name);
    place.extend_from_slice(&rtype.0.to_be_bytes());
    place
}

impl Entry {
    /// Nothing if it would be over at once.
    fn new(set: &Validated<Rrset>, cap: u32, now: Now) -> Option<Self> {
        let stored = now.wall_secs();
        let ttl = set.ttl.min(cap);
        (ttl > 0).then(|| Self {
            set: set.clone().share(),
            stored,
            expires: stored.saturating_add(u64::from(ttl)),
            used: AtomicBool::new(false),
        })
    }

    fn left(&self, now: Now) -> Option<u32> {
        let now = now.wall_secs();
        if now.saturating_add(CLOCK_SLACK) < self.stored {
            return None;
        }
        let left = self.expires.checked_sub(now).filter(|left| *left > 0)?;
        let lifetime = self.expires.saturating_sub(self.stored);
        u32::try_from(left.min(lifetime)).ok()
    }

    fn known(&self, now: Now) -> Option<KnownDenial> {
        let ttl = self.left(now)?;
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        let set = self.set.clone();
        Some(KnownDenial { set, ttl })
    }

    fn bytes(&self, place: &Place) -> usize {
        OVERHEAD + place.len() + self.set.memory()
    }
}

impl KnownDenial {
    /// The set, for a response.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            rrset: Arc::clone(&self.set),
            ttl: self.ttl,
            security: Security::Secure,
        }
    }
}

impl Chains {
    fn put(&mut self, kind: Kind, entry: Entry) {
        match kind {
            Kind::Nsec(place) => self.nsec.put(place, entry),
            Kind::Wildcard(place) => self.wildcards.put(place, entry),
            Kind::Nsec3(place, parameters) => {
                if self.parameters != parameters {
                    // The zone was signed anew: the old hashes say nothing beside the new ones.
                    self.hashed = Chain::default();
                    self.parameters = parameters;
                }
                self.hashed.put(place, entry);
            }
        }
    }

    fn bytes(&self) -> usize {
        let soa = self.soa.as_ref().map_or(0, |soa| soa.set.memory());
        soa + self.nsec.bytes + self.hashed.bytes + self.wildcards.bytes
    }

    /// Gives up sets until `most` octets are left at most.
    fn shrink(&mut self, most: usize, now: Now) {
        while self.bytes() > most {
            let chains = [&mut self.nsec, &mut self.hashed, &mut self.wildcards];
            let largest = chains.into_iter().max_by_key(|chain| chain.bytes);
            if !largest.is_some_and(|chain| chain.give_up_one(now)) {
                self.soa = None;
                return;
            }
        }
    }
}

impl Chain {
    fn put(&mut self, place: Place, entry: Entry) {
        self.bytes += entry.bytes(&place);
        let old = self.sets.insert(place.clone(), entry);
        self.bytes -= old.map_or(0, |old| old.bytes(&place));
    }

    fn at_or_before(&self, place: &[u8], now: Now) -> Option<KnownDenial> {
        let upto = (Bound::Unbounded, Bound::Included(place));
        let sets = self.sets.range::<[u8], _>(upto);
        let mut near = sets.rev().take(PASSED_OVER);
        near.find_map(|(_, entry)| entry.known(now))
    }

    fn last(&self, now: Now) -> Option<KnownDenial> {
        let mut near = self.sets.values().rev().take(PASSED_OVER);
        near.find_map(|entry| entry.known(now))
    }

    /// Moves the hand to the next set that is expired or has been of no use since it last passed, and drops that. False if there
    /// is none to drop.
    fn give_up_one(&mut self, now: Now) -> bool {
        // Once round to find one out of use, once more because all were in use.
        for _ in 0..=2 * self.sets.len() {
            let after = (Bound::Excluded(self.hand.as_slice()), Bound::Unbounded);
            let next = self.sets.range::<[u8], _>(after).next();
            let Some((place, entry)) = next else {
                if self.hand.is_empty() {
                    break;
                }
                self.hand.clear();
                continue;
            };
            self.hand = place.clone();
            if entry.left(now).is_some() && entry.used.swap(false, Ordering::Relaxed) {
                continue;
            }
            if let Some(gone) = self.sets.remove(&self.hand) {
                self.bytes -= gone.bytes(&self.hand);
                return true;
            }
        }
        false
    }
}
