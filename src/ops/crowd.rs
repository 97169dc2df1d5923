//! How do a bounded number of connections share one task?
//!
//! Nothing below `daemon` but ingress, resolve and egress starts tasks, and an operator's few connections need none: they
//! are polled together and go with the server that holds them. All of them are polled whenever one is woken, which is fine
//! for the dozens this is made for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// At most `limit` futures, polled together.
pub(crate) struct Crowd<'a> {
    members: Vec<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    limit: usize,
}

impl<'a> Crowd<'a> {
    /// An empty crowd with room for `limit`.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            members: Vec::new(),
            limit,
        }
    }

    /// Whether nobody more fits in.
    pub(crate) const fn is_full(&self) -> bool {
        self.members.len() >= self.limit
    }

    /// Whether nobody is there.
    pub(crate) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes one in; to be preceded by [`Self::is_full`].
    pub(crate) fn join(&mut self, member: impl Future<Output = ()> + Send + 'a) {
        self.members.push(Box::pin(member));
    }

    /// Works for all until at least one has finished. Never finishes for an empty crowd. Safe to cancel.
    pub(crate) async fn turn(&mut self) {
        poll_fn(|context| {
            let before = self.members.len();
            self.members
                .retain_mut(|member| member.as_mut().poll(context).is_pending());
            if self.members.len() < before {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
