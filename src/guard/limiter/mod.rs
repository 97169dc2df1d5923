//! Has this client asked too much? Limits per prefix, with what is proven apart from what is only claimed.
//!
//! A query is charged when it comes in, before anything is looked up for it, and its reply when it goes out, by size and kind
//! (parameter sheet, section 2). What an address claims and what it has proven are charged apart: a forger cannot use up what
//! its victim has proven. No lock, no allocation.

mod asked;
mod demand;
mod isc;
pub mod ladder;
pub mod near;
mod offenders;
mod overload;
pub mod sketch;
mod suspects;

use std::sync::Arc;

use ipnet::IpNet;
use rand::Rng;

pub use self::asked::{Asked, Client, Limited, Over};

use self::demand::Demand;
use self::isc::{Isc, Table};
use self::ladder::{Ladder, QUERY, STEPS, Step, WHOLE, leading_bits, shares};
use self::near::{Near, SAMPLED};
use self::offenders::{AtLimit, Offenders, prefix_of};
use self::overload::Overload;
use self::sketch::{Decay, FULL, Place, Sketch};
use self::suspects::Suspects;
use super::address::Address;
use super::ranges::Ranges;
use crate::config::plan;
use crate::config::plan::{LimiterAlgorithm, LimiterMode};
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{Moment, Namespace};
use crate::wire::Rcode;

/// The limiter of one configuration; what it remembers outlives a reload.
#[derive(Debug)]
pub struct Limiter {
    plan: plan::Limiter,
    /// Whether the sketch judges.
    on: bool,
    /// If it does: how.
    isc: Option<Isc>,
    memory: Arc<Memory>,
    decay: Decay,
    v4: Ladder,
    v6: Ladder,
    verified_v4: Ladder,
    verified_v6: Ladder,
    /// What an address is of a customer, in 2^-16; 0 = it is not limited.
    shares: Ranges<u64>,
    overload: Overload,
}

/// What is remembered of clients.
#[derive(Debug)]
struct Memory {
    sketch: Sketch,
    /// Of the prefixes that many share.
    near: Near,
    /// With the isc algorithm.
    table: Option<Table>,
    secret: [u8; 16],
    offenders: Offenders,
    demand: Demand,
    suspects: Suspects,
}

/// A limit of one client, for `suimon why`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The prefix that has the limit.
    pub prefix: IpNet,
    /// How much of it is used, 0 to 1.
    pub used: f64,
}

impl Limiter {
    /// An empty limiter. `secret`: of this start.
    #[must_use]
    pub fn new(plan: &plan::Limiter, secret: &[u8; 16]) -> Self {
        Self::over(
            plan,
            Arc::new(Memory {
                sketch: Sketch::new(plan.bytes),
                near: Near::default(),
                table: is_isc(plan).then(|| Table::new(plan.isc.max_table_size, secret)),
                secret: *secret,
                offenders: Offenders::default(),
                demand: Demand::default(),
                suspects: Suspects::default(),
            }),
        )
    }

    fn over(plan: &plan::Limiter, memory: Arc<Memory>) -> Self {
        let secret = &memory.secret;
        let (instant, proven) = (
            plan.instant,
            plan.instant.saturating_mul(plan.verified_factor),
        );
        let customer = plan.customer_prefix;
        Self {
            on: plan.mode != LimiterMode::Off && plan.algorithm == LimiterAlgorithm::Sketch,
            isc: is_isc(plan).then(|| Isc::new(plan.isc)),
            decay: Decay::new(plan.rate, plan.instant),
            v4: Ladder::v4(secret, false, instant),
            v6: Ladder::v6(secret, false, instant, customer),
            verified_v4: Ladder::v4(secret, true, proven),
            verified_v6: Ladder::v6(secret, true, proven, customer),
            shares: Ranges::new(&shares(plan)),
            overload: Overload::new(plan.slip_above),
            plan: plan.clone(),
            memory,
        }
    }

    /// The same limiter with what the one `before` a reload remembers; with a table of another size all begin anew.
    #[must_use]
    pub fn continuing(self, before: &Self) -> Self {
        let table = match &before.memory.table {
            None => !is_isc(&self.plan),
            Some(table) => !is_isc(&self.plan) || table.fits(self.plan.isc.max_table_size),
        };
        if table && self.bytes() == before.bytes() {
            Self::over(&self.plan, Arc::clone(&before.memory))
        } else {
            self
        }
    }

    /// Charges a query that comes in; what becomes of it if it is over a limit. `may_reply`: not to the port of a reflector;
    /// `may_wait`: a stream can, a datagram cannot.
    #[inline]
    pub fn arrive(
        &self,
        client: Client,
        asked: Asked,
        may_reply: bool,
        may_wait: bool,
        now: Now,
        dice: &mut impl Rng,
    ) -> Option<Over> {
        if !self.on {
            return None;
        }
        let share = self.shares.find(client.address).unwrap_or(WHOLE);
        if share == 0 {
            return None;
        }
        let cost = asked.cost(client.verified);
        if self.plan.mode == LimiterMode::LogOnly && share == WHOLE {
            self.survey(client, cost, now, dice);
        }
        let at = self.charge(client, cost, share, true, now, dice)?;
        self.suspect(client, at, share, now);
        let limited = self.limited(client, asked, (may_reply, may_wait), now, dice);
        Some(self.noted(client, at, limited, now))
    }

    /// Charges a reply that goes out to a query that was charged, by its size and kind; with the isc algorithm also judges it, and
    /// says what becomes of it if it is over a limit.
    #[inline]
    pub fn leave(
        &self,
        client: Client,
        asked: Asked,
        rcode: Rcode,
        reply: &[u8],
        now: Now,
        dice: &mut impl Rng,
    ) -> Option<Over> {
        if let Some(isc) = &self.isc {
            return self.judge(isc, client, asked, reply, now);
        }
        if Asked::is_paid_by_any(rcode, reply.len()) {
            return None;
        }
        self.charge_more(client, asked, (rcode, reply.len()), now, dice);
        None
    }

    /// Charges what a reply costs beyond its query.
    #[inline(never)]
    fn charge_more(
        &self,
        client: Client,
        asked: Asked,
        (rcode, octets): (Rcode, usize),
        now: Now,
        dice: &mut impl Rng,
    ) {
        let paid = asked.cost(client.verified);
        let cost = asked.cost_with(client.verified, rcode, octets);
        if cost > paid && self.on {
            let share = self.shares.find(client.address).unwrap_or(WHOLE);
            if share > 0 {
                self.charge(client, cost - paid, share, false, now, dice);
            }
        }
    }

    /// By BIND's rules.
    fn judge(
        &self,
        isc: &Isc,
        client: Client,
        asked: Asked,
        reply: &[u8],
        now: Now,
    ) -> Option<Over> {
        if self.shares.find(client.address) == Some(0) {
            return None;
        }
        let table = self.memory.table.as_ref()?;
        let (limited, bits, hash) = isc.judge(table, client, asked.client_cookie, reply, now)?;
        let at = AtLimit {
            bits,
            hash,
            namespace: Namespace::Responses,
        };
        Some(self.noted(client, at, limited, now))
    }

    /// What becomes of a query over a limit, for whoever carries it out and for the story of it.
    fn noted(&self, client: Client, at: AtLimit, limited: Limited, now: Now) -> Over {
        let enforced = self.plan.mode == LimiterMode::Enforce;
        let became = if enforced {
            limited.reason()
        } else {
            Reason::WouldLimit
        };
        self.memory.offenders.note(client, at, became, now);
        Over { limited, enforced }
    }

    /// What has begun, goes on or ended since this was asked last.
    #[must_use]
    pub fn moments(&self, now: Now) -> Vec<Moment> {
        self.memory.offenders.look(now)
    }

    /// Whether limits are applied.
    #[must_use]
    pub const fn mode(&self) -> LimiterMode {
        self.plan.mode
    }

    /// Octets that the table takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.memory.sketch.bytes()
    }

    /// Prefixes that were over a limit in the last minute.
    #[must_use]
    pub fn limited_prefixes(&self) -> usize {
        self.memory.offenders.len()
    }

    /// Of how many limited queries one gets a reply.
    #[must_use]
    pub fn slip(&self, now: Now) -> u32 {
        self.overload.slip(now)
    }

    /// What all but one active customer of a thousand stay below, queries per second, and the rate that this suggests. As much as
    /// a limit in force lets be seen; where it is not applied, up to 64 times as much.
    #[must_use]
    pub fn demand(&self) -> Option<(f64, u32)> {
        let demand = &self.memory.demand;
        Some((demand.most()?, demand.suggested_rate()?))
    }

    /// How much of each of its limits a client uses now; none if it has no limits.
    #[must_use]
    pub fn look(&self, client: Client, now: Now) -> Vec<Share> {
        if !self.on || self.shares.find(client.address) == Some(0) {
            return Vec::new();
        }
        let (memory, bits) = (&self.memory, leading_bits(client.address));
        self.ladder(client)
            .steps()
            .iter()
            .map(|step| {
                let load =
                    memory
                        .sketch
                        .peek(step.hash(step.prefix(bits)), millis(now), &self.decay);
                Share {
                    prefix: prefix_of(client.address, step.bits),
                    used: part(load),
                }
            })
            .collect()
    }

    /// Charges all prefixes of a client, if with `limited` none of them is over its limit; the first that is. Those that many share and
    /// that are far from their limit are charged for one query in sixteen, at sixteen times the price.
    #[inline]
    fn charge(
        &self,
        client: Client,
        octets: u64,
        share: u64,
        limited: bool,
        now: Now,
        dice: &mut impl Rng,
    ) -> Option<AtLimit> {
        // One draw: its low bits choose the samples, its high half is the part behind the point.
        let luck = dice.next_u64();
        let now_ms = millis(now);
        let bits = leading_bits(client.address);
        let (own, shared) = self.ladder(client).parts();
        let near = |step: &Step| self.memory.near.has(step.cell(bits), now_ms);
        let [step] = own else {
            return self.charge_each(client, octets, share, limited, now_ms, luck);
        };
        let is_near = self.memory.near.has_any(now_ms) && shared.iter().any(near);
        if octets > QUERY || luck.is_multiple_of(SAMPLED) || is_near {
            return self.charge_each(client, octets, share, limited, now_ms, luck);
        }
        let hash = step.hash(step.prefix(bits));
        let place = self.memory.sketch.find(hash, now_ms, &self.decay, luck)?;
        let price = step.price(octets, share);
        if limited {
            if !place.has_room(price) {
                return Some(AtLimit {
                    bits: step.bits,
                    hash,
                    namespace: client.namespace(),
                });
            }
            self.sample(client, place.load(), share, luck);
        }
        place.add(price, high_half(luck));
        None
    }

    /// The same, one prefix after the other.
    #[inline(never)]
    fn charge_each(
        &self,
        client: Client,
        octets: u64,
        share: u64,
        limited: bool,
        now_ms: u32,
        luck: u64,
    ) -> Option<AtLimit> {
        let memory = &*self.memory;
        let bits = leading_bits(client.address);
        // What costs more would also err more.
        let times = if octets > QUERY { 1 } else { SAMPLED };
        let (own, shared) = self.ladder(client).parts();
        let steps = own.iter().map(|step| (step, false));
        let steps = steps.chain(shared.iter().map(|step| (step, true)));
        let mut places: [Option<(Place<'_>, u64)>; STEPS] = [const { None }; STEPS];
        for ((step, is_shared), to_charge) in steps.zip(&mut places) {
            let near = !is_shared || memory.near.has(step.cell(bits), now_ms);
            if !near && !luck.is_multiple_of(times) {
                continue;
            }
            let hash = step.hash(step.prefix(bits));
            let place = memory.sketch.find(hash, now_ms, &self.decay, luck)?;
            if is_shared && place.load() > step.near_above {
                memory.near.note(step.cell(bits), now_ms);
            }
            let price = step.price(octets, share);
            if limited && !place.has_room(price) {
                return Some(AtLimit {
                    bits: step.bits,
                    hash,
                    namespace: client.namespace(),
                });
            }
            let each = if near { price } else { price * times };
            *to_charge = Some((place, each));
        }
        // The longest prefix is the customer's, or within it and charged the same.
        if limited && let Some(Some((place, _))) = places.first() {
            self.sample(client, place.load(), share, luck);
        }
        for (place, price) in places.iter().flatten() {
            place.add(*price, high_half(luck));
        }
        None
    }

    /// What becomes of a query over a limit.
    fn limited(
        &self,
        client: Client,
        asked: Asked,
        (may_reply, may_wait): (bool, bool),
        now: Now,
        dice: &mut impl Rng,
    ) -> Limited {
        if client.verified {
            return match (asked.error, may_wait) {
                (true, _) => Limited::Drop,
                (false, true) => Limited::Defer,
                // Silence would only make its client ask the same again.
                (false, false) => Limited::Truncate,
            };
        }
        if asked.error || !may_reply || !dice.next_u32().is_multiple_of(self.overload.count(now)) {
            Limited::Drop
        } else if asked.client_cookie {
            Limited::BadCookie
        } else {
            Limited::Truncate
        }
    }

    #[inline]
    const fn ladder(&self, client: Client) -> &Ladder {
        match (client.address, client.verified) {
            (Address::V4(_), false) => &self.v4,
            (Address::V6(_), false) => &self.v6,
            (Address::V4(_), true) => &self.verified_v4,
            (Address::V6(_), true) => &self.verified_v6,
        }
    }
}

fn is_isc(plan: &plan::Limiter) -> bool {
    plan.mode != LimiterMode::Off && plan.algorithm == LimiterAlgorithm::Isc
}

#[inline]
const fn high_half(luck: u64) -> u32 {
    let [high @ .., _, _, _, _] = luck.to_be_bytes();
    u32::from_be_bytes(high)
}

#[inline]
fn millis(now: Now) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the sketch counts modulo 2^32 ms"
    )]
    let millis = now.mono.as_millis() as u32;
    millis
}

/// A load as a part of the limit.
fn part(load: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most 2^16")]
    let part = load as f64 / FULL as f64;
    part
}

#[cfg(test)]
pub(in crate::guard) mod tests;
