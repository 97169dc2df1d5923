//! What is measured of one attack on one resolver, in which unit, and which of it was promised?

/// One column of the comparison (M1 to M8 of the threat catalogue). Everything but the release is of the attack's settled part, after its
/// first three seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Names of the attacked zone that were asked for before the attack: per cent of the questions that got their data. Their TTL
    /// ends during the attack; where the servers are dead, only stale data can answer.
    Known,
    /// Names of the attacked zone that exist and that nobody asked for before: per cent of the questions that got their data.
    New,
    /// Names of other zones that are in the cache: per cent of the questions that got their data.
    Cached,
    /// Names of other zones that must be looked up, because their TTL ended or nobody asked before: per cent that got their data.
    Cold,
    /// The slowest hundredth of answers about other zones, as a multiple of the same before the attack: cached or looked up, whichever
    /// suffers more.
    Slowdown,
    /// Packets to authoritative servers, beyond those of the calm before, per attack query.
    Upstream,
    /// Seconds from the first attack packet until attack queries hardly cause upstream packets any more.
    Engaged,
    /// Seconds from when all is as before (the last attack packet; where servers were dead, their return five seconds later) until an
    /// attacking client is answered about a real name of the attacked zone.
    Released,
    /// Milliseconds until half of the questions for known names were answered, those unanswered left out.
    KnownHalf,
    /// Milliseconds until 99 % of the questions for known names were answered, those unanswered left out.
    KnownMost,
    /// The same for cached names elsewhere.
    CachedHalf,
    CachedMost,
    /// The same for names elsewhere that nobody asked before.
    ColdHalf,
    ColdMost,
    /// Attack queries per second that were sent.
    Sent,
    /// Replies to attack queries, per cent of them.
    Replies,
    /// Processor time of the resolver, per cent of one core.
    Cpu,
    /// Most memory in use, MiB.
    Memory,
    /// Most sockets open at one moment.
    Sockets,
}

/// A promise about a measure (parameters.md, section 3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Measure {
    /// What promises are about, in the order of the table.
    pub const PROMISED: [Self; 8] = [
        Self::Known,
        Self::New,
        Self::Cached,
        Self::Cold,
        Self::Slowdown,
        Self::Upstream,
        Self::Engaged,
        Self::Released,
    ];

    /// What tells how and at which cost, in the order of the second table.
    pub const BESIDE: [Self; 11] = [
        Self::KnownHalf,
        Self::KnownMost,
        Self::CachedHalf,
        Self::CachedMost,
        Self::ColdHalf,
        Self::ColdMost,
        Self::Sent,
        Self::Replies,
        Self::Cpu,
        Self::Memory,
        Self::Sockets,
    ];

    /// The head of its column.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Known => "known names, %",
            Self::New => "new names, %",
            Self::Cached => "elsewhere, cached, %",
            Self::Cold => "elsewhere, looked up, %",
            Self::Slowdown => "p99 elsewhere, times calm",
            Self::Upstream => "upstream packets per attack query",
            Self::Engaged => "engaged after, s",
            Self::Released => "released after, s",
            Self::KnownHalf => "known, p50, ms",
            Self::KnownMost => "known, p99, ms",
            Self::CachedHalf => "cached, p50, ms",
            Self::CachedMost => "cached, p99, ms",
            Self::ColdHalf => "cold, p50, ms",
            Self::ColdMost => "cold, p99, ms",
            Self::Sent => "attack queries sent, /s",
            Self::Replies => "replies to them, %",
            Self::Cpu => "CPU, % of a core",
            Self::Memory => "memory, MiB",
            Self::Sockets => "sockets",
        }
    }

    /// Most digits behind the point.
    pub const fn digits(self) -> usize {
        match self {
            Self::Upstream => 3,
            Self::Known | Self::New | Self::Cached | Self::Cold | Self::Slowdown => 2,
            Self::Engaged
            | Self::Released
            | Self::KnownHalf
            | Self::KnownMost
            | Self::CachedHalf
            | Self::CachedMost
            | Self::ColdHalf
            | Self::ColdMost => 1,
            Self::Sent | Self::Replies | Self::Cpu | Self::Memory | Self::Sockets => 0,
        }
    }

    /// What was promised of it where the attacked zone's servers are in that state and `rate` attack queries come each second.
    ///
    /// No promise about new names of dead servers: nobody can know them.
    pub fn target(self, victim: Victim, rate: u32) -> Option<Target> {
        match self {
            Self::Known => Some(Target::AtLeast(99.0)),
            Self::New => (victim != Victim::Dead).then_some(Target::AtLeast(90.0)),
            Self::Cached | Self::Cold => Some(Target::AtLeast(99.9)),
            Self::Slowdown => Some(Target::AtMost(1.2)),
            Self::Upstream => (rate >= 5_000).then_some(Target::AtMost(0.05)),
            Self::Engaged => Some(Target::AtMost(3.0)),
            Self::Released => Some(Target::AtMost(60.0)),
            _ => None,
        }
    }
}

impl Target {
    /// Whether it is held.
    pub fn is_held(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

/// How the attacked zone's own servers fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    Healthy,
    /// They answer some hundreds of queries a second and drop the rest.
    Overloaded,
    Dead,
}
