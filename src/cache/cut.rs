//! Does a name exist below one that does not? Never, if that was proven (RFC 8020).

use super::lookup::{Demand, View};
use super::rrsets::{Fact, WHOLE_NAME};
use super::{Cache, Negative};
use crate::sys::clock::Now;
use crate::wire::{Held, Name, Security};

impl Cache {
    /// What denies `name` because a name above it is proven not to exist: the SOA and the proofs of that one, which are as good
    /// for all below it. Only what is Secure counts: a server that says NXDOMAIN for an empty non-terminal must not take away
    /// what is below (RFC 8020 section 6 leaves that to the resolver).
    #[must_use]
    pub fn nxdomain_above(&self, name: &Name, now: Now) -> Option<Vec<Held>> {
        let mut above = name.parent();
        while let Some(at) = above.filter(|at| !at.is_root()) {
            if let Some(Fact::Absent(Negative::NxDomain, Security::Secure, told)) =
                self.aside(&at, WHOLE_NAME, View::of(Demand::Checked, now))
            {
                return Some(told);
            }
            above = at.parent();
        }
        None
    }
}
