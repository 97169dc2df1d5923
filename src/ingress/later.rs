//! How is an answer sent that was not ready at once? Through the socket its question came by, from the address that was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::sys::udp::UdpListener;
use crate::telemetry::Worker;

/// The way back to one client. Costs two reference counts; it may be sent from any thread, without a lock.
#[derive(Clone, Debug)]
pub struct Later {
    listener: Arc<UdpListener>,
    /// Counts failures; the shared one, since any thread may send.
    cells: Arc<Worker>,
    to: SocketAddr,
    from: SocketAddr,
}

impl Later {
    pub(in crate::ingress) const fn new(
        listener: Arc<UdpListener>,
        cells: Arc<Worker>,
        to: SocketAddr,
        from: SocketAddr,
    ) -> Self {
        Self {
            listener,
            cells,
            to,
            from,
        }
    }

    /// The way back to another client of the same socket. Only a query that must wait pays for it.
    #[must_use]
    pub fn towards(&self, to: SocketAddr, from: SocketAddr) -> Self {
        Self {
            to,
            from,
            ..self.clone()
        }
    }

    /// Whom it answers.
    #[must_use]
    pub const fn client(&self) -> SocketAddr {
        self.to
    }

    /// The address that was asked.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.from
    }

    /// Sends a reply without waiting; whether the kernel took it. (A client that gets none asks again.)
    pub fn send(&self, reply: &[u8]) -> bool {
        let sent = self.listener.send(reply, self.to, self.from.ip()).is_ok();
        if !sent {
            self.cells.send_failures(1);
        }
        sent
    }
}
