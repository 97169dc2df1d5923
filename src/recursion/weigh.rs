//! Is what a reply says to be believed? By whose keys it must be proven, what is missing for that, and what came of it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::belief::{Entry, Trusting};
use super::chain::{End, Link, Reading};
use super::fault::Fault;
use super::frame::{Approach, Frame, Purpose, Stage};
use super::step::{Around, Lasting, Turn, depth};
use super::trace::Happening;
use super::{Outstanding, Recursion};
use crate::cache::{Backing, Cache};
use crate::dnssec::denial::source_of_synthesis;
use crate::dnssec::{
    Bogus, Denied, Evidence, Judgement, KeyFinding, Proven, Sets, Verdict, Why, ZoneTrust, signer,
};
use crate::guard::permit::{Budget, Exhausted};
use crate::sys::clock::Now;
use crate::wire::{Ede, Name, Question, RecordType, Rrset, Security};

/// Replies of one zone's servers that may turn out bogus before the zone is given up (Unbound's `val-max-restart` is 5).
const BOGUS_REPLIES_MOST: u32 = 4;

/// A reading on the scales.
#[derive(Debug)]
pub(super) struct Weighing {
    /// What the reply says.
    pub reading: Reading,
    /// The question it answers; shorter than the one sought when nothing can exist below.
    pub question: Question,
    /// Who said so, and what he was asked; nobody when it is the last that is left.
    pub said: Option<(Outstanding, SocketAddr)>,
}

/// By what a reading is to be believed.
enum Grounds {
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
    pub(super) fn weigh(
        &mut self,
        frame: &mut Frame,
        approach: Box<Approach>,
        mut weighing: Box<Weighing>,
        around: &Around<'_>,
        budget: &mut Budget,
    ) -> Turn {
        let now = around.now;
        if !frame.checking {
            weighing.reading.back(self.unlooked());
            frame.stage = Stage::Follow(approach, Box::new(weighing.reading));
            return Turn::Continue;
        }
        match self.grounds(&approach, &mut weighing, around) {
            Grounds::Need(question) => {
                frame.stage = Stage::Weigh(approach, weighing);
                self.seek(frame, question, budget, now)
            }
            Grounds::Prove(evidence) => {
                frame.stage = Stage::Weigh(approach, weighing);
                Turn::Verify(*evidence)
            }
            Grounds::Accept(security, ede) => {
                let Weighing {
                    mut reading,
                    question,
                    ..
                } = *weighing;
                self.note(now, Happening::Believed { question, security });
                reading.back(security);
                reading.ede = ede;
                frame.stage = Stage::Follow(approach, Box::new(reading));
                Turn::Continue
            }
            Grounds::Doubt(bogus) => {
                let said = weighing.said;
                match self.disbelieve(*approach, said, bogus, now) {
                    Ok(stage) => {
                        frame.stage = stage;
                        Turn::Continue
                    }
                    Err(ede) => Turn::Fail(ede, Lasting::Remembered),
                }
            }
            Grounds::Hopeless(bogus) => {
                self.note(now, Happening::Bogus(bogus.clone()));
                Turn::Fail(self.reason(&bogus), Lasting::Remembered)
            }
        }
    }

    /// Opens a look-up of DS or DNSKEY, unless that is already under way further down or too deep: then it cannot be had.
    pub(super) fn seek(
        &mut self,
        frame: &Frame,
        question: Question,
        budget: &mut Budget,
        now: Now,
    ) -> Turn {
        let under_way = |frame: &Frame| frame.current() == question;
        let level = depth(self.frames.len());
        if under_way(frame) || self.frames.iter().any(under_way) {
            self.despair(&question, now);
            return Turn::Continue;
        }
        if let Err(limit) = budget.check_depth(level + 1) {
            return Turn::Exhausted(limit);
        }
        self.note(
            now,
            Happening::LookUp {
                question: question.clone(),
            },
        );
        Turn::Descend(question, Purpose::Trust)
    }

    /// Takes in a verdict: what was proven goes on, what was not is somebody's fault.
    pub(super) fn take_verdict(
        &mut self,
        verdict: Verdict,
        cache: &Cache,
        budget: &mut Budget,
        now: Now,
    ) {
        if self.verifying.take().is_none() {
            return;
        }
        budget.pay_validation(verdict.spent.signatures, verdict.spent.hashes);
        if let Judgement::Bogus(bogus) = &verdict.judgement {
            let limit = match bogus.why {
                Why::TooManySignatures => Some(Exhausted::Signatures),
                Why::TooManyHashes => Some(Exhausted::Nsec3Hashes),
                Why::Abandoned => Some(Exhausted::Time),
                _ => None,
            };
            if let Some(limit) = limit
                && budget.validation_refused(limit).is_err()
            {
                self.exhausted(limit, cache, budget, now);
                return;
            }
        }
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        match std::mem::replace(&mut frame.stage, Stage::Start) {
            Stage::Weigh(approach, weighing) => {
                match self.judged(&frame, approach, *weighing, verdict.judgement, cache, now) {
                    Ok(stage) => frame.stage = stage,
                    Err(ede) => {
                        self.fail(frame, ede, Lasting::Remembered, cache, budget, now);
                        return;
                    }
                }
            }
            Stage::Introduce(approach, introduction) => {
                self.introduced(&introduction, verdict.judgement, cache, now);
                frame.stage = Stage::Approach(*approach);
            }
            other => frame.stage = other,
        }
        self.frames.push(frame);
    }

    fn judged(
        &mut self,
        frame: &Frame,
        approach: Box<Approach>,
        weighing: Weighing,
        judgement: Judgement,
        cache: &Cache,
        now: Now,
    ) -> Result<Stage, Ede> {
        let Weighing {
            mut reading,
            question,
            said,
        } = weighing;
        match judgement {
            Judgement::Bogus(bogus) => return self.disbelieve(*approach, said, bogus, now),
            Judgement::Keys(finding) => self.judged_keys(&mut reading, finding, now),
            Judgement::Sets(proven) => {
                let for_trust = frame.purpose == Purpose::Trust;
                self.judged_sets(&mut reading, proven, &question, for_trust, cache, now);
            }
        }
        let security = reading.backing.security;
        self.note(now, Happening::Believed { question, security });
        Ok(Stage::Follow(approach, Box::new(reading)))
    }

    fn judged_keys(&mut self, reading: &mut Reading, finding: KeyFinding, now: Now) {
        let End::Data(dnskey) = &mut reading.end else {
            return;
        };
        let zone = dnskey.owner.clone();
        match finding {
            KeyFinding::Keys(keys) => {
                let ds_ttl = self.beliefs.ds_ttl(&zone);
                let left = keys.expires().saturating_sub(now.wall_secs());
                let left = u32::try_from(left).unwrap_or(u32::MAX).min(ds_ttl);
                dnskey.ttl = dnskey.ttl.min(left);
                self.learn(&zone, ZoneTrust::Secure(Arc::new(keys)), left, now);
                reading.back(Security::Secure);
            }
            KeyFinding::Unsupported(ede) => {
                let ttl = dnskey.ttl;
                self.learn(&zone, ZoneTrust::Insecure(Some(ede.clone())), ttl, now);
                reading.back(Security::Insecure);
                reading.ede = Some(ede);
            }
        }
    }

    fn judged_sets(
        &mut self,
        reading: &mut Reading,
        proven: Proven,
        question: &Question,
        for_trust: bool,
        cache: &Cache,
        now: Now,
    ) {
        let of_ds = question.rtype == RecordType::DS && reading.links.is_empty();
        if of_ds {
            if let Some(cut) = proven.cut {
                self.learn_no_ds(&question.name, cut, &proven.proofs, now);
            } else if let Some(shown) = proven.positive.first()
                && !shown.expanded
            {
                let ds: &Rrset = &shown.set;
                self.learn_shown_ds(Arc::new(ds.clone()), ds.ttl, now);
            } else if matches!(reading.end, End::NxDomain(_)) {
                let lifetime = proven.proofs.iter().map(|set| set.ttl).min().unwrap_or(0);
                self.learn(&question.name, ZoneTrust::NoCut, lifetime, now);
            }
        } else if question.rtype == RecordType::DS && for_trust {
            // A name that is an alias is no zone cut, and where it leads is of no interest.
            let ttl = proven.positive.first().map_or(0, |shown| shown.set.ttl);
            self.learn(&question.name, ZoneTrust::NoCut, ttl, now);
        }
        if self
            .validator()
            .is_some_and(|validator| validator.plan().aggressive)
        {
            let sources = proven.positive.iter();
            let sources = sources.filter_map(|shown| source_of_synthesis(&shown.set));
            let sets: Vec<_> = proven.proofs.iter().cloned().chain(sources).collect();
            if !sets.is_empty() {
                cache.store_denial(&proven.zone, proven.soa.as_ref(), &sets, now);
            }
        }
        reading.believe(proven);
        if question.rtype == RecordType::DS && for_trust && !reading.links.is_empty() {
            reading.links.clear();
            reading.end = End::NoData(None);
        }
    }

    /// A reply that is not believed: its server's fault, as long as others may be asked.
    fn disbelieve(
        &mut self,
        mut approach: Approach,
        said: Option<(Outstanding, SocketAddr)>,
        bogus: Bogus,
        now: Now,
    ) -> Result<Stage, Ede> {
        self.note(now, Happening::Bogus(bogus.clone()));
        let reason = self.reason(&bogus);
        self.beliefs.cause = Some(bogus.clone());
        approach.bogus_replies += 1;
        let Some((outstanding, server)) = said else {
            return Err(reason);
        };
        let fault = Fault::Bogus(bogus.why);
        approach.bogus = Some(bogus);
        self.fault(&mut approach, &outstanding, Some(server), fault, now);
        if approach.bogus_replies >= BOGUS_REPLIES_MOST {
            return Err(reason);
        }
        Ok(Stage::Approach(approach))
    }

    /// The extended error for something that is not believed. When keys could not be had because nobody answered, that is it.
    pub(super) fn reason(&self, bogus: &Bogus) -> Ede {
        match (&self.beliefs.unreachable, bogus.why) {
            (Some(unreachable), Why::NoDs | Why::NoDnskey) => unreachable.clone(),
            _ => bogus.ede(),
        }
    }

    /// By what a reading is to be believed. Cuts it where another zone begins to speak: that is asked anew.
    fn grounds(
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
        let Some(zone) = reading.signer() else {
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
            })),
            Entry::Ds(ds, ttl) => {
                self.learn_ds(Arc::clone(&ds), ttl);
                Grounds::Prove(Box::new(Evidence::KeysByDs {
                    zone: dnskey.owner.clone(),
                    ds,
                    dnskey: dnskey.clone(),
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

    /// A reply without a signature: right if a zone cut to an unsigned zone lies between the zone that was asked and the name.
    fn unsigned(
        &self,
        zone: &Name,
        reading: &mut Reading,
        question: &Question,
        around: &Around<'_>,
    ) -> Grounds {
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
        let about = reading.about(question);
        let last = match question.rtype {
            RecordType::DS => about.parent().unwrap_or_else(Name::root),
            _ => about.clone(),
        };
        for labels in zone.label_count() + 1..=last.label_count() {
            let name = last.suffix(labels);
            match self.entry(&name, around) {
                Entry::Need(question) => return Grounds::Need(question),
                Entry::Trust(ZoneTrust::NoCut) => {}
                Entry::Trust(ZoneTrust::Insecure(ede)) => {
                    reading.cut_after_first();
                    return Grounds::Accept(Security::Insecure, ede);
                }
                Entry::Trust(ZoneTrust::Indeterminate) => {
                    reading.cut_after_first();
                    return Grounds::Accept(Security::Indeterminate, None);
                }
                Entry::Trust(ZoneTrust::Bogus(bogus)) => return Grounds::Hopeless(bogus),
                Entry::Trust(ZoneTrust::Secure(_)) | Entry::Anchor(_) | Entry::Ds(..) => break,
            }
        }
        let negative = matches!(reading.end, End::NoData(_) | End::NxDomain(_));
        let why = if question.rtype == RecordType::DS && negative && reading.links.is_empty() {
            Why::NoDs
        } else {
            Why::NoSignature
        };
        Grounds::Doubt(Bogus::of(why, &about, reading.about_type(question)))
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
        let whole = matches!(
            self.trust(&approach.zone, around),
            Trusting::Known(ZoneTrust::Insecure(_) | ZoneTrust::Indeterminate)
        );
        if whole {
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

    /// The most iterations an NSEC3 proof may have.
    pub(super) fn nsec3_iterations(&self) -> u16 {
        self.validator()
            .map_or(0, |validator| validator.plan().nsec3_iterations)
    }
}

impl Reading {
    /// Puts `security` behind all of it.
    pub(super) fn back(&mut self, security: Security) {
        for link in &mut self.links {
            link.backing.security = security;
        }
        self.backing.security = security;
    }

    /// Which zone signed the first thing it says.
    fn signer(&self) -> Option<Name> {
        match self.first() {
            Some(set) => signer(set),
            None => self.denier(),
        }
    }

    /// Which zone signed what denies.
    fn denier(&self) -> Option<Name> {
        let soa = match &self.end {
            End::NoData(soa) | End::NxDomain(soa) => soa.as_ref(),
            _ => None,
        };
        soa.into_iter().chain(&self.proofs).find_map(signer)
    }

    /// The first set, if there is any.
    fn first(&self) -> Option<&Rrset> {
        match (self.links.first(), &self.end) {
            (Some(link), _) => Some(link.stated()),
            (None, End::Data(set) | End::Overflow(set)) => Some(set),
            (None, _) => None,
        }
    }

    /// The name that the first thing it says is about.
    fn about(&self, question: &Question) -> Name {
        self.first()
            .map_or_else(|| question.name.clone(), |set| set.owner.clone())
    }

    fn about_type(&self, question: &Question) -> RecordType {
        self.first().map_or(question.rtype, |set| set.rtype)
    }

    /// All sets that say something is there.
    fn positive(&self) -> Vec<Rrset> {
        let end = match &self.end {
            End::Data(set) | End::Overflow(set) => Some(set),
            _ => None,
        };
        let links = self.links.iter().map(Link::stated);
        links.chain(end).cloned().collect()
    }

    /// What it says is not there.
    fn denied(&self, question: &Question) -> Option<Denied> {
        let (whole_name, soa) = match &self.end {
            End::NoData(soa) => (false, soa),
            End::NxDomain(soa) => (true, soa),
            _ => return None,
        };
        let last = self.links.last().map(|link| &link.next);
        Some(Denied {
            name: last.unwrap_or(&question.name).clone(),
            rtype: question.rtype,
            whole_name,
            soa: soa.clone(),
        })
    }

    /// Ends the reading where what is said no longer fits `same`; what comes after must be asked anew.
    fn cut(&mut self, same: impl Fn(&Rrset) -> bool) {
        if let Some(at) = self.links.iter().position(|link| !same(link.stated())) {
            self.links.truncate(at);
            self.end_elsewhere();
            return;
        }
        if self.links.is_empty() {
            return;
        }
        let fits = match &self.end {
            End::Data(set) | End::Overflow(set) => same(set),
            End::NoData(Some(soa)) | End::NxDomain(Some(soa)) => same(soa),
            End::NoData(None) | End::NxDomain(None) => self.proofs.first().is_some_and(&same),
            End::Elsewhere => true,
        };
        if !fits {
            self.end_elsewhere();
        }
    }

    /// Keeps the first link alone, if there is one.
    fn cut_after_first(&mut self) {
        if !self.links.is_empty() {
            self.links.truncate(1);
            self.end_elsewhere();
        }
    }

    fn end_elsewhere(&mut self) {
        self.end = End::Elsewhere;
        self.authority = None;
        self.additional.clear();
    }

    /// Puts what was proven in the place of what was received.
    fn believe(&mut self, proven: Proven) {
        let proofs: Vec<Arc<Rrset>> = proven
            .proofs
            .into_iter()
            .map(|set| Arc::new(set.into_inner()))
            .collect();
        let mut positive = proven.positive.into_iter().map(|believed| {
            let proofs = if believed.expanded {
                proofs.clone()
            } else {
                Vec::new()
            };
            let backing = Backing {
                security: believed.security,
                proofs,
            };
            (believed.set.into_inner(), backing)
        });
        for link in &mut self.links {
            let Some((set, backing)) = positive.next() else {
                return;
            };
            link.backing = backing;
            if let Some(dname) = &mut link.dname {
                link.cname.ttl = set.ttl;
                *dname = set;
            } else {
                link.cname = set;
            }
        }
        match &mut self.end {
            End::Data(end) | End::Overflow(end) => {
                if let Some((set, backing)) = positive.next() {
                    *end = set;
                    self.backing = backing;
                }
            }
            End::NoData(soa) | End::NxDomain(soa) => {
                *soa = proven.soa.map(crate::dnssec::Validated::into_inner);
                self.backing = Backing {
                    security: proven.denial,
                    proofs,
                };
            }
            End::Elsewhere => self.backing.security = Security::Secure,
        }
        self.ede = proven.ede;
        self.authority = proven
            .extra
            .into_iter()
            .next()
            .map(crate::dnssec::Validated::into_inner);
    }
}

impl Link {
    /// The set that was sent: the CNAME that a DNAME makes is none.
    fn stated(&self) -> &Rrset {
        self.dname.as_ref().unwrap_or(&self.cname)
    }
}
