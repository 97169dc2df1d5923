//! Is a zone or a server under attack? The three triggers.

use super::engage::RELEASE_SHARE;
use super::keys::Class;
use super::outcomes::Outcomes;
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
/// How many times as much a server takes until E2 and E3: what one of its zones suffers is found out there first, and is the zone's alone.
const OF_SERVER: f32 = 2.0;
/// Names known to be real, asked of a server per second, from which on they show how it does …
const KNOWN_DEMAND: f32 = 2.0;
/// … which is well if they take no longer than this, in seconds, on average, and no more fail than at a release. (A far server takes
/// 0.3 s, and one that drops most of what it is asked a second and more.)
const KNOWN_TIME: f32 = 0.5;
/// … and if one of them was answered no longer ago than this, milliseconds: how they did before the trouble began says nothing of it.
const KNOWN_AGE: u64 = 1_000;

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

    pub(super) fn is_well(&self, at: u64) -> bool {
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::outcomes::Ended;
    use super::*;

    pub(in super::super) fn outcomes(of: &[(Ended, u32)], at: u64) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for (ended, times) in of {
            for _ in 0..*times {
                outcomes.note(*ended, at);
            }
        }
        outcomes
    }

    pub(in super::super) fn signs(outcomes: &Outcomes) -> Signs<'_> {
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
    fn fifty_answers_of_a_server_tell_of_a_flood_where_a_zone_takes_two_hundred() {
        let flood = outcomes(&[(Ended::NoName, 50)], 0);
        let none = Outcomes::default();
        let fare = KnownFare {
            outcomes: &none,
            rate: 0.0,
            held: 0,
        };
        let at = |unknown, known| {
            Signs {
                unknown,
                known,
                ..signs(&flood)
            }
            .trigger(0)
        };
        assert_eq!((at(9_000.0, None), at(999.0, Some(fare))), (None, None));
        assert_eq!(at(1_000.0, Some(fare)), Some(Trigger::Flood));
        let fewer = outcomes(&[(Ended::NoName, 49)], 0);
        let signs = Signs {
            unknown: 9_000.0,
            known: Some(fare),
            ..signs(&fewer)
        };
        assert_eq!(signs.trigger(0), None);
    }
}
