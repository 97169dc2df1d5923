//! When is the root asked for its own servers? At start, and again before what it said runs out (RFC 9609 section 3).

use std::sync::Arc;
use std::time::Duration;

use super::operator::Operator;
use crate::guard::permit::{InternalCause, RecursionPermit};
use crate::sys::clock::{self, Now};
use crate::wire::Name;

/// The root's servers are asked for again when what is known of them lasts no longer than this, seconds (10 minutes of the day
/// that a delegation is kept at most).
const AHEAD: u64 = 600;

/// Least time between two tries: a root that cannot be reached is not asked with every look.
const BETWEEN_TRIES: Duration = Duration::from_secs(300);

/// Remembers from look to look when the root was asked last.
#[derive(Debug, Default)]
pub(super) struct Priming {
    tried: Option<Now>,
}

impl Priming {
    /// Primes in the background if it is time. A failure is not held against anyone: the hints are used as they are.
    pub(super) fn see_to_it(&mut self, operator: &Operator) {
        let live = operator.live();
        let now = clock::now();
        if !live.plan.recursion.priming || live.forwards_everything() {
            return;
        }
        let known_until = live
            .cache
            .delegation(&Name::root(), now)
            .map(|root| root.expires_at);
        if !self.is_due(known_until, now) {
            return;
        }
        self.tried = Some(now);
        let resolver = Arc::clone(&live.resolver);
        tokio::spawn(async move {
            let permit = RecursionPermit::internal(InternalCause::Priming);
            let response = resolver.prime(permit).await;
            if response.answer.is_empty() {
                tracing::warn!(
                    "priming failed; what is known of the root servers is used as it is"
                );
            }
        });
    }

    /// `known_until`: wall-clock seconds at which the root's delegation runs out; nothing if there is none.
    fn is_due(&self, known_until: Option<u64>, now: Now) -> bool {
        let rested = self
            .tried
            .is_none_or(|tried| now.since(tried) >= BETWEEN_TRIES);
        rested && known_until.is_none_or(|until| until <= now.wall_secs().saturating_add(AHEAD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_asked_at_start_and_before_its_servers_are_forgotten_but_not_with_every_look() {
        let at = Now::at_secs;
        let mut priming = Priming::default();
        assert!(priming.is_due(None, at(0)), "at start");
        priming.tried = Some(at(0));
        assert!(!priming.is_due(None, at(299)), "it failed a moment ago");
        assert!(priming.is_due(None, at(300)));
        let until = at(86_400).wall_secs();
        assert!(!priming.is_due(Some(until), at(85_799)));
        assert!(priming.is_due(Some(until), at(85_800)));
        assert!(
            priming.is_due(Some(until), at(10 * 365 * 86_400)),
            "after a jump of years"
        );
    }
}
