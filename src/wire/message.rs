//! What did a server reply? A whole message, owned, with every name decompressed.

use std::collections::HashSet;

use super::header::{HEADER_LEN, u16_at, u32_at};
use super::name::MAX_POINTERS;
use super::query::{EdnsView, options_of};
use super::{Class, Header, Name, Question, Rcode, RecordType, WireError, rdata};

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The header; the counts are as the message claimed them.
    pub header: Header,
    /// The question and its class; some servers leave it out of errors.
    pub question: Option<(Question, Class)>,
    /// Answer section, in order.
    pub answer: Vec<Record>,
    /// Authority section, in order.
    pub authority: Vec<Record>,
    /// Additional section, in order, without OPT.
    pub additional: Vec<Record>,
    /// The OPT record, if there was one.
    pub edns: Option<Edns>,
}

/// One resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner name.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
    /// Seconds, 0..=2^31-1; a value with the top bit set was read as 0 (RFC 2181 section 8).
    pub ttl: u32,
    /// RDATA without compression.
    pub rdata: Box<[u8]>,
}

/// An OPT record, owned (RFC 6891 section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The payload size the sender can take.
    pub udp_size: u16,
    /// The EDNS version.
    pub version: u8,
    /// DO (RFC 3225).
    pub dnssec_ok: bool,
    /// High eight bits of the response code.
    pub extended_rcode: u8,
    /// The options as sent, checked to be well formed if the version is 0.
    pub options: Box<[u8]>,
}

impl Edns {
    /// The value of the first option with this code; nothing if the version is not 0.
    #[must_use]
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        if self.version != 0 {
            return None;
        }
        options_of(&self.options)
            .find(|(found, _)| *found == code)
            .map(|(_, value)| value)
    }
}

impl Message {
    /// Reads a whole message of up to 65,535 octets.
    ///
    /// Work is linear in its length (see [`MAX_POINTERS`]). A record of class IN whose RDATA does not have the shape of
    /// its type spoils the whole message: who wrote it cannot be trusted with the rest, and another server can be asked. Only
    /// an A or AAAA record of a wrong length is left out alone, as Unbound does, beside a good one of the same owner or in the
    /// additional section: its end is known, no name is in it, and enough is left.
    /// Octets behind the last record are left unread. A reply with TC=1 may end anywhere: look at
    /// [`Header::parse`] first.
    ///
    /// # Errors
    /// The first rule that does not hold; `NotOneQuestion` for more than one question.
    pub fn parse(octets: &[u8]) -> Result<Self, WireError> {
        let header = Header::parse(octets)?;
        if header.qdcount > 1 {
            return Err(WireError::NotOneQuestion);
        }
        let mut reader = Reader {
            octets,
            at: HEADER_LEN,
            pointers_left: MAX_POINTERS,
            edns: None,
        };
        let question = if header.qdcount == 1 {
            Some(reader.question()?)
        } else {
            None
        };
        let answer = reader.section(header.ancount, false)?;
        let authority = reader.section(header.nscount, false)?;
        let additional = reader.section(header.arcount, true)?;
        Ok(Self {
            header,
            question,
            answer,
            authority,
            additional,
            edns: reader.edns,
        })
    }

    /// The response code with the bits of EDNS.
    #[must_use]
    pub fn rcode(&self) -> Rcode {
        let high = self
            .edns
            .as_ref()
            .map_or(0, |edns| u16::from(edns.extended_rcode));
        Rcode(high << 4 | self.header.flags.rcode().0)
    }
}

/// Whether RDATA of this length cannot be the address that its type says: such a record is worth nothing and spoils nothing.
const fn is_no_address(rtype: RecordType, length: usize) -> bool {
    matches!((rtype, length), (RecordType::A, length) if length != 4)
        || matches!((rtype, length), (RecordType::AAAA, length) if length != 16)
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
    pointers_left: u32,
    edns: Option<Edns>,
}

impl Reader<'_> {
    fn question(&mut self) -> Result<(Question, Class), WireError> {
        let name = self.name()?;
        let rtype = RecordType(self.u16()?);
        let class = Class(self.u16()?);
        Ok((Question::new(name, rtype), class))
    }

    /// `count` records; OPT is taken aside where it may stand and spoils the message elsewhere.
    fn section(&mut self, count: u16, opt_allowed: bool) -> Result<Vec<Record>, WireError> {
        // The smallest record has 11 octets: a claimed count cannot make us reserve more than the octets can hold.
        let possible = self.octets.len().saturating_sub(self.at) / 11;
        let mut records = Vec::with_capacity(usize::from(count).min(possible));
        let mut left_out: HashSet<(Name, RecordType)> = HashSet::new();
        for _ in 0..count {
            let owner = self.name()?;
            let rtype = RecordType(self.u16()?);
            let class = Class(self.u16()?);
            let ttl = u32_at(self.octets, self.at)?;
            self.at += 4;
            let start = self.at + 2;
            let end = start + usize::from(self.u16()?);
            if end > self.octets.len() {
                return Err(WireError::Truncated);
            }
            self.at = end;
            if rtype == RecordType::OPT {
                if !opt_allowed || !owner.is_root() || self.edns.is_some() {
                    return Err(WireError::BadOpt);
                }
                self.edns = Some(self.opt(class, ttl, start, end)?);
                continue;
            }
            if class == Class::IN && is_no_address(rtype, end - start) {
                left_out.insert((owner, rtype));
                continue;
            }
            let rdata = if class == Class::IN {
                rdata::decompress(self.octets, start, end, rtype, &mut self.pointers_left)?
            } else {
                self.octets
                    .get(start..end)
                    .ok_or(WireError::Truncated)?
                    .into()
            };
            records.push(Record {
                owner,
                rtype,
                class,
                ttl: if ttl > i32::MAX.cast_unsigned() {
                    0
                } else {
                    ttl
                },
                rdata,
            });
        }
        if !left_out.is_empty() && !opt_allowed {
            for record in &records {
                left_out.remove(&(record.owner.clone(), record.rtype));
            }
            if !left_out.is_empty() {
                return Err(WireError::BadRdata);
            }
        }
        Ok(records)
    }

    fn opt(&self, class: Class, ttl: u32, start: usize, end: usize) -> Result<Edns, WireError> {
        let options = self.octets.get(start..end).ok_or(WireError::Truncated)?;
        let [a, b, c, d] = ttl.to_be_bytes();
        let view = EdnsView::from_parts(
            class.0,
            u16::from_be_bytes([a, b]),
            u16::from_be_bytes([c, d]),
            options,
        )?;
        Ok(Edns {
            udp_size: view.udp_size,
            version: view.version,
            dnssec_ok: view.dnssec_ok,
            extended_rcode: view.extended_rcode,
            options: options.into(),
        })
    }

    fn name(&mut self) -> Result<Name, WireError> {
        Name::parse(self.octets, &mut self.at, &mut self.pointers_left)
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        let value = u16_at(self.octets, self.at)?;
        self.at += 2;
        Ok(value)
    }
}
