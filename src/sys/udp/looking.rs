//! With which hop limits do datagrams come? A slower way to read a few, for a sample of them: the usual way does not tell.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::{Ipv4RecvTtl, Ipv6RecvHopLimit};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use quinn_udp::RecvMeta;

use super::{BUFFER, ReceiveBatch, UdpListener};

/// Reads of one look: each is a system call of its own.
const READS: usize = 8;

impl UdpListener {
    /// As [`Self::receive`], but reads fewer, and with their hop limits.
    ///
    /// # Errors
    /// As there.
    pub fn receive_looking(&self, batch: &mut ReceiveBatch) -> io::Result<bool> {
        // Each control message costs, so they are asked for only now; the kernel adds them when it is read, not when it arrives.
        self.ask_for_hop_limits(true)?;
        let read = self.read_some(batch);
        self.ask_for_hop_limits(false)?;
        read
    }

    fn ask_for_hop_limits(&self, on: bool) -> io::Result<()> {
        let asked = if self.local.is_ipv4() {
            setsockopt(&self.socket, Ipv4RecvTtl, &on)
        } else {
            setsockopt(&self.socket, Ipv6RecvHopLimit, &on)
        };
        Ok(asked?)
    }

    fn read_some(&self, batch: &mut ReceiveBatch) -> io::Result<bool> {
        let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int, libc::c_int, TimeSpec);
        batch.filled = 0;
        batch.looked = true;
        let places = batch.about.iter_mut().zip(&mut batch.hop_limits);
        let buffers = batch.buffers.chunks_exact_mut(BUFFER);
        for (buffer, (about, hop_limit)) in buffers.zip(places).take(READS) {
            match self.read_one(buffer, &mut control) {
                Ok((meta, hops)) => (*about, *hop_limit) = (meta, hops),
                Err(Errno::EAGAIN) if batch.filled > 0 => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            batch.filled += 1;
        }
        Ok(true)
    }

    fn read_one(
        &self,
        buffer: &mut [u8],
        control: &mut [u8],
    ) -> Result<(RecvMeta, Option<u8>), Errno> {
        let mut slices = [IoSliceMut::new(buffer)];
        let read = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut slices,
            Some(control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let mut about = RecvMeta::default();
        about.len = read.bytes;
        about.stride = read.bytes;
        about.addr = read.address.and_then(address).ok_or(Errno::EAFNOSUPPORT)?;
        let mut hop_limit = None;
        for message in read.cmsgs()? {
            match message {
                ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) => {
                    hop_limit = u8::try_from(hops).ok();
                }
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let to = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
                    about.dst_ip = Some(IpAddr::V4(to));
                    about.interface_index = u32::try_from(info.ipi_ifindex).ok();
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let to = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    about.dst_ip = Some(IpAddr::V6(to));
                    about.interface_index = Some(info.ipi6_ifindex);
                }
                ControlMessageOwned::UdpGroSegments(octets) => {
                    about.stride = usize::try_from(octets).unwrap_or(read.bytes);
                }
                ControlMessageOwned::ScmTimestampns(at) => {
                    about.timestamp = Some(Duration::from(at));
                }
                _ => {}
            }
        }
        Ok((about, hop_limit))
    }
}

fn address(read: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = read
        .as_sockaddr_in()
        .map(|from| SocketAddrV4::from(*from).into());
    v4.or_else(|| {
        read.as_sockaddr_in6()
            .map(|from| SocketAddrV6::from(*from).into())
    })
}
