//! In what order, and in which octets, are names and records signed? The canonical form of RFC 4034 section 6.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::rrsig::Rrsig;
use crate::wire::rdata::{Field, layout};
use crate::wire::{Name, RecordType, Rrset};

/// Compares names in canonical order (RFC 4034 section 6.1): label by label from the right, as octets, case folded.
#[must_use]
pub fn cmp_names(one: &Name, other: &Name) -> Ordering {
    one.cmp(other)
}

/// The RDATA of one set in canonical form and order, without repeats (RFC 4034 section 6.2 and 6.3).
///
/// Made once per set, for all of its signatures. Work is that of a sort.
#[derive(Clone, Debug)]
pub struct CanonicalRdata {
    packed: Vec<u8>,
    order: Vec<(usize, usize)>,
}

impl CanonicalRdata {
    /// Of `set`.
    #[must_use]
    pub fn of(set: &Rrset) -> Self {
        let mut packed = Vec::with_capacity(set.rdata.packed_len());
        let mut order = Vec::new();
        for rdata in &set.rdata {
            let start = packed.len();
            push_rdata(set.rtype, rdata, &mut packed);
            order.push((start, packed.len()));
        }
        let at = |place: &(usize, usize)| packed.get(place.0..place.1).unwrap_or_default();
        order.sort_unstable_by(|one, other| at(one).cmp(at(other)));
        order.dedup_by(|one, other| at(one) == at(other));
        Self { packed, order }
    }

    /// The RDATA, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.order
            .iter()
            .map(|place| self.packed.get(place.0..place.1).unwrap_or_default())
    }
}

/// Writes what a signature of `set` signs (RFC 4034 section 3.1.8.1) into `out`, which is emptied first: the RDATA of the
/// RRSIG without the signature, then every record with the original TTL, below the wildcard if the labels field says so.
///
/// Nothing (and `out` of no use) if the labels field exceeds the owner's labels.
pub fn signed_data(
    set: &Rrset,
    rdata: &CanonicalRdata,
    rrsig: &Rrsig<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let owner = signed_owner(&set.owner, rrsig.labels)?;
    out.clear();
    out.extend_from_slice(rrsig.fixed());
    out.extend_from_slice(&rrsig.signer.to_lower_wire());
    for rdata in rdata.iter() {
        out.extend_from_slice(&owner);
        out.extend_from_slice(&set.rtype.0.to_be_bytes());
        out.extend_from_slice(&1_u16.to_be_bytes());
        out.extend_from_slice(&rrsig.original_ttl.to_be_bytes());
        out.extend_from_slice(&u16::try_from(rdata.len()).ok()?.to_be_bytes());
        out.extend_from_slice(rdata);
    }
    Some(())
}

/// How many labels a name has for the labels field: the root and a leftmost "*" are not counted (RFC 4034 section 3.1.3).
#[must_use]
pub fn counted_labels(name: &Name) -> usize {
    let star = usize::from(name.labels().next() == Some(b"*"));
    name.label_count() - star
}

/// Appends `rdata` with its names in lower case, where RFC 4034 section 6.2 (as corrected by RFC 6840 section 5.1: not in
/// NSEC) says so. RDATA whose shape is wrong stays as it is from there on.
pub fn push_rdata(rtype: RecordType, rdata: &[u8], out: &mut Vec<u8>) {
    if rtype == A6 {
        return push_a6(rdata, out);
    }
    if !holds_folded_names(rtype) {
        out.extend_from_slice(rdata);
        return;
    }
    let mut rest = rdata;
    for field in layout(rtype) {
        let (length, is_name) = match field {
            Field::Name | Field::LooseName | Field::PlainName => (name_length(rest), true),
            Field::Octets(count) => (Some(*count), false),
            Field::Text => (rest.first().map(|length| usize::from(*length) + 1), false),
            Field::Rest => (Some(rest.len()), false),
        };
        let Some((octets, behind)) = length.and_then(|length| rest.split_at_checked(length)) else {
            break;
        };
        if is_name {
            out.extend(octets.iter().map(u8::to_ascii_lowercase));
        } else {
            out.extend_from_slice(octets);
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// Historic IPv6 address (RFC 2874, RFC 6563).
const A6: RecordType = RecordType(38);

/// The list of RFC 4034 section 6.2 item 3 without HINFO, which has no names, and NSEC (RFC 6840 section 5.1).
const fn holds_folded_names(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::NS
            | RecordType::MD
            | RecordType::MF
            | RecordType::CNAME
            | RecordType::SOA
            | RecordType::MB
            | RecordType::MG
            | RecordType::MR
            | RecordType::PTR
            | RecordType::MINFO
            | RecordType::MX
            | RecordType::RP
            | RecordType::AFSDB
            | RecordType::RT
            | RecordType::SIG
            | RecordType::PX
            | RecordType::NXT
            | RecordType::NAPTR
            | RecordType::KX
            | RecordType::SRV
            | RecordType::DNAME
            | RecordType::RRSIG
    )
}

/// A prefix length, the address bits it leaves, and a name unless it is 0 (RFC 2874 section 3.1.1).
fn push_a6(rdata: &[u8], out: &mut Vec<u8>) {
    let prefix = usize::from(rdata.first().copied().unwrap_or_default());
    let suffix = 1 + (128_usize.saturating_sub(prefix)).div_ceil(8);
    match rdata.split_at_checked(suffix) {
        Some((fixed, name)) if name_length(name) == Some(name.len()) => {
            out.extend_from_slice(fixed);
            out.extend(name.iter().map(u8::to_ascii_lowercase));
        }
        _ => out.extend_from_slice(rdata),
    }
}

/// The length of the uncompressed name at the start of `octets`, its root label included.
pub(super) fn name_length(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match usize::from(*octets.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..=63 => at += length + 1,
            _ => return None,
        }
    }
}

/// The owner that was signed, in canonical form: the owner itself, or "*" and its last `labels` labels.
fn signed_owner(owner: &Name, labels: u8) -> Option<SmallVec<[u8; 40]>> {
    let labels = usize::from(labels);
    match labels.cmp(&counted_labels(owner)) {
        Ordering::Greater => None,
        Ordering::Equal => Some(owner.to_lower_wire()),
        Ordering::Less => {
            let mut wire: SmallVec<[u8; 40]> = SmallVec::from_slice(&[1, b'*']);
            wire.extend_from_slice(&owner.suffix(labels).to_lower_wire());
            Some(wire)
        }
    }
}

#[cfg(test)]
mod tests;
