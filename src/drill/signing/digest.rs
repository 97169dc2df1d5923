//! How is a whole zone vouched for? The digest of RFC 8976 over a signed zone, and its signature.

use super::zone::{Denial, record, signs};
use super::{Signer, SigningError, Validity, sign_zone};
use crate::dnssec::zonemd::{Ordered, SHA_384, SIMPLE};
use crate::wire::rrset::group;
use crate::wire::{Class, Record, RecordType, rdata};

/// [`sign_zone`] with a signed ZONEMD record of SHA-384 over all of it (RFC 8976 section 3).
///
/// # Errors
/// As [`Signer::sign`].
pub fn sign_whole_zone(
    records: &[Record],
    signers: &[Signer],
    denial: &Denial,
    validity: Validity,
) -> Result<Vec<Record>, SigningError> {
    let apex = signers.first().map(|signer| signer.zone().clone());
    let soa = records
        .iter()
        .find(|record| record.rtype == RecordType::SOA && Some(&record.owner) == apex.as_ref());
    let (Some(apex), Some(soa)) = (apex, soa) else {
        return sign_zone(records, signers, denial, validity);
    };
    // First a placeholder, so that the chain of denial knows the type (section 3.1).
    let mut zonemd = Record {
        owner: apex.clone(),
        rtype: RecordType::ZONEMD,
        class: Class::IN,
        ttl: soa.ttl,
        rdata: zonemd_rdata(rdata::soa_serial(&soa.rdata).unwrap_or(0), &[0; 48]),
    };
    let mut with_placeholder = records.to_vec();
    with_placeholder.push(zonemd.clone());
    let mut signed = sign_zone(&with_placeholder, signers, denial, validity)?;
    signed.retain(|record| {
        let covers = rdata::rrsig_covers(&record.rdata);
        record.owner != apex
            || (record.rtype != RecordType::ZONEMD
                && (record.rtype != RecordType::RRSIG || covers != Some(RecordType::ZONEMD)))
    });
    let digest = Ordered::of(&signed).digest(&apex, SHA_384);
    let serial = rdata::soa_serial(&soa.rdata).unwrap_or(0);
    zonemd.rdata = zonemd_rdata(serial, &digest.unwrap_or_default());
    for set in group(std::slice::from_ref(&zonemd)) {
        let signing = signers
            .iter()
            .filter(|signer| signs(signer, signers, RecordType::ZONEMD));
        for signer in signing {
            let signature = signer.sign(&set, validity)?;
            signed.push(record(&set, RecordType::RRSIG, &signature));
        }
    }
    signed.push(zonemd);
    Ok(signed)
}

fn zonemd_rdata(serial: u32, digest: &[u8]) -> Box<[u8]> {
    let mut rdata = serial.to_be_bytes().to_vec();
    rdata.extend([SIMPLE, SHA_384]);
    rdata.extend_from_slice(digest);
    rdata.into()
}
