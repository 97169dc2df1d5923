//! What was measured of whom, what does it say beside the others, and which promises are held?

use std::collections::BTreeMap;
use std::fmt::Write as _;

const ECHO: &str = "bare echo";
const OURS: &str = "**suimond**";

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    CachedCpu,
    CachedLoss,
    RefusedCpu,
    Saturation,
    BusyCpu,
    FloodAnswered,
    FloodWait,
    Streams,
    StreamsCpu,
    TwoWorkers,
    Memory,
}

impl Figure {
    /// All of them, in the order of the table.
    const ALL: [Self; 11] = [
        Self::CachedCpu,
        Self::CachedLoss,
        Self::RefusedCpu,
        Self::Saturation,
        Self::BusyCpu,
        Self::FloodAnswered,
        Self::FloodWait,
        Self::Streams,
        Self::StreamsCpu,
        Self::TwoWorkers,
        Self::Memory,
    ];

    /// What it is, with its unit.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CachedCpu => "cached answer at a fixed rate, µs of CPU",
            Self::CachedLoss => "queries not answered at that rate, %",
            Self::RefusedCpu => "refused query at that rate, µs of CPU",
            Self::Saturation => "cached answers of one core, thousands a second",
            Self::BusyCpu => "cached answer on a full core, µs of CPU",
            Self::FloodAnswered => "honest clients beside a flood from outside, % answered",
            Self::FloodWait => "the same, p99 of their wait, ms",
            Self::Streams => "TCP, 20 queries a connection, thousands of answers a second",
            Self::StreamsCpu => "the same, µs of CPU per answer",
            Self::TwoWorkers => "two workers over one, by CPU per answer",
            Self::Memory => "memory of a cached small answer, octets",
        }
    }

    /// Whether more is better.
    const fn wants_more(self) -> bool {
        matches!(
            self,
            Self::Saturation | Self::FloodAnswered | Self::Streams | Self::TwoWorkers
        )
    }
}

/// A promise of issue 5, and what became of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    what: String,
    measured: f64,
    bound: f64,
    at_most: bool,
}

/// All values, by row and rival.
#[derive(Debug)]
pub struct Figures {
    rivals: Vec<&'static str>,
    values: BTreeMap<(Figure, &'static str), Vec<f64>>,
}

impl Figures {
    /// Nothing yet, with these columns.
    pub fn of(rivals: Vec<&'static str>) -> Self {
        Self {
            rivals,
            values: BTreeMap::new(),
        }
    }

    /// One measurement.
    pub fn add(&mut self, figure: Figure, rival: &'static str, value: f64) {
        println!("{rival}: {}: {value:.2}", figure.title());
        self.values.entry((figure, rival)).or_default().push(value);
    }

    /// The columns.
    pub fn rivals(&self) -> &[&'static str] {
        &self.rivals
    }

    /// The middle of what was measured.
    pub fn median(&self, figure: Figure, rival: &str) -> Option<f64> {
        let values = self.values_of(figure, rival)?;
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    /// The table: medians, and the ends in brackets.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| |");
        for rival in &self.rivals {
            let _infallible = write!(text, " {rival} |");
        }
        let _infallible = writeln!(text, "\n|---|{}", "---:|".repeat(self.rivals.len()));
        for figure in Figure::ALL {
            if !self.values.keys().any(|(of, _)| *of == figure) {
                continue;
            }
            let _infallible = write!(text, "| {} |", figure.title());
            for rival in &self.rivals {
                let _infallible = write!(text, " {} |", self.cell(figure, rival));
            }
            text.push('\n');
        }
        text
    }

    /// The promises, as a table.
    pub fn promises(&self) -> String {
        let mut text = String::from("| Promise | Measured | |\n|---|---:|---|\n");
        for verdict in self.verdicts() {
            text.push_str(&verdict.row());
            text.push('\n');
        }
        text
    }

    /// What was promised of what was measured here. Ratios are of neighbours in time: round by round, then the middle.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let mut all = Vec::new();
        let mut echo = |figure: Figure, bound| {
            if let Some(ratio) = self.ratio(figure, OURS, ECHO) {
                all.push(Verdict::at_most(
                    format!("{}, of the echo's", figure.title()),
                    ratio,
                    bound,
                ));
            }
        };
        echo(Figure::CachedCpu, 1.15);
        echo(Figure::BusyCpu, 1.15);
        echo(Figure::RefusedCpu, 1.05);
        for (figure, bound) in [
            (Figure::CachedCpu, 0.65),
            (Figure::BusyCpu, 0.65),
            (Figure::Saturation, 1.5),
            (Figure::FloodAnswered, 1.0),
            (Figure::FloodWait, 1.0),
            (Figure::Streams, 1.0),
            (Figure::Memory, 1.0),
        ] {
            let Some(best) = self.best_peer(figure) else {
                continue;
            };
            let Some(measured) = self.ratio(figure, OURS, best) else {
                continue;
            };
            all.push(Verdict {
                what: format!("{}, of the best peer's ({best})", figure.title()),
                measured,
                bound,
                at_most: !figure.wants_more(),
            });
        }
        if let Some(measured) = self.median(Figure::TwoWorkers, OURS) {
            all.push(Verdict {
                what: Figure::TwoWorkers.title().to_owned(),
                measured,
                bound: 1.8,
                at_most: false,
            });
        }
        all
    }

    fn best_peer(&self, figure: Figure) -> Option<&'static str> {
        let peers = self.rivals.iter().copied();
        let measured = peers
            .filter(|rival| ![ECHO, OURS].contains(rival))
            .filter_map(|rival| Some((self.median(figure, rival)?, rival)));
        let in_order = |a: &(f64, &str), b: &(f64, &str)| a.0.total_cmp(&b.0);
        let best = if figure.wants_more() {
            measured.max_by(in_order)
        } else {
            measured.min_by(in_order)
        };
        best.map(|(_, rival)| rival)
    }

    fn ratio(&self, figure: Figure, one: &str, other: &str) -> Option<f64> {
        let (one, other) = (self.values_of(figure, one)?, self.values_of(figure, other)?);
        let mut ratios: Vec<f64> = one
            .iter()
            .zip(other)
            .map(|(one, other)| one / other)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    }

    fn values_of(&self, figure: Figure, rival: &str) -> Option<&Vec<f64>> {
        self.values
            .iter()
            .find_map(|((of, whose), values)| (*of == figure && *whose == rival).then_some(values))
    }

    fn cell(&self, figure: Figure, rival: &str) -> String {
        let (Some(values), Some(median)) =
            (self.values_of(figure, rival), self.median(figure, rival))
        else {
            return "–".to_owned();
        };
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if values.len() == 1 {
            return number(median);
        }
        format!("{} ({}–{})", number(median), number(least), number(most))
    }
}

impl Verdict {
    const fn at_most(what: String, measured: f64, bound: f64) -> Self {
        Self {
            what,
            measured,
            bound,
            at_most: true,
        }
    }

    /// As a row of the table of `make bench`.
    pub fn row(&self) -> String {
        let held = if self.at_most {
            self.measured <= self.bound
        } else {
            self.measured >= self.bound
        };
        format!(
            "| {} | {:.2} | {} {}: {} |",
            self.what,
            self.measured,
            if self.at_most { "at most" } else { "at least" },
            self.bound,
            if held { "held" } else { "NOT held" },
        )
    }
}

/// Three figures that say something.
fn number(value: f64) -> String {
    if value.is_infinite() {
        "never".to_owned()
    } else if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
