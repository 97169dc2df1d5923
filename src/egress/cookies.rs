//! What do servers know us by? A cookie of our own for each server, and the one it gave us for it (RFC 7873, RFC 9018 section 3).
//!
//! Whoever does not see our queries cannot know either of them. A server that has given cookies must go on giving them: a datagram
//! without the right one is a forgery, or a change at the server, and a stream tells which.

use std::net::SocketAddr;
use std::time::Duration;

use moka::sync::Cache;
use rand::{Rng, RngExt};
use smallvec::SmallVec;

use crate::config::plan;
use crate::sys::clock::Now;
use crate::wire::Message;
use crate::wire::query::COOKIE;

/// A server without cookies is sent none for this long (RFC 9018 section 3), and for twice as long each time again.
const FIRST_REST: Duration = Duration::from_secs(300);
/// Doublings at most: 21 hours.
const REST_DOUBLINGS: u8 = 8;

/// What is known of servers' cookies, bounded in number.
#[derive(Debug)]
pub(super) struct Cookies {
    /// Nothing if cookies are off.
    known: Option<Cache<SocketAddr, Known>>,
}

/// The value of a COOKIE option as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    client: [u8; 8],
    /// The server's own, 8 to 32 octets, if it has given one.
    server: SmallVec<[u8; 32]>,
}

#[derive(Clone, Debug)]
enum Known {
    Gives(Sent),
    /// It takes no cookies, or does not answer a query that has one. Until then, by the monotonic clock.
    Without {
        until: Duration,
        times: u8,
    },
}

/// What a reply says of cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Returned {
    /// Nothing.
    Nothing,
    /// Our own and the server's.
    Both(SmallVec<[u8; 32]>),
    /// Not ours, or not of a legal length: somebody else wrote this (RFC 7873 section 5.3).
    Wrong,
}

impl Cookies {
    /// Knows nobody yet.
    pub(super) fn new(plan: &plan::Egress) -> Self {
        Self {
            known: plan.cookies.then(|| Cache::new(plan.servers)),
        }
    }

    /// What the next query to this server carries.
    pub(super) fn next(&self, server: SocketAddr, now: Now, rng: &mut impl Rng) -> Option<Sent> {
        match self.known.as_ref()?.get(&server) {
            Some(Known::Gives(sent)) => Some(sent),
            Some(Known::Without { until, .. }) if now.mono < until => None,
            _ => Some(Sent {
                client: rng.random(),
                server: SmallVec::new(),
            }),
        }
    }

    /// A reply that matched came to a query that carried `sent`. Whether the server takes cookies.
    pub(super) fn note(&self, server: SocketAddr, sent: &Sent, reply: &Message, now: Now) -> bool {
        let Returned::Both(theirs) = sent.returned(reply) else {
            self.note_without(server, now);
            return false;
        };
        if theirs != sent.server
            && let Some(known) = &self.known
        {
            let sent = Sent {
                client: sent.client,
                server: theirs,
            };
            known.insert(server, Known::Gives(sent));
        }
        true
    }

    /// It does not take cookies, or kept silent at the first.
    pub(super) fn note_without(&self, server: SocketAddr, now: Now) {
        let Some(known) = &self.known else {
            return;
        };
        let times = match known.get(&server) {
            Some(Known::Without { times, .. }) => times.saturating_add(1).min(REST_DOUBLINGS),
            _ => 0,
        };
        let until = now.mono.saturating_add(FIRST_REST * (1 << times));
        known.insert(server, Known::Without { until, times });
    }
}

impl Sent {
    /// Our own part of it.
    pub(super) const fn client(&self) -> [u8; 8] {
        self.client
    }

    /// The octets of the option's value.
    pub(super) fn value(&self) -> SmallVec<[u8; 40]> {
        self.client.iter().chain(&self.server).copied().collect()
    }

    /// Whether the server has given a cookie before, so that its replies must have one.
    pub(super) fn is_known(&self) -> bool {
        !self.server.is_empty()
    }

    /// Whether a reply with the right ID may be the server's own.
    pub(super) fn accepts(&self, reply: &Message, by_tcp: bool) -> bool {
        match self.returned(reply) {
            Returned::Both(_) => true,
            Returned::Nothing => by_tcp || !self.is_known(),
            Returned::Wrong => false,
        }
    }

    /// What a reply brings back. Of several options the first counts.
    fn returned(&self, reply: &Message) -> Returned {
        let value = reply.edns.as_ref().and_then(|edns| edns.option(COOKIE));
        let Some(value) = value else {
            return Returned::Nothing;
        };
        match value.split_first_chunk::<8>() {
            Some((client, server)) if *client == self.client => match server.len() {
                8..=32 => Returned::Both(server.into()),
                // A server that sends back what it got has none of its own.
                0 => Returned::Nothing,
                _ => Returned::Wrong,
            },
            _ => Returned::Wrong,
        }
    }
}
