//! What kind of reply is this? Answer, chain, negative answer, referral, or a server at fault.

use super::chain::{End, Reading, walk};
use super::fault::Fault;
use super::scrub::{Scrubbed, find, scrub};
use crate::cache::Backing;
use crate::wire::{Class, Message, Name, Question, Rcode, RecordType, Rrset, rdata};

/// Address sets kept for priming and for clients that want full responses: two for each of 13 servers.
const ADDITIONAL_KEPT: usize = 26;

/// NSEC and NSEC3 sets read from one reply; `dnssec` looks at fewer.
const PROOFS_KEPT: usize = 16;

/// What a reply is.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It says something about the name: data, links, or that there is none.
    Reading(Box<Reading>),
    /// It answers, but not as a server of the zone would: worth less than what any other server says.
    Doubtful(Box<Reading>),
    /// It names the servers of a zone further down, with the addresses it gives for them.
    Referral {
        /// The NS set; its owner is the zone.
        servers: Rrset,
        /// The additional section, within bailiwick.
        glue: Vec<Rrset>,
        /// DS, NSEC and NSEC3 sets of the authority section.
        signed: Vec<Rrset>,
    },
    /// Truncated: worth a second look over TCP.
    Truncated,
    /// The server is no use for this question.
    Fault(Fault),
}

/// What a reply must be measured by.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The question as it was sent.
    pub question: &'a Question,
    /// The zone whose servers were asked; the apex of a forward zone.
    pub zone: &'a Name,
    /// Whether another resolver was asked, which is not authoritative and must not refer.
    pub forwarded: bool,
    /// Whether it came over TCP.
    pub over_tcp: bool,
    /// Believe addresses of listed servers only within the zone that was asked.
    pub harden_glue: bool,
    /// Keep what came along with an answer.
    pub companions: bool,
}

/// Tells what `message` is.
pub(super) fn classify(asked: &Asked<'_>, message: &Message) -> Verdict {
    let flags = message.header.flags;
    if !flags.qr() || flags.opcode() != 0 || !repeats_question(asked.question, message) {
        return Verdict::Fault(Fault::Bad);
    }
    if flags.tc() {
        return if asked.over_tcp {
            Verdict::Fault(Fault::Bad)
        } else {
            Verdict::Truncated
        };
    }
    let rcode = message.rcode();
    if !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN | Rcode::YXDOMAIN) {
        return Verdict::Fault(Fault::Rcode(rcode));
    }
    let scrubbed = scrub(message, asked.zone);
    let authoritative = flags.aa();
    // An answer with RA and without AA comes from somebody's cache (Unbound: "recursion lame").
    let trusted = asked.forwarded || authoritative || !flags.ra();
    let (links, end, last) = walk(&scrubbed, asked.question, asked.zone);
    let read = |links, end, authoritative| {
        Box::new(Reading {
            authority: (asked.companions)
                .then(|| apex_servers(&scrubbed, &last, asked.zone))
                .flatten(),
            additional: if asked.companions {
                addresses(&scrubbed, &end)
            } else {
                Vec::new()
            },
            proofs: proofs(&scrubbed),
            backing: Backing::unvalidated(),
            shorter: None,
            ede: None,
            links,
            end,
            authoritative,
            over_tcp: asked.over_tcp,
        })
    };
    let reading = |links, end| {
        if trusted {
            Verdict::Reading(read(links, end, authoritative))
        } else {
            Verdict::Doubtful(read(links, end, false))
        }
    };
    if matches!(end, End::Overflow(_) | End::Data(_) | End::Made) {
        return reading(links, end);
    }
    if rcode == Rcode::YXDOMAIN {
        return Verdict::Fault(Fault::Rcode(rcode));
    }
    if !links.is_empty() {
        let end = if last.is_within(asked.zone) && !leads_back(&links, &last, asked.question) {
            end_of_chain(&scrubbed, &last, rcode, asked)
        } else {
            End::Elsewhere
        };
        return reading(links, end);
    }
    let soa = soa_for(&scrubbed, &last, asked.zone);
    // A signed denial vouches for itself, whoever hands it on.
    let vouched = asked.forwarded || authoritative || soa.is_some() || is_denied(&scrubbed);
    if rcode == Rcode::NXDOMAIN {
        return if vouched {
            reading(links, End::NxDomain(soa))
        } else {
            Verdict::Doubtful(read(links, End::NxDomain(None), false))
        };
    }
    if soa.is_some() {
        return reading(links, End::NoData(soa));
    }
    if let Some(servers) = referral_below(&scrubbed, asked) {
        if asked.forwarded {
            return Verdict::Fault(Fault::Lame);
        }
        let glue = if asked.harden_glue {
            scrubbed.additional.clone()
        } else {
            scrub(message, &Name::root()).additional
        };
        let mut signed = proofs(&scrubbed);
        signed.extend(find(&scrubbed.authority, &servers.owner, RecordType::DS).cloned());
        return Verdict::Referral {
            servers,
            glue,
            signed,
        };
    }
    if scrubbed.upward {
        return Verdict::Fault(Fault::Upward);
    }
    if trusted && !vouched && !scrubbed.answer.is_empty() {
        // Records of the zone, but none of those asked for: no answer, and still its word if no other server has a better one.
        return Verdict::Doubtful(read(links, End::NoData(None), false));
    }
    if !trusted || !vouched {
        return Verdict::Fault(Fault::Lame);
    }
    let strange_soa = message
        .authority
        .iter()
        .any(|record| record.rtype == RecordType::SOA);
    if strange_soa {
        // Load balancers that know one type of a name and nothing else send the SOA of a zone above.
        return Verdict::Doubtful(read(links, End::NoData(None), authoritative));
    }
    reading(links, End::NoData(None))
}

/// Whether the question section repeats what was asked. Some servers leave it out of errors.
fn repeats_question(asked: &Question, message: &Message) -> bool {
    match &message.question {
        Some((question, class)) => question == asked && *class == Class::IN,
        None => message.answer.is_empty() && message.authority.is_empty(),
    }
}

/// Whether the chain has come to a name it was at before.
fn leads_back(links: &[super::chain::Link], last: &Name, asked: &Question) -> bool {
    *last == asked.name || links.iter().filter(|link| link.next == *last).count() > 1
}

/// What a reply says about the last name of a chain without data (RFC 6604: the code belongs to it).
fn end_of_chain(scrubbed: &Scrubbed, last: &Name, rcode: Rcode, asked: &Asked<'_>) -> End {
    let soa = soa_for(scrubbed, last, asked.zone);
    match rcode {
        Rcode::NXDOMAIN => End::NxDomain(soa),
        _ if soa.is_some() => End::NoData(soa),
        _ => End::Elsewhere,
    }
}

/// Whether a signed denial came along.
fn is_denied(scrubbed: &Scrubbed) -> bool {
    scrubbed.authority.iter().any(|set| {
        matches!(set.rtype, RecordType::NSEC | RecordType::NSEC3)
            && set.rrsigs.iter().next().is_some()
    })
}

/// The SOA that may speak for `name`: at or above it, not above the zone.
fn soa_for(scrubbed: &Scrubbed, name: &Name, zone: &Name) -> Option<Rrset> {
    scrubbed
        .authority
        .iter()
        .find(|set| {
            set.rtype == RecordType::SOA && name.is_within(&set.owner) && set.owner.is_within(zone)
        })
        .cloned()
}

/// The NS set of a zone strictly below the one asked that contains the name asked for.
fn referral_below(scrubbed: &Scrubbed, asked: &Asked<'_>) -> Option<Rrset> {
    scrubbed
        .authority
        .iter()
        .find(|set| {
            set.rtype == RecordType::NS
                && set.owner != *asked.zone
                && asked.question.name.is_within(&set.owner)
        })
        .cloned()
}

/// The NSEC and NSEC3 sets that came along.
fn proofs(scrubbed: &Scrubbed) -> Vec<Rrset> {
    scrubbed
        .authority
        .iter()
        .filter(|set| matches!(set.rtype, RecordType::NSEC | RecordType::NSEC3))
        .take(PROOFS_KEPT)
        .cloned()
        .collect()
}

/// The NS set that came with an answer, for full responses only: it is never used as a delegation.
fn apex_servers(scrubbed: &Scrubbed, last: &Name, zone: &Name) -> Option<Rrset> {
    scrubbed
        .authority
        .iter()
        .find(|set| {
            set.rtype == RecordType::NS && last.is_within(&set.owner) && set.owner.is_within(zone)
        })
        .cloned()
}

/// Addresses, within the zone, of the servers that the answer or the authority section names.
fn addresses(scrubbed: &Scrubbed, end: &End) -> Vec<Rrset> {
    let data = match end {
        End::Data(set) => Some(set),
        _ => None,
    };
    let named = data.into_iter().chain(
        scrubbed
            .authority
            .iter()
            .filter(|set| set.rtype == RecordType::NS),
    );
    let targets = named.flat_map(|set| {
        // RFC 1035 section 3.3.9, RFC 2782: what stands before the name in MX and SRV.
        let before = match set.rtype {
            RecordType::NS => Some(0),
            RecordType::MX => Some(2),
            RecordType::SRV => Some(6),
            _ => None,
        };
        set.rdata
            .iter()
            .filter_map(move |octets| rdata::ns_target(octets.get(before?..)?))
    });
    let mut kept = Vec::new();
    for target in targets.take(ADDITIONAL_KEPT / 2) {
        for rtype in [RecordType::A, RecordType::AAAA] {
            if let Some(set) = find(&scrubbed.additional, &target, rtype)
                && !kept.contains(set)
            {
                kept.push(set.clone());
            }
        }
    }
    kept
}
