//! Does a message match an entry? Compared part by part, RRsets as sets, and told apart so that a person sees what differs.

use std::fmt;

use super::entry::{Entry, Match, Template};
use super::head::Flavour;
use crate::wire::text::rdata_to_text;
use crate::wire::{Flags, Message, Name, Rcode, Record, RecordType, encoding};

/// Option codes (IANA "DNS EDNS0 Option Codes").
const NSID: u16 = 3;
const COOKIE: u16 = 10;
const EDE: u16 = 15;

/// The header flags that are compared.
const FLAGS: [(&str, u16); 7] = [
    ("QR", 1 << 15),
    ("AA", 1 << 10),
    ("TC", 1 << 9),
    ("RD", 1 << 8),
    ("RA", 1 << 7),
    ("AD", 1 << 5),
    ("CD", 1 << 4),
];

/// One part of a message that is not what the entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The part: `answer`, `rcode` …
    pub part: &'static str,
    /// What the entry says, one item a line.
    pub expected: Vec<String>,
    /// What the message says.
    pub got: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} differs", self.part)?;
        let mut list = |head: &str, items: &[String]| match items {
            [] => write!(f, "\n    {head} nothing"),
            items => items
                .iter()
                .try_for_each(|item| write!(f, "\n    {head} {item}")),
        };
        list("expected", &self.expected)?;
        list("got     ", &self.got)
    }
}

/// A message, and how it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came<'a> {
    pub(super) message: &'a Message,
    pub(super) tcp: bool,
}

/// All parts in which a message differs from what the entry asks for; nothing if it matches.
pub(super) fn differences(entry: &Entry, flavour: Flavour, came: Came<'_>) -> Vec<Difference> {
    const DECKARDS: [Match; 3] = [Match::Opcode, Match::Qtype, Match::Qname];
    let matches = match (&entry.matches, flavour) {
        (Some(matches), _) => matches.as_slice(),
        (None, Flavour::Deckard) => &DECKARDS,
        (None, Flavour::Testbound) => &[],
    };
    let comparison = Comparison {
        expected: entry.template(),
        came,
        ttls: matches.contains(&Match::Ttl),
        flavour,
    };
    let mut found = Vec::new();
    for one in matches {
        comparison.compare(*one, &mut found);
    }
    found.dedup();
    found
}

/// Whether it matches.
pub(super) fn matches(entry: &Entry, flavour: Flavour, came: Came<'_>) -> bool {
    differences(entry, flavour, came).is_empty()
}

struct Comparison<'a> {
    expected: &'a Template,
    came: Came<'a>,
    ttls: bool,
    flavour: Flavour,
}

impl Comparison<'_> {
    fn compare(&self, part: Match, out: &mut Vec<Difference>) {
        let (expected, got) = (self.expected, self.came.message);
        let flags = got.header.flags;
        let mut text = |part: &'static str, expected: String, got: String| {
            if expected != got {
                out.push(Difference {
                    part,
                    expected: vec![expected],
                    got: vec![got],
                });
            }
        };
        match part {
            Match::Opcode => text(
                "opcode",
                expected.flags.opcode().to_string(),
                flags.opcode().to_string(),
            ),
            Match::Qtype => text("qtype", self.asked_type(), self.got_type()),
            Match::Qname => text(
                "qname",
                self.asked_name().to_ascii_lowercase(),
                self.got_name().to_ascii_lowercase(),
            ),
            Match::Qcase => text("qcase", self.asked_name(), self.got_name()),
            Match::Subdomain => {
                let above = expected.question.first().map(|asked| &asked.name);
                let root = Name::root();
                let below = got
                    .question
                    .as_ref()
                    .map_or(&root, |(asked, _)| &asked.name);
                if above.is_some_and(|above| !below.is_within(above)) {
                    text("subdomain", self.asked_name(), below.to_string());
                }
            }
            Match::Rcode => text(
                "rcode",
                expected.rcode.unwrap_or(Rcode::NOERROR).to_string(),
                got.rcode().to_string(),
            ),
            Match::Flags => text("flags", shown(expected.flags), shown(flags)),
            Match::Flag(bit) => text(
                "flags",
                shown(Flags(expected.flags.0 & bit)),
                shown(Flags(flags.0 & bit)),
            ),
            Match::Question => self.question(out),
            Match::Answer => self.section("answer", &expected.answer, &got.answer, out),
            Match::Authority => self.section("authority", &expected.authority, &got.authority, out),
            Match::Additional => {
                self.section("additional", &expected.additional, &got.additional, out);
            }
            Match::All | Match::AllNoEdns => {
                for one in [
                    Match::Opcode,
                    Match::Flags,
                    Match::Rcode,
                    Match::Question,
                    Match::Answer,
                    Match::Authority,
                    Match::Additional,
                ] {
                    self.compare(one, out);
                }
                if part == Match::All && self.flavour == Flavour::Testbound {
                    self.dnssec_ok(out);
                }
            }
            Match::Ttl => {}
            Match::Do => text("DO", "set".to_owned(), set(self.got_dnssec_ok())),
            Match::NoEdns => text("EDNS", "no OPT record".to_owned(), self.opt()),
            Match::EdnsData => text(
                "EDNS data",
                hex(expected.edns.as_deref().unwrap_or_default()),
                hex(self.options()),
            ),
            Match::Edns => text("EDNS", "an OPT record of version 0".to_owned(), self.opt()),
            Match::Nsid => text(
                "NSID",
                shown_option(expected.edns.as_deref().unwrap_or_default(), NSID),
                shown_option(self.options(), NSID),
            ),
            Match::AnswerTypes | Match::AnswerRrsigs => {
                let signatures = part == Match::AnswerRrsigs;
                text(
                    "types in the answer",
                    types(&expected.answer, signatures),
                    types(&got.answer, signatures),
                );
            }
            Match::Udp => text("transport", "UDP".to_owned(), self.transport()),
            Match::Tcp => text("transport", "TCP".to_owned(), self.transport()),
            Match::Serial(serial) => text("serial", serial.to_string(), self.serial()),
            Match::Ede(code) => self.extended_error(code, out),
            Match::ClientCookie => {
                let cookie = option(self.options(), COOKIE).map_or(0, <[u8]>::len);
                text("cookie", "8 octets".to_owned(), format!("{cookie} octets"));
            }
        }
    }

    fn asked_type(&self) -> String {
        let asked = self.expected.question.first();
        // An empty question matches what comes.
        asked.map_or_else(|| self.got_type(), |asked| asked.rtype.to_string())
    }

    fn got_type(&self) -> String {
        let asked = self.came.message.question.as_ref();
        asked.map_or_else(String::new, |(asked, _)| asked.rtype.to_string())
    }

    fn asked_name(&self) -> String {
        let asked = self.expected.question.first();
        asked.map_or_else(|| self.got_name(), |asked| asked.name.to_string())
    }

    fn got_name(&self) -> String {
        let asked = self.came.message.question.as_ref();
        asked.map_or_else(String::new, |(asked, _)| asked.name.to_string())
    }

    fn question(&self, out: &mut Vec<Difference>) {
        let line = |name: &Name, class: String, rtype: RecordType| {
            format!("{name} {class} {rtype}").to_ascii_lowercase()
        };
        let expected: Vec<String> = self
            .expected
            .question
            .iter()
            .map(|asked| line(&asked.name, asked.class.to_string(), asked.rtype))
            .collect();
        let got: Vec<String> = self
            .came
            .message
            .question
            .iter()
            .map(|(asked, class)| line(&asked.name, class.to_string(), asked.rtype))
            .collect();
        if expected != got {
            out.push(Difference {
                part: "question",
                expected,
                got,
            });
        }
    }

    fn section(
        &self,
        part: &'static str,
        expected: &[Record],
        got: &[Record],
        out: &mut Vec<Difference>,
    ) {
        let keys = |records: &[Record]| {
            let mut keys: Vec<_> = records.iter().map(|record| self.key(record)).collect();
            keys.sort();
            keys
        };
        let (left, right) = (keys(expected), keys(got));
        if left != right {
            out.push(Difference {
                part,
                expected: expected.iter().map(|record| self.line(record)).collect(),
                got: got.iter().map(|record| self.line(record)).collect(),
            });
        }
    }

    /// What makes a record itself: names count without regard to case, TTLs if asked.
    fn key(&self, record: &Record) -> (Vec<u8>, u16, u16, u32, Vec<u8>) {
        // Length octets are below 'A' and so no letters; both sides are folded alike.
        let rdata = match record.rtype {
            RecordType::NS
            | RecordType::CNAME
            | RecordType::DNAME
            | RecordType::PTR
            | RecordType::SOA
            | RecordType::MX
            | RecordType::SRV
            | RecordType::RRSIG
            | RecordType::NSEC => record.rdata.to_ascii_lowercase(),
            _ => record.rdata.to_vec(),
        };
        (
            record.owner.to_lower_wire().to_vec(),
            record.rtype.0,
            record.class.0,
            if self.ttls { record.ttl } else { 0 },
            rdata,
        )
    }

    fn line(&self, record: &Record) -> String {
        let data = rdata_to_text(record.rtype, &record.rdata);
        let (owner, class, rtype) = (&record.owner, record.class, record.rtype);
        if self.ttls {
            format!("{owner} {} {class} {rtype} {data}", record.ttl)
        } else {
            format!("{owner} {class} {rtype} {data}")
        }
    }

    fn dnssec_ok(&self, out: &mut Vec<Difference>) {
        let (expected, got) = (self.expected.dnssec_ok, self.got_dnssec_ok());
        if expected != got {
            out.push(Difference {
                part: "DO",
                expected: vec![set(expected)],
                got: vec![set(got)],
            });
        }
    }

    fn got_dnssec_ok(&self) -> bool {
        let edns = self.came.message.edns.as_ref();
        edns.is_some_and(|edns| edns.dnssec_ok)
    }

    fn opt(&self) -> String {
        match &self.came.message.edns {
            None => "no OPT record".to_owned(),
            Some(edns) => format!("an OPT record of version {}", edns.version),
        }
    }

    fn options(&self) -> &[u8] {
        let edns = self.came.message.edns.as_ref();
        edns.map_or(&[], |edns| &edns.options)
    }

    fn transport(&self) -> String {
        if self.came.tcp { "TCP" } else { "UDP" }.to_owned()
    }

    fn serial(&self) -> String {
        let soa = self
            .came
            .message
            .authority
            .iter()
            .find(|record| record.rtype == RecordType::SOA);
        soa.and_then(|soa| crate::wire::rdata::soa_serial(&soa.rdata))
            .map_or_else(|| "no SOA".to_owned(), |serial| serial.to_string())
    }

    fn extended_error(&self, code: Option<u16>, out: &mut Vec<Difference>) {
        let value = option(self.options(), EDE);
        let got = value
            .and_then(|value| value.first_chunk::<2>())
            .map(|code| u16::from_be_bytes(*code));
        if got.is_none() || code.is_some() && code != got {
            out.push(Difference {
                part: "extended error",
                expected: vec![code.map_or_else(|| "any".to_owned(), |code| code.to_string())],
                got: got.iter().map(ToString::to_string).collect(),
            });
        }
    }
}

fn set(on: bool) -> String {
    if on { "set" } else { "clear" }.to_owned()
}

fn shown(flags: Flags) -> String {
    let names: Vec<&str> = FLAGS
        .iter()
        .filter(|(_, bit)| flags.0 & bit != 0)
        .map(|(name, _)| *name)
        .collect();
    names.join(" ")
}

/// The types of a section, each once.
fn types(records: &[Record], signatures: bool) -> String {
    let mut names: Vec<String> = records
        .iter()
        .filter_map(|record| match (record.rtype, signatures) {
            (RecordType::RRSIG, false) => None,
            (RecordType::RRSIG, true) => {
                let covered = record.rdata.first_chunk::<2>()?;
                let covered = RecordType(u16::from_be_bytes(*covered));
                Some(format!("RRSIG({covered})"))
            }
            (rtype, _) => Some(rtype.to_string()),
        })
        .collect();
    names.sort();
    names.dedup();
    names.join(" ")
}

/// The value of the first option with this code.
fn option(options: &[u8], code: u16) -> Option<&[u8]> {
    let mut rest = options;
    while let Some((&[a, b, c, d], behind)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([c, d]));
        let (value, further) = behind.split_at_checked(length)?;
        if u16::from_be_bytes([a, b]) == code {
            return Some(value);
        }
        rest = further;
    }
    None
}

fn shown_option(options: &[u8], code: u16) -> String {
    option(options, code).map_or_else(|| "none".to_owned(), hex)
}

fn hex(octets: &[u8]) -> String {
    encoding::hex(octets).to_ascii_lowercase()
}
