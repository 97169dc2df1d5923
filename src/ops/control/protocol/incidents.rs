//! What is told of incidents: the shape that stands in the journal's files, in reports, and in what is exported to a CERT.
//!
//! docs/incidents.md describes every key. A key's meaning never changes within a schema number; keys may be added.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Schema of the journal's files.
pub const INCIDENT_SCHEMA: u32 = 1;

/// One incident, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// 1.
    pub schema: u32,
    /// Its name: when it began, and of what kind it is. Unique on this host.
    pub id: String,
    /// "zone_under_attack", "client_limited", "backscatter", "ingress_spoof", "forwarding_loop".
    pub kind: String,
    /// What it is about.
    pub subject: IncidentSubject,
    /// When it began (RFC 3339, UTC, as all times here).
    pub began: String,
    /// When it was last heard of.
    pub last_seen: String,
    /// When it was over; nothing = it goes on.
    pub ended: Option<String>,
    /// "over": nothing more was seen of it; "shutdown", "restart": suimond ended before; "forgotten": nothing was heard of it any more.
    pub ended_by: Option<String>,
    /// Seconds from its beginning to the last it was heard of.
    pub seconds: u64,
    /// The most packets (of a zone: queries that the cache could not answer) per second.
    pub peak_per_second: f64,
    /// Packets (of a zone: queries denied or explored) in all.
    pub packets: u64,
    /// Further counts and rates by name; see docs/incidents.md.
    #[serde(default)]
    pub counts: BTreeMap<String, f64>,
    /// What was done with the packets, by reason code.
    pub done: Vec<ReasonCount>,
    /// Networks concerned, most packets first; counts are upper bounds.
    pub networks: Vec<PrefixCount>,
    /// Some of the names that were asked for, shortened.
    #[serde(default)]
    pub names: Vec<String>,
    /// Hop limits (TTL) of the packets that were looked at, most frequent first.
    pub hop_limits: Vec<HopLimitCount>,
    /// Packets with further hop limits.
    #[serde(default)]
    pub hop_limits_others: u64,
    /// What it cost.
    pub cost: IncidentCost,
    /// SHA-256 of the effective configuration when it began, hexadecimal.
    pub config_sha256: String,
    /// suimond's version then.
    pub version: String,
    /// The host's name.
    pub host: String,
    /// Whom it concerns; nothing if that is not kept, no longer kept, or was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<IncidentDetail>,
}

/// Why the octets of a file are no incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoIncident {
    /// They will never be one; why.
    Damaged(String),
    /// A later suimond wrote them, by this schema.
    Later(u32),
}

/// What every schema has.
#[derive(Deserialize)]
struct Numbered {
    schema: u32,
}

/// What an incident is about; what a kind has not is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentSubject {
    /// The zone under attack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The part of it that is attacked, if it is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// What made the zone guard engage: "in_flight", "failing", "flood", "pinned".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The network that is limited, answers, or sends our queries back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// By what a network was judged: "claimed", "verified", "responses".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<String>,
    /// Length of the prefix whose limit was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Whether limits were applied, or only logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforced: Option<bool>,
    /// The port that most was answered from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The interface by which forged sources came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// What gave them away: "own_address", "martian", "wrong_ingress", "no_route_back".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How often something was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The reason code, as in metrics and `suimon why`.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Packets of a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixCount {
    /// The prefix.
    pub prefix: String,
    /// Packets.
    pub count: u64,
}

/// Packets with a hop limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopLimitCount {
    /// The hop limit that they came with.
    pub hop_limit: u8,
    /// Packets looked at that had it.
    pub count: u64,
}

/// What an incident cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentCost {
    /// Packets sent to servers for the zone's names; nothing for other kinds, which cause none.
    pub upstream_packets: Option<u64>,
    /// Packets that the whole host sent to servers while it lasted.
    pub host_upstream_packets: u64,
    /// Processor time that the whole process took while it lasted, seconds.
    pub host_cpu_seconds: f64,
}

/// Whom an incident concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentDetail {
    /// Prefixes of customers or peers, most packets first; counts are upper bounds.
    pub clients: Vec<PrefixCount>,
    /// Some of the names that were asked for.
    pub names: Vec<String>,
}

/// One line of `incidents list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentSummary {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it is about, in a few words.
    pub about: String,
    /// When it began.
    pub began: String,
    /// When it was over; nothing = it goes on.
    pub ended: Option<String>,
    /// Seconds from its beginning to the last it was heard of.
    pub seconds: u64,
    /// The most packets per second.
    pub peak_per_second: f64,
    /// Packets in all.
    pub packets: u64,
}

/// `incidents list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentsReport {
    /// The incidents, the newest first.
    pub incidents: Vec<IncidentSummary>,
    /// What keeps the journal from being written, if something does.
    pub trouble: Option<String>,
    /// Names of files that cannot be used and were set aside; they go when details go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<String>,
}

/// `incidents show` and `export`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentReport {
    /// The host's name.
    pub host: String,
    /// suimond's version.
    pub version: String,
    /// The incidents, in the order they were asked for.
    pub incidents: Vec<Incident>,
    /// Why others that were asked for are not there, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Incident {
    /// What stands in a file of the journal.
    ///
    /// # Errors
    /// It is damaged, foreign, or of a later schema.
    pub fn read(octets: &[u8]) -> Result<Self, NoIncident> {
        let damaged = |error: serde_json::Error| NoIncident::Damaged(error.to_string());
        let Numbered { schema } = serde_json::from_slice(octets).map_err(damaged)?;
        if schema > INCIDENT_SCHEMA {
            return Err(NoIncident::Later(schema));
        }
        let incident: Self = serde_json::from_slice(octets).map_err(damaged)?;
        if schema != INCIDENT_SCHEMA {
            return Err(NoIncident::Damaged(format!("there is no schema {schema}")));
        }
        if !Self::is_id(&incident.id) {
            let why = "the incident in it has no name that a file can have";
            return Err(NoIncident::Damaged(why.to_owned()));
        }
        Ok(incident)
    }

    /// As it is written to a file.
    ///
    /// # Errors
    /// None that we know of: there is nothing in it that JSON cannot say.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        let mut octets = serde_json::to_vec_pretty(self)?;
        octets.push(b'\n');
        Ok(octets)
    }

    /// Whether it could be the name of one: nothing in it leads out of a directory.
    #[must_use]
    pub fn is_id(id: &str) -> bool {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|at| at.is_ascii_alphanumeric() || at == b'-')
    }

    /// The line of the list.
    #[must_use]
    pub fn summary(&self) -> IncidentSummary {
        IncidentSummary {
            id: self.id.clone(),
            kind: self.kind.clone(),
            about: self.subject.in_words(),
            began: self.began.clone(),
            ended: self.ended.clone(),
            seconds: self.seconds,
            peak_per_second: self.peak_per_second,
            packets: self.packets,
        }
    }
}

impl IncidentSubject {
    /// A few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        if let Some(zone) = &self.zone {
            return self.suffix.as_ref().unwrap_or(zone).clone();
        }
        if let Some(interface) = &self.interface {
            return format!("{interface} ({})", said(&self.reason));
        }
        match self.port {
            Some(port) => format!("{} from port {port}", said(&self.network)),
            None => said(&self.network),
        }
    }
}

impl fmt::Display for NoIncident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(why) => f.write_str(why),
            Self::Later(schema) => write!(
                f,
                "it has schema {schema}, and this suimon knows schema {INCIDENT_SCHEMA}"
            ),
        }
    }
}

#[cfg(test)]
impl Incident {
    /// One with everything in it.
    pub(crate) fn example() -> Self {
        let prefix = |prefix: &str, count| PrefixCount {
            prefix: prefix.to_owned(),
            count,
        };
        Self {
            schema: 1,
            id: "20261122T094708Z-zone".to_owned(),
            kind: "zone_under_attack".to_owned(),
            subject: IncidentSubject {
                zone: Some("victim.example.".to_owned()),
                suffix: Some("www.victim.example.".to_owned()),
                trigger: Some("flood".to_owned()),
                ..IncidentSubject::default()
            },
            began: "2026-11-22T09:47:08Z".to_owned(),
            last_seen: "2026-11-22T09:48:13Z".to_owned(),
            ended: Some("2026-11-22T09:48:13Z".to_owned()),
            ended_by: Some("over".to_owned()),
            seconds: 65,
            peak_per_second: 5_010.0,
            packets: 321_300,
            counts: BTreeMap::from([
                ("clients".to_owned(), 12.0),
                ("names".to_owned(), 300_000.0),
            ]),
            done: vec![ReasonCount {
                reason: "zone_throttled".to_owned(),
                count: 320_000,
            }],
            networks: vec![prefix("192.0.2.0/24", 300_000)],
            names: vec!["x7…[12].www.victim.example.".to_owned()],
            hop_limits: vec![HopLimitCount {
                hop_limit: 57,
                count: 4_000,
            }],
            hop_limits_others: 3,
            cost: IncidentCost {
                upstream_packets: Some(1_300),
                host_upstream_packets: 1_500,
                host_cpu_seconds: 2.5,
            },
            config_sha256: "00".repeat(32),
            version: "0.1.0".to_owned(),
            host: "ns1".to_owned(),
            detail: Some(IncidentDetail {
                clients: vec![prefix("192.0.2.7/32", 300_000)],
                names: vec!["x7f3k2v8q0aa.www.victim.example.".to_owned()],
            }),
        }
    }
}
