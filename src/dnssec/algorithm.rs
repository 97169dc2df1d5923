//! Which algorithms and digests are believed? Those with a good implementation here; a zone with others only is insecure, never bogus.

/// A signature algorithm of the registry that is validated (RFC 9904: implementation for validation MUST or RECOMMENDED, and
/// 10 and 16 besides).
///
/// Left out, so that a zone signed with nothing else is insecure (RFC 4035 section 5.2): 1, 3, 5, 6 and 7 (MD5, DSA, SHA-1;
/// RFC 9905 for 5 and 7), 12 (GOST; RFC 9906), 17 and 23 (SM2, GOST 2012), 253 and 254 (private), whatever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// 8, RSA with SHA-256 (RFC 5702).
    RsaSha256,
    /// 10, RSA with SHA-512 (RFC 5702).
    RsaSha512,
    /// 13, ECDSA on P-256 with SHA-256 (RFC 6605).
    EcdsaP256Sha256,
    /// 14, ECDSA on P-384 with SHA-384 (RFC 6605).
    EcdsaP384Sha384,
    /// 15, Ed25519 (RFC 8080).
    Ed25519,
    /// 16, Ed448 (RFC 8080).
    Ed448,
}

impl Algorithm {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::RsaSha256,
        Self::RsaSha512,
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::Ed25519,
        Self::Ed448,
    ];

    /// The algorithm of a number in the registry; nothing if it is not supported.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            8 => Some(Self::RsaSha256),
            10 => Some(Self::RsaSha512),
            13 => Some(Self::EcdsaP256Sha256),
            14 => Some(Self::EcdsaP384Sha384),
            15 => Some(Self::Ed25519),
            16 => Some(Self::Ed448),
            _ => None,
        }
    }

    /// Whether a signature is checked in about 0.1 ms or less by what we check it with; the curves of 384 and 448 bits take several times that.
    #[must_use]
    pub const fn is_quick(self) -> bool {
        !matches!(self, Self::EcdsaP384Sha384 | Self::Ed448)
    }

    /// Its number in the registry.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::RsaSha256 => 8,
            Self::RsaSha512 => 10,
            Self::EcdsaP256Sha256 => 13,
            Self::EcdsaP384Sha384 => 14,
            Self::Ed25519 => 15,
            Self::Ed448 => 16,
        }
    }
}

/// A digest of DS records that is believed: SHA-256 (RFC 4509) and SHA-384 (RFC 6605). SHA-1 (RFC 9905) and GOST (RFC 9906)
/// are not, so that RFC 4509 section 3 ("ignore SHA-1 when SHA-256 is there") holds by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestType {
    /// 2.
    Sha256,
    /// 4.
    Sha384,
}

impl DigestType {
    /// The digest of a number in the registry; nothing if it is not supported.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            2 => Some(Self::Sha256),
            4 => Some(Self::Sha384),
            _ => None,
        }
    }

    /// Its number in the registry.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Sha256 => 2,
            Self::Sha384 => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_algorithms_and_two_digests_are_believed_and_no_other() {
        let believed: Vec<u8> = (0..=255)
            .filter(|number| Algorithm::of(*number).is_some())
            .collect();
        assert_eq!(believed, [8, 10, 13, 14, 15, 16]);
        let digests: Vec<u8> = (0..=255)
            .filter(|number| DigestType::of(*number).is_some())
            .collect();
        assert_eq!(digests, [2, 4]);
        for (algorithm, digest) in (0..=255).flat_map(|a| (0..=5).map(move |d| (a, d))) {
            let ds = crate::wire::Rrset {
                owner: crate::wire::Name::root(),
                rtype: crate::wire::RecordType::DS,
                ttl: 0,
                rdata: crate::wire::RdataSet::new([&[0, 0, algorithm, digest, 0][..]]),
                rrsigs: crate::wire::RdataSet::default(),
            };
            assert_eq!(
                crate::config::anchors::is_usable(&ds),
                believed.contains(&algorithm) && digests.contains(&digest)
            );
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of(algorithm.number()), Some(algorithm));
        }
    }
}
