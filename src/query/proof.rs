//! How does a client learn to prove its address, and what does it get before?

use super::Pipeline;
use super::counted::Counted;
use crate::answer;
use crate::guard::cookies::Cookie;
use crate::guard::{Admission, Proof};
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
