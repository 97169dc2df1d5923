//! Which addresses are ours? A set that the daemon refreshes and every worker reads without a lock.
//!
//! Nearly every packet comes from somebody else and asks an address that is nobody's broadcast. A sieve of a few bits says so at
//! the cost of two plain loads; the lists themselves, whose fetch takes two locked instructions, are read only when it cannot.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::address::Address;

/// Our own addresses. Clones share one set.
#[derive(Clone, Debug, Default)]
pub struct OwnAddresses {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    lists: ArcSwap<Lists>,
    own: Sieve,
    broadcast: Sieve,
}

/// What may be in a set: a bit for each of 256 hashes. Clear means no.
#[derive(Debug, Default)]
struct Sieve([AtomicU64; 4]);

#[derive(Debug, Default)]
struct Lists {
    /// Sorted: a host has few addresses, and a binary search of few is faster than a hash.
    own: Box<[IpAddr]>,
    broadcast: Box<[IpAddr]>,
}

impl OwnAddresses {
    /// The addresses of ours that can be forged (`sys::addresses::HostAddresses::forgeable`), and the broadcast addresses
    /// of our networks. The unspecified address is left out.
    #[must_use]
    pub fn new(
        own: impl IntoIterator<Item = IpAddr>,
        broadcast: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let addresses = Self::default();
        addresses.replace(own, broadcast);
        addresses
    }

    /// Sets both anew, for all clones.
    pub fn replace(
        &self,
        own: impl IntoIterator<Item = IpAddr>,
        broadcast: impl IntoIterator<Item = IpAddr>,
    ) {
        let lists = Lists {
            own: sorted(own),
            broadcast: sorted(broadcast),
        };
        // Whoever reads meanwhile finds in the sieves what is in the old lists and what is in the new.
        self.shared.own.add(&lists.own);
        self.shared.broadcast.add(&lists.broadcast);
        let lists = Arc::new(lists);
        self.shared.lists.store(Arc::clone(&lists));
        self.shared.own.hold_only(&lists.own);
        self.shared.broadcast.hold_only(&lists.broadcast);
    }

    /// Whether `address` is ours.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.owns(address.into())
    }

    /// Whether `source` is ours, and whether `local` is a broadcast address of ours.
    #[must_use]
    pub fn judge(&self, source: &SocketAddr, local: &SocketAddr) -> (bool, bool) {
        let local = Address::from(local);
        let broadcast = self.shared.broadcast.may_hold(local) && {
            let lists = self.shared.lists.load();
            lists.broadcast.binary_search(&local.to_ip()).is_ok()
        };
        (self.owns(source.into()), broadcast)
    }

    #[inline]
    fn owns(&self, address: Address) -> bool {
        self.shared.own.may_hold(address) && {
            let lists = self.shared.lists.load();
            lists.own.binary_search(&address.to_ip()).is_ok()
        }
    }

    /// All of ours, sorted.
    #[must_use]
    pub fn to_vec(&self) -> Vec<IpAddr> {
        self.shared.lists.load().own.to_vec()
    }
}

impl Sieve {
    #[inline]
    fn may_hold(&self, address: Address) -> bool {
        let (word, bit) = place(address);
        self.0
            .get(word)
            .is_none_or(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn add(&self, addresses: &[IpAddr]) {
        for (word, bits) in self.0.iter().zip(bits_of(addresses)) {
            word.fetch_or(bits, Ordering::SeqCst);
        }
    }

    fn hold_only(&self, addresses: &[IpAddr]) {
        for (word, bits) in self.0.iter().zip(bits_of(addresses)) {
            word.store(bits, Ordering::SeqCst);
        }
    }
}

fn bits_of(addresses: &[IpAddr]) -> [u64; 4] {
    let mut words = [0; 4];
    for address in addresses {
        let (word, bit) = place((*address).into());
        if let Some(word) = words.get_mut(word) {
            *word |= bit;
        }
    }
    words
}

/// The word and the bit of an address. Which bit says nothing to anybody: a forger who hits one costs us the look into the lists.
#[inline]
fn place(address: Address) -> (usize, u64) {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let mixed = match address {
        Address::V4(bits) => u64::from(bits).wrapping_mul(ODD),
        Address::V6(bits) => {
            let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)]
                .map(|half| u64::try_from(half).unwrap_or(0));
            (high.rotate_left(29) ^ low).wrapping_mul(ODD)
        }
    };
    let word = usize::try_from(mixed >> 62).unwrap_or(0);
    (word, 1 << ((mixed >> 56) & 63))
}

fn sorted(addresses: impl IntoIterator<Item = IpAddr>) -> Box<[IpAddr]> {
    let mut list: Vec<IpAddr> = addresses
        .into_iter()
        .map(|address| address.to_canonical())
        .filter(|address| !address.is_unspecified())
        .collect();
    list.sort_unstable();
    list.dedup();
    list.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn v4(low: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0A00_0000 | low).into()
    }

    fn v6(low: u128) -> IpAddr {
        Ipv6Addr::from_bits((0x2001_0DB8 << 96) | low).into()
    }

    fn judged(set: &OwnAddresses, source: IpAddr, local: IpAddr) -> (bool, bool) {
        set.judge(&SocketAddr::new(source, 1), &SocketAddr::new(local, 53))
    }

    #[test]
    fn what_is_in_a_list_is_never_sieved_out_and_what_is_not_never_found() {
        let own: Vec<IpAddr> = (0..300).flat_map(|n| [v4(n * 7), v6(n.into())]).collect();
        let broadcast: Vec<IpAddr> = (0..300).map(|n| v4(n * 7 + 1)).collect();
        for count in [0, 1, 2, 5, 300] {
            let set = OwnAddresses::new(
                own[..count].iter().copied(),
                broadcast[..count].iter().copied(),
            );
            for (place, (source, local)) in own.iter().zip(&broadcast).enumerate() {
                assert_eq!(
                    judged(&set, *source, *local),
                    (place < count, place < count),
                    "{count}"
                );
                assert!(!set.contains(*local));
            }
        }
        let set = OwnAddresses::new([v4(1)], []);
        set.replace([v4(2)], [v4(3)]);
        assert_eq!((set.contains(v4(1)), set.contains(v4(2))), (false, true));
        assert_eq!(judged(&set, v4(9), v4(3)), (false, true));
        assert!(set.contains("::ffff:10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn a_few_addresses_leave_the_sieve_nearly_empty() {
        let set = OwnAddresses::new((0..8).map(v4).chain((0..8).map(v6)), []);
        let through = (1_000..11_000)
            .filter(|low| set.shared.own.may_hold(v4(low * 37).into()))
            .count();
        assert!(through < 1_200, "16 bits of 256: {through} of 10,000");
    }
}
