//! What goes with a fetch that the zone guard let through? Its slots, given back at its end, and the news of how it ended.

use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use super::State;
use super::decay::millis;
use super::keys::{Charged, Key};
use super::known::Print;
use super::outcome::Outcome;
use super::outcomes::{Ended, Outcomes};
use super::record::Record;
use crate::config::plan::ZoneGuardMode;
use crate::guard::address::Address;
use crate::guard::slots::{Place, Share};
use crate::sys::clock::Now;
use crate::wire::Name;

/// Bits of an IPv6 address that tell clients apart: a subscriber's /56. (Of an IPv4 address: all.)
const V6_CLIENT: u32 = 56;

/// The right to one fetch. Dropped without [`Self::finish`], it only gives its slots back.
#[derive(Debug, Default)]
#[must_use]
pub struct Slot {
    pub(super) claim: Option<Box<Claim>>,
    /// Where zones are not counted, the pool is: clients and servers have their shares of it.
    _place: Option<Place>,
}

#[derive(Debug)]
pub(super) struct Claim {
    pub(super) state: Arc<State>,
    pub(super) _place: Place,
    pub(super) _share: Option<Share>,
    /// The zones that hear how it ended.
    pub(super) zones: SmallVec<[u64; 2]>,
    /// The server that does.
    pub(super) server: Option<ServerClaim>,
    pub(super) print: Print,
    /// The registrable domain, for the filter's share of it.
    pub(super) domain: u64,
    pub(super) client: u64,
    pub(super) explores: bool,
    /// Whether it shows what unknown names of the zone are worth.
    pub(super) samples: bool,
    /// Whether the name may be learned from it.
    pub(super) learns: bool,
    /// How the guard works, if neither a zone nor the server was engaged when it was let through.
    pub(super) open: Option<ZoneGuardMode>,
    /// If it would have been denied were that not only logged: whether the name is known to be real.
    pub(super) spared: Option<bool>,
}

/// What a fetch holds of the server of its zone.
#[derive(Debug)]
pub(super) struct ServerClaim {
    pub(super) hash: u64,
    address: IpAddr,
    /// The zone whose servers it stands for.
    zone: Name,
    known: bool,
    _shares: (Share, Option<Share>),
}

impl ServerClaim {
    /// One more look-up at this server, as one of those of `zone`; `known`: of a name known to be real. Nothing if it is no server.
    pub(super) fn of(state: &State, key: &Key, zone: Name, known: bool) -> Option<Self> {
        let Charged::Server(address) = key.charged else {
            return None;
        };
        let enter = |hash| state.shares.enter(hash);
        Some(Self {
            hash: key.hash,
            address,
            zone,
            known,
            _shares: (enter(key.hash), known.then(|| enter(Self::known(key.hash)))),
        })
    }

    /// The server hears how what was asked of it ended. `samples`: it shows what unknown names are worth.
    fn tell(&self, ended: Ended, samples: bool, state: &State, at: u64) {
        state.zones.with(self.hash, |record| {
            record.ended(ended, self.known, at);
            if let (Some(engaged), true) = (&mut record.engaged, samples) {
                engaged.sampled(ended, at);
            }
        });
    }

    /// By what those for known names are counted apart.
    pub(super) const fn known(hash: u64) -> u64 {
        !hash
    }
}

impl Slot {
    /// Holds nothing and tells nobody: for who joins a fetch under way.
    pub const fn free() -> Self {
        Self {
            claim: None,
            _place: None,
        }
    }

    /// Holds a slot and tells nobody: where the guard is off.
    pub(in crate::guard) const fn of_pool(place: Place) -> Self {
        Self {
            claim: None,
            _place: Some(place),
        }
    }

    pub(super) fn of(claim: Claim) -> Self {
        Self {
            claim: Some(Box::new(claim)),
            _place: None,
        }
    }

    /// Whether it is for a name that is known to be real, or nobody tells such names apart.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.claim
            .as_ref()
            .is_none_or(|claim| claim.state.known.contains(claim.print))
    }

    /// Whether it is one of those that explore.
    #[must_use]
    pub fn explores(&self) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.explores)
    }

    /// The server that it is charged to.
    #[must_use]
    pub fn server(&self) -> Option<IpAddr> {
        let claim = self.claim.as_ref()?;
        claim.server.as_ref().map(|server| server.address)
    }

    /// The zone whose servers that one stands for.
    #[must_use]
    pub fn server_zone(&self) -> Option<&Name> {
        let claim = self.claim.as_ref()?;
        claim.server.as_ref().map(|server| &server.zone)
    }

    /// The server that it is charged to is not what it waits for any more: it counts for it no longer. `answered`: it has said where
    /// to go on. `packets`: how many were sent by now.
    pub fn leave_server(&mut self, answered: bool, packets: u32, now: Now) {
        let Some(claim) = &mut self.claim else {
            return;
        };
        let is_held = claim.is_held();
        let Some(server) = claim.server.take() else {
            return;
        };
        claim.state.sent(server.hash, packets);
        if answered && !is_held {
            server.tell(Ended::Positive, claim.samples, &claim.state, millis(now));
        }
    }

    /// If it would have been denied were that not only logged: whether the name is known to be real.
    #[must_use]
    pub fn spared(&self) -> Option<bool> {
        self.claim.as_ref().and_then(|claim| claim.spared)
    }

    /// The fetch is over: how it ended, and how many packets it sent.
    pub fn finish(self, outcome: Outcome, packets: u32, now: Now) {
        let Some(claim) = self.claim else {
            return;
        };
        let at = millis(now);
        let state = &claim.state;
        state.together().sent(packets, claim.explores, at);
        let server = claim.server.as_ref();
        for hash in claim.zones.iter().chain(server.map(|server| &server.hash)) {
            state.sent(*hash, packets);
        }
        if let Some(ended) = outcome.ended {
            state.together().ended(ended, at);
            for zone in &claim.zones {
                state.zones.with(*zone, |record| {
                    record.ended(ended, false, at);
                    if let (Some(engaged), true) = (&mut record.engaged, claim.samples) {
                        engaged.sampled(ended, at);
                    }
                    if let Some(engaged) = &mut record.engaged
                        && engaged.heard(ended, &record.outcomes, at)
                    {
                        // The servers are back: what they did before says nothing of them now.
                        record.outcomes = Outcomes::default();
                    }
                });
            }
        }
        // What one zone suffers that is held back by itself is no sign of what the others do.
        if let (Some(server), Some(ended)) = (server, outcome.of_server())
            && !claim.is_held()
        {
            server.tell(ended, claim.samples, state, at);
        }
        if outcome.is_real && claim.learns {
            state.learn(claim.print, claim.domain, claim.client, at);
        }
    }
}

impl Claim {
    /// Whether a zone of it has been engaged by now, and not the server too.
    fn is_held(&self) -> bool {
        let is_engaged = |hash: u64| {
            let on_record = |record: &mut Record| record.engaged.is_some();
            self.state.zones.with(hash, on_record).unwrap_or(false)
        };
        self.zones.iter().copied().any(is_engaged)
            && !self
                .server
                .as_ref()
                .is_some_and(|server| is_engaged(server.hash))
    }
}

impl State {
    /// What an attack costs: so many packets more.
    fn sent(&self, hash: u64, packets: u32) {
        self.zones.with(hash, |record| {
            if let Some(engaged) = &mut record.engaged {
                engaged.packets += u64::from(packets);
            }
        });
    }

    /// A keyed hash of a client prefix.
    pub(super) fn client_print(&self, client: Address) -> u64 {
        match client {
            Address::V4(bits) => self.hasher.hash(&bits.to_be_bytes()),
            Address::V6(bits) => self.hasher.hash(&bits.to_be_bytes()),
        }
    }
}

/// What counts as one client: an IPv4 address, or the /56 of an IPv6 one.
pub(super) fn prefix_of(client: IpAddr) -> Address {
    match Address::from(client) {
        v4 @ Address::V4(_) => v4,
        Address::V6(bits) => {
            let host = 128 - V6_CLIENT;
            Address::V6(bits >> host << host)
        }
    }
}
