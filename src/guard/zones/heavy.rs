//! Which zones and servers are asked for most? A sketch counts all of them, and the 4,096 heaviest have a record each, in bounded memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::decay::Sketch;
use super::keys::{Class, Key};
use super::record::Record;
use super::{LOOKUP_RATE, RATE};

/// Parts that lock on their own, and records in each: 4,096 together.
const SHARDS: usize = 16;
const RECORDS: usize = 256;
/// Cells of each row of each part's sketch: 1 MiB together.
const CELLS: usize = 4_096;
/// Demand per second below which a zone is not worth another's record: the triggers begin at ten times that.
const WORTH_IT: f32 = 2.0;
/// Milliseconds for which the least demand of a full part is believed before it is looked for again.
const FLOOR_AGE: u64 = 250;

/// All zones.
#[derive(Debug)]
pub(super) struct Zones(Vec<Mutex<Shard>>);

/// A sixteenth of them.
#[derive(Debug)]
pub(super) struct Shard {
    sketch: Sketch,
    records: HashMap<u64, Box<Record>>,
    /// Demand of its least record, per second, and when that was found.
    floor: (f32, u64),
}

impl Zones {
    pub(super) fn new() -> Self {
        let shard = || Shard {
            sketch: Sketch::new(CELLS),
            records: HashMap::new(),
            floor: (0.0, 0),
        };
        Self(
            std::iter::repeat_with(|| Mutex::new(shard()))
                .take(SHARDS)
                .collect(),
        )
    }

    /// The record of a zone that is asked for once more, if it is among the heaviest.
    pub(super) fn charge<T>(
        &self,
        key: &Key,
        at: u64,
        with: impl FnOnce(Option<&mut Record>) -> T,
    ) -> T {
        match self.shard(key.hash) {
            Some(mut shard) => with(shard.charged(key, at)),
            None => with(None),
        }
    }

    /// The record of a zone, if it has one.
    pub(super) fn with<T>(&self, hash: u64, with: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let mut shard = self.shard(hash)?;
        shard.records.get_mut(&hash).map(|record| with(record))
    }

    /// The record of a zone, made if need be: the operator's word counts for more than demand.
    pub(super) fn make<T>(
        &self,
        key: &Key,
        at: u64,
        with: impl FnOnce(&mut Record) -> T,
    ) -> Option<T> {
        let mut shard = self.shard(key.hash)?;
        let record = shard
            .records
            .entry(key.hash)
            .or_insert_with(|| Box::new(record_of(key, at)));
        record.class = key.class;
        Some(with(record))
    }

    /// Every record, in no order; one part is locked at a time.
    pub(super) fn for_each(&self, mut with: impl FnMut(u64, &mut Record)) {
        for shard in &self.0 {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (hash, record) in &mut shard.records {
                with(*hash, record);
            }
        }
    }

    /// How many zones have a record.
    pub(super) fn len(&self) -> usize {
        let of = |shard: &Mutex<Shard>| {
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .records
                .len()
        };
        self.0.iter().map(of).sum()
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::try_from(hash >> 60).unwrap_or(0) % SHARDS;
        let shard = self.0.get(index)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    fn charged(&mut self, key: &Key, at: u64) -> Option<&mut Record> {
        let demand = self.sketch.add(key.hash, at);
        if !self.records.contains_key(&key.hash) {
            if self.records.len() >= RECORDS && !self.makes_room(demand, at) {
                return None;
            }
            self.records.insert(key.hash, Box::new(record_of(key, at)));
        }
        let record = self.records.get_mut(&key.hash)?;
        record.class = key.class;
        Some(record)
    }

    /// Gives up the least record, if its demand is below `demand`; never one that is engaged.
    fn makes_room(&mut self, demand: f32, at: u64) -> bool {
        let (floor, found) = self.floor;
        if demand < WORTH_IT || demand <= floor && at.saturating_sub(found) < FLOOR_AGE {
            return false;
        }
        let least = self
            .records
            .iter()
            .filter(|(_, record)| record.engaged.is_none())
            .map(|(hash, record)| (record.demand.rate(at), *hash))
            .min_by(|(one, _), (other, _)| one.total_cmp(other));
        let Some((rate, hash)) = least else {
            self.floor = (f32::INFINITY, at);
            return false;
        };
        self.floor = (rate, at);
        demand > rate && self.records.remove(&hash).is_some()
    }
}

fn record_of(key: &Key, at: u64) -> Record {
    Record::new(key, rate_of(key.class), at)
}

/// Names explored per second in a zone of this class, and at once.
pub(super) const fn rate_of(class: Class) -> (f32, f32) {
    match class {
        Class::Lookup => LOOKUP_RATE,
        Class::Plain | Class::Exempt | Class::Pinned => RATE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::address::Address;
    use crate::guard::zones::keys::Charged;
    use crate::guard::zones::record::{Asked, Room};

    fn key(of: u64) -> Key {
        Key {
            hash: siphasher::sip::SipHasher13::new().hash(&of.to_be_bytes()),
            charged: Charged::Zone(format!("z{of}.example").parse().unwrap()),
            class: Class::Plain,
        }
    }

    fn ask(zones: &Zones, key: &Key, at: u64) -> bool {
        let hasher = siphasher::sip::SipHasher13::new();
        zones.charge(key, at, |record| {
            let Some(record) = record else {
                return false;
            };
            let asked = Asked {
                name: key.charged.zone().unwrap(),
                known: false,
                print: at,
                client: Address::V4(1),
                client_print: 1,
                hop_limit: None,
            };
            record.note(&asked, &hasher, at);
            true
        })
    }

    #[test]
    fn a_million_zones_take_no_more_room_than_a_few_thousand_and_hide_no_heavy_one() {
        let zones = Zones::new();
        let heavy = key(u64::MAX);
        for at in 0..1_000_000_u64 {
            let _whether = ask(&zones, &key(at), at / 50);
            if at % 500 == 0 {
                let _whether = ask(&zones, &heavy, at / 50);
            }
        }
        assert!(zones.len() <= SHARDS * RECORDS);
        // 50,000 others a second, a hundred for this one: it is among the heaviest.
        let rate = zones
            .with(heavy.hash, |record| record.demand.rate(20_000))
            .unwrap();
        assert!((80.0..=110.0).contains(&rate), "{rate}");
        let mut closely = 0;
        zones.for_each(|_, record| closely += usize::from(record.is_suspicious(20_000)));
        assert_eq!(closely, 1, "only one is looked at closely");
    }

    #[test]
    fn an_engaged_zone_keeps_its_record() {
        let zones = Zones::new();
        let victim = Key {
            class: Class::Pinned,
            ..key(0)
        };
        zones.make(&victim, 0, |record| {
            let room = Room {
                threshold: 512,
                ..Room::default()
            };
            record.engage(room, 500.0, 0).unwrap()
        });
        for at in 1..200_000_u64 {
            let _whether = ask(&zones, &key(1 + at % 20_000), 60_000 + at / 50);
        }
        assert!(
            zones
                .with(victim.hash, |record| record.engaged.is_some())
                .unwrap()
        );
    }
}
