//! How does an entry become octets? As written, without compression, and with what the entry wants copied from the query.

use super::entry::{Entry, Template};
use super::head::Flavour;
use super::records::Asked;
use crate::wire::writer::{Opt, write_opt};
use crate::wire::{Class, Flags, Message, Rcode, Record};

/// Option code of EDNS client subnet (RFC 7871 section 6).
const CLIENT_SUBNET: u16 = 8;
/// Payload size that Deckard's messages carry, octets.
const DECKARD_PAYLOAD: u16 = 4096;
/// Payload size of the others.
const PAYLOAD: u16 = 1232;

/// The query of a client. Deckard's have EDNS always, testbound's with DO or EDNS data.
pub(super) fn query(entry: &Entry, flavour: Flavour, id: u16) -> Vec<u8> {
    let template = entry.template();
    if let Some(raw) = &template.raw {
        return raw.clone();
    }
    let options = template.edns.as_deref();
    let opt = match flavour {
        Flavour::Deckard => Some((DECKARD_PAYLOAD, options.unwrap_or_default())),
        Flavour::Testbound if template.dnssec_ok || options.is_some() => {
            Some((PAYLOAD, options.unwrap_or_default()))
        }
        Flavour::Testbound => None,
    };
    octets(template, id, &template.question, opt)
}

/// The replies to a query, in the order in which they are sent, with the milliseconds before each; nothing for silence.
pub(super) fn replies(
    entry: &Entry,
    flavour: Flavour,
    query: Option<&Message>,
    query_octets: &[u8],
) -> Vec<(u64, Vec<u8>)> {
    if entry.adjust.do_not_answer {
        return Vec::new();
    }
    let sent = entry.packets.iter().map(|template| {
        let pause = entry.adjust.sleep + template.sleep;
        (pause, reply(entry, template, flavour, query, query_octets))
    });
    sent.collect()
}

fn reply(
    entry: &Entry,
    template: &Template,
    flavour: Flavour,
    query: Option<&Message>,
    query_octets: &[u8],
) -> Vec<u8> {
    let id = query_octets
        .first_chunk::<2>()
        .map_or(0, |id| u16::from_be_bytes(*id));
    let mut adjust = entry.adjust;
    adjust.copy_id |= !entry.has_adjust;
    if let Some(raw) = &template.raw {
        let mut raw = raw.clone();
        let copies = adjust.raw_id || (adjust.copy_id && flavour == Flavour::Testbound);
        if let (true, Some(place)) = (copies, raw.first_chunk_mut::<2>()) {
            *place = id.to_be_bytes();
        }
        return raw;
    }
    let mut question = template.question.clone();
    if let Some((asked, class)) = query.and_then(|query| query.question.as_ref()) {
        if adjust.copy_query {
            question = vec![Asked {
                name: asked.name.clone(),
                rtype: asked.rtype,
                class: *class,
            }];
        } else if adjust.copy_id
            && let Some(first) = question.first_mut()
            && (flavour == Flavour::Deckard || first.name == asked.name)
        {
            // The spelling of the query comes back.
            first.name = asked.name.clone();
        }
    }
    let asked_edns = query.and_then(|query| query.edns.as_ref());
    let echoed = asked_edns
        .filter(|_| adjust.copy_ecs)
        .map(|edns| with_scope(&edns.options, adjust.increment_ecs_scope));
    let options = echoed.as_deref().or(template.edns.as_deref());
    let extended = template.rcode.is_some_and(|rcode| rcode.0 > 0xF);
    let has_opt = match flavour {
        Flavour::Deckard => asked_edns.is_some(),
        Flavour::Testbound => template.dnssec_ok || options.is_some() || extended,
    };
    let opt = has_opt.then_some((PAYLOAD, options.unwrap_or_default()));
    octets(
        template,
        if adjust.copy_id { id } else { 0 },
        &question,
        opt,
    )
}

/// The query as a SERVFAIL, so that nobody waits.
pub(super) fn servfail(query: &[u8]) -> Vec<u8> {
    let mut reply = query.to_vec();
    if let Some(place) = reply.get_mut(2..4) {
        let flags = Flags::default().with_qr(true).with_rcode(Rcode::SERVFAIL);
        place.copy_from_slice(&flags.0.to_be_bytes());
    }
    reply
}

/// The message; `opt` is the payload size and the options of its OPT record.
fn octets(template: &Template, id: u16, question: &[Asked], opt: Option<(u16, &[u8])>) -> Vec<u8> {
    let rcode = template.rcode.unwrap_or(Rcode::NOERROR);
    let flags: Flags = template.flags.with_rcode(rcode);
    let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(512);
    for word in [
        id,
        flags.0,
        count(question.len()),
        count(template.answer.len()),
        count(template.authority.len()),
        count(template.additional.len() + usize::from(opt.is_some())),
    ] {
        out.extend(word.to_be_bytes());
    }
    for asked in question {
        out.extend_from_slice(asked.name.as_wire());
        out.extend(asked.rtype.0.to_be_bytes());
        out.extend(asked.class.0.to_be_bytes());
    }
    let sections = [&template.answer, &template.authority, &template.additional];
    for record in sections.into_iter().flatten() {
        push(&mut out, record);
    }
    if let Some((udp_size, options)) = opt {
        write_opt(
            &mut out,
            &Opt {
                udp_size,
                rcode: rcode.0,
                dnssec_ok: template.dnssec_ok,
                options,
            },
        );
    }
    out
}

fn push(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(record.owner.as_wire());
    out.extend(record.rtype.0.to_be_bytes());
    let Class(class) = record.class;
    out.extend(class.to_be_bytes());
    out.extend(record.ttl.to_be_bytes());
    let length = u16::try_from(record.rdata.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend(record.rdata.iter().take(usize::from(length)));
}

/// EDNS options with the scope of each client subnet set to its source length, or one more.
fn with_scope(options: &[u8], one_more: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(options.len());
    let mut rest = options;
    while let Some((&[a, b, c, d], behind)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([c, d]));
        let (value, further) = behind.split_at_checked(length).unwrap_or((behind, &[]));
        let begin = out.len() + 4;
        out.extend([a, b, c, d]);
        out.extend_from_slice(value);
        if u16::from_be_bytes([a, b]) == CLIENT_SUBNET
            && let Some(&source) = value.get(2)
            && let Some(scope) = out.get_mut(begin + 3)
        {
            *scope = source.saturating_add(u8::from(one_more));
        }
        rest = further;
    }
    out
}
