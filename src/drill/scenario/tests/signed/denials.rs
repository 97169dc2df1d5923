//! Which denials are believed? RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840 sections 4.1 to 4.4, and what follows (RFC 8198).

use super::answers::WWW;
use super::writer::{Case, World, name, nsec3, rr};
use crate::drill::signing::{Denial, Hashing, nsec_rdata, nsec3_hash, nsec3_owner};
use crate::wire::{Message, Question, Rcode, RecordType};

const SERVER: &str = "192.0.2.1";
const PLAIN_HASHING: Hashing = Hashing {
    iterations: 0,
    salt: Vec::new(),
    opt_out: false,
};
const NOTHING: &str = "nothing.example.com. A";

fn world(denial: Denial) -> World {
    let mut world = World::new();
    world.zone("example.com.").denial = denial;
    world
}

fn meddled(denial: Denial, deed: impl Fn(&Question, &mut Message) + 'static) -> World {
    let mut world = world(denial);
    world.meddle(SERVER, move |question, message| {
        // The way there stays honest.
        if message.answer.is_empty() && question.rtype != RecordType::DS {
            deed(question, message);
        }
    });
    world
}

/// Without the proofs whose owner begins so; the first label of an NSEC3 is its hash.
fn without(message: &mut Message, gone: impl Fn(&crate::wire::Record) -> bool) {
    message.authority.retain(|record| {
        !matches!(record.rtype, RecordType::NSEC | RecordType::NSEC3) || !gone(record)
    });
}

/// The same file for each way of denying.
fn each(
    files: [&'static str; 2],
    rules: [&'static str; 2],
    case: impl Fn(Case) -> Case,
    world: impl Fn(Denial) -> World,
) -> Vec<Case> {
    let denials = [Denial::Nsec, nsec3(0, false)];
    let all = files.into_iter().zip(rules).zip(denials);
    all.map(|((file, rule), denial)| case(Case::new(file, rule, world(denial))))
        .collect()
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = proofs();
    all.extend(broken());
    all.extend(hashed());
    all.extend(aggressive());
    all
}

fn proofs() -> Vec<Case> {
    let mut all = each(
        ["dnssec-nsec-nxdomain", "dnssec-nsec3-nxdomain"],
        [
            "RFC 4035 section 5.4: NXDOMAIN by NSEC, of the name and of the wildcard.",
            "RFC 5155 section 8.4: NXDOMAIN by closest encloser, next closer name and wildcard.",
        ],
        |case| {
            case.denied(true, NOTHING, "NXDOMAIN", &[], "example.com.")
                .denied(true, NOTHING, "NXDOMAIN", &[], "example.com.")
        },
        world,
    );
    all.extend(each(
        ["dnssec-nsec-nodata", "dnssec-nsec3-nodata"],
        [
            "RFC 4035 section 5.4: no data by an NSEC at the name that lacks the type.",
            "RFC 5155 section 8.5: no data by an NSEC3 that matches the name and lacks the type.",
        ],
        |case| {
            case.denied(true, "www.example.com. TXT", "NOERROR", &[], "example.com.")
                .secure("www.example.com. A", &[WWW])
        },
        world,
    ));
    all.extend(each(
        ["dnssec-nsec-empty-name", "dnssec-nsec3-empty-name"],
        [
            "RFC 4035 section 5.4: a name with nothing but names below: the NSEC before it points below it.",
            "RFC 5155 section 7.1: a name with nothing but names below has an NSEC3 without types.",
        ],
        |case| case.denied(true, "ent.example.com. A", "NOERROR", &[], "example.com."),
        world,
    ));
    all.extend(each(
        ["dnssec-nsec-wildcard-nodata", "dnssec-nsec3-wildcard-nodata"],
        [
            "RFC 4035 section 5.4: a wildcard without the type, by its NSEC and one that covers the name.",
            "RFC 5155 section 8.7: a wildcard without the type, by its NSEC3 and the closest encloser proof.",
        ],
        |case| case.denied(true, "a.wild.example.com. TXT", "NOERROR", &[], "example.com."),
        world,
    ));
    all.extend(each(
        ["dnssec-nsec-at-the-apex", "dnssec-nsec3-at-the-apex"],
        [
            "RFC 4035 section 5.4: no data at the apex, whose NSEC has SOA and NS.",
            "RFC 5155 section 8.5: no data at the apex, whose NSEC3 has SOA and NS.",
        ],
        |case| case.denied(true, "example.com. TXT", "NOERROR", &[], "example.com."),
        world,
    ));
    all.push(
        Case::new("dnssec-nsec3-wildcard", "RFC 5155 section 8.8: a wildcard's answer by the NSEC3 that covers the next closer name.", world(nsec3(0, false)))
            .secure("a.wild.example.com. A", &["a.wild.example.com. IN A 203.0.113.7"]),
    );
    all.push(
        Case::new(
            "dnssec-denial-with-proofs",
            "RFC 4035 section 3.1.3: with DO the proofs come along.",
            world(Denial::Nsec),
        )
        .exact(
            "www.example.com. TXT",
            "RD DO",
            "all",
            "QR RD RA AD DO NOERROR",
            &[],
            &[
                "=www.example.com. NSEC",
                "=example.com. NSEC",
                "=example.com. SOA",
            ],
        ),
    );
    all.push(
        Case::new("dnssec-denial-without-soa", "RFC 2308 section 2.2 with RFC 4035 section 5.4: a proof is as good without the SOA beside it.", meddled(Denial::Nsec, |_, message| {
            let soa = |record: &crate::wire::Record| {
                record.rtype == RecordType::SOA || crate::wire::rdata::rrsig_covers(&record.rdata) == Some(RecordType::SOA) && record.rtype == RecordType::RRSIG
            };
            message.authority.retain(|record| !soa(record));
        }))
        .exact("www.example.com. TXT", "RD DO", "all", "QR RD RA AD DO NOERROR", &[], &["=www.example.com. NSEC", "=example.com. NSEC"]),
    );
    all
}

fn broken() -> Vec<Case> {
    let mut all = each(
        ["dnssec-nsec-stripped", "dnssec-nsec3-stripped"],
        [
            "RFC 4035 section 5.4: a denial without proof is bogus.",
            "RFC 5155 section 8.1: a denial without proof is bogus, hashed or not.",
        ],
        |case| case.bogus(NOTHING, 12),
        |denial| meddled(denial, |_, message| without(message, |_| true)),
    );
    all.extend(each(
        ["dnssec-nsec-unsigned", "dnssec-nsec3-unsigned"],
        [
            "RFC 4035 section 5.4: an NSEC without signature proves nothing.",
            "RFC 5155 section 8.2: an NSEC3 without signature proves nothing.",
        ],
        |case| case.bogus(NOTHING, 12),
        |denial| {
            meddled(denial, |_, message| {
                let of_proof = |rdata: &[u8]| {
                    matches!(
                        crate::wire::rdata::rrsig_covers(rdata),
                        Some(RecordType::NSEC | RecordType::NSEC3)
                    )
                };
                message
                    .authority
                    .retain(|record| record.rtype != RecordType::RRSIG || !of_proof(&record.rdata));
            })
        },
    ));
    all.extend(each(
        ["dnssec-nsec-for-a-name-that-exists", "dnssec-nsec3-for-a-name-that-exists"],
        [
            "RFC 4035 section 5.4: an NSEC at the name proves that it is there, whatever the code says.",
            "RFC 5155 section 8.4: an NSEC3 that matches the name proves that it is there.",
        ],
        |case| case.bogus("www.example.com. TXT", 12),
        |denial| {
            meddled(denial, |question, message| {
                if question.rtype == RecordType::TXT {
                    message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
                }
            })
        },
    ));
    all.extend(each(
        [
            "dnssec-nsec-of-a-type-that-exists",
            "dnssec-nsec3-of-a-type-that-exists",
        ],
        [
            "RFC 4035 section 5.4: an NSEC that has the type does not deny it.",
            "RFC 5155 section 8.5: an NSEC3 that has the type does not deny it.",
        ],
        |case| case.bogus("www.example.com. A", 12),
        |denial| {
            let mut lying = world(denial.clone());
            lying.meddle(SERVER, move |question, message| {
                if question.rtype == RecordType::A && question.name == name("www.example.com.") {
                    *message = world(denial.clone()).honest(SERVER, "www.example.com. TXT");
                }
            });
            lying
        },
    ));
    all.extend(each(
        [
            "dnssec-nsec-where-an-alias-is",
            "dnssec-nsec3-where-an-alias-is",
        ],
        [
            "RFC 6840 section 4.3: an NSEC with CNAME denies no type at its name.",
            "RFC 6840 section 4.3: an NSEC3 with CNAME denies no type at its name.",
        ],
        |case| case.bogus("alias.example.com. A", 12),
        |denial| {
            let mut lying = world(denial.clone());
            lying.meddle(SERVER, move |question, message| {
                if question.name == name("alias.example.com.") && question.rtype == RecordType::A {
                    let mut same = world(denial.clone()).honest(SERVER, "www.example.com. TXT");
                    same.question = message.question.clone();
                    let proofs =
                        world(denial.clone()).honest(SERVER, "nothing.alias.example.com. A");
                    same.authority.extend(proofs.authority);
                    same.authority.retain(|record| {
                        record.rtype == RecordType::SOA || record.owner != name("www.example.com.")
                    });
                    *message = same;
                }
            });
            lying
        },
    ));
    all.push(
        Case::new(
            "dnssec-nsec-wildcard-not-denied",
            "RFC 4035 section 5.4: NXDOMAIN takes the proof that no wildcard fits.",
            meddled(Denial::Nsec, |_, message| {
                without(message, |record| record.owner == name("example.com."));
            }),
        )
        .bogus(NOTHING, 12),
    );
    all.push(
        Case::new(
            "dnssec-nsec-name-not-denied",
            "RFC 4035 section 5.4: and that the name is not there.",
            meddled(Denial::Nsec, |_, message| {
                without(message, |record| record.owner != name("example.com."));
            }),
        )
        .bogus(NOTHING, 12),
    );
    let outside = |world: &mut World| {
        world.zone("example.com.").after(|zone| {
            let types = [RecordType::A, RecordType::NSEC, RecordType::RRSIG];
            let next = nsec_rdata(&name("a.org."), &types);
            for record in &mut zone.records {
                if record.rtype == RecordType::NSEC && record.owner == name("deep.ent.example.com.")
                {
                    record.rdata = next.clone().into();
                }
            }
            zone.resign("deep.ent.example.com.", "NSEC", |_| {});
        });
    };
    let mut next = world(Denial::Nsec);
    outside(&mut next);
    all.push(
        Case::new(
            "dnssec-nsec-next-outside",
            "CVE-2026-13321: an NSEC whose next name lies outside of its zone covers nothing.",
            next,
        )
        .bogus(NOTHING, 12),
    );
    let mut child = world(Denial::Nsec);
    child
        .put("sub.example.com.", SERVER)
        .add(&["a.sub.example.com. A 203.0.113.21"]);
    child.meddle(SERVER, |question, message| {
        if question.name == name("nothing.example.com.") {
            // A proof by the child, of a name of the parent.
            let mut own = World::new();
            own.put("sub.example.com.", "192.0.2.2")
                .add(&["a.sub.example.com. A 203.0.113.21"]);
            let foreign = own.honest("192.0.2.2", "b.sub.example.com. A");
            without(message, |_| true);
            message.authority.retain(|record| {
                record.rtype == RecordType::SOA
                    || crate::wire::rdata::rrsig_covers(&record.rdata) == Some(RecordType::SOA)
            });
            message
                .authority
                .extend(foreign.authority.into_iter().filter(|record| {
                    record.owner != name("sub.example.com.") || record.rtype == RecordType::NSEC
                }));
        }
    });
    all.push(
        Case::new(
            "dnssec-nsec-of-another-zone",
            "CVE-2026-10723: a zone below proves nothing for the zone above.",
            child,
        )
        .bogus(NOTHING, 12),
    );
    all.push(
        Case::new(
            "dnssec-nsec-expanded-from-a-wildcard",
            "RFC 6840 section 4.1: an NSEC that a wildcard made proves nothing.",
            meddled(Denial::Nsec, |_, message| {
                for record in &mut message.authority {
                    if record.owner == name("deep.ent.example.com.") {
                        record.owner = name("m.wild.example.com.");
                    }
                }
            }),
        )
        .bogus(NOTHING, 12),
    );
    all
}

fn hashed() -> Vec<Case> {
    // Without the NSEC3 that matches or covers `about`.
    let only = |about: &'static str| {
        meddled(nsec3(0, false), move |question, message| {
            if question.name != name("nothing.example.com.") {
                return;
            }
            let zone = name("example.com.");
            let hash = nsec3_owner(&nsec3_hash(&name(about), &PLAIN_HASHING), &zone);
            let owners = message.authority.iter();
            let owners = owners.filter(|record| record.rtype == RecordType::NSEC3);
            let mut owners: Vec<_> = owners.map(|record| record.owner.clone()).collect();
            owners.sort();
            let gone = owners.iter().rev().find(|owner| **owner <= hash);
            let gone = gone.or_else(|| owners.last()).cloned();
            without(message, |record| Some(&record.owner) == gone.as_ref());
        })
    };
    let flagged = |place: usize, octet: u8| {
        let mut world = world(nsec3(0, false));
        world.zone("example.com.").after(move |zone| {
            let owners: Vec<String> = zone
                .records
                .iter_mut()
                .filter(|record| record.rtype == RecordType::NSEC3)
                .map(|record| {
                    record.rdata[place] = octet;
                    record.owner.to_string()
                })
                .collect();
            for owner in owners {
                zone.resign(&owner, "NSEC3", |_| {});
            }
        });
        world
    };
    let most = |iterations| world(nsec3(iterations, false));
    vec![
        Case::new("dnssec-nsec3-opt-out-nxdomain", "RFC 5155 section 9.2: a denial by a span with opt-out is not authentic.", world(nsec3(0, true)))
            .denied(false, NOTHING, "NXDOMAIN", &[], "example.com."),
        Case::new("dnssec-nsec3-iterations-at-the-limit", "RFC 9276 section 3.2: as many iterations as are looked at.", most(50))
            .denied(true, NOTHING, "NXDOMAIN", &[], "example.com."),
        Case::new("dnssec-nsec3-iterations-above-the-limit", "RFC 9276 section 3.2, CVE-2026-1519: with more, the denial is not authentic, and an extended error says so.", most(51))
            .exact(NOTHING, "RD DO", "flags rcode question answer ede=27", "QR RD RA DO NXDOMAIN", &[], &[]),
        Case::new("dnssec-nsec3-iterations-by-the-operator", "RFC 9276 section 3.2: the operator may allow fewer; answers of the zone stay authentic.", most(8))
            .head("val-nsec3-keysize-iterations: \"1024 7 2048 7 4096 7\"")
            .denied(false, NOTHING, "NXDOMAIN", &[], "example.com.")
            .secure("www.example.com. A", &[WWW]),
        Case::new("dnssec-nsec3-hash-unknown", "RFC 5155 section 8.1: NSEC3 records with an unknown hash are not looked at.", flagged(0, 2)).bogus(NOTHING, 12),
        Case::new("dnssec-nsec3-flags-unknown", "RFC 5155 section 8.2: NSEC3 records with unknown flags are not looked at.", flagged(1, 4)).bogus(NOTHING, 12),
        Case::new("dnssec-nsec3-encloser-missing", "RFC 5155 section 8.3: without the closest encloser there is no proof.", only("example.com.")).bogus(NOTHING, 12),
        Case::new("dnssec-nsec3-next-closer-missing", "RFC 5155 section 8.3: nor without the next closer name.", only("nothing.example.com.")).bogus(NOTHING, 12),
        Case::new("dnssec-nsec3-wildcard-missing", "RFC 5155 section 8.4: nor without the wildcard.", only("*.example.com.")).bogus(NOTHING, 12),
    ]
}

fn aggressive() -> Vec<Case> {
    let gone = || {
        let mut world = World::new();
        world.silence(SERVER);
        world
    };
    let later = |file, rule, denial: Denial| {
        Case::new(file, rule, world(denial))
            .denied(true, NOTHING, "NXDOMAIN", &[], "example.com.")
            .later(gone())
    };
    vec![
        later("dnssec-aggressive-nsec", "RFC 8198 section 5.1: a span that was proven empty answers for other names in it; nobody is asked.", Denial::Nsec)
            .denied(true, "nobody.example.com. A", "NXDOMAIN", &[], "example.com.")
            .denied(true, "nothing.example.com. TXT", "NXDOMAIN", &[], "example.com."),
        later("dnssec-aggressive-nsec3", "RFC 8198 section 5.2: the same by NSEC3: names below the one that is not there.", nsec3(0, false))
            .denied(true, "below.nothing.example.com. A", "NXDOMAIN", &[], "example.com."),
        later("dnssec-aggressive-below", "RFC 8020 section 2: nothing is below a name that is not there.", Denial::Nsec)
            .denied(true, "a.b.c.nothing.example.com. A", "NXDOMAIN", &[], "example.com."),
        Case::new("dnssec-aggressive-nodata", "RFC 8198 section 5.1: an NSEC at a name answers for every type that it lacks.", World::new())
            .denied(true, "www.example.com. TXT", "NOERROR", &[], "example.com.")
            .later(gone())
            .denied(true, "www.example.com. MX", "NOERROR", &[], "example.com."),
        Case::new("dnssec-aggressive-wildcard", "RFC 8198 section 5.3: a wildcard that is known answers for names that a known span proves absent.", World::new())
            .secure("a.wild.example.com. A", &["a.wild.example.com. IN A 203.0.113.7"])
            .later(gone())
            .secure("b.wild.example.com. A", &["b.wild.example.com. IN A 203.0.113.7"]),
        later("dnssec-aggressive-off", "RFC 8198 section 6: what the operator switches off is asked for.", Denial::Nsec)
            .head("aggressive-nsec: no")
            .exact("nobody.example.com. A", "RD DO", "all ede=22", "QR RD RA DO SERVFAIL", &[], &[]),
        Case::new("dnssec-aggressive-ends", "RFC 8198 section 5.4: a proof answers no longer than its TTL and the SOA's minimum, 300 s.", World::new())
            .denied(true, NOTHING, "NXDOMAIN", &[], "example.com.")
            .later(gone())
            .pass(299)
            .denied(true, "nobody.example.com. A", "NXDOMAIN", &[], "example.com.")
            .pass(2)
            .exact("noone.example.com. A", "RD DO", "all ede=22", "QR RD RA DO SERVFAIL", &[], &[]),
        Case::new("dnssec-aggressive-not-by-opt-out", "RFC 8198 section 5.2, RFC 5155 section 9.2: a span with opt-out answers for no other name.", {
            let mut world = world(nsec3(0, true));
            world.zone("example.com.").add(&["a.example.com. A 203.0.113.9"]);
            world
        })
            .denied(false, NOTHING, "NXDOMAIN", &[], "example.com.")
            .later(gone())
            .exact("below.nothing.example.com. A", "RD DO", "all ede=22", "QR RD RA DO SERVFAIL", &[], &[]),
        Case::new("dnssec-aggressive-not-by-what-is-unsigned", "RFC 8198 section 4: only what was validated is used again; a forged NSEC is not.", {
            let mut world = World::new();
            world.put("plain.example.com.", "192.0.2.3").unsigned();
            world.meddle("192.0.2.3", |_, message| {
                if message.rcode() == Rcode::NXDOMAIN {
                    message.authority.push(rr("plain.example.com. NSEC zzz.plain.example.com. NS SOA", 300));
                }
            });
            world
        })
            .denied(false, "a.plain.example.com. A", "NXDOMAIN", &[], "plain.example.com.")
            .later({
                let mut world = World::new();
                world.put("plain.example.com.", "192.0.2.3").unsigned().add(&["b.plain.example.com. A 203.0.113.31"]);
                world
            })
            .insecure("b.plain.example.com. A", &["b.plain.example.com. IN A 203.0.113.31"]),
    ]
}
