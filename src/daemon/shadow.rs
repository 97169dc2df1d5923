//! Is it safe to enforce each limit? What it did or would have done since the start, to whom, and what that suggests.

use super::live::Live;
use crate::config::plan::{LimiterMode, ZoneGuardMode};
use crate::ops::control::protocol::{ShadowLimit, ShadowReport};
use crate::ops::control::queries;
use crate::ops::metrics::Metric;
use crate::sys::clock::Now;
use crate::telemetry::shadow::{KnownGood, Limit};
use crate::telemetry::{Counts, Reason, Snapshot};

/// `guard shadow`.
pub(super) fn report(live: &Live, snapshot: &Snapshot, started: Now, now: Now) -> ShadowReport {
    let demand = live.pipeline.guard.limiter().demand();
    ShadowReport {
        uptime_seconds: now.since(started).as_secs(),
        queries_total: queries(snapshot),
        limits: limits(live, &snapshot.clients),
        most_per_customer: demand.map(|(most, _)| most),
        suggested_rate: demand.map(|(_, rate)| rate),
    }
}

/// Each limit.
pub(super) fn limits(live: &Live, counts: &Counts) -> Vec<ShadowLimit> {
    let all = Limit::ALL.iter().copied();
    all.map(|limit| one(live, counts, limit)).collect()
}

/// Metrics.
pub(super) fn metrics(metrics: &mut Vec<Metric>, live: &Live, counts: &Counts) {
    for limit in Limit::ALL.iter().copied() {
        for good in KnownGood::ALL {
            metrics.push(Metric::counter(
                "suimon_shadow_total",
                "Queries (TCP: connections) that a limit held back, or would have if it were enforced, by what spoke for them: a name known to be real, a proven address, or nothing.",
                &[("limit", limit.label()), ("known_good", good.label())],
                acted(live, counts, limit, good),
            ));
        }
    }
}

fn one(live: &Live, counts: &Counts, limit: Limit) -> ShadowLimit {
    let (mode, setting) = mode(live, limit);
    let [names, addresses, others] = KnownGood::ALL.map(|good| acted(live, counts, limit, good));
    let all = names.saturating_add(addresses).saturating_add(others);
    let verdict = match (mode, all, names.saturating_add(addresses)) {
        ("off", ..) => "off",
        (_, 0, _) => "quiet",
        (_, _, 0) => "safe",
        _ => "hurts",
    };
    ShadowLimit {
        limit: limit.label().to_owned(),
        mode: mode.to_owned(),
        setting: setting.map(str::to_owned),
        acted_total: all,
        known_names_total: names,
        proven_addresses_total: addresses,
        verdict: verdict.to_owned(),
        advice: (verdict == "hurts").then(|| advice(live, limit)).flatten(),
    }
}

fn acted(live: &Live, counts: &Counts, limit: Limit, good: KnownGood) -> u64 {
    match (limit, good) {
        // Who may not ask has no good queries; in enforce mode each worker counts them by their reason.
        (Limit::Refusals, KnownGood::No) => counts
            .verdict(Reason::RefusalBudget)
            .saturating_add(live.pipeline.guard.refusals_over_budget()),
        _ => counts.acted(limit, good),
    }
}

/// How a limit stands, and the setting that says so.
fn mode(live: &Live, limit: Limit) -> (&'static str, Option<&'static str>) {
    let plan = &live.plan;
    let has_prove =
        plan.guard.rules.iter().any(|rule| rule.prove) || !plan.guard.limiter.prove_after.is_zero();
    match limit {
        Limit::Client => (
            match plan.guard.limiter.mode {
                LimiterMode::Off => "off",
                LimiterMode::LogOnly => "log-only",
                LimiterMode::Enforce => "enforce",
            },
            Some("limiter.mode"),
        ),
        Limit::ZoneGuard => (plan.zone_guard.mode.label(), Some("zone_guard.mode")),
        Limit::Proof if !has_prove => (ZoneGuardMode::Off.label(), Some("acl.prove")),
        Limit::Proof => (plan.guard.prove_mode.label(), Some("acl.prove_mode")),
        Limit::Refusals => (plan.guard.refusal_mode.label(), Some("guard.refusal_mode")),
        Limit::TcpPerClient => (
            plan.ingress.tcp.client_mode.label(),
            Some("tcp.client_mode"),
        ),
        Limit::PendingPerClient | Limit::PendingTotal | Limit::TcpTotal => ("always", None),
        Limit::ClientShare => (plan.shares.mode.label(), Some("shares.mode")),
    }
}

/// What to do about a limit that hurts what is known to be good.
fn advice(live: &Live, limit: Limit) -> Option<String> {
    Some(match limit {
        Limit::Client => {
            let rate = live.plan.guard.limiter.rate;
            match live.pipeline.guard.limiter().demand() {
                Some((_, suggested)) if suggested > rate => format!(
                    "set limiter.rate = {suggested} (it is {rate}), or see suimon top for who is limited and name it in limiter.shared_addresses or [[limiter.prefix]]"
                ),
                _ => format!(
                    "limiter.rate = {rate} is enough for all but a thousandth: see suimon top for who is limited and name it in limiter.shared_addresses or [[limiter.prefix]]"
                ),
            }
        }
        Limit::ZoneGuard => "suimon guard status shows the zones; if one is no attack: zone_guard.exempt, or zone_guard.lookup_zones for a block list; if all slots are taken: zone_guard.slots".to_owned(),
        Limit::Proof => "these clients lose a round trip, not their answer, if they use TCP or cookies when told so".to_owned(),
        Limit::PendingPerClient => "raise guard.pending_per_client, or name who stands for many in limiter.shared_addresses".to_owned(),
        Limit::PendingTotal => "raise recursion.in_flight and zone_guard.slots".to_owned(),
        Limit::TcpPerClient => "raise tcp.connections_per_client".to_owned(),
        Limit::TcpTotal => "raise tcp.connections, and LimitNOFILE with it".to_owned(),
        Limit::ClientShare => "raise zone_guard.slots, or name who stands for many in limiter.shared_addresses".to_owned(),
        Limit::Refusals => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config;
    use crate::telemetry::Telemetry;

    fn told(text: &str, acted: &[(Limit, KnownGood, u64)]) -> Vec<ShadowLimit> {
        let loaded = config::load_text(Path::new("test.toml"), text).unwrap();
        let telemetry = Arc::new(Telemetry::new());
        let live = Live::build(loaded, &[], &telemetry, &Arc::default(), None).unwrap();
        let worker = telemetry.register_worker();
        for (limit, good, times) in acted {
            worker.acted(*limit, *good, *times);
        }
        let snapshot = telemetry.snapshot();
        let limits = limits(&live, &snapshot.clients);
        // What the page shows is the same.
        let mut page = Vec::new();
        metrics(&mut page, &live, &snapshot.clients);
        assert_eq!(page.len(), Limit::ALL.len() * 3);
        limits
    }

    #[test]
    fn each_limit_is_told_with_its_mode_and_what_enforcing_it_would_do() {
        let limits = told(
            "[acl]\nallow = ['192.0.2.0/24']\nprove = ['192.0.2.0/25']\nprove_mode = 'log-only'\n[limiter]\nmode = 'log-only'\n[tcp]\nclient_mode = 'off'",
            &[
                (Limit::Client, KnownGood::Name, 3),
                (Limit::Client, KnownGood::Address, 2),
                (Limit::Client, KnownGood::No, 95),
                (Limit::Proof, KnownGood::No, 7),
            ],
        );
        let of = |limit: Limit| {
            let found = limits.iter().find(|one| one.limit == limit.label());
            let one = found.unwrap();
            (
                one.mode.as_str(),
                one.verdict.as_str(),
                one.acted_total,
                one.known_good(),
            )
        };
        assert_eq!(of(Limit::Client), ("log-only", "hurts", 100, 5));
        assert_eq!(of(Limit::Proof), ("log-only", "safe", 7, 0));
        assert_eq!(of(Limit::ZoneGuard), ("enforce", "quiet", 0, 0));
        assert_eq!(of(Limit::TcpPerClient), ("off", "off", 0, 0));
        assert_eq!(of(Limit::PendingTotal), ("always", "quiet", 0, 0));
        let advised: Vec<&str> = limits
            .iter()
            .filter(|limit| limit.advice.is_some())
            .map(|limit| limit.limit.as_str())
            .collect();
        assert_eq!(advised, ["client_limiter"]);
        assert_eq!(told("", &[])[3].mode, "off", "nobody need prove anything");
    }
}
