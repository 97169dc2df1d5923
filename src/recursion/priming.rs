//! Where are the root servers? Hints from the plan, and the delegation that a priming reply makes (RFC 9609).

use super::chain::{End, Reading};
use super::referral;
use crate::cache::{Delegation, DelegationServer};
use crate::config::plan;
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType};

/// The root servers as the hints have them.
pub(super) fn hints(plan: &plan::Recursion) -> Vec<DelegationServer> {
    plan.root_hints
        .iter()
        .map(|(name, addresses)| DelegationServer {
            name: name.clone(),
            addresses: addresses
                .iter()
                .copied()
                .take(plan.limits.ns_addresses)
                .collect(),
        })
        .collect()
}

/// The delegation of the root that an authoritative answer to `. NS` makes; nothing for any other reply.
///
/// Servers whose addresses did not fit into the reply keep those of the hints (RFC 9609 section 3.3).
pub(super) fn root_delegation(
    asked_zone: &Name,
    reading: &Reading,
    plan: &plan::Recursion,
    now: Now,
) -> Option<Delegation> {
    let End::Data(ns) = &reading.end else {
        return None;
    };
    if ns.rtype != RecordType::NS
        || !ns.owner.is_root()
        || !asked_zone.is_root()
        || !reading.authoritative
        || !reading.links.is_empty()
    {
        return None;
    }
    let mut servers = referral::servers(ns, &reading.additional, &plan.limits, 0);
    for server in servers
        .iter_mut()
        .filter(|server| server.addresses.is_empty())
    {
        if let Some((_, known)) = plan
            .root_hints
            .iter()
            .find(|(name, _)| *name == server.name)
        {
            server.addresses.clone_from(known);
        }
    }
    if servers.iter().all(|server| server.addresses.is_empty()) {
        return None;
    }
    Some(Delegation {
        zone: Name::root(),
        servers,
        expires_at: now.wall_secs().saturating_add(u64::from(ns.ttl)),
    })
}
