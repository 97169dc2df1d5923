//! What is kept of attacks, and who may see whom they concern (P7).

/// The journal of incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incidents {
    /// Whether there is one.
    pub journal: bool,
    /// Incidents kept at most (1,000).
    pub kept: usize,
    /// Octets of all of them together at most (16 MiB).
    pub bytes: u64,
    /// Seconds after its end for which one is kept (90 days).
    pub max_age: u64,
}

/// Secrecy of communications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrecy {
    /// What may be seen with `--detail`.
    pub detail: Detail,
    /// Seconds after the end of an incident for which its details are kept (7 days).
    pub detail_for: u64,
    /// Length of IPv4 networks that are shown without, 0..=32 (24).
    pub ipv4_prefix: u8,
    /// The same of IPv6, 0..=128 (48).
    pub ipv6_prefix: u8,
}

impl Default for Secrecy {
    fn default() -> Self {
        Self {
            detail: Detail::Attacks,
            detail_for: 7 * 86_400,
            ipv4_prefix: 24,
            ipv6_prefix: 48,
        }
    }
}

/// Whose details may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nobody's.
    Never,
    /// Those of a zone under attack and of a limited network.
    #[default]
    Attacks,
}
