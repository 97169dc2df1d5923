//! What does each limit do, or would it if it were enforced, and to whom? Counts by limit and by what speaks for the query.

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident $label:literal),* $(,)?) => {
        /// A limit that holds queries back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Limit {
            $($(#[$doc])* $name),*
        }

        impl Limit {
            /// All limits, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code: metric label, report.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }
        }
    };
}

limits! {
    /// How much a client may ask (`[limiter]`).
    Client "client_limiter",
    /// Floods of unknown names (`[zone_guard]`).
    ZoneGuard "zone_guard",
    /// Look-ups under way of one client (`[shares]`).
    ClientShare "client_share",
    /// Proof of the address (`acl.prove`, `limiter.prove_after`).
    Proof "proof",
    /// Refusals sent to those who may not ask (`guard.refusals_per_prefix` and its kin).
    Refusals "refusals",
    /// Queries of one client that wait (`guard.pending_per_client`).
    PendingPerClient "pending_per_client",
    /// All that wait (`recursion.in_flight`, `recursion.joined_clients`).
    PendingTotal "pending_total",
    /// TCP connections of one client (`tcp.connections_per_client`).
    TcpPerClient "tcp_per_client",
    /// TCP connections in all (`tcp.connections`).
    TcpTotal "tcp_total",
}

/// What speaks for a query that a limit holds back, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KnownGood {
    /// What it asks for is known to be real: it is in the filter of known names, or answered with NOERROR without asking anybody.
    Name,
    /// Its address is proven, by TCP or a cookie; the name is not known.
    Address,
    /// Nothing.
    No,
}

impl KnownGood {
    /// All, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Name, Self::Address, Self::No];

    /// The code: metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::No => "no",
        }
    }
}

/// Counters of both together.
pub(in crate::telemetry) const CELLS: usize = Limit::ALL.len() * KnownGood::ALL.len();

/// The counter of a limit and what speaks for the query.
pub(in crate::telemetry) const fn cell(limit: Limit, good: KnownGood) -> usize {
    limit as usize * KnownGood::ALL.len() + good as usize
}
