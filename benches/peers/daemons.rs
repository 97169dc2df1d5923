//! Other resolvers from Debian, each as its package sets it up as far as a lab allows: no validation, no priming where it can be left out.

use std::net::SocketAddr;

use crate::lab::{Lab, Ns, servers};

/// A resolver to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Unbound,
    Bind,
    Knot,
    Pdns,
}

impl Peer {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Unbound, Self::Bind, Self::Knot, Self::Pdns];

    /// The daemon's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Bind => "named",
            Self::Knot => "kresd",
            Self::Pdns => "pdns",
        }
    }

    /// The Debian package it comes in.
    pub const fn package(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Bind => "bind9",
            Self::Knot => "knot-resolver",
            Self::Pdns => "pdns-recursor",
        }
    }

    /// Starts it on `listen`, resolving from `a.root.` at the one address of `hints`.
    pub fn start(self, lab: &mut Lab, ns: &Ns, listen: SocketAddr, hints: &str) {
        let root = hints.split_whitespace().last().expect("a hint's address");
        let name = self.name();
        let dir = lab.dir().join(name);
        std::fs::create_dir_all(&dir).expect("a directory of the lab");
        let dir = dir.display().to_string();
        let (address, port) = (listen.ip(), listen.port());
        match self {
            Self::Unbound => servers::unbound(lab, ns, name, listen, hints, ""),
            Self::Bind => {
                let hints = lab.file("named/hints.zone", hints);
                let config = lab.file(
                    "named/named.conf",
                    &format!(
                        "options {{ directory \"{dir}\"; pid-file none; session-keyfile none; listen-on port {port} {{ {address}; }}; \
                         listen-on-v6 {{ none; }}; recursion yes; allow-query {{ any; }}; allow-recursion {{ any; }}; \
                         dnssec-validation no; empty-zones-enable no; }};\ncontrols {{ }};\nzone \".\" {{ type hint; file \"{}\"; }};\n",
                        hints.display()
                    ),
                );
                lab.spawn(
                    ns,
                    name,
                    &["named", "-g", "-c", &config.display().to_string()],
                );
            }
            Self::Knot => {
                let config = lab.file(
                    "kresd/kresd.conf",
                    &format!(
                        "net.listen('{address}', {port}, {{ kind = 'dns' }})\ncache.open(20 * MB, 'lmdb://{dir}/cache')\n\
                         trust_anchors.remove('.')\nmodules.unload('priming')\nmodules.unload('ta_update')\n\
                         modules.unload('ta_signal_query')\nmodules.unload('detect_time_skew')\nmodules.load('hints')\n\
                         hints.root({{ ['a.root.'] = {{ '{root}' }} }})\n\
                         policy.add(policy.suffix(policy.PASS, policy.todnames({{ 'test.' }})))\n"
                    ),
                );
                lab.spawn(
                    ns,
                    name,
                    &["kresd", "-n", "-c", &config.display().to_string(), &dir],
                );
            }
            Self::Pdns => {
                let hints = lab.file("pdns/hints.zone", hints);
                lab.file(
                    "pdns/recursor.conf",
                    &format!(
                        "local-address={address}\nlocal-port={port}\nhint-file={}\ndnssec=off\ndont-query=\nallow-from=0.0.0.0/0\n\
                         query-local-address=0.0.0.0, ::\nserve-rfc1918=no\nexport-etc-hosts=no\nsecurity-poll-suffix=\n\
                         socket-dir={dir}\ndaemon=no\ndisable-syslog=yes\nthreads=1\nquiet=yes\nsetuid=0\nsetgid=0\n",
                        hints.display()
                    ),
                );
                lab.spawn(ns, name, &["pdns_recursor", &format!("--config-dir={dir}")]);
            }
        }
        lab.wait_for_port(ns, listen, name);
    }
}
