//! May this address be asked at all? Not ourselves, nothing that is no server on the Internet, nothing the operator forbids.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::config::plan;
use crate::sys;

/// The rules for server addresses.
#[derive(Debug)]
pub struct Permitted {
    ipv4: bool,
    ipv6: bool,
    private: bool,
    never: Vec<IpNet>,
    own: HashSet<SocketAddr>,
    /// Ports of listeners on all addresses: any address of this host on such a port is ourselves.
    own_everywhere: HashSet<u16>,
}

impl Permitted {
    /// `own`: what suimond listens on, wildcards included.
    #[must_use]
    pub fn new(plan: &plan::Egress, own: &[SocketAddr]) -> Self {
        let (everywhere, own): (Vec<_>, Vec<_>) = own
            .iter()
            .partition(|listener| listener.ip().is_unspecified());
        Self {
            ipv4: plan.ipv4,
            ipv6: plan.ipv6,
            private: plan.allow_private_servers,
            never: plan.never_ask.clone(),
            own: own.into_iter().collect(),
            own_everywhere: everywhere.iter().map(|listener| listener.port()).collect(),
        }
    }

    /// Both of the rules below.
    #[must_use]
    pub fn may_ask(&self, server: SocketAddr, configured: bool) -> bool {
        self.permits(server, configured) && !self.is_ourselves(server)
    }

    /// Whether the address of `server` may be asked. `configured`: the operator wrote this address down (a stub or forward zone), so that it
    /// may be private; all else holds for it too.
    #[must_use]
    pub fn permits(&self, server: SocketAddr, configured: bool) -> bool {
        let family = match server.ip() {
            IpAddr::V4(_) => self.ipv4,
            IpAddr::V6(_) => self.ipv6,
        };
        family
            && server.port() != 0
            && !is_no_server(server.ip())
            && (self.private || configured || !is_private(server.ip()))
            && !self.never.iter().any(|net| net.contains(&server.ip()))
            && !self.own.contains(&server)
    }

    /// Whether a query to `server` would arrive at one of our listeners that are bound to all addresses. Asks the kernel,
    /// and only if there is such a listener on this port.
    #[must_use]
    pub fn is_ourselves(&self, server: SocketAddr) -> bool {
        self.own.contains(&server)
            || (self.own_everywhere.contains(&server.port())
                && (server.ip().is_loopback() || sys::net::is_own_address(server.ip())))
    }
}

/// Addresses that cannot be a server's, whatever the operator allows: connecting to 0.0.0.0 or `::` reaches this very host,
/// and a mapped address hides an IPv4 one from the other rules (CVE-2026-50251).
fn is_no_server(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            first == 0 || first >= 224
        }
        IpAddr::V6(address) => {
            // ::/96 holds the unspecified and the v4-compatible addresses; ::1 is loopback, which has its own rule.
            let embeds_v4 = matches!(address.segments(), [0, 0, 0, 0, 0, 0 | 0xFFFF, ..]);
            (embeds_v4 && address != Ipv6Addr::LOCALHOST) || address.is_multicast()
        }
    }
}

/// Loopback, link-local and private addresses: a name server on the Internet has none of them.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || is_shared(address)
        }
        IpAddr::V6(address) => {
            let [first, ..] = address.segments();
            // fc00::/7, fe80::/10 and the old fec0::/10.
            address.is_loopback() || first & 0xFE00 == 0xFC00 || first & 0xFF80 == 0xFE80
        }
    }
}

/// 100.64.0.0/10 (RFC 6598).
const fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xC0 == 64
}
