//! Who may ask? The longest prefix that covers the client and whose conditions hold; no match means no.

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

use crate::config::plan::{AclAction, AclRule, TransportKind};

/// The access rules, ready for look-up. An empty one lets nobody in.
#[derive(Debug)]
pub struct Acl {
    v4: PrefixMap<Ipv4Net, Vec<AclRule>>,
    v6: PrefixMap<Ipv6Net, Vec<AclRule>>,
}

impl Acl {
    /// Sorts the rules. Their order as written does not matter: the longest prefix wins, of equal prefixes the rule with
    /// more conditions, of equal conditions the stricter.
    #[must_use]
    pub fn new(rules: &[AclRule]) -> Self {
        let mut acl = Self {
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
        };
        for rule in rules {
            let group = match canonical_prefix(rule.prefix) {
                IpNet::V4(prefix) => acl.v4.entry(prefix).or_default(),
                IpNet::V6(prefix) => acl.v6.entry(prefix).or_default(),
            };
            group.push(rule.clone());
            group.sort_by_key(precedence);
        }
        acl
    }

    /// The rule for a client asking the address `local`. IPv4-mapped addresses count as the IPv4 address they hold.
    #[must_use]
    pub fn find(
        &self,
        client: IpAddr,
        local: IpAddr,
        transport: TransportKind,
    ) -> Option<&AclRule> {
        let local = local.to_canonical();
        let holds = |rule: &&AclRule| {
            rule.transport.is_none_or(|only| only == transport)
                && rule.local.is_none_or(|only| only.to_canonical() == local)
        };
        match client.to_canonical() {
            IpAddr::V4(client) => find_in(&self.v4, &Ipv4Net::from(client), holds),
            IpAddr::V6(client) => find_in(&self.v6, &Ipv6Net::from(client), holds),
        }
    }
}

fn find_in<'a, P: prefix_trie::Prefix>(
    map: &'a PrefixMap<P, Vec<AclRule>>,
    client: &P,
    holds: impl Fn(&&AclRule) -> bool,
) -> Option<&'a AclRule> {
    let (_, longest) = map.get_lpm(client)?;
    // Conditions are rare; when none of the longest prefix's rules holds, the next shorter prefix is asked.
    longest.iter().find(&holds).or_else(|| {
        map.cover_values(client)
            .filter_map(|group| group.iter().find(&holds))
            .last()
    })
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
