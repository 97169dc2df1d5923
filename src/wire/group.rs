//! Which records belong together? Records of a section put into RRsets (RFC 2181 section 5).

use std::collections::{HashMap, HashSet};

use super::{Class, Name, RdataSet, Record, RecordType, Rrset, rdata};

/// Groups records of class IN into RRsets, in the order in which each set and each record first came.
///
/// The TTL is the lowest of the set, its signatures included (RFC 2181 section 5.2); equal RDATA is kept once
/// (section 5). RRSIG records go beside the set they cover; those that cover nothing here become a set of their own of
/// type RRSIG, behind the others. Other classes are left out. Work is linear in the number of records.
#[must_use]
pub fn group(records: &[Record]) -> Vec<Rrset> {
    let mut drafts = Drafts::default();
    let served = records.iter().filter(|record| record.class == Class::IN);
    let (signatures, data): (Vec<&Record>, Vec<&Record>) =
        served.partition(|record| record.rtype == RecordType::RRSIG);
    for record in data {
        if let Some(draft) = drafts.at(&record.owner, record.rtype) {
            draft.add(record);
        }
    }
    for record in signatures {
        let covered = rdata::rrsig_covers(&record.rdata)
            .and_then(|covered| drafts.places.get(&(&record.owner, covered)).copied())
            .and_then(|place| drafts.list.get_mut(place));
        if let Some(draft) = covered {
            draft.add_signature(record);
        } else if let Some(draft) = drafts.at(&record.owner, RecordType::RRSIG) {
            draft.add(record);
        }
    }
    drafts.list.into_iter().map(Draft::finish).collect()
}

#[derive(Default)]
struct Drafts<'a> {
    list: Vec<Draft<'a>>,
    places: HashMap<(&'a Name, RecordType), usize>,
}

impl<'a> Drafts<'a> {
    /// The draft of this owner and type, begun if there is none yet. Always there.
    fn at(&mut self, owner: &'a Name, rtype: RecordType) -> Option<&mut Draft<'a>> {
        let next = self.list.len();
        let place = *self.places.entry((owner, rtype)).or_insert(next);
        if place == next {
            self.list.push(Draft {
                owner,
                rtype,
                ttl: u32::MAX,
                seen: HashSet::new(),
                rdata: Vec::new(),
                rrsigs: Vec::new(),
            });
        }
        self.list.get_mut(place)
    }
}

/// An RRset in the making.
struct Draft<'a> {
    owner: &'a Name,
    rtype: RecordType,
    ttl: u32,
    /// Filled from the second record on: most sets have one.
    seen: HashSet<&'a [u8]>,
    rdata: Vec<&'a [u8]>,
    rrsigs: Vec<&'a [u8]>,
}

impl<'a> Draft<'a> {
    fn add(&mut self, record: &'a Record) {
        self.ttl = self.ttl.min(record.ttl);
        if self.rdata.len() == 1 {
            self.seen.extend(&self.rdata);
        }
        if self.rdata.is_empty() || self.seen.insert(&record.rdata) {
            self.rdata.push(&record.rdata);
        }
    }

    fn add_signature(&mut self, record: &'a Record) {
        self.ttl = self.ttl.min(record.ttl);
        // RRSIG RDATA begins with the type covered: it cannot be mistaken for other RDATA of a set it covers, but an
        // RDATA of free form could equal it, so the two are told apart by where they are kept.
        if self.rrsigs.len() < MAX_SIGNATURES && !self.rrsigs.contains(&&*record.rdata) {
            self.rrsigs.push(&record.rdata);
        }
    }

    fn finish(self) -> Rrset {
        Rrset {
            owner: self.owner.clone(),
            rtype: self.rtype,
            ttl: self.ttl,
            rdata: RdataSet::new(self.rdata),
            rrsigs: RdataSet::new(self.rrsigs),
        }
    }
}

/// Signatures kept beside one RRset. Validation tries 16 per response (P4); a roll-over of two algorithms needs 4.
const MAX_SIGNATURES: usize = 32;
