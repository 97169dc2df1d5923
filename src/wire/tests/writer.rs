//! Can what is written be read, and does it stay within its limit?

use proptest::prelude::*;

use super::super::writer::{MAX_TARGETS, Opt, Section, Writer, push_option, write_query};
use super::super::{Flags, Message, Name, Question, RdataSet, RecordType, Rrset, rrset::group};
use super::{any_name, name, record};

fn set(lines: &[&str]) -> Rrset {
    let records: Vec<_> = lines.iter().map(|line| record(line)).collect();
    group(&records).remove(0)
}

#[test]
fn owners_equal_to_the_question_point_at_it_and_rdata_of_rfc_1035_is_compressed() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 512);
    writer.question(&Question::new(name("example.com"), RecordType::MX));
    assert!(writer.rrset(
        Section::Answer,
        &set(&["EXAMPLE.com. 60 IN MX 5 mail.example.com."]),
        60,
        false
    ));
    assert!(writer.rrset(
        Section::Additional,
        &set(&["mail.example.com. 60 IN A 192.0.2.1"]),
        50,
        false
    ));
    let written = writer.finish(7, Flags::default().with_qr(true));
    let expected = [
        &b"\x00\x07\x80\x00\x00\x01\x00\x01\x00\x00\x00\x01"[..],
        b"\x07example\x03com\x00\x00\x0F\x00\x01",
        b"\xC0\x0C\x00\x0F\x00\x01\x00\x00\x00\x3C\x00\x09\x00\x05\x04mail\xC0\x0C",
        b"\xC0\x2B\x00\x01\x00\x01\x00\x00\x00\x32\x00\x04\xC0\x00\x02\x01",
    ]
    .concat();
    assert_eq!(out, expected);
    assert_eq!(written.ttl_offsets.to_vec(), [35, 56]);
    assert_eq!((written.min_ttl, written.len), (50, out.len()));
    for offset in &written.ttl_offsets {
        let at = usize::from(*offset);
        assert!(matches!(out[at..at + 4], [0, 0, 0, 50 | 60]));
    }
}

#[test]
fn names_in_newer_types_are_written_out() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 512);
    writer.question(&Question::new(name("example.com"), RecordType::SRV));
    writer.rrset(
        Section::Answer,
        &set(&["example.com. 60 IN SRV 1 2 3 example.com."]),
        60,
        false,
    );
    writer.finish(0, Flags::default());
    assert!(out.ends_with(b"\x07example\x03com\x00"));
}

#[test]
fn a_set_that_does_not_fit_leaves_no_trace() {
    let mut out = Vec::new();
    let big = set(&[
        "big.example. 60 IN TXT \"0123456789012345678901234567890123456789\"",
        "big.example. 60 IN TXT \"x\"",
    ]);
    let mut writer = Writer::new(&mut out, 90);
    writer.question(&Question::new(name("example"), RecordType::TXT));
    let before = writer.len();
    assert!(!writer.rrset(Section::Answer, &big, 60, false));
    assert_eq!(writer.len(), before);
    // The name it would have brought is not a target of compression either.
    assert!(writer.rrset(
        Section::Answer,
        &set(&["big.example. 60 IN A 192.0.2.1"]),
        60,
        false
    ));
    let written = writer.finish(0, Flags::default());
    assert_eq!(written.ttl_offsets.len(), 1);
    let message = Message::parse(&out).unwrap();
    assert_eq!(message.answer.len(), 1);
    assert_eq!(message.answer[0].owner, name("big.example"));
}

#[test]
fn many_names_stay_readable_when_the_effort_is_spent() {
    // More names than targets and searches are kept for.
    let targets: Vec<Name> = (0..400)
        .map(|n| name(&format!("a{n}.b{}.example.", n % 90)))
        .collect();
    let ns = Rrset {
        owner: name("example"),
        rtype: RecordType::NS,
        ttl: 60,
        rdata: RdataSet::new(targets.iter().map(Name::as_wire)),
        rrsigs: RdataSet::default(),
    };
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 65535);
    writer.question(&Question::new(name("example"), RecordType::NS));
    assert!(writer.rrset(Section::Answer, &ns, 60, false));
    writer.finish(0, Flags::default());
    assert!(targets.len() > MAX_TARGETS);
    assert_eq!(group(&Message::parse(&out).unwrap().answer), [ns]);
}

#[test]
fn a_query_is_what_a_server_expects() {
    let mut out = vec![0xAB];
    let mut options = Vec::new();
    push_option(&mut options, 10, b"12345678");
    let opt = Opt {
        udp_size: 1232,
        rcode: 0,
        dnssec_ok: true,
        options: &options,
    };
    let flags = Flags::default()
        .with_qr(true)
        .with_aa(true)
        .with_cd(true)
        .with_rd(true);
    write_query(
        &mut out,
        0xBEEF,
        flags,
        &Question::new(name("example"), RecordType::A),
        Some(&opt),
    );
    assert_eq!(out[0], 0xAB);
    let view = crate::wire::QueryView::parse(&out[1..]).unwrap();
    assert_eq!((view.id, view.qtype), (0xBEEF, RecordType::A));
    assert_eq!(view.flags, Flags::default().with_cd(true).with_rd(true));
    let edns = view.edns.unwrap();
    assert_eq!(
        (edns.udp_size, edns.dnssec_ok, edns.cookie),
        (1232, true, Some(&b"12345678"[..]))
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        qname in any_name(),
        picks in proptest::collection::vec((any_name(), any_name(), 0_u8..5, 1_u32..10_000), 0..40),
        limit in 300_usize..4000,
        signed in any::<bool>(),
    ) {
        let sets: Vec<Rrset> = picks.iter().map(|(owner, target, kind, ttl)| {
            let wire = target.as_wire();
            let (rtype, data) = match kind {
                0 => (RecordType::NS, wire.to_vec()),
                1 => (RecordType::MX, [&[0, 7], wire].concat()),
                2 => (RecordType::SOA, [wire, owner.as_wire(), &[9; 20]].concat()),
                3 => (RecordType::DNAME, wire.to_vec()),
                _ => (RecordType(65280), wire.to_vec()),
            };
            let signature = [&rtype.0.to_be_bytes()[..], &[1; 16], b"\x00x"].concat();
            Rrset {
                owner: owner.clone(),
                rtype,
                ttl: *ttl,
                rdata: RdataSet::new([&data[..]]),
                rrsigs: if signed { RdataSet::new([&signature[..]]) } else { RdataSet::default() },
            }
        }).collect();
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, limit);
        prop_assert!(writer.question(&Question::new(qname.clone(), RecordType::A)));
        let mut kept = Vec::new();
        for set in &sets {
            if writer.rrset(Section::Answer, set, set.ttl, true) {
                kept.push(set);
            }
        }
        let written = writer.finish(1, Flags::default());
        prop_assert!(out.len() <= limit);
        let message = Message::parse(&out).unwrap();
        let (question, _) = message.question.unwrap();
        prop_assert_eq!(question.name.as_wire(), qname.as_wire());
        let per_set = 1 + usize::from(signed);
        prop_assert_eq!(message.answer.len(), kept.len() * per_set);
        prop_assert_eq!(written.ttl_offsets.len(), message.answer.len());
        for (records, set) in message.answer.chunks(per_set).zip(kept) {
            prop_assert_eq!(&records[0].owner, &set.owner);
            prop_assert_eq!(records[0].rtype, set.rtype);
            prop_assert_eq!(records[0].ttl, set.ttl);
            // Compression may change the case of a name's end, nothing else.
            prop_assert!(records[0].rdata.eq_ignore_ascii_case(set.rdata.iter().next().unwrap()));
        }
    }
}
