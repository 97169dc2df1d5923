//! What do operators see of the shares of clients and servers?

use serde::{Deserialize, Serialize};

/// The shares, in `guard status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareReport {
    /// "off", "log-only" or "enforce".
    pub mode: String,
    /// Look-ups that one client may have under way now.
    pub per_client: u32,
    /// Questions that may be under way to one server now.
    pub per_server: u32,
    /// Clients with a query waiting now.
    pub clients_waiting: u64,
    /// Times that a client had its share already.
    pub clients_full_total: u64,
    /// Times that a server had.
    pub servers_full_total: u64,
}

/// What a client has of what is under way, in `why`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareWhy {
    /// Look-ups it began that are under way.
    pub look_ups: u32,
    /// How many may be now.
    pub look_ups_most: u32,
    /// Queries of it that wait, for its own look-ups or for those of others.
    pub waiting: u64,
    /// How many may.
    pub waiting_most: u64,
    /// For how many customers it stands.
    pub customers: u32,
}
