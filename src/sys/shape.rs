//! What shape has this host: which interfaces can packets come by, and which lead to the Internet and to some prefixes?

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;

use super::addresses::LOOPBACK_INTERFACE;
use super::interfaces;
use super::rtnetlink::{self, Interface};

/// Addresses of a.root-servers.net: "the Internet" for the question where it lies. Nothing is sent.
const INTERNET: [&str; 2] = ["198.41.0.4", "2001:503:ba3e::2:30"];

/// What matters of a host.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Interfaces that packets can come by: up, neither loopback nor part of another one; with `rp_filter`.
    pub interfaces: Vec<(Interface, Option<u8>)>,
    /// Index of the interface that leads to the Internet by IPv4.
    pub internet_v4: Option<u32>,
    /// The same by IPv6.
    pub internet_v6: Option<u32>,
    /// Prefixes of clients, and the index of the interface that leads to each.
    pub clients: Vec<(IpNet, Option<u32>)>,
    /// Rules of policy routing.
    pub rules: usize,
}

impl Shape {
    /// Asks the kernel; some dozens of system calls.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn of_this_host(clients: Vec<IpNet>) -> io::Result<Self> {
        let leads_to = |address: IpAddr| rtnetlink::leaves_by(address, None).ok();
        let [internet_v4, internet_v6] = INTERNET.map(|address| leads_to(address.parse().ok()?));
        Ok(Self {
            interfaces: interfaces::read()?
                .into_iter()
                .filter(|interface| interface.up && !interface.loopback && !interface.part)
                .map(|interface| {
                    let filter = interfaces::rp_filter(&interface.name);
                    (interface, filter)
                })
                .collect(),
            internet_v4,
            internet_v6,
            clients: clients
                .into_iter()
                .map(|prefix| {
                    // Of a whole network the first host stands for all.
                    let host = prefix.hosts().next().unwrap_or_else(|| prefix.addr());
                    (
                        prefix,
                        leads_to(host).filter(|by| *by != LOOPBACK_INTERFACE),
                    )
                })
                .collect(),
            rules: rtnetlink::policy_rules().unwrap_or(0),
        })
    }

    /// The name of an interface, for people.
    #[must_use]
    pub fn name(&self, index: u32) -> String {
        self.interfaces
            .iter()
            .find(|(interface, _)| interface.index == index)
            .map_or_else(
                || format!("interface {index}"),
                |(found, _)| found.name.clone(),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_shape() {
        let clients = vec!["127.0.0.0/8".parse().unwrap()];
        let shape = Shape::of_this_host(clients).unwrap();
        assert_eq!(shape.clients[0].1, None, "loopback is nobody's side");
    }
}
