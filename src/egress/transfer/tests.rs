//! Which streams of messages are a zone, and which are not?

use super::*;
use crate::wire::Flags;
use crate::wire::writer::{Section, Writer};
use crate::wire::zone_file;

const ZONE: [&str; 4] = [
    ". 60 SOA a. b. 7 2 3 4 5",
    ". 60 NS a.",
    "a. 60 A 192.0.2.1",
    "test. 60 NS a.",
];

const ID: u16 = 4711;

fn axfr() -> Question {
    Question::new(Name::root(), RecordType::AXFR)
}

fn transfer() -> Transfer {
    let limits = TransferLimits {
        bytes: 1_000,
        records: 5,
        time: Duration::from_secs(1),
    };
    Transfer::new(ID, axfr(), limits)
}

/// A message with these records, with or without a question.
fn part(question: Option<&Question>, flags: Flags, lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 65_535);
    if let Some(question) = question {
        writer.question(question);
    }
    for record in zone_file::records(&lines.join("\n"), 100).unwrap() {
        let rdata = std::iter::once((record.rtype, &*record.rdata));
        assert!(writer.records(Section::Answer, record.owner.as_wire(), record.ttl, rdata));
    }
    writer.finish(ID, flags.with_qr(true));
    out
}

fn ok(lines: &[&str]) -> Vec<u8> {
    part(Some(&axfr()), Flags::default().with_aa(true), lines)
}

fn more(lines: &[&str]) -> Vec<u8> {
    part(None, Flags::default().with_aa(true), lines)
}

/// What all these messages come to.
fn come(messages: &[Vec<u8>]) -> Result<Option<Vec<Record>>, TransferFailure> {
    let mut transfer = transfer();
    for (place, message) in messages.iter().enumerate() {
        match transfer.take(message)? {
            Some(records) => {
                assert_eq!(place + 1, messages.len(), "before the last message");
                return Ok(Some(records));
            }
            None => continue,
        }
    }
    Ok(None)
}

#[test]
fn a_zone_comes_in_one_message_or_in_many_with_or_without_the_question() {
    let wanted = zone_file::records(&ZONE.join("\n"), 100).unwrap();
    let [soa, ns, a, test] = ZONE;
    let one = come(&[ok(&[soa, ns, a, test, soa])]);
    assert_eq!(one.unwrap().unwrap(), wanted);
    let many = come(&[ok(&[soa]), more(&[ns, a]), ok(&[test]), more(&[soa])]);
    assert_eq!(many.unwrap().unwrap(), wanted);
    assert_eq!(come(&[ok(&[soa, ns])]).unwrap(), None, "the end is missing");
}

#[test]
fn what_is_no_transfer_is_refused() {
    let [soa, ns, ..] = ZONE;
    let later = ". 60 SOA a. b. 8 2 3 4 5";
    let malformed = |messages: &[Vec<u8>]| match come(messages) {
        Err(TransferFailure::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    let other = Question::new("test.".parse().unwrap(), RecordType::AXFR);
    for (messages, why) in [
        (vec![ok(&[ns, soa])], "its first record is not the SOA"),
        (vec![ok(&[])], "it sent a message without records"),
        (
            vec![ok(&[soa, ns]), more(&[])],
            "it sent a message without records",
        ),
        (
            vec![ok(&[soa, ns, later])],
            "the SOA at the end is not the one at the beginning",
        ),
        (
            vec![ok(&[soa, ns, soa, ns])],
            "something follows the SOA at the end",
        ),
        (vec![more(&[soa, soa])], "it answered another question"),
        (
            vec![part(Some(&other), Flags::default(), &[soa, soa])],
            "it answered another question",
        ),
        (
            vec![part(Some(&axfr()), Flags::default().with_tc(true), &[soa])],
            "it sent a truncated message",
        ),
        (
            vec![b"\0".to_vec()],
            "it sent a message that cannot be read",
        ),
    ] {
        assert_eq!(malformed(&messages), why);
    }
    let mut wrong_id = ok(&[soa, soa]);
    wrong_id[0] ^= 1;
    assert_eq!(
        malformed(&[wrong_id]),
        "it sent a message that answers something else"
    );
    let mut query = ok(&[soa, soa]);
    query[2] &= 0x7F;
    assert_eq!(
        malformed(&[query]),
        "it sent a message that answers something else"
    );
    let refused = part(
        Some(&axfr()),
        Flags::default().with_rcode(Rcode::REFUSED),
        &[],
    );
    assert_eq!(
        come(&[refused]),
        Err(TransferFailure::Refused(Rcode::REFUSED))
    );
    // Of class CH.
    let mut chaos = ok(&[soa, "a. 60 TXT x", soa]);
    let class = chaos
        .windows(4)
        .position(|window| window == [0, 16, 0, 1])
        .unwrap()
        + 3;
    chaos[class] = 3;
    assert_eq!(
        malformed(&[chaos]),
        "it sent a record that is not in the zone"
    );
}

#[test]
fn a_zone_of_another_name_has_no_records_of_others() {
    let question = Question::new("example.".parse().unwrap(), RecordType::AXFR);
    let mut transfer = Transfer::new(ID, question.clone(), transfer().limits);
    let soa = "example. 60 SOA a. b. 7 2 3 4 5";
    let message = part(
        Some(&question),
        Flags::default(),
        &[soa, "example.org. 60 A 192.0.2.1", soa],
    );
    assert_eq!(
        transfer.take(&message),
        Err(TransferFailure::Malformed(
            "it sent a record that is not in the zone"
        ))
    );
}

#[test]
fn the_record_and_the_octet_after_the_last_are_refused() {
    let [soa, ns, a, test] = ZONE;
    let five = [soa, ns, a, test, "t. 60 NS a.", soa];
    assert_eq!(come(&[ok(&five)]).unwrap().unwrap().len(), 5);
    let six = [soa, ns, a, test, "t. 60 NS a.", "u. 60 NS a.", soa];
    assert_eq!(come(&[ok(&six)]), Err(TransferFailure::TooManyRecords));
    let long = format!("a. 60 TXT {}", vec!["x".repeat(250); 4].join(" "));
    let large = ok(&[soa, &long]);
    assert!(large.len() > 1_000);
    assert_eq!(come(&[large]), Err(TransferFailure::TooManyOctets));
}
