//! What happened between two looks? Rates from totals, and lists in the wanted order.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ClientsBy, Order, ZonesBy};
use crate::ops::control::protocol::{TopClient, TopDomain, TopReport, TopServer, TopZone};

/// Two looks, compared. Its JSON is stable within a schema number.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Look {
    /// Seconds between the two.
    pub(super) seconds: f64,
    /// Queries per second.
    pub(super) queries_per_second: f64,
    /// Share of answers for which nobody upstream was asked; nothing if there were no answers.
    pub(super) hit_ratio: Option<f64>,
    /// Packets sent to other servers per second.
    pub(super) upstream_packets_per_second: f64,
    /// Recursions under way.
    pub(super) recursions_in_flight: u64,
    /// Clients that wait for one.
    pub(super) pending_clients: u64,
    /// Look-ups that hold a slot of the zone guard.
    pub(super) slots_used: u32,
    /// Slots in all.
    pub(super) slots: u32,
    /// Zones under attack.
    pub(super) zones_under_attack: u64,
    /// Servers under attack.
    pub(super) servers_under_attack: u64,
    /// Networks over a limit in the last minute.
    pub(super) limited_networks: u64,
    /// Verdicts, the most frequent first.
    pub(super) reasons: Vec<ReasonRate>,
    /// Networks of clients.
    pub(super) clients: Vec<ClientRate>,
    /// Networks of those who may not ask.
    pub(super) outsiders: Vec<TopClient>,
    /// Domains by what the cache could not answer.
    pub(super) zones: Vec<TopZone>,
    /// Servers under attack, in the order of the domains before.
    pub(super) servers: Vec<TopServer>,
    /// Domains by queries.
    pub(super) domains: Vec<TopDomain>,
}

/// How often there was a verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ReasonRate {
    pub(super) reason: String,
    pub(super) per_second: f64,
    pub(super) total: u64,
}

/// How much a network asks, and how much of that is too much.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ClientRate {
    pub(super) network: String,
    pub(super) queries_per_second: f64,
    pub(super) limited_per_second: f64,
    /// Since it went over its limit.
    pub(super) limited_total: u64,
}

impl Look {
    /// What happened between `before` and `after`. Of a daemon that was started in between: since then.
    pub(super) fn between(before: &TopReport, after: &TopReport, order: Order) -> Self {
        let nothing = TopReport::default();
        let before = if after.uptime_ms < before.uptime_ms {
            &nothing
        } else {
            before
        };
        let seconds = float(after.uptime_ms.saturating_sub(before.uptime_ms)) / 1000.0;
        let grown = |before: u64, after: u64| float(after.saturating_sub(before));
        let rate = |before, after| {
            if seconds > 0.0 {
                grown(before, after) / seconds
            } else {
                0.0
            }
        };
        let answers = grown(before.answers_total, after.answers_total);
        let hits = grown(before.hits_total, after.hits_total);
        let mut reasons: Vec<ReasonRate> = after
            .reasons_total
            .iter()
            .map(|(reason, total)| ReasonRate {
                reason: reason.clone(),
                per_second: rate(
                    before.reasons_total.get(reason).copied().unwrap_or(0),
                    *total,
                ),
                total: *total,
            })
            .collect();
        reasons.sort_by(|one, other| {
            let order = other.per_second.total_cmp(&one.per_second);
            order.then(other.total.cmp(&one.total))
        });
        let (mut zones, mut servers) = (after.zones.clone(), after.servers.clone());
        let of = |zone: &TopZone| match order.zones {
            ZonesBy::Misses => zone.misses_per_second,
            ZonesBy::Unknown => zone.unknown_per_second,
            ZonesBy::Failed => zone.failed_per_second,
            ZonesBy::Denied => zone.denied_per_second,
        };
        zones.sort_by(|one, other| of(other).total_cmp(&of(one)));
        let of = |server: &TopServer| match order.zones {
            ZonesBy::Misses => server.misses_per_second,
            ZonesBy::Unknown => server.unknown_per_second,
            ZonesBy::Failed => server.failed_per_second,
            ZonesBy::Denied => server.denied_per_second,
        };
        servers.sort_by(|one, other| of(other).total_cmp(&of(one)));
        Self {
            seconds,
            queries_per_second: rate(before.queries_total, after.queries_total),
            hit_ratio: (answers > 0.0).then(|| (hits / answers).min(1.0)),
            upstream_packets_per_second: rate(
                before.upstream_packets_total,
                after.upstream_packets_total,
            ),
            recursions_in_flight: after.recursions_in_flight,
            pending_clients: after.pending_clients,
            slots_used: after.slots_used,
            slots: after.slots,
            zones_under_attack: after.zones_under_attack,
            servers_under_attack: after.servers_under_attack,
            limited_networks: after.limited_networks,
            reasons,
            clients: clients(before, after, &rate, order.clients),
            outsiders: after.outsiders.clone(),
            zones,
            servers,
            domains: after.domains.clone(),
        }
    }
}

/// Those who ask most and those who are limited, in one list.
fn clients(
    before: &TopReport,
    after: &TopReport,
    rate: &impl Fn(u64, u64) -> f64,
    order: ClientsBy,
) -> Vec<ClientRate> {
    let mut networks: BTreeMap<&str, ClientRate> = BTreeMap::new();
    let fresh = |network: &str| ClientRate {
        network: network.to_owned(),
        queries_per_second: 0.0,
        limited_per_second: 0.0,
        limited_total: 0,
    };
    for client in &after.clients {
        let entry = networks
            .entry(&client.network)
            .or_insert_with_key(|network| fresh(network));
        entry.queries_per_second = f64::from(client.queries_per_second);
    }
    for limited in &after.limited {
        let then = before
            .limited
            .iter()
            .find(|one| one.network == limited.network)
            .map_or(0, |one| one.limited_total);
        // One that was told of before, and began anew since.
        let then = if then > limited.limited_total {
            0
        } else {
            then
        };
        let entry = networks
            .entry(&limited.network)
            .or_insert_with_key(|network| fresh(network));
        entry.limited_per_second = rate(then, limited.limited_total);
        entry.limited_total = limited.limited_total;
    }
    let mut all: Vec<ClientRate> = networks.into_values().collect();
    all.sort_by(|one, other| {
        let by = |one: &ClientRate| match order {
            ClientsBy::Queries => (one.queries_per_second, one.limited_per_second),
            ClientsBy::Limited => (one.limited_per_second, one.queries_per_second),
        };
        let ((one, next), (other, last)) = (by(one), by(other));
        other.total_cmp(&one).then(last.total_cmp(&next))
    });
    all
}

#[expect(
    clippy::cast_precision_loss,
    reason = "differences of a second, and times; far below 2^53"
)]
const fn float(number: u64) -> f64 {
    number as f64
}
