//! How long does a client wait for cached answers? One question after the other, at a pace that leaves the server idle most of the time.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use suimon::wire::Name;

use crate::quantile;

/// Names that are asked again and again.
pub const NAMES: usize = 1000;

/// Between an answer and the next question: about 3,000 questions a second.
const PAUSE: Duration = Duration::from_micros(250);

/// An answer that has not come by then is lost, and counts as a wait of this.
const PATIENCE: Duration = Duration::from_secs(1);

/// A client's socket, and what it asks.
pub struct Probe {
    socket: UdpSocket,
    queries: Vec<Vec<u8>>,
}

/// What it waited.
pub struct Waits {
    /// That of the slowest hundredth, microseconds.
    pub p99: f64,
    pub lost: usize,
}

impl Probe {
    /// In the namespace of the calling thread.
    pub fn new(source: &str, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((source, 0)).expect("a client's address");
        socket.connect(server).expect("a route to the server");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self {
            socket,
            queries: (0..NAMES).map(query).collect(),
        }
    }

    /// Asks for so long.
    pub fn ask(&self, span: Duration) -> Waits {
        let (mut waits, mut lost) = (Vec::new(), 0);
        let mut reply = [0; 512];
        let begun = Instant::now();
        for (number, query) in self.queries.iter().cycle().enumerate() {
            if begun.elapsed() >= span {
                break;
            }
            let asked = Instant::now();
            // Each has an ID of its own, so that a late reply is not taken for the next one's.
            let [high, low] = u16::try_from(number % 65_536)
                .expect("16 bits")
                .to_be_bytes();
            let packet = [&[high, low], &query[2..]].concat();
            self.socket.send(&packet).expect("sent");
            let came = loop {
                match self.socket.recv(&mut reply) {
                    Ok(_) if reply[..2] != [high, low] => {}
                    Ok(length) => {
                        let header = [reply[2] & 2, reply[3] & 15, reply[7]];
                        assert!(length > 12 && header == [0, 0, 1], "a whole answer");
                        break true;
                    }
                    Err(_) => break false,
                }
            };
            lost += usize::from(!came);
            waits.push(asked.elapsed().as_secs_f64() * 1e6);
            std::thread::sleep(PAUSE);
        }
        Waits {
            p99: quantile(&waits, 0.99),
            lost,
        }
    }
}

/// RD, type A, OPT with 1232 octets.
pub fn query(number: usize) -> Vec<u8> {
    let name: Name = format!("host-{number}.warm.net.")
        .parse()
        .expect("a domain name");
    let mut packet = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    packet.extend_from_slice(name.as_wire());
    packet.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    packet
}
