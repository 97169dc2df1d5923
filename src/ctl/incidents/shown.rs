//! How is an incident put before a person? A line in the list, a screen of its own.

use crate::ctl::output::{Paint, Side, Table, count, span};
use crate::ops::control::protocol::{Incident, IncidentsReport, PrefixCount};

/// The list.
pub(super) fn list(report: &IncidentsReport, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(trouble) = &report.trouble {
        text += &format!("{} {trouble}\n", paint.warn("journal"));
    }
    if !report.aside.is_empty() {
        let names = report.aside.join(" ");
        text += &format!("{} {names}\n", paint.warn("set aside"));
    }
    if report.incidents.is_empty() {
        return text + "no incidents\n";
    }
    let left = Side::Left;
    let mut table = Table::new(&[left, left, left, Side::Right, Side::Right, Side::Right]);
    table.row(["Incident", "Kind", "About", "Lasted", "Peak/s", "Packets"]);
    for one in &report.incidents {
        let lasted = span(one.seconds);
        let lasted = if one.ended.is_some() {
            lasted
        } else {
            format!("{lasted}, goes on")
        };
        table.row([
            &one.id,
            &one.kind,
            &one.about,
            &lasted,
            &rate(one.peak_per_second),
            &count(one.packets),
        ]);
    }
    let lines = table.render("", |_, cell| cell.to_owned());
    let (heading, rest) = lines.split_once('\n').unwrap_or((&lines, ""));
    text + &format!("{}\n{rest}", paint.strong(heading))
}

/// One incident.
pub(super) fn one(incident: &Incident, paint: Paint) -> String {
    let about = incident.subject.in_words();
    let heading = format!("{} {}", incident.kind, about);
    let mut table = Table::new(&[Side::Left, Side::Left]);
    let mut say = |what: &str, text: String| {
        if !text.is_empty() {
            table.row([what, &text]);
        }
    };
    say("incident", incident.id.clone());
    say("began", incident.began.clone());
    say("ended", ended(incident));
    say("because", because(incident));
    say(
        "packets",
        format!(
            "{}, {} per second at most",
            count(incident.packets),
            rate(incident.peak_per_second)
        ),
    );
    let counts = incident.counts.iter();
    let counts: Vec<String> = counts
        .map(|(name, number)| format!("{name} {}", rate(*number)))
        .collect();
    say("counts", counts.join(", "));
    let done: Vec<String> = incident
        .done
        .iter()
        .map(|done| format!("{} {}", done.reason, count(done.count)))
        .collect();
    say("done", done.join(", "));
    say("networks", prefixes(&incident.networks));
    say("names", incident.names.join(" "));
    say("hop limits", hop_limits(incident));
    say("cost", cost(incident));
    if let Some(detail) = &incident.detail {
        say("clients", prefixes(&detail.clients));
        say("full names", detail.names.join(" "));
    }
    say(
        "seen by",
        format!(
            "{}, suimond {}, configuration {}",
            incident.host,
            incident.version,
            incident.config_sha256.get(..12).unwrap_or_default()
        ),
    );
    let lines = table.render("  ", |column, cell| match column {
        0 => paint.faint(cell),
        _ => cell.to_owned(),
    });
    format!("{}\n{lines}", paint.strong(&heading))
}

fn ended(incident: &Incident) -> String {
    let lasted = span(incident.seconds);
    match (&incident.ended, incident.ended_by.as_deref()) {
        (None, _) => format!("not yet; it has lasted {lasted}"),
        (Some(at), Some("restart" | "shutdown")) => {
            format!("{at}, when suimond ended, after {lasted}")
        }
        (Some(at), Some("forgotten")) => {
            format!("{at}, when it was last heard of, after {lasted}")
        }
        (Some(at), _) => format!("{at}, after {lasted}"),
    }
}

/// By what it was found out.
fn because(incident: &Incident) -> String {
    let subject = &incident.subject;
    let mut words = Vec::new();
    words.extend(subject.trigger.clone());
    words.extend(subject.reason.clone());
    words.extend(subject.judged_by.clone());
    words.extend(subject.level.map(|level| format!("limit of a /{level}")));
    if subject.enforced == Some(false) {
        words.push("only logged".to_owned());
    }
    words.join(", ")
}

fn prefixes(counts: &[PrefixCount]) -> String {
    let one = |of: &PrefixCount| format!("{} {}", of.prefix, count(of.count));
    counts.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn hop_limits(incident: &Incident) -> String {
    let seen = incident.hop_limits.iter();
    let mut words: Vec<String> = seen
        .map(|seen| format!("{} ({})", seen.hop_limit, count(seen.count)))
        .collect();
    if incident.hop_limits_others > 0 {
        words.push(format!("others ({})", count(incident.hop_limits_others)));
    }
    words.join(", ")
}

fn cost(incident: &Incident) -> String {
    let cost = &incident.cost;
    let own = cost.upstream_packets.map_or_else(String::new, |own| {
        format!("{} packets to servers; ", count(own))
    });
    format!(
        "{own}of the whole host meanwhile {} packets to servers, {:.1} s of processor time",
        count(cost.host_upstream_packets),
        cost.host_cpu_seconds
    )
}

/// Whole numbers as such, others with two digits.
fn rate(number: f64) -> String {
    if number.fract() == 0.0 || number >= 100.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_line_for_each() {
        let empty = IncidentsReport {
            trouble: Some("the disk is full".to_owned()),
            ..IncidentsReport::default()
        };
        assert_eq!(
            list(&empty, Paint::plain()),
            "journal the disk is full\nno incidents\n"
        );
        let mut goes_on = Incident::example().summary();
        goes_on.ended = None;
        let report = IncidentsReport {
            incidents: vec![goes_on, Incident::example().summary()],
            ..IncidentsReport::default()
        };
        let text = list(&report, Paint::plain());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "Incident               Kind               About                            Lasted  Peak/s  Packets",
                "20261122T094708Z-zone  zone_under_attack  www.victim.example.  1 min 5 s, goes on    5010  321,300",
                "20261122T094708Z-zone  zone_under_attack  www.victim.example.           1 min 5 s    5010  321,300",
            ]
        );
    }

    #[test]
    fn one_incident_is_a_screen_and_details_are_on_it_only_if_they_came() {
        let mut incident = Incident::example();
        let text = one(&incident, Paint::plain());
        for line in [
            "zone_under_attack www.victim.example.\n",
            "  ended       2026-11-22T09:48:13Z, after 1 min 5 s\n",
            "  because     flood\n",
            "  packets     321,300, 5010 per second at most\n",
            "  done        zone_throttled 320,000\n",
            "  networks    192.0.2.0/24 300,000\n",
            "  names       x7…[12].www.victim.example.\n",
            "  hop limits  57 (4,000), others (3)\n",
            "  cost        1,300 packets to servers; of the whole host meanwhile 1,500 packets to servers, 2.5 s of processor time\n",
            "  clients     192.0.2.7/32 300,000\n",
            "  full names  x7f3k2v8q0aa.www.victim.example.\n",
            "  seen by     ns1, suimond 0.1.0, configuration 000000000000\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        incident.detail = None;
        incident.ended = None;
        let text = one(&incident, Paint::plain());
        assert!(!text.contains("192.0.2.7"), "{text}");
        assert!(text.contains("not yet; it has lasted 1 min 5 s"), "{text}");
    }
}
