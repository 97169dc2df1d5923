//! What can be wrong with a signed zone? Each fault of an operator or an attacker as a zone file that says something false.

use suimon::dnssec::algorithm::Algorithm;
use suimon::drill::signing::Validity;
use suimon::wire::{Name, Record, RecordType, rdata};

use super::internet::{self, CHILD_SERVERS, Chain, Tier, Zone};

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// All signatures ended days ago: more than anybody's tolerance (Unbound's is at most a day).
    Expired,
    /// All signatures begin in some days.
    Future,
    /// The parent's DS has another digest.
    OtherDigest,
    /// The parent's DS has an algorithm that nobody knows: insecure (RFC 4035 section 5.2).
    UnknownAlgorithm,
    /// The parent's DS has a digest type that nobody knows: insecure.
    UnknownDigest,
    /// No signature of the keys.
    KeysUnsigned,
    /// No signature of A records.
    AddressesUnsigned,
    /// No signature of the SOA record.
    SoaUnsigned,
    /// No signatures at all.
    Unsigned,
    /// No NSEC or NSEC3.
    NoDenial,
    /// No signature of NSEC or NSEC3.
    DenialUnsigned,
    /// Addresses changed after signing.
    Altered,
    /// Signatures say that the parent signed.
    OtherSigner,
    /// Labels field one too many.
    ManyLabels,
    /// Names gone that the chain of denial says exist.
    NamesGone,
    /// The type bits of the chain are not those that were signed.
    OtherBitmaps,
    /// Signatures cut by one octet.
    ShortSignatures,
    /// No DNSKEY.
    NoKeys,
    /// A wildcard's signature beside a name that was copied from it.
    WildcardCopied,
    /// Good, but with more NSEC3 iterations than anybody believes: insecure (RFC 9276 section 3.2).
    Endless,
}

impl Fault {
    const ALL: [(Self, &'static str); 20] = [
        (Self::Expired, "expired"),
        (Self::Future, "future"),
        (Self::OtherDigest, "otherdigest"),
        (Self::UnknownAlgorithm, "unknownalgorithm"),
        (Self::UnknownDigest, "unknowndigest"),
        (Self::KeysUnsigned, "keysunsigned"),
        (Self::AddressesUnsigned, "addressesunsigned"),
        (Self::SoaUnsigned, "soaunsigned"),
        (Self::Unsigned, "unsignedwithds"),
        (Self::NoDenial, "nodenial"),
        (Self::DenialUnsigned, "denialunsigned"),
        (Self::Altered, "altered"),
        (Self::OtherSigner, "othersigner"),
        (Self::ManyLabels, "manylabels"),
        (Self::NamesGone, "namesgone"),
        (Self::OtherBitmaps, "otherbitmaps"),
        (Self::ShortSignatures, "shortsignatures"),
        (Self::NoKeys, "nokeys"),
        (Self::WildcardCopied, "wildcardcopied"),
        (Self::Endless, "endless"),
    ];

    /// The time the zone is signed for.
    pub const fn validity(self, now: u32) -> Validity {
        const DAY: u32 = 86_400;
        match self {
            Self::Expired => Validity {
                inception: now - 30 * DAY,
                expiration: now - 5 * DAY,
            },
            Self::Future => Validity {
                inception: now + 5 * DAY,
                expiration: now + 30 * DAY,
            },
            _ => internet::valid(now),
        }
    }

    /// What the fault does to the parent's DS.
    pub fn spoil_ds(self, rdata: &mut [u8]) {
        match self {
            Self::OtherDigest => rdata[4] ^= 0xFF,
            Self::UnknownAlgorithm => rdata[2] = 200,
            Self::UnknownDigest => rdata[3] = 200,
            _ => {}
        }
    }

    /// What it does to the signed zone.
    pub fn spoil(self, apex: &Name, records: &mut Vec<Record>) {
        let signs = |record: &Record, rtype: RecordType| {
            record.rtype == RecordType::RRSIG && rdata::rrsig_covers(&record.rdata) == Some(rtype)
        };
        let is_denial =
            |record: &Record| [RecordType::NSEC, RecordType::NSEC3].contains(&record.rtype);
        let www = apex.child(b"www").expect("a name");
        match self {
            Self::KeysUnsigned => records.retain(|record| !signs(record, RecordType::DNSKEY)),
            Self::AddressesUnsigned => records.retain(|record| !signs(record, RecordType::A)),
            Self::SoaUnsigned => records.retain(|record| !signs(record, RecordType::SOA)),
            Self::Unsigned => records.retain(|record| record.rtype != RecordType::RRSIG),
            Self::NoDenial => records.retain(|record| {
                !is_denial(record)
                    && record.rtype != RecordType::NSEC3PARAM
                    && !signs(record, RecordType::NSEC)
                    && !signs(record, RecordType::NSEC3)
                    && !signs(record, RecordType::NSEC3PARAM)
            }),
            Self::DenialUnsigned => records.retain(|record| {
                !signs(record, RecordType::NSEC) && !signs(record, RecordType::NSEC3)
            }),
            Self::NoKeys => records.retain(|record| {
                record.rtype != RecordType::DNSKEY && !signs(record, RecordType::DNSKEY)
            }),
            Self::NamesGone => records.retain(|record| record.owner != www),
            Self::Altered => {
                for record in records.iter_mut().filter(|record| record.owner == www) {
                    if record.rtype == RecordType::A {
                        record.rdata = Box::from([203, 0, 113, 66]);
                    }
                }
            }
            Self::OtherSigner | Self::ManyLabels | Self::ShortSignatures => {
                for record in records
                    .iter_mut()
                    .filter(|record| record.rtype == RecordType::RRSIG)
                {
                    let mut octets = record.rdata.to_vec();
                    match self {
                        Self::ManyLabels => octets[3] += 1,
                        Self::ShortSignatures => drop(octets.pop()),
                        _ => {
                            // The first label of the signer's name, which begins at octet 18, goes.
                            let label = usize::from(octets[18]) + 1;
                            octets.drain(18..18 + label);
                        }
                    }
                    record.rdata = octets.into();
                }
            }
            Self::OtherBitmaps => {
                for record in records.iter_mut().filter(|record| is_denial(record)) {
                    let last = record.rdata.len() - 1;
                    record.rdata[last] ^= 1;
                }
            }
            Self::WildcardCopied => {
                let wild = apex.child(b"wild").expect("a name");
                let star = wild.child(b"*").expect("a name");
                let copies: Vec<Record> = records
                    .iter()
                    .filter(|record| record.owner == star && record.rtype != RecordType::NSEC)
                    .filter(|record| !signs(record, RecordType::NSEC))
                    .cloned()
                    .collect();
                records.extend(copies.into_iter().map(|record| Record {
                    owner: wild.child(b"copied").expect("a name"),
                    ..record
                }));
            }
            Self::Expired
            | Self::Future
            | Self::OtherDigest
            | Self::UnknownAlgorithm
            | Self::UnknownDigest
            | Self::Endless => {}
        }
    }
}

/// A zone for each fault, by NSEC and by NSEC3.
pub fn zones() -> Vec<Zone> {
    let servers: Vec<String> = CHILD_SERVERS
        .iter()
        .map(|server| (*server).to_owned())
        .collect();
    let mut zones = Vec::new();
    for (fault, word) in Fault::ALL {
        for chain in [Chain::Nsec, Chain::Nsec3] {
            let (chain, kind) = match (fault, chain) {
                (Fault::Endless, Chain::Nsec) => continue,
                (Fault::Endless, _) => (Chain::Endless, "nsec3"),
                (_, Chain::Nsec) => (chain, "nsec"),
                _ => (chain, "nsec3"),
            };
            let tld = if kind == "nsec" { "alpha" } else { "gamma" };
            let apex = format!("{word}-{kind}.{tld}.");
            let signing = Some((Algorithm::EcdsaP256Sha256, chain));
            let family = format!("broken-{word}-{kind}");
            let mut zone = internet::zone(&apex, &family, signing, Tier::Child, &servers);
            zone.fault = Some(fault);
            zone.add(&usual(&apex));
            zones.push(zone);
        }
    }
    zones
}

/// What these zones have in them.
pub fn usual(apex: &str) -> String {
    format!(
        "{apex} A 192.0.2.30\n{apex} MX 10 www.{apex}\nwww.{apex} A 192.0.2.31\nwww.{apex} TXT \"text\"\n*.wild.{apex} A 192.0.2.32\n\
         x.ent.{apex} A 192.0.2.33\nalias.{apex} CNAME www.{apex}\nfar.{apex} CNAME www.z0.alpha.\n"
    )
}
