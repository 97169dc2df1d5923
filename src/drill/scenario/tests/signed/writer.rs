//! How does a small signed world become a scenario file? Zones are signed, questions are found out by playing, and each gets an entry.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::dnssec::algorithm::Algorithm;
use crate::drill::scenario::{Outcome, Scenario, play};
use crate::drill::signing::{
    Denial, Hashing, KEY_SIGNING, SignatureFields, Signer, Validity, sign_zone,
};
use crate::recursion::tests::signed::{VALID, answer, key};
use crate::wire::rrset::group;
use crate::wire::text::{rdata_to_text, record_from_text};
use crate::wire::{Class, Message, Name, Question, Record, RecordType, Rrset, rdata};

/// When the scenarios happen: 2026-01-01.
pub(super) const DATE: &str = "20260101000000";
/// The same, seconds since 1970.
pub(super) const NOW: u32 = 1_767_225_600;
pub(super) const ROOT: &str = "193.0.14.129";
/// Questions found out for one file at most.
const QUESTIONS: usize = 60;

type After = Box<dyn Fn(&mut Signed)>;
type Meddle = Box<dyn Fn(&Question, &mut Message)>;

/// One zone on one server.
pub(super) struct Zone {
    apex: Name,
    pub(super) server: &'static str,
    records: Vec<Record>,
    pub(super) signers: Vec<Signer>,
    pub(super) denial: Denial,
    pub(super) validity: Validity,
    /// DS records in the parent; those of the key-signing signers if nothing is said.
    pub(super) ds: Option<Vec<Vec<u8>>>,
    pub(super) ttl: u32,
    after: Vec<After>,
}

/// Zones, and what their servers do to replies.
pub(super) struct World {
    pub(super) zones: Vec<Zone>,
    meddle: Vec<(&'static str, Meddle)>,
    silent: Vec<&'static str>,
    foreseen: Vec<(&'static str, &'static str)>,
}

/// A signed zone that can be tampered with.
pub(super) struct Signed {
    pub(super) records: Vec<Record>,
    signer: Signer,
    validity: Validity,
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn rr(text: &str, ttl: u32) -> Record {
    record_from_text(text, ttl).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn nsec3(iterations: u16, opt_out: bool) -> Denial {
    Denial::Nsec3(Hashing {
        iterations,
        salt: Vec::new(),
        opt_out,
    })
}

/// A key of a zone that differs from [`key`]'s.
pub(super) fn other_key(zone: &str, algorithm: Algorithm, seed: u64) -> Signer {
    Signer::new(&name(zone), algorithm, seed, KEY_SIGNING).unwrap()
}

impl Zone {
    fn new(apex: &str, server: &'static str) -> Self {
        Self {
            apex: name(apex),
            server,
            records: Vec::new(),
            signers: vec![key(apex)],
            denial: Denial::Nsec,
            validity: VALID,
            ds: None,
            ttl: 3600,
            after: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, lines: &[&str]) -> &mut Self {
        let ttl = self.ttl;
        self.records.extend(lines.iter().map(|line| rr(line, ttl)));
        self
    }

    /// No keys, no signatures, no DS.
    pub(super) fn unsigned(&mut self) -> &mut Self {
        self.signers.clear();
        self.denial = Denial::Nothing;
        self
    }

    /// Tampers with the zone after it is signed.
    pub(super) fn after(&mut self, deed: impl Fn(&mut Signed) + 'static) -> &mut Self {
        self.after.push(Box::new(deed));
        self
    }

    fn ds(&self) -> Vec<Record> {
        let own = || {
            self.signers
                .iter()
                .map(|signer| signer.ds(crate::dnssec::algorithm::DigestType::Sha256))
                .collect()
        };
        let all: Vec<Vec<u8>> = self.ds.clone().unwrap_or_else(own);
        let record = |rdata: Vec<u8>| Record {
            owner: self.apex.clone(),
            rtype: RecordType::DS,
            class: Class::IN,
            ttl: 3600,
            rdata: rdata.into(),
        };
        all.into_iter().map(record).collect()
    }
}

impl World {
    /// Root, com and example.com, signed, each on a server of its own.
    pub(super) fn new() -> Self {
        let mut world = Self {
            zones: Vec::new(),
            meddle: Vec::new(),
            silent: Vec::new(),
            foreseen: Vec::new(),
        };
        world.put(".", ROOT);
        world.put("com.", "192.5.6.30");
        world.put("example.com.", "192.0.2.1").add(&[
            "www.example.com. A 203.0.113.5",
            "alias.example.com. CNAME www.example.com.",
            "deep.ent.example.com. A 203.0.113.6",
            "*.wild.example.com. A 203.0.113.7",
            "zzz.example.com. TXT last",
        ]);
        world
    }

    pub(super) fn put(&mut self, apex: &str, server: &'static str) -> &mut Zone {
        self.zones.push(Zone::new(apex, server));
        self.zones.last_mut().unwrap()
    }

    pub(super) fn zone(&mut self, apex: &str) -> &mut Zone {
        let apex = name(apex);
        let mut all = self.zones.iter_mut();
        all.find(|zone| zone.apex == apex).unwrap()
    }

    /// What the server does to its replies.
    pub(super) fn meddle(
        &mut self,
        server: &'static str,
        deed: impl Fn(&Question, &mut Message) + 'static,
    ) -> &mut Self {
        self.meddle.push((server, Box::new(deed)));
        self
    }

    /// The server says nothing any more.
    pub(super) fn silence(&mut self, server: &'static str) -> &mut Self {
        self.silent.push(server);
        self
    }

    /// A question that only the daemon may come to ask, as its servers answer in their own time.
    pub(super) fn foresee(&mut self, server: &'static str, question: &'static str) -> &mut Self {
        self.foreseen.push((server, question));
        self
    }

    /// What an honest server says.
    pub(super) fn honest(&self, server: &str, question: &str) -> Message {
        let (owner, rtype) = question.split_once(' ').unwrap();
        let question = Question::new(name(owner), rtype.parse().unwrap());
        answer(&self.build()[server], &question)
    }

    /// The zones of each server, signed and tampered with.
    fn build(&self) -> BTreeMap<&'static str, Vec<(Name, Vec<Record>)>> {
        let mut served: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for zone in &self.zones {
            let apex = &zone.apex;
            let mut records = zone.records.clone();
            let dot = if apex.is_root() { "" } else { "." };
            let prefix = apex.to_string();
            let prefix = prefix.trim_end_matches('.');
            let ns = match prefix {
                "" => "k.root-servers.net.".to_owned(),
                prefix => format!("ns.{prefix}{dot}"),
            };
            let soa = format!(
                "{apex} {} IN SOA {ns} host.{ns} 1 3600 600 86400 300",
                zone.ttl
            );
            records.push(rr(&soa, zone.ttl));
            records.push(rr(&format!("{apex} NS {ns}"), zone.ttl));
            if !apex.is_root() {
                records.push(rr(&format!("{ns} A {}", zone.server), zone.ttl));
            }
            for child in self.zones.iter().filter(|child| self.is_child(zone, child)) {
                let ns = format!("ns.{}", child.apex);
                records.push(rr(&format!("{} NS {ns}", child.apex), 3600));
                records.push(rr(&format!("{ns} A {}", child.server), 3600));
                records.extend(child.ds());
            }
            let signed = sign_zone(&records, &zone.signers, &zone.denial, zone.validity);
            let mut signed = Signed {
                records: signed.unwrap(),
                signer: zone.signers.first().cloned().unwrap_or_else(|| key(".")),
                validity: zone.validity,
            };
            for deed in &zone.after {
                deed(&mut signed);
            }
            let all = served.entry(zone.server).or_default();
            all.push((apex.clone(), signed.records));
        }
        served
    }

    fn is_child(&self, parent: &Zone, child: &Zone) -> bool {
        let between = |zone: &&Zone| child.apex != zone.apex && child.apex.is_within(&zone.apex);
        let closest = self.zones.iter().filter(between);
        closest
            .max_by_key(|zone| zone.apex.label_count())
            .is_some_and(|closest| closest.apex == parent.apex)
    }
}

impl Signed {
    fn is(owner: &str, rtype: &str) -> (Name, RecordType) {
        (name(owner), rtype.parse().unwrap())
    }

    pub(super) fn set(&self, owner: &str, rtype: &str) -> Rrset {
        let (owner, rtype) = Self::is(owner, rtype);
        let all: Vec<Record> = self
            .records
            .iter()
            .filter(|record| record.owner == owner && record.rtype == rtype)
            .cloned()
            .collect();
        group(&all).remove(0)
    }

    /// Takes the signatures of a set away.
    pub(super) fn strip(&mut self, owner: &str, rtype: &str) {
        let (owner, rtype) = Self::is(owner, rtype);
        self.records.retain(|record| {
            record.owner != owner
                || record.rtype != RecordType::RRSIG
                || rdata::rrsig_covers(&record.rdata) != Some(rtype)
        });
    }

    /// Takes a set away, with its signatures.
    pub(super) fn remove(&mut self, owner: &str, rtype: &str) {
        self.strip(owner, rtype);
        let (owner, rtype) = Self::is(owner, rtype);
        self.records
            .retain(|record| record.owner != owner || record.rtype != rtype);
    }

    /// Signs a set anew, with fields as `lie` changes them.
    pub(super) fn resign(&mut self, owner: &str, rtype: &str, lie: impl Fn(&mut SignatureFields)) {
        let signer = self.signer.clone();
        self.strip(owner, rtype);
        self.sign_by(&signer, owner, rtype, lie);
    }

    /// One more signature, by any key.
    pub(super) fn sign_by(
        &mut self,
        signer: &Signer,
        owner: &str,
        rtype: &str,
        lie: impl Fn(&mut SignatureFields),
    ) {
        let set = self.set(owner, rtype);
        let mut fields = signer.fields(&set, self.validity);
        lie(&mut fields);
        let rrsig = signer.sign_fields(&set, &fields).unwrap();
        self.records.push(Record {
            owner: set.owner,
            rtype: RecordType::RRSIG,
            class: Class::IN,
            ttl: set.ttl,
            rdata: rrsig.into(),
        });
    }

    /// Changes a record and leaves its signature.
    pub(super) fn forge(&mut self, line: &str) {
        let new = rr(line, 3600);
        let old = self
            .records
            .iter_mut()
            .find(|old| old.owner == new.owner && old.rtype == new.rtype);
        old.unwrap().rdata = new.rdata;
    }
}

/// What happens.
enum Deed {
    Ask(Ask),
    Pass(u32),
    Later(World),
}

struct Ask {
    question: String,
    query: &'static str,
    matches: String,
    reply: String,
    answer: Vec<String>,
    authority: Vec<String>,
}

/// A scenario to be.
pub(super) struct Case {
    pub(super) file: &'static str,
    rule: &'static str,
    head: Vec<String>,
    anchors: Vec<String>,
    world: World,
    deeds: Vec<Deed>,
}

impl Case {
    /// `rule` is the first comment: what it shows, and where that is written.
    pub(super) fn new(file: &'static str, rule: &'static str, world: World) -> Self {
        Self {
            file,
            rule,
            head: Vec::new(),
            anchors: vec![anchor(&key("."))],
            world,
            deeds: Vec::new(),
        }
    }

    /// One more line of configuration.
    pub(super) fn head(mut self, line: &str) -> Self {
        self.head.push(line.to_owned());
        self
    }

    /// Other anchors than the root's.
    pub(super) fn anchors(mut self, anchors: &[String]) -> Self {
        self.anchors = anchors.to_vec();
        self
    }

    fn ask(mut self, ask: Ask) -> Self {
        self.deeds.push(Deed::Ask(ask));
        self
    }

    fn plain(
        self,
        question: &str,
        flags: &str,
        rcode: &str,
        answer: &[&str],
        authority: &[&str],
    ) -> Self {
        let reply = format!("{flags} {rcode}");
        self.exact(question, "RD AD", "all", &reply, answer, authority)
    }

    /// Answered, and authentic.
    pub(super) fn secure(self, question: &str, answer: &[&str]) -> Self {
        self.plain(question, "QR RD RA AD", "NOERROR", answer, &[])
    }

    /// Answered, but not authentic.
    pub(super) fn insecure(self, question: &str, answer: &[&str]) -> Self {
        self.plain(question, "QR RD RA", "NOERROR", answer, &[])
    }

    /// Denied with the SOA of `zone`, by `rcode`; links of a chain may stand before.
    pub(super) fn denied(
        self,
        secure: bool,
        question: &str,
        rcode: &str,
        answer: &[&str],
        zone: &str,
    ) -> Self {
        let flags = if secure { "QR RD RA AD" } else { "QR RD RA" };
        let ns = format!("ns.{zone}");
        let soa = format!("{zone} IN SOA {ns} host.{ns} 1 3600 600 86400 300");
        self.plain(question, flags, rcode, answer, &[&soa])
    }

    /// SERVFAIL, with this extended error.
    pub(super) fn bogus(self, question: &str, ede: u16) -> Self {
        self.ask(Ask {
            question: question.to_owned(),
            query: "RD DO",
            matches: format!("all ede={ede}"),
            reply: "QR RD RA DO SERVFAIL".to_owned(),
            answer: Vec::new(),
            authority: Vec::new(),
        })
    }

    /// Any query and reply; lines `=owner TYPE` are the set of the world with its signatures.
    pub(super) fn exact(
        self,
        question: &str,
        query: &'static str,
        matches: &str,
        reply: &str,
        answer: &[&str],
        authority: &[&str],
    ) -> Self {
        let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        self.ask(Ask {
            question: question.to_owned(),
            query,
            matches: matches.to_owned(),
            reply: reply.to_owned(),
            answer: own(answer),
            authority: own(authority),
        })
    }

    pub(super) fn pass(mut self, seconds: u32) -> Self {
        self.deeds.push(Deed::Pass(seconds));
        self
    }

    /// From here on the world is another.
    pub(super) fn later(mut self, world: World) -> Self {
        self.deeds.push(Deed::Later(world));
        self
    }

    /// The file, and what is wrong with it if it does not hold.
    pub(super) fn write(&self) -> (String, Option<String>) {
        let phases = Phases::of(self);
        let mut entries: Vec<Entries> = phases.all.iter().map(|_| Entries::default()).collect();
        for (phase, entries) in phases.all.iter().zip(&mut entries) {
            for (server, question) in &phase.world.foreseen {
                let (owner, rtype) = question.split_once(' ').unwrap();
                let question = Question::new(name(owner), rtype.parse().unwrap());
                phase.answer(entries, &question, server).unwrap();
            }
        }
        loop {
            let text = self.render(&phases, &entries);
            let scenario = match Scenario::read(self.file, &text) {
                Ok(scenario) => scenario,
                Err(error) => return (text, Some(error.to_string())),
            };
            let failure = match play(&scenario) {
                Outcome::Pass => return (text, None),
                Outcome::Fail(failure) => failure,
                other => return (text, Some(other.to_string())),
            };
            let step = failure.step.split(' ').nth(1);
            let step: usize = step.and_then(|step| step.parse().ok()).unwrap_or(0);
            let phase = phases
                .all
                .iter()
                .rposition(|phase| phase.from <= step)
                .unwrap_or(0);
            let asked = missing(&failure.what);
            let known: usize = entries.iter().map(|all| all.0.len()).sum();
            let (Some((question, server)), true) = (asked, known < QUESTIONS) else {
                return (
                    text,
                    Some(format!("{}\n{:#?}", failure.what, failure.asked)),
                );
            };
            if let Err(what) = phases.all[phase].answer(&mut entries[phase], &question, &server) {
                return (text, Some(what));
            }
        }
    }

    fn render(&self, phases: &Phases<'_>, entries: &[Entries]) -> String {
        let mut out = format!(
            "; {}\n; Made by `REGENERATE=1 cargo test --lib scenario::tests::signed`.\nserver:\n",
            self.rule
        );
        let mut line = |text: &str| writeln!(out, "{text}").unwrap();
        for anchor in &self.anchors {
            line(&format!("\ttrust-anchor: \"{anchor}\""));
        }
        line(&format!("\tval-override-date: \"{DATE}\""));
        for own in self.head.iter().filter(|own| !own.contains("-zone:")) {
            line(&format!("\t{own}"));
        }
        if !self.head.iter().any(|own| own.contains("name: \".\"")) {
            line(&format!("stub-zone:\n\tname: \".\"\n\tstub-addr: {ROOT}"));
        }
        for own in self.head.iter().filter(|own| own.contains("-zone:")) {
            line(own);
        }
        line("CONFIG_END\n");
        line(&format!("SCENARIO_BEGIN {}\n", self.file));
        for (phase, entries) in phases.all.iter().zip(entries) {
            let mut servers: Vec<&str> = entries
                .0
                .iter()
                .map(|(server, _)| server.as_str())
                .collect();
            servers.extend(&phase.world.silent);
            servers.sort_unstable();
            servers.dedup();
            for server in servers {
                line(&format!(
                    "RANGE_BEGIN {} {}\n\tADDRESS {server}",
                    phase.from, phase.to
                ));
                if phase.world.silent.contains(&server) {
                    line(
                        "ENTRY_BEGIN\nMATCH opcode\nADJUST do_not_answer\nREPLY QR\nSECTION QUESTION\n\t. IN NS\nENTRY_END",
                    );
                }
                for (_, text) in entries.0.iter().filter(|(at, _)| at == server) {
                    line(text.trim_end());
                }
                line("RANGE_END\n");
            }
        }
        let mut step = 0;
        let mut sets = phases.all.first().unwrap();
        for deed in &self.deeds {
            step += 10;
            match deed {
                Deed::Later(_) => {
                    sets = phases.all.iter().find(|phase| phase.from == step).unwrap();
                    line(&format!("STEP {step} NOTHING\n"));
                }
                Deed::Pass(by) => line(&format!("STEP {step} TIME_PASSES ELAPSE {by}\n")),
                Deed::Ask(ask) => {
                    line(&format!(
                        "STEP {step} QUERY\nENTRY_BEGIN\nREPLY {}",
                        ask.query
                    ));
                    let question = asked(&ask.question);
                    line(&format!("SECTION QUESTION\n\t{question}\nENTRY_END\n"));
                    line(&format!("STEP {} CHECK_ANSWER\nENTRY_BEGIN", step + 1));
                    line(&format!("MATCH {}\nREPLY {}", ask.matches, ask.reply));
                    line(&format!("SECTION QUESTION\n\t{question}"));
                    for (section, lines) in [("ANSWER", &ask.answer), ("AUTHORITY", &ask.authority)]
                    {
                        if !lines.is_empty() {
                            line(&format!("SECTION {section}"));
                        }
                        for own in lines {
                            match own.strip_prefix('=') {
                                Some(set) => sets.signed_set(set).iter().for_each(|own| line(own)),
                                None => line(&format!("\t{own}")),
                            }
                        }
                    }
                    line("ENTRY_END\n");
                }
            }
        }
        line("SCENARIO_END");
        out
    }
}

/// A trust anchor for this key.
pub(super) fn anchor(signer: &Signer) -> String {
    let ds = signer.ds(crate::dnssec::algorithm::DigestType::Sha256);
    let data = rdata_to_text(RecordType::DS, &ds);
    format!("{} 86400 IN DS {data}", signer.zone())
}

/// `owner TYPE` with its class.
fn asked(question: &str) -> String {
    let (owner, rtype) = question.split_once(' ').unwrap();
    format!("{owner} IN {rtype}")
}

/// The question and the server of a failure that lacks an entry.
fn missing(what: &str) -> Option<(Question, String)> {
    let (_, rest) = what.split_once("no entry matches the question `")?;
    let (question, rest) = rest.split_once("` asked of ")?;
    let (owner, rtype) = question.split_once(' ')?;
    let server = rest.split_whitespace().next()?;
    let question = Question::new(owner.parse().ok()?, rtype.parse().ok()?);
    Some((question, server.to_owned()))
}

/// Server and text of each entry, in the order in which they were needed.
#[derive(Default)]
struct Entries(Vec<(String, String)>);

struct Phases<'a> {
    all: Vec<Phase<'a>>,
}

struct Phase<'a> {
    from: usize,
    to: usize,
    world: &'a World,
    served: BTreeMap<&'static str, Vec<(Name, Vec<Record>)>>,
}

impl<'a> Phases<'a> {
    fn of(case: &'a Case) -> Self {
        let mut all = vec![Phase::new(0, &case.world)];
        for (index, deed) in case.deeds.iter().enumerate() {
            if let Deed::Later(world) = deed {
                let from = (index + 1) * 10;
                all.last_mut().unwrap().to = from - 1;
                all.push(Phase::new(from, world));
            }
        }
        Self { all }
    }
}

impl<'a> Phase<'a> {
    fn new(from: usize, world: &'a World) -> Self {
        let (to, served) = (1000, world.build());
        Self {
            from,
            to,
            world,
            served,
        }
    }

    /// Adds the entry of a question.
    fn answer(
        &self,
        entries: &mut Entries,
        question: &Question,
        server: &str,
    ) -> Result<(), String> {
        let zones = self.served.get(server);
        let zones =
            zones.ok_or_else(|| format!("{server} is asked {question} and serves nothing"))?;
        let mut message = answer(zones, question);
        for (_, deed) in self.world.meddle.iter().filter(|(at, _)| *at == server) {
            deed(question, &mut message);
        }
        let mut text = String::from("ENTRY_BEGIN\nMATCH opcode qtype qname\nADJUST copy_id\n");
        let mut flags = String::from("QR");
        if message.header.flags.aa() {
            flags.push_str(" AA");
        }
        let _infallible = writeln!(text, "REPLY {flags} {}", message.rcode());
        let asked = asked(&question.to_string());
        let _infallible = writeln!(text, "SECTION QUESTION\n\t{asked}");
        for (section, records) in [
            ("ANSWER", &message.answer),
            ("AUTHORITY", &message.authority),
            ("ADDITIONAL", &message.additional),
        ] {
            if !records.is_empty() {
                let _infallible = writeln!(text, "SECTION {section}");
            }
            for record in records {
                let _infallible = writeln!(text, "{}", written(record));
            }
        }
        text.push_str("ENTRY_END");
        entries.0.push((server.to_owned(), text));
        Ok(())
    }

    /// A set with its signatures.
    fn signed_set(&self, what: &str) -> Vec<String> {
        let (owner, rtype) = what.split_once(' ').unwrap();
        let (owner, rtype): (Name, RecordType) = (name(owner), rtype.parse().unwrap());
        // At a cut both zones have records: DS is the parent's, all else the child's.
        let own =
            |apex: &Name| owner.is_within(apex) && (rtype != RecordType::DS || *apex != owner);
        let zones = self.served.values().flatten();
        let zone = zones
            .filter(|(apex, _)| own(apex))
            .max_by_key(|(apex, _)| apex.label_count());
        let all = zone.into_iter().flat_map(|(_, records)| records);
        all.filter(|record| record.owner == owner)
            .filter(|record| {
                record.rtype == rtype
                    || record.rtype == RecordType::RRSIG
                        && rdata::rrsig_covers(&record.rdata) == Some(rtype)
            })
            .map(written)
            .collect()
    }
}

fn written(record: &Record) -> String {
    let data = rdata_to_text(record.rtype, &record.rdata);
    format!(
        "\t{} {} IN {} {data}",
        record.owner, record.ttl, record.rtype
    )
}
