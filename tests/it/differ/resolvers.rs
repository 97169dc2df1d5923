//! Who is asked? suimond and Debian's resolvers, each validating by the same anchor from the same root hints, as shipped otherwise.

use std::net::SocketAddr;
use std::process::Command;

use super::internet::ROOT_SERVER;
use crate::lab::{Lab, Ns, servers, suimond};

/// Where another build of suimond is, if it is to be compared.
const BEFORE: &str = "SUIMOND_BEFORE";

/// A resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolver {
    Suimond,
    Unbound,
    Knot,
    Pdns,
    /// Another build of suimond, to be compared like a peer: `SUIMOND_BEFORE` in the environment.
    Before,
}

impl Resolver {
    /// All, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Suimond,
        Self::Unbound,
        Self::Knot,
        Self::Pdns,
        Self::Before,
    ];

    /// Its daemon, as verdicts name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suimond => "suimond",
            Self::Unbound => "unbound",
            Self::Knot => "kresd",
            Self::Pdns => "pdns",
            Self::Before => "before",
        }
    }

    /// The Debian package and its version, if it is there.
    pub fn version(self) -> Option<String> {
        let package = match self {
            Self::Suimond => return Some("this build".to_owned()),
            Self::Before => return std::env::var(BEFORE).ok(),
            Self::Unbound => "unbound",
            Self::Knot => "knot-resolver",
            Self::Pdns => "pdns-recursor",
        };
        let output = Command::new("dpkg-query")
            .args(["-W", "-f", "${db:Status-Abbrev}${Version}", package])
            .output()
            .ok()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.strip_prefix("ii ").map(str::to_owned)
    }

    /// Starts it with an empty cache; its process is `Lab::pid` of `tag`.
    pub fn start(self, lab: &mut Lab, ns: &Ns, tag: &str, listen: SocketAddr, anchor: &str) {
        let hints = format!(". 3600 IN NS a.root.\na.root. 3600 IN A {ROOT_SERVER}\n");
        let hints_file = lab.file("hints.zone", &hints);
        let dir = lab.dir().join(tag);
        std::fs::create_dir_all(&dir).expect("a directory of the lab");
        let dir = dir.display().to_string();
        let (address, port) = (listen.ip(), listen.port());
        match self {
            Self::Suimond | Self::Before => {
                let config = lab.file(
                    &format!("{tag}/suimond.toml"),
                    &format!(
                        "[listen]\naddresses = [\"{listen}\"]\nworkers = 1\n[acl]\nallow = [\"127.0.0.0/8\"]\n[recursion]\nroot_hints = {hints_file:?}\n\
                         [egress]\nallow_private_servers = true\nipv6 = false\n[policy]\nspecial_use = false\n\
                         [dnssec]\nvalidation = \"on\"\ntrust_anchors = [\". IN DS {anchor}\"]\nfollow_rollovers = false\n\
                         [process]\nstate_dir = \"{dir}\"\ndrain = \"0s\"\nsandbox = false\n"
                    ),
                );
                let key = if self == Self::Before {
                    BEFORE
                } else {
                    "SUIMOND"
                };
                let binary = std::env::var(key).unwrap_or_else(|_| suimond::SUIMOND.to_owned());
                lab.spawn(
                    ns,
                    tag,
                    &[&binary, "--config", &config.display().to_string()],
                );
                suimond::wait_until_ready(lab, tag);
            }
            Self::Unbound => {
                let more = format!(
                    "  module-config: \"validator iterator\"\n  trust-anchor: \". IN DS {anchor}\"\n  trust-anchor-signaling: no\n  do-ip6: no\n"
                );
                servers::unbound(lab, ns, tag, listen, &hints, &more);
            }
            Self::Knot => {
                let config = lab.file(
                    &format!("{tag}/kresd.conf"),
                    &format!(
                        "net.listen('{address}', {port}, {{ kind = 'dns' }})\nnet.ipv6 = false\ncache.open(100 * MB, 'lmdb://{dir}/cache')\n\
                         trust_anchors.remove('.')\ntrust_anchors.add('. IN DS {anchor}')\nmodules.unload('ta_update')\n\
                         modules.unload('ta_signal_query')\nmodules.unload('detect_time_skew')\nmodules.load('hints')\n\
                         hints.root({{ ['a.root.'] = {{ '{ROOT_SERVER}' }} }})\n"
                    ),
                );
                lab.spawn(
                    ns,
                    tag,
                    &["kresd", "-n", "-c", &config.display().to_string(), &dir],
                );
            }
            Self::Pdns => {
                let script = lab.file(
                    &format!("{tag}/anchor.lua"),
                    &format!("clearTA()\naddTA('.', \"{anchor}\")\n"),
                );
                lab.file(
                    &format!("{tag}/recursor.conf"),
                    &format!(
                        "local-address={address}\nlocal-port={port}\nhint-file={}\ndnssec=validate\nlua-config-file={}\ndont-query=\n\
                         allow-from=0.0.0.0/0\nquery-local-address=0.0.0.0\nserve-rfc1918=no\nexport-etc-hosts=no\nsecurity-poll-suffix=\n\
                         socket-dir={dir}\ndaemon=no\ndisable-syslog=yes\nthreads=1\nquiet=yes\nsetuid=0\nsetgid=0\n",
                        hints_file.display(),
                        script.display()
                    ),
                );
                lab.spawn(ns, tag, &["pdns_recursor", &format!("--config-dir={dir}")]);
            }
        }
        lab.wait_for_port(ns, listen, tag);
    }
}

/// Nanoseconds that all threads of a process have run, in user mode and in the kernel.
pub fn cpu(pid: u32) -> u64 {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}
