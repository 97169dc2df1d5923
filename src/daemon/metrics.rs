//! Which numbers does the daemon add to those that telemetry keeps? Cache, recursion, validation, limits, and everything upstream.

use std::sync::atomic::Ordering;

use super::limiting;
use super::live::Live;
use crate::egress::matching::Mismatch;
use crate::guard::permit::{Cause, Exhausted};
use crate::ops::metrics::Metric;
use crate::sys::clock;
use crate::telemetry::unsolicited::Place;

/// All metrics of the running configuration beyond telemetry's.
pub(super) fn of_live(live: &Live) -> Vec<Metric> {
    let mut metrics = Vec::with_capacity(64);
    upstream(&mut metrics, live);
    recursion(&mut metrics, live);
    validation(&mut metrics, live);
    cache(&mut metrics, live);
    super::guarded::metrics(&mut metrics, live);
    limiting::metrics(&mut metrics, live);
    super::shares::metrics(&mut metrics, live);
    metrics
}

fn upstream(metrics: &mut Vec<Metric>, live: &Live) {
    let counts = live.egress.counters().snapshot();
    for (cause, sent) in Cause::ALL.iter().zip(counts.sent) {
        let help = "Packets sent to other servers, by cause; a refused query is none.";
        metrics.push(Metric::counter(
            "suimon_upstream_packets_total",
            help,
            &[("cause", cause.label())],
            sent,
        ));
    }
    for (limit, times) in Exhausted::ALL.iter().zip(counts.exhausted) {
        let help = "Queries that ran into a limit of their budget.";
        metrics.push(Metric::counter(
            "suimon_budget_exhausted_total",
            help,
            &[("limit", limit.label())],
            times,
        ));
    }
    for (why, times) in Mismatch::ALL.iter().zip(counts.discarded) {
        let help = "Replies of servers that were not taken.";
        metrics.push(Metric::counter(
            "suimon_upstream_discarded_total",
            help,
            &[("why", why.label())],
            times,
        ));
    }
    let guard = &live.pipeline.guard;
    let unsolicited = guard.backscatter().heard().counts();
    for (place, times) in Place::ALL.iter().zip(unsolicited) {
        let help = "Responses that nobody here asked for: at the service addresses, or at sockets towards servers.";
        metrics.push(Metric::counter(
            "suimon_unsolicited_responses_total",
            help,
            &[("place", place.label())],
            times,
        ));
    }
    metrics.push(Metric::level(
        "suimon_backscatter_alarm",
        "1 while responses that nobody asked for are so many that our addresses must be forged.",
        &[],
        u64::from(guard.backscatter().is_raised()),
    ));
    for (event, times) in counts.events() {
        let help = "What happened while asking other servers.";
        metrics.push(Metric::counter(
            "suimon_upstream_events_total",
            help,
            &[("event", event)],
            times,
        ));
    }
}

fn recursion(metrics: &mut Vec<Metric>, live: &Live) {
    let counters = live.resolver.counters();
    for (outcome, times) in [
        ("started", &counters.started),
        ("joined", &counters.joined),
        ("turned_away", &counters.turned_away),
        ("shed", &counters.shed),
    ] {
        let help = "Queries that needed recursion: started one, joined one in flight, or were turned away; and recursions ended to make room.";
        let times = times.load(Ordering::Relaxed);
        metrics.push(Metric::counter(
            "suimon_recursions_total",
            help,
            &[("outcome", outcome)],
            times,
        ));
    }
    metrics.push(Metric::counter(
        "suimon_upstream_shared_total",
        "Questions to other servers that were not sent, because the same was being asked for another query already.",
        &[],
        counters.shared.load(Ordering::Relaxed),
    ));
    metrics.push(Metric::counter(
        "suimon_upstream_crowded_total",
        "Questions to other servers that were not asked, because too many look-ups waited for the same answer already.",
        &[],
        counters.crowded.load(Ordering::Relaxed),
    ));
    metrics.push(Metric::level(
        "suimon_recursions_in_flight",
        "Recursions running now.",
        &[],
        level(live.resolver.in_flight()),
    ));
}

fn validation(metrics: &mut Vec<Metric>, live: &Live) {
    let counted = &live.resolver.counters().validations;
    for (result, times) in counted.results() {
        let help = "Answers of recursions that validated, by the weakest of what they hold.";
        metrics.push(Metric::counter(
            "suimon_validations_total",
            help,
            &[("result", result)],
            times,
        ));
    }
    for (reason, times) in counted.bogus() {
        let help = "Answers that were not believed, by reason (RFC 8914).";
        metrics.push(Metric::counter(
            "suimon_bogus_total",
            help,
            &[("reason", reason)],
            times,
        ));
    }
    for (name, help, times) in [
        (
            "suimon_signatures_checked_total",
            "Signatures checked, good or bad.",
            counted.signatures(),
        ),
        (
            "suimon_nsec3_hashes_total",
            "NSEC3 hashes made; one of many iterations counts as several.",
            counted.nsec3_hashes(),
        ),
        (
            "suimon_synthesised_answers_total",
            "Questions within recursions that followed from validated NSEC and NSEC3 records (RFC 8198); those of clients: suimon_answers_total, proven.",
            counted.synthesised(),
        ),
    ] {
        metrics.push(Metric::counter(name, help, &[], times));
    }
    for (name, help, amount) in [
        (
            "suimon_validation_on",
            "1 if answers are validated.",
            u64::from(live.validator.is_on()),
        ),
        (
            "suimon_trust_anchor_zones",
            "Zones that are believed without proof.",
            level(live.validator.anchors().len()),
        ),
        (
            "suimon_negative_trust_anchors",
            "Zones that are not validated (RFC 7646).",
            level(super::report::negative_anchors(live, clock::now()).len()),
        ),
        (
            "suimon_validated_zones",
            "Zones whose keys, or whose lack of keys, are known.",
            live.validator.zones(),
        ),
    ] {
        metrics.push(Metric::level(name, help, &[], amount));
    }
}

fn cache(metrics: &mut Vec<Metric>, live: &Live) {
    let cache = &live.cache;
    for (kind, entries) in [
        ("rrset", cache.entries()),
        ("delegation", cache.delegations()),
        ("failure", cache.failures()),
    ] {
        metrics.push(Metric::level(
            "suimon_cache_entries",
            "Entries held, by kind.",
            &[("kind", kind)],
            entries,
        ));
    }
    metrics.push(Metric::level(
        "suimon_cache_bytes",
        "Octets the cache takes.",
        &[],
        cache.bytes(),
    ));
    let help = "Octets the cache may take.";
    metrics.push(Metric::level(
        "suimon_cache_capacity_bytes",
        help,
        &[],
        live.plan.cache.max_bytes,
    ));
}

fn level(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
