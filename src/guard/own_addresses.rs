//! Which addresses are ours? A set that the daemon refreshes and every worker reads without a lock.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// Our own addresses. Clones share one set.
#[derive(Clone, Debug, Default)]
pub struct OwnAddresses {
    lists: Arc<ArcSwap<Lists>>,
}

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
        self.lists.store(Arc::new(Lists {
            own: sorted(own),
            broadcast: sorted(broadcast),
        }));
    }

    /// Whether `address` is ours.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.lists
            .load()
            .own
            .binary_search(&address.to_canonical())
            .is_ok()
    }

    /// Whether `source` is ours, and whether `local` is a broadcast address of ours: one reading for both.
    #[must_use]
    pub fn judge(&self, source: IpAddr, local: IpAddr) -> (bool, bool) {
        let lists = self.lists.load();
        let own = lists.own.binary_search(&source.to_canonical()).is_ok();
        (own, lists.broadcast.contains(&local))
    }

    /// All of ours, sorted.
    #[must_use]
    pub fn to_vec(&self) -> Vec<IpAddr> {
        self.lists.load().own.to_vec()
    }
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
