//! Where does randomness come from? The only file that asks the operating system.

use rand::rngs::ThreadRng;

/// A CSPRNG seeded by the operating system (ChaCha12, reseeded), for message ids, source ports, secrets and server choice.
/// (BIND CVE-2025-40780: a predictable generator made both guessable.)
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks for randomness"
)]
pub fn csprng() -> ThreadRng {
    rand::rng()
}
