//! Does a flood of names asked once push out what is asked all the time?

use super::*;

const HOT: usize = 500;
const ROUNDS: usize = 10;

fn hit(cache: &Cache, template: &Rrset, text: &str) -> bool {
    let asked = question(text, RecordType::A);
    if cache.lookup(&asked, at(1)).is_some() {
        return true;
    }
    let owner = asked.name;
    cache.store(
        Rrset {
            owner,
            ..template.clone()
        },
        Rank::AuthAnswer,
        at(1),
    );
    false
}

/// One round of all hot names, `flood` others asked once after each; how many hot ones were known.
fn round(cache: &Cache, number: usize, flood: usize) -> usize {
    let template = set(&["x. 3600 IN A 192.0.2.1"]);
    let mut hits = 0;
    for hot in 0..HOT {
        hits += usize::from(hit(cache, &template, &format!("hot{hot}.example.")));
        for other in 0..flood {
            hit(
                cache,
                &template,
                &format!("r{number}-{hot}-{other}.flood.example."),
            );
        }
        if hot % 64 == 0 {
            cache.settle();
        }
    }
    cache.settle();
    hits
}

#[test]
fn ten_names_asked_once_for_every_hot_one_do_not_evict_the_hot() {
    // Room for about twice the hot set, an eleventh of what one round brings.
    let one = 700;
    let plan = plan::Cache {
        max_bytes: one * 2 * u64::try_from(HOT).unwrap(),
        ..plan()
    };
    let cache = Cache::with_secret(&plan, 3, 4);
    for number in 0..5 {
        round(&cache, number, 0);
    }
    assert_eq!(
        round(&cache, 5, 0),
        HOT,
        "the hot set fits when nothing else is asked"
    );
    let mut hits = 0;
    for number in 0..ROUNDS {
        hits += round(&cache, 100 + number, 10);
    }
    let total = HOT * ROUNDS;
    assert!(
        hits * 100 >= total * 99,
        "{hits} of {total} hot look-ups hit"
    );
    assert!(cache.bytes() <= plan.max_bytes);
    assert!(cache.entries() < u64::try_from(HOT * 4).unwrap());
}

#[test]
fn the_caches_stay_within_their_bounds() {
    let plan = plan::Cache {
        max_bytes: 1 << 20,
        failures: 100,
        ..plan()
    };
    let cache = Cache::with_secret(&plan, 5, 6);
    for number in 0..20_000 {
        let owner = format!("n{number}.example.");
        cache.store(
            set(&[&format!(
                "{owner} 300 IN TXT \"{}\"",
                "x".repeat(number % 200)
            )]),
            Rank::AuthAnswer,
            at(0),
        );
        cache.store_failure(&question(&owner, RecordType::A), Ede::new(0, ""), at(0));
        cache.store_negative(
            &question(&owner, RecordType::MX),
            Negative::NxDomain,
            None,
            at(0),
        );
        cache.store_delegation(delegation(&owner, at(300)), at(0));
    }
    cache.settle();
    assert!(cache.bytes() <= plan.max_bytes, "{}", cache.bytes());
    assert!(cache.failures() <= plan.failures, "{}", cache.failures());
    assert!(cache.entries() > 100 && cache.delegations() > 50);
}
