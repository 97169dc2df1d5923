//! What becomes of failures to validate? They are remembered and forgotten (RFC 9520), and not papered over (RFC 8767).

use super::answers::WWW;
use super::writer::{Case, NOW, World, other_key};
use crate::dnssec::algorithm::{Algorithm, DigestType};
use crate::drill::signing::ZONE_SIGNING;

const ASKED: &str = "www.example.com. A";
const SERVER: &str = "192.0.2.1";
const DEEP: &str = "deep.ent.example.com. A";
const GOT_DEEP: &str = "deep.ent.example.com. IN A 203.0.113.6";

fn forged() -> World {
    let mut world = World::new();
    world
        .zone("example.com.")
        .after(|zone| zone.forge("www.example.com. A 203.0.113.66"));
    world
}

fn silent(servers: &[&'static str]) -> World {
    let mut world = World::new();
    for server in servers {
        world.silence(server);
    }
    world
}

/// `www` for 60 seconds.
fn short() -> World {
    let mut world = World::new();
    let zone = world.zone("example.com.");
    zone.ttl = 60;
    zone.add(&["short.example.com. A 203.0.113.9"]);
    zone.ttl = 3600;
    world
}

pub(super) fn cases() -> Vec<Case> {
    const SHORT: &str = "short.example.com. A";
    const GOT: &str = "short.example.com. IN A 203.0.113.9";
    let mut forged_short = short();
    forged_short
        .zone("example.com.")
        .after(|zone| zone.forge("short.example.com. A 203.0.113.66"));
    let mut silent_short = short();
    silent_short.silence(SERVER);
    // Once its server is silent for long, the daemon asks the parent for others, behind the answer.
    silent_short
        .foresee("192.5.6.30", "example.com. A")
        .foresee("192.5.6.30", "short.example.com. A");
    let mut many = World::new();
    many.zone("example.com.").after(|zone| {
        zone.strip("www.example.com.", "A");
        for labels in 0..20_u32 {
            zone.sign_by(
                &crate::recursion::tests::signed::key("example.com."),
                "www.example.com.",
                "A",
                move |fields| {
                    // Each one fits something else: the TTL it was made over is changed below.
                    fields.original_ttl = 100_000 + labels;
                },
            );
        }
        for record in &mut zone.records {
            if record.rtype == crate::wire::RecordType::RRSIG
                && crate::wire::rdata::rrsig_covers(&record.rdata)
                    == Some(crate::wire::RecordType::A)
                && record.owner == super::writer::name("www.example.com.")
                && let Some(last) = record.rdata.last_mut()
            {
                *last ^= 1;
            }
        }
    });
    let mut ends = World::new();
    ends.zone("example.com.").validity.expiration = NOW + 1000;
    let rolled = |data: u64| {
        let mut world = World::new();
        let entry = other_key("example.com.", Algorithm::Ed25519, 5);
        let data = other_key("example.com.", Algorithm::Ed25519, data).with_flags(ZONE_SIGNING);
        let zone = world.zone("example.com.");
        zone.ds = Some(vec![entry.ds(DigestType::Sha256)]);
        zone.signers = vec![entry, data];
        world
    };
    let mut replaced = World::new();
    replaced.zone("example.com.").signers = vec![other_key("example.com.", Algorithm::Ed25519, 9)];
    vec![
        Case::new("dnssec-keys-rolled-in-a-hurry", "RFC 6781 section 4.3, RFC 4035 section 5.3.1: a signature by a key that the cached keys lack has them fetched, not the zone fail.", rolled(6))
            .secure(ASKED, &[WWW])
            .later(rolled(7))
            .secure(DEEP, &[GOT_DEEP]),
        Case::new("dnssec-ds-replaced-in-a-hurry", "RFC 6781 section 4.3: keys that do not fit the cached DS set have that fetched, too.", World::new())
            .secure(ASKED, &[WWW])
            .later(replaced)
            .secure(DEEP, &[GOT_DEEP]),
        Case::new("dnssec-failure-is-remembered", "RFC 9520 section 3.2, RFC 4035 section 4.7: a failure to validate is cached; servers that are right again are asked when it ends.", forged())
            .bogus(ASKED, 6)
            .later(World::new())
            .exact(ASKED, "RD DO", "all ede=any", "QR RD RA DO SERVFAIL", &[], &[])
            .pass(6)
            .secure(ASKED, &[WWW]),
        Case::new("dnssec-failure-is-of-one-question", "RFC 9520 section 3.2: other names of the zone are not held responsible.", forged())
            .bogus(ASKED, 6)
            .secure(DEEP, &[GOT_DEEP]),
        Case::new("dnssec-failure-is-not-papered-over", "RFC 8767 section 4: stale data stand in for servers that are silent, not for answers that are bogus.", short())
            .head("serve-expired: yes")
            .head("serve-expired-client-timeout: 1800")
            .secure(SHORT, &[GOT])
            .pass(70)
            .later(forged_short)
            .bogus(SHORT, 6),
        Case::new("dnssec-stale-is-not-authentic", "RFC 8767 section 4, RFC 8914 section 4.4: data past their end are marked, and not called authentic.", short())
            .head("serve-expired: yes")
            .head("serve-expired-client-timeout: 1800")
            .secure(SHORT, &[GOT])
            .pass(70)
            .later(silent_short)
            .exact(SHORT, "RD DO", "all ede=3", "QR RD RA DO NOERROR", &["=short.example.com. A"], &[]),
        Case::new("dnssec-signatures-end", "RFC 4035 section 5.3.3: a zone whose signatures have ended goes from authentic to bogus, in cache and out of it.", ends)
            .secure(ASKED, &[WWW])
            .pass(990)
            .secure(ASKED, &[WWW])
            .pass(11)
            .bogus("deep.ent.example.com. A", 7)
            .exact(ASKED, "RD DO", "all ede=any", "QR RD RA DO SERVFAIL", &[], &[]),
        Case::new("dnssec-too-many-signatures", "CVE-2023-50387 (KeyTrap): twenty signatures, each to be tried, are not.", many)
            .exact(ASKED, "RD DO", "all ede=any", "QR RD RA DO SERVFAIL", &[], &[]),
        Case::new("dnssec-servers-silent", "RFC 8914 section 4.23: servers that say nothing are unreachable, not bogus.", silent(&[SERVER]))
            .exact(ASKED, "RD DO", "all ede=22", "QR RD RA DO SERVFAIL", &[], &[]),
    ]
}
