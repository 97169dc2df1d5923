//! When are the zones of trust anchors asked for their keys, and what becomes of the answer? RFC 5011 section 2.3.
//!
//! The rules themselves are `dnssec::rollover`'s. Here is what they need from the world: the clock, the question (nobody else's
//! query pays for it: cause `trust_anchor`), the file, the validator that is told, the log.

mod file;
mod told;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::live::Live;
use super::operator::Operator;
use crate::config::plan;
use crate::dnssec::rollover::{Change, CheckResult, TrustPoint, fingerprint};
use crate::dnssec::{Allowance, Anchor, Validator};
use crate::guard::permit::{InternalCause, RecursionPermit};
use crate::resolve::Resolver;
use crate::sys::clock::{self, Now};
use crate::wire::Rrset;
use file::{AnchorFile, Learned};

/// After a file could not be written, the next try (a full disk is emptied by people, not by the second).
const SAVE_AGAIN: Duration = Duration::from_secs(300);

/// Signatures checked in one check at most: two for each of the keys that are remembered, and as many configured ones.
const SIGNATURES: u32 = 64;

/// The zones whose keys are followed.
#[derive(Debug)]
pub(super) struct Rollovers {
    file: AnchorFile,
    state: Mutex<Following>,
}

#[derive(Debug, Default)]
struct Following {
    points: Vec<TrustPoint>,
    /// Counts the configurations, so that a check begun under an earlier one changes nothing.
    configuration: u64,
    checking: bool,
    keeping: Keeping,
}

/// How it stands with the file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Keeping {
    /// All that was learned is in the file.
    #[default]
    Kept,
    /// It could not be written, and is tried again after this moment.
    Failed(Now),
    /// A file that cannot be read stands in the way, and is not overwritten.
    InTheWay,
}

impl Rollovers {
    /// Nothing is followed yet.
    pub(super) fn of(plan: &plan::Process) -> Self {
        Self {
            file: AnchorFile::of(&plan.state_dir),
            state: Mutex::default(),
        }
    }

    /// Follows the anchors of a configuration that is about to be used, from what was learned of them before; its validator
    /// believes accordingly. Without `dnssec.follow_rollovers`, or without validation, nothing is read, asked or changed.
    pub(super) fn adopt(&self, live: &Live) {
        let mut state = self.state();
        state.configuration += 1;
        let plan = &live.plan.dnssec;
        if !plan.follow_rollovers || plan.anchors.is_empty() {
            state.points.clear();
            return;
        }
        let learned = if state.points.is_empty() {
            self.read(&mut state)
        } else {
            state.points.drain(..).map(Learned::from).collect()
        };
        state.points = Anchor::all(&plan.anchors)
            .into_iter()
            .map(|anchor| begin(anchor, &learned))
            .collect();
        believe(&live.validator, &state.points);
    }

    fn read(&self, state: &mut Following) -> Vec<Learned> {
        let error = match self.file.load() {
            Ok(learned) => return learned,
            Err(error) => error,
        };
        let file = self.file.path().display().to_string();
        match self.file.put_aside() {
            Ok(aside) => tracing::warn!(
                file,
                %error,
                kept_as = %aside.display(),
                "what was learned of trust anchors cannot be read; the configured ones are used, and what can be learned is learned anew"
            ),
            Err(stuck) => {
                state.keeping = Keeping::InTheWay;
                tracing::warn!(
                    file,
                    %error,
                    not_moved = %stuck,
                    "what was learned of trust anchors cannot be read; the configured ones are used, and what is learned now is kept in memory only, so that the file is not overwritten"
                );
            }
        }
        Vec::new()
    }

    /// Asks in the background if it is time. Called every few seconds once suimond serves; that nobody answers is held
    /// against no client.
    pub(super) fn see_to_it(&self, operator: &Arc<Operator>) {
        let now = clock::now();
        let live = operator.live();
        let mut state = self.state();
        if state.checking {
            return;
        }
        let at = now.wall_secs();
        let due: Vec<TrustPoint> = state
            .points
            .iter()
            .filter(|point| point.is_due(at))
            .cloned()
            .collect();
        let save_only = match state.keeping {
            Keeping::Failed(again) => again <= now,
            Keeping::Kept | Keeping::InTheWay => false,
        };
        if due.is_empty() && !save_only {
            return;
        }
        state.checking = true;
        let work = Check {
            operator: Arc::clone(operator),
            configuration: state.configuration,
            resolver: Arc::clone(&live.resolver),
            validator: Arc::clone(&live.validator),
        };
        drop(state);
        tokio::spawn(async move {
            for point in due {
                work.check(point).await;
            }
            work.save().await;
            work.operator.rollovers().state().checking = false;
        });
    }

    fn state(&self) -> MutexGuard<'_, Following> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One round of checks, under one configuration.
struct Check {
    operator: Arc<Operator>,
    configuration: u64,
    resolver: Arc<Resolver>,
    validator: Arc<Validator>,
}

impl Check {
    async fn check(&self, mut point: TrustPoint) {
        let Some(trusted) = point.trusted() else {
            return;
        };
        let permit = RecursionPermit::internal(InternalCause::TrustAnchor);
        let dnskey = self.resolver.dnskey_set(permit, trusted.clone()).await;
        let clock = self.validator.clock(clock::now());
        let looked = move || {
            let changes = match &dnskey {
                Some(dnskey) => point.observe(dnskey, clock, &mut Allowance::new(SIGNATURES, 0)),
                None => {
                    point.unanswered(clock.at);
                    Vec::new()
                }
            };
            (point, changes, dnskey)
        };
        let Ok((point, changes, dnskey)) = tokio::task::spawn_blocking(looked).await else {
            return;
        };
        self.take(&trusted, point, &changes, dnskey.as_ref());
    }

    /// Puts what was found in force.
    fn take(&self, before: &Anchor, point: TrustPoint, changes: &[Change], dnskey: Option<&Rrset>) {
        let mut state = self.operator.rollovers().state();
        if state.configuration != self.configuration {
            return;
        }
        let zone = point.zone().clone();
        tell(&point, changes, dnskey);
        let after = point.trusted();
        if let Some(known) = state.points.iter_mut().find(|known| *known.zone() == zone) {
            *known = point;
        }
        if after.as_ref() == Some(before) {
            return;
        }
        believe(&self.validator, &state.points);
        drop(state);
        let lost = changes.iter().any(|change| change.to == "revoked");
        if lost {
            self.validator.forget(|known| known.is_within(&zone));
        }
        if after.is_none() {
            // What failed for want of a key, and what was believed by the keys that are no more.
            let cache = &self.operator.live().cache;
            cache.flush(&zone, crate::cache::FlushScope::Tree);
        }
    }

    /// Keeps what was learned. That it cannot be kept is said once.
    async fn save(&self) {
        let rollovers = self.operator.rollovers();
        let (points, before) = {
            let state = rollovers.state();
            if state.configuration != self.configuration || state.keeping == Keeping::InTheWay {
                return;
            }
            (state.points.clone(), state.keeping)
        };
        let operator = Arc::clone(&self.operator);
        let saved =
            tokio::task::spawn_blocking(move || operator.rollovers().file.save(&points)).await;
        let Ok(saved) = saved else {
            return;
        };
        let file = rollovers.file.path().display().to_string();
        rollovers.state().keeping = match saved {
            Ok(()) => {
                if before != Keeping::Kept {
                    tracing::info!(file, "what was learned of trust anchors is kept again");
                }
                Keeping::Kept
            }
            Err(error) => {
                if before == Keeping::Kept {
                    tracing::warn!(
                        file,
                        %error,
                        "what was learned of trust anchors cannot be kept: it holds until the next restart, and is then learned anew"
                    );
                }
                Keeping::Failed(clock::now().plus(SAVE_AGAIN))
            }
        };
    }
}

/// The trust point of a configured anchor, with what was learned of its zone.
fn begin(anchor: Anchor, learned: &[Learned]) -> TrustPoint {
    let of_zone = learned.iter().find(|known| known.zone == *anchor.zone());
    match of_zone {
        None => TrustPoint::new(anchor),
        Some(known) if known.configured == fingerprint(&anchor) => {
            TrustPoint::resume(anchor, known.memory.clone())
        }
        Some(known) => {
            tracing::info!(
                zone = %anchor.zone(),
                "the configured trust anchor has changed: its keys are followed anew, and those revoked stay revoked"
            );
            TrustPoint::begin_anew(anchor, known.memory.clone())
        }
    }
}

impl From<TrustPoint> for Learned {
    fn from(point: TrustPoint) -> Self {
        Self {
            zone: point.zone().clone(),
            configured: fingerprint(point.configured()),
            memory: point.memory().clone(),
        }
    }
}

fn believe(validator: &Validator, points: &[TrustPoint]) {
    validator.replace_anchors(points.iter().filter_map(TrustPoint::trusted).collect());
}

/// One line in the log for each key that changed, and for a check that came to nothing.
fn tell(point: &TrustPoint, changes: &[Change], dnskey: Option<&Rrset>) {
    let zone = point.zone();
    for change in changes {
        let Change {
            tag,
            algorithm,
            from,
            to,
        } = change;
        let meaning = meaning(change);
        if *to == "revoked" || *to == "missing" {
            tracing::warn!(%zone, tag, algorithm, from, to, "trust anchor: {meaning}");
        } else {
            tracing::info!(%zone, tag, algorithm, from, to, "trust anchor: {meaning}");
        }
    }
    if point.trusted().is_none() {
        tracing::error!(
            %zone,
            "every trust anchor of the zone is revoked: it is not validated any more unless an anchor above it vouches for it (RFC 5011 section 5); configure dnssec.trust_anchors"
        );
    }
    match (point.memory().last_check, dnskey) {
        (Some((_, CheckResult::NoAnswer)), _) => {
            tracing::warn!(%zone, "trust anchor: the zone's keys could not be had; they are asked for again later");
        }
        (Some((_, CheckResult::NotValidated)), Some(_)) => {
            tracing::warn!(%zone, "trust anchor: the zone's keys are not signed by a trusted one; nothing is believed of them");
        }
        _ => {}
    }
}

const fn meaning(change: &Change) -> &'static str {
    match (change.from.as_bytes(), change.to.as_bytes()) {
        (b"pending", b"pending") => "a new key has to wait anew",
        (_, b"pending") => "a new key is seen, and not trusted yet",
        (b"pending", b"valid") => "a new key is trusted from now on",
        (b"missing", b"valid") => "a missing key is back",
        (_, b"valid") => "a configured key is seen",
        (_, b"missing") => "a trusted key is missing in the zone, and stays trusted",
        (_, b"revoked") => "a key is revoked, and never trusted again",
        (_, b"removed") => "a revoked key is gone for good",
        _ => "a new key is gone before it was trusted",
    }
}

#[cfg(test)]
mod tests;
