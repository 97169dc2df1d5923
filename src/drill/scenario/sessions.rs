//! How does one client's question proceed without sockets? A recursion, its budget, and the one question it has under way.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use super::head::Flavour;
use super::packet;
use crate::cache::{Cache, Demand};
use crate::config::plan::{
    Minimisation, Plan, Shares as SharesPlan, ZoneGuard as ZoneGuardPlan, ZoneGuardMode,
};
use crate::dnssec::Validator;
use crate::egress::Egress;
use crate::egress::matching::{Expected, Seen, examine};
use crate::guard::permit::Budget;
use crate::guard::zones::ZoneGuard;
use crate::guard::{FairShares, Guard, OwnAddresses, PendingClients};
use crate::policy::Policy;
use crate::query::{Pipeline, Waiting};
use crate::recursion::{Ask, AskFailure, Fault, Heard, Over, Recursion, Step, Via};
use crate::resolve::Resolver;
use crate::sys::clock::Now;
use crate::telemetry::Telemetry;
use crate::wire::writer::{Opt, write_query};
use crate::wire::{Flags, Message, Name, Question, Rcode, Response};

/// How long a first datagram waits, and later ones to a server that was silent before (`egress.initial_timeout`, `max_timeout`).
const FIRST_WAIT: Duration = Duration::from_millis(400);
const LATER_WAIT: Duration = Duration::from_millis(1500);
/// Octets of keys remembered: more than any scenario has.
const VALIDATOR_BYTES: u64 = 8 << 20;
/// Rounds around the servers of a forward zone.
const FORWARD_ROUNDS: u32 = 2;

/// What all sessions share.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) pipeline: Pipeline,
    pub(super) validator: Arc<Validator>,
    pub(super) flavour: Flavour,
    pub(super) now: Now,
    /// Servers that were silent, and how often.
    silent: HashMap<IpAddr, u32>,
    /// Servers that do not serve a zone.
    lame: HashSet<(IpAddr, Name)>,
    /// Servers that do not do EDNS.
    plain: HashSet<IpAddr>,
    /// Questions asked so far.
    asked: u64,
}

/// One question being found out.
pub(super) struct Session {
    recursion: Recursion,
    budget: Budget,
    /// The client; nobody if it has its answer already, or was never waiting (a name that is looked up anew).
    waiting: Option<Waiting>,
    demand: Demand,
    pub(super) client: SocketAddr,
    pub(super) tcp: bool,
    /// The step of its query.
    pub(super) step: usize,
    pub(super) pending: Option<Pending>,
}

/// A question to a server that has no reply yet.
pub(super) struct Pending {
    pub(super) server: SocketAddr,
    pub(super) packet: Vec<u8>,
    pub(super) tcp: bool,
    /// Counts up over all questions.
    pub(super) order: u64,
    ask: Ask,
    edns: bool,
    /// Servers of a forward zone yet to be asked.
    others: Vec<SocketAddr>,
    /// What the last one of them said, should none say better.
    fallback: Option<Message>,
}

impl World {
    pub(super) fn new(plan: Plan, flavour: Flavour, now: Now) -> Self {
        let validator = Arc::new(Validator::new(&plan.dnssec, VALIDATOR_BYTES));
        Self {
            pipeline: pipeline(&plan, &validator),
            validator,
            plan,
            flavour,
            now,
            silent: HashMap::new(),
            lame: HashSet::new(),
            plain: HashSet::new(),
            asked: 0,
        }
    }

    /// Whether egress would ask this server.
    fn may_ask(&self, server: IpAddr) -> bool {
        let egress = &self.plan.egress;
        let family = if server.is_ipv4() {
            egress.ipv4
        } else {
            egress.ipv6
        };
        family
            && !egress
                .never_ask
                .iter()
                .any(|prefix| prefix.contains(&server))
    }

    /// The server that egress would most likely ask: not lame, not silent, the first of the rest.
    fn choose(&self, servers: &[SocketAddr], zone: &Name) -> Option<SocketAddr> {
        servers
            .iter()
            .filter(|server| self.may_ask(server.ip()))
            .min_by_key(|server| {
                let lame = self.lame.contains(&(server.ip(), zone.clone()));
                let silent = self.silent.get(&server.ip()).copied().unwrap_or(0);
                (lame, silent)
            })
            .copied()
    }

    fn wait(&mut self, by: Duration) {
        self.now = self.now.plus(by);
    }
}

impl Session {
    pub(super) fn new(
        recursion: Recursion,
        budget: Budget,
        demand: Demand,
        waiting: Option<Waiting>,
        client: SocketAddr,
        tcp: bool,
        step: usize,
    ) -> Self {
        Self {
            recursion,
            budget,
            waiting,
            demand,
            client,
            tcp,
            step,
            pending: None,
        }
    }

    /// Goes on until a server must be asked or the answer is there.
    pub(super) fn proceed(&mut self, world: &mut World) -> Option<Response> {
        while self.pending.is_none() {
            let (cache, routes) = (&world.pipeline.cache, &*world.pipeline.resolver);
            match self
                .recursion
                .step(cache, routes, &mut self.budget, world.now)
            {
                Step::Done(response) => return Some(response),
                Step::Verify(work) => {
                    let cache = &world.pipeline.cache;
                    let verdict = work.run();
                    self.recursion
                        .verified(verdict, cache, &mut self.budget, world.now);
                }
                Step::Ask(ask) => self.ask(ask, world),
            }
        }
        None
    }

    /// Whether somebody waits for it.
    pub(super) const fn has_client(&self) -> bool {
        self.waiting.is_some()
    }

    /// The reply to the client, if there is one, once [`Self::proceed`] has brought the answer; inside, nothing if none is sent.
    pub(super) fn finish(self, response: Response, world: &World) -> Option<Option<Vec<u8>>> {
        let waiting = self.waiting?;
        let resolved = Ok(Arc::new(response));
        let told = world
            .pipeline
            .tell_or_stale(waiting, resolved, self.demand, world.now);
        Some(told)
    }

    /// What was good before, for a client who has waited long enough (RFC 8767); the question itself goes on.
    pub(super) fn stale(&mut self, world: &World) -> Option<Vec<u8>> {
        self.pending.as_ref()?;
        let waited = world.now.since(self.waiting.as_ref()?.since());
        if waited < world.plan.answer.stale_after {
            return None;
        }
        let (question, cache) = (self.recursion.question(), &world.pipeline.cache);
        let stale = cache.stale(question, self.demand, world.now)?;
        let waiting = self.waiting.take()?;
        world.pipeline.tell_stale(waiting, &stale, world.now)
    }

    fn ask(&mut self, ask: Ask, world: &mut World) {
        let port = world.plan.egress.port;
        let (server, others) = match &ask.via {
            Via::Authoritative => {
                let servers: Vec<SocketAddr> = ask
                    .servers
                    .iter()
                    .map(|server| SocketAddr::new(*server, port))
                    .collect();
                (world.choose(&servers, &ask.zone), Vec::new())
            }
            Via::Stub(servers) => (world.choose(servers, &ask.zone), Vec::new()),
            Via::Forward(index) => {
                let zone = world.plan.policy.forward.get(*index);
                let mut round: Vec<SocketAddr> = zone.map_or_else(Vec::new, |zone| {
                    let may = |server: &SocketAddr| world.may_ask(server.ip());
                    zone.servers.iter().copied().filter(may).collect()
                });
                for _ in 1..FORWARD_ROUNDS {
                    round.extend_from_within(..);
                }
                if round.is_empty() {
                    (None, round)
                } else {
                    (Some(round.remove(0)), round)
                }
            }
        };
        let Some(server) = server else {
            let failure = AskFailure::NoUsableServer;
            return self.hear(
                Heard::Failed {
                    server: None,
                    failure,
                },
                world,
            );
        };
        let mut pending = Pending {
            server,
            packet: Vec::new(),
            tcp: ask.over == Over::Tcp,
            order: 0,
            edns: !world.plain.contains(&server.ip()),
            ask,
            others,
            fallback: None,
        };
        if self.pay(&mut pending, world) {
            self.pending = Some(pending);
        }
    }

    /// Charges and writes the packet; without the means for it, the recursion hears so.
    fn pay(&mut self, pending: &mut Pending, world: &mut World) -> bool {
        if let Err(limit) = self.budget.charge_packet(world.now) {
            let failure = AskFailure::Budget(limit);
            self.hear(
                Heard::Failed {
                    server: None,
                    failure,
                },
                world,
            );
            return false;
        }
        world.asked += 1;
        pending.order = world.asked;
        let forward = matches!(pending.ask.via, Via::Forward(_));
        let opt = Opt {
            udp_size: world.plan.egress.edns_size,
            dnssec_ok: world.plan.recursion.dnssec_ok,
            ..Opt::default()
        };
        pending.packet.clear();
        write_query(
            &mut pending.packet,
            id(world.asked),
            // As the resolver does: who validates needs nobody who does it for him.
            Flags::default()
                .with_rd(forward)
                .with_cd(forward && world.validator.is_on()),
            &pending.ask.question,
            pending.edns.then_some(&opt),
        );
        true
    }

    /// The question under way gets the replies of `entry`.
    pub(super) fn reply(&mut self, entry: &Entry, world: &mut World) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let query = Message::parse(&pending.packet).ok();
        let packets = packet::replies(entry, world.flavour, query.as_ref(), &pending.packet);
        self.receive(pending, packets, world);
    }

    /// The question under way is answered SERVFAIL.
    pub(super) fn servfail(&mut self, world: &mut World) {
        if let Some(pending) = self.pending.take() {
            let packets = vec![(0, packet::servfail(&pending.packet))];
            self.receive(pending, packets, world);
        }
    }

    fn receive(&mut self, pending: Pending, packets: Vec<(u64, Vec<u8>)>, world: &mut World) {
        let mut worst = AskFailure::Timeout;
        for (pause, octets) in packets {
            if Duration::from_millis(pause) >= LATER_WAIT {
                break;
            }
            world.wait(Duration::from_millis(pause));
            self.budget.note_bytes(octets.len());
            let expected = Expected {
                id: id(pending.order),
                question: &pending.ask.question,
                exact_case: false,
            };
            match examine(&octets, &expected) {
                Seen::Reply(message) => return self.replied(*message, &octets, pending, world),
                Seen::Truncated if pending.tcp => worst = AskFailure::BadReply,
                Seen::Truncated => return self.again(pending, true, world),
                Seen::Discard(why) if why.smells_of_forgery() && !pending.tcp => {
                    return self.again(pending, true, world);
                }
                Seen::Discard(why) => {
                    if matches!(why, crate::egress::matching::Mismatch::Malformed) {
                        worst = AskFailure::BadReply;
                    }
                }
            }
        }
        self.failed(pending, worst, world);
    }

    /// The question under way meets a failure.
    pub(super) fn fail(&mut self, failure: AskFailure, world: &mut World) {
        if let Some(pending) = self.pending.take() {
            self.failed(pending, failure, world);
        }
    }

    /// The same question once more to the same server.
    fn again(&mut self, mut pending: Pending, tcp: bool, world: &mut World) {
        pending.tcp = tcp;
        if self.pay(&mut pending, world) {
            self.pending = Some(pending);
        }
    }

    fn replied(
        &mut self,
        message: Message,
        octets: &[u8],
        mut pending: Pending,
        world: &mut World,
    ) {
        let rcode = message.rcode();
        let dislikes = matches!(rcode, Rcode::FORMERR | Rcode::NOTIMP | Rcode::BADVERS);
        if pending.edns && dislikes {
            pending.edns = false;
            let tcp = pending.tcp;
            return self.again(pending, tcp, world);
        }
        if !pending.edns && !dislikes {
            world.plain.insert(pending.server.ip());
        }
        let error = dislikes || matches!(rcode, Rcode::SERVFAIL | Rcode::REFUSED);
        if matches!(pending.ask.via, Via::Forward(_)) && error && !pending.others.is_empty() {
            pending.fallback = Some(message);
            return self.next_forwarder(pending, world);
        }
        let over = if pending.tcp { Over::Tcp } else { Over::Udp };
        let heard = Heard::Reply {
            server: pending.server.ip(),
            over,
            message: message.into(),
            bytes: octets.len(),
        };
        self.hear(heard, world);
    }

    fn failed(&mut self, mut pending: Pending, failure: AskFailure, world: &mut World) {
        let server = pending.server.ip();
        if failure == AskFailure::Timeout {
            let silences = world.silent.entry(server).or_default();
            let wait = if *silences == 0 {
                FIRST_WAIT
            } else {
                LATER_WAIT
            };
            *silences += 1;
            world.wait(wait);
        }
        if matches!(pending.ask.via, Via::Forward(_)) {
            if !pending.others.is_empty() {
                return self.next_forwarder(pending, world);
            }
            if let Some(message) = pending.fallback.take() {
                let heard = Heard::Reply {
                    server,
                    over: Over::Udp,
                    message: message.into(),
                    bytes: 0,
                };
                return self.hear(heard, world);
            }
        }
        let heard = Heard::Failed {
            server: Some(server),
            failure,
        };
        self.hear(heard, world);
    }

    fn next_forwarder(&mut self, mut pending: Pending, world: &mut World) {
        pending.server = pending.others.remove(0);
        pending.edns = !world.plain.contains(&pending.server.ip());
        self.again(pending, false, world);
    }

    fn hear(&mut self, heard: Heard, world: &mut World) {
        let cache = Arc::clone(&world.pipeline.cache);
        self.recursion
            .heard(heard, &cache, &mut self.budget, world.now);
        for fault in self.recursion.take_faults() {
            if let (Fault::Bogus(why), Some(server)) = (&fault.fault, fault.server)
                && why.is_absence()
            {
                world.plain.remove(&server);
            }
            if let (Fault::Lame | Fault::Upward | Fault::Rcode(_), Some(server)) =
                (&fault.fault, fault.server)
            {
                world.lame.insert((server, fault.zone.clone()));
            }
        }
    }
}

impl Pending {
    /// What is asked.
    pub(super) const fn question(&self) -> &Question {
        &self.ask.question
    }
}

/// The rooms, as `daemon` wires them.
fn pipeline(plan: &Plan, validator: &Arc<Validator>) -> Pipeline {
    let cache = Arc::new(Cache::with_secret(&plan.cache, 1, 2));
    let minimises = plan.recursion.qname_minimisation != Minimisation::Off;
    let policy = Arc::new(Policy::new(&plan.policy).with_resolver_info(minimises));
    // Never asked to send: forwarders need none of it, and the sessions ask the script.
    let egress = Arc::new(Egress::new(&plan.egress, &[], Arc::default()));
    let resolver = Resolver::new(
        Arc::clone(&cache),
        Arc::clone(&policy),
        egress,
        Vec::new(),
        Arc::new(plan.recursion.clone()),
    )
    .validated_by(Arc::clone(validator));
    // A script says what is asked upstream, not how often a zone, a client or a server may be.
    let zones = ZoneGuard::new(
        &ZoneGuardPlan::default(),
        None,
        Arc::default(),
        Now::at_secs(0),
    );
    let unshared = SharesPlan {
        mode: ZoneGuardMode::Off,
        ..plan.shares
    };
    Pipeline {
        fair: FairShares::new(&unshared, zones.pool()),
        guard: Guard::with_secrets(
            &plan.guard,
            OwnAddresses::default(),
            &[0; 16],
            [0; 16],
            Now::at_secs(0),
        ),
        policy,
        cache,
        resolver: Arc::new(resolver),
        zones: Arc::new(zones),
        pending: PendingClients::new(&plan.guard),
        plan: plan.answer.clone(),
        telemetry: Arc::new(Telemetry::new()),
        epoch: 0,
    }
}

/// The message ID of a question: any will do that differs from the last.
fn id(order: u64) -> u16 {
    u16::try_from(order % 0xFFFF).unwrap_or(0) + 1
}
