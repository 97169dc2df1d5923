//! Which addresses cannot be where they claim to be? The table of row 4, and multicast for row 2.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::config::plan::AclRule;

/// Whether a datagram with this source cannot have come in by an honest way (RFC 6890, RFC 1122 section 3.2.1.3).
/// `loopback`: it came in by the loopback interface. `link_local_configured`: an access rule names a link-local prefix.
#[must_use]
pub fn is_martian(source: &SocketAddr, loopback: bool, link_local_configured: bool) -> bool {
    match source {
        SocketAddr::V4(v4) => is_martian_v4(v4.ip(), loopback),
        SocketAddr::V6(v6) => {
            let v6 = v6.ip();
            v6.is_unspecified()
                || v6.is_multicast()
                || (*v6 == Ipv6Addr::LOCALHOST && !loopback)
                // IPv4-mapped addresses are a notation inside a host; on the wire they are somebody's trick.
                || v6.to_ipv4_mapped().is_some()
                || (v6.is_unicast_link_local() && !link_local_configured)
        }
    }
}

/// Whether a destination is a group's or everybody's, so that one packet would be answered by many.
#[must_use]
pub fn is_multicast(destination: &SocketAddr) -> bool {
    match destination {
        SocketAddr::V4(v4) => v4.ip().is_multicast() || v4.ip().is_broadcast(),
        SocketAddr::V6(v6) => v6.ip().is_multicast(),
    }
}

/// Whether any rule speaks of link-local clients on purpose.
#[must_use]
pub fn names_link_local(rules: &[AclRule]) -> bool {
    rules.iter().any(|rule| {
        matches!(rule.prefix, IpNet::V6(v6) if v6.prefix_len() >= 10 && v6.addr().is_unicast_link_local())
    })
}

const fn is_martian_v4(source: &Ipv4Addr, loopback: bool) -> bool {
    let [first, ..] = source.octets();
    // 0/8; 127/8 unless by lo; 224/4 and 240/4, the broadcast address among them.
    first == 0 || (first == 127 && !loopback) || first >= 224
}
