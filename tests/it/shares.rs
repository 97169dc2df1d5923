//! Does the outage of a provider, or the flood of one client, leave everybody else what is theirs?

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use suimon::wire::{Rcode, RecordType as T};

use crate::lab::client::{answer_text, ask, resolve};
use crate::lab::script::{Asked, Reply, Scene, Sent, Setting, in_three_attempts, listen};
use crate::lab::suimond::tool;

/// Zones of the provider, all on its two servers.
const ZONES: u64 = 400;
/// Look-ups that may be under way.
const SLOTS: u64 = 256;
const SPAN: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(10);

/// `zN.test.` on the provider's servers .4 and .5, which say nothing until they are `well`; `okN.test.` on .3.
fn world(well: &Arc<AtomicBool>) -> impl Fn(&Asked) -> Vec<Sent> + Send + Sync + use<> {
    let well = Arc::clone(well);
    move |asked| {
        let IpAddr::V4(server) = asked.server else {
            return Vec::new();
        };
        let labels: Vec<&str> = asked.name.trim_end_matches('.').split('.').collect();
        let zone = labels[labels.len().saturating_sub(2)..].join(".") + ".";
        let referral = |to: &str, addresses: &[u8]| {
            let mut reply = Reply::new().referral();
            for address in addresses {
                let ns = format!("ns{address}.{to}");
                reply = reply.authority(format!("{to} NS {ns}"));
                reply = reply.additional(format!("{ns} A 10.53.0.{address}"));
            }
            reply.now(asked)
        };
        match server.octets()[3] {
            1 => referral("test.", &[2]),
            2 if zone.starts_with("ok") => referral(&zone, &[3]),
            2 => referral(&zone, &[4, 5]),
            4 | 5 if !well.load(Ordering::Relaxed) => Vec::new(),
            _ => Reply::new()
                .answer(format!("{} A 192.0.2.1", asked.name))
                .now(asked),
        }
    }
}

/// The zone guard looks on: it would hold the provider's server back before any share is used up.
fn scene(tag: &str, well: &Arc<AtomicBool>) -> Scene {
    let in_flight = format!("recursion.in_flight={SLOTS}");
    let slots = format!("zone_guard.slots={SLOTS}");
    let setting = Setting {
        set: &[
            &in_flight,
            &slots,
            "zone_guard.mode=log-only",
            "log.level=info",
        ],
        silence: true,
        ..Setting::default()
    };
    Scene::new(tag, &setting, world(well))
}

/// New names of the provider's zones, `rate` a second, from so many clients `127.1.0.x` who do not wait for replies.
fn flood(clients: u8, rate: u64, sent: &AtomicU64, stop: &AtomicBool) {
    let sockets: Vec<UdpSocket> = (1..=clients)
        .map(|client| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 1, 0, client), 0)).expect("a socket");
            socket.connect(listen()).expect("connected");
            socket
        })
        .collect();
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(60) {
        let due = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0) * rate / 1_000;
        for number in sent.load(Ordering::Relaxed)..due {
            let name = format!("n{number}.z{}.test.", number * 7 % ZONES);
            let socket = &sockets[usize::try_from(number).unwrap_or(0) % sockets.len()];
            let _refused_or_not = socket.send(&ask(1, &name, T::A));
            sent.store(number + 1, Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_answered(client: IpAddr, name: &str) -> bool {
    let reply = resolve(client, listen(), name, T::A, PATIENCE);
    reply.is_some_and(|reply| reply.rcode() == Rcode::NOERROR && answer_text(&reply).len() == 1)
}

/// What an honest client saw: cold names of other zones that were answered, of how many; and how long a cached one took, sorted.
struct Seen {
    cold: (u32, u32),
    cached: Vec<Duration>,
}

impl Seen {
    fn slowest_of_hundred(&self) -> Duration {
        self.cached[self.cached.len() * 99 / 100]
    }
}

/// A cold name every 40 ms, and a cached one between two of them.
fn honest(client: IpAddr, word: &str, span: Duration) -> Seen {
    let mut seen = Seen {
        cold: (0, 0),
        cached: Vec::new(),
    };
    let begun = Instant::now();
    while begun.elapsed() < span {
        let name = format!("{word}{}.ok{}.test.", seen.cold.1, seen.cold.1 % 40);
        seen.cold.0 += u32::from(is_answered(client, &name));
        seen.cold.1 += 1;
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(10));
            let asked = Instant::now();
            assert!(is_answered(client, "cached.ok0.test."), "a cached name");
            seen.cached.push(asked.elapsed());
        }
    }
    seen.cached.sort();
    seen
}

#[test]
fn when_a_provider_of_many_zones_is_down_all_other_names_are_answered() {
    in_three_attempts(a_provider_is_down);
}

fn a_provider_is_down() -> Result<(), String> {
    let well = Arc::new(AtomicBool::new(false));
    let scene = scene("provider", &well);
    let client: IpAddr = [127, 2, 0, 1].into();
    let calm = scene
        .resolver
        .inside(|| honest(client, "calm", Duration::from_secs(3)));
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut most = 0;
    let storm = std::thread::scope(|scope| {
        scope.spawn(|| scene.resolver.inside(|| flood(40, 300, &sent, &stop)));
        std::thread::sleep(Duration::from_secs(4));
        let honest = scope.spawn(|| scene.resolver.inside(|| honest(client, "storm", SPAN)));
        while !honest.is_finished() {
            most = most.max(scene.metric("suimon_recursions_in_flight", ""));
            std::thread::sleep(Duration::from_millis(300));
        }
        stop.store(true, Ordering::Relaxed);
        honest.join().expect("an honest client")
    });
    let full = scene.metric("suimon_verdicts_total", "server_slots");
    eprintln!(
        "{} questions to dead zones, {full} of them found their servers full; {most} of {SLOTS} look-ups under way at most\n\
         other zones {:?}, cached names: p99 {:?} in calm, {:?} in the storm",
        sent.load(Ordering::Relaxed),
        storm.cold,
        calm.slowest_of_hundred(),
        storm.slowest_of_hundred(),
    );
    // 99.9 % and more are answered, of enough to tell; the servers had no room for all; and a dead provider holds few look-ups.
    let all_others = storm.cold.0 == storm.cold.1 && storm.cold.1 > 20;
    if !(all_others && full > 0 && most < SLOTS / 2) {
        return Err(format!(
            "{:?} answered, {full} found no room, {most} look-ups held",
            storm.cold
        ));
    }
    // Told as what it is, in metrics and to people.
    assert!(scene.metric("suimon_upstream_events_total", "crowded") > 0);
    assert!(scene.metric("suimon_shares_full_total", "server") >= full);
    let told = tool(&scene.lab, &["guard", "status"]);
    assert!(told.contains("shares enforce"), "{told}");
    // The provider is back, and what was sent before is given up: nothing is held against its servers or zones.
    let begun = Instant::now();
    while scene.metric("suimon_recursions_in_flight", "") > 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no end");
        std::thread::sleep(Duration::from_millis(200));
    }
    well.store(true, Ordering::Relaxed);
    let back = scene
        .resolver
        .inside(|| (0..20).all(|at| is_answered(client, &format!("back{at}.z{at}.test."))));
    assert!(back, "a provider that is back is asked");
    Ok(())
}

#[test]
fn one_client_that_floods_misses_harms_no_other_and_keeps_what_is_cached_or_proven() {
    in_three_attempts(one_client_floods);
}

fn one_client_floods() -> Result<(), String> {
    let well = Arc::new(AtomicBool::new(false));
    let scene = scene("flooding", &well);
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (flooding, other): (IpAddr, IpAddr) = ([127, 1, 0, 1].into(), [127, 2, 0, 1].into());
    // What is cached before is what the flood must not touch.
    let cached = || is_answered(other, "cached.ok0.test.");
    assert!(scene.resolver.inside(cached));
    let mut most = 0;
    let (mine, others) = std::thread::scope(|scope| {
        scope.spawn(|| scene.resolver.inside(|| flood(1, 100, &sent, &stop)));
        std::thread::sleep(Duration::from_secs(2));
        let others = scope.spawn(|| scene.resolver.inside(|| honest(other, "other", SPAN)));
        let mine = scope.spawn(|| scene.resolver.inside(|| honest(flooding, "mine", SPAN)));
        while !others.is_finished() {
            most = most.max(scene.metric("suimon_recursions_in_flight", ""));
            std::thread::sleep(Duration::from_millis(300));
        }
        let why = tool(&scene.lab, &["why", "127.1.0.1", "www.test"]);
        assert!(why.contains("look-ups under way"), "{why}");
        stop.store(true, Ordering::Relaxed);
        (
            mine.join().expect("the flooding client itself"),
            others.join().expect("another client"),
        )
    });
    let shed = scene.metric("suimon_verdicts_total", "client_slots");
    eprintln!(
        "{} misses of one client, {shed} made room; {most} of {SLOTS} look-ups under way at most; others {:?}, itself {:?}",
        sent.load(Ordering::Relaxed),
        others.cold,
        mine.cold
    );
    assert!(shed > 0, "its oldest look-ups made room");
    assert!(
        scene.metric("suimon_recursions_total", "shed") > 0,
        "and ended"
    );
    // All others are answered. A share of 32, and what is just being ended. The oldest make room, so what servers answer soon is answered,
    // whoever asks.
    let all_others = others.cold.0 == others.cold.1;
    if all_others && most <= 64 && mine.cold.0 * 4 >= mine.cold.1 * 3 {
        Ok(())
    } else {
        Err(format!(
            "others {:?}, itself {:?}, {most} look-ups for one client",
            others.cold, mine.cold
        ))
    }
}
