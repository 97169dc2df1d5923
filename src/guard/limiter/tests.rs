//! Does each client get its limit, neither less nor more, whatever others do? T1.1 to T1.7 under a made-up clock.

use std::net::IpAddr;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use super::*;
use crate::config::plan::{IscLimits, LimiterPrefix};
use crate::wire::RecordType;

const SECRET: [u8; 16] = *b"limiter's secret";

/// The ISP's numbers.
pub(in crate::guard) fn plan() -> plan::Limiter {
    plan::Limiter {
        mode: LimiterMode::Enforce,
        algorithm: LimiterAlgorithm::Sketch,
        rate: 200,
        instant: 400,
        customer_prefix: 56,
        bytes: 4 << 20,
        verified_factor: 5,
        slip_above: 20_000,
        prove_after: Duration::ZERO,
        prove_for: Duration::from_secs(60),
        exempt: Vec::new(),
        prefixes: Vec::new(),
        isc: IscLimits {
            responses_per_second: 5,
            referrals_per_second: 5,
            nodata_per_second: 5,
            nxdomains_per_second: 5,
            errors_per_second: 5,
            all_per_second: 0,
            window: 15,
            slip: 1,
            ipv4_prefix_length: 24,
            ipv6_prefix_length: 56,
            qps_scale: 0,
            max_table_size: 20_000,
        },
    }
}

pub(super) struct Bench {
    pub(super) limiter: Limiter,
    dice: SmallRng,
}

impl Bench {
    pub(super) fn new(plan: &plan::Limiter) -> Self {
        Self {
            limiter: Limiter::new(plan, &SECRET),
            dice: SmallRng::seed_from_u64(7),
        }
    }

    fn asks(&mut self, address: Address, verified: bool, asked: Asked, now: Now) -> Option<Over> {
        let client = Client {
            address,
            verified,
            hop_limit: None,
        };
        self.limiter
            .arrive(client, asked, true, true, now, &mut self.dice)
    }

    /// Whether a plain query by UDP passes.
    pub(super) fn passes(&mut self, address: u32, micros: u64) -> bool {
        self.asks(Address::V4(address), false, Asked::default(), at(micros))
            .is_none()
    }

    /// Of `queries` at `per_second`, evenly spaced from `micros` on, those that pass.
    pub(super) fn passed(
        &mut self,
        address: u32,
        micros: u64,
        queries: u64,
        per_second: u64,
    ) -> u64 {
        let times = (0..queries).map(|n| micros + n * 1_000_000 / per_second);
        times.map(|at| u64::from(self.passes(address, at))).sum()
    }
}

pub(super) fn at(micros: u64) -> Now {
    Now::at_secs(0).plus(Duration::from_micros(micros))
}

fn address(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}

const SECOND: u64 = 1_000_000;
/// 192.0.2.1
pub(super) const CLIENT: u32 = 0xC000_0201;

fn assert_near(measured: f64, wanted: f64, tolerance: f64, what: &str) {
    assert!(
        (measured - wanted).abs() <= wanted * tolerance,
        "{what}: {measured:.2}, not {wanted:.2}"
    );
}

#[test]
fn t1_1_the_closed_forms_hold_within_two_percent() {
    // At once: the whole of `instant`.
    let mut bench = Bench::new(&plan());
    let burst = (0..1000).filter(|_| bench.passes(CLIENT, 1)).count();
    assert_near(burst as f64, 400.0, 0.02, "burst");
    // A burst every second: instant * (1 - e^(-rate * T / instant)).
    let mut each = Vec::new();
    for second in 1..40 {
        let passed = (0..1000)
            .filter(|_| bench.passes(CLIENT, second * SECOND + 1))
            .count();
        each.push(passed as f64);
    }
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    assert_near(
        mean,
        400.0 * (1.0 - (-0.5_f64).exp()),
        0.02,
        "burst every second",
    );
    // Half is forgiven in 0.693 * instant / rate seconds.
    let mut bench = Bench::new(&plan());
    assert_eq!(bench.passed(CLIENT, 1, 200, 1_000_000), 200);
    let client = Client {
        address: Address::V4(CLIENT),
        verified: false,
        hop_limit: None,
    };
    let used = |bench: &Bench, micros| bench.limiter.look(client, at(micros))[0].used;
    assert_near(used(&bench, 1), 0.5, 0.02, "half of it used");
    assert_near(used(&bench, 1_386_000), 0.25, 0.02, "half-life");
    assert_near(used(&bench, 2 * 1_386_000), 0.125, 0.02, "two half-lives");
    // The load that a new key takes over under Q queries per second of random sources.
    let mut small = plan();
    small.bytes = 8 << 10;
    let mut bench = Bench::new(&small);
    let mut source = SmallRng::seed_from_u64(9);
    for n in 0..300_000 {
        // 50,000 a second, of all IPv4.
        bench.passes(source.next_u32(), n * 20 + 1);
    }
    let (mut floor, fresh) = (0.0, 2000);
    for _ in 0..fresh {
        let hash = (u64::from(source.next_u32()) << 32) | u64::from(source.next_u32());
        let memory = &bench.limiter.memory;
        let place = memory
            .sketch
            .find(hash, 6001, &bench.limiter.decay, bench.dice.next_u64());
        floor += part(place.unwrap().load());
    }
    let per_query = 1.0 + 1.0 / 32.0 + 1.0 / 256.0 + 1.0 / 768.0;
    let slots = f64::from(1 << 10) * 1.875;
    // After six seconds, of a memory of two.
    let wanted = 50_000.0 * per_query / (200.0 * slots) * (1.0 - (-3.0_f64).exp());
    assert_near(floor / f64::from(fresh), wanted, 0.04, "inherited floor");
}

#[test]
fn a_small_limit_lets_through_exactly_what_it_says_at_once() {
    for instant in [2, 3, 10, 20, 40] {
        let mut numbers = plan();
        (numbers.rate, numbers.instant) = (1, instant);
        let mut bench = Bench::new(&numbers);
        // As many clients, as many roundings.
        for client in 0..500 {
            let passed = (0..100).filter(|_| bench.passes(CLIENT + (client << 10), 1));
            assert_eq!(
                passed.count(),
                usize::try_from(instant).unwrap(),
                "{client}"
            );
        }
    }
}

#[test]
fn t1_2_and_3_a_million_forged_sources_take_no_memory_and_no_honest_client_is_limited() {
    let mut bench = Bench::new(&plan());
    let bytes = bench.limiter.bytes();
    let (mut honest_limited, mut honest_asked) = (0_u32, 0);
    let mut source = SmallRng::seed_from_u64(11);
    // One second: 1,000,000 forged sources of 100.0.0.0/8 (each once: a permutation), and 20,000 clients of 10.0.0.0/8 at 2 q/s.
    for n in 0..1_000_000_u32 {
        let forged = (100 << 24) | (n.wrapping_mul(0x9E37_79B1) >> 8);
        bench.passes(forged, u64::from(n) + SECOND);
        if n % 25 == 0 {
            // A client at random is a Poisson process of 2 q/s for each.
            let client = (10 << 24) | (source.next_u32() % 20_000);
            honest_asked += 1;
            honest_limited += u32::from(!bench.passes(client, u64::from(n) + SECOND));
        }
    }
    assert_eq!(honest_asked, 40_000);
    // The bound: a false match needs an id equal (30 slots of 65,536) to that of a key at its limit, and by the closed form the
    // inherited load is 0.5 %; none is expected, and one in 40,000 would already be 0.0025 %.
    assert_eq!(honest_limited, 0);
    assert_eq!(bench.limiter.bytes(), bytes);
    assert_eq!(bytes, 4 << 20);
    // What a newcomer finds taken of its limit: the forger's 1 M queries a second inherited.
    let fresh = Client {
        address: Address::V4(10 << 24 | 0xFF_FFFF),
        verified: false,
        hop_limit: None,
    };
    let (asked, now) = (Asked::default(), at(2 * SECOND));
    let passed = (0..1000)
        .filter(|_| {
            bench
                .limiter
                .arrive(fresh, asked, true, true, now, &mut bench.dice)
                .is_none()
        })
        .count();
    assert!(passed >= 390, "{passed} of 400 at once");
}

#[test]
fn t1_4_an_abuser_gets_its_rate_and_no_more() {
    for (rate, instant) in [(200, 400), (500, 1000), (20, 40)] {
        let mut numbers = plan();
        (numbers.rate, numbers.instant) = (rate, instant);
        let mut bench = Bench::new(&numbers);
        // Until the first burst is used up.
        bench.passed(CLIENT, 1, 20_000, 2000);
        let passed = bench.passed(CLIENT, 10 * SECOND, 60_000, 2000);
        assert_near(
            passed as f64 / 30.0,
            f64::from(rate),
            0.02,
            "passed per second",
        );
    }
}

#[test]
fn t1_5_a_forger_cannot_use_up_what_its_victim_has_proven() {
    let mut bench = Bench::new(&plan());
    let victim = address("192.0.2.1");
    let mut proven_limited = 0;
    for n in 0..50_000_u64 {
        // 10,000 forged a second, and 500 a second by TCP (the limit of proven addresses is 1,000).
        let now = at(SECOND + n * 100);
        bench.asks(victim, false, Asked::default(), now);
        if n % 20 == 0 {
            let over = bench.asks(victim, true, Asked::default(), now);
            proven_limited += u32::from(over.is_some());
        }
    }
    assert_eq!(proven_limited, 0);
    // Without the forger's help it does have a limit, five times as high, and never is it truncated.
    let overs: Vec<Over> = (0..3000)
        .filter_map(|_| bench.asks(address("192.0.2.2"), true, Asked::default(), at(1)))
        .collect();
    assert_near(3000.0 - overs.len() as f64, 2000.0, 0.02, "proven at once");
    assert!(overs.iter().all(|over| over.limited == Limited::Defer));
}

#[test]
fn t1_7_a_crowd_behind_one_address_loses_nothing() {
    // 64 customers at 2 q/s behind each listed address need no more than that; 1,000 at 2 q/s fit as well.
    let mut pool = plan();
    pool.prefixes = vec![LimiterPrefix {
        prefix: "100.64.0.0/10".parse().unwrap(),
        rate: 0,
        subscribers: 64,
    }];
    let mut thousand = plan();
    thousand.prefixes = vec![LimiterPrefix {
        prefix: "100.64.0.1/32".parse().unwrap(),
        rate: 0,
        subscribers: 1000,
    }];
    let mut source = SmallRng::seed_from_u64(13);
    for (numbers, customers) in [(&pool, 64), (&pool, 1000), (&thousand, 1000)] {
        let mut bench = Bench::new(numbers);
        let limited = (0..customers * 2 * 20)
            .map(|_| (u64::from(source.next_u32()) * 20 * SECOND) >> 32)
            .collect::<std::collections::BTreeSet<u64>>()
            .into_iter()
            .filter(|micros| !bench.passes(0x6440_0001, SECOND + micros))
            .count();
        assert_eq!(limited, 0, "{customers} customers");
    }
    // The same crowd behind an address that is not listed is one customer.
    let mut bench = Bench::new(&plan());
    assert!(bench.passed(0x6440_0001, SECOND, 40_000, 2000) < 5000);
    // And listed ones do not use up the network around them: 12,800 q/s of one of them leave its neighbours alone.
    let mut bench = Bench::new(&pool);
    bench.passed(0x6440_0001, SECOND, 120_000, 12_000);
    assert!(bench.passes(0x6440_0002, 11 * SECOND));
}

#[test]
fn each_level_has_its_limit_and_it_is_the_one_that_is_told() {
    // An IPv4 /24 may ask 32 times as much as one address: 100 addresses of it together get 12,800 at once.
    let mut bench = Bench::new(&plan());
    let passed = (0..300 * 100)
        .filter(|n| bench.passes(CLIENT & !0xFF | (n % 100), 1))
        .count();
    assert_near(passed as f64, 12_800.0, 0.02, "of a /24");
    let moments = bench.limiter.moments(at(SECOND));
    let told: Vec<String> = moments
        .iter()
        .map(|moment| moment.subject.key())
        .filter_map(|key| Some(key.strip_suffix(" claimed")?.to_owned()))
        .collect();
    assert!(told.contains(&"192.0.2.0/24".to_owned()), "{told:?}");
    // IPv6: a customer's /56 counts as one, whichever of its addresses asks; the next /56 is another.
    for (customer, same, other) in [
        (56, "2001:db8:0:0ff::9", "2001:db8:0:100::1"),
        (48, "2001:db8:0:fff::9", "2001:db8:1::1"),
        (64, "2001:db8::ffff", "2001:db8:0:1::1"),
    ] {
        let mut numbers = plan();
        numbers.customer_prefix = customer;
        let mut bench = Bench::new(&numbers);
        let one = address("2001:db8::1");
        let passed = (0..1000)
            .filter(|_| bench.asks(one, false, Asked::default(), at(1)).is_none())
            .count();
        assert_near(passed as f64, 400.0, 0.02, "of a customer");
        let mut over = |text| {
            bench
                .asks(address(text), false, Asked::default(), at(1))
                .is_some()
        };
        assert!(over(same), "/{customer}");
        assert!(!over(other), "/{customer}");
    }
}

#[test]
fn a_sample_far_from_the_limit_does_not_move_the_limit_of_a_network() {
    // Late enough that nothing is near its limit because the clock has just begun.
    let mut bench = Bench::new(&plan());
    let in_network = |n: u64| CLIENT & !0xFF | u32::try_from(n % 100).unwrap_or(0);
    let start = 20 * SECOND;
    // At once: 32 x 400, of which the first fifth is sampled; off by 1.5 % (standard deviation), of which two are allowed.
    let burst = (0..30_000).filter(|n| bench.passes(in_network(*n), start));
    assert_near(burst.count() as f64, 12_800.0, 0.03, "at once");
    // Then 32 x 200 a second, of 12,000 asked.
    let passed = (0..120_000_u64)
        .filter(|n| bench.passes(in_network(*n), start + n * SECOND / 12_000))
        .count();
    assert_near(passed as f64 / 10.0, 6400.0, 0.02, "a second");
    // Far below nobody is held back, and the load is right on average: 600 a second is 9.4 % of the limit.
    let mut bench = Bench::new(&plan());
    let mut seen = Vec::new();
    for turn in 0..40 {
        let from = start + turn * 2 * SECOND;
        let passed = (0..1200_u64)
            .filter(|n| bench.passes(in_network(*n), from + n * SECOND / 600))
            .count();
        assert_eq!(passed, 1200);
        let client = Client {
            address: Address::V4(CLIENT),
            verified: false,
            hop_limit: None,
        };
        let network = bench.limiter.look(client, at(from + 2 * SECOND))[1];
        if turn >= 5 {
            seen.push(network.used);
        }
    }
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    assert_near(mean, 600.0 / 6400.0, 0.1, "mean load");
}

#[test]
fn where_limits_are_not_applied_the_demand_is_seen_beyond_them() {
    let most = |mode: LimiterMode| {
        let mut numbers = plan();
        numbers.mode = mode;
        let mut bench = Bench::new(&numbers);
        for n in 0..100_000 {
            // 2,000 queries a second, ten times the limit, for 50 s.
            bench.passes(CLIENT, 20 * SECOND + n * 500);
        }
        bench.limiter.demand()
    };
    let (seen, suggested) = most(LimiterMode::LogOnly).unwrap();
    assert!((1800.0..=3000.0).contains(&seen), "{seen}");
    assert!(suggested >= 7000, "{suggested}");
    // Where they are, what is held back is not seen.
    assert!(most(LimiterMode::Enforce).is_none_or(|(seen, _)| seen <= 300.0));
}

#[test]
fn what_costs_more_counts_more() {
    let at_once = |asked: Asked, verified: bool, rcode: Rcode, octets: usize| {
        let mut bench = Bench::new(&plan());
        let client = Client {
            address: Address::V4(CLIENT),
            verified,
            hop_limit: None,
        };
        (0..5000)
            .filter(|_| {
                let free = bench.asks(client.address, verified, asked, at(1)).is_none();
                if free {
                    let dice = &mut bench.dice;
                    let reply = vec![0; octets];
                    let _sketch = bench
                        .limiter
                        .leave(client, asked, rcode, &reply, at(1), dice);
                }
                free
            })
            .count() as f64
    };
    let (plain, any) = (
        Asked::of(RecordType::A, false),
        Asked::of(RecordType::ANY, false),
    );
    let (fine, gone) = (Rcode::NOERROR, Rcode::NXDOMAIN);
    assert_near(at_once(plain, false, fine, 100), 400.0, 0.02, "small");
    assert_near(at_once(plain, false, fine, 512), 400.0, 0.02, "512 octets");
    assert_near(
        at_once(plain, false, fine, 1232),
        400.0 / 2.406,
        0.02,
        "1,232 octets",
    );
    assert_near(at_once(plain, false, gone, 100), 200.0, 0.02, "NXDOMAIN");
    for (error, most) in [(Rcode::SERVFAIL, 400.0), (Rcode::REFUSED, 100.0)] {
        // That servers fail is not the client's fault.
        assert_near(at_once(plain, false, error, 100), most, 0.03, "error");
    }
    assert_near(at_once(any, false, fine, 100), 100.0, 0.03, "ANY");
    assert_near(at_once(any, false, fine, 1024), 50.0, 0.05, "large ANY");
    assert_near(at_once(any, true, fine, 100), 2000.0, 0.02, "ANY by TCP");
    assert_near(
        at_once(Asked::ERROR, false, fine, 0),
        100.0,
        0.03,
        "unreadable",
    );
    for heavy in [RecordType::DNSKEY, RecordType::RRSIG, RecordType::TXT] {
        assert!(Asked::of(heavy, false).heavy);
    }
}

#[test]
fn what_is_over_a_limit_gets_the_reply_that_fits_it() {
    let mut numbers = plan();
    numbers.instant = 20;
    numbers.rate = 10;
    let mut bench = Bench::new(&numbers);
    let mut after_all = |asked: Asked, verified: bool, may_reply: bool| {
        let client = Client {
            address: Address::V4(CLIENT),
            verified,
            hop_limit: None,
        };
        let over = (0..200)
            .filter_map(|_| {
                let dice = &mut bench.dice;
                bench
                    .limiter
                    .arrive(client, asked, may_reply, true, at(1), dice)
            })
            .last();
        over.map(|over| over.limited)
    };
    let (plain, cookie) = (
        Asked::of(RecordType::A, false),
        Asked::of(RecordType::A, true),
    );
    assert_eq!(after_all(plain, false, true), Some(Limited::Truncate));
    assert_eq!(after_all(cookie, false, true), Some(Limited::BadCookie));
    assert_eq!(after_all(Asked::ERROR, false, true), Some(Limited::Drop));
    assert_eq!(after_all(plain, false, false), Some(Limited::Drop));
    assert_eq!(after_all(plain, true, true), Some(Limited::Defer));
    assert_eq!(after_all(Asked::ERROR, true, true), Some(Limited::Drop));
}

#[test]
fn a_flood_of_limited_queries_gets_fewer_and_fewer_replies() {
    let mut numbers = plan();
    numbers.slip_above = 1000;
    let mut bench = Bench::new(&numbers);
    let replies = |bench: &mut Bench, from: u64, queries: u64| {
        (0..queries)
            .filter_map(|n| {
                let now = at(from + n * SECOND / queries);
                bench.asks(Address::V4(CLIENT), false, Asked::default(), now)
            })
            .filter(|over| over.limited == Limited::Truncate)
            .count() as f64
    };
    replies(&mut bench, SECOND, 5000);
    assert_near(
        replies(&mut bench, 2 * SECOND, 6000),
        5800.0 / 4.0,
        0.1,
        "of 5,800",
    );
    replies(&mut bench, 4 * SECOND, 900);
    assert_near(replies(&mut bench, 5 * SECOND, 900), 700.0, 0.05, "of 700");
}

#[test]
fn exempt_clients_and_a_limiter_that_is_off_hold_nobody_back() {
    let mut numbers = plan();
    numbers.exempt = vec![
        "192.0.2.0/24".parse().unwrap(),
        "2001:db8::/32".parse().unwrap(),
    ];
    let mut bench = Bench::new(&numbers);
    assert_eq!(bench.passed(CLIENT, 1, 5000, 1_000_000), 5000);
    assert!(bench.passed(CLIENT + 256, 1, 5000, 1_000_000) < 450);
    for mode in [LimiterMode::Off, LimiterMode::LogOnly] {
        numbers = plan();
        numbers.mode = mode;
        let mut bench = Bench::new(&numbers);
        let overs: Vec<Over> = (0..1000)
            .filter_map(|_| bench.asks(Address::V4(CLIENT), false, Asked::default(), at(1)))
            .collect();
        let logged = if mode == LimiterMode::Off { 0.0 } else { 600.0 };
        assert!(
            (overs.len() as f64 - logged).abs() <= 12.0,
            "{}",
            overs.len()
        );
        assert!(overs.iter().all(|over| !over.enforced));
    }
}

#[test]
fn a_prefix_has_the_rate_that_was_set_for_it() {
    let mut numbers = plan();
    numbers.prefixes = vec![LimiterPrefix {
        prefix: "192.0.2.0/25".parse().unwrap(),
        rate: 1000,
        subscribers: 1,
    }];
    let mut bench = Bench::new(&numbers);
    bench.passed(CLIENT, 1, 20_000, 4000);
    let passed = bench.passed(CLIENT, 5 * SECOND, 80_000, 4000);
    assert_near(passed as f64 / 20.0, 1000.0, 0.02, "with its own rate");
    bench.passed(CLIENT + 128, 40 * SECOND, 20_000, 4000);
    let passed = bench.passed(CLIENT + 128, 45 * SECOND, 80_000, 4000);
    assert_near(passed as f64 / 20.0, 200.0, 0.02, "outside of it");
}

#[test]
fn a_reload_forgives_nobody_unless_the_table_is_another() {
    let mut bench = Bench::new(&plan());
    bench.passed(CLIENT, 1, 1000, 1_000_000);
    assert!(!bench.passes(CLIENT, 1001));
    let mut numbers = plan();
    numbers.rate = 300;
    numbers.instant = 600;
    let before = std::mem::replace(&mut bench.limiter, Limiter::new(&numbers, &[0; 16]));
    bench.limiter = Limiter::new(&numbers, &[0; 16]).continuing(&before);
    // A lower price may fit once where the former did not.
    let forgiven = (0..100).filter(|_| bench.passes(CLIENT, 1002)).count();
    assert!(forgiven <= 1, "{forgiven}");
    numbers.bytes = 8 << 20;
    bench.limiter = Limiter::new(&numbers, &[0; 16]).continuing(&before);
    assert!(bench.passes(CLIENT, 1003));
}

#[test]
fn a_client_stands_for_as_many_customers_as_its_limit_does() {
    let mut plan = plan();
    plan.exempt = vec!["127.0.0.0/8".parse().unwrap()];
    let prefix = |prefix: &str, rate, subscribers| LimiterPrefix {
        prefix: prefix.parse().unwrap(),
        rate,
        subscribers,
    };
    plan.prefixes = vec![
        prefix("100.64.0.0/10", 0, 64),
        prefix("192.0.2.0/24", 1_000, 1),
        prefix("198.51.100.0/24", 20, 1),
    ];
    let limiter = Limiter::new(&plan, &SECRET);
    let customers = |text: &str| {
        let client = Client::new(text.parse().unwrap(), false);
        limiter.customer(client).customers
    };
    assert_eq!(customers("100.64.7.7"), 64);
    assert_eq!(customers("192.0.2.7"), 5);
    for one in ["198.51.100.7", "127.0.0.1", "203.0.113.7", "2001:db8::1"] {
        assert_eq!(customers(one), 1, "{one}");
    }
    let of = |text: &str| limiter.customer(Client::new(text.parse().unwrap(), false));
    assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:2::2"), "a /56");
    assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:101::1"));
}
