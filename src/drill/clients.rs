//! How do clients ask the resolver under test, honestly, and is what comes back a sound DNS reply?

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use rand::{Rng, RngExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::timeout;

use super::expectation::Style;
use crate::sys::{clock, entropy};

/// What honest clients offer, octets (RFC 9715).
const PAYLOAD: u16 = 1232;
/// A stub asks again after this long (glibc and systemd-resolved: 5 s; dig: 5 s; shorter here, the drill is in a hurry).
const ASK_AGAIN: Duration = Duration::from_millis(2500);

/// Whence honest clients ask; the drill's ACL admits it.
pub const INSIDER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A reply that passed every check of its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The response code.
    pub rcode: ResponseCode,
    /// The answer section.
    pub answers: Vec<Record>,
    /// From the first query to this reply.
    pub latency: Duration,
    /// Whether TCP was used at the end.
    pub over_tcp: bool,
}

/// Why there is no such reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// Nothing came in time.
    #[error("no reply within {0:?}")]
    Silence(Duration),
    /// Something came that no client should have to accept.
    #[error("{0}")]
    Unsound(String),
    /// The operating system refused.
    #[error("{0}")]
    Network(String),
}

impl From<io::Error> for NotHeard {
    fn from(error: io::Error) -> Self {
        Self::Network(error.to_string())
    }
}

/// Asks one question as a stub resolver would: UDP, again when nothing comes, TCP when truncated (or from the start).
///
/// # Errors
/// Silence, an unsound reply, or a network error.
pub async fn ask(
    resolver: SocketAddr,
    name: &Name,
    rtype: RecordType,
    style: Style,
    within: Duration,
) -> Result<Heard, NotHeard> {
    ask_from(INSIDER, resolver, name, rtype, style, within).await
}

/// The same from another address of this host.
///
/// # Errors
/// Silence, an unsound reply, or a network error.
pub async fn ask_from(
    source: IpAddr,
    resolver: SocketAddr,
    name: &Name,
    rtype: RecordType,
    style: Style,
    within: Duration,
) -> Result<Heard, NotHeard> {
    let start = clock::now();
    let query = query(name, rtype, style);
    let asked = timeout(within, async {
        if !style.tcp {
            let reply = over_udp(source, resolver, &query).await?;
            if !reply.metadata.truncation {
                return Ok((reply, false));
            }
        }
        let octets = over_tcp(resolver, source, &encode(&query)?).await?;
        Ok::<_, NotHeard>((check(&query, &octets, true)?, true))
    })
    .await;
    let (reply, over_tcp) = asked.map_err(|_| NotHeard::Silence(within))??;
    Ok(Heard {
        rcode: reply.metadata.response_code,
        answers: reply.answers,
        latency: clock::now().since(start),
        over_tcp,
    })
}

/// The query in this style, with a fresh ID.
#[must_use]
pub fn query(name: &Name, rtype: RecordType, style: Style) -> Message {
    let mut random = entropy::csprng();
    let mut query = Message::new(random.random(), MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    let name = if style.mixed_case {
        mix_case(name, &mut random)
    } else {
        name.clone()
    };
    query.add_query(Query::query(name, rtype));
    if style.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD);
        edns.set_dnssec_ok(style.dnssec_ok);
        query.edns = Some(edns);
    }
    query
}

/// Sends `octets` over TCP from `source` and reads one framed reply.
///
/// # Errors
/// Whatever the connection meets; `UnexpectedEof` if it is closed without a reply.
pub async fn over_tcp(resolver: SocketAddr, source: IpAddr, octets: &[u8]) -> io::Result<Vec<u8>> {
    let socket = if resolver.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if source.is_ipv4() == resolver.is_ipv4() {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let mut stream = socket.connect(resolver).await?;
    let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(octets);
    stream.write_all(&frame).await?;
    let length = stream.read_u16().await?;
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

async fn over_udp(
    source: IpAddr,
    resolver: SocketAddr,
    query: &Message,
) -> Result<Message, NotHeard> {
    let socket = UdpSocket::bind((source, 0)).await?;
    socket.connect(resolver).await?;
    let octets = encode(query)?;
    let mut buffer = vec![0; 65_535];
    loop {
        socket.send(&octets).await?;
        let came = timeout(ASK_AGAIN, async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                let reply = buffer.get(..length).unwrap_or_default();
                // Another ID is a late reply to nobody; a client ignores it.
                if reply.get(..2) == octets.get(..2) {
                    return Ok::<_, io::Error>(reply.to_vec());
                }
            }
        })
        .await;
        match came {
            Ok(Ok(reply)) => return check(query, &reply, false),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
}

fn encode(query: &Message) -> Result<Vec<u8>, NotHeard> {
    query
        .to_vec()
        .map_err(|error| NotHeard::Network(error.to_string()))
}

/// Everything RFC 1035, 6891 and 7766 let a client rely on.
fn check(query: &Message, octets: &[u8], tcp: bool) -> Result<Message, NotHeard> {
    let unsound = |what: &str| Err(NotHeard::Unsound(format!("unsound reply: {what}")));
    let room = if query.edns.is_some() {
        usize::from(PAYLOAD)
    } else {
        512
    };
    if !tcp && octets.len() > room {
        return unsound(&format!(
            "{} octets over UDP to a client that takes {room}",
            octets.len()
        ));
    }
    let reply = match Message::from_vec(octets) {
        Ok(reply) => reply,
        Err(error) => return unsound(&error.to_string()),
    };
    let (asked, told) = (&query.metadata, &reply.metadata);
    if told.message_type != MessageType::Response {
        return unsound("QR=0");
    }
    if told.id != asked.id || told.op_code != asked.op_code {
        return unsound("another ID or opcode");
    }
    if !told.recursion_desired || !told.recursion_available {
        return unsound("RD not copied or RA not set");
    }
    if told.authentic_data {
        return unsound("AD=1 from a resolver that does not validate");
    }
    if tcp && told.truncation {
        return unsound("TC=1 over TCP");
    }
    let same_question = match (query.queries.as_slice(), reply.queries.as_slice()) {
        ([asked], [told]) => {
            asked.query_type() == told.query_type()
                && asked.query_class() == told.query_class()
                && asked.name().eq_case(told.name())
        }
        _ => false,
    };
    if !same_question {
        return unsound("the question is not the one asked, letter by letter");
    }
    match (&query.edns, &reply.edns) {
        (None, Some(_)) => unsound("an OPT record to a client that sent none"),
        (Some(_), None) => unsound("no OPT record to a client that sent one"),
        (Some(asked), Some(told)) if asked.flags().dnssec_ok != told.flags().dnssec_ok => {
            unsound("DO not copied")
        }
        _ => Ok(reply),
    }
}

/// Each letter in random case (draft "0x20").
fn mix_case(name: &Name, random: &mut impl Rng) -> Name {
    let labels = name.iter().map(|label| {
        label
            .iter()
            .map(|octet| {
                if random.random() {
                    octet.to_ascii_uppercase()
                } else {
                    octet.to_ascii_lowercase()
                }
            })
            .collect::<Vec<u8>>()
    });
    let labels: Vec<Vec<u8>> = labels.collect();
    let mut mixed =
        Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap_or_else(|_| name.clone());
    mixed.set_fqdn(true);
    mixed
}
