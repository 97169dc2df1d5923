//! How do the scripted servers of a scenario answer on real sockets? One thread for each address and transport, one script.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use super::entry::Entry;
use super::file::{Deed, Scenario};
use super::head::Flavour;
use super::matching::{Came, matches};
use super::packet;
use crate::wire::Message;

/// How often a server looks whether it should end.
const GLANCE: Duration = Duration::from_millis(20);

/// The servers; they end when this is dropped.
pub(super) struct Servers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    scenario: Scenario,
    ended: AtomicBool,
    /// The step of the last query, and the one that is next.
    asked_in: AtomicUsize,
    next: AtomicUsize,
    book: Mutex<Book>,
}

/// What happened.
#[derive(Default)]
struct Book {
    told: Vec<String>,
    unmatched: Vec<String>,
    used: HashSet<usize>,
}

/// How often an address is tried that is in use.
const TRIES: u32 = 1_000;

/// Binds what the scenario before may still hold: a program that was started meanwhile has its sockets, too, until it runs.
fn once_free<T>(bind: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let mut bound = bind();
    for _ in 0..TRIES {
        match &bound {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => sleep(GLANCE),
            _ => break,
        }
        bound = bind();
    }
    bound
}

impl Servers {
    /// Binds all addresses of the scenario, in the namespace of this thread.
    pub(super) fn start(scenario: &Scenario) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            scenario: scenario.clone(),
            ended: AtomicBool::new(false),
            asked_in: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            book: Mutex::default(),
        });
        let mut servers = Self {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
        };
        let ports = scenario
            .head
            .stubs
            .iter()
            .chain(&scenario.head.forwards)
            .flat_map(|zone| zone.servers.iter().copied())
            .filter(|server| server.port() != 53);
        let plain = scenario.servers().into_iter();
        for at in plain
            .map(|address| SocketAddr::new(address, 53))
            .chain(ports)
        {
            let cannot = |error: io::Error| io::Error::new(error.kind(), format!("{at}: {error}"));
            let udp = once_free(|| UdpSocket::bind(at)).map_err(cannot)?;
            udp.set_read_timeout(Some(GLANCE))?;
            let tcp = once_free(|| TcpListener::bind(at)).map_err(cannot)?;
            tcp.set_nonblocking(true)?;
            let own = Arc::clone(&shared);
            servers
                .threads
                .push(spawn(move || own.serve_datagrams(&udp, at.ip())));
            let own = Arc::clone(&shared);
            servers
                .threads
                .push(spawn(move || own.serve_streams(&tcp, at.ip())));
        }
        Ok(servers)
    }

    /// Which query is under way, and which step is next.
    pub(super) fn moment(&self, asked_in: usize, next: usize) {
        self.shared.asked_in.store(asked_in, Ordering::SeqCst);
        self.shared.next.store(next, Ordering::SeqCst);
    }

    /// What was asked so far.
    pub(super) fn told(&self) -> Vec<String> {
        self.shared.book().told.clone()
    }

    /// Questions that no entry matched.
    pub(super) fn unmatched(&self) -> Result<(), String> {
        let book = self.shared.book();
        if book.unmatched.is_empty() {
            return Ok(());
        }
        Err(book.unmatched.join("\n  "))
    }

    /// Whether all MANDATORY entries were given.
    pub(super) fn mandatory(&self, scenario: &Scenario) -> Result<(), String> {
        let book = self.shared.book();
        let entries = scenario.ranges.iter().flat_map(|range| &range.entries);
        let mut unused =
            entries.filter(|entry| entry.mandatory && !book.used.contains(&entry.place.line));
        unused.next().map_or(Ok(()), |entry| {
            Err(format!(
                "nobody was answered with the MANDATORY entry of {}",
                entry.place
            ))
        })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }

    fn serve_datagrams(&self, socket: &UdpSocket, at: IpAddr) {
        let mut buffer = vec![0; 65_535];
        while self.goes_on() {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            for (pause, reply) in self.replies(buffer.get(..length).unwrap_or_default(), at, false)
            {
                sleep(Duration::from_millis(pause));
                let _unsent = socket.send_to(&reply, from);
            }
        }
    }

    fn serve_streams(&self, listener: &TcpListener, at: IpAddr) {
        while self.goes_on() {
            let Ok((mut stream, _)) = listener.accept() else {
                sleep(GLANCE);
                continue;
            };
            let _broken = self.serve_stream(&mut stream, at);
        }
    }

    fn serve_stream(&self, stream: &mut TcpStream, at: IpAddr) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let query = read_framed(stream)?;
        for (pause, reply) in self.replies(&query, at, true) {
            sleep(Duration::from_millis(pause));
            write_framed(stream, &reply)?;
        }
        Ok(())
    }

    fn replies(&self, query: &[u8], at: IpAddr, tcp: bool) -> Vec<(u64, Vec<u8>)> {
        let Ok(message) = Message::parse(query) else {
            let what = format!("{at} was asked something unreadable");
            self.book().unmatched.push(what);
            return Vec::new();
        };
        let came = Came {
            message: &message,
            tcp,
        };
        let asked_in = self.asked_in.load(Ordering::SeqCst);
        let moments = self
            .scenario
            .moments(asked_in, self.next.load(Ordering::SeqCst));
        let over = if tcp { " by TCP" } else { "" };
        let question = message
            .question
            .as_ref()
            .map_or_else(String::new, |(question, _)| question.to_string());
        let mut book = self.book();
        let entry = self
            .scenario
            .scripted(moments, at, came)
            .or_else(|| self.one_shot(asked_in, &book, came));
        let Some(entry) = entry else {
            let what = format!("no entry matches the question `{question}` asked of {at}{over}");
            // Deckard goes on.
            if self.scenario.head.flavour == Flavour::Deckard {
                book.told.push(format!(
                    "{at}{over}: {question} -> no entry matches: SERVFAIL"
                ));
            } else {
                book.unmatched.push(what);
            }
            return vec![(0, packet::servfail(query))];
        };
        book.used.insert(entry.place.line);
        book.told.push(format!(
            "{at}{over}: {question} -> entry of line {}",
            entry.place.line
        ));
        packet::replies(entry, self.scenario.head.flavour, Some(&message), query)
    }

    /// Deckard: a REPLY step that is yet to come, good for one reply.
    fn one_shot(&self, from: usize, book: &Book, came: Came<'_>) -> Option<&Entry> {
        if self.scenario.head.flavour != Flavour::Deckard {
            return None;
        }
        let steps = self.scenario.steps.iter().skip(from);
        steps
            .filter_map(|step| match &step.deed {
                Deed::Reply(entry) => Some(entry.as_ref()),
                _ => None,
            })
            .find(|entry| {
                !book.used.contains(&entry.place.line) && matches(entry, Flavour::Deckard, came)
            })
    }
}

/// One query by a stream that is open, and its reply.
pub(super) fn exchange_by_stream(stream: &mut TcpStream, query: &[u8]) -> io::Result<Vec<u8>> {
    write_framed(stream, query)?;
    read_framed(stream)
}

fn read_framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}

fn write_framed(stream: &mut TcpStream, octets: &[u8]) -> io::Result<()> {
    let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), octets].concat())
}
