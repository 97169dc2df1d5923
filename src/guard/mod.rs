//! May this packet cost us work? Returns a verdict, never writes a message.
//!
//! The rows of the parameter sheet, section 1, in their order: from header and addresses only. A packet that is not
//! admitted touches no cache, no counter of popularity and no log; it gets at most one small reply.

pub mod acl;
pub mod address;
pub mod backscatter;
pub mod binding;
pub mod cookies;
pub mod fair;
pub mod limiter;
pub mod loops;
pub mod martian;
pub mod own_addresses;
pub mod pending;
pub mod permit;
pub mod ranges;
pub mod reflectors;
pub mod refusals;
pub mod route_back;
pub mod shape;
pub mod slots;
mod spoofed;
pub mod surroundings;
pub mod verdict;
pub mod zones;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use rand::Rng;

use crate::config::plan;
use crate::config::plan::{AclAction, RouteBack, TransportKind, ZoneGuardMode};
use crate::sys::addresses::LOOPBACK_INTERFACE;
use crate::sys::clock::Now;
use crate::sys::entropy;
use crate::telemetry::Reason;
use crate::telemetry::incidents::Moment;
use crate::telemetry::unsolicited::{Place, Unsolicited};
use crate::wire::Rcode;
use crate::wire::header::Header;

pub use backscatter::Backscatter;
pub use cookies::{Cookies, Proof};
pub use fair::{Customer, FairShares};
pub use limiter::{Asked, Client, Limited, Limiter};
pub use loops::Loops;
pub use own_addresses::OwnAddresses;
pub use pending::{PendingClients, PendingTicket};
pub use permit::{Budget, RecursionPermit};
pub use route_back::RouteTable;
pub use surroundings::{Known, Surroundings};
pub use verdict::{Admission, Verdict};

use acl::Acl;
use address::Address;
use binding::Bindings;
use refusals::Refusals;
use spoofed::{Forged, Spoofed};

/// What the guard may know of a packet: its octets (it reads the header), its addresses, how it came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The message, without the length octets of TCP.
    pub bytes: &'a [u8],
    /// The one address of the client (behind a proxy: the proxied one) for every rule and limit.
    pub source: SocketAddr,
    /// The address the client asked.
    pub local: SocketAddr,
    /// Index of the interface it came in by; 0 = unknown.
    pub interface: u32,
    /// Whether that interface is the loopback one.
    pub loopback: bool,
    /// The hop limit (TTL) it came with, if that was looked at.
    pub hop_limit: Option<u8>,
    /// Datagram or stream.
    pub transport: TransportKind,
}

/// The guard of one configuration; replaced as a whole on reload. Shared by all workers, without a lock.
#[derive(Debug)]
pub struct Guard {
    acl: Acl,
    own: OwnAddresses,
    surroundings: Surroundings,
    bindings: Bindings,
    route_back: RouteBack,
    interface_groups: Vec<Vec<String>>,
    /// Whether rows 5 and 6 have anything to look at.
    checks_ways: bool,
    refusals: Arc<Refusals>,
    refusal_mode: ZoneGuardMode,
    prove_mode: ZoneGuardMode,
    spoofed: Arc<Spoofed>,
    spoof_alarm: u32,
    backscatter: Arc<Backscatter>,
    loops: Arc<Loops>,
    limiter: Limiter,
    cookies: Arc<Cookies>,
    check_ports: bool,
    check_own_addresses: bool,
    check_martians: bool,
    suppress_errors_to_reflectors: bool,
    link_local_configured: bool,
}

/// What the rows say of an address, for `suimon why`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The reason of the verdict a plain query would get.
    pub reason: Reason,
    /// The prefix of the access rule that decided, if one did.
    pub rule: Option<IpNet>,
    /// Whether RD=0 gets cached data.
    pub snoop: bool,
}

impl Guard {
    /// Builds it from checked settings at `now`; its secrets are drawn here.
    #[must_use]
    pub fn new(plan: &plan::Guard, own: OwnAddresses, now: Now) -> Self {
        Self::with_secrets(plan, own, &random_key(), random_key(), now)
    }

    /// The same with a given key of the refusal table and secret of cookies, for simulations.
    #[must_use]
    pub fn with_secrets(
        plan: &plan::Guard,
        own: OwnAddresses,
        key: &[u8; 16],
        cookies: [u8; 16],
        now: Now,
    ) -> Self {
        Self {
            acl: Acl::new(&plan.rules),
            own,
            surroundings: Surroundings::default(),
            bindings: Bindings::new(&plan.bindings),
            route_back: plan.route_back,
            interface_groups: plan.interface_groups.clone(),
            checks_ways: !plan.bindings.is_empty() || plan.route_back != RouteBack::Off,
            refusals: Arc::new(Refusals::new(
                plan.refusals_per_prefix,
                plan.refusal_burst,
                plan.refusals_per_host,
                key,
            )),
            refusal_mode: plan.refusal_mode,
            prove_mode: plan.prove_mode,
            spoofed: Arc::default(),
            spoof_alarm: plan.spoof_alarm,
            backscatter: Arc::new(Backscatter::new(plan.backscatter, Arc::default())),
            loops: Arc::default(),
            limiter: Limiter::new(&plan.limiter, key),
            cookies: Arc::new(Cookies::new(&plan.cookies, cookies, now)),
            check_ports: plan.check_ports,
            check_own_addresses: plan.check_own_addresses,
            check_martians: plan.check_martians,
            suppress_errors_to_reflectors: plan.suppress_errors_to_reflectors,
            link_local_configured: martian::names_link_local(&plan.rules),
        }
    }

    /// The same guard, which learns of interfaces and routes from there.
    #[must_use]
    pub fn seeing(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    /// The same guard, which counts responses that nobody asked for there, where others count them, too.
    #[must_use]
    pub fn overhearing(mut self, unsolicited: Arc<Unsolicited>) -> Self {
        let plan = self.backscatter.plan();
        self.backscatter = Arc::new(Backscatter::new(plan, unsolicited));
        self
    }

    /// The same guard with the debts and the cookies of the one `before` a reload, so that a reload forgives nobody and nobody must
    /// prove itself anew; with other rates of refusals, another table or other secrets than before those begin anew.
    #[must_use]
    pub fn continuing(mut self, before: &Self) -> Self {
        if self.refusals.has_rates_of(&before.refusals) {
            self.refusals = Arc::clone(&before.refusals);
        }
        self.spoofed = Arc::clone(&before.spoofed);
        if self.backscatter.plan() == before.backscatter.plan() {
            self.backscatter = Arc::clone(&before.backscatter);
        }
        self.loops = Arc::clone(&before.loops);
        self.limiter = self.limiter.continuing(&before.limiter);
        if self.cookies.may_continue(&before.cookies) {
            self.cookies = Arc::clone(&before.cookies);
        }
        self
    }

    /// What keeps: called every few seconds.
    pub fn see_to_it(&self, now: Now) {
        self.cookies.see_to_it(random_key, now);
    }

    /// What the client's COOKIE option says, and what the reply carries. With a valid one its address counts as proven.
    pub fn weigh_cookie(
        &self,
        admission: &mut Admission,
        option: Option<&[u8]>,
        now: Now,
    ) -> Proof {
        let proof = self.cookies.judge(option, admission.client(), now);
        if matches!(proof, Proof::Valid(_)) {
            admission.prove();
        }
        proof
    }

    /// Whether our addresses are being forged.
    #[must_use]
    pub fn backscatter(&self) -> &Backscatter {
        &self.backscatter
    }

    /// Whether an address is one of this host's.
    #[must_use]
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains(address)
    }

    /// Queries of our own that come back.
    #[must_use]
    pub fn loops(&self) -> &Loops {
        &self.loops
    }

    /// How much clients may ask.
    #[must_use]
    pub const fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Row 12, for a query that [`Self::judge`] admitted and that can be read: how much its client asks. Charged here, before
    /// anything is looked up for it.
    #[inline]
    pub fn limit(
        &self,
        admission: Admission,
        asked: Asked,
        now: Now,
        dice: &mut impl Rng,
    ) -> Verdict {
        let may_reply = admission.may_send_errors();
        let (client, may_wait) = (admission.limits(), admission.is_by_stream());
        match self
            .limiter
            .arrive(client, asked, may_reply, may_wait, now, dice)
        {
            None if self.prove_mode != ZoneGuardMode::Off
                && self.limiter.must_prove(client, now) =>
            {
                Verdict::Admit(admission.suspected())
            }
            None => Verdict::Admit(admission),
            Some(over) if over.enforced => Verdict::Limit(over.limited),
            Some(_) => Verdict::Admit(admission.over_limit()),
        }
    }

    /// The verdict on one packet.
    #[must_use]
    pub fn judge(&self, arrival: &Arrival<'_>, now: Now) -> Verdict {
        // Row 1: a query has a header, and QR=0. What has QR=1 is backscatter; it is never answered (loops).
        let Ok(header) = Header::parse(arrival.bytes) else {
            return Verdict::Drop(Reason::Short);
        };
        if header.flags.qr() {
            if arrival.transport == TransportKind::Udp {
                self.backscatter
                    .heard()
                    .note(Place::Service, &arrival.source, arrival.hop_limit);
            }
            return Verdict::Drop(Reason::ResponseBit);
        }
        // Rows 2 to 4.
        if let Some(reason) = self.impossible(arrival) {
            return self.drop_forged(arrival, reason, now);
        }
        // Rows 5 and 6.
        if self.checks_ways
            && let Some(reason) = self.wrong_way(arrival)
        {
            return self.drop_forged(arrival, reason, now);
        }
        // Row 7.
        let rule = self
            .acl
            .find(&arrival.source, &arrival.local, arrival.transport);
        let rule = match rule {
            Some(rule) if rule.action == AclAction::Allow => rule,
            Some(rule) if rule.action == AclAction::Drop => {
                return Verdict::Drop(Reason::AclDrop);
            }
            Some(_) => return self.refuse_outsider(arrival, Reason::AclRefuse, now),
            None => return self.refuse_outsider(arrival, Reason::AclNoMatch, now),
        };
        // Row 8. (The class stands in the body: `query` refuses it by `error_for`.)
        if header.flags.opcode() != 0 {
            return self.error_for(arrival, Reason::Opcode, Rcode::NOTIMP);
        }
        // A query without a question may ask for a cookie, which stands in the body (RFC 7873 section 5.4).
        let for_cookie = header.qdcount == 0 && header.arcount != 0 && self.cookies.is_enabled();
        if header.qdcount != 1 && !for_cookie {
            return self.error_for(arrival, Reason::QuestionCount, Rcode::FORMERR);
        }
        // Row 9.
        let recursion_desired = header.flags.rd();
        if !recursion_desired && !rule.snoop {
            return self.error_for(arrival, Reason::RecursionNotDesired, Rcode::REFUSED);
        }
        Verdict::Admit(Admission::new(
            arrival,
            recursion_desired,
            // Row 10 holds for what goes wrong later, too.
            self.may_send_error(arrival),
            rule.prove && self.prove_mode != ZoneGuardMode::Off,
        ))
    }

    /// May this client have a connection at all? Asked before a byte is read; an outsider is closed at once. `leaves_by`: index of
    /// the interface that our packets to it leave by, 0 if unknown; only asked for clients that are bound to interfaces. Its
    /// handshake went that way, so that is how it comes (row 5), and there is a route back (row 6).
    ///
    /// # Errors
    /// Why not.
    pub fn judge_connection(
        &self,
        source: SocketAddr,
        local: SocketAddr,
        leaves_by: impl FnOnce() -> u32,
    ) -> Result<(), Reason> {
        let address = Address::from(&source);
        if !source.ip().is_loopback() && self.bindings.of(address).is_some() {
            let interface = leaves_by();
            // Where it cannot be told, the handshake alone must do; to an address of ours packets leave by `lo`.
            let passes = interface == 0 || interface == LOOPBACK_INTERFACE;
            if !passes
                && !self
                    .bindings
                    .allow(address, interface, &self.surroundings.now())
            {
                return Err(Reason::WrongIngress);
            }
        }
        match self.explain(source.ip(), local.ip(), TransportKind::Tcp) {
            Explanation {
                reason: Reason::AclAllow,
                ..
            } => Ok(()),
            Explanation { reason, .. } => Err(reason),
        }
    }

    /// An error reply to a client that passed row 7, unless row 10 forbids it. Not charged to the refusal budget: that is
    /// for outsiders, and such a reply is never longer than the query.
    #[must_use]
    pub fn error_for(&self, arrival: &Arrival<'_>, reason: Reason, rcode: Rcode) -> Verdict {
        if self.may_send_error(arrival) {
            Verdict::Refuse(reason, rcode)
        } else {
            Verdict::Drop(Reason::ReflectorPort)
        }
    }

    /// What the access rules say of a client, without charging anything.
    #[must_use]
    pub fn explain(&self, client: IpAddr, local: IpAddr, transport: TransportKind) -> Explanation {
        let rule = self.acl.find(client, local, transport);
        Explanation {
            reason: match rule.map(|rule| rule.action) {
                Some(AclAction::Allow) => Reason::AclAllow,
                Some(AclAction::Refuse) => Reason::AclRefuse,
                Some(AclAction::Drop) => Reason::AclDrop,
                None => Reason::AclNoMatch,
            },
            rule: rule.map(|rule| rule.prefix),
            snoop: rule.is_some_and(|rule| rule.snoop),
        }
    }

    /// Rows 5 and 6 for a datagram: whether its source may come by that interface. A connection is judged when it is accepted.
    fn wrong_way(&self, arrival: &Arrival<'_>) -> Option<Reason> {
        if arrival.transport == TransportKind::Tcp || arrival.loopback {
            return None;
        }
        self.judge_way(Address::from(&arrival.source), arrival.interface)
    }

    /// What rows 5 and 6 say of a datagram from `client` that came by the interface of that index; nothing if it passes.
    #[must_use]
    pub fn judge_way(&self, client: Address, interface: u32) -> Option<Reason> {
        let known = self.surroundings.now();
        if !self.bindings.allow(client, interface, &known) {
            return Some(Reason::WrongIngress);
        }
        let leads_back = known.routes().is_none_or(|routes| {
            let groups = &self.interface_groups;
            routes.leads_back(client, interface, self.route_back, groups, &known)
        });
        (!leads_back).then_some(Reason::NoRouteBack)
    }

    /// Rows 2 to 4: addresses that cannot be. A TCP handshake has proven the source, so only datagrams are asked.
    fn impossible(&self, arrival: &Arrival<'_>) -> Option<Reason> {
        if arrival.transport == TransportKind::Tcp {
            return None;
        }
        if self.check_ports && arrival.source.port() == 0 {
            return Some(Reason::SourcePortZero);
        }
        let (own_source, broadcast) = self.own.judge(&arrival.source, &arrival.local);
        if self.check_ports && (martian::is_multicast(&arrival.local) || broadcast) {
            return Some(Reason::MulticastDestination);
        }
        if self.check_own_addresses && !arrival.loopback && own_source {
            return Some(Reason::OwnAddress);
        }
        if self.check_martians
            && martian::is_martian(
                &arrival.source,
                arrival.loopback,
                self.link_local_configured,
            )
        {
            return Some(Reason::Martian);
        }
        None
    }

    /// Drops a datagram that cannot be what it claims to be; if it is its source that cannot be, it is noted by which interface it came.
    fn drop_forged(&self, arrival: &Arrival<'_>, reason: Reason, now: Now) -> Verdict {
        if !matches!(
            reason,
            Reason::SourcePortZero | Reason::MulticastDestination
        ) {
            let forged = Forged {
                interface: arrival.interface,
                reason,
                source: arrival.source,
                hop_limit: arrival.hop_limit,
            };
            self.spoofed.note(forged, self.spoof_alarm, now);
        }
        Verdict::Drop(reason)
    }

    /// What is to be told since this was asked last: networks over their limit, forged sources, our own addresses forged, loops.
    #[must_use]
    pub fn moments(&self, now: Now) -> Vec<Moment> {
        let mut moments = self.limiter.moments(now);
        let known = self.surroundings.now();
        let name = |index| known.name_of(index).map(str::to_owned);
        moments.extend(self.spoofed.look(name, now));
        moments.extend(self.loops.look(now));
        moments.extend(self.backscatter.look(now));
        moments
    }

    /// A refusal to somebody who may not ask: within the budget, never to a reflector's port.
    fn refuse_outsider(&self, arrival: &Arrival<'_>, reason: Reason, now: Now) -> Verdict {
        if arrival.transport == TransportKind::Tcp {
            return Verdict::Refuse(reason, Rcode::REFUSED);
        }
        if !self.may_send_error(arrival) {
            return Verdict::Drop(Reason::ReflectorPort);
        }
        if self.may_refuse(arrival, now) {
            Verdict::Refuse(reason, Rcode::REFUSED)
        } else {
            Verdict::Drop(Reason::RefusalBudget)
        }
    }

    fn may_send_error(&self, arrival: &Arrival<'_>) -> bool {
        !self.suppress_errors_to_reflectors
            || arrival.transport == TransportKind::Tcp
            || !reflectors::is_reflector(arrival.source.port())
    }
}

fn random_key() -> [u8; 16] {
    let mut key = [0; 16];
    entropy::csprng().fill_bytes(&mut key);
    key
}

#[cfg(test)]
mod tests;
