//! By which interfaces may queries come, and when do responses raise an alarm? Rows 1, 5 and 6 of the parameter sheet, as settings.

use std::time::Duration;

use ipnet::IpNet;

/// Queries from these prefixes arrive by these interfaces and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressBinding {
    /// Source prefixes; of all bindings the longest decides.
    pub prefixes: Vec<IpNet>,
    /// Names of interfaces; `*` stands for any octets.
    pub interfaces: Vec<String>,
}

/// What the route to a datagram's source must be (RFC 3704, RFC 8704).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteBack {
    /// Anything.
    #[default]
    Off,
    /// There is one, the default route or any other.
    Loose,
    /// One of its routes, whatever its metric, leaves by the interface it came by or by one of the same group.
    Feasible,
    /// The best one leaves by the interface it came by.
    Strict,
}

/// When responses that nobody asked for raise an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backscatter {
    /// As many within one window; 0 = never (100).
    pub responses: u64,
    /// The window (60 s).
    pub window: Duration,
}
