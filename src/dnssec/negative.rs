//! Which zones did the operator excuse from validation while we run, and until when?

use std::sync::{Arc, PoisonError, RwLock};

use crate::wire::Name;

/// Temporary negative anchors at a time. They are for emergencies of others, one by one (RFC 7646 section 2).
pub const MOST: usize = 256;

/// A zone that is not validated for a while, by word of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excused {
    /// The zone; all below it is treated as unsigned.
    pub zone: Name,
    /// Wall seconds at which it ends.
    pub until: u64,
    /// Why, in the operator's words; may be empty.
    pub reason: String,
}

/// That many zones are excused already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MOST} zones are excused from validation already; remove some first")]
pub struct TooMany;

/// The zones excused at run time. Outlives the configuration; shared by the validators of all.
#[derive(Debug, Default)]
pub struct ExcusedZones {
    zones: RwLock<Arc<[Excused]>>,
}

impl ExcusedZones {
    /// Excuses a zone, in place of what was said of it before; whether something was.
    ///
    /// # Errors
    /// [`TooMany`], counting those that have ended but were not taken out yet.
    pub fn add(&self, excused: Excused) -> Result<bool, TooMany> {
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        let mut kept = others(&zones, &excused.zone);
        let known = kept.len() < zones.len();
        if kept.len() >= MOST {
            return Err(TooMany);
        }
        kept.push(excused);
        *zones = kept.into();
        Ok(known)
    }

    /// Validates a zone again; what was said of it, if anything was.
    pub fn remove(&self, zone: &Name) -> Option<Excused> {
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        let gone = zones.iter().find(|excused| excused.zone == *zone).cloned();
        if gone.is_some() {
            *zones = others(&zones, zone).into();
        }
        gone
    }

    /// Takes out what has ended at `at` (wall seconds).
    pub fn take_ended(&self, at: u64) -> Vec<Excused> {
        if self.list().iter().all(|excused| at < excused.until) {
            return Vec::new();
        }
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        let (ended, kept): (Vec<Excused>, Vec<Excused>) = zones
            .iter()
            .cloned()
            .partition(|excused| excused.until <= at);
        *zones = kept.into();
        ended
    }

    /// All of them, in the order in which they were added; some may have ended.
    #[must_use]
    pub fn list(&self) -> Arc<[Excused]> {
        Arc::clone(&self.zones.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn others(zones: &[Excused], zone: &Name) -> Vec<Excused> {
    zones
        .iter()
        .filter(|excused| excused.zone != *zone)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excused(zone: &str, until: u64) -> Excused {
        Excused {
            zone: zone.parse().unwrap(),
            until,
            reason: String::new(),
        }
    }

    #[test]
    fn the_last_word_on_a_zone_counts_and_ends_are_kept() {
        let zones = ExcusedZones::default();
        assert_eq!(zones.add(excused("a.test.", 10)), Ok(false));
        assert_eq!(zones.add(excused("b.test.", 20)), Ok(false));
        assert_eq!(zones.add(excused("A.test.", 30)), Ok(true));
        assert_eq!(zones.list().len(), 2);
        assert_eq!(zones.take_ended(19), []);
        assert_eq!(zones.take_ended(20), [excused("b.test.", 20)]);
        assert_eq!(
            zones.remove(&"a.test.".parse().unwrap()),
            Some(excused("A.test.", 30))
        );
        assert_eq!(zones.remove(&"a.test.".parse().unwrap()), None);
        assert!(zones.list().is_empty());
    }

    #[test]
    fn there_is_an_end_to_excuses() {
        let zones = ExcusedZones::default();
        for number in 0..MOST {
            assert_eq!(zones.add(excused(&format!("{number}.test."), 1)), Ok(false));
        }
        assert_eq!(zones.add(excused("more.test.", 1)), Err(TooMany));
        assert_eq!(zones.add(excused("7.test.", 2)), Ok(true));
    }
}
