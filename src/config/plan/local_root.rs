//! From where a copy of the root zone is had.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// From where a copy of the root zone is had (RFC 8806), and how much of it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRoot {
    /// Servers that it is transferred from.
    pub servers: Vec<SocketAddr>,
    /// A zone file.
    pub file: Option<PathBuf>,
    /// Octets of a transfer or a file (16 MiB).
    pub max_bytes: u64,
    /// Records (200,000).
    pub max_records: usize,
    /// Time of one transfer (2 min).
    pub transfer_time: Duration,
}
