//! Does asking behave on real sockets, against servers that do not?

mod bad_first;
mod choice;
mod cookies;
mod crowds;
mod fake;
mod fallback;
mod forwarding;
mod rules;
mod stream;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan::{self, Limits};
use crate::guard::permit::{Budget, InternalCause, RecursionPermit};
use crate::sys::clock;
use crate::wire::{Name, Question, RecordType};

use super::{Egress, Exchanged, Failure, Query};

/// Loopback servers may be asked, and the first timeout is short enough for tests.
/// Waits longer than a busy machine stands still: what no test wants to see run out never does.
fn base() -> plan::Egress {
    plan::Egress {
        port: 53,
        ipv4: true,
        ipv6: true,
        source_v4: Ipv4Addr::UNSPECIFIED,
        source_v6: Ipv6Addr::UNSPECIFIED,
        source_ports: (1024, 65_535),
        avoid_ports: vec![4791, 11_211],
        allow_private_servers: true,
        never_ask: Vec::new(),
        edns_size: 1232,
        case_randomisation: false,
        cookies: false,
        initial_timeout: Duration::from_secs(5),
        max_timeout: Duration::from_secs(5),
        tcp_timeout: Duration::from_secs(10),
        discarded_replies: 32,
        servers: 1000,
    }
}

/// The waits that suimond has by default, for what is reckoned with them and waits for nobody.
fn shipped() -> plan::Egress {
    plan::Egress {
        initial_timeout: Duration::from_millis(400),
        max_timeout: Duration::from_millis(1500),
        ..base()
    }
}

fn impatient() -> plan::Egress {
    plan::Egress {
        initial_timeout: Duration::from_millis(500),
        max_timeout: Duration::from_millis(800),
        tcp_timeout: Duration::from_millis(700),
        ..base()
    }
}

fn budget() -> Budget {
    budget_of(&Limits::default())
}

fn budget_of(limits: &Limits) -> Budget {
    RecursionPermit::internal(InternalCause::Audit).into_budget(limits, clock::now())
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn question() -> Question {
    Question::new(name("www.Example.test."), RecordType::A)
}

/// Asks one server about the usual question.
async fn ask(egress: &Egress, server: SocketAddr) -> Exchanged {
    ask_within(egress, &[server], &mut budget()).await
}

async fn ask_within(egress: &Egress, servers: &[SocketAddr], budget: &mut Budget) -> Exchanged {
    let question = question();
    let zone = name("example.test.");
    let query = Query::authoritative(&question, servers, &zone);
    egress.exchange(&query, budget).await
}

/// The address in the reply, and whether it came over TCP.
fn address(exchanged: &Exchanged) -> Option<(Ipv4Addr, bool)> {
    match exchanged {
        Exchanged::Reply { message, tcp, .. } => {
            let rdata: [u8; 4] = message.answer.first()?.rdata.as_ref().try_into().ok()?;
            Some((rdata.into(), *tcp))
        }
        Exchanged::Failed { .. } => None,
    }
}

fn failure(exchanged: &Exchanged) -> Option<Failure> {
    match exchanged {
        Exchanged::Reply { .. } => None,
        Exchanged::Failed { failure, .. } => Some(*failure),
    }
}

fn egress(plan: &plan::Egress) -> Arc<Egress> {
    Arc::new(Egress::new(plan, &[], Arc::default()))
}
