//! Is this RRset what its zone signed? RFC 4035 section 5.3, with a price on every attempt.

use smallvec::SmallVec;

use super::algorithm::Algorithm;
use super::canonical::{CanonicalRdata, counted_labels, signed_data};
use super::crypto;
use super::key::{Key, ZoneKeys};
use super::rrsig::Rrsig;
use super::{Allowance, Bogus, Clock, Validated, Why};
use crate::wire::{Name, RdataSet, RecordType, Rrset};

/// Signatures of one set that may fail before it is bogus (parameters.md section 4; BIND's number). One is forgiven, so that a
/// set with one bad signature beside a good one, or with two keys of one tag, is believed; whoever has sixty keys of one
/// tag and sixty signatures makes us check two (KeyTrap, CVE-2023-50387).
pub const FORGIVEN_FAILURES: usize = 1;

/// A set that was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The set: its TTL no higher than the original one and what is left of the signature (RFC 4035 section 5.3.3), its
    /// signatures reduced to the one that proved it.
    pub set: Validated<Rrset>,
    /// The closest encloser, that is the wildcard without its "*", if the set was expanded from a wildcard: then it has yet to
    /// be proven that nothing closer exists (RFC 4035 section 5.3.4). Such a set proves no nonexistence, and is no DS.
    pub expanded_from: Option<Name>,
}

/// Checks `set` by the keys of the zone that should have signed it. Work is paid from `allowance` before it is done.
///
/// # Errors
/// Bogus, for the most telling reason any of its signatures gives; a limit if the allowance does not suffice.
pub fn verify(
    set: &Rrset,
    keys: &ZoneKeys,
    clock: Clock,
    allowance: &mut Allowance,
) -> Result<Verified, Bogus> {
    verify_by(set, &keys.zone, &keys.keys, clock, allowance)
}

/// The signer of the first signature whose signer is the owner of `set` or above it: which zone claims it, by its own word.
#[must_use]
pub fn signer(set: &Rrset) -> Option<Name> {
    set.rrsigs
        .iter()
        .filter_map(Rrsig::read)
        .map(|rrsig| rrsig.signer)
        .find(|signer| set.owner.is_within(signer))
}

/// [`verify`] by a list of keys: of all, or of those that a DS names.
pub(super) fn verify_by(
    set: &Rrset,
    zone: &Name,
    keys: &[Key],
    clock: Clock,
    allowance: &mut Allowance,
) -> Result<Verified, Bogus> {
    let bogus = |why| Bogus::of(why, &set.owner, set.rtype);
    if !set.owner.is_within(zone) || is_of_the_parent(set, zone) {
        return Err(bogus(Why::WrongSigner));
    }
    let mut worst = Why::NoSignature;
    let mut candidates: SmallVec<[Candidate<'_>; 4]> = SmallVec::new();
    for rdata in &set.rrsigs {
        match Candidate::of(rdata, set, zone, keys, clock) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => worst = more_telling(worst, why),
        }
    }
    // Signatures by a key whose tag nobody shares come first: they need no luck.
    candidates.sort_by_key(|candidate| candidate.keys.len());
    let rounds = candidates
        .iter()
        .map(|candidate| candidate.keys.len())
        .max();
    let attempts = (0..rounds.unwrap_or_default()).flat_map(|round| {
        candidates
            .iter()
            .filter_map(move |candidate| Some((candidate, *candidate.keys.get(round)?)))
    });
    let canonical = (!candidates.is_empty()).then(|| CanonicalRdata::of(set));
    let mut message = Vec::new();
    for (candidate, key) in attempts.take(FORGIVEN_FAILURES + 1) {
        allowance.charge_signature()?;
        let rrsig = &candidate.rrsig;
        let fits = canonical
            .as_ref()
            .and_then(|canonical| signed_data(set, canonical, rrsig, &mut message))
            .is_some_and(|()| {
                crypto::verify(key.algorithm, &key.public_key, &message, rrsig.signature)
            });
        if fits {
            return Ok(candidate.verified(set));
        }
        worst = more_telling(worst, Why::WrongSignature);
    }
    Err(bogus(worst))
}

/// A signature that nothing speaks against but its octets, which are yet to be checked.
struct Candidate<'a> {
    rdata: &'a [u8],
    rrsig: Rrsig<'a>,
    keys: SmallVec<[&'a Key; 2]>,
    time_left: u32,
}

impl<'a> Candidate<'a> {
    /// All checks of RFC 4035 section 5.3.1.
    fn of(
        rdata: &'a [u8],
        set: &Rrset,
        zone: &Name,
        keys: &'a [Key],
        clock: Clock,
    ) -> Result<Self, Why> {
        let rrsig = Rrsig::read(rdata).ok_or(Why::WrongSignature)?;
        let labels = usize::from(rrsig.labels);
        if rrsig.covers != set.rtype
            || rrsig.signer != *zone
            || labels > counted_labels(&set.owner)
            || labels < zone.label_count()
        {
            return Err(Why::WrongSigner);
        }
        let algorithm = Algorithm::of(rrsig.algorithm).ok_or(Why::NoMatchingKey)?;
        let keys: SmallVec<_> = keys
            .iter()
            .filter(|key| key.answers_to(algorithm, rrsig.key_tag))
            .take(super::key::MAX_KEYS_PER_TAG)
            .collect();
        if keys.is_empty() {
            return Err(Why::NoMatchingKey);
        }
        let time_left = rrsig.time_left(clock)?;
        Ok(Self {
            rdata,
            rrsig,
            keys,
            time_left,
        })
    }

    fn verified(&self, set: &Rrset) -> Verified {
        let labels = usize::from(self.rrsig.labels);
        let expanded = labels < counted_labels(&set.owner);
        Verified {
            expanded_from: expanded.then(|| set.owner.suffix(labels)),
            set: Validated::seal(Rrset {
                owner: set.owner.clone(),
                rtype: set.rtype,
                ttl: set.ttl.min(self.rrsig.original_ttl).min(self.time_left),
                rdata: set.rdata.clone(),
                rrsigs: RdataSet::new([self.rdata]),
            }),
        }
    }
}

/// A DS set at the apex belongs to the parent: the zone cannot vouch for itself (RFC 4035 section 2.4).
fn is_of_the_parent(set: &Rrset, zone: &Name) -> bool {
    set.rtype == RecordType::DS && set.owner == *zone
}

/// Of two reasons the one that says more: the further a signature came, the more it says.
const fn more_telling(one: Why, other: Why) -> Why {
    if rank(other) > rank(one) { other } else { one }
}

const fn rank(why: Why) -> u8 {
    match why {
        Why::WrongSignature => 6,
        Why::Expired => 5,
        Why::NotYetValid => 4,
        Why::ExpiredBeforeValid => 3,
        Why::WrongSigner => 1,
        Why::NoMatchingKey => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
