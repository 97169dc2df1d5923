//! How does the comparison look as a picture? An SVG of our own making, readable without colours.

use std::fmt::Write as _;

use crate::measures::Measure;
use crate::summary::Row;
use crate::table;

const WIDTH: f64 = 1080.0;
/// Where the shares begin and end; left of them stand the resolvers' names.
const SHARES: (f64, f64) = (300.0, 690.0);
/// Where upstream packets begin and end.
const PACKETS: (f64, f64) = (760.0, 1_040.0);
const LINE: f64 = 24.0;
const HEAD: f64 = 62.0;
/// Upstream packets per attack query, as powers of ten: less is drawn at the left edge, more at the right.
const DECADES: (i32, i32) = (-3, 1);

/// What is drawn in the left half, and how.
const MARKS: [(Measure, Mark, &str); 4] = [
    (
        Measure::Known,
        Mark::Disc,
        "known names of the attacked zone",
    ),
    (Measure::New, Mark::Ring, "its new names"),
    (Measure::Cached, Mark::Square, "elsewhere, cached"),
    (Measure::Cold, Mark::Cross, "elsewhere, looked up"),
];

#[derive(Clone, Copy)]
enum Mark {
    Disc,
    Ring,
    Square,
    Cross,
}

/// The picture: per attack and resolver, the share of honest questions that were answered, and what an attack query cost upstream.
pub fn svg(rows: &[Row]) -> String {
    let mut body = String::new();
    let mut y = HEAD;
    let mut open = None;
    let mut panels = Vec::new();
    for row in rows {
        if open != Some(&row.attack) {
            open = Some(&row.attack);
            y += LINE * 2.0;
            text(&mut body, 12.0, y, "start", "b", &table::title(&row.attack));
            y += LINE * 0.4;
            panels.push((y, y));
        }
        y += LINE;
        if let Some(panel) = panels.last_mut() {
            panel.1 = y;
        }
        line(&mut body, row, y);
    }
    let height = y + LINE * 2.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>Honest questions answered, and upstream packets per attack query, by attack and resolver</title>\n\
         <style>text{{font:13px sans-serif;fill:#222}}.b{{font-weight:bold}}.s{{font-size:11px;fill:#555}}.g{{stroke:#ddd}}.t{{stroke:#999;stroke-dasharray:3 3}}\
         .m{{stroke:#222;stroke-width:1.5;fill:none}}.f{{fill:#222}}.q{{fill:#3a6ea5}}.u{{fill:#b5532a}}.r{{stroke:#b5532a;stroke-width:2}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    heads(&mut svg);
    for (top, bottom) in panels {
        grid(&mut svg, top + LINE * 0.4, bottom + LINE * 0.4);
    }
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    svg
}

/// What the marks mean, and the heads of both halves.
fn heads(svg: &mut String) {
    text(
        svg,
        SHARES.0,
        24.0,
        "start",
        "b",
        "Honest questions answered, %",
    );
    text(
        svg,
        PACKETS.0,
        24.0,
        "start",
        "b",
        "Upstream packets per attack query",
    );
    for (place, (_, mark, meaning)) in MARKS.iter().enumerate() {
        let (column, line) = (place % 2, place / 2);
        let x = SHARES.0 + if column == 0 { 6.0 } else { 230.0 };
        let y = if line == 0 { 46.0 } else { 66.0 };
        draw(svg, *mark, x, y);
        text(svg, x + 12.0, y + 4.0, "start", "s", meaning);
    }
    text(
        svg,
        PACKETS.0,
        50.0,
        "start",
        "s",
        "logarithmic; the dashed lines are Suimon's targets",
    );
}

/// Lines and numbers of one attack's panel.
fn grid(svg: &mut String, top: f64, bottom: f64) {
    let mut ticked = |x, label: &str| {
        vertical(svg, x, top, bottom, "g");
        text(svg, x, bottom + 12.0, "middle", "s", label);
    };
    for share in [0.0, 25.0, 50.0, 75.0, 100.0] {
        ticked(of_share(share), &table::number(share, 0));
    }
    for decade in DECADES.0..=DECADES.1 {
        let packets = 10_f64.powi(decade);
        ticked(of_packets(packets), &table::number(packets, 3));
    }
    vertical(svg, of_share(90.0), top, bottom, "t");
    vertical(svg, of_packets(0.05), top, bottom, "t");
}

/// One resolver under one attack.
fn line(svg: &mut String, row: &Row, y: f64) {
    let name = row.resolver.trim_matches('*');
    let class = if name == row.resolver { "" } else { "b" };
    text(svg, SHARES.0 - 14.0, y + 4.0, "end", class, name);
    // One below the other: where all is well they would lie upon each other.
    for ((measure, mark, _), y) in MARKS
        .into_iter()
        .zip([-6.0, -2.0, 2.0, 6.0].map(|dy| y + dy))
    {
        if let Some(spread) = row.spread(measure) {
            let (least, most) = (of_share(spread.least), of_share(spread.most));
            if most - least > 1.0 {
                horizontal(svg, least, most, y, "m");
            }
            draw(svg, mark, of_share(spread.median), y);
        }
    }
    if let Some(spread) = row.spread(Measure::Upstream) {
        let end = of_packets(spread.median);
        let length = (end - PACKETS.0).max(1.0);
        let (x, top) = (PACKETS.0, y - 5.0);
        let _infallible = writeln!(
            svg,
            "<rect class=\"u\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"10\"/>"
        );
        text(
            svg,
            end + 6.0,
            y + 4.0,
            "start",
            "s",
            &table::number(spread.median, Measure::Upstream.digits()),
        );
    }
}

fn draw(svg: &mut String, mark: Mark, x: f64, y: f64) {
    let _infallible = match mark {
        Mark::Disc => writeln!(
            svg,
            "<circle class=\"f\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
        ),
        Mark::Ring => writeln!(
            svg,
            "<circle class=\"m\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
        ),
        Mark::Square => writeln!(
            svg,
            "<rect class=\"q\" x=\"{:.1}\" y=\"{:.1}\" width=\"6\" height=\"6\"/>",
            x - 3.0,
            y - 3.0
        ),
        Mark::Cross => writeln!(
            svg,
            "<path class=\"r\" d=\"M{:.1} {:.1}l6 6m0 -6l-6 6\"/>",
            x - 3.0,
            y - 3.0
        ),
    };
}

fn of_share(share: f64) -> f64 {
    SHARES.0 + (SHARES.1 - SHARES.0) * share.clamp(0.0, 100.0) / 100.0
}

fn of_packets(packets: f64) -> f64 {
    let (first, last) = (f64::from(DECADES.0), f64::from(DECADES.1));
    let place = packets.max(f64::MIN_POSITIVE).log10().clamp(first, last);
    PACKETS.0 + (PACKETS.1 - PACKETS.0) * (place - first) / (last - first)
}

fn vertical(svg: &mut String, x: f64, top: f64, bottom: f64, class: &str) {
    let _infallible = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>"
    );
}

fn horizontal(svg: &mut String, from: f64, to: f64, y: f64, class: &str) {
    let _infallible = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, words: &str) {
    let words = words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _infallible = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}
