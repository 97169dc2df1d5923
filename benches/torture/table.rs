//! How does the comparison look as a Markdown table?

use std::fmt::Write as _;

use crate::measures::Measure;
use crate::summary::{Attack, Row, Spread};

/// Stands behind what misses its target.
pub const MISSED: &str = " ✗";

/// A table of these measures: a block of rows per attack, the targets in the block's first row. Columns that nobody has a figure for are
/// left out.
pub fn markdown(rows: &[Row], measures: &[Measure]) -> String {
    let measures: Vec<Measure> = measures
        .iter()
        .copied()
        .filter(|measure| rows.iter().any(|row| row.spread(*measure).is_some()))
        .collect();
    let mut text = String::from("| |");
    for measure in &measures {
        let _infallible = write!(text, " {} |", measure.title());
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(measures.len()));
    text.push('\n');
    let mut open: Option<&Attack> = None;
    for row in rows {
        if open != Some(&row.attack) {
            open = Some(&row.attack);
            let _infallible = write!(text, "| **{}** |", title(&row.attack));
            for measure in &measures {
                let target = row.target(*measure);
                let target = target.map_or_else(String::new, |target| format!("*{target}*"));
                let _infallible = write!(text, " {target} |");
            }
            text.push('\n');
        }
        let _infallible = write!(text, "| {} |", row.resolver);
        for measure in &measures {
            let _infallible = write!(text, " {} |", cell(row, *measure));
        }
        text.push('\n');
    }
    text
}

/// What an attack is called in tables and pictures.
pub fn title(attack: &Attack) -> String {
    format!("{}, {}/s", attack.name, thousands(attack.rate))
}

/// One line per promise that `resolver` was held to, in the form of `make bench`: what, measured, promised and whether it was held.
pub fn verdicts<'a>(rows: &'a [Row], resolver: &'a str) -> impl Iterator<Item = String> + 'a {
    rows.iter()
        .filter(move |row| row.resolver == resolver)
        .flat_map(|row| {
            Measure::PROMISED.into_iter().filter_map(move |measure| {
                let target = row.target(measure)?;
                let verdict = match row.is_held(measure)? {
                    true => "held",
                    false => "NOT held",
                };
                Some(format!(
                    "| {}: {} | {} | {target}: {verdict} |",
                    title(&row.attack),
                    measure.title(),
                    spread(row.spread(measure)?, measure.digits()),
                ))
            })
        })
}

fn cell(row: &Row, measure: Measure) -> String {
    let Some(values) = row.spread(measure) else {
        return "–".to_owned();
    };
    let mark = match row.is_held(measure) {
        Some(false) => MISSED,
        _ => "",
    };
    format!("{}{mark}", spread(values, measure.digits()))
}

/// The median, and the ends where they differ from it.
fn spread(values: Spread, digits: usize) -> String {
    let [median, least, most] =
        [values.median, values.least, values.most].map(|value| number(value, digits));
    if least == most {
        median
    } else {
        format!("{median} ({least}–{most})")
    }
}

/// At most so many digits behind the point, and no zeros at the end. What never came is infinite.
pub fn number(value: f64, digits: usize) -> String {
    if value.is_infinite() {
        return "never".to_owned();
    }
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn thousands(number: u32) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}
