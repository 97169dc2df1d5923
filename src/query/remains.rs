//! What becomes of a question that the cache cannot answer? The zone guard has it found out, answered stale, or denied.

use std::net::IpAddr;

use rand::Rng;

use super::counted::Counted;
use super::limit::Account;
use super::miss::own_failure;
use super::{Miss, Next, Pipeline, Refresh, Waiting, is_error, with_chain};
use crate::answer;
use crate::cache::{Delegation, Demand};
use crate::config::plan::TransportKind;
use crate::egress::{Evidence, Return};
use crate::guard::cookies::{Cookie, Proof};
use crate::guard::zones::{Cut, Denial, Permission, Query, Server, Slot};
use crate::guard::{Admission, Arrival};
use crate::sys::clock::Now;
use crate::telemetry::shadow::{KnownGood, Limit};
use crate::telemetry::{AnswerSource, Reason};
use crate::wire::{Ede, Held, Name, QueryView, Question, Rcode, Response};

/// What remains of a question when policy and cache have had their say.
pub(super) struct Remains {
    pub(super) question: Question,
    /// The operator's own CNAMEs that lead to it.
    pub(super) chain: Vec<Held>,
    pub(super) forwarded: bool,
    /// The apex of the forward or stub zone it lies in.
    pub(super) apex: Option<Name>,
}

/// From whom a query came that is, or may be, our own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    address: IpAddr,
    hop_limit: Option<u8>,
}

/// Who asked, and how.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) counters: &'a Counted<'a>,
    pub(super) arrival: &'a Arrival<'a>,
    pub(super) query: &'a QueryView<'a>,
    pub(super) proof: Proof,
    pub(super) account: Account,
    pub(super) may_send_errors: bool,
    pub(super) demand: Demand,
}

impl Pipeline {
    pub(super) fn find_out_or_not(
        &self,
        asker: Asker<'_>,
        admission: Admission,
        remains: Remains,
        (now, dice): (Now, &mut impl Rng),
        reply: &mut Vec<u8>,
    ) -> Next {
        let Asker {
            counters,
            arrival,
            account,
            may_send_errors,
            demand,
            ..
        } = asker;
        // A snooping query (RD=0) has no permit: what is not cached stays unknown.
        if admission.is_snoop() {
            let reason = Reason::RecursionNotDesired;
            let next = self.reject(counters, arrival, reason, Rcode::REFUSED, reply);
            return self.send_error(counters, account, next, (now, dice), reply);
        }
        let Remains {
            question,
            chain,
            forwarded,
            apex,
        } = remains;
        let client = admission.client();
        let peer = Peer {
            address: client,
            hop_limit: arrival.hop_limit,
        };
        let option = asker.query.edns.and_then(|edns| edns.cookie);
        let marker = option.and_then(|option| option.first_chunk().copied());
        let doubt = match self.resolver.comes_back(&question, client, marker, now) {
            Some(Return::Ours) => {
                let response = self.end_loop(counters, peer, Evidence::Cookie, now);
                let source = AnswerSource::Failure;
                return self.tell_now(asker, &response, chain, source, (now, dice), reply);
            }
            Some(Return::Perhaps(doubt)) => Some((doubt, peer)),
            None => None,
        };
        let customer = self.guard.limiter().customer(admission.limits());
        let verified = admission.is_verified();
        let joins = self.resolver.is_under_way(&question, demand);
        let judged = Query {
            name: &question.name,
            cut: None,
            client,
            hop_limit: admission.hop_limit(),
            joins,
            renews: false,
        };
        let slot = match self.judge(judged, apex.as_ref(), &question, demand, now) {
            Permission::Fetch(slot) | Permission::Explore(slot) => slot,
            Permission::Stale { refresh } => {
                let stale = self
                    .stale_under_attack(&question, demand, now)
                    .unwrap_or_else(|| {
                        // Gone between two looks.
                        Response::failure(Ede::new(Ede::OTHER, "flushed just now; ask again"))
                    });
                let refresh = refresh.and_then(|slot| {
                    let permit = admission.into_refresh()?.holding(slot);
                    let permit = permit.within(self.fair.clone(), None);
                    Some(Box::new(Refresh { permit, question }))
                });
                let next = self.tell_now(
                    asker,
                    &stale,
                    chain,
                    AnswerSource::Stale,
                    (now, dice),
                    reply,
                );
                return match (next, refresh) {
                    (Next::Reply, Some(refresh)) => Next::ReplyAndRefresh(refresh),
                    (next, _) => next,
                };
            }
            Permission::Deny(Denial {
                reason,
                ede,
                silent,
                known,
            }) => {
                counters.verdict(reason);
                counters.acted(Limit::ZoneGuard, good(known, verified), 1);
                if silent && arrival.transport == TransportKind::Udp {
                    return Next::Silence;
                }
                let failure = Response::failure(ede);
                return self.tell_now(
                    asker,
                    &failure,
                    chain,
                    AnswerSource::Failure,
                    (now, dice),
                    reply,
                );
            }
        };
        if let Some(known) = slot.spared() {
            counters.acted(Limit::ZoneGuard, good(known, verified), 1);
        }
        let Some(permit) = admission.into_permit() else {
            return Next::Silence;
        };
        // Whoever makes room for it, one look-up of its client is too many.
        if !joins && self.fair.is_used_up(&customer) {
            self.acted(
                counters,
                Limit::ClientShare,
                asker.query,
                verified,
                (now, dice),
            );
        }
        let (ticket, share) = match self.seat(customer, (&question, demand), joins) {
            Ok(seat) => seat,
            Err(reason) => {
                counters.verdict(reason);
                let stale = self.good_before(&question, demand, now);
                if stale.is_none() && arrival.transport == TransportKind::Udp {
                    return self.send_to_prove(
                        counters,
                        (account, &asker.proof),
                        arrival.bytes,
                        may_send_errors,
                        (now, dice),
                        reply,
                    );
                }
                let (response, source) = stale.map_or_else(
                    || {
                        (
                            Response::failure(own_failure(reason)),
                            AnswerSource::Failure,
                        )
                    },
                    |stale| (stale, AnswerSource::Stale),
                );
                return self.tell_now(asker, &response, chain, source, (now, dice), reply);
            }
        };
        let permit = permit.holding(slot).within(self.fair.clone(), share);
        Next::Miss(Box::new(Miss {
            permit: if joins {
                permit.joining(customer)
            } else {
                permit
            },
            demand,
            doubt,
            waiting: Waiting {
                ticket,
                question,
                chain,
                forwarded,
                packet: arrival.bytes.into(),
                proof: asker.proof,
                transport: arrival.transport,
                may_send_errors,
                account,
                arrived: now,
            },
        }))
    }

    /// What a query of our own is told that comes back to us: whoever sent it round gets an end of it, and no more is asked.
    pub(super) fn end_loop(
        &self,
        counters: &Counted<'_>,
        peer: Peer,
        evidence: Evidence,
        now: Now,
    ) -> Response {
        counters.verdict(Reason::ForwardingLoop);
        let by_cookie = evidence == Evidence::Cookie;
        let loops = self.guard.loops();
        loops.note(peer.address, by_cookie, peer.hop_limit, now);
        let text = "a loop: this is asked of you at this moment";
        Response::failure(Ede::new(Ede::OTHER, text))
    }

    /// The right to look a name up anew behind its answer, if its zone is not under attack or the name is known to be real.
    pub(super) fn may_renew(&self, question: &Question, client: IpAddr, now: Now) -> Option<Slot> {
        let judged = Query {
            name: &question.name,
            cut: None,
            client,
            hop_limit: None,
            joins: false,
            renews: true,
        };
        let apex = self.apex(&self.policy.decide(question));
        match self.judge(judged, apex.as_ref(), question, Demand::Checked, now) {
            Permission::Fetch(slot) | Permission::Explore(slot) => Some(slot),
            Permission::Stale { .. } | Permission::Deny(_) => None,
        }
    }

    /// Whether the zone guard holds back unknown names like this one at present.
    pub(super) fn is_under_attack(&self, question: &Question, now: Now) -> bool {
        if self.zones.engaged() == 0 {
            return false;
        }
        let apex = self.apex(&self.policy.decide(question));
        self.with_cut(&question.name, apex.as_ref(), now, |cut| {
            self.zones.holds(&question.name, cut)
        })
    }

    /// What was good before, for a zone under attack, whatever `cache.max_stale` says.
    pub(super) fn stale_under_attack(
        &self,
        question: &Question,
        demand: Demand,
        now: Now,
    ) -> Option<Response> {
        let mut stale = self
            .cache
            .stale_within(question, demand, self.zones.max_stale(), now)?;
        if let Some(ede) = &mut stale.ede {
            ede.text = "its zone is under attack at present".into();
        }
        Some(stale)
    }

    fn judge(
        &self,
        judged: Query<'_>,
        apex: Option<&Name>,
        question: &Question,
        demand: Demand,
        now: Now,
    ) -> Permission {
        if !self.zones.is_on() {
            // It counts what is under way all the same: clients and servers have their shares of it.
            return self.zones.judge(&judged, || false, now);
        }
        let has_stale = || {
            let grace = self.zones.max_stale();
            self.cache
                .stale_within(question, demand, grace, now)
                .is_some()
        };
        self.with_cut(&question.name, apex, now, |cut| {
            self.zones.judge(&Query { cut, ..judged }, has_stale, now)
        })
    }

    /// Tells `then` where the zone of a name begins: at the apex of a forward or stub zone, or at its deepest known delegation, with its
    /// server.
    fn with_cut<T>(
        &self,
        name: &Name,
        apex: Option<&Name>,
        now: Now,
        then: impl FnOnce(Option<Cut<'_>>) -> T,
    ) -> T {
        if let Some(apex) = apex {
            return then(Some(Cut::Configured(apex)));
        }
        let delegation = self.cache.deepest_delegation(name, now);
        then(delegation.as_deref().map(|at| self.cut(at, now)))
    }

    /// A delegation as the zone guard sees it: with the server that it is charged to.
    #[must_use]
    pub fn cut<'a>(&self, delegation: &'a Delegation, now: Now) -> Cut<'a> {
        let is_own = |address| self.guard.is_own(address);
        let server = self.resolver.server_of(delegation, is_own, now);
        let most = self.fair.per_server(false);
        let server = server.map(|address| Server { address, most });
        Cut::Delegation(&delegation.zone, server)
    }

    /// Writes a reply that is never kept as a ready-made one.
    fn tell_now(
        &self,
        Asker {
            counters,
            arrival,
            query,
            proof,
            account,
            may_send_errors,
            ..
        }: Asker<'_>,
        response: &Response,
        chain: Vec<Held>,
        source: AnswerSource,
        (now, dice): (Now, &mut impl Rng),
        reply: &mut Vec<u8>,
    ) -> Next {
        if is_error(response.rcode) && !may_send_errors {
            counters.verdict(Reason::ReflectorPort);
            return Next::Silence;
        }
        let response = with_chain(response, chain);
        let udp = arrival.transport == TransportKind::Udp;
        let cookie = proof.reply().map(Cookie::as_octets);
        answer::compose(query, &response, cookie, &self.plan, udp, reply);
        counters.answered(source, std::time::Duration::ZERO);
        let payer = (account, &proof);
        self.send_off(
            counters,
            payer,
            arrival.bytes,
            response.rcode,
            (now, dice),
            reply,
        )
    }
}

/// What speaks for a query that the zone guard denies.
const fn good(known: bool, verified: bool) -> KnownGood {
    match (known, verified) {
        (true, _) => KnownGood::Name,
        (false, true) => KnownGood::Address,
        (false, false) => KnownGood::No,
    }
}
