//! What becomes of a question that the cache cannot answer? Fetched, explored, answered stale, or denied.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::engage::{Engaged, Trigger};
use super::explore::CLEAN;
use super::heavy::rate_of;
use super::keys::{Class, Cut, Key};
use super::record::{Asked, Record};
use super::slot::{Claim, prefix_of};
use super::{Counters, Slot, ZoneGuard, millis};
use crate::config::plan::ZoneGuardMode;
use crate::guard::slots;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Ede, Name};

/// Why the zone guard denies, in the order of its counters.
pub(super) const REASONS: [Reason; 5] = [
    Reason::ZoneSlots,
    Reason::ZoneInFlight,
    Reason::ZoneFailing,
    Reason::ZoneThrottled,
    Reason::ZoneDead,
];

/// A question that the cache cannot answer.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The name asked.
    pub name: &'a Name,
    /// Where its zone begins, as far as is known.
    pub cut: Option<Cut<'a>>,
    /// Who asks.
    pub client: IpAddr,
    /// The hop limit that the question came with, if that was looked at.
    pub hop_limit: Option<u8>,
    /// Whether the same question is under way already: it costs nothing more to wait for it.
    pub joins: bool,
    /// Whether nobody waits: a name that is about to end is looked up anew. It is no demand, and is let through under attack only if it is known.
    pub renews: bool,
}

/// What the zone guard says.
#[derive(Debug)]
pub enum Permission {
    /// Find it out.
    Fetch(Slot),
    /// Find it out, as one of the few unknown names of a zone under attack.
    Explore(Slot),
    /// Answer what was good before; find it out behind that, if there is a slot.
    Stale {
        /// The right to look it up anew.
        refresh: Option<Slot>,
    },
    /// Do not find it out.
    Deny(Denial),
}

/// Why not, and how it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The code for counters and logs.
    pub reason: Reason,
    /// What the SERVFAIL says (RFC 8914).
    pub ede: Ede,
    /// Whether this client prefix has heard it often enough: nothing is sent, unless the client came by a stream.
    pub silent: bool,
    /// Whether the name is known to be real.
    pub known: bool,
}

/// What one zone says to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    /// The zone, or this part of it, is not engaged.
    Open,
    Fetch,
    Explore,
    /// As exploring, whoever asks: what comes of it shows whether the zone is still attacked.
    Sample,
    Stale {
        refresh: bool,
    },
    Deny(Reason),
}

/// Slots of the zone at the moment.
#[derive(Clone, Copy)]
struct Room {
    held: u32,
    threshold: u32,
}

impl ZoneGuard {
    /// Judges one question. `has_stale` is asked only while some zone is engaged: whether there is a stale copy.
    pub fn judge(
        &self,
        query: &Query<'_>,
        has_stale: impl FnOnce() -> bool,
        now: Now,
    ) -> Permission {
        if !self.is_on() {
            return Permission::Fetch(if query.joins {
                Slot::free()
            } else {
                Slot::of_pool(self.state.pool.take())
            });
        }
        self.tend(now);
        let at = millis(now);
        let state = &self.state;
        let print = state.known.print(&query.name.to_lower_wire());
        let client = prefix_of(query.client);
        let asked = Asked {
            name: query.name,
            known: state.known.contains(print),
            print: print.first,
            client,
            client_print: state.client_print(client),
            hop_limit: query.hop_limit,
        };
        let keys = self.keys.load().of(query.name, query.cut);
        let has_stale = state.engaged.load(Ordering::Relaxed) > 0 && has_stale();
        let mut ruling = Ruling::Open;
        let mut charged = SmallVec::new();
        for key in &keys {
            let room = self.room(key);
            ruling = if query.renews {
                let on_record = |record: &mut Record| {
                    self.rule(record, key, query, &asked, room, has_stale, at)
                };
                state
                    .zones
                    .with(key.hash, on_record)
                    .unwrap_or(Ruling::Open)
            } else {
                state.zones.charge(key, at, |record| {
                    record.map_or(Ruling::Open, |record| {
                        record.note(&asked, &state.hasher, at);
                        let Room { held, threshold } = room;
                        if record
                            .engage(held, threshold, self.flood_rate, at)
                            .is_some()
                        {
                            state.took_up();
                        }
                        self.rule(record, key, query, &asked, room, has_stale, at)
                    })
                })
            };
            charged.push(key.hash);
            // What a deeper zone holds back is none of the burden of the one above.
            if ruling != Ruling::Open {
                break;
            }
        }
        if ruling == Ruling::Open
            && !query.joins
            && let Some(Room { held, threshold }) = keys.first().map(|key| self.room(key))
            && held >= threshold
        {
            ruling = if has_stale && !query.renews {
                Ruling::Stale { refresh: false }
            } else {
                Ruling::Deny(Reason::ZoneSlots)
            };
        }
        let denied = matches!(ruling, Ruling::Deny(_)) && !query.renews;
        let samples = ruling == Ruling::Sample;
        let slot = |explores, learns| {
            Slot::of(Claim {
                samples,
                state: Arc::clone(state),
                _place: state.pool.take(),
                _share: keys.first().map(|key| state.shares.enter(key.hash)),
                zones: charged,
                print,
                domain: keys.last().map_or(0, |key| key.hash),
                client: asked.client_print,
                explores,
                learns,
                spared: denied.then_some(asked.known),
            })
        };
        let learns =
            asked.known || matches!(ruling, Ruling::Open | Ruling::Explore | Ruling::Sample);
        if self.mode == ZoneGuardMode::LogOnly {
            if let (Ruling::Deny(reason), false) = (ruling, query.renews) {
                state.counters.note_denied(reason, asked.known);
            }
            return Permission::Fetch(if query.joins {
                Slot::free()
            } else {
                slot(false, learns)
            });
        }
        match ruling {
            _ if query.joins && !matches!(ruling, Ruling::Stale { .. }) => {
                Permission::Fetch(Slot::free())
            }
            Ruling::Open | Ruling::Fetch => Permission::Fetch(slot(false, learns)),
            Ruling::Explore | Ruling::Sample => {
                state.counters.explored.fetch_add(1, Ordering::Relaxed);
                Permission::Explore(slot(true, learns))
            }
            Ruling::Stale { refresh } => {
                state.counters.stale.fetch_add(1, Ordering::Relaxed);
                let refresh = (refresh && !query.joins).then(|| slot(false, learns));
                Permission::Stale { refresh }
            }
            // Nobody asked, so nobody is denied anything.
            Ruling::Deny(reason) if query.renews => Permission::Deny(Denial {
                reason,
                ede: ede(reason),
                silent: true,
                known: asked.known,
            }),
            Ruling::Deny(reason) => {
                state.counters.note_denied(reason, asked.known);
                let silent = !state.denials.take(query.client, now);
                if silent {
                    state.counters.silent.fetch_add(1, Ordering::Relaxed);
                }
                Permission::Deny(Denial {
                    reason,
                    ede: ede(reason),
                    silent,
                    known: asked.known,
                })
            }
        }
    }

    /// Whether unknown names like this one are held back at present, so that what was good before stands in for a failure.
    #[must_use]
    pub fn holds(&self, name: &Name, cut: Option<Cut<'_>>) -> bool {
        if self.mode != ZoneGuardMode::Enforce || self.state.engaged.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let keys = self.keys.load().of(name, cut);
        keys.iter().any(|key| {
            let on_record = |record: &mut Record| covers(record, name);
            self.state.zones.with(key.hash, on_record).unwrap_or(false)
        })
    }

    fn room(&self, key: &Key) -> Room {
        Room {
            held: self.state.shares.held(key.hash),
            threshold: self.state.pool.threshold(slots::ZONE),
        }
    }

    /// What an engaged zone says to a name, in the order of the parameter sheet.
    #[expect(
        clippy::too_many_arguments,
        reason = "one query with everything that is known of it"
    )]
    fn rule(
        &self,
        record: &mut Record,
        key: &Key,
        query: &Query<'_>,
        asked: &Asked<'_>,
        Room { held, threshold }: Room,
        has_stale: bool,
        at: u64,
    ) -> Ruling {
        // Of a suspicious zone it is known already who asks for too much, when the attack is found out.
        let names = if asked.known || query.renews || !record.is_suspicious(at) {
            None
        } else {
            let askers = &self.state.askers;
            Some(askers.note(key.hash, asked.client_print, asked.print, at))
        };
        // Who looks senders or addresses up asks for many names that nobody knows; there the budget of the zone is limit enough.
        let is_lookup = record.class == Class::Lookup;
        // Behind a shared address somebody always asks for many: the last to be served, but served.
        let names = names.map(|names| {
            if self.shared.find(asked.client).is_some() {
                names.min(CLEAN)
            } else {
                names
            }
        });
        let clean = names.filter(|names| is_lookup || *names <= CLEAN);
        let unknown = record.unknown.rate(at);
        if !covers(record, asked.name) {
            return Ruling::Open;
        }
        let rate = rate_of(record.class);
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
            let ours = self.state.together().all_fails(at);
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
        let has_room = held < threshold;
        if has_stale && !query.renews {
            // It was there once, whoever asked. What is left of the budget of unknown names brings it up to date.
            let refresh = has_room
                && !query.joins
                && (asked.known
                    || bucket.take(rate, CLEAN, at) && self.state.together().take(rate, at));
            return Ruling::Stale { refresh };
        }
        if asked.known {
            return if has_room {
                Ruling::Fetch
            } else {
                engaged.deny(Reason::ZoneSlots, at)
            };
        }
        // A quarter of the slots is left to known names.
        if held < threshold - threshold / 4
            && !query.renews
            && engaged.samples(asked.print, unknown)
        {
            engaged.explored += 1;
            return Ruling::Sample;
        }
        if let Some(names) = clean
            && held < threshold - threshold / 4
            && bucket.take(rate, names, at)
            && self.state.together().take(rate, at)
        {
            engaged.explored += 1;
            return Ruling::Explore;
        }
        let reason = match engaged.trigger {
            Trigger::InFlight => Reason::ZoneInFlight,
            Trigger::Failing => Reason::ZoneFailing,
            Trigger::Flood | Trigger::Pinned => Reason::ZoneThrottled,
        };
        engaged.deny(reason, at)
    }
}

impl Engaged {
    fn deny(&mut self, reason: Reason, at: u64) -> Ruling {
        let index = REASONS.iter().position(|known| *known == reason);
        if let Some(count) = index.and_then(|index| self.denied.get_mut(index)) {
            *count = count.saturating_add(1);
        }
        self.denied_lately.add(1.0, at);
        Ruling::Deny(reason)
    }
}

impl Counters {
    fn note_denied(&self, reason: Reason, known: bool) {
        let index = REASONS.iter().position(|one| *one == reason);
        if let Some(counter) = index.and_then(|index| self.denied.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if known {
            self.denied_known.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Queries denied, or in log-only mode those that would have been, by reason.
    pub fn denied(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = self
            .denied
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        REASONS.into_iter().zip(counts)
    }
}

/// Whether the zone is engaged and the name in the attacked part of it.
fn covers(record: &Record, name: &Name) -> bool {
    record.engaged.as_ref().is_some_and(|engaged| {
        engaged
            .suffix
            .as_ref()
            .is_none_or(|suffix| suffix.covers(name))
    })
}

fn ede(reason: Reason) -> Ede {
    let code = match reason {
        Reason::ZoneThrottled => Ede::OTHER,
        Reason::ZoneFailing => Ede::NETWORK_ERROR,
        _ => Ede::NO_REACHABLE_AUTHORITY,
    };
    Ede::new(code, reason.sentence())
}
