//! A resolver of one zone without sockets: a cache, servers of a certain health, and the guard between them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::config::plan::{self, ZoneGuardMode};
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Cut, KnownNames, Outcome, Permission, Query, Server, Slot, ZoneGuard};
use crate::sys::clock::Now;
use crate::wire::Name;

/// How the victim's servers do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Servers {
    /// Every question is answered after 40 ms.
    Healthy,
    /// So many questions a second are answered; the rest time out.
    Answering(u32),
    /// None is.
    Dead,
    /// Every question is refused after 40 ms.
    Lame,
    /// Every question is answered after 40 ms, by another server of the zone than the one that it is known by.
    Beside,
}

/// A provider of many zones: all domains below a made-up top-level domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// The end of their names.
    pub(super) below: &'static str,
    /// By which its server is known.
    pub(super) address: IpAddr,
    /// How it does.
    pub(super) servers: Servers,
}

/// What may be under way at one server.
const MOST: u32 = 1_024;

/// What a client got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Answer,
    Stale,
    Failure,
    Denied,
    Silence,
}

impl Got {
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Answer | Self::Stale)
    }
}

pub(super) struct Lab {
    pub(super) guard: ZoneGuard,
    pub(super) servers: Servers,
    /// Of whose zones the servers are known.
    pub(super) hosts: Vec<Host>,
    pub(super) at: u64,
    /// Names that exist.
    pub(super) real: BTreeSet<String>,
    /// Whether every name exists, by a wildcard that cannot be seen.
    pub(super) wildcard: bool,
    /// Seconds for which an answer is good.
    pub(super) ttl: u64,
    /// Packets sent upstream.
    pub(super) packets: u64,
    /// What clients got, by a word of the test's own.
    pub(super) got: HashMap<&'static str, HashMap<Got2, u64>>,
    /// Ends of what is cached, by name.
    pub(super) cached: HashMap<String, u64>,
    pub(super) failed: HashMap<String, u64>,
    flights: BTreeMap<(u64, u64), (String, Slot, Outcome, u32)>,
    waiting: HashMap<String, Vec<&'static str>>,
    answered: HashMap<&'static str, (u64, u32)>,
    serial: u64,
}

/// Hashable twin of [`Got`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Got2 {
    Good,
    Bad,
}

pub(super) fn plan() -> plan::ZoneGuard {
    plan::ZoneGuard {
        mode: ZoneGuardMode::Enforce,
        slots: 8_192,
        flood_rate: 500,
        max_stale: 86_400,
        known_names: 1 << 20,
        ..plan::ZoneGuard::default()
    }
}

pub(super) fn guard(plan: &plan::ZoneGuard) -> ZoneGuard {
    let known = KnownNames::new(plan.known_names, [7; 16], 0);
    ZoneGuard::with_secrets(plan, known, Arc::default(), &[1; 16], &[2; 16])
}

pub(super) fn client(number: u64) -> IpAddr {
    // Spread over many /24.
    let number = u32::try_from(number % 0xFF_FFFF).unwrap();
    Ipv4Addr::from_bits(10 << 24 | number.rotate_left(8) & 0xFF_FFFF | number >> 24 ^ number >> 16)
        .into()
}

impl Lab {
    pub(super) fn new(servers: Servers) -> Self {
        Self::with(&plan(), servers)
    }

    pub(super) fn with(plan: &plan::ZoneGuard, servers: Servers) -> Self {
        Self {
            guard: guard(plan),
            servers,
            hosts: Vec::new(),
            at: 0,
            real: (0..200)
                .map(|at| format!("real{at}.victim.example"))
                .collect(),
            wildcard: false,
            ttl: 60,
            packets: 0,
            got: HashMap::new(),
            cached: HashMap::new(),
            failed: HashMap::new(),
            flights: BTreeMap::new(),
            waiting: HashMap::new(),
            answered: HashMap::new(),
            serial: 0,
        }
    }

    pub(super) fn now(&self) -> Now {
        Now::at_secs(0).plus(Duration::from_millis(self.at))
    }

    /// One client asks one name; `who` is what its luck is counted under.
    pub(super) fn ask(&mut self, who: &'static str, name: &str, client: IpAddr) {
        let now = self.now();
        let asked: Name = name.parse().unwrap();
        if self.cached.get(name).is_some_and(|end| self.at < *end) {
            self.guard.answered_from_cache(&asked, client, now);
            return self.count(who, Got::Answer);
        }
        let domain: Name = asked.suffix(2);
        let server = self.host_of(name).map(|host| Server {
            address: host.address,
            most: MOST,
        });
        let cut = Some(Cut::Delegation(&domain, server));
        let has_stale = self.cached.contains_key(name);
        if self.failed.get(name).is_some_and(|end| self.at < *end) {
            let stale = has_stale && self.guard.holds(&asked, cut);
            return self.count(who, if stale { Got::Stale } else { Got::Failure });
        }
        let joins = self.waiting.contains_key(name);
        let query = Query {
            name: &asked,
            cut,
            client,
            hop_limit: None,
            joins,
            renews: false,
        };
        match self.guard.judge(&query, || has_stale, now) {
            Permission::Fetch(slot) | Permission::Explore(slot) => {
                let waiting = self.waiting.entry(name.to_owned()).or_default();
                waiting.push(who);
                if !joins {
                    self.fetch(name, slot);
                }
            }
            Permission::Stale { refresh } => {
                self.count(who, Got::Stale);
                if let Some(slot) = refresh {
                    self.waiting.entry(name.to_owned()).or_default();
                    self.fetch(name, slot);
                }
            }
            Permission::Deny(denial) => {
                self.count(
                    who,
                    if denial.silent {
                        Got::Silence
                    } else {
                        Got::Denied
                    },
                );
            }
        }
    }

    fn host_of(&self, name: &str) -> Option<Host> {
        let mut hosts = self.hosts.iter();
        hosts.find(|host| name.ends_with(host.below)).copied()
    }

    fn fetch(&mut self, name: &str, slot: Slot) {
        let second = self.at / 1_000;
        let host = self.host_of(name);
        let (below, servers) = host.map_or(("", self.servers), |host| (host.below, host.servers));
        let (at, answered) = self.answered.entry(below).or_default();
        if *at != second {
            (*at, *answered) = (second, 0);
        }
        *answered += 1;
        let answers = match servers {
            Servers::Healthy | Servers::Beside => true,
            Servers::Answering(rate) => *answered <= rate,
            Servers::Dead | Servers::Lame => false,
        };
        let is_lame = matches!(servers, Servers::Lame);
        let is_beside = matches!(servers, Servers::Beside);
        let there = self.wildcard || self.real.contains(name);
        let ended = match (answers, there) {
            (false, _) => Ended::Failed,
            (true, true) => Ended::Positive,
            (true, false) => Ended::NoName,
        };
        let (after, packets) = match (answers, is_lame) {
            (true, _) => (40, 1),
            (false, true) => (40, 2),
            (false, false) => (1_900, 3),
        };
        self.packets += u64::from(packets);
        self.serial += 1;
        let outcome = Outcome {
            ended: Some(ended),
            silent: !answers && !is_lame,
            answered: answers && !is_beside,
            is_real: answers && there,
        };
        self.flights.insert(
            (self.at + after, self.serial),
            (name.to_owned(), slot, outcome, packets),
        );
    }

    /// Lets one millisecond pass.
    pub(super) fn pass(&mut self) {
        self.at += 1;
        while let Some(first) = self.flights.first_entry() {
            if first.key().0 > self.at {
                break;
            }
            let (name, slot, outcome, packets) = first.remove();
            let now = self.now();
            slot.finish(outcome, packets, now);
            let got = match outcome.ended {
                Some(Ended::Positive) => {
                    self.cached.insert(name.clone(), self.at + self.ttl * 1_000);
                    Got::Answer
                }
                Some(Ended::NoName) => Got::Answer,
                _ => {
                    self.failed.insert(name.clone(), self.at + 5_000);
                    if self.cached.contains_key(&name) {
                        Got::Stale
                    } else {
                        Got::Failure
                    }
                }
            };
            for who in self.waiting.remove(&name).unwrap_or_default() {
                self.count(who, got);
            }
        }
        if self.at.is_multiple_of(5_000) {
            self.guard.tend(self.now());
        }
    }

    fn count(&mut self, who: &'static str, got: Got) {
        let luck = if got.is_good() { Got2::Good } else { Got2::Bad };
        *self.got.entry(who).or_default().entry(luck).or_default() += 1;
    }

    /// The share of those counted under `who` that got what they wanted, and how many there were; forgets them.
    pub(super) fn luck(&mut self, who: &'static str) -> (f64, u64) {
        let got = self.got.remove(who).unwrap_or_default();
        let of = |luck| got.get(&luck).copied().unwrap_or(0);
        let (good, all) = (of(Got2::Good), of(Got2::Good) + of(Got2::Bad));
        (good as f64 / all.max(1) as f64, all)
    }

    pub(super) fn engaged(&self) -> bool {
        self.guard.engaged() > 0
    }

    /// Until the zone is engaged (or not), at most `most` milliseconds; `each` happens every millisecond. How long it took.
    pub(super) fn until(
        &mut self,
        engaged: bool,
        most: u64,
        mut each: impl FnMut(&mut Self),
    ) -> u64 {
        let begun = self.at;
        while self.engaged() != engaged {
            assert!(
                self.at - begun < most,
                "engaged = {} after {most} ms",
                self.engaged()
            );
            each(self);
            self.pass();
        }
        self.at - begun
    }

    /// For `span` milliseconds, `each` every millisecond.
    pub(super) fn during(&mut self, span: u64, mut each: impl FnMut(&mut Self)) {
        for _ in 0..span {
            each(self);
            self.pass();
        }
    }

    /// Honest clients: each real name is asked for about once a second by one of 400 clients, 100 names per second among the first 100.
    pub(super) fn honest(&mut self) {
        if self.at.is_multiple_of(10) {
            let turn = self.at / 10;
            let name = format!("real{}.victim.example", turn.wrapping_mul(37) % 100);
            self.ask(
                "known",
                &name,
                client(1_000_000 + turn.wrapping_mul(7_919) % 400),
            );
        }
    }

    /// A clean client asks for a real name that nobody asked for before: two a second.
    pub(super) fn curious(&mut self) {
        if self.at.is_multiple_of(500) {
            let turn = self.at / 500;
            let name = format!("new{turn}.victim.example");
            self.real.insert(name.clone());
            self.ask("new", &name, client(2_000_000 + turn));
        }
    }

    /// `rate` made-up names per second, below `below`, from 3,000 bots.
    pub(super) fn attack(&mut self, rate: u64, below: &str) {
        let due = (self.at + 1) * rate / 1_000 - self.at * rate / 1_000;
        for one in 0..due {
            self.serial += 1;
            let random =
                siphasher::sip::SipHasher13::new().hash(&(self.serial, one).0.to_be_bytes());
            self.ask(
                "attack",
                &format!("{random:x}.{below}"),
                client(random % 3_000),
            );
        }
    }
}
