//! What becomes of a query whose client asks too much, and what does a reply cost the client?

use rand::Rng;

use super::{Next, Pipeline, count_reply};
use crate::answer;
use crate::config::plan::TransportKind;
use crate::guard::{Arrival, Asked, Client, Limited, Verdict};
use crate::sys::clock::Now;
use crate::telemetry::{Reason, Worker};
use crate::wire::{QueryView, Rcode};

/// Who is charged for a reply, and what was paid for it when its query came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) client: Client,
    pub(super) asked: Asked,
}

impl Account {
    /// For a query that was charged as `client`'s.
    pub(super) fn new(client: Client, query: &QueryView<'_>) -> Self {
        let cookie = query.edns.is_some_and(|edns| edns.cookie.is_some());
        Self {
            client,
            asked: Asked::of(query.qtype, cookie),
        }
    }
}

impl Pipeline {
    /// Instead of an answer.
    pub(super) fn hold_back(
        counters: &Worker,
        arrival: &Arrival<'_>,
        limited: Limited,
        reply: &mut Vec<u8>,
    ) -> Next {
        let limited = match limited {
            // A server cookie cannot be made yet; TCP is the other way to prove an address.
            Limited::BadCookie => Limited::Truncate,
            limited => limited,
        };
        Verdict::Limit(limited).count(counters);
        reply.clear();
        match limited {
            Limited::Truncate | Limited::BadCookie => {
                if !answer::truncated(arrival.bytes, reply) {
                    return Next::Silence;
                }
                count_reply(counters, Rcode::NOERROR, reply);
                Next::Reply
            }
            Limited::Drop => Next::Silence,
            Limited::Defer => Next::Defer,
        }
    }

    /// Whether a client may have one more error reply to what was not charged yet. A query that cannot be read costs as an error.
    pub(super) fn may_have_error(
        &self,
        counters: &Worker,
        arrival: &Arrival<'_>,
        now: Now,
        dice: &mut impl Rng,
    ) -> bool {
        let client = Client {
            address: (&arrival.source).into(),
            verified: arrival.transport == TransportKind::Tcp,
        };
        match self
            .guard
            .limiter()
            .arrive(client, Asked::ERROR, true, now, dice)
        {
            None => true,
            Some(over) if over.enforced => {
                Verdict::Limit(over.limited).count(counters);
                false
            }
            Some(_) => {
                counters.verdict(Reason::WouldLimit);
                true
            }
        }
    }

    /// Charges a reply that is ready to leave.
    #[inline]
    pub(super) fn charge_reply(
        &self,
        account: Account,
        rcode: Rcode,
        reply: &[u8],
        now: Now,
        dice: &mut impl Rng,
    ) {
        let Account { client, asked } = account;
        self.guard
            .limiter()
            .leave(client, asked, rcode, reply.len(), now, dice);
    }
}
