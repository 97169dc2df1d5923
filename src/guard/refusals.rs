//! May one more refusal be sent? A budget per prefix and per host in a table that no attacker can grow.
//!
//! Each prefix has a slot holding the time at which its budget would be whole again (the GCRA form of a token bucket).
//! When no slot of its four is its own, the one that is whole soonest is taken over **with its debt**. A prefix is
//! therefore never better off for having been pushed out: whoever returns finds a debt at least as large as its own.

use std::sync::atomic::{AtomicU64, Ordering};

use super::address::Address;
use super::one_block::OneBlock;
use super::{Arrival, Guard};
use crate::config::plan::ZoneGuardMode;
use crate::sys::clock::Now;

/// Slots: 16,384 lines of four, 512 KiB.
const LINES: usize = 1 << 14;
const WAYS: usize = 4;
/// A slot: 16 bits of tag, 48 bits of microseconds (8.9 years of uptime).
const TIME_BITS: u32 = 48;
const TIME_MAX: u64 = (1 << TIME_BITS) - 1;

/// The budget. Lock-free.
#[derive(Debug)]
pub struct Refusals {
    lines: Box<[[AtomicU64; WAYS]]>,
    host: AtomicU64,
    hasher: OneBlock,
    per_prefix: Option<Rate>,
    per_host: Option<Rate>,
    /// Taken beyond it.
    over: AtomicU64,
}

/// Microseconds between two refusals, and how far ahead of time one may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    interval: u64,
    ahead: u64,
}

impl Refusals {
    /// `per_prefix` refusals per second and `burst` at once for each IPv4 /24 or IPv6 /48, `per_host` per second for all
    /// together (a tenth of it at once). A rate of 0 means silence.
    #[must_use]
    pub fn new(per_prefix: u32, burst: u32, per_host: u32, key: &[u8; 16]) -> Self {
        Self {
            lines: std::iter::repeat_with(<[AtomicU64; WAYS]>::default)
                .take(LINES)
                .collect(),
            host: AtomicU64::new(0),
            hasher: OneBlock::with_key(key),
            per_prefix: Rate::new(per_prefix, burst),
            per_host: Rate::new(per_host, per_host / 10),
            over: AtomicU64::new(0),
        }
    }

    /// Whether debts kept by `other` mean the same here.
    #[must_use]
    pub fn has_rates_of(&self, other: &Self) -> bool {
        (self.per_prefix, self.per_host) == (other.per_prefix, other.per_host)
    }

    /// Takes one refusal out of the budget of `client`'s prefix and of the host; whether it may be sent.
    #[must_use]
    pub fn take(&self, client: impl Into<Address>, now: Now) -> bool {
        let (Some(per_prefix), Some(per_host)) = (self.per_prefix, self.per_host) else {
            return false;
        };
        let now = u64::try_from(now.mono.as_micros())
            .unwrap_or(TIME_MAX)
            .min(TIME_MAX);
        // A flood mostly ends here: one read of a line that nobody is writing.
        if !per_host.allows(self.host.load(Ordering::Relaxed), now) {
            return false;
        }
        self.take_prefix(prefix_of(client.into()), per_prefix, now)
            && take_slot(&self.host, 0, per_host, now)
    }

    /// The same, where the budget is only logged: it may always be sent.
    #[must_use]
    pub fn take_or_count(&self, client: impl Into<Address>, now: Now) -> bool {
        if !self.take(client, now) {
            self.over.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// How many were beyond the budget.
    #[must_use]
    pub fn over_budget(&self) -> u64 {
        self.over.load(Ordering::Relaxed)
    }

    fn take_prefix(&self, prefix: u64, rate: Rate, now: u64) -> bool {
        let hash = self.hasher.hash(prefix);
        let tag = hash >> TIME_BITS;
        let index = usize::try_from(hash % LINES as u64).unwrap_or(0);
        let Some(line) = self.lines.get(index) else {
            return false;
        };
        let time_of = |slot: &&AtomicU64| slot.load(Ordering::Relaxed) & TIME_MAX;
        let slot = line
            .iter()
            .find(|slot| slot.load(Ordering::Relaxed) >> TIME_BITS == tag)
            .or_else(|| line.iter().min_by_key(time_of));
        slot.is_some_and(|slot| take_slot(slot, tag, rate, now))
    }
}

impl Rate {
    fn new(per_second: u32, burst: u32) -> Option<Self> {
        let interval = 1_000_000_u64.checked_div(u64::from(per_second))?.max(1);
        let ahead = interval.saturating_mul(u64::from(burst.max(1) - 1));
        Some(Self { interval, ahead })
    }

    /// `whole_at`: when the budget will be whole again.
    const fn allows(self, whole_at: u64, now: u64) -> bool {
        (whole_at & TIME_MAX) <= now.saturating_add(self.ahead)
    }
}

impl Guard {
    /// Whether who must prove its address gets nothing else before it has; otherwise that is only logged.
    #[must_use]
    pub fn enforces_proof(&self) -> bool {
        self.prove_mode == ZoneGuardMode::Enforce
    }

    /// Refusals sent although the budget was used up, because that is only logged.
    #[must_use]
    pub fn refusals_over_budget(&self) -> u64 {
        self.refusals.over_budget()
    }

    /// Whether one more refusal may be sent, within the budget or because that is only logged.
    pub(in crate::guard) fn may_refuse(&self, arrival: &Arrival<'_>, now: Now) -> bool {
        match self.refusal_mode {
            ZoneGuardMode::Off => true,
            ZoneGuardMode::LogOnly => self.refusals.take_or_count(&arrival.source, now),
            ZoneGuardMode::Enforce => self.refusals.take(&arrival.source, now),
        }
    }
}

/// Moves a slot one interval on if that is allowed. A slot that changed hands meanwhile keeps the larger debt.
fn take_slot(slot: &AtomicU64, tag: u64, rate: Rate, now: u64) -> bool {
    slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        rate.allows(old, now).then(|| {
            let whole_at = (old & TIME_MAX).max(now).saturating_add(rate.interval);
            (tag << TIME_BITS) | whole_at.min(TIME_MAX)
        })
    })
    .is_ok()
}

/// The /24 or /48 that `client` belongs to, the two families apart.
fn prefix_of(client: Address) -> u64 {
    match client {
        Address::V4(bits) => u64::from(bits >> 8),
        Address::V6(bits) => {
            const FAMILY: u64 = 1 << 63;
            FAMILY | u64::try_from(bits >> 80).unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests;
