//! Which part of a zone is attacked? The longest suffix that nine tenths of the last 256 unknown names share.

use siphasher::sip::SipHasher13;

use crate::wire::Name;

/// Unknown names looked back on.
const WINDOW: usize = 256;
/// Fewest of them that say anything.
const FEWEST: usize = 64;
/// Labels below the zone up to which suffixes are told apart.
const DEPTH: usize = 3;
/// How many unknown names pass between two looks.
const PACE: usize = 16;

/// The attacked part of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffix {
    /// All that is below this name; the name itself is not attacked.
    pub name: Name,
    labels: usize,
    hash: u32,
}

/// The last unknown names of a zone, as hashes of what they are below: 3 KiB, made only for zones that are looked at closely.
#[derive(Clone, Debug)]
pub struct Recent {
    ring: Vec<[u32; DEPTH]>,
    next: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            ring: Vec::with_capacity(WINDOW),
            next: 0,
        }
    }
}

impl Suffix {
    /// Whether `name` is one of those attacked.
    #[must_use]
    pub fn covers(&self, name: &Name) -> bool {
        name.is_within(&self.name) && *name != self.name
    }
}

impl Recent {
    /// One more unknown name of `zone`. Says which part of the zone is attacked, if it is time to look; `at_present` is what was
    /// said before. Nothing in the outer place: as before.
    pub fn note(
        &mut self,
        name: &Name,
        zone: &Name,
        hasher: &SipHasher13,
        at_present: Option<&Suffix>,
    ) -> Option<Option<Suffix>> {
        let above = zone.label_count();
        // A name is below its suffixes, not one of them: who asks for one name over and over attacks no part of the zone.
        let deep = name.label_count().saturating_sub(above + 1);
        let mut hashes = [0; DEPTH];
        for (depth, place) in hashes.iter_mut().enumerate().take(deep) {
            let suffix = name.suffix(above + depth + 1).to_lower_wire();
            // 0 stands for no suffix.
            *place = u32::try_from(hasher.hash(&suffix) >> 32)
                .unwrap_or(0)
                .max(1);
        }
        if self.ring.len() < WINDOW {
            self.ring.push(hashes);
        } else if let Some(oldest) = self.ring.get_mut(self.next) {
            *oldest = hashes;
        }
        self.next = (self.next + 1) % WINDOW;
        if self.ring.len() < FEWEST || !self.next.is_multiple_of(PACE) {
            return None;
        }
        let found = hashes
            .iter()
            .enumerate()
            .rev()
            .find(|(depth, hash)| **hash != 0 && self.is_shared(*depth, **hash))
            .map(|(depth, hash)| Suffix {
                name: name.suffix(above + depth + 1),
                labels: depth + 1,
                hash: *hash,
            });
        match (found, at_present) {
            // This one name may be an outsider; what was found before still holds if nine tenths are below it.
            (None, Some(before)) if self.is_shared(before.labels - 1, before.hash) => None,
            (found, _) => Some(found),
        }
    }

    fn is_shared(&self, depth: usize, hash: u32) -> bool {
        let below = self
            .ring
            .iter()
            .filter(|hashes| hashes.get(depth) == Some(&hash))
            .count();
        below * 10 >= self.ring.len() * 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is guarded after `names` of `victim.example.`
    fn narrowed(names: impl IntoIterator<Item = String>) -> Option<String> {
        let hasher = SipHasher13::new_with_keys(1, 2);
        let zone = "victim.example".parse().unwrap();
        let mut recent = Recent::default();
        let mut suffix = None;
        for name in names {
            let name = format!("{name}victim.example").parse().unwrap();
            if let Some(news) = recent.note(&name, &zone, &hasher, suffix.as_ref()) {
                suffix = news;
            }
        }
        suffix.map(|suffix| suffix.name.to_string())
    }

    #[test]
    fn the_longest_suffix_of_nine_tenths_is_guarded() {
        let www = |count: usize| (0..count).map(|at| format!("r{at}.WWW."));
        let others = |count: usize| (0..count).map(|at| format!("o{at}."));
        assert_eq!(narrowed(www(300)).unwrap(), "WWW.victim.example.");
        assert_eq!(narrowed(www(50)), None, "too few to say");
        assert_eq!(narrowed(others(300)), None);
        let mixed = (0..2_000).map(|at| {
            if at % 20 == 0 {
                format!("o{at}.")
            } else {
                format!("r{at}.www.")
            }
        });
        assert_eq!(narrowed(mixed).unwrap(), "www.victim.example.");
        let too_mixed = (0..2_000).map(|at| {
            if at % 5 == 0 {
                format!("o{at}.")
            } else {
                format!("r{at}.www.")
            }
        });
        assert_eq!(narrowed(too_mixed), None);
        let deep = (0..300).map(|at| format!("r{at}.a.b.c.d."));
        assert_eq!(narrowed(deep).unwrap(), "b.c.d.victim.example.");
        // The attack moves on: the guard follows.
        assert_eq!(narrowed(www(300).chain(others(300))), None);
        let moved = (0..300).map(|at| format!("r{at}.mail."));
        assert_eq!(
            narrowed(www(300).chain(moved)).unwrap(),
            "mail.victim.example."
        );
    }

    #[test]
    fn one_name_asked_over_and_over_narrows_nothing() {
        assert_eq!(narrowed((0..300).map(|_| "www.".to_owned())), None);
        assert_eq!(narrowed((0..300).map(|_| String::new())), None);
    }

    #[test]
    fn the_attacked_name_itself_is_not_held_back() {
        let suffix = Suffix {
            name: "www.victim.example".parse().unwrap(),
            labels: 1,
            hash: 1,
        };
        assert!(suffix.covers(&"x.www.victim.example".parse().unwrap()));
        for other in [
            "www.victim.example",
            "mail.victim.example",
            "victim.example",
        ] {
            assert!(!suffix.covers(&other.parse().unwrap()));
        }
    }
}
