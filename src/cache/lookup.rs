//! Can a question be answered from what is known alone? Whole answers, CNAME and DNAME chains followed.

use std::sync::Arc;

use super::rrsets::Fact;
use super::{Cache, Negative};
use crate::sys::clock::Now;
use crate::wire::{
    Ede, Held, Name, Question, Rcode, RdataSet, RecordType, Response, Rrset, WireError, rdata,
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

impl Cache {
    /// The whole answer, if all of it is known and trusted at least [`super::Rank::NonAuthAnswer`]: data at the end of a chain, its
    /// nonexistence with the SOA, or a remembered failure (SERVFAIL with EDE 13). Nothing if any part is missing.
    ///
    /// A DNAME link is followed by the CNAME it makes, with the TTL of the DNAME (RFC 6672 section 3.1). ANY is answered with
    /// one RRset. TTLs are those left.
    #[must_use]
    pub fn lookup(&self, question: &Question, now: Now) -> Option<Response> {
        let mut response = Response::empty(Rcode::NOERROR);
        let mut at = question.clone();
        for _ in 0..=MAX_LINKS {
            match self.known_or_any(&at, now) {
                Some(Fact::Data(held)) => {
                    response.answer.push(held);
                    return Some(response);
                }
                Some(Fact::Absent(kind, soa)) => {
                    if kind == Negative::NxDomain {
                        response.rcode = Rcode::NXDOMAIN;
                    }
                    response.authority.extend(soa);
                    return Some(response);
                }
                None => {}
            }
            match self.link(&at, now, &mut response.answer) {
                Some(Ok(target)) => at.name = target,
                Some(Err(_)) => {
                    response.rcode = Rcode::YXDOMAIN;
                    return Some(response);
                }
                None => return self.failed(&at, now, response),
            }
        }
        self.failed(question, now, response)
    }

    /// What is known about a question itself; one RRset of any common type for ANY.
    fn known_or_any(&self, question: &Question, now: Now) -> Option<Fact> {
        if question.rtype != RecordType::ANY {
            return self.known(question, now);
        }
        ANY_TYPES
            .iter()
            .filter_map(|rtype| self.aside(&question.name, *rtype, now))
            .find(|fact| matches!(fact, Fact::Data(_)))
            .or_else(|| self.known(question, now))
    }

    /// Where the name leads by a cached CNAME or DNAME; the records are pushed to `answer`. The error is a name that would
    /// become too long.
    fn link(
        &self,
        question: &Question,
        now: Now,
        answer: &mut Vec<Held>,
    ) -> Option<Result<Name, WireError>> {
        if !matches!(question.rtype, RecordType::CNAME | RecordType::ANY)
            && let Some(Fact::Data(held)) = self.aside(&question.name, RecordType::CNAME, now)
        {
            let target = held
                .rrset
                .rdata
                .iter()
                .next()
                .and_then(rdata::cname_target)?;
            answer.push(held);
            return Some(Ok(target));
        }
        let mut above = question.name.parent();
        while let Some(owner) = above {
            if let Some(Fact::Data(held)) = self.aside(&owner, RecordType::DNAME, now) {
                let to = held
                    .rrset
                    .rdata
                    .iter()
                    .next()
                    .and_then(rdata::dname_target)?;
                let target = question.name.rebase(&owner, &to);
                let ttl = held.ttl;
                answer.push(held);
                if let Ok(target) = &target {
                    answer.push(made_cname(&question.name, target, ttl));
                }
                return Some(target);
            }
            above = owner.parent();
        }
        None
    }

    /// SERVFAIL behind the chain so far, if this question is known to fail.
    fn failed(&self, question: &Question, now: Now, mut response: Response) -> Option<Response> {
        let why = self.failure(question, now)?;
        response.rcode = Rcode::SERVFAIL;
        let text = if why.text.is_empty() {
            "failed before".into()
        } else {
            format!("failed before: {}", why.text).into()
        };
        response.ede = Some(Ede {
            code: Ede::CACHED_ERROR,
            text,
        });
        Some(response)
    }
}

/// The CNAME that a DNAME makes (RFC 6672 section 3.1), without a signature: a validator makes it himself.
#[must_use]
pub fn made_cname(owner: &Name, target: &Name, ttl: u32) -> Held {
    Held {
        rrset: Arc::new(Rrset {
            owner: owner.clone(),
            rtype: RecordType::CNAME,
            ttl,
            rdata: RdataSet::new([target.as_wire()]),
            rrsigs: RdataSet::default(),
        }),
        ttl,
    }
}
