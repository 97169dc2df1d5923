//! When does a recursion end because its zone came under attack meanwhile? When it would ask in vain once more.

use super::Recursion;
use super::fault::Crowd;
use super::frame::{Approach, Path};
use super::trace::Happening;
use crate::guard::permit::ede;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::Response;

impl Recursion {
    /// Whether what comes next is asked after somebody was asked in vain in the same zone, and the question lies in that. A reply that was cut
    /// short, or is doubtful, is a sign of life: what follows fetches the rest of it. The root and top-level domains have nothing to
    /// do with who attacks a zone, unless the operator says whom to ask there.
    pub(super) fn asks_again(&self, approach: &Approach) -> bool {
        let zone = &approach.zone;
        let is_shared = approach.path == Path::Iterate && zone.label_count() < 2;
        let is_its_own = !is_shared && self.question.name.is_within(zone);
        let is_answered = approach.insist_tcp.is_some() || approach.last_resort.is_some();
        let mut here = self.history.iter().filter(|at| at.zone == *zone);
        is_its_own && !is_answered && here.any(|at| at.fault.was_in_vain())
    }

    /// The zone guard lets no more be asked: the whole recursion ends. Nothing of it is remembered, so that the name resolves at the first ask
    /// when the guard lets go; who was asked in vain has failed it all the same.
    pub(super) fn denied(&mut self, reason: Reason, now: Now) {
        self.note(now, Happening::Denied(reason));
        self.crowded = Some(Crowd::Attack(reason));
        let first = self.frames.first();
        self.blames_its_zone =
            first.is_some_and(|frame| frame.chain.is_empty()) && self.was_their_fault();
        self.frames.clear();
        self.outstanding = None;
        self.done = Some(Response::failure(ede(reason)));
    }
}
