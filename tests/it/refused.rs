//! Can a refused query cause an upstream packet? 100,000 of every shape, with a capture on the upstream side that must stay empty.

use std::collections::HashSet;
use std::io::Read;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use suimon::wire::RecordType;

use crate::lab::capture::Capture;
use crate::lab::client::{self, query};
use crate::lab::script::{Asked, Network, PATIENCE, Reply, Sent, TC, wait_until};
use crate::lab::{Lab, Ns, suimond};

const QUERIES: usize = 100_000;
const HINTS: &str =
    ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\na.root. 3600 IN AAAA fd53::1\n";

/// Clients outside on 10.54.0.0/24 and fd54::/64, an admitted one at 10.54.0.77, and the way upstream, where nobody is.
struct Gate {
    lab: Lab,
    outside: Ns,
    resolver: Ns,
    upstream: Ns,
}

fn gate(tag: &str, guard: &str) -> Gate {
    gate_with(tag, guard, &[])
}

fn gate_with(tag: &str, guard: &str, set: &[&str]) -> Gate {
    let mut lab = Lab::new(tag);
    let (outside, resolver, upstream) = (
        lab.namespace("outside"),
        lab.namespace("suimon"),
        lab.namespace("up"),
    );
    lab.link(
        &outside,
        "wan",
        &["10.54.0.2/24", "10.54.0.77/24", "fd54::2/64"],
        &resolver,
        "clients",
        &["10.54.0.1/24", "fd54::1/64"],
    );
    lab.link(
        &resolver,
        "out",
        &["10.53.0.254/24", "fd53::fe/64"],
        &upstream,
        "in",
        &["10.53.0.1/24", "fd53::1/64"],
    );
    let listen = [address("10.54.0.1:53"), address("[fd54::1]:53")];
    let more = format!(
        "[control]\nsocket = {:?}\n[guard]\n{guard}\n",
        lab.dir().join("control.sock")
    );
    let config = suimond::config(&lab, &listen, &["10.54.0.77"], HINTS, &more);
    suimond::start_with(&mut lab, &resolver, "suimond", &config, set);
    Gate {
        lab,
        outside,
        resolver,
        upstream,
    }
}

#[test]
fn a_hundred_thousand_refused_queries_cause_no_upstream_packet_and_no_reply_longer_than_the_query()
{
    let gate = gate(
        "refused",
        "refusals_per_prefix = 100000\nrefusal_burst = 100000\nrefusals_per_host = 1000000\n",
    );
    let capture = Capture::start(&gate.lab, &gate.resolver, "out", "udp or tcp");
    let tally = gate.outside.inside(|| {
        let mut tally = flood(address("10.54.0.2:0"), address("10.54.0.1:53"), QUERIES / 2);
        tally.add(&flood(
            address("[fd54::2]:0"),
            address("[fd54::1]:53"),
            QUERIES / 2,
        ));
        for number in 0..200 {
            tally.tcp_bytes += try_tcp(address("10.54.0.1:53"), number);
        }
        tally
    });
    let upstream = capture.stop();
    assert_eq!(
        upstream,
        Vec::<String>::new(),
        "upstream packets caused by refused queries"
    );
    assert_eq!(tally.longer, 0, "replies longer than their queries");
    assert_eq!(tally.tcp_bytes, 0, "octets to outsiders over TCP");
    assert!(
        tally.replies > QUERIES / 20,
        "the flood did arrive: {tally:?}"
    );
    let sent = upstream_packets(&gate.lab);
    assert_eq!(sent, 0, "suimond's own count of upstream packets");

    // The same daemon does ask upstream for a client it admits: the capture can see what it should.
    let capture = Capture::start(&gate.lab, &gate.resolver, "out", "udp or tcp");
    gate.outside.inside(|| {
        let source = address("10.54.0.77:0").ip();
        let octets = client::ask(1, "admitted.example.", RecordType::A);
        client::udp(
            source,
            address("10.54.0.1:53"),
            &octets,
            Duration::from_millis(500),
        );
    });
    assert_ne!(
        capture.stop(),
        Vec::<String>::new(),
        "an admitted query must be seen upstream"
    );
}

#[test]
fn refusals_stay_within_their_budget_per_prefix_and_per_host() {
    let gate = gate("budget", "");
    let begun = Instant::now();
    let tally = gate
        .outside
        .inside(|| flood(address("10.54.0.2:0"), address("10.54.0.1:53"), 5_000));
    // Burst 5 per /24, then one per second; the clock starts before the first query.
    let allowed = 5 + usize::try_from(begun.elapsed().as_secs()).expect("a short test") + 1;
    assert!(
        (1..=allowed).contains(&tally.replies),
        "{} replies, {allowed} allowed",
        tally.replies
    );
}

#[derive(Debug, Default)]
struct Tally {
    replies: usize,
    longer: usize,
    tcp_bytes: usize,
}

impl Tally {
    const fn add(&mut self, more: &Self) {
        self.replies += more.replies;
        self.longer += more.longer;
    }
}

/// Sends `count` queries of all shapes and reads what comes back on the way.
fn flood(source: SocketAddr, server: SocketAddr, count: usize) -> Tally {
    let mut tally = Tally::default();
    for chunk in 0..count.div_ceil(20_000) {
        let socket = UdpSocket::bind(source).expect("a client socket");
        socket.connect(server).expect("a connected client socket");
        socket.set_nonblocking(true).expect("a non-blocking socket");
        let mut lengths = vec![0_usize; 65_536];
        let first = chunk * 20_000;
        for number in first..count.min(first + 20_000) {
            let octets = shape(number);
            lengths[number % 65_536] = octets.len();
            while socket.send(&octets).is_err() {
                read(&socket, &lengths, &mut tally);
            }
            if number.is_multiple_of(16) {
                read(&socket, &lengths, &mut tally);
            }
        }
        std::thread::sleep(Duration::from_millis(200));
        read(&socket, &lengths, &mut tally);
    }
    tally
}

fn read(socket: &UdpSocket, lengths: &[usize], tally: &mut Tally) {
    let mut buffer = [0; 65_535];
    while let Ok(length) = socket.recv(&mut buffer) {
        let id = usize::from(u16::from_be_bytes([buffer[0], buffer[1]]));
        tally.replies += 1;
        tally.longer += usize::from(length > lengths[id]);
    }
}

/// Query number `number`: every type, opcode, flag, class, EDNS shape in turn, and bytes that are no query at all.
fn shape(number: usize) -> Vec<u8> {
    let id = u16::try_from(number % 65_536).expect("16 bits");
    let rtype = RecordType(u16::try_from(number * 7 % 65_536).expect("16 bits"));
    // QR stays 0 in most; opcode and the other flags take every value.
    let flags = u16::try_from((number * 13) % 32_768).expect("15 bits") | 0x0100;
    let flags = if number.is_multiple_of(3) {
        0x0100
    } else {
        flags
    };
    let name = format!("n{number}.victim{}.example.", number % 97);
    let mut octets = query(id, flags, &name, rtype, number.is_multiple_of(2));
    match number % 11 {
        // An unknown EDNS version, a large size, options.
        1 if number.is_multiple_of(2) => {
            let end = octets.len();
            octets[end - 5] = 1;
        }
        2 if number.is_multiple_of(2) => {
            let end = octets.len();
            octets[end - 1] = 12;
            octets.extend_from_slice(&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        }
        3 => octets[5] = 0,
        4 => octets[5] = 2,
        5 => {
            // Class CH.
            let class = 12 + name.len() + 1 + 2 + 1;
            octets[class] = 3;
        }
        6 => octets.truncate(12 + number % 20),
        7 => octets.extend(std::iter::repeat_n(0xA5, number % 400)),
        _ => {}
    }
    octets
}

/// Connects and sends a query; the octets that come back.
fn try_tcp(server: SocketAddr, number: u16) -> usize {
    let Ok(mut stream) = TcpStream::connect_timeout(&server, Duration::from_secs(1)) else {
        return 0;
    };
    let octets = query(number, 0x0100, "tcp.victim.example.", RecordType::A, true);
    let length = u16::try_from(octets.len()).expect("a small query");
    let _may_be_closed =
        std::io::Write::write_all(&mut stream, &[&length.to_be_bytes(), &octets[..]].concat());
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .expect("a read timeout");
    let mut back = Vec::new();
    let _reset = stream.read_to_end(&mut back);
    back.len()
}

fn upstream_packets(lab: &Lab) -> u64 {
    let stats = suimond::tool(lab, &["--output", "json", "stats"]);
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON from suimon stats");
    let packets: Vec<u64> = stats["metrics"]
        .as_array()
        .expect("metrics")
        .iter()
        .filter(|metric| metric["name"] == "suimon_upstream_packets_total")
        .map(|metric| {
            metric["value"]["value"]
                .as_u64()
                .or_else(|| metric["value"].as_u64())
                .expect("a count")
        })
        .collect();
    assert!(
        !packets.is_empty(),
        "the count of upstream packets must be there: {stats}"
    );
    packets.iter().sum()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Every name that an admitted client asks for begins so, and none of a refused one does.
const ADMITTED: &str = "admitted";

/// What a scripted server that is root and everything below says: nothing, something cut off by datagram, or an address.
fn everything(asked: &Asked) -> Vec<Sent> {
    if asked.name.starts_with("admitted-silent") {
        return Vec::new();
    }
    let mut reply = Reply::new().answer(format!("{} 60 IN A 192.0.2.7", asked.name));
    if asked.name.starts_with("admitted-large") && !asked.tcp {
        reply = Reply::new();
        reply.flags |= TC;
    }
    if asked.rtype != RecordType::A {
        reply = Reply::new().authority(". 60 IN SOA a.root. h.root. 1 60 60 60 60");
    }
    reply.now(asked)
}

#[test]
fn t3_2_and_6_while_others_are_served_fail_reload_and_stop_no_upstream_packet_belongs_to_a_refused_query()
 {
    let mut gate = gate_with(
        "paired",
        "",
        &[
            "recursion.qname_minimisation=\"off\"",
            "cache.size=\"1MiB\"",
            "dnssec.validation=\"off\"",
        ],
    );
    let upstream = gate.upstream.clone();
    let network = Network::start(
        &upstream,
        &[address("10.53.0.1:53"), address("[fd53::1]:53")],
        Arc::new(everything),
    );
    let server = address("10.54.0.1:53");
    let flooding = AtomicBool::new(true);
    let asked = std::thread::scope(|scope| {
        let outside = &gate.outside;
        let flood_on = &flooding;
        let refused = scope.spawn(move || {
            outside.inside(|| {
                let mut sent = 0;
                while flood_on.load(Ordering::Relaxed) {
                    flood(address("10.54.0.2:0"), server, 5_000);
                    try_tcp(server, 7);
                    sent += 5_000;
                }
                sent
            })
        });
        let ask = |name: String, patience: Duration| {
            let octets = client::ask(1, &name, RecordType::A);
            let source = address("10.54.0.77:0").ip();
            gate.outside
                .inside(|| client::udp(source, server, &octets, patience))
        };
        let mut names = HashSet::new();
        // Fallback to TCP, to the other server, to failure; reloads; a cache far too small for all of it.
        for number in 0..400 {
            let (kind, patience) = match number {
                0..4 => ("silent", 200),
                _ if number % 8 == 0 => ("large", 2_000),
                _ => ("plain", 2_000),
            };
            let name = format!("{ADMITTED}-{kind}-{number}.{}.example.", "x".repeat(60));
            // As a stub resolver does: behind a flood one datagram may be lost.
            let tries = if kind == "silent" { 1 } else { 5 };
            let served =
                (0..tries).any(|_| ask(name.clone(), Duration::from_millis(patience)).is_some());
            assert!(served || kind == "silent", "{name}");
            names.insert(name);
            if number % 100 == 50 {
                suimond::tool(&gate.lab, &["reload"]);
            }
        }
        // It stops with a question under way, and the flood goes on behind it.
        let last = format!("{ADMITTED}-silent-last.example.");
        let is_asked = || network.asked().iter().any(|asked| asked.name == last);
        let under_way = wait_until(PATIENCE, || {
            ask(last.clone(), Duration::from_millis(100));
            is_asked()
        });
        assert!(under_way, "{last}");
        names.insert(last.clone());
        assert_eq!(gate.lab.stop("suimond"), Some(0));
        std::thread::sleep(Duration::from_millis(300));
        flooding.store(false, Ordering::Relaxed);
        let refused = refused.join().expect("no panic");
        assert!(refused >= 10_000, "{refused} refused");
        let heard: HashSet<String> = network
            .asked()
            .into_iter()
            .map(|asked| asked.name)
            .collect();
        assert_eq!(heard.difference(&names).next(), None, "asked by nobody");
        assert_eq!(names.difference(&heard).next(), None, "never asked");
        network.asked().len()
    });
    assert!(asked >= 400, "{asked}");
    assert!(network.asked().iter().any(|asked| asked.tcp));
}
