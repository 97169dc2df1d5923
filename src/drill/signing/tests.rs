//! Do the signer and the validator agree, and do the signer's zones look as real ones do?

use std::collections::BTreeMap;

use super::*;
use crate::dnssec::algorithm::Accepted;
use crate::dnssec::{
    Allowance, Anchor, Clock, KeyFinding, Why, keys_by_anchor, keys_by_ds, verify,
};
use crate::wire::rrset::group;
use crate::wire::{Class, Record, text};

const NOW: u32 = 1_700_000_000;
const VALIDITY: Validity = Validity {
    inception: NOW - 3_600,
    expiration: NOW + 3_600,
};
const CLOCK: Clock = Clock {
    at: NOW as u64,
    skew: 0,
};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record {
        owner: name(owner),
        rtype,
        class: Class::IN,
        ttl: 300,
        rdata: rdata.into(),
    }
}

fn small_zone() -> Vec<Record> {
    let mut soa = b"\x02ns\x07example\x00\x01h\x07example\x00".to_vec();
    soa.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 60]);
    let ns = |owner: &str| record(owner, RecordType::NS, b"\x02ns\x07example\x00");
    vec![
        record("example.", RecordType::SOA, &soa),
        ns("example."),
        record("ns.example.", RecordType::A, &[192, 0, 2, 1]),
        record("a.deep.example.", RecordType::TXT, b"\x01x"),
        record("*.w.example.", RecordType::TXT, b"\x01w"),
        ns("insecure.example."),
        record("glue.insecure.example.", RecordType::A, &[192, 0, 2, 2]),
        ns("secure.example."),
        record(
            "secure.example.",
            RecordType::DS,
            &[&[0, 1, 13, 2][..], &[9; 32]].concat(),
        ),
    ]
}

fn all_signers(algorithm: Algorithm) -> Vec<Signer> {
    [(1, KEY_SIGNING), (2, ZONE_SIGNING)]
        .map(|(seed, flags)| Signer::new(&name("example."), algorithm, seed, flags).unwrap())
        .to_vec()
}

#[test]
fn whole_zones_validate_under_every_algorithm_and_denial() {
    let hashing = Hashing {
        iterations: 3,
        salt: vec![0xAB],
        opt_out: false,
    };
    for algorithm in Algorithm::ALL {
        for denial in [
            Denial::Nsec,
            Denial::Nsec3(hashing.clone()),
            Denial::Nothing,
        ] {
            let signers = all_signers(algorithm);
            let zone = name("example.");
            let sets = group(&sign_zone(&small_zone(), &signers, &denial, VALIDITY).unwrap());
            let dnskey = sets
                .iter()
                .find(|set| set.rtype == RecordType::DNSKEY)
                .unwrap();
            assert_eq!(dnskey.rdata.len(), 2);
            let mut allowance = Allowance::new(1000, 0);
            let ds = signers[0].ds_set(60);
            let found = keys_by_ds(&zone, &ds, dnskey, Accepted::All, CLOCK, &mut allowance);
            let Ok(KeyFinding::Keys(keys)) = found else {
                panic!("{algorithm:?}: {found:?}");
            };
            let anchored = keys_by_anchor(
                &zone,
                &Anchor::new(dnskey),
                dnskey,
                Accepted::All,
                CLOCK,
                &mut allowance,
            );
            assert_eq!(anchored, Ok(KeyFinding::Keys(keys.clone())));
            let mut unsigned = Vec::new();
            for set in &sets {
                match verify(set, &keys, CLOCK, &mut allowance) {
                    Ok(_) => {}
                    Err(bogus) if bogus.why == Why::NoSignature => {
                        unsigned.push(format!("{} {}", set.owner, set.rtype));
                    }
                    Err(bogus) => panic!("{algorithm:?} {denial:?}: {bogus}"),
                }
            }
            assert_eq!(
                unsigned,
                [
                    "insecure.example. NS",
                    "glue.insecure.example. A",
                    "secure.example. NS"
                ]
            );
        }
    }
}

#[test]
fn the_dnskey_ds_of_a_key_that_does_not_sign_it_vouches_for_nothing() {
    let signers = all_signers(Algorithm::Ed25519);
    let sets = group(&sign_zone(&small_zone(), &signers, &Denial::Nsec, VALIDITY).unwrap());
    let dnskey = sets
        .iter()
        .find(|set| set.rtype == RecordType::DNSKEY)
        .unwrap();
    let ds = signers[1].ds_set(60);
    let found = keys_by_ds(
        &name("example."),
        &ds,
        dnskey,
        Accepted::default(),
        CLOCK,
        &mut Allowance::new(9, 0),
    );
    assert_eq!(found.unwrap_err().why, Why::NoMatchingKey);
}

#[test]
fn the_nsec_chain_closes_and_skips_glue() {
    let signers = all_signers(Algorithm::Ed25519);
    let signed = sign_zone(&small_zone(), &signers, &Denial::Nsec, VALIDITY).unwrap();
    let chain: Vec<String> = signed
        .iter()
        .filter(|record| record.rtype == RecordType::NSEC)
        .map(|record| {
            format!(
                "{} {}",
                record.owner,
                text::rdata_to_text(RecordType::NSEC, &record.rdata)
            )
        })
        .collect();
    assert_eq!(
        chain,
        [
            "example. a.deep.example. NS SOA RRSIG NSEC DNSKEY",
            "a.deep.example. insecure.example. TXT RRSIG NSEC",
            "insecure.example. ns.example. NS RRSIG NSEC",
            "ns.example. secure.example. A RRSIG NSEC",
            "secure.example. *.w.example. NS DS RRSIG NSEC",
            "*.w.example. example. TXT RRSIG NSEC",
        ]
    );
    assert!(
        signed
            .iter()
            .filter(|record| record.rtype == RecordType::NSEC)
            .all(|r| r.ttl == 60)
    );
}

#[test]
fn the_nsec3_chain_has_empty_non_terminals_and_leaves_out_what_opt_out_covers() {
    let signers = all_signers(Algorithm::Ed25519);
    let chain = |opt_out| -> BTreeMap<Name, Box<[u8]>> {
        let hashing = Hashing {
            iterations: 0,
            salt: Vec::new(),
            opt_out,
        };
        sign_zone(&small_zone(), &signers, &Denial::Nsec3(hashing), VALIDITY)
            .unwrap()
            .into_iter()
            .filter(|record| record.rtype == RecordType::NSEC3)
            .map(|record| (record.owner, record.rdata))
            .collect()
    };
    let owner = |text: &str| {
        nsec3_owner(
            &nsec3_hash(&name(text), &Hashing::default()),
            &name("example."),
        )
    };
    let full = chain(false);
    assert_eq!(full.len(), 8);
    // Behind algorithm, flags, iterations, no salt and the next hash stand the types.
    let types = |of: &str| full[&owner(of)][26..].to_vec();
    assert_eq!(types("insecure.example."), [0, 1, 0x20]);
    assert_eq!(types("secure.example."), [0, 6, 0x20, 0, 0, 0, 0, 0x12]);
    assert!(types("deep.example.").is_empty());
    assert!(full.contains_key(&owner("w.example.")));
    let open = chain(true);
    assert_eq!(open.len(), 7);
    assert!(!open.contains_key(&owner("insecure.example.")));
    assert!(
        full.values()
            .all(|rdata| rdata.starts_with(&[1, 0, 0, 0, 0, 20]))
    );
    assert!(
        open.values()
            .all(|rdata| rdata.starts_with(&[1, 1, 0, 0, 0, 20]))
    );
}

#[test]
fn the_nsec3_hash_is_that_of_rfc_5155_appendix_a() {
    let hashing = Hashing {
        iterations: 12,
        salt: vec![0xAA, 0xBB, 0xCC, 0xDD],
        opt_out: true,
    };
    for (plain, hashed) in [
        ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."),
        ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl.example."),
        ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example."),
        ("xx.example.", "t644ebqk9bibcna874givr6joj62mlhv.example."),
    ] {
        let hash = nsec3_hash(&name(plain), &hashing);
        assert_eq!(nsec3_owner(&hash, &name("example.")).to_string(), hashed);
    }
}

#[test]
fn keys_from_one_seed_are_one_key_and_from_two_are_two() {
    for algorithm in Algorithm::ALL {
        let key = |seed| {
            Signer::new(&name("example."), algorithm, seed, KEY_SIGNING)
                .unwrap()
                .dnskey()
        };
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }
}

/// BIND's own verifier over our zones: signatures, chains, bitmaps. Where it is not installed there is nothing to ask.
#[test]
fn bind_verifies_the_zones_we_sign() {
    let has_bind = std::process::Command::new("dnssec-verify")
        .arg("-V")
        .output()
        .is_ok();
    if !has_bind {
        return;
    }
    let forever = Validity {
        inception: NOW,
        expiration: NOW.wrapping_add(i32::MAX.cast_unsigned()),
    };
    let open = Hashing {
        iterations: 2,
        salt: vec![1, 2],
        opt_out: true,
    };
    let closed = Hashing {
        opt_out: false,
        ..open.clone()
    };
    let directory = tempfile::tempdir().unwrap();
    for algorithm in Algorithm::ALL {
        for denial in [
            Denial::Nsec,
            Denial::Nsec3(open.clone()),
            Denial::Nsec3(closed.clone()),
        ] {
            let signers = all_signers(algorithm);
            let zone: String = sign_zone(&small_zone(), &signers, &denial, forever)
                .unwrap()
                .iter()
                .map(|record| {
                    let hex: String = record
                        .rdata
                        .iter()
                        .map(|octet| format!("{octet:02x}"))
                        .collect();
                    let Record {
                        owner, ttl, rtype, ..
                    } = record;
                    format!(
                        "{owner} {ttl} IN TYPE{} \\# {} {hex}\n",
                        rtype.0,
                        record.rdata.len()
                    )
                })
                .collect();
            let file = directory.path().join("zone");
            std::fs::write(&file, zone).unwrap();
            let output = std::process::Command::new("dnssec-verify")
                .args(["-o", "example."])
                .arg(&file)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{algorithm:?} {denial:?}: {said}");
        }
    }
}
