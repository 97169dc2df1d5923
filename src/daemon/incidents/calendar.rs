//! Which reading of the wall clock may age what is kept? One that has run along with the monotonic clock for an hour.
//!
//! Whoever believes a clock that jumped loses what the law lets him keep, or keeps what it does not: a machine without a battery starts in
//! 1970 until NTP has answered, a hand on the clock or a restored image moves it by months. What happened in this process ages by the
//! monotonic clock, which does not jump; what lay there before only by a wall clock that is steady, and only from a time that can be.

use std::time::Duration;

use super::story;
use crate::config::plan::{Incidents as Limits, Secrecy};
use crate::sys::clock::Now;

/// How long the wall clock must have run steadily. NTP needs minutes after a boot to set it (chrony and ntpd: within ten queries at 64 s or
/// less), a person who set it wrongly about as long to see it.
pub(super) const STEADY: Duration = Duration::from_secs(3_600);
/// Milliseconds between two looks by which the clocks may disagree: a leap second, or a scheduler that stalls between their readings; and
/// nothing is kept for so short a time that it would matter.
const JUMP: u64 = 60_000;
/// Wall seconds before which no incident can have been: 2026-01-01, before suimond's first release.
const FIRST: u64 = 1_767_225_600;

/// The wall clock as it was at the last look.
#[derive(Debug)]
pub(super) struct Calendar {
    last: Option<Now>,
    /// Since when it runs steadily, by the monotonic clock.
    steady: Duration,
    /// Times that it jumped.
    pub(super) jumps: u64,
    /// How long it must run so.
    patience: Duration,
    /// What is before is no time.
    first: u64,
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Today {
    /// Both clocks as they stand.
    pub(super) now: Now,
    /// Whether the wall clock may age what is kept.
    believed: bool,
    first: u64,
}

/// When something was, for whoever asks how old it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Date {
    /// In this process: by the monotonic clock.
    Here(Duration),
    /// Before it, wall seconds: as it says itself, and as its file says.
    Before(u64, u64),
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            last: None,
            steady: Duration::ZERO,
            jumps: 0,
            patience: STEADY,
            first: FIRST,
        }
    }
}

impl Calendar {
    /// Looks at both clocks. A jump is said once.
    pub(super) fn look(&mut self, now: Now) -> Today {
        let jump = self.last.map_or(0, |last| {
            let should_be = last.plus(now.since(last)).wall_ms;
            i128::from(now.wall_ms) - i128::from(should_be)
        });
        if self.last.is_none() {
            self.steady = now.mono;
        }
        if jump.unsigned_abs() > u128::from(JUMP) {
            self.steady = now.mono;
            self.jumps += 1;
            let seconds = jump / 1_000;
            tracing::warn!(
                seconds,
                "the wall clock jumped: until it has run steadily for an hour, incidents of before the start neither go nor lose their details for their age"
            );
        }
        self.last = Some(now);
        Today {
            now,
            believed: now.mono.saturating_sub(self.steady) >= self.patience,
            first: self.first,
        }
    }
}

impl Today {
    /// Seconds since then; nothing if nobody can tell.
    pub(super) fn age(&self, date: Date) -> Option<u64> {
        match date {
            Date::Here(mono) => Some(self.now.mono.saturating_sub(mono).as_secs()),
            Date::Before(told, filed) => {
                let today = self.now.wall_secs();
                let can_be = |at: &u64| (self.first..=today).contains(at);
                let at = [told, filed].into_iter().find(can_be)?;
                self.believed.then(|| today - at)
            }
        }
    }

    /// Whether the details of what was then are to go. If the clock is good and the date is not, they are: nobody could tell later.
    pub(super) fn is_to_lose_details(&self, secrecy: &Secrecy, date: Date) -> bool {
        match self.age(date) {
            Some(age) => !story::may_detail(secrecy, Some(0), age),
            None => self.believed || !story::may_detail(secrecy, None, 0),
        }
    }

    /// Whether it is too old to be kept at all.
    pub(super) fn is_too_old(&self, limits: &Limits, date: Date) -> bool {
        self.age(date).is_some_and(|age| age > limits.max_age)
    }
}

impl Date {
    /// What is less is older. What was before this process comes first, whatever the clocks said.
    pub(super) fn order(self) -> (bool, u64) {
        match self {
            Self::Before(told, _) => (false, told),
            Self::Here(mono) => (true, u64::try_from(mono.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(test)]
impl Calendar {
    /// One that believes every clock and every date, for tests of what is done with them.
    pub(super) fn credulous() -> Self {
        Self {
            patience: Duration::ZERO,
            first: 0,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    /// 2026-11-22.
    const TODAY: u64 = 1_795_305_600;

    /// Both clocks: the wall clock `wall`, and `mono` seconds since the start.
    fn at(wall: u64, mono: u64) -> Now {
        Now {
            wall_ms: wall * 1_000,
            mono: Duration::from_secs(mono),
        }
    }

    fn before(wall: u64) -> Date {
        Date::Before(wall, 0)
    }

    #[test]
    fn a_clock_is_believed_once_it_has_run_steadily_for_an_hour() {
        let mut calendar = Calendar::default();
        let week_ago = before(TODAY - 7 * DAY);
        assert_eq!(calendar.look(at(TODAY, 5)).age(week_ago), None);
        assert_eq!(calendar.look(at(TODAY + 3_599, 3_604)).age(week_ago), None);
        let today = calendar.look(at(TODAY + 3_600, 3_605));
        assert_eq!(today.age(week_ago), Some(7 * DAY + 3_600));
        // Slewing, leap seconds.
        let today = calendar.look(at(TODAY + 7_241, 7_205));
        assert!(today.age(week_ago).is_some());
        for jump in [90 * DAY as i64, -(TODAY as i64)] {
            let wall = (TODAY + 7_300).saturating_add_signed(jump);
            let mut calendar = Calendar::default();
            calendar.look(at(TODAY, 5));
            assert!(
                calendar
                    .look(at(TODAY + 7_200, 7_205))
                    .age(week_ago)
                    .is_some()
            );
            for mono in [7_305, 9_000, 10_800] {
                let today = calendar.look(at(wall + mono - 7_305, mono));
                assert_eq!(today.age(week_ago), None, "{jump} {mono}");
                assert_eq!(
                    today.age(Date::Here(Duration::from_secs(205))),
                    Some(mono - 205)
                );
            }
            // It is put right again: an hour from then.
            assert_eq!(
                calendar.look(at(TODAY + 10_900, 10_905)).age(week_ago),
                None
            );
            assert!(
                calendar
                    .look(at(TODAY + 14_500, 14_505))
                    .age(week_ago)
                    .is_some()
            );
            assert_eq!(calendar.jumps, 2);
        }
    }

    #[test]
    fn a_machine_that_sleeps_does_not_age_what_is_kept_before_an_hour_awake() {
        let mut calendar = Calendar::default();
        calendar.look(at(TODAY, 0));
        assert!(calendar.look(at(TODAY + 3_600, 3_600)).believed);
        assert!(!calendar.look(at(TODAY + 90 * DAY, 3_605)).believed);
        assert!(calendar.look(at(TODAY + 90 * DAY + 3_600, 7_205)).believed);
    }

    #[test]
    fn a_date_that_cannot_be_ages_nothing_but_details_do_not_stay_for_ever() {
        let mut calendar = Calendar::default();
        let (secrecy, limits) = (
            Secrecy::default(),
            Limits {
                journal: true,
                kept: 1,
                bytes: 1,
                max_age: DAY,
            },
        );
        let first = calendar.look(at(TODAY, 0));
        let later = calendar.look(at(TODAY + 3_600, 3_600));
        for odd in [100, FIRST - 1, TODAY + 3_601, u64::MAX] {
            assert_eq!(later.age(before(odd)), None);
            assert!(!later.is_too_old(&limits, before(odd)));
            assert!(!first.is_to_lose_details(&secrecy, before(odd)));
            assert!(later.is_to_lose_details(&secrecy, before(odd)));
            // Its file may know better.
            let filed = Date::Before(odd, TODAY);
            assert_eq!(later.age(filed), Some(3_600));
            assert!(!later.is_to_lose_details(&secrecy, filed));
        }
        assert!(later.is_too_old(&limits, before(TODAY - DAY)));
        let never = Secrecy {
            detail: crate::config::plan::Detail::Never,
            ..secrecy
        };
        assert!(
            first.is_to_lose_details(&never, before(TODAY)),
            "needs no clock"
        );
    }
}
