//! The pipeline on one screen: guard, ready-made answers, policy, cache, and what becomes of a miss.

use std::borrow::Cow;
use std::sync::Arc;

use rand::Rng;

use crate::answer::{self, Composed};
use crate::cache::answers::{AnswerTable, Found, ReadyMade};
use crate::cache::{Cache, Demand};
use crate::config::plan::{self, TransportKind};
use crate::guard::cookies::Cookie;
use crate::guard::zones::ZoneGuard;
use crate::guard::{
    Admission, Arrival, FairShares, Guard, Limited, PendingClients, Proof, Verdict,
};
use crate::policy::{Decision, Policy};
use crate::resolve::Resolver;
use crate::sys::clock::Now;
use crate::sys::entropy;
use crate::telemetry::shadow::Limit;
use crate::telemetry::{AnswerSource, Reason, Telemetry};
use crate::wire::{Class, Held, Name, QueryView, Question, Rcode, RecordType, Response};

mod canary;
mod counted;
mod limit;
mod miss;
mod noted;
mod proof;
mod refresh;
mod remains;
mod room;
mod shadow;
mod worker;

use counted::Counted;
use limit::Account;
pub use miss::{Miss, Waiting};
pub use refresh::Refresh;
use remains::{Asker, Remains};
pub use worker::WorkerState;

/// The rooms of one configuration, wired together. Replaced as a whole on reload.
pub struct Pipeline {
    /// Who may ask.
    pub guard: Guard,
    /// What the operator answers, and where he sends the rest.
    pub policy: Arc<Policy>,
    /// What is known.
    pub cache: Arc<Cache>,
    /// Who finds out the rest.
    pub resolver: Arc<Resolver>,
    /// What becomes of floods of made-up names.
    pub zones: Arc<ZoneGuard>,
    /// How many queries of each client wait.
    pub pending: PendingClients,
    /// What clients and servers may have of what is under way.
    pub fair: FairShares,
    /// How replies are written.
    pub plan: plan::Answer,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// Differs between configurations, so that answers made under another are not used.
    pub epoch: u64,
}

/// What becomes of a query after the part that never waits.
pub enum Next {
    /// Nothing is sent.
    Silence,
    /// The reply buffer holds the reply.
    Reply,
    /// The reply buffer holds the reply, and what it says is about to end: hand this to [`Pipeline::refresh`].
    ReplyAndRefresh(Box<Refresh>),
    /// Its client, whose address is proven, asks too much: ask again in a moment.
    Defer,
    /// The answer must be found out: hand this to [`Pipeline::find_out`].
    Miss(Box<Miss>),
}

/// What is known without asking anybody.
enum Known {
    /// A response, and where it came from.
    Response(Response, AnswerSource),
    /// The question that remains.
    Remains(Remains),
}

impl Pipeline {
    /// Takes one datagram as far as it goes without waiting. On [`Next::Reply`] `reply` holds the whole message.
    pub fn arrive(
        &self,
        worker: &mut WorkerState,
        arrival: &Arrival<'_>,
        now: Now,
        reply: &mut Vec<u8>,
    ) -> Next {
        let WorkerState {
            table,
            counters,
            dice,
            sampler,
        } = worker;
        let weight = sampler.weight(now.mono.as_secs(), || dice.next_u32());
        let counters = Counted::new(counters);
        let next = self.admit(Some(table), (&counters, weight), arrival, now, dice, reply);
        self.tap(&counters, arrival, (&next, reply), (now, dice));
        next
    }

    /// The same for a query that came by a stream, where no worker's table is at hand.
    pub fn arrive_by_stream(&self, arrival: &Arrival<'_>, now: Now, reply: &mut Vec<u8>) -> Next {
        let mut dice = entropy::csprng();
        let counters = Counted::new(self.telemetry.shared());
        // A connection costs so much more than the note of a query that each has its own.
        let weight = Some(1.0);
        let next = self.admit(None, (&counters, weight), arrival, now, &mut dice, reply);
        self.tap(&counters, arrival, (&next, reply), (now, &mut dice));
        next
    }

    fn admit(
        &self,
        table: Option<&mut AnswerTable>,
        (counters, weight): (&Counted<'_>, Option<f32>),
        arrival: &Arrival<'_>,
        now: Now,
        dice: &mut impl Rng,
        reply: &mut Vec<u8>,
    ) -> Next {
        let verdict = self.guard.judge(arrival, now);
        counters.judged(&verdict);
        if let Some(weight) = weight {
            self.note(counters, arrival, &verdict, weight, now);
        }
        let admission = match verdict {
            Verdict::Drop(_) | Verdict::Limit(_) => return Next::Silence,
            // Outsiders have the budget of refusals, clients their limit.
            Verdict::Refuse(Reason::AclRefuse | Reason::AclNoMatch, rcode) => {
                return refuse(counters, arrival, rcode, reply);
            }
            Verdict::Refuse(_, rcode) => {
                let Some(account) = self.may_have_error(counters, arrival, now, dice) else {
                    return Next::Silence;
                };
                let next = refuse(counters, arrival, rcode, reply);
                return self.send_error(counters, account, next, (now, dice), reply);
            }
            Verdict::Admit(admission) => admission,
        };
        let query = match QueryView::parse(arrival.bytes)
            .map_err(|_| (Reason::BadFormat, Rcode::FORMERR))
            .and_then(servable)
        {
            Ok(query) => query,
            Err((reason, rcode)) => {
                let Some(account) = self.may_have_error(counters, arrival, now, dice) else {
                    return Next::Silence;
                };
                let next = self.reject(counters, arrival, reason, rcode, reply);
                return self.send_error(counters, account, next, (now, dice), reply);
            }
        };
        let mut admission = admission;
        let option = query.edns.and_then(|edns| edns.cookie);
        let proof = self.guard.weigh_cookie(&mut admission, option, now);
        if matches!(proof, Proof::Valid(_)) {
            counters.proven_by_cookie(1);
        }
        let mut account = Account::new(admission.limits(), &proof, &query);
        match self.guard.limit(admission, account.asked, now, dice) {
            Verdict::Admit(admission) => {
                if admission.is_over_limit() {
                    counters.verdict(Reason::WouldLimit);
                    account.over_limit = true;
                    let verified = admission.is_verified();
                    self.acted(counters, Limit::Client, &query, verified, (now, dice));
                }
                let (payer, chance) = ((account, proof), (now, dice));
                self.serve(
                    table, counters, arrival, &query, admission, payer, chance, reply,
                )
            }
            Verdict::Limit(limited) => {
                // What waits tries again; it is counted when it first does.
                if limited != Limited::Defer {
                    let verified = account.client.verified;
                    self.acted(counters, Limit::Client, &query, verified, (now, dice));
                }
                let packet = arrival.bytes;
                self.hold_back(counters, packet, &proof, limited, Rcode::NOERROR, reply)
            }
            Verdict::Refuse(..) | Verdict::Drop(_) => Next::Silence,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one query with everything that belongs to it"
    )]
    fn serve(
        &self,
        mut table: Option<&mut AnswerTable>,
        counters: &Counted<'_>,
        arrival: &Arrival<'_>,
        query: &QueryView<'_>,
        admission: Admission,
        (account, proof): (Account, Proof),
        (now, dice): (Now, &mut impl Rng),
        reply: &mut Vec<u8>,
    ) -> Next {
        let cookie = proof.reply().map(Cookie::as_octets);
        let (payer, packet) = ((account, &proof), arrival.bytes);
        if query.is_cookie_only() {
            let rcode = self.give_cookie(counters, query, &proof, reply);
            return self.send_proof(counters, payer, packet, rcode, (now, dice), reply);
        }
        let any_unproven = query.qtype == RecordType::ANY && self.plan.any_needs_proof;
        let mut lacks = admission.lacks_proof();
        if lacks.is_some() {
            self.acted(counters, Limit::Proof, query, false, (now, dice));
            lacks = lacks.filter(|_| self.guard.enforces_proof());
        }
        let lacks = lacks
            .or_else(|| (any_unproven && !admission.is_verified()).then_some(Reason::AnyUnproven));
        if let Some(reason) = lacks {
            let told = self.ask_for_proof(counters, reason, query, &admission, cookie, reply);
            return told.map_or(Next::Silence, |rcode| {
                self.send_proof(counters, payer, packet, rcode, (now, dice), reply)
            });
        }
        let udp = arrival.transport == TransportKind::Udp;
        let generation = self.generation();
        if let Some(table) = table.as_deref_mut() {
            // What is kept ends before OPT, which this query may want behind it.
            let opt = query.edns.map_or(0, |_| answer::opt_len(cookie));
            let room = answer::room(query, &self.plan, udp) - opt;
            if table.lookup(query, room, generation, now, reply) == Found::Hit {
                // The code in the header is all there is: errors with high bits are never kept.
                answer::append_opt(query, Rcode::NOERROR, cookie, &self.plan, 0, reply);
                // The batch's clock: what waited in our queue is dropped by age before it gets here.
                counters.answered(AnswerSource::Ready, std::time::Duration::ZERO);
                let rcode = rcode_of(reply);
                return self.send_off(counters, payer, packet, rcode, (now, dice), reply);
            }
        }
        // Whoever says CD checks for himself (RFC 4035 section 3.2.2).
        let demand = if query.flags.cd() {
            Demand::Any
        } else {
            Demand::Checked
        };
        match self.known(query.question(), demand, now) {
            Known::Response(response, source) => {
                if is_error(response.rcode) && !admission.may_send_errors() {
                    counters.verdict(Reason::ReflectorPort);
                    return Next::Silence;
                }
                let composed = answer::compose(query, &response, cookie, &self.plan, udp, reply);
                // What is about to end is looked up anew: a copy of the old must not stand before the new.
                if let Some(table) = table
                    && !self.is_about_to_end(&response, source)
                {
                    let composed = self.until_renewal(composed, &response);
                    keep_ready(table, query, &composed, reply, generation, now);
                }
                counters.answered(source, std::time::Duration::ZERO);
                let next = self.send_off(
                    counters,
                    (account, &proof),
                    arrival.bytes,
                    response.rcode,
                    (now, dice),
                    reply,
                );
                if !matches!(next, Next::Reply) {
                    return next;
                }
                if source == AnswerSource::Cache && response.rcode == Rcode::NOERROR {
                    let name = &query.question().name;
                    self.zones
                        .answered_from_cache(name, admission.client(), now);
                }
                match self.renewal(&response, source, query, admission, now) {
                    Some(refresh) => Next::ReplyAndRefresh(Box::new(refresh)),
                    None => Next::Reply,
                }
            }
            Known::Remains(remains) => {
                let asker = Asker {
                    counters,
                    arrival,
                    query,
                    proof,
                    account,
                    may_send_errors: admission.may_send_errors(),
                    demand,
                };
                self.find_out_or_not(asker, admission, remains, (now, dice), reply)
            }
        }
    }

    /// The apex of the forward or stub zone that takes a name.
    fn apex(&self, route: &Decision) -> Option<Name> {
        match route {
            Decision::Forward(index) => self.policy.forward(*index).map(|at| at.zone.clone()),
            Decision::Stub(index) => self.policy.stub(*index).map(|at| at.zone.clone()),
            _ => None,
        }
    }

    /// What policy or the cache say of a question.
    fn known(&self, question: Question, demand: Demand, now: Now) -> Known {
        let (question, chain, route) = match self.policy.decide(&question) {
            Decision::Answer(response) => return Known::Response(response, AnswerSource::Policy),
            Decision::Chase { chain, target } => {
                let question = Question::new(target, question.rtype);
                let route = self.policy.decide(&question);
                (question, chain, route)
            }
            route => (question, Vec::new(), route),
        };
        let iterated = matches!(route, Decision::Resolve);
        match self.remembered(&question, iterated, demand, now) {
            Some((mut response, source)) => {
                response.answer.splice(0..0, chain);
                Known::Response(response, source)
            }
            None => Known::Remains(Remains {
                apex: self.apex(&route),
                forwarded: matches!(route, Decision::Forward(_)),
                question,
                chain,
            }),
        }
    }

    /// What is cached, or, for a name that would be found out by iteration, follows from what is cached and validated (RFC 8198).
    fn remembered(
        &self,
        question: &Question,
        iterated: bool,
        demand: Demand,
        now: Now,
    ) -> Option<(Response, AnswerSource)> {
        if let Some(mut response) = self.cache.lookup_as(question, demand, now) {
            if let Some(stale) = self.instead_of(&response, question, demand, now) {
                return Some((stale, AnswerSource::Stale));
            }
            if !self.plan.minimal {
                self.cache.add_companions(question, &mut response, now);
            }
            return Some((response, AnswerSource::Cache));
        }
        if !iterated || demand == Demand::Any {
            return None;
        }
        let response = self.resolver.proven(question, now)?;
        Some((response, AnswerSource::Proven))
    }

    fn reject(
        &self,
        counters: &Counted<'_>,
        arrival: &Arrival<'_>,
        reason: Reason,
        rcode: Rcode,
        reply: &mut Vec<u8>,
    ) -> Next {
        let verdict = self.guard.error_for(arrival, reason, rcode);
        counters.judged(&verdict);
        match verdict {
            Verdict::Refuse(_, rcode) => refuse(counters, arrival, rcode, reply),
            Verdict::Admit(_) | Verdict::Drop(_) | Verdict::Limit(_) => Next::Silence,
        }
    }

    /// Changes with every flush and every reload.
    fn generation(&self) -> u64 {
        self.cache.generation().wrapping_add(self.epoch << 32)
    }
}

/// Row 8, the part that stands in the body: class IN only, no transfers or other meta types but ANY, EDNS version 0.
fn servable(query: QueryView<'_>) -> Result<QueryView<'_>, (Reason, Rcode)> {
    // RFC 6891 section 6.1.3: the version comes first, whatever is asked.
    if query.edns.is_some_and(|edns| edns.version != 0) {
        return Err((Reason::BadVersion, Rcode::BADVERS));
    }
    if query.is_cookie_only() {
        return Ok(query);
    }
    if query.qclass != Class::IN {
        return Err((Reason::ClassNotServed, Rcode::REFUSED));
    }
    match query.qtype {
        RecordType::ANY => Ok(query),
        // RFC 9824 section 3.2: NXNAME is never to be asked for.
        RecordType::NXNAME => Err((Reason::MetaType, Rcode::FORMERR)),
        RecordType::AXFR | RecordType::IXFR => Err((Reason::MetaType, Rcode::REFUSED)),
        meta if meta.is_meta() => Err((Reason::MetaType, Rcode::NOTIMP)),
        _ => Ok(query),
    }
}

fn refuse(
    counters: &Counted<'_>,
    arrival: &Arrival<'_>,
    rcode: Rcode,
    reply: &mut Vec<u8>,
) -> Next {
    if !answer::refusal(arrival.bytes, rcode, reply) {
        return Next::Silence;
    }
    count_reply(counters, rcode, reply);
    Next::Reply
}

/// Offers an answer that came from what is known to the worker's table, which keeps it for its lifetime, if it has one.
fn keep_ready(
    table: &mut AnswerTable,
    query: &QueryView<'_>,
    composed: &Composed,
    reply: &[u8],
    generation: u64,
    now: Now,
) {
    let Some(body) = reply.get(..composed.body_len) else {
        return;
    };
    let ready = ReadyMade {
        body,
        counts_opt: composed.has_opt,
        ttl_offsets: &composed.ttl_offsets,
        lifetime: composed.lifetime,
        generation,
    };
    table.insert(query, &ready, now);
}

/// Whether a reply with this code says nothing about the name, so that a reflector's port must not get it (row 10).
fn is_error(rcode: Rcode) -> bool {
    !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN)
}

fn with_chain(response: &Response, chain: Vec<Held>) -> Cow<'_, Response> {
    if chain.is_empty() {
        return Cow::Borrowed(response);
    }
    let mut response = response.clone();
    response.answer.splice(0..0, chain);
    Cow::Owned(response)
}

/// The response code of a message, without the bits that stand in OPT.
fn rcode_of(reply: &[u8]) -> Rcode {
    Rcode(u16::from(reply.get(3).copied().unwrap_or(0) & 0xF))
}

/// TC of a message.
fn is_truncated(reply: &[u8]) -> bool {
    reply.get(2).is_some_and(|flags| flags & 2 != 0)
}

fn count_reply(counters: &Counted<'_>, rcode: Rcode, reply: &[u8]) {
    counters.replied(rcode.0, reply.len());
    if is_truncated(reply) {
        counters.truncated(1);
    }
}

#[cfg(test)]
mod tests;
