//! What one proof may cost: records, hashes, rounds; and that nothing that comes in makes it fall over.

use proptest::prelude::*;

use super::*;

use RecordType as T;

const APEX: [T; 3] = [T::NS, T::SOA, T::RRSIG];

/// A zone whose only names are its apex and a wildcard-free rest: one record, for everything.
fn lonely(iterations: u16) -> Validated<Rrset> {
    let owner = hash("example.", iterations, &[]);
    Hashed {
        zone: "example.",
        owner,
        next: owner,
        flags: 0,
        iterations,
        salt: &[],
        types: &APEX,
    }
    .set()
}

/// A record of the same chain about nothing that is asked for here.
fn filler(number: u8) -> Validated<Rrset> {
    let (mut owner, mut next) = ([number; 20], [number; 20]);
    (owner[19], next[19]) = (0, 1);
    Hashed {
        zone: "example.",
        owner,
        next,
        flags: 0,
        iterations: 0,
        salt: &[],
        types: &[],
    }
    .set()
}

#[test]
fn the_ninth_nsec3_record_is_not_looked_at() {
    let with = |before: u8| {
        let mut sets: Vec<_> = (0..before).map(filler).collect();
        sets.push(lonely(0));
        worth(Case::new("example.", sets).no_name("x.example."))
    };
    assert_eq!(with(7), Ok(Strength::Proven));
    assert_eq!(with(8), Err(Why::NoProof));
    // Those that are unusable do not count.
    let mut sets: Vec<_> = (0..200)
        .map(|_| sealed(&name("x.example."), T::NSEC3, &[]))
        .collect();
    sets.push(lonely(0));
    assert_eq!(
        worth(Case::new("example.", sets).no_name("x.example.")),
        Ok(Strength::Proven)
    );
}

#[test]
fn iteration_51_is_not_hashed_and_makes_insecure() {
    let ask = |iterations: u16, most: u16, hashes: u32| {
        let zone = name("example.");
        let sets = [lonely(iterations)];
        let proofs = Proofs {
            zone: &zone,
            sets: &sets,
            max_iterations: most,
        };
        let mut allowance = Allowance::new(0, hashes);
        let found = no_name(&name("x.example."), &proofs, &mut allowance);
        (worth(found), allowance.spent().hashes)
    };
    // x.example., example., *.example.; each at twice the price.
    assert_eq!(ask(50, 50, 6), (Ok(Strength::Proven), 6));
    assert_eq!(ask(51, 50, 0), (Ok(Strength::TooManyIterations), 0));
    assert_eq!(ask(2500, 50, 300), (Ok(Strength::TooManyIterations), 0));
    assert_eq!(ask(51, 100, 6), (Ok(Strength::Proven), 6));
    assert_eq!(ask(0, 0, 3), (Ok(Strength::Proven), 3));
    assert_eq!(ask(1, 0, 3), (Ok(Strength::TooManyIterations), 0));
}

#[test]
fn too_many_iterations_make_every_kind_of_proof_insecure() {
    let dear = Case::new("example.", [lonely(51)]);
    let insecure = Ok(Strength::TooManyIterations);
    assert_eq!(worth(dear.no_name("x.example.")), insecure);
    assert_eq!(worth(dear.no_data("x.example.", T::A)), insecure);
    assert_eq!(worth(dear.no_closer("x.example.", "example.")), insecure);
    assert_eq!(dear.no_ds("x.example."), Ok(NoDs::TooManyIterations));
    // But not of another zone's names, and not where an NSEC proves it.
    assert_eq!(worth(dear.no_name("x.test.")), Err(Why::NoProof));
    assert!(dear.no_ds("x.test.").is_err());
    let sets = [lonely(51), nsec("example.", "example.", &[T::SOA, T::NS])];
    assert_eq!(
        worth(Case::new("example.", sets).no_name("x.example.")),
        Ok(Strength::Proven)
    );
}

#[test]
fn no_name_is_hashed_twice_and_the_last_hash_is_the_last() {
    let zone = name("example.");
    let sets = [lonely(0)];
    let proofs = Proofs {
        zone: &zone,
        sets: &sets,
        max_iterations: 50,
    };
    // 120 labels below the zone, the zone, the wildcard: 122 hashes.
    let deep = name(&format!("{}example.", "a.".repeat(120)));
    let ask = |hashes| {
        let mut allowance = Allowance::new(0, hashes);
        let found = no_name(&deep, &proofs, &mut allowance);
        (worth(found), allowance.spent().hashes)
    };
    assert_eq!(ask(122), (Ok(Strength::Proven), 122));
    assert_eq!(ask(300), (Ok(Strength::Proven), 122));
    assert_eq!(ask(121), (Err(Why::TooManyHashes), 121));
    assert_eq!(ask(0), (Err(Why::TooManyHashes), 0));
}

#[test]
fn hash_301_of_a_query_is_not_made() {
    // One allowance for all proofs of a query: two fit, the third is cut off.
    let zone = name("example.");
    let sets = [lonely(0)];
    let proofs = Proofs {
        zone: &zone,
        sets: &sets,
        max_iterations: 50,
    };
    let mut allowance = Allowance::new(16, 300);
    let mut ask = |letter: &str| {
        let deep = name(&format!("{}example.", format!("{letter}.").repeat(120)));
        let found = worth(no_name(&deep, &proofs, &mut allowance));
        (found, allowance.spent().hashes)
    };
    assert_eq!(ask("a"), (Ok(Strength::Proven), 122));
    assert_eq!(ask("b"), (Ok(Strength::Proven), 244));
    assert_eq!(ask("c"), (Err(Why::TooManyHashes), 300));
    assert_eq!(ask("d"), (Err(Why::TooManyHashes), 300));
}

proptest! {
    #[test]
    fn no_rdata_makes_it_fall_over(
        junk in proptest::collection::vec(
            (any::<bool>(), 0_usize..6, proptest::collection::vec(any::<u8>(), 0..80)), 0..6),
        asked in 0_usize..6,
        rtype in any::<u16>(),
    ) {
        let owners = ["example.", "a.example.", "*.example.", "b.a.example.", ".", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."];
        let sets: Vec<_> = junk
            .iter()
            .map(|(hashed, owner, rdata)| {
                sealed(&name(owners[*owner]), if *hashed { T::NSEC3 } else { T::NSEC }, rdata)
            })
            .collect();
        let case = Case::new("example.", sets);
        let _ = case.no_name(owners[asked]);
        let _ = case.no_data(owners[asked], RecordType(rtype));
        let _ = case.no_closer("b.a.example.", owners[asked]);
        let _ = case.no_ds(owners[asked]);
    }

    #[test]
    fn a_bit_map_lists_what_was_put_in(types in proptest::collection::btree_set(any::<u16>(), 0..40), other in any::<u16>()) {
        let listed: Vec<_> = types.iter().map(|number| RecordType(*number)).collect();
        let octets = maps(&listed);
        let read = Types::read(&octets).unwrap();
        for rtype in &listed {
            prop_assert!(read.has(*rtype));
        }
        prop_assert_eq!(read.has(RecordType(other)), types.contains(&other));
        prop_assert!(read.only(&listed));
        prop_assert_eq!(read.only(&listed[..listed.len().saturating_sub(1)]), listed.is_empty());
    }

    #[test]
    fn any_octets_are_a_bit_map_or_not(octets in proptest::collection::vec(any::<u8>(), 0..100), rtype in any::<u16>()) {
        if let Some(read) = Types::read(&octets) {
            let _ = read.has(RecordType(rtype));
            let _ = read.only(&[RecordType(rtype)]);
        }
    }
}
