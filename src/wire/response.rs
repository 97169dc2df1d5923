//! What is to be said, before it is octets: the shape that policy, cache and recursion hand to `answer`.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Rcode, Rrset};

/// An extended DNS error: a registered code and a sentence for people (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ede {
    /// The info-code (IANA registry "Extended DNS Error Codes").
    pub code: u16,
    /// What a person should read; short, no internals.
    pub text: Cow<'static, str>,
}

impl Ede {
    /// 0: none of the others.
    pub const OTHER: u16 = 0;
    /// 3: stale answer.
    pub const STALE_ANSWER: u16 = 3;
    /// 13: a cached failure (RFC 9520).
    pub const CACHED_ERROR: u16 = 13;
    /// 14: not ready to serve.
    pub const NOT_READY: u16 = 14;
    /// 15: blocked by policy.
    pub const BLOCKED: u16 = 15;
    /// 18: the client is not allowed.
    pub const PROHIBITED: u16 = 18;
    /// 20: not authoritative, and RD=0.
    pub const NOT_AUTHORITATIVE: u16 = 20;
    /// 21: not supported.
    pub const NOT_SUPPORTED: u16 = 21;
    /// 22: no server of the zone could be reached.
    pub const NO_REACHABLE_AUTHORITY: u16 = 22;
    /// 23: servers answered with errors or timed out on the network.
    pub const NETWORK_ERROR: u16 = 23;
    /// 24: data from the server is invalid.
    pub const INVALID_DATA: u16 = 24;
    /// 29: made up by the resolver (special-use names, local zones).
    pub const SYNTHESIZED: u16 = 29;

    /// An error with a fixed sentence.
    #[must_use]
    pub const fn new(code: u16, text: &'static str) -> Self {
        Self {
            code,
            text: Cow::Borrowed(text),
        }
    }
}

/// A shared RRset and the TTL it has left, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The set, as it is cached.
    pub rrset: Arc<Rrset>,
    /// What is left of its TTL; what the client is told.
    pub ttl: u32,
}

/// A response to one question: code, sections in the order in which they are written, and the reason for an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The response code; belongs to the last name of a chain (RFC 6604).
    pub rcode: Rcode,
    /// Answer: the CNAME/DNAME chain in order, then the data.
    pub answer: Vec<Held>,
    /// Authority: the SOA of a negative answer, later the proofs.
    pub authority: Vec<Held>,
    /// Additional: only when minimal responses are off.
    pub additional: Vec<Held>,
    /// AA: only for what the operator answers himself.
    pub authoritative: bool,
    /// AD: every RRset was validated. Never set before validation exists.
    pub authenticated: bool,
    /// Why, when something went wrong or was made up.
    pub ede: Option<Ede>,
}

impl Response {
    /// A response without records.
    #[must_use]
    pub const fn empty(rcode: Rcode) -> Self {
        Self {
            rcode,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            authoritative: false,
            authenticated: false,
            ede: None,
        }
    }

    /// SERVFAIL with a reason.
    #[must_use]
    pub fn failure(ede: Ede) -> Self {
        Self {
            ede: Some(ede),
            ..Self::empty(Rcode::SERVFAIL)
        }
    }
}
