//! What holds for an address, if not the usual? Prefixes flattened to ranges, so that one binary search finds the longest.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::guard::address::Address;

/// A value for some addresses.
#[derive(Debug)]
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

/// Where values begin, ascending; nothing holds before the first.
fn flat<'p, T: Copy + PartialEq + 'p>(
    prefixes: impl Iterator<Item = &'p (IpNet, T)>,
) -> impl Iterator<Item = (u128, Option<T>)> {
    let spans: Vec<(u128, u128, u8, T)> = prefixes
        .map(|(prefix, value)| {
            let (first, last) = (number(prefix.network()), number(prefix.broadcast()));
            (first, last, prefix.prefix_len(), *value)
        })
        .collect();
    let mut starts: Vec<u128> = spans
        .iter()
        .flat_map(|(first, last, ..)| [Some(*first), last.checked_add(1)])
        .flatten()
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let mut ranges: Vec<(u128, Option<T>)> = starts
        .into_iter()
        .map(|start| {
            let holds = spans
                .iter()
                .filter(|(first, last, ..)| (*first..=*last).contains(&start))
                .max_by_key(|(_, _, length, _)| *length);
            (start, holds.map(|(.., value)| *value))
        })
        .collect();
    ranges.dedup_by(|next, before| next.1 == before.1);
    ranges.into_iter()
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
