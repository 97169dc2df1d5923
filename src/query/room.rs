//! Is there room for one more who waits? If not, the oldest of whoever holds most makes it.
//!
//! Only what must wait comes here: what is cached, or follows from it, has been answered, and stale data of a zone under attack, too.
//! So nothing that fills these limits keeps anybody from those.

use super::Pipeline;
use crate::guard::slots::Share;
use crate::guard::{Customer, PendingTicket};
use crate::telemetry::Reason;

impl Pipeline {
    /// A place among those who wait, and for who begins a look-up its client's share.
    ///
    /// # Errors
    /// [`Reason::ClientSlots`] if the client has all the look-ups under way that it may have, and waits for none of them any more.
    pub(super) fn seat(
        &self,
        customer: Customer,
        joins: bool,
    ) -> Result<(PendingTicket, Option<Share>), Reason> {
        if joins {
            return Ok((self.pending.enter(customer, false), None));
        }
        if !self.fair.has_room_for(&customer) {
            let reason = Reason::ClientSlots;
            if !self.pending.shed_of(&customer, reason) {
                return Err(reason);
            }
            // The share shrinks as slots fill: then one for one would not do.
            if self.pending.look_ups(&customer) > self.fair.client(&customer).most {
                self.pending.shed_of(&customer, reason);
            }
        }
        if self.resolver.is_full() {
            // Where nobody waits for what runs, the resolver says no.
            self.pending.shed_of_all(Reason::PendingTotal);
        }
        let share = self.fair.enter(&customer);
        Ok((self.pending.enter(customer, true), share))
    }
}
