//! What does the log say of an incident? Rates and counts under the kind's reason code; networks, never a client, never a name that
//! was asked for.

use ipnet::IpNet;
use tracing::field::display;

use crate::config::plan::Secrecy;
use crate::daemon::secrecy::widened;
use crate::telemetry::Reason;
use crate::telemetry::incidents::{
    Attacked, Backscatter, ClientsLimited, ForwardingLoop, IngressSpoof, Moment, Stage, Subject,
    ZoneAttack,
};

/// A line at a level that fits the stage: what ends is good news.
macro_rules! line {
    ($stage:expr, $($fields:tt)*) => {
        if $stage == Stage::Stopped {
            tracing::info!($($fields)*)
        } else {
            tracing::warn!($($fields)*)
        }
    };
}

/// One line of log.
pub(super) fn tell(moment: &Moment, secrecy: &Secrecy) {
    let stage = moment.stage;
    let seconds = moment.at_ms.saturating_sub(moment.since_ms) / 1_000;
    let (kind, word) = (moment.subject.label(), stage.label());
    match &moment.subject {
        Subject::Zone(zone) => tell_zone(zone, kind, stage),
        Subject::Clients(clients) => {
            let ClientsLimited {
                queries,
                peak,
                enforced,
                ..
            } = *clients;
            let (network, what) = (widened(secrecy, clients.prefix), clients.namespace.label());
            let done = counts(&clients.done);
            line!(stage, kind, stage = word, %network, what, queries, peak, seconds, enforced, done, "a network asks more than its limit: {word}");
        }
        Subject::Backscatter(Backscatter {
            peer,
            port,
            packets,
            upstream,
            peak,
            ..
        }) => {
            let network = widened(secrecy, *peer);
            line!(stage, kind, stage = word, %network, port, packets, upstream, peak, seconds, "responses to queries that we never sent: {word}; our addresses are being spoofed");
        }
        Subject::Spoof(spoof) => {
            let IngressSpoof { packets, peak, .. } = *spoof;
            let reason = spoof.reason.label();
            let interface = spoof
                .interface_name
                .clone()
                .unwrap_or_else(|| spoof.interface.to_string());
            line!(
                stage,
                kind,
                stage = word,
                interface,
                reason,
                packets,
                peak,
                seconds,
                "forged sources come in: {word}"
            );
        }
        Subject::Loop(around) => {
            let ForwardingLoop {
                queries,
                by_cookie,
                peak,
                ..
            } = *around;
            let from = sent_round_by(around, secrecy);
            line!(stage, kind, stage = word, %from, queries, by_cookie, peak, seconds, "queries of our own come back, forwarders form a loop: {word}");
        }
    }
}

/// A server that we ask: whoever is to mend it must know which. Otherwise the network, for it may be a client.
pub(super) fn sent_round_by(around: &ForwardingLoop, secrecy: &Secrecy) -> IpNet {
    if around.is_from_a_server() {
        around.peer
    } else {
        widened(secrecy, around.peer)
    }
}

fn tell_zone(attack: &ZoneAttack, kind: &str, stage: Stage) {
    let word = stage.label();
    let failed_percent = (attack.failed_share * 100.0).round();
    let (demand, unknown, peak) = (
        attack.demand.round(),
        attack.unknown.round(),
        attack.peak.round(),
    );
    let (zone, suffix, server) = match &attack.attacked {
        Attacked::Zone { zone, .. } => (Some(zone), Some(attack.attacked.narrowed()), None),
        Attacked::Server(server) => (None, None, Some(display(server))),
    };
    line!(
        stage,
        kind,
        stage = word,
        zone,
        suffix,
        server,
        trigger = attack.trigger,
        seconds = attack.seconds,
        demand,
        unknown,
        peak,
        failed_percent,
        // A server is never dead as a whole.
        dead = zone.map(|_| attack.dead),
        denied = attack.denied,
        explored = attack.explored,
        names = attack.names,
        clients = attack.clients,
        "{} under attack: {word}",
        if zone.is_some() { "zone" } else { "server" }
    );
}

/// `code=times` pairs.
fn counts(done: &[(Reason, u64)]) -> String {
    let pairs: Vec<String> = done
        .iter()
        .map(|(reason, times)| format!("{}={times}", reason.label()))
        .collect();
    pairs.join(" ")
}
