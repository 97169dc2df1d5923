//! What else may suimond be at? Everything that shares its core with the worker that answers from the cache.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::{Signal, kill_process};

use crate::probe;
use crate::rig::{Daemon, OFFENDERS, OTHERS, Rig};

/// Names that a storm of misses has at hand, a second: more than are ever resolved.
const STORM: u32 = 40_000;

/// Names a second that push others out of a full cache.
const EVICTING: u32 = 2_000;

/// Streams that are open, and say nothing.
const IDLE: usize = 10_000;

/// One after the other.
const RELOADS: Duration = Duration::from_millis(200);
/// A Prometheus asks every 15 s.
const SCRAPES: Duration = Duration::from_millis(100);
/// So many from each of those who ask too much, in turn.
const OFFENCES: Duration = Duration::from_millis(50);

/// What is done besides answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    Misses,
    Reloads,
    FullCache,
    Journal,
    Scrapes,
    IdleStreams,
}

pub const ALL: [Disturbance; 6] = [
    Disturbance::Misses,
    Disturbance::Reloads,
    Disturbance::FullCache,
    Disturbance::Journal,
    Disturbance::Scrapes,
    Disturbance::IdleStreams,
];

impl Disturbance {
    pub const fn title(self) -> &'static str {
        match self {
            Self::Misses => "as many misses as it takes",
            Self::Reloads => "a reload every 200 ms",
            Self::FullCache => "2,000 misses a second into a full cache",
            Self::Journal => "incidents that begin, and are written down",
            Self::Scrapes => "a metrics scrape every 100 ms",
            Self::IdleStreams => "10,000 idle TCP connections",
        }
    }

    /// What it was, `count` of it.
    pub fn told(self, count: f64) -> String {
        let what = match self {
            Self::Misses | Self::FullCache => "misses answered",
            Self::Reloads => "reloads",
            Self::Journal => "incidents written",
            Self::Scrapes => "pages read",
            Self::IdleStreams => "connections open at the end",
        };
        format!("{count:.0} {what}")
    }

    /// Whose clients are disturbed by it.
    pub const fn daemon(self) -> Daemon {
        match self {
            Self::FullCache => Daemon::Full,
            Self::Journal => Daemon::Touchy,
            _ => Daemon::Plain,
        }
    }

    pub const fn cold_names_per_second(self) -> u32 {
        match self {
            Self::Misses => STORM,
            Self::FullCache => EVICTING,
            _ => 0,
        }
    }

    /// Goes on until `done`, once it has said that it is `ready`; how often it happened.
    pub fn go_on(self, rig: &Rig, cold: &str, ready: &AtomicBool, done: &AtomicBool) -> f64 {
        match self {
            Self::Misses => misses(rig, self.daemon(), &["-d", cold, "-q", "1000"], ready),
            Self::FullCache => {
                let rate = EVICTING.to_string();
                misses(rig, self.daemon(), &["-d", cold, "-Q", &rate], ready)
            }
            Self::Reloads => reloads(rig, self.daemon(), ready, done),
            Self::Journal => incidents(rig, self.daemon(), ready, done),
            Self::Scrapes => scrapes(rig, ready, done),
            Self::IdleStreams => idle_streams(rig, self.daemon(), ready, done),
        }
    }
}

fn misses(rig: &Rig, daemon: Daemon, more: &[&str], ready: &AtomicBool) -> f64 {
    // It begins before the turn and ends after it.
    let seconds = (rig.span().as_secs() + 1).to_string();
    let load = [more, &["-n", "1", "-c", "8", "-l", &seconds]].concat();
    thread::scope(|scope| {
        let answered = scope.spawn(|| rig.dnsperf(daemon, OTHERS, &load));
        thread::sleep(Duration::from_millis(500));
        ready.store(true, Ordering::Release);
        answered.join().expect("dnsperf")
    })
}

/// The same configuration again: read, checked, wired and swapped like any other.
fn reloads(rig: &Rig, daemon: Daemon, ready: &AtomicBool, done: &AtomicBool) -> f64 {
    let server = rig.server(daemon);
    let told = || server.log().matches("configuration reloaded").count() as f64;
    let before = told();
    repeat(RELOADS, ready, done, || {
        kill_process(server.pid(), Signal::HUP).expect("it runs");
    });
    told() - before
}

/// Clients that ask so much that each is an incident: as many as are written down, which is no more than a few a second.
fn incidents(rig: &Rig, daemon: Daemon, ready: &AtomicBool, done: &AtomicBool) -> f64 {
    let clients = rig.lab.inside("c", move || {
        let bound = |last| {
            let address = Ipv4Addr::new(10, 77, 1, 100 + last);
            let socket = UdpSocket::bind((address, 0)).expect("an address of ours");
            socket.connect(daemon.address()).expect("a route");
            socket
        };
        (0..OFFENDERS).map(bound).collect::<Vec<_>>()
    });
    let query = probe::query(0);
    let begun = SystemTime::now();
    repeat(OFFENCES, ready, done, || {
        for client in &clients {
            // What comes back is left in the socket.
            let _ = client.send(&query);
        }
    });
    let files = std::fs::read_dir(rig.incidents(daemon)).expect("a journal");
    let written = files.flatten().filter(|file| {
        let written = file.metadata().and_then(|data| data.modified());
        written.is_ok_and(|at| at >= begun)
    });
    written.count() as f64
}

fn scrapes(rig: &Rig, ready: &AtomicBool, done: &AtomicBool) -> f64 {
    let mut pages = 0;
    repeat(SCRAPES, ready, done, || {
        let page = rig.lab.inside("s", || {
            let mut stream = TcpStream::connect("127.0.0.1:9153").expect("the metrics page");
            let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request).expect("asked");
            let mut page = String::new();
            stream.read_to_string(&mut page).expect("a page");
            page
        });
        assert!(page.contains("suimon_"), "{page}");
        pages += 1;
    });
    f64::from(pages)
}

/// Each has asked once, so that it is no stranger.
fn idle_streams(rig: &Rig, daemon: Daemon, ready: &AtomicBool, done: &AtomicBool) -> f64 {
    let streams = rig.lab.inside("c", move || {
        let streams = (0..IDLE).map(|_| open(daemon.address()));
        streams.collect::<Vec<_>>()
    });
    repeat(Duration::from_millis(50), ready, done, || {});
    let open = streams.iter().filter(|stream| {
        stream.set_nonblocking(true).expect("a socket");
        // Open and silent: there is nothing to read, not even an end.
        matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    });
    let open = open.count();
    assert_eq!(open, IDLE, "some were closed");
    open as f64
}

fn open(server: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(server).expect("a connection");
    let patience = Some(Duration::from_secs(10));
    stream.set_read_timeout(patience).expect("a timeout");
    let query = probe::query(0);
    let length = u16::try_from(query.len()).expect("a short query");
    let framed = [&length.to_be_bytes(), query.as_slice()].concat();
    stream.write_all(&framed).expect("asked");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("an answer");
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).expect("an answer");
    stream
}

/// `what` at this pace, from before `ready` to `done`.
fn repeat(pace: Duration, ready: &AtomicBool, done: &AtomicBool, mut what: impl FnMut()) {
    while !done.load(Ordering::Acquire) {
        what();
        ready.store(true, Ordering::Release);
        thread::sleep(pace);
    }
}
