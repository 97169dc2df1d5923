//! Do records come together as the RRsets they are?

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::{Class, Record, RecordType, rrset::group};
use super::{any_name, name, record};

fn sig(owner: &str, covered: RecordType, ttl: u32) -> Record {
    Record {
        owner: name(owner),
        rtype: RecordType::RRSIG,
        class: Class::IN,
        ttl,
        rdata: [&covered.0.to_be_bytes()[..], &[7; 16], b"\x00sig"]
            .concat()
            .into(),
    }
}

#[test]
fn sets_keep_order_drop_repeats_and_take_the_lowest_ttl() {
    let records = [
        record("b.example. 300 IN A 192.0.2.2"),
        record("a.example. 50 IN AAAA 2001:db8::1"),
        record("B.example. 100 IN A 192.0.2.1"),
        record("b.EXAMPLE. 70 IN A 192.0.2.2"),
    ];
    let sets = group(&records);
    assert_eq!(sets.len(), 2);
    assert_eq!(
        (sets[0].owner.to_string().as_str(), sets[0].ttl),
        ("b.example.", 70)
    );
    let data: Vec<&[u8]> = sets[0].rdata.iter().collect();
    assert_eq!(data, [&[192, 0, 2, 2][..], &[192, 0, 2, 1]]);
    assert_eq!(sets[1].rtype, RecordType::AAAA);
}

#[test]
fn signatures_stand_beside_what_they_cover_wherever_they_came() {
    let records = [
        sig("a.example.", RecordType::A, 40),
        sig("a.example.", RecordType::MX, 90),
        sig("a.example.", RecordType::TXT, 80),
        record("a.example. 60 IN A 192.0.2.1"),
        sig("A.example.", RecordType::A, 40),
        sig("b.example.", RecordType::A, 40),
    ];
    let sets = group(&records);
    assert_eq!(sets.len(), 3);
    assert_eq!(
        (sets[0].rtype, sets[0].rrsigs.len(), sets[0].ttl),
        (RecordType::A, 1, 40)
    );
    // Stray ones of one owner are one set.
    assert_eq!(
        (sets[1].rtype, sets[1].rdata.len(), sets[1].ttl),
        (RecordType::RRSIG, 2, 80)
    );
    assert_eq!(sets[2].owner, name("b.example."));
}

#[test]
fn other_classes_are_left_out() {
    let mut chaos = record("a.example. 60 IN A 192.0.2.1");
    chaos.class = Class::CH;
    assert!(group(&[chaos]).is_empty());
}

#[test]
fn many_records_take_little_time() {
    let records: Vec<Record> = (0..6000_u32)
        .map(|number| Record {
            owner: name(&format!("n{number}.example.")),
            rtype: RecordType::A,
            class: Class::IN,
            ttl: 60,
            rdata: Box::new(number.to_be_bytes()),
        })
        .collect();
    assert_eq!(group(&records).len(), 6000);
}

proptest! {
    #[test]
    fn nothing_is_lost_or_made_up(
        picks in proptest::collection::vec((0_usize..4, 0_u16..3, 0_u32..5, any::<u8>()), 0..60),
        names in proptest::collection::vec(any_name(), 4),
    ) {
        let records: Vec<Record> = picks
            .iter()
            .map(|(owner, rtype, ttl, octet)| Record {
                owner: names[*owner].clone(),
                rtype: RecordType(65280 + rtype),
                class: Class::IN,
                ttl: *ttl,
                rdata: Box::new([*octet % 4]),
            })
            .collect();
        let sets = group(&records);
        let came: HashSet<_> = records.iter().map(|r| (r.owner.clone(), r.rtype, r.rdata.to_vec())).collect();
        let kept: Vec<_> = sets
            .iter()
            .flat_map(|s| s.rdata.iter().map(|d| (s.owner.clone(), s.rtype, d.to_vec())))
            .collect();
        prop_assert_eq!(kept.len(), came.len());
        prop_assert_eq!(kept.into_iter().collect::<HashSet<_>>(), came);
        for set in &sets {
            let lowest = records.iter().filter(|r| r.owner == set.owner && r.rtype == set.rtype).map(|r| r.ttl).min();
            prop_assert_eq!(Some(set.ttl), lowest);
        }
    }
}
