//! Which prefixes of a client are charged for its query, and how much of each one's limit is that?

use ipnet::IpNet;
use siphasher::sip::SipHasher13;

use super::near::{Multiplier, near_above};
use super::sketch::FRACTION;
use crate::config::plan;
use crate::guard::address::Address;
use crate::guard::one_block::OneBlock;

/// Prefixes charged per client at most.
pub const STEPS: usize = 5;

/// Octets that one query stands for; a longer reply costs in proportion (parameter sheet, section 2).
pub const QUERY: u64 = 512;

/// The share of a customer that an ordinary address is.
pub const WHOLE: u64 = 1 << 16;

/// A full load in the unit of prices, less the one that is the limit itself.
const MOST: u64 = 0xFFFF << FRACTION;

/// IPv4 prefixes and how many times one customer's limit each has.
const V4: [(u8, u32); 4] = [(32, 1), (24, 32), (20, 256), (18, 768)];

/// The prefixes of one namespace: a family, and whether addresses are proven.
#[derive(Debug)]
pub struct Ladder {
    steps: Box<[Step]>,
    /// So many of them, the first, are a customer's own.
    own: usize,
}

/// One prefix length.
#[derive(Debug)]
pub struct Step {
    /// Its length.
    pub bits: u8,
    mask: u64,
    hasher: OneBlock,
    /// Price of one query of one customer.
    unit: u64,
    /// Of a prefix that many share: the load above which it is noted to be near its limit, and where.
    pub near_above: u64,
    cell: Multiplier,
}

impl Ladder {
    /// For IPv4. `instant`: queries at once of one customer.
    pub fn v4(secret: &[u8; 16], verified: bool, instant: u32) -> Self {
        let steps = V4.map(|(bits, times)| {
            let mask = u64::from(u32::MAX) & !((1_u64 << (32 - bits)) - 1);
            Step::new(secret, 4, verified, bits, mask, instant, times)
        });
        Self {
            steps: steps.into(),
            own: 1,
        }
    }

    /// For IPv6, where a customer has a prefix of `customer` bits (48 to 64): that, its /64, and three shorter ones.
    pub fn v6(secret: &[u8; 16], verified: bool, instant: u32, customer: u8) -> Self {
        let customer = customer.clamp(48, 64);
        let steps = [
            (64, 1),
            (customer, 1),
            (customer - 8, 64),
            (customer - 16, 1024),
            (customer - 24, 4096),
        ];
        let own = usize::from(customer == 64);
        Self {
            steps: steps
                .into_iter()
                .skip(own)
                .map(|(bits, times)| {
                    let mask = u64::MAX << (64 - bits);
                    Step::new(secret, 6, verified, bits, mask, instant, times)
                })
                .collect(),
            own: 2 - own,
        }
    }

    /// From the longest prefix to the shortest.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// A customer's own prefixes, and those that many share.
    #[inline]
    pub fn parts(&self) -> (&[Step], &[Step]) {
        self.steps.split_at_checked(self.own).unwrap_or_default()
    }
}

impl Step {
    fn new(
        secret: &[u8; 16],
        family: u8,
        verified: bool,
        bits: u8,
        mask: u64,
        instant: u32,
        times: u32,
    ) -> Self {
        let key = SipHasher13::new_with_key(secret);
        let part = |half| key.hash(&[family, u8::from(verified), bits, half]);
        let limit = u64::from(instant.max(1)) * u64::from(times);
        Self {
            bits,
            mask,
            hasher: OneBlock::new(part(0), part(1)),
            unit: (MOST / limit).max(1),
            near_above: near_above(limit),
            cell: Multiplier::new(part(2)),
        }
    }

    /// The prefix that holds `client`.
    #[inline]
    pub const fn prefix(&self, client: u64) -> u64 {
        client & self.mask
    }

    /// Where it is noted that the prefix that holds `client` is near its limit.
    #[inline]
    pub fn cell(&self, client: u64) -> usize {
        self.cell.cell(self.prefix(client))
    }

    /// The key of a prefix. Keyed with a secret of its own for each length: who knows no secret finds no two prefixes that meet.
    #[inline]
    pub const fn hash(&self, prefix: u64) -> u64 {
        self.hasher.hash(prefix)
    }

    /// The price of `octets` for a client that counts `share` / 65,536 of a customer.
    #[inline]
    pub fn price(&self, octets: u64, share: u64) -> u64 {
        if octets == QUERY && share == WHOLE {
            return self.unit;
        }
        let whole = (self.unit.saturating_mul(octets) / QUERY).min(MOST);
        (whole.saturating_mul(share) >> 16).min(MOST)
    }
}

/// The bits of an address that prefixes are made of: all 32, or the first 64.
#[inline]
pub fn leading_bits(client: Address) -> u64 {
    match client {
        Address::V4(bits) => u64::from(bits),
        Address::V6(bits) => u64::try_from(bits >> 64).unwrap_or(0),
    }
}

/// The share of a customer that each unusual address is.
pub fn shares(plan: &plan::Limiter) -> Vec<(IpNet, u64)> {
    let special = plan.prefixes.iter().map(|one| {
        let rate = if one.rate == 0 { plan.rate } else { one.rate };
        let customers = u64::from(rate) * u64::from(one.subscribers.max(1));
        let share = (WHOLE * u64::from(plan.rate)).checked_div(customers);
        (one.prefix, share.unwrap_or(WHOLE).max(1))
    });
    // Of equal prefixes the last decides.
    special
        .chain(plan.exempt.iter().map(|prefix| (*prefix, 0)))
        .collect()
}
