//! Are names and records ordered and folded as RFC 4034 section 6 shows?

use proptest::prelude::*;

use super::*;
use crate::wire::RdataSet;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn canonical(rtype: RecordType, rdata: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_rdata(rtype, rdata, &mut out);
    out
}

fn set(rtype: RecordType, rdata: &[&[u8]]) -> Rrset {
    Rrset {
        owner: name("a.example."),
        rtype,
        ttl: 60,
        rdata: RdataSet::new(rdata.iter().copied()),
        rrsigs: RdataSet::default(),
    }
}

#[test]
fn names_are_in_the_order_of_section_6_1() {
    let ordered = [
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
    for pair in ordered.windows(2) {
        assert_eq!(
            cmp_names(&name(pair[0]), &name(pair[1])),
            Ordering::Less,
            "{pair:?}"
        );
        assert_eq!(cmp_names(&name(pair[1]), &name(pair[0])), Ordering::Greater);
    }
    assert_eq!(cmp_names(&name("A.b."), &name("a.B.")), Ordering::Equal);
}

#[test]
fn names_in_rdata_are_folded_where_the_list_says_so() {
    let one = b"\x01A\x01B\x00";
    let folded = b"\x01a\x01b\x00";
    for rtype in [2, 3, 4, 5, 7, 8, 9, 12, 39] {
        assert_eq!(canonical(RecordType(rtype), one), folded, "TYPE{rtype}");
    }
    for rtype in [14, 17] {
        let two = [one.as_slice(), one].concat();
        assert_eq!(
            canonical(RecordType(rtype), &two),
            [folded.as_slice(), folded].concat()
        );
    }
    for (rtype, before) in [(15, 2), (18, 2), (21, 2), (36, 2), (33, 6)] {
        let rdata = [&b"ABCDEFGH"[..before], one].concat();
        let expected = [&b"ABCDEFGH"[..before], folded].concat();
        assert_eq!(
            canonical(RecordType(rtype), &rdata),
            expected,
            "TYPE{rtype}"
        );
    }
    assert_eq!(
        canonical(
            RecordType::NAPTR,
            b"\x00\x01\x00\x02\x01S\x01X\x00\x01A\x00"
        ),
        b"\x00\x01\x00\x02\x01S\x01X\x00\x01a\x00"
    );
    assert_eq!(
        canonical(
            RecordType::SOA,
            &[one.as_slice(), one, &[b'Z'; 20]].concat()
        ),
        [folded.as_slice(), folded, &[b'Z'; 20]].concat()
    );
    assert_eq!(
        canonical(
            RecordType::RRSIG,
            &[&[b'F'; 18], one.as_slice(), b"SIGNATURE"].concat()
        ),
        [&[b'F'; 18], folded.as_slice(), b"SIGNATURE"].concat()
    );
    assert_eq!(
        canonical(RecordType::NXT, &[one.as_slice(), b"BITS"].concat()),
        [folded.as_slice(), b"BITS"].concat()
    );
    // A6: 128 - 64 bits of address, then the name; with a prefix of 0 no name at all.
    let a6 = [&[64_u8][..], b"ABCDEFGH", one].concat();
    assert_eq!(
        canonical(RecordType(38), &a6),
        [&[64_u8][..], b"ABCDEFGH", folded].concat()
    );
    let whole = [&[0_u8][..], &[b'A'; 16]].concat();
    assert_eq!(canonical(RecordType(38), &whole), whole);
}

#[test]
fn names_in_rdata_of_other_types_keep_their_case() {
    let one = b"\x01A\x01B\x00";
    for rtype in [1, 13, 16, 43, 47, 48, 50, 64, 65, 257, 65_280] {
        assert_eq!(canonical(RecordType(rtype), one), one, "TYPE{rtype}");
    }
}

#[test]
fn records_are_sorted_as_octets_after_folding_and_repeats_are_dropped() {
    let texts = set(
        RecordType::TXT,
        &[b"\x02ab", b"\x01z", b"\x00", b"\x01z", b"\x01Z"],
    );
    let sorted: Vec<Vec<u8>> = CanonicalRdata::of(&texts)
        .iter()
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(sorted, [&b"\x00"[..], b"\x01Z", b"\x01z", b"\x02ab"]);
    let servers = set(RecordType::NS, &[b"\x01B\x00", b"\x01a\x00", b"\x01A\x00"]);
    let sorted: Vec<Vec<u8>> = CanonicalRdata::of(&servers)
        .iter()
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(sorted, [b"\x01a\x00", b"\x01b\x00"]);
    // Shorter first when one begins the other (RFC 4034 section 6.3).
    let opaque = set(RecordType(65_280), &[b"ab\x00", b"ab", b"a"]);
    let sorted: Vec<usize> = CanonicalRdata::of(&opaque)
        .iter()
        .map(<[u8]>::len)
        .collect();
    assert_eq!(sorted, [1, 2, 3]);
}

#[test]
fn stars_and_the_root_do_not_count_as_labels() {
    for (text, labels) in [
        (".", 0),
        ("*.", 0),
        ("*.a.", 1),
        ("a.*.b.", 3),
        ("*.*.b.", 2),
        ("a.b.", 2),
    ] {
        assert_eq!(counted_labels(&name(text)), labels, "{text}");
    }
}

#[test]
fn the_signed_owner_is_the_wildcard_if_labels_are_fewer() {
    let wire = |owner: &str, labels| signed_owner(&name(owner), labels).map(|wire| wire.to_vec());
    assert_eq!(wire("A.b.", 2).unwrap(), b"\x01a\x01b\x00");
    assert_eq!(wire("x.A.b.", 1).unwrap(), b"\x01*\x01b\x00");
    assert_eq!(wire("x.A.b.", 0).unwrap(), b"\x01*\x00");
    assert_eq!(wire("*.b.", 1).unwrap(), b"\x01*\x01b\x00");
    assert_eq!(wire("*.b.", 2), None);
    assert_eq!(wire("a.b.", 3), None);
    assert_eq!(wire(".", 0).unwrap(), b"\x00");
}

proptest! {
    #[test]
    fn canonical_rdata_is_as_long_as_any_rdata_and_stays_when_made_again(
        rtype in 0_u16..70,
        rdata in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let once = canonical(RecordType(rtype), &rdata);
        prop_assert_eq!(once.len(), rdata.len());
        prop_assert!(once.eq_ignore_ascii_case(&rdata));
        prop_assert_eq!(canonical(RecordType(rtype), &once), once);
    }
}
