//! Is a name that was denied while its zone was under attack answered at the first ask once the guard has let go, by itself or told to?

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use suimon::wire::{Message, Rcode, RecordType as T};

use crate::lab::client::{ask, extended_errors, resolve};
use crate::lab::script::{PATIENCE, Scene, Setting, World, in_three_attempts, listen, say};
use crate::lab::suimond::tool;

/// Unknown names per second at which a zone counts as flooded, and what the flood has of each of the two.
const FLOOD_RATE: &str = "zone_guard.flood_rate=100";
const RATE: u64 = 200;
/// For what may take long on a machine that has other things to do.
const LONG: Duration = Duration::from_secs(120);
/// Real names of each zone that nobody has asked for. One in a hundred unknown names is looked up whoever asks, and is of no use here.
const REAL: usize = 12;

/// `TOLD`'s release is the operator's, `LEFT` is left alone.
const TOLD: &str = "told.test.";
const LEFT: &str = "left.test.";

#[test]
fn a_throttled_name_is_answered_at_the_first_ask_after_the_release_by_hand_and_by_itself() {
    in_three_attempts(a_throttled_name);
}

fn a_throttled_name() -> Result<(), String> {
    // No look-up is given up while the machine stands still, and so no zone or server fails.
    let setting = Setting {
        set: &[FLOOD_RATE],
        ..Setting::default()
    };
    let scene = Scene::honest("release", &setting, world());
    let stop = AtomicBool::new(false);
    let (told, left) = std::thread::scope(|scope| {
        scope.spawn(|| scene.resolver.inside(|| flood(&stop)));
        let denied = engaged(&scene, &[LEFT, TOLD]).and_then(|()| {
            let told = denied(&scene, TOLD, 1)?;
            Ok((told, denied(&scene, LEFT, 2)?))
        });
        stop.store(true, Ordering::Relaxed);
        denied
    })?;
    let asked_before = |name: &str| scene.network.asked().iter().any(|at| at.name == name);
    assert!(!asked_before(&told) && !asked_before(&left));
    // What the flood has sent is through when nothing more comes out of it.
    let queries = || scene.metric("suimon_queries_total", "");
    let (begun, mut last) = (Instant::now(), queries());
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = queries();
        if now == last {
            break;
        }
        assert!(begun.elapsed() < LONG, "{last} queries, and no end");
        last = now;
    }
    // The flood is over, the guard has not let go yet: what was denied is denied.
    if !held(&scene).iter().any(|zone| zone == TOLD) {
        return Err("let go before anybody could say so".to_owned());
    }
    let again = ask_from(&scene, bot(1), &told);
    if !is_denial(again.as_ref()) {
        // What is looked up whoever asks is drawn anew as the flood ends.
        return Err(format!("looked up as a sample: {}", say(again.as_ref())));
    }

    let released = tool(&scene.lab, &["guard", "release", TOLD]);
    assert!(released.contains("released told.test."), "{released}");
    if held(&scene).iter().any(|at| at.parse::<IpAddr>().is_ok()) {
        return Err("the machine stood still until a server looked overloaded".to_owned());
    }
    is_answered_at_once(&scene, bot(1), &told);
    assert!(!held(&scene).iter().any(|zone| zone == TOLD));

    // And without a word from anybody.
    let begun = Instant::now();
    while !held(&scene).is_empty() {
        assert!(begun.elapsed() < LONG, "{:?}", held(&scene));
        std::thread::sleep(Duration::from_millis(500));
    }
    is_answered_at_once(&scene, bot(2), &left);
    Ok(())
}

/// The two zones, each on a server of its own.
fn world() -> World {
    let zone = |apex: &str, server: &str| {
        let mut records = format!("{apex} NS ns.{apex}\nns.{apex} A {server}\n");
        for at in 0..REAL {
            records.push_str(&format!("real{at}.{apex} A 192.0.2.1\n"));
        }
        records
    };
    let (told, left) = (zone(TOLD, "10.53.0.4"), zone(LEFT, "10.53.0.5"));
    let delegations = "test. NS ns.test.\nns.test. A 10.53.0.2\n\
        told.test. NS ns.told.test.\nns.told.test. A 10.53.0.4\nleft.test. NS ns.left.test.\nns.left.test. A 10.53.0.5";
    World::new(&[
        ("10.53.0.1", ".", crate::lab::script::ROOT),
        ("10.53.0.2", "test.", delegations),
        ("10.53.0.4", TOLD, &told),
        ("10.53.0.5", LEFT, &left),
    ])
}

/// A client in a network of its own, whose denials are told: ten a second of a network are.
fn bot(number: u8) -> IpAddr {
    [127, 4, number, 1].into()
}

/// Made-up names of both zones from a hundred clients in as many networks, who do not wait for replies.
fn flood(stop: &AtomicBool) {
    let bots: Vec<UdpSocket> = (1..=100)
        .map(|bot| {
            let source = SocketAddr::from(([127, 1, bot, 1], 0));
            let socket = UdpSocket::bind(source).expect("a bot's socket");
            socket.connect(listen()).expect("a connected socket");
            socket
        })
        .collect();
    let (begun, mut sent) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) && begun.elapsed() < 2 * LONG {
        let due = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0) * 2 * RATE / 1_000;
        // After a pause it goes on, and makes up for nothing.
        sent = sent.max(due.saturating_sub(RATE));
        for number in sent..due {
            let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let zone = if number % 2 == 0 { TOLD } else { LEFT };
            let socket = &bots[usize::try_from(number / 2).unwrap_or(0) % bots.len()];
            let _refused_or_not = socket.send(&ask(1, &format!("{random:x}.{zone}"), T::A));
        }
        sent = due;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The zones and servers that are held back, as `suimon guard status` has them.
fn held(scene: &Scene) -> Vec<String> {
    let report = tool(&scene.lab, &["--output", "json", "guard", "status"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let names = |list: &str, key: &str| -> Vec<String> {
        let list = report[list].as_array().expect("a list").iter();
        list.map(|one| one[key].as_str().expect("a name").to_owned())
            .collect()
    };
    [names("zones", "zone"), names("servers", "server")].concat()
}

/// Waits until these zones are held back, and nothing else is.
fn engaged(scene: &Scene, zones: &[&str]) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let mut held = held(scene);
        held.sort();
        if held == zones {
            return Ok(());
        }
        if begun.elapsed() > LONG {
            return Err(format!("held back: {held:?}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A real name of the zone that nobody has asked for and that a client is denied who has asked for names that do not exist.
fn denied(scene: &Scene, zone: &str, number: u8) -> Result<String, String> {
    let bot = bot(number);
    let mut told = Vec::new();
    for at in 0..6 {
        ask_from(scene, bot, &format!("typo{at}.{zone}"));
    }
    for at in 0..REAL {
        let name = format!("real{at}.{zone}");
        let begun = Instant::now();
        // Ten denials a second are told; then there is silence.
        let reply = loop {
            match ask_from(scene, bot, &name) {
                None if begun.elapsed() < LONG => {}
                reply => break reply,
            }
        };
        if is_denial(reply.as_ref()) {
            return Ok(name);
        }
        told.push(say(reply.as_ref()));
    }
    Err(format!("nothing of {zone} was denied: {told:?}"))
}

/// SERVFAIL with what the zone guard says of a flood (RFC 8914: 0, other).
fn is_denial(reply: Option<&Message>) -> bool {
    reply.is_some_and(|reply| {
        let errors = extended_errors(reply);
        reply.rcode() == Rcode::SERVFAIL
            && errors
                .iter()
                .any(|(code, why)| *code == 0 && why.contains("throttled"))
    })
}

fn is_answered_at_once(scene: &Scene, client: IpAddr, name: &str) {
    let reply = ask_from(scene, client, name);
    assert_eq!(
        say(reply.as_ref()),
        format!("NOERROR {name} A 192.0.2.1"),
        "{:?}\n{}",
        reply.as_ref().map(extended_errors),
        tool(&scene.lab, &["guard", "status"])
    );
}

fn ask_from(scene: &Scene, client: IpAddr, name: &str) -> Option<Message> {
    let ask = || resolve(client, listen(), name, T::A, PATIENCE);
    scene.resolver.inside(ask)
}
