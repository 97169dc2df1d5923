//! How is it said that nothing lies between two names? NSEC and NSEC3 RDATA, hashes and chains, made for signing.

use std::collections::BTreeMap;

use crate::wire::{Name, RdataSet, RecordType, Rrset};

/// How NSEC3 hashes (RFC 5155 section 4), and whether insecure delegations are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashing {
    /// Additional rounds; RFC 9276 wants 0.
    pub iterations: u16,
    /// The salt, 0..=255 octets; RFC 9276 wants none.
    pub salt: Vec<u8>,
    /// Whether the opt-out flag is set (RFC 5155 section 6).
    pub opt_out: bool,
}

/// NSEC RDATA (RFC 4034 section 4.1); the types in any order.
#[must_use]
pub fn nsec_rdata(next: &Name, types: &[RecordType]) -> Vec<u8> {
    let mut rdata = next.as_wire().to_vec();
    push_types(types, &mut rdata);
    rdata
}

/// NSEC3 RDATA (RFC 5155 section 3.2); `next` is a hash.
#[must_use]
pub fn nsec3_rdata(hashing: &Hashing, next: &[u8], types: &[RecordType]) -> Vec<u8> {
    let mut rdata = vec![1, u8::from(hashing.opt_out)];
    push_salt(hashing, &mut rdata);
    rdata.push(u8::try_from(next.len()).unwrap_or(u8::MAX));
    rdata.extend_from_slice(next);
    push_types(types, &mut rdata);
    rdata
}

/// NSEC3PARAM RDATA (RFC 5155 section 4.2).
#[must_use]
pub fn nsec3param_rdata(hashing: &Hashing) -> Vec<u8> {
    let mut rdata = vec![1, 0];
    push_salt(hashing, &mut rdata);
    rdata
}

/// The hash of a name (RFC 5155 section 5), by SHA-1.
#[must_use]
pub fn nsec3_hash(name: &Name, hashing: &Hashing) -> Vec<u8> {
    let mut octets = name.to_lower_wire().to_vec();
    for _ in 0..=hashing.iterations {
        octets.extend_from_slice(&hashing.salt);
        octets = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &octets)
            .as_ref()
            .to_vec();
    }
    octets
}

/// The owner of the NSEC3 record with this hash (RFC 5155 section 3): base32hex below the zone.
#[must_use]
pub fn nsec3_owner(hash: &[u8], zone: &Name) -> Name {
    zone.child(&base32hex(hash))
        .unwrap_or_else(|_| zone.clone())
}

/// One NSEC set for each name, in canonical order, the last pointing to the first. RRSIG and NSEC are added to the types.
#[must_use]
pub fn nsec_chain(names: &BTreeMap<Name, Vec<RecordType>>, ttl: u32) -> Vec<Rrset> {
    let nexts = names.keys().skip(1).chain(names.keys().take(1));
    names
        .iter()
        .zip(nexts)
        .map(|((owner, types), next)| {
            let mut types = types.clone();
            types.extend([RecordType::RRSIG, RecordType::NSEC]);
            set(
                owner.clone(),
                RecordType::NSEC,
                ttl,
                &nsec_rdata(next, &types),
            )
        })
        .collect()
}

/// One NSEC3 set for each name of `zone`, in the order of the hashes. The types are taken as they are, without RRSIG
/// for a name with nothing signed.
#[must_use]
pub fn nsec3_chain(
    zone: &Name,
    names: &BTreeMap<Name, Vec<RecordType>>,
    hashing: &Hashing,
    ttl: u32,
) -> Vec<Rrset> {
    let hashed: BTreeMap<Vec<u8>, &Vec<RecordType>> = names
        .iter()
        .map(|(name, types)| (nsec3_hash(name, hashing), types))
        .collect();
    let nexts = hashed.keys().skip(1).chain(hashed.keys().take(1));
    hashed
        .iter()
        .zip(nexts)
        .map(|((hash, types), next)| {
            let rdata = nsec3_rdata(hashing, next, types);
            set(nsec3_owner(hash, zone), RecordType::NSEC3, ttl, &rdata)
        })
        .collect()
}

fn set(owner: Name, rtype: RecordType, ttl: u32, rdata: &[u8]) -> Rrset {
    Rrset {
        owner,
        rtype,
        ttl,
        rdata: RdataSet::new([rdata]),
        rrsigs: RdataSet::default(),
    }
}

fn push_salt(hashing: &Hashing, rdata: &mut Vec<u8>) {
    rdata.extend_from_slice(&hashing.iterations.to_be_bytes());
    rdata.push(u8::try_from(hashing.salt.len()).unwrap_or(u8::MAX));
    rdata.extend(hashing.salt.iter().take(255));
}

/// A type bit map (RFC 4034 section 4.1.2).
fn push_types(types: &[RecordType], rdata: &mut Vec<u8>) {
    let mut windows: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for rtype in types {
        let [window, low] = rtype.0.to_be_bytes();
        let bits = windows.entry(window).or_default();
        let place = usize::from(low / 8);
        if bits.len() <= place {
            bits.resize(place + 1, 0);
        }
        if let Some(octet) = bits.get_mut(place) {
            *octet |= 0x80 >> (low % 8);
        }
    }
    for (window, bits) in windows {
        rdata.extend([window, u8::try_from(bits.len()).unwrap_or(32)]);
        rdata.extend(bits);
    }
}

/// Base 32 with extended hex alphabet, lower case, without padding (RFC 4648 section 7).
fn base32hex(octets: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(octets.len().div_ceil(5) * 8);
    let (mut bits, mut count) = (0_u32, 0);
    for octet in octets {
        bits = bits << 8 | u32::from(*octet);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(digit(bits >> count));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(digit(bits << (5 - count)));
    }
    text
}

fn digit(bits: u32) -> u8 {
    match u8::try_from(bits & 31).unwrap_or_default() {
        value @ 0..=9 => b'0' + value,
        value => b'a' + value - 10,
    }
}
