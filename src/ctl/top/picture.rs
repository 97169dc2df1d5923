//! How does a look look? A head of two lines and five lists, side by side where there is room.

use super::look::Look;
use super::{ClientsBy, Order, ZonesBy};
use crate::ctl::output::{Paint, count, counted, percent};

/// From so many columns on, lists stand side by side.
const WIDE: usize = 110;
/// Columns between two lists.
const GAP: usize = 3;

/// Where it is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Columns there are.
    pub(super) columns: usize,
    /// Rows of each list at most.
    pub(super) rows: usize,
    /// Lines there are; nothing = as many as it takes.
    pub(super) lines: Option<usize>,
    pub(super) paint: Paint,
}

/// A line, not longer than it may be, and how it is painted.
type Line = (String, Style);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Heading,
    Alarm,
}

/// A list: its heading, and its rows with the name first.
struct List {
    name: &'static str,
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>, Style)>,
}

impl Frame {
    /// The picture; every line ends with a line break.
    pub(super) fn draw(&self, look: &Look, order: Order) -> String {
        let head = self.head(look);
        let lists = [
            clients(look, order.clients),
            outsiders(look),
            reasons(look),
            zones(look, order.zones),
            domains(look),
        ];
        let left = self.lines.map(|lines| lines.saturating_sub(head.len() + 1));
        let mut lines = head;
        lines.push((String::new(), Style::Plain));
        let [clients, outsiders, reasons, zones, domains] = lists;
        if self.columns >= WIDE {
            let half = (self.columns - GAP) / 2;
            let one = self.stack(&[clients, reasons, outsiders], half, left);
            let other = self.stack(&[zones, domains], self.columns - GAP - half, left);
            return self.paint(&lines) + &self.beside(&one, &other, half);
        }
        let all = [clients, zones, reasons, domains, outsiders];
        lines.extend(self.stack(&all, self.columns, left));
        self.paint(&lines)
    }

    fn head(&self, look: &Look) -> Vec<Line> {
        let hits = look.hit_ratio.map_or_else(|| "-".to_owned(), percent);
        let first = format!(
            "{} q/s   hits {hits}   upstream {} packets/s",
            rate(look.queries_per_second),
            rate(look.upstream_packets_per_second),
        );
        let mut attacked = counted(look.zones_under_attack, "zone", "zones");
        if look.servers_under_attack > 0 {
            attacked += " and ";
            attacked += &counted(look.servers_under_attack, "server", "servers");
        }
        let second = format!(
            "{}   {}   {} of {} slots   {attacked} under attack   {} limited",
            counted(look.recursions_in_flight, "recursion", "recursions"),
            counted(look.pending_clients, "client waits", "clients wait"),
            count(look.slots_used.into()),
            count(look.slots.into()),
            counted(look.limited_networks, "network", "networks"),
        );
        let in_all = look.zones_under_attack + look.servers_under_attack;
        let alarm = if in_all + look.limited_networks > 0 {
            Style::Alarm
        } else {
            Style::Plain
        };
        // Too long for a narrow terminal: two facts less matter than a torn line.
        let second = if second.chars().count() > self.columns {
            format!(
                "{} recursions  {} wait  slots {}/{}  attacked {}  limited {}",
                count(look.recursions_in_flight),
                count(look.pending_clients),
                look.slots_used,
                look.slots,
                count(in_all),
                count(look.limited_networks),
            )
        } else {
            second
        };
        vec![
            (fit(&first, self.columns), Style::Heading),
            (fit(&second, self.columns), alarm),
        ]
    }

    /// Lists below one another, an empty line between, none with more rows than there is room for.
    fn stack(&self, lists: &[List], width: usize, lines: Option<usize>) -> Vec<Line> {
        let rows = match lines {
            // A heading and an empty line each.
            Some(lines) => self
                .rows
                .min(fair(lines.saturating_sub(2 * lists.len() - 1), lists)),
            None => self.rows,
        };
        let mut stacked = Vec::new();
        for list in lists.iter().filter(|list| !list.rows.is_empty()) {
            if !stacked.is_empty() {
                stacked.push((String::new(), Style::Plain));
            }
            stacked.extend(list.lines(width, rows));
        }
        if let Some(lines) = lines {
            stacked.truncate(lines);
        }
        stacked
    }

    fn beside(&self, one: &[Line], other: &[Line], width: usize) -> String {
        let empty = (String::new(), Style::Plain);
        let mut text = String::new();
        for index in 0..one.len().max(other.len()) {
            let (left, left_style) = one.get(index).unwrap_or(&empty);
            let (right, right_style) = other.get(index).unwrap_or(&empty);
            text += &self.styled(left, *left_style);
            if !right.is_empty() {
                let padding = (width + GAP).saturating_sub(left.chars().count());
                text += &" ".repeat(padding);
                text += &self.styled(right, *right_style);
            }
            text.push('\n');
        }
        text
    }

    fn paint(&self, lines: &[Line]) -> String {
        lines
            .iter()
            .map(|(text, style)| self.styled(text, *style) + "\n")
            .collect()
    }

    fn styled(&self, text: &str, style: Style) -> String {
        match style {
            Style::Plain => text.to_owned(),
            Style::Heading => self.paint.strong(text),
            Style::Alarm => self.paint.warn(text),
        }
    }
}

/// The most rows of each list with which all of them fit.
fn fair(lines: usize, lists: &[List]) -> usize {
    let needed =
        |rows: usize| -> usize { lists.iter().map(|list| list.rows.len().min(rows)).sum() };
    let most = lists.iter().map(|list| list.rows.len()).max().unwrap_or(0);
    (1..=most)
        .rev()
        .find(|rows| needed(*rows) <= lines)
        .unwrap_or(1)
}

impl List {
    fn lines(&self, width: usize, rows: usize) -> Vec<Line> {
        let rows = self.rows.get(..rows).unwrap_or(&self.rows);
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(column, heading)| {
                let cells = rows.iter().filter_map(|(_, cells, _)| cells.get(column));
                let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
                longest.max(heading.chars().count())
            })
            .collect();
        let numbers: usize = widths.iter().map(|width| width + 2).sum();
        let longest = rows
            .iter()
            .map(|(name, _, _)| name.chars().count())
            .chain([self.name.chars().count()])
            .max()
            .unwrap_or(0);
        let room = longest.min(width.saturating_sub(numbers)).max(8);
        let line = |name: &str, cells: &[String]| {
            let mut text = fit(name, room);
            text += &" ".repeat(room.saturating_sub(text.chars().count()));
            for (cell, width) in cells.iter().zip(&widths) {
                text += &format!("  {cell:>width$}");
            }
            fit(text.trim_end(), width)
        };
        let heading = (line(self.name, &self.columns), Style::Heading);
        let rows = rows
            .iter()
            .map(|(name, cells, style)| (line(name, cells), *style));
        std::iter::once(heading).chain(rows).collect()
    }
}

fn clients(look: &Look, order: ClientsBy) -> List {
    List {
        name: "Clients",
        columns: vec![
            mark("queries/s", order == ClientsBy::Queries),
            mark("limited/s", order == ClientsBy::Limited),
        ],
        rows: look
            .clients
            .iter()
            .map(|client| {
                let limited = client.limited_per_second;
                let style = if limited > 0.0 {
                    Style::Alarm
                } else {
                    Style::Plain
                };
                let cells = vec![rate(client.queries_per_second), some(limited)];
                (client.network.clone(), cells, style)
            })
            .collect(),
    }
}

fn outsiders(look: &Look) -> List {
    List {
        name: "May not ask",
        columns: vec!["queries/s".to_owned()],
        rows: look
            .outsiders
            .iter()
            .map(|client| {
                let cells = vec![rate(client.queries_per_second.into())];
                (client.network.clone(), cells, Style::Plain)
            })
            .collect(),
    }
}

fn reasons(look: &Look) -> List {
    List {
        name: "Reasons",
        columns: vec!["per second".to_owned(), "in all".to_owned()],
        rows: look
            .reasons
            .iter()
            .map(|reason| {
                let cells = vec![some(reason.per_second), count(reason.total)];
                (reason.reason.clone(), cells, Style::Plain)
            })
            .collect(),
    }
}

fn zones(look: &Look, order: ZonesBy) -> List {
    let cells = |rates: [f32; 4]| {
        let cells = rates.into_iter().map(|rate| some(f64::from(rate)));
        cells.collect::<Vec<_>>()
    };
    // Only those under attack are told, and few: first of all.
    let servers = look.servers.iter().map(|server| {
        let rates = [
            server.misses_per_second,
            server.unknown_per_second,
            server.failed_per_second,
            server.denied_per_second,
        ];
        let name = format!("server {}", server.server);
        (name, cells(rates), Style::Alarm)
    });
    let zones = look.zones.iter().map(|zone| {
        let style = if zone.under_attack {
            Style::Alarm
        } else {
            Style::Plain
        };
        let rates = [
            zone.misses_per_second,
            zone.unknown_per_second,
            zone.failed_per_second,
            zone.denied_per_second,
        ];
        (zone.zone.clone(), cells(rates), style)
    });
    List {
        name: "Not in the cache",
        columns: vec![
            mark("misses/s", order == ZonesBy::Misses),
            mark("unknown", order == ZonesBy::Unknown),
            mark("failed", order == ZonesBy::Failed),
            mark("denied", order == ZonesBy::Denied),
        ],
        rows: servers.chain(zones).collect(),
    }
}

fn domains(look: &Look) -> List {
    List {
        name: "Domains",
        columns: vec!["queries/s".to_owned()],
        rows: look
            .domains
            .iter()
            .map(|domain| {
                let cells = vec![rate(domain.queries_per_second.into())];
                (domain.domain.clone(), cells, Style::Plain)
            })
            .collect(),
    }
}

/// A column's heading, marked if the list is sorted by it.
fn mark(heading: &str, sorted: bool) -> String {
    if sorted {
        format!("{heading}*")
    } else {
        heading.to_owned()
    }
}

/// "0.4", "37", "12,345".
fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 9.95 {
        return format!("{per_second:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate, not negative, far below 2^53"
    )]
    let whole = per_second.round() as u64;
    count(whole)
}

/// The same; nothing for what does not happen.
fn some(per_second: f64) -> String {
    if per_second < 0.05 {
        String::new()
    } else {
        rate(per_second)
    }
}

/// At most `width` characters of `text`; of a longer one the end, which says more of a domain, and a mark.
fn fit(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let rest: String = text
        .chars()
        .skip(length - width.saturating_sub(1))
        .collect();
    format!("…{rest}")
}
