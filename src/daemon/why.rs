//! What would decide about a client that asks a name? The answer to `suimon why`, put together from what every room says.

use std::net::IpAddr;

use super::live::Live;
use super::{guarded, limiting, lookout, report, shares};
use crate::config::plan::TransportKind;
use crate::ops::control::protocol::{Transport, WhyReport};
use crate::policy::Decision;
use crate::sys::clock;
use crate::telemetry::Reason;
use crate::wire::Question;

/// What would decide; touches nothing. `local`: the address that is asked.
pub(super) fn report(
    live: &Live,
    local: IpAddr,
    client: IpAddr,
    transport: Transport,
    interface: Option<&str>,
    question: &Question,
) -> WhyReport {
    let transport = match transport {
        Transport::Udp => TransportKind::Udp,
        Transport::Tcp => TransportKind::Tcp,
    };
    let explained = live.pipeline.guard.explain(client, local, transport);
    let wrong_way = lookout::wrong_way(live, client, transport, interface);
    let reason = wrong_way.unwrap_or(explained.reason);
    let verdict = match reason {
        Reason::AclAllow => "admit",
        Reason::AclDrop | Reason::WrongIngress | Reason::NoRouteBack => "drop",
        _ => "refuse",
    };
    let decision = live.policy.decide(question);
    WhyReport {
        client: client.to_string(),
        name: question.name.to_string(),
        rtype: question.rtype.to_string(),
        verdict: verdict.to_owned(),
        rule: explained
            .rule
            .filter(|_| wrong_way.is_none())
            .map(|prefix| prefix.to_string()),
        reason: reason.label().to_owned(),
        sentence: reason.sentence().to_owned(),
        ways: lookout::ways(live, client),
        policy: report::policy_word(&decision).to_owned(),
        route: route(live, &decision),
        negative_anchor: report::excuse(live, &question.name, clock::now()),
        zone_guard: guarded::why(live, &decision, &question.name, clock::now()),
        cached: cached(live, question),
        limits: limiting::limits(live, client, transport == TransportKind::Tcp),
        shares: (verdict == "admit")
            .then(|| shares::why(live, client, transport == TransportKind::Tcp)),
    }
}

/// What `known` says of the cache for one question.
fn cached(live: &Live, question: &Question) -> Option<String> {
    let response = live.cache.lookup(question, clock::now())?;
    let held = response.answer.iter().chain(&response.authority);
    let left = held.map(|held| held.ttl).min();
    Some(left.map_or_else(
        || response.rcode.to_string(),
        |left| format!("{}, {left} s left", response.rcode),
    ))
}

/// Which forward or stub zone takes a name, and its servers.
fn route(live: &Live, decision: &Decision) -> Option<String> {
    let (zone, servers) = match decision {
        Decision::Forward(index) => live
            .policy
            .forward(*index)
            .map(|zone| (&zone.zone, &zone.servers))?,
        Decision::Stub(index) => live
            .policy
            .stub(*index)
            .map(|zone| (&zone.zone, &zone.servers))?,
        Decision::Answer(_) | Decision::Chase { .. } | Decision::Resolve => return None,
    };
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    Some(format!("{zone} by {}", servers.join(", ")))
}
