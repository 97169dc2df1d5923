//! Who may look into the cache, and who must prove himself? `acl.snoop` and `acl.prove` worked into the access rules without changing
//! whom they serve.

use ipnet::IpNet;

use crate::config::plan::{AclAction, AclRule};

/// Marks the rules that allow clients in `prefix`, and no others. Whether anyone is allowed there.
///
/// Allow rules inside the prefix get the mark. The rules that decide about the rest of it are copied down to it, the
/// allowing ones with the mark, such that "longest prefix, then most conditions" finds the same action as before.
pub(super) fn mark(rules: &mut Vec<AclRule>, prefix: IpNet, mark: fn(&mut AclRule)) -> bool {
    let mut marked = false;
    for rule in rules
        .iter_mut()
        .filter(|rule| prefix.contains(&rule.prefix))
    {
        if rule.action == AclAction::Allow {
            mark(rule);
            marked = true;
        }
    }
    for rule in deciding_above(rules, &prefix) {
        let allow = rule.action == AclAction::Allow;
        let twin = rules.iter().any(|other| {
            other.prefix == prefix && other.local == rule.local && other.transport == rule.transport
        });
        if !twin {
            let mut copy = AclRule { prefix, ..rule };
            if allow {
                mark(&mut copy);
                marked = true;
            }
            rules.push(copy);
        }
    }
    marked
}

/// The rules with this or a shorter prefix that decide about some query from all of `prefix`, each with conditions of
/// its own.
fn deciding_above(rules: &[AclRule], prefix: &IpNet) -> Vec<AclRule> {
    let above: Vec<&AclRule> = rules
        .iter()
        .filter(|rule| rule.prefix.contains(prefix))
        .collect();
    let mut deciding: Vec<AclRule> = above
        .iter()
        .filter(|rule| {
            !above.iter().any(|other| {
                other.prefix.prefix_len() > rule.prefix.prefix_len() && is_as_general(other, rule)
            })
        })
        .map(|rule| (*rule).clone())
        .collect();
    // Where a rule for a local address and one for a transport both match, the longer prefix decided; at one prefix
    // that takes a rule with both conditions.
    let mut both = Vec::new();
    for by_local in deciding
        .iter()
        .filter(|rule| rule.local.is_some() && rule.transport.is_none())
    {
        for by_transport in deciding
            .iter()
            .filter(|rule| rule.local.is_none() && rule.transport.is_some())
        {
            let known = deciding.iter().any(|rule| {
                rule.local == by_local.local && rule.transport == by_transport.transport
            });
            let longer = if by_local.prefix.prefix_len() >= by_transport.prefix.prefix_len() {
                by_local
            } else {
                by_transport
            };
            if !known {
                both.push(AclRule {
                    local: by_local.local,
                    transport: by_transport.transport,
                    ..longer.clone()
                });
            }
        }
    }
    deciding.extend(both);
    deciding
}

/// Whether `general` matches every query that `special` matches, prefixes aside.
fn is_as_general(general: &AclRule, special: &AclRule) -> bool {
    (general.local.is_none() || general.local == special.local)
        && (general.transport.is_none() || general.transport == special.transport)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::config::plan::TransportKind;

    /// What the guard does with a list of rules.
    fn decide(
        rules: &[AclRule],
        source: IpAddr,
        local: IpAddr,
        transport: TransportKind,
    ) -> Option<(AclAction, bool)> {
        rules
            .iter()
            .filter(|rule| rule.prefix.contains(&source))
            .filter(|rule| rule.local.is_none_or(|wanted| wanted == local))
            .filter(|rule| rule.transport.is_none_or(|wanted| wanted == transport))
            .max_by_key(|rule| {
                (
                    rule.prefix.prefix_len(),
                    u8::from(rule.local.is_some()) + u8::from(rule.transport.is_some()),
                )
            })
            .map(|rule| (rule.action, rule.snoop))
    }

    fn locals() -> [IpAddr; 2] {
        [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])]
    }

    /// Prefixes in a space of 16 addresses, so that they meet.
    fn prefix() -> impl Strategy<Value = IpNet> {
        (0u8..16, 28u8..=32).prop_map(|(host, length)| {
            IpNet::new(IpAddr::from([10, 0, 0, host]), length)
                .unwrap()
                .trunc()
        })
    }

    fn rule() -> impl Strategy<Value = AclRule> {
        let local = prop_oneof![Just(None), Just(Some(locals()[0])), Just(Some(locals()[1]))];
        let transport = prop_oneof![
            Just(None),
            Just(Some(TransportKind::Udp)),
            Just(Some(TransportKind::Tcp))
        ];
        let action = prop_oneof![
            Just(AclAction::Allow),
            Just(AclAction::Refuse),
            Just(AclAction::Drop)
        ];
        (prefix(), local, transport, action).prop_map(|(prefix, local, transport, action)| {
            AclRule {
                prefix,
                local,
                transport,
                action,
                snoop: false,
                prove: false,
            }
        })
    }

    /// Rules about whose order there is no doubt: no two of one prefix whose conditions are of equal number and can both hold.
    fn clear(rules: &[AclRule]) -> bool {
        rules.iter().enumerate().all(|(index, one)| {
            rules.iter().skip(index + 1).all(|other| {
                let conditions = |rule: &AclRule| {
                    u8::from(rule.local.is_some()) + u8::from(rule.transport.is_some())
                };
                let meet = one.local.is_none() || other.local.is_none() || one.local == other.local;
                let meet = meet
                    && (one.transport.is_none()
                        || other.transport.is_none()
                        || one.transport == other.transport);
                one.prefix != other.prefix || conditions(one) != conditions(other) || !meet
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_right_to_look_changes_nothing_else(
            rules in prop::collection::vec(rule(), 1..6).prop_filter("doubtful", |rules| clear(rules)),
            snoop in prop::collection::vec(prefix(), 1..3),
        ) {
            let mut granted = rules.clone();
            for prefix in &snoop {
                mark(&mut granted, *prefix, |rule| rule.snoop = true);
            }
            for host in 0u8..16 {
                let source = IpAddr::from([10, 0, 0, host]);
                let may = snoop.iter().any(|prefix| prefix.contains(&source));
                for local in locals() {
                    for transport in [TransportKind::Udp, TransportKind::Tcp] {
                        let before = decide(&rules, source, local, transport).map(|(action, _)| action);
                        let after = decide(&granted, source, local, transport);
                        prop_assert_eq!(before, after.map(|(action, _)| action), "{} {:?}", source, &granted);
                        let looks = after == Some((AclAction::Allow, true));
                        prop_assert_eq!(looks, may && before == Some(AclAction::Allow), "{} {:?}", source, &granted);
                    }
                }
            }
        }
    }
}
