//! How much of what is under way may one client have, and one server? A share of the fetch slots that are free, given back by itself.
//!
//! **Clients.** A look-up counts for the client that began it, from when it is let through until it is over. A client is the limiter's
//! customer: an IPv4 address, or an IPv6 /56; one that stands for many (`limiter.shared_addresses`) may have as many times as much. What
//! is proven (TCP, a cookie) is counted apart from what is only claimed: whoever forges a victim's address fills the victim's
//! unproven share and nothing else. The victim still has every cached and every stale answer, for neither takes a share, and
//! finds out the rest by TCP or with a cookie. And he need not even do that as long as servers answer: over the share the *oldest*
//! look-up makes room ([`super::pending`]), so that each still has as long as the flood takes to fill the share.
//!
//! **Servers.** A question counts for a server's address while it is under way there, that is for each exchange and not for each
//! recursion that waits: who joins an exchange of others ([`crate::resolve`]) costs the server nothing, and is bounded by the share of
//! its zone, in which all equal questions lie. A server over its share is passed over as if it were not among those that may be
//! asked: nothing is noted of it, no failure is remembered of its zones, and the first exchange that ends makes room. The last quarter
//! of a server's share is for look-ups of names known to be real ([`super::zones::known`]): a flood of made-up names in one zone of a
//! provider takes three quarters, and whoever asks for what is there finds room beside it. So when a provider
//! of a thousand zones is down, its dead servers hold an eighth of the slots each, of what is free then, and the rest of the Internet
//! has the others. What fills a server's share are questions of admitted clients that wait for its replies; a forger of replies can only
//! end them sooner.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng as _;
use siphasher::sip::SipHasher13;

use super::address::Address;
use super::slots::{self, Place, Pool, Share, Shares};
use crate::config::plan::{self, ZoneGuardMode};
use crate::sys::entropy;

/// Cells of each of the two rows that count what clients and servers hold: 256 KiB for either.
const CELLS: usize = 1 << 15;

/// Whom look-ups are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Customer {
    /// An IPv4 address, or an IPv6 prefix of `limiter.customer_prefix`.
    pub prefix: Address,
    /// Whether the address is proven.
    pub verified: bool,
    /// For how many customers it stands; at least 1.
    pub customers: u32,
}

/// The shares of one configuration; what they count outlives a reload. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FairShares {
    plan: plan::Shares,
    pool: Arc<Pool>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    hasher: SipHasher13,
    clients: Arc<Shares>,
    servers: Arc<Shares>,
    counters: Counters,
}

/// What the shares count.
#[derive(Debug, Default)]
pub struct Counters {
    /// Times that a client's look-up found its share used up, or in log-only mode would have.
    pub client_full: AtomicU64,
    /// The same for a question to a server: it went to another one, or nowhere.
    pub server_full: AtomicU64,
}

/// One question under way to a server; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct ServerShare {
    _share: Share,
}

/// How much of a share is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Held now.
    pub held: u32,
    /// What may be held now.
    pub most: u32,
}

impl FairShares {
    /// Nobody holds anything. `pool`: the slots that all share. Its secret is drawn here.
    #[must_use]
    pub fn new(plan: &plan::Shares, pool: &Arc<Pool>) -> Self {
        let mut secret = [0; 16];
        entropy::csprng().fill_bytes(&mut secret);
        Self::of(
            plan,
            pool,
            Arc::new(State {
                hasher: SipHasher13::new_with_key(&secret),
                clients: Arc::new(Shares::new(CELLS)),
                servers: Arc::new(Shares::new(CELLS)),
                counters: Counters::default(),
            }),
        )
    }

    /// Those of a new configuration, with what is held of those `before`.
    #[must_use]
    pub fn continuing(plan: &plan::Shares, pool: &Arc<Pool>, before: &Self) -> Self {
        Self::of(plan, pool, Arc::clone(&before.state))
    }

    fn of(plan: &plan::Shares, pool: &Arc<Pool>, state: Arc<State>) -> Self {
        Self {
            plan: *plan,
            pool: Arc::clone(pool),
            state,
        }
    }

    /// Off, log-only or enforce.
    #[must_use]
    pub const fn mode(&self) -> ZoneGuardMode {
        self.plan.mode
    }

    /// Whether a client may begin one more look-up. Where nothing is held back it may.
    #[must_use]
    pub fn has_room_for(&self, customer: &Customer) -> bool {
        self.judge(&self.state.counters.client_full, || self.client(customer))
    }

    /// A slot of those that all share, until what is returned is dropped.
    pub fn place(&self) -> Place {
        self.pool.take()
    }

    /// Whether a client has all the look-ups under way that it may have, or might if shares were enforced.
    #[must_use]
    pub fn is_used_up(&self, customer: &Customer) -> bool {
        self.plan.mode != ZoneGuardMode::Off && {
            let Used { held, most } = self.client(customer);
            held >= most
        }
    }

    /// Counts a look-up for a client, until what is returned is dropped.
    #[must_use]
    pub fn enter(&self, customer: &Customer) -> Option<Share> {
        (self.plan.mode != ZoneGuardMode::Off)
            .then(|| self.state.clients.enter(self.state.client_key(customer)))
    }

    /// How much of its share a client uses.
    #[must_use]
    pub fn client(&self, customer: &Customer) -> Used {
        Used {
            held: self.state.clients.held(self.state.client_key(customer)),
            most: self.per_client().saturating_mul(customer.customers),
        }
    }

    /// What one customer may have under way now.
    #[must_use]
    pub fn per_client(&self) -> u32 {
        self.pool.share(self.plan.client, self.plan.least)
    }

    /// What may be under way to one server now; `top`: for the root or a top-level domain.
    #[must_use]
    pub fn per_server(&self, top: bool) -> u32 {
        let divisor = if top {
            self.plan.top_server
        } else {
            self.plan.server
        };
        self.pool.share(divisor, self.plan.least)
    }

    /// Whether one more question to this server may be under way. `owed`: it is for a name that is known to be real, or nobody tells
    /// such names apart; others stop at three quarters.
    #[must_use]
    pub fn has_room_at(&self, server: IpAddr, top: bool, owed: bool) -> bool {
        self.judge(&self.state.counters.server_full, || {
            let most = self.per_server(top);
            Used {
                held: self.state.servers.held(self.state.server_key(server)),
                most: if owed { most } else { slots::for_unknown(most) },
            }
        })
    }

    /// Counts a question to a server, until what is returned is dropped.
    pub fn enter_server(&self, server: IpAddr) -> ServerShare {
        ServerShare {
            _share: self.state.servers.enter(self.state.server_key(server)),
        }
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.state.counters
    }

    fn judge(&self, full: &AtomicU64, used: impl FnOnce() -> Used) -> bool {
        if self.plan.mode == ZoneGuardMode::Off {
            return true;
        }
        let Used { held, most } = used();
        if held < most {
            return true;
        }
        full.fetch_add(1, Ordering::Relaxed);
        self.plan.mode == ZoneGuardMode::LogOnly
    }
}

impl State {
    fn client_key(&self, customer: &Customer) -> u64 {
        self.key(customer.prefix, u8::from(customer.verified))
    }

    fn server_key(&self, server: IpAddr) -> u64 {
        self.key(Address::from(server), 2)
    }

    fn key(&self, address: Address, kind: u8) -> u64 {
        let (family, bits) = match address {
            Address::V4(bits) => (4, u128::from(bits)),
            Address::V6(bits) => (6, bits),
        };
        let mut octets = [kind, family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (place, octet) in octets.iter_mut().skip(2).zip(bits.to_be_bytes()) {
            *place = octet;
        }
        self.hasher.hash(&octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::slots::FLOOR;

    const SLOTS: u32 = 8_192;

    fn shares(mode: ZoneGuardMode) -> (FairShares, Arc<Pool>) {
        let plan = plan::Shares {
            mode,
            ..plan::Shares::default()
        };
        let pool = Arc::new(Pool::new(SLOTS));
        (FairShares::new(&plan, &pool), pool)
    }

    fn customer(text: &str, verified: bool, customers: u32) -> Customer {
        let address: IpAddr = text.parse().unwrap();
        Customer {
            prefix: Address::from(address).prefix(56),
            verified,
            customers,
        }
    }

    /// Look-ups that a client may begin one after the other, none of which ends.
    fn fill(
        fair: &FairShares,
        pool: &Arc<Pool>,
        customer: &Customer,
    ) -> Vec<(Place, Option<Share>)> {
        let mut held = Vec::new();
        while fair.has_room_for(customer) {
            held.push((pool.take(), fair.enter(customer)));
            assert!(held.len() < 10_000, "no end");
        }
        held
    }

    #[test]
    fn one_client_has_a_sixty_fifth_of_the_slots_and_a_shared_address_as_many_times_more() {
        let (fair, pool) = shares(ZoneGuardMode::Enforce);
        let one = customer("192.0.2.1", false, 1);
        let held = fill(&fair, &pool, &one);
        // held = (8192 - held) / 64.
        assert_eq!(held.len(), 126, "and the one that found no room is counted");
        assert_eq!(fair.counters().client_full.load(Ordering::Relaxed), 1);
        let other = customer("192.0.2.2", false, 1);
        assert!(fair.has_room_for(&other), "another address");
        drop(held);
        assert_eq!((pool.used(), fair.client(&one).held), (0, 0));
        let crowd = customer("192.0.2.3", false, 64);
        assert_eq!(fill(&fair, &pool, &crowd).len(), 4_096, "half of all");
    }

    #[test]
    fn what_a_forger_fills_is_not_what_his_victim_has_proven() {
        let (fair, pool) = shares(ZoneGuardMode::Enforce);
        let _forged = fill(&fair, &pool, &customer("192.0.2.1", false, 1));
        assert!(!fair.has_room_for(&customer("192.0.2.1", false, 1)));
        assert!(fair.has_room_for(&customer("192.0.2.1", true, 1)));
        // A subscriber's whole IPv6 prefix is one client; the next subscriber is another.
        let _prefix = fill(&fair, &pool, &customer("2001:db8:0:aa::1", false, 1));
        assert!(!fair.has_room_for(&customer("2001:db8:0:ab::2", false, 1)));
        assert!(fair.has_room_for(&customer("2001:db8:0:1aa::1", false, 1)));
    }

    #[test]
    fn a_dead_provider_leaves_the_rest_its_room_and_a_server_gives_back_what_ends() {
        let (fair, pool) = shares(ZoneGuardMode::Enforce);
        let servers = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
        let mut held = Vec::new();
        while let Some(server) = servers
            .into_iter()
            .find(|server| fair.has_room_at(*server, false, true))
        {
            held.push((pool.take(), fair.enter_server(server)));
        }
        // Two that take an eighth of what is free (dynamic threshold): a fifth of all together, whichever comes first.
        assert!((1_630..=1_730).contains(&held.len()), "{}", held.len());
        let elsewhere = "192.0.2.2".parse().unwrap();
        assert!(fair.has_room_at(elsewhere, false, false));
        assert!(
            fair.has_room_at(servers[0], true, false),
            "for a top-level domain"
        );
        held.truncate(held.len() - 200);
        assert!(
            servers
                .into_iter()
                .any(|server| fair.has_room_at(server, false, true))
        );
        assert!(fair.counters().server_full.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn the_last_quarter_of_a_servers_share_is_for_names_that_are_known() {
        let (fair, _pool) = shares(ZoneGuardMode::Enforce);
        let server: IpAddr = "192.0.2.1".parse().unwrap();
        // A quarter of 1,024, which is an eighth of all.
        for (owed, most) in [(false, 768), (true, 1_024)] {
            let mut held = Vec::new();
            while fair.has_room_at(server, false, owed) {
                held.push(fair.enter_server(server));
                assert!(held.len() <= 1_024, "no end");
            }
            assert_eq!(held.len(), most, "and not one more, known: {owed}");
        }
        let _made_up: Vec<_> = (0..768).map(|_| fair.enter_server(server)).collect();
        assert!(!fair.has_room_at(server, false, false));
        let _known: Vec<_> = (0..256)
            .map(|_| {
                assert!(fair.has_room_at(server, false, true));
                fair.enter_server(server)
            })
            .collect();
        assert!(!fair.has_room_at(server, false, true));
    }

    #[test]
    fn everybody_has_the_floor_however_full_it_is() {
        let (fair, pool) = shares(ZoneGuardMode::Enforce);
        let _full: Vec<_> = (0..SLOTS).map(|_| pool.take()).collect();
        let client = customer("192.0.2.1", false, 1);
        assert_eq!(fill(&fair, &pool, &client).len(), FLOOR as usize);
        assert_eq!(fair.per_server(false), FLOOR);
        assert_eq!(fair.per_server(true), FLOOR);
    }

    #[test]
    fn log_only_counts_and_holds_nothing_back_and_off_does_neither() {
        for (mode, counted) in [(ZoneGuardMode::LogOnly, 10), (ZoneGuardMode::Off, 0)] {
            let (fair, pool) = shares(mode);
            let client = customer("192.0.2.1", false, 1);
            let _held: Vec<_> = (0..136)
                .map(|_| {
                    assert!(fair.has_room_for(&client));
                    (pool.take(), fair.enter(&client))
                })
                .collect();
            let full = fair.counters().client_full.load(Ordering::Relaxed);
            assert_eq!(full, counted, "{mode:?}");
        }
    }
}
