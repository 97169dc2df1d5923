//! How long did answers take? Fixed buckets of powers of two microseconds.

use std::time::Duration;

use super::cell::{Cells, Writers, add_up};

/// Buckets: up to 1 µs, 2 µs, 4 µs … 2^23 µs (8.4 s), and above.
pub const BUCKETS: usize = 25;

/// Counted durations.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: Cells<BUCKETS>,
    sum_us: Cells<1>,
}

/// Counted durations, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyCounts {
    /// Durations in each bucket (not cumulative); the upper bounds are [`upper_bound_us`].
    pub buckets: [u64; BUCKETS],
    /// Sum of all durations, microseconds.
    pub sum_us: u64,
}

impl Latency {
    /// Counts one duration.
    #[inline]
    pub fn observe(&self, writers: Writers, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets.add(writers, bucket(us), 1);
        self.sum_us.add(writers, 0, us);
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> LatencyCounts {
        let [sum_us] = self.sum_us.read();
        LatencyCounts {
            buckets: self.buckets.read(),
            sum_us,
        }
    }
}

impl LatencyCounts {
    /// Adds another worker's.
    pub fn add(&mut self, more: &Self) {
        add_up(&mut self.buckets, &more.buckets);
        self.sum_us = self.sum_us.wrapping_add(more.sum_us);
    }

    /// Durations counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, n| sum.wrapping_add(*n))
    }

    /// Upper bound, microseconds, of the bucket that holds the `q` quantile (0.0..=1.0); nothing when nothing was counted
    /// or it lies above the last bound.
    #[must_use]
    pub fn quantile_us(&self, q: f64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank; half a count of error at 2^53 counts does not matter"
        )]
        let rank = ((total as f64 * q.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0_u64;
        for (index, n) in self.buckets.iter().enumerate() {
            seen = seen.saturating_add(*n);
            if seen >= rank {
                return upper_bound_us(index);
            }
        }
        None
    }
}

/// Largest duration of a bucket, microseconds; nothing for the last, which has no bound.
#[must_use]
pub const fn upper_bound_us(index: usize) -> Option<u64> {
    if index + 1 < BUCKETS {
        Some(1 << index)
    } else {
        None
    }
}

fn bucket(us: u64) -> usize {
    let above = us
        .saturating_sub(1)
        .checked_ilog2()
        .map_or(0, |bits| bits + 1);
    usize::try_from(above).unwrap_or(BUCKETS)
}
