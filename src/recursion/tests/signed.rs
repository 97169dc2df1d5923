//! A signed Internet for the others: zones signed in place, and answers with the signatures and proofs that a server adds.

use std::sync::Arc;

use super::internet::{self, Internet, ROOT, TEST, ip, name};
use crate::config::plan;
use crate::dnssec::algorithm::Algorithm;
use crate::dnssec::{Anchor, Validator, ZoneCopy};
use crate::drill::signing::{
    Denial, Hashing, KEY_SIGNING, Signer, Validity, nsec3_hash, nsec3_owner, sign_whole_zone,
    sign_zone,
};
use crate::recursion::LocalRoot;
use crate::wire::{Class, Message, Name, Question, Record, RecordType, Rrset, rdata};

/// Signatures of the honest: from long before the tests' now to long after.
pub(crate) const VALID: Validity = Validity {
    inception: 1_600_000_000,
    expiration: 1_900_000_000,
};

/// The key of a zone; the same for the same name.
pub(crate) fn key(zone: &str) -> Signer {
    let seed = zone.bytes().map(u64::from).sum();
    Signer::new(&name(zone), Algorithm::Ed25519, seed, KEY_SIGNING).unwrap()
}

pub(super) fn records(set: &Rrset) -> Vec<Record> {
    set.rdata
        .iter()
        .map(|octets| Record {
            owner: set.owner.clone(),
            rtype: set.rtype,
            class: Class::IN,
            ttl: set.ttl,
            rdata: octets.into(),
        })
        .collect()
}

impl Internet {
    /// Puts the DS of `child` into the zone at `at` that delegates it. To be done before that zone is signed.
    pub(super) fn point_to(&mut self, at: &str, parent: &str, child: &str) {
        let ds = records(&key(child).ds_set(300));
        self.records(at, parent).extend(ds);
    }

    /// Signs the zone at `at`.
    pub(super) fn sign(&mut self, at: &str, zone: &str, denial: &Denial) {
        let held = self.records(at, zone);
        *held = sign_zone(held, &[key(zone)], denial, VALID).unwrap();
    }

    pub(super) fn records(&mut self, at: &str, zone: &str) -> &mut Vec<Record> {
        let zone = name(zone);
        let zones = self.zones.get_mut(&ip(at)).unwrap();
        &mut zones.iter_mut().find(|(apex, _)| *apex == zone).unwrap().1
    }

    /// Signs root and `test`, both with NSEC, and believes the root's key.
    pub(super) fn signed_from_the_root(&mut self) {
        self.point_to(ROOT, ".", "test");
        self.sign(ROOT, ".", &Denial::Nsec);
        self.sign(TEST, "test", &Denial::Nsec);
        self.believes_the_root();
    }

    /// Root and `test` signed, and a proven copy of the root zone at hand, as it is served now.
    pub(super) fn copies_the_root(&mut self) {
        let unsigned = {
            self.point_to(ROOT, ".", "test");
            self.records(ROOT, ".").clone()
        };
        let whole = sign_whole_zone(&unsigned, &[key(".")], &Denial::Nsec, VALID).unwrap();
        *self.records(ROOT, ".") = whole.clone();
        self.sign(TEST, "test", &Denial::Nsec);
        self.believes_the_root();
        let anchor = Anchor::new(&key(".").ds_set(300));
        let clock = self.validator.clock(self.now);
        let copy = ZoneCopy::verify(&whole, &anchor, clock).unwrap();
        self.local_root = Some(LocalRoot::new(Arc::new(copy)));
    }

    pub(super) fn believes_the_root(&mut self) {
        self.believes(root_alone());
    }

    /// The same, and what is proven not to exist is not asked for (RFC 8198).
    pub(super) fn believes_the_root_and_its_gaps(&mut self) {
        self.believes(plan::Dnssec {
            aggressive: true,
            ..root_alone()
        });
    }

    pub(super) fn believes(&mut self, plan: plan::Dnssec) {
        self.validator = Arc::new(Validator::new(&plan, 1 << 20));
    }
}

/// By the key of the root.
fn root_alone() -> plan::Dnssec {
    plan::Dnssec {
        anchors: vec![key(".").ds_set(300)],
        nsec3_iterations: 50,
        ..plan::Dnssec::default()
    }
}

/// What an honest server answers, with signatures and proofs where it has them.
pub(crate) fn answer(zones: &[(Name, Vec<Record>)], question: &Question) -> Message {
    let mut message = internet::answer(zones, question);
    let signed = |rtype| {
        let mut all = zones.iter().flat_map(|(_, records)| records);
        all.any(|record| record.rtype == rtype)
    };
    if !signed(RecordType::RRSIG) {
        return message;
    }
    let negative = message.header.flags.aa() && {
        let last = message.authority.last();
        last.is_some_and(|record| record.rtype == RecordType::SOA)
    };
    let cut = message
        .authority
        .first()
        .filter(|record| record.rtype == RecordType::NS && !message.header.flags.aa());
    if let Some(cut) = cut.map(|record| record.owner.clone()) {
        let ds: Vec<Record> = at(zones, &cut, RecordType::DS);
        if ds.is_empty() {
            let proofs = proofs(zones, &cut);
            message.authority.extend(proofs);
        }
        message.authority.extend(ds);
    }
    let last = message
        .answer
        .iter()
        .rev()
        .find_map(|record| match record.rtype {
            RecordType::CNAME => rdata::cname_target(&record.rdata),
            _ => None,
        });
    if negative {
        let about = last.as_ref().unwrap_or(&question.name);
        let speaking: Vec<_> = zones
            .iter()
            .filter(|(apex, _)| {
                question.rtype != RecordType::DS || apex != about || zones.len() == 1
            })
            .cloned()
            .collect();
        message.authority.extend(proofs(&speaking, about));
    }
    let expanded: Vec<Name> = message
        .answer
        .iter()
        .filter(|record| record.rtype != RecordType::RRSIG)
        .filter(|record| source(zones, record).is_some_and(|source| source != record.owner))
        .map(|record| record.owner.clone())
        .collect();
    for owner in expanded {
        message.authority.extend(proofs(zones, &owner));
    }
    message.authority.dedup();
    for section in [&mut message.answer, &mut message.authority] {
        let mut seen: Vec<(Name, RecordType)> = Vec::new();
        let mut signatures = Vec::new();
        for record in section.iter() {
            let key = (record.owner.clone(), record.rtype);
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            let Some(source) = source(zones, record) else {
                continue;
            };
            for mut rrsig in at(zones, &source, RecordType::RRSIG) {
                if rdata::rrsig_covers(&rrsig.rdata) == Some(record.rtype) {
                    rrsig.owner = record.owner.clone();
                    signatures.push(rrsig);
                }
            }
        }
        section.extend(signatures);
    }
    message
}

fn at(zones: &[(Name, Vec<Record>)], owner: &Name, rtype: RecordType) -> Vec<Record> {
    let all = zones.iter().flat_map(|(_, records)| records);
    all.filter(|record| record.owner == *owner && record.rtype == rtype)
        .cloned()
        .collect()
}

/// Where in its zone a record stands: under its own name, or under a wildcard above it; nothing for a synthesised CNAME.
fn source(zones: &[(Name, Vec<Record>)], record: &Record) -> Option<Name> {
    if !at(zones, &record.owner, record.rtype).is_empty() {
        return Some(record.owner.clone());
    }
    let mut above = record.owner.parent();
    while let Some(ancestor) = above {
        let wildcard = ancestor.child(b"*").ok()?;
        if !at(zones, &wildcard, record.rtype).is_empty() {
            return Some(wildcard);
        }
        above = ancestor.parent();
    }
    None
}

/// The NSEC and NSEC3 records that match or cover the name, its ancestors and the wildcards at them.
fn proofs(zones: &[(Name, Vec<Record>)], about: &Name) -> Vec<Record> {
    let serving = zones
        .iter()
        .filter(|(apex, _)| about.is_within(apex))
        .max_by_key(|(apex, _)| apex.label_count());
    let Some((apex, records)) = serving else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for labels in apex.label_count()..=about.label_count() {
        let ancestor = about.suffix(labels);
        names.extend(ancestor.child(b"*").ok());
        names.push(ancestor);
    }
    let mut found: Vec<Record> = Vec::new();
    let chain = |rtype: RecordType| {
        let mut owners: Vec<&Record> = records.iter().filter(|r| r.rtype == rtype).collect();
        owners.sort_by(|one, other| one.owner.cmp(&other.owner));
        owners
    };
    let hashing = records
        .iter()
        .find(|record| record.rtype == RecordType::NSEC3PARAM)
        .map(|record| Hashing {
            iterations: u16::from_be_bytes([record.rdata[2], record.rdata[3]]),
            salt: record.rdata[5..].to_vec(),
            opt_out: false,
        });
    for wanted in names {
        let (chain, wanted) = match &hashing {
            None => (chain(RecordType::NSEC), wanted),
            Some(hashing) => (
                chain(RecordType::NSEC3),
                nsec3_owner(&nsec3_hash(&wanted, hashing), apex),
            ),
        };
        let at_or_before = chain.iter().rev().find(|record| record.owner <= wanted);
        if let Some(record) = at_or_before.or_else(|| chain.last())
            && !found.contains(record)
        {
            found.push((*record).clone());
        }
    }
    found
}
