//! What does a person see while an attack lasts? A line per second, or on a terminal bars that move.

use std::io::{self, IsTerminal, Write};

use super::figures::{Second, Window, ratio};

/// Columns of a bar.
const WIDTH: usize = 30;
/// Lines of the picture on a terminal.
const LINES: usize = 5;

/// The picture of one run, on standard error.
#[derive(Debug)]
pub struct Picture {
    terminal: bool,
    quiet: bool,
    rate: u32,
    drawn: bool,
}

impl Picture {
    /// Of an attack with so many queries per second; `quiet` draws nothing.
    #[must_use]
    pub fn new(rate: u32, quiet: bool) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            quiet,
            rate,
            drawn: false,
        }
    }

    /// A second has passed. `engaged`: whether suimond guards a zone, if that is known.
    pub fn second(&mut self, second: &Second, engaged: Option<bool>) {
        if self.quiet {
            return;
        }
        let text = if self.terminal {
            let up = if self.drawn {
                format!("\x1b[{LINES}A")
            } else {
                String::new()
            };
            self.drawn = true;
            format!("{up}{}", bars(second, self.rate, engaged))
        } else {
            line(second, engaged)
        };
        // Nobody to show it to is no reason to stop.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// One line of a second.
fn line(second: &Second, engaged: Option<bool>) -> String {
    format!(
        "{:>4} s  {:<6}  {:>6} q/s  {:>6} replies  {:>6} upstream ({:.3} per query)  honest {}/{}{}\n",
        second.at,
        second.window.map_or("", Window::label),
        second.sent,
        second.replies,
        second.attack_packets,
        per_query(second),
        second.answered,
        second.asked,
        word(engaged),
    )
}

/// Five lines of bars, each cleared to its end.
fn bars(second: &Second, rate: u32, engaged: Option<bool>) -> String {
    let rate = u64::from(rate).max(1);
    let row = |title: &str, value: u64, of: u64, note: String| {
        format!("\x1b[K  {title:<18}[{}] {note}\n", bar(value, of))
    };
    let mut text = format!(
        "\x1b[K  {} s, {}{}\n",
        second.at,
        second.window.map_or("", Window::label),
        word(engaged)
    );
    text.push_str(&row(
        "attack",
        second.sent,
        rate,
        format!("{} q/s", second.sent),
    ));
    let replies = format!("{} replies/s", second.replies);
    text.push_str(&row("told to it", second.replies, rate, replies));
    let upstream = format!(
        "{} packets/s, {:.3} per query",
        second.attack_packets,
        per_query(second)
    );
    text.push_str(&row(
        "of it upstream",
        second.attack_packets,
        rate,
        upstream,
    ));
    let honest = format!("{} of {} answered", second.answered, second.asked);
    text.push_str(&row(
        "honest clients",
        second.answered,
        second.asked,
        honest,
    ));
    text
}

fn bar(value: u64, of: u64) -> String {
    let full = value.min(of).saturating_mul(WIDTH as u64) / of.max(1);
    let full = usize::try_from(full).unwrap_or(WIDTH).min(WIDTH);
    format!("{}{}", "=".repeat(full), " ".repeat(WIDTH - full))
}

fn per_query(second: &Second) -> f64 {
    if second.sent == 0 {
        0.0
    } else {
        ratio(second.attack_packets, second.sent)
    }
}

const fn word(engaged: Option<bool>) -> &'static str {
    match engaged {
        Some(true) => "  [guarded]",
        Some(false) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_one_line_or_five_and_bars_stay_within_their_room() {
        let second = Second {
            at: 7,
            window: Some(Window::Attack),
            sent: 2_000,
            replies: 400,
            attack_packets: 20,
            other_packets: 30,
            asked: 112,
            answered: 112,
        };
        let text = line(&second, Some(true));
        assert_eq!(text.lines().count(), 1);
        assert!(
            text.contains("0.010 per query") && text.contains("112/112  [guarded]"),
            "{text}"
        );
        let text = bars(&second, 2_000, None);
        assert_eq!(text.lines().count(), LINES);
        assert!(text.contains(&format!("[{}]", "=".repeat(WIDTH))), "{text}");
        for (value, of, full) in [(0, 0, 0), (9, 0, 0), (5, 10, 15), (99, 10, 30)] {
            assert_eq!(bar(value, of), format!("{:<WIDTH$}", "=".repeat(full)));
        }
        assert_eq!(per_query(&Second::default()), 0.0);
    }
}
