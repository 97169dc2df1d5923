//! How much may one client ask? The limiter's slice of the plan (parameter sheet, section 2).

use std::time::Duration;

use ipnet::IpNet;

/// How much one client may ask, and what happens beyond.
#[derive(Clone, Debug, PartialEq)]
pub struct Limiter {
    /// Whether limits are applied.
    pub mode: LimiterMode,
    /// By what they are judged.
    pub algorithm: LimiterAlgorithm,
    /// Queries per second of one customer that never meet a limit, 1..=1,000,000 (200 for an ISP, 500 for an enterprise; T1.7).
    pub rate: u32,
    /// Queries of one customer at once, 1..=10,000,000 (400; 1,000). `instant / rate` seconds is the memory of the limiter.
    pub instant: u32,
    /// Length of the IPv6 prefix one customer has, 48..=64 (56; RFC 6177).
    pub customer_prefix: u8,
    /// Octets of the store, a power of two (4 MiB: 2^19 keys).
    pub bytes: usize,
    /// By how much the limits of proven addresses are larger (5).
    pub verified_factor: u32,
    /// Limited replies per second of the whole host above which only every second, then every fourth is sent (20,000).
    pub slip_above: u32,
    /// After so long over its limit, datagrams that claim to come from a customer must prove it; zero = never.
    pub prove_after: Duration,
    /// For so long beyond the last that was over the limit (60 s).
    pub prove_for: Duration,
    /// Clients that are not limited.
    pub exempt: Vec<IpNet>,
    /// Addresses that stand for many customers or for other than usual ones; the longest prefix decides.
    pub prefixes: Vec<LimiterPrefix>,
    /// The settings of BIND's response rate limiting.
    pub isc: IscLimits,
}

/// What the addresses of one prefix may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimiterPrefix {
    /// The addresses.
    pub prefix: IpNet,
    /// Queries per second of one customer there; 0 = as everywhere.
    pub rate: u32,
    /// Customers behind each address: CGNAT, forwarders (64).
    pub subscribers: u32,
}

/// Whether limits are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimiterMode {
    /// Nothing is computed.
    Off,
    /// Everything is computed and counted, nothing is held back.
    LogOnly,
    /// What is over its limit is held back.
    Enforce,
}

/// By what clients are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimiterAlgorithm {
    /// What a client asks in all, whatever it is; decided when a query comes in.
    Sketch,
    /// How often the same response goes to the same network, as BIND does it; decided when a response goes out.
    Isc,
}

/// BIND's response rate limiting (T1.1). Rates are responses per second, 0..=1,000; 0 = not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IscLimits {
    /// Of the same answer (name and type).
    pub responses_per_second: u32,
    /// Of referrals for the same name; nothing = as responses.
    pub referrals_per_second: u32,
    /// Of empty answers for the same name.
    pub nodata_per_second: u32,
    /// Of NXDOMAIN below the same zone.
    pub nxdomains_per_second: u32,
    /// Of errors, whatever they are about.
    pub errors_per_second: u32,
    /// Of everything to the same network.
    pub all_per_second: u32,
    /// Seconds over which a debt is remembered, 1..=3,600 (15).
    pub window: u32,
    /// Every how many limited responses a truncated one is sent; 0 = never, 1 = always (BIND: 2; ours: 1, T1.4).
    pub slip: u32,
    /// IPv4 prefix that counts as one client, 1..=32 (24).
    pub ipv4_prefix_length: u8,
    /// IPv6 prefix that counts as one client, 1..=64 (56).
    pub ipv6_prefix_length: u8,
    /// Responses per second of the whole host above which rates shrink in proportion; 0 = never.
    pub qps_scale: u32,
    /// Entries of the table, rounded up to a power of two (20,000).
    pub max_table_size: usize,
}
