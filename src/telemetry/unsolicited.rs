//! Who answers what we never asked? Responses that arrive unasked for, by the network and port they come from, in a table of fixed size.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use super::incidents::HopLimits;

/// Networks told apart at once; among more the one with the fewest responses gives way, and its count passes on (space-saving).
const PEERS: usize = 64;

/// Where such a response arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where queries of clients are expected: somebody asks in the name of our address.
    Service,
    /// At a socket that waits for another reply of the same server: somebody guesses, or forges our address with luck.
    Upstream,
}

impl Place {
    /// All, in the order of their counters.
    pub const ALL: [Self; 2] = [Self::Service, Self::Upstream];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Upstream => "upstream",
        }
    }
}

/// One network that answers unasked. That it does is what its packets say: their sources may be forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The IPv4 /24 or IPv6 /48.
    pub prefix: IpNet,
    /// The port that the responses come from: 53, 123 and the like are services that are made to reflect.
    pub port: u16,
    /// Responses, at most.
    pub responses: u64,
}

/// What was noted. Whoever writes never waits, and nothing of it grows.
#[derive(Debug, Default)]
pub struct Unsolicited {
    counts: [AtomicU64; Place::ALL.len()],
    /// Since they were begun anew.
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    peers: [Option<Peer>; PEERS],
    hop_limits: HopLimits,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            peers: [None; PEERS],
            hop_limits: HopLimits::default(),
        }
    }
}

impl Unsolicited {
    /// Counts one. Where it came from is left out if somebody else is noting one just now.
    pub fn note(&self, place: Place, from: &SocketAddr, hop_limit: Option<u8>) {
        if let Some(count) = self.counts.get(place as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let Ok(mut seen) = self.seen.try_lock() else {
            return;
        };
        let Seen { peers, hop_limits } = &mut *seen;
        hop_limits.note(hop_limit);
        let (prefix, port) = (network_of(from.ip()), from.port());
        let known = peers
            .iter_mut()
            .flatten()
            .find(|peer| peer.prefix == prefix && peer.port == port);
        if let Some(peer) = known {
            peer.responses += 1;
            return;
        }
        let fewest = peers
            .iter_mut()
            .min_by_key(|place| place.map_or(0, |peer| peer.responses));
        if let Some(place) = fewest {
            let before = place.map_or(0, |peer| peer.responses);
            *place = Some(Peer {
                prefix,
                port,
                responses: before + 1,
            });
        }
    }

    /// Responses since the process began, in the order of [`Place::ALL`].
    #[must_use]
    pub fn counts(&self) -> [u64; Place::ALL.len()] {
        self.counts
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed))
    }

    /// The networks that most came from since the last [`Self::begin_anew`], the first `most` of them.
    #[must_use]
    pub fn top(&self, most: usize) -> Vec<Peer> {
        let mut peers: Vec<Peer> = self.lock().peers.iter().flatten().copied().collect();
        peers.sort_by_key(|peer| std::cmp::Reverse(peer.responses));
        peers.truncate(most);
        peers
    }

    /// Forgets who it was; the counts go on.
    pub fn begin_anew(&self) {
        *self.lock() = Seen::default();
    }

    /// Their hop limits since then.
    #[must_use]
    pub fn hop_limits(&self) -> HopLimits {
        self.lock().hop_limits
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network that counts as one peer.
fn network_of(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new_assert(address, bits).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_networks_take_no_more_room_and_do_not_hide_the_one_that_answers_most() {
        let unsolicited = Unsolicited::default();
        let loud: SocketAddr = "192.0.2.53:53".parse().unwrap();
        for number in 0..1_000_000_u32 {
            let forged = std::net::Ipv4Addr::from_bits(number << 8);
            unsolicited.note(Place::Service, &SocketAddr::new(forged.into(), 53), None);
            if number.is_multiple_of(10) {
                unsolicited.note(Place::Service, &loud, Some(57));
            }
        }
        assert_eq!(unsolicited.counts(), [1_100_000, 0]);
        let first = unsolicited.top(3)[0];
        assert_eq!(
            (first.prefix.to_string(), first.port),
            ("192.0.2.0/24".to_owned(), 53)
        );
        assert!(first.responses >= 100_000);
        assert_eq!(unsolicited.top(usize::MAX).len(), PEERS);
        unsolicited.begin_anew();
        assert!(unsolicited.top(3).is_empty());
        assert_eq!(unsolicited.counts(), [1_100_000, 0]);
    }

    #[test]
    fn networks_and_ports_are_told_apart_and_hosts_are_not() {
        let unsolicited = Unsolicited::default();
        for from in [
            "192.0.2.1:53",
            "192.0.2.2:53",
            "[::ffff:192.0.2.3]:53",
            "192.0.2.1:123",
            "[2001:db8::1]:53",
            "[2001:db8:0:1::1]:53",
        ] {
            unsolicited.note(Place::Upstream, &from.parse().unwrap(), None);
        }
        let told: Vec<(String, u16, u64)> = unsolicited
            .top(9)
            .iter()
            .map(|peer| (peer.prefix.to_string(), peer.port, peer.responses))
            .collect();
        assert_eq!(
            told,
            [
                ("192.0.2.0/24".to_owned(), 53, 3),
                ("2001:db8::/48".to_owned(), 53, 2),
                ("192.0.2.0/24".to_owned(), 123, 1),
            ]
        );
        assert_eq!(unsolicited.counts(), [0, 6]);
    }
}
