//! What is measured: which rows, how fast, how long, how often?

use std::path::PathBuf;

use crate::rows::Row;

/// Where packaging/install-peers puts the peers.
const PEERS: &str = "/var/cache/suimon/peers";

/// suimond, a bare echo and every peer under the same loads, in turn.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "line")]
pub struct Options {
    /// Rows
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Row::ALL)]
    pub rows: Vec<Row>,

    /// Queries offered per second, for CPU per answer
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub rate: u32,

    /// Turns: each measures every rival once
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub rounds: u32,

    /// Seconds of each measurement
    #[arg(long, value_name = "S", default_value_t = 3)]
    pub seconds: u32,

    /// Names cached for the row of memory, per rival
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub names: u32,

    /// Where Debian's resolvers are; SUIMON_PEERS in the environment says the same (packaging/install-peers)
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,

    /// Put table and picture into docs/
    #[arg(long)]
    pub publish: bool,

    /// cargo bench says so
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// The root that holds the peers.
    pub fn peers(&self) -> PathBuf {
        let given = self.peers.clone();
        given
            .or_else(|| std::env::var_os("SUIMON_PEERS").map(PathBuf::from))
            .unwrap_or_else(|| PEERS.into())
    }
}
