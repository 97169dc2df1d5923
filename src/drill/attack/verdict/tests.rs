//! Is a good run held and each fault told?

use std::time::Duration;

use super::*;
use crate::drill::attack::catalogue::ATTACKS;
use crate::drill::attack::figures::{Exchange, Guard};

/// Everything answered in a millisecond, nothing upstream.
fn good() -> Figures {
    let mut honest = Vec::new();
    for window in Window::ALL {
        for kind in Kind::ALL {
            let mut tally = Tally::default();
            for _ in 0..1_000 {
                tally.answered(Duration::from_millis(1));
            }
            honest.push((window, kind, tally));
        }
    }
    Figures {
        attack: "test",
        rate: 5_000,
        phases: [
            Duration::from_secs(6),
            Duration::from_secs(20),
            Duration::from_secs(90),
        ],
        exchange: Exchange {
            sent: 100_000,
            octets: 4_000_000,
            replies: 0,
            codes: [90_000, 10_000, 0, 0, 0],
            ..Exchange::default()
        },
        honest,
        throttled_after: Some(Duration::from_secs(1)),
        released_after: Some(Duration::from_secs(40)),
        guard: Some(Guard {
            no_route_back: 100_000,
            ..Guard::default()
        }),
        ..Figures::default()
    }
}

/// The tally of one kind in one window with so many good and bad.
fn with(window: Window, kind: Kind, good_ones: u64, bad: u64) -> Figures {
    let mut figures = good();
    for (at, of, tally) in &mut figures.honest {
        if (*at, *of) == (window, kind) {
            *tally = Tally::default();
            for _ in 0..good_ones {
                tally.answered(Duration::from_millis(1));
            }
            tally.silent = bad / 2;
            tally.servfail = bad - bad / 2;
        }
    }
    figures
}

fn held(promise: Promise, figures: &Figures) -> bool {
    judge(&[promise], figures)[0].held
}

#[test]
fn a_good_run_is_held_to_everything_and_holds() {
    for attack in ATTACKS {
        let broken: Vec<_> = judge(attack.promises, &good())
            .into_iter()
            .filter(|criterion| !criterion.held)
            .collect();
        assert!(broken.is_empty(), "{}: {broken:?}", attack.name);
    }
    let document = good().to_json(&judge(&[Promise::Upstream], &good()));
    assert_eq!(document["held"], true);
    assert_eq!(document["honest"]["attack"]["known"]["share"], 1.0);
    assert_eq!(document["criteria"][0]["name"], "upstream");
}

#[test]
fn shares_are_those_of_the_settled_attack_and_one_of_few_is_no_measurement() {
    let known = |good, bad| {
        held(
            Promise::Known(0.99),
            &with(Window::Attack, Kind::Known, good, bad),
        )
    };
    assert!(known(990, 10) && !known(989, 11));
    assert!(known(19, 1) && !known(18, 2));
    assert!(known(0, 0) && !known(0, 2));
    // The first seconds are for finding out; other zones have nothing to do with that.
    let onset = |promise, kind| held(promise, &with(Window::Onset, kind, 0, 500));
    assert!(onset(Promise::Known(0.99), Kind::Known) && onset(Promise::New(0.9), Kind::New));
    assert!(!onset(Promise::Elsewhere, Kind::Cold));
    assert!(!held(
        Promise::Elsewhere,
        &with(Window::Attack, Kind::Cached, 900, 100)
    ));
    assert!(held(
        Promise::Elsewhere,
        &with(Window::Calm, Kind::Cached, 0, 100)
    ));
    assert!(!held(
        Promise::Customer(0.99),
        &with(Window::Attack, Kind::Customer, 9, 91)
    ));
}

#[test]
fn upstream_packets_are_held_to_a_share_or_to_what_exploring_takes() {
    let per = |rate, packets| {
        let figures = Figures {
            rate,
            upstream: (packets * 2, packets),
            settled: (packets, 100_000),
            ..good()
        };
        held(Promise::Upstream, &figures)
    };
    assert!(per(5_000, 5_000) && !per(5_000, 5_001));
    assert!(per(100, 50_000) && !per(100, 50_001));
    let figures = Figures {
        upstream: (1, 1),
        ..good()
    };
    assert!(!held(Promise::NoUpstream, &figures) && held(Promise::UpstreamAtMost(0.1), &figures));
}

#[test]
fn late_is_not_held_and_what_was_not_watched_is_not_judged() {
    let throttled = |after: Option<u64>| {
        let figures = Figures {
            throttled_after: after.map(Duration::from_secs),
            ..good()
        };
        held(Promise::Throttled, &figures)
    };
    assert!(throttled(Some(3)) && !throttled(Some(4)) && !throttled(None));
    let released = |after: Option<u64>, watched| {
        let mut figures = good();
        figures.released_after = after.map(Duration::from_secs);
        figures.phases[2] = Duration::from_secs(watched);
        held(Promise::Released, &figures)
    };
    assert!(released(Some(60), 60) && !released(Some(61), 90) && !released(None, 60));
    assert!(released(None, 6));
    // Slower than calm by more than noise is slower.
    let slow = |ms| {
        let mut figures = good();
        for (window, _, tally) in &mut figures.honest {
            if *window == Window::Attack {
                for _ in 0..100 {
                    tally.answered(Duration::from_millis(ms));
                }
            }
        }
        held(Promise::Latency, &figures)
    };
    assert!(slow(40) && !slow(90));
}

#[test]
fn replies_to_forged_addresses_and_false_alarms_are_told() {
    let exchange = |change: fn(&mut Exchange)| {
        let mut figures = good();
        change(&mut figures.exchange);
        figures
    };
    assert!(!held(
        Promise::NoLonger,
        &exchange(|exchange| exchange.longer = 1)
    ));
    let octets = exchange(|exchange| exchange.reply_octets = 5_000_000);
    assert!(held(Promise::Octets(1.25), &octets) && !held(Promise::Octets(1.2), &octets));
    assert!(!held(
        Promise::NoReply,
        &exchange(|exchange| exchange.replies = 101)
    ));
    let strayed = Figures {
        strayed: 101,
        ..good()
    };
    assert!(!held(Promise::NoReply, &strayed));
    assert!(!held(
        Promise::Served(0.999),
        &exchange(|exchange| exchange.codes = [99_000, 0, 0, 0, 0])
    ));
    assert!(!held(
        Promise::Served(0.999),
        &exchange(|exchange| exchange.sent = 0)
    ));
    let guard = |guard| Figures { guard, ..good() };
    let engaged = Guard {
        engagements: 1,
        ..Guard::default()
    };
    assert!(!held(Promise::NoAlarm, &guard(Some(engaged))));
    assert!(!held(
        Promise::NoAlarm,
        &guard(Some(Guard {
            limited: 1,
            ..Guard::default()
        }))
    ));
    assert!(!held(
        Promise::Told,
        &guard(Some(Guard {
            no_route_back: 99_999,
            ..Guard::default()
        }))
    ));
    // Of somebody else's resolver these are not known.
    assert!(held(Promise::NoAlarm, &guard(None)) && held(Promise::Told, &guard(None)));
}

#[test]
fn people_read_what_did_not_hold() {
    let figures = with(Window::Attack, Kind::Known, 80, 20);
    let criteria = judge(&[Promise::Known(0.99), Promise::Elsewhere], &figures);
    let mut out = Vec::new();
    write(&figures, &criteria, &mut out).expect("written");
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains("NOT HELD         0.8 >= 0.99"), "{text}");
    assert!(text.contains("It did not hold: 1 of 2 promises."), "{text}");
}
