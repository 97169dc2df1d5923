//! What must hold whatever the attack: no lies, nothing sticky, nothing that an attacker can turn against others.

use std::sync::Arc;

use super::lab::{Lab, Servers, client, guard, plan};
use crate::config::plan::{self as config, ZoneGuardMode};
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Charged, Class, Cut, KnownNames, Outcome, Permission, Query, ZoneGuard};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{Stage, Subject};
use crate::wire::{Ede, Name};

fn query(name: &Name) -> Query<'_> {
    Query {
        name,
        cut: None,
        client: client(9),
        hop_limit: None,
        joins: false,
        renews: false,
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn a_name_resolves_at_the_first_ask_after_release() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.until(true, 3_000, |lab| lab.attack(5_000, "victim.example"));
    lab.real.insert("mine.victim.example".to_owned());
    // A client that is not clean: it has asked for others.
    for at in 0..20 {
        lab.ask("other", &format!("typo{at}.victim.example"), client(77));
    }
    lab.during(50, |lab| lab.attack(5_000, "victim.example"));
    lab.luck("mine");
    lab.ask("mine", "mine.victim.example", client(77));
    assert_eq!(lab.luck("mine"), (0.0, 1), "denied at once");
    lab.until(false, 60_000, |_| {});
    lab.ask("mine", "mine.victim.example", client(77));
    lab.during(50, |_| {});
    assert_eq!(lab.luck("mine"), (1.0, 1));
}

#[test]
fn a_name_resolves_at_the_first_ask_after_the_operator_lets_go_while_what_was_asked_is_still_remembered()
 {
    for servers in [Servers::Healthy, Servers::Dead] {
        let mut lab = Lab::new(servers);
        lab.until(true, 5_000, |lab| lab.attack(1_500, "victim.example"));
        lab.during(2_000, |lab| lab.attack(1_500, "victim.example"));
        lab.real.insert("mine.victim.example".to_owned());
        // What is under way ends; demand and failures are remembered for five seconds and more.
        lab.servers = Servers::Healthy;
        lab.during(3_000, |_| {});
        for at in 0..20 {
            lab.ask("other", &format!("typo{at}.victim.example"), client(77));
        }
        lab.during(50, |_| {});
        lab.ask("mine", "mine.victim.example", client(77));
        assert_eq!(lab.luck("mine"), (0.0, 1), "{servers:?}: denied at once");
        assert!(lab.guard.release(&name("victim.example"), lab.now()));
        lab.ask("mine", "mine.victim.example", client(77));
        lab.during(50, |_| {});
        assert_eq!(lab.luck("mine"), (1.0, 1), "{servers:?}");
        assert!(!lab.engaged(), "{servers:?}");
        // It goes on: what comes now is seen for what it is.
        lab.until(true, 3_000, |lab| lab.attack(1_500, "victim.example"));
    }
}

#[test]
fn a_denial_says_why_a_few_times_and_is_silent_then() {
    let guard = guard(&plan());
    let now = Now::at_secs(10);
    guard
        .wish(&name("victim.example"), Class::Pinned, now)
        .unwrap();
    let mut denials = Vec::new();
    for at in 0..30 {
        let asked = name(&format!("r{at}.victim.example"));
        match guard.judge(&query(&asked), || false, now) {
            Permission::Deny(denial) => denials.push(denial),
            Permission::Explore(_) => assert!(at < 3, "a clean client's first names"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(denials.len(), 27);
    assert!(
        denials
            .iter()
            .all(|denial| denial.reason == Reason::ZoneThrottled && denial.ede.code == Ede::OTHER)
    );
    assert_eq!(denials.iter().filter(|denial| !denial.silent).count(), 10);
    assert!(guard.release(&name("victim.example"), now));
    assert!(!guard.release(&name("victim.example"), now));
    let asked = name("r99.victim.example");
    assert!(matches!(
        guard.judge(&query(&asked), || false, now),
        Permission::Fetch(_)
    ));
}

#[test]
fn stale_copies_come_first_and_known_names_are_looked_up_behind_them() {
    let guard = guard(&plan());
    let now = Now::at_secs(10);
    let asked = name("www.victim.example");
    for who in [1, 2] {
        let Permission::Fetch(slot) = guard.judge(
            &Query {
                client: client(who),
                ..query(&asked)
            },
            || false,
            now,
        ) else {
            panic!("nothing is engaged yet");
        };
        let ended = Some(Ended::Positive);
        slot.finish(
            Outcome {
                ended,
                silent: false,
                answered: true,
                is_real: true,
            },
            1,
            now,
        );
    }
    guard
        .wish(&name("victim.example"), Class::Pinned, now)
        .unwrap();
    assert!(guard.explain(&asked, None).known);
    assert!(matches!(
        guard.judge(&query(&asked), || true, now),
        Permission::Stale { refresh: Some(_) }
    ));
    assert!(matches!(
        guard.judge(&query(&asked), || false, now),
        Permission::Fetch(_)
    ));
    let other = name("other.victim.example");
    assert!(matches!(
        guard.judge(&query(&other), || true, now),
        Permission::Stale { .. }
    ));
    assert!(guard.holds(&other, None));
    // Nobody waits for a renewal: it is let through for what is known, and tells nobody anything.
    let renewal = |name| Query {
        renews: true,
        ..query(name)
    };
    assert!(matches!(
        guard.judge(&renewal(&asked), || false, now),
        Permission::Fetch(_)
    ));
    assert!(
        matches!(guard.judge(&renewal(&other), || false, now), Permission::Deny(denial) if denial.silent)
    );
    // To wait for what is under way costs nothing.
    assert!(matches!(
        guard.judge(
            &Query {
                hop_limit: None,
                joins: true,
                ..query(&other)
            },
            || false,
            now
        ),
        Permission::Fetch(_)
    ));
    assert_eq!(guard.status().slots_used, 0);
}

#[test]
fn a_quarter_of_the_slots_is_left_to_known_names() {
    let guard = guard(&config::ZoneGuard {
        slots: 512,
        ..plan()
    });
    let now = Now::at_secs(10);
    let asked = name("www.victim.example");
    for who in [1, 2] {
        if let Permission::Fetch(slot) = guard.judge(
            &Query {
                client: client(who),
                ..query(&asked)
            },
            || false,
            now,
        ) {
            let ended = Some(Ended::Positive);
            slot.finish(
                Outcome {
                    ended,
                    silent: false,
                    answered: true,
                    is_real: true,
                },
                1,
                now,
            );
        }
    }
    // T is 32: unknown names engage the zone at 16 in flight, and explore up to 24.
    let mut held = Vec::new();
    for at in 0..200 {
        let random = name(&format!("r{at}.victim.example"));
        match guard.judge(
            &Query {
                client: client(100 + at),
                ..query(&random)
            },
            || false,
            now,
        ) {
            Permission::Fetch(slot) | Permission::Explore(slot) => held.push(slot),
            Permission::Deny(denial) => assert_eq!(denial.reason, Reason::ZoneInFlight),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(held.len(), 24);
    let mut fetched = 0;
    loop {
        match guard.judge(&query(&asked), || false, now) {
            Permission::Fetch(slot) => held.push(slot),
            Permission::Deny(denial) => {
                assert_eq!(denial.reason, Reason::ZoneSlots);
                assert_eq!(denial.ede.code, Ede::NO_REACHABLE_AUTHORITY);
                break;
            }
            other => panic!("{other:?}"),
        }
        fetched += 1;
    }
    assert_eq!(fetched, 8);
    drop(held);
    assert_eq!(guard.status().slots_used, 0);
}

#[test]
fn where_an_attacker_makes_names_fail_the_known_ones_are_still_asked_for() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(5_000, Lab::honest);
    lab.servers = Servers::Dead;
    lab.during(30_000, |lab| lab.attack(1_000, "victim.example"));
    assert!(lab.guard.guarded(lab.now())[0].attack.dead);
    // Of one known name nothing stale is left, and its servers are well: only others' questions fail.
    lab.servers = Servers::Healthy;
    lab.cached.remove("real0.victim.example");
    lab.failed.clear();
    lab.ask("owed", "real0.victim.example", client(3));
    lab.during(100, |_| {});
    assert_eq!(lab.luck("owed"), (1.0, 1));
}

#[test]
fn who_looks_many_senders_up_is_not_held_back_by_their_number() {
    let guard = guard(&plan());
    let now = Now::at_secs(10);
    let zone = name("zen.spamhaus.org");
    guard.wish(&zone, Class::Lookup, now).unwrap();
    for _ in 0..600 {
        let failing = name("x.zen.spamhaus.org");
        if let Permission::Fetch(slot) = guard.judge(&query(&failing), || false, now) {
            slot.finish(
                Outcome {
                    ended: Some(Ended::Failed),
                    silent: false,
                    answered: false,
                    is_real: false,
                },
                1,
                now,
            );
        }
    }
    let later = now.plus(std::time::Duration::from_millis(500));
    assert!(guard.engaged() > 0, "its servers fail");
    let explored = (0..40)
        .filter(|at| {
            let asked = name(&format!("{at}.2.0.192.zen.spamhaus.org"));
            matches!(
                guard.judge(&query(&asked), || false, later),
                Permission::Explore(_)
            )
        })
        .count();
    assert!(explored > 20, "{explored}");
}

#[test]
fn a_foreign_zone_is_not_engaged_by_less_than_the_triggers_and_its_names_suffer_nothing() {
    // 450 made-up names a second below a healthy zone, for half a minute: an attacker's try to have it shut.
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(30_000, |lab| {
        lab.honest();
        lab.curious();
        lab.attack(450, "victim.example");
    });
    assert!(!lab.engaged());
    assert_eq!((lab.luck("known").0, lab.luck("new").0), (1.0, 1.0));
    // More than that engages it: and still the zone's names are served, known and new.
    lab.during(20_000, |lab| {
        lab.honest();
        lab.curious();
        lab.attack(2_000, "victim.example");
    });
    assert!(lab.engaged());
    assert!(lab.luck("known").0 >= 0.99);
    assert!(lab.luck("new").0 >= 0.9);
    // Another zone beside it does not notice.
    lab.real.insert("www.neighbour.example".to_owned());
    lab.ask("beside", "www.neighbour.example", client(1));
    lab.during(50, |_| {});
    assert_eq!(lab.luck("beside"), (1.0, 1));
}

#[test]
fn nobody_teaches_the_filter_from_one_place_and_no_domain_takes_it_over() {
    // 36,000 names for the whole of the filter, 364 for one domain.
    let mut lab = Lab::with(
        &config::ZoneGuard {
            known_names: 65_536,
            ..plan()
        },
        Servers::Healthy,
    );
    lab.wildcard = true;
    // One attacker, his own zone, names that all exist, one client.
    for at in 0..5_000 {
        lab.ask("attack", &format!("n{at}.attacker.example"), client(1));
        lab.pass();
    }
    assert_eq!(lab.guard.status().known_names, 0);
    // Two clients: a hundredth of the filter, no more, and others are learned as before.
    for at in 0..1_000 {
        for who in [1, 2] {
            lab.ask("attack", &format!("m{at}.attacker.example"), client(who));
            lab.during(41, |_| {});
        }
    }
    let status = lab.guard.status();
    assert!(
        status.known_names <= status.known_capacity / 100,
        "{}",
        status.known_names
    );
    lab.ttl = 0;
    for who in [1, 2] {
        lab.ask("known", "www.bank.example", client(who));
        lab.during(41, |_| {});
    }
    assert!(lab.guard.explain(&name("www.bank.example"), None).known);
}

#[test]
fn what_was_learned_is_there_after_a_restart_under_attack() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(15_000, Lab::honest);
    lab.ttl = 1;
    lab.during(15_000, Lab::honest);
    let mut saved = Vec::new();
    lab.guard.known_names().save(&mut saved, lab.at).unwrap();
    let names = lab.guard.status().known_names;
    assert!(names >= 100);
    let known = KnownNames::load(&mut saved.as_slice(), plan().known_names, 0).unwrap();
    let mut again = Lab::new(Servers::Healthy);
    again.guard = ZoneGuard::with_secrets(&plan(), known, Arc::default(), &[3; 16], &[4; 16]);
    assert_eq!(again.guard.status().known_names, names);
    // Nothing is cached, and the attack is on from the first moment.
    again.during(10_000, |lab| {
        lab.honest();
        lab.attack(5_000, "victim.example");
    });
    let (known, asked) = again.luck("known");
    assert!(known >= 0.99, "{known} of {asked}");
}

#[test]
fn the_operator_pins_and_exempts_and_shared_zones_are_neither() {
    let now = Now::at_secs(10);
    let guard = guard(&plan());
    for shared in [".", "com", "co.jp", "in-addr.arpa", "10.in-addr.arpa"] {
        assert!(
            guard.wish(&name(shared), Class::Pinned, now).is_err(),
            "{shared}"
        );
    }
    guard
        .wish(&name("www.victim.example"), Class::Pinned, now)
        .unwrap();
    assert_eq!(guard.status().engaged, 1);
    assert!(guard.holds(&name("x.www.victim.example"), None));
    assert!(
        !guard.holds(&name("x.victim.example"), None),
        "only what was named"
    );
    guard
        .wish(&name("www.victim.example"), Class::Exempt, now)
        .unwrap();
    assert_eq!(guard.status().engaged, 0);
    let domain = name("victim.example");
    let explained = guard.explain(
        &name("x.www.victim.example"),
        Some(Cut::Delegation(&domain, None)),
    );
    assert_eq!(
        explained.zones,
        [(name("www.victim.example"), Class::Exempt)]
    );
    // Wishes outlive a reload, and settings of the file are seen beside them.
    let exempt = config::ZoneGuard {
        exempt: vec![name("left.alone.org")],
        ..plan()
    };
    let after = ZoneGuard::continuing(&exempt, &guard);
    assert_eq!(
        after.explain(&name("x.left.alone.org"), None).zones,
        [(name("left.alone.org"), Class::Exempt)]
    );
    assert_eq!(
        after.status().wishes,
        [(Charged::Zone(name("www.victim.example")), Class::Exempt)]
    );
}

#[test]
fn an_exempt_zone_is_never_engaged() {
    let plan = config::ZoneGuard {
        exempt: vec![name("victim.example")],
        ..plan()
    };
    let mut lab = Lab::with(&plan, Servers::Healthy);
    lab.during(10_000, |lab| lab.attack(5_000, "victim.example"));
    assert!(!lab.engaged());
}

#[test]
fn off_counts_nothing() {
    let mut lab = Lab::with(
        &config::ZoneGuard {
            mode: ZoneGuardMode::Off,
            ..plan()
        },
        Servers::Healthy,
    );
    lab.during(5_000, |lab| lab.attack(5_000, "victim.example"));
    let status = lab.guard.status();
    assert_eq!((status.zones, status.engaged), (0, 0));
    // What is under way is: clients and servers have their shares of the same slots.
    assert_eq!(status.slots_used, 195);
    lab.during(10_000, |_| ());
    assert_eq!(lab.guard.status().slots_used, 0);
}

#[test]
fn an_attack_is_told_from_start_to_end_and_not_per_packet() {
    let mut lab = Lab::new(Servers::Healthy);
    let incidents = Arc::clone(&lab.guard.state.incidents);
    lab.during(150_000, |lab| lab.attack(1_000, "www.victim.example"));
    lab.until(false, 70_000, |_| {});
    let moments = incidents.after(&mut 0);
    let stages: Vec<Stage> = moments.iter().map(|event| event.stage).collect();
    let [Stage::Started, between @ .., Stage::Stopped] = stages.as_slice() else {
        panic!("{stages:?}");
    };
    assert!((2..=3).contains(&between.len()), "{stages:?}");
    let Subject::Zone(attack) = &moments[1].subject else {
        panic!("{moments:?}");
    };
    assert_eq!(attack.attacked, super::torture::www());
    assert!((900.0..1_100.0).contains(&attack.demand), "{attack:?}");
    assert!((2_000..4_000).contains(&attack.clients), "{attack:?}");
    assert!(
        attack.denied > 50_000 && attack.names > 40_000,
        "{attack:?}"
    );
    assert_eq!(attack.top_clients.len(), 8);
}
