//! Whose unproven queries have been over the limit for so long that nothing but a proof is asked of them? A table of fixed size.
//!
//! Whoever forges a customer's address makes us answer him, up to his limit. Once that has gone on for a while, and if the operator
//! wants it, datagrams from there get no data at all until their source is proven: the customer himself comes by TCP or with
//! a cookie, which this never concerns, and the forger cannot.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::ladder::WHOLE;
use super::offenders::AtLimit;
use super::{Client, Limiter};
use crate::config::plan::LimiterMode;
use crate::sys::clock::Now;
use crate::telemetry::Reason;

/// Buckets and places in each: 256 customers at once; among more those that are quiet give way, then those over by least.
const BUCKETS: usize = 64;
const WAYS: usize = 4;
/// Whoever is within his limit for so many seconds begins anew.
const GAP: u32 = 3;

/// Who is watched, and who must prove himself.
#[derive(Debug)]
pub(super) struct Suspects {
    watched: Mutex<[[Watched; WAYS]; BUCKETS]>,
    /// Tag in the high half, in the low the second until which a proof is asked for. In the same places.
    proving: [[AtomicU64; WAYS]; BUCKETS],
    /// The last of those seconds: nothing is looked up beyond it.
    until: AtomicU32,
}

/// Seconds of the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
struct Watched {
    tag: u32,
    since: u32,
    last: u32,
    /// Queries over the limit since then.
    count: u32,
}

impl Default for Suspects {
    fn default() -> Self {
        Self {
            watched: Mutex::new([[Watched::default(); WAYS]; BUCKETS]),
            proving: [const { [const { AtomicU64::new(0) }; WAYS] }; BUCKETS],
            until: AtomicU32::new(0),
        }
    }
}

impl Suspects {
    /// Notes that the prefix of this hash is over its limit. Left out if somebody else is noting one just now.
    fn note(&self, hash: u64, after: Duration, lasts: Duration, now: Now) {
        let Ok(mut watched) = self.watched.try_lock() else {
            return;
        };
        let (bucket, tag) = place(hash);
        let (Some(watched), Some(proving)) = (watched.get_mut(bucket), self.proving.get(bucket))
        else {
            return;
        };
        let second = seconds(now.mono);
        // Who must prove himself asks no more that counts here: he keeps his place until that is over.
        let must_prove = |way: &usize| {
            let cell = proving.get(*way);
            cell.is_some_and(|cell| split(cell.load(Ordering::Relaxed)).1 > second)
        };
        let places = (0..WAYS).filter(|way| {
            let is_own = watched.get(*way).is_some_and(|one| one.tag == tag);
            is_own || !must_prove(way)
        });
        let way = places.min_by_key(|way| {
            let one = watched.get(*way).copied().unwrap_or_default();
            let is_over = second.saturating_sub(one.last) > GAP;
            (one.tag != tag, !is_over, one.count)
        });
        let Some((one, cell)) =
            way.and_then(|way| Some((watched.get_mut(way)?, proving.get(way)?)))
        else {
            return;
        };
        if one.tag != tag || second.saturating_sub(one.last) > GAP {
            let stays = one.tag == tag;
            *one = Watched {
                tag,
                since: second,
                last: second,
                count: 0,
            };
            if !stays {
                cell.store(0, Ordering::Relaxed);
            }
        }
        // Another worker's clock may be a second ahead of this one's.
        one.last = one.last.max(second);
        one.count = one.count.saturating_add(1);
        if second.saturating_sub(one.since) >= seconds(after) {
            let until = second.saturating_add(seconds(lasts));
            cell.store((u64::from(tag) << 32) | u64::from(until), Ordering::Relaxed);
            self.until.fetch_max(until, Ordering::Relaxed);
        }
    }

    /// Whether anybody must prove himself.
    #[inline]
    fn any(&self, now: Now) -> bool {
        self.until.load(Ordering::Relaxed) > seconds(now.mono)
    }

    fn has(&self, hash: u64, now: Now) -> bool {
        let (bucket, tag) = place(hash);
        let cells = self.proving.get(bucket).into_iter().flatten();
        cells
            .map(|cell| split(cell.load(Ordering::Relaxed)))
            .any(|(of, until)| of == tag && until > seconds(now.mono))
    }

    fn len(&self, now: Now) -> usize {
        let cells = self.proving.iter().flatten();
        cells
            .filter(|cell| split(cell.load(Ordering::Relaxed)).1 > seconds(now.mono))
            .count()
    }
}

impl Limiter {
    /// Notes that the unproven queries of a customer are over his limit. Not of an address that many share, nor of a larger network: there it would
    /// be others who must prove themselves.
    pub(super) fn suspect(&self, client: Client, at: AtLimit, share: u64, now: Now) {
        let plan = &self.plan;
        let applies = !plan.prove_after.is_zero() && plan.mode == LimiterMode::Enforce;
        let own = || {
            let (own, _) = self.ladder(client).parts();
            own.iter().any(|step| step.bits == at.bits)
        };
        if applies && !client.verified && share == WHOLE && own() {
            let suspects = &self.memory.suspects;
            suspects.note(at.hash, plan.prove_after, plan.prove_for, now);
        }
    }

    /// Whether a query that is within its limit gets nothing but a way to prove its source. It is told of with those over the limit.
    #[inline]
    pub fn must_prove(&self, client: Client, now: Now) -> bool {
        !client.verified && self.memory.suspects.any(now) && self.is_suspect(client, now)
    }

    #[inline(never)]
    fn is_suspect(&self, client: Client, now: Now) -> bool {
        let bits = super::ladder::leading_bits(client.address);
        let (own, _) = self.ladder(client).parts();
        let found = own.iter().find_map(|step| {
            let hash = step.hash(step.prefix(bits));
            self.memory.suspects.has(hash, now).then_some(AtLimit {
                bits: step.bits,
                hash,
                namespace: client.namespace(),
            })
        });
        if let Some(at) = found {
            let became = Reason::UnprovenSuspect;
            self.memory.offenders.note(client, at, became, now);
        }
        found.is_some()
    }

    /// Customers whose datagrams get no data without a proof now.
    #[must_use]
    pub fn suspects(&self, now: Now) -> usize {
        self.memory.suspects.len(now)
    }
}

/// Bucket and tag; no tag is 0, which stands for an empty place.
fn place(hash: u64) -> (usize, u32) {
    let (high, low) = split(hash);
    let bucket = usize::try_from(high).unwrap_or(0) % BUCKETS;
    (bucket, low.max(1))
}

fn split(whole: u64) -> (u32, u32) {
    let half = |part: u64| u32::try_from(part & u64::from(u32::MAX)).unwrap_or(0);
    (half(whole >> 32), half(whole))
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Bench, CLIENT, at, plan};
    use super::*;
    use crate::config::plan::LimiterPrefix;
    use crate::guard::address::Address;

    const SECOND: u64 = 1_000_000;

    fn proving(shared: bool) -> Bench {
        let mut numbers = plan();
        numbers.prove_after = Duration::from_secs(10);
        numbers.prove_for = Duration::from_secs(60);
        if shared {
            numbers.prefixes = vec![LimiterPrefix {
                prefix: "192.0.2.1/32".parse().unwrap(),
                rate: 0,
                subscribers: 2,
            }];
        }
        Bench::new(&numbers)
    }

    fn must_prove(bench: &Bench, address: u32, verified: bool, second: u64) -> bool {
        let client = Client {
            address: Address::V4(address),
            verified,
            hop_limit: None,
        };
        bench.limiter.must_prove(client, at(second * SECOND))
    }

    #[test]
    fn a_flood_in_a_customers_name_ends_in_proofs_alone_which_hurt_nobody_else_and_end() {
        let mut bench = proving(false);
        bench.passed(CLIENT, 100 * SECOND, 9_000, 1000);
        assert!(!must_prove(&bench, CLIENT, false, 109), "not yet");
        bench.passed(CLIENT, 109 * SECOND, 6_000, 1000);
        assert!(must_prove(&bench, CLIENT, false, 115));
        assert_eq!(bench.limiter.suspects(at(115 * SECOND)), 1);
        assert!(!must_prove(&bench, CLIENT, true, 115), "proven");
        assert!(!must_prove(&bench, CLIENT + 1, false, 115), "a neighbour");
        assert!(must_prove(&bench, CLIENT, false, 170));
        assert!(!must_prove(&bench, CLIENT, false, 176), "it ends");
        // It was told with the incident.
        let moments = bench.limiter.moments(at(177 * SECOND));
        let told = format!("{moments:?}");
        assert!(told.contains("UnprovenSuspect, 2"), "{told}");
    }

    #[test]
    fn bursts_shared_addresses_and_networks_are_no_suspects_and_nobody_is_unless_asked_for() {
        // A second of too much, then quiet for longer than the gap, for two minutes.
        let mut bench = proving(false);
        for turn in 0..24 {
            bench.passed(CLIENT, (100 + turn * 5) * SECOND, 1000, 1000);
            assert!(!must_prove(&bench, CLIENT, false, 100 + turn * 5 + 1));
        }
        let mut bench = proving(true);
        bench.passed(CLIENT, 100 * SECOND, 60_000, 2000);
        assert!(!must_prove(&bench, CLIENT, false, 130), "shared");
        // A /24 over its limit, each of its hosts within its own.
        let mut bench = proving(false);
        for n in 0..200_000_u64 {
            let host = CLIENT & !0xFF | u32::try_from(n % 250).unwrap();
            bench.passes(host, 100 * SECOND + n * 100);
        }
        assert_eq!(bench.limiter.suspects(at(120 * SECOND)), 0);
        let mut bench = Bench::new(&plan());
        bench.passed(CLIENT, 100 * SECOND, 60_000, 2000);
        assert!(!must_prove(&bench, CLIENT, false, 130), "off");
    }

    #[test]
    fn a_million_forged_sources_take_no_more_room_and_hide_nobody() {
        let suspects = Suspects::default();
        let (after, lasts) = (Duration::from_secs(10), Duration::from_secs(60));
        for second in 0..20 {
            let now = Now::at_secs(100 + second);
            suspects.note(7 << 32 | 9, after, lasts, now);
            for other in 0..50_000_u64 {
                let hash = (second * 50_000 + other).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                if other.is_multiple_of(100) {
                    suspects.note(7 << 32 | 9, after, lasts, now);
                }
                suspects.note(hash, after, lasts, now);
            }
        }
        assert!(suspects.has(7 << 32 | 9, Now::at_secs(120)));
        assert!(suspects.len(Now::at_secs(120)) <= 2);
    }

    #[test]
    fn who_must_prove_himself_keeps_his_place_among_newcomers_and_clocks_may_differ() {
        let suspects = Suspects::default();
        let (after, lasts) = (Duration::from_secs(10), Duration::from_secs(60));
        // The high half is the bucket.
        for second in 0..=10 {
            suspects.note(7 << 32 | 9, after, lasts, Now::at_secs(100 + second));
            // A worker whose clock is behind.
            suspects.note(7 << 32 | 9, after, lasts, Now::at_secs(99 + second));
        }
        assert!(suspects.has(7 << 32 | 9, Now::at_secs(111)));
        // Asked for a proof he is quiet; others in the same bucket are not.
        for second in 20..50 {
            for other in 100..104_u64 {
                suspects.note(7 << 32 | other, after, lasts, Now::at_secs(100 + second));
            }
        }
        assert!(suspects.has(7 << 32 | 9, Now::at_secs(150)));
        assert!(!suspects.has(7 << 32 | 9, Now::at_secs(171)), "it ends");
    }
}
