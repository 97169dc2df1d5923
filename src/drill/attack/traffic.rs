//! What do attackers ask, from whose address, and when are they silent? Generators without a socket.

use std::net::Ipv4Addr;
use std::time::Duration;

use rand::{Rng, RngExt};

use super::scene::{self, name_elsewhere};
use crate::wire::{Name, RecordType};

/// A customer whose address attackers write on their queries.
pub const FORGED: Ipv4Addr = Ipv4Addr::new(127, 2, 200, 9);
/// An address that a thousand customers share.
pub const CROWD: Ipv4Addr = Ipv4Addr::new(127, 3, 255, 1);

/// The shape of an attack's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Random labels below one name, by bots.
    Random(&'static str),
    /// The same below every zone of a hosting company.
    Tenants,
    /// The same below popular zones.
    Popular,
    /// Words and pairs of words: some are real names.
    Words,
    /// Random labels, so many seconds on and so many off.
    Pulses(u64, u64),
    /// Random names, from addresses that are not served.
    Strangers,
    /// Addresses of many names, with one customer's address as the source.
    Forged,
    /// The biggest answers there are, with the addresses of four customers as the source.
    Amplified,
    /// Random names, by strangers with customers' addresses.
    Inside,
    /// What customers ask who share one address.
    Crowd,
    /// What mail servers and virus scanners ask, and browsers on pages of a content network.
    Lookups,
}

/// One query on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Whence it is said to come.
    pub source: Ipv4Addr,
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
    /// The payload size of its OPT record, octets; nothing = none.
    pub payload: Option<u16>,
}

/// A generator: the same packets for the same random numbers.
#[derive(Clone, Debug)]
pub struct Traffic {
    shape: Shape,
    bots: u32,
    zones: Vec<Name>,
}

impl Traffic {
    /// `bots` machines take part, 1..=65,000.
    #[must_use]
    pub fn new(shape: Shape, bots: u32) -> Self {
        let zones: Vec<String> = match shape {
            Shape::Random(below) => vec![below.to_owned()],
            Shape::Words | Shape::Pulses(..) | Shape::Inside => vec![scene::VICTIM.to_owned()],
            Shape::Tenants => scene::tenants().collect(),
            Shape::Popular => scene::POPULAR.map(str::to_owned).to_vec(),
            Shape::Strangers => vec!["unseen.lab.".to_owned()],
            Shape::Amplified => vec![scene::BIG.to_owned()],
            Shape::Lookups => scene::LOOKUPS
                .into_iter()
                .chain([scene::CDN])
                .map(str::to_owned)
                .collect(),
            Shape::Forged | Shape::Crowd => Vec::new(),
        };
        Self {
            shape,
            bots: bots.clamp(1, 65_000),
            zones: zones.iter().filter_map(|zone| zone.parse().ok()).collect(),
        }
    }

    /// The `number`th query, `at` this time after the attack began; nothing while it pauses.
    pub fn packet(&self, number: u64, at: Duration, random: &mut impl Rng) -> Option<Packet> {
        if let Shape::Pulses(on, off) = self.shape
            && at.as_secs() % (on + off) >= on
        {
            return None;
        }
        let bot = bot(random.random_range(0..self.bots));
        let below = |random: &mut _| self.zone(random)?.child(&label(random)).ok();
        let packet = |source, name, rtype, payload| Packet {
            source,
            name,
            rtype,
            payload,
        };
        Some(match self.shape {
            Shape::Random(_)
            | Shape::Tenants
            | Shape::Popular
            | Shape::Pulses(..)
            | Shape::Inside => packet(bot, below(random)?, RecordType::A, None),
            Shape::Words => {
                let name = self.zone(random)?.child(word(random).as_bytes()).ok()?;
                packet(bot, name, RecordType::A, None)
            }
            Shape::Strangers => {
                let source = Ipv4Addr::from(0x7F10_0000 | random.random_range(1..0x0010_0000_u32));
                packet(source, below(random)?, RecordType::A, Some(4096))
            }
            Shape::Forged => {
                let name = name_elsewhere("hot", ordinal(number) % (scene::HOT * scene::ELSEWHERE));
                packet(FORGED, to_wire(&name)?, RecordType::A, Some(1232))
            }
            Shape::Amplified => {
                let [a, b, c, _] = FORGED.octets();
                let source = Ipv4Addr::new(a, b, c, random.random_range(20..24));
                let types = [RecordType::ANY, RecordType::TXT, RecordType::DNSKEY];
                let rtype = *types.get(random.random_range(0..types.len()))?;
                packet(source, self.zone(random)?.clone(), rtype, Some(4096))
            }
            Shape::Crowd => {
                // Nine in ten are in every cache; the tenth is somebody's own.
                let name = if random.random_range(0..10) == 0 {
                    let all = scene::COLD * scene::ELSEWHERE;
                    name_elsewhere("cold", all / 2 + ordinal(number) % (all / 2))
                } else {
                    name_elsewhere("hot", ordinal(number) % (scene::HOT * scene::ELSEWHERE))
                };
                packet(CROWD, to_wire(&name)?, RecordType::A, Some(1232))
            }
            Shape::Lookups => {
                let zone = self.zone(random)?;
                let name = zone.child(&label(random)).ok()?;
                packet(bot, name, RecordType::A, Some(1232))
            }
        })
    }

    fn zone(&self, random: &mut impl Rng) -> Option<&Name> {
        self.zones
            .get(random.random_range(0..self.zones.len().max(1)))
    }
}

impl Packet {
    /// Its octets, at the end of `out`.
    pub fn write(&self, id: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&id.to_be_bytes());
        // RD; one question; perhaps an OPT record.
        out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(self.payload.is_some())]);
        out.extend_from_slice(self.name.as_wire());
        out.extend_from_slice(&self.rtype.0.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        if let Some(payload) = self.payload {
            out.extend_from_slice(&[0, 0, 41]);
            out.extend_from_slice(&payload.to_be_bytes());
            out.extend_from_slice(&[0; 6]);
        }
    }
}

/// The address of a bot, each in a /24 of its own while there are any: customers with a bad device are anywhere.
#[must_use]
pub fn bot(number: u32) -> Ipv4Addr {
    // 127.4.0.0/14 has 1,024 of them.
    let (network, host) = (number % 1_024, number / 1_024 + 7);
    Ipv4Addr::from(0x7F04_0000 | network << 8 | host.min(254))
}

/// Twelve letters and digits, as of Mirai.
fn label(random: &mut impl Rng) -> Vec<u8> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..12)
        .filter_map(|_| LETTERS.get(random.random_range(0..LETTERS.len())).copied())
        .collect()
}

/// A word that hosts are named by, or two, or one with a number.
fn word(random: &mut impl Rng) -> String {
    const WORDS: [&str; 32] = [
        "www", "mail", "api", "shop", "cdn", "blog", "dev", "test", "stage", "prod", "admin",
        "vpn", "db", "web", "app", "img", "static", "news", "forum", "login", "secure", "mobile",
        "old", "new", "beta", "demo", "git", "wiki", "chat", "cloud", "data", "proxy",
    ];
    let pick = |random: &mut _| -> &'static str {
        WORDS
            .get(RngExt::random_range(random, 0..WORDS.len()))
            .copied()
            .unwrap_or("www")
    };
    let (first, second) = (pick(random), pick(random));
    match random.random_range(0..10) {
        0 => first.to_owned(),
        1..=5 => format!("{first}-{second}{}", random.random_range(0..100)),
        _ => format!("{first}{}", random.random_range(0..1_000)),
    }
}

fn to_wire(name: &hickory_proto::rr::Name) -> Option<Name> {
    name.to_ascii().parse().ok()
}

fn ordinal(number: u64) -> u32 {
    u32::try_from(number % 1_000_000).unwrap_or(0)
}
