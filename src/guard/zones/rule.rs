//! What does a zone under attack, or a server, say to a name? It is let through, explored, answered stale, or denied.

use super::engage::{Engaged, RELEASE_SHARE};
use super::explore::{CLEAN, RATE};
use super::heavy::rate_of;
use super::judge::Query;
use super::keys::{Charged, Class, Key};
use super::record::{Asked, Record, Room};
use super::signs::Trigger;
use super::{State, ZoneGuard};
use crate::guard::slots;
use crate::telemetry::Reason;
use crate::wire::{Ede, Name};

/// Why the zone guard denies, in the order of its counters.
pub(super) const REASONS: [Reason; 7] = [
    Reason::ZoneSlots,
    Reason::ZoneInFlight,
    Reason::ZoneFailing,
    Reason::ZoneThrottled,
    Reason::ZoneDead,
    Reason::ServerOverloaded,
    Reason::ServerThrottled,
];

/// What one zone, or server, says to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It, or this part of it, is not engaged.
    Open,
    Fetch,
    Explore,
    /// As exploring, whoever asks: what comes of it shows whether it is still attacked.
    Sample,
    Stale {
        refresh: bool,
    },
    Deny(Reason),
}

/// One query as it comes to one record, with what was said of it before.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) query: &'a Query<'a>,
    pub(super) asked: &'a Asked<'a>,
    pub(super) room: Room,
    /// How many unknown names its client asked for there lately, this one included; nothing if that was not counted.
    pub(super) names: Option<u32>,
    /// Whether its client is held to be clean elsewhere, too.
    pub(super) is_clean_elsewhere: bool,
    /// Whether what all zones together may explore has been charged for it.
    pub(super) is_paid: bool,
    pub(super) has_stale: bool,
}

impl ZoneGuard {
    /// How many unknown names the client asked for of late in a zone, or on a server.
    pub(super) fn names_of(
        &self,
        key: &Key,
        query: &Query<'_>,
        asked: &Asked<'_>,
        at: u64,
    ) -> Option<u32> {
        if asked.known || query.renews {
            return None;
        }
        let askers = &self.state.askers;
        let names = askers.note(key.hash, asked.client_print, asked.print, at);
        // Behind a shared address somebody always asks for many: the last to be served, but served.
        Some(if self.shared.find(asked.client).is_some() {
            names.min(CLEAN)
        } else {
            names
        })
    }
}

impl State {
    /// What an engaged zone or server says to a name, in the order of the parameter sheet.
    pub(super) fn rule(&self, record: &mut Record, case: &Case<'_>, at: u64) -> Ruling {
        let Case {
            query,
            asked,
            room: Room {
                held, threshold, ..
            },
            has_stale,
            ..
        } = *case;
        if !covers(record, asked.name) {
            return Ruling::Open;
        }
        // Who looks senders or addresses up asks for many names that nobody knows; there the budget of the zone is limit enough.
        let most = record.clean();
        let is_lookup = record.class == Class::Lookup;
        let clean = case
            .names
            .filter(|names| is_lookup || *names <= most && case.is_clean_elsewhere);
        let unknown = record.unknown.rate(at);
        let rate = self.rate(record, at);
        let is_server = record.charged.is_server();
        // Twice of this is always allowed: of a zone twice its budget, of a server what its own is, if that is more than two zones'.
        let allowed = if is_server {
            ((rate.0 / 2.0).max(RATE.0), rate.1)
        } else {
            rate
        };
        let Record {
            engaged: Some(engaged),
            bucket,
            ..
        } = record
        else {
            return Ruling::Open;
        };
        if query.joins && !has_stale {
            return Ruling::Fetch;
        }
        if engaged.is_dead() {
            // A probe waits for nobody: who has a stale copy gets it at once.
            let ours = self.together().all_fails(at);
            let probes =
                (asked.known || clean.is_some()) && !query.joins && engaged.takes_probe(ours, at);
            // Whoever makes a zone's other names fail must not make its known ones fail with them: where there is no stale copy, each of
            // those is a probe, too. What fails is remembered and not asked again for a while (RFC 9520).
            let is_owed = asked.known && !has_stale && !query.joins && held < threshold / 4;
            return match (has_stale && !query.renews, probes || is_owed) {
                (true, refresh) => Ruling::Stale { refresh },
                (false, true) => Ruling::Fetch,
                (false, false) => engaged.deny(Reason::ZoneDead, at),
            };
        }
        let mut explores = |names| {
            bucket.take(rate, names, at) && (case.is_paid || self.together().take(allowed, at))
        };
        let has_room = held < threshold;
        if has_stale && !query.renews {
            // It was there once, whoever asked. What is left of the budget of unknown names brings it up to date.
            let refresh = has_room && !query.joins && (asked.known || explores(CLEAN));
            return Ruling::Stale { refresh };
        }
        if asked.known {
            // What goes to a server itself is bounded by its share, the last quarter of which is for known names (`guard::fair`); look-ups that
            // wait elsewhere, as a stranger's aliases may, must not keep those of its customers out.
            return if has_room || is_server {
                Ruling::Fetch
            } else {
                engaged.deny(Reason::ZoneSlots, at)
            };
        }
        let has_spare_room = held < slots::for_unknown(threshold);
        if has_spare_room && !query.renews && engaged.samples(asked.print, unknown) {
            engaged.explored += 1;
            return Ruling::Sample;
        }
        if has_spare_room && clean.is_some_and(explores) {
            engaged.explored += 1;
            return Ruling::Explore;
        }
        engaged.deny(reason(engaged.trigger, is_server), at)
    }

    /// Names that may be explored per second in a zone or on a server, and at once.
    fn rate(&self, record: &Record, at: u64) -> (f32, f32) {
        match record.charged {
            Charged::Zone(_) => rate_of(record.class),
            Charged::Server(_) => {
                let fails = record.outcomes.failed_share(at) >= RELEASE_SHARE;
                self.together().at_server(record.usual(), fails, at)
            }
        }
    }
}

impl Engaged {
    fn deny(&mut self, reason: Reason, at: u64) -> Ruling {
        self.note_denied(reason, at);
        Ruling::Deny(reason)
    }

    /// One more was denied.
    pub(super) fn note_denied(&mut self, reason: Reason, at: u64) {
        let index = REASONS.iter().position(|known| *known == reason);
        if let Some(count) = index.and_then(|index| self.denied.get_mut(index)) {
            *count = count.saturating_add(1);
        }
        self.denied_lately.add(1.0, at);
    }
}

impl Ruling {
    /// What is done in the end, where the zones say this and their server says `said`: the stricter of the two.
    pub(super) const fn and(self, said: Self) -> Self {
        match (self, said) {
            (_, Self::Open) | (Self::Explore, Self::Fetch | Self::Explore | Self::Sample) => self,
            (_, said) => said,
        }
    }
}

/// Whether the zone or server is engaged and the name in the attacked part of it.
pub(super) fn covers(record: &Record, name: &Name) -> bool {
    record.engaged.as_ref().is_some_and(|engaged| {
        engaged
            .suffix
            .as_ref()
            .is_none_or(|suffix| suffix.covers(name))
    })
}

pub(super) const fn reason(trigger: Trigger, is_server: bool) -> Reason {
    match (trigger, is_server) {
        (Trigger::InFlight, false) => Reason::ZoneInFlight,
        (Trigger::Failing, false) => Reason::ZoneFailing,
        (Trigger::Flood | Trigger::Pinned, false) => Reason::ZoneThrottled,
        (Trigger::InFlight | Trigger::Failing, true) => Reason::ServerOverloaded,
        (Trigger::Flood | Trigger::Pinned, true) => Reason::ServerThrottled,
    }
}

/// Whether the zone guard denies for this reason.
#[must_use]
pub fn denies(reason: Reason) -> bool {
    REASONS.contains(&reason)
}

/// How a denial is said (RFC 8914).
#[must_use]
pub fn ede(reason: Reason) -> Ede {
    let code = match reason {
        Reason::ZoneThrottled | Reason::ServerThrottled => Ede::OTHER,
        Reason::ZoneFailing => Ede::NETWORK_ERROR,
        _ => Ede::NO_REACHABLE_AUTHORITY,
    };
    Ede::new(code, reason.sentence())
}
