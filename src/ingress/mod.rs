//! How do packets come in and responses go out? Sockets, batches and limits; what a packet means is a service plugged in from above.
//!
//! Life of the room: [`Listeners::bind`] while privileges last, [`Listeners::start`], then [`Ingress::stop`].

pub mod connection;
pub mod connections;
pub mod later;
pub mod listeners;
pub mod tcp;
pub mod udp;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::sys::clock::Now;
use crate::telemetry::{Reason, Worker};

pub use later::Later;
pub use listeners::{Ingress, ListenError, Listeners};

/// What answers. The daemon plugs the query pipeline in here; tests plug in something smaller.
pub trait Service: Send + Sync + 'static {
    /// State of one UDP worker thread: its table of ready-made answers and the like.
    type Worker: Send;

    /// State for worker `index`. `cells` are the thread's own counters: ingress counts in them what was received, batches, queue drops and
    /// send failures; the service counts verdicts, replies and answers.
    fn worker(&self, index: usize, cells: Arc<Worker>) -> Self::Worker;

    /// Handles one datagram; must never block. `reply` comes empty; what is written there is sent if [`Next::Reply`] is returned. A
    /// service that answers later turns `later` towards the client and keeps that; a hit need not, and so does not allocate.
    fn datagram(
        &self,
        worker: &mut Self::Worker,
        datagram: &Datagram<'_>,
        now: Now,
        reply: &mut Vec<u8>,
        later: &Later,
    ) -> Next;

    /// Called after each batch of datagrams: what was held for its time can be let go.
    fn batch_served(&self, _worker: &mut Self::Worker) {}

    /// May this client connect? Asked before a byte is read.
    ///
    /// # Errors
    /// Why not; the connection is closed at once and the reason counted.
    fn admit_connection(&self, source: SocketAddr, local: SocketAddr) -> Result<(), Reason>;

    /// Handles one query of a stream (at least a header long, without its length octets).
    /// Queries of one connection run side by side. Dropped when the connection ends first.
    fn stream_query(
        &self,
        query: Vec<u8>,
        peer: Peer,
        now: Now,
    ) -> impl Future<Output = StreamNext> + Send;
}

/// What becomes of a query of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamNext {
    /// No reply; the connection goes on.
    Silence,
    /// This is sent.
    Reply(Vec<u8>),
    /// Its client asks more than it may: the connection is closed.
    Close,
}

impl From<Option<Vec<u8>>> for StreamNext {
    fn from(reply: Option<Vec<u8>>) -> Self {
        reply.map_or(Self::Silence, Self::Reply)
    }
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// No reply.
    Silence,
    /// The reply written goes out with this batch.
    Reply,
    /// What was made of `later` will answer, or nobody.
    Pending,
}

/// One datagram on its way to the service.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The message.
    pub bytes: &'a [u8],
    /// Who sent it, so they say.
    pub source: SocketAddr,
    /// The address that was asked; the reply leaves from it.
    pub local: SocketAddr,
    /// Index of the interface it came in by; 0 = unknown.
    pub interface: u32,
    /// Whether that is the loopback interface.
    pub loopback: bool,
    /// The hop limit (TTL) it came with, if that was looked at.
    pub hop_limit: Option<u8>,
    /// How long it lay in the kernel's queue, as far as that can be known.
    pub queued: Duration,
}

/// The other end of a stream; its address is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client.
    pub source: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
}

#[cfg(test)]
mod tests;
