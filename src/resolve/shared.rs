//! Is the same being asked already? Equal asks of different recursions share one exchange with a server.
//!
//! Whoever asks first leads: he sends, pays the packet, and tells what came. The others wait no longer than the fastest of the
//! servers usually takes, counted from when the leader began; then one of them leads anew and the rest join him. Nobody is
//! told what only the leader's own limits brought about: who hears nothing asks for himself.

use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use smallvec::SmallVec;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::recursion::{Ask, Heard, Over, Via};
use crate::sys::clock::Now;
use crate::wire::{Name, Question};

/// What was heard is told to newcomers for as long as its leader has not looked at it, but no longer than this: TTLs count whole seconds.
const FRESH: Duration = Duration::from_secs(1);

/// What makes two asks equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    question: Question,
    zone: Name,
    /// Sorted.
    servers: SmallVec<[SocketAddr; 4]>,
    configured: bool,
    tcp: bool,
}

impl Key {
    /// Of an ask to `candidates`. Nothing for forwarders, who do their own retrying.
    pub(super) fn of(ask: &Ask, candidates: &[SocketAddr]) -> Option<Self> {
        let configured = match ask.via {
            Via::Authoritative => false,
            Via::Stub(_) => true,
            Via::Forward(_) => return None,
        };
        let mut servers = SmallVec::from_slice(candidates);
        servers.sort_unstable();
        Some(Self {
            question: ask.question.clone(),
            zone: ask.zone.clone(),
            servers,
            configured,
            tcp: ask.over == Over::Tcp,
        })
    }
}

/// The asks under way.
#[derive(Debug)]
pub(super) struct SharedAsks<T = Heard> {
    under_way: DashMap<Key, Lane<T>>,
    /// How many may wait for one leader.
    most: usize,
    serial: AtomicU64,
}

/// One exchange, and how many wait for it.
#[derive(Debug)]
struct Lane<T> {
    serial: u64,
    begun: Now,
    told: watch::Receiver<Option<T>>,
    joined: usize,
}

/// What whoever wants to ask does now.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most lead, and it is taken apart at once"
)]
pub(super) enum Part<'a, T = Heard> {
    /// Ask, and tell the others.
    Lead(Leader<'a, T>),
    /// Wait for what another hears.
    Join(Joiner<T>),
    /// Ask alone: too many wait already.
    Alone,
}

/// Somebody who asks for others too. Who comes until this is dropped hears what he has told.
#[derive(Debug)]
pub(super) struct Leader<'a, T = Heard> {
    asks: &'a SharedAsks<T>,
    key: Key,
    serial: u64,
    tell: watch::Sender<Option<T>>,
}

/// Somebody who waits for what another hears.
#[derive(Debug)]
pub(super) struct Joiner<T = Heard> {
    told: watch::Receiver<Option<T>>,
    patience: Duration,
}

impl<T: Clone> SharedAsks<T> {
    /// Nothing is under way; `most` may wait for each leader.
    pub(super) fn new(most: usize) -> Self {
        Self {
            under_way: DashMap::new(),
            most,
            serial: AtomicU64::new(0),
        }
    }

    /// Who wants to ask `key` at `now` either leads or joins. `patience` says how long the fastest of its servers usually takes;
    /// a leader who has taken longer is joined no more, and whoever comes next takes his place.
    pub(super) fn take_part(
        &self,
        key: Key,
        now: Now,
        patience: impl FnOnce() -> Duration,
    ) -> Part<'_, T> {
        match self.under_way.entry(key) {
            Entry::Vacant(vacant) => {
                let key = vacant.key().clone();
                let (lane, leader) = self.lead(key, now);
                vacant.insert(lane);
                Part::Lead(leader)
            }
            Entry::Occupied(mut occupied) => {
                let lane = occupied.get_mut();
                let age = now.since(lane.begun);
                let told = lane.told.borrow().is_some();
                let longest = if told { FRESH } else { patience() };
                let left = longest.saturating_sub(age);
                if left.is_zero() {
                    let key = occupied.key().clone();
                    let (lane, leader) = self.lead(key, now);
                    occupied.insert(lane);
                    return Part::Lead(leader);
                }
                if lane.joined >= self.most {
                    return Part::Alone;
                }
                lane.joined += 1;
                Part::Join(Joiner {
                    told: lane.told.clone(),
                    patience: left,
                })
            }
        }
    }

    fn lead(&self, key: Key, begun: Now) -> (Lane<T>, Leader<'_, T>) {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = watch::channel(None);
        let lane = Lane {
            serial,
            begun,
            told,
            joined: 0,
        };
        let leader = Leader {
            asks: self,
            key,
            serial,
            tell,
        };
        (lane, leader)
    }
}

impl<T> Leader<'_, T> {
    /// Tells what came of it to all who wait, and to who comes before this is dropped.
    pub(super) fn tell(&self, heard: T) {
        self.tell.send_replace(Some(heard));
    }
}

impl<T> Drop for Leader<'_, T> {
    fn drop(&mut self) {
        let mine = |_: &Key, lane: &Lane<T>| lane.serial == self.serial;
        self.asks.under_way.remove_if(&self.key, mine);
    }
}

impl<T: Clone> Joiner<T> {
    /// What the leader heard; nothing if he had nothing to tell, is gone, or took too long, or if `most` is over.
    pub(super) async fn hear(mut self, most: Duration) -> Option<T> {
        let told = self.told.wait_for(Option::is_some);
        let told = timeout(self.patience.min(most), told).await;
        told.ok()?.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RecordType;

    const PATIENCE: Duration = Duration::from_millis(30);

    fn ask(name: &str, servers: &[&str]) -> (Ask, Vec<SocketAddr>) {
        let servers: Vec<SocketAddr> = servers.iter().map(|text| text.parse().unwrap()).collect();
        let ask = Ask {
            question: Question::new(name.parse().unwrap(), RecordType::DNSKEY),
            servers: servers.iter().map(SocketAddr::ip).collect(),
            zone: "test.".parse().unwrap(),
            via: Via::Authoritative,
            over: Over::Udp,
        };
        (ask, servers)
    }

    fn key(name: &str, servers: &[&str]) -> Key {
        let (ask, servers) = ask(name, servers);
        Key::of(&ask, &servers).unwrap()
    }

    fn usual() -> Key {
        key("a.test.", &["192.0.2.1:53"])
    }

    fn at(millis: u64) -> Now {
        Now::at_secs(1000).plus(Duration::from_millis(millis))
    }

    fn lead<'a>(asks: &'a SharedAsks<u8>, key: Key, now: Now) -> Leader<'a, u8> {
        match asks.take_part(key, now, || PATIENCE) {
            Part::Lead(leader) => leader,
            other => panic!("{other:?}"),
        }
    }

    fn join(asks: &SharedAsks<u8>, key: Key, now: Now) -> Joiner<u8> {
        match asks.take_part(key, now, || PATIENCE) {
            Part::Join(joiner) => joiner,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn asks_are_equal_when_question_zone_servers_and_transport_are() {
        let (base, servers) = ask("a.test.", &["192.0.2.1:53", "192.0.2.2:53"]);
        let of = |ask: &Ask, servers: &[SocketAddr]| Key::of(ask, servers).unwrap();
        let turned: Vec<SocketAddr> = servers.iter().rev().copied().collect();
        assert_eq!(of(&base, &servers), of(&base, &turned));
        let cased = key("A.Test.", &["192.0.2.1:53", "192.0.2.2:53"]);
        assert_eq!(of(&base, &servers), cased);
        let others = [
            Ask {
                question: Question::new("b.test.".parse().unwrap(), RecordType::DNSKEY),
                ..base.clone()
            },
            Ask {
                question: Question::new("a.test.".parse().unwrap(), RecordType::DS),
                ..base.clone()
            },
            Ask {
                zone: "a.test.".parse().unwrap(),
                ..base.clone()
            },
            Ask {
                via: Via::Stub(servers.clone()),
                ..base.clone()
            },
            Ask {
                over: Over::Tcp,
                ..base.clone()
            },
        ];
        for other in &others {
            assert_ne!(of(&base, &servers), of(other, &servers), "{other:?}");
        }
        assert_ne!(of(&base, &servers), of(&base, &servers[..1]));
        let forwarded = Ask {
            via: Via::Forward(0),
            ..base
        };
        assert_eq!(Key::of(&forwarded, &[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_meanwhile_hears_what_the_leader_heard_until_he_has_looked_at_it() {
        let asks = SharedAsks::new(10);
        let leader = lead(&asks, usual(), at(0));
        let early = join(&asks, usual(), at(1));
        let apart = lead(&asks, key("b.test.", &["192.0.2.1:53"]), at(1));
        leader.tell(7);
        let late = join(&asks, usual(), at(900));
        assert_eq!(early.hear(PATIENCE).await, Some(7));
        assert_eq!(late.hear(PATIENCE).await, Some(7));
        drop((leader, apart));
        assert!(asks.under_way.is_empty());
        drop(lead(&asks, usual(), at(901)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_who_has_nothing_to_tell_or_dies_keeps_nobody_waiting() {
        let asks = SharedAsks::new(10);
        let leader = lead(&asks, usual(), at(0));
        let joiner = join(&asks, usual(), at(0));
        let began = tokio::time::Instant::now();
        drop(leader);
        assert_eq!(joiner.hear(Duration::MAX).await, None);
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(lead(&asks, usual(), at(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_leader_is_waited_for_as_long_as_the_fastest_server_takes_and_then_replaced() {
        let asks = SharedAsks::new(10);
        let slow = lead(&asks, usual(), at(0));
        let joiner = join(&asks, usual(), at(10));
        let began = tokio::time::Instant::now();
        assert_eq!(joiner.hear(Duration::MAX).await, None);
        // Counted from when the leader began, 10 ms before.
        assert_eq!(began.elapsed(), Duration::from_millis(20));
        let hasty = join(&asks, usual(), at(10));
        assert_eq!(hasty.hear(Duration::from_millis(3)).await, None);
        assert_eq!(began.elapsed(), Duration::from_millis(23));

        let second = lead(&asks, usual(), at(30));
        let joiner = join(&asks, usual(), at(31));
        // The old one comes to an end: that is nothing to those who wait for the second.
        slow.tell(1);
        drop(slow);
        second.tell(2);
        assert_eq!(joiner.hear(Duration::MAX).await, Some(2));
        assert_eq!(asks.under_way.len(), 1);
    }

    #[test]
    fn what_was_heard_a_second_ago_is_asked_anew() {
        let asks = SharedAsks::new(10);
        let leader = lead(&asks, usual(), at(0));
        leader.tell(1);
        drop(join(&asks, usual(), at(999)));
        drop(lead(&asks, usual(), at(1000)));
        drop(leader);
        assert!(asks.under_way.is_empty());
    }

    #[test]
    fn more_than_the_limit_ask_alone() {
        let asks = SharedAsks::new(2);
        let _leader = lead(&asks, usual(), at(0));
        let _joined = [join(&asks, usual(), at(0)), join(&asks, usual(), at(0))];
        let third = asks.take_part(usual(), at(0), || PATIENCE);
        assert!(matches!(third, Part::Alone), "{third:?}");
    }
}
