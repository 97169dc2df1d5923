//! Which of the queries that reach the drill's servers are due to an attack, and which to honest clients?

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use hickory_proto::rr::{LowerName, Name};

/// Tells queries apart by their names: attackers and honest clients never ask for the same.
#[derive(Debug, Default)]
pub struct Watch {
    /// What is at or below these is due to the attack …
    attacked: Vec<LowerName>,
    /// … but these.
    honest: HashSet<LowerName>,
    attack: AtomicU64,
    others: AtomicU64,
}

impl Watch {
    /// A watch over the zones at these names; `honest` clients ask for these names in them.
    pub(super) fn new(attacked: &[Name], honest: impl IntoIterator<Item = Name>) -> Self {
        Self {
            attacked: attacked.iter().map(LowerName::new).collect(),
            honest: honest
                .into_iter()
                .map(|name| LowerName::new(&name))
                .collect(),
            ..Self::default()
        }
    }

    /// Counts one query.
    pub(in crate::drill) fn note(&self, name: &Name) {
        let name = LowerName::new(name);
        let due =
            self.attacked.iter().any(|zone| zone.zone_of(&name)) && !self.honest.contains(&name);
        let counter = if due { &self.attack } else { &self.others };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Queries due to the attack so far.
    #[must_use]
    pub fn attack(&self) -> u64 {
        self.attack.load(Ordering::Relaxed)
    }

    /// All others.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::attack::scene::name;

    #[test]
    fn what_honest_clients_ask_for_is_not_laid_at_the_attackers_door() {
        let watch = Watch::new(&[name("siege.")], [name("real0.victim.siege.")]);
        for asked in ["x.victim.siege.", "REAL1.victim.siege.", "siege."] {
            watch.note(&name(asked));
        }
        for asked in ["REAL0.victim.siege.", "www.lab.", "nosiege.", "."] {
            watch.note(&name(asked));
        }
        assert_eq!((watch.attack(), watch.others()), (3, 4));
    }
}
