//! What is an entry? One message with what of it must match, and what is changed before it is sent.

use super::records::{Asked, Zone};
use super::text::{Line, Lines, Place, ReadError, split, without_comment};
use crate::wire::encoding::unhex;
use crate::wire::{Flags, Rcode, Record, RecordType};

/// An `ENTRY_BEGIN` … `ENTRY_END`: a question to send, a reply to give, or a message to compare with.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it begins.
    pub place: Place,
    /// What must match; nothing if there is no `MATCH` line.
    pub matches: Option<Vec<Match>>,
    /// What is changed before it is sent.
    pub adjust: Adjust,
    /// Whether there is an `ADJUST` line; Deckard copies the ID where there is none.
    pub has_adjust: bool,
    /// The message, and those of `EXTRA_PACKET` behind it.
    pub packets: Vec<Template>,
    /// Deckard's `MANDATORY`: somebody must have been answered with it.
    pub mandatory: bool,
    /// What it asks for that is not supported, with its place.
    pub unsupported: Vec<(Place, String)>,
}

/// One thing that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The opcode.
    Opcode,
    /// The type asked for.
    Qtype,
    /// The name asked for, whatever its case.
    Qname,
    /// The name asked for, case included.
    Qcase,
    /// The name asked for is that of the entry or below it.
    Subdomain,
    /// The question section.
    Question,
    /// The answer section.
    Answer,
    /// The authority section.
    Authority,
    /// The additional section.
    Additional,
    /// The response code, EDNS bits included.
    Rcode,
    /// QR AA TC RD RA AD CD, all of them.
    Flags,
    /// One flag of the header, by its bit.
    Flag(u16),
    /// Header, question and all sections; with testbound's files also whether DO is there.
    All,
    /// The same without EDNS.
    AllNoEdns,
    /// TTLs count as well.
    Ttl,
    /// DO is set.
    Do,
    /// There is no OPT record.
    NoEdns,
    /// The EDNS options are those of the entry, octet by octet.
    EdnsData,
    /// EDNS version and payload size.
    Edns,
    /// The NSID option.
    Nsid,
    /// The types in the answer section, signatures left out.
    AnswerTypes,
    /// The types in the answer section, and which of them are signed.
    AnswerRrsigs,
    /// It came by datagram.
    Udp,
    /// It came by stream.
    Tcp,
    /// The SOA in the authority section (IXFR) has this serial.
    Serial(u32),
    /// There is an extended DNS error, with this code if one is given.
    Ede(Option<u16>),
    /// There is a COOKIE option with a client cookie only.
    ClientCookie,
}

/// What is changed before a message is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the format is a list of switches"
)]
pub struct Adjust {
    /// The query's ID.
    pub copy_id: bool,
    /// The query's question section.
    pub copy_query: bool,
    /// The query's ID in the first two octets of raw data.
    pub raw_id: bool,
    /// No reply at all.
    pub do_not_answer: bool,
    /// The query's EDNS options come back, the ECS scope set to the source length (RFC 7871).
    pub copy_ecs: bool,
    /// That scope plus one.
    pub increment_ecs_scope: bool,
    /// Milliseconds before the reply.
    pub sleep: u64,
}

/// A message as a file writes it.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// Flags and opcode.
    pub flags: Flags,
    /// The response code.
    pub rcode: Option<Rcode>,
    /// DO.
    pub dnssec_ok: bool,
    /// The question section.
    pub question: Vec<Asked>,
    /// Answer.
    pub answer: Vec<Record>,
    /// Authority.
    pub authority: Vec<Record>,
    /// Additional, without OPT.
    pub additional: Vec<Record>,
    /// EDNS options, if a section of them is there.
    pub edns: Option<Vec<u8>>,
    /// Octets that are sent as they are.
    pub raw: Option<Vec<u8>>,
    /// Milliseconds before this packet.
    pub sleep: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Question,
    Answer,
    Authority,
    Additional,
}

impl Template {
    /// The records of all sections.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        let behind = self.authority.iter().chain(&self.additional);
        self.answer.iter().chain(behind)
    }
}

impl Entry {
    /// The message itself.
    pub(super) fn template(&self) -> &Template {
        static EMPTY: std::sync::LazyLock<Template> = std::sync::LazyLock::new(Template::default);
        self.packets.first().unwrap_or(&EMPTY)
    }

    /// Reads from behind `ENTRY_BEGIN` to `ENTRY_END`.
    pub(super) fn read(lines: &mut Lines<'_>, zone: &mut Zone) -> Result<Self, ReadError> {
        let mut entry = Self {
            place: lines.place(),
            matches: None,
            adjust: Adjust::default(),
            has_adjust: false,
            packets: Vec::new(),
            mandatory: false,
            unsupported: Vec::new(),
        };
        let mut packet = Template::default();
        let mut section = None;
        loop {
            let Some(line) = lines.next() else {
                return Err(lines.error("the file ends inside an entry; ENTRY_END is missing"));
            };
            let (word, rest) = line.split();
            match word {
                "ENTRY_END" => break,
                "MATCH" => entry.read_match(&line, rest)?,
                "ADJUST" => entry.read_adjust(&line, rest, &mut packet)?,
                "REPLY" | "FLAGS" => packet.read_reply(&line, rest)?,
                "MANDATORY" => entry.mandatory = true,
                "TSIG" => entry.unsupported.push((line.place, "TSIG".to_owned())),
                "SECTION" => {
                    section = Some(section_of(rest).ok_or_else(|| {
                        line.error(format!("`{rest}` is no section of a message"))
                    })?);
                }
                "EXTRA_PACKET" => {
                    let flags = packet.flags;
                    entry.packets.push(std::mem::take(&mut packet));
                    packet.flags = flags;
                    section = None;
                }
                "HEX_ANSWER_BEGIN" => packet.raw = Some(hex_block(lines, "HEX_ANSWER_END")?),
                "HEX_EDNSDATA_BEGIN" => {
                    packet.edns = Some(hex_block(lines, "HEX_EDNSDATA_END")?);
                }
                "HEX_EDNS_BEGIN" => packet.edns = Some(hex_block(lines, "HEX_EDNS_END")?),
                "RAW" => packet.raw = Some(raw_line(lines)?),
                _ => {
                    if zone
                        .directive(word, rest)
                        .map_err(|what| line.error(what))?
                    {
                        continue;
                    }
                    let Some(section) = section else {
                        return Err(line.error(format!("unknown directive `{word}` in an entry")));
                    };
                    packet
                        .push(section, &line, zone)
                        .map_err(|what| line.error(what))?;
                }
            }
        }
        entry.packets.push(packet);
        Ok(entry)
    }

    fn read_match(&mut self, line: &Line<'_>, words: &str) -> Result<(), ReadError> {
        let matches = self.matches.get_or_insert_default();
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            if key == "server_cookie" {
                let what = "MATCH server_cookie".to_owned();
                self.unsupported.push((line.place.clone(), what));
                continue;
            }
            matches.push(match key {
                "opcode" => Match::Opcode,
                "qtype" => Match::Qtype,
                "qname" => Match::Qname,
                "qcase" => Match::Qcase,
                "subdomain" => Match::Subdomain,
                "question" => Match::Question,
                "answer" => Match::Answer,
                "authority" => Match::Authority,
                "additional" => Match::Additional,
                "rcode" => Match::Rcode,
                "flags" => Match::Flags,
                "all" => Match::All,
                "all_noedns" => Match::AllNoEdns,
                "ttl" => Match::Ttl,
                "do" | "DO" => Match::Do,
                "noedns" => Match::NoEdns,
                "ednsdata" => Match::EdnsData,
                "edns" => Match::Edns,
                "nsid" => Match::Nsid,
                "answertypes" => Match::AnswerTypes,
                "answerrrsigs" => Match::AnswerRrsigs,
                "UDP" => Match::Udp,
                "TCP" => Match::Tcp,
                "client_cookie" => Match::ClientCookie,
                "serial" => Match::Serial(
                    value
                        .parse()
                        .map_err(|_| line.error(format!("`{value}` is not a serial number")))?,
                ),
                "ede" if value == "any" => Match::Ede(None),
                "ede" => Match::Ede(Some(value.parse().map_err(|_| {
                    line.error(format!("`{value}` is not the code of an extended error"))
                })?)),
                _ => match flag_bit(key) {
                    Some(bit) => Match::Flag(bit),
                    None => return Err(line.error(format!("unknown MATCH `{word}`"))),
                },
            });
        }
        Ok(())
    }

    fn read_adjust(
        &mut self,
        line: &Line<'_>,
        words: &str,
        packet: &mut Template,
    ) -> Result<(), ReadError> {
        self.has_adjust = true;
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let milliseconds = || {
                value
                    .parse::<u32>()
                    .map(|seconds| u64::from(seconds) * 1000)
                    .map_err(|_| line.error(format!("`{value}` is not a number of seconds")))
            };
            match key {
                "copy_id" => self.adjust.copy_id = true,
                "copy_query" => self.adjust.copy_query = true,
                "raw_id" => self.adjust.raw_id = true,
                "do_not_answer" => self.adjust.do_not_answer = true,
                "copy_ednsdata_assume_clientsubnet" => self.adjust.copy_ecs = true,
                "increment_ecs_scope" => self.adjust.increment_ecs_scope = true,
                "sleep" => self.adjust.sleep = milliseconds()?,
                "packet_sleep" => packet.sleep = milliseconds()?,
                "server_cookie" => self
                    .unsupported
                    .push((line.place.clone(), "ADJUST server_cookie".to_owned())),
                _ => return Err(line.error(format!("unknown ADJUST `{word}`"))),
            }
        }
        Ok(())
    }
}

impl Template {
    fn read_reply(&mut self, line: &Line<'_>, words: &str) -> Result<(), ReadError> {
        for word in words.split_whitespace() {
            if word == "DO" {
                self.dnssec_ok = true;
            } else if let Some(bit) = flag_bit(word) {
                self.flags = Flags(self.flags.0 | bit);
            } else if let Some(opcode) = opcode(word) {
                self.flags = self.flags.with_opcode(opcode);
            } else if let Some(rcode) = rcode(word) {
                self.rcode = Some(rcode);
            } else {
                return Err(line.error(format!("unknown REPLY `{word}`")));
            }
        }
        Ok(())
    }

    fn push(&mut self, section: Section, line: &Line<'_>, zone: &Zone) -> Result<(), String> {
        let list = match section {
            Section::Question => {
                self.question.push(zone.question(line.text)?);
                return Ok(());
            }
            Section::Answer => &mut self.answer,
            Section::Authority => &mut self.authority,
            Section::Additional => &mut self.additional,
        };
        let record = zone.record(line.text)?;
        if record.rtype == RecordType::OPT {
            return Err("OPT is written by REPLY DO and HEX_EDNSDATA_BEGIN".to_owned());
        }
        list.push(record);
        Ok(())
    }
}

fn section_of(name: &str) -> Option<Section> {
    Some(match name {
        "QUESTION" => Section::Question,
        "ANSWER" => Section::Answer,
        "AUTHORITY" => Section::Authority,
        "ADDITIONAL" => Section::Additional,
        _ => return None,
    })
}

/// The bit of a header flag (RFC 1035 section 4.1.1, RFC 4035 section 3.2).
fn flag_bit(word: &str) -> Option<u16> {
    Some(match word {
        "QR" => 1 << 15,
        "AA" => 1 << 10,
        "TC" => 1 << 9,
        "RD" => 1 << 8,
        "RA" => 1 << 7,
        "AD" => 1 << 5,
        "CD" => 1 << 4,
        _ => return None,
    })
}

fn opcode(word: &str) -> Option<u8> {
    Some(match word {
        "QUERY" => 0,
        "IQUERY" => 1,
        "STATUS" => 2,
        "NOTIFY" => 4,
        "UPDATE" => 5,
        _ => return None,
    })
}

/// A response code by any of the names that the two projects use (IANA "DNS RCODEs").
fn rcode(word: &str) -> Option<Rcode> {
    let number = match word {
        "YXRRSET" => 7,
        "NXRRSET" => 8,
        "NOTZONE" => 10,
        "NOTIMPL" | "NOTIMP" => 4,
        "BADSIG" => 16,
        "BADKEY" => 17,
        "BADTIME" => 18,
        "BADMODE" => 19,
        "BADNAME" => 20,
        "BADALG" => 21,
        "BADTRUNC" => 22,
        _ => return word.parse().ok(),
    };
    Some(Rcode(number))
}

/// Hexadecimal up to the line `end`; blanks and comments anywhere.
fn hex_block(lines: &mut Lines<'_>, end: &str) -> Result<Vec<u8>, ReadError> {
    let mut digits = String::new();
    loop {
        let Some(line) = lines.next() else {
            return Err(lines.error(format!("the file ends where {end} is missing")));
        };
        if line.text == end {
            return unhex(&digits).ok_or_else(|| line.error("an odd number of hexadecimal digits"));
        }
        let own: String = line.text.split_whitespace().collect();
        if !own.chars().all(|character| character.is_ascii_hexdigit()) {
            return Err(line.error(format!("`{own}` is not hexadecimal")));
        }
        digits.push_str(&own);
    }
}

/// One line of hexadecimal, or `NULL` for no octets.
fn raw_line(lines: &mut Lines<'_>) -> Result<Vec<u8>, ReadError> {
    let Some(line) = lines.next() else {
        return Err(lines.error("the file ends where raw data is missing"));
    };
    let (word, _) = split(without_comment(line.text, &[';']));
    if word == "NULL" {
        return Ok(Vec::new());
    }
    unhex(word).ok_or_else(|| line.error(format!("`{word}` is not hexadecimal")))
}
