//! How far does trust reach? Anchors, islands, referrals, DS and keys at zone cuts (RFC 4035 sections 5, 5.1 and 5.2, RFC 6840).

use super::answers::{WWW, stranger};
use super::writer::{Case, World, anchor, name, nsec3, other_key, rr};
use crate::dnssec::algorithm::{Algorithm, DigestType};
use crate::drill::signing::Denial;
use crate::recursion::tests::signed::key;
use crate::wire::{Rcode, RecordType};

const SUB: &str = "192.0.2.2";
const PLAIN: &str = "192.0.2.3";
const COM: &str = "192.5.6.30";
const EXAMPLE: &str = "192.0.2.1";
const ASKED: &str = "www.example.com. A";
const IN_SUB: &str = "www.sub.example.com. A";
const SUB_WWW: &str = "www.sub.example.com. IN A 203.0.113.20";
const IN_PLAIN: &str = "www.plain.example.com. A";
const PLAIN_WWW: &str = "www.plain.example.com. IN A 203.0.113.30";

/// With a signed and an unsigned zone below example.com.
fn world() -> World {
    let mut world = World::new();
    world
        .put("sub.example.com.", SUB)
        .add(&["www.sub.example.com. A 203.0.113.20"]);
    world
        .put("plain.example.com.", PLAIN)
        .unsigned()
        .add(&["www.plain.example.com. A 203.0.113.30"]);
    world
}

/// The same with DS records of `sub` as they are.
fn ds(all: Vec<Vec<u8>>) -> World {
    let mut world = world();
    world.zone("sub.example.com.").ds = Some(all);
    world
}

fn ds_of_sub() -> Vec<u8> {
    key("sub.example.com.").ds(DigestType::Sha256)
}

/// That DS record with another octet at `place`: 2 is the algorithm, 3 the digest type.
fn ds_with(place: usize, octet: u8) -> Vec<u8> {
    let mut ds = ds_of_sub();
    ds[place] = octet;
    ds
}

/// Nothing is signed above example.com, which is believed by an anchor of its own.
fn island() -> World {
    let mut world = world();
    world.zone(".").unsigned();
    world.zone("com.").unsigned();
    world.zone("example.com.").ds = Some(Vec::new());
    world
        .put("other.com.", "192.0.2.4")
        .unsigned()
        .add(&["www.other.com. A 203.0.113.40"]);
    world
}

fn islander(file: &'static str, rule: &'static str, world: World) -> Case {
    Case::new(file, rule, world).anchors(&[anchor(&key("example.com."))])
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = islands();
    all.extend(referrals());
    all.extend(keys());
    all.extend(operators());
    all
}

fn islands() -> Vec<Case> {
    let answering = |signer: Option<&'static str>| {
        let mut world = island();
        world.meddle(COM, move |question, message| {
            if question.name != name("www.example.com.") || question.rtype != RecordType::A {
                return;
            }
            message.header.flags = message.header.flags.with_aa(true);
            message.authority.clear();
            message.additional.clear();
            let forged = rr("www.example.com. A 203.0.113.66", 3600);
            message.answer = vec![forged];
            if let Some(zone) = signer {
                let stranger = stranger(zone);
                let set = crate::wire::rrset::group(&message.answer).remove(0);
                let rrsig = stranger.sign(&set, crate::recursion::tests::signed::VALID);
                let mut record = rr("www.example.com. A 203.0.113.66", 3600);
                record.rtype = RecordType::RRSIG;
                record.rdata = rrsig.unwrap().into();
                message.answer.push(record);
            }
        });
        world
    };
    let forwarding = |forged: bool| {
        let mut world = island();
        // The forwarder answers for all of them.
        world.zone("example.com.").server = "192.0.2.99";
        if forged {
            world.zone("example.com.").after(|zone| {
                zone.strip("www.example.com.", "A");
                zone.forge("www.example.com. A 203.0.113.66");
            });
        }
        world
    };
    let forwarder = "forward-zone:\n\tname: \".\"\n\tforward-addr: 192.0.2.99";
    let dnskey = {
        let text =
            crate::wire::text::rdata_to_text(RecordType::DNSKEY, &key("example.com.").dnskey());
        format!("example.com. 3600 IN DNSKEY {text}")
    };
    vec![
        islander("dnssec-island", "RFC 4035 section 5.1: an island of security is believed by its own anchor; what lies outside is not.", island())
            .secure(ASKED, &[WWW])
            .insecure("www.other.com. A", &["www.other.com. IN A 203.0.113.40"]),
        Case::new("dnssec-island-by-a-key", "RFC 4035 section 5.1: an anchor may be a DNSKEY record as well as a DS.", island())
            .anchors(&[dnskey])
            .secure(ASKED, &[WWW]),
        islander("dnssec-island-reaches-down", "RFC 4035 section 5.2: below the anchor, trust goes on by DS, and ends where there is none.", island())
            .secure(IN_SUB, &[SUB_WWW])
            .insecure(IN_PLAIN, &[PLAIN_WWW]),
        islander("dnssec-island-unsigned-from-above", "RFC 4035 section 5.1: the unsigned parent's server cannot answer for the island without its signature.", answering(None)).head("qname-minimisation: no")
        .bogus(ASKED, 10),
        islander("dnssec-island-signed-from-above", "RFC 4035 section 5.1: a signature by the unsigned parent is no way around the island's anchor.", answering(Some("com."))).head("qname-minimisation: no")
        .bogus(ASKED, 10),
        islander("dnssec-island-behind-a-forwarder", "RFC 4035 section 5.1: an anchor holds for what a forwarder says.", forwarding(false))
            .head(forwarder)
            .secure(ASKED, &[WWW]),
        islander("dnssec-island-stripped-by-a-forwarder", "RFC 4035 section 5.1: a forwarder that takes the signatures away is not believed, though the root has no anchor.", forwarding(true))
            .head(forwarder)
            .bogus(ASKED, 10),
        Case::new("dnssec-anchor-of-another-key", "RFC 4035 section 5: keys that no anchor vouches for make the zone bogus.", World::new())
            .anchors(&[anchor(&stranger("."))])
            .bogus(ASKED, 9),
        Case::new("dnssec-anchor-closest-counts", "RFC 6840 section C.1: of several anchors the closest decides; the path from above need not hold.", {
            let mut world = World::new();
            world.zone("example.com.").ds = Some(vec![stranger("example.com.").ds(DigestType::Sha256)]);
            world
        })
            .anchors(&[anchor(&key(".")), anchor(&key("example.com."))])
            .secure(ASKED, &[WWW]),
        Case::new("dnssec-anchors-two-of-a-zone", "RFC 4035 section 5: one of a zone's anchors is enough, as in a roll-over.", World::new())
            .anchors(&[anchor(&stranger(".")), anchor(&key("."))])
            .secure(ASKED, &[WWW]),
    ]
}

fn referrals() -> Vec<Case> {
    let hashed = |opt_out| {
        let mut world = world();
        world.zone("example.com.").denial = nsec3(0, opt_out);
        world
    };
    let drop_from_referral = |types: &'static [RecordType], forever: bool| {
        let mut world = world();
        world.meddle(EXAMPLE, move |question, message| {
            let of_sub = |record: &crate::wire::Record| {
                record.owner == name("sub.example.com.") || types.contains(&RecordType::NSEC)
            };
            if !question.name.is_within(&name("sub.example.com.")) {
                return;
            }
            if !forever && question.rtype == RecordType::DS {
                return;
            }
            let gone = |record: &crate::wire::Record| {
                let covers = crate::wire::rdata::rrsig_covers(&record.rdata);
                of_sub(record)
                    && (types.contains(&record.rtype)
                        || record.rtype == RecordType::RRSIG
                            && covers.is_some_and(|covered| types.contains(&covered)))
            };
            message.authority.retain(|record| !gone(record));
            message.answer.retain(|record| !gone(record));
        });
        world
    };
    let mut forged_child = drop_from_referral(&[RecordType::DS, RecordType::NSEC], true);
    forged_child.zone("sub.example.com.").unsigned();
    forged_child.zone("sub.example.com.").ds = Some(vec![ds_of_sub()]);
    let one_server = |signed: bool| {
        let mut world = world();
        let zone = world.zone("sub.example.com.");
        zone.server = EXAMPLE;
        if !signed {
            zone.unsigned();
        }
        world
    };
    let mut child_speaks = world();
    child_speaks.zone("sub.example.com.").server = EXAMPLE;
    child_speaks.meddle(EXAMPLE, |question, message| {
        if question.rtype == RecordType::DS && question.name == name("sub.example.com.") {
            // The child's own denial of its DS.
            let mut child = World::new();
            child.zones.clear();
            child.put("sub.example.com.", EXAMPLE);
            *message = child.honest(EXAMPLE, "sub.example.com. DS");
        }
    });
    child_speaks.zone("sub.example.com.").ds = Some(vec![ds_of_sub()]);
    let mut deep = world();
    deep.put("ent.dept.sub.example.com.", "192.0.2.5")
        .add(&["www.ent.dept.sub.example.com. A 203.0.113.50"]);
    let mut ancestor = world();
    ancestor.zone("plain.example.com.").server = PLAIN;
    ancestor.meddle(PLAIN, |question, message| {
        if question.name == name("www.plain.example.com.") {
            // The parent's NSEC at the cut, as if it spoke for the child.
            let parent = world().honest(EXAMPLE, "plain.example.com. DS");
            message.answer.clear();
            message.authority = parent.authority;
            message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        }
    });
    ancestor.zone("plain.example.com.").signers = vec![key("plain.example.com.")];
    ancestor.zone("plain.example.com.").denial = Denial::Nsec;
    ancestor.zone("plain.example.com.").ds = None;
    vec![
        Case::new("dnssec-referral-signed", "RFC 4035 section 5.2: the DS in the referral leads to the child's keys.", world()).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-referral-unsigned", "RFC 4035 section 5.2: NSEC without DS at the cut proves the child unsigned; its answers are not authentic.", world())
            .insecure(IN_PLAIN, &[PLAIN_WWW])
            .insecure(IN_PLAIN, &[PLAIN_WWW]),
        Case::new("dnssec-referral-nsec3", "RFC 5155 section 8.9: an NSEC3 that matches the cut, with NS and without DS, proves the child unsigned.", hashed(false))
            .insecure(IN_PLAIN, &[PLAIN_WWW])
            .secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-referral-opt-out", "RFC 5155 section 8.9: a span with opt-out around the cut does, too.", hashed(true))
            .insecure(IN_PLAIN, &[PLAIN_WWW])
            .secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-referral-without-ds", "RFC 4035 section 5.2: a referral that lacks DS and proof proves nothing; DS is asked for.", drop_from_referral(&[RecordType::DS], false)).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-referral-ds-taken-away", "RFC 4035 section 5.2: without a proof that there is no DS, a child that looks unsigned is bogus.", forged_child).bogus(IN_SUB, 12),
        Case::new("dnssec-parent-and-child-on-one-server", "RFC 6840 section 4.2: both zones on one server: no referral tells of the cut, and the child's signature does.", one_server(true)).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-parent-and-unsigned-child-on-one-server", "RFC 6840 section 4.2: the same with an unsigned child: the DS that is not there is asked for and proven.", one_server(false))
            .insecure(IN_SUB, &[SUB_WWW])
            .denied(true, "sub.example.com. DS", "NOERROR", &[], "example.com."),
        Case::new("dnssec-child-speaks-of-its-ds", "RFC 4035 section 2.4: only the parent says that there is no DS; the child's denial is none.", child_speaks).bogus("sub.example.com. DS", 12),
        Case::new("dnssec-ds-is-the-parents", "RFC 4035 section 3.1.4.1: DS is asked of the parent and is authentic.", world())
            .exact("sub.example.com. DS", "RD DO", "all", "QR RD RA AD DO NOERROR", &["=sub.example.com. DS"], &[])
            .denied(true, "plain.example.com. DS", "NOERROR", &[], "example.com."),
        Case::new("dnssec-cut-below-empty-names", "RFC 4035 section 5.2: a cut several labels down, with empty names between.", deep)
            .secure("www.ent.dept.sub.example.com. A", &["www.ent.dept.sub.example.com. IN A 203.0.113.50"])
            .secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-nsec-of-the-cut-denies-nothing-below", "RFC 6840 section 4.1: the parent's NSEC at a cut says nothing of names in the child.", ancestor).bogus(IN_PLAIN, 12),
    ]
}

fn keys() -> Vec<Case> {
    let mut unsigned_keys = world();
    unsigned_keys
        .zone("sub.example.com.")
        .after(|zone| zone.strip("sub.example.com.", "DNSKEY"));
    let mut no_keys = world();
    no_keys
        .zone("sub.example.com.")
        .after(|zone| zone.remove("sub.example.com.", "DNSKEY"));
    let mut by_stranger = world();
    by_stranger.zone("sub.example.com.").after(|zone| {
        zone.strip("sub.example.com.", "DNSKEY");
        zone.sign_by(
            &stranger("sub.example.com."),
            "sub.example.com.",
            "DNSKEY",
            |_| {},
        );
    });
    let mut standby = ds(vec![
        ds_of_sub(),
        stranger("sub.example.com.").ds(DigestType::Sha256),
    ]);
    standby
        .zone("sub.example.com.")
        .add(&["a.sub.example.com. A 203.0.113.21"]);
    let mut expired = world();
    expired.zone("sub.example.com.").after(|zone| {
        zone.resign("sub.example.com.", "DNSKEY", |fields| {
            fields.validity.expiration = super::writer::NOW - 1;
        });
    });
    let mut revoked = world();
    let signer = key("sub.example.com.").with_flags(0x0181);
    revoked.zone("sub.example.com.").signers = vec![signer];
    let rolled = {
        let mut world = world();
        let new = other_key("sub.example.com.", Algorithm::RsaSha256, 0);
        let zone = world.zone("sub.example.com.");
        zone.ds = Some(vec![new.ds(DigestType::Sha256)]);
        zone.signers = vec![new];
        world
    };
    let by_sha1 = || key("sub.example.com.").ds(DigestType::Sha1);
    vec![
        Case::new("dnssec-ds-of-another-key", "RFC 4035 section 5.2: a DS that no key fits makes the child bogus, not unsigned.", ds(vec![stranger("sub.example.com.").ds(DigestType::Sha256)])).bogus(IN_SUB, 9),
        Case::new("dnssec-ds-digest-wrong", "RFC 4035 section 5.2: the digest of the DS is that of the key.", ds(vec![ds_with(10, 0)])).bogus(IN_SUB, 9),
        Case::new("dnssec-ds-digest-unknown", "RFC 6840 section 5.2: DS records with unknown digests alone make the child unsigned.", ds(vec![ds_with(3, 200)]))
            .exact(IN_SUB, "RD AD", "all", "QR RD RA NOERROR", &[SUB_WWW], &[]),
        Case::new("dnssec-ds-digest-sha1", "RFC 9905 section 2: a DS by SHA-1 alone, for operators who believe it (dnssec.sha1).", ds(vec![by_sha1()])).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-ds-digest-sha1-wrong", "RFC 4035 section 5.2: a DS by SHA-1 that is believed and fits no key makes the child bogus.", ds(vec![ds_with(3, 1)])).bogus(IN_SUB, 9),
        Case::new("dnssec-ds-digest-sha1-beside-sha256", "RFC 4509 section 3: beside a DS by SHA-256 one by SHA-1 counts for nothing, even if it alone fits.", ds(vec![by_sha1(), ds_with(10, 0)])).bogus(IN_SUB, 9),
        Case::new("dnssec-ds-digest-sha384", "RFC 6605 section 2: a DS by SHA-384.", ds(vec![key("sub.example.com.").ds(DigestType::Sha384)])).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-ds-algorithm-unknown", "RFC 4035 section 5.2: DS records of unknown algorithms alone make the child unsigned.", ds(vec![ds_with(2, 200)])).insecure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-ds-one-unknown", "RFC 6840 section 5.2: an unknown DS beside one that is known is disregarded.", ds(vec![ds_with(3, 200), ds_with(2, 200), ds_of_sub()])).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-ds-one-known-and-wrong", "RFC 6840 section 5.2: an unknown DS does not make unsigned what a known one makes bogus.", ds(vec![ds_with(3, 200), ds_with(10, 0)])).bogus(IN_SUB, 9),
        Case::new("dnssec-ds-prepublished", "RFC 6781 section 4.1: of two DS records one may have no key yet.", standby).secure(IN_SUB, &[SUB_WWW]),
        Case::new("dnssec-dnskey-unsigned", "RFC 4035 section 5.2: keys that do not sign themselves are no keys.", unsigned_keys).bogus(IN_SUB, 10),
        Case::new("dnssec-dnskey-missing", "RFC 4035 section 5.2: a DS and no keys is bogus.", no_keys).bogus(IN_SUB, 9),
        Case::new("dnssec-dnskey-signed-by-another", "RFC 4035 section 5.2: the key that the DS vouches for signs the keys; another's signature counts for nothing.", by_stranger).bogus(IN_SUB, 9),
        Case::new("dnssec-dnskey-signature-expired", "RFC 4035 section 5.3.1: the keys' own signature has its time, too.", expired).bogus(IN_SUB, 7),
        Case::new("dnssec-dnskey-revoked", "RFC 5011 section 2.1: a revoked key vouches for nothing but its revocation.", revoked).bogus(IN_SUB, 9),
        Case::new("dnssec-algorithm-rolled", "RFC 6781 section 4.1.4: a zone that has changed its algorithm is believed by the new one.", rolled).secure(IN_SUB, &[SUB_WWW]),
    ]
}

fn operators() -> Vec<Case> {
    let broken = || {
        let mut world = world();
        world
            .zone("sub.example.com.")
            .after(|zone| zone.forge("www.sub.example.com. A 203.0.113.66"));
        world
    };
    const BAD: &str = "www.sub.example.com. IN A 203.0.113.66";
    vec![
        Case::new(
            "dnssec-negative-anchor",
            "RFC 7646: a zone under a negative anchor is unsigned; others are not touched.",
            broken(),
        )
        .head("domain-insecure: \"sub.example.com.\"")
        .insecure(IN_SUB, &[BAD])
        .secure(ASKED, &[WWW]),
        Case::new(
            "dnssec-negative-anchor-above",
            "RFC 7646 section 2: all below a negative anchor is unsigned.",
            broken(),
        )
        .head("domain-insecure: \"com.\"")
        .insecure(IN_SUB, &[BAD])
        .insecure(ASKED, &[WWW]),
        Case::new(
            "dnssec-negative-anchor-elsewhere",
            "RFC 7646: a negative anchor beside a broken zone does not help it.",
            broken(),
        )
        .head("domain-insecure: \"plain.example.com.\"")
        .bogus(IN_SUB, 6),
        Case::new(
            "dnssec-anchor-below-a-negative-anchor",
            "RFC 7646 section 2.1: an anchor below a negative anchor is believed.",
            world(),
        )
        .head("domain-insecure: \"com.\"")
        .anchors(&[anchor(&key(".")), anchor(&key("sub.example.com."))])
        .insecure(ASKED, &[WWW])
        .secure(IN_SUB, &[SUB_WWW]),
    ]
}
