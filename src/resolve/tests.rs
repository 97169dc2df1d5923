//! Does a recursion end when it is to make room, and only then?

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use super::*;
use crate::config::load_text;
use crate::config::plan::{Recursion as Plan, ZoneGuardMode};
use crate::guard::permit::InternalCause;
use crate::guard::slots::Pool;
use crate::guard::zones::{self, Permission, Query, ZoneGuard};
use crate::guard::{Customer, FairShares, address::Address};

const CLIENT: Customer = Customer {
    prefix: Address::V4(0xC000_0201),
    verified: false,
    customers: 1,
};

/// A resolver whose root server never says anything.
struct Stuck {
    resolver: Arc<Resolver>,
    root: UdpSocket,
}

impl Stuck {
    async fn new(change: impl FnOnce(&mut Plan)) -> Self {
        Self::waiting("30s", change).await
    }

    /// With that time for a server to answer in.
    async fn waiting(timeout: &str, change: impl FnOnce(&mut Plan)) -> Self {
        let root = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = root.local_addr().unwrap().port();
        let text = format!(
            "[egress]\nport = {port}\nallow_private_servers = true\ninitial_timeout = '{timeout}'\nmax_timeout = '30s'"
        );
        let plan = load_text(std::path::Path::new("test.toml"), &text)
            .unwrap()
            .plan;
        let mut recursion = plan.recursion.clone();
        recursion.root_hints = vec![("a.root.".parse().unwrap(), vec![Ipv4Addr::LOCALHOST.into()])];
        change(&mut recursion);
        let resolver = Resolver::new(
            Arc::new(Cache::new(&plan.cache)),
            Arc::new(Policy::new(&plan.policy)),
            Arc::new(Egress::new(&plan.egress, &[], Arc::default())),
            Vec::new(),
            Arc::new(recursion),
        );
        Self {
            resolver: Arc::new(resolver),
            root,
        }
    }

    fn begin(&self, name: &str, permit: RecursionPermit) -> Result<Wait, Reason> {
        let question = Question::new(name.parse().unwrap(), RecordType::A);
        self.resolver.begin(permit, question, Demand::Checked)
    }

    fn wait(&self, name: &str) -> Wait {
        self.begin(name, permit()).ok().unwrap()
    }

    /// How many questions come to the root within a moment.
    async fn asked(&self) -> usize {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut buffer = [0; 512];
        std::iter::from_fn(|| self.root.try_recv(&mut buffer).ok()).count()
    }
}

fn permit() -> RecursionPermit {
    RecursionPermit::internal(InternalCause::Refresh)
}

#[tokio::test]
async fn a_recursion_that_makes_room_ends_when_nobody_else_waits_and_gives_back_what_it_holds() {
    let stuck = Stuck::new(|_| ()).await;
    let fair = FairShares::new(&plan::Shares::default(), &Arc::new(Pool::new(8_192)));
    let lent = permit().within(fair.clone(), fair.enter(&CLIENT));
    let first = stuck.begin("a.", lent).ok().unwrap();
    let second = stuck.wait("a.");
    assert_eq!(stuck.asked().await, 1);
    first.abandon();
    assert_eq!(stuck.resolver.in_flight(), 1, "somebody else waits");
    assert_eq!(fair.client(&CLIENT).held, 1, "it is still his who began it");
    second.abandon();
    assert_eq!(stuck.resolver.in_flight(), 0);
    let question = Question::new("a.".parse().unwrap(), RecordType::A);
    assert!(!stuck.resolver.is_under_way(&question, Demand::Checked));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(fair.client(&CLIENT).held, 0);
    assert_eq!(stuck.resolver.counters().shed.load(Ordering::Relaxed), 1);
    // The next one begins anew, and what is left of the first takes nothing from it.
    let third = stuck.wait("a.");
    assert_eq!((stuck.asked().await, stuck.resolver.in_flight()), (1, 1));
    drop(third);
    assert_eq!(
        stuck.resolver.in_flight(),
        1,
        "who only stops waiting leaves it running"
    );
}

#[tokio::test]
async fn one_client_more_than_may_wait_for_a_question_is_turned_away_until_one_leaves() {
    let stuck = Stuck::new(|plan| plan.joined_clients = 2).await;
    let (_first, second) = (stuck.wait("a."), stuck.wait("a."));
    let third = stuck.begin("a.", permit());
    assert_eq!(third.err(), Some(Reason::JoinedClients));
    drop(second);
    let _third = stuck.wait("a.");
    assert_eq!(stuck.asked().await, 1, "and never a second look-up");
}

#[tokio::test]
async fn one_recursion_more_than_may_run_is_turned_away_and_before_that_it_is_said_that_room_is_needed()
 {
    let stuck = Stuck::new(|plan| plan.in_flight = 32).await;
    let full: Vec<bool> = (0..32)
        .map(|number| {
            let full = stuck.resolver.is_full();
            drop(stuck.wait(&format!("a{number}.")));
            full
        })
        .collect();
    assert_eq!(
        full.iter().filter(|full| **full).count(),
        2,
        "a sixteenth is spare"
    );
    let more = stuck.begin("more.", permit());
    assert_eq!(more.err(), Some(Reason::PendingTotal));
}

#[tokio::test]
async fn a_look_up_whose_servers_have_no_room_is_told_so_and_asks_nobody() {
    let stuck = Stuck::new(|_| ()).await;
    let plan = plan::Shares {
        mode: ZoneGuardMode::Enforce,
        least: 1,
        ..plan::Shares::default()
    };
    let fair = FairShares::new(&plan, &Arc::new(Pool::new(0)));
    let server: SocketAddr = stuck.root.local_addr().unwrap();
    let held = fair.enter_server(server.ip());
    let mut wait = stuck
        .begin("a.", permit().within(fair.clone(), None))
        .ok()
        .unwrap();
    assert_eq!(wait.outcome().await.err(), Some(Reason::ServerSlots));
    assert_eq!(stuck.asked().await, 0);
    drop(held);
    let _wait = stuck.begin("a.", permit().within(fair, None)).ok().unwrap();
    assert_eq!(stuck.asked().await, 1, "nothing was remembered");
}

#[tokio::test]
async fn of_many_recursions_that_want_the_same_one_asks_and_one_more_than_may_wait_is_told_so() {
    let stuck = Stuck::new(|plan| plan.joined_look_ups = 3).await;
    // All want to know of the root where `zone.` is.
    let waits: Vec<Wait> = (0..4)
        .map(|at| stuck.wait(&format!("n{at}.zone.")))
        .collect();
    let mut failed = 0;
    let mut patient = Vec::new();
    for mut wait in waits {
        match tokio::time::timeout(Duration::from_millis(10), wait.outcome()).await {
            Ok(outcome) => {
                assert_eq!(outcome.err(), Some(Reason::JoinedClients));
                failed += 1;
            }
            Err(_) => patient.push(wait),
        }
    }
    assert_eq!((failed, patient.len()), (0, 4), "one leads, three wait");
    let mut fifth = stuck.wait("n5.zone.");
    let told = tokio::time::timeout(Duration::from_secs(2), fifth.outcome()).await;
    let told = told.expect("at once: it does not ask for its whole name instead");
    assert_eq!(told.err(), Some(Reason::JoinedClients));
    // Of a server that nothing is known of, it is half a minute here until one more asks; see `shared::tests` for how many ever do.
    assert_eq!(stuck.asked().await, 1, "of five");
}

#[tokio::test]
async fn what_nobody_waits_for_ends_first_for_whoever_needs_room_and_not_once_somebody_has_joined()
{
    let stuck = Stuck::new(|_| ()).await;
    let joined = stuck.wait("joined.");
    for name in ["a.", "b.", "joined."] {
        drop(stuck.wait(name));
    }
    drop(joined);
    let _rejoined = stuck.wait("joined.");
    let under_way = |name: &str| {
        let question = Question::new(name.parse().unwrap(), RecordType::A);
        stuck.resolver.is_under_way(&question, Demand::Checked)
    };
    assert!(stuck.resolver.end_deserted());
    assert_eq!(["a.", "b.", "joined."].map(under_way), [false, true, true]);
    assert!(stuck.resolver.end_deserted());
    assert!(
        !stuck.resolver.end_deserted(),
        "somebody waits for the rest"
    );
    assert_eq!(
        (under_way("joined."), stuck.resolver.in_flight()),
        (true, 1)
    );
}

#[tokio::test]
async fn a_look_up_of_which_one_had_to_make_room_ends_when_the_last_one_leaves() {
    let stuck = Stuck::new(|_| ()).await;
    let (first, second) = (stuck.wait("a."), stuck.wait("a."));
    first.abandon();
    assert_eq!(stuck.resolver.in_flight(), 1);
    drop(second);
    assert_eq!(stuck.resolver.in_flight(), 0);
}

#[tokio::test]
async fn who_comes_too_late_to_join_pays_for_a_look_up_of_his_own() {
    let stuck = Stuck::new(|_| ()).await;
    let plan = plan::Shares {
        client: 10_000,
        least: 1,
        ..plan::Shares::default()
    };
    let pool = Arc::new(Pool::new(8_192));
    let fair = FairShares::new(&plan, &pool);
    let late = || permit().within(fair.clone(), None).joining(CLIENT);
    let first = stuck.begin("a.", late()).ok().unwrap();
    assert_eq!((pool.used(), fair.client(&CLIENT).held), (1, 1));
    let _joins = stuck.begin("a.", late()).ok().unwrap();
    assert_eq!(fair.client(&CLIENT).held, 1, "this one could join");
    let none_left = stuck.begin("b.", late());
    assert_eq!(none_left.err(), Some(Reason::ClientSlots));
    drop(first);
}

/// A zone guard with room for everything.
fn zone_guard() -> ZoneGuard {
    let plan = plan::ZoneGuard {
        mode: ZoneGuardMode::Enforce,
        slots: 100_000,
        ..plan::ZoneGuard::default()
    };
    ZoneGuard::new(&plan, None, Arc::default(), clock::now())
}

/// What the zone guard says of a name that this client, one of many, asks for.
fn judged(guard: &ZoneGuard, name: &str, client: u32) -> Permission {
    let query = Query {
        name: &name.parse().unwrap(),
        cut: None,
        client: Ipv4Addr::from(0xC000_0200 + client).into(),
        hop_limit: None,
        joins: false,
        renews: false,
    };
    guard.judge(&query, || false, clock::now())
}

#[tokio::test]
async fn the_zone_guard_hears_of_look_ups_that_were_ended_while_servers_kept_silent() {
    let usual = Some(Duration::from_millis(10));
    // Ended before the first server could be called silent, or after; each for a name of its own, or all but the first waiting for what
    // that one hears. Of a server that has been heard before it is known how long it takes, whoever asks it.
    for (timeout, usual, minimisation, is_known) in [
        ("30s", None, plan::Minimisation::Off, false),
        ("50ms", None, plan::Minimisation::Off, true),
        ("30s", None, plan::Minimisation::Relaxed, false),
        ("30s", usual, plan::Minimisation::Relaxed, true),
    ] {
        let stuck = Stuck::waiting(timeout, |plan| plan.qname_minimisation = minimisation).await;
        if let Some(usual) = usual {
            let servers = stuck.resolver.egress.servers();
            let root = stuck.root.local_addr().unwrap();
            servers.note_reply(root, usual, true, clock::now());
        }
        let guard = zone_guard();
        let mut waits = Vec::new();
        let judge = |at: u32, joins: &mut Vec<Wait>| {
            let text = format!("n{at}.dead.example.");
            if let Permission::Fetch(slot) = judged(&guard, &text, at) {
                joins.push(stuck.begin(&text, permit().holding(slot)).ok().unwrap());
            }
        };
        for at in 0..200 {
            judge(at, &mut waits);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        waits.drain(..).for_each(Wait::abandon);
        tokio::time::sleep(Duration::from_millis(50)).await;
        for at in 200..220 {
            judge(at, &mut waits);
        }
        let name = "new.dead.example.".parse().unwrap();
        let engaged = guard.explain(&name, None).engaged;
        let trigger = engaged.map(|(_, trigger)| trigger);
        let case = format!("{timeout} {usual:?} {minimisation:?}");
        assert_eq!(trigger, is_known.then_some("failing"), "{case}");
    }
}

#[tokio::test]
async fn a_flood_that_fills_what_a_server_may_have_leaves_a_quarter_for_known_names() {
    let whole = |plan: &mut Plan| plan.qname_minimisation = plan::Minimisation::Off;
    let stuck = Stuck::waiting("30s", whole).await;
    let plan = plan::Shares {
        mode: ZoneGuardMode::Enforce,
        least: 8,
        ..plan::Shares::default()
    };
    let fair = FairShares::new(&plan, &Arc::new(Pool::new(0)));
    let guard = zone_guard();
    let slot = |name: &str, client: u32| match judged(&guard, name, client) {
        Permission::Fetch(slot) => slot,
        other => panic!("{name}: {other:?}"),
    };
    let known = |at: u32| format!("known{at}.example.");
    for at in 0..3 {
        for client in [1, 2] {
            let there = zones::Outcome {
                ended: Some(zones::engage::Ended::Positive),
                silent: false,
                answered: true,
                is_real: true,
            };
            slot(&known(at), client).finish(there, 1, clock::now());
        }
    }
    let begin = |name: &str| {
        let permit = permit().holding(slot(name, 3)).within(fair.clone(), None);
        stuck.begin(name, permit).ok().unwrap()
    };
    let full = Some(Reason::ServerSlots);
    let _made_up: Vec<Wait> = (0..6).map(|at| begin(&format!("n{at}.example."))).collect();
    assert_eq!(stuck.asked().await, 6);
    assert_eq!(begin("n7.example.").outcome().await.err(), full);
    let _known: Vec<Wait> = (0..2).map(|at| begin(&known(at))).collect();
    assert_eq!(stuck.asked().await, 2);
    assert_eq!(begin(&known(2)).outcome().await.err(), full);
    assert_eq!(begin("n8.example.").outcome().await.err(), full);
    // Who came to join what has just ended is taken for anybody.
    let late = permit().holding(slot(&known(2), 3));
    let late = late.within(fair.clone(), None).joining(CLIENT);
    let wait = stuck.begin(&known(2), late).ok();
    assert_eq!(wait.unwrap().outcome().await.err(), full);
    assert_eq!(stuck.asked().await, 0);
}

#[tokio::test]
async fn look_ups_that_an_alias_led_elsewhere_do_not_make_the_server_they_came_from_look_crowded() {
    let stuck = Stuck::new(|_| ()).await;
    // Whoever serves `there.example.` is not heard of either: it is the same silent socket by another address.
    let root = stuck.root.local_addr().unwrap();
    let _there = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), root.port()))
        .await
        .unwrap();
    let cache = &stuck.resolver.cache;
    for (zone, address) in [
        ("here.example.", [127, 0, 0, 1]),
        ("there.example.", [127, 0, 0, 2]),
    ] {
        let delegation = crate::cache::Delegation {
            zone: zone.parse().unwrap(),
            servers: vec![crate::cache::DelegationServer {
                name: format!("ns.{zone}").parse().unwrap(),
                addresses: vec![address.into()],
            }],
            expires_at: u64::MAX,
        };
        cache.store_delegation(delegation, clock::now());
    }
    for (alias, engaged) in [(false, 1), (true, 0)] {
        let guard = zone_guard();
        let mut waits = Vec::new();
        for at in 0..40 {
            let text = format!("n{at}.here.example.");
            if alias {
                let link = format!("{text} 60 IN CNAME n{at}.there.example.");
                let link = [crate::wire::text::record_from_text(&link, 60).unwrap()];
                let link = crate::wire::group::group(&link).remove(0);
                cache.store(link, crate::cache::Rank::AuthAnswer, clock::now());
            }
            let (name, zone) = (text.parse().unwrap(), "here.example.".parse().unwrap());
            let server = zones::Server {
                address: root.ip(),
                most: 64,
            };
            let query = Query {
                name: &name,
                cut: Some(zones::Cut::Delegation(&zone, Some(server))),
                client: Ipv4Addr::from(0xC000_0200 + at).into(),
                hop_limit: None,
                joins: false,
                renews: false,
            };
            if let Permission::Fetch(slot) = guard.judge(&query, || false, clock::now()) {
                let permit = RecursionPermit::internal(InternalCause::Audit).holding(slot);
                waits.push(stuck.begin(&text, permit).ok().unwrap());
            }
            // It is driven to where it waits.
            tokio::task::yield_now().await;
        }
        assert_eq!(guard.servers_engaged(), engaged, "{alias}");
        waits.drain(..).for_each(Wait::abandon);
    }
}
