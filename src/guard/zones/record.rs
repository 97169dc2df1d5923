//! What is known of one zone, or one server, that is asked for much? About half a kilobyte of rates, outcomes and estimates, all of them fading.

use siphasher::sip::SipHasher13;

use super::decay::{Decaying, Distinct};
use super::engage::{
    Ended, Engaged, FAILING_DEMAND, KnownFare, Outcomes, RELEASE_SHARE, Signs, Trigger,
};
use super::explore::{Bucket, CLEAN, SERVER_CLEAN};
use super::keys::{Charged, Class, Key};
use super::narrow::Recent;
use crate::guard::address::Address;
use crate::telemetry::incidents::HopLimits;
use crate::wire::Name;

/// Client prefixes told of a zone under attack.
const TOP: usize = 8;
/// Names told of it: the first ones, each to be replaced by a later one …
const SAMPLES: usize = 8;
/// … when so many more have been asked for.
const PACE: u64 = 64;
/// Seconds after which estimates of how many names and clients there are begin anew, while the zone is not engaged.
const ESTIMATES: u64 = 60;
/// E-fold of the baseline, seconds: a day.
const DAY: f32 = 86_400.0;
/// Milliseconds of demand that one step of the baseline takes in.
const STEP: u64 = 60_000;

/// One zone, or one server.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) charged: Charged,
    pub(super) class: Class,
    /// Everything asked for that was not known, denied or not.
    pub(super) demand: Decaying,
    /// The same for names not known to be real.
    pub(super) unknown: Decaying,
    pub(super) outcomes: Outcomes,
    pub(super) names: Distinct,
    pub(super) clients: Distinct,
    pub(super) bucket: Bucket,
    pub(super) engaged: Option<Engaged>,
    baseline: Baseline,
    /// When the estimates began, milliseconds.
    estimated_since: u64,
    /// Made when the zone is first looked at closely.
    closely: Option<Box<Closely>>,
    /// Of a server.
    known: Option<Box<KnownHere>>,
}

/// Slots of a zone or server at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    pub(super) held: u32,
    /// Of a server: those of them for names known to be real.
    pub(super) known: u32,
    pub(super) threshold: u32,
}

/// What is kept of the names known to be real that are asked of a server.
#[derive(Clone, Debug, Default)]
struct KnownHere {
    begun: Decaying,
    outcomes: Outcomes,
    /// What may be under way at the server, as was said last.
    most: u32,
}

/// Mean unknown demand over a day.
#[derive(Clone, Copy, Debug, Default)]
struct Baseline {
    mean: f32,
    counted: f32,
    since: u64,
}

/// What is kept only of zones with much unknown demand.
#[derive(Clone, Debug, Default)]
struct Closely {
    recent: Recent,
    top: Vec<(Address, u64)>,
    /// Some of the unknown names.
    samples: Vec<Name>,
    seen: u64,
    hop_limits: HopLimits,
}

/// One query for a name of the zone, as the record takes it in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) name: &'a Name,
    pub(super) known: bool,
    /// Hash of the name.
    pub(super) print: u64,
    pub(super) client: Address,
    /// Hash of the client.
    pub(super) client_print: u64,
    pub(super) hop_limit: Option<u8>,
}

impl Record {
    pub(super) fn new(key: &Key, rate: (f32, f32), at: u64) -> Self {
        Self {
            charged: key.charged.clone(),
            class: key.class,
            demand: Decaying::default(),
            unknown: Decaying::default(),
            outcomes: Outcomes::default(),
            names: Distinct::default(),
            clients: Distinct::default(),
            bucket: Bucket::full(rate, at),
            engaged: None,
            baseline: Baseline {
                since: at,
                ..Baseline::default()
            },
            estimated_since: at,
            closely: None,
            known: key.charged.is_server().then(Box::default),
        }
    }

    /// How many unknown names a clean client asks for in a minute, at most.
    pub(super) const fn clean(&self) -> u32 {
        match self.charged {
            Charged::Zone(_) => CLEAN,
            Charged::Server(_) => SERVER_CLEAN,
        }
    }

    /// Of a server: how many questions may be under way to it, as was said last.
    pub(super) fn most(&self) -> Option<u32> {
        self.known.as_ref().map(|known| known.most)
    }

    /// Takes in how many questions may be under way to a server.
    pub(super) fn set_most(&mut self, most: u32) {
        if let Some(known) = &mut self.known {
            known.most = most;
        }
    }

    /// Takes in how a fetch ended. `known`: of a name known to be real.
    pub(super) fn ended(&mut self, ended: Ended, known: bool, at: u64) {
        self.outcomes.note(ended, at);
        if let (Some(names), true) = (&mut self.known, known) {
            names.outcomes.note(ended, at);
        }
    }

    /// What is engaged again must show so by what comes now: nothing of how fetches ended before counts.
    pub(super) fn begin_anew(&mut self) {
        self.outcomes = Outcomes::default();
        if let Some(names) = &mut self.known {
            names.outcomes = Outcomes::default();
        }
    }

    /// Unknown names per second, as the mean of a day.
    pub(super) const fn usual(&self) -> f32 {
        self.baseline.mean
    }

    /// Takes in one query, answered or not.
    pub(super) fn note(&mut self, asked: &Asked<'_>, hasher: &SipHasher13, at: u64) {
        self.demand.add(1.0, at);
        if let Some(engaged) = &mut self.engaged {
            engaged.peak = engaged.peak.max(self.demand.rate(at));
        } else if at.saturating_sub(self.estimated_since) >= ESTIMATES * 1_000 {
            self.names = Distinct::default();
            self.clients = Distinct::default();
            self.estimated_since = at;
        }
        self.baseline.pass(!asked.known, self.engaged.is_some(), at);
        self.clients.see(asked.client_print);
        if asked.known {
            if let Some(known) = &mut self.known {
                known.begun.add(1.0, at);
            }
            return;
        }
        self.unknown.add(1.0, at);
        self.names.see(asked.print);
        if !self.is_suspicious(at) {
            self.closely = None;
            return;
        }
        let closely = self.closely.get_or_insert_default();
        closely.saw(asked);
        // A server's names have nothing in common but their zones' servers.
        let Charged::Zone(zone) = &self.charged else {
            return;
        };
        let present = self
            .engaged
            .as_ref()
            .and_then(|engaged| engaged.suffix.as_ref());
        if let (Some(suffix), Some(engaged)) = (
            closely.recent.note(asked.name, zone, hasher, present),
            &mut self.engaged,
        ) {
            engaged.suffix = suffix;
        }
    }

    /// Whether it is engaged, or so many unknown names are asked for that it soon may be. Of a server with many zones that is nothing
    /// special, and would fill what is kept of clients: it must fail, too.
    pub(super) fn is_suspicious(&self, at: u64) -> bool {
        let is_special = match self.charged {
            Charged::Zone(_) => true,
            Charged::Server(_) => self.outcomes.failed_share(at) >= RELEASE_SHARE,
        };
        self.engaged.is_some() || is_special && self.unknown.rate(at) >= FAILING_DEMAND
    }

    /// What the triggers look at.
    pub(super) fn signs(&self, room: Room, flood_rate: f32, at: u64) -> Signs<'_> {
        let Room {
            held, threshold, ..
        } = room;
        Signs {
            known: self.known.as_ref().map(|known| KnownFare {
                outcomes: &known.outcomes,
                rate: known.begun.rate(at),
                held: room.known,
            }),
            class: self.class,
            unknown: self.unknown.rate(at),
            baseline: self.baseline.mean,
            outcomes: &self.outcomes,
            held,
            threshold,
            flood_rate,
        }
    }

    /// Engages it if a trigger says so; why, if it did so now.
    pub(super) fn engage(&mut self, room: Room, flood_rate: f32, at: u64) -> Option<Trigger> {
        if self.engaged.is_some() {
            return None;
        }
        let signs = self.signs(room, flood_rate, at);
        let trigger = signs.trigger(at)?;
        self.engaged = Some(Engaged::new(trigger, &signs, at));
        Some(trigger)
    }

    /// Some of the unknown names that were asked for.
    pub(super) fn samples(&self) -> &[Name] {
        self.closely
            .as_ref()
            .map_or(&[], |closely| &closely.samples)
    }

    /// With which hop limits the questions for unknown names came.
    pub(super) fn hop_limits(&self) -> HopLimits {
        self.closely
            .as_ref()
            .map_or_else(HopLimits::default, |closely| closely.hop_limits)
    }

    /// The client prefixes that asked for most unknown names, and how many at most.
    pub(super) fn top_clients(&self) -> &[(Address, u64)] {
        self.closely.as_ref().map_or(&[], |closely| &closely.top)
    }
}

impl Baseline {
    /// One query passed. What was asked during an attack is no baseline.
    #[expect(clippy::cast_precision_loss, reason = "a mean need not be exact")]
    fn pass(&mut self, unknown: bool, engaged: bool, at: u64) {
        if engaged {
            *self = Self {
                counted: 0.0,
                since: at,
                ..*self
            };
            return;
        }
        self.counted += f32::from(u8::from(unknown));
        let passed = at.saturating_sub(self.since);
        if passed >= STEP {
            let seconds = passed as f32 / 1000.0;
            self.mean += (self.counted / seconds - self.mean) * -(-seconds / DAY).exp_m1();
            *self = Self {
                counted: 0.0,
                since: at,
                ..*self
            };
        }
    }
}

impl Closely {
    /// Space-saving (Metwally et al. 2005): the least of the top gives way, and its count goes on.
    fn saw(&mut self, asked: &Asked<'_>) {
        let client = asked.client;
        self.hop_limits.note(asked.hop_limit);
        let turn = usize::try_from(self.seen / PACE).unwrap_or(0) % SAMPLES;
        if self.samples.len() < SAMPLES {
            self.samples.push(asked.name.clone());
        } else if self.seen.is_multiple_of(PACE)
            && let Some(sample) = self.samples.get_mut(turn)
        {
            sample.clone_from(asked.name);
        }
        self.seen += 1;
        if let Some((_, count)) = self.top.iter_mut().find(|(of, _)| *of == client) {
            *count += 1;
        } else if self.top.len() < TOP {
            self.top.push((client, 1));
        } else if let Some(least) = self.top.iter_mut().min_by_key(|(_, count)| *count) {
            *least = (client, least.1 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_the_mean_of_a_day_and_attacks_do_not_raise_it() {
        let mut baseline = Baseline::default();
        for second in 0..86_400_u64 {
            for _ in 0..10 {
                baseline.pass(true, false, second * 1_000);
            }
        }
        assert!(
            (6.0..6.6).contains(&baseline.mean),
            "63 % of 10 after a day: {}",
            baseline.mean
        );
        let before = baseline.mean;
        for at in 86_400_000..86_500_000_u64 {
            baseline.pass(true, true, at);
        }
        assert!((baseline.mean - before).abs() < 0.01);
        // Silence counts.
        baseline.pass(true, false, 3 * 86_400_000);
        assert!(baseline.mean < 1.5, "{}", baseline.mean);
    }

    #[test]
    fn a_record_is_small() {
        assert!(size_of::<Record>() <= 720, "{}", size_of::<Record>());
    }
}
