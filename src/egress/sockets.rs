//! How many sockets may ask at once, and where do they come from? One fresh socket per query, within the limit on open files.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rand::Rng;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::config::plan;
use crate::sys;

use super::counters::{Upstream, bump};
use super::source_port::SourcePorts;

/// Sockets towards servers at most: as many questions as may be in flight (`recursion.in_flight`), and some TCP beside them.
const MOST: usize = 16_384;
/// And at least so many, however few files the process may have open.
const LEAST: usize = 32;
/// Ports tried for one query before it fails: with half of all ports taken, one query in 256 does.
const PORT_TRIES: u32 = 8;

/// Waits until there is something to receive, or an error of the network, which is the result then.
///
/// The kernel reports "port unreachable" for UDP as an error alone, not as something to read: whoever waits for the latter
/// only never hears of it.
pub(super) async fn readable(socket: &UdpSocket) -> io::Result<()> {
    let ready = socket.ready(Interest::READABLE | Interest::ERROR).await?;
    if ready.is_error() {
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        // Somebody has taken it already: forget it, or the wait would end at once for ever.
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = socket.try_io(Interest::ERROR, nothing);
    }
    Ok(())
}

/// The sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    permits: Arc<Semaphore>,
    most: usize,
    ports: SourcePorts,
    source_v4: SocketAddr,
    source_v6: SocketAddr,
}

impl Sockets {
    /// Half of the files that this process may open are for sockets towards servers; clients and the rest have the other.
    pub(super) fn new(plan: &plan::Egress) -> Self {
        let most = (sys::net::open_files_limit() / 2).clamp(LEAST, MOST);
        Self {
            permits: Arc::new(Semaphore::new(most)),
            most,
            ports: SourcePorts::new(plan.source_ports, &plan.avoid_ports),
            source_v4: SocketAddr::new(plan.source_v4.into(), 0),
            source_v6: SocketAddr::new(plan.source_v6.into(), 0),
        }
    }

    /// Waits for the right to open a socket, until `deadline`.
    pub(super) async fn permit(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        let permit = timeout_at(deadline, self.owned_permit()).await;
        permit.ok().and_then(Result::ok)
    }

    /// Whether a socket is free.
    pub(super) fn has_one(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// Whether at least half of the sockets are free, so that one may stay open on mere suspicion.
    pub(super) fn has_plenty(&self) -> bool {
        self.permits.available_permits() * 2 >= self.most
    }

    /// The same as [`Self::permit`] for whoever has a deadline of his own.
    pub(super) async fn owned_permit(&self) -> io::Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// A UDP socket on a random port, connected to `server`. A port that is taken is replaced by another random one.
    pub(super) fn udp(
        &self,
        server: SocketAddr,
        counters: &Upstream,
        rng: &mut impl Rng,
    ) -> io::Result<UdpSocket> {
        let mut source = self.source(server.ip());
        let mut tries = PORT_TRIES;
        loop {
            source.set_port(self.ports.pick(rng));
            match sys::net::connected_udp(source, server) {
                Ok(socket) => return UdpSocket::from_std(socket),
                // A port below 1024 may be in the range and not ours to use.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
                    ) =>
                {
                    bump(&counters.port_collisions);
                    tries -= 1;
                    if tries == 0 {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A TCP connection to `server`. The kernel picks the port, from its ephemeral range.
    pub(super) async fn tcp(&self, server: SocketAddr) -> io::Result<TcpStream> {
        let socket = if server.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_nodelay(true)?;
        let source = self.source(server.ip());
        if !source.ip().is_unspecified() {
            socket.bind(source)?;
        }
        socket.connect(server).await
    }

    /// Our address towards `server`, without a port.
    pub(super) const fn source(&self, server: IpAddr) -> SocketAddr {
        match server {
            IpAddr::V4(_) => self.source_v4,
            IpAddr::V6(_) => self.source_v6,
        }
    }
}
