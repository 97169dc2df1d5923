//! Which Internet do the resolvers see? Root, TLDs, some hundred zones and their children from a seed: signed, unsigned, broken.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use suimon::dnssec::algorithm::{Algorithm, DigestType};
use suimon::drill::signing::{
    Denial, Hashing, KEY_SIGNING, Signer, Validity, ZONE_SIGNING, sign_zone,
};
use suimon::wire::text::record_from_text;
use suimon::wire::{Class, Name, Record, RecordType};

use super::broken::{self, Fault};
use super::contents;
use super::villains;
use crate::lab::servers::Zone as Served;

/// The address of the root server.
pub const ROOT_SERVER: &str = "10.53.0.1";
/// The address of the TLDs' server.
pub const TLD_SERVER: &str = "10.53.0.2";
/// The addresses of the zones below.
pub const ZONE_SERVERS: [&str; 2] = ["10.53.0.3", "10.53.0.4"];
/// The addresses of their children, and of the zones that villains stand before.
pub const CHILD_SERVERS: [&str; 2] = ["10.53.0.5", "10.53.0.6"];
/// The TLDs and how each is signed.
const TLDS: [(&str, Option<(Algorithm, Chain)>); 6] = [
    ("alpha.", Some((Algorithm::EcdsaP256Sha256, Chain::Nsec))),
    ("beta.", Some((Algorithm::RsaSha256, Chain::Nsec3))),
    ("gamma.", Some((Algorithm::Ed25519, Chain::OptOut))),
    ("delta.", None),
    (
        "epsilon.",
        Some((Algorithm::EcdsaP256Sha256, Chain::Salted)),
    ),
    ("zeta.", Some((Algorithm::EcdsaP384Sha384, Chain::Nsec))),
];

/// How a signed zone denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    Nsec,
    Nsec3,
    OptOut,
    Salted,
    /// More iterations than anybody believes (RFC 9276).
    Endless,
}

impl Chain {
    /// All honest ones, in turn.
    const ALL: [Self; 4] = [Self::Nsec, Self::Nsec3, Self::OptOut, Self::Salted];

    fn denial(self) -> Denial {
        let hashing = |iterations, salt: &[u8], opt_out| {
            Denial::Nsec3(Hashing {
                iterations,
                salt: salt.to_vec(),
                opt_out,
            })
        };
        match self {
            Self::Nsec => Denial::Nsec,
            Self::Nsec3 => hashing(0, b"", false),
            Self::OptOut => hashing(0, b"", true),
            Self::Salted => hashing(3, &[0xAA, 0xBB, 0xCC], false),
            Self::Endless => hashing(2_500, &[0xDE, 0xAD], false),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Nsec => "nsec",
            Self::Nsec3 => "nsec3",
            Self::OptOut => "optout",
            Self::Salted => "salted",
            Self::Endless => "endless",
        }
    }
}

/// One zone before it is signed.
#[derive(Clone, Debug)]
pub struct Zone {
    pub apex: Name,
    /// What kind of zone it is, one word: how it is signed, or what is wrong with it. Verdicts name it.
    pub family: String,
    /// What a person wrote into it, cuts included.
    pub records: Vec<Record>,
    /// How it is signed, if it is.
    pub signing: Option<(Algorithm, Chain)>,
    /// What is done to it behind its operator's back.
    pub fault: Option<Fault>,
    /// Whether the parent has a DS for it.
    pub secure: bool,
    /// Whether a villain stands before its servers.
    pub villain: bool,
    /// Where it is served.
    pub tier: Tier,
    seed: u64,
}

/// Which servers hold a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    Root,
    Tld,
    Zone,
    Child,
}

/// All of it.
pub struct Internet {
    pub zones: Vec<Zone>,
}

impl Zone {
    fn new(apex: &str, family: &str, signing: Option<(Algorithm, Chain)>, tier: Tier) -> Self {
        let apex: Name = apex.parse().expect("a name");
        let seed = apex
            .as_wire()
            .iter()
            .fold(7_u64, |sum, octet| sum.wrapping_mul(31) + u64::from(*octet));
        Self {
            apex,
            family: family.to_owned(),
            records: Vec::new(),
            secure: signing.is_some(),
            signing,
            fault: None,
            villain: false,
            tier,
            seed,
        }
    }

    /// Adds records, one a line.
    pub fn add(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let record =
                record_from_text(line, 3600).unwrap_or_else(|error| panic!("{line}: {error}"));
            self.records.push(record);
        }
    }

    /// SOA, NS and the servers' addresses.
    fn add_apex(&mut self, servers: &[String]) {
        let apex = self.apex.to_string();
        let dot = apex.trim_start_matches('.').to_owned();
        self.add(&format!(
            "{apex} SOA ns1.{dot} hostmaster.{dot} 1 3600 600 864000 900"
        ));
        for (number, server) in (1..).zip(servers) {
            self.add(&format!(
                "{apex} NS ns{number}.{dot}\nns{number}.{dot} A {server}"
            ));
        }
    }

    fn signers(&self) -> Vec<Signer> {
        let Some((algorithm, _)) = self.signing else {
            return Vec::new();
        };
        let signer = |seed, flags| {
            Signer::new(&self.apex, algorithm, seed, flags).expect("a key from a seed")
        };
        if self.seed.is_multiple_of(3) {
            vec![
                signer(self.seed, KEY_SIGNING),
                signer(self.seed + 1, ZONE_SIGNING),
            ]
        } else {
            vec![signer(self.seed, KEY_SIGNING)]
        }
    }

    /// The DS record that the parent has for it, if it is to have one.
    fn ds(&self) -> Option<Record> {
        if !self.secure {
            return None;
        }
        let mut rdata = match self.signers().first() {
            Some(signer) => signer.ds(if self.seed.is_multiple_of(4) {
                DigestType::Sha384
            } else {
                DigestType::Sha256
            }),
            None => Signer::new(&self.apex, Algorithm::Ed25519, self.seed, KEY_SIGNING)
                .expect("a key from a seed")
                .ds(DigestType::Sha256),
        };
        if let Some(fault) = self.fault {
            fault.spoil_ds(&mut rdata);
        }
        Some(Record {
            owner: self.apex.clone(),
            rtype: RecordType::DS,
            class: Class::IN,
            ttl: 3600,
            rdata: rdata.into(),
        })
    }

    /// Delegates `child` to where it is served.
    fn delegate(&mut self, child: &Self) {
        let servers: Vec<Record> = child
            .records
            .iter()
            .filter(|record| record.rtype == RecordType::NS && record.owner == child.apex)
            .cloned()
            .collect();
        for record in &child.records {
            let is_glue = record.rtype == RecordType::A
                && servers.iter().any(|server| {
                    *server.rdata == *record.owner.as_wire() && server.owner == child.apex
                });
            if is_glue {
                self.records.push(record.clone());
            }
        }
        self.records.extend(servers);
        self.records.extend(child.ds());
    }

    /// What its servers hold.
    fn served(&self, now: u32) -> Vec<Record> {
        let Some((_, chain)) = self.signing else {
            return self.records.clone();
        };
        let validity = match self.fault {
            Some(fault) => fault.validity(now),
            None => valid(now),
        };
        let mut records = sign_zone(&self.records, &self.signers(), &chain.denial(), validity)
            .expect("a signed zone");
        if let Some(fault) = self.fault {
            fault.spoil(&self.apex, &mut records);
        }
        records
    }
}

/// From yesterday to a month from now.
pub const fn valid(now: u32) -> Validity {
    Validity {
        inception: now - 86_400,
        expiration: now + 30 * 86_400,
    }
}

impl Internet {
    /// The same for the same seed and count, but for the time in signatures and what ECDSA draws.
    pub fn new(seed: u64, count: usize) -> Self {
        let mut draw = super::Draw(seed);
        let mut zones = Vec::new();
        let apexes: Vec<String> = (0..count)
            .map(|number| format!("z{number}.{}", TLDS[number % TLDS.len()].0))
            .collect();
        for (number, apex) in apexes.iter().enumerate() {
            zones.extend(contents::family(apex, number, &apexes, &mut draw));
        }
        zones.extend(broken::zones());
        zones.extend(villains::zones());
        let mut tlds: Vec<Zone> = TLDS
            .iter()
            .map(|(apex, signing)| {
                let family = signing.map_or("unsigned", |(_, chain)| chain.word());
                let mut tld = Zone::new(apex, family, *signing, Tier::Tld);
                tld.add_apex(&[TLD_SERVER.to_owned()]);
                tld
            })
            .collect();
        for zone in zones.iter().filter(|zone| zone.apex.label_count() == 2) {
            let tld = tlds.iter_mut().find(|tld| zone.apex.is_within(&tld.apex));
            tld.expect("a TLD").delegate(zone);
        }
        let mut root = Zone::new(
            ".",
            "nsec",
            Some((Algorithm::EcdsaP256Sha256, Chain::Nsec)),
            Tier::Root,
        );
        root.add(&format!(
            ". SOA a.root. hostmaster.root. 1 3600 600 864000 900\n. NS a.root.\na.root. A {ROOT_SERVER}"
        ));
        for tld in &tlds {
            root.delegate(tld);
        }
        zones.extend(tlds);
        zones.push(root);
        Self { zones }
    }

    /// The trust anchor: `tag algorithm digest-type digest`.
    pub fn anchor(&self) -> String {
        let root = self.zones.last().expect("the root");
        let ds = root.ds().expect("a signed root");
        suimon::wire::text::rdata_to_text(RecordType::DS, &ds.rdata)
    }

    /// The zone that holds a name.
    pub fn zone_of(&self, name: &Name) -> &Zone {
        self.zones
            .iter()
            .filter(|zone| name.is_within(&zone.apex))
            .max_by_key(|zone| zone.apex.label_count())
            .expect("the root, if nothing else")
    }

    /// Zone files by tier.
    pub fn files(&self) -> BTreeMap<Tier, Vec<Served>> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock past 1970")
            .as_secs();
        let now = u32::try_from(now).expect("a clock before 2106");
        let mut files: BTreeMap<Tier, Vec<Served>> = BTreeMap::new();
        for zone in &self.zones {
            let name = zone.apex.to_string();
            let name = if zone.apex.is_root() {
                name
            } else {
                name.trim_end_matches('.').to_owned()
            };
            files.entry(zone.tier).or_default().push(Served {
                name: name.leak(),
                text: zone_file(&zone.served(now)),
            });
        }
        files
    }
}

/// The addresses of a tier.
pub fn addresses(tier: Tier) -> Vec<IpAddr> {
    let list: &[&str] = match tier {
        Tier::Root => &[ROOT_SERVER],
        Tier::Tld => &[TLD_SERVER],
        Tier::Zone => &ZONE_SERVERS,
        Tier::Child => &CHILD_SERVERS,
    };
    list.iter()
        .map(|address| address.parse().expect("an address"))
        .collect()
}

/// A zone as its parent and its fellows know it; the caller adds the rest.
pub fn zone(
    apex: &str,
    family: &str,
    signing: Option<(Algorithm, Chain)>,
    tier: Tier,
    servers: &[String],
) -> Zone {
    let mut zone = Zone::new(apex, family, signing, tier);
    zone.add_apex(servers);
    zone
}

/// The zone at this place of the list: how it is signed, and its family.
pub fn signing(number: usize) -> (Option<(Algorithm, Chain)>, &'static str) {
    if number % 5 == 4 {
        return (None, "unsigned");
    }
    let chain = Chain::ALL[number / 2 % Chain::ALL.len()];
    let algorithms = [
        Algorithm::Ed25519,
        Algorithm::EcdsaP256Sha256,
        Algorithm::RsaSha256,
    ];
    (
        Some((algorithms[number / 3 % algorithms.len()], chain)),
        chain.word(),
    )
}

/// Adds a delegation.
pub fn delegate(parent: &mut Zone, child: &Zone) {
    parent.delegate(child);
}

/// Every record in the generic form (RFC 3597 section 5), which leaves nothing to how a server reads text.
fn zone_file(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let hex: String = record
            .rdata
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        text.push_str(&format!(
            "{} {} IN TYPE{} \\# {} {hex}\n",
            record.owner,
            record.ttl,
            record.rtype.0,
            record.rdata.len()
        ));
    }
    text
}
