//! Do gaps answer what they can, truly, and nothing else? Every kind of answer, whole made-up zones, and floods of random names.

use proptest::prelude::*;

use super::*;
use crate::cache::{Backing, Delegation, DelegationServer, Negative, Rank};
use crate::dnssec::denial::tests::zones::{
    APEX, Truth, Zone, any_name, by_nsec, by_nsec3, to_ask, truth, zone,
};
use crate::dnssec::denial::tests::{Hashed, hash, name, nsec, sealed};
use crate::recursion::tests::internet::cache_plan;
use crate::wire::rrset::group;
use crate::wire::text::record_from_text;

use RecordType as T;

fn cache() -> Cache {
    Cache::with_secret(&cache_plan(), 1, 2)
}

fn on() -> plan::Dnssec {
    plan::Dnssec {
        nsec3_iterations: 50,
        aggressive: true,
        ..plan::Dnssec::default()
    }
}

fn at(secs: u64) -> Now {
    Now::at_secs(secs)
}

fn lines(lines: &[&str]) -> Validated<Rrset> {
    let records: Vec<_> = lines
        .iter()
        .map(|line| record_from_text(line, 300).unwrap())
        .collect();
    Validated::in_a_test(group(&records).remove(0))
}

fn soa(zone: &str) -> Validated<Rrset> {
    lines(&[&format!("{zone} 200 IN SOA a. b. 1 2 3 4 100")])
}

fn filled(zone: &str, sets: &[Validated<Rrset>]) -> Cache {
    let cache = cache();
    cache.store_denial(&name(zone), Some(&soa(zone)), sets, at(0));
    cache
}

fn ask_at(cache: &Cache, of: &str, rtype: T, now: Now) -> Option<Response> {
    synthesise(cache, &Question::new(name(of), rtype), &on(), now)
}

fn ask(cache: &Cache, of: &str, rtype: T) -> Option<Response> {
    ask_at(cache, of, rtype, at(1))
}

/// RCODE, owners and types in answer and authority, in one line.
fn told(response: Option<Response>) -> String {
    let Some(response) = response else {
        return "nothing".to_owned();
    };
    assert!(response.is_authenticated());
    assert!(!response.authoritative);
    let show = |sets: &[Held]| {
        sets.iter()
            .map(|held| format!(" {} {}", held.rrset.owner, held.rrset.rtype))
            .collect::<String>()
    };
    format!(
        "{}:{} |{}",
        response.rcode,
        show(&response.answer),
        show(&response.authority)
    )
}

fn example() -> Vec<Validated<Rrset>> {
    vec![
        nsec("example.", "b.example.", &[T::NS, T::SOA, T::DNSKEY]),
        nsec("b.example.", "cut.example.", &[T::A]),
        nsec("cut.example.", "d.example.", &[T::NS]),
        nsec("d.example.", "a.ent.example.", &[T::DNAME]),
        nsec("a.ent.example.", "*.w.example.", &[T::A]),
        nsec("*.w.example.", "x.w.example.", &[T::MX]),
        nsec("x.w.example.", "example.", &[T::A]),
    ]
}

#[test]
fn each_kind_of_denial_is_made_with_its_proof() {
    let cache = filled("example.", &example());
    for (of, rtype, expected) in [
        ("a.example.", T::A, "NXDOMAIN: | example. SOA example. NSEC"),
        (
            "x.y.C.example.",
            T::A,
            "NXDOMAIN: | example. SOA b.example. NSEC example. NSEC",
        ),
        (
            "c.example.",
            T::ANY,
            "NXDOMAIN: | example. SOA b.example. NSEC example. NSEC",
        ),
        (
            "c.example.",
            T::DS,
            "NXDOMAIN: | example. SOA b.example. NSEC example. NSEC",
        ),
        (
            "c.example.",
            T::NSEC,
            "NXDOMAIN: | example. SOA b.example. NSEC example. NSEC",
        ),
        (
            "b.example.",
            T::AAAA,
            "NOERROR: | example. SOA b.example. NSEC",
        ),
        ("b.example.", T::A, "nothing"),
        ("b.example.", T::NSEC, "nothing"),
        ("b.example.", T::ANY, "nothing"),
        ("b.example.", T::RRSIG, "nothing"),
        ("b.example.", T(0), "nothing"),
        ("c.example.", T::AXFR, "nothing"),
        (
            "ent.example.",
            T::A,
            "NOERROR: | example. SOA d.example. NSEC",
        ),
        ("x.d.example.", T::A, "nothing"),
        (
            "d.example.",
            T::A,
            "NOERROR: | example. SOA d.example. NSEC",
        ),
        // At a cut the parent speaks of DS alone, and below it of nothing.
        (
            "cut.example.",
            T::DS,
            "NOERROR: | example. SOA cut.example. NSEC",
        ),
        ("cut.example.", T::A, "nothing"),
        ("x.cut.example.", T::A, "nothing"),
        ("x.cut.example.", T::DS, "nothing"),
        // Wildcard NODATA; with the type, the wildcard would have to be known.
        (
            "a.w.example.",
            T::A,
            "NOERROR: | example. SOA *.w.example. NSEC",
        ),
        (
            "z.w.example.",
            T::A,
            "NOERROR: | example. SOA x.w.example. NSEC *.w.example. NSEC",
        ),
        ("z.w.example.", T::MX, "nothing"),
        ("x.w.example.", T::A, "nothing"),
        (
            "y.x.w.example.",
            T::A,
            "NXDOMAIN: | example. SOA x.w.example. NSEC",
        ),
        // Of the zone's own DS the parent speaks; of other zones somebody else.
        ("example.", T::DS, "nothing"),
        ("example.", T::A, "NOERROR: | example. SOA example. NSEC"),
        ("example2.", T::A, "nothing"),
        (".", T::DS, "nothing"),
    ] {
        assert_eq!(told(ask(&cache, of, rtype)), expected, "{of} {rtype}");
    }
}

#[test]
fn all_ttls_are_the_lowest_and_nothing_outlives_it() {
    // RFC 8198 section 5.4: SOA 200, MINIMUM 100, NSEC 300.
    let cache = filled("example.", &example());
    let ttls = |secs| {
        let response = ask_at(&cache, "a.example.", T::A, at(secs))?;
        Some(
            response
                .authority
                .iter()
                .map(|held| held.ttl)
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(ttls(0), Some(vec![100, 100]));
    assert_eq!(ttls(99), Some(vec![1, 1]));
    assert_eq!(ttls(100), None);
}

#[test]
fn without_an_soa_nothing_is_denied() {
    let cache = cache();
    cache.store_denial(&name("example."), None, &example(), at(0));
    assert_eq!(told(ask(&cache, "a.example.", T::A)), "nothing");
}

#[test]
fn it_can_be_turned_off() {
    let cache = filled("example.", &example());
    let off = plan::Dnssec {
        aggressive: false,
        ..on()
    };
    let question = Question::new(name("a.example."), T::A);
    assert!(synthesise(&cache, &question, &off, at(1)).is_none());
}

#[test]
fn below_a_known_delegation_the_parent_is_not_believed() {
    let cache = filled("example.", &example());
    assert_eq!(
        told(ask(&cache, "x.a.example.", T::A)),
        "NXDOMAIN: | example. SOA example. NSEC"
    );
    let delegation = |zone: &str| Delegation {
        zone: name(zone),
        servers: vec![DelegationServer {
            name: name("ns."),
            addresses: vec![],
        }],
        expires_at: u64::MAX,
    };
    cache.store_delegation(delegation("example."), at(0));
    assert!(ask(&cache, "x.a.example.", T::A).is_some());
    cache.store_delegation(delegation("a.example."), at(0));
    assert_eq!(told(ask(&cache, "x.a.example.", T::A)), "nothing");
    assert_eq!(told(ask(&cache, "a.example.", T::A)), "nothing");
    // DS there is still the parent's affair.
    assert!(ask(&cache, "a.example.", T::DS).is_some());
}

#[test]
fn wildcards_answer_for_names_that_are_not_there() {
    // RFC 8198 section 5.3.
    let mut sets = example();
    sets.push(lines(&["*.w.example. 60 IN MX 1 mail.example."]));
    let cache = filled("example.", &sets);
    let response = ask(&cache, "Q.z.w.example.", T::MX).unwrap();
    assert_eq!(response.answer[0].rrset.owner.to_string(), "Q.z.w.example.");
    assert_eq!(response.answer[0].ttl, 59);
    assert_eq!(
        told(Some(response)),
        "NOERROR: Q.z.w.example. MX | x.w.example. NSEC"
    );
    assert_eq!(
        told(ask(&cache, "x.w.example.", T::MX)),
        "NOERROR: | example. SOA x.w.example. NSEC"
    );
    assert_eq!(
        told(ask(&cache, "q.z.w.example.", T::TXT)),
        "NOERROR: | example. SOA x.w.example. NSEC *.w.example. NSEC"
    );
    // Without a proof that nothing is closer, it is asked.
    let only = filled("example.", &sets[5..6]);
    only.store_denial(&name("example."), None, &sets[7..], at(0));
    assert_eq!(told(ask(&only, "z.w.example.", T::MX)), "nothing");
    assert_eq!(
        told(ask(&only, "b.w.example.", T::MX)),
        "NOERROR: b.w.example. MX | *.w.example. NSEC"
    );
}

#[test]
fn where_names_are_hashed_a_wildcard_and_the_gap_beside_it_are_enough() {
    // RFC 8198 section 5.4; the wildcard shows its encloser (RFC 5155 section 8.8), whose own NSEC3 is not known here.
    let gap = |flags| {
        let within = hash("q.w.z.", 0, &[]);
        let (mut owner, mut next) = (within, within);
        owner[4..].fill(0);
        next[4..].fill(0xFF);
        Hashed {
            zone: "z.",
            owner,
            next,
            flags,
            iterations: 0,
            salt: &[],
            types: &[T::A],
        }
        .set()
    };
    let made = lines(&["*.w.z. 60 IN A 192.0.2.1"]);
    let cache = filled("z.", &[gap(0), made.clone()]);
    for of in ["q.w.z.", "deep.below.q.w.z."] {
        let response = ask(&cache, of, T::A).unwrap();
        assert!(response.is_authenticated());
        assert_eq!(response.answer[0].rrset.owner, name(of));
        assert_eq!(response.authority.len(), 1);
        assert_eq!(response.authority[0].rrset.rtype, T::NSEC3);
    }
    // Not in the gap, not the wildcard's type, not below its encloser, and nothing at all.
    for (of, rtype) in [
        ("other.w.z.", T::A),
        ("q.w.z.", T::TXT),
        ("w.z.", T::A),
        ("q.z.", T::A),
    ] {
        assert_eq!(told(ask(&cache, of, rtype)), "nothing", "{of} {rtype}");
    }
    // Where insecure delegations may hide in the gap, it is asked.
    let opted_out = filled("z.", &[gap(1), made]);
    assert_eq!(told(ask(&opted_out, "q.w.z.", T::A)), "nothing");
}

#[test]
fn a_wildcard_link_is_followed_if_its_target_is_known() {
    let sets = [
        nsec("example.", "*.example.", &[T::SOA, T::NS]),
        nsec("*.example.", "example.", &[T::CNAME]),
        lines(&["*.example. 60 IN CNAME there.test."]),
    ];
    let cache = filled("example.", &sets);
    assert_eq!(told(ask(&cache, "x.example.", T::A)), "nothing");
    let secure = |cache: &Cache, security| {
        let set = lines(&["there.test. 30 IN A 192.0.2.1"]).into_inner();
        let backing = Backing {
            security,
            proofs: vec![],
        };
        cache.store_backed(set, Rank::AuthAnswer, backing, at(0));
    };
    secure(&cache, Security::Secure);
    assert_eq!(
        told(ask(&cache, "x.example.", T::A)),
        "NOERROR: x.example. CNAME there.test. A | *.example. NSEC"
    );
    assert_eq!(
        told(ask(&cache, "x.example.", T::CNAME)),
        "NOERROR: x.example. CNAME | *.example. NSEC"
    );
    // What is only insecure at the end makes the whole so.
    let cache = filled("example.", &sets);
    secure(&cache, Security::Insecure);
    let response = ask(&cache, "x.example.", T::A).unwrap();
    assert!(!response.is_authenticated());
    assert_eq!(response.answer.len(), 2);
}

#[test]
fn opted_out_spans_and_dear_hashes_say_nothing() {
    let chain = |flags, iterations| {
        let owner = hash("z.", iterations, &[]);
        let types = [T::SOA, T::NS];
        let only = Hashed {
            zone: "z.",
            owner,
            next: owner,
            flags,
            iterations,
            salt: &[],
            types: &types,
        };
        filled("z.", &[only.set()])
    };
    assert!(ask(&chain(0, 0), "x.z.", T::A).is_some());
    assert!(ask(&chain(0, 50), "x.z.", T::A).is_some());
    assert!(ask(&chain(1, 0), "x.z.", T::A).is_none());
    assert!(ask(&chain(0, 51), "x.z.", T::A).is_none());
    let careful = plan::Dnssec {
        nsec3_iterations: 10,
        ..on()
    };
    let question = Question::new(name("x.z."), T::A);
    assert!(synthesise(&chain(0, 11), &question, &careful, at(1)).is_none());
    assert!(synthesise(&chain(0, 10), &question, &careful, at(1)).is_some());
}

#[test]
fn hashes_of_one_attempt_are_bounded() {
    let owner = hash("z.", 0, &[]);
    let types = [T::SOA, T::NS];
    let only = Hashed {
        zone: "z.",
        owner,
        next: owner,
        flags: 0,
        iterations: 0,
        salt: &[],
        types: &types,
    };
    let cache = filled("z.", &[only.set()]);
    let deep = |labels: usize| ask(&cache, &format!("{}z.", "a.".repeat(labels)), T::A);
    // One hash for each label, one for the zone, one for the wildcard.
    assert!(deep(14).is_some());
    assert!(deep(15).is_none());
    assert!(deep(100).is_none());
}

#[test]
fn below_a_name_that_does_not_exist_there_is_nothing() {
    // RFC 8020, for what was proven only.
    let cache = cache();
    let deny = |cache: &Cache, security| {
        let question = Question::new(name("gone.example."), T::A);
        let backing = Backing {
            security,
            proofs: vec![],
        };
        cache.store_denied(
            &question,
            Negative::NxDomain,
            Some(soa("example.").into_inner()),
            backing,
            at(0),
        );
    };
    deny(&cache, Security::Insecure);
    assert_eq!(told(ask(&cache, "x.gone.example.", T::A)), "nothing");
    deny(&cache, Security::Secure);
    assert_eq!(
        told(ask(&cache, "x.gone.example.", T::A)),
        "NXDOMAIN: | example. SOA"
    );
    assert_eq!(
        told(ask(&cache, "x.y.GONE.example.", T::DS)),
        "NXDOMAIN: | example. SOA"
    );
    assert_eq!(told(ask(&cache, "ungone.example.", T::A)), "nothing");
    assert_eq!(told(ask(&cache, "example.", T::A)), "nothing");
    assert!(ask_at(&cache, "x.gone.example.", T::A, at(100)).is_none());
}

/// What an honest server sends when `of` does not exist: the records that match or cover it, its ancestors and their wildcards.
fn honest_proof(chain: &[Validated<Rrset>], zone: &str, of: &Name) -> Vec<Validated<Rrset>> {
    let whole = filled(zone, chain);
    let known = whole.denial_zone(&name(zone)).unwrap();
    let mut names = vec![of.clone()];
    let mut above = of.parent();
    while let Some(at) = above.filter(|at| at.is_within(&name(zone))) {
        names.extend([at.child(b"*").unwrap(), at.clone()]);
        above = at.parent();
    }
    let mut found: Vec<Validated<Rrset>> = Vec::new();
    for at in names {
        let near = match known.parameters() {
            None => known.nsec_at_or_before(&at, Now::at_secs(1)),
            Some(parameters) => {
                let hash = hash(&at.to_string(), parameters.iterations, &parameters.salt);
                known.nsec3_at_or_before(&hash, Now::at_secs(1))
            }
        };
        let set = Validated::in_a_test(Rrset::clone(&near.unwrap().set));
        if !found.contains(&set) {
            found.push(set);
        }
    }
    found
}

/// Questions that `flood` costs upstream, against a zone of `names` names with this chain.
fn flood_costs(
    chain: &[Validated<Rrset>],
    zone: &str,
    flood: impl Iterator<Item = String>,
) -> usize {
    let cache = cache();
    let mut questions = 0;
    for of in flood {
        match ask(&cache, &of, T::A) {
            Some(response) => assert_eq!(response.rcode, Rcode::NXDOMAIN, "{of}"),
            None => {
                questions += 1;
                let proof = honest_proof(chain, zone, &name(&of));
                cache.store_denial(&name(zone), Some(&soa(zone)), &proof, at(0));
                assert!(
                    ask(&cache, &of, T::A).is_some(),
                    "{of}: proven, and not believed"
                );
            }
        }
    }
    questions
}

/// Labels that nobody has thought of before, one after the other.
fn random_labels(count: u64) -> impl Iterator<Item = String> {
    (1..=count).map(|number| {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{:x}", mixed ^ mixed >> 29)
    })
}

#[test]
fn a_flood_of_random_names_costs_a_question_per_gap() {
    let names = 40;
    let zone: Zone = (0..names)
        .map(|number| (name(&format!("{:x}.{APEX}", number * 6 + 7)), vec![T::A]))
        .chain([(name(APEX), vec![T::NS, T::SOA])])
        .collect();
    let flood = || random_labels(5_000).map(|label| format!("{label}.{APEX}"));
    let deep = || random_labels(5_000).map(|label| format!("a.{label}.b.{label}.{APEX}"));
    for chain in [by_nsec(&zone), by_nsec3(&zone, 0)] {
        for cost in [
            flood_costs(&chain, APEX, flood()),
            flood_costs(&chain, APEX, deep()),
        ] {
            assert!(
                cost <= zone.len() + 1,
                "{cost} questions for {} gaps",
                zone.len()
            );
        }
    }
}

#[test]
fn a_flood_against_white_lies_takes_no_room() {
    let cache = cache();
    for label in random_labels(2_000) {
        let of = format!("{label}.{APEX}");
        let lie = nsec(&of, &format!("\\000.{of}"), &[T::NXNAME]);
        cache.store_denial(&name(APEX), Some(&soa(APEX)), &[lie], at(0));
        assert!(ask(&cache, &of, T::A).is_none());
    }
    assert_eq!(cache.denial_zones(), 0);
}

/// What must come out of a question, if anything does.
fn expected(zone: &Zone, of: &Name, rtype: T) -> Option<Rcode> {
    let lacks = |types: &[T]| !types.contains(&rtype) && !types.contains(&T::CNAME);
    match truth(zone, of) {
        Truth::Elsewhere => None,
        Truth::Exists(types) | Truth::FromWildcard(types, _) => {
            lacks(&types).then_some(Rcode::NOERROR)
        }
        Truth::EmptyNonTerminal => Some(Rcode::NOERROR),
        Truth::Absent => Some(Rcode::NXDOMAIN),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_whole_chain_answers_all_that_is_denied_and_truly(zone in zone(14), random in proptest::collection::vec(any_name(), 1..12)) {
        for chain in [by_nsec(&zone), by_nsec3(&zone, 0)] {
            let cache = filled(APEX, &chain);
            for of in to_ask(&zone, &random) {
                for rtype in [T::A, T::AAAA] {
                    let found = ask(&cache, &of.to_string(), rtype).map(|response| response.rcode);
                    prop_assert_eq!(found, expected(&zone, &of, rtype), "{} {}", of, rtype);
                }
            }
        }
    }

    #[test]
    fn part_of_a_chain_answers_nothing_untrue(
        zone in zone(14),
        random in proptest::collection::vec(any_name(), 1..12),
        kept in proptest::collection::vec(any::<bool>(), 60),
        wildcards in any::<bool>(),
    ) {
        for chain in [by_nsec(&zone), by_nsec3(&zone, 0)] {
            let some: Vec<_> = chain.into_iter().zip(kept.iter().cycle()).filter(|(_, kept)| **kept).map(|(set, _)| set).collect();
            let cache = filled(APEX, &some);
            if wildcards {
                // Nothing below a cut is signed.
                let of_zone = zone.iter().filter(|(owner, types)| owner.labels().next() == Some(b"*") && types.contains(&T::A)
                    && !matches!(truth(&zone, owner), Truth::Elsewhere));
                let sets: Vec<_> = of_zone.map(|(owner, _)| sealed(owner, T::A, &[192, 0, 2, 1])).collect();
                cache.store_denial(&name(APEX), None, &sets, at(0));
            }
            for of in to_ask(&zone, &random) {
                let Some(found) = ask(&cache, &of.to_string(), T::A) else { continue };
                if found.answer.is_empty() {
                    prop_assert_eq!(Some(found.rcode), expected(&zone, &of, T::A), "{}", of);
                } else {
                    let truth = truth(&zone, &of);
                    let made = matches!(&truth, Truth::FromWildcard(types, _) if types.contains(&T::A));
                    prop_assert!(made, "{} {:?}", of, truth);
                }
            }
        }
    }
}

#[test]
fn the_public_zones_denial_says_nothing_of_a_private_zone_below_it() {
    let gap = lines(&["z.test 200 IN NSEC a.z.test NS SOA NSEC RRSIG"]);
    let cache = filled("z.test", &[gap]);
    let question = Question::new(name("corp.z.test"), T::TXT);
    let within = |apex: &str| synthesise_within(&cache, &question, &name(apex), &on(), at(1));
    let of_all = within(".");
    assert_eq!(told(within("z.test")), told(of_all));
    assert!(within("corp.z.test").is_none());
}
