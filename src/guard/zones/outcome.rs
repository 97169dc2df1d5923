//! What does a response say of its zone? Whether the name is there, and whether it was made up from a wildcard.

use super::engage::Ended;
use crate::wire::{Ede, Question, Rcode, RecordType, Response, rdata};

/// Whose fault it is if a fetch fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blame {
    /// That of the servers of the zone that the question lies in, and not of an alias's target, or our own side.
    pub zone: bool,
    /// The server that the query was charged to was asked, and said nothing at all.
    pub silent: bool,
    /// The server that the query was charged to answered: what it said helped to find out what was asked.
    pub answered: bool,
}

/// How one fetch ended, as the zone guard sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How; nothing if it says nothing about the zone's servers or names (what is bogus).
    pub ended: Option<Ended>,
    /// Whether the server that the query was charged to was asked, and said nothing at all: only then is a failure its own.
    pub silent: bool,
    /// Whether that server answered: what others said, who are servers of the zone beside it, is no merit or demerit of its own.
    pub answered: bool,
    /// Whether the name is one that could be learned: there, and not made from a wildcard.
    pub is_real: bool,
}

impl Outcome {
    /// Of a fetch that was ended before it was over; `blame`: who had failed it by then.
    #[must_use]
    pub fn given_up(blame: Blame) -> Self {
        Self {
            ended: blame.zone.then_some(Ended::Failed),
            silent: blame.silent,
            answered: blame.answered,
            is_real: false,
        }
    }

    /// Reads it from the response to `question`.
    #[must_use]
    pub fn of(question: &Question, response: &Response, blame: Blame) -> Self {
        let ended = match response.rcode {
            Rcode::NXDOMAIN => Some(Ended::NoName),
            Rcode::NOERROR if !response.answer.is_empty() => Some(Ended::Positive),
            Rcode::NOERROR if says_no_name(question, response) => Some(Ended::NoName),
            Rcode::NOERROR => Some(Ended::NoData),
            // Servers answered; what they said was not believed.
            _ if response.ede.as_ref().is_some_and(Ede::is_bogus) => None,
            _ => blame.zone.then_some(Ended::Failed),
        };
        // A chain that ends in NXDOMAIN began with a name that is there.
        let is_there = matches!(ended, Some(Ended::Positive | Ended::NoData));
        let expanded = response.answer.iter().any(|held| held.rrset.is_expanded());
        // A wildcard without the type, or one that answers by a CNAME: proofs of a name's absence beside NOERROR.
        Self {
            ended,
            silent: blame.silent,
            answered: blame.answered,
            is_real: is_there && !expanded,
        }
    }

    /// What it says of the server that the query was charged to: whoever refuses, or says something wrong, is not overloaded; and
    /// what another server of the zone answered, who may belong to somebody else, says nothing of it.
    #[must_use]
    pub fn of_server(&self) -> Option<Ended> {
        self.ended.filter(|ended| match ended {
            Ended::Failed => self.silent,
            Ended::Positive | Ended::NoData | Ended::NoName => self.answered,
        })
    }
}

/// Whether it is a compact denial of the name (RFC 9824): an NSEC record at the name itself whose types include NXNAME.
fn says_no_name(question: &Question, response: &Response) -> bool {
    response
        .authority
        .iter()
        .map(|held| &held.rrset)
        .filter(|rrset| rrset.rtype == RecordType::NSEC && rrset.owner == question.name)
        .flat_map(|rrset| rrset.rdata.iter())
        .filter_map(rdata::nsec)
        .any(|(_, types)| has_nxname(types))
}

/// Whether a type bitmap (RFC 4034 section 4.1.2) has NXNAME, type 128: the first bit of octet 16 of window 0.
fn has_nxname(bitmap: &[u8]) -> bool {
    let mut rest = bitmap;
    while let [window, length, ..] = *rest {
        let end = 2 + usize::from(length);
        if window == 0 {
            return rest
                .get(2 + 16)
                .filter(|_| length > 16)
                .is_some_and(|octet| octet & 0x80 != 0);
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wire::group::group;
    use crate::wire::text::record_from_text;
    use crate::wire::{Held, Security};

    const BLAMED: Blame = Blame {
        zone: true,
        silent: true,
        answered: false,
    };

    fn held(text: &str) -> Held {
        let records: Vec<_> = text
            .split('|')
            .map(|line| record_from_text(line, 60).unwrap())
            .collect();
        Held {
            rrset: Arc::new(group(&records).remove(0)),
            ttl: 60,
            security: Security::Insecure,
        }
    }

    fn outcome(rcode: Rcode, answer: &[&str], authority: &[&str]) -> (Option<Ended>, bool) {
        let question = Question::new("www.a.test".parse().unwrap(), RecordType::A);
        let response = Response {
            answer: answer.iter().map(|text| held(text)).collect(),
            authority: authority.iter().map(|text| held(text)).collect(),
            ..Response::empty(rcode)
        };
        let Outcome { ended, is_real, .. } = Outcome::of(&question, &response, BLAMED);
        (ended, is_real)
    }

    #[test]
    fn a_response_says_whether_the_name_is_there() {
        let a = "www.a.test. 60 IN A 192.0.2.1";
        assert_eq!(
            outcome(Rcode::NOERROR, &[a], &[]),
            (Some(Ended::Positive), true)
        );
        assert_eq!(
            outcome(Rcode::NOERROR, &[], &[]),
            (Some(Ended::NoData), true)
        );
        assert_eq!(
            outcome(Rcode::NXDOMAIN, &[], &[]),
            (Some(Ended::NoName), false)
        );
        assert_eq!(
            outcome(Rcode::SERVFAIL, &[], &[]),
            (Some(Ended::Failed), false)
        );
        let wildcard = "www.a.test. 60 IN A 192.0.2.1|www.a.test. 60 IN RRSIG A 13 2 60 1900000000 1500000000 1 a.test. AAAA";
        assert_eq!(
            outcome(Rcode::NOERROR, &[wildcard], &[]),
            (Some(Ended::Positive), false)
        );
        let itself = wildcard.replace("A 13 2", "A 13 3");
        assert_eq!(
            outcome(Rcode::NOERROR, &[&itself], &[]),
            (Some(Ended::Positive), true)
        );
        let lie = "www.a.test. 60 IN NSEC \\000.www.a.test. RRSIG NSEC NXNAME"
            .replace("NXNAME", "TYPE128");
        assert_eq!(
            outcome(Rcode::NOERROR, &[], &[&lie]),
            (Some(Ended::NoName), false)
        );
        let there = "www.a.test. 60 IN NSEC \\000.www.a.test. TXT RRSIG NSEC";
        assert_eq!(
            outcome(Rcode::NOERROR, &[], &[there]),
            (Some(Ended::NoData), true)
        );
    }

    #[test]
    fn what_is_bogus_says_nothing() {
        let question = Question::new("www.a.test".parse().unwrap(), RecordType::A);
        let response = Response::failure(Ede::new(Ede::DNSSEC_BOGUS, "forged"));
        assert_eq!(Outcome::of(&question, &response, BLAMED).ended, None);
    }

    #[test]
    fn a_failure_of_somebody_else_says_nothing() {
        let question = Question::new("www.a.test".parse().unwrap(), RecordType::A);
        let response = Response::empty(Rcode::SERVFAIL);
        let outcome = Outcome::of(&question, &response, Blame::default());
        assert_eq!(outcome.ended, None);
    }

    #[test]
    fn a_server_is_blamed_for_its_silence_alone() {
        let question = Question::new("www.a.test".parse().unwrap(), RecordType::A);
        let of = |rcode, blame| Outcome::of(&question, &Response::empty(rcode), blame).of_server();
        let lame = Blame {
            silent: false,
            ..BLAMED
        };
        assert_eq!(of(Rcode::SERVFAIL, BLAMED), Some(Ended::Failed));
        assert_eq!(of(Rcode::SERVFAIL, lame), None);
        assert_eq!(Outcome::given_up(lame).of_server(), None);
        // Nor is it praised, or held to have said, for what another one answered.
        let answered = Blame {
            answered: true,
            ..BLAMED
        };
        assert_eq!(of(Rcode::NXDOMAIN, answered), Some(Ended::NoName));
        assert_eq!(of(Rcode::NXDOMAIN, BLAMED), None);
        assert_eq!(of(Rcode::NXDOMAIN, lame), None);
        assert_eq!(Outcome::given_up(answered).of_server(), Some(Ended::Failed));
    }
}
