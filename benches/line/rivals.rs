//! Who is compared, and how is each started? A bare echo, suimond and the peers, each alone at work on the same core.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::authority;
use crate::lab::{Lab, Server};
use crate::options::Options;
use crate::probe::probe;
use crate::resolvers::{Place, Product, Resolver};

/// Clients that may ask, and such as may not.
pub const CLIENTS: &str = "10.80.0.0/20";
pub const OUTSIDERS: &str = "10.90.0.0/20";
/// Clients with a line of their own: what kxdpgun sends from takes every reply on its line.
pub const HONEST: &str = "10.80.16.0/24";
/// A client at one address, for dnsperf.
pub const CLIENT: &str = "10.77.1.2";
/// The last is dnsdist, as the one behind it sees it.
const ALLOWED: [&str; 4] = [CLIENTS, HONEST, "10.77.1.2/32", "10.77.1.1/32"];
const SERVER: &str = "10.77.1.1";
/// Names asked again and again.
const NAMES: u32 = 1000;
/// The limiter is at work, and nobody over his limit: one generator is a whole country's clients.
const FIRST: &str = "limiter.rate=1000000\nlimiter.instant=2000000";
/// Beside the first, which has the port of the metrics: the one with two workers, and the one with an empty cache.
const SECOND: &str =
    "limiter.rate=1000000\nlimiter.instant=2000000\nmetrics.listen=\"127.0.0.1:9154\"";
const THIRD: &str =
    "limiter.rate=1000000\nlimiter.instant=2000000\nmetrics.listen=\"127.0.0.1:9155\"";
/// Unbound's caches hold 4 MB each unless told otherwise; the others have room for a million small answers as they are.
const ROOMY: &str = "  msg-cache-size: 2g\n  rrset-cache-size: 2g\n";

/// One of those compared, running.
#[derive(Debug)]
pub struct Rival {
    pub title: &'static str,
    pub product: Option<Product>,
    pub server: Server,
    pub address: SocketAddr,
}

/// The lab with all of them in it.
pub struct Field {
    pub lab: Lab,
    pub rivals: Vec<Rival>,
    /// Files of names: the same again and again.
    pub names: String,
    /// Queries that the authority got.
    pub upstream: Arc<AtomicU64>,
    suimond: String,
    hints: String,
    peers: PathBuf,
    versions: Vec<String>,
    next_port: u16,
}

impl Field {
    /// Starts everybody, and has all names cached.
    pub fn new(options: &Options) -> Self {
        let lab = Lab::new();
        lab.clients("c", CLIENTS);
        lab.clients("c", OUTSIDERS);
        lab.clients("h", HONEST);
        let upstream = lab.inside("u", authority::start);
        let names: String = (0..NAMES).fold(String::new(), |all, number| {
            all + &format!("host-{number}.warm.net. A E\n")
        });
        let mut field = Self {
            names: lab.file("names", &names),
            hints: lab.file("hints", &authority::hints()),
            lab,
            rivals: Vec::new(),
            upstream,
            suimond: std::env::var("SUIMOND")
                .unwrap_or_else(|_| env!("CARGO_BIN_EXE_suimond").to_owned()),
            peers: options.peers(),
            versions: Vec::new(),
            next_port: 5301,
        };
        let itself = std::env::current_exe().expect("our own path");
        let address = field.next_address();
        let command = [
            itself.to_str().expect("a plain path"),
            "echo",
            &address.to_string(),
        ];
        let server = field.lab.serve("echo", "echo: ready", &command);
        field.rivals.push(Rival {
            title: "bare echo",
            product: None,
            server,
            address,
        });
        for key in ["suimon", "unbound", "bind", "knot", "pdns"] {
            let resolver = Resolver::named(key).expect("a resolver of that name");
            let resolver = Resolver {
                settings: if key == "suimon" { FIRST } else { "" },
                ..resolver
            };
            let Some(version) = field.version(resolver.product) else {
                println!("bench line: no {key} here, so no column of it");
                continue;
            };
            let told = format!("{} {version}", resolver.product.name());
            field.versions.push(told);
            let rival = field.start(&resolver, "0");
            field.rivals.push(rival);
        }
        field.start_dnsdist();
        field
    }

    /// What the columns are called.
    pub fn titles(&self) -> Vec<&'static str> {
        self.rivals.iter().map(|rival| rival.title).collect()
    }

    /// Who is compared, in which version.
    pub fn versions(&self) -> String {
        format!("{}.", self.versions.join(", "))
    }

    /// The same names in dnsperf's form.
    pub fn plain_names(&self) -> String {
        let names = (0..NAMES).fold(String::new(), |all, number| {
            all + &format!("host-{number}.warm.net A\n")
        });
        self.lab.file("plain-names", &names)
    }

    /// suimond on these cores, with a worker for each.
    pub fn suimond_on(&mut self, cores: &str) -> Rival {
        let ours = Resolver::named("suimon").expect("ours");
        let second = Resolver {
            settings: SECOND,
            ..ours
        };
        self.start(&second, cores)
    }

    /// Every resolver once more, with an empty cache and room for a million names.
    pub fn roomy(&mut self) -> Vec<Rival> {
        let products: Vec<Product> = self.rivals.iter().filter_map(|one| one.product).collect();
        let again = |product| Resolver {
            key: "roomy",
            title: title(product),
            product,
            settings: match product {
                Product::Suimon => THIRD,
                Product::Unbound => ROOMY,
                _ => "",
            },
        };
        let resolvers: Vec<Resolver> = products.into_iter().map(again).collect();
        resolvers.iter().map(|one| self.start(one, "0")).collect()
    }

    /// Starts it, waits until it answers, and has it learn every name.
    fn start(&mut self, resolver: &Resolver, cores: &str) -> Rival {
        let address = self.next_address();
        let name = format!("{}-{}", resolver.key, address.port());
        let dir = self.lab.dir().join(&name);
        let hints = PathBuf::from(&self.hints);
        let place = Place {
            dir: &dir,
            listen: address,
            hints: &hints,
            clients: &ALLOWED,
        };
        let recipe = resolver.recipe(&place, &self.suimond);
        for (file, text) in &recipe.files {
            let path = dir.join(file);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            std::fs::write(path, text).expect("a file of the lab");
        }
        let root = (resolver.product != Product::Suimon).then_some(self.peers.as_path());
        let script = script(root, self.lab.dir(), &recipe.before, &recipe.command);
        let server = self.lab.serve_on(cores, &name, "", &["sh", "-c", &script]);
        let rival = Rival {
            title: title(resolver.product),
            product: Some(resolver.product),
            server,
            address,
        };
        self.warm(&rival);
        rival
    }

    /// In front of PowerDNS, with a packet cache: what many put before a resolver.
    fn start_dnsdist(&mut self) {
        let behind = self
            .rivals
            .iter()
            .find(|rival| rival.product == Some(Product::PowerDns));
        let (Some(behind), Some(version)) = (behind, self.package_version("dnsdist")) else {
            println!("bench line: no dnsdist here, so no column of it");
            return;
        };
        let behind = behind.address;
        let address = self.next_address();
        let allowed = ALLOWED.map(|prefix| format!("'{prefix}'")).join(", ");
        let config = format!(
            "setLocal('{address}')\nsetACL({{{allowed}}})\nnewServer({{address='{behind}', healthCheckMode='up'}})\n\
             getPool(''):setCache(newPacketCache(1000000))\nsetSecurityPollSuffix('')\n"
        );
        let config = self.lab.file("dnsdist.conf", &config);
        let command = ["dnsdist", "--supervised", "--disable-syslog", "-C", &config];
        let command = command.map(str::to_owned);
        let script = script(Some(&self.peers), self.lab.dir(), &[], &command);
        let server = self.lab.serve("dnsdist", "", &["sh", "-c", &script]);
        let rival = Rival {
            title: "dnsdist before PowerDNS",
            product: None,
            server,
            address,
        };
        self.warm(&rival);
        self.versions.push(format!("dnsdist {version}"));
        self.rivals.push(rival);
    }

    /// Until it answers; then every name three times: a ready-made answer is kept at the second sighting.
    fn warm(&self, rival: &Rival) {
        for _ in 0..40 {
            if self.probed(rival, 500, Duration::from_millis(200)) > 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let answered = self.probed(rival, 1000, Duration::from_secs(4));
        assert!(
            answered >= 3 * NAMES as usize,
            "{} answers {answered} of {}:\n{}",
            rival.title,
            4 * NAMES,
            rival.server.log()
        );
    }

    fn probed(&self, rival: &Rival, rate: u32, time: Duration) -> usize {
        let to = rival.address;
        let seen = self.lab.inside("c", move || {
            probe(&[CLIENT.to_owned()], to, &queries(), rate, time)
        });
        seen.waits.len()
    }

    fn next_address(&mut self) -> SocketAddr {
        let port = self.next_port;
        self.next_port += 1;
        SocketAddr::new(SERVER.parse().expect("an address"), port)
    }

    fn version(&self, product: Product) -> Option<String> {
        match product.package() {
            Some(package) => self.package_version(package),
            None => {
                let output = Command::new(&self.suimond).arg("--version").output();
                let told = String::from_utf8_lossy(&output.ok()?.stdout).into_owned();
                told.split_whitespace().next_back().map(str::to_owned)
            }
        }
    }

    fn package_version(&self, package: &str) -> Option<String> {
        let output = Command::new("chroot")
            .arg(&self.peers)
            .args(["dpkg-query", "-W", "-f", "${Version}", package])
            .output()
            .ok()?;
        let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && !told.is_empty()).then_some(told)
    }
}

const fn title(product: Product) -> &'static str {
    match product {
        Product::Suimon => "**suimond**",
        other => other.name(),
    }
}

/// A shell script that becomes the server, in the peers' root if it is a peer. `ip netns exec` gives it a mount namespace of its own: what
/// is mounted here is gone with it.
fn script(root: Option<&Path>, dir: &Path, before: &[Vec<String>], command: &[String]) -> String {
    let mut script = String::from("set -eu\n");
    let mut enter = String::new();
    if let Some(root) = root {
        let (root, dir) = (root.display(), dir.display());
        script.push_str(&format!(
            "mount -t proc proc '{root}/proc'\nmount -t tmpfs tmpfs '{root}/tmp'\nmkdir -p '{root}{dir}'\nmount --bind '{dir}' '{root}{dir}'\n"
        ));
        enter = format!("chroot '{root}' ");
    }
    let line = |words: &[String]| {
        words
            .iter()
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for words in before {
        script.push_str(&format!("{enter}{}\n", line(words)));
    }
    script.push_str(&format!("exec {enter}{}\n", line(command)));
    script
}

/// What is asked again and again, as packets: RD, type A, OPT with 1232 octets.
pub fn queries() -> Vec<Vec<u8>> {
    (0..NAMES)
        .map(|number| {
            let name: suimon::wire::Name = format!("host-{number}.warm.net.")
                .parse()
                .expect("a domain name");
            let mut packet = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
            packet.extend_from_slice(name.as_wire());
            packet.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
            packet
        })
        .collect()
}
