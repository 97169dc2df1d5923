//! From how far away did packets come? How often each hop limit (TTL) was seen: a flood from one place has one or two of them.

/// Values that are counted one by one; the rest is counted together. A forger who draws it by lot is seen by that.
const VALUES: usize = 16;

/// A histogram of hop limits, in bounded memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HopLimits {
    /// Value and how often; unused from the first with 0 times on.
    seen: [(u8, u32); VALUES],
    others: u32,
}

impl HopLimits {
    /// One packet more. Without a value nothing is counted.
    pub fn note(&mut self, hop_limit: Option<u8>) {
        let Some(hop_limit) = hop_limit else {
            return;
        };
        self.add(hop_limit, 1);
    }

    /// `times` packets with this value.
    pub fn add(&mut self, hop_limit: u8, times: u32) {
        let place = self
            .seen
            .iter_mut()
            .find(|(value, count)| *count == 0 || *value == hop_limit);
        match place {
            Some((value, count)) => {
                *value = hop_limit;
                *count = count.saturating_add(times);
            }
            None => self.others = self.others.saturating_add(times),
        }
    }

    /// Value and how often, the most frequent first.
    #[must_use]
    pub fn most(&self) -> Vec<(u8, u64)> {
        let mut seen: Vec<(u8, u64)> = self
            .seen
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(value, count)| (*value, u64::from(*count)))
            .collect();
        seen.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
        seen
    }

    /// Packets with further values.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_what_has_no_place_is_counted_together() {
        let mut hops = HopLimits::default();
        hops.note(None);
        assert_eq!((hops.most(), hops.others()), (vec![], 0));
        hops.note(Some(0));
        hops.note(Some(52));
        hops.note(Some(52));
        assert_eq!(hops.most(), [(52, 2), (0, 1)]);
        (100..=255).for_each(|value| hops.note(Some(value)));
        assert_eq!(hops.most().len(), VALUES);
        assert_eq!(hops.others(), 156 - 14);
    }
}
