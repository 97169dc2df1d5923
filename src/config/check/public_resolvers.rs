//! Which addresses are well-known public resolvers? Forwarding to one hands every question to a third party.

use std::net::IpAddr;

use super::super::units::Prefix;

/// Prefixes and operators, as their own pages name them.
const PUBLIC: [(&str, &str); 24] = [
    ("Google Public DNS", "8.8.8.8 8.8.4.4 2001:4860:4860::/48"),
    ("Cloudflare", "1.1.1.0/30 1.0.0.0/30 2606:4700:4700::/48"),
    (
        "Quad9",
        "9.9.9.0/24 149.112.112.0/24 149.112.149.0/24 2620:fe::/48",
    ),
    (
        "OpenDNS",
        "208.67.222.0/24 208.67.220.0/24 2620:119:35::/48 2620:119:53::/48 2620:0:ccc::/48 2620:0:ccd::/48",
    ),
    (
        "AdGuard DNS",
        "94.140.14.0/24 94.140.15.0/24 2a10:50c0::/32",
    ),
    (
        "Level 3",
        "4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4 4.2.2.5 4.2.2.6 209.244.0.3 209.244.0.4",
    ),
    (
        "Yandex DNS",
        "77.88.8.0/24 2a02:6b8::feed:0/112 2a02:6b8:0:1::feed:0/112",
    ),
    ("114DNS", "114.114.114.0/24 114.114.115.0/24"),
    ("AliDNS", "223.5.5.5 223.6.6.6 2400:3200::/32"),
    (
        "DNSPod",
        "119.29.29.29 119.28.28.28 1.12.12.12 120.53.53.53 2402:4e00::/48 2402:4e00:1::/48",
    ),
    ("Baidu DNS", "180.76.76.76 2400:da00::6666"),
    (
        "CleanBrowsing",
        "185.228.168.0/24 185.228.169.0/24 2a0d:2a00:1::/48 2a0d:2a00:2::/48",
    ),
    ("Control D", "76.76.2.0/24 76.76.10.0/24 2606:1a40::/32"),
    (
        "NextDNS",
        "45.90.28.0/24 45.90.30.0/24 2a07:a8c0::/32 2a07:a8c1::/32",
    ),
    (
        "DNS.WATCH",
        "84.200.69.80 84.200.70.40 2001:1608:10:25::/64",
    ),
    (
        "UltraDNS Public",
        "64.6.64.6 64.6.65.6 156.154.70.0/24 156.154.71.0/24 2620:74:1b::/48 2620:74:1c::/48 2610:a1:1018::/48 2610:a1:1019::/48",
    ),
    ("Comodo Secure DNS", "8.26.56.26 8.20.247.20"),
    ("Hurricane Electric", "74.82.42.42 2001:470:20::2"),
    ("DNS4EU", "86.54.11.0/24 2a13:1001::/32"),
    ("Mullvad DNS", "194.242.2.0/24 2a07:e340::/32"),
    (
        "dns0.eu",
        "193.110.81.0/24 185.253.5.0/24 2a0f:fc80::/32 2a0f:fc81::/32",
    ),
    (
        "CZ.NIC ODVR",
        "193.17.47.1 185.43.135.1 2001:148f:fffe::1 2001:148f:ffff::1",
    ),
    (
        "TWNIC Quad101",
        "101.101.101.101 101.102.103.104 2001:de4::101 2001:de4::102",
    ),
    (
        "FDN",
        "80.67.169.12 80.67.169.40 2001:910:800::12 2001:910:800::40",
    ),
];

/// Who runs the well-known public resolver at `address`; nothing if there is none.
pub(super) fn operator(address: IpAddr) -> Option<&'static str> {
    PUBLIC
        .iter()
        .find(|(_, prefixes)| {
            prefixes
                .split(' ')
                .filter_map(|prefix| prefix.parse::<Prefix>().ok())
                .any(|prefix| prefix.0.contains(&address))
        })
        .map(|(operator, _)| *operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_readable_throughout() {
        for (operator, prefixes) in PUBLIC {
            for prefix in prefixes.split(' ') {
                assert!(prefix.parse::<Prefix>().is_ok(), "{operator}: {prefix}");
            }
        }
    }

    #[test]
    fn the_famous_ones_are_known_in_both_families() {
        let known = |text: &str| operator(text.parse().unwrap());
        for address in [
            "8.8.8.8",
            "8.8.4.4",
            "2001:4860:4860::8888",
            "2001:4860:4860::8844",
        ] {
            assert_eq!(known(address), Some("Google Public DNS"));
        }
        for address in [
            "1.1.1.1",
            "1.0.0.1",
            "1.1.1.2",
            "1.0.0.3",
            "2606:4700:4700::1111",
        ] {
            assert_eq!(known(address), Some("Cloudflare"));
        }
        for address in [
            "9.9.9.9",
            "149.112.112.112",
            "208.67.222.222",
            "208.67.220.220",
            "94.140.14.14",
            "4.2.2.1",
            "4.2.2.6",
            "77.88.8.8",
            "114.114.114.114",
            "223.5.5.5",
            "185.228.168.9",
            "76.76.2.0",
            "2620:fe::fe",
            "2620:119:35::35",
        ] {
            assert!(known(address).is_some(), "{address}");
        }
        for address in ["192.0.2.1", "8.8.8.9", "4.2.2.7", "10.0.0.1", "2001:db8::1"] {
            assert_eq!(known(address), None, "{address}");
        }
    }
}
