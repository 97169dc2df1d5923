//! What does a signed zone that wants to be expensive cost, in CPU per client query and in other clients' patience?
//!
//! Needs root (network namespaces) and NSD. Each case asks names that were never asked before, one after the other; CPU is that of all
//! threads of suimond. Beside them one client asks for a cached name every two milliseconds, in turns with costly and with honest cold names at the
//! same rate; compared are the slowest hundredths of its waits. `SUIMOND` in the environment is another binary.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "a program that measures and prints; the lab is the tests', of which it uses a part; a panic is the report"
)]

#[path = "../../tests/it/lab/mod.rs"]
mod lab;
#[path = "../whole/table.rs"]
mod table;

use std::net::SocketAddr;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use suimon::drill::signing::Denial;
use suimon::wire::RecordType as T;

use lab::client;
use lab::expensive::{nsec3, trap, zone};
use lab::relay;
use lab::script::{PATIENCE, Scene, Setting, listen, loopback};

/// What a client query may cost, milliseconds of CPU.
const MOST_CPU: f64 = 5.0;
/// How much longer the slowest hundredth may wait.
const MOST_WAIT: f64 = 1.2;
/// Names asked to measure CPU.
const MEASURED: usize = 16;
/// Turns with each kind of names.
const TURNS: usize = 6;
/// Names asked in one turn, one every [`PACE`].
const IN_TURN: usize = 8;
/// Between two names.
const PACE: Duration = Duration::from_millis(120);
/// Between two questions for the cached name.
const PROBE: Duration = Duration::from_millis(2);

/// One kind of zone.
struct Case {
    title: &'static str,
    zone: &'static str,
    rcode: u8,
}

const HONEST: Case = Case {
    title: "an honest signed zone",
    zone: "good.test.",
    rcode: 0,
};
const COSTLY: [Case; 3] = [
    Case {
        title: "60 keys of one tag, 60 wrong signatures",
        zone: "trap.test.",
        rcode: 2,
    },
    Case {
        title: "an answer with 500 wrong signatures",
        zone: "many.test.",
        rcode: 2,
    },
    Case {
        title: "NSEC3 with 2,500 iterations",
        zone: "huge.test.",
        rcode: 3,
    },
];

fn main() -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        println!("bench costly: needs root, for network namespaces");
        return ExitCode::SUCCESS;
    }
    let scene = start();
    let pid = scene.lab.pid("suimond");
    let mut held = true;
    println!(
        "| case | CPU per client query, ms | p99 of cached answers, µs | the same beside honest cold names | ratio |"
    );
    println!("|---|---:|---:|---:|---:|");
    let mut honest_names = 0..usize::MAX;
    warm(&scene);
    let honest = cost(&scene, pid, &HONEST, take(&mut honest_names, MEASURED));
    println!("| {} | {honest:.2} | | | |", HONEST.title);
    for case in &COSTLY {
        let mut names = 0..usize::MAX;
        let cpu = cost(&scene, pid, case, take(&mut names, MEASURED));
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let names_of_turn = take(&mut honest_names, IN_TURN);
            without.push(p99(waits(&scene, &HONEST, names_of_turn)));
            with.push(p99(waits(&scene, case, take(&mut names, IN_TURN))));
        }
        let (with, without) = (median(with), median(without));
        let ratio = with / without;
        println!(
            "| {} | {cpu:.2} | {with:.0} | {without:.0} | {ratio:.2} |",
            case.title
        );
        let fits = cpu <= MOST_CPU && ratio <= MOST_WAIT;
        held &= fits;
        let verdict = if fits { "held" } else { "NOT held" };
        table::record(&format!(
            "| CPU of a client query, p99 of others' cached answers: {} | {cpu:.2} ms, x {ratio:.2} | 5 ms, x 1.2: {verdict} |",
            case.title
        ));
    }
    println!("{}", if held { "held" } else { "NOT held" });
    ExitCode::SUCCESS
}

/// The next `count` numbers of names.
fn take(fresh: &mut Range<usize>, count: usize) -> Range<usize> {
    let begin = fresh.start;
    fresh.start += count;
    begin..fresh.start
}

/// All names that are ever asked exist, but in the zone whose names must not.
fn start() -> Scene {
    let names = |count: usize| -> Vec<String> { (0..count).map(|n| format!("n{n}")).collect() };
    let hosts = names(MEASURED + COSTLY.len() * TURNS * IN_TURN);
    let trapped = names(MEASURED + TURNS * IN_TURN);
    let trapped: Vec<&str> = trapped.iter().map(String::as_str).collect();
    let lines: String = hosts
        .iter()
        .map(|host| format!("{host}.good.test. A 192.0.2.1\n"))
        .collect();
    let zones = vec![
        zone(
            "good.test.",
            &(lines + "www.good.test. A 192.0.2.1\n"),
            &Denial::Nsec,
            |_, _| (),
        ),
        trap("trap.test.", &trapped, 60),
        trap("many.test.", &trapped, 500),
        zone(
            "huge.test.",
            "www.huge.test. A 192.0.2.1",
            &nsec3(2500),
            |_, _| (),
        ),
    ];
    let (served, anchor) = relay::tree(zones, Vec::new());
    let more = format!("[dnssec]\nvalidation = \"on\"\ntrust_anchors = [{anchor:?}]\n");
    let setting = Setting {
        more: &more,
        servers: 1..=3,
        silence: true,
        ..Setting::default()
    };
    let mut scene = relay::scene("costly", &setting, served, relay::untwisted());
    // NSD takes connections before it has read its zones.
    let query = client::query(1, 0, "www.good.test.", T::A, false);
    let (from, to) = ("10.53.1.3:0", "10.53.1.3:53");
    let (from, to): (SocketAddr, SocketAddr) = (address(from), address(to));
    let served = || {
        scene
            .servers
            .inside(|| client::tcp(from.ip(), to, &query, PATIENCE))
    };
    let begun = Instant::now();
    while served().is_none() && begun.elapsed() < Duration::from_secs(60) {}
    scene.start("suimond", &setting);
    scene
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The way to every zone, and its keys, are known.
fn warm(scene: &Scene) {
    for zone in [
        "www.good.test.",
        "www.huge.test.",
        "trap.test.",
        "many.test.",
    ] {
        let rtype = if zone.starts_with("www") {
            T::A
        } else {
            T::SOA
        };
        assert_eq!(ask(scene, zone, rtype), Some(0), "{zone}");
    }
}

/// The RCODE of an answer.
fn ask(scene: &Scene, name: &str, rtype: T) -> Option<u8> {
    scene.resolver.inside(|| {
        let query = client::ask(1, name, rtype);
        let reply = client::udp(loopback(), listen(), &query, PATIENCE)?;
        reply.get(3).map(|flags| flags & 0x0F)
    })
}

/// Milliseconds of CPU that a name costs.
fn cost(scene: &Scene, pid: u32, case: &Case, names: Range<usize>) -> f64 {
    let count = names.len();
    let before = cpu(pid);
    for name in names {
        let name = format!("n{name}.{}", case.zone);
        assert_eq!(ask(scene, &name, T::A), Some(case.rcode), "{name}");
    }
    (cpu(pid) - before) as f64 / 1e6 / count as f64
}

/// What a client of cached answers waits while these names are asked for, microseconds.
fn waits(scene: &Scene, case: &Case, names: Range<usize>) -> Vec<f64> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let probe = scope.spawn(|| {
            scene.resolver.inside(|| {
                let query = client::ask(2, "www.good.test.", T::A);
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
                socket.connect(listen()).expect("connected");
                socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let mut waits = Vec::new();
                let mut reply = [0; 512];
                while !done.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    socket.send(&query).expect("sent");
                    socket.recv(&mut reply).expect("a cached answer");
                    waits.push(begun.elapsed().as_secs_f64() * 1e6);
                    thread::sleep(PROBE);
                }
                waits
            })
        });
        for name in names {
            let begun = Instant::now();
            let name = format!("n{name}.{}", case.zone);
            assert_eq!(ask(scene, &name, T::A), Some(case.rcode), "{name}");
            thread::sleep(PACE.saturating_sub(begun.elapsed()));
        }
        done.store(true, Ordering::Relaxed);
        probe.join().expect("a client")
    })
}

/// Of several turns: a busy moment of the machine spoils one.
fn median(mut turns: Vec<f64>) -> f64 {
    turns.sort_by(f64::total_cmp);
    turns[turns.len() / 2]
}

fn p99(mut waits: Vec<f64>) -> f64 {
    waits.sort_by(f64::total_cmp);
    waits[waits.len() * 99 / 100]
}

/// Nanoseconds that all threads of a process have run.
fn cpu(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a running suimond");
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}
