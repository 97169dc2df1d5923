//! Whom can we ask? The servers of one zone: addresses known, what became of each, and names still to be looked up.

use std::net::{IpAddr, SocketAddr};

use super::fault::Fault;
use super::referral;
use crate::cache::{Cache, DelegationServer, Rank};
use crate::config::plan;
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType};

/// Unanswered sends to one zone after which the zone is given up, however many servers it lists.
///
/// At 400 ms each that is 3.2 s, and a zone with half its addresses unreachable (an IPv6 black hole) still gets through.
pub const SILENT_SENDS_MOST: u32 = 8;

/// Sends to one address for one zone at most.
const SENDS_PER_ADDRESS: u8 = 2;

/// How many NS names without address are looked up for one delegation, by the depth of the frame that needs it: 3, 2, then 1.
///
/// parameters.md section 4 has 3, 2, 1, 0 started in advance; this machine never starts one in advance, and the one that it cannot do
/// without is allowed down to the budget's depth limit, as in Unbound, so that honest chains of glueless delegations resolve.
#[must_use]
pub const fn lookups_allowed(depth: u32) -> u32 {
    match depth {
        0 => 3,
        1 => 2,
        _ => 1,
    }
}

/// The servers of one zone.
#[derive(Debug)]
pub(super) struct Targets {
    names: Vec<NameServer>,
    addresses: Vec<Address>,
    silent_sends: u32,
}

/// A server known by name.
#[derive(Debug)]
struct NameServer {
    name: Name,
    /// Whether its name lies in the zone it serves: its address cannot be looked up without asking it.
    in_domain: bool,
    /// Whether any address of it is known.
    found: bool,
    /// Whether its A set is known or was looked up.
    seen_a: bool,
    /// Whether its AAAA set is known or was looked up.
    seen_aaaa: bool,
    /// Whether a look-up was started for it.
    begun: bool,
    /// Nothing more is to be found out about it.
    closed: bool,
}

/// A server's address.
#[derive(Debug)]
struct Address {
    address: SocketAddr,
    sends: u8,
    state: State,
    /// It kept silent once.
    was_silent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not asked yet, or answered well so far.
    Fresh,
    /// Did not answer.
    Silent,
    /// Answered a shortened question with an error: may still do for the full one.
    WantsFullName,
    /// Left out signatures or proofs, perhaps because it was asked without EDNS: worth a second question.
    Incomplete,
    /// No use.
    Gone,
    /// We cannot ask it.
    Unusable,
}

impl Targets {
    /// For a delegation: its glue, and whatever addresses of its servers the cache is sure of.
    pub(super) fn of_delegation(
        zone: &Name,
        servers: &[DelegationServer],
        cache: &Cache,
        plan: &plan::Recursion,
        now: Now,
    ) -> Self {
        let limits = &plan.limits;
        let mut targets = Self::none();
        let reachable = |address: &IpAddr| match address {
            IpAddr::V4(_) => plan.ipv4,
            IpAddr::V6(_) => plan.ipv6,
        };
        for server in servers.iter().take(limits.ns_names) {
            let cached: Vec<IpAddr> = [RecordType::A, RecordType::AAAA]
                .into_iter()
                .filter_map(|rtype| cache.rrset(&server.name, rtype, Rank::NonAuthAnswer, now))
                .flat_map(|held| referral::addresses(&held.rrset))
                .take(limits.ns_addresses)
                .collect();
            // Glue that differs from what the server's own zone says is kept behind it: either may be the stale one.
            // The same for what its own parent gives, if this referral gave none.
            let elsewhere = if cached.is_empty() || !server.addresses.is_empty() {
                Vec::new()
            } else {
                referral::glue(&server.name, cache, now)
            };
            let both = cached.iter().chain(&server.addresses).chain(&elsewhere);
            let mut distinct: Vec<IpAddr> = Vec::new();
            for address in both.filter(|address| reachable(address)) {
                if !distinct.contains(address) {
                    distinct.push(*address);
                }
            }
            distinct.truncate(limits.ns_addresses);
            targets.names.push(NameServer {
                in_domain: server.name.is_within(zone),
                name: server.name.clone(),
                found: !distinct.is_empty(),
                seen_a: !plan.ipv4 || distinct.iter().any(IpAddr::is_ipv4),
                seen_aaaa: !plan.ipv6 || distinct.iter().any(IpAddr::is_ipv6),
                begun: false,
                closed: false,
            });
            targets.add(distinct);
        }
        targets
    }

    /// For servers that the operator names.
    pub(super) fn of_addresses(addresses: &[SocketAddr]) -> Self {
        let mut targets = Self::none();
        targets.extend(addresses.iter().copied());
        targets
    }

    /// For a forward zone, whose servers egress knows.
    pub(super) const fn none() -> Self {
        Self {
            names: Vec::new(),
            addresses: Vec::new(),
            silent_sends: 0,
        }
    }

    /// Whether one of the servers has this name.
    pub(super) fn has_name(&self, name: &Name) -> bool {
        self.names.iter().any(|server| server.name == *name)
    }

    /// How many addresses are known.
    pub(super) fn address_count(&self) -> usize {
        self.addresses.len()
    }

    /// Adds addresses without a port.
    pub(super) fn add(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.extend(
            addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0)),
        );
    }

    fn extend(&mut self, addresses: impl IntoIterator<Item = SocketAddr>) {
        for address in addresses {
            if !self.addresses.iter().any(|known| known.address == address) {
                self.addresses.push(Address {
                    address,
                    sends: 0,
                    was_silent: false,
                    state: State::Fresh,
                });
            }
        }
    }

    /// Who may be asked now. `full`: the full name will be asked.
    ///
    /// Those that did nothing wrong; else, for the full name, those that only disliked a shortened one.
    pub(super) fn candidates(&self, full: bool) -> Vec<SocketAddr> {
        if self.silent_sends >= SILENT_SENDS_MOST {
            return Vec::new();
        }
        let fresh = self.in_state(State::Fresh);
        if !fresh.is_empty() || !full {
            return fresh;
        }
        let shy = self.in_state(State::WantsFullName);
        if !shy.is_empty() {
            return shy;
        }
        self.in_state(State::Incomplete)
    }

    /// Whether anybody but `server` may be asked who did nothing wrong yet.
    pub(super) fn others_than(&self, server: SocketAddr) -> bool {
        self.candidates(true)
            .iter()
            .any(|other| other.ip() != server.ip())
    }

    /// Who was silent and may be asked once more, when nothing else is left: one of them, once.
    ///
    /// A zone gets one packet more than it has silent servers: a lost packet is survived, and so is a server that drops queries
    /// with EDNS (egress asks it plainly the second time). peer-behaviour.md, "all servers mute": the most sparing peer sends 3.
    pub(super) fn second_chance(&self) -> Vec<SocketAddr> {
        let addresses = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        if self.silent_sends > addresses || self.silent_sends >= SILENT_SENDS_MOST {
            return Vec::new();
        }
        self.in_state(State::Silent)
    }

    /// Whether somebody may do for the full question only.
    pub(super) fn wants_full_name(&self) -> bool {
        self.silent_sends < SILENT_SENDS_MOST
            && [State::WantsFullName, State::Incomplete]
                .iter()
                .any(|state| !self.in_state(*state).is_empty())
    }

    fn in_state(&self, state: State) -> Vec<SocketAddr> {
        let mut found: Vec<SocketAddr> = Vec::new();
        for address in &self.addresses {
            // One port per address at a time: what is heard names the address alone.
            if address.state == state
                && !found.iter().any(|other| other.ip() == address.address.ip())
            {
                found.push(address.address);
            }
        }
        found
    }

    /// Notes what was wrong with a server.
    pub(super) fn note_fault(&mut self, server: SocketAddr, fault: Fault, shortened: bool) {
        let Some(address) = self
            .addresses
            .iter_mut()
            .find(|known| known.address == server)
        else {
            return;
        };
        address.sends = address.sends.saturating_add(1);
        address.state = match fault {
            Fault::Unusable => State::Unusable,
            // Who was not asked for a part of the name has not disliked it: the whole is no way around what is full.
            Fault::Network | Fault::Crowded(_) => State::Gone,
            Fault::Silent => {
                self.silent_sends += 1;
                State::Silent
            }
            Fault::Bogus(why) if why.is_absence() => State::Incomplete,
            _ if shortened => State::WantsFullName,
            _ => State::Gone,
        };
        // A lost packet looks like a dislike of EDNS, and what came without it lacks signatures: neither was a fair chance.
        let unlucky = address.state == State::Incomplete && address.was_silent;
        address.was_silent |= fault == Fault::Silent;
        let most = SENDS_PER_ADDRESS + u8::from(unlucky);
        if address.sends >= most && address.state != State::Unusable {
            address.state = State::Gone;
        }
    }

    /// Notes that a server did answer: it is asked first from now on. What it failed before still counts.
    pub(super) fn note_good(&mut self, server: SocketAddr) {
        for address in self
            .addresses
            .iter_mut()
            .filter(|known| known.address == server)
        {
            address.state = State::Fresh;
        }
    }

    /// Leaves out servers that failed before.
    pub(super) fn leave_out(&mut self, failed: &[SocketAddr]) {
        for address in &mut self.addresses {
            if failed.contains(&address.address) {
                address.state = State::Gone;
            }
        }
    }

    /// All addresses that are no use any more.
    pub(super) fn failed(&self) -> Vec<SocketAddr> {
        self.addresses
            .iter()
            .filter(|address| address.state != State::Fresh)
            .map(|address| address.address)
            .collect()
    }

    /// The next server address worth looking up: A of a name without any address, then its AAAA; if we can ask none of the
    /// addresses there are, the other family of the names that have one. For at most `names` names; not for `known_bad` ones,
    /// which failed before in this recursion.
    pub(super) fn next_lookup(
        &mut self,
        names: u32,
        seed: u64,
        known_bad: &[Name],
    ) -> Option<(Name, RecordType)> {
        if self.silent_sends >= SILENT_SENDS_MOST {
            return None;
        }
        let none_usable = self
            .addresses
            .iter()
            .all(|address| address.state == State::Unusable);
        let begun = self.names.iter().filter(|server| server.begun).count();
        let may_begin = u32::try_from(begun).is_ok_and(|begun| begun < names);
        let missing = |server: &NameServer| {
            if server.closed
                || server.in_domain
                || (server.found && !none_usable)
                || !(server.begun || may_begin)
                || known_bad.contains(&server.name)
            {
                None
            } else if !server.seen_a {
                Some(RecordType::A)
            } else if !server.seen_aaaa {
                Some(RecordType::AAAA)
            } else {
                None
            }
        };
        let (place, rtype) = self
            .names
            .iter()
            .enumerate()
            .filter_map(|(place, server)| missing(server).map(|rtype| (place, rtype)))
            // What was begun is finished first.
            .min_by_key(|(place, _)| {
                let begun = self.names.get(*place).is_some_and(|server| server.begun);
                (!begun, mix(seed, *place))
            })?;
        let server = self.names.get_mut(place)?;
        server.begun = true;
        match rtype {
            RecordType::A => server.seen_a = true,
            _ => server.seen_aaaa = true,
        }
        Some((server.name.clone(), rtype))
    }

    /// Takes in what a look-up found. Whether anything is still to be hoped for under this name.
    pub(super) fn found(&mut self, name: &Name, addresses: &[IpAddr]) -> bool {
        let mut open = false;
        for server in self.names.iter_mut().filter(|server| server.name == *name) {
            server.found |= !addresses.is_empty();
            open |= server.found || !server.seen_a || !server.seen_aaaa;
        }
        self.add(addresses.iter().copied());
        open
    }

    /// Notes that nothing more can be found out about a server's name.
    pub(super) fn close(&mut self, name: &Name) {
        for server in self.names.iter_mut().filter(|server| server.name == *name) {
            server.closed = true;
        }
    }
}

/// A number that looks random, the same for the same arguments (the finaliser of SplitMix64).
pub(super) fn mix(seed: u64, place: usize) -> u64 {
    let place = u64::try_from(place).unwrap_or(u64::MAX);
    let mut mixed = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (Targets, [SocketAddr; 3]) {
        let addresses: [SocketAddr; 3] =
            ["192.0.2.1:0", "192.0.2.2:0", "192.0.2.3:0"].map(|text| text.parse().unwrap());
        (Targets::of_addresses(&addresses), addresses)
    }

    #[test]
    fn whoever_failed_comes_after_whoever_did_not() {
        let (mut targets, [one, two, three]) = three();
        targets.note_fault(one, Fault::Silent, true);
        targets.note_fault(two, Fault::Lame, true);
        assert_eq!(targets.candidates(false), [three]);
        targets.note_fault(three, Fault::Lame, false);
        assert_eq!(targets.candidates(false), []);
        assert_eq!(
            targets.candidates(true),
            [two],
            "it only disliked a shortened question"
        );
        targets.note_fault(two, Fault::Lame, false);
        assert_eq!(targets.candidates(true), []);
        assert_eq!(targets.second_chance(), [one]);
        targets.note_fault(one, Fault::Silent, false);
        assert_eq!(targets.second_chance(), []);
    }

    #[test]
    fn a_zone_gets_one_packet_more_than_it_has_silent_servers() {
        let (mut targets, all) = three();
        for server in all {
            targets.note_fault(server, Fault::Silent, false);
        }
        assert_eq!(targets.second_chance(), all);
        targets.note_fault(all[0], Fault::Silent, false);
        assert_eq!(targets.second_chance(), []);
    }

    #[test]
    fn a_server_that_answers_the_second_time_is_the_one_to_ask_from_then_on() {
        let (mut targets, [one, two, three]) = three();
        for server in [one, two, three] {
            targets.note_fault(server, Fault::Silent, true);
        }
        targets.note_good(two);
        assert_eq!(targets.candidates(false), [two]);
        targets.note_fault(two, Fault::Silent, false);
        assert_eq!(targets.candidates(true), [], "but it has failed twice now");
        assert_eq!(targets.second_chance(), []);
    }
}
