//! What does a whole zone look like, signed? Its keys, its chain of denial, and a signature wherever one belongs.

use std::collections::BTreeMap;

use super::{Hashing, Signer, SigningError, Validity, nsec_chain, nsec3_chain, nsec3param_rdata};
use crate::dnssec::Dnskey;
use crate::wire::rrset::group;
use crate::wire::{Class, Name, RdataSet, Record, RecordType, Rrset, rdata};

/// How a zone denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// NSEC (RFC 4034 section 4).
    Nsec,
    /// NSEC3 (RFC 5155).
    Nsec3(Hashing),
    /// Not at all.
    Nothing,
}

/// Signs a zone: the records given, the keys of the signers, the chain of denial, and signatures of all that is authoritative.
///
/// The zone is that of the first signer. Keys with the secure entry point flag sign the DNSKEY set, those without it
/// the rest; a key that has no other beside it signs both. What lies at and below a delegation (RFC 9499 "zone cut") is not
/// signed, but for its DS; names below a DNAME are the caller's to leave out. Chains take their TTL from the SOA (RFC 9077).
///
/// # Errors
/// As [`Signer::sign`].
pub fn sign_zone(
    records: &[Record],
    signers: &[Signer],
    denial: &Denial,
    validity: Validity,
) -> Result<Vec<Record>, SigningError> {
    let Some(zone) = signers.first().map(|signer| signer.zone().clone()) else {
        return Ok(records.to_vec());
    };
    let mut sets = group(records);
    let soa = sets
        .iter()
        .find(|set| set.rtype == RecordType::SOA && set.owner == zone);
    let soa_ttl = soa.map_or(3600, |soa| soa.ttl);
    let minimum = soa.and_then(|soa| rdata::soa_minimum(soa.rdata.iter().next()?));
    let chain_ttl = soa_ttl.min(minimum.unwrap_or(soa_ttl));
    sets.push(keys(&zone, signers, soa_ttl));
    if let Denial::Nsec3(hashing) = denial {
        let parameters = nsec3param_rdata(hashing);
        sets.push(Rrset {
            owner: zone.clone(),
            rtype: RecordType::NSEC3PARAM,
            ttl: 0,
            rdata: RdataSet::new([parameters.as_slice()]),
            rrsigs: RdataSet::default(),
        });
    }
    let cuts: Vec<Name> = sets
        .iter()
        .filter(|set| set.rtype == RecordType::NS && set.owner != zone)
        .map(|set| set.owner.clone())
        .collect();
    let chain = match denial {
        Denial::Nothing => Vec::new(),
        Denial::Nsec => nsec_chain(&names(&sets, &cuts, &zone), chain_ttl),
        Denial::Nsec3(hashing) => {
            let names = hashed_names(names(&sets, &cuts, &zone), &zone, hashing.opt_out);
            nsec3_chain(&zone, &names, hashing, chain_ttl)
        }
    };
    sets.extend(chain);
    let mut out = Vec::new();
    for set in &sets {
        out.extend(set.rdata.iter().map(|rdata| record(set, set.rtype, rdata)));
        if place(set, &cuts) != Place::Authoritative {
            continue;
        }
        for signer in signers
            .iter()
            .filter(|signer| signs(signer, signers, set.rtype))
        {
            out.push(record(set, RecordType::RRSIG, &signer.sign(set, validity)?));
        }
    }
    Ok(out)
}

/// The DNSKEY set of several signers of one zone, unsigned.
fn keys(zone: &Name, signers: &[Signer], ttl: u32) -> Rrset {
    let keys: Vec<Vec<u8>> = signers.iter().map(Signer::dnskey).collect();
    Rrset {
        owner: zone.clone(),
        rtype: RecordType::DNSKEY,
        ttl,
        rdata: RdataSet::new(keys.iter().map(Vec::as_slice)),
        rrsigs: RdataSet::default(),
    }
}

pub(super) fn record(set: &Rrset, rtype: RecordType, rdata: &[u8]) -> Record {
    Record {
        owner: set.owner.clone(),
        rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata: rdata.into(),
    }
}

/// Whether a signer signs sets of this type: secure entry points the keys, the others the rest, if there are both.
pub(super) fn signs(signer: &Signer, all: &[Signer], rtype: RecordType) -> bool {
    let is_entry = |signer: &Signer| signer.flags() & Dnskey::SECURE_ENTRY_POINT != 0;
    let wanted = rtype == RecordType::DNSKEY;
    is_entry(signer) == wanted || !all.iter().any(|other| is_entry(other) == wanted)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The zone's own data, a DS at a cut included.
    Authoritative,
    /// NS of a delegation.
    Delegation,
    /// At or below a cut: glue.
    Glue,
}

fn place(set: &Rrset, cuts: &[Name]) -> Place {
    match cuts.iter().find(|cut| set.owner.is_within(cut)) {
        None => Place::Authoritative,
        Some(cut) if *cut == set.owner => match set.rtype {
            RecordType::DS | RecordType::NSEC | RecordType::NSEC3 => Place::Authoritative,
            RecordType::NS => Place::Delegation,
            _ => Place::Glue,
        },
        Some(_) => Place::Glue,
    }
}

/// The names of the zone and what is there, in canonical order; cuts have NS, and DS if they are secure.
fn names(sets: &[Rrset], cuts: &[Name], zone: &Name) -> BTreeMap<Name, Vec<RecordType>> {
    let mut names: BTreeMap<Name, Vec<RecordType>> = BTreeMap::new();
    for set in sets {
        if place(set, cuts) != Place::Glue && set.owner.is_within(zone) {
            names.entry(set.owner.clone()).or_default().push(set.rtype);
        }
    }
    names
}

/// The names that NSEC3 has: empty non-terminals too, without insecure delegations if opt-out is on; RRSIG where something is
/// signed (RFC 5155 section 7.1).
fn hashed_names(
    names: BTreeMap<Name, Vec<RecordType>>,
    zone: &Name,
    opt_out: bool,
) -> BTreeMap<Name, Vec<RecordType>> {
    let is_insecure = |types: &[RecordType], name: &Name| name != zone && types == [RecordType::NS];
    let mut hashed: BTreeMap<Name, Vec<RecordType>> = BTreeMap::new();
    for (name, mut types) in names {
        if opt_out && is_insecure(&types, &name) {
            continue;
        }
        for labels in zone.label_count()..name.label_count() {
            hashed.entry(name.suffix(labels)).or_default();
        }
        if !is_insecure(&types, &name) {
            types.push(RecordType::RRSIG);
        }
        hashed.entry(name).or_default().append(&mut types);
    }
    hashed
}
