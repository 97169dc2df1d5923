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

/// A query for what nobody else asks.
fn lead(pending: &PendingClients, customer: Customer) -> PendingTicket {
    static LOOK_UPS: AtomicU32 = AtomicU32::new(0);
    pending.enter(customer, &LOOK_UPS.fetch_add(1, Ordering::Relaxed))
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
    let first = lead(&pending, client);
    let second = lead(&pending, client);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(
        first
            .poll_shed(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let third = lead(&pending, client);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(shed(&first), Some(Reason::PendingPerClient));
    assert_eq!([shed(&second), shed(&third)], [None, None]);
    assert_eq!(pending.waiting(&client), (2, 2));
    // What has made room is not counted, whether it has left or not.
    drop(first);
    assert_eq!(pending.waiting(&client), (2, 2));
    // The proven queries of the same address have their own count.
    let proven = customer("192.0.2.1", true);
    let many: Vec<_> = (0..3).map(|_| lead(&pending, proven)).collect();
    assert!(many.iter().all(|ticket| shed(ticket).is_none()));
    drop(second);
    let fourth = lead(&pending, client);
    assert_eq!([shed(&third), shed(&fourth)], [None, None]);
    drop((third, fourth, many));
    assert_eq!(pending.clients(), 0, "nothing is left behind");
    assert!(lock(&pending.book).claimed.by_load.is_empty());
    assert!(lock(&pending.book).proven.by_age.is_empty());
}

#[test]
fn a_subscribers_whole_ipv6_prefix_is_one_client_and_a_shared_address_is_many() {
    let pending = pending(1, 1);
    let one = lead(&pending, customer("2001:db8::1", false));
    let _other = lead(&pending, customer("2001:db8:0:ff::1", false));
    assert!(shed(&one).is_some());
    let next = lead(&pending, customer("2001:db8:0:100::1", false));
    assert!(shed(&next).is_none());
    let crowd = Customer {
        customers: 64,
        ..customer("192.0.2.1", false)
    };
    let many: Vec<_> = (0..65).map(|_| lead(&pending, crowd)).collect();
    let left = many.iter().filter(|ticket| shed(ticket).is_some()).count();
    assert_eq!(left, 1, "the 65th");
}

#[test]
fn queries_that_wait_over_a_reload_keep_their_places() {
    let client = customer("192.0.2.1", false);
    let before = pending(2, 2);
    let waiting = lead(&before, client);
    let after = pending(1, 1).continuing(&before);
    let next = lead(&after, client);
    assert_eq!(shed(&waiting), Some(Reason::PendingPerClient));
    drop((waiting, next));
    assert_eq!(after.clients(), 0);
}

#[test]
fn a_client_whose_share_is_full_makes_room_by_its_own_oldest_look_up() {
    let pending = pending(100, 100);
    let client = customer("192.0.2.1", false);
    let other = pending.enter(customer("192.0.2.2", false), &"one");
    let joined = pending.enter(client, &"one");
    let [first, second] = [lead(&pending, client), lead(&pending, client)];
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
    let little: Vec<_> = (0..20).map(|_| lead(&pending, claimed(1))).collect();
    let flood: Vec<_> = (0..300).map(|_| lead(&pending, claimed(2))).collect();
    // Of 64 customers, each of whom has less than the one with 20.
    let crowd = Customer {
        customers: 64,
        ..claimed(3)
    };
    let crowd: Vec<_> = (0..600).map(|_| lead(&pending, crowd)).collect();
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
    let mine: Vec<_> = (0..500).map(|_| lead(&pending, proven)).collect();
    let mut forged = std::collections::VecDeque::new();
    for number in 0..9_500 {
        forged.push_back(lead(&pending, claimed(0x0A00_0000 | number)));
    }
    // An honest client, not proven, with some queries under way that were answered before 2,000 more are forged.
    let honest: Vec<_> = (0..20).map(|_| lead(&pending, claimed(7))).collect();
    for number in 9_500..11_500 {
        assert!(pending.shed_of_all(Reason::PendingTotal));
        let oldest = forged.pop_front().unwrap();
        assert_eq!(shed(&oldest), Some(Reason::PendingTotal));
        forged.push_back(lead(&pending, claimed(0x0A00_0000 | number)));
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

#[test]
fn a_look_up_that_others_joined_is_led_by_the_next_and_can_be_ended_by_who_needs_room() {
    let pending = pending(100, 100);
    let (leader, other) = (customer("192.0.2.1", false), customer("192.0.2.2", false));
    let first = pending.enter(leader, &"one");
    let again = pending.enter(leader, &"one");
    let joined = pending.enter(other, &"one");
    assert_eq!(
        (pending.look_ups(&leader), pending.look_ups(&other)),
        (1, 0)
    );
    assert!(
        !pending.shed_of(&leader, Reason::ClientSlots),
        "to leave it would free nothing of the leader's share"
    );
    drop(first);
    drop(again);
    assert_eq!(
        (pending.look_ups(&leader), pending.look_ups(&other)),
        (0, 1)
    );
    // Nothing else runs: where all is full it ends for everybody.
    let third = pending.enter(leader, &"one");
    assert!(pending.shed_of_all(Reason::PendingTotal));
    let told = [&joined, &third].map(shed);
    assert_eq!(told, [Some(Reason::PendingTotal); 2]);
    assert!(!pending.shed_of_all(Reason::PendingTotal), "none is left");
    // Asked twice by the same client it is still his own.
    let twice = [0; 2].map(|_| pending.enter(leader, &"two"));
    assert!(pending.shed_of(&leader, Reason::ClientSlots));
    assert!(twice.iter().all(|ticket| shed(ticket).is_some()));
    drop((joined, third, twice));
    assert_eq!(pending.clients(), 0);
    let book = lock(&pending.book);
    assert!(book.look_ups.is_empty() && book.claimed.by_age.is_empty());
    assert!(book.claimed.by_load.is_empty());
}

#[test]
fn the_heaviest_client_makes_room_by_what_is_his_alone_and_only_then_by_what_others_joined() {
    let pending = pending(100, 100);
    let (heavy, other) = (claimed(1), claimed(2));
    let led: Vec<_> = (0..40).map(|at| pending.enter(heavy, &at)).collect();
    let joined: Vec<_> = (0..20).map(|at| pending.enter(other, &at)).collect();
    for _ in 0..8 {
        assert!(pending.shed_of_all(Reason::PendingTotal));
    }
    assert!(joined.iter().all(|ticket| shed(ticket).is_none()));
    assert!(led[20..28].iter().all(|ticket| shed(ticket).is_some()));
    let _more: Vec<_> = (20..40).map(|at| pending.enter(other, &at)).collect();
    let _heavy: Vec<_> = (100..120).map(|at| pending.enter(heavy, &at)).collect();
    let _all_joined: Vec<_> = (100..120).map(|at| pending.enter(other, &at)).collect();
    assert!(pending.shed_of_all(Reason::PendingTotal));
    assert!(shed(&led[0]).is_some() && shed(&joined[0]).is_some());
}
