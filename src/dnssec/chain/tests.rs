//! Who is let into the chain of trust, and who is not?

use super::*;
use crate::dnssec::algorithm::{Accepted, Algorithm, DigestType};
use crate::drill::signing::{KEY_SIGNING, Signer, Validity, ZONE_SIGNING};

const NOW: u32 = 1_700_000_000;
const CLOCK: Clock = Clock {
    at: NOW as u64,
    skew: 0,
};
const VALIDITY: Validity = Validity {
    inception: NOW - 3_600,
    expiration: NOW + 3_600,
};

fn zone() -> Name {
    "example.".parse().unwrap()
}

fn signer(seed: u64) -> Signer {
    Signer::new(&zone(), Algorithm::Ed25519, seed, KEY_SIGNING).unwrap()
}

fn set(rtype: RecordType, rdata: &[Vec<u8>]) -> Rrset {
    Rrset {
        owner: zone(),
        rtype,
        ttl: 600,
        rdata: RdataSet::new(rdata.iter().map(Vec::as_slice)),
        rrsigs: RdataSet::default(),
    }
}

/// The DNSKEY set of these keys, signed by `by`.
fn dnskeys(keys: &[&Signer], by: &[&Signer]) -> Rrset {
    let rdata: Vec<Vec<u8>> = keys.iter().map(|key| key.dnskey()).collect();
    let unsigned = set(RecordType::DNSKEY, &rdata);
    let rrsigs: Vec<Vec<u8>> = by
        .iter()
        .map(|by| by.sign(&unsigned, VALIDITY).unwrap())
        .collect();
    Rrset {
        rrsigs: RdataSet::new(rrsigs.iter().map(Vec::as_slice)),
        ..unsigned
    }
}

fn ds(rdata: &[Vec<u8>]) -> Rrset {
    set(RecordType::DS, rdata)
}

fn ds_of(keys: &[&Signer]) -> Rrset {
    ds(&keys
        .iter()
        .map(|key| key.ds(DigestType::Sha256))
        .collect::<Vec<_>>())
}

fn found(ds: &Rrset, dnskey: &Rrset) -> (Result<KeyFinding, Why>, u32) {
    found_by(Accepted::default(), ds, dnskey)
}

fn found_by(accepted: Accepted, ds: &Rrset, dnskey: &Rrset) -> (Result<KeyFinding, Why>, u32) {
    let mut allowance = Allowance::new(100, 0);
    let found = keys_by_ds(&zone(), ds, dnskey, accepted, CLOCK, &mut allowance);
    (
        found.map_err(|bogus| bogus.why),
        allowance.spent().signatures,
    )
}

fn keys(finding: Result<KeyFinding, Why>) -> ZoneKeys {
    match finding {
        Ok(KeyFinding::Keys(keys)) => keys,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_named_key_that_signs_the_set_vouches_for_all_of_it() {
    let (entry, data) = (signer(1), signer(2).with_flags(ZONE_SIGNING));
    let (finding, checks) = found(&ds_of(&[&entry]), &dnskeys(&[&entry, &data], &[&entry]));
    let keys = keys(finding);
    assert_eq!(checks, 1);
    assert_eq!((keys.key_count(), keys.zone()), (2, &zone()));
    assert_eq!(keys.expires(), u64::from(NOW) + 600);
    assert_eq!(keys.clone().cap(5).expires(), 5);
    assert_eq!(keys.clone().cap(u64::MAX).expires(), keys.expires());
    assert!(keys.memory() > 64);
}

#[test]
fn keys_do_not_outlive_the_signature_of_their_set() {
    let entry = signer(1);
    let unsigned = set(RecordType::DNSKEY, &[entry.dnskey()]);
    let validity = Validity {
        expiration: NOW + 10,
        ..VALIDITY
    };
    let dnskey = entry.signed(&unsigned, validity).unwrap();
    assert_eq!(
        keys(found(&ds_of(&[&entry]), &dnskey).0).expires(),
        u64::from(NOW) + 10
    );
}

#[test]
fn one_algorithm_of_several_suffices() {
    let (old, new) = (
        signer(1),
        Signer::new(&zone(), Algorithm::EcdsaP256Sha256, 1, KEY_SIGNING).unwrap(),
    );
    // Both have a DS, one alone signs: RFC 6840 section 5.11.
    let finding = found(&ds_of(&[&old, &new]), &dnskeys(&[&old, &new], &[&new])).0;
    assert_eq!(keys(finding).key_count(), 2);
}

#[test]
fn a_key_that_nothing_names_vouches_for_nothing() {
    let (named, stranger) = (signer(1), signer(2));
    let why = |ds: &Rrset, dnskey: &Rrset| found(ds, dnskey).0.unwrap_err();
    assert_eq!(
        why(&ds_of(&[&named]), &dnskeys(&[&stranger], &[&stranger])),
        Why::NoKeyForDs
    );
    assert_eq!(
        why(
            &ds_of(&[&named]),
            &dnskeys(&[&named, &stranger], &[&stranger])
        ),
        Why::NoMatchingKey
    );
    assert_eq!(
        why(&ds_of(&[&named]), &dnskeys(&[&named], &[])),
        Why::NoSignature
    );
    assert_eq!(
        why(&ds_of(&[&named]), &set(RecordType::DNSKEY, &[])),
        Why::NoDnskey
    );
    assert_eq!(
        why(&ds_of(&[&named]), &set(RecordType::A, &[vec![1]])),
        Why::NoDnskey
    );
    let mut wrong = named.ds(DigestType::Sha256);
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(
        why(&ds(&[wrong]), &dnskeys(&[&named], &[&named])),
        Why::NoKeyForDs
    );
    let other = Rrset {
        owner: "org.".parse().unwrap(),
        ..ds_of(&[&named])
    };
    assert_eq!(why(&other, &dnskeys(&[&named], &[&named])), Why::NoDs);
}

#[test]
fn keys_without_the_zone_bit_and_revoked_keys_vouch_for_nothing() {
    for (flags, why) in [
        (0x0001, Why::NotAZoneKey),
        (0x0000, Why::NotAZoneKey),
        (0x0181, Why::NoKeyForDs),
    ] {
        let bad = signer(1).with_flags(flags);
        assert_eq!(
            found(&ds_of(&[&bad]), &dnskeys(&[&bad], &[&bad])),
            (Err(why), 0),
            "{flags}"
        );
    }
}

#[test]
fn what_we_cannot_check_makes_a_zone_insecure_and_never_bogus() {
    let entry = signer(1);
    let dnskey = dnskeys(&[&entry], &[&entry]);
    let code = |rdata: &[Vec<u8>]| match found(&ds(rdata), &dnskey).0 {
        Ok(KeyFinding::Unsupported(ede)) => Some(ede.code),
        Ok(KeyFinding::Keys(_)) => None,
        Err(why) => panic!("{why:?}"),
    };
    let record = |algorithm: u8, digest: u8| [&[0, 1, algorithm, digest][..], &[7; 32]].concat();
    for algorithm in [0, 1, 3, 5, 6, 7, 12, 17, 23, 252, 253, 254, 255] {
        assert_eq!(
            code(&[record(algorithm, 2)]),
            Some(1),
            "algorithm {algorithm}"
        );
    }
    for digest in [0, 1, 3, 5, 6, 255] {
        assert_eq!(code(&[record(15, digest)]), Some(2), "digest {digest}");
    }
    assert_eq!(code(&[record(5, 2), record(15, 1)]), Some(2));
    assert_eq!(code(&[record(5, 1), record(253, 2)]), Some(1));
    // One that we know beside those that we do not: secure by it.
    assert_eq!(
        code(&[record(5, 1), entry.ds(DigestType::Sha256), record(253, 2)]),
        None
    );
}

#[test]
fn a_sha_1_ds_does_not_stand_in_for_a_sha_256_ds_that_does_not_fit() {
    let entry = signer(1);
    let dnskey = dnskeys(&[&entry], &[&entry]);
    let mut wrong = entry.ds(DigestType::Sha256);
    *wrong.last_mut().unwrap() ^= 1;
    let mut sha1 = wrong[..24].to_vec();
    sha1[3] = 1;
    assert_eq!(
        found(&ds(&[sha1, wrong.clone()]), &dnskey),
        (Err(Why::NoKeyForDs), 0)
    );
    // Not even where SHA-1 is believed, and fits (RFC 4509 section 3).
    let sha1 = entry.ds(DigestType::Sha1);
    let all = |rdata: &[Vec<u8>]| found_by(Accepted::All, &ds(rdata), &dnskey).0;
    assert_eq!(all(&[sha1.clone(), wrong]), Err(Why::NoKeyForDs));
    assert_eq!(keys(all(std::slice::from_ref(&sha1))).key_count(), 1);
    let right = entry.ds(DigestType::Sha384);
    assert_eq!(keys(all(&[sha1.clone(), right])).key_count(), 1);
    // A digest that is of no use takes nothing away from it.
    let mut unknown = entry.ds(DigestType::Sha256);
    unknown[2] = 12;
    assert_eq!(keys(all(&[unknown, sha1.clone()])).key_count(), 1);
    let mut unfit = sha1;
    unfit[4] ^= 1;
    assert_eq!(all(&[unfit]), Err(Why::NoKeyForDs));
}

#[test]
fn keys_by_sha_1_are_insecure_unless_they_are_to_be_believed() {
    for algorithm in [Algorithm::RsaSha1, Algorithm::RsaSha1Nsec3] {
        let entry = Signer::new(&zone(), algorithm, 0, KEY_SIGNING).unwrap();
        let dnskey = dnskeys(&[&entry], &[&entry]);
        let mut forged = dnskey.clone();
        let mut rrsig = forged.rrsigs.iter().next().unwrap().to_vec();
        *rrsig.last_mut().unwrap() ^= 1;
        forged.rrsigs = RdataSet::new([rrsig.as_slice()]);
        for digest in [DigestType::Sha1, DigestType::Sha256] {
            let ds = ds(&[entry.ds(digest)]);
            let (off, checks) = found(&ds, &dnskey);
            assert!(matches!(&off, Ok(KeyFinding::Unsupported(ede)) if ede.code == 1));
            assert_eq!(checks, 0);
            assert_eq!(keys(found_by(Accepted::All, &ds, &dnskey).0).key_count(), 1);
            assert_eq!(
                found_by(Accepted::All, &ds, &forged),
                (Err(Why::WrongSignature), 1)
            );
        }
        let anchor = Anchor::new(&set(RecordType::DNSKEY, &[entry.dnskey()]));
        let by_anchor = |accepted, dnskey| {
            let mut allowance = Allowance::new(9, 0);
            keys_by_anchor(&zone(), &anchor, dnskey, accepted, CLOCK, &mut allowance)
                .map_err(|bogus| bogus.why)
        };
        let off = by_anchor(Accepted::default(), &dnskey);
        assert!(matches!(off, Ok(KeyFinding::Unsupported(_))), "{off:?}");
        assert_eq!(keys(by_anchor(Accepted::All, &dnskey)).key_count(), 1);
        assert_eq!(by_anchor(Accepted::All, &forged), Err(Why::WrongSignature));
    }
    // Off, a key by SHA-1 beside a believed one signs nothing.
    let (entry, old) = (
        signer(1),
        Signer::new(&zone(), Algorithm::RsaSha1, 0, KEY_SIGNING).unwrap(),
    );
    let dnskey = dnskeys(&[&entry, &old], &[&entry]);
    let ds = ds_of(&[&entry]);
    assert_eq!(keys(found(&ds, &dnskey).0).key_count(), 1);
    assert_eq!(keys(found_by(Accepted::All, &ds, &dnskey).0).key_count(), 2);
}

#[test]
fn a_broken_ds_makes_nothing_insecure() {
    let entry = signer(1);
    let dnskey = dnskeys(&[&entry], &[&entry]);
    for broken in [
        vec![],
        vec![0, 1, 15],
        [&entry.ds(DigestType::Sha256)[..20]].concat(),
    ] {
        assert_eq!(found(&ds(&[broken]), &dnskey), (Err(Why::NoKeyForDs), 0));
    }
}

#[test]
fn the_ninth_ds_is_not_looked_at() {
    let entry = signer(1);
    let dnskey = dnskeys(&[&entry], &[&entry]);
    let with_before = |count: u8| {
        let decoy = |number: u8| [&[0, number, 15, 2][..], &[number; 32]].concat();
        let mut rdata: Vec<Vec<u8>> = (0..count).map(decoy).collect();
        rdata.push(entry.ds(DigestType::Sha256));
        found(&ds(&rdata), &dnskey).0
    };
    assert_eq!(keys(with_before(7)).key_count(), 1);
    assert_eq!(with_before(8), Err(Why::NoKeyForDs));
}

#[test]
fn anchors_of_either_kind_begin_a_chain() {
    let (entry, data) = (signer(1), signer(2).with_flags(ZONE_SIGNING));
    let dnskey = dnskeys(&[&entry, &data], &[&entry]);
    let by = |sets: &[Rrset]| {
        let anchors = Anchor::all(sets);
        assert_eq!(anchors.len(), 1);
        let found = keys_by_anchor(
            &zone(),
            &anchors[0],
            &dnskey,
            Accepted::default(),
            CLOCK,
            &mut Allowance::new(9, 0),
        );
        found.map_err(|bogus| bogus.why)
    };
    let key = |key: &Signer| set(RecordType::DNSKEY, &[key.dnskey()]);
    assert_eq!(keys(by(&[ds_of(&[&entry])])).key_count(), 2);
    assert_eq!(keys(by(&[key(&entry)])).key_count(), 2);
    assert_eq!(
        keys(by(&[ds_of(&[&signer(3)]), key(&entry)])).key_count(),
        2
    );
    assert_eq!(by(&[key(&signer(3))]), Err(Why::NoKeyForDs));
    assert_eq!(by(&[key(&data)]), Err(Why::NoMatchingKey));
    let unknown = set(RecordType::DNSKEY, &[vec![1, 1, 3, 5, 1, 2, 3]]);
    assert!(matches!(by(&[unknown]), Ok(KeyFinding::Unsupported(ede)) if ede.code == 1));
    // Neither an anchor of nothing nor one of a key that may not sign makes the zone insecure.
    assert_eq!(
        by(&[set(RecordType::A, &[vec![1, 2, 3, 4]])]),
        Err(Why::NoKeyForDs)
    );
    assert_eq!(
        by(&[key(&signer(3).with_flags(0x0181))]),
        Err(Why::NoKeyForDs)
    );
    assert_eq!(found(&ds(&[]), &dnskey), (Err(Why::NoKeyForDs), 0));
}

#[test]
fn anchors_are_one_for_each_zone() {
    let root = Rrset {
        owner: Name::root(),
        ..ds_of(&[&signer(1)])
    };
    let sets = [
        root.clone(),
        ds_of(&[&signer(1)]),
        Rrset {
            owner: "EXAMPLE.".parse().unwrap(),
            ..ds_of(&[&signer(2)])
        },
    ];
    let anchors = Anchor::all(&sets);
    assert_eq!(anchors.len(), 2);
    assert_eq!(anchors[0].zone(), &Name::root());
    assert_eq!(anchors[1].ds().count(), 2);
    let other = keys_by_anchor(
        &zone(),
        &anchors[0],
        &root,
        Accepted::default(),
        CLOCK,
        &mut Allowance::new(9, 0),
    );
    assert_eq!(other.unwrap_err().why, Why::NoKeyForDs);
}

#[test]
fn the_root_keys_have_the_tags_of_the_built_in_anchors() {
    // Where dns-root-data is not installed there is nothing to read.
    let Ok(text) = std::fs::read_to_string("/usr/share/dns/root.key") else {
        return;
    };
    let keys = crate::config::anchors::parse(&text, "root.key").unwrap();
    let ds = &crate::config::anchors::built_in()[0];
    for key in keys[0].rdata.iter().filter_map(Dnskey::read) {
        let named = ds
            .rdata
            .iter()
            .filter_map(Ds::read)
            .any(|ds| ds.may_name(&key, key.tag()) && ds.fits(&Name::root(), &key));
        assert!(named, "key tag {}", key.tag());
    }
    assert_eq!(
        NamedKeys::by_ds(
            &Name::root(),
            ds.rdata.iter().filter_map(Ds::read),
            &keys[0],
            Accepted::default(),
        )
        .keys
        .len(),
        2
    );
}
