//! How many of the limited get a reply? All, until the host has so many of them that replying would be its main work.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::clock::Now;

/// Limited queries of this second and of the one before. Lock-free.
#[derive(Debug)]
pub(super) struct Overload {
    /// Seconds in the high half, queries in the low.
    this: AtomicU64,
    before: AtomicU64,
    above: u64,
}

impl Overload {
    /// Every reply is sent up to `above` limited queries per second, every second up to twice that, every fourth beyond.
    pub(super) const fn new(above: u32) -> Self {
        Self {
            this: AtomicU64::new(0),
            before: AtomicU64::new(0),
            above: above as u64,
        }
    }

    /// Counts one limited query; of how many such one is to be replied to.
    pub(super) fn count(&self, now: Now) -> u32 {
        let second = now.mono.as_secs() & u64::from(u32::MAX);
        let seen = self.this.load(Ordering::Relaxed);
        let (then, _) = split(seen);
        let count = if then == second {
            split(self.this.fetch_add(1, Ordering::Relaxed)).1 + 1
        } else {
            let fresh = (second << 32) | 1;
            let order = Ordering::Relaxed;
            if self
                .this
                .compare_exchange(seen, fresh, order, order)
                .is_ok()
            {
                self.before.store(seen, order);
            }
            1
        };
        self.slip_at(count.max(self.of_second_before(second)))
    }

    /// Of how many limited queries one is replied to now, without counting one.
    pub(super) fn slip(&self, now: Now) -> u32 {
        let second = now.mono.as_secs() & u64::from(u32::MAX);
        let (then, count) = split(self.this.load(Ordering::Relaxed));
        let count = if then == second { count } else { 0 };
        self.slip_at(count.max(self.of_second_before(second)))
    }

    fn of_second_before(&self, second: u64) -> u64 {
        [&self.before, &self.this]
            .into_iter()
            .map(|cell| split(cell.load(Ordering::Relaxed)))
            .find(|(then, _)| then + 1 == second)
            .map_or(0, |(_, count)| count)
    }

    const fn slip_at(&self, count: u64) -> u32 {
        if count <= self.above {
            1
        } else if count <= 2 * self.above {
            2
        } else {
            4
        }
    }
}

const fn split(cell: u64) -> (u64, u64) {
    (cell >> 32, cell & 0xFFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_get_fewer_as_the_limited_get_more_and_all_return_after_a_quiet_second() {
        let overload = Overload::new(100);
        let at = Now::at_secs;
        let slips: Vec<u32> = (0..300).map(|_| overload.count(at(5))).collect();
        let of = |slip| slips.iter().filter(|one| **one == slip).count();
        assert_eq!((of(1), of(2), of(4)), (100, 100, 100));
        // The next second begins where this one ended: a flood does not start each second with a burst of replies.
        assert_eq!(overload.count(at(6)), 4);
        assert_eq!(overload.slip(at(6)), 4);
        assert_eq!(overload.slip(at(7)), 1);
        assert_eq!(overload.count(at(8)), 1);
    }
}
