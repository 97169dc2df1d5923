//! How does a line of inquiry end? With an answer or a failure, told to the client or to the frame below.

use std::net::IpAddr;
use std::time::Duration;

use super::fault::limit_failure;
use super::frame::{Frame, Purpose, Stage};
use super::step::Lasting;
use super::trace::Happening;
use super::{Ask, Recursion, referral};
use crate::cache::{Cache, Demand};
use crate::config::plan;
use crate::guard::permit::{Blame, Budget, Cause, Exhausted};
use crate::sys::clock::Now;
use crate::wire::{Ede, Name, Rcode, Response};

impl Recursion {
    /// A frame has its answer: the client's is the end of it all, a server's goes to the frame below.
    pub(super) fn end(
        &mut self,
        frame: Frame,
        response: Response,
        cache: &Cache,
        budget: &mut Budget,
        now: Now,
    ) {
        self.note(
            now,
            Happening::End {
                question: frame.question.clone(),
                rcode: response.rcode,
            },
        );
        // What nobody looked at does not speak against a failure to validate.
        let looked_at = frame.demand() == Demand::Checked || self.validator().is_none();
        if response.rcode != Rcode::SERVFAIL && looked_at {
            cache.clear_failure(&frame.question);
        }
        let Some(below) = self.frames.last_mut() else {
            self.done = Some(response);
            return;
        };
        if frame.purpose == Purpose::Trust {
            self.despair(&frame.question, now);
            return;
        }
        let Stage::Approach(approach) = &mut below.stage else {
            return;
        };
        let name = frame.question.name;
        let addresses: Vec<_> = response
            .answer
            .iter()
            .filter(|held| held.rrset.rtype == frame.question.rtype)
            .flat_map(|held| referral::addresses(&held.rrset))
            .take(self.plan.limits.ns_addresses)
            .collect();
        let open = approach.targets.found(&name, &addresses);
        // The glue of its own zone comes behind: either may be the stale one.
        approach
            .targets
            .add(reachable(referral::glue(&name, cache, now), &self.plan));
        if response.rcode != Rcode::NOERROR || !open {
            self.server_unknown(name, cache, budget, now);
        }
    }

    /// A frame has come to nothing.
    pub(super) fn fail(
        &mut self,
        frame: Frame,
        ede: Ede,
        lasting: Lasting,
        cache: &Cache,
        budget: &mut Budget,
        now: Now,
    ) {
        let rcode = Rcode::SERVFAIL;
        self.note(
            now,
            Happening::End {
                question: frame.question.clone(),
                rcode,
            },
        );
        if lasting == Lasting::Remembered && self.is_worth_remembering(budget.cause()) {
            cache.store_failure_as(&frame.question, ede.clone(), frame.demand(), now);
        }
        let crowd = match lasting {
            Lasting::Crowded(crowd) => Some(crowd),
            _ => None,
        };
        if frame.purpose == Purpose::Trust && crowd.is_some() {
            // Nobody was asked for what would be needed to believe anything: that is no reason to disbelieve it.
            self.frames.clear();
            self.crowded = crowd;
            self.blames_its_zone = false;
            self.done = Some(Response::failure(ede));
        } else if frame.purpose == Purpose::Trust {
            if lasting == Lasting::Known {
                // Nothing of this recursion is the cause of that.
                self.beliefs.cause = None;
                self.beliefs.unreachable = Some(ede);
            } else if !ede.is_bogus() {
                self.beliefs.unreachable.get_or_insert(ede);
            }
            self.despair(&frame.question, now);
        } else if let Some(below) = self.frames.last_mut() {
            if let Stage::Approach(approach) = &mut below.stage {
                approach.held_back |= lasting == Lasting::HereOnly || crowd.is_some();
                approach.crowded = approach.crowded.or(crowd);
                approach.targets.add(reachable(
                    referral::glue(&frame.question.name, cache, now),
                    &self.plan,
                ));
            }
            let name = frame.question.name;
            self.passed_over
                .extend(crowd.map(|crowd| (name.clone(), crowd)));
            self.server_unknown(name, cache, budget, now);
        } else {
            self.crowded = crowd;
            self.blames_its_zone =
                frame.chain.is_empty() && crowd.is_none() && self.was_their_fault();
            self.done = Some(Response::failure(ede));
        }
    }

    /// The address of a server could not be found; the frame below goes on without it.
    fn server_unknown(&mut self, name: Name, cache: &Cache, budget: &mut Budget, now: Now) {
        if let Some(below) = self.frames.last_mut()
            && let Stage::Approach(approach) = &mut below.stage
        {
            approach.targets.close(&name);
        }
        self.failed_names.push(name);
        if let Err(limit) = budget.charge_failing_ns_name() {
            self.exhausted(limit, cache, budget, now);
        }
    }

    /// A limit is met: the whole recursion ends.
    pub(super) fn exhausted(&mut self, limit: Exhausted, cache: &Cache, budget: &Budget, now: Now) {
        self.note(now, Happening::Limit(limit));
        let ede = limit_failure(limit);
        // Met because of somebody who was not asked, for all we know.
        self.crowded = self.frames.iter().find_map(|frame| match &frame.stage {
            Stage::Approach(approach) => self.crowd_at(approach),
            _ => None,
        });
        let ours = limit == Exhausted::Time && !self.was_their_fault();
        if self.crowded.is_none() && !ours && self.is_worth_remembering(budget.cause()) {
            let demand = match limit {
                Exhausted::Signatures | Exhausted::Nsec3Hashes => Demand::Checked,
                _ => Demand::Any,
            };
            cache.store_failure_as(&self.question, ede.clone(), demand, now);
        }
        let first = self.frames.first();
        self.blames_its_zone = first.is_some_and(|frame| frame.chain.is_empty())
            && self.crowded.is_none()
            && self.was_their_fault();
        self.frames.clear();
        self.outstanding = None;
        self.done = Some(Response::failure(ede));
    }

    /// Whose fault it is so far, for a recursion that is ended before it knows. `usual_time` says how long the
    /// servers that it waits for usually take; nothing if our own side may be what it waits for.
    #[must_use]
    pub fn blame_so_far(
        &self,
        server: Option<IpAddr>,
        usual_time: impl FnOnce(&Ask) -> Option<Duration>,
        now: Now,
    ) -> Blame {
        self.blame_if(self.waits_for_its_zone(usual_time, now), server)
    }

    /// Whether the zone that it is at has failed it so far, for a recursion that is ended before it knows: a server has let it down there,
    /// or what is being asked has waited longer than its servers usually take, whoever it was that asked. `usual_time` says how
    /// long that is; nothing if our own side may be what it waits for.
    fn waits_for_its_zone(
        &self,
        usual_time: impl FnOnce(&Ask) -> Option<Duration>,
        now: Now,
    ) -> bool {
        let on_its_way = self.frames.first().is_some_and(|at| at.chain.is_empty());
        let waits_long = || {
            self.outstanding.as_ref().is_some_and(|at| {
                usual_time(&at.ask).is_some_and(|usual| now.since(at.since) >= usual)
            })
        };
        let failed = |zone: &Name| {
            let mut here = self.history.iter().filter(|at| at.zone == *zone);
            here.any(|at| at.fault.is_theirs())
        };
        let has_failed = || {
            self.frames.iter().any(|frame| match &frame.stage {
                Stage::Approach(approach) => failed(&approach.zone),
                _ => false,
            })
        };
        on_its_way && (has_failed() || waits_long())
    }

    /// Whether any server gave cause.
    pub(super) fn was_their_fault(&self) -> bool {
        self.history.iter().any(|at| at.fault.is_theirs())
    }

    /// Whether a failure may be held against later clients: not for work of our own, and not when only our side failed.
    fn is_worth_remembering(&self, cause: Cause) -> bool {
        let mut faults = self.history.iter().map(|at| at.fault);
        let ours_alone = faults.any(|fault| !fault.is_crowd()) && !self.was_their_fault();
        matches!(cause, Cause::Admitted | Cause::Audit) && !ours_alone
    }
}

fn reachable(addresses: Vec<IpAddr>, plan: &plan::Recursion) -> impl Iterator<Item = IpAddr> {
    let (ipv4, ipv6) = (plan.ipv4, plan.ipv6);
    addresses.into_iter().filter(move |address| match address {
        IpAddr::V4(_) => ipv4,
        IpAddr::V6(_) => ipv6,
    })
}
