//! What may this server speak about? Sections cut down to the zone that was asked (bailiwick).

use crate::wire::rrset::group;
use crate::wire::{Message, Name, Record, RecordType, Rrset};

/// The RRsets of a reply that lie within one zone, by section; all others are gone.
#[derive(Debug)]
pub(super) struct Scrubbed {
    /// Answer.
    pub answer: Vec<Rrset>,
    /// Authority.
    pub authority: Vec<Rrset>,
    /// Additional.
    pub additional: Vec<Rrset>,
    /// Whether the authority section held NS records of the zone's ancestors or of names beside it.
    pub upward: bool,
}

/// Keeps what lies within `zone` (threats.md 4.1; CVE-2025-40778, CVE-2025-11411).
pub(super) fn scrub(message: &Message, zone: &Name) -> Scrubbed {
    let keep = |records: &[Record]| -> Vec<Rrset> {
        let within: Vec<Record> = records
            .iter()
            .filter(|record| record.owner.is_within(zone))
            .cloned()
            .collect();
        group(&within)
    };
    Scrubbed {
        answer: keep(&message.answer),
        authority: keep(&message.authority),
        additional: keep(&message.additional),
        upward: message
            .authority
            .iter()
            .any(|record| record.rtype == RecordType::NS && !record.owner.is_within(zone)),
    }
}

/// The set with this owner and type.
pub(super) fn find<'a>(sets: &'a [Rrset], owner: &Name, rtype: RecordType) -> Option<&'a Rrset> {
    sets.iter()
        .find(|set| set.rtype == rtype && set.owner == *owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Class, Header};

    fn record(owner: &str, rtype: RecordType) -> Record {
        Record {
            owner: owner.parse().unwrap(),
            rtype,
            class: Class::IN,
            ttl: 60,
            rdata: Box::new([192, 0, 2, 1]),
        }
    }

    #[test]
    fn records_outside_the_zone_vanish_from_every_section() {
        let all = vec![
            record("a.example.com", RecordType::A),
            record("example.com", RecordType::A),
            record("com", RecordType::A),
            record("badexample.com", RecordType::A),
            record("example.net", RecordType::A),
        ];
        let message = Message {
            header: Header::default(),
            question: None,
            answer: all.clone(),
            authority: all.clone(),
            additional: all,
            edns: None,
        };
        let scrubbed = scrub(&message, &"EXAMPLE.com".parse().unwrap());
        for section in [&scrubbed.answer, &scrubbed.authority, &scrubbed.additional] {
            let owners: Vec<String> = section.iter().map(|set| set.owner.to_string()).collect();
            assert_eq!(owners, ["a.example.com.", "example.com."]);
        }
    }
}
