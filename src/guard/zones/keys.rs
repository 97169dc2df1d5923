//! By what is a name guarded? Its deepest known zone cut, its registrable domain, and the server below the cut; never by anything
//! that everybody shares.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;

use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use super::lookups::LOOKUP_ZONES;
use super::suffixes::Suffixes;
use crate::wire::Name;

/// How a zone is guarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Class {
    /// Like any other.
    #[default]
    Plain,
    /// Names asked once that do not exist are its purpose (block lists, antivirus, reverse zones): E3 off, explore 500/s.
    Lookup,
    /// The operator exempted it: never engaged.
    Exempt,
    /// The operator pinned it: engaged until he lets go.
    Pinned,
}

impl Class {
    /// The word in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Lookup => "lookup",
            Self::Exempt => "exempt",
            Self::Pinned => "pinned",
        }
    }
}

/// What a name is charged to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Charged {
    /// A zone that it lies in.
    Zone(Name),
    /// The server of its zone, by one address of all that the zone has.
    Server(IpAddr),
}

/// One thing that a name is charged to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Keyed hash of the zone's lower-case wire form, or of the server's address.
    pub hash: u64,
    /// What it is.
    pub charged: Charged,
    /// How it is guarded.
    pub class: Class,
}

/// The server of a zone, as far as the resolver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// One address of all that the zone has: always the same one, so that zones on the same servers share it.
    pub address: IpAddr,
    /// Questions that may be under way to it now.
    pub most: u32,
}

/// Where a zone begins that the name lies in, as far as the resolver knows.
#[derive(Clone, Copy, Debug)]
pub enum Cut<'a> {
    /// The deepest delegation in the cache, and by which server it is known.
    Delegation(&'a Name, Option<Server>),
    /// The apex of a forward or stub zone. The operator drew it himself, so it counts even where it is a public suffix.
    Configured(&'a Name),
}

/// Finds the keys of names. Replaced as a whole when settings or the operator's wishes change.
#[derive(Clone, Debug)]
pub struct Keys {
    suffixes: std::sync::Arc<Suffixes>,
    hasher: SipHasher13,
    classes: HashMap<Box<[u8]>, Class>,
    /// Servers that the operator exempted.
    left_alone: HashSet<IpAddr>,
}

/// Labels of a reverse zone that one network shares: the /16 of IPv4, the /32 of IPv6.
const ARPA: [(&[u8], usize); 2] = [(b"\x07in-addr\x04arpa\0", 2), (b"\x03ip6\x04arpa\0", 8)];

impl Charged {
    /// Whether it is a server.
    #[must_use]
    pub const fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// The zone, if it is one.
    #[must_use]
    pub const fn zone(&self) -> Option<&Name> {
        match self {
            Self::Zone(zone) => Some(zone),
            Self::Server(_) => None,
        }
    }
}

impl From<&Name> for Charged {
    fn from(zone: &Name) -> Self {
        Self::Zone(zone.clone())
    }
}

impl From<IpAddr> for Charged {
    fn from(server: IpAddr) -> Self {
        Self::Server(server)
    }
}

impl fmt::Display for Charged {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(zone) => zone.fmt(out),
            Self::Server(address) => address.fmt(out),
        }
    }
}

impl Keys {
    /// By these suffixes and this secret; `lookups` beside the shipped ones, and zones that are `exempt`.
    #[must_use]
    pub fn new(
        suffixes: std::sync::Arc<Suffixes>,
        hasher: SipHasher13,
        lookups: &[Name],
        exempt: &[Name],
    ) -> Self {
        let shipped = LOOKUP_ZONES.iter().filter_map(|zone| zone.parse().ok());
        let lookups = lookups.iter().cloned().chain(shipped);
        let mut keys = Self {
            suffixes,
            hasher,
            classes: HashMap::new(),
            left_alone: HashSet::new(),
        };
        for zone in lookups {
            keys.set(&zone, Class::Lookup);
        }
        for zone in exempt {
            keys.set(zone, Class::Exempt);
        }
        keys
    }

    /// Guards `zone` and what is below it as `class` from now on.
    pub fn set(&mut self, zone: &Name, class: Class) {
        self.classes
            .insert(zone.to_lower_wire().as_slice().into(), class);
    }

    /// Never guards the server of this address from now on.
    pub fn leave_alone(&mut self, server: IpAddr) {
        self.left_alone.insert(server);
    }

    /// Whether `zone` is too widely shared to be guarded: the root, a public suffix, or the upper part of a reverse tree.
    #[must_use]
    pub fn is_shared(&self, zone: &Name) -> bool {
        self.base(&zone.to_lower_wire()).is_none()
    }

    /// The key of a zone or server that is named outright.
    #[must_use]
    pub fn exactly(&self, what: &Charged) -> Key {
        let zone = match what {
            Charged::Zone(zone) => zone,
            Charged::Server(address) => return self.at_server(*address),
        };
        let wire = zone.to_lower_wire();
        let class = self.classes.get(wire.as_slice()).copied();
        Key {
            hash: self.hasher.hash(&wire),
            charged: Charged::Zone(zone.clone()),
            class: class.unwrap_or_else(|| natural(&wire)),
        }
    }

    /// What `name` is charged to, the deepest first: at most two zones, none where only what everybody shares is left.
    ///
    /// A zone with a class of its own stands alone: what is asked below a block list says nothing about the rest of its domain.
    #[must_use]
    pub fn of(&self, name: &Name, cut: Option<Cut<'_>>) -> SmallVec<[Key; 2]> {
        let wire = name.to_lower_wire();
        let base = self.base(&wire);
        let mut keys = SmallVec::new();
        let (cut, configured) = match cut {
            Some(Cut::Delegation(zone, _)) => (within(name, zone), false),
            Some(Cut::Configured(zone)) => (within(name, zone), true),
            None => (None, false),
        };
        let cut = cut.filter(|at| configured || base.is_some_and(|base| *at <= base));
        let classed = self.classed(&wire).filter(|(at, _)| {
            base.is_some_and(|base| *at <= base) || cut.is_some_and(|cut| *at <= cut)
        });
        if let Some((at, class)) = classed {
            keys.extend(self.key(&wire, at, class));
            return keys;
        }
        for at in [cut, base.filter(|base| cut.is_none_or(|cut| cut < *base))]
            .into_iter()
            .flatten()
        {
            keys.extend(self.key(&wire, at, natural(&wire)));
        }
        keys
    }

    /// The server that a name is charged to beside `zones`, which are what [`Self::of`] found for it, and what may be under way there.
    ///
    /// Only for a delegation that somebody has to himself: those of the root and of public suffixes serve everybody. And only for zones
    /// like any other: what has a class of its own, or is forwarded, is no measure of the others.
    #[must_use]
    pub fn server_of(&self, zones: &[Key], cut: Option<Cut<'_>>) -> Option<(Key, u32)> {
        let Some(Cut::Delegation(zone, Some(Server { address, most }))) = cut else {
            return None;
        };
        let Some(Charged::Zone(deepest)) = zones.first().map(|key| &key.charged) else {
            return None;
        };
        let is_plain = zones.iter().all(|key| key.class == Class::Plain);
        (is_plain && deepest == zone).then(|| (self.at_server(address), most))
    }

    /// [`Self::of`], and the server behind them.
    #[must_use]
    pub fn all(&self, name: &Name, cut: Option<Cut<'_>>) -> SmallVec<[Key; 3]> {
        let zones = self.of(name, cut);
        let server = self.server_of(&zones, cut).map(|(key, _)| key);
        zones.into_iter().chain(server).collect()
    }

    fn at_server(&self, address: IpAddr) -> Key {
        // No wire form begins like this: a label has 63 octets at most.
        let mut octets = [0xFF; 18];
        let (family, bits) = match address {
            IpAddr::V4(v4) => (4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (6, v6.to_bits()),
        };
        let of = std::iter::once(family).chain(bits.to_be_bytes());
        for (place, octet) in octets.iter_mut().skip(1).zip(of) {
            *place = octet;
        }
        let class = if self.left_alone.contains(&address) {
            Class::Exempt
        } else {
            Class::Plain
        };
        Key {
            hash: self.hasher.hash(&octets),
            charged: Charged::Server(address),
            class,
        }
    }

    fn key(&self, wire: &[u8], at: usize, class: Class) -> Option<Key> {
        let zone = wire.get(at..)?;
        Some(Key {
            hash: self.hasher.hash(zone),
            charged: Charged::Zone(Name::from_wire(zone).ok()?),
            class,
        })
    }

    /// Where the part of `wire` begins that somebody has to himself.
    fn base(&self, wire: &[u8]) -> Option<usize> {
        for (apex, labels) in ARPA {
            if let Some(above) = wire.strip_suffix(apex) {
                let starts = starts(above);
                return starts
                    .len()
                    .checked_sub(labels)
                    .and_then(|at| starts.get(at).copied());
            }
        }
        if wire.ends_with(b"\x04arpa\0") {
            return None;
        }
        self.suffixes.registrable(wire)
    }

    /// The deepest zone around a name that has a class of its own.
    fn classed(&self, wire: &[u8]) -> Option<(usize, Class)> {
        starts(wire).into_iter().find_map(|at| {
            let class = self.classes.get(wire.get(at..)?)?;
            Some((at, *class))
        })
    }
}

/// The class of a zone that nobody classed.
fn natural(wire: &[u8]) -> Class {
    if ARPA.iter().any(|(apex, _)| wire.ends_with(apex)) {
        Class::Lookup
    } else {
        Class::Plain
    }
}

/// Where `zone` begins in the wire form of `name`.
fn within(name: &Name, zone: &Name) -> Option<usize> {
    let at = name.as_wire().len().checked_sub(zone.as_wire().len())?;
    (!zone.is_root() && name.is_within(zone)).then_some(at)
}

/// Where the labels of a wire form begin, the root's left out.
fn starts(wire: &[u8]) -> SmallVec<[usize; 16]> {
    let mut starts = SmallVec::new();
    let mut at = 0;
    while let Some(length) = wire.get(at).filter(|length| **length > 0) {
        starts.push(at);
        at += 1 + usize::from(*length);
    }
    starts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn keys() -> Keys {
        Keys::new(
            Arc::new(Suffixes::built_in()),
            SipHasher13::new_with_keys(1, 2),
            &["bl.corp.example.com".parse().unwrap()],
            &["left.alone.org".parse().unwrap()],
        )
    }

    fn zones(name: &str, cut: Option<&str>) -> Vec<String> {
        let cut: Option<Name> = cut.map(|cut| cut.parse().unwrap());
        keys()
            .of(
                &name.parse().unwrap(),
                cut.as_ref().map(|cut| Cut::Delegation(cut, None)),
            )
            .iter()
            .map(|key| format!("{} {}", key.charged, key.class.label()))
            .collect()
    }

    #[test]
    fn a_name_is_guarded_by_its_domain_and_by_the_deepest_cut_below_it() {
        let one = ["u.co.jp. plain"];
        assert_eq!(zones("x.www.U.co.jp", None), one);
        assert_eq!(zones("x.www.u.co.jp", Some("u.co.jp")), one);
        assert_eq!(
            zones("x.www.u.co.jp", Some("co.jp")),
            one,
            "a suffix guards nothing"
        );
        assert_eq!(zones("x.www.u.co.jp", Some(".")), one);
        assert_eq!(
            zones("x.www.u.co.jp", Some("www.u.co.jp")),
            ["www.u.co.jp. plain", "u.co.jp. plain"]
        );
        for shared in [".", "jp", "co.jp", "unheard-of"] {
            assert!(zones(shared, Some(".")).is_empty(), "{shared}");
            assert!(keys().is_shared(&shared.parse().unwrap()));
        }
    }

    #[test]
    fn reverse_zones_are_guarded_from_a_network_of_one_owner_down() {
        assert_eq!(
            zones("4.3.2.10.in-addr.arpa", None),
            ["2.10.in-addr.arpa. lookup"]
        );
        assert_eq!(
            zones("4.3.2.10.in-addr.arpa", Some("3.2.10.in-addr.arpa")),
            ["3.2.10.in-addr.arpa. lookup", "2.10.in-addr.arpa. lookup"]
        );
        for shared in [
            "10.in-addr.arpa",
            "in-addr.arpa",
            "arpa",
            "x.home.arpa",
            "8.b.d.0.1.0.0.ip6.arpa",
        ] {
            assert!(zones(shared, Some("arpa")).is_empty(), "{shared}");
        }
        assert_eq!(
            zones("f.f.8.b.d.0.1.0.0.2.ip6.arpa", None),
            ["8.b.d.0.1.0.0.2.ip6.arpa. lookup"]
        );
    }

    #[test]
    fn a_zone_with_a_class_of_its_own_stands_alone() {
        assert_eq!(
            zones("2.0.0.127.zen.spamhaus.org", None),
            ["spamhaus.org. lookup"]
        );
        assert_eq!(
            zones("x.y.avqs.mcafee.com", None),
            ["avqs.mcafee.com. lookup"]
        );
        assert_eq!(zones("www.mcafee.com", None), ["mcafee.com. plain"]);
        assert_eq!(
            zones("1.bl.corp.example.com", None),
            ["bl.corp.example.com. lookup"]
        );
        assert_eq!(zones("x.left.alone.org", None), ["left.alone.org. exempt"]);
    }

    #[test]
    fn the_operators_own_zone_is_guarded_even_where_a_suffix_is_seen() {
        let apex: Name = "corp".parse().unwrap();
        let of = keys().of(&"x.corp".parse().unwrap(), Some(Cut::Configured(&apex)));
        assert_eq!(
            of.iter()
                .map(|key| key.charged.to_string())
                .collect::<Vec<_>>(),
            ["x.corp.", "corp."][1..]
        );
    }

    #[test]
    fn case_and_the_way_there_make_no_difference() {
        let hash = |name: &str| keys().of(&name.parse().unwrap(), None)[0].hash;
        assert_eq!(hash("a.Example.COM"), hash("b.c.example.com"));
        assert_ne!(hash("a.example.com"), hash("a.example.net"));
        assert_eq!(
            keys()
                .exactly(&Charged::Zone("example.com".parse().unwrap()))
                .hash,
            hash("a.example.com")
        );
    }

    #[test]
    fn zones_on_the_same_servers_share_a_key_and_what_everybody_shares_or_has_a_class_has_none() {
        let keys = keys();
        let server = |address: &str| {
            Some(Server {
                address: address.parse().unwrap(),
                most: 1_024,
            })
        };
        let of = |name: &str, cut: &str, address: &str| {
            let (name, cut): (Name, Name) = (name.parse().unwrap(), cut.parse().unwrap());
            let cut = Some(Cut::Delegation(&cut, server(address)));
            keys.server_of(&keys.of(&name, cut), cut)
        };
        let (one, most) = of("x.one.example", "one.example", "192.0.2.1").unwrap();
        assert_eq!(
            (one.charged.to_string().as_str(), most),
            ("192.0.2.1", 1_024)
        );
        assert_eq!(
            of("y.a.Two.test", "a.two.test", "192.0.2.1").unwrap().0,
            one
        );
        for other in ["192.0.2.2", "::c000:201", "2001:db8::1"] {
            let (key, _) = of("x.one.example", "one.example", other).unwrap();
            assert_ne!(key.hash, one.hash, "{other}");
        }
        for (name, cut) in [
            ("x.one.example", "."),
            ("x.one.example", "example"),
            ("x.u.co.jp", "co.jp"),
            ("4.3.2.10.in-addr.arpa", "3.2.10.in-addr.arpa"),
            ("2.0.0.127.zen.spamhaus.org", "zen.spamhaus.org"),
            ("x.left.alone.org", "left.alone.org"),
            ("x.left.alone.org", "alone.org"),
        ] {
            assert_eq!(of(name, cut, "192.0.2.1"), None, "{name} at {cut}");
        }
        let (name, apex): (Name, Name) = ("x.corp".parse().unwrap(), "corp".parse().unwrap());
        for cut in [Cut::Configured(&apex), Cut::Delegation(&apex, None)] {
            let zones = keys.of(&name, Some(cut));
            assert_eq!(keys.server_of(&zones, Some(cut)), None);
        }
    }
}
