//! What do the kernel's words mean? Requests written, answers read: numbers of `linux/rtnetlink.h`, `if_link.h`, `if_addr.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use smallvec::SmallVec;

/// Families, as in `sockaddr`.
pub(super) const V4: u8 = 2;
const ANY: u8 = 0;
pub(super) const V6: u8 = 10;

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`.
pub(super) const LINKS_AND_ADDRESSES: u32 = 0x1 | 0x10 | 0x100;
/// `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_ROUTE`.
pub(super) const ROUTES: u32 = 0x40 | 0x400;

const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
const NEW_RULE: u16 = 32;
const GET_RULE: u16 = 34;
/// `NLM_F_REQUEST`, and with `NLM_F_ROOT | NLM_F_MATCH` for a dump.
const REQUEST: u16 = 1;
const DUMP: u16 = REQUEST | 0x300;
/// `NLM_F_ACK`: what is no dump ends with an error of number 0.
const ACKNOWLEDGE: u16 = 4;
const DUMP_INTERRUPTED: u16 = 0x10;

const TABLE_DEFAULT: u32 = 253;
const TABLE_MAIN: u32 = 254;
const TABLE_LOCAL: u32 = 255;
/// `RTM_F_CLONED`: a cached copy, no route of its own.
const CLONED: u32 = 0x200;

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index: what the kernel shows with each datagram.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is `lo`.
    pub loopback: bool,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is a part of another one (bridge, bond, VRF).
    pub part: bool,
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAddress {
    /// The address.
    pub address: IpAddr,
    /// Index of the interface.
    pub interface: u32,
    /// The broadcast address of its network, if it has one (IPv4 up to /30).
    pub broadcast: Option<Ipv4Addr>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub prefix: IpNet,
    /// What becomes of packets there.
    pub kind: RouteKind,
    /// Of the same prefix the smallest decides.
    pub metric: u32,
    /// Indices of the interfaces it leaves by; several if it is multipath.
    pub interfaces: SmallVec<[u32; 4]>,
}

/// What becomes of packets that take a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// They leave.
    Unicast,
    /// They stay: the address is ours.
    Own,
    /// Nobody answers there: blackhole, unreachable, prohibit, broadcast, multicast.
    Nowhere,
}

/// One word of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Interface(Interface),
    Address(HeldAddress),
    /// A route of the tables `main` and `local`.
    Route(Route),
    /// One of another table, or a cached copy: only of interest if it was asked for.
    OtherRoute(Route),
    /// A rule that names another table than those every host has.
    OtherTable,
    ChangedMeanwhile,
    /// The number of an error; 0 is none.
    Error(i32),
    End,
}

pub(super) fn dump_links() -> Vec<u8> {
    request(GET_LINK, DUMP, &[0; 16])
}

pub(super) fn dump_addresses() -> Vec<u8> {
    request(GET_ADDRESS, DUMP, &[ANY, 0, 0, 0, 0, 0, 0, 0])
}

pub(super) fn dump_routes(family: u8) -> Vec<u8> {
    request(GET_ROUTE, DUMP, &[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

pub(super) fn dump_rules(family: u8) -> Vec<u8> {
    request(GET_RULE, DUMP, &[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// `ip route get PEER from LOCAL`.
pub(super) fn find_route(peer: IpAddr, local: Option<IpAddr>) -> Vec<u8> {
    let peer = peer.to_canonical();
    let (family, length) = match peer {
        IpAddr::V4(_) => (V4, 32),
        IpAddr::V6(_) => (V6, 128),
    };
    let local = local
        .map(|local| local.to_canonical())
        .filter(|local| local.is_ipv4() == peer.is_ipv4() && !local.is_unspecified());
    let from = if local.is_some() { length } else { 0 };
    let mut body = vec![family, length, from, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    attach(&mut body, 1, peer);
    if let Some(local) = local {
        attach(&mut body, 2, local);
    }
    request(GET_ROUTE, REQUEST | ACKNOWLEDGE, &body)
}

fn attach(body: &mut Vec<u8>, kind: u16, address: IpAddr) {
    let (length, octets): (u16, Vec<u8>) = match address {
        IpAddr::V4(v4) => (4 + 4, v4.octets().to_vec()),
        IpAddr::V6(v6) => (4 + 16, v6.octets().to_vec()),
    };
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(octets);
}

fn request(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut all = Vec::with_capacity(HEADER + body.len());
    all.extend(length.to_ne_bytes());
    all.extend(kind.to_ne_bytes());
    all.extend(flags.to_ne_bytes());
    // Sequence number, and the port, which the kernel knows.
    all.extend([0; 8]);
    all.extend(body);
    all
}

/// The words of one read. Broken ones end it; nothing the kernel says makes this fail.
pub(super) struct Messages<'a> {
    rest: &'a [u8],
    /// What one message says beside its own word.
    held: Option<Told>,
}

impl<'a> Messages<'a> {
    pub(super) const fn of(rest: &'a [u8]) -> Self {
        Self { rest, held: None }
    }
}

impl Iterator for Messages<'_> {
    type Item = Told;

    fn next(&mut self) -> Option<Told> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        loop {
            let length = usize::try_from(u32_at(self.rest, 0)?).ok()?;
            let (kind, flags) = (u16_at(self.rest, 4)?, u16_at(self.rest, 6)?);
            let body = self.rest.get(HEADER..length)?;
            self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
            let told = read(kind, body);
            if flags & DUMP_INTERRUPTED != 0 {
                self.held = told;
                return Some(Told::ChangedMeanwhile);
            }
            if told.is_some() {
                return told;
            }
        }
    }
}

fn read(kind: u16, body: &[u8]) -> Option<Told> {
    match kind {
        NLMSG_DONE => Some(Told::End),
        NLMSG_ERROR => {
            let number = i32::from_ne_bytes(body.first_chunk().copied()?);
            Some(Told::Error(number.saturating_neg()))
        }
        NEW_LINK => read_link(body).map(Told::Interface),
        NEW_ADDRESS => read_address(body).map(Told::Address),
        NEW_ROUTE => read_route(body),
        NEW_RULE => read_rule(body),
        _ => None,
    }
}

/// `ifinfomsg`: family, type, index, flags (`IFF_UP` 1, `IFF_LOOPBACK` 8), change.
fn read_link(body: &[u8]) -> Option<Interface> {
    let flags = u32_at(body, 8)?;
    let mut interface = Interface {
        index: u32_at(body, 4)?,
        name: String::new(),
        loopback: flags & 8 != 0,
        up: flags & 1 != 0,
        part: false,
    };
    for (kind, value) in Attributes(body.get(16..)?) {
        match kind {
            3 => {
                let text = value.split(|octet| *octet == 0).next().unwrap_or_default();
                interface.name = String::from_utf8_lossy(text).into_owned();
            }
            10 => interface.part = u32_at(value, 0).is_some_and(|master| master != 0),
            _ => {}
        }
    }
    Some(interface)
}

/// `ifaddrmsg`: family, prefix length, flags, scope, index.
fn read_address(body: &[u8]) -> Option<HeldAddress> {
    let (length, interface) = (*body.get(1)?, u32_at(body, 4)?);
    let (mut peer, mut local, mut broadcast) = (None, None, None);
    for (kind, value) in Attributes(body.get(8..)?) {
        match kind {
            1 => peer = address(value),
            2 => local = address(value),
            4 => broadcast = address(value),
            _ => {}
        }
    }
    // Of a point-to-point link IFA_ADDRESS is the other end; IPv6 has no IFA_LOCAL without one.
    let held = local.or(peer)?;
    // The kernel takes the last address of a network as its broadcast address whether or not one is set.
    let usual = match peer.or(local) {
        Some(IpAddr::V4(v4)) if length < 31 => {
            Ipv4Net::new(v4, length).ok().map(|net| net.broadcast())
        }
        _ => None,
    };
    let broadcast = match broadcast {
        Some(IpAddr::V4(v4)) if !v4.is_broadcast() => Some(v4),
        _ => usual,
    };
    Some(HeldAddress {
        address: held,
        interface,
        broadcast,
    })
}

/// `rtmsg`: family, lengths of destination and source, tos, table, protocol, scope, type, flags.
fn read_route(body: &[u8]) -> Option<Told> {
    let (family, length) = (*body.first()?, *body.get(1)?);
    let mut table = u32::from(*body.get(4)?);
    let cloned = u32_at(body, 8)? & CLONED != 0;
    let kind = match body.get(7)? {
        1 => RouteKind::Unicast,
        2 => RouteKind::Own,
        _ => RouteKind::Nowhere,
    };
    let mut to = match family {
        V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let mut metric = 0;
    let mut interfaces = SmallVec::new();
    for (kind, value) in Attributes(body.get(12..)?) {
        match kind {
            1 => to = address(value)?,
            4 => interfaces.extend(u32_at(value, 0)),
            6 => metric = u32_at(value, 0)?,
            9 => interfaces.extend(NextHops(value)),
            15 => table = u32_at(value, 0)?,
            _ => {}
        }
    }
    interfaces.sort_unstable();
    interfaces.dedup();
    let route = Route {
        prefix: IpNet::new(to, length).ok()?.trunc(),
        kind,
        metric,
        interfaces,
    };
    Some(
        if !cloned && (table == TABLE_MAIN || table == TABLE_LOCAL) {
            Told::Route(route)
        } else {
            Told::OtherRoute(route)
        },
    )
}

/// `fib_rule_hdr`: the table at 4, the action at 7 (`FR_ACT_TO_TBL` 1); `FRA_TABLE` 15.
fn read_rule(body: &[u8]) -> Option<Told> {
    let mut table = u32::from(*body.get(4)?);
    let to_table = *body.get(7)? == 1;
    for (kind, value) in Attributes(body.get(12..)?) {
        if kind == 15 {
            table = u32_at(value, 0)?;
        }
    }
    (to_table && !(TABLE_DEFAULT..=TABLE_LOCAL).contains(&table)).then_some(Told::OtherTable)
}

/// Kind and value of each attribute.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        // The two highest bits say how the value is made.
        let kind = u16_at(self.0, 2)? & 0x3FFF;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Interfaces of a multipath route. `rtnexthop`: length, flags, hops, index.
struct NextHops<'a>(&'a [u8]);

impl Iterator for NextHops<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let length = usize::from(u16_at(self.0, 0)?);
        let index = u32_at(self.0, 4)?;
        self.0 = self.0.get(aligned(length.max(8))..).unwrap_or_default();
        Some(index)
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => Some(<[u8; 4]>::try_from(octets).ok()?.into()),
        16 => Some(<[u8; 16]>::try_from(octets).ok()?.into()),
        _ => None,
    }
}

/// Everything begins at a multiple of four octets.
const fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

fn u16_at(octets: &[u8], place: usize) -> Option<u16> {
    let found = octets.get(place..)?.first_chunk().copied()?;
    Some(u16::from_ne_bytes(found))
}

fn u32_at(octets: &[u8], place: usize) -> Option<u32> {
    let found = octets.get(place..)?.first_chunk().copied()?;
    Some(u32::from_ne_bytes(found))
}

#[cfg(test)]
mod tests;
