//! How often did this response go to this network? Response rate limiting by BIND's rules, on a table of fixed size.
//!
//! Semantics and names of settings are those of BIND 9's `rate-limit` (its manual, and threat catalogue T1.1), without what is
//! known to be wrong there (T1.2): time counts in parts of a millisecond, not in whole seconds, so no second lets twice the
//! rate pass; the credit of a TCP client ends with its own window; an entry that must give way is the one with the least debt, so
//! nobody is pushed out of its penalty, and passes on no more of it than lets one response through: a table too small for all
//! that is asked limits nobody for what others asked.

use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

use super::{Client, Limited};
use crate::config::plan::IscLimits;
use crate::guard::address::Address;
use crate::sys::clock::Now;
use crate::wire::{Header, Message, Rcode, RecordType};

/// Entries that compete for a key.
const WAYS: usize = 4;
/// An entry: 16 bits of tag, 4 of slip count, 44 of time in 1/64 ms (8.7 years).
const TIME_BITS: u32 = 44;
const TIME_MAX: u64 = (1 << TIME_BITS) - 1;
const SLIP_BITS: u32 = 4;
const TAG_SHIFT: u32 = TIME_BITS + SLIP_BITS;
/// Ticks of a second.
const SECOND: u64 = 64_000;

/// What kind of response; each has its own rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Answer,
    Referral,
    Nodata,
    Nxdomain,
    Error,
    All,
    Tcp,
}

/// The limiter.
#[derive(Debug)]
pub(super) struct Isc {
    limits: IscLimits,
}

/// What it remembers; outlives a reload.
#[derive(Debug)]
pub(super) struct Table {
    lines: Box<[[AtomicU64; WAYS]]>,
    hasher: SipHasher13,
    /// Responses of this window, with its number; and per second of the one before.
    this: AtomicU64,
    before: AtomicU64,
}

/// What an entry decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Debit {
    Within,
    Slip,
    Drop,
}

impl Table {
    /// For `entries`, rounded up to a power of two.
    pub(super) fn new(entries: usize, secret: &[u8; 16]) -> Self {
        Self {
            lines: std::iter::repeat_with(<[AtomicU64; WAYS]>::default)
                .take(lines_for(entries))
                .collect(),
            hasher: SipHasher13::new_with_key(secret),
            this: AtomicU64::new(0),
            before: AtomicU64::new(0),
        }
    }

    /// Whether it is as large as one for `entries`.
    pub(super) fn fits(&self, entries: usize) -> bool {
        self.lines.len() == lines_for(entries)
    }
}

impl Isc {
    pub(super) const fn new(limits: IscLimits) -> Self {
        Self { limits }
    }

    /// Judges a response on its way out. What becomes of it if it is over a limit, with the length and a
    /// hash of the network. Responses to proven addresses pass, and lend credit to the others of their network.
    pub(super) fn judge(
        &self,
        table: &Table,
        client: Client,
        client_cookie: bool,
        reply: &[u8],
        now: Now,
    ) -> Option<(Limited, u8, u64)> {
        let now = ticks(now);
        let network = self.network(client.address);
        let scale = self.scale(table, now);
        if client.verified {
            if self.limits.qps_scale > 0 {
                let until = now.saturating_add(u64::from(self.limits.window) * SECOND);
                let key = table.key(network, Kind::Tcp, &[], RecordType(0));
                table.update(key, |_, _, slip| (until.min(TIME_MAX), slip));
            }
            return None;
        }
        let (kind, name, rtype) = classify(reply);
        let scale = scale.filter(|_| !self.has_credit(table, network, now));
        let key = table.key(network, kind, &name, rtype);
        let mut debit = self.debit(table, key, self.rate(kind), scale, now);
        if self.limits.all_per_second > 0 {
            let key = table.key(network, Kind::All, &[], RecordType(0));
            let all = self.debit(table, key, self.limits.all_per_second, scale, now);
            if all != Debit::Within {
                debit = Debit::Drop;
            }
        }
        let limited = match debit {
            Debit::Within => return None,
            Debit::Slip if kind == Kind::Error => Limited::Drop,
            Debit::Slip if client_cookie => Limited::BadCookie,
            Debit::Slip => Limited::Truncate,
            Debit::Drop => Limited::Drop,
        };
        let bits = match client.address {
            Address::V4(_) => self.limits.ipv4_prefix_length,
            Address::V6(_) => self.limits.ipv6_prefix_length,
        };
        Some((limited, bits, key))
    }

    const fn rate(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Answer => self.limits.responses_per_second,
            Kind::Referral => self.limits.referrals_per_second,
            Kind::Nodata => self.limits.nodata_per_second,
            Kind::Nxdomain => self.limits.nxdomains_per_second,
            Kind::Error => self.limits.errors_per_second,
            Kind::All => self.limits.all_per_second,
            Kind::Tcp => 0,
        }
    }

    /// The network that counts as one client, families apart.
    fn network(&self, client: Address) -> (u8, u64) {
        match client {
            Address::V4(bits) => {
                let length = u32::from(self.limits.ipv4_prefix_length.clamp(1, 32));
                (4, u64::from(bits & (u32::MAX << (32 - length))))
            }
            Address::V6(bits) => {
                let length = u32::from(self.limits.ipv6_prefix_length.clamp(1, 64));
                let first = u64::try_from(bits >> 64).unwrap_or(0);
                (6, first & (u64::MAX << (64 - length)))
            }
        }
    }

    /// Takes one response out of an entry's balance. The balance is kept as the time at which it would be whole again; a debt of
    /// `window` seconds is the largest.
    fn debit(&self, table: &Table, key: u64, rate: u32, scale: Option<f64>, now: u64) -> Debit {
        if rate == 0 {
            return Debit::Within;
        }
        let rate = u64::from(scaled(rate, scale, 1));
        let slip = match (self.limits.slip, scale) {
            (slip @ 3.., Some(_)) => scaled(slip, scale, 2),
            (slip, _) => slip,
        };
        let interval = (SECOND / rate).max(1);
        let floor = u64::from(self.limits.window + 1) * SECOND;
        let one_left = now + (rate - 1) * interval;
        let mut decided = Debit::Within;
        table.update(key, |mine, whole_at, slipped| {
            let whole_at = if mine {
                whole_at
            } else {
                whole_at.min(one_left)
            };
            let whole_at = (whole_at.max(now) + interval).min(now + floor);
            // All of the balance is there again: a new run of limited responses begins with one that slips.
            let slipped = if whole_at == now + interval {
                0
            } else {
                slipped
            };
            if whole_at - now <= rate * interval {
                decided = Debit::Within;
                return (whole_at, slipped);
            }
            decided = if slip > 0 && slipped == 0 {
                Debit::Slip
            } else {
                Debit::Drop
            };
            let next = if slipped + 1 >= slip { 0 } else { slipped + 1 };
            (whole_at, next)
        });
        decided
    }

    /// How much rates shrink because the whole host sends more than `qps_scale`. Counts one response.
    fn scale(&self, table: &Table, now: u64) -> Option<f64> {
        if self.limits.qps_scale == 0 {
            return None;
        }
        let span = u64::from(self.limits.window) * SECOND;
        let window = (now / span) & 0xFFFF_FFFF;
        let seen = table.this.load(Ordering::Relaxed);
        let (then, count) = (seen >> 32, seen & 0xFFFF_FFFF);
        if then == window {
            table.this.fetch_add(1, Ordering::Relaxed);
        } else {
            let last = if then + 1 == window { count } else { 0 };
            table.before.store(last, Ordering::Relaxed);
            table.this.store((window << 32) | 1, Ordering::Relaxed);
        }
        let before = table.before.load(Ordering::Relaxed);
        let count = if then == window { count } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a rate of packets")]
        let qps = before.max(count) as f64 / f64::from(self.limits.window);
        let scale = f64::from(self.limits.qps_scale) / qps;
        (scale < 1.0).then_some(scale)
    }

    fn has_credit(&self, table: &Table, network: (u8, u64), now: u64) -> bool {
        self.limits.qps_scale > 0 && {
            let key = table.key(network, Kind::Tcp, &[], RecordType(0));
            table.time_of(key).is_some_and(|until| until > now)
        }
    }
}

impl Table {
    /// The key of a response: network, kind, name without regard to case, type.
    fn key(&self, (family, network): (u8, u64), kind: Kind, name: &[u8], rtype: RecordType) -> u64 {
        let mut bytes = [0_u8; 12 + 255];
        let head = network
            .to_be_bytes()
            .into_iter()
            .chain([family, kind as u8])
            .chain(rtype.0.to_be_bytes());
        // No length octet of a label is a capital letter.
        let name = name.iter().map(u8::to_ascii_lowercase);
        let mut length = 0;
        for (place, octet) in bytes.iter_mut().zip(head.chain(name)) {
            *place = octet;
            length += 1;
        }
        self.hasher.hash(bytes.get(..length).unwrap_or_default())
    }

    fn line(&self, key: u64) -> Option<&[AtomicU64; WAYS]> {
        let index = usize::try_from(key).unwrap_or(0) & (self.lines.len() - 1);
        self.lines.get(index)
    }

    fn time_of(&self, key: u64) -> Option<u64> {
        self.line(key)?
            .iter()
            .map(|entry| entry.load(Ordering::Relaxed))
            .find(|entry| entry >> TAG_SHIFT == tag(key))
            .map(|entry| entry & TIME_MAX)
    }

    /// Changes the entry of a key: its own (told first), or the one that is whole soonest.
    fn update(&self, key: u64, mut change: impl FnMut(bool, u64, u32) -> (u64, u32)) {
        let Some(line) = self.line(key) else {
            return;
        };
        let tag = tag(key);
        let time_of = |entry: &&AtomicU64| entry.load(Ordering::Relaxed) & TIME_MAX;
        let entry = line
            .iter()
            .find(|entry| entry.load(Ordering::Relaxed) >> TAG_SHIFT == tag)
            .or_else(|| line.iter().min_by_key(time_of));
        let Some(entry) = entry else {
            return;
        };
        let _always = entry.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            let mine = old >> TAG_SHIFT == tag;
            let slipped = u32::try_from(old >> TIME_BITS & 0xF).unwrap_or(0);
            let (time, slipped) = change(mine, old & TIME_MAX, if mine { slipped } else { 0 });
            Some((tag << TAG_SHIFT) | (u64::from(slipped & 0xF) << TIME_BITS) | time.min(TIME_MAX))
        });
    }
}

/// The kind of a reply, and the name and type that it is counted by.
fn classify(reply: &[u8]) -> (Kind, Vec<u8>, RecordType) {
    let nothing = (Kind::Error, Vec::new(), RecordType(0));
    let Ok(header) = Header::parse(reply) else {
        return nothing;
    };
    let rcode = header.flags.rcode();
    if rcode != Rcode::NOERROR && rcode != Rcode::NXDOMAIN {
        return nothing;
    }
    let Ok(message) = Message::parse(reply) else {
        return nothing;
    };
    let Some((question, _)) = message.question.as_ref() else {
        return nothing;
    };
    let name = question.name.as_wire().to_vec();
    let authority = |rtype| {
        message
            .authority
            .iter()
            .find(move |record| record.rtype == rtype)
    };
    let soa = authority(RecordType::SOA);
    if rcode == Rcode::NXDOMAIN {
        let zone = soa.map_or(name, |soa| soa.owner.as_wire().to_vec());
        (Kind::Nxdomain, zone, RecordType(0))
    } else if header.ancount > 0 || header.flags.tc() {
        (Kind::Answer, name, question.rtype)
    } else if soa.is_none() && authority(RecordType::NS).is_some() {
        (Kind::Referral, name, RecordType(0))
    } else {
        (Kind::Nodata, name, RecordType(0))
    }
}

fn scaled(number: u32, scale: Option<f64>, least: u32) -> u32 {
    let Some(scale) = scale else {
        return number;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a small number"
    )]
    let scaled = (f64::from(number) * scale) as u32;
    scaled.max(least)
}

const fn lines_for(entries: usize) -> usize {
    let lines = entries.div_ceil(WAYS).next_power_of_two();
    if lines < 128 { 128 } else { lines }
}

fn ticks(now: Now) -> u64 {
    u64::try_from(now.mono.as_micros() * 8 / 125)
        .unwrap_or(TIME_MAX)
        .min(TIME_MAX)
}

const fn tag(key: u64) -> u64 {
    key >> TAG_SHIFT
}

#[cfg(test)]
mod tests;
