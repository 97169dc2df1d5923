//! How is what a recursion wants asked put to egress? By an exchange of its own, or by hearing what an equal one brings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Resolver;
use super::shared::{Key, Leader, Part};
use crate::egress::{self, Exchanged, LateReplies};
use crate::guard::permit::{Budget, Cause};
use crate::recursion::{Ask, AskFailure, Crowd, Heard, Over, Via};
use crate::sys::clock;
use crate::sys::clock::Now;

impl Resolver {
    /// The servers that may be asked, with their ports.
    pub(super) fn candidates(&self, ask: &Ask) -> Vec<SocketAddr> {
        match &ask.via {
            Via::Authoritative => ask
                .servers
                .iter()
                .map(|address| self.egress.at_port(*address))
                .collect(),
            Via::Stub(servers) => servers.clone(),
            Via::Forward(_) => Vec::new(),
        }
    }

    /// Asks, or hears what is asked already. Who asked for others too keeps the lead until he has looked at the reply.
    ///
    /// What another heard costs `budget` what it would have cost to ask; the packet itself is counted once, by who sent it.
    pub(super) async fn ask(
        &self,
        ask: &Ask,
        candidates: &[SocketAddr],
        late: &LateReplies,
        budget: &mut Budget,
    ) -> (Heard, Option<Leader<'_>>) {
        let key = Key::of(ask, candidates).filter(|_| shares(budget.cause()));
        let mut leader = None;
        if let Some(key) = key {
            loop {
                let now = clock::now();
                let left = budget.time_left(now);
                if left.is_zero() {
                    // Whoever asks next is told so by his budget.
                    break;
                }
                let patience = || self.egress.usual_time(candidates, now);
                match self.asks.take_part(key.clone(), now, patience) {
                    Part::Lead(lead) => {
                        leader = Some(lead);
                        break;
                    }
                    Part::Join(joiner) => {
                        if let Some(heard) = joiner.hear(left).await {
                            self.counters.shared.fetch_add(1, Ordering::Relaxed);
                            return (paid(heard, budget, clock::now()), None);
                        }
                    }
                    Part::TurnedAway => {
                        self.counters.crowded.fetch_add(1, Ordering::Relaxed);
                        return (turned_away(), None);
                    }
                }
            }
        }
        let heard = self.exchange(ask, candidates, late, budget).await;
        let now = clock::now();
        match leader {
            Some(leader) if concerns_others(&heard, budget, now) => {
                match &heard {
                    Heard::Reply { .. } => leader.tell(heard.clone(), now),
                    Heard::Failed { .. } => leader.tell_if_last(heard.clone(), now),
                }
                (heard, Some(leader))
            }
            _ => (heard, None),
        }
    }

    async fn exchange(
        &self,
        ask: &Ask,
        candidates: &[SocketAddr],
        late: &LateReplies,
        budget: &mut Budget,
    ) -> Heard {
        let exchanged = match ask.via {
            Via::Forward(index) => match self.forwarders.get(index) {
                Some(forwarder) => {
                    // We validate, so that forwarders need not (CD, RFC 4035 section 3.2.2).
                    let unchecked = self.validator().is_some();
                    forwarder
                        .ask(&ask.question, self.plan.dnssec_ok, unchecked, budget)
                        .await
                }
                None => Exchanged::Failed {
                    server: None,
                    failure: egress::Failure::NoUsableServer,
                },
            },
            Via::Authoritative | Via::Stub(_) => {
                let query = egress::Query {
                    transport: match ask.over {
                        Over::Udp => egress::Transport::Udp,
                        Over::Tcp => egress::Transport::Tcp,
                    },
                    dnssec_ok: self.plan.dnssec_ok,
                    configured: matches!(ask.via, Via::Stub(_)),
                    late: Some(late),
                    ..egress::Query::authoritative(&ask.question, candidates, &ask.zone)
                };
                self.egress.exchange(&query, budget).await
            }
        };
        heard(exchanged)
    }
}

/// Too many wait for the same answer: whoever asks for it now asks nobody.
const fn turned_away() -> Heard {
    Heard::Failed {
        server: None,
        failure: AskFailure::Crowded(Crowd::Question),
    }
}

/// Whether work of this cause may rely on what others hear. The operator wants to see what is asked; checks of trust anchors
/// and priming stand alone.
const fn shares(cause: Cause) -> bool {
    matches!(cause, Cause::Admitted | Cause::Refresh)
}

/// Whether what was heard would have been heard by anybody, and is not owed to the limits of who asked.
fn concerns_others(heard: &Heard, budget: &Budget, now: Now) -> bool {
    match heard {
        Heard::Reply { .. } => true,
        // Who asks for a known name may find room where another does not.
        Heard::Failed {
            failure: AskFailure::Budget(_) | AskFailure::Crowded(_) | AskFailure::Denied(_),
            ..
        } => false,
        Heard::Failed { .. } => !budget.time_left(now).is_zero(),
    }
}

/// What another heard, at the price of asking.
fn paid(heard: Heard, budget: &mut Budget, now: Now) -> Heard {
    if let Err(limit) = budget.charge_packet(now) {
        return Heard::Failed {
            server: None,
            failure: AskFailure::Budget(limit),
        };
    }
    if let Heard::Reply { bytes, .. } = &heard {
        budget.note_bytes(*bytes);
    }
    heard
}

fn heard(exchanged: Exchanged) -> Heard {
    match exchanged {
        Exchanged::Reply {
            server,
            tcp,
            message,
            bytes,
            ..
        } => Heard::Reply {
            server: server.ip(),
            over: if tcp { Over::Tcp } else { Over::Udp },
            message: Arc::from(message),
            bytes,
        },
        Exchanged::Failed { server, failure } => Heard::Failed {
            server: server.map(|server| server.ip()),
            failure: match failure {
                egress::Failure::Timeout => AskFailure::Timeout,
                egress::Failure::Network => AskFailure::Network,
                egress::Failure::BadReply => AskFailure::BadReply,
                egress::Failure::NoUsableServer => AskFailure::NoUsableServer,
                egress::Failure::Crowded => AskFailure::Crowded(Crowd::Servers),
                egress::Failure::Denied(reason) => AskFailure::Denied(reason),
                egress::Failure::Exhausted(limit) => AskFailure::Budget(limit),
            },
        },
    }
}
