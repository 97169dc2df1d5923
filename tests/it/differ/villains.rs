//! Which servers lie? Proxies before an honest one: each takes what NSD says about a zone and spoils it, at one server or at both.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use suimon::dnssec::algorithm::Algorithm;
use suimon::wire::{Message, Name, Question, Rcode, Record, RecordType, rdata};

use super::broken;
use super::internet::{self, CHILD_SERVERS, Chain, Tier, Zone};
use crate::lab::script::{Asked, Script, Sent};
use crate::lab::{Ns, client};

/// What a server does to an honest reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Says nothing.
    Mute,
    Refuses,
    Fails,
    NotImplemented,
    /// NOERROR, empty, without AA.
    Lame,
    /// Refers to the root.
    Upward,
    /// Answers without AA.
    NoAuthority,
    /// FORMERR to EDNS.
    NoEdns,
    /// Leaves OPT and everything of DNSSEC out.
    IgnoresEdns,
    /// TC over UDP, always.
    AlwaysCut,
    /// Another name in the question.
    OtherQuestion,
    /// No signatures.
    NoSignatures,
    /// No denial.
    NoDenial,
    /// Other addresses.
    OtherAddresses,
    /// Nothing in the answer, all else kept.
    NoAnswer,
    /// NXDOMAIN for everything but the keys, with an honest SOA.
    NoNames,
    /// www's signed addresses under every name.
    Renamed,
    /// Somebody else's records beside the answer.
    Poison,
}

const LIES: [(Lie, &str); 18] = [
    (Lie::Mute, "mute"),
    (Lie::Refuses, "refuses"),
    (Lie::Fails, "fails"),
    (Lie::NotImplemented, "notimplemented"),
    (Lie::Lame, "lame"),
    (Lie::Upward, "upward"),
    (Lie::NoAuthority, "noauthority"),
    (Lie::NoEdns, "noedns"),
    (Lie::IgnoresEdns, "ignoresedns"),
    (Lie::AlwaysCut, "alwayscut"),
    (Lie::OtherQuestion, "otherquestion"),
    (Lie::NoSignatures, "nosignatures"),
    (Lie::NoDenial, "nodenial"),
    (Lie::OtherAddresses, "otheraddresses"),
    (Lie::NoAnswer, "noanswer"),
    (Lie::NoNames, "nonames"),
    (Lie::Renamed, "renamed"),
    (Lie::Poison, "poison"),
];

/// Where villain `number` listens.
fn address(number: usize) -> String {
    format!("10.53.1.{}", number + 1)
}

/// All of them.
pub fn addresses() -> Vec<IpAddr> {
    (0..LIES.len())
        .map(|number| address(number).parse().expect("an address"))
        .collect()
}

/// For each lie a signed and an unsigned zone, with one server of two that lies, and with no other.
pub fn zones() -> Vec<Zone> {
    let mut zones = Vec::new();
    for (number, (lie, word)) in LIES.iter().enumerate() {
        for (kind, signing) in [
            ("nsec", Some((Algorithm::Ed25519, Chain::Nsec))),
            ("nsec3", Some((Algorithm::EcdsaP256Sha256, Chain::Nsec3))),
            ("unsigned", None),
        ] {
            for (share, servers) in [
                ("half", vec![address(number), CHILD_SERVERS[0].to_owned()]),
                ("all", vec![address(number)]),
            ] {
                let unseen = [
                    Lie::OtherAddresses,
                    Lie::NoAnswer,
                    Lie::NoNames,
                    Lie::Renamed,
                ];
                if (share, signing.is_none()) == ("half", true) && unseen.contains(lie) {
                    // Whom one asks decides, and nobody can know better.
                    continue;
                }
                let apex = format!("{share}-{word}-{kind}.zeta.");
                let family = format!("villain-{share}-{word}-{kind}");
                let mut zone = internet::zone(&apex, &family, signing, Tier::Child, &servers);
                zone.villain = true;
                zone.add(&broken::usual(&apex));
                zones.push(zone);
            }
        }
    }
    zones
}

/// What they all do, by the address asked.
pub fn script(ns: &Ns) -> Arc<Script> {
    let ns = ns.clone();
    Arc::new(move |asked: &Asked| {
        let place = addresses()
            .iter()
            .position(|address| *address == asked.server)
            .expect("a villain's address");
        lie(LIES[place].0, asked, &ns).unwrap_or_default()
    })
}

fn lie(lie: Lie, asked: &Asked, ns: &Ns) -> Option<Vec<Sent>> {
    if lie == Lie::Mute {
        return None;
    }
    let mut message = honest(&asked.name, asked.rtype, asked.edns.is_some(), ns)?;
    message.header.id = asked.id;
    let mut name = asked.qname.clone();
    let is_denial = |rtype: RecordType| [RecordType::NSEC, RecordType::NSEC3].contains(&rtype);
    let keys = asked.rtype == RecordType::DNSKEY;
    match lie {
        Lie::Refuses => only(&mut message, Rcode::REFUSED),
        Lie::Fails => only(&mut message, Rcode::SERVFAIL),
        Lie::NotImplemented => only(&mut message, Rcode::NOTIMP),
        Lie::Lame => only(&mut message, Rcode::NOERROR),
        Lie::Upward => {
            only(&mut message, Rcode::NOERROR);
            message.authority.push(Record {
                owner: Name::root(),
                rtype: RecordType::NS,
                class: suimon::wire::Class::IN,
                ttl: 3600,
                rdata: "a.root.".parse::<Name>().ok()?.as_wire().into(),
            });
        }
        Lie::NoAuthority => message.header.flags = message.header.flags.with_aa(false),
        Lie::NoEdns if asked.edns.is_some() => {
            only(&mut message, Rcode::FORMERR);
            message.edns = None;
        }
        Lie::IgnoresEdns => {
            message = honest(&asked.name, asked.rtype, false, ns)?;
            message.header.id = asked.id;
        }
        Lie::AlwaysCut if !asked.tcp => {
            only(&mut message, Rcode::NOERROR);
            message.header.flags = message.header.flags.with_aa(true).with_tc(true);
        }
        Lie::OtherQuestion => {
            name = "other.zeta.".parse::<Name>().ok()?.as_wire().to_vec();
        }
        Lie::NoSignatures => each(&mut message, |records| {
            records.retain(|record| record.rtype != RecordType::RRSIG);
        }),
        Lie::NoDenial => message.authority.retain(|record| {
            let covered = rdata::rrsig_covers(&record.rdata).unwrap_or(RecordType::A);
            !is_denial(record.rtype) && (record.rtype != RecordType::RRSIG || !is_denial(covered))
        }),
        Lie::OtherAddresses => {
            for record in &mut message.answer {
                if record.rtype == RecordType::A {
                    record.rdata = Box::from([203, 0, 113, 66]);
                }
            }
        }
        Lie::NoAnswer if !keys => message.answer.clear(),
        Lie::NoNames if !keys => {
            // Names that the zone does not have lead to its SOA and to proofs about other names.
            let absent = format!(
                "absent-{}",
                asked.name.split('.').skip(1).collect::<Vec<_>>().join(".")
            );
            let other = honest(&absent, RecordType::A, asked.edns.is_some(), ns)?;
            message.answer.clear();
            message.authority = other
                .authority
                .into_iter()
                .filter(|record| {
                    record.rtype == RecordType::SOA
                        || rdata::rrsig_covers(&record.rdata) == Some(RecordType::SOA)
                })
                .collect();
            message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        }
        Lie::Renamed if asked.rtype == RecordType::A => {
            let zone: Vec<&str> = asked.name.rsplitn(4, '.').collect();
            let apex = format!("{}.zeta.", zone.get(2)?);
            let other = honest(
                &format!("www.{apex}"),
                asked.rtype,
                asked.edns.is_some(),
                ns,
            )?;
            message.header.flags = message.header.flags.with_rcode(Rcode::NOERROR);
            message.answer = other.answer;
            let owner = Name::from_wire(&name).ok()?;
            for record in &mut message.answer {
                record.owner = owner.clone();
            }
            message.authority.clear();
        }
        Lie::Poison => {
            let poison = "www.z0.alpha. 3600 A 203.0.113.66";
            let record = suimon::wire::text::record_from_text(poison, 3600).ok()?;
            message.answer.push(record.clone());
            message.authority.push(record.clone());
            message.additional.push(record);
        }
        _ => {}
    }
    let whole = octets(&message, &name, asked.rtype);
    let room = usize::from(asked.edns.unwrap_or(512).max(512));
    if asked.tcp || whole.len() <= room {
        return Some(vec![(Duration::ZERO, whole)]);
    }
    only(&mut message, Rcode::NOERROR);
    message.header.flags = message.header.flags.with_tc(true);
    Some(vec![(Duration::ZERO, octets(&message, &name, asked.rtype))])
}

fn only(message: &mut Message, rcode: Rcode) {
    each(message, Vec::clear);
    message.header.flags = message.header.flags.with_aa(false).with_rcode(rcode);
}

fn each(message: &mut Message, mut change: impl FnMut(&mut Vec<Record>)) {
    change(&mut message.answer);
    change(&mut message.authority);
    change(&mut message.additional);
}

thread_local! {
    /// The connection to the honest server; a thread that has one stands in the servers' namespace.
    static HONEST: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
}

/// What NSD says, DNSSEC included if the asker has EDNS.
fn honest(name: &str, rtype: RecordType, edns: bool, ns: &Ns) -> Option<Message> {
    let question = Question::new(name.parse().ok()?, rtype);
    let query = super::ask::query(&question, 1, super::ask::Flags::dnssec(edns), edns);
    HONEST.with_borrow_mut(|connection| {
        for _ in 0..2 {
            if connection.is_none() {
                *connection = connect(ns);
            }
            if let Some(reply) = connection
                .as_mut()
                .and_then(|to| client::exchange(to, &query))
            {
                return Message::parse(&reply).ok();
            }
            *connection = None;
        }
        None
    })
}

fn connect(ns: &Ns) -> Option<TcpStream> {
    let handle = std::fs::File::open(format!("/run/netns/{}", ns.name())).ok()?;
    move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&handle),
        Some(LinkNameSpaceType::Network),
    )
    .ok()?;
    let server: SocketAddr = format!("{}:53", CHILD_SERVERS[1]).parse().ok()?;
    let stream = TcpStream::connect(server).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(3))).ok()?;
    Some(stream)
}

/// The message, uncompressed, with this question.
fn octets(message: &Message, name: &[u8], rtype: RecordType) -> Vec<u8> {
    let count = |records: &[Record]| u16::try_from(records.len()).expect("a count of records");
    let opt = message.edns.is_some();
    let mut octets = Vec::new();
    for word in [
        message.header.id,
        message.header.flags.0,
        1,
        count(&message.answer),
        count(&message.authority),
        count(&message.additional) + u16::from(opt),
    ] {
        octets.extend_from_slice(&word.to_be_bytes());
    }
    octets.extend_from_slice(name);
    octets.extend_from_slice(&rtype.0.to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    for record in [&message.answer, &message.authority, &message.additional]
        .into_iter()
        .flatten()
    {
        octets.extend_from_slice(record.owner.as_wire());
        octets.extend_from_slice(&record.rtype.0.to_be_bytes());
        octets.extend_from_slice(&record.class.0.to_be_bytes());
        octets.extend_from_slice(&record.ttl.to_be_bytes());
        let length = u16::try_from(record.rdata.len()).expect("RDATA below 64 KiB");
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(&record.rdata);
    }
    if opt {
        octets.extend_from_slice(&[0, 0, 41, 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0]);
    }
    octets
}
