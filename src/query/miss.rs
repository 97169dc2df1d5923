//! What becomes of a query that must wait? Its answer is found out, or what was good before stands in for it.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use super::counted::Counted;
use super::limit::Account;
use super::remains::Peer;
use super::{Next, Pipeline, is_error, with_chain};
use crate::answer;
use crate::cache::Demand;
use crate::config::plan::TransportKind;
use crate::egress::{Doubt, Evidence};
use crate::guard::cookies::Cookie;
use crate::guard::{PendingTicket, Proof, RecursionPermit, zones};
use crate::resolve::{Outcome, Wait};
use crate::sys::clock::{self, Now};
use crate::sys::entropy;
use crate::telemetry::{AnswerSource, Reason};
use crate::wire::{Ede, Held, QueryView, Question, Rcode, Response};

/// A query that must wait. Holds the one permit that pays for it and its client's place among those who wait.
pub struct Miss {
    pub(super) permit: RecursionPermit,
    pub(super) demand: Demand,
    /// If it may be a query of our own that comes back: what is still to be found out about that.
    pub(super) doubt: Option<(Doubt, Peer)>,
    pub(super) waiting: Waiting,
}

/// A client that waits for the answer to its [`Miss`]: all that is needed to write its reply.
pub struct Waiting {
    pub(super) ticket: PendingTicket,
    pub(super) question: Question,
    /// The operator's own CNAMEs that stand before what is found out.
    pub(super) chain: Vec<Held>,
    pub(super) forwarded: bool,
    pub(super) packet: Box<[u8]>,
    /// The cookie that goes with the reply.
    pub(super) proof: Proof,
    pub(super) transport: TransportKind,
    pub(super) may_send_errors: bool,
    /// Who is charged for the reply.
    pub(super) account: Account,
    pub(super) arrived: Now,
}

/// What of a waiting client decides how long it waits.
struct Asked {
    question: Question,
    demand: Demand,
    since: Now,
    udp: bool,
}

/// What a waiting client is told.
enum Heard {
    /// What was found out, or why it could not be.
    Resolved(Outcome),
    /// What was good before.
    Stale(Response),
    /// Nothing more: it makes room for others.
    MakesRoom(Reason),
}

impl Waiting {
    /// When the client's query came.
    #[must_use]
    pub const fn since(&self) -> Now {
        self.arrived
    }
}

impl Miss {
    /// How well the answer must be looked at.
    #[must_use]
    pub const fn demand(&self) -> Demand {
        self.demand
    }

    /// The permit that pays for finding out the question, and the client whom [`Pipeline::tell`] answers then.
    #[must_use]
    pub fn take(self) -> (RecursionPermit, Question, Waiting) {
        (self.permit, self.waiting.question.clone(), self.waiting)
    }
}

impl Pipeline {
    /// Finds out what a miss asks and writes the reply; nothing if it came too late to be sent.
    ///
    /// When servers let the client wait, or fail, data that were good before are answered instead, if there are any (RFC 8767). Over
    /// UDP the client gets SERVFAIL when its patience ends while servers are still being waited for. Either way the recursion
    /// goes on and its answer reaches the cache.
    pub async fn find_out(&self, miss: Box<Miss>) -> Option<Vec<u8>> {
        let mut miss = miss;
        let demand = miss.demand;
        let doubt = miss.doubt.take();
        let (permit, question, waiting) = miss.take();
        if let Some((doubt, peer)) = doubt {
            let shed = poll_fn(|context| waiting.ticket.poll_shed(context));
            let is_a_loop = tokio::select! {
                biased;
                is_a_loop = doubt.is_a_loop() => Ok(is_a_loop),
                reason = shed => Err(reason),
            };
            let now = clock::now();
            match is_a_loop {
                Ok(false) => {}
                Ok(true) => {
                    let counters = &Counted::new(self.telemetry.shared());
                    let response = self.end_loop(counters, peer, Evidence::Address, now);
                    return self.tell(waiting, Ok(Arc::new(response)), now);
                }
                Err(reason) => return self.tell_or_stale(waiting, Err(reason), demand, now),
            }
        }
        let mut wait = match self.resolver.begin(permit, question.clone(), demand) {
            Ok(wait) => wait,
            Err(reason) => return self.tell_or_stale(waiting, Err(reason), demand, clock::now()),
        };
        let asked = Asked {
            question,
            demand,
            since: waiting.arrived,
            udp: waiting.transport == TransportKind::Udp,
        };
        let heard = {
            let shed = poll_fn(|context| waiting.ticket.poll_shed(context));
            tokio::select! {
                biased;
                heard = self.hear(&mut wait, &asked) => heard,
                reason = shed => Heard::MakesRoom(reason),
            }
        };
        let now = clock::now();
        match heard {
            Heard::Resolved(resolved) => self.tell_or_stale(waiting, resolved, demand, now),
            Heard::Stale(stale) => self.tell_stale(waiting, &stale, now),
            Heard::MakesRoom(reason) => {
                wait.abandon();
                self.tell_or_stale(waiting, Err(reason), demand, now)
            }
        }
    }

    /// What is told to a client as things stand: the answer, or what stands in for it when its patience ends.
    async fn hear(&self, wait: &mut Wait, asked: &Asked) -> Heard {
        let Asked {
            question,
            demand,
            since,
            udp,
        } = asked;
        let (demand, since) = (*demand, *since);
        if self.cache.stale(question, demand, since).is_some() {
            let patience = left(self.plan.stale_after, since);
            match tokio::time::timeout(patience, wait.outcome()).await {
                Ok(resolved) => return Heard::Resolved(resolved),
                Err(_) => {
                    // It may have been flushed, or found out by somebody else, in the meantime.
                    if let Some(stale) = self.cache.stale(question, demand, clock::now()) {
                        return Heard::Stale(stale);
                    }
                }
            }
        }
        if !udp {
            return Heard::Resolved(wait.outcome().await);
        }
        let patience = left(self.plan.max_udp_age, since);
        let resolved = tokio::time::timeout(patience, wait.outcome()).await;
        Heard::Resolved(resolved.unwrap_or_else(|_| {
            self.telemetry.shared().verdict(Reason::TooOld);
            Ok(Arc::new(Response::failure(Ede::new(
                Ede::NO_REACHABLE_AUTHORITY,
                "still waiting for servers; ask again",
            ))))
        }))
    }

    /// [`Self::tell`], or what was good before if servers failed, or we let the client down.
    pub fn tell_or_stale(
        &self,
        waiting: Waiting,
        resolved: Outcome,
        demand: Demand,
        now: Now,
    ) -> Option<Vec<u8>> {
        let question = &waiting.question;
        let stale = match &resolved {
            Ok(response) => self.instead_of(response, question, demand, now),
            Err(reason) => {
                let stale = self.good_before(question, demand, now);
                if stale.is_some() {
                    self.telemetry.shared().verdict(*reason);
                }
                stale
            }
        };
        match stale {
            Some(stale) => self.tell_stale(waiting, &stale, now),
            None => self.tell(waiting, resolved, now),
        }
    }

    /// Writes what was good before to a client who has waited for something better.
    pub fn tell_stale(&self, waiting: Waiting, stale: &Response, now: Now) -> Option<Vec<u8>> {
        self.tell_as(waiting, stale, AnswerSource::Stale, now)
    }

    /// What was good before, instead of a failure. What is bogus is no failure of servers, and is not papered over.
    pub(super) fn instead_of(
        &self,
        response: &Response,
        question: &Question,
        demand: Demand,
        now: Now,
    ) -> Option<Response> {
        let failed =
            response.rcode == Rcode::SERVFAIL && !response.ede.as_ref().is_some_and(Ede::is_bogus);
        if !failed {
            return None;
        }
        self.good_before(question, demand, now)
    }

    /// What was good before and may stand in for what is not to be had now.
    pub(super) fn good_before(
        &self,
        question: &Question,
        demand: Demand,
        now: Now,
    ) -> Option<Response> {
        self.cache.stale(question, demand, now).or_else(|| {
            let held_back = self.is_under_attack(question, now);
            held_back.then(|| self.stale_under_attack(question, demand, now))?
        })
    }

    /// Writes the reply to a client whose question was found out, or could not be for a reason of our own; nothing if none is sent.
    pub fn tell(&self, waiting: Waiting, resolved: Outcome, now: Now) -> Option<Vec<u8>> {
        let response = match resolved {
            Ok(response) => {
                if !self.plan.minimal {
                    self.cache
                        .store_companions(&waiting.question, &response, now);
                }
                response
            }
            Err(reason) => {
                self.telemetry.shared().verdict(reason);
                self.acted_on_waiting(&waiting, reason, now);
                // Whoever has proven itself asks again, and who has not learns how; SERVFAIL would send it elsewhere with the same load. Servers that are full or attacked are so for others, too.
                let is_theirs = reason == Reason::ServerSlots || zones::denies(reason);
                if waiting.transport == TransportKind::Udp && !is_theirs {
                    return self.tell_to_prove(&waiting, now);
                }
                Arc::new(Response::failure(own_failure(reason)))
            }
        };
        let source = match (response.rcode, waiting.forwarded) {
            (Rcode::SERVFAIL, _) => AnswerSource::Failure,
            (_, true) => AnswerSource::Forward,
            (_, false) => AnswerSource::Recursion,
        };
        self.tell_as(waiting, &response, source, now)
    }

    fn tell_to_prove(&self, waiting: &Waiting, now: Now) -> Option<Vec<u8>> {
        let mut reply = Vec::with_capacity(64);
        let next = self.send_to_prove(
            &Counted::new(self.telemetry.shared()),
            (waiting.account, &waiting.proof),
            &waiting.packet,
            waiting.may_send_errors,
            (now, &mut entropy::csprng()),
            &mut reply,
        );
        matches!(next, Next::Reply).then_some(reply)
    }

    fn tell_as(
        &self,
        waiting: Waiting,
        response: &Response,
        source: AnswerSource,
        now: Now,
    ) -> Option<Vec<u8>> {
        let counters = &Counted::new(self.telemetry.shared());
        let udp = waiting.transport == TransportKind::Udp;
        drop(waiting.ticket);
        let response = with_chain(response, waiting.chain);
        if is_error(response.rcode) && !waiting.may_send_errors {
            counters.verdict(Reason::ReflectorPort);
            return None;
        }
        let query = QueryView::parse(&waiting.packet).ok()?;
        let mut reply = Vec::with_capacity(512);
        let cookie = waiting.proof.reply().map(Cookie::as_octets);
        answer::compose(&query, &response, cookie, &self.plan, udp, &mut reply);
        counters.answered(source, now.since(waiting.arrived));
        let chance = (now, &mut entropy::csprng());
        let (payer, packet) = ((waiting.account, &waiting.proof), &waiting.packet);
        match self.send_off(counters, payer, packet, response.rcode, chance, &mut reply) {
            Next::Reply => Some(reply),
            _ => None,
        }
    }
}

/// What a client hears who was let down for a reason of our own.
pub(super) fn own_failure(reason: Reason) -> Ede {
    let code = match reason {
        _ if zones::denies(reason) => return zones::ede(reason),
        Reason::ServerSlots => Ede::NO_REACHABLE_AUTHORITY,
        _ => Ede::OTHER,
    };
    Ede::new(code, reason.sentence())
}

/// What is left of `patience` for a query that arrived at `since`.
fn left(patience: Duration, since: Now) -> Duration {
    patience.saturating_sub(clock::now().since(since))
}
