//! How are many replies sent at once? Collected in reused buffers, handed to the kernel in one call.

use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use smallvec::SmallVec;

use super::udp::UdpListener;
use super::wake::wait_writable;

/// Replies of one call. Twice the receive batch, because one buffer can hold several datagrams.
const CAPACITY: usize = 64;

/// Longest wait for room in the send buffer before replies are given up. (UDP clients ask again; packets that wait in the receive queue
/// meanwhile do not come back.)
const FULL_BUFFER_WAIT: Duration = Duration::from_millis(2);

/// Replies on their way out through one socket.
#[derive(Debug, Default)]
pub struct SendBatch {
    replies: Vec<Reply>,
    used: usize,
}

#[derive(Debug)]
struct Reply {
    bytes: Vec<u8>,
    to: SocketAddr,
    from: IpAddr,
}

impl SendBatch {
    /// Empty; its buffers are made once.
    #[must_use]
    pub fn new() -> Self {
        let unset = SocketAddr::from(([0, 0, 0, 0], 0));
        let replies = std::iter::repeat_with(|| Reply {
            bytes: Vec::with_capacity(4096),
            to: unset,
            from: unset.ip(),
        });
        Self {
            replies: replies.take(CAPACITY).collect(),
            used: 0,
        }
    }

    /// The next reply's buffer, empty; nothing when the batch is full and must be flushed first.
    pub fn next_buffer(&mut self) -> Option<&mut Vec<u8>> {
        let reply = self.replies.get_mut(self.used)?;
        reply.bytes.clear();
        Some(&mut reply.bytes)
    }

    /// Keeps what was written into the buffer that [`Self::next_buffer`] gave: to send to `to`, from `from`.
    pub fn commit(&mut self, to: SocketAddr, from: IpAddr) {
        if let Some(reply) = self.replies.get_mut(self.used) {
            reply.to = to;
            reply.from = from;
            self.used += 1;
        }
    }

    /// Whether there is no room for one more.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.used >= CAPACITY
    }

    /// Sends all; how many the kernel would not take. Empty afterwards.
    pub fn flush(&mut self, listener: &UdpListener) -> u64 {
        let replies = self.replies.get(..self.used).unwrap_or_default();
        let failed = match replies {
            [] => 0,
            // One alone goes the short way, wherever it is bound.
            [_] => send_each(replies, listener),
            _ if listener.is_wildcard() => send_each(replies, listener),
            _ => send_together(replies, listener),
        };
        self.used = 0;
        failed
    }
}

/// On a wildcard socket each reply names its source; `sendmmsg` in safe Rust cannot carry that.
fn send_each(replies: &[Reply], listener: &UdpListener) -> u64 {
    let mut failed = 0;
    for reply in replies {
        let send = || listener.send(&reply.bytes, reply.to, reply.from);
        let sent = match send() {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if wait_writable(listener, FULL_BUFFER_WAIT) {
                    send()
                } else {
                    Err(error)
                }
            }
            outcome => outcome,
        };
        failed += u64::from(sent.is_err());
    }
    failed
}

fn send_together(replies: &[Reply], listener: &UdpListener) -> u64 {
    // Each list is filled where it stands: `collect` would build it elsewhere and copy all of its room, 15 KB in all, for two replies too.
    let mut addresses = SmallVec::<[SocketAddrAny; CAPACITY]>::new();
    addresses.extend(replies.iter().map(|reply| reply.to.into()));
    let mut contents = SmallVec::<[[IoSlice<'_>; 1]; CAPACITY]>::new();
    contents.extend(replies.iter().map(|reply| [IoSlice::new(&reply.bytes)]));
    let mut controls = SmallVec::<[SendAncillaryBuffer<'_, '_, '_>; CAPACITY]>::new();
    controls.extend(replies.iter().map(|_| SendAncillaryBuffer::default()));
    let mut messages = SmallVec::<[MMsgHdr<'_>; CAPACITY]>::new();
    messages.extend(
        addresses
            .iter()
            .zip(&contents)
            .zip(&mut controls)
            .map(|((address, contents), control)| {
                MMsgHdr::new_with_addr(address, contents, control)
            }),
    );
    let mut rest = messages.as_mut_slice();
    let mut failed = 0;
    while !rest.is_empty() {
        let done = match sendmmsg(listener, rest, SendFlags::DONTWAIT) {
            Ok(sent) => sent.max(1),
            Err(Errno::INTR) => 0,
            Err(Errno::AGAIN) if wait_writable(listener, FULL_BUFFER_WAIT) => 0,
            Err(Errno::AGAIN) => {
                failed += rest.len() as u64;
                break;
            }
            // The error is the first message's (no route, filtered); the others go on.
            Err(_) => {
                failed += 1;
                1
            }
        };
        rest = rest
            .split_at_mut_checked(done)
            .map_or(&mut [], |(_, rest)| rest);
    }
    failed
}
