//! Whether single messages are recorded, and where.

use std::path::PathBuf;

/// Records of single messages; off without a socket or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dnstap {
    /// The reader's socket.
    pub socket: Option<PathBuf>,
    /// The file.
    pub file: Option<PathBuf>,
    /// Octets at which the next file begins (100 MiB).
    pub file_size: u64,
    /// Files kept (5).
    pub files: u32,
    /// Of queries that are simply answered one in so many; 0 = none.
    pub sampled: u32,
    /// Whether clients' addresses are told whole.
    pub whole_addresses: bool,
    /// This server's name; empty = not said.
    pub identity: String,
    /// Messages that may wait to be written (8,192).
    pub queue: usize,
}
