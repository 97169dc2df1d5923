//! How do the servers of attacked and attacking zones answer: quickly, up to a number per second, or not at all?

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{CNAME, NS};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::scene::{BOMBS, NXNS, VICTIM, name};
use super::stand_in::StandIn;
use crate::drill::message::{encode, reply_to};
use crate::drill::queries::Queries;
use crate::drill::world::{ServerId, ServerPlan};
use crate::drill::zones::{Reply, Zones};
use crate::sys::clock;

/// Between two looks whether the server is to end.
pub(super) const STOP_LOOK: Duration = Duration::from_millis(50);
/// The number per second is held in windows of this length, so that a second's worth does not come at its beginning.
const WINDOW_MS: u64 = 50;
/// Servers that a bad referral names: above the number resolvers look up today (threats: NXNS).
const REFERRED: u64 = 20;

/// What a server of the siege does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Answers all.
    Steady,
    /// Answers as much as its [`Throttle`] lets it.
    Victim,
    /// Refers every name to twenty servers that are not there.
    Referrals,
    /// Makes every name the alias of another.
    Aliases,
}

/// How much the victim's servers answer, all together.
#[derive(Debug)]
pub struct Throttle {
    per_second: AtomicU32,
    window: Mutex<(u64, u32)>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            per_second: AtomicU32::new(u32::MAX),
            window: Mutex::default(),
        }
    }
}

impl Throttle {
    /// From now on so many queries per second are answered, 0 = none; nothing = all.
    pub fn set(&self, per_second: Option<u32>) {
        self.per_second
            .store(per_second.unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Whether one more is answered at `ms`, milliseconds of any clock that goes forward.
    #[must_use]
    pub fn admits(&self, ms: u64) -> bool {
        let per_second = self.per_second.load(Ordering::Relaxed);
        match per_second {
            0 => return false,
            u32::MAX => return true,
            _ => {}
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = ms / WINDOW_MS;
        let (at, used) = &mut *window;
        if *at != now {
            (*at, *used) = (now, 0);
        }
        // What a window may have, so that the windows of a second add up to the whole even for small numbers.
        let windows = 1_000 / WINDOW_MS;
        let share = |windows_gone: u64| u64::from(per_second) * windows_gone / windows;
        let place = now % windows;
        let room = share(place + 1) - share(place);
        let admitted = u64::from(*used) < room;
        *used += u32::from(admitted);
        admitted
    }
}

/// A running server of the siege.
#[derive(Debug)]
pub struct Stage {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts one on its socket; `stand_in`: who answers in its place.
///
/// # Errors
/// What the operating system says of the socket.
pub(in crate::drill) fn start(
    part: Part,
    plan: &ServerPlan,
    socket: UdpSocket,
    stand_in: Option<StandIn>,
    queries: &Arc<Queries>,
    throttle: &Arc<Throttle>,
) -> io::Result<Stage> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(STOP_LOOK))?;
    // A flood's worth of queries waits here while this thread waits for its turn; less is no reason not to serve.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20);
    let stop = Arc::new(AtomicBool::new(false));
    let server = Arc::new(Server {
        id: plan.id,
        part,
        zones: plan.zones.clone(),
        socket,
        stand_in,
        queries: Arc::clone(queries),
        throttle: Arc::clone(throttle),
    });
    let mut stage = Stage {
        stop: Arc::clone(&stop),
        threads: Vec::new(),
    };
    let mut spawn = |work: fn(&Server, &AtomicBool)| -> io::Result<()> {
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        let thread = thread::Builder::new().name(plan.label.clone());
        stage
            .threads
            .push(thread.spawn(move || work(&server, &stop))?);
        Ok(())
    };
    spawn(Server::serve)?;
    if server.stand_in.is_some() {
        spawn(Server::hand_back)?;
    }
    Ok(stage)
}

impl Stage {
    /// Ends it and waits for it.
    pub(in crate::drill) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

struct Server {
    id: ServerId,
    part: Part,
    zones: Zones,
    socket: UdpSocket,
    stand_in: Option<StandIn>,
    queries: Arc<Queries>,
    throttle: Arc<Throttle>,
}

impl Server {
    fn serve(&self, stop: &AtomicBool) {
        let mut buffer = vec![0; 4096];
        while !stop.load(Ordering::Relaxed) {
            // Nothing in time, or an ICMP error about an earlier reply; the socket lives on.
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else {
                continue;
            };
            let octets = buffer.get_mut(..length).unwrap_or_default();
            let Ok(query) = Message::from_vec(octets) else {
                continue;
            };
            let Some(question) = query.queries.first() else {
                continue;
            };
            let (name, rtype) = (question.name(), question.query_type());
            self.queries.record(self.id, name, rtype, false);
            let ms = u64::try_from(clock::now().mono.as_millis()).unwrap_or(u64::MAX);
            if self.part == Part::Victim && !self.throttle.admits(ms) {
                continue;
            }
            if let Some(stand_in) = &self.stand_in {
                stand_in.hand_on(octets, from);
                continue;
            }
            let reply = self.part.answer(&self.zones, name, rtype);
            let _ = self
                .socket
                .send_to(&encode(&reply_to(&query, reply), false), from);
        }
    }

    fn hand_back(&self, stop: &AtomicBool) {
        let mut buffer = vec![0; 4096];
        while !stop.load(Ordering::Relaxed) {
            if let Some(stand_in) = &self.stand_in {
                stand_in.hand_back(&mut buffer, &self.socket);
            }
        }
    }
}

impl Part {
    fn answer(self, zones: &Zones, asked: &Name, rtype: RecordType) -> Reply {
        let apex = zones
            .zone_of(asked, rtype)
            .is_some_and(|zone| zone.origin() == asked);
        match self {
            Self::Referrals if !apex => referral(asked),
            Self::Aliases if !apex => alias(asked),
            _ => zones.answer(asked, rtype),
        }
    }
}

/// A referral of the name below the zone to servers that are not there; always the same for the same name.
fn referral(asked: &Name) -> Reply {
    let mut reply = Reply::empty(ResponseCode::NoError, false);
    let zone = name(NXNS);
    let cut = asked.trim_to(usize::from(zone.num_labels()) + 1);
    let hash = hash_of(&cut);
    reply.authorities = (0..REFERRED)
        .map(|number| {
            let server = name(&format!("ns{number}-{hash:016x}.{VICTIM}"));
            Record::from_rdata(cut.clone(), 60, RData::NS(NS(server)))
        })
        .collect();
    reply
}

/// The name is an alias of one in the next zone; always the same for the same name.
fn alias(asked: &Name) -> Reply {
    let mut reply = Reply::empty(ResponseCode::NoError, true);
    let hash = hash_of(asked);
    let place = BOMBS.iter().position(|zone| name(zone).zone_of(asked));
    let next = place.map_or(0, |place| (place + 1) % BOMBS.len());
    let zone = BOMBS.get(next).copied().unwrap_or("bomb0.siege.");
    let target = name(&format!("l{hash:016x}.{zone}"));
    reply.answers = vec![Record::from_rdata(
        asked.clone(),
        60,
        RData::CNAME(CNAME(target)),
    )];
    reply
}

fn hash_of(name: &Name) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_server_answers_its_number_a_second_spread_over_it() {
        let throttle = Throttle::default();
        assert!(throttle.admits(0));
        for (per_second, second, half) in [(500, 500, 250), (3, 3, 1), (20, 20, 10)] {
            throttle.set(Some(per_second));
            // Ten queries each millisecond for ten seconds, from a whole second on.
            let begin = 40_000;
            let admitted = |from: u64, until: u64| {
                (from..until)
                    .flat_map(|ms| [ms; 10])
                    .filter(|ms| throttle.admits(*ms))
                    .count()
            };
            assert_eq!(admitted(begin, begin + 1_000), second);
            assert_eq!(admitted(begin + 1_000, begin + 1_500), half);
        }
        throttle.set(Some(0));
        assert!(!throttle.admits(60_000));
        throttle.set(None);
        assert!(throttle.admits(60_000));
    }

    #[test]
    fn bad_referrals_and_aliases_are_the_same_for_the_same_name_and_others_for_others() {
        let zones = Zones::default();
        let ask = |part: Part, asked: &str| part.answer(&zones, &name(asked), RecordType::A);
        let one = ask(Part::Referrals, "a.nxns.siege.");
        assert_eq!(one.authorities.len(), 20);
        assert!(
            one.authorities
                .iter()
                .all(|record| record.name == name("a.nxns.siege."))
        );
        assert_eq!(one, ask(Part::Referrals, "deeper.a.nxns.siege."));
        assert_ne!(one, ask(Part::Referrals, "b.nxns.siege."));
        let mut at = name("a.bomb0.siege.");
        let mut seen = vec![at.clone()];
        for _ in 0..30 {
            let reply = Part::Aliases.answer(&zones, &at, RecordType::A);
            let Some(RData::CNAME(CNAME(target))) =
                reply.answers.first().map(|record| &record.data)
            else {
                panic!("{reply:?}");
            };
            at = target.clone();
            assert!(!seen.contains(&at));
            seen.push(at.clone());
        }
        assert!(name("bomb1.siege.").zone_of(&seen[1]) && name("bomb0.siege.").zone_of(&seen[4]));
    }
}
