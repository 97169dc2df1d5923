//! Do the known gaps of signed zones stay in order, in bounds and in time?

use super::*;
use crate::cache::denials::{KnownDenial, MAX_ITERATIONS};
use crate::dnssec::validated::Validated;
use crate::wire::RdataSet;

fn sealed(owner: &str, rtype: RecordType, ttl: u32, rdata: &[u8]) -> Validated<Rrset> {
    Validated::in_a_test(Rrset {
        owner: name(owner),
        rtype,
        ttl,
        rdata: RdataSet::new([rdata]),
        rrsigs: RdataSet::default(),
    })
}

fn nsec(owner: &str, next: &str, ttl: u32) -> Validated<Rrset> {
    let mut rdata = name(next).as_wire().to_vec();
    rdata.extend([0, 1, 0x40]);
    sealed(owner, RecordType::NSEC, ttl, &rdata)
}

fn base32(octets: &[u8; 20]) -> String {
    let bit = |at: usize| u32::from(octets[at / 8] >> (7 - at % 8) & 1);
    (0..32)
        .map(|digit| (0..5).fold(0, |value, at| value << 1 | bit(digit * 5 + at)))
        .map(|value| char::from_digit(value, 32).unwrap())
        .collect()
}

/// An NSEC3 of "z." from hash `from`, `from`, ... to `to`, `to`, ...
fn nsec3(from: u8, to: u8, flags: u8, iterations: u16, salt: u8) -> Validated<Rrset> {
    let mut rdata = vec![1, flags];
    rdata.extend(iterations.to_be_bytes());
    rdata.extend([1, salt, 20]);
    rdata.extend([to; 20]);
    let owner = format!("{}.z.", base32(&[from; 20]));
    sealed(&owner, RecordType::NSEC3, 300, &rdata)
}

fn soa(ttl: u32, minimum: u32) -> Validated<Rrset> {
    let line = format!("z. {ttl} IN SOA a. b. 1 2 3 4 {minimum}");
    Validated::in_a_test(set(&[line.as_str()]))
}

fn owner(found: Option<KnownDenial>) -> Option<String> {
    found.map(|known| known.set.owner.to_string())
}

fn nsec_for(cache: &Cache, of: &str, now: Now) -> Option<String> {
    let zone = cache.denial_zone(&name(of))?;
    owner(zone.nsec_at_or_before(&name(of), now))
}

#[test]
fn the_record_at_or_before_a_name_is_found() {
    let cache = cache();
    let chain = [
        nsec("z.", "a.z.", 300),
        nsec("A.z.", "*.b.z.", 300),
        nsec("*.b.z.", "\\000.c.z.", 300),
        nsec("\\000.c.z.", "\\001.c.z.", 300),
        nsec("\\001.c.z.", "\\002.c.z.", 300),
        nsec("\\200.c.z.", "z.", 300),
    ];
    cache.store_denial(&name("z."), Some(&soa(300, 300)), &chain, at(0));
    for (of, before) in [
        ("z.", "z."),
        ("0.z.", "z."),
        ("a.z.", "A.z."),
        ("x.A.Z.", "A.z."),
        ("a0.z.", "A.z."),
        ("b.z.", "A.z."),
        ("*.b.z.", "*.b.z."),
        ("B.b.z.", "*.b.z."),
        ("c.z.", "*.b.z."),
        ("\\000.c.z.", "\\000.c.z."),
        ("\\000\\000.c.z.", "\\000.c.z."),
        ("a.\\000.c.z.", "\\000.c.z."),
        ("\\001.c.z.", "\\001.c.z."),
        ("\\001\\001.c.z.", "\\001.c.z."),
        ("\\199.c.z.", "\\001.c.z."),
        ("\\255.c.z.", "\\200.c.z."),
        ("zz.z.", "\\200.c.z."),
    ] {
        assert_eq!(nsec_for(&cache, of, at(0)).as_deref(), Some(before), "{of}");
    }
    assert_eq!(nsec_for(&cache, "zz.", at(0)), None);
    assert_eq!(nsec_for(&cache, ".", at(0)), None);
}

#[test]
fn the_order_of_places_is_that_of_names() {
    let mut names: Vec<Name> = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
        ".",
        "\\000.",
        "\\000\\000.",
        "\\001.",
        "\\001\\000.",
        "a.\\000.",
        "\\002.",
        "\\255.",
        "a-.",
        "a.a.",
        "a.",
    ]
    .iter()
    .map(|text| name(text))
    .collect();
    let mut by_place = names.clone();
    names.sort();
    by_place.sort_by_key(crate::cache::denials::place);
    assert_eq!(by_place, names);
}

#[test]
fn the_deepest_zone_is_found() {
    let cache = cache();
    for zone in [".", "z.", "deep.z."] {
        let set = nsec(zone, zone, 300);
        cache.store_denial(&name(zone), None, &[set], at(0));
    }
    let zone = |of: &str| cache.denial_zone(&name(of)).unwrap().zone().to_string();
    assert_eq!(zone("x.DEEP.z."), "deep.z.");
    assert_eq!(zone("deep.z."), "deep.z.");
    assert_eq!(zone("xdeep.z."), "z.");
    assert_eq!(zone("x.y."), ".");
    assert_eq!(zone("."), ".");
}

#[test]
fn hashed_records_wrap_round_and_new_parameters_replace_old_ones() {
    let cache = cache();
    let zone = name("z.");
    cache.store_denial(
        &zone,
        None,
        &[nsec3(0x20, 0x40, 0, 1, 7), nsec3(0x80, 0x20, 0, 1, 7)],
        at(0),
    );
    let at_or_before = |hash: u8| {
        let zone = cache.denial_zone(&zone).unwrap();
        let found = zone.nsec3_at_or_before(&[hash; 20], at(1));
        found.map(|known| known.set.owner.labels().next().unwrap()[0])
    };
    // The first digit of base32 says which: 0x20 is "4", 0x80 is "g".
    assert_eq!(at_or_before(0x20), Some(b'4'));
    assert_eq!(at_or_before(0x7F), Some(b'4'));
    assert_eq!(at_or_before(0x80), Some(b'g'));
    assert_eq!(at_or_before(0xFF), Some(b'g'));
    assert_eq!(at_or_before(0x00), Some(b'g'));
    let parameters = cache.denial_zone(&zone).unwrap().parameters().unwrap();
    assert_eq!((parameters.iterations, &*parameters.salt), (1, &[7][..]));
    cache.store_denial(&zone, None, &[nsec3(0x40, 0x80, 0, 2, 7)], at(0));
    assert_eq!(at_or_before(0xFF), Some(b'8'));
    assert_eq!(
        cache
            .denial_zone(&zone)
            .unwrap()
            .parameters()
            .unwrap()
            .iterations,
        2
    );
}

#[test]
fn what_can_save_no_question_is_not_kept() {
    let cache = cache();
    let zone = name("z.");
    let mut expanded = nsec("x.a.z.", "c.z.", 300).into_inner();
    let mut rrsig = vec![0; 18];
    rrsig[3] = 1;
    expanded.rrsigs = RdataSet::new([rrsig.as_slice()]);
    let mut narrow = vec![1, 0, 0, 0, 0, 20];
    narrow.extend([0x20; 19]);
    narrow.push(0x21);
    let narrow_owner = format!("{}.z.", base32(&[0x20; 20]));
    let useless = [
        nsec("a.z.", "\\000.a.z.", 300),
        nsec("a.z.", "y.", 300),
        nsec("y.", "yy.", 300),
        nsec("a.z.", "b.z.", 0),
        Validated::in_a_test(expanded),
        nsec3(0x20, 0x40, 1, 0, 7),
        nsec3(0x20, 0x40, 2, 0, 7),
        nsec3(0x20, 0x40, 0, MAX_ITERATIONS + 1, 7),
        sealed(&narrow_owner, RecordType::NSEC3, 300, &narrow),
        sealed("a.z.", RecordType::NSEC3, 300, &[1, 0, 0, 0, 0, 0]),
        sealed("a.z.", RecordType::NSEC, 300, &[]),
        sealed("a.z.", RecordType::A, 300, &[192, 0, 2, 1]),
        sealed("*.z.", RecordType::NS, 300, name("a.").as_wire()),
    ];
    for set in &useless {
        cache.store_denial(
            &zone,
            Some(&soa(300, 300)),
            std::slice::from_ref(set),
            at(0),
        );
        if let Some(known) = cache.denial_zone(&zone) {
            assert!(
                known.nsec_at_or_before(&name("zzz.z."), at(0)).is_none(),
                "{set:?}"
            );
            assert!(known.parameters().is_none(), "{set:?}");
            assert!(
                known.wildcard(&set.owner, set.rtype, at(0)).is_none(),
                "{set:?}"
            );
        }
    }
    cache.store_denial(
        &zone,
        None,
        &[nsec3(0x20, 0x40, 0, MAX_ITERATIONS, 7)],
        at(0),
    );
    assert!(cache.denial_zone(&zone).unwrap().parameters().is_some());
}

#[test]
fn lifetimes_are_the_lowest_of_all_and_end_by_the_wall_clock() {
    // RFC 8198 section 5.4.
    let cache = cache();
    let zone = name("z.");
    let ttl = |now| {
        let zone = cache.denial_zone(&zone)?;
        zone.nsec_at_or_before(&name("b.z."), now)
            .map(|known| known.ttl)
    };
    let store = |set_ttl, soa_ttl, minimum| {
        let set = nsec("a.z.", "c.z.", set_ttl);
        cache.store_denial(&zone, Some(&soa(soa_ttl, minimum)), &[set], at(0));
    };
    store(100, 50, 60);
    assert_eq!(ttl(at(0)), Some(50));
    store(100, 60, 40);
    assert_eq!(ttl(at(0)), Some(40));
    store(1_000_000, 1_000_000, 1_000_000);
    assert_eq!(ttl(at(0)), Some(10_800));
    store(30, 60, 40);
    assert_eq!(ttl(at(29)), Some(1));
    assert_eq!(ttl(at(30)), None);
    assert_eq!(ttl(before(5)), Some(30));
    assert_eq!(ttl(before(6)), None);
    let soa_ttl = |now| cache.denial_zone(&zone)?.soa(now).map(|known| known.ttl);
    assert_eq!((soa_ttl(at(59)), soa_ttl(at(60))), (Some(1), None));
}

#[test]
fn an_expired_record_does_not_hide_a_fresh_one_before_it() {
    let cache = cache();
    let zone = name("z.");
    let sets = [nsec("a.z.", "d.z.", 300), nsec("b.z.", "c.z.", 10)];
    cache.store_denial(&zone, None, &sets, at(0));
    assert_eq!(nsec_for(&cache, "bb.z.", at(9)).as_deref(), Some("b.z."));
    assert_eq!(nsec_for(&cache, "bb.z.", at(10)).as_deref(), Some("a.z."));
}

#[test]
fn a_flush_forgets_what_denies_the_name() {
    let fill = || {
        let cache = cache();
        for zone in [".", "z.", "deep.z.", "y."] {
            cache.store_denial(&name(zone), None, &[nsec(zone, zone, 300)], at(0));
        }
        cache
    };
    let left = |scope, of: &str| {
        let cache = fill();
        cache.flush(&name(of), scope);
        [".", "z.", "deep.z.", "y."]
            .into_iter()
            .filter(|zone| {
                cache
                    .denial_zone(&name(zone))
                    .is_some_and(|at| *at.zone() == name(zone))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(left(FlushScope::Name, "a.z."), ["deep.z.", "y."]);
    assert_eq!(
        left(FlushScope::NameType(RecordType::A), "a.DEEP.z."),
        ["y."]
    );
    assert_eq!(left(FlushScope::Tree, "z."), ["y."]);
    assert_eq!(left(FlushScope::All, "."), [""; 0]);
}

#[test]
fn a_zone_of_endless_gaps_stays_within_its_share_and_keeps_what_is_used() {
    let mut plan = plan();
    plan.max_bytes = 4 << 20;
    let cache = Cache::with_secret(&plan, 1, 2);
    let zone = name("z.");
    let others = [nsec("y.", "y.", 300)];
    cache.store_denial(&name("y."), None, &others, at(0));
    cache.store_denial(
        &zone,
        Some(&soa(300, 300)),
        &[nsec("hot.z.", "hot0.z.", 300)],
        at(0),
    );
    for number in 0..5_000 {
        let set = nsec(&format!("x{number}.z."), &format!("x{number}a.z."), 300);
        cache.store_denial(&zone, Some(&soa(300, 300)), &[set], at(0));
        assert_eq!(
            nsec_for(&cache, "hot.z.", at(0)).as_deref(),
            Some("hot.z."),
            "{number}"
        );
        if number % 500 == 0 {
            cache.settle();
        }
    }
    cache.settle();
    let bytes = cache.denials.store.weighted_size();
    let share = plan.max_bytes / 16 / 4;
    assert!(
        bytes > share / 2 && bytes <= share + 4096,
        "{bytes} of {share}"
    );
    assert!(cache.denial_zone(&name("y.")).is_some());
}

#[test]
fn many_zones_stay_within_the_whole() {
    let mut plan = plan();
    plan.max_bytes = 4 << 20;
    let cache = Cache::with_secret(&plan, 1, 2);
    for number in 0..3_000 {
        let zone = format!("z{number}.");
        cache.store_denial(&name(&zone), None, &[nsec(&zone, &zone, 300)], at(0));
    }
    cache.settle();
    let bytes = cache.denials.store.weighted_size();
    assert!(bytes <= plan.max_bytes / 16, "{bytes}");
    assert!(cache.denial_zones() > 100);
}

#[test]
fn many_may_read_and_write_at_once() {
    let cache = cache();
    let zone = name("z.");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (cache, zone) = (&cache, &zone);
            scope.spawn(move || {
                for number in 0..500 {
                    let set = nsec(&format!("x{thread}-{number}.z."), "y.z.", 300);
                    cache.store_denial(zone, Some(&soa(300, 300)), &[set], at(0));
                    let known = cache.denial_zone(&name("xx.z."));
                    assert!(known.is_none_or(|at| at.soa(Now::at_secs(1000)).is_some()));
                }
            });
        }
    });
    assert_eq!(
        nsec_for(&cache, "xx.z.", at(0)).as_deref(),
        Some("x3-99.z.")
    );
}
