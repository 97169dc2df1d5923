//! Which source port does this query leave from? Any of the allowed ones with equal chance, every time anew.

use rand::{Rng, RngExt};

/// The port nobody asks from: replies from it would look like a server's (and old firewalls let it through).
const DNS: u16 = 53;
/// The whole range that may be configured, used when a range and its exceptions leave nothing (the config refuses that).
const FALLBACK: (u16, u16) = (1024, 65_535);

/// The ports that queries may leave from. One pool for all workers: a port that only some threads use tells an attacker
/// which (CVE-2026-50252).
#[derive(Debug)]
pub struct SourcePorts(Box<[u16]>);

impl SourcePorts {
    /// The ports of the inclusive range `low..=high` that are not in `avoid`, never 53 and never 0.
    #[must_use]
    pub fn new((low, high): (u16, u16), avoid: &[u16]) -> Self {
        let collect = |low: u16, high: u16, avoid: &[u16]| -> Box<[u16]> {
            (low.max(1)..=high)
                .filter(|port| *port != DNS && !avoid.contains(port))
                .collect()
        };
        let ports = collect(low, high, avoid);
        if ports.is_empty() {
            return Self(collect(FALLBACK.0, FALLBACK.1, &[]));
        }
        Self(ports)
    }

    /// One of them, uniformly.
    pub fn pick(&self, rng: &mut impl Rng) -> u16 {
        let index = rng.random_range(0..self.0.len().max(1));
        self.0.get(index).copied().unwrap_or(FALLBACK.1)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: there is always something to pick.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
