//! Does the refusal budget hold at its limit and one beyond, for one prefix and for a flood?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;

const KEY: [u8; 16] = *b"0123456789abcdef";

fn at(ms: u64) -> Now {
    Now::at_secs(0).plus(Duration::from_millis(ms))
}

fn v4(bits: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(bits))
}

fn sent(refusals: &Refusals, client: IpAddr, now: Now, tries: usize) -> usize {
    (0..tries).filter(|_| refusals.take(client, now)).count()
}

#[test]
fn a_prefix_gets_its_burst_then_one_a_second() {
    let refusals = Refusals::new(1, 5, 1_000_000, &KEY);
    let client = v4(0xc000_0201);
    assert_eq!(
        sent(&refusals, client, at(0), 6),
        5,
        "the sixth is not sent"
    );
    assert_eq!(sent(&refusals, client, at(999), 1), 0);
    assert_eq!(sent(&refusals, client, at(1000), 2), 1);
    // Another address of the same /24 pays from the same purse; the next /24 has its own.
    assert_eq!(sent(&refusals, v4(0xc000_02ff), at(1000), 1), 0);
    assert_eq!(sent(&refusals, v4(0xc000_0301), at(1000), 6), 5);
    // Idle time fills up to the burst and no further.
    assert_eq!(sent(&refusals, client, at(3_600_000), 10), 5);
}

#[test]
fn an_ipv6_prefix_is_a_48() {
    let refusals = Refusals::new(1, 5, 1_000_000, &KEY);
    let net: u128 = 0x2001_0db8_0001 << 80;
    assert_eq!(
        sent(
            &refusals,
            IpAddr::V6(Ipv6Addr::from_bits(net | 1)),
            at(0),
            5
        ),
        5
    );
    assert!(!refusals.take(IpAddr::V6(Ipv6Addr::from_bits(net | (7 << 64))), at(0)));
    assert!(refusals.take(IpAddr::V6(Ipv6Addr::from_bits(net + (1 << 80))), at(0)));
}

#[test]
fn the_host_limit_holds_against_any_number_of_prefixes() {
    let refusals = Refusals::new(1, 5, 200, &KEY);
    let mut total = 0;
    // 20,000 a second from ever new prefixes for five seconds.
    for n in 0..100_000_u32 {
        let now = Now::at_secs(0).plus(Duration::from_micros(u64::from(n) * 50));
        total += usize::from(refusals.take(v4(n << 8), now));
    }
    assert!((1000..=1020).contains(&total), "{total}");
}

#[test]
fn a_prefix_that_was_pushed_out_is_not_forgiven() {
    let refusals = Refusals::new(1, 5, u32::MAX, &KEY);
    let client = v4(0xc000_0201);
    assert_eq!(sent(&refusals, client, at(0), 6), 5);
    // 2^20 other prefixes: sixteen for each slot of the table.
    for n in 0..1_u32 << 20 {
        let _ = refusals.take(v4(n << 8), at(0));
    }
    assert_eq!(sent(&refusals, client, at(0), 100), 0);
    assert_eq!(
        refusals.lines.len() * WAYS * 8,
        512 * 1024,
        "and nothing grew"
    );
}

#[test]
fn a_rate_of_none_is_silence() {
    assert!(!Refusals::new(0, 5, 200, &KEY).take(v4(1), at(0)));
    assert!(!Refusals::new(1, 5, 0, &KEY).take(v4(1), at(0)));
    // A burst of none still lets the rate through.
    assert_eq!(sent(&Refusals::new(1, 0, 200, &KEY), v4(1), at(0), 3), 1);
}

#[test]
fn a_clock_that_jumps_by_decades_trips_nothing() {
    let refusals = Refusals::new(1, 5, 200, &KEY);
    assert!(refusals.take(v4(1), at(0)));
    let later = Now::at_secs(0).plus(Duration::from_secs(100 * 365 * 86_400));
    assert!(refusals.take(v4(1), later));
    assert!(refusals.take(v4(1), Now::at_secs(0).plus(Duration::MAX)));
    assert!(
        !refusals.take(v4(1), at(0)),
        "back in time the debt is still there"
    );
}

#[test]
fn many_threads_together_get_no_more_than_one() {
    let refusals = Refusals::new(1, 5, 1000, &KEY);
    let sent: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| sent(&refusals, v4(0xc000_0201), at(0), 10_000)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(sent, 5);
}

#[test]
fn the_two_families_have_their_own_purses() {
    let refusals = Refusals::new(1, 5, 1_000_000, &KEY);
    assert_eq!(sent(&refusals, v4(0xc000_0201), at(0), 6), 5);
    // The IPv6 /48 whose 48 bits read as the number of that /24.
    let same_number = IpAddr::V6(Ipv6Addr::from_bits(0xc0_0002 << 80));
    assert_eq!(sent(&refusals, same_number, at(0), 6), 5);
}

#[test]
fn a_table_four_times_too_small_still_serves_almost_everybody() {
    let refusals = Refusals::new(1, 5, u32::MAX, &KEY);
    let served = (0..1_u32 << 18)
        .filter(|n| refusals.take(v4(n << 8), at(0)))
        .count();
    assert!(served > 240_000, "{served}");
}
