//! How are servers asked? One question, one server, one reply; what is known of servers, and what it cost.
//!
//! Everything that goes upstream goes through [`Egress::exchange`], [`Egress::transfer`] or [`Forwarder::ask`], and all charge a
//! [`Budget`](crate::guard::permit::Budget) for every packet before it is sent. Without one there is no way to ask.

mod cookies;
pub mod counters;
mod exchange;
mod forward;
mod forward_sockets;
mod late;
pub mod matching;
mod outstanding;
pub mod permitted;
pub mod rtt;
pub mod servers;
mod sockets;
pub mod source_port;
mod tcp;
mod transfer;
mod udp;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan;
use crate::sys::clock::Now;
use crate::wire::{Name, Question};

pub use counters::{Snapshot, Upstream};
pub use exchange::{Exchanged, Failure, Query, Transport};
pub use forward::{Forwarder, ForwarderError};
pub use late::LateReplies;
pub use outstanding::{Doubt, Evidence, Return};
pub use transfer::{TransferFailure, TransferLimits, Transferred};

use cookies::Cookies;
use outstanding::Outstanding;
use permitted::Permitted;
use servers::Servers;
use sockets::Sockets;

/// Asks servers. One for the whole process, shared.
#[derive(Debug)]
pub struct Egress {
    plan: plan::Egress,
    permitted: Permitted,
    servers: Servers,
    cookies: Cookies,
    sockets: Sockets,
    outstanding: Outstanding,
    counters: Arc<Upstream>,
}

impl Egress {
    /// `own`: the addresses that suimond listens on, as bound (wildcards stay wildcards); they are never asked. `counters` go on
    /// from one configuration to the next.
    ///
    /// Half of the limit on open files at this moment, at most 16,384, goes to sockets towards servers: raise it before.
    #[must_use]
    pub fn new(plan: &plan::Egress, own: &[SocketAddr], counters: Arc<Upstream>) -> Self {
        Self {
            permitted: Permitted::new(plan, own),
            servers: Servers::new(plan),
            cookies: Cookies::new(plan),
            sockets: Sockets::new(plan),
            outstanding: Outstanding::default(),
            counters,
            plan: plan.clone(),
        }
    }

    /// Where an authoritative server at `address` is asked: at the configured port, 53.
    #[must_use]
    pub const fn at_port(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, self.plan.port)
    }

    /// Whether an authoritative server at `address` would ever be asked, unless that is an address of this host, which is for others to say.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        self.permitted.permits(self.at_port(address), false)
    }

    /// `server` replied, over a matched exchange, that it does not serve `zone`: others are preferred for ten minutes.
    pub fn note_lame(&self, server: SocketAddr, zone: &Name, now: Now) {
        self.servers.note_lame(server, zone, now);
    }

    /// `server` left out what DO asks for: whether it takes EDNS is found out anew.
    pub fn note_incomplete(&self, server: SocketAddr) {
        self.servers.note_incomplete(server);
    }

    /// Whether a question could be sent at once, and need not wait for a socket.
    #[must_use]
    pub fn has_sockets(&self) -> bool {
        self.sockets.has_one()
    }

    /// How long the fastest of `candidates` usually takes to answer.
    #[must_use]
    pub fn usual_time(&self, candidates: &[SocketAddr], now: Now) -> Duration {
        self.servers.usual_time(candidates, now)
    }

    /// Whether a client's query, from `from` and with that client cookie, is or may be one of our own that comes back: the same is being
    /// asked at this moment, with that cookie, or of that address.
    #[must_use]
    pub fn comes_back(
        &self,
        question: &Question,
        from: IpAddr,
        client_cookie: Option<[u8; 8]>,
        now: Now,
    ) -> Option<Return> {
        let patience = |server| self.servers.usual_time(&[server], now);
        self.outstanding
            .comes_back(question, from, client_cookie, patience)
    }

    /// What is known of servers.
    #[must_use]
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// What asking has cost.
    #[must_use]
    pub const fn counters(&self) -> &Arc<Upstream> {
        &self.counters
    }
}
