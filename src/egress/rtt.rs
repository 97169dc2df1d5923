//! How long does this server take, and how long do we wait for it? Smoothed as in RFC 6298.

use std::time::Duration;

/// A smoothed round-trip time and its variation (RFC 6298 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtt {
    smoothed: Duration,
    variation: Duration,
}

impl Rtt {
    /// From a first measurement (RFC 6298 rule 2.2).
    #[must_use]
    pub fn first(measured: Duration) -> Self {
        Self {
            smoothed: measured,
            variation: measured / 2,
        }
    }

    /// With one measurement more (rule 2.3: alpha 1/8, beta 1/4).
    #[must_use]
    pub fn with(self, measured: Duration) -> Self {
        let off = self.smoothed.abs_diff(measured);
        Self {
            smoothed: (self.smoothed.saturating_mul(7)).saturating_add(measured) / 8,
            variation: (self.variation.saturating_mul(3)).saturating_add(off) / 4,
        }
    }

    /// The smoothed time.
    #[must_use]
    pub const fn smoothed(self) -> Duration {
        self.smoothed
    }

    /// How long to wait: smoothed + 4 x variation (rule 2.3).
    #[must_use]
    pub const fn timeout(self) -> Duration {
        self.smoothed
            .saturating_add(self.variation.saturating_mul(4))
    }
}
