//! What does a packet cost a server that has its hands full? Queries wait in its socket before it may run, so that every batch is full.
//!
//! At a steady rate most of what is measured is how often the server falls asleep between two packets: a slower server sleeps less and
//! looks better. Here each server finds the same queue, wakes once and works it off.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::net::sockopt;
use rustix::process::{Signal, kill_process};

use crate::lab::Server;

/// Queries that wait at once: less than a receive buffer of 4 MiB holds (some 700 octets of it each), worked off well before suimond's
/// limit of queue age, 500 ms.
pub const QUEUE: usize = 2000;
const SOCKETS: usize = 8;

/// A client's sockets and the queries they send.
pub struct Client {
    sockets: Vec<UdpSocket>,
    queries: Vec<Vec<u8>>,
}

/// What came of one queue.
pub struct Worked {
    /// Nanoseconds of CPU for all of it.
    pub cpu_ns: u64,
    pub replies: usize,
    /// Replies with another response code than expected, or none expected.
    pub wrong: usize,
}

impl Client {
    /// Sockets in the namespace of the calling thread; `queries` are sent in turn.
    pub fn new(source: &str, server: &str, queries: Vec<Vec<u8>>) -> Self {
        let sockets = (0..SOCKETS).map(|_| {
            let socket = UdpSocket::bind((source, 0)).expect("a client's address");
            let _ = sockopt::set_socket_recv_buffer_size_force(&socket, 4 << 20);
            socket
                .connect(server.parse::<SocketAddr>().expect("an address"))
                .expect("a route to the server");
            socket
                .set_read_timeout(Some(Duration::from_millis(300)))
                .expect("a timeout");
            socket
        });
        Self {
            sockets: sockets.collect(),
            queries,
        }
    }

    /// Queues `count` queries while the server is stopped, lets it go on, and counts what comes back.
    pub fn queue(&self, server: &Server, count: usize, rcode: Option<u8>) -> Worked {
        signal(server, Signal::STOP);
        while !server.is_stopped() {
            std::thread::sleep(Duration::from_micros(100));
        }
        for (query, socket) in self
            .queries
            .iter()
            .cycle()
            .zip(self.sockets.iter().cycle())
            .take(count)
        {
            socket.send(query).expect("room in the send buffer");
        }
        let before = server.cpu_ns();
        signal(server, Signal::CONT);
        let (mut replies, mut wrong) = (0, 0);
        let mut buffer = [0; 4096];
        if let Some(rcode) = rcode {
            for place in 0..count {
                let socket = &self.sockets[place % SOCKETS];
                let Ok(length) = socket.recv(&mut buffer) else {
                    break;
                };
                replies += 1;
                // TC=1 would be the limiter's, and no answer.
                wrong += usize::from(length < 12 || buffer[2] & 2 != 0 || buffer[3] & 0xF != rcode);
            }
        }
        // It has worked all off when it no longer runs.
        let mut after = server.cpu_ns();
        loop {
            std::thread::sleep(Duration::from_millis(8));
            let now = server.cpu_ns();
            if now - after < 200_000 {
                break;
            }
            after = now;
        }
        Worked {
            cpu_ns: server.cpu_ns() - before,
            replies,
            wrong,
        }
    }
}

fn signal(server: &Server, signal: Signal) {
    kill_process(server.pid(), signal).expect("the server runs");
}
