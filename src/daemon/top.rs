//! Who asks most now, for what, and what becomes of it? The answer to `suimon top`, put together from what every room keeps.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use ipnet::IpNet;

use super::live::Live;
use super::secrecy::widened;
use crate::ops::control::protocol::{
    TopClient, TopDomain, TopLimited, TopReport, TopServer, TopZone,
};
use crate::ops::control::queries;
use crate::sys::clock::Now;
use crate::telemetry::heavy::{Heavy, Met};
use crate::telemetry::seen::Seen;
use crate::telemetry::{AnswerSource, Reason, Telemetry};
use crate::wire::Name;

/// Entries of each list at most.
const MOST: usize = 100;
/// Queries per second below which nobody is listed: about five within the time in which sums fade. Who asks once is no load.
const FEWEST: f32 = 1.0;
/// The fewest queries of it that must have been noted lately, whatever each stands for: where one in 64 is noted, a single one is no sign
/// of more, and what one person asked for once is nobody's business (P7). Half a query may have faded.
const FEWEST_NOTED: f32 = 2.5;

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
        servers: servers(live, now),
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
    let mut sums: HashMap<S, Met> = HashMap::new();
    for one in seen {
        for (key, met) in of(one).rates(at) {
            let sum = sums.entry(shown(key)).or_default();
            sum.rate += met.rate;
            sum.samples += met.samples;
        }
    }
    let mut all: Vec<(S, f32)> = sums
        .into_iter()
        .filter(|(_, met)| met.rate >= FEWEST && met.samples >= FEWEST_NOTED)
        .map(|(key, met)| (key, met.rate))
        .collect();
    all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    all.truncate(MOST);
    all
}

/// The servers under attack.
fn servers(live: &Live, now: Now) -> Vec<TopServer> {
    let mut all = live.pipeline.zones.servers_demanded(now);
    all.sort_by(|one, other| other.misses.total_cmp(&one.misses));
    all.truncate(MOST);
    let shown = all.into_iter().map(|one| TopServer {
        server: one.server.to_string(),
        misses_per_second: one.misses,
        unknown_per_second: one.unknown,
        failed_per_second: one.failed,
        denied_per_second: one.denied,
    });
    shown.collect()
}

/// The domains that are looked up most.
fn demands(live: &Live, now: Now) -> Vec<TopZone> {
    let mut all = live.pipeline.zones.demands(now);
    all.retain(|demand| demand.misses >= FEWEST || demand.engaged);
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

#[cfg(test)]
mod tests {

    use super::*;
    use crate::daemon::live::tests::live;
    use crate::guard::zones::{Cut, Query};
    use crate::telemetry::seen::Domain;

    const NOW: Now = Now::at_secs(100);
    const AT: u64 = 100_000;

    fn listed(seen: &[Seen]) -> Vec<Domain> {
        let all = sums(seen, NOW, |seen| &seen.domains, Clone::clone);
        all.into_iter().map(|(domain, _)| domain).collect()
    }

    #[test]
    fn who_asked_once_is_not_listed_even_if_one_query_stands_for_64() {
        let domain = |text: &str| Domain::from_slice(text.as_bytes());
        let mut seen = [Seen::default(), Seen::default()];
        let [one, other] = &mut seen;
        one.domains.note(domain("once"), 64.0, AT);
        one.domains.note(domain("twice"), 64.0, AT);
        one.domains.note(domain("twice"), 64.0, AT);
        // By two workers, and by one where all are noted.
        for worker in [&mut *one, other] {
            worker.domains.note(domain("often"), 64.0, AT);
            worker.domains.note(domain("often"), 64.0, AT);
        }
        for _ in 0..6 {
            one.domains.note(domain("steadily"), 1.0, AT);
        }
        for _ in 0..4 {
            one.domains.note(domain("seldom"), 1.0, AT);
        }
        assert_eq!(listed(&seen), [domain("often"), domain("steadily")]);
        // Not by those whose place it took, either.
        let mut full = Seen::default();
        for number in 0..1_000_u32 {
            for _ in 0..9 {
                let name = number.to_be_bytes();
                full.domains.note(Domain::from_slice(&name), 64.0, AT);
            }
        }
        full.domains.note(domain("late"), 64.0, AT);
        assert!(!listed(&[full]).contains(&domain("late")));
    }

    fn ask(live: &Live, name: &str, cut: Option<Cut<'_>>) {
        let name: Name = name.parse().unwrap();
        let query = Query {
            name: &name,
            cut,
            client: "192.0.2.7".parse().unwrap(),
            hop_limit: None,
            joins: false,
            renews: false,
        };
        let _permission = live.pipeline.zones.judge(&query, || false, NOW);
    }

    #[test]
    fn a_host_of_a_private_top_level_domain_is_not_listed_by_its_name() {
        let live = live("", None);
        for _ in 0..20 {
            ask(&live, "printer.corp-secret.", None);
            ask(&live, "x.scanner.corp-secret.", None);
        }
        let zones = demands(&live, NOW).into_iter().map(|one| one.zone);
        assert_eq!(zones.collect::<Vec<_>>(), ["corp-secret."]);
    }

    #[test]
    fn a_domain_that_was_looked_up_once_is_not_listed() {
        let live = live("", None);
        let zone: Name = "example.com.".parse().unwrap();
        let cut = Some(Cut::Delegation(&zone, None));
        ask(&live, "x.example.com.", cut);
        assert!(demands(&live, NOW).is_empty());
        for number in 0..9 {
            ask(&live, &format!("{number}.example.com."), cut);
        }
        assert_eq!(demands(&live, NOW)[0].zone, "example.com.");
    }
}
