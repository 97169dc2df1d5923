//! What runs: every field already checked. Modules take their own slice, never the whole.
//!
//! Each number carries its unit, its range and its origin; "P4" stands for section 4 of the parameter sheet
//! (docs/parameters.md), "T4.2" for section 4.2 of the threat catalogue it cites.

mod dnstap;
mod incidents;
mod limiter;
mod local_root;
mod shares;
mod ways;
mod zone_guard;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::wire::{Name, Rrset};

pub use dnstap::Dnstap;
pub use incidents::{Detail, Incidents, Secrecy};
pub use limiter::{IscLimits, Limiter, LimiterAlgorithm, LimiterMode, LimiterPrefix};
pub use local_root::LocalRoot;
pub use shares::Shares;
pub use ways::{Backscatter, IngressBinding, RouteBack};
pub use zone_guard::{ZoneGuard, ZoneGuardMode};

/// Everything suimond runs by. Only `config` makes one, after every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where packets come in.
    pub ingress: Ingress,
    /// Who may ask, and what a packet must look like.
    pub guard: Guard,
    /// Zones under attack.
    pub zone_guard: ZoneGuard,
    /// What clients and servers may hold of what is under way.
    pub shares: Shares,
    /// What the operator answers himself.
    pub policy: Policy,
    /// What is remembered.
    pub cache: Cache,
    /// How names are found out.
    pub recursion: Recursion,
    /// Whether to believe what is found.
    pub dnssec: Dnssec,
    /// From where a copy of the root zone is had; nothing = the root servers are asked.
    pub local_root: Option<LocalRoot>,
    /// How servers are asked.
    pub egress: Egress,
    /// How replies are written.
    pub answer: Answer,
    /// What is kept of attacks.
    pub incidents: Incidents,
    /// Who may see whom they concern.
    pub secrecy: Secrecy,
    /// Logs, metrics, control.
    pub ops: Ops,
    /// The process.
    pub process: Process,
}

/// Where packets come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingress {
    /// Addresses to listen on, UDP and TCP alike.
    pub listen: Vec<SocketAddr>,
    /// UDP worker threads; 1..=256, one per core by default.
    pub workers: usize,
    /// Whether workers are pinned to cores.
    pub pin_workers: bool,
    /// Requested socket receive buffer, octets.
    pub receive_buffer: usize,
    /// A datagram that waited longer than this in our queue is dropped first (P6: 500 ms).
    pub max_queue_age: Duration,
    /// Every how many reads of a socket hop limits are looked at; 0 = never (16).
    pub hop_limit_every: u32,
    /// TCP limits.
    pub tcp: Tcp,
}

/// TCP limits (P6, T4.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Tcp {
    /// Connections in all (20,000).
    pub connections: usize,
    /// Whether the limit of connections per client holds.
    pub client_mode: ZoneGuardMode,
    /// Connections per IPv4 /32 or IPv6 /56 (64).
    pub connections_per_client: usize,
    /// The first query must be complete by then (2 s).
    pub first_query: Duration,
    /// Idle time after which a connection is closed (10 s).
    pub idle: Duration,
    /// The same when more than 80 % of `connections` are in use (1 s).
    pub idle_busy: Duration,
    /// Queries in flight per connection (32).
    pub in_flight: usize,
    /// Queries per connection in all (1,000).
    pub queries: usize,
    /// Unsent octets at which reading stops (64 KiB).
    pub unsent: usize,
    /// Time a peer may leave unsent octets unread before it is closed (5 s).
    pub unsent_for: Duration,
}

/// Who may ask, and what a packet must look like (P1).
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Access rules; the longest prefix wins, and among equals the one with more conditions. No match = refuse.
    pub rules: Vec<AclRule>,
    /// Row 2: drop source port 0 and multicast or broadcast destinations.
    pub check_ports: bool,
    /// Row 3: drop our own addresses as a source, unless by loopback.
    pub check_own_addresses: bool,
    /// Row 4: drop martian sources.
    pub check_martians: bool,
    /// Row 5: by which interfaces some clients' queries may arrive.
    pub bindings: Vec<IngressBinding>,
    /// Row 6: whether a source's route must lead back to where it came from.
    pub route_back: RouteBack,
    /// Interfaces that count as one for `RouteBack::Feasible`, as patterns of names.
    pub interface_groups: Vec<Vec<String>>,
    /// Datagrams with an impossible source (rows 3 to 6) per second, interface and reason from which that is an incident (10).
    pub spoof_alarm: u32,
    /// Row 10: no error replies to the ports of reflecting services.
    pub suppress_errors_to_reflectors: bool,
    /// Whether the budget of refusals holds.
    pub refusal_mode: ZoneGuardMode,
    /// Whether who must prove its address is served before it has.
    pub prove_mode: ZoneGuardMode,
    /// Row 1: when responses that nobody asked for raise an alarm.
    pub backscatter: Backscatter,
    /// Refusals per second per IPv4 /24 or IPv6 /48 (1).
    pub refusals_per_prefix: u32,
    /// Burst of the same (5).
    pub refusal_burst: u32,
    /// Refusals per second of the whole host (200).
    pub refusals_per_host: u32,
    /// Queries of one client waiting for recursion at most (128).
    pub pending_per_client: usize,
    /// The same for clients whose address is proven by TCP or a cookie (1,000).
    pub pending_per_verified_client: usize,
    /// How much one client may ask.
    pub limiter: Limiter,
    /// Cookies towards clients.
    pub cookies: Cookies,
}

/// How clients prove their address by cookies (RFC 7873, RFC 9018).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    /// Whether COOKIE options are looked at and answered.
    pub enabled: bool,
    /// Secrets shared within an anycast set: the first makes cookies, all check them. None = one is drawn and replaced daily.
    pub secrets: Vec<[u8; 16]>,
}

/// One access rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclRule {
    /// Source prefix.
    pub prefix: IpNet,
    /// Only for queries to this local address.
    pub local: Option<IpAddr>,
    /// Only over this transport.
    pub transport: Option<TransportKind>,
    /// What happens.
    pub action: AclAction,
    /// Whether RD=0 gets cached data (otherwise REFUSED, row 9).
    pub snoop: bool,
    /// Whether datagrams must prove their source by a cookie before they are served.
    pub prove: bool,
}

/// What an access rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclAction {
    /// Serve.
    Allow,
    /// REFUSED, within the refusal budget.
    Refuse,
    /// Silence.
    Drop,
}

/// How a query travelled, as access rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// A datagram: the source address may be forged.
    Udp,
    /// A stream: the handshake proved the address.
    Tcp,
}

/// What the operator answers himself, and where he sends the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Answer special-use names locally (RFC 6761, 7686, 8375, 9476, resolver.arpa).
    pub special_use: bool,
    /// Answer the reverse zones of private space locally (RFC 6303, 7793).
    pub local_reverse: bool,
    /// Zones to leave alone in spite of the two above.
    pub passthrough: Vec<Name>,
    /// The operator's own records, complete RRsets.
    pub local_data: Vec<Rrset>,
    /// Zones answered from `local_data` alone: a name not listed is NXDOMAIN.
    pub local_zones: Vec<Name>,
    /// Forward zones.
    pub forward: Vec<ForwardZone>,
    /// Stub zones.
    pub stub: Vec<StubZone>,
}

/// Names under `zone` are asked of other resolvers, with RD=1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardZone {
    /// Apex; the root forwards everything.
    pub zone: Name,
    /// Resolvers, tried by RTT.
    pub servers: Vec<SocketAddr>,
    /// Why a well-known public resolver may be among them; required then.
    pub leak_ok: Option<String>,
}

/// Names under `zone` are asked of these authoritative servers instead of the delegated ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StubZone {
    /// Apex.
    pub zone: Name,
    /// Its servers.
    pub servers: Vec<SocketAddr>,
}

/// What is remembered (P5).
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// RRset, negative and failure data together, octets.
    pub max_bytes: u64,
    /// Slots of each worker's table of ready-made answers; rounded up to a power of two, 0 = off.
    pub answer_slots: usize,
    /// Lowest TTL, seconds (0).
    pub min_ttl: u32,
    /// Highest TTL, seconds (86,400).
    pub max_ttl: u32,
    /// Highest negative TTL, seconds (10,800; RFC 2308 section 5).
    pub max_negative_ttl: u32,
    /// Highest and lowest lifetime of a delegation, seconds (60..=86,400; ghost domains, CVE-2022-30698).
    pub delegation_ttl: (u32, u32),
    /// First lifetime of a cached failure, seconds (5; RFC 9520 section 3.2: at least 1).
    pub failure_ttl: u32,
    /// Longest lifetime of a cached failure after doublings, seconds (300).
    pub max_failure_ttl: u32,
    /// Seconds for which data may be used after their end when servers do not answer; 0 = not at all (RFC 8767 section 4).
    pub max_stale: u32,
    /// TTL of such data in answers, seconds (30; RFC 8767 section 4).
    pub stale_ttl: u32,
    /// Whether names asked for in the last tenth of their lifetime are looked up anew.
    pub prefetch: bool,
    /// Cached failures (200,000).
    pub failures: u64,
}

/// How names are found out (P4).
#[derive(Clone, Debug, PartialEq)]
pub struct Recursion {
    /// Root servers: owner name and addresses, from the hints file or built in.
    pub root_hints: Vec<(Name, Vec<IpAddr>)>,
    /// Ask the root for its own NS set at start and before it expires (RFC 9609).
    pub priming: bool,
    /// QNAME minimisation (RFC 9156).
    pub qname_minimisation: Minimisation,
    /// Believe glue only in bailiwick of the referring zone.
    pub harden_glue: bool,
    /// Ask for and keep DNSSEC records (DO=1 upstream).
    pub dnssec_ok: bool,
    /// Whether IPv4 servers can be asked (`egress.ipv4`): otherwise no A of a server is looked up.
    pub ipv4: bool,
    /// Whether IPv6 servers can be asked (`egress.ipv6`): otherwise no AAAA of a server is looked up.
    pub ipv6: bool,
    /// Keep what comes along with an answer, for clients: its zone's NS set and addresses of servers. Not if answers are minimal.
    pub companions: bool,
    /// The budget of one client query.
    pub limits: Limits,
    /// Clients joined to one fetch at most (100).
    pub joined_clients: usize,
    /// Look-ups that wait for the same answer of a server at most (5,000).
    pub joined_look_ups: usize,
    /// Recursions in flight at most.
    pub in_flight: usize,
}

/// QNAME minimisation modes (RFC 9156).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minimisation {
    /// The full name goes to every server.
    Off,
    /// Minimised; on NXDOMAIN or refusal at a middle label the full name is asked.
    Relaxed,
    /// Minimised; NXDOMAIN at a middle label is believed.
    Strict,
}

/// One budget per client query, inherited by every sub-query, never reset (P4, T4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Upstream packets sent (50).
    pub packets: u32,
    /// Upstream octets received (200,000).
    pub bytes: u32,
    /// Time of work (7 s).
    pub time: Duration,
    /// CNAME and DNAME links (11).
    pub links: u32,
    /// Depth of sub-queries (7).
    pub depth: u32,
    /// NS names of one delegation that are looked at (13).
    pub ns_names: usize,
    /// Addresses per NS name that are used (6).
    pub ns_addresses: usize,
    /// NS names whose address look-up failed before the delegation is given up (5).
    pub failing_ns_names: u32,
    /// Labels added one query each by QNAME minimisation (10), the first 4 singly (RFC 9156 section 2.3).
    pub minimisation_steps: u32,
    /// Signatures checked for one response (16; CVE-2023-50387).
    pub response_signatures: u32,
    /// Signatures checked for the whole query (32).
    pub signatures: u32,
    /// NSEC3 hashes made for the whole query (300; CVE-2023-50868).
    pub nsec3_hashes: u32,
    /// RRs per RRset (100), types per name (100), octets per RRset (16 KiB) (CVE-2024-1737).
    pub rrset_records: usize,
    /// Octets per RRset (16 KiB).
    pub rrset_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packets: 50,
            bytes: 200_000,
            time: Duration::from_secs(7),
            links: 11,
            depth: 7,
            ns_names: 13,
            ns_addresses: 6,
            failing_ns_names: 5,
            minimisation_steps: 10,
            response_signatures: 16,
            signatures: 32,
            nsec3_hashes: 300,
            rrset_records: 100,
            rrset_bytes: 16 * 1024,
        }
    }
}

/// Whether to believe what is found (RFC 4033 to 4035, 5155, 6840).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dnssec {
    /// What the operator wants.
    pub validation: Validation,
    /// DS and DNSKEY sets of the zones that are believed without proof; none = nothing is validated.
    pub anchors: Vec<Rrset>,
    /// Why nothing is validated, as a clause; nothing if there are anchors.
    pub off_because: Option<String>,
    /// Zones that are not validated although they could be (RFC 7646).
    pub negative_anchors: Vec<NegativeAnchor>,
    /// Seconds by which a signature may be expired or not yet valid (0..=86,400; 0).
    pub skew: u32,
    /// NSEC3 iterations above which a proof makes insecure (50; RFC 9276 section 3.2, CVE-2026-1519).
    pub nsec3_iterations: u16,
    /// Answer from validated NSEC and NSEC3 without asking (RFC 8198).
    pub aggressive: bool,
    /// Follow key roll-overs of the anchors (RFC 5011).
    pub follow_rollovers: bool,
    /// Believe signatures and digests by SHA-1 (RFC 9905; off).
    pub sha1: bool,
}

/// Whether answers are validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// If there is a trust anchor; the root's built in counts where the root servers are the Internet's.
    #[default]
    Auto,
    /// Always, by the root's built-in anchors unless others of the root are given.
    On,
    /// Never.
    Off,
}

/// A zone that is not validated for a while (RFC 7646).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegativeAnchor {
    /// The zone; all below it is treated as unsigned.
    pub zone: Name,
    /// Wall seconds at which it ends; nothing = when the configuration changes.
    pub until: Option<u64>,
}

/// How servers are asked (P5).
#[derive(Clone, Debug, PartialEq)]
pub struct Egress {
    /// Port of authoritative servers (53).
    pub port: u16,
    /// Whether IPv4 servers are asked.
    pub ipv4: bool,
    /// Whether IPv6 servers are asked.
    pub ipv6: bool,
    /// Source address for IPv4.
    pub source_v4: Ipv4Addr,
    /// Source address for IPv6.
    pub source_v6: Ipv6Addr,
    /// Source ports: inclusive range (1024..=65535); 53 is refused by the config.
    pub source_ports: (u16, u16),
    /// Source ports never used.
    pub avoid_ports: Vec<u16>,
    /// Whether loopback, private and link-local server addresses are asked.
    pub allow_private_servers: bool,
    /// Prefixes never asked; our own listeners are added when the daemon starts.
    pub never_ask: Vec<IpNet>,
    /// Advertised EDNS payload size (1232; RFC 9715).
    pub edns_size: u16,
    /// Random case in questions (draft "0x20").
    pub case_randomisation: bool,
    /// Cookies towards servers (RFC 7873).
    pub cookies: bool,
    /// First retransmission timeout for a server we know nothing of (400 ms).
    pub initial_timeout: Duration,
    /// Longest time one UDP query waits (1.5 s).
    pub max_timeout: Duration,
    /// Time for a TCP exchange, connect included (3 s).
    pub tcp_timeout: Duration,
    /// Replies that do not match, discarded per fetch (32).
    pub discarded_replies: u32,
    /// Servers remembered (100,000).
    pub servers: u64,
}

/// How replies are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Largest UDP reply whatever the client says (1232; RFC 9715), 512..=4096.
    pub max_udp_size: u16,
    /// Leave out authority and additional records nobody needs.
    pub minimal: bool,
    /// A datagram that asks for ANY gets no data unless its source is proven (RFC 8482 section 4.4).
    pub any_needs_proof: bool,
    /// A client waits this long before it gets stale data (1.8 s; RFC 8767 section 5).
    pub stale_after: Duration,
    /// A UDP reply is at most this old (4 s).
    pub max_udp_age: Duration,
}

/// Logs, metrics, control.
#[derive(Clone, Debug, PartialEq)]
pub struct Ops {
    /// Log filter, `tracing` syntax ("info", "suimon=debug").
    pub log_level: String,
    /// Where logs go.
    pub log_target: LogTarget,
    /// Prometheus page; loopback only unless the operator says otherwise. Nothing = off.
    pub metrics_listen: Option<SocketAddr>,
    /// Control socket. Nothing = off.
    pub control_socket: Option<PathBuf>,
    /// Records of single messages.
    pub dnstap: Dnstap,
}

/// Where logs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// The journal if stderr is connected to it, stderr otherwise.
    Auto,
    /// Standard error.
    Stderr,
    /// The systemd journal.
    Journald,
}

/// The process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// The only directory suimond writes to.
    pub state_dir: PathBuf,
    /// How long SIGTERM waits for queries in flight (0 = not at all).
    pub drain: Duration,
    /// Whether landlock rules are laid on the process.
    pub sandbox: bool,
}
