//! Which prefixes that many share may be near their limit? Those are charged and looked at for each query, the others for one in sixteen.
//!
//! The limit of a network is so many times that of a customer that a sample tells its load: of `n` queries charged one in sixteen, at sixteen
//! times the price, the load is right on average, and off by `sqrt(15 n)` prices (standard deviation). A prefix is sampled only while
//! that is at most 1.5 % of its limit and its load at most half of it: up to 19 % of the limit for a /24 of 32 x 400 queries, up to
//! half for the wider ones. Beyond, it is noted here, and for a second and as long as it stays there nothing is left to chance.
//!
//! A cell is found by a multiplication, not by a keyed hash: who meets another's cell makes that one's queries be counted one by one,
//! which is exact, and costs no more than if there were no sample.

use std::sync::atomic::{AtomicU32, Ordering};

use super::sketch::FULL;

/// One query in so many is charged, for as many.
pub const SAMPLED: u64 = 16;
/// A note holds for so long, ms.
const LINGER: u32 = 1000;
/// Bits of the number of a cell: 1,024 of them, 4 KiB.
const BITS: u32 = 10;
const CELLS: usize = 1 << BITS;
/// The squared error, as a part of the limit, up to which there is a sample.
const ERROR: f64 = 0.015 * 0.015;

/// The notes, by prefix; some share one.
#[derive(Debug)]
pub struct Near {
    /// When the last of all was made, ms: mostly that is long ago, and no other need be looked at.
    last: AtomicU32,
    /// When each was made, ms.
    noted: Box<[AtomicU32; CELLS]>,
}

/// Where prefixes of one length have their notes: an odd secret.
#[derive(Clone, Copy, Debug)]
pub struct Multiplier(u64);

impl Default for Near {
    fn default() -> Self {
        // Half of the clock's round away: nothing is noted when it begins.
        Self {
            last: AtomicU32::new(1 << 31),
            noted: Box::new([const { AtomicU32::new(1 << 31) }; CELLS]),
        }
    }
}

impl Near {
    /// Whether any cell was noted lately.
    #[inline]
    pub fn has_any(&self, now_ms: u32) -> bool {
        lately(&self.last, now_ms)
    }

    /// Whether the cell was noted lately.
    #[inline]
    pub fn has(&self, cell: usize, now_ms: u32) -> bool {
        let noted = self.noted.get(cell);
        noted.is_none_or(|noted| lately(noted, now_ms))
    }

    /// Notes it.
    pub fn note(&self, cell: usize, now_ms: u32) {
        if let Some(noted) = self.noted.get(cell) {
            noted.store(now_ms, Ordering::Relaxed);
            self.last.store(now_ms, Ordering::Relaxed);
        }
    }
}

#[inline]
fn lately(noted: &AtomicU32, now_ms: u32) -> bool {
    let passed = now_ms.wrapping_sub(noted.load(Ordering::Relaxed));
    // Another worker's clock may be ahead.
    passed.wrapping_add(LINGER) < 2 * LINGER
}

impl Multiplier {
    /// Of a secret.
    pub const fn new(secret: u64) -> Self {
        Self(secret | 1)
    }

    /// That of a prefix.
    #[inline]
    pub fn cell(self, prefix: u64) -> usize {
        usize::try_from(prefix.wrapping_mul(self.0) >> (u64::BITS - BITS)).unwrap_or(0)
    }
}

/// The load above which a prefix that may ask `limit` queries at once is noted.
pub fn near_above(limit: u64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number of queries; at most half of 2^16"
    )]
    let above = ((limit as f64 * ERROR / (SAMPLED - 1) as f64).min(0.5) * FULL as f64) as u64;
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_any_note_as_long_as_there_is_one() {
        for begun in [0_u32, 77, u32::MAX - 5] {
            let at = |passed: u32| begun.wrapping_add(passed);
            let near = Near::default();
            assert!(!near.has_any(at(0)));
            near.note(3, at(0));
            near.note(4, at(400));
            for passed in 0..3 * LINGER {
                let some = (0..CELLS).any(|cell| near.has(cell, at(passed)));
                assert_eq!(near.has_any(at(passed)), some, "{passed} ms after {begun}");
            }
        }
    }
}
