//! What does one UDP worker keep to itself? Its table of ready-made answers, its counters and its dice.

use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use crate::cache::answers::AnswerTable;
use crate::sys::entropy;
use crate::telemetry::Worker;
use crate::telemetry::seen::Sampler;

/// What one UDP worker keeps to itself: its table of ready-made answers and its counters.
pub struct WorkerState {
    pub(super) table: AnswerTable,
    pub(super) counters: Arc<Worker>,
    /// For what is decided by chance; its numbers are never seen.
    pub(super) dice: SmallRng,
    /// Which queries are noted for whoever looks.
    pub(super) sampler: Sampler,
}

impl WorkerState {
    /// An empty table of `slots` answers; `counters` are this thread's own.
    #[must_use]
    pub fn new(slots: usize, counters: Arc<Worker>) -> Self {
        let mut random = entropy::csprng();
        let secrets = [(); 3].map(|()| random.next_u64());
        Self::with_secrets(slots, counters, secrets)
    }

    /// The same with given secrets, for benches: two for the table, and one that the dice begin with.
    #[must_use]
    pub fn with_secrets(
        slots: usize,
        counters: Arc<Worker>,
        [first, second, dice]: [u64; 3],
    ) -> Self {
        Self {
            table: AnswerTable::new(slots, first, second),
            counters,
            dice: SmallRng::seed_from_u64(dice),
            sampler: Sampler::default(),
        }
    }
}
