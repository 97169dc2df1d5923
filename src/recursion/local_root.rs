//! What would the root answer? Its replies, made from a copy of its zone instead of being asked for (RFC 8806).
//!
//! The copy is proven as a whole (RFC 8976), and what is made from it goes the way of every reply all the same: it is classified,
//! scrubbed, validated, cached. So nothing else has to know that nobody was asked.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::dnssec::{Validated, ZoneCopy};
use crate::wire::{
    Class, Flags, Header, Message, Name, Question, Rcode, Record, RecordType, Rrset, rdata,
};

/// Who replies when nobody is asked: no server has this address.
pub(super) const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A copy of the root zone that replies are made from.
#[derive(Clone, Debug)]
pub struct LocalRoot(Arc<Validated<ZoneCopy>>);

/// The sections of a reply under way.
#[derive(Debug, Default)]
struct Sections {
    is_nxdomain: bool,
    authoritative: bool,
    answer: Vec<Record>,
    authority: Vec<Record>,
    additional: Vec<Record>,
}

impl LocalRoot {
    /// From a copy that is proven; of the root, or it replies to nothing.
    #[must_use]
    pub const fn new(copy: Arc<Validated<ZoneCopy>>) -> Self {
        Self(copy)
    }

    /// The copy.
    #[must_use]
    pub fn copy(&self) -> &ZoneCopy {
        &self.0
    }

    /// What a server of the root would reply to `question` with DO=1 (RFC 1034 section 4.3.2, RFC 4035 section 3.1).
    ///
    /// Nothing for what the root of the Internet has not: another way of denial than NSEC, wildcards, DNAME or CNAME. Nothing
    /// for meta types, and for signatures asked for by themselves. Then somebody has to be asked.
    #[must_use]
    pub fn reply(&self, question: &Question) -> Option<Message> {
        let zone = self.copy();
        if !zone.apex().is_root()
            || question.rtype.is_meta()
            || question.rtype == RecordType::RRSIG
            || zone.set(zone.apex(), RecordType::NSEC).is_none()
        {
            return None;
        }
        let sections = match cut_for(zone, question) {
            Some(cut) => referral(zone, cut)?,
            None => authoritative(zone, question)?,
        };
        Some(message(question, sections))
    }
}

/// The NS set of the delegation that `question` lies at or below; not for the DS of the delegation itself, which is the
/// parent's (RFC 4035 section 3.1.4.1).
fn cut_for<'a>(zone: &'a ZoneCopy, question: &Question) -> Option<&'a Rrset> {
    let labels = question.name.label_count();
    let below = match question.rtype {
        RecordType::DS => labels.saturating_sub(1),
        _ => labels,
    };
    (1..=below).find_map(|labels| zone.set(&question.name.suffix(labels), RecordType::NS))
}

/// The servers of a delegation, its DS or the proof that it has none, and the addresses that are known of the servers.
fn referral(zone: &ZoneCopy, servers: &Rrset) -> Option<Sections> {
    let child = &servers.owner;
    let proof = zone
        .set(child, RecordType::DS)
        .or_else(|| zone.set(child, RecordType::NSEC))?;
    let mut sections = Sections::default();
    // An NS set at a cut has no signature (RFC 4035 section 2.2).
    push(&mut sections.authority, servers);
    push(&mut sections.authority, proof);
    add_addresses(zone, servers, &mut sections);
    Some(sections)
}

/// Data of the zone itself, or the proof that there are none.
fn authoritative(zone: &ZoneCopy, question: &Question) -> Option<Sections> {
    let name = &question.name;
    let mut sections = Sections {
        authoritative: true,
        ..Sections::default()
    };
    let is_unlike_the_root = |name: &Name| {
        let strange = [RecordType::CNAME, RecordType::DNAME];
        strange.iter().any(|rtype| zone.set(name, *rtype).is_some())
    };
    if (0..=name.label_count()).any(|labels| is_unlike_the_root(&name.suffix(labels))) {
        return None;
    }
    if let Some(set) = zone.set(name, question.rtype) {
        push(&mut sections.answer, set);
        if question.rtype == RecordType::NS {
            add_addresses(zone, set, &mut sections);
        }
        return Some(sections);
    }
    push(
        &mut sections.authority,
        zone.set(zone.apex(), RecordType::SOA)?,
    );
    let covering = zone.nsec_at_or_before(name)?;
    push(&mut sections.authority, covering);
    if zone.exists(name) {
        return Some(sections);
    }
    sections.is_nxdomain = true;
    let labels = (0..name.label_count()).rev();
    let encloser = labels
        .map(|labels| name.suffix(labels))
        .find(|above| zone.exists(above))?;
    let wildcard = encloser.child(b"*").ok()?;
    if zone.exists(&wildcard) {
        return None;
    }
    let of_wildcard = zone.nsec_at_or_before(&wildcard)?;
    if of_wildcard.owner != covering.owner {
        push(&mut sections.authority, of_wildcard);
    }
    Some(sections)
}

/// The addresses of the servers that `servers` names (RFC 9609 section 4.2).
fn add_addresses(zone: &ZoneCopy, servers: &Rrset, sections: &mut Sections) {
    for target in servers.rdata.iter().filter_map(rdata::ns_target) {
        for rtype in [RecordType::A, RecordType::AAAA] {
            if let Some(set) = zone.set(&target, rtype) {
                push(&mut sections.additional, set);
            }
        }
    }
}

fn push(section: &mut Vec<Record>, set: &Rrset) {
    let record = |rtype, rdata: &[u8]| Record {
        owner: set.owner.clone(),
        rtype,
        class: Class::IN,
        ttl: set.ttl,
        rdata: rdata.into(),
    };
    section.extend(set.rdata.iter().map(|rdata| record(set.rtype, rdata)));
    let signatures = set.rrsigs.iter();
    section.extend(signatures.map(|rdata| record(RecordType::RRSIG, rdata)));
}

fn message(question: &Question, sections: Sections) -> Message {
    let rcode = if sections.is_nxdomain {
        Rcode::NXDOMAIN
    } else {
        Rcode::NOERROR
    };
    let flags = Flags::default()
        .with_qr(true)
        .with_aa(sections.authoritative)
        .with_rcode(rcode);
    Message {
        header: Header {
            flags,
            qdcount: 1,
            ..Header::default()
        },
        question: Some((question.clone(), Class::IN)),
        answer: sections.answer,
        authority: sections.authority,
        additional: sections.additional,
        edns: None,
    }
}
