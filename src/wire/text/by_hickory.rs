//! How are service bindings read and shown? By hickory-proto.

use hickory_proto::rr::RData;
use hickory_proto::serialize::binary::{
    BinDecoder, BinEncodable, BinEncoder, NameEncoding, Restrict,
};
use hickory_proto::serialize::txt::Parser;

use super::{TextError, rdata_from_text};
use crate::wire::RecordType;

/// The text of such RDATA, if it says all of it.
pub(super) fn show(rtype: RecordType, rdata: &[u8]) -> Option<String> {
    let length = u16::try_from(rdata.len())
        .ok()
        .filter(|_| is_hickorys(rtype))?;
    let mut decoder = BinDecoder::new(rdata);
    let data = RData::read(&mut decoder, rtype.0.into(), Restrict::new(length)).ok()?;
    let text = data.to_string();
    // Only a text that says all of it, read the way an operator's line is: hickory leaves a quote in ALPN unescaped.
    (*rdata_from_text(rtype, &text).ok()? == *rdata).then_some(text)
}

/// RDATA from its text.
pub(super) fn read(rtype: RecordType, text: &str) -> Result<Vec<u8>, TextError> {
    let refuse = |why: &dyn std::fmt::Display| {
        TextError(format!(
            "{rtype} data is not readable ({why}); `\\# length hex` always is"
        ))
    };
    if !is_hickorys(rtype) || text.contains(['\n', '\r']) {
        return Err(refuse(&"no text form is known here"));
    }
    let zone = format!(". 0 IN {rtype} {text}\n");
    let (_, records) = Parser::new(zone, None, Some(hickory_proto::rr::Name::root()))
        .parse()
        .map_err(|error| refuse(&error))?;
    let data = records
        .into_values()
        .flat_map(|set| set.records_without_rrsigs().cloned().collect::<Vec<_>>())
        .map(|record| record.data)
        .next()
        .ok_or_else(|| refuse(&"no data"))?;
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).map_err(|error| refuse(&error))?;
    Ok(octets)
}

/// Types left to hickory-proto: those whose text it can read back as it wrote it.
const fn is_hickorys(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::SVCB | RecordType::HTTPS)
}
