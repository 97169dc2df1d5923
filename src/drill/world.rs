//! Which zones and servers make up the drill's Internet, and how are they put together?

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, NS, NULL, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::attack::Part;
use super::expectation::{Ceiling, Expectation, Group, Outcome, Style};
use super::villains::Villain;
use super::zones::{Zone, Zones, dname_rdata};

/// TTL of NS records and glue, seconds: two days at the top, as in the real root, would hide nothing here.
const INFRASTRUCTURE_TTL: u32 = 86_400;

/// A server of the drill's Internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub usize);

/// What kind of server listens at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// hickory-server with its own catalog and in-memory zones: leaf zones of the ordinary kind.
    Catalog,
    /// hickory-server's sockets around [`Zone::answer`]: delegations, wildcards, DNAME, exact to the RFCs.
    Exact,
    /// Misbehaves.
    Villain(Villain),
    /// Plays a part in an attack: quick, on a thread of its own.
    Stage(Part),
    /// Nobody listens.
    Absent,
}

/// One server, before it runs.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// Its number.
    pub id: ServerId,
    /// Its name in the report.
    pub label: String,
    /// Its address.
    pub address: IpAddr,
    /// What it does.
    pub role: Role,
    /// The zones it holds.
    pub zones: Zones,
}

/// The whole plan: servers, zones and promises. Same seed, same block, same size: same world.
#[derive(Clone, Debug)]
pub struct World {
    /// First three octets of every IPv4 server address.
    pub block: [u8; 3],
    /// Every server.
    pub servers: Vec<ServerPlan>,
    /// Every honest zone, for [`Zones::truth`].
    pub zones: Zones,
    /// What a resolver is held to.
    pub expectations: Vec<Expectation>,
    /// Whether zones that only IPv6 reaches are among them.
    pub ipv6: bool,
    /// The root servers: name and address.
    pub roots: Vec<(Name, IpAddr)>,
}

/// Puts a world together. Mistakes are remembered and told by [`Builder::finish`], so that the lists stay readable.
#[derive(Debug)]
pub(super) struct Builder {
    block: [u8; 3],
    pub(super) rng: StdRng,
    pub(super) ipv6: bool,
    servers: Vec<(String, IpAddr, Role, Vec<LowerName>)>,
    zones: BTreeMap<LowerName, Zone>,
    roots: Vec<(Name, IpAddr)>,
    pub(super) promises: Vec<Promise>,
    problems: Vec<String>,
}

/// An expectation whose outcome may still have to be read off the finished zones.
#[derive(Debug)]
pub(super) struct Promise {
    expectation: Expectation,
    outcome: Wanted,
}

/// What a promise wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What the zones say.
    Truth,
    /// What the zones say, or SERVFAIL.
    TruthOrFailure,
    /// SERVFAIL.
    Failure,
    /// This code.
    Code(ResponseCode),
}

impl Builder {
    /// An empty world on 127.`block`.
    #[must_use]
    pub(super) fn new(seed: u64, block: [u8; 3], ipv6: bool) -> Self {
        Self {
            block,
            rng: StdRng::seed_from_u64(seed),
            ipv6,
            servers: Vec::new(),
            zones: BTreeMap::new(),
            roots: Vec::new(),
            promises: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// A server at the next free address of the block.
    pub(super) fn server(&mut self, label: impl Into<String>, role: Role) -> ServerId {
        // Octet 0 and 255 are left out: some tools take them for network and broadcast.
        let ordinal = self
            .servers
            .iter()
            .filter(|(_, address, ..)| address.is_ipv4())
            .count()
            + 1;
        let last = u8::try_from(ordinal).unwrap_or(255);
        if last == 255 {
            self.problems
                .push("more than 254 servers in one block".to_owned());
        }
        let [a, b, c] = self.block;
        self.server_at(label, IpAddr::V4(Ipv4Addr::new(a, b, c, last)), role)
    }

    /// A server at ::1, the one IPv6 address every loopback has.
    pub(super) fn server_v6(&mut self, label: impl Into<String>, role: Role) -> ServerId {
        self.server_at(label, IpAddr::V6(Ipv6Addr::LOCALHOST), role)
    }

    fn server_at(&mut self, label: impl Into<String>, address: IpAddr, role: Role) -> ServerId {
        self.servers.push((label.into(), address, role, Vec::new()));
        ServerId(self.servers.len() - 1)
    }

    /// Where a server listens.
    #[must_use]
    pub(super) fn address(&self, server: ServerId) -> IpAddr {
        self.servers
            .get(server.0)
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |(_, address, ..)| {
                *address
            })
    }

    /// The root zone on these servers.
    pub(super) fn root(&mut self, servers: &[ServerId]) {
        self.apex(".", 86_400);
        for (server, letter) in servers.iter().zip('a'..) {
            let name = format!("{letter}.root-servers.net.");
            let address = self.address(*server);
            self.add(".", INFRASTRUCTURE_TTL, "NS", &name);
            self.add_address_in(".", &name, address);
            let name = self.name(&name);
            self.roots.push((name, address));
            self.holds(*server, ".");
        }
    }

    /// A zone whose servers are named in it (`ns1.ZONE` …) with glue in the parent zone.
    pub(super) fn zone(&mut self, origin: &str, servers: &[ServerId]) {
        let names: Vec<(String, ServerId)> = servers
            .iter()
            .enumerate()
            .map(|(index, server)| (format!("ns{}.{origin}", index + 1), *server))
            .collect();
        self.zone_named(origin, &names);
    }

    /// A zone with servers of these names. A name in the zone gets its address there and as glue; another name must
    /// exist elsewhere (glueless).
    pub(super) fn zone_named(&mut self, origin: &str, servers: &[(String, ServerId)]) {
        self.apex(origin, 900);
        for (name, server) in servers {
            self.add(origin, INFRASTRUCTURE_TTL, "NS", name);
            self.delegate(origin, name, *server);
            if self.name(origin).zone_of(&self.name(name)) {
                let address = self.address(*server);
                self.add_address_in(origin, name, address);
            }
            self.holds(*server, origin);
        }
    }

    /// NS record and, for a name in the child, glue in the parent zone only. The server need not hold the zone (lame).
    pub(super) fn delegate(&mut self, child: &str, server_name: &str, server: ServerId) {
        let parent = self.parent_of(child);
        let child_name = self.name(child);
        let target = self.name(server_name);
        self.add_in(
            &parent,
            Record::from_rdata(
                child_name.clone(),
                INFRASTRUCTURE_TTL,
                RData::NS(NS(target.clone())),
            ),
        );
        if child_name.zone_of(&target) {
            let address = self.address(server);
            self.add_address_in(&parent, server_name, address);
        }
    }

    /// Says that `server` holds the zone `origin`.
    pub(super) fn holds(&mut self, server: ServerId, origin: &str) {
        let origin = LowerName::new(&self.name(origin));
        if let Some((.., zones)) = self.servers.get_mut(server.0)
            && !zones.contains(&origin)
        {
            zones.push(origin);
        }
    }

    /// Adds a record to the deepest zone that has room for its owner. `rtype` is a mnemonic or `TYPEn` (RDATA in hex then).
    pub(super) fn add(&mut self, owner: &str, ttl: u32, rtype: &str, rdata: &str) {
        let owner = self.name(owner);
        match parse_rdata(rtype, rdata) {
            Ok(data) => self.record(Record::from_rdata(owner, ttl, data)),
            Err(error) => self
                .problems
                .push(format!("{owner} {rtype} {rdata}: {error}")),
        }
    }

    /// Adds a ready record to the deepest zone that has room for its owner.
    pub(super) fn record(&mut self, record: Record) {
        let mut at = record.name.clone();
        while !self.zones.contains_key(&LowerName::new(&at)) && !at.is_root() {
            at = at.base_name();
        }
        self.add_in(&at, record);
    }

    /// Address record of a server in one given zone (glue may stand above a cut).
    fn add_address_in(&mut self, zone: &str, owner: &str, address: IpAddr) {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        let record = Record::from_rdata(self.name(owner), INFRASTRUCTURE_TTL, data);
        let zone = self.name(zone);
        self.add_in(&zone, record);
    }

    fn add_in(&mut self, zone: &(impl ToString + ?Sized), record: Record) {
        let zone = self.name(&zone.to_string());
        match self.zones.get_mut(&LowerName::new(&zone)) {
            Some(zone) => zone.add(record),
            None => self.problems.push(format!("no zone {zone} for {record}")),
        }
    }

    fn apex(&mut self, origin: &str, negative_ttl: u32) {
        let name = self.name(origin);
        let key = LowerName::new(&name);
        if self.zones.contains_key(&key) {
            self.problems.push(format!("zone {origin} twice"));
            return;
        }
        let mname = self.name(&format!("ns1.{}", origin.trim_start_matches('.')));
        let rname = self.name(&format!("hostmaster.{}", origin.trim_start_matches('.')));
        let soa = SOA::new(
            mname,
            rname,
            2_026_112_101,
            7200,
            900,
            1_209_600,
            negative_ttl,
        );
        let mut zone = Zone::new(name.clone());
        zone.add(Record::from_rdata(name, 3600, RData::SOA(soa)));
        self.zones.insert(key, zone);
    }

    fn parent_of(&mut self, child: &str) -> String {
        let mut at = self.name(child).base_name();
        while !self.zones.contains_key(&LowerName::new(&at)) && !at.is_root() {
            at = at.base_name();
        }
        at.to_ascii()
    }

    /// A name from text; a mistake is remembered.
    pub(super) fn name(&mut self, text: &str) -> Name {
        // Read by our own parser: hickory-proto takes \DDD for octal, against RFC 1035 section 5.1.
        let read = crate::wire::Name::from_str(text).map(|name| Name::from_labels(name.labels()));
        match read {
            Ok(Ok(name)) => name,
            Ok(Err(error)) => {
                self.problems.push(format!("name {text}: {error}"));
                Name::root()
            }
            Err(error) => {
                self.problems.push(format!("name {text}: {error}"));
                Name::root()
            }
        }
    }

    /// Promises that `name` `rtype` gets `wanted` within four seconds; refine what comes back.
    pub(super) fn promise(
        &mut self,
        group: Group,
        note: &str,
        name: &str,
        rtype: RecordType,
        wanted: Wanted,
    ) -> &mut Promise {
        let ordinal = self.promises.len();
        let expectation = Expectation {
            group,
            note: note.to_owned(),
            before: Vec::new(),
            name: self.name(name),
            rtype,
            // Every shape of question takes its turn; co-prime steps mix them.
            style: Style {
                tcp: ordinal % 11 == 10,
                edns: !ordinal.is_multiple_of(3),
                dnssec_ok: ordinal % 6 == 1,
                mixed_case: ordinal.is_multiple_of(2),
            },
            copies: 1,
            outcome: Outcome::Failure,
            within: Duration::from_secs(4),
            ceiling: None,
            untouched: None,
        };
        self.promises.push(Promise {
            expectation,
            outcome: wanted,
        });
        let last = self.promises.len() - 1;
        #[expect(
            clippy::indexing_slicing,
            reason = "the element was pushed two lines above"
        )]
        &mut self.promises[last]
    }

    /// The finished world.
    ///
    /// # Errors
    /// The first mistake in the lists, in words.
    pub(super) fn finish(self) -> io::Result<World> {
        if let Some(problem) = self.problems.first() {
            return Err(io::Error::other(format!("drill world: {problem}")));
        }
        let mut zones = Zones::default();
        let by_name: BTreeMap<LowerName, Arc<Zone>> = self
            .zones
            .into_iter()
            .map(|(origin, zone)| (origin, Arc::new(zone)))
            .collect();
        for zone in by_name.values() {
            zones.insert(Arc::clone(zone));
        }
        let servers = self
            .servers
            .into_iter()
            .enumerate()
            .map(|(index, (label, address, role, origins))| {
                let mut held = Zones::default();
                for origin in origins {
                    if let Some(zone) = by_name.get(&origin) {
                        held.insert(Arc::clone(zone));
                    }
                }
                ServerPlan {
                    id: ServerId(index),
                    label,
                    address,
                    role,
                    zones: held,
                }
            })
            .collect();
        let expectations = self
            .promises
            .into_iter()
            .map(|promise| promise.settle(&zones))
            .collect();
        Ok(World {
            block: self.block,
            servers,
            zones,
            expectations,
            ipv6: self.ipv6,
            roots: self.roots,
        })
    }
}

impl Promise {
    /// Must come within `seconds` instead.
    pub(super) const fn within(&mut self, seconds: u64) -> &mut Self {
        self.expectation.within = Duration::from_secs(seconds);
        self
    }

    /// May cost `packets` queries for names in `zones` at most.
    pub(super) fn costs(&mut self, packets: u64, zones: &[&str]) -> &mut Self {
        let zones = zones
            .iter()
            .filter_map(|zone| Name::from_str(zone).ok())
            .collect();
        self.expectation.ceiling = Some(Ceiling { zones, packets });
        self
    }

    /// These are asked before.
    pub(super) fn after(&mut self, questions: &[(&str, RecordType)]) -> &mut Self {
        self.expectation.before = questions
            .iter()
            .filter_map(|(name, rtype)| Some((Name::from_str(name).ok()?, *rtype)))
            .collect();
        self
    }

    /// That server must not be asked about names in `zone`.
    pub(super) fn spares(&mut self, server: ServerId, zone: &str) -> &mut Self {
        self.expectation.untouched = Name::from_str(zone).ok().map(|zone| (server, zone));
        self
    }

    /// So many clients ask at once.
    pub(super) const fn copies(&mut self, copies: usize) -> &mut Self {
        self.expectation.copies = copies;
        self.expectation.style.tcp = false;
        self
    }

    fn settle(mut self, zones: &Zones) -> Expectation {
        let truth = || zones.truth(&self.expectation.name, self.expectation.rtype);
        self.expectation.outcome = match self.outcome {
            Wanted::Truth => {
                let (code, records) = truth();
                Outcome::Is(code, records)
            }
            Wanted::TruthOrFailure => {
                let (code, records) = truth();
                Outcome::IsOrFailure(code, records)
            }
            Wanted::Failure => Outcome::Failure,
            Wanted::Code(code) => Outcome::Code(code),
        };
        self.expectation
    }
}

/// RDATA from presentation form; DNAME and `TYPEn` (hex octets), which hickory-proto's parser lacks, are made here.
fn parse_rdata(rtype: &str, text: &str) -> Result<RData, String> {
    if rtype == "DNAME" {
        let target = Name::from_str(text).map_err(|error| error.to_string())?;
        return dname_rdata(&target).map_err(|error| error.to_string());
    }
    if let Some(number) = rtype.strip_prefix("TYPE") {
        let code: u16 = number.parse().map_err(|_| "no type number".to_owned())?;
        let octets: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        return Ok(RData::Unknown {
            code: RecordType::from(code),
            rdata: NULL::with(octets.ok_or("no hex octets")?),
        });
    }
    let rtype = RecordType::from_str(rtype).map_err(|error| error.to_string())?;
    RData::try_from_str(rtype, text).map_err(|error| error.to_string())
}
