//! How many queries of one client are waiting? A count per client, given back when the ticket is dropped.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::config::plan;
use crate::telemetry::Reason;

/// Counts of queries that wait for recursion, per client. A client is an IPv4 address or an IPv6 /64, and its proven queries
/// (TCP) are counted apart from those that only claim its address: a forger cannot use up what a victim has proven.
///
/// The map holds only clients with a query waiting, so it is bounded by the recursions in flight.
#[derive(Clone, Debug)]
pub struct PendingClients {
    counts: Arc<DashMap<Client, u32>>,
    per_client: u32,
    per_verified_client: u32,
}

type Client = (IpAddr, bool);

/// One waiting query's place; gives it back when dropped.
#[derive(Debug)]
#[must_use]
pub struct PendingTicket {
    counts: Arc<DashMap<Client, u32>>,
    client: Client,
}

impl PendingClients {
    /// With the limits of the plan (P4: 128, verified 1,000).
    #[must_use]
    pub fn new(plan: &plan::Guard) -> Self {
        let count = |limit| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            counts: Arc::default(),
            per_client: count(plan.pending_per_client),
            per_verified_client: count(plan.pending_per_verified_client),
        }
    }

    /// The same limits over the counts of `before`: queries that wait over a reload keep their places.
    #[must_use]
    pub fn continuing(mut self, before: &Self) -> Self {
        self.counts = Arc::clone(&before.counts);
        self
    }

    /// A place for one more query of `client`.
    ///
    /// # Errors
    /// [`Reason::PendingPerClient`] when it has as many waiting as it may.
    pub fn enter(&self, client: IpAddr, verified: bool) -> Result<PendingTicket, Reason> {
        let client = (network_of(client), verified);
        let limit = if verified {
            self.per_verified_client
        } else {
            self.per_client
        };
        if limit == 0 {
            return Err(Reason::PendingPerClient);
        }
        let mut count = self.counts.entry(client).or_insert(0);
        if *count >= limit {
            return Err(Reason::PendingPerClient);
        }
        *count += 1;
        drop(count);
        Ok(PendingTicket {
            counts: Arc::clone(&self.counts),
            client,
        })
    }

    /// Clients with at least one query waiting.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.counts.len()
    }
}

impl Drop for PendingTicket {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.counts.entry(self.client) {
            if *entry.get() <= 1 {
                entry.remove();
            } else {
                *entry.get_mut() -= 1;
            }
        }
    }
}

fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(per_client: usize, per_verified: usize) -> PendingClients {
        PendingClients {
            counts: Arc::default(),
            per_client: u32::try_from(per_client).unwrap(),
            per_verified_client: u32::try_from(per_verified).unwrap(),
        }
    }

    #[test]
    fn one_more_than_the_limit_is_turned_away_and_a_dropped_ticket_makes_room() {
        let pending = pending(2, 3);
        let client = "192.0.2.1".parse().unwrap();
        let first = pending.enter(client, false).unwrap();
        let second = pending.enter(client, false).unwrap();
        assert_eq!(
            pending.enter(client, false).unwrap_err(),
            Reason::PendingPerClient
        );
        // The proven queries of the same address have their own count.
        let proven: Vec<_> = (0..3)
            .map(|_| pending.enter(client, true).unwrap())
            .collect();
        assert!(pending.enter(client, true).is_err());
        drop(first);
        let third = pending.enter(client, false).unwrap();
        assert!(pending.enter(client, false).is_err());
        drop((second, third, proven));
        assert_eq!(pending.clients(), 0, "nothing is left behind");
    }

    #[test]
    fn a_whole_ipv6_64_is_one_client() {
        let pending = pending(1, 1);
        let _ticket = pending
            .enter("2001:db8::1".parse().unwrap(), false)
            .unwrap();
        assert!(
            pending
                .enter("2001:db8::2".parse().unwrap(), false)
                .is_err()
        );
        assert!(
            pending
                .enter("2001:db8:0:1::1".parse().unwrap(), false)
                .is_ok()
        );
    }

    #[test]
    fn queries_that_wait_over_a_reload_keep_their_places() {
        let client = "192.0.2.1".parse().unwrap();
        let before = pending(2, 2);
        let waiting = before.enter(client, false).unwrap();
        let after = pending(1, 1).continuing(&before);
        assert!(after.enter(client, false).is_err());
        drop(waiting);
        assert_eq!(after.clients(), 0);
        assert!(after.enter(client, false).is_ok());
    }

    #[test]
    fn a_limit_of_none_leaves_nothing_behind() {
        let pending = pending(0, 0);
        assert!(pending.enter("192.0.2.1".parse().unwrap(), false).is_err());
        assert_eq!(pending.clients(), 0);
    }
}
