//! How much of a name does a server need to see? QNAME minimisation (RFC 9156) as a pure function.

use crate::config::plan::Minimisation;
use crate::wire::Name;

/// Questions that add one label each before labels are added in bunches (RFC 9156 section 2.3, MINIMISE_ONE_LAB).
const SINGLE_LABELS: u32 = 4;

/// How many labels of `name` to ask for when the last `known` are known to exist and `taken` shortened questions were
/// asked before; all of them once `steps` (MAX_MINIMISE_COUNT) are used up.
///
/// Labels that begin with an underscore are never asked for alone: they are not zone cuts in practice (RFC 9156 section 2.3).
pub(super) fn labels_to_ask(
    mode: Minimisation,
    name: &Name,
    known: usize,
    taken: u32,
    steps: u32,
) -> usize {
    let total = name.label_count();
    if mode == Minimisation::Off || taken >= steps || known >= total {
        return total;
    }
    let more = if taken < SINGLE_LABELS {
        1
    } else {
        let left = usize::try_from(steps - taken).unwrap_or(1);
        (total - known).div_ceil(left)
    };
    let mut labels = known + more;
    while labels < total && begins_with_underscore(name, labels) {
        labels += 1;
    }
    labels.min(total)
}

fn begins_with_underscore(name: &Name, labels: usize) -> bool {
    let skipped = name.label_count().saturating_sub(labels);
    name.labels()
        .nth(skipped)
        .is_some_and(|label| label.first() == Some(&b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(name: &str, known: usize) -> Vec<usize> {
        let name: Name = name.parse().unwrap();
        let (mut known, mut taken, mut asked) = (known, 0, Vec::new());
        loop {
            let labels = labels_to_ask(Minimisation::Relaxed, &name, known, taken, 10);
            asked.push(labels);
            if labels == name.label_count() {
                return asked;
            }
            (known, taken) = (labels, taken + 1);
        }
    }

    #[test]
    fn a_short_name_is_shown_one_label_at_a_time() {
        assert_eq!(schedule("a.b.example.com", 0), [1, 2, 3, 4]);
        assert_eq!(schedule("a.b.example.com", 2), [3, 4]);
        assert_eq!(schedule("com", 0), [1]);
    }

    #[test]
    fn a_name_of_34_labels_takes_at_most_10_steps() {
        let mut name = "ip6.arpa".to_owned();
        for _ in 0..32 {
            name = format!("1.{name}");
        }
        let asked = schedule(&name, 2);
        assert_eq!(asked.get(..4), Some(&[3, 4, 5, 6][..]));
        assert!(asked.len() <= 10, "{asked:?}");
        assert_eq!(asked.last(), Some(&34));
    }

    #[test]
    fn a_name_of_127_labels_takes_at_most_11_questions() {
        let name = vec!["a"; 127].join(".");
        assert!(schedule(&name, 0).len() <= 11);
    }

    #[test]
    fn labels_that_begin_with_an_underscore_are_passed_over() {
        assert_eq!(schedule("_25._tcp.mail.example.com", 2), [3, 5]);
        assert_eq!(schedule("x._domainkey.example.com", 2), [4]);
    }

    #[test]
    fn off_asks_for_everything_at_once() {
        let name: Name = "a.b.c.example.com".parse().unwrap();
        assert_eq!(labels_to_ask(Minimisation::Off, &name, 0, 0, 10), 5);
    }
}
