//! How is the reply written? Sections, sizes, EDNS, and the short replies that refuse.

mod compose;
mod proof;
mod refusal;

pub use compose::{Composed, append_opt, compose, opt_len, room};
pub use proof::{ask_by_stream, ask_for_proof};
pub use refusal::{refusal, refusal_with_ede, truncated};

/// Option code of an extended DNS error (RFC 8914 section 2).
pub(crate) const EDE: u16 = 15;

#[cfg(test)]
mod tests;
