//! Which copies of a zone are taken, and why not the others?

use super::super::Why;
use super::*;
use crate::dnssec::algorithm::Algorithm;
use crate::drill::signing::{
    Denial, KEY_SIGNING, Signer, Validity, ZONE_SIGNING, sign_whole_zone, sign_zone,
};
use crate::wire::{RdataSet, rdata, text::record_from_text, zone_file};

const AT: Clock = Clock {
    at: 1_700_000_000,
    skew: 0,
};

const VALID: Validity = Validity {
    inception: 1_699_000_000,
    expiration: 1_701_000_000,
};

const ZONE: &str = "\
. 86400 SOA a.root-servers.net. nstld.example. 2026112200 1800 900 604800 86400
. 518400 NS a.root-servers.net.
a.root-servers.net. 518400 A 198.41.0.4
test. 172800 NS ns.nic.test.
ns.nic.test. 172800 A 192.5.6.30
test. 86400 DS 1 13 2 0011223344556677889900112233445566778899001122334455667788990011
plain. 172800 NS ns.nic.test.
";

fn signer(flags: u16) -> Signer {
    Signer::new(&Name::root(), Algorithm::Ed25519, u64::from(flags), flags).unwrap()
}

fn signers() -> [Signer; 2] {
    [signer(KEY_SIGNING), signer(ZONE_SIGNING)]
}

fn anchor() -> Anchor {
    Anchor::new(&signer(KEY_SIGNING).ds_set(60))
}

fn records(text: &str) -> Vec<Record> {
    zone_file::records(text, 100).unwrap()
}

fn signed(validity: Validity) -> Vec<Record> {
    sign_whole_zone(&records(ZONE), &signers(), &Denial::Nsec, validity).unwrap()
}

fn verify_at(records: &[Record], clock: Clock) -> Result<Validated<ZoneCopy>, ZoneFault> {
    ZoneCopy::verify(records, &anchor(), clock)
}

fn fault(records: &[Record]) -> ZoneFault {
    verify_at(records, AT).unwrap_err()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn the_zone_as_it_was_signed_is_taken_and_can_be_looked_up() {
    let copy = verify_at(&signed(VALID), AT).unwrap();
    assert_eq!(
        copy.timers(),
        Timers {
            serial: 2_026_112_200,
            refresh: 1800,
            retry: 900,
            expire: 604_800
        }
    );
    assert_eq!(copy.signed_until(), u64::from(VALID.expiration));
    let ds = copy.set(&name("TEST."), RecordType::DS).unwrap();
    assert_eq!((ds.rdata.len(), ds.rrsigs.len()), (1, 1));
    assert!(copy.exists(&name("nic.test.")) && !copy.exists(&name("tess.")));
    let before = copy.nsec_at_or_before(&name("queen.")).unwrap();
    assert_eq!(before.owner, name("plain."));
    assert_eq!(
        copy.record_count(),
        copy.iter()
            .map(|set| set.rdata.len() + set.rrsigs.len())
            .sum::<usize>()
    );
}

#[test]
fn the_signed_zone_of_rfc_8976_a_4_is_taken_by_its_own_key() {
    let records = zone_file::records(include_str!("../zonemd/uri.arpa.zone"), 100).unwrap();
    let keys: Vec<&[u8]> = records
        .iter()
        .filter(|record| record.rtype == RecordType::DNSKEY && record.rdata[1] == 1)
        .map(|record| &*record.rdata)
        .collect();
    let anchor = Anchor::of(name("uri.arpa."), RdataSet::default(), RdataSet::new(keys));
    let at = |at| ZoneCopy::verify(&records, &anchor, Clock { at, skew: 0 });
    // 2021-02-01, and after 2021-02-17.
    assert_eq!(at(1_612_137_600).unwrap().timers().serial, 2_018_100_702);
    assert!(matches!(at(1_614_000_000), Err(ZoneFault::Keys(_))));
}

#[test]
fn every_change_is_refused_for_its_own_reason() {
    let whole = signed(VALID);
    let changed = |change: &dyn Fn(&mut Vec<Record>)| {
        let mut records = whole.clone();
        change(&mut records);
        fault(&records)
    };
    let digest = ZoneFault::Digest(Unfit::Digest);
    let is = |owner: &str, rtype: RecordType| {
        let owner = name(owner);
        move |record: &Record| record.owner == owner && record.rtype == rtype
    };
    // What no signature covers: an address of a server, and a delegation more.
    let glue = is("ns.nic.test.", RecordType::A);
    let place = whole.iter().position(&glue).unwrap();
    assert_eq!(changed(&|records| records[place].rdata[3] ^= 1), digest);
    assert_eq!(changed(&|records| records[place].ttl += 1), digest);
    assert_eq!(
        changed(&|records| records.retain(|record| !glue(record))),
        digest
    );
    let evil = record_from_text("evil. 60 IN NS ns.evil.", 0).unwrap();
    assert_eq!(changed(&|records| records.push(evil.clone())), digest);
    // What makes the digest worth something.
    let none = changed(&|records| records.retain(|record| record.rtype != RecordType::ZONEMD));
    assert_eq!(none, ZoneFault::Digest(Unfit::Absent));
    let zonemd = whole.iter().position(is(".", RecordType::ZONEMD)).unwrap();
    let forged = changed(&|records| records[zonemd].rdata[6] ^= 1);
    let of = |why, rtype| ZoneFault::Signature(Bogus::of(why, &Name::root(), rtype));
    assert_eq!(forged, of(Why::WrongSignature, RecordType::ZONEMD));
    let unsigned = changed(&|records| {
        records.retain(|record| {
            record.rtype != RecordType::RRSIG
                || rdata::rrsig_covers(&record.rdata) != Some(RecordType::ZONEMD)
        });
    });
    assert_eq!(unsigned, of(Why::NoSignature, RecordType::ZONEMD));
    let soa = whole.iter().position(is(".", RecordType::SOA)).unwrap();
    let later = changed(&|records| {
        let at = records[soa].rdata.len() - 17;
        records[soa].rdata[at] ^= 1;
    });
    assert_eq!(later, of(Why::WrongSignature, RecordType::SOA));
    assert_eq!(
        changed(&|records| {
            records.remove(soa);
        }),
        ZoneFault::Soa
    );
    assert_eq!(
        changed(&|records| records[place].class = Class(3)),
        ZoneFault::OutOfZone(name("ns.nic.test."))
    );
}

#[test]
fn a_digest_for_another_serial_is_refused_although_it_is_signed() {
    let mut records = records(ZONE);
    let old = signed(VALID)
        .into_iter()
        .find(|record| record.rtype == RecordType::ZONEMD)
        .unwrap();
    records.push(old);
    let soa = &mut records[0].rdata;
    let at = soa.len() - 17;
    soa[at] += 1;
    let records = sign_zone(&records, &signers(), &Denial::Nsec, VALID).unwrap();
    assert_eq!(fault(&records), ZoneFault::Digest(Unfit::Serial));
}

#[test]
fn expired_signatures_and_other_keys_are_refused() {
    let late = Clock {
        at: u64::from(VALID.expiration) + 1,
        skew: 0,
    };
    let keys = |why| ZoneFault::Keys(Bogus::of(why, &Name::root(), RecordType::DNSKEY));
    assert_eq!(
        verify_at(&signed(VALID), late).unwrap_err(),
        keys(Why::Expired)
    );
    let other = Signer::new(&Name::root(), Algorithm::Ed25519, 99, KEY_SIGNING).unwrap();
    let stranger = Anchor::new(&other.ds_set(60));
    let refused = ZoneCopy::verify(&signed(VALID), &stranger, AT).unwrap_err();
    assert_eq!(refused, keys(Why::NoKeyForDs));
    assert_eq!(
        ZoneCopy::verify(&records(ZONE), &anchor(), AT).unwrap_err(),
        keys(Why::NoDnskey)
    );
}

#[test]
fn serials_are_compared_in_a_circle() {
    let of = |serial| Timers {
        serial,
        refresh: 0,
        retry: 0,
        expire: 0,
    };
    assert!(of(2).is_newer_than(1) && !of(1).is_newer_than(2) && !of(1).is_newer_than(1));
    assert!(of(1).is_newer_than(u32::MAX) && !of(u32::MAX).is_newer_than(1));
}
