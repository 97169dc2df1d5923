//! Which chains of aliases are believed? Every link by its own zone (RFC 4035 section 5, RFC 6604, RFC 6672 section 5.3).

use super::answers::WWW;
use super::writer::{Case, World, name, rr};
use crate::wire::{Rcode, RecordType};

const PLAIN: &str = "192.0.2.3";

/// With an unsigned zone below example.com, and another signed one beside it.
fn world() -> World {
    let mut world = World::new();
    world.put("plain.example.com.", PLAIN).unsigned().add(&[
        "www.plain.example.com. A 203.0.113.30",
        "back.plain.example.com. CNAME www.example.com.",
    ]);
    world
        .put("other.com.", "192.0.2.4")
        .add(&["www.other.com. A 203.0.113.40"]);
    world.zone("example.com.").add(&[
        "toplain.example.com. CNAME www.plain.example.com.",
        "toother.example.com. CNAME www.other.com.",
        "tonothing.example.com. CNAME nothing.other.com.",
        "tonodata.example.com. CNAME ns.other.com.",
        "toapex.example.com. CNAME plain.example.com.",
        "bare.example.com. CNAME bare.plain.example.com.",
        "d.example.com. DNAME other.com.",
        "*.w.example.com. CNAME www.other.com.",
        "long.example.com. DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.example.com.",
    ]);
    world
}

fn case(file: &'static str, rule: &'static str) -> Case {
    Case::new(file, rule, world())
}

pub(super) fn cases() -> Vec<Case> {
    let mut bare = world();
    bare.meddle(PLAIN, |question, message| {
        if question.name == name("bare.plain.example.com.") {
            message.header.flags = message.header.flags.with_rcode(Rcode::NOERROR);
            message.authority.clear();
        }
    });
    let mut stripped = world();
    stripped
        .zone("example.com.")
        .after(|zone| zone.strip("toother.example.com.", "CNAME"));
    let mut forged = world();
    forged
        .zone("example.com.")
        .after(|zone| zone.forge("toother.example.com. CNAME www.example.com."));
    let mut target = world();
    target
        .zone("other.com.")
        .after(|zone| zone.forge("www.other.com. A 203.0.113.66"));
    let mut unsigned_dname = world();
    unsigned_dname
        .zone("example.com.")
        .after(|zone| zone.strip("d.example.com.", "DNAME"));
    let mut lying = world();
    lying.meddle("192.0.2.1", |_, message| {
        for record in &mut message.answer {
            if record.rtype == RecordType::CNAME && record.owner == name("www.d.example.com.") {
                record.rdata = rr("a. CNAME www.plain.example.com.", 0).rdata;
            }
        }
    });
    let mut no_proof = world();
    no_proof.meddle("192.0.2.1", |question, message| {
        if question.name == name("a.w.example.com.") {
            message
                .authority
                .retain(|record| record.rtype != RecordType::NSEC);
        }
    });
    let to_plain = "toplain.example.com. IN CNAME www.plain.example.com.";
    let to_other = "toother.example.com. IN CNAME www.other.com.";
    let other = "www.other.com. IN A 203.0.113.40";
    vec![
        case("dnssec-alias", "RFC 4035 section 5.3: an alias and its target in one zone, both authentic.")
            .secure("alias.example.com. A", &["alias.example.com. IN CNAME www.example.com.", WWW])
            .secure("alias.example.com. CNAME", &["alias.example.com. IN CNAME www.example.com."]),
        case("dnssec-alias-to-another-zone", "RFC 6840 section 5.8: AD if every link of the chain is authentic, whichever zone signed it.")
            .secure("toother.example.com. A", &[to_other, other])
            .secure("toother.example.com. A", &[to_other, other]),
        case("dnssec-alias-to-insecure", "RFC 4035 section 3.2.3: AD only if all of the answer is authentic; an unsigned target clears it.")
            .insecure("toplain.example.com. A", &[to_plain, "www.plain.example.com. IN A 203.0.113.30"])
            .secure("toplain.example.com. CNAME", &[to_plain]),
        case("dnssec-alias-from-insecure", "RFC 4035 section 3.2.3: an unsigned alias makes its signed target no more authentic, though that alone is.")
            .insecure("back.plain.example.com. A", &["back.plain.example.com. IN CNAME www.example.com.", WWW])
            .secure("www.example.com. A", &[WWW]),
        Case::new("dnssec-alias-stripped", "RFC 4035 section 5.2: an alias without signature in a signed zone is bogus.", stripped).bogus("toother.example.com. A", 10),
        Case::new("dnssec-alias-forged", "RFC 4035 section 5.5: an alias that was turned elsewhere is bogus.", forged).bogus("toother.example.com. A", 6),
        Case::new("dnssec-alias-to-bogus", "RFC 4035 section 5.5: one bogus link makes the whole answer SERVFAIL.", target)
            .bogus("toother.example.com. A", 6)
            .secure("toother.example.com. CNAME", &[to_other]),
        case("dnssec-alias-to-nothing", "RFC 6604 section 3: NXDOMAIN is that of the last name; AD if alias and denial are authentic.")
            .denied(true, "tonothing.example.com. A", "NXDOMAIN", &["tonothing.example.com. IN CNAME nothing.other.com."], "other.com."),
        case("dnssec-alias-to-no-data", "RFC 2308 section 2.2 with RFC 4035 section 5.4: no data behind an alias, proven by the target's zone.")
            .denied(true, "tonodata.example.com. TXT", "NOERROR", &["tonodata.example.com. IN CNAME ns.other.com."], "other.com."),
        case("dnssec-alias-to-a-cut", "RFC 4035 section 5.2: an alias to the apex of an unsigned zone is authentic, what is there is not.")
            .denied(false, "toapex.example.com. A", "NOERROR", &["toapex.example.com. IN CNAME plain.example.com."], "plain.example.com."),
        Case::new("dnssec-alias-to-a-bare-denial", "RFC 6840 section 5.8: a denial without SOA or proof is no authentic answer, whatever leads to it is.", bare)
            .insecure("bare.example.com. A", &["bare.example.com. IN CNAME bare.plain.example.com."])
            .insecure("bare.example.com. A", &["bare.example.com. IN CNAME bare.plain.example.com."]),
        case("dnssec-alias-of-a-wildcard", "RFC 4035 section 5.3.4: an alias that a wildcard makes, with its proof.")
            .secure("a.w.example.com. A", &["a.w.example.com. IN CNAME www.other.com.", other]),
        Case::new("dnssec-alias-of-a-wildcard-without-proof", "RFC 4035 section 5.3.4: an alias that a wildcard makes, without proof, is bogus.", no_proof).bogus("a.w.example.com. A", 12),
        case("dnssec-dname", "RFC 6672 section 5.3.1: the DNAME is signed, the CNAME that follows from it is not, and all is authentic.")
            .secure("www.d.example.com. A", &["d.example.com. IN DNAME other.com.", "www.d.example.com. IN CNAME www.other.com.", other]),
        case("dnssec-dname-to-nothing", "RFC 6672 section 5.3.2: a denial behind a DNAME is of the name that it leads to.")
            .denied(true, "no.d.example.com. A", "NXDOMAIN", &["d.example.com. IN DNAME other.com.", "no.d.example.com. IN CNAME no.other.com."], "other.com."),
        Case::new("dnssec-dname-stripped", "RFC 6672 section 5.3.3: a DNAME without signature redirects nobody.", unsigned_dname).bogus("www.d.example.com. A", 10),
        Case::new("dnssec-dname-with-a-lying-alias", "RFC 6672 section 5.3.1: the unsigned CNAME beside a DNAME is made anew, and its lie goes unheard.", lying)
            .secure("www.d.example.com. A", &["d.example.com. IN DNAME other.com.", "www.d.example.com. IN CNAME www.other.com.", other]),
        case("dnssec-dname-overflow", "RFC 6672 section 2.2: a name that grows too long is YXDOMAIN, by an authentic DNAME.")
            .exact(
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbb.long.example.com. A",
                "RD AD",
                "all",
                "QR RD RA AD YXDOMAIN",
                &["long.example.com. IN DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.example.com."],
                &[],
            ),
    ]
}
