//! Which names must never leave for the Internet? Special-use names and what their RFCs have a resolver say.

use std::sync::Arc;

use crate::wire::{Held, Name, RecordType};

use super::served::{Extent, Served, rrset};
use super::table::{Table, hold};

/// Zone, which of its names exist, and what to tell who asks why.
const ZONES: [(&str, Extent, &str); 8] = [
    (
        "localhost.",
        Extent::Localhost,
        "localhost is answered here (RFC 6761)",
    ),
    (
        "invalid.",
        Extent::Apex,
        "invalid names do not exist (RFC 6761)",
    ),
    (
        "test.",
        Extent::Apex,
        "test is kept off the Internet (RFC 6761)",
    ),
    (
        "local.",
        Extent::Apex,
        "local names belong to multicast DNS (RFC 6762)",
    ),
    (
        "onion.",
        Extent::Nothing,
        "onion names are not in the DNS (RFC 7686)",
    ),
    (
        "home.arpa.",
        Extent::Apex,
        "home.arpa belongs to the home network (RFC 8375)",
    ),
    (
        "resolver.arpa.",
        Extent::Everything,
        "resolver.arpa is answered here (RFC 9462)",
    ),
    (
        "alt.",
        Extent::Nothing,
        "alt names are not in the DNS (RFC 9476)",
    ),
];

/// EDE codes that this resolver sends (RFC 8914), as RESINFO lists them (RFC 9606 section 5).
const EDE_CODES: &str = "exterr=0,13,18,20-24,29";
/// TTL of the RESINFO record, seconds: an hour, for capabilities that change with a restart at most.
const RESINFO_TTL: u32 = 3_600;

/// Puts the special-use names into the table.
pub(super) fn add(table: &mut Table) {
    for (text, extent, reason) in ZONES {
        let Ok(apex) = text.parse::<Name>() else {
            continue;
        };
        let mut zone = Served::built_in(&apex, extent, reason);
        // The parent proves to validators that home.arpa is not signed (RFC 8375 section 4, item 4).
        zone.parent_answers_ds = text == "home.arpa.";
        table.entry(&apex).built_in = Some(Arc::new(zone));
    }
}

/// `resolver.arpa. RESINFO`: what this resolver does, truthfully (RFC 9606).
pub(super) fn resolver_info(qname_minimisation: bool) -> Held {
    let keys = [qname_minimisation.then_some("qnamemin"), Some(EDE_CODES)];
    let mut rdata = Vec::new();
    for key in keys.into_iter().flatten() {
        rdata.push(u8::try_from(key.len()).unwrap_or(0));
        rdata.extend_from_slice(key.as_bytes());
    }
    let owner = "resolver.arpa.".parse().unwrap_or_else(|_| Name::root());
    hold(rrset(&owner, RecordType::RESINFO, RESINFO_TTL, &rdata))
}
