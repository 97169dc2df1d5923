//! Is a reply read in full, and a damaged one refused?

use proptest::prelude::*;

use super::super::{Class, Message, Rcode, RecordType, WireError, rdata};
use super::{fixed, header, name};

fn reply(counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let mut octets = header(counts);
    octets.extend(body.concat());
    octets
}

const QUESTION: &[u8] = b"\x03www\x07example\x03com\x00\x00\x01\x00\x01";

#[test]
fn fifteen_hundred_records_below_a_cname_target_are_read() {
    // www CNAME big, and 1,500 addresses whose owner points at a name that itself ends in a pointer.
    let mut octets = header([1, 1501, 0, 0]);
    octets.extend_from_slice(QUESTION);
    octets.extend(b"\xC0\x0C");
    let target_at = octets.len() + 10;
    octets.extend(fixed(RecordType::CNAME, Class::IN, 60, b"\x03big\xC0\x10"));
    for number in 0..1500_u32 {
        octets.extend((0xC000 | u16::try_from(target_at).unwrap()).to_be_bytes());
        octets.extend(fixed(RecordType::A, Class::IN, 60, &number.to_be_bytes()));
    }
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.answer.len(), 1501);
    assert_eq!(message.answer[1500].owner, name("big.example.com"));
    assert_eq!(*message.answer[1500].rdata, 1499_u32.to_be_bytes());
}

#[test]
fn names_in_rdata_are_decompressed() {
    let soa = [
        b"\x02ns\xC0\x10\xC0\x0C".as_slice(),
        &[0; 16],
        &3600_u32.to_be_bytes(),
    ]
    .concat();
    let records = [
        [
            b"\xC0\x0C".to_vec(),
            fixed(RecordType::SOA, Class::IN, 60, &soa),
        ]
        .concat(),
        [
            b"\xC0\x0C".to_vec(),
            fixed(
                RecordType::SRV,
                Class::IN,
                60,
                b"\x00\x01\x00\x02\x00\x35\xC0\x0C",
            ),
        ]
        .concat(),
        [
            b"\xC0\x0C".to_vec(),
            fixed(RecordType::TXT, Class::IN, 60, b"\x03\xC0\x0Cx"),
        ]
        .concat(),
    ];
    let message = Message::parse(&reply(
        [1, 3, 0, 0],
        &[QUESTION, &records[0], &records[1], &records[2]],
    ))
    .unwrap();
    let soa = &message.answer[0].rdata;
    assert!(soa.starts_with(b"\x02ns\x07example\x03com\x00\x03www\x07example\x03com\x00"));
    assert_eq!(rdata::soa_minimum(soa), Some(3600));
    assert_eq!(
        &message.answer[1].rdata[6..],
        name("www.example.com").as_wire()
    );
    assert_eq!(*message.answer[2].rdata, *b"\x03\xC0\x0Cx");
}

#[test]
fn malformed_rdata_spoils_the_message() {
    let parse = |rtype: RecordType, data: &[u8]| {
        let record = [b"\xC0\x0C".to_vec(), fixed(rtype, Class::IN, 60, data)].concat();
        Message::parse(&reply([1, 1, 0, 0], &[QUESTION, &record])).map(drop)
    };
    let bad = Err(WireError::BadRdata);
    assert_eq!(parse(RecordType::NS, b""), bad);
    assert_eq!(parse(RecordType::NS, b"\x01a\x00\x00"), bad);
    assert_eq!(parse(RecordType::CNAME, b"\x05abc"), bad);
    assert_eq!(parse(RecordType::MX, b"\x00"), bad);
    assert_eq!(parse(RecordType::SOA, b"\x00\x00\x01"), bad);
    assert_eq!(parse(RecordType::RRSIG, &[0; 17]), bad);
    // Nobody compresses inside RRSIG (RFC 4034 section 3.1.7).
    assert_eq!(
        parse(RecordType::RRSIG, &[&[0; 18][..], b"\xC0\x0C"].concat()),
        bad
    );
    assert_eq!(parse(RecordType(65280), b"\xC0\xFF\xFF"), Ok(()));
    // Other classes have other shapes: CH A is a name and an address.
    let chaos = [
        b"\xC0\x0C".to_vec(),
        fixed(RecordType::A, Class::CH, 60, b"\x00\x00\x01"),
    ]
    .concat();
    assert!(Message::parse(&reply([1, 1, 0, 0], &[QUESTION, &chaos])).is_ok());
}

#[test]
fn an_address_of_a_wrong_length_is_left_out_and_the_others_stay() {
    for (rtype, good, wrong) in [
        (RecordType::A, 4, vec![0, 3, 5, 16]),
        (RecordType::AAAA, 16, vec![0, 4, 15, 17]),
    ] {
        let record = |length: usize| {
            let data = vec![7; length];
            [b"\xC0\x0C".to_vec(), fixed(rtype, Class::IN, 60, &data)].concat()
        };
        for length in wrong {
            let octets = reply(
                [1, 3, 0, 0],
                &[QUESTION, &record(length), &record(good), &record(length)],
            );
            let message = Message::parse(&octets).unwrap();
            assert_eq!(message.answer.len(), 1, "{rtype} of {length} octets");
            assert_eq!(message.answer[0].rdata.len(), good);
            // Without a good one beside it nothing would be left of the set: the message is no good.
            let alone = |counts| Message::parse(&reply(counts, &[QUESTION, &record(length)]));
            assert_eq!(alone([1, 1, 0, 0]), Err(WireError::BadRdata));
            assert_eq!(alone([1, 0, 1, 0]), Err(WireError::BadRdata));
            assert!(alone([1, 0, 0, 1]).unwrap().additional.is_empty());
        }
    }
}

#[test]
fn a_name_in_rdata_ends_with_it() {
    // The NS name would read on into the next record's owner.
    let first = [
        b"\xC0\x0C".to_vec(),
        fixed(RecordType::NS, Class::IN, 60, b"\x03abc"),
    ]
    .concat();
    let second = [
        b"\x00".to_vec(),
        fixed(RecordType::A, Class::IN, 60, &[1; 4]),
    ]
    .concat();
    let octets = reply([1, 2, 0, 0], &[QUESTION, &first, &second]);
    assert_eq!(Message::parse(&octets), Err(WireError::BadRdata));
}

#[test]
fn a_ttl_with_the_top_bit_is_zero() {
    let record = |ttl| {
        [
            b"\xC0\x0C".to_vec(),
            fixed(RecordType::A, Class::IN, ttl, &[1; 4]),
        ]
        .concat()
    };
    let octets = reply(
        [1, 2, 0, 0],
        &[QUESTION, &record(0x8000_0000), &record(0x7FFF_FFFF)],
    );
    let message = Message::parse(&octets).unwrap();
    assert_eq!(
        (message.answer[0].ttl, message.answer[1].ttl),
        (0, 0x7FFF_FFFF)
    );
}

#[test]
fn opt_carries_the_high_bits_of_the_code_and_stands_once_in_additional() {
    let opt = [
        b"\x00".to_vec(),
        fixed(
            RecordType::OPT,
            Class(4096),
            0x0100_8000,
            b"\0\x0F\0\x02\0\x16",
        ),
    ]
    .concat();
    let message = Message::parse(&reply([1, 0, 0, 1], &[QUESTION, &opt])).unwrap();
    assert_eq!(message.rcode(), Rcode::BADVERS);
    let edns = message.edns.unwrap();
    assert_eq!((edns.udp_size, edns.dnssec_ok), (4096, true));
    assert_eq!(*edns.options, *b"\0\x0F\0\x02\0\x16");
    assert!(message.additional.is_empty());
    let twice = reply([1, 0, 0, 2], &[QUESTION, &opt, &opt]);
    assert_eq!(Message::parse(&twice), Err(WireError::BadOpt));
    let misplaced = reply([1, 1, 0, 0], &[QUESTION, &opt]);
    assert_eq!(Message::parse(&misplaced), Err(WireError::BadOpt));
}

#[test]
fn counts_that_promise_too_much() {
    assert_eq!(
        Message::parse(&reply([1, 65535, 65535, 65535], &[QUESTION])),
        Err(WireError::Truncated)
    );
    assert_eq!(
        Message::parse(&reply([2, 0, 0, 0], &[QUESTION, QUESTION])),
        Err(WireError::NotOneQuestion)
    );
    assert_eq!(
        Message::parse(&reply([0, 0, 0, 0], &[])).unwrap().question,
        None
    );
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(counts in any::<[u8; 4]>(), body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let counts = counts.map(|count| u16::from(count % 6));
        let _ = Message::parse(&reply(counts, &[&body]));
        let _ = Message::parse(&reply(counts, &[QUESTION, &body]));
        let _ = Message::parse(&body);
    }
}
