//! Which algorithms and digests are believed? Those with a good implementation here; a zone with others only is insecure, never bogus.

/// Which of the algorithms and digests here are believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accepted {
    /// All but those by SHA-1: RFC 9905 section 2 has operators treat zones with these alone as insecure.
    #[default]
    WithoutSha1,
    /// All: RFC 9905 section 2 has validators still know SHA-1, for operators who need it.
    All,
}

impl Accepted {
    /// What the setting `dnssec.sha1` says.
    #[must_use]
    pub const fn sha1(believed: bool) -> Self {
        if believed {
            Self::All
        } else {
            Self::WithoutSha1
        }
    }

    /// The algorithm of a number in the registry; nothing if it is not believed.
    #[must_use]
    pub const fn algorithm(self, number: u8) -> Option<Algorithm> {
        match (self, Algorithm::of(number)) {
            (Self::WithoutSha1, Some(Algorithm::RsaSha1 | Algorithm::RsaSha1Nsec3)) => None,
            (_, algorithm) => algorithm,
        }
    }

    /// The digest of a number in the registry; nothing if it is not believed.
    #[must_use]
    pub const fn digest(self, number: u8) -> Option<DigestType> {
        match (self, DigestType::of(number)) {
            (Self::WithoutSha1, Some(DigestType::Sha1)) => None,
            (_, digest) => digest,
        }
    }
}

/// A signature algorithm of the registry that can be validated (RFC 9904: implementation for validation MUST or RECOMMENDED, and
/// 10 and 16 besides); whether it is believed says [`Accepted`].
///
/// Left out, so that a zone signed with nothing else is insecure (RFC 4035 section 5.2): 1, 3 and 6 (MD5, DSA),
/// 12 (GOST; RFC 9906), 17 and 23 (SM2, GOST 2012), 253 and 254 (private), whatever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// 5, RSA with SHA-1 (RFC 3110).
    RsaSha1,
    /// 7, the same for zones with NSEC3 (RFC 5155 section 2).
    RsaSha1Nsec3,
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
    pub const ALL: [Self; 8] = [
        Self::RsaSha1,
        Self::RsaSha1Nsec3,
        Self::RsaSha256,
        Self::RsaSha512,
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::Ed25519,
        Self::Ed448,
    ];

    /// The algorithm of a number in the registry, believed or not; nothing if it is not supported.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            5 => Some(Self::RsaSha1),
            7 => Some(Self::RsaSha1Nsec3),
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
            Self::RsaSha1 => 5,
            Self::RsaSha1Nsec3 => 7,
            Self::RsaSha256 => 8,
            Self::RsaSha512 => 10,
            Self::EcdsaP256Sha256 => 13,
            Self::EcdsaP384Sha384 => 14,
            Self::Ed25519 => 15,
            Self::Ed448 => 16,
        }
    }
}

/// A digest of DS records that can be compared; whether it is believed says [`Accepted`]. GOST (RFC 9906) is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestType {
    /// 1 (RFC 4034).
    Sha1,
    /// 2 (RFC 4509).
    Sha256,
    /// 4 (RFC 6605).
    Sha384,
}

impl DigestType {
    /// The digest of a number in the registry, believed or not; nothing if it is not supported.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sha1),
            2 => Some(Self::Sha256),
            4 => Some(Self::Sha384),
            _ => None,
        }
    }

    /// Its number in the registry.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
            Self::Sha384 => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_algorithms_and_three_digests_are_known_and_sha_1_is_believed_on_demand() {
        for (accepted, algorithms, digests) in [
            (
                Accepted::default(),
                &[8, 10, 13, 14, 15, 16][..],
                &[2, 4][..],
            ),
            (
                Accepted::sha1(true),
                &[5, 7, 8, 10, 13, 14, 15, 16],
                &[1, 2, 4],
            ),
        ] {
            let found = (0..=255).filter(|number| accepted.algorithm(*number).is_some());
            assert_eq!(found.collect::<Vec<u8>>(), algorithms);
            let found = (0..=255).filter(|number| accepted.digest(*number).is_some());
            assert_eq!(found.collect::<Vec<u8>>(), digests);
            for (algorithm, digest) in (0..=255).flat_map(|a| (0..=5).map(move |d| (a, d))) {
                let ds = crate::wire::Rrset {
                    owner: crate::wire::Name::root(),
                    rtype: crate::wire::RecordType::DS,
                    ttl: 0,
                    rdata: crate::wire::RdataSet::new([&[0, 0, algorithm, digest, 0][..]]),
                    rrsigs: crate::wire::RdataSet::default(),
                };
                assert_eq!(
                    crate::config::anchors::is_usable(&ds, accepted == Accepted::All),
                    algorithms.contains(&algorithm) && digests.contains(&digest)
                );
            }
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of(algorithm.number()), Some(algorithm));
        }
    }
}
