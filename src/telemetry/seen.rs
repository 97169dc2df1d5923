//! Who asks most now, and for what? What one worker met lately, for whoever looks; a query in 64 where there are many.

use ipnet::IpNet;
use smallvec::SmallVec;

use super::heavy::Heavy;

/// Keys of each kind that a worker keeps.
const PLACES: usize = 128;
/// Queries of one second that are all noted; of the rest of that second one in [`SAMPLED`] is.
const ALL: u32 = 500;
/// One in so many.
const SAMPLED: u32 = 64;

/// A domain, in lower-case wire form.
pub type Domain = SmallVec<[u8; 40]>;

/// What was met lately.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Networks of clients who may ask, by queries.
    pub clients: Heavy<IpNet>,
    /// Networks of those who may not, or whose addresses cannot be.
    pub outsiders: Heavy<IpNet>,
    /// Registrable domains that clients ask for.
    pub domains: Heavy<Domain>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            clients: Heavy::new(PLACES),
            outsiders: Heavy::new(PLACES),
            domains: Heavy::new(PLACES),
        }
    }
}

/// Which queries of one worker are noted. Each stands for as many as its weight says, so that sums are right on average.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sampler {
    second: u64,
    taken: u32,
    skip: u32,
}

impl Sampler {
    /// For how many queries this one stands; nothing if it is not noted. `second`: of the monotonic clock; `luck`: a random number.
    #[inline]
    pub fn weight(&mut self, second: u64, luck: impl FnOnce() -> u32) -> Option<f32> {
        if self.skip > 0 && self.second == second {
            self.skip -= 1;
            return None;
        }
        self.choose(second, luck)
    }

    #[inline(never)]
    fn choose(&mut self, second: u64, luck: impl FnOnce() -> u32) -> Option<f32> {
        if self.second != second {
            *self = Self {
                second,
                ..Self::default()
            };
        }
        let exact = self.taken < ALL;
        if exact {
            self.taken += 1;
            return Some(1.0);
        }
        // 0 to 126 are skipped before the next: 63 on average.
        self.skip = luck() % (2 * SAMPLED - 1);
        Some(64.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn few_queries_are_all_noted_and_many_stand_for_as_many_as_there_are() {
        let mut dice = rand::rngs::SmallRng::seed_from_u64(7);
        let mut sampler = Sampler::default();
        let mut noted = |second: u64, queries: u32| -> (u32, f32) {
            let weights = (0..queries).filter_map(|_| sampler.weight(second, || dice.next_u32()));
            weights.fold((0, 0.0), |(count, sum), weight| (count + 1, sum + weight))
        };
        assert_eq!(noted(1, 400), (400, 400.0));
        assert_eq!(noted(2, 500), (500, 500.0));
        let (mut count, mut sum) = (0, 0.0);
        for second in 3..103 {
            let (more, weight) = noted(second, 20_000);
            count += more;
            sum += f64::from(weight);
        }
        assert!((70_000..95_000).contains(&count), "{count} of 2,000,000");
        let error = (sum / 2_000_000.0 - 1.0).abs();
        assert!(error < 0.02, "{sum}");
    }
}
