//! A little Internet in memory: honest servers from zone data, villains from closures, a clock that only moves when told.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::signed;
use crate::cache::{Cache, Rank};
use crate::config::plan::{self, Limits, Minimisation};
use crate::dnssec::Validator;
use crate::guard::permit::{Blame, Budget, InternalCause, RecursionPermit, Spent};
use crate::guard::zones::Slot;
use crate::recursion::targets::mix;
use crate::recursion::{
    AskFailure, Crowd, Heard, LocalRoot, Over, Recursion, Route, Routes, Step, TraceEvent, Via,
};
use crate::sys::clock::Now;
use crate::wire::{
    Class, Flags, Header, Held, Message, Name, Question, Rcode, Record, RecordType, Response, rdata,
};

pub(super) const ROOT: &str = "198.41.0.4";
pub(super) const TEST: &str = "192.5.6.30";

/// What a server does with a query.
pub(super) enum Deed {
    Say(Message),
    Silence,
    Unreachable,
    Garbage,
}

type Villain = Box<dyn FnMut(&Question, Over) -> Deed>;

/// A packet that was sent to a server.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub to: IpAddr,
    pub question: Question,
    pub over: Over,
    pub via: Via,
}

pub(super) struct Internet {
    pub zones: HashMap<IpAddr, Vec<(Name, Vec<Record>)>>,
    villains: HashMap<IpAddr, Villain>,
    unusable: Vec<IpAddr>,
    /// Servers with all the questions under way that they may have; if a type is said, for questions of that type.
    pub crowded: HashMap<IpAddr, Option<RecordType>>,
    routes: Table,
    pub plan: plan::Recursion,
    pub cache: Cache,
    pub now: Now,
    pub latency: Duration,
    /// Decides which of the offered servers is picked; 0 picks the first.
    pub dice: u64,
    pub cause: InternalCause,
    /// What the zone guard lent for the next question.
    pub slot: Cell<Slot>,
    pub validator: Arc<Validator>,
    /// Whether the client wants validated answers (no CD).
    pub checking: bool,
    /// A copy of the root zone.
    pub local_root: Option<LocalRoot>,
    /// To which zone's server, known by which address, questions are charged.
    pub charged: Option<(Name, IpAddr)>,
}

/// What one query came to.
pub(super) struct Run {
    pub response: Response,
    pub sent: Vec<Sent>,
    pub took: Duration,
    /// Signatures that were checked.
    pub signatures: u32,
    pub trace: Vec<TraceEvent>,
    pub spent: Spent,
    /// Whether a failure is that of the servers of the zone that was asked.
    pub blames_its_zone: bool,
    /// Whether a failure is owed to somebody who was not asked.
    pub crowded: Option<Crowd>,
    /// Who was asked, and said nothing at all.
    pub silent: Vec<IpAddr>,
    /// Who answered what the client's question led to.
    pub answered: Vec<IpAddr>,
    /// After how many packets it waited no more for the server that it was charged to.
    pub left_after: Option<usize>,
}

/// Routes by apex, longest first; the DS set of an apex belongs to its parent (RFC 4035 section 3.1.4.1), as in `policy`.
#[derive(Default)]
struct Table(Vec<(Name, Route)>);

impl Routes for Table {
    fn route(&self, name: &Name, rtype: RecordType) -> Route {
        let of_parent = |zone: &Name| rtype == RecordType::DS && name == zone && !zone.is_root();
        self.0
            .iter()
            .filter(|(zone, _)| name.is_within(zone) && !of_parent(zone))
            .max_by_key(|(zone, _)| zone.label_count())
            .map_or(Route::Iterate, |(_, route)| route.clone())
    }
}

pub(crate) fn cache_plan() -> plan::Cache {
    plan::Cache {
        max_bytes: 64 << 20,
        answer_slots: 0,
        min_ttl: 0,
        max_ttl: 86_400,
        max_negative_ttl: 10_800,
        delegation_ttl: (60, 86_400),
        failure_ttl: 5,
        max_failure_ttl: 300,
        max_stale: 0,
        stale_ttl: 30,
        prefetch: false,
        failures: 1000,
    }
}

impl Internet {
    /// A root server and the TLD `test`.
    pub(super) fn new() -> Self {
        let plan = plan::Recursion {
            root_hints: vec![(name("a.root-servers.net"), vec![ip(ROOT)])],
            priming: false,
            qname_minimisation: Minimisation::Relaxed,
            harden_glue: true,
            dnssec_ok: true,
            ipv4: true,
            ipv6: true,
            limits: Limits::default(),
            companions: true,
            joined_clients: 100,
            joined_look_ups: 5_000,
            in_flight: 100,
        };
        let mut internet = Self {
            zones: HashMap::new(),
            villains: HashMap::new(),
            unusable: Vec::new(),
            crowded: HashMap::new(),
            routes: Table::default(),
            plan,
            cache: Cache::with_secret(&cache_plan(), 1, 2),
            now: Now::at_secs(1000),
            latency: Duration::from_millis(10),
            dice: 0,
            cause: InternalCause::Audit,
            slot: Cell::default(),
            validator: Arc::new(Validator::new(&plan::Dnssec::default(), 1 << 20)),
            checking: true,
            local_root: None,
            charged: None,
        };
        internet.serve(
            ROOT,
            ".",
            &[
                ". NS a.root-servers.net",
                "a.root-servers.net A 198.41.0.4",
                "test NS ns.nic.test",
                "ns.nic.test A 192.5.6.30",
            ],
        );
        internet.serve(
            TEST,
            "test",
            &["test NS ns.nic.test", "ns.nic.test A 192.5.6.30"],
        );
        internet
    }

    /// Lets the server at `at` serve `zone`. A record is `owner TYPE rdata`; an SOA is added.
    pub(super) fn serve(&mut self, at: &str, zone: &str, records: &[&str]) {
        let mut all = vec![soa(zone)];
        all.extend(records.iter().map(|text| rr(text)));
        self.zones
            .entry(ip(at))
            .or_default()
            .push((name(zone), all));
    }

    /// Adds records to a zone that is served at `at`.
    pub(super) fn add(&mut self, at: &str, zone: &str, records: &[&str]) {
        let zone = name(zone);
        let zones = self.zones.get_mut(&ip(at)).unwrap();
        let (_, held) = zones.iter_mut().find(|(apex, _)| *apex == zone).unwrap();
        held.extend(records.iter().map(|text| rr(text)));
    }

    /// A zone below `test` with one server each for `at`, delegated with glue.
    pub(super) fn zone(&mut self, zone: &str, at: &[&str], records: &[&str]) {
        for (place, at) in at.iter().enumerate() {
            let kind = if at.contains(':') { "AAAA" } else { "A" };
            let ns = format!("{zone} NS ns{place}.{zone}");
            let address = format!("ns{place}.{zone} {kind} {at}");
            self.add(TEST, "test", &[&ns, &address]);
        }
        for at in at {
            self.serve(at, zone, records);
        }
    }

    /// What the server at `at` does instead of answering from its zones.
    pub(super) fn villain(
        &mut self,
        at: &str,
        deed: impl FnMut(&Question, Over) -> Deed + 'static,
    ) {
        self.villains.insert(ip(at), Box::new(deed));
    }

    /// What is done to the honest answers of the server at `at`.
    pub(super) fn twist(&mut self, at: &str, twist: impl Fn(&Question, &mut Message) + 'static) {
        let zones = self.zones.get(&ip(at)).cloned().unwrap_or_default();
        self.villain(at, move |question, _| {
            let mut message = signed::answer(&zones, question);
            twist(question, &mut message);
            Deed::Say(message)
        });
    }

    /// The server at `at` answers from its zones again.
    pub(super) fn honest(&mut self, at: &str) {
        self.villains.remove(&ip(at));
    }

    pub(super) fn silence(&mut self, at: &str) {
        self.villain(at, |_, _| Deed::Silence);
    }

    pub(super) fn errs(&mut self, at: &str, rcode: Rcode) {
        self.villain(at, move |question, _| Deed::Say(error(question, rcode)));
    }

    /// All the questions that may be under way at this address are, perhaps only those of a type.
    pub(super) fn crowd(&mut self, at: &str, rtype: Option<RecordType>) {
        self.crowded.insert(ip(at), rtype);
    }

    /// We have no way to ask this address.
    pub(super) fn cannot_use(&mut self, at: &str) {
        self.unusable.push(ip(at));
    }

    pub(super) fn route(&mut self, zone: &str, route: Route) {
        self.routes.0.push((name(zone), route));
    }

    pub(super) fn wait(&mut self, secs: u64) {
        self.now = self.now.plus(Duration::from_secs(secs));
    }

    pub(super) fn budget(&self) -> Budget {
        RecursionPermit::internal(self.cause)
            .holding(self.slot.take())
            .into_budget(&self.plan.limits, self.now)
    }

    /// Finds out what `owner` has of `rtype`, as `resolve` would.
    pub(super) fn ask(&mut self, owner: &str, rtype: &str) -> Run {
        let question = Question::new(name(owner), rtype.parse().unwrap());
        let mut budget = self.budget();
        let started = self.now;
        let mut recursion = Recursion::new(question, Arc::new(self.plan.clone()), 42)
            .validated_by(Arc::clone(&self.validator), self.checking)
            .with_local_root(self.local_root.clone())
            .with_trace();
        let mut sent = Vec::new();
        let mut left_after = None;
        for _ in 0..1000 {
            match recursion.step(&self.cache, &self.routes, &mut budget, self.now) {
                Step::Done(response) => {
                    let blamed = |is: fn(&Blame) -> bool| {
                        let of: BTreeSet<IpAddr> = sent
                            .iter()
                            .map(|one: &Sent| one.to)
                            .filter(|to| is(&recursion.blame(Some(*to))))
                            .collect();
                        of.into_iter().collect()
                    };
                    let silent = blamed(|blame| blame.silent);
                    let answered = blamed(|blame| blame.answered);
                    return Run {
                        response,
                        sent,
                        took: self.now.since(started),
                        signatures: budget.spent().signatures,
                        trace: recursion.trace().unwrap().events().to_vec(),
                        spent: budget.spent(),
                        blames_its_zone: recursion.blame(None).zone,
                        crowded: recursion.crowded(),
                        silent,
                        answered,
                        left_after,
                    };
                }
                Step::Verify(work) => {
                    recursion.verified(work.run(), &self.cache, &mut budget, self.now);
                }
                Step::Ask(ask) => {
                    let charged = self.charged.as_ref();
                    if charged.is_some_and(|(zone, server)| recursion.has_left(zone, *server)) {
                        left_after.get_or_insert(sent.len());
                    }
                    let heard = self.exchange(&ask, &mut budget, &mut sent);
                    recursion.heard(heard, &self.cache, &mut budget, self.now);
                }
            }
        }
        panic!("no end after 1000 steps");
    }

    /// What egress does: pick one server, one attempt, TCP after TC=1, all charged.
    fn exchange(
        &mut self,
        ask: &crate::recursion::Ask,
        budget: &mut Budget,
        sent: &mut Vec<Sent>,
    ) -> Heard {
        let usable: Vec<IpAddr> = match &ask.via {
            Via::Authoritative => ask.servers.clone(),
            Via::Stub(servers) => servers.iter().map(SocketAddr::ip).collect(),
            Via::Forward(index) => vec![IpAddr::from([10, 0, 0, u8::try_from(*index).unwrap()])],
        }
        .into_iter()
        .filter(|server| !self.unusable.contains(server))
        .collect();
        let has_room = |server: &IpAddr| {
            let crowded = self.crowded.get(server);
            crowded.is_none_or(|rtype| rtype.is_some_and(|only| only != ask.question.rtype))
        };
        let all = usable.len();
        let usable: Vec<IpAddr> = usable.into_iter().filter(has_room).collect();
        if usable.is_empty() && all > 0 {
            return Heard::Failed {
                server: None,
                failure: AskFailure::Crowded(Crowd::Servers),
            };
        }
        let throw = match self.dice {
            0 => 0,
            dice => usize::try_from(mix(dice, sent.len()) % 1000).unwrap(),
        };
        let Some(&to) = usable.get(throw % usable.len().max(1)) else {
            return Heard::Failed {
                server: None,
                failure: AskFailure::NoUsableServer,
            };
        };
        let mut over = ask.over;
        loop {
            if let Err(limit) = budget.charge_packet(self.now) {
                return Heard::Failed {
                    server: None,
                    failure: AskFailure::Budget(limit),
                };
            }
            let tries = sent.iter().filter(|sent| sent.to == to).count();
            sent.push(Sent {
                to,
                question: ask.question.clone(),
                over,
                via: ask.via.clone(),
            });
            let deed = match self.villains.get_mut(&to) {
                Some(villain) => villain(&ask.question, over),
                None => match self.zones.get(&to) {
                    Some(zones) => Deed::Say(signed::answer(zones, &ask.question)),
                    None => Deed::Silence,
                },
            };
            let failure = match deed {
                Deed::Say(message) => {
                    self.now = self.now.plus(self.latency);
                    let bytes = size(&message);
                    budget.note_bytes(bytes);
                    if message.header.flags.tc() && over == Over::Udp {
                        over = Over::Tcp;
                        continue;
                    }
                    return Heard::Reply {
                        server: to,
                        over,
                        message: message.into(),
                        bytes,
                    };
                }
                Deed::Silence => {
                    // Egress begins with 400 ms for a server it knows nothing of, and backs off.
                    let wait = if tries == 0 { 400 } else { 1500 };
                    self.now = self.now.plus(Duration::from_millis(wait));
                    AskFailure::Timeout
                }
                Deed::Unreachable => AskFailure::Network,
                Deed::Garbage => AskFailure::BadReply,
            };
            return Heard::Failed {
                server: Some(to),
                failure,
            };
        }
    }
}

impl Run {
    /// Panics with all that was done unless the response is authentic.
    pub(super) fn assert_secure(&self) {
        assert!(
            self.response.is_authenticated(),
            "{:?} {:#?}",
            self.response,
            self.trace
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        );
    }

    /// Packets to one server.
    pub(super) fn to(&self, at: &str) -> usize {
        self.sent.iter().filter(|sent| sent.to == ip(at)).count()
    }

    pub(super) fn rcode(&self) -> Rcode {
        self.response.rcode
    }

    /// The answer as `owner TYPE rdata` lines.
    pub(super) fn answer(&self) -> Vec<String> {
        self.response.answer.iter().flat_map(lines).collect()
    }

    pub(super) fn authority(&self) -> Vec<String> {
        self.response.authority.iter().flat_map(lines).collect()
    }

    /// The code and text of the extended error.
    pub(super) fn ede(&self) -> (u16, String) {
        let ede = self.response.ede.clone().unwrap();
        (ede.code, ede.text.into_owned())
    }

    /// What was asked, in order, as `owner TYPE`.
    pub(super) fn questions(&self) -> Vec<String> {
        self.sent
            .iter()
            .map(|sent| sent.question.to_string())
            .collect()
    }
}

fn lines(held: &Held) -> Vec<String> {
    let set = &held.rrset;
    set.rdata
        .iter()
        .map(|octets| {
            let text = match set.rtype {
                RecordType::A => rdata::a(octets).unwrap().to_string(),
                RecordType::AAAA => rdata::aaaa(octets).unwrap().to_string(),
                RecordType::NS | RecordType::CNAME | RecordType::DNAME | RecordType::PTR => {
                    Name::from_wire(octets).unwrap().to_string()
                }
                _ => format!("{} octets", octets.len()),
            };
            format!("{} {} {text}", set.owner, set.rtype)
        })
        .collect()
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A record from `owner TYPE rdata`, TTL 300.
pub(super) fn rr(text: &str) -> Record {
    let mut words = text.splitn(3, ' ');
    let owner = name(words.next().unwrap());
    let rtype: RecordType = words.next().unwrap().parse().unwrap();
    let value = words.next().unwrap();
    let rdata: Vec<u8> = match rtype {
        RecordType::A => match ip(value) {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(_) => panic!("{text}"),
        },
        RecordType::AAAA => match ip(value) {
            IpAddr::V6(address) => address.octets().to_vec(),
            IpAddr::V4(_) => panic!("{text}"),
        },
        RecordType::NS | RecordType::CNAME | RecordType::DNAME | RecordType::PTR => {
            name(value).as_wire().to_vec()
        }
        RecordType::MX => [&[0, 10], name(value).as_wire()].concat(),
        _ => [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat(),
    };
    Record {
        owner,
        rtype,
        class: Class::IN,
        ttl: 300,
        rdata: rdata.into(),
    }
}

/// The SOA of a zone: negative TTL 60.
pub(super) fn soa(zone: &str) -> Record {
    let mut octets = name("ns.invalid").as_wire().to_vec();
    octets.extend_from_slice(name("root.invalid").as_wire());
    for number in [1_u32, 3600, 600, 86_400, 60] {
        octets.extend_from_slice(&number.to_be_bytes());
    }
    Record {
        owner: name(zone),
        rtype: RecordType::SOA,
        class: Class::IN,
        ttl: 300,
        rdata: octets.into(),
    }
}

/// An empty reply: QR, no AA.
pub(super) fn reply(question: &Question) -> Message {
    Message {
        header: Header {
            flags: Flags::default().with_qr(true),
            qdcount: 1,
            ..Header::default()
        },
        question: Some((question.clone(), Class::IN)),
        answer: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        edns: None,
    }
}

pub(super) fn error(question: &Question, rcode: Rcode) -> Message {
    let mut message = reply(question);
    message.header.flags = message.header.flags.with_rcode(rcode);
    message
}

/// An authoritative answer with these records.
pub(super) fn says(question: &Question, records: &[&str]) -> Message {
    let mut message = reply(question);
    message.header.flags = message.header.flags.with_aa(true);
    message.answer = records.iter().map(|text| rr(text)).collect();
    message
}

/// A referral with these NS and address records.
pub(super) fn refers(question: &Question, records: &[&str]) -> Message {
    let mut message = reply(question);
    for record in records.iter().map(|text| rr(text)) {
        if record.rtype == RecordType::NS {
            message.authority.push(record);
        } else {
            message.additional.push(record);
        }
    }
    message
}

fn size(message: &Message) -> usize {
    let records = [&message.answer, &message.authority, &message.additional];
    12 + records
        .into_iter()
        .flatten()
        .map(|record| 12 + record.rdata.len())
        .sum::<usize>()
}

/// What an honest server of `zones` answers (RFC 1034 section 4.3.2, RFC 4592, RFC 6672).
pub(super) fn answer(zones: &[(Name, Vec<Record>)], question: &Question) -> Message {
    let mut message = reply(question);
    let mut current = question.name.clone();
    for _ in 0..20 {
        let serving = zones
            .iter()
            .filter(|(apex, _)| current.is_within(apex))
            .filter(|(apex, _)| {
                question.rtype != RecordType::DS || *apex != current || zones.len() == 1
            })
            .max_by_key(|(apex, _)| apex.label_count());
        let Some((apex, records)) = serving else {
            if message.answer.is_empty() {
                return error(question, Rcode::REFUSED);
            }
            return message;
        };
        let of = |owner: &Name, rtype: RecordType| -> Vec<Record> {
            records
                .iter()
                .filter(|record| record.owner == *owner && record.rtype == rtype)
                .cloned()
                .collect()
        };
        let cut = (apex.label_count() + 1..=current.label_count())
            .map(|labels| current.suffix(labels))
            .filter(|cut| question.rtype != RecordType::DS || *cut != current)
            .find(|cut| !of(cut, RecordType::NS).is_empty());
        if let Some(cut) = cut {
            if !message.answer.is_empty() {
                return message;
            }
            message.authority = of(&cut, RecordType::NS);
            for ns in message.authority.clone() {
                let target = rdata::ns_target(&ns.rdata).unwrap();
                message.additional.extend(of(&target, RecordType::A));
                message.additional.extend(of(&target, RecordType::AAAA));
            }
            return message;
        }
        message.header.flags = message.header.flags.with_aa(true);
        let dname = (apex.label_count()..current.label_count())
            .map(|labels| current.suffix(labels))
            .find_map(|owner| of(&owner, RecordType::DNAME).pop());
        if let Some(dname) = dname {
            let target = rdata::dname_target(&dname.rdata).unwrap();
            message.answer.push(dname.clone());
            let Ok(next) = current.rebase(&dname.owner, &target) else {
                message.header.flags = message.header.flags.with_rcode(Rcode::YXDOMAIN);
                return message;
            };
            let mut cname = rr(&format!("a CNAME {next}"));
            cname.owner = current;
            message.answer.push(cname);
            current = next;
            continue;
        }
        let exists = |owner: &Name| records.iter().any(|record| record.owner.is_within(owner));
        let mut owner = current.clone();
        if !exists(&owner) {
            while !exists(&owner) {
                owner = owner.parent().unwrap();
            }
            owner = owner.child(b"*").unwrap();
        }
        let named = |mut found: Vec<Record>| {
            for record in &mut found {
                record.owner = current.clone();
            }
            found
        };
        let data = if question.rtype == RecordType::ANY {
            named(
                records
                    .iter()
                    .filter(|record| record.owner == owner)
                    .cloned()
                    .collect(),
            )
        } else {
            named(of(&owner, question.rtype))
        };
        if !data.is_empty() {
            message.answer.extend(data);
            if current != *apex {
                message.authority = of(apex, RecordType::NS);
            }
            return message;
        }
        let cname = named(of(&owner, RecordType::CNAME));
        if let Some(cname) = cname.first() {
            let next = rdata::cname_target(&cname.rdata).unwrap();
            let seen = message.answer.iter().any(|record| record.owner == current);
            message.answer.push(cname.clone());
            if seen {
                return message;
            }
            current = next;
            continue;
        }
        message.authority = of(apex, RecordType::SOA);
        if !exists(&owner) {
            message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        }
        return message;
    }
    message
}

/// Every RRset in the cache with its rank.
pub(super) fn cached(internet: &Internet) -> Vec<(String, Rank)> {
    let mut all = Vec::new();
    internet.cache.for_each_rrset(internet.now, |held, rank| {
        all.extend(lines(held).into_iter().map(|line| (line, rank)));
    });
    all.sort();
    all
}
