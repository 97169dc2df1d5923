//! By what is a reading to be believed? The zone that signed it, the keys or the proof that are needed, or why it cannot be believed.

use super::Recursion;
use super::belief::{Entry, Trusting};
use super::chain::{End, Reading};
use super::frame::Approach;
use super::step::Around;
use super::weigh::Weighing;
use crate::dnssec::{Bogus, Evidence, Sets, Start, Why, ZoneTrust, signer};
use crate::wire::{Ede, Name, Question, RecordType, Rrset, Security};

/// By what a reading is to be believed.
pub(super) enum Grounds {
    /// By what it is: nothing has to be proven.
    Accept(Security, Option<Ede>),
    /// By this evidence.
    Prove(Box<Evidence>),
    /// That cannot be said before this is known.
    Need(Question),
    /// Not at all; another server may do better.
    Doubt(Bogus),
    /// Not at all, whoever says it.
    Hopeless(Bogus),
}

impl Recursion {
    /// By what a reading is to be believed. Cuts it where another zone begins to speak: that is asked anew.
    pub(super) fn grounds(
        &mut self,
        approach: &Approach,
        weighing: &mut Weighing,
        around: &Around<'_>,
    ) -> Grounds {
        let Weighing {
            reading, question, ..
        } = weighing;
        if let (End::Data(set), true) = (&reading.end, reading.links.is_empty()) {
            // Nothing signs signatures (RFC 4035 section 2.2).
            if set.rtype == RecordType::RRSIG {
                return Grounds::Accept(Security::Insecure, None);
            }
            if set.rtype == RecordType::DNSKEY
                && let Some(grounds) = self.key_grounds(set, around)
            {
                return grounds;
            }
        }
        let Some(zone) = reading
            .signer(question)
            .filter(|zone| !self.is_above_anchor(zone, &judged_in(reading, question), around))
        else {
            return self.unsigned(&approach.zone, reading, question, around);
        };
        if question.rtype == RecordType::DS && zone == question.name && !zone.is_root() {
            // The child cannot speak for its own DS (RFC 4035 section 2.4).
            return Grounds::Doubt(Bogus::of(Why::NoDs, &question.name, question.rtype));
        }
        match self.trust(&zone, around) {
            Trusting::Need(question) => Grounds::Need(question),
            Trusting::Known(ZoneTrust::Secure(keys)) => {
                reading.cut(|set| signer(set).as_ref() == Some(&zone));
                let denied = reading.denied(question);
                Grounds::Prove(Box::new(Evidence::Sets(Sets {
                    keys,
                    positive: reading.positive(),
                    extra: reading.authority.iter().cloned().collect(),
                    denied,
                    proofs: reading.proofs.clone(),
                    nsec3_iterations: self.nsec3_iterations(),
                })))
            }
            Trusting::Known(ZoneTrust::Insecure(ede)) => {
                self.accept(approach, reading, Security::Insecure, ede, around)
            }
            Trusting::Known(ZoneTrust::Indeterminate) => {
                self.accept(approach, reading, Security::Indeterminate, None, around)
            }
            Trusting::Known(ZoneTrust::NoCut) => {
                Grounds::Doubt(Bogus::of(Why::WrongSigner, &question.name, question.rtype))
            }
            Trusting::Known(ZoneTrust::Bogus(bogus)) => Grounds::Hopeless(bogus),
        }
    }

    /// By what a DNSKEY set at its apex is to be believed; nothing if its owner is no zone of its own.
    fn key_grounds(&mut self, dnskey: &Rrset, around: &Around<'_>) -> Option<Grounds> {
        let grounds = match self.entry(&dnskey.owner, around) {
            Entry::Need(question) => Grounds::Need(question),
            Entry::Anchor(anchor) => Grounds::Prove(Box::new(Evidence::KeysByAnchor {
                anchor,
                dnskey: dnskey.clone(),
                accepted: self.accepted(),
            })),
            Entry::Ds(ds, ttl) => {
                self.use_ds(&ds, ttl);
                Grounds::Prove(Box::new(Evidence::KeysByDs {
                    zone: dnskey.owner.clone(),
                    ds,
                    dnskey: dnskey.clone(),
                    accepted: self.accepted(),
                }))
            }
            Entry::Trust(ZoneTrust::Insecure(ede)) => Grounds::Accept(Security::Insecure, ede),
            Entry::Trust(ZoneTrust::Indeterminate) => {
                Grounds::Accept(Security::Indeterminate, None)
            }
            Entry::Trust(ZoneTrust::Bogus(bogus)) => Grounds::Hopeless(bogus),
            Entry::Trust(ZoneTrust::Secure(_) | ZoneTrust::NoCut) => return None,
        };
        Some(grounds)
    }

    /// The zone of the closest anchor at or above `name`, if that is strictly below `zone`: what `zone` is worth, and what it
    /// signs, then says nothing of `name`.
    fn anchor_between(&self, zone: &Name, name: &Name, around: &Around<'_>) -> Option<Name> {
        match self.validator()?.start(name, around.now) {
            Start::Anchor(anchor) if anchor.zone() != zone && anchor.zone().is_within(zone) => {
                Some(anchor.zone().clone())
            }
            _ => None,
        }
    }

    /// Whether `zone`, which signed something about `name`, is above the anchor by which `name` is to be believed (RFC 4035
    /// section 5: the anchor is where trust begins), and not believed itself.
    fn is_above_anchor(&self, zone: &Name, name: &Name, around: &Around<'_>) -> bool {
        self.anchor_between(zone, name, around).is_some() && self.trust(zone, around).is_unsigned()
    }

    /// A reply without a signature: right if a zone cut to an unsigned zone lies between the zone that was asked, or the anchor
    /// below it, and the name.
    fn unsigned(
        &mut self,
        asked: &Name,
        reading: &mut Reading,
        question: &Question,
        around: &Around<'_>,
    ) -> Grounds {
        let last = judged_in(reading, question);
        let anchored = self.anchor_between(asked, &last, around);
        let zone = anchored.as_ref().unwrap_or(asked);
        let approached = match self.trust(zone, around) {
            Trusting::Need(question) => return Grounds::Need(question),
            Trusting::Known(trust) => trust,
        };
        match approached {
            ZoneTrust::Insecure(ede) => {
                return self.accept_in(zone, reading, Security::Insecure, ede);
            }
            ZoneTrust::Indeterminate => {
                return self.accept_in(zone, reading, Security::Indeterminate, None);
            }
            ZoneTrust::Bogus(bogus) => return Grounds::Hopeless(bogus),
            ZoneTrust::Secure(_) | ZoneTrust::NoCut => {}
        }
        // The reply tells which zone speaks. That one is looked at first: the names on the way may be empty, and servers do not
        // always prove that well.
        if let Some(apex) = reading.apex(zone, &last) {
            match self.entry(&apex, around) {
                Entry::Need(needed)
                    if needed.name != apex || self.beliefs.hinted.insert(apex.clone()) =>
                {
                    return Grounds::Need(needed);
                }
                Entry::Trust(ZoneTrust::Insecure(ede)) => {
                    reading.cut_after_first();
                    return Grounds::Accept(Security::Insecure, ede);
                }
                _ => {}
            }
        }
        for labels in zone.label_count() + 1..=last.label_count() {
            let name = last.suffix(labels);
            match self.entry(&name, around) {
                Entry::Need(question) => return Grounds::Need(question),
                // A forwarder, or a server of parent and child, may speak for a zone further down.
                Entry::Trust(ZoneTrust::NoCut | ZoneTrust::Secure(_))
                | Entry::Anchor(_)
                | Entry::Ds(..) => {}
                Entry::Trust(ZoneTrust::Insecure(ede)) => {
                    reading.cut_after_first();
                    return Grounds::Accept(Security::Insecure, ede);
                }
                Entry::Trust(ZoneTrust::Indeterminate) => {
                    reading.cut_after_first();
                    return Grounds::Accept(Security::Indeterminate, None);
                }
                Entry::Trust(ZoneTrust::Bogus(bogus)) => return Grounds::Hopeless(bogus),
            }
        }
        let negative = matches!(reading.end, End::NoData(_) | End::NxDomain(_));
        let why = if question.rtype == RecordType::DS && negative && reading.links.is_empty() {
            Why::NoDs
        } else {
            Why::NoSignature
        };
        Grounds::Doubt(Bogus::of(
            why,
            &reading.about(question),
            reading.about_type(question),
        ))
    }

    /// Accepts a reading from an unsigned zone, as far as that zone speaks.
    fn accept(
        &self,
        approach: &Approach,
        reading: &mut Reading,
        security: Security,
        ede: Option<Ede>,
        around: &Around<'_>,
    ) -> Grounds {
        if self.trust(&approach.zone, around).is_unsigned() {
            return self.accept_in(&approach.zone, reading, security, ede);
        }
        reading.cut_after_first();
        Grounds::Accept(security, ede)
    }

    /// The same when the whole zone that was asked is unsigned.
    fn accept_in(
        &self,
        zone: &Name,
        reading: &mut Reading,
        security: Security,
        ede: Option<Ede>,
    ) -> Grounds {
        let anchor_below = self
            .validator()
            .is_some_and(|validator| validator.has_anchor_below(zone));
        if anchor_below {
            reading.cut_after_first();
        }
        Grounds::Accept(security, ede)
    }
}

/// The name whose zone must have signed a reading: DS belongs to the parent (RFC 4035 section 2.4).
fn judged_in(reading: &Reading, question: &Question) -> Name {
    let about = reading.about(question);
    match question.rtype {
        RecordType::DS => about.parent().unwrap_or_else(Name::root),
        _ => about,
    }
}
