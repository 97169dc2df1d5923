//! Is only that work light which is done in less than a millisecond, whoever made it up?

use super::*;
use crate::dnssec::key::Key;
use crate::wire::RdataSet;

/// A set with so many signatures of 100 octets; its RDATA all of `rdata`.
fn set(rtype: RecordType, rdata: &[u8], signatures: usize) -> Rrset {
    Rrset {
        owner: "www.example.".parse().unwrap(),
        rtype,
        ttl: 300,
        rdata: RdataSet::new([rdata]),
        rrsigs: RdataSet::new((0..signatures).map(|_| &[0; 100][..])),
    }
}

fn plain() -> Rrset {
    set(RecordType::A, &[192, 0, 2, 1], 1)
}

fn nsec3(iterations: u8) -> Rrset {
    set(RecordType::NSEC3, &[1, 0, 0, iterations, 0, 0], 1)
}

/// A DNSKEY of an algorithm, long enough for any.
fn dnskey(algorithm: u8) -> Vec<u8> {
    [&[1, 0, 3, algorithm][..], &[7; 96]].concat()
}

fn sets(algorithm: u8, positive: Vec<Rrset>, soa: Option<Rrset>, proofs: Vec<Rrset>) -> bool {
    let keys = ZoneKeys {
        zone: "example.".parse().unwrap(),
        keys: Key::all(&RdataSet::new([&dnskey(algorithm)[..]]), Accepted::All).into_boxed_slice(),
        expires: u64::MAX,
    };
    let denied = soa.map(|soa| Denied {
        name: "www.example.".parse().unwrap(),
        rtype: RecordType::A,
        whole_name: true,
        or_type: false,
        soa: Some(soa),
    });
    let evidence = Evidence::Sets(Sets {
        keys: Arc::new(keys),
        positive,
        extra: Vec::new(),
        denied,
        proofs,
        nsec3_iterations: 50,
    });
    is_light(evidence)
}

fn is_light(evidence: Evidence) -> bool {
    let clock = Clock { at: 0, skew: 0 };
    Verification::new(evidence, clock, Allowance::new(16, 300)).is_light()
}

#[test]
fn an_answer_or_a_denial_of_a_usual_zone_is_light_work() {
    for algorithm in [8, 10, 13, 15] {
        assert!(
            sets(algorithm, vec![plain()], None, Vec::new()),
            "{algorithm}"
        );
    }
    let soa = || Some(set(RecordType::SOA, &[0; 22], 1));
    assert!(sets(13, Vec::new(), soa(), vec![nsec3(0); 3]));
    assert!(!sets(13, Vec::new(), soa(), vec![nsec3(0); 4]));
    assert!(!sets(13, Vec::new(), soa(), vec![nsec3(0), nsec3(1)]));
    assert!(!sets(13, vec![plain(); 5], None, Vec::new()));
}

#[test]
fn slow_curves_and_much_data_are_not() {
    assert!(!sets(14, vec![plain()], None, Vec::new()));
    assert!(!sets(16, vec![plain()], None, Vec::new()));
    let large = set(RecordType::A, &[192, 0, 2, 1], 500);
    assert!(!sets(13, vec![large], None, Vec::new()));
    let keys = |algorithms: &[u8]| {
        let keys: Vec<Vec<u8>> = algorithms.iter().map(|number| dnskey(*number)).collect();
        let mut dnskey = set(RecordType::DNSKEY, &[], 1);
        dnskey.rdata = RdataSet::new(keys.iter().map(Vec::as_slice));
        is_light(Evidence::KeysByDs {
            zone: dnskey.owner.clone(),
            ds: Arc::new(set(RecordType::DS, &[0; 36], 1)),
            dnskey,
            accepted: Accepted::All,
        })
    };
    assert!(keys(&[13, 13]));
    assert!(!keys(&[13, 14]));
    assert!(!keys(&[15; 60]));
}
