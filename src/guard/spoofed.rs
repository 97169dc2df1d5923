//! By which interface do forged sources come, and is that more than a stray packet? From a threshold on it is an incident.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{HopLimits, IngressSpoof, Moment, Stage, Subject};

/// Interfaces and reasons told apart; what finds no place is counted by its reason alone.
const WAYS: usize = 64;
/// Source prefixes told of each.
const TOP: usize = 8;
/// Without a second over the threshold for so long it is over.
const QUIET: Duration = Duration::from_secs(60);
/// Octets of a forged source that are counted together.
const PREFIX: (u8, u8) = (24, 48);

/// What comes with an impossible source, by interface and reason.
#[derive(Debug, Default)]
pub(super) struct Spoofed(Mutex<Vec<Way>>);

#[derive(Debug)]
struct Way {
    interface: u32,
    reason: Reason,
    /// The second that is being counted, and how many came in it.
    second: u64,
    count: u64,
    begun: Option<Begun>,
}

/// An incident under way.
#[derive(Debug)]
struct Begun {
    first: Now,
    /// The last second over the threshold.
    over: Now,
    told: Option<Now>,
    packets: u64,
    peak: u64,
    top: Vec<(IpNet, u64)>,
    hop_limits: HopLimits,
}

/// One datagram that was dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forged {
    pub(super) interface: u32,
    pub(super) reason: Reason,
    pub(super) source: SocketAddr,
    pub(super) hop_limit: Option<u8>,
}

impl Spoofed {
    /// Notes one; from `alarm` in a second on it is an incident. If somebody else is noting one just now it is not counted here (its
    /// reason is, elsewhere): nobody waits.
    pub(super) fn note(&self, forged: Forged, alarm: u32, now: Now) {
        let Ok(mut ways) = self.0.try_lock() else {
            return;
        };
        let known = ways
            .iter()
            .position(|way| way.interface == forged.interface && way.reason == forged.reason);
        let index = known.unwrap_or_else(|| {
            // One that is quiet gives way; a host with more interfaces than that has more to tell than we can.
            let quiet = ways.iter().position(|way| way.begun.is_none());
            match quiet.filter(|_| ways.len() >= WAYS) {
                Some(index) => {
                    ways.swap_remove(index);
                }
                None if ways.len() >= WAYS => return WAYS,
                None => {}
            }
            ways.push(Way {
                interface: forged.interface,
                reason: forged.reason,
                second: now.mono.as_secs(),
                count: 0,
                begun: None,
            });
            ways.len() - 1
        });
        if let Some(way) = ways.get_mut(index) {
            way.count(forged, alarm, now);
        }
    }

    /// What has begun, goes on or ended since the last look. Called every few seconds. `name`: of an interface.
    pub(super) fn look(&self, name: impl Fn(u32) -> Option<String>, now: Now) -> Vec<Moment> {
        let mut moments = Vec::new();
        for way in self.lock().iter_mut() {
            let Some(begun) = &mut way.begun else {
                continue;
            };
            let silence = begun.told.map(|told| now.since(told));
            let Some(stage) = Stage::due(silence, now.since(begun.over) >= QUIET) else {
                continue;
            };
            begun.told = Some(now);
            moments.push(Moment {
                at_ms: now.wall_ms,
                since_ms: begun.first.wall_ms,
                stage,
                subject: Subject::Spoof(IngressSpoof {
                    interface: way.interface,
                    interface_name: name(way.interface),
                    reason: way.reason,
                    packets: begun.packets,
                    peak: begun.peak,
                    top_sources: begun.top.clone(),
                    hop_limits: begun.hop_limits,
                }),
            });
            if stage == Stage::Stopped {
                way.begun = None;
            }
        }
        moments
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Way>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    fn count(&mut self, forged: Forged, alarm: u32, now: Now) {
        let second = now.mono.as_secs();
        // Another worker's clock may be a second behind: what it counts belongs to this second then.
        if second > self.second {
            self.second = second;
            self.count = 0;
        }
        self.count += 1;
        let is_over = self.count >= u64::from(alarm);
        if is_over && self.begun.is_none() {
            self.begun = Some(Begun {
                first: now,
                over: now,
                told: None,
                // Those of this second that came before are part of it.
                packets: self.count - 1,
                peak: 0,
                top: Vec::new(),
                hop_limits: HopLimits::default(),
            });
        }
        let Some(begun) = &mut self.begun else {
            return;
        };
        if is_over {
            begun.over = now;
        }
        begun.packets += 1;
        begun.peak = begun.peak.max(self.count);
        begun.hop_limits.note(forged.hop_limit);
        begun.saw(prefix_of(forged.source.ip()));
    }
}

impl Begun {
    /// Space-saving (Metwally et al. 2005): the least of the top gives way, and its count goes on.
    fn saw(&mut self, prefix: IpNet) {
        if let Some((_, count)) = self.top.iter_mut().find(|(of, _)| *of == prefix) {
            *count += 1;
        } else if self.top.len() < TOP {
            self.top.push((prefix, 1));
        } else if let Some(least) = self.top.iter_mut().min_by_key(|(_, count)| *count) {
            *least = (prefix, least.1 + 1);
        }
    }
}

fn prefix_of(source: IpAddr) -> IpNet {
    let source = source.to_canonical();
    let bits = if source.is_ipv4() { PREFIX.0 } else { PREFIX.1 };
    IpNet::new_assert(source, bits).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forged(interface: u32, reason: Reason, last: u8) -> Forged {
        Forged {
            interface,
            reason,
            source: SocketAddr::from(([198, 51, 100, last], 4000)),
            hop_limit: Some(61),
        }
    }

    fn name(index: u32) -> Option<String> {
        (index == 2).then(|| "eth1".to_owned())
    }

    #[test]
    fn a_stray_packet_is_none_and_a_flood_is_one_incident_with_start_and_stop() {
        let spoofed = Spoofed::default();
        let mut told = Vec::new();
        for second in 0..300 {
            let now = Now::at_secs(second);
            let packets = if (10..100).contains(&second) { 50 } else { 9 };
            for packet in 0..packets {
                spoofed.note(forged(2, Reason::WrongIngress, packet), 10, now);
            }
            spoofed.note(forged(3, Reason::Martian, 1), 10, now);
            told.extend(spoofed.look(name, now));
        }
        let stages: Vec<(Stage, u64)> = told
            .iter()
            .map(|moment| (moment.stage, (moment.at_ms - moment.since_ms) / 1_000))
            .collect();
        assert_eq!(
            stages,
            [
                (Stage::Started, 0),
                (Stage::Continuing, 60),
                (Stage::Continuing, 120),
                (Stage::Stopped, 149),
            ]
        );
        let Some(Subject::Spoof(last)) = told.last().map(|moment| &moment.subject) else {
            panic!("{told:?}");
        };
        assert_eq!(last.interface_name.as_deref(), Some("eth1"));
        assert_eq!(last.reason, Reason::WrongIngress);
        assert_eq!((last.peak, last.packets), (50, 90 * 50 + 60 * 9));
        assert_eq!(last.top_sources[0].0.to_string(), "198.51.100.0/24");
        assert_eq!(last.hop_limits.most(), [(61, last.packets - 9)]);
    }

    #[test]
    fn many_interfaces_take_no_more_room_and_one_under_attack_keeps_its_place() {
        let spoofed = Spoofed::default();
        let now = Now::at_secs(1);
        for _ in 0..10 {
            spoofed.note(forged(2, Reason::OwnAddress, 1), 10, now);
        }
        for index in 0..10_000 {
            spoofed.note(forged(index, Reason::Martian, 1), 10, now);
        }
        assert!(spoofed.lock().len() <= WAYS);
        let told = spoofed.look(name, now);
        assert_eq!(told.len(), 1);
        // All places under attack: what comes beside them is not told, and nothing breaks.
        let spoofed = Spoofed::default();
        for index in 0..1_000 {
            spoofed.note(forged(index, Reason::Martian, 1), 1, now);
        }
        assert_eq!(spoofed.look(name, now).len(), WAYS);
    }
}
