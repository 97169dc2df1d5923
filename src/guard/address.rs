//! What is an address to look things up by? A number; an IPv4-mapped one is the IPv4 address that it holds.
//!
//! An `IpAddr` is 17 octets that are written in pieces and then read as a whole, and a processor waits at each such copy for the
//! pieces to settle (10 ns). What every packet is judged by is therefore taken out of its socket address once, as a number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// IPv4, or IPv4-mapped.
    V4(u32),
    /// IPv6.
    V6(u128),
}

/// `::ffff:0:0/96`, without its last 32 bits.
const MAPPED: u128 = 0xFFFF;

impl Address {
    /// As others know it.
    #[must_use]
    pub const fn to_ip(self) -> IpAddr {
        match self {
            Self::V4(bits) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            Self::V6(bits) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }

    /// The network that it lies in: of an IPv4 address itself, of an IPv6 one the first `v6` bits.
    #[must_use]
    pub const fn prefix(self, v6: u8) -> Self {
        match self {
            Self::V6(_) if v6 == 0 => Self::V6(0),
            Self::V6(bits) if v6 < 128 => {
                let host = 128 - v6;
                Self::V6(bits >> host << host)
            }
            whole => whole,
        }
    }

    #[inline]
    const fn of_v6(address: &Ipv6Addr) -> Self {
        let bits = address.to_bits();
        if bits >> 32 == MAPPED {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the last 32 bits are meant"
            )]
            return Self::V4(bits as u32);
        }
        Self::V6(bits)
    }
}

impl From<&SocketAddr> for Address {
    #[inline]
    fn from(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::V4(v4.ip().to_bits()),
            SocketAddr::V6(v6) => Self::of_v6(v6.ip()),
        }
    }
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::of_v6(&v6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_canonical_one_whichever_way_it_comes() {
        for text in [
            "192.0.2.7",
            "0.0.0.0",
            "::",
            "::1",
            "::ffff:192.0.2.7",
            "::fffe:192.0.2.7",
            "::1:ffff:192.0.2.7",
            "2001:db8::7",
        ] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Address::from(ip).to_ip(), ip.to_canonical(), "{text}");
            assert_eq!(
                Address::from(&SocketAddr::new(ip, 53)),
                Address::from(ip),
                "{text}"
            );
        }
    }
}
