//! Does log-only mode foretell what enforcing does, to whom, and hurt nobody itself?

use super::*;
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Class as ZoneClass, KnownNames, Outcome, Permission, Query};
use crate::telemetry::shadow::{KnownGood, Limit};

struct Desk {
    pipeline: Pipeline,
    worker: WorkerState,
    replies: usize,
    asked: usize,
}

/// What a limit did, by what spoke for it: a name, an address, nothing.
type Acted = [u64; 3];

impl Desk {
    fn new(config: &str) -> Self {
        let mut pipeline = pipeline(&format!(
            "{config}\n[policy]\nlocal_zones = ['local.test.']\nlocal_data = ['www.local.test. 60 IN A 192.0.2.1']"
        ));
        // The secrets by which the zone guard tells clients and names apart must be the same, or chance differs.
        let plan = load_text(Path::new("test.toml"), config).unwrap().plan;
        let known = KnownNames::new(plan.zone_guard.known_names, [7; 16], 0);
        let zones = ZoneGuard::with_secrets(
            &plan.zone_guard,
            known,
            Arc::clone(pipeline.telemetry.incidents()),
            &[1; 16],
            &[2; 16],
        );
        pipeline.zones = Arc::new(zones);
        let record = record_from_text("www.a. IN A 192.0.2.1", 100_000).unwrap();
        let set = group(&[record]).remove(0);
        pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        Self {
            pipeline,
            worker: worker(),
            replies: 0,
            asked: 0,
        }
    }

    fn ask(&mut self, name: &str, client: &str, transport: TransportKind, at: Now) {
        let packet = query(name, RecordType::A, Some(1232));
        let arrival = arrival(&packet, client.parse().unwrap(), transport);
        let mut reply = Vec::new();
        let next = match transport {
            TransportKind::Udp => self
                .pipeline
                .arrive(&mut self.worker, &arrival, at, &mut reply),
            TransportKind::Tcp => self.pipeline.arrive_by_stream(&arrival, at, &mut reply),
        };
        self.asked += 1;
        let whole = |told: Message| !told.header.flags.tc() && told.rcode() != Rcode::SERVFAIL;
        match next {
            Next::Miss(_) => self.replies += 1,
            Next::Reply | Next::ReplyAndRefresh(_) if Message::parse(&reply).is_ok_and(whole) => {
                self.replies += 1;
            }
            // What the daemon does at the first of several attempts.
            Next::Defer => self.pipeline.deferred(&packet, at, &mut entropy::csprng()),
            _ => {}
        }
    }

    fn acted(&self, limit: Limit) -> Acted {
        let (own, shared) = (
            self.worker.counters.counts(),
            self.pipeline.telemetry.shared().counts(),
        );
        KnownGood::ALL.map(|good| own.acted(limit, good) + shared.acted(limit, good))
    }
}

fn both(with_mode: impl Fn(&str) -> String, script: impl Fn(&mut Desk)) -> [Desk; 2] {
    ["log-only", "enforce"].map(|mode| {
        let mut desk = Desk::new(&with_mode(mode));
        script(&mut desk);
        desk
    })
}

const OPEN: &str = "[acl]\nallow = ['198.51.100.0/24']\n";

#[test]
fn the_limiter_does_to_each_client_what_log_only_foretold() {
    let with_mode =
        |mode: &str| format!("{OPEN}[limiter]\nmode = '{mode}'\nrate = 20\ninstant = 40");
    let [shadow, enforced] = both(with_mode, |desk| {
        for tick in 0..2_000_u64 {
            let at = Now::at_secs(10).plus(std::time::Duration::from_millis(tick * 10));
            let udp = TransportKind::Udp;
            // 100 queries a second each: cached, unknown, not there (which cost twice), and one client within its limit.
            desk.ask("www.a.", "198.51.100.1", udp, at);
            desk.ask(&format!("x{tick}.b.example."), "198.51.100.2", udp, at);
            desk.ask("none.local.test.", "198.51.100.3", udp, at);
            if tick % 10 == 0 {
                desk.ask("www.a.", "198.51.100.4", udp, at);
            }
            // By TCP 100 a second are what a proven address may ask; 200 are not.
            for half in 0..2 {
                let name = format!("y{tick}-{half}.b.example.");
                desk.ask(&name, "198.51.100.5", TransportKind::Tcp, at);
            }
        }
    });
    assert_eq!(shadow.replies, shadow.asked, "log-only hurts nobody");
    assert!(enforced.replies < enforced.asked / 2);
    let (foretold, done) = (shadow.acted(Limit::Client), enforced.acted(Limit::Client));
    // Where limits begin is rounded by chance.
    for (foretold, done) in foretold.iter().zip(done) {
        assert!(
            foretold.abs_diff(done) <= 20 + done / 100,
            "{foretold} foretold, {done} done"
        );
    }
    let [names, addresses, others] = done;
    // 20 s at 100 - 20 queries a second; those that do not exist cost twice.
    assert!((1_500..=1_700).contains(&names), "{done:?}");
    assert!((1_700..=2_100).contains(&addresses), "{done:?}");
    assert!((3_200..=3_500).contains(&others), "{done:?}");
}

#[test]
fn proof_is_asked_of_whom_log_only_foretold() {
    let with_mode =
        |mode: &str| format!("{OPEN}prove = ['198.51.100.0/25']\nprove_mode = '{mode}'");
    let [shadow, enforced] = both(with_mode, |desk| {
        let at = Now::at_secs(10);
        for name in ["www.a.", "www.local.test.", "unknown.example."] {
            for client in ["198.51.100.1", "198.51.100.200"] {
                desk.ask(name, client, TransportKind::Udp, at);
                desk.ask(name, client, TransportKind::Tcp, at);
            }
        }
    });
    assert_eq!(shadow.replies, shadow.asked);
    assert_eq!(enforced.replies, enforced.asked - 3);
    assert_eq!(shadow.acted(Limit::Proof), [2, 0, 1]);
    assert_eq!(enforced.acted(Limit::Proof), [2, 0, 1]);
    let mut off = Desk::new(&with_mode("off"));
    off.ask(
        "www.a.",
        "198.51.100.1",
        TransportKind::Udp,
        Now::at_secs(10),
    );
    assert_eq!((off.replies, off.acted(Limit::Proof)), (1, [0; 3]));
}

#[test]
fn a_refusal_is_saved_where_log_only_foretold() {
    let with_mode = |mode: &str| format!("{OPEN}[guard]\nrefusal_mode = '{mode}'");
    let [shadow, enforced] = both(with_mode, |desk| {
        for second in 10..20 {
            for _ in 0..50 {
                desk.ask(
                    "www.a.",
                    "203.0.113.1",
                    TransportKind::Udp,
                    Now::at_secs(second),
                );
            }
        }
    });
    assert_eq!(shadow.replies, shadow.asked, "everybody is told");
    let silent = enforced
        .worker
        .counters
        .counts()
        .verdict(Reason::RefusalBudget);
    assert_eq!(silent, 500 - 5 - 9, "a burst of five and one a second");
    assert_eq!(shadow.pipeline.guard.refusals_over_budget(), silent);
    assert_eq!(enforced.pipeline.guard.refusals_over_budget(), 0);
    let mut off = Desk::new(&with_mode("off"));
    off.ask(
        "www.a.",
        "203.0.113.1",
        TransportKind::Udp,
        Now::at_secs(10),
    );
    assert_eq!(
        (off.replies, off.pipeline.guard.refusals_over_budget()),
        (1, 0)
    );
}

/// Lets two clients find out that a name is real.
fn teach(pipeline: &Pipeline, name: &str) {
    let name: Name = name.parse().unwrap();
    for client in ["198.51.100.1", "192.0.2.1"] {
        let judged = Query {
            name: &name,
            cut: None,
            client: client.parse().unwrap(),
            hop_limit: None,
            joins: false,
            renews: false,
        };
        let Permission::Fetch(slot) = pipeline.zones.judge(&judged, || false, Now::at_secs(1))
        else {
            panic!("nothing is guarded yet");
        };
        let found = Outcome {
            ended: Some(Ended::Positive),
            silent: false,
            answered: true,
            is_real: true,
        };
        slot.finish(found, 1, Now::at_secs(1));
    }
    assert!(pipeline.zones.knows(name.as_wire()));
}

#[test]
fn the_zone_guard_denies_whom_log_only_foretold() {
    let with_mode =
        |mode: &str| format!("{OPEN}[limiter]\nmode = 'off'\n[zone_guard]\nmode = '{mode}'");
    let [shadow, enforced] = both(with_mode, |desk| {
        teach(&desk.pipeline, "www.victim.example.");
        let victim = "victim.example.".parse().unwrap();
        let pinned = desk
            .pipeline
            .zones
            .wish(&victim, ZoneClass::Pinned, Now::at_secs(2));
        pinned.unwrap();
        for tick in 0..2_000_u64 {
            let at = Now::at_secs(10).plus(std::time::Duration::from_millis(tick * 10));
            let client = format!("198.51.100.{}", tick % 200);
            desk.ask(
                &format!("x{tick}.victim.example."),
                &client,
                TransportKind::Udp,
                at,
            );
            desk.ask("www.victim.example.", &client, TransportKind::Udp, at);
            desk.ask(
                &format!("x{tick}.other.example."),
                &client,
                TransportKind::Udp,
                at,
            );
            if tick % 4 == 0 {
                let name = format!("y{tick}.victim.example.");
                desk.ask(&name, &client, TransportKind::Tcp, at);
            }
        }
    });
    assert_eq!(shadow.replies, shadow.asked, "log-only hurts nobody");
    let (foretold, done) = (
        shadow.acted(Limit::ZoneGuard),
        enforced.acted(Limit::ZoneGuard),
    );
    assert_eq!(foretold, done);
    let [names, addresses, others] = done;
    assert_eq!(names, 0, "real names go on");
    assert!(addresses > 300 && others > 1_300, "{done:?}");
    let denied: u64 = enforced
        .pipeline
        .zones
        .counters()
        .denied()
        .map(|(_, times)| times)
        .sum();
    assert_eq!(addresses + others, denied);
}

#[test]
fn in_a_flood_a_sample_stands_for_all() {
    let mut desk = Desk::new(&format!(
        "{OPEN}[limiter]\nmode = 'log-only'\nrate = 10\ninstant = 10\nslip_above = 100"
    ));
    for tick in 0..100_000_u64 {
        let at = Now::at_secs(10).plus(std::time::Duration::from_micros(tick * 100));
        desk.ask("www.a.", "198.51.100.1", TransportKind::Udp, at);
    }
    let over = desk.worker.counters.counts().verdict(Reason::WouldLimit);
    let [names, ..] = desk.acted(Limit::Client);
    assert!(over > 99_000);
    assert!(names.abs_diff(over) < over / 8, "{names} of {over}");
}
