//! Can a forged packet make us talk for long, with each other, with services that answer anything, or with ourselves round a corner?

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use suimon::wire::{Message, Rcode, RecordType};

use crate::lab::capture::Capture;
use crate::lab::client::{self, query};
use crate::lab::frames::Frames;
use crate::lab::script::{Network, Reply, UNHURRIED};
use crate::lab::{Lab, Ns, suimond};

const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.56.0.9\n";
const ONE: &str = "10.56.0.1:53";
const OTHER: &str = "10.56.0.2:53";
const PATIENCE: Duration = Duration::from_secs(8);
/// Row 10 of the verdicts.
const REFLECTORS: [u16; 12] = [7, 13, 17, 19, 37, 69, 111, 123, 161, 389, 1900, 11211];
const LOCAL: &str = "[policy]\nlocal_zones = [\"local.test.\"]\nlocal_data = [\"www.local.test. 60 IN A 192.0.2.1\"]\n";

/// Two namespaces on one link, `one0` and `other0`.
struct Pair {
    lab: Lab,
    one: Ns,
    other: Ns,
}

fn pair(tag: &str) -> Pair {
    let mut lab = Lab::new(tag);
    let (one, other) = (lab.namespace("one"), lab.namespace("other"));
    lab.link(
        &one,
        "one0",
        &["10.56.0.1/24"],
        &other,
        "other0",
        &["10.56.0.2/24", "10.56.0.3/24", "10.56.0.4/24"],
    );
    Pair { lab, one, other }
}

impl Pair {
    /// A suimond in each, which serves those clients and sends nothing a second time soon. The control socket is that of the one.
    fn start_both(&mut self, clients: &[&str], more: (&str, &str)) {
        self.start_both_with(clients, more, &UNHURRIED);
    }

    fn start_both_with(&mut self, clients: &[&str], more: (&str, &str), set: &[&str]) {
        let control = format!(
            "[control]\nsocket = {:?}\n",
            self.lab.dir().join("control.sock")
        );
        let config = suimond::config(
            &self.lab,
            &[address(ONE)],
            clients,
            HINTS,
            &format!("{control}{}", more.0),
        );
        suimond::start_with(&mut self.lab, &self.one, "one", &config, set);
        let config = suimond::config(&self.lab, &[address(OTHER)], clients, HINTS, more.1);
        let state = format!("process.state_dir={:?}", self.lab.dir().join("other"));
        let set = [&[state.as_str()], set].concat();
        suimond::start_with(&mut self.lab, &self.other, "other", &config, &set);
    }

    /// Packets on the link after one frame with that source, the frame among them.
    fn after_one(&self, source: &str, port: u16, octets: &[u8]) -> Vec<String> {
        let capture = Capture::start(&self.lab, &self.one, "one0", "udp");
        let frames = Frames {
            kind: "udp",
            source,
            port: Some(port),
            server: address(ONE),
            count: 1,
            octets,
        };
        frames.send(&self.lab, (&self.other, "other0"), (&self.one, "one0"));
        std::thread::sleep(Duration::from_millis(300));
        capture.stop()
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Queries that are refused, that cannot be read or served, and a response.
fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let plain = query(1, 0x0100, "www.local.test.", RecordType::A, true);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = plain.clone();
        change(&mut octets);
        octets
    };
    vec![
        ("a query", plain.clone()),
        ("RD=0", query(1, 0, "www.local.test.", RecordType::A, true)),
        ("a response", changed(&|octets| octets[2] |= 0x80)),
        (
            "REFUSED",
            changed(&|octets| {
                octets[2] |= 0x80;
                octets[3] = 5;
            }),
        ),
        ("NOTIFY", changed(&|octets| octets[2] = 0x21)),
        ("two questions", changed(&|octets| octets[5] = 2)),
        ("half a question", changed(&|octets| octets.truncate(20))),
        ("twelve octets", changed(&|octets| octets.truncate(12))),
        (
            "AXFR",
            query(1, 0x0100, "www.local.test.", RecordType::AXFR, true),
        ),
        (
            "ANY",
            query(1, 0x0100, "www.local.test.", RecordType::ANY, true),
        ),
    ]
}

#[test]
fn one_forged_packet_between_two_of_us_is_followed_by_two_at_most() {
    for (tag, clients) in [("refusing", "10.99.0.0/24"), ("serving", "10.56.0.0/24")] {
        let mut pair = pair(tag);
        pair.start_both(&[clients], (LOCAL, LOCAL));
        for (what, octets) in shapes() {
            let packets = pair.after_one("10.56.0.2", 53, &octets);
            assert!(
                (1..=2).contains(&packets.len()),
                "{tag}, {what}: {packets:#?}"
            );
            let is_answered = packets.len() == 2;
            let response = what == "a response" || what == "REFUSED";
            assert!(!(response && is_answered), "{tag}, {what}: {packets:#?}");
        }
        // What came back to the other was a response, and nothing more came of it: the one has counted its own, too.
        let dropped = suimond::metric(&pair.lab, "suimon_verdicts_total", "response_bit");
        assert_eq!(dropped, 2);
    }
}

/// Services at an address that send back whatever they get, on every port of the list.
struct Echo {
    sockets: Vec<UdpSocket>,
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Echo {
    fn start(ns: &Ns, at: IpAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut sockets = Vec::new();
        let threads = REFLECTORS.map(|port| {
            let socket = ns.inside(move || UdpSocket::bind((at, port)).expect("a low port"));
            socket
                .set_read_timeout(Some(Duration::from_millis(50)))
                .expect("a read timeout");
            sockets.push(socket.try_clone().expect("another handle"));
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while !stop.load(Ordering::Relaxed) {
                    if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                        let _gone = socket.send_to(&buffer[..length], from);
                    }
                }
            })
        });
        Self {
            sockets,
            stop,
            threads: threads.into(),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

#[test]
fn a_forged_packet_from_a_reflecting_port_starts_no_talk_with_what_answers_there() {
    let mut pair = pair("echo");
    let config = suimond::config(&pair.lab, &[address(ONE)], &["10.56.0.3"], HINTS, LOCAL);
    suimond::start(&mut pair.lab, &pair.one, "one", &config);
    // One address of the echoing host may ask, the other may not.
    let client = Echo::start(&pair.other, "10.56.0.3".parse().expect("an address"));
    let outsider = Echo::start(&pair.other, "10.56.0.4".parse().expect("an address"));
    let capture = Capture::start(&pair.lab, &pair.one, "one0", "udp");
    let mut sent = 0;
    for (echo, served) in [(&client, true), (&outsider, false)] {
        for socket in &echo.sockets {
            for (what, octets) in shapes() {
                if served && what == "a query" {
                    continue;
                }
                // On the wire it is what a forger sends in the service's name.
                socket.send_to(&octets, ONE).expect("a packet sent");
                sent += 1;
            }
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let packets = capture.stop();
    assert_eq!(packets.len(), sent, "{packets:#?}");
    // A whole answer does go there: it comes back as a response, and that is all.
    for port in [7, 11211] {
        let octets = query(1, 0x0100, "www.local.test.", RecordType::A, true);
        let comes_back = || pair.after_one("10.56.0.3", port, &octets).len() == 3;
        // The machine may stand still for longer than one capture lasts.
        assert!((0..3).any(|_| comes_back()), "port {port}");
    }
}

#[test]
fn no_error_of_any_kind_goes_to_any_port_of_a_reflecting_service() {
    let mut pair = pair("row10");
    // The root is nowhere: what is not local ends in SERVFAIL.
    let config = suimond::config(&pair.lab, &[address(ONE)], &["10.56.0.3"], HINTS, LOCAL);
    suimond::start(&mut pair.lab, &pair.one, "one", &config);
    let mut shapes = vec![
        (
            Rcode::SERVFAIL,
            client::ask(1, "nowhere.example.", RecordType::A),
        ),
        (
            Rcode::REFUSED,
            query(2, 0, "www.local.test.", RecordType::A, true),
        ),
        (
            Rcode::NOTIMP,
            client::ask(3, "www.local.test.", RecordType::A),
        ),
        (
            Rcode::FORMERR,
            client::ask(4, "www.local.test.", RecordType::A),
        ),
    ];
    shapes[2].1[2] = 0x21;
    shapes[3].1[5] = 2;
    let ask = |port: u16| -> Vec<Rcode> {
        pair.other.inside(|| {
            let socket = UdpSocket::bind(("10.56.0.3", port)).expect("a low port");
            socket
                .set_read_timeout(Some(Duration::from_millis(500)))
                .expect("a read timeout");
            for (_, octets) in &shapes {
                socket.send_to(octets, ONE).expect("a query sent");
            }
            let begun = Instant::now();
            let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
            while begun.elapsed() < PATIENCE && heard.len() < shapes.len() {
                if let Ok(length) = socket.recv(&mut buffer) {
                    let reply = Message::parse(&buffer[..length]).expect("well formed");
                    heard.push(reply.rcode());
                }
            }
            heard.sort_by_key(|rcode| rcode.0);
            heard
        })
    };
    let all = [
        Rcode::FORMERR,
        Rcode::SERVFAIL,
        Rcode::NOTIMP,
        Rcode::REFUSED,
    ];
    assert_eq!(ask(40_000), all, "an ordinary port hears of each");
    let silent: Vec<(u16, Vec<Rcode>)> = std::thread::scope(|scope| {
        let ports = REFLECTORS.map(|port| (port, scope.spawn(move || ask(port))));
        let heard = ports.map(|(port, thread)| (port, thread.join().expect("no panic")));
        heard.into()
    });
    let nothing: Vec<(u16, Vec<Rcode>)> = REFLECTORS.map(|port| (port, Vec::new())).into();
    assert_eq!(silent, nothing);
}

fn forward(server: &str) -> String {
    format!(
        "{LOCAL}[[forward]]\nzone = \"loop.example.\"\nservers = [{server:?}]\nvalidate = false\n"
    )
}

#[test]
fn two_of_us_that_forward_a_zone_to_each_other_end_it_after_two_queries() {
    let mut pair = pair("loop");
    pair.start_both_with(&["10.56.0.0/24"], (&forward(OTHER), &forward(ONE)), &[]);
    let capture = Capture::start(&pair.lab, &pair.one, "one0", "udp and host 10.56.0.2");
    let begun = Instant::now();
    let reply = pair.other.inside(|| {
        let source = "10.56.0.3".parse().expect("an address");
        let octets = client::ask(7, "www.loop.example.", RecordType::A);
        client::udp(source, address(ONE), &octets, PATIENCE)
    });
    let reply = Message::parse(&reply.expect("a reply")).expect("well formed");
    assert_eq!(reply.rcode(), Rcode::SERVFAIL);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let packets = capture.stop();
    // The question out, the question back, SERVFAIL out, SERVFAIL back.
    assert_eq!(packets.len(), 4, "{packets:#?}");
    assert!(
        packets.iter().any(|packet| packet.contains("ServFail")),
        "{packets:#?}"
    );
    let loops = suimond::metric(&pair.lab, "suimon_verdicts_total", "forwarding_loop");
    assert_eq!(loops, 1);
    // Housekeeping tells once that it began.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !pair.lab.log("one").contains("loop") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
    }
    let log = pair.lab.log("one");
    assert!(log.contains("10.56.0.2"), "{log}");
}

#[test]
fn a_forwarder_on_source_port_53_is_served_and_is_no_loop() {
    let mut pair = pair("from53");
    let more = format!(
        "[control]\nsocket = {:?}\n{}",
        pair.lab.dir().join("control.sock"),
        forward(OTHER)
    );
    let config = suimond::config(&pair.lab, &[address(ONE)], &["10.56.0.3"], HINTS, &more);
    suimond::start_with(&mut pair.lab, &pair.one, "one", &config, &UNHURRIED);
    let script = |asked: &crate::lab::script::Asked| {
        let line = format!("{} 60 IN A 192.0.2.7", asked.name);
        Reply::new()
            .answer(line)
            .after(asked, Duration::from_millis(50))
    };
    let upstream = Network::start(&pair.other, &[address(OTHER)], Arc::new(script));
    pair.other.inside(|| {
        for number in 0..20 {
            let name = format!("n{}.loop.example.", number / 2);
            let octets = client::ask(number, &name, RecordType::A);
            let source = address("10.56.0.3:53");
            let reply = client::udp_from(source, address(ONE), &octets, PATIENCE);
            let reply = Message::parse(&reply.expect("a reply")).expect("well formed");
            assert_eq!((reply.rcode(), reply.answer.len()), (Rcode::NOERROR, 1));
        }
    });
    assert_eq!(upstream.count(), 10);
    let count = |reason| suimond::metric(&pair.lab, "suimon_verdicts_total", reason);
    assert_eq!((count("acl_allow"), count("forwarding_loop")), (20, 0));
}

#[test]
fn responses_to_what_we_never_asked_raise_one_alarm_that_ends_and_nothing_is_sent_for_them() {
    let mut pair = pair("backscatter");
    let more = format!(
        "[control]\nsocket = {:?}\n[guard]\nbackscatter_alarm = 150\nbackscatter_window = \"12s\"\n{LOCAL}",
        pair.lab.dir().join("control.sock")
    );
    let config = suimond::config(&pair.lab, &[address(ONE)], &["10.56.0.3"], HINTS, &more);
    suimond::start(&mut pair.lab, &pair.one, "one", &config);
    let mut response = client::ask(1, "www.local.test.", RecordType::A);
    response[2] |= 0x80;
    let alarm = || suimond::metric(&pair.lab, "suimon_backscatter_alarm", "");
    let wait_for = |wanted: u64| {
        let begun = Instant::now();
        while alarm() != wanted && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(alarm(), wanted, "{}", pair.lab.log("one"));
    };
    // The first look of housekeeping is at the start, the next five seconds later.
    assert_eq!(alarm(), 0);
    let capture = Capture::start(&pair.lab, &pair.one, "one0", "udp");
    for source in ["10.56.0.3", "10.56.0.4"] {
        let frames = Frames {
            kind: "udp",
            source,
            port: Some(53),
            server: address(ONE),
            count: 100,
            octets: &response,
        };
        frames.send(&pair.lab, (&pair.other, "other0"), (&pair.one, "one0"));
    }
    wait_for(1);
    let packets = capture.stop();
    assert_eq!(packets.len(), 200, "nothing but what came");
    // Whom the packets name is served as ever.
    pair.other.inside(|| {
        let octets = client::ask(7, "www.local.test.", RecordType::A);
        let reply = client::udp_from(address("10.56.0.3:53"), address(ONE), &octets, PATIENCE);
        let reply = Message::parse(&reply.expect("a reply")).expect("well formed");
        assert_eq!(reply.answer.len(), 1);
    });
    wait_for(0);
    let log = pair.lab.log("one");
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("our addresses are being spoofed"))
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(
        lines[0].contains("started") && lines[1].contains("stopped"),
        "{log}"
    );
    assert!(
        lines[0].contains("10.56.0.0/24") && lines[0].contains("packets=200"),
        "{log}"
    );
    let counted = suimond::metric(&pair.lab, "suimon_unsolicited_responses_total", "service");
    assert_eq!(counted, 200);
}
