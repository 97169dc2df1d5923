//! Which reverse zones mean nothing on the Internet? Those of RFC 6303 section 4 and RFC 7793, answered here.

use std::sync::Arc;

use crate::wire::{Name, RecordType};

use super::served::{Extent, Served, rrset};
use super::table::Table;

const REASON: &str = "addresses of private use have no names on the Internet (RFC 6303)";

/// RFC 6303 sections 4.1 to 4.6, less the ranges below; RFC 7793 is 64..=127.100.
const ZONES: [&str; 17] = [
    "10.in-addr.arpa.",
    "168.192.in-addr.arpa.",
    "0.in-addr.arpa.",
    "127.in-addr.arpa.",
    "254.169.in-addr.arpa.",
    "2.0.192.in-addr.arpa.",
    "100.51.198.in-addr.arpa.",
    "113.0.203.in-addr.arpa.",
    "255.255.255.255.in-addr.arpa.",
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    LOOPBACK_V6,
    "d.f.ip6.arpa.",
    "8.e.f.ip6.arpa.",
    "9.e.f.ip6.arpa.",
    "a.e.f.ip6.arpa.",
    "b.e.f.ip6.arpa.",
    "8.b.d.0.1.0.0.2.ip6.arpa.",
];
const LOOPBACK_V6: &str =
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.";
const LOOPBACK_V4: &str = "1.0.0.127.in-addr.arpa.";
/// TTL of the names of the loopback addresses, seconds (RFC 6303 section 3's number).
const LOOPBACK_TTL: u32 = 10_800;

/// Puts the zones into the table.
pub(super) fn add(table: &mut Table) {
    let rfc1918 = (16..=31).map(|octet| format!("{octet}.172.in-addr.arpa."));
    let shared = (64..=127).map(|octet| format!("{octet}.100.in-addr.arpa."));
    let fixed = ZONES.iter().map(ToString::to_string);
    for apex in fixed.chain(rfc1918).chain(shared) {
        let Ok(apex) = apex.parse::<Name>() else {
            continue;
        };
        let zone = Served::built_in(&apex, Extent::Apex, REASON);
        table.entry(&apex).built_in = Some(Arc::new(zone));
    }
    // RFC 1912 section 4.1, RFC 6303 section 4.2 and 4.3: the loopback addresses have a name.
    if let Ok(localhost) = "localhost.".parse::<Name>() {
        for owner in [LOOPBACK_V4, LOOPBACK_V6] {
            let Ok(owner) = owner.parse() else { continue };
            let target = localhost.as_wire();
            let ptr = rrset(&owner, RecordType::PTR, LOOPBACK_TTL, target);
            table.add_built_in_data(ptr);
        }
    }
}
