//! What is known of a name before anybody is asked? Policy, the cache, validated gaps; then the zone to begin with.

use super::Recursion;
use super::Route;
use super::frame::{Approach, Frame, Path, Purpose, Stage};
use super::seat::seat;
use super::step::{Around, Lasting, Turn, with_chain};
use super::synthesis::{synthesise, synthesise_within};
use super::targets::Targets;
use super::trace::Happening;
use crate::cache::remembered;
use crate::guard::permit::{Budget, Cause, Exhausted};
use crate::wire::{RecordType, Response};

impl Recursion {
    /// A name that nothing is known of yet: policy, cache, then the deepest delegation.
    pub(super) fn begin(
        &mut self,
        frame: &mut Frame,
        around: &Around<'_>,
        budget: &mut Budget,
    ) -> Turn {
        let (cache, now) = (around.cache, around.now);
        let question = frame.current();
        let route = around.routes.route(&question.name, question.rtype);
        if let Route::Answer(response) = route {
            self.note(
                now,
                Happening::Policy {
                    name: question.name,
                },
            );
            return Turn::Answer(with_chain(frame, response));
        }
        if let Route::Link { chain, target } = route {
            frame.chain.extend(chain);
            return match self.turn_to(frame, target, budget, now) {
                Err(turn) => turn,
                Ok(()) => Turn::Continue,
            };
        }
        let anew = match frame.purpose {
            Purpose::Client => frame.chain.is_empty() && renews(budget.cause()),
            Purpose::Server => false,
            // What of it was proven is known already; a failure is not held against work of our own.
            Purpose::Trust => {
                if let (Some(why), false) = (cache.failure(&question, now), renews(budget.cause()))
                {
                    // Told as it was then: the question that needs it was not asked before.
                    return Turn::Fail(why, Lasting::Known);
                }
                true
            }
        };
        if !anew {
            if let Some(known) = cache.lookup_as(&question, frame.demand(), now) {
                let rcode = known.rcode;
                self.note(now, Happening::CacheHit { question, rcode });
                return match charge_links(&known, frame, budget) {
                    Ok(()) => Turn::Answer(with_chain(frame, known)),
                    Err(limit) => Turn::Exhausted(limit),
                };
            }
            // A failure of a name that has a cached link is not seen by the look-up, which goes on to the link's target.
            if let Some(why) = cache.failure_as(&question, frame.demand(), now) {
                return Turn::Fail(remembered(&why), Lasting::Known);
            }
            if let Some((known, next)) = cache.linked(&question, frame.demand(), now) {
                let rcode = known.rcode;
                self.note(now, Happening::CacheHit { question, rcode });
                frame.chain.extend(known.answer);
                frame.proofs.extend(known.authority);
                return match self.turn_to(frame, next, budget, now) {
                    Err(turn) => turn,
                    Ok(()) => Turn::Continue,
                };
            }
        }
        if let (true, Some(validator)) = (frame.checking && !anew, self.validator())
            && let Some(response) = match &route {
                Route::Stub { zone, .. } | Route::Forward { zone, .. } => {
                    synthesise_within(cache, &question, zone, validator.plan(), now)
                }
                _ => synthesise(cache, &question, validator.plan(), now),
            }
        {
            let rcode = response.rcode;
            self.synthesised = self.synthesised.saturating_add(1);
            self.note(now, Happening::Synthesised { question, rcode });
            return Turn::Answer(with_chain(frame, response));
        }
        let approach = match route {
            Route::Forward { zone, index } => {
                Approach::new(zone, Path::Forward(index), Targets::none(), false)
            }
            Route::Stub { zone, servers } => self.stub(frame, zone, &servers, around),
            _ => self.deepest(&seat(&question), around),
        };
        frame.stage = Stage::Approach(approach);
        Turn::Continue
    }
}

/// Whether the work is there to replace what is cached.
const fn renews(cause: Cause) -> bool {
    matches!(cause, Cause::Refresh | Cause::Priming | Cause::TrustAnchor)
}

/// Pays for the links of an answer from the cache.
fn charge_links(known: &Response, frame: &Frame, budget: &mut Budget) -> Result<(), Exhausted> {
    let last = usize::from(frame.question.rtype == RecordType::CNAME);
    let links = known
        .answer
        .iter()
        .filter(|held| held.rrset.rtype == RecordType::CNAME)
        .count();
    (last..links).try_for_each(|_| budget.charge_link())
}
