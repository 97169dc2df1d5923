//! What do dishonest clients send, and what may come back to them?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{MessageType, OpCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::clients::{self, INSIDER};
use super::expectation::Style;

/// The zone that dishonest clients ask about, each time another name: a query for it at any server is a leak.
pub const UNSEEN: &str = "unseen.lab.";

/// A client waits this long for a reply, and for a second one after it.
const PATIENCE: Duration = Duration::from_millis(400);

/// Largest reply to a malformed packet of an admitted client, octets: a header, a question and an OPT record.
const SMALL: usize = 512;

/// Which rule a provocation tests; the row of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruse {
    /// A query from outside the ACL.
    Outsider,
    /// From inside, but malformed or not a recursive query.
    Malformed,
}

impl Ruse {
    /// The row's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Outsider => "clients outside the ACL",
            Self::Malformed => "malformed and forbidden queries",
        }
    }
}

/// One dishonest packet.
#[derive(Clone, Debug)]
pub struct Provocation {
    /// The row of the report.
    pub ruse: Ruse,
    /// What is special.
    pub note: String,
    /// Whence it is sent.
    pub source: IpAddr,
    /// Over TCP.
    pub tcp: bool,
    /// The octets.
    pub octets: Vec<u8>,
    /// Response codes that are in order besides silence; empty: only silence.
    pub codes: &'static [u8],
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing, or a closed connection.
    Silence,
    /// A reply with this code (lower four bits) and size in octets; `more` if others followed.
    Reply {
        /// The code.
        code: u8,
        /// The octets.
        size: usize,
        /// Whether a second reply came.
        more: bool,
    },
}

const FORMERR: u8 = 1;
const NOTIMP: u8 = 4;
const REFUSED: u8 = 5;

/// `outsiders` queries from outside the ACL, and every malformed packet there is.
#[must_use]
pub fn provocations(outsiders: usize) -> Vec<Provocation> {
    let mut all: Vec<Provocation> = (0..outsiders).map(outsider).collect();
    all.extend(forbidden());
    all.extend(malformed());
    all
}

/// Sends it and watches.
pub async fn provoke(resolver: SocketAddr, provocation: &Provocation) -> Reaction {
    let judged = |octets: &[u8], more: bool| Reaction::Reply {
        code: octets.get(3).copied().unwrap_or(0xFF) & 0x0F,
        size: octets.len(),
        more,
    };
    if provocation.tcp {
        let asked = clients::over_tcp(resolver, provocation.source, &provocation.octets);
        return match timeout(PATIENCE, asked).await {
            Ok(Ok(reply)) => judged(&reply, false),
            _ => Reaction::Silence,
        };
    }
    let Ok(socket) = UdpSocket::bind((provocation.source, 0)).await else {
        return Reaction::Silence;
    };
    if socket.send_to(&provocation.octets, resolver).await.is_err() {
        return Reaction::Silence;
    }
    let mut buffer = vec![0; 65_535];
    match timeout(PATIENCE, socket.recv(&mut buffer)).await {
        Ok(Ok(length)) => {
            let reply = buffer.get(..length).unwrap_or_default().to_vec();
            let more = timeout(PATIENCE / 4, socket.recv(&mut buffer)).await;
            judged(&reply, matches!(more, Ok(Ok(_))))
        }
        _ => Reaction::Silence,
    }
}

impl Provocation {
    /// Whether the reaction is in order.
    ///
    /// # Errors
    /// What is wrong, as a phrase.
    pub fn judge(&self, reaction: Reaction) -> Result<(), String> {
        let Reaction::Reply { code, size, more } = reaction else {
            return Ok(());
        };
        if more {
            return Err("more than one reply".to_owned());
        }
        if !self.codes.contains(&code) {
            return Err(format!(
                "code {code} instead of silence or {:?}",
                self.codes
            ));
        }
        let room = match self.ruse {
            Ruse::Outsider => self.octets.len(),
            Ruse::Malformed => SMALL,
        };
        if size > room {
            return Err(format!("a reply of {size} octets to {}", self.octets.len()));
        }
        Ok(())
    }

    /// What is in order, for the report.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.codes.is_empty() {
            "silence".to_owned()
        } else {
            format!("silence or one of the codes {:?}, small", self.codes)
        }
    }
}

fn unseen(label: &str) -> Name {
    format!("{label}.{UNSEEN}").parse().unwrap_or_default()
}

/// A query whose name is in no cache, from one of many networks that the ACL does not know.
fn outsider(number: usize) -> Provocation {
    const TYPES: [RecordType; 8] = [
        RecordType::A,
        RecordType::AAAA,
        RecordType::ANY,
        RecordType::TXT,
        RecordType::NS,
        RecordType::MX,
        RecordType::DNSKEY,
        RecordType::AXFR,
    ];
    let rtype = TYPES
        .get(number % TYPES.len())
        .copied()
        .unwrap_or(RecordType::A);
    let style = Style {
        edns: number % 3 == 1,
        dnssec_ok: number % 6 == 1,
        mixed_case: number % 5 == 2,
        tcp: false,
    };
    let network = u8::try_from(number % 250).unwrap_or(0);
    Provocation {
        ruse: Ruse::Outsider,
        note: format!("a stranger asks for type {rtype}"),
        source: IpAddr::V4(Ipv4Addr::new(127, 99, network, 7)),
        tcp: number % 10 == 9,
        octets: octets(&unseen(&format!("outsider{number}")), rtype, style, |_| {}),
        codes: &[REFUSED],
    }
}

/// Well-formed, from inside, but not a recursive query for class IN.
fn forbidden() -> Vec<Provocation> {
    let plain = Style::default();
    let make = |note: &str, octets: Vec<u8>, codes: &'static [u8]| Provocation {
        ruse: Ruse::Malformed,
        note: note.to_owned(),
        source: INSIDER,
        tcp: false,
        octets,
        codes,
    };
    let opcode = |label: &str, code: OpCode| {
        octets(&unseen(label), RecordType::SOA, plain, |query| {
            query.metadata.op_code = code;
        })
    };
    let class = |name: &Name, class: DNSClass| {
        octets(name, RecordType::TXT, plain, |query| {
            for question in &mut query.queries {
                question.set_query_class(class);
            }
        })
    };
    vec![
        make(
            "RD=0 (cache snooping)",
            octets(&unseen("snoop"), RecordType::A, plain, |query| {
                query.metadata.recursion_desired = false;
            }),
            &[REFUSED],
        ),
        make(
            "QR=1: a response to nothing",
            octets(&unseen("backscatter"), RecordType::A, plain, |query| {
                query.metadata.message_type = MessageType::Response;
            }),
            &[],
        ),
        make(
            "opcode NOTIFY",
            opcode("notify", OpCode::Notify),
            &[NOTIMP, REFUSED],
        ),
        make(
            "opcode UPDATE",
            opcode("update", OpCode::Update),
            &[NOTIMP, REFUSED],
        ),
        make(
            "opcode STATUS",
            opcode("status", OpCode::Status),
            &[NOTIMP, REFUSED],
        ),
        make(
            "class CH",
            class(&unseen("chaos"), DNSClass::CH),
            &[REFUSED, NOTIMP],
        ),
        make(
            "version.bind, class CH",
            class(&"version.bind.".parse().unwrap_or_default(), DNSClass::CH),
            &[REFUSED, NOTIMP],
        ),
        make(
            "class HS",
            class(&unseen("hesiod"), DNSClass::HS),
            &[REFUSED, NOTIMP],
        ),
        make(
            "a zone transfer",
            octets(&unseen("transfer"), RecordType::AXFR, plain, |_| {}),
            &[REFUSED, NOTIMP, FORMERR],
        ),
    ]
}

/// Octets that are not a message with one question.
fn malformed() -> Vec<Provocation> {
    let good = octets(&unseen("broken"), RecordType::A, Style::default(), |_| {});
    let patched = |at: usize, value: u8| {
        let mut octets = good.clone();
        if let Some(octet) = octets.get_mut(at) {
            *octet = value;
        }
        octets
    };
    let header = |rest: &[u8]| {
        let mut octets = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
        octets.extend_from_slice(rest);
        octets
    };
    let packets: [(&str, Vec<u8>); 15] = [
        ("QDCOUNT 0", patched(5, 0)),
        ("QDCOUNT 2, one question", patched(5, 2)),
        ("QDCOUNT 65535", {
            let mut octets = patched(4, 0xFF);
            if let Some(octet) = octets.get_mut(5) {
                *octet = 0xFF;
            }
            octets
        }),
        ("ANCOUNT 9 without answers", patched(7, 9)),
        ("ARCOUNT 255 without records", patched(11, 0xFF)),
        ("one octet", vec![0x2A]),
        ("eleven octets", good.iter().copied().take(11).collect()),
        ("a header alone", good.iter().copied().take(12).collect()),
        ("half a question", good.iter().copied().take(18).collect()),
        ("a pointer to itself", header(&[0xC0, 0x0C, 0, 1, 0, 1])),
        ("a pointer forward", header(&[0xC0, 0x20, 0, 1, 0, 1])),
        (
            "a label of 64 octets",
            header(&[&[64u8][..], &[b'x'; 64], &[0, 0, 1, 0, 1]].concat()),
        ),
        (
            "a name of 320 octets",
            header(&[&[63u8; 320][..], &[0, 0, 1, 0, 1]].concat()),
        ),
        ("sixty octets of 0xFF", vec![0xFF; 60]),
        ("500 zero octets", vec![0; 500]),
    ];
    packets
        .into_iter()
        .map(|(note, octets)| Provocation {
            ruse: Ruse::Malformed,
            note: note.to_owned(),
            source: INSIDER,
            tcp: false,
            octets,
            codes: &[FORMERR, NOTIMP, REFUSED],
        })
        .collect()
}

fn octets(
    name: &Name,
    rtype: RecordType,
    style: Style,
    change: impl FnOnce(&mut hickory_proto::op::Message),
) -> Vec<u8> {
    let mut query = clients::query(name, rtype, style);
    change(&mut query);
    query.to_vec().unwrap_or_default()
}
