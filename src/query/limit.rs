//! What becomes of a query whose client asks too much, and what does a reply cost the client?

use rand::Rng;

use super::counted::Counted;
use super::{Next, Pipeline, count_reply};
use crate::answer;
use crate::config::plan::TransportKind;
use crate::guard::cookies::Cookie;
use crate::guard::limiter::Over;
use crate::guard::{Arrival, Asked, Client, Limited, Proof, Verdict};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::shadow::{KnownGood, Limit};
use crate::wire::{QueryView, Rcode};

/// Who is charged for a reply, and what was paid for it when its query came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) client: Client,
    pub(super) asked: Asked,
    /// Whether the query was over a limit that is only logged: then it would have had no such reply, which is not charged.
    pub(super) over_limit: bool,
}

impl Account {
    /// For a query that is charged as `client`'s, with that proof of its address.
    pub(super) const fn new(client: Client, proof: &Proof, query: &QueryView<'_>) -> Self {
        Self {
            client,
            asked: Asked::of(query.qtype, proof.reply().is_some()),
            over_limit: false,
        }
    }
}

impl Pipeline {
    /// Instead of an answer with that response code.
    pub(super) fn hold_back(
        &self,
        counters: &Counted<'_>,
        packet: &[u8],
        proof: &Proof,
        limited: Limited,
        rcode: Rcode,
        reply: &mut Vec<u8>,
    ) -> Next {
        counters.judged(&Verdict::Limit(limited));
        reply.clear();
        let rcode = match (limited, proof) {
            (Limited::BadCookie, _) => {
                let Ok(query) = QueryView::parse(packet) else {
                    return Next::Silence;
                };
                let cookie = proof.reply().map(Cookie::as_octets);
                answer::ask_for_proof(&query, cookie, &self.plan, reply)
            }
            (Limited::Truncate, Proof::Valid(cookie)) => {
                let Ok(query) = QueryView::parse(packet) else {
                    return Next::Silence;
                };
                answer::ask_by_stream(&query, cookie.as_octets(), &self.plan, reply)
            }
            (Limited::Truncate, _) if answer::truncated(packet, rcode, reply) => rcode,
            (Limited::Truncate | Limited::Drop, _) => return Next::Silence,
            (Limited::Defer, _) => return Next::Defer,
        };
        count_reply(counters, rcode, reply);
        Next::Reply
    }

    /// Whether a client may have one more error reply to what was not charged yet: who pays for it. A query that cannot be read costs
    /// as an error.
    pub(super) fn may_have_error(
        &self,
        counters: &Counted<'_>,
        arrival: &Arrival<'_>,
        now: Now,
        dice: &mut impl Rng,
    ) -> Option<Account> {
        let client = Client {
            address: (&arrival.source).into(),
            verified: arrival.transport == TransportKind::Tcp,
            hop_limit: arrival.hop_limit,
        };
        let mut over_limit = false;
        match self
            .guard
            .limiter()
            .arrive(client, Asked::ERROR, true, now, dice)
        {
            None => {}
            Some(over) if over.enforced => {
                counters.judged(&Verdict::Limit(over.limited));
                acted_on_error(counters, client.verified);
                return None;
            }
            Some(_) => {
                counters.verdict(Reason::WouldLimit);
                acted_on_error(counters, client.verified);
                over_limit = true;
            }
        }
        Some(Account {
            client,
            asked: Asked::ERROR,
            over_limit,
        })
    }

    /// Charges an answer that is ready to leave, and counts it unless it has to stay.
    #[inline]
    pub(super) fn send_off(
        &self,
        counters: &Counted<'_>,
        (account, proof): (Account, &Proof),
        packet: &[u8],
        rcode: Rcode,
        (now, dice): (Now, &mut impl Rng),
        reply: &mut Vec<u8>,
    ) -> Next {
        if let Some(over) = self.leave(account, rcode, reply, now, dice) {
            let verified = account.client.verified;
            self.acted_on_packet(counters, Limit::Client, packet, verified, (now, dice));
            if over.enforced {
                return self.hold_back(counters, packet, proof, over.limited, rcode, reply);
            }
            counters.verdict(Reason::WouldLimit);
        }
        count_reply(counters, rcode, reply);
        Next::Reply
    }

    /// The same for an error, which is counted already: it stays, or leaves as it is.
    pub(super) fn send_error(
        &self,
        counters: &Counted<'_>,
        account: Account,
        next: Next,
        (now, dice): (Now, &mut impl Rng),
        reply: &mut Vec<u8>,
    ) -> Next {
        if !matches!(next, Next::Reply) {
            return next;
        }
        let Some(over) = self.leave(account, Rcode::SERVFAIL, reply, now, dice) else {
            return next;
        };
        acted_on_error(counters, account.client.verified);
        if over.enforced {
            counters.judged(&Verdict::Limit(Limited::Drop));
            reply.clear();
            return Next::Silence;
        }
        counters.verdict(Reason::WouldLimit);
        next
    }

    /// Charges a reply, unless there would be none if limits were enforced.
    #[inline]
    fn leave(
        &self,
        account: Account,
        rcode: Rcode,
        reply: &[u8],
        now: Now,
        dice: &mut impl Rng,
    ) -> Option<Over> {
        if account.over_limit {
            return None;
        }
        let Account { client, asked, .. } = account;
        let limiter = self.guard.limiter();
        limiter.leave(client, asked, rcode, reply, now, dice)
    }
}

/// Counts a query that the limit of its client holds back, or would, and that could only get an error.
fn acted_on_error(counters: &Counted<'_>, verified: bool) {
    let good = if verified {
        KnownGood::Address
    } else {
        KnownGood::No
    };
    counters.acted(Limit::Client, good, 1);
}
