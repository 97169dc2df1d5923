//! How is a client told to prove its address? By a fresh cookie, or by nothing but TC=1.

use crate::config::plan;
use crate::wire::writer::Writer;
use crate::wire::{Flags, QueryView, Rcode};

use super::append_opt;

/// Appends a reply without any data. With `cookie`, the value of a COOKIE option: BADCOOKIE, and the client asks again with it (RFC 7873
/// section 5.3). Without: TC=1, and the client asks over TCP. Longer than the query by the server's part of the cookie at
/// most. Returns the code.
pub fn ask_for_proof(
    query: &QueryView<'_>,
    cookie: Option<&[u8]>,
    plan: &plan::Answer,
    out: &mut Vec<u8>,
) -> Rcode {
    let rcode = if cookie.is_some() {
        Rcode::BADCOOKIE
    } else {
        Rcode::NOERROR
    };
    bare(query, rcode, cookie.is_none(), cookie, plan, out);
    rcode
}

/// Appends a reply without any data to a client that has proven its address by `cookie`: TC=1, and it asks over TCP, where queries
/// can wait. The cookie comes with it, since who brings one believes no reply without (RFC 7873 section 5.3); the reply is no
/// longer than such a query. Returns the code.
pub fn ask_by_stream(
    query: &QueryView<'_>,
    cookie: &[u8],
    plan: &plan::Answer,
    out: &mut Vec<u8>,
) -> Rcode {
    bare(query, Rcode::NOERROR, true, Some(cookie), plan, out);
    Rcode::NOERROR
}

fn bare(
    query: &QueryView<'_>,
    rcode: Rcode,
    truncated: bool,
    cookie: Option<&[u8]>,
    plan: &plan::Answer,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let mut writer = Writer::new(out, usize::from(u16::MAX));
    if !query.is_cookie_only() {
        writer.question_wire(query.qname_wire, query.qtype, query.qclass);
    }
    let flags = Flags::default()
        .with_qr(true)
        .with_rd(query.flags.rd())
        .with_ra(true)
        .with_cd(query.flags.cd())
        .with_tc(truncated);
    writer.finish(query.id, flags.with_rcode(rcode));
    append_opt(query, rcode, cookie, plan, start, out);
}
