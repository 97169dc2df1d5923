//! A name server on loopback that says exactly what a test tells it to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use crate::wire::header::HEADER_LEN;
use crate::wire::{Flags, QueryView, Rcode};

/// What the good reply says.
pub(super) const GOOD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// One query as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) from: SocketAddr,
    pub(super) tcp: bool,
    pub(super) packet: Vec<u8>,
}

impl Asked {
    pub(super) fn edns(&self) -> bool {
        has_edns(&self.packet)
    }
}

/// The octets to send, each after so many milliseconds from the one before.
pub(super) type Script = Vec<(u64, Vec<u8>)>;

pub(super) struct Fake {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Fake {
    /// Answers datagrams by `udp`; connections are refused.
    pub(super) async fn udp(udp: impl Fn(&[u8]) -> Script + Send + Sync + 'static) -> Self {
        Self::udp_at("127.0.0.1", udp).await
    }

    /// The same at another address of this host.
    pub(super) async fn udp_at(
        address: &str,
        udp: impl Fn(&[u8]) -> Script + Send + Sync + 'static,
    ) -> Self {
        let socket = UdpSocket::bind((address, 0)).await.unwrap();
        let mut fake = Self::at(socket.local_addr().unwrap());
        fake.serve_udp(socket, udp);
        fake
    }

    /// Answers datagrams by `udp` and streams by `tcp`, which gives raw octets of the stream.
    pub(super) async fn both(
        udp: impl Fn(&[u8]) -> Script + Send + Sync + 'static,
        tcp: impl Fn(&[u8]) -> Script + Send + Sync + 'static,
    ) -> Self {
        loop {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = socket.local_addr().unwrap();
            let Ok(listener) = TcpListener::bind(address).await else {
                continue;
            };
            let mut fake = Self::at(address);
            fake.serve_udp(socket, udp);
            fake.serve_tcp(listener, tcp);
            return fake;
        }
    }

    /// Everything that was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// For each query so far, "udp" or "tcp", with a "+" if it had EDNS.
    pub(super) fn seen(&self) -> Vec<String> {
        let word = |asked: &Asked| {
            let transport = if asked.tcp { "tcp" } else { "udp" };
            format!("{transport}{}", if asked.edns() { "+" } else { "" })
        };
        self.asked().iter().map(word).collect()
    }

    fn at(address: SocketAddr) -> Self {
        Self {
            address,
            asked: Arc::default(),
            tasks: Vec::new(),
        }
    }

    fn serve_udp(
        &mut self,
        socket: UdpSocket,
        script: impl Fn(&[u8]) -> Script + Send + Sync + 'static,
    ) {
        let asked = Arc::clone(&self.asked);
        let socket = Arc::new(socket);
        self.tasks.push(tokio::spawn(async move {
            let mut buffer = vec![0; 65_535];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let packet = buffer[..length].to_vec();
                let replies = script(&packet);
                asked.lock().unwrap().push(Asked {
                    from,
                    tcp: false,
                    packet,
                });
                let socket = Arc::clone(&socket);
                tokio::spawn(async move {
                    for (after, reply) in replies {
                        if after > 0 {
                            tokio::time::sleep(Duration::from_millis(after)).await;
                        }
                        let _ = socket.send_to(&reply, from).await;
                    }
                });
            }
        }));
    }

    fn serve_tcp(
        &mut self,
        listener: TcpListener,
        script: impl Fn(&[u8]) -> Script + Send + Sync + 'static,
    ) {
        let asked = Arc::clone(&self.asked);
        let script = Arc::new(script);
        self.tasks.push(tokio::spawn(async move {
            while let Ok((mut stream, from)) = listener.accept().await {
                let (asked, script) = (Arc::clone(&asked), Arc::clone(&script));
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut packet = vec![0; usize::from(length)];
                        stream.read_exact(&mut packet).await.unwrap();
                        let replies = script(&packet);
                        asked.lock().unwrap().push(Asked {
                            from,
                            tcp: true,
                            packet,
                        });
                        for (after, reply) in replies {
                            if after > 0 {
                                tokio::time::sleep(Duration::from_millis(after)).await;
                            }
                            if reply.is_empty() || stream.write_all(&reply).await.is_err() {
                                return;
                            }
                        }
                    }
                });
            }
        }));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The reply that answers `query` with one address.
pub(super) fn good(query: &[u8]) -> Vec<u8> {
    reply(query, Rcode::NOERROR, Some(GOOD))
}

/// Nothing but a code.
pub(super) fn code(query: &[u8], rcode: Rcode) -> Vec<u8> {
    reply(query, rcode, None)
}

/// A reply without EDNS.
pub(super) fn reply(query: &[u8], rcode: Rcode, address: Option<Ipv4Addr>) -> Vec<u8> {
    let view = QueryView::parse(query).unwrap();
    let mut out = query[..view.question_end].to_vec();
    let flags = Flags::default()
        .with_qr(true)
        .with_aa(true)
        .with_rd(view.flags.rd())
        .with_rcode(rcode);
    out[2..4].copy_from_slice(&flags.0.to_be_bytes());
    out[4..HEADER_LEN].copy_from_slice(&[0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    if let Some(address) = address {
        out.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend_from_slice(&address.octets());
    }
    out
}

/// The same with TC=1 and nothing behind the question.
pub(super) fn truncated(query: &[u8]) -> Vec<u8> {
    let mut out = code(query, Rcode::NOERROR);
    out[2] |= 0x02;
    out
}

/// With the length in front that a stream has.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(message);
    out
}

pub(super) fn has_edns(query: &[u8]) -> bool {
    QueryView::parse(query).unwrap().edns.is_some()
}

/// At once.
pub(super) fn now(reply: Vec<u8>) -> Script {
    vec![(0, reply)]
}
