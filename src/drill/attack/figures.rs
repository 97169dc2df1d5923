//! Which figures come out of an attack, and how are they written for programs?

use std::time::Duration;

use serde_json::{Value, json};

use super::honest::Kind;
use super::verdict::Criterion;

/// What time of the run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Before the attack.
    Calm,
    /// Its first seconds, in which a resolver may find out about it.
    Onset,
    /// The rest of it.
    Attack,
    /// It is over, but servers that fell silent are not back yet.
    Fading,
    /// Afterwards.
    After,
}

impl Window {
    /// In the order of time.
    pub const ALL: [Self; 5] = [
        Self::Calm,
        Self::Onset,
        Self::Attack,
        Self::Fading,
        Self::After,
    ];

    /// The word in the report.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Onset => "onset",
            Self::Attack => "attack",
            Self::Fading => "fading",
            Self::After => "after",
        }
    }
}

/// What became of some honest questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    latencies: Vec<Duration>,
    /// Answered with SERVFAIL.
    pub servfail: u64,
    /// Not answered in time.
    pub silent: u64,
    /// Answered with something else than the truth.
    pub wrong: u64,
}

impl Tally {
    /// One more was answered with the truth.
    pub fn answered(&mut self, latency: Duration) {
        self.latencies.push(latency);
    }

    /// Questions whose answer was the truth.
    #[must_use]
    pub fn good(&self) -> u64 {
        u64::try_from(self.latencies.len()).unwrap_or(u64::MAX)
    }

    /// All questions.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.good() + self.servfail + self.silent + self.wrong
    }

    /// The share that was answered with the truth; nothing if nothing was asked.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.asked() > 0).then(|| ratio(self.good(), self.asked()))
    }

    /// This and another together.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.latencies.extend_from_slice(&other.latencies);
        self.servfail += other.servfail;
        self.silent += other.silent;
        self.wrong += other.wrong;
        self
    }

    /// The latency that `percent` of the answered questions did not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get(last * percent / 100).copied()
    }

    fn to_json(&self) -> Value {
        let ms = |percent| self.percentile(percent).map(milliseconds);
        json!({
            "asked": self.asked(),
            "answered": self.good(),
            "servfail": self.servfail,
            "silent": self.silent,
            "wrong": self.wrong,
            "share": self.share().map(rounded),
            "p50_ms": ms(50),
            "p99_ms": ms(99),
        })
    }
}

/// What was sent, and what came back for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Queries.
    pub sent: u64,
    /// Their octets.
    pub octets: u64,
    /// Queries that the drill was too slow to send.
    pub skipped: u64,
    /// Replies.
    pub replies: u64,
    /// Their octets.
    pub reply_octets: u64,
    /// Replies by code: 0, 3, 2, 5, others.
    pub codes: [u64; 5],
    /// Replies with TC=1.
    pub truncated: u64,
    /// Replies longer than any query.
    pub longer: u64,
}

/// What a suimond of the drill's own says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guard {
    /// From the attack's beginning until a zone was engaged.
    pub engaged_after: Option<Duration>,
    /// From its end until none was.
    pub released_after: Option<Duration>,
    /// Times a zone was engaged, the whole run long.
    pub engagements: u64,
    /// Queries denied.
    pub denied: u64,
    /// Of those, the ones for names known to be real.
    pub denied_known: u64,
    /// Names explored.
    pub explored: u64,
    /// Answers from stale data while a zone was engaged.
    pub stale: u64,
    /// Queries over a client's limit.
    pub limited: u64,
    /// Queries that came by another interface than the way back leads to.
    pub no_route_back: u64,
}

/// What the resolver's processes took during the attack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Its processes.
    pub pids: Vec<u32>,
    /// Processor time.
    pub cpu: Duration,
    /// Of so much time.
    pub of: Duration,
    /// Octets of memory before the attack, and most of the run.
    pub rss: (u64, u64),
    /// Most sockets open at once.
    pub sockets: u64,
}

/// One second of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Seconds since the run began.
    pub at: u64,
    /// The time of the run it belongs to; nothing at the end of it.
    pub window: Option<Window>,
    /// Queries of the attack.
    pub sent: u64,
    /// Replies to them.
    pub replies: u64,
    /// Queries at the drill's servers that are due to the attack.
    pub attack_packets: u64,
    /// All others there.
    pub other_packets: u64,
    /// Honest questions asked.
    pub asked: u64,
    /// Honest questions answered.
    pub answered: u64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Name of the attack.
    pub attack: &'static str,
    /// What it is.
    pub sentence: &'static str,
    /// Who was asked.
    pub against: String,
    /// Whether that was a suimond of the drill's own.
    pub embedded: bool,
    /// The seed.
    pub seed: u64,
    /// Machines that took part.
    pub bots: u32,
    /// Queries per second that were wanted.
    pub rate: u32,
    /// How long it was calm, under attack, and calm again.
    pub phases: [Duration; 3],
    /// Queries per second that the victim's servers answered; nothing = all.
    pub capacity: Option<u32>,
    /// The attack's own traffic.
    pub exchange: Exchange,
    /// Replies to customers who did not ask, where that can be seen.
    pub strayed: u64,
    /// Honest clients'.
    pub honest: Vec<(Window, Kind, Tally)>,
    /// Queries at the drill's servers during the attack, and those due to it; the same without its first seconds.
    pub upstream: (u64, u64),
    /// Packets due to the attack and queries of the attack, after its first seconds.
    pub settled: (u64, u64),
    /// From the attack's beginning until little of it went upstream any more.
    pub throttled_after: Option<Duration>,
    /// From its end until a bot's question for a real name was answered.
    pub released_after: Option<Duration>,
    /// What the resolver took.
    pub taken: Option<Taken>,
    /// What suimond says.
    pub guard: Option<Guard>,
    /// Second by second.
    pub series: Vec<Second>,
}

impl Figures {
    /// The tally of some kinds in some windows, together.
    #[must_use]
    pub fn tally(&self, windows: &[Window], kinds: &[Kind]) -> Tally {
        self.honest
            .iter()
            .filter(|(window, kind, _)| windows.contains(window) && kinds.contains(kind))
            .fold(Tally::default(), |sum, (.., tally)| sum.with(tally))
    }

    /// Upstream packets per query of the attack: over all of it, and without its first seconds.
    #[must_use]
    pub fn per_query(&self) -> (f64, f64) {
        let (packets, queries) = self.settled;
        (
            ratio(self.upstream.1, self.exchange.sent),
            ratio(packets, queries),
        )
    }

    /// The document that docs/drill.md describes.
    #[must_use]
    pub fn to_json(&self, criteria: &[Criterion]) -> Value {
        let [calm, attack, after] = self.phases;
        let exchange = &self.exchange;
        let [noerror, nxdomain, servfail, refused, other] = exchange.codes;
        let (per_query, settled) = self.per_query();
        let honest: serde_json::Map<String, Value> = Window::ALL
            .into_iter()
            .map(|window| {
                let kinds: serde_json::Map<String, Value> = Kind::ALL
                    .into_iter()
                    .map(|kind| {
                        let tally = self.tally(&[window], &[kind]);
                        (kind.label().to_owned(), tally.to_json())
                    })
                    .collect();
                (window.label().to_owned(), Value::Object(kinds))
            })
            .collect();
        json!({
            "schema": 1,
            "attack": self.attack,
            "sentence": self.sentence,
            "against": self.against,
            "embedded": self.embedded,
            "seed": self.seed,
            "bots": self.bots,
            "asked": {
                "rate": self.rate,
                "calm_s": seconds(calm),
                "attack_s": seconds(attack),
                "after_s": seconds(after),
                "capacity": self.capacity,
            },
            "sent": {
                "queries": exchange.sent,
                "octets": exchange.octets,
                "per_second": rounded(as_float(exchange.sent) / attack.as_secs_f64().max(0.001)),
                "skipped": exchange.skipped,
            },
            "replies": {
                "all": exchange.replies,
                "octets": exchange.reply_octets,
                "noerror": noerror,
                "nxdomain": nxdomain,
                "servfail": servfail,
                "refused": refused,
                "truncated": exchange.truncated,
                "other": other,
                "longer": exchange.longer,
                "strayed": self.strayed,
                "share": rounded(ratio(exchange.replies, exchange.sent)),
            },
            "honest": honest,
            "upstream": {
                "packets": self.upstream.0,
                "attack_packets": self.upstream.1,
                "per_attack_query": rounded(per_query),
                "settled_per_attack_query": rounded(settled),
            },
            "throttled_after_s": self.throttled_after.map(seconds),
            "released_after_s": self.released_after.map(seconds),
            "process": self.taken.as_ref().map(Taken::to_json),
            "guard": self.guard.map(Guard::to_json),
            "series": self.series.iter().copied().map(Second::to_json).collect::<Vec<_>>(),
            "criteria": criteria.iter().map(Criterion::to_json).collect::<Vec<_>>(),
            "held": criteria.iter().all(|criterion| criterion.held),
        })
    }
}

impl Guard {
    fn to_json(self) -> Value {
        json!({
            "engaged_after_s": self.engaged_after.map(seconds),
            "released_after_s": self.released_after.map(seconds),
            "engagements": self.engagements,
            "denied": self.denied,
            "denied_known": self.denied_known,
            "explored": self.explored,
            "stale": self.stale,
            "limited": self.limited,
            "no_route_back": self.no_route_back,
        })
    }
}

impl Taken {
    fn to_json(&self) -> Value {
        let share = self.cpu.as_secs_f64() / self.of.as_secs_f64().max(0.001);
        json!({
            "pid": self.pids.first(),
            "pids": self.pids,
            "cpu_s": seconds(self.cpu),
            "cpu_share": rounded(share),
            "rss_before": self.rss.0,
            "rss_peak": self.rss.1,
            "sockets_peak": self.sockets,
        })
    }
}

impl Second {
    fn to_json(self) -> Value {
        json!({
            "t": self.at,
            "phase": self.window.map(Window::label),
            "sent": self.sent,
            "replies": self.replies,
            "upstream_attack": self.attack_packets,
            "upstream_honest": self.other_packets,
            "honest_asked": self.asked,
            "honest_answered": self.answered,
        })
    }
}

/// One count by another; 0 by nothing is 0, anything else by nothing is everything.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> f64 {
    match (part, whole) {
        (0, 0) => 0.0,
        (_, 0) => f64::INFINITY,
        _ => as_float(part) / as_float(whole),
    }
}

/// Counts here stay far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of one run")]
#[must_use]
pub const fn as_float(count: u64) -> f64 {
    count as f64
}

/// Four decimals; nothing programs could stumble over.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    if value.is_finite() {
        (value * 10_000.0).round() / 10_000.0
    } else {
        0.0
    }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
