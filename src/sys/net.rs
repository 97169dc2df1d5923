//! How is a socket towards a server made? Connected, unfragmentable by rumour, and never on an address of ours by mistake.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Protocol, Socket, Type};

/// A non-blocking UDP socket bound to `source` and connected to `server`, so that the kernel drops what anybody else sends.
///
/// Path MTU discovery is left out (`IP_PMTUDISC_OMIT`): a forged "fragmentation needed" cannot make our queries, or what
/// the kernel believes of the path, smaller (RFC 9715 section 3.1, threats.md 4.1). A kernel that does not know the option
/// is no reason not to ask.
///
/// # Errors
/// `AddrInUse` when the port is taken; `NetworkUnreachable` and kin when there is no route. Nothing has been sent then.
pub fn connected_udp(source: SocketAddr, server: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(server);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if server.is_ipv4() {
        let _ = set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::OMIT);
    } else {
        socket.set_only_v6(true)?;
        let _ = set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::OMIT);
    }
    socket.bind(&source.into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// Whether `address` is configured on this host, by asking the kernel for a socket on it. False if that cannot be told.
#[must_use]
pub fn is_own_address(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

/// How many files this process may have open (soft limit); `usize::MAX` when there is no limit.
#[must_use]
pub fn open_files_limit() -> usize {
    getrlimit(Resource::Nofile)
        .current
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::{ip_mtu_discover, ipv6_mtu_discover};

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn sockets_are_connected_and_leave_path_mtu_discovery_out() {
        let v4 = connected_udp(address("0.0.0.0:0"), address("127.0.0.1:9")).unwrap();
        assert_eq!(v4.peer_addr().unwrap(), address("127.0.0.1:9"));
        assert_eq!(ip_mtu_discover(&v4).unwrap(), Ipv4PathMtuDiscovery::OMIT);
        // A host without IPv6 has nothing to show.
        if let Ok(v6) = connected_udp(address("[::]:0"), address("[::1]:9")) {
            assert_eq!(ipv6_mtu_discover(&v6).unwrap(), Ipv6PathMtuDiscovery::OMIT);
        }
    }

    #[test]
    fn a_taken_port_is_reported() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = connected_udp(taken.local_addr().unwrap(), address("127.0.0.1:9"));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn own_addresses_are_known() {
        assert!(is_own_address("127.0.0.1".parse().unwrap()));
        assert!(!is_own_address("192.0.2.1".parse().unwrap()));
        assert!(open_files_limit() > 0);
    }
}
