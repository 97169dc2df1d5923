//! What was written? The sections and keys of the config files, layered but not yet checked.
//!
//! No field has a default here: the lowest layer, made from the option table (`options`), holds every default,
//! so a key without one is an `Option`. Unknown keys are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::units::{Endpoint, NegativeAnchor, PortRange, Prefix, Size, Span, ZoneName};

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])* ///
        /// Meaning, unit and range of each key stand in the option table.
        #[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "the option table documents every key once, for people and for rustdoc alike")]
        pub struct $name {
            $($(#[$attribute])* pub $field: $type,)*
        }
    )*};
}

sections! {
    /// All sections.
    File {
        listen: Listen,
        tcp: Tcp,
        acl: Acl,
        guard: Guard,
        limiter: Limiter,
        cookies: Cookies,
        zone_guard: ZoneGuard,
        shares: Shares,
        policy: Policy,
        #[serde(default)] forward: Vec<Forward>,
        #[serde(default)] stub: Vec<Stub>,
        cache: Cache,
        recursion: Recursion,
        limits: Limits,
        dnssec: Dnssec,
        local_root: LocalRoot,
        egress: Egress,
        answer: Answer,
        incidents: Incidents,
        secrecy: Secrecy,
        log: Log,
        #[serde(default)] metrics: Metrics,
        dnstap: Dnstap,
        #[serde(default)] control: Control,
        process: Process,
    }

    /// `[listen]`
    Listen {
        addresses: Vec<Endpoint>,
        workers: usize,
        pin_workers: bool,
        receive_buffer: Size,
        max_queue_age: Span,
        hop_limit_every: u32,
    }

    /// `[tcp]`
    Tcp {
        connections: usize,
        connections_per_client: usize,
        client_mode: ZoneGuardMode,
        first_query: Span,
        idle: Span,
        idle_busy: Span,
        in_flight: usize,
        queries: usize,
        unsent: Size,
        unsent_for: Span,
    }

    /// `[acl]`
    Acl {
        allow: Vec<Prefix>,
        refuse: Vec<Prefix>,
        drop: Vec<Prefix>,
        snoop: Vec<Prefix>,
        prove: Vec<Prefix>,
        prove_mode: ZoneGuardMode,
        open: Option<String>,
        #[serde(default)] rule: Vec<Rule>,
    }

    /// `[[acl.rule]]`
    Rule {
        prefix: Prefix,
        local: Option<IpAddr>,
        transport: Option<Transport>,
        action: Action,
        #[serde(default)] snoop: bool,
        #[serde(default)] prove: bool,
    }

    /// `[guard]`
    Guard {
        check_ports: bool,
        check_own_addresses: bool,
        check_martians: bool,
        suppress_errors_to_reflectors: bool,
        backscatter_alarm: u64,
        backscatter_window: Span,
        refusals_per_prefix: u32,
        refusal_burst: u32,
        refusals_per_host: u32,
        refusal_mode: ZoneGuardMode,
        pending_per_client: usize,
        pending_per_verified_client: usize,
        route_back: RouteBack,
        spoof_alarm: u32,
        #[serde(default)] bind: Vec<Bind>,
        #[serde(default)] group: Vec<Group>,
    }

    /// `[[guard.bind]]`
    Bind {
        prefixes: Vec<Prefix>,
        interfaces: Vec<String>,
    }

    /// `[[guard.group]]`
    Group {
        interfaces: Vec<String>,
    }

    /// `[limiter]`
    Limiter {
        mode: LimiterMode,
        algorithm: LimiterAlgorithm,
        rate: u32,
        instant: u32,
        customer_prefix: u8,
        verified_factor: u32,
        exempt: Vec<Prefix>,
        shared_addresses: Vec<Prefix>,
        subscribers_per_address: u32,
        memory: Size,
        slip_above: u32,
        prove_after: Span,
        prove_for: Span,
        #[serde(default)] prefix: Vec<LimiterPrefix>,
        isc: Isc,
    }

    /// `[[limiter.prefix]]`
    LimiterPrefix {
        prefix: Prefix,
        #[serde(default)] rate: u32,
        #[serde(default = "one")] subscribers_per_address: u32,
    }

    /// `[limiter.isc]`
    Isc {
        responses_per_second: u32,
        referrals_per_second: Option<u32>,
        nodata_per_second: Option<u32>,
        nxdomains_per_second: Option<u32>,
        errors_per_second: Option<u32>,
        all_per_second: u32,
        window: u32,
        slip: u32,
        ipv4_prefix_length: u8,
        ipv6_prefix_length: u8,
        qps_scale: u32,
        exempt_clients: Vec<Prefix>,
        log_only: bool,
        max_table_size: usize,
    }

    /// `[cookies]`
    Cookies {
        enabled: bool,
        secret_file: Option<PathBuf>,
    }

    /// `[zone_guard]`
    ZoneGuard {
        mode: ZoneGuardMode,
        slots: u32,
        flood_rate: u32,
        max_stale: Span,
        known_names: Size,
        exempt: Vec<ZoneName>,
        lookup_zones: Vec<ZoneName>,
        public_suffixes: Option<PathBuf>,
    }

    /// `[incidents]`
    Incidents {
        journal: bool,
        kept: usize,
        size: Size,
        max_age: Span,
    }

    /// `[secrecy]`
    Secrecy {
        detail: Detail,
        detail_for: Span,
        ipv4_prefix: u8,
        ipv6_prefix: u8,
    }

    /// `[policy]`
    Policy {
        special_use: bool,
        local_reverse: bool,
        passthrough: Vec<ZoneName>,
        local_zones: Vec<ZoneName>,
        local_data: Vec<String>,
    }

    /// `[[forward]]`
    Forward {
        zone: ZoneName,
        servers: Vec<Endpoint>,
        leak_ok: Option<String>,
        #[serde(default = "yes")] validate: bool,
    }

    /// `[[stub]]`
    Stub {
        zone: ZoneName,
        servers: Vec<Endpoint>,
        #[serde(default = "yes")] validate: bool,
    }

    /// `[cache]`
    Cache {
        size: Size,
        answer_slots: usize,
        min_ttl: Span,
        max_ttl: Span,
        max_negative_ttl: Span,
        min_delegation_ttl: Span,
        max_delegation_ttl: Span,
        failure_ttl: Span,
        max_failure_ttl: Span,
        max_stale: Span,
        stale_ttl: Span,
        prefetch: bool,
        failures: u64,
    }

    /// `[shares]`
    Shares {
        mode: ZoneGuardMode,
        client: u32,
        server: u32,
        top_server: u32,
        least: u32,
    }

    /// `[recursion]`
    Recursion {
        root_hints: Option<String>,
        priming: bool,
        qname_minimisation: Minimisation,
        harden_glue: bool,
        dnssec_ok: bool,
        joined_clients: usize,
        joined_look_ups: usize,
        in_flight: usize,
    }

    /// `[limits]`
    Limits {
        packets: u32,
        bytes: Size,
        time: Span,
        links: u32,
        depth: u32,
        ns_names: usize,
        ns_addresses: usize,
        failing_ns_names: u32,
        minimisation_steps: u32,
        response_signatures: u32,
        signatures: u32,
        nsec3_hashes: u32,
        rrset_records: usize,
        rrset_bytes: Size,
    }

    /// `[dnssec]`
    Dnssec {
        validation: Validation,
        trust_anchors: Vec<String>,
        trust_anchor_files: Vec<PathBuf>,
        negative_trust_anchors: Vec<NegativeAnchor>,
        signature_skew: Span,
        nsec3_iterations: u16,
        aggressive: bool,
        follow_rollovers: bool,
        sha1: bool,
    }

    /// `[local_root]`
    LocalRoot {
        enabled: bool,
        servers: Vec<Endpoint>,
        file: Option<PathBuf>,
        max_size: Size,
        max_records: usize,
        transfer_time: Span,
    }

    /// `[egress]`
    Egress {
        port: u16,
        ipv4: bool,
        ipv6: bool,
        source_v4: Ipv4Addr,
        source_v6: Ipv6Addr,
        source_ports: PortRange,
        avoid_ports: Vec<u16>,
        allow_private_servers: bool,
        never_ask: Vec<Prefix>,
        edns_size: u16,
        case_randomisation: bool,
        cookies: bool,
        initial_timeout: Span,
        max_timeout: Span,
        tcp_timeout: Span,
        discarded_replies: u32,
        servers: u64,
    }

    /// `[answer]`
    Answer {
        max_udp_size: u16,
        minimal: bool,
        any_needs_proof: bool,
        stale_after: Span,
        max_udp_age: Span,
    }

    /// `[log]`
    Log {
        level: String,
        target: LogTarget,
    }

    /// `[metrics]`
    #[derive(Default)]
    Metrics {
        listen: Option<SocketAddr>,
        #[serde(default)] allow_remote: bool,
    }

    /// `[dnstap]`
    Dnstap {
        socket: Option<PathBuf>,
        file: Option<PathBuf>,
        file_size: Size,
        files: u32,
        sampled: u32,
        whole_addresses: bool,
        identity: Option<String>,
        queue: usize,
    }

    /// `[control]`
    #[derive(Default)]
    Control {
        socket: Option<PathBuf>,
    }

    /// `[process]`
    Process {
        state_dir: PathBuf,
        drain: Span,
        sandbox: bool,
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident => $plan:path { $($variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "each word means what it means in the plan")]
        pub enum $name {
            $($variant,)*
        }

        impl From<$name> for $plan {
            fn from(written: $name) -> Self {
                match written {
                    $($name::$variant => Self::$variant,)*
                }
            }
        }
    )*};
}

choices! {
    /// What an access rule does.
    Action => super::plan::AclAction { Allow, Refuse, Drop, }

    /// How a query travelled.
    Transport => super::plan::TransportKind { Udp, Tcp, }

    /// What the route to a datagram's source must be.
    RouteBack => super::plan::RouteBack { Off, Loose, Feasible, Strict, }

    /// What the zone guard does.
    ZoneGuardMode => super::plan::ZoneGuardMode { Off, LogOnly, Enforce, }

    /// Whose details may be seen.
    Detail => super::plan::Detail { Never, Attacks, Always, }

    /// Whether limits are applied.
    LimiterMode => super::plan::LimiterMode { Off, LogOnly, Enforce, }

    /// By what clients are judged.
    LimiterAlgorithm => super::plan::LimiterAlgorithm { Sketch, Isc, }

    /// QNAME minimisation.
    Minimisation => super::plan::Minimisation { Off, Relaxed, Strict, }

    /// Whether answers are validated.
    Validation => super::plan::Validation { Auto, On, Off, }

    /// Where logs go.
    LogTarget => super::plan::LogTarget { Auto, Stderr, Journald, }
}

/// The default of a switch in a `[[table]]`, which has no place in the lowest layer.
const fn yes() -> bool {
    true
}

/// The same, of a number.
const fn one() -> u32 {
    1
}
