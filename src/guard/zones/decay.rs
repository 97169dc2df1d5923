//! How much of something came lately? Sums that forget with an e-fold of five seconds.

use crate::sys::clock::Now;

/// Seconds in which a sum falls to 1/e (parameter sheet, section 3: outcomes decay over 5 s).
pub const E_FOLD: f32 = 5.0;

/// Milliseconds of the monotonic clock, as the zone guard counts time.
#[must_use]
pub fn millis(now: Now) -> u64 {
    u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX)
}

/// What a sum of age `from` is worth at `to`, both in milliseconds: 1 at once, 1/e after [`E_FOLD`].
#[expect(
    clippy::cast_precision_loss,
    reason = "a time long past is worth nothing, however long"
)]
fn worth(from: u64, to: u64) -> f32 {
    let age = to.saturating_sub(from);
    if age == 0 {
        return 1.0;
    }
    (-(age as f32) / (1000.0 * E_FOLD)).exp()
}

/// One such sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decaying {
    sum: f32,
    at: u64,
}

impl Decaying {
    /// Adds `amount` at `at` milliseconds.
    pub fn add(&mut self, amount: f32, at: u64) {
        self.sum = self.sum(at) + amount;
        self.at = self.at.max(at);
    }

    /// What is left of it.
    #[must_use]
    pub fn sum(&self, at: u64) -> f32 {
        self.sum * worth(self.at, at)
    }

    /// When it was last added to, milliseconds; 0 if never.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.at
    }

    /// The rate per second that keeps the sum where it is.
    #[must_use]
    pub fn rate(&self, at: u64) -> f32 {
        self.sum(at) / E_FOLD
    }
}

/// Rates of many keys in a table that no number of keys can grow: each key adds to one cell of either row, and the smaller of its
/// two cells is an estimate that is never too low (Cormode and Muthukrishnan 2005, with decay).
#[derive(Debug)]
pub struct Sketch {
    rows: [Box<[Cell]>; 2],
}

/// Eight octets: the sum, and the low bits of its milliseconds (a cell untouched for 49 days would be misread, once).
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    sum: f32,
    at: u32,
}

impl Sketch {
    /// Two rows of `cells` cells each, at least one.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        let row = || vec![Cell::default(); cells.max(1)].into_boxed_slice();
        Self {
            rows: [row(), row()],
        }
    }

    /// Adds 1 to `key` and says what its rate per second is now at most.
    pub fn add(&mut self, key: u64, at: u64) -> f32 {
        let stamp = u32::try_from(at & u64::from(u32::MAX)).unwrap_or(0);
        let mut least = f32::INFINITY;
        for (row, part) in self.rows.iter_mut().zip([key, key.rotate_left(32)]) {
            let place = place(part, row.len());
            let Some(cell) = row.get_mut(place) else {
                continue;
            };
            let age = stamp.wrapping_sub(cell.at);
            cell.sum = cell.sum.mul_add(worth(0, u64::from(age)), 1.0);
            cell.at = stamp;
            least = least.min(cell.sum);
        }
        if least.is_finite() {
            least / E_FOLD
        } else {
            0.0
        }
    }
}

/// Spreads the low 32 bits of `part` over `0..cells`.
pub(in crate::guard) fn place(part: u64, cells: usize) -> usize {
    let cells = u64::try_from(cells).unwrap_or(1);
    usize::try_from(((part & u64::from(u32::MAX)) * (cells & u64::from(u32::MAX))) >> 32)
        .unwrap_or(0)
}

/// How many different things were seen: HyperLogLog of 128 registers, 9 % off at most mostly (Flajolet et al. 2007).
#[derive(Clone, Debug)]
pub struct Distinct([u8; REGISTERS]);

const REGISTERS: usize = 128;

impl Default for Distinct {
    fn default() -> Self {
        Self([0; REGISTERS])
    }
}

impl Distinct {
    /// Sees the thing with this (uniform) hash.
    pub fn see(&mut self, hash: u64) {
        let index = usize::try_from(hash >> 57).unwrap_or(0);
        let rank = u8::try_from((hash << 7 | 0x40).leading_zeros() + 1).unwrap_or(u8::MAX);
        if let Some(register) = self.0.get_mut(index) {
            *register = rank.max(*register);
        }
    }

    /// About how many there were.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate of at most 2^63, never negative"
    )]
    pub fn estimate(&self) -> u64 {
        const M: f64 = 128.0;
        const ALPHA: f64 = 0.7213 / (1.0 + 1.079 / M);
        let mut harmonic = 0.0;
        let mut empty = 0_u32;
        for register in self.0 {
            harmonic += (-f64::from(register)).exp2();
            empty += u32::from(register == 0);
        }
        let raw = ALPHA * M * M / harmonic;
        let estimate = if raw <= 2.5 * M && empty > 0 {
            M * (M / f64::from(empty)).ln()
        } else {
            raw
        };
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_as_its_rate_and_forgotten_in_time() {
        let mut demand = Decaying::default();
        for at in 0..30_000_u64 {
            if at % 10 == 0 {
                demand.add(1.0, at);
            }
        }
        let rate = demand.rate(30_000);
        assert!((95.0..105.0).contains(&rate), "{rate}");
        assert!(demand.rate(50_000) < 2.0);
        // A clock that stands still or goes back does not make it grow.
        assert!(demand.rate(10_000) <= rate + 1.0);
    }

    #[test]
    fn the_sketch_never_says_too_little() {
        let mut sketch = Sketch::new(256);
        let heavy = 0xABCD_EF01_2345_6789;
        let mut last = 0.0;
        for at in 0..10_000_u64 {
            sketch.add(at.wrapping_mul(0x9E37_79B9_7F4A_7C15), at);
            last = sketch.add(heavy, at);
        }
        assert!(last >= 860.0, "{last}");
        assert!(last < 950.0, "{last}");
        assert!(sketch.add(heavy, 60_000) < 5.0);
    }

    #[test]
    fn different_things_are_counted_within_a_third() {
        for count in [1_u64, 10, 100, 1_000, 100_000] {
            let mut distinct = Distinct::default();
            for thing in 0..count {
                let hash = siphasher::sip::SipHasher13::new().hash(&thing.to_be_bytes());
                distinct.see(hash);
                distinct.see(hash);
            }
            let estimate = distinct.estimate();
            assert!(
                estimate * 3 >= count * 2 && estimate * 3 <= count * 4,
                "{count}: {estimate}"
            );
        }
    }
}
