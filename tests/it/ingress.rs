//! Are queries with an inside address that arrive from outside dropped, unanswered and unforwarded, and honest ones served?

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use suimon::wire::{Message, RecordType};

use crate::lab::capture::Capture;
use crate::lab::client::{self, query};
use crate::lab::frames::Frames;
use crate::lab::{Lab, Ns, suimond};

const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.54.0.9\n";
const PATIENCE: Duration = Duration::from_secs(20);
/// Of a client that may not be served: how long it takes to believe it.
const MOMENT: Duration = Duration::from_secs(1);
/// The resolver on its inside interface, per family: queries from outside ask the same addresses.
const SERVERS: [&str; 2] = ["10.54.0.1:53", "[fd54::1]:53"];
const INSIDE: [&str; 2] = ["10.54.0.2", "fd54::2"];
const OUTSIDE: [&str; 2] = ["10.53.0.2", "fd53::2"];

/// Customers inside, the Internet outside, the resolver between them.
struct Border {
    lab: Lab,
    inside: Ns,
    outside: Ns,
    resolver: Ns,
}

fn border(tag: &str, guard: &str) -> Border {
    let mut lab = Lab::new(tag);
    let (inside, resolver, outside) = (
        lab.namespace("in"),
        lab.namespace("suimon"),
        lab.namespace("out"),
    );
    lab.link(
        &inside,
        "home",
        &["10.54.0.2/24", "fd54::2/64"],
        &resolver,
        "lan0",
        &["10.54.0.1/24", "fd54::1/64"],
    );
    lab.link(
        &outside,
        "world",
        &["10.53.0.2/24", "fd53::2/64"],
        &resolver,
        "wan0",
        &["10.53.0.1/24", "fd53::1/64"],
    );
    // The host's own check, as some kernels have it on, would hide ours.
    for device in ["all", "lan0", "wan0"] {
        let key = format!("net.ipv4.conf.{device}.rp_filter=0");
        resolver.run(&["sysctl", "-qw", &key]);
    }
    resolver.default_route("10.53.0.2".parse().expect("an address"));
    resolver.default_route("fd53::2".parse().expect("an address"));
    for address in OUTSIDE {
        let via = if address.contains(':') {
            "fd53::1"
        } else {
            "10.53.0.1"
        };
        let (family, inside) = if address.contains(':') {
            ("-6", "fd54::/64")
        } else {
            ("-4", "10.54.0.0/24")
        };
        outside.run(&["ip", family, "route", "add", inside, "via", via]);
    }
    let more = format!(
        "[control]\nsocket = {:?}\n[policy]\nlocal_zones = [\"local.test.\"]\n\
         local_data = [\"www.local.test. 60 IN A 192.0.2.1\"]\n[guard]\n{guard}\n",
        lab.dir().join("control.sock")
    );
    let clients = ["10.54.0.0/24", "fd54::/64", "10.53.0.2", "fd53::2"];
    let listen = SERVERS.map(address);
    let config = suimond::config(&lab, &listen, &clients, HINTS, &more);
    suimond::start(&mut lab, &resolver, "suimond", &config);
    Border {
        lab,
        inside,
        outside,
        resolver,
    }
}

impl Border {
    /// Sends frames from outside with that source address.
    fn forge(&self, source: &str, server: &str, kind: &str, count: usize, name: &str) {
        let octets = query(0, 0x0100, name, RecordType::A, true);
        let frames = Frames {
            kind,
            source,
            port: None,
            server: address(server),
            count,
            octets: &octets,
        };
        frames.send(
            &self.lab,
            (&self.outside, "world"),
            (&self.resolver, "wan0"),
        );
    }

    /// Whether a client in a namespace is served over that transport.
    fn is_served(&self, ns: &Ns, source: &str, server: &str, tcp: bool) -> bool {
        let source: IpAddr = source.parse().expect("an address");
        let octets = client::ask(7, "www.local.test.", RecordType::A);
        let ask = if tcp { client::tcp } else { client::udp };
        let reply = ns.inside(|| ask(source, address(server), &octets, MOMENT));
        reply.is_some_and(|reply| {
            let reply = Message::parse(&reply).expect("well formed");
            reply.answer.len() == 1
        })
    }

    fn dropped(&self, reason: &str) -> u64 {
        suimond::metric(&self.lab, "suimon_verdicts_total", reason)
    }

    /// Waits until a count has come that far; what it is then.
    fn wait_for(&self, reason: &str, count: u64) -> u64 {
        let begun = Instant::now();
        while self.dropped(reason) < count && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.dropped(reason)
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Honest clients of both families and transports on the inside, and one outside who may ask.
fn honest_clients_are_served(border: &Border) {
    for (place, server) in SERVERS.iter().enumerate() {
        for tcp in [false, true] {
            for (ns, source) in [(&border.inside, INSIDE), (&border.outside, OUTSIDE)] {
                // The first packets of a fresh link wait until its own IPv6 addresses are known to be nobody else's.
                let served = (0..10).any(|_| border.is_served(ns, source[place], server, tcp));
                assert!(
                    served,
                    "{} at {server}, TCP: {tcp}; dropped: {} {}",
                    source[place],
                    border.dropped("no_route_back"),
                    border.dropped("wrong_ingress")
                );
            }
        }
    }
}

fn spoofed_inside_is_silence(tag: &str, guard: &str, reason: &str) {
    const FRAMES: usize = 300;
    let border = border(tag, guard);
    honest_clients_are_served(&border);
    assert_eq!(border.dropped(reason), 0);
    let world = Capture::start(&border.lab, &border.resolver, "wan0", "udp or tcp");
    let home = Capture::start(&border.lab, &border.resolver, "lan0", "udp or tcp");
    for (source, server) in INSIDE.iter().zip(SERVERS) {
        // Names we know and names that would be asked of others.
        border.forge(source, server, "udp", FRAMES, "www.local.test.");
        border.forge(source, server, "udp", FRAMES, "victim.example.");
        border.forge(source, server, "tcp", 20, ".");
    }
    let sent = 4 * u64::try_from(FRAMES).expect("a small number");
    assert_eq!(border.wait_for(reason, sent), sent, "every one is counted");
    let (world, home) = (world.stop(), home.stop());
    // Of the outside wire's packets all are the forger's own.
    let ours = |line: &&String| !INSIDE.iter().any(|source| forged(line, source));
    let answers: Vec<&String> = world.iter().filter(ours).collect();
    assert_eq!(
        answers,
        Vec::<&String>::new(),
        "nothing leaves to the outside"
    );
    assert!(
        world.len() >= 4 * FRAMES,
        "the capture sees the forged frames: {}",
        world.len()
    );
    // Inside the kernel, not suimond, answers a forged SYN towards the address it names, and hears that nobody asked.
    let replies: Vec<&String> = home
        .iter()
        .filter(|line| !line.contains("Flags ["))
        .collect();
    assert_eq!(
        replies,
        Vec::<&String>::new(),
        "nothing reaches the victim by UDP"
    );
    let with_data = home.iter().filter(|line| !line.contains("length 0"));
    assert_eq!(with_data.count(), 0, "no octet over TCP: {home:?}");
    assert_eq!(
        suimond::metric(&border.lab, "suimon_upstream_packets_total", ""),
        0
    );
    honest_clients_are_served(&border);
    // With the kernel's own check even the SYN is met with silence (IPv4; IPv6 has none).
    border
        .resolver
        .run(&["sysctl", "-qw", "net.ipv4.conf.wan0.rp_filter=1"]);
    let home = Capture::start(&border.lab, &border.resolver, "lan0", "tcp");
    border.forge(INSIDE[0], SERVERS[0], "tcp", 20, ".");
    assert_eq!(home.stop(), Vec::<String>::new());
}

/// Whether a line of tcpdump is a packet from that source.
fn forged(line: &str, source: &str) -> bool {
    let Some((before, _)) = line.split_once(" > ") else {
        return false;
    };
    let from = before.rsplit(' ').next().unwrap_or_default();
    from.rsplit_once('.')
        .is_some_and(|(address, _)| address == source)
}

#[test]
fn strict_route_back_drops_what_comes_from_outside_with_an_inside_address() {
    spoofed_inside_is_silence("strict", "route_back = \"strict\"", "no_route_back");
}

#[test]
fn a_binding_drops_what_comes_from_outside_with_an_inside_address() {
    let bind =
        "[[guard.bind]]\nprefixes = [\"10.54.0.0/24\", \"fd54::/64\"]\ninterfaces = [\"lan*\"]\n";
    spoofed_inside_is_silence("bound", bind, "wrong_ingress");
}

#[test]
fn without_either_a_forged_query_is_answered_to_its_victim_and_the_capture_sees_it() {
    let border = border("naked", "");
    let home = Capture::start(&border.lab, &border.resolver, "lan0", "udp");
    for (source, server) in INSIDE.iter().zip(SERVERS) {
        border.forge(source, server, "udp", 10, "www.local.test.");
    }
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(home.stop().len(), 20, "this is what the checks are for");
}

#[test]
fn a_route_and_an_interface_that_come_and_go_are_seen_within_two_seconds() {
    let border = border("changes", "route_back = \"strict\"");
    let served_within = |source: &str, server: &str, wanted: bool| {
        let begun = Instant::now();
        while border.is_served(&border.inside, source, server, false) != wanted {
            assert!(
                begun.elapsed() < PATIENCE,
                "{source} served: {wanted}, not seen"
            );
        }
        begun.elapsed()
    };
    // A network behind the customers that nobody has a route to but the default one.
    for (source, prefix, via, server) in [
        ("10.54.9.9", "10.54.9.0/24", INSIDE[0], SERVERS[0]),
        ("fd54:9::9", "fd54:9::/64", INSIDE[1], SERVERS[1]),
    ] {
        let family = if source.contains(':') { "-6" } else { "-4" };
        let length = if source.contains(':') { 128 } else { 32 };
        border
            .inside
            .add_address("home", &format!("{source}/{length}"));
        let config = border.lab.dir().join("suimond.toml");
        let text = std::fs::read_to_string(&config).expect("the config");
        let text = text.replacen("allow = [", &format!("allow = [{prefix:?}, "), 1);
        std::fs::write(&config, text).expect("the config written");
        suimond::tool(&border.lab, &["reload"]);
        assert!(
            !border.is_served(&border.inside, source, server, false),
            "{source}"
        );
        let route = |verb| {
            border
                .resolver
                .run(&["ip", family, "route", verb, prefix, "via", via]);
        };
        // Once in three times: a machine may stand still, a daemon that looks seldom is late each time.
        let mut late = Vec::new();
        loop {
            route("add");
            let seen = served_within(source, server, true);
            route("del");
            served_within(source, server, false);
            if seen < Duration::from_secs(2) {
                break;
            }
            late.push(seen);
            assert!(late.len() < 3, "{source}: {late:?}");
        }
    }
    // Strict to off and back by a reload, while it runs.
    let config = border.lab.dir().join("suimond.toml");
    let strict = std::fs::read_to_string(&config).expect("the config");
    std::fs::write(&config, strict.replace("\"strict\"", "\"off\"")).expect("the config written");
    suimond::tool(&border.lab, &["reload"]);
    let before = border.dropped("no_route_back");
    border.forge(INSIDE[0], SERVERS[0], "udp", 10, "www.local.test.");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(border.dropped("no_route_back"), before);
    std::fs::write(&config, strict).expect("the config written");
    suimond::tool(&border.lab, &["reload"]);
    let begun = Instant::now();
    while border.dropped("no_route_back") == before {
        assert!(begun.elapsed() < PATIENCE, "it does not come back");
        border.forge(INSIDE[0], SERVERS[0], "udp", 1, "www.local.test.");
    }
    std::thread::sleep(MOMENT);
    let before = border.dropped("no_route_back");
    border.forge(INSIDE[0], SERVERS[0], "udp", 10, "www.local.test.");
    assert_eq!(border.wait_for("no_route_back", before + 10), before + 10);
}

#[test]
fn a_client_bound_to_an_interface_that_is_not_there_yet_is_served_once_it_is() {
    let bind = "[[guard.bind]]\nprefixes = [\"10.54.0.0/24\"]\ninterfaces = [\"tenant*\"]\n";
    let border = border("later", bind);
    let log = border.lab.log("suimond");
    assert!(
        log.contains("guard.bind names the interface tenant*"),
        "{log}"
    );
    let [v4, _] = SERVERS;
    for tcp in [false, true] {
        assert!(
            !border.is_served(&border.inside, INSIDE[0], v4, tcp),
            "TCP: {tcp}"
        );
    }
    assert_eq!(border.dropped("wrong_ingress"), 2);
    border.resolver.run(&["ip", "link", "set", "lan0", "down"]);
    border
        .resolver
        .run(&["ip", "link", "set", "lan0", "name", "tenant1"]);
    border.resolver.run(&["ip", "link", "set", "tenant1", "up"]);
    let begun = Instant::now();
    while !border.is_served(&border.inside, INSIDE[0], v4, false) {
        assert!(begun.elapsed() < PATIENCE, "the new name is not seen");
    }
    assert!(border.is_served(&border.inside, INSIDE[0], v4, true));
}
