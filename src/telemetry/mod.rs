//! The write side of what can be seen: per-worker counters and reasons. (Egress counts what goes upstream.)
//!
//! Whoever handles packets owns a [`Worker`] and writes its cells; nobody else does, so a count is a load and a store
//! (2.5 ns, measured) instead of a registry look-up (170 ns and more). `ops` adds the workers up when somebody looks.

pub mod cell;
pub mod heavy;
pub mod incidents;
pub mod latency;
pub mod reason;
pub mod seen;
pub mod shadow;
pub mod tap;
pub mod unsolicited;
pub mod worker;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use incidents::Incidents;
pub use reason::Reason;
pub use worker::{AnswerSource, Counts, Received, Worker};

/// Everything that is counted. One per process, shared by `Arc`.
#[derive(Debug)]
pub struct Telemetry {
    workers: Mutex<Vec<Arc<Worker>>>,
    shared: Arc<Worker>,
    tap: OnceLock<tap::Tap>,
    incidents: Arc<Incidents>,
}

/// One look at everything, summed over workers. Counters never go down while the process lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What came in and what went back, all workers together.
    pub clients: Counts,
    /// Registered workers (the shared one not counted).
    pub workers: usize,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// No workers yet, all counts zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            workers: Mutex::default(),
            shared: Arc::new(Worker::shared()),
            tap: OnceLock::new(),
            incidents: Arc::default(),
        }
    }

    /// Cells for one new thread, which must be the only one to write them.
    #[must_use]
    pub fn register_worker(&self) -> Arc<Worker> {
        let worker = Arc::new(Worker::exclusive());
        self.lock().push(Arc::clone(&worker));
        worker
    }

    /// The cells of everything that is not one thread: streams, late answers. Any number of writers.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Worker> {
        &self.shared
    }

    /// What happens that a person should know of, as it goes on.
    #[must_use]
    pub const fn incidents(&self) -> &Arc<Incidents> {
        &self.incidents
    }

    /// Adds everything up. Not an atomic cut: counts of one packet may be seen in part.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let workers = self.lock();
        let mut clients = self.shared.counts();
        for worker in workers.iter() {
            clients.add(&worker.counts());
        }
        Snapshot {
            clients,
            workers: workers.len(),
        }
    }

    /// Each registered worker's own counts, in the order of registration.
    #[must_use]
    pub fn per_worker(&self) -> Vec<Counts> {
        self.lock().iter().map(|worker| worker.counts()).collect()
    }

    /// Where single messages are handed over, if anybody records them.
    #[inline]
    #[must_use]
    pub fn tap(&self) -> Option<&tap::Tap> {
        self.tap.get()
    }

    /// Has single messages handed over from now on; the first who asks for it gets them.
    pub fn set_tap(&self, tap: tap::Tap) {
        let _somebody_records_already = self.tap.set(tap);
    }

    /// What each worker met lately, the shared one included.
    #[must_use]
    pub fn seen(&self) -> Vec<seen::Seen> {
        let workers = self.lock().clone();
        let all = workers.iter().chain([&self.shared]);
        all.map(|worker| worker.seen()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Worker>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
