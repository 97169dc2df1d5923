//! Which metrics are the counters of `telemetry`?

use super::{Bucket, Metric, Value};
use crate::telemetry::latency::{LatencyCounts, upper_bound_us};
use crate::telemetry::worker::RCODES;
use crate::telemetry::{AnswerSource, Counts, Reason, Received, Snapshot};
use crate::wire::Rcode;

/// Every counter of a snapshot under its name. What the snapshot does not know (cache, tables, build) the daemon adds.
#[must_use]
pub fn of_telemetry(snapshot: &Snapshot) -> Vec<Metric> {
    let mut metrics = Vec::with_capacity(128);
    clients(&mut metrics, &snapshot.clients);
    streams(&mut metrics, &snapshot.clients);
    metrics.push(Metric::level(
        "suimon_workers",
        "Worker threads that receive datagrams.",
        &[],
        u64::try_from(snapshot.workers).unwrap_or(u64::MAX),
    ));
    metrics
}

fn clients(metrics: &mut Vec<Metric>, counts: &Counts) {
    for how in Received::ALL {
        let (transport, family) = how.labels();
        metrics.push(Metric::counter(
            "suimon_queries_total",
            "Messages received from clients.",
            &[("transport", transport), ("family", family)],
            counts.received_by(how),
        ));
    }
    for reason in Reason::ALL {
        metrics.push(Metric::counter(
            "suimon_verdicts_total",
            "Verdicts of the guard and what follows it, by reason code.",
            &[("reason", reason.label())],
            counts.verdict(*reason),
        ));
    }
    replies(metrics, counts);
    for source in AnswerSource::ALL {
        metrics.push(Metric::counter(
            "suimon_answers_total",
            "Answers to admitted queries, by where they came from.",
            &[("source", source.label())],
            counts.answers_from(source),
        ));
    }
    for (outcome, latency) in [("hit", &counts.hits), ("miss", &counts.misses)] {
        metrics.push(histogram(
            "suimon_latency_seconds",
            "Time from a query's arrival to its reply; a hit asked nobody upstream.",
            &[("outcome", outcome)],
            latency,
        ));
    }
    for (direction, octets) in [("in", counts.bytes_in()), ("out", counts.bytes_out())] {
        metrics.push(Metric::counter(
            "suimon_client_bytes_total",
            "Octets of DNS messages received from and sent to clients.",
            &[("direction", direction)],
            octets,
        ));
    }
    let plain = [
        (
            "suimon_replies_truncated_total",
            "Replies sent with TC=1.",
            counts.truncated(),
        ),
        (
            "suimon_queries_from_port_53_total",
            "Queries from source port 53: old forwarders, or forged.",
            counts.from_port_53(),
        ),
        (
            "suimon_queries_proven_by_cookie_total",
            "Datagrams whose source a server cookie of ours has proven.",
            counts.proven_by_cookie(),
        ),
        (
            "suimon_receive_batches_total",
            "Reads of a UDP socket that brought at least one datagram.",
            counts.batches(),
        ),
        (
            "suimon_send_failures_total",
            "Replies the kernel would not take.",
            counts.send_failures(),
        ),
    ];
    for (name, help, value) in plain {
        metrics.push(Metric::counter(name, help, &[], value));
    }
}

/// Codes without a name here share one label, so that nobody upstream can make new ones.
fn replies(metrics: &mut Vec<Metric>, counts: &Counts) {
    let mut other = 0_u64;
    for (code, value) in (0_u16..).zip(counts.rcodes) {
        match Rcode(code).mnemonic() {
            Some(mnemonic) if usize::from(code) + 1 < RCODES => metrics.push(Metric::counter(
                "suimon_replies_total",
                "Replies sent to clients, by response code.",
                &[("rcode", mnemonic)],
                value,
            )),
            _ => other = other.wrapping_add(value),
        }
    }
    metrics.push(Metric::counter(
        "suimon_replies_total",
        "Replies sent to clients, by response code.",
        &[("rcode", "other")],
        other,
    ));
}

fn streams(metrics: &mut Vec<Metric>, counts: &Counts) {
    for (outcome, value) in [
        ("accepted", counts.tcp_opened()),
        ("refused", counts.tcp_refused()),
        ("limited", counts.tcp_limited()),
    ] {
        metrics.push(Metric::counter(
            "suimon_tcp_connections_total",
            "TCP connections of clients: accepted, refused before a byte was read, ended by one of our limits.",
            &[("outcome", outcome)],
            value,
        ));
    }
    metrics.push(Metric::level(
        "suimon_tcp_connections",
        "TCP connections of clients open now.",
        &[],
        counts.tcp_open(),
    ));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds to seconds; Prometheus has only doubles"
)]
fn histogram(name: &str, help: &str, labels: &[(&str, &str)], latency: &LatencyCounts) -> Metric {
    let mut cumulative = 0_u64;
    let buckets = latency
        .buckets
        .iter()
        .enumerate()
        .filter_map(|(index, count)| {
            cumulative = cumulative.wrapping_add(*count);
            upper_bound_us(index).map(|bound| Bucket {
                le: bound as f64 / 1e6,
                count: cumulative,
            })
        })
        .collect();
    Metric::new(
        name,
        help,
        labels,
        Value::Histogram {
            buckets,
            sum: latency.sum_us as f64 / 1e6,
            count: latency.count(),
        },
    )
}
