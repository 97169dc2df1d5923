//! How do results look: colours, tables, units, JSON?

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::ops::control::protocol::Envelope;

/// For whom results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: tables, units, colours. May change from version to version.
    #[default]
    Human,
    /// For programs: stable keys, units in the names, "schema" first.
    Json,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Puts colours on words, or leaves them alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// Colours if wanted: by option, else on a terminal without NO_COLOR (no-color.org: set and not empty).
    pub(super) fn new(color: Color, terminal: bool, no_color: bool) -> Self {
        Self {
            on: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !no_color,
            },
        }
    }

    /// Without colours.
    #[cfg(test)]
    pub(super) const fn plain() -> Self {
        Self { on: false }
    }

    /// A heading.
    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Less important.
    pub(super) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// As it should be.
    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Needs a person some time.
    pub(super) fn warn(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Needs a person now.
    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Where results go.
pub(super) struct Screen<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) format: Format,
    pub(super) paint: Paint,
}

impl Screen<'_> {
    /// Writes a report: as JSON with its schema number, or as `human` words it.
    pub(super) fn show<T: Serialize>(
        &mut self,
        report: &T,
        human: impl FnOnce(Paint) -> String,
    ) -> io::Result<()> {
        match self.format {
            Format::Json => {
                let json = serde_json::to_string_pretty(&Envelope::ok(report))?;
                writeln!(self.out, "{json}")
            }
            Format::Human => self.out.write_all(human(self.paint).as_bytes()),
        }
    }
}

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows with aligned columns, two spaces apart, no space at the end of a line. Colours come after the widths are known.
pub(super) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(super) fn new(sides: &[Side]) -> Self {
        Self {
            sides: sides.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows
            .push(cells.iter().map(|cell| (*cell).to_owned()).collect());
    }

    /// The text, each line after `indent`; `style` may colour a padded cell by its column number.
    pub(super) fn render(&self, indent: &str, style: impl Fn(usize, &str) -> String) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.sides.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            text.push_str(indent);
            let last = row.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
            let columns = row.iter().zip(&self.sides).zip(&widths).enumerate();
            for (column, ((cell, side), width)) in columns.take(last + 1) {
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                let cell = style(column, cell);
                match side {
                    Side::Right => text.extend([padding.as_str(), &cell]),
                    Side::Left if column == last => text.push_str(&cell),
                    Side::Left => text.extend([cell.as_str(), &padding]),
                }
                if column < last {
                    text.push_str("  ");
                }
            }
            text.push('\n');
        }
        text
    }
}

/// 1234567 → "1,234,567".
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 entry", "2,000 entries".
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Octets in binary units: "512 B", "10.2 MiB".
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn size(octets: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
    ];
    match UNITS.iter().find(|(_, factor)| octets >= *factor) {
        Some((unit, factor)) => format!("{:.1} {unit}", octets as f64 / *factor as f64),
        None => format!("{octets} B"),
    }
}

/// A span in its two largest units: "2 d 3 h", "5 min 1 s", "0 s".
pub(super) fn span(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(amount, _)| *amount > 0);
    let Some(first) = first else {
        return "0 s".to_owned();
    };
    let words: Vec<String> = parts
        .iter()
        .skip(first)
        .take(2)
        .filter(|(amount, _)| *amount > 0)
        .map(|(amount, unit)| format!("{amount} {unit}"))
        .collect();
    words.join(" ")
}

/// Milliseconds with three digits that matter: "0.12 ms", "23.4 ms", "1.5 s".
pub(super) fn millis(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else if ms < 1000.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

/// Microseconds as [`millis`].
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn micros(us: u64) -> String {
    millis(us as f64 / 1000.0)
}

/// A share of 0..=1 as "12.3 %".
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `part` of `whole` as a share; nothing of nothing is nothing.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "entry", "entries"), "1 entry");
        assert_eq!(counted(0, "entry", "entries"), "0 entries");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(256 << 20), "256.0 MiB");
        assert_eq!(span(0), "0 s");
        assert_eq!(span(301), "5 min 1 s");
        assert_eq!(span(3600), "1 h");
        assert_eq!(span(86_400 * 2 + 3600 * 3 + 59), "2 d 3 h");
        assert_eq!(span(86_400 + 59), "1 d");
        assert_eq!(millis(0.123), "0.12 ms");
        assert_eq!(millis(23.44), "23.4 ms");
        assert_eq!(millis(1500.0), "1.5 s");
        assert_eq!(micros(1500), "1.50 ms");
        assert_eq!(percent(share(1, 3)), "33.3 %");
        assert_eq!(percent(share(1, 0)), "0.0 %");
    }

    #[test]
    fn tables_align_and_leave_no_space_behind() {
        let mut table = Table::new(&[Side::Left, Side::Right, Side::Left]);
        table.row(["a", "1", "x"]);
        table.row(["long", "1,000", ""]);
        table.row(["ü", "20", "yy"]);
        assert_eq!(
            table.render("  ", |_, cell| cell.to_owned()),
            "  a         1  x\n  long  1,000\n  ü        20  yy\n"
        );
    }

    #[test]
    fn colours_do_not_move_columns_and_follow_option_terminal_and_environment() {
        let on = Paint::new(Color::Always, false, true);
        let mut table = Table::new(&[Side::Left, Side::Left]);
        table.row(["a", "x"]);
        table.row(["bb", "y"]);
        assert_eq!(
            table.render("", |column, cell| if column == 0 {
                on.strong(cell)
            } else {
                cell.to_owned()
            }),
            "\x1b[1ma\x1b[0m   x\n\x1b[1mbb\x1b[0m  y\n"
        );
        for (color, terminal, no_color, painted) in [
            (Color::Auto, true, false, true),
            (Color::Auto, true, true, false),
            (Color::Auto, false, false, false),
            (Color::Never, true, false, false),
            (Color::Always, false, true, true),
        ] {
            let paint = Paint::new(color, terminal, no_color);
            assert_eq!(
                paint.bad("x") != "x",
                painted,
                "{color:?} {terminal} {no_color}"
            );
        }
    }
}
