//! Do suimond and its peers say the same? One Internet, the same questions, every difference reported and judged.

pub mod ask;
pub mod broken;
pub mod contents;
pub mod internet;
pub mod questions;
pub mod report;
pub mod resolvers;
pub mod verdicts;
pub mod villains;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::lab::capture::Capture;
use crate::lab::script::Network;
use crate::lab::servers;
use crate::lab::{Lab, Ns};
use ask::Said;
use internet::{Internet, Tier};
use questions::{Asked, Kind};
use resolvers::Resolver;

/// Numbers from a seed (SplitMix64), the same everywhere and always.
pub struct Draw(pub u64);

impl Draw {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed >> 33).expect("31 bits") % bound.max(1)
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    /// How many honest zones, without their children.
    pub zones: usize,
    /// How many questions, about.
    pub questions: usize,
    pub resolvers: Vec<Resolver>,
    /// Only these; empty: all.
    pub kinds: Vec<Kind>,
    /// How many questions a resolver gets at once; what bounds the rate. As a rule six, and one where CPU time is compared.
    pub at_once: Option<usize>,
    /// How often cold names are asked for, each time from an empty cache; what CPU they cost is the median.
    pub rounds: usize,
    /// How long a client waits.
    pub patience: Duration,
}

/// What one resolver did with the questions of one kind, from an empty cache.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub said: Vec<Said>,
    /// Questions it sent upstream, by UDP and TCP, from its start on.
    pub packets: usize,
    /// The same as tcpdump tells them.
    pub upstream: Vec<String>,
    /// Nanoseconds of CPU from when it was ready.
    pub cpu: u64,
}

/// One difference between suimond and a peer.
#[derive(Clone, Debug)]
pub struct Difference {
    pub asked: Asked,
    pub who: Resolver,
    /// "rcode", "ad" or "answer".
    pub what: &'static str,
    pub ours: String,
    pub theirs: String,
    /// Which verdict covers it.
    pub verdict: Option<String>,
}

/// What came of it all.
#[derive(Default)]
pub struct Outcome {
    pub asked: BTreeMap<Kind, Vec<Asked>>,
    pub runs: BTreeMap<(Kind, Resolver), Run>,
    pub differences: Vec<Difference>,
}

/// Turns that cold names are asked in.
const TURNS: usize = 20;

/// Where each resolver listens, in a namespace of its own.
const LISTEN: &str = "127.0.0.1:53";

/// Makes the Internet, asks everybody everything, compares.
pub fn run(options: &Options) -> Outcome {
    let internet = Internet::new(options.seed, options.zones);
    let anchor = internet.anchor();
    let mut lab = Lab::new("differ");
    let authority = lab.namespace("auth");
    let tiers = [Tier::Root, Tier::Tld, Tier::Zone, Tier::Child];
    let villains = villains::addresses();
    for address in tiers
        .into_iter()
        .flat_map(internet::addresses)
        .chain(villains.iter().copied())
    {
        authority.add_address("lo", &format!("{address}/32"));
    }
    for (tier, zones) in internet.files() {
        let name = format!("nsd-{tier:?}").to_lowercase();
        servers::nsd(
            &mut lab,
            &authority,
            &name,
            &internet::addresses(tier),
            &zones,
        );
    }
    let posts: Vec<SocketAddr> = villains
        .iter()
        .map(|address| SocketAddr::new(*address, 53))
        .collect();
    let _network = Network::start(&authority, &posts, villains::script(&authority));
    let places: Vec<(Resolver, Ns)> = (1..)
        .zip(&options.resolvers)
        .map(|(number, resolver)| (*resolver, place(&mut lab, &authority, *resolver, number)))
        .collect();

    let mut outcome = Outcome::default();
    for (kind, asked) in questions::questions(&internet, options.seed, options.questions) {
        if !options.kinds.is_empty() && !options.kinds.contains(&kind) {
            continue;
        }
        let rounds = if kind == Kind::Cold {
            options.rounds.max(1)
        } else {
            1
        };
        let mut costs: BTreeMap<Resolver, Vec<u64>> = BTreeMap::new();
        for round in 0..rounds {
            let tag = format!("{}-{round}", kind.word());
            for (resolver, run) in
                all_at_once(&mut lab, &places, &anchor, (kind, &tag), &asked, options)
            {
                costs.entry(resolver).or_default().push(run.cpu);
                outcome.runs.insert((kind, resolver), run);
            }
        }
        for (resolver, mut costs) in costs {
            costs.sort_unstable();
            if let Some(run) = outcome.runs.get_mut(&(kind, resolver)) {
                run.cpu = costs[costs.len() / 2];
            }
        }
        outcome.asked.insert(kind, asked);
    }
    outcome.compare();
    outcome
}

/// A resolver's namespace, with a way to every server.
fn place(lab: &mut Lab, authority: &Ns, resolver: Resolver, number: usize) -> Ns {
    let ns = lab.namespace(resolver.name());
    let (far, near) = (format!("10.9.{number}.1"), format!("10.9.{number}.2"));
    lab.link(
        authority,
        &format!("to-{}", resolver.name()),
        &[&format!("{far}/24")],
        &ns,
        "out",
        &[&format!("{near}/24")],
    );
    ns.default_route(far.parse::<IpAddr>().expect("an address"));
    ns
}

/// One kind's questions to all resolvers, each with an empty cache, all resolvers beside each other.
fn all_at_once(
    lab: &mut Lab,
    places: &[(Resolver, Ns)],
    anchor: &str,
    (kind, tag): (Kind, &str),
    asked: &[Asked],
    options: &Options,
) -> Vec<(Resolver, Run)> {
    let listen: SocketAddr = LISTEN.parse().expect("an address");
    let mut under_way = Vec::new();
    for (resolver, ns) in places {
        // A server's own packets never leave by `out` to port 53; questions over TCP are the segments with data.
        let capture = Capture::start(
            lab,
            ns,
            "out",
            "udp dst port 53 or (tcp dst port 53 and tcp[13] & 8 != 0)",
        );
        let tag = format!("{}-{tag}", resolver.name());
        resolver.start(lab, ns, &tag, listen, anchor);
        under_way.push((*resolver, ns, tag, capture));
    }
    // What a resolver does of its own accord when it starts is its own packets, but nobody's questions.
    std::thread::sleep(Duration::from_millis(500));
    let pids: Vec<u32> = under_way
        .iter()
        .map(|(_, _, tag, _)| lab.pid(tag))
        .collect();
    // For CPU time to be compared, nobody else is at work.
    let in_turn = kind == Kind::Cold;
    let at_once = options.at_once.unwrap_or(if in_turn { 1 } else { 6 });
    let work = |ns: &Ns, pid: u32, asked: &[Asked]| {
        let before = resolvers::cpu(pid);
        let said = ask_all(ns, asked, listen, at_once, options.patience);
        (said, resolvers::cpu(pid).saturating_sub(before))
    };
    let mut done: Vec<(Vec<Said>, u64)> = vec![(Vec::new(), 0); places.len()];
    if in_turn {
        // In short turns, so that a busy minute of the machine is everybody's.
        let turns = asked.chunks(asked.len().div_ceil(TURNS).max(1));
        for (turn, asked) in turns.enumerate() {
            for place in 0..places.len() {
                let place = (place + turn) % places.len();
                let (said, cpu) = work(under_way[place].1, pids[place], asked);
                done[place].0.extend(said);
                done[place].1 += cpu;
            }
        }
    } else {
        done = std::thread::scope(|scope| {
            let threads: Vec<_> = under_way
                .iter()
                .zip(&pids)
                .map(|((_, ns, _, _), pid)| scope.spawn(|| work(ns, *pid, asked)))
                .collect();
            let each = threads.into_iter();
            each.map(|thread| thread.join().expect("questions asked"))
                .collect()
        });
    }
    let mut runs = Vec::new();
    for ((resolver, _, tag, capture), (said, cpu)) in under_way.into_iter().zip(done) {
        let upstream = capture.stop();
        lab.stop(&tag);
        let packets = upstream.len();
        runs.push((
            resolver,
            Run {
                said,
                packets,
                upstream,
                cpu,
            },
        ));
    }
    runs
}

/// Asks everything, so many at once.
fn ask_all(
    ns: &Ns,
    asked: &[Asked],
    listen: SocketAddr,
    at_once: usize,
    patience: Duration,
) -> Vec<Said> {
    let next = AtomicUsize::new(0);
    let said: Mutex<BTreeMap<usize, Said>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                ns.inside(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(asked) = asked.get(place) else {
                            break;
                        };
                        let told = ask::ask(&asked.question, asked.flags, listen, patience);
                        said.lock().expect("what was said").insert(place, told);
                    }
                });
            });
        }
    });
    let said = said.into_inner().expect("what was said");
    said.into_values().collect()
}

impl Outcome {
    /// Holds what everybody said against what suimond said.
    fn compare(&mut self) {
        let verdicts = verdicts::list();
        for (kind, asked) in &self.asked {
            let Some(ours) = self.runs.get(&(*kind, Resolver::Suimond)) else {
                continue;
            };
            for ((_, who), theirs) in self.runs.range((*kind, Resolver::Unbound)..) {
                if *who == Resolver::Suimond || !self.runs.contains_key(&(*kind, *who)) {
                    break;
                }
                for ((asked, ours), theirs) in asked.iter().zip(&ours.said).zip(&theirs.said) {
                    self.differences
                        .extend(differences(asked, *who, ours, theirs));
                }
            }
        }
        for difference in &mut self.differences {
            difference.verdict = verdicts
                .iter()
                .find(|verdict| verdict.covers(difference))
                .map(|verdict| verdict.id.clone());
        }
    }

    /// Those that no verdict covers.
    pub fn unjudged(&self) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(|difference| difference.verdict.is_none())
    }
}

/// How two differ: in the RCODE, or else in AD and in the answer.
fn differences(asked: &Asked, who: Resolver, ours: &Said, theirs: &Said) -> Vec<Difference> {
    let difference = |what, ours: String, theirs: String| Difference {
        asked: asked.clone(),
        who,
        what,
        ours,
        theirs,
        verdict: None,
    };
    let mut found = Vec::new();
    if ours.rcode != theirs.rcode {
        found.push(difference(
            "rcode",
            ours.rcode.clone(),
            theirs.rcode.clone(),
        ));
    } else if ours.authentic != theirs.authentic {
        found.push(difference(
            "ad",
            format!("{} {}", ours.rcode, ours.authentic),
            format!("{} {}", theirs.rcode, theirs.authentic),
        ));
    }
    // An error says nothing else.
    let compared =
        ours.rcode == theirs.rcode || (!ours.answer.is_empty() && !theirs.answer.is_empty());
    if compared && ours.answer != theirs.answer {
        found.push(difference(
            "answer",
            ours.answer.join(" | "),
            theirs.answer.join(" | "),
        ));
    }
    found
}
