//! Real authoritative servers from Debian: NSD, Knot and BIND, each with its own zones and addresses; and Unbound to compare with.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::{Lab, Ns};

/// A zone: its name and its zone file.
pub struct Zone {
    /// Name without the final dot; "." for the root.
    pub name: &'static str,
    /// The zone file's text.
    pub text: String,
}

/// Starts NSD with `zones` on `addresses`.
pub fn nsd(lab: &mut Lab, ns: &Ns, name: &str, addresses: &[IpAddr], zones: &[Zone]) {
    let dir = lab.dir().join(name);
    let mut config = format!(
        "server:\n  username: root\n  chroot: \"\"\n  zonesdir: \"{0}\"\n  database: \"\"\n  pidfile: \"{0}/pid\"\n  xfrdfile: \"{0}/xfrd\"\n  \
         zonelistfile: \"{0}/zonelist\"\n  xfrdir: \"{0}\"\n  server-count: 1\n  rrl-ratelimit: 0\n",
        dir.display()
    );
    for address in addresses {
        let _infallible = writeln!(config, "  ip-address: {address}");
    }
    config.push_str("remote-control:\n  control-enable: no\n");
    for zone in zones {
        let file = zone_file(lab, name, zone);
        let _infallible = writeln!(
            config,
            "zone:\n  name: \"{}\"\n  zonefile: \"{file}\"\n  provide-xfr: 0.0.0.0/0 NOKEY",
            zone.name
        );
    }
    let config = lab.file(&format!("{name}/nsd.conf"), &config);
    lab.spawn(
        ns,
        name,
        &["nsd", "-d", "-c", &config.display().to_string()],
    );
    wait(lab, ns, name, addresses);
}

/// Starts Knot DNS with `zones` on `addresses`.
pub fn knot(lab: &mut Lab, ns: &Ns, name: &str, addresses: &[IpAddr], zones: &[Zone]) {
    let dir = lab.dir().join(name);
    let listen: Vec<String> = addresses
        .iter()
        .map(|address| format!("\"{address}@53\""))
        .collect();
    let mut config = format!(
        "server:\n  rundir: \"{0}\"\n  user: root\n  listen: [{1}]\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
         database:\n  storage: \"{0}\"\nlog:\n  - target: stderr\n    any: warning\nacl:\n  - id: transfer\n    address: 0.0.0.0/0\n    action: transfer\ntemplate:\n  - id: default\n    storage: \"{0}\"\n    \
         zonefile-sync: -1\n    journal-content: none\n    acl: transfer\nzone:\n",
        dir.display(),
        listen.join(", ")
    );
    for zone in zones {
        let file = zone_file(lab, name, zone);
        let _infallible = writeln!(
            config,
            "  - domain: \"{}\"\n    file: \"{file}\"",
            zone.name
        );
    }
    let config = lab.file(&format!("{name}/knot.conf"), &config);
    lab.spawn(ns, name, &["knotd", "-c", &config.display().to_string()]);
    wait(lab, ns, name, addresses);
}

/// Starts BIND with `zones` on `addresses`, authoritative only.
pub fn bind(lab: &mut Lab, ns: &Ns, name: &str, addresses: &[IpAddr], zones: &[Zone]) {
    let dir = lab.dir().join(name);
    let family = |v6: bool| -> String {
        let list: Vec<String> = addresses
            .iter()
            .filter(|address| address.is_ipv6() == v6)
            .map(|address| format!("{address};"))
            .collect();
        if list.is_empty() {
            "none;".to_owned()
        } else {
            list.join(" ")
        }
    };
    let mut config = format!(
        "options {{ directory \"{0}\"; pid-file \"{0}/pid\"; session-keyfile \"{0}/session.key\"; recursion no; notify no; \
         listen-on {{ {1} }}; listen-on-v6 {{ {2} }}; dnssec-validation no; minimal-responses no; }};\ncontrols {{ }};\n",
        dir.display(),
        family(false),
        family(true)
    );
    for zone in zones {
        let file = zone_file(lab, name, zone);
        let _infallible = writeln!(
            config,
            "zone \"{}\" {{ type primary; file \"{file}\"; }};",
            zone.name
        );
    }
    let config = lab.file(&format!("{name}/named.conf"), &config);
    lab.spawn(
        ns,
        name,
        &[
            "named",
            "-g",
            "-n",
            "1",
            "-c",
            &config.display().to_string(),
        ],
    );
    wait(lab, ns, name, addresses);
}

/// The lines for `more` of [`unbound`] that make it validate from this anchor, with the answers for what is bogus in the reply.
pub fn validating(anchor: &str) -> String {
    format!(
        "  module-config: \"validator iterator\"\n  trust-anchor: \"{anchor}\"\n  ede: yes\n  val-log-level: 2\n"
    )
}

/// Starts Unbound, not validating, with its usual hardening, on `listen`.
pub fn unbound(lab: &mut Lab, ns: &Ns, name: &str, listen: SocketAddr, hints: &str, more: &str) {
    let hints = lab.file(&format!("{name}/hints.zone"), hints);
    let config = format!(
        "server:\n  username: \"\"\n  chroot: \"\"\n  directory: \"{0}\"\n  pidfile: \"\"\n  use-syslog: no\n  interface: {1}\n  port: {2}\n  \
         access-control: 0.0.0.0/0 allow\n  access-control: ::/0 allow\n  root-hints: \"{3}\"\n  module-config: \"iterator\"\n  num-threads: 1\n  \
         do-not-query-localhost: no\n  qname-minimisation: yes\n  local-zone: \"test.\" nodefault\n{4}\nremote-control:\n  control-enable: no\n",
        lab.dir().join(name).display(),
        listen.ip(),
        listen.port(),
        hints.display(),
        more
    );
    let config = lab.file(&format!("{name}/unbound.conf"), &config);
    lab.spawn(
        ns,
        name,
        &["unbound", "-d", "-c", &config.display().to_string()],
    );
    lab.wait_for_port(ns, listen, name);
}

fn zone_file(lab: &Lab, server: &str, zone: &Zone) -> String {
    let label = if zone.name == "." { "root" } else { zone.name };
    lab.file(&format!("{server}/{label}.zone"), &zone.text)
        .display()
        .to_string()
}

fn wait(lab: &Lab, ns: &Ns, name: &str, addresses: &[IpAddr]) {
    for address in addresses {
        lab.wait_for_port(ns, SocketAddr::new(*address, 53), name);
    }
}
