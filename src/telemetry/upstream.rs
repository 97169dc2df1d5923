//! What did we cost others? Counters of everything sent towards other servers, by cause.

use std::time::Duration;

use super::cell::{Cells, Writers};
use super::latency::{Latency, LatencyCounts};

/// Labels of the causes an upstream packet can have, in the order of `guard::permit::Cause::ALL` (a test in `guard` holds it).
/// There is no "refused": that cause does not exist.
pub const CAUSES: [&str; 5] = ["admitted", "refresh", "priming", "trust_anchor", "audit"];

/// Labels of the limits a query can run into, in the order of `guard::permit::Exhausted::ALL`.
pub const LIMITS: [&str; 6] = [
    "packets",
    "bytes",
    "time",
    "links",
    "depth",
    "failing_ns_names",
];

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $label:literal),* $(,)?) => {
        /// Things that happen on the way to other servers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum UpstreamEvent {
            $($(#[$doc])* $name),*
        }

        impl UpstreamEvent {
            /// All events, in the order of their counters.
            pub const ALL: [Self; [$($label),*].len()] = [$(Self::$name),*];

            /// The metric label.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }
        }
    };
}

events! {
    /// A usable reply arrived.
    Reply "reply",
    /// No reply in time.
    Timeout "timeout",
    /// The network said no (unreachable, connection refused, reset).
    NetworkError "network_error",
    /// A reply that could not be read.
    BadReply "bad_reply",
    /// A datagram that did not match what was asked, discarded.
    Discarded "discarded",
    /// The first mismatch of an id: the same question went over TCP.
    IdMismatch "id_mismatch",
    /// A truncated reply: the same question went over TCP.
    Truncated "truncated",
    /// A TCP connection was opened.
    TcpConnection "tcp_connection",
    /// EDNS was refused and the question asked again without.
    EdnsFallback "edns_fallback",
    /// A query was sent to a forwarder.
    Forwarded "forwarded",
    /// A recursion started.
    RecursionStarted "recursion_started",
    /// A recursion ended, however.
    RecursionEnded "recursion_ended",
    /// A client joined a recursion in flight.
    Joined "joined",
}

/// Cells of the upstream side; any number of writers.
#[derive(Debug, Default)]
pub struct Upstream {
    packets: Cells<{ CAUSES.len() }>,
    exhausted: Cells<{ LIMITS.len() }>,
    events: Cells<{ UpstreamEvent::ALL.len() }>,
    bytes: Cells<2>,
    round_trips: Latency,
}

/// The same, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamCounts {
    /// Packets sent, by cause, in the order of [`CAUSES`].
    pub packets: [u64; CAUSES.len()],
    /// Queries that ran into a limit, in the order of [`LIMITS`].
    pub exhausted: [u64; LIMITS.len()],
    /// Events, in the order of [`UpstreamEvent::ALL`].
    pub events: [u64; UpstreamEvent::ALL.len()],
    /// Octets received.
    pub bytes_in: u64,
    /// Octets sent.
    pub bytes_out: u64,
    /// Round-trip times.
    pub round_trips: LatencyCounts,
}

impl Upstream {
    /// Counts one packet sent; `cause` is `Cause as usize`.
    pub fn sent(&self, cause: usize, bytes: usize) {
        self.packets.add(Writers::Many, cause, 1);
        self.bytes
            .add(Writers::Many, 1, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts octets received.
    pub fn received(&self, bytes: usize) {
        self.bytes
            .add(Writers::Many, 0, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts a round trip.
    pub fn round_trip(&self, took: Duration) {
        self.round_trips.observe(Writers::Many, took);
    }

    /// Counts a query that ran into a limit; `limit` is `Exhausted as usize`.
    pub fn exhausted(&self, limit: usize) {
        self.exhausted.add(Writers::Many, limit, 1);
    }

    /// Counts one event.
    pub fn event(&self, event: UpstreamEvent) {
        self.events.add(Writers::Many, event as usize, 1);
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> UpstreamCounts {
        let [bytes_in, bytes_out] = self.bytes.read();
        UpstreamCounts {
            packets: self.packets.read(),
            exhausted: self.exhausted.read(),
            events: self.events.read(),
            bytes_in,
            bytes_out,
            round_trips: self.round_trips.counts(),
        }
    }
}

impl UpstreamCounts {
    /// Packets sent for any cause.
    #[must_use]
    pub fn packets_total(&self) -> u64 {
        self.packets.iter().fold(0, |sum, n| sum.wrapping_add(*n))
    }

    /// How often `event` happened.
    #[must_use]
    pub fn event(&self, event: UpstreamEvent) -> u64 {
        self.events.get(event as usize).copied().unwrap_or(0)
    }
}
