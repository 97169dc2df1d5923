//! Who serves the names that are asked? A root, `net.` and `warm.net.`, each at an address of its own, that count their queries.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use suimon::wire::rrset::RdataSet;
use suimon::wire::writer::{Opt, Section, Writer};
use suimon::wire::{Flags, Name, QueryView, Rcode, RecordType, Rrset};

/// The zones, their servers' names and addresses: each serves a cut below the one before.
pub const ZONES: [(&str, &str, Ipv4Addr); 3] = [
    (".", "a.root.", Ipv4Addr::new(10, 77, 2, 1)),
    ("net.", "ns.net.", Ipv4Addr::new(10, 77, 2, 2)),
    ("warm.net.", "ns.warm.net.", Ipv4Addr::new(10, 77, 2, 3)),
];
const TTL: u32 = 86_400;

/// The servers' addresses as a hints file.
pub fn hints() -> String {
    let (zone, server, address) = ZONES[0];
    format!("{zone} {TTL} IN NS {server}\n{server} {TTL} IN A {address}\n")
}

/// Starts all three in the namespace of the calling thread; the number is of queries received.
pub fn start() -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    for (place, (_, _, address)) in ZONES.into_iter().enumerate() {
        let address = SocketAddr::new(IpAddr::V4(address), 53);
        let socket = UdpSocket::bind(address).expect("an address of the authority");
        let count = Arc::clone(&count);
        std::thread::spawn(move || {
            let (mut packet, mut reply) = ([0; 4096], Vec::new());
            loop {
                let Ok((length, client)) = socket.recv_from(&mut packet) else {
                    continue;
                };
                count.fetch_add(1, Ordering::Relaxed);
                let Ok(query) = QueryView::parse(&packet[..length]) else {
                    continue;
                };
                reply.clear();
                answer(place, &query, &mut reply);
                let _ = socket.send_to(&reply, client);
            }
        });
    }
    count
}

fn answer(place: usize, query: &QueryView<'_>, out: &mut Vec<u8>) {
    let question = query.question();
    let (zone, server, address) = ZONES[place];
    let apex = name(zone);
    let below = ZONES
        .get(place + 1)
        .filter(|(below, ..)| question.name.is_within(&name(below)));
    let mut writer = Writer::new(out, 1232);
    writer.question_wire(query.qname_wire, query.qtype, query.qclass);
    let mut put = |section, owner: &str, rtype, rdata: &[u8]| {
        let rrset = Rrset {
            owner: name(owner),
            rtype,
            ttl: TTL,
            rdata: RdataSet::new([rdata]),
            rrsigs: RdataSet::default(),
        };
        writer.rrset(section, &rrset, TTL, false);
    };
    let asked = question.name.to_string();
    let mut authoritative = true;
    if let Some((below, server, address)) = below {
        authoritative = false;
        put(
            Section::Authority,
            below,
            RecordType::NS,
            name(server).as_wire(),
        );
        put(
            Section::Additional,
            server,
            RecordType::A,
            &address.octets(),
        );
    } else if question.name == apex && question.rtype == RecordType::NS {
        put(
            Section::Answer,
            zone,
            RecordType::NS,
            name(server).as_wire(),
        );
        put(
            Section::Additional,
            server,
            RecordType::A,
            &address.octets(),
        );
    } else if question.name == name(server) && question.rtype == RecordType::A {
        put(Section::Answer, server, RecordType::A, &address.octets());
    } else if place == 2 && question.name != apex && question.rtype == RecordType::A {
        put(Section::Answer, &asked, RecordType::A, &[192, 0, 2, 1]);
    } else {
        let soa = [name(server).as_wire(), name(server).as_wire(), &[0; 20]].concat();
        put(Section::Authority, zone, RecordType::SOA, &soa);
    }
    if query.edns.is_some() {
        writer.opt(&Opt {
            udp_size: 1232,
            rcode: 0,
            dnssec_ok: query.dnssec_ok(),
            options: &[],
        });
    }
    let flags = Flags::default()
        .with_qr(true)
        .with_aa(authoritative)
        .with_rcode(Rcode::NOERROR);
    writer.finish(query.id, flags);
}

fn name(text: &str) -> Name {
    text.parse().expect("a domain name")
}
