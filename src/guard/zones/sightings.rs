//! Was this name sighted before, by somebody else or some time ago? A table of first sightings that nothing can grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds of one span; two sightings in different spans count as two.
const SPAN: u64 = 600_000;
/// Entries a name can choose from.
const WAYS: usize = 4;

/// First sightings: 32 bits of the name's hash, 16 of the client's, 16 of the span's number.
#[derive(Debug)]
pub(super) struct Sightings(Box<[[AtomicU64; WAYS]]>);

impl Sightings {
    /// With room for `entries` names, at least some.
    pub(super) fn new(entries: usize) -> Self {
        Self(
            std::iter::repeat_with(<[AtomicU64; WAYS]>::default)
                .take((entries / WAYS).max(16))
                .collect(),
        )
    }

    /// Whether a sighting of `name` (a hash) by `client` (a hash) at `at` is the second; if it is the first, it is remembered, in
    /// place of the oldest of four.
    pub(super) fn is_second(&self, name: u64, client: u64, at: u64) -> bool {
        let Some(line) = self.line(name) else {
            return false;
        };
        let entry = entry(name, client, at);
        if let Some(first) = first_of(line, entry) {
            return differs(first, entry);
        }
        let age = |slot: &&AtomicU64| match slot.load(Ordering::Relaxed) {
            0 => u64::MAX,
            kept => (entry & 0xFFFF).wrapping_sub(kept & 0xFFFF) & 0xFFFF,
        };
        if let Some(slot) = line.iter().max_by_key(age) {
            slot.store(entry, Ordering::Relaxed);
        }
        false
    }

    /// Whether it would be the second; changes nothing.
    pub(super) fn awaits(&self, name: u64, client: u64, at: u64) -> bool {
        let entry = entry(name, client, at);
        self.line(name)
            .and_then(|line| first_of(line, entry))
            .is_some_and(|first| differs(first, entry))
    }

    fn line(&self, name: u64) -> Option<&[AtomicU64; WAYS]> {
        self.0.get(super::decay::place(name, self.0.len()))
    }
}

fn entry(name: u64, client: u64, at: u64) -> u64 {
    // The line was chosen by the low half of the hash.
    let tag = (name >> 32).max(1);
    // Span 0 is left to what is empty.
    let span = at / SPAN % 0xFFFF + 1;
    tag << 32 | (client & 0xFFFF) << 16 | span
}

fn first_of(line: &[AtomicU64; WAYS], entry: u64) -> Option<u64> {
    line.iter()
        .map(|slot| slot.load(Ordering::Relaxed))
        .find(|kept| kept >> 32 == entry >> 32)
}

/// Whether client or span are others.
const fn differs(first: u64, entry: u64) -> bool {
    first & 0xFFFF_FFFF != entry & 0xFFFF_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_sighting_makes_room_and_the_table_does_not_grow() {
        let sightings = Sightings::new(64);
        let hash = |name: u64| siphasher::sip::SipHasher13::new().hash(&name.to_be_bytes());
        assert!(!sightings.is_second(hash(0), 1, 0));
        for name in 1..10_000 {
            assert!(!sightings.is_second(hash(name), 1, SPAN));
        }
        assert!(
            !sightings.is_second(hash(0), 2, SPAN),
            "pushed out: a first sighting again"
        );
        assert!(sightings.is_second(hash(0), 3, SPAN));
        assert_eq!(sightings.0.len(), 16);
    }
}
