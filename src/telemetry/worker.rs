//! What did one worker see and answer? Its cells, and the numbers read from them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::cell::{Cells, Writers, add_up};
use super::latency::{Latency, LatencyCounts};
use super::reason::Reason;
use super::seen::Seen;
use super::shadow::{self, KnownGood, Limit};

/// How a query arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Received {
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
}

impl Received {
    /// All, in the order of their counters.
    pub const ALL: [Self; 4] = [Self::Udp4, Self::Udp6, Self::Tcp4, Self::Tcp6];

    /// Metric labels: transport and family.
    #[must_use]
    pub const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Udp4 => ("udp", "ipv4"),
            Self::Udp6 => ("udp", "ipv6"),
            Self::Tcp4 => ("tcp", "ipv4"),
            Self::Tcp6 => ("tcp", "ipv6"),
        }
    }
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerSource {
    /// The worker's table of ready-made replies.
    Ready,
    /// The shared cache.
    Cache,
    /// Validated proofs of what does not exist (RFC 8198).
    Proven,
    /// What was good before, because its servers do not answer (RFC 8767).
    Stale,
    /// Policy: special-use names, local data.
    Policy,
    /// Recursion just now.
    Recursion,
    /// A forward zone just now.
    Forward,
    /// Nothing: SERVFAIL.
    Failure,
}

impl AnswerSource {
    /// All, in the order of their counters.
    pub const ALL: [Self; 8] = [
        Self::Ready,
        Self::Cache,
        Self::Proven,
        Self::Stale,
        Self::Policy,
        Self::Recursion,
        Self::Forward,
        Self::Failure,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Cache => "cache",
            Self::Proven => "proven",
            Self::Stale => "stale",
            Self::Policy => "policy",
            Self::Recursion => "recursion",
            Self::Forward => "forward",
            Self::Failure => "failure",
        }
    }

    /// Whether nobody upstream was asked for it.
    #[must_use]
    pub const fn is_hit(self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Cache | Self::Proven | Self::Policy
        )
    }
}

/// Counters of response codes: 0..=23 one each, the last for all above.
pub const RCODES: usize = 25;

macro_rules! totals {
    ($($(#[$doc:meta])* $cell:ident $method:ident),* $(,)?) => {
        #[derive(Clone, Copy)]
        enum Total { $($cell),* }

        const TOTALS: usize = [$(Total::$cell),*].len();

        impl Worker {
            $($(#[$doc])*
            #[inline]
            pub fn $method(&self, n: u64) {
                self.totals.add(self.writers, Total::$cell as usize, n);
            })*
        }

        impl Counts {
            $($(#[$doc])*
            #[must_use]
            pub fn $method(&self) -> u64 {
                self.totals.get(Total::$cell as usize).copied().unwrap_or(0)
            })*
        }
    };
}

totals! {
    /// Octets received, DNS messages only.
    BytesIn bytes_in,
    /// Octets sent, DNS messages only.
    BytesOut bytes_out,
    /// Replies sent with TC=1.
    Truncated truncated,
    /// Queries from source port 53 (row 11): old forwarders, or forged.
    FromPort53 from_port_53,
    /// Datagrams whose source a server cookie of ours has proven (RFC 7873).
    ProvenByCookie proven_by_cookie,
    /// Reads of a UDP socket that brought at least one datagram.
    Batches batches,
    /// Turns of the loop that receives datagrams: one a second at least while its thread lives.
    Turns turns,
    /// Replies the kernel would not take.
    SendFailures send_failures,
    /// TCP connections accepted.
    TcpOpened tcp_opened,
    /// TCP connections ended, of those accepted.
    TcpClosed tcp_closed,
    /// TCP connections closed before a byte was read: access rules or limits.
    TcpRefused tcp_refused,
    /// TCP connections ended by one of our limits (time, queries, unread replies), not by the peer.
    TcpLimited tcp_limited,
}

/// One writer's cells. Padded, so that no two workers share a cache line.
#[derive(Debug)]
#[repr(align(128))]
pub struct Worker {
    writers: Writers,
    received: Cells<4>,
    verdicts: Cells<{ Reason::ALL.len() }>,
    rcodes: Cells<RCODES>,
    answers: Cells<{ AnswerSource::ALL.len() }>,
    totals: Cells<TOTALS>,
    hits: Latency,
    misses: Latency,
    shadow: Cells<{ shadow::CELLS }>,
    seen: Mutex<Seen>,
}

/// The same, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Messages received, in the order of [`Received::ALL`].
    pub received: [u64; 4],
    /// Verdicts, in the order of [`Reason::ALL`].
    pub verdicts: [u64; Reason::ALL.len()],
    /// Replies sent, by response code; the last place is for all above 23.
    pub rcodes: [u64; RCODES],
    /// Answers, in the order of [`AnswerSource::ALL`].
    pub answers: [u64; AnswerSource::ALL.len()],
    totals: [u64; TOTALS],
    /// Time from arrival to reply when nobody upstream was asked.
    pub hits: LatencyCounts,
    /// The same when somebody was.
    pub misses: LatencyCounts,
    shadow: [u64; shadow::CELLS],
}

impl Worker {
    /// For one writing thread.
    #[must_use]
    pub fn exclusive() -> Self {
        Self::new(Writers::One)
    }

    /// For many writing tasks.
    #[must_use]
    pub fn shared() -> Self {
        Self::new(Writers::Many)
    }

    fn new(writers: Writers) -> Self {
        Self {
            writers,
            received: Cells::default(),
            verdicts: Cells::default(),
            rcodes: Cells::default(),
            answers: Cells::default(),
            totals: Cells::default(),
            hits: Latency::default(),
            misses: Latency::default(),
            shadow: Cells::default(),
            seen: Mutex::default(),
        }
    }

    /// Counts a message received.
    #[inline]
    pub fn received(&self, how: Received, bytes: usize) {
        self.received.add(self.writers, how as usize, 1);
        self.bytes_in(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts a verdict.
    #[inline]
    pub fn verdict(&self, reason: Reason) {
        self.verdicts.add(self.writers, reason as usize, 1);
    }

    /// Counts a reply sent: its response code (extended) and size.
    #[inline]
    pub fn replied(&self, rcode: u16, bytes: usize) {
        self.rcodes.add(self.writers, usize::from(rcode), 1);
        self.bytes_out(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts an answer, where it came from and how long it took since it arrived.
    #[inline]
    pub fn answered(&self, from: AnswerSource, took: Duration) {
        self.answers.add(self.writers, from as usize, 1);
        let latency = if from.is_hit() {
            &self.hits
        } else {
            &self.misses
        };
        latency.observe(self.writers, took);
    }

    /// Counts queries that a limit held back, or would have if it were enforced, and what spoke for them.
    #[inline]
    pub fn acted(&self, limit: Limit, good: KnownGood, times: u64) {
        self.shadow
            .add(self.writers, shadow::cell(limit, good), times);
    }

    /// Notes whom and what was met just now, unless somebody reads it at this moment: nobody waits.
    #[inline]
    pub fn meet(&self, note: impl FnOnce(&mut Seen)) {
        if let Ok(mut seen) = self.seen.try_lock() {
            note(&mut seen);
        }
    }

    /// What was met lately.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            received: self.received.read(),
            verdicts: self.verdicts.read(),
            rcodes: self.rcodes.read(),
            answers: self.answers.read(),
            totals: self.totals.read(),
            hits: self.hits.counts(),
            misses: self.misses.counts(),
            shadow: self.shadow.read(),
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            received: [0; 4],
            verdicts: [0; Reason::ALL.len()],
            rcodes: [0; RCODES],
            answers: [0; AnswerSource::ALL.len()],
            totals: [0; TOTALS],
            hits: LatencyCounts::default(),
            misses: LatencyCounts::default(),
            shadow: [0; shadow::CELLS],
        }
    }
}

impl Counts {
    /// Adds another worker's.
    pub fn add(&mut self, more: &Self) {
        add_up(&mut self.received, &more.received);
        add_up(&mut self.verdicts, &more.verdicts);
        add_up(&mut self.rcodes, &more.rcodes);
        add_up(&mut self.answers, &more.answers);
        add_up(&mut self.totals, &more.totals);
        self.hits.add(&more.hits);
        self.misses.add(&more.misses);
        add_up(&mut self.shadow, &more.shadow);
    }

    /// Messages that arrived so.
    #[must_use]
    pub fn received_by(&self, how: Received) -> u64 {
        self.received.get(how as usize).copied().unwrap_or(0)
    }

    /// Verdicts with this reason.
    #[must_use]
    pub fn verdict(&self, reason: Reason) -> u64 {
        self.verdicts.get(reason as usize).copied().unwrap_or(0)
    }

    /// Answers from this source.
    #[must_use]
    pub fn answers_from(&self, source: AnswerSource) -> u64 {
        self.answers.get(source as usize).copied().unwrap_or(0)
    }

    /// Queries that a limit held back, or would have, for which this spoke.
    #[must_use]
    pub fn acted(&self, limit: Limit, good: KnownGood) -> u64 {
        let cell = self.shadow.get(shadow::cell(limit, good));
        cell.copied().unwrap_or(0)
    }

    /// TCP connections open now.
    #[must_use]
    pub fn tcp_open(&self) -> u64 {
        self.tcp_opened().saturating_sub(self.tcp_closed())
    }
}
