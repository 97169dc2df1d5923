//! How is something signed by RSA with SHA-1? `ring` verifies such signatures and makes none, so this raises to a power itself.
//!
//! For keys that are published with the source: nothing here keeps a secret from whoever measures time.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// Limbs of a number: 1024 bits, the shortest modulus that is validated.
const LIMBS: usize = 16;
/// Octets of a number.
const OCTETS: usize = LIMBS * 8;

/// A number below 2^1024, the least limb first.
type Number = [u64; LIMBS];

/// A key of 1024 bits with the public exponent 65537.
pub(super) struct Pair {
    modulus: Number,
    private_exponent: Number,
}

impl Pair {
    /// Of 256 octets: the modulus and the private exponent, both with the most significant octet first.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let (modulus, private_exponent) = octets.split_at_checked(OCTETS)?;
        Some(Self {
            modulus: number(modulus)?,
            private_exponent: number(private_exponent)?,
        })
    }

    /// As a DNSKEY has it (RFC 3110 section 2).
    pub(super) fn public_key(&self) -> Vec<u8> {
        let mut octets = vec![3, 1, 0, 1];
        octets.extend(
            self.modulus
                .iter()
                .rev()
                .flat_map(|limb| limb.to_be_bytes()),
        );
        octets
    }

    /// The signature of any octets (RSASSA-PKCS1-v1_5, RFC 8017 section 8.2.1).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        /// DER before the hash: that it is one by SHA-1 (RFC 8017 section 9.2, note 1).
        const PREFIX: [u8; 15] = [
            0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04,
            0x14,
        ];
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, message);
        let end = [&[0][..], &PREFIX, hash.as_ref()].concat();
        let mut padded = vec![0xFF; OCTETS - end.len()];
        padded.extend(end);
        for (octet, first) in padded.iter_mut().zip([0, 1]) {
            *octet = first;
        }
        let signature = number(&padded).map_or([0; LIMBS], |base| {
            power(&base, &self.private_exponent, &self.modulus)
        });
        let octets = signature.iter().rev();
        octets.flat_map(|limb| limb.to_be_bytes()).collect()
    }
}

fn number(octets: &[u8]) -> Option<Number> {
    let mut number = [0; LIMBS];
    if octets.len() != OCTETS {
        return None;
    }
    for (limb, eight) in number.iter_mut().rev().zip(octets.chunks_exact(8)) {
        *limb = u64::from_be_bytes(eight.try_into().ok()?);
    }
    Some(number)
}

/// `base` to the power of `exponent`, modulo an odd `modulus` with its highest bit set, by Montgomery's multiplication.
fn power(base: &Number, exponent: &Number, modulus: &Number) -> Number {
    let inverse = negative_inverse(modulus);
    let times = |one: &Number, other: &Number| multiply(one, other, modulus, inverse);
    let mut unit = [0; LIMBS];
    if let Some(least) = unit.first_mut() {
        *least = 1;
    }
    // 2^1024 and 2^2048 modulo the modulus: the unit of that multiplication, and what takes a number there.
    let doubled = |number: Number, times: usize| {
        (0..times).fold(number, |number, _| double(&number, modulus))
    };
    let one = doubled(unit, LIMBS * 64);
    let base = times(base, &doubled(one, LIMBS * 64));
    let bits = exponent
        .iter()
        .rev()
        .flat_map(|limb| (0..64).rev().map(move |place| limb >> place & 1));
    let result = bits.fold(one, |result, bit| {
        let square = times(&result, &result);
        if bit == 1 {
            times(&square, &base)
        } else {
            square
        }
    });
    times(&result, &unit)
}

/// `one` times `other` divided by 2^1024, modulo `modulus`.
fn multiply(one: &Number, other: &Number, modulus: &Number, inverse: u64) -> Number {
    let mut sum = [0_u64; LIMBS + 2];
    for limb in other {
        add_multiple(&mut sum, one, *limb);
        let least = sum.first().copied().unwrap_or_default();
        add_multiple(&mut sum, modulus, least.wrapping_mul(inverse));
        // The least limb is 0 now: a division by 2^64.
        sum.rotate_left(1);
    }
    let (low, high) = split(&sum);
    reduce(low, high != 0, modulus)
}

/// Adds `factor` times `number`.
fn add_multiple(sum: &mut [u64; LIMBS + 2], number: &Number, factor: u64) {
    let limbs = number.iter().copied().chain([0, 0]);
    let mut carry = 0_u128;
    for (limb, of_number) in sum.iter_mut().zip(limbs) {
        carry += u128::from(*limb) + u128::from(of_number) * u128::from(factor);
        *limb = low(carry);
        carry >>= 64;
    }
}

fn double(number: &Number, modulus: &Number) -> Number {
    let mut carry = 0;
    let doubled = number.map(|limb| {
        let with = limb << 1 | carry;
        carry = limb >> 63;
        with
    });
    reduce(doubled, carry != 0, modulus)
}

/// `number`, and 2^1024 more if it `overflows`, less `modulus` if it is not below that.
fn reduce(number: Number, overflows: bool, modulus: &Number) -> Number {
    let mut borrow = false;
    let mut difference = number;
    for (limb, of_modulus) in difference.iter_mut().zip(modulus) {
        let (first, under) = limb.overflowing_sub(*of_modulus);
        let (second, further) = first.overflowing_sub(u64::from(borrow));
        *limb = second;
        borrow = under || further;
    }
    if overflows || !borrow {
        difference
    } else {
        number
    }
}

/// The number that times `modulus` is -1 modulo 2^64, by Newton's iteration: every round doubles the bits that are right.
fn negative_inverse(modulus: &Number) -> u64 {
    let least = modulus.first().copied().unwrap_or(1);
    let inverse = (0..6).fold(1_u64, |inverse, _| {
        inverse.wrapping_mul(2_u64.wrapping_sub(least.wrapping_mul(inverse)))
    });
    inverse.wrapping_neg()
}

fn split(sum: &[u64; LIMBS + 2]) -> (Number, u64) {
    let mut number = [0; LIMBS];
    for (limb, of_sum) in number.iter_mut().zip(sum) {
        *limb = *of_sum;
    }
    (number, sum.get(LIMBS).copied().unwrap_or_default())
}

/// The low 64 bits.
fn low(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).unwrap_or_default()
}
