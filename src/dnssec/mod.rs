//! Whether to believe it: signatures, chains of trust and proofs of nonexistence, weighed by a validator with no socket, no clock, no task.
//!
//! ```text
//!  anchor ─► DNSKEY of "." ─► DS of "com." ─► DNSKEY of "com." ─► … ─► RRset, or NSEC / NSEC3 that deny it
//! ```
//!
//! `recursion` knows the zone cuts, fetches what is missing and hands over evidence: sets as received, and the keys of the
//! zone that should have signed them. This room answers [`Validated`] sets, or [`Bogus`] with the reason a person reads.
//! Every signature checked and every NSEC3 hash made is paid from an [`Allowance`], which the budget of the client's query
//! gave and takes back (KeyTrap, CVE-2023-50387; NSEC3 encloser attacks, CVE-2023-50868).

pub mod algorithm;
mod allowance;
mod anchor;
mod bogus;
pub mod canonical;
mod chain;
pub mod crypto;
pub mod denial;
mod ds;
mod judge;
mod key;
pub mod negative;
mod nsec;
mod nsec3;
pub mod rollover;
mod rrsig;
mod trust;
mod types;
pub mod validated;
mod verify;
mod zone_copy;
pub mod zonemd;

pub use allowance::{Allowance, Spent};
pub use anchor::Anchor;
pub use bogus::{Bogus, Why};
pub use chain::{KeyFinding, MAX_DS, keys_by_anchor, keys_by_ds, usable_ds};
pub use denial::NoDs;
pub use ds::Ds;
pub use judge::{
    Believed, Denied, Evidence, Judgement, Proven, Sets, Verdict, Verification, too_many_iterations,
};
pub use key::{Dnskey, MAX_KEYS_PER_TAG, ZoneKeys};
pub use negative::{Excused, ExcusedZones};
pub use nsec3::{Hash, Hashes};
pub use rrsig::Rrsig;
pub use trust::{Start, Validator, ZoneTrust};
pub use validated::Validated;
pub use verify::{FORGIVEN_FAILURES, Verified, signer, verify};
pub use zone_copy::{Timers, ZoneCopy, ZoneFault};

/// The time signatures are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Seconds since the Unix epoch; compared in serial arithmetic (RFC 4034 section 3.1.5).
    pub at: u64,
    /// Seconds by which a signature may be expired or not yet valid (0: none).
    pub skew: u32,
}
