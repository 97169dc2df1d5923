//! Is one reply to be believed? The work as a thing of its own, so that it can be done on another thread and be abandoned.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::algorithm::{Accepted, Algorithm};
use super::denial::{self, NoDs, Proofs, Strength};
use super::{
    Allowance, Anchor, Bogus, Clock, Dnskey, KeyFinding, Spent, Validated, Verified, Why, ZoneKeys,
    keys_by_anchor, keys_by_ds, verify,
};
use crate::wire::{Ede, Name, RecordType, Rrset, Security};

/// NSEC and NSEC3 sets of one reply that are looked at: a proof takes three, a wildcard at every link of a chain one more each.
const PROOFS_READ: usize = 12;

/// Signed sets that are light work at most: each may cost two signatures of 0.1 ms.
const LIGHT_SETS: usize = 4;

/// Octets of data and signatures that are light work at most.
const LIGHT_OCTETS: usize = 4096;

/// Work to be done: what a reply says, and by whose keys it must be proven.
#[derive(Debug)]
pub struct Verification {
    evidence: Evidence,
    clock: Clock,
    allowance: Allowance,
    abandoned: AtomicBool,
}

/// What is to be proven.
#[derive(Debug)]
pub enum Evidence {
    /// Sets signed by the keys of one zone, and what they say is not there.
    Sets(Sets),
    /// The keys of a zone, by its DS.
    KeysByDs {
        /// The zone.
        zone: Name,
        /// Its proven DS set.
        ds: Arc<Rrset>,
        /// Its DNSKEY set as received.
        dnskey: Rrset,
        /// Which algorithms and digests are believed.
        accepted: Accepted,
    },
    /// The keys of a zone, by a trust anchor.
    KeysByAnchor {
        /// The anchor.
        anchor: Arc<Anchor>,
        /// Its DNSKEY set as received.
        dnskey: Rrset,
        /// Which algorithms and digests are believed.
        accepted: Accepted,
    },
}

/// Sets signed by the keys of one zone.
#[derive(Debug)]
pub struct Sets {
    /// The keys.
    pub keys: Arc<ZoneKeys>,
    /// What is there: links and data, in order.
    pub positive: Vec<Rrset>,
    /// What came along and is left out if it is not to be believed.
    pub extra: Vec<Rrset>,
    /// What is not there.
    pub denied: Option<Denied>,
    /// The NSEC and NSEC3 sets of the reply.
    pub proofs: Vec<Rrset>,
    /// The most iterations an NSEC3 proof may have.
    pub nsec3_iterations: u16,
}

/// What a reply says is not there.
#[derive(Debug)]
pub struct Denied {
    /// The name.
    pub name: Name,
    /// The type sought.
    pub rtype: RecordType,
    /// Whether the whole name does not exist.
    pub whole_name: bool,
    /// Whether a proof that the name is there, with nothing but names below it, will do as well: servers that take an empty
    /// non-terminal for nothing send such, and the code of a reply is not signed, its proofs are.
    pub or_type: bool,
    /// The SOA, as received.
    pub soa: Option<Rrset>,
}

/// What came of it.
#[derive(Debug)]
pub enum Judgement {
    /// The sets are what they claim to be.
    Sets(Proven),
    /// The keys of a zone, or why they cannot be used.
    Keys(KeyFinding),
    /// Something is not to be believed.
    Bogus(Bogus),
}

/// A judgement and its price.
#[derive(Debug)]
pub struct Verdict {
    /// The judgement.
    pub judgement: Judgement,
    /// What it cost.
    pub spent: Spent,
}

/// Sets that are what they claim to be.
#[derive(Debug)]
pub struct Proven {
    /// The zone that signed them.
    pub zone: Name,
    /// As in [`Sets::positive`], each with what stands behind it.
    pub positive: Vec<Believed>,
    /// Those of [`Sets::extra`] that are to be believed.
    pub extra: Vec<Validated<Rrset>>,
    /// The SOA of a denial.
    pub soa: Option<Validated<Rrset>>,
    /// All proofs that are signed, for those who use them again (RFC 8198).
    pub proofs: Vec<Validated<Rrset>>,
    /// What the denial, if there was one, amounts to.
    pub denial: Security,
    /// Whether the name that was said not to exist is proven to be an empty non-terminal.
    pub only_type: bool,
    /// What the denial of a DS says of the cut.
    pub cut: Option<NoDs>,
    /// Why a denial amounts to less than Secure.
    pub ede: Option<Ede>,
}

/// One proven set.
#[derive(Debug)]
pub struct Believed {
    /// The set, its TTL within what its signature allows.
    pub set: Validated<Rrset>,
    /// What it amounts to: less than Secure when an opted-out span hides what would be closer than the wildcard.
    pub security: Security,
    /// Whether it was expanded from a wildcard, so that the proofs belong to it.
    pub expanded: bool,
}

impl Verification {
    /// `evidence` to be judged within `allowance`.
    #[must_use]
    pub const fn new(evidence: Evidence, clock: Clock, allowance: Allowance) -> Self {
        Self {
            evidence,
            clock,
            allowance,
            abandoned: AtomicBool::new(false),
        }
    }

    /// Whether the work is done sooner than handed to another thread and back: a few signatures of algorithms that are quick to
    /// check, over little data, and no proof that must be hashed again and again. Takes less than a millisecond, whoever made it up.
    #[must_use]
    pub fn is_light(&self) -> bool {
        match &self.evidence {
            Evidence::Sets(sets) => sets.are_light(),
            Evidence::KeysByDs { dnskey, .. } | Evidence::KeysByAnchor { dnskey, .. } => {
                octets(dnskey) <= LIGHT_OCTETS
                    && (dnskey.rdata.iter().filter_map(Dnskey::read))
                        .filter_map(|key| Algorithm::of(key.algorithm))
                        .all(Algorithm::is_quick)
            }
        }
    }

    /// What is to be proven, and by what.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Has the work stop before its next set: nobody waits for it any more.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Does the work.
    #[must_use]
    pub fn run(&self) -> Verdict {
        let clock = self.clock;
        let mut allowance = self.allowance;
        let allowed = &mut allowance;
        let judged = match &self.evidence {
            Evidence::Sets(sets) => sets
                .judge(clock, allowed, &self.abandoned)
                .map(Judgement::Sets),
            Evidence::KeysByDs {
                zone,
                ds,
                dnskey,
                accepted,
            } => keys_by_ds(zone, ds, dnskey, *accepted, clock, allowed).map(Judgement::Keys),
            Evidence::KeysByAnchor {
                anchor,
                dnskey,
                accepted,
            } => keys_by_anchor(anchor.zone(), anchor, dnskey, *accepted, clock, allowed)
                .map(Judgement::Keys),
        };
        Verdict {
            judgement: judged.unwrap_or_else(Judgement::Bogus),
            spent: allowance.spent(),
        }
    }
}

impl Verdict {
    /// For work that was never finished.
    #[must_use]
    pub fn abandoned() -> Self {
        Self {
            judgement: Judgement::Bogus(Bogus::limit(Why::Abandoned)),
            spent: Spent::default(),
        }
    }
}

impl Sets {
    fn are_light(&self) -> bool {
        let soa = self.denied.as_ref().and_then(|denied| denied.soa.as_ref());
        let mut sets = (self.positive.iter().chain(&self.extra))
            .chain(soa)
            .chain(&self.proofs);
        sets.clone().count() <= LIGHT_SETS
            && sets.clone().map(octets).sum::<usize>() <= LIGHT_OCTETS
            && sets.all(|set| set.rtype != RecordType::NSEC3 || hashed_once(set))
            && self.keys.are_quick()
    }

    fn judge(
        &self,
        clock: Clock,
        allowance: &mut Allowance,
        abandoned: &AtomicBool,
    ) -> Result<Proven, Bogus> {
        let keys = &*self.keys;
        let check = |set: &Rrset, allowance: &mut Allowance| {
            if abandoned.load(Ordering::Relaxed) {
                return Err(Bogus::limit(Why::Abandoned));
            }
            verify(set, keys, clock, allowance)
        };
        let verified = self
            .positive
            .iter()
            .map(|set| check(set, allowance))
            .collect::<Result<Vec<Verified>, Bogus>>()?;
        let soa = self.denied.as_ref().and_then(|denied| denied.soa.as_ref());
        let soa = soa.map(|soa| check(soa, allowance)).transpose()?;
        let proofs_wanted =
            self.denied.is_some() || verified.iter().any(|set| set.expanded_from.is_some());
        let mut proofs = Vec::new();
        if proofs_wanted {
            for set in self.proofs.iter().take(PROOFS_READ) {
                match check(set, allowance) {
                    // One that a wildcard made proves nothing (RFC 4035 section 5.3.4 speaks of none).
                    Ok(proof) if proof.expanded_from.is_none() => proofs.push(proof.set),
                    Err(limit) if limit.is_limit() => return Err(limit),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        let shown = Proofs {
            zone: keys.zone(),
            sets: &proofs,
            max_iterations: self.nsec3_iterations,
        };
        let mut ede = None;
        let mut positive = Vec::new();
        for Verified { set, expanded_from } in verified {
            let mut security = Security::Secure;
            if let Some(encloser) = &expanded_from {
                let denial = denial::no_closer_match(&set.owner, encloser, &shown, allowance)?;
                security = weigh(denial.strength, &mut ede);
            }
            positive.push(Believed {
                set,
                security,
                expanded: expanded_from.is_some(),
            });
        }
        let mut cut = None;
        let mut only_type = false;
        let denial = match &self.denied {
            None => Security::Secure,
            // The root has no parent to speak of its DS.
            Some(denied)
                if denied.rtype == RecordType::DS
                    && !denied.whole_name
                    && !denied.name.is_root() =>
            {
                let found = denial::no_ds(&denied.name, &shown, allowance)?;
                cut = Some(found);
                match found {
                    NoDs::OptOut => Security::Insecure,
                    NoDs::TooManyIterations => weigh(Strength::TooManyIterations, &mut ede),
                    NoDs::Insecure | NoDs::NoCut => Security::Secure,
                }
            }
            Some(denied) => {
                let denial = if denied.whole_name {
                    match denial::no_name(&denied.name, &shown, allowance) {
                        Err(_) if denied.or_type && denial::is_empty_name(&denied.name, &shown) => {
                            only_type = true;
                            denial::no_data(&denied.name, denied.rtype, &shown, allowance)?
                        }
                        found => found?,
                    }
                } else {
                    denial::no_data(&denied.name, denied.rtype, &shown, allowance)?
                };
                if denied.rtype == RecordType::DS && !denied.name.is_root() {
                    // Where there is no name there is no zone; an opted-out span may hide one (RFC 5155 section 9.2).
                    cut = Some(match denial.strength {
                        Strength::Proven => NoDs::NoCut,
                        Strength::OptOut => NoDs::OptOut,
                        Strength::TooManyIterations => NoDs::TooManyIterations,
                    });
                }
                weigh(denial.strength, &mut ede)
            }
        };
        let extra = self
            .extra
            .iter()
            .filter_map(|set| check(set, allowance).ok())
            .map(|verified| verified.set)
            .collect();
        Ok(Proven {
            zone: keys.zone().clone(),
            positive,
            extra,
            soa: soa.map(|verified| verified.set),
            proofs,
            denial,
            only_type,
            cut,
            ede,
        })
    }
}

/// Octets of a set's data and signatures.
fn octets(set: &Rrset) -> usize {
    set.rdata.packed_len() + set.rrsigs.packed_len()
}

/// Whether an NSEC3 set has no additional iterations, as it should be (RFC 9276 section 3.1).
fn hashed_once(nsec3: &Rrset) -> bool {
    let mut all = nsec3.rdata.iter();
    all.all(|rdata| rdata.get(2..4) == Some(&[0, 0]))
}

/// Why a proof by NSEC3 was not looked at (RFC 9276 section 3.2).
#[must_use]
pub const fn too_many_iterations() -> Ede {
    Ede::new(
        Ede::UNSUPPORTED_NSEC3_ITERATIONS,
        "more NSEC3 iterations than are looked at",
    )
}

/// What a denial of this strength amounts to.
fn weigh(strength: Strength, ede: &mut Option<Ede>) -> Security {
    match strength {
        Strength::Proven => Security::Secure,
        Strength::OptOut => Security::Insecure,
        Strength::TooManyIterations => {
            ede.get_or_insert_with(too_many_iterations);
            Security::Insecure
        }
    }
}

#[cfg(test)]
mod tests;
