//! Which names are known to be real? Two generations of a Bloom filter, three days each, that hold no readable name.
//!
//! A name is learned when it was answered NOERROR, not made from a wildcard, and was sighted twice: by two client prefixes or in two
//! spans of ten minutes. No registrable domain may take more than a hundredth of a generation. A generation that is full learns
//! nothing more: nobody can push out what others taught it.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use siphasher::sip::SipHasher13;
use siphasher::sip128::SipHasher13 as Wide;

use super::decay::place;
use super::sightings::Sightings;

/// Hash functions (parameter sheet, section 3).
const K: u64 = 10;
/// Bits for one name, as a fraction: 14.4. One name in a thousand that was never learned passes for known then.
const BITS_PER_NAME: (u64, u64) = (72, 5);
/// Part of a generation that one registrable domain may take, as a divisor.
const DOMAIN_PART: u64 = 100;
/// Cells that count the names of domains, two rows of them per generation.
const DOMAIN_CELLS: usize = 1 << 14;
/// How long a generation is added to, milliseconds of service: 3 days.
const SPAN: u64 = 3 * 86_400 * 1_000;
/// What a file of this kind begins with, and the version of what follows.
const MAGIC: &[u8; 8] = b"SUIMONKG";
const VERSION: u32 = 1;

/// A name, as the filter knows it: a keyed hash of its lower-case wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    pub(super) first: u64,
    second: u64,
}

/// What becomes of a name that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learning {
    /// It was known already.
    Known,
    /// It is known from now on.
    Learned,
    /// It was sighted for the first time.
    SightedOnce,
    /// Its domain takes a hundredth of the filter, or the filter is full.
    NoRoom,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is not such a file, or of another version.
    #[error("it is not a file of known names that this suimond can read")]
    Foreign,
    /// Its checksum is wrong.
    #[error("it is damaged (its checksum is wrong)")]
    Damaged,
    /// `zone_guard.known_names` was changed.
    #[error("it was made for another size of zone_guard.known_names")]
    OtherSize,
}

/// The filter.
#[derive(Debug)]
pub struct KnownNames {
    key: [u8; 16],
    hasher: Wide,
    words: usize,
    generations: RwLock<Generations>,
    sightings: Sightings,
}

#[derive(Clone, Debug)]
struct Generations {
    present: Arc<Generation>,
    before: Option<Arc<Generation>>,
    /// Milliseconds of the monotonic clock at which the present one began, and its age then.
    began: (u64, u64),
}

#[derive(Debug)]
struct Generation {
    bits: Box<[AtomicU64]>,
    names: AtomicU64,
    domains: [Box<[AtomicU32]>; 2],
}

impl KnownNames {
    /// An empty filter of two generations of `octets` each (rounded to words, at least 1 KiB), by this secret.
    #[must_use]
    pub fn new(octets: u64, key: [u8; 16], at: u64) -> Self {
        let words = usize::try_from((octets / 8).max(128)).unwrap_or(usize::MAX);
        Self::of(
            words,
            key,
            Generations {
                present: Arc::new(Generation::new(words)),
                before: None,
                began: (at, 0),
            },
        )
    }

    fn of(words: usize, key: [u8; 16], generations: Generations) -> Self {
        Self {
            key,
            hasher: Wide::new_with_key(&key),
            words,
            generations: RwLock::new(generations),
            // As many octets for names sighted once as an eighth of a generation.
            sightings: Sightings::new(words / 8),
        }
    }

    /// The print of a name, given in lower-case wire form.
    #[must_use]
    pub fn print(&self, lower_wire: &[u8]) -> Print {
        let hash = self.hasher.hash(lower_wire);
        Print {
            first: hash.h1,
            second: hash.h2,
        }
    }

    /// Whether the name is known (or, once in a thousand times, only looks so).
    #[must_use]
    pub fn contains(&self, name: Print) -> bool {
        let generations = self.generations();
        generations.present.contains(name)
            || generations
                .before
                .as_ref()
                .is_some_and(|before| before.contains(name))
    }

    /// A name of `domain` (a hash) was answered for `client` (a hash) as names that exist are.
    pub fn sighted(&self, name: Print, domain: u64, client: u64, at: u64) -> Learning {
        let generations = self.generations();
        if generations.present.contains(name) {
            return Learning::Known;
        }
        let known = generations
            .before
            .as_ref()
            .is_some_and(|before| before.contains(name));
        if !known && !self.sightings.is_second(name.first, client, at) {
            return Learning::SightedOnce;
        }
        match (generations.present.learn(name, domain), known) {
            (false, false) => Learning::NoRoom,
            (true, false) => Learning::Learned,
            (_, true) => Learning::Known,
        }
    }

    /// Whether the name was sighted once and this would be the second time. Cheap: for every answer out of the cache.
    #[must_use]
    pub fn awaits(&self, name: Print, client: u64, at: u64) -> bool {
        self.sightings.awaits(name.first, client, at)
    }

    /// Begins a new generation if the present one has had its time.
    pub fn grow_older(&self, at: u64) {
        if self.generations().age(at) < SPAN {
            return;
        }
        let fresh = Arc::new(Generation::new(self.words));
        let mut generations = self
            .generations
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if generations.age(at) >= SPAN {
            generations.before = Some(std::mem::replace(&mut generations.present, fresh));
            generations.began = (at, 0);
        }
    }

    /// Octets of one generation.
    #[must_use]
    pub fn octets(&self) -> u64 {
        u64::try_from(self.words)
            .unwrap_or(u64::MAX)
            .saturating_mul(8)
    }

    /// Names in both generations; those in both count twice.
    #[must_use]
    pub fn names(&self) -> u64 {
        let generations = self.generations();
        let of = |generation: &Generation| generation.names.load(Ordering::Relaxed);
        of(&generations.present) + generations.before.as_deref().map_or(0, of)
    }

    /// Names that one generation may learn.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        capacity(self.words)
    }

    /// Writes it all down: version, secret, both generations, a checksum. Names learned meanwhile may be missing.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn save(&self, out: &mut dyn Write, at: u64) -> io::Result<()> {
        let generations = self.generations();
        let mut out = Checked {
            inner: out,
            sum: SipHasher13::new_with_keys(0, 0),
        };
        out.put(MAGIC)?;
        out.put(&VERSION.to_le_bytes())?;
        out.put(&self.key)?;
        out.put(&u64::try_from(self.words).unwrap_or(0).to_le_bytes())?;
        out.put(&generations.age(at).to_le_bytes())?;
        out.put(&[u8::from(generations.before.is_some())])?;
        for generation in [Some(&generations.present), generations.before.as_ref()]
            .into_iter()
            .flatten()
        {
            generation.save(&mut out)?;
        }
        let sum = out.sum();
        out.inner.write_all(&sum.to_le_bytes())
    }

    /// Reads what [`Self::save`] wrote; `octets` is the size wanted.
    ///
    /// # Errors
    /// Why it cannot be used. Nothing of it is, then.
    pub fn load(from: &mut dyn Read, octets: u64, at: u64) -> Result<Self, Unusable> {
        let mut from = Checked {
            inner: from,
            sum: SipHasher13::new_with_keys(0, 0),
        };
        if from.get::<8>()? != *MAGIC || u32::from_le_bytes(from.get()?) != VERSION {
            return Err(Unusable::Foreign);
        }
        let key = from.get::<16>()?;
        let words = usize::try_from(u64::from_le_bytes(from.get()?)).unwrap_or(0);
        if words != usize::try_from((octets / 8).max(128)).unwrap_or(usize::MAX) {
            return Err(Unusable::OtherSize);
        }
        let age = u64::from_le_bytes(from.get()?);
        let has_before = from.get::<1>()? != [0];
        let present = Arc::new(Generation::load(&mut from, words)?);
        let before = if has_before {
            Some(Arc::new(Generation::load(&mut from, words)?))
        } else {
            None
        };
        let sum = from.sum();
        let mut written = [0; 8];
        from.inner.read_exact(&mut written)?;
        if u64::from_le_bytes(written) != sum {
            return Err(Unusable::Damaged);
        }
        Ok(Self::of(
            words,
            key,
            Generations {
                present,
                before,
                began: (at, age),
            },
        ))
    }

    fn generations(&self) -> Generations {
        self.generations
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

impl Generations {
    /// Milliseconds of service since the present generation began.
    const fn age(&self, at: u64) -> u64 {
        at.saturating_sub(self.began.0).saturating_add(self.began.1)
    }
}

impl Generation {
    fn new(words: usize) -> Self {
        Self {
            // In place: memory of zeros is not touched before it is needed.
            bits: vec![0_u64; words].into_iter().map(AtomicU64::new).collect(),
            names: AtomicU64::new(0),
            domains: [(); 2].map(|()| {
                vec![0_u32; DOMAIN_CELLS]
                    .into_iter()
                    .map(AtomicU32::new)
                    .collect()
            }),
        }
    }

    fn contains(&self, name: Print) -> bool {
        self.places(name).all(|(word, bit)| {
            self.bits
                .get(word)
                .is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
        })
    }

    /// Adds a name that is not in it; whether there was room.
    fn learn(&self, name: Print, domain: u64) -> bool {
        let capacity = capacity(self.bits.len());
        let most = u32::try_from((capacity / DOMAIN_PART).max(1)).unwrap_or(u32::MAX);
        let cells = || {
            self.domains
                .iter()
                .zip([domain, domain.rotate_left(32)])
                .filter_map(|(row, part)| row.get(place(part, row.len())))
        };
        let of_domain = cells().map(|cell| cell.load(Ordering::Relaxed)).min();
        if self.names.load(Ordering::Relaxed) >= capacity || of_domain >= Some(most) {
            return false;
        }
        for cell in cells() {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        self.names.fetch_add(1, Ordering::Relaxed);
        for (word, bit) in self.places(name) {
            if let Some(word) = self.bits.get(word) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        true
    }

    /// The bits of a name (Kirsch and Mitzenmacher 2006: two hashes make any number).
    fn places(&self, name: Print) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = u64::try_from(self.bits.len())
            .unwrap_or(0)
            .saturating_mul(64);
        (0..K).map(move |turn| {
            let hash = name.first.wrapping_add(turn.wrapping_mul(name.second | 1));
            let at = u64::try_from((u128::from(hash) * u128::from(bits)) >> 64).unwrap_or(0);
            (usize::try_from(at / 64).unwrap_or(0), 1 << (at % 64))
        })
    }

    fn save(&self, out: &mut Checked<&mut dyn Write>) -> io::Result<()> {
        out.put(&self.names.load(Ordering::Relaxed).to_le_bytes())?;
        for row in &self.domains {
            for cell in row {
                out.put(&cell.load(Ordering::Relaxed).to_le_bytes())?;
            }
        }
        let mut chunk = Vec::with_capacity(8 * 1024);
        for words in self.bits.chunks(1024) {
            chunk.clear();
            chunk.extend(
                words
                    .iter()
                    .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()),
            );
            out.put(&chunk)?;
        }
        Ok(())
    }

    fn load(from: &mut Checked<&mut dyn Read>, words: usize) -> io::Result<Self> {
        let generation = Self::new(words);
        generation
            .names
            .store(u64::from_le_bytes(from.get()?), Ordering::Relaxed);
        for cell in generation.domains.iter().flatten() {
            cell.store(u32::from_le_bytes(from.get()?), Ordering::Relaxed);
        }
        for word in &generation.bits {
            let bits = u64::from_le_bytes(from.get()?);
            if bits != 0 {
                word.store(bits, Ordering::Relaxed);
            }
        }
        Ok(generation)
    }
}

fn capacity(words: usize) -> u64 {
    let (bits, names) = BITS_PER_NAME;
    u64::try_from(words)
        .unwrap_or(0)
        .saturating_mul(64)
        .saturating_mul(names)
        / bits
}

/// A stream of octets with the checksum of all that passed.
struct Checked<T> {
    inner: T,
    sum: SipHasher13,
}

impl<T> Checked<T> {
    fn note(&mut self, octets: &[u8]) {
        std::hash::Hasher::write(&mut self.sum, octets);
    }

    fn sum(&self) -> u64 {
        std::hash::Hasher::finish(&self.sum)
    }
}

impl Checked<&mut dyn Write> {
    fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        self.note(octets);
        self.inner.write_all(octets)
    }
}

impl Checked<&mut dyn Read> {
    fn get<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut octets = [0; N];
        self.inner.read_exact(&mut octets)?;
        self.note(&octets);
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn filter(octets: u64) -> KnownNames {
        KnownNames::new(octets, *b"0123456789abcdef", 0)
    }

    fn print(filter: &KnownNames, name: &str) -> Print {
        filter.print(&name.parse::<crate::wire::Name>().unwrap().to_lower_wire())
    }

    /// Learns a name by two clients at once.
    fn teach(filter: &KnownNames, name: &str, domain: u64) -> Learning {
        let name = print(filter, name);
        let domain = SipHasher13::new().hash(&domain.to_be_bytes());
        let _first = filter.sighted(name, domain, 1, 0);
        filter.sighted(name, domain, 2, 0)
    }

    #[test]
    fn a_name_is_learned_at_its_second_sighting_by_another_or_later() {
        let filter = filter(1 << 16);
        let name = print(&filter, "www.example.com");
        for (client, at, learning) in [
            (1, 0, Learning::SightedOnce),
            (1, 9 * MINUTE, Learning::SightedOnce),
            (1, 10 * MINUTE, Learning::Learned),
            (1, 10 * MINUTE, Learning::Known),
        ] {
            assert!(learning == Learning::Known || !filter.contains(name));
            assert_eq!(filter.sighted(name, 9, client, at), learning);
        }
        assert!(filter.contains(print(&filter, "WWW.example.COM")));
        let other = print(&filter, "mail.example.com");
        assert!(!filter.awaits(other, 2, 0));
        assert_eq!(filter.sighted(other, 9, 1, 0), Learning::SightedOnce);
        assert!(!filter.awaits(other, 1, 0));
        assert!(filter.awaits(other, 2, 0));
        assert_eq!(filter.sighted(other, 9, 2, 0), Learning::Learned);
    }

    #[test]
    fn one_in_a_thousand_unknown_names_passes_at_most_when_it_is_full() {
        let filter = filter(1 << 16);
        let mut learned = 0;
        for at in 0..40_000_u64 {
            learned +=
                u64::from(teach(&filter, &format!("n{at}.example"), at) == Learning::Learned);
        }
        // What looks known already needs no learning.
        assert!(learned >= filter.capacity() - 200, "{learned}");
        assert_eq!(filter.names(), filter.capacity());
        let passed = (0..100_000)
            .filter(|at| filter.contains(print(&filter, &format!("x{at}.example"))))
            .count();
        assert!(passed < 150, "{passed} of 100,000");
    }

    #[test]
    fn no_domain_takes_more_than_a_hundredth_and_none_pushes_others_out() {
        let filter = filter(1 << 16);
        assert_eq!(teach(&filter, "www.bank.example", 1), Learning::Learned);
        let taken = (0..20_000)
            .filter(|at| teach(&filter, &format!("n{at}.attacker.example"), 2) == Learning::Learned)
            .count();
        assert_eq!(u64::try_from(taken).unwrap(), filter.capacity() / 100);
        assert_eq!(teach(&filter, "new.bank.example", 1), Learning::Learned);
        // Two hundred domains fill it: nothing more is learned, nothing is forgotten.
        for at in 0..80_000_u64 {
            let _whatever = teach(&filter, &format!("m{at}.other.example"), 3 + at % 200);
        }
        assert_eq!(filter.names(), filter.capacity());
        assert_eq!(teach(&filter, "newer.bank.example", 1), Learning::NoRoom);
        assert!(filter.contains(print(&filter, "www.bank.example")));
    }

    #[test]
    fn a_name_lives_for_two_generations_and_longer_if_it_is_asked_for() {
        let filter = filter(1 << 13);
        for name in ["once.example", "again.example"] {
            assert_eq!(teach(&filter, name, 1), Learning::Learned);
        }
        filter.grow_older(SPAN - 1);
        assert_eq!(filter.names(), 2);
        filter.grow_older(SPAN);
        assert!(filter.contains(print(&filter, "once.example")));
        // One sighting is enough for what is known.
        let again = print(&filter, "again.example");
        assert_eq!(filter.sighted(again, 1, 1, SPAN), Learning::Known);
        filter.grow_older(SPAN);
        assert!(filter.contains(again), "not twice for one span");
        filter.grow_older(2 * SPAN);
        assert!(!filter.contains(print(&filter, "once.example")));
        assert!(filter.contains(again));
    }

    #[test]
    fn what_was_saved_is_read_back_and_what_is_damaged_is_not() {
        let before = filter(1 << 13);
        assert_eq!(teach(&before, "old.example", 1), Learning::Learned);
        before.grow_older(SPAN);
        assert_eq!(teach(&before, "new.example", 1), Learning::Learned);
        let mut saved = Vec::new();
        before.save(&mut saved, SPAN + 5_000).unwrap();
        let readable = [&b"example"[..], b"\x03new", b"\x03old"];
        for text in readable {
            assert!(!saved.windows(text.len()).any(|at| at == text));
        }
        let load = |octets: &[u8], size| KnownNames::load(&mut &octets[..], size, 77);
        let after = load(&saved, 1 << 13).unwrap();
        for name in ["old.example", "new.example"] {
            assert!(after.contains(print(&after, name)), "{name}");
        }
        assert!(!after.contains(print(&after, "other.example")));
        assert_eq!(after.names(), 2);
        assert_eq!(after.generations().age(77), 5_000);

        assert!(matches!(load(&saved, 1 << 14), Err(Unusable::OtherSize)));
        assert!(matches!(load(b"", 1 << 13), Err(Unusable::Unreadable(_))));
        assert!(matches!(
            load(&saved[..saved.len() - 1], 1 << 13),
            Err(Unusable::Unreadable(_))
        ));
        assert!(matches!(
            load(&[b'x'; 1 << 15], 1 << 13),
            Err(Unusable::Foreign)
        ));
        for at in [12, 60, 1_000, saved.len() - 9, saved.len() - 1] {
            let mut damaged = saved.clone();
            damaged[at] ^= 4;
            assert!(load(&damaged, 1 << 13).is_err(), "octet {at}");
        }
    }
}
