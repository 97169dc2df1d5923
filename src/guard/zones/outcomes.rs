//! How did fetches of a zone, or at a server, end lately?

use super::decay::Decaying;

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

    pub(super) fn share(&self, of: &[Ended], at: u64) -> f32 {
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
