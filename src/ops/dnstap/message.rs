//! How does a message look as dnstap? The fields of dnstap.proto that we fill, by their published numbers.

use std::net::{IpAddr, SocketAddr};

use prost::Message as _;

use crate::telemetry::Reason;
use crate::telemetry::tap::Tapped;

/// What is said of the server in each message.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// Its name; empty = not said.
    pub identity: String,
    /// Whether clients' addresses are told whole; otherwise their networks (IPv4 /24, IPv6 /48), the rest zero.
    pub whole_addresses: bool,
}

/// The outer message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Dnstap {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) identity: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) version: Option<Vec<u8>>,
    #[prost(message, optional, tag = "14")]
    pub(super) message: Option<Message>,
    /// 1 = MESSAGE.
    #[prost(int32, required, tag = "15")]
    pub(super) kind: i32,
}

/// A DNS message and how it travelled.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Message {
    /// 5 = CLIENT_QUERY, 6 = CLIENT_RESPONSE.
    #[prost(int32, required, tag = "1")]
    pub(super) kind: i32,
    /// 1 = INET, 2 = INET6.
    #[prost(int32, optional, tag = "2")]
    pub(super) socket_family: Option<i32>,
    /// 1 = UDP, 2 = TCP.
    #[prost(int32, optional, tag = "3")]
    pub(super) socket_protocol: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) query_address: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) response_address: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "6")]
    pub(super) query_port: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub(super) response_port: Option<u32>,
    #[prost(uint64, optional, tag = "8")]
    pub(super) query_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "9")]
    pub(super) query_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) query_message: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "12")]
    pub(super) response_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "13")]
    pub(super) response_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "14")]
    pub(super) response_message: Option<Vec<u8>>,
    #[prost(message, optional, tag = "15")]
    pub(super) policy: Option<Policy>,
}

/// Why it was not simply answered.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Policy {
    #[prost(string, optional, tag = "1")]
    pub(super) kind: Option<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) rule: Option<Vec<u8>>,
    /// 4 = DROP, 5 = TRUNCATE.
    #[prost(int32, optional, tag = "3")]
    pub(super) action: Option<i32>,
    /// 1 = QNAME, 2 = CLIENT_IP.
    #[prost(int32, optional, tag = "4")]
    pub(super) matched: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) value: Option<Vec<u8>>,
}

const MESSAGE: i32 = 1;
const CLIENT_QUERY: i32 = 5;
const CLIENT_RESPONSE: i32 = 6;
const DROP: i32 = 4;
const TRUNCATE: i32 = 5;
const QNAME: i32 = 1;
const CLIENT_IP: i32 = 2;

/// One message, encoded.
#[must_use]
pub fn encode(tapped: &Tapped, speaker: &Speaker) -> Vec<u8> {
    let named = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
    Dnstap {
        identity: named(&speaker.identity),
        version: named(concat!("suimond ", env!("CARGO_PKG_VERSION"))),
        message: Some(message(tapped, speaker)),
        kind: MESSAGE,
    }
    .encode_to_vec()
}

fn message(tapped: &Tapped, speaker: &Speaker) -> Message {
    let seconds = tapped.at_ms / 1_000;
    let nanoseconds = u32::try_from(tapped.at_ms % 1_000).unwrap_or(0) * 1_000_000;
    let replied = tapped.reply.is_some();
    let client = tapped.source.ip().to_canonical();
    Message {
        kind: if replied {
            CLIENT_RESPONSE
        } else {
            CLIENT_QUERY
        },
        socket_family: Some(if client.is_ipv4() { 1 } else { 2 }),
        socket_protocol: Some(if tapped.by_stream { 2 } else { 1 }),
        query_address: Some(shown(client, speaker.whole_addresses)),
        response_address: Some(octets(tapped.local.ip().to_canonical())),
        query_port: Some(port(tapped.source)),
        response_port: Some(port(tapped.local)),
        query_time_sec: Some(seconds),
        query_time_nsec: Some(nanoseconds),
        query_message: Some(tapped.query.to_vec()),
        response_time_sec: replied.then_some(seconds),
        response_time_nsec: replied.then_some(nanoseconds),
        response_message: tapped.reply.as_ref().map(|reply| reply.to_vec()),
        policy: tapped.reason.map(|reason| policy(reason, tapped)),
    }
}

fn policy(reason: Reason, tapped: &Tapped) -> Policy {
    let truncated = |reply: &[u8]| reply.get(2).is_some_and(|flags| flags & 0x02 != 0);
    Policy {
        kind: Some("suimon".to_owned()),
        rule: Some(reason.label().as_bytes().to_vec()),
        action: match &tapped.reply {
            None => Some(DROP),
            Some(reply) if truncated(reply) => Some(TRUNCATE),
            Some(_) => None,
        },
        matched: Some(if reason.label().starts_with("zone_") {
            QNAME
        } else {
            CLIENT_IP
        }),
        value: None,
    }
}

/// The octets of a client's address, as it may be told.
fn shown(client: IpAddr, whole: bool) -> Vec<u8> {
    let mut octets = octets(client);
    let kept = match client {
        _ if whole => octets.len(),
        IpAddr::V4(_) => 3,
        IpAddr::V6(_) => 6,
    };
    octets.iter_mut().skip(kept).for_each(|octet| *octet = 0);
    octets
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn port(address: SocketAddr) -> u32 {
    address.port().into()
}
