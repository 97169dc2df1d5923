//! How is one event counted? Rows of relaxed atomic numbers, written by one thread or by many.

use std::sync::atomic::{AtomicU64, Ordering};

/// Who writes a row of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// One thread: a count is a load and a store, never a locked instruction.
    One,
    /// Any number: a count is a fetch-and-add.
    Many,
}

/// `N` counters side by side.
#[derive(Debug)]
pub struct Cells<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for Cells<N> {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }
}

impl<const N: usize> Cells<N> {
    /// Adds `n` to the counter at `index`; beyond the row, to the last one, so that no event is lost.
    #[inline]
    pub fn add(&self, writers: Writers, index: usize, n: u64) {
        let Some(cell) = self.0.get(index).or_else(|| self.0.last()) else {
            return;
        };
        match writers {
            Writers::One => {
                let sum = cell.load(Ordering::Relaxed).wrapping_add(n);
                cell.store(sum, Ordering::Relaxed);
            }
            Writers::Many => {
                cell.fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    /// All values as they are now.
    #[must_use]
    pub fn read(&self) -> [u64; N] {
        self.0.each_ref().map(|cell| cell.load(Ordering::Relaxed))
    }
}

/// Adds `more` onto `sum`, place by place.
pub(in crate::telemetry) fn add_up<const N: usize>(sum: &mut [u64; N], more: &[u64; N]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum = sum.wrapping_add(*more);
    }
}
