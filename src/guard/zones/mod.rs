//! May this name be looked for now? The zone guard: floods of made-up names are held back, a zone's real names are not.
//!
//! Asked for every question that the cache cannot answer. It counts what is asked for in each zone and how it ends, lends fetch slots
//! by a dynamic threshold, and when a zone is under attack ([`engage`]) lets through what is known to be real ([`known`]), answers
//! the rest from stale data, explores a little for clean clients ([`explore`]) and denies what is left. A denial is never NXDOMAIN and
//! is kept nowhere: once the guard lets go, the name resolves. (Parameter sheet, section 3; threats.md 2.4.)

mod built_in;
pub mod decay;
pub mod engage;
pub mod explore;
mod heavy;
mod judge;
pub mod keys;
pub mod known;
mod lookups;
pub mod narrow;
pub mod outcome;
mod record;
mod rule;
mod sightings;
mod slot;
mod status;
mod stop;
pub mod suffixes;
mod top;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rand::Rng;
use siphasher::sip::SipHasher13;

use crate::config::plan::{self, ZoneGuardMode};
use crate::guard::ranges::Ranges;
use crate::guard::refusals::Refusals;
use crate::guard::slots::{self, Pool, Shares};
use crate::sys::clock::Now;
use crate::telemetry::incidents::{Incidents, Moment, Stage, Subject};
use crate::wire::Name;

pub use explore::{LOOKUP_RATE, RATE};
pub use judge::{Denial, Permission, Query};
pub use keys::{Charged, Class, Cut, Server};
pub use known::{KnownNames, Unusable};
pub use lookups::LOOKUP_ZONES;
pub use outcome::{Blame, Outcome};
pub use rule::{denies, ede};
pub use slot::Slot;
pub use status::{Explained, Guarded, Status};
pub use top::{Demand, ServerDemand};

use decay::millis;
use explore::{Askers, Together};
use heavy::Zones;
use keys::Keys;
use record::{Record, Room};

use suffixes::Suffixes;

/// Denials answered per second and client prefix (IPv4 /24, IPv6 /48); the rest is silence.
const DENIALS: u32 = 10;
/// Cells of each of the two rows that count the slots of zones: 256 KiB.
const SHARE_CELLS: usize = 1 << 15;
/// Milliseconds between two looks at the zones that are engaged.
const TENDING: u64 = 1_000;
/// Zones and servers that the operator may pin or exempt at run time.
const WISHES: usize = 1_000;

/// The zone guard of one configuration. What it has learned is shared with that of the next.
#[derive(Debug)]
pub struct ZoneGuard {
    mode: ZoneGuardMode,
    flood_rate: f32,
    max_stale: u32,
    plan: plan::ZoneGuard,
    suffixes: Arc<Suffixes>,
    /// Addresses that many customers share.
    shared: Ranges<()>,
    keys: ArcSwap<Keys>,
    state: Arc<State>,
}

/// What outlives a reload.
#[derive(Debug)]
struct State {
    hasher: SipHasher13,
    pool: Arc<Pool>,
    shares: Arc<Shares>,
    zones: Zones,
    known: Arc<KnownNames>,
    askers: Askers,
    together: Mutex<Together>,
    denials: Refusals,
    /// Zones and servers engaged now.
    engaged: AtomicU32,
    /// The servers among them.
    servers_engaged: AtomicU32,
    /// When they were last looked at, milliseconds.
    tended: AtomicU64,
    /// What the operator pinned or exempted at run time.
    wishes: Mutex<BTreeMap<Charged, Class>>,
    counters: Counters,
    incidents: Arc<Incidents>,
}

/// What the zone guard counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Times a zone or a server was engaged.
    pub engaged: AtomicU64,
    /// Queries denied, or in log-only mode those that would have been, and look-ups that stopped halfway, in the order of [`rule::REASONS`].
    denied: [AtomicU64; rule::REASONS.len()],
    /// Of those, the ones for names known to be real.
    pub denied_known: AtomicU64,
    /// Denials that were not even answered.
    pub silent: AtomicU64,
    /// Names explored.
    pub explored: AtomicU64,
    /// Queries of zones under attack that were answered with stale data.
    pub stale: AtomicU64,
    /// Names learned.
    pub learned: AtomicU64,
    /// Names that were not learned because their domain, or the filter, is full.
    pub not_learned: AtomicU64,
}

impl ZoneGuard {
    /// Builds it from checked settings. `known`: the names of before, if there are any; otherwise an empty filter.
    #[must_use]
    pub fn new(
        plan: &plan::ZoneGuard,
        known: Option<KnownNames>,
        incidents: Arc<Incidents>,
        now: Now,
    ) -> Self {
        let mut random = crate::sys::entropy::csprng();
        let mut draw = || {
            let mut key = [0; 16];
            random.fill_bytes(&mut key);
            key
        };
        let (secret, denials) = (draw(), draw());
        let known = known.unwrap_or_else(|| KnownNames::new(octets(plan), draw(), millis(now)));
        Self::with_secrets(plan, known, incidents, &secret, &denials)
    }

    /// The same with given secrets, for simulations.
    #[must_use]
    pub fn with_secrets(
        plan: &plan::ZoneGuard,
        known: KnownNames,
        incidents: Arc<Incidents>,
        secret: &[u8; 16],
        denials: &[u8; 16],
    ) -> Self {
        let state = State {
            hasher: SipHasher13::new_with_key(secret),
            pool: Arc::new(Pool::new(plan.slots)),
            shares: Arc::new(Shares::new(SHARE_CELLS)),
            zones: Zones::new(),
            known: Arc::new(known),
            askers: Askers::default(),
            together: Mutex::default(),
            denials: Refusals::new(DENIALS, DENIALS, u32::MAX, denials),
            engaged: AtomicU32::new(0),
            servers_engaged: AtomicU32::new(0),
            tended: AtomicU64::new(0),
            wishes: Mutex::default(),
            counters: Counters::default(),
            incidents,
        };
        Self::of(plan, read(plan), Arc::new(state))
    }

    /// That of a new configuration, with everything the one `before` knows. (The size of the filter changes at the next start.)
    #[must_use]
    pub fn continuing(plan: &plan::ZoneGuard, before: &Self) -> Self {
        before.state.pool.resize(plan.slots);
        let suffixes = if plan.suffixes == before.plan.suffixes {
            Arc::clone(&before.suffixes)
        } else {
            read(plan)
        };
        Self::of(plan, suffixes, Arc::clone(&before.state))
    }

    fn of(plan: &plan::ZoneGuard, suffixes: Arc<Suffixes>, state: Arc<State>) -> Self {
        let guard = Self {
            mode: plan.mode,
            flood_rate: f32::from(u16::try_from(plan.flood_rate).unwrap_or(u16::MAX)),
            max_stale: plan.max_stale,
            plan: plan.clone(),
            shared: Ranges::new(
                &plan
                    .shared
                    .iter()
                    .map(|prefix| (*prefix, ()))
                    .collect::<Vec<_>>(),
            ),
            keys: ArcSwap::from_pointee(Keys::new(
                Arc::clone(&suffixes),
                state.hasher,
                &plan.lookup_zones,
                &plan.exempt,
            )),
            suffixes,
            state,
        };
        guard.rebuild_keys(&guard.wishes());
        guard
    }

    /// Whether it does anything at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.mode != ZoneGuardMode::Off
    }

    /// The fetch slots that zones, clients and servers share.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.state.pool
    }

    /// Zones and servers engaged now.
    #[must_use]
    pub fn engaged(&self) -> u32 {
        self.state.engaged.load(Ordering::Relaxed)
    }

    /// The servers among them.
    #[must_use]
    pub fn servers_engaged(&self) -> u32 {
        self.state.servers_engaged.load(Ordering::Relaxed)
    }

    /// Seconds for which data of a zone under attack may be used after their end.
    #[must_use]
    pub const fn max_stale(&self) -> u32 {
        self.max_stale
    }

    /// The names known to be real, for whoever keeps them over a restart.
    #[must_use]
    pub fn known_names(&self) -> &KnownNames {
        &self.state.known
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.state.counters
    }

    /// A name was answered out of the cache: perhaps that is its second sighting.
    pub fn answered_from_cache(&self, name: &Name, client: std::net::IpAddr, now: Now) {
        if !self.is_on() {
            return;
        }
        let at = millis(now);
        let print = self.state.known.print(&name.to_lower_wire());
        let client = self.state.client_print(slot::prefix_of(client));
        if self.state.known.awaits(print, client, at) {
            let keys = self.keys.load().of(name, None);
            self.state
                .learn(print, keys.last().map_or(0, |key| key.hash), client, at);
        }
    }

    /// Pins or exempts a zone, or exempts a server, until [`Self::release`], whatever the configuration says.
    ///
    /// # Errors
    /// A sentence: the zone is shared by too many, a server cannot be pinned, or too many have been named.
    pub fn wish(
        &self,
        what: impl Into<Charged>,
        class: Class,
        now: Now,
    ) -> Result<(), &'static str> {
        let what = what.into();
        match &what {
            Charged::Zone(zone) if self.keys.load().is_shared(zone) => {
                return Err(
                    "it is the root, a public suffix or the upper part of a reverse tree, which everybody shares: name a zone below it",
                );
            }
            Charged::Server(_) if class != Class::Exempt => {
                return Err("it is a server, whose zones may be anybody's: pin its zones");
            }
            _ => {}
        }
        let mut wishes = self.wishes();
        if wishes.len() >= WISHES && !wishes.contains_key(&what) {
            return Err("too many zones and servers are pinned or exempted already");
        }
        wishes.insert(what.clone(), class);
        self.rebuild_keys(&wishes);
        drop(wishes);
        self.take_up(&what, now);
        Ok(())
    }

    /// Takes back what the operator wished for a zone or server, and lets go of it now, until what comes from now on engages it anew;
    /// whether there was anything to take back or to let go.
    pub fn release(&self, what: impl Into<Charged>, now: Now) -> bool {
        let what = what.into();
        let mut wishes = self.wishes();
        let wished = wishes.remove(&what).is_some();
        self.rebuild_keys(&wishes);
        drop(wishes);
        let key = self.keys.load().exactly(&what);
        let engaged = self.state.zones.with(key.hash, |record| {
            record.class = key.class;
            // Or the next question for a name of it would engage it again, however long ago the flood ended.
            record.begin_anew();
            self.state.let_go(record, now)
        });
        wished || engaged.unwrap_or(false)
    }

    /// Looks at the zones that are engaged: is it over, is there something to tell? Every second, by queries or by housekeeping.
    pub fn tend(&self, now: Now) {
        let at = millis(now);
        let state = &self.state;
        let last = state.tended.load(Ordering::Relaxed);
        if !self.is_on() || at < last.saturating_add(TENDING) {
            return;
        }
        let mine = state
            .tended
            .compare_exchange(last, at, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_err() {
            return;
        }
        state.known.grow_older(at);
        if state.engaged.load(Ordering::Relaxed) == 0 {
            return;
        }
        state.zones.for_each(|hash, record| {
            let Some(mut engaged) = record.engaged.take() else {
                return;
            };
            let room = state.room(hash, record.most());
            let signs = record.signs(room, self.flood_rate, at);
            let over = engaged.is_over(&signs, at);
            let since = |told| Duration::from_millis(at.saturating_sub(told));
            // Its end is told when it is let go.
            let stage = Stage::due(engaged.told.map(since), false);
            if stage.is_some() {
                engaged.told = Some(at);
            }
            record.engaged = Some(engaged);
            if let Some(stage) = stage {
                state.tell(record, stage, now);
            }
            if over {
                let _engaged = state.let_go(record, now);
            }
        });
    }

    fn take_up(&self, what: &Charged, now: Now) {
        let at = millis(now);
        let key = self.keys.load().exactly(what);
        let room = Room {
            threshold: self.state.pool.threshold(slots::ZONE),
            ..Room::default()
        };
        self.state.zones.make(&key, at, |record| {
            if key.class == Class::Exempt {
                let _engaged = self.state.let_go(record, now);
            } else if record.engage(room, self.flood_rate, at).is_some() {
                self.state.took_up(record);
            }
        });
    }

    fn wishes(&self) -> MutexGuard<'_, BTreeMap<Charged, Class>> {
        self.state
            .wishes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn rebuild_keys(&self, wishes: &BTreeMap<Charged, Class>) {
        let plan = &self.plan;
        let mut keys = Keys::new(
            Arc::clone(&self.suffixes),
            self.state.hasher,
            &plan.lookup_zones,
            &plan.exempt,
        );
        for (what, class) in wishes {
            match what {
                Charged::Zone(zone) => keys.set(zone, *class),
                Charged::Server(address) => keys.leave_alone(*address),
            }
        }
        self.keys.store(Arc::new(keys));
    }
}

impl State {
    fn took_up(&self, record: &Record) {
        self.engaged.fetch_add(1, Ordering::Relaxed);
        if record.charged.is_server() {
            self.servers_engaged.fetch_add(1, Ordering::Relaxed);
        }
        self.counters.engaged.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the engagement of a zone or server, if there is one, and tells of it.
    fn let_go(&self, record: &mut Record, now: Now) -> bool {
        if record.engaged.is_none() {
            return false;
        }
        // Who never heard of its beginning need not hear of its end.
        if record
            .engaged
            .as_ref()
            .is_some_and(|engaged| engaged.told.is_some())
        {
            self.tell(record, Stage::Stopped, now);
        }
        record.engaged = None;
        self.engaged.fetch_sub(1, Ordering::Relaxed);
        if record.charged.is_server() {
            self.servers_engaged.fetch_sub(1, Ordering::Relaxed);
        }
        true
    }

    fn tell(&self, record: &Record, stage: Stage, now: Now) {
        if let Some(attack) = status::attack(record, millis(now)) {
            self.incidents.push(Moment {
                at_ms: now.wall_ms,
                since_ms: now.wall_ms.saturating_sub(attack.seconds * 1_000),
                stage,
                subject: Subject::Zone(attack),
            });
        }
    }

    fn learn(&self, print: known::Print, domain: u64, client: u64, at: u64) {
        let counter = match self.known.sighted(print, domain, client, at) {
            known::Learning::Learned => &self.counters.learned,
            known::Learning::NoRoom => &self.counters.not_learned,
            known::Learning::Known | known::Learning::SightedOnce => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn together(&self) -> MutexGuard<'_, Together> {
        self.together.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(plan: &plan::ZoneGuard) -> Arc<Suffixes> {
    let list = plan.suffixes.as_deref().and_then(Suffixes::read);
    Arc::new(list.unwrap_or_else(Suffixes::built_in))
}

/// Octets of one generation of the filter; next to none where it is not used.
fn octets(plan: &plan::ZoneGuard) -> u64 {
    if plan.mode == ZoneGuardMode::Off {
        0
    } else {
        plan.known_names
    }
}

#[cfg(test)]
pub(crate) mod tests;
