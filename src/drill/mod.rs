//! What happens when a resolver meets a small Internet that is partly out to get it?
//!
//! [`Internet`] is the world: root servers, top-level domains, hundreds of zones and several dozen villains on loopback
//! addresses, all on one port, the same for the same seed. [`run`] puts suimond in front of it, sends honest and
//! dishonest clients, and reports which promises held. docs/drill.md tells it for people.

pub mod attack;
pub mod clients;
mod corners;
pub mod dishonest;
pub mod expectation;
mod features;
mod honest;
mod hostile;
pub mod internet;
mod message;
mod namespace;
pub mod queries;
pub mod report;
pub mod scenario;
pub mod scenes;
mod serve;
pub mod signing;
pub mod suimond;
mod traps;
pub mod villains;
pub mod world;
pub mod zones;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::{Name, RecordType};
use tokio::signal::unix::{SignalKind, signal};

pub use expectation::{Expectation, Group, Outcome};
pub use internet::{Internet, Options};
pub use report::Report;

use crate::sys::clock;
use attack::border::{Border, Side};
use attack::{AttackOptions, catalogue};
use report::Progress;
use suimond::Suimond;
use world::Role;

/// Run Suimon against a small Internet on loopback addresses, partly hostile, and see what holds
#[derive(Clone, Debug, clap::Args)]
pub struct DrillOptions {
    /// Leave the Internet and suimond running, to be asked by hand, until Ctrl-C
    #[arg(long)]
    pub serve: bool,

    /// Everything follows from it: the same number gives the same Internet
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Your own config file for suimond; the drill sets only what it must (listener, root hints, port of servers)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Ordinary zones under real names
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub zones: usize,

    /// Port of suimond on 127.0.0.1 (a free one if absent)
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Port of the Internet's servers (a free one if absent; 53 needs privileges and suits resolvers that know no other)
    #[arg(long, value_name = "PORT")]
    pub servers_port: Option<u16>,

    /// Write the Internet's root hints to this file
    #[arg(long, value_name = "FILE")]
    pub hints: Option<PathBuf>,

    /// Test this resolver instead of starting suimond; it must use the root hints of --hints and the --servers-port
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["config", "port"])]
    pub against: Option<SocketAddr>,

    /// What concerns `--attack`.
    #[command(flatten)]
    pub siege: AttackOptions,
}

/// How the drill reports; the tool's global `--output` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// A table.
    Human,
    /// One JSON object, and no progress.
    Json,
}

/// What the clients ask.
enum Resolver {
    Ours(Box<Suimond>),
    Given(SocketAddr),
}

impl Resolver {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(daemon) => daemon.listen(),
            Self::Given(address) => *address,
        }
    }
}

/// Runs the drill on a runtime of its own: whether every expectation held. The report goes to `out`, progress to
/// standard error. Interrupted, it ends what it started and says no.
///
/// # Errors
/// What kept the drill from being run: no free addresses, no suimond, a config it refuses (in its own words).
pub fn run(options: &DrillOptions, output: OutputFormat, out: &mut dyn Write) -> io::Result<bool> {
    let siege = &options.siege;
    let output = if siege.json {
        OutputFormat::Json
    } else {
        output
    };
    if siege.list {
        attack::list(output == OutputFormat::Json, out)?;
        return Ok(true);
    }
    let attack = siege.attack.as_deref().map(known_attack).transpose()?;
    let border = attack
        .filter(|attack| attack.needs_root())
        .map(|_| Border::make())
        .transpose()?
        .map(Arc::new);
    // The runtime's threads stand where this one does.
    let _standing = border
        .as_ref()
        .map(|border| border.enter(Side::Resolver))
        .transpose()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            match attack {
                Some(attack) => attack::perform(options, attack, output, border, out).await,
                None => perform(options, output, out).await,
            }
        })
}

fn known_attack(name: &str) -> io::Result<&'static catalogue::Attack> {
    catalogue::find(name).ok_or_else(|| {
        let nearest = catalogue::nearest(name).unwrap_or_default();
        io::Error::other(format!(
            "no attack is called {name:?}; the nearest is {nearest}, and suimon drill --list names all"
        ))
    })
}

async fn perform(
    options: &DrillOptions,
    output: OutputFormat,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let start = clock::now();
    let mut progress = Progress::new(output == OutputFormat::Json && !options.serve);
    let internet = Arc::new(
        Internet::start(Options {
            seed: options.seed,
            zones: options.zones,
            port: options.servers_port,
            ..Options::default()
        })
        .await?,
    );
    let setting = setting(&internet, options.seed);
    progress.say(&setting);
    let port = options.port.unwrap_or(0);
    let Some(resolver) = resolver_of(&internet, options, port, &progress).await? else {
        return Ok(false);
    };
    progress.say(&format!("asking {}", resolver.address()));
    if options.serve {
        serve(&internet, &resolver, out)?;
        interrupted().await?;
        let ended = stop(resolver).await;
        if let Some(Err(reason)) = &ended {
            progress.say(reason);
        }
        return Ok(!matches!(ended, Some(Err(_))));
    }
    let played = tokio::select! {
        report = scenes::play(&internet, resolver.address(), &mut progress) => Some(report),
        _ = interrupted() => None,
    };
    let Some(mut report) = played else {
        progress.say("interrupted");
        let _ = stop(resolver).await;
        return Ok(false);
    };
    if let Resolver::Ours(daemon) = &resolver {
        report.daemon = daemon.ask("stats").await;
    }
    report.ended = stop(resolver).await;
    report.setting = setting;
    report.villains = villains_by_use(&internet);
    report.took = clock::now().since(start);
    match output {
        OutputFormat::Human => report.write_human(out)?,
        OutputFormat::Json => writeln!(out, "{:#}", report.to_json())?,
    }
    if let Ok(internet) = Arc::try_unwrap(internet) {
        internet.shutdown().await;
    }
    Ok(report.all_held())
}

async fn stop(resolver: Resolver) -> Option<Result<(), String>> {
    match resolver {
        Resolver::Ours(daemon) => Some(daemon.stop().await),
        Resolver::Given(_) => None,
    }
}

fn setting(internet: &Internet, seed: u64) -> String {
    let [a, b, c] = internet.block();
    let world = internet.world();
    let villains = world
        .servers
        .iter()
        .filter(|plan| matches!(plan.role, Role::Villain(_) | Role::Absent))
        .count();
    format!(
        "A small Internet on {a}.{b}.{c}.0/24{}, port {}: {} servers, {villains} of them villains or dead, {} zones (seed {seed}).",
        if internet.has_ipv6() { " and ::1" } else { "" },
        internet.port(),
        world.servers.len(),
        world.zones.len(),
    )
}

fn villains_by_use(internet: &Internet) -> Vec<(String, u64)> {
    let mut villains: Vec<(String, u64)> = internet
        .world()
        .servers
        .iter()
        .filter(|plan| matches!(plan.role, Role::Villain(_)))
        .map(|plan| (plan.label.clone(), internet.queries().of_server(plan.id)))
        .collect();
    villains.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    villains
}

/// Lines to paste.
fn serve(internet: &Internet, resolver: &Resolver, out: &mut dyn Write) -> io::Result<()> {
    let address = resolver.address();
    let dig = format!("dig @{} -p {}", address.ip(), address.port());
    writeln!(out, "\nTry it:\n")?;
    for group in Group::ALL {
        // Three of each group show what there is; the rest is in the drill itself.
        let some = internet
            .expectations()
            .iter()
            .filter(|expectation| expectation.group == group)
            .take(3);
        for (position, expectation) in some.enumerate() {
            if position == 0 {
                writeln!(out, "  # {}", group.title())?;
            }
            let line = format!("{dig} {} {}", expectation.name, expectation.rtype);
            writeln!(out, "  {line:<66} # {}", expectation.note)?;
        }
    }
    writeln!(out, "\nAsk a root server yourself:\n")?;
    if let Some(root) = internet.world().roots.first() {
        writeln!(
            out,
            "  dig @{} -p {} +norecurse www.google.com A",
            root.1,
            internet.port()
        )?;
    }
    if let Resolver::Ours(daemon) = resolver {
        writeln!(
            out,
            "\nsuimond's control socket: {}",
            daemon.control().display()
        )?;
    }
    writeln!(out, "\nCtrl-C ends it.")?;
    out.flush()
}

async fn interrupted() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done,
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

/// What the clients ask: the resolver that is given, once it replies, or a suimond of our own on that port. Nothing if interrupted.
async fn resolver_of(
    internet: &Internet,
    options: &DrillOptions,
    port: u16,
    progress: &Progress,
) -> io::Result<Option<Resolver>> {
    if let Some(file) = &options.hints {
        std::fs::write(file, internet.hints())?;
    }
    if let Some(address) = options.against {
        progress.say(&format!("waiting for a reply from {address}"));
        wait_for(address).await?;
        return Ok(Some(Resolver::Given(address)));
    }
    // Interrupted while it starts: dropping the future kills the child and removes its directory.
    tokio::select! {
        daemon = Suimond::start(internet, options.config.as_deref(), port) => {
            Ok(Some(Resolver::Ours(Box::new(daemon?))))
        }
        _ = interrupted() => Ok(None),
    }
}

/// Waits until a resolver that somebody else starts gives any reply.
async fn wait_for(address: SocketAddr) -> io::Result<()> {
    let style = expectation::Style::default();
    let patience = Duration::from_secs(1);
    for _ in 0..120 {
        let source = attack::beside(address, clients::INSIDER);
        match clients::ask_from(
            source,
            address,
            &Name::root(),
            RecordType::NS,
            style,
            patience,
        )
        .await
        {
            Ok(_) | Err(clients::NotHeard::Unsound(_)) => return Ok(()),
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
    Err(io::Error::other(format!("no reply from {address}")))
}
