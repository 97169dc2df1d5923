//! How much do customers ask? The distribution of their rates, from a sample of queries, and the rate it suggests.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng;

use super::ladder::{WHOLE as WHOLE_SHARE, leading_bits};
use super::near::SAMPLED;
use super::{Client, Limiter, high_half, millis, part};
use crate::config::plan::LimiterMode;
use crate::sys::clock::Now;

/// One query in so many is looked at for the suggested rate.
const SAMPLE: u64 = 16;
/// So many times its limit can a customer be seen to ask where limits are not applied.
const SIGHT: u32 = 64;
/// What makes another key of a customer's, for that.
const SEEN: u64 = 0xD1B5_4A32_D192_ED03;
/// Buckets: 4 per doubling, from 1/16 query per second.
const BUCKETS: usize = 100;
const PER_DOUBLING: u32 = 4;
/// The suggested rate is so many times what all but one of a thousand stay below (T1.7).
const ROOM: f64 = 4.0;
const QUANTILE: f64 = 0.999;
/// One query that weighs 1.
const WHOLE: f64 = 1_048_576.0;
/// Sampled queries below which nothing is said.
const ENOUGH: u64 = 1000;

/// A histogram of customers by rate. A customer is met once per query, so each meeting weighs one by its rate.
#[derive(Debug)]
pub(super) struct Demand {
    weights: [AtomicU64; BUCKETS],
    samples: AtomicU64,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            weights: [const { AtomicU64::new(0) }; BUCKETS],
            samples: AtomicU64::new(0),
        }
    }
}

impl Demand {
    /// Notes one query of a customer that asks `rate` queries per second.
    pub(super) fn note(&self, rate: f64) {
        let rate = rate.max(0.0625);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 100; a share of 2^20"
        )]
        let (bucket, weight) = (
            ((rate * 16.0).log2() * f64::from(PER_DOUBLING)) as usize,
            (WHOLE / rate) as u64,
        );
        if let Some(cell) = self.weights.get(bucket.min(BUCKETS - 1)) {
            cell.fetch_add(weight.max(1), Ordering::Relaxed);
            self.samples.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The rate that all but one active customer of a thousand stay below; nothing until enough was seen.
    #[must_use]
    pub(super) fn most(&self) -> Option<f64> {
        if self.samples.load(Ordering::Relaxed) < ENOUGH {
            return None;
        }
        let weights = self
            .weights
            .each_ref()
            .map(|cell| cell.load(Ordering::Relaxed));
        let total = weights
            .iter()
            .fold(0_u64, |sum, one| sum.saturating_add(*one));
        #[expect(clippy::cast_precision_loss, reason = "a share of many")]
        let wanted = total as f64 * QUANTILE;
        let mut seen = 0_u64;
        let mut upper = 0.0625;
        for weight in weights {
            seen = seen.saturating_add(weight);
            upper *= 2_f64.powf(1.0 / f64::from(PER_DOUBLING));
            #[expect(clippy::cast_precision_loss, reason = "a share of many")]
            if seen as f64 >= wanted {
                break;
            }
        }
        Some(upper)
    }

    /// A rate to set, queries per second.
    #[must_use]
    pub(super) fn suggested_rate(&self) -> Option<u32> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and far below 2^32"
        )]
        self.most().map(|most| (most * ROOM).ceil() as u32)
    }
}

impl Limiter {
    /// Notes how much the customer of one query in so many asks, if its limit is applied.
    #[inline]
    pub(super) fn sample(&self, client: Client, load: u64, share: u64, luck: u64) {
        // What many share, or has limits of its own, says nothing of the usual customer.
        if (luck / SAMPLED).is_multiple_of(SAMPLE)
            && share == WHOLE_SHARE
            && self.plan.mode == LimiterMode::Enforce
        {
            self.memory.demand.note(self.rate(client, load));
        }
    }

    /// The same where it is not: by a second load, which has room for more.
    pub(super) fn survey(&self, client: Client, octets: u64, now: Now, dice: &mut impl Rng) {
        let Some(step) = self.ladder(client).steps().first() else {
            return;
        };
        let hash = step.hash(step.prefix(leading_bits(client.address))) ^ SEEN;
        let sketch = &self.memory.sketch;
        let luck = dice.next_u64();
        let Some(place) = sketch.find(hash, millis(now), &self.decay, luck) else {
            return;
        };
        if luck.is_multiple_of(SAMPLE) {
            let rate = self.rate(client, place.load()) * f64::from(SIGHT);
            self.memory.demand.note(rate);
        }
        place.add(
            step.price(octets, WHOLE_SHARE) / u64::from(SIGHT),
            high_half(luck),
        );
    }

    /// Queries per second of a customer with this load.
    fn rate(&self, client: Client, load: u64) -> f64 {
        let times = if client.verified {
            self.plan.verified_factor
        } else {
            1
        };
        part(load) * f64::from(self.plan.rate) * f64::from(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_heavy_customers_do_not_speak_for_all_and_a_thousandth_counts() {
        let demand = Demand::default();
        assert_eq!(demand.suggested_rate(), None);
        // 10 s of 998 customers at 1 q/s, one at 10, and (less than a thousandth) half of one at 150.
        for _ in 0..9_980 {
            demand.note(1.0);
        }
        for _ in 0..100 {
            demand.note(10.0);
        }
        for _ in 0..750 {
            demand.note(150.0);
        }
        let most = demand.most().unwrap();
        assert!((10.0..=12.0).contains(&most), "{most}");
        assert_eq!(demand.suggested_rate(), Some((most * 4.0).ceil() as u32));
    }
}
