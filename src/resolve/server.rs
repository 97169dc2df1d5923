//! By which address is the server of a zone known to the zone guard? By one of all that the zone has, always the same.

use std::net::IpAddr;

use super::Resolver;
use crate::cache::{Delegation, Rank};
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType, rdata};

impl Resolver {
    /// The least address known of the servers of a delegation, IPv4 before IPv6, of those that we could ask. So zones on the same servers
    /// have the same one, and whoever lends a zone some servers of his own does not change it for others.
    #[must_use]
    pub fn server_of(&self, delegation: &Delegation, now: Now) -> Option<IpAddr> {
        // The root and top-level domains serve everybody, and are asked for by the hour.
        if delegation.zone.label_count() < 2 {
            return None;
        }
        let servers = delegation.servers.iter().take(self.plan.limits.ns_names);
        let least = |rtype, is_of: fn(&IpAddr) -> bool| {
            servers
                .clone()
                .flat_map(|server| {
                    let glue = server.addresses.iter().copied().filter(is_of).min();
                    glue.into_iter().chain(self.least(&server.name, rtype, now))
                })
                .min()
        };
        let v4 = self
            .plan
            .ipv4
            .then(|| least(RecordType::A, IpAddr::is_ipv4));
        let v6 = || {
            let may = self.plan.ipv6;
            may.then(|| least(RecordType::AAAA, IpAddr::is_ipv6))
        };
        v4.flatten().or_else(|| v6().flatten())
    }

    /// The least address that the cache has of a server.
    fn least(&self, server: &Name, rtype: RecordType, now: Now) -> Option<IpAddr> {
        let held = self.cache.rrset(server, rtype, Rank::NonAuthAnswer, now)?;
        let addresses = held.rrset.rdata.iter().filter_map(|octets| match rtype {
            RecordType::A => rdata::a(octets).map(IpAddr::V4),
            _ => rdata::aaaa(octets).map(IpAddr::V6),
        });
        addresses.min()
    }
}
