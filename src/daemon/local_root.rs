//! When is the root zone fetched, from where, and until when is the copy used? RFC 8806, by the timers of its SOA.
//!
//! A copy is proven before it is used (`dnssec::ZoneCopy`), wherever it comes from: a server, the operator's file, or our own file
//! of before the restart. What is proven goes to `resolve::RootCopy` as a whole; without one the root servers are asked.

mod fetch;
mod kept;
mod told;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::live::Live;
use super::operator::Operator;
use crate::config::plan;
use crate::config::units::Moment;
use crate::dnssec::{Timers, Validated, ZoneCopy};
use crate::recursion::LocalRoot;
use crate::resolve::RootCopy;
use crate::sys::clock::{self, Now};
use crate::wire::Record;
use fetch::Fetch;

/// Shortest and longest time between two looks at the sources, seconds, whatever the SOA says (the root's says 1,800).
const REFRESH: (u32, u32) = (60, 86_400);
/// The same after a look that came to nothing (the root's says 900).
const RETRY: (u32, u32) = (60, 3_600);

/// The copy of the root zone and all that is known of it.
#[derive(Debug)]
pub(super) struct LocalRoots {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing: the root servers are asked.
    plan: Option<plan::LocalRoot>,
    /// By what copies are proven.
    dnssec: plan::Dnssec,
    /// Counts the configurations, so that a fetch begun under an earlier one changes nothing.
    configuration: u64,
    fetching: bool,
    /// Whether the file of before the restart was looked at.
    loaded: bool,
    /// When to look at the sources; nothing = at once.
    next: Option<Now>,
    /// Looks in a row that came to nothing.
    failures: u32,
    used: Option<Used>,
    /// Why the last look came to nothing.
    trouble: Option<String>,
    counted: Counted,
}

/// The copy in use.
#[derive(Clone, Debug)]
struct Used {
    timers: Timers,
    records: usize,
    source: String,
    /// Wall seconds at which it was last known to be the newest.
    checked: u64,
    /// The same as our file says it.
    kept: u64,
    signed_until: u64,
}

/// What came of looks, since the start.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    taken: u64,
    nothing_new: u64,
    failed: u64,
}

/// A copy that is proven.
#[derive(Debug)]
struct Proven {
    copy: Arc<Validated<ZoneCopy>>,
    records: Vec<Record>,
    source: String,
    /// Wall seconds at which it was had.
    at: u64,
}

impl Used {
    /// Wall seconds until which it may be used: nobody said for the SOA's expire time that it is still the newest (RFC 8806
    /// section 3), or its signatures end.
    fn until(&self) -> u64 {
        let expires = self.checked.saturating_add(u64::from(self.timers.expire));
        expires.min(self.signed_until)
    }
}

impl LocalRoots {
    /// Nothing yet.
    pub(super) fn of(plan: &plan::Process) -> Self {
        Self {
            directory: plan.state_dir.clone(),
            state: Mutex::default(),
        }
    }

    /// Goes by a configuration that is about to be used. What was proven by the same anchors stays in use.
    pub(super) fn adopt(&self, live: &Live) {
        let mut state = self.state();
        let plan = live.plan.local_root.clone();
        let plan = plan.filter(|_| !live.forwards_everything());
        if state.plan == plan && state.dnssec == live.plan.dnssec {
            return;
        }
        live.resolver.root_copy().take_away();
        *state = State {
            plan,
            dnssec: live.plan.dnssec.clone(),
            configuration: state.configuration + 1,
            counted: state.counted,
            ..State::default()
        };
    }

    /// Uses at once what was kept before the restart, so that nothing has to be asked of a root that may be gone.
    pub(super) fn begin(&self, live: &Live) {
        let Some(fetch) = self.fetch(live, clock::now()) else {
            return;
        };
        let loaded = fetch.load_kept();
        let mut state = self.state();
        state.loaded = true;
        state.fetching = false;
        if let Some(proven) = loaded {
            state.take(proven, live.resolver.root_copy(), clock::now());
            state.next = None;
        }
    }

    /// Looks at the sources in the background if it is time, and stops using what has expired. Called every few seconds.
    pub(super) fn see_to_it(&self, operator: &Arc<Operator>) {
        let live = operator.live();
        let now = clock::now();
        self.state().stop_if_expired(live.resolver.root_copy(), now);
        let Some(fetch) = self.fetch(&live, now) else {
            return;
        };
        let operator = Arc::clone(operator);
        tokio::spawn(async move { fetch.run(operator.local_root()).await });
    }

    /// A look at the sources, if it is time for one.
    fn fetch(&self, live: &Live, now: Now) -> Option<Fetch> {
        let mut state = self.state();
        let plan = state.plan.clone()?;
        if state.fetching || state.next.is_some_and(|next| now.mono < next.mono) {
            return None;
        }
        state.fetching = true;
        Some(Fetch {
            plan,
            configuration: state.configuration,
            have: state.used.as_ref().map(|used| used.timers.serial),
            load: !state.loaded,
            directory: self.directory.clone(),
            validator: Arc::clone(&live.validator),
            egress: Arc::clone(&live.egress),
            root_copy: Arc::clone(live.resolver.root_copy()),
            limits: live.plan.recursion.limits,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Uses a proven copy.
    fn take(&mut self, proven: Proven, root_copy: &RootCopy, now: Now) {
        let timers = proven.copy.timers();
        let used = Used {
            timers,
            records: proven.copy.record_count(),
            source: proven.source,
            checked: proven.at.min(now.wall_secs()),
            kept: 0,
            signed_until: proven.copy.signed_until(),
        };
        if used.until() <= now.wall_secs() {
            let why = format!(
                "{}: it was the newest at {} and has expired since",
                used.source,
                Moment(used.checked)
            );
            self.fail(why, now);
            return;
        }
        let (serial, until) = (timers.serial, Moment(used.until()));
        let (source, records) = (&used.source, used.records);
        if self.used.is_some() {
            tracing::info!(serial, source, records, %until, "local root: a newer copy of the root zone is used");
        } else {
            tracing::info!(serial, source, records, %until, "local root: a copy of the root zone is used from now on, and the root servers are not asked");
        }
        root_copy.put(LocalRoot::new(proven.copy), used.until());
        self.counted.taken += 1;
        self.used = Some(used);
        self.well(now);
    }

    /// The copy in use is still the newest, as of `at` (wall seconds).
    fn confirm(&mut self, at: u64, root_copy: &RootCopy, now: Now) {
        self.counted.nothing_new += 1;
        if let Some(used) = &mut self.used {
            used.checked = used.checked.max(at.min(now.wall_secs()));
            if let Some(root) = root_copy.usable(now) {
                root_copy.put(root, used.until());
            }
        }
        self.well(now);
    }

    /// A look that came to something.
    fn well(&mut self, now: Now) {
        if self.trouble.take().is_some() && self.failures > 0 {
            tracing::info!("local root: the sources of the root zone can be used again");
        }
        self.failures = 0;
        let refresh = self
            .used
            .as_ref()
            .map_or(REFRESH.0, |used| used.timers.refresh);
        self.next = Some(after(refresh, REFRESH, now));
    }

    /// A look that came to nothing. Each reason is said once.
    fn fail(&mut self, why: String, now: Now) {
        self.counted.failed += 1;
        if self.trouble.as_ref() != Some(&why) {
            match &self.used {
                Some(used) => {
                    let until = Moment(used.until());
                    tracing::warn!(why, serial = used.timers.serial, %until, "local root: the copy of the root zone could not be renewed; it is used until it expires");
                }
                None => tracing::warn!(
                    why,
                    "local root: no copy of the root zone could be had; the root servers are asked"
                ),
            }
        }
        self.trouble = Some(why);
        let retry = match &self.used {
            Some(used) => used.timers.retry,
            None => RETRY.0 << self.failures.min(6),
        };
        self.failures += 1;
        self.next = Some(after(retry, RETRY, now));
    }

    /// Leaves a copy that has expired.
    fn stop_if_expired(&mut self, root_copy: &RootCopy, now: Now) {
        if let Some(used) = self.used.take_if(|used| used.until() <= now.wall_secs()) {
            root_copy.take_away();
            tracing::warn!(
                serial = used.timers.serial,
                why = self
                    .trouble
                    .as_deref()
                    .unwrap_or("its signatures have expired"),
                "local root: the copy of the root zone has expired; the root servers are asked from now on"
            );
        }
    }
}

/// So many seconds after `now`, within the bounds.
fn after(seconds: u32, (least, most): (u32, u32), now: Now) -> Now {
    now.plus(Duration::from_secs(u64::from(seconds.clamp(least, most))))
}

/// A path as the log says it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
