//! Is what a reply says to be believed? It is weighed, proven elsewhere, and then followed, or held against its server.

use std::net::SocketAddr;
use std::sync::Arc;

use super::chain::{End, Reading};
use super::fault::Fault;
use super::frame::{Approach, Frame, Purpose, Stage};
use super::grounds::Grounds;
use super::step::{Around, Lasting, Turn, depth};
use super::trace::Happening;
use super::{Outstanding, Over, Recursion};
use crate::cache::Cache;
use crate::dnssec::algorithm::Accepted;
use crate::dnssec::denial::source_of_synthesis;
use crate::dnssec::{Bogus, Judgement, KeyFinding, Proven, Verdict, Why, ZoneTrust};
use crate::guard::permit::{Budget, Exhausted};
use crate::sys::clock::Now;
use crate::wire::{Ede, Question, RecordType, Rrset, Security};

/// Replies of one zone's servers that may turn out bogus before the zone is given up (Unbound's `val-max-restart` is 5).
const BOGUS_REPLIES_MOST: u32 = 4;

/// A reading on the scales.
#[derive(Debug)]
pub(super) struct Weighing {
    /// What the reply says.
    pub reading: Reading,
    /// The question it answers; shorter than the one sought when nothing can exist below.
    pub question: Question,
    /// Who said so; nobody when it is the last that is left.
    pub said: Option<Said>,
}

/// Who said something, what he was asked, and how his reply came.
#[derive(Debug)]
pub(super) struct Said {
    /// What was asked.
    pub outstanding: Outstanding,
    /// Who replied.
    pub server: SocketAddr,
    /// How it came.
    pub over: Over,
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
            Grounds::Need(question) if frame.current() == question => {
                // Just that was asked, and this is no answer to it.
                let bogus = lacking(&question);
                frame.stage = self.disbelieve(*approach, weighing.said, bogus, now);
                Turn::Continue
            }
            Grounds::Need(question) => {
                frame.stage = Stage::Weigh(approach, weighing);
                self.seek(frame, question, budget, now)
            }
            Grounds::Prove(evidence) => {
                frame.stage = Stage::Weigh(approach, weighing);
                Turn::Verify(evidence)
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
                frame.stage = self.disbelieve(*approach, weighing.said, bogus, now);
                Turn::Continue
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
        let Some(work) = self.verifying.take() else {
            return;
        };
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
            Stage::Weigh(approach, mut weighing) => {
                frame.stage = match verdict.judgement {
                    Judgement::Bogus(bogus) if self.renews_trust(work.evidence(), &bogus, now) => {
                        Stage::Weigh(approach, weighing)
                    }
                    Judgement::Bogus(bogus) => {
                        self.disbelieve(*approach, weighing.said, bogus, now)
                    }
                    Judgement::Keys(finding) => {
                        self.judged_keys(&mut weighing.reading, finding, now);
                        self.believe(approach, *weighing, now)
                    }
                    Judgement::Sets(proven) => {
                        if let Some(dname) = weighing.reading.borrowed_dname(&proven) {
                            let bogus = Bogus::of(Why::NoProof, &dname.owner, dname.rtype);
                            self.disbelieve(*approach, weighing.said, bogus, now)
                        } else {
                            Self::bury(&frame, &proven, cache);
                            let for_trust = frame.purpose == Purpose::Trust;
                            self.judged_sets(&mut weighing, proven, for_trust, cache, now);
                            self.believe(approach, *weighing, now)
                        }
                    }
                };
            }
            Stage::Introduce(approach, introduction) => {
                self.introduced(&introduction, verdict.judgement, cache, now);
                frame.stage = Stage::Approach(*approach);
            }
            other => frame.stage = other,
        }
        self.frames.push(frame);
    }

    fn believe(&mut self, approach: Box<Approach>, weighing: Weighing, now: Now) -> Stage {
        let Weighing {
            reading, question, ..
        } = weighing;
        let security = reading.backing.security;
        self.note(now, Happening::Believed { question, security });
        Stage::Follow(approach, Box::new(reading))
    }

    fn judged_keys(&mut self, reading: &mut Reading, finding: KeyFinding, now: Now) {
        let End::Data(dnskey) = &mut reading.end else {
            return;
        };
        let zone = dnskey.owner.clone();
        // Nobody looked at what came along.
        reading.proofs.clear();
        reading.authority = None;
        reading.additional.clear();
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
        weighing: &mut Weighing,
        proven: Proven,
        for_trust: bool,
        cache: &Cache,
        now: Now,
    ) {
        let Weighing {
            reading, question, ..
        } = weighing;
        let of_ds = question.rtype == RecordType::DS && reading.links.is_empty();
        if of_ds {
            if let Some(cut) = proven.cut {
                self.learn_no_ds(&question.name, cut, &proven.proofs, now);
            } else if let Some(shown) = proven.positive.first()
                && !shown.expanded
            {
                let ds: &Rrset = &shown.set;
                self.learn_shown_ds(Arc::new(ds.clone()), ds.ttl, now);
            }
        } else if question.rtype == RecordType::DS && for_trust {
            // A name that is an alias is no zone cut, and where it leads is of no interest.
            let sure = proven.positive.first();
            if let Some(alias) = sure.filter(|alias| alias.security == Security::Secure) {
                self.learn(&question.name, ZoneTrust::NoCut, alias.set.ttl, now);
            }
        }
        if self
            .validator()
            .is_some_and(|validator| validator.plan().aggressive)
        {
            let sources = proven.positive.iter();
            let sources = sources.filter_map(|shown| {
                // Asked for by its own name it is what it is.
                let itself = !shown.expanded && shown.set.owner.labels().next() == Some(b"*");
                source_of_synthesis(&shown.set).or_else(|| itself.then(|| shown.set.clone()))
            });
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
        said: Option<Said>,
        bogus: Bogus,
        now: Now,
    ) -> Stage {
        self.note(now, Happening::Bogus(bogus.clone()));
        self.beliefs.cause = Some(bogus.clone());
        let why = bogus.why;
        let may_be_forged = !why.is_absence() && !bogus.is_limit();
        approach.bogus_replies += 1;
        approach.bogus = Some(bogus);
        let enough = approach.bogus_replies >= BOGUS_REPLIES_MOST || said.is_none();
        if let Some(said) = said {
            let fault = Fault::Bogus(why);
            self.fault(
                &mut approach,
                &said.outstanding,
                Some(said.server),
                fault,
                now,
            );
            if may_be_forged && said.over == Over::Udp {
                approach.doubted = Some(said.server);
            }
        }
        if enough {
            approach.settled = true;
            approach.last_resort = None;
        }
        Stage::Approach(approach)
    }

    /// The extended error for something that is not believed. When keys could not be had because nobody answered, that is it.
    pub(super) fn reason(&self, bogus: &Bogus) -> Ede {
        match (&self.beliefs.unreachable, bogus.why) {
            (Some(unreachable), Why::NoDs | Why::NoDnskey) => unreachable.clone(),
            _ => bogus.ede(),
        }
    }

    /// Which algorithms and digests are believed.
    pub(super) fn accepted(&self) -> Accepted {
        self.validator()
            .map_or_else(Accepted::default, |validator| validator.accepted())
    }

    /// The most iterations an NSEC3 proof may have.
    pub(super) fn nsec3_iterations(&self) -> u16 {
        self.validator()
            .map_or(0, |validator| validator.plan().nsec3_iterations)
    }
}

/// That the DS or DNSKEY set which `question` asks for cannot be had.
pub(super) fn lacking(question: &Question) -> Bogus {
    let why = if question.rtype == RecordType::DS {
        Why::NoDs
    } else {
        Why::NoDnskey
    };
    Bogus::of(why, &question.name, question.rtype)
}
