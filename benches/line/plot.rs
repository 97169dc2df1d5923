//! How does the comparison look as a picture? Bars, the shorter or longer the better as is said, readable without colours.

use std::fmt::Write as _;

use crate::figures::{Figure, Figures};

const WIDTH: f64 = 900.0;
/// Where bars begin, and where the longest ends.
const BARS: (f64, f64) = (220.0, 800.0);
const LINE: f64 = 22.0;
/// What is drawn, and which way is good.
const PANELS: [(Figure, &str); 4] = [
    (Figure::CachedCpu, "less is better"),
    (Figure::Saturation, "more is better"),
    (Figure::FloodWait, "less is better"),
    (Figure::Streams, "more is better"),
];

/// The picture: a panel per figure, a bar per rival.
pub fn svg(figures: &Figures) -> String {
    let mut body = String::new();
    let mut y = 10.0;
    for (figure, which) in PANELS {
        let bars: Vec<(&str, f64)> = figures
            .rivals()
            .iter()
            .filter_map(|rival| Some((*rival, figures.median(figure, rival)?)))
            .collect();
        if bars.is_empty() {
            continue;
        }
        y += LINE;
        let title = format!("{} ({which})", figure.title());
        text(&mut body, 12.0, y, "b", &title);
        let finite = bars.iter().map(|(_, value)| *value);
        let longest = finite.filter(|value| value.is_finite()).fold(0.0, f64::max);
        for (rival, value) in bars {
            y += LINE;
            let part = if value.is_finite() {
                value / longest
            } else {
                1.0
            };
            let length = (BARS.1 - BARS.0) * part;
            let class = if rival.contains("suimond") { "o" } else { "p" };
            text(&mut body, 24.0, y, "", rival.trim_matches('*'));
            let top = y - 13.0;
            let _infallible = writeln!(
                body,
                "<rect class=\"{class}\" x=\"{:.0}\" y=\"{top:.0}\" width=\"{length:.1}\" height=\"15\"/>",
                BARS.0
            );
            let told = if value.is_finite() {
                format!("{value:.2}")
            } else {
                "never".to_owned()
            };
            text(&mut body, BARS.0 + length + 6.0, y, "", &told);
        }
        y += LINE * 0.7;
    }
    let height = y + LINE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>What a packet costs, how many a core answers, and how long honest clients wait beside a flood</title>\n\
         <style>text{{font:13px sans-serif;fill:#222}}.b{{font-weight:bold}}.o{{fill:#b5532a}}.p{{fill:#9db4cc;stroke:#456}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, told: &str) {
    let told = told.replace('&', "&amp;").replace('<', "&lt;");
    let _infallible = writeln!(
        svg,
        "<text x=\"{x:.0}\" y=\"{y:.0}\" class=\"{class}\">{told}</text>"
    );
}
