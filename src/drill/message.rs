//! How does a reply of the drill's servers become octets?

use hickory_proto::op::{Edns, Message, Metadata};

use super::zones::Reply;

/// Largest UDP reply of an honest server, octets, whatever the client offers (RFC 9715): bigger ones need TCP.
pub(super) const MAX_UDP: usize = 1232;

/// The reply to `query`: ID, opcode, RD and question copied, an OPT record if the query had one.
#[must_use]
pub(super) fn reply_to(query: &Message, reply: Reply) -> Message {
    let mut message = Message::response(query.metadata.id, query.metadata.op_code);
    message.metadata = Metadata::response_from_request(&query.metadata);
    message.metadata.response_code = reply.rcode;
    message.metadata.authoritative = reply.authoritative;
    message.metadata.recursion_available = false;
    message.queries.clone_from(&query.queries);
    message.answers = reply.answers;
    message.authorities = reply.authorities;
    message.additionals = reply.additionals;
    message.edns = query.edns.as_ref().map(answering_edns);
    message
}

/// The OPT record of a reply: our size, DO copied (RFC 3225).
#[must_use]
pub(super) fn answering_edns(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(asked.max_payload().min(1232));
    edns.set_dnssec_ok(asked.flags().dnssec_ok);
    edns
}

/// Octets; over UDP what does not fit the client's size or ours is truncated to the question with TC=1.
#[must_use]
pub(super) fn encode(message: &Message, tcp: bool) -> Vec<u8> {
    let octets = message.to_vec().unwrap_or_default();
    let room = message.edns.as_ref().map_or(512, |edns| {
        usize::from(edns.max_payload()).clamp(512, MAX_UDP)
    });
    if tcp || octets.len() <= room {
        octets
    } else {
        truncated(message)
    }
}

/// The same message without records and with TC=1.
#[must_use]
pub(super) fn truncated(message: &Message) -> Vec<u8> {
    let mut short = message.clone();
    short.answers.clear();
    short.authorities.clear();
    short.additionals.clear();
    short.metadata.truncation = true;
    short.to_vec().unwrap_or_default()
}
