//! Does a set of prefixes let everybody in? Sizes and special blocks of the address space.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Shortest public IPv4 prefix that may be allowed: no operator got more than a /8 in one piece.
pub(super) const SHORTEST_V4: u8 = 8;
/// Shortest public IPv6 prefix that may be allowed: /19 is the largest allocation to an access provider.
pub(super) const SHORTEST_V6: u8 = 19;
/// Public IPv4 addresses allowed at most in all, as a power of two: sixteen /8, more than any network has.
const TOTAL_V4: u32 = 28;
/// Public IPv6 addresses allowed at most in all, as a power of two: a /16, eight of the largest allocations.
const TOTAL_V6: u32 = 112;

/// Blocks that nobody can reach us from over the Internet: loopback, link-local, private and shared space
/// (RFC 1122, 3927, 1918, 6598, 4291, 4193).
const NOT_PUBLIC: [(IpAddr, u8); 9] = [
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
];

/// IPv6 blocks in which every IPv4 address has a place: mapped, NAT64, Teredo, 6to4 (RFC 4291, 6052, 4380, 3056).
const HOLDS_ALL_OF_V4: [(Ipv6Addr, u8, &str); 4] = [
    (
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        96,
        "IPv4-mapped addresses",
    ),
    (
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0),
        96,
        "NAT64 addresses",
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        32,
        "Teredo addresses",
    ),
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        "6to4 addresses",
    ),
];

/// Whether all of `prefix` lies in space that the Internet does not route.
pub(super) fn is_inner(prefix: &IpNet) -> bool {
    NOT_PUBLIC
        .iter()
        .filter_map(|(address, length)| IpNet::new(*address, *length).ok())
        .any(|block| block.contains(prefix))
}

/// Why this prefix alone lets everybody in; nothing if it does not.
pub(super) fn too_wide(prefix: &IpNet) -> Option<String> {
    if is_inner(prefix) {
        return None;
    }
    let length = prefix.prefix_len();
    if length == 0 {
        let family = if prefix.addr().is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        return Some(format!("`{prefix}` is all of {family}"));
    }
    if let IpNet::V6(prefix) = prefix
        && let Some((_, _, block)) = HOLDS_ALL_OF_V4.iter().find(|(address, length, _)| {
            Ipv6Net::new(*address, *length).is_ok_and(|block| prefix.contains(&block))
        })
    {
        return Some(format!(
            "`{prefix}` holds all {block}, and every IPv4 host has one"
        ));
    }
    let shortest = match prefix {
        IpNet::V4(_) => SHORTEST_V4,
        IpNet::V6(_) => SHORTEST_V6,
    };
    (length < shortest).then(|| {
        format!("`{prefix}` is wider than anything one operator was ever given (/{shortest})")
    })
}

/// Why these prefixes together let everybody in; nothing if they do not.
pub(super) fn too_many(prefixes: &[IpNet]) -> Option<String> {
    let public = |prefix: &&IpNet| !is_inner(prefix);
    let v4: Vec<Ipv4Net> = prefixes
        .iter()
        .filter(public)
        .filter_map(|prefix| match prefix {
            IpNet::V4(prefix) => Some(*prefix),
            IpNet::V6(_) => None,
        })
        .collect();
    let v6: Vec<Ipv6Net> = prefixes
        .iter()
        .filter(public)
        .filter_map(|prefix| match prefix {
            IpNet::V6(prefix) => Some(*prefix),
            IpNet::V4(_) => None,
        })
        .collect();
    let v4 = sum(Ipv4Net::aggregate(&v4)
        .iter()
        .map(|prefix| 32 - u32::from(prefix.prefix_len())));
    let v6 = sum(Ipv6Net::aggregate(&v6)
        .iter()
        .map(|prefix| 128 - u32::from(prefix.prefix_len())));
    if v4 > 1 << TOTAL_V4 {
        Some(format!(
            "together these prefixes hold {v4} public IPv4 addresses, and no network has more than {}",
            1u64 << TOTAL_V4
        ))
    } else if v6 > 1 << TOTAL_V6 {
        Some("together these prefixes hold more public IPv6 addresses than a /16, and no network has that many".to_owned())
    } else {
        None
    }
}

/// The sum of powers of two.
fn sum(powers: impl Iterator<Item = u32>) -> u128 {
    powers.fold(0, |sum: u128, power| {
        sum.saturating_add(1u128.checked_shl(power).unwrap_or(u128::MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn wide_prefixes_are_known_by_size_and_by_kind() {
        for wide in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "8.0.0.0/7",
            "2000::/3",
            "2001::/18",
            "::/64",
            "::ffff:0:0/96",
            "64:ff9b::/96",
            "2001::/32",
            "2002::/16",
            "::/1",
        ] {
            assert!(too_wide(&net(wide)).is_some(), "{wide}");
        }
        for fine in [
            "12.0.0.0/8",
            "10.0.0.0/8",
            "2003::/19",
            "2001:db8::/32",
            "fc00::/7",
            "fe80::/10",
            "::1/128",
            "100.64.0.0/10",
            "2002:c000:204::/48",
        ] {
            assert_eq!(too_wide(&net(fine)), None, "{fine}");
        }
    }

    #[test]
    fn sums_count_overlaps_once_and_inner_space_never() {
        let sixteen: Vec<IpNet> = (16..32)
            .map(|first| net(&format!("{first}.0.0.0/8")))
            .collect();
        assert_eq!(too_many(&sixteen), None);
        let mut repeated = sixteen.clone();
        repeated.extend(sixteen.iter().copied());
        repeated.push(net("20.1.0.0/16"));
        repeated.push(net("10.0.0.0/8"));
        assert_eq!(too_many(&repeated), None);
        repeated.push(net("192.0.2.1/32"));
        assert!(
            too_many(&repeated)
                .unwrap()
                .contains("268435457 public IPv4 addresses")
        );
        assert!(too_many(&[net("0.0.0.0/1"), net("128.0.0.0/1")]).is_some());
        assert!(too_many(&[net("::/1"), net("8000::/1")]).is_some());
        assert_eq!(too_many(&[net("2003::/19"), net("fc00::/7")]), None);
    }
}
