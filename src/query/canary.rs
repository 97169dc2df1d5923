//! Does the pipeline still answer? A question of our own goes through it; the canary behind the watchdog.

use super::{Known, Pipeline};
use crate::answer;
use crate::cache::Demand;
use crate::sys::clock::Now;
use crate::wire::writer::write_query;
use crate::wire::{Flags, Header, QueryView, Question, Rcode, RecordType, Response};

impl Pipeline {
    /// Whether a question of our own comes out as a reply: through policy, cache and composing like a client's, without the guard
    /// and without asking anybody. The canary behind the watchdog.
    #[must_use]
    pub fn answers_itself(&self, now: Now) -> bool {
        const ID: u16 = 0x5375;
        let Ok(name) = "localhost.".parse() else {
            return false;
        };
        let mut packet = Vec::new();
        let question = Question::new(name, RecordType::A);
        let flags = Flags::default().with_rd(true);
        write_query(&mut packet, ID, flags, &question, None);
        let Ok(query) = QueryView::parse(&packet) else {
            return false;
        };
        let response = match self.known(query.question(), Demand::Checked, now) {
            Known::Response(response, _) => response,
            // Without special-use names nobody here need know it; to have found that out is enough.
            Known::Remains(_) => Response::empty(Rcode::NOERROR),
        };
        let mut reply = Vec::new();
        answer::compose(&query, &response, None, &self.plan, true, &mut reply);
        Header::parse(&reply)
            .is_ok_and(|header| header.id == ID && header.flags.qr() && header.qdcount == 1)
    }
}
