//! Who may ask? The longest prefix that covers the client and whose conditions hold; no match means no.

use std::cmp::Reverse;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::BitAnd;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::{Prefix, PrefixMap};

use super::address::Address;
use crate::config::plan::{AclAction, AclRule, TransportKind};

/// Prefixes of one family up to which they are looked through one by one: that beats the trie for as long as all of them
/// fit into a few cache lines, and few operators write more.
const FEW: usize = 16;

/// The access rules, ready for look-up. An empty one lets nobody in.
#[derive(Debug)]
pub struct Acl {
    v4: Table<Ipv4Net, u32>,
    v6: Table<Ipv6Net, u128>,
}

/// The rules of one family by prefix.
#[derive(Debug)]
enum Table<P: Prefix, Bits> {
    /// The longest prefix first: netmask and network, and the place of the rules beside.
    Few(Box<[(Bits, Bits)]>, Box<[Vec<AclRule>]>),
    /// By longest-prefix match.
    Many(Box<PrefixMap<P, Vec<AclRule>>>),
}

impl Acl {
    /// Sorts the rules. Their order as written does not matter: the longest prefix wins, of equal prefixes the rule with
    /// more conditions, of equal conditions the stricter.
    #[must_use]
    pub fn new(rules: &[AclRule]) -> Self {
        let (mut v4, mut v6) = (PrefixMap::new(), PrefixMap::new());
        for rule in rules {
            let group: &mut Vec<AclRule> = match canonical_prefix(rule.prefix) {
                IpNet::V4(prefix) => v4.entry(prefix).or_default(),
                IpNet::V6(prefix) => v6.entry(prefix).or_default(),
            };
            group.push(rule.clone());
            group.sort_by_key(precedence);
        }
        Self {
            v4: Table::new(v4, |net: &Ipv4Net| {
                (net.netmask().to_bits(), net.network().to_bits())
            }),
            v6: Table::new(v6, |net: &Ipv6Net| {
                (net.netmask().to_bits(), net.network().to_bits())
            }),
        }
    }

    /// The rule for a client asking the address `local`. IPv4-mapped addresses count as the IPv4 address they hold.
    #[must_use]
    pub fn find(
        &self,
        client: impl Into<Address>,
        local: impl Into<Address>,
        transport: TransportKind,
    ) -> Option<&AclRule> {
        let local = local.into();
        let holds = |rule: &&AclRule| {
            rule.transport.is_none_or(|only| only == transport)
                && rule.local.is_none_or(|only| Address::from(only) == local)
        };
        match client.into() {
            Address::V4(bits) => {
                let prefix = || Ipv4Addr::from_bits(bits).into();
                self.v4.find(bits, prefix, holds)
            }
            Address::V6(bits) => {
                let prefix = || Ipv6Addr::from_bits(bits).into();
                self.v6.find(bits, prefix, holds)
            }
        }
    }
}

impl<P, Bits> Table<P, Bits>
where
    P: Prefix,
    Bits: Copy + Ord + BitAnd<Output = Bits>,
{
    /// `bits`: a prefix's netmask and network.
    fn new(map: PrefixMap<P, Vec<AclRule>>, bits: impl Fn(&P) -> (Bits, Bits)) -> Self {
        if map.len() > FEW {
            return Self::Many(Box::new(map));
        }
        let mut few: Vec<_> = map
            .into_iter()
            .map(|(prefix, group)| (bits(&prefix), group))
            .collect();
        few.sort_by_key(|(bits, _)| Reverse(*bits));
        let (prefixes, groups): (Vec<_>, Vec<_>) = few.into_iter().unzip();
        Self::Few(prefixes.into(), groups.into())
    }

    fn find(
        &self,
        client: Bits,
        as_prefix: impl Fn() -> P,
        holds: impl Fn(&&AclRule) -> bool,
    ) -> Option<&AclRule> {
        // Conditions are rare; when none of the longest prefix's rules holds, the next shorter prefix is asked.
        match self {
            Self::Few(prefixes, groups) => prefixes
                .iter()
                .zip(groups)
                .filter(|((mask, network), _)| client & *mask == *network)
                .find_map(|(_, group)| group.iter().find(&holds)),
            Self::Many(map) => {
                let client = as_prefix();
                let (_, longest) = map.get_lpm(&client)?;
                longest.iter().find(&holds).or_else(|| {
                    map.cover_values(&client)
                        .filter_map(|group| group.iter().find(&holds))
                        .last()
                })
            }
        }
    }
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
fn canonical_prefix(prefix: IpNet) -> IpNet {
    match prefix {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6
            .addr()
            .to_ipv4_mapped()
            .and_then(|v4| Ipv4Net::new(v4, v6.prefix_len() - 96).ok())
            .map_or(prefix, |v4| IpNet::V4(v4.trunc())),
        IpNet::V4(_) | IpNet::V6(_) => prefix.trunc(),
    }
}

/// Sorts the rule that wins first.
fn precedence(rule: &AclRule) -> (Reverse<usize>, Reverse<bool>, u8, bool) {
    let conditions = usize::from(rule.local.is_some()) + usize::from(rule.transport.is_some());
    let strictness = match rule.action {
        AclAction::Drop => 0,
        AclAction::Refuse => 1,
        AclAction::Allow => 2,
    };
    (
        Reverse(conditions),
        Reverse(rule.local.is_some()),
        strictness,
        rule.snoop,
    )
}

#[cfg(test)]
mod tests;
