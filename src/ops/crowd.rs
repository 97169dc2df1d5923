//! How do a bounded number of connections share one task?
//!
//! Nothing below `daemon` but ingress, resolve and egress starts tasks, and an operator's few connections need none: they
//! are polled together and go with the server that holds them. All of them are polled whenever one is woken, which is fine
//! for the dozens this is made for.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// Pause after an accept that failed: whoever is out of descriptors waits for some to come back instead of spinning.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections and holds a conversation with each, `places` at a time, until `stop` is done; then those that are open are
/// dropped. Whoever comes when all places are taken is handed to `turn_away`.
pub(crate) async fn serve<'a, Stream, Accepting, Conversation>(
    places: usize,
    stop: impl Future<Output = ()>,
    accept: impl Fn() -> Accepting,
    turn_away: impl Fn(&Stream),
    converse: impl Fn(Stream) -> Conversation,
) where
    Accepting: Future<Output = io::Result<Stream>>,
    Conversation: Future<Output = ()> + Send + 'a,
{
    let mut connections = Crowd::new(places);
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = connections.turn(), if !connections.is_empty() => {}
            accepted = accept() => match accepted {
                Ok(stream) if connections.is_full() => turn_away(&stream),
                Ok(stream) => connections.join(converse(stream)),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
}

/// At most `limit` futures, polled together.
struct Crowd<'a> {
    members: Vec<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    limit: usize,
}

impl<'a> Crowd<'a> {
    /// An empty crowd with room for `limit`.
    const fn new(limit: usize) -> Self {
        Self {
            members: Vec::new(),
            limit,
        }
    }

    /// Whether nobody more fits in.
    const fn is_full(&self) -> bool {
        self.members.len() >= self.limit
    }

    /// Whether nobody is there.
    const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes one in; to be preceded by [`Self::is_full`].
    fn join(&mut self, member: impl Future<Output = ()> + Send + 'a) {
        self.members.push(Box::pin(member));
    }

    /// Works for all until at least one has finished. Never finishes for an empty crowd. Safe to cancel.
    async fn turn(&mut self) {
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
