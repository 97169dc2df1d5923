//! What is asked? Questions of every kind, made from the zones: what is there, what is not, and what nobody should ask.

use std::collections::{BTreeMap, BTreeSet};

use suimon::wire::{Name, Question, RecordType as T};

use super::Draw;
use super::ask::Flags;
use super::internet::{Internet, Zone};

/// One question, what kind it is, and of which family the zone.
#[derive(Clone, Debug)]
pub struct Asked {
    pub kind: Kind,
    pub family: String,
    pub question: Question,
    pub flags: Flags,
}

/// Why a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One name of each zone, all signed: what validation costs.
    Cold,
    Present,
    NoData,
    Absent,
    Deep,
    Hollow,
    Wildcard,
    Alias,
    Dname,
    Cut,
    Apex,
    Odd,
    Broken,
    Villain,
}

impl Kind {
    /// All, in the order in which they are asked.
    pub const ALL: [Self; 14] = [
        Self::Cold,
        Self::Present,
        Self::NoData,
        Self::Absent,
        Self::Deep,
        Self::Hollow,
        Self::Wildcard,
        Self::Alias,
        Self::Dname,
        Self::Cut,
        Self::Apex,
        Self::Odd,
        Self::Broken,
        Self::Villain,
    ];

    /// As verdicts and tables name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Present => "present",
            Self::NoData => "nodata",
            Self::Absent => "absent",
            Self::Deep => "deep",
            Self::Hollow => "hollow",
            Self::Wildcard => "wildcard",
            Self::Alias => "alias",
            Self::Dname => "dname",
            Self::Cut => "cut",
            Self::Apex => "apex",
            Self::Odd => "odd",
            Self::Broken => "broken",
            Self::Villain => "villain",
        }
    }

    /// How many of a thousand questions.
    const fn share(self) -> usize {
        match self {
            Self::Cold => 60,
            Self::Present | Self::Alias | Self::Broken => 110,
            Self::Odd => 100,
            Self::NoData | Self::Absent | Self::Wildcard | Self::Villain => 80,
            Self::Deep | Self::Hollow | Self::Dname => 40,
            Self::Cut | Self::Apex => 70,
        }
    }
}

const COMMON: [T; 8] = [
    T::A,
    T::AAAA,
    T::TXT,
    T::MX,
    T::SRV,
    T::HTTPS,
    T::CAA,
    T::SOA,
];

/// About `count` questions in all, by kind; the same for the same seed.
pub fn questions(internet: &Internet, seed: u64, count: usize) -> BTreeMap<Kind, Vec<Asked>> {
    let mut draw = Draw(seed ^ 0x5155_4553_5449_4F4E);
    let honest: Vec<&Zone> = internet
        .zones
        .iter()
        .filter(|zone| zone.fault.is_none() && !zone.villain && zone.apex.label_count() > 1)
        .collect();
    let broken: Vec<&Zone> = internet
        .zones
        .iter()
        .filter(|zone| zone.fault.is_some())
        .collect();
    let villains: Vec<&Zone> = internet.zones.iter().filter(|zone| zone.villain).collect();
    let mut all = BTreeMap::new();
    for kind in Kind::ALL {
        let zones = match kind {
            Kind::Broken => &broken,
            Kind::Villain => &villains,
            _ => &honest,
        };
        let wanted = (count * kind.share()).div_ceil(1_000);
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        for attempt in 0..wanted * 4 {
            if list.len() == wanted {
                break;
            }
            let zone = match kind {
                Kind::Cold | Kind::Broken | Kind::Villain => zones[attempt % zones.len()],
                _ => zones[draw.below(zones.len())],
            };
            let Some(question) = one(kind, zone, &mut draw) else {
                continue;
            };
            let flags = Flags {
                recursive: true,
                dnssec_ok: kind == Kind::Cold || draw.below(2) == 0,
                authentic: kind != Kind::Cold && draw.below(2) == 0,
                unchecked: kind != Kind::Cold && draw.below(7) == 0,
            };
            let key = (
                question.name.to_lower_wire().to_vec(),
                question.rtype,
                flags,
            );
            if seen.insert(key) {
                list.push(Asked {
                    kind,
                    family: internet.zone_of(&question.name).family.clone(),
                    question,
                    flags,
                });
            }
        }
        all.insert(kind, list);
    }
    all
}

fn one(kind: Kind, zone: &Zone, draw: &mut Draw) -> Option<Question> {
    let record = &zone.records[draw.below(zone.records.len())];
    let owner = record.owner.clone();
    let common = COMMON[draw.below(COMMON.len())];
    let under = |label: &str, name: &Name| name.child(label.as_bytes()).ok();
    let number = draw.below(100_000);
    let wild = |text: &str| format!("{text}.{}", zone.apex).parse::<Name>().ok();
    let is_wild = owner.labels().next() == Some(b"*");
    let (name, rtype) = match kind {
        Kind::Cold if zone.secure && zone.signing.is_some() => (wild("www")?, T::A),
        Kind::Cold => return None,
        Kind::Present if is_wild => return None,
        Kind::Present => (owner, record.rtype),
        Kind::NoData => (owner, common),
        Kind::Absent => (under(&format!("absent{number}"), &zone.apex)?, common),
        Kind::Deep => {
            let depth = 2 + draw.below(4);
            let below = if draw.below(2) == 0 {
                owner
            } else {
                zone.apex.clone()
            };
            let mut name = below;
            for step in 0..depth {
                name = under(&format!("d{step}x{}", number % 1_000), &name)?;
            }
            (name, common)
        }
        Kind::Hollow => {
            let hollow = [
                "ent",
                "y.ent",
                "hollow",
                "block.wild",
                "wild",
                "six",
                "five.six",
                "_tcp",
            ];
            (wild(hollow[draw.below(hollow.len())])?, common)
        }
        Kind::Wildcard => {
            let tree = [
                "wild",
                "wild",
                "block.wild",
                "here.wild",
                "walias",
                "wfar",
                "wnone",
            ];
            let tree = tree[draw.below(tree.len())];
            let labels = ["*", "q", "r.s", "*.q"];
            let label = match draw.below(6) {
                place @ 0..4 => labels[place].to_owned(),
                _ => format!("w{number}"),
            };
            let rtype = [T::A, T::A, T::TXT, T::AAAA, T::CNAME][draw.below(5)];
            (wild(&format!("{label}.{tree}"))?, rtype)
        }
        Kind::Alias => {
            let names = [
                "alias",
                "a1",
                "a3",
                "far",
                "farther",
                "cross",
                "crosssub",
                "dangling",
                "fardangling",
                "towild",
                "tofarwild",
                "loop1",
                "todname",
                "up.sub",
                "ins.sub",
                "sec.insec",
            ];
            let rtype = [T::A, T::A, T::AAAA, T::MX, T::CNAME][draw.below(5)];
            (wild(names[draw.below(names.len())])?, rtype)
        }
        Kind::Dname => {
            let names = [
                "www.renamed",
                "renamed",
                "nowhere.renamed",
                "x.y.renamed",
                "y.inner",
                "x.y.inner",
                "alias.renamed",
                "q.wild.renamed",
                "www.sub.renamed",
                "far.renamed",
            ];
            let rtype = [T::A, T::A, T::DNAME, T::CNAME, T::AAAA][draw.below(5)];
            (wild(names[draw.below(names.len())])?, rtype)
        }
        Kind::Cut => {
            let names = [
                "sub",
                "insec",
                "cut.hollow",
                "www.sub",
                "www.insec",
                "www.cut.hollow",
                "absent.sub",
                "absent.insec",
                "x.wild.sub",
                "ent.insec",
            ];
            let rtype = [T::A, T::DS, T::NS, T::DNSKEY, T::SOA][draw.below(5)];
            (wild(names[draw.below(names.len())])?, rtype)
        }
        Kind::Apex => {
            let types = [
                T::SOA,
                T::NS,
                T::DNSKEY,
                T::DS,
                T::NSEC,
                T::NSEC3PARAM,
                T::CDS,
                T::MX,
                T::CNAME,
            ];
            (zone.apex.clone(), types[draw.below(types.len())])
        }
        Kind::Odd => {
            let types = [
                T::ANY,
                T::RRSIG,
                T::NSEC,
                T::NSEC3,
                T::DS,
                T::DNSKEY,
                T::CNAME,
                T::SOA,
                T::NS,
                T::DNAME,
                T(65_280),
            ];
            (owner, types[draw.below(types.len())])
        }
        Kind::Broken | Kind::Villain => {
            let names = [
                "",
                "www.",
                "www.",
                "absent.",
                "x.ent.",
                "ent.",
                "alias.",
                "far.",
                "q.wild.",
                "copied.wild.",
            ];
            let rtype = [T::A, T::A, T::A, T::TXT, T::AAAA, T::MX, T::DNSKEY, T::DS][draw.below(8)];
            let name = format!("{}{}", names[draw.below(names.len())], zone.apex);
            (name.parse().ok()?, rtype)
        }
    };
    let mut name = name;
    if draw.below(4) == 0 {
        name = mixed(&name, draw);
    }
    Some(Question::new(name, rtype))
}

/// The name in a mixture of cases.
fn mixed(name: &Name, draw: &mut Draw) -> Name {
    let mut wire = name.as_wire().to_vec();
    let mut at = 0;
    while let Some(length) = wire.get(at).map(|length| usize::from(*length)) {
        for octet in wire.iter_mut().skip(at + 1).take(length) {
            if octet.is_ascii_alphabetic() && draw.below(2) == 0 {
                *octet ^= 0x20;
            }
        }
        at += 1 + length;
    }
    Name::from_wire(&wire).unwrap_or_else(|_| name.clone())
}
