//! What is told of who asks most, for what, and what becomes of it? Totals, so that who looks twice knows the rates in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `top`: one look. Lists are sorted, the most first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopReport {
    /// Milliseconds since suimond began to serve.
    pub uptime_ms: u64,
    /// Queries since the start.
    pub queries_total: u64,
    /// Answers since the start.
    pub answers_total: u64,
    /// Of those, the ones for which nobody upstream was asked.
    pub hits_total: u64,
    /// Packets sent to other servers since the start.
    pub upstream_packets_total: u64,
    /// Recursions under way.
    pub recursions_in_flight: u64,
    /// Clients that wait for one.
    pub pending_clients: u64,
    /// Look-ups under way that hold a slot of the zone guard.
    pub slots_used: u32,
    /// Slots in all.
    pub slots: u32,
    /// Zones under attack.
    pub zones_under_attack: u64,
    /// Servers under attack, with many zones each of which is asked for little.
    #[serde(default)]
    pub servers_under_attack: u64,
    /// Networks over a limit in the last minute.
    pub limited_networks: u64,
    /// Verdicts since the start, by reason; those that never happened are left out.
    pub reasons_total: BTreeMap<String, u64>,
    /// Networks of clients who may ask, by queries.
    pub clients: Vec<TopClient>,
    /// Networks of those who may not, or whose addresses cannot be, by queries.
    pub outsiders: Vec<TopClient>,
    /// Networks over a limit in the last minute, by queries limited.
    pub limited: Vec<TopLimited>,
    /// Domains by look-ups that the cache could not spare.
    pub zones: Vec<TopZone>,
    /// Servers under attack, by look-ups that the cache could not spare.
    #[serde(default)]
    pub servers: Vec<TopServer>,
    /// Domains by queries.
    pub domains: Vec<TopDomain>,
}

/// A network and how much it asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopClient {
    /// The network: an IPv4 /24 or an IPv6 /48.
    pub network: String,
    /// Queries per second over the last seconds; of many queries a sample is counted.
    pub queries_per_second: f32,
}

/// A network over a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopLimited {
    /// The network, no smaller than an IPv4 /24 or an IPv6 /48.
    pub network: String,
    /// Its queries that were limited since it went over its limit, or in log-only mode would have been.
    pub limited_total: u64,
}

/// A domain and what it costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopZone {
    /// The registrable domain, or a zone that is counted on its own.
    pub zone: String,
    /// Queries per second that the cache could not answer.
    pub misses_per_second: f32,
    /// The same for names not known to be real.
    pub unknown_per_second: f32,
    /// Look-ups per second that failed.
    pub failed_per_second: f32,
    /// Queries per second that were denied, or in log-only mode would have been.
    pub denied_per_second: f32,
    /// Whether it, or a zone in it, is under attack.
    pub under_attack: bool,
}

/// A server under attack, and what its zones cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopServer {
    /// One address of those that the zones have.
    pub server: String,
    /// Queries per second that the cache could not answer and no zone held back by itself.
    pub misses_per_second: f32,
    /// The same for names not known to be real.
    pub unknown_per_second: f32,
    /// Look-ups per second that failed because it kept silent.
    pub failed_per_second: f32,
    /// Queries per second that were denied, or in log-only mode would have been.
    pub denied_per_second: f32,
}

/// A domain and how much it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopDomain {
    /// The registrable domain.
    pub domain: String,
    /// Queries per second over the last seconds, answered from the cache or not; of many queries a sample is counted.
    pub queries_per_second: f32,
}
