//! How long do honest clients wait, and how many wait in vain? A paced client of its own, for generators tell no times.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use suimon::sys::affinity;

/// A reply later than this has been given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// What became of the queries.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub sent: u32,
    /// Waits of what was answered with NOERROR, microseconds, the shortest first.
    pub waits: Vec<u32>,
}

impl Seen {
    /// Per cent of the queries that were answered.
    pub fn answered(&self) -> f64 {
        self.waits.len() as f64 * 100.0 / f64::from(self.sent.max(1))
    }

    /// The wait that all but a hundredth of the answers were within, ms; endless if there was none.
    pub fn p99(&self) -> f64 {
        let place = self.waits.len() * 99 / 100;
        self.waits
            .get(place)
            .map_or(f64::INFINITY, |wait| f64::from(*wait) / 1000.0)
    }
}

/// Asks `queries` in turn, `rate` a second, from each address in turn. Runs in the namespace of the calling thread, on the load's core and
/// above what else runs there.
pub fn probe(
    sources: &[String],
    to: SocketAddr,
    queries: &[Vec<u8>],
    rate: u32,
    time: Duration,
) -> Seen {
    affinity::pin_current_thread(1).expect("a second core");
    rustix::process::setpriority_process(None, -20).expect("root may hurry");
    let sockets: Vec<UdpSocket> = sources.iter().map(|source| socket(source, to)).collect();
    let begun = Instant::now();
    let mut seen = Seen::default();
    let mut sent_at: Vec<Option<Instant>> = vec![None; 1 << 16];
    let total = (time.as_secs_f64() * f64::from(rate)) as u32;
    while begun.elapsed() < time
        || (seen.waits.len() < seen.sent as usize && begun.elapsed() < time + PATIENCE)
    {
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while seen.sent < due.min(total) {
            let number = seen.sent as usize;
            let mut query = queries[number % queries.len()].clone();
            let id = (number & 0xFFFF) as u16;
            query[..2].copy_from_slice(&id.to_be_bytes());
            sent_at[usize::from(id)] = Some(Instant::now());
            // A full buffer is a query lost, as on a full line.
            let _ = sockets[number % sockets.len()].send(&query);
            seen.sent += 1;
        }
        for socket in ready(&sockets) {
            read(socket, &mut sent_at, &mut seen);
        }
    }
    seen.waits.sort_unstable();
    seen
}

fn socket(source: &str, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((source, 0)).expect("a client's address");
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 4 << 20);
    socket.connect(to).expect("a route to the server");
    socket.set_nonblocking(true).expect("a mode");
    socket
}

/// Those that have something to read, within a fifth of a millisecond.
fn ready(sockets: &[UdpSocket]) -> impl Iterator<Item = &UdpSocket> {
    let mut watched: Vec<PollFd<'_>> = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::IN))
        .collect();
    let patience = Timespec {
        tv_sec: 0,
        tv_nsec: 200_000,
    };
    let _ = poll(&mut watched, Some(&patience));
    let full: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
    sockets
        .iter()
        .zip(full)
        .filter_map(|(socket, full)| full.then_some(socket))
}

fn read(socket: &UdpSocket, sent_at: &mut [Option<Instant>], seen: &mut Seen) {
    let mut buffer = [0; 4096];
    while let Ok(length) = socket.recv(&mut buffer) {
        if length < 12 || buffer[3] & 0xF != 0 {
            continue;
        }
        let id = usize::from(u16::from_be_bytes([buffer[0], buffer[1]]));
        if let Some(at) = sent_at[id].take()
            && at.elapsed() < PATIENCE
        {
            seen.waits
                .push(u32::try_from(at.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}
