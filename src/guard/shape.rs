//! Which protections against forged sources does this host's shape make impossible, and which are left unused? Said so that a person
//! can act on it.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::binding::{Bindings, names};
use crate::config::plan::{self, AclAction, RouteBack};
use crate::sys::shape::Shape;

/// Client prefixes looked at; more of them say nothing new.
const MOST_PREFIXES: usize = 64;

/// The prefixes of clients that are allowed.
#[must_use]
pub fn clients(plan: &plan::Guard) -> Vec<IpNet> {
    let allowed: BTreeSet<IpNet> = plan
        .rules
        .iter()
        .filter(|rule| rule.action == AclAction::Allow && rule.prefix.prefix_len() > 0)
        .map(|rule| rule.prefix)
        .filter(|prefix| !prefix.addr().is_loopback())
        .collect();
    allowed.into_iter().take(MOST_PREFIXES).collect()
}

/// What of the settings can have no effect here, or hurts: for `status`, and with `idle` also what could be done and is not.
#[must_use]
pub fn tell(shape: &Shape, plan: &plan::Guard, idle: bool) -> Vec<String> {
    Telling { shape, plan, idle }.all()
}

struct Telling<'a> {
    shape: &'a Shape,
    plan: &'a plan::Guard,
    idle: bool,
}

impl Telling<'_> {
    fn all(&self) -> Vec<String> {
        let Self { shape, plan, idle } = *self;
        let mut told = Vec::new();
        let asked = !plan.bindings.is_empty() || plan.route_back != RouteBack::Off;
        if let [] | [_] = shape.interfaces.as_slice() {
            if asked || idle {
                told.push(self.one_armed());
            }
        } else {
            self.tell_sides(&mut told);
            self.tell_crossed(&mut told);
        }
        if shape.rules > 0 && plan.route_back != RouteBack::Off {
            told.push(format!(
                "policy routing: {} of `ip rule` lead to other tables than main, and guard.route_back looks at main and local only: clients whose route stands elsewhere are dropped; use [[guard.bind]] instead",
                counted(shape.rules)
            ));
        }
        if idle {
            self.tell_kernel(&mut told);
        }
        told
    }

    fn one_armed(&self) -> String {
        let only = self
            .shape
            .interfaces
            .first()
            .map_or("lo", |(interface, _)| interface.name.as_str());
        format!(
            "one-armed: clients and the rest of the world all come by {only}, so where a query arrives does not tell a forged client address from a real one; guard.bind and guard.route_back (feasible, strict) cannot help on this host. Filter at the router in front of it (BCP 38, BCP 84), or have clients prove themselves (acl.prove)"
        )
    }

    /// Whether clients and the Internet are on different sides.
    fn tell_sides(&self, told: &mut Vec<String>) {
        let (plan, idle) = (self.plan, self.idle);
        let bindings = Bindings::new(&plan.bindings);
        let strict = matches!(plan.route_back, RouteBack::Strict | RouteBack::Feasible);
        for (prefix, by) in &self.shape.clients {
            let internet = if prefix.addr().is_ipv4() {
                self.shape.internet_v4
            } else {
                self.shape.internet_v6
            };
            let bound = bindings.of(prefix.addr().into()).is_some();
            match by {
                Some(by) if internet == Some(*by) && (strict || bound || idle) => {
                    told.push(format!(
                        "clients of {prefix} come by {}, and so does the Internet: their addresses forged from out there look the same; only acl.prove and cookies tell them apart",
                        self.shape.name(*by)
                    ));
                }
                Some(by) if internet != Some(*by) && !strict && !bound && idle => {
                    told.push(format!(
                        "clients of {prefix} come by {}, the Internet does not: guard.route_back = \"strict\", or a [[guard.bind]] of {prefix} to {}, would stop their addresses forged from elsewhere; neither is set",
                        self.shape.name(*by),
                        self.shape.name(*by)
                    ));
                }
                None if plan.route_back != RouteBack::Off => {
                    told.push(format!(
                        "there is no route to clients of {prefix}: guard.route_back drops their queries"
                    ));
                }
                _ => {}
            }
        }
    }

    /// Clients that are bound to one interface while the route to them leaves by another.
    fn tell_crossed(&self, told: &mut Vec<String>) {
        let plan = self.plan;
        let bindings = Bindings::new(&plan.bindings);
        for (prefix, by) in &self.shape.clients {
            let (Some(by), Some(patterns)) = (by, bindings.of(prefix.addr().into())) else {
                continue;
            };
            if !names(patterns, &self.shape.name(*by)) {
                let more = if plan.route_back == RouteBack::Strict {
                    "; guard.route_back = \"strict\" drops all their datagrams: use feasible with a [[guard.group]]"
                } else {
                    ""
                };
                told.push(format!(
                    "asymmetric: clients of {prefix} are bound to {}, but the route to them leaves by {}: their TCP connections, whose handshake goes that way, are refused{more}",
                    patterns.join(", "),
                    self.shape.name(*by)
                ));
            }
        }
    }

    /// What the kernel does by itself.
    fn tell_kernel(&self, told: &mut Vec<String>) {
        let open: Vec<&str> = self
            .shape
            .interfaces
            .iter()
            .filter(|(_, filter)| *filter == Some(0))
            .map(|(interface, _)| interface.name.as_str())
            .collect();
        if !open.is_empty() {
            told.push(format!(
                "the kernel does not check sources of IPv4 on {} (rp_filter is 0): it answers a forged TCP SYN with a SYN-ACK before suimond hears of it. Set net.ipv4.conf.NAME.rp_filter to 1, or to 2 where routes are asymmetric; for IPv6, which has no rp_filter, nftables: `fib saddr . iif oif missing drop`",
                open.join(", ")
            ));
        }
    }
}

fn counted(rules: usize) -> String {
    match rules {
        1 => "one rule".to_owned(),
        some => format!("{some} rules"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::tests::plan;
    use crate::sys::rtnetlink::Interface;

    fn interface(index: u32, name: &str) -> (Interface, Option<u8>) {
        let interface = Interface {
            index,
            name: name.to_owned(),
            loopback: false,
            up: true,
            part: false,
        };
        (interface, Some(1))
    }

    fn bound_to(interface: &str) -> plan::Guard {
        let mut plan = plan(&["10.0.0.0/8"]);
        plan.bindings = vec![plan::IngressBinding {
            prefixes: vec!["10.0.0.0/8".parse().unwrap()],
            interfaces: vec![interface.to_owned()],
        }];
        plan
    }

    fn strict() -> plan::Guard {
        plan::Guard {
            route_back: RouteBack::Strict,
            ..plan(&["10.0.0.0/8"])
        }
    }

    /// Each shape, settings, whether idle ones are told, and how the sentences begin.
    #[test]
    fn a_host_is_told_what_it_cannot_do() {
        let clients = |by| vec![("10.0.0.0/8".parse().unwrap(), by)];
        let border = Shape {
            interfaces: vec![interface(2, "wan0"), interface(3, "lan0")],
            internet_v4: Some(2),
            internet_v6: None,
            clients: clients(Some(3)),
            rules: 0,
        };
        let one_armed = Shape {
            interfaces: vec![interface(2, "eth0")],
            clients: clients(Some(2)),
            ..border.clone()
        };
        let same_side = Shape {
            clients: clients(Some(2)),
            ..border.clone()
        };
        let nowhere = Shape {
            clients: clients(None),
            ..border.clone()
        };
        let by_rules = Shape {
            rules: 2,
            ..border.clone()
        };
        let mut unchecked = border.clone();
        unchecked.interfaces[0].1 = Some(0);
        let nothing = plan(&["10.0.0.0/8"]);
        for (shape, plan, idle, begins) in [
            (&border, &nothing, false, vec![]),
            (&border, &strict(), true, vec![]),
            (&border, &bound_to("lan*"), true, vec![]),
            (
                &border,
                &nothing,
                true,
                vec!["clients of 10.0.0.0/8 come by lan0, the Internet does not"],
            ),
            (
                &border,
                &bound_to("wan0"),
                false,
                vec!["asymmetric: clients of 10.0.0.0/8 are bound to wan0, but"],
            ),
            (&one_armed, &nothing, false, vec![]),
            (&one_armed, &nothing, true, vec!["one-armed: "]),
            (&one_armed, &strict(), false, vec!["one-armed: "]),
            (
                &same_side,
                &strict(),
                false,
                vec!["clients of 10.0.0.0/8 come by wan0, and so does"],
            ),
            (
                &nowhere,
                &strict(),
                false,
                vec!["there is no route to clients of 10.0.0.0/8"],
            ),
            (&by_rules, &strict(), false, vec!["policy routing: 2 rules"]),
            (
                &unchecked,
                &strict(),
                true,
                vec!["the kernel does not check sources of IPv4 on wan0"],
            ),
        ] {
            let told = tell(shape, plan, idle);
            assert_eq!(told.len(), begins.len(), "{told:?}");
            for (sentence, begin) in told.iter().zip(begins) {
                assert!(sentence.starts_with(begin), "{sentence}");
            }
        }
    }
}
