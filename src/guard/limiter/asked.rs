//! Who asks, what does it cost, and what becomes of it beyond the limit?

use std::net::IpAddr;

use super::Limiter;
use super::ladder::{QUERY, WHOLE};
use crate::guard::address::Address;
use crate::guard::fair::Customer;
use crate::telemetry::Reason;
use crate::telemetry::incidents::Namespace;
use crate::wire::{Rcode, RecordType};

/// Costs of these are so many times the usual (parameter sheet, section 2).
const HEAVY: u64 = 4;
const NXDOMAIN: u64 = 2;
const ERROR: u64 = 4;

/// Who asks, as far as limits go.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The address.
    pub address: Address,
    /// Whether it is proven: TCP, or a valid server cookie.
    pub verified: bool,
    /// The hop limit that the query came with, if that was looked at.
    pub hop_limit: Option<u8>,
}

impl Client {
    /// From an address as others know it.
    #[must_use]
    pub fn new(address: IpAddr, verified: bool) -> Self {
        Self {
            address: Address::from(address),
            verified,
            hop_limit: None,
        }
    }

    /// By what it is judged.
    pub(super) const fn namespace(&self) -> Namespace {
        if self.verified {
            Namespace::Verified
        } else {
            Namespace::Claimed
        }
    }
}

/// What is asked, as far as limits go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Of a type whose answers are large: ANY, DNSKEY, RRSIG, TXT.
    pub heavy: bool,
    /// With a client cookie.
    pub client_cookie: bool,
    /// So badly that the reply can only be an error.
    pub error: bool,
}

impl Limiter {
    /// As whom a client's look-ups are counted, and for how many customers it stands.
    #[must_use]
    pub fn customer(&self, client: Client) -> Customer {
        // Who is exempt here has no share of a customer's limit, and is one customer elsewhere.
        let share = self.shares.find(client.address).unwrap_or(WHOLE);
        let customers = WHOLE.checked_div(share).unwrap_or(1);
        Customer {
            prefix: client.address.prefix(self.plan.customer_prefix),
            verified: client.verified,
            customers: u32::try_from(customers).unwrap_or(u32::MAX).max(1),
        }
    }
}

/// What becomes of a query that is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// An empty reply with TC=1, no longer than the query: who is really there asks again over TCP.
    Truncate,
    /// BADCOOKIE with a fresh server cookie: who is really there asks again with it.
    BadCookie,
    /// Silence.
    Drop,
    /// The address is proven: the query waits.
    Defer,
}

impl Limited {
    /// The code of what became of it.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Truncate => Reason::LimitedTruncated,
            Self::BadCookie => Reason::LimitedBadCookie,
            Self::Drop => Reason::LimitedDropped,
            Self::Defer => Reason::LimitedDeferred,
        }
    }
}

/// A query over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// What becomes of it, or would.
    pub limited: Limited,
    /// Whether limits are applied; otherwise it is served all the same.
    pub enforced: bool,
}

impl Asked {
    /// From a question.
    #[must_use]
    pub const fn of(qtype: RecordType, client_cookie: bool) -> Self {
        Self {
            heavy: is_heavy(qtype),
            client_cookie,
            error: false,
        }
    }

    /// An error, whatever was asked.
    pub const ERROR: Self = Self {
        heavy: false,
        client_cookie: false,
        error: true,
    };

    /// What it costs when it comes in, in octets.
    pub(super) const fn cost(self, verified: bool) -> u64 {
        if self.error {
            QUERY * ERROR
        } else if self.heavy && !verified {
            QUERY * HEAVY
        } else {
            QUERY
        }
    }

    /// Whether a reply costs no more than the cheapest query.
    #[inline]
    pub(super) const fn is_paid_by_any(rcode: Rcode, octets: usize) -> bool {
        matches!(rcode, Rcode::NOERROR | Rcode::SERVFAIL) && octets as u64 <= QUERY
    }

    /// The same with its reply.
    pub(super) fn cost_with(self, verified: bool, rcode: Rcode, octets: usize) -> u64 {
        let times = match rcode {
            // Servers that fail, and names that are throttled, are no fault of who asks.
            Rcode::NOERROR | Rcode::SERVFAIL => 1,
            Rcode::NXDOMAIN => NXDOMAIN,
            _ => ERROR,
        };
        let size = u64::try_from(octets).unwrap_or(u64::MAX).max(QUERY);
        size.saturating_mul(times.max(self.cost(verified) / QUERY))
    }
}

/// Whether answers of this type tend to be large.
const fn is_heavy(qtype: RecordType) -> bool {
    matches!(
        qtype,
        RecordType::ANY | RecordType::DNSKEY | RecordType::RRSIG | RecordType::TXT
    )
}
