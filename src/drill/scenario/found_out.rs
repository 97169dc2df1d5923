//! What is to be found out, and for whom? A question with its permit, as the pipeline hands it out.

use crate::cache::Demand;
use crate::guard::permit::RecursionPermit;
use crate::query::{Miss, Refresh, Waiting};
use crate::wire::Question;

/// A question to be found out.
pub(super) struct FoundOut {
    pub(super) permit: RecursionPermit,
    pub(super) question: Question,
    pub(super) demand: Demand,
    /// The client; nobody for a name that is looked up anew.
    pub(super) waiting: Option<Waiting>,
}

impl FoundOut {
    /// For a client who waits.
    pub(super) fn for_client(miss: Miss) -> Self {
        let demand = miss.demand();
        let (permit, question, waiting) = miss.take();
        Self {
            permit,
            question,
            demand,
            waiting: Some(waiting),
        }
    }

    /// For nobody: a name that is about to end.
    pub(super) fn again(refresh: Refresh) -> Self {
        let (permit, question) = refresh.take();
        Self {
            permit,
            question,
            demand: Demand::Checked,
            waiting: None,
        }
    }
}
