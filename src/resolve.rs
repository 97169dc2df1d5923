//! Runs one recursion against egress and joins equal questions: the only file that sees both.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use rand::RngExt as _;
use tokio::sync::watch;

use crate::cache::Cache;
use crate::config::plan;
use crate::egress::{self, Egress, Exchanged, Forwarder};
use crate::guard::permit::{Budget, RecursionPermit, Spent};
use crate::policy::{Decision, Policy};
use crate::recursion::{Ask, AskFailure, Heard, Over, Recursion, Route, Routes, Step, Trace, Via};
use crate::sys::{clock, entropy};
use crate::telemetry::reason::Reason;
use crate::wire::{Ede, Name, Question, RecordType, Response};

/// Finds out what the cache does not know. Shared by all workers; lives as long as the plan it was made from.
pub struct Resolver {
    cache: Arc<Cache>,
    policy: Arc<Policy>,
    egress: Arc<Egress>,
    forwarders: Vec<Forwarder>,
    plan: Arc<plan::Recursion>,
    port: u16,
    in_flight: DashMap<Question, Flight>,
    running: AtomicUsize,
    counters: Counters,
}

/// What the resolver counts beyond what egress does.
#[derive(Debug, Default)]
pub struct Counters {
    /// Recursions started.
    pub started: AtomicU64,
    /// Clients that joined a recursion already in flight.
    pub joined: AtomicU64,
    /// Clients turned away because too many had joined, or too many recursions ran.
    pub turned_away: AtomicU64,
}

/// A recursion in flight and how many clients wait for it.
struct Flight {
    outcome: watch::Receiver<Option<Arc<Response>>>,
    joined: usize,
}

/// One resolution, told step by step.
#[derive(Debug)]
pub struct Traced {
    /// The answer.
    pub response: Response,
    /// What was done to find it.
    pub trace: Trace,
    /// What it cost.
    pub spent: Spent,
}

impl Resolver {
    /// A resolver with nothing in flight. `port` is where authoritative servers listen.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        policy: Arc<Policy>,
        egress: Arc<Egress>,
        forwarders: Vec<Forwarder>,
        plan: Arc<plan::Recursion>,
        port: u16,
    ) -> Self {
        Self {
            cache,
            policy,
            egress,
            forwarders,
            plan,
            port,
            in_flight: DashMap::new(),
            running: AtomicUsize::new(0),
            counters: Counters::default(),
        }
    }

    /// Answers `question`, by joining an equal one in flight or by a recursion of its own, which then consumes `permit`.
    ///
    /// The recursion runs on as a task even when the caller stops waiting, so that a client that leaves takes nothing from
    /// those who joined, and what was paid for reaches the cache.
    ///
    /// # Errors
    /// [`Reason::PendingTotal`] when too many clients wait for this question or too many recursions run.
    pub async fn start(self: &Arc<Self>, permit: RecursionPermit, question: Question) -> Result<Arc<Response>, Reason> {
        let mut outcome = self.join_or_launch(permit, question)?;
        let found = outcome.wait_for(Option::is_some).await.ok().and_then(|response| response.clone());
        Ok(found.unwrap_or_else(|| Arc::new(Response::failure(Ede::new(Ede::OTHER, "the look-up was abandoned")))))
    }

    /// Answers `question` by a recursion of its own and tells every step; for `suimon ask`.
    pub async fn explain(&self, permit: RecursionPermit, question: Question) -> Traced {
        let mut recursion = Recursion::new(question, Arc::clone(&self.plan), entropy::csprng().random());
        recursion.keep_trace();
        let mut budget = permit.into_budget(&self.plan.limits, clock::now());
        let response = self.drive(&mut recursion, &mut budget).await;
        Traced { response, trace: recursion.into_trace(), spent: budget.spent() }
    }

    /// Asks the root for its own NS set and keeps it (RFC 9609).
    pub async fn prime(&self, permit: RecursionPermit) -> Response {
        let mut recursion = Recursion::priming(Arc::clone(&self.plan), entropy::csprng().random());
        let mut budget = permit.into_budget(&self.plan.limits, clock::now());
        self.drive(&mut recursion, &mut budget).await
    }

    /// Questions in flight now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn join_or_launch(
        self: &Arc<Self>,
        permit: RecursionPermit,
        question: Question,
    ) -> Result<watch::Receiver<Option<Arc<Response>>>, Reason> {
        match self.in_flight.entry(question) {
            Entry::Occupied(mut entry) => {
                let flight = entry.get_mut();
                if flight.joined >= self.plan.joined_clients {
                    self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                    return Err(Reason::PendingTotal);
                }
                flight.joined += 1;
                self.counters.joined.fetch_add(1, Ordering::Relaxed);
                Ok(flight.outcome.clone())
            }
            Entry::Vacant(entry) => {
                if self.running.load(Ordering::Relaxed) >= self.plan.in_flight {
                    self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                    return Err(Reason::PendingTotal);
                }
                let question = entry.key().clone();
                let (tell, outcome) = watch::channel(None);
                entry.insert(Flight { outcome: outcome.clone(), joined: 1 });
                self.running.fetch_add(1, Ordering::Relaxed);
                self.counters.started.fetch_add(1, Ordering::Relaxed);
                let landing = Landing { resolver: Arc::clone(self), question: question.clone() };
                tokio::spawn(async move {
                    let resolver = &landing.resolver;
                    let mut recursion = Recursion::new(question, Arc::clone(&resolver.plan), entropy::csprng().random());
                    let mut budget = permit.into_budget(&resolver.plan.limits, clock::now());
                    let response = resolver.drive(&mut recursion, &mut budget).await;
                    // Whoever asks from here on finds the answer in the cache, so leave the table before telling.
                    let response = Arc::new(response);
                    drop(landing);
                    tell.send_replace(Some(response));
                });
                Ok(outcome)
            }
        }
    }

    async fn drive(&self, recursion: &mut Recursion, budget: &mut Budget) -> Response {
        loop {
            match recursion.step(&self.cache, self, budget, clock::now()) {
                Step::Done(response) => return response,
                Step::Ask(ask) => {
                    let heard = self.ask(&ask, budget).await;
                    recursion.heard(heard, &self.cache, budget, clock::now());
                }
            }
        }
    }

    async fn ask(&self, ask: &Ask, budget: &mut Budget) -> Heard {
        let exchanged = match &ask.via {
            Via::Forward(index) => match self.forwarders.get(*index) {
                Some(forwarder) => forwarder.ask(&ask.question, self.plan.dnssec_ok, budget).await,
                None => return Heard::Failed { server: None, failure: AskFailure::NoUsableServer },
            },
            Via::Authoritative => {
                let servers: Vec<SocketAddr> =
                    ask.servers.iter().map(|address| SocketAddr::new(*address, self.port)).collect();
                self.ask_servers(ask, &servers, budget).await
            }
            Via::Stub(servers) => self.ask_servers(ask, servers, budget).await,
        };
        heard(exchanged)
    }

    async fn ask_servers(&self, ask: &Ask, candidates: &[SocketAddr], budget: &mut Budget) -> Exchanged {
        let query = egress::Query {
            question: &ask.question,
            candidates,
            zone: &ask.zone,
            transport: match ask.over {
                Over::Udp => egress::Transport::Udp,
                Over::Tcp => egress::Transport::Tcp,
            },
            recursion_desired: false,
            checking_disabled: false,
            dnssec_ok: self.plan.dnssec_ok,
        };
        self.egress.exchange(&query, budget).await
    }
}

impl Routes for Resolver {
    fn route(&self, name: &Name, rtype: RecordType) -> Route {
        match self.policy.route(name, rtype) {
            Decision::Resolve => Route::Iterate,
            Decision::Answer(response) => Route::Answer(response),
            Decision::Forward { zone, index } => Route::Forward { zone, index },
            Decision::Stub { zone, servers } => Route::Stub { zone, servers },
        }
    }
}

/// Takes a finished (or abandoned) recursion out of the table.
struct Landing {
    resolver: Arc<Resolver>,
    question: Question,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.resolver.in_flight.remove(&self.question);
        self.resolver.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn heard(exchanged: Exchanged) -> Heard {
    match exchanged {
        Exchanged::Reply { server, tcp, message, bytes, .. } => {
            Heard::Reply { server: server.ip(), over: if tcp { Over::Tcp } else { Over::Udp }, message, bytes }
        }
        Exchanged::Failed { server, failure } => Heard::Failed {
            server: server.map(|server| server.ip()),
            failure: match failure {
                egress::Failure::Timeout => AskFailure::Timeout,
                egress::Failure::Network => AskFailure::Network,
                egress::Failure::BadReply => AskFailure::BadReply,
                egress::Failure::NoUsableServer => AskFailure::NoUsableServer,
                egress::Failure::Exhausted(limit) => AskFailure::Budget(limit),
            },
        },
    }
}
