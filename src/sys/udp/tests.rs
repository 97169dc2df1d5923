//! Do datagrams come in whole and leave from the right address? Real loopback sockets.

use std::collections::HashSet;

use super::*;
use crate::sys::addresses::LOOPBACK_INTERFACE;
use crate::sys::send_batch::SendBatch;
use crate::sys::wake::{Wake, wait};

fn listener(address: &str) -> UdpListener {
    UdpListener::bind(address.parse().unwrap(), 1 << 20).unwrap()
}

fn client(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

/// Waits for datagrams and gives them to `each` until `count` have come.
fn receive(listener: &UdpListener, count: usize, mut each: impl FnMut(Incoming<'_>)) {
    let wake = Wake::new().unwrap();
    let mut batch = ReceiveBatch::new();
    let mut seen = 0;
    while seen < count {
        wait(&wake, &[listener], Duration::from_secs(20)).unwrap();
        listener.receive(&mut batch).unwrap();
        for datagram in batch.datagrams(listener) {
            seen += 1;
            each(datagram);
        }
    }
    assert_eq!(seen, count);
}

#[test]
fn a_reply_leaves_from_the_address_that_was_asked() {
    let listener = listener("0.0.0.0:0");
    let port = listener.local().port();
    let asked: SocketAddr = ([127, 0, 0, 77], port).into();
    let client = client("127.0.0.1:0");
    client.send_to(b"hello", asked).unwrap();
    let mut replies = SendBatch::new();
    receive(&listener, 1, |datagram| {
        assert_eq!(datagram.local, asked);
        assert_eq!(datagram.source, client.local_addr().unwrap());
        assert_eq!(datagram.interface, LOOPBACK_INTERFACE);
        assert!(datagram.stamped.is_some());
        replies.next_buffer().unwrap().extend(b"batched");
        replies.commit(datagram.source, datagram.local.ip());
        listener
            .send(b"single", datagram.source, datagram.local.ip())
            .unwrap();
    });
    assert_eq!(replies.flush(&listener), 0);
    let mut buffer = [0; 16];
    for expected in [b"single".as_slice(), b"batched"] {
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], expected);
        assert_eq!(from, asked);
    }
}

#[test]
fn ipv6_on_a_wildcard_and_on_a_concrete_address() {
    for bound in ["[::]:0", "[::1]:0"] {
        let listener = listener(bound);
        let asked: SocketAddr = ([0, 0, 0, 0, 0, 0, 0, 1], listener.local().port()).into();
        let client = client("[::1]:0");
        client.send_to(b"hello", asked).unwrap();
        let mut replies = SendBatch::new();
        receive(&listener, 1, |datagram| {
            assert_eq!(datagram.local, asked);
            assert_eq!(datagram.interface, LOOPBACK_INTERFACE);
            replies.next_buffer().unwrap().extend(datagram.bytes);
            replies.commit(datagram.source, datagram.local.ip());
        });
        assert_eq!(replies.flush(&listener), 0);
        let mut buffer = [0; 16];
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (b"hello".as_slice(), asked));
    }
}

#[test]
fn an_ipv6_wildcard_leaves_ipv4_alone() {
    let v6 = listener("[::]:0");
    let v4 = UdpListener::bind(([0, 0, 0, 0], v6.local().port()).into(), 1 << 16);
    assert!(v4.is_ok(), "{v4:?}");
}

#[test]
fn a_full_batch_goes_out_in_one_call_and_a_bad_address_spoils_only_itself() {
    let listener = listener("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    let to = client.local_addr().unwrap();
    let mut replies = SendBatch::new();
    let mut wanted = HashSet::new();
    let mut n = 0_u8;
    while let Some(buffer) = replies.next_buffer() {
        buffer.push(n);
        // Nobody can be reached at port 0.
        let to = if n == 10 {
            SocketAddr::new(to.ip(), 0)
        } else {
            to
        };
        replies.commit(to, listener.local().ip());
        if n != 10 {
            wanted.insert(n);
        }
        n += 1;
    }
    assert!(replies.is_full());
    assert_eq!(n, 64);
    assert_eq!(replies.flush(&listener), 1);
    assert!(!replies.is_full());
    let mut buffer = [0; 16];
    while !wanted.is_empty() {
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((length, from), (1, listener.local()));
        assert!(wanted.remove(&buffer[0]));
    }
}

#[test]
fn many_datagrams_of_any_size_arrive_whole() {
    let listener = listener("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    // Equal sizes in a row are what the kernel joins; an empty one and the largest stand between them.
    let sizes: Vec<usize> = [0, 1, 40, 40, 40, 40, 12, 65_507, 40, 40, 0]
        .into_iter()
        .chain(std::iter::repeat_n(33, 60))
        .collect();
    for (n, size) in sizes.iter().enumerate() {
        let payload = vec![u8::try_from(n).unwrap(); *size];
        client.send_to(&payload, listener.local()).unwrap();
    }
    let mut seen = Vec::new();
    receive(&listener, sizes.len(), |datagram| {
        let n = u8::try_from(seen.len()).unwrap();
        assert!(datagram.bytes.iter().all(|octet| *octet == n));
        seen.push(datagram.bytes.len());
    });
    assert_eq!(seen, sizes);
}

#[test]
fn joined_datagrams_are_taken_apart() {
    // A sender that asks for segmentation: on loopback the kernel hands the whole over as one buffer with a stride.
    let listener = listener("127.0.0.1:0");
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    let state = UdpSocketState::new((&client).into()).unwrap();
    let payload: Vec<u8> = (0..10_u8).flat_map(|n| [n; 50]).chain([99; 20]).collect();
    state
        .try_send(
            (&client).into(),
            &Transmit {
                destination: listener.local(),
                ecn: None,
                contents: &payload,
                segment_size: Some(50),
                src_ip: None,
            },
        )
        .unwrap();
    let mut seen = Vec::new();
    receive(&listener, 11, |datagram| seen.push(datagram.bytes.to_vec()));
    let expected: Vec<Vec<u8>> = payload.chunks(50).map(<[u8]>::to_vec).collect();
    assert_eq!(seen, expected);
}

#[test]
fn workers_share_an_address_and_strangers_do_not() {
    let first = listener("127.0.0.1:0");
    let second = UdpListener::bind(first.local(), 1 << 16).unwrap();
    assert_eq!(first.local(), second.local());
    assert!(UdpSocket::bind(first.local()).is_err());
}

#[test]
fn the_receive_buffer_is_asked_for() {
    let listener = UdpListener::bind("127.0.0.1:0".parse().unwrap(), 100_000).unwrap();
    assert!(listener.receive_buffer().unwrap() >= 100_000);
}

#[test]
fn who_looks_sees_the_hop_limit_and_all_else_as_well_and_who_does_not_does_not() {
    for (bound, to, from) in [
        ("0.0.0.0:0", "127.0.0.77", "127.0.0.1:0"),
        ("[::]:0", "::1", "[::1]:0"),
    ] {
        let listener = listener(bound);
        let asked = SocketAddr::new(to.parse().unwrap(), listener.local().port());
        let client = client(from);
        let hops = |hops| {
            if asked.is_ipv4() {
                client.set_ttl(hops).unwrap();
            } else {
                sockopt::set_ipv6_unicast_hops(&client, Some(u8::try_from(hops).unwrap())).unwrap();
            }
        };
        let wake = Wake::new().unwrap();
        let mut batch = ReceiveBatch::new();
        let mut seen = Vec::new();
        for (looks, datagrams) in [(true, 1), (false, 1), (true, 20)] {
            for number in 0..datagrams {
                hops(40 + u32::from(number));
                client.send_to(&[number], asked).unwrap();
            }
            let mut left = datagrams;
            while left > 0 {
                wait(&wake, &[&listener], Duration::from_secs(20)).unwrap();
                let full = if looks {
                    listener.receive_looking(&mut batch)
                } else {
                    listener.receive(&mut batch)
                };
                let many = batch.datagrams(&listener).count();
                assert_eq!(full.unwrap(), looks && many == 8, "{many}");
                for datagram in batch.datagrams(&listener) {
                    assert_eq!(
                        (datagram.local, datagram.interface),
                        (asked, LOOPBACK_INTERFACE)
                    );
                    assert_eq!(datagram.source, client.local_addr().unwrap());
                    assert!(datagram.stamped.is_some());
                    seen.push((datagram.bytes[0], datagram.hop_limit));
                    left -= 1;
                }
            }
            let nothing = listener.receive_looking(&mut batch).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        }
        let many = (0..20).map(|number| (number, Some(40 + number)));
        let expected: Vec<_> = [(0, Some(40)), (0, None)].into_iter().chain(many).collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn datagrams_that_the_kernel_joined_are_taken_apart_when_looked_at_too() {
    let listener = listener("127.0.0.1:0");
    let client = client("127.0.0.1:0");
    let state = UdpSocketState::new((&client).into()).unwrap();
    let contents: Vec<u8> = (0..50).flat_map(|number| [number; 40]).collect();
    let transmit = Transmit {
        destination: listener.local(),
        ecn: None,
        contents: &contents,
        segment_size: Some(40),
        src_ip: None,
    };
    if state.try_send((&client).into(), &transmit).is_err() {
        return; // This kernel segments nothing, and so joins nothing.
    }
    let (wake, mut batch) = (Wake::new().unwrap(), ReceiveBatch::new());
    let mut seen = Vec::new();
    while seen.len() < 50 {
        wait(&wake, &[&listener], Duration::from_secs(20)).unwrap();
        listener.receive_looking(&mut batch).unwrap();
        seen.extend(batch.datagrams(&listener).map(|datagram| {
            assert_eq!((datagram.bytes.len(), datagram.hop_limit), (40, Some(64)));
            datagram.bytes[0]
        }));
    }
    assert_eq!(seen, (0..50).collect::<Vec<u8>>());
}
