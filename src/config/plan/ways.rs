//! By which interfaces may queries come? Rows 5 and 6 of the parameter sheet, as settings.

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
