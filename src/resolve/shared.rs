//! Is the same being asked already? Equal asks of different recursions share one exchange with a server.
//!
//! Whoever asks first leads: he sends, pays the packet, and tells what came. When he has taken longer than the fastest of the
//! servers usually takes, one of those who wait leads beside him, and when that one is slow, too, a third ([`AT_ONCE`]); the first reply
//! that any of them hears is everybody's. More are not asked at once: equal questions outstanding are what birthday attacks
//! live on (RFC 5452 section 5), and a server that is slow is not made faster by them. Nobody is told what only the leader's own limits
//! brought about: where all leaders are gone without a word, one of those who wait leads anew.

use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;
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

/// Exchanges of equal asks at once, at most: the first, and one each for two packets lost or two slow servers.
const AT_ONCE: u32 = 3;

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
    /// How many may wait for one answer.
    most: usize,
    serial: AtomicU64,
}

/// What is known of one ask under way: it stands in the table as long as somebody leads.
#[derive(Debug)]
struct Lane<T> {
    serial: u64,
    /// When the last leader began.
    begun: Now,
    /// When something was told.
    told_at: Option<Now>,
    tell: Arc<watch::Sender<Option<T>>>,
    leaders: u32,
    joined: usize,
}

/// What whoever wants to ask does now.
#[derive(Debug)]
pub(super) enum Part<'a, T = Heard> {
    /// Ask, and tell the others.
    Lead(Leader<'a, T>),
    /// Wait for what another hears.
    Join(Joiner<'a, T>),
    /// Do not ask: too many wait for the answer already.
    TurnedAway,
}

/// Somebody who asks for others too. Who comes until the last of them is dropped hears what he has told.
#[derive(Debug)]
pub(super) struct Leader<'a, T = Heard> {
    place: Place<'a, T>,
    tell: Arc<watch::Sender<Option<T>>>,
}

/// Somebody who waits for what another hears.
#[derive(Debug)]
pub(super) struct Joiner<'a, T = Heard> {
    told: watch::Receiver<Option<T>>,
    /// How long he waits before he looks whether he should lead.
    patience: Duration,
    _place: Place<'a, T>,
}

/// A place in a lane, given back when dropped.
#[derive(Debug)]
struct Place<'a, T> {
    asks: &'a SharedAsks<T>,
    key: Key,
    serial: u64,
    leads: bool,
}

impl<T: Clone> SharedAsks<T> {
    /// Nothing is under way; `most` may wait for each answer.
    pub(super) fn new(most: usize) -> Self {
        Self {
            under_way: DashMap::new(),
            most,
            serial: AtomicU64::new(0),
        }
    }

    /// Who wants to ask `key` at `now` either leads or joins. `patience` says how long the fastest of its servers usually takes;
    /// beside a leader who has taken longer, whoever comes next leads as well, as long as no more than [`AT_ONCE`] do.
    pub(super) fn take_part(
        &self,
        key: Key,
        now: Now,
        patience: impl FnOnce() -> Duration,
    ) -> Part<'_, T> {
        match self.under_way.entry(key) {
            Entry::Vacant(vacant) => {
                let serial = self.serial.fetch_add(1, Ordering::Relaxed);
                let tell = Arc::new(watch::channel(None).0);
                let place = self.place(vacant.key(), serial, true);
                vacant.insert(Lane {
                    serial,
                    begun: now,
                    told_at: None,
                    tell: Arc::clone(&tell),
                    leaders: 1,
                    joined: 0,
                });
                Part::Lead(Leader { place, tell })
            }
            Entry::Occupied(mut occupied) => {
                let key = occupied.key().clone();
                let lane = occupied.get_mut();
                let ended = lane.told_at.is_some_and(|at| now.since(at) >= FRESH);
                if ended {
                    // Who comes now hears what comes now.
                    lane.told_at = None;
                    lane.tell.send_replace(None);
                }
                let left = match lane.told_at {
                    Some(at) => FRESH.saturating_sub(now.since(at)),
                    None if ended => Duration::ZERO,
                    None => patience().saturating_sub(now.since(lane.begun)),
                };
                if left.is_zero() && lane.leaders < AT_ONCE {
                    lane.begun = now;
                    lane.leaders += 1;
                    let tell = Arc::clone(&lane.tell);
                    let place = self.place(&key, lane.serial, true);
                    return Part::Lead(Leader { place, tell });
                }
                if lane.joined >= self.most {
                    return Part::TurnedAway;
                }
                lane.joined += 1;
                Part::Join(Joiner {
                    told: lane.tell.subscribe(),
                    // With as many leaders as there may be nobody else need look: they tell, or are gone.
                    patience: if left.is_zero() { Duration::MAX } else { left },
                    _place: self.place(&key, lane.serial, false),
                })
            }
        }
    }

    fn place(&self, key: &Key, serial: u64, leads: bool) -> Place<'_, T> {
        Place {
            asks: self,
            key: key.clone(),
            serial,
            leads,
        }
    }
}

impl<T: Clone> Leader<'_, T> {
    /// Tells what came of it to all who wait, and to who comes before this is dropped.
    pub(super) fn tell(&self, heard: T, now: Now) {
        self.tell_if(heard, now, |_| true);
    }

    /// The same, unless somebody else leads as well, who may hear something better.
    pub(super) fn tell_if_last(&self, heard: T, now: Now) {
        self.tell_if(heard, now, |lane| lane.leaders <= 1);
    }

    fn tell_if(&self, heard: T, now: Now, may: impl FnOnce(&Lane<T>) -> bool) {
        let Place {
            asks, key, serial, ..
        } = &self.place;
        if let Some(mut lane) = asks.under_way.get_mut(key)
            && lane.serial == *serial
            && may(&lane)
        {
            lane.told_at = Some(now);
            self.tell.send_replace(Some(heard));
        }
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        let Entry::Occupied(mut occupied) = self.asks.under_way.entry(self.key.clone()) else {
            return;
        };
        let lane = occupied.get_mut();
        if lane.serial != self.serial {
            return;
        }
        if self.leads {
            lane.leaders = lane.leaders.saturating_sub(1);
            if lane.leaders == 0 {
                occupied.remove();
            }
        } else {
            lane.joined = lane.joined.saturating_sub(1);
        }
    }
}

impl<T: Clone> Joiner<'_, T> {
    /// What a leader heard; nothing if all are gone without a word, or are slow while one more may lead, or if `most` is over.
    pub(super) async fn hear(mut self, most: Duration) -> Option<T> {
        let told = self.told.wait_for(Option::is_some);
        let told = timeout(self.patience.min(most), told).await;
        told.ok()?.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn join(asks: &SharedAsks<u8>, key: Key, now: Now) -> Joiner<'_, u8> {
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
        leader.tell(7, at(2));
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
    async fn beside_a_slow_leader_another_one_leads_and_whoever_hears_first_tells_all() {
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
        // That one of them failed is nothing to those who may hear something better of the other.
        slow.tell_if_last(1, at(32));
        drop(slow);
        second.tell(2, at(33));
        assert_eq!(joiner.hear(Duration::MAX).await, Some(2));
        let late = join(&asks, usual(), at(34));
        assert_eq!(late.hear(Duration::MAX).await, Some(2));
        assert_eq!(asks.under_way.len(), 1);
        drop(second);
        assert!(asks.under_way.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn after_slow_leaders_no_more_than_three_ask_at_once_and_all_hear_the_first_reply() {
        let asks = SharedAsks::new(1_000);
        let first = lead(&asks, usual(), at(0));
        let second = lead(&asks, usual(), at(30));
        let third = lead(&asks, usual(), at(60));
        // Long after the third has become slow, too: a hundred wait, and none of them asks.
        let waiting: Vec<_> = (0..100).map(|_| join(&asks, usual(), at(5_000))).collect();
        second.tell(2, at(5_001));
        drop((first, third));
        for joiner in waiting {
            assert_eq!(joiner.hear(Duration::from_millis(1)).await, Some(2));
        }
        drop(second);
        assert!(asks.under_way.is_empty());
    }

    #[derive(Clone, Copy, Debug)]
    enum Deed {
        /// Somebody comes, so many milliseconds after whoever came before.
        Come(u64),
        /// The leader at this place, counted round, tells something, as long as he asks or if he is the last.
        Tell(usize, bool),
        /// The leader at this place has looked at what he heard, or is ended.
        End(usize),
        /// The same of somebody who waits.
        Leave(usize),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            4 => (0..200_u64).prop_map(Deed::Come),
            1 => Just(Deed::Come(1_500)),
            1 => (0..8_usize, any::<bool>()).prop_map(|(at, last)| Deed::Tell(at, last)),
            1 => (0..8_usize).prop_map(Deed::End),
            1 => (0..8_usize).prop_map(Deed::Leave),
        ]
    }

    proptest! {
        /// More than the three that the documentation names never ask the same at once, in whatever order they come, tell and leave.
        #[test]
        fn in_whatever_order_they_come_and_go_no_more_than_three_ask_the_same(
            deeds in proptest::collection::vec(deed(), 1..120),
        ) {
            let asks = SharedAsks::new(20);
            let (mut leaders, mut joiners) = (Vec::new(), Vec::new());
            let mut millis = 0;
            for deed in deeds {
                match deed {
                    Deed::Come(after) => {
                        millis += after;
                        match asks.take_part(usual(), at(millis), || PATIENCE) {
                            Part::Lead(leader) => leaders.push(leader),
                            Part::Join(joiner) => joiners.push(joiner),
                            Part::TurnedAway => prop_assert!(joiners.len() >= 20),
                        }
                    }
                    Deed::Tell(place, last) if !leaders.is_empty() => {
                        let leader = &leaders[place % leaders.len()];
                        if last {
                            leader.tell_if_last(1, at(millis));
                        } else {
                            leader.tell(1, at(millis));
                        }
                    }
                    Deed::End(place) if !leaders.is_empty() => {
                        drop(leaders.swap_remove(place % leaders.len()));
                    }
                    Deed::Leave(place) if !joiners.is_empty() => {
                        drop(joiners.swap_remove(place % joiners.len()));
                    }
                    Deed::Tell(..) | Deed::End(_) | Deed::Leave(_) => {}
                }
                prop_assert!(leaders.len() <= AT_ONCE as usize);
            }
            drop((leaders, joiners));
            prop_assert!(asks.under_way.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_leaders_are_gone_without_a_word_one_of_the_waiting_leads() {
        let asks = SharedAsks::new(10);
        let leaders = [
            lead(&asks, usual(), at(0)),
            lead(&asks, usual(), at(30)),
            lead(&asks, usual(), at(60)),
        ];
        let joiners = [join(&asks, usual(), at(90)), join(&asks, usual(), at(90))];
        drop(leaders);
        for joiner in joiners {
            assert_eq!(joiner.hear(Duration::MAX).await, None);
        }
        let _lead = lead(&asks, usual(), at(91));
        let _join = join(&asks, usual(), at(91));
    }

    #[test]
    fn what_was_heard_a_second_ago_is_asked_anew() {
        let asks = SharedAsks::new(10);
        let leader = lead(&asks, usual(), at(0));
        leader.tell(1, at(0));
        drop(join(&asks, usual(), at(999)));
        drop(lead(&asks, usual(), at(1000)));
        drop(leader);
        assert!(asks.under_way.is_empty());
    }

    #[test]
    fn one_more_than_the_limit_is_turned_away_and_whoever_leaves_makes_room() {
        let asks = SharedAsks::new(2);
        let _leader = lead(&asks, usual(), at(0));
        let _joined = join(&asks, usual(), at(0));
        let leaves = join(&asks, usual(), at(0));
        let third = asks.take_part(usual(), at(0), || PATIENCE);
        assert!(matches!(third, Part::TurnedAway), "{third:?}");
        drop(leaves);
        drop(join(&asks, usual(), at(0)));
    }
}
