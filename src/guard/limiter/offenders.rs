//! Who is over the limit now? A small table of prefixes, from which a line of log is made when one begins, goes on or ends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use crate::guard::address::Address;
use crate::sys::clock::Now;
use crate::telemetry::events::{Event, EventKind, Phase};

/// Buckets and places in each: 512 prefixes at once; among more the one with the fewest limited queries gives way.
const BUCKETS: usize = 64;
const WAYS: usize = 8;
/// A prefix within its limit for so long has stopped (BIND's value, T1.1).
const QUIET: Duration = Duration::from_secs(60);
/// A prefix over its limit is told again after so long (BIND's value, T1.1).
const AGAIN: Duration = Duration::from_secs(1800);
/// Events of one look at most; the rest is told at the next.
const AT_ONCE: usize = 8;

/// The prefixes over their limit.
#[derive(Debug)]
pub(super) struct Offenders(Mutex<Box<[[Option<Offender>; WAYS]; BUCKETS]>>);

#[derive(Clone, Copy, Debug)]
struct Offender {
    prefix: IpNet,
    first: Now,
    last: Now,
    /// Limited queries since `told`, and in all.
    recent: u64,
    total: u64,
    /// The most limited queries per second between two looks.
    peak: u64,
    told: Option<Now>,
    looked: Now,
}

impl Default for Offenders {
    fn default() -> Self {
        Self(Mutex::new(Box::new([[None; WAYS]; BUCKETS])))
    }
}

impl Offenders {
    /// Notes a limited query. If somebody else is noting one just now it is not counted here (its reason is, elsewhere): nobody
    /// waits.
    pub(super) fn note(&self, client: Address, bits: u8, hash: u64, now: Now) {
        let Ok(mut table) = self.0.try_lock() else {
            return;
        };
        let bucket = usize::try_from(hash >> 32).unwrap_or(0) % BUCKETS;
        let Some(bucket) = table.get_mut(bucket) else {
            return;
        };
        let prefix = prefix_of(client, bits);
        if let Some(known) = bucket
            .iter_mut()
            .flatten()
            .find(|known| known.prefix == prefix)
        {
            known.last = now;
            known.recent += 1;
            known.total += 1;
            return;
        }
        let place = bucket
            .iter_mut()
            .min_by_key(|place| place.map_or((0, 0), |one| (one.total, 1)));
        if let Some(place) = place {
            *place = Some(Offender {
                prefix,
                first: now,
                last: now,
                recent: 1,
                total: 1,
                peak: 0,
                told: None,
                looked: now,
            });
        }
    }

    /// What has begun, goes on or ended since the last look. Called every few seconds.
    pub(super) fn look(&self, now: Now) -> Vec<Event> {
        let mut events = Vec::new();
        let mut table = self.lock();
        for place in table.iter_mut().flatten() {
            let Some(one) = place.as_mut() else {
                continue;
            };
            let passed = now.since(one.looked).as_secs().max(1);
            one.peak = one.peak.max(one.recent / passed);
            one.recent = 0;
            one.looked = now;
            let phase = match one.told {
                None => Some(Phase::Start),
                Some(_) if now.since(one.last) >= QUIET => Some(Phase::Stop),
                Some(told) if now.since(told) >= AGAIN => Some(Phase::Continue),
                Some(_) => None,
            };
            let Some(phase) = phase.filter(|_| events.len() < AT_ONCE) else {
                continue;
            };
            events.push(Event {
                kind: EventKind::ClientLimited,
                phase,
                prefix: one.prefix,
                at_ms: now.wall_ms,
                since_ms: one.first.wall_ms,
                count: one.total,
                peak: one.peak,
            });
            one.told = Some(now);
            if phase == Phase::Stop {
                *place = None;
            }
        }
        events
    }

    /// Prefixes over their limit in the last minute.
    pub(super) fn len(&self) -> usize {
        self.lock().iter().flatten().flatten().count()
    }

    /// Each of them, with how many of its queries were limited since it is here.
    fn each(&self) -> Vec<(IpNet, u64)> {
        let table = self.lock();
        let all = table.iter().flatten().flatten();
        all.map(|one| (one.prefix, one.total)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Box<[[Option<Offender>; WAYS]; BUCKETS]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl super::Limiter {
    /// The prefixes that were over a limit in the last minute, with how many queries of each were limited since it began.
    #[must_use]
    pub fn offenders(&self) -> Vec<(IpNet, u64)> {
        self.memory.offenders.each()
    }
}

/// The prefix of `bits` that holds `client`.
pub(super) fn prefix_of(client: Address, bits: u8) -> IpNet {
    let (address, whole) = match client {
        Address::V4(number) => (IpAddr::V4(Ipv4Addr::from_bits(number)), 32),
        Address::V6(number) => (IpAddr::V6(Ipv6Addr::from_bits(number)), 128),
    };
    IpNet::new_assert(address, bits.min(whole)).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Address = Address::V4(0xC000_0201);

    fn phases(events: &[Event]) -> Vec<(Phase, String, u64)> {
        events
            .iter()
            .map(|event| (event.phase, event.prefix.to_string(), event.count))
            .collect()
    }

    #[test]
    fn an_event_begins_goes_on_and_ends_and_nothing_is_told_per_packet() {
        let offenders = Offenders::default();
        let mut told = Vec::new();
        for second in 0..4000 {
            let now = Now::at_secs(second);
            if second < 3700 {
                for _ in 0..10 {
                    offenders.note(CLIENT, 24, 7, now);
                }
            }
            told.extend(offenders.look(now));
        }
        let prefix = "192.0.2.0/24".to_owned();
        assert_eq!(
            phases(&told),
            [
                (Phase::Start, prefix.clone(), 10),
                (Phase::Continue, prefix.clone(), 18_010),
                (Phase::Continue, prefix.clone(), 36_010),
                (Phase::Stop, prefix, 37_000),
            ]
        );
        assert_eq!(told.last().map(|event| event.peak), Some(10));
        assert_eq!(offenders.len(), 0);
    }

    #[test]
    fn many_prefixes_take_no_more_room_and_few_lines() {
        let offenders = Offenders::default();
        let now = Now::at_secs(1);
        for number in 0..100_000_u32 {
            let hash = u64::from(number.wrapping_mul(0x9E37_79B9)) << 32;
            offenders.note(Address::V4(number << 8), 24, hash, now);
        }
        assert_eq!(offenders.len(), BUCKETS * WAYS);
        assert_eq!(offenders.look(now).len(), AT_ONCE);
    }
}
