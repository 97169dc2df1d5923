//! Do the listening sockets keep their promises under load, garbage and odd clients?

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use suimon::wire::{Message, RecordType as T};

use crate::lab::client::{self, ask, framed, query, read_framed};
use crate::lab::script::{
    Asked, PATIENCE, Reply, Scene, Sent, Setting, World, listen, loopback, say, wait_until,
};

const WWW: &str = "www.example.test.";
const GOOD: &str = "NOERROR www.example.test. A 192.0.2.1";

fn usual() -> World {
    World::usual("www.example.test. A 192.0.2.1")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// An honest world in which names that begin with `slow` take that long.
fn slow(delay: Duration) -> impl Fn(&Asked) -> Vec<Sent> + Send + Sync {
    let world = usual();
    move |asked| {
        if asked.name.starts_with("slow") {
            Reply::new()
                .answer(format!("{} A 192.0.2.66", asked.name))
                .after(asked, delay)
        } else {
            world.answer(asked).now(asked)
        }
    }
}

// Addresses.

#[test]
fn a_wildcard_listener_replies_from_the_address_that_was_asked() {
    let setting = Setting {
        listen: &["0.0.0.0:53", "[::]:53"],
        clients: &["127.0.0.0/8", "::1", "10.53.0.0/24", "fd53::/64"],
        ..Setting::default()
    };
    let scene = Scene::honest("wildcard", &setting, usual());
    for (source, server) in [
        ("10.53.0.7:0", "10.53.0.254:53"),
        ("10.53.0.7:0", "10.53.0.253:53"),
        ("[fd53::4]:0", "[fd53::fe]:53"),
        ("[fd53::4]:0", "[fd53::fd]:53"),
    ] {
        let (source, server) = (address(source), address(server));
        // Found out, cached, ready made: each way out must know the address.
        for _ in 0..4 {
            let reply = scene
                .servers
                .inside(|| client::udp_from(source, server, &ask(1, WWW, T::A), PATIENCE));
            let reply = Message::parse(&reply.expect("a reply")).expect("well formed");
            assert_eq!(say(Some(&reply)), GOOD, "{source} to {server}");
        }
        // Refusals, too.
        let reply = scene
            .servers
            .inside(|| client::udp_from(source, server, &query(2, 0, WWW, T::A, false), PATIENCE));
        assert_eq!(reply.expect("REFUSED")[3] & 0xF, 5);
        let reply = scene
            .servers
            .inside(|| client::tcp(source.ip(), server, &ask(3, WWW, T::A), PATIENCE));
        assert_eq!(
            say(Some(
                &Message::parse(&reply.expect("a reply")).expect("well formed")
            )),
            GOOD
        );
    }
    // From this very host, with whatever source address such a query gets.
    for (source, server) in [
        ("127.0.0.1:0", "127.0.0.1:53"),
        ("0.0.0.0:0", "127.0.0.1:53"),
        ("0.0.0.0:0", "127.9.9.9:53"),
        ("0.0.0.0:0", "10.53.0.254:53"),
        ("0.0.0.0:0", "10.53.0.253:53"),
        ("10.53.0.253:0", "10.53.0.254:53"),
        ("[::]:0", "[::1]:53"),
    ] {
        let (source, server) = (address(source), address(server));
        let octets = ask(4, WWW, T::A);
        let reply = scene
            .resolver
            .inside(|| client::udp_from(source, server, &octets, PATIENCE / 5));
        let reply = reply.map(|octets| Message::parse(&octets).expect("well formed"));
        assert_eq!(
            say(reply.as_ref()),
            GOOD,
            "{source} to {server}, both on this host"
        );
    }
}

#[test]
fn this_host_may_ask_by_its_own_ipv6_address_once_own_addresses_are_not_checked() {
    // Linux shows such a datagram with the interface of the address, as one from outside: the two cannot be told apart.
    for (set, answer) in [
        ("guard.check_own_addresses=true", "nothing"),
        ("guard.check_own_addresses=false", GOOD),
    ] {
        let setting = Setting {
            listen: &["[::]:53"],
            clients: &["::1", "fd53::/64"],
            set: &[set],
            ..Setting::default()
        };
        let scene = Scene::honest("own6", &setting, usual());
        let octets = ask(4, WWW, T::A);
        let (source, server) = (address("[::]:0"), address("[fd53::fe]:53"));
        let reply = scene
            .resolver
            .inside(|| client::udp_from(source, server, &octets, Duration::from_secs(2)));
        let reply = reply.map(|octets| Message::parse(&octets).expect("well formed"));
        assert_eq!(say(reply.as_ref()), answer, "{set}");
        // Over loopback it is served in any case.
        let server = address("[::1]:53");
        let reply = scene
            .resolver
            .inside(|| client::udp_from(source, server, &octets, PATIENCE));
        assert!(reply.is_some(), "{set}");
    }
}

// Rows of the guard, for an admitted client.

#[test]
fn each_query_that_is_no_plain_question_gets_its_code_and_nothing_goes_upstream() {
    let scene = Scene::honest("rows", &Setting::default(), usual());
    let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = query(9, 0x0100, WWW, T::A, false);
        edit(&mut octets);
        octets
    };
    let class = 12 + WWW.len() + 1 + 2;
    let mut with_version = query(9, 0x0100, WWW, T::A, true);
    let version = with_version.len() - 5;
    with_version[version] = 1;
    let rows: Vec<(&str, Vec<u8>, u8, &str)> = vec![
        (
            "RD=0",
            query(9, 0, WWW, T::A, false),
            5,
            "recursion_not_desired",
        ),
        (
            "class CH",
            edited(&|octets| octets[class + 1] = 3),
            5,
            "class_not_served",
        ),
        (
            "opcode NOTIFY",
            query(9, 4 << 11, WWW, T::SOA, false),
            4,
            "opcode",
        ),
        (
            "opcode UPDATE",
            query(9, 5 << 11, WWW, T::SOA, false),
            4,
            "opcode",
        ),
        (
            "opcode STATUS",
            query(9, 2 << 11, WWW, T::A, false),
            4,
            "opcode",
        ),
        (
            "no question",
            edited(&|octets| octets[5] = 0),
            1,
            "question_count",
        ),
        (
            "two questions",
            edited(&|octets| octets[5] = 2),
            1,
            "question_count",
        ),
        (
            "AXFR",
            query(9, 0x0100, WWW, T::AXFR, false),
            5,
            "meta_type",
        ),
        (
            "IXFR",
            query(9, 0x0100, WWW, T::IXFR, false),
            5,
            "meta_type",
        ),
        (
            "a cut-off question",
            edited(&|octets| octets.truncate(20)),
            1,
            "bad_format",
        ),
        (
            "rubbish behind a header",
            [&query(9, 0x0100, WWW, T::A, false)[..12], &[0xC5; 30][..]].concat(),
            1,
            "bad_format",
        ),
    ];
    for (what, octets, rcode, reason) in rows {
        let before = scene.metric("suimon_verdicts_total", reason);
        for tcp in [false, true] {
            let reply = scene.resolver.inside(|| {
                if tcp {
                    client::tcp(loopback(), listen(), &octets, PATIENCE)
                } else {
                    client::udp(loopback(), listen(), &octets, PATIENCE)
                }
            });
            let reply = reply.unwrap_or_else(|| panic!("{what}: no reply, TCP: {tcp}"));
            assert_eq!(reply[3] & 0xF, rcode, "{what}, TCP: {tcp}");
            assert_eq!(reply[..2], octets[..2], "{what}: the ID");
            assert_eq!(
                (reply[2] ^ octets[2]) & 0x79,
                0,
                "{what}: opcode and RD are copied"
            );
            assert_ne!(reply[2] & 0x80, 0, "{what}: QR");
            assert!(
                reply.len() <= octets.len(),
                "{what}: {} octets for {}",
                reply.len(),
                octets.len()
            );
        }
        assert_eq!(
            scene.metric("suimon_verdicts_total", reason),
            before + 2,
            "{what}"
        );
    }
    let reply = scene.udp(&with_version, PATIENCE).expect("BADVERS");
    let reply = Message::parse(&reply).expect("well formed");
    assert_eq!(reply.rcode().0, 16);
    assert!(reply.edns.is_some());
    assert_eq!(scene.network.count(), 0, "{:?}", scene.network.told());
}

#[test]
fn responses_and_stubs_of_headers_are_never_answered() {
    let scene = Scene::honest("silence", &Setting::default(), usual());
    let short = Duration::from_millis(200);
    for (what, octets) in [
        ("QR=1", query(9, 0x8180, WWW, T::A, false)),
        ("QR=1 with an error", query(9, 0x8181, WWW, T::A, true)),
        (
            "eleven octets",
            query(9, 0x0100, WWW, T::A, false)[..11].to_vec(),
        ),
        ("one octet", vec![0]),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(scene.udp(&octets, short), None, "{what}");
    }
    assert_eq!(scene.metric("suimon_verdicts_total", "response_bit"), 2);
    assert_eq!(scene.metric("suimon_verdicts_total", "short"), 3);
    assert_eq!(scene.network.count(), 0);
    assert_eq!(scene.told(WWW, T::A), GOOD);
}

#[test]
fn ports_of_reflectors_get_answers_but_never_errors_and_port_53_is_served_and_counted() {
    let scene = Scene::honest("ports", &Setting::default(), usual());
    let from = |port: u16, octets: &[u8], patience: Duration| {
        scene.resolver.inside(|| {
            client::udp_from(
                SocketAddr::new(loopback(), port),
                listen(),
                octets,
                patience,
            )
        })
    };
    let error = query(9, 0, WWW, T::A, false);
    assert!(
        from(20, &error, PATIENCE).is_some(),
        "a port like any other"
    );
    for port in [7, 13, 17, 19, 37, 69, 111, 123, 161, 389, 1900, 11211] {
        assert_eq!(
            from(port, &error, Duration::from_millis(60)),
            None,
            "port {port}"
        );
        let reply = from(port, &ask(9, WWW, T::A), PATIENCE)
            .unwrap_or_else(|| panic!("port {port}: no answer"));
        assert_eq!(
            say(Some(&Message::parse(&reply).expect("well formed"))),
            GOOD,
            "port {port}"
        );
    }
    // A name that fails is an error as well, however late it comes.
    let unresolvable = ask(9, "www.nobody.", T::A);
    let notimp = query(9, 4 << 11, WWW, T::SOA, false);
    assert_eq!(from(19, &notimp, Duration::from_millis(60)), None);
    assert!(
        from(19, &unresolvable, PATIENCE).is_some(),
        "NXDOMAIN is an answer"
    );
    assert_eq!(scene.metric("suimon_verdicts_total", "reflector_port"), 13);

    // The port cannot be bound while suimond has the address; another client's can.
    let other = scene.resolver.inside(|| {
        client::udp_from(
            address("127.0.0.5:53"),
            listen(),
            &ask(9, WWW, T::A),
            PATIENCE,
        )
    });
    assert_eq!(
        say(Some(
            &Message::parse(&other.expect("an answer")).expect("well formed")
        )),
        GOOD
    );
    assert_eq!(scene.metric("suimon_queries_from_port_53_total", ""), 1);
}

// Limits of waiting.

/// A scene whose servers take 1.5 s, which suimond knows already.
fn behind_slow_servers(tag: &str, set: &[&str]) -> Scene {
    let setting = Setting {
        set,
        ..Setting::default()
    };
    let scene = Scene::new(tag, &setting, slow(Duration::from_millis(1_500)));
    let told = scene.told("slowwarm.example.test.", T::A);
    assert!(told.starts_with("NOERROR"), "{told}");
    scene
}

/// One client's socket, to be opened where suimond is.
fn client_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a client socket");
    socket.connect(listen()).expect("connected");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("a read timeout");
    socket
}

#[test]
fn when_one_client_has_129_queries_waiting_the_oldest_makes_room_and_is_counted() {
    // With its share of look-ups out of the way, which is 126 here.
    let scene = behind_slow_servers("pending", &["shares.mode=off"]);
    let answered = scene.resolver.inside(|| {
        let socket = client_socket();
        for id in 0..129 {
            socket
                .send(&ask(id, &format!("slow{id}.example.test."), T::A))
                .expect("sent");
        }
        let mut buffer = [0; 4096];
        let mut answered = Vec::new();
        while answered.len() < 129 {
            let length = socket.recv(&mut buffer).expect("a reply to each");
            let reply = Message::parse(&buffer[..length]).expect("well formed");
            assert_eq!(reply.rcode().0, 0);
            answered.push((reply.header.id, reply.header.flags.tc()));
        }
        answered.sort_unstable();
        answered
    });
    assert_eq!(
        answered,
        (0..129).map(|id| (id, id == 0)).collect::<Vec<_>>(),
        "all but the first, who learns to come by TCP"
    );
    assert_eq!(
        scene.metric("suimon_verdicts_total", "pending_per_client"),
        1
    );
    // Other clients are served meanwhile, and this one afterwards.
    let told = scene.told("slowlast.example.test.", T::A);
    assert!(told.starts_with("NOERROR"), "{told}");
}

#[test]
fn of_101_queries_for_one_slow_name_100_are_answered_and_one_is_counted() {
    let scene = behind_slow_servers("joined", &[]);
    scene.network.forget();
    let answered = scene.resolver.inside(|| {
        let socket = client_socket();
        for id in 0..101 {
            socket
                .send(&ask(id, "slow.example.test.", T::A))
                .expect("sent");
        }
        let mut buffer = [0; 4096];
        let replies = std::iter::from_fn(|| {
            let length = socket.recv(&mut buffer).ok()?;
            Message::parse(&buffer[..length]).ok()
        });
        let (truncated, answered): (Vec<_>, Vec<_>) =
            replies.take(101).partition(|reply| reply.header.flags.tc());
        assert_eq!(truncated.len(), 1, "he learns to come by TCP");
        answered.len()
    });
    assert_eq!(answered, 100);
    assert_eq!(scene.metric("suimon_verdicts_total", "joined_clients"), 1);
    assert_eq!(scene.network.told(), ["10.53.0.3 slow.example.test. A"]);
}

// Streams.

fn connect(source: &str) -> TcpStream {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddr::new(source.parse().expect("an address"), 0).into())
        .expect("bound");
    // A small window, so that what is not read stays with suimond.
    socket
        .set_recv_buffer_size(4_096)
        .expect("a receive buffer");
    socket
        .connect_timeout(&listen().into(), PATIENCE)
        .expect("connected");
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a read timeout");
    stream
}

fn next(stream: &mut TcpStream) -> Option<Message> {
    let reply = read_framed(stream)?;
    Some(Message::parse(&reply).expect("a well-formed reply"))
}

/// Whether the other side closes within `patience` without a word.
fn is_closed(stream: &mut TcpStream, patience: Duration) -> bool {
    stream
        .set_read_timeout(Some(patience))
        .expect("a read timeout");
    match stream.read(&mut [0; 16]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn the_65th_connection_of_one_client_is_closed_and_others_are_not_disturbed() {
    let set = ["tcp.first_query='20s'", "tcp.idle='20s'"];
    let scene = Scene::honest(
        "conns",
        &Setting {
            set: &set,
            ..Setting::default()
        },
        usual(),
    );
    scene.resolver.inside(|| {
        let mut streams: Vec<TcpStream> = (0..64).map(|_| connect("127.0.0.1")).collect();
        // All of them are live.
        for stream in &mut streams {
            stream.write_all(&framed(&ask(1, WWW, T::A))).expect("sent");
            assert_eq!(say(next(stream).as_ref()), GOOD);
        }
        assert!(is_closed(&mut connect("127.0.0.1"), PATIENCE), "the 65th");
        let mut other = connect("127.0.0.2");
        other.write_all(&framed(&ask(1, WWW, T::A))).expect("sent");
        assert_eq!(say(next(&mut other).as_ref()), GOOD);
        // A place that is given back is used again.
        drop(streams.pop());
        let served = || {
            let mut stream = connect("127.0.0.1");
            stream.write_all(&framed(&ask(1, WWW, T::A))).is_ok() && next(&mut stream).is_some()
        };
        assert!(wait_until(PATIENCE, served));
        // UDP is no affair of theirs.
        let reply = client::udp(loopback(), listen(), &ask(2, WWW, T::A), PATIENCE);
        assert!(reply.is_some());
    });
    assert!(scene.metric("suimon_verdicts_total", "tcp_connections") >= 1);
}

#[test]
fn a_connection_that_asks_nothing_or_half_a_query_is_closed_in_time() {
    let set = ["tcp.first_query='1s'", "tcp.idle='1s'"];
    let scene = Scene::honest(
        "first",
        &Setting {
            set: &set,
            ..Setting::default()
        },
        usual(),
    );
    scene.resolver.inside(|| {
        for (what, octets, asked) in [
            ("nothing", Vec::new(), false),
            ("half a length", vec![0], false),
            (
                "half a query",
                framed(&ask(1, WWW, T::A))[..20].to_vec(),
                false,
            ),
            (
                "one query and then nothing",
                framed(&ask(1, WWW, T::A)),
                true,
            ),
        ] {
            let mut stream = connect("127.0.0.1");
            let begun = Instant::now();
            stream.write_all(&octets).expect("sent");
            if asked {
                assert_eq!(say(next(&mut stream).as_ref()), GOOD);
            }
            assert!(is_closed(&mut stream, PATIENCE), "{what}");
            let took = begun.elapsed();
            assert!(
                (Duration::from_millis(900)..Duration::from_secs(5)).contains(&took),
                "{what}: {took:?}"
            );
        }
    });
}

#[test]
fn over_one_connection_what_is_known_does_not_wait_for_what_is_slow() {
    let scene = Scene::new(
        "order",
        &Setting::default(),
        slow(Duration::from_millis(500)),
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    scene.resolver.inside(|| {
        let mut stream = connect("127.0.0.1");
        let mut octets = framed(&ask(1, "slow1.example.test.", T::A));
        octets.extend(framed(&ask(2, "slow2.example.test.", T::A)));
        octets.extend(framed(&ask(3, WWW, T::A)));
        stream.write_all(&octets).expect("sent");
        let ids: Vec<u16> = (0..3)
            .filter_map(|_| next(&mut stream))
            .map(|reply| reply.header.id)
            .collect();
        assert_eq!(ids.len(), 3);
        assert_eq!(ids[0], 3, "the cached one first: {ids:?}");
    });
}

#[test]
fn a_reader_that_does_not_read_is_closed_and_nobody_else_notices() {
    let text = format!(" \"{}\"", "x".repeat(240)).repeat(50);
    let world = World::usual(&format!(
        "big.example.test. TXT{text}\nwww.example.test. A 192.0.2.1"
    ));
    let set = ["tcp.unsent='16KiB'", "tcp.unsent_for='1s'"];
    let scene = Scene::honest(
        "reader",
        &Setting {
            set: &set,
            ..Setting::default()
        },
        world,
    );
    let reply = scene.ask("big.example.test.", T::TXT).expect("a reply");
    assert!(reply.answer[0].rdata.len() > 12_000);
    scene.resolver.inside(|| {
        let mut stream = connect("127.0.0.1");
        stream.set_nonblocking(true).expect("a non-blocking stream");
        let question = framed(&ask(1, "big.example.test.", T::TXT));
        // 900 replies of 12 kB are more than any socket buffer holds.
        for _ in 0..900 {
            let _full = stream.write(&question);
        }
        let closed = wait_until(Duration::from_secs(60), || {
            scene.metric("suimon_tcp_connections", "") == 0
        });
        assert!(closed, "the connection is still open");
        let reply = client::udp(loopback(), listen(), &ask(2, WWW, T::A), PATIENCE);
        assert!(reply.is_some());
    });
    assert!(scene.metric("suimon_tcp_connections_total", "limited") >= 1);
}

// Garbage.

/// Numbers that look random, the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn octets(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.roll().to_le_bytes()[3]).collect()
    }

    /// A datagram: rubbish, a query with some octets changed, or a header with a wild body.
    fn datagram(&mut self) -> Vec<u8> {
        let length = usize::try_from(self.roll() % 300).expect("a length");
        match self.roll() % 4 {
            0 => self.octets(length),
            1 => {
                let mut octets = self.octets(length.max(12));
                octets[2] &= 0x7F;
                octets[4] = 0;
                octets[5] = 1;
                octets
            }
            2 => {
                let mut octets = ask(7, WWW, T::A);
                for _ in 0..=self.roll() % 4 {
                    let place = usize::try_from(self.roll()).expect("64 bits") % octets.len();
                    octets[place] = self.roll().to_le_bytes()[2];
                }
                octets
            }
            _ => {
                // Compression pointers and long labels all over.
                let mut octets = query(7, 0x0100, ".", T::A, false)[..12].to_vec();
                octets.extend(
                    (0..length).map(|place| if place.is_multiple_of(2) { 0xC0 } else { 12 }),
                );
                octets
            }
        }
    }
}

fn memory_and_files(pid: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("VmRSS");
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number");
    let files = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("the process lives")
        .count();
    (kib, files)
}

#[test]
fn two_hundred_thousand_packets_of_garbage_leave_no_trace() {
    const PACKETS: usize = 100_000;
    // Nobody upstream says anything good, so that nothing of it is worth caching.
    let scene = Scene::new("garbage", &Setting::default(), {
        let world = usual();
        move |asked| {
            if asked.name.ends_with("test.") {
                world.answer(asked).now(asked)
            } else {
                Reply::rcode(5).now(asked)
            }
        }
    });
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let pid = scene.lab.pid("suimond");
    let mut dice = Dice(0x5375_696d_6f6e);
    let mut flood = || {
        scene.resolver.inside(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a client socket");
            socket.connect(listen()).expect("connected");
            socket.set_nonblocking(true).expect("non-blocking");
            let (mut replies, mut largest, mut buffer) = (0_usize, 0_usize, [0; 65_535]);
            for number in 0..PACKETS {
                let octets = dice.datagram();
                let _full = socket.send(&octets);
                if number.is_multiple_of(64) {
                    // The kernel's queue is finite: let the other side come along.
                    std::thread::sleep(Duration::from_micros(300));
                }
                while let Ok(length) = socket.recv(&mut buffer) {
                    replies += 1;
                    largest = largest.max(length);
                }
            }
            for _ in 0..100 {
                let mut stream = connect("127.0.0.1");
                let octets = dice.octets(200);
                let _closed = stream.write_all(&octets);
                let _closed = stream.write_all(&framed(&dice.datagram()));
            }
            (replies, largest)
        })
    };
    let (replies, largest) = flood();
    // Anything that is waiting for servers has ended by then.
    std::thread::sleep(Duration::from_secs(1));
    let (memory, files) = memory_and_files(pid);
    assert!(
        (1..=PACKETS).contains(&replies),
        "{replies} replies to {PACKETS} packets"
    );
    assert!(largest <= 512, "{largest} octets");
    let (replies, largest) = flood();
    assert!(
        (1..=PACKETS).contains(&replies) && largest <= 512,
        "{replies} replies, {largest} octets"
    );
    let settled = wait_until(Duration::from_secs(60), || {
        let (memory_after, files_after) = memory_and_files(pid);
        // 84 octets lost per packet would be seen; what threads keep for themselves on a busy machine is less.
        files_after <= files + 4 && memory_after <= memory + 16_384
    });
    assert!(
        settled,
        "{memory} KiB, {files} files before; {:?} after",
        memory_and_files(pid)
    );
    // What waited too long behind the flood is dropped; whoever asks again is served.
    let again = || say(scene.ask_for(WWW, T::A, Duration::from_secs(1)).as_ref()) == GOOD;
    assert!(wait_until(PATIENCE, again), "it does not answer any more");
    let log = scene.lab.log("suimond");
    assert!(!log.contains("panicked"), "{log}");
    assert!(
        log.lines().count() < 50,
        "garbage is not worth a line each: {log}"
    );
}
