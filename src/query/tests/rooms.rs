//! Where something is full: who makes room, what does he hear, and what does nobody lose?

use std::task::{Context, Waker};
use std::time::Duration;

use super::*;
use crate::guard::slots::Share;
use crate::guard::zones::Cut;
use crate::guard::zones::tests::overtaken;
use crate::telemetry::shadow::KnownGood;

const CLIENT: &str = "198.51.100.1";
const OTHER: &str = "198.51.100.2";
/// A share of four look-ups for everybody.
const NARROW: &str = "[shares]\nclient = 10000\nleast = 4";

struct Rooms {
    pipeline: Arc<Pipeline>,
    worker: WorkerState,
    now: Now,
}

impl Rooms {
    fn new(more: &str) -> Self {
        let pipeline = pipeline(&format!(
            "[acl]\nallow = ['198.51.100.0/24']\n[cache]\nmax_stale = '1d'\n{more}"
        ));
        for (name, ttl) in [("www.a.", 1000), ("stale.a.", 10)] {
            let record = record_from_text(&format!("{name} IN A 192.0.2.1"), ttl).unwrap();
            let set = group(&[record]).remove(0);
            pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        }
        Self {
            pipeline: Arc::new(pipeline),
            worker: worker(),
            now: Now::at_secs(60),
        }
    }

    fn asks(&mut self, client: &str, name: &str, transport: TransportKind) -> (Next, Vec<u8>) {
        let packet = query(name, RecordType::A, Some(1232));
        let arrival = arrival(&packet, client.parse().unwrap(), transport);
        let mut reply = Vec::new();
        let next = match transport {
            TransportKind::Udp => {
                self.pipeline
                    .arrive(&mut self.worker, &arrival, self.now, &mut reply)
            }
            TransportKind::Tcp => self
                .pipeline
                .arrive_by_stream(&arrival, self.now, &mut reply),
        };
        (next, reply)
    }

    fn misses(&mut self, client: &str, name: &str) -> Box<Miss> {
        match self.asks(client, name, TransportKind::Udp).0 {
            Next::Miss(miss) => miss,
            _ => panic!("{client} {name}: no miss"),
        }
    }

    fn customer(&self, client: &str, verified: bool) -> crate::guard::Customer {
        let client = crate::guard::Client::new(client.parse().unwrap(), verified);
        self.pipeline.guard.limiter().customer(client)
    }

    /// Look-ups of a client that nobody waits for any more.
    fn forsaken(&self, client: &str, verified: bool, look_ups: usize) -> Vec<Share> {
        let customer = self.customer(client, verified);
        std::iter::repeat_with(|| self.pipeline.fair.enter(&customer).unwrap())
            .take(look_ups)
            .collect()
    }

    fn told(&self, reason: Reason) -> u64 {
        let shared = self.pipeline.telemetry.shared().counts().verdict(reason);
        shared + self.worker.counters.counts().verdict(reason)
    }

    /// Queries that a limit acted on, whatever spoke for them.
    fn acted(&self, limit: Limit) -> u64 {
        let shared = self.pipeline.telemetry.shared().counts();
        let own = self.worker.counters.counts();
        let each = KnownGood::ALL.map(|good| shared.acted(limit, good) + own.acted(limit, good));
        each.iter().sum()
    }
}

fn makes_room(miss: &Miss) -> bool {
    let ticket = &miss.waiting.ticket;
    ticket
        .poll_shed(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

fn ede(reply: &[u8]) -> (Rcode, usize, u16) {
    let message = Message::parse(reply).unwrap();
    let edns = message.edns.as_ref().unwrap();
    let code = edns.option(15).map_or(u16::MAX, |option| {
        u16::from_be_bytes(option[..2].try_into().unwrap())
    });
    (message.rcode(), message.answer.len(), code)
}

#[test]
fn a_client_over_its_share_loses_its_oldest_look_up_and_nobody_else_loses_any() {
    let mut rooms = Rooms::new(NARROW);
    let others: Vec<_> = (0..4)
        .map(|at| rooms.misses(OTHER, &format!("o{at}.b.")))
        .collect();
    let own: Vec<_> = (0..6)
        .map(|at| rooms.misses(CLIENT, &format!("n{at}.b.")))
        .collect();
    let made: Vec<bool> = own.iter().map(|miss| makes_room(miss)).collect();
    assert_eq!(made, [true, true, false, false, false, false]);
    assert!(!others.iter().any(|miss| makes_room(miss)));
    // By TCP the same address has a share of its own.
    let (next, _) = rooms.asks(CLIENT, "tcp.b.", TransportKind::Tcp);
    assert!(matches!(next, Next::Miss(_)));
    drop(own);
    let customer = rooms.customer(CLIENT, false);
    assert_eq!(rooms.pipeline.fair.client(&customer).held, 0);
    assert_eq!(
        rooms.pipeline.zones.pool().used(),
        5,
        "the others' and TCP's"
    );
}

#[test]
fn a_forger_who_fills_a_victims_share_keeps_it_from_nothing_that_is_known_or_proven() {
    let mut rooms = Rooms::new(NARROW);
    // The worst case: none of the forged look-ups can be ended for the next.
    let _forged = rooms.forsaken(CLIENT, false, 4);
    let (next, reply) = rooms.asks(CLIENT, "www.a.", TransportKind::Udp);
    assert!(matches!(next, Next::Reply), "what is cached");
    assert_eq!(ede(&reply), (Rcode::NOERROR, 1, u16::MAX));
    let (next, reply) = rooms.asks(CLIENT, "stale.a.", TransportKind::Udp);
    assert!(matches!(next, Next::Reply), "what was good before");
    assert_eq!(ede(&reply), (Rcode::NOERROR, 1, Ede::STALE_ANSWER));
    let (next, reply) = rooms.asks(CLIENT, "new.b.", TransportKind::Udp);
    assert!(matches!(next, Next::Reply), "and how to get the rest");
    let asked = query("new.b.", RecordType::A, Some(1232)).len();
    let told = Message::parse(&reply).unwrap();
    assert!(told.header.flags.tc() && told.answer.is_empty() && reply.len() <= asked);
    let (next, _) = rooms.asks(CLIENT, "new.b.", TransportKind::Tcp);
    assert!(matches!(next, Next::Miss(_)), "what is proven is found out");
    drop(next);
    assert_eq!(rooms.told(Reason::ClientSlots), 2);
    assert_eq!(rooms.acted(Limit::ClientShare), 2);
    // One more than the share of what is proven: who asks by a stream is told.
    let _own = rooms.forsaken(CLIENT, true, 4);
    let (next, reply) = rooms.asks(CLIENT, "new2.b.", TransportKind::Tcp);
    assert!(matches!(next, Next::Reply));
    assert_eq!(ede(&reply), (Rcode::SERVFAIL, 0, Ede::OTHER));
}

#[test]
fn where_shares_are_only_logged_nothing_is_held_back() {
    let mut rooms = Rooms::new(&format!("{NARROW}\nmode = 'log-only'"));
    let _held = rooms.forsaken(CLIENT, false, 10);
    let (next, _) = rooms.asks(CLIENT, "new.b.", TransportKind::Udp);
    assert!(matches!(next, Next::Miss(_)));
    let counters = rooms.pipeline.fair.counters();
    let full = counters
        .client_full
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((full, rooms.told(Reason::ClientSlots)), (1, 0));
    assert_eq!(rooms.acted(Limit::ClientShare), 1, "it would have been");
}

/// For what waits for nobody: less than the 7 s of a look-up whose servers keep silent, and more than a busy machine stands still.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Names below `b.` are asked of a server that says nothing.
fn stuck(more: &str) -> (Rooms, std::net::UdpSocket) {
    stuck_for("30s", more)
}

/// With that time for the server to answer in.
fn stuck_for(timeout: &str, more: &str) -> (Rooms, std::net::UdpSocket) {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    let stub = format!(
        "{more}\n[egress]\nallow_private_servers = true\ninitial_timeout = '{timeout}'\nmax_timeout = '30s'\n[[stub]]\nzone = 'b.'\nservers = ['{at}']"
    );
    let mut rooms = Rooms::new(&stub);
    // What waits is timed by the real clock.
    rooms.now = crate::sys::clock::now();
    (rooms, server)
}

#[tokio::test]
async fn a_query_that_makes_room_learns_to_come_by_tcp_or_gets_servfail_there_and_ends_its_look_up()
{
    let (mut rooms, _server) =
        stuck("[guard]\npending_per_client = 1\npending_per_verified_client = 1");
    for transport in [TransportKind::Udp, TransportKind::Tcp] {
        let (first, _) = rooms.asks(CLIENT, "one.b.", transport);
        let Next::Miss(first) = first else {
            panic!("no miss")
        };
        let pipeline = &rooms.pipeline;
        let first = pipeline.find_out(first);
        tokio::pin!(first);
        let begun = tokio::time::timeout(Duration::from_millis(50), &mut first).await;
        assert!(begun.is_err() && pipeline.resolver.in_flight() == 1);
        let packet = query("two.b.", RecordType::A, Some(1232));
        let second = arrival(&packet, CLIENT.parse().unwrap(), transport);
        let mut reply = Vec::new();
        let second = pipeline.arrive(&mut rooms.worker, &second, rooms.now, &mut reply);
        assert!(matches!(second, Next::Miss(_)), "the newcomer is let in");
        let told = tokio::time::timeout(AT_ONCE, &mut first).await;
        let reply = told.expect("at once").expect("a reply");
        if transport == TransportKind::Udp {
            let told = Message::parse(&reply).unwrap();
            assert!(told.header.flags.tc() && told.answer.is_empty());
        } else {
            assert_eq!(ede(&reply), (Rcode::SERVFAIL, 0, Ede::OTHER));
        }
        assert_eq!(
            pipeline.resolver.in_flight(),
            0,
            "nobody else waited for it"
        );
    }
    assert_eq!(rooms.told(Reason::PendingPerClient), 2);
}

#[tokio::test]
async fn whoever_makes_room_gets_what_was_good_before_if_there_is_any() {
    let (mut rooms, _server) = stuck("[guard]\npending_per_client = 1");
    let record = record_from_text("one.b. IN A 192.0.2.9", 10).unwrap();
    let set = group(&[record]).remove(0);
    let cache = &rooms.pipeline.cache;
    cache.store(set, Rank::AuthAnswer, clock_before(100));
    let first = rooms.misses(CLIENT, "one.b.");
    let _second = rooms.misses(CLIENT, "two.b.");
    let told = tokio::time::timeout(AT_ONCE, rooms.pipeline.find_out(first));
    let reply = told.await.expect("at once").expect("a reply");
    assert_eq!(ede(&reply), (Rcode::NOERROR, 1, Ede::STALE_ANSWER));
}

/// So many seconds ago.
fn clock_before(secs: u64) -> Now {
    let now = crate::sys::clock::now();
    Now {
        wall_ms: now.wall_ms - secs * 1000,
        ..now
    }
}

#[tokio::test]
async fn a_name_whose_servers_are_full_fails_aloud_and_is_not_remembered_as_failed() {
    let (mut rooms, server) = stuck("[shares]\nserver = 10000\ntop_server = 10000\nleast = 1");
    let held = rooms
        .pipeline
        .fair
        .enter_server(server.local_addr().unwrap().ip());
    let miss = rooms.misses(CLIENT, "one.b.");
    let reply = rooms
        .pipeline
        .find_out(miss)
        .await
        .expect("a reply by UDP, too");
    assert_eq!(
        ede(&reply),
        (Rcode::SERVFAIL, 0, Ede::NO_REACHABLE_AUTHORITY)
    );
    assert_eq!(rooms.told(Reason::ServerSlots), 1);
    assert_eq!(rooms.acted(Limit::ServerShare), 1);
    drop(held);
    let again = rooms.misses(CLIENT, "one.b.");
    let asked = tokio::time::timeout(Duration::from_millis(100), rooms.pipeline.find_out(again));
    assert!(asked.await.is_err(), "it is asked for");
    server.set_nonblocking(true).unwrap();
    assert!(server.recv(&mut [0; 512]).is_ok());
}

#[tokio::test]
async fn a_look_up_overtaken_by_an_attack_fails_aloud_and_is_not_remembered_as_failed() {
    let (mut rooms, server) = stuck_for("200ms", "[zone_guard]\nslots = 1632");
    let (zone, now) = ("b.".parse().unwrap(), crate::sys::clock::now());
    let miss = rooms.misses(CLIENT, "one.b.");
    let held = overtaken::overrun(&rooms.pipeline.zones, "b", Cut::Configured(&zone), now);
    let before = rooms.acted(Limit::ZoneGuard);
    let told = rooms.pipeline.find_out(miss).await;
    let reply = told.expect("a reply by UDP, too");
    assert_eq!(
        ede(&reply),
        (Rcode::SERVFAIL, 0, Ede::NO_REACHABLE_AUTHORITY)
    );
    assert_eq!(rooms.told(Reason::ZoneInFlight), 1);
    assert_eq!(rooms.acted(Limit::ZoneGuard), before + 1);
    server.set_nonblocking(true).unwrap();
    assert!(server.recv(&mut [0; 512]).is_ok());
    assert!(server.recv(&mut [0; 512]).is_err(), "once, and not again");
    drop(held);
    assert!(rooms.pipeline.zones.release(&zone, now));
    let again = rooms.misses(CLIENT, "one.b.");
    let asked = tokio::time::timeout(Duration::from_millis(100), rooms.pipeline.find_out(again));
    assert!(asked.await.is_err(), "it is asked for");
    assert!(server.recv(&mut [0; 512]).is_ok());
}

#[tokio::test]
async fn when_all_look_ups_run_the_oldest_of_the_heaviest_client_makes_room_for_others() {
    let (mut rooms, _server) =
        stuck("[recursion]\nin_flight = 64\n[zone_guard]\nmode = 'off'\n[shares]\nmode = 'off'");
    let mut finding: Vec<_> = (0..60)
        .map(|at| {
            let miss = rooms.misses(CLIENT, &format!("h{at}.b."));
            let pipeline = Arc::clone(&rooms.pipeline);
            tokio::spawn(async move { pipeline.find_out(miss).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(rooms.pipeline.resolver.in_flight(), 60);
    let newcomer = rooms.misses(OTHER, "new.b.");
    let told = tokio::time::timeout(AT_ONCE, &mut finding[0]).await;
    let told = told.expect("at once").unwrap().expect("how to be heard");
    assert!(Message::parse(&told).unwrap().header.flags.tc());
    assert_eq!(rooms.told(Reason::PendingTotal), 1);
    let asked = tokio::time::timeout(Duration::from_millis(50), rooms.pipeline.find_out(newcomer));
    assert!(asked.await.is_err(), "it waits for its servers");
    assert_eq!(rooms.pipeline.resolver.in_flight(), 60);
    assert!(finding[1..].iter().all(|task| !task.is_finished()));
}

#[test]
fn a_dead_forwarder_takes_no_more_of_the_slots_than_any_dead_zone() {
    for zone in ["fwd.example.", "."] {
        let pipeline = pipeline(&format!(
            "[acl]\nallow = ['198.51.100.0/24']\n[zone_guard]\nslots = 1632\n[limiter]\nmode = 'off'\n\
             [[forward]]\nzone = '{zone}'\nservers = ['192.0.2.9']\n\
             [[stub]]\nzone = 'corp.example.'\nservers = ['192.0.2.10']"
        ));
        let mut worker = worker();
        let mut asks = |client: u32, name: &str| {
            let packet = query(name, RecordType::A, Some(1232));
            let client = Ipv4Addr::from(0xC633_6400 + client).into();
            let arrival = arrival(&packet, client, TransportKind::Udp);
            let mut reply = Vec::new();
            match pipeline.arrive(&mut worker, &arrival, Now::at_secs(1), &mut reply) {
                Next::Miss(miss) => Some(miss),
                _ => None,
            }
        };
        // Many registrable domains where all goes one way; none of the look-ups ends.
        let held: Vec<_> = (0..2_000)
            .filter_map(|at| asks(at % 250, &format!("www.n{at}.fwd.example.")))
            .collect();
        // held = (1632 - held) / 16.
        assert!(!held.is_empty() && held.len() <= 96, "{}", held.len());
        assert_eq!(pipeline.zones.pool().used() as usize, held.len());
        assert!(asks(251, "www.corp.example.").is_some(), "another zone");
    }
}
