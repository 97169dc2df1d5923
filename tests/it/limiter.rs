//! Do limits per client hold on real sockets: replies, connections, operators' words; and does the isc mode count as BIND's named does?

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use suimon::wire::{Message, RecordType};

use crate::lab::client::{self, query};
use crate::lab::script::in_three_attempts;
use crate::lab::{Lab, Ns, suimond};

const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n";
const SERVER: &str = "10.54.0.1:53";
const CLIENT: &str = "10.54.0.2";
const NEIGHBOUR: &str = "10.55.0.2";
const PATIENCE: Duration = Duration::from_secs(10);

/// Two client networks and a resolver.
fn lab(tag: &str) -> (Lab, Ns, Ns) {
    let mut lab = Lab::new(tag);
    let (clients, resolver) = (lab.namespace("clients"), lab.namespace("resolver"));
    lab.link(
        &clients,
        "wan",
        &["10.54.0.2/24", "10.54.0.3/24", "10.55.0.2/24"],
        &resolver,
        "lan",
        &["10.54.0.1/24", "10.55.0.1/24"],
    );
    (lab, clients, resolver)
}

fn start(lab: &mut Lab, resolver: &Ns, limiter: &str) {
    let more = format!(
        "[limiter]\n{limiter}\n[control]\nsocket = {:?}\n[policy]\nlocal_zones = [\"local.test.\"]\n\
         local_data = [\"www.local.test. 60 IN A 192.0.2.1\", \"www2.local.test. 60 IN A 192.0.2.2\", \"www3.local.test. 60 IN A 192.0.2.3\"]\n",
        lab.dir().join("control.sock")
    );
    let listen = [address(SERVER)];
    let clients = ["10.54.0.0/24", "10.55.0.0/24"];
    let config = suimond::config(lab, &listen, &clients, HINTS, &more);
    suimond::start(lab, resolver, "suimond", &config);
}

/// What became of a flood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    whole: usize,
    truncated: usize,
    silent: usize,
    longer_if_limited: usize,
}

/// Sends the queries as fast as they go and waits for what comes. `silence` is what no reply is taken for: where some are not answered
/// it is waited for again and again, where all are it may be as long as no machine stands still.
fn flood(source: &str, server: SocketAddr, queries: &[Vec<u8>], silence: Duration) -> Tally {
    let source: IpAddr = source.parse().expect("an address");
    let socket = UdpSocket::bind((source, 0)).expect("a client socket");
    socket.connect(server).expect("a connected client socket");
    socket
        .set_read_timeout(Some(silence))
        .expect("a read timeout");
    let mut tally = Tally::default();
    // No more at once than a socket buffer holds; what is read in between does not slow the flood down by much.
    for batch in queries.chunks(100) {
        let mut waiting = 0;
        for octets in batch {
            socket.send(octets).expect("a query sent");
            waiting += 1;
        }
        let mut buffer = [0; 65_535];
        while waiting > 0 {
            let Ok(length) = socket.recv(&mut buffer) else {
                break;
            };
            waiting -= 1;
            if buffer[2] & 0x02 != 0 {
                tally.truncated += 1;
                tally.longer_if_limited += usize::from(length > batch[0].len() + 4);
            } else {
                tally.whole += 1;
            }
        }
        tally.silent += waiting;
    }
    tally
}

fn same(name: &str, rtype: RecordType, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|id| {
            let id = u16::try_from(id % 65_536).expect("16 bits");
            query(id, 0x0100, name, rtype, true)
        })
        .collect()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn over_the_limit_udp_is_told_to_use_tcp_and_tcp_is_served_and_the_log_has_two_lines() {
    let (mut lab, clients, resolver) = lab("limiter");
    start(&mut lab, &resolver, "rate = 50\ninstant = 100");
    let server = address(SERVER);
    let begun = Instant::now();
    let tally = clients.inside(|| {
        flood(
            CLIENT,
            server,
            &same("www.local.test.", RecordType::A, 3000),
            PATIENCE,
        )
    });
    let seconds = begun.elapsed().as_secs_f64();
    // 100 at once and 50 for each second that the flood took.
    let most = 100.0 + 50.0 * seconds + 5.0;
    assert!(
        (95.0..=most).contains(&(tally.whole as f64)),
        "{tally:?} in {seconds} s"
    );
    assert!(tally.truncated > 2000, "{tally:?}");
    assert_eq!(tally.longer_if_limited, 0, "{tally:?}");
    // A resolver's client that is told to use TCP does, and is served; its neighbour is served by UDP.
    clients.inside(|| {
        let source = CLIENT.parse().expect("an address");
        let octets = client::ask(7, "www.local.test.", RecordType::A);
        let reply = client::tcp(source, server, &octets, PATIENCE).expect("a reply by TCP");
        assert_eq!(Message::parse(&reply).expect("a message").answer.len(), 1);
        assert_eq!(flood(NEIGHBOUR, server, &[octets], PATIENCE).whole, 1);
    });
    let why = suimond::tool(&lab, &["why", CLIENT, "www.local.test."]);
    assert!(
        why.contains(&format!("of what {CLIENT}/32 may ask")),
        "{why}"
    );
    let status = suimond::tool(&lab, &["status"]);
    assert!(status.contains("held back"), "{status}");
    let limited = suimond::metric(&lab, "suimon_verdicts_total", "limited_truncated");
    assert_eq!(usize::try_from(limited).ok(), Some(tally.truncated));
    // Not a line per packet: housekeeping tells once that it began.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !lab.log("suimond").contains("asks more than its limit") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
    }
    let log = lab.log("suimond");
    let lines = log.lines().filter(|line| line.contains("its limit"));
    assert_eq!(lines.clone().count(), 1, "{log}");
    assert!(
        lines
            .clone()
            .all(|line| line.contains("10.54.0.0/24") && !line.contains(CLIENT))
    );
}

#[test]
fn a_proven_address_over_its_limit_waits_and_then_loses_its_connection() {
    let (mut lab, clients, resolver) = lab("limittcp");
    start(
        &mut lab,
        &resolver,
        "rate = 5\ninstant = 10\nverified_factor = 2",
    );
    clients.inside(|| {
        let mut stream = TcpStream::connect(address(SERVER)).expect("a connection");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a read timeout");
        // 20 at once; 20 more are over the limit: 10 a second may wait for their turn, the rest end it.
        let all: Vec<u8> = same("www.local.test.", RecordType::A, 60)
            .iter()
            .flat_map(|octets| client::framed(octets))
            .collect();
        let begun = Instant::now();
        std::io::Write::write_all(&mut stream, &all).expect("queries sent");
        let mut replies = Vec::new();
        while let Some(reply) = client::read_framed(&mut stream) {
            replies.push(reply);
        }
        let took = begun.elapsed();
        let closed = stream.read(&mut [0]);
        assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
        assert!(
            (18..=40).contains(&replies.len()),
            "{} replies",
            replies.len()
        );
        assert!(
            replies.iter().all(|reply| reply[2] & 0x02 == 0),
            "never truncated"
        );
        assert!(
            (Duration::from_millis(900)..PATIENCE).contains(&took),
            "{took:?}"
        );
    });
    let closed = suimond::metric(&lab, "suimon_verdicts_total", "limited_closed");
    assert!(closed >= 1, "{closed}");
    assert!(suimond::metric(&lab, "suimon_verdicts_total", "limited_deferred") >= 1);
}

#[test]
fn a_thousand_clients_behind_one_address_lose_nothing() {
    let (mut lab, clients, resolver) = lab("limitcgnat");
    start(
        &mut lab,
        &resolver,
        "shared_addresses = [\"10.54.0.3\"]\nsubscribers_per_address = 1000",
    );
    let (mut sent, mut lost) = (0, Tally::default());
    clients.inside(|| {
        // 1,000 clients at 2 q/s for five seconds, 200 queries every tenth of a second.
        let batch = same("www.local.test.", RecordType::A, 200);
        for tick in 0..50_u32 {
            let begun = Instant::now();
            let tally = flood("10.54.0.3", address(SERVER), &batch, PATIENCE);
            sent += tally.whole;
            lost.truncated += tally.truncated;
            let _of_a_slow_machine = tick;
            std::thread::sleep(Duration::from_millis(100).saturating_sub(begun.elapsed()));
        }
    });
    assert_eq!(lost.truncated, 0, "{sent} answered");
    assert_eq!(
        suimond::metric(&lab, "suimon_verdicts_total", "limited_dropped"),
        0
    );
    assert!(sent > 9_900, "{sent} answered");
}

/// The script of floods that both must count alike: name, type, queries at once, pause behind it.
const SCRIPT: [(&str, &str, &str, RecordType, usize, u64); 9] = [
    (
        "one answer",
        CLIENT,
        "www.local.test.",
        RecordType::A,
        60,
        0,
    ),
    (
        "its network is one client",
        "10.54.0.3",
        "www.local.test.",
        RecordType::A,
        10,
        0,
    ),
    (
        "another network",
        NEIGHBOUR,
        "www.local.test.",
        RecordType::A,
        60,
        0,
    ),
    (
        "another name",
        CLIENT,
        "www2.local.test.",
        RecordType::A,
        20,
        0,
    ),
    (
        "no such type",
        CLIENT,
        "www.local.test.",
        RecordType::MX,
        30,
        0,
    ),
    (
        "no such name, always another",
        CLIENT,
        "x.local.test.",
        RecordType::A,
        50,
        0,
    ),
    (
        "a debt lasts",
        CLIENT,
        "www.local.test.",
        RecordType::A,
        10,
        3000,
    ),
    (
        "within the rate",
        CLIENT,
        "www3.local.test.",
        RecordType::A,
        5,
        1500,
    ),
    (
        "within the rate, later",
        CLIENT,
        "www3.local.test.",
        RecordType::A,
        5,
        1500,
    ),
];

fn play(clients: &Ns) -> Vec<(&'static str, Tally)> {
    clients.inside(|| {
        SCRIPT
            .iter()
            .map(|(what, source, name, rtype, count, pause)| {
                std::thread::sleep(Duration::from_millis(*pause));
                let mut queries = same(name, *rtype, *count);
                if name.starts_with("x.") {
                    for (number, octets) in queries.iter_mut().enumerate() {
                        octets[13] = b'a' + u8::try_from(number % 26).expect("a letter");
                    }
                }
                let moment = Duration::from_millis(400);
                (*what, flood(source, address(SERVER), &queries, moment))
            })
            .collect()
    })
}

#[test]
fn t1_8_the_isc_mode_counts_a_script_of_floods_as_named_does() {
    for slip in [1, 2, 3] {
        // A machine that stands still gives the one more time than the other, and so more answers.
        in_three_attempts(|| counts_as_named(slip));
    }
}

fn counts_as_named(slip: u32) -> Result<(), String> {
    let (mut lab, clients, resolver) = lab(&format!("isc{slip}"));
    start(
        &mut lab,
        &resolver,
        &format!("algorithm = \"isc\"\n[limiter.isc]\nresponses_per_second = 5\nslip = {slip}"),
    );
    let ours = play(&clients);
    drop(lab);
    let (mut lab, clients, resolver) = self::lab(&format!("rrl{slip}"));
    start_named(&mut lab, &resolver, slip);
    let theirs = play(&clients);
    for ((what, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        // named's clock counts whole seconds: where one ends within a flood it gives the rate out a second time, so it may send
        // up to five answers more than we do, and each shifts what slips.
        let near = |ours: usize, theirs: usize| ours.abs_diff(theirs) <= 5;
        let all_near = near(ours.whole, theirs.whole)
            && near(ours.truncated, theirs.truncated)
            && near(ours.silent, theirs.silent);
        if !all_near {
            return Err(format!(
                "slip {slip}, {what}: ours {ours:?}, named's {theirs:?}"
            ));
        }
    }
    eprintln!("slip {slip}: ours {ours:?}\nnamed's {theirs:?}");
    Ok(())
}

/// BIND with the same zone, as an authoritative server: its rate limiting is the same for both.
fn start_named(lab: &mut Lab, resolver: &Ns, slip: u32) {
    let dir = lab.dir().join("named");
    let zone = lab.file(
        "named/local.test.zone",
        "$ORIGIN local.test.\n$TTL 60\n@ IN SOA ns hostmaster 1 60 60 60 60\n@ IN NS ns\nns IN A 10.54.0.1\nwww IN A 192.0.2.1\nwww2 IN A 192.0.2.2\nwww3 IN A 192.0.2.3\n",
    );
    let config = lab.file(
        "named/named.conf",
        &format!(
            "options {{ directory \"{0}\"; pid-file \"{0}/pid\"; session-keyfile \"{0}/session.key\"; recursion no; notify no; \
             listen-on {{ 10.54.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no; minimal-responses yes; \
             rate-limit {{ responses-per-second 5; slip {slip}; }}; }};\ncontrols {{ }};\n\
             zone \"local.test\" {{ type primary; file \"{1}\"; }};\n",
            dir.display(),
            zone.display()
        ),
    );
    let config = config.display().to_string();
    lab.spawn(
        resolver,
        "named",
        &["named", "-g", "-n", "1", "-c", &config],
    );
    lab.wait_for_port(resolver, address(SERVER), "named");
}
