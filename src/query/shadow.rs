//! Whom does a limit hurt? Of each query that one holds back, or would if it were enforced, what speaks for it.

use rand::Rng;

use super::{Pipeline, Waiting};
use crate::guard::zones;
use crate::policy::Decision;
use crate::sys::clock::Now;
use crate::sys::entropy;
use crate::telemetry::shadow::{KnownGood, Limit};
use crate::telemetry::{Reason, Worker};
use crate::wire::{QueryView, Rcode};

impl Pipeline {
    /// Counts a query that a limit holds back, or would if it were enforced. Every one as long as they are few;
    /// beyond, a sample stands for all: a flood must not cost a look into the cache for each packet.
    pub(super) fn acted(
        &self,
        counters: &Worker,
        limit: Limit,
        query: &QueryView<'_>,
        verified: bool,
        (now, dice): (Now, &mut impl Rng),
    ) {
        let times = counters.weight_of_acted(now.mono.as_secs(), || dice.next_u32());
        if times > 0 {
            counters.acted(limit, self.known_good(query, verified, now), times);
        }
    }

    /// The same for a packet whose query was read before.
    pub(super) fn acted_on_packet(
        &self,
        counters: &Worker,
        limit: Limit,
        packet: &[u8],
        verified: bool,
        chance: (Now, &mut impl Rng),
    ) {
        if let Ok(query) = QueryView::parse(packet) {
            self.acted(counters, limit, &query, verified, chance);
        }
    }

    /// Counts a query by a stream that has to wait for the limit of its client, once however often it tries.
    pub fn deferred(&self, packet: &[u8], now: Now, dice: &mut impl Rng) {
        let counters = self.telemetry.shared();
        self.acted_on_packet(counters, Limit::Client, packet, true, (now, dice));
    }

    /// The same for one that waited, and had to make room or failed for that reason.
    pub(super) fn acted_on_waiting(&self, waiting: &Waiting, reason: Reason, now: Now) {
        let limit = match reason {
            Reason::PendingPerClient => Limit::PendingPerClient,
            Reason::PendingTotal | Reason::JoinedClients => Limit::PendingTotal,
            Reason::ServerSlots => Limit::ServerShare,
            _ if zones::denies(reason) => Limit::ZoneGuard,
            // For `ClientSlots` the look-up that it makes room for is counted.
            _ => return,
        };
        let (packet, verified) = (&waiting.packet, waiting.account.client.verified);
        let chance = (now, &mut entropy::csprng());
        self.acted_on_packet(self.telemetry.shared(), limit, packet, verified, chance);
    }

    /// What speaks for a query. Asks nobody and changes nothing that is known.
    fn known_good(&self, query: &QueryView<'_>, verified: bool, now: Now) -> KnownGood {
        let is_known = self.zones.knows(query.qname_wire) || self.answers_at_once(query, now);
        match (is_known, verified) {
            (true, _) => KnownGood::Name,
            (false, true) => KnownGood::Address,
            (false, false) => KnownGood::No,
        }
    }

    /// Whether policy or the cache answer it with NOERROR. (Nothing is synthesised for it: a flood must not make us look for proofs.)
    fn answers_at_once(&self, query: &QueryView<'_>, now: Now) -> bool {
        let question = query.question();
        match self.policy.decide(&question) {
            Decision::Answer(response) => response.rcode == Rcode::NOERROR,
            Decision::Chase { .. } => true,
            _ => {
                let cached = self.cache.lookup(&question, now);
                cached.is_some_and(|response| response.rcode == Rcode::NOERROR)
            }
        }
    }
}
