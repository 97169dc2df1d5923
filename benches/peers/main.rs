//! Is any peer better than suimond under hostile servers? Each row of the peers' table, the same script for all, one table at the end.
//!
//! Needs root (network namespaces) and Debian's unbound, bind9, knot-resolver and pdns-recursor; whoever is missing has no column. Words on
//! the command line choose the rows that contain one of them; `TELL=1` in the environment shows every question the servers got.

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

mod daemons;
#[path = "../../tests/it/lab/mod.rs"]
mod lab;

use std::collections::BTreeSet;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use suimon::wire::RecordType as T;

use daemons::Peer;
use lab::evil;
use lab::script::{HINTS, Reply, Scene, Script, Setting, World, listen, say};

/// How long a client waits before it is told as silence.
const PATIENCE: Duration = Duration::from_secs(15);
/// Seconds closer than this are the same: the machine has busy moments.
const SAME_SECONDS: f64 = 0.15;

/// What one resolver did in one row.
struct Cell {
    /// Whether it did what a client needs; compared first.
    good: bool,
    /// What it cost, the less the better, in the row's own units; compared among those that are equally good.
    costs: Vec<f64>,
    text: String,
}

/// One row of the table.
struct Row {
    title: &'static str,
    /// Last octet of the highest server.
    servers: u8,
    script: fn() -> Box<Script>,
    measure: fn(&Scene) -> Cell,
}

fn main() -> ExitCode {
    if !rustix::process::geteuid().is_root() {
        println!("The comparison needs root, for network namespaces.");
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let chosen = rows()
        .into_iter()
        .filter(|row| words.is_empty() || words.iter().any(|word| row.title.contains(&**word)));
    let peers: Vec<(Peer, String)> = Peer::ALL
        .into_iter()
        .filter_map(|peer| Some((peer, version(peer)?)))
        .collect();
    for (peer, version) in &peers {
        println!("{}: {version}", peer.name());
    }
    print!("\n| | suimond |");
    for (peer, _) in &peers {
        print!(" {} |", peer.name());
    }
    println!("\n|---|{}", "---|".repeat(peers.len() + 1));
    let mut worse = Vec::new();
    for row in chosen {
        let ours = row.run(None);
        let theirs: Vec<(Peer, Cell)> = peers
            .iter()
            .map(|(peer, _)| (*peer, row.run(Some(*peer))))
            .collect();
        print!("| {} | {} |", row.title, ours.text);
        for (_, cell) in &theirs {
            print!(" {} |", cell.text);
        }
        println!();
        let better: Vec<&str> = theirs
            .iter()
            .filter(|(_, cell)| cell.is_better_than(&ours))
            .map(|(peer, _)| peer.name())
            .collect();
        if !better.is_empty() {
            worse.push(format!("{}: {}", row.title, better.join(", ")));
        }
    }
    println!();
    if worse.is_empty() {
        println!("No peer is better in any row.");
        return ExitCode::SUCCESS;
    }
    println!("Better in something:");
    for line in worse {
        println!("- {line}");
    }
    ExitCode::FAILURE
}

/// The version of a peer's package; nothing if it is not installed.
fn version(peer: Peer) -> Option<String> {
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Abbrev}${Version}", peer.package()])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    told.strip_prefix("ii ").map(str::to_owned)
}

impl Row {
    /// A scene of its own, so that nothing is cached; `None` is suimond.
    fn run(&self, peer: Option<Peer>) -> Cell {
        let setting = Setting {
            servers: 1..=self.servers,
            silence: true,
            ..Setting::default()
        };
        let mut scene = Scene::without_suimond("peers", &setting, (self.script)());
        let resolver = scene.resolver.clone();
        match peer {
            None => scene.start("suimond", &setting),
            Some(peer) => peer.start(&mut scene.lab, &resolver, listen(), HINTS),
        }
        // What a resolver asks of its own accord when it starts is not the client's doing.
        std::thread::sleep(Duration::from_millis(500));
        scene.network.forget();
        let cell = (self.measure)(&scene);
        if std::env::var_os("TELL").is_some() {
            let name = peer.map_or("suimond", Peer::name);
            eprintln!("{}, {name}: {:#?}", self.title, scene.network.told());
        }
        cell
    }
}

impl Cell {
    fn new(good: bool, costs: &[f64], text: impl Into<String>) -> Self {
        Self {
            good,
            costs: costs.to_vec(),
            text: text.into(),
        }
    }

    /// Better at all: in the outcome, or in one of the costs.
    fn is_better_than(&self, ours: &Self) -> bool {
        if self.good != ours.good {
            return self.good;
        }
        self.costs
            .iter()
            .zip(&ours.costs)
            .any(|(theirs, ours)| *theirs + SAME_SECONDS < *ours)
    }
}

/// One question as a stub resolver asks it: what came, and after how many seconds.
fn timed(scene: &Scene, name: &str, rtype: T) -> (String, f64) {
    let begun = Instant::now();
    let told = say(scene.ask_for(name, rtype, PATIENCE).as_ref());
    (told, begun.elapsed().as_secs_f64())
}

fn outcome(told: &str) -> &str {
    told.split_whitespace().next().unwrap_or_default()
}

/// Packets that a client's question caused; priming is none of them.
fn caused(scene: &Scene) -> f64 {
    let asked = scene.network.asked();
    let caused = asked
        .iter()
        .filter(|asked| asked.name != "." && !asked.name.ends_with("root."));
    caused.count() as f64
}

/// Packets, after what goes on behind the client's back has ended.
fn settled(scene: &Scene, count: fn(&Scene) -> f64) -> f64 {
    std::thread::sleep(Duration::from_millis(1_500));
    count(scene)
}

fn evil_side(scene: &Scene) -> f64 {
    evil::evil_side(scene) as f64
}

fn to_zone(scene: &Scene) -> f64 {
    let servers = ["10.53.0.5", "10.53.0.6", "10.53.0.7", "10.53.0.8"];
    let packets: usize = servers
        .map(|server| scene.network.count_to(server))
        .iter()
        .sum();
    packets as f64
}

/// One question that cannot be answered: packets of `count`, and the seconds until the client is told.
fn futile(scene: &Scene, name: &str, count: fn(&Scene) -> f64) -> Cell {
    let (told, seconds) = timed(scene, name, T::A);
    let packets = settled(scene, count);
    Cell::new(
        told != "nothing",
        &[packets, seconds],
        format!("{packets} / {seconds:.1} s {}", outcome(&told)),
    )
}

/// One question that has an answer.
fn useful(scene: &Scene, name: &str, count: fn(&Scene) -> f64) -> Cell {
    let (told, seconds) = timed(scene, name, T::A);
    let packets = settled(scene, count);
    let good = outcome(&told) == "NOERROR" && told.contains(" A ");
    Cell::new(
        good,
        &[packets, seconds],
        format!("{packets} / {seconds:.1} s {}", outcome(&told)),
    )
}

/// How many of those who ask for one slow name are answered, and for how many packets.
fn answered_for_packets(scene: &Scene, ask: fn(&Scene, &str) -> usize) -> Cell {
    let answered = ask(scene, "slow.evil.test.");
    let packets = evil_side(scene);
    Cell::new(
        true,
        &[-(answered as f64), packets],
        format!("{answered} / {packets}"),
    )
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    let row = |title, script, measure| Row {
        title,
        servers: 8,
        script,
        measure,
    };
    vec![
        row(
            "NXNS, 60 NS names at the victim's: packets / s",
            || evil::nxns("victim.test."),
            |scene| futile(scene, "x.attack.evil.test.", evil_side),
        ),
        row(
            "NXNS, 60 NS names at the attacker's: packets / s",
            || evil::nxns("evil.test."),
            |scene| futile(scene, "x.attack.evil.test.", evil_side),
        ),
        row(
            "endless CNAME: packets / s",
            evil::endless_cnames,
            |scene| futile(scene, "c1.evil.test.", caused),
        ),
        row(
            "the longest chain of CNAMEs, one an answer, that resolves: links",
            cname_chains,
            |scene| {
                let longest = (1..=20_u32)
                    .take_while(|length| {
                        timed(scene, &format!("c{length}-{length}.evil.test."), T::A)
                            .0
                            .contains(" A 192.0.2.66")
                    })
                    .count();
                Cell::new(true, &[-(longest as f64)], longest.to_string())
            },
        ),
        Row {
            title: "a delegation per label, 35 labels: packets / s",
            servers: 46,
            script: || honest(evil::label_by_label().0),
            measure: |scene| useful(scene, &evil::label_by_label().1, caused),
        },
        row(
            "glueless NS loop: packets / s",
            || honest(evil::glueless_loop()),
            |scene| futile(scene, "www.a.loop.", caused),
        ),
        row(
            "CNAME x glueless x deep: packets / s",
            evil::camp,
            |scene| futile(scene, "c1.evil.test.", evil_side),
        ),
        row("one server, mute: packets / s", || evil::mute(1, &[]), mute),
        row(
            "two servers, mute: packets / s",
            || evil::mute(2, &[]),
            mute,
        ),
        row(
            "four servers, mute: packets / s",
            || evil::mute(4, &[]),
            mute,
        ),
        row(
            "four servers, one alive, 8 names: right / packets / slowest s",
            || evil::mute(4, &[7]),
            |scene| {
                let told: Vec<(String, f64)> = (0..8)
                    .map(|name| timed(scene, &format!("w{name}.evil.test."), T::A))
                    .collect();
                let right = told
                    .iter()
                    .filter(|(told, _)| told.starts_with("NOERROR"))
                    .count();
                let slowest = told.iter().fold(0.0_f64, |most, (_, took)| most.max(*took));
                let packets = settled(scene, to_zone);
                Cell::new(
                    right == 8,
                    &[packets, slowest],
                    format!("{right} / {packets} / {slowest:.1} s"),
                )
            },
        ),
        row(
            "the only server takes 1.2 s: packets / s",
            || evil::slow(Duration::from_millis(1_200)),
            |scene| useful(scene, "www.evil.test.", evil_side),
        ),
        row(
            "server drops EDNS: packets / s",
            evil::drops_edns,
            |scene| useful(scene, "www.evil.test.", evil_side),
        ),
        row(
            "FORMERR to EDNS: packets / s",
            || evil::refuses_edns(1, 1),
            |scene| useful(scene, "www.evil.test.", evil_side),
        ),
        row("1,500 A records", evil::big, |scene| {
            let reply = scene.ask_for("www.evil.test.", T::A, PATIENCE);
            let count = reply.as_ref().map_or(0, |reply| reply.answer.len());
            let told = say(reply.as_ref());
            Cell::new(count == 1_500, &[], format!("{}, {count}", outcome(&told)))
        }),
        row("TTL 2^31-1 handed on as", evil::absurd_ttls, |scene| {
            let reply = scene.ask_for("long.evil.test.", T::A, PATIENCE);
            let ttl = reply.and_then(|reply| Some(reply.answer.first()?.ttl));
            let days = f64::from(ttl.unwrap_or(u32::MAX)) / 86_400.0;
            Cell::new(ttl.is_some(), &[days], format!("{days:.0} d"))
        }),
        row("poison taken, of 4 names", evil::poison, |scene| {
            let mut taken = Vec::new();
            let told = timed(scene, "alias.evil.test.", T::A).0;
            if told.contains("203.0.113.66") {
                taken.push("alias");
            }
            for (name, right) in [
                ("www.victim.test.", "NOERROR www.victim.test. A 192.0.2.7"),
                ("none.victim.test.", "NXDOMAIN"),
                ("www.example.test.", "NOERROR www.example.test. A 192.0.2.1"),
            ] {
                if timed(scene, name, T::A).0 != right {
                    taken.push(name);
                }
            }
            Cell::new(
                taken.is_empty(),
                &[taken.len() as f64],
                taken.len().to_string(),
            )
        }),
        row(
            "bad packet first, good one 80 ms later: right, of 11",
            evil::bad_first,
            |scene| {
                let right = evil::BAD_KINDS
                    .into_iter()
                    .filter(|kind| {
                        evil::survived(kind, &timed(scene, &format!("{kind}.evil.test."), T::A).0)
                    })
                    .count();
                Cell::new(true, &[-(right as f64)], right.to_string())
            },
        ),
        row(
            "takes an answer with QR=0 / opcode 5",
            evil::no_responses,
            |scene| {
                let mut taken = BTreeSet::new();
                for kind in ["qr", "opcode"] {
                    if timed(scene, &format!("{kind}.evil.test."), T::A)
                        .0
                        .contains("203.0.113.66")
                    {
                        taken.insert(kind);
                    }
                }
                let text: Vec<&str> = taken.iter().copied().collect();
                let text = if text.is_empty() {
                    "-".to_owned()
                } else {
                    text.join(", ")
                };
                Cell::new(taken.is_empty(), &[taken.len() as f64], text)
            },
        ),
        row(
            "60 clients, one slow name (0.3 s): answered / packets",
            || evil::slow(Duration::from_millis(300)),
            |scene| answered_for_packets(scene, evil::sixty_clients),
        ),
        row(
            "100 equal queries from one client: answered / packets",
            || evil::slow(Duration::from_millis(300)),
            |scene| answered_for_packets(scene, evil::hundred_equal_queries),
        ),
        row(
            "400 new names: distinct ports, IDs",
            evil::willing,
            |scene| {
                let (ports, ids) = evil::four_hundred_names(scene);
                // 400 draws out of 64,000 have 1.2 equal pairs on average; more than 7 once in 10,000 runs.
                Cell::new(
                    ports.len() >= 393 && ids.len() >= 393,
                    &[],
                    format!("{}, {}", ports.len(), ids.len()),
                )
            },
        ),
    ]
}

fn mute(scene: &Scene) -> Cell {
    futile(scene, "www.evil.test.", to_zone)
}

/// An honest world as a script.
fn honest(world: World) -> Box<Script> {
    Box::new(move |asked| world.answer(asked).now(asked))
}

/// `cN-M.evil.test.` is an alias of `cN-(M-1).evil.test.`, down to `cN-0`, which has an address.
fn cname_chains() -> Box<Script> {
    evil::beside_base(|asked| {
        let label = asked.name.split('.').next().unwrap_or_default();
        let place = label
            .strip_prefix('c')
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(family, place)| Some((family, place.parse::<u32>().ok()?)));
        match place {
            Some((family, place @ 1..)) => Reply::new()
                .answer(format!(
                    "{} CNAME c{family}-{}.evil.test.",
                    asked.name,
                    place - 1
                ))
                .now(asked),
            _ => evil::address(asked).now(asked),
        }
    })
}
