//! What was proven? A seal that only this room can set (ARCHITECTURE.md, "Proofs as types").

use std::ops::Deref;
use std::sync::Arc;

/// Something whose signatures were checked up to a trust anchor. Can be read by anybody, made only in `dnssec`: the aggressive
/// use of NSEC (RFC 8198) takes nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated<T>(T);

impl<T> Validated<T> {
    /// Seals what was just proven.
    pub(in crate::dnssec) const fn seal(proven: T) -> Self {
        Self(proven)
    }

    /// The same, shared.
    pub fn share(self) -> Validated<Arc<T>> {
        Validated(Arc::new(self.0))
    }

    /// What was proven, without the seal.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Validated<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
impl<T> Validated<T> {
    /// A seal on something made up, for the tests of those who only take sealed things.
    pub(crate) const fn in_a_test(made_up: T) -> Self {
        Self(made_up)
    }
}
