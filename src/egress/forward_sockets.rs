//! Where do hickory's sockets come from? From our own: random allowed port, connected, counted, and suspicious of guesses.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, ProtocolConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::DnsExchange;
use hickory_resolver::{ConnectionProvider, PoolContext};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tokio::sync::OwnedSemaphorePermit;

use crate::sys::entropy;

use super::Egress;
use super::matching::Mismatch;

/// Makes connections as hickory does, but for the sockets, and with one datagram per query: what is sent is what was charged.
#[derive(Clone)]
pub(super) struct Connections(Runtime);

impl Connections {
    pub(super) fn new(egress: &Arc<Egress>) -> Self {
        Self(Runtime {
            egress: Arc::clone(egress),
            tokio: TokioRuntimeProvider::new(),
        })
    }
}

impl ConnectionProvider for Connections {
    type Conn = DnsExchange<Runtime>;
    type FutureConn = Pin<Box<dyn Future<Output = Result<Self::Conn, NetError>> + Send>>;
    type RuntimeProvider = Runtime;

    fn new_connection(
        &self,
        ip: IpAddr,
        config: &ConnectionConfig,
        cx: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        if !matches!(config.protocol, ProtocolConfig::Udp) {
            return self.0.new_connection(ip, config, cx);
        }
        let exchange = UdpClientStream::builder(SocketAddr::new(ip, config.port), self.0.clone())
            .with_timeout(Some(cx.options.timeout))
            .with_os_port_selection(true)
            .with_max_retries(0);
        Ok(Box::pin(async move { Ok(exchange.exchange()) }))
    }

    fn runtime_provider(&self) -> &Runtime {
        &self.0
    }
}

/// tokio, with our UDP sockets.
#[derive(Clone)]
pub(super) struct Runtime {
    egress: Arc<Egress>,
    tokio: TokioRuntimeProvider,
}

impl RuntimeProvider for Runtime {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = Ear;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> TokioHandle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        source: Option<SocketAddr>,
        wait: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.tokio.connect_tcp(server, source, wait)
    }

    /// The port that hickory proposes is not used: ours knows the configured range and what to avoid.
    fn bind_udp(
        &self,
        _source: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Ear>>>> {
        let egress = Arc::clone(&self.egress);
        Box::pin(async move {
            let permit = egress.sockets.owned_permit().await?;
            let socket = egress
                .sockets
                .udp(server, &egress.counters, &mut entropy::csprng())?;
            Ok(Ear {
                egress,
                socket,
                server,
                id: AtomicU32::new(u32::MAX),
                _permit: permit,
            })
        })
    }
}

/// A connected socket for one query. The first datagram with another ID than was sent ends it with `InvalidData`: hickory
/// would go on for as long as it takes to guess right.
pub(super) struct Ear {
    egress: Arc<Egress>,
    socket: UdpSocket,
    server: SocketAddr,
    id: AtomicU32,
    _permit: OwnedSemaphorePermit,
}

impl DnsUdpSocket for Ear {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut read = ReadBuf::new(buffer);
        ready!(self.socket.poll_recv(cx, &mut read))?;
        let id = read
            .filled()
            .first_chunk()
            .map(|id| u16::from_be_bytes(*id));
        if id.map(u32::from) != Some(self.id.load(Ordering::Relaxed)) {
            let why = if id.is_some() {
                Mismatch::Id
            } else {
                Mismatch::Short
            };
            self.egress.counters.note_discarded(why);
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok((read.filled().len(), self.server)))
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        octets: &[u8],
        _server: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(self.socket.poll_send(cx, octets))?;
        if let Some(id) = octets.first_chunk() {
            let id = u32::from(u16::from_be_bytes(*id));
            self.id.store(id, Ordering::Relaxed);
        }
        Poll::Ready(Ok(sent))
    }
}
