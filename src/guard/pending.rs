//! Who waits, who waits longest, and who makes room? Every query that waits for recursion, by client.
//!
//! Where something is full, the *oldest* waiting query of whoever holds most makes room, and the newcomer is let in: what has waited
//! long is what servers do not answer, and what was just asked is what its client still wants to know. So a client whose look-ups hang,
//! or whose address is forged, is held to its own limit and does not shut itself out: each of its queries has as long as the flood takes
//! to fill the limit (128 queries at 200 a second: 0.6 s), and servers that are well answer in a tenth of that.
//!
//! What an address claims and what it has proven are counted apart. Where all look-ups together are too many, the one of the two kinds
//! that has more of them makes room: forgers can take half of all from those who have proven themselves, and no more. Among claimed
//! ones the heaviest client makes room if it has more than everybody may have anyway ([`FLOOR`]); otherwise whoever has waited
//! longest, for a forger can look like ten thousand clients with one query each, and must not make the one honest client with two
//! the heaviest.
//!
//! One query leads each look-up that anybody waits for: the oldest of those that wait for it, and when that one leaves, the next. So
//! no look-up is out of reach because somebody joined it. Over its own share a client makes room by a look-up that nobody else waits for;
//! where all is full, the look-up ends for all who wait for it.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::fair::Customer;
use super::slots::FLOOR;
use crate::config::plan;
use crate::telemetry::Reason;

/// Everybody who waits. Bounded by the limits per client and by the look-ups that may be under way.
#[derive(Clone, Debug)]
pub struct PendingClients {
    book: Arc<Mutex<Book>>,
    per_client: usize,
    per_verified_client: usize,
}

/// One waiting query's place; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct PendingTicket {
    book: Arc<Mutex<Book>>,
    customer: Customer,
    serial: u64,
    notice: Arc<Notice>,
}

/// How a waiting query hears that it must make room.
#[derive(Debug, Default)]
struct Notice(Mutex<(Option<Reason>, Option<Waker>)>);

#[derive(Debug, Default)]
struct Book {
    clients: HashMap<Customer, Waiters>,
    claimed: Kind,
    proven: Kind,
    serial: u64,
    /// Who waits for each look-up, by age: the first one leads it.
    look_ups: HashMap<u64, BTreeMap<u64, Customer>>,
    hasher: RandomState,
}

/// A query that waits, and for which look-up.
#[derive(Debug)]
struct Seat {
    notice: Arc<Notice>,
    look_up: u64,
}

/// The queries of one client, by age.
#[derive(Debug, Default)]
struct Waiters {
    /// Those that lead a look-up.
    leading: BTreeMap<u64, Seat>,
    /// Those that wait for a look-up that another one leads.
    joined: BTreeMap<u64, Seat>,
}

/// All look-ups of those who have proven their address, or of those who only claim it.
#[derive(Debug, Default)]
struct Kind {
    /// Clients by how many they have for each customer they stand for, in 2^-16.
    by_load: BTreeSet<(u64, Customer)>,
    by_age: BTreeMap<u64, Customer>,
}

impl PendingClients {
    /// With the limits of the plan (P4: 128, verified 1,000).
    #[must_use]
    pub fn new(plan: &plan::Guard) -> Self {
        Self {
            book: Arc::default(),
            per_client: plan.pending_per_client,
            per_verified_client: plan.pending_per_verified_client,
        }
    }

    /// The same limits over those who waited `before`: queries that wait over a reload keep their places.
    #[must_use]
    pub fn continuing(mut self, before: &Self) -> Self {
        self.book = Arc::clone(&before.book);
        self
    }

    /// A place for one more query of a client, which leads the look-up if nobody waits for an equal one. If the client has as many as
    /// it may, its oldest one makes room ([`Reason::PendingPerClient`]).
    pub fn enter(&self, customer: Customer, look_up: &impl Hash) -> PendingTicket {
        let most = self.most(&customer);
        let mut book = self.book();
        let full = book.waiting(&customer) >= most;
        let leaves = full.then(|| book.take_oldest(&customer)).flatten();
        let look_up = book.hasher.hash_one(look_up);
        let (serial, notice) = book.enter(customer, look_up);
        drop(book);
        tell(leaves, Reason::PendingPerClient);
        PendingTicket {
            book: Arc::clone(&self.book),
            customer,
            serial,
            notice,
        }
    }

    /// The oldest look-up that this client leads, and nobody else waits for, makes room. Whether there was one.
    pub fn shed_of(&self, customer: &Customer, reason: Reason) -> bool {
        let leave = self.book().take_own(customer);
        tell(leave, reason)
    }

    /// A look-up of whoever has most makes room, and so do all who wait for it. Whether there was one.
    pub fn shed_of_all(&self, reason: Reason) -> bool {
        let leave = self.book().take_of_heaviest();
        tell(leave, reason)
    }

    /// Queries of a client that wait, and how many may.
    #[must_use]
    pub fn waiting(&self, customer: &Customer) -> (usize, usize) {
        (self.book().waiting(customer), self.most(customer))
    }

    /// Look-ups that a client waits for and leads.
    #[must_use]
    pub fn look_ups(&self, customer: &Customer) -> u32 {
        let book = self.book();
        let waiters = book.clients.get(customer);
        waiters.map_or(0, |waiters| {
            waiters.leading.len().try_into().unwrap_or(u32::MAX)
        })
    }

    /// Clients with at least one query waiting.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.book().clients.len()
    }

    fn most(&self, customer: &Customer) -> usize {
        let most = if customer.verified {
            self.per_verified_client
        } else {
            self.per_client
        };
        most.saturating_mul(customer.customers.try_into().unwrap_or(usize::MAX))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

impl PendingTicket {
    /// Ready, with the reason, when this query must make room. Its client is told nothing by this; whoever polls does that.
    pub fn poll_shed(&self, context: &mut Context<'_>) -> Poll<Reason> {
        let mut notice = lock(&self.notice.0);
        match notice.0 {
            Some(reason) => Poll::Ready(reason),
            None => {
                notice.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for PendingTicket {
    fn drop(&mut self) {
        let _gone_already = lock(&self.book).take(&self.customer, self.serial);
    }
}

impl Book {
    fn enter(&mut self, customer: Customer, look_up: u64) -> (u64, Arc<Notice>) {
        self.serial += 1;
        let (serial, notice) = (self.serial, Arc::<Notice>::default());
        let waiting = self.look_ups.entry(look_up).or_default();
        let leads = waiting.is_empty();
        waiting.insert(serial, customer);
        let seat = Seat {
            notice: Arc::clone(&notice),
            look_up,
        };
        self.put(customer, serial, seat, leads);
        (serial, notice)
    }

    fn put(&mut self, customer: Customer, serial: u64, seat: Seat, leads: bool) {
        let waiters = self.clients.entry(customer).or_default();
        if !leads {
            waiters.joined.insert(serial, seat);
            return;
        }
        let before = load(&customer, waiters);
        waiters.leading.insert(serial, seat);
        let after = load(&customer, waiters);
        let kind = self.kind(customer.verified);
        kind.by_age.insert(serial, customer);
        kind.by_load.remove(&(before, customer));
        kind.by_load.insert((after, customer));
    }

    /// A query leaves its client's list. With it, whether it led.
    fn remove(&mut self, customer: &Customer, serial: u64) -> Option<(Seat, bool)> {
        let waiters = self.clients.get_mut(customer)?;
        let before = load(customer, waiters);
        let (seat, led) = match waiters.leading.remove(&serial) {
            Some(seat) => (seat, true),
            None => (waiters.joined.remove(&serial)?, false),
        };
        let after = load(customer, waiters);
        if waiters.leading.is_empty() && waiters.joined.is_empty() {
            self.clients.remove(customer);
        }
        if led {
            let kind = self.kind(customer.verified);
            kind.by_age.remove(&serial);
            kind.by_load.remove(&(before, *customer));
            if after > 0 {
                kind.by_load.insert((after, *customer));
            }
        }
        Some((seat, led))
    }

    /// A query leaves; if it led, the next one of those that wait for the same does.
    fn take(&mut self, customer: &Customer, serial: u64) -> Option<Arc<Notice>> {
        let (seat, led) = self.remove(customer, serial)?;
        let next = self.look_ups.get_mut(&seat.look_up).and_then(|waiting| {
            waiting.remove(&serial);
            waiting.first_key_value().map(|(at, who)| (*at, *who))
        });
        match next {
            None => {
                self.look_ups.remove(&seat.look_up);
            }
            Some((serial, customer)) if led => {
                if let Some((seat, _)) = self.remove(&customer, serial) {
                    self.put(customer, serial, seat, true);
                }
            }
            Some(_) => {}
        }
        Some(seat.notice)
    }

    fn take_oldest(&mut self, customer: &Customer) -> Option<Arc<Notice>> {
        let waiters = self.clients.get(customer)?;
        let (leading, joined) = (waiters.leading.keys(), waiters.joined.keys());
        let oldest = leading.take(1).chain(joined.take(1)).min().copied()?;
        self.take(customer, oldest)
    }

    /// All who wait for a look-up leave.
    fn take_look_up(&mut self, look_up: u64) -> Vec<Arc<Notice>> {
        let waiting = self.look_ups.remove(&look_up).unwrap_or_default();
        waiting
            .into_iter()
            .filter_map(|(serial, customer)| self.remove(&customer, serial))
            .map(|(seat, _)| seat.notice)
            .collect()
    }

    fn take_own(&mut self, customer: &Customer) -> Vec<Arc<Notice>> {
        let own = self.oldest_own(customer);
        own.map_or_else(Vec::new, |look_up| self.take_look_up(look_up))
    }

    /// The oldest look-up of a client that nobody else waits for. A client's queries are few, and the first of another's ends the
    /// look at one look-up.
    fn oldest_own(&self, customer: &Customer) -> Option<u64> {
        let mut leading = self.clients.get(customer)?.leading.values();
        let own = leading.find(|seat| {
            let waiting = self.look_ups.get(&seat.look_up);
            waiting.is_some_and(|waiting| waiting.values().all(|who| who == customer))
        });
        own.map(|seat| seat.look_up)
    }

    fn take_of_heaviest(&mut self) -> Vec<Arc<Notice>> {
        let leaves = self.look_up_of_heaviest();
        leaves.map_or_else(Vec::new, |look_up| self.take_look_up(look_up))
    }

    fn look_up_of_heaviest(&self) -> Option<u64> {
        let kind = if self.claimed.by_age.len() >= self.proven.by_age.len() {
            &self.claimed
        } else {
            &self.proven
        };
        let (load, heaviest) = kind.by_load.last()?;
        if *load > u64::from(FLOOR) << 16 {
            let oldest = || self.clients.get(heaviest)?.leading.values().next();
            return self
                .oldest_own(heaviest)
                .or_else(|| oldest().map(|seat| seat.look_up));
        }
        let (serial, customer) = kind.by_age.first_key_value()?;
        let oldest = self.clients.get(customer)?.leading.get(serial)?;
        Some(oldest.look_up)
    }

    fn waiting(&self, customer: &Customer) -> usize {
        let waiters = self.clients.get(customer);
        waiters.map_or(0, |waiters| waiters.leading.len() + waiters.joined.len())
    }

    const fn kind(&mut self, verified: bool) -> &mut Kind {
        if verified {
            &mut self.proven
        } else {
            &mut self.claimed
        }
    }
}

/// Look-ups for each customer that the client stands for, in 2^-16.
fn load(customer: &Customer, waiters: &Waiters) -> u64 {
    let leading = u64::try_from(waiters.leading.len()).unwrap_or(u64::MAX);
    leading.saturating_mul(1 << 16) / u64::from(customer.customers.max(1))
}

/// Not under the lock of the book: whoever is woken may run at once.
fn tell(leave: impl IntoIterator<Item = Arc<Notice>>, reason: Reason) -> bool {
    let mut any = false;
    for notice in leave {
        any = true;
        let mut told = lock(&notice.0);
        told.0 = Some(reason);
        let waker = told.1.take();
        drop(told);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
    any
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
