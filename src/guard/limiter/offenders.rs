//! Who is over the limit now? A small table of prefixes, from which an incident is made that begins, goes on and ends.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use super::Client;
use crate::guard::address::Address;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{
    AGAIN, ClientsLimited, HopLimits, Moment, Namespace, Stage, Subject,
};

/// Buckets and places in each: 512 prefixes at once; among more the one with the fewest limited queries gives way.
const BUCKETS: usize = 64;
const WAYS: usize = 8;
/// A prefix within its limit for so long has stopped (BIND's value, T1.1).
const QUIET: Duration = Duration::from_secs(60);
/// Moments of one look at most; the rest is told at the next.
const AT_ONCE: usize = 8;
/// Of them for those that go on, however many begin and end: within the journal's patience everybody's turn comes.
const FOR_THOSE_THAT_GO_ON: usize = 2;
/// What becomes of a limited query.
const DONE: [Reason; 6] = [
    Reason::LimitedTruncated,
    Reason::LimitedBadCookie,
    Reason::LimitedDropped,
    Reason::LimitedDeferred,
    Reason::WouldLimit,
    Reason::UnprovenSuspect,
];

/// The prefixes over their limit.
#[derive(Debug)]
pub(super) struct Offenders(Mutex<Box<[[Option<Offender>; WAYS]; BUCKETS]>>);

#[derive(Clone, Copy, Debug)]
struct Offender {
    prefix: IpNet,
    namespace: Namespace,
    first: Now,
    last: Now,
    /// Limited queries since `told`, and in all.
    recent: u64,
    total: u64,
    /// The most limited queries per second between two looks.
    peak: u64,
    told: Option<Now>,
    looked: Now,
    /// What became of them, in the order of [`DONE`].
    done: [u64; DONE.len()],
    hop_limits: HopLimits,
}

/// A prefix at its limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtLimit {
    /// Its length, 0..=128.
    pub(super) bits: u8,
    /// Its hash.
    pub(super) hash: u64,
    /// By what it was judged.
    pub(super) namespace: Namespace,
}

impl Default for Offenders {
    fn default() -> Self {
        Self(Mutex::new(Box::new([[None; WAYS]; BUCKETS])))
    }
}

impl Offenders {
    /// Notes a limited query and what became of it. If somebody else is noting one just now it is not counted here (its reason is,
    /// elsewhere): nobody waits.
    pub(super) fn note(&self, client: Client, at: AtLimit, became: Reason, now: Now) {
        let Ok(mut table) = self.0.try_lock() else {
            return;
        };
        let bucket = usize::try_from(at.hash >> 32).unwrap_or(0) % BUCKETS;
        let Some(bucket) = table.get_mut(bucket) else {
            return;
        };
        let (prefix, namespace) = (prefix_of(client.address, at.bits), at.namespace);
        if let Some(known) = bucket
            .iter_mut()
            .flatten()
            .find(|known| known.prefix == prefix && known.namespace == namespace)
        {
            known.count(client, became, now);
            return;
        }
        let place = bucket
            .iter_mut()
            .min_by_key(|place| place.map_or((0, 0), |one| (one.total, 1)));
        if let Some(place) = place {
            let fresh = Offender {
                prefix,
                namespace,
                first: now,
                last: now,
                recent: 0,
                total: 0,
                peak: 0,
                told: None,
                looked: now,
                done: [0; DONE.len()],
                hop_limits: HopLimits::default(),
            };
            place.insert(fresh).count(client, became, now);
        }
    }

    /// What has begun, goes on or ended since the last look. Called every few seconds.
    pub(super) fn look(&self, now: Now) -> Vec<Moment> {
        let (mut ended, mut begun, mut going_on) = (Vec::new(), Vec::new(), Vec::new());
        let mut table = self.lock();
        for place in table.iter_mut().flatten() {
            let Some(one) = place.as_mut() else {
                continue;
            };
            let passed = now.since(one.looked).as_secs().max(1);
            one.peak = one.peak.max(one.recent / passed);
            one.recent = 0;
            one.looked = now;
            let (told, is_quiet) = (one.told, now.since(one.last) >= QUIET);
            match told {
                // Over before its turn came: of what nobody heard begin nobody needs to hear the end.
                None if is_quiet => *place = None,
                None => begun.push(place),
                Some(told) if is_quiet => ended.push((told, place)),
                Some(told) if now.since(told) >= AGAIN => going_on.push((told, place)),
                Some(_) => {}
            }
        }
        // Who asked most is told of first; of the others who was not told of for longest.
        begun.sort_by_key(|place| Reverse(place.map_or(0, |one| one.total)));
        ended.sort_by_key(|(told, _)| Reverse(now.since(*told)));
        going_on.sort_by_key(|(told, _)| Reverse(now.since(*told)));
        let urgent = AT_ONCE - going_on.len().min(FOR_THOSE_THAT_GO_ON);
        let going_on = going_on.into_iter().map(|(_, place)| place);
        ended
            .into_iter()
            .map(|(_, place)| (Stage::Stopped, place))
            .chain(begun.into_iter().map(|place| (Stage::Started, place)))
            .take(urgent)
            .chain(going_on.map(|place| (Stage::Continuing, place)))
            .take(AT_ONCE)
            .filter_map(|(stage, place)| {
                let one = place.as_mut()?;
                one.told = Some(now);
                let moment = Moment {
                    at_ms: now.wall_ms,
                    since_ms: one.first.wall_ms,
                    stage,
                    subject: Subject::Clients(one.story()),
                };
                if stage == Stage::Stopped {
                    *place = None;
                }
                Some(moment)
            })
            .collect()
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

impl Offender {
    fn count(&mut self, client: Client, became: Reason, now: Now) {
        self.last = now;
        self.recent += 1;
        self.total += 1;
        self.hop_limits.note(client.hop_limit);
        let done = DONE.iter().position(|reason| *reason == became);
        if let Some(count) = done.and_then(|index| self.done.get_mut(index)) {
            *count += 1;
        }
    }

    fn story(&self) -> ClientsLimited {
        let done = DONE.iter().copied().zip(self.done);
        let done: Vec<(Reason, u64)> = done.filter(|(_, times)| *times > 0).collect();
        ClientsLimited {
            prefix: self.prefix,
            namespace: self.namespace,
            queries: self.total,
            peak: self.peak,
            enforced: done.iter().any(|(reason, _)| *reason != Reason::WouldLimit),
            done,
            hop_limits: self.hop_limits,
        }
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

    const fn client(address: u32) -> Client {
        Client {
            address: Address::V4(address),
            verified: false,
            hop_limit: Some(57),
        }
    }

    const fn at_limit(hash: u64, namespace: Namespace) -> AtLimit {
        AtLimit {
            bits: 24,
            hash,
            namespace,
        }
    }

    fn story(moment: &Moment) -> (Stage, &ClientsLimited) {
        let Subject::Clients(clients) = &moment.subject else {
            panic!("{moment:?}");
        };
        (moment.stage, clients)
    }

    #[test]
    fn an_incident_begins_goes_on_and_ends_and_nothing_is_told_per_packet() {
        let offenders = Offenders::default();
        let mut told = Vec::new();
        for second in 0..400 {
            let now = Now::at_secs(second);
            if second < 150 {
                for _ in 0..10 {
                    let at = at_limit(7, Namespace::Claimed);
                    offenders.note(client(0xC000_0201), at, Reason::LimitedTruncated, now);
                }
            }
            told.extend(offenders.look(now));
        }
        let stories: Vec<(Stage, String, u64)> = told
            .iter()
            .map(story)
            .map(|(stage, of)| (stage, of.prefix.to_string(), of.queries))
            .collect();
        let prefix = "192.0.2.0/24".to_owned();
        assert_eq!(
            stories,
            [
                (Stage::Started, prefix.clone(), 10),
                (Stage::Continuing, prefix.clone(), 610),
                (Stage::Continuing, prefix.clone(), 1_210),
                (Stage::Continuing, prefix.clone(), 1_500),
                (Stage::Stopped, prefix, 1_500),
            ]
        );
        let (_, last) = told.last().map(story).unwrap();
        assert_eq!((last.peak, last.enforced), (10, true));
        assert_eq!(last.done, [(Reason::LimitedTruncated, 1_500)]);
        assert_eq!(last.hop_limits.most(), [(57, 1_500)]);
        assert_eq!(offenders.len(), 0);
    }

    #[test]
    fn many_prefixes_take_no_more_room_and_few_lines() {
        let offenders = Offenders::default();
        let now = Now::at_secs(1);
        for number in 0..100_000_u32 {
            let hash = u64::from(number.wrapping_mul(0x9E37_79B9)) << 32;
            let at = at_limit(hash, Namespace::Claimed);
            offenders.note(client(number << 8), at, Reason::LimitedDropped, now);
        }
        assert_eq!(offenders.len(), BUCKETS * WAYS);
        assert_eq!(offenders.look(now).len(), AT_ONCE);
    }

    #[test]
    fn among_many_each_is_told_in_time_and_what_is_over_leaves() {
        let offenders = Offenders::default();
        let mut told: std::collections::HashMap<IpNet, Vec<(Stage, u64)>> = Default::default();
        for look in 0..400_u64 {
            let now = Now::at_secs(look * 5);
            for number in 0..512_u64 {
                // They begin one after the other and end at 1,500 seconds, all at once.
                if look < 300 && number < look * 8 {
                    let at = at_limit(number << 32, Namespace::Claimed);
                    let from = client(u32::try_from(number << 8).unwrap());
                    offenders.note(from, at, Reason::LimitedDropped, now);
                }
            }
            let moments = offenders.look(now);
            assert!(moments.len() <= AT_ONCE);
            for moment in &moments {
                let (stage, of) = story(moment);
                told.entry(of.prefix).or_default().push((stage, look * 5));
            }
        }
        assert_eq!((told.len(), offenders.len()), (512, 0));
        for (prefix, told) in told {
            let stages = (told.first().unwrap().0, told.last().unwrap().0);
            assert_eq!(stages, (Stage::Started, Stage::Stopped), "{prefix}");
            // The journal takes ten minutes without a word for an end.
            let silence = told.windows(2).map(|two| two[1].1 - two[0].1).max();
            assert!(silence < Some(600), "{prefix}: {told:?}");
        }
    }

    #[test]
    fn what_is_claimed_and_what_is_proven_are_told_apart() {
        let offenders = Offenders::default();
        let now = Now::at_secs(1);
        for (namespace, became) in [
            (Namespace::Claimed, Reason::WouldLimit),
            (Namespace::Verified, Reason::LimitedDeferred),
        ] {
            offenders.note(client(0xC000_0201), at_limit(7, namespace), became, now);
        }
        let told = offenders.look(now);
        let mut stories: Vec<(Namespace, bool)> = told
            .iter()
            .map(|moment| story(moment).1)
            .map(|of| (of.namespace, of.enforced))
            .collect();
        stories.sort_by_key(|(namespace, _)| namespace.label());
        assert_eq!(
            stories,
            [(Namespace::Claimed, false), (Namespace::Verified, true)]
        );
    }
}
