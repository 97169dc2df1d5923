//! Does the route to a source leave by where its query came from? The kernel's routing table, flattened for look-up (row 6).

use std::collections::HashMap;

use ipnet::IpNet;

use super::address::Address;
use super::binding::names;
use super::ranges::Ranges;
use super::surroundings::Known;
use crate::config::plan::RouteBack;
use crate::sys::rtnetlink::{Route, RouteKind};

/// The routes of one moment. A full table of the Internet (a million prefixes) takes at most some 50 MB while it is built and a
/// few when it is: neighbouring prefixes with the same way become one range.
#[derive(Debug)]
pub struct RouteTable {
    prefixes: Ranges<u32>,
    ways: Box<[Way]>,
    routes: usize,
}

/// Where the packets to a prefix go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Way {
    kind: RouteKind,
    /// Interfaces of the routes with the smallest metric, sorted.
    best: Box<[u32]>,
    /// Of all routes, sorted.
    any: Box<[u32]>,
}

impl RouteTable {
    /// Puts the routes in order. Of one prefix that with the smallest metric decides what becomes of packets.
    #[must_use]
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_unstable_by(|a, b| {
            (a.prefix, a.metric, a.kind).cmp(&(b.prefix, b.metric, b.kind))
        });
        let mut ways: Vec<Way> = Vec::new();
        let mut places: HashMap<Way, u32> = HashMap::new();
        let mut prefixes: Vec<(IpNet, u32)> = Vec::new();
        for same in routes.chunk_by(|a, b| a.prefix == b.prefix) {
            let Some(first) = same.first() else { continue };
            let way = Way::of(first, same);
            let place = places.get(&way).copied().unwrap_or_else(|| {
                let place = u32::try_from(ways.len()).unwrap_or(u32::MAX);
                ways.push(way.clone());
                places.insert(way, place);
                place
            });
            prefixes.push((first.prefix, place));
        }
        Self {
            prefixes: Ranges::new(&prefixes),
            ways: ways.into(),
            routes: routes.len(),
        }
    }

    /// How many routes it was made of.
    #[must_use]
    pub const fn routes(&self) -> usize {
        self.routes
    }

    /// Whether a datagram from `source` that came by `interface` passes. Sources that are addresses of ours pass: row 3 judges them.
    #[inline]
    #[must_use]
    pub fn leads_back(
        &self,
        source: Address,
        interface: u32,
        mode: RouteBack,
        groups: &[Vec<String>],
        known: &Known,
    ) -> bool {
        if mode == RouteBack::Off {
            return true;
        }
        let Some(way) = self.way(source) else {
            return false;
        };
        match (way.kind, mode) {
            (RouteKind::Own, _) => true,
            (RouteKind::Nowhere, _) => false,
            (RouteKind::Unicast, RouteBack::Off | RouteBack::Loose) => true,
            (RouteKind::Unicast, RouteBack::Strict) => way.best.binary_search(&interface).is_ok(),
            (RouteKind::Unicast, RouteBack::Feasible) => {
                way.any.binary_search(&interface).is_ok()
                    || together(&way.any, interface, groups, known)
            }
        }
    }

    /// The interfaces that packets to `destination` leave by, if they do.
    #[must_use]
    pub fn interfaces_to(&self, destination: Address) -> &[u32] {
        self.way(destination).map_or(&[], |way| &way.best)
    }

    fn way(&self, address: Address) -> Option<&Way> {
        let place = usize::try_from(self.prefixes.find(address)?).ok()?;
        self.ways.get(place)
    }
}

impl Way {
    /// `same`: all routes of one prefix, the best first.
    fn of(first: &Route, same: &[Route]) -> Self {
        let best = same.iter().filter(|route| route.metric == first.metric);
        Self {
            kind: first.kind,
            best: interfaces(best),
            any: interfaces(same.iter()),
        }
    }
}

fn interfaces<'r>(routes: impl Iterator<Item = &'r Route>) -> Box<[u32]> {
    let mut all: Vec<u32> = routes
        .filter(|route| route.kind == RouteKind::Unicast)
        .flat_map(|route| route.interfaces.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all.into()
}

/// Whether a group holds `interface` and one of `others`.
fn together(others: &[u32], interface: u32, groups: &[Vec<String>], known: &Known) -> bool {
    let Some(name) = known.name_of(interface) else {
        return false;
    };
    groups
        .iter()
        .filter(|group| names(group, name))
        .any(|group| {
            others
                .iter()
                .filter_map(|other| known.name_of(*other))
                .any(|other| names(group, other))
        })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::sys::rtnetlink::Interface;

    const MODES: [RouteBack; 4] = [
        RouteBack::Off,
        RouteBack::Loose,
        RouteBack::Feasible,
        RouteBack::Strict,
    ];

    fn route(prefix: &str, kind: RouteKind, metric: u32, interfaces: &[u32]) -> Route {
        Route {
            prefix: prefix.parse().unwrap(),
            kind,
            metric,
            interfaces: interfaces.into(),
        }
    }

    fn known() -> Known {
        let interface = |index, name: &str| Interface {
            index,
            name: name.to_owned(),
            loopback: index == 1,
            up: true,
            part: false,
        };
        Known::new(
            vec![
                interface(1, "lo"),
                interface(2, "wan0"),
                interface(3, "lan0"),
                interface(4, "lan1"),
                interface(5, "lan2"),
            ],
            None,
        )
    }

    #[test]
    fn each_mode_asks_more_than_the_one_before() {
        use RouteKind::{Nowhere, Own, Unicast};
        let table = RouteTable::new(vec![
            route("10.0.0.0/8", Unicast, 0, &[3]),
            route("10.0.0.0/8", Unicast, 100, &[5]),
            route("10.9.0.0/16", Nowhere, 0, &[]),
            route("10.9.9.0/24", Unicast, 0, &[3, 4]),
            route("192.0.2.53/32", Own, 0, &[3]),
            route("192.0.2.255/32", Nowhere, 0, &[3]),
            route("2001:db8::/32", Unicast, 1024, &[3]),
            route("2001:db8::/32", Unicast, 1024, &[4]),
            route("::/0", Nowhere, u32::MAX, &[]),
            route("::/0", Unicast, 1024, &[2]),
        ]);
        let groups = [vec!["lan0".to_owned(), "lan1".to_owned()]];
        // Off, loose, feasible, strict.
        for (source, by, passes) in [
            ("10.1.1.1", 3, [true, true, true, true]),
            ("10.1.1.1", 5, [true, true, true, false]),
            ("10.1.1.1", 4, [true, true, true, false]),
            ("10.1.1.1", 2, [true, true, false, false]),
            ("10.1.1.1", 0, [true, true, false, false]),
            ("10.9.1.1", 3, [true, false, false, false]),
            ("10.9.9.9", 4, [true, true, true, true]),
            ("192.0.2.53", 2, [true, true, true, true]),
            ("192.0.2.255", 3, [true, false, false, false]),
            ("203.0.113.1", 2, [true, false, false, false]),
            ("2001:db8::1", 4, [true, true, true, true]),
            ("2001:db8::1", 2, [true, true, false, false]),
            ("2001:db9::1", 2, [true, true, true, true]),
            ("2001:db9::1", 3, [true, true, false, false]),
        ] {
            let address: IpAddr = source.parse().unwrap();
            let told =
                MODES.map(|mode| table.leads_back(address.into(), by, mode, &groups, &known()));
            assert_eq!(told, passes, "{source} by {by}");
        }
        assert_eq!(table.interfaces_to(Address::V4(0x0A09_0909)), [3, 4]);
        assert_eq!(table.routes(), 10);
    }

    /// A router with all of the Internet's prefixes and few ways out keeps few ranges of them.
    #[test]
    fn a_whole_table_becomes_small() {
        let routes: Vec<Route> = (0..200_000_u32)
            .map(|number| {
                let address = std::net::Ipv4Addr::from_bits(0x0100_0000 + (number << 8));
                let prefix = IpNet::new(address.into(), 24).unwrap();
                // A hundred neighbours share a way.
                let by = 2 + number / 100 % 3;
                Route {
                    prefix,
                    kind: RouteKind::Unicast,
                    metric: 0,
                    interfaces: [by].into_iter().collect(),
                }
            })
            .collect();
        let table = RouteTable::new(routes);
        assert_eq!((table.ways.len(), table.routes()), (3, 200_000));
        assert_eq!(table.prefixes.len(), 2_001);
    }
}
