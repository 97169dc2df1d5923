//! Any replies to a recursion: it ends within its budget, keeps and hands on nothing that the zone asked may not speak for, and an
//! evil zone changes nothing about another.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use suimon::answer;
use suimon::cache::Cache;
use suimon::config::anchors::built_in;
use suimon::config::plan::{self, Minimisation};
use suimon::dnssec::Validator;
use suimon::guard::permit::{InternalCause, RecursionPermit};
use suimon::recursion::{AskFailure, Heard, Over, Recursion, Route, Routes, Step};
use suimon::sys::clock::Now;
use suimon::wire::text::record_from_text;
use suimon::wire::writer::{Opt, write_query};
use suimon::wire::{
    Class, Flags, Header, Held, Message, Name, QueryView, Question, Rcode, Record, RecordType,
    Response, rdata,
};
use suimon_fuzz::Input;

/// Names that records are made of; the question's own name, its parents and a child are put to them.
const NAMES: [&str; 14] = [
    ".",
    "test",
    "a.test",
    "www.a.test",
    "x.www.a.test",
    "ns.a.test",
    "d.a.test",
    "b.test",
    "ns.b.test",
    "y.stub.test",
    "y.corp.test",
    "victim.test",
    "www.victim.test",
    "ns.victim.test",
];
const TYPES: [RecordType; 12] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::NS,
    RecordType::CNAME,
    RecordType::DNAME,
    RecordType::SOA,
    RecordType::TXT,
    RecordType::MX,
    RecordType::DS,
    RecordType::RRSIG,
    RecordType::NSEC,
    RecordType::ANY,
];
const ROOT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4));
const VICTIM: &str = "192.0.2.7";

fuzz_target!(|octets: &[u8]| {
    let mut input = Input(octets);
    let mut run = Run::new(&mut input);
    // Several questions over one cache: what the first leaves behind meets the next.
    for _ in 0..=input.u8() % 3 {
        let names = names(None);
        let name = input.pick(&names).clone();
        let question = Question::new(name, *input.pick(&TYPES));
        let seed = u64::from(input.u8());
        let response = run.ask(question.clone(), seed, &mut input);
        run.is_clean(&response);
        sent_to_a_client(&question, &response);
        run.now = run.now.plus(Duration::from_secs(u64::from(input.u16())));
    }
    // Nobody here can sign: under an anchor even the honest are not believed.
    if run.honest_above && !run.validator.is_on() {
        run.victim_is_unharmed(&mut input);
    }
});

/// The root's own anchors, whose keys no fuzzer has; or none.
fn believed(on: bool) -> plan::Dnssec {
    plan::Dnssec {
        anchors: if on { built_in() } else { Vec::new() },
        nsec3_iterations: 50,
        aggressive: true,
        ..plan::Dnssec::default()
    }
}

struct Run {
    cache: Cache,
    plan: Arc<plan::Recursion>,
    now: Now,
    /// Root, TLD and the victim's servers are honest; `a.test`, the stub and the forward zone are in the fuzzer's hand.
    honest_above: bool,
    /// Believes a key of the root's that nobody has, or nothing.
    validator: Arc<Validator>,
    /// Every zone whose servers were asked.
    asked: Vec<Name>,
}

impl Run {
    fn new(input: &mut Input<'_>) -> Self {
        let shape = input.u8();
        Self {
            cache: Cache::with_secret(&cache_plan(), 1, 2),
            plan: Arc::new(plan::Recursion {
                root_hints: vec![(name("a.root-servers.net"), vec![ROOT])],
                priming: shape & 1 != 0,
                qname_minimisation: match shape & 6 {
                    0 => Minimisation::Off,
                    2 => Minimisation::Strict,
                    _ => Minimisation::Relaxed,
                },
                harden_glue: shape & 8 == 0,
                dnssec_ok: shape & 16 == 0,
                ipv4: true,
                ipv6: true,
                limits: plan::Limits::default(),
                companions: true,
                joined_clients: 100,
                joined_look_ups: 5_000,
                in_flight: 100,
            }),
            now: Now::at_secs(1000),
            honest_above: shape & 32 != 0,
            validator: Arc::new(Validator::new(&believed(shape & 64 != 0), 1 << 20)),
            asked: Vec::new(),
        }
    }

    /// Drives one recursion to its end, every reply by the fuzzer's input.
    fn ask(&mut self, question: Question, seed: u64, input: &mut Input<'_>) -> Response {
        let permit = RecursionPermit::internal(InternalCause::Audit);
        let began = self.now;
        let mut budget = permit.into_budget(&self.plan.limits, began);
        let mut recursion = Recursion::new(question, Arc::clone(&self.plan), seed)
            .validated_by(Arc::clone(&self.validator), true)
            .with_trace();
        let mut packets = 0_u32;
        for _ in 0..1_000 {
            let step = recursion.step(&self.cache, &Operator, &mut budget, self.now);
            recursion.take_faults();
            let ask = match step {
                Step::Done(response) => {
                    assert!(packets <= self.plan.limits.packets);
                    assert!(budget.spent().links <= self.plan.limits.links);
                    let shown = recursion.trace().map(|trace| trace.events().len());
                    assert!(shown.is_some_and(|events| events < 10_000));
                    // The last exchange may have begun within the time.
                    let time = self.plan.limits.time + Duration::from_millis(1_500);
                    assert!(self.now.since(began) <= time);
                    return response;
                }
                Step::Ask(ask) => ask,
                Step::Verify(work) => {
                    recursion.verified(work.run(), &self.cache, &mut budget, self.now);
                    continue;
                }
            };
            if !self.asked.contains(&ask.zone) {
                self.asked.push(ask.zone.clone());
            }
            let heard = match budget.charge_packet(self.now) {
                Err(limit) => Heard::Failed {
                    server: None,
                    failure: AskFailure::Budget(limit),
                },
                Ok(()) => {
                    packets += 1;
                    let honest = self
                        .honest_above
                        .then(|| honest(&ask.question, &ask.zone))
                        .flatten();
                    let server = ask
                        .servers
                        .get(usize::from(input.u8()) % ask.servers.len().max(1));
                    let server = server.copied().unwrap_or(IpAddr::from([10, 0, 0, 1]));
                    let (heard, millis) = match honest {
                        Some(message) => (reply(server, ask.over, message, 100), 10),
                        None => any(server, &ask, input),
                    };
                    if let Heard::Reply { bytes, .. } = &heard {
                        budget.note_bytes(*bytes);
                    }
                    self.now = self.now.plus(Duration::from_millis(millis));
                    heard
                }
            };
            recursion.heard(heard, &self.cache, &mut budget, self.now);
        }
        panic!("a recursion without an end");
    }

    /// Nothing is kept or handed on beyond the zones whose servers were asked.
    fn is_clean(&self, response: &Response) {
        assert!(!response.is_authenticated() && !response.authoritative);
        assert_eq!(
            response.rcode == Rcode::SERVFAIL,
            response.ede.is_some(),
            "{response:?}"
        );
        let spoken = |owner: &Name| self.asked.iter().any(|zone| owner.is_within(zone));
        let all = [&response.answer, &response.authority, &response.additional];
        for held in all.into_iter().flatten() {
            assert!(spoken(&held.rrset.owner), "{response:?}");
            self.fits(held);
        }
        self.cache.for_each_rrset(self.now, |held, _| {
            assert!(spoken(&held.rrset.owner), "kept: {}", held.rrset.owner);
            self.fits(held);
            if self.honest_above {
                let owner = &held.rrset.owner;
                let evil = ["a.test", "stub.test", "corp.test"];
                assert!(
                    evil.iter().any(|zone| owner.is_within(&name(zone))) || told_by_honest(held),
                    "kept: {held:?}"
                );
            }
        });
        for text in NAMES {
            let zone = name(text);
            let Some(kept) = self.cache.delegation(&zone, self.now) else {
                continue;
            };
            assert!(
                zone.is_root()
                    || self
                        .asked
                        .iter()
                        .any(|asked| zone.is_within(asked) && zone != *asked)
            );
            assert!(kept.servers.len() <= self.plan.limits.ns_names.max(13));
            for server in &kept.servers {
                assert!(zone.is_root() || server.addresses.len() <= self.plan.limits.ns_addresses);
            }
        }
    }

    fn fits(&self, held: &Held) {
        let set = &held.rrset;
        assert!(set.rdata.len() <= self.plan.limits.rrset_records);
        assert!(set.rdata.packed_len() <= self.plan.limits.rrset_bytes + 2 * set.rdata.len());
    }

    /// After all that the evil zone did, the victim has its address, at once.
    fn victim_is_unharmed(&mut self, input: &mut Input<'_>) {
        let question = Question::new(name("www.victim.test"), RecordType::A);
        let response = self.ask(question, 1, input);
        let addresses: Vec<String> = response
            .answer
            .iter()
            .flat_map(|held| held.rrset.rdata.iter())
            .filter_map(|octets| rdata::a(octets).map(|address| address.to_string()))
            .collect();
        assert_eq!(addresses, ["192.0.2.99"], "{response:?}");
    }
}

/// A stub zone and a forward zone beside plain iteration.
struct Operator;

impl Routes for Operator {
    fn route(&self, sought: &Name, _: RecordType) -> Route {
        static ZONES: OnceLock<[Name; 2]> = OnceLock::new();
        let [stub, corp] = ZONES.get_or_init(|| [name("stub.test"), name("corp.test")]);
        if sought.is_within(stub) {
            Route::Stub {
                zone: stub.clone(),
                servers: vec![([192, 0, 2, 9], 5300).into()],
            }
        } else if sought.is_within(corp) {
            Route::Forward {
                zone: corp.clone(),
                index: 0,
            }
        } else {
            Route::Iterate
        }
    }
}

/// What the fuzzer lets come of an ask, and after how many milliseconds.
fn any(server: IpAddr, ask: &suimon::recursion::Ask, input: &mut Input<'_>) -> (Heard, u64) {
    let deed = input.u8();
    let failed = |failure| Heard::Failed {
        server: (deed & 0x80 == 0).then_some(server),
        failure,
    };
    let over = if deed & 0x40 != 0 {
        Over::Tcp
    } else {
        ask.over
    };
    match deed & 0x1F {
        0 => (failed(AskFailure::Timeout), 1_500),
        1 => (failed(AskFailure::Network), 5),
        2 => (failed(AskFailure::BadReply), 20),
        3 => (failed(AskFailure::NoUsableServer), 0),
        4 => (
            reply(
                IpAddr::from([203, 0, 113, 1]),
                over,
                made(&ask.question, input),
                100,
            ),
            20,
        ),
        // Octets of the fuzzer's own behind the question that was asked.
        5..=10 => {
            let flags = input.u16() & 0x07BF | 0x8000;
            let counts = [1, input.u8(), input.u8(), input.u8()];
            let mut octets = vec![0, 1];
            octets.extend_from_slice(&flags.to_be_bytes());
            octets.extend(counts.into_iter().flat_map(|count| [0, count & 0x1F]));
            octets.extend_from_slice(ask.question.name.as_wire());
            octets.extend_from_slice(&ask.question.rtype.0.to_be_bytes());
            octets.extend_from_slice(&[0, 1]);
            octets.extend_from_slice(input.piece());
            let heard = match Message::parse(&octets) {
                Ok(message) => reply(server, over, message, octets.len()),
                Err(_) => failed(AskFailure::BadReply),
            };
            (heard, 20)
        }
        _ => (reply(server, over, made(&ask.question, input), 200), 20),
    }
}

/// A reply from names and types that matter, in any arrangement.
fn made(question: &Question, input: &mut Input<'_>) -> Message {
    let (flags, rcode) = (input.u8(), input.u8());
    let mut message = empty(question);
    message.header.flags = message
        .header
        .flags
        .with_aa(flags & 1 != 0)
        .with_ra(flags & 6 == 6)
        .with_tc(flags & 0x38 == 0x38)
        .with_rcode(Rcode(match rcode & 0xF {
            0..=8 => 0,
            9..=12 => 3,
            13 => 2,
            14 => 5,
            _ => 6,
        }));
    if flags & 0xC0 == 0xC0 {
        message.question = None;
    }
    let names = names(Some(&question.name));
    let sections = input.u16();
    for (section, shift) in [
        (&mut message.answer, 0),
        (&mut message.authority, 4),
        (&mut message.additional, 8),
    ] {
        for _ in 0..sections >> shift & 7 {
            if input.is_empty() {
                break;
            }
            let owner = input.pick(&names).clone();
            let rtype = *input.pick(&TYPES);
            let target = input.pick(&names).clone();
            section.push(record(owner, rtype, &target, input.u8()));
        }
    }
    message
}

fn record(owner: Name, rtype: RecordType, target: &Name, octet: u8) -> Record {
    let to = target.as_wire();
    let rdata = match rtype {
        RecordType::A => vec![192, 0, 2, octet],
        RecordType::AAAA => [
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &[octet],
        ]
        .concat(),
        RecordType::NS | RecordType::CNAME | RecordType::DNAME => to.to_vec(),
        RecordType::SOA => [to, to, &[0; 19], &[octet]].concat(),
        RecordType::MX => [&[0, octet], to].concat(),
        RecordType::RRSIG => {
            [&[0, octet, 13, 2, 0, 0, 0, 60][..], &[0; 10], to, b"signed"].concat()
        }
        RecordType::NSEC => [to, &[0, 1, octet]].concat(),
        _ => vec![1, octet],
    };
    let ttl =
        [0, 1, 60, 300, 86_400, 1 << 30, i32::MAX.cast_unsigned(), 30][usize::from(octet >> 5)];
    Record {
        owner,
        rtype,
        class: Class::IN,
        ttl,
        rdata: rdata.into(),
    }
}

fn names(asked: Option<&Name>) -> Vec<Name> {
    static ALL: OnceLock<Vec<Name>> = OnceLock::new();
    let mut all = ALL
        .get_or_init(|| NAMES.iter().map(|text| name(text)).collect())
        .clone();
    let mut up = asked.cloned();
    while let Some(at) = up {
        up = at.parent();
        all.push(at);
    }
    all.extend(asked.and_then(|asked| asked.child(b"x").ok()));
    all
}

/// The reply of the honest servers; nothing if the zone is the fuzzer's.
fn honest(question: &Question, zone: &Name) -> Option<Message> {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(Honest::new).reply(question, zone)
}

/// Whether an honest server said this.
fn told_by_honest(held: &Held) -> bool {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    let all = &HONEST.get_or_init(Honest::new).0;
    held.rrset.rdata.iter().all(|rdata| {
        all.iter().flat_map(|(_, records)| records).any(|record| {
            record.owner == held.rrset.owner
                && record.rtype == held.rrset.rtype
                && record.rdata.eq_ignore_ascii_case(rdata)
        })
    })
}

/// Zones with all their records, their SOA first.
struct Honest(Vec<(Name, Vec<Record>)>);

impl Honest {
    fn new() -> Self {
        let zone = |apex: &str, lines: &[&str]| {
            let soa = format!("{apex} 300 IN SOA ns.nic.test. h.nic.test. 1 2 3 4 300");
            let lines = std::iter::once(soa.as_str()).chain(lines.iter().copied());
            let records = lines.map(|line| record_from_text(line, 300).expect("a record"));
            (name(apex), records.collect())
        };
        Self(vec![
            zone(
                ".",
                &[
                    ". NS a.root-servers.net.",
                    "a.root-servers.net. A 198.41.0.4",
                    "test. NS ns.nic.test.",
                    "ns.nic.test. A 192.5.6.30",
                ],
            ),
            zone(
                "test.",
                &[
                    "test. NS ns.nic.test.",
                    "ns.nic.test. A 192.5.6.30",
                    "a.test. NS ns.a.test.",
                    "ns.a.test. A 192.0.2.1",
                    "victim.test. NS ns.victim.test.",
                    &format!("ns.victim.test. A {VICTIM}"),
                ],
            ),
            zone(
                "victim.test.",
                &[
                    "victim.test. NS ns.victim.test.",
                    &format!("ns.victim.test. A {VICTIM}"),
                    "www.victim.test. A 192.0.2.99",
                ],
            ),
        ])
    }

    fn reply(&self, question: &Question, zone: &Name) -> Option<Message> {
        let (_, records) = self.0.iter().find(|(apex, _)| apex == zone)?;
        let mut message = empty(question);
        let of = |owner: &Name, rtype| -> Vec<Record> {
            let matches = |record: &&Record| record.owner == *owner && record.rtype == rtype;
            records.iter().filter(matches).cloned().collect()
        };
        let cut = records.iter().find(|record| {
            record.rtype == RecordType::NS
                && record.owner != *zone
                && question.name.is_within(&record.owner)
                && !(question.rtype == RecordType::DS && question.name == record.owner)
        });
        if let Some(cut) = cut {
            message.authority = of(&cut.owner, RecordType::NS);
            for ns in &message.authority {
                let target = rdata::ns_target(&ns.rdata).expect("a name");
                message.additional.extend(of(&target, RecordType::A));
            }
            return Some(message);
        }
        message.header.flags = message.header.flags.with_aa(true);
        message.answer = of(&question.name, question.rtype);
        if message.answer.is_empty() {
            message.authority = of(zone, RecordType::SOA);
            let exists = records
                .iter()
                .any(|record| record.owner.is_within(&question.name));
            if !exists {
                message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
            }
        }
        Some(message)
    }
}

fn empty(question: &Question) -> Message {
    Message {
        header: Header {
            flags: Flags::default().with_qr(true),
            ..Header::default()
        },
        question: Some((question.clone(), Class::IN)),
        answer: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        edns: None,
    }
}

fn reply(server: IpAddr, over: Over, message: Message, bytes: usize) -> Heard {
    Heard::Reply {
        server,
        over,
        message: message.into(),
        bytes,
    }
}

/// The response becomes a reply that a client can read, within its size.
fn sent_to_a_client(question: &Question, response: &Response) {
    let mut packet = Vec::new();
    let opt = Opt {
        udp_size: 1232,
        dnssec_ok: true,
        ..Opt::default()
    };
    write_query(
        &mut packet,
        7,
        Flags::default().with_rd(true),
        question,
        Some(&opt),
    );
    let query = QueryView::parse(&packet).expect("a query we wrote");
    let plan = plan::Answer {
        max_udp_size: 1232,
        minimal: false,
        any_needs_proof: true,
        stale_after: std::time::Duration::from_millis(1800),
        max_udp_age: Duration::from_secs(4),
    };
    let mut out = Vec::new();
    answer::compose(&query, response, None, &plan, true, &mut out);
    assert!(out.len() <= 1232);
    Message::parse(&out).expect("a reply we wrote");
}

const fn cache_plan() -> plan::Cache {
    plan::Cache {
        max_bytes: 1 << 20,
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

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}
