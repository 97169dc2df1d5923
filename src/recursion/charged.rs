//! What has become of the server that the client's question was charged to? Whether it answered, kept silent, or is not waited for any more.

use std::net::IpAddr;

use super::Recursion;
use super::fault::Fault;
use super::frame::Stage;
use crate::guard::permit::Blame;
use crate::wire::Name;

/// Servers remembered that answered; a question that takes more is beyond every budget.
const ANSWERED: usize = 128;

impl Recursion {
    /// Whether the client's question waits no more for the servers of `zone`, to which it was charged by the address of one of them:
    /// an alias has led elsewhere, they have referred downwards, or that one has said that it is no use.
    #[must_use]
    pub fn has_left(&self, zone: &Name, server: IpAddr) -> bool {
        let Some(frame) = self.frames.first() else {
            return false;
        };
        let asked = match &frame.stage {
            Stage::Approach(approach) => &approach.zone,
            Stage::Weigh(approach, _) | Stage::Follow(approach, _) => &approach.zone,
            // Its parent's servers know whether the zone below is signed.
            Stage::Introduce(_, below) => &below.parent,
            Stage::Start => zone,
        };
        // Above the zone somebody is asked anew where it is.
        let is_elsewhere = !frame.target.is_within(zone) || !zone.is_within(asked);
        is_elsewhere || self.is_no_use(zone, server)
    }

    /// Whether this server answered what the client's question led to, be it with a referral or an alias.
    #[must_use]
    pub fn was_answered_by(&self, server: IpAddr) -> bool {
        self.answered.contains(&server)
    }

    /// A server is silent that was asked and said nothing at all: one that refused, or said something wrong, is there.
    pub(super) fn blame_if(&self, zone: bool, server: Option<IpAddr>) -> Blame {
        let mut here = self
            .history
            .iter()
            .filter(|at| server.is_some() && at.server == server)
            .peekable();
        Blame {
            zone,
            silent: zone && here.peek().is_some() && here.all(|at| at.fault == Fault::Silent),
            answered: server.is_some_and(|server| self.was_answered_by(server)),
        }
    }

    /// A server's reply to what the client's question led to is taken.
    pub(super) fn note_answer(&mut self, server: IpAddr) {
        if self.answered.len() < ANSWERED && !self.answered.contains(&server) {
            self.answered.push(server);
        }
    }

    /// Whether a server has replied for the zone, with nothing that helps.
    fn is_no_use(&self, zone: &Name, server: IpAddr) -> bool {
        self.history.iter().any(|told| {
            told.server == Some(server)
                && told.zone == *zone
                && matches!(
                    told.fault,
                    Fault::Rcode(_) | Fault::Lame | Fault::Upward | Fault::Bad | Fault::Bogus(_)
                )
        })
    }
}
