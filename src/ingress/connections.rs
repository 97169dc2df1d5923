//! How many connections are there, and from whom? Counts in all and per prefix, given back when a ticket is dropped.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::watch;

use crate::config::plan::{self, ZoneGuardMode};
use crate::telemetry::shadow::Limit;

/// Counts of open connections, shared by all listeners. The map holds only prefixes with a connection open, so the limit
/// on connections bounds it.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    prefixes: DashMap<IpAddr, usize>,
    busy: watch::Sender<bool>,
    limit: usize,
    per_prefix: usize,
    mode: ZoneGuardMode,
}

/// One open connection's place; gives it back when dropped.
#[derive(Debug)]
#[must_use]
pub struct ConnectionTicket {
    counts: Arc<Counts>,
    prefix: IpAddr,
    over_limit: bool,
}

impl Connections {
    /// None open yet.
    #[must_use]
    pub fn new(plan: &plan::Tcp) -> Self {
        Self(Arc::new(Counts {
            open: AtomicUsize::new(0),
            prefixes: DashMap::new(),
            busy: watch::Sender::new(false),
            limit: plan.connections,
            per_prefix: plan.connections_per_client,
            mode: plan.client_mode,
        }))
    }

    /// A place for a connection from `client`.
    ///
    /// # Errors
    /// The limit that forbids it: there are too many in all, or from its IPv4 address or IPv6 /56.
    pub fn enter(&self, client: IpAddr) -> Result<ConnectionTicket, Limit> {
        let counts = &self.0;
        let prefix = prefix_of(client);
        counts
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < counts.limit).then_some(open + 1)
            })
            .map_err(|_| Limit::TcpTotal)?;
        let admitted = {
            let mut here = counts.prefixes.entry(prefix).or_insert(0);
            // Counted even when it is one too many, so that the ticket below gives back what was taken.
            *here += 1;
            *here <= counts.per_prefix || counts.mode == ZoneGuardMode::Off
        };
        let ticket = ConnectionTicket {
            counts: Arc::clone(counts),
            prefix,
            over_limit: !admitted,
        };
        counts.note_use();
        if admitted || counts.mode == ZoneGuardMode::LogOnly {
            Ok(ticket)
        } else {
            Err(Limit::TcpPerClient)
        }
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Tells when more than 80 % of the places are taken (and again when fewer than 70 % are), so that idle connections make room.
    #[must_use]
    pub fn busy(&self) -> watch::Receiver<bool> {
        self.0.busy.subscribe()
    }
}

impl ConnectionTicket {
    /// Whether its client has more than it may, where that is only logged.
    #[must_use]
    pub const fn is_over_limit(&self) -> bool {
        self.over_limit
    }
}

impl Counts {
    fn note_use(&self) {
        let open = self.open.load(Ordering::Relaxed);
        let above = |percent: usize| open.saturating_mul(100) > self.limit.saturating_mul(percent);
        self.busy.send_if_modified(|busy| {
            let now = if *busy { above(70) } else { above(80) };
            std::mem::replace(busy, now) != now
        });
    }
}

impl Drop for ConnectionTicket {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.counts.prefixes.entry(self.prefix) {
            if *entry.get() <= 1 {
                entry.remove();
            } else {
                *entry.get_mut() -= 1;
            }
        }
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
        self.counts.note_use();
    }
}

fn prefix_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 72))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingress::connection::tests::plan;

    fn connections(limit: usize, per_prefix: usize) -> Connections {
        let mut plan = plan();
        plan.connections = limit;
        plan.connections_per_client = per_prefix;
        Connections::new(&plan)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_more_than_the_limit_is_turned_away() {
        let connections = connections(3, 3);
        let tickets: Vec<_> = (1..=3)
            .map(|n| connections.enter(ip(&format!("192.0.2.{n}"))).unwrap())
            .collect();
        assert!(connections.enter(ip("192.0.2.4")).is_err());
        assert_eq!(connections.open(), 3);
        drop(tickets);
        assert_eq!(connections.open(), 0);
        assert!(connections.enter(ip("192.0.2.4")).is_ok());
        assert!(connections.0.prefixes.is_empty(), "nothing is left behind");
    }

    #[test]
    fn one_more_than_the_limit_of_a_prefix_is_turned_away() {
        let connections = connections(100, 2);
        let first = connections.enter(ip("2001:db8::1")).unwrap();
        let _second = connections.enter(ip("2001:db8:0:ff:1::1")).unwrap();
        assert!(
            connections.enter(ip("2001:db8::2")).is_err(),
            "the same /56"
        );
        assert_eq!(connections.open(), 2, "the one turned away is not counted");
        let _other = connections.enter(ip("2001:db8:0:100::1")).unwrap();
        drop(first);
        assert!(connections.enter(ip("2001:db8::2")).is_ok());

        let _v4 = [0, 0].map(|_| connections.enter(ip("192.0.2.1")).unwrap());
        assert!(connections.enter(ip("::ffff:192.0.2.1")).is_err());
        assert!(connections.enter(ip("192.0.2.2")).is_ok());
    }

    #[test]
    fn above_80_per_cent_is_busy_until_below_70() {
        let connections = connections(10, 10);
        let busy = connections.busy();
        let mut tickets: Vec<_> = (0..8)
            .map(|_| connections.enter(ip("192.0.2.1")).unwrap())
            .collect();
        assert!(!*busy.borrow());
        tickets.push(connections.enter(ip("192.0.2.1")).unwrap());
        assert!(*busy.borrow());
        tickets.truncate(8);
        assert!(*busy.borrow());
        tickets.truncate(7);
        assert!(!*busy.borrow());
    }

    #[test]
    fn a_limit_that_is_only_logged_lets_in_and_tells_what_enforcing_would_have_refused() {
        let refused = |mode| {
            let mut plan = plan();
            plan.connections_per_client = 2;
            plan.client_mode = mode;
            let connections = Connections::new(&plan);
            let entered: Vec<_> = (0..5).map(|_| connections.enter(ip("192.0.2.1"))).collect();
            let over = entered.iter().flatten().filter(|one| one.is_over_limit());
            (
                entered.iter().filter(|one| one.is_err()).count(),
                over.count(),
            )
        };
        assert_eq!(refused(ZoneGuardMode::Enforce), (3, 0));
        assert_eq!(refused(ZoneGuardMode::LogOnly), (0, 3));
        assert_eq!(refused(ZoneGuardMode::Off), (0, 0));
    }
}
