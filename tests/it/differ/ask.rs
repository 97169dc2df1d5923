//! What does a resolver say to one question? Sent as a stub sends it, and read down to what resolvers must agree on.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use suimon::wire::text::rdata_to_text;
use suimon::wire::{Message, Name, Question, RecordType, rdata};

use crate::lab::client;

/// The bits a client may set beside RD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flags {
    /// DO.
    pub dnssec_ok: bool,
    /// AD.
    pub authentic: bool,
    /// CD.
    pub unchecked: bool,
    /// RD.
    pub recursive: bool,
}

impl Flags {
    /// As resolvers ask servers.
    pub const fn dnssec(dnssec_ok: bool) -> Self {
        Self {
            dnssec_ok,
            authentic: false,
            unchecked: false,
            recursive: false,
        }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.dnssec_ok, "do"),
            (self.authentic, "ad"),
            (self.unchecked, "cd"),
        ];
        let words: Vec<&str> = words
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| *word)
            .collect();
        f.write_str(
            if words.is_empty() {
                "-".to_owned()
            } else {
                words.join("+")
            }
            .as_str(),
        )
    }
}

/// What resolvers must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Response code, or "silence" or "garbage".
    pub rcode: String,
    /// Whether AD is set.
    pub authentic: bool,
    /// The RRsets of the answer in the order of their first records, each a set; signatures once per set they cover.
    pub answer: Vec<String>,
    /// The extended error, for who reads the report; not compared (RFC 8914 leaves them to each).
    pub reason: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authentic = if self.authentic { " AD" } else { "" };
        let reason = if self.reason.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.reason)
        };
        let answer = self.answer.join(" | ");
        write!(f, "{}{authentic}{reason} [{answer}]", self.rcode)
    }
}

/// A query with one question and the given bits.
pub fn query(question: &Question, id: u16, flags: Flags, edns: bool) -> Vec<u8> {
    let word = u16::from(flags.recursive) << 8
        | u16::from(flags.authentic) << 5
        | u16::from(flags.unchecked) << 4;
    let mut octets = Vec::new();
    for word in [id, word, 1, 0, 0, u16::from(edns)] {
        octets.extend_from_slice(&word.to_be_bytes());
    }
    octets.extend_from_slice(question.name.as_wire());
    octets.extend_from_slice(&question.rtype.0.to_be_bytes());
    octets.extend_from_slice(&1_u16.to_be_bytes());
    if edns {
        let dnssec_ok = if flags.dnssec_ok { 0x80 } else { 0 };
        octets.extend_from_slice(&[0, 0, 41, 0x04, 0xD0, 0, 0, dnssec_ok, 0, 0, 0]);
    }
    octets
}

/// Asks, by TCP if UDP is not enough.
pub fn ask(question: &Question, flags: Flags, server: SocketAddr, patience: Duration) -> Said {
    let octets = query(question, 0x5375, flags, true);
    let source = server.ip();
    let reply = client::udp(source, server, &octets, patience).and_then(|reply| {
        if reply.get(2).is_some_and(|flags| flags & 0x02 != 0) {
            client::tcp(source, server, &octets, patience)
        } else {
            Some(reply)
        }
    });
    match reply.map(|reply| Message::parse(&reply)) {
        None => Said::nothing("silence"),
        Some(Err(_)) => Said::nothing("garbage"),
        Some(Ok(message)) => Said {
            rcode: message.rcode().to_string(),
            authentic: message.header.flags.ad(),
            answer: sets(&message),
            reason: reason(&message).unwrap_or_default(),
        },
    }
}

impl Said {
    fn nothing(word: &str) -> Self {
        Self {
            rcode: word.to_owned(),
            authentic: false,
            answer: Vec::new(),
            reason: String::new(),
        }
    }
}

/// The first extended error: number and text.
fn reason(message: &Message) -> Option<String> {
    let mut rest = &*message.edns.as_ref()?.options;
    while let [a, b, c, d, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (option, further) = behind.split_at_checked(length)?;
        if let ([0, 15], [high, low, text @ ..]) = ([*a, *b], option) {
            let code = u16::from_be_bytes([*high, *low]);
            return Some(format!("{code} {}", String::from_utf8_lossy(text)));
        }
        rest = further;
    }
    None
}

fn sets(message: &Message) -> Vec<String> {
    let mut order: Vec<(Name, RecordType, BTreeSet<String>)> = Vec::new();
    let mut signatures: BTreeSet<(Name, u16)> = BTreeSet::new();
    for record in &message.answer {
        let covered =
            rdata::rrsig_covers(&record.rdata).filter(|_| record.rtype == RecordType::RRSIG);
        if let Some(covered) = covered {
            signatures.insert((record.owner.clone(), covered.0));
            continue;
        }
        let text = rdata_to_text(record.rtype, &record.rdata).to_ascii_lowercase();
        match order
            .iter_mut()
            .find(|(owner, rtype, _)| *owner == record.owner && *rtype == record.rtype)
        {
            Some((_, _, set)) => drop(set.insert(text)),
            None => order.push((record.owner.clone(), record.rtype, BTreeSet::from([text]))),
        }
    }
    let mut told: Vec<String> = Vec::new();
    for (owner, rtype, set) in order {
        let signed = if signatures.remove(&(owner.clone(), rtype.0)) {
            " +RRSIG"
        } else {
            ""
        };
        let set: Vec<String> = set.into_iter().collect();
        let owner = owner.to_string().to_ascii_lowercase();
        told.push(format!("{owner} {rtype} {}{signed}", set.join(", ")));
    }
    // Those that stand alone: somebody asked for them.
    told.extend(signatures.into_iter().map(|(owner, covered)| {
        let owner = owner.to_string().to_ascii_lowercase();
        format!("{owner} RRSIG of {}", RecordType(covered))
    }));
    told
}
