//! Which domains cost most look-ups now, and which servers are under attack? For `suimon top`.

use std::collections::HashMap;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::ZoneGuard;
use super::decay::millis;
use super::keys::Charged;
use crate::sys::clock::Now;
use crate::wire::Name;

/// What is asked of one domain that the cache cannot answer.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The registrable domain, or a zone that stands alone (a block list, the apex of a forward zone); of names that nobody registers
    /// what all of them share.
    pub domain: Name,
    /// Queries per second, denied or not.
    pub misses: f32,
    /// The same for names not known to be real.
    pub unknown: f32,
    /// Look-ups per second that failed.
    pub failed: f32,
    /// Queries per second that were denied, or in log-only mode would have been.
    pub denied: f32,
    /// Whether it, or a zone in it, is under attack.
    pub engaged: bool,
}

/// What is asked of the zones of one server under attack that the cache cannot answer, and no zone holds back by itself.
#[derive(Clone, Debug)]
pub struct ServerDemand {
    /// By which it is known.
    pub server: IpAddr,
    /// Queries per second, denied or not.
    pub misses: f32,
    /// The same for names not known to be real.
    pub unknown: f32,
    /// Look-ups per second that failed because it kept silent.
    pub failed: f32,
    /// Queries per second that were denied, or in log-only mode would have been.
    pub denied: f32,
}

impl ZoneGuard {
    /// The servers under attack, in no order.
    #[must_use]
    pub fn servers_demanded(&self, now: Now) -> Vec<ServerDemand> {
        let at = millis(now);
        let mut servers = Vec::new();
        if self.servers_engaged() == 0 {
            return servers;
        }
        self.state.zones.for_each(|_, record| {
            if let (Charged::Server(server), Some(engaged)) = (&record.charged, &record.engaged) {
                servers.push(ServerDemand {
                    server: *server,
                    misses: record.demand.rate(at),
                    unknown: record.unknown.rate(at),
                    failed: record.outcomes.failed_rate(at),
                    denied: engaged.denied_lately.rate(at),
                });
            }
        });
        servers
    }

    /// The domains that are asked for at present what the cache cannot answer, in no order.
    #[must_use]
    pub fn demands(&self, now: Now) -> Vec<Demand> {
        let at = millis(now);
        let mut domains: HashMap<Name, Demand> = HashMap::new();
        self.state.zones.for_each(|_, record| {
            // What is charged to a server is charged to zones, too.
            let Charged::Zone(zone) = &record.charged else {
                return;
            };
            let domain = match self.registrable(zone.as_wire()) {
                Some(domain) => domain,
                None => zone.clone(),
            };
            // A query is charged to its zone and to the domain around it, but to the zone alone while that is under attack.
            let engaged = record.engaged.as_ref();
            if engaged.is_none() && *zone != domain {
                return;
            }
            let shown = self.domain(domain.as_wire());
            let shown = shown.and_then(|wire| Name::from_wire(&wire).ok());
            let domain = shown.unwrap_or(domain);
            let misses = record.demand.rate(at);
            if misses < 0.05 {
                return;
            }
            let all = domains.entry(domain).or_insert_with_key(|domain| Demand {
                domain: domain.clone(),
                misses: 0.0,
                unknown: 0.0,
                failed: 0.0,
                denied: 0.0,
                engaged: false,
            });
            all.misses += misses;
            all.unknown += record.unknown.rate(at);
            all.failed += record.outcomes.failed_rate(at);
            all.denied += engaged.map_or(0.0, |engaged| engaged.denied_lately.rate(at));
            all.engaged |= engaged.is_some();
        });
        domains.into_values().collect()
    }

    /// The registrable domain of a name in wire form, in lower case; nothing where everybody shares what it lies in. Of names that
    /// nobody registers (`lan.`, `home.arpa.`) what all of them share.
    #[must_use]
    pub fn domain(&self, wire: &[u8]) -> Option<SmallVec<[u8; 40]>> {
        let lower: SmallVec<[u8; 256]> = wire.iter().map(u8::to_ascii_lowercase).collect();
        let at = self.suffixes.shown(&lower)?;
        lower.get(at..).map(SmallVec::from_slice)
    }

    /// Whether a name, given in wire form, is known to be real.
    #[must_use]
    pub fn knows(&self, wire: &[u8]) -> bool {
        if !self.is_on() {
            return false;
        }
        let lower: SmallVec<[u8; 256]> = wire.iter().map(u8::to_ascii_lowercase).collect();
        let known = &self.state.known;
        known.contains(known.print(&lower))
    }

    fn registrable(&self, wire: &[u8]) -> Option<Name> {
        let lower = wire.to_ascii_lowercase();
        let at = self.suffixes.registrable(&lower)?;
        Name::from_wire(lower.get(at..)?).ok()
    }
}
