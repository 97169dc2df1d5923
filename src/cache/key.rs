//! Under which number is a name kept? A keyed 128-bit hash that an attacker cannot steer.

use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::wire::{Name, RecordType};

/// 128 bits of SipHash-1-3 over the lower-case name and the type. The full name is compared on every hit all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    /// A key that stands for no name.
    pub(super) const fn from_number(number: u128) -> Self {
        Self(number)
    }
}

/// Makes keys with the secret of this start.
#[derive(Clone, Debug)]
pub(super) struct Keyer(SipHasher13);

impl Keyer {
    pub(super) fn new(secret0: u64, secret1: u64) -> Self {
        Self(SipHasher13::new_with_keys(secret0, secret1))
    }

    pub(super) fn key(&self, name: &Name, rtype: RecordType) -> Key {
        self.key_of_wire(name.as_wire(), rtype)
    }

    /// The key of an uncompressed wire name.
    pub(super) fn key_of_wire(&self, wire: &[u8], rtype: RecordType) -> Key {
        let mut hasher = self.0;
        let mut lower = [0_u8; 255];
        for (to, from) in lower.iter_mut().zip(wire) {
            *to = from.to_ascii_lowercase();
        }
        hasher.write(lower.get(..wire.len()).unwrap_or(&lower));
        hasher.write(&rtype.0.to_be_bytes());
        Key(hasher.finish128().as_u128())
    }
}

/// Hands the low half of a [`Key`], which is hashed already, to the maps that want 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unhashed(u64);

/// Builds [`Unhashed`].
pub(super) type BuildUnhashed = BuildHasherDefault<Unhashed>;

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low half is what is wanted"
    )]
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}
