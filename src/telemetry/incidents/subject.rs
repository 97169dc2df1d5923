//! What is an incident about? One shape for each kind, with counts since it began.

use std::net::IpAddr;

use ipnet::IpNet;

use super::HopLimits;
use crate::telemetry::Reason;

/// What an incident is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A zone, or the zones of a server, are flooded with unknown names, or servers fail.
    Zone(ZoneAttack),
    /// A network asks more than its limit.
    Clients(ClientsLimited),
    /// Somebody is answered for queries that we never sent: our addresses are being forged.
    Backscatter(Backscatter),
    /// Sources that cannot come by an interface do.
    Spoof(IngressSpoof),
    /// Queries of our own come back to us.
    Loop(ForwardingLoop),
}

impl Subject {
    /// All kinds, as [`Self::label`] says them.
    pub const LABELS: [&'static str; 6] = [
        "zone_under_attack",
        "server_under_attack",
        "client_limited",
        "backscatter",
        "ingress_spoof",
        "forwarding_loop",
    ];

    /// The kind: log field, journal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Zone(attack) => match attack.attacked {
                Attacked::Zone { .. } => "zone_under_attack",
                Attacked::Server(_) => "server_under_attack",
            },
            Self::Clients(_) => "client_limited",
            Self::Backscatter(_) => "backscatter",
            Self::Spoof(_) => "ingress_spoof",
            Self::Loop(_) => "forwarding_loop",
        }
    }

    /// What tells it from others of its kind that go on at the same time.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Zone(attack) => match &attack.attacked {
                Attacked::Zone { zone, .. } => zone.clone(),
                Attacked::Server(server) => server.to_string(),
            },
            Self::Clients(clients) => format!("{} {}", clients.prefix, clients.namespace.label()),
            // One at a time: the networks that answer change, and are many.
            Self::Backscatter(_) => String::new(),
            Self::Spoof(spoof) => format!("{} {}", spoof.interface, spoof.reason.label()),
            Self::Loop(around) => around.peer.to_string(),
        }
    }
}

/// What the zone guard holds back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attacked {
    /// A zone.
    Zone {
        /// Its apex.
        zone: String,
        /// The part of it that is attacked, if it is not all of it.
        suffix: Option<String>,
    },
    /// A server with all zones on it, by one of their servers' addresses.
    Server(IpAddr),
}

impl Default for Attacked {
    fn default() -> Self {
        Self::Zone {
            zone: ".".to_owned(),
            suffix: None,
        }
    }
}

impl Attacked {
    /// The part of a zone that is attacked, or the server.
    #[must_use]
    pub fn narrowed(&self) -> String {
        match self {
            Self::Zone { zone, suffix } => suffix.as_ref().unwrap_or(zone).clone(),
            Self::Server(server) => server.to_string(),
        }
    }
}

/// A zone that is flooded with unknown names, or whose servers fail; or a server with many such zones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneAttack {
    /// What is attacked.
    pub attacked: Attacked,
    /// Why it is guarded: `in_flight`, `failing`, `flood`, `pinned`.
    pub trigger: &'static str,
    /// Seconds since it began.
    pub seconds: u64,
    /// Queries per second that the cache could not answer, denied or not.
    pub demand: f32,
    /// The same for names not known to be real.
    pub unknown: f32,
    /// Greatest demand per second so far.
    pub peak: f32,
    /// The share of fetches that failed lately, 0 to 1.
    pub failed_share: f32,
    /// Whether its servers count as dead.
    pub dead: bool,
    /// Queries denied since it began.
    pub denied: u64,
    /// The same by reason; never 0 times.
    pub done: Vec<(Reason, u64)>,
    /// Unknown names looked for since it began.
    pub explored: u64,
    /// Packets sent to servers for names of the zone since it began.
    pub upstream_packets: u64,
    /// About how many different unknown names were asked for.
    pub names: u64,
    /// About how many client prefixes asked.
    pub clients: u64,
    /// Client prefixes that asked for most unknown names, with an upper bound of how many.
    pub top_clients: Vec<(IpNet, u64)>,
    /// Some of the unknown names that were asked for.
    pub sample_names: Vec<String>,
    /// Hop limits of the questions for them.
    pub hop_limits: HopLimits,
}

/// By what a client was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// What is only said to come from there: UDP without a valid cookie.
    Claimed,
    /// What does: TCP, or a valid server cookie.
    Verified,
    /// The responses that went there, by the rules of BIND.
    Responses,
}

impl Namespace {
    /// The word in logs and journals.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Verified => "verified",
            Self::Responses => "responses",
        }
    }
}

/// A network that asks more than its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientsLimited {
    /// The network; its length says which level of limits was reached.
    pub prefix: IpNet,
    /// By what it was judged.
    pub namespace: Namespace,
    /// Queries over the limit.
    pub queries: u64,
    /// The most of them per second.
    pub peak: u64,
    /// Whether limits are applied; otherwise all were served.
    pub enforced: bool,
    /// What became of them, and how often; never 0 times.
    pub done: Vec<(Reason, u64)>,
    /// Their hop limits.
    pub hop_limits: HopLimits,
}

/// Responses to queries that we never sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Backscatter {
    /// Who answers most, if its packets say so truly.
    pub peer: IpNet,
    /// The port that it answers from: 53, or that of another service that is made to reflect.
    pub port: u16,
    /// Packets, from all.
    pub packets: u64,
    /// Those of them that came to a socket that waited for another reply of the same server.
    pub upstream: u64,
    /// The most of them per second.
    pub peak: u64,
    /// Networks that most came from, with an upper bound of how many.
    pub top_peers: Vec<(IpNet, u64)>,
    /// Their hop limits.
    pub hop_limits: HopLimits,
}

/// Datagrams whose source cannot be where they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct IngressSpoof {
    /// Index of the interface; 0 = unknown.
    pub interface: u32,
    /// Its name, if it is known.
    pub interface_name: Option<String>,
    /// What gave them away: [`Reason::OwnAddress`], [`Reason::Martian`], [`Reason::WrongIngress`], [`Reason::NoRouteBack`].
    pub reason: Reason,
    /// Datagrams dropped.
    pub packets: u64,
    /// The most of them per second.
    pub peak: u64,
    /// Source prefixes that were claimed most, with an upper bound of how often.
    pub top_sources: Vec<(IpNet, u64)>,
    /// Their hop limits.
    pub hop_limits: HopLimits,
}

impl ForwardingLoop {
    /// Whether the peer is a server that we ask: some came from where their reply was waited for. By cookie alone it may be any client.
    #[must_use]
    pub const fn is_from_a_server(&self) -> bool {
        self.by_cookie < self.queries
    }
}

/// Queries that come back to us.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardingLoop {
    /// From where.
    pub peer: IpNet,
    /// Queries.
    pub queries: u64,
    /// Those of them that brought the cookie that they had carried: proof.
    pub by_cookie: u64,
    /// The most of them per second.
    pub peak: u64,
    /// Their hop limits.
    pub hop_limits: HopLimits,
}
