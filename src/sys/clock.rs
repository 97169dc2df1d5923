//! What time is it? The only file that asks; everything else is told.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One reading of both clocks, taken once per batch or event and passed down as an argument.
///
/// TTLs count on the wall clock, so that a moved clock (libfaketime, a resumed machine) expires them; round-trip
/// times and rates count on the monotonic one. All arithmetic on either saturates: a clock that jumps by years, in
/// either direction, must trip nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds since the Unix epoch by the wall clock.
    pub wall_ms: u64,
    /// Time since this process first read its clock, monotonic.
    pub mono: Duration,
}

impl Now {
    /// A made-up moment for tests and simulations: `secs` seconds after an arbitrary start, on both clocks.
    #[must_use]
    pub const fn at_secs(secs: u64) -> Self {
        Self {
            wall_ms: (1_700_000_000 + secs) * 1000,
            mono: Duration::from_secs(secs),
        }
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn wall_secs(self) -> u64 {
        self.wall_ms / 1000
    }

    /// The same moment moved forward by `by` on both clocks, saturating.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self {
            wall_ms: self.wall_ms.saturating_add(by_ms),
            mono: self.mono.saturating_add(by),
        }
    }

    /// Monotonic time since `earlier`, zero if that lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.mono.saturating_sub(earlier.mono)
    }
}

/// Reads both clocks.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks for the time"
)]
pub fn now() -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    let instant = Instant::now();
    let start = *START.get_or_init(|| instant);
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        mono: instant.saturating_duration_since(start),
    }
}
