//! Does the longest prefix win? Against the plainest model.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn rule(prefix: &str, action: AclAction) -> AclRule {
    AclRule {
        prefix: prefix.parse().unwrap(),
        local: None,
        transport: None,
        action,
        snoop: false,
        prove: false,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn action(acl: &Acl, client: &str) -> Option<AclAction> {
    acl.find(ip(client), ip("192.0.2.53"), TransportKind::Udp)
        .map(|rule| rule.action)
}

#[test]
fn an_empty_list_lets_nobody_in() {
    let acl = Acl::new(&[]);
    for client in ["127.0.0.1", "::1", "192.0.2.1", "0.0.0.0", "::"] {
        assert_eq!(action(&acl, client), None);
    }
}

#[test]
fn the_longest_prefix_wins_whatever_the_order() {
    let mut rules = vec![
        rule("10.0.0.0/8", AclAction::Allow),
        rule("10.1.0.0/16", AclAction::Refuse),
        rule("10.1.2.0/24", AclAction::Drop),
        rule("10.1.2.3/32", AclAction::Allow),
    ];
    for _ in 0..2 {
        let acl = Acl::new(&rules);
        assert_eq!(action(&acl, "10.9.9.9"), Some(AclAction::Allow));
        assert_eq!(action(&acl, "10.1.9.9"), Some(AclAction::Refuse));
        assert_eq!(action(&acl, "10.1.2.9"), Some(AclAction::Drop));
        assert_eq!(action(&acl, "10.1.2.3"), Some(AclAction::Allow));
        assert_eq!(action(&acl, "11.0.0.0"), None);
        rules.reverse();
    }
}

#[test]
fn a_rule_whose_condition_fails_gives_way_to_a_shorter_prefix() {
    let mut narrow = rule("10.1.0.0/16", AclAction::Refuse);
    narrow.local = Some(ip("192.0.2.54"));
    let mut tcp_only = rule("10.1.0.0/16", AclAction::Drop);
    tcp_only.transport = Some(TransportKind::Tcp);
    let acl = Acl::new(&[rule("10.0.0.0/8", AclAction::Allow), narrow, tcp_only]);
    let find = |local, transport| {
        acl.find(ip("10.1.1.1"), ip(local), transport)
            .map(|rule| rule.action)
    };
    assert_eq!(
        find("192.0.2.53", TransportKind::Udp),
        Some(AclAction::Allow)
    );
    assert_eq!(
        find("192.0.2.54", TransportKind::Udp),
        Some(AclAction::Refuse)
    );
    assert_eq!(
        find("192.0.2.53", TransportKind::Tcp),
        Some(AclAction::Drop)
    );
    // One condition each: the one that names an address is the more special.
    assert_eq!(
        find("192.0.2.54", TransportKind::Tcp),
        Some(AclAction::Refuse)
    );
}

#[test]
fn of_equal_rules_the_stricter_wins() {
    for reversed in [false, true] {
        let mut rules = vec![
            rule("10.0.0.0/8", AclAction::Allow),
            rule("10.0.0.0/8", AclAction::Refuse),
        ];
        if reversed {
            rules.reverse();
        }
        assert_eq!(
            action(&Acl::new(&rules), "10.0.0.1"),
            Some(AclAction::Refuse)
        );
    }
}

#[test]
fn mapped_addresses_are_the_addresses_they_hold() {
    let acl = Acl::new(&[rule("192.0.2.0/24", AclAction::Allow)]);
    assert_eq!(action(&acl, "::ffff:192.0.2.7"), Some(AclAction::Allow));
    assert_eq!(action(&acl, "::ffff:192.0.3.7"), None);
    let acl = Acl::new(&[rule("::ffff:192.0.2.0/120", AclAction::Allow)]);
    assert_eq!(action(&acl, "192.0.2.7"), Some(AclAction::Allow));
    assert_eq!(action(&acl, "192.0.3.7"), None);
    // An IPv6 rule does not reach IPv4 clients, and a family's default route does not reach the other's.
    let acl = Acl::new(&[rule("::/0", AclAction::Allow)]);
    assert_eq!(action(&acl, "192.0.2.7"), None);
    assert_eq!(action(&acl, "2001:db8::1"), Some(AclAction::Allow));
    let acl = Acl::new(&[rule("0.0.0.0/0", AclAction::Allow)]);
    assert_eq!(action(&acl, "2001:db8::1"), None);
}

/// A few addresses close together, so that prefixes meet.
fn any_ip() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0_u32..1024)
            .prop_map(|low| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | (low << 20) | low))),
        (0_u128..1024).prop_map(|low| IpAddr::V6(Ipv6Addr::from_bits(
            (0x2001_0db8 << 96) | (low << 80) | low
        ))),
    ]
}

fn any_rule() -> impl Strategy<Value = AclRule> {
    (
        any_ip(),
        0_u8..=128,
        proptest::option::of(prop_oneof![Just(ip("192.0.2.53")), Just(ip("::1"))]),
        proptest::option::of(prop_oneof![
            Just(TransportKind::Udp),
            Just(TransportKind::Tcp)
        ]),
        prop_oneof![
            Just(AclAction::Allow),
            Just(AclAction::Refuse),
            Just(AclAction::Drop)
        ],
    )
        .prop_map(|(address, length, local, transport, action)| {
            let max = if address.is_ipv4() { 32 } else { 128 };
            AclRule {
                prefix: IpNet::new(address, length.min(max)).unwrap().trunc(),
                local,
                transport,
                action,
                snoop: false,
                prove: false,
            }
        })
}

proptest! {
    /// Against the plainest possible model: all rules that match, sorted.
    #[test]
    fn few_prefixes_and_many_agree_with_the_plainest_list(
        rules in proptest::collection::vec(any_rule(), 0..24),
        crowd in any::<bool>(),
        client in any_ip(),
        local in prop_oneof![Just(ip("192.0.2.53")), Just(ip("::1")), Just(ip("192.0.2.1"))],
        tcp in any::<bool>(),
    ) {
        let transport = if tcp { TransportKind::Tcp } else { TransportKind::Udp };
        let expected = rules
            .iter()
            .filter(|rule| rule.prefix.contains(&client))
            .filter(|rule| rule.local.is_none_or(|only| only == local))
            .filter(|rule| rule.transport.is_none_or(|only| only == transport))
            .min_by_key(|rule| {
                let conditions = [rule.local.is_some(), rule.transport.is_some()];
                (
                    Reverse(rule.prefix.prefix_len()),
                    Reverse(conditions.iter().filter(|set| **set).count()),
                    Reverse(rule.local.is_some()),
                    match rule.action { AclAction::Drop => 0, AclAction::Refuse => 1, AclAction::Allow => 2 },
                )
            });
        // Prefixes far from every client change nothing, except that the trie is used.
        let mut all = rules.clone();
        if crowd {
            for number in 0..20 {
                all.push(rule(&format!("172.16.{number}.0/24"), AclAction::Drop));
                all.push(rule(&format!("2001:db9:{number}::/48"), AclAction::Drop));
            }
        }
        let acl = Acl::new(&all);
        prop_assert_eq!(matches!(acl.v4, Table::Many(_)) && matches!(acl.v6, Table::Many(_)), crowd);
        prop_assert_eq!(acl.find(client, local, transport), expected);
    }
}
