//! Is it proven that something does not exist? Proofs by NSEC and NSEC3, for responses and for the aggressive cache alike.
//!
//! All records of a proof must have been validated under the keys of one zone. Nothing here asks whether that is so, the seal
//! says it; what is asked again, because much hangs on it, is that a record was signed by that zone and not made from a wildcard.

use std::borrow::Borrow;

use smallvec::SmallVec;

use super::nsec::{self, Finding, Nsec};
use super::nsec3::{self, Chain, Hashes};
use super::types::Types;
use super::{Allowance, Bogus, Validated, Why};
use crate::wire::{Name, RdataSet, RecordType, Rrset, rdata};

/// The records that are to prove something.
#[derive(Debug)]
pub struct Proofs<'a, S = Rrset> {
    /// The zone whose keys they verified under.
    pub zone: &'a Name,
    /// Its NSEC and NSEC3 sets; other types are passed over.
    pub sets: &'a [Validated<S>],
    /// NSEC3 iterations above which nothing is hashed and the proof makes insecure (RFC 9276 section 3.2).
    pub max_iterations: u16,
}

/// What a proof is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// It is proven.
    Proven,
    /// Nothing signed is there, but something unsigned may be: insecure (RFC 5155 section 9.2).
    OptOut,
    /// Nobody looked, hashing is too dear: insecure, EDE 27 (RFC 9276 section 3.2).
    TooManyIterations,
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What it is worth.
    pub strength: Strength,
    /// The closest encloser, where the proof rests on one; a wildcard NODATA speaks of `*` below it.
    pub encloser: Option<Name>,
    /// In a NODATA proof: the name does not exist at all, although the zone answers as if it did (compact denial, RFC 9824).
    pub no_such_name: bool,
}

/// Why a name has no DS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDs {
    /// It is a zone cut, and the zone below is not signed.
    Insecure,
    /// It may be a zone cut whose zone is not signed (RFC 5155 section 8.9).
    OptOut,
    /// Nobody looked, hashing is too dear: what is below is insecure, EDE 27 (RFC 9276 section 3.2).
    TooManyIterations,
    /// It is no zone cut: an ordinary name, an empty non-terminal, or nothing at all.
    NoCut,
}

/// Proof that `name` does not exist and no wildcard stands in for it (RFC 4035 section 5.4, RFC 5155 section 8.4).
///
/// # Errors
/// [`Why::NoProof`], or [`Why::TooManyHashes`].
pub fn no_name<S: Borrow<Rrset>>(
    name: &Name,
    proofs: &Proofs<'_, S>,
    allowance: &mut Allowance,
) -> Result<Denial, Bogus> {
    Evidence::of(proofs).no_name(name, &mut Hashes::default(), allowance)
}

/// Proof that `name` exists, or a wildcard stands in for it, without records of `rtype` and without CNAME (RFC 4035 section 5.4,
/// RFC 5155 sections 8.5 to 8.7, RFC 6840 section 4).
///
/// # Errors
/// [`Why::NoProof`], or [`Why::TooManyHashes`].
pub fn no_data<S: Borrow<Rrset>>(
    name: &Name,
    rtype: RecordType,
    proofs: &Proofs<'_, S>,
    allowance: &mut Allowance,
) -> Result<Denial, Bogus> {
    Evidence::of(proofs).no_data(name, rtype, &mut Hashes::default(), allowance)
}

/// Proof that an answer made from `*.encloser` was not to be made from anything closer to `name` (RFC 4035 section 5.3.4,
/// RFC 5155 section 8.8).
///
/// # Errors
/// [`Why::NoProof`], or [`Why::TooManyHashes`].
pub fn no_closer_match<S: Borrow<Rrset>>(
    name: &Name,
    encloser: &Name,
    proofs: &Proofs<'_, S>,
    allowance: &mut Allowance,
) -> Result<Denial, Bogus> {
    Evidence::of(proofs).no_closer_match(name, encloser, &mut Hashes::default(), allowance)
}

/// Proof by the parent zone that `name`, strictly below it, has no DS: an unsigned delegation, or no delegation (RFC 4035
/// section 5.2, RFC 5155 section 8.9, RFC 6840 section 4.4).
///
/// # Errors
/// [`Why::NoDs`], or [`Why::TooManyHashes`].
pub fn no_ds<S: Borrow<Rrset>>(
    name: &Name,
    proofs: &Proofs<'_, S>,
    allowance: &mut Allowance,
) -> Result<NoDs, Bogus> {
    Evidence::of(proofs).no_ds(name, &mut Hashes::default(), allowance)
}

/// Whether NSEC records show that `name` is there and has no records, but names below it (RFC 4592 section 2.2.2).
#[must_use]
pub fn is_empty_name<S: Borrow<Rrset>>(name: &Name, proofs: &Proofs<'_, S>) -> bool {
    let evidence = Evidence::of(proofs);
    name.is_within(proofs.zone)
        && matches!(nsec::finding(&evidence.nsecs, name), Some(Finding::Empty))
}

/// The wildcard RRset that a validated set was expanded from, with its signature; nothing if it was not (RFC 4035 section 5.3.4).
/// What the signature covers is the wildcard, so the seal holds for it as well.
#[must_use]
pub fn source_of_synthesis(set: &Validated<Rrset>) -> Option<Validated<Rrset>> {
    let labels = usize::from(rdata::rrsig_labels(set.rrsigs.iter().next()?)?);
    if !set.is_expanded() {
        return None;
    }
    let owner = set.owner.suffix(labels).child(b"*").ok()?;
    Some(Validated::seal(Rrset {
        owner,
        rtype: set.rtype,
        ttl: set.ttl,
        rdata: set.rdata.clone(),
        rrsigs: RdataSet::new(set.rrsigs.iter()),
    }))
}

/// Records taken apart, ready to be asked.
#[derive(Debug)]
pub struct Evidence<'a> {
    zone: &'a Name,
    nsecs: SmallVec<[Nsec<'a>; 4]>,
    chain: Chain<'a>,
    max_iterations: u16,
}

impl<'a> Evidence<'a> {
    /// Takes apart what of `proofs` is fit for use: signed by the zone, not made from a wildcard (RFC 4035 section 5.4), well
    /// formed.
    #[must_use]
    pub fn of<S: Borrow<Rrset>>(proofs: &Proofs<'a, S>) -> Self {
        let zone = proofs.zone;
        let of_type = |rtype| {
            let sets = proofs
                .sets
                .iter()
                .map(|set| -> &'a Rrset { (**set).borrow() });
            sets.filter(move |set| set.rtype == rtype && speaks_for(set, zone))
        };
        Self {
            zone,
            nsecs: of_type(RecordType::NSEC)
                .filter_map(|set| Nsec::read(set, zone))
                .collect(),
            chain: Chain::read(of_type(RecordType::NSEC3), zone),
            max_iterations: proofs.max_iterations,
        }
    }

    /// [`no_name`], with hashes that may have been made before.
    ///
    /// # Errors
    /// As there.
    pub fn no_name(
        &self,
        name: &Name,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<Denial, Bogus> {
        let missing = || Bogus::of(Why::NoProof, name, RecordType::NSEC);
        if !name.is_within(self.zone) {
            return Err(missing());
        }
        if let Some(encloser) = nsec::no_name(&self.nsecs, name) {
            return Ok(Denial::by(Strength::Proven, encloser));
        }
        let Some(chain) = self.hashed() else {
            return self.undecided().ok_or_else(missing);
        };
        let types = chain.matching(name, hashes, allowance)?;
        if types.is_some_and(|types| types.has(RecordType::NXNAME)) {
            return Ok(Denial::by(Strength::Proven, None));
        }
        let proof = chain
            .closest_encloser(name, self.zone, hashes, allowance)?
            .ok_or_else(missing)?;
        if let Ok(wildcard) = proof.encloser.child(b"*")
            && chain.covering(&wildcard, hashes, allowance)?.is_none()
        {
            return Err(missing());
        }
        Ok(proof.into())
    }

    /// [`no_data`], with hashes that may have been made before.
    ///
    /// # Errors
    /// As there.
    pub fn no_data(
        &self,
        name: &Name,
        rtype: RecordType,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<Denial, Bogus> {
        let missing = || Bogus::of(Why::NoProof, name, rtype);
        if !name.is_within(self.zone) {
            return Err(missing());
        }
        if let Some(found) = nsec::no_data(&self.nsecs, name, rtype) {
            return Ok(Denial {
                strength: Strength::Proven,
                encloser: found.encloser,
                no_such_name: found.no_such_name,
            });
        }
        let Some(chain) = self.hashed() else {
            return self.undecided().ok_or_else(missing);
        };
        if let Some(types) = chain.matching(name, hashes, allowance)? {
            let denial = Denial {
                strength: Strength::Proven,
                encloser: None,
                no_such_name: types.has(RecordType::NXNAME),
            };
            return nsec3::denies(types, name, rtype)
                .then_some(denial)
                .ok_or_else(missing);
        }
        let proof = chain
            .closest_encloser(name, self.zone, hashes, allowance)?
            .ok_or_else(missing)?;
        if let Ok(wildcard) = proof.encloser.child(b"*")
            && let Some(types) = chain.matching(&wildcard, hashes, allowance)?
        {
            return nsec3::denies(types, &wildcard, rtype)
                .then(|| proof.into())
                .ok_or_else(missing);
        }
        // An unsigned delegation, or an empty non-terminal above unsigned delegations alone (RFC 5155 section 8.6).
        if proof.opt_out {
            Ok(proof.into())
        } else {
            Err(missing())
        }
    }

    /// [`no_closer_match`], with hashes that may have been made before.
    ///
    /// # Errors
    /// As there.
    pub fn no_closer_match(
        &self,
        name: &Name,
        encloser: &Name,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<Denial, Bogus> {
        let missing = || Bogus::of(Why::NoProof, name, RecordType::NSEC);
        let below = name.is_within(encloser) && name != encloser;
        if !below || !encloser.is_within(self.zone) {
            return Err(missing());
        }
        let next_closer = name.suffix(encloser.label_count() + 1);
        if nsec::no_closer_match(&self.nsecs, &next_closer) {
            return Ok(Denial::by(Strength::Proven, Some(encloser.clone())));
        }
        let Some(chain) = self.hashed() else {
            return self.undecided().ok_or_else(missing);
        };
        let opt_out = chain
            .covering(&next_closer, hashes, allowance)?
            .ok_or_else(missing)?;
        let encloser = encloser.clone();
        Ok(nsec3::EncloserProof { encloser, opt_out }.into())
    }

    /// [`no_ds`], with hashes that may have been made before.
    ///
    /// # Errors
    /// As there.
    pub fn no_ds(
        &self,
        name: &Name,
        hashes: &mut Hashes,
        allowance: &mut Allowance,
    ) -> Result<NoDs, Bogus> {
        let missing = || Bogus::of(Why::NoDs, name, RecordType::DS);
        if !name.is_within(self.zone) || name == self.zone {
            return Err(missing());
        }
        match nsec::finding(&self.nsecs, name) {
            Some(Finding::Listed(nsec)) => return ds_denied(nsec.types()).ok_or_else(missing),
            Some(Finding::Empty | Finding::Absent(_)) => return Ok(NoDs::NoCut),
            None => {}
        }
        let Some(chain) = self.hashed() else {
            return self
                .undecided()
                .map(|_| NoDs::TooManyIterations)
                .ok_or_else(missing);
        };
        if let Some(types) = chain.matching(name, hashes, allowance)? {
            return ds_denied(types).ok_or_else(missing);
        }
        chain
            .closest_encloser(name, self.zone, hashes, allowance)?
            .map(|proof| match proof.opt_out {
                true => NoDs::OptOut,
                false => NoDs::NoCut,
            })
            .ok_or_else(missing)
    }

    /// The closest encloser of `name`, if an NSEC shows that neither it nor anything below it exists, wildcards aside.
    #[must_use]
    pub fn absent(&self, name: &Name) -> Option<Name> {
        match nsec::finding(&self.nsecs, name)? {
            Finding::Absent(nsec) if name.is_within(self.zone) => Some(nsec.closest_encloser(name)),
            _ => None,
        }
    }

    /// The NSEC3 records, if there are any and they are not too dear.
    fn hashed(&self) -> Option<&Chain<'a>> {
        let usable = !self.chain.is_empty() && self.chain.iterations() <= self.max_iterations;
        usable.then_some(&self.chain)
    }

    /// What is left to say when there was nothing to hash with: insecure, if that was for the price.
    fn undecided(&self) -> Option<Denial> {
        let dear = !self.chain.is_empty() && self.chain.iterations() > self.max_iterations;
        dear.then(|| Denial::by(Strength::TooManyIterations, None))
    }
}

impl Denial {
    const fn by(strength: Strength, encloser: Option<Name>) -> Self {
        Self {
            strength,
            encloser,
            no_such_name: false,
        }
    }
}

impl From<nsec3::EncloserProof> for Denial {
    fn from(proof: nsec3::EncloserProof) -> Self {
        let strength = match proof.opt_out {
            true => Strength::OptOut,
            false => Strength::Proven,
        };
        Self::by(strength, Some(proof.encloser))
    }
}

/// Whether a set is one that its zone signed under its own name: the signer is the zone, and it was not made from a wildcard.
fn speaks_for(set: &Rrset, zone: &Name) -> bool {
    let mut signers = set.rrsigs.iter().map(rdata::rrsig_signer);
    signers.all(|signer| signer.is_some_and(|signer| signer == *zone)) && !set.is_expanded()
}

/// What the record at a name says about its DS. SOA marks the child's own record, which is no proof (RFC 5155 section 8.9).
fn ds_denied(types: Types<'_>) -> Option<NoDs> {
    if types.has(RecordType::DS) || types.has(RecordType::SOA) {
        None
    } else if types.has(RecordType::NS) {
        Some(NoDs::Insecure)
    } else {
        Some(NoDs::NoCut)
    }
}

#[cfg(test)]
pub(crate) mod tests;
