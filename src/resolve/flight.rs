//! Who waits for a recursion in flight, and what becomes of it when nobody does?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::mapref::entry::Entry;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Counters, Resolver};
use crate::cache::Demand;
use crate::telemetry::reason::Reason;
use crate::wire::{Ede, Question, Response};

/// What a recursion found out, or why it could not for a reason of our own.
pub type Outcome = Result<Arc<Response>, Reason>;

/// What makes two recursions equal.
pub(super) type Key = (Question, Demand);

/// A recursion in flight, and how many wait for it.
pub(super) struct Flight {
    pub(super) outcome: watch::Receiver<Option<Outcome>>,
    pub(super) waiting: usize,
    /// Tells it from a later one of the same question.
    pub(super) run: Arc<Run>,
    pub(super) task: AbortHandle,
}

/// That a recursion runs: counted until it is over, or has been ended.
#[derive(Debug)]
pub(super) struct Run {
    counters: Arc<Counters>,
    over: AtomicBool,
}

/// Takes a finished (or abandoned) recursion out of the table.
pub(super) struct Landing {
    pub(super) resolver: Arc<Resolver>,
    pub(super) key: Key,
    pub(super) run: Arc<Run>,
}

/// Somebody's wait for a recursion. Dropped, the recursion runs on, so that what was paid for reaches the cache.
#[must_use]
pub struct Wait {
    resolver: Arc<Resolver>,
    key: Key,
    outcome: watch::Receiver<Option<Outcome>>,
    run: Arc<Run>,
    has_left: bool,
}

impl Run {
    pub(super) fn begin(counters: &Arc<Counters>) -> Arc<Self> {
        counters.running.fetch_add(1, Ordering::Relaxed);
        counters.started.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            counters: Arc::clone(counters),
            over: AtomicBool::new(false),
        })
    }

    fn end(&self) {
        if !self.over.swap(true, Ordering::Relaxed) {
            self.counters.running.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Wait {
    pub(super) const fn new(
        resolver: Arc<Resolver>,
        key: Key,
        outcome: watch::Receiver<Option<Outcome>>,
        run: Arc<Run>,
    ) -> Self {
        Self {
            resolver,
            key,
            outcome,
            run,
            has_left: false,
        }
    }

    /// What the recursion finds out.
    ///
    /// # Errors
    /// Why it could not for a reason of our own: too much is under way at the servers that it would have asked.
    pub async fn outcome(&mut self) -> Outcome {
        let found = self.outcome.wait_for(Option::is_some).await;
        found
            .ok()
            .and_then(|outcome| outcome.clone())
            .unwrap_or_else(|| {
                Ok(Arc::new(Response::failure(Ede::new(
                    Ede::OTHER,
                    "the look-up was abandoned",
                ))))
            })
    }

    /// Makes room: if nobody else waits for the recursion, it ends here, and gives back what it holds.
    pub fn abandon(mut self) {
        self.leave(true);
    }

    fn leave(&mut self, ends: bool) {
        if std::mem::replace(&mut self.has_left, true) {
            return;
        }
        let Entry::Occupied(mut entry) = self.resolver.in_flight.entry(self.key.clone()) else {
            return;
        };
        let flight = entry.get_mut();
        if !Arc::ptr_eq(&flight.run, &self.run) {
            return;
        }
        flight.waiting = flight.waiting.saturating_sub(1);
        if ends && flight.waiting == 0 {
            // Its place is free at once, what else it holds when the runtime comes to it.
            flight.run.end();
            flight.task.abort();
            entry.remove();
            let shed = &self.resolver.counters.shed;
            shed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.leave(false);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mine = |_: &Key, flight: &Flight| Arc::ptr_eq(&flight.run, &self.run);
        self.resolver.in_flight.remove_if(&self.key, mine);
        self.run.end();
    }
}
