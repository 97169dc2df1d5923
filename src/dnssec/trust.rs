//! Which zones are believed, and by which keys? Anchors, negative anchors, and what was found out below them.

use std::collections::hash_map::RandomState;
use std::sync::Arc;

use arc_swap::ArcSwap;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;

use super::algorithm::Accepted;
use super::{Anchor, Bogus, Clock, ExcusedZones, ZoneKeys};
use crate::config::plan;
use crate::sys::clock::Now;
use crate::wire::{Ede, Name, RecordType};

/// Seconds between two times that the keys, or the DS set, of one zone are asked for before their end.
const RENEWAL_PAUSE: u64 = 60;

/// Such times that are remembered.
const RENEWALS: u64 = 4096;

/// What is known of a zone, seen from the trust anchors.
#[derive(Clone, Debug)]
pub enum ZoneTrust {
    /// Its keys are vouched for.
    Secure(Arc<ZoneKeys>),
    /// It is proven, or decided by the operator, that it need not be signed; why, if there is more to it than no DS.
    Insecure(Option<Ede>),
    /// No anchor lies at or above it.
    Indeterminate,
    /// It is no zone of its own: its parent says so.
    NoCut,
    /// Nothing of it can be believed.
    Bogus(Bogus),
}

impl ZoneTrust {
    /// Whether its data need no signature, nor what lies below it, up to the next anchor.
    #[must_use]
    pub const fn is_unsigned(&self) -> bool {
        matches!(self, Self::Insecure(_) | Self::Indeterminate)
    }
}

/// Where the chain of trust of a zone begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// Nowhere.
    Unanchored,
    /// Nowhere, because the operator says so (RFC 7646).
    Negative,
    /// At this anchor, the closest at or above the zone.
    Anchor(Arc<Anchor>),
}

/// What is believed without proof, and what was proven of late. Shared by all recursions.
#[derive(Debug)]
pub struct Validator {
    plan: plan::Dnssec,
    anchors: ArcSwap<Vec<Arc<Anchor>>>,
    excused: Arc<ExcusedZones>,
    known: Moka<Name, Known, RandomState>,
    /// When DNSKEY or DS sets were last asked for before their end, wall seconds.
    renewals: Moka<(Name, RecordType), u64, RandomState>,
}

/// Trust with its end.
#[derive(Clone, Debug)]
struct Known {
    trust: ZoneTrust,
    /// Wall seconds.
    stored: u64,
    /// Wall seconds.
    expires: u64,
}

impl Known {
    const fn is_fresh(&self, now: Now) -> bool {
        self.stored <= now.wall_secs() && now.wall_secs() < self.expires
    }

    /// Octets, roughly.
    fn weight(&self) -> u32 {
        let keys = match &self.trust {
            ZoneTrust::Secure(keys) => keys.memory(),
            _ => 0,
        };
        u32::try_from(400 + keys).unwrap_or(u32::MAX)
    }
}

impl Validator {
    /// A validator that knows the anchors of `plan` and may remember `max_bytes` octets of keys.
    #[must_use]
    pub fn new(plan: &plan::Dnssec, max_bytes: u64) -> Self {
        Self {
            anchors: ArcSwap::from_pointee(shared(Anchor::all(&plan.anchors))),
            plan: plan.clone(),
            excused: Arc::default(),
            known: Moka::builder()
                .max_capacity(max_bytes)
                .weigher(|_: &Name, known: &Known| known.weight())
                .build(),
            // The oldest goes first, so that no flood keeps a new one out.
            renewals: Moka::builder()
                .max_capacity(RENEWALS)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
        }
    }

    /// The same with zones that are excused at run time.
    #[must_use]
    pub fn excusing(mut self, excused: Arc<ExcusedZones>) -> Self {
        self.excused = excused;
        self
    }

    /// The zones that are excused at run time. Whoever changes them must forget what is known and cached below.
    #[must_use]
    pub const fn excused(&self) -> &Arc<ExcusedZones> {
        &self.excused
    }

    /// The zones that are believed without proof.
    #[must_use]
    pub fn anchors(&self) -> Arc<Vec<Arc<Anchor>>> {
        self.anchors.load_full()
    }

    /// Whether anything is validated at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.anchors.load().is_empty()
    }

    /// Believes these anchors from now on, and no others. What was found out before stays known: see [`Self::forget`].
    pub fn replace_anchors(&self, anchors: Vec<Anchor>) {
        self.anchors.store(Arc::new(shared(anchors)));
    }

    /// How it is to be done.
    #[must_use]
    pub const fn plan(&self) -> &plan::Dnssec {
        &self.plan
    }

    /// Which algorithms and digests are believed.
    #[must_use]
    pub const fn accepted(&self) -> Accepted {
        Accepted::sha1(self.plan.sha1)
    }

    /// The time to judge signatures by.
    #[must_use]
    pub const fn clock(&self, now: Now) -> Clock {
        Clock {
            at: now.wall_secs(),
            skew: self.plan.skew,
        }
    }

    /// Where the chain of trust of `zone` begins. The closest of the anchors and negative anchors at or above it decides; at the
    /// same name the negative one.
    #[must_use]
    pub fn start(&self, zone: &Name, now: Now) -> Start {
        let anchors = self.anchors.load();
        let anchor = anchors
            .iter()
            .filter(|anchor| zone.is_within(anchor.zone()))
            .max_by_key(|anchor| anchor.zone().label_count());
        let negative = self.negative(zone, now).map(|at| at.label_count());
        match (anchor, negative) {
            (None, _) => Start::Unanchored,
            (Some(anchor), Some(labels)) if labels >= anchor.zone().label_count() => {
                Start::Negative
            }
            (Some(anchor), _) => Start::Anchor(Arc::clone(anchor)),
        }
    }

    /// The closest negative anchor at or above `zone`, of the plan or laid at run time, that holds `now`.
    #[must_use]
    pub fn negative(&self, zone: &Name, now: Now) -> Option<Name> {
        let at = now.wall_secs();
        let excused = self.excused.list();
        let planned = self
            .plan
            .negative_anchors
            .iter()
            .map(|negative| (&negative.zone, negative.until));
        planned
            .chain(
                excused
                    .iter()
                    .map(|excused| (&excused.zone, Some(excused.until))),
            )
            .filter(|(apex, until)| until.is_none_or(|until| at < until) && zone.is_within(apex))
            .map(|(apex, _)| apex)
            .max_by_key(|apex| apex.label_count())
            .cloned()
    }

    /// Whether any anchor lies strictly below `zone`.
    #[must_use]
    pub fn has_anchor_below(&self, zone: &Name) -> bool {
        self.anchors
            .load()
            .iter()
            .any(|anchor| anchor.zone() != zone && anchor.zone().is_within(zone))
    }

    /// What was found out about `zone`, while it holds.
    #[must_use]
    pub fn known(&self, zone: &Name, now: Now) -> Option<ZoneTrust> {
        self.known
            .get(zone)
            .filter(|known| known.is_fresh(now))
            .map(|known| known.trust)
    }

    /// Remembers what was found out about `zone` for `lifetime` seconds. Keys end no later than they themselves say.
    pub fn learn(&self, zone: &Name, trust: ZoneTrust, lifetime: u32, now: Now) {
        let stored = now.wall_secs();
        let mut expires = stored.saturating_add(u64::from(lifetime));
        if let ZoneTrust::Secure(keys) = &trust {
            expires = expires.min(keys.expires());
        }
        let known = Known {
            trust,
            stored,
            expires,
        };
        self.known.insert(zone.clone(), known);
    }

    /// Whether the DNSKEY or DS set of a zone may be asked for before its end, because something does not fit it: not again
    /// within a minute, whoever asks. Whoever can make a reply bogus can have this asked.
    #[must_use]
    pub fn may_renew(&self, zone: &Name, rtype: RecordType, now: Now) -> bool {
        let began = now.wall_secs();
        let mut may = false;
        let entry = self.renewals.entry((zone.clone(), rtype));
        entry.and_compute_with(|entry| {
            let before = entry.map(moka::Entry::into_value);
            may = before.is_none_or(|before| before.abs_diff(began) >= RENEWAL_PAUSE);
            if may { Op::Put(began) } else { Op::Nop }
        });
        may
    }

    /// Forgets what was found out about the zones that `which` picks.
    pub fn forget(&self, which: impl Fn(&Name) -> bool) {
        for (key, _) in &self.renewals {
            if which(&key.0) {
                self.renewals.invalidate(&*key);
            }
        }
        for (zone, _) in &self.known {
            if which(&zone) {
                self.known.invalidate(&*zone);
            }
        }
    }

    /// Zones that something is known of.
    #[must_use]
    pub fn zones(&self) -> u64 {
        self.known.entry_count()
    }
}

fn shared(anchors: Vec<Anchor>) -> Vec<Arc<Anchor>> {
    anchors.into_iter().map(Arc::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::anchors;
    use crate::dnssec::Excused;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn start(validator: &Validator, zone: &str, secs: u64) -> &'static str {
        match validator.start(&name(zone), Now::at_secs(secs)) {
            Start::Unanchored => "unanchored",
            Start::Negative => "negative",
            Start::Anchor(_) => "anchor",
        }
    }

    #[test]
    fn the_closest_of_anchors_and_negative_anchors_decides_until_the_latter_end() {
        let at = Now::at_secs(0).wall_secs();
        let plan = plan::Dnssec {
            anchors: anchors::parse(
                "example. DS 1 13 3 00\nwell.broken.example. DS 1 13 3 00"
                    .replace(" 3 00", &format!(" 2 {}", "00".repeat(32)))
                    .as_str(),
                "test",
            )
            .unwrap(),
            negative_anchors: vec![plan::NegativeAnchor {
                zone: name("broken.example."),
                until: Some(at + 10),
            }],
            ..plan::Dnssec::default()
        };
        let validator = Validator::new(&plan, 1 << 20);
        assert_eq!(start(&validator, "other.", 0), "unanchored");
        assert_eq!(start(&validator, "example.", 0), "anchor");
        assert_eq!(start(&validator, "a.broken.example.", 9), "negative");
        assert_eq!(start(&validator, "a.broken.example.", 10), "anchor");
        assert_eq!(start(&validator, "well.broken.example.", 9), "anchor");

        // Laid at run time, also at the very zone of an anchor, and known to the validator of the next configuration.
        let reloaded = Validator::new(&plan, 1 << 20).excusing(Arc::clone(validator.excused()));
        validator
            .excused()
            .add(Excused {
                zone: name("EXAMPLE."),
                until: at + 100,
                reason: String::new(),
            })
            .unwrap();
        for validator in [&validator, &reloaded] {
            assert_eq!(start(validator, "example.", 99), "negative");
            assert_eq!(start(validator, "b.example.", 99), "negative");
            assert_eq!(start(validator, "b.example.", 100), "anchor");
            assert_eq!(start(validator, "well.broken.example.", 0), "anchor");
        }
        assert_eq!(
            validator.negative(&name("a.broken.example."), Now::at_secs(0)),
            Some(name("broken.example."))
        );
        validator.excused().remove(&name("example."));
        assert_eq!(start(&reloaded, "b.example.", 0), "anchor");
    }
}
