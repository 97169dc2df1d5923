//! Does a real client get what it should? Loopback sockets, both families, both transports.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::connection::tests::plan as tcp_plan;
use super::*;
use crate::config::plan;
use crate::sys::addresses::LOOPBACK_INTERFACE;
use crate::telemetry::worker::Received;
use crate::telemetry::{Counts, Telemetry};

/// Answers datagrams by what they say; turns connections from 127.0.0.66 away.
#[derive(Default)]
struct Scripted {
    naps: AtomicUsize,
    woken: AtomicBool,
}

impl Service for Scripted {
    type Worker = Arc<Worker>;

    fn worker(&self, _: usize, cells: Arc<Worker>) -> Self::Worker {
        cells
    }

    fn datagram(
        &self,
        worker: &mut Self::Worker,
        datagram: &Datagram<'_>,
        _: Now,
        reply: &mut Vec<u8>,
        later: &Later,
    ) -> Next {
        assert!(datagram.loopback && datagram.interface == LOOPBACK_INTERFACE);
        assert!(reply.is_empty());
        match datagram.bytes {
            b"silence" => {
                reply.extend(b"must not be sent");
                Next::Silence
            }
            b"nap" => {
                self.naps.fetch_add(1, Ordering::SeqCst);
                while !self.woken.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(1));
                }
                Next::Silence
            }
            b"later" => {
                let later = later.towards(datagram.source, datagram.local);
                assert_eq!(later.client(), datagram.source);
                assert_eq!(later.local(), datagram.local);
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(50));
                    assert!(later.send(b"late"));
                });
                Next::Pending
            }
            bytes => {
                reply.extend(bytes);
                worker.replied(0, bytes.len());
                Next::Reply
            }
        }
    }

    fn admit_connection(&self, source: SocketAddr, _: SocketAddr) -> Result<(), Reason> {
        if source.ip() == IpAddr::from([127, 0, 0, 66]) {
            Err(Reason::AclNoMatch)
        } else {
            Ok(())
        }
    }

    async fn stream_query(&self, query: Vec<u8>, _: Peer, _: Now) -> StreamNext {
        if query.ends_with(b"slow") {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if query.ends_with(b"big") {
            return StreamNext::Reply(vec![0; 60_000]);
        }
        StreamNext::Reply(query)
    }
}

struct Rig {
    service: Arc<Scripted>,
    runtime: tokio::runtime::Runtime,
    telemetry: Telemetry,
    ingress: Option<Ingress>,
}

impl Rig {
    fn new(plan: &plan::Ingress) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let telemetry = Telemetry::new();
        let service = Arc::new(Scripted::default());
        let ingress = {
            let _guard = runtime.enter();
            let listeners = Listeners::bind(plan).unwrap();
            assert!(
                listeners
                    .addresses()
                    .iter()
                    .all(|address| address.port() != 0)
            );
            listeners.start(&service, &telemetry, plan).unwrap()
        };
        Self {
            service,
            runtime,
            telemetry,
            ingress: Some(ingress),
        }
    }

    fn address(&self) -> SocketAddr {
        self.ingress.as_ref().unwrap().addresses()[0]
    }

    fn counts(&self) -> Counts {
        self.telemetry.snapshot().clients
    }

    /// Waits until the counts are as `wanted`: counting happens beside what a client sees.
    fn wait_for(&self, what: &str, wanted: impl Fn(&Counts) -> bool) {
        for _ in 0..3_000 {
            if wanted(&self.counts()) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{what}: {:?}", self.counts());
    }

    /// Sends the only worker to sleep until [`Self::wake`], and returns when it does.
    fn nap(&self, client: &UdpSocket) {
        client.send_to(b"nap", self.address()).unwrap();
        while self.service.naps.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
    }

    fn wake(&self) {
        self.service.woken.store(true, Ordering::SeqCst);
    }

    fn stop(mut self, drain: Duration) {
        self.runtime
            .block_on(self.ingress.take().unwrap().stop(drain));
    }
}

fn plan(listen: &[&str]) -> plan::Ingress {
    plan::Ingress {
        listen: listen
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
        workers: 2,
        pin_workers: false,
        receive_buffer: 1 << 20,
        max_queue_age: Duration::from_secs(30),
        hop_limit_every: 2,
        tcp: tcp_plan(),
    }
}

fn client(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
}

/// A TCP connection from a source of our choice.
fn connect_from(source: IpAddr, to: SocketAddr) -> TcpStream {
    let domain = socket2::Domain::for_address(to);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
}

fn framed(id: u16, what: &str) -> Vec<u8> {
    let mut octets = u16::try_from(12 + what.len())
        .unwrap()
        .to_be_bytes()
        .to_vec();
    octets.extend(id.to_be_bytes());
    octets.extend([0; 10]);
    octets.extend(what.as_bytes());
    octets
}

fn hear(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).unwrap();
    reply
}

/// Whether the other end closes without a word (a reset is a close, too).
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(octets) => octets == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn replies_now_and_later_leave_from_the_address_that_was_asked() {
    let rig = Rig::new(&plan(&["0.0.0.0:0"]));
    let asked = SocketAddr::from(([127, 0, 0, 77], rig.address().port()));
    let client = client("127.0.0.1:0");
    let mut buffer = [0; 64];
    for (question, expected) in [("now", "now"), ("later", "late")] {
        client.send_to(question.as_bytes(), asked).unwrap();
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], expected.as_bytes());
        assert_eq!(from, asked);
    }
    rig.stop(Duration::ZERO);
}

#[test]
fn several_addresses_of_both_families_are_served_by_every_worker() {
    let rig = Rig::new(&plan(&["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]));
    let addresses = rig.ingress.as_ref().unwrap().addresses().to_vec();
    let mut buffer = [0; 64];
    for to in addresses {
        let local = if to.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        };
        // Many source ports, so that the kernel spreads them over the workers.
        for n in 0..32_u8 {
            let client = client(local);
            client.send_to(&[n], to).unwrap();
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), ([n].as_slice(), to));
        }
    }
    let counts = rig.counts();
    assert_eq!(counts.received_by(Received::Udp4), 64);
    assert_eq!(counts.received_by(Received::Udp6), 32);
    assert_eq!(counts.bytes_in(), 96);
    assert_eq!(counts.bytes_out(), 96);
    for worker in rig.telemetry.per_worker().iter().take(2) {
        assert!(
            worker.received_by(Received::Udp4) > 0,
            "each worker had its share"
        );
    }
    rig.stop(Duration::ZERO);
}

#[test]
fn a_burst_is_answered_whole_and_silence_is_silence() {
    let rig = Rig::new(&plan(&["127.0.0.1:0"]));
    let client = client("127.0.0.1:0");
    client.send_to(b"silence", rig.address()).unwrap();
    for n in 0..200_u8 {
        client.send_to(&[n, 1, 2, 3], rig.address()).unwrap();
    }
    let mut seen = std::collections::HashSet::new();
    let mut buffer = [0; 64];
    for _ in 0..200 {
        let (length, _) = client.recv_from(&mut buffer).unwrap();
        assert_eq!(length, 4);
        assert!(seen.insert(buffer[0]));
    }
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert!(
        client.recv_from(&mut buffer).is_err(),
        "and no more than that"
    );
    assert!(rig.counts().batches() <= 201);
    rig.stop(Duration::ZERO);
}

#[test]
fn more_replies_than_one_send_batch_holds_come_of_one_read() {
    let mut plan = plan(&["127.0.0.1:0"]);
    plan.workers = 1;
    let rig = Rig::new(&plan);
    let client = client("127.0.0.1:0");
    let state = quinn_udp::UdpSocketState::new((&client).into()).unwrap();
    client.set_nonblocking(false).unwrap();
    // While the worker sleeps, three times fifty datagrams come, joined by the kernel into three buffers.
    rig.nap(&client);
    let contents: Vec<u8> = (0..50_u8).flat_map(|n| [n; 20]).collect();
    for _ in 0..3 {
        let transmit = quinn_udp::Transmit {
            destination: rig.address(),
            ecn: None,
            contents: &contents,
            segment_size: Some(20),
            src_ip: None,
        };
        state.try_send((&client).into(), &transmit).unwrap();
    }
    rig.wake();
    let (mut buffer, mut octets) = ([0; 65_536], 0);
    while octets < 3 * contents.len() {
        // Our own end joins the replies again.
        octets += client.recv_from(&mut buffer).unwrap().0;
    }
    let counts = rig.counts();
    assert_eq!(counts.received_by(Received::Udp4), 151);
    assert_eq!(counts.batches(), 2);
    assert_eq!(counts.send_failures(), 0);
    rig.stop(Duration::ZERO);
}

#[test]
fn datagrams_that_waited_too_long_are_dropped() {
    let mut plan = plan(&["127.0.0.1:0"]);
    plan.workers = 1;
    plan.max_queue_age = Duration::from_millis(200);
    let rig = Rig::new(&plan);
    let client = client("127.0.0.1:0");
    rig.nap(&client);
    client.send_to(b"stale", rig.address()).unwrap();
    client.send_to(b"stale", rig.address()).unwrap();
    thread::sleep(Duration::from_millis(400));
    rig.wake();
    rig.wait_for("two dropped", |counts| {
        counts.verdict(Reason::QueueAge) == 2
    });
    let mut buffer = [0; 64];
    let heard = (0..5).find_map(|_| {
        client.send_to(b"fresh", rig.address()).unwrap();
        let (length, _) = client.recv_from(&mut buffer).ok()?;
        Some(length)
    });
    assert_eq!(&buffer[..heard.unwrap()], b"fresh");
    rig.stop(Duration::ZERO);
}

#[test]
fn an_address_in_use_is_named() {
    let rig = Rig::new(&plan(&["127.0.0.1:0"]));
    let mut again = plan(&[]);
    again.listen.push(rig.address());
    let error = Listeners::bind(&again).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot listen on {} (tcp): ", rig.address())),
        "{text}"
    );

    // Free again once stopped, at once.
    rig.stop(Duration::ZERO);
    assert!(Listeners::bind(&again).is_ok());

    again.listen = vec!["192.0.2.199:53".parse().unwrap()];
    assert!(Listeners::bind(&again).is_err(), "not an address of ours");
}

#[test]
fn stopping_is_prompt() {
    let rig = Rig::new(&plan(&["127.0.0.1:0", "[::1]:0"]));
    let mut idle = connect(rig.address());
    idle.write_all(&framed(1, "x")).unwrap();
    hear(&mut idle);
    let (told, done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        rig.stop(Duration::from_secs(60));
        told.send(()).unwrap();
    });
    done.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(is_closed(&mut idle));
}

#[test]
fn streams_in_flight_are_answered_before_the_end() {
    let rig = Rig::new(&plan(&["127.0.0.1:0"]));
    let mut stream = connect(rig.address());
    stream.write_all(&framed(5, "slow")).unwrap();
    rig.wait_for("begun", |counts| counts.received_by(Received::Tcp4) == 1);
    rig.stop(Duration::from_secs(5));
    assert_eq!(hear(&mut stream)[..2], [0, 5]);
    assert!(is_closed(&mut stream));
}

#[test]
fn tcp_answers_pipelined_queries_on_both_families() {
    let rig = Rig::new(&plan(&["127.0.0.1:0", "[::1]:0"]));
    for to in rig.ingress.as_ref().unwrap().addresses().to_vec() {
        let mut stream = connect(to);
        let mut octets = framed(1, "slow");
        octets.extend(framed(2, "fast"));
        stream.write_all(&octets).unwrap();
        assert_eq!(hear(&mut stream)[..2], [0, 2]);
        assert_eq!(hear(&mut stream)[..2], [0, 1]);
    }
    let counts = rig.counts();
    assert_eq!(counts.received_by(Received::Tcp4), 2);
    assert_eq!(counts.received_by(Received::Tcp6), 2);
    rig.stop(Duration::ZERO);
}

#[test]
fn an_outsider_is_closed_before_a_byte_is_read() {
    let rig = Rig::new(&plan(&["127.0.0.1:0"]));
    let mut stream = connect_from([127, 0, 0, 66].into(), rig.address());
    let _ = stream.write_all(&framed(1, "let me in"));
    assert!(is_closed(&mut stream));
    let counts = rig.counts();
    assert_eq!(counts.tcp_refused(), 1);
    assert_eq!(counts.verdict(Reason::AclNoMatch), 1);
    assert_eq!(counts.tcp_opened(), 0);
    assert_eq!(counts.received_by(Received::Tcp4), 0);
    rig.stop(Duration::ZERO);
}

#[test]
fn one_connection_too_many_is_closed_and_a_place_comes_back() {
    let mut plan = plan(&["127.0.0.1:0"]);
    plan.tcp.connections = 3;
    plan.tcp.connections_per_client = 2;
    let rig = Rig::new(&plan);
    let to = rig.address();
    let serves = |stream: &mut TcpStream| {
        stream.write_all(&framed(1, "x")).is_ok() && hear(stream).len() == 13
    };
    let mut first = connect(to);
    assert!(serves(&mut first));
    let mut second = connect(to);
    assert!(serves(&mut second));
    assert!(is_closed(&mut connect(to)), "the third of one client");
    let mut other = connect_from([127, 0, 0, 2].into(), to);
    assert!(serves(&mut other));
    assert!(
        is_closed(&mut connect_from([127, 0, 0, 3].into(), to)),
        "the fourth in all"
    );
    let counts = rig.counts();
    assert_eq!(counts.verdict(Reason::TcpConnections), 2);
    assert_eq!(counts.tcp_open(), 3);
    drop(first);
    rig.wait_for("a place", |counts| counts.tcp_open() == 2);
    assert!(serves(&mut connect(to)));
    rig.stop(Duration::ZERO);
}

#[test]
fn a_reader_that_does_not_read_is_closed() {
    let mut plan = plan(&["127.0.0.1:0"]);
    plan.tcp.unsent_for = Duration::from_millis(500);
    let rig = Rig::new(&plan);
    let mut stream = connect(rig.address());
    // Far more than the kernel's buffers on both sides hold.
    for id in 0..400 {
        if stream.write_all(&framed(id, "big")).is_err() {
            break;
        }
    }
    rig.wait_for("closed", |counts| counts.tcp_limited() == 1);
    let begun = rig.counts().received_by(Received::Tcp4);
    assert!(begun < 400, "reading stopped after {begun} queries");
    rig.stop(Duration::ZERO);
}
