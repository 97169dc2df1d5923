//! Who is asked, and by whom? Three daemons on one core, each for some of the disturbances, and everybody else on the other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use suimon::sys::affinity;

use crate::authority;
use crate::disturbance::Disturbance;
use crate::lab::{Lab, Server};
use crate::probe::{NAMES, Probe, Waits};

/// Where clients of cached answers ask from, and where those who disturb them do.
pub const CLIENT: &str = "10.77.1.2";
pub const OTHERS: &str = "10.77.1.9";

/// Clients that ask too much, one address each.
pub const OFFENDERS: u8 = 150;

/// A daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// With a limiter that nobody meets, metrics, and room for many streams.
    Plain,
    /// With a cache of 8 MiB, full.
    Full,
    /// Every client but one is over its limit at once, and an incident.
    Touchy,
}

/// The lab, the daemons in it and their clients.
pub struct Rig {
    pub lab: Lab,
    span: Duration,
    servers: Vec<Server>,
    probes: Vec<Probe>,
    /// Names never asked before, counted.
    cold: u32,
}

impl Daemon {
    const ALL: [Self; 3] = [Self::Plain, Self::Full, Self::Touchy];

    pub fn address(self) -> SocketAddr {
        SocketAddr::from(([10, 77, 1, 1], 5301 + self as u16))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Full => "full",
            Self::Touchy => "touchy",
        }
    }

    const fn settings(self) -> &'static str {
        match self {
            Self::Plain => {
                "[limiter]\nrate = 1000000\ninstant = 10000000\n[metrics]\nlisten = \"127.0.0.1:9153\"\n\
                 [tcp]\nconnections_per_client = 20000\nidle = \"10m\"\n"
            }
            Self::Full => {
                "[limiter]\nrate = 1000000\ninstant = 10000000\n[cache]\nsize = \"8MiB\"\n"
            }
            Self::Touchy => "[limiter]\nrate = 1\ninstant = 1\nexempt = [\"10.77.1.2\"]\n",
        }
    }
}

/// What this machine lacks for a measurement that means something.
pub fn lack() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("It needs root, for network namespaces.");
    }
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Some("It needs two cores: one for the server, one for the load.");
    }
    let there = |program, flag| {
        let mut command = Command::new(program);
        command
            .arg(flag)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok()
    };
    (!there("ip", "-V") || !there("dnsperf", "-h") || !there("taskset", "-V"))
        .then_some("It needs the Debian packages iproute2, dnsperf and util-linux.")
}

impl Rig {
    /// All names that clients ask for are cached. Each turn takes `span`.
    pub fn new(span: Duration) -> Self {
        // All threads of ours are where the server is not.
        affinity::pin_current_thread(1).expect("a second core");
        // A descriptor for each idle stream, at both ends: as many as there may be.
        let limit = getrlimit(Resource::Nofile);
        let all = Rlimit {
            current: limit.maximum,
            ..limit
        };
        setrlimit(Resource::Nofile, all).expect("what is allowed anyway");
        let mut lab = Lab::new();
        lab.inside("u", authority::start);
        for last in 0..OFFENDERS {
            let address = format!("10.77.1.{}/24", 100 + last);
            lab.load(&["ip", "address", "add", &address, "dev", "to-s"]);
        }
        let hints = lab.file("hints", &authority::hints());
        let suimond = std::env::var("SUIMOND");
        let suimond = suimond.unwrap_or_else(|_| env!("CARGO_BIN_EXE_suimond").to_owned());
        let (mut servers, mut probes) = (Vec::new(), Vec::new());
        for daemon in Daemon::ALL {
            let (name, address) = (daemon.name(), daemon.address());
            let state = lab.dir().join(format!("state-{name}"));
            let config = format!(
                "[listen]\naddresses = [\"{address}\"]\nworkers = 1\n[acl]\nallow = [\"10.77.1.0/24\"]\n\
                 [recursion]\nroot_hints = {hints:?}\npriming = false\n[egress]\nallow_private_servers = true\n\
                 [process]\nstate_dir = {state:?}\ndrain = \"0s\"\n{}",
                daemon.settings()
            );
            let config = lab.file(&format!("{name}.toml"), &config);
            servers.push(lab.serve(name, "suimond: ready", &[&suimond, "--config", &config]));
            probes.push(lab.inside("c", move || Probe::new(CLIENT, address)));
        }
        let names: String = (0..NAMES)
            .map(|n| format!("host-{n}.warm.net A\n"))
            .collect();
        let names = lab.file("names", &names);
        let mut rig = Self {
            lab,
            span,
            servers,
            probes,
            cold: 0,
        };
        for daemon in Daemon::ALL {
            // Three times: a ready-made answer is kept at the second sighting.
            rig.dnsperf(
                daemon,
                CLIENT,
                &["-d", &names, "-n", "3", "-Q", "2000", "-q", "50"],
            );
        }
        // Several times as much as it holds.
        let cold = rig.cold_names(60_000);
        rig.dnsperf(Daemon::Full, CLIENT, &["-d", &cold, "-n", "1", "-q", "100"]);
        rig
    }

    /// One turn without a disturbance.
    pub fn calm(&mut self, disturbance: Disturbance) -> Waits {
        self.probe(disturbance.daemon()).ask(self.span)
    }

    /// One turn with it, and how often it happened.
    pub fn disturbed(&mut self, disturbance: Disturbance) -> (Waits, f64) {
        let cold = match disturbance.cold_names_per_second() {
            0 => String::new(),
            // Before and after the turn, too.
            rate => {
                self.cold_names(rate * (2 + u32::try_from(self.span.as_secs()).expect("a few")))
            }
        };
        let (ready, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let rig = &*self;
        thread::scope(|scope| {
            let other = scope.spawn(|| disturbance.go_on(rig, &cold, &ready, &done));
            while !ready.load(Ordering::Acquire) {
                assert!(!other.is_finished(), "{disturbance:?} cannot begin");
                thread::sleep(Duration::from_millis(10));
            }
            let waits = rig.probe(disturbance.daemon()).ask(rig.span);
            done.store(true, Ordering::Release);
            (waits, other.join().expect("it goes on"))
        })
    }

    /// How long a turn takes.
    pub const fn span(&self) -> Duration {
        self.span
    }

    pub fn server(&self, daemon: Daemon) -> &Server {
        &self.servers[daemon as usize]
    }

    /// Where a daemon keeps its incidents.
    pub fn incidents(&self, daemon: Daemon) -> PathBuf {
        let state = format!("state-{}", daemon.name());
        self.lab.dir().join(state).join("incidents")
    }

    /// The replies that dnsperf got.
    pub fn dnsperf(&self, daemon: Daemon, source: &str, more: &[&str]) -> f64 {
        let port = daemon.address().port().to_string();
        let common = [
            "dnsperf",
            "-s",
            "10.77.1.1",
            "-p",
            &port,
            "-a",
            source,
            "-e",
        ];
        let text = self
            .lab
            .load(&[&common[..], &["-O", "suppress=timeout"], more].concat());
        let field = |line: &str| {
            let rest = line.trim().strip_prefix("Queries completed:")?;
            rest.split_whitespace().next()?.parse().ok()
        };
        text.lines().find_map(field).expect("a number from dnsperf")
    }

    fn probe(&self, daemon: Daemon) -> &Probe {
        &self.probes[daemon as usize]
    }

    /// A file of names that nobody has asked for yet.
    fn cold_names(&mut self, count: u32) -> String {
        let from = self.cold;
        self.cold += count;
        let names = (from..self.cold).map(|number| format!("cold-{number:08}.warm.net A\n"));
        self.lab.file("cold", &names.collect::<String>())
    }
}
