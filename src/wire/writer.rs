//! How is a message written? Into a reused buffer, names compressed within a fixed effort, never past a limit.

use smallvec::SmallVec;

use super::header::HEADER_LEN;
use super::query::plain_name_end;
use super::rdata::{self, Field};
use super::{Class, Flags, Header, Question, Rcode, RecordType, Rrset, WireError};

/// Name suffixes remembered as targets of compression.
pub const MAX_TARGETS: usize = 64;
/// Names per message for which targets are searched; later ones are written out (CVE-2024-8508: Unbound's number).
pub const MAX_SEARCHES: u32 = 120;
/// Octets of an OPT record without options.
pub const OPT_LEN: usize = 11;

/// The sections behind the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Answer.
    Answer,
    /// Authority.
    Authority,
    /// Additional.
    Additional,
}

/// An OPT record to be written (RFC 6891 section 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opt<'a> {
    /// The payload size we take.
    pub udp_size: u16,
    /// The response code; its high eight bits go here, its low four into the header.
    pub rcode: u16,
    /// DO (RFC 3225).
    pub dnssec_ok: bool,
    /// Encoded options; see [`push_option`].
    pub options: &'a [u8],
}

/// Writes one message behind whatever `out` already holds (nothing, or the length prefix of a stream).
///
/// Sections are written in order. What does not fit in the limit is taken back whole, so that the message stays
/// readable; the caller decides whether that means TC.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
    counts: [u16; 4],
    targets: SmallVec<[Target; MAX_TARGETS]>,
    searches_left: u32,
    ttl_offsets: SmallVec<[u16; 8]>,
    min_ttl: u32,
}

/// A name suffix in the message: where it stands, and how long it is in wire form.
#[derive(Clone, Copy, Debug)]
struct Target {
    at: u16,
    length: u8,
}

/// What a cache of ready-made messages must know about one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Where the TTL fields stand, from the start of the message (OPT left out).
    pub ttl_offsets: SmallVec<[u16; 8]>,
    /// The lowest TTL written; `u32::MAX` if there was none.
    pub min_ttl: u32,
    /// Octets of the message.
    pub len: usize,
}

impl<'a> Writer<'a> {
    /// Begins a message of at most `limit` octets (65,535 at the highest), with an empty header.
    pub fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        Self {
            out,
            start,
            limit: limit.min(usize::from(u16::MAX)),
            counts: [0; 4],
            targets: SmallVec::new(),
            searches_left: MAX_SEARCHES,
            ttl_offsets: SmallVec::new(),
            min_ttl: u32::MAX,
        }
    }

    /// Octets written so far, header included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Never: the header is there from the start.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Octets left within the limit.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.len())
    }

    /// Changes the limit, to keep room for an OPT record back and to give it free again.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(usize::from(u16::MAX));
    }

    /// Writes a question from an uncompressed wire name. Says whether it fitted.
    pub fn question_wire(&mut self, qname: &[u8], qtype: RecordType, qclass: Class) -> bool {
        self.attempt(0, 1, |writer| {
            writer.name(qname, true);
            writer.u16(qtype.0);
            writer.u16(qclass.0);
        })
    }

    /// Writes a question of class IN. Says whether it fitted.
    pub fn question(&mut self, question: &Question) -> bool {
        self.question_wire(question.name.as_wire(), question.rtype, Class::IN)
    }

    /// Writes all records of `rrset` with this TTL, and its signatures behind them if asked. All or nothing: says
    /// whether it fitted.
    pub fn rrset(&mut self, section: Section, rrset: &Rrset, ttl: u32, signatures: bool) -> bool {
        let own = rrset.rdata.iter().map(|rdata| (rrset.rtype, rdata));
        let signatures = rrset
            .rrsigs
            .iter()
            .filter(|_| signatures)
            .map(|rdata| (RecordType::RRSIG, rdata));
        self.records(section, rrset.owner.as_wire(), ttl, own.chain(signatures))
    }

    /// Writes records of one owner (uncompressed wire form) of class IN. All or nothing: says whether they fitted.
    pub fn records<'r>(
        &mut self,
        section: Section,
        owner: &[u8],
        ttl: u32,
        records: impl Iterator<Item = (RecordType, &'r [u8])>,
    ) -> bool {
        let slot = match section {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        };
        let before = self.mark();
        let mut owner_at: Option<u16> = None;
        for (rtype, rdata) in records {
            let fitted = self.attempt(slot, 1, |writer| {
                let here = writer.len();
                match owner_at {
                    Some(at) => writer.u16(0xC000 | at),
                    None => writer.name(owner, true),
                }
                if owner_at.is_none() && owner.len() > 2 {
                    // A pure pointer is followed to where the name really stands: no pointer to a pointer.
                    owner_at = writer.pointer_at(here).or_else(|| pointable(here));
                }
                writer.u16(rtype.0);
                writer.u16(Class::IN.0);
                if let Ok(offset) = u16::try_from(writer.len()) {
                    writer.ttl_offsets.push(offset);
                }
                writer.out.extend_from_slice(&ttl.to_be_bytes());
                writer.rdata(rtype, rdata);
            });
            if !fitted {
                self.roll_back(&before);
                return false;
            }
        }
        if self.len() > before.len - self.start {
            self.min_ttl = self.min_ttl.min(ttl);
        }
        true
    }

    /// Writes an OPT record. Says whether it fitted.
    pub fn opt(&mut self, opt: &Opt<'_>) -> bool {
        self.attempt(3, 1, |writer| write_opt(writer.out, opt))
    }

    /// Ends the message: the header gets its ID, its flags and the counts of what was written.
    pub fn finish(self, id: u16, flags: Flags) -> Written {
        let [qdcount, ancount, nscount, arcount] = self.counts;
        let header = Header {
            id,
            flags,
            qdcount,
            ancount,
            nscount,
            arcount,
        };
        if let Some(place) = self.out.get_mut(self.start..self.start + HEADER_LEN) {
            place.copy_from_slice(&header.to_wire());
        }
        Written {
            len: self.len(),
            ttl_offsets: self.ttl_offsets,
            min_ttl: self.min_ttl,
        }
    }

    /// Does `write`; takes it back if that went over the limit or the count over 65,535.
    fn attempt(&mut self, slot: usize, count: u16, write: impl FnOnce(&mut Self)) -> bool {
        let before = self.mark();
        write(self);
        let counted = self
            .counts
            .get(slot)
            .and_then(|so_far| so_far.checked_add(count));
        match (counted, self.counts.get_mut(slot)) {
            (Some(counted), Some(place)) if self.out.len() - self.start <= self.limit => {
                *place = counted;
                true
            }
            _ => {
                self.roll_back(&before);
                false
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            len: self.out.len(),
            counts: self.counts,
            targets: self.targets.len(),
            ttl_offsets: self.ttl_offsets.len(),
        }
    }

    fn roll_back(&mut self, mark: &Mark) {
        self.out.truncate(mark.len);
        self.counts = mark.counts;
        self.targets.truncate(mark.targets);
        self.ttl_offsets.truncate(mark.ttl_offsets);
    }

    fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Where the pointer that stands at `at` leads to; nothing if no pointer stands there.
    fn pointer_at(&self, at: usize) -> Option<u16> {
        let pair = self.out.get(self.start + at..)?.first_chunk::<2>()?;
        let value = u16::from_be_bytes(*pair);
        (value >= 0xC000).then_some(value & 0x3FFF)
    }

    /// RDATA with its length; names of RFC 1035 types compressed (RFC 3597 section 4).
    fn rdata(&mut self, rtype: RecordType, rdata: &[u8]) {
        let length_at = self.out.len();
        self.u16(0);
        if !self.compressed_rdata(rtype, rdata) {
            self.out.truncate(length_at + 2);
            self.out.extend_from_slice(rdata);
        }
        let length = self.out.len() - length_at - 2;
        if let Some(place) = self.out.get_mut(length_at..length_at + 2) {
            // RDATA fits in 16 bits: an RdataSet holds no longer one, and compression only shortens.
            place.copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }

    /// Writes RDATA field by field. Says no, with rubbish left behind, if there is nothing to compress or the shape is wrong.
    fn compressed_rdata(&mut self, rtype: RecordType, rdata: &[u8]) -> bool {
        let fields = rdata::layout(rtype);
        if !fields.contains(&Field::Name) {
            return false;
        }
        let targets = self.targets.len();
        let mut at = 0;
        for field in fields {
            let end = match *field {
                Field::Octets(count) => at + count,
                _ => plain_name_end(rdata, at).unwrap_or(usize::MAX),
            };
            let Some(octets) = rdata.get(at..end) else {
                self.targets.truncate(targets);
                return false;
            };
            match field {
                Field::Name => self.name(octets, true),
                _ => self.out.extend_from_slice(octets),
            }
            at = end;
        }
        at == rdata.len()
    }

    /// Writes a name; as much of its end as stands in the message already becomes a pointer.
    fn name(&mut self, name: &[u8], compress: bool) {
        let mut rest = name;
        let mut fresh: SmallVec<[Target; 16]> = SmallVec::new();
        let search = compress && rest.len() > 1 && self.may_search(name);
        while rest.len() > 1 {
            if search && let Some(at) = self.find(rest) {
                self.u16(0xC000 | at);
                self.remember(&fresh);
                return;
            }
            let label = usize::from(rest.first().copied().unwrap_or(0)) + 1;
            let Some((label, behind)) = rest.split_at_checked(label) else {
                break;
            };
            if let (Some(at), Ok(length)) = (pointable(self.len()), u8::try_from(rest.len())) {
                fresh.push(Target { at, length });
            }
            self.out.extend_from_slice(label);
            rest = behind;
        }
        self.out.push(0);
        if compress {
            self.remember(&fresh);
        }
    }

    fn remember(&mut self, fresh: &[Target]) {
        let room = MAX_TARGETS - self.targets.len().min(MAX_TARGETS);
        self.targets.extend(fresh.iter().take(room).copied());
    }

    /// Whether the effort for one more name is left; a name equal to the question is free.
    fn may_search(&mut self, name: &[u8]) -> bool {
        let is_question = self.targets.first().is_some_and(|target| {
            usize::from(target.length) == name.len() && self.stands(target.at, name)
        });
        if !is_question {
            let Some(left) = self.searches_left.checked_sub(1) else {
                return false;
            };
            self.searches_left = left;
        }
        true
    }

    fn find(&self, suffix: &[u8]) -> Option<u16> {
        self.targets
            .iter()
            .find(|target| {
                usize::from(target.length) == suffix.len() && self.stands(target.at, suffix)
            })
            .map(|target| target.at)
    }

    /// Whether the name at `at` in the message equals `name` but for case. Targets are starts of labels that we wrote, and
    /// a pointer of ours leads to a label: each turn compares one or ends.
    fn stands(&self, at: u16, name: &[u8]) -> bool {
        let Some(message) = self.out.get(self.start..) else {
            return false;
        };
        let mut at = usize::from(at);
        let mut rest = name;
        loop {
            let Some(&length) = message.get(at) else {
                return false;
            };
            if length >= 0xC0 {
                let Some(&low) = message.get(at + 1) else {
                    return false;
                };
                at = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                continue;
            }
            let size = usize::from(length) + 1;
            let (Some(written), Some((label, behind))) =
                (message.get(at..at + size), rest.split_at_checked(size))
            else {
                return false;
            };
            if !written.eq_ignore_ascii_case(label) {
                return false;
            }
            if length == 0 {
                return behind.is_empty();
            }
            rest = behind;
            at += size;
        }
    }
}

/// State to return to when something does not fit.
struct Mark {
    len: usize,
    counts: [u16; 4],
    targets: usize,
    ttl_offsets: usize,
}

/// An offset that a compression pointer can hold.
fn pointable(at: usize) -> Option<u16> {
    u16::try_from(at).ok().filter(|at| *at <= 0x3FFF)
}

/// Appends an OPT record.
pub fn write_opt(out: &mut Vec<u8>, opt: &Opt<'_>) {
    let length = u16::try_from(opt.options.len()).unwrap_or(0);
    let [type_high, type_low] = RecordType::OPT.0.to_be_bytes();
    let [size_high, size_low] = opt.udp_size.to_be_bytes();
    let extended = u8::try_from(opt.rcode >> 4).unwrap_or(0);
    let flags = u8::from(opt.dnssec_ok) << 7;
    let [high, low] = length.to_be_bytes();
    let fixed: [u8; OPT_LEN] = [
        0, type_high, type_low, size_high, size_low, extended, 0, flags, 0, high, low,
    ];
    out.extend_from_slice(&fixed);
    if length > 0 {
        out.extend_from_slice(opt.options);
    }
}

/// Appends one EDNS option; one over 65,535 octets is left out.
pub fn push_option(options: &mut impl Extend<u8>, code: u16, value: &[u8]) {
    if let Ok(length) = u16::try_from(value.len()) {
        options.extend(code.to_be_bytes());
        options.extend(length.to_be_bytes());
        options.extend(value.iter().copied());
    }
}

/// Appends a whole query of class IN to `out`. RD and CD come from `flags`; QR and the rest stay clear.
pub fn write_query(
    out: &mut Vec<u8>,
    id: u16,
    flags: Flags,
    question: &Question,
    opt: Option<&Opt<'_>>,
) {
    let mut writer = Writer::new(out, usize::from(u16::MAX));
    writer.question(question);
    if let Some(opt) = opt {
        writer.opt(&Opt {
            rcode: Rcode::NOERROR.0,
            ..*opt
        });
    }
    let sent = Flags::default()
        .with_rd(flags.rd())
        .with_cd(flags.cd())
        .with_ad(flags.ad());
    writer.finish(id, sent);
}

/// Octets of a question section with this name.
///
/// # Errors
/// Any error of an uncompressed name at the front of `qname`.
pub fn question_len(qname: &[u8]) -> Result<usize, WireError> {
    plain_name_end(qname, 0).map(|end| end + 4)
}
