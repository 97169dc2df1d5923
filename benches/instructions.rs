//! How many instructions does one packet take, from the datagram to the reply's octets? Counted by valgrind, so that a busy machine does not matter.
//!
//! `packaging/count-instructions` compares what is counted here with `benches/instructions.txt`, and `.ci/run` fails where it has risen. Keys, dice and
//! clock are the same in each run; each case is a thousand packets, so that what only the first one does does not count.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    unused_qualifications,
    unreachable_pub,
    missing_docs,
    reason = "a bench; gungraun's macros make public items without documentation"
)]

#[path = "instructions/miss.rs"]
mod miss;
mod pipeline;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use miss::Misses;
use pipeline::{ADMITTED, OUTSIDER, Rig, crowd, query};
use suimon::guard::zones::Class;
use suimon::query::Next;
use suimon::wire::Name;

/// Packets that are counted.
pub const PACKETS: usize = 1000;

/// Between the queries of a crowd: 40,000 a second, of which each client asks ten.
const BUSY: Duration = Duration::from_micros(25);
const CROWD: usize = 4000;

/// One client that asks so fast is over its limit after so many, and the host not yet where it replies to every second one only.
const TOO_FAST: Duration = Duration::from_micros(100);
const PATIENCE: usize = 2000;

/// A client cookie (RFC 7873) as an option.
const COOKIE: [u8; 12] = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// Its source port is one that no reply to a limited query goes to.
const REFLECTOR: &str = "10.77.1.2:123";

/// What becomes of a packet: nothing, or a reply with that code in its header, truncated or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Silence,
    Reply(u8),
    Truncated,
}

const ANSWER: Fate = Fate::Reply(0);
const SERVFAIL: Fate = Fate::Reply(2);
const REFUSED: Fate = Fate::Reply(5);
/// The low half of 23.
const BADCOOKIE: Fate = Fate::Reply(7);

impl Fate {
    /// Of a message.
    pub fn of(reply: &[u8]) -> Self {
        match (reply[2] & 2, reply[3] & 15) {
            (0, rcode) => Self::Reply(rcode),
            _ => Self::Truncated,
        }
    }
}

/// One worker, the packets that come to it, and what has to become of each.
struct Case {
    rig: Rig,
    packets: Vec<(Vec<u8>, SocketAddr)>,
    fate: Fate,
    last: Option<Next>,
}

impl Case {
    /// All packets but the last thousand, which are counted, come before.
    fn new(rig: Rig, mut packets: Vec<(Vec<u8>, SocketAddr)>, fate: Fate) -> Self {
        let counted = packets.split_off(packets.len() - PACKETS);
        let mut case = Self {
            rig,
            packets,
            fate,
            last: None,
        };
        case.run();
        case.check();
        case.packets = counted;
        case
    }

    fn run(&mut self) {
        for (packet, source) in &self.packets {
            self.last = Some(self.rig.take(black_box(packet), black_box(*source)));
        }
    }

    fn check(&self) {
        let seen = match self.last {
            Some(Next::Silence) => Fate::Silence,
            Some(Next::Reply) => Fate::of(&self.rig.reply),
            _ => panic!("nothing is found out here"),
        };
        assert_eq!(seen, self.fate);
    }
}

/// The cached name, asked by a crowd.
fn hits(slots: usize, limiter: &str) -> Case {
    let rig = Rig::with(slots, 1, limiter, BUSY);
    let clients = (0..CROWD + PACKETS).map(|number| crowd(number % CROWD));
    let packets = clients.map(|client| (rig.query.clone(), client)).collect();
    Case::new(rig, packets, ANSWER)
}

/// The same by one client that asks too much.
fn limited(options: &[u8], source: &str, fate: Fate) -> Case {
    let rig = Rig::with(1024, 1, "enforce", TOO_FAST);
    let packet = query(rig.name(), options);
    let source = source.parse().expect("an address");
    Case::new(rig, vec![(packet, source); PATIENCE + PACKETS], fate)
}

/// The same by somebody who may not ask.
fn refused(refusals: u32, fate: Fate) -> Case {
    let rig = Rig::with(1024, refusals, "enforce", BUSY);
    let source = OUTSIDER.parse().expect("an address");
    let packets = vec![(rig.query.clone(), source); PATIENCE + PACKETS];
    Case::new(rig, packets, fate)
}

/// Made-up names of a zone under attack, by a crowd or by the clients of one network, which hears only a few denials a second.
fn attack(from: fn(usize) -> SocketAddr, fate: Fate) -> Case {
    let rig = Rig::with(1024, 1, "enforce", BUSY);
    let zone: Name = "flood.net.".parse().expect("a domain name");
    miss::delegate(&rig, &zone);
    rig.pipeline
        .zones
        .wish(&zone, Class::Pinned, rig.now())
        .expect("a zone that somebody has to himself");
    let packets = (0..CROWD).map(|number| {
        let name: Name = format!("x{number}.flood.net.").parse().expect("a name");
        (query(name.as_wire(), &[]), from(number))
    });
    let packets = packets.collect();
    Case::new(rig, packets, fate)
}

fn neighbour(number: usize) -> SocketAddr {
    let last = u8::try_from(number % 250).expect("one octet");
    SocketAddr::from(([10, 200, 0, last], 40_000))
}

fn checked(case: Case) {
    case.check();
}

#[library_benchmark(teardown = checked)]
#[bench::hit_ready_made(args = (1024, "enforce"), setup = hits)]
#[bench::hit_ready_made_no_limiter(args = (1024, "off"), setup = hits)]
#[bench::hit_shared_cache(args = (0, "enforce"), setup = hits)]
#[bench::refusal_sent(args = (100_000, REFUSED), setup = refused)]
#[bench::refusal_silent(args = (1, Fate::Silence), setup = refused)]
#[bench::limited_truncated(args = (&[], ADMITTED, Fate::Truncated), setup = limited)]
#[bench::limited_badcookie(args = (&COOKIE, ADMITTED, BADCOOKIE), setup = limited)]
#[bench::limited_dropped(args = (&[], REFLECTOR, Fate::Silence), setup = limited)]
#[bench::zone_denied_told(args = (crowd, SERVFAIL), setup = attack)]
#[bench::zone_denied_silent(args = (neighbour, Fate::Silence), setup = attack)]
fn thousand(mut case: Case) -> Case {
    case.run();
    case
}

#[library_benchmark(teardown = Misses::check)]
#[bench::cold_name_in_a_warm_zone(args = (PACKETS,), setup = Misses::new)]
fn thousand_misses(mut misses: Misses) -> Misses {
    misses.run();
    misses
}

library_benchmark_group!(name = packets, benchmarks = [thousand, thousand_misses]);

// No simulated caches: half the time, and they are nobody's.
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["cache-sim=no"])),
    library_benchmark_groups = packets
);
