//! What is told of the zone guard: how it stands, which zones and servers are under attack, and what the operator did about one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ShareReport;
use super::names::domain_name;
use crate::wire::Name;

/// What the operator's word on the zone guard is about, as it is written: `victim.example`, or `192.0.2.53`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardTarget {
    /// A zone, with all below it.
    Zone(Name),
    /// A server, by the address that it is known by.
    Server(IpAddr),
}

impl FromStr for GuardTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            let is_nobody = match address {
                IpAddr::V4(v4) => v4 == Ipv4Addr::BROADCAST,
                IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
            };
            return if is_nobody || address.is_unspecified() || address.is_multicast() {
                Err(format!("no server has the address {address}"))
            } else {
                Ok(Self::Server(address))
            };
        }
        let last = text.trim_end_matches('.').rsplit('.').next();
        let is_number = last.is_some_and(|label| {
            !label.is_empty() && label.bytes().all(|octet| octet.is_ascii_digit())
        });
        if is_number || text.contains([':', '/', '%', '[']) {
            return Err(format!(
                "{text} is no address, and no zone is called so; write one address of a server, such as 192.0.2.53 or 2001:db8::53"
            ));
        }
        domain_name(text).map(Self::Zone)
    }
}

impl fmt::Display for GuardTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone(zone) => zone.fmt(out),
            Self::Server(address) => address.fmt(out),
        }
    }
}

/// `guard status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuardReport {
    /// "off", "log-only" or "enforce".
    pub mode: String,
    /// Look-ups under way that hold a slot.
    pub slots_used: u32,
    /// Slots in all.
    pub slots: u32,
    /// What one zone may hold now.
    pub slots_per_zone: u32,
    /// What clients and servers may.
    #[serde(default)]
    pub shares: ShareReport,
    /// Names known to be real; those in both filters count twice.
    pub known_names: u64,
    /// Names that one of the two filters can take.
    pub known_names_capacity: u64,
    /// Rules of the public suffix list in use.
    pub suffix_rules: u64,
    /// Zones that are held back now, those asked for most first.
    pub zones: Vec<GuardedZone>,
    /// Servers that are held back now with all zones on them, those asked for most first.
    #[serde(default)]
    pub servers: Vec<GuardedServer>,
    /// Zones pinned or exempted, and servers exempted, by the operator or by the configuration.
    pub wishes: Vec<GuardWish>,
}

/// One zone that is held back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuardedZone {
    /// The zone.
    pub zone: String,
    /// The part of it that is attacked, if it is not all of it.
    pub suffix: Option<String>,
    /// Why: "in_flight", "failing", "flood", "pinned".
    pub trigger: String,
    /// How zones of its kind are treated: "plain", "lookup", "pinned".
    pub class: String,
    /// Seconds since it began.
    pub seconds: u64,
    /// Queries per second that the cache could not answer.
    pub demand_per_second: f32,
    /// The same for names not known to be real.
    pub unknown_per_second: f32,
    /// Share of look-ups that failed lately, 0 to 1.
    pub failed_share: f32,
    /// Whether its servers count as dead.
    pub dead: bool,
    /// Slots it holds.
    pub slots_held: u32,
    /// Queries denied since it began.
    pub denied: u64,
    /// Unknown names looked for since it began.
    pub explored: u64,
    /// About how many different unknown names were asked for.
    pub names: u64,
    /// About how many client prefixes asked.
    pub clients: u64,
}

/// One server that is held back: its zones are asked for little each, and for much together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuardedServer {
    /// One address of those that the zones have.
    pub server: String,
    /// Why: "in_flight", "failing", "flood".
    pub trigger: String,
    /// Seconds since it began.
    pub seconds: u64,
    /// Queries per second that the cache could not answer and no zone held back.
    pub demand_per_second: f32,
    /// The same for names not known to be real.
    pub unknown_per_second: f32,
    /// Share of look-ups that failed lately because it kept silent, 0 to 1.
    pub failed_share: f32,
    /// Slots it holds.
    pub slots_held: u32,
    /// Queries denied since it began.
    pub denied: u64,
    /// Unknown names looked for since it began.
    pub explored: u64,
    /// About how many different unknown names were asked for.
    pub names: u64,
    /// About how many client prefixes asked.
    pub clients: u64,
}

/// A zone that is pinned or exempt, or a server that is exempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardWish {
    /// The zone, with all below it; or the address of the server.
    pub zone: String,
    /// "pinned" or "exempt".
    pub wish: String,
    /// Who says so: "operator" (`suimon guard`, kept over restarts) or "configuration" (zone_guard.exempt).
    #[serde(default)]
    pub origin: String,
    /// Since when, of what the operator said (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// `guard pin`, `exempt` and `release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardChangeReport {
    /// The zone, or the address of the server.
    pub zone: String,
    /// What was done: "pinned", "exempt", "released".
    pub done: String,
    /// Whether a restart will know of it.
    #[serde(default)]
    pub kept: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_server_a_name_is_a_zone_and_what_looks_like_an_address_is_neither() {
        let read = |text: &str| text.parse::<GuardTarget>();
        for (text, shown) in [
            ("192.0.2.53", "192.0.2.53"),
            ("2001:DB8::53", "2001:db8::53"),
            ("127.0.0.2", "127.0.0.2"),
        ] {
            let server = read(text).unwrap();
            assert_eq!(server, GuardTarget::Server(text.parse().unwrap()));
            assert_eq!(server.to_string(), shown);
        }
        for (text, shown) in [
            ("victim.example", "victim.example."),
            ("3.2.10.in-addr.arpa.", "3.2.10.in-addr.arpa."),
            ("4you.example", "4you.example."),
        ] {
            let zone = read(text).unwrap();
            assert_eq!(zone, GuardTarget::Zone(shown.parse().unwrap()));
            assert_eq!(zone.to_string(), shown);
        }
        for text in [
            "192.0.2",
            "192.0.2.256",
            "192.0.2.53.",
            "192.0.2.0/24",
            "192.0.2.53:53",
            "[2001:db8::53]",
            "2001:db8::g",
            "fe80::1%eth0",
        ] {
            assert!(read(text).unwrap_err().contains("is no address"), "{text}");
        }
        for text in [
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "::ffff:192.0.2.1",
        ] {
            assert!(read(text).unwrap_err().contains("no server has"), "{text}");
        }
        assert!(read("a..b").unwrap_err().contains("not a domain name"));
        assert!(read("bücher.example").unwrap_err().contains("xn--"));
    }
}
