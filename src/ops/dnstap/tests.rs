//! Is what is written what other implementations read: frames, handshakes, messages, and files that are replaced?

use std::io::{Cursor, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc;

use prost::Message as _;

use super::message::Dnstap;
use super::*;
use crate::telemetry::Reason;
use crate::telemetry::tap::Tap;

const START: &[u8] = b"\0\0\0\0\0\0\0\x22\0\0\0\x02\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
const READY: &[u8] = b"\0\0\0\0\0\0\0\x22\0\0\0\x04\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
const ACCEPT: &[u8] = b"\0\0\0\0\0\0\0\x22\0\0\0\x01\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
const STOP: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x03";
const FINISH: &[u8] = b"\0\0\0\0\0\0\0\x04\0\0\0\x05";

fn plan() -> plan::Dnstap {
    plan::Dnstap {
        socket: None,
        file: None,
        file_size: 1 << 20,
        files: 3,
        sampled: 0,
        whole_addresses: false,
        identity: "resolver1".to_owned(),
        queue: 16,
    }
}

fn tapped(source: &str, reply: Option<&[u8]>, reason: Option<Reason>) -> Tapped {
    let source: SocketAddr = source.parse().unwrap();
    Tapped {
        at_ms: 1_700_000_000_123,
        source,
        local: "192.0.2.53:53".parse().unwrap(),
        by_stream: false,
        query: Box::from([7; 20]),
        reply: reply.map(Into::into),
        reason,
    }
}

fn speaker(whole_addresses: bool) -> Speaker {
    Speaker {
        identity: "resolver1".to_owned(),
        whole_addresses,
    }
}

/// The messages of a file.
fn messages(path: &Path) -> Vec<Dnstap> {
    let octets = std::fs::read(path).unwrap();
    let rest = octets.strip_prefix(START).unwrap();
    let mut rest = rest.strip_suffix(STOP).unwrap();
    let mut all = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        let (message, behind) = behind.split_at(length);
        all.push(Dnstap::decode(message).unwrap());
        rest = behind;
    }
    all
}

#[test]
fn frames_begin_and_end_as_the_specification_says() {
    let mut frames = Frames::begin(Vec::new()).unwrap();
    frames.write(b"one").unwrap();
    frames.write(b"").unwrap();
    let whole = frames.end().unwrap();
    assert_eq!(whole, [START, b"\0\0\0\x03one\0\0\0\0", STOP].concat());
}

#[test]
fn a_message_says_what_came_what_left_and_why() {
    let limited = tapped(
        "198.51.100.77:4000",
        Some(&[0, 7, 0x83, 0, 0]),
        Some(Reason::LimitedTruncated),
    );
    let read = Dnstap::decode(encode(&limited, &speaker(false)).as_slice()).unwrap();
    assert_eq!(read.identity.as_deref(), Some(&b"resolver1"[..]));
    let message = read.message.unwrap();
    assert_eq!((read.kind, message.kind), (1, 6));
    assert_eq!(
        (message.socket_family, message.socket_protocol),
        (Some(1), Some(1))
    );
    assert_eq!(
        message.query_address.as_deref(),
        Some(&[198, 51, 100, 0][..]),
        "the network"
    );
    assert_eq!(message.query_port, Some(4000));
    assert_eq!(message.query_time_sec, Some(1_700_000_000));
    assert_eq!(message.query_time_nsec, Some(123_000_000));
    assert_eq!(message.query_message.as_deref(), Some(&[7; 20][..]));
    assert_eq!(
        message.response_message.as_deref(),
        Some(&[0, 7, 0x83, 0, 0][..])
    );
    let policy = message.policy.unwrap();
    assert_eq!(policy.rule.as_deref(), Some(&b"limited_truncated"[..]));
    assert_eq!((policy.action, policy.matched), (Some(5), Some(2)));

    let mut denied = tapped("[2001:db8:1:2::3]:5", None, Some(Reason::ZoneThrottled));
    denied.by_stream = true;
    let read = Dnstap::decode(encode(&denied, &speaker(false)).as_slice()).unwrap();
    let message = read.message.unwrap();
    assert_eq!(
        (message.kind, message.socket_family, message.socket_protocol),
        (5, Some(2), Some(2))
    );
    let network = [&[0x20, 1, 0xD, 0xB8, 0, 1][..], &[0; 10]].concat();
    assert_eq!(message.query_address, Some(network));
    assert_eq!(
        (message.response_message, message.response_time_sec),
        (None, None)
    );
    let policy = message.policy.unwrap();
    assert_eq!((policy.action, policy.matched), (Some(4), Some(1)));

    let plain = tapped("198.51.100.77:4000", Some(&[0, 7, 0x81]), None);
    let read = Dnstap::decode(encode(&plain, &speaker(true)).as_slice()).unwrap();
    let message = read.message.unwrap();
    assert_eq!(
        message.query_address.as_deref(),
        Some(&[198, 51, 100, 77][..])
    );
    assert_eq!(message.policy, None);
}

#[test]
fn full_files_move_on_and_the_oldest_goes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tap");
    std::fs::write(&path, "of a run before").unwrap();
    let mut plan = plan();
    plan.file = Some(path.clone());
    plan.file_size = 1_000;
    plan.queue = 100;
    let (tap, receiver) = Tap::new(plan.queue, 0);
    for number in 0..30_u16 {
        let mut one = tapped("198.51.100.77:4000", None, Some(Reason::AclNoMatch));
        one.source.set_port(number);
        tap.offer(one);
    }
    record(&plan, &receiver, &AtomicBool::new(true));
    let ports = |name: &str| -> Vec<u32> {
        let all = messages(&directory.path().join(name));
        all.iter()
            .map(|one| one.message.as_ref().unwrap().query_port.unwrap())
            .collect()
    };
    let (old, middle, new) = (ports("tap.2"), ports("tap.1"), ports("tap"));
    let all = [old.clone(), middle, new].concat();
    assert!(old.len() >= 5, "{all:?}");
    let first = all[0];
    assert_eq!(
        all,
        (first..30).collect::<Vec<_>>(),
        "none is lost within what is kept"
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn a_reader_is_greeted_gets_everything_and_is_said_goodbye_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tap.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut ready = vec![0; READY.len()];
        stream.read_exact(&mut ready).unwrap();
        assert_eq!(ready, READY);
        stream.write_all(ACCEPT).unwrap();
        let mut all = Vec::new();
        let mut octets = [0; 4096];
        while !all.ends_with(STOP) {
            let read = stream.read(&mut octets).unwrap();
            all.extend_from_slice(&octets[..read]);
        }
        stream.write_all(FINISH).unwrap();
        told.send(all).unwrap();
    });
    let mut plan = plan();
    plan.socket = Some(path);
    let (tap, receiver) = Tap::new(plan.queue, 0);
    let one = tapped("198.51.100.77:4000", None, Some(Reason::AclNoMatch));
    tap.offer(one.clone());
    record(&plan, &receiver, &AtomicBool::new(true));
    let all = heard.recv().unwrap();
    let message = encode(&one, &speaker(false));
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    assert_eq!(all, [START, &length, &message, STOP].concat());
}

/// What a reader says, and what is written to it.
struct Pipe(Cursor<Vec<u8>>, Vec<u8>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.1.write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_is_no_reader_of_dnstap_is_told_nothing() {
    let greet = |says: &[u8]| Frames::greet(Pipe(Cursor::new(says.to_vec()), Vec::new())).is_ok();
    assert!(greet(ACCEPT));
    assert!(greet(b"\0\0\0\0\0\0\0\x04\0\0\0\x01"), "whatever we have");
    assert!(!greet(b""));
    assert!(!greet(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert!(!greet(START));
    assert!(!greet(
        b"\0\0\0\0\0\0\0\x0F\0\0\0\x01\0\0\0\x01\0\0\0\x03abc"
    ));
    assert!(!greet(
        b"\0\0\0\0\0\0\0\x0F\0\0\0\x01\0\0\0\x01\xFF\xFF\xFF\xFFabc"
    ));
    assert!(
        !greet(b"\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\x01"),
        "nothing is allocated for it"
    );
}
