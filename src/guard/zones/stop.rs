//! May a look-up go on that met a failure, though its zone or server has been engaged since it began? Not for a name that nobody knows.
//!
//! Whoever asks for that name now is held back; packets that were begun on before must not go on being sent again, to one server
//! after the other, for seconds. What was let through by an engaged zone or server, as one of the few that explore, is not touched.

use std::sync::atomic::Ordering;

use super::decay::millis;
use super::keys::Class;
use super::record::Record;
use super::rule::{covers, reason};
use super::signs::Trigger;
use super::slot::Slot;
use crate::config::plan::ZoneGuardMode;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::Name;

impl Slot {
    /// Why no further packet is to be sent for `name`, whose look-up has met a failure; nothing if it may go on, if the name is not
    /// the one that the slot was lent for, or if that would only be logged. `counts`: a client waits for it, and is denied.
    pub(in crate::guard) fn stops(
        &mut self,
        name: &Name,
        counts: bool,
        now: Now,
    ) -> Option<Reason> {
        let claim = self.claim.as_mut()?;
        let state = &claim.state;
        let mode = claim.open?;
        if state.engaged.load(Ordering::Relaxed) == 0 || state.known.contains(claim.print) {
            return None;
        }
        if state.known.print(&name.to_lower_wire()) != claim.print {
            return None;
        }
        let at = millis(now);
        let says = |hash: &u64| {
            let on_record = |record: &mut Record| record.stops(name, counts, at);
            state.zones.with(*hash, on_record).flatten()
        };
        let server = claim.server.as_ref().map(|server| server.hash);
        let reason = claim.zones.iter().chain(&server).find_map(says)?;
        if counts {
            state.counters.note_denied(reason, false);
        }
        if mode == ZoneGuardMode::LogOnly {
            // Once for each look-up.
            claim.open = None;
            return None;
        }
        Some(reason)
    }
}

impl Record {
    /// Why a look-up of an unknown name stops, if it is engaged and the name in the attacked part of it. What the operator said
    /// of the zone is for what is asked from then on.
    fn stops(&mut self, name: &Name, counts: bool, at: u64) -> Option<Reason> {
        if !covers(self, name) || matches!(self.class, Class::Pinned | Class::Exempt) {
            return None;
        }
        let is_server = self.charged.is_server();
        let engaged = self.engaged.as_mut()?;
        let reason = match engaged.trigger {
            Trigger::Pinned => return None,
            _ if engaged.is_dead() => Reason::ZoneDead,
            trigger => reason(trigger, is_server),
        };
        if counts {
            engaged.note_denied(reason, at);
        }
        Some(reason)
    }
}
