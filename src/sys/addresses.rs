//! Which addresses does this host have? Asked of the kernel over rtnetlink, or else read from its tables in `/proc`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::rtnetlink;

/// Index of the loopback interface: the first device of every network namespace (`LOOPBACK_IFINDEX`, Linux `include/net/flow.h`).
pub const LOOPBACK_INTERFACE: u32 = 1;

/// The addresses of all interfaces at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostAddresses {
    /// Addresses of this host, loopback and link-local ones among them.
    pub own: Vec<IpAddr>,
    /// Those of them that a packet from outside can bear as its source and still reach a socket: all of IPv6, and of IPv4
    /// only where `accept_local` is on (otherwise Linux drops such packets itself; measured on 6.18 over a veth pair). An
    /// IPv4 packet with such a source is then our own host talking to itself, which the kernel shows with the index of the
    /// address's interface, not with that of `lo`, so that nothing else tells the two apart.
    pub forgeable: Vec<IpAddr>,
    /// Broadcast addresses of its IPv4 networks.
    pub broadcast: Vec<IpAddr>,
}

impl HostAddresses {
    /// Reads them. Over rtnetlink that costs a few system calls whatever the routing table holds; `/proc/net/fib_trie`, read
    /// where there is no netlink, holds that whole table.
    ///
    /// # Errors
    /// When neither is to be had (a very tight sandbox). A host without IPv6 is no error.
    pub fn read() -> io::Result<Self> {
        let conf = Path::new("/proc/sys/net/ipv4/conf");
        match rtnetlink::addresses() {
            Ok(held) => Ok(Self::of(&held, conf)),
            Err(_) => Self::read_from(Path::new("/proc/self/net"), conf),
        }
    }

    fn of(held: &[rtnetlink::HeldAddress], conf: &Path) -> Self {
        let found = Self {
            own: held.iter().map(|held| held.address).collect(),
            forgeable: Vec::new(),
            broadcast: held
                .iter()
                .filter_map(|held| held.broadcast)
                .map(IpAddr::V4)
                .collect(),
        };
        found.completed(conf)
    }

    fn read_from(net: &Path, conf: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        found.add_fib_trie(&std::fs::read_to_string(net.join("fib_trie"))?);
        match std::fs::read_to_string(net.join("if_inet6")) {
            Ok(table) => found.add_if_inet6(&table),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(found.completed(conf))
    }

    /// Sorted, and with those that can be forged.
    fn completed(mut self, conf: &Path) -> Self {
        for list in [&mut self.own, &mut self.broadcast] {
            list.sort_unstable();
            list.dedup();
        }
        // A /32 may be its own broadcast address (`broadcast VIP` behind a load balancer); it is ours first.
        let own = &self.own;
        self.broadcast
            .retain(|address| own.binary_search(address).is_err());
        let v4_forgeable = accepts_local(conf);
        self.forgeable = self.own.clone();
        self.forgeable
            .retain(|address| v4_forgeable || address.is_ipv6());
        self
    }

    /// A leaf is two lines: `|-- 192.0.2.1`, then `/32 host LOCAL` or `/32 link BROADCAST`.
    fn add_fib_trie(&mut self, table: &str) {
        let mut leaf = None;
        for line in table.lines().map(str::trim) {
            if let Some(address) = line.strip_prefix("|-- ") {
                leaf = address.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
            } else if let Some(address) = leaf {
                match line {
                    "/32 host LOCAL" => self.own.push(address),
                    "/32 link BROADCAST" => self.broadcast.push(address),
                    _ => {}
                }
            }
        }
    }

    /// A line: the address as 32 hex digits, then index, prefix length, scope, flags and the interface's name.
    fn add_if_inet6(&mut self, table: &str) {
        let addresses = table
            .lines()
            .filter_map(|line| line.split_ascii_whitespace().next())
            .filter(|digits| digits.len() == 32)
            .filter_map(|digits| u128::from_str_radix(digits, 16).ok())
            .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
        self.own.extend(addresses);
    }
}

/// Whether any interface lets IPv4 packets with a source of ours in from outside; yes when that cannot be known.
fn accepts_local(conf: &Path) -> bool {
    let Ok(interfaces) = std::fs::read_dir(conf) else {
        return true;
    };
    interfaces.flatten().any(|interface| {
        std::fs::read_to_string(interface.path().join("accept_local"))
            .map_or(true, |value| value.trim() != "0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_its_own_broadcast_address_is_ours() {
        let held = |address: [u8; 4], broadcast: [u8; 4]| rtnetlink::HeldAddress {
            address: address.into(),
            interface: 1,
            broadcast: Some(broadcast.into()),
        };
        let service = held([203, 0, 113, 9], [203, 0, 113, 9]);
        let usual = held([192, 0, 2, 2], [192, 0, 2, 255]);
        let found = HostAddresses::of(&[service, usual], Path::new("/nowhere"));
        assert_eq!(found.own.len(), 2);
        assert_eq!(found.broadcast, [IpAddr::from([192, 0, 2, 255])]);
    }

    #[test]
    fn the_tables_of_a_host_are_read() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("fib_trie"),
            "Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
Local:
        +-- 192.0.2.0/30 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
           |-- 192.0.2.2
              /32 host LOCAL
",
        )
        .unwrap();
        let conf = directory.path().join("conf");
        let read = || HostAddresses::read_from(directory.path(), &conf).unwrap();
        let v4: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert_eq!(read().own, v4, "a host without IPv6");
        std::fs::write(
            directory.path().join("if_inet6"),
            "fd000000000000000000000000000002 04 40 00 82     eth0\n\
             00000000000000000000000000000001 01 80 10 80       lo\nrubbish\n",
        )
        .unwrap();
        let all = read();
        assert_eq!(all.own.len(), 4);
        assert!(all.own.contains(&"fd00::2".parse().unwrap()));
        assert_eq!(
            all.broadcast,
            vec!["192.0.2.255".parse::<IpAddr>().unwrap()]
        );
    }

    #[test]
    fn this_host_has_the_loopback_address() {
        let found = HostAddresses::read().unwrap();
        assert!(found.own.contains(&Ipv4Addr::LOCALHOST.into()), "{found:?}");
    }

    #[test]
    fn netlink_and_proc_agree_about_this_host() {
        let conf = Path::new("/proc/sys/net/ipv4/conf");
        let asked = HostAddresses::of(&rtnetlink::addresses().unwrap(), conf);
        let read = HostAddresses::read_from(Path::new("/proc/self/net"), conf).unwrap();
        assert_eq!(asked, read);
    }

    #[test]
    fn a_missing_table_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(HostAddresses::read_from(directory.path(), directory.path()).is_err());
    }
}
