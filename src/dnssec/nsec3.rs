//! What do the NSEC3 records of one proof show? Hashes, closest enclosers and opt-out (RFC 5155 section 8), within limits.

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use smallvec::SmallVec;

use super::types::Types;
use super::{Allowance, Bogus};
use crate::wire::{Name, RecordType, Rrset, rdata};

/// NSEC3 records looked at for one proof (parameters.md section 4; an honest proof needs three).
pub(super) const MAX_RECORDS: usize = 8;
/// SHA-1, the only hash algorithm there is (RFC 5155 section 11).
const SHA1: u8 = 1;
/// The only flag there is (RFC 5155 section 3.1.2.1).
const OPT_OUT: u8 = 1;

/// A hashed owner name.
pub type Hash = [u8; 20];

/// One NSEC3 record of a zone.
#[derive(Clone, Copy, Debug)]
struct Nsec3<'a> {
    owner: Hash,
    next: Hash,
    opt_out: bool,
    types: Types<'a>,
}

/// The NSEC3 records of one proof, all of the same parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain<'a> {
    iterations: u16,
    salt: &'a [u8],
    records: SmallVec<[Nsec3<'a>; 4]>,
}

/// Hashes made for one proof: none is made twice. All of one zone's parameters; other parameters empty it.
#[derive(Clone, Debug, Default)]
pub struct Hashes {
    iterations: u16,
    salt: SmallVec<[u8; 16]>,
    made: SmallVec<[(Name, Hash); 8]>,
}

/// What shows that a name does not exist: RFC 5155 section 8.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EncloserProof {
    /// The longest ancestor that exists.
    pub(super) encloser: Name,
    /// Whether the span over the name one label longer may hide unsigned delegations.
    pub(super) opt_out: bool,
}

impl<'a> Chain<'a> {
    /// Takes the usable ones of `sets`, which belong to `zone`: SHA-1, flags 0 or 1, a well-formed hash one label below the
    /// zone, the parameters of the first such. Later ones than [`MAX_RECORDS`] are not looked at.
    pub(super) fn read(sets: impl Iterator<Item = &'a Rrset>, zone: &Name) -> Self {
        let mut chain = Self::default();
        for set in sets {
            if chain.records.len() == MAX_RECORDS {
                break;
            }
            let mut all = set.rdata.iter();
            let (Some(only), None) = (all.next(), all.next()) else {
                continue;
            };
            let Some((fields, record)) = usable(set, only, zone) else {
                continue;
            };
            if chain.records.is_empty() {
                chain.iterations = fields.iterations;
                chain.salt = fields.salt;
            } else if chain.iterations != fields.iterations || chain.salt != fields.salt {
                continue;
            }
            chain.records.push(record);
        }
        chain
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) const fn iterations(&self) -> u16 {
        self.iterations
    }

    /// The types at `name`, if a record matches it.
    pub(super) fn matching(
        &self,
        name: &Name,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<Option<Types<'a>>, Bogus> {
        let hash = hashes.of(name, self.iterations, self.salt, allowance)?;
        Ok(self
            .records
            .iter()
            .find(|record| record.owner == hash)
            .map(|record| record.types))
    }

    /// Whether a record covers `name`, and if so whether it opts out.
    pub(super) fn covering(
        &self,
        name: &Name,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<Option<bool>, Bogus> {
        let hash = hashes.of(name, self.iterations, self.salt, allowance)?;
        let mut covering = self.records.iter().filter(|record| record.covers(&hash));
        Ok(covering
            .next()
            .map(|record| record.opt_out || covering.any(|record| record.opt_out)))
    }

    /// The closest encloser proof for `name` in `zone`: the first ancestor, from the name upwards, that a record matches, and
    /// a record that covers the name one label longer (RFC 5155 section 8.3). The match must speak for this zone: no DNAME,
    /// and NS only beside SOA. One hash per label, each charged.
    ///
    /// Nothing if the name itself is matched, or any of this is not so.
    pub(super) fn closest_encloser(
        &self,
        name: &Name,
        zone: &Name,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<Option<EncloserProof>, Bogus> {
        let mut next_closer: Option<Name> = None;
        for labels in (zone.label_count()..=name.label_count()).rev() {
            let candidate = name.suffix(labels);
            if let Some(types) = self.matching(&candidate, hashes, allowance)? {
                let Some(next_closer) = next_closer.filter(|_| !types.hides_below()) else {
                    return Ok(None);
                };
                let covering = self.covering(&next_closer, hashes, allowance)?;
                return Ok(covering.map(|opt_out| EncloserProof {
                    encloser: candidate,
                    opt_out,
                }));
            }
            next_closer = Some(candidate);
        }
        Ok(None)
    }
}

impl Nsec3<'_> {
    /// Whether a hash lies strictly between owner and next, the last record reaching round to the first (RFC 5155 section 1.3).
    fn covers(&self, hash: &Hash) -> bool {
        if self.owner < self.next {
            self.owner < *hash && *hash < self.next
        } else {
            self.owner < *hash || *hash < self.next
        }
    }
}

fn usable<'a>(set: &Rrset, record: &'a [u8], zone: &Name) -> Option<(rdata::Nsec3<'a>, Nsec3<'a>)> {
    let fields = rdata::nsec3(record)?;
    if fields.algorithm != SHA1 || fields.flags > OPT_OUT || set.owner.parent()? != *zone {
        return None;
    }
    let record = Nsec3 {
        owner: rdata::nsec3_owner_hash(set.owner.labels().next()?)?,
        next: fields.next.try_into().ok()?,
        opt_out: fields.flags == OPT_OUT,
        types: Types::read(fields.types)?,
    };
    Some((fields, record))
}

impl Hashes {
    /// The hash of `name` (RFC 5155 section 5), made at most once and then paid for.
    ///
    /// # Errors
    /// [`super::Why::TooManyHashes`] when the allowance is spent.
    pub fn of(
        &mut self,
        name: &Name,
        iterations: u16,
        salt: &[u8],
        allowance: &mut Allowance,
    ) -> Result<Hash, Bogus> {
        if self.iterations != iterations || *self.salt != *salt {
            self.made.clear();
            self.iterations = iterations;
            self.salt = SmallVec::from_slice(salt);
        }
        if let Some((_, hash)) = self.made.iter().find(|(made, _)| made == name) {
            return Ok(*hash);
        }
        allowance.charge_hash(iterations)?;
        let hash = hash(name, iterations, salt);
        self.made.push((name.clone(), hash));
        Ok(hash)
    }
}

fn hash(name: &Name, iterations: u16, salt: &[u8]) -> Hash {
    let mut hash = sha1(&name.to_lower_wire(), salt);
    for _ in 0..iterations {
        hash = sha1(&hash, salt);
    }
    hash
}

fn sha1(what: &[u8], salt: &[u8]) -> Hash {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(what);
    context.update(salt);
    let mut hash = Hash::default();
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// Whether a match for `name` with these types denies `rtype`; ANY only where nothing is.
pub(super) fn denies(types: Types<'_>, name: &Name, rtype: RecordType) -> bool {
    match rtype {
        RecordType::ANY => types.only(&[RecordType::RRSIG, RecordType::NXNAME]),
        _ => types.denies(rtype, name.is_root()),
    }
}
