//! Whose answer may still come? The sockets of datagrams that were given up, listened to again when the same server is asked the same.
//!
//! A server that is merely slower than the first timeout so loses nothing by a second, shorter wait: its answer to the first
//! datagram counts.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use smallvec::SmallVec;
use tokio::net::UdpSocket;
use tokio::sync::OwnedSemaphorePermit;

use crate::sys::clock::Now;
use crate::wire::Question;

use super::exchange::Attempt;

/// Sockets kept for one recursion at most; the oldest goes first.
const MOST: usize = 4;

/// The sockets that one recursion has given up on. Closed with it.
#[derive(Debug, Default)]
pub struct LateReplies(Mutex<SmallVec<[Ear; MOST]>>);

/// A datagram on its way, and where its answer would be heard.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) socket: UdpSocket,
    pub(super) attempt: Attempt,
    pub(super) sent: Now,
    /// The right to have the socket open.
    pub(super) _permit: OwnedSemaphorePermit,
}

impl LateReplies {
    pub(super) fn keep(&self, ear: Ear) {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ears.len() >= MOST {
            ears.remove(0);
        }
        ears.push(ear);
    }

    /// Takes out the last one for this question to this server.
    pub(super) fn take(&self, server: SocketAddr, question: &Question) -> Option<Ear> {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = ears
            .iter()
            .rposition(|ear| ear.attempt.server == server && ear.attempt.question() == question)?;
        Some(ears.remove(place))
    }
}
