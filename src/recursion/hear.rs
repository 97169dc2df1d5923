//! What came of the last ask, and what does it change? Faults are noted, referrals descended, readings kept for the next step.

use std::net::SocketAddr;

use super::chain::{End, Reading};
use super::classify::{Asked, Verdict, classify};
use super::fault::{Crowd, Fault, ServerFault};
use super::frame::{Approach, Frame, Path, Stage};
use super::introduce::Introduction;
use super::local_root::NOBODY;
use super::trace::{Happening, Source};
use super::weigh::{Said, Weighing};
use super::{AskFailure, Heard, Outstanding, Over, Recursion, referral};
use crate::cache::{Backing, Cache, Delegation, Negative, Rank};
use crate::config::plan::Minimisation;
use crate::guard::permit::Budget;
use crate::sys::clock::Now;
use crate::wire::{Question, Rrset};

/// Faults to shortened questions at one zone after which the full name is asked there.
const SHORTENED_FAULTS: u32 = 2;

/// Faults remembered for the sentence of a failure.
const HISTORY: usize = 128;

/// A reply, and where it stands.
struct Taken<'a> {
    outstanding: &'a Outstanding,
    server: SocketAddr,
    over: Over,
    cache: &'a Cache,
    now: Now,
}

impl Recursion {
    pub(super) fn hear(&mut self, heard: Heard, cache: &Cache, budget: &mut Budget, now: Now) {
        let Some(outstanding) = self.outstanding.take() else {
            return;
        };
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        let Stage::Approach(mut approach) = std::mem::replace(&mut frame.stage, Stage::Start)
        else {
            self.frames.push(frame);
            return;
        };
        approach.insist_tcp = None;
        let stage = match heard {
            Heard::Failed {
                failure: AskFailure::Budget(limit),
                ..
            } => {
                frame.stage = Stage::Approach(approach);
                self.frames.push(frame);
                self.exhausted(limit, cache, budget, now);
                return;
            }
            Heard::Failed {
                failure: AskFailure::Denied(reason),
                ..
            } => {
                frame.stage = Stage::Approach(approach);
                self.frames.push(frame);
                self.denied(reason, now);
                return;
            }
            Heard::Failed { server, failure } => {
                if failure == AskFailure::Timeout {
                    self.silence = self.silence.saturating_add(now.since(outstanding.since));
                }
                if let AskFailure::Crowded(crowd) = failure {
                    approach.crowded = Some(crowd);
                }
                let server = server.and_then(|server| outstanding.candidate(server));
                self.fault(&mut approach, &outstanding, server, failure.into(), now);
                Stage::Approach(approach)
            }
            Heard::Reply {
                server,
                over,
                message,
                bytes,
            } => {
                if server != NOBODY {
                    let waited = now.since(outstanding.since).as_millis();
                    let reply = Happening::Reply {
                        server,
                        over,
                        rcode: message.rcode(),
                        bytes,
                        millis: u64::try_from(waited).unwrap_or(u64::MAX),
                    };
                    self.note(now, reply);
                }
                let candidate = outstanding.candidate(server);
                let forwarded = matches!(approach.path, Path::Forward(_));
                let verdict = if candidate.is_none() && !forwarded {
                    Verdict::Fault(Fault::Bad)
                } else {
                    let asked = Asked {
                        question: &outstanding.ask.question,
                        zone: &approach.zone,
                        forwarded,
                        over_tcp: over == Over::Tcp,
                        harden_glue: self.plan.harden_glue,
                        companions: self.plan.companions,
                    };
                    classify(&asked, &message)
                };
                let helps = matches!(verdict, Verdict::Referral { .. } | Verdict::Reading(_));
                if helps && self.frames.is_empty() {
                    self.note_answer(server);
                }
                let taken = Taken {
                    outstanding: &outstanding,
                    server: candidate.unwrap_or_else(|| SocketAddr::new(server, 0)),
                    over,
                    cache,
                    now,
                };
                self.judge(&mut frame, approach, verdict, &taken)
            }
        };
        frame.stage = stage;
        self.frames.push(frame);
    }

    fn judge(
        &mut self,
        frame: &mut Frame,
        mut approach: Approach,
        verdict: Verdict,
        taken: &Taken<'_>,
    ) -> Stage {
        let outstanding = taken.outstanding;
        let server = Some(taken.server);
        let now = taken.now;
        match verdict {
            Verdict::Fault(fault) => {
                self.fault(&mut approach, outstanding, server, fault, now);
                Stage::Approach(approach)
            }
            Verdict::Truncated => {
                let forwarded = matches!(approach.path, Path::Forward(_));
                if forwarded || outstanding.ask.over == Over::Tcp {
                    self.fault(&mut approach, outstanding, server, Fault::Bad, now);
                } else {
                    approach.insist_tcp = server;
                }
                Stage::Approach(approach)
            }
            Verdict::Referral {
                servers,
                glue,
                signed,
            } => match self.descend(frame, &approach, &servers, &glue, taken) {
                Some(deeper) if self.validator().is_some() => {
                    frame.shortened += u32::from(outstanding.minimised);
                    let introduction = Introduction {
                        child: servers.owner,
                        parent: approach.zone,
                        signed,
                    };
                    Stage::Introduce(Box::new(deeper), Box::new(introduction))
                }
                Some(deeper) => {
                    frame.shortened += u32::from(outstanding.minimised);
                    Stage::Approach(deeper)
                }
                None => {
                    self.fault(&mut approach, outstanding, server, Fault::Bad, now);
                    Stage::Approach(approach)
                }
            },
            Verdict::Reading(reading) if outstanding.minimised => {
                frame.shortened += 1;
                approach.targets.note_good(taken.server);
                self.midway(approach, *reading, taken)
            }
            Verdict::Reading(reading)
                if is_empty(&reading)
                    && approach.last_resort.is_none()
                    && approach.targets.others_than(taken.server) =>
            {
                // A server that says nothing at all, not even an SOA, may have lost the zone: somebody else is asked once.
                approach.last_resort = Some(reading);
                approach
                    .targets
                    .note_fault(taken.server, Fault::Lame, false);
                Stage::Approach(approach)
            }
            Verdict::Reading(reading) => {
                weighed(approach, *reading, &outstanding.ask.question, taken)
            }
            Verdict::Doubtful(reading) => {
                self.fault(&mut approach, outstanding, server, Fault::Lame, now);
                if !outstanding.minimised {
                    approach.last_resort.get_or_insert(reading);
                }
                Stage::Approach(approach)
            }
        }
    }

    /// What a reply to a shortened question tells: the name is there, so more of it can be asked; or it is not.
    fn midway(&mut self, mut approach: Approach, mut reading: Reading, taken: &Taken<'_>) -> Stage {
        let Taken {
            outstanding,
            cache,
            now,
            ..
        } = *taken;
        let question = &outstanding.ask.question;
        let rank = if reading.authoritative {
            Rank::AuthAnswer
        } else {
            Rank::NonAuthAnswer
        };
        let unlooked = Backing {
            security: self.unlooked(),
            proofs: Vec::new(),
        };
        approach.known = question.name.label_count();
        if !reading.links.is_empty() {
            let link = reading.links.swap_remove(0);
            // A CNAME here says nothing of the names below; a DNAME does, and the full name will show how.
            approach.full_only |= link.dname.is_some();
            self.keep(link.cname, rank, unlooked, cache, now);
            return Stage::Approach(approach);
        }
        match reading.end {
            End::Data(set) => {
                self.keep(set, rank, unlooked, cache, now);
            }
            End::NoData(soa) => {
                cache.store_denied(question, Negative::NoData, soa, unlooked, now);
            }
            End::NxDomain(_) if self.plan.qname_minimisation == Minimisation::Strict => {
                // Nothing exists below a name that does not exist (RFC 8020).
                reading.shorter = Some(question.clone());
                return weighed(approach, reading, question, taken);
            }
            End::NxDomain(soa) => {
                cache.store_denied(question, Negative::NxDomain, soa, unlooked, now);
                approach.full_only = true;
            }
            End::Elsewhere | End::Made | End::Overflow(_) => approach.full_only = true,
        }
        Stage::Approach(approach)
    }

    /// A referral: the delegation is kept, its servers come before us.
    fn descend(
        &mut self,
        frame: &Frame,
        approach: &Approach,
        ns: &Rrset,
        glue: &[Rrset],
        taken: &Taken<'_>,
    ) -> Option<Approach> {
        let (cache, now) = (taken.cache, taken.now);
        let servers = referral::servers(ns, glue, &self.plan.limits, self.seed);
        if servers.is_empty() {
            return None;
        }
        self.note(
            now,
            Happening::Referral {
                from: approach.zone.clone(),
                to: ns.owner.clone(),
                servers: servers.len(),
                glue: servers.iter().map(|server| server.addresses.len()).sum(),
            },
        );
        let delegation = Delegation {
            zone: ns.owner.clone(),
            servers,
            expires_at: now.wall_secs().saturating_add(u64::from(ns.ttl)),
        };
        let path = approach.path.clone();
        self.referred.push(delegation.zone.clone());
        cache.store_delegation(delegation.clone(), now);
        let mut deeper = self.towards(delegation, path, Source::Referral, cache, now);
        if let Some(stale) = &frame.stale
            && stale.zone == deeper.zone
        {
            deeper.targets.leave_out(&stale.failed);
        }
        Some(deeper)
    }

    /// Notes what was wrong: with the server, or with all that were offered when nobody is named.
    pub(super) fn fault(
        &mut self,
        approach: &mut Approach,
        outstanding: &Outstanding,
        server: Option<SocketAddr>,
        fault: Fault,
        now: Now,
    ) {
        let told = ServerFault {
            server: server.map(|server| server.ip()),
            zone: approach.zone.clone(),
            fault,
        };
        self.note(now, Happening::Fault(told.clone()));
        if told.server == Some(NOBODY) {
            // The copy of the root is no use for this: from here on the root itself is asked.
            self.local_root = None;
        }
        if self.history.len() < HISTORY {
            self.history.push(told.clone());
            self.faults.push(told);
        }
        approach.forward_failed = true;
        approach.settled |= approach
            .last_resort
            .as_ref()
            .is_some_and(|kept| kept.authoritative);
        if outstanding.minimised && !fault.is_crowd() {
            approach.shortened_faults += 1;
            let relaxed = self.plan.qname_minimisation == Minimisation::Relaxed;
            approach.full_only |= relaxed && approach.shortened_faults >= SHORTENED_FAULTS;
        }
        let known = server.filter(|server| outstanding.candidates.contains(server));
        let at_fault: &[SocketAddr] = match &known {
            Some(server) => std::slice::from_ref(server),
            None => &outstanding.candidates,
        };
        for server in at_fault {
            approach
                .targets
                .note_fault(*server, fault, outstanding.minimised);
        }
    }
}

/// A reading to be weighed, with who said it.
fn weighed(approach: Approach, reading: Reading, question: &Question, taken: &Taken<'_>) -> Stage {
    let weighing = Weighing {
        reading,
        question: question.clone(),
        said: Some(Said {
            outstanding: taken.outstanding.clone(),
            server: taken.server,
            over: taken.over,
        }),
    };
    Stage::Weigh(Box::new(approach), Box::new(weighing))
}

/// Whether an authoritative reply holds nothing of use: NODATA without the SOA that RFC 2308 section 2.2 asks for.
const fn is_empty(reading: &Reading) -> bool {
    reading.authoritative && reading.links.is_empty() && matches!(reading.end, End::NoData(None))
}

impl Outstanding {
    /// The candidate with this address.
    fn candidate(&self, server: std::net::IpAddr) -> Option<SocketAddr> {
        self.candidates
            .iter()
            .find(|candidate| candidate.ip() == server)
            .copied()
    }
}

impl From<AskFailure> for Fault {
    fn from(failure: AskFailure) -> Self {
        match failure {
            AskFailure::Timeout | AskFailure::Budget(_) => Self::Silent,
            AskFailure::Network => Self::Network,
            AskFailure::BadReply => Self::Bad,
            AskFailure::NoUsableServer => Self::Unusable,
            AskFailure::Crowded(crowd) => Self::Crowded(crowd),
            AskFailure::Denied(reason) => Self::Crowded(Crowd::Attack(reason)),
        }
    }
}
