//! `suimon ask`: resolve a name through the running daemon and tell how.

use super::output::{Paint, Side, Table, counted, micros, size};
use super::{Error, Exit, Session, domain_name, record_type};
use crate::ops::control::protocol::{AskReport, ExtendedError, Request, TraceStep};
use crate::wire::{Name, RecordType};

/// Resolve a name through the running daemon and tell how.
///
/// With --trace every step is shown: cache, referrals, servers, times and the budget spent. If there is no answer, the last
/// lines say why in plain words. The exit code is 0 only if there are records.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name to resolve.
    #[arg(value_name = "NAME", value_parser = domain_name)]
    name: Name,

    /// Type to ask for.
    #[arg(value_name = "TYPE", value_parser = record_type, default_value = "A")]
    rtype: RecordType,

    /// Show each step: cache, referral, server, time, budget.
    #[arg(long)]
    trace: bool,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let report: AskReport = session.ask(&Request::Ask {
            name: self.name.to_string(),
            rtype: self.rtype.to_string(),
            trace: self.trace,
        })?;
        session
            .screen
            .show(&report, |paint| human(&report, paint))?;
        Ok(if report.rcode == "NOERROR" && !report.answer.is_empty() {
            Exit::Done
        } else {
            Exit::No
        })
    }
}

fn human(report: &AskReport, paint: Paint) -> String {
    let mut text = String::new();
    if !report.trace.is_empty() {
        text += &steps(&report.trace, paint);
        text.push('\n');
    }
    text += &response(report, paint);
    text += &cost(report);
    let words = explanation(report);
    if !words.is_empty() {
        text += &format!("\n{}\n", paint.warn("Why there is no answer"));
        for sentence in words {
            text += &format!("  {sentence}\n");
        }
    }
    text
}

/// Numbered steps; sub-queries are indented below what needed them.
fn steps(trace: &[TraceStep], paint: Paint) -> String {
    let mut table = Table::new(&[Side::Right, Side::Right, Side::Left, Side::Left]);
    let mut packets = 0;
    for (number, step) in (1_usize..).zip(trace) {
        let indent = "  ".repeat(usize::try_from(step.depth).unwrap_or(0).min(10));
        let mut what = format!("{indent}{}", words(step));
        let spent = step.packets_spent.filter(|spent| *spent > packets);
        packets = spent.unwrap_or(packets);
        let extras: Vec<String> = [
            step.server.clone(),
            step.rtt_us.map(micros),
            spent.map(|packets| counted(packets.into(), "packet so far", "packets so far")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !extras.is_empty() {
            what += &format!(" [{}]", extras.join(", "));
        }
        table.row([
            &number.to_string(),
            &micros(step.at_us),
            &step.kind.replace('_', " "),
            &what,
        ]);
    }
    table.render("", |column, cell| match (column, cell) {
        (2, "fault" | "bogus" | "limit") => paint.bad(cell),
        (2, _) => paint.strong(cell),
        (0 | 1, _) => paint.faint(cell),
        _ => cell.to_owned(),
    })
}

/// A step's words on one line, less the kind that stands in the column before them.
fn words(step: &TraceStep) -> String {
    let text = step.text.replace('\n', " ");
    let kind = step.kind.replace('_', " ");
    let rest = text
        .trim_start()
        .strip_prefix(&kind)
        .and_then(|rest| rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' ')));
    rest.unwrap_or(&text).trim().to_owned()
}

/// The response much as dig shows it.
fn response(report: &AskReport, paint: Paint) -> String {
    let status = if report.rcode == "NOERROR" {
        paint.good(&report.rcode)
    } else {
        paint.bad(&report.rcode)
    };
    let mut text = format!(
        ";; status: {status}, flags: {}; answer {}, authority {}, additional {}\n",
        report.flags.join(" "),
        report.answer.len(),
        report.authority.len(),
        report.additional.len()
    );
    if let Some(error) = &report.extended_error {
        text += &format!(";; extended error {}\n", named(error));
    }
    text += &format!("\n;; QUESTION\n;{}  IN  {}\n", report.name, report.rtype);
    for (title, records) in [
        ("ANSWER", &report.answer),
        ("AUTHORITY", &report.authority),
        ("ADDITIONAL", &report.additional),
    ] {
        if !records.is_empty() {
            text += &format!("\n;; {title}\n{}", section(records));
        }
    }
    text
}

/// Owner, TTL, class, type and data in columns.
fn section(records: &[String]) -> String {
    let mut table = Table::new(&[Side::Left, Side::Right, Side::Left, Side::Left, Side::Left]);
    for record in records {
        let mut fields = record.splitn(5, [' ', '\t']);
        let mut field = || fields.next().unwrap_or_default();
        table.row([field(), field(), field(), field(), field()]);
    }
    table.render("", |_, cell| cell.to_owned())
}

fn cost(report: &AskReport) -> String {
    let from = match report.source.as_str() {
        "cache" => "the cache",
        "recursion" => "the zone's own servers",
        "forward" => "a forwarder",
        "stub" => "configured servers",
        "policy" => "the operator's data or a special-use rule",
        other => other,
    };
    let spent = &report.spent;
    let mut text = format!("\n;; from {from} in {}", micros(report.elapsed_us));
    if spent.packets_limit > 0 {
        text += &format!(
            "; spent {} of {} packets, {} of {}",
            spent.packets,
            spent.packets_limit,
            size(spent.bytes.into()),
            size(spent.bytes_limit.into())
        );
        if spent.links > 0 {
            text += &format!(", {} of {} links", spent.links, spent.links_limit);
        }
        if spent.failing_ns_names > 0 {
            text += &format!(
                ", {} of {} servers without an address",
                spent.failing_ns_names, spent.failing_ns_names_limit
            );
        }
        for (used, limit, what) in [
            (spent.signatures, spent.signatures_limit, "signatures"),
            (spent.nsec3_hashes, spent.nsec3_hashes_limit, "NSEC3 hashes"),
        ] {
            if used > 0 {
                text += &format!(", {used} of {limit} {what}");
            }
        }
    }
    text.push('\n');
    text
}

/// Faults shown at most below an answer that failed.
const FAULTS: usize = 10;

/// Why there is no answer, in plain words; nothing if there is one.
fn explanation(report: &AskReport) -> Vec<String> {
    let name = &report.name;
    let mut sentences = match report.rcode.as_str() {
        "NOERROR" if !report.answer.is_empty() => return Vec::new(),
        "NOERROR" => vec![format!(
            "{name} exists, but has no records of type {}.",
            report.rtype
        )],
        "NXDOMAIN" if report.source == "policy" => vec![format!(
            "{name} does not exist: a local zone or a special-use rule of this resolver says so."
        )],
        "NXDOMAIN" => vec![format!(
            "{name} does not exist: the servers of its zone say so."
        )],
        "REFUSED" => vec![format!("The resolver will not answer for {name}.")],
        rcode => vec![format!("{name} could not be resolved ({rcode}).")],
    };
    if let Some(error) = &report.extended_error {
        let words = in_words(error.code);
        if !words.is_empty() {
            sentences.push(words.to_owned());
        }
        if !error.text.is_empty() {
            sentences.push(format!(
                "The resolver says: {}.",
                error.text.trim_end_matches('.')
            ));
        }
    }
    let spent = &report.spent;
    if spent.packets_limit > 0 && spent.packets >= spent.packets_limit {
        sentences.push(format!(
            "It used up all {} packets one question may cost (limits.packets).",
            spent.packets_limit
        ));
    }
    if report.rcode == "SERVFAIL" {
        sentences.extend(faults(&report.trace));
        if report.trace.is_empty() {
            sentences.push("Add --trace to see which server did what.".to_owned());
        }
    }
    sentences
}

/// What went wrong on the way, each once, in order.
fn faults(trace: &[TraceStep]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for step in trace {
        if matches!(step.kind.as_str(), "fault" | "bogus" | "limit") {
            let line = format!("- {}", words(step));
            if !seen.contains(&line) {
                seen.push(line);
            }
        }
    }
    let more = seen.len().saturating_sub(FAULTS);
    seen.truncate(FAULTS);
    if more > 0 {
        seen.push(format!("- and {more} more"));
    }
    if !seen.is_empty() {
        seen.insert(0, "On the way:".to_owned());
    }
    seen
}

fn named(error: &ExtendedError) -> String {
    let name = ede_name(error.code);
    let mut text = error.code.to_string();
    if !name.is_empty() {
        text += &format!(" ({name})");
    }
    if !error.text.is_empty() {
        text += &format!(": {}", error.text);
    }
    text
}

/// Names of the codes a resolver may set (IANA registry "Extended DNS Error Codes").
const fn ede_name(code: u16) -> &'static str {
    match code {
        0 => "Other",
        1 => "Unsupported DNSKEY Algorithm",
        2 => "Unsupported DS Digest Type",
        3 => "Stale Answer",
        5 => "DNSSEC Indeterminate",
        6 => "DNSSEC Bogus",
        7 => "Signature Expired",
        8 => "Signature Not Yet Valid",
        9 => "DNSKEY Missing",
        10 => "RRSIGs Missing",
        11 => "No Zone Key Bit Set",
        12 => "NSEC Missing",
        13 => "Cached Error",
        14 => "Not Ready",
        15 => "Blocked",
        18 => "Prohibited",
        20 => "Not Authoritative",
        21 => "Not Supported",
        22 => "No Reachable Authority",
        23 => "Network Error",
        24 => "Invalid Data",
        25 => "Signature Expired before Valid",
        27 => "Unsupported NSEC3 Iterations Value",
        29 => "Synthesized",
        _ => "",
    }
}

/// What a code means for an operator.
const fn in_words(code: u16) -> &'static str {
    match code {
        6 | 9..=12 | 25 => {
            "Its zone is signed, and what came does not prove itself (bogus): a forgery, or a mistake of the zone's operator. When it is surely the latter, `suimon nta add ZONE` excuses the zone for a while."
        }
        7 | 8 => {
            "Its signatures are not valid at this time: a mistake of the zone's operator, old records replayed, or a wrong clock on this host."
        }
        13 => {
            "It failed a moment ago and is not asked again yet; `suimon flush NAME` forgets the failure."
        }
        14 => "The resolver has not finished starting.",
        15 => "The operator's policy blocks it.",
        18 => "This client is not allowed to ask.",
        22 => {
            "None of its zone's servers gave a usable answer: they were silent, refused, or do not serve the zone."
        }
        23 => "The network between this resolver and the servers failed.",
        24 => "The servers' answers are malformed or contradict each other.",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
