//! How does a moment become the story that is kept of its incident? Networks and shortened names for all, details apart.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;

use super::told::sent_round_by;
use crate::config::plan::{Detail, Secrecy};
use crate::config::units::Moment as Time;
use crate::daemon::secrecy::{shortened, widened};
use crate::ops::control::protocol::{
    HopLimitCount, INCIDENT_SCHEMA, Incident, IncidentCost, IncidentDetail, IncidentSubject,
    PrefixCount, ReasonCount,
};
use crate::telemetry::Reason;
use crate::telemetry::incidents::{
    Backscatter, ClientsLimited, ForwardingLoop, HopLimits, IngressSpoof, Moment, Stage, Subject,
    ZoneAttack,
};

/// What is true of the whole daemon at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    /// Packets sent to servers since the start.
    pub(super) upstream_packets: u64,
    /// Processor time used since the start.
    pub(super) processor_time: Duration,
    /// SHA-256 of the effective configuration, hexadecimal.
    pub(super) config_sha256: String,
}

/// The beginning of a story.
pub(super) fn begin(id: String, moment: &Moment, whole: &Whole, host: &str) -> Incident {
    Incident {
        schema: INCIDENT_SCHEMA,
        id,
        kind: moment.subject.label().to_owned(),
        began: time(moment.since_ms),
        config_sha256: whole.config_sha256.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.to_owned(),
        ..Incident::default()
    }
}

/// Takes in what a moment says; all its counts are those since the beginning. `begun`: how it stood with the daemon then.
pub(super) fn go_on(
    story: &mut Incident,
    moment: &Moment,
    secrecy: &Secrecy,
    (whole, begun): (&Whole, &Whole),
) {
    story.last_seen = time(moment.at_ms);
    story.seconds = moment.at_ms.saturating_sub(moment.since_ms) / 1_000;
    let told = match &moment.subject {
        Subject::Zone(zone) => of_zone(zone),
        Subject::Clients(clients) => of_clients(clients, secrecy),
        Subject::Backscatter(backscatter) => of_backscatter(backscatter, secrecy),
        Subject::Spoof(spoof) => of_spoof(spoof),
        Subject::Loop(around) => of_loop(around, secrecy),
    };
    story.subject = told.subject;
    story.peak_per_second = story.peak_per_second.max(told.peak);
    story.packets = told.packets;
    story.counts = told
        .counts
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    story.done = told
        .done
        .iter()
        .map(|(reason, count)| ReasonCount {
            reason: reason.label().to_owned(),
            count: *count,
        })
        .collect();
    story.networks = networks(&told.clients, secrecy);
    story.names = told.names.iter().map(|(_, short)| short.clone()).collect();
    story.hop_limits = told
        .hop_limits
        .most()
        .into_iter()
        .map(|(hop_limit, count)| HopLimitCount { hop_limit, count })
        .collect();
    story.hop_limits_others = told.hop_limits.others();
    let used = whole.processor_time.saturating_sub(begun.processor_time);
    story.cost = IncidentCost {
        upstream_packets: told.upstream_packets,
        host_upstream_packets: whole
            .upstream_packets
            .saturating_sub(begun.upstream_packets),
        host_cpu_seconds: (used.as_secs_f64() * 1_000.0).round() / 1_000.0,
    };
    story.detail = (secrecy.detail != Detail::Never && told.has_detail).then(|| IncidentDetail {
        clients: told.clients.iter().map(counted).collect(),
        names: told.names.into_iter().map(|(name, _)| name).collect(),
    });
    if moment.stage == Stage::Stopped {
        end(story, "over");
    }
}

/// It is over since it was last heard of.
pub(super) fn end(story: &mut Incident, by: &str) {
    story.ended = Some(story.last_seen.clone());
    story.ended_by = Some(by.to_owned());
}

/// Whether the details of an incident that ended at `ended` may still be kept and seen at `at`; both wall seconds.
pub(super) fn may_detail(secrecy: &Secrecy, ended: Option<u64>, at: u64) -> bool {
    secrecy.detail != Detail::Never
        && ended.is_none_or(|ended| at.saturating_sub(ended) <= secrecy.detail_for)
}

/// When it ended, wall seconds; nothing = it goes on.
pub(super) fn ended(story: &Incident) -> Option<u64> {
    let time = story.ended.as_deref()?;
    Some(time.parse().map_or(0, |Time(seconds)| seconds))
}

/// Milliseconds of the wall clock as RFC 3339.
pub(super) fn time(ms: u64) -> String {
    Time(ms / 1_000).to_string()
}

/// What one kind has to tell.
#[derive(Default)]
struct Told {
    subject: IncidentSubject,
    peak: f64,
    packets: u64,
    counts: BTreeMap<&'static str, f64>,
    done: Vec<(Reason, u64)>,
    clients: Vec<(IpNet, u64)>,
    /// In full, and shortened.
    names: Vec<(String, String)>,
    hop_limits: HopLimits,
    upstream_packets: Option<u64>,
    /// Whether there is more to know than networks and shortened names.
    has_detail: bool,
}

#[expect(clippy::cast_precision_loss, reason = "estimates and rates")]
fn of_zone(zone: &ZoneAttack) -> Told {
    let below = zone.suffix.as_ref().unwrap_or(&zone.zone);
    let mut clients = zone.top_clients.clone();
    clients.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Told {
        subject: IncidentSubject {
            zone: Some(zone.zone.clone()),
            suffix: zone.suffix.clone(),
            trigger: Some(zone.trigger.to_owned()),
            ..IncidentSubject::default()
        },
        peak: rounded(zone.peak),
        packets: zone.denied + zone.explored,
        counts: BTreeMap::from([
            ("clients", zone.clients as f64),
            ("dead", f64::from(u8::from(zone.dead))),
            ("denied", zone.denied as f64),
            ("explored", zone.explored as f64),
            ("failed_share", rounded(zone.failed_share)),
            ("names", zone.names as f64),
        ]),
        done: zone.done.clone(),
        clients,
        names: zone
            .sample_names
            .iter()
            .map(|name| (name.clone(), shortened(name, below)))
            .collect(),
        hop_limits: zone.hop_limits,
        upstream_packets: Some(zone.upstream_packets),
        has_detail: true,
    }
}

fn of_clients(clients: &ClientsLimited, secrecy: &Secrecy) -> Told {
    Told {
        subject: IncidentSubject {
            judged_by: Some(clients.namespace.label().to_owned()),
            level: Some(clients.prefix.prefix_len()),
            enforced: Some(clients.enforced),
            ..about(clients.prefix, secrecy)
        },
        done: clients.done.clone(),
        ..of_peer(
            clients.prefix,
            (clients.queries, clients.peak),
            clients.hop_limits,
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count for people")]
fn of_backscatter(backscatter: &Backscatter, secrecy: &Secrecy) -> Told {
    Told {
        subject: IncidentSubject {
            port: Some(backscatter.port),
            ..about(backscatter.peer, secrecy)
        },
        counts: BTreeMap::from([("upstream", backscatter.upstream as f64)]),
        clients: backscatter.top_peers.clone(),
        ..of_peer(
            backscatter.peer,
            (backscatter.packets, backscatter.peak),
            backscatter.hop_limits,
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count for people")]
fn of_loop(around: &ForwardingLoop, secrecy: &Secrecy) -> Told {
    Told {
        subject: IncidentSubject {
            network: Some(sent_round_by(around, secrecy).to_string()),
            ..IncidentSubject::default()
        },
        counts: BTreeMap::from([("by_cookie", around.by_cookie as f64)]),
        ..of_peer(
            around.peer,
            (around.queries, around.peak),
            around.hop_limits,
        )
    }
}

/// What a peer does has its prefix for a detail.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn of_peer(peer: IpNet, (packets, peak): (u64, u64), hop_limits: HopLimits) -> Told {
    Told {
        peak: peak as f64,
        packets,
        clients: vec![(peer, packets)],
        hop_limits,
        has_detail: true,
        ..Told::default()
    }
}

/// The sources are forged, so there is nobody whose secret they could be; they are networks already.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn of_spoof(spoof: &IngressSpoof) -> Told {
    let interface = spoof
        .interface_name
        .clone()
        .unwrap_or_else(|| format!("#{}", spoof.interface));
    let mut clients = spoof.top_sources.clone();
    clients.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Told {
        subject: IncidentSubject {
            interface: Some(interface),
            reason: Some(spoof.reason.label().to_owned()),
            ..IncidentSubject::default()
        },
        peak: spoof.peak as f64,
        packets: spoof.packets,
        done: vec![(spoof.reason, spoof.packets)],
        clients,
        hop_limits: spoof.hop_limits,
        ..Told::default()
    }
}

fn about(prefix: IpNet, secrecy: &Secrecy) -> IncidentSubject {
    IncidentSubject {
        network: Some(widened(secrecy, prefix).to_string()),
        ..IncidentSubject::default()
    }
}

/// The networks of some prefixes, each once, most packets first.
fn networks(clients: &[(IpNet, u64)], secrecy: &Secrecy) -> Vec<PrefixCount> {
    let mut sums: BTreeMap<IpNet, u64> = BTreeMap::new();
    for (prefix, count) in clients {
        *sums.entry(widened(secrecy, *prefix)).or_default() += count;
    }
    let mut networks: Vec<(IpNet, u64)> = sums.into_iter().collect();
    networks.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    networks.iter().map(counted).collect()
}

fn counted((prefix, count): &(IpNet, u64)) -> PrefixCount {
    PrefixCount {
        prefix: prefix.to_string(),
        count: *count,
    }
}

/// Two digits behind the point: rates are no more exact.
fn rounded(rate: f32) -> f64 {
    (f64::from(rate) * 100.0).round() / 100.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::telemetry::incidents::Namespace;

    /// A moment of a network that asks too much.
    pub(in crate::daemon::incidents) fn limited(
        prefix: &str,
        stage: Stage,
        (since, at): (u64, u64),
    ) -> Moment {
        Moment {
            at_ms: at * 1_000,
            since_ms: since * 1_000,
            stage,
            subject: Subject::Clients(ClientsLimited {
                prefix: prefix.parse().unwrap(),
                namespace: Namespace::Claimed,
                queries: 100 + at,
                peak: 50,
                enforced: true,
                done: vec![(Reason::LimitedTruncated, 100 + at)],
                hop_limits: HopLimits::default(),
            }),
        }
    }

    /// A moment of a zone under attack.
    pub(in crate::daemon::incidents) fn attacked(stage: Stage, (since, at): (u64, u64)) -> Moment {
        let mut hop_limits = HopLimits::default();
        hop_limits.add(57, 40);
        Moment {
            at_ms: at * 1_000,
            since_ms: since * 1_000,
            stage,
            subject: Subject::Zone(ZoneAttack {
                zone: "victim.example.".to_owned(),
                suffix: Some("www.victim.example.".to_owned()),
                trigger: "flood",
                peak: 5_010.123,
                denied: 900,
                explored: 20,
                done: vec![(Reason::ZoneThrottled, 900)],
                upstream_packets: 40,
                names: 800,
                clients: 3,
                top_clients: ["192.0.2.7/32", "192.0.2.8/32", "2001:db8:1:ff00::/56"]
                    .into_iter()
                    .zip([5, 90, 7])
                    .map(|(prefix, count)| (prefix.parse().unwrap(), count))
                    .collect(),
                sample_names: vec!["x7f3k2.www.victim.example.".to_owned()],
                hop_limits,
                ..ZoneAttack::default()
            }),
        }
    }

    fn story(moment: &Moment, secrecy: &Secrecy) -> Incident {
        let begun = Whole {
            upstream_packets: 1_000,
            processor_time: Duration::from_secs(3),
            config_sha256: "ab".to_owned(),
        };
        let whole = Whole {
            upstream_packets: 1_500,
            processor_time: Duration::from_millis(4_250),
            ..begun.clone()
        };
        let mut story = begin("id".to_owned(), moment, &begun, "ns1");
        go_on(&mut story, moment, secrecy, (&whole, &begun));
        story
    }

    #[test]
    fn of_a_zone_networks_and_shortened_names_are_told_and_details_stand_apart() {
        let moment = attacked(Stage::Stopped, (100, 165));
        let mut told = story(&moment, &Secrecy::default());
        let detail = told.detail.take().unwrap();
        let json = serde_json::to_string(&told).unwrap();
        for secret in ["192.0.2.8", "192.0.2.7", "ff00", "x7f3k2"] {
            assert!(!json.contains(secret), "{secret}: {json}");
        }
        assert_eq!(told.networks[0].prefix, "192.0.2.0/24");
        assert_eq!((told.networks[0].count, told.networks.len()), (95, 2));
        assert_eq!(told.names, ["x7…[6].www.victim.example."]);
        assert_eq!((told.seconds, told.packets), (65, 920));
        assert_eq!(told.ended.as_deref(), Some("1970-01-01T00:02:45Z"));
        assert_eq!(told.ended_by.as_deref(), Some("over"));
        assert_eq!(told.cost.upstream_packets, Some(40));
        assert_eq!(told.cost.host_upstream_packets, 500);
        assert!((told.cost.host_cpu_seconds - 1.25).abs() < 1e-9);
        assert_eq!(told.done[0].reason, "zone_throttled");
        assert_eq!(told.hop_limits[0].hop_limit, 57);
        assert_eq!(detail.clients[0].prefix, "192.0.2.8/32");
        assert_eq!(detail.names, ["x7f3k2.www.victim.example."]);
        let never = Secrecy {
            detail: Detail::Never,
            ..Secrecy::default()
        };
        assert_eq!(story(&moment, &never).detail, None);
    }

    #[test]
    fn each_kind_says_what_it_is_about() {
        let peer: IpNet = "198.51.100.7/32".parse().unwrap();
        let hop_limits = HopLimits::default();
        let words = |subject| {
            let moment = Moment {
                at_ms: 0,
                since_ms: 0,
                stage: Stage::Started,
                subject,
            };
            let told = story(&moment, &Secrecy::default());
            assert_eq!(told.ended, None);
            told.summary().about
        };
        let clients = limited("192.0.2.7/32", Stage::Started, (0, 0)).subject;
        assert_eq!(words(clients), "192.0.2.0/24");
        let backscatter = Backscatter {
            peer,
            port: 53,
            packets: 9,
            upstream: 1,
            peak: 3,
            top_peers: vec![(peer, 9)],
            hop_limits,
        };
        assert_eq!(
            words(Subject::Backscatter(backscatter)),
            "198.51.100.0/24 from port 53"
        );
        let spoof = IngressSpoof {
            interface: 3,
            interface_name: None,
            reason: Reason::Martian,
            packets: 9,
            peak: 3,
            top_sources: vec![],
            hop_limits,
        };
        assert_eq!(words(Subject::Spoof(spoof)), "#3 (martian)");
        let around = ForwardingLoop {
            peer,
            queries: 9,
            by_cookie: 2,
            peak: 3,
            hop_limits,
        };
        assert_eq!(words(Subject::Loop(around.clone())), "198.51.100.7/32");
        // By cookie alone it may be any client.
        let around = ForwardingLoop {
            by_cookie: around.queries,
            ..around
        };
        assert_eq!(words(Subject::Loop(around)), "198.51.100.0/24");
    }
}
