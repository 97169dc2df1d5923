//! What does a client ask? A view over the packet, read once, without an allocation.

use super::header::{HEADER_LEN, u16_at};
use super::name::MAX_NAME;
use super::{Class, Flags, Header, Name, Question, RecordType, WireError};

/// EDNS options read per message; those behind are neither read nor checked (P4: 32).
pub const MAX_OPTIONS: usize = 32;
/// Option code of COOKIE (RFC 7873 section 4).
pub const COOKIE: u16 = 10;

/// A query, borrowed from its packet.
#[derive(Clone, Copy, Debug)]
pub struct QueryView<'a> {
    /// The message ID.
    pub id: u16,
    /// Flags and opcode.
    pub flags: Flags,
    /// The whole header.
    pub header: Header,
    /// The question name: uncompressed, root label included, case as sent. Empty if there is no question.
    pub qname_wire: &'a [u8],
    /// The question type; 0 if there is no question.
    pub qtype: RecordType,
    /// The question class; 0 if there is no question.
    pub qclass: Class,
    /// Where the question section ends, counted from the start of the packet (12 if there is no question).
    pub question_end: usize,
    /// The OPT record, if there is one.
    pub edns: Option<EdnsView<'a>>,
}

/// An OPT record, borrowed from its packet (RFC 6891 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdnsView<'a> {
    /// The payload size the sender can take, as sent; below 512 means 512 (RFC 6891 section 6.2.3).
    pub udp_size: u16,
    /// The EDNS version; options are not read unless it is 0.
    pub version: u8,
    /// DO: DNSSEC records are wanted (RFC 3225).
    pub dnssec_ok: bool,
    /// High eight bits of the response code; 0 in queries.
    pub extended_rcode: u8,
    /// The options as sent.
    pub options: &'a [u8],
    /// The first COOKIE option: 8 octets, or 16 to 40 (RFC 7873 section 4).
    pub cookie: Option<&'a [u8]>,
}

impl<'a> QueryView<'a> {
    /// Reads header, question and OPT; other additional records (TSIG) are stepped over.
    ///
    /// Answer and authority records are an error: a resolver's client has none to send (Unbound refuses them alike;
    /// IXFR, which does, is not served). So are octets behind the last record and a compressed question name.
    /// A query without a question passes only with a COOKIE option (RFC 7873 section 5.4); see [`Self::is_cookie_only`].
    ///
    /// # Errors
    /// The rule that does not hold, and the header if there were octets enough for one.
    pub fn parse(packet: &'a [u8]) -> Result<Self, (WireError, Option<Header>)> {
        let header = Header::parse(packet).map_err(|error| (error, None))?;
        Self::parse_body(packet, header).map_err(|error| (error, Some(header)))
    }

    fn parse_body(packet: &'a [u8], header: Header) -> Result<Self, WireError> {
        if header.qdcount > 1 {
            return Err(WireError::NotOneQuestion);
        }
        if header.ancount != 0 || header.nscount != 0 {
            return Err(WireError::UnexpectedRecords);
        }
        let mut query = Self {
            id: header.id,
            flags: header.flags,
            header,
            qname_wire: &[],
            qtype: RecordType(0),
            qclass: Class(0),
            question_end: HEADER_LEN,
            edns: None,
        };
        if header.qdcount == 1 {
            let name_end = plain_name_end(packet, HEADER_LEN)?;
            query.qname_wire = packet
                .get(HEADER_LEN..name_end)
                .ok_or(WireError::Truncated)?;
            query.qtype = RecordType(u16_at(packet, name_end)?);
            query.qclass = Class(u16_at(packet, name_end + 2)?);
            query.question_end = name_end + 4;
        }
        let mut at = query.question_end;
        for _ in 0..header.arcount {
            at = query.additional(packet, at)?;
        }
        if at != packet.len() {
            return Err(WireError::TrailingOctets);
        }
        if header.qdcount == 0 && query.edns.is_none_or(|edns| edns.cookie.is_none()) {
            return Err(WireError::NotOneQuestion);
        }
        Ok(query)
    }

    /// Reads one additional record at `at` and says where it ends.
    fn additional(&mut self, packet: &'a [u8], at: usize) -> Result<usize, WireError> {
        let fixed = skip_name(packet, at)?;
        let rtype = RecordType(u16_at(packet, fixed)?);
        let length = usize::from(u16_at(packet, fixed + 8)?);
        let start = fixed + 10;
        let rdata = packet
            .get(start..start + length)
            .ok_or(WireError::Truncated)?;
        if rtype == RecordType::OPT {
            if self.edns.is_some() || packet.get(at) != Some(&0) {
                return Err(WireError::BadOpt);
            }
            self.edns = Some(EdnsView::from_parts(
                u16_at(packet, fixed + 2)?,
                u16_at(packet, fixed + 4)?,
                u16_at(packet, fixed + 6)?,
                rdata,
            )?);
        }
        Ok(start + length)
    }

    /// The question, owned. Root and type 0 (which no policy serves) if there is none.
    #[must_use]
    pub fn question(&self) -> Question {
        let name = Name::from_wire(self.qname_wire).unwrap_or_else(|_| Name::root());
        Question::new(name, self.qtype)
    }

    /// Whether this asks for nothing but a server cookie (RFC 7873 section 5.4).
    #[must_use]
    pub const fn is_cookie_only(&self) -> bool {
        self.header.qdcount == 0
    }

    /// Whether DNSSEC records are wanted.
    #[must_use]
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

impl<'a> EdnsView<'a> {
    /// Reads an OPT record from its CLASS, the two halves of its TTL, and its RDATA.
    pub(crate) fn from_parts(
        udp_size: u16,
        ttl_high: u16,
        ttl_low: u16,
        options: &'a [u8],
    ) -> Result<Self, WireError> {
        let [extended_rcode, version] = ttl_high.to_be_bytes();
        let mut edns = Self {
            udp_size,
            version,
            dnssec_ok: ttl_low & 0x8000 != 0,
            extended_rcode,
            options,
            cookie: None,
        };
        if version != 0 {
            return Ok(edns);
        }
        let mut rest = options;
        for _ in 0..MAX_OPTIONS {
            if rest.is_empty() {
                break;
            }
            let (code, value, behind) = split_option(rest).ok_or(WireError::BadOpt)?;
            if code == COOKIE {
                if !matches!(value.len(), 8 | 16..=40) {
                    return Err(WireError::BadOpt);
                }
                edns.cookie = edns.cookie.or(Some(value));
            }
            rest = behind;
        }
        Ok(edns)
    }

    /// The options with their codes, at most [`MAX_OPTIONS`].
    pub fn options(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        options_of(self.options)
    }
}

/// The options of an OPT record with their codes, at most [`MAX_OPTIONS`].
pub(super) fn options_of(options: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = options;
    std::iter::from_fn(move || {
        let (code, value, behind) = split_option(rest)?;
        rest = behind;
        Some((code, value))
    })
    .take(MAX_OPTIONS)
}

/// Takes one option from the front: code, value, what is behind.
fn split_option(options: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[a, b, c, d], rest) = options.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
    Some((u16::from_be_bytes([a, b]), value, rest))
}

/// Where an uncompressed name that starts at `at` ends.
pub(crate) fn plain_name_end(packet: &[u8], at: usize) -> Result<usize, WireError> {
    let mut position = at;
    loop {
        match *packet.get(position).ok_or(WireError::Truncated)? {
            0 => break,
            length @ 1..=63 => position += 1 + usize::from(length),
            0xC0.. => return Err(WireError::BadPointer),
            _ => return Err(WireError::BadLabel),
        }
        if position - at >= MAX_NAME {
            return Err(WireError::NameTooLong);
        }
    }
    Ok(position + 1)
}

/// Where a possibly compressed name that starts at `at` ends; what a pointer leads to is not looked at.
pub(crate) fn skip_name(packet: &[u8], at: usize) -> Result<usize, WireError> {
    let mut position = at;
    loop {
        match *packet.get(position).ok_or(WireError::Truncated)? {
            0 => return Ok(position + 1),
            length @ 1..=63 => position += 1 + usize::from(length),
            0xC0.. => {
                return match packet.get(position + 1) {
                    Some(_) => Ok(position + 2),
                    None => Err(WireError::Truncated),
                };
            }
            _ => return Err(WireError::BadLabel),
        }
        if position - at >= MAX_NAME {
            return Err(WireError::NameTooLong);
        }
    }
}
