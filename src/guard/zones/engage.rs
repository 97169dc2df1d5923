//! Is a zone or a server under attack, and is it over? The three triggers, the release, and the probing of zones whose servers are dead.

use super::decay::Decaying;
use super::keys::Class;
use super::narrow::Suffix;
use crate::guard::slots::FLOOR;

/// E2: outcomes that must be known, at least.
const FAILING_OUTCOMES: f32 = 50.0;
/// E2: share of failures from which.
const FAILING_SHARE: f32 = 0.3;
/// E2: unknown names per second from which; also where a zone begins to be looked at closely.
pub const FAILING_DEMAND: f32 = 20.0;
/// E3: outcomes that must be known, at least.
const FLOOD_OUTCOMES: f32 = 200.0;
/// E3: the same of a server. Answers of one address tell, and with one that is much slower than the others of its zones egress exchanges
/// but a twentieth of the questions, shared with all of them: at 1,000 a second and two addresses 25, the sum of which is 125.
const SERVER_FLOOD_OUTCOMES: f32 = 50.0;
/// E3: share of negative answers from which.
const FLOOD_SHARE: f32 = 0.9;
/// E3: how many times its own 24-hour mean a zone's unknown demand must reach.
const FLOOD_FACTOR: f32 = 10.0;
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
/// How many times as much a server takes until E2 and E3: what one of its zones suffers is found out there first, and is the zone's alone.
const OF_SERVER: f32 = 2.0;
/// Names known to be real, asked of a server per second, from which on they show how it does …
const KNOWN_DEMAND: f32 = 2.0;
/// … which is well if they take no longer than this, in seconds, on average, and no more fail than at a release. (A far server takes
/// 0.3 s, and one that drops most of what it is asked a second and more.)
const KNOWN_TIME: f32 = 0.5;
/// … and if one of them was answered no longer ago than this, milliseconds: how they did before the trouble began says nothing of it.
const KNOWN_AGE: u64 = 1_000;
/// First and longest time between two probes of dead servers, milliseconds.
const PROBES: (u64, u64) = (5_000, 300_000);

/// Why a zone is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// E1: it holds half of the slots it may hold.
    InFlight,
    /// E2: its servers fail, and unknown names are asked for.
    Failing,
    /// E3: unknown names are asked for as never before, and hardly one exists.
    Flood,
    /// The operator said so.
    Pinned,
}

impl Trigger {
    /// The word in reports and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Failing => "failing",
            Self::Flood => "flood",
            Self::Pinned => "pinned",
        }
    }
}

/// How one fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// With data.
    Positive,
    /// The name is there, the type is not.
    NoData,
    /// There is no such name (NXDOMAIN, or NXNAME of RFC 9824).
    NoName,
    /// With no answer at all.
    Failed,
}

/// How fetches ended lately: sums that decay over 5 s.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcomes([Decaying; 4]);

impl Outcomes {
    /// One more.
    pub fn note(&mut self, ended: Ended, at: u64) {
        if let Some(sum) = self.0.get_mut(ended as usize) {
            sum.add(1.0, at);
        }
    }

    /// How many there were.
    #[must_use]
    pub fn total(&self, at: u64) -> f32 {
        self.0.iter().map(|sum| sum.sum(at)).sum()
    }

    /// When the last one came that was an answer, milliseconds; 0 if none did.
    #[must_use]
    pub fn last_answer(&self) -> u64 {
        let [answers @ .., _failed] = &self.0;
        answers.iter().map(Decaying::last).max().unwrap_or(0)
    }

    /// How many failed per second.
    #[must_use]
    pub fn failed_rate(&self, at: u64) -> f32 {
        let [.., failed] = &self.0;
        failed.rate(at)
    }

    /// The share that failed, 0 if there were none to speak of.
    #[must_use]
    pub fn failed_share(&self, at: u64) -> f32 {
        self.share(&[Ended::Failed], at)
    }

    /// The share of negative answers.
    #[must_use]
    pub fn negative_share(&self, at: u64) -> f32 {
        self.share(&[Ended::NoData, Ended::NoName], at)
    }

    fn share(&self, of: &[Ended], at: u64) -> f32 {
        let total = self.total(at);
        let part: f32 = of
            .iter()
            .filter_map(|ended| self.0.get(*ended as usize))
            .map(|sum| sum.sum(at))
            .sum();
        // Less than a hundredth of an outcome is the memory of half a minute ago.
        if total < 0.01 { 0.0 } else { part / total }
    }
}

/// How the names known to be real fare that are asked of a server.
#[derive(Clone, Copy, Debug)]
pub struct KnownFare<'a> {
    /// How fetches of them ended.
    pub outcomes: &'a Outcomes,
    /// Fetches of them begun per second.
    pub rate: f32,
    /// Those under way.
    pub held: u32,
}

impl KnownFare<'_> {
    /// Whether they are answered as ever. Then the server is well, whatever becomes of other names: somebody may have made it the server
    /// of zones that it does not know, and keeps silent about.
    #[expect(clippy::cast_precision_loss, reason = "slots are few")]
    fn is_well(&self, at: u64) -> bool {
        // By Little's law the mean time that one is under way is how many are, by how many begin per second.
        self.rate >= KNOWN_DEMAND
            && at.saturating_sub(self.outcomes.last_answer()) <= KNOWN_AGE
            && self.held as f32 <= KNOWN_TIME * self.rate
            && self.outcomes.failed_share(at) < RELEASE_SHARE
    }
}

/// What is known of a zone, or of a server, when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Signs<'a> {
    /// How it is guarded.
    pub class: Class,
    /// Unknown names asked for, per second.
    pub unknown: f32,
    /// Mean of the same over a day.
    pub baseline: f32,
    /// How fetches ended.
    pub outcomes: &'a Outcomes,
    /// Of a server: how names known to be real fare there.
    pub known: Option<KnownFare<'a>>,
    /// Slots it holds.
    pub held: u32,
    /// Slots it may hold (T).
    pub threshold: u32,
    /// E3's lowest rate of unknown names per second (500).
    pub flood_rate: f32,
}

impl Signs<'_> {
    /// Unknown names per second at which E3 begins.
    #[must_use]
    pub fn level(&self) -> f32 {
        let least = self.flood_rate * self.times();
        least.max(FLOOD_FACTOR * self.baseline)
    }

    /// How many times a zone's triggers those are.
    const fn times(&self) -> f32 {
        match self.known {
            Some(_) => OF_SERVER,
            None => 1.0,
        }
    }

    const fn flood_outcomes(&self) -> f32 {
        match self.known {
            Some(_) => SERVER_FLOOD_OUTCOMES,
            None => FLOOD_OUTCOMES,
        }
    }

    fn is_well(&self, at: u64) -> bool {
        self.known.is_some_and(|known| known.is_well(at))
    }

    /// Whether the zone, or the server, is to be guarded, and why.
    #[must_use]
    pub fn trigger(&self, at: u64) -> Option<Trigger> {
        match self.class {
            Class::Exempt => return None,
            Class::Pinned => return Some(Trigger::Pinned),
            Class::Plain | Class::Lookup => {}
        }
        let outcomes = self.outcomes.total(at);
        let is_well = self.is_well(at);
        if !is_well && self.held >= self.threshold.max(FLOOR) / 2 {
            Some(Trigger::InFlight)
        } else if !is_well
            && self.unknown >= FAILING_DEMAND * self.times()
            && outcomes >= FAILING_OUTCOMES * self.times()
            && self.outcomes.failed_share(at) >= FAILING_SHARE
        {
            Some(Trigger::Failing)
        } else if self.class == Class::Plain
            && self.unknown >= self.level()
            && outcomes >= self.flood_outcomes()
            && self.outcomes.negative_share(at) >= FLOOD_SHARE
        {
            Some(Trigger::Flood)
        } else {
            None
        }
    }
}

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
    use super::*;

    fn outcomes(of: &[(Ended, u32)], at: u64) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for (ended, times) in of {
            for _ in 0..*times {
                outcomes.note(*ended, at);
            }
        }
        outcomes
    }

    fn signs(outcomes: &Outcomes) -> Signs<'_> {
        Signs {
            class: Class::Plain,
            unknown: 0.0,
            baseline: 0.0,
            outcomes,
            known: None,
            held: 0,
            threshold: 512,
            flood_rate: 500.0,
        }
    }

    #[test]
    fn each_trigger_needs_all_that_it_names() {
        let none = Outcomes::default();
        let calm = signs(&none);
        assert_eq!(calm.trigger(0), None);
        assert_eq!(Signs { held: 255, ..calm }.trigger(0), None);
        assert_eq!(
            Signs { held: 256, ..calm }.trigger(0),
            Some(Trigger::InFlight)
        );

        let failing = outcomes(&[(Ended::Failed, 15), (Ended::Positive, 35)], 0);
        let at = |unknown| {
            Signs {
                unknown,
                ..signs(&failing)
            }
            .trigger(0)
        };
        assert_eq!((at(19.9), at(20.0)), (None, Some(Trigger::Failing)));
        let fewer = outcomes(&[(Ended::Failed, 14), (Ended::Positive, 36)], 0);
        assert_eq!(
            Signs {
                unknown: 400.0,
                ..signs(&fewer)
            }
            .trigger(0),
            None
        );
        let few = outcomes(&[(Ended::Failed, 49)], 0);
        assert_eq!(
            Signs {
                unknown: 400.0,
                ..signs(&few)
            }
            .trigger(0),
            None
        );

        let flood = outcomes(
            &[
                (Ended::NoName, 100),
                (Ended::NoData, 80),
                (Ended::Positive, 20),
            ],
            0,
        );
        let at = |unknown, baseline| {
            Signs {
                unknown,
                baseline,
                ..signs(&flood)
            }
            .trigger(0)
        };
        assert_eq!(
            (at(499.0, 0.0), at(500.0, 50.0)),
            (None, Some(Trigger::Flood))
        );
        assert_eq!(
            (at(900.0, 100.0), at(1_000.0, 100.0)),
            (None, Some(Trigger::Flood))
        );
        let positive = outcomes(&[(Ended::NoName, 179), (Ended::Positive, 21)], 0);
        assert_eq!(
            Signs {
                unknown: 9_000.0,
                ..signs(&positive)
            }
            .trigger(0),
            None
        );
        // What was five seconds ago counts a third.
        assert_eq!(
            Signs {
                unknown: 9_000.0,
                ..signs(&flood)
            }
            .trigger(5_000),
            None
        );
    }

    #[test]
    fn a_server_whose_known_names_are_answered_as_ever_is_well_whatever_fails_beside_them() {
        let failing = outcomes(&[(Ended::Failed, 400)], 0);
        let good = outcomes(&[(Ended::Positive, 91), (Ended::Failed, 9)], 0);
        let ill = outcomes(&[(Ended::Positive, 90), (Ended::Failed, 10)], 0);
        let of = |outcomes, rate, held, at| {
            let signs = Signs {
                unknown: 400.0,
                known: Some(KnownFare {
                    outcomes,
                    rate,
                    held,
                }),
                held: 300,
                ..signs(&failing)
            };
            signs.trigger(at)
        };
        let at = |outcomes, rate, held| of(outcomes, rate, held, 0);
        assert_eq!(at(&good, 2.0, 1), None);
        assert_eq!(at(&good, 100.0, 50), None);
        for (outcomes, rate, held) in [(&ill, 2.0, 1), (&good, 1.9, 0), (&good, 100.0, 51)] {
            assert_eq!(
                at(outcomes, rate, held),
                Some(Trigger::InFlight),
                "{rate} {held}"
            );
        }
        // What was a second ago is long ago.
        assert_eq!(of(&good, 100.0, 1, 1_000), None);
        assert_eq!(of(&good, 100.0, 1, 1_001), Some(Trigger::InFlight));
    }

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
    fn classes_differ() {
        let flood = outcomes(&[(Ended::NoName, 300)], 0);
        let at = |class, held| {
            Signs {
                class,
                held,
                unknown: 9_000.0,
                ..signs(&flood)
            }
            .trigger(0)
        };
        assert_eq!(at(Class::Lookup, 0), None);
        assert_eq!(at(Class::Lookup, 300), Some(Trigger::InFlight));
        assert_eq!(at(Class::Exempt, 300), None);
        assert_eq!(at(Class::Pinned, 0), Some(Trigger::Pinned));
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
