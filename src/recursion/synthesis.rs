//! Can a question be answered from the gaps of a signed zone, without asking anybody? Aggressive use of validated denials (RFC 8198),
//! and what lies below names that do not exist (RFC 8020).
//!
//! Runs where a miss is met, before anything is asked: this is the first wall against random names below signed zones. The sets
//! that could prove something are picked here; whether they do is judged by [`dnssec::denial`](crate::dnssec::denial), as it is
//! for a reply. Whatever does not come out as proven is asked as if there were nothing (RFC 8198 section 5).

use smallvec::SmallVec;
use std::sync::Arc;

use crate::cache::Cache;
use crate::cache::denials::{DenialZone, KnownDenial};
use crate::config::plan;
use crate::dnssec::denial::{Denial, Evidence, Proofs, Strength};
use crate::dnssec::{Allowance, Bogus, Hashes, Validated};
use crate::sys::clock::Now;
use crate::wire::{Held, Name, Question, Rcode, RecordType, Response, Rrset, Security, rdata};

/// NSEC3 hashes that one attempt may cost: enough for a name a dozen labels below its zone, 5 µs each at 0 iterations.
pub const HASHES: u32 = 16;

/// Sets picked for a proof.
type Picked = SmallVec<[KnownDenial; 4]>;

/// The answer to `question` that follows from what is cached and validated alone: a name or a type that does not exist, or what a
/// wildcard makes; with the proof in the authority section, and all TTLs the lowest of what it rests on (section 5.4).
///
/// For questions that would be found out by iteration only: who sends a name to other servers, or answers it himself, must not
/// ask here. Nothing is said below a delegation that is known, about DS from the child's side of a cut, and about questions
/// with CD=1 neither should it be asked.
#[must_use]
pub fn synthesise(
    cache: &Cache,
    question: &Question,
    plan: &plan::Dnssec,
    now: Now,
) -> Option<Response> {
    if !could_be_denied(question.rtype) {
        return None;
    }
    if let Some(authority) = cache.nxdomain_above(&question.name, now) {
        return Some(Response {
            authority,
            ..Response::empty(Rcode::NXDOMAIN)
        });
    }
    synthesise_within(cache, question, &Name::root(), plan, now)
}

/// The same for a name that is sent to servers of the operator's choice: by proofs of zones at or below `apex` alone, for those
/// were had from the same servers, and a public zone's denial says nothing of a private zone below it.
#[must_use]
pub(super) fn synthesise_within(
    cache: &Cache,
    question: &Question,
    apex: &Name,
    plan: &plan::Dnssec,
    now: Now,
) -> Option<Response> {
    let rtype = question.rtype;
    if !plan.aggressive || !could_be_denied(rtype) {
        return None;
    }
    let of_parent = match rtype {
        RecordType::DS => Some(question.name.parent()?),
        _ => None,
    };
    let inside = of_parent.as_ref().unwrap_or(&question.name);
    let zone = cache
        .denial_zone(inside)
        .filter(|zone| zone.zone().is_within(apex))?;
    let cut = cache.deepest_delegation(inside, now);
    if cut.is_some_and(|cut| cut.zone.label_count() > zone.zone().label_count()) {
        return None;
    }
    let attempt = Attempt {
        cache,
        zone: &zone,
        question,
        max_iterations: plan.nsec3_iterations,
        now,
    };
    attempt.by_nsec().or_else(|| attempt.by_nsec3())
}

/// Whether a question of this type asks for something that could not exist.
const fn could_be_denied(rtype: RecordType) -> bool {
    !rtype.is_meta() || matches!(rtype, RecordType::ANY)
}

/// One question within one zone.
struct Attempt<'a> {
    cache: &'a Cache,
    zone: &'a DenialZone,
    question: &'a Question,
    max_iterations: u16,
    now: Now,
}

/// What hashing takes: hashes made so far, and how many more may be.
struct Hashing {
    hashes: Hashes,
    allowance: Allowance,
}

impl Attempt<'_> {
    fn by_nsec(&self) -> Option<Response> {
        let name = &self.question.name;
        let mut picked = Picked::new();
        picked.push(self.zone.nsec_at_or_before(name, self.now)?);
        let hashing = &mut Hashing::new();
        let encloser = self.with(&picked, |evidence| evidence.absent(name));
        let Some(encloser) = encloser else {
            return self.no_data(&picked, hashing);
        };
        let wildcard = encloser.child(b"*").ok()?;
        let beside = self.zone.nsec_at_or_before(&wildcard, self.now);
        self.absent(picked, beside, &encloser, &wildcard, hashing)
    }

    fn by_nsec3(&self) -> Option<Response> {
        let parameters = self.zone.parameters()?;
        if parameters.iterations > self.max_iterations {
            return None;
        }
        let name = &self.question.name;
        let hashing = &mut Hashing::new();
        let look_up = |hashing: &mut Hashing, name: &Name| {
            let hash = hashing
                .hashes
                .of(
                    name,
                    parameters.iterations,
                    &parameters.salt,
                    &mut hashing.allowance,
                )
                .ok()?;
            let near = self.zone.nsec3_at_or_before(&hash, self.now)?;
            let owner = near.set.owner.labels().next();
            let matches = owner.and_then(rdata::nsec3_owner_hash) == Some(hash);
            Some((near, matches))
        };
        let mut picked = Picked::new();
        let zone_labels = self.zone.zone().label_count();
        for labels in (zone_labels..=name.label_count()).rev() {
            let candidate = name.suffix(labels);
            if !picked.is_empty() {
                // A proven wildcard shows that its encloser is there: the gap alone completes it (RFC 5155 section 8.8).
                let wildcard = candidate.child(b"*").ok()?;
                let made = self.expanded(&picked, &candidate, &wildcard, hashing);
                if made.is_some() {
                    return made;
                }
            }
            let (near, matches) = look_up(hashing, &candidate)?;
            if !matches {
                // Of those passed on the way up, the last one covers the next closer name.
                picked.clear();
                picked.push(near);
                continue;
            }
            let is_name = picked.is_empty();
            add(&mut picked, near);
            if is_name {
                return self.no_data(&picked, hashing);
            }
            let wildcard = candidate.child(b"*").ok()?;
            let beside = look_up(hashing, &wildcard).map(|(near, _)| near);
            return self.absent(picked, beside, &candidate, &wildcard, hashing);
        }
        None
    }

    /// The name exists, at most without the type.
    fn no_data(&self, picked: &Picked, hashing: &mut Hashing) -> Option<Response> {
        if is_about_proofs(self.question.rtype) {
            return None;
        }
        let Question { name, rtype } = self.question;
        self.judge(picked, hashing, |evidence, hashing| {
            evidence.no_data(name, *rtype, &mut hashing.hashes, &mut hashing.allowance)
        })?;
        self.negative(Rcode::NOERROR, picked)
    }

    /// The name does not exist, as `picked` is to show; `beside` tells whether a wildcard stands in for it.
    fn absent(
        &self,
        picked: Picked,
        beside: Option<KnownDenial>,
        encloser: &Name,
        wildcard: &Name,
        hashing: &mut Hashing,
    ) -> Option<Response> {
        let name = &self.question.name;
        if let Some(beside) = beside {
            let mut all = picked.clone();
            add(&mut all, beside);
            let no_name = self.judge(&all, hashing, |evidence, hashing| {
                evidence.no_name(name, &mut hashing.hashes, &mut hashing.allowance)
            });
            if no_name.is_some() {
                return self.negative(Rcode::NXDOMAIN, &all);
            }
            if let Some(response) = self.no_data(&all, hashing) {
                return Some(response);
            }
        }
        self.expanded(&picked, encloser, wildcard, hashing)
    }

    /// What the wildcard makes, if its records are known (section 5.3).
    fn expanded(
        &self,
        picked: &Picked,
        encloser: &Name,
        wildcard: &Name,
        hashing: &mut Hashing,
    ) -> Option<Response> {
        let Question { name, rtype } = self.question;
        if is_about_proofs(*rtype) {
            return None;
        }
        let of_type = |rtype| self.zone.wildcard(wildcard, rtype, self.now);
        let direct = of_type(*rtype);
        let is_direct = direct.is_some();
        let source = direct.or_else(|| of_type(RecordType::CNAME))?;
        self.judge(picked, hashing, |evidence, hashing| {
            let Hashing { hashes, allowance } = hashing;
            evidence.no_closer_match(name, encloser, hashes, allowance)
        })?;
        let ttl = lowest(picked).min(source.ttl);
        let rrset = Arc::new(Rrset {
            owner: name.clone(),
            ..Rrset::clone(&source.set)
        });
        let target = rrset.rdata.iter().next().and_then(rdata::cname_target);
        let mut response = Response::empty(Rcode::NOERROR);
        response.answer.push(Held {
            rrset,
            ttl,
            security: Security::Secure,
        });
        response.authority.extend(told(picked, ttl));
        if is_direct {
            return Some(response);
        }
        // A link: the rest must be known as well, else all of it is asked.
        let rest = self
            .cache
            .lookup(&Question::new(target?, *rtype), self.now)?;
        response.rcode = rest.rcode;
        response.answer.extend(rest.answer);
        response.authority.extend(rest.authority);
        response.ede = rest.ede;
        Some(response)
    }

    /// A negative answer with its SOA and the sets it rests on; nothing if the SOA is not known.
    fn negative(&self, rcode: Rcode, picked: &Picked) -> Option<Response> {
        let soa = self.zone.soa(self.now)?;
        let minimum = soa.set.rdata.iter().next().and_then(rdata::soa_minimum)?;
        let ttl = lowest(picked).min(soa.ttl).min(minimum);
        let mut response = Response::empty(rcode);
        response.authority.push(Held { ttl, ..soa.held() });
        response.authority.extend(told(picked, ttl));
        Some(response)
    }

    /// The proof, if it is one that leaves nothing open.
    fn judge(
        &self,
        picked: &Picked,
        hashing: &mut Hashing,
        ask: impl FnOnce(&Evidence<'_>, &mut Hashing) -> Result<Denial, Bogus>,
    ) -> Option<Denial> {
        self.with(picked, |evidence| ask(evidence, hashing))
            .ok()
            .filter(|denial| denial.strength == Strength::Proven)
    }

    fn with<T>(&self, picked: &Picked, then: impl FnOnce(&Evidence<'_>) -> T) -> T {
        let sets: SmallVec<[Validated<Arc<Rrset>>; 4]> =
            picked.iter().map(|known| known.set.clone()).collect();
        then(&Evidence::of(&Proofs {
            zone: self.zone.zone(),
            sets: &sets,
            max_iterations: self.max_iterations,
        }))
    }
}

impl Hashing {
    fn new() -> Self {
        Self {
            hashes: Hashes::default(),
            allowance: Allowance::new(0, HASHES),
        }
    }
}

/// Types of which a bit map does not tell, or which are there whatever is asked: only that the name is not there denies them.
const fn is_about_proofs(rtype: RecordType) -> bool {
    matches!(
        rtype,
        RecordType::ANY | RecordType::RRSIG | RecordType::NSEC | RecordType::NSEC3
    )
}

/// Adds a set that is not there yet.
fn add(picked: &mut Picked, more: KnownDenial) {
    if !picked
        .iter()
        .any(|known| Arc::ptr_eq(&known.set, &more.set))
    {
        picked.push(more);
    }
}

fn lowest(picked: &Picked) -> u32 {
    picked.iter().map(|known| known.ttl).min().unwrap_or(0)
}

/// The sets for the authority section, all with one TTL.
fn told(picked: &Picked, ttl: u32) -> impl Iterator<Item = Held> {
    picked.iter().map(move |known| Held {
        ttl,
        ..known.held()
    })
}

#[cfg(test)]
mod tests;
