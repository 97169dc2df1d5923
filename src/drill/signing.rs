//! Who signs the zones of a small Internet? Keys from seeds, signatures with every field at will, and whole signed zones.
//!
//! For the drill and for tests only: all keys are published with the source. Suimon itself signs nothing.

mod chains;
mod digest;
mod rsa_sha1;
mod zone;

use std::sync::Arc;

use ed448_goldilocks::SigningKey as Ed448KeyPair;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
};

pub use chains::{
    Hashing, nsec_chain, nsec_rdata, nsec3_chain, nsec3_hash, nsec3_owner, nsec3_rdata,
    nsec3param_rdata,
};
pub use digest::sign_whole_zone;
pub use zone::{Denial, sign_zone};

use crate::dnssec::Dnskey;
use crate::dnssec::Rrsig;
use crate::dnssec::algorithm::{Algorithm, DigestType};
use crate::dnssec::canonical::{CanonicalRdata, counted_labels, signed_data};
use crate::dnssec::crypto::digest;
use crate::wire::{Name, RdataSet, RecordType, Rrset};

/// Flags of a key that signs data: the zone key bit alone (RFC 4034 section 2.1.1).
pub const ZONE_SIGNING: u16 = Dnskey::ZONE;
/// Flags of a key that the parent points to: zone key and secure entry point. Alone in a zone, it signs everything.
pub const KEY_SIGNING: u16 = Dnskey::ZONE | Dnskey::SECURE_ENTRY_POINT;

/// A key of one zone that signs.
#[derive(Clone)]
pub struct Signer {
    zone: Name,
    algorithm: Algorithm,
    flags: u16,
    secret: Arc<Secret>,
    public_key: Vec<u8>,
}

/// From when to when signatures hold, seconds since 1970 in serial arithmetic (RFC 4034 section 3.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub inception: u32,
    /// Not after.
    pub expiration: u32,
}

/// The fields of a signature before it is made (RFC 4034 section 3.1), each open to lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFields {
    /// Which type it says to cover.
    pub covers: RecordType,
    /// Which algorithm it says it is.
    pub algorithm: u8,
    /// How many labels the owner has; fewer make a wildcard of it, more are a lie.
    pub labels: u8,
    /// The original TTL.
    pub original_ttl: u32,
    /// From when to when.
    pub validity: Validity,
    /// The tag of the key.
    pub key_tag: u16,
    /// The zone that signs.
    pub signer: Name,
}

/// A key that cannot be made, or a signature that cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// A fixed key cannot be read.
    #[error("the key cannot be read")]
    BadKey,
    /// The cryptography refused.
    #[error("the signature cannot be made")]
    Refused,
}

enum Secret {
    Rsa(RsaKeyPair),
    RsaSha1(rsa_sha1::Pair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Ed448(Box<Ed448KeyPair>),
}

const RSA: [&[u8]; 2] = [
    include_bytes!("signing/keys/rsa-0.der"),
    include_bytes!("signing/keys/rsa-1.der"),
];
const RSA_1024: [&[u8]; 2] = [
    include_bytes!("signing/keys/rsa1024-0.raw"),
    include_bytes!("signing/keys/rsa1024-1.raw"),
];
const P256: [&[u8]; 4] = [
    include_bytes!("signing/keys/p256-0.der"),
    include_bytes!("signing/keys/p256-1.der"),
    include_bytes!("signing/keys/p256-2.der"),
    include_bytes!("signing/keys/p256-3.der"),
];
const P384: [&[u8]; 2] = [
    include_bytes!("signing/keys/p384-0.der"),
    include_bytes!("signing/keys/p384-1.der"),
];

impl Signer {
    /// The key of `zone` that `seed` makes: the same for the same seed.
    ///
    /// Ed25519 and Ed448 have as many keys as seeds; of RSA (2048 bits; 1024 with SHA-1) and P-384 there are 2, of P-256 there are 4, and
    /// the seed takes one in turn. ECDSA signatures differ from run to run, the others do not.
    ///
    /// # Errors
    /// [`SigningError::BadKey`], for which there is no reason but a damaged source.
    pub fn new(
        zone: &Name,
        algorithm: Algorithm,
        seed: u64,
        flags: u16,
    ) -> Result<Self, SigningError> {
        let (secret, public_key) = Secret::from_seed(algorithm, seed)?;
        Ok(Self {
            zone: zone.clone(),
            algorithm,
            flags,
            secret: Arc::new(secret),
            public_key,
        })
    }

    /// The same key with other flags, which gives it another tag.
    #[must_use]
    pub fn with_flags(mut self, flags: u16) -> Self {
        self.flags = flags;
        self
    }

    /// The zone it signs.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        &self.zone
    }

    /// Its flags.
    #[must_use]
    pub const fn flags(&self) -> u16 {
        self.flags
    }

    /// DNSKEY RDATA.
    #[must_use]
    pub fn dnskey(&self) -> Vec<u8> {
        let mut rdata = self.flags.to_be_bytes().to_vec();
        rdata.extend([3, self.algorithm.number()]);
        rdata.extend_from_slice(&self.public_key);
        rdata
    }

    /// The tag of the key.
    #[must_use]
    pub fn key_tag(&self) -> u16 {
        Dnskey::read(&self.dnskey()).map_or(0, |key| key.tag())
    }

    /// DS RDATA for the parent.
    #[must_use]
    pub fn ds(&self, kind: DigestType) -> Vec<u8> {
        let mut rdata = self.key_tag().to_be_bytes().to_vec();
        rdata.extend([self.algorithm.number(), kind.number()]);
        let digest = digest(kind, &[&self.zone.to_lower_wire(), &self.dnskey()]);
        rdata.extend_from_slice(digest.as_ref());
        rdata
    }

    /// The DS set of the zone, by SHA-256, unsigned.
    #[must_use]
    pub fn ds_set(&self, ttl: u32) -> Rrset {
        let rdata = self.ds(DigestType::Sha256);
        Rrset {
            owner: self.zone.clone(),
            rtype: RecordType::DS,
            ttl,
            rdata: RdataSet::new([rdata.as_slice()]),
            rrsigs: RdataSet::default(),
        }
    }

    /// The DNSKEY set of the zone with this key alone, unsigned.
    #[must_use]
    pub fn dnskey_set(&self, ttl: u32) -> Rrset {
        let rdata = self.dnskey();
        Rrset {
            owner: self.zone.clone(),
            rtype: RecordType::DNSKEY,
            ttl,
            rdata: RdataSet::new([rdata.as_slice()]),
            rrsigs: RdataSet::default(),
        }
    }

    /// The fields of an honest signature of `set`.
    #[must_use]
    pub fn fields(&self, set: &Rrset, validity: Validity) -> SignatureFields {
        SignatureFields {
            covers: set.rtype,
            algorithm: self.algorithm.number(),
            labels: u8::try_from(counted_labels(&set.owner)).unwrap_or(u8::MAX),
            original_ttl: set.ttl,
            validity,
            key_tag: self.key_tag(),
            signer: self.zone.clone(),
        }
    }

    /// RRSIG RDATA of an honest signature of `set`.
    ///
    /// # Errors
    /// [`SigningError::Refused`] if the system has no randomness (ECDSA).
    pub fn sign(&self, set: &Rrset, validity: Validity) -> Result<Vec<u8>, SigningError> {
        self.sign_fields(set, &self.fields(set, validity))
    }

    /// RRSIG RDATA with `fields` as they are: the signature fits them and `set`, whether they are true or not.
    ///
    /// With fewer labels than the owner has, what is signed is the wildcard; with more, the owner itself.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_fields(
        &self,
        set: &Rrset,
        fields: &SignatureFields,
    ) -> Result<Vec<u8>, SigningError> {
        let mut rdata = fields.octets();
        let true_labels = u8::try_from(counted_labels(&set.owner)).unwrap_or(u8::MAX);
        let mut message = Vec::new();
        let mut rrsig = Rrsig::read(&rdata).ok_or(SigningError::Refused)?;
        rrsig.labels = rrsig.labels.min(true_labels);
        signed_data(set, &CanonicalRdata::of(set), &rrsig, &mut message)
            .ok_or(SigningError::Refused)?;
        let signature = self.signature(&message)?;
        rdata.extend_from_slice(&signature);
        Ok(rdata)
    }

    /// `set` with an honest signature as its only one.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn signed(&self, set: &Rrset, validity: Validity) -> Result<Rrset, SigningError> {
        let rrsig = self.sign(set, validity)?;
        Ok(Rrset {
            rrsigs: RdataSet::new([rrsig.as_slice()]),
            ..set.clone()
        })
    }

    /// The signature of any octets, in the form that RRSIG has it.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let randomness = SystemRandom::new();
        match &*self.secret {
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let padding: &dyn ring::signature::RsaEncoding =
                    if self.algorithm == Algorithm::RsaSha512 {
                        &RSA_PKCS1_SHA512
                    } else {
                        &RSA_PKCS1_SHA256
                    };
                pair.sign(padding, &randomness, message, &mut signature)
                    .map_err(|_| SigningError::Refused)?;
                Ok(signature)
            }
            Secret::RsaSha1(pair) => Ok(pair.sign(message)),
            Secret::Ecdsa(pair) => pair
                .sign(&randomness, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SigningError::Refused),
            Secret::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Secret::Ed448(pair) => Ok(pair.sign_raw(message).to_bytes().to_vec()),
        }
    }
}

impl SignatureFields {
    /// The RDATA up to the signature, the signer in lower case.
    fn octets(&self) -> Vec<u8> {
        let mut rdata = self.covers.0.to_be_bytes().to_vec();
        rdata.extend([self.algorithm, self.labels]);
        rdata.extend_from_slice(&self.original_ttl.to_be_bytes());
        rdata.extend_from_slice(&self.validity.expiration.to_be_bytes());
        rdata.extend_from_slice(&self.validity.inception.to_be_bytes());
        rdata.extend_from_slice(&self.key_tag.to_be_bytes());
        rdata.extend_from_slice(&self.signer.to_lower_wire());
        rdata
    }
}

impl Secret {
    /// The key pair and its public part as DNSKEY has it.
    fn from_seed(algorithm: Algorithm, seed: u64) -> Result<(Self, Vec<u8>), SigningError> {
        match algorithm {
            Algorithm::RsaSha1 | Algorithm::RsaSha1Nsec3 => {
                let pair =
                    rsa_sha1::Pair::read(in_turn(&RSA_1024, seed)?).ok_or(SigningError::BadKey)?;
                let public_key = pair.public_key();
                Ok((Self::RsaSha1(pair), public_key))
            }
            Algorithm::RsaSha256 | Algorithm::RsaSha512 => {
                let pair = RsaKeyPair::from_pkcs8(in_turn(&RSA, seed)?)
                    .map_err(|_| SigningError::BadKey)?;
                let components: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                // RFC 3110 section 2, in the short form of the length.
                let length = u8::try_from(components.e.len()).map_err(|_| SigningError::BadKey)?;
                let mut public_key = vec![length];
                public_key.extend(components.e);
                public_key.extend(components.n);
                Ok((Self::Rsa(pair), public_key))
            }
            Algorithm::EcdsaP256Sha256 => {
                Self::ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, in_turn(&P256, seed)?)
            }
            Algorithm::EcdsaP384Sha384 => {
                Self::ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, in_turn(&P384, seed)?)
            }
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&spread::<32>(seed))
                    .map_err(|_| SigningError::BadKey)?;
                let public_key = pair.public_key().as_ref().to_vec();
                Ok((Self::Ed25519(pair), public_key))
            }
            Algorithm::Ed448 => {
                let pair = Ed448KeyPair::try_from(spread::<57>(seed).as_slice())
                    .map_err(|_| SigningError::BadKey)?;
                let public_key = pair.verifying_key().to_bytes().to_vec();
                Ok((Self::Ed448(Box::new(pair)), public_key))
            }
        }
    }

    fn ecdsa(
        algorithm: &'static EcdsaSigningAlgorithm,
        pkcs8: &[u8],
    ) -> Result<(Self, Vec<u8>), SigningError> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new())
            .map_err(|_| SigningError::BadKey)?;
        // Without the mark "uncompressed" of SEC 1 (RFC 6605 section 4).
        let public_key = pair.public_key().as_ref().iter().skip(1).copied().collect();
        Ok((Self::Ecdsa(pair), public_key))
    }
}

fn in_turn<const COUNT: usize>(
    keys: &[&'static [u8]; COUNT],
    seed: u64,
) -> Result<&'static [u8], SigningError> {
    let place = usize::try_from(seed).unwrap_or_default() % COUNT.max(1);
    keys.get(place).copied().ok_or(SigningError::BadKey)
}

/// A private key from a number: no secret at all, and the same everywhere.
fn spread<const LENGTH: usize>(seed: u64) -> [u8; LENGTH] {
    let octets = digest(DigestType::Sha384, &[b"suimon drill", &seed.to_be_bytes()]);
    let mut key = [0; LENGTH];
    for (octet, from) in key.iter_mut().zip(octets.as_ref().iter().cycle()) {
        *octet = *from;
    }
    key
}

#[cfg(test)]
mod tests;
