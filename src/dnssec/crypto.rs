//! Does the signature fit the octets under this key? The mathematics, by `ring` and `ed448-goldilocks`, behind one function.

use ed448_goldilocks::{Signature as Ed448Signature, VerifyingKey as Ed448Key};
use ring::digest;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519,
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::algorithm::{Algorithm, DigestType};

/// Longest RSA modulus, octets (RFC 3110 section 2: 4096 bits; work grows with its square).
const MAX_MODULUS: usize = 512;
/// Longest public exponent, octets: `ring` believes those below 2^33, all in use are far below (3, 65537, 2^32+1).
const MAX_EXPONENT: usize = 5;

/// Whether `signature` is one of `message` by the key whose public part stands in a DNSKEY record as `public_key`.
///
/// A key or signature of a wrong shape is a signature that does not fit. An RSA key has 1024 to 4096 bits. Never panics;
/// the time it takes depends on `message` by one hash over it, and is bounded otherwise.
#[must_use]
pub fn verify(algorithm: Algorithm, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        Algorithm::RsaSha1 | Algorithm::RsaSha1Nsec3 => rsa(
            &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            public_key,
            message,
            signature,
        ),
        Algorithm::RsaSha256 => rsa(
            &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            public_key,
            message,
            signature,
        ),
        Algorithm::RsaSha512 => rsa(
            &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            public_key,
            message,
            signature,
        ),
        Algorithm::EcdsaP256Sha256 => {
            ecdsa::<64>(&ECDSA_P256_SHA256_FIXED, public_key, message, signature)
        }
        Algorithm::EcdsaP384Sha384 => {
            ecdsa::<96>(&ECDSA_P384_SHA384_FIXED, public_key, message, signature)
        }
        Algorithm::Ed25519 => UnparsedPublicKey::new(&ED25519, public_key)
            .verify(message, signature)
            .is_ok(),
        Algorithm::Ed448 => ed448(public_key, message, signature),
    }
}

/// The digest of `parts`, one after the other.
#[must_use]
pub fn digest(kind: DigestType, parts: &[&[u8]]) -> digest::Digest {
    let mut context = digest::Context::new(match kind {
        DigestType::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        DigestType::Sha256 => &digest::SHA256,
        DigestType::Sha384 => &digest::SHA384,
    });
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// The exponent and the modulus of RFC 3110 section 2, without the leading zeros that it forbids and some tools write.
fn rsa_components(public_key: &[u8]) -> Option<RsaPublicKeyComponents<&[u8]>> {
    let (length, rest) = match public_key {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [0, ..] | [] => return None,
        [length, rest @ ..] => (usize::from(*length), rest),
    };
    let (exponent, modulus) = rest.split_at_checked(length)?;
    let e = without_leading_zeros(exponent);
    let n = without_leading_zeros(modulus);
    (e.len() <= MAX_EXPONENT && n.len() <= MAX_MODULUS).then_some(RsaPublicKeyComponents { n, e })
}

fn without_leading_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

fn rsa(parameters: &RsaParameters, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    rsa_components(public_key).is_some_and(|key| key.verify(parameters, message, signature).is_ok())
}

/// `LENGTH` octets of both coordinates (RFC 6605 section 4); `ring` wants them behind SEC 1's mark for "uncompressed".
fn ecdsa<const LENGTH: usize>(
    algorithm: &'static dyn VerificationAlgorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    if public_key.len() != LENGTH {
        return false;
    }
    let point: Vec<u8> = std::iter::once(4)
        .chain(public_key.iter().copied())
        .collect();
    UnparsedPublicKey::new(algorithm, point)
        .verify(message, signature)
        .is_ok()
}

fn ed448(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(Ok(key)) = public_key.try_into().map(Ed448Key::from_bytes) else {
        return false;
    };
    let Ok(signature) = Ed448Signature::from_slice(signature) else {
        return false;
    };
    key.verify_raw(&signature, message).is_ok()
}

#[cfg(test)]
mod tests;
