//! Which server is asked, how long do we wait, and does it take EDNS? What is known of servers, and the choice among them.
//!
//! No I/O and no clock here. Nothing that an outsider could forge changes what is known: a measured time, a lame or an
//! EDNS-hating server need a reply that matched; an ICMP error or a reply that was discarded change nothing
//! (CVE-2023-26437, CVE-2026-52690).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use rand::{Rng, RngExt};
use smallvec::SmallVec;

use crate::config::plan;
use crate::sys::clock::Now;
use crate::wire::Name;

use super::rtt::Rtt;

/// A server that we know nothing of is guessed to be anything up to this slow, drawn anew for each choice: it gets its
/// turn beside a slow server at once and beside a fast one seldom (Unbound's guess for an unknown server, 376 ms).
const UNKNOWN_AT_MOST: Duration = Duration::from_millis(376);
/// Servers within 1.5 times the best time plus this are as good as the best and share the load (RFC 4697 section 2.7).
const BAND: Duration = Duration::from_millis(20);
/// One choice in so many takes any live server, so that one that became fast is noticed.
const EXPLORE: u32 = 20;
/// A measured time is forgotten after this (Unbound's infra-host-ttl).
const RTT_LIFETIME: Duration = Duration::from_secs(900);
/// After the first timeout a server is asked only if there is no other for this long; doubled by each timeout more.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Doublings of the rest at most: 64 s.
const REST_DOUBLINGS: u32 = 6;
/// A server that does not serve a zone is passed over for it for this long (BIND's lame-ttl).
const LAME_LIFETIME: Duration = Duration::from_secs(600);
/// A server that said it cannot read EDNS is asked without for this long.
const PLAIN_LIFETIME: Duration = Duration::from_secs(900);
/// One that only kept silent at EDNS gets the benefit of the doubt, a lost packet: this long at first, then four times that.
const PLAIN_BY_SILENCE: Duration = Duration::from_secs(60);
/// Timeouts in a row after which even a server that took EDNS before is tried without.
const SILENT_WITH_EDNS: u32 = 3;

/// What is known of servers, bounded in number.
#[derive(Debug)]
pub struct Servers {
    known: Cache<SocketAddr, Arc<Mutex<State>>>,
    /// Until when, by the monotonic clock, a server is lame for a zone.
    lame: Cache<(SocketAddr, Name), Duration>,
    initial_timeout: Duration,
    max_timeout: Duration,
}

/// The server to ask next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its address and port.
    pub server: SocketAddr,
    /// How long to wait for it.
    pub timeout: Duration,
    /// Whether to ask with EDNS.
    pub edns: bool,
}

/// What an operator may see of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its address and port.
    pub server: SocketAddr,
    /// Smoothed round-trip time, if one was measured in the last 15 minutes.
    pub rtt: Option<Duration>,
    /// Timeouts in a row.
    pub timeouts: u32,
    /// Whether it is asked with EDNS.
    pub edns: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    rtt: Option<Rtt>,
    measured_at: Duration,
    timeouts: u32,
    last_timeout: Duration,
    rests_until: Duration,
    edns: Edns,
    silences: u32,
}

/// How a server takes EDNS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Edns {
    /// Nothing is known: try it.
    #[default]
    Unknown,
    /// It kept silent at a query with EDNS and never answered one: try without.
    Silent,
    /// It answered one.
    Taken,
    /// Not until then, by the monotonic clock.
    PlainUntil(Duration),
}

/// Groups of candidates, the better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Live,
    Resting,
    Lame,
}

impl Servers {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(plan: &plan::Egress) -> Self {
        Self {
            known: Cache::new(plan.servers),
            lame: Cache::new(plan.servers),
            initial_timeout: plan.initial_timeout.min(plan.max_timeout),
            max_timeout: plan.max_timeout,
        }
    }

    /// Picks one of `candidates`, the servers of `zone`: a random one among those about as fast as the best, now and then
    /// any live one. Those that timed out lately come when there is no other, lame ones last. Nothing if there is none.
    pub fn choose(
        &self,
        candidates: &[SocketAddr],
        zone: &Name,
        now: Now,
        rng: &mut impl Rng,
    ) -> Option<Choice> {
        let mut rated: SmallVec<[(Standing, Duration, SocketAddr); 16]> = candidates
            .iter()
            .map(|&server| {
                let state = self.state(server);
                let standing = if self.is_lame(server, zone, now) {
                    Standing::Lame
                } else if state.timeouts > 0 && now.mono < state.rests_until {
                    Standing::Resting
                } else {
                    Standing::Live
                };
                (standing, self.guess(&state, now, rng), server)
            })
            .collect();
        let best_standing = rated.iter().map(|(standing, ..)| *standing).min()?;
        rated.retain(|(standing, ..)| *standing == best_standing);
        let best = rated.iter().map(|(_, time, _)| *time).min()?;
        if best_standing != Standing::Live || !rng.random_ratio(1, EXPLORE) {
            let limit = best.saturating_add(best / 2).saturating_add(BAND);
            rated.retain(|(_, time, _)| *time <= limit);
        }
        let index = rng.random_range(0..rated.len().max(1));
        let &(_, _, server) = rated.get(index)?;
        Some(self.choice(server, now))
    }

    /// How to ask this very server.
    pub fn choice(&self, server: SocketAddr, now: Now) -> Choice {
        let state = self.state(server);
        if state.timeouts > 0 && now.mono >= state.rests_until {
            // One probe is enough: until it is heard or given up, others go elsewhere.
            let until = now.mono.saturating_add(self.timeout(&state, now));
            self.change(server, |state| state.rests_until = until);
        }
        Choice {
            server,
            timeout: self.timeout(&state, now),
            edns: state.asks_with_edns(now),
        }
    }

    /// How long the fastest of `candidates` usually takes (RFC 6298 section 2, without a floor): who has heard nothing by then is
    /// asking a slow one. As long as a first question is waited for if nothing is known of any.
    #[must_use]
    pub fn usual_time(&self, candidates: &[SocketAddr], now: Now) -> Duration {
        candidates
            .iter()
            .filter_map(|server| self.state(*server).fresh_rtt(now))
            .map(|rtt| rtt.timeout().saturating_add(BAND))
            .min()
            .unwrap_or(self.initial_timeout)
            .min(self.max_timeout)
    }

    /// A reply that matched came over UDP after `rtt`; `edns` says whether the query had EDNS.
    pub fn note_reply(&self, server: SocketAddr, rtt: Duration, edns: bool, now: Now) {
        self.change(server, |state| {
            let fresh = state.fresh_rtt(now);
            state.rtt = Some(fresh.map_or_else(|| Rtt::first(rtt), |known| known.with(rtt)));
            state.measured_at = now.mono;
            state.heard(edns, now);
        });
    }

    /// A reply came over TCP: the server lives, but the time says something else.
    pub fn note_reply_by_tcp(&self, server: SocketAddr, edns: bool, now: Now) {
        self.change(server, |state| state.heard(edns, now));
    }

    /// Nothing came by UDP. Queries that were on their way together are counted once.
    pub fn note_timeout(&self, server: SocketAddr, sent: Now, edns: bool, now: Now) {
        self.change(server, |state| {
            state.silent(edns);
            if state.timeouts > 0 && sent.mono <= state.last_timeout {
                return;
            }
            let rest = FIRST_REST.saturating_mul(1 << state.timeouts.min(REST_DOUBLINGS));
            state.timeouts = state.timeouts.saturating_add(1);
            state.last_timeout = now.mono;
            state.rests_until = now.mono.saturating_add(rest);
        });
    }

    /// It said that it cannot read EDNS, and then answered without.
    pub fn note_plain(&self, server: SocketAddr, now: Now) {
        let until = now.mono.saturating_add(PLAIN_LIFETIME);
        self.change(server, |state| state.edns = Edns::PlainUntil(until));
    }

    /// It answered, over a matched exchange, that it does not serve `zone`.
    pub fn note_lame(&self, server: SocketAddr, zone: &Name, now: Now) {
        let until = now.mono.saturating_add(LAME_LIFETIME);
        self.lame.insert((server, zone.clone()), until);
    }

    /// Whether it is lame for `zone`.
    #[must_use]
    pub fn is_lame(&self, server: SocketAddr, zone: &Name, now: Now) -> bool {
        self.lame
            .get(&(server, zone.clone()))
            .is_some_and(|until| now.mono < until)
    }

    /// What is known of one server.
    #[must_use]
    pub fn view(&self, server: SocketAddr, now: Now) -> ServerView {
        let state = self.state(server);
        ServerView {
            server,
            rtt: state.fresh_rtt(now).map(Rtt::smoothed),
            timeouts: state.timeouts,
            edns: state.asks_with_edns(now),
        }
    }

    /// How many servers are remembered, about.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.known.entry_count()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything (`suimon flush`).
    pub fn forget(&self) {
        self.known.invalidate_all();
        self.lame.invalidate_all();
    }

    fn guess(&self, state: &State, now: Now, rng: &mut impl Rng) -> Duration {
        let time = state.fresh_rtt(now).map_or_else(
            || rng.random_range(Duration::ZERO..UNKNOWN_AT_MOST),
            Rtt::smoothed,
        );
        if state.timeouts > 0 {
            time.saturating_add(self.timeout(state, now))
        } else {
            time
        }
    }

    /// RFC 6298 with the first timeout as the floor: a name that is slow on a fast server (its own servers are far, its
    /// zone is being loaded) costs no second packet. The only server of a zone gets two sends and no more: after a timeout it is
    /// waited for until the first send is as old as the maximum, 400 and 1,100 ms, and an answer to either counts
    /// ([`super::LateReplies`]).
    fn timeout(&self, state: &State, now: Now) -> Duration {
        let usual = state
            .fresh_rtt(now)
            .map_or(self.initial_timeout, Rtt::timeout)
            .max(self.initial_timeout)
            .min(self.max_timeout);
        if state.timeouts == 0 {
            return usual;
        }
        usual.max(self.max_timeout.saturating_sub(self.initial_timeout))
    }

    fn state(&self, server: SocketAddr) -> State {
        self.known.get(&server).map_or_else(State::default, |cell| {
            *cell.lock().unwrap_or_else(PoisonError::into_inner)
        })
    }

    /// A reply came without what DO asks for. If the server was asked plainly because it had kept silent, the silence may have
    /// been a lost packet.
    pub fn note_incomplete(&self, server: SocketAddr) {
        self.change(server, |state| {
            if state.edns != Edns::Taken {
                state.edns = Edns::Unknown;
            }
        });
    }

    fn change(&self, server: SocketAddr, change: impl FnOnce(&mut State)) {
        let cell = self.known.get_with(server, Arc::default);
        change(&mut cell.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn fresh_rtt(&self, now: Now) -> Option<Rtt> {
        self.rtt
            .filter(|_| now.mono.saturating_sub(self.measured_at) < RTT_LIFETIME)
    }

    fn asks_with_edns(&self, now: Now) -> bool {
        match self.edns {
            Edns::Unknown | Edns::Taken => true,
            Edns::Silent => false,
            Edns::PlainUntil(until) => now.mono >= until,
        }
    }

    fn heard(&mut self, edns: bool, now: Now) {
        self.timeouts = 0;
        if edns {
            self.edns = Edns::Taken;
            self.silences = 0;
        } else if self.edns == Edns::Silent {
            let doublings = self.silences.saturating_mul(2).min(8);
            let life = PLAIN_BY_SILENCE.saturating_mul(1 << doublings);
            let until = now.mono.saturating_add(life.min(PLAIN_LIFETIME));
            self.edns = Edns::PlainUntil(until);
            self.silences = self.silences.saturating_add(1);
        }
    }

    /// Silence at EDNS makes the next query plain, silence at that one brings EDNS back.
    fn silent(&mut self, edns: bool) {
        self.edns = match (self.edns, edns) {
            (Edns::Unknown | Edns::PlainUntil(_), true) => Edns::Silent,
            (Edns::Taken, true) if self.timeouts + 1 >= SILENT_WITH_EDNS => Edns::Silent,
            (Edns::Silent, false) => Edns::Unknown,
            (as_before, _) => as_before,
        };
    }
}
