//! Is this zone whole? The digest over all of its records (RFC 8976), and the ZONEMD records it is compared with.

use ring::digest::{Algorithm, Context, SHA384, SHA512};

use super::canonical::push_rdata;
use crate::wire::{Name, Record, RecordType, rdata};

/// The only scheme there is: one digest over the whole zone (RFC 8976 section 5.2).
pub const SIMPLE: u8 = 1;
/// Hash algorithm SHA-384 (RFC 8976 section 5.3).
pub const SHA_384: u8 = 1;
/// Hash algorithm SHA-512 (RFC 8976 section 5.3).
pub const SHA_512: u8 = 2;

/// The fields of one ZONEMD record, borrowed from its RDATA (RFC 8976 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zonemd<'a> {
    /// The serial of the zone it was made for.
    pub serial: u32,
    /// How the records are put together; [`SIMPLE`] is known.
    pub scheme: u8,
    /// How they are hashed; [`SHA_384`] and [`SHA_512`] are known.
    pub hash: u8,
    /// The digest.
    pub digest: &'a [u8],
}

impl<'a> Zonemd<'a> {
    /// Reads RDATA. Nothing if it is too short.
    #[must_use]
    pub const fn read(rdata: &'a [u8]) -> Option<Self> {
        let [a, b, c, d, scheme, hash, digest @ ..] = rdata else {
            return None;
        };
        Some(Self {
            serial: u32::from_be_bytes([*a, *b, *c, *d]),
            scheme: *scheme,
            hash: *hash,
            digest,
        })
    }
}

/// Why no ZONEMD record fits the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is none.
    #[error("it has no ZONEMD record")]
    Absent,
    /// None is for the serial of the SOA.
    #[error("no ZONEMD record is for its serial")]
    Serial,
    /// Two for one scheme and hash algorithm: neither counts (RFC 8976 section 4 step 4).
    #[error("its ZONEMD records contradict each other")]
    Repeated,
    /// None is of a scheme and hash algorithm that are known here.
    #[error("its ZONEMD records are of no known scheme and hash algorithm")]
    Unknown,
    /// A digest of a wrong length.
    #[error("the digest of its ZONEMD record has a wrong length")]
    Length,
    /// The zone is another one.
    #[error("its digest is not the one its ZONEMD record gives")]
    Digest,
}

/// The records of a zone in canonical order, each once: what is hashed, and what a copy is served from.
#[derive(Clone, Debug)]
pub struct Ordered<'a>(Vec<(&'a Record, Vec<u8>)>);

impl<'a> Ordered<'a> {
    /// Of `records`, which may come in any order and more than once (RFC 8976 section 3.3.1). Work is that of a sort.
    #[must_use]
    pub fn of(records: &'a [Record]) -> Self {
        let mut ordered: Vec<(&Record, Vec<u8>)> = records
            .iter()
            .map(|record| {
                let mut canonical = Vec::with_capacity(record.rdata.len());
                push_rdata(record.rtype, &record.rdata, &mut canonical);
                (record, canonical)
            })
            .collect();
        // Stable, so that of two that differ by TTL alone the first counts.
        ordered.sort_by(|(one, this), (other, that)| {
            let names = one.owner.cmp(&other.owner);
            names
                .then(one.rtype.cmp(&other.rtype))
                .then_with(|| this.cmp(that))
        });
        ordered.dedup_by(|(one, this), (other, that)| {
            one.rtype == other.rtype && one.owner == other.owner && this == that
        });
        Self(ordered)
    }

    /// The records.
    pub fn records(&self) -> impl Iterator<Item = &'a Record> {
        self.0.iter().map(|(record, _)| *record)
    }

    /// The digest by the SIMPLE scheme with this hash algorithm; nothing if it is not known. What stands at the apex as
    /// ZONEMD, and its signature, is left out (RFC 8976 section 3.3.1.1), and so is what lies outside of the zone.
    #[must_use]
    pub fn digest(&self, apex: &Name, hash: u8) -> Option<Vec<u8>> {
        let mut context = Context::new(algorithm(hash)?);
        let mut octets = Vec::with_capacity(512);
        for (record, canonical) in &self.0 {
            let at_apex = record.owner == *apex;
            if (at_apex && is_about_zonemd(record)) || !record.owner.is_within(apex) {
                continue;
            }
            octets.clear();
            octets.extend_from_slice(&record.owner.to_lower_wire());
            octets.extend_from_slice(&record.rtype.0.to_be_bytes());
            octets.extend_from_slice(&record.class.0.to_be_bytes());
            octets.extend_from_slice(&record.ttl.to_be_bytes());
            let length = u16::try_from(canonical.len()).ok()?;
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(canonical);
            context.update(&octets);
        }
        Some(context.finish().as_ref().to_vec())
    }

    /// Whether one of the ZONEMD records of the zone fits it; `serial` is its SOA's (RFC 8976 section 4, steps 4 and 5).
    ///
    /// That the ZONEMD set and the SOA are the zone's own must have been proven before.
    ///
    /// # Errors
    /// What the record that came closest lacks.
    pub fn check(&self, apex: &Name, serial: u32) -> Result<(), Unfit> {
        let at_apex: Vec<Zonemd<'_>> = self
            .records()
            .filter(|record| record.rtype == RecordType::ZONEMD && record.owner == *apex)
            .filter_map(|record| Zonemd::read(&record.rdata))
            .collect();
        let mut closest = Unfit::Absent;
        for zonemd in &at_apex {
            match self.check_one(apex, serial, zonemd, &at_apex) {
                Ok(()) => return Ok(()),
                Err(unfit) => closest = further(closest, unfit),
            }
        }
        Err(closest)
    }

    fn check_one(
        &self,
        apex: &Name,
        serial: u32,
        zonemd: &Zonemd<'_>,
        all: &[Zonemd<'_>],
    ) -> Result<(), Unfit> {
        if zonemd.serial != serial {
            return Err(Unfit::Serial);
        }
        let kin = |other: &&Zonemd<'_>| other.scheme == zonemd.scheme && other.hash == zonemd.hash;
        if all.iter().filter(kin).count() > 1 {
            return Err(Unfit::Repeated);
        }
        let known = (zonemd.scheme == SIMPLE).then(|| algorithm(zonemd.hash));
        let algorithm = known.flatten().ok_or(Unfit::Unknown)?;
        if zonemd.digest.len() != algorithm.output_len() {
            return Err(Unfit::Length);
        }
        match self.digest(apex, zonemd.hash) {
            Some(digest) if digest == zonemd.digest => Ok(()),
            _ => Err(Unfit::Digest),
        }
    }
}

fn algorithm(hash: u8) -> Option<&'static Algorithm> {
    match hash {
        SHA_384 => Some(&SHA384),
        SHA_512 => Some(&SHA512),
        _ => None,
    }
}

/// A ZONEMD record or the signature of one.
fn is_about_zonemd(record: &Record) -> bool {
    record.rtype == RecordType::ZONEMD
        || (record.rtype == RecordType::RRSIG
            && rdata::rrsig_covers(&record.rdata) == Some(RecordType::ZONEMD))
}

/// Of two records the one that came further.
const fn further(one: Unfit, other: Unfit) -> Unfit {
    if other as u8 > one as u8 { other } else { one }
}

#[cfg(test)]
mod tests;
