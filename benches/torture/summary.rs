//! What do several runs of the same attack on the same resolver say together?

use std::collections::BTreeMap;

use crate::measures::{Measure, Target, Victim};

/// One run: an attack, a resolver, what was measured.
#[derive(Clone, Debug)]
pub struct Run {
    pub attack: Attack,
    /// The resolver's column title, like "Unbound, ratelimit 1000".
    pub resolver: String,
    pub figures: BTreeMap<Measure, f64>,
}

/// What distinguishes one attack from another in the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attack {
    /// As `suimon drill --attack` calls it.
    pub name: String,
    pub victim: Victim,
    /// Attack queries per second, as asked for.
    pub rate: u32,
}

/// The runs of one attack on one resolver.
#[derive(Clone, Debug)]
pub struct Row {
    pub attack: Attack,
    pub resolver: String,
    pub runs: usize,
    spreads: BTreeMap<Measure, Spread>,
}

/// Middle and ends of what several runs measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// Rows in the order in which their first run stands: attacks together, resolvers in their turn.
pub fn rows(runs: &[Run]) -> Vec<Row> {
    let mut attacks: Vec<&Attack> = Vec::new();
    let mut resolvers: Vec<&str> = Vec::new();
    for run in runs {
        if !attacks.contains(&&run.attack) {
            attacks.push(&run.attack);
        }
        if !resolvers.contains(&run.resolver.as_str()) {
            resolvers.push(&run.resolver);
        }
    }
    let mut rows = Vec::new();
    for attack in attacks {
        for resolver in &resolvers {
            let of_both: Vec<&Run> = runs
                .iter()
                .filter(|run| run.attack == *attack && run.resolver == *resolver)
                .collect();
            if !of_both.is_empty() {
                rows.push(Row::of(attack, resolver, &of_both));
            }
        }
    }
    rows
}

impl Row {
    fn of(attack: &Attack, resolver: &str, runs: &[&Run]) -> Self {
        let mut values: BTreeMap<Measure, Vec<f64>> = BTreeMap::new();
        for (measure, value) in runs.iter().flat_map(|run| &run.figures) {
            values.entry(*measure).or_default().push(*value);
        }
        let spreads = values
            .into_iter()
            .filter_map(|(measure, values)| Some((measure, Spread::of(values)?)))
            .collect();
        Self {
            attack: attack.clone(),
            resolver: resolver.to_owned(),
            runs: runs.len(),
            spreads,
        }
    }

    /// What the runs measured; nothing if none of them could.
    pub fn spread(&self, measure: Measure) -> Option<Spread> {
        self.spreads.get(&measure).copied()
    }

    /// The promise about this measure under this attack.
    pub fn target(&self, measure: Measure) -> Option<Target> {
        measure.target(self.attack.victim, self.attack.rate)
    }

    /// Whether the median keeps the promise; nothing where none was made or nothing was measured. "Never engaged" and "never
    /// released" are infinite, and so measured.
    pub fn is_held(&self, measure: Measure) -> Option<bool> {
        let spread = self.spread(measure)?;
        Some(self.target(measure)?.is_held(spread.median))
    }
}

impl Spread {
    /// The median of an even number of values is the mean of the middle two.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = *values.get(middle.saturating_sub(1))?;
        Some(Self {
            median: if values.len().is_multiple_of(2) {
                f64::midpoint(lower, upper)
            } else {
                upper
            },
            least: *values.first()?,
            most: *values.last()?,
        })
    }
}
