//! How much has a key asked lately? Loads that decay, in a table of fixed size that no attacker can grow, aim at or empty.
//!
//! A key has two lines of 15 slots, chosen by its hash. It takes the slot with its 16-bit id; failing that, the slot with the
//! smallest load of all thirty, **with that load** (space-saving: Metwally, Agrawal, El Abbadi 2005). So a key never looks
//! better than it is, however many others there are, and a flood of keys costs a new one only the smallest load around.
//!
//! Lock-free. Threads may meet in a slot; then a charge is lost, or counts for the key that took the slot over, never more: a key
//! is under-counted by one.
//!
//! Four slots are one word, so that four are compared or faded by the instructions of one. Loads fade when they are looked for and
//! 8 ms old at least, by all the time that passed: between, they are too high by what 8 ms forgive, at most half a percent, and what is
//! forgiven in the long run is the same.

use std::sync::atomic::{AtomicU64, Ordering};

/// Words of four ids, and of four loads, of a line: together a cache line. The last place of the last word is the time.
const WORDS: usize = 4;
/// Octets of a line.
const LINE: usize = 64;
/// Bits of an id or a load.
const LANE: u32 = 16;
const LOW: u64 = 0xFFFF;
/// 1 in each place of a word.
const ONES: u64 = 0x0001_0001_0001_0001;
/// Every second place of a word: room for products.
const WIDE: u64 = 0x0000_FFFF_0000_FFFF;
/// Odd, and no bits like others (the golden ratio).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
/// Where the last place of a word begins.
const LAST: u32 = 48;
/// A full load; the limit is at one price below.
pub const FULL: u64 = 1 << 16;
/// Bits behind the point of a price.
pub const FRACTION: u32 = 24;
/// A clock this much behind a line's, ms, is another worker's slightly older batch, or a time of which only the high half is
/// written yet (65.5 s); more is time that passed.
const BEHIND: u32 = 70_000;
/// A query for which all but this part (a 64th) of its price is left fits: prices are rounded, and the last of ten that are
/// allowed must not fail by a 65,536th.
const GRACE_BITS: u32 = 6;
/// Loads are left alone for so long, ms, unless more than this part of them would fade meanwhile.
const LAG: u32 = 8;
const LAG_PART: f64 = 0.005;
/// Who is overtaken by a charge next to its own tries again so often.
const TRIES: u32 = 3;

/// The table.
#[derive(Debug)]
pub struct Sketch {
    lines: Box<[Line]>,
    /// Bits of the hash that choose a line of one of the two tables.
    bits: u32,
}

/// Slot `s` has place `s / 4` of word `s % 4`, the first place in the lowest bits.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line {
    /// Whose slots they are; 0: nobody's. The last place is the high half of when loads were decayed last, ms.
    ids: [AtomicU64; WORDS],
    /// Their loads, and the low half of that time.
    loads: [AtomicU64; WORDS],
}

/// How fast loads fade: by `rate / (1000 * instant)` per millisecond.
#[derive(Debug)]
pub struct Decay {
    /// What is left after 0 to 255 ms, in 2^-32; the first place is not used.
    fine: [u32; 256],
    /// What is left after as many times 256 ms.
    coarse: [u32; 256],
    /// So many ms old are loads before they are faded.
    due: u32,
}

/// Where the load of a key is, or will be.
#[derive(Clone, Copy, Debug)]
pub struct Place<'s> {
    ids: &'s AtomicU64,
    loads: &'s AtomicU64,
    seen: u64,
    shift: u32,
    /// Of a slot to take over: the ids as they were, and as they will be.
    takes: Option<(u64, u64)>,
}

impl Sketch {
    /// With `bytes` octets, rounded down to a power of two, at least 2 KiB.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let bits = bits_for(bytes);
        Self {
            lines: std::iter::repeat_with(Line::default)
                .take(2 << bits)
                .collect(),
            bits,
        }
    }

    /// Octets that a table asked for with `bytes` takes.
    #[must_use]
    pub fn bytes_for(bytes: usize) -> usize {
        (2 * LINE) << bits_for(bytes)
    }

    /// Octets it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lines.len() * LINE
    }

    /// The place of the key with this hash, faded to `now_ms`, or nearly; rounded by `luck`, a random number.
    // Always: a call and a place through memory are a tenth of a query's cost.
    #[inline(always)]
    pub fn find(&self, hash: u64, now_ms: u32, decay: &Decay, luck: u64) -> Option<Place<'_>> {
        let first = self.first_line(hash)?;
        first.fade(now_ms, decay, luck);
        match first.slot_of(id_of(hash)) {
            Some(slot) => first.place(slot, None),
            None => self.find_other(hash, now_ms, decay, luck),
        }
    }

    /// The same of a key that is not in its first line.
    #[inline(never)]
    fn find_other(&self, hash: u64, now_ms: u32, decay: &Decay, luck: u64) -> Option<Place<'_>> {
        let [first, second] = self.lines_of(hash)?;
        let id = id_of(hash);
        second.fade(now_ms, decay, luck);
        if let Some(slot) = second.slot_of(id) {
            return second.place(slot, None);
        }
        let (load, slot) = first.least();
        if load > 0 {
            let (other, its_slot) = second.least();
            if other < load {
                return second.place(its_slot, Some(id));
            }
        }
        first.place(slot, Some(id))
    }

    /// The load of the key with this hash, without touching anything; 0 if it has no slot of its own.
    #[must_use]
    pub fn peek(&self, hash: u64, now_ms: u32, decay: &Decay) -> u64 {
        let lines = self.lines_of(hash).into_iter().flatten();
        let load = |line: &Line| {
            let load = line.place(line.slot_of(id_of(hash))?, None)?.load();
            Some((load * decay.over(line.ticks(now_ms))) >> 32)
        };
        lines.filter_map(load).next().unwrap_or(0)
    }

    #[inline]
    fn first_line(&self, hash: u64) -> Option<&Line> {
        let mask = (1_u64 << self.bits) - 1;
        self.lines.get(usize::try_from(hash & mask).ok()?)
    }

    fn lines_of(&self, hash: u64) -> Option<[&Line; 2]> {
        let mask = (1_u64 << self.bits) - 1;
        let second = usize::try_from((hash >> self.bits) & mask).ok()?;
        let (_, high) = self.lines.split_at_checked(1 << self.bits)?;
        Some([self.first_line(hash)?, high.get(second)?])
    }
}

impl Place<'_> {
    /// What the key has asked, of [`FULL`]; a key without a slot of its own has the load it would take over.
    #[inline]
    #[must_use]
    pub const fn load(&self) -> u64 {
        (self.seen >> self.shift) & LOW
    }

    /// Whether a `price` (in 2^-24 of a load) fits under the limit, or all but a 64th of it.
    #[inline]
    #[must_use]
    pub const fn has_room(&self, price: u64) -> bool {
        let whole = (price + (1 << FRACTION) - 1) >> FRACTION;
        self.load() + whole - (whole >> GRACE_BITS) < FULL || self.load() == 0
    }

    /// Adds a `price`, its part behind the point by `chance`, a random number, up to a full load. If other threads were faster again
    /// and again, nothing is added.
    #[inline]
    pub fn add(&self, price: u64, chance: u32) {
        let add = (price + u64::from(chance >> (32 - FRACTION))) >> FRACTION;
        if add == 0 {
            return;
        }
        if let Some((before, after)) = self.takes
            && exchange(self.ids, before, after).is_err()
        {
            return;
        }
        let mut seen = self.seen;
        for _ in 0..TRIES {
            let load = (((seen >> self.shift) & LOW) + add).min(FULL - 1);
            let new = (seen & !(LOW << self.shift)) | (load << self.shift);
            match exchange(self.loads, seen, new) {
                Ok(_) => return,
                Err(meanwhile) => seen = meanwhile,
            }
        }
    }
}

impl Line {
    /// The slot that has this id.
    #[inline]
    fn slot_of(&self, id: u64) -> Option<u32> {
        zero_place(&self.ids, id * ONES)
    }

    /// The smallest load, and its slot.
    #[inline]
    fn least(&self) -> (u64, u32) {
        if let Some(slot) = zero_place(&self.loads, 0) {
            return (0, slot);
        }
        let mut least = u64::MAX;
        for (word, number) in self.loads.iter().zip(0_u32..) {
            let loads = word.load(Ordering::Relaxed);
            for shift in [0, LANE, 2 * LANE, LAST] {
                if shift + number != TIME_SLOT {
                    let load = (loads >> shift) & LOW;
                    least = least.min((load << 8) | u64::from(shift + number));
                }
            }
        }
        let [.., slot] = least.to_be_bytes();
        (least >> 8, u32::from(slot))
    }

    /// A slot of the line, of its owner or to be taken over by `id`.
    #[inline]
    fn place(&self, slot: u32, id: Option<u64>) -> Option<Place<'_>> {
        let word = usize::try_from(slot).ok()? % WORDS;
        let shift = slot & LAST;
        let (ids, loads) = (self.ids.get(word)?, self.loads.get(word)?);
        let takes = id.map(|id| {
            let before = ids.load(Ordering::Relaxed);
            (before, (before & !(LOW << shift)) | (id << shift))
        });
        Some(Place {
            ids,
            loads,
            seen: loads.load(Ordering::Relaxed),
            shift,
            takes,
        })
    }

    /// How long ago its loads were decayed, ms.
    #[inline]
    fn ticks(&self, now_ms: u32) -> u32 {
        let ([.., high], [.., low]) = (&self.ids, &self.loads);
        let time = ((high.load(Ordering::Relaxed) >> LAST) << LANE)
            | (low.load(Ordering::Relaxed) >> LAST);
        let passed = now_ms.wrapping_sub(u32::try_from(time).unwrap_or(now_ms));
        if passed > u32::MAX - BEHIND {
            0
        } else {
            passed
        }
    }

    #[inline]
    fn fade(&self, now_ms: u32, decay: &Decay, luck: u64) {
        let ticks = self.ticks(now_ms);
        if ticks >= decay.due {
            self.fade_by(ticks, now_ms, decay, luck);
        }
    }

    /// Who moves the time on fades the loads; nobody does it twice. The high half of the time moves first: between, the time is yet to
    /// come, and nobody fades.
    fn fade_by(&self, ticks: u32, now_ms: u32, decay: &Decay, luck: u64) {
        // All bits of it in each, because whoever is here may be here for what some of them are.
        let dice = (luck ^ (luck >> 32)).wrapping_mul(MIX);
        let dice = dice ^ (dice >> 32);
        let ([.., high], [loads @ .., low]) = (&self.ids, &self.loads);
        let then = u64::from(now_ms.wrapping_sub(ticks));
        let now = u64::from(now_ms);
        let crosses = then >> LANE != now >> LANE;
        if crosses {
            let ids = high.load(Ordering::Relaxed);
            let moved = (ids & !(LOW << LAST)) | ((now >> LANE) << LAST);
            if ids >> LAST != then >> LANE || exchange(high, ids, moved).is_err() {
                return;
            }
        }
        // What is left, in 2^-16, its rest by chance: of other bits than those that round the loads.
        let keep = (decay.over(ticks) + (dice.wrapping_mul(MIX) >> LAST)) >> LANE;
        let mut seen = low.load(Ordering::Relaxed);
        let mut tries = 0..TRIES;
        loop {
            // Who has moved the high half must see the low one moved as well: a time that is yet to come would stand for a minute.
            let others = seen >> LAST != then & LOW || tries.next().is_none();
            if others && !crosses {
                return;
            }
            let new = (faded(seen, keep, dice) & !(LOW << LAST)) | ((now & LOW) << LAST);
            match exchange(low, seen, new) {
                Ok(_) => break,
                Err(meanwhile) => seen = meanwhile,
            }
        }
        for (word, turn) in loads.iter().zip([5, 11, 23]) {
            let seen = word.load(Ordering::Relaxed);
            if seen != 0 {
                // A plain store: a charge that comes between is the one that may be lost.
                let new = faded(seen, keep, dice.rotate_left(turn));
                word.store(new, Ordering::Relaxed);
            }
        }
    }
}

/// The slot that the time has.
const TIME_SLOT: u32 = LAST + 3;

/// The first slot whose place is the same as in `wanted`.
#[inline]
fn zero_place(words: &[AtomicU64; WORDS], wanted: u64) -> Option<u32> {
    let mut found = 0;
    for (word, number) in words.iter().zip(0_u32..) {
        // The lowest bit that is left stands for the lowest place that is zero; higher ones may be wrong.
        let rest = word.load(Ordering::Relaxed) ^ wanted;
        let zero = rest.wrapping_sub(ONES) & !rest & (ONES << (LANE - 1));
        found |= zero >> (LANE - 1 - number);
    }
    found &= !(1 << TIME_SLOT);
    (found != 0).then(|| found.trailing_zeros())
}

/// Four loads, of which `keep` (in 2^-16, at most 1) is left, rounded by `dice`.
#[inline]
const fn faded(loads: u64, keep: u64, dice: u64) -> u64 {
    // No product reaches the next: 0xFFFF * 2^16 + 0xFFFF is below 2^32.
    let even = (loads & WIDE) * keep + (dice & WIDE);
    let odd = ((loads >> LANE) & WIDE) * keep + ((dice >> LANE) & WIDE);
    ((even >> LANE) & WIDE) | (odd & !WIDE)
}

#[inline]
fn exchange(word: &AtomicU64, before: u64, after: u64) -> Result<u64, u64> {
    word.compare_exchange(before, after, Ordering::Relaxed, Ordering::Relaxed)
}

impl Decay {
    /// For limits of `rate` per second and `instant` at once.
    #[must_use]
    pub fn new(rate: u32, instant: u32) -> Self {
        let left = (1.0 - f64::from(rate) / (1000.0 * f64::from(instant.max(1)))).max(0.0);
        let fades = (LAG_PART / (1.0 - left)).min(f64::from(LAG));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 8"
        )]
        let due = (fades as u32).max(1);
        let table = |step: i32| {
            let mut power = 0_i32;
            [(); 256].map(|()| {
                let kept = left.powi(power * step) * 4_294_967_296.0;
                power += 1;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 2^32, saturating; 2^32 stands only where it is not used"
                )]
                let kept = kept as u32;
                kept
            })
        };
        Self {
            fine: table(1),
            coarse: table(256),
            due,
        }
    }

    /// What is left after `ticks` ms, in 2^-32; nothing after 65 seconds.
    fn over(&self, ticks: u32) -> u64 {
        let [_, _, high, low] = ticks.to_be_bytes();
        if ticks > 0xFFFF {
            return 0;
        }
        let part = |table: &[u32; 256], index: u8| {
            if index == 0 {
                1 << 32
            } else {
                table.get(usize::from(index)).copied().map_or(0, u64::from)
            }
        };
        match (high, low) {
            (0, low) => part(&self.fine, low),
            (high, low) => {
                (part(&self.fine, low) >> 1).saturating_mul(part(&self.coarse, high)) >> 31
            }
        }
    }
}

fn bits_for(bytes: usize) -> u32 {
    (bytes / LINE / 2).checked_ilog2().unwrap_or(0).clamp(4, 24)
}

#[inline]
fn id_of(hash: u64) -> u64 {
    // 0 is the id of an empty slot.
    (hash >> LAST).max(1)
}

#[cfg(test)]
mod tests;
