//! A provider of many zones, each asked for little: is its server spared, and can nobody use that against its customers?

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::lab::{Host, Lab, Servers, client, guard, plan};
use crate::config::plan::{self as config, ZoneGuardMode};
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Class, Cut, Denial, Outcome, Permission, Query, Server, Slot};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{Attacked, Stage, Subject};
use crate::wire::{Ede, Name};

/// Real names of the provider's zones that people ask for again and again.
const REAL: u64 = 40;

fn address() -> IpAddr {
    "192.0.2.53".parse().expect("an address")
}

fn host(below: &'static str, servers: Servers) -> Host {
    Host {
        below,
        address: address(),
        servers,
    }
}

/// A lab whose provider's server does so.
fn provided(config: &config::ZoneGuard, servers: Servers) -> Lab {
    let mut lab = Lab::with(config, Servers::Healthy);
    lab.hosts = vec![host(".hosted", servers)];
    lab.ttl = 5;
    lab
}

/// People ask for the provider's names, forty a second, of which about eight a second have to be looked up, and for one that nobody asked for before, two and a half.
fn people(lab: &mut Lab) {
    if lab.at.is_multiple_of(25) {
        let turn = lab.at / 25;
        let which = turn.wrapping_mul(7) % REAL;
        // They do not all begin, and so end, in one second.
        if lab.at >= which * 125 {
            let name = format!("real.t{which}.hosted");
            lab.real.insert(name.clone());
            let who = (turn + turn / REAL) % 20;
            lab.ask("known", &name, client(1_000_000 + who));
        }
    }
    if lab.at.is_multiple_of(400) {
        let turn = lab.at / 400;
        let name = format!("new{turn}.t{}.hosted", turn % 100);
        lab.real.insert(name.clone());
        lab.ask("new", &name, client(2_000_000 + turn));
    }
}

/// `rate` made-up names per second of `zones` zones, from 3,000 bots.
fn flood(lab: &mut Lab, rate: u64, zones: u64, below: &str) {
    let due = (lab.at + 1) * rate / 1_000 - lab.at * rate / 1_000;
    for one in 0..due {
        let random = siphasher::sip::SipHasher13::new().hash(&(lab.at * 100 + one).to_be_bytes());
        let zone = random.rotate_left(20) % zones;
        let name = format!("{random:x}.t{zone}.{below}");
        lab.ask("attack", &name, client(random % 3_000));
    }
}

/// Somebody with much to ask of another provider: ten unknown names a second.
fn neighbour(lab: &mut Lab) {
    if lab.at.is_multiple_of(100) {
        let name = format!("n{}.quiet.elsewhere", lab.at);
        lab.ask("beside", &name, client(7));
    }
}

fn servers_engaged(lab: &Lab) -> u32 {
    lab.guard.status().servers_engaged
}

/// A flood of 2,000 names a second over so many zones, whose server answers 500.
fn spread_over(zones: u64) {
    let mut lab = provided(&plan(), Servers::Answering(500));
    lab.hosts.push(Host {
        below: ".elsewhere",
        address: "192.0.2.54".parse().expect("an address"),
        servers: Servers::Healthy,
    });
    lab.during(20_000, people);
    assert!(lab.luck("known").0 >= 0.999 && !lab.engaged());
    let all = |lab: &mut Lab| {
        people(lab);
        neighbour(lab);
        flood(lab, 2_000, zones, "hosted");
    };
    let begun = lab.at;
    while servers_engaged(&lab) == 0 {
        all(&mut lab);
        lab.pass();
        assert!(lab.at - begun <= 3_000, "{zones}: not engaged in time");
    }
    // Three thousand bots have a first name each, with which they look like people.
    lab.during(6_000, all);
    let (_onset, _new) = (lab.luck("known"), lab.luck("new"));
    let before = lab.packets;
    lab.during(30_000, all);
    // What other names of the provider and its neighbour's cost is no cost of the attack.
    let honest = 30 * (8 + 3 + 10);
    let per_query = (lab.packets - before).saturating_sub(honest) as f64 / 60_000.0;
    assert!(per_query <= 0.05, "{zones}: {per_query} a query");
    let (known, asked) = lab.luck("known");
    assert!(known >= 0.99, "{zones}: {known} of {asked} known names");
    let (new, asked) = lab.luck("new");
    assert!(new >= 0.9, "{zones}: {new} of {asked} new names");
    let (beside, asked) = lab.luck("beside");
    assert!(asked > 300 && beside >= 0.999, "{zones}: {beside} beside");
    assert_eq!(servers_engaged(&lab), 1, "the one that suffers");
    let attacks = lab.guard.guarded(lab.now());
    let server = attacks
        .iter()
        .find(|guarded| guarded.attack.attacked == Attacked::Server(address()))
        .expect("it is told of");
    assert!(server.attack.denied > 10_000 && !server.attack.dead);
    let bot: Name = "x.t5.hosted".parse().expect("a name");
    let cut = bot.suffix(2);
    let explained = lab
        .guard
        .explain(&bot, Some(Cut::Delegation(&cut, at(address()))));
    assert!(
        matches!(explained.server, Some((at, Some(_))) if at == address()),
        "{explained:?}"
    );
    assert!(
        lab.guard
            .holds(&bot, Some(Cut::Delegation(&cut, at(address()))))
    );
    let released = lab.until(false, 60_000, people);
    assert!(released >= 20_000, "{zones}: released after {released} ms");
    lab.ask("bot", "y.t5.hosted", client(1));
    lab.during(100, |_| {});
    assert_eq!(lab.luck("bot"), (1.0, 1), "nothing sticks");
}

fn at(address: IpAddr) -> Option<Server> {
    Some(Server {
        address,
        most: 1_024,
    })
}

#[test]
fn a_hundred_zones_at_twenty_a_second_engage_the_server_that_they_share() {
    spread_over(100);
}

#[test]
fn a_thousand_zones_at_two_a_second_engage_the_server_that_they_share() {
    spread_over(1_000);
}

#[test]
fn a_flood_on_one_zone_engages_that_zone_and_not_the_server_that_it_shares_with_others() {
    for servers in [Servers::Healthy, Servers::Answering(500)] {
        let mut lab = provided(&plan(), servers);
        lab.during(20_000, people);
        let all = |lab: &mut Lab| {
            people(lab);
            // Somebody who asks for many names of its neighbours that nobody knows.
            if lab.at.is_multiple_of(50) {
                let name = format!("b{}.t{}.hosted", lab.at, lab.at / 50 % 40);
                lab.ask("beside", &name, client(9));
            }
            lab.attack(3_000, "t77.hosted");
        };
        lab.until(true, 3_000, all);
        // What failed at first is remembered for five seconds.
        lab.during(8_000, all);
        let _onset = (lab.luck("beside"), lab.luck("known"));
        lab.during(20_000, all);
        assert_eq!(servers_engaged(&lab), 0, "{servers:?}");
        let counters = lab.guard.counters();
        assert_eq!(counters.engaged.load(Ordering::Relaxed), 1, "{servers:?}");
        let (beside, asked) = lab.luck("beside");
        assert!(asked >= 400 && beside >= 0.99, "{servers:?}: {beside}");
        assert!(lab.luck("known").0 >= 0.99, "{servers:?}");
    }
}

#[test]
fn a_small_server_is_held_by_its_failures_before_many_wait_for_it() {
    let mut lab = provided(&plan(), Servers::Answering(50));
    lab.during(20_000, people);
    lab.luck("known");
    lab.during(10_000, |lab| {
        people(lab);
        flood(lab, 150, 1_000, "hosted");
    });
    let attacks = lab.guard.guarded(lab.now());
    assert_eq!(attacks.len(), 1, "{attacks:?}");
    assert_eq!(attacks[0].attack.attacked, Attacked::Server(address()));
    assert_eq!(attacks[0].attack.trigger, "failing");
}

#[test]
fn a_provider_of_thousands_of_zones_that_is_well_is_never_engaged() {
    let mut lab = provided(&plan(), Servers::Healthy);
    lab.during(60_000, |lab| {
        people(lab);
        // Three of four of the names that are asked for are there.
        for one in 0..u64::from(lab.at.is_multiple_of(2)) {
            let zone = lab.at.wrapping_mul(7_919) % 5_000;
            let name = format!("p{}-{one}.z{zone}.hosted", lab.at);
            if lab.at % 8 != 0 {
                lab.real.insert(name.clone());
            }
            lab.ask("pages", &name, client(lab.at % 400));
        }
    });
    let (good, asked) = lab.luck("pages");
    assert!(asked > 29_900 && good >= 1.0, "{good} of {asked}");
    let counters = lab.guard.counters();
    assert_eq!(counters.engaged.load(Ordering::Relaxed), 0);
    // Nor do names that are not there at all engage it, as long as they are no flood.
    lab.during(30_000, |lab| flood(lab, 450, 5_000, "hosted"));
    assert_eq!(lab.luck("attack").0, 1.0);
    assert!(!lab.engaged());
}

#[test]
fn a_flood_of_names_that_do_not_exist_is_throttled_though_each_zone_has_little_of_it() {
    let mut lab = provided(&plan(), Servers::Healthy);
    lab.during(20_000, people);
    let all = |lab: &mut Lab| {
        people(lab);
        flood(lab, 2_000, 1_000, "hosted");
    };
    lab.until(true, 5_000, all);
    lab.during(5_000, all);
    let _onset = (lab.luck("known"), lab.luck("new"));
    lab.during(20_000, all);
    assert_eq!(lab.luck("known").0, 1.0);
    assert!(lab.luck("new").0 >= 0.9);
    let throttled: u64 = lab
        .guard
        .counters()
        .denied()
        .filter(|(reason, _)| *reason == Reason::ServerThrottled)
        .map(|(_, times)| times)
        .sum();
    assert!(throttled > 30_000, "{throttled}");
}

#[test]
fn who_delegates_zones_to_a_server_that_refuses_them_engages_nothing_there() {
    let mut lab = provided(&plan(), Servers::Healthy);
    lab.hosts.push(host(".lame", Servers::Lame));
    lab.during(10_000, people);
    lab.during(30_000, |lab| {
        people(lab);
        flood(lab, 1_000, 1_000, "lame");
    });
    assert_eq!(servers_engaged(&lab), 0);
    assert_eq!((lab.luck("known").0, lab.luck("new").0), (1.0, 1.0));
}

#[test]
fn who_delegates_zones_to_a_server_that_keeps_silent_about_them_harms_none_of_its_own() {
    let mut lab = provided(&plan(), Servers::Healthy);
    lab.hosts.push(host(".mute", Servers::Dead));
    lab.during(20_000, people);
    lab.during(60_000, |lab| {
        people(lab);
        flood(lab, 600, 100, "mute");
        // 1,140 look-ups wait for it: more than would engage it, were its own names not answered.
        assert_eq!(servers_engaged(lab), 0, "at {} ms", lab.at);
    });
    assert_eq!((lab.luck("known").0, lab.luck("new").0), (1.0, 1.0));
}

#[test]
fn what_another_server_of_the_zone_answers_is_no_sign_of_a_flood_at_the_one_that_it_is_known_by() {
    let mut lab = provided(&plan(), Servers::Healthy);
    lab.hosts.push(host(".beside", Servers::Beside));
    lab.during(10_000, people);
    lab.during(30_000, |lab| {
        people(lab);
        flood(lab, 2_000, 1_000, "beside");
    });
    assert_eq!(servers_engaged(&lab), 0);
    assert_eq!((lab.luck("known").0, lab.luck("new").0), (1.0, 1.0));
}

#[test]
fn what_another_server_of_the_zone_answers_does_not_make_an_overloaded_one_look_well() {
    let mut lab = provided(&plan(), Servers::Answering(100));
    lab.hosts.push(host(".beside", Servers::Beside));
    // His own names, looked up 200 times a second, and known to be real.
    let praise = |lab: &mut Lab| {
        if lab.at.is_multiple_of(5) {
            let turn = lab.at / 5;
            let name = format!("p{}.t{}.beside", turn % 1_000, turn % 50);
            lab.real.insert(name.clone());
            lab.ask("praise", &name, client(3_000_000 + turn / 1_000 % 3));
        }
    };
    lab.during(20_000, |lab| {
        people(lab);
        praise(lab);
    });
    let begun = lab.at;
    while servers_engaged(&lab) == 0 {
        people(&mut lab);
        praise(&mut lab);
        flood(&mut lab, 2_000, 1_000, "hosted");
        lab.pass();
        assert!(lab.at - begun <= 5_000, "not engaged in time");
    }
}

#[test]
fn log_only_holds_nothing_of_a_server_back_and_says_what_it_would_have() {
    let config = config::ZoneGuard {
        mode: ZoneGuardMode::LogOnly,
        ..plan()
    };
    let mut lab = provided(&config, Servers::Answering(500));
    lab.during(10_000, |lab| flood(lab, 2_000, 1_000, "hosted"));
    lab.during(2_000, |_| {});
    assert_eq!(servers_engaged(&lab), 1);
    assert!(lab.packets > 3 * 14_000, "{}", lab.packets);
    let denied: u64 = lab.guard.counters().denied().map(|(_, times)| times).sum();
    assert!(denied > 10_000, "{denied}");
}

#[test]
fn the_operator_lets_go_of_a_server_and_leaves_it_alone_until_he_takes_it_back() {
    let mut lab = provided(&plan(), Servers::Answering(500));
    let all = |lab: &mut Lab| flood(lab, 2_000, 1_000, "hosted");
    lab.during(10_000, all);
    assert_eq!(servers_engaged(&lab), 1);
    // Told to let go while what failed is still remembered, it does, and sees for itself what comes then.
    assert!(lab.guard.release(address(), lab.now()));
    assert!(!lab.guard.release(address(), lab.now()));
    lab.ask("bot", "y.t5.hosted", client(1));
    assert_eq!(servers_engaged(&lab), 0);
    lab.during(5_000, all);
    assert_eq!(servers_engaged(&lab), 1, "it goes on");
    lab.guard.wish(address(), Class::Exempt, lab.now()).unwrap();
    assert_eq!(servers_engaged(&lab), 0, "at once");
    lab.during(10_000, all);
    assert_eq!(servers_engaged(&lab), 0);
    let refused = lab.guard.wish(address(), Class::Pinned, lab.now());
    assert!(refused.unwrap_err().contains("pin its zones"));
    assert!(lab.guard.release(address(), lab.now()), "taken back");
    lab.during(5_000, all);
    assert_eq!(servers_engaged(&lab), 1);
    let shown = lab.guard.servers_demanded(lab.now());
    assert_eq!(shown.len(), 1, "{shown:?}");
    let server = &shown[0];
    assert_eq!(server.server, address());
    assert!((1_500.0..2_500.0).contains(&server.misses), "{server:?}");
    assert!(server.denied > 1_000.0 && server.unknown <= server.misses);
}

#[test]
fn an_attack_on_a_server_is_told_from_start_to_end() {
    let mut lab = provided(&plan(), Servers::Answering(500));
    let incidents = Arc::clone(&lab.guard.state.incidents);
    lab.during(10_000, |lab| flood(lab, 2_000, 1_000, "hosted"));
    lab.until(false, 60_000, people);
    let moments = incidents.after(&mut 0);
    let stages: Vec<Stage> = moments.iter().map(|moment| moment.stage).collect();
    assert_eq!(stages, [Stage::Started, Stage::Stopped]);
    for moment in &moments {
        assert_eq!(moment.subject.label(), "server_under_attack");
        assert_eq!(moment.subject.key(), "192.0.2.53");
    }
    let Subject::Zone(attack) = &moments[1].subject else {
        panic!("{moments:?}");
    };
    assert!(attack.denied > 10_000 && attack.names > 1_000, "{attack:?}");
    assert_eq!(attack.sample_names.len(), 8);
    assert_eq!(servers_engaged(&lab), 0);
}

/// A guard where so many unknown names of as many zones wait for one server; nobody is known to it.
fn waiting(guard: &crate::guard::zones::ZoneGuard, many: u64, now: Now) -> Vec<Slot> {
    (0..many)
        .map(
            |one| match ask(guard, &format!("x.z{one}.hosted"), 50_000 + one, now) {
                Permission::Fetch(slot) => slot,
                other => panic!("{one}: {other:?}"),
            },
        )
        .collect()
}

fn ask(guard: &crate::guard::zones::ZoneGuard, name: &str, who: u64, now: Now) -> Permission {
    let name: Name = name.parse().expect("a name");
    let cut = name.suffix(2);
    let query = Query {
        name: &name,
        cut: Some(Cut::Delegation(&cut, at(address()))),
        client: client(who),
        hop_limit: None,
        joins: false,
        renews: false,
    };
    guard.judge(&query, || false, now)
}

#[test]
fn what_waits_elsewhere_by_now_is_no_burden_of_the_server() {
    let guard = guard(&plan());
    let now = Now::at_secs(10);
    let mut held = waiting(&guard, 511, now);
    let zone = |slot: &Slot| slot.server_zone().map(ToString::to_string);
    assert_eq!(held[3].server(), Some(address()));
    assert_eq!(zone(&held[3]).as_deref(), Some("z3.hosted."));
    for slot in &mut held {
        slot.leave_server(true, 2, now);
    }
    assert_eq!((held[3].server(), zone(&held[3])), (None, None));
    held.extend(waiting(&guard, 511, now));
    assert_eq!(guard.servers_engaged(), 0);
    assert_eq!(guard.status().slots_used, 1_022, "the pool's they hold");
    drop(ask(&guard, "x.more.hosted", 70_000, now));
    drop(ask(&guard, "y.more.hosted", 70_001, now));
    assert_eq!(guard.servers_engaged(), 0, "511 waited before either");
    // Each of them ends once for its zones, and told the server once.
    for slot in held.drain(..511) {
        let failed = Outcome {
            ended: Some(Ended::Failed),
            silent: true,
            answered: true,
            is_real: false,
        };
        slot.finish(failed, 9, now);
    }
    assert_eq!(guard.status().slots_used, 511);
    let _last = ask(&guard, "x.more.hosted", 70_000, now);
    drop(ask(&guard, "y.more.hosted", 70_001, now));
    let engaged = guard.guarded(now);
    assert_eq!(engaged.len(), 1, "512 wait for it");
    assert_eq!(engaged[0].attack.trigger, "in_flight");
    assert!(engaged[0].attack.failed_share < 0.01, "it answered");
}

#[test]
fn half_of_a_servers_share_engages_it_and_forty_names_are_explored_at_once_and_no_more() {
    let guard = guard(&plan());
    let now = Now::at_secs(10);
    let held = waiting(&guard, 512, now);
    assert_eq!(guard.servers_engaged(), 0, "511 waited before the last");
    drop(held);
    let held = waiting(&guard, 512, now);
    let denied = |permission| match permission {
        Permission::Explore(_) => None,
        Permission::Deny(Denial { reason, ede, .. }) => Some((reason, ede.code)),
        other => panic!("{other:?}"),
    };
    let verdicts: Vec<_> = (0..41)
        .map(|one| denied(ask(&guard, &format!("y.z{one}.hosted"), 60_000 + one, now)))
        .collect();
    assert_eq!(guard.servers_engaged(), 1);
    let (explored, beyond) = verdicts.split_at(40);
    assert!(explored.iter().all(Option::is_none), "{verdicts:?}");
    let no_more = Some((Reason::ServerOverloaded, Ede::NO_REACHABLE_AUTHORITY));
    assert_eq!(beyond, [no_more]);
    // Two seconds later there is room for forty again, but not for forty of one client.
    let later = now.plus(std::time::Duration::from_secs(2));
    let of_one = (0..40)
        .filter(|one| denied(ask(&guard, &format!("b{one}.z{one}.hosted"), 3, later)).is_none())
        .count();
    assert!((8..=20).contains(&of_one), "{of_one}");
    drop(held);
}

#[test]
fn what_explores_takes_three_quarters_of_a_servers_share_and_known_names_are_never_denied_for_it() {
    let guard = guard(&plan());
    let now = Now::at_secs(10);
    // Of so many zones that none of them is engaged for itself.
    let real = |one: u64| format!("www.bank{}.hosted", one % 8);
    for (one, who) in (0..8).flat_map(|one| [(one, 1), (one, 2)]) {
        let Permission::Fetch(slot) = ask(&guard, &real(one), who, now) else {
            panic!("nothing is engaged yet");
        };
        let there = Outcome {
            ended: Some(Ended::Positive),
            silent: false,
            answered: true,
            is_real: true,
        };
        slot.finish(there, 1, now);
    }
    let mut held = waiting(&guard, 512, now);
    // One more engages it; what explores goes up to three quarters.
    let mut second = 0;
    while held.len() < 768 {
        second += 1;
        let later = now.plus(std::time::Duration::from_secs(second));
        for one in 0..20 {
            if let Permission::Explore(slot) = ask(
                &guard,
                &format!("y{second}.z{one}.hosted"),
                90_000 + second * 20 + one,
                later,
            ) {
                held.push(slot);
            }
        }
        assert!(second < 60, "{}", held.len());
    }
    let later = now.plus(std::time::Duration::from_secs(second + 30));
    let denied = ask(&guard, "y.z1.hosted", 200_000, later);
    assert!(matches!(denied, Permission::Deny(_)), "{denied:?}");
    // As many as all of the share, and one more: what waits for somebody else's server keeps nobody's real names out.
    for one in 0..=1_024 {
        match ask(&guard, &real(one), 3, later) {
            Permission::Fetch(slot) => held.push(slot),
            other => panic!("{one}: {other:?}"),
        }
    }
    drop(held);
    assert_eq!(guard.status().slots_used, 0);
}
