//! `suimon top`: who asks most now, for what, and what becomes of it?

mod look;
mod picture;

use std::time::Duration;

use clap::ValueEnum;

use super::output::Format;
use super::{Error, Exit, Session};
use crate::config::units::Span;
use crate::ops::control::protocol::{Envelope, Request, TopReport};
use crate::sys::terminal::{self, Keys};
use look::Look;
use picture::Frame;

/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(100);
/// Longest.
const LONGEST: Duration = Duration::from_secs(3600);
/// Columns where nobody says how many there are.
const COLUMNS: usize = 120;
/// Ctrl-C and Ctrl-D.
const ENDS: [u8; 4] = [b'q', b'Q', 3, 4];

/// Watch who asks most, for what, and what becomes of it.
///
/// On a terminal it is redrawn until q or Ctrl-C; c changes the order of clients, z that of zones. Elsewhere one look follows the other.
/// Rates are those between two looks; those of networks and domains are of the last seconds, and of many queries a sample is counted.
/// Clients appear as networks (IPv4 /24, IPv6 /48), names as registrable domains.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One look, over one interval.
    #[arg(long, conflicts_with = "count")]
    once: bool,

    /// So many looks.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,

    /// Time between two looks: 100ms to 1h.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = interval)]
    interval: Duration,

    /// A line of JSON for each look; the same as --output json.
    #[arg(long)]
    json: bool,

    /// Rows of each list at most; on a terminal as many as there is room for.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=100))]
    rows: u16,

    /// Order of clients.
    #[arg(long, value_name = "COLUMN", default_value = "queries")]
    clients_by: ClientsBy,

    /// Order of zones.
    #[arg(long, value_name = "COLUMN", default_value = "misses")]
    zones_by: ZonesBy,
}

/// What clients are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ClientsBy {
    /// Queries per second.
    #[default]
    Queries,
    /// Queries per second that were limited.
    Limited,
}

/// What zones are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ZonesBy {
    /// Queries per second that the cache could not answer.
    #[default]
    Misses,
    /// The same for names not known to be real.
    Unknown,
    /// Look-ups per second that failed.
    Failed,
    /// Queries per second that were denied.
    Denied,
}

/// By what lists are sorted.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    clients: ClientsBy,
    zones: ZonesBy,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let json = self.json || session.screen.format == Format::Json;
        let live = session.terminal && !json && !self.once && self.count.is_none();
        // A terminal without a keyboard is written to as if it were none.
        match live.then(Keys::take) {
            Some(Ok(keys)) => {
                session.screen.out.write_all(terminal::ENTER.as_bytes())?;
                let done = self.live(session, &keys);
                let back = session.screen.out.write_all(terminal::LEAVE.as_bytes());
                session.screen.out.flush()?;
                done.and_then(|exit| Ok(back.map(|()| exit)?))
            }
            _ => self.one_by_one(session, json),
        }
    }

    fn one_by_one(&self, session: &mut Session<'_>, json: bool) -> Result<Exit, Error> {
        let mut left = if self.once { Some(1) } else { self.count };
        let columns = session
            .terminal
            .then(terminal::size)
            .flatten()
            .map_or(COLUMNS, |(columns, _)| columns);
        let mut before: TopReport = session.ask(&Request::Top {})?;
        let mut first = true;
        while left != Some(0) {
            std::thread::sleep(self.interval);
            let after: TopReport = session.ask(&Request::Top {})?;
            let look = Look::between(&before, &after, self.order());
            let out = &mut *session.screen.out;
            if json {
                let line = serde_json::to_string(&Envelope::ok(&look))
                    .map_err(|error| Error::Failed(error.to_string()))?;
                writeln!(out, "{line}")?;
            } else {
                let frame = Frame {
                    columns,
                    rows: usize::from(self.rows),
                    lines: None,
                    paint: session.screen.paint,
                };
                let gap = if first { "" } else { "\n" };
                write!(out, "{gap}{}", frame.draw(&look, self.order()))?;
            }
            out.flush()?;
            first = false;
            before = after;
            left = left.map(|left| left - 1);
        }
        Ok(Exit::Done)
    }

    fn live(&self, session: &mut Session<'_>, keys: &Keys) -> Result<Exit, Error> {
        let mut order = self.order();
        let mut before: TopReport = session.ask(&Request::Top {})?;
        let mut after = before.clone();
        loop {
            let look = Look::between(&before, &after, order);
            let (columns, lines) = terminal::size().unwrap_or((COLUMNS, 40));
            let frame = Frame {
                columns,
                rows: usize::from(self.rows.max(50)),
                lines: Some(lines),
                paint: session.screen.paint,
            };
            let text: String = frame
                .draw(&look, order)
                .lines()
                .map(|line| format!("{line}{}\r\n", terminal::REST_OF_LINE))
                .collect();
            let out = &mut *session.screen.out;
            // The last line break would scroll.
            let text = text.trim_end_matches("\r\n");
            write!(out, "{}{text}{}", terminal::HOME, terminal::REST_OF_SCREEN)?;
            out.flush()?;
            let pressed = keys.wait(self.interval)?;
            if pressed.iter().any(|key| ENDS.contains(key)) {
                return Ok(Exit::Done);
            }
            order.press(&pressed);
            if pressed.is_empty() {
                before = after;
                after = session.ask(&Request::Top {})?;
            }
        }
    }

    const fn order(&self) -> Order {
        Order {
            clients: self.clients_by,
            zones: self.zones_by,
        }
    }
}

impl Order {
    fn press(&mut self, keys: &[u8]) {
        for key in keys {
            match key {
                b'c' => {
                    self.clients = match self.clients {
                        ClientsBy::Queries => ClientsBy::Limited,
                        ClientsBy::Limited => ClientsBy::Queries,
                    }
                }
                b'z' => {
                    self.zones = match self.zones {
                        ZonesBy::Misses => ZonesBy::Unknown,
                        ZonesBy::Unknown => ZonesBy::Failed,
                        ZonesBy::Failed => ZonesBy::Denied,
                        ZonesBy::Denied => ZonesBy::Misses,
                    }
                }
                _ => {}
            }
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    if (SHORTEST..=LONGEST).contains(&span.0) {
        Ok(span.0)
    } else {
        Err("between 100ms and 1h".to_owned())
    }
}

#[cfg(test)]
mod tests;
