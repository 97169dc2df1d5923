//! What came of validating, and what did it cost? Counted once for each recursion, never for each client.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::guard::permit::Spent;
use crate::wire::{Ede, Rcode, Response, Security};

/// Why an answer was bogus: the extended errors that say so (RFC 8914 section 4), and how metrics name them.
const REASONS: [(u16, &str); 8] = [
    (Ede::DNSSEC_BOGUS, "bogus"),
    (Ede::SIGNATURE_EXPIRED, "signature_expired"),
    (Ede::SIGNATURE_NOT_YET_VALID, "signature_not_yet_valid"),
    (
        Ede::SIGNATURE_EXPIRED_BEFORE_VALID,
        "signature_expired_before_valid",
    ),
    (Ede::DNSKEY_MISSING, "dnskey_missing"),
    (Ede::RRSIGS_MISSING, "rrsigs_missing"),
    (Ede::NO_ZONE_KEY_BIT, "no_zone_key_bit"),
    (Ede::NSEC_MISSING, "nsec_missing"),
];

/// Counters of validation; go on over reloads.
#[derive(Debug, Default)]
pub struct Validations {
    secure: AtomicU64,
    insecure: AtomicU64,
    indeterminate: AtomicU64,
    bogus: [AtomicU64; REASONS.len()],
    signatures: AtomicU64,
    nsec3_hashes: AtomicU64,
    synthesised: AtomicU64,
}

impl Validations {
    /// Counts the end of one recursion that validated: its response, its price, and how many answers on the way were proven
    /// without asking (RFC 8198).
    pub(super) fn note(&self, response: &Response, spent: &Spent, synthesised: u32) {
        if let Some(counter) = self.result(response) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        for (counter, amount) in [
            (&self.signatures, spent.signatures),
            (&self.nsec3_hashes, spent.nsec3_hashes),
            (&self.synthesised, synthesised),
        ] {
            if amount > 0 {
                counter.fetch_add(u64::from(amount), Ordering::Relaxed);
            }
        }
    }

    /// Answers by result: the weakest of what they hold.
    #[must_use]
    pub fn results(&self) -> [(&'static str, u64); 4] {
        [
            ("secure", read(&self.secure)),
            ("insecure", read(&self.insecure)),
            ("indeterminate", read(&self.indeterminate)),
            ("bogus", self.bogus.iter().map(read).sum()),
        ]
    }

    /// Bogus answers by reason.
    pub fn bogus(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS
            .iter()
            .zip(&self.bogus)
            .map(|((_, label), counter)| (*label, read(counter)))
    }

    /// Signatures checked.
    #[must_use]
    pub fn signatures(&self) -> u64 {
        read(&self.signatures)
    }

    /// NSEC3 hashes made, the dear ones counted as several.
    #[must_use]
    pub fn nsec3_hashes(&self) -> u64 {
        read(&self.nsec3_hashes)
    }

    /// Answers that followed from validated proofs without asking anybody.
    #[must_use]
    pub fn synthesised(&self) -> u64 {
        read(&self.synthesised)
    }

    /// Where a response counts; nowhere if it failed for a reason that is none of validation's.
    fn result(&self, response: &Response) -> Option<&AtomicU64> {
        if response.rcode == Rcode::SERVFAIL {
            let code = response.ede.as_ref()?.code;
            let place = REASONS.iter().position(|(reason, _)| *reason == code)?;
            return self.bogus.get(place);
        }
        let sets = response.answer.iter().chain(&response.authority);
        Some(match sets.map(|held| held.security).min() {
            Some(Security::Secure) => &self.secure,
            Some(Security::Insecure) => &self.insecure,
            Some(Security::Indeterminate | Security::Unchecked) | None => &self.indeterminate,
        })
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wire::{Held, Name, RdataSet, RecordType, Rrset};

    fn holding(securities: &[Security]) -> Response {
        let mut response = Response::empty(Rcode::NOERROR);
        response.answer = securities
            .iter()
            .map(|security| Held {
                rrset: Arc::new(Rrset {
                    owner: Name::root(),
                    rtype: RecordType::A,
                    ttl: 0,
                    rdata: RdataSet::default(),
                    rrsigs: RdataSet::default(),
                }),
                ttl: 0,
                security: *security,
            })
            .collect();
        response
    }

    #[test]
    fn an_answer_counts_as_its_weakest_set_and_a_failure_only_if_it_is_bogus() {
        let budget = crate::guard::permit::RecursionPermit::internal(
            crate::guard::permit::InternalCause::Audit,
        )
        .into_budget(
            &crate::config::plan::Limits::default(),
            crate::sys::clock::Now::at_secs(0),
        );
        let spent = Spent {
            signatures: 3,
            nsec3_hashes: 2,
            ..budget.spent()
        };
        let counted = Validations::default();
        for response in [
            holding(&[Security::Secure, Security::Secure]),
            holding(&[Security::Secure, Security::Insecure]),
            holding(&[Security::Indeterminate, Security::Insecure]),
            Response::failure(Ede::new(Ede::SIGNATURE_EXPIRED, "")),
            Response::failure(Ede::new(Ede::NSEC_MISSING, "")),
            Response::failure(Ede::new(Ede::NETWORK_ERROR, "")),
        ] {
            counted.note(&response, &spent, 1);
        }
        assert_eq!(
            counted.results(),
            [
                ("secure", 1),
                ("insecure", 1),
                ("indeterminate", 1),
                ("bogus", 2)
            ]
        );
        let bogus: Vec<_> = counted.bogus().filter(|(_, times)| *times > 0).collect();
        assert_eq!(bogus, [("signature_expired", 1), ("nsec_missing", 1)]);
        assert_eq!(
            (
                counted.signatures(),
                counted.nsec3_hashes(),
                counted.synthesised()
            ),
            (18, 12, 6)
        );
    }
}
