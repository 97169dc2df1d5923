//! What comes next? One frame is taken from the stack, moved on by one turn, and put back.

use std::net::SocketAddr;
use std::sync::Arc;

use super::fault::{Crowd, silence_failure, zone_failure};
use super::frame::{Approach, Frame, Path, Purpose, Stage};
use super::local_root::NOBODY;
use super::targets::lookups_allowed;
use super::trace::{Happening, TraceEvent};
use super::weigh::Weighing;
use super::{Ask, Heard, Outstanding, Over, Recursion, Routes, SILENCE, Step, Via, minimise};
use crate::cache::{Cache, Negative, Rank};
use crate::config::plan::Minimisation;
use crate::dnssec::{Allowance, Clock, Evidence, Verification};
use crate::guard::permit::{Budget, Exhausted};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Ede, Message, Name, Question, Rcode, RecordType, Response};

/// What came of a turn.
pub(super) enum Turn {
    /// The frame goes on.
    Continue,
    /// Something is to be asked.
    Ask(Box<Outstanding>),
    /// Something would be asked, and the reply is known.
    Know(Box<Outstanding>, Box<Message>),
    /// Something else is to be looked up first.
    Descend(Question, Purpose),
    /// Something is to be verified.
    Verify(Box<Evidence>),
    /// The frame has its answer.
    Answer(Response),
    /// The frame has come to nothing.
    Fail(Ede, Lasting),
    /// The whole recursion has come to nothing.
    Exhausted(Exhausted),
    /// So it has, because the zone guard lets no more be asked.
    Denied(Reason),
}

/// For how long and for whom a frame's failure holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    /// For everybody: it is remembered.
    Remembered,
    /// For everybody, and it is remembered already.
    Known,
    /// For this recursion: a look-up was held back because of the frames below.
    HereOnly,
    /// For nobody: somebody was not asked because too much is under way.
    Crowded(Crowd),
}

/// What every turn needs.
pub(super) struct Around<'a> {
    pub cache: &'a Cache,
    pub routes: &'a dyn Routes,
    pub now: Now,
}

impl Recursion {
    pub(super) fn advance(
        &mut self,
        cache: &Cache,
        routes: &dyn Routes,
        budget: &mut Budget,
        now: Now,
    ) -> Step {
        let around = Around { cache, routes, now };
        loop {
            if let Some(done) = &self.done {
                return Step::Done(done.clone());
            }
            if let Some(outstanding) = &self.outstanding {
                return Step::Ask(outstanding.ask.clone());
            }
            if let Some(work) = &self.verifying {
                return Step::Verify(Arc::clone(work));
            }
            let Some(mut frame) = self.frames.pop() else {
                self.done = Some(Response::failure(Ede::new(Ede::OTHER, "nothing was asked")));
                continue;
            };
            let turn = match std::mem::replace(&mut frame.stage, Stage::Start) {
                Stage::Start => self.begin(&mut frame, &around, budget),
                Stage::Approach(approach) => self.approach(&mut frame, approach, &around, budget),
                Stage::Weigh(approach, weighing) => {
                    self.weigh(&mut frame, approach, weighing, &around, budget)
                }
                Stage::Introduce(approach, introduction) => {
                    self.introduce(&mut frame, approach, introduction, &around, budget)
                }
                Stage::Follow(approach, reading) => {
                    self.follow(&mut frame, &approach, *reading, &around, budget)
                }
            };
            match turn {
                Turn::Continue => self.frames.push(frame),
                Turn::Ask(outstanding) => {
                    self.frames.push(frame);
                    self.outstanding = Some(*outstanding);
                }
                Turn::Know(outstanding, message) => {
                    self.frames.push(frame);
                    self.outstanding = Some(*outstanding);
                    let known = Heard::Reply {
                        server: NOBODY,
                        over: Over::Tcp,
                        message: Arc::from(message),
                        bytes: 0,
                    };
                    self.hear(known, cache, budget, now);
                }
                Turn::Descend(question, purpose) => {
                    self.frames.push(frame);
                    self.frames.push(Frame::for_frame(question, purpose));
                }
                Turn::Verify(evidence) => {
                    self.frames.push(frame);
                    self.hand_out(*evidence, budget, now);
                }
                Turn::Answer(response) => self.end(frame, response, cache, budget, now),
                Turn::Fail(ede, lasting) => self.fail(frame, ede, lasting, cache, budget, now),
                Turn::Exhausted(limit) => {
                    self.frames.push(frame);
                    self.exhausted(limit, cache, budget, now);
                }
                Turn::Denied(reason) => {
                    self.frames.push(frame);
                    self.denied(reason, now);
                }
            }
        }
    }

    /// A zone before us: choose what to ask and whom, or what to do first.
    fn approach(
        &mut self,
        frame: &mut Frame,
        mut approach: Approach,
        around: &Around<'_>,
        budget: &mut Budget,
    ) -> Turn {
        if budget.time_left(around.now).is_zero() {
            frame.stage = Stage::Approach(approach);
            return Turn::Exhausted(Exhausted::Time);
        }
        if self.asks_again(&approach)
            && let Some(reason) = budget.stops(&self.question.name, around.now)
        {
            frame.stage = Stage::Approach(approach);
            return Turn::Denied(reason);
        }
        loop {
            let question = match self.shorten(frame, &mut approach, around) {
                Ok(question) => question,
                Err(turn) => return *turn,
            };
            let minimised = question.name != frame.target;
            if let Some(message) = self.local_reply(&approach, &question) {
                return self.know(frame, approach, question, message, around);
            }
            if let Path::Forward(index) = approach.path {
                if approach.forward_failed {
                    return self.give_up(frame, approach, around);
                }
                return self.ask(
                    frame,
                    approach,
                    question,
                    Vec::new(),
                    Via::Forward(index),
                    around,
                );
            }
            if let Some(server) = approach.insist_tcp {
                let via = via(&approach, &[server]);
                return self.ask(frame, approach, question, vec![server], via, around);
            }
            if approach.settled && approach.insist() {
                continue;
            }
            if self.silence >= SILENCE || approach.settled || self.is_dead(&mut approach) {
                return self.give_up(frame, approach, around);
            }
            let mut candidates = approach.targets.candidates(!minimised);
            if candidates.is_empty() {
                if minimised && approach.targets.wants_full_name() {
                    approach.full_only = true;
                    continue;
                }
                if approach.insist() {
                    continue;
                }
                if let Some(question) = self.next_lookup(frame, &mut approach, budget) {
                    self.note(
                        around.now,
                        Happening::LookUp {
                            question: question.clone(),
                        },
                    );
                    frame.stage = Stage::Approach(approach);
                    return Turn::Descend(question, Purpose::Server);
                }
                // Who was silent is not waited for again when there is something to say.
                if approach.last_resort.is_none() {
                    candidates = approach.targets.second_chance();
                }
                if candidates.is_empty() {
                    return self.give_up(frame, approach, around);
                }
                if minimised {
                    approach.full_only = true;
                    continue;
                }
            }
            let via = via(&approach, &candidates);
            return self.ask(frame, approach, question, candidates, via, around);
        }
    }

    /// What the root would reply, if it is the root that is to be asked and a copy of its zone says so.
    fn local_reply(&self, approach: &Approach, question: &Question) -> Option<Message> {
        let is_the_root = approach.path == Path::Iterate && approach.zone.is_root();
        self.local_root
            .as_ref()
            .filter(|_| is_the_root)?
            .reply(question)
    }

    /// Takes a reply that nobody had to be asked for.
    fn know(
        &mut self,
        frame: &mut Frame,
        approach: Approach,
        question: Question,
        message: Message,
        around: &Around<'_>,
    ) -> Turn {
        self.from_local_root += 1;
        self.note(
            around.now,
            Happening::LocalRoot {
                question: question.clone(),
                rcode: message.rcode(),
            },
        );
        let outstanding = Outstanding {
            minimised: question.name != frame.target,
            ask: Ask {
                question,
                servers: vec![NOBODY],
                zone: approach.zone.clone(),
                via: Via::Authoritative,
                over: Over::Tcp,
            },
            candidates: vec![SocketAddr::new(NOBODY, 0)],
            since: around.now,
        };
        frame.stage = Stage::Approach(approach);
        Turn::Know(Box::new(outstanding), Box::new(message))
    }

    /// The question to put: the full one, or a shorter one that the cache cannot answer (RFC 9156).
    fn shorten(
        &mut self,
        frame: &Frame,
        approach: &mut Approach,
        around: &Around<'_>,
    ) -> Result<Question, Box<Turn>> {
        let mode = self.plan.qname_minimisation;
        loop {
            let forwarded = matches!(approach.path, Path::Forward(_));
            let labels = minimise::labels_to_ask(
                mode,
                &frame.target,
                approach.known,
                frame.shortened,
                self.plan.limits.minimisation_steps,
            );
            let name = frame.target.suffix(labels);
            if forwarded || approach.full_only || name == frame.target {
                return Ok(frame.current());
            }
            let question = Question::new(name, RecordType::A);
            match around.cache.negative(&question, around.now) {
                Some((Negative::NxDomain, _)) if mode == Minimisation::Strict => {
                    let denied = around
                        .cache
                        .lookup_as(&question, frame.demand(), around.now);
                    return match denied {
                        Some(response) => Err(Box::new(Turn::Answer(with_chain(frame, response)))),
                        None => Ok(question),
                    };
                }
                Some((Negative::NxDomain, _)) => approach.full_only = true,
                Some((Negative::NoData, _)) => approach.known = labels,
                None if exists(around, &question.name) => approach.known = labels,
                None => return Ok(question),
            }
        }
    }

    /// The next server whose address must be looked up, unless that is already under way further down or too deep.
    fn next_lookup(
        &mut self,
        frame: &Frame,
        approach: &mut Approach,
        budget: &mut Budget,
    ) -> Option<Question> {
        let depth = depth(self.frames.len());
        let for_servers = |frame: &&Frame| frame.purpose == Purpose::Server;
        let nested = self.frames.iter().chain([frame]).filter(for_servers);
        let allowed = lookups_allowed(self::depth(nested.count()));
        loop {
            let (name, rtype) = approach.targets.next_lookup(
                allowed,
                self.seed ^ u64::from(depth),
                &self.failed_names,
            )?;
            let under_way = |frame: &Frame| frame.target == name || frame.question.name == name;
            if under_way(frame) || self.frames.iter().any(under_way) {
                approach.held_back = true;
                approach.targets.close(&name);
                continue;
            }
            if let Err(limit) = budget.check_depth(depth + 1) {
                approach.held_back = true;
                approach.targets.close(&name);
                self.limit = Some(limit);
                continue;
            }
            return Some(Question::new(name, rtype));
        }
    }

    fn ask(
        &mut self,
        frame: &mut Frame,
        approach: Approach,
        question: Question,
        candidates: Vec<SocketAddr>,
        via: Via,
        around: &Around<'_>,
    ) -> Turn {
        self.asks += 1;
        if self.asks > self.plan.limits.packets.saturating_mul(2) {
            frame.stage = Stage::Approach(approach);
            return Turn::Exhausted(Exhausted::Packets);
        }
        let minimised = question.name != frame.target;
        self.note(
            around.now,
            Happening::Ask {
                question: question.clone(),
                zone: approach.zone.clone(),
                candidates: candidates.len(),
                minimised,
            },
        );
        let over = if approach.insist_tcp.is_some() {
            Over::Tcp
        } else {
            Over::Udp
        };
        let ask = Ask {
            question,
            servers: candidates.iter().map(SocketAddr::ip).collect(),
            zone: approach.zone.clone(),
            via,
            over,
        };
        frame.stage = Stage::Approach(approach);
        Turn::Ask(Box::new(Outstanding {
            ask,
            candidates,
            minimised,
            since: around.now,
        }))
    }

    /// Nobody is left to ask. What a doubtful server said is better than nothing. A delegation from the cache may have been
    /// overtaken by events, or forged: then its parent is asked once more.
    fn give_up(&mut self, frame: &mut Frame, mut approach: Approach, around: &Around<'_>) -> Turn {
        if let Some(reading) = approach.last_resort.take() {
            let weighing = Weighing {
                reading: *reading,
                question: frame.current(),
                said: None,
            };
            frame.stage = Stage::Weigh(Box::new(approach), Box::new(weighing));
            return Turn::Continue;
        }
        if self.ask_above(frame, &approach, around) {
            return Turn::Continue;
        }
        let zone = &approach.zone;
        let before = frame.stale.as_ref().and_then(|stale| stale.bogus.as_ref());
        let bogus = approach.bogus.as_ref().or(before);
        let ede = if let Some(bogus) = bogus {
            self.reason(bogus)
        } else if self.silence >= SILENCE {
            silence_failure(&self.history)
        } else {
            zone_failure(zone, &self.history, self.limit)
        };
        let crowd = self.crowd_at(&approach);
        if !approach.held_back && bogus.is_none() {
            self.dead_zones.push((approach.zone, crowd));
        }
        let lasting = match crowd {
            Some(crowd) => Lasting::Crowded(crowd),
            _ if frame.purpose == Purpose::Server && approach.held_back => Lasting::HereOnly,
            _ => Lasting::Remembered,
        };
        Turn::Fail(ede, lasting)
    }

    /// Whether all servers of the zone failed before in this recursion; why some of them were not asked then is its reason now, too.
    fn is_dead(&self, approach: &mut Approach) -> bool {
        let dead = self.dead_zones.iter().find(|(at, _)| *at == approach.zone);
        if let Some((_, Some(crowd))) = dead {
            approach.crowded.get_or_insert(*crowd);
        }
        dead.is_some()
    }

    /// Why one of a zone's servers was not asked, or its address not found out, although nothing is known against it.
    pub(super) fn crowd_at(&self, approach: &Approach) -> Option<Crowd> {
        let missing = |(name, _): &&(Name, Crowd)| approach.targets.has_name(name);
        approach.crowded.or_else(|| {
            let passed_over = self.passed_over.iter().find(missing);
            passed_over.map(|(_, crowd)| *crowd)
        })
    }

    /// Hands work out, with what the budget has left for it.
    fn hand_out(&mut self, evidence: Evidence, budget: &Budget, now: Now) {
        let (signatures, hashes) = budget.validation_left();
        let skew = self.validator().map_or(0, |at| at.plan().skew);
        let clock = Clock {
            at: now.wall_secs(),
            skew,
        };
        let work = Verification::new(evidence, clock, Allowance::new(signatures, hashes));
        self.verifying = Some(Arc::new(work));
    }

    pub(super) fn note(&mut self, at: Now, what: Happening) {
        let depth = depth(self.frames.len());
        if let Some(trace) = &mut self.trace {
            trace.push(TraceEvent { at, depth, what });
        }
    }
}

pub(super) fn depth(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

fn via(approach: &Approach, candidates: &[SocketAddr]) -> Via {
    match candidates.first() {
        Some(first) if first.port() != 0 => Via::Stub(candidates.to_vec()),
        _ => match approach.path {
            Path::Forward(index) => Via::Forward(index),
            _ => Via::Authoritative,
        },
    }
}

/// Whether the cache shows that a name exists, so that a shorter question about it can be saved.
fn exists(around: &Around<'_>, name: &Name) -> bool {
    [RecordType::A, RecordType::CNAME].into_iter().any(|rtype| {
        around
            .cache
            .rrset(name, rtype, Rank::NonAuthAnswer, around.now)
            .is_some()
    })
}

/// The response with the frame's chain before it. A failure keeps no chain: nothing in it is an answer.
pub(super) fn with_chain(frame: &Frame, mut response: Response) -> Response {
    if response.rcode == Rcode::SERVFAIL {
        response.answer.clear();
    } else {
        response.authority.extend(frame.proofs.iter().cloned());
        response.answer.splice(0..0, frame.chain.iter().cloned());
    }
    response
}
