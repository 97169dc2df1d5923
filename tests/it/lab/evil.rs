//! What do the servers of the peers' table do? Each row of it as a script, for our own bounds (hostile.rs) and for the peers (benches/peers).

use std::collections::HashSet;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use suimon::wire::{Message, RecordType as T};

use super::client;
use super::script::{Asked, PATIENCE, Reply, Scene, Script, Sent, World, listen, say};

/// Some peers do not go on before the root has told them its own servers.
const ROOT_ZONE: &str =
    ". NS a.root.\na.root. A 10.53.0.1\ntest. NS ns.test.\nns.test. A 10.53.0.2";
/// The SOA of `evil.test.`, as a line.
pub const SOA: &str = "evil.test. 60 SOA ns.evil.test. h.evil.test. 1 3600 600 86400 60";

/// Root on .1, `test.` on .2, the honest `example.test.` on .3, `evil.test.` on .6 and its `victim.test.` on .7.
pub fn base() -> World {
    World::new(&[
        (
            "10.53.0.1",
            ".",
            ". NS a.root.\na.root. A 10.53.0.1\ntest. NS ns.test.\nns.test. A 10.53.0.2\narpa. NS ns.arpa.\nns.arpa. A 10.53.0.4",
        ),
        (
            "10.53.0.2",
            "test.",
            "example.test. NS ns.example.test.\nns.example.test. A 10.53.0.3\nevil.test. NS ns.evil.test.\nns.evil.test. A 10.53.0.6\n\
             victim.test. NS ns.victim.test.\nns.victim.test. A 10.53.0.7",
        ),
        (
            "10.53.0.3",
            "example.test.",
            "www.example.test. A 192.0.2.1",
        ),
        (
            "10.53.0.7",
            "victim.test.",
            "www.victim.test. A 192.0.2.7\nns.victim.test. A 10.53.0.7",
        ),
    ])
}

/// The base world in which `evil` answers at 10.53.0.6.
pub fn beside_base(evil: impl Fn(&Asked) -> Vec<Sent> + Send + Sync + 'static) -> Box<Script> {
    let world = base();
    let six: IpAddr = "10.53.0.6".parse().expect("an address");
    Box::new(move |asked| {
        if asked.server == six {
            evil(asked)
        } else {
            world.answer(asked).now(asked)
        }
    })
}

/// Packets to the attacker's and his victim's servers.
pub fn evil_side(scene: &Scene) -> usize {
    scene.network.count_to("10.53.0.6") + scene.network.count_to("10.53.0.7")
}

/// `NXDOMAIN` in `evil.test.`.
pub fn nxdomain(asked: &Asked) -> Vec<Sent> {
    Reply {
        flags: 0x8403,
        ..Reply::new()
    }
    .authority(SOA)
    .now(asked)
}

/// NXNS: whatever lies below `attack.evil.test.` has 60 servers below `victim` that do not exist.
pub fn nxns(victim: &'static str) -> Box<Script> {
    beside_base(move |asked| {
        if !asked.name.ends_with("attack.evil.test.") {
            return nxdomain(asked);
        }
        let names = (0..60).map(|number| format!("attack.evil.test. NS n{number}.{victim}"));
        Reply {
            authority: names.collect(),
            ..Reply::new().referral()
        }
        .now(asked)
    })
}

/// `c1.evil.test.` is an alias of `c2.evil.test.`, and so on without end.
pub fn endless_cnames() -> Box<Script> {
    beside_base(|asked| {
        let label = asked.name.split('.').next().unwrap_or_default();
        match label.strip_prefix('c').map(str::parse::<u32>) {
            Some(Ok(number)) => Reply::new()
                .answer(format!("{} CNAME c{}.evil.test.", asked.name, number + 1))
                .now(asked),
            // A server's name that were an alias itself would end the chain for some.
            _ => Reply::new().authority(SOA).now(asked),
        }
    })
}

/// A delegation per label: zone number n has n labels and a server of its own at 10.53.0.(10 + n); `test.` is number 1, the last 35.
/// Servers 1 to 46 are needed; the name to ask for comes beside.
pub fn label_by_label() -> (World, String) {
    let mut zones: Vec<(String, String, String)> = Vec::new();
    zones.push((
        "10.53.0.1".into(),
        ".".into(),
        ". NS a.root.\na.root. A 10.53.0.1\ntest. NS ns.test.\nns.test. A 10.53.0.11".into(),
    ));
    let mut apex = "test.".to_owned();
    for number in 1..=35_u32 {
        let child = format!("l{number}.{apex}");
        let records = if number < 35 {
            format!(
                "{child} NS ns.{child}\nns.{child} A 10.53.0.{}",
                11 + number
            )
        } else {
            format!("{apex} A 192.0.2.35")
        };
        zones.push((format!("10.53.0.{}", 10 + number), apex.clone(), records));
        if number < 35 {
            apex = child;
        }
    }
    let zones: Vec<(&str, &str, &str)> = zones
        .iter()
        .map(|(server, apex, records)| (&**server, &**apex, &**records))
        .collect();
    (World::new(&zones), apex)
}

/// `a.loop.` and `b.loop.` have all their servers in each other.
pub fn glueless_loop() -> World {
    base().and(&[(
        "10.53.0.1",
        "loop.",
        "a.loop. NS ns.b.loop.\na.loop. NS ns2.b.loop.\nb.loop. NS ns.a.loop.\nb.loop. NS ns2.a.loop.",
    )])
}

/// CAMP: each link of the chain from `c1.evil.test.` leads to a zone without glue, whose servers lie in zones without glue, and so
/// on: the product is the attack.
pub fn camp() -> Box<Script> {
    let world = base();
    Box::new(move |asked| {
        let last = match asked.server {
            IpAddr::V4(server) => server.octets()[3],
            IpAddr::V6(_) => 0,
        };
        let labels: Vec<&str> = asked.name.trim_end_matches('.').split('.').collect();
        let (zone, other) = match last {
            6 => ("evil.test.", "victim.test."),
            7 => ("victim.test.", "evil.test."),
            _ => return world.answer(asked).now(asked),
        };
        // c5.evil.test. is a link of the chain; anything deeper lies in a zone of its own.
        if labels.len() <= 3 {
            return match asked
                .name
                .strip_prefix('c')
                .and_then(|rest| rest.split('.').next()?.parse::<u32>().ok())
            {
                Some(number) => Reply::new()
                    .answer(format!(
                        "{} CNAME c{}.z{number}.{zone}",
                        asked.name,
                        number + 1
                    ))
                    .now(asked),
                None => Reply::new()
                    .authority(format!("{zone} 60 SOA ns.{zone} h.{zone} 1 1 1 1 1"))
                    .now(asked),
            };
        }
        let cut = labels[labels.len() - 3];
        // A label has 63 octets; whoever gets there has been led far enough.
        if cut.len() > 55 {
            return Reply {
                flags: 0x8403,
                ..Reply::new()
            }
            .authority(format!("{zone} 60 SOA ns.{zone} h.{zone} 1 1 1 1 1"))
            .now(asked);
        }
        let authority = (0..5)
            .map(|number| format!("{cut}.{zone} NS n{number}.{cut}x{number}.{other}"))
            .collect();
        Reply {
            authority,
            ..Reply::new().referral()
        }
        .now(asked)
    })
}

/// `evil.test.` on servers 10.53.0.5 to 8, as many as `servers`: all mute but those in `alive`, which answer what they are asked.
pub fn mute(servers: u8, alive: &'static [u8]) -> Box<Script> {
    let mut delegation = String::new();
    for number in (5..=8).take(servers.into()) {
        delegation += &format!(
            "evil.test. NS ns{number}.evil.test.\nns{number}.evil.test. A 10.53.0.{number}\n"
        );
    }
    let world = World::new(&[
        ("10.53.0.1", ".", ROOT_ZONE),
        ("10.53.0.2", "test.", &delegation),
    ]);
    Box::new(move |asked| match asked.server {
        IpAddr::V4(server) if is_of_zone(server.into()) => {
            if alive.contains(&server.octets()[3]) {
                address(asked).now(asked)
            } else {
                Vec::new()
            }
        }
        _ => world.answer(asked).now(asked),
    })
}

/// An address for whatever is asked for one; nothing else.
pub fn address(asked: &Asked) -> Reply {
    if asked.rtype == T::A {
        Reply::new().answer(format!("{} A 192.0.2.66", asked.name))
    } else {
        Reply::new().authority(SOA)
    }
}

/// Whoever asks with EDNS is not heard.
pub fn drops_edns() -> Box<Script> {
    beside_base(|asked| {
        if asked.edns.is_some() {
            Vec::new()
        } else {
            address(asked).now(asked)
        }
    })
}

/// Whoever asks with EDNS gets `code`, with or without the question.
pub fn refuses_edns(code: u16, questions: u16) -> Box<Script> {
    beside_base(move |asked| {
        if asked.edns.is_some() {
            Reply {
                opt: false,
                questions,
                ..Reply::rcode(code)
            }
            .now(asked)
        } else {
            address(asked).now(asked)
        }
    })
}

/// 1,500 addresses, or 20 kilobytes of text.
pub fn big() -> Box<Script> {
    beside_base(|asked| {
        let mut reply = Reply::new();
        if asked.rtype == T::TXT {
            let text = "t".repeat(240);
            for number in 0..20 {
                reply = reply.answer(format!(
                    "{} TXT{} \"{number}\"",
                    asked.name,
                    format!(" \"{text}\"").repeat(4)
                ));
            }
        } else {
            for number in 0..1_500 {
                reply = reply.answer(format!(
                    "{} A 198.18.{}.{}",
                    asked.name,
                    number / 250,
                    number % 250
                ));
            }
        }
        reply.now(asked)
    })
}

/// TTLs of 2^31 - 1, below `negative…` of 2^31.
pub fn absurd_ttls() -> Box<Script> {
    beside_base(|asked| {
        let negative_ttl = asked.name.starts_with("negative");
        Reply {
            negative_ttl,
            ..Reply::new()
        }
        .answer(format!("{} 2147483647 A 192.0.2.66", asked.name))
        .now(asked)
    })
}

/// Every answer brings records for names of others, in every section.
pub fn poison() -> Box<Script> {
    beside_base(|asked| {
        let mut reply = Reply::new();
        reply = match asked.name.split('.').next() {
            Some("alias") => reply.answer(format!("{} CNAME www.victim.test.", asked.name)),
            _ => reply.answer(format!("{} A 192.0.2.66", asked.name)),
        };
        reply
            .answer("www.victim.test. A 203.0.113.66")
            .answer("unrelated.evil.test. A 203.0.113.66")
            .authority("victim.test. NS ns.evil.test.")
            .authority("test. NS ns.evil.test.")
            .authority(". NS ns.evil.test.")
            .authority("victim.test. DNAME evil.test.")
            .additional("ns.evil.test. A 10.53.0.6")
            .additional("ns.victim.test. A 10.53.0.6")
            .additional("ns.test. A 10.53.0.6")
            .additional("a.root. A 10.53.0.6")
            .now(asked)
    })
}

/// The kinds of bad packets of [`bad_first`].
pub const BAD_KINDS: [&str; 11] = [
    "empty",
    "short",
    "garbage",
    "wrong-id",
    "query",
    "update",
    "other-name",
    "other-type",
    "no-question",
    "two-questions",
    "cut-off",
];

/// A bad packet, of the kind that the name says, and the good one 80 ms later.
pub fn bad_first() -> Box<Script> {
    beside_base(|asked| {
        let evil = Reply::new().answer(format!("{} A 203.0.113.66", asked.name));
        let good = Reply::new().answer(format!("{} A 192.0.2.66", asked.name));
        if asked.tcp || asked.rtype != T::A {
            return good.now(asked);
        }
        let bad = match asked.name.trim_end_matches(".evil.test.") {
            "empty" => Vec::new(),
            "short" => evil.write(asked)[..7].to_vec(),
            "garbage" => vec![0xA5; 120],
            "wrong-id" => Reply {
                id_shift: 1,
                ..evil
            }
            .write(asked),
            "query" => Reply {
                flags: 0x0400,
                ..evil
            }
            .write(asked),
            "update" => Reply {
                flags: 0x8400 | 5 << 11,
                ..evil
            }
            .write(asked),
            "other-name" => Reply {
                question: Some(("www.victim.test.".to_owned(), T::A)),
                ..evil
            }
            .write(asked),
            "other-type" => Reply {
                question: Some((asked.name.clone(), T::AAAA)),
                ..evil
            }
            .write(asked),
            "no-question" => Reply {
                questions: 0,
                ..evil
            }
            .write(asked),
            "two-questions" => Reply {
                questions: 2,
                ..evil
            }
            .write(asked),
            _ => {
                let mut octets = evil.write(asked);
                octets.truncate(octets.len() - 14);
                octets
            }
        };
        vec![
            (Duration::ZERO, bad),
            (Duration::from_millis(80), good.write(asked)),
        ]
    })
}

/// Whether the right answer came for a kind of [`bad_first`].
pub fn survived(kind: &str, said: &str) -> bool {
    said == format!("NOERROR {kind}.evil.test. A 192.0.2.66")
}

/// Answers with QR=0 for `qr…`, with opcode 5 for all else.
pub fn no_responses() -> Box<Script> {
    beside_base(|asked| {
        let flags = if asked.name.starts_with("qr") {
            0x0400
        } else {
            0x8400 | 5 << 11
        };
        Reply {
            flags,
            ..Reply::new()
        }
        .answer(format!("{} A 203.0.113.66", asked.name))
        .now(asked)
    })
}

/// An address for every name, after a while.
pub fn slow(wait: Duration) -> Box<Script> {
    beside_base(move |asked| address(asked).after(asked, wait))
}

/// Whether a server is one of those of [`mute`].
pub fn is_of_zone(server: IpAddr) -> bool {
    matches!(server, IpAddr::V4(server) if server.octets()[3] >= 5)
}

/// An address for every name, at once.
pub fn willing() -> Box<Script> {
    beside_base(|asked| address(asked).now(asked))
}

/// Sixty clients ask for one name at the same time: how many get the right answer.
pub fn sixty_clients(scene: &Scene, name: &str) -> usize {
    scene.resolver.inside(|| {
        let sockets: Vec<UdpSocket> = (1..=60)
            .map(|number| client_socket(&format!("127.0.1.{number}"), PATIENCE))
            .collect();
        for (id, socket) in (1..).zip(&sockets) {
            socket.send(&client::ask(id, name, T::A)).expect("sent");
        }
        let deadline = Instant::now() + PATIENCE;
        sockets
            .iter()
            .filter(|socket| {
                let left = deadline.saturating_duration_since(Instant::now());
                socket
                    .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                    .expect("a read timeout");
                right(socket, name)
            })
            .count()
    })
}

/// One client asks for one name a hundred times at once: how many right answers it gets.
pub fn hundred_equal_queries(scene: &Scene, name: &str) -> usize {
    scene.resolver.inside(|| {
        let socket = client_socket("127.0.0.1", Duration::from_secs(3));
        for id in 0..100 {
            socket.send(&client::ask(id, name, T::A)).expect("sent");
        }
        (0..100).take_while(|_| right(&socket, name)).count()
    })
}

/// 400 names never asked before, 20 at a time, until one is not answered: the source ports and the IDs that the servers saw.
pub fn four_hundred_names(scene: &Scene) -> (HashSet<u16>, HashSet<u16>) {
    assert!(scene.told("warm.evil.test.", T::A).starts_with("NOERROR"));
    scene.network.forget();
    scene.resolver.inside(|| {
        let socket = client_socket("127.0.0.1", PATIENCE);
        let mut buffer = [0; 4096];
        for batch in 0..20_u16 {
            for number in 0..20 {
                let id = batch * 20 + number;
                socket
                    .send(&client::ask(id, &format!("n{id}.evil.test."), T::A))
                    .expect("sent");
            }
            for _ in 0..20 {
                if socket.recv(&mut buffer).is_err() {
                    return;
                }
            }
        }
    });
    let asked = scene.network.asked();
    (
        asked.iter().map(|asked| asked.source.port()).collect(),
        asked.iter().map(|asked| asked.id).collect(),
    )
}

fn client_socket(source: &str, patience: Duration) -> UdpSocket {
    let socket = UdpSocket::bind((source, 0)).expect("a client socket");
    socket.connect(listen()).expect("connected");
    socket
        .set_read_timeout(Some(patience))
        .expect("a read timeout");
    socket
}

/// Whether the next datagram is the right answer.
fn right(socket: &UdpSocket, name: &str) -> bool {
    let mut buffer = [0; 4096];
    let Ok(length) = socket.recv(&mut buffer) else {
        return false;
    };
    let reply = Message::parse(&buffer[..length]).expect("a reply");
    say(Some(&reply)) == format!("NOERROR {name} A 192.0.2.66")
}
