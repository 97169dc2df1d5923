//! The pipeline on one screen: guard, ready-made answers, policy, cache, and what becomes of a miss.

use std::sync::Arc;
use std::time::Duration;

use crate::answer;
use crate::cache::Cache;
use crate::cache::answers::AnswerTable;
use crate::config::plan::{self, TransportKind};
use crate::guard::{Admission, Arrival, Guard, PendingClients, PendingTicket, RecursionPermit, Verdict};
use crate::policy::{Decision, Policy};
use crate::resolve::Resolver;
use crate::sys::clock::{self, Now};
use crate::telemetry::{AnswerSource, Reason, Received, Telemetry, Worker};
use crate::wire::header::Header;
use crate::wire::query::QueryView;
use crate::wire::{Class, Ede, Held, Question, Rcode, RecordType, Response};

/// Everything one configuration answers with. Replaced as a whole on reload.
pub struct Pipeline {
    guard: Guard,
    policy: Arc<Policy>,
    cache: Arc<Cache>,
    resolver: Arc<Resolver>,
    pending: PendingClients,
    plan: plan::Answer,
    telemetry: Arc<Telemetry>,
    epoch: u64,
}

/// What one UDP worker keeps to itself: its table of ready-made answers and its counters.
pub struct WorkerState {
    table: AnswerTable,
    counters: Arc<Worker>,
}

/// What becomes of a query after the part that never waits.
pub enum Next {
    /// Nothing is sent.
    Silence,
    /// The reply buffer holds the answer.
    Reply,
    /// The answer must be found out: hand this to [`Pipeline::find_out`].
    Miss(Miss),
}

/// A query that must wait. Holds the one permit that pays for it and the client's place among those who wait.
pub struct Miss {
    permit: RecursionPermit,
    ticket: PendingTicket,
    question: Question,
    /// The operator's own CNAMEs that stand before what is found out.
    chain: Vec<Held>,
    packet: Box<[u8]>,
    transport: TransportKind,
    may_send_errors: bool,
    arrived: Now,
}

/// A response and where it came from.
struct Known {
    response: Response,
    source: AnswerSource,
}

impl Pipeline {
    /// Wires the rooms together. `epoch` differs between configurations, so that answers made under another are not used.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "one argument a room; a builder would only repeat the field names")]
    pub fn new(
        guard: Guard,
        policy: Arc<Policy>,
        cache: Arc<Cache>,
        resolver: Arc<Resolver>,
        pending: PendingClients,
        plan: plan::Answer,
        telemetry: Arc<Telemetry>,
        epoch: u64,
    ) -> Self {
        Self { guard, policy, cache, resolver, pending, plan, telemetry, epoch }
    }

    /// Takes one query as far as it goes without waiting. On [`Next::Reply`] `reply` holds the whole message.
    pub fn arrive(&self, worker: &mut WorkerState, arrival: &Arrival<'_>, now: Now, reply: &mut Vec<u8>) -> Next {
        let WorkerState { table, counters } = worker;
        counters.received(received(arrival), arrival.bytes.len());
        let verdict = self.guard.judge(arrival, now);
        verdict.count(counters);
        match verdict {
            Verdict::Drop(_) => Next::Silence,
            Verdict::Refuse(_, rcode) => self.refuse(counters, arrival, rcode, reply),
            Verdict::Admit(admission) => self.serve(Some(table), counters, arrival, admission, now, reply),
        }
    }

    /// The same for a query that came by a stream, where no worker's table is at hand.
    pub fn arrive_by_stream(&self, arrival: &Arrival<'_>, now: Now, reply: &mut Vec<u8>) -> Next {
        let counters = self.telemetry.shared();
        counters.received(received(arrival), arrival.bytes.len());
        let verdict = self.guard.judge(arrival, now);
        verdict.count(counters);
        match verdict {
            Verdict::Drop(_) => Next::Silence,
            Verdict::Refuse(_, rcode) => self.refuse(counters, arrival, rcode, reply),
            Verdict::Admit(admission) => self.serve(None, counters, arrival, admission, now, reply),
        }
    }
}
