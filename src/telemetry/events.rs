//! What happened that a person should know of? The shape of an event with a beginning and an end.

use ipnet::IpNet;

/// One event, or one moment of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Whether it began, went on or ended.
    pub phase: Phase,
    /// Whom it is about.
    pub prefix: IpNet,
    /// When this was noticed, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// When it began, likewise.
    pub since_ms: u64,
    /// Queries it took in so far.
    pub count: u64,
    /// The most of them per second.
    pub peak: u64,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A network asked more than its limit.
    ClientLimited,
}

/// A moment of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It began.
    Start,
    /// It goes on.
    Continue,
    /// It ended.
    Stop,
}

impl EventKind {
    /// The code: log field, journal.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientLimited => "client_limited",
        }
    }
}

impl Phase {
    /// The code: log field, journal.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Continue => "continue",
            Self::Stop => "stop",
        }
    }
}
