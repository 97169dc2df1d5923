//! How much work may still go into believing this? Signatures and hashes left, for one response and for the whole query.

use super::{Bogus, Why};

/// What one response may still cost. Made from the budget of the client's query, and told back to it as [`Spent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    signatures: u32,
    hashes: u32,
    spent: Spent,
}

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Signatures checked, good or bad.
    pub signatures: u32,
    /// NSEC3 hashes made; one costs `iterations / 50 + 1` of these, whatever the length of the salt.
    pub hashes: u32,
}

impl Allowance {
    /// `signatures` is the lower of what the response and what the query has left (16 and 32), `hashes` what the query has left
    /// (300): parameters.md section 4.
    #[must_use]
    pub const fn new(signatures: u32, hashes: u32) -> Self {
        Self {
            signatures,
            hashes,
            spent: Spent {
                signatures: 0,
                hashes: 0,
            },
        }
    }

    /// Pays for one signature about to be checked.
    ///
    /// # Errors
    /// [`Why::TooManySignatures`] when none is left. Nothing may be checked then.
    pub fn charge_signature(&mut self) -> Result<(), Bogus> {
        if self.spent.signatures >= self.signatures {
            return Err(Bogus::limit(Why::TooManySignatures));
        }
        self.spent.signatures += 1;
        Ok(())
    }

    /// Pays for one NSEC3 hash of `iterations` additional rounds about to be made.
    ///
    /// # Errors
    /// [`Why::TooManyHashes`] when it is too dear. Nothing may be hashed then.
    pub fn charge_hash(&mut self, iterations: u16) -> Result<(), Bogus> {
        let price = u32::from(iterations) / 50 + 1;
        if self.spent.hashes.saturating_add(price) > self.hashes {
            return Err(Bogus::limit(Why::TooManyHashes));
        }
        self.spent.hashes += price;
        Ok(())
    }

    /// What has been spent so far.
    #[must_use]
    pub const fn spent(&self) -> Spent {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_after_the_last_is_refused_and_not_counted() {
        let mut allowance = Allowance::new(2, 0);
        assert!(allowance.charge_signature().is_ok());
        assert!(allowance.charge_signature().is_ok());
        let refused = allowance.charge_signature().unwrap_err();
        assert_eq!(refused.why, Why::TooManySignatures);
        assert_eq!(allowance.spent().signatures, 2);
    }

    #[test]
    fn a_hash_costs_more_the_more_rounds_it_has() {
        let mut allowance = Allowance::new(0, 5);
        assert!(allowance.charge_hash(0).is_ok());
        assert!(allowance.charge_hash(149).is_ok());
        assert_eq!(allowance.spent().hashes, 4);
        assert_eq!(
            allowance.charge_hash(50).unwrap_err().why,
            Why::TooManyHashes
        );
        assert!(allowance.charge_hash(49).is_ok());
    }
}
