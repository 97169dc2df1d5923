//! Runs one recursion against egress and joins equal questions: the only file that sees both.

mod ask;
mod flight;
mod root_copy;
mod server;
mod shared;
#[cfg(test)]
mod tests;
mod validations;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use rand::RngExt as _;
use tokio::sync::watch;

use crate::cache::{Cache, Demand};
use crate::config::plan;
use crate::dnssec::{Anchor, Validator, Verdict, Verification};
use crate::egress::{Egress, Forwarder, LateReplies, Return};
use crate::guard::permit::{Budget, Cause, Exhausted, RecursionPermit, Spent};
use crate::policy::{Decision, Policy};
use crate::recursion::synthesis::synthesise;
use crate::recursion::{
    Crowd, Fault, LocalRoot, Recursion, Route, Routes, ServerFault, Step, Trace,
};
use crate::sys::clock::Now;
use crate::sys::{clock, entropy};
use crate::telemetry::reason::Reason;
use crate::wire::{Name, Question, Rcode, RecordType, Response, Rrset};

/// Octets of trust that one check of a trust anchor may remember: it needs that of one zone.
const KEYS_OF_ONE_CHECK: u64 = 64 * 1024;

/// Of `recursion.in_flight`, one in so many stays free for what begins while something older is being ended for it.
const SPARE: usize = 16;

use flight::{Deserted, Flight, Key, Landing, Run, Work};
pub use flight::{Outcome, Wait};
pub use root_copy::RootCopy;
use shared::SharedAsks;
pub use validations::Validations;

/// Finds out what the cache does not know. Shared by all workers; lives as long as the plan it was made from.
pub struct Resolver {
    cache: Arc<Cache>,
    policy: Arc<Policy>,
    egress: Arc<Egress>,
    forwarders: Vec<Forwarder>,
    plan: Arc<plan::Recursion>,
    validator: Option<Arc<Validator>>,
    root_copy: Arc<RootCopy>,
    in_flight: DashMap<Key, Flight>,
    deserted: Deserted,
    asks: SharedAsks,
    counters: Arc<Counters>,
}

/// What the resolver counts beyond what egress does; goes on over reloads.
#[derive(Debug, Default)]
pub struct Counters {
    /// Recursions started.
    pub started: AtomicU64,
    /// Clients that joined a recursion already in flight.
    pub joined: AtomicU64,
    /// Clients turned away because too many had joined, or too many recursions ran.
    pub turned_away: AtomicU64,
    /// Recursions ended before their time, because their clients made room for others and nobody else waited.
    pub shed: AtomicU64,
    /// Questions of recursions that were not asked because too many waited for the same answer already.
    pub crowded: AtomicU64,
    /// Questions of recursions that another recursion's exchange with a server answered.
    pub shared: AtomicU64,
    /// What came of validating.
    pub validations: Validations,
    /// Recursions running now, those begun under an earlier configuration among them.
    running: AtomicUsize,
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
    /// A resolver with nothing in flight.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        policy: Arc<Policy>,
        egress: Arc<Egress>,
        forwarders: Vec<Forwarder>,
        plan: Arc<plan::Recursion>,
    ) -> Self {
        Self {
            cache,
            policy,
            egress,
            forwarders,
            asks: SharedAsks::new(plan.joined_look_ups),
            plan,
            validator: None,
            root_copy: Arc::default(),
            in_flight: DashMap::new(),
            deserted: Deserted::default(),
            counters: Arc::default(),
        }
    }

    /// The same with somebody who says what is to be believed.
    #[must_use]
    pub fn validated_by(mut self, validator: Arc<Validator>) -> Self {
        self.validator = Some(validator);
        self
    }

    /// The same with the counters of the resolver `before` a reload: they never go down, and what still runs there counts. The
    /// copy of the root zone is its as well.
    #[must_use]
    pub fn continuing(mut self, before: &Self) -> Self {
        self.counters = Arc::clone(&before.counters);
        self.root_copy = Arc::clone(&before.root_copy);
        self
    }

    /// Answers `question`, by joining an equal one in flight or by a recursion of its own, which then consumes `permit`. What
    /// is found is validated unless `demand` takes anything.
    ///
    /// The recursion runs on as a task even when the caller stops waiting, so that a client that leaves takes nothing from
    /// those who joined, and what was paid for reaches the cache; unless he [abandons](Wait::abandon) it.
    ///
    /// # Errors
    /// [`Reason::JoinedClients`] when too many clients wait for this question, [`Reason::PendingTotal`] when too many recursions run,
    /// [`Reason::ClientSlots`] when what a client was to join has ended and its share leaves it none of its own.
    pub fn begin(
        self: &Arc<Self>,
        permit: RecursionPermit,
        question: Question,
        demand: Demand,
    ) -> Result<Wait, Reason> {
        let turned_away = |reason| {
            self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
            Err(reason)
        };
        let demand = self.demanded(demand);
        let (key, outcome, run) = match self.in_flight.entry((question, demand)) {
            Entry::Occupied(mut entry) => {
                let key = entry.key().clone();
                let flight = entry.get_mut();
                if flight.waiting >= self.plan.joined_clients {
                    return turned_away(Reason::JoinedClients);
                }
                flight.waiting += 1;
                if let Some(serial) = flight.deserted.take() {
                    self.deserted.leave(serial);
                }
                self.counters.joined.fetch_add(1, Ordering::Relaxed);
                (key, flight.outcome.clone(), Arc::clone(&flight.run))
            }
            Entry::Vacant(_) if self.in_flight() >= self.plan.in_flight => {
                return turned_away(Reason::PendingTotal);
            }
            Entry::Vacant(entry) => {
                let permit = match permit.leading() {
                    Ok(permit) => permit,
                    Err(reason) => return turned_away(reason),
                };
                let key = entry.key().clone();
                let run = Run::begin(&self.counters);
                let landing = Landing {
                    resolver: Arc::clone(self),
                    key: key.clone(),
                    run: Arc::clone(&run),
                };
                let (tell, outcome) = watch::channel(None);
                drop(entry.insert(Flight::new(outcome.clone(), Arc::clone(&run))));
                // Not while the table is locked: a runtime that ends drops the task at once, which takes itself out of the table.
                let task = tokio::spawn(landing.run(permit, tell)).abort_handle();
                if let Some(mut flight) = self.in_flight.get_mut(&key)
                    && Arc::ptr_eq(&flight.run, &run)
                {
                    flight.task = Some(task);
                }
                (key, outcome, run)
            }
        };
        Ok(Wait::new(Arc::clone(self), key, outcome, run))
    }

    /// [`Self::begin`], and waiting for what comes of it.
    ///
    /// # Errors
    /// Why it could not be found out for a reason of our own.
    pub async fn start(
        self: &Arc<Self>,
        permit: RecursionPermit,
        question: Question,
        demand: Demand,
    ) -> Outcome {
        self.begin(permit, question, demand)?.outcome().await
    }

    /// The answer to `question` that follows from validated proofs alone (RFC 8198). Only for names that would be found out by
    /// iteration: who sends a name to other servers, or answers it himself, must not ask here.
    #[must_use]
    pub fn proven(&self, question: &Question, now: Now) -> Option<Response> {
        synthesise(&self.cache, question, self.validator()?.plan(), now)
    }

    /// Answers `question` by a recursion of its own and tells every step; for `suimon ask`.
    pub async fn explain(&self, permit: RecursionPermit, question: Question) -> Traced {
        let mut recursion = self.recursion(question, Demand::Checked).with_trace();
        let mut budget = permit.into_budget(&self.plan.limits, clock::now());
        let response = self.drive(&mut recursion, &mut budget).await;
        Traced {
            response,
            trace: recursion.trace().cloned().unwrap_or_default(),
            spent: budget.spent(),
        }
    }

    /// Asks the root for its own NS set and keeps it (RFC 9609).
    pub async fn prime(&self, permit: RecursionPermit) -> Response {
        let question = Question::new(Name::root(), RecordType::NS);
        let mut recursion = self.recursion(question, Demand::Any);
        let mut budget = permit.into_budget(&self.plan.limits, clock::now());
        self.drive(&mut recursion, &mut budget).await
    }

    /// Asks the zone of `anchor` for its keys: the DNSKEY set as received, with all its signatures (RFC 5011 section 2.3).
    ///
    /// Server after server is asked until one sends a set that `anchor` believes. If none does, whatever comes is handed on:
    /// a key that revokes itself need not be believed otherwise. Nobody else's trust is used or changed. Nothing if there is no
    /// such set.
    pub async fn dnskey_set(&self, permit: RecursionPermit, anchor: Anchor) -> Option<Rrset> {
        let question = Question::new(anchor.zone().clone(), RecordType::DNSKEY);
        let plan = self.validator.as_ref().map(|at| at.plan().clone());
        let alone = Validator::new(
            &plan::Dnssec {
                anchors: Vec::new(),
                negative_anchors: Vec::new(),
                ..plan.unwrap_or_default()
            },
            KEYS_OF_ONE_CHECK,
        );
        alone.replace_anchors(vec![anchor]);
        let alone = Arc::new(alone);
        let mut budget = permit.into_budget(&self.plan.limits, clock::now());
        for checking in [true, false] {
            let seed = entropy::csprng().random();
            let mut recursion = Recursion::new(question.clone(), Arc::clone(&self.plan), seed)
                .validated_by(Arc::clone(&alone), checking);
            let response = self.drive(&mut recursion, &mut budget).await;
            let set = response.answer.into_iter().find(|held| {
                held.rrset.rtype == RecordType::DNSKEY && held.rrset.owner == question.name
            });
            if let Some(set) = set {
                return Some(Rrset::clone(&set.rrset));
            }
        }
        None
    }

    /// Whether this question is being found out already, so that [`Self::start`] would join it.
    #[must_use]
    pub fn is_under_way(&self, question: &Question, demand: Demand) -> bool {
        let demand = self.demanded(demand);
        self.in_flight.contains_key(&(question.clone(), demand))
    }

    /// Whether a client's query is or may be one of our own that comes back (see [`Egress::comes_back`]).
    #[must_use]
    pub fn comes_back(
        &self,
        question: &Question,
        from: IpAddr,
        client_cookie: Option<[u8; 8]>,
        now: Now,
    ) -> Option<Return> {
        self.egress.comes_back(question, from, client_cookie, now)
    }

    /// Recursions running now, those begun under an earlier configuration among them.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.counters.running.load(Ordering::Relaxed)
    }

    /// Whether something older should make room for whatever begins now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let spare = self.plan.in_flight / SPARE;
        self.in_flight() >= self.plan.in_flight - spare
    }

    /// The copy of the root zone, if there is one: whoever fetches it puts it there.
    #[must_use]
    pub const fn root_copy(&self) -> &Arc<RootCopy> {
        &self.root_copy
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where nothing is validated, all demands are one.
    #[must_use]
    pub fn demanded(&self, demand: Demand) -> Demand {
        self.validator().map_or(Demand::Checked, |_| demand)
    }

    fn recursion(&self, question: Question, demand: Demand) -> Recursion {
        let seed = entropy::csprng().random();
        let recursion = Recursion::new(question, Arc::clone(&self.plan), seed)
            .with_local_root(self.local_root());
        match &self.validator {
            Some(validator) => {
                recursion.validated_by(Arc::clone(validator), demand == Demand::Checked)
            }
            None => recursion,
        }
    }

    /// The copy of the root zone, while it holds and somebody validates what is taken from it.
    fn local_root(&self) -> Option<LocalRoot> {
        self.validator()?;
        self.root_copy.usable(clock::now())
    }

    async fn drive(&self, recursion: &mut Recursion, budget: &mut Budget) -> Response {
        let late = LateReplies::default();
        // Until a reply has been looked at, who asks the same hears it from us.
        let mut told = None;
        loop {
            match recursion.step(&self.cache, self, budget, clock::now()) {
                Step::Done(response) => {
                    // Packets, octets and time are noted where egress is refused; these limits are recursion's own.
                    if let Some(
                        limit @ (Exhausted::Links
                        | Exhausted::Depth
                        | Exhausted::FailingNsNames
                        | Exhausted::Signatures
                        | Exhausted::Nsec3Hashes),
                    ) = budget.refused()
                    {
                        self.egress.counters().note_exhausted(limit);
                    }
                    self.root_copy.note_replies(recursion.from_local_root());
                    // A check of trust anchors is no answer, and told elsewhere.
                    if recursion.is_checking() && budget.cause() != Cause::TrustAnchor {
                        let proven = recursion.synthesised();
                        let validations = &self.counters.validations;
                        validations.note(&response, &budget.spent(), proven);
                    }
                    return response;
                }
                Step::Verify(work) => {
                    let verdict = verify(work).await;
                    recursion.verified(verdict, &self.cache, budget, clock::now());
                }
                Step::Ask(ask) => {
                    drop(told.take());
                    server::leave(recursion, budget, clock::now());
                    let candidates = self.candidates(&ask);
                    // What was found wrong in weighing the last reply decides how the same server is asked now.
                    self.note(&recursion.take_faults(), &candidates);
                    let heard;
                    (heard, told) = self.ask(&ask, &candidates, &late, budget).await;
                    recursion.heard(heard, &self.cache, budget, clock::now());
                    self.note(&recursion.take_faults(), &candidates);
                }
            }
        }
    }

    /// Who says what is to be believed, if anything is validated.
    fn validator(&self) -> Option<&Arc<Validator>> {
        self.validator.as_ref().filter(|at| at.is_on())
    }

    /// Servers that do not serve a zone are remembered by egress, so that others are asked first.
    fn note(&self, faults: &[ServerFault], candidates: &[SocketAddr]) {
        for fault in faults {
            let lame = matches!(fault.fault, Fault::Lame | Fault::Upward | Fault::Rcode(_));
            let server = candidates
                .iter()
                .find(|server| Some(server.ip()) == fault.server);
            if let (Fault::Bogus(why), Some(server)) = (fault.fault, server)
                && why.is_absence()
            {
                self.egress.note_incomplete(*server);
            }
            if let (true, Some(server)) = (lame, server) {
                self.egress.note_lame(*server, &fault.zone, clock::now());
            }
        }
    }
}

impl Routes for Resolver {
    fn route(&self, name: &Name, rtype: RecordType) -> Route {
        match self.policy.route(name, rtype) {
            Decision::Resolve => Route::Iterate,
            Decision::Answer(response) => Route::Answer(response),
            Decision::Chase { chain, target } => Route::Link { chain, target },
            Decision::Forward(index) => {
                self.policy
                    .forward(index)
                    .map_or(Route::Iterate, |forward| Route::Forward {
                        zone: forward.zone.clone(),
                        index,
                    })
            }
            Decision::Stub(index) => {
                self.policy
                    .stub(index)
                    .map_or(Route::Iterate, |stub| Route::Stub {
                        zone: stub.zone.clone(),
                        servers: stub.servers.clone(),
                    })
            }
        }
    }
}

impl Landing {
    /// Runs the recursion, and tells what came of it.
    async fn run(self, permit: RecursionPermit, tell: watch::Sender<Option<Outcome>>) {
        let resolver = &self.resolver;
        let (question, demand) = &self.key;
        let mut work = Work {
            resolver,
            recursion: resolver.recursion(question.clone(), *demand),
            budget: permit.into_budget(&resolver.plan.limits, clock::now()),
        };
        let Work {
            recursion, budget, ..
        } = &mut work;
        let response = resolver.drive(recursion, budget).await;
        let blame = recursion.blame(budget.server());
        budget.tell(question, &response, blame, clock::now());
        let outcome = match recursion.crowded() {
            Some(crowd) if response.rcode == Rcode::SERVFAIL => Err(reason(crowd)),
            _ => Ok(Arc::new(response)),
        };
        // Whoever asks from here on finds the answer in the cache, so leave the table before telling.
        drop(work);
        drop(self);
        tell.send_replace(Some(outcome));
    }
}

/// What a client hears of what is under way too much, or no longer asked.
const fn reason(crowd: Crowd) -> Reason {
    match crowd {
        Crowd::Servers => Reason::ServerSlots,
        Crowd::Question => Reason::JoinedClients,
        Crowd::Attack(reason) => reason,
    }
}

/// Checks signatures on a thread that nobody's packets wait for; little of it at once, where recursions run: handing it over would cost more.
/// Whoever stops waiting ends the work before its next set.
async fn verify(work: Arc<Verification>) -> Verdict {
    if work.is_light() {
        return work.run();
    }
    struct Abandon(Arc<Verification>);
    impl Drop for Abandon {
        fn drop(&mut self) {
            self.0.abandon();
        }
    }
    let watched = Abandon(Arc::clone(&work));
    let done = tokio::task::spawn_blocking(move || work.run()).await;
    let verdict = done.unwrap_or_else(|_| Verdict::abandoned());
    drop(watched);
    verdict
}
