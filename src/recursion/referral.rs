//! Which servers does a referral name, and which of the addresses it gives for them may be used?

use std::collections::HashMap;
use std::net::IpAddr;

use super::targets::mix;
use crate::cache::{Cache, DelegationServer};
use crate::config::plan::Limits;
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType, Rrset, rdata};

/// The servers of a delegation: at most `ns_names` of them, those with addresses first, else by a toss of `seed`; each with at
/// most `ns_addresses` addresses (NXNS, CVE-2020-8616; CacheFlush).
///
/// `glue` is the additional section, already cut to what the referring zone may speak for. Only addresses of listed names are
/// taken, and they are good for this delegation only (RFC 9471).
pub(super) fn servers(
    ns: &Rrset,
    glue: &[Rrset],
    limits: &Limits,
    seed: u64,
) -> Vec<DelegationServer> {
    let mut glue_of: HashMap<&Name, Vec<IpAddr>> = HashMap::new();
    for set in glue {
        glue_of
            .entry(&set.owner)
            .or_default()
            .extend(addresses(set));
    }
    let mut listed: Vec<DelegationServer> = ns
        .rdata
        .iter()
        .filter_map(rdata::ns_target)
        .map(|name| DelegationServer {
            addresses: limited(glue_of.get(&name), limits),
            name,
        })
        .collect();
    let mut order: Vec<(bool, u64, usize)> = listed
        .iter()
        .enumerate()
        .map(|(place, server)| (server.addresses.is_empty(), mix(seed, place), place))
        .collect();
    order.sort_unstable();
    order.truncate(limits.ns_names);
    let mut kept: Vec<usize> = order.into_iter().map(|(_, _, place)| place).collect();
    kept.sort_unstable();
    let mut place = 0;
    listed.retain(|_| {
        let keep = kept.binary_search(&place).is_ok();
        place += 1;
        keep
    });
    listed
}

/// Both families get their share: every second address is of the other one while there are any.
fn limited(addresses: Option<&Vec<IpAddr>>, limits: &Limits) -> Vec<IpAddr> {
    let Some(addresses) = addresses else {
        return Vec::new();
    };
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4());
    let longest = v4.len().max(v6.len());
    (0..longest)
        .flat_map(|place| v4.get(place).into_iter().chain(v6.get(place)))
        .copied()
        .take(limits.ns_addresses)
        .collect()
}

/// The addresses in an A or AAAA set; none for other types.
pub(super) fn addresses(set: &Rrset) -> Vec<IpAddr> {
    set.rdata
        .iter()
        .filter_map(|octets| match set.rtype {
            RecordType::A => rdata::a(octets).map(IpAddr::V4),
            RecordType::AAAA => rdata::aaaa(octets).map(IpAddr::V6),
            _ => None,
        })
        .collect()
}

/// The addresses that the parent of a server's own zone gives for it: all there is to go by if that zone does not say, and a
/// second chance if what it says is wrong.
pub(super) fn glue(server: &Name, cache: &Cache, now: Now) -> Vec<IpAddr> {
    let mut inside = Some(server.clone());
    while let Some(delegation) = inside.and_then(|name| cache.deepest_delegation(&name, now)) {
        let mut servers = delegation.servers.iter();
        if let Some(known) =
            servers.find(|known| known.name == *server && !known.addresses.is_empty())
        {
            return known.addresses.clone();
        }
        inside = delegation.zone.parent();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RdataSet;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn set(owner: &str, rtype: RecordType, rdata: &[Vec<u8>]) -> Rrset {
        Rrset {
            owner: name(owner),
            rtype,
            ttl: 60,
            rdata: RdataSet::new(rdata.iter().map(Vec::as_slice)),
            rrsigs: RdataSet::default(),
        }
    }

    #[test]
    fn of_60_servers_13_are_kept_and_those_with_addresses_come_first() {
        let names: Vec<Vec<u8>> = (0..60)
            .map(|i| name(&format!("ns{i}.example")).as_wire().to_vec())
            .collect();
        let ns = set("zone.example", RecordType::NS, &names);
        let glue = [
            set("ns59.example", RecordType::A, &[vec![192, 0, 2, 59]]),
            set("other.example", RecordType::A, &[vec![192, 0, 2, 66]]),
        ];
        let kept = servers(&ns, &glue, &Limits::default(), 7);
        assert_eq!(kept.len(), 13);
        let with: Vec<_> = kept
            .iter()
            .filter(|server| !server.addresses.is_empty())
            .collect();
        assert_eq!(with.len(), 1);
        assert_eq!(with[0].name, name("ns59.example"));
        let other: Vec<_> = servers(&ns, &glue, &Limits::default(), 8)
            .into_iter()
            .map(|server| server.name)
            .collect();
        assert_ne!(
            other,
            kept.into_iter()
                .map(|server| server.name)
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn of_20_addresses_6_are_kept_of_both_families() {
        let ns = set(
            "zone.example",
            RecordType::NS,
            &[name("ns.example").as_wire().to_vec()],
        );
        let v4: Vec<Vec<u8>> = (1..=10).map(|i| vec![192, 0, 2, i]).collect();
        let v6: Vec<Vec<u8>> = (1..=10)
            .map(|i| {
                let mut octets = vec![0x20, 1, 0xd, 0xb8];
                octets.resize(16, i);
                octets
            })
            .collect();
        let glue = [
            set("ns.example", RecordType::A, &v4),
            set("ns.example", RecordType::AAAA, &v6),
        ];
        let kept = servers(&ns, &glue, &Limits::default(), 7);
        assert_eq!(kept[0].addresses.len(), 6);
        assert_eq!(kept[0].addresses.iter().filter(|a| a.is_ipv6()).count(), 3);
    }
}
