//! How much has a key asked lately? Loads that decay, in a table of fixed size that no attacker can grow, aim at or empty.
//!
//! A key has two lines of 15 slots, chosen by its hash. It takes the slot with its 16-bit id; failing that, the slot with the
//! smallest load of all thirty, **with that load** (space-saving: Metwally, Agrawal, El Abbadi 2005). So a key never looks
//! better than it is, however many others there are, and a flood of keys costs a new one only the smallest load around.
//!
//! Lock-free. Two threads may meet in a slot; then one of the two charges is lost, never more: a key is under-counted by one.

use std::sync::atomic::{AtomicU32, Ordering};

use rand::Rng;

/// Slots of a line: with its time they fill a cache line.
const SLOTS: usize = 15;
/// Octets of a line.
const LINE: usize = 64;
/// A full load; the limit is at one price below.
pub const FULL: u64 = 1 << 16;
/// Bits behind the point of a price.
pub const FRACTION: u32 = 24;
/// A clock this much behind a line's, ms, is another worker's slightly older batch; more is time that passed.
const BEHIND: u32 = 60_000;

/// The table.
#[derive(Debug)]
pub struct Sketch {
    lines: Box<[Line]>,
    /// Bits of the hash that choose a line of one of the two tables.
    bits: u32,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line {
    /// When its loads were decayed last, ms.
    time: AtomicU32,
    /// Id in the high half, load in the low.
    slots: [AtomicU32; SLOTS],
}

/// How fast loads fade: by `rate / (1000 * instant)` per millisecond.
#[derive(Debug)]
pub struct Decay {
    /// What is left after 0 to 255 ms, in 2^-32; the first place is not used.
    fine: [u32; 256],
    /// What is left after as many times 256 ms.
    coarse: [u32; 256],
}

/// Where the load of a key is, or will be.
#[derive(Clone, Copy, Debug)]
pub struct Place<'s> {
    slot: &'s AtomicU32,
    seen: u32,
    id: u32,
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

    /// The place of the key with this hash, faded to `now_ms`.
    #[inline]
    pub fn find(
        &self,
        hash: u64,
        now_ms: u32,
        decay: &Decay,
        dice: &mut impl Rng,
    ) -> Option<Place<'_>> {
        let [first, second] = self.lines_of(hash)?;
        first.fade(now_ms, decay, dice);
        second.fade(now_ms, decay, dice);
        Self::place(first, second, hash)
    }

    /// The load of the key with this hash, without touching anything; 0 if it has no slot of its own.
    #[must_use]
    pub fn peek(&self, hash: u64, now_ms: u32, decay: &Decay) -> u64 {
        let Some([first, second]) = self.lines_of(hash) else {
            return 0;
        };
        let id = id_of(hash);
        [first, second]
            .into_iter()
            .flat_map(|line| {
                let keep = decay.over(line.ticks(now_ms));
                line.slots
                    .iter()
                    .map(move |slot| (slot.load(Ordering::Relaxed), keep))
            })
            .find(|(slot, _)| slot >> 16 == id)
            .map_or(0, |(slot, keep)| (u64::from(slot & 0xFFFF) * keep) >> 32)
    }

    #[inline]
    fn lines_of(&self, hash: u64) -> Option<[&Line; 2]> {
        let mask = (1_u64 << self.bits) - 1;
        let first = usize::try_from(hash & mask).ok()?;
        let second = usize::try_from((hash >> self.bits) & mask).ok()?;
        let (low, high) = self.lines.split_at_checked(1 << self.bits)?;
        Some([low.get(first)?, high.get(second)?])
    }

    #[inline]
    fn place<'s>(first: &'s Line, second: &'s Line, hash: u64) -> Option<Place<'s>> {
        let id = id_of(hash);
        let slots = || first.slots.iter().chain(&second.slots);
        let own = slots().find_map(|slot| {
            let seen = slot.load(Ordering::Relaxed);
            (seen >> 16 == id).then_some(Place { slot, seen, id })
        });
        own.or_else(|| {
            slots()
                .map(|slot| Place {
                    slot,
                    seen: slot.load(Ordering::Relaxed),
                    id,
                })
                .min_by_key(Place::load)
        })
    }
}

impl Place<'_> {
    /// What the key has asked, of [`FULL`]; a key without a slot of its own has the load it would take over.
    #[inline]
    #[must_use]
    pub fn load(&self) -> u64 {
        u64::from(self.seen & 0xFFFF)
    }

    /// Whether a `price` (in 2^-24 of a load) fits under the limit.
    #[inline]
    #[must_use]
    pub fn has_room(&self, price: u64) -> bool {
        let whole = (price + (1 << FRACTION) - 1) >> FRACTION;
        self.load() + whole < FULL || self.load() == 0
    }

    /// Adds a `price`, its part behind the point by chance, up to a full load. If another thread was faster, nothing is added.
    #[inline]
    pub fn add(&self, price: u64, dice: &mut impl Rng) {
        let chance = u64::from(dice.next_u32() >> (32 - FRACTION));
        let add = (price + chance) >> FRACTION;
        if add == 0 {
            return;
        }
        let load = (self.load() + add).min(FULL - 1);
        let new = (self.id << 16) | u32::try_from(load).unwrap_or(0xFFFF);
        let _lost =
            self.slot
                .compare_exchange(self.seen, new, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Line {
    #[inline]
    fn ticks(&self, now_ms: u32) -> u32 {
        let passed = now_ms.wrapping_sub(self.time.load(Ordering::Relaxed));
        if passed > u32::MAX - BEHIND {
            0
        } else {
            passed
        }
    }

    #[inline]
    fn fade(&self, now_ms: u32, decay: &Decay, dice: &mut impl Rng) {
        let ticks = self.ticks(now_ms);
        if ticks == 0 {
            return;
        }
        let then = now_ms.wrapping_sub(ticks);
        // Who moves the time on fades the loads; nobody does it twice.
        if self
            .time
            .compare_exchange(then, now_ms, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return;
        }
        let keep = decay.over(ticks);
        for slot in &self.slots {
            let seen = slot.load(Ordering::Relaxed);
            let load = seen & 0xFFFF;
            if load == 0 {
                continue;
            }
            let kept = (u64::from(load) * keep + u64::from(dice.next_u32())) >> 32;
            let kept = u32::try_from(kept).unwrap_or(load);
            // A plain store: a charge that comes between is the one that may be lost.
            slot.store((seen & !0xFFFF) | kept, Ordering::Relaxed);
        }
    }
}

impl Decay {
    /// For limits of `rate` per second and `instant` at once.
    #[must_use]
    pub fn new(rate: u32, instant: u32) -> Self {
        let left = (1.0 - f64::from(rate) / (1000.0 * f64::from(instant.max(1)))).max(0.0);
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
fn id_of(hash: u64) -> u32 {
    // 0 is the id of an empty slot.
    u32::try_from(hash >> 48).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests;
