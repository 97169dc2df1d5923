//! What did the guard decide? The verdict, and the admission that alone can become a permit.

use std::net::{IpAddr, SocketAddr};

use super::Arrival;
use super::limiter::{Client, Limited};
use super::permit::RecursionPermit;
use crate::config::plan::TransportKind;
use crate::telemetry::{Reason, Worker};
use crate::wire::Rcode;

/// The decision on one packet.
#[derive(Debug)]
pub enum Verdict {
    /// Serve it.
    Admit(Admission),
    /// One small reply with this response code; whatever budget it needs has been charged.
    Refuse(Reason, Rcode),
    /// Silence.
    Drop(Reason),
    /// The client is over a limit: no answer, but what this says.
    Limit(Limited),
}

impl Verdict {
    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Admit(_) => Reason::AclAllow,
            Self::Refuse(reason, _) | Self::Drop(reason) => *reason,
            Self::Limit(limited) => limited.reason(),
        }
    }

    /// Counts it: one reason per packet, and row 11 (source port 53: admitted and counted, old forwarders ask so).
    #[inline]
    pub fn count(&self, worker: &Worker) {
        worker.verdict(self.reason());
        if matches!(self, Self::Admit(admission) if admission.client.port() == 53) {
            worker.from_port_53(1);
        }
    }
}

/// Proof that the guard let a query in. Only the guard makes one.
#[derive(Debug)]
#[must_use]
pub struct Admission {
    client: SocketAddr,
    transport: TransportKind,
    hop_limit: Option<u8>,
    recursion_desired: bool,
    errors_allowed: bool,
    must_prove: bool,
    proven_by_cookie: bool,
    over_limit: bool,
    suspected: bool,
}

impl Admission {
    pub(in crate::guard) const fn new(
        arrival: &Arrival<'_>,
        recursion_desired: bool,
        errors_allowed: bool,
        must_prove: bool,
    ) -> Self {
        Self {
            client: arrival.source,
            transport: arrival.transport,
            hop_limit: arrival.hop_limit,
            recursion_desired,
            errors_allowed,
            must_prove,
            proven_by_cookie: false,
            over_limit: false,
            suspected: false,
        }
    }

    /// A cookie of ours came back from the client.
    pub(in crate::guard) const fn prove(&mut self) {
        self.proven_by_cookie = true;
    }

    /// The same, over a limit that is only logged.
    pub(in crate::guard) const fn over_limit(mut self) -> Self {
        self.over_limit = true;
        self
    }

    /// The same, from a customer in whose name too much was asked for long.
    pub(in crate::guard) const fn suspected(mut self) -> Self {
        self.suspected = true;
        self
    }

    /// Whether it is over a limit that is only logged.
    #[must_use]
    pub const fn is_over_limit(&self) -> bool {
        self.over_limit
    }

    /// The client.
    #[must_use]
    pub const fn client(&self) -> IpAddr {
        self.client.ip()
    }

    /// The hop limit that its query came with, if that was looked at.
    #[must_use]
    pub const fn hop_limit(&self) -> Option<u8> {
        self.hop_limit
    }

    /// Whether the client's address is proven, not only claimed.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self.transport, TransportKind::Tcp) || self.proven_by_cookie
    }

    /// Whether it came by a stream, so that its answer can wait.
    #[must_use]
    pub const fn is_by_stream(&self) -> bool {
        matches!(self.transport, TransportKind::Tcp)
    }

    /// Why nothing but a way to prove itself may be sent to this client, if that is so (`acl.prove`, `limiter.prove_after`).
    #[must_use]
    pub const fn lacks_proof(&self) -> Option<Reason> {
        if self.is_verified() {
            None
        } else if self.must_prove {
            Some(Reason::Unproven)
        } else if self.suspected {
            Some(Reason::UnprovenSuspect)
        } else {
            None
        }
    }

    /// Whom limits are charged to.
    #[must_use]
    pub fn limits(&self) -> Client {
        Client {
            address: (&self.client).into(),
            verified: self.is_verified(),
            hop_limit: self.hop_limit,
        }
    }

    /// Whether this is a snooping query (RD=0, allowed by a rule): cached data only.
    #[must_use]
    pub const fn is_snoop(&self) -> bool {
        !self.recursion_desired
    }

    /// Whether an error reply (FORMERR, SERVFAIL, REFUSED …) may be sent; not to the port of a reflecting service (row 10).
    #[must_use]
    pub const fn may_send_errors(&self) -> bool {
        self.errors_allowed
    }

    /// The right to look up anew the name that was admitted and just answered. Nothing for a query that did not desire recursion.
    #[must_use]
    pub const fn into_refresh(self) -> Option<RecursionPermit> {
        if self.recursion_desired {
            Some(RecursionPermit::for_refresh(self.client()))
        } else {
            None
        }
    }

    /// The right to one recursion. Nothing for a query that did not desire recursion: it cannot cause an upstream packet.
    #[must_use]
    pub const fn into_permit(self) -> Option<RecursionPermit> {
        if self.recursion_desired {
            Some(RecursionPermit::for_client(
                self.client(),
                self.is_verified(),
            ))
        } else {
            None
        }
    }
}
