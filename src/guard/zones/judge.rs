//! What becomes of a question that the cache cannot answer? Fetched, explored, answered stale, or denied.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::keys::{Charged, Cut, Key};
use super::record::{Asked, Record, Room};
use super::rule::{Case, REASONS, Ruling, covers, ede};
use super::slot::{Claim, ServerClaim, prefix_of};
use super::{Counters, Slot, State, ZoneGuard, millis};
use crate::config::plan::ZoneGuardMode;
use crate::guard::slots;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Ede, Name};

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
        let (keys, server) = {
            let all = self.keys.load();
            let keys = all.of(query.name, query.cut);
            let server = all.server_of(&keys, query.cut);
            (keys, server)
        };
        let has_stale = state.engaged.load(Ordering::Relaxed) > 0 && has_stale();
        let case = Case {
            query,
            asked: &asked,
            room: Room::default(),
            names: None,
            is_clean_elsewhere: true,
            is_paid: false,
            has_stale,
        };
        // Who asks for many unknown names of a server that suffers is no clean client in any of its zones.
        let at_server = server.as_ref().map(|(key, most)| {
            let on_record = |record: &mut Record| (record.is_suspicious(at), record.clean());
            let known_there = state.zones.with(key.hash, on_record);
            let names = known_there
                .filter(|(is_suspicious, _)| *is_suspicious)
                .and_then(|(_, clean)| {
                    let names = self.names_of(key, query, &asked, at)?;
                    Some((names, names <= clean))
                });
            (key, *most, names)
        });
        let is_clean_elsewhere =
            at_server.is_none_or(|(_, _, names)| names.is_none_or(|(_, is_clean)| is_clean));
        let mut ruling = Ruling::Open;
        let mut charged = SmallVec::new();
        for key in &keys {
            let case = Case {
                room: state.room(key.hash, None),
                is_clean_elsewhere,
                ..case
            };
            ruling = self.put(key, case, at);
            charged.push(key.hash);
            // What a deeper zone holds back is none of the burden of the one above.
            if ruling != Ruling::Open {
                break;
            }
        }
        // Nor of the server's; and what an engaged zone lets through is bounded there.
        let burdened = at_server.filter(|_| ruling == Ruling::Open);
        if let (Some((key, most, names)), Ruling::Open | Ruling::Explore) = (at_server, ruling) {
            let case = Case {
                room: state.room(key.hash, Some(most)),
                names: names.map(|(names, _)| names),
                is_paid: ruling == Ruling::Explore,
                ..case
            };
            ruling = ruling.and(self.put(key, case, at));
        }
        if ruling == Ruling::Open
            && !query.joins
            && let Some(room) = keys.first().map(|key| state.room(key.hash, None))
            && room.held >= room.threshold
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
                server: burdened.and_then(|(key, ..)| {
                    let zone = keys.first()?.charged.zone()?.clone();
                    ServerClaim::of(state, key, zone, asked.known)
                }),
                print,
                domain: keys.last().map_or(0, |key| key.hash),
                client: asked.client_print,
                explores,
                learns,
                open: (ruling == Ruling::Open).then_some(self.mode),
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
        self.keys.load().all(name, cut).iter().any(|key| {
            let on_record = |record: &mut Record| covers(record, name);
            self.state.zones.with(key.hash, on_record).unwrap_or(false)
        })
    }

    /// Charges the query to a zone or server that it has come to, and hears what that says.
    fn put(&self, key: &Key, case: Case<'_>, at: u64) -> Ruling {
        let state = &self.state;
        let Case {
            query, asked, room, ..
        } = case;
        let rule = |record: &mut Record| {
            // Of a suspicious zone it is known already who asks for too much, when the attack is found out. (Of a suspicious server it was
            // counted before, for its zones go by it, too.)
            let names = case.names.or_else(|| {
                let may = record.is_suspicious(at);
                may.then(|| self.names_of(key, query, asked, at)).flatten()
            });
            state.rule(record, &Case { names, ..case }, at)
        };
        // Who joins costs the server nothing.
        let is_burden = match key.charged {
            Charged::Zone(_) => !query.renews,
            Charged::Server(_) => !query.renews && !query.joins && !case.is_paid,
        };
        if !is_burden {
            return state.zones.with(key.hash, rule).unwrap_or(Ruling::Open);
        }
        state.zones.charge(key, at, |record| {
            record.map_or(Ruling::Open, |record| {
                record.note(asked, &state.hasher, at);
                record.set_most(room.threshold);
                if record.engage(room, self.flood_rate, at).is_some() {
                    state.took_up(record);
                }
                rule(record)
            })
        })
    }
}

impl State {
    /// Slots of a zone; if `most` is given, of a server that may have so many questions under way.
    pub(super) fn room(&self, hash: u64, most: Option<u32>) -> Room {
        Room {
            held: self.shares.held(hash),
            known: most.map_or(0, |_| self.shares.held(ServerClaim::known(hash))),
            threshold: most.unwrap_or_else(|| self.pool.threshold(slots::ZONE)),
        }
    }
}

impl Counters {
    pub(super) fn note_denied(&self, reason: Reason, known: bool) {
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
