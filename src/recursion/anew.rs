//! What of the things remembered is asked anew before something is given up? Delegations, keys, DS: each may be forged or overtaken.
//!
//! Whoever can make a reply bogus gets the same packets out of us, so each is bounded twice: once in a recursion, and once in a
//! while for a zone, whoever asks. Nothing that is remembered is thrown away for it: it is replaced when something better came.

use std::sync::Arc;

use super::frame::{Approach, Frame, Path, Purpose, Stage, Stale};
use super::step::Around;
use super::trace::Happening;
use super::{Recursion, SILENCE};
use crate::cache::Cache;
use crate::dnssec::{Bogus, Evidence, Proven, Validator, Why, ZoneTrust};
use crate::sys::clock::Now;
use crate::wire::{Ede, Name, Question, RecordType};

impl Recursion {
    /// A zone whose servers are no use, silent or bogus: if they were known from the cache, its parent is asked once more who
    /// serves it. Whether there is anything to be hoped for from that.
    pub(super) fn ask_above(
        &mut self,
        frame: &mut Frame,
        approach: &Approach,
        around: &Around<'_>,
    ) -> bool {
        let zone = &approach.zone;
        let failed = approach.targets.failed();
        if !approach.from_cache
            || frame.purpose == Purpose::Server
            || frame.stale.is_some()
            || failed.is_empty()
            || approach.path != Path::Iterate
            || self.silence >= SILENCE
            || self.crowd_at(approach).is_some()
        {
            return false;
        }
        let Some(parent) = zone.parent() else {
            return false;
        };
        let from = if self.renewed.contains(zone) {
            // Another line of inquiry did that already: here are the servers that it was told.
            zone.clone()
        } else if self.referred.contains(zone)
            || around.cache.failure(&moved(zone), around.now).is_some()
        {
            return false;
        } else {
            let why = Ede::new(Ede::NO_REACHABLE_AUTHORITY, "its parent was asked again");
            around.cache.store_failure(&moved(zone), why, around.now);
            self.note(around.now, Happening::AskParentAgain { zone: zone.clone() });
            self.renewed.push(zone.clone());
            // What servers that may have been the wrong ones said of zones below is no better than what was cached.
            self.referred.retain(|below| !below.is_within(zone));
            parent
        };
        let mut again = self.deepest(&from, around);
        if again.zone == *zone {
            again.targets.leave_out(&failed);
        }
        frame.stale = Some(Stale {
            zone: zone.clone(),
            failed,
            bogus: approach.bogus.clone(),
        });
        frame.stage = Stage::Approach(again);
        true
    }

    /// Forgets the delegation that was found stale when a zone above has proven what it says of names below: the delegation
    /// is no more.
    pub(super) fn bury(frame: &Frame, proven: &Proven, cache: &Cache) {
        if let Some(Stale { zone, .. }) = &frame.stale
            && *zone != proven.zone
            && zone.is_within(&proven.zone)
        {
            cache.forget_delegation(zone);
        }
    }

    /// Whether what was not believed was measured by remembered keys, or a remembered DS set, that it does not know, and these are
    /// sought anew now: keys are rolled in a hurry when they must be (RFC 6781 section 4.3). Then it is to be weighed again.
    pub(super) fn renews_trust(&mut self, measure: &Evidence, bogus: &Bogus, now: Now) -> bool {
        match (measure, bogus.why) {
            (Evidence::Sets(sets), Why::NoMatchingKey) => self.renews_keys(sets.keys.zone(), now),
            (Evidence::KeysByDs { zone, .. }, Why::NoKeyForDs | Why::NoMatchingKey) => {
                self.renews_ds(zone, now)
            }
            _ => false,
        }
    }

    fn renews_keys(&mut self, zone: &Name, now: Now) -> bool {
        let Some(validator) = self.validator() else {
            return false;
        };
        let remembered = !self.beliefs.is_settled(zone)
            && matches!(validator.known(zone, now), Some(ZoneTrust::Secure(_)));
        if !remembered || !validator.may_renew(zone, RecordType::DNSKEY, now) {
            return false;
        }
        self.note_renewal(zone, "its keys are asked for anew", now);
        self.beliefs.keys_anew.insert(zone.clone())
    }

    fn renews_ds(&mut self, zone: &Name, now: Now) -> bool {
        let may = |validator: &Arc<Validator>| validator.may_renew(zone, RecordType::DS, now);
        if !self.beliefs.has_remembered_ds(zone) || !self.validator().is_some_and(may) {
            return false;
        }
        self.note_renewal(zone, "its DS set is asked for anew", now);
        self.beliefs.forget_ds(zone);
        self.beliefs.ds_anew.insert(zone.clone())
    }

    fn note_renewal(&mut self, zone: &Name, trust: &'static str, now: Now) {
        let zone = zone.clone();
        self.note(now, Happening::Zone { zone, trust });
    }

    /// Takes back that the answer to `question` (DS or DNSKEY) is sought anew: it cannot be had, and what is remembered has to do.
    pub(super) fn makes_do(&mut self, question: &Question) -> bool {
        if question.rtype == RecordType::DS {
            self.beliefs.ds_anew.remove(&question.name)
        } else {
            self.beliefs.keys_anew.remove(&question.name)
        }
    }
}

/// The key under which is remembered that the parent of a failing zone was asked whether it has moved: its other names do not
/// ask the parent again for as long as a failure lasts (RFC 9520 section 3.3). No record and no question has this type.
fn moved(zone: &Name) -> Question {
    Question::new(zone.clone(), RecordType(0))
}
