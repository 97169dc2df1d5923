//! How do datagrams get in and out? A listening socket that knows the address each was sent to, and answers from it.

mod looking;

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::net::sockopt;
use smallvec::SmallVec;
use socket2::{Domain, Protocol, Socket, Type};

/// Octets of one receive buffer. The kernel may hand over several datagrams of one sender as one (GRO), up to 65,535 octets in all;
/// the odd rest keeps the buffers' first lines from meeting in the same set of the processor's cache.
const BUFFER: usize = 65_536 + 192;

/// A listening UDP socket. Several may share an address (`SO_REUSEPORT`), one for each worker.
#[derive(Debug)]
pub struct UdpListener {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// Room for one read of a socket: up to 32 buffers, each with one datagram or several of one sender.
#[derive(Debug)]
pub struct ReceiveBatch {
    buffers: Box<[u8]>,
    about: [RecvMeta; BATCH_SIZE],
    filled: usize,
    /// Of the last read, if it looked.
    hop_limits: [Option<u8>; BATCH_SIZE],
    looked: bool,
}

/// One datagram as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Who sent it, so they say.
    pub source: SocketAddr,
    /// The address it was sent to.
    pub local: SocketAddr,
    /// Index of the interface it came by; 0 = unknown.
    pub interface: u32,
    /// The hop limit (TTL) it came with, if this read looked.
    pub hop_limit: Option<u8>,
    /// When the kernel took it in, by the wall clock since the Unix epoch.
    pub stamped: Option<Duration>,
}

impl UdpListener {
    /// Binds `address`. An IPv6 socket never takes IPv4 traffic; `receive_buffer` is asked for, not insisted on.
    ///
    /// # Errors
    /// What the operating system says: address in use, not ours, not permitted.
    pub fn bind(address: SocketAddr, receive_buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_port(true)?;
        // Beyond net.core.rmem_max only with CAP_NET_ADMIN; less is no reason not to serve.
        if sockopt::set_socket_recv_buffer_size_force(&socket, receive_buffer).is_err() {
            let _ = socket.set_recv_buffer_size(receive_buffer);
        }
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new((&socket).into())?;
        // A reply goes out whatever the path MTU is said to be: forged ICMP must not make it shrink or fail.
        let _ = if address.is_ipv4() {
            sockopt::set_ip_mtu_discover(&socket, sockopt::Ipv4PathMtuDiscovery::OMIT)
        } else {
            sockopt::set_ipv6_mtu_discover(&socket, sockopt::Ipv6PathMtuDiscovery::OMIT)
        };
        // ECN marks are for transports that slow down; nobody here reads them, and each costs a control message per datagram.
        let _ = if address.is_ipv4() {
            sockopt::set_ip_recvtos(&socket, false)
        } else {
            sockopt::set_ipv6_recvtclass(&socket, false)
        };
        let local = socket.local_addr()?;
        Ok(Self {
            socket,
            state,
            local,
        })
    }

    /// The bound address, its port never 0.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Octets of the receive buffer that the kernel granted.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn receive_buffer(&self) -> io::Result<usize> {
        self.state.recv_buffer_size((&self.socket).into())
    }

    /// Reads what has arrived, without waiting; whether the batch is full, so that there may be more.
    ///
    /// # Errors
    /// `WouldBlock` when nothing has; whatever else the operating system says.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<bool> {
        batch.filled = 0;
        batch.looked = false;
        let mut buffers = SmallVec::<[IoSliceMut<'_>; BATCH_SIZE]>::new();
        buffers.extend(batch.buffers.chunks_exact_mut(BUFFER).map(IoSliceMut::new));
        batch.filled = self.state.recv(
            (&self.socket).into(),
            &mut buffers,
            batch.about.as_mut_slice(),
        )?;
        Ok(batch.filled == BATCH_SIZE)
    }

    /// Sends one datagram from `from`, the address that was asked, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when the send buffer is full; whatever else the operating system says.
    pub fn send(&self, bytes: &[u8], to: SocketAddr, from: IpAddr) -> io::Result<()> {
        self.state.try_send(
            (&self.socket).into(),
            &Transmit {
                destination: to,
                ecn: None,
                contents: bytes,
                segment_size: None,
                src_ip: self.is_wildcard().then_some(from),
            },
        )
    }

    /// Whether the source of a reply must be chosen for each.
    pub(in crate::sys) fn is_wildcard(&self) -> bool {
        self.local.ip().is_unspecified()
    }
}

impl AsFd for UdpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Default for ReceiveBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl ReceiveBatch {
    /// Empty. About 2 MiB of address space; pages that no datagram reaches cost nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffers: vec![0; BUFFER * BATCH_SIZE].into_boxed_slice(),
            about: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
            hop_limits: [None; BATCH_SIZE],
            looked: false,
        }
    }

    /// The datagrams of the last read from `listener`, in order, those that the kernel joined taken apart again.
    pub fn datagrams<'a>(
        &'a self,
        listener: &UdpListener,
    ) -> impl Iterator<Item = Incoming<'a>> + use<'a> {
        let (bound_ip, port) = (listener.local.ip(), listener.local.port());
        self.buffers
            .chunks_exact(BUFFER)
            .zip(self.about.iter().zip(&self.hop_limits))
            .take(self.filled)
            .flat_map(move |(buffer, (about, hop_limit))| {
                let hop_limit = hop_limit.filter(|_| self.looked);
                let bytes = buffer.get(..about.len).unwrap_or_default();
                // An empty datagram is one datagram.
                let empty = bytes.is_empty().then_some(bytes);
                let local = SocketAddr::new(about.dst_ip.unwrap_or(bound_ip), port);
                empty
                    .into_iter()
                    .chain(bytes.chunks(about.stride.max(1)))
                    .map(move |bytes| Incoming {
                        bytes,
                        source: about.addr,
                        local,
                        interface: about.interface_index.unwrap_or(0),
                        hop_limit,
                        stamped: about.timestamp,
                    })
            })
    }
}

#[cfg(test)]
mod tests;
