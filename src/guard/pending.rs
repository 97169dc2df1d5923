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

use std::collections::{BTreeMap, BTreeSet, HashMap};
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
}

/// The queries of one client, by age.
#[derive(Debug, Default)]
struct Waiters {
    /// Those that began a look-up.
    leading: BTreeMap<u64, Arc<Notice>>,
    /// Those that wait for the look-up of another.
    joined: BTreeMap<u64, Arc<Notice>>,
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

    /// A place for one more query of a client; `leads`: it begins a look-up. If the client has as many as it may, its oldest one makes
    /// room ([`Reason::PendingPerClient`]).
    pub fn enter(&self, customer: Customer, leads: bool) -> PendingTicket {
        let most = self.most(&customer);
        let mut book = self.book();
        let full = book.waiting(&customer) >= most;
        let leaves = full.then(|| book.take_oldest(&customer)).flatten();
        let (serial, notice) = book.enter(customer, leads);
        drop(book);
        tell(leaves, Reason::PendingPerClient);
        PendingTicket {
            book: Arc::clone(&self.book),
            customer,
            serial,
            notice,
        }
    }

    /// The oldest look-up that this client waits for makes room. Whether there was one.
    pub fn shed_of(&self, customer: &Customer, reason: Reason) -> bool {
        let leaves = self.book().take_oldest_look_up(customer);
        tell(leaves, reason)
    }

    /// A look-up of whoever has most makes room. Whether there was one that anybody waits for.
    pub fn shed_of_all(&self, reason: Reason) -> bool {
        let leaves = self.book().take_of_heaviest();
        tell(leaves, reason)
    }

    /// Queries of a client that wait, and how many may.
    #[must_use]
    pub fn waiting(&self, customer: &Customer) -> (usize, usize) {
        (self.book().waiting(customer), self.most(customer))
    }

    /// Look-ups that a client began and waits for.
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
    fn enter(&mut self, customer: Customer, leads: bool) -> (u64, Arc<Notice>) {
        self.serial += 1;
        let (serial, notice) = (self.serial, Arc::<Notice>::default());
        let waiters = self.clients.entry(customer).or_default();
        let before = load(&customer, waiters);
        if leads {
            waiters.leading.insert(serial, Arc::clone(&notice));
        } else {
            waiters.joined.insert(serial, Arc::clone(&notice));
        }
        let after = load(&customer, waiters);
        if leads {
            let kind = self.kind(customer.verified);
            kind.by_age.insert(serial, customer);
            kind.by_load.remove(&(before, customer));
            kind.by_load.insert((after, customer));
        }
        (serial, notice)
    }

    fn take(&mut self, customer: &Customer, serial: u64) -> Option<Arc<Notice>> {
        let waiters = self.clients.get_mut(customer)?;
        let before = load(customer, waiters);
        let (notice, led) = match waiters.leading.remove(&serial) {
            Some(notice) => (notice, true),
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
        Some(notice)
    }

    fn take_oldest(&mut self, customer: &Customer) -> Option<Arc<Notice>> {
        let waiters = self.clients.get(customer)?;
        let (leading, joined) = (waiters.leading.keys(), waiters.joined.keys());
        let oldest = leading.take(1).chain(joined.take(1)).min().copied()?;
        self.take(customer, oldest)
    }

    fn take_oldest_look_up(&mut self, customer: &Customer) -> Option<Arc<Notice>> {
        let oldest = *self.clients.get(customer)?.leading.keys().next()?;
        self.take(customer, oldest)
    }

    fn take_of_heaviest(&mut self) -> Option<Arc<Notice>> {
        let kind = if self.claimed.by_age.len() >= self.proven.by_age.len() {
            &self.claimed
        } else {
            &self.proven
        };
        let (load, heaviest) = kind.by_load.last()?;
        if *load > u64::from(FLOOR) << 16 {
            let heaviest = *heaviest;
            return self.take_oldest_look_up(&heaviest);
        }
        let (serial, customer) = kind.by_age.first_key_value()?;
        let (serial, customer) = (*serial, *customer);
        self.take(&customer, serial)
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
fn tell(leaves: Option<Arc<Notice>>, reason: Reason) -> bool {
    let Some(notice) = leaves else {
        return false;
    };
    let mut told = lock(&notice.0);
    told.0 = Some(reason);
    let waker = told.1.take();
    drop(told);
    if let Some(waker) = waker {
        waker.wake();
    }
    true
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
