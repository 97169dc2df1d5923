//! What travels over the control socket? Requests, reports, and how they are framed.
//!
//! One connection carries one request and one reply, each as a four-octet big-endian length and that many octets of JSON.
//! A request is `{"command": "flush", "name": "example.com.", "tree": true}`; a reply is the report's fields beside
//! `{"schema": 1, "ok": true}`, or `{"schema": 1, "ok": false, "kind": "bad_request", "error": "…"}`. Keys are stable
//! within a schema number, snake_case, with the unit in the name.

mod ask;
mod incidents;
mod limiter;
mod names;
mod shadow;
mod shares;
mod top;
mod validation;
mod why;
mod zones;

use std::io;
use std::net::{IpAddr, SocketAddr};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use ask::{AskReport, ExtendedError, Spent, TraceStep};
pub use incidents::{
    HopLimitCount, INCIDENT_SCHEMA, Incident, IncidentCost, IncidentDetail, IncidentReport,
    IncidentSubject, IncidentSummary, IncidentsReport, NoIncident, PrefixCount, ReasonCount,
};
pub use limiter::{LimitReport, LimiterReport};
pub use names::domain_name;
pub use shadow::{ShadowLimit, ShadowReport};
pub use shares::{ShareReport, ShareWhy};
pub use top::{TopClient, TopDomain, TopLimited, TopReport, TopServer, TopZone};
pub use validation::{
    AnchorKeyReport, AnchorReport, LONGEST_NTA, NegativeAnchorReport, NtaAddReport, NtaListReport,
    NtaRemoveReport, ValidationReport,
};
pub use why::{GuardWhy, WhyReport};
pub use zones::{
    GuardChangeReport, GuardReport, GuardTarget, GuardWish, GuardedServer, GuardedZone,
};

/// The schema number of every reply and of every JSON that `suimon` prints.
pub const SCHEMA: u32 = 1;

/// Largest request, octets. A question is at most 1 kB of text; the rest is room to grow.
pub const MAX_REQUEST: usize = 64 * 1024;

/// Largest reply a client reads, octets.
pub const MAX_REPLY: usize = 16 * 1024 * 1024;

/// What an operator may want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How are you?
    Status {},
    /// Every counter and gauge.
    Stats {},
    /// Who asks most, for what, and what becomes of it?
    Top {},
    /// Forget something cached.
    Flush {
        /// The name to forget; must be absent with `all`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Everything below the name as well.
        #[serde(default)]
        tree: bool,
        /// Only this type of the name.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        rtype: Option<String>,
        /// The whole cache.
        #[serde(default)]
        all: bool,
    },
    /// Resolve a name now and tell how.
    Ask {
        /// The name.
        name: String,
        /// The type, by mnemonic or as TYPE123.
        #[serde(rename = "type")]
        rtype: String,
        /// Whether every step is wanted.
        #[serde(default)]
        trace: bool,
    },
    /// What would decide about this client asking this name?
    Why {
        /// The client's address.
        client: IpAddr,
        /// The name it asks.
        name: String,
        /// The type it asks.
        #[serde(rename = "type")]
        rtype: String,
        /// Over which transport.
        #[serde(default)]
        transport: Transport,
        /// Name of the interface it arrives by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interface: Option<String>,
    },
    /// Read the configuration again.
    Reload {},
    /// Do not validate a zone for a while (RFC 7646).
    NtaAdd {
        /// The zone.
        zone: String,
        /// For how many seconds, 1..=604,800.
        seconds: u32,
        /// Why, for those who read the list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Which zones are not validated?
    NtaList {},
    /// Validate a zone again.
    NtaRemove {
        /// The zone.
        zone: String,
    },
    /// Which zones are under attack?
    GuardStatus {},
    /// Whom does each limit hurt, or would it?
    GuardShadow {},
    /// Hold back unknown names of a zone, attacked or not.
    GuardPin {
        /// The zone.
        zone: String,
    },
    /// Never hold back anything of a zone, or of a server's zones for its sake.
    GuardExempt {
        /// The zone, or the address of the server.
        zone: String,
    },
    /// Take back a pin or an exemption, and let go of the zone or server.
    GuardRelease {
        /// The zone, or the address of the server.
        zone: String,
    },
    /// Which incidents are kept?
    Incidents {},
    /// What is known of these?
    IncidentShow {
        /// Their ids, 1..=50.
        ids: Vec<String>,
        /// Whether customers' own prefixes and full names are wanted; that is written down.
        #[serde(default)]
        detail: bool,
    },
}

impl Request {
    /// The command's name on the wire.
    #[must_use]
    pub const fn command(&self) -> &'static str {
        match self {
            Self::Status {} => "status",
            Self::Stats {} => "stats",
            Self::Top {} => "top",
            Self::Flush { .. } => "flush",
            Self::Ask { .. } => "ask",
            Self::Why { .. } => "why",
            Self::Reload {} => "reload",
            Self::NtaAdd { .. } => "nta_add",
            Self::NtaList {} => "nta_list",
            Self::NtaRemove { .. } => "nta_remove",
            Self::GuardStatus {} => "guard_status",
            Self::GuardShadow {} => "guard_shadow",
            Self::GuardPin { .. } => "guard_pin",
            Self::GuardExempt { .. } => "guard_exempt",
            Self::GuardRelease { .. } => "guard_release",
            Self::Incidents {} => "incidents",
            Self::IncidentShow { .. } => "incident_show",
        }
    }

    /// Whether it changes something or sends packets, and so is written to the log with who asked for it.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Flush { .. }
                | Self::Ask { .. }
                | Self::Reload {}
                | Self::NtaAdd { .. }
                | Self::NtaRemove { .. }
                | Self::GuardPin { .. }
                | Self::GuardExempt { .. }
                | Self::GuardRelease { .. }
        )
    }
}

/// How a query travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// Streams.
    Tcp,
}

/// A reply as it travels: a report, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Whether `body` is a report.
    pub ok: bool,
    /// The report, or a [`Failure`].
    #[serde(flatten)]
    pub body: T,
}

impl<T> Envelope<T> {
    /// A report.
    #[must_use]
    pub const fn ok(body: T) -> Self {
        Self {
            schema: SCHEMA,
            ok: true,
            body,
        }
    }
}

impl Envelope<Failure> {
    /// A refusal.
    #[must_use]
    pub const fn failure(kind: FailureKind, error: String) -> Self {
        Self {
            schema: SCHEMA,
            ok: false,
            body: Failure { kind, error },
        }
    }
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure; decides the tool's exit code.
    pub kind: FailureKind,
    /// A sentence for people.
    pub error: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The request could not be understood.
    BadRequest,
    /// This user may not use the socket.
    NotPermitted,
    /// Too many connections.
    Busy,
    /// It was tried and did not work.
    Failed,
}

/// `status`: one screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// suimond's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// "serving", "draining".
    pub state: String,
    /// Seconds since it began to serve.
    pub uptime_seconds: u64,
    /// Where it listens, UDP and TCP alike.
    pub listeners: Vec<SocketAddr>,
    /// UDP worker threads.
    pub workers: u64,
    /// Files the running configuration was read from.
    pub config_files: Vec<String>,
    /// The last reload, if there was one.
    pub last_reload: Option<LastReload>,
    /// Queries since the start.
    pub queries_total: u64,
    /// Queries per second over the last few seconds.
    pub queries_per_second: f64,
    /// Share of admitted queries answered without an upstream packet, 0..=1, since the start; nothing before the first.
    pub hit_ratio: Option<f64>,
    /// Queries refused since the start.
    pub refused_total: u64,
    /// Queries dropped since the start.
    pub dropped_total: u64,
    /// SERVFAIL replies since the start.
    pub servfail_total: u64,
    /// Half of the answers took at most this, milliseconds.
    pub latency_p50_ms: Option<f64>,
    /// 99 of 100 answers took at most this, milliseconds.
    pub latency_p99_ms: Option<f64>,
    /// Recursions in flight.
    pub recursions_in_flight: u64,
    /// Open TCP connections of clients.
    pub tcp_connections: u64,
    /// Packets sent to authoritative servers since the start.
    pub upstream_packets_total: u64,
    /// Of those, never answered.
    pub upstream_timeouts_total: u64,
    /// RRsets and negative answers held.
    pub cache_entries: u64,
    /// Octets they take.
    pub cache_bytes: u64,
    /// Octets they may take.
    pub cache_capacity_bytes: u64,
    /// Whether and by what answers are validated.
    #[serde(default)]
    pub validation: ValidationReport,
    /// Limits per client.
    #[serde(default)]
    pub limiter: LimiterReport,
    /// What each limit did, or would have done if it were enforced.
    #[serde(default)]
    pub limits: Vec<ShadowLimit>,
    /// How it stands with the copy of the root zone; nothing if none is configured.
    #[serde(default)]
    pub local_root: Option<LocalRootReport>,
    /// What needs a person: one sentence each.
    pub warnings: Vec<String>,
}

/// How it stands with the copy of the root zone (RFC 8806).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalRootReport {
    /// Whether one is used; otherwise the root servers are asked.
    pub in_use: bool,
    /// Its serial.
    pub serial: Option<u32>,
    /// Its records.
    pub records: Option<u64>,
    /// From where it came: a server or a file.
    pub source: Option<String>,
    /// Seconds since it was last known to be the newest.
    pub checked_seconds_ago: Option<u64>,
    /// Until when it may be used, as RFC 3339 has it.
    pub expires: Option<String>,
    /// Why the last look at the sources came to nothing.
    pub trouble: Option<String>,
}

/// The last reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// Seconds ago.
    pub seconds_ago: u64,
    /// Whether the new configuration is running; if not, the old one is.
    pub applied: bool,
}

/// `stats`: every counter and gauge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatsReport {
    /// The metrics, in the order of the metrics page.
    pub metrics: Vec<crate::ops::metrics::Metric>,
}

/// `flush`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushReport {
    /// Entries forgotten.
    pub removed: u64,
}

/// `reload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Whether the new configuration is running; if not, the old one is.
    pub applied: bool,
    /// Keys whose value changed.
    pub changed: Vec<String>,
    /// Those of them that take effect at the next start only.
    pub restart_needed: Vec<String>,
    /// Why it was not applied, each with file, line and caret.
    pub problems: Vec<String>,
}

/// Writes one frame: length, then JSON.
///
/// # Errors
/// What cannot be written as JSON, or is longer than a length can say.
pub fn frame<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(value)?;
    let length = u32::try_from(body.len()).map_err(|_| too_long(body.len(), u32::MAX as usize))?;
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// The length a frame announces, if it is at most `limit`.
///
/// # Errors
/// `InvalidData` for longer ones: nothing is read or allocated for them.
pub fn announced(prefix: [u8; 4], limit: usize) -> io::Result<usize> {
    usize::try_from(u32::from_be_bytes(prefix))
        .ok()
        .filter(|length| *length <= limit)
        .ok_or_else(|| too_long(u32::from_be_bytes(prefix) as usize, limit))
}

/// Reads a reply: the report, or the failure in its stead.
///
/// # Errors
/// JSON that is neither, or of another schema.
pub fn parse_reply<T: DeserializeOwned>(
    reply: serde_json::Value,
) -> Result<Result<T, Failure>, String> {
    let head: Envelope<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_value(reply).map_err(|error| format!("not a reply: {error}"))?;
    if head.schema != SCHEMA {
        return Err(format!(
            "the daemon speaks schema {}, this tool schema {SCHEMA}: install the same version of both",
            head.schema
        ));
    }
    let body = serde_json::Value::Object(head.body);
    let parsed = if head.ok {
        serde_json::from_value(body).map(Ok)
    } else {
        serde_json::from_value(body).map(Err)
    };
    parsed.map_err(|error| format!("not the expected reply: {error}"))
}

fn too_long(length: usize, limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{length} octets are announced, at most {limit} are read"),
    )
}
