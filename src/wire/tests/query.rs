//! Is a query read in full, and what is wrong with it named?

use proptest::prelude::*;

use super::super::query::MAX_OPTIONS;
use super::super::{Class, Header, QueryView, RecordType, WireError};
use super::{fixed, header, name};

fn question(text: &str, qtype: RecordType) -> Vec<u8> {
    let mut octets = name(text).as_wire().to_vec();
    octets.extend(qtype.0.to_be_bytes());
    octets.extend(Class::IN.0.to_be_bytes());
    octets
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut octets = code.to_be_bytes().to_vec();
    octets.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    octets.extend_from_slice(value);
    octets
}

fn opt(ttl: u32, options: &[u8]) -> Vec<u8> {
    let mut octets = vec![0];
    octets.extend(fixed(RecordType::OPT, Class(1232), ttl, options));
    octets
}

fn query(parts: &[Vec<u8>], arcount: u16) -> Vec<u8> {
    let mut octets = header([1, 0, 0, arcount]);
    octets.extend(question("Www.Example.com", RecordType::AAAA));
    octets.extend(parts.concat());
    octets
}

fn error(packet: &[u8]) -> WireError {
    let (error, header) = QueryView::parse(packet).unwrap_err();
    assert_eq!(header, Header::parse(packet).ok());
    error
}

#[test]
fn a_plain_query() {
    let mut packet = query(&[], 0);
    packet[2] = 0x01;
    let view = QueryView::parse(&packet).unwrap();
    assert_eq!(view.id, 0x1234);
    assert!(view.flags.rd() && !view.flags.qr() && view.flags.opcode() == 0);
    assert_eq!(view.qname_wire, b"\x03Www\x07Example\x03com\x00");
    assert_eq!((view.qtype, view.qclass), (RecordType::AAAA, Class::IN));
    assert_eq!(view.question_end, packet.len());
    assert_eq!(view.edns, None);
    assert_eq!(view.question().name, name("www.example.com"));
}

#[test]
fn edns_with_options_and_a_tsig_behind_it() {
    let options = [
        option(3, b""),
        option(10, b"12345678"),
        option(15, b"\0\x12"),
    ]
    .concat();
    let tsig = [
        b"\x03key\xC0\x0C".to_vec(),
        fixed(RecordType::TSIG, Class::ANY, 0, b"opaque"),
    ]
    .concat();
    let packet = query(&[opt(0x8000, &options), tsig], 2);
    let view = QueryView::parse(&packet).unwrap();
    let edns = view.edns.unwrap();
    assert_eq!(
        (edns.udp_size, edns.version, edns.dnssec_ok),
        (1232, 0, true)
    );
    assert_eq!(edns.cookie, Some(&b"12345678"[..]));
    assert_eq!(edns.options, options);
    let codes: Vec<u16> = edns.options().map(|(code, _)| code).collect();
    assert_eq!(codes, [3, 10, 15]);
}

#[test]
fn bad_edns_is_named() {
    let bad = |record: Vec<u8>| error(&query(&[record], 1));
    assert_eq!(
        error(&query(&[opt(0, b""), opt(0, b"")], 2)),
        WireError::BadOpt
    );
    assert_eq!(bad(opt(0, b"\x00")), WireError::BadOpt);
    assert_eq!(bad(opt(0, b"\x00\x0A\x00\x09\x01")), WireError::BadOpt);
    for length in [0, 1, 7, 9, 15, 41] {
        assert_eq!(
            bad(opt(0, &option(10, &vec![1; length]))),
            WireError::BadOpt,
            "{length}"
        );
    }
    for length in [8, 16, 40] {
        let packet = query(&[opt(0, &option(10, &vec![1; length]))], 1);
        assert!(QueryView::parse(&packet).is_ok(), "{length}");
    }
    // An owner other than the root, also by a pointer.
    let fixed = fixed(RecordType::OPT, Class(1232), 0, b"");
    assert_eq!(
        bad([b"\x01a\x00".to_vec(), fixed.clone()].concat()),
        WireError::BadOpt
    );
    assert_eq!(
        bad([b"\xC0\x0C".to_vec(), fixed].concat()),
        WireError::BadOpt
    );
}

#[test]
fn options_of_an_unknown_version_and_those_past_the_limit_are_not_read() {
    let packet = query(&[opt(0x0001_0000, b"\x00\x0A\xFF")], 1);
    assert_eq!(QueryView::parse(&packet).unwrap().edns.unwrap().version, 1);
    let mut many = option(65001, b"x").repeat(MAX_OPTIONS);
    many.extend(option(10, b"short"));
    let packet = query(&[opt(0, &many)], 1);
    let edns = QueryView::parse(&packet).unwrap().edns.unwrap();
    assert_eq!(edns.cookie, None);
    assert_eq!(edns.options().count(), MAX_OPTIONS);
}

#[test]
fn the_number_of_questions() {
    let cookie = opt(0, &option(10, b"12345678"));
    let packet = [header([0, 0, 0, 1]), cookie].concat();
    let view = QueryView::parse(&packet).unwrap();
    assert!(view.is_cookie_only());
    assert!(view.question().rtype.is_meta());
    assert_eq!(error(&header([0, 0, 0, 0])), WireError::NotOneQuestion);
    let packet = [header([0, 0, 0, 1]), opt(0, b"")].concat();
    assert_eq!(error(&packet), WireError::NotOneQuestion);
    let mut packet = query(&[question("b", RecordType::A)], 0);
    packet[5] = 2;
    assert_eq!(error(&packet), WireError::NotOneQuestion);
}

#[test]
fn what_else_is_wrong_with_a_query() {
    assert_eq!(
        QueryView::parse(&[0; 11]).unwrap_err(),
        (WireError::Truncated, None)
    );
    let mut packet = query(&[], 0);
    packet.push(0);
    assert_eq!(error(&packet), WireError::TrailingOctets);
    packet.truncate(packet.len() - 2);
    assert_eq!(error(&packet), WireError::Truncated);
    let mut packet = query(&[], 0);
    packet[7] = 1;
    assert_eq!(error(&packet), WireError::UnexpectedRecords);
    let mut packet = header([1, 0, 0, 0]);
    packet.extend(b"\x01a\xC0\x0C\x00\x01\x00\x01");
    assert_eq!(error(&packet), WireError::BadPointer);
    let mut packet = header([1, 0, 0, 0]);
    packet.extend(b"\x3Fabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk".repeat(4));
    packet.extend(b"\x00\x00\x01\x00\x01");
    assert_eq!(error(&packet), WireError::NameTooLong);
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..200), sane in any::<bool>()) {
        if sane && octets.len() >= 12 {
            let arcount = octets[11] % 4;
            octets[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, arcount]);
        }
        match QueryView::parse(&octets) {
            Ok(view) => {
                prop_assert!(view.question_end <= octets.len());
                prop_assert_eq!(view.question().name.as_wire().len().max(1), view.qname_wire.len().max(1));
                if let Some(edns) = view.edns {
                    edns.options().for_each(drop);
                }
            }
            Err((_, header)) => prop_assert_eq!(header.is_none(), octets.len() < 12),
        }
    }

    #[test]
    fn a_damaged_query_is_read_or_refused(at in 0_usize..60, octet in any::<u8>()) {
        let mut packet = query(&[opt(0x8000, &option(10, b"12345678"))], 1);
        let at = at % packet.len();
        packet[at] = octet;
        let _ = QueryView::parse(&packet);
    }
}
