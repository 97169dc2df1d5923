//! What does one attempt at one server look like? The question as asked, what came of it, and every fallback in between.

use std::net::SocketAddr;
use std::time::Duration;

use rand::{Rng, RngExt};
use smallvec::SmallVec;

use crate::config::plan;
use crate::guard::permit::{Budget, Exhausted};
use crate::sys::clock::Now;
use crate::sys::{clock, entropy};
use crate::telemetry::Reason;
use crate::wire::query::COOKIE;
use crate::wire::writer::{Opt, push_option, write_query};
use crate::wire::{Flags, Message, Name, Question, Rcode};

use super::Egress;
use super::cookies::Sent;
use super::counters::bump;
use super::late::LateReplies;
use super::matching::{Expected, Mismatch, Seen, examine};
use super::outstanding::Ask;
use super::servers::Choice;

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A datagram first; a stream when that is truncated or smells of forgery.
    Udp,
    /// A stream at once.
    Tcp,
}

/// One question to one of several servers.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// The servers to choose from.
    pub candidates: &'a [SocketAddr],
    /// The zone they are believed to serve.
    pub zone: &'a Name,
    /// How to ask.
    pub transport: Transport,
    /// RD: only for resolvers.
    pub recursion_desired: bool,
    /// DO: send signatures along (RFC 3225).
    pub dnssec_ok: bool,
    /// CD: only for resolvers that validate.
    pub checking_disabled: bool,
    /// The operator wrote these addresses down: they may be private.
    pub configured: bool,
    /// Where a datagram that was given up is still listened for, when the same server is asked the same again.
    pub late: Option<&'a LateReplies>,
}

impl<'a> Query<'a> {
    /// A question to authoritative servers: over UDP, RD=0, CD=0, DO=1.
    #[must_use]
    pub const fn authoritative(
        question: &'a Question,
        candidates: &'a [SocketAddr],
        zone: &'a Name,
    ) -> Self {
        Self {
            question,
            candidates,
            zone,
            transport: Transport::Udp,
            recursion_desired: false,
            dnssec_ok: true,
            checking_disabled: false,
            configured: false,
            late: None,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchanged {
    /// A server replied; whether the reply is any good is for others to judge.
    Reply {
        /// Who.
        server: SocketAddr,
        /// Whether over TCP, where nobody off the path can have written it.
        tcp: bool,
        /// The reply.
        message: Box<Message>,
        /// Its length in octets.
        bytes: usize,
        /// From sending to receiving; over TCP, from the query to its reply, without the handshake.
        rtt: Duration,
    },
    /// Nobody did.
    Failed {
        /// Who was asked, if anybody was.
        server: Option<SocketAddr>,
        /// Why there is no reply.
        failure: Failure,
    },
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Nothing came in time.
    Timeout,
    /// The network refused: no route, unreachable, refused, closed.
    Network,
    /// Only unreadable replies came.
    BadReply,
    /// None of the candidates may be asked.
    NoUsableServer,
    /// Those that may have all the questions under way that they may have. Nothing was sent, and nothing noted of them.
    Crowded,
    /// The zone guard lets no more be asked after what was asked in vain.
    Denied(Reason),
    /// The budget of the client's query is used up.
    Exhausted(Exhausted),
}

/// A reply on its way to becoming [`Exchanged::Reply`].
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) message: Box<Message>,
    pub(super) bytes: usize,
    pub(super) rtt: Duration,
    pub(super) tcp: bool,
    /// Whether the query that it answers had EDNS.
    pub(super) edns: bool,
    /// The cookie of the query that it answers.
    pub(super) cookie: Option<Sent>,
    /// Whether a datagram that fits but for its cookie came before this.
    pub(super) wrong_cookie: bool,
}

/// An attempt that brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// No packet left this host.
    Unsent,
    /// The server kept silent. `blame`: nothing else explains it.
    Timeout { blame: bool },
    /// The network said no.
    Network,
    /// Only rubbish came.
    BadReply,
    /// A datagram came that fits but for its cookie, and nothing better by either transport.
    Cookie,
    /// The budget said no.
    Exhausted(Exhausted),
}

impl Lost {
    pub(super) const fn failure(self) -> Failure {
        match self {
            Self::Unsent | Self::Network => Failure::Network,
            Self::Timeout { .. } | Self::Cookie => Failure::Timeout,
            Self::BadReply => Failure::BadReply,
            Self::Exhausted(limit) => Failure::Exhausted(limit),
        }
    }
}

/// One message to one server.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) server: SocketAddr,
    pub(super) packet: Vec<u8>,
    pub(super) timeout: Duration,
    pub(super) edns: bool,
    pub(super) cookie: Option<Sent>,
    id: u16,
    asked: Question,
    exact_case: bool,
}

impl Attempt {
    fn new(
        query: &Query<'_>,
        choice: &Choice,
        cookie: Option<Sent>,
        plan: &plan::Egress,
        rng: &mut impl Rng,
    ) -> Self {
        let id = rng.random();
        let mut asked = query.question.clone();
        if plan.case_randomisation {
            asked.name = with_random_case(&asked.name, rng);
        }
        let mut options = SmallVec::<[u8; 64]>::new();
        if let Some(cookie) = &cookie {
            push_option(&mut options, COOKIE, &cookie.value());
        }
        let opt = Opt {
            udp_size: plan.edns_size,
            dnssec_ok: query.dnssec_ok,
            options: &options,
            ..Opt::default()
        };
        let flags = Flags::default()
            .with_rd(query.recursion_desired)
            .with_cd(query.checking_disabled);
        let mut packet = Vec::with_capacity(64);
        write_query(&mut packet, id, flags, &asked, choice.edns.then_some(&opt));
        Self {
            server: choice.server,
            packet,
            timeout: choice.timeout,
            edns: choice.edns,
            cookie,
            id,
            asked,
            exact_case: plan.case_randomisation,
        }
    }

    /// What it asks; the letters in whatever case.
    pub(super) const fn question(&self) -> &Question {
        &self.asked
    }

    /// What this datagram, or message of a stream, is to it. A stream needs no exact case, and no cookie of a server that has given one
    /// before: nobody off the path can write into it.
    pub(super) fn examine(&self, octets: &[u8], by_tcp: bool) -> Seen {
        let expected = Expected {
            id: self.id,
            question: &self.asked,
            exact_case: self.exact_case && !by_tcp,
        };
        match (examine(octets, &expected), &self.cookie) {
            (Seen::Reply(message), Some(cookie)) if !cookie.accepts(&message, by_tcp) => {
                Seen::Discard(Mismatch::Cookie)
            }
            (seen, _) => seen,
        }
    }
}

impl Egress {
    /// Asks one of the candidates, chosen by what is known of them, with every fallback that stays at this server: TC or a
    /// smell of forgery leads to TCP, a refusal of EDNS to one plain query. Each packet is charged before it is sent. A
    /// candidate that cannot be reached from here at all costs nothing and another one is taken, and so it is with one that has its
    /// share of what may be under way ([`crate::guard::permit::Budget::has_room_at`]).
    ///
    /// One call waits for one server at most once by UDP: retries and other servers are the caller's.
    pub async fn exchange(&self, query: &Query<'_>, budget: &mut Budget) -> Exchanged {
        let mut left: SmallVec<[SocketAddr; 16]> = query
            .candidates
            .iter()
            .copied()
            .filter(|server| self.permitted.permits(*server, query.configured))
            .collect();
        let mut unsent = None;
        let top = query.zone.label_count() <= 1;
        let mut crowded = false;
        loop {
            // Before one is chosen, so that nothing is noted of who is not asked.
            let before = left.len();
            left.retain(|server| budget.has_room_at(server.ip(), top));
            crowded |= left.len() < before;
            let choice =
                self.servers
                    .choose(&left, query.zone, clock::now(), &mut entropy::csprng());
            // The kernel is asked about ourselves for the one chosen server, not for each candidate.
            if let Some(choice) = choice
                && self.permitted.is_ourselves(choice.server)
            {
                left.retain(|server| *server != choice.server);
                continue;
            }
            let Some(choice) = choice else {
                if crowded {
                    bump(&self.counters.crowded);
                    return Exchanged::Failed {
                        server: None,
                        failure: Failure::Crowded,
                    };
                }
                if unsent.is_none() {
                    bump(&self.counters.no_usable_server);
                }
                return Exchanged::Failed {
                    server: unsent,
                    failure: unsent.map_or(Failure::NoUsableServer, |_| Failure::Network),
                };
            };
            // Given back when the exchange is over, or given up.
            let _share = budget.enter_server(choice.server.ip());
            match self.ask(query, choice, budget).await {
                Err(Lost::Unsent) => {
                    bump(&self.counters.network_errors);
                    unsent = Some(choice.server);
                    left.retain(|server| *server != choice.server);
                }
                Err(lost) => {
                    self.count_lost(lost);
                    return Exchanged::Failed {
                        server: Some(choice.server),
                        failure: lost.failure(),
                    };
                }
                Ok(heard) => {
                    return Exchanged::Reply {
                        server: choice.server,
                        tcp: heard.tcp,
                        message: heard.message,
                        bytes: heard.bytes,
                        rtt: heard.rtt,
                    };
                }
            }
        }
    }

    /// One server, with EDNS and then perhaps without; with a cookie, and then perhaps a better one or none.
    async fn ask(
        &self,
        query: &Query<'_>,
        mut choice: Choice,
        budget: &mut Budget,
    ) -> Result<Heard, Lost> {
        let mut refused_edns = false;
        let mut transport = query.transport;
        let mut bad_cookies = 0;
        let mut with_cookie = true;
        loop {
            let sent = clock::now();
            let attempt = self.attempt(query, &choice, with_cookie, sent);
            let noted = self.outstanding.note(
                query.question,
                Ask {
                    server: choice.server,
                    marker: attempt.cookie.as_ref().map(Sent::client),
                    client: budget.client(),
                },
            );
            let outcome = match transport {
                Transport::Udp => self.by_udp(&attempt, query.late, budget).await,
                Transport::Tcp => self.by_tcp(&attempt, budget).await,
            };
            let now = clock::now();
            let heard = match outcome {
                Ok(heard) => {
                    noted.answered();
                    heard
                }
                Err(lost) => {
                    if lost == (Lost::Timeout { blame: true }) {
                        noted.unanswered();
                        self.servers
                            .note_timeout(choice.server, sent, choice.edns, now);
                        if attempt
                            .cookie
                            .as_ref()
                            .is_some_and(|cookie| !cookie.is_known())
                        {
                            self.cookies.note_none(choice.server, now);
                        }
                    }
                    if lost == Lost::Cookie
                        && let Some(cookie) = &attempt.cookie
                        && self.cookies.note_mismatch(choice.server, cookie, sent, now)
                    {
                        bump(&self.counters.cookie_fallback);
                        with_cookie = false;
                        continue;
                    }
                    return Err(lost);
                }
            };
            self.counters.note_reply(heard.bytes);
            let dislikes = matches!(
                heard.message.rcode(),
                Rcode::FORMERR | Rcode::NOTIMP | Rcode::BADVERS
            );
            if let Some(cookie) = heard.cookie.as_ref() {
                let taken = self.cookies.note(
                    choice.server,
                    cookie,
                    (&heard.message, heard.wrong_cookie),
                    (sent, now),
                );
                match heard.message.rcode() {
                    // RFC 7873 section 5.3: once more with the new one, then over a stream.
                    Rcode::BADCOOKIE if bad_cookies < 2 && !heard.tcp => {
                        bad_cookies += 1;
                        if bad_cookies == 2 {
                            transport = Transport::Tcp;
                        }
                        continue;
                    }
                    // A server that speaks EDNS and cannot read this: what is new in it is the cookie.
                    Rcode::FORMERR if !taken && heard.message.edns.is_some() => {
                        with_cookie = false;
                        continue;
                    }
                    _ => {}
                }
            }
            if heard.edns && dislikes {
                bump(&self.counters.edns_fallback);
                refused_edns = true;
                choice.edns = false;
                continue;
            }
            if heard.tcp {
                self.servers
                    .note_reply_by_tcp(choice.server, heard.edns, now);
            } else {
                self.servers
                    .note_reply(choice.server, heard.rtt, heard.edns, now);
            }
            if refused_edns && !dislikes {
                self.servers.note_plain(choice.server, now);
            }
            return Ok(heard);
        }
    }

    fn attempt(&self, query: &Query<'_>, choice: &Choice, with_cookie: bool, now: Now) -> Attempt {
        let mut rng = entropy::csprng();
        let cookie =
            (choice.edns && with_cookie).then(|| self.cookies.next(choice.server, now, &mut rng));
        Attempt::new(query, choice, cookie.flatten(), &self.plan, &mut rng)
    }

    /// Pays for one packet.
    pub(super) fn charge(&self, budget: &mut Budget) -> Result<(), Lost> {
        match budget.charge_packet(clock::now()) {
            Ok(()) => {
                self.counters.note_sent(budget.cause());
                Ok(())
            }
            Err(limit) => {
                self.counters.note_exhausted(limit);
                Err(Lost::Exhausted(limit))
            }
        }
    }

    fn count_lost(&self, lost: Lost) {
        match lost {
            Lost::Timeout { .. } | Lost::Cookie => bump(&self.counters.timeouts),
            Lost::Network | Lost::Unsent => bump(&self.counters.network_errors),
            // Counted where they happened.
            Lost::BadReply | Lost::Exhausted(_) => {}
        }
    }
}

/// The name with each letter in a case drawn by lot ("0x20").
fn with_random_case(name: &Name, rng: &mut impl Rng) -> Name {
    // Length octets are at most 63 and so no letters.
    let flip = |octet: &u8| {
        if octet.is_ascii_alphabetic() && rng.random() {
            octet ^ 0x20
        } else {
            *octet
        }
    };
    let octets: SmallVec<[u8; 64]> = name.as_wire().iter().map(flip).collect();
    Name::from_wire(&octets).unwrap_or_else(|_| name.clone())
}
