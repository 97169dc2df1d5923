//! Can servers be asked, and safely? Source addresses and ports, families, timeouts, root hints.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use super::{Check, coverage};
use crate::config::diagnose::{Place, Problem};
use crate::config::hints::{self, RootServer};
use crate::config::plan::Egress;

/// Fewest source ports: ten bits for a forger to guess beside the 16 of the ID.
const FEWEST_PORTS: usize = 1_024;
/// Below this a warning is due: RFC 5452 section 9.2 wants as many as possible; systems give 28,000 by default.
const FEW_PORTS: usize = 16_384;
/// Longest file of root hints read, octets; IANA's has 3,300.
const LONGEST_HINTS: u64 = 65_536;
/// Bad lines of root hints told of; a file of another kind has nothing but bad lines.
const BAD_HINTS_TOLD: usize = 10;

impl Check<'_> {
    pub(super) fn egress(&mut self) -> Egress {
        let egress = &self.file.egress;
        self.source_ports();
        if !egress.ipv4 && !egress.ipv6 {
            let path = if self.layers.is_written("egress.ipv6") {
                "egress.ipv6"
            } else {
                "egress.ipv4"
            };
            self.error(
                path,
                "no server can be asked",
                "both egress.ipv4 and egress.ipv6 are off",
                "switch one of them on",
            );
        }
        for (path, address) in [
            ("egress.source_v4", IpAddr::V4(egress.source_v4)),
            ("egress.source_v6", IpAddr::V6(egress.source_v6)),
        ] {
            if address.is_multicast() || address == IpAddr::from([255, 255, 255, 255]) {
                self.error(
                    path,
                    format!("`{address}` cannot be a source"),
                    "it is a multicast or broadcast address",
                    "name an address of this host, or remove the key",
                );
            }
        }
        self.ordered(
            "egress.initial_timeout",
            egress.initial_timeout,
            "egress.max_timeout",
            egress.max_timeout,
        );
        Egress {
            port: egress.port,
            ipv4: egress.ipv4,
            ipv6: egress.ipv6,
            source_v4: egress.source_v4,
            source_v6: egress.source_v6,
            source_ports: (egress.source_ports.0, egress.source_ports.1),
            avoid_ports: egress.avoid_ports.clone(),
            allow_private_servers: egress.allow_private_servers,
            never_ask: egress.never_ask.iter().map(|prefix| prefix.0).collect(),
            edns_size: egress.edns_size,
            case_randomisation: egress.case_randomisation,
            cookies: egress.cookies,
            initial_timeout: egress.initial_timeout.0,
            max_timeout: egress.max_timeout.0,
            tcp_timeout: egress.tcp_timeout.0,
            discarded_replies: egress.discarded_replies,
            servers: egress.servers,
        }
    }

    fn source_ports(&mut self) {
        let egress = &self.file.egress;
        let (low, high) = (egress.source_ports.0, egress.source_ports.1);
        let path = "egress.source_ports";
        if (low..=high).contains(&53) {
            return self.error(
                path,
                "source port 53 would be used for questions",
                "replies to port 53 look like queries to firewalls and to ourselves, and the port needs no guessing (CVE-2008-1447)",
                "write \"1024-65535\", or leave the key out",
            );
        }
        if low < 1_024 {
            return self.error(
                path,
                format!("source port {low} is a privileged port"),
                "ports below 1024 belong to services, and firewalls drop what comes from them",
                "write \"1024-65535\", or leave the key out",
            );
        }
        let usable = (low..=high)
            .filter(|port| !egress.avoid_ports.contains(port))
            .count();
        if usable < FEWEST_PORTS {
            self.error(
                path,
                format!("only {usable} source ports are left"),
                format!("a forger who guesses the port needs only the 16-bit ID; at least {FEWEST_PORTS} ports are required (RFC 5452)"),
                "widen egress.source_ports or shorten egress.avoid_ports",
            );
        } else if usable < FEW_PORTS {
            self.warning(
                path,
                format!("only {usable} source ports are left"),
                format!("every bit less makes forging answers twice as easy; below {FEW_PORTS} it is worth a thought (RFC 5452 section 9.2)"),
                "widen egress.source_ports unless a firewall forbids it",
            );
        }
    }

    /// The root servers to begin with.
    pub(super) fn root_hints(&mut self, system: Option<&Path>) -> Vec<RootServer> {
        let path = "recursion.root_hints";
        let forwarded = self
            .file
            .forward
            .iter()
            .any(|forward| forward.zone.0.is_root())
            || self.layers.is_broken("forward")
            || self.layers.is_broken("egress");
        let servers = match self.file.recursion.root_hints.as_deref() {
            None => return self.system_hints(system),
            Some("built-in") => return hints::built_in(),
            Some("none") => Some(Vec::new()),
            Some(named) => self.named_hints(Path::new(named)),
        };
        let Some(servers) = servers else {
            return Vec::new();
        };
        if forwarded {
            return servers;
        }
        if servers.is_empty() {
            self.error(
                path,
                "there are no root servers",
                "without them and without a forward zone for \".\" no name can be found out",
                "remove the key for the built-in root servers, or forward \".\"",
            );
        } else if !servers
            .iter()
            .flat_map(|(_, addresses)| addresses)
            .any(|address| self.may_ask(*address))
        {
            self.error(
                path,
                "none of these root servers may be asked",
                "their addresses are private, in egress.never_ask, or of a family that is switched off",
                "for a closed test network set egress.allow_private_servers = true; otherwise see egress.ipv4, egress.ipv6 and egress.never_ask",
            );
        }
        servers
    }

    fn may_ask(&self, address: IpAddr) -> bool {
        let egress = &self.file.egress;
        self.family_is_on(address)
            && (egress.allow_private_servers || !coverage::is_inner(&IpNet::from(address)))
            && !egress
                .never_ask
                .iter()
                .any(|prefix| prefix.0.contains(&address))
    }

    /// The file of the system if it is there and good, the list built in otherwise.
    fn system_hints(&mut self, system: Option<&Path>) -> Vec<RootServer> {
        let Some(file) = system else {
            return hints::built_in();
        };
        let why = match super::read_file(file, LONGEST_HINTS) {
            Ok(text) => match hints::parse(&text) {
                Ok(servers) if servers.is_empty() => {
                    "it names no root server with an address".to_owned()
                }
                Ok(servers) => return servers,
                Err(problems) => problems
                    .first()
                    .map_or_else(String::new, |problem| problem.why.clone()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return hints::built_in(),
            Err(error) => error.to_string(),
        };
        self.problems.push(Problem::warning(
            Place::File(file.to_owned()),
            "the root hints of the system are of no use",
            why,
            "reinstall dns-root-data; the built-in root servers are used meanwhile",
        ));
        hints::built_in()
    }

    fn named_hints(&mut self, file: &Path) -> Option<Vec<RootServer>> {
        let path = "recursion.root_hints";
        let text = match super::read_file(file, LONGEST_HINTS) {
            Ok(text) => text,
            Err(error) => {
                self.error(
                    path,
                    format!("root hints `{}` cannot be read", file.display()),
                    error.to_string(),
                    "name a file that can be read, or remove the key for the built-in root servers",
                );
                return None;
            }
        };
        match hints::parse(&text) {
            Ok(servers) => Some(servers),
            Err(problems) => {
                self.problems.extend(problems.into_iter().take(BAD_HINTS_TOLD).map(|problem| {
                    Problem::error(
                        Place::in_text(file, &text, &problem.span),
                        "this is not a root hint",
                        problem.why,
                        "write lines like `. NS a.root-servers.net.` and `a.root-servers.net. A 198.41.0.4`",
                    )
                }));
                None
            }
        }
    }
}
