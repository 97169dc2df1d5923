//! What is told of the shares of clients and servers: how much is one client's, and how often was it not enough?

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use super::live::Live;
use crate::guard::Client;
use crate::ops::control::protocol::{ShareReport, ShareWhy};
use crate::ops::metrics::Metric;

/// The part of `guard status`.
pub(super) fn status(live: &Live) -> ShareReport {
    let (fair, pending) = (&live.pipeline.fair, &live.pipeline.pending);
    let counters = fair.counters();
    ShareReport {
        mode: fair.mode().label().to_owned(),
        per_client: fair.per_client(),
        per_server: fair.per_server(false),
        clients_waiting: count(pending.clients()),
        clients_full_total: counters.client_full.load(Ordering::Relaxed),
        servers_full_total: counters.server_full.load(Ordering::Relaxed),
    }
}

/// What `why` says of a client.
pub(super) fn why(live: &Live, client: IpAddr, verified: bool) -> ShareWhy {
    let pipeline = &live.pipeline;
    let client = Client::new(client, verified);
    let customer = pipeline.guard.limiter().customer(client);
    let (waiting, waiting_most) = pipeline.pending.waiting(&customer);
    let used = pipeline.fair.client(&customer);
    ShareWhy {
        look_ups: used.held,
        look_ups_most: used.most,
        waiting: count(waiting),
        waiting_most: count(waiting_most),
        customers: customer.customers,
    }
}

/// Metrics.
pub(super) fn metrics(metrics: &mut Vec<Metric>, live: &Live) {
    let status = status(live);
    for (of, times) in [
        ("client", status.clients_full_total),
        ("server", status.servers_full_total),
    ] {
        metrics.push(Metric::counter(
            "suimon_shares_full_total",
            "Times that a client or a server had its share of the look-ups under way already, or in log-only mode would have been held to it.",
            &[("of", of)],
            times,
        ));
    }
    for (of, amount) in [("client", status.per_client), ("server", status.per_server)] {
        metrics.push(Metric::level(
            "suimon_shares_slots",
            "Look-ups that one client, and questions to one server, that may be under way now.",
            &[("of", of)],
            u64::from(amount),
        ));
    }
    let help = "Clients with a query waiting now.";
    metrics.push(Metric::level(
        "suimon_pending_clients",
        help,
        &[],
        status.clients_waiting,
    ));
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
