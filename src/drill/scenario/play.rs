//! How is a scenario run without sockets? Step by step, every reply from the script, under a clock that stands still otherwise.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::answers::{Answer, Answers};
use super::entry::{Entry, Match};
use super::evaluate::Variables;
use super::file::{Deed, Scenario, Step, milliseconds};
use super::found_out::FoundOut;
use super::head::Flavour;
use super::matching::{Came, matches};
use super::outcome::{Failure, Outcome};
use super::packet;
use super::sessions::{Pending, Session, World};
use crate::cache::{Demand, FlushScope};
use crate::config::plan::TransportKind;
use crate::guard::Arrival;
use crate::query::{Next, WorkerState};
use crate::recursion::{AskFailure, Recursion};
use crate::sys::clock::Now;
use crate::telemetry::Worker;
use crate::wire::{Message, RecordType};

/// Rounds of a scenario at most: testbound's number.
const ROUNDS: usize = 5000;
/// The port of clients and of ourselves, neither of which is ever seen.
const CLIENT_PORT: u16 = 40_000;
/// Decides the order in which servers without addresses are looked up.
const SEED: u64 = 1;

/// Runs a scenario through the rooms of suimond, without a socket and under a clock of its own.
#[must_use]
pub fn play(scenario: &Scenario) -> Outcome {
    let plan = match scenario.head.plan() {
        Ok(plan) => plan,
        Err(what) => {
            let step = scenario.steps.first().map(|step| step.place.clone());
            let place = step.unwrap_or_else(|| super::text::Place {
                file: scenario.title.as_str().into(),
                line: 0,
            });
            return Outcome::Unsupported { place, what };
        }
    };
    let mut now = Now::at_secs(1000);
    if let Some(at) = scenario.head.dnssec.at {
        now.wall_ms = at.saturating_mul(1000);
    }
    let counters = Arc::new(Worker::exclusive());
    let slots = plan.cache.answer_slots;
    let mut play = Play {
        scenario,
        worker: WorkerState::new(slots, counters),
        world: World::new(plan, scenario.head.flavour, now),
        at: 0,
        sessions: Vec::new(),
        answers: Answers::default(),
        used: HashSet::new(),
        asked: Vec::new(),
        variables: Variables::default(),
    };
    match play.run() {
        Ok(()) => Outcome::Pass,
        Err(failure) => Outcome::Fail(*failure),
    }
}

/// A scenario under way.
struct Play<'a> {
    scenario: &'a Scenario,
    world: World,
    worker: WorkerState,
    /// The next step.
    at: usize,
    sessions: Vec<Session>,
    answers: Answers,
    /// Lines of entries that were given as replies.
    used: HashSet<usize>,
    asked: Vec<String>,
    variables: Variables,
}

type Held = Result<(), Box<Failure>>;

impl<'a> Play<'a> {
    fn run(&mut self) -> Held {
        let scenario = self.scenario;
        for _ in 0..ROUNDS {
            let step = scenario.steps.get(self.at);
            if let Some(Deed::CheckOutQuery(entry)) = step.map(|step| &step.deed)
                && self.out_query(entry, step.and_then(|step| step.address))
            {
                continue;
            }
            if let Some((step, entry)) = step.and_then(|step| match &step.deed {
                Deed::CheckAnswer(entry) => Some((step, entry)),
                _ => None,
            }) && !self.answers.is_empty()
            {
                match self.check_answer(step, entry) {
                    Ok(()) => self.at += 1,
                    // The answer it waits for may be on its way still.
                    Err(failure) => {
                        if !self.scripted_reply() && !self.unscripted_reply() {
                            return Err(failure);
                        }
                    }
                }
                continue;
            }
            if self.scripted_reply() || self.unscripted_reply() {
                continue;
            }
            match step {
                Some(step) => self.perform(step)?,
                None => return self.ended(),
            }
        }
        Err(self.failure(None, "the scenario does not come to an end".to_owned()))
    }

    /// The session with the youngest question that `wanted` holds for.
    fn youngest(&self, wanted: impl Fn(&Session) -> bool) -> Option<usize> {
        let asking = self.sessions.iter().enumerate();
        asking
            .filter(|(_, session)| session.pending.is_some() && wanted(session))
            .max_by_key(|(_, session)| session.pending.as_ref().map(|pending| pending.order))
            .map(|(index, _)| index)
    }

    /// CHECK_OUT_QUERY: whether a question is there that matches; it is answered if the entry copies the ID.
    fn out_query(&mut self, entry: &'a Entry, address: Option<IpAddr>) -> bool {
        let flavour = self.scenario.head.flavour;
        if flavour == Flavour::Deckard {
            self.at += 1;
            return true;
        }
        let found = self.youngest(|session| {
            session.pending.as_ref().is_some_and(|pending| {
                let right = address.is_none_or(|address| address == pending.server.ip());
                let message = Message::parse(&pending.packet);
                right
                    && message.is_ok_and(|message| {
                        let tcp = pending.tcp;
                        let message = &message;
                        matches(entry, flavour, Came { message, tcp })
                    })
            })
        });
        let Some(index) = found else {
            // Root hints are used as they are: a script that answers priming is read over.
            let priming = asks_for_the_root(entry);
            self.at += usize::from(priming);
            return priming;
        };
        self.at += 1;
        if entry.adjust.copy_id {
            self.give(index, entry);
        }
        true
    }

    /// Answers the youngest question that the script has a reply to.
    fn scripted_reply(&mut self) -> bool {
        let scenario = self.scenario;
        let mut found: Option<(usize, u64, &'a Entry)> = None;
        for (index, session) in self.sessions.iter().enumerate() {
            let Some(pending) = &session.pending else {
                continue;
            };
            let Ok(message) = Message::parse(&pending.packet) else {
                continue;
            };
            let came = Came {
                message: &message,
                tcp: pending.tcp,
            };
            let moments = scenario.moments(session.step, self.at);
            let entry = scenario
                .scripted(moments, pending.server.ip(), came)
                .or_else(|| self.one_shot(session.step, came));
            if let Some(entry) = entry
                && found.is_none_or(|(_, order, _)| order < pending.order)
            {
                found = Some((index, pending.order, entry));
            }
        }
        let Some((index, _, entry)) = found else {
            return false;
        };
        self.give(index, entry);
        true
    }

    /// Deckard: a REPLY step that is yet to come and matches, each good for one reply.
    fn one_shot(&self, from: usize, came: Came<'_>) -> Option<&'a Entry> {
        if self.scenario.head.flavour != Flavour::Deckard {
            return None;
        }
        self.scenario
            .steps
            .iter()
            .skip(from)
            .filter_map(|step| match &step.deed {
                Deed::Reply(entry) => Some(entry.as_ref()),
                _ => None,
            })
            .find(|entry| {
                !self.used.contains(&entry.place.line) && matches(entry, Flavour::Deckard, came)
            })
    }

    /// Deckard: a question that no entry matches is answered SERVFAIL, and the scenario goes on.
    fn unscripted_reply(&mut self) -> bool {
        if self.scenario.head.flavour != Flavour::Deckard {
            return false;
        }
        let Some(index) = self.youngest(|_| true) else {
            return false;
        };
        self.note(index, "no entry matches: SERVFAIL");
        if let Some(session) = self.sessions.get_mut(index) {
            session.servfail(&mut self.world);
        }
        self.proceed(index);
        true
    }

    fn give(&mut self, index: usize, entry: &Entry) {
        self.used.insert(entry.place.line);
        self.note(index, &format!("entry of line {}", entry.place.line));
        if let Some(session) = self.sessions.get_mut(index) {
            session.reply(entry, &mut self.world);
        }
        self.proceed(index);
    }

    fn note(&mut self, index: usize, by: &str) {
        if let Some(pending) = self.sessions.get(index).and_then(|it| it.pending.as_ref()) {
            let over = if pending.tcp { " by TCP" } else { "" };
            let (server, question) = (pending.server.ip(), pending.question());
            self.asked
                .push(format!("{server}{over}: {question} -> {by}"));
        }
    }

    fn proceed(&mut self, index: usize) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let (client, tcp) = (session.client.ip(), session.tcp);
        let octets = match session.proceed(&mut self.world) {
            Some(response) => {
                let session = self.sessions.remove(index);
                session.finish(response, &self.world)
            }
            None => session.stale(&self.world).map(Some),
        };
        if let Some(octets) = octets {
            self.answers.push(Answer {
                client,
                tcp,
                octets,
            });
        }
    }

    fn perform(&mut self, step: &'a Step) -> Held {
        let asked_in = self.at;
        // First the number, then the deed, so that what it causes meets the moment after it.
        self.at += 1;
        match &step.deed {
            Deed::Nothing | Deed::Traffic | Deed::Unsupported(_) => {}
            Deed::Query(entry) => self.query(step, entry, asked_in),
            Deed::CheckAnswer(entry) => {
                if self.sessions.is_empty() && self.answers.again() {
                    return self.check_answer(step, entry);
                }
                return Err(self.failure(Some(step), self.stuck("no answer was given")));
            }
            Deed::CheckOutQuery(_) => {
                let what = self.stuck("no question that was asked of a server matches");
                return Err(self.failure(Some(step), what));
            }
            Deed::Reply(entry) => {
                let skipped = asks_for_the_root(entry) && !self.asks_for_the_root();
                if self.scenario.head.flavour == Flavour::Testbound && !skipped {
                    let index = self.waiting(step)?;
                    self.give(index, entry);
                }
            }
            Deed::Timeout => self.fail_youngest(step, AskFailure::Timeout),
            Deed::Error => self.fail_youngest(step, AskFailure::Network),
            Deed::TimePasses(by) => self.pass(*by),
            Deed::TimePassesEval(expression) => {
                let now = self.world.now.wall_secs();
                let by = self.variables.expand(expression, now).and_then(|value| {
                    milliseconds(&value).ok_or_else(|| format!("`{value}` is no time"))
                });
                match by {
                    Ok(by) => self.pass(by),
                    Err(what) => return Err(self.failure(Some(step), what)),
                }
            }
            Deed::Assign(name, expression) => {
                let now = self.world.now.wall_secs();
                let assigned = self.variables.assign(name, expression, now);
                assigned.map_err(|what| self.failure(Some(step), what))?;
            }
            Deed::Flush(name, rtype) => {
                let cache = &self.world.pipeline.cache;
                cache.flush(name, FlushScope::NameType(*rtype));
            }
        }
        Ok(())
    }

    fn pass(&mut self, milliseconds: u64) {
        self.world.now = self.world.now.plus(Duration::from_millis(milliseconds));
        // Who has waited long enough gets what was good before.
        for session in &mut self.sessions {
            if let Some(octets) = session.stale(&self.world) {
                self.answers.push(Answer {
                    client: session.client.ip(),
                    tcp: session.tcp,
                    octets: Some(octets),
                });
            }
        }
    }

    /// Whether somebody waits for the root's servers.
    fn asks_for_the_root(&self) -> bool {
        let pending = self.sessions.iter().filter_map(|it| it.pending.as_ref());
        pending
            .map(Pending::question)
            .any(|asked| asked.name.is_root() && asked.rtype == RecordType::NS)
    }

    fn waiting(&self, step: &Step) -> Result<usize, Box<Failure>> {
        self.youngest(|_| true)
            .ok_or_else(|| self.failure(Some(step), "no question waits for a reply".to_owned()))
    }

    /// The youngest question fails. Nothing happens if none waits: how often a question is repeated differs between resolvers, and
    /// files are written for one of them.
    fn fail_youngest(&mut self, step: &Step, failure: AskFailure) {
        let Some(index) = self.youngest(|_| true) else {
            return;
        };
        self.note(index, step.deed.word());
        if let Some(session) = self.sessions.get_mut(index) {
            session.fail(failure, &mut self.world);
        }
        self.proceed(index);
    }

    fn query(&mut self, step: &Step, entry: &Entry, asked_in: usize) {
        let id = u16::try_from(asked_in).unwrap_or(0).wrapping_add(1);
        let octets = packet::query(entry, self.scenario.head.flavour, id);
        let tcp = entry
            .matches
            .as_ref()
            .is_some_and(|matches| matches.contains(&Match::Tcp));
        let address = step.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let client = SocketAddr::new(address, CLIENT_PORT);
        let arrival = Arrival {
            bytes: &octets,
            source: client,
            local: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53),
            interface: 0,
            loopback: true,
            hop_limit: None,
            transport: if tcp {
                TransportKind::Tcp
            } else {
                TransportKind::Udp
            },
        };
        let mut reply = Vec::new();
        let (pipeline, now) = (&self.world.pipeline, self.world.now);
        let next = if tcp {
            pipeline.arrive_by_stream(&arrival, now, &mut reply)
        } else {
            pipeline.arrive(&mut self.worker, &arrival, now, &mut reply)
        };
        let octets = match next {
            Next::Silence | Next::Defer => None,
            Next::Reply => Some(reply),
            Next::ReplyAndRefresh(refresh) => {
                self.answers.push(Answer {
                    client: address,
                    tcp,
                    octets: Some(reply),
                });
                return self.begin(FoundOut::again(*refresh), client, tcp, asked_in);
            }
            Next::Miss(miss) => {
                return self.begin(FoundOut::for_client(*miss), client, tcp, asked_in);
            }
        };
        // A raw packet that nobody answers is no answer to look at.
        if octets.is_some() || entry.template().raw.is_none() {
            self.answers.push(Answer {
                client: address,
                tcp,
                octets,
            });
        }
    }

    fn begin(&mut self, what: FoundOut, client: SocketAddr, tcp: bool, asked_in: usize) {
        let FoundOut {
            permit,
            question,
            demand,
            waiting,
        } = what;
        let world = &self.world;
        let budget = permit.into_budget(&world.plan.recursion.limits, world.now);
        let plan = Arc::new(world.plan.recursion.clone());
        let checking = demand == Demand::Checked;
        let recursion = Recursion::new(question, plan, SEED)
            .validated_by(Arc::clone(&world.validator), checking);
        let session = Session::new(recursion, budget, demand, waiting, client, tcp, asked_in);
        self.sessions.push(session);
        self.proceed(self.sessions.len() - 1);
    }

    fn check_answer(&mut self, step: &Step, entry: &Entry) -> Held {
        let flavour = self.scenario.head.flavour;
        self.answers
            .look(step.address, entry, flavour, 0)
            .map_err(|what| {
                let mut failure = self.failure(Some(step), what);
                failure.place = entry.place.clone();
                failure
            })
    }

    fn ended(&self) -> Held {
        if self.sessions.iter().any(Session::has_client) {
            let what = self.stuck("the scenario ends while a client still waits");
            return Err(self.failure(None, what));
        }
        let entries = self.scenario.ranges.iter().flat_map(|range| &range.entries);
        let mut unused =
            entries.filter(|entry| entry.mandatory && !self.used.contains(&entry.place.line));
        match unused.next() {
            None => Ok(()),
            Some(entry) => {
                let what = "nobody was answered with this MANDATORY entry".to_owned();
                let mut failure = self.failure(None, what);
                failure.place = entry.place.clone();
                Err(failure)
            }
        }
    }

    /// The sentence, and the questions that wait because no entry matches them.
    fn stuck(&self, what: &str) -> String {
        let mut text = what.to_owned();
        for pending in self.sessions.iter().filter_map(|it| it.pending.as_ref()) {
            let over = if pending.tcp { " by TCP" } else { "" };
            let (question, server) = (pending.question(), pending.server.ip());
            text.push_str(&format!(
                "\n  no entry matches the question `{question}` asked of {server}{over}"
            ));
        }
        text
    }

    fn failure(&self, step: Option<&Step>, what: String) -> Box<Failure> {
        let steps = &self.scenario.steps;
        let place = step.or_else(|| steps.last()).map(|step| step.place.clone());
        Box::new(Failure {
            place: place.unwrap_or_else(|| super::text::Place {
                file: self.scenario.title.as_str().into(),
                line: 0,
            }),
            step: step.map_or_else(
                || "at the end".to_owned(),
                |step| format!("STEP {} {}", step.number, step.deed.word()),
            ),
            what,
            asked: self.asked.clone(),
        })
    }
}

/// Whether an entry is about the root's servers, as priming is (RFC 9609).
fn asks_for_the_root(entry: &Entry) -> bool {
    let asked = entry.template().question.first();
    asked.is_some_and(|asked| asked.name.is_root() && asked.rtype == RecordType::NS)
}
