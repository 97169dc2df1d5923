//! Which zones are not looked up in the ordinary way? Forward zones, stub zones, local zones and local data.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::{Check, public_resolvers};
use crate::config::plan::{ForwardZone, Policy, StubZone};
use crate::config::records;
use crate::config::units::Endpoint;
use crate::wire::rrset::group;
use crate::wire::{Name, Record, RecordType, Rrset};

impl Check<'_> {
    pub(super) fn policy(&mut self) -> Policy {
        let policy = &self.file.policy;
        let names = |zones: &[crate::config::units::ZoneName]| {
            zones
                .iter()
                .map(|zone| zone.0.clone())
                .collect::<Vec<Name>>()
        };
        let local_data = self.local_data();
        self.same_zones();
        Policy {
            special_use: policy.special_use,
            local_reverse: policy.local_reverse,
            passthrough: names(&policy.passthrough),
            local_data,
            local_zones: names(&policy.local_zones),
            forward: self.forward_zones(),
            stub: self.stub_zones(),
        }
    }

    fn forward_zones(&mut self) -> Vec<ForwardZone> {
        let zones = self.file.forward.iter().enumerate();
        zones
            .map(|(index, forward)| {
                let path = format!("forward.{index}");
                let leak_ok = forward.leak_ok.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
                for (position, server) in forward.servers.iter().enumerate() {
                    let Some(operator) = public_resolvers::operator(server.0.ip()) else { continue };
                    let server_path = format!("{path}.servers.{position}");
                    let what = format!("`{}` is a public resolver ({operator})", server.0.ip());
                    match leak_ok {
                        None => self.error(
                            &server_path,
                            what,
                            format!("every question under `{}`, with all it says about your clients, would go to a third party", forward.zone),
                            "remove the forward zone to resolve here, or say why it must be: leak_ok = \"the reason\"",
                        ),
                        Some(reason) => self.warning(
                            &server_path,
                            what,
                            format!("every question under `{}` goes to a third party; the reason given is \"{reason}\"", forward.zone),
                            "resolve here as soon as the reason is gone",
                        ),
                    }
                }
                ForwardZone {
                    zone: forward.zone.0.clone(),
                    servers: self.zone_servers(&path, &forward.servers),
                    leak_ok: leak_ok.map(str::to_owned),
                }
            })
            .collect()
    }

    fn stub_zones(&mut self) -> Vec<StubZone> {
        let zones = self.file.stub.iter().enumerate();
        zones
            .map(|(index, stub)| {
                let path = format!("stub.{index}");
                for (position, server) in stub.servers.iter().enumerate() {
                    if let Some(operator) = public_resolvers::operator(server.0.ip()) {
                        self.error(
                            &format!("{path}.servers.{position}"),
                            format!("`{}` is a public resolver ({operator})", server.0.ip()),
                            "stub zones ask authoritative servers, and a resolver does not answer such questions",
                            "name the servers of the zone itself",
                        );
                    }
                }
                StubZone { zone: stub.zone.0.clone(), servers: self.zone_servers(&path, &stub.servers) }
            })
            .collect()
    }

    /// The servers of a forward or stub zone, each once.
    fn zone_servers(&mut self, path: &str, servers: &[Endpoint]) -> Vec<SocketAddr> {
        let mut kept: Vec<SocketAddr> = Vec::new();
        for (index, Endpoint(server)) in servers.iter().enumerate() {
            let path = format!("{path}.servers.{index}");
            if let Some(why) = self.unaskable(*server) {
                self.error(
                    &path,
                    format!("`{server}` cannot be a server of this zone"),
                    why,
                    "name the address and port of another server",
                );
            } else if !kept.contains(server) {
                kept.push(*server);
            }
        }
        if servers.is_empty() {
            self.error(
                &format!("{path}.servers"),
                "this zone has no servers",
                "its names could never be answered",
                "list at least one address",
            );
        } else if !kept.is_empty() && !kept.iter().any(|server| self.family_is_on(server.ip())) {
            self.error(
                &format!("{path}.servers"),
                "none of these servers can be asked",
                "the address families they have are switched off by egress.ipv4 and egress.ipv6",
                "add a server of the other family, or switch the family on",
            );
        }
        kept
    }

    /// Why we cannot send questions there.
    pub(super) fn unaskable(&self, server: SocketAddr) -> Option<String> {
        let address = server.ip();
        if address.is_unspecified() {
            return Some("it is the unspecified address, which leads back to this host".to_owned());
        }
        if address.is_multicast() || address == IpAddr::from([255, 255, 255, 255]) {
            return Some("it is a multicast or broadcast address".to_owned());
        }
        if server.port() == 0 {
            return Some("nothing answers on port 0".to_owned());
        }
        if let IpAddr::V6(v6) = address
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            return Some(format!("it is an IPv4 address in disguise; write {v4}"));
        }
        let own = self
            .file
            .listen
            .addresses
            .iter()
            .map(|endpoint| endpoint.0)
            .find(|own| {
                own.port() == server.port()
                    && (own.ip() == address || (own.ip().is_unspecified() && address.is_loopback()))
            });
        if let Some(own) = own {
            return Some(format!(
                "it is our own listener {own}, and asking ourselves would go round for ever"
            ));
        }
        let never = self
            .file
            .egress
            .never_ask
            .iter()
            .find(|prefix| prefix.0.contains(&address))?;
        Some(format!("egress.never_ask holds it ({never})"))
    }

    pub(super) fn family_is_on(&self, address: IpAddr) -> bool {
        if address.is_ipv4() {
            self.file.egress.ipv4
        } else {
            self.file.egress.ipv6
        }
    }

    /// Refuses one zone in two roles.
    fn same_zones(&mut self) {
        let file = self.file;
        let forward = file
            .forward
            .iter()
            .enumerate()
            .map(|(index, zone)| (&zone.zone, format!("forward.{index}.zone")));
        let stub = file
            .stub
            .iter()
            .enumerate()
            .map(|(index, zone)| (&zone.zone, format!("stub.{index}.zone")));
        let local = file
            .policy
            .local_zones
            .iter()
            .enumerate()
            .map(|(index, zone)| (zone, format!("policy.local_zones.{index}")));
        let all: Vec<_> = local.chain(forward).chain(stub).collect();
        for (index, (zone, path)) in all.iter().enumerate() {
            if let Some((_, first)) = all.iter().take(index).find(|(other, _)| other.0 == zone.0) {
                if first.starts_with("policy") && path.starts_with("policy") {
                    continue;
                }
                let place = self.place(first);
                self.error(
                    path,
                    format!("`{zone}` has two meanings"),
                    format!("it is also written at {place}, and only one can decide where its names are answered"),
                    "keep one of them; several servers go into one list",
                );
            }
        }
    }

    fn local_data(&mut self) -> Vec<Rrset> {
        let mut lines = Vec::new();
        let mut known: HashMap<Name, Vec<Record>> = HashMap::new();
        for (index, text) in self.file.policy.local_data.iter().enumerate() {
            let path = format!("policy.local_data.{index}");
            let line = match records::parse(text) {
                Ok(line) => line,
                Err(why) => {
                    self.error(&path, "this is not a record", why, "write owner, TTL, IN, type and data: \"router.example. 300 IN A 192.0.2.1\"");
                    continue;
                }
            };
            let alone = |rtype| rtype == RecordType::CNAME || rtype == RecordType::DNAME;
            let others = known.entry(line.owner.clone()).or_default();
            let clash = others.iter().any(|other| {
                if other.rtype == line.rtype {
                    alone(line.rtype) && other.rdata != line.rdata
                } else {
                    other.rtype == RecordType::CNAME || line.rtype == RecordType::CNAME
                }
            });
            if clash {
                self.error(
                    &path,
                    format!("`{}` has an alias and more", line.owner),
                    "a name with a CNAME or DNAME has one of it, and a CNAME stands alone (RFC 1034 section 3.6.2, RFC 6672 section 2.4)",
                    "remove the alias, or the other records of the name",
                );
                continue;
            }
            others.push(line.clone());
            lines.push(line);
        }
        group(&lines)
    }
}
