//! What could not be resolved of late? Remembered for longer each time it fails again (RFC 9520).

use std::sync::Arc;

use moka::ops::compute::Op;
use moka::sync::Cache as Moka;

use super::key::{BuildUnhashed, Key};
use super::{CLOCK_SLACK, Cache, Demand};
use crate::sys::clock::Now;
use crate::wire::{Ede, Name, Question, RecordType};

/// Seconds between two attempts to look the same name up anew before it ends.
pub(super) const RENEWAL_PAUSE: u64 = 10;

#[derive(Debug)]
pub(super) struct Failures {
    pub(super) store: Moka<Key, Arc<Failure>, BuildUnhashed>,
}

#[derive(Debug)]
pub(super) struct Failure {
    question: Question,
    ede: Ede,
    /// Whether it was met while validating, so that it says nothing to whoever takes anything.
    validating: bool,
    /// Seconds this failure is remembered.
    lifetime: u32,
    /// Wall seconds.
    stored: u64,
}

impl Failures {
    pub(super) fn new(max_entries: u64) -> Self {
        Self {
            store: Moka::builder()
                .max_capacity(max_entries)
                .build_with_hasher(BuildUnhashed::default()),
        }
    }
}

impl Failure {
    fn age(&self, now: Now) -> Option<u64> {
        now.wall_secs()
            .saturating_add(CLOCK_SLACK)
            .checked_sub(self.stored)
            .map(|age| age.saturating_sub(CLOCK_SLACK))
    }

    fn is_fresh(&self, now: Now) -> bool {
        self.age(now)
            .is_some_and(|age| age < u64::from(self.lifetime))
    }
}

impl Cache {
    /// Remembers that `question` could not be resolved, and why: for `failure_ttl` seconds the first time, twice as long each
    /// further time, `max_failure_ttl` at most (RFC 9520 section 3.2). A failure that is still fresh is not prolonged. One
    /// that ended more than `max_failure_ttl` ago is forgotten: the count starts anew.
    pub fn store_failure(&self, question: &Question, ede: Ede, now: Now) {
        self.store_failure_as(question, ede, Demand::Any, now);
    }

    /// The same for a failure met by whoever wanted validated data: it does not concern those who take anything.
    pub fn store_failure_as(&self, question: &Question, ede: Ede, demand: Demand, now: Now) {
        let validating = demand == Demand::Checked;
        let (first, most) = (
            self.plan.failure_ttl.max(1),
            self.plan.max_failure_ttl.max(1),
        );
        let key = self.keyer.key(&question.name, question.rtype);
        self.failures.store.entry(key).and_compute_with(|entry| {
            let old = entry
                .map(moka::Entry::into_value)
                .filter(|old| old.question == *question);
            let lifetime = match &old {
                Some(old) if old.is_fresh(now) && (validating || !old.validating) => {
                    return Op::Nop;
                }
                Some(old) if old.is_fresh(now) => old.lifetime,
                Some(old)
                    if old
                        .age(now)
                        .is_some_and(|age| age < u64::from(old.lifetime) + u64::from(most)) =>
                {
                    old.lifetime.saturating_mul(2)
                }
                _ => first,
            };
            Op::Put(Arc::new(Failure {
                question: question.clone(),
                ede,
                validating,
                lifetime: lifetime.min(most),
                stored: now.wall_secs(),
            }))
        });
    }

    /// Whether `question`, which is about to end, may be looked up anew: not if that was begun within ten seconds.
    #[must_use]
    pub fn may_renew(&self, question: &Question, now: Now) -> bool {
        let key = self.keyer.key(&question.name, question.rtype);
        let began = now.wall_secs();
        let mut may = false;
        self.renewals.entry(key).and_compute_with(|entry| {
            let before = entry.map(moka::Entry::into_value);
            may = before.is_none_or(|before| before.abs_diff(began) >= RENEWAL_PAUSE);
            if may { Op::Put(began) } else { Op::Nop }
        });
        may
    }

    /// Whether names are looked up anew before they end.
    #[must_use]
    pub const fn prefetches(&self) -> bool {
        self.plan.prefetch
    }

    /// Why `question` failed, while that is remembered.
    #[must_use]
    pub fn failure(&self, question: &Question, now: Now) -> Option<Ede> {
        self.failure_as(question, Demand::Checked, now)
    }

    /// The same for whoever accepts more: who takes anything is not told that something could not be validated.
    #[must_use]
    pub fn failure_as(&self, question: &Question, demand: Demand, now: Now) -> Option<Ede> {
        self.failures
            .store
            .get(&self.keyer.key(&question.name, question.rtype))
            .filter(|failure| failure.is_fresh(now) && failure.question == *question)
            .filter(|failure| {
                demand == Demand::Checked || !(failure.validating || failure.ede.is_bogus())
            })
            .map(|failure| failure.ede.clone())
    }

    /// Forgets that `question` failed: it was resolved.
    pub fn clear_failure(&self, question: &Question) {
        let key = self.keyer.key(&question.name, question.rtype);
        if self.failures.store.contains_key(&key) {
            self.failures.store.invalidate(&key);
        }
    }

    pub(super) fn flush_failures(&self, which: impl Fn(&Name, RecordType) -> bool) -> u64 {
        let mut gone = 0;
        for (key, failure) in &self.failures.store {
            if which(&failure.question.name, failure.question.rtype) {
                self.failures.store.invalidate(&*key);
                gone += 1;
            }
        }
        gone
    }
}
