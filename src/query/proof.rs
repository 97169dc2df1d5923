//! How does a client learn to prove its address, and what does it get before?

use rand::Rng;

use super::counted::Counted;
use super::limit::Account;
use super::{Next, Pipeline, count_reply};
use crate::answer;
use crate::guard::cookies::Cookie;
use crate::guard::{Admission, Proof};
use crate::sys::clock::Now;
use crate::telemetry::{AnswerSource, Reason};
use crate::wire::{QueryView, Rcode, Response};

impl Pipeline {
    /// Writes how to prove its address to a client, counted as `reason`; nothing to the port of a reflecting service.
    pub(super) fn ask_for_proof(
        &self,
        counters: &Counted<'_>,
        reason: Reason,
        query: &QueryView<'_>,
        admission: &Admission,
        cookie: Option<&[u8]>,
        reply: &mut Vec<u8>,
    ) -> Option<Rcode> {
        counters.verdict(reason);
        admission
            .may_send_errors()
            .then(|| answer::ask_for_proof(query, cookie, &self.plan, reply))
    }

    /// A client whose address is not proven, and for whom there is no room: it learns how to be heard all the same. Charged as an error.
    pub(super) fn send_to_prove(
        &self,
        counters: &Counted<'_>,
        (account, proof): (Account, &Proof),
        packet: &[u8],
        may_send_errors: bool,
        chance: (Now, &mut impl Rng),
        reply: &mut Vec<u8>,
    ) -> Next {
        if account.client.verified || !may_send_errors {
            return Next::Silence;
        }
        let Ok(query) = QueryView::parse(packet) else {
            return Next::Silence;
        };
        let cookie = proof.reply().map(Cookie::as_octets);
        let rcode = answer::ask_for_proof(&query, cookie, &self.plan, reply);
        let next = self.send_error(counters, account, Next::Reply, chance, reply);
        if matches!(next, Next::Reply) {
            count_reply(counters, rcode, reply);
        }
        next
    }

    /// Writes to a client the cookie that it asked for and nothing else. That its own does not hold is told by BADCOOKIE (RFC 7873
    /// section 5.4).
    pub(super) fn give_cookie(
        &self,
        counters: &Counted<'_>,
        query: &QueryView<'_>,
        proof: &Proof,
        reply: &mut Vec<u8>,
    ) -> Rcode {
        let rcode = if proof.is_refuted(query.edns.and_then(|edns| edns.cookie)) {
            Rcode::BADCOOKIE
        } else {
            Rcode::NOERROR
        };
        let cookie = proof.reply().map(Cookie::as_octets);
        let response = Response::empty(rcode);
        answer::compose(query, &response, cookie, &self.plan, true, reply);
        counters.answered(AnswerSource::Policy, std::time::Duration::ZERO);
        rcode
    }
}
