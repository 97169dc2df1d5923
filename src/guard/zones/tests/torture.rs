//! Random-subdomain attacks (threats.md 2.5 and 2.7): what the victim's real names get, and what the attack costs.

use super::lab::{Lab, Servers, client, plan};
use crate::config::plan::{self as config, ZoneGuardMode};
use crate::telemetry::incidents::Attacked;

const VICTIM: &str = "victim.example";

pub(super) fn www() -> Attacked {
    Attacked::Zone {
        zone: "victim.example.".to_owned(),
        suffix: Some("www.victim.example.".to_owned()),
    }
}

/// A lab whose honest clients have been at it for half a minute, and an attack of `rate` a second on it for `span` milliseconds.
fn attacked(servers: Servers, rate: u64, span: u64) -> (Lab, u64, u64) {
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(30_000, Lab::honest);
    assert_eq!(lab.luck("known").0, 1.0);
    assert!(!lab.engaged());
    lab.servers = servers;
    let engaged = lab.until(true, 20_000, |lab| {
        lab.honest();
        lab.curious();
        lab.attack(rate, VICTIM);
    });
    let before = lab.packets;
    lab.during(span, |lab| {
        lab.honest();
        lab.curious();
        lab.attack(rate, VICTIM);
    });
    let packets = lab.packets - before;
    (lab, engaged, packets)
}

/// What 150,000 queries of an attack may cost: three seconds until they are noticed, and a packet for twenty.
fn soon_and_hardly_seen(engaged: u64, packets: u64) {
    assert!(engaged <= 3_000, "engaged after {engaged} ms");
    let per_attack = packets as f64 / 150_000.0;
    assert!(
        per_attack <= 0.05,
        "{per_attack} upstream packets per attack query"
    );
}

#[test]
fn a_healthy_victim_keeps_its_names_and_hardly_sees_the_attack() {
    let (mut lab, engaged, packets) = attacked(Servers::Healthy, 5_000, 30_000);
    soon_and_hardly_seen(engaged, packets);
    let (known, asked) = lab.luck("known");
    assert!(
        asked > 2_900 && known >= 0.99,
        "{known} of {asked} known names"
    );
    let (new, asked) = lab.luck("new");
    assert!(asked >= 60 && new >= 0.9, "{new} of {asked} new names");
    let released = lab.until(false, 60_000, Lab::honest);
    assert!(released >= 30_000, "released after {released} ms");
}

#[test]
fn dead_servers_take_neither_slots_nor_what_was_known() {
    let (mut lab, engaged, packets) = attacked(Servers::Dead, 5_000, 30_000);
    soon_and_hardly_seen(engaged, packets);
    let (known, asked) = lab.luck("known");
    assert!(known >= 0.97, "{known} of {asked} known names");
    assert!(lab.guard.guarded(lab.now())[0].attack.dead);
    let before = lab.packets;
    lab.during(60_000, |lab| {
        lab.honest();
        lab.attack(5_000, VICTIM);
    });
    assert!(
        lab.packets - before <= 3 * 8,
        "probes only: {}",
        lab.packets - before
    );
    let (known, asked) = lab.luck("known");
    assert!(
        known >= 0.99,
        "{known} of {asked} known names once it is engaged"
    );
    assert!(lab.guard.status().slots_used < 16);
}

#[test]
fn servers_that_answer_three_hundred_a_second_get_what_they_can_bear() {
    let (mut lab, engaged, packets) = attacked(Servers::Answering(300), 5_000, 30_000);
    assert!(engaged <= 3_000, "engaged after {engaged} ms");
    assert!(packets as f64 / 150_000.0 <= 0.05);
    let (known, asked) = lab.luck("known");
    assert!(known >= 0.97, "{known} of {asked} known names");
    lab.luck("new");
    lab.during(30_000, |lab| {
        lab.honest();
        lab.curious();
        lab.attack(5_000, VICTIM);
    });
    let (known, asked) = lab.luck("known");
    assert!(
        known >= 0.99,
        "{known} of {asked} known names once it is engaged"
    );
    let (new, asked) = lab.luck("new");
    assert!(new >= 0.9, "{new} of {asked} new names once it is engaged");
}

#[test]
fn clean_traffic_engages_nothing() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.ttl = 5;
    lab.during(30_000, |lab| {
        lab.honest();
        lab.curious();
        // A mail server asks a block list, an antivirus program its maker, a log analyser the reverse tree: a thousand a second each.
        lab.attack(1_000, "zen.spamhaus.org");
        lab.attack(1_000, "avqs.mcafee.com");
        lab.attack(1_000, "2.10.in-addr.arpa");
        // Typing errors, four hundred a second.
        lab.attack(400, "popular.example");
    });
    assert!(!lab.engaged());
    assert_eq!(lab.luck("attack").0, 1.0);
    // Names of a content network: each is new, all exist.
    lab.wildcard = true;
    lab.during(20_000, |lab| lab.attack(2_000, "cdn.example"));
    assert!(!lab.engaged());
    assert_eq!(
        lab.guard
            .counters()
            .engaged
            .load(std::sync::atomic::Ordering::Relaxed),
        0
    );
    assert_eq!(lab.luck("new").0, 1.0);
}

#[test]
fn an_attack_below_one_name_holds_back_nothing_beside_it() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(15_000, Lab::honest);
    lab.until(true, 3_000, |lab| lab.attack(5_000, "www.victim.example"));
    lab.during(2_000, |lab| lab.attack(5_000, "www.victim.example"));
    let guarded = lab.guard.guarded(lab.now());
    assert_eq!(guarded[0].attack.attacked, www());
    let explored = lab
        .guard
        .counters()
        .explored
        .load(std::sync::atomic::Ordering::Relaxed);
    // One client asks for a hundred names beside it in two seconds, which a clean one would not.
    for at in 0..2_000 {
        if at % 20 == 0 {
            let name = format!("beside{at}.victim.example");
            lab.real.insert(name.clone());
            lab.ask("beside", &name, client(5_000_000));
        }
        lab.attack(5_000, "www.victim.example");
        lab.pass();
    }
    lab.during(100, |lab| lab.attack(5_000, "www.victim.example"));
    assert_eq!(lab.luck("beside"), (1.0, 100));
    assert!(
        lab.guard
            .counters()
            .explored
            .load(std::sync::atomic::Ordering::Relaxed)
            <= explored + 60
    );
}

#[test]
fn pulses_stay_held_back_between_them() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(15_000, Lab::honest);
    for _ in 0..4 {
        lab.during(5_000, |lab| {
            lab.honest();
            lab.attack(5_000, VICTIM);
        });
        lab.during(15_000, Lab::honest);
    }
    let engaged = lab
        .guard
        .counters()
        .engaged
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(engaged, 1, "no pulse begins anew");
    assert!(lab.luck("known").0 >= 0.999);
    // 100,000 names in all; the first second of the first pulse reaches the servers.
    assert!(lab.packets < 10_000, "{}", lab.packets);
}

#[test]
fn dictionary_names_and_invisible_wildcards_are_held_back_when_servers_suffer() {
    // Words instead of random letters make no difference, nor that one word in twenty exists.
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(15_000, Lab::honest);
    let mut word = 0_u64;
    let mut words = |lab: &mut Lab| {
        for _ in 0..5 {
            word += 1;
            let name = format!("word{word}.victim.example");
            if word.is_multiple_of(20) {
                lab.real.insert(name.clone());
            }
            lab.ask("attack", &name, client(word % 3_000));
        }
    };
    lab.until(true, 3_000, &mut words);
    let before = lab.packets;
    lab.during(20_000, |lab| {
        lab.honest();
        words(lab);
    });
    assert!((lab.packets - before) as f64 / 100_000.0 <= 0.05);
    assert!(lab.luck("known").0 >= 0.99);

    // Every name exists: no harm as long as the servers bear it, held back when they do not.
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(15_000, Lab::honest);
    lab.wildcard = true;
    lab.during(10_000, |lab| lab.attack(3_000, VICTIM));
    assert!(!lab.engaged());
    assert_eq!(lab.luck("attack").0, 1.0);
    lab.servers = Servers::Answering(300);
    lab.until(true, 5_000, |lab| lab.attack(3_000, VICTIM));
    lab.luck("known");
    lab.during(30_000, |lab| {
        lab.honest();
        lab.attack(3_000, VICTIM);
    });
    let (known, asked) = lab.luck("known");
    assert!(known >= 0.97, "{known} of {asked}");
    // What the attack asked for was sighted once each: it taught nothing.
    assert!(
        lab.guard.status().known_names < 1_000,
        "{}",
        lab.guard.status().known_names
    );
}

#[test]
fn log_only_holds_back_nothing_and_says_what_it_would_have() {
    let mut lab = Lab::with(
        &config::ZoneGuard {
            mode: ZoneGuardMode::LogOnly,
            ..plan()
        },
        Servers::Healthy,
    );
    lab.during(15_000, Lab::honest);
    lab.during(10_000, |lab| {
        lab.honest();
        lab.attack(2_000, VICTIM);
    });
    lab.during(100, |_| {});
    assert!(lab.engaged());
    assert_eq!(lab.luck("attack"), (1.0, 20_000));
    let counters = lab.guard.counters();
    let denied: u64 = counters.denied().map(|(_, times)| times).sum();
    assert!(denied > 15_000, "{denied}");
    assert_eq!(
        counters
            .denied_known
            .load(std::sync::atomic::Ordering::Relaxed),
        0
    );
}
