//! Who waits for a recursion in flight, and what becomes of it when nobody does?

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::mapref::entry::{Entry, OccupiedEntry};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Counters, Resolver};
use crate::cache::Demand;
use crate::guard::permit::Budget;
use crate::recursion::{Ask, Recursion};
use crate::sys::clock;
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
    /// Nothing until it has been started.
    pub(super) task: Option<AbortHandle>,
    /// Whether somebody who waited for it had to make room: the last one to leave ends it.
    pub(super) ends: bool,
    /// Its place among those that nobody waits for.
    pub(super) deserted: Option<u64>,
}

/// Recursions that run on though nobody waits for them; the one that was left first in front. Bounded by those in flight.
#[derive(Debug, Default)]
pub(super) struct Deserted(Mutex<(u64, BTreeMap<u64, Key>)>);

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

/// A recursion and what pays for it. Ended before its time, the zone guard hears what was sent, and whether servers had kept silent.
pub(super) struct Work<'a> {
    pub(super) resolver: &'a Resolver,
    pub(super) recursion: Recursion,
    pub(super) budget: Budget,
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

impl Flight {
    pub(super) const fn new(outcome: watch::Receiver<Option<Outcome>>, run: Arc<Run>) -> Self {
        Self {
            outcome,
            waiting: 1,
            run,
            task: None,
            ends: false,
            deserted: None,
        }
    }

    /// Its place is free at once, what else it holds when the runtime comes to it.
    fn end(entry: OccupiedEntry<'_, Key, Self>, counters: &Counters) {
        // Out of the table first: whatever the runtime drops takes itself out of it.
        let flight = entry.remove();
        flight.run.end();
        if let Some(task) = flight.task {
            task.abort();
        }
        counters.shed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Deserted {
    fn enter(&self, key: Key) -> u64 {
        let mut inner = self.lock();
        inner.0 += 1;
        let serial = inner.0;
        inner.1.insert(serial, key);
        serial
    }

    pub(super) fn leave(&self, serial: u64) {
        self.lock().1.remove(&serial);
    }

    fn pop(&self) -> Option<(u64, Key)> {
        self.lock().1.pop_first()
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Key>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver {
    /// Ends the recursion that has been running on the longest though nobody waits for it. Whether there was one.
    pub fn end_deserted(&self) -> bool {
        while let Some((serial, key)) = self.deserted.pop() {
            // Somebody may have joined it since.
            if let Entry::Occupied(entry) = self.in_flight.entry(key)
                && entry.get().deserted == Some(serial)
            {
                Flight::end(entry, &self.counters);
                return true;
            }
        }
        false
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

    /// Makes room: if nobody else waits for the recursion, it ends here, and gives back what it holds; otherwise when the last one leaves.
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
        flight.ends |= ends;
        if flight.waiting > 0 {
            return;
        }
        if flight.ends {
            Flight::end(entry, &self.resolver.counters);
        } else {
            let key = entry.key().clone();
            entry.get_mut().deserted = Some(self.resolver.deserted.enter(key));
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.leave(false);
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let now = clock::now();
        let egress = &self.resolver.egress;
        // Whoever waits for a socket of ours waits for us.
        let usual_time = |ask: &Ask| {
            let candidates = self.resolver.candidates(ask);
            let time = egress.usual_time(&candidates, now);
            egress.has_sockets().then_some(time)
        };
        let server = self.budget.server();
        let blame = self.recursion.blame_so_far(server, usual_time, now);
        self.budget.give_up(blame, now);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mine = |_: &Key, flight: &Flight| Arc::ptr_eq(&flight.run, &self.run);
        if let Some((_, flight)) = self.resolver.in_flight.remove_if(&self.key, mine)
            && let Some(serial) = flight.deserted
        {
            self.resolver.deserted.leave(serial);
        }
        self.run.end();
    }
}
