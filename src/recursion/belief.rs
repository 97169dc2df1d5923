//! What does this recursion know of zones and their keys? Trust found out so far, and what is still needed to know more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Recursion;
use super::step::Around;
use super::trace::Happening;
use super::weigh::lacking;
use crate::cache::Rank;
use crate::dnssec::{Anchor, Bogus, Start, Validator, ZoneTrust, usable_ds};
use crate::sys::clock::Now;
use crate::wire::{Ede, Name, Question, RecordType, Rrset, Security};

/// Longest time in seconds that anything but keys is remembered of a zone (parameters.md section 5: a day).
const LONGEST: u32 = 86_400;

/// Trust found out by one recursion. What was stored elsewhere may be gone at once, so it is kept here as well.
#[derive(Debug, Default)]
pub(super) struct Beliefs {
    trusts: HashMap<Name, ZoneTrust>,
    ds: HashMap<Name, ProvenDs>,
    /// Zones whose keys are sought anew, whatever others remember of them.
    pub keys_anew: HashSet<Name>,
    /// The same for their DS sets.
    pub ds_anew: HashSet<Name>,
    /// Zones that unsigned replies claimed to speak for, and whose DS sets were asked for on that word.
    pub hinted: HashSet<Name>,
    /// Why the last set was not believed.
    pub cause: Option<Bogus>,
    /// Why DS or DNSKEY could not be had, when nobody lied, or that was before.
    pub unreachable: Option<Ede>,
}

/// The proven DS set of a zone.
#[derive(Debug)]
struct ProvenDs {
    set: Arc<Rrset>,
    /// What is left of its TTL.
    ttl: u32,
    /// Whether it was in the cache, and not shown in this recursion.
    remembered: bool,
}

impl Beliefs {
    /// What is left of the TTL of a zone's DS set; no bound for an anchor.
    pub(super) fn ds_ttl(&self, zone: &Name) -> u32 {
        self.ds.get(zone).map_or(LONGEST, |ds| ds.ttl)
    }

    /// Whether this recursion found out for itself what a zone is worth.
    pub(super) fn is_settled(&self, zone: &Name) -> bool {
        self.trusts.contains_key(zone)
    }

    /// Whether the DS set of a zone came from the cache.
    pub(super) fn has_remembered_ds(&self, zone: &Name) -> bool {
        self.ds.get(zone).is_some_and(|ds| ds.remembered)
    }

    pub(super) fn forget_ds(&mut self, zone: &Name) {
        self.ds.remove(zone);
    }
}

/// How far the way to a zone's keys is known.
pub(super) enum Entry {
    /// All of it.
    Trust(ZoneTrust),
    /// An anchor: its DNSKEY set is next.
    Anchor(Arc<Anchor>),
    /// Its proven DS set, with what is left of its TTL: its DNSKEY set is next.
    Ds(Arc<Rrset>, u32),
    /// Not so far: this is needed first.
    Need(Question),
}

/// Whether a zone is to be believed.
pub(super) enum Trusting {
    /// That is known.
    Known(ZoneTrust),
    /// This is needed first.
    Need(Question),
}

impl Trusting {
    /// Whether it is known that the zone's data need no signature.
    pub(super) const fn is_unsigned(&self) -> bool {
        match self {
            Self::Known(trust) => trust.is_unsigned(),
            Self::Need(_) => false,
        }
    }
}

impl Recursion {
    /// Whether anything is validated for anybody.
    pub(super) fn validator(&self) -> Option<&Arc<Validator>> {
        self.validator
            .as_ref()
            .filter(|validator| validator.is_on())
    }

    /// What data amount to that nobody looked at.
    pub(super) fn unlooked(&self) -> Security {
        match self.validator() {
            Some(_) => Security::Unchecked,
            None => Security::Indeterminate,
        }
    }

    /// Whether `zone` is to be believed, or what is needed to know.
    pub(super) fn trust(&self, zone: &Name, around: &Around<'_>) -> Trusting {
        match self.entry(zone, around) {
            Entry::Trust(trust) => Trusting::Known(trust),
            Entry::Anchor(_) | Entry::Ds(..) => {
                Trusting::Need(Question::new(zone.clone(), RecordType::DNSKEY))
            }
            Entry::Need(question) => Trusting::Need(question),
        }
    }

    /// How far the way to the keys of `zone` is known, from the closest anchor down by the zone cuts that are known.
    pub(super) fn entry(&self, zone: &Name, around: &Around<'_>) -> Entry {
        let Some(validator) = self.validator() else {
            return Entry::Trust(ZoneTrust::Indeterminate);
        };
        let anchor = match validator.start(zone, around.now) {
            Start::Unanchored => return Entry::Trust(ZoneTrust::Indeterminate),
            Start::Negative => return Entry::Trust(ZoneTrust::Insecure(None)),
            Start::Anchor(anchor) => anchor,
        };
        if let Some(known) = self.known_trust(zone, around.now) {
            return Entry::Trust(known);
        }
        if anchor.zone() == zone {
            return Entry::Anchor(anchor);
        }
        let above = self.cut_above(zone, anchor.zone(), around);
        match self.trust(&above, around) {
            Trusting::Need(question) => return Entry::Need(question),
            Trusting::Known(ZoneTrust::Secure(_) | ZoneTrust::NoCut) => {}
            Trusting::Known(decided) => return Entry::Trust(decided),
        }
        match self.ds_of(zone, around) {
            None => Entry::Need(Question::new(zone.clone(), RecordType::DS)),
            Some((ds, ttl)) => match usable_ds(&ds.rdata, self.accepted()) {
                Ok(()) => Entry::Ds(ds, ttl),
                Err(ede) => Entry::Trust(ZoneTrust::Insecure(Some(ede))),
            },
        }
    }

    /// Remembers what was found out about `zone`, for this recursion and, unless it is a failure, for others.
    pub(super) fn learn(&mut self, zone: &Name, trust: ZoneTrust, lifetime: u32, now: Now) {
        let told = match &trust {
            ZoneTrust::Secure(_) => "secure",
            ZoneTrust::Insecure(_) => "insecure",
            ZoneTrust::Indeterminate => "indeterminate",
            ZoneTrust::NoCut => "no zone of its own",
            ZoneTrust::Bogus(_) => "bogus",
        };
        self.note(
            now,
            Happening::Zone {
                zone: zone.clone(),
                trust: told,
            },
        );
        if let (Some(validator), false) = (self.validator(), matches!(trust, ZoneTrust::Bogus(_))) {
            validator.learn(zone, trust.clone(), lifetime.min(LONGEST), now);
        }
        self.beliefs.trusts.insert(zone.clone(), trust);
    }

    /// Remembers the proven DS set of a zone for this recursion.
    pub(super) fn learn_ds(&mut self, set: Arc<Rrset>, ttl: u32) {
        let ds = ProvenDs {
            ttl,
            remembered: false,
            set,
        };
        self.beliefs.ds.insert(ds.set.owner.clone(), ds);
    }

    /// The same for one that is used and may have come from the cache.
    pub(super) fn use_ds(&mut self, set: &Arc<Rrset>, ttl: u32) {
        let ds = ProvenDs {
            ttl,
            remembered: true,
            set: Arc::clone(set),
        };
        self.beliefs.ds.entry(set.owner.clone()).or_insert(ds);
    }

    /// Remembers that what `question` (DS or DNSKEY) asks cannot be had: nothing below can be believed.
    pub(super) fn despair(&mut self, question: &Question, now: Now) {
        if self.known_trust(&question.name, now).is_some()
            || (question.rtype == RecordType::DS && self.beliefs.ds.contains_key(&question.name))
        {
            return;
        }
        // A zone above may have turned out unsigned in the meantime: then there was nothing to be had.
        let unsigned = |name: &Name| {
            let known = self.known_trust(name, now);
            known.is_some_and(|trust| trust.is_unsigned())
        };
        let labels = question.name.label_count();
        if (0..labels).any(|labels| unsigned(&question.name.suffix(labels))) {
            return;
        }
        if self.makes_do(question) {
            return;
        }
        let cause = self.beliefs.cause.clone();
        let bogus = cause.unwrap_or_else(|| lacking(question));
        self.learn(&question.name, ZoneTrust::Bogus(bogus), 0, now);
    }

    pub(super) fn known_trust(&self, zone: &Name, now: Now) -> Option<ZoneTrust> {
        let here = self.beliefs.trusts.get(zone).cloned();
        let anew = self.beliefs.keys_anew.contains(zone);
        here.or_else(|| self.validator()?.known(zone, now).filter(|_| !anew))
    }

    /// The proven DS set of a zone, with what is left of its TTL.
    fn ds_of(&self, zone: &Name, around: &Around<'_>) -> Option<(Arc<Rrset>, u32)> {
        if let Some(ds) = self.beliefs.ds.get(zone) {
            return Some((Arc::clone(&ds.set), ds.ttl));
        }
        if self.beliefs.ds_anew.contains(zone) {
            return None;
        }
        let held = around
            .cache
            .rrset(zone, RecordType::DS, Rank::NonAuthAnswer, around.now)
            .filter(|held| held.security == Security::Secure && !held.rrset.is_expanded())?;
        Some((held.rrset, held.ttl))
    }

    /// The closest zone cut above `zone` that is known of, the anchor at the highest.
    fn cut_above(&self, zone: &Name, anchor: &Name, around: &Around<'_>) -> Name {
        let mut above = zone.parent();
        while let Some(name) = above {
            if name == *anchor || self.is_cut(&name, around) {
                return name;
            }
            above = name.parent();
        }
        anchor.clone()
    }

    fn is_cut(&self, name: &Name, around: &Around<'_>) -> bool {
        match self.known_trust(name, around.now) {
            Some(ZoneTrust::NoCut) => false,
            Some(_) => true,
            None => {
                self.beliefs.ds.contains_key(name)
                    || around
                        .cache
                        .deepest_delegation(name, around.now)
                        .is_some_and(|delegation| delegation.zone == *name)
            }
        }
    }
}
