//! Honest servers with a liar before them: NSD answers, and what it says may be changed on the way.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use suimon::dnssec::algorithm::{Algorithm, DigestType};
use suimon::drill::signing::{Denial, KEY_SIGNING, Signer, Validity, ZONE_SIGNING, sign_zone};
use suimon::wire::text::{rdata_to_text, record_from_text};
use suimon::wire::{Class, Message, Name, Record, RecordType};

use super::Ns;
use super::client;
use super::script::{Asked, PATIENCE, Scene, Setting, TC};
use super::servers::{self, Zone};

/// What is done to a reply; without its question it is not sent at all. The function given asks the honest server behind something else.
pub type Twist = dyn Fn(&Asked, &mut Message, &dyn Fn(&str, RecordType) -> Message) + Send + Sync;

/// Nothing is done.
pub fn untwisted() -> Arc<Twist> {
    Arc::new(|_, _, _| ())
}

/// The zones of one server: the last octet of its address, and each zone with its records.
pub type Served = (u8, Vec<(&'static str, Vec<Record>)>);

/// Servers on 10.53.0.N that say what NSD on 10.53.1.N says, twisted. suimond is not started yet.
pub fn scene(tag: &str, setting: &Setting<'_>, served: Vec<Served>, twist: Arc<Twist>) -> Scene {
    far_scene(tag, setting, served, Duration::ZERO, twist)
}

/// The same, with every reply so late.
pub fn far_scene(
    tag: &str,
    setting: &Setting<'_>,
    served: Vec<Served>,
    delay: Duration,
    twist: Arc<Twist>,
) -> Scene {
    let behind: Arc<OnceLock<Ns>> = Arc::default();
    let place = Arc::clone(&behind);
    let mut scene = Scene::without_suimond(tag, setting, move |asked| {
        let Some(ns) = place.get() else {
            return Vec::new();
        };
        let fetch = |name: &str, rtype: RecordType| honest(ns, asked, name, rtype);
        let mut message = fetch(&asked.spelt, asked.rtype);
        twist(asked, &mut message, &fetch);
        if message.question.is_none() {
            return Vec::new();
        }
        vec![(delay, encode(asked, &message))]
    });
    let ns = scene.servers.clone();
    for (number, zones) in served {
        ns.add_address("lo", &format!("10.53.1.{number}/32"));
        let zones: Vec<Zone> = zones
            .into_iter()
            .map(|(name, records)| Zone {
                name,
                text: text(&records),
            })
            .collect();
        let address: IpAddr = format!("10.53.1.{number}").parse().expect("an address");
        servers::nsd(
            &mut scene.lab,
            &ns,
            &format!("nsd-{number}"),
            &[address],
            &zones,
        );
    }
    behind.set(ns).expect("set once");
    scene
}

/// A tree of zones below `test.`, each with its servers' number, its records and its DS records: signed root and `test.` before
/// them. Also the trust anchor, as a line.
pub fn tree(zones: Vec<Grown>, others: Vec<Served>) -> (Vec<Served>, String) {
    let mut test = records("test.", 2, "");
    let mut held = Vec::new();
    for (zone, signed, ds) in zones {
        let ns = format!("ns.{zone}");
        test.extend(delegation(&zone, 3));
        test.extend(
            ds.iter()
                .map(|octets| record(&name(&zone), RecordType::DS, octets)),
        );
        assert!(
            signed.iter().any(|record| record.owner == name(&ns)),
            "{ns}"
        );
        let zone: &'static str = zone.trim_end_matches('.').to_owned().leak();
        held.push((zone, signed));
    }
    let top = |zone: &str, records: &[Record]| {
        sign_zone(records, &keys(zone, USUAL), &Denial::Nsec, valid()).expect("a signed zone")
    };
    let mut root = records(
        ".",
        1,
        "test. NS ns.test.\nns.test. A 10.53.0.2\na.root. A 10.53.0.1",
    );
    let ds = |zone: &str| keys(zone, USUAL)[0].ds(DigestType::Sha256);
    root.push(record(&name("test."), RecordType::DS, &ds("test.")));
    let mut served = vec![
        (1, vec![(".", top(".", &root))]),
        (2, vec![("test", top("test.", &test))]),
        (3, held),
    ];
    served.extend(others);
    let anchor = rdata_to_text(RecordType::DS, &ds("."));
    (served, format!(". 300 IN DS {anchor}"))
}

/// A zone below `test.`: its name, the zone as it is served, its DS records.
pub type Grown = (String, Vec<Record>, Vec<Vec<u8>>);

fn delegation(zone: &str, server: u8) -> [Record; 2] {
    let ns = name(&format!("ns.{zone}"));
    [
        record(&name(zone), RecordType::NS, ns.as_wire()),
        record(&ns, RecordType::A, &[10, 53, 0, server]),
    ]
}

/// A name that cannot be wrong.
pub fn name(text: &str) -> Name {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// A record of 300 seconds.
pub fn record(owner: &Name, rtype: RecordType, octets: &[u8]) -> Record {
    Record {
        owner: owner.clone(),
        rtype,
        class: Class::IN,
        ttl: 300,
        rdata: octets.into(),
    }
}

/// Wall seconds.
pub fn now() -> u32 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    u32::try_from(since.as_secs()).expect("a clock before 2106")
}

/// From an hour ago until tomorrow.
pub fn valid() -> Validity {
    Validity {
        inception: now() - 3600,
        expiration: now() + 86_400,
    }
}

/// Flags of the usual keys of a zone: the one that the parent points to, and the one that signs data.
pub const USUAL: [u16; 2] = [KEY_SIGNING, ZONE_SIGNING];

/// Two keys of a zone with these flags, the same for the same zone.
pub fn keys(zone: &str, flags: [u16; 2]) -> Vec<Signer> {
    let seed: u64 = zone.bytes().map(u64::from).sum();
    flags
        .into_iter()
        .zip([2 * seed, 2 * seed + 1])
        .map(|(flags, seed)| {
            Signer::new(&name(zone), Algorithm::Ed25519, seed, flags).expect("a key")
        })
        .collect()
}

/// A zone file.
pub fn text(records: &[Record]) -> String {
    let line = |record: &Record| {
        // NSD 4.6 does not read the times of a signature as numbers, as RFC 4034 section 3.2 has them too.
        let data = if record.rtype == RecordType::RRSIG {
            let hex: String = record
                .rdata
                .iter()
                .map(|octet| format!("{octet:02x}"))
                .collect();
            format!("\\# {} {hex}", record.rdata.len())
        } else {
            rdata_to_text(record.rtype, &record.rdata)
        };
        format!(
            "{} {} IN {} {data}\n",
            record.owner, record.ttl, record.rtype
        )
    };
    records.iter().map(line).collect()
}

/// Records of a zone from lines with absolute names; an SOA and the NS set are added.
pub fn records(zone: &str, server: u8, lines: &str) -> Vec<Record> {
    let below = if zone == "." {
        String::new()
    } else {
        zone.to_owned()
    };
    let apex = format!(
        "{zone} 300 SOA ns.{below} h.{below} 1 3600 600 86400 60\n{zone} 300 NS ns.{below}\nns.{below} 300 A 10.53.0.{server}\n{lines}"
    );
    apex.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| record_from_text(line, 300).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// What the server behind says.
fn honest(ns: &Ns, asked: &Asked, name: &str, rtype: RecordType) -> Message {
    let mut query = client::query(asked.id, 0, name, rtype, asked.edns.is_some());
    if asked.dnssec_ok {
        let place = query.len() - 4;
        query[place] = 0x80;
    }
    let IpAddr::V4(address) = asked.server else {
        panic!("no server behind {}", asked.server);
    };
    let [a, b, _, d] = address.octets();
    let server = SocketAddr::from(([a, b, 1, d], 53));
    let source = IpAddr::from([10, 53, 1, d]);
    let reply = ns.inside(|| client::tcp(source, server, &query, PATIENCE));
    let reply = reply.unwrap_or_else(|| panic!("no reply from {server}"));
    Message::parse(&reply).expect("a well-formed reply")
}

/// Octets without compression; cut by TC over UDP when the asker has no room.
fn encode(asked: &Asked, message: &Message) -> Vec<u8> {
    let whole = written(asked, message);
    let room = usize::from(asked.edns.unwrap_or(512).clamp(512, 4096));
    if asked.tcp || whole.len() <= room {
        return whole;
    }
    let mut cut = message.clone();
    cut.answer.clear();
    cut.authority.clear();
    cut.additional.clear();
    let mut octets = written(asked, &cut);
    octets[2] |= u8::try_from(TC >> 8).expect("one bit");
    octets
}

fn written(asked: &Asked, message: &Message) -> Vec<u8> {
    let with_opt = asked.edns.is_some() && message.edns.is_some();
    let count = |records: &[Record]| u16::try_from(records.len()).expect("a count of records");
    let mut octets = Vec::new();
    for word in [
        asked.id,
        message.header.flags.0,
        1,
        count(&message.answer),
        count(&message.authority),
        count(&message.additional) + u16::from(with_opt),
    ] {
        octets.extend_from_slice(&word.to_be_bytes());
    }
    octets.extend_from_slice(&asked.qname);
    octets.extend_from_slice(&asked.rtype.0.to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    let sections = [&message.answer, &message.authority, &message.additional];
    for record in sections.into_iter().flatten() {
        octets.extend_from_slice(record.owner.as_wire());
        octets.extend_from_slice(&record.rtype.0.to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        octets.extend_from_slice(&record.ttl.to_be_bytes());
        let length = u16::try_from(record.rdata.len()).expect("RDATA below 64 KiB");
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(&record.rdata);
    }
    if with_opt {
        let flags = if asked.dnssec_ok { 0x80 } else { 0 };
        octets.extend_from_slice(&[0, 0, 41, 0x10, 0, 0, 0, flags, 0, 0, 0]);
    }
    octets
}
