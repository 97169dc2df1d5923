//! How are options written, and which of Unbound's matter to a scenario? Pairs of a line, values, and the names of those that do not.

use std::net::{IpAddr, SocketAddr};

/// `address[@port]`.
pub(super) fn server(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once('@').unwrap_or((text, "53"));
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

/// A prefix; an address alone is the longest.
pub(super) fn prefix(text: &str) -> String {
    match text.trim().parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => format!("{address}/32"),
        Ok(IpAddr::V6(address)) => format!("{address}/128"),
        Err(_) => text.trim().to_owned(),
    }
}

pub(super) fn yes(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Some(true),
        "no" | "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Options of the validator: kept for it, and without a trust anchor of no consequence.
pub(super) fn is_validators(key: &str) -> bool {
    key.starts_with("val-")
        || key.starts_with("fake-")
        || matches!(
            key,
            "harden-dnssec-stripped"
                | "harden-algo-downgrade"
                | "ignore-cd-flag"
                | "aggressive-nsec"
                | "trust-anchor-signaling"
                | "root-key-sentinel"
                | "permit-small-holddown"
                | "add-holddown"
                | "del-holddown"
                | "keep-missing"
        )
}

/// Options that change what a scenario sees only when they are on.
pub(super) fn matters_if_on(key: &str) -> bool {
    matches!(
        key,
        "harden-referral-path"
            | "tcp-upstream"
            | "ssl-upstream"
            | "tls-upstream"
            | "answer-cookie"
            | "edns-tcp-keepalive"
            | "dns-error-reporting"
            | "dns64-synthall"
            | "stub-first"
            | "forward-first"
            | "block-a"
            | "hide-http-user-agent"
    )
}

/// Options that change nothing a scenario can see here: resources, logs, how targets are fetched ahead, hardening that is always on.
pub(super) fn does_not_matter(key: &str) -> bool {
    const EXACT: [&str; 40] = [
        "do-ede",
        "target-fetch-policy",
        "verbosity",
        "num-threads",
        "interface",
        "port",
        "username",
        "chroot",
        "directory",
        "pidfile",
        "do-daemonize",
        "do-udp",
        "do-tcp",
        "so-reuseport",
        "statistics-cumulative",
        "extended-statistics",
        "prefetch-key",
        "prefer-ip4",
        "prefer-ip6",
        "ede",
        "ede-serve-expired",
        "ede-local-zones",
        "deny-any",
        "rrset-roundrobin",
        "unwanted-reply-threshold",
        "insecure-lan-zones",
        "identity",
        "version",
        "jostle-timeout",
        "delay-close",
        "outbound-msg-retry",
        "max-sent-count",
        "max-query-restarts",
        "unknown-server-time-limit",
        "discard-timeout",
        "wait-limit",
        "fast-server-permil",
        "low-rtt-permil",
        "low-rtt-pct",
        "udp-connect",
    ];
    EXACT.contains(&key)
        || [
            "log-",
            "harden-",
            "infra-",
            "hide-",
            "msg-",
            "rrset-cache",
            "key-cache",
            "neg-cache",
            "outgoing-",
            "incoming-",
            "num-queries",
            "so-",
            "stream-",
            "tcp-",
            "iter-scrub",
            "serve-expired-ttl-reset",
            "use-syslog",
            "wait-limit-",
        ]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// The `key: value` pairs of a line; quotes around a value are left out.
pub(super) fn pairs(text: &str) -> Vec<(&str, &str)> {
    // Where keys begin, and where their values do.
    let mut keys: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    let mut quoted = false;
    let mut fresh = true;
    for (place, character) in text.char_indices() {
        if character == '"' {
            quoted = !quoted;
        }
        if quoted {
            continue;
        }
        if character.is_whitespace() || character == '"' {
            fresh = true;
            at = place + character.len_utf8();
        } else if character == ':' && fresh {
            let word = text.get(at..place).unwrap_or_default();
            let next = text.get(place + 1..).and_then(|rest| rest.chars().next());
            if is_key(word) && next.is_none_or(|next| next.is_whitespace() || next == '"') {
                keys.push((at, place));
            }
            fresh = false;
        }
    }
    let ends = keys.iter().skip(1).map(|(begin, _)| *begin);
    let ends: Vec<usize> = ends.chain([text.len()]).collect();
    keys.iter()
        .zip(ends)
        .filter_map(|((begin, colon), end)| {
            let value = text.get(colon + 1..end)?.trim();
            Some((text.get(*begin..*colon)?, unquoted(value)))
        })
        .collect()
}

fn is_key(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.chars().all(|character| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        })
}

pub(super) fn unquoted(text: &str) -> &str {
    let quote = |mark: char| {
        text.strip_prefix(mark)
            .and_then(|text| text.strip_suffix(mark))
    };
    quote('"').or_else(|| quote('\'')).unwrap_or(text)
}
