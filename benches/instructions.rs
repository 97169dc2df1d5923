//! How many instructions does one packet take, from the datagram to the reply's octets? Counted by valgrind, so that a busy machine does not matter.

#![allow(
    clippy::expect_used,
    unused_qualifications,
    missing_docs,
    reason = "a bench; gungraun's macros make public items without documentation"
)]

mod pipeline;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use gungraun::{library_benchmark, library_benchmark_group, main};
use pipeline::{ADMITTED, OUTSIDER, Rig};

/// Of each packet, so that what only the first one does (a page touched, a branch met) does not count.
const PACKETS: usize = 1000;

#[derive(Debug)]
struct Case(Rig, SocketAddr);

impl std::fmt::Debug for Rig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Rig")
    }
}

fn case(slots: usize, refusals: u32, client: &str) -> Case {
    let client = client.parse().expect("an address");
    let mut rig = Rig::new(slots, refusals);
    for _ in 0..20 {
        rig.ask(client);
    }
    Case(rig, client)
}

/// A client of the limiter that asks 100 times a second, so that each packet finds its lines a few milliseconds old.
fn limited(slots: usize, client: &str) -> Case {
    let client = client.parse().expect("an address");
    let mut rig = Rig::limited(slots, Duration::from_millis(10));
    for _ in 0..20 {
        rig.ask(client);
    }
    Case(rig, client)
}

#[library_benchmark(setup = case)]
#[bench::ready_made_answer(1024, 1, ADMITTED)]
#[bench::answer_from_shared_cache(0, 1, ADMITTED)]
#[bench::refusal_sent(1024, 100_000, OUTSIDER)]
#[bench::silence_budget_spent(1024, 1, OUTSIDER)]
fn thousand(case: Case) -> Case {
    ask(case)
}

#[library_benchmark(setup = limited)]
#[bench::ready_made_answer(1024, ADMITTED)]
#[bench::answer_from_shared_cache(0, ADMITTED)]
fn thousand_with_the_limiter(case: Case) -> Case {
    ask(case)
}

fn ask(case: Case) -> Case {
    let Case(mut rig, client) = case;
    for _ in 0..PACKETS {
        black_box(rig.ask(black_box(client)));
    }
    Case(rig, client)
}

library_benchmark_group!(
    name = packets,
    benchmarks = [thousand, thousand_with_the_limiter]
);
main!(library_benchmark_groups = packets);
