//! May this cause upstream packets, and how many? The one door that recursion and egress may use of the guard.
//!
//! A [`RecursionPermit`] can be minted only by the guard, for a client it admitted, and by `daemon` for a named internal
//! cause (`tests/architecture.rs` holds the latter). Every upstream packet is charged to a [`Budget`], and a `Budget`
//! comes only out of a permit. So a refused query cannot cause an upstream packet: there is nothing it could pay with.

mod limits;

use std::net::IpAddr;

pub use limits::{Exhausted, Spent};

use super::fair::{Customer, FairShares, ServerShare};
use super::slots::Share;
pub use super::zones::{Blame, ede};
use super::zones::{Outcome, Slot};
use crate::config::plan::Limits;
use crate::sys::clock::Now;
use crate::telemetry::Reason;
use crate::wire::{Name, Question, Response};

/// On whose behalf an upstream packet is sent. A cause "refused" does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A client the guard admitted.
    Admitted,
    /// A name that was admitted before and is about to expire or is stale.
    Refresh,
    /// The root's own NS set (RFC 9609).
    Priming,
    /// Trust anchors (RFC 5011).
    TrustAnchor,
    /// A copy of the root zone (RFC 8806).
    LocalRoot,
    /// The operator, over the control socket (`suimon ask`).
    Audit,
}

impl Cause {
    /// All causes, in the order of their counters.
    pub const ALL: [Self; 6] = [
        Self::Admitted,
        Self::Refresh,
        Self::Priming,
        Self::TrustAnchor,
        Self::LocalRoot,
        Self::Audit,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refresh => "refresh",
            Self::Priming => "priming",
            Self::TrustAnchor => "trust_anchor",
            Self::LocalRoot => "local_root",
            Self::Audit => "audit",
        }
    }
}

/// The right to start one recursion. Consumed by starting it; cannot be copied.
#[derive(Debug)]
pub struct RecursionPermit {
    cause: Cause,
    client: Option<IpAddr>,
    verified: bool,
    slot: Slot,
    fair: Option<FairShares>,
    share: Option<Share>,
    /// Whose it is, if it was given for joining what is under way and so holds nothing.
    joins: Option<Customer>,
    /// Whether there was nothing left to join: nobody has looked then whether the name is known.
    is_late: bool,
}

impl RecursionPermit {
    /// For a client the guard has just admitted. `verified`: its address is proven (TCP).
    pub(in crate::guard) const fn for_client(client: IpAddr, verified: bool) -> Self {
        Self::of(Cause::Admitted, Some(client), verified)
    }

    /// For a name that an admitted client has just asked for and that is about to end.
    pub(in crate::guard) const fn for_refresh(client: IpAddr) -> Self {
        Self::of(Cause::Refresh, Some(client), false)
    }

    /// For a cause of our own; `daemon.rs` alone may call this.
    #[must_use]
    pub const fn internal(cause: InternalCause) -> Self {
        Self::of(cause.cause(), None, true)
    }

    const fn of(cause: Cause, client: Option<IpAddr>, verified: bool) -> Self {
        Self {
            cause,
            client,
            verified,
            slot: Slot::free(),
            fair: None,
            share: None,
            joins: None,
            is_late: false,
        }
    }

    /// The same with what the zone guard lent for it.
    #[must_use]
    pub fn holding(self, slot: Slot) -> Self {
        Self { slot, ..self }
    }

    /// The same within the shares of servers, and with what its client's share lent for it.
    #[must_use]
    pub fn within(self, fair: FairShares, share: Option<Share>) -> Self {
        Self {
            fair: Some(fair),
            share,
            ..self
        }
    }

    /// The same for a client that joins what is under way, and so takes no slot and nothing of its share.
    #[must_use]
    pub fn joining(self, customer: Customer) -> Self {
        Self {
            joins: Some(customer),
            ..self
        }
    }

    /// What was to be joined is over: the same with a slot and a part of its client's share, if it has none.
    ///
    /// # Errors
    /// [`Reason::ClientSlots`] if the client's share is used up.
    pub fn leading(mut self) -> Result<Self, Reason> {
        if let (Some(customer), Some(fair)) = (self.joins.take(), &self.fair) {
            if !fair.has_room_for(&customer) {
                return Err(Reason::ClientSlots);
            }
            self.slot = Slot::of_pool(fair.place());
            self.share = fair.enter(&customer);
            self.is_late = true;
        }
        Ok(self)
    }

    /// The cause that every packet under this permit is counted by.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// The client, if one asked.
    #[must_use]
    pub const fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// Whether the client's address is proven.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verified
    }

    /// Trades the permit for the one budget of this client query.
    #[must_use]
    pub fn into_budget(self, limits: &Limits, now: Now) -> Budget {
        Budget {
            cause: self.cause,
            client: self.client,
            limits: *limits,
            started: now,
            spent: Spent::NOTHING,
            refused: None,
            owed: !self.is_late && self.slot.is_owed(),
            slot: self.slot,
            fair: self.fair,
            _share: self.share,
        }
    }
}

/// Causes that only `daemon.rs` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternalCause {
    /// Refresh of a name that a client was admitted for.
    Refresh,
    /// The root's own NS set (RFC 9609).
    Priming,
    /// Trust anchors (RFC 5011).
    TrustAnchor,
    /// A copy of the root zone (RFC 8806).
    LocalRoot,
    /// The operator over the control socket.
    Audit,
}

impl InternalCause {
    const fn cause(self) -> Cause {
        match self {
            Self::Refresh => Cause::Refresh,
            Self::Priming => Cause::Priming,
            Self::TrustAnchor => Cause::TrustAnchor,
            Self::LocalRoot => Cause::LocalRoot,
            Self::Audit => Cause::Audit,
        }
    }
}

/// The work one client query may cause: one object, inherited by every sub-query, retry, chain link and fallback, never reset.
/// (NXNS, NRDelegation, CAMP, KeyTrap and kin: threats.md 4.2.)
#[derive(Debug)]
pub struct Budget {
    cause: Cause,
    client: Option<IpAddr>,
    limits: Limits,
    started: Now,
    spent: Spent,
    refused: Option<Exhausted>,
    /// Whether it may use what servers' shares keep for names known to be real.
    owed: bool,
    slot: Slot,
    /// Nothing for work of our own, which is little and bounded otherwise.
    fair: Option<FairShares>,
    _share: Option<Share>,
}

impl Budget {
    /// The recursion is over: the zone guard hears how, and has its slot back. `blame`: whose fault it is if it failed.
    pub fn tell(&mut self, question: &Question, response: &Response, blame: Blame, now: Now) {
        let outcome = Outcome::of(question, response, blame);
        std::mem::take(&mut self.slot).finish(outcome, self.spent.packets, now);
    }

    /// The recursion was ended before it was over: the zone guard hears what it sent, and of a failure if servers were to `blame`
    /// already. Nothing if it has been told.
    pub fn give_up(&mut self, blame: Blame, now: Now) {
        let outcome = Outcome::given_up(blame);
        std::mem::take(&mut self.slot).finish(outcome, self.spent.packets, now);
    }

    /// Why no further packet is to be sent for `name`, the one that it was admitted for, now that one was sent in vain: its zone, or the
    /// server, has been engaged since, and the name is not known to be real. Whoever asks for it now is denied, too.
    pub fn stops(&mut self, name: &Name, now: Now) -> Option<Reason> {
        if self.owed {
            return None;
        }
        let counts = self.cause == Cause::Admitted;
        self.slot.stops(name, counts, now)
    }

    /// The server that the zone guard charged it to.
    #[must_use]
    pub fn server(&self) -> Option<IpAddr> {
        self.slot.server()
    }

    /// The zone whose servers that one stands for.
    #[must_use]
    pub fn server_zone(&self) -> Option<&Name> {
        self.slot.server_zone()
    }

    /// That server is not what it waits for any more. `answered`: it has said where to go on.
    pub fn leave_server(&mut self, answered: bool, now: Now) {
        self.slot.leave_server(answered, self.spent.packets, now);
    }

    /// Whether one more question to this server may be under way; `top`: it is asked for the root or a top-level domain. Says nothing
    /// of the server but how much of our own work waits for it. The last quarter of its share is for names known to be real.
    #[must_use]
    pub fn has_room_at(&self, server: IpAddr, top: bool) -> bool {
        self.fair
            .as_ref()
            .is_none_or(|fair| fair.has_room_at(server, top, self.owed))
    }

    /// Counts a question to this server as under way, until what is returned is dropped.
    pub fn enter_server(&self, server: IpAddr) -> Option<ServerShare> {
        self.fair.as_ref().map(|fair| fair.enter_server(server))
    }

    /// The cause its packets are counted by.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// The client on whose behalf its packets are sent, if there is one.
    #[must_use]
    pub const fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// What has been spent.
    #[must_use]
    pub const fn spent(&self) -> Spent {
        self.spent
    }

    /// The limits it was made with.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The first limit that refused something, if one did.
    #[must_use]
    pub const fn refused(&self) -> Option<Exhausted> {
        self.refused
    }

    /// Time left at `now`, zero when none is.
    #[must_use]
    pub fn time_left(&self, now: Now) -> std::time::Duration {
        self.limits.time.saturating_sub(now.since(self.started))
    }

    /// Pays for one packet about to be sent; every upstream send calls this first.
    ///
    /// # Errors
    /// The limit that is reached. Nothing may be sent then.
    pub fn charge_packet(&mut self, now: Now) -> Result<(), Exhausted> {
        let over = if self.time_left(now).is_zero() {
            Some(Exhausted::Time)
        } else if self.spent.bytes >= self.limits.bytes {
            Some(Exhausted::Bytes)
        } else if self.spent.packets >= self.limits.packets {
            Some(Exhausted::Packets)
        } else {
            None
        };
        self.check(over)?;
        self.spent.packets += 1;
        Ok(())
    }

    /// Notes octets received. The packet that passes the limit is still used; the next send is refused.
    pub fn note_bytes(&mut self, bytes: usize) {
        self.spent.bytes = self
            .spent
            .bytes
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// Pays for one CNAME or DNAME link.
    ///
    /// # Errors
    /// [`Exhausted::Links`].
    pub fn charge_link(&mut self) -> Result<(), Exhausted> {
        self.check((self.spent.links >= self.limits.links).then_some(Exhausted::Links))?;
        self.spent.links += 1;
        Ok(())
    }

    /// Pays for one NS name whose addresses could not be found.
    ///
    /// # Errors
    /// [`Exhausted::FailingNsNames`].
    pub fn charge_failing_ns_name(&mut self) -> Result<(), Exhausted> {
        let over = self.spent.failing_ns_names >= self.limits.failing_ns_names;
        self.check(over.then_some(Exhausted::FailingNsNames))?;
        self.spent.failing_ns_names += 1;
        Ok(())
    }

    /// Whether a sub-query at `depth` (the client's own question is 0) is allowed.
    ///
    /// # Errors
    /// [`Exhausted::Depth`].
    pub fn check_depth(&mut self, depth: u32) -> Result<(), Exhausted> {
        self.check((depth > self.limits.depth).then_some(Exhausted::Depth))
    }

    /// How many signatures may be checked for the next response, and how many NSEC3 hashes made.
    #[must_use]
    pub fn validation_left(&self) -> (u32, u32) {
        let signatures = self.limits.signatures.saturating_sub(self.spent.signatures);
        let hashes = self
            .limits
            .nsec3_hashes
            .saturating_sub(self.spent.nsec3_hashes);
        (signatures.min(self.limits.response_signatures), hashes)
    }

    /// Pays for signatures that were checked and hashes that were made, within what [`Budget::validation_left`] said.
    pub const fn pay_validation(&mut self, signatures: u32, hashes: u32) {
        self.spent.signatures = self.spent.signatures.saturating_add(signatures);
        self.spent.nsec3_hashes = self.spent.nsec3_hashes.saturating_add(hashes);
    }

    /// Notes that `limit` kept something from being validated. Whether it is the query that has nothing left, and not only
    /// the response.
    ///
    /// # Errors
    /// `limit`, when the whole query has nothing left.
    pub fn validation_refused(&mut self, limit: Exhausted) -> Result<(), Exhausted> {
        self.refused.get_or_insert(limit);
        let over = match limit {
            Exhausted::Signatures => self.spent.signatures >= self.limits.signatures,
            _ => true,
        };
        self.check(over.then_some(limit))
    }

    /// Remembers the first limit met.
    fn check(&mut self, over: Option<Exhausted>) -> Result<(), Exhausted> {
        match over {
            None => Ok(()),
            Some(limit) => {
                self.refused.get_or_insert(limit);
                Err(limit)
            }
        }
    }
}
