//! How is a query turned away? With its own header, question and OPT, and never one octet more than it had.

use super::EDE;
use crate::wire::header::HEADER_LEN;
use crate::wire::query::plain_name_end;
use crate::wire::writer::{OPT_LEN, Opt, push_option, write_opt};
use crate::wire::{EdnsView, Flags, Header, QueryView, Rcode};

/// Payload size that refusals advertise (RFC 9715).
const UDP_SIZE: u16 = 1232;
/// Octets of an EDE option without text.
const EDE_LEN: usize = 6;

/// Appends a reply that says `rcode` and nothing else. Writes nothing, and says so, if `packet` is shorter than a header.
///
/// ID, opcode, RD and CD are copied from the query; so is its question, if there is one that can be read and the opcode is QUERY
/// (the body of other opcodes is not looked at). OPT is written only if the query had one: 11 octets, with the high bits of
/// `rcode` (BADVERS). The reply is never longer than the packet (T3.2).
pub fn refusal(packet: &[u8], rcode: Rcode, out: &mut Vec<u8>) -> bool {
    write(packet, rcode, None, false, out)
}

/// The same with an extended error without text (RFC 8914), if the query's own options leave room for it.
pub fn refusal_with_ede(packet: &[u8], rcode: Rcode, info_code: u16, out: &mut Vec<u8>) -> bool {
    write(packet, rcode, Some(info_code), false, out)
}

/// The same with TC=1: who really sent the query asks again over TCP.
pub fn truncated(packet: &[u8], rcode: Rcode, out: &mut Vec<u8>) -> bool {
    write(packet, rcode, None, true, out)
}

fn write(
    packet: &[u8],
    rcode: Rcode,
    info_code: Option<u16>,
    truncated: bool,
    out: &mut Vec<u8>,
) -> bool {
    let Ok(header) = Header::parse(packet) else {
        return false;
    };
    let (question, edns) = body(packet, header);
    let room = packet
        .len()
        .saturating_sub(HEADER_LEN + question.len())
        .saturating_sub(OPT_LEN);
    let flags = Flags::default()
        .with_qr(true)
        .with_tc(truncated)
        .with_ra(truncated)
        .with_opcode(header.flags.opcode())
        .with_rd(header.flags.rd())
        .with_cd(header.flags.cd())
        .with_rcode(if rcode.0 > 0xF && edns.is_none() {
            Rcode::SERVFAIL
        } else {
            rcode
        });
    let reply = Header {
        id: header.id,
        flags,
        qdcount: u16::from(!question.is_empty()),
        arcount: u16::from(edns.is_some()),
        ..Header::default()
    };
    out.reserve(HEADER_LEN + question.len() + OPT_LEN);
    out.extend_from_slice(&reply.to_wire());
    out.extend_from_slice(question);
    if let Some(edns) = edns {
        let mut options = Vec::new();
        if let Some(code) = info_code.filter(|_| room >= EDE_LEN) {
            push_option(&mut options, EDE, &code.to_be_bytes());
        }
        write_opt(
            out,
            &Opt {
                udp_size: UDP_SIZE,
                rcode: rcode.0,
                dnssec_ok: edns.dnssec_ok,
                options: &options,
            },
        );
    }
    true
}

/// The octets of the question and the OPT record, as far as they can be read.
fn body(packet: &[u8], header: Header) -> (&[u8], Option<EdnsView<'_>>) {
    if header.flags.opcode() != 0 {
        return (&[], None);
    }
    if let Some(plain) = plain_body(packet, header) {
        return plain;
    }
    match QueryView::parse(packet) {
        Ok(query) => {
            let question = packet.get(HEADER_LEN..query.question_end);
            (question.unwrap_or(&[]), query.edns)
        }
        Err(_) if header.qdcount == 1 => {
            let question = plain_name_end(packet, HEADER_LEN)
                .ok()
                .and_then(|end| packet.get(HEADER_LEN..end + 4));
            (question.unwrap_or(&[]), None)
        }
        Err(_) => (&[], None),
    }
}

/// The same for what nearly all queries look like: a question, then nothing, or one OPT record that ends with the packet.
///
/// A flood of outsiders is answered at the price of this; everything else is for [`QueryView`], which comes to the same.
fn plain_body(packet: &[u8], header: Header) -> Option<(&[u8], Option<EdnsView<'_>>)> {
    if (header.qdcount, header.ancount, header.nscount) != (1, 0, 0) {
        return None;
    }
    let name_end = plain_name_end(packet, HEADER_LEN).ok()?;
    let (before, behind) = packet.split_at_checked(name_end + 4)?;
    let question = before.get(HEADER_LEN..)?;
    match (header.arcount, behind) {
        (0, []) => Some((question, None)),
        (1, &[0, 0, 41, a, b, c, d, e, f, high, low, ref options @ ..])
            if options.len() == usize::from(u16::from_be_bytes([high, low])) =>
        {
            let pair = |high, low| u16::from_be_bytes([high, low]);
            let edns = EdnsView::from_parts(pair(a, b), pair(c, d), pair(e, f), options);
            Some((question, Some(edns.ok()?)))
        }
        _ => None,
    }
}
