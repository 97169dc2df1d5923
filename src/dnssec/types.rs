//! Which types does a bit map list? The reader of RFC 4034 section 4.1.2, shared by NSEC and NSEC3.

use crate::wire::RecordType;

/// The types at a name, as its NSEC or NSEC3 lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types<'a>(&'a [u8]);

impl<'a> Types<'a> {
    /// Reads type bit maps: windows in rising order, each of 1 to 32 octets, nothing left over. Nothing if they are not so: then
    /// nobody knows what the record means, and it proves nothing. No windows at all is an empty non-terminal's map (RFC 5155
    /// section 7.1).
    pub(super) fn read(maps: &'a [u8]) -> Option<Self> {
        let mut lowest = 0_u16;
        let mut rest = maps;
        while let Some((window, _, after)) = split(rest)? {
            if u16::from(window) < lowest {
                return None;
            }
            lowest = u16::from(window) + 1;
            rest = after;
        }
        Some(Self(maps))
    }

    /// Whether the map lists `rtype`.
    pub(super) fn has(self, rtype: RecordType) -> bool {
        let [high, low] = rtype.0.to_be_bytes();
        let mut rest = self.0;
        while let Some(Some((window, octets, after))) = split(rest) {
            if window == high {
                let mask = 0x80_u8 >> (low & 7);
                return octets
                    .get(usize::from(low >> 3))
                    .is_some_and(|octet| octet & mask != 0);
            }
            rest = after;
        }
        false
    }

    /// Whether the map lists no type but those in `allowed`.
    pub(super) fn only(self, allowed: &[RecordType]) -> bool {
        let mut listed = 0;
        let mut rest = self.0;
        while let Some(Some((_, octets, after))) = split(rest) {
            listed += octets.iter().map(|octet| octet.count_ones()).sum::<u32>();
            rest = after;
        }
        let known = allowed.iter().filter(|rtype| self.has(**rtype)).count();
        usize::try_from(listed) == Ok(known)
    }

    /// Whether the name is a zone cut seen from above: NS without SOA (RFC 6840 section 4.1).
    pub(super) fn is_delegation(self) -> bool {
        self.has(RecordType::NS) && !self.has(RecordType::SOA)
    }

    /// Whether nothing below the name can be denied by this record: a zone cut seen from above, or a DNAME (RFC 6840
    /// section 4.1).
    pub(super) fn hides_below(self) -> bool {
        self.is_delegation() || self.has(RecordType::DNAME)
    }

    /// Whether a record with this map, at the very name asked for, denies `rtype` there; `is_root` if the name is the root.
    ///
    /// CNAME must be absent too (RFC 6840 section 4.3). What the parent says at a cut denies DS alone (section 4.1), and what
    /// the child says at its apex denies everything but DS (RFC 5155 section 8.9); the root has no parent.
    pub(super) fn denies(self, rtype: RecordType, is_root: bool) -> bool {
        if self.has(rtype) || self.has(RecordType::CNAME) {
            return false;
        }
        if rtype == RecordType::DS {
            is_root || !self.has(RecordType::SOA)
        } else {
            !self.is_delegation()
        }
    }
}

/// The first window: its number, its octets, and what follows. The outer nothing is a broken one, the inner the end.
#[expect(
    clippy::type_complexity,
    reason = "three parts, taken apart on the spot"
)]
fn split(maps: &[u8]) -> Option<Option<(u8, &[u8], &[u8])>> {
    let Some((&window, rest)) = maps.split_first() else {
        return Some(None);
    };
    let (&length, rest) = rest.split_first()?;
    if !(1..=32).contains(&length) {
        return None;
    }
    let (octets, after) = rest.split_at_checked(usize::from(length))?;
    Some(Some((window, octets, after)))
}
