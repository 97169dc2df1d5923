//! What is handed to whoever records single messages? Copies, by a channel of fixed size that no packet ever waits for.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Reason;

/// One message of a client, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The client.
    pub source: SocketAddr,
    /// The address it asked.
    pub local: SocketAddr,
    /// Whether it came by a stream.
    pub by_stream: bool,
    /// The query, as it came.
    pub query: Box<[u8]>,
    /// The reply, as it left; nothing if there was none.
    pub reply: Option<Box<[u8]>>,
    /// Why it was not simply answered; nothing if it was.
    pub reason: Option<Reason>,
}

/// Where messages are handed over.
#[derive(Debug)]
pub struct Tap {
    sender: SyncSender<Tapped>,
    /// Of the queries that are simply answered one in so many; 0 = none.
    sampled: u32,
    offered: AtomicU64,
    lost: AtomicU64,
}

impl Tap {
    /// With room for so many messages that nobody took yet, at least one. Of queries that are simply answered one in `sampled` is
    /// wanted, none if that is 0.
    #[must_use]
    pub fn new(places: usize, sampled: u32) -> (Self, Receiver<Tapped>) {
        let (sender, receiver) = sync_channel(places.max(1));
        let tap = Self {
            sender,
            sampled,
            offered: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        };
        (tap, receiver)
    }

    /// Whether a message with this reason, or without any, is wanted. `luck`: a random number.
    #[inline]
    pub fn wants(&self, reason: Option<Reason>, luck: impl FnOnce() -> u32) -> bool {
        reason.is_some() || self.sampled > 0 && luck().is_multiple_of(self.sampled)
    }

    /// Hands one over, or loses it if there is no room.
    pub fn offer(&self, tapped: Tapped) {
        self.offered.fetch_add(1, Ordering::Relaxed);
        if self.sender.try_send(tapped).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Messages offered, and how many of them were lost because there was no room.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.offered), read(&self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_lost_and_counted_and_never_waited_for() {
        let (tap, receiver) = Tap::new(4, 0);
        let one = Tapped {
            at_ms: 7,
            source: "192.0.2.1:4000".parse().unwrap(),
            local: "192.0.2.53:53".parse().unwrap(),
            by_stream: false,
            query: Box::from([1, 2, 3]),
            reply: None,
            reason: Some(Reason::LimitedDropped),
        };
        (0..10).for_each(|_| tap.offer(one.clone()));
        assert_eq!(tap.counts(), (10, 6));
        assert_eq!(receiver.try_iter().count(), 4);
        tap.offer(one.clone());
        assert_eq!(receiver.try_recv().unwrap(), one);
        drop(receiver);
        tap.offer(one);
        assert_eq!(tap.counts(), (12, 7));
        assert!(tap.wants(Some(Reason::ZoneDead), || 1) && !tap.wants(None, || 0));
        let (every_third, _) = Tap::new(1, 3);
        let wanted = (0..9).filter(|luck| every_third.wants(None, || *luck));
        assert_eq!(wanted.collect::<Vec<_>>(), [0, 3, 6]);
    }
}
