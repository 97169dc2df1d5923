//! How is one resolver set up, attacked and taken down? Three namespaces in a row: clients and attackers, resolver, Internet.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::resolvers::{Place, Product, Resolver};

/// Clients of the drill, honest and not: all in the clients' namespace.
const CLIENTS: [&str; 1] = ["10.0.0.0/13"];
const LISTEN: &str = "10.8.0.53:53";
/// Where the drill's servers may be, of which it takes a /24; all in the Internet's namespace.
const INTERNET: [&str; 3] = ["10.32.0.0/11", "10.64.0.0/10", "10.128.0.0/9"];
/// The links: clients' end and resolver's end, resolver's end and Internet's end.
const LINKS: [[&str; 2]; 2] = [["10.8.0.1", "10.8.0.53"], ["10.9.0.2", "10.9.0.1"]];
/// The resolver has a core to itself, the drill (clients, attackers, Internet) another.
const RESOLVER_CORE: &str = "0";
const DRILL_CORE: &str = "1";
/// Both stand above whatever else the machine does.
const NICE: &str = "-15";
/// Where the kernel weighs sessions first (sched_autogroup), niceness counts within a session only: the session is made nice, too.
const ABOVE: &str = r#"{ echo "$0" >/proc/self/autogroup; } 2>/dev/null; exec "$@""#;
/// NSD, which answers for the attacked zones, in the Internet's namespace.
const NSD: &str = "10.9.0.1:5300";
/// A drill that takes longer than it was told to by this much hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The programs of ours, and the root that holds the peers.
pub struct Programs {
    pub suimon: String,
    pub suimond: String,
    pub peers: PathBuf,
}

/// One attack, as the drill is told it.
#[derive(Clone, Debug)]
pub struct Order {
    pub attack: String,
    pub rate: u32,
    pub capacity: u32,
    pub calm: u32,
    pub seconds: u32,
    pub after: u32,
    pub seed: u64,
}

/// The namespaces with a resolver in them, gone when dropped.
struct Rig {
    clients: String,
    middle: String,
    internet: String,
    dir: tempfile::TempDir,
    resolver: Option<Child>,
    nsd: Option<Child>,
    drill: Option<Child>,
}

/// One attack on one resolver: the drill's report.
///
/// # Errors
/// In words, with the end of the resolver's log, what did not work.
pub fn run(programs: &Programs, resolver: &Resolver, order: &Order) -> Result<Value, String> {
    let mut rig = Rig::new()?;
    let told = rig.attack(programs, resolver, order);
    told.map_err(|reason| format!("{reason}\n{}", rig.log()))
}

/// The version of a peer's package in that root; nothing if it is not there.
pub fn version(programs: &Programs, product: Product) -> Option<String> {
    let Some(package) = product.package() else {
        let output = Command::new(&programs.suimond).arg("--version").output();
        return words(&output.ok()?)
            .split(' ')
            .next_back()
            .map(str::to_owned);
    };
    let output = Command::new("chroot")
        .arg(&programs.peers)
        .args(["dpkg-query", "-W", "-f", "${Version}", package])
        .output()
        .ok()?;
    let told = words(&output);
    (output.status.success() && !told.is_empty()).then_some(told)
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Rig {
    fn new() -> Result<Self, String> {
        let pid = std::process::id();
        let rig = Self {
            clients: format!("torture{pid}-c"),
            middle: format!("torture{pid}-r"),
            internet: format!("torture{pid}-i"),
            dir: tempfile::tempdir().map_err(|error| format!("no directory: {error}"))?,
            resolver: None,
            nsd: None,
            drill: None,
        };
        for namespace in rig.namespaces() {
            rig.ip(&["netns", "add", namespace])?;
            rig.ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        let (clients, middle, internet) = (&rig.clients, &rig.middle, &rig.internet);
        let [[client, listen], [outgoing, server]] = LINKS;
        rig.link((clients, client), (middle, listen))?;
        rig.link((middle, outgoing), (internet, server))?;
        // A local route makes every address of a prefix this namespace's own.
        for prefix in CLIENTS {
            rig.ip(&["-n", clients, "route", "add", "local", prefix, "dev", "lo"])?;
            rig.ip(&["-n", middle, "route", "add", prefix, "via", client])?;
        }
        for prefix in INTERNET {
            rig.ip(&["-n", internet, "route", "add", "local", prefix, "dev", "lo"])?;
            rig.ip(&["-n", middle, "route", "add", prefix, "via", server])?;
        }
        Ok(rig)
    }

    fn namespaces(&self) -> [&str; 3] {
        [&self.clients, &self.middle, &self.internet]
    }

    /// A veth pair, its ends named after where they lead.
    fn link(&self, one: (&str, &str), other: (&str, &str)) -> Result<(), String> {
        let device = |to: &str| format!("to-{}", to.rsplit('-').next().unwrap_or(to));
        let (near, far) = (device(other.0), device(one.0));
        self.ip(&[
            "link", "add", &near, "netns", one.0, "type", "veth", "peer", "name", &far, "netns",
            other.0,
        ])?;
        for ((namespace, address), device) in [(one, &near), (other, &far)] {
            let address = format!("{address}/24");
            self.ip(&["-n", namespace, "address", "add", &address, "dev", device])?;
            self.ip(&["-n", namespace, "link", "set", device, "up"])?;
        }
        Ok(())
    }

    fn attack(
        &mut self,
        programs: &Programs,
        resolver: &Resolver,
        order: &Order,
    ) -> Result<Value, String> {
        let hints = self.dir.path().join("hints.zone");
        let report = self.dir.path().join("report.json");
        // The resolver needs the hints, the drill its process: the drill is told a number that will be the resolver's.
        let listen: SocketAddr = LISTEN
            .parse()
            .map_err(|error| format!("{LISTEN}: {error}"))?;
        let gate = self.gate(programs, resolver, listen, &hints)?;
        let pid = gate.to_string();
        let zones = self.authority(&hints)?;
        let seconds = [order.calm, order.seconds, order.after].map(|seconds| seconds.to_string());
        let [calm, during, after] = &seconds;
        let (rate, seed) = (order.rate.to_string(), order.seed.to_string());
        let capacity = order.capacity.to_string();
        let drill = self
            .inside(&self.clients, DRILL_CORE)
            .args([programs.suimon.as_str(), "drill", "--json"])
            .args(["--attack", &order.attack, "--rate", &rate, "--seed", &seed])
            .args(["--capacity", &capacity, "--stand-in", NSD])
            .arg("--zone-files")
            .arg(&zones)
            .args([
                "--calm",
                calm,
                "--seconds",
                during,
                "--after",
                after,
                "--until-released",
            ])
            .args(["--against", LISTEN, "--pid", &pid, "--servers-port", "53"])
            .args(["--servers-netns", &self.internet])
            .arg("--hints")
            .arg(&hints)
            .stdin(Stdio::null())
            .stdout(self.file("report.json")?)
            .stderr(self.file("drill.log")?)
            .spawn()
            .map_err(|error| format!("the drill does not start: {error}"))?;
        self.drill = Some(drill);
        let longest = order.calm + order.seconds + order.after;
        self.wait(Duration::from_secs(u64::from(longest)) + PATIENCE)?;
        let text = fs::read_to_string(report).map_err(|error| format!("no report: {error}"))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("the drill's report is no JSON ({error}): {text:.200}"))
    }

    /// Prepares the resolver and lets it wait for the drill's hints: its process is known before the drill begins.
    fn gate(
        &mut self,
        programs: &Programs,
        resolver: &Resolver,
        listen: SocketAddr,
        hints: &Path,
    ) -> Result<u32, String> {
        let dir = self.dir.path().join("resolver");
        let place = Place {
            dir: &dir,
            listen,
            hints,
            clients: &CLIENTS,
        };
        let recipe = resolver.recipe(&place, &programs.suimond);
        for (name, text) in &recipe.files {
            let path = dir.join(name);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::write(&path, text))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let root = match resolver.product {
            Product::Suimon => None,
            _ => Some(programs.peers.as_path()),
        };
        let script = script(
            root,
            self.dir.path(),
            hints,
            &recipe.before,
            &recipe.command,
        );
        let log = self.file("resolver.log")?;
        let again = log
            .try_clone()
            .map_err(|error| format!("resolver.log: {error}"))?;
        let child = self
            .inside(&self.middle, RESOLVER_CORE)
            .args(["sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(again)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", resolver.key))?;
        let pid = child.id();
        self.resolver = Some(child);
        Ok(pid)
    }

    /// Prepares the attacked zones' name server, which is NSD, and lets it wait for the hints: then the zones are written, too. Where
    /// they will be.
    fn authority(&mut self, hints: &Path) -> Result<PathBuf, String> {
        let zones = self.dir.path().join("zones");
        fs::create_dir(&zones).map_err(|error| format!("{}: {error}", zones.display()))?;
        let (at, port) = NSD.split_once(':').unwrap_or_default();
        let (dir, hints) = (zones.display(), hints.display());
        // One process of NSD, so that what it takes of the drill's core is little.
        let script = format!(
            r#"set -eu
while [ ! -s '{hints}' ]; do sleep 0.05; done
{{
    printf 'server:\n  ip-address: {at}\n  port: {port}\n  server-count: 1\n  username: ""\n  chroot: ""\n  zonesdir: "{dir}"\n'
    printf '  pidfile: ""\n  database: ""\n  xfrdfile: ""\n  zonelistfile: "{dir}/.list"\n  xfrdir: "{dir}"\n'
    printf 'remote-control:\n  control-enable: no\n'
    for zone in '{dir}'/*; do printf 'zone:\n  name: "%s."\n  zonefile: "%s"\n' "${{zone##*/}}" "${{zone##*/}}"; done
}} >'{dir}/.nsd.conf'
exec nsd -d -c '{dir}/.nsd.conf'"#
        );
        let log = self.file("nsd.log")?;
        let child = self
            .inside(&self.internet, DRILL_CORE)
            .args(["sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("nsd does not start: {error}"))?;
        self.nsd = Some(child);
        Ok(zones)
    }

    /// A command in the namespace, on that core, above whatever else the machine does, ended with this program.
    fn inside(&self, namespace: &str, core: &str) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", namespace])
            .args(["taskset", "-c", core, "nice", "-n", NICE])
            .args(["setpriv", "--pdeathsig", "KILL", "setsid"])
            .args(["sh", "-c", ABOVE, NICE]);
        command
    }

    /// Until the drill has ended, or the resolver did, which is no good end.
    fn wait(&mut self, patience: Duration) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Some(Ok(Some(status))) = self.drill.as_mut().map(Child::try_wait) {
                // 1: a promise is not kept, which is what peers are measured for.
                return match status.code() {
                    Some(0 | 1) => Ok(()),
                    _ => Err(format!("the drill failed: {status}")),
                };
            }
            for (what, child) in [("resolver", &mut self.resolver), ("nsd", &mut self.nsd)] {
                if let Some(Ok(Some(status))) = child.as_mut().map(Child::try_wait) {
                    return Err(format!("the {what} ended: {status}"));
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the drill has not ended after {patience:?}"))
    }

    fn file(&self, name: &str) -> Result<File, String> {
        File::create(self.dir.path().join(name)).map_err(|error| format!("{name}: {error}"))
    }

    /// The ends of what all said.
    fn log(&self) -> String {
        ["drill.log", "nsd.log", "resolver.log"]
            .map(|name| {
                let text = fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let end = lines
                    .get(lines.len().saturating_sub(12)..)
                    .unwrap_or_default();
                format!("--- {name}\n{}", end.join("\n"))
            })
            .join("\n")
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        let output = Command::new("ip")
            .args(arguments)
            .output()
            .map_err(|error| format!("ip: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        Err(format!("ip {arguments:?}: {told}"))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for child in [self.drill.take(), self.nsd.take(), self.resolver.take()] {
            let Some(mut child) = child else { continue };
            end(&mut child);
        }
        for namespace in self.namespaces() {
            let _gone = self.ip(&["netns", "del", namespace]);
        }
    }
}

/// SIGTERM, and SIGKILL after three seconds.
fn end(child: &mut Child) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _sent = kill_process(pid, Signal::TERM);
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _killed = child.kill();
    let _ended = child.wait();
}

/// A shell script that waits for the hints and then becomes the resolver, in the peers' root if it is a peer. `ip netns exec` gives it a
/// mount namespace of its own: what is mounted here is gone with it.
fn script(
    root: Option<&Path>,
    dir: &Path,
    hints: &Path,
    before: &[Vec<String>],
    command: &[String],
) -> String {
    let line = |words: &[String]| {
        words
            .iter()
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut script = String::from("set -eu\n");
    let mut enter = String::new();
    if let Some(root) = root {
        let (root, dir) = (root.display(), dir.display());
        script.push_str(&format!(
            "mount -t proc proc '{root}/proc'\nmount -t tmpfs tmpfs '{root}/tmp'\nmkdir -p '{root}{dir}'\nmount --bind '{dir}' '{root}{dir}'\n"
        ));
        enter = format!("chroot '{root}' ");
    }
    for words in before {
        script.push_str(&format!("{enter}{}\n", line(words)));
    }
    script.push_str(&format!(
        "while [ ! -s '{}' ]; do sleep 0.05; done\nexec {enter}{}\n",
        hints.display(),
        line(command)
    ));
    script
}
