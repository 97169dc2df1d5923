//! Can a question be answered from what is known alone? Whole answers, CNAME and DNAME chains followed.

use std::sync::Arc;

use super::rrsets::Fact;
use super::{Cache, Negative};
use crate::sys::clock::Now;
use crate::wire::{
    Ede, Held, Name, Question, Rcode, RdataSet, RecordType, Response, Rrset, Security, WireError,
    rdata,
};

/// CNAME and DNAME links followed at most (P4).
pub const MAX_LINKS: usize = 11;

/// Types tried for a question of type ANY, in this order: one is enough (RFC 8482 section 4.1).
const ANY_TYPES: [RecordType; 9] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::HTTPS,
    RecordType::MX,
    RecordType::NS,
    RecordType::SOA,
    RecordType::TXT,
    RecordType::PTR,
];

/// How well an answer must have been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Validated as far as this resolver validates.
    Checked,
    /// Anything, bogus or not: the client checks for himself (CD, RFC 4035 section 3.2.2), or it is about a server's address.
    Any,
}

/// By what a look-up goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub now: Now,
    pub demand: Demand,
    /// Seconds since their end for which entries still count, with the TTL and the security of what is stale (RFC 8767).
    pub grace: u64,
}

impl View {
    /// Of all that is fresh.
    pub(super) const fn of(demand: Demand, now: Now) -> Self {
        Self {
            now,
            demand,
            grace: 0,
        }
    }
}

impl Demand {
    /// Whether data of this security will do.
    #[must_use]
    pub fn accepts(self, security: Security) -> bool {
        self == Self::Any || security > Security::Unchecked
    }
}

impl Cache {
    /// [`Cache::lookup_as`] for whoever wants validated answers.
    #[must_use]
    pub fn lookup(&self, question: &Question, now: Now) -> Option<Response> {
        self.lookup_as(question, Demand::Checked, now)
    }

    /// The whole answer, if all of it is known and trusted at least [`super::Rank::NonAuthAnswer`]: data at the end of a chain, its
    /// nonexistence with the SOA, or a remembered failure (SERVFAIL with EDE 13). Nothing if any part is missing.
    ///
    /// A DNAME link is followed by the CNAME it makes, with the TTL of the DNAME (RFC 6672 section 3.1). ANY is answered with
    /// one RRset. TTLs are those left.
    #[must_use]
    pub fn lookup_as(&self, question: &Question, demand: Demand, now: Now) -> Option<Response> {
        self.view(question, View::of(demand, now))
    }

    /// The answer that was good until at most `max_stale` seconds ago, each part of it with a TTL of `stale_ttl` seconds if it has
    /// ended, and an EDE that says so (RFC 8767 section 4, RFC 8914 sections 4.4 and 4.20). What was proven then is not called
    /// authentic now: its signatures may have ended too.
    #[must_use]
    pub fn stale(&self, question: &Question, demand: Demand, now: Now) -> Option<Response> {
        self.stale_within(question, demand, self.plan.max_stale, now)
    }

    /// The same for what ended at most `grace` seconds ago, whatever `max_stale` says; 0 = never.
    #[must_use]
    pub fn stale_within(
        &self,
        question: &Question,
        demand: Demand,
        grace: u32,
        now: Now,
    ) -> Option<Response> {
        let grace = u64::from(grace);
        if grace == 0 {
            return None;
        }
        let view = View { now, demand, grace };
        let mut response = self
            .view(question, view)
            .filter(|response| response.rcode != Rcode::SERVFAIL)?;
        response.ede = Some(if response.rcode == Rcode::NXDOMAIN {
            Ede::new(Ede::STALE_NXDOMAIN, "its servers do not answer at present")
        } else {
            Ede::new(Ede::STALE_ANSWER, "its servers do not answer at present")
        });
        Some(response)
    }

    fn view(&self, question: &Question, view: View) -> Option<Response> {
        let mut response = Response::empty(Rcode::NOERROR);
        let mut at = question.clone();
        for _ in 0..=MAX_LINKS {
            match self.known_or_any(&at, view) {
                Some(Fact::Data(held, proofs)) => {
                    response.answer.push(held);
                    response.authority.extend(proofs);
                    return Some(response);
                }
                Some(Fact::Absent(kind, _, told)) => {
                    if kind == Negative::NxDomain {
                        response.rcode = Rcode::NXDOMAIN;
                    }
                    response.authority.splice(0..0, told);
                    return Some(response);
                }
                None => {}
            }
            match self.link(&at, view, &mut response) {
                // A CNAME that a DNAME makes is what was asked for (RFC 6672 section 3.1).
                Some(Ok(_)) if matches!(at.rtype, RecordType::CNAME | RecordType::ANY) => {
                    return Some(response);
                }
                Some(Ok(target)) => at.name = target,
                Some(Err(_)) => {
                    response.rcode = Rcode::YXDOMAIN;
                    return Some(response);
                }
                None => return self.failed(&at, view, response),
            }
        }
        self.failed(question, view, response)
    }

    /// Where the name asked leads by a known CNAME or DNAME, be the rest known or not: the link, what proves it if a wildcard made
    /// it, and the next name.
    #[must_use]
    pub fn linked(
        &self,
        question: &Question,
        demand: Demand,
        now: Now,
    ) -> Option<(Response, Name)> {
        let mut response = Response::empty(Rcode::NOERROR);
        let target = self
            .link(question, View::of(demand, now), &mut response)?
            .ok()?;
        Some((response, target))
    }

    /// What is known about a question itself; one RRset of any common type for ANY.
    fn known_or_any(&self, question: &Question, view: View) -> Option<Fact> {
        if question.rtype != RecordType::ANY {
            return self.known(question, view);
        }
        ANY_TYPES
            .iter()
            .filter_map(|rtype| self.aside(&question.name, *rtype, view))
            .find(|fact| matches!(fact, Fact::Data(..)))
            .or_else(|| self.known(question, view))
    }

    /// Where the name leads by a cached CNAME or DNAME; the records are pushed to `answer`. The error is a name that would
    /// become too long.
    fn link(
        &self,
        question: &Question,
        view: View,
        response: &mut Response,
    ) -> Option<Result<Name, WireError>> {
        if !matches!(question.rtype, RecordType::CNAME | RecordType::ANY)
            && let Some(Fact::Data(held, proofs)) =
                self.aside(&question.name, RecordType::CNAME, view)
        {
            let target = held
                .rrset
                .rdata
                .iter()
                .next()
                .and_then(rdata::cname_target)?;
            response.answer.push(held);
            response.authority.extend(proofs);
            return Some(Ok(target));
        }
        let mut above = question.name.parent();
        while let Some(owner) = above {
            // One that a wildcard made for its own name says nothing of names below it (RFC 4592 section 3.3.1).
            if let Some(Fact::Data(held, _)) = self.aside(&owner, RecordType::DNAME, view)
                && !held.rrset.is_expanded()
            {
                let to = held
                    .rrset
                    .rdata
                    .iter()
                    .next()
                    .and_then(rdata::dname_target)?;
                let target = question.name.rebase(&owner, &to);
                if let Ok(target) = &target {
                    let cname = made_cname(&question.name, target, &held);
                    response.answer.extend([held, cname]);
                } else {
                    response.answer.push(held);
                }
                return Some(target);
            }
            above = owner.parent();
        }
        None
    }

    /// SERVFAIL behind the chain so far, if this question is known to fail.
    fn failed(&self, question: &Question, view: View, mut response: Response) -> Option<Response> {
        let why = self.failure_as(question, view.demand, view.now)?;
        response.rcode = Rcode::SERVFAIL;
        response.ede = Some(remembered(&why));
        Some(response)
    }
}

/// A failure of before, told as such (RFC 8914 section 4.14). What is bogus is told as what it is: a person who looks into it needs
/// the reason, not how we know.
#[must_use]
pub fn remembered(why: &Ede) -> Ede {
    if why.is_bogus() {
        return why.clone();
    }
    let text = if why.text.is_empty() {
        "failed before".into()
    } else {
        format!("failed before: {}", why.text).into()
    };
    Ede {
        code: Ede::CACHED_ERROR,
        text,
    }
}

/// The CNAME that a DNAME makes (RFC 6672 section 3.1), without a signature: a validator makes it himself. It is as good as the
/// DNAME.
#[must_use]
pub fn made_cname(owner: &Name, target: &Name, dname: &Held) -> Held {
    let ttl = dname.ttl;
    Held {
        rrset: Arc::new(Rrset {
            owner: owner.clone(),
            rtype: RecordType::CNAME,
            ttl,
            rdata: RdataSet::new([target.as_wire()]),
            rrsigs: RdataSet::default(),
        }),
        ttl,
        security: dname.security,
    }
}
