//! Is what real signers sign believed, and is every lie about it refused, at a bounded price?

use proptest::prelude::*;

use super::*;
use crate::dnssec::algorithm::{Accepted, DigestType};
use crate::dnssec::{Anchor, KeyFinding, keys_by_anchor, keys_by_ds};
use crate::drill::signing::{KEY_SIGNING, SignatureFields, Signer, Validity};
use crate::wire::rrset::group;
use crate::wire::{Class, Record};

const NOW: u32 = 1_700_000_000;
const CLOCK: Clock = Clock {
    at: NOW as u64,
    skew: 0,
};
const VALIDITY: Validity = Validity {
    inception: NOW - 3_600,
    expiration: NOW + 3_600,
};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn signer(seed: u64) -> Signer {
    Signer::new(&name("example."), Algorithm::Ed25519, seed, KEY_SIGNING).unwrap()
}

/// An A set at `owner`, TTL 300, without signatures.
fn plain(owner: &str) -> Rrset {
    Rrset {
        owner: name(owner),
        rtype: RecordType::A,
        ttl: 300,
        rdata: RdataSet::new([&[192, 0, 2, 1][..], &[192, 0, 2, 2]]),
        rrsigs: RdataSet::default(),
    }
}

fn with(set: &Rrset, rrsigs: &[Vec<u8>]) -> Rrset {
    Rrset {
        rrsigs: RdataSet::new(rrsigs.iter().map(Vec::as_slice)),
        ..set.clone()
    }
}

/// The keys of `example.`: these DNSKEY RDATA, whoever vouched.
fn zone_keys(dnskeys: &[Vec<u8>]) -> ZoneKeys {
    ZoneKeys {
        zone: name("example."),
        keys: Key::all(
            &RdataSet::new(dnskeys.iter().map(Vec::as_slice)),
            Accepted::default(),
        )
        .into_boxed_slice(),
        expires: u64::MAX,
    }
}

/// The judgement, and how many signatures were checked for it.
fn judged(set: &Rrset, keys: &ZoneKeys, clock: Clock) -> (Result<Verified, Why>, u32) {
    let mut allowance = Allowance::new(100, 0);
    let result = verify(set, keys, clock, &mut allowance).map_err(|bogus| {
        assert_eq!(bogus.subject, Some((set.owner.clone(), set.rtype)));
        bogus.why
    });
    (result, allowance.spent().signatures)
}

/// The set of `owner` with one signature whose fields `lie` has changed, judged under the signer's key.
fn lied(owner: &str, lie: impl FnOnce(&mut SignatureFields)) -> (Result<Verified, Why>, u32) {
    let signer = signer(1);
    let set = plain(owner);
    let mut fields = signer.fields(&set, VALIDITY);
    lie(&mut fields);
    let rrsig = signer.sign_fields(&set, &fields).unwrap();
    judged(&with(&set, &[rrsig]), &zone_keys(&[signer.dnskey()]), CLOCK)
}

// ---- what real signers make

const ZONES: [(u8, &str); 6] = [
    (8, include_str!("zones/bind-8.txt")),
    (10, include_str!("zones/bind-10.txt")),
    (13, include_str!("zones/bind-13.txt")),
    (14, include_str!("zones/bind-14.txt")),
    (15, include_str!("zones/bind-15.txt")),
    (16, include_str!("zones/bind-16.txt")),
];

/// 2025-02-01, within the signatures of the zones.
const FEBRUARY: Clock = Clock {
    at: 1_738_368_000,
    skew: 0,
};

fn unhex(text: &str) -> Box<[u8]> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The sets of a zone, and the DS set of its parent.
fn read_zone(text: &str) -> (Vec<Rrset>, Rrset) {
    let (mut records, mut ds) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with(';')) {
        let words: Vec<&str> = line.split(' ').collect();
        let record = Record {
            owner: name(words[0]),
            ttl: words[1].parse().unwrap(),
            rtype: words[2].parse().unwrap_or(RecordType::DS),
            class: Class::IN,
            rdata: unhex(words[3]),
        };
        if words[2] == "PARENT" {
            ds.push(record);
        } else {
            records.push(record);
        }
    }
    (group(&records), group(&ds).remove(0))
}

#[test]
fn zones_signed_by_bind_are_believed_whole() {
    for (number, text) in ZONES {
        let (sets, ds) = read_zone(text);
        let zone = name("example.");
        let mut allowance = Allowance::new(100, 0);
        let dnskey = sets
            .iter()
            .find(|set| set.rtype == RecordType::DNSKEY)
            .unwrap();
        let found = keys_by_ds(
            &zone,
            &ds,
            dnskey,
            Accepted::default(),
            FEBRUARY,
            &mut allowance,
        );
        let Ok(KeyFinding::Keys(keys)) = found else {
            panic!("algorithm {number}: {found:?}");
        };
        assert_eq!(keys.key_count(), 2);
        assert_eq!(allowance.spent().signatures, 1);
        let (mut proven, mut unsigned) = (0, Vec::new());
        for set in &sets {
            match judged(set, &keys, FEBRUARY) {
                (Ok(verified), 1) => {
                    proven += 1;
                    assert_eq!(verified.expanded_from, None);
                    assert_eq!(verified.set.rdata, set.rdata);
                }
                (Err(Why::NoSignature), 0) => unsigned.push(format!("{} {}", set.owner, set.rtype)),
                other => panic!("algorithm {number}: {} {}: {other:?}", set.owner, set.rtype),
            }
            // One bit of the data changed, and nothing of it is believed.
            let mut wrong: Vec<Vec<u8>> = set.rdata.iter().map(<[u8]>::to_vec).collect();
            *wrong[0].last_mut().unwrap() ^= 1;
            let wrong = Rrset {
                rdata: RdataSet::new(wrong.iter().map(Vec::as_slice)),
                ..set.clone()
            };
            assert!(
                judged(&wrong, &keys, FEBRUARY).0.is_err(),
                "{} {}",
                set.owner,
                set.rtype
            );
        }
        assert!(proven > 35, "algorithm {number}: {proven}");
        assert_eq!(
            unsigned,
            ["ns.sub.Example. A", "sub.Example. NS"],
            "algorithm {number}"
        );
    }
}

#[test]
fn a_zone_signed_by_bind_is_not_believed_after_its_time() {
    let (sets, ds) = read_zone(ZONES[4].1);
    let dnskey = sets
        .iter()
        .find(|set| set.rtype == RecordType::DNSKEY)
        .unwrap();
    // 2025-03-01T00:00:00 is the last second.
    for (at, why) in [
        (1_740_787_200, None),
        (1_740_787_201, Some(Why::Expired)),
        (1_735_689_599, Some(Why::NotYetValid)),
        (1_735_689_600, None),
    ] {
        let clock = Clock { at, skew: 0 };
        let found = keys_by_ds(
            &name("example."),
            &ds,
            dnskey,
            Accepted::default(),
            clock,
            &mut Allowance::new(9, 0),
        );
        assert_eq!(found.err().map(|bogus| bogus.why), why, "{at}");
    }
}

// ---- honest sets

#[test]
fn an_honest_set_is_proven_by_one_check() {
    let (verified, checks) = lied("www.example.", |_| {});
    let verified = verified.unwrap();
    assert_eq!(checks, 1);
    assert_eq!(verified.expanded_from, None);
    assert_eq!(verified.set.ttl, 300);
    assert_eq!(verified.set.rrsigs.len(), 1);
}

#[test]
fn the_ttl_is_no_higher_than_signed_and_than_the_signature_lasts() {
    let ttl = |lie: &dyn Fn(&mut SignatureFields)| lied("www.example.", lie).0.unwrap().set.ttl;
    assert_eq!(ttl(&|fields| fields.original_ttl = 20), 20);
    assert_eq!(ttl(&|fields| fields.original_ttl = 9_999), 300);
    assert_eq!(ttl(&|fields| fields.validity.expiration = NOW + 7), 7);
    assert_eq!(ttl(&|fields| fields.validity.expiration = NOW), 1);
}

#[test]
fn only_the_signature_that_proved_it_stays() {
    let (good, other) = (signer(1), signer(2));
    let set = plain("www.example.");
    let rrsigs = [
        other.sign(&set, VALIDITY).unwrap(),
        good.sign(&set, VALIDITY).unwrap(),
    ];
    let (verified, _) = judged(&with(&set, &rrsigs), &zone_keys(&[good.dnskey()]), CLOCK);
    let kept: Vec<Vec<u8>> = verified
        .unwrap()
        .set
        .rrsigs
        .iter()
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(kept, rrsigs[1..]);
}

#[test]
fn a_set_from_a_wildcard_tells_its_closest_encloser() {
    let encloser = |owner, labels| {
        let (verified, _) = lied(owner, |fields| fields.labels = labels);
        verified.unwrap().expanded_from.map(|name| name.to_string())
    };
    assert_eq!(encloser("a.b.example.", 2).as_deref(), Some("b.example."));
    assert_eq!(encloser("a.b.example.", 1).as_deref(), Some("example."));
    assert_eq!(encloser("a.b.example.", 3), None);
    assert_eq!(encloser("*.b.example.", 2), None);
    assert_eq!(encloser("*.b.example.", 1).as_deref(), Some("example."));
}

// ---- lies

#[test]
fn every_lie_of_a_signature_is_refused_for_its_reason_without_mathematics() {
    type Lie = fn(&mut SignatureFields);
    let lies: [(Lie, Why); 11] = [
        (|fields| fields.covers = RecordType::AAAA, Why::WrongSigner),
        (
            |fields| fields.signer = name("www.example."),
            Why::WrongSigner,
        ),
        (|fields| fields.signer = Name::root(), Why::WrongSigner),
        (|fields| fields.labels = 3, Why::WrongSigner),
        // CVE-2026-44690: fewer labels than the signer has.
        (|fields| fields.labels = 0, Why::WrongSigner),
        (|fields| fields.key_tag ^= 1, Why::NoMatchingKey),
        (|fields| fields.algorithm = 13, Why::NoMatchingKey),
        (|fields| fields.algorithm = 5, Why::NoMatchingKey),
        (|fields| fields.validity.expiration = NOW - 1, Why::Expired),
        (
            |fields| fields.validity.inception = NOW + 1,
            Why::NotYetValid,
        ),
        (
            |fields| fields.validity.inception = fields.validity.expiration + 1,
            Why::ExpiredBeforeValid,
        ),
    ];
    for (number, (lie, why)) in lies.into_iter().enumerate() {
        let (result, checks) = lied("www.example.", lie);
        assert_eq!((result.unwrap_err(), checks), (why, 0), "lie {number}");
    }
}

#[test]
fn sets_outside_the_zone_and_the_zones_own_ds_are_not_its_to_sign() {
    let signer = signer(1);
    let keys = zone_keys(&[signer.dnskey()]);
    for owner in ["www.example.org.", ".", "notexample."] {
        let set = signer.signed(&plain(owner), VALIDITY).unwrap();
        assert_eq!(judged(&set, &keys, CLOCK), (Err(Why::WrongSigner), 0));
    }
    let set = signer.signed(&signer.ds_set(60), VALIDITY).unwrap();
    assert_eq!(judged(&set, &keys, CLOCK), (Err(Why::WrongSigner), 0));
}

#[test]
fn without_a_signature_that_can_be_read_there_is_none() {
    let keys = zone_keys(&[signer(1).dnskey()]);
    let set = plain("www.example.");
    assert_eq!(judged(&set, &keys, CLOCK), (Err(Why::NoSignature), 0));
    for length in 0..30 {
        let short = with(&set, &[vec![0; length]]);
        assert!(judged(&short, &keys, CLOCK).0.is_err());
    }
}

#[test]
fn keys_that_may_not_sign_do_not_count() {
    let good = signer(1);
    for flags in [0x0001, 0x0000, 0x0180, 0x0181] {
        let bad = good.clone().with_flags(flags);
        let set = bad.signed(&plain("www.example."), VALIDITY).unwrap();
        let keys = zone_keys(&[bad.dnskey()]);
        assert_eq!(keys.key_count(), 0);
        assert_eq!(judged(&set, &keys, CLOCK), (Err(Why::NoMatchingKey), 0));
    }
    let mut protocol = good.dnskey();
    protocol[2] = 2;
    assert_eq!(zone_keys(&[protocol]).key_count(), 0);
}

#[test]
fn the_most_telling_reason_is_told() {
    let signer = signer(1);
    let set = plain("www.example.");
    let made = |lie: &dyn Fn(&mut SignatureFields)| {
        let mut fields = signer.fields(&set, VALIDITY);
        lie(&mut fields);
        signer.sign_fields(&set, &fields).unwrap()
    };
    let stranger = made(&|fields| fields.key_tag ^= 1);
    let expired = made(&|fields| fields.validity.expiration = NOW - 1);
    let early = made(&|fields| fields.validity.inception = NOW + 1);
    let mut broken = made(&|_| {});
    *broken.last_mut().unwrap() ^= 1;
    let keys = zone_keys(&[signer.dnskey()]);
    let why = |rrsigs: &[&Vec<u8>]| {
        let rrsigs: Vec<Vec<u8>> = rrsigs.iter().map(|rrsig| (*rrsig).clone()).collect();
        judged(&with(&set, &rrsigs), &keys, CLOCK).0.unwrap_err()
    };
    assert_eq!(why(&[&stranger, &expired]), Why::Expired);
    assert_eq!(why(&[&early, &expired]), Why::Expired);
    assert_eq!(why(&[&early, &stranger]), Why::NotYetValid);
    assert_eq!(why(&[&expired, &broken]), Why::WrongSignature);
}

// ---- time

#[test]
fn the_skew_stretches_both_ends() {
    let signer = signer(1);
    let set = signer.signed(&plain("www.example."), VALIDITY).unwrap();
    let keys = zone_keys(&[signer.dnskey()]);
    let at = |offset: i64, skew| {
        let at = u64::try_from(i64::from(NOW) + offset).unwrap();
        judged(&set, &keys, Clock { at, skew })
            .0
            .map(|verified| verified.set.ttl)
    };
    assert_eq!(at(3_600 + 60, 60), Ok(1));
    assert_eq!(at(3_600 + 61, 60), Err(Why::Expired));
    assert_eq!(at(-3_600 - 60, 60), Ok(300));
    assert_eq!(at(-3_600 - 61, 60), Err(Why::NotYetValid));
}

#[test]
fn times_are_serial_numbers_that_wrap() {
    let signer = signer(1);
    let keys = zone_keys(&[signer.dnskey()]);
    let validity = Validity {
        inception: u32::MAX - 100,
        expiration: 100,
    };
    let set = signer.signed(&plain("www.example."), validity).unwrap();
    let at = |at| {
        judged(&set, &keys, Clock { at, skew: 0 })
            .0
            .map(|verified| verified.set.ttl)
    };
    assert_eq!(at(u64::from(u32::MAX)), Ok(101));
    assert_eq!(at(u64::from(u32::MAX) + 51), Ok(50));
    assert_eq!(at(u64::from(u32::MAX) + 102), Err(Why::Expired));
    assert_eq!(at(u64::from(u32::MAX) - 101), Err(Why::NotYetValid));
}

// ---- limits

/// A key with the tag and algorithm of `like`, no better than noise: the tag is a sum of 16-bit words, so two of them
/// trade places, another two for each number.
fn twin(like: &Signer, number: usize) -> Vec<u8> {
    let places = (4..34).step_by(2);
    let pairs = places
        .clone()
        .flat_map(|one| places.clone().map(move |two| (one, two)));
    let honest = like.dnskey();
    let mut twins = pairs
        .filter(|(one, two)| one < two)
        .filter_map(|(one, two)| {
            let mut key = honest.clone();
            for offset in 0..2 {
                key.swap(one + offset, two + offset);
            }
            (key != honest).then_some(key)
        });
    let twin = twins.nth(number).unwrap();
    assert_eq!(
        crate::dnssec::Dnskey::read(&twin).unwrap().tag(),
        like.key_tag()
    );
    twin
}

#[test]
fn a_zone_with_one_bad_signature_beside_a_good_one_is_believed() {
    let (one, two) = (signer(1), signer(2));
    let set = plain("www.example.");
    let mut broken = one.sign(&set, VALIDITY).unwrap();
    *broken.last_mut().unwrap() ^= 1;
    let good = two.sign(&set, VALIDITY).unwrap();
    let keys = zone_keys(&[one.dnskey(), two.dnskey()]);
    for rrsigs in [[broken.clone(), good.clone()], [good, broken]] {
        let (result, checks) = judged(&with(&set, &rrsigs), &keys, CLOCK);
        assert!(result.is_ok());
        assert!(checks <= 2);
    }
}

#[test]
fn a_roll_over_of_algorithms_is_believed_by_the_one_we_know() {
    let known = signer(1);
    let set = plain("www.example.");
    let mut fields = known.fields(&set, VALIDITY);
    fields.algorithm = 12;
    let unknown = known.sign_fields(&set, &fields).unwrap();
    let good = known.sign(&set, VALIDITY).unwrap();
    let (result, checks) = judged(
        &with(&set, &[unknown, good]),
        &zone_keys(&[known.dnskey()]),
        CLOCK,
    );
    assert!(result.is_ok());
    assert_eq!(checks, 1);
}

#[test]
fn two_keys_of_one_tag_are_tried_and_a_third_is_not() {
    let good = signer(1);
    let set = good.signed(&plain("www.example."), VALIDITY).unwrap();
    let both = zone_keys(&[twin(&good, 0), good.dnskey()]);
    assert_eq!(both.key_count(), 2);
    let (result, checks) = judged(&set, &both, CLOCK);
    assert!(result.is_ok());
    assert_eq!(checks, 2);
    let three = zone_keys(&[twin(&good, 0), twin(&good, 1), good.dnskey()]);
    assert_eq!(three.key_count(), 2);
    assert_eq!(judged(&set, &three, CLOCK), (Err(Why::WrongSignature), 2));
}

#[test]
fn sixty_keys_and_sixty_signatures_cost_two_checks() {
    let good = signer(1);
    let set = plain("www.example.");
    let keys: Vec<Vec<u8>> = (0..60).map(|number| twin(&good, number)).collect();
    let rrsigs: Vec<Vec<u8>> = (0..60)
        .map(|number| {
            let mut rrsig = good.sign(&set, VALIDITY).unwrap();
            *rrsig.last_mut().unwrap() ^= number + 1;
            rrsig
        })
        .collect();
    let keys = zone_keys(&keys);
    assert_eq!(keys.key_count(), 2);
    assert_eq!(
        judged(&with(&set, &rrsigs), &keys, CLOCK),
        (Err(Why::WrongSignature), 2)
    );
}

#[test]
fn nothing_is_checked_that_the_allowance_does_not_pay() {
    let signer = signer(1);
    let set = signer.signed(&plain("www.example."), VALIDITY).unwrap();
    let keys = zone_keys(&[signer.dnskey()]);
    let mut allowance = Allowance::new(1, 0);
    assert!(verify(&set, &keys, CLOCK, &mut allowance).is_ok());
    let refused = verify(&set, &keys, CLOCK, &mut allowance).unwrap_err();
    assert!(refused.is_limit());
    assert_eq!(allowance.spent().signatures, 1);
}

#[test]
fn the_signer_is_who_says_so_at_or_above_the_owner() {
    let made = signer(1);
    let set = plain("www.example.");
    let by = |zone: &str| {
        let mut fields = made.fields(&set, VALIDITY);
        fields.signer = name(zone);
        made.sign_fields(&set, &fields).unwrap()
    };
    let claimed = |zones: &[&str]| {
        let rrsigs: Vec<Vec<u8>> = zones.iter().map(|zone| by(zone)).collect();
        super::signer(&with(&set, &rrsigs)).map(|name| name.to_string())
    };
    assert_eq!(
        claimed(&["other.", "example."]).as_deref(),
        Some("example.")
    );
    assert_eq!(claimed(&["a.www.example."]), None);
    assert_eq!(claimed(&["."]).as_deref(), Some("."));
    assert_eq!(claimed(&[]), None);
}

proptest! {
    #[test]
    fn any_octets_as_records_keys_and_signatures_are_judged_without_a_panic(
        rtype in 0_u16..70,
        rdata in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5),
        rrsigs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..5),
        dnskeys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5),
        ds in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
    ) {
        let pack = |items: &[Vec<u8>]| RdataSet::new(items.iter().map(Vec::as_slice));
        let of = |rtype, rdata: &[Vec<u8>]| Rrset {
            owner: name("example."),
            rtype,
            ttl: 5,
            rdata: pack(rdata),
            rrsigs: pack(&rrsigs),
        };
        let zone = name("example.");
        let mut allowance = Allowance::new(100, 0);
        let set = of(RecordType(rtype), &rdata);
        prop_assert!(verify(&set, &zone_keys(&dnskeys), CLOCK, &mut allowance).is_err());
        let dnskey = of(RecordType::DNSKEY, &dnskeys);
        let ds = of(RecordType::DS, &ds);
        let found = keys_by_ds(&zone, &ds, &dnskey, Accepted::default(), CLOCK, &mut allowance);
        prop_assert!(!matches!(found, Ok(KeyFinding::Keys(_))));
        for anchor in Anchor::all(&[ds, dnskey.clone()]) {
            let found = keys_by_anchor(&zone, &anchor, &dnskey, Accepted::default(), CLOCK, &mut allowance);
            prop_assert!(!matches!(found, Ok(KeyFinding::Keys(_))));
        }
    }

    #[test]
    fn a_signature_with_any_one_bit_changed_proves_nothing(at in 0_usize..91, bit in 0_u8..8) {
        let signer = signer(1);
        let set = plain("www.example.");
        let mut rrsig = signer.sign(&set, VALIDITY).unwrap();
        prop_assume!(at < rrsig.len());
        rrsig[at] ^= 1 << bit;
        // The case of the signer's letters, between two length octets, is not signed.
        let same = (19..26).contains(&at) && bit == 5;
        let (result, _) = judged(&with(&set, &[rrsig]), &zone_keys(&[signer.dnskey()]), CLOCK);
        prop_assert_eq!(result.is_ok(), same);
    }
}

#[test]
fn a_ds_with_either_digest_names_the_key() {
    let signer = signer(1);
    let zone = name("example.");
    let dnskey = signer.signed(&signer.dnskey_set(60), VALIDITY).unwrap();
    for kind in [DigestType::Sha256, DigestType::Sha384] {
        let rdata = signer.ds(kind);
        let ds = Rrset {
            rdata: RdataSet::new([rdata.as_slice()]),
            ..signer.ds_set(60)
        };
        let found = keys_by_ds(
            &zone,
            &ds,
            &dnskey,
            Accepted::default(),
            CLOCK,
            &mut Allowance::new(1, 0),
        );
        assert!(matches!(found, Ok(KeyFinding::Keys(_))), "{kind:?}");
    }
}
