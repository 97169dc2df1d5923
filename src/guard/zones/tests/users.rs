//! Do real users of a guarded zone get what they should: after an outage, behind a shared address, with old data?

use super::lab::{Got, Lab, Servers, client, guard, plan};
use crate::config::plan as config;
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Cut, Outcome, Permission, Query};
use crate::sys::clock::Now;
use crate::wire::Name;

const VICTIM: &str = "victim.example";

/// Users of a zone where each page has names of its own: `rate` of them a second that nobody asked for before, and all exist.
fn pages(lab: &mut Lab, rate: u64) {
    let due = (lab.at + 1) * rate / 1_000 - lab.at * rate / 1_000;
    for one in 0..due {
        let name = format!("p{}-{one}.{VICTIM}", lab.at);
        lab.real.insert(name.clone());
        // A thousand users: each asks for many.
        lab.ask(
            "pages",
            &name,
            client(3_000_000 + (lab.at * 31 + one) % 1_000),
        );
    }
}

#[test]
fn a_popular_zone_is_let_go_after_an_outage_although_it_is_asked_for_as_much_as_ever() {
    let mut lab = Lab::new(Servers::Healthy);
    lab.during(20_000, |lab| pages(lab, 300));
    assert!(!lab.engaged(), "it is popular, that is all");
    lab.servers = Servers::Dead;
    lab.until(true, 20_000, |lab| pages(lab, 300));
    lab.during(15_000, |lab| pages(lab, 300));
    assert!(lab.engaged());
    lab.servers = Servers::Healthy;
    let released = lab.until(false, 120_000, |lab| pages(lab, 300));
    assert!(released >= 15_000, "{released} ms");
    let _before = lab.luck("pages");
    lab.during(20_000, |lab| pages(lab, 300));
    let (good, asked) = lab.luck("pages");
    assert!(!lab.engaged() && good >= 0.99, "{good} of {asked}");
}

#[test]
fn an_attack_that_goes_on_is_not_let_go_whatever_the_servers_say_meanwhile() {
    for servers in [Servers::Healthy, Servers::Answering(300)] {
        let mut lab = Lab::new(Servers::Healthy);
        lab.during(30_000, Lab::honest);
        lab.servers = servers;
        let all = |lab: &mut Lab| {
            lab.honest();
            lab.curious();
            lab.attack(1_000, VICTIM);
        };
        lab.until(true, 20_000, all);
        let before = lab.packets;
        for second in 0..150 {
            lab.during(1_000, all);
            assert!(lab.engaged(), "{servers:?}: let go after {second} s");
        }
        let per_second = (lab.packets - before) / 150;
        assert!(
            per_second <= 60,
            "{servers:?}: {per_second} packets a second"
        );
    }
}

#[test]
fn who_shares_an_address_with_a_bot_has_a_part_in_what_is_explored_and_those_with_their_own_do_not_suffer()
 {
    let shared = "100.64.0.0/10".parse().expect("a prefix");
    let crowd = |lab: &mut Lab, who: &'static str| {
        // Four real names a second that nobody asked for, and a bot among them.
        if lab.at.is_multiple_of(250) {
            let name = format!("{who}{}.{VICTIM}", lab.at);
            lab.real.insert(name.clone());
            lab.ask(who, &name, "100.64.0.1".parse().expect("an address"));
        }
        if lab.at.is_multiple_of(200) {
            let name = format!("bot{}.{VICTIM}", lab.at);
            lab.ask("bot", &name, "100.64.0.1".parse().expect("an address"));
        }
    };
    let luck = |shared: Vec<ipnet::IpNet>| {
        let plan = config::ZoneGuard { shared, ..plan() };
        let mut lab = Lab::with(&plan, Servers::Healthy);
        lab.during(30_000, Lab::honest);
        let all = |lab: &mut Lab| {
            lab.honest();
            lab.curious();
            lab.attack(2_000, VICTIM);
            crowd(lab, "crowd");
        };
        lab.until(true, 20_000, all);
        // The bots' first names are over by then.
        lab.during(60_000, all);
        let _first = (lab.luck("crowd"), lab.luck("new"));
        lab.during(30_000, all);
        (lab.luck("crowd").0, lab.luck("new").0)
    };
    let (alone, new) = luck(Vec::new());
    assert!(alone < 0.2 && new >= 0.9, "{alone} {new}");
    let (together, new) = luck(vec![shared]);
    assert!(together >= 0.9 && new >= 0.9, "{together} {new}");
}

#[test]
fn what_is_answered_from_old_data_is_brought_up_to_date_though_only_one_client_ever_asked() {
    let guard = guard(&plan());
    let at = |secs: u64| Now::at_secs(secs);
    let cut: Name = VICTIM.parse().expect("a name");
    let judge = |name: &str, stale: bool, secs: u64| {
        let name: Name = name.parse().expect("a name");
        let query = Query {
            name: &name,
            cut: Some(Cut::Delegation(&cut, None)),
            client: client(5),
            hop_limit: None,
            joins: false,
            renews: false,
        };
        guard.judge(&query, || stale, at(secs))
    };
    guard
        .wish(&cut, crate::guard::zones::Class::Pinned, at(0))
        .expect("pinned");
    let Permission::Stale {
        refresh: Some(slot),
    } = judge("once.victim.example", true, 1)
    else {
        panic!("what was there once is looked up anew");
    };
    let there = Outcome {
        ended: Some(Ended::Positive),
        silent: false,
        answered: true,
        is_real: true,
    };
    slot.finish(there, 1, at(1));
    // It is what exploring leaves over: half of the bucket at once.
    let refreshed = (0..100)
        .filter(|number| {
            let name = format!("once{number}.victim.example");
            matches!(
                judge(&name, true, 2),
                Permission::Stale { refresh: Some(_) }
            )
        })
        .count();
    assert!((10..=21).contains(&refreshed), "{refreshed}");
    assert!(Got::Stale.is_good());
}
