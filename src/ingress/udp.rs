//! How are datagrams served? One thread per worker: wait, read a batch, read the clock once, ask the service, send a batch.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Datagram, Later, Next, Service};
use crate::sys::addresses::LOOPBACK_INTERFACE;
use crate::sys::affinity;
use crate::sys::clock::{self, Now};
use crate::sys::send_batch::SendBatch;
use crate::sys::udp::{Incoming, ReceiveBatch, UdpListener};
use crate::sys::wake::{self, Wake, Woken};
use crate::telemetry::worker::Received;
use crate::telemetry::{Reason, Telemetry, Worker};

/// Full batches read from one socket before the others get their turn.
const BATCHES_IN_A_ROW: usize = 8;

/// An age beyond this says that the clocks disagree (libfaketime moves ours, not the kernel's), not that a packet waited.
const ABSURD_AGE: Duration = Duration::from_secs(60);

/// Longest wait for a datagram: a worker shows at least so often that it lives.
const TURN: Duration = Duration::from_secs(1);

/// Pause after an error of a socket that is none of the expected, so that a broken one cannot burn a core.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// What one worker thread is made of.
#[derive(Debug)]
pub struct UdpWorker {
    /// Its place among the workers.
    pub index: usize,
    /// Its own socket for each listen address.
    pub listeners: Vec<Arc<UdpListener>>,
    /// Ends it.
    pub stop: Wake,
    /// Datagrams that waited longer are dropped (P6: 500 ms).
    pub max_queue_age: Duration,
    /// Every how many reads of a socket hop limits are looked at; 0 = never.
    pub hop_limit_every: u32,
    /// Whether it stays on one core.
    pub pin: bool,
}

impl UdpWorker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start<S: Service>(
        self,
        service: Arc<S>,
        telemetry: &Telemetry,
    ) -> io::Result<JoinHandle<()>> {
        let cells = telemetry.register_worker();
        let shared = Arc::clone(telemetry.shared());
        std::thread::Builder::new()
            .name(format!("udp-{}", self.index))
            .spawn(move || {
                if self.pin
                    && let Err(error) = affinity::pin_current_thread(self.index)
                {
                    tracing::warn!(worker = self.index, %error, "cannot stay on one core");
                }
                let state = service.worker(self.index, Arc::clone(&cells));
                Thread {
                    service: &*service,
                    state,
                    cells,
                    replies: SendBatch::new(),
                    max_queue_age: self.max_queue_age,
                    hop_limit_every: self.hop_limit_every,
                    reads: 0,
                }
                .run(&self.listeners, &shared, &self.stop);
            })
    }
}

struct Thread<'s, S: Service> {
    service: &'s S,
    state: S::Worker,
    cells: Arc<Worker>,
    replies: SendBatch,
    max_queue_age: Duration,
    hop_limit_every: u32,
    /// Reads of a socket, to tell every so many.
    reads: u32,
}

impl<S: Service> Thread<'_, S> {
    fn run(mut self, listeners: &[Arc<UdpListener>], shared: &Arc<Worker>, stop: &Wake) {
        let mut batch = ReceiveBatch::new();
        let laters: Vec<Later> = listeners
            .iter()
            .map(|listener| {
                let local = listener.local();
                Later::new(Arc::clone(listener), Arc::clone(shared), local, local)
            })
            .collect();
        loop {
            self.cells.turns(1);
            let readable = match wake::wait(stop, listeners, TURN) {
                Ok(Woken::Signal) => return,
                Ok(Woken::Nothing) => continue,
                Ok(Woken::Readable(places)) => places,
                Err(error) => {
                    pause_after("poll", &error);
                    continue;
                }
            };
            for place in readable {
                if let (Some(listener), Some(later)) = (listeners.get(place), laters.get(place)) {
                    self.drain(listener, later, &mut batch);
                }
            }
        }
    }

    /// Serves what waits at one socket, a bounded number of batches.
    fn drain(&mut self, listener: &UdpListener, later: &Later, batch: &mut ReceiveBatch) {
        for _ in 0..BATCHES_IN_A_ROW {
            self.reads = self.reads.wrapping_add(1);
            let looks = self.hop_limit_every > 0 && self.reads.is_multiple_of(self.hop_limit_every);
            let read = if looks {
                listener.receive_looking(batch)
            } else {
                listener.receive(batch)
            };
            let full = match read {
                Ok(full) => full,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return pause_after("receive", &error),
            };
            let now = clock::now();
            self.cells.batches(1);
            for datagram in batch.datagrams(listener) {
                self.serve(&datagram, now, listener, later);
            }
            self.service.batch_served(&mut self.state);
            self.flush(listener);
            if !full {
                return;
            }
        }
    }

    #[inline]
    fn serve(&mut self, incoming: &Incoming<'_>, now: Now, listener: &UdpListener, later: &Later) {
        let how = if incoming.source.is_ipv4() {
            Received::Udp4
        } else {
            Received::Udp6
        };
        self.cells.received(how, incoming.bytes.len());
        let queued = age(incoming.stamped, now);
        if queued > self.max_queue_age {
            // Its sender has asked again by now; the fresh question is the one to answer.
            self.cells.verdict(Reason::QueueAge);
            return;
        }
        if self.replies.is_full() {
            self.flush(listener);
        }
        let Some(reply) = self.replies.next_buffer() else {
            return;
        };
        let datagram = Datagram {
            bytes: incoming.bytes,
            source: incoming.source,
            local: incoming.local,
            interface: incoming.interface,
            loopback: incoming.interface == LOOPBACK_INTERFACE,
            hop_limit: incoming.hop_limit,
            queued,
        };
        let next = self
            .service
            .datagram(&mut self.state, &datagram, now, reply, later);
        if next == Next::Reply && !reply.is_empty() {
            self.replies.commit(incoming.source, incoming.local.ip());
        }
    }

    fn flush(&mut self, listener: &UdpListener) {
        let failed = self.replies.flush(listener);
        if failed > 0 {
            self.cells.send_failures(failed);
        }
    }
}

/// How long a datagram waited: the kernel's stamp against our wall clock; nothing when the two cannot be compared.
fn age(stamped: Option<Duration>, now: Now) -> Duration {
    stamped
        .and_then(|stamped| Duration::from_millis(now.wall_ms).checked_sub(stamped))
        .filter(|age| *age <= ABSURD_AGE)
        .unwrap_or_default()
}

fn pause_after(call: &str, error: &io::Error) {
    tracing::debug!(call, %error, "a listening socket returned an error");
    std::thread::sleep(ERROR_PAUSE);
}

#[cfg(test)]
mod tests;
