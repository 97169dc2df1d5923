//! What else stood in a full answer? Authority and additional sections, kept beside the answers for those who want responses as received.
//!
//! They are never looked at when something is to be found out: a set that came along with an answer is no answer itself, and
//! no delegation.

use std::sync::Arc;

use moka::sync::Cache as Moka;

use super::key::{BuildUnhashed, Key};
use super::{CLOCK_SLACK, Cache};
use crate::sys::clock::Now;
use crate::wire::{Held, Question, Rcode, RecordType, Response, Security};

#[derive(Debug)]
pub(super) struct Companions {
    pub(super) store: Moka<Key, Arc<Kept>, BuildUnhashed>,
}

/// What came along with the answer to one question.
#[derive(Debug)]
pub(super) struct Kept {
    question: Question,
    authority: Vec<Held>,
    additional: Vec<Held>,
    /// Wall seconds.
    stored: u64,
}

impl Companions {
    pub(super) fn new(max_bytes: u64) -> Self {
        let store = Moka::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Key, kept: &Arc<Kept>| u32::try_from(kept.memory()).unwrap_or(u32::MAX))
            .build_with_hasher(BuildUnhashed::default());
        Self { store }
    }
}

impl Kept {
    fn memory(&self) -> usize {
        let sets: usize = self
            .authority
            .iter()
            .chain(&self.additional)
            .map(|held| size_of::<Held>() + held.rrset.memory())
            .sum();
        super::rrsets::OVERHEAD + size_of::<Self>() + sets
    }
}

impl Cache {
    /// Keeps what came along with `response`, the answer just found out for `question`. What speaks of failure or nonexistence
    /// has nothing of the kind.
    pub fn store_companions(&self, question: &Question, response: &Response, now: Now) {
        let alone = response.authority.is_empty() && response.additional.is_empty();
        // What a client with CD was told is no company for what was validated.
        let unlooked = |held: &Held| held.security == Security::Unchecked;
        if alone
            || response.answer.is_empty()
            || response.answer.iter().any(unlooked)
            || response.rcode != Rcode::NOERROR
        {
            return;
        }
        // The cache has the proofs of a wildcard itself.
        let proof = |held: &&Held| matches!(held.rrset.rtype, RecordType::NSEC | RecordType::NSEC3);
        let kept = Kept {
            question: question.clone(),
            authority: response
                .authority
                .iter()
                .filter(|held| !proof(held))
                .cloned()
                .collect(),
            additional: response.additional.clone(),
            stored: now.wall_secs(),
        };
        self.companions.store.insert(
            self.keyer.key(&question.name, question.rtype),
            Arc::new(kept),
        );
    }

    /// Adds to an answer from this cache what came along with it when it was found out, with what is left of the TTLs.
    pub fn add_companions(&self, question: &Question, response: &mut Response, now: Now) {
        if response.answer.is_empty() || response.rcode != Rcode::NOERROR {
            return;
        }
        let key = self.keyer.key(&question.name, question.rtype);
        let kept = self.companions.store.get(&key);
        let Some(kept) = kept.filter(|kept| kept.question == *question) else {
            return;
        };
        let now = now.wall_secs();
        if now.saturating_add(CLOCK_SLACK) < kept.stored {
            return;
        }
        let age = u32::try_from(now.saturating_sub(kept.stored)).unwrap_or(u32::MAX);
        let left = |held: &Held| {
            let ttl = held.ttl.checked_sub(age).filter(|left| *left > 0)?;
            Some(Held {
                rrset: Arc::clone(&held.rrset),
                security: held.security,
                ttl,
            })
        };
        response
            .authority
            .extend(kept.authority.iter().filter_map(left));
        response
            .additional
            .extend(kept.additional.iter().filter_map(left));
    }

    /// Forgets what came along with answers for the names that `which` picks. Not counted: nobody asked for it.
    pub(super) fn flush_companions(&self, which: impl Fn(&crate::wire::Name) -> bool) {
        for (key, kept) in &self.companions.store {
            if which(&kept.question.name) {
                self.companions.store.invalidate(&*key);
            }
        }
    }
}
