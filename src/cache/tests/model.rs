//! Does the cache agree with a map that does the same without any cleverness?

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Store {
        owner: u8,
        rtype: u8,
        rank: u8,
        ttl: u32,
    },
    Deny {
        owner: u8,
        rtype: u8,
        whole: bool,
        ttl: u32,
    },
    Wait(u64),
    Flush {
        owner: u8,
    },
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..4_u8, 0..3_u8, 0..5_u8, 0..40_u32)
            .prop_map(|(owner, rtype, rank, ttl)| Move::Store { owner, rtype, rank, ttl }),
        2 => (0..4_u8, 0..3_u8, any::<bool>(), 0..40_u32)
            .prop_map(|(owner, rtype, whole, ttl)| Move::Deny { owner, rtype, whole, ttl }),
        3 => (0..20_u64).prop_map(Move::Wait),
        1 => (0..4_u8).prop_map(|owner| Move::Flush { owner }),
    ]
}

const RANKS: [Rank; 5] = [
    Rank::Additional,
    Rank::NonAuthAuthority,
    Rank::NonAuthAnswer,
    Rank::AuthAuthority,
    Rank::AuthAnswer,
];

fn rtype_of(number: u8) -> RecordType {
    RecordType(65280 + u16::from(number))
}

fn owner_of(number: u8) -> Name {
    name(["a.", "b.a.", "c.", "."][usize::from(number)])
}

/// What the model holds of one name and type: a serial number of the data, or nothing for its absence.
#[derive(Clone, Copy, Debug)]
struct Entry {
    data: Option<u32>,
    rank: Rank,
    expires: u64,
}

#[derive(Default)]
struct Model {
    types: HashMap<(u8, u8), Entry>,
    names: HashMap<u8, u64>,
}

impl Model {
    fn put(&mut self, key: (u8, u8), entry: Entry, now: u64) {
        let old = self.types.get(&key).filter(|old| old.expires > now);
        if entry.expires > now && old.is_none_or(|old| old.rank <= entry.rank) {
            self.types.insert(key, entry);
        }
    }

    /// Data serial, or `Err(kind)`.
    fn answer(&self, key: (u8, u8), now: u64) -> Option<Result<(u32, u64), Negative>> {
        let fresh = self
            .types
            .get(&key)
            .filter(|entry| entry.expires > now && entry.rank >= Rank::NonAuthAnswer);
        match fresh {
            Some(Entry {
                data: Some(serial),
                expires,
                ..
            }) => Some(Ok((*serial, expires - now))),
            Some(_) => Some(Err(Negative::NoData)),
            None => self
                .names
                .get(&key.0)
                .filter(|expires| **expires > now)
                .map(|_| Err(Negative::NxDomain)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn agrees_with_the_model(moves in proptest::collection::vec(moves(), 1..60)) {
        let cache = cache();
        let mut model = Model::default();
        let mut now = 0;
        for (serial, step) in (0..).zip(moves) {
            match step {
                Move::Store { owner, rtype, rank, ttl } => {
                    let rank = RANKS[usize::from(rank)];
                    let line = format!("{} {ttl} IN {} \\# 4 {serial:08x}", owner_of(owner), rtype_of(rtype));
                    cache.store(set(&[&line]), rank, at(now));
                    let entry = Entry { data: Some(serial), rank, expires: now + u64::from(ttl) };
                    model.put((owner, rtype), entry, now);
                    if rank == Rank::AuthAnswer && ttl > 0 {
                        model.names.remove(&owner);
                    }
                }
                Move::Deny { owner, rtype, whole, ttl } => {
                    let soa = set(&[&format!(". {ttl} IN SOA . . 1 2 3 4 30")]);
                    let ttl = u64::from(ttl.min(30));
                    let kind = if whole { Negative::NxDomain } else { Negative::NoData };
                    cache.store_negative(&Question::new(owner_of(owner), rtype_of(rtype)), kind, Some(soa), at(now));
                    if whole && ttl > 0 {
                        model.names.insert(owner, now + ttl);
                        model.types.remove(&(owner, rtype));
                    } else {
                        let entry = Entry { data: None, rank: Rank::AuthAnswer, expires: now + ttl };
                        model.put((owner, rtype), entry, now);
                    }
                }
                Move::Wait(secs) => now += secs,
                Move::Flush { owner } => {
                    cache.flush(&owner_of(owner), FlushScope::Name);
                    model.types.retain(|key, _| key.0 != owner);
                    model.names.remove(&owner);
                }
            }
            for owner in 0..4 {
                for rtype in 0..3 {
                    let asked = Question::new(owner_of(owner), rtype_of(rtype));
                    let said = cache.lookup(&asked, at(now)).map(|response| {
                        match response.answer.first() {
                            Some(held) => {
                                let data: [u8; 4] = held.rrset.rdata.iter().next().unwrap().try_into().unwrap();
                                Ok((u32::from_be_bytes(data), u64::from(held.ttl)))
                            }
                            None if response.rcode == crate::wire::Rcode::NXDOMAIN => Err(Negative::NxDomain),
                            None => Err(Negative::NoData),
                        }
                    });
                    prop_assert_eq!(said, model.answer((owner, rtype), now), "{} at {}", asked, now);
                }
            }
        }
    }
}
