//! Who asks most now, for what, and what becomes of it? The answer to `suimon top`, put together from what every room keeps.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use ipnet::IpNet;

use super::live::Live;
use super::secrecy::widened;
use crate::ops::control::protocol::{TopClient, TopDomain, TopLimited, TopReport, TopZone};
use crate::ops::control::queries;
use crate::sys::clock::Now;
use crate::telemetry::heavy::Heavy;
use crate::telemetry::seen::Seen;
use crate::telemetry::{AnswerSource, Reason, Telemetry};
use crate::wire::Name;

/// Entries of each list at most.
const MOST: usize = 100;
/// Queries per second below which nobody is listed: about five within the time in which sums fade. Who asks once is no load.
const FEWEST: f32 = 1.0;

/// One look.
pub(super) fn report(live: &Live, telemetry: &Telemetry, started: Now, now: Now) -> TopReport {
    let snapshot = telemetry.snapshot();
    let counts = &snapshot.clients;
    let zones = &live.pipeline.zones;
    zones.tend(now);
    let guard = zones.status();
    let seen = telemetry.seen();
    let hits = AnswerSource::ALL.iter().filter(|source| source.is_hit());
    let limited = limited(live);
    TopReport {
        uptime_ms: u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX),
        queries_total: queries(&snapshot),
        answers_total: counts
            .answers
            .iter()
            .fold(0, |sum, one| sum.saturating_add(*one)),
        hits_total: hits.fold(0, |sum, source| {
            sum.saturating_add(counts.answers_from(*source))
        }),
        upstream_packets_total: live.egress.counters().snapshot().sent_in_all(),
        recursions_in_flight: number(live.resolver.in_flight()),
        pending_clients: number(live.pipeline.pending.clients()),
        slots_used: guard.slots_used,
        slots: guard.slots,
        zones_under_attack: guard.engaged.into(),
        servers_under_attack: guard.servers_engaged.into(),
        limited_networks: number(limited.len()),
        reasons_total: Reason::ALL
            .iter()
            .map(|reason| (reason.label().to_owned(), counts.verdict(*reason)))
            .filter(|(_, times)| *times > 0)
            .collect(),
        clients: networks(live, &seen, now, |seen| &seen.clients),
        outsiders: networks(live, &seen, now, |seen| &seen.outsiders),
        limited,
        zones: demands(live, now),
        domains: sums(&seen, now, |seen| &seen.domains, Clone::clone)
            .into_iter()
            .filter_map(|(wire, queries_per_second)| {
                Some(TopDomain {
                    domain: Name::from_wire(&wire).ok()?.to_string(),
                    queries_per_second,
                })
            })
            .collect(),
    }
}

/// The networks over a limit, as they may be shown.
fn limited(live: &Live) -> Vec<TopLimited> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for (prefix, times) in live.pipeline.guard.limiter().offenders() {
        let sum = sums.entry(widened(&live.plan.secrecy, prefix)).or_default();
        *sum = sum.saturating_add(times);
    }
    let mut all: Vec<TopLimited> = sums
        .into_iter()
        .map(|(network, limited_total)| TopLimited {
            network: network.to_string(),
            limited_total,
        })
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.limited_total));
    all.truncate(MOST);
    all
}

/// Networks as they may be shown.
fn networks(
    live: &Live,
    seen: &[Seen],
    now: Now,
    of: impl Fn(&Seen) -> &Heavy<IpNet>,
) -> Vec<TopClient> {
    let shown = |network: &IpNet| widened(&live.plan.secrecy, *network);
    sums(seen, now, of, shown)
        .into_iter()
        .map(|(network, queries_per_second)| TopClient {
            network: network.to_string(),
            queries_per_second,
        })
        .collect()
}

/// What all workers met, the most first.
fn sums<K: PartialEq, S: Eq + Hash>(
    seen: &[Seen],
    now: Now,
    of: impl Fn(&Seen) -> &Heavy<K>,
    shown: impl Fn(&K) -> S,
) -> Vec<(S, f32)> {
    let at = u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX);
    let mut sums: HashMap<S, f32> = HashMap::new();
    for one in seen {
        for (key, rate) in of(one).rates(at) {
            *sums.entry(shown(key)).or_default() += rate;
        }
    }
    let mut all: Vec<(S, f32)> = sums
        .into_iter()
        .filter(|(_, rate)| *rate >= FEWEST)
        .collect();
    all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    all.truncate(MOST);
    all
}

/// The domains that are looked up most.
fn demands(live: &Live, now: Now) -> Vec<TopZone> {
    let mut all = live.pipeline.zones.demands(now);
    all.sort_by(|one, other| {
        let order = other.misses.total_cmp(&one.misses);
        order.then_with(|| one.domain.cmp(&other.domain))
    });
    all.truncate(MOST);
    all.into_iter()
        .map(|demand| TopZone {
            zone: demand.domain.to_string(),
            misses_per_second: demand.misses,
            unknown_per_second: demand.unknown,
            failed_per_second: demand.failed,
            denied_per_second: demand.denied,
            under_attack: demand.engaged,
        })
        .collect()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
