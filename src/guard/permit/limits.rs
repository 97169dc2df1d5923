//! Which limits does the work for one client query meet, and what counts towards them?

/// What one client query has cost so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Upstream packets sent.
    pub packets: u32,
    /// Upstream octets received.
    pub bytes: u32,
    /// CNAME and DNAME links followed.
    pub links: u32,
    /// NS names whose addresses could not be found.
    pub failing_ns_names: u32,
    /// Signatures checked.
    pub signatures: u32,
    /// NSEC3 hashes made.
    pub nsec3_hashes: u32,
}

impl Spent {
    pub(super) const NOTHING: Self = Self {
        packets: 0,
        bytes: 0,
        links: 0,
        failing_ns_names: 0,
        signatures: 0,
        nsec3_hashes: 0,
    };
}

/// Which limit a query ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// Upstream packets.
    Packets,
    /// Upstream octets.
    Bytes,
    /// Time.
    Time,
    /// CNAME and DNAME links.
    Links,
    /// Depth of sub-queries.
    Depth,
    /// Failing NS names.
    FailingNsNames,
    /// Signatures checked.
    Signatures,
    /// NSEC3 hashes made.
    Nsec3Hashes,
}

impl Exhausted {
    /// All limits, in the order of their counters.
    pub const ALL: [Self; 8] = [
        Self::Packets,
        Self::Bytes,
        Self::Time,
        Self::Links,
        Self::Depth,
        Self::FailingNsNames,
        Self::Signatures,
        Self::Nsec3Hashes,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Links => "links",
            Self::Depth => "depth",
            Self::FailingNsNames => "failing_ns_names",
            Self::Signatures => "signatures",
            Self::Nsec3Hashes => "nsec3_hashes",
        }
    }

    /// A sentence for the client (RFC 8914).
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Packets => "too many upstream packets for one query",
            Self::Bytes => "too many upstream octets for one query",
            Self::Time => "the query took too long",
            Self::Links => "CNAME or DNAME chain too long",
            Self::Depth => "name server look-ups nested too deeply",
            Self::FailingNsNames => "too many name servers without an address",
            Self::Signatures => "too many signatures to check for one query",
            Self::Nsec3Hashes => "too many NSEC3 hashes to make for one query",
        }
    }
}
