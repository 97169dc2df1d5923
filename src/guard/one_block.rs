//! What is the keyed hash of a number? SipHash-1-3 of one block, without the way around it for messages of any length.

/// The constants and the order of SipHash (Aumasson, Bernstein 2012) with one round for each block and three at the end, of eight
/// octets and no length: here all messages have the same.
#[derive(Clone, Copy, Debug)]
pub struct OneBlock([u64; 4]);

impl OneBlock {
    /// With the two halves of a secret.
    #[must_use]
    pub const fn new(first: u64, second: u64) -> Self {
        Self([
            first ^ u64::from_be_bytes(*b"somepseu"),
            second ^ u64::from_be_bytes(*b"dorandom"),
            first ^ u64::from_be_bytes(*b"lygenera"),
            second ^ u64::from_be_bytes(*b"tedbytes"),
        ])
    }

    /// The same from its octets.
    #[must_use]
    pub fn with_key(key: &[u8; 16]) -> Self {
        let both = u128::from_le_bytes(*key);
        let low = u128::from(u64::MAX);
        let half = |part: u128| u64::try_from(part & low).unwrap_or_default();
        Self::new(half(both), half(both >> 64))
    }

    /// Of `message`.
    #[inline]
    #[must_use]
    pub const fn hash(self, message: u64) -> u64 {
        let Self([v0, v1, v2, v3]) = self;
        let [v0, v1, v2, v3] = round([v0, v1, v2, v3 ^ message]);
        let [v0, v1, v2, v3] = round(round(round([v0 ^ message, v1, v2 ^ 0xFF, v3])));
        v0 ^ v1 ^ v2 ^ v3
    }
}

#[inline]
const fn round([v0, v1, v2, v3]: [u64; 4]) -> [u64; 4] {
    let (v0, v2) = (v0.wrapping_add(v1), v2.wrapping_add(v3));
    let (v1, v3) = (v1.rotate_left(13) ^ v0, v3.rotate_left(16) ^ v2);
    let (v0, v2) = (v0.rotate_left(32).wrapping_add(v3), v2.wrapping_add(v1));
    let (v1, v3) = (v1.rotate_left(17) ^ v2, v3.rotate_left(21) ^ v0);
    [v0, v1, v2.rotate_left(32), v3]
}

#[cfg(test)]
mod tests {
    use siphasher::sip::SipHasher13;

    use super::*;

    #[test]
    fn it_is_siphash_of_one_block() {
        // A message of seven octets is one block: its length stands in the highest one.
        for (number, message) in [(0_u64, [0; 7]), (1, [255; 7]), (2, *b"prefix!")] {
            let reference = SipHasher13::new_with_keys(number, !number).hash(&message);
            let [a, b, c, d, e, f, g] = message;
            let block = u64::from_le_bytes([a, b, c, d, e, f, g, 7]);
            assert_eq!(OneBlock::new(number, !number).hash(block), reference);
            let mut key = [0; 16];
            key[..8].copy_from_slice(&number.to_le_bytes());
            key[8..].copy_from_slice(&(!number).to_le_bytes());
            assert_eq!(OneBlock::with_key(&key).hash(block), reference);
        }
    }
}
