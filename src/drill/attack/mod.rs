//! What becomes of honest clients, of a zone and of its servers while a resolver is attacked?
//!
//! [`catalogue`] names the attacks and what good looks like; [`traffic`] and [`honest`] make the questions, [`flood`] and
//! [`servers`] put them on the wire and answer them, `run` plays, [`measure`] and [`figures`] count, [`verdict`] judges.

pub mod border;
pub mod catalogue;
pub mod figures;
pub mod flood;
pub mod honest;
pub mod measure;
pub mod picture;
mod run;
pub mod scene;
pub mod servers;
mod stand_in;
pub mod traffic;
pub mod verdict;
mod watch;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

pub use servers::{Part, Throttle};
pub use watch::Watch;

pub(super) use run::perform;
pub(super) use stand_in::StandIn;

use catalogue::{ATTACKS, Attack};

/// What an attack needs of suimond's settings. Who is served: customers 127.2/16 and 127.3/16, bots 127.4/14; strangers come from
/// 127.16/12. Loopback addresses stand for customers here, so that they have limits, too; one of them for a crowd.
const SETTINGS: [(&str, &str); 3] = [
    ("acl.allow", r#"["127.0.0.0/13", "::1/128"]"#),
    ("limiter.exempt", r#"["127.0.0.1/32", "::1/128"]"#),
    ("limiter.shared_addresses", r#"["127.3.255.0/24"]"#),
];

/// Options of `suimon drill --attack`.
#[derive(Clone, Debug, clap::Args)]
pub struct AttackOptions {
    /// Play one attack instead of the drill, with a live picture and a verdict; --list names them
    #[arg(long, value_name = "NAME", conflicts_with = "serve")]
    pub attack: Option<String>,

    /// Name the attacks
    #[arg(long, conflicts_with_all = ["attack", "serve"])]
    pub list: bool,

    /// Queries of the attack per second
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub rate: u32,

    /// Seconds for which it lasts
    #[arg(long, value_name = "S", default_value_t = 18, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,

    /// Seconds of calm before it, in which the resolver learns what is asked for
    #[arg(long, value_name = "S", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub calm: u32,

    /// Seconds for which is watched what comes after it; 60 show whether all is as before
    #[arg(long, value_name = "S", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub after: u32,

    /// End as soon as a bot is answered again about a real name, --after at the latest
    #[arg(long)]
    pub until_released: bool,

    /// Network namespace that the Internet's servers live in, as ip netns knows it; clients stay where the drill was started
    #[arg(long, value_name = "NAME", requires = "against")]
    pub servers_netns: Option<String>,

    /// Name server that answers for the attacked zones (--zone-files); their servers here count, and hand on to it what they let through
    #[arg(long, value_name = "ADDRESS:PORT", requires = "against")]
    pub stand_in: Option<SocketAddr>,

    /// Write the attacked zones to this directory, as master files named after them, before --hints are written
    #[arg(long, value_name = "DIRECTORY")]
    pub zone_files: Option<PathBuf>,

    /// Machines that take part in it
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=65_000))]
    pub bots: u32,

    /// Queries per second that overloaded servers answer
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub capacity: u32,

    /// Processes of the resolver that --against names: their processor time and memory are reported
    #[arg(long, value_name = "PID", requires = "against")]
    pub pid: Vec<u32>,

    /// One JSON document of all figures instead of the picture, as --output json
    #[arg(long)]
    pub json: bool,
}

/// An address like `address`, in the network of the resolver: where it is 10.8.0.53, everybody lives in 10.0.0.0/8 instead of 127.0.0.0/8.
pub(super) const fn beside(resolver: SocketAddr, address: IpAddr) -> IpAddr {
    let (IpAddr::V4(near), IpAddr::V4(address)) = (resolver.ip(), address) else {
        return address;
    };
    let ([network, ..], [_, b, c, d]) = (near.octets(), address.octets());
    IpAddr::V4(Ipv4Addr::new(network, b, c, d))
}

impl AttackOptions {
    fn phases(&self, servers: catalogue::Servers) -> measure::Phases {
        let seconds = |number: u32| Duration::from_secs(u64::from(number));
        measure::Phases {
            calm: seconds(self.calm),
            attack: seconds(self.seconds),
            fade: match servers {
                catalogue::Servers::Dead => honest::PATIENCE,
                _ => Duration::ZERO,
            },
            after: seconds(self.after),
        }
    }
}

/// Writes the list of attacks.
///
/// # Errors
/// What `out` says.
pub(super) fn list(as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    if as_json {
        let attacks: Vec<Value> = ATTACKS
            .iter()
            .map(|attack| json!({ "name": attack.name, "sentence": attack.sentence, "needs_root": attack.needs_root() }))
            .collect();
        return writeln!(out, "{:#}", json!({ "schema": 1, "attacks": attacks }));
    }
    for Attack { name, sentence, .. } in ATTACKS {
        writeln!(out, "{name:<28}{sentence}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
