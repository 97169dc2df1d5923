//! Is this datagram the reply we wait for? Everything of RFC 5452 section 9 but address and port, which the kernel checks.

use crate::wire::header::HEADER_LEN;
use crate::wire::{Class, Header, Message, Question, Rcode};

/// What a reply must match.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The message ID we sent.
    pub id: u16,
    /// The question we sent, in the case we sent it.
    pub question: &'a Question,
    /// Whether the case of the name must come back as sent ("0x20").
    pub exact_case: bool,
}

/// What a datagram turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The reply.
    Reply(Box<Message>),
    /// The reply, cut off: the whole of it is to be had over TCP.
    Truncated,
    /// Something else; keep waiting.
    Discard(Mismatch),
}

/// Why a datagram is not the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// Shorter than a header.
    Short,
    /// Another message ID: somebody guesses.
    Id,
    /// QR=0: a query.
    NotAResponse,
    /// An opcode other than QUERY.
    Opcode,
    /// No question, or several (RFC 9619).
    QuestionCount,
    /// Another name, type or class.
    Question,
    /// The right name in another case, where we sent a random one.
    Case,
    /// The right ID and question in front of something unreadable.
    Malformed,
    /// Another cookie than ours, or none from a server that has given one before (RFC 7873 section 5.3).
    Cookie,
}

impl Mismatch {
    /// All kinds, in the order of their counters.
    pub const ALL: [Self; 9] = [
        Self::Short,
        Self::Id,
        Self::NotAResponse,
        Self::Opcode,
        Self::QuestionCount,
        Self::Question,
        Self::Case,
        Self::Malformed,
        Self::Cookie,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Id => "id",
            Self::NotAResponse => "not_a_response",
            Self::Opcode => "opcode",
            Self::QuestionCount => "question_count",
            Self::Question => "question",
            Self::Case => "case",
            Self::Malformed => "malformed",
            Self::Cookie => "cookie",
        }
    }

    /// Whether one such datagram is reason enough to ask over TCP, where nobody off the path can answer (threats.md 4.1).
    #[must_use]
    pub const fn smells_of_forgery(self) -> bool {
        matches!(self, Self::Id | Self::Case | Self::Cookie)
    }
}

/// Looks at one datagram (or one message of a stream).
#[must_use]
pub fn examine(octets: &[u8], expected: &Expected<'_>) -> Seen {
    match envelope(octets, expected) {
        Err(why) => Seen::Discard(why),
        // A cut-off body may end anywhere: it is not even looked at.
        Ok(header) if header.flags.tc() => Seen::Truncated,
        Ok(header) => match Message::parse(octets) {
            Ok(message) if header.qdcount == 1 || is_bare(&message) => {
                Seen::Reply(Box::new(message))
            }
            Ok(_) => Seen::Discard(Mismatch::QuestionCount),
            Err(_) => Seen::Discard(Mismatch::Malformed),
        },
    }
}

/// Checks header and question.
fn envelope(octets: &[u8], expected: &Expected<'_>) -> Result<Header, Mismatch> {
    let header = Header::parse(octets).map_err(|_| Mismatch::Short)?;
    if header.id != expected.id {
        return Err(Mismatch::Id);
    }
    if !header.flags.qr() {
        return Err(Mismatch::NotAResponse);
    }
    if header.flags.opcode() != 0 {
        return Err(Mismatch::Opcode);
    }
    match header.qdcount {
        1 => question(octets, expected)?,
        // Old servers give a query that they cannot read back as a bare header.
        0 if !header.flags.tc()
            && matches!(header.flags.rcode(), Rcode::FORMERR | Rcode::NOTIMP) => {}
        _ => return Err(Mismatch::QuestionCount),
    }
    Ok(header)
}

/// Compares the question section. The first name of a message has nothing before it that it could point to, so it stands
/// there in full and can be compared octet by octet; length octets are below 'A' and fold to themselves.
fn question(octets: &[u8], expected: &Expected<'_>) -> Result<(), Mismatch> {
    let name = expected.question.name.as_wire();
    let rest = octets.get(HEADER_LEN..).unwrap_or_default();
    let (asked, rest) = rest
        .split_at_checked(name.len())
        .ok_or(Mismatch::Question)?;
    let [a, b] = expected.question.rtype.0.to_be_bytes();
    let [c, d] = Class::IN.0.to_be_bytes();
    if !asked.eq_ignore_ascii_case(name) || rest.first_chunk() != Some(&[a, b, c, d]) {
        return Err(Mismatch::Question);
    }
    if expected.exact_case && asked != name {
        return Err(Mismatch::Case);
    }
    Ok(())
}

/// An error without any record.
fn is_bare(message: &Message) -> bool {
    message.answer.is_empty() && message.authority.is_empty() && message.additional.is_empty()
}
