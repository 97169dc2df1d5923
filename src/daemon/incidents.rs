//! How do people hear of attacks? From the rooms that notice them to the log, a line when one starts, every minute, and when it is over.

mod told;

use std::sync::atomic::{AtomicU64, Ordering};

use super::live::Live;
use crate::sys::clock::Now;

pub(super) use told::logged;

/// Which moments were taken up.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    next: AtomicU64,
}

impl Incidents {
    /// Looks at what nobody asks for any more, and takes up what is new. Called every few seconds.
    pub(super) fn see_to_it(&self, live: &Live, now: Now) {
        live.pipeline.zones.tend(now);
        let incidents = live.pipeline.telemetry.incidents();
        let guard = &live.pipeline.guard;
        for moment in guard.limiter().moments(now) {
            incidents.push(moment);
        }
        for moment in guard.loops().look(now) {
            incidents.push(moment);
        }
        if let Some(moment) = guard.backscatter().look(now) {
            incidents.push(moment);
        }
        let mut next = self.next.load(Ordering::Relaxed);
        for moment in incidents.after(&mut next) {
            told::tell(&moment);
        }
        self.next.store(next, Ordering::Relaxed);
    }
}
