//! How does a response become octets? Within the client's size, whole RRsets or none, its chain in order.

use smallvec::SmallVec;

use super::EDE;
use crate::config::plan;
use crate::wire::query::COOKIE;
use crate::wire::writer::{OPT_LEN, Opt, Section, Writer, push_option, write_opt};
use crate::wire::{Ede, Flags, Held, Name, QueryView, Rcode, RecordType, Response};

/// Every client can take this much by UDP (RFC 1035 section 4.2.1).
const PLAIN_UDP: usize = 512;

/// What was written, as far as a table of ready-made replies must know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// Where the TTL fields stand, from the start of the message; OPT has none.
    pub ttl_offsets: SmallVec<[u16; 8]>,
    /// Octets before the OPT record.
    pub body_len: usize,
    /// Whether an OPT record was written behind them.
    pub has_opt: bool,
    /// The lowest TTL written, seconds; 0 if there is none.
    pub min_ttl: u32,
    /// Seconds for which the octets before OPT may be sent again: the lowest TTL; 0, that is never, for a reply that is truncated,
    /// says why it is as it is (EDE), or has no TTL to end by.
    pub lifetime: u32,
    /// TC was set.
    pub truncated: bool,
}

/// Octets that the reply to `query` may have: over UDP the lowest of what the client can take and `max_udp_size`, at least 512;
/// over a stream 65,535.
#[must_use]
pub fn room(query: &QueryView<'_>, plan: &plan::Answer, udp: bool) -> usize {
    if !udp {
        return usize::from(u16::MAX);
    }
    query.edns.map_or(PLAIN_UDP, |edns| {
        usize::from(edns.udp_size.min(plan.max_udp_size)).max(PLAIN_UDP)
    })
}

/// Appends the reply to `query` to `out`.
///
/// The question is copied as spelt, RD and CD from its flags; RA is set; AD only if all was validated and the client wants to know
/// (RFC 6840 section 5.8). RRsets come whole, in the order of `response`: if one of the answer, or the SOA or proof of a negative
/// one, does not fit, it and all behind it stay out and TC is set (RFC 2181 section 9); additional ones stay out silently. Without
/// DO no RRSIG, NSEC or NSEC3 is written unless asked for (RFC 4035 section 3.2.1). ANY gets one RRset (RFC 8482).
/// With `minimal`, authority holds no more than SOA and proofs, and additional nothing. OPT is written if the query had one, with
/// `cookie`, the value of a COOKIE option, in it; the EDE only if it fits (RFC 8914 section 3).
pub fn compose(
    query: &QueryView<'_>,
    response: &Response,
    cookie: Option<&[u8]>,
    plan: &plan::Answer,
    udp: bool,
    out: &mut Vec<u8>,
) -> Composed {
    let limit = room(query, plan, udp);
    let dnssec = query.dnssec_ok();
    let mut writer = Writer::new(out, limit);
    if !query.is_cookie_only() {
        writer.question_wire(query.qname_wire, query.qtype, query.qclass);
    }
    if query.edns.is_some() {
        writer.set_limit(limit - opt_len(cookie));
    }
    let complete = write_sections(&mut writer, query, response, plan, dnssec);
    let body_len = writer.len();
    let (rcode, has_opt) = if query.edns.is_some() {
        writer.set_limit(limit);
        write_reply_opt(&mut writer, response, cookie, plan, dnssec);
        (response.rcode, true)
    } else if response.rcode.0 > 0xF {
        // Without OPT there is no place for the high bits.
        (Rcode::SERVFAIL, false)
    } else {
        (response.rcode, false)
    };
    let authenticated = response.is_authenticated() && !response.is_bare_denial(query.qtype);
    let told = authenticated && (dnssec || query.flags.ad());
    let flags = Flags::default()
        .with_qr(true)
        .with_aa(response.authoritative)
        .with_tc(!complete)
        .with_rd(query.flags.rd())
        .with_ra(true)
        .with_ad(told)
        .with_cd(query.flags.cd())
        .with_rcode(rcode);
    let written = writer.finish(query.id, flags);
    let min_ttl = if written.ttl_offsets.is_empty() {
        0
    } else {
        written.min_ttl
    };
    let repeatable = complete && response.ede.is_none();
    Composed {
        ttl_offsets: written.ttl_offsets,
        body_len,
        has_opt,
        min_ttl,
        lifetime: if repeatable { min_ttl } else { 0 },
        truncated: !complete,
    }
}

/// Octets of the OPT record that a reply needs, with this COOKIE option in it.
#[must_use]
pub fn opt_len(cookie: Option<&[u8]>) -> usize {
    OPT_LEN + cookie.map_or(0, |cookie| 4 + cookie.len())
}

/// Appends the OPT record, with `cookie` in it, to a reply with this code that begins at `start` in `out`, if the query had one.
pub fn append_opt(
    query: &QueryView<'_>,
    rcode: Rcode,
    cookie: Option<&[u8]>,
    plan: &plan::Answer,
    start: usize,
    out: &mut Vec<u8>,
) {
    let Some(edns) = query.edns else {
        return;
    };
    let Some(arcount) = out
        .get_mut(start + 10..)
        .and_then(|rest| rest.first_chunk_mut::<2>())
    else {
        return;
    };
    *arcount = u16::from_be_bytes(*arcount).saturating_add(1).to_be_bytes();
    let options = cookie_option(cookie);
    let opt = Opt {
        udp_size: plan.max_udp_size,
        rcode: rcode.0,
        dnssec_ok: edns.dnssec_ok,
        options: &options,
    };
    write_opt(out, &opt);
}

/// Writes the three sections; says whether all that had to be in is in.
fn write_sections(
    writer: &mut Writer<'_>,
    query: &QueryView<'_>,
    response: &Response,
    plan: &plan::Answer,
    dnssec: bool,
) -> bool {
    let qtype = query.qtype;
    let wanted =
        |held: &&Held| dnssec || held.rrset.rtype == qtype || !is_dnssec_only(held.rrset.rtype);
    let mut write = |section: Section, held: &Held| {
        // A TTL at or above 2^31 would be read as 0 (RFC 2181 section 8).
        let ttl = held.ttl.min(i32::MAX.cast_unsigned());
        writer.rrset(section, &held.rrset, ttl, dnssec)
    };
    let most = if qtype == RecordType::ANY {
        1
    } else {
        usize::MAX
    };
    // What a chain goes by twice, a DNAME or a proof, is written once (RFC 2181 section 5).
    let mut written = Written::new();
    for held in response.answer.iter().filter(wanted).take(most) {
        if held.rrset.rtype == RecordType::DNAME && !is_first(&mut written, held) {
            continue;
        }
        if !write(Section::Answer, held) {
            return false;
        }
    }
    written.clear();
    for held in response.authority.iter().filter(wanted) {
        if !is_first(&mut written, held) {
            continue;
        }
        let needed = held.rrset.rtype == RecordType::SOA || is_dnssec_only(held.rrset.rtype);
        let left_out = (needed || !plan.minimal) && !write(Section::Authority, held);
        if left_out && needed {
            return false;
        }
    }
    if !plan.minimal {
        for held in response.additional.iter().filter(wanted) {
            write(Section::Additional, held);
        }
    }
    true
}

/// Owners and types of sets that were written.
type Written<'a> = SmallVec<[(&'a Name, RecordType); 8]>;

/// Whether no set of this owner and type was written before; it is noted.
fn is_first<'a>(written: &mut Written<'a>, held: &'a Held) -> bool {
    let set = (&held.rrset.owner, held.rrset.rtype);
    let first = !written
        .iter()
        .any(|(owner, rtype)| *rtype == set.1 && *owner == set.0);
    if first {
        written.push(set);
    }
    first
}

/// Types that a client without DO gets only if it asks for them.
const fn is_dnssec_only(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3
    )
}

/// Writes OPT, for which room was kept, with the EDE if there is room for that as well.
fn write_reply_opt(
    writer: &mut Writer<'_>,
    response: &Response,
    cookie: Option<&[u8]>,
    plan: &plan::Answer,
    dnssec_ok: bool,
) {
    let cookie = cookie_option(cookie);
    let bare = Opt {
        udp_size: plan.max_udp_size,
        rcode: response.rcode.0,
        dnssec_ok,
        options: &cookie,
    };
    let explained = response.ede.as_ref().is_some_and(|ede| {
        let mut options = cookie.clone();
        push_ede(&mut options, ede);
        writer.opt(&Opt {
            options: &options,
            ..bare
        })
    });
    if !explained {
        writer.opt(&bare);
    }
}

/// The options of a reply; on the stack, because hits have them, too.
type Options = SmallVec<[u8; 64]>;

fn cookie_option(cookie: Option<&[u8]>) -> Options {
    let mut options = Options::new();
    if let Some(cookie) = cookie {
        push_option(&mut options, COOKIE, cookie);
    }
    options
}

/// Adds the option with its code, length, info-code and text.
fn push_ede(options: &mut Options, ede: &Ede) {
    let mut value = Vec::with_capacity(2 + ede.text.len());
    value.extend_from_slice(&ede.code.to_be_bytes());
    value.extend_from_slice(ede.text.as_bytes());
    push_option(options, EDE, &value);
}
