//! What is told of the zone guard over the control socket and on the metrics page?

use std::sync::atomic::Ordering;

use super::live::Live;
use super::pins::Pins;
use crate::guard::zones::{Charged, Class, Cut, Guarded};
use crate::ops::control::ServiceError;
use crate::ops::control::protocol::{
    GuardChangeReport, GuardReport, GuardWhy, GuardedServer, GuardedZone,
};
use crate::ops::metrics::Metric;
use crate::policy::Decision;
use crate::sys::clock::Now;
use crate::telemetry::incidents::Attacked;
use crate::wire::Name;

/// `guard status`.
pub(super) fn status(live: &Live, pins: &Pins, now: Now) -> GuardReport {
    let zones = &live.pipeline.zones;
    zones.tend(now);
    let status = zones.status();
    let attacks = zones.guarded(now);
    GuardReport {
        mode: status.mode.label().to_owned(),
        slots_used: status.slots_used,
        slots: status.slots,
        slots_per_zone: status.slots_per_zone,
        shares: super::shares::status(live),
        known_names: status.known_names,
        known_names_capacity: status.known_capacity,
        suffix_rules: u64::try_from(status.suffix_rules).unwrap_or(u64::MAX),
        zones: attacks.iter().filter_map(zone).collect(),
        servers: attacks.iter().filter_map(server).collect(),
        wishes: pins.report(live),
    }
}

fn zone(
    Guarded {
        attack,
        class,
        slots_held,
    }: &Guarded,
) -> Option<GuardedZone> {
    let Attacked::Zone { zone, suffix } = &attack.attacked else {
        return None;
    };
    Some(GuardedZone {
        zone: zone.clone(),
        suffix: suffix.clone(),
        trigger: attack.trigger.to_owned(),
        class: class.label().to_owned(),
        seconds: attack.seconds,
        demand_per_second: attack.demand,
        unknown_per_second: attack.unknown,
        failed_share: attack.failed_share,
        dead: attack.dead,
        slots_held: *slots_held,
        denied: attack.denied,
        explored: attack.explored,
        names: attack.names,
        clients: attack.clients,
    })
}

fn server(
    Guarded {
        attack, slots_held, ..
    }: &Guarded,
) -> Option<GuardedServer> {
    let Attacked::Server(server) = attack.attacked else {
        return None;
    };
    Some(GuardedServer {
        server: server.to_string(),
        trigger: attack.trigger.to_owned(),
        seconds: attack.seconds,
        demand_per_second: attack.demand,
        unknown_per_second: attack.unknown,
        failed_share: attack.failed_share,
        slots_held: *slots_held,
        denied: attack.denied,
        explored: attack.explored,
        names: attack.names,
        clients: attack.clients,
    })
}

/// A line of warning for each zone or server that is under attack, the first few.
pub(super) fn warnings(live: &Live, now: Now) -> Vec<String> {
    const TOLD: usize = 5;
    let mut guarded = live.pipeline.zones.guarded(now);
    let more = guarded.len().saturating_sub(TOLD);
    guarded.truncate(TOLD);
    let mut lines: Vec<String> = guarded
        .into_iter()
        .map(|Guarded { attack, .. }| {
            let what = match attack.attacked {
                Attacked::Zone { .. } => "zone",
                Attacked::Server(_) => "server",
            };
            format!(
                "{what} under attack: {} ({}, {:.0} unknown names a second); suimon guard status tells more",
                attack.attacked.narrowed(),
                if attack.dead { "servers dead" } else { attack.trigger },
                attack.unknown
            )
        })
        .collect();
    if more > 0 {
        lines.push(format!("{more} more are under attack"));
    }
    lines
}

/// `guard pin` and `guard exempt`.
pub(super) fn wish(
    live: &Live,
    pins: &Pins,
    target: &Charged,
    class: Class,
    now: Now,
) -> Result<GuardChangeReport, ServiceError> {
    let zones = &live.pipeline.zones;
    if !zones.is_on() {
        return Err(ServiceError(
            "the zone guard is off (zone_guard.mode)".to_owned(),
        ));
    }
    zones
        .wish(target.clone(), class, now)
        .map_err(|why| ServiceError(format!("{target} cannot be {}: {why}", class.label())))?;
    tracing::warn!(%target, wish = class.label(), "zone guard: the operator's word on a zone or server");
    Ok(GuardChangeReport {
        zone: target.to_string(),
        done: class.label().to_owned(),
        kept: pins.add(target, class, now),
    })
}

/// `guard release`.
pub(super) fn release(
    live: &Live,
    pins: &Pins,
    target: &Charged,
    now: Now,
) -> Result<GuardChangeReport, ServiceError> {
    // The guard may have been off since the start, and know nothing of it.
    if !live.pipeline.zones.release(target.clone(), now) && !pins.holds(target) {
        let why = match target {
            Charged::Zone(_) => "is neither pinned nor exempt nor held back",
            Charged::Server(_) => {
                "is neither exempt nor held back; a server is known by one address of all that its zones have, which `suimon guard status` shows"
            }
        };
        return Err(ServiceError(format!("{target} {why}")));
    }
    tracing::info!(%target, "zone guard: released by the operator");
    Ok(GuardChangeReport {
        zone: target.to_string(),
        done: "released".to_owned(),
        kept: pins.remove(target),
    })
}

/// What `why` says of a name that would be found out.
pub(super) fn why(live: &Live, decision: &Decision, name: &Name, now: Now) -> Option<GuardWhy> {
    let zones = &live.pipeline.zones;
    let apex = match decision {
        Decision::Forward(index) => live.policy.forward(*index).map(|at| at.zone.clone()),
        Decision::Stub(index) => live.policy.stub(*index).map(|at| at.zone.clone()),
        Decision::Resolve => None,
        _ => return None,
    };
    if !zones.is_on() {
        return None;
    }
    let delegation = live.cache.deepest_delegation(name, now);
    let cut = match (&apex, &delegation) {
        (Some(apex), _) => Some(Cut::Configured(apex)),
        (None, Some(at)) => Some(live.pipeline.cut(at, now)),
        (None, None) => None,
    };
    let explained = zones.explain(name, cut);
    let (server, server_trigger) = explained.server.unzip();
    let (held_back, trigger) = explained.engaged.unzip();
    Some(GuardWhy {
        zones: explained
            .zones
            .iter()
            .map(|(zone, _)| zone.to_string())
            .collect(),
        known: explained.known,
        held_back: held_back.map(|zone| zone.to_string()),
        trigger: trigger.map(str::to_owned),
        server: server.map(|address| address.to_string()),
        server_trigger: server_trigger.flatten().map(str::to_owned),
    })
}

/// Metrics.
pub(super) fn metrics(metrics: &mut Vec<Metric>, live: &Live) {
    let zones = &live.pipeline.zones;
    let counters = zones.counters();
    for (reason, times) in counters.denied() {
        let help =
            "Queries that the zone guard denied, or would have denied in log-only mode, by reason.";
        metrics.push(Metric::counter(
            "suimon_zone_guard_denied_total",
            help,
            &[("reason", reason.label())],
            times,
        ));
    }
    for (name, help, count) in [
        (
            "suimon_zone_guard_denied_known_total",
            "Of those, the ones for names known to be real.",
            &counters.denied_known,
        ),
        (
            "suimon_zone_guard_silent_total",
            "Denials that were not even answered.",
            &counters.silent,
        ),
        (
            "suimon_zone_guard_explored_total",
            "Unknown names of zones and servers under attack that were looked up for clean clients.",
            &counters.explored,
        ),
        (
            "suimon_zone_guard_stale_total",
            "Queries of zones and servers under attack that were answered with stale data.",
            &counters.stale,
        ),
        (
            "suimon_zone_guard_engaged_total",
            "Times that a zone or a server was found to be under attack.",
            &counters.engaged,
        ),
        (
            "suimon_zone_guard_learned_total",
            "Names learned to be real.",
            &counters.learned,
        ),
        (
            "suimon_zone_guard_not_learned_total",
            "Names not learned because their domain has its share of the filter, or it is full.",
            &counters.not_learned,
        ),
    ] {
        metrics.push(Metric::counter(
            name,
            help,
            &[],
            count.load(Ordering::Relaxed),
        ));
    }
    let status = zones.status();
    for (name, help, amount) in [
        (
            "suimon_zone_guard_zones_engaged",
            "Zones under attack now.",
            u64::from(status.engaged),
        ),
        (
            "suimon_zone_guard_servers_engaged",
            "Servers under attack now, with many zones each of which is asked for little.",
            u64::from(status.servers_engaged),
        ),
        (
            "suimon_zone_guard_slots_used",
            "Look-ups under way that hold a slot.",
            u64::from(status.slots_used),
        ),
        (
            "suimon_zone_guard_slots",
            "Look-ups that may be under way.",
            u64::from(status.slots),
        ),
        (
            "suimon_zone_guard_known_names",
            "Names known to be real; those in both filters count twice.",
            status.known_names,
        ),
        (
            "suimon_zone_guard_known_names_capacity",
            "Names that one of the two filters can take.",
            status.known_capacity,
        ),
    ] {
        metrics.push(Metric::level(name, help, &[], amount));
    }
}
