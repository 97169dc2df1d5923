//! Does a zone under a flood of made-up names keep its real ones, at hardly any cost to its servers, with nothing configured for it?

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use suimon::wire::{Rcode, RecordType};

use crate::lab::client::{answer_text, ask, extended_errors, resolve};
use crate::lab::script::in_three_attempts;
use crate::lab::servers::{self, Zone};
use crate::lab::suimond::{metric, tool};
use crate::lab::{Lab, Ns, suimond};

const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n";
const PATIENCE: Duration = Duration::from_secs(10);
/// Real names of the victim, and new ones that nobody asks for before the attack. Their TTL ends again and again while it lasts.
const KNOWN: usize = 40;
const NEW: usize = 75;
/// Real names of the victim that nobody asks for while it is attacked.
const LATE: usize = 8;
/// Made-up names per second.
const RATE: u64 = 1_000;

#[test]
fn a_flooded_zone_keeps_its_names_at_hardly_any_cost_and_a_restart_knows_them() {
    let mut lab = Lab::new("torture");
    let victim = authority(&mut lab);
    let ns = lab.namespace("resolver");
    lab.link(
        &victim,
        "in",
        &["10.9.1.1/24"],
        &ns,
        "out",
        &["10.9.1.2/24"],
    );
    ns.default_route("10.9.1.1".parse().expect("an address"));
    let server: SocketAddr = "127.0.0.1:53".parse().expect("an address");
    let socket = lab.dir().join("control.sock");
    let more = format!(
        "[control]\nsocket = {socket:?}\n[policy]\nspecial_use = false\n[zone_guard]\nknown_names = \"1MiB\"\n"
    );
    let config = suimond::config(&lab, &[server], &["127.0.0.0/8"], HINTS, &more);
    suimond::start(&mut lab, &ns, "suimond", &config);

    // Two clients ask for each name: it is known to be real from then on.
    for client in [1, 2] {
        for name in known() {
            assert!(resolves(&ns, honest(client), server, &name), "{name}");
        }
    }
    assert!(metric(&lab, "suimon_zone_guard_learned_total", "") >= KNOWN as u64);

    let stop = AtomicBool::new(false);
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| ns.inside(|| flood(server, &sent, &stop)));
        let engaged = Instant::now();
        while metric(&lab, "suimon_zone_guard_zones_engaged", "") == 0 {
            assert!(
                engaged.elapsed() < Duration::from_secs(60),
                "{}",
                lab.log("suimond")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!(
            "engaged {:.1} s after the attack began",
            engaged.elapsed().as_secs_f32()
        );
        // The bots' first names explore for some seconds; from then on they are known for what they are.
        std::thread::sleep(Duration::from_secs(3));
        let packets = || metric(&lab, "suimon_upstream_packets_total", "");
        let mut asked = 0;
        in_three_attempts(|| {
            let before = (packets(), sent.load(Ordering::Relaxed));
            let (known, new) = ns.inside(|| honest_clients(server, asked, Duration::from_secs(8)));
            let after = (packets(), sent.load(Ordering::Relaxed));
            asked += new.1;
            let per_attack = (after.0 - before.0) as f64 / (after.1 - before.1).max(1) as f64;
            let figures = format!(
                "known names {known:?}, new names {new:?}, {per_attack:.3} upstream packets per attack query"
            );
            eprintln!("{figures}");
            let is_kept = known.0 * 100 >= known.1 * 99 && new.0 * 10 >= new.1 * 9 && new.1 > 3;
            if is_kept && per_attack <= 0.05 {
                Ok(())
            } else {
                Err(figures)
            }
        });
        let told = tool(&lab, &["guard", "status"]);
        let why = tool(&lab, &["why", "127.0.0.1", "anything.victim.example"]);
        stop.store(true, Ordering::Relaxed);
        // Which trigger comes first depends on how fast this machine is.
        let is_told = told.contains("victim.example.")
            && (told.contains("flood") || told.contains("in_flight"));
        assert!(is_told, "{told}");
        assert!(why.contains("which is under attack"), "{why}");
    });
    assert!(metric(&lab, "suimon_zone_guard_denied_total", "") > RATE);
    assert!(metric(&lab, "suimon_zone_guard_explored_total", "") > 0);
    assert_eq!(metric(&lab, "suimon_zone_guard_denied_known_total", ""), 0);

    // A bot is denied a name that is there, never told that it is not; and has it at once when the guard lets go.
    let bot = IpAddr::from([127, 1, 0, 1]);
    // Its denials are told a few times a second, and not at all while it is at work: it has to rest first, and suimond to be done with
    // what it has sent.
    let ask_late = |name: &String| {
        std::thread::sleep(Duration::from_secs(2));
        ns.inside(|| resolve(bot, server, name, RecordType::A, PATIENCE / 5))
    };
    // One in some dozens of names is looked up whoever asks, and of no use here.
    let is_denied = |name: &String| {
        let reply = ask_late(name)?;
        (reply.rcode() == Rcode::SERVFAIL).then(|| (name.clone(), reply))
    };
    let names = (0..LATE).map(|number| format!("late{number}.victim.example"));
    let (name, late) = names
        .collect::<Vec<_>>()
        .iter()
        .find_map(is_denied)
        .expect("the first denials are answered");
    let (code, why) = extended_errors(&late).swap_remove(0);
    assert!([0, 22].contains(&code), "{code} {why}");
    assert!(tool(&lab, &["guard", "release", "victim.example"]).contains("released"));
    assert!(resolves(&ns, bot, server, &name));

    // The operator's word.
    assert!(tool(&lab, &["guard", "pin", "victim.example"]).contains("pinned"));
    assert!(tool(&lab, &["guard", "status"]).contains("pinned victim.example."));
    assert!(tool(&lab, &["guard", "exempt", "victim.example"]).contains("exempt"));
    let (exit, _, why) = suimond::try_tool(&lab, &["guard", "pin", "co.uk"]);
    assert!(exit != Some(0) && why.contains("public suffix"), "{why}");
    // And of servers, by the address that they are known by.
    let exempt = tool(&lab, &["guard", "exempt", "192.0.2.53"]);
    assert!(exempt.contains("exempt server 192.0.2.53"), "{exempt}");
    for (words, wanted) in [
        (["exempt", "192.0.2.300"], "is no address"),
        (["pin", "192.0.2.53"], "pin its zones"),
        (["release", "192.0.2.99"], "known by one address"),
    ] {
        let (exit, _, why) = suimond::try_tool(&lab, &["guard", words[0], words[1]]);
        assert!(exit != Some(0) && why.contains(wanted), "{words:?}: {why}");
    }
    let log = lab.log("suimond");
    // The house is kept every five seconds: what was pinned for a moment may not have been told yet.
    let told = log.matches("zone under attack: started").count();
    assert!((1..=2).contains(&told), "{told}\n{log}");
    assert!(log.lines().count() < 60, "no line per packet:\n{log}");

    // What was learned is there after a restart, and what is damaged then is set aside.
    assert_eq!(lab.stop("suimond"), Some(0));
    suimond::start(&mut lab, &ns, "suimond-2", &config);
    assert!(
        lab.log("suimond-2")
            .contains("names known to be real were read")
    );
    let why = tool(&lab, &["why", "127.0.0.1", "real1.victim.example"]);
    assert!(why.contains("a name known to be real"), "{why}");
    let kept = tool(&lab, &["guard", "status"]);
    assert!(kept.contains("exempt server 192.0.2.53"), "{kept}");
    let released = tool(&lab, &["guard", "release", "192.0.2.53"]);
    assert!(
        released.contains("released server 192.0.2.53"),
        "{released}"
    );
    assert_eq!(lab.stop("suimond-2"), Some(0));
    let file = lab.dir().join("state/known-names.bin");
    let mut octets = std::fs::read(&file).expect("the file of known names");
    assert!(
        !octets.windows(6).any(|at| at == b"victim"),
        "it holds no readable name"
    );
    octets[70_000] ^= 1;
    std::fs::write(&file, octets).expect("written back");
    suimond::start(&mut lab, &ns, "suimond-3", &config);
    let log = lab.log("suimond-3");
    assert!(
        log.contains("its checksum is wrong") && log.contains("known-names.bin.bad"),
        "{log}"
    );
    assert!(resolves(&ns, honest(1), server, "real1.victim.example"));
}

/// The root, `example.` and the victim on one NSD; the victim's names live for five seconds.
fn authority(lab: &mut Lab) -> Ns {
    let ns = lab.namespace("auth");
    ns.add_address("lo", "10.53.0.1/32");
    ns.add_address("lo", "10.53.0.2/32");
    let apex = "$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n";
    let root = format!(
        "{apex}@ NS a.root.\na.root. A 10.53.0.1\nexample. NS ns.example.\nns.example. A 10.53.0.1\n"
    );
    let example =
        format!("{apex}@ NS ns\nns A 10.53.0.1\nvictim NS ns.victim\nns.victim A 10.53.0.2\n");
    let mut victim = format!("{apex}@ NS ns\nns A 10.53.0.2\n");
    for number in 0..LATE {
        victim.push_str(&format!("late{number} A 192.0.2.9\n"));
    }
    for name in known().chain(new()) {
        let label = name.split('.').next().unwrap_or_default().to_owned();
        victim.push_str(&format!("{label} 5 A 192.0.2.1\n"));
    }
    let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let zone = |name, text| Zone { name, text };
    let above = [zone(".", root), zone("example", example)];
    servers::nsd(lab, &ns, "nsd-above", &[address("10.53.0.1")], &above);
    servers::nsd(
        lab,
        &ns,
        "nsd-victim",
        &[address("10.53.0.2")],
        &[zone("victim.example", victim)],
    );
    ns
}

fn known() -> impl Iterator<Item = String> {
    (0..KNOWN).map(|at| format!("real{at}.victim.example"))
}

fn new() -> impl Iterator<Item = String> {
    (0..NEW).map(|at| format!("new{at}.victim.example"))
}

fn honest(number: u8) -> IpAddr {
    IpAddr::from([127, 2, number, 1])
}

fn resolves(ns: &Ns, client: IpAddr, server: SocketAddr, name: &str) -> bool {
    ns.inside(|| is_answered(client, server, name))
}

fn is_answered(client: IpAddr, server: SocketAddr, name: &str) -> bool {
    resolve(client, server, name, RecordType::A, PATIENCE)
        .is_some_and(|reply| reply.rcode() == Rcode::NOERROR && answer_text(&reply).len() == 1)
}

/// A known name every 40 ms, a new one every 400 ms, each new one by a client that asked for nothing else: how many were answered. So many
/// of the new ones are new no longer.
fn honest_clients(
    server: SocketAddr,
    old: usize,
    span: Duration,
) -> ((usize, usize), (usize, usize)) {
    let (mut known, mut new) = ((0, 0), (0, 0));
    let begun = Instant::now();
    for turn in 0_usize.. {
        if begun.elapsed() >= span {
            break;
        }
        let client = u8::try_from(turn % 20).unwrap_or(0);
        known.0 += usize::from(is_answered(
            honest(client),
            server,
            &format!("real{}.victim.example", turn * 7 % KNOWN),
        ));
        known.1 += 1;
        if turn % 10 == 0 && old + new.1 < NEW {
            let client = IpAddr::from([127, 3, u8::try_from(old + new.1).unwrap_or(0), 1]);
            new.0 += usize::from(is_answered(
                client,
                server,
                &format!("new{}.victim.example", old + new.1),
            ));
            new.1 += 1;
        }
        std::thread::sleep(Duration::from_millis(40));
    }
    (known, new)
}

/// Made-up names from a hundred bots, who do not wait for replies, until told to stop or for four minutes.
fn flood(server: SocketAddr, sent: &AtomicU64, stop: &AtomicBool) {
    let bots: Vec<UdpSocket> = (1..=100)
        .map(|bot| {
            let socket =
                UdpSocket::bind((Ipv4Addr::new(127, 1, 0, bot), 0)).expect("a bot's socket");
            socket.connect(server).expect("a connected socket");
            socket
        })
        .collect();
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(240) {
        let due = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0) * RATE / 1_000;
        for number in sent.load(Ordering::Relaxed)..due {
            let name = format!(
                "{:x}.victim.example",
                number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            );
            let id = u16::try_from(number & 0xFFFF).unwrap_or(0);
            let bot = usize::try_from(number).unwrap_or(0) % bots.len();
            let _refused_or_not = bots[bot].send(&ask(id, &name, RecordType::A));
            sent.store(number + 1, Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
