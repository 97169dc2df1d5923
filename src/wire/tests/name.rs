//! Are names read, compared, ordered and written as RFC 1035 and RFC 4034 say?

use proptest::prelude::*;

use super::super::name::MAX_POINTERS;
use super::super::{Name, WireError};
use super::{any_name, name};

fn parse(message: &[u8], at: usize) -> Result<(Name, usize), WireError> {
    let mut position = at;
    Name::parse(message, &mut position, &mut MAX_POINTERS.clone()).map(|name| (name, position))
}

#[test]
fn a_pointer_leads_back_and_the_reader_goes_on_behind_it() {
    let message = b"\x03com\x00\x07example\xC0\x00\xFF";
    let (parsed, end) = parse(message, 5).unwrap();
    assert_eq!(parsed, name("example.com"));
    assert_eq!(end, 15);
}

#[test]
fn pointers_that_do_not_lead_back_are_refused() {
    assert_eq!(parse(b"\xC0\x00", 0), Err(WireError::BadPointer));
    assert_eq!(parse(b"\xC0\x02\x00", 0), Err(WireError::BadPointer));
    // A loop of two: each must lead before where the walk began.
    assert_eq!(
        parse(b"\x01a\xC0\x04\xC0\x00", 4),
        Err(WireError::BadPointer)
    );
    assert_eq!(parse(b"\x00\x40a", 1), Err(WireError::BadLabel));
    assert_eq!(parse(b"\x00\x80a", 1), Err(WireError::BadLabel));
    assert_eq!(parse(b"\x02a", 0), Err(WireError::Truncated));
    assert_eq!(parse(b"\x00\xC0", 1), Err(WireError::Truncated));
}

#[test]
fn pointers_to_labels_are_free_and_pointers_to_pointers_are_counted() {
    // a 0, then a chain of pointers each to the one before.
    let mut chain = vec![1, b'a', 0];
    for step in 0..200_u16 {
        let target = if step == 0 { 0 } else { 3 + (step - 1) * 2 };
        chain.extend((0xC000 | target).to_be_bytes());
    }
    let at = |pointers: usize| 3 + (pointers - 1) * 2;
    // The first pointer is free, 120 behind it are paid for.
    assert_eq!(parse(&chain, at(121)).unwrap().0, name("a"));
    assert_eq!(parse(&chain, at(122)), Err(WireError::TooManyPointers));

    // One budget for the message: a second such name has nothing left.
    let mut left = MAX_POINTERS;
    assert!(Name::parse(&chain, &mut at(100), &mut left).is_ok());
    assert_eq!(
        Name::parse(&chain, &mut at(100), &mut left),
        Err(WireError::TooManyPointers)
    );
    // A plain compressed name is never refused for it.
    left = 0;
    assert!(Name::parse(&chain, &mut 3, &mut left).is_ok());
}

#[test]
fn a_name_has_at_most_255_octets_also_through_pointers() {
    let mut message = Vec::new();
    for _ in 0..3 {
        message.push(63);
        message.extend([b'x'; 63]);
    }
    message.push(61);
    message.extend([b'x'; 61]);
    message.push(0);
    assert_eq!(parse(&message, 0).unwrap().0.as_wire().len(), 255);
    let at = message.len();
    message.extend(b"\x01y\xC0\x00");
    assert_eq!(parse(&message, at), Err(WireError::NameTooLong));
    let mut text = "x".repeat(63);
    text.push('.');
    assert!(
        format!("{text}{text}{text}{}", "x".repeat(61))
            .parse::<Name>()
            .is_ok()
    );
    assert_eq!(
        format!("{text}{text}{text}{}", "x".repeat(62)).parse::<Name>(),
        Err(WireError::NameTooLong)
    );
}

#[test]
fn case_does_not_matter_but_is_kept() {
    let upper = name("WWW.Example.COM");
    assert_eq!(upper, name("www.example.com."));
    assert_eq!(upper.to_string(), "WWW.Example.COM.");
    assert!(upper.is_within(&name("EXAMPLE.com")));
    assert!(!name("anexample.com").is_within(&name("example.com")));
    assert!(name("a").is_within(&Name::root()));
    // A label that ends like the ancestor's wire form is not the ancestor.
    let trap = Name::root().child(b"x\x07example\x03com").unwrap();
    assert!(!trap.is_within(&name("example.com")));
}

#[test]
fn the_order_is_canonical() {
    // RFC 4034 section 6.1.
    let sorted = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    ];
    let mut names: Vec<Name> = sorted.iter().rev().map(|text| name(text)).collect();
    names.sort();
    let expected: Vec<Name> = sorted.iter().map(|text| name(text)).collect();
    assert_eq!(names, expected);
}

#[test]
fn parts_and_rebasing() {
    let long = name("a.b.example.com");
    assert_eq!(long.suffix(2), name("example.com"));
    assert_eq!(long.suffix(0), Name::root());
    assert_eq!(long.suffix(9), long);
    assert_eq!(long.parent(), Some(name("b.example.com")));
    assert_eq!(Name::root().parent(), None);
    assert_eq!(
        long.rebase(&name("example.com"), &name("example.net")),
        Ok(name("a.b.example.net"))
    );
    assert!(long.rebase(&long, &name("x")).is_err());
    assert!("a..b".parse::<Name>().is_err());
    assert!("".parse::<Name>().is_err());
}

proptest! {
    #[test]
    fn text_and_wire_round_trip(any in any_name()) {
        let from_text: Name = any.to_string().parse().unwrap();
        prop_assert_eq!(from_text.as_wire(), any.as_wire());
        let from_wire = Name::from_wire(any.as_wire()).unwrap();
        prop_assert_eq!(from_wire.as_wire(), any.as_wire());
    }

    #[test]
    fn equal_names_hash_and_order_alike(any in any_name()) {
        use std::hash::BuildHasher;
        let state = std::hash::RandomState::new();
        let lower = Name::from_wire(&any.to_lower_wire()).unwrap();
        prop_assert_eq!(&any, &lower);
        prop_assert_eq!(any.cmp(&lower), std::cmp::Ordering::Equal);
        prop_assert_eq!(state.hash_one(&any), state.hash_one(&lower));
    }

    #[test]
    fn any_octets_give_a_legal_name_or_an_error(octets in proptest::collection::vec(any::<u8>(), 0..600), at in 0_usize..600) {
        if let Ok((parsed, end)) = parse(&octets, at) {
            prop_assert!(parsed.as_wire().len() <= 255);
            prop_assert!(end <= octets.len() && end > at);
            prop_assert!(Name::from_wire(parsed.as_wire()).is_ok());
        }
    }
}
