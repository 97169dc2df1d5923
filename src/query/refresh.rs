//! Is what was just answered about to end? Then it is looked up anew behind the answer, so that the next client need not wait.

use super::Pipeline;
use crate::answer::Composed;
use crate::cache::Demand;
use crate::guard::{Admission, RecursionPermit};
use crate::sys::clock::Now;
use crate::telemetry::AnswerSource;
use crate::wire::{QueryView, Question, Response};

/// The part of its lifetime, as a divisor, in which a name that is asked for is looked up anew.
const LAST_PART: u32 = 10;

/// A question to be asked anew, with the right to do so that its client's admission gave.
pub struct Refresh {
    pub(super) permit: RecursionPermit,
    pub(super) question: Question,
}

impl Refresh {
    /// The permit that pays for it, and the question.
    #[must_use]
    pub fn take(self) -> (RecursionPermit, Question) {
        (self.permit, self.question)
    }
}

impl Pipeline {
    /// Looks the question up anew. Its packets are counted by the cause "refresh".
    pub async fn refresh(&self, refresh: Box<Refresh>) {
        let (permit, question) = refresh.take();
        // Nobody waits: what comes of it is in the cache.
        let _found = self.resolver.start(permit, question, Demand::Checked).await;
    }

    /// The right to look up anew what was answered from the cache, if it is about to end and nobody did so a moment ago.
    pub(super) fn renewal(
        &self,
        response: &Response,
        source: AnswerSource,
        query: &QueryView<'_>,
        admission: Admission,
        now: Now,
    ) -> Option<Refresh> {
        if query.flags.cd() || !self.is_about_to_end(response, source) {
            return None;
        }
        let question = query.question();
        if !self.cache.may_renew(&question, now) {
            return None;
        }
        let slot = self.may_renew(&question, admission.client(), now)?;
        Some(Refresh {
            permit: admission
                .into_refresh()?
                .holding(slot)
                .within(self.fair.clone(), None),
            question,
        })
    }

    /// Whether an answer from the cache is in the last part of its lifetime, and such names are looked up anew.
    pub(super) fn is_about_to_end(&self, response: &Response, source: AnswerSource) -> bool {
        self.cache.prefetches()
            && source == AnswerSource::Cache
            && response.answer.iter().any(|held| {
                let lifetime = self.cache.served_ttl(held.rrset.ttl);
                held.ttl <= lifetime / LAST_PART
            })
    }

    /// A ready-made answer must not hide from us that its name is still asked for when it is about to end.
    pub(super) fn until_renewal(&self, mut composed: Composed, response: &Response) -> Composed {
        if self.cache.prefetches() {
            let until = response.answer.iter().map(|held| {
                let last_part = self.cache.served_ttl(held.rrset.ttl) / LAST_PART;
                held.ttl.saturating_sub(last_part)
            });
            let until = until.min().unwrap_or(composed.lifetime);
            composed.lifetime = composed.lifetime.min(until);
        }
        composed
    }
}
