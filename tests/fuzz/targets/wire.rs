//! Any octets as a message, a name, a record: read or refused, and what was read is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use suimon::wire::group::group;
use suimon::wire::header::HEADER_LEN;
use suimon::wire::text::{rdata_from_text, rdata_to_text, record_from_text, rrset_to_lines};
use suimon::wire::writer::{Section, Writer};
use suimon::wire::{Header, Message, Name, QueryView, Record, RecordType, rdata};
use suimon_fuzz::folded;

fuzz_target!(|octets: &[u8]| {
    query(octets);
    message(octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        name(text);
        record(text);
    }
});

/// A view over a query stays within its packet, and its name is a name.
fn query(octets: &[u8]) {
    match QueryView::parse(octets) {
        Ok(query) => {
            assert!(query.question_end >= HEADER_LEN && query.question_end <= octets.len());
            assert!(query.qname_wire.len() <= 255);
            if !query.is_cookie_only() {
                let name = Name::from_wire(query.qname_wire).expect("a name that was read");
                assert_eq!(name, query.question().name);
            }
            if let Some(edns) = query.edns {
                assert!(edns.options().count() <= 32);
                assert!(
                    edns.cookie
                        .is_none_or(|cookie| matches!(cookie.len(), 8 | 16..=40))
                );
            }
        }
        Err((_, header)) => assert_eq!(header, Header::parse(octets).ok()),
    }
}

/// A message that was read is written, within any limit, and read back the same.
fn message(octets: &[u8]) {
    let Ok(message) = Message::parse(octets) else {
        return;
    };
    // What is kept of a message is in proportion to it: each record takes 11 octets of it at least, names are at most 255.
    let records = message.answer.len() + message.authority.len() + message.additional.len();
    assert!(records <= octets.len() / 11);
    let _ = message.rcode();
    for record in message
        .answer
        .iter()
        .chain(&message.authority)
        .chain(&message.additional)
    {
        legal(&record.owner);
        assert!(record.ttl <= i32::MAX.cast_unsigned());
        in_text(record.rtype, &record.rdata);
    }
    let sections = [
        (Section::Answer, group(&message.answer)),
        (Section::Authority, group(&message.authority)),
        (Section::Additional, group(&message.additional)),
    ];
    let least = octets.first().copied().map_or(0, usize::from) * 8;
    for limit in [usize::from(u16::MAX), least.max(HEADER_LEN)] {
        let mut out = vec![0xEE; 2];
        let mut writer = Writer::new(&mut out, limit);
        let mut whole = message.question.as_ref().is_none_or(|(question, class)| {
            writer.question_wire(question.name.as_wire(), question.rtype, *class)
        });
        for (section, sets) in &sections {
            for set in sets {
                whole &= writer.rrset(*section, set, set.ttl, true);
            }
        }
        let written = writer.finish(message.header.id, message.header.flags);
        assert!(written.len <= limit && out.len() == written.len + 2);
        let again = Message::parse(&out[2..]).expect("a message we wrote");
        assert_eq!(again.header.id, message.header.id);
        for at in &written.ttl_offsets {
            assert!(usize::from(*at) + 4 <= written.len);
        }
        if whole {
            assert_eq!(again.question, message.question);
            let read = [&again.answer, &again.authority, &again.additional];
            for ((_, sets), records) in sections.iter().zip(read) {
                assert_eq!(folded(&group(records)), folded(sets));
            }
        }
    }
}

fn legal(name: &Name) {
    assert!(name.as_wire().len() <= 255 && name.label_count() <= 127);
    let read = Name::from_wire(name.as_wire()).expect("a name that was read");
    assert_eq!(read.as_wire(), name.as_wire());
    let read: Name = name.to_string().parse().expect("a name that was shown");
    assert_eq!(read.as_wire(), name.as_wire());
}

/// RDATA of class IN that passed the reader comes back from its text octet by octet.
fn in_text(rtype: RecordType, octets: &[u8]) {
    let text = rdata_to_text(rtype, octets);
    if rtype.is_meta() || rdata::check(rtype, octets).is_err() {
        return;
    }
    let read = rdata_from_text(rtype, &text).expect("RDATA that was shown");
    assert_eq!(&*read, octets, "{rtype} {text}");
}

fn name(text: &str) {
    if let Ok(name) = text.parse::<Name>() {
        legal(&name);
        let mut up = Some(name.clone());
        while let Some(above) = up {
            assert!(name.is_within(&above));
            assert_eq!(name.suffix(above.label_count()), above);
            up = above.parent();
        }
    }
}

/// A record line, as in the operator's local data.
fn record(text: &str) {
    let Ok(record) = record_from_text(text, 300) else {
        return;
    };
    legal(&record.owner);
    rdata::check(record.rtype, &record.rdata).expect("RDATA of its type");
    let sets = group(std::slice::from_ref(&record));
    for set in &sets {
        let lines = rrset_to_lines(set, set.ttl);
        let again: Vec<Record> = lines
            .iter()
            .map(|line| record_from_text(line, 300).expect("a record that was shown"))
            .collect();
        assert_eq!(again, [record.clone()], "{lines:?}");
    }
}
