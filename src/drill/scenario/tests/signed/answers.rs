//! Which answers are believed? RFC 4035 section 5.3: each check of a signature, lifetimes, wildcards, and what flags make of it.

use super::writer::{Case, NOW, World, name, other_key};
use crate::dnssec::algorithm::Algorithm;
use crate::drill::signing::{Denial, KEY_SIGNING, SignatureFields, Signer, ZONE_SIGNING};
use crate::wire::RecordType;

pub(super) const WWW: &str = "www.example.com. IN A 203.0.113.5";
const ASKED: &str = "www.example.com. A";

/// `www.example.com.` with a signature that lies.
fn lie(
    file: &'static str,
    rule: &'static str,
    lie: impl Fn(&mut SignatureFields) + 'static,
) -> Case {
    let mut world = World::new();
    world
        .zone("example.com.")
        .after(move |zone| zone.resign("www.example.com.", "A", &lie));
    Case::new(file, rule, world)
}

/// A zone signed by one key of this algorithm.
fn algorithm(file: &'static str, rule: &'static str, algorithm: Algorithm) -> Case {
    let mut world = World::new();
    world.zone("example.com.").signers = vec![other_key("example.com.", algorithm, 1)];
    Case::new(file, rule, world).secure(ASKED, &[WWW])
}

/// Signatures by SHA-1, which the runners believe (`dnssec.sha1`).
fn by_sha1() -> Vec<Case> {
    let world = |algorithm, denial| {
        let mut world = World::new();
        let zone = world.zone("example.com.");
        zone.signers = vec![other_key("example.com.", algorithm, 0)];
        zone.denial = denial;
        world
    };
    let rsa = || world(Algorithm::RsaSha1, Denial::Nsec);
    let mut forged = rsa();
    let zone = forged.zone("example.com.");
    zone.after(|zone| zone.forge("www.example.com. A 203.0.113.66"));
    let with_nsec3 = world(Algorithm::RsaSha1Nsec3, super::writer::nsec3(0, false));
    vec![
        Case::new("dnssec-algorithm-rsasha1", "RFC 9905 section 2: algorithm 5, which validators still know for the operators who ask for it.", rsa())
            .secure(ASKED, &[WWW]),
        Case::new("dnssec-algorithm-rsasha1-forged", "RFC 9905 section 2, RFC 4035 section 5.5: who believes algorithm 5 is told of data that do not fit.", forged)
            .bogus(ASKED, 6),
        Case::new("dnssec-algorithm-rsasha1-nsec3", "RFC 5155 section 2: algorithm 7 is algorithm 5 for zones with NSEC3, whose denials it signs.", with_nsec3)
            .secure(ASKED, &[WWW])
            .denied(true, "nowhere.example.com. A", "NXDOMAIN", &[], "example.com."),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = signatures();
    all.extend(by_sha1());
    all.extend(lifetimes());
    all.extend(wildcards());
    all.extend(flags());
    all
}

fn signatures() -> Vec<Case> {
    let mut stripped = World::new();
    let zone = stripped.zone("example.com.");
    zone.after(|zone| zone.strip("www.example.com.", "A"));
    let mut forged = World::new();
    let zone = forged.zone("example.com.");
    zone.after(|zone| zone.forge("www.example.com. A 203.0.113.66"));
    let mut added = World::new();
    added.meddle("192.0.2.1", |question, message| {
        if question.rtype == RecordType::A {
            let line = "www.example.com. A 203.0.113.66";
            message.answer.push(super::writer::rr(line, 3600));
        }
    });
    let mut two = World::new();
    two.zone("example.com.").after(|zone| {
        let stranger = other_key("example.com.", Algorithm::Ed25519, 77);
        zone.strip("www.example.com.", "A");
        zone.sign_by(&stranger, "www.example.com.", "A", |_| {});
        let honest = crate::recursion::tests::signed::key("example.com.");
        zone.sign_by(&honest, "www.example.com.", "A", |_| {});
    });
    let mut one_of_two = World::new();
    let zone = one_of_two.zone("example.com.");
    zone.signers = vec![
        other_key("example.com.", Algorithm::Ed25519, 5),
        other_key("example.com.", Algorithm::RsaSha256, 0),
    ];
    zone.after(|zone| {
        let first = other_key("example.com.", Algorithm::Ed25519, 5);
        zone.strip("www.example.com.", "A");
        zone.sign_by(&first, "www.example.com.", "A", |_| {});
    });
    let mut no_zone_key = World::new();
    let entry = other_key("example.com.", Algorithm::Ed25519, 5);
    let other = other_key("example.com.", Algorithm::Ed25519, 6).with_flags(0);
    no_zone_key.zone("example.com.").signers = vec![entry, other];
    let mut original_ttl = World::new();
    original_ttl.zone("example.com.").after(|zone| {
        for record in &mut zone.records {
            let signature = record.rtype == RecordType::RRSIG;
            if signature && record.owner == name("www.example.com.") {
                // The last octet of the field (RFC 4034 section 3.1).
                record.rdata[7] ^= 1;
            }
        }
    });
    let mut roles = World::new();
    let entry = other_key("example.com.", Algorithm::Ed25519, 5);
    let data = other_key("example.com.", Algorithm::Ed25519, 6).with_flags(ZONE_SIGNING);
    let zone = roles.zone("example.com.");
    zone.ds = Some(vec![entry.ds(crate::dnssec::algorithm::DigestType::Sha256)]);
    zone.signers = vec![entry, data];
    vec![
        Case::new("dnssec-answer", "RFC 4035 section 5.3: a chain of trust from the root's anchor, and an answer that is authentic.", World::new())
            .secure(ASKED, &[WWW])
            .secure(ASKED, &[WWW]),
        Case::new("dnssec-answer-forged", "RFC 4035 section 5.5: data that do not fit their signature are SERVFAIL.", forged).bogus(ASKED, 6),
        Case::new("dnssec-answer-added-to", "RFC 4035 section 5.3.2: a signature is of the whole set; one record more is bogus.", added).bogus(ASKED, 6),
        Case::new("dnssec-answer-stripped", "RFC 4035 section 5.2: a signed zone has no unsigned data; signatures taken away are seen.", stripped).bogus(ASKED, 10),
        lie("dnssec-rrsig-signer-above", "RFC 4035 section 5.3.1: the signer is the zone that holds the set, not its parent.", |fields| fields.signer = name("com.")).bogus(ASKED, 9),
        lie("dnssec-rrsig-signer-below", "RFC 4035 section 5.3.1: the signer is a zone; a name inside of one is none.", |fields| fields.signer = name("www.example.com.")).bogus(ASKED, 6),
        lie("dnssec-rrsig-signer-elsewhere", "RFC 4035 section 5.3.1: a signer that is no ancestor of the owner has no say.", |fields| fields.signer = name("example.org.")).bogus(ASKED, 10),
        lie("dnssec-rrsig-of-another-type", "RFC 4035 section 5.3.1: the type covered is that of the set.", |fields| fields.covers = RecordType::AAAA).bogus(ASKED, 10),
        lie("dnssec-rrsig-labels-too-many", "RFC 4035 section 5.3.1: the labels field is not more than the labels of the owner.", |fields| fields.labels = 4).bogus(ASKED, 6),
        lie("dnssec-rrsig-labels-too-few", "RFC 4035 section 5.3.4: fewer labels make it a wildcard's, which takes a proof that nothing is closer.", |fields| fields.labels = 2).bogus(ASKED, 12),
        lie("dnssec-rrsig-labels-below-signer", "CVE-2026-44690, CVE-2026-11721: labels fewer than the signer has would make a wildcard above the zone.", |fields| fields.labels = 1).bogus(ASKED, 6),
        lie("dnssec-rrsig-expired", "RFC 4035 section 5.3.1: the time is not after the expiration.", |fields| fields.validity.expiration = NOW - 1).bogus(ASKED, 7),
        lie("dnssec-rrsig-not-yet-valid", "RFC 4035 section 5.3.1: the time is not before the inception.", |fields| fields.validity.inception = NOW + 600).bogus(ASKED, 8),
        lie("dnssec-rrsig-first-second", "RFC 4034 section 3.1.5: a signature holds in the second of its inception.", |fields| fields.validity.inception = NOW).secure(ASKED, &[WWW]),
        lie("dnssec-rrsig-times-turned-around", "RFC 4034 section 3.1.5: an inception after the expiration is never now.", |fields| {
            (fields.validity.inception, fields.validity.expiration) = (NOW + 600, NOW - 600);
        })
        .bogus(ASKED, 25),
        lie("dnssec-rrsig-expired-within-skew", "RFC 4035 section 5.3.1, Unbound's val-sig-skew-max: clocks may differ as far as the operator says.", |fields| fields.validity.expiration = NOW - 300)
            .head("val-sig-skew-max: 600")
            .secure(ASKED, &["www.example.com. IN A 203.0.113.5"]),
        lie("dnssec-rrsig-key-tag-unknown", "RFC 4035 section 5.3.1: name, algorithm and tag of a signature are those of a key.", |fields| fields.key_tag ^= 1).bogus(ASKED, 9),
        lie("dnssec-rrsig-algorithm-wrong", "RFC 4035 section 5.3.1: the algorithm of a signature is that of its key.", |fields| fields.algorithm = 13).bogus(ASKED, 9),
        Case::new(
            "dnssec-rrsig-original-ttl-wrong",
            "RFC 4035 section 5.3.2: the original TTL is signed; changed afterwards, the signature does not fit.",
            original_ttl,
        )
        .bogus(ASKED, 6),
        Case::new("dnssec-two-signatures-one-good", "RFC 4035 section 5.3.1: one signature that fits is enough.", two).secure(ASKED, &[WWW]),
        Case::new("dnssec-two-algorithms-one-signature", "RFC 6840 section 5.11: a validator takes any valid path, and wants no signature of each algorithm.", one_of_two).secure(ASKED, &[WWW]),
        Case::new("dnssec-key-without-zone-bit", "RFC 4034 section 2.1.1: a key without the zone bit signs no data.", no_zone_key).bogus(ASKED, 9),
        Case::new("dnssec-key-roles", "RFC 6840 section 6.2, RFC 4034 section 2.1.1: a key of entry vouches for the key that signs the data.", roles).secure(ASKED, &[WWW]),
        algorithm("dnssec-algorithm-rsasha256", "RFC 5702 section 2.1: a zone signed by RSA with SHA-256, algorithm 8.", Algorithm::RsaSha256),
        algorithm("dnssec-algorithm-rsasha512", "RFC 5702: algorithm 10, which RFC 9904 still has validators know.", Algorithm::RsaSha512),
        algorithm("dnssec-algorithm-ed448", "RFC 8080: algorithm 16, with keys of 57 octets.", Algorithm::Ed448),
    ]
}

fn lifetimes() -> Vec<Case> {
    let ttl = |file, rule, ttl: u32, answer: &str, lie: fn(&mut SignatureFields)| {
        let mut world = World::new();
        world.zone("example.com.").after(move |zone| {
            zone.resign("www.example.com.", "A", lie);
            for record in &mut zone.records {
                if record.owner == name("www.example.com.") {
                    record.ttl = ttl;
                }
            }
        });
        Case::new(file, rule, world).exact(
            ASKED,
            "RD AD",
            "all ttl",
            "QR RD RA AD NOERROR",
            &[answer],
            &[],
        )
    };
    vec![
        ttl(
            "dnssec-ttl-capped-by-original",
            "RFC 4035 section 5.3.3: a TTL above the signed original one comes down to it.",
            80_000,
            "www.example.com. 3600 IN A 203.0.113.5",
            |_| {},
        ),
        ttl(
            "dnssec-ttl-below-original",
            "RFC 4035 section 5.3.3: a TTL below the original one is that of a cache on the way, and stays.",
            20,
            "www.example.com. 20 IN A 203.0.113.5",
            |_| {},
        ),
        ttl(
            "dnssec-ttl-capped-by-expiration",
            "RFC 4035 section 5.3.3: nothing is kept beyond the end of its signature.",
            3600,
            "www.example.com. 100 IN A 203.0.113.5",
            |fields| {
                fields.validity.expiration = NOW + 100;
            },
        )
        .pass(60)
        .exact(
            ASKED,
            "RD AD",
            "all ttl",
            "QR RD RA AD NOERROR",
            &["www.example.com. 40 IN A 203.0.113.5"],
            &[],
        )
        .pass(41)
        .bogus(ASKED, 7),
    ]
}

fn wildcards() -> Vec<Case> {
    const ASKED: &str = "a.wild.example.com. A";
    const GOT: &str = "a.wild.example.com. IN A 203.0.113.7";
    let mut bare = World::new();
    bare.meddle("192.0.2.1", |_, message| {
        if !message.answer.is_empty() {
            message.authority.clear();
        }
    });
    let mut replay = World::new();
    replay
        .zone("example.com.")
        .add(&["real.wild.example.com. A 203.0.113.8"]);
    replay.meddle("192.0.2.1", |question, message| {
        if question.name != name("real.wild.example.com.") || question.rtype != RecordType::A {
            return;
        }
        // What it would have been before the name was there.
        let old = World::new().honest("192.0.2.1", "real.wild.example.com. A");
        message.answer = old.answer;
    });
    let mut replay_all = World::new();
    replay_all
        .zone("example.com.")
        .add(&["b.wild.example.com. A 203.0.113.8"]);
    vec![
        Case::new("dnssec-wildcard", "RFC 4035 section 5.3.4: a wildcard's answer with the proof that nothing is closer is authentic.", World::new())
            .secure(ASKED, &[GOT])
            .secure("x.y.wild.example.com. A", &["x.y.wild.example.com. IN A 203.0.113.7"]),
        Case::new("dnssec-wildcard-itself", "RFC 4035 section 5.3.2: the wildcard asked for by its own name needs no proof.", World::new())
            .secure("*.wild.example.com. A", &["*.wild.example.com. IN A 203.0.113.7"]),
        Case::new("dnssec-wildcard-without-proof", "RFC 4035 section 5.3.4: without that proof it is bogus.", bare).bogus(ASKED, 12),
        Case::new("dnssec-wildcard-for-a-name-that-exists", "CVE-2026-46582: a wildcard's answer for a name that is there, with the proof that it is, is bogus.", replay).bogus("real.wild.example.com. A", 12),
        Case::new("dnssec-wildcard-beside-a-name", "RFC 4592 section 2.2.1: the name beside the wildcard has its own data, both authentic.", replay_all)
            .secure("b.wild.example.com. A", &["b.wild.example.com. IN A 203.0.113.8"])
            .secure("c.wild.example.com. A", &["c.wild.example.com. IN A 203.0.113.7"]),
    ]
}

fn flags() -> Vec<Case> {
    let mut forged = World::new();
    let zone = forged.zone("example.com.");
    zone.after(|zone| zone.forge("www.example.com. A 203.0.113.66"));
    const BAD: &str = "www.example.com. IN A 203.0.113.66";
    vec![
        Case::new("dnssec-do-gives-signatures", "RFC 4035 section 3.2.1: DO brings the signatures, and AD without asking.", World::new())
            .exact(ASKED, "RD DO", "all", "QR RD RA AD DO NOERROR", &["=www.example.com. A"], &[]),
        Case::new("dnssec-ad-is-asked-for", "RFC 6840 section 5.7: who sets AD is told AD; who sets neither AD nor DO is not.", World::new())
            .exact(ASKED, "RD", "all", "QR RD RA NOERROR", &[WWW], &[])
            .secure(ASKED, &[WWW])
            .exact(ASKED, "RD", "all", "QR RD RA NOERROR", &[WWW], &[]),
        Case::new("dnssec-cd-gives-what-is-bogus", "RFC 4035 section 3.2.2, RFC 6840 section 5.9: with CD the client decides; others get SERVFAIL still.", forged)
            .exact(ASKED, "RD CD", "all", "QR RD RA CD NOERROR", &[BAD], &[])
            .bogus(ASKED, 6)
            .exact(ASKED, "RD CD", "all", "QR RD RA CD NOERROR", &[BAD], &[]),
        Case::new("dnssec-types-of-dnssec", "RFC 4035 section 3.1: DNSKEY, DS and NSEC are data like others, and authentic.", World::new())
            .exact("example.com. DNSKEY", "RD DO", "all", "QR RD RA AD DO NOERROR", &["=example.com. DNSKEY"], &[])
            .exact("example.com. DS", "RD DO", "all", "QR RD RA AD DO NOERROR", &["=example.com. DS"], &[])
            .exact("zzz.example.com. NSEC", "RD DO", "all", "QR RD RA AD DO NOERROR", &["=zzz.example.com. NSEC"], &[]),
        Case::new("dnssec-no-anchor", "RFC 4035 section 5: without an anchor nothing is validated and nothing is called authentic.", World::new())
            .anchors(&[])
            .insecure(ASKED, &[WWW]),
    ]
}

/// A signer for others, unlike the zone's own.
pub(super) fn stranger(zone: &str) -> Signer {
    other_key(zone, Algorithm::Ed25519, 77).with_flags(KEY_SIGNING)
}
