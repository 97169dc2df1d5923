//! How is the daemon's state put into the reports that operators read? Facts in, words and numbers out.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::live::Live;
use super::{limiting, shadow};
use crate::config::plan::{AclAction, Limits, Validation};
use crate::config::units::Moment;
use crate::config::{Loaded, Problem};
use crate::dnssec::{Anchor, Excused, Start};
use crate::guard::permit::Spent;
use crate::ingress::ListenError;
use crate::ops::control::protocol::{
    self, AnchorReport, AskReport, ExtendedError, NegativeAnchorReport, StatusReport, TraceStep,
    ValidationReport,
};
use crate::policy::Decision;
use crate::recursion::trace::{Happening, TraceEvent};
use crate::resolve::Traced;
use crate::sys::clock::{self, Now};
use crate::telemetry::Snapshot;
use crate::wire::{Held, Name, Question, text};

/// Sections and keys that take effect at the next start only.
const AT_START: [&str; 10] = [
    "dnstap.",
    "listen.",
    "tcp.",
    "metrics.",
    "control.",
    "process.",
    "log.target",
    "cache.answer_slots",
    "zone_guard.known_names",
    "incidents.journal",
];

/// The one line that says suimond serves.
pub(super) fn ready(listening: &[SocketAddr]) -> String {
    let addresses: Vec<String> = listening.iter().map(ToString::to_string).collect();
    format!("suimond: ready on {}", addresses.join(" "))
}

/// What `--check` prints when all is well.
pub(super) fn checked(loaded: &Loaded) -> String {
    let mut lines: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let files: Vec<String> = loaded
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let files = if files.is_empty() {
        "built-in defaults".to_owned()
    } else {
        files.join(" ")
    };
    lines.push(format!("suimond: the configuration holds ({files})"));
    lines.join("\n")
}

/// What `--check` prints when not all is well.
pub(super) fn refused(problems: &[Problem]) -> String {
    with_problems(problems, "suimond: the configuration cannot be used")
}

/// Why suimond does not start.
pub(super) fn problems(problems: &[Problem]) -> String {
    with_problems(
        problems,
        "suimond: not started: the configuration cannot be used",
    )
}

/// Why a reload changes nothing. `confined`: the sandbox may be what forbids reading a file, and only a restart moves it.
pub(super) fn not_reloaded(problems: &[Problem], confined: bool) -> Vec<String> {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied).to_string();
    if confined
        && lines
            .iter()
            .any(|line| line.to_lowercase().contains(&denied))
    {
        lines.push(
            "the sandbox lets this process read only the directories of the files that were in use when it started; a file elsewhere needs a restart (or process.sandbox = false)"
                .to_owned(),
        );
    }
    lines
}

fn with_problems(problems: &[Problem], verdict: &str) -> String {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.push(verdict.to_owned());
    lines.join("\n")
}

/// Why an address could not be listened on, and how to find out who holds it.
pub(super) fn busy(error: &ListenError) -> String {
    let hint = match error.source.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "; `ss -lnptu 'sport = :{}'` shows who holds it",
                error.address.port()
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit gives it)".to_owned()
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "; no interface of this host has that address".to_owned()
        }
        _ => String::new(),
    };
    format!("{error}{hint}")
}

/// One line for `systemctl status`.
pub(super) fn status_line(per_second: f64, snapshot: &Snapshot) -> String {
    let status = StatusReport::default().with_telemetry(snapshot);
    let hits = status
        .hit_ratio
        .map_or_else(|| "-".to_owned(), |ratio| format!("{:.0} %", ratio * 100.0));
    format!(
        "serving {per_second:.0} q/s, hit {hits}, {} workers",
        status.workers
    )
}

/// The part of the status that is counted.
pub(super) fn status(live: &Live, snapshot: &Snapshot) -> StatusReport {
    let upstream = live.egress.counters().snapshot();
    StatusReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        recursions_in_flight: level(live.resolver.in_flight()),
        upstream_packets_total: upstream.sent_in_all(),
        upstream_timeouts_total: upstream.timeouts,
        cache_entries: live.cache.entries(),
        cache_bytes: live.cache.bytes(),
        cache_capacity_bytes: live.plan.cache.max_bytes,
        validation: validation(live, clock::now()),
        limiter: limiting::status(live, &snapshot.clients, clock::now()),
        limits: shadow::limits(live, &snapshot.clients),
        ..StatusReport::default().with_telemetry(snapshot)
    }
}

/// Whether and by what answers are validated.
fn validation(live: &Live, now: Now) -> ValidationReport {
    ValidationReport {
        on: live.validator.is_on(),
        off_because: live.plan.dnssec.off_because.clone(),
        anchors: live
            .validator
            .anchors()
            .iter()
            .map(|at| anchor(at))
            .collect(),
        negative_anchors: negative_anchors(live, now),
        zones_known: live.validator.zones(),
    }
}

fn anchor(anchor: &Anchor) -> AnchorReport {
    let mut key_tags: Vec<u16> = anchor
        .ds()
        .map(|ds| ds.key_tag)
        .chain(anchor.dnskeys().map(|key| key.tag()))
        .collect();
    key_tags.sort_unstable();
    key_tags.dedup();
    AnchorReport {
        zone: anchor.zone().to_string(),
        key_tags,
        ..AnchorReport::default()
    }
}

/// The zones that are not validated now, those of the configuration first.
pub(super) fn negative_anchors(live: &Live, now: Now) -> Vec<NegativeAnchorReport> {
    let at = now.wall_secs();
    let planned = live
        .plan
        .dnssec
        .negative_anchors
        .iter()
        .map(|anchor| NegativeAnchorReport {
            zone: anchor.zone.to_string(),
            source: "configuration".to_owned(),
            until: anchor.until.map(|until| Moment(until).to_string()),
            seconds_left: anchor.until.map(|until| until.saturating_sub(at)),
            reason: None,
        });
    let list = live.validator.excused().list();
    planned
        .chain(list.iter().map(|one| excused(one, now)))
        .filter(|anchor| anchor.seconds_left != Some(0))
        .collect()
}

/// A zone excused at run time.
pub(super) fn excused(excused: &Excused, now: Now) -> NegativeAnchorReport {
    NegativeAnchorReport {
        zone: excused.zone.to_string(),
        source: "operator".to_owned(),
        until: Some(Moment(excused.until).to_string()),
        seconds_left: Some(excused.until.saturating_sub(now.wall_secs())),
        reason: (!excused.reason.is_empty()).then(|| excused.reason.clone()),
    }
}

/// The negative trust anchor that keeps `name` from being validated, and when it ends.
pub(super) fn excuse(live: &Live, name: &Name, now: Now) -> Option<String> {
    if !matches!(live.validator.start(name, now), Start::Negative) {
        return None;
    }
    let zone = live.validator.negative(name, now)?.to_string();
    let anchors = negative_anchors(live, now);
    let until = anchors
        .into_iter()
        .filter(|anchor| anchor.zone.eq_ignore_ascii_case(&zone))
        .map(|anchor| anchor.until)
        .max_by_key(|until| (until.is_none(), until.clone()))
        .flatten();
    Some(until.map_or_else(|| zone.clone(), |until| format!("{zone} until {until}")))
}

/// What needs a person.
pub(super) fn warnings(live: &Live) -> Vec<String> {
    let mut warnings = Vec::new();
    let anybody = live
        .plan
        .guard
        .rules
        .iter()
        .any(|rule| rule.prefix.prefix_len() == 0 && rule.action == AclAction::Allow);
    if anybody {
        warnings.push("everybody is served (acl.open): this is an open resolver".to_owned());
    }
    let dnssec = &live.plan.dnssec;
    if let (Validation::Auto, Some(why)) = (dnssec.validation, &dnssec.off_because) {
        warnings.push(format!(
            "answers are not validated: {why}; set dnssec.trust_anchors, or say with dnssec.validation what is wanted"
        ));
    }
    if !live.plan.egress.ipv4 && !live.plan.egress.ipv6 {
        warnings.push("both egress.ipv4 and egress.ipv6 are off: nobody can be asked".to_owned());
    }
    warnings
}

/// `ask`, told.
pub(super) fn asked(
    question: &Question,
    traced: &Traced,
    source: &str,
    limits: &Limits,
    begun: Now,
) -> AskReport {
    let response = &traced.response;
    let mut flags = vec!["qr".to_owned(), "rd".to_owned(), "ra".to_owned()];
    if response.authoritative {
        flags.insert(1, "aa".to_owned());
    }
    if response.is_authenticated() {
        flags.push("ad".to_owned());
    }
    AskReport {
        name: question.name.to_string(),
        rtype: question.rtype.to_string(),
        rcode: response.rcode.to_string(),
        flags,
        answer: lines(&response.answer),
        authority: lines(&response.authority),
        additional: lines(&response.additional),
        extended_error: response.ede.as_ref().map(|ede| ExtendedError {
            code: ede.code,
            text: ede.text.to_string(),
        }),
        source: source.to_owned(),
        elapsed_us: u64::try_from(clock::now().since(begun).as_micros()).unwrap_or(u64::MAX),
        spent: spent(&traced.spent, limits),
        trace: steps(traced.trace.events(), begun),
    }
}

/// Where an answer came from, in one word.
pub(super) const fn source(decision: &Decision, packets: u32) -> &'static str {
    match decision {
        Decision::Answer(_) => "policy",
        _ if packets == 0 => "cache",
        Decision::Forward(_) => "forward",
        Decision::Stub(_) => "stub",
        Decision::Chase { .. } | Decision::Resolve => "recursion",
    }
}

/// What policy does with a name, in one word.
pub(super) const fn policy_word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Answer(_) => "answer",
        Decision::Chase { .. } | Decision::Resolve => "resolve",
        Decision::Forward(_) => "forward",
        Decision::Stub(_) => "stub",
    }
}

/// Keys whose value differs between two effective configurations, sorted.
pub(super) fn changed_keys(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (settings(before), settings(after));
    let mut changed: Vec<String> = before
        .iter()
        .filter(|(key, value)| after.get(*key) != Some(value))
        .map(|(key, _)| key.clone())
        .collect();
    changed.extend(
        after
            .keys()
            .filter(|key| !before.contains_key(*key))
            .cloned(),
    );
    changed.sort();
    changed
}

/// Whether a changed key waits for the next start.
pub(super) fn needs_restart(key: &str) -> bool {
    AT_START.iter().any(|at_start| key.starts_with(at_start))
}

/// `section.key` and value of every line; repeated sections are numbered. Comments tell places, not values.
fn settings(effective: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut section = String::new();
    let mut repeats: BTreeMap<String, usize> = BTreeMap::new();
    for line in effective.lines() {
        let line = line.split("    # ").next().unwrap_or(line).trim();
        if let Some(name) = line
            .strip_prefix("[[")
            .and_then(|rest| rest.strip_suffix("]]"))
        {
            let number = repeats.entry(name.to_owned()).or_insert(0);
            section = format!("{name}.{number}");
            *number += 1;
        } else if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once(" = ") {
            settings.insert(format!("{section}.{key}"), value.to_owned());
        }
    }
    settings
}

fn lines(section: &[Held]) -> Vec<String> {
    section
        .iter()
        .flat_map(|held| text::rrset_to_lines(&held.rrset, held.ttl))
        .collect()
}

const fn spent(spent: &Spent, limits: &Limits) -> protocol::Spent {
    protocol::Spent {
        packets: spent.packets,
        packets_limit: limits.packets,
        bytes: spent.bytes,
        bytes_limit: limits.bytes,
        links: spent.links,
        links_limit: limits.links,
        failing_ns_names: spent.failing_ns_names,
        failing_ns_names_limit: limits.failing_ns_names,
        signatures: spent.signatures,
        signatures_limit: limits.signatures,
        nsec3_hashes: spent.nsec3_hashes,
        nsec3_hashes_limit: limits.nsec3_hashes,
    }
}

fn steps(events: &[TraceEvent], begun: Now) -> Vec<TraceStep> {
    let mut packets = 0;
    events
        .iter()
        .map(|event| {
            let kind = kind(&event.what);
            if kind == "ask" {
                packets += 1;
            }
            TraceStep {
                at_us: u64::try_from(event.at.since(begun).as_micros()).unwrap_or(u64::MAX),
                kind: kind.to_owned(),
                text: event.to_string(),
                server: None,
                rtt_us: None,
                packets_spent: Some(packets),
                depth: event.depth,
            }
        })
        .collect()
}

/// The kind of step, as the protocol names it. Servers and times stand in the words.
const fn kind(what: &Happening) -> &'static str {
    match what {
        Happening::CacheHit { .. } => "cache",
        Happening::Synthesised { .. } => "synthesised",
        Happening::LocalRoot { .. } => "local_root",
        Happening::Policy { .. } => "policy",
        Happening::Approach { .. } => "approach",
        Happening::Ask { .. } => "ask",
        Happening::Reply { .. } => "reply",
        Happening::Fault(_) => "fault",
        Happening::Referral { .. } => "referral",
        Happening::Link { .. } => "link",
        Happening::LookUp { .. } => "look_up",
        Happening::AskParentAgain { .. } => "ask_parent",
        Happening::Zone { .. } => "zone",
        Happening::Believed { .. } => "validated",
        Happening::Bogus(_) => "bogus",
        Happening::Limit(_) => "limit",
        Happening::Denied(_) => "denied",
        Happening::End { .. } => "end",
    }
}

fn level(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::{self, Place};
    use crate::telemetry::Telemetry;

    #[test]
    fn only_an_acl_that_allows_everybody_is_called_an_open_resolver() {
        let warned = |text: &str| {
            let loaded = config::load_text(Path::new("test.toml"), text).unwrap();
            let telemetry = Arc::new(Telemetry::new());
            let live = Live::build(loaded, &[], &telemetry, &Arc::default(), None).unwrap();
            !warnings(&live).is_empty()
        };
        assert!(!warned(
            "[acl]\nallow = [\"192.0.2.0/24\"]\ndrop = [\"0.0.0.0/0\", \"::/0\"]"
        ));
        assert!(warned("[acl]\nopen = \"for tests, I know\""));
    }

    #[test]
    fn a_file_that_the_sandbox_may_hide_is_told_as_that() {
        let problem = |why: &str| {
            let place = Place::File("/srv/hints.zone".into());
            vec![Problem::error(
                place,
                "this file cannot be read",
                why,
                "fix it",
            )]
        };
        let denied = std::io::Error::from_raw_os_error(13).to_string();
        assert_eq!(not_reloaded(&problem(&denied), true).len(), 2);
        assert_eq!(not_reloaded(&problem(&denied), false).len(), 1);
        let missing = std::io::Error::from_raw_os_error(2).to_string();
        assert_eq!(not_reloaded(&problem(&missing), true).len(), 1);
    }
}
