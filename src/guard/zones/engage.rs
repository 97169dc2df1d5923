//! Is an attack on a zone or a server over? The release, and the probing of zones whose servers are dead.

use super::decay::Decaying;
use super::keys::Class;
use super::narrow::Suffix;
use super::outcomes::{Ended, Outcomes};
use super::signs::{Signs, Trigger};
use crate::guard::slots::FLOOR;

/// Release: part of the level that demand must fall below.
const RELEASE_DEMAND: f32 = 0.2;
/// Release: share of failures that must not be reached.
pub const RELEASE_SHARE: f32 = 0.1;
/// Milliseconds for which all conditions of the release must hold.
const CALM: u64 = 30_000;
/// Milliseconds for which a zone is held at least.
const HOLD: u64 = 30_000;
/// Share of failures at which servers count as dead …
const DEAD_SHARE: f32 = 0.9;
/// … if it lasts so many milliseconds in which nothing at all is answered …
const DEAD_AFTER: u64 = 10_000;
/// … and so many outcomes say so.
const DEAD_OUTCOMES: f32 = 5.0;
/// Of a guarded zone so many unknown names per second are looked up whoever asks, to see whether they are there …
const SAMPLES: f32 = 2.0;
/// … and if this share of them is, they are wanted and no attack: of made-up names hardly one is …
const WANTED_SHARE: f32 = 0.3;
/// … over so many of them, with an e-fold of 5 s.
const WANTED_OUTCOMES: f32 = 4.0;
/// First and longest time between two probes of dead servers, milliseconds.
const PROBES: (u64, u64) = (5_000, 300_000);

/// A zone, or a server, that is guarded.
#[derive(Clone, Debug)]
pub struct Engaged {
    /// What began it.
    pub trigger: Trigger,
    /// When, milliseconds.
    pub since: u64,
    /// Unknown names per second of which a fifth must not be reached for the release.
    pub level: f32,
    /// The part of it that is attacked.
    pub suffix: Option<Suffix>,
    /// Queries denied since, in the order of `rule::REASONS`; saturating.
    pub denied: [u32; super::rule::REASONS.len()],
    /// How many lately.
    pub denied_lately: Decaying,
    /// Packets that look-ups of its names sent since.
    pub packets: u64,
    /// Names explored since.
    pub explored: u64,
    /// Greatest demand per second since.
    pub peak: f32,
    /// When it was last told of, milliseconds; nothing = not yet.
    pub told: Option<u64>,
    calm_since: Option<u64>,
    failing_since: Option<u64>,
    probing: Option<Probing>,
    /// How the samples ended.
    samples: Box<Outcomes>,
}

#[derive(Clone, Copy, Debug)]
struct Probing {
    interval: u64,
    next: u64,
}

impl Engaged {
    /// From `at` on, because of `trigger`, with the demand that `signs` show.
    #[must_use]
    pub fn new(trigger: Trigger, signs: &Signs<'_>, at: u64) -> Self {
        // Servers that fail can be met by any demand; it must not be held against the zone that it is popular.
        let level = match trigger {
            Trigger::Flood | Trigger::Pinned => signs.level(),
            Trigger::InFlight | Trigger::Failing => signs.level().max(signs.unknown),
        };
        Self {
            trigger,
            since: at,
            level,
            suffix: None,
            denied: [0; super::rule::REASONS.len()],
            denied_lately: Decaying::default(),
            packets: 0,
            explored: 0,
            peak: 0.0,
            told: None,
            calm_since: None,
            failing_since: None,
            probing: None,
            samples: Box::default(),
        }
    }

    /// Whether it is over; to be asked every second or so, with or without demand.
    pub fn is_over(&mut self, signs: &Signs<'_>, at: u64) -> bool {
        if signs.class == Class::Exempt {
            return true;
        }
        let calm = signs.class != Class::Pinned
            && (signs.unknown < RELEASE_DEMAND * self.level || self.is_wanted(at))
            && (signs.is_well(at)
                || signs.outcomes.failed_share(at) < RELEASE_SHARE
                    && signs.held < signs.threshold.max(FLOOR) / 4);
        if !calm {
            self.calm_since = None;
            return false;
        }
        let since = *self.calm_since.get_or_insert(at);
        at.saturating_sub(since) >= CALM && at.saturating_sub(self.since) >= HOLD
    }

    /// Whether the name of this hash is one of the few that are looked up whoever asks, while `unknown` names are asked for per second:
    /// as long as that alone keeps the zone from its release.
    #[must_use]
    pub fn samples(&self, print: u64, unknown: f32) -> bool {
        if self.trigger == Trigger::Pinned || unknown < RELEASE_DEMAND * self.level {
            return false;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate, rounded down"
        )]
        let one_in = (unknown / SAMPLES).max(1.0) as u64;
        // Other parts of the hash choose cells and bits elsewhere.
        (print >> 24).is_multiple_of(one_in)
    }

    /// A sample ended so.
    pub fn sampled(&mut self, ended: Ended, at: u64) {
        self.samples.note(ended, at);
    }

    /// Whether the unknown names that are asked for are there. A zone that many use may ask for as many when all is well: engaged
    /// while its servers were out of reach, it would be held for good otherwise, for what is asked of it now is no baseline.
    fn is_wanted(&self, at: u64) -> bool {
        self.samples.total(at) >= WANTED_OUTCOMES
            && self.samples.share(&[Ended::Positive, Ended::NoData], at) >= WANTED_SHARE
    }

    /// Takes in how one fetch of the zone ended; says whether its servers have just come back.
    pub fn heard(&mut self, ended: Ended, outcomes: &Outcomes, at: u64) -> bool {
        if ended != Ended::Failed {
            // A server that answers anything is not dead, whatever share of made-up names below a broken cut fails beside it.
            self.failing_since = None;
            return self.probing.take().is_some();
        }
        if outcomes.failed_share(at) < DEAD_SHARE {
            self.failing_since = None;
        } else if outcomes.total(at) >= DEAD_OUTCOMES || self.failing_since.is_some() {
            let since = *self.failing_since.get_or_insert(at);
            if self.probing.is_none() && at.saturating_sub(since) >= DEAD_AFTER {
                let (first, _) = PROBES;
                self.probing = Some(Probing {
                    interval: first,
                    next: at.saturating_add(first),
                });
            }
        }
        false
    }

    /// Whether its servers count as dead: nothing is asked of them but a probe now and then.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.probing.is_some()
    }

    /// Whether a probe of dead servers is due now; the next one is, then, twice as long away. Not if most of what all zones ask
    /// fails (`ours`): then it is our own way to them that is cut, and is to be noticed soon when it is whole again.
    pub fn takes_probe(&mut self, ours: bool, at: u64) -> bool {
        let (first, longest) = PROBES;
        let longest = if ours { 2 * first } else { longest };
        match &mut self.probing {
            Some(probing) if probing.next <= at => {
                probing.interval = (probing.interval * 2).min(longest);
                probing.next = at.saturating_add(probing.interval);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::signs::KnownFare;
    use super::super::signs::tests::{outcomes, signs};
    use super::*;

    #[test]
    fn a_server_that_is_well_is_let_go_whatever_waits_there_and_no_share_is_too_small_for_that() {
        let good = outcomes(&[(Ended::Positive, 100)], 31_000);
        let fare = KnownFare {
            outcomes: &good,
            rate: 10.0,
            held: 1,
        };
        let none = Outcomes::default();
        let begun = signs(&none);
        let ends = |signs: Signs<'_>| {
            let mut engaged = Engaged::new(Trigger::InFlight, &begun, 0);
            engaged.calm_since = Some(1_000);
            engaged.is_over(&signs, 31_000)
        };
        let crowded = Signs { held: 500, ..begun };
        assert!(!ends(crowded));
        assert!(ends(Signs {
            known: Some(fare),
            ..crowded
        }));
        // A pool that is full leaves a share of three, or of one.
        assert!(ends(Signs {
            threshold: 1,
            ..begun
        }));
    }

    #[test]
    fn release_needs_thirty_calm_seconds_and_a_relapse_begins_them_anew() {
        let none = Outcomes::default();
        let calm = Signs {
            unknown: 99.0,
            held: 127,
            ..signs(&none)
        };
        let mut engaged = Engaged::new(Trigger::Flood, &calm, 0);
        assert!(!engaged.is_over(&calm, 1_000));
        assert!(!engaged.is_over(&calm, 30_900));
        for storm in [
            Signs {
                unknown: 100.0,
                ..calm
            },
            Signs { held: 128, ..calm },
        ] {
            let mut engaged = engaged.clone();
            assert!(!engaged.is_over(&storm, 30_950));
            assert!(!engaged.is_over(&calm, 31_000));
            assert!(!engaged.is_over(&calm, 60_999));
            assert!(engaged.is_over(&calm, 61_000));
        }
        let failing = outcomes(&[(Ended::Failed, 1), (Ended::Positive, 9)], 31_000);
        assert!(!engaged.clone().is_over(
            &Signs {
                outcomes: &failing,
                ..calm
            },
            31_000
        ));
        assert!(!engaged.clone().is_over(
            &Signs {
                class: Class::Pinned,
                ..calm
            },
            900_000
        ));
        assert!(engaged.clone().is_over(
            &Signs {
                class: Class::Exempt,
                unknown: 900.0,
                ..calm
            },
            2
        ));
        assert!(engaged.is_over(&calm, 31_000));
    }

    #[test]
    fn dead_servers_are_probed_ever_more_rarely_until_one_answers() {
        let none = Outcomes::default();
        let mut engaged = Engaged::new(Trigger::Failing, &signs(&none), 0);
        let mut outcomes = Outcomes::default();
        let mut at = 0;
        while !engaged.is_dead() {
            outcomes.note(Ended::Failed, at);
            assert!(!engaged.heard(Ended::Failed, &outcomes, at));
            at += 500;
            assert!(at < 20_000);
        }
        assert!((12_500..=13_500).contains(&at), "{at}");
        let mut probes = Vec::new();
        let begun = at - 500;
        for second in 1..=1_000 {
            let at = begun + second * 1_000;
            if engaged.takes_probe(false, at) {
                probes.push(second);
                outcomes.note(Ended::Failed, at + 100);
                assert!(!engaged.heard(Ended::Failed, &outcomes, at + 100));
            }
        }
        assert_eq!(probes, [5, 15, 35, 75, 155, 315, 615, 915]);
        assert!(engaged.is_dead());
        let cut = (0..60).filter(|second| engaged.takes_probe(true, 2_000_000 + second * 1_000));
        assert_eq!(
            cut.count(),
            6,
            "every ten seconds while nobody at all answers"
        );
        assert!(
            engaged.heard(Ended::NoName, &outcomes, at),
            "any answer is a sign of life"
        );
        assert!(!engaged.is_dead());
        assert!(!engaged.takes_probe(false, at + 900_000));
    }
}
