//! What do honest clients ask meanwhile, and is it answered?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::beside;
use super::figures::{Tally, Window};
use super::measure::Phases;
use super::scene::{self, ADDRESS, Target, name_elsewhere, name_of};
use super::traffic::FORGED;
use crate::drill::clients::{self, Heard, NotHeard};
use crate::drill::expectation::Style;
use crate::sys::clock::{self, Now};

/// A client gives up after this; it has asked again meanwhile (glibc: 5 s).
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what is due.
const TURN: Duration = Duration::from_millis(5);
/// Questions that may wait for answers at once; at five seconds each that is more than are ever due.
const AT_ONCE: usize = 4_000;

/// What is special about an honest question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A name of the attacked zone that is asked for all the time.
    Known,
    /// One that nobody asked for before, by somebody who asks for nothing else.
    New,
    /// A name elsewhere that every cache has.
    Cached,
    /// A name elsewhere that runs out every two seconds.
    Expired,
    /// A name elsewhere that nobody asked for before.
    Cold,
    /// A name elsewhere that every cache has, asked for by the customer whose address some attacks forge.
    Customer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Known,
        Self::New,
        Self::Cached,
        Self::Expired,
        Self::Cold,
        Self::Customer,
    ];

    /// The word in the report.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::New => "new",
            Self::Cached => "cached",
            Self::Expired => "expired",
            Self::Cold => "cold",
            Self::Customer => "customer",
        }
    }

    /// Milliseconds between two questions.
    #[must_use]
    pub const fn every(self) -> u64 {
        match self {
            Self::Known => 25,
            Self::New => 400,
            Self::Cached => 25,
            Self::Expired => 100,
            Self::Cold => 80,
            Self::Customer => 250,
        }
    }
}

/// One honest question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub source: IpAddr,
    /// For which name; A.
    pub name: Name,
}

/// The `number`th question of a kind; `zones` are the attacked ones.
#[must_use]
pub fn question(kind: Kind, number: u32, zones: &[String]) -> Question {
    let from = |third: u32, fourth: u32, second: u8| {
        let octet = |number: u32| u8::try_from(number % 256).unwrap_or(0);
        IpAddr::V4(Ipv4Addr::new(127, second, octet(third), octet(fourth)))
    };
    // Twenty networks ask for everything, and for the same name another one each time.
    let regular = |names: u32| from((number + number / names) % 20, 1, 2);
    let elsewhere = |names: u32| from(100 + (number + number / names) % 20, 1, 2);
    let hot = scene::HOT * scene::ELSEWHERE;
    match kind {
        Kind::Known => Question {
            // Seven has no divisor in common with forty: every name has its turn.
            name: name_of(zones, "real", number * 7 % scene::KNOWN),
            source: regular(scene::KNOWN),
        },
        Kind::New => Question {
            name: name_of(zones, "new", number % scene::NEW),
            source: from(number % 250, 1 + number / 250, 3),
        },
        Kind::Cached => Question {
            name: name_elsewhere("hot", number % hot),
            source: elsewhere(hot),
        },
        Kind::Expired => Question {
            name: name_elsewhere("short", number % hot),
            source: elsewhere(hot),
        },
        Kind::Customer => Question {
            name: name_elsewhere("hot", number % hot),
            source: IpAddr::V4(FORGED),
        },
        Kind::Cold => {
            let half = scene::COLD * scene::ELSEWHERE / 2;
            Question {
                name: name_elsewhere("cold", number % half),
                source: elsewhere(half),
            }
        }
    }
}

/// Every name of the attacked zones that honest clients ask for, and those that say where they are.
#[must_use]
pub fn names(target: Target) -> Vec<Name> {
    let zones = scene::zones(target);
    let mut all: Vec<Name> = zones
        .iter()
        .flat_map(|zone| ["", "ns1.", "ns2."].map(|label| scene::name(&format!("{label}{zone}"))))
        .collect();
    for (kind, count) in [
        ("real", scene::KNOWN),
        ("new", scene::NEW),
        ("late", scene::LATE),
    ] {
        all.extend((0..count).map(|number| name_of(&zones, kind, number)));
    }
    all
}

/// Which questions fall due, kind by kind.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    asked: [u32; Kind::ALL.len()],
}

impl Schedule {
    /// What is due by `at`, since the last time.
    pub fn due(&mut self, at: Duration, zones: &[String]) -> Vec<(Kind, Question)> {
        let ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let mut due = Vec::new();
        for (kind, asked) in Kind::ALL.into_iter().zip(&mut self.asked) {
            let until = u32::try_from(ms / kind.every()).unwrap_or(u32::MAX);
            due.extend((*asked..until).map(|number| (kind, question(kind, number, zones))));
            *asked = until.max(*asked);
        }
        due
    }
}

/// What has become of the questions so far.
#[derive(Debug, Default)]
pub struct Book {
    tallies: Mutex<Vec<(Window, Kind, Tally)>>,
    /// Nothing more is asked: the run ends before its time.
    pub closed: AtomicBool,
    /// Questions that were asked.
    pub asked: AtomicU64,
    /// Questions that were answered.
    pub answered: AtomicU64,
}

impl Book {
    fn enter(&self, window: Window, kind: Kind, heard: Result<&Heard, &NotHeard>) {
        if judge(heard) == Judged::Answered {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        let mut tallies = self.lock();
        let place = tallies
            .iter()
            .position(|(at, of, _)| *at == window && *of == kind);
        let place = place.unwrap_or_else(|| {
            tallies.push((window, kind, Tally::default()));
            tallies.len() - 1
        });
        if let Some((.., tally)) = tallies.get_mut(place) {
            match judge(heard) {
                Judged::Answered => {
                    tally.answered(heard.map_or(Duration::ZERO, |heard| heard.latency))
                }
                Judged::Failed => tally.servfail += 1,
                Judged::Silent => tally.silent += 1,
                Judged::Wrong => tally.wrong += 1,
            }
        }
    }

    /// What became of the questions of a kind that were first asked in a window.
    #[must_use]
    pub fn tally(&self, window: Window, kind: Kind) -> Tally {
        let tallies = self.lock();
        let tally = tallies
            .iter()
            .find(|(at, of, _)| *at == window && *of == kind);
        tally.map_or_else(Tally::default, |(.., tally)| tally.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Window, Kind, Tally)>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Answered,
    Failed,
    Silent,
    Wrong,
}

/// Every name that honest clients ask for exists and has one address.
fn judge(heard: Result<&Heard, &NotHeard>) -> Judged {
    match heard {
        Ok(heard) if heard.rcode == ResponseCode::NoError => {
            let right = heard
                .answers
                .iter()
                .any(|record| record.data == RData::A(A(ADDRESS)));
            if right {
                Judged::Answered
            } else {
                Judged::Wrong
            }
        }
        Ok(heard) if heard.rcode == ResponseCode::ServFail => Judged::Failed,
        Err(NotHeard::Silence(_) | NotHeard::Network(_)) => Judged::Silent,
        Ok(_) | Err(NotHeard::Unsound(_)) => Judged::Wrong,
    }
}

/// Who asks whom about what, and for how long.
#[derive(Clone, Debug)]
pub struct Load {
    /// The resolver; clients live in its network.
    pub resolver: SocketAddr,
    /// The attacked zones.
    pub zones: Vec<String>,
    /// Calm, attack and what comes after.
    pub phases: Phases,
}

/// Asks what is due until the end of the run that began at `begun`, then waits for the last answers.
pub async fn ask_on(load: Load, begun: Now, book: Arc<Book>) {
    let Load {
        resolver,
        zones,
        phases,
    } = load;
    let mut schedule = Schedule::default();
    let mut waiting = JoinSet::new();
    loop {
        let at = clock::now().since(begun);
        if at >= phases.end() || book.closed.load(Ordering::Relaxed) {
            break;
        }
        for (kind, question) in schedule.due(at, &zones) {
            if waiting.len() >= AT_ONCE {
                break;
            }
            let (window, book) = (phases.window(at), Arc::clone(&book));
            book.asked.fetch_add(1, Ordering::Relaxed);
            waiting.spawn(async move {
                let style = Style {
                    edns: true,
                    ..Style::default()
                };
                let asked = clients::ask_from(
                    beside(resolver, question.source),
                    resolver,
                    &question.name,
                    RecordType::A,
                    style,
                    PATIENCE,
                );
                let heard = asked.await;
                book.enter(window, kind, heard.as_ref());
            });
        }
        while waiting.try_join_next().is_some() {}
        sleep(TURN).await;
    }
    while waiting.join_next().await.is_some() {}
}
