//! May a clean client look for a name that nobody knows, in a zone under attack? At a small rate per zone and for all zones together.

use std::sync::atomic::{AtomicU64, Ordering};

use super::decay::{Decaying, place};
use super::outcomes::{Ended, Outcomes};

/// Names explored per second in a zone, and at once.
pub const RATE: (f32, f32) = (20.0, 40.0);
/// The same for zones where names asked once are normal.
pub const LOOKUP_RATE: (f32, f32) = (500.0, 1_000.0);
/// The same for all zones of a server, at most; a zone's budget at least.
pub const SERVER_RATE: (f32, f32) = (100.0, 200.0);
/// Unknown names of a zone that a clean client asks for in a minute, at most.
pub const CLEAN: u32 = 3;
/// The same for all zones of a server: who opens a page asks for names of several. (Of the 16 bits that names are told apart by: about
/// ten names.)
pub const SERVER_CLEAN: u32 = 8;
/// Share of failures of all zones together from which the fault is taken for our own.
const OURS: f32 = 0.9;
/// The part of all upstream packets that exploring may be.
const PART: f32 = 0.05;

/// How many unknown names each client prefix asked for of late in each zone: two rows of bitmaps, of which the smaller counts.
///
/// A bitmap holds a bit for each name, so that a name asked again is no new one. Three spans of 30 s are kept: what counts as clean
/// was clean for a minute at least. 2 MiB, which no number of clients can grow.
#[derive(Debug)]
pub struct Askers([Box<[AtomicU64]>; 2]);

const CELLS: usize = 1 << 17;
/// Milliseconds of one span, its bits in a cell, and spans in a cell.
const SPAN: u64 = 30_000;
const BITS: u32 = 16;

impl Default for Askers {
    fn default() -> Self {
        let row = || vec![0_u64; CELLS].into_iter().map(AtomicU64::new).collect();
        Self([row(), row()])
    }
}

impl Askers {
    /// One more unknown `name` that `client` asks for in `zone` (hashes): how many different ones that makes, up to 48.
    pub fn note(&self, zone: u64, client: u64, name: u64, at: u64) -> u32 {
        let key = (zone ^ client.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ client;
        let key = key ^ key >> 29;
        let span = at / SPAN + 1;
        let bit = 1 << (name % u64::from(BITS));
        self.0
            .iter()
            .zip([key, key.rotate_left(32)])
            .filter_map(|(row, part)| row.get(place(part, row.len())))
            .map(|cell| {
                let aged = |old: u64| age(old, span) | bit;
                let old = cell
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(aged(old)))
                    .unwrap_or_default();
                different(aged(old))
            })
            .min()
            .unwrap_or(0)
    }
}

/// A cell brought to `span`: 16 bits of the span's number, then three bitmaps, the newest last.
const fn age(cell: u64, span: u64) -> u64 {
    const MAPS: u64 = (1 << 48) - 1;
    let span = span & 0xFFFF;
    let passed = span.wrapping_sub(cell >> 48) & 0xFFFF;
    let maps = match passed {
        0 => cell & MAPS,
        1 => (cell << BITS) & MAPS,
        2 => (cell << (2 * BITS)) & MAPS,
        _ => 0,
    };
    span << 48 | maps
}

/// Different names in the three bitmaps together.
const fn different(cell: u64) -> u32 {
    ((cell | cell >> BITS | cell >> (2 * BITS)) & 0xFFFF).count_ones()
}

/// A zone's own budget: a bucket of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    tokens: f32,
    at: u64,
}

impl Bucket {
    /// Full.
    #[must_use]
    pub const fn full((_, burst): (f32, f32), at: u64) -> Self {
        Self { tokens: burst, at }
    }

    /// Takes a token for a client that has asked for `names` unknown names, this one included. The last half of the bucket is for
    /// those who ask for few: bots are told from people by their second and third name, some seconds after an attack begins.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a long time fills it, however long; names are few"
    )]
    pub fn take(&mut self, (rate, burst): (f32, f32), names: u32, at: u64) -> bool {
        let passed = at.saturating_sub(self.at) as f32 / 1000.0;
        self.tokens = passed.mul_add(rate, self.tokens).min(burst);
        self.at = self.at.max(at);
        let kept = burst / 4.0 * names.saturating_sub(1).min(2) as f32;
        let there = self.tokens >= 1.0 + kept;
        if there {
            self.tokens -= 1.0;
        }
        there
    }
}

/// What all zones together explore, measured against everything that is asked upstream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Together {
    upstream: Decaying,
    explored: Decaying,
    outcomes: Outcomes,
}

impl Together {
    /// So many packets went upstream for one fetch.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a budget is far below 2^24 packets"
    )]
    pub fn sent(&mut self, packets: u32, exploring: bool, at: u64) {
        self.upstream.add(packets as f32, at);
        if exploring {
            // One was counted when it began.
            self.explored.add(packets.saturating_sub(1) as f32, at);
        }
    }

    /// A fetch of some zone ended so.
    pub fn ended(&mut self, ended: Ended, at: u64) {
        self.outcomes.note(ended, at);
    }

    /// Whether most of what is asked fails, whomever we ask.
    #[must_use]
    pub fn all_fails(&self, at: u64) -> bool {
        self.outcomes.failed_share(at) >= OURS
    }

    /// What may be explored on a server now: the part of all upstream packets, within [`SERVER_RATE`], or as much as it is asked for day
    /// in, day out (`usual`); while it `fails`, no more than in a zone.
    #[must_use]
    pub fn at_server(&self, usual: f32, fails: bool, at: u64) -> (f32, f32) {
        let ((least, _), (most, _)) = (RATE, SERVER_RATE);
        let rate = if fails {
            least
        } else {
            let part = PART * self.upstream.rate(at);
            part.clamp(least, most).max(usual)
        };
        (rate, 2.0 * rate)
    }

    /// Whether one more name may be explored in a zone with this budget; counts it. Twice what one zone may is always allowed, so
    /// that a resolver with little to do can explore at all.
    pub fn take(&mut self, (rate, _): (f32, f32), at: u64) -> bool {
        let most = (PART * self.upstream.rate(at)).max(2.0 * rate);
        let may = self.explored.rate(at) < most;
        if may {
            self.explored.add(1.0, at);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(of: u64) -> u64 {
        siphasher::sip::SipHasher13::new().hash(&of.to_be_bytes())
    }

    #[test]
    fn a_client_is_clean_again_after_a_minute_or_so_and_a_name_counts_once() {
        let askers = Askers::default();
        let ask = |name: u64, at| askers.note(7, 9, name, at);
        assert_eq!([1, 2, 2, 2, 3].map(|name| ask(name, 0)), [1, 2, 2, 2, 3]);
        assert_eq!(ask(4, 29_000), 4);
        assert_eq!(ask(4, 89_000), 4, "within a minute of the last");
        assert_eq!(ask(5, 200_000), 1);
        assert_eq!(askers.note(7, 10, 1, 200_000), 1, "another client");
        assert_eq!(askers.note(8, 9, 1, 200_000), 1, "another zone");
    }

    #[test]
    fn a_bot_stays_dirty_and_a_crowd_does_not_stain_the_clean() {
        let askers = Askers::default();
        for at in 0..120_000_u64 {
            // 3,000 bots, 1,000 names per second.
            askers.note(7, hash(at % 3_000), hash(at), at);
        }
        let dirty = (0..3_000)
            .filter(|bot| askers.note(7, hash(*bot), 1, 120_000) > CLEAN)
            .count();
        assert_eq!(dirty, 3_000);
        let clean = (10_000..20_000)
            .filter(|client| askers.note(7, hash(*client), 1, 120_000) <= CLEAN)
            .count();
        assert!(clean >= 9_950, "{clean} of 10,000");
    }

    #[test]
    fn a_zone_explores_forty_at_once_and_twenty_a_second() {
        let mut bucket = Bucket::full(RATE, 0);
        let mut take = |at: u64| (0..1_000).filter(|_| bucket.take(RATE, 1, at)).count();
        assert_eq!(
            (take(0), take(0), take(1_000), take(60_000)),
            (40, 0, 20, 40)
        );
    }

    #[test]
    fn who_asks_for_few_names_comes_first() {
        let mut bucket = Bucket::full(RATE, 0);
        let mut take = |names, at| (0..1_000).filter(|_| bucket.take(RATE, names, at)).count();
        assert_eq!((take(3, 0), take(2, 0), take(1, 0)), (20, 10, 10));
        // Alone, each gets the whole rate in the end.
        assert_eq!(
            (take(3, 1_000), take(3, 2_000), take(1, 2_000)),
            (0, 20, 20)
        );
    }

    #[test]
    fn a_server_explores_with_the_resolvers_size_and_no_more_than_a_zone_while_it_fails() {
        let mut together = Together::default();
        assert_eq!(together.at_server(0.0, false, 0), RATE);
        let busy = |packets: u32| {
            let mut together = Together::default();
            for at in 0..60_000_u64 {
                together.sent(packets, false, at);
            }
            together
        };
        let (rate, burst) = busy(1).at_server(0.0, false, 60_000);
        assert!((48.0..52.0).contains(&rate), "a twentieth of 1,000: {rate}");
        assert!((burst - 2.0 * rate).abs() < 0.1);
        together = busy(10);
        assert_eq!(together.at_server(0.0, false, 60_000), SERVER_RATE);
        assert_eq!(together.at_server(300.0, false, 60_000), (300.0, 600.0));
        assert_eq!(together.at_server(300.0, true, 60_000), RATE);
    }

    #[test]
    fn all_zones_together_explore_a_twentieth_of_what_goes_upstream() {
        let mut together = Together::default();
        let mut explored = 0_u32;
        for at in 0..60_000_u64 {
            // 10,000 packets a second, and more zones that want to explore than may.
            together.sent(10, false, at);
            for _ in 0..2 {
                explored += u32::from(together.take(RATE, at));
            }
        }
        assert!(
            (28_000..32_500).contains(&explored),
            "500 a second: {explored}"
        );
        let mut idle = Together::default();
        let explored = (0..10_000).filter(|at| idle.take(RATE, *at)).count();
        assert!((395..650).contains(&explored), "40 a second: {explored}");
    }
}
