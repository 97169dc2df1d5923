//! How is a thread that waits for packets woken for another reason? By an event descriptor beside its sockets.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use smallvec::SmallVec;

/// A signal that stays on once given. Clones share it.
#[derive(Clone, Debug)]
pub struct Wake(Arc<OwnedFd>);

impl Wake {
    /// Not yet given.
    ///
    /// # Errors
    /// When no more descriptors can be opened.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(Arc::new(eventfd(0, flags)?)))
    }

    /// Gives it.
    pub fn wake(&self) {
        // The counter cannot overflow by ones within anybody's life; a write that fails leaves it non-zero.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What a wait ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The signal was given.
    Signal,
    /// Nothing happened in time.
    Nothing,
    /// These sockets (by their place) have something to read, or an error to be read off.
    Readable(SmallVec<[usize; 16]>),
}

/// Waits until one of `sockets` is readable or `wake` is given, at most `limit`.
///
/// # Errors
/// What `poll` says, interruptions excepted.
pub fn wait(wake: &Wake, sockets: &[impl AsFd], limit: Duration) -> io::Result<Woken> {
    let mut descriptors: SmallVec<[PollFd<'_>; 16]> = sockets
        .iter()
        .map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN))
        .collect();
    descriptors.push(PollFd::from_borrowed_fd(wake.as_fd(), PollFlags::IN));
    loop {
        match poll(&mut descriptors, Some(&timespec(limit))) {
            Ok(0) => return Ok(Woken::Nothing),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if descriptors
        .pop()
        .is_some_and(|wake| !wake.revents().is_empty())
    {
        return Ok(Woken::Signal);
    }
    let readable = descriptors
        .iter()
        .enumerate()
        .filter(|(_, socket)| !socket.revents().is_empty())
        .map(|(place, _)| place)
        .collect();
    Ok(Woken::Readable(readable))
}

/// Waits at most `limit` for room in a socket's send buffer; whether there is some.
pub fn wait_writable(socket: &impl AsFd, limit: Duration) -> bool {
    let mut descriptors = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT)];
    matches!(poll(&mut descriptors, Some(&timespec(limit))), Ok(1..))
}

fn timespec(limit: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_signal_ends_the_wait_and_stays() {
        let wake = Wake::new().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let waker = wake.clone();
        let thread = std::thread::spawn(move || waker.wake());
        assert_eq!(wait(&wake, &[&socket], LONG).unwrap(), Woken::Signal);
        assert_eq!(wait(&wake, &[&socket], LONG).unwrap(), Woken::Signal);
        thread.join().unwrap();
    }

    #[test]
    fn a_wait_for_nothing_ends() {
        let wake = Wake::new().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let ended = wait(&wake, &[&socket], Duration::from_millis(1));
        assert_eq!(ended.unwrap(), Woken::Nothing);
    }

    #[test]
    fn the_readable_sockets_are_named() {
        let wake = Wake::new().unwrap();
        let sockets = [0, 1, 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = sockets[1].local_addr().unwrap();
        sockets[0].send_to(b"x", to).unwrap();
        let Woken::Readable(places) = wait(&wake, &sockets, LONG).unwrap() else {
            panic!("no signal was given");
        };
        assert_eq!(places.as_slice(), [1]);
        assert!(wait_writable(&sockets[0], Duration::from_millis(1)));
    }
}
