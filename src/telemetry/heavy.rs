//! Which few of many are met most? Space-saving over sums that fade, in a table that no number of keys can grow.

/// Seconds in which a sum falls to 1/e.
const E_FOLD: f32 = 5.0;
/// Milliseconds between two fadings.
const STEP: u64 = 1_000;
/// A key that fell below this much is forgotten.
const NOTHING: f32 = 0.05;

/// Keys with how often each was met lately. Of many keys those met most are there (Metwally et al. 2005), however many others there
/// are: the least gives way to a new one, and its count goes on as what may be too much of that one's.
#[derive(Clone, Debug)]
pub struct Heavy<K> {
    entries: Vec<Entry<K>>,
    places: usize,
    faded: u64,
}

#[derive(Clone, Debug)]
struct Entry<K> {
    key: K,
    sum: f32,
    /// What of it may have been others'.
    error: f32,
    /// How often it was noted itself, whatever each time stood for; fades like the sum.
    samples: f32,
}

/// How often a key is met.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Met {
    /// Times per second, at least, over the last seconds.
    pub rate: f32,
    /// How often it was noted in the last seconds: who was noted once by chance need not have been met more than once, whatever
    /// that one stands for.
    pub samples: f32,
}

impl<K: PartialEq> Heavy<K> {
    /// With room for so many keys, at least one. Nothing is allocated before the first is met, nothing ever for the table after.
    #[must_use]
    pub const fn new(places: usize) -> Self {
        Self {
            entries: Vec::new(),
            places: if places == 0 { 1 } else { places },
            faded: 0,
        }
    }

    /// Meets a key, `weight` times, at `at` milliseconds.
    pub fn note(&mut self, key: K, weight: f32, at: u64) {
        self.fade(at);
        if let Some(known) = self.entries.iter_mut().find(|known| known.key == key) {
            known.sum += weight;
            known.samples += 1.0;
            return;
        }
        if self.entries.len() < self.places {
            self.entries.reserve_exact(self.places - self.entries.len());
            self.entries.push(Entry {
                key,
                sum: weight,
                error: 0.0,
                samples: 1.0,
            });
            return;
        }
        let least = self
            .entries
            .iter_mut()
            .min_by(|one, other| one.sum.total_cmp(&other.sum));
        if let Some(least) = least {
            *least = Entry {
                key,
                sum: least.sum + weight,
                error: least.sum,
                samples: 1.0,
            };
        }
    }

    /// The keys with how often each is met. In no order.
    pub fn rates(&self, at: u64) -> impl Iterator<Item = (&K, Met)> {
        // Between two fadings a sum grows as much as it should have faded: what comes steadily is told right at any moment.
        let faded = worth(at.saturating_sub(self.faded));
        let met = move |entry: &Entry<K>| Met {
            rate: (entry.sum - entry.error) * faded / WHOLE,
            samples: entry.samples * faded,
        };
        self.entries
            .iter()
            .map(move |entry| (&entry.key, met(entry)))
            .filter(|(_, met)| met.rate > 0.0)
    }

    fn fade(&mut self, at: u64) {
        let age = at.saturating_sub(self.faded);
        if age < STEP {
            return;
        }
        let worth = worth(age);
        for entry in &mut self.entries {
            entry.sum *= worth;
            entry.error *= worth;
            entry.samples *= worth;
        }
        self.entries.retain(|entry| entry.sum >= NOTHING);
        self.faded = at;
    }
}

/// The sum of what comes once per second, after a fading: 1 / (e^(1/5) - 1).
const WHOLE: f32 = 4.516_656;

/// What is left of a sum after so many milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a time long past is worth nothing, however long"
)]
fn worth(age: u64) -> f32 {
    (-(age as f32) / (1_000.0 * E_FOLD)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(heavy: &Heavy<u32>, key: u32, at: u64) -> f32 {
        let found = heavy.rates(at).find(|(known, _)| **known == key);
        found.map_or(0.0, |(_, met)| met.rate)
    }

    #[test]
    fn what_comes_steadily_is_told_as_it_is_at_any_moment_and_what_ended_fades() {
        let mut heavy = Heavy::new(8);
        for at in 0..60_000 {
            if at % 10 == 0 {
                heavy.note(1, 1.0, at);
            }
            if at % 640 == 0 {
                heavy.note(2, 64.0, at);
            }
            if at > 40_000 && at % 97 == 0 {
                let told = rate(&heavy, 1, at);
                assert!((95.0..=105.0).contains(&told), "{told} at {at}");
                let told = rate(&heavy, 2, at);
                assert!((85.0..=115.0).contains(&told), "{told} at {at}");
            }
        }
        let told = rate(&heavy, 1, 65_000);
        assert!((30.0..=45.0).contains(&told), "{told} after five seconds");
        heavy.note(3, 1.0, 200_000);
        assert_eq!(
            heavy.rates(200_000).count(),
            1,
            "what is long past is forgotten"
        );
    }

    #[test]
    fn what_was_noted_once_has_one_sample_whatever_it_stands_for_and_whose_place_it_took() {
        let mut heavy = Heavy::new(1);
        for at in 0..100 {
            heavy.note(1, 64.0, at);
        }
        heavy.note(2, 64.0, 100);
        let (_, met) = heavy.rates(100).next().unwrap();
        assert!(
            met.rate > 10.0 && (met.samples - 1.0).abs() < 0.1,
            "{met:?}"
        );
        heavy.note(2, 1.0, 101);
        let (_, met) = heavy.rates(101).next().unwrap();
        assert!((met.samples - 2.0).abs() < 0.1, "{met:?}");
        let (_, met) = heavy.rates(5_101).next().unwrap();
        assert!(met.samples < 0.8, "they fade: {met:?}");
    }

    #[test]
    fn a_million_keys_take_no_room_hide_no_heavy_one_and_none_of_them_looks_like_one() {
        let mut heavy = Heavy::new(64);
        for number in 0..1_000_000_u32 {
            let at = u64::from(number / 100);
            heavy.note(1_000 + number, 1.0, at);
            if number % 20 == 0 {
                heavy.note(7, 1.0, at);
            }
        }
        assert_eq!(heavy.entries.len(), 64);
        assert_eq!(heavy.entries.capacity(), 64);
        // 5,000 a second among 100,000 that come once each.
        let told = rate(&heavy, 7, 10_000);
        assert!((3_500.0..=5_200.0).contains(&told), "{told}");
        let others = heavy.rates(10_000).filter(|(key, _)| **key != 7);
        assert!(others.map(|(_, met)| met.rate).fold(0.0, f32::max) < 10.0);
    }
}
