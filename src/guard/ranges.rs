//! What holds for an address, if not the usual? Prefixes flattened to ranges, so that one binary search finds the longest.

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::guard::address::Address;

/// A value for some addresses.
#[derive(Clone, Debug)]
pub struct Ranges<T> {
    v4: Box<[(u32, Option<T>)]>,
    v6: Box<[(u128, Option<T>)]>,
}

impl<T: Copy + PartialEq> Ranges<T> {
    /// The longest prefix decides, of equal ones the last.
    pub fn new(prefixes: &[(IpNet, T)]) -> Self {
        let of_family = |v4: bool| {
            prefixes
                .iter()
                .filter(move |(prefix, _)| prefix.addr().is_ipv4() == v4)
        };
        Self {
            v4: flat(of_family(true))
                .filter_map(|(start, value)| Some((u32::try_from(start).ok()?, value)))
                .collect(),
            v6: flat(of_family(false)).collect(),
        }
    }

    /// How many ranges it takes to say it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether nothing holds for anybody.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What holds for `client`; nothing for most.
    #[inline]
    pub fn find(&self, client: Address) -> Option<T> {
        match client {
            Address::V4(bits) => at(&self.v4, bits),
            Address::V6(bits) => at(&self.v6, bits),
        }
    }
}

#[inline]
fn at<B: Ord + Copy, T: Copy>(ranges: &[(B, Option<T>)], client: B) -> Option<T> {
    let behind = ranges.partition_point(|(start, _)| *start <= client);
    ranges.get(behind.checked_sub(1)?)?.1
}

/// Where values begin, ascending; nothing holds before the first. One pass over the prefixes in order, with those that are open on
/// a stack: a whole routing table takes as long as sorting it.
fn flat<'p, T: Copy + PartialEq + 'p>(
    prefixes: impl Iterator<Item = &'p (IpNet, T)>,
) -> impl Iterator<Item = (u128, Option<T>)> {
    let mut spans: Vec<(u128, u128, T)> = prefixes
        .map(|(prefix, value)| (number(prefix.network()), number(prefix.broadcast()), *value))
        .collect();
    // A shorter prefix before the longer ones in it; equal ones stay in order.
    spans.sort_by_key(|(first, last, _)| (*first, Reverse(*last)));
    let mut starts = Starts(Vec::new());
    let mut open: Vec<(u128, T)> = Vec::new();
    for (first, last, value) in spans {
        while let Some((ended, _)) = open.pop_if(|(last, _)| *last < first) {
            starts.add(ended.checked_add(1), open.last().map(|(_, value)| *value));
        }
        starts.add(Some(first), Some(value));
        open.push((last, value));
    }
    while let Some((ended, _)) = open.pop() {
        starts.add(ended.checked_add(1), open.last().map(|(_, value)| *value));
    }
    let mut ranges = starts.0;
    ranges.dedup_by(|next, before| next.1 == before.1);
    ranges.into_iter()
}

/// Where values begin, the last word about a place holding.
struct Starts<T>(Vec<(u128, Option<T>)>);

impl<T> Starts<T> {
    fn add(&mut self, place: Option<u128>, value: Option<T>) {
        let Some(place) = place else { return };
        match self.0.last_mut() {
            Some(last) if last.0 == place => last.1 = value,
            _ => self.0.push((place, value)),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match Address::from(address) {
        Address::V4(bits) => u128::from(bits),
        Address::V6(bits) => bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By looking at every prefix for every address.
    fn plainly(prefixes: &[(IpNet, u8)], client: IpAddr) -> Option<u8> {
        let covering = prefixes
            .iter()
            .filter(|(prefix, _)| prefix.contains(&client));
        covering
            .max_by_key(|(prefix, _)| prefix.prefix_len())
            .map(|(_, value)| *value)
    }

    proptest::proptest! {
        #[test]
        fn it_says_what_looking_at_every_prefix_says(
            some in proptest::collection::vec((0_u32..64, 26_u8..=32, 0_u8..4), 0..24),
            top in proptest::prelude::any::<bool>(),
        ) {
            // At either end of the address space.
            let base = if top { 0xFFFF_FFC0 } else { 0 };
            let prefixes: Vec<(IpNet, u8)> = some
                .into_iter()
                .map(|(low, length, value)| {
                    let address = std::net::Ipv4Addr::from_bits(base | low);
                    (IpNet::new(address.into(), length).unwrap().trunc(), value)
                })
                .collect();
            let ranges = Ranges::new(&prefixes);
            for low in 0..64 {
                let client = IpAddr::V4(std::net::Ipv4Addr::from_bits(base | low));
                proptest::prop_assert_eq!(ranges.find(client.into()), plainly(&prefixes, client));
            }
        }
    }

    #[test]
    fn the_longest_prefix_decides_wherever_it_stands() {
        let ranges = Ranges::new(
            &[
                ("10.1.0.0/16", 2),
                ("10.0.0.0/8", 1),
                ("10.1.2.3/32", 3),
                ("255.255.255.255/32", 4),
                ("2001:db8::/32", 5),
                ("::/0", 6),
            ]
            .map(|(prefix, value): (&str, u8)| (prefix.parse().unwrap(), value)),
        );
        for (client, value) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some(1)),
            ("10.0.255.255", Some(1)),
            ("10.1.0.0", Some(2)),
            ("10.1.2.3", Some(3)),
            ("10.1.2.4", Some(2)),
            ("10.2.0.0", Some(1)),
            ("11.0.0.0", None),
            ("255.255.255.255", Some(4)),
            ("::1", Some(6)),
            ("2001:db8:1::", Some(5)),
            ("2001:db9::", Some(6)),
        ] {
            let client: IpAddr = client.parse().unwrap();
            assert_eq!(ranges.find(client.into()), value, "{client}");
        }
        let nothing = Ranges::<u8>::new(&[]);
        assert_eq!(nothing.find(Address::V4(1)), None);
    }
}
