//! Do queries of our own come back to us? Who sends them round, in a table of fixed size, from which incidents are made.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;

use crate::sys::clock::Now;
use crate::telemetry::incidents::{ForwardingLoop, HopLimits, Moment, Stage, Subject};

/// Hosts told apart at once; among more the one with the fewest queries gives way.
const PEERS: usize = 32;
/// A loop that brought nothing for so long is over.
const QUIET: Duration = Duration::from_secs(60);

/// The loops of late. What becomes of a query that comes back is decided where it is asked; here it is counted.
#[derive(Debug, Default)]
pub struct Loops(Mutex<[Option<Around>; PEERS]>);

#[derive(Clone, Copy, Debug)]
struct Around {
    peer: IpAddr,
    first: Now,
    last: Now,
    /// Queries since the last look, and in all.
    recent: u64,
    total: u64,
    /// Of them with our own cookie.
    by_cookie: u64,
    peak: u64,
    told: Option<Now>,
    looked: Now,
    hop_limits: HopLimits,
}

impl Loops {
    /// Notes a query that came back from `peer`; `by_cookie`: with the cookie that it had carried. Not counted if somebody else is
    /// noting one just now.
    pub fn note(&self, peer: IpAddr, by_cookie: bool, hop_limit: Option<u8>, now: Now) {
        let Ok(mut peers) = self.0.try_lock() else {
            return;
        };
        let peer = peer.to_canonical();
        let known = peers
            .iter()
            .position(|place| place.is_some_and(|around| around.peer == peer));
        let place = known.or_else(|| {
            let total = |place: &Option<Around>| place.map_or(0, |around| around.total);
            (0..PEERS).min_by_key(|index| peers.get(*index).map_or(0, total))
        });
        let Some(place) = place.and_then(|index| peers.get_mut(index)) else {
            return;
        };
        if known.is_none() {
            *place = Some(Around {
                peer,
                first: now,
                last: now,
                recent: 0,
                total: 0,
                by_cookie: 0,
                peak: 0,
                told: None,
                looked: now,
                hop_limits: HopLimits::default(),
            });
        }
        if let Some(around) = place {
            around.last = now;
            around.recent += 1;
            around.total += 1;
            around.by_cookie += u64::from(by_cookie);
            around.hop_limits.note(hop_limit);
        }
    }

    /// What has begun, goes on or ended since the last look. Called every few seconds.
    #[must_use]
    pub fn look(&self, now: Now) -> Vec<Moment> {
        let mut moments = Vec::new();
        for place in self.lock().iter_mut() {
            let Some(around) = place.as_mut() else {
                continue;
            };
            let seconds = now.since(around.looked).as_secs().max(1);
            around.peak = around.peak.max(around.recent.div_ceil(seconds));
            around.recent = 0;
            around.looked = now;
            let silence = around.told.map(|told| now.since(told));
            let Some(stage) = Stage::due(silence, now.since(around.last) >= QUIET) else {
                continue;
            };
            around.told = Some(now);
            moments.push(around.moment(stage, now));
            if stage == Stage::Stopped {
                *place = None;
            }
        }
        moments
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Around>; PEERS]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around {
    fn moment(&self, stage: Stage, now: Now) -> Moment {
        Moment {
            at_ms: now.wall_ms,
            since_ms: self.first.wall_ms,
            stage,
            subject: Subject::Loop(ForwardingLoop {
                peer: IpNet::from(self.peer),
                queries: self.total,
                peak: self.peak,
                by_cookie: self.by_cookie,
                hop_limits: self.hop_limits,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_begins_goes_on_and_ends_and_nothing_is_told_per_query() {
        let loops = Loops::default();
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let mut told = Vec::new();
        for second in 0..300 {
            let now = Now::at_secs(second);
            if second < 100 {
                (0..3).for_each(|n| loops.note(peer, n == 0, Some(64), now));
            }
            told.extend(loops.look(now));
        }
        let told: Vec<(Stage, u64, u64, u64)> = told
            .iter()
            .map(|moment| match &moment.subject {
                Subject::Loop(of) => (moment.stage, of.queries, of.by_cookie, of.peak),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            told,
            [
                (Stage::Started, 3, 1, 3),
                (Stage::Continuing, 183, 61, 3),
                (Stage::Continuing, 300, 100, 3),
                (Stage::Stopped, 300, 100, 3),
            ]
        );
    }

    #[test]
    fn many_peers_take_no_more_room_and_do_not_hide_the_one_that_loops_most() {
        let loops = Loops::default();
        let now = Now::at_secs(1);
        let loud: IpAddr = "192.0.2.1".parse().unwrap();
        for number in 0..10_000_u32 {
            let other = std::net::Ipv4Addr::from_bits(number).into();
            loops.note(other, false, None, now);
            loops.note(loud, false, None, now);
        }
        let told = loops.look(now);
        assert_eq!(told.len(), PEERS);
        assert!(
            told.iter().any(
                |moment| matches!(&moment.subject, Subject::Loop(of) if of.peer.addr() == loud)
            )
        );
    }
}
