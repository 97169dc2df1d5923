//! How many fetches may one key hold? A share of what is free, so that a few slow ones cannot take all (dynamic threshold).
//!
//! With `B` slots of which `u` are in use, a key may hold `T = max(32, (B - u) / divisor)`: what is free is lent out, and the more
//! keys want much, the less each gets (Choudhury and Hahne 1998, for shared buffers of switches). Nothing to tune per key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::zones::decay::place;

/// A key may always hold this many (parameter sheet, section 3).
pub const FLOOR: u32 = 32;

/// Into what part of the free slots, as a divisor, a zone may grow (parameter sheet, section 3): one dead zone holds 6 % then, a
/// hundred 86 % together. (Those of clients and servers are settings: `[shares]`.)
pub const ZONE: u32 = 16;

/// How many of `most` slots names may take that nobody knows: a quarter is left to those known to be real (parameter sheet, section 3).
#[must_use]
pub const fn for_unknown(most: u32) -> u32 {
    most - most / 4
}

/// All slots, whoever holds them. Shared by `Arc`.
#[derive(Debug)]
pub struct Pool {
    capacity: AtomicU32,
    used: AtomicU32,
}

/// One slot of the [`Pool`]; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Place(Arc<Pool>);

/// How many slots each key of one kind holds: two rows of counters, in which a key has one cell each and the smaller counts.
///
/// No number of keys can grow it. Two keys that share both cells count each other's slots too: with 2 × 32,768 cells and a keyed
/// hash that is one pair in 10^9.
#[derive(Debug)]
pub struct Shares([Box<[AtomicU32]>; 2]);

/// One slot counted for one key; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Share {
    shares: Arc<Shares>,
    key: u64,
}

impl Pool {
    /// With this many slots, none in use.
    #[must_use]
    pub const fn new(capacity: u32) -> Self {
        Self {
            capacity: AtomicU32::new(capacity),
            used: AtomicU32::new(0),
        }
    }

    /// Changes how many there are; those in use stay so.
    pub fn resize(&self, capacity: u32) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    /// Slots in all.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Slots in use.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// What a key of this kind may hold now: at least [`FLOOR`].
    #[must_use]
    pub fn threshold(&self, divisor: u32) -> u32 {
        self.share(divisor, FLOOR)
    }

    /// The same with a floor of one's own.
    #[must_use]
    pub fn share(&self, divisor: u32, floor: u32) -> u32 {
        let free = self.capacity().saturating_sub(self.used());
        (free / divisor.max(1)).max(floor)
    }

    /// Takes a slot. There always is one: how many a key takes is for its threshold to bound.
    pub fn take(self: &Arc<Self>) -> Place {
        self.used.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shares {
    /// Two rows of `cells` cells each.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        let row = || {
            std::iter::repeat_with(AtomicU32::default)
                .take(cells.max(1))
                .collect()
        };
        Self([row(), row()])
    }

    /// How many slots `key` holds; never too few.
    #[must_use]
    pub fn held(&self, key: u64) -> u32 {
        self.cells(key)
            .map(|cell| cell.load(Ordering::Relaxed))
            .min()
            .unwrap_or(0)
    }

    /// Counts one more slot for `key`.
    pub fn enter(self: &Arc<Self>, key: u64) -> Share {
        for cell in self.cells(key) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        Share {
            shares: Arc::clone(self),
            key,
        }
    }

    fn cells(&self, key: u64) -> impl Iterator<Item = &AtomicU32> {
        self.0
            .iter()
            .zip([key, key.rotate_left(32)])
            .filter_map(|(row, part)| row.get(place(part, row.len())))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        for cell in self.shares.cells(self.key) {
            cell.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `keys` keys that each take all they may, in turns; what one and all hold in the end.
    fn saturated(keys: u64, capacity: u32) -> (u32, u32) {
        let pool = Arc::new(Pool::new(capacity));
        let shares = Arc::new(Shares::new(1 << 15));
        let hash = |key: u64| siphasher::sip::SipHasher13::new().hash(&key.to_be_bytes());
        let mut held = Vec::new();
        loop {
            let before = held.len();
            for key in (0..keys).map(hash) {
                if shares.held(key) < pool.threshold(ZONE) {
                    held.push((pool.take(), shares.enter(key)));
                }
            }
            if held.len() == before {
                return (shares.held(hash(0)), pool.used());
            }
        }
    }

    #[test]
    fn one_dead_zone_holds_a_seventeenth_and_a_hundred_leave_room() {
        let (one, all) = saturated(1, 32_768);
        assert_eq!(one, all);
        assert!((1_900..=1_930).contains(&one), "5.9 %: {one}");
        let (each, all) = saturated(10, 32_768);
        assert!((1_230..=1_270).contains(&each), "3.8 %: {each}");
        assert!(all < 32_768 * 39 / 100, "38 %: {all}");
        let (_, all) = saturated(100, 32_768);
        assert!(all < 32_768 * 87 / 100, "86 %: {all}");
    }

    #[test]
    fn the_floor_is_kept_and_everything_is_given_back() {
        let pool = Arc::new(Pool::new(64));
        let shares = Arc::new(Shares::new(16));
        let held: Vec<_> = (0..100).map(|_| (pool.take(), shares.enter(7))).collect();
        assert_eq!(pool.threshold(ZONE), FLOOR);
        assert_eq!((pool.used(), shares.held(7)), (100, 100));
        drop(held);
        assert_eq!((pool.used(), shares.held(7)), (0, 0));
        pool.resize(6_400);
        assert_eq!(pool.share(64, FLOOR), 100);
    }
}
