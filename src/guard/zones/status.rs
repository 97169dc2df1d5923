//! What does the zone guard look like now? For `suimon guard status`, `suimon why`, metrics, and the story of an attack.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ZoneGuard;
use super::decay::millis;
use super::engage::Engaged;
use super::keys::{Charged, Class, Cut};
use super::record::Record;
use super::rule::{REASONS, covers};
use crate::config::plan::ZoneGuardMode;
use crate::guard::address::Address;
use crate::guard::slots;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{Attacked, ZoneAttack};
use crate::wire::Name;

/// The whole of it.
#[derive(Clone, Debug)]
pub struct Status {
    /// Off, log-only or enforce.
    pub mode: ZoneGuardMode,
    /// Fetch slots in use.
    pub slots_used: u32,
    /// Fetch slots in all.
    pub slots: u32,
    /// What one zone may hold now.
    pub slots_per_zone: u32,
    /// Zones and servers with a record of their own.
    pub zones: usize,
    /// Zones engaged now.
    pub engaged: u32,
    /// Servers engaged now.
    pub servers_engaged: u32,
    /// Names in both generations of the filter.
    pub known_names: u64,
    /// Names one generation can take.
    pub known_capacity: u64,
    /// Rules of the public suffix list in use.
    pub suffix_rules: usize,
    /// What the operator wished at run time.
    pub wishes: Vec<(Charged, Class)>,
}

/// A zone or server that is engaged.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// What is going on.
    pub attack: ZoneAttack,
    /// How the zone is guarded.
    pub class: Class,
    /// Slots it holds.
    pub slots_held: u32,
}

/// What the zone guard thinks of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The zones it is charged to, the deepest first, with their classes.
    pub zones: Vec<(Name, Class)>,
    /// The server it is charged to, and why that is engaged, if it is.
    pub server: Option<(IpAddr, Option<&'static str>)>,
    /// Whether the name is known to be real.
    pub known: bool,
    /// The engaged zone that covers it, and why it is engaged.
    pub engaged: Option<(Name, &'static str)>,
}

impl ZoneGuard {
    /// Everything but the engaged zones themselves.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = &self.state;
        Status {
            mode: self.mode,
            slots_used: state.pool.used(),
            slots: state.pool.capacity(),
            slots_per_zone: state.pool.threshold(slots::ZONE),
            zones: state.zones.len(),
            engaged: self.engaged().saturating_sub(self.servers_engaged()),
            servers_engaged: self.servers_engaged(),
            known_names: state.known.names(),
            known_capacity: state.known.capacity(),
            suffix_rules: self.suffixes.len(),
            wishes: self
                .wishes()
                .iter()
                .map(|(what, class)| (what.clone(), *class))
                .collect(),
        }
    }

    /// The zones and servers that are engaged, those asked for most first.
    #[must_use]
    pub fn guarded(&self, now: Now) -> Vec<Guarded> {
        let at = millis(now);
        let mut guarded = Vec::new();
        self.state.zones.for_each(|hash, record| {
            if let Some(attack) = attack(record, at) {
                guarded.push(Guarded {
                    attack,
                    class: record.class,
                    slots_held: self.state.shares.held(hash),
                });
            }
        });
        guarded.sort_by(|one, other| other.attack.demand.total_cmp(&one.attack.demand));
        guarded
    }

    /// What would count for this name; touches nothing.
    #[must_use]
    pub fn explain(&self, name: &Name, cut: Option<Cut<'_>>) -> Explained {
        let keys = self.keys.load().all(name, cut);
        let trigger = |hash| {
            self.state.zones.with(hash, |record| {
                let covered = covers(record, name);
                let engaged = record.engaged.as_ref().filter(|_| covered)?;
                Some(engaged.trigger.label())
            })?
        };
        let zones = || {
            keys.iter()
                .filter_map(|key| Some((key, key.charged.zone()?.clone())))
        };
        let server = keys.iter().find_map(|key| match key.charged {
            Charged::Server(address) => Some((address, trigger(key.hash))),
            Charged::Zone(_) => None,
        });
        Explained {
            zones: zones().map(|(key, zone)| (zone, key.class)).collect(),
            server,
            engaged: zones().find_map(|(key, zone)| Some((zone, trigger(key.hash)?))),
            known: self
                .state
                .known
                .contains(self.state.known.print(&name.to_lower_wire())),
        }
    }
}

/// What is going on in a zone or at a server, if it is engaged.
pub(super) fn attack(record: &Record, at: u64) -> Option<ZoneAttack> {
    let engaged = record.engaged.as_ref()?;
    Some(ZoneAttack {
        attacked: match &record.charged {
            Charged::Zone(zone) => Attacked::Zone {
                zone: zone.to_string(),
                suffix: engaged
                    .suffix
                    .as_ref()
                    .map(|suffix| suffix.name.to_string()),
            },
            Charged::Server(server) => Attacked::Server(*server),
        },
        trigger: engaged.trigger.label(),
        seconds: at.saturating_sub(engaged.since) / 1_000,
        demand: record.demand.rate(at),
        unknown: record.unknown.rate(at),
        peak: engaged.peak,
        failed_share: record.outcomes.failed_share(at),
        dead: engaged.is_dead(),
        denied: engaged.denied.iter().copied().map(u64::from).sum(),
        done: done(engaged),
        upstream_packets: engaged.packets,
        hop_limits: record.hop_limits(),
        sample_names: record.samples().iter().map(Name::to_string).collect(),
        explored: engaged.explored,
        names: record.names.estimate(),
        clients: record.clients.estimate(),
        top_clients: record
            .top_clients()
            .iter()
            .map(|(client, count)| (prefix(*client), *count))
            .collect(),
    })
}

/// What became of its questions, by reason.
fn done(engaged: &Engaged) -> Vec<(Reason, u64)> {
    let counts = engaged.denied.iter().copied().map(u64::from);
    REASONS
        .into_iter()
        .zip(counts)
        .filter(|(_, times)| *times > 0)
        .collect()
}

fn prefix(client: Address) -> IpNet {
    let bits = match client {
        Address::V4(_) => 32,
        Address::V6(_) => 56,
    };
    IpNet::new_assert(client.to_ip(), bits)
}
