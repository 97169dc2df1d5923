//! What shape does RDATA have? Layouts of the types that hold names, decompression, and typed peeks.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::header::{u16_at, u32_at};
use super::name::MAX_POINTERS;
use super::{Name, RecordType, WireError};

/// One field of RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A name that is read and written compressed (RFC 1035 types; RFC 3597 section 4).
    Name,
    /// A name that is read compressed but never written so (RFC 3597 section 4).
    LooseName,
    /// A name that is never compressed (types since RFC 3597).
    PlainName,
    /// So many octets.
    Octets(usize),
    /// A length octet and as many octets.
    Text,
    /// All that is left, which may be nothing.
    Rest,
}

/// The fields of `rtype`; [`Field::Rest`] alone for types whose inside is nobody's business here (RFC 3597).
pub(crate) const fn layout(rtype: RecordType) -> &'static [Field] {
    use Field::{LooseName, Name, Octets, PlainName, Rest, Text};
    match rtype {
        RecordType::A => &[Octets(4)],
        RecordType::AAAA => &[Octets(16)],
        RecordType::NS
        | RecordType::CNAME
        | RecordType::PTR
        | RecordType::MB
        | RecordType::MD
        | RecordType::MF
        | RecordType::MG
        | RecordType::MR => &[Name],
        RecordType::SOA => &[Name, Name, Octets(20)],
        RecordType::MINFO => &[Name, Name],
        RecordType::MX => &[Octets(2), Name],
        RecordType::DNAME => &[LooseName],
        RecordType::AFSDB | RecordType::RT | RecordType::KX => &[Octets(2), LooseName],
        RecordType::RP => &[LooseName, LooseName],
        RecordType::PX => &[Octets(2), LooseName, LooseName],
        RecordType::SRV => &[Octets(6), LooseName],
        RecordType::NAPTR => &[Octets(4), Text, Text, Text, LooseName],
        RecordType::SIG => &[Octets(18), LooseName, Rest],
        RecordType::NXT => &[LooseName, Rest],
        RecordType::RRSIG => &[Octets(18), PlainName, Rest],
        RecordType::NSEC => &[PlainName, Rest],
        RecordType::SVCB | RecordType::HTTPS => &[Octets(2), PlainName, Rest],
        _ => &[Rest],
    }
}

/// Copies RDATA out of a message: names decompressed, the shape checked against the type.
///
/// # Errors
/// `BadRdata` if the fields do not fill `start..end` exactly; any error of [`Name::parse`].
pub(crate) fn decompress(
    message: &[u8],
    start: usize,
    end: usize,
    rtype: RecordType,
    pointers_left: &mut u32,
) -> Result<Box<[u8]>, WireError> {
    let rdata = message.get(start..end).ok_or(WireError::Truncated)?;
    let fields = layout(rtype);
    if let [Field::Rest] = fields {
        return Ok(rdata.into());
    }
    // Names are cut at the end of the RDATA, so that none can read on into the next record.
    let window = message.get(..end).ok_or(WireError::Truncated)?;
    let mut plain = Vec::with_capacity(rdata.len() + 32);
    let mut at = start;
    for field in fields {
        let next = match *field {
            Field::Name | Field::LooseName => {
                let mut next = at;
                let name = Name::parse(window, &mut next, pointers_left).map_err(in_rdata)?;
                plain.extend_from_slice(name.as_wire());
                at = next;
                continue;
            }
            Field::PlainName => {
                super::query::plain_name_end(window, at).map_err(|_| WireError::BadRdata)?
            }
            Field::Octets(count) => at + count,
            Field::Text => at + 1 + usize::from(*window.get(at).ok_or(WireError::BadRdata)?),
            Field::Rest => end,
        };
        plain.extend_from_slice(window.get(at..next).ok_or(WireError::BadRdata)?);
        at = next;
    }
    if at == end {
        Ok(plain.into_boxed_slice())
    } else {
        Err(WireError::BadRdata)
    }
}

/// A name that runs over the end of its RDATA is bad RDATA, not a short message.
const fn in_rdata(error: WireError) -> WireError {
    match error {
        WireError::Truncated => WireError::BadRdata,
        other => other,
    }
}

/// Checks uncompressed RDATA against the shape of its type.
///
/// # Errors
/// As reading it from a message would give; `BadPointer` if a name in it is compressed.
pub fn check(rtype: RecordType, rdata: &[u8]) -> Result<(), WireError> {
    let plain = decompress(rdata, 0, rdata.len(), rtype, &mut MAX_POINTERS.clone())?;
    if *plain == *rdata {
        Ok(())
    } else {
        Err(WireError::BadPointer)
    }
}

/// The target of an NS record.
#[must_use]
pub fn ns_target(rdata: &[u8]) -> Option<Name> {
    Name::from_wire(rdata).ok()
}

/// The target of a CNAME record.
#[must_use]
pub fn cname_target(rdata: &[u8]) -> Option<Name> {
    Name::from_wire(rdata).ok()
}

/// The target of a DNAME record.
#[must_use]
pub fn dname_target(rdata: &[u8]) -> Option<Name> {
    Name::from_wire(rdata).ok()
}

/// The MINIMUM field of an SOA record: the negative TTL in seconds (RFC 2308 section 4).
#[must_use]
pub fn soa_minimum(rdata: &[u8]) -> Option<u32> {
    u32_at(rdata, rdata.len().checked_sub(4)?).ok()
}

/// The SERIAL field of an SOA record.
#[must_use]
pub fn soa_serial(rdata: &[u8]) -> Option<u32> {
    u32_at(rdata, rdata.len().checked_sub(20)?).ok()
}

/// The address of an A record.
#[must_use]
pub fn a(rdata: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(rdata).ok().map(Ipv4Addr::from)
}

/// The address of an AAAA record.
#[must_use]
pub fn aaaa(rdata: &[u8]) -> Option<Ipv6Addr> {
    <[u8; 16]>::try_from(rdata).ok().map(Ipv6Addr::from)
}

/// The type an RRSIG record covers (RFC 4034 section 3.1.1).
#[must_use]
pub fn rrsig_covers(rdata: &[u8]) -> Option<RecordType> {
    u16_at(rdata, 0).ok().map(RecordType)
}

/// The fields of an NSEC record: the next owner name of the zone and the type bit maps (RFC 4034 section 4.1).
#[must_use]
pub fn nsec(rdata: &[u8]) -> Option<(Name, &[u8])> {
    let end = super::query::plain_name_end(rdata, 0).ok()?;
    let (next, types) = rdata.split_at_checked(end)?;
    Some((Name::from_wire(next).ok()?, types))
}

/// The fields of an NSEC3 record (RFC 5155 section 3.2), nothing but their bounds checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nsec3<'a> {
    /// Hash algorithm; 1 is SHA-1, the only one.
    pub algorithm: u8,
    /// Flags; 1 is opt-out, the only one.
    pub flags: u8,
    /// Additional rounds of hashing.
    pub iterations: u16,
    /// Appended to what is hashed, in each round.
    pub salt: &'a [u8],
    /// The next hash of the zone, as octets.
    pub next: &'a [u8],
    /// The type bit maps.
    pub types: &'a [u8],
}

/// The fields of an NSEC3 record.
#[must_use]
pub fn nsec3(rdata: &[u8]) -> Option<Nsec3<'_>> {
    let (&[algorithm, flags, high, low, salt_length], rest) = rdata.split_first_chunk::<5>()?;
    let (salt, rest) = rest.split_at_checked(usize::from(salt_length))?;
    let (&next_length, rest) = rest.split_first()?;
    let (next, types) = rest.split_at_checked(usize::from(next_length))?;
    Some(Nsec3 {
        algorithm,
        flags,
        iterations: u16::from_be_bytes([high, low]),
        salt,
        next,
        types,
    })
}

/// The SHA-1 hash that the first label of an NSEC3 owner name spells in base32hex, in either case (RFC 5155 section 3).
#[must_use]
pub fn nsec3_owner_hash(label: &[u8]) -> Option<[u8; 20]> {
    let label: &[u8; 32] = label.try_into().ok()?;
    let mut hash = [0_u8; 20];
    for (from, to) in label.chunks_exact(8).zip(hash.chunks_exact_mut(5)) {
        let mut bits = 0_u64;
        for digit in from {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'v' => digit - b'a' + 10,
                b'A'..=b'V' => digit - b'A' + 10,
                _ => return None,
            };
            bits = bits << 5 | u64::from(value);
        }
        to.copy_from_slice(bits.to_be_bytes().get(3..)?);
    }
    Some(hash)
}

/// The labels field of an RRSIG record: the labels of the name that was signed, the root's and a leading `*` not counted
/// (RFC 4034 section 3.1.3).
#[must_use]
pub fn rrsig_labels(rdata: &[u8]) -> Option<u8> {
    rdata.get(3).copied()
}

/// The signer of an RRSIG record (RFC 4034 section 3.1.7).
#[must_use]
pub fn rrsig_signer(rdata: &[u8]) -> Option<Name> {
    let rest = rdata.get(18..)?;
    let end = super::query::plain_name_end(rest, 0).ok()?;
    Name::from_wire(rest.get(..end)?).ok()
}
