//! Is there room for one more who waits? If not, the oldest of whoever holds most makes it.
//!
//! Only what must wait comes here: what is cached, or follows from it, has been answered, and stale data of a zone under attack, too.
//! So nothing that fills these limits keeps anybody from those.

use super::Pipeline;
use crate::cache::Demand;
use crate::guard::slots::Share;
use crate::guard::{Customer, PendingTicket};
use crate::telemetry::Reason;
use crate::wire::Question;

/// With so many times its share under way, a client gets no more even if older look-ups are being ended for it: what is told to end is
/// not over yet, and more of it than this only comes in one burst, or where it does not end.
const STILL_ENDING: u32 = 2;

impl Pipeline {
    /// A place among those who wait, and for who begins a look-up its client's share.
    ///
    /// # Errors
    /// [`Reason::ClientSlots`] if the client has all the look-ups under way that it may have, and none of them is one that it alone waits
    /// for.
    pub(super) fn seat(
        &self,
        customer: Customer,
        (question, demand): (&Question, Demand),
        joins: bool,
    ) -> Result<(PendingTicket, Option<Share>), Reason> {
        let look_up = (question, self.resolver.demanded(demand));
        if joins {
            return Ok((self.pending.enter(customer, &look_up), None));
        }
        if !self.fair.has_room_for(&customer) {
            let reason = Reason::ClientSlots;
            let used = self.fair.client(&customer);
            if used.held >= used.most.saturating_mul(STILL_ENDING)
                || !self.pending.shed_of(&customer, reason)
            {
                return Err(reason);
            }
            // The share shrinks as slots fill: then one for one would not do.
            if self.pending.look_ups(&customer) > used.most {
                self.pending.shed_of(&customer, reason);
            }
        }
        // What nobody waits for goes first. Where there is nothing of either, the resolver says no.
        if self.resolver.is_full() && !self.resolver.end_deserted() {
            self.pending.shed_of_all(Reason::PendingTotal);
        }
        let share = self.fair.enter(&customer);
        Ok((self.pending.enter(customer, &look_up), share))
    }
}
