//! Where do the links of a reply lead, and what is kept of it? Chains followed link by link, data and nonexistence stored.

use std::sync::Arc;

use super::chain::{End, Reading};
use super::frame::{Approach, Frame, Path};
use super::step::{Around, Lasting, Turn, with_chain};
use super::trace::Happening;
use super::{Recursion, Route, priming};
use crate::cache::{Backing, Cache, Negative, Rank};
use crate::guard::permit::Budget;
use crate::sys::clock::Now;
use crate::wire::{Ede, Held, Name, Rcode, RecordType, Response, Rrset, Security};

impl Recursion {
    /// What a reply said, link by link, as long as the operator does not send a link's target another way.
    pub(super) fn follow(
        &mut self,
        frame: &mut Frame,
        approach: &Approach,
        mut reading: Reading,
        around: &Around<'_>,
        budget: &mut Budget,
    ) -> Turn {
        let (cache, now) = (around.cache, around.now);
        let rank = if reading.authoritative {
            Rank::AuthAnswer
        } else {
            Rank::NonAuthAnswer
        };
        if let Some(root) = priming::root_delegation(&approach.zone, &reading, &self.plan, now) {
            cache.store_delegation(root, now);
        }
        for link in std::mem::take(&mut reading.links) {
            frame.proofs.extend(holding(&link.backing));
            let held = if let Some(dname) = link.dname {
                // A DNAME speaks for a whole subtree: what a blind forger could have sent is used once and not kept.
                let sure = reading.over_tcp || link.backing.security == Security::Secure;
                let security = link.backing.security;
                if sure {
                    let held = self.keep(dname, rank, link.backing, cache, now);
                    frame.chain.push(held);
                    // Made anew from the DNAME each time: alone, it could not be proven.
                    uncached(link.cname, security, cache)
                } else {
                    frame.chain.push(uncached(dname, security, cache));
                    match security {
                        // Whoever checks for himself needs the DNAME beside it.
                        Security::Unchecked => uncached(link.cname, security, cache),
                        _ => self.keep(link.cname, rank, link.backing, cache, now),
                    }
                }
            } else {
                self.keep(link.cname, rank, link.backing, cache, now)
            };
            frame.chain.push(held);
            if matches!(reading.end, End::Made) {
                // What was asked for: where it leads is not.
                break;
            }
            if let Err(turn) = self.turn_to(frame, link.next, budget, now) {
                return turn;
            }
            let route = around.routes.route(&frame.target, frame.question.rtype);
            if !goes_on(&route, &approach.path) {
                return Turn::Continue;
            }
        }
        let mut response = Response::empty(Rcode::NOERROR);
        response.ede = reading.ede;
        let backing = reading.backing;
        match reading.end {
            End::Elsewhere => return Turn::Continue,
            End::Made => {}
            End::Data(set) => {
                let security = backing.security;
                response.authority.extend(holding(&backing));
                // A DNAME that was asked for would redirect names below it just the same.
                let sure = reading.over_tcp
                    || security == Security::Secure
                    || set.rtype != RecordType::DNAME;
                response.answer.push(if sure {
                    self.keep(set, rank, backing, cache, now)
                } else {
                    uncached(set, security, cache)
                });
                response
                    .authority
                    .extend(reading.authority.map(|set| uncached(set, security, cache)));
                let unlooked = self.unlooked();
                response.additional.extend(
                    reading
                        .additional
                        .into_iter()
                        .map(|set| uncached(set, unlooked, cache)),
                );
            }
            End::NoData(soa) => {
                let question = frame.current();
                response.authority =
                    cache.store_denied(&question, Negative::NoData, soa, backing, now);
            }
            End::NxDomain(soa) => {
                response.rcode = Rcode::NXDOMAIN;
                let question = frame.current();
                if let Some(shorter) = &reading.shorter {
                    let (soa, backing) = (soa.clone(), backing.clone());
                    cache.store_denied(shorter, Negative::NxDomain, soa, backing, now);
                }
                response.authority =
                    cache.store_denied(&question, Negative::NxDomain, soa, backing, now);
            }
            End::Overflow(dname) => {
                response.rcode = Rcode::YXDOMAIN;
                response
                    .answer
                    .push(uncached(dname, backing.security, cache));
            }
        }
        Turn::Answer(with_chain(frame, response))
    }

    /// Goes on with the next name of a chain: pays for the link and refuses to go in circles.
    pub(super) fn turn_to(
        &mut self,
        frame: &mut Frame,
        next: Name,
        budget: &mut Budget,
        now: Now,
    ) -> Result<(), Turn> {
        self.note(
            now,
            Happening::Link {
                from: frame.target.clone(),
                to: next.clone(),
            },
        );
        budget.charge_link().map_err(Turn::Exhausted)?;
        if frame.seen.contains(&next) {
            let text = format!("the CNAME chain comes back to {next}");
            let ede = Ede {
                code: Ede::INVALID_DATA,
                text: text.into(),
            };
            return Err(Turn::Fail(ede, Lasting::Remembered));
        }
        frame.turn_to(next);
        Ok(())
    }

    /// Stores a set unless it is over the limits: then it is answered this once and not kept.
    ///
    /// (parameters.md section 4: 100 records, 16 KiB; CVE-2024-1737. peer-behaviour.md: an RRset of 1,500 is answered by the best
    /// peers. The budget's octets bound the answer, the limits bound what stays.)
    pub(super) fn keep(
        &self,
        set: Rrset,
        rank: Rank,
        backing: Backing,
        cache: &Cache,
        now: Now,
    ) -> Held {
        let limits = &self.plan.limits;
        let too_large = set.rdata.len() > limits.rrset_records
            || set.rdata.packed_len() + set.rrsigs.packed_len() > limits.rrset_bytes;
        // A set that answered ANY as RFC 8482 section 4.2 proposes stands for no real data.
        let stand_in = set.rtype == RecordType::HINFO
            && set
                .rdata
                .iter()
                .any(|octets| octets.starts_with(b"\x07RFC8482"));
        if too_large || stand_in || set.rtype == RecordType::RRSIG {
            return uncached(set, backing.security, cache);
        }
        cache.store_backed(set, rank, backing, now)
    }
}

/// Whether a link's target goes the way of the name before it.
fn goes_on(route: &Route, path: &Path) -> bool {
    match (route, path) {
        (Route::Iterate, Path::Iterate) => true,
        (Route::Stub { zone, .. }, Path::Stub(before)) => zone == before,
        (Route::Forward { index, .. }, Path::Forward(before)) => index == before,
        _ => false,
    }
}

/// For this answer alone, with the TTL that the cache would give it.
fn uncached(set: Rrset, security: Security, cache: &Cache) -> Held {
    Held {
        ttl: cache.served_ttl(set.ttl),
        rrset: set.into(),
        security,
    }
}

/// Proofs, as they stand in an answer: as good as what they prove.
fn holding(backing: &Backing) -> impl Iterator<Item = Held> {
    backing.proofs.iter().map(|rrset| Held {
        rrset: Arc::clone(rrset),
        ttl: rrset.ttl,
        security: backing.security,
    })
}
