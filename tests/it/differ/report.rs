//! How is the outcome told? Tables by kind of question and resolver, and every kind of difference with examples.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::questions::Kind;
use super::resolvers::Resolver;
use super::{Difference, Outcome, verdicts};

/// Differences by kind of question, packets and CPU by resolver.
pub fn tables(outcome: &Outcome) -> String {
    let resolvers: BTreeSet<Resolver> =
        outcome.runs.keys().map(|(_, resolver)| *resolver).collect();
    let mut text = String::from("| kind | questions |");
    for resolver in &resolvers {
        let _infallible = write!(text, " {} packets |", resolver.name());
    }
    for resolver in resolvers.iter().skip(1) {
        let _infallible = write!(text, " {} rcode/AD/answer (unjudged) |", resolver.name());
    }
    let _infallible = writeln!(text, "\n|---|{}", "---:|".repeat(resolvers.len() * 2));
    let rows = outcome.asked.keys().map(|kind| (Some(*kind), kind.word()));
    for (kind, word) in rows.chain([(None, "all")]) {
        let in_row = |other: Kind| kind.is_none_or(|kind| kind == other);
        let asked: usize = outcome
            .asked
            .iter()
            .filter(|(kind, _)| in_row(**kind))
            .map(|(_, asked)| asked.len())
            .sum();
        let _infallible = write!(text, "| {word} | {asked} |");
        for resolver in &resolvers {
            let packets: usize = outcome
                .runs
                .iter()
                .filter(|((kind, of), _)| in_row(*kind) && of == resolver)
                .map(|(_, run)| run.packets)
                .sum();
            let _infallible = write!(text, " {packets} |");
        }
        for resolver in resolvers.iter().skip(1) {
            let of = |what: &str, unjudged: bool| {
                let all = outcome.differences.iter();
                all.filter(|one| in_row(one.asked.kind) && one.who == *resolver)
                    .filter(|one| what.is_empty() || one.what == what)
                    .filter(|one| !unjudged || one.verdict.is_none())
                    .count()
            };
            let _infallible = write!(
                text,
                " {}/{}/{} ({}) |",
                of("rcode", false),
                of("ad", false),
                of("answer", false),
                of("", true)
            );
        }
        text.push('\n');
    }
    if let Some(asked) = outcome
        .asked
        .get(&Kind::Cold)
        .map(|asked| asked.len().max(1))
    {
        text.push_str("\n| cold signed names | CPU in all, ms | per name, µs | packets per name |\n|---|---:|---:|---:|\n");
        for resolver in &resolvers {
            let Some(run) = outcome.runs.get(&(Kind::Cold, *resolver)) else {
                continue;
            };
            let _infallible = writeln!(
                text,
                "| {} | {:.0} | {:.0} | {:.2} |",
                resolver.name(),
                run.cpu as f64 / 1e6,
                run.cpu as f64 / 1e3 / asked as f64,
                run.packets as f64 / asked as f64
            );
        }
    }
    text
}

/// How often each verdict was needed.
pub fn judged(outcome: &Outcome) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for difference in &outcome.differences {
        if let Some(verdict) = &difference.verdict {
            *counts.entry(verdict).or_default() += 1;
        }
    }
    let mut text = String::new();
    for verdict in verdicts::list() {
        if let Some(count) = counts.get(&*verdict.id) {
            let _infallible = writeln!(
                text,
                "{count:6} {} ({}): {}",
                verdict.id, verdict.fault, verdict.why
            );
        }
    }
    text
}

/// What no verdict covers, alike ones together, with `examples` of each.
pub fn unjudged(outcome: &Outcome, examples: usize) -> String {
    let mut groups: BTreeMap<String, Vec<&Difference>> = BTreeMap::new();
    for difference in outcome.unjudged() {
        let how = if difference.what == "answer" {
            String::new()
        } else {
            format!(" {} / {}", difference.ours, difference.theirs)
        };
        let group = format!(
            "{} {} {} {}:{how}",
            difference.asked.kind.word(),
            difference.asked.family,
            difference.who.name(),
            difference.what
        );
        groups.entry(group).or_default().push(difference);
    }
    let mut text = String::new();
    for (group, list) in groups {
        let _infallible = writeln!(text, "{:5} {group}", list.len());
        for one in list.into_iter().take(examples) {
            let _infallible = writeln!(
                text,
                "        {} {} {} (suimond / {}) {} / {}",
                one.asked.question.name,
                one.asked.question.rtype,
                one.asked.flags,
                one.who.name(),
                one.ours,
                one.theirs
            );
        }
    }
    text
}
