//! By which address is the server of a zone known to the zone guard? By one of all that the zone has, always the same.

use std::net::IpAddr;

use super::Resolver;
use crate::cache::{Cache, Delegation, Rank};
use crate::config::plan;
use crate::guard::permit::Budget;
use crate::recursion::Recursion;
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType, rdata};

impl Resolver {
    /// The address by which the server of a delegation is known; nothing for the root and top-level domains, and where no address is
    /// known yet.
    #[must_use]
    pub fn server_of(&self, delegation: &Delegation, now: Now) -> Option<IpAddr> {
        least_of(delegation, &self.cache, &self.plan, now)
    }
}

/// What waits elsewhere by now is no burden of the server that it was charged to, whoever led it there.
pub(super) fn leave(recursion: &Recursion, budget: &mut Budget, now: Now) {
    let (Some(server), Some(zone)) = (budget.server(), budget.server_zone()) else {
        return;
    };
    if recursion.has_left(zone, server) {
        let answered = recursion.was_answered_by(server);
        budget.leave_server(answered, now);
    }
}

/// The least address of all servers, IPv4 before IPv6, of those that we could ask: zones on the same servers have the same one.
fn least_of(
    delegation: &Delegation,
    cache: &Cache,
    plan: &plan::Recursion,
    now: Now,
) -> Option<IpAddr> {
    // The root and top-level domains serve everybody.
    if delegation.zone.label_count() < 2 {
        return None;
    }
    let servers = delegation.servers.iter().take(plan.limits.ns_names);
    let least = |rtype, is_of: fn(&IpAddr) -> bool| {
        servers
            .clone()
            .flat_map(|server| {
                let glue = server.addresses.iter().copied().filter(is_of).min();
                glue.into_iter()
                    .chain(least_in(cache, &server.name, rtype, now))
            })
            .min()
    };
    let v4 = || least(RecordType::A, IpAddr::is_ipv4);
    let v6 = || least(RecordType::AAAA, IpAddr::is_ipv6);
    let v4 = plan.ipv4.then(v4).flatten();
    v4.or_else(|| plan.ipv6.then(v6).flatten())
}

/// The least address that the cache has of a server.
fn least_in(cache: &Cache, server: &Name, rtype: RecordType, now: Now) -> Option<IpAddr> {
    let held = cache.rrset(server, rtype, Rank::NonAuthAnswer, now)?;
    let addresses = held.rrset.rdata.iter().filter_map(|octets| match rtype {
        RecordType::A => rdata::a(octets).map(IpAddr::V4),
        _ => rdata::aaaa(octets).map(IpAddr::V6),
    });
    addresses.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::DelegationServer;
    use crate::config::load_text;
    use crate::wire::group::group;
    use crate::wire::text::record_from_text;

    fn delegation(zone: &str, servers: &[(&str, &[&str])]) -> Delegation {
        Delegation {
            zone: zone.parse().unwrap(),
            servers: servers
                .iter()
                .map(|(name, addresses)| DelegationServer {
                    name: name.parse().unwrap(),
                    addresses: addresses.iter().map(|one| one.parse().unwrap()).collect(),
                })
                .collect(),
            expires_at: u64::MAX,
        }
    }

    #[test]
    fn zones_on_the_same_servers_have_one_address_however_they_name_them() {
        let now = Now::at_secs(10);
        let plan = load_text(std::path::Path::new("test.toml"), "")
            .unwrap()
            .plan;
        let cache = Cache::new(&plan.cache);
        let both = plan::Recursion {
            ipv4: true,
            ipv6: true,
            ..plan.recursion.clone()
        };
        let of = |delegation: &Delegation, plan| {
            let least = least_of(delegation, &cache, plan, now);
            least.map(|address| address.to_string())
        };
        let with_glue = delegation(
            "one.example",
            &[
                ("ns2.one.example", &["2001:db8::2", "192.0.2.20"]),
                ("ns1.one.example", &["192.0.2.3"]),
            ],
        );
        assert_eq!(of(&with_glue, &both).unwrap(), "192.0.2.3");
        let only_v6 = plan::Recursion {
            ipv4: false,
            ..both.clone()
        };
        assert_eq!(of(&with_glue, &only_v6).unwrap(), "2001:db8::2");
        // The same servers by names elsewhere, whose addresses the cache knows, or does not yet.
        let by_name = delegation("two.test", &[("a.host.test", &[]), ("b.host.test", &[])]);
        assert_eq!(of(&by_name, &both), None);
        for text in [
            "a.host.test 60 IN A 192.0.2.20",
            "b.host.test 60 IN A 192.0.2.3",
        ] {
            let records = [record_from_text(text, 60).unwrap()];
            cache.store(group(&records).remove(0), Rank::AuthAnswer, now);
        }
        assert_eq!(of(&by_name, &both).unwrap(), "192.0.2.3");
        for shared in [".", "example"] {
            let delegation = delegation(shared, &[("ns1.one.example", &["192.0.2.3"])]);
            assert_eq!(of(&delegation, &both), None, "{shared}");
        }
    }
}
