//! Which zones are under attack, and how does it go on? A bounded ring of events with start, continuation and end; never one per packet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Events kept for those who have not taken them up yet.
const KEPT: usize = 256;

/// Where an event stands.
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

/// A zone that is flooded with unknown names, or whose servers fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneAttack {
    /// The zone.
    pub zone: String,
    /// The part of it that is attacked, if it is not all of it.
    pub suffix: Option<String>,
    /// Why it is guarded: `in_flight`, `failing`, `flood`, `pinned`.
    pub trigger: &'static str,
    /// Seconds since it began.
    pub seconds: u64,
    /// Queries per second that the cache could not answer, denied or not.
    pub demand: f32,
    /// The same for names not known to be real.
    pub unknown: f32,
    /// Greatest demand per second so far.
    pub peak: f32,
    /// The share of fetches that failed lately, 0 to 1.
    pub failed_share: f32,
    /// Whether its servers count as dead.
    pub dead: bool,
    /// Queries denied since it began.
    pub denied: u64,
    /// Unknown names looked for since it began.
    pub explored: u64,
    /// About how many different unknown names were asked for.
    pub names: u64,
    /// About how many client prefixes asked.
    pub clients: u64,
    /// Client prefixes that asked for most unknown names, with an upper bound of how many.
    pub top_clients: Vec<(String, u64)>,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Milliseconds of the wall clock.
    pub at_ms: u64,
    /// Where it stands.
    pub stage: Stage,
    /// What it is about.
    pub attack: ZoneAttack,
}

/// The last events, numbered. Who reads them keeps the number of the next one himself, so that any number may read.
#[derive(Debug, Default)]
pub struct Attacks(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Event>,
    /// The number of the next event.
    next: u64,
}

impl Attacks {
    /// One more; the oldest is forgotten when there are too many.
    pub fn push(&self, event: Event) {
        let mut ring = self.lock();
        if ring.kept.len() >= KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(event);
        ring.next += 1;
    }

    /// The events from number `next` on, and moves `next` behind them. Those forgotten in the meantime are left out.
    #[must_use]
    pub fn after(&self, next: &mut u64) -> Vec<Event> {
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
        let events = Attacks::default();
        let event = |at_ms| Event {
            at_ms,
            stage: Stage::Started,
            attack: ZoneAttack::default(),
        };
        let (mut one, mut other) = (0, 0);
        let read = |next: &mut u64| -> Vec<u64> {
            events.after(next).iter().map(|event| event.at_ms).collect()
        };
        assert!(read(&mut one).is_empty());
        events.push(event(1));
        events.push(event(2));
        assert_eq!((read(&mut one), read(&mut one)), (vec![1, 2], vec![]));
        (0..1_000).for_each(|at| events.push(event(at)));
        assert_eq!(read(&mut one).len(), KEPT);
        let rest = read(&mut other);
        assert_eq!((rest.len(), rest.last()), (KEPT, Some(&999)));
    }
}
