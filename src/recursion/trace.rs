//! What happened, step by step? Kept only for whoever asks for it (`suimon ask --trace`).

use std::fmt;
use std::net::IpAddr;

use super::{Over, ServerFault};
use crate::dnssec::Bogus;
use crate::guard::permit::Exhausted;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Name, Question, Rcode, Security};

/// Events kept at most; a budget of 50 packets makes fewer.
const EVENTS: usize = 1_000;

/// The steps of one recursion, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    events: Vec<TraceEvent>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When.
    pub at: Now,
    /// How deep in sub-queries: 0 is the client's own question.
    pub depth: u32,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The cache had the answer, or the next link of the chain.
    CacheHit {
        /// The question.
        question: Question,
        /// The code of what was cached.
        rcode: Rcode,
    },
    /// Validated proofs had the answer (RFC 8198).
    Synthesised {
        /// The question.
        question: Question,
        /// The code of what they prove.
        rcode: Rcode,
    },
    /// The local copy of the root zone had the reply (RFC 8806).
    LocalRoot {
        /// The question.
        question: Question,
        /// The code of the reply.
        rcode: Rcode,
    },
    /// The operator's policy answered.
    Policy {
        /// The name.
        name: Name,
    },
    /// The servers of a zone will be asked.
    Approach {
        /// The zone.
        zone: Name,
        /// From where its servers are known.
        source: Source,
        /// Addresses known.
        addresses: usize,
    },
    /// A question leaves.
    Ask {
        /// The question.
        question: Question,
        /// The zone whose servers are asked.
        zone: Name,
        /// How many servers may be picked.
        candidates: usize,
        /// Whether the name was shortened (RFC 9156).
        minimised: bool,
    },
    /// A reply came.
    Reply {
        /// From whom.
        server: IpAddr,
        /// How.
        over: Over,
        /// Its code.
        rcode: Rcode,
        /// Its octets.
        bytes: usize,
        /// Milliseconds since the ask.
        millis: u64,
    },
    /// A server failed; the next one is tried.
    Fault(ServerFault),
    /// A referral.
    Referral {
        /// From this zone.
        from: Name,
        /// To this one.
        to: Name,
        /// Servers it names.
        servers: usize,
        /// Addresses it gives for them.
        glue: usize,
    },
    /// A CNAME or DNAME link.
    Link {
        /// From this name.
        from: Name,
        /// To this one.
        to: Name,
    },
    /// The address of a name server is looked up.
    LookUp {
        /// The question.
        question: Question,
    },
    /// All servers of a zone from the cache failed: its parent is asked again.
    AskParentAgain {
        /// The zone.
        zone: Name,
    },
    /// A zone was weighed.
    Zone {
        /// The zone.
        zone: Name,
        /// What came of it.
        trust: &'static str,
    },
    /// A reply was believed.
    Believed {
        /// What it was about.
        question: Question,
        /// What it amounts to.
        security: Security,
    },
    /// Something was not believed.
    Bogus(Bogus),
    /// A limit was met.
    Limit(Exhausted),
    /// The zone guard let no more be asked.
    Denied(Reason),
    /// A frame ended.
    End {
        /// What it was for.
        question: Question,
        /// How.
        rcode: Rcode,
    },
}

/// From where the servers of a zone are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The hints.
    Hints,
    /// A cached delegation.
    Cache,
    /// A referral just received.
    Referral,
    /// The plan.
    Plan,
}

impl Trace {
    /// The events.
    #[must_use]
    pub fn events(&self) -> &[TraceEvent] {
        &self.events
    }

    pub(super) fn push(&mut self, event: TraceEvent) {
        if self.events.len() < EVENTS {
            self.events.push(event);
        }
    }
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.depth {
            f.write_str("  ")?;
        }
        match &self.what {
            Happening::CacheHit { question, rcode } => write!(f, "cache: {question} {rcode}"),
            Happening::Synthesised { question, rcode } => {
                write!(f, "proven without asking: {question} {rcode}")
            }
            Happening::LocalRoot { question, rcode } => {
                write!(f, "local copy of the root: {question} {rcode}")
            }
            Happening::Policy { name } => write!(f, "policy answers {name}"),
            Happening::Approach {
                zone,
                source,
                addresses,
            } => {
                let source = match source {
                    Source::Hints => "the root hints",
                    Source::Cache => "the cache",
                    Source::Referral => "the referral",
                    Source::Plan => "the configuration",
                };
                write!(f, "zone {zone}: {addresses} addresses from {source}")
            }
            Happening::Ask {
                question,
                zone,
                candidates,
                minimised,
            } => {
                let shortened = if *minimised { " (minimised)" } else { "" };
                write!(
                    f,
                    "ask {question}{shortened} of {zone} ({candidates} servers)"
                )
            }
            Happening::Reply {
                server,
                over,
                rcode,
                bytes,
                millis,
            } => {
                let over = match over {
                    Over::Udp => "udp",
                    Over::Tcp => "tcp",
                };
                write!(
                    f,
                    "reply from {server}: {rcode}, {bytes} octets over {over} in {millis} ms"
                )
            }
            Happening::Fault(fault) => write!(f, "fault: {}", fault.sentence()),
            Happening::Referral {
                from,
                to,
                servers,
                glue,
            } => write!(
                f,
                "referral from {from} to {to}: {servers} servers, {glue} addresses"
            ),
            Happening::Link { from, to } => write!(f, "link {from} -> {to}"),
            Happening::LookUp { question } => write!(f, "look up server: {question}"),
            Happening::AskParentAgain { zone } => {
                write!(
                    f,
                    "cached servers of {zone} failed: its parent is asked again"
                )
            }
            Happening::Zone { zone, trust } => write!(f, "zone {zone} is {trust}"),
            Happening::Believed { question, security } => {
                let security = match security {
                    Security::Unchecked => "not looked at",
                    Security::Indeterminate => "indeterminate",
                    Security::Insecure => "insecure",
                    Security::Secure => "secure",
                };
                write!(f, "validated: {question} {security}")
            }
            Happening::Bogus(bogus) => write!(f, "bogus: {bogus}"),
            Happening::Limit(limit) => write!(f, "limit: {}", limit.sentence()),
            Happening::Denied(reason) => write!(f, "stopped: {}", reason.sentence()),
            Happening::End { question, rcode } => write!(f, "done: {question} {rcode}"),
        }
    }
}
