//! Finding out: who must be asked what next, and what do the replies mean? A machine with no socket, no clock, no task.
//!
//! ```text
//!  step() ──► Ask { question, servers } ──► (resolve, egress) ──► heard(Reply | Failed) ──► step() ──► … ──► Done(Response)
//! ```
//!
//! A [`Recursion`] is a stack of frames. The lowest one belongs to the client's question; each one above it looks up the
//! address of a name server that the frame below cannot go on without. There is one outstanding [`Ask`] at a time. A frame
//! works on one name, the end of its CNAME chain so far, and starts anew with every link: what the operator says about the
//! name ([`Routes`]), then the cache, then the deepest delegation known, then questions.
//!
//! ## What bounds it
//! Every packet, octet, link, NS name and the time are paid from the one `Budget` of the client's query. Besides:
//! - a referral must lead strictly downwards and contain the name asked for, so one name costs at most one referral a label;
//! - each server address may fail twice per zone, a silent one the second time only if it is the one server that gets another
//!   chance; a zone with [`targets::SILENT_SENDS_MOST`] unanswered packets is given up, and after [`SILENCE`] of waiting in
//!   vain, all told, the recursion ends;
//! - look-ups of server addresses are started only when no address is left, 3, 2, then 1 per delegation by depth
//!   ([`targets::lookups_allowed`]), never for a name that is already being looked up further down the stack.
//!
//! ## What is believed
//! Only what the zone that was asked may speak for (`scrub.rs`), and of that only what the question needs: the chain from its
//! name, the data at its end, the SOA of a negative answer, a referral and the addresses of the servers it lists. Addresses
//! from referrals live inside the delegation and are never answers. Nothing else of a message is handed on or cached.
//!
//! ## What must be proven
//! With trust anchors, what a reply says is weighed before it is followed or cached (`weigh.rs`): by the keys of the zone that
//! signed it, found from the anchor down by DS and DNSKEY look-ups of their own (`belief.rs`), or by a proof that the zone need
//! not be signed. The checking itself is handed out as work ([`Step::Verify`]). What is bogus is its server's fault: others
//! are asked, up to four replies, and one over TCP. Then what was remembered is doubted (`anew.rs`): a delegation, keys, a DS set
//! are asked for anew, once in a while for a zone. Then the question fails with the reason. Addresses of servers are not validated, nor what
//! a client asks with CD; such data are kept apart ([`crate::wire::Security::Unchecked`]).
//!
//! ## What the root need not be asked
//! With a proven copy of the root zone (`local_root.rs`, RFC 8806), the reply of a root server is made instead of asked for and
//! then taken as if it had been heard.
//!
//! ## What is remembered of failures (RFC 9520)
//! A failure is stored for the client's question, and for a name server's address, when servers gave cause (silence,
//! errors, lameness, loops) or the question itself is too expensive (packets, octets, links, depth, failing NS names). It is not
//! stored when only our own side failed (no route, no usable address family, time ran out before any server let us down), nor
//! for refresh, priming and trust anchors, so that a start without a network is not held against later clients. Nor is it
//! stored, or the parent asked again, for a zone some of whose servers were not asked because too much is under way there
//! ([`Crowd`]), and for whatever failed for want of that zone; what else fails in the same recursion is stored as ever, so that
//! whoever fills the share of a server of his own makes us forget nothing of others.
//!
//! ## What the zone guard stops
//! Where the question's zone, or the server of it, came under attack after the recursion began, nothing more is asked there for a name that
//! nobody knows once somebody was asked in vain (`Recursion::asks_again`). What follows from an answer goes on: the rest of a
//! name asked for label by label, TCP after a truncated reply, keys. Nothing of it is remembered.

mod anew;
mod begin;
mod belief;
mod chain;
mod charged;
mod classify;
mod fault;
mod finish;
mod follow;
mod frame;
mod grounds;
mod hear;
mod introduce;
mod local_root;
mod minimise;
mod priming;
mod reading;
mod referral;
mod scrub;
mod seat;
mod step;
mod stop;
pub mod synthesis;
pub mod targets;
pub mod trace;
mod weigh;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use fault::{Crowd, Fault, ServerFault};
pub use local_root::LocalRoot;
pub use trace::{Trace, TraceEvent};

use crate::cache::Cache;
use crate::config::plan;
use crate::dnssec::{Validator, Verdict, Verification};
use crate::guard::permit::{Blame, Budget, Exhausted};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Held, Message, Name, Question, RecordType, Response};
use belief::Beliefs;
use frame::Frame;

/// Waiting for servers that stay silent, summed over one recursion, after which nobody else is asked.
///
/// One more exchange of at most 1.5 s may be under way by then, so the client hears of it within 5 s (peer-behaviour.md:
/// "mute servers answered within 5 s"; pdns 1.5 s, hickory 5 s).
pub const SILENCE: Duration = Duration::from_millis(3_500);

/// One question being found out.
#[derive(Debug)]
pub struct Recursion {
    question: Question,
    plan: Arc<plan::Recursion>,
    seed: u64,
    frames: Vec<Frame>,
    outstanding: Option<Outstanding>,
    done: Option<Response>,
    trace: Option<Trace>,
    /// Faults not yet told to whoever drives this.
    faults: Vec<ServerFault>,
    /// The first faults of the recursion, for the sentence of a failure.
    history: Vec<ServerFault>,
    /// Servers that answered what the client's question led to.
    answered: Vec<IpAddr>,
    /// NS names whose addresses could not be found in this recursion: not tried again, not charged again.
    failed_names: Vec<Name>,
    /// Whether a failure at the end is that of the servers of the zone that the question lies in.
    blames_its_zone: bool,
    /// Zones all of whose servers failed in this recursion, or were not asked: whoever comes to them again fails at once.
    dead_zones: Vec<(Name, Option<Crowd>)>,
    /// Names of servers that were not found out because somebody was not asked.
    passed_over: Vec<(Name, Crowd)>,
    /// Zones that a referral led to in this recursion: their parents need not be asked again.
    referred: Vec<Name>,
    /// Zones whose parents were asked again.
    renewed: Vec<Name>,
    /// Time spent waiting for servers that stayed silent.
    silence: Duration,
    /// Asks made: a bound of its own, should whoever asks for us forget to charge the budget.
    asks: u32,
    /// The limit that kept a look-up from being started, for the sentence of a failure.
    limit: Option<Exhausted>,
    /// Why somebody was not asked although nothing is known against him, if that is what the whole recursion failed for.
    crowded: Option<Crowd>,
    /// By whom what is found is validated.
    validator: Option<Arc<Validator>>,
    /// Trust found out so far.
    beliefs: Beliefs,
    /// Whether what the client gets is validated.
    checking: bool,
    /// Answers that followed from validated proofs.
    synthesised: u32,
    /// Work handed out to be done elsewhere.
    verifying: Option<Arc<Verification>>,
    /// A copy of the root zone that is used instead of asking the root, unless it turns out to be no use.
    local_root: Option<LocalRoot>,
    /// Replies that were made from it.
    from_local_root: u32,
}

/// An ask that was handed out and not yet answered.
#[derive(Clone, Debug)]
struct Outstanding {
    ask: Ask,
    /// The candidates behind `ask.servers`, with ports where a stub zone gives them.
    candidates: Vec<SocketAddr>,
    /// Whether the question was shortened by QNAME minimisation.
    minimised: bool,
    since: Now,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Ask this, then tell what came of it with [`Recursion::heard`].
    Ask(Ask),
    /// Have this run, then tell what came of it with [`Recursion::verified`].
    Verify(Arc<Verification>),
    /// The answer.
    Done(Response),
}

/// A question for one of some servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What to ask; often shorter than what is sought (RFC 9156).
    pub question: Question,
    /// The servers that may be asked, in no order; those that failed already are left out. Empty for `Via::Forward`.
    pub servers: Vec<IpAddr>,
    /// The zone they serve: the key for what egress remembers of a server.
    pub zone: Name,
    /// Which kind of server.
    pub via: Via,
    /// The transport to begin with.
    pub over: Over,
}

/// Which kind of server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Authoritative servers, RD=0, on the usual port.
    Authoritative,
    /// The servers of a stub zone, RD=0, with their ports.
    Stub(Vec<SocketAddr>),
    /// A forward zone of the plan, RD=1, by its index.
    Forward(usize),
}

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Datagrams, with TCP after TC=1.
    Udp,
    /// A stream from the start.
    Tcp,
}

/// What came of an [`Ask`].
#[derive(Clone, Debug)]
pub enum Heard {
    /// A reply that matches the question.
    Reply {
        /// Who replied; one of the servers of the ask.
        server: IpAddr,
        /// How it came.
        over: Over,
        /// The reply; several may have waited for it.
        message: Arc<Message>,
        /// Its octets on the wire, for the trace. (The budget is charged by whoever received it.)
        bytes: usize,
    },
    /// No reply.
    Failed {
        /// Who failed; nobody if no server was picked.
        server: Option<IpAddr>,
        /// How.
        failure: AskFailure,
    },
}

/// Why there was no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskFailure {
    /// Nothing came in time.
    Timeout,
    /// The network said no: unreachable, connection refused.
    Network,
    /// Something came that is not DNS, or not an answer to this question.
    BadReply,
    /// None of the servers may be asked (address family off, private or own address).
    NoUsableServer,
    /// The budget allows no further packet.
    Budget(Exhausted),
    /// Nobody was asked, because too much is under way already. No fault of anybody's.
    Crowded(Crowd),
    /// The zone guard lets no more be asked after what was asked in vain.
    Denied(Reason),
}

/// How a name is to be found out, as the operator says.
#[derive(Clone, Debug)]
pub enum Route {
    /// From the root or the deepest known delegation.
    Iterate,
    /// From the servers of a stub zone.
    Stub {
        /// Its apex.
        zone: Name,
        /// Its servers.
        servers: Vec<SocketAddr>,
    },
    /// By other resolvers.
    Forward {
        /// The apex of the forward zone.
        zone: Name,
        /// Its index in the plan.
        index: usize,
    },
    /// Not at all: special-use names and local data, which may stand at the end of a chain.
    Answer(Response),
    /// By way of the operator's own CNAMEs, which lead out of his data.
    Link {
        /// The links, in order.
        chain: Vec<Held>,
        /// What the last one points to.
        target: Name,
    },
}

/// What the operator says about names; implemented by `policy` and handed down by `resolve`.
pub trait Routes {
    /// How `name` is to be found out when records of `rtype` are sought.
    fn route(&self, name: &Name, rtype: RecordType) -> Route;
}

impl Recursion {
    /// A recursion for `question`. `seed` decides the order in which name servers without addresses are looked up.
    #[must_use]
    pub fn new(question: Question, plan: Arc<plan::Recursion>, seed: u64) -> Self {
        let client = Frame::for_client(question.clone(), false);
        Self {
            question,
            plan,
            seed,
            frames: vec![client],
            outstanding: None,
            done: None,
            trace: None,
            faults: Vec::new(),
            history: Vec::new(),
            answered: Vec::new(),
            failed_names: Vec::new(),
            blames_its_zone: true,
            dead_zones: Vec::new(),
            passed_over: Vec::new(),
            referred: Vec::new(),
            renewed: Vec::new(),
            silence: Duration::ZERO,
            asks: 0,
            limit: None,
            crowded: None,
            validator: None,
            beliefs: Beliefs::default(),
            checking: false,
            synthesised: 0,
            verifying: None,
            local_root: None,
            from_local_root: 0,
        }
    }

    /// The same with a validator; `checking` unless the client said that he checks for himself (CD, RFC 4035 section 3.2.2).
    #[must_use]
    pub fn validated_by(mut self, validator: Arc<Validator>, checking: bool) -> Self {
        let checking = checking && validator.is_on();
        self.frames = vec![Frame::for_client(self.question.clone(), checking)];
        self.checking = checking;
        self.validator = Some(validator);
        self
    }

    /// The same with a copy of the root zone, from which is taken what the root would be asked for (RFC 8806). Should something in
    /// it not be believed, the root is asked after all.
    #[must_use]
    pub fn with_local_root(mut self, local_root: Option<LocalRoot>) -> Self {
        self.local_root = local_root;
        self
    }

    /// The same, keeping a record of every step.
    #[must_use]
    pub fn with_trace(mut self) -> Self {
        self.trace = Some(Trace::default());
        self
    }

    /// The steps so far, if they are kept.
    #[must_use]
    pub const fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Whether what the client gets is validated.
    #[must_use]
    pub const fn is_checking(&self) -> bool {
        self.checking
    }

    /// How many answers, those to questions of its own among them, followed from validated proofs without asking (RFC 8198).
    #[must_use]
    pub const fn synthesised(&self) -> u32 {
        self.synthesised
    }

    /// Whose fault it is if it failed. `server`: the one that the question was charged to.
    #[must_use]
    pub fn blame(&self, server: Option<IpAddr>) -> Blame {
        self.blame_if(self.blames_its_zone, server)
    }

    /// Why somebody was not asked although nothing is known against him, if the failure at the end is owed to that.
    #[must_use]
    pub const fn crowded(&self) -> Option<Crowd> {
        self.crowded
    }

    /// How many questions to the root were answered from the local copy of its zone.
    #[must_use]
    pub const fn from_local_root(&self) -> u32 {
        self.from_local_root
    }

    /// The question.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// What was wrong with servers since the last call, for what egress remembers of them.
    pub fn take_faults(&mut self) -> Vec<ServerFault> {
        std::mem::take(&mut self.faults)
    }

    /// Says what to do next. After [`Step::Ask`], call [`Recursion::heard`] before the next step; without it the same ask
    /// is returned.
    pub fn step(
        &mut self,
        cache: &Cache,
        routes: &dyn Routes,
        budget: &mut Budget,
        now: Now,
    ) -> Step {
        self.advance(cache, routes, budget, now)
    }

    /// Takes in what came of the last verification. Ignored when nothing was to be verified.
    pub fn verified(&mut self, verdict: Verdict, cache: &Cache, budget: &mut Budget, now: Now) {
        self.take_verdict(verdict, cache, budget, now);
    }

    /// Takes in what came of the last ask. Ignored when nothing was asked.
    pub fn heard(&mut self, heard: Heard, cache: &Cache, budget: &mut Budget, now: Now) {
        self.hear(heard, cache, budget, now);
    }
}

#[cfg(test)]
pub(crate) mod tests;
