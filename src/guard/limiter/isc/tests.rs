//! Does the isc mode count as BIND's manual says? Tables of floods, under a made-up clock (T1.8).

use std::time::Duration;

use super::*;
use crate::wire::writer::write_query;
use crate::wire::{Flags, Question};

const NETWORK: &str = "192.0.2.1";

/// BIND's defaults, 5 responses per second.
fn limits() -> IscLimits {
    IscLimits {
        responses_per_second: 5,
        referrals_per_second: 5,
        nodata_per_second: 5,
        nxdomains_per_second: 5,
        errors_per_second: 5,
        all_per_second: 0,
        window: 15,
        slip: 2,
        ipv4_prefix_length: 24,
        ipv6_prefix_length: 56,
        qps_scale: 0,
        max_table_size: 20_000,
    }
}

struct Bench {
    isc: Isc,
    table: Table,
}

/// What became of a flood: sent, truncated, dropped.
type Counts = (u32, u32, u32);

impl Bench {
    fn new(limits: IscLimits) -> Self {
        Self {
            isc: Isc::new(limits),
            table: Table::new(limits.max_table_size, b"0123456789abcdef"),
        }
    }

    fn one(&self, from: &str, verified: bool, reply: &[u8], millis: u64) -> Option<Limited> {
        let address: std::net::IpAddr = from.parse().unwrap();
        let client = Client::new(address, verified);
        let now = Now::at_secs(1000).plus(Duration::from_millis(millis));
        let judged = self.isc.judge(&self.table, client, false, reply, now);
        judged.map(|(limited, ..)| limited)
    }

    fn flood(&self, from: &str, reply: &[u8], count: u32, millis: u64) -> Counts {
        let mut counts = (0, 0, 0);
        for _ in 0..count {
            match self.one(from, false, reply, millis) {
                None => counts.0 += 1,
                Some(Limited::Truncate | Limited::BadCookie) => counts.1 += 1,
                Some(Limited::Drop | Limited::Defer) => counts.2 += 1,
            }
        }
        counts
    }
}

/// A reply with that rcode and numbers of empty-looking records; sections hold what `classify` looks for.
fn reply(
    name: &str,
    rtype: RecordType,
    rcode: Rcode,
    answer: bool,
    authority: Option<&str>,
) -> Vec<u8> {
    let mut packet = Vec::new();
    let question = Question::new(name.parse().unwrap(), rtype);
    write_query(&mut packet, 1, Flags::default(), &question, None);
    packet[2] |= 0x80;
    packet[3] |= u8::try_from(rcode.0).unwrap();
    if answer {
        packet[7] = 1;
        packet.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    }
    if let Some(zone) = authority {
        packet[9] = 1;
        let (zone, rtype) = zone.split_once(' ').unwrap();
        let zone: crate::wire::Name = zone.parse().unwrap();
        packet.extend(zone.as_wire());
        let (rtype, rdata): (u8, &[u8]) = match rtype {
            "SOA" => (6, &[0; 22]),
            _ => (2, &[0]),
        };
        packet.extend([
            0,
            rtype,
            0,
            1,
            0,
            0,
            0,
            60,
            0,
            u8::try_from(rdata.len()).unwrap(),
        ]);
        packet.extend(rdata);
    }
    packet
}

fn answer(name: &str) -> Vec<u8> {
    reply(name, RecordType::A, Rcode::NOERROR, true, None)
}

#[test]
fn at_once_the_rate_passes_then_every_second_response_slips() {
    for (slip, truncated) in [(0, 0), (1, 95), (2, 48), (3, 32), (10, 10)] {
        let bench = Bench::new(IscLimits { slip, ..limits() });
        assert_eq!(
            bench.flood(NETWORK, &answer("a."), 100, 0),
            (5, truncated, 95 - truncated),
            "slip {slip}"
        );
    }
}

#[test]
fn a_second_gives_the_rate_back_and_a_debt_lasts_for_the_window() {
    let bench = Bench::new(limits());
    assert_eq!(bench.flood(NETWORK, &answer("a."), 5, 0), (5, 0, 0));
    assert_eq!(bench.flood(NETWORK, &answer("a."), 5, 1000), (5, 0, 0));
    // 10,000 at once: the debt is that of 15 seconds, no more.
    bench.flood(NETWORK, &answer("a."), 10_000, 2000);
    assert_eq!(bench.flood(NETWORK, &answer("a."), 1, 16_000).0, 0);
    assert_eq!(bench.flood(NETWORK, &answer("a."), 1, 17_500).0, 1);
    // Around a tick of the wall clock no second lets more than the rate pass (BIND's counts whole seconds, T1.2).
    let bench = Bench::new(limits());
    let first = bench.flood(NETWORK, &answer("a."), 5, 950).0;
    let second = bench.flood(NETWORK, &answer("a."), 5, 1050).0;
    assert_eq!((first, second), (5, 0));
}

#[test]
fn what_counts_together_and_what_apart() {
    let soa = |name: &str| {
        reply(
            name,
            RecordType::A,
            Rcode::NXDOMAIN,
            false,
            Some("zone.example. SOA"),
        )
    };
    let empty = |rtype| reply("a.", rtype, Rcode::NOERROR, false, Some(". SOA"));
    let referral = |rtype| reply("a.", rtype, Rcode::NOERROR, false, Some(". NS"));
    let error = |name: &str, rcode| reply(name, RecordType::A, rcode, false, None);
    let mx = reply("a.", RecordType::MX, Rcode::NOERROR, true, None);
    let other_zone = reply(
        "x.",
        RecordType::A,
        Rcode::NXDOMAIN,
        false,
        Some("other. SOA"),
    );
    let same: [(&str, Vec<u8>, &str, Vec<u8>); 7] = [
        ("network", answer("a."), "192.0.2.200", answer("a.")),
        ("case", answer("a."), NETWORK, answer("A.")),
        (
            "names below a zone that do not exist",
            soa("x.zone.example."),
            NETWORK,
            soa("y.zone.example."),
        ),
        (
            "types of a name that has none",
            empty(RecordType::A),
            NETWORK,
            empty(RecordType::MX),
        ),
        (
            "referrals",
            referral(RecordType::A),
            NETWORK,
            referral(RecordType::MX),
        ),
        (
            "errors",
            error("a.", Rcode::SERVFAIL),
            NETWORK,
            error("b.", Rcode::REFUSED),
        ),
        ("/56", answer("a."), NETWORK, answer("a.")),
    ];
    for (what, first, from, second) in same {
        let bench = Bench::new(limits());
        bench.flood(NETWORK, &first, 5, 0);
        assert_eq!(bench.flood(from, &second, 2, 0).0, 0, "{what}");
    }
    let apart: [(&str, Vec<u8>, &str, Vec<u8>); 6] = [
        ("networks", answer("a."), "192.0.3.1", answer("a.")),
        ("names", answer("a."), NETWORK, answer("b.")),
        ("types", answer("a."), NETWORK, mx),
        ("kinds", empty(RecordType::A), NETWORK, answer("a.")),
        ("zones", soa("x."), NETWORK, other_zone),
        ("families", answer("a."), "::c000:201", answer("a.")),
    ];
    for (what, first, from, second) in apart {
        let bench = Bench::new(limits());
        bench.flood(NETWORK, &first, 50, 0);
        assert_eq!(bench.flood(from, &second, 2, 0).0, 2, "{what}");
    }
    let bench = Bench::new(limits());
    bench.flood("2001:db8:0:1ff::1", &answer("a."), 5, 0);
    assert_eq!(bench.flood("2001:db8:0:100::1", &answer("a."), 1, 0).0, 0);
    assert_eq!(bench.flood("2001:db8:0:200::1", &answer("a."), 1, 0).0, 1);
}

#[test]
fn errors_and_the_limit_of_all_never_slip() {
    let error = reply("a.", RecordType::A, Rcode::SERVFAIL, false, None);
    assert_eq!(
        Bench::new(limits()).flood(NETWORK, &error, 100, 0),
        (5, 0, 95)
    );
    let bench = Bench::new(IscLimits {
        all_per_second: 20,
        ..limits()
    });
    let mut sent = 0;
    for n in 0..100 {
        sent += bench.flood(NETWORK, &answer(&format!("n{n}.")), 1, 0).0;
    }
    assert_eq!(sent, 20);
    // Where both limit, the one for all decides.
    assert_eq!(bench.flood(NETWORK, &answer("n1."), 50, 0), (0, 0, 50));
}

#[test]
fn a_rate_of_nothing_is_no_limit_and_tcp_has_none() {
    let bench = Bench::new(IscLimits {
        responses_per_second: 0,
        ..limits()
    });
    assert_eq!(bench.flood(NETWORK, &answer("a."), 1000, 0), (1000, 0, 0));
    let bench = Bench::new(limits());
    assert!((0..100).all(|_| bench.one(NETWORK, true, &answer("a."), 0).is_none()));
}

#[test]
fn a_busy_host_scales_rates_down_but_not_for_who_uses_tcp() {
    let bench = Bench::new(IscLimits {
        qps_scale: 100,
        window: 1,
        ..limits()
    });
    // 500 responses a second of others: a fifth of every rate.
    for n in 0..500 {
        bench.flood("198.51.100.1", &answer(&format!("n{n}.")), 1, 0);
    }
    assert_eq!(bench.flood(NETWORK, &answer("a."), 20, 100).0, 1);
    assert!(bench.one("203.0.113.1", true, &answer("a."), 100).is_none());
    assert_eq!(bench.flood("203.0.113.2", &answer("a."), 20, 200).0, 5);
    // The credit ends with its window (in BIND it lives as long as its entry, T1.2).
    for n in 0..500 {
        bench.flood("198.51.100.1", &answer(&format!("n{n}.")), 1, 2000);
    }
    assert_eq!(bench.flood("203.0.113.2", &answer("b."), 20, 2100).0, 1);
}

#[test]
fn a_full_table_forgives_nobody() {
    let bench = Bench::new(IscLimits {
        max_table_size: 500,
        ..limits()
    });
    bench.flood(NETWORK, &answer("a."), 1000, 0);
    for n in 0..20_000 {
        bench.flood("198.51.100.1", &answer(&format!("n{n}.")), 1, 0);
    }
    assert_eq!(bench.flood(NETWORK, &answer("a."), 100, 0).0, 0);
}

#[test]
fn a_table_too_small_limits_nobody_for_what_others_asked() {
    let bench = Bench::new(IscLimits {
        max_table_size: 500,
        ..limits()
    });
    bench.flood(NETWORK, &answer("a."), 1000, 0);
    // 20 s of 5,000 names a second, each once. A tag has 16 bits: of 100,000 names some six meet that of a name in debt.
    let limited = (0..100_000_u64)
        .filter(|n| {
            bench
                .flood("203.0.113.1", &answer(&format!("n{n}.")), 1, n / 5)
                .0
                == 0
        })
        .count();
    assert!(limited <= 20, "{limited}");
    // Who is over the limit all the while is not pushed out by them.
    bench.flood(NETWORK, &answer("a."), 1000, 20_000);
    for n in 0..5_000_u64 {
        bench.flood("203.0.113.1", &answer(&format!("m{n}.")), 1, 20_000 + n / 5);
    }
    assert_eq!(bench.flood(NETWORK, &answer("a."), 100, 21_000).0, 0);
}
