//! Which signed zones want to be expensive? Keys of one tag, signatures by the hundred, hashes by the thousand; and an honest one.

use suimon::dnssec::Dnskey;
use suimon::dnssec::algorithm::DigestType;
use suimon::drill::signing::{Denial, Hashing, Signer, sign_zone};
use suimon::wire::rrset::group;
use suimon::wire::{Record, RecordType as T, Rrset, rdata};

use super::relay::{self, Grown, keys, name, record, valid};

/// A signed zone that is spoilt afterwards.
pub fn zone(
    zone: &str,
    lines: &str,
    denial: &Denial,
    edit: impl Fn(&mut Vec<Record>, &[Signer]),
) -> Grown {
    let signers = keys(zone, relay::USUAL);
    let records = relay::records(zone, 3, lines);
    let mut signed = sign_zone(&records, &signers, denial, valid()).expect("a signed zone");
    edit(&mut signed, &signers);
    (
        zone.to_owned(),
        signed,
        vec![signers[0].ds(DigestType::Sha256)],
    )
}

pub fn honest() -> Grown {
    zone(
        "good.test.",
        "www.good.test. A 192.0.2.1\nother.good.test. A 192.0.2.2",
        &Denial::Nsec,
        |_, _| (),
    )
}

pub fn nsec3(iterations: u16) -> Denial {
    Denial::Nsec3(Hashing {
        iterations,
        salt: Vec::new(),
        opt_out: false,
    })
}

pub fn set_of(records: &[Record], owner: &str, rtype: T) -> Rrset {
    let owner = name(owner);
    let plain = records
        .iter()
        .filter(|record| record.owner == owner && record.rtype == rtype);
    let plain: Vec<Record> = plain.cloned().collect();
    group(&plain)
        .pop()
        .unwrap_or_else(|| panic!("no {owner} {rtype}"))
}

pub fn unsign(records: &mut Vec<Record>, owner: &str, rtype: T) {
    let owner = name(owner);
    records.retain(|record| {
        !(record.owner == owner
            && record.rtype == T::RRSIG
            && rdata::rrsig_covers(&record.rdata) == Some(rtype))
    });
}

/// `count` keys of one tag: the same words in another order.
pub fn keys_of_one_tag(count: u8) -> Vec<Vec<u8>> {
    (0..count)
        .map(|turn| {
            let mut words: Vec<[u8; 2]> = (0..16_u8).map(|word| [word, 0x51]).collect();
            words.rotate_left(usize::from(turn % 16));
            words.swap(0, 1 + usize::from(turn / 16));
            [&[1, 0, 3, 15][..], &words.concat()].concat()
        })
        .collect()
}

/// Signatures of that tag that fit nothing, each another.
fn wrong_signatures(set: &Rrset, signer: &Signer, tag: u16, count: u16) -> Vec<Vec<u8>> {
    let mut fields = signer.fields(set, valid());
    fields.key_tag = tag;
    let rrsig = signer.sign_fields(set, &fields).expect("a signature");
    let place = rrsig.len() - 64;
    let each = (0..count).map(|number| {
        let mut wrong = rrsig.clone();
        wrong[place..place + 2].copy_from_slice(&number.to_be_bytes());
        wrong
    });
    each.collect()
}

/// A zone with sixty keys of one tag, and so many signatures by it, all wrong, of each host's address (CVE-2023-50387).
pub fn trap(of: &str, hosts: &[&str], signatures: u16) -> Grown {
    let tag = Dnskey::read(&keys_of_one_tag(1)[0]).expect("a key").tag();
    let owners: Vec<String> = hosts.iter().map(|host| format!("{host}.{of}")).collect();
    let lines: String = owners
        .iter()
        .map(|owner| format!("{owner} A 192.0.2.1\n"))
        .collect();
    zone(of, &lines, &Denial::Nsec, |records, signers| {
        let sets: Vec<Rrset> = owners
            .iter()
            .map(|owner| set_of(records, owner, T::A))
            .collect();
        for set in &sets {
            unsign_first(records, set);
        }
        for set in &sets {
            for rrsig in wrong_signatures(set, &signers[1], tag, signatures) {
                records.push(record(&set.owner, T::RRSIG, &rrsig));
            }
        }
        unsign(records, of, T::DNSKEY);
        for key in keys_of_one_tag(60) {
            records.push(record(&name(of), T::DNSKEY, &key));
        }
        let set = set_of(records, of, T::DNSKEY);
        let rrsig = signers[0].sign(&set, valid()).expect("a signature");
        records.push(record(&name(of), T::RRSIG, &rrsig));
    })
}

/// Takes away the good signature of an A set: the one with the tag of no other.
fn unsign_first(records: &mut Vec<Record>, set: &Rrset) {
    let place = records.iter().position(|record| {
        record.owner == set.owner
            && record.rtype == T::RRSIG
            && rdata::rrsig_covers(&record.rdata) == Some(T::A)
    });
    records.remove(place.expect("a signature"));
}
