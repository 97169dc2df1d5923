//! Which copy of the root zone is used now? A place where it can be put, taken away and found, and where its use is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use crate::recursion::LocalRoot;
use crate::sys::clock::Now;

/// The place of the copy.
#[derive(Debug, Default)]
pub struct RootCopy {
    held: ArcSwapOption<Held>,
    replies: AtomicU64,
}

/// A copy and how long it holds.
#[derive(Debug)]
struct Held {
    root: LocalRoot,
    until: u64,
}

impl RootCopy {
    /// From now on this copy is used, as long as the wall clock is before `until` (seconds): from one moment to the next no
    /// later recursion sees the old one.
    pub fn put(&self, root: LocalRoot, until: u64) {
        self.held.store(Some(Arc::new(Held { root, until })));
    }

    /// From now on none is used.
    pub fn take_away(&self) {
        self.held.store(None);
    }

    /// The copy, if there is one and it holds at `now`.
    #[must_use]
    pub fn usable(&self, now: Now) -> Option<LocalRoot> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| now.wall_secs() < held.until)?;
        Some(held.root.clone())
    }

    /// How many questions to the root were answered from it.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }

    pub(super) fn note_replies(&self, count: u32) {
        self.replies.fetch_add(u64::from(count), Ordering::Relaxed);
    }
}
