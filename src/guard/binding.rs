//! By which interfaces may this client's queries arrive? The bindings of prefixes to names of interfaces (row 5).

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::address::Address;
use super::ranges::Ranges;
use super::surroundings::Known;
use crate::config::plan::IngressBinding;

/// The bindings of one configuration.
#[derive(Debug)]
pub struct Bindings {
    prefixes: Ranges<u32>,
    /// What a prefix is bound to; several bindings of one prefix add up.
    patterns: Box<[Box<[String]>]>,
}

impl Bindings {
    /// Of all prefixes the longest decides.
    #[must_use]
    pub fn new(bindings: &[IngressBinding]) -> Self {
        let mut of_prefix: BTreeMap<IpNet, Vec<String>> = BTreeMap::new();
        for binding in bindings {
            for prefix in &binding.prefixes {
                let patterns = of_prefix.entry(prefix.trunc()).or_default();
                patterns.extend(binding.interfaces.iter().cloned());
            }
        }
        let prefixes: Vec<(IpNet, u32)> = of_prefix.keys().copied().zip(0..).collect();
        Self {
            prefixes: Ranges::new(&prefixes),
            patterns: of_prefix.into_values().map(Into::into).collect(),
        }
    }

    /// Whether nobody is bound.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The names that `client` is bound to; nothing if it is not.
    #[inline]
    #[must_use]
    pub fn of(&self, client: Address) -> Option<&[String]> {
        let place = usize::try_from(self.prefixes.find(client)?).ok()?;
        self.patterns.get(place).map(|patterns| &**patterns)
    }

    /// Whether a query of `client` may arrive by the interface of that index. An interface without a name, and so an unknown one
    /// (0), is none that it is bound to.
    #[inline]
    #[must_use]
    pub fn allow(&self, client: Address, interface: u32, known: &Known) -> bool {
        let Some(patterns) = self.of(client) else {
            return true;
        };
        known
            .name_of(interface)
            .is_some_and(|name| names(patterns, name))
    }
}

/// Whether one of the patterns is a name of that interface.
#[must_use]
pub fn names(patterns: &[String], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
}

/// `*` stands for any octets, none too.
fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // Where to go on when what follows the last star does not fit: one octet later.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', after)), _) => {
                again = Some((after, name));
                pattern = after;
            }
            (Some((wanted, after)), Some((octet, rest))) if wanted == octet => {
                (pattern, name) = (after, rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after, [_, later @ ..])) = again else {
                    return false;
                };
                again = Some((after, later));
                (pattern, name) = (after, later);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::Interface;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("eth1", "eth1", true),
            ("eth1", "eth10", false),
            ("eth1", "eth", false),
            ("bond0.*", "bond0.100", true),
            ("bond0.*", "bond0.", true),
            ("bond0.*", "bond0", false),
            ("*", "anything", true),
            ("*.20", "bond0.120.20", true),
            ("v*n*1", "vlan21", true),
            ("v*n*1", "vlan12", false),
            ("a**b", "ab", true),
            ("", "a", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                fits,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn the_longest_prefix_decides_and_bindings_of_one_add_up() {
        let bind = |prefix: &str, interface: &str| IngressBinding {
            prefixes: vec![prefix.parse().unwrap()],
            interfaces: vec![interface.to_owned()],
        };
        let bindings = Bindings::new(&[
            bind("10.0.0.0/8", "lan0"),
            bind("10.1.0.0/16", "lan1"),
            bind("10.0.0.0/8", "vpn*"),
            bind("2001:db8::/32", "lan0"),
        ]);
        let interface = |index, name: &str| Interface {
            index,
            name: name.to_owned(),
            loopback: false,
            up: true,
            part: false,
        };
        let known = Known::new(
            vec![
                interface(7, "vpn3"),
                interface(2, "lan0"),
                interface(3, "lan1"),
            ],
            None,
        );
        for (client, by, allowed) in [
            ("10.2.0.1", 2, true),
            ("10.2.0.1", 7, true),
            ("10.2.0.1", 3, false),
            ("10.2.0.1", 0, false),
            ("10.2.0.1", 9, false),
            ("10.1.0.1", 3, true),
            ("10.1.0.1", 2, false),
            ("::ffff:10.1.0.1", 2, false),
            ("2001:db8::1", 2, true),
            ("2001:db8::1", 3, false),
            ("192.0.2.1", 3, true),
            ("2001:db9::1", 0, true),
        ] {
            let client: std::net::IpAddr = client.parse().unwrap();
            assert_eq!(
                bindings.allow(client.into(), by, &known),
                allowed,
                "{client} by {by}"
            );
        }
    }
}
