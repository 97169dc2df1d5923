//! How does the drill stand at a border: customers inside, attackers outside, the resolver with an interface to each?
//!
//! Three network namespaces and two links of this run's own, gone when it is over. Addresses of 127.0.0.0/8 never leave a
//! host, so customers and bots have the same ones with a 10 in front here (`beside`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use rand::RngExt;

use crate::drill::namespace::Visit;
use crate::sys::entropy;

/// Customers' addresses: 127.0.0.0/13 with a 10 in front.
pub const CUSTOMERS: &str = "10.0.0.0/13";
/// The resolver's address towards customers; none of theirs, which are all their host's own.
const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 32, 0, 1);
/// Its address towards the Internet, as far as that is none of the drill's.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 1);
/// Its port there.
const PORT: u16 = 53;

/// One of the three sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where customers are.
    Customers,
    /// Where the resolver is, and with it the drill's Internet.
    Resolver,
    /// Where attackers are.
    Attackers,
}

/// The border; it goes away with its owner.
#[derive(Debug)]
pub struct Border {
    tag: String,
}

impl Border {
    /// Makes it. Needs root and `ip` (iproute2).
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn make() -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(io::Error::other(
                "this attack comes by another interface than customers do: that takes network namespaces, which take root (sudo suimon drill …)",
            ));
        }
        let number: u32 = entropy::csprng().random();
        // Dropped half made, it takes away what there is.
        let border = Self {
            tag: format!("suimon-{number:08x}"),
        };
        for side in [Side::Customers, Side::Resolver, Side::Attackers] {
            ip(&["netns", "add", &border.name(side)])?;
            border.ip_in(side, &["link", "set", "lo", "up"])?;
        }
        for (side, device, own, other) in [
            (Side::Customers, "inside", "10.32.0.1/24", "10.32.0.2/24"),
            (Side::Attackers, "outside", "10.64.0.1/24", "10.64.0.2/24"),
        ] {
            let (here, there) = (border.name(Side::Resolver), border.name(side));
            ip(&[
                "link", "add", device, "netns", &here, "type", "veth", "peer", "name", "far",
                "netns", &there,
            ])?;
            border.ip_in(Side::Resolver, &["address", "add", own, "dev", device])?;
            border.ip_in(Side::Resolver, &["link", "set", device, "up"])?;
            border.ip_in(side, &["address", "add", other, "dev", "far"])?;
            border.ip_in(side, &["link", "set", "far", "up"])?;
            // Every customer's address is this host's own: customers' because they are there, attackers' because they lie.
            border.ip_in(side, &["route", "add", "local", CUSTOMERS, "dev", "lo"])?;
        }
        border.ip_in(
            Side::Resolver,
            &["route", "add", CUSTOMERS, "dev", "inside"],
        )?;
        // The kernel would drop what comes from outside with an inside address; it is suimond that is on trial.
        let standing = border.enter(Side::Resolver)?;
        for interface in ["all", "default", "inside", "outside"] {
            let path = format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter");
            std::fs::write(&path, "0")
                .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
        }
        drop(standing);
        Ok(border)
    }

    /// Where customers reach the resolver, and where attackers do.
    #[must_use]
    pub const fn resolver(side: Side) -> SocketAddr {
        let address = match side {
            Side::Customers | Side::Resolver => INSIDE,
            Side::Attackers => OUTSIDE,
        };
        SocketAddr::new(IpAddr::V4(address), PORT)
    }

    /// Settings of the resolver, those of listeners without one that is on loopback.
    #[must_use]
    pub fn settings(listen: SocketAddr) -> Vec<(&'static str, String)> {
        let addresses = [
            listen,
            Self::resolver(Side::Customers),
            Self::resolver(Side::Attackers),
        ];
        let addresses = addresses.map(|address| format!("{:?}", address.to_string()));
        vec![
            ("listen.addresses", format!("[{}]", addresses.join(", "))),
            (
                "acl.allow",
                format!(r#"["127.0.0.0/13", "::1/128", "{CUSTOMERS}"]"#),
            ),
            ("guard.route_back", r#""strict""#.to_owned()),
        ]
    }

    /// Puts this thread, and those it starts, on a side.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn enter(&self, side: Side) -> io::Result<Visit> {
        Visit::to(&self.name(side))
    }

    /// Datagrams that reached a side at ports where nobody listens: replies to somebody who did not ask.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn unexpected(&self, side: Side) -> io::Result<u64> {
        let standing = self.enter(side)?;
        let counted = std::fs::read_to_string("/proc/thread-self/net/snmp")?;
        drop(standing);
        no_ports(&counted).ok_or_else(|| io::Error::other("/proc/net/snmp without NoPorts"))
    }

    fn name(&self, side: Side) -> String {
        let side = match side {
            Side::Customers => "customers",
            Side::Resolver => "resolver",
            Side::Attackers => "attackers",
        };
        format!("{}-{side}", self.tag)
    }

    fn ip_in(&self, side: Side, arguments: &[&str]) -> io::Result<()> {
        let name = self.name(side);
        let mut all = vec!["-n", name.as_str()];
        all.extend_from_slice(arguments);
        ip(&all)
    }
}

impl Drop for Border {
    fn drop(&mut self) {
        for side in [Side::Customers, Side::Resolver, Side::Attackers] {
            let _ = ip(&["netns", "del", &self.name(side)]);
        }
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let said = Command::new("ip").args(arguments).output().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("this attack takes network namespaces, which take the program ip (iproute2): {error}"),
        )
    })?;
    if said.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&said.stderr).trim()
    )))
}

/// The counter of that name in the UDP lines of /proc/net/snmp: a line of names and a line of numbers.
fn no_ports(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter(|line| line.starts_with("Udp:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let mut pairs = names
        .split_ascii_whitespace()
        .zip(numbers.split_ascii_whitespace());
    pairs.find(|(name, _)| *name == "NoPorts")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_to_nobody_are_read_from_the_kernels_counters() {
        let snmp = "Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors\nUdp: 5 7 9\nUdpLite: InDatagrams NoPorts\nUdpLite: 0 0\n";
        assert_eq!(no_ports(snmp), Some(7));
        assert_eq!(no_ports("Udp: InDatagrams\nUdp: 5\n"), None);
    }
}
