//! Who makes room, and does nobody else?

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Wake;

use super::*;
use crate::guard::address::Address;

fn pending(per_client: usize, per_verified_client: usize) -> PendingClients {
    PendingClients {
        book: Arc::default(),
        per_client,
        per_verified_client,
    }
}

fn customer(text: &str, verified: bool) -> Customer {
    let address: IpAddr = text.parse().unwrap();
    Customer {
        prefix: Address::from(address).prefix(56),
        verified,
        customers: 1,
    }
}

fn claimed(number: u32) -> Customer {
    Customer {
        prefix: Address::V4(number),
        verified: false,
        customers: 1,
    }
}

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a query must make room, if it must.
fn shed(ticket: &PendingTicket) -> Option<Reason> {
    let waker = Waker::noop();
    match ticket.poll_shed(&mut Context::from_waker(waker)) {
        Poll::Ready(reason) => Some(reason),
        Poll::Pending => None,
    }
}

#[test]
fn of_one_more_than_the_limit_the_oldest_makes_room_and_a_dropped_ticket_does_too() {
    let pending = pending(2, 3);
    let client = customer("192.0.2.1", false);
    let first = pending.enter(client, true);
    let second = pending.enter(client, false);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(
        first
            .poll_shed(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let third = pending.enter(client, false);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(shed(&first), Some(Reason::PendingPerClient));
    assert_eq!([shed(&second), shed(&third)], [None, None]);
    assert_eq!(pending.waiting(&client), (2, 2));
    // What has made room is not counted, whether it has left or not.
    drop(first);
    assert_eq!(pending.waiting(&client), (2, 2));
    // The proven queries of the same address have their own count.
    let proven = customer("192.0.2.1", true);
    let many: Vec<_> = (0..3).map(|_| pending.enter(proven, true)).collect();
    assert!(many.iter().all(|ticket| shed(ticket).is_none()));
    drop(second);
    let fourth = pending.enter(client, true);
    assert_eq!([shed(&third), shed(&fourth)], [None, None]);
    drop((third, fourth, many));
    assert_eq!(pending.clients(), 0, "nothing is left behind");
    assert!(lock(&pending.book).claimed.by_load.is_empty());
    assert!(lock(&pending.book).proven.by_age.is_empty());
}

#[test]
fn a_subscribers_whole_ipv6_prefix_is_one_client_and_a_shared_address_is_many() {
    let pending = pending(1, 1);
    let one = pending.enter(customer("2001:db8::1", false), true);
    let _other = pending.enter(customer("2001:db8:0:ff::1", false), true);
    assert!(shed(&one).is_some());
    let next = pending.enter(customer("2001:db8:0:100::1", false), true);
    assert!(shed(&next).is_none());
    let crowd = Customer {
        customers: 64,
        ..customer("192.0.2.1", false)
    };
    let many: Vec<_> = (0..65).map(|_| pending.enter(crowd, true)).collect();
    let left = many.iter().filter(|ticket| shed(ticket).is_some()).count();
    assert_eq!(left, 1, "the 65th");
}

#[test]
fn queries_that_wait_over_a_reload_keep_their_places() {
    let client = customer("192.0.2.1", false);
    let before = pending(2, 2);
    let waiting = before.enter(client, true);
    let after = pending(1, 1).continuing(&before);
    let next = after.enter(client, true);
    assert_eq!(shed(&waiting), Some(Reason::PendingPerClient));
    drop((waiting, next));
    assert_eq!(after.clients(), 0);
}

#[test]
fn a_client_whose_share_is_full_makes_room_by_its_own_oldest_look_up() {
    let pending = pending(100, 100);
    let client = customer("192.0.2.1", false);
    let joined = pending.enter(client, false);
    let [first, second] = [pending.enter(client, true), pending.enter(client, true)];
    let other = pending.enter(customer("192.0.2.2", false), true);
    assert!(pending.shed_of(&client, Reason::ClientSlots));
    assert_eq!(shed(&first), Some(Reason::ClientSlots));
    let rest = [&joined, &second, &other].map(shed);
    assert_eq!(
        rest, [None; 3],
        "who waits for another's look-up holds none"
    );
    assert!(pending.shed_of(&client, Reason::ClientSlots));
    assert!(
        !pending.shed_of(&client, Reason::ClientSlots),
        "none is left"
    );
}

#[test]
fn where_all_is_full_the_heaviest_client_makes_room_and_not_who_holds_little() {
    let pending = pending(1_000, 1_000);
    let little: Vec<_> = (0..20).map(|_| pending.enter(claimed(1), true)).collect();
    let flood: Vec<_> = (0..300).map(|_| pending.enter(claimed(2), true)).collect();
    // Of 64 customers, each of whom has less than the one with 20.
    let crowd = Customer {
        customers: 64,
        ..claimed(3)
    };
    let crowd: Vec<_> = (0..600).map(|_| pending.enter(crowd, true)).collect();
    for _ in 0..200 {
        assert!(pending.shed_of_all(Reason::PendingTotal));
    }
    assert!(flood[..200].iter().all(|ticket| shed(ticket).is_some()));
    assert!(flood[200..].iter().all(|ticket| shed(ticket).is_none()));
    let others = little.iter().chain(&crowd);
    assert!(others.into_iter().all(|ticket| shed(ticket).is_none()));
}

#[test]
fn ten_thousand_forged_clients_of_one_query_make_room_by_age_and_take_nothing_of_who_has_proven_himself()
 {
    let pending = pending(128, 1_000);
    let proven = customer("192.0.2.1", true);
    let mine: Vec<_> = (0..500).map(|_| pending.enter(proven, true)).collect();
    let mut forged = std::collections::VecDeque::new();
    for number in 0..9_500 {
        forged.push_back(pending.enter(claimed(0x0A00_0000 | number), true));
    }
    // An honest client, not proven, with some queries under way that were answered before 2,000 more are forged.
    let honest: Vec<_> = (0..20).map(|_| pending.enter(claimed(7), true)).collect();
    for number in 9_500..11_500 {
        assert!(pending.shed_of_all(Reason::PendingTotal));
        let oldest = forged.pop_front().unwrap();
        assert_eq!(shed(&oldest), Some(Reason::PendingTotal));
        forged.push_back(pending.enter(claimed(0x0A00_0000 | number), true));
    }
    assert!(
        mine.iter()
            .chain(&honest)
            .all(|ticket| shed(ticket).is_none())
    );
    // Whoever has proven himself has no more than half, either.
    drop(forged);
    assert!(pending.shed_of_all(Reason::PendingTotal));
    assert_eq!(shed(&mine[0]), Some(Reason::PendingTotal));
    assert!(honest.iter().all(|ticket| shed(ticket).is_none()));
}
