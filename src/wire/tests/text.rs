//! Are records read and written as people do?

use proptest::prelude::*;

use super::super::text::{rdata_from_text, rdata_to_text, record_from_text, rrset_to_lines};
use super::super::{RecordType, rrset::group};
use super::{name, record};

#[test]
fn what_people_write_is_read_and_written_back() {
    let lines = [
        "a.example. 300 IN A 192.0.2.1",
        "a.example. 300 IN AAAA 2001:db8::1",
        "a.example. 300 IN MX 10 mail.example.",
        "a.example. 300 IN SRV 1 2 53 ns.example.",
        "a.example. 300 IN SOA ns.example. root.example. 1 2 3 4 5",
        "a.example. 300 IN TXT \"one two\" \"q\\\"uote\" \"\\255;\" \"\"",
        "a.example. 300 IN DNAME b.example.",
        "a.example. 300 IN CAA 0 issue \"ca.example; x=1\"",
        "a.example. 300 IN NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
        "a.example. 300 IN DS 4711 13 2 00FFA5",
        "a.example. 300 IN DNSKEY 257 3 13 AQID",
        "a.example. 300 IN NSEC b.example. A NS RRSIG NSEC TYPE65280",
        "a.example. 300 IN RRSIG A 13 2 300 1700000000 1600000000 4711 example. AQIDBA==",
        "a.example. 300 IN TLSA 3 1 1 AB",
        "a.example. 300 IN TYPE65280 \\# 3 ABCDEF",
        "a.example. 300 IN TYPE65280 \\# 0",
        "a\\.b.example. 300 IN PTR \\000\\032x.example.",
        "a.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1",
    ];
    for line in lines {
        let set = &group(&[record(line)])[0];
        let written = rrset_to_lines(set, set.ttl);
        if line.contains("HTTPS") {
            // hickory-proto's spelling; what counts is that it reads back the same.
            assert_eq!(group(&[record(&written[0])])[0], *set, "{written:?}");
            assert!(written[0].contains("alpn"), "{written:?}");
        } else {
            assert_eq!(written, [line]);
        }
    }
}

#[test]
fn variants_of_a_line_mean_the_same() {
    let plain = record("a.example. 3600 IN A 192.0.2.1");
    for line in [
        "a.example in 1h a 192.0.2.1",
        "a.example 60m a 192.0.2.1 ; comment",
        "  a.example\tA (192.0.2.1)",
    ] {
        assert_eq!(record_from_text(line, 3600).unwrap(), plain, "{line}");
    }
    assert_eq!(*record("a 1 A \\# 4 c0000201").rdata, [192, 0, 2, 1]);
    assert_eq!(
        record("a\\ b.example A 192.0.2.1").owner.as_wire()[..4],
        *b"\x03a b"
    );
}

#[test]
fn mistakes_are_named() {
    let why = |line: &str| record_from_text(line, 1).unwrap_err().to_string();
    assert!(why("").contains("owner name"));
    assert!(why("a..b A 192.0.2.1").contains("`a..b`"));
    assert!(why("a 300 IN").contains("type is missing"));
    assert!(why("a 300x A 192.0.2.1").contains("TTL"));
    assert!(why("a BOGUS x").contains("BOGUS"));
    assert!(why("a CH TXT x").contains("only IN"));
    assert!(why("a OPT x").contains("OPT"));
    assert!(why("a A 192.0.2.256").contains("IPv4"));
    assert!(why("a A 192.0.2.1 192.0.2.2").contains("one too many"));
    assert!(why("a MX 10").contains("too early"));
    assert!(why("a TXT \"open").contains("quote"));
    assert!(why("a A \\# 3 c00002").contains("not the data of a A record"));
    assert!(why("a TYPE65280 \\# 4 c00002").contains("hexadecimal"));
    assert!(why("a NSEC3 1 0 1 AB CD").contains("\\# length hex"));
    assert!(why(&format!("a TXT {}", "x".repeat(256))).contains("255"));
}

#[test]
fn a_zone_file_directive_cannot_be_smuggled_through_hickory() {
    assert!(rdata_from_text(RecordType::HTTPS, "1 .\n$INCLUDE /etc/passwd\n").is_err());
}

#[test]
fn a_bitmap_that_is_not_the_shortest_is_shown_so_that_it_can_be_read_back() {
    // Found by fuzzing: empty octets at the end, and a window that is empty.
    let name = b"\x01a\x00";
    for bitmap in [
        &[0, 6, 0x40, 1, 0, 0, 0, 0][..],
        &[0, 1, 0x40, 1, 0],
        &[1, 1, 0x40, 0, 1, 0x40],
    ] {
        let rdata = [&name[..], bitmap].concat();
        let text = rdata_to_text(RecordType::NSEC, &rdata);
        assert!(text.starts_with("\\# "), "{text}");
        assert_eq!(*rdata_from_text(RecordType::NSEC, &text).unwrap(), *rdata);
    }
    let shortest = [&name[..], &[0, 1, 0x40]].concat();
    assert_eq!(rdata_to_text(RecordType::NSEC, &shortest), "a. A");
}

#[test]
fn a_quote_in_a_protocols_name_is_shown_so_that_it_can_be_read_back() {
    // Found by fuzzing: hickory writes `alpn=h"`.
    let rdata = [&b"\x00\x01\x00"[..], &[0, 1, 0, 3, 2, b'h', b'"']].concat();
    let text = rdata_to_text(RecordType::HTTPS, &rdata);
    assert_eq!(
        *rdata_from_text(RecordType::HTTPS, &text).unwrap(),
        *rdata,
        "{text}"
    );
}

#[test]
fn wrong_data_is_shown_in_the_generic_form() {
    assert_eq!(rdata_to_text(RecordType::A, b"\x01"), "\\# 1 01");
    assert_eq!(rdata_to_text(RecordType::NSEC3, b"\x01\x02"), "\\# 2 0102");
    assert_eq!(rdata_to_text(RecordType::NS, name("x.").as_wire()), "x.");
}

proptest! {
    #[test]
    fn any_rdata_is_shown_and_read_back(
        rtype in prop_oneof![
            Just(1_u16), Just(2), Just(6), Just(13), Just(15), Just(16), Just(28), Just(33), Just(35), Just(39),
            Just(43), Just(44), Just(46), Just(47), Just(48), Just(52), Just(64), Just(65), Just(257), Just(65280)
        ],
        rdata in proptest::collection::vec(any::<u8>(), 0..48),
    ) {
        let rtype = RecordType(rtype);
        let text = rdata_to_text(rtype, &rdata);
        if super::super::rdata::check(rtype, &rdata).is_ok() {
            let back = rdata_from_text(rtype, &text);
            prop_assert_eq!(back.unwrap().to_vec(), rdata, "{}", text);
        }
    }

    #[test]
    fn any_service_parameters_are_shown_and_read_back(
        parameters in proptest::collection::btree_map(
            0_u16..10,
            prop_oneof![
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..6), 1..4).prop_map(|strings| {
                    strings.iter().flat_map(|s| std::iter::once(s.len() as u8).chain(s.iter().copied())).collect()
                }),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..5,
        ),
    ) {
        let mut rdata = vec![0, 1, 0];
        for (key, value) in &parameters {
            rdata.extend(key.to_be_bytes());
            rdata.extend((value.len() as u16).to_be_bytes());
            rdata.extend(value);
        }
        let text = rdata_to_text(RecordType::HTTPS, &rdata);
        prop_assert_eq!(rdata_from_text(RecordType::HTTPS, &text).unwrap().to_vec(), rdata, "{}", text);
    }

    #[test]
    fn txt_strings_round_trip(strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5)) {
        let rdata: Vec<u8> = strings.iter().flat_map(|s| std::iter::once(s.len() as u8).chain(s.iter().copied())).collect();
        let text = rdata_to_text(RecordType::TXT, &rdata);
        prop_assert!(text.starts_with('"'));
        prop_assert_eq!(rdata_from_text(RecordType::TXT, &text).unwrap().to_vec(), rdata);
    }

    #[test]
    fn any_line_is_read_or_refused(line in "\\PC{0,60}") {
        let _ = record_from_text(&line, 60);
        for rtype in ["NSEC3", "NSEC3PARAM", "SIG", "PX", "NXT"] {
            let _ = record_from_text(&format!("a. 1 IN {rtype} {line}"), 60);
        }
        let _ = record_from_text(&format!("a. 1 IN TXT {line}"), 60);
        let _ = record_from_text(&format!("a. 1 IN SVCB {line}"), 60);
    }
}
