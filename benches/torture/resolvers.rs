//! Which resolvers are compared, in which configurations, and how is each of them started?
//!
//! Every peer runs as its package sets it up, as far as a lab allows; the same for all: no validation (the drill's Internet is unsigned), the
//! drill's root hints, servers with private addresses allowed, the drill's clients allowed, one core.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

/// Where a resolver lives while it is measured.
pub struct Place<'a> {
    /// A directory of its own, empty.
    pub dir: &'a Path,
    pub listen: SocketAddr,
    /// The drill's root hints, a zone file.
    pub hints: &'a Path,
    /// Prefixes of clients that may ask.
    pub clients: &'a [&'a str],
}

/// A resolver in one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// What `--resolvers` calls it.
    pub key: &'static str,
    /// What the table calls it.
    pub title: &'static str,
    pub product: Product,
    /// What is configured beyond the package's own, for people; empty for none.
    pub settings: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Suimon,
    Unbound,
    Bind,
    Knot,
    PowerDns,
}

/// How to start a resolver: files to write into its directory, then a command to run. Its standard output is the log.
pub struct Recipe {
    pub files: Vec<(&'static str, String)>,
    /// Commands to be run to their end before, in the peers' root.
    pub before: Vec<Vec<String>>,
    pub command: Vec<String>,
}

const fn resolver(
    key: &'static str,
    title: &'static str,
    product: Product,
    settings: &'static str,
) -> Resolver {
    Resolver {
        key,
        title,
        product,
        settings,
    }
}

/// Title of our own rows.
pub const OURS: &str = "**Suimon**";

/// All of them, in the order of the table.
pub const ALL: [Resolver; 11] = [
    resolver("suimon", OURS, Product::Suimon, ""),
    resolver("unbound", "Unbound", Product::Unbound, ""),
    resolver(
        "unbound-ratelimit",
        "Unbound, ratelimit",
        Product::Unbound,
        "  ratelimit: 1000\n",
    ),
    resolver(
        "unbound-stale",
        "Unbound, ratelimit, stale",
        Product::Unbound,
        "  ratelimit: 1000\n  serve-expired: yes\n  serve-expired-client-timeout: 1800\n",
    ),
    resolver("bind", "BIND", Product::Bind, ""),
    resolver(
        "bind-fetches",
        "BIND, fetches-per-zone",
        Product::Bind,
        "fetches-per-zone 200;",
    ),
    resolver(
        "bind-stale",
        "BIND, fetches-per-zone, stale",
        Product::Bind,
        "fetches-per-zone 200; stale-cache-enable yes; stale-answer-enable yes; stale-answer-client-timeout 0;",
    ),
    resolver("knot", "Knot Resolver", Product::Knot, ""),
    resolver(
        "knot-stale",
        "Knot Resolver, stale",
        Product::Knot,
        "  serve-stale: true\n",
    ),
    resolver("pdns", "PowerDNS Recursor", Product::PowerDns, ""),
    resolver(
        "pdns-stale",
        "PowerDNS Recursor, stale",
        Product::PowerDns,
        "  serve_stale_extensions: 2880\n",
    ),
];

impl Product {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suimon => "Suimon",
            Self::Unbound => "Unbound",
            Self::Bind => "BIND",
            Self::Knot => "Knot Resolver",
            Self::PowerDns => "PowerDNS Recursor",
        }
    }

    /// What it is called in Debian; ours is built here.
    pub const fn package(self) -> Option<&'static str> {
        match self {
            Self::Suimon => None,
            Self::Unbound => Some("unbound"),
            Self::Bind => Some("bind9"),
            Self::Knot => Some("knot-resolver6"),
            Self::PowerDns => Some("pdns-recursor"),
        }
    }
}

impl Resolver {
    /// The one that `--resolvers` means.
    pub fn named(key: &str) -> Option<Self> {
        ALL.into_iter().find(|resolver| resolver.key == key)
    }

    /// How it is started there; `suimond` is the program of ours.
    pub fn recipe(&self, place: &Place<'_>, suimond: &str) -> Recipe {
        match self.product {
            Product::Suimon => suimon(place, suimond, self.settings),
            Product::Unbound => unbound(place, self.settings),
            Product::Bind => bind(place, self.settings),
            Product::Knot => knot(place, self.settings),
            Product::PowerDns => powerdns(place, self.settings),
        }
    }
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Each client prefix with something before and behind it.
fn each(place: &Place<'_>, before: &str, behind: &str) -> String {
    place.clients.iter().fold(String::new(), |mut all, client| {
        let _infallible = write!(all, "{before}{client}{behind}");
        all
    })
}

/// The package's own configuration, and what the lab needs over it; `more`: a setting a line.
fn suimon(place: &Place<'_>, suimond: &str, more: &str) -> Recipe {
    let dir = place.dir.display();
    let package = include_str!("../../packaging/config/suimon.toml");
    let allow = each(place, "\"", "\",");
    let settings = [
        format!("listen.addresses=[\"{}\"]", place.listen),
        format!("acl.allow=[{}]", allow.trim_end_matches(',')),
        format!("recursion.root_hints=\"{}\"", place.hints.display()),
        "egress.allow_private_servers=true".to_owned(),
        "dnssec.validation=\"off\"".to_owned(),
        format!("process.state_dir=\"{dir}\""),
        format!("control.socket=\"{dir}/control.sock\""),
    ];
    let mut words = command(&[suimond, "--config", &format!("{dir}/package.toml")]);
    for setting in settings.into_iter().chain(more.lines().map(str::to_owned)) {
        words.extend(["--set".to_owned(), setting]);
    }
    Recipe {
        files: vec![("package.toml", package.to_owned())],
        before: Vec::new(),
        command: words,
    }
}

fn unbound(place: &Place<'_>, settings: &str) -> Recipe {
    let dir = place.dir.display();
    let config = format!(
        "server:\n  username: \"\"\n  chroot: \"\"\n  directory: \"{dir}\"\n  pidfile: \"\"\n  use-syslog: no\n  interface: {}\n  port: {}\n{}  \
         root-hints: \"{}\"\n  module-config: \"iterator\"\n  local-zone: \"test.\" nodefault\n{settings}\
         remote-control:\n  control-enable: no\n",
        place.listen.ip(),
        place.listen.port(),
        each(place, "  access-control: ", " allow\n"),
        place.hints.display(),
    );
    Recipe {
        files: vec![("unbound.conf", config)],
        before: Vec::new(),
        command: command(&["unbound", "-d", "-c", &format!("{dir}/unbound.conf")]),
    }
}

fn bind(place: &Place<'_>, settings: &str) -> Recipe {
    let dir = place.dir.display();
    let clients = each(place, "", "; ");
    let config = format!(
        "options {{ directory \"{dir}\"; pid-file none; session-keyfile none; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; \
         recursion yes; allow-query {{ {clients}}}; allow-recursion {{ {clients}}}; allow-query-cache {{ {clients}}}; \
         dnssec-validation no; empty-zones-enable no; {settings} }};\ncontrols {{ }};\nzone \".\" {{ type hint; file \"{}\"; }};\n",
        place.listen.port(),
        place.listen.ip(),
        place.hints.display(),
    );
    Recipe {
        files: vec![("named.conf", config)],
        before: Vec::new(),
        command: command(&["named", "-g", "-c", &format!("{dir}/named.conf")]),
    }
}

/// Its manager makes the worker's configuration; the worker itself is what answers.
fn knot(place: &Place<'_>, settings: &str) -> Recipe {
    let dir = place.dir.display();
    let config = format!(
        "rundir: {dir}\nworkers: 1\nnetwork:\n  listen:\n    - interface: {}@{}\ncache:\n  storage: {dir}/cache\ndnssec:\n  enable: false\n\
         logging:\n  level: notice\noptions:\n  priming: false\n{settings}lua:\n  script: |\n    \
         modules.load('hints')\n    hints.root_file('{}')\n",
        place.listen.ip(),
        place.listen.port(),
        place.hints.display(),
    );
    Recipe {
        files: vec![("config.yaml", config), ("cache/.keep", String::new())],
        before: vec![command(&[
            "kresctl",
            "convert",
            "--output",
            &format!("{dir}/kresd.conf"),
            &format!("{dir}/config.yaml"),
        ])],
        command: command(&[
            "env",
            "SYSTEMD_INSTANCE=1",
            "kresd",
            "-n",
            "-c",
            &format!("{dir}/kresd.conf"),
            &format!("{dir}"),
        ]),
    }
}

fn powerdns(place: &Place<'_>, settings: &str) -> Recipe {
    let dir = place.dir.display();
    let config = format!(
        "incoming:\n  listen: ['{}']\n  allow_from: [{}]\noutgoing:\n  dont_query: []\ndnssec:\n  validation: 'off'\nlogging:\n  quiet: true\n\
         recordcache:\n  max_entries: 1000000\n{settings}recursor:\n  hint_file: '{}'\n  socket_dir: '{dir}'\n  daemon: false\n  serve_rfc1918: false\n  \
         security_poll_suffix: ''\n  setuid: ''\n  setgid: ''\n",
        place.listen,
        each(place, "'", "', ").trim_end_matches(", "),
        place.hints.display(),
    );
    Recipe {
        files: vec![("recursor.yml", config)],
        before: Vec::new(),
        command: command(&["pdns_recursor", &format!("--config-dir={dir}")]),
    }
}
