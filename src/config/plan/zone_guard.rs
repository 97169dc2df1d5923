//! What the zone guard runs by: when zones are under attack, and what is kept for them (P3).

use std::sync::Arc;

use ipnet::IpNet;

use crate::wire::Name;

/// Zones under attack (P3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneGuard {
    /// Whether floods of unknown names are held back.
    pub mode: ZoneGuardMode,
    /// Fetch slots that all zones share (8,192; a provider's 32,768).
    pub slots: u32,
    /// Unknown names per second at which a zone with healthy servers is throttled, at least (500).
    pub flood_rate: u32,
    /// Seconds for which data of a zone under attack may be used after their end (86,400).
    pub max_stale: u32,
    /// Octets of each of the two generations of known names (16 MiB; a provider's 256 MiB).
    pub known_names: u64,
    /// Zones that are never held back.
    pub exempt: Vec<Name>,
    /// Zones where names asked once that do not exist are normal, beside the shipped ones.
    pub lookup_zones: Vec<Name>,
    /// Addresses that many customers share (limiter.shared_addresses and kin): one of them asks for many names and is no bot for that.
    pub shared: Vec<IpNet>,
    /// The public suffix list; nothing = the short one built in.
    pub suffixes: Option<Arc<str>>,
}

/// What the zone guard does with what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneGuardMode {
    /// Nothing is counted, nothing held back.
    #[default]
    Off,
    /// Everything is counted, nothing held back.
    LogOnly,
    /// Floods are held back.
    Enforce,
}

impl ZoneGuardMode {
    /// The word in configuration and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::LogOnly => "log-only",
            Self::Enforce => "enforce",
        }
    }
}
