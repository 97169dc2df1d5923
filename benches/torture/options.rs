//! What is run: which attacks on which resolvers, how fast, how long, how often?

use std::path::PathBuf;

use crate::resolvers::{ALL, Resolver};

/// The attacks of the comparison, when none is named.
const ATTACKS: &str = "water-torture-healthy,water-torture-overloaded,water-torture-dead";
/// The resolvers of a quick run: each product at its best.
const QUICK: &str = "suimon,unbound-stale,bind-stale,knot-stale,pdns-stale";

/// Where packaging/install-peers puts the peers.
const PEERS: &str = "/var/cache/suimon/peers";

/// The same attacks on Suimon and on Debian's resolvers, in turn.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "torture")]
pub struct Options {
    /// Attacks, as `suimon drill --list` names them
    #[arg(long, value_name = "NAME,...", default_value = ATTACKS, value_delimiter = ',')]
    pub attacks: Vec<String>,

    /// Resolvers and configurations (unknown words are answered by the list of them)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub resolvers: Vec<String>,

    /// Attack queries per second; several make several rows each
    #[arg(
        long,
        value_name = "N,...",
        default_value = "5000",
        value_delimiter = ','
    )]
    pub rate: Vec<u32>,

    /// Queries per second that overloaded servers answer
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub capacity: u32,

    /// Turns: each takes every attack to every resolver
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub runs: u32,

    /// Seconds of honest clients alone, in which names become known
    #[arg(long, value_name = "S", default_value_t = 5)]
    pub calm: u32,

    /// Seconds of attack [default: 12, with --quick 8]
    #[arg(long, value_name = "S")]
    seconds: Option<u32>,

    /// Longest wait for the release, seconds [default: 60, with --quick 2]
    #[arg(long, value_name = "S")]
    after: Option<u32>,

    /// Shorter, only the best configuration of each product, and the release is not waited for
    #[arg(long)]
    pub quick: bool,

    /// Where Debian's resolvers are; SUIMON_PEERS in the environment says the same (packaging/install-peers)
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,

    /// Show what is in these files of reports and run nothing
    #[arg(long, value_name = "FILE,...", value_delimiter = ',')]
    pub from: Vec<PathBuf>,

    /// Put table and picture into docs/
    #[arg(long)]
    pub publish: bool,

    /// cargo bench says so
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Options {
    /// Seconds of attack.
    pub fn seconds(&self) -> u32 {
        self.seconds.unwrap_or(if self.quick { 8 } else { 12 })
    }

    /// Longest wait for the release, seconds.
    pub fn after(&self) -> u32 {
        self.after.unwrap_or(if self.quick { 2 } else { 60 })
    }

    /// The root that holds the peers.
    pub fn peers(&self) -> PathBuf {
        let given = self.peers.clone();
        given
            .or_else(|| std::env::var_os("SUIMON_PEERS").map(PathBuf::from))
            .unwrap_or_else(|| PEERS.into())
    }

    /// The chosen resolvers, in the order of the table.
    ///
    /// # Errors
    /// A word that names none; the text lists those that there are.
    pub fn resolvers(&self) -> Result<Vec<Resolver>, String> {
        let quick: Vec<String> = QUICK.split(',').map(str::to_owned).collect();
        let words = match (self.resolvers.is_empty(), self.quick) {
            (false, _) => &self.resolvers,
            (true, true) => &quick,
            (true, false) => return Ok(ALL.to_vec()),
        };
        for word in words {
            if Resolver::named(word).is_none() {
                let known = ALL.map(|resolver| resolver.key).join(", ");
                return Err(format!("no resolver {word:?}; there are: {known}"));
            }
        }
        let is_chosen = |resolver: &Resolver| words.iter().any(|word| word == resolver.key);
        Ok(ALL.into_iter().filter(is_chosen).collect())
    }
}
