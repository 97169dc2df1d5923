//! How does one stream connection live? Queries in, replies out in whatever order they are ready, and a limit on everything.
//!
//! One task per connection and one per query in flight. Nothing here knows TCP: TLS comes through the same door later, and tests
//! bring a pipe. (Limits: parameter sheet section 6; unread replies: CVE-2024-0760, CVE-2024-12705.)

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::{Peer, Service, StreamNext};
use crate::config::plan;
use crate::sys::clock;
use crate::telemetry::Worker;
use crate::telemetry::worker::Received;
use crate::wire::header::HEADER_LEN;

/// Longest query taken from a stream, octets. A question and generous EDNS options fit ten times.
pub const MAX_QUERY: usize = 4096;

/// Octets of the message length before each message (RFC 1035 section 4.2.2).
const LENGTH: usize = 2;

/// Room asked for before each read: many small queries of a pipelining client fit.
const READ_ROOM: usize = 1024;

/// Reads of [`READ_ROOM`] octets that a peer may still send after the last reply: a thousand queries of usual size.
const HEARD_OUT: usize = 64;

/// Longest wait for a polite goodbye (TLS close_notify).
const GOODBYE: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Clone, Debug)]
pub struct Context {
    /// The limits.
    pub limits: Arc<plan::Tcp>,
    /// Whether places are short, so that idle connections go early.
    pub busy: watch::Receiver<bool>,
    /// Whether we are stopping: no new queries, those in flight are answered.
    pub draining: watch::Receiver<bool>,
    /// Counters; the shared ones.
    pub cells: Arc<Worker>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed, or its network did.
    ByPeer,
    /// We are stopping.
    Draining,
    /// The first query, or the rest of a later one, did not come in time.
    Incomplete,
    /// Nothing was asked for too long.
    Idle,
    /// It has asked as many queries as a connection may.
    Queries,
    /// It left its replies unread.
    Unread,
    /// Its client asked more than it may, for too long.
    Limited,
    /// What it sent cannot be a query: shorter than a header, or far too long.
    Garbage,
}

impl Ended {
    /// Whether a limit of ours ended it.
    #[must_use]
    pub const fn is_limit(self) -> bool {
        !matches!(self, Self::ByPeer | Self::Draining)
    }
}

/// Serves one connection to its end. Dropping the future cancels every query in flight.
pub async fn serve<S: Service>(
    service: Arc<S>,
    stream: impl AsyncRead + AsyncWrite + Send,
    peer: Peer,
    context: Context,
) -> Ended {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut connection = Connection::new(service, peer, context);
    let ended = connection.run(&mut reader, &mut writer).await;
    connection.in_flight.abort_all();
    if ended != Ended::Unread {
        let _ = timeout(GOODBYE, writer.shutdown()).await;
    }
    if matches!(ended, Ended::Limited | Ended::Queries) {
        let _ = timeout(GOODBYE, hear_out(&mut reader)).await;
    }
    ended
}

/// Reads what the peer still says, a bounded number of octets: a socket that is closed with something unread is reset, and the peer
/// loses replies that it has not read yet (RFC 1122 section 4.2.2.13).
async fn hear_out(reader: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; READ_ROOM];
    for _ in 0..HEARD_OUT {
        if !matches!(reader.read(&mut rest).await, Ok(1..)) {
            return;
        }
    }
}

struct Connection<S> {
    service: Arc<S>,
    peer: Peer,
    context: Context,
    /// Received and not yet a whole query.
    inbox: Vec<u8>,
    outbox: Outbox,
    in_flight: JoinSet<StreamNext>,
    /// Queries so far.
    queries: usize,
    /// Since when its client asks too much: no query more is taken, and what is under way is the last.
    limited_since: Option<Instant>,
    end_of_input: bool,
    opened: Instant,
    /// When a query was last begun or a reply last finished.
    active: Instant,
    /// Since when an incomplete query lies in the inbox.
    incomplete_since: Option<Instant>,
}

impl<S: Service> Connection<S> {
    fn new(service: Arc<S>, peer: Peer, context: Context) -> Self {
        let now = Instant::now();
        Self {
            service,
            peer,
            context,
            inbox: Vec::new(),
            outbox: Outbox::new(now),
            in_flight: JoinSet::new(),
            queries: 0,
            limited_since: None,
            end_of_input: false,
            opened: now,
            active: now,
            incomplete_since: None,
        }
    }

    async fn run(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Ended {
        let mut alarm = pin!(sleep_until(self.opened));
        loop {
            if let Err(garbage) = self.start_queries() {
                return garbage;
            }
            let may_read = self.may_read();
            self.incomplete_since = (may_read && !self.inbox.is_empty())
                .then(|| self.incomplete_since.unwrap_or_else(Instant::now));
            if let Some(ended) = self.finished() {
                return ended;
            }
            let (deadline, reason) = self.deadline(may_read);
            set(alarm.as_mut(), deadline);
            if may_read {
                self.inbox.reserve(READ_ROOM);
            }
            tokio::select! {
                read = reader.read_buf(&mut self.inbox), if may_read => match read {
                    Ok(1..) => {}
                    Ok(0) => self.end_of_input = true,
                    Err(_) => return Ended::ByPeer,
                },
                Some(done) = self.in_flight.join_next() => {
                    // A query whose task died gets no reply; the connection goes on.
                    match done {
                        Ok(StreamNext::Reply(reply)) => self.outbox.push(&reply),
                        Ok(StreamNext::Close) => {
                            self.limited_since.get_or_insert_with(Instant::now);
                        }
                        Ok(StreamNext::Silence) | Err(_) => {}
                    }
                    self.active = Instant::now();
                }
                written = writer.write(self.outbox.unsent()), if !self.outbox.is_empty() => {
                    match written {
                        Ok(written @ 1..) => {
                            self.outbox.advance(written, self.context.limits.unsent);
                            self.active = Instant::now();
                        }
                        Ok(0) | Err(_) => return Ended::ByPeer,
                    }
                }
                () = alarm.as_mut() => {
                    // `None` means that nothing has a deadline now, and the alarm is far away.
                    if let Some(reason) = reason {
                        return reason;
                    }
                }
                Ok(()) = self.context.busy.changed() => {}
                Ok(()) = self.context.draining.changed() => {}
            }
        }
    }

    /// Takes whole queries out of the inbox while there is room in flight.
    fn start_queries(&mut self) -> Result<(), Ended> {
        let mut taken = 0;
        while self.may_start() {
            let rest = self.inbox.get(taken..).unwrap_or_default();
            let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else {
                break;
            };
            let length = usize::from(u16::from_be_bytes(*length));
            if !(HEADER_LEN..=MAX_QUERY).contains(&length) {
                return Err(Ended::Garbage);
            }
            let Some(query) = rest.get(..length) else {
                break;
            };
            let query = query.to_vec();
            taken += LENGTH + length;
            self.start(query);
        }
        if taken > 0 {
            self.inbox.drain(..taken);
            self.incomplete_since = None;
        }
        Ok(())
    }

    fn start(&mut self, query: Vec<u8>) {
        let how = if self.peer.source.ip().to_canonical().is_ipv4() {
            Received::Tcp4
        } else {
            Received::Tcp6
        };
        self.context.cells.received(how, query.len());
        self.queries += 1;
        self.active = Instant::now();
        let service = Arc::clone(&self.service);
        let peer = self.peer;
        let now = clock::now();
        self.in_flight
            .spawn(async move { service.stream_query(query, peer, now).await });
    }

    fn may_start(&self) -> bool {
        let limits = &self.context.limits;
        self.in_flight.len() < limits.in_flight
            && self.queries < limits.queries
            && self.limited_since.is_none()
            && self.outbox.len() <= limits.unsent
            && !*self.context.draining.borrow()
    }

    fn may_read(&self) -> bool {
        self.may_start() && !self.end_of_input
    }

    /// Whether all is said: no more queries will be taken, and every reply has left.
    fn finished(&self) -> Option<Ended> {
        if !self.in_flight.is_empty() || !self.outbox.is_empty() {
            None
        } else if self.limited_since.is_some() {
            Some(Ended::Limited)
        } else if self.end_of_input {
            Some(Ended::ByPeer)
        } else if self.queries >= self.context.limits.queries {
            Some(Ended::Queries)
        } else if *self.context.draining.borrow() {
            Some(Ended::Draining)
        } else {
            None
        }
    }

    /// The next moment at which patience ends, and with what.
    fn deadline(&self, may_read: bool) -> (Instant, Option<Ended>) {
        let limits = &self.context.limits;
        let idle = if *self.context.busy.borrow() {
            limits.idle_busy
        } else {
            limits.idle
        };
        let waiting = self.in_flight.is_empty() && self.outbox.is_empty();
        let first =
            (self.queries == 0).then(|| (self.opened + limits.first_query, Ended::Incomplete));
        let rest = self
            .incomplete_since
            .map(|since| (since + limits.first_query, Ended::Incomplete));
        let next = (may_read && waiting).then(|| (self.active + idle, Ended::Idle));
        let unread = self
            .outbox
            .stuck_since()
            .map(|since| (since + limits.unsent_for, Ended::Unread));
        let last = self
            .limited_since
            .map(|since| (since + limits.idle, Ended::Limited));
        [first, rest, next, unread, last]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
            .map_or_else(
                || (self.active + Duration::from_secs(3600), None),
                |(at, ended)| (at, Some(ended)),
            )
    }
}

fn set(alarm: Pin<&mut Sleep>, deadline: Instant) {
    if alarm.deadline() != deadline || alarm.is_elapsed() {
        alarm.reset(deadline);
    }
}

/// Replies on their way out.
struct Outbox {
    octets: Vec<u8>,
    sent: usize,
    since: Instant,
}

impl Outbox {
    const fn new(now: Instant) -> Self {
        Self {
            octets: Vec::new(),
            sent: 0,
            since: now,
        }
    }

    fn push(&mut self, reply: &[u8]) {
        // What does not fit the length octets cannot be sent at all.
        let Ok(length) = u16::try_from(reply.len()) else {
            return;
        };
        if self.is_empty() {
            self.since = Instant::now();
        }
        self.octets.extend_from_slice(&length.to_be_bytes());
        self.octets.extend_from_slice(reply);
    }

    fn unsent(&self) -> &[u8] {
        self.octets.get(self.sent..).unwrap_or_default()
    }

    const fn len(&self) -> usize {
        self.octets.len().saturating_sub(self.sent)
    }

    const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes that the peer's side took `written` octets. A peer below the limit that makes progress is given time anew; one above it must
    /// get below in time.
    fn advance(&mut self, written: usize, limit: usize) {
        self.sent += written;
        if self.len() <= limit {
            self.since = Instant::now();
        }
        if self.is_empty() {
            self.octets.clear();
            self.sent = 0;
        } else if self.sent > self.octets.len() / 2 {
            self.octets.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Since when octets lie here without enough progress.
    fn stuck_since(&self) -> Option<Instant> {
        (!self.is_empty()).then_some(self.since)
    }
}

#[cfg(test)]
pub(in crate::ingress) mod tests;
