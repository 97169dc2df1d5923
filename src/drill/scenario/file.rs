//! What stands in a scenario file? Its head, the ranges of scripted replies, and the steps, in order.

use std::net::IpAddr;

use super::entry::{Entry, Template};
use super::head::Head;
use super::records::Zone;
use super::text::{Line, Lines, Place, ReadError, split};
use crate::wire::{Name, RecordType};

/// A scenario as its file tells it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What stands behind `SCENARIO_BEGIN`.
    pub title: String,
    /// The configuration.
    pub head: Head,
    /// Scripted replies.
    pub ranges: Vec<Range>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// Scripted replies of some servers during some steps.
#[derive(Clone, Debug)]
pub struct Range {
    /// First step.
    pub from: u64,
    /// Last step.
    pub to: u64,
    /// The servers; empty for all of them.
    pub addresses: Vec<IpAddr>,
    /// The replies; the first that matches is given.
    pub entries: Vec<Entry>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number, which ranges count by.
    pub number: u64,
    /// Where it stands.
    pub place: Place,
    /// The client of a query or answer, the server of a question.
    pub address: Option<IpAddr>,
    /// What is done.
    pub deed: Deed,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Nothing.
    Nothing,
    /// A client asks.
    Query(Box<Entry>),
    /// A client's answer is compared.
    CheckAnswer(Box<Entry>),
    /// A question to a server is compared, and answered if the entry copies the ID.
    CheckOutQuery(Box<Entry>),
    /// A server replies to the question that was asked last; in Deckard's files to the first that matches.
    Reply(Box<Entry>),
    /// The question that was asked last gets no reply.
    Timeout,
    /// The question that was asked last meets an error of the network.
    Error,
    /// The clock moves on by some milliseconds.
    TimePasses(u64),
    /// The clock moves on by what an expression says.
    TimePassesEval(String),
    /// Whatever is under way goes on.
    Traffic,
    /// A variable gets the value of an expression.
    Assign(String, String),
    /// One name and type is forgotten.
    Flush(Name, RecordType),
    /// A documented step that cannot mean anything here.
    Unsupported(&'static str),
}

impl Deed {
    /// The word of the file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "NOTHING",
            Self::Query(_) => "QUERY",
            Self::CheckAnswer(_) => "CHECK_ANSWER",
            Self::CheckOutQuery(_) => "CHECK_OUT_QUERY",
            Self::Reply(_) => "REPLY",
            Self::Timeout => "TIMEOUT",
            Self::Error => "ERROR",
            Self::TimePasses(_) | Self::TimePassesEval(_) => "TIME_PASSES",
            Self::Traffic => "TRAFFIC",
            Self::Assign(..) => "ASSIGN",
            Self::Flush(..) => "FLUSH_MESSAGE",
            Self::Unsupported(word) => word,
        }
    }

    pub(super) const fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Query(entry)
            | Self::CheckAnswer(entry)
            | Self::CheckOutQuery(entry)
            | Self::Reply(entry) => Some(entry),
            _ => None,
        }
    }
}

impl Scenario {
    /// Reads a file's text; `name` is what its errors call it.
    ///
    /// # Errors
    /// The first directive that is unknown or malformed, with its line.
    pub fn read(name: &str, text: &str) -> Result<Self, ReadError> {
        let mut lines = Lines::new(name, text);
        let head = Head::read(&mut lines)?;
        let Some(begin) = lines.next() else {
            return Err(lines.error("SCENARIO_BEGIN is missing"));
        };
        let ("SCENARIO_BEGIN", title) = begin.split() else {
            return Err(begin.error(format!(
                "unknown directive `{}`; SCENARIO_BEGIN is due",
                begin.split().0
            )));
        };
        let mut scenario = Self {
            title: title.to_owned(),
            head,
            ranges: Vec::new(),
            steps: Vec::new(),
        };
        let mut zone = Zone::default();
        loop {
            let Some(line) = lines.next() else {
                return Err(lines.error("SCENARIO_END is missing"));
            };
            match line.split() {
                ("SCENARIO_END", _) => break,
                ("RANGE_BEGIN", rest) => {
                    let range = Range::read(&line, rest, &mut lines, &mut zone)?;
                    scenario.ranges.push(range);
                }
                ("STEP", rest) => {
                    let step = Step::read(&line, rest, &mut lines, &mut zone)?;
                    scenario.steps.push(step);
                }
                // One too many: testbound reads over it.
                ("RANGE_END" | "END_RANGE", _) => {}
                // Of the step before; testbound takes it on a line of its own.
                ("ADDRESS", rest) => match scenario.steps.last_mut() {
                    Some(step) => step.address = Some(address(&line, rest)?),
                    None => return Err(line.error("ADDRESS belongs to a step or a range")),
                },
                (word, rest) => {
                    if !zone
                        .directive(word, rest)
                        .map_err(|what| line.error(what))?
                    {
                        return Err(line.error(format!("unknown directive `{word}`")));
                    }
                }
            }
        }
        Ok(scenario)
    }

    /// What the file asks for that is not supported, whichever runner plays it; the first is enough to know.
    #[must_use]
    pub fn unsupported(&self) -> Option<(Place, String)> {
        let entries = self
            .ranges
            .iter()
            .flat_map(|range| &range.entries)
            .chain(self.steps.iter().filter_map(|step| step.deed.entry()));
        let steps = self.steps.iter().filter_map(|step| match step.deed {
            Deed::Unsupported(word) => Some((step.place.clone(), format!("STEP {word}"))),
            _ => None,
        });
        let keys = entries.clone().flat_map(|entry| {
            let records = entry.packets.iter().flat_map(Template::records);
            let keys = records.filter(|record| record.rtype == RecordType::DNSKEY);
            keys.filter_map(|key| self.head.dnssec.unusable_key(&entry.place, &key.rdata))
        });
        let entries = entries.flat_map(|entry| entry.unsupported.iter().cloned());
        self.head
            .unsupported
            .iter()
            .cloned()
            .chain(steps)
            .chain(entries)
            .chain(keys)
            .next()
    }
}

impl Range {
    fn read(
        begin: &Line<'_>,
        rest: &str,
        lines: &mut Lines<'_>,
        zone: &mut Zone,
    ) -> Result<Self, ReadError> {
        let mut words = rest.split_whitespace();
        let mut number = || {
            let word = words.next().unwrap_or_default();
            word.parse::<u64>().map_err(|_| {
                begin.error(format!("RANGE_BEGIN: `{word}` is not the number of a step"))
            })
        };
        let mut range = Self {
            from: number()?,
            to: number()?,
            addresses: Vec::new(),
            entries: Vec::new(),
        };
        for word in words {
            range.addresses.push(address(begin, word)?);
        }
        if range.from > range.to {
            return Err(begin.error("RANGE_BEGIN: the last step lies before the first"));
        }
        loop {
            let Some(line) = lines.next() else {
                return Err(lines.error("the file ends inside a range; RANGE_END is missing"));
            };
            match line.split() {
                ("RANGE_END" | "END_RANGE", _) => return Ok(range),
                ("ADDRESS", rest) => {
                    for word in rest.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
                        range.addresses.push(address(&line, word)?);
                    }
                }
                ("ENTRY_BEGIN", _) => range.entries.push(Entry::read(lines, zone)?),
                (word, rest) => {
                    if !zone
                        .directive(word, rest)
                        .map_err(|what| line.error(what))?
                    {
                        return Err(line.error(format!("unknown directive `{word}` in a range")));
                    }
                }
            }
        }
    }
}

impl Step {
    fn read(
        line: &Line<'_>,
        rest: &str,
        lines: &mut Lines<'_>,
        zone: &mut Zone,
    ) -> Result<Self, ReadError> {
        let (number, rest) = split(rest);
        let number = number
            .parse()
            .map_err(|_| line.error(format!("STEP: `{number}` is not the number of a step")))?;
        let (word, rest) = split(rest);
        let mut step = Self {
            number,
            place: line.place.clone(),
            address: None,
            deed: Deed::Nothing,
        };
        let mut arguments = rest;
        if let ("ADDRESS", at) = split(rest) {
            let (own, behind) = split(at);
            step.address = Some(address(line, own)?);
            arguments = behind;
        }
        step.deed = match word {
            "NOTHING" => Deed::Nothing,
            "TIMEOUT" => Deed::Timeout,
            "ERROR" => Deed::Error,
            "TRAFFIC" => Deed::Traffic,
            "TIME_PASSES" => time_passes(line, arguments)?,
            "ASSIGN" => {
                let (name, value) = arguments
                    .split_once('=')
                    .unwrap_or_else(|| split(arguments));
                if name.trim().is_empty() {
                    return Err(line.error("ASSIGN: the name of a variable is missing"));
                }
                Deed::Assign(name.trim().to_owned(), value.trim().to_owned())
            }
            "FLUSH_MESSAGE" | "EXPIRE_MESSAGE" => {
                let asked = zone
                    .question(arguments)
                    .map_err(|what| line.error(format!("{word}: {what}")))?;
                Deed::Flush(asked.name, asked.rtype)
            }
            "INFRA_RTT" => Deed::Unsupported("INFRA_RTT"),
            "CHECK_AUTOTRUST" => {
                skip_block(lines, "FILE_BEGIN", "FILE_END")?;
                Deed::Unsupported("CHECK_AUTOTRUST")
            }
            "CHECK_TEMPFILE" => {
                skip_block(lines, "FILE_BEGIN", "FILE_END")?;
                Deed::Unsupported("CHECK_TEMPFILE")
            }
            "QUERY" | "CHECK_ANSWER" | "ANSWER" | "CHECK_OUT_QUERY" | "REPLY" | "MOCK" => {
                let entry = Box::new(step.read_entry(word, lines, zone)?);
                match word {
                    "QUERY" => Deed::Query(entry),
                    "CHECK_ANSWER" | "ANSWER" => Deed::CheckAnswer(entry),
                    "CHECK_OUT_QUERY" => Deed::CheckOutQuery(entry),
                    _ => Deed::Reply(entry),
                }
            }
            _ => return Err(line.error(format!("unknown step `{word}`"))),
        };
        Ok(step)
    }

    /// The entry that follows the step's line, an ADDRESS before it allowed.
    fn read_entry(
        &mut self,
        word: &str,
        lines: &mut Lines<'_>,
        zone: &mut Zone,
    ) -> Result<Entry, ReadError> {
        loop {
            let Some(line) = lines.next() else {
                return Err(lines.error(format!("{word}: the file ends where its entry is due")));
            };
            match line.split() {
                ("ENTRY_BEGIN", _) => return Entry::read(lines, zone),
                ("ADDRESS", rest) => self.address = Some(address(&line, rest)?),
                (other, rest) => {
                    if !zone
                        .directive(other, rest)
                        .map_err(|what| line.error(what))?
                    {
                        return Err(line.error(format!(
                            "unknown directive `{other}`; ENTRY_BEGIN is due for {word}"
                        )));
                    }
                }
            }
        }
    }
}

fn time_passes(line: &Line<'_>, arguments: &str) -> Result<Deed, ReadError> {
    match split(arguments) {
        ("ELAPSE", rest) => {
            let milliseconds = milliseconds(rest)
                .ok_or_else(|| line.error(format!("`{rest}` is not a number of seconds")))?;
            Ok(Deed::TimePasses(milliseconds))
        }
        ("EVAL", rest) => Ok(Deed::TimePassesEval(rest.to_owned())),
        (word, _) => Err(line.error(format!("unknown TIME_PASSES `{word}`"))),
    }
}

/// Seconds with a fraction, as milliseconds; nothing for what is negative or beyond 136 years.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (whole, part) = text
        .trim()
        .split_once('.')
        .unwrap_or_else(|| (text.trim(), ""));
    let whole: u32 = whole.parse().ok()?;
    if !part.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    Some(u64::from(whole) * 1000 + digits.parse::<u64>().ok()?)
}

fn address(line: &Line<'_>, text: &str) -> Result<IpAddr, ReadError> {
    let (word, _) = split(text);
    // A port stands behind an @; all servers here listen at 53.
    let word = word.split('@').next().unwrap_or(word);
    word.parse()
        .map_err(|_| line.error(format!("`{word}` is not an address")))
}

/// Passes over a block whose first line may stand anywhere below; comments are text in it.
fn skip_block(lines: &mut Lines<'_>, begin: &str, end: &str) -> Result<(), ReadError> {
    let mut inside = false;
    while let Some(text) = lines.raw() {
        let word = text.trim();
        if inside && word == end {
            return Ok(());
        }
        inside |= word == begin;
    }
    Err(lines.error(format!("the file ends where {end} is missing")))
}
