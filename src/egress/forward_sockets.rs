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
use super::sockets::readable;

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
                received: AtomicU32::new(0),
                _permit: permit,
            })
        })
    }
}

/// A connected socket for one query. The first datagram with another ID than was sent ends it, and so do more datagrams than
/// may be discarded: hickory would go on listening for as long as it takes to guess right.
pub(super) struct Ear {
    egress: Arc<Egress>,
    socket: UdpSocket,
    server: SocketAddr,
    id: AtomicU32,
    received: AtomicU32,
    _permit: OwnedSemaphorePermit,
}

impl Ear {
    /// What hickory shall see of the `length` octets in `buffer`. One too many, or another ID than was sent, becomes a message of the right ID and
    /// nothing else, which hickory gives back as unreadable (an I/O error it would turn into one of its own).
    fn check(&self, buffer: &mut [u8], length: usize) -> (usize, SocketAddr) {
        let sent = u16::try_from(self.id.load(Ordering::Relaxed)).ok();
        let id = buffer
            .get(..length)
            .and_then(|datagram| datagram.first_chunk().map(|id| u16::from_be_bytes(*id)));
        let received = self.received.fetch_add(1, Ordering::Relaxed);
        let too_many = received > self.egress.plan.discarded_replies;
        if id.is_some() && id == sent && !too_many {
            return (length, self.server);
        }
        let why = match id {
            None => Mismatch::Short,
            Some(_) if id == sent => Mismatch::Question,
            Some(_) => Mismatch::Id,
        };
        self.egress
            .counters
            .note_discarded_datagram(why, &self.server);
        match (buffer.first_chunk_mut::<2>(), sent) {
            (Some(place), Some(sent)) => {
                *place = sent.to_be_bytes();
                (2, self.server)
            }
            _ => (0, self.server),
        }
    }
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
        let length = read.filled().len();
        Poll::Ready(Ok(self.check(buffer, length)))
    }

    /// As `async_trait` writes it. Unlike the polling one above, it hears of unreachable ports.
    fn recv_from<'ear, 'buffer, 'future>(
        &'ear self,
        buffer: &'buffer mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'future>>
    where
        'ear: 'future,
        'buffer: 'future,
        Self: 'future,
    {
        Box::pin(async move {
            loop {
                readable(&self.socket).await?;
                match self.socket.try_recv(buffer) {
                    Ok(length) => return Ok(self.check(buffer, length)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        })
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
