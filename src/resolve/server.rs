//! By which address is the server of a zone known to the zone guard? By one of all that the zone has, always the same.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::Resolver;
use crate::cache::{Cache, Delegation, Rank};
use crate::config::plan;
use crate::guard::permit::Budget;
use crate::recursion::Recursion;
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType, rdata};

impl Resolver {
    /// The address by which the server of a delegation is known; nothing for the root and top-level domains, and where no address is
    /// known yet that may be asked. `is_own` says what is an address of this host.
    #[must_use]
    pub fn server_of(
        &self,
        delegation: &Delegation,
        is_own: impl Fn(IpAddr) -> bool,
        now: Now,
    ) -> Option<IpAddr> {
        let may_ask = |address| self.egress.permits(address) && !is_own(address);
        least_of(delegation, &self.cache, &self.plan, may_ask, now)
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
///
/// What nobody asks cannot be anybody's: with glue of 127.0.0.1 or 10.0.0.1 strangers' zones would stand for each other. And addresses count
/// for as long as they are remembered, however long ago their records ended: else the servers of a zone would be known now by one,
/// now by another of them, as one record ends before the next.
fn least_of(
    delegation: &Delegation,
    cache: &Cache,
    plan: &plan::Recursion,
    may_ask: impl Fn(IpAddr) -> bool,
    now: Now,
) -> Option<IpAddr> {
    // The root and top-level domains serve everybody.
    if delegation.zone.label_count() < 2 {
        return None;
    }
    let servers = delegation.servers.iter().take(plan.limits.ns_names);
    let least = |rtype, is_of: fn(&IpAddr) -> bool| {
        let mut addresses: SmallVec<[IpAddr; 16]> = SmallVec::new();
        for server in servers.clone() {
            addresses.extend(server.addresses.iter().copied().filter(is_of));
            addresses.extend(addresses_in(cache, &server.name, rtype, now));
        }
        addresses.sort_unstable();
        addresses.dedup();
        // Of most zones it is the first: nobody else need be looked at.
        addresses.into_iter().find(|address| may_ask(*address))
    };
    let v4 = || least(RecordType::A, IpAddr::is_ipv4);
    let v6 = || least(RecordType::AAAA, IpAddr::is_ipv6);
    let v4 = plan.ipv4.then(v4).flatten();
    v4.or_else(|| plan.ipv6.then(v6).flatten())
}

/// The addresses that the cache has of a server, or had.
fn addresses_in(
    cache: &Cache,
    server: &Name,
    rtype: RecordType,
    now: Now,
) -> SmallVec<[IpAddr; 4]> {
    let Some(held) = cache.rrset_of_old(server, rtype, Rank::NonAuthAnswer, now) else {
        return SmallVec::new();
    };
    let addresses = held.rrset.rdata.iter().filter_map(|octets| match rtype {
        RecordType::A => rdata::a(octets).map(IpAddr::V4),
        _ => rdata::aaaa(octets).map(IpAddr::V6),
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cache::DelegationServer;
    use crate::config::load_text;
    use crate::egress::Egress;
    use crate::policy::Policy;
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
            let least = least_of(delegation, &cache, plan, |_| true, now);
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

    #[test]
    fn what_is_never_asked_is_no_key_of_a_zone() {
        let own = "[listen]\naddresses = ['192.0.2.1:53']";
        let plan = load_text(std::path::Path::new("test.toml"), own)
            .unwrap()
            .plan;
        let resolver = Resolver::new(
            Arc::new(Cache::new(&plan.cache)),
            Arc::new(Policy::new(&plan.policy)),
            Arc::new(Egress::new(
                &plan.egress,
                &["192.0.2.1:53".parse().unwrap()],
                Arc::default(),
            )),
            Vec::new(),
            Arc::new(plan.recursion.clone()),
        );
        let stray = [
            "127.0.0.1",
            "10.0.0.1",
            "0.0.0.0",
            "192.0.2.1",
            "192.0.2.2",
            "100.64.0.1",
        ];
        let is_own = |address: IpAddr| address.to_string() == "192.0.2.2";
        let of = |glue: &[&str]| {
            let delegation = delegation("one.example", &[("ns.one.example", glue)]);
            resolver.server_of(&delegation, is_own, Now::at_secs(10))
        };
        assert_eq!(of(&stray), None);
        let real = "198.51.100.53";
        assert_eq!(
            of(&[&stray[..], &[real]].concat()),
            Some(real.parse().unwrap())
        );
    }

    #[test]
    fn a_zone_keeps_its_key_when_the_record_of_its_least_address_ends() {
        let plan = load_text(std::path::Path::new("test.toml"), "")
            .unwrap()
            .plan;
        let cache = Cache::new(&plan.cache);
        let zone = delegation("two.test", &[("a.host.test", &[]), ("b.host.test", &[])]);
        let store = |text: &str, at| {
            let records = [record_from_text(text, 60).unwrap()];
            cache.store(
                group(&records).remove(0),
                Rank::AuthAnswer,
                Now::at_secs(at),
            );
        };
        let of = |at| {
            let least = least_of(&zone, &cache, &plan.recursion, |_| true, Now::at_secs(at));
            least.map(|address| address.to_string())
        };
        store("a.host.test 60 IN A 192.0.2.3", 10);
        store("b.host.test 3600 IN A 192.0.2.20", 10);
        for at in [20, 80, 3_000, 100_000] {
            assert_eq!(of(at).as_deref(), Some("192.0.2.3"), "at {at}");
        }
        // It has moved: the one from before is nobody's.
        store("a.host.test 60 IN A 192.0.2.77", 200_000);
        assert_eq!(of(200_001).as_deref(), Some("192.0.2.20"));
    }
}
