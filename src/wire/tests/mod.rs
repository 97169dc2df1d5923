//! Does the wire format mean what the RFCs say, and does nothing that arrives do harm?

mod group;
mod message;
mod name;
mod query;
mod text;
mod writer;

use super::{Class, Name, Record, RecordType, text::record_from_text};

/// A name from text.
fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A record from its line.
fn record(line: &str) -> Record {
    record_from_text(line, 300).unwrap()
}

/// The fixed part of a record behind its owner.
fn fixed(rtype: RecordType, class: Class, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    octets.extend(rtype.0.to_be_bytes());
    octets.extend(class.0.to_be_bytes());
    octets.extend(ttl.to_be_bytes());
    octets.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
    octets.extend_from_slice(rdata);
    octets
}

/// A header with these counts, everything else 0.
fn header(counts: [u16; 4]) -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, 0, 0];
    octets.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    octets
}

/// Strategy: any legal name, odd octets included.
fn any_name() -> impl proptest::strategy::Strategy<Value = Name> {
    use proptest::prelude::*;
    let label = prop_oneof![
        8 => "[a-zA-Z0-9-]{1,12}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 1..=63),
    ];
    proptest::collection::vec(label, 0..8).prop_map(|labels| {
        labels.iter().fold(Name::root(), |below, label| {
            below.child(label).unwrap_or(below)
        })
    })
}
