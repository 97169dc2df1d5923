//! Does suimond say what Unbound says about a generated Internet, but for what is judged? The quick run; `packaging/differ` is the full one.

use std::time::Duration;

use crate::differ::resolvers::Resolver;
use crate::differ::verdicts::{list, matches, read};
use crate::differ::{Options, report, run};
use crate::lab::script::in_three_attempts;

#[test]
fn five_hundred_questions_differ_from_unbound_only_as_judged() {
    let options = Options {
        seed: 7,
        zones: 60,
        questions: 500,
        resolvers: vec![Resolver::Suimond, Resolver::Unbound],
        kinds: Vec::new(),
        at_once: Some(12),
        rounds: 1,
        patience: Duration::from_secs(9),
    };
    // Either of the two may run out of time on a machine that stands still.
    in_three_attempts(|| {
        let outcome = run(&options);
        eprintln!("{}", report::tables(&outcome));
        let asked: usize = outcome.asked.values().map(Vec::len).sum();
        assert!(asked >= 450, "{asked} questions");
        if outcome.unjudged().count() == 0 {
            return Ok(());
        }
        let differs = report::unjudged(&outcome, 2);
        Err(format!("suimond left, unbound right:\n{differs}"))
    });
}

#[test]
fn a_pattern_fits_the_whole_text() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("a*b*c", "axxbyyc", true),
        ("a*b*c", "acb", false),
        ("abc", "abc", true),
        ("abc", "abcd", false),
        ("*mute*", "villain-all-mute-nsec", true),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn the_list_is_complete_and_no_entry_stands_twice() {
    let mut ids: Vec<String> = list().into_iter().map(|verdict| verdict.id).collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
#[should_panic(expected = "ours is to be mended")]
fn a_fault_of_ours_cannot_be_listed() {
    read("[[verdict]]\nid = 'x'\nwho = 'unbound'\nwhat = 'rcode'\nfault = 'suimond'\nwhy = 'no'\n");
}
