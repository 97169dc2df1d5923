//! Why was this one query not simply answered? A worker's counters, with the last reason that was counted through them.

use std::cell::Cell;
use std::ops::Deref;

use rand::Rng;

use super::{Next, Pipeline};
use crate::config::plan::TransportKind;
use crate::guard::{Arrival, Verdict};
use crate::sys::clock::Now;
use crate::telemetry::tap::Tapped;
use crate::telemetry::{Reason, Worker};

/// The counters of whoever handles a query, for the time of that query.
pub(super) struct Counted<'a> {
    worker: &'a Worker,
    reason: Cell<Option<Reason>>,
}

impl<'a> Counted<'a> {
    pub(super) const fn new(worker: &'a Worker) -> Self {
        Self {
            worker,
            reason: Cell::new(None),
        }
    }

    /// Counts why it is not simply answered.
    #[inline]
    pub(super) fn verdict(&self, reason: Reason) {
        self.reason.set(Some(reason));
        self.worker.verdict(reason);
    }

    /// Counts what the guard decided.
    #[inline]
    pub(super) fn judged(&self, verdict: &Verdict) {
        if !matches!(verdict, Verdict::Admit(_)) {
            self.reason.set(Some(verdict.reason()));
        }
        verdict.count(self.worker);
    }
}

impl Deref for Counted<'_> {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        self.worker
    }
}

impl Pipeline {
    /// Hands a query and what became of it to whoever records messages, if anybody does and wants it.
    #[inline]
    pub(super) fn tap(
        &self,
        counters: &Counted<'_>,
        arrival: &Arrival<'_>,
        (next, reply): (&Next, &[u8]),
        (now, dice): (Now, &mut impl Rng),
    ) {
        let Some(tap) = self.telemetry.tap() else {
            return;
        };
        let reply = match next {
            // What waits is told of when it is answered; what is deferred tries again.
            Next::Miss(_) | Next::Defer => return,
            Next::Silence => None,
            Next::Reply | Next::ReplyAndRefresh(_) => Some(reply.into()),
        };
        let reason = counters.reason.get();
        if tap.wants(reason, || dice.next_u32()) {
            tap.offer(Tapped {
                at_ms: now.wall_ms,
                source: arrival.source,
                local: arrival.local,
                by_stream: arrival.transport == TransportKind::Tcp,
                query: arrival.bytes.into(),
                reply,
                reason,
            });
        }
    }
}
