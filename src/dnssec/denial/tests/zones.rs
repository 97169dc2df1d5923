//! Whole made-up zones, signed both ways: every absent name is provable, no present one is, by comparison with a plain model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

use RecordType as T;

/// What a zone holds: owners and their types. The apex is always there.
pub(crate) type Zone = BTreeMap<Name, Vec<T>>;

pub(crate) const APEX: &str = "zone.";

/// What a name is, by the rules of RFC 1034 section 4.3.2 and RFC 4592, found by plain search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// Below a cut or a DNAME, or at a cut: not for this zone to say.
    Elsewhere,
    Exists(Vec<T>),
    EmptyNonTerminal,
    /// The types of the wildcard that stands in, and the closest encloser.
    FromWildcard(Vec<T>, Name),
    Absent,
}

pub(crate) fn truth(zone: &Zone, of: &Name) -> Truth {
    let is_cut = |types: &[T]| types.contains(&T::NS) && !types.contains(&T::SOA);
    let mut above = of.parent();
    while let Some(at) = above {
        if zone
            .get(&at)
            .is_some_and(|types| is_cut(types) || types.contains(&T::DNAME))
        {
            return Truth::Elsewhere;
        }
        above = at.parent();
    }
    let exists = |at: &Name| zone.keys().any(|owner| owner.is_within(at));
    if let Some(types) = zone.get(of) {
        return if is_cut(types) {
            Truth::Elsewhere
        } else {
            Truth::Exists(types.clone())
        };
    }
    if exists(of) {
        return Truth::EmptyNonTerminal;
    }
    let mut encloser = of.parent().unwrap();
    while !exists(&encloser) {
        encloser = encloser.parent().unwrap();
    }
    let wildcard = encloser.child(b"*").unwrap();
    match zone.get(&wildcard) {
        Some(types) => Truth::FromWildcard(types.clone(), encloser),
        None if exists(&wildcard) => Truth::FromWildcard(vec![], encloser),
        None => Truth::Absent,
    }
}

/// Names of the zone that have NSEC records: not those below cuts and DNAMEs.
fn signed_owners(zone: &Zone) -> Zone {
    zone.iter()
        .filter(|(owner, types)| {
            let own = truth(zone, owner);
            own != Truth::Elsewhere
                || types.contains(&T::NS) && {
                    let without: Zone = zone
                        .iter()
                        .filter(|(at, _)| at != owner)
                        .map(|(at, types)| (at.clone(), types.clone()))
                        .collect();
                    truth(&without, owner) != Truth::Elsewhere
                }
        })
        .map(|(owner, types)| (owner.clone(), types.clone()))
        .collect()
}

pub(crate) fn by_nsec(zone: &Zone) -> Vec<Validated<Rrset>> {
    let owners = signed_owners(zone);
    let names: Vec<_> = owners.keys().collect();
    (0..names.len())
        .map(|at| {
            let next = names[(at + 1) % names.len()];
            nsec(
                &names[at].to_string(),
                &next.to_string(),
                &owners[names[at]],
            )
        })
        .collect()
}

pub(crate) fn by_nsec3(zone: &Zone, flags: u8) -> Vec<Validated<Rrset>> {
    let owners = signed_owners(zone);
    let mut all: BTreeMap<Hash20, Vec<T>> = BTreeMap::new();
    for (owner, types) in &owners {
        let mut at = owner.clone();
        all.insert(hash(&at.to_string(), 1, &[7]), types.clone());
        while at != name(APEX) {
            at = at.parent().unwrap();
            all.entry(hash(&at.to_string(), 1, &[7])).or_default();
        }
    }
    // A name may have come as an empty non-terminal first.
    for (owner, types) in &owners {
        all.insert(hash(&owner.to_string(), 1, &[7]), types.clone());
    }
    let hashes: Vec<_> = all.keys().copied().collect();
    (0..hashes.len())
        .map(|at| {
            let types = &all[&hashes[at]];
            Hashed {
                zone: APEX,
                owner: hashes[at],
                next: hashes[(at + 1) % hashes.len()],
                flags,
                iterations: 1,
                salt: &[7],
                types,
            }
            .set()
        })
        .collect()
}

/// The answer of an honest server: the best three or four records, found by trying; here simply all that fit the limit of eight.
fn eights(sets: &[Validated<Rrset>]) -> Vec<Vec<Validated<Rrset>>> {
    if sets.len() <= 8 {
        return vec![sets.to_vec()];
    }
    // All records that match or cover anything: found by giving each name's own neighbours.
    sets.windows(8)
        .map(<[_]>::to_vec)
        .chain([[&sets[sets.len() - 4..], &sets[..4]].concat()])
        .collect()
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof![Just("*".to_owned()), "[a-cA-C]{1,2}", "[a-c0-9]{1,3}"]
}

pub(crate) fn any_name() -> impl Strategy<Value = Name> {
    proptest::collection::vec(label(), 1..4)
        .prop_map(|labels| name(&format!("{}.{APEX}", labels.join("."))))
}

fn types() -> impl Strategy<Value = Vec<T>> {
    prop_oneof![
        4 => Just(vec![T::A]),
        2 => Just(vec![T::TXT, T::MX]),
        1 => Just(vec![T::NS]),
        1 => Just(vec![T::NS, T::DS]),
        1 => Just(vec![T::DNAME]),
        1 => Just(vec![T::CNAME]),
    ]
}

pub(crate) fn zone(most: usize) -> impl Strategy<Value = Zone> {
    proptest::collection::btree_map(any_name(), types(), 0..most).prop_map(|mut zone| {
        // A cut or DNAME at a wildcard means nothing good (RFC 4592 section 4).
        zone.retain(|owner, types| {
            owner.labels().next() != Some(b"*")
                || !(types.contains(&T::NS) || types.contains(&T::DNAME))
        });
        zone.insert(name(APEX), vec![T::NS, T::SOA]);
        zone
    })
}

/// Everything that can be said of a name agrees with the truth, by a proof that holds the whole chain.
fn agrees(zone: &Zone, of: &Name, sets: &[Validated<Rrset>]) {
    let case = Case::new(APEX, sets);
    let text = of.to_string();
    let truth = truth(zone, of);
    assert_eq!(
        case.no_name(&text).is_ok(),
        truth == Truth::Absent,
        "{of}: {truth:?}"
    );
    for rtype in [T::A, T::MX, T::AAAA] {
        let has = |types: &[T]| types.contains(&rtype) || types.contains(&T::CNAME);
        let expected = match &truth {
            Truth::Elsewhere | Truth::Absent => false,
            Truth::Exists(types) | Truth::FromWildcard(types, _) => !has(types),
            Truth::EmptyNonTerminal => true,
        };
        assert_eq!(
            case.no_data(&text, rtype).is_ok(),
            expected,
            "{of} {rtype}: {truth:?}"
        );
    }
    // Of all ancestors, a wildcard answer holds at the closest encloser and nowhere above it.
    let mut above = of.parent();
    let closest = match &truth {
        Truth::FromWildcard(_, encloser) => Some(encloser.clone()),
        _ => None,
    };
    while let Some(at) = above.filter(|at| at.is_within(&name(APEX))) {
        let holds = case.no_closer(&text, &at.to_string()).is_ok();
        if let Some(closest) = &closest {
            // Below the closest encloser nothing is there either: such a wildcard cannot have signed anything.
            assert_eq!(holds, at.is_within(closest), "{of} from *.{at}");
        } else if !matches!(truth, Truth::Absent) {
            assert!(
                !holds || truth == Truth::Elsewhere,
                "{of} from *.{at}: {truth:?}"
            );
        }
        above = at.parent();
    }
    let cut = case.no_ds(&text);
    match zone.get(of) {
        _ if above_is_elsewhere(zone, of) => assert!(cut.is_err(), "{of} {cut:?}"),
        Some(types) if types.contains(&T::DS) => assert!(cut.is_err(), "{of} {cut:?}"),
        Some(types) if types.contains(&T::NS) => assert_eq!(cut, Ok(NoDs::Insecure), "{of}"),
        _ => assert_eq!(cut, Ok(NoDs::NoCut), "{of}"),
    }
}

/// Whether a cut or a DNAME lies strictly above a name.
fn above_is_elsewhere(zone: &Zone, of: &Name) -> bool {
    let without: Zone = zone
        .iter()
        .filter(|(at, _)| *at != of)
        .map(|(at, types)| (at.clone(), types.clone()))
        .collect();
    truth(&without, of) == Truth::Elsewhere
}

pub(crate) fn to_ask(zone: &Zone, random: &[Name]) -> BTreeSet<Name> {
    zone.keys()
        .flat_map(|owner| {
            [
                Some(owner.clone()),
                owner.parent(),
                owner.child(b"b").ok(),
                owner.child(b"*").ok(),
            ]
        })
        .flatten()
        .chain(random.iter().cloned())
        .filter(|of| of.is_within(&name(APEX)) && *of != name(APEX))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nsec_chains_prove_what_is_true_and_nothing_else(zone in zone(14), random in proptest::collection::vec(any_name(), 1..12)) {
        let sets = by_nsec(&zone);
        for of in to_ask(&zone, &random) {
            agrees(&zone, &of, &sets);
        }
    }

    #[test]
    fn nsec3_chains_prove_what_is_true_and_nothing_else(zone in zone(4), random in proptest::collection::vec(any_name(), 1..12)) {
        let sets = by_nsec3(&zone, 0);
        prop_assume!(sets.len() <= 8);
        for of in to_ask(&zone, &random) {
            agrees(&zone, &of, &sets);
        }
    }

    #[test]
    fn no_part_of_a_chain_proves_what_is_false(zone in zone(20), random in proptest::collection::vec(any_name(), 1..8), flags in 0_u8..2) {
        for part in eights(&by_nsec3(&zone, flags)).into_iter().chain(eights(&by_nsec(&zone))) {
            let case = Case::new(APEX, part);
            for of in to_ask(&zone, &random) {
                let truth = truth(&zone, &of);
                let text = of.to_string();
                if let Ok(denial) = case.no_name(&text) {
                    // An opted-out span hides cuts without DS, which are not here: all have records.
                    prop_assert_eq!(&truth, &Truth::Absent, "{} {:?}", of, denial);
                }
                if worth(case.no_data(&text, T::A)) == Ok(Strength::Proven) {
                    let holds = match &truth {
                        Truth::Exists(types) | Truth::FromWildcard(types, _) => !types.contains(&T::A) && !types.contains(&T::CNAME),
                        Truth::EmptyNonTerminal => true,
                        Truth::Elsewhere | Truth::Absent => false,
                    };
                    prop_assert!(holds, "{} {:?}", of, truth);
                }
            }
        }
    }
}
