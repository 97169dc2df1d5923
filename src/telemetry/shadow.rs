//! What does each limit do, or would it if it were enforced, and to whom? Counts by limit and by what speaks for the query.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident $label:literal),* $(,)?) => {
        /// A limit that holds queries back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Limit {
            $($(#[$doc])* $name),*
        }

        impl Limit {
            /// All limits, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code: metric label, report.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }
        }
    };
}

limits! {
    /// How much a client may ask (`[limiter]`).
    Client "client_limiter",
    /// Floods of unknown names (`[zone_guard]`).
    ZoneGuard "zone_guard",
    /// Look-ups under way of one client (`[shares]`).
    ClientShare "client_share",
    /// Proof of the address (`acl.prove`, `limiter.prove_after`).
    Proof "proof",
    /// Refusals sent to those who may not ask (`guard.refusals_per_prefix` and its kin).
    Refusals "refusals",
    /// Queries of one client that wait (`guard.pending_per_client`).
    PendingPerClient "pending_per_client",
    /// All that wait (`recursion.in_flight`, `recursion.joined_clients`).
    PendingTotal "pending_total",
    /// TCP connections of one client (`tcp.connections_per_client`).
    TcpPerClient "tcp_per_client",
    /// TCP connections in all (`tcp.connections`).
    TcpTotal "tcp_total",
    /// Questions under way to one server (`[shares]`), for whose answer a query failed.
    ServerShare "server_share",
}

/// What speaks for a query that a limit holds back, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KnownGood {
    /// What it asks for is known to be real: it is in the filter of known names, or answered with NOERROR without asking anybody.
    Name,
    /// Its address is proven, by TCP or a cookie; the name is not known.
    Address,
    /// Nothing.
    No,
}

impl KnownGood {
    /// All, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Name, Self::Address, Self::No];

    /// The code: metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::No => "no",
        }
    }
}

/// Queries of one second that are all looked at; of the rest of that second one in [`SAMPLED`] is.
const ALL: u64 = 500;
/// One in so many, counted for all of them.
const SAMPLED: u32 = 64;

/// Which queries that limits act on are looked at: a flood must not cost a look into the cache for each packet. Where several
/// threads write it may be a few more or less.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Sampler(AtomicU64);

impl Sampler {
    /// For how many queries this one stands, 0 if it is not looked at. `second`: of the monotonic clock; `luck`: a random number.
    pub(in crate::telemetry) fn weight(&self, second: u64, luck: impl FnOnce() -> u32) -> u64 {
        let second = second & u64::from(u32::MAX);
        let seen = self.0.load(Ordering::Relaxed);
        let (then, count) = (seen >> 32, seen & u64::from(u32::MAX));
        let count = if then == second { count } else { 0 };
        if count < ALL {
            self.0
                .store((second << 32) | (count + 1), Ordering::Relaxed);
            1
        } else if luck().is_multiple_of(SAMPLED) {
            u64::from(SAMPLED)
        } else {
            0
        }
    }
}

/// Counters of both together.
pub(in crate::telemetry) const CELLS: usize = Limit::ALL.len() * KnownGood::ALL.len();

/// The counter of a limit and what speaks for the query.
pub(in crate::telemetry) const fn cell(limit: Limit, good: KnownGood) -> usize {
    limit as usize * KnownGood::ALL.len() + good as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_all_looked_at_and_a_sample_stands_for_many() {
        let sampler = Sampler::default();
        let mut luck = 0;
        let mut sums = |second: u64, queries: u32| {
            let weights = (0..queries).map(|_| {
                let chance = || {
                    luck += 1;
                    luck
                };
                sampler.weight(second, chance)
            });
            weights.fold((0, 0), |(looks, sum), weight| {
                (looks + u64::from(weight > 0), sum + weight)
            })
        };
        assert_eq!(sums(7, 500), (500, 500));
        assert_eq!(sums(8, 500 + 64 * 100), (600, 500 + 6_400));
        assert_eq!(sums(9, 10), (10, 10), "a new second");
    }
}
