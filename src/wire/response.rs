//! What is to be said, before it is octets: the shape that policy, cache and recursion hand to `answer`.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Rcode, RecordType, Rrset};

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
    /// 1: signed with algorithms that are not supported (any more).
    pub const UNSUPPORTED_ALGORITHM: u16 = 1;
    /// 2: vouched for with digests that are not supported (any more).
    pub const UNSUPPORTED_DIGEST: u16 = 2;
    /// 3: stale answer.
    pub const STALE_ANSWER: u16 = 3;
    /// 5: no trust anchor covers it.
    pub const INDETERMINATE: u16 = 5;
    /// 6: validation failed.
    pub const DNSSEC_BOGUS: u16 = 6;
    /// 7: no signature is valid any more.
    pub const SIGNATURE_EXPIRED: u16 = 7;
    /// 8: no signature is valid yet.
    pub const SIGNATURE_NOT_YET_VALID: u16 = 8;
    /// 9: no DNSKEY matches.
    pub const DNSKEY_MISSING: u16 = 9;
    /// 10: a signature is missing.
    pub const RRSIGS_MISSING: u16 = 10;
    /// 11: no matching key has the zone key bit.
    pub const NO_ZONE_KEY_BIT: u16 = 11;
    /// 12: a proof of nonexistence is missing.
    pub const NSEC_MISSING: u16 = 12;
    /// 13: a cached failure (RFC 9520).
    pub const CACHED_ERROR: u16 = 13;
    /// 14: not ready to serve.
    pub const NOT_READY: u16 = 14;
    /// 15: blocked by policy.
    pub const BLOCKED: u16 = 15;
    /// 18: the client is not allowed.
    pub const PROHIBITED: u16 = 18;
    /// 19: stale denial of a name.
    pub const STALE_NXDOMAIN: u16 = 19;
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
    /// 25: a signature that expires before it begins.
    pub const SIGNATURE_EXPIRED_BEFORE_VALID: u16 = 25;
    /// 27: NSEC3 with more iterations than are looked at (RFC 9276 section 3.2).
    pub const UNSUPPORTED_NSEC3_ITERATIONS: u16 = 27;
    /// 29: made up by the resolver (special-use names, local zones).
    pub const SYNTHESIZED: u16 = 29;

    /// Whether it says that validation failed: it does not concern whoever validates for himself.
    #[must_use]
    pub const fn is_bogus(&self) -> bool {
        matches!(
            self.code,
            Self::DNSSEC_BOGUS..=Self::NSEC_MISSING | Self::SIGNATURE_EXPIRED_BEFORE_VALID
        )
    }

    /// An error with a fixed sentence.
    #[must_use]
    pub const fn new(code: u16, text: &'static str) -> Self {
        Self {
            code,
            text: Cow::Borrowed(text),
        }
    }
}

/// What validation found about a set (RFC 4035 section 4.3), least first. Bogus is missing: what is bogus is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Security {
    /// Nobody looked: a client asked with CD, or it is the address of a server.
    #[default]
    Unchecked,
    /// No trust anchor lies above it.
    Indeterminate,
    /// A proof says that it need not be signed, by algorithms we know.
    Insecure,
    /// Signed, with a chain of trust up to an anchor.
    Secure,
}

/// A shared RRset and the TTL it has left, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The set, as it is cached.
    pub rrset: Arc<Rrset>,
    /// What is left of its TTL; what the client is told.
    pub ttl: u32,
    /// What validation found.
    pub security: Security,
}

/// A response to one question: code, sections in the order in which they are written, and the reason for an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The response code; belongs to the last name of a chain (RFC 6604).
    pub rcode: Rcode,
    /// Answer: the CNAME/DNAME chain in order, then the data.
    pub answer: Vec<Held>,
    /// Authority: the SOA of a negative answer, and the NSEC and NSEC3 sets that prove it or a wildcard.
    pub authority: Vec<Held>,
    /// Additional: only when minimal responses are off.
    pub additional: Vec<Held>,
    /// AA: only for what the operator answers himself.
    pub authoritative: bool,
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
            ede: None,
        }
    }

    /// Whether all of it was validated, so that AD may be set (RFC 6840 section 5.8).
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        let mut sets = self.answer.iter().chain(&self.authority).peekable();
        self.rcode != Rcode::SERVFAIL
            && sets.peek().is_some()
            && sets.all(|held| held.security == Security::Secure)
    }

    /// Whether it says that records of type `asked` are not there, and shows nothing for it: an unsigned server that left out
    /// its SOA. The chain that leads there may be authenticated, but that is not the answer.
    #[must_use]
    pub fn is_bare_denial(&self, asked: RecordType) -> bool {
        let has_data = || {
            let last = self.answer.last();
            last.is_some_and(|held| held.rrset.rtype == asked || asked == RecordType::ANY)
        };
        let has_soa = || {
            let mut sets = self.authority.iter();
            sets.any(|held| held.rrset.rtype == RecordType::SOA)
        };
        let unproven = self.authority.is_empty() || (!self.answer.is_empty() && !has_soa());
        unproven
            && match self.rcode {
                Rcode::NXDOMAIN => true,
                Rcode::NOERROR => !has_data(),
                _ => false,
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
