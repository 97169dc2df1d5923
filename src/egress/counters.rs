//! What did asking cost? Counters of everything that goes upstream and of what comes back unwanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::guard::permit::{Cause, Exhausted};

use super::matching::Mismatch;
use crate::telemetry::unsolicited::{Place, Unsolicited};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The counters; written by every exchange, read by `ops`.
        #[derive(Debug, Default)]
        pub struct Upstream {
            sent: [AtomicU64; Cause::ALL.len()],
            exhausted: [AtomicU64; Exhausted::ALL.len()],
            discarded: [AtomicU64; Mismatch::ALL.len()],
            unsolicited: Arc<Unsolicited>,
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        /// The counters at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Snapshot {
            /// Packets charged to a budget and sent, in the order of [`Cause::ALL`]; a TCP exchange counts as one.
            pub sent: [u64; Cause::ALL.len()],
            /// Sends refused by a budget, in the order of [`Exhausted::ALL`].
            pub exhausted: [u64; Exhausted::ALL.len()],
            /// Replies not taken, in the order of [`Mismatch::ALL`].
            pub discarded: [u64; Mismatch::ALL.len()],
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Upstream {
            /// Reads all counters, one by one.
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
                Snapshot {
                    sent: self.sent.each_ref().map(read),
                    exhausted: self.exhausted.each_ref().map(read),
                    discarded: self.discarded.each_ref().map(read),
                    $($name: read(&self.$name),)*
                }
            }
        }

        impl Snapshot {
            /// The plain counters with their metric labels.
            #[must_use]
            pub fn events(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counters! {
    /// Replies that were taken.
    replies,
    /// Octets of those, headers of UDP, TCP and IP not counted.
    bytes,
    /// Exchanges over TCP, among those in `sent`.
    tcp,
    /// UDP queries that nobody answered in time.
    timeouts,
    /// Queries that the network refused: no route, port or host unreachable, connection refused or closed.
    network_errors,
    /// Replies with TC=1, asked again over TCP.
    truncated,
    /// Queries asked again over TCP because a wrong ID, a wrong case or too many discarded replies smelt of forgery.
    doubted,
    /// Queries asked again without EDNS because the server did not like it.
    edns_fallback,
    /// Queries asked again without a cookie because the server's replies had none, or another, and no stream could be had.
    cookie_fallback,
    /// Source ports that were taken already.
    port_collisions,
    /// Queries that found all sockets in use and were given up.
    no_socket,
    /// Queries that were not sent because all servers left had the questions under way that they may have.
    crowded,
    /// Queries for which no server was left to ask: all filtered, or none given.
    no_usable_server,
    /// Queries sent to resolvers of forward zones, among those in `sent`.
    forwarded,
}

impl Upstream {
    /// One packet has been paid for under `cause`.
    pub(super) fn note_sent(&self, cause: Cause) {
        let place = Cause::ALL.iter().position(|one| *one == cause);
        bump(place.and_then(|place| self.sent.get(place)));
    }

    /// A budget refused. Recursion's own limits (links, depth, failing names) are noted here by `resolve`.
    pub fn note_exhausted(&self, limit: Exhausted) {
        let place = Exhausted::ALL.iter().position(|one| *one == limit);
        bump(place.and_then(|place| self.exhausted.get(place)));
    }

    /// A reply was not taken.
    pub(super) fn note_discarded(&self, why: Mismatch) {
        let place = Mismatch::ALL.iter().position(|one| *one == why);
        bump(place.and_then(|place| self.discarded.get(place)));
    }

    /// A datagram from `server` was not taken. One that nothing was asked for is told of as such.
    pub(super) fn note_discarded_datagram(&self, why: Mismatch, server: &SocketAddr) {
        self.note_discarded(why);
        if matches!(why, Mismatch::Id | Mismatch::Question) {
            self.unsolicited.note(Place::Upstream, server, None);
        }
    }

    /// Responses that nobody here asked for.
    #[must_use]
    pub const fn unsolicited(&self) -> &Arc<Unsolicited> {
        &self.unsolicited
    }

    /// A reply was taken.
    pub(super) fn note_reply(&self, bytes: usize) {
        bump(Some(&self.replies));
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Snapshot {
    /// Packets sent under all causes.
    #[must_use]
    pub fn sent_in_all(&self) -> u64 {
        self.sent.iter().sum()
    }
}

/// Adds one.
pub(super) fn bump<'a>(cell: impl Into<Option<&'a AtomicU64>>) {
    if let Some(cell) = cell.into() {
        cell.fetch_add(1, Ordering::Relaxed);
    }
}
