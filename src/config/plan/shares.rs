//! What clients and servers may hold of the look-ups under way (P3).

use super::ZoneGuardMode;

/// Shares of the fetch slots that are free (P3): one in so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Whether they are counted, and applied.
    pub mode: ZoneGuardMode,
    /// Of one client, proven and unproven apart (64).
    pub client: u32,
    /// Of one server's address (8).
    pub server: u32,
    /// Of one that is asked for the root or a top-level domain (2).
    pub top_server: u32,
    /// What each may hold however little is free (32).
    pub least: u32,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            mode: ZoneGuardMode::Enforce,
            client: 64,
            server: 8,
            top_server: 2,
            least: 32,
        }
    }
}
