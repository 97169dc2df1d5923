//! How does an attack's traffic get onto the wire at its rate, and what comes back for it?

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::beside;
use super::figures::Exchange;
use super::traffic::Traffic;
use crate::sys::clock;
use crate::sys::send_batch::SendBatch;
use crate::sys::udp::{ReceiveBatch, UdpListener};
use crate::sys::wake::{Wake, wait};

/// Sockets, and with them source ports, of all attackers.
const SOCKETS: usize = 4;
/// Between two turns at sending: small enough that the resolver sees a stream and not a pulse a second.
const TURN: Duration = Duration::from_millis(1);
/// What could not be sent in this time is left out: a drill that falls behind must not make up for it with a burst.
const BEHIND: Duration = Duration::from_millis(250);
/// Replies are waited for so long after the last query.
const LATE: Duration = Duration::from_secs(1);
/// Octets of receive buffer asked for per socket.
const RECEIVE: usize = 4 << 20;

/// What is counted while an attack lasts; read at any time.
#[derive(Debug, Default)]
pub struct Counters {
    /// Queries sent, and their octets.
    pub sent: AtomicU64,
    /// Octets of them.
    pub octets: AtomicU64,
    /// Queries that the drill was too slow to send.
    pub skipped: AtomicU64,
    /// Replies to them.
    pub replies: AtomicU64,
    /// Octets of those.
    pub reply_octets: AtomicU64,
    /// Of the replies, those with these codes: 0, 3, 2, 5, any other.
    pub codes: [AtomicU64; 5],
    /// Replies with TC=1, whatever their code; they are in no code.
    pub truncated: AtomicU64,
    /// Replies longer than any query that was sent.
    pub longer: AtomicU64,
}

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// To whom.
    pub resolver: SocketAddr,
    /// Queries per second.
    pub rate: u32,
    /// For so long.
    pub span: Duration,
    /// What.
    pub traffic: Traffic,
    /// The same number gives the same queries.
    pub seed: u64,
}

/// A flood under way, or over.
#[derive(Debug)]
pub struct Flood {
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Starts one; it ends by itself.
    ///
    /// # Errors
    /// No sockets, no thread.
    pub fn start(order: Order) -> io::Result<Self> {
        // Bound to no address, such a socket sends from any of ours, and all of 127/8 are ours, or what was laid there by a local route.
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let sockets = (0..SOCKETS)
            .map(|_| UdpListener::bind(any, RECEIVE))
            .collect::<io::Result<Vec<_>>>()?;
        let wake = Wake::new()?;
        let counters = Arc::new(Counters::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (told, shared) = (Arc::clone(&stop), Arc::clone(&counters));
        let thread = thread::Builder::new()
            .name("attackers".to_owned())
            .spawn(move || drive(&order, &sockets, &wake, &shared, &told))?;
        Ok(Self {
            counters,
            stop,
            thread: Some(thread),
        })
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Ends it now, if it has not ended, and waits for that.
    pub fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end();
    }
}

fn drive(
    order: &Order,
    sockets: &[UdpListener],
    wake: &Wake,
    counters: &Counters,
    stop: &AtomicBool,
) {
    let mut random = StdRng::seed_from_u64(order.seed);
    let (mut batch, mut received) = (SendBatch::new(), ReceiveBatch::new());
    let mut due_before = 0;
    let mut longest = 0;
    let begun = clock::now();
    for turn in 0_usize.. {
        let at = clock::now().since(begun);
        if stop.load(Ordering::Relaxed) || at > order.span + LATE {
            break;
        }
        let due = queries_until(at.min(order.span), order.rate);
        let most = queries_until(BEHIND, order.rate).max(1);
        let behind = due - due_before;
        if behind > most {
            counters.skipped.fetch_add(behind - most, Ordering::Relaxed);
            due_before = due - most;
        }
        if let Some(socket) = sockets.get(turn % sockets.len().max(1)) {
            for number in due_before..due {
                if batch.is_full() {
                    flush(&mut batch, socket, counters);
                }
                let Some(packet) = order.traffic.packet(number, at, &mut random) else {
                    continue;
                };
                if let Some(buffer) = batch.next_buffer() {
                    packet.write(random.random(), buffer);
                    longest = longest.max(buffer.len());
                    counters
                        .octets
                        .fetch_add(buffer.len() as u64, Ordering::Relaxed);
                    let source = beside(order.resolver, IpAddr::V4(packet.source));
                    batch.commit(order.resolver, source);
                    counters.sent.fetch_add(1, Ordering::Relaxed);
                }
            }
            flush(&mut batch, socket, counters);
        }
        due_before = due;
        for socket in sockets {
            while let Ok(more) = socket.receive(&mut received) {
                for datagram in received.datagrams(socket) {
                    if datagram.source == order.resolver {
                        counters.hear(datagram.bytes, longest);
                    }
                }
                if !more {
                    break;
                }
            }
        }
        // Woken early by replies, it reads them and finds little to send; both are right.
        let _ = wait(wake, sockets, TURN);
    }
}

/// Sends what is in the batch; what the kernel does not take was not sent.
fn flush(batch: &mut SendBatch, socket: &UdpListener, counters: &Counters) {
    let failed = batch.flush(socket);
    counters.sent.fetch_sub(failed, Ordering::Relaxed);
    counters.skipped.fetch_add(failed, Ordering::Relaxed);
}

/// Queries that `rate` makes of `time`.
fn queries_until(time: Duration, rate: u32) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(u64::from(rate)) / 1_000_000
}

impl Counters {
    /// All of them now.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Exchange {
            sent: read(&self.sent),
            octets: read(&self.octets),
            skipped: read(&self.skipped),
            replies: read(&self.replies),
            reply_octets: read(&self.reply_octets),
            codes: self.codes.each_ref().map(read),
            truncated: read(&self.truncated),
            longer: read(&self.longer),
        }
    }

    fn hear(&self, reply: &[u8], longest: usize) {
        let (Some(flags), Some(code)) = (reply.get(2), reply.get(3)) else {
            return;
        };
        self.replies.fetch_add(1, Ordering::Relaxed);
        self.reply_octets
            .fetch_add(reply.len() as u64, Ordering::Relaxed);
        if reply.len() > longest {
            self.longer.fetch_add(1, Ordering::Relaxed);
        }
        if flags & 0x02 != 0 {
            self.truncated.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let place = match code & 0x0F {
            0 => 0,
            3 => 1,
            2 => 2,
            5 => 3,
            _ => 4,
        };
        if let Some(counter) = self.codes.get(place) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}
