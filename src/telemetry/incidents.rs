//! What happens that a person should know of? A bounded ring of moments of incidents: start, continuation, stop; never one per packet.

mod hop_limits;
mod subject;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use hop_limits::HopLimits;
pub use subject::{
    Attacked, Backscatter, ClientsLimited, ForwardingLoop, IngressSpoof, Namespace, Subject,
    ZoneAttack,
};

/// Moments kept for those who have not taken them up yet.
const KEPT: usize = 256;

/// What goes on is told again after so long.
pub const AGAIN: Duration = Duration::from_secs(60);

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has just begun.
    Started,
    /// It goes on.
    Continuing,
    /// It is over.
    Stopped,
}

impl Stage {
    /// What there is to tell now, if anything: that it begins, that it is over, or every [`AGAIN`] that it goes on. `silence`: time
    /// since it was told of last, if it was.
    #[must_use]
    pub fn due(silence: Option<Duration>, is_over: bool) -> Option<Self> {
        match silence {
            None => Some(Self::Started),
            Some(_) if is_over => Some(Self::Stopped),
            Some(silence) if silence >= AGAIN => Some(Self::Continuing),
            Some(_) => None,
        }
    }

    /// The word in logs and journals.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Continuing => "continuing",
            Self::Stopped => "stopped",
        }
    }
}

/// One thing to tell. All counts of its subject are those since it began.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Milliseconds of the wall clock since the Unix epoch.
    pub at_ms: u64,
    /// When it began, likewise.
    pub since_ms: u64,
    /// Where it stands.
    pub stage: Stage,
    /// What it is about.
    pub subject: Subject,
}

/// The last moments, numbered. Who reads them keeps the number of the next one himself, so that any number may read.
#[derive(Debug, Default)]
pub struct Incidents(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Moment>,
    /// The number of the next moment.
    next: u64,
}

impl Incidents {
    /// One more; the oldest is forgotten when there are too many.
    pub fn push(&self, moment: Moment) {
        let mut ring = self.lock();
        if ring.kept.len() >= KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(moment);
        ring.next += 1;
    }

    /// The moments from number `next` on, and moves `next` behind them. Those forgotten in the meantime are left out.
    #[must_use]
    pub fn after(&self, next: &mut u64) -> Vec<Moment> {
        let ring = self.lock();
        let fresh = usize::try_from(ring.next.saturating_sub(*next)).unwrap_or(usize::MAX);
        *next = ring.next;
        let old = ring.kept.len().saturating_sub(fresh);
        ring.kept.iter().skip(old).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_gets_what_is_new_to_him_and_the_ring_is_bounded() {
        let incidents = Incidents::default();
        let moment = |at_ms| Moment {
            at_ms,
            since_ms: 0,
            stage: Stage::Started,
            subject: Subject::Zone(ZoneAttack::default()),
        };
        let (mut one, mut other) = (0, 0);
        let read = |next: &mut u64| -> Vec<u64> {
            incidents
                .after(next)
                .iter()
                .map(|moment| moment.at_ms)
                .collect()
        };
        assert!(read(&mut one).is_empty());
        incidents.push(moment(1));
        incidents.push(moment(2));
        assert_eq!((read(&mut one), read(&mut one)), (vec![1, 2], vec![]));
        (0..1_000).for_each(|at| incidents.push(moment(at)));
        assert_eq!(read(&mut one).len(), KEPT);
        let rest = read(&mut other);
        assert_eq!((rest.len(), rest.last()), (KEPT, Some(&999)));
    }
}
