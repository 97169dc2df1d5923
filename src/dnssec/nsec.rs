//! What does one NSEC record prove? Spans of names in canonical order (RFC 4034 section 4, RFC 4035 section 5.4, RFC 6840 section 4).

use super::types::Types;
use crate::wire::{Name, RecordType, Rrset, rdata};

/// One NSEC record of a zone, fit to be used.
#[derive(Clone, Debug)]
pub(super) struct Nsec<'a> {
    owner: &'a Name,
    next: Name,
    types: Types<'a>,
}

/// What the NSEC records of a proof say about a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finding<'n, 'a> {
    /// It has records; these are its types.
    Listed(&'n Nsec<'a>),
    /// It has no records, but names below it have: an empty non-terminal.
    Empty,
    /// Neither it nor anything below it exists, but for what a wildcard makes.
    Absent(&'n Nsec<'a>),
}

impl<'a> Nsec<'a> {
    /// Takes a set that belongs to `zone` for a proof. Not usable, hence nothing: several records at one owner, broken fields, a
    /// next name outside the zone (CVE-2026-13321), a next name before the owner that is not the apex.
    pub(super) fn read(set: &'a Rrset, zone: &Name) -> Option<Self> {
        let mut all = set.rdata.iter();
        let (Some(only), None) = (all.next(), all.next()) else {
            return None;
        };
        let (next, maps) = rdata::nsec(only)?;
        let types = Types::read(maps)?;
        let owner = &set.owner;
        let fits =
            owner.is_within(zone) && next.is_within(zone) && (next > *owner || next == *zone);
        fits.then_some(Self { owner, next, types })
    }

    pub(super) const fn types(&self) -> Types<'a> {
        self.types
    }

    /// What this record says about a `name` within the zone, if anything.
    pub(super) fn finds(&self, name: &Name) -> Option<Finding<'_, 'a>> {
        if name == self.owner {
            return Some(Finding::Listed(self));
        }
        let is_last = self.next <= *self.owner;
        let in_span = self.owner < name && (is_last || *name < self.next);
        if !in_span || name.is_within(self.owner) && self.types.hides_below() {
            None
        } else if self.next.is_within(name) {
            Some(Finding::Empty)
        } else {
            Some(Finding::Absent(self))
        }
    }

    /// The closest encloser of a name that this record shows to be absent: the longest ancestor that it shares with either end
    /// of the span, for both ends exist.
    pub(super) fn closest_encloser(&self, name: &Name) -> Name {
        let shared = common_labels(name, self.owner).max(common_labels(name, &self.next));
        name.suffix(shared)
    }

    /// Whether the name exists only as far as compact denial pretends (RFC 9824 section 3.1).
    fn says_no_name(&self) -> bool {
        self.types.has(RecordType::NXNAME)
    }
}

/// How many labels two names share, counted from the root.
pub(super) fn common_labels(one: &Name, other: &Name) -> usize {
    let count = one.label_count().min(other.label_count());
    (1..=count)
        .take_while(|labels| one.suffix(*labels) == other.suffix(*labels))
        .count()
}

/// Proof that `name` does not exist and no wildcard stands in for it (RFC 4035 section 5.4); its closest encloser, which compact
/// denial leaves open (RFC 9824).
pub(super) fn no_name(nsecs: &[Nsec<'_>], name: &Name) -> Option<Option<Name>> {
    findings(nsecs, name).find_map(|found| match found {
        Finding::Listed(nsec) if nsec.says_no_name() => Some(None),
        Finding::Absent(nsec) => {
            let encloser = nsec.closest_encloser(name);
            is_absent(nsecs, &encloser.child(b"*").ok()).then_some(Some(encloser))
        }
        _ => None,
    })
}

/// How NSEC records prove that a type is not at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoData {
    /// The closest encloser, if a wildcard stands in for the name.
    pub(super) encloser: Option<Name>,
    /// Whether the name does not exist at all (RFC 9824).
    pub(super) no_such_name: bool,
}

/// Proof that `name` exists, or a wildcard stands in for it, without records of `rtype`.
pub(super) fn no_data(nsecs: &[Nsec<'_>], name: &Name, rtype: RecordType) -> Option<NoData> {
    findings(nsecs, name).find_map(|found| match found {
        Finding::Listed(nsec) => denies(nsec, name, rtype).then(|| NoData {
            encloser: None,
            no_such_name: nsec.says_no_name(),
        }),
        Finding::Empty => Some(NoData {
            encloser: None,
            no_such_name: false,
        }),
        Finding::Absent(nsec) => {
            let encloser = nsec.closest_encloser(name);
            let wildcard = encloser.child(b"*").ok()?;
            let denied = findings(nsecs, &wildcard).any(|found| match found {
                Finding::Listed(nsec) => !nsec.says_no_name() && denies(nsec, &wildcard, rtype),
                Finding::Empty => true,
                Finding::Absent(_) => false,
            });
            denied.then_some(NoData {
                encloser: Some(encloser),
                no_such_name: false,
            })
        }
    })
}

/// Proof that nothing between `encloser` and `name` exists: the name one label below the encloser is absent with all below it.
pub(super) fn no_closer_match(nsecs: &[Nsec<'_>], next_closer: &Name) -> bool {
    is_absent(nsecs, &Some(next_closer.clone()))
}

/// What is known about a name; the first record that says anything decides.
pub(super) fn finding<'n, 'a>(nsecs: &'n [Nsec<'a>], name: &'n Name) -> Option<Finding<'n, 'a>> {
    findings(nsecs, name).next()
}

fn findings<'n, 'a>(
    nsecs: &'n [Nsec<'a>],
    name: &'n Name,
) -> impl Iterator<Item = Finding<'n, 'a>> {
    nsecs.iter().filter_map(move |nsec| nsec.finds(name))
}

/// Whether a name and all below it is absent. A name that would be too long, given as nothing, always is.
fn is_absent(nsecs: &[Nsec<'_>], name: &Option<Name>) -> bool {
    name.as_ref()
        .is_none_or(|name| findings(nsecs, name).any(|found| matches!(found, Finding::Absent(_))))
}

/// Whether a record at the very name denies `rtype`. NSEC and its RRSIG are there, whatever the map says (RFC 4035 section 5.4);
/// ANY is denied only where nothing else is.
fn denies(nsec: &Nsec<'_>, name: &Name, rtype: RecordType) -> bool {
    match rtype {
        RecordType::NSEC | RecordType::RRSIG => false,
        RecordType::ANY => {
            nsec.types
                .only(&[RecordType::NSEC, RecordType::RRSIG, RecordType::NXNAME])
        }
        _ => nsec.types.denies(rtype, name.is_root()),
    }
}
