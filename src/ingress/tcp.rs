//! How are TCP connections taken in? Judged and counted before a byte is read, then served each by its own task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{self, Context};
use super::connections::{ConnectionTicket, Connections};
use super::{Peer, Service};
use crate::config::plan;
use crate::telemetry::shadow::{KnownGood, Limit};
use crate::telemetry::{Reason, Telemetry, Worker};

/// Pause when a connection cannot be accepted (no descriptors left): time for others to close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts on one address until told to stop, then lets its connections finish.
pub struct TcpAcceptor<S> {
    service: Arc<S>,
    connections: Connections,
    context: Context,
}

impl<S> Clone for TcpAcceptor<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            connections: self.connections.clone(),
            context: self.context.clone(),
        }
    }
}

impl<S: Service> TcpAcceptor<S> {
    /// One for all listen addresses (clones share the counts of connections). `draining` turning true stops it.
    #[must_use]
    pub fn new(
        service: Arc<S>,
        telemetry: &Telemetry,
        plan: &plan::Tcp,
        draining: watch::Receiver<bool>,
    ) -> Self {
        let connections = Connections::new(plan);
        let context = Context {
            limits: Arc::new(plan.clone()),
            busy: connections.busy(),
            draining,
            cells: Arc::clone(telemetry.shared()),
        };
        Self {
            service,
            connections,
            context,
        }
    }

    /// Accepts and serves. Returns when drained; dropping the future closes everything at once.
    pub async fn run(mut self, listener: TcpListener) {
        let mut open = JoinSet::new();
        while !*self.context.draining.borrow() {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, source)) => self.take_in(stream, source, &mut open),
                    Err(error) => pause_after(&error).await,
                },
                Some(_) = open.join_next() => {}
                changed = self.context.draining.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
        }
        drop(listener);
        while open.join_next().await.is_some() {}
    }

    fn take_in(&self, stream: TcpStream, source: SocketAddr, open: &mut JoinSet<()>) {
        let cells = &self.context.cells;
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let refused = match self.service.admit_connection(source, local) {
            Err(reason) => reason,
            Ok(()) => {
                // A handshake has proven the address; what will be asked is not known yet.
                let acted = |limit| cells.acted(limit, KnownGood::Address, 1);
                match self.connections.enter(source.ip()) {
                    Ok(ticket) => {
                        if ticket.is_over_limit() {
                            acted(Limit::TcpPerClient);
                        }
                        let task = self.clone().serve(stream, Peer { source, local }, ticket);
                        open.spawn(task);
                        return;
                    }
                    Err(limit) => acted(limit),
                }
                Reason::TcpConnections
            }
        };
        // The stream is closed here, nothing read.
        cells.tcp_refused(1);
        cells.verdict(refused);
    }

    async fn serve(self, stream: TcpStream, peer: Peer, ticket: ConnectionTicket) {
        let _open = Open::new(Arc::clone(&self.context.cells), ticket);
        let cells = Arc::clone(&self.context.cells);
        let ended = connection::serve(self.service, stream, peer, self.context).await;
        if ended.is_limit() {
            cells.tcp_limited(1);
        }
    }
}

/// Counts a connection as open while it lives, however it ends.
struct Open {
    cells: Arc<Worker>,
    _ticket: ConnectionTicket,
}

impl Open {
    fn new(cells: Arc<Worker>, ticket: ConnectionTicket) -> Self {
        cells.tcp_opened(1);
        Self {
            cells,
            _ticket: ticket,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.cells.tcp_closed(1);
    }
}

/// A connection that died before it was accepted is nothing; anything else is worth a pause.
async fn pause_after(error: &io::Error) {
    let harmless = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !harmless {
        tracing::debug!(%error, "cannot accept a TCP connection");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
