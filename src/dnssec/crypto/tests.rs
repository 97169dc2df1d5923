//! Do the published examples of the RFCs verify, and does nothing else?

use proptest::prelude::*;

use super::*;
use crate::dnssec::canonical::{CanonicalRdata, signed_data};
use crate::dnssec::{Dnskey, Ds, Rrsig};
use crate::drill::signing::{KEY_SIGNING, Signer};
use crate::wire::rrset::group;
use crate::wire::text::record_from_text;
use crate::wire::{Name, RdataSet, Rrset};

/// One example: DNSKEY, its DS unless there is none, a set with its RRSIG. As the RFCs have them; those of RFC 8080 with
/// erratum 4935, which corrects the labels field and the signatures.
struct Example {
    rfc: &'static str,
    key: &'static str,
    ds: &'static str,
    set: &'static str,
}

const EXAMPLES: [Example; 7] = [
    Example {
        rfc: "RFC 5702 section 6.2, RSA/SHA-512",
        key: "example.net. 3600 IN DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL",
        ds: "",
        set: "www.example.net. 3600 IN A 192.0.2.91
www.example.net. 3600 IN RRSIG A 10 3 3600 1893456000 946684800 3740 example.net. tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
    },
    Example {
        rfc: "RFC 6605 section 6.1, P-256",
        key: "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        ds: "example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
        set: "www.example.net. 3600 IN A 192.0.2.1
www.example.net. 3600 IN RRSIG A 13 3 3600 1284026679 1281607479 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
    },
    Example {
        rfc: "RFC 6605 section 6.2, P-384",
        key: "example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
        ds: "example.net. 3600 IN DS 10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
        set: "www.example.net. 3600 IN A 192.0.2.1
www.example.net. 3600 IN RRSIG A 14 3 3600 1284027625 1281608425 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
    },
    Example {
        rfc: "RFC 8080 section 6.1, Ed25519",
        key: "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
        ds: "example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
        set: "example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
    },
    Example {
        rfc: "RFC 8080 section 6.1, Ed25519, second",
        key: "example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
        ds: "example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
        set: "example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
    },
    Example {
        rfc: "RFC 8080 section 6.2, Ed448",
        key: "example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
        ds: "example.com. 3600 IN DS 9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7",
        set: "example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
    },
    Example {
        rfc: "RFC 8080 section 6.2, Ed448, second",
        key: "example.com. 3600 IN DNSKEY 257 3 16 kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA",
        ds: "example.com. 3600 IN DS 38353 16 2 645ff078b3568f5852b70cb60e8e696cc77b75bfaaffc118cf79cbda1ba28af4",
        set: "example.com. 3600 IN MX 10 mail.example.com.
example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 38353 example.com. E1/oLjSGIbmLny/4fcgM1z4oL6aqo+izT3urCyHyvEp4Sp8Syg1eI+lJ57CSnZqjJP41O/9l4m0AsQ4f7qI1gVnML8vWWiyW2KXhT9kuAICUSxv5OWbf81Rq7Yu60npabODB0QFPb/rkW3kUZmQ0YQUA",
    },
];

fn set(text: &str) -> Rrset {
    let records: Vec<_> = text
        .lines()
        .map(|line| record_from_text(line, 0).unwrap())
        .collect();
    group(&records).remove(0)
}

/// Verifies by the mathematics and the canonical form alone.
fn fits(key: &Rrset, set: &Rrset) -> bool {
    let key = key.rdata.iter().next().and_then(Dnskey::read).unwrap();
    let rrsig = set.rrsigs.iter().next().and_then(Rrsig::read).unwrap();
    assert_eq!(rrsig.key_tag, key.tag());
    let rdata = CanonicalRdata::of(set);
    let mut message = Vec::new();
    signed_data(set, &rdata, &rrsig, &mut message).unwrap();
    let algorithm = Algorithm::of(key.algorithm).unwrap();
    verify(algorithm, key.public_key, &message, rrsig.signature)
}

#[test]
fn the_examples_of_the_rfcs_verify() {
    for example in EXAMPLES {
        let key = set(example.key);
        let signed = set(example.set);
        assert!(fits(&key, &signed), "{}", example.rfc);
        if !example.ds.is_empty() {
            let ds = set(example.ds);
            let ds = ds.rdata.iter().next().and_then(Ds::read).unwrap();
            let dnskey = key.rdata.iter().next().and_then(Dnskey::read).unwrap();
            assert!(ds.may_name(&dnskey, dnskey.tag()), "{}", example.rfc);
            assert!(ds.fits(&key.owner, &dnskey), "{}", example.rfc);
        }
        let mut other = signed.clone();
        other.ttl += 1;
        assert!(fits(&key, &other), "the TTL received is not signed");
        let rdata: Vec<u8> = signed.rdata.iter().next().unwrap().to_vec();
        let wrong: Vec<u8> = rdata.iter().map(|octet| octet ^ 1).collect();
        other.rdata = RdataSet::new([wrong.as_slice()]);
        assert!(!fits(&key, &other), "{}", example.rfc);
    }
}

/// Ed448 without a DNS around it: RFC 8032 section 7.4, "1 octet" and "13 octets".
#[test]
fn ed448_verifies_the_vectors_of_rfc_8032() {
    for (key, message, signature) in [
        (
            "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
            "03",
            "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00",
        ),
        (
            "b3da079b0aa493a5772029f0467baebee5a8112d9d3a22532361da294f7bb3815c5dc59e176b4d9f381ca0938e13c6c07b174be65dfa578e80",
            "64a65f3cdedcdd66811e2915e7",
            "6a12066f55331b6c22acd5d5bfc5d71228fbda80ae8dec26bdd306743c5027cb4890810c162c027468675ecf645a83176c0d7323a2ccde2d80efe5a1268e8aca1d6fbc194d3f77c44986eb4ab4177919ad8bec33eb47bbb5fc6e28196fd1caf56b4e7e0ba5519234d047155ac727a1053100",
        ),
    ] {
        let (key, message, signature) = (unhex(key), unhex(message), unhex(signature));
        assert!(verify(Algorithm::Ed448, &key, &message, &signature));
        for at in 0..signature.len() {
            let mut bad = signature.clone();
            bad[at] ^= 0x10;
            assert!(
                !verify(Algorithm::Ed448, &key, &message, &bad),
                "octet {at}"
            );
        }
        assert!(!verify(Algorithm::Ed448, &key, b"other", &signature));
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn signed(algorithm: Algorithm) -> (Vec<u8>, Vec<u8>) {
    let signer = Signer::new(&Name::root(), algorithm, 1, KEY_SIGNING).unwrap();
    (
        signer.dnskey()[4..].to_vec(),
        signer.signature(b"message").unwrap(),
    )
}

/// Algorithms that differ by their number alone.
fn family(algorithm: Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::RsaSha1Nsec3 => Algorithm::RsaSha1,
        other => other,
    }
}

#[test]
fn keys_and_signatures_of_a_wrong_length_fit_nothing() {
    for algorithm in Algorithm::ALL {
        let (key, signature) = signed(algorithm);
        assert!(verify(algorithm, &key, b"message", &signature));
        assert!(!verify(algorithm, &key, b"massage", &signature));
        for length in 0..key.len() {
            assert!(!verify(algorithm, &key[..length], b"message", &signature));
        }
        for length in 0..signature.len() {
            assert!(!verify(algorithm, &key, b"message", &signature[..length]));
        }
        let longer = |octets: &[u8]| [octets, &[0]].concat();
        assert!(!verify(algorithm, &longer(&key), b"message", &signature));
        assert!(!verify(algorithm, &key, b"message", &longer(&signature)));
        for other in Algorithm::ALL
            .into_iter()
            .filter(|other| family(*other) != family(algorithm))
        {
            assert!(!verify(other, &key, b"message", &signature));
        }
    }
}

#[test]
fn rsa_keys_are_read_in_both_forms_and_with_the_zeros_that_some_write() {
    let (key, signature) = signed(Algorithm::RsaSha256);
    let fits = |key: &[u8]| verify(Algorithm::RsaSha256, key, b"message", &signature);
    assert_eq!(key[..4], [3, 1, 0, 1]);
    let modulus = &key[4..];
    assert!(fits(&[&[0, 0, 3, 1, 0, 1], modulus].concat()));
    assert!(fits(&[&[5, 0, 0, 1, 0, 1, 0], modulus].concat()));
    assert!(!fits(&[&[0, 0, 0], modulus].concat()));
    assert!(!fits(&[&[1, 1], modulus].concat()), "exponent 1");
    assert!(!fits(&[&[1, 4], modulus].concat()), "even exponent");
    assert!(
        !fits(&[&[6, 1, 0, 0, 0, 0, 1], modulus].concat()),
        "exponent too long"
    );
    assert!(!fits(&[0]));
    assert!(!fits(&[0, 0xFF, 0xFF]));
}

#[test]
fn rsa_keys_are_1024_to_4096_bits_long() {
    for (octets, plausible) in [(512, true), (513, false), (1024, false)] {
        let key = [&[3, 1, 0, 1][..], &vec![0xFF; octets]].concat();
        assert_eq!(rsa_components(&key).is_some(), plausible, "{octets} octets");
    }
}

proptest! {
    #[test]
    fn any_octets_are_judged_without_a_panic(
        number in prop::sample::select(Algorithm::ALL.to_vec()),
        key in prop::collection::vec(any::<u8>(), 0..150),
        message in prop::collection::vec(any::<u8>(), 0..100),
        signature in prop::collection::vec(any::<u8>(), 0..150),
    ) {
        prop_assert!(!verify(number, &key, &message, &signature));
    }

    #[test]
    fn octets_of_the_right_length_are_judged_without_a_panic(
        number in prop::sample::select(Algorithm::ALL.to_vec()),
        key in prop::collection::vec(any::<u8>(), 96),
        signature in prop::collection::vec(any::<u8>(), 114),
    ) {
        let (keys, signatures) = match number {
            Algorithm::Ed25519 => (32, 64),
            Algorithm::Ed448 => (57, 114),
            Algorithm::EcdsaP256Sha256 => (64, 64),
            _ => (96, 96),
        };
        prop_assert!(!verify(number, &key[..keys], b"m", &signature[..signatures]));
    }
}
