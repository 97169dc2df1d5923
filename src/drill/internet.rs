//! How is the drill's Internet started, asked about, and stopped?

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener};
use std::path::Path;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;

use super::attack::{self, Throttle};
use super::expectation::Expectation;
use super::namespace::Visit;
use super::queries::Queries;
use super::serve::{self, Running, Sockets};
use super::world::{Builder, Role, ServerId, World};
use super::{honest, hostile};

/// Ports and blocks tried before giving up: other programs may sit on some of them.
const ATTEMPTS: usize = 64;

/// What the Internet is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Everything follows from it: block of addresses, who serves what, TTLs, addresses.
    pub seed: u64,
    /// Ordinary zones under real names, at most as many as the list has.
    pub zones: usize,
    /// The port of every server; chosen freely if absent. Ports below 1024 need privileges.
    pub port: Option<u16>,
    /// Second and third octet of every IPv4 address, 127.B.C.n; from the seed if absent.
    pub block: Option<(u8, u8)>,
    /// First octet of every IPv4 address of the Internet: 127, or that of the resolver where servers have a namespace of their own.
    pub network: u8,
    /// The network namespace its servers live in, as `ip netns` knows it; that of the caller if absent. IPv6 has no way there.
    pub namespace: Option<String>,
    /// A name server that answers in the place of attacked zones' servers, in the same namespace as they.
    pub stand_in: Option<SocketAddr>,
    /// Whether villains exist; benches of honest traffic leave them out.
    pub villains: bool,
    /// Whether the zones that `--attack` needs exist.
    pub siege: bool,
    /// Settings for suimond beside the drill's own or instead of them: key path and TOML value.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            zones: 300,
            port: None,
            block: None,
            network: 127,
            namespace: None,
            stand_in: None,
            villains: true,
            siege: false,
            settings: Vec::new(),
        }
    }
}

/// A small Internet on loopback addresses: running servers, what they hold, and what they were asked.
pub struct Internet {
    world: World,
    port: u16,
    queries: Arc<Queries>,
    throttle: Arc<Throttle>,
    more: Vec<(&'static str, String)>,
    running: Vec<Running>,
}

impl Internet {
    /// Builds the world, finds a port that is free on all its addresses, and starts every server. Unprivileged.
    ///
    /// # Errors
    /// No port or block found (a fixed one in use is said at once), or a mistake in the lists of zones.
    pub async fn start(options: Options) -> io::Result<Self> {
        let ipv6 = options.namespace.is_none() && has_ipv6();
        let mut random = StdRng::seed_from_u64(options.seed);
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for attempt in 0..ATTEMPTS {
            // 127.0.x is left to other programs; from 127.32 up hardly anything lives.
            let (b, c) = options
                .block
                .unwrap_or_else(|| (random.random_range(32..=250), random.random_range(0..=254)));
            let port = match options.port {
                Some(port) => port,
                None => random.random_range(10_000..32_000),
            };
            let world = build(&options, [options.network, b, c], ipv6)?;
            // Binding to an address never waits, so that this is one thread's doing.
            let visit = options.namespace.as_deref().map(Visit::to).transpose()?;
            let bound = bind_all(&world, port, options.stand_in).await;
            drop(visit);
            match bound {
                Ok((sockets, elsewhere)) => {
                    return Self::run(world, port, options.settings, sockets, elsewhere).await;
                }
                Err(error) if options.port.is_some() && options.block.is_some() => {
                    return Err(error);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => {
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn run(
        world: World,
        port: u16,
        more: Vec<(&'static str, String)>,
        sockets: Vec<Option<Sockets>>,
        elsewhere: UdpSocket,
    ) -> io::Result<Self> {
        let queries = Arc::new(Queries::default());
        let throttle = Arc::new(Throttle::default());
        let elsewhere = Arc::new(elsewhere);
        let mut running = Vec::new();
        for (plan, sockets) in world.servers.iter().zip(sockets) {
            if let Some(sockets) = sockets {
                running.extend(serve::start(plan, sockets, &queries, &elsewhere, &throttle).await?);
            }
        }
        Ok(Self {
            world,
            port,
            queries,
            throttle,
            more,
            running,
        })
    }

    /// The root hints, as a zone file.
    #[must_use]
    pub fn hints(&self) -> String {
        let mut text = String::from("; root hints of the Suimon drill\n");
        for (name, address) in &self.world.roots {
            let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
            let _ = writeln!(text, ".\t3600000\tIN\tNS\t{name}");
            let _ = writeln!(text, "{name}\t3600000\tIN\t{rtype}\t{address}");
        }
        text
    }

    /// The port of every server, UDP and TCP.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// First three octets of every IPv4 server address.
    #[must_use]
    pub const fn block(&self) -> [u8; 3] {
        self.world.block
    }

    /// Whether ::1 exists here, and with it the zones that only IPv6 reaches.
    #[must_use]
    pub const fn has_ipv6(&self) -> bool {
        self.world.ipv6
    }

    /// What a resolver is held to.
    #[must_use]
    pub fn expectations(&self) -> &[Expectation] {
        &self.world.expectations
    }

    /// The plan that runs: servers and zones.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// What the servers were asked so far.
    #[must_use]
    pub fn queries(&self) -> &Queries {
        &self.queries
    }

    /// How much the servers of attacked zones answer.
    #[must_use]
    pub fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// A server's name in reports.
    #[must_use]
    pub fn label(&self, server: ServerId) -> &str {
        self.world
            .servers
            .get(server.0)
            .map_or("?", |plan| plan.label.as_str())
    }

    /// Where a server listens.
    #[must_use]
    pub fn address(&self, server: ServerId) -> Option<SocketAddr> {
        self.world
            .servers
            .get(server.0)
            .map(|plan| SocketAddr::new(plan.address, self.port))
    }

    /// The settings with which a suimond lives on this Internet: key path and TOML value, in file order. `hints` is a file
    /// that holds [`Internet::hints`].
    #[must_use]
    pub fn settings(&self, listen: SocketAddr, hints: &Path) -> Vec<(&'static str, String)> {
        let text = |value: &str| format!("{value:?}");
        let mut settings = vec![
            ("listen.addresses", format!("[{:?}]", listen.to_string())),
            ("acl.allow", r#"["127.0.0.1/32", "::1/128"]"#.to_owned()),
            ("recursion.root_hints", text(&hints.to_string_lossy())),
            // No question that no client caused: each upstream packet can be laid at somebody's door.
            ("recursion.priming", "false".to_owned()),
            ("egress.port", self.port.to_string()),
            ("egress.allow_private_servers", "true".to_owned()),
            ("egress.ipv6", self.world.ipv6.to_string()),
            ("process.drain", text("0s")),
        ];
        for (key, value) in &self.more {
            settings.retain(|(own, _)| own != key);
            // Beside others of its table; in front if there are none, for the last table may go on elsewhere.
            let table = |key: &str| key.split_once('.').map(|(table, _)| table.to_owned());
            let place = settings
                .iter()
                .position(|(own, _)| table(own) == table(key));
            settings.insert(place.unwrap_or(0), (key, value.clone()));
        }
        settings
    }

    /// The same as a TOML config for suimond.
    #[must_use]
    pub fn config(&self, listen: SocketAddr, hints: &Path) -> String {
        to_toml(&self.settings(listen, hints))
    }

    /// Stops every server and frees its sockets.
    pub async fn shutdown(self) {
        for server in self.running {
            server.stop().await;
        }
    }
}

impl std::fmt::Debug for Internet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Internet")
            .field("block", &self.world.block)
            .field("port", &self.port)
            .field("servers", &self.world.servers.len())
            .field("zones", &self.world.zones.len())
            .finish_non_exhaustive()
    }
}

/// Key paths and values as TOML, one table after the other.
#[must_use]
pub fn to_toml(settings: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    let mut open = "";
    for (key, value) in settings {
        let (table, key) = key.split_once('.').unwrap_or(("", key));
        if table != open {
            let _ = writeln!(text, "[{table}]");
            open = table;
        }
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// The world of these options; the same every time.
///
/// # Errors
/// A mistake in the lists of zones, in words.
pub fn build(options: &Options, block: [u8; 3], ipv6: bool) -> io::Result<World> {
    let mut builder = Builder::new(options.seed, block, ipv6);
    let base = honest::build(&mut builder, options.zones);
    if options.villains {
        hostile::build(&mut builder, base);
    }
    if options.siege {
        attack::scene::build(&mut builder, base.exact);
    }
    builder.finish()
}

/// Whether ::1 can be bound.
fn has_ipv6() -> bool {
    StdTcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// Binds every address, and one more for replies from the wrong source.
async fn bind_all(
    world: &World,
    port: u16,
    stand_in: Option<SocketAddr>,
) -> io::Result<(Vec<Option<Sockets>>, UdpSocket)> {
    let mut sockets = Vec::with_capacity(world.servers.len());
    for plan in &world.servers {
        sockets.push(match plan.role {
            Role::Absent => None,
            _ => Some(serve::bind(plan, port, stand_in).await.map_err(|error| {
                io::Error::new(error.kind(), format!("{}:{port}: {error}", plan.address))
            })?),
        });
    }
    let [a, b, c] = world.block;
    let elsewhere = UdpSocket::bind((IpAddr::from([a, b, c, 254]), port)).await?;
    Ok((sockets, elsewhere))
}
