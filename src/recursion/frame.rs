//! Where does one line of inquiry stand? The name it has come to, the chain behind it, the zone before it.

use std::net::SocketAddr;

use super::chain::Reading;
use super::fault::Crowd;
use super::introduce::Introduction;
use super::targets::Targets;
use super::weigh::Weighing;
use crate::cache::Demand;
use crate::dnssec::Bogus;
use crate::wire::{Held, Name, Question};

/// One line of inquiry.
#[derive(Debug)]
pub(super) struct Frame {
    /// What it was opened for.
    pub question: Question,
    /// Whom it is for.
    pub purpose: Purpose,
    /// Whether what it finds must be validated.
    pub checking: bool,
    /// The name sought now: the question's, or the end of its chain.
    pub target: Name,
    /// CNAME and DNAME sets followed so far.
    pub chain: Vec<Held>,
    /// Proofs that belong to wildcards in the chain.
    pub proofs: Vec<Held>,
    /// The names the chain came through, `target` included.
    pub seen: Vec<Name>,
    /// Questions shortened by QNAME minimisation so far, for `target`.
    pub shortened: u32,
    /// A delegation that came from the cache and failed as a whole. At most once for each name.
    pub stale: Option<Stale>,
    /// What comes next.
    pub stage: Stage,
}

/// A delegation that failed as a whole.
#[derive(Debug)]
pub(super) struct Stale {
    /// Its zone.
    pub zone: Name,
    /// Its servers, not to be asked again when the parent names them again.
    pub failed: Vec<SocketAddr>,
    /// Why the last of them was not believed, if that was what was wrong.
    pub bogus: Option<Bogus>,
}

/// Whom a line of inquiry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The client.
    Client,
    /// The frame below, which needs the address of a name server.
    Server,
    /// The frame below, which needs DS or DNSKEY of a zone to believe what it was told.
    Trust,
}

/// What comes next in a frame.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every stage is an approach, and it moves at every turn"
)]
pub(super) enum Stage {
    /// Look at policy, cache and delegations for `target`.
    Start,
    /// Ask the servers of a zone.
    Approach(Approach),
    /// Decide whether to believe what a reply said.
    Weigh(Box<Approach>, Box<Weighing>),
    /// Learn from a referral whether the zone before us is signed.
    Introduce(Box<Approach>, Box<Introduction>),
    /// Follow what a reply said, link by link.
    Follow(Box<Approach>, Box<Reading>),
}

/// A zone whose servers are asked about `target`.
#[derive(Debug)]
pub(super) struct Approach {
    /// The zone.
    pub zone: Name,
    /// By which route.
    pub path: Path,
    /// Whether the delegation was in the cache when the frame came to it.
    pub from_cache: bool,
    /// How many labels of `target` are known to lie at or above a name that exists in the zone.
    pub known: usize,
    /// Ask the full name from now on.
    pub full_only: bool,
    /// Faults met with shortened questions.
    pub shortened_faults: u32,
    /// A server's name was not looked up, here or further up the stack, for a reason that lies in the frames below and not in
    /// the zone: a loop, or the depth.
    pub held_back: bool,
    /// Why one of its servers was not asked, or not looked up, although nothing is known against it: its failure says nothing then.
    pub crowded: Option<Crowd>,
    /// The forwarders failed: they did their own retrying.
    pub forward_failed: bool,
    /// A reply from a server that does not look like one of the zone's: taken when no other server answers better.
    pub last_resort: Option<Box<Reading>>,
    /// No other server is to be asked: the last resort came from one of the zone's own, only poorly written, or enough were bogus.
    pub settled: bool,
    /// The last reply that was not believed, and why.
    pub bogus: Option<Bogus>,
    /// Replies that were not believed.
    pub bogus_replies: u32,
    /// Whose datagram was not believed, though nothing was missing: nobody forges a stream from afar, so he is asked over one
    /// when nobody else is left.
    pub doubted: Option<SocketAddr>,
    /// Somebody was asked over TCP for that reason.
    pub insisted: bool,
    /// A server that must be asked again over TCP.
    pub insist_tcp: Option<SocketAddr>,
    /// Its servers.
    pub targets: Targets,
}

/// By which route a name is approached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Delegations.
    Iterate,
    /// A stub zone's servers, or delegations below them.
    Stub(Name),
    /// The forward zone with this index.
    Forward(usize),
}

impl Frame {
    /// For the client's question.
    pub(super) fn for_client(question: Question, checking: bool) -> Self {
        Self::new(question, Purpose::Client, checking)
    }

    /// For the frame below. Addresses of servers are not validated: whoever answers there proves himself by his signatures.
    pub(super) fn for_frame(question: Question, purpose: Purpose) -> Self {
        Self::new(question, purpose, purpose == Purpose::Trust)
    }

    fn new(question: Question, purpose: Purpose, checking: bool) -> Self {
        let target = question.name.clone();
        Self {
            question,
            purpose,
            checking,
            seen: vec![target.clone()],
            target,
            chain: Vec::new(),
            proofs: Vec::new(),
            shortened: 0,
            stale: None,
            stage: Stage::Start,
        }
    }

    /// How well what is cached must have been looked at, to be of use here.
    pub(super) const fn demand(&self) -> Demand {
        if self.checking {
            Demand::Checked
        } else {
            Demand::Any
        }
    }

    /// The question about the name sought now.
    pub(super) fn current(&self) -> Question {
        Question::new(self.target.clone(), self.question.rtype)
    }

    /// Goes on with another name.
    pub(super) fn turn_to(&mut self, next: Name) {
        self.seen.push(next.clone());
        self.target = next;
        self.shortened = 0;
        self.stale = None;
    }
}

impl Approach {
    /// A new zone to ask.
    pub(super) fn new(zone: Name, path: Path, targets: Targets, from_cache: bool) -> Self {
        Self {
            known: zone.label_count(),
            zone,
            path,
            from_cache,
            full_only: false,
            shortened_faults: 0,
            held_back: false,
            crowded: None,
            forward_failed: false,
            last_resort: None,
            settled: false,
            bogus: None,
            bogus_replies: 0,
            doubted: None,
            insisted: false,
            insist_tcp: None,
            targets,
        }
    }

    /// Whether somebody whose datagram was not believed is to be asked over TCP now: the last one, once for a name and zone.
    pub(super) fn insist(&mut self) -> bool {
        let doubted = self.doubted.take().filter(|_| !self.insisted);
        self.insisted |= doubted.is_some();
        self.insist_tcp = doubted;
        doubted.is_some()
    }
}
