//! What do servers know us by? A cookie of our own for each server, and the one it gave us for it (RFC 7873, RFC 9018 section 3).
//!
//! Whoever does not see our queries cannot know either of them. A server that has given cookies must go on giving them: a datagram
//! without the right one is a forgery, or a change at the server, and a stream tells what the server has to say. Whether it still gives
//! cookies a stream does not tell, for some servers leave them out there; and where no stream can be had, the server would be
//! lost. So after [`STRIKES`] exchanges in a row that brought such datagrams and no cookie it is asked without (RFC 7873
//! section 8 leaves that to us). A forger gains little by that: each time he must find the port and the ID of a query whose own answer,
//! which would have had the cookie, then does not arrive although it is waited for; he cannot keep it away by sending.

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
/// Exchanges in a row in which a server that has given cookies was heard without, and neither with nor by a stream, before it is asked
/// without. One may be a forgery that came while the right answer was lost; of one in a hundred lost, two of them are one in ten
/// thousand, and each needs the forger to find port and ID.
const STRIKES: u8 = 2;

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
    /// What it gave; and how often in a row it was heard without, with the time of the last, by the monotonic clock.
    Gives {
        sent: Sent,
        strikes: u8,
        last: Duration,
    },
    /// It takes no cookies, or does not answer a query that has one. Until then, by the monotonic clock.
    Without { until: Duration, times: u8 },
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
            Some(Known::Gives { sent, .. }) => Some(sent),
            Some(Known::Without { until, .. }) if now.mono < until => None,
            _ => Some(Sent {
                client: rng.random(),
                server: SmallVec::new(),
            }),
        }
    }

    /// A reply that matched came to a query that carried `sent` and was sent at `begun`. Whether the server takes cookies.
    /// `contradicted`: a datagram that fits but for its cookie led to a stream, and this came by it.
    pub(super) fn note(
        &self,
        server: SocketAddr,
        sent: &Sent,
        (reply, contradicted): (&Message, bool),
        (begun, now): (Now, Now),
    ) -> bool {
        let Returned::Both(theirs) = sent.returned(reply) else {
            if contradicted {
                self.note_mismatch(server, sent, begun, now);
            } else {
                self.note_none(server, now);
            }
            return false;
        };
        if let Some(known) = &self.known
            && (theirs != sent.server || self.strikes(server) > 0)
        {
            let sent = Sent {
                client: sent.client,
                server: theirs,
            };
            let given = Known::Gives {
                sent,
                strikes: 0,
                last: Duration::ZERO,
            };
            known.insert(server, given);
        }
        true
    }

    /// An exchange that began at `begun` and carried `sent` brought a reply that fits but for its cookie, and none with a cookie by either
    /// transport. Whether the server is asked without from now on: at once if it has never given one (what protects against
    /// forgers was not there), otherwise after [`STRIKES`]. Exchanges that were on their way together count once.
    pub(super) fn note_mismatch(
        &self,
        server: SocketAddr,
        sent: &Sent,
        begun: Now,
        now: Now,
    ) -> bool {
        let Some(known) = &self.known else {
            return false;
        };
        match known.get(&server) {
            Some(Known::Gives {
                sent: given,
                strikes,
                last,
            }) if sent.is_known() => {
                if strikes > 0 && begun.mono <= last {
                    return false;
                }
                if strikes + 1 < STRIKES {
                    let struck = Known::Gives {
                        sent: given,
                        strikes: strikes + 1,
                        last: now.mono,
                    };
                    known.insert(server, struck);
                    return false;
                }
            }
            // Somebody else has found out more in the meantime.
            Some(Known::Gives { .. }) => return false,
            Some(Known::Without { until, .. }) if now.mono < until => return true,
            _ => {}
        }
        self.note_without(server, now);
        true
    }

    fn strikes(&self, server: SocketAddr) -> u8 {
        match self.known.as_ref().and_then(|known| known.get(&server)) {
            Some(Known::Gives { strikes, .. }) => strikes,
            _ => 0,
        }
    }

    /// It does not take cookies, or kept silent at the first. Nothing if it has given one: a stream without, which a forger can make us
    /// use, or the silence after a question that was sent before it gave one, is no sign that it has stopped.
    pub(super) fn note_none(&self, server: SocketAddr, now: Now) {
        let known = self.known.as_ref().and_then(|known| known.get(&server));
        if !matches!(known, Some(Known::Gives { .. })) {
            self.note_without(server, now);
        }
    }

    fn note_without(&self, server: SocketAddr, now: Now) {
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
            // Nobody off the path writes into a stream: it is the server, or what stands before it, that gets it wrong.
            Returned::Wrong => by_tcp,
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
