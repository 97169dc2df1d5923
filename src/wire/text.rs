//! How do people write records? RDATA and record lines in presentation form, both ways.
//!
//! Types with a table below are read and written here, every octet kept; the service-binding types go by way of
//! hickory-proto; the rest, and whatever does not fit its type, is written in the generic form of RFC 3597 section 5,
//! which is read for every type.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::encoding::{base64, hex, moment, unbase64, unhex};
use super::header::{u16_at, u32_at};
use super::tokens::{Token, quoted, tokens};
use super::{Class, Name, Record, RecordType, Rrset, rdata};

mod by_hickory;

pub use super::encoding::seconds;

/// Why text could not be read as a record; a sentence without the name of the file or key it stands in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(String);

/// One field of RDATA as text.
#[derive(Clone, Copy, Debug)]
enum Show {
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// A domain name.
    Name,
    /// Numbers of 1, 2, 4 octets.
    Number(usize),
    /// Seconds since 1970 as a number, read as a date too (RFC 4034 section 3.2).
    Time,
    /// A type mnemonic.
    Type,
    /// A length octet and a string, in quotes.
    Text,
    /// The same without quotes (CAA tags).
    Word,
    /// Strings up to the end, at least one.
    Texts,
    /// One string without a length up to the end, in quotes (CAA values).
    Bare,
    /// Octets up to the end.
    Hex,
    /// Octets up to the end.
    Base64,
    /// Type bitmaps up to the end (RFC 4034 section 4.1.2).
    Types,
}

const fn fields(rtype: RecordType) -> Option<&'static [Show]> {
    use Show::{Bare, Base64, Hex, Name, Number, Text, Texts, Time, Type, Types, V4, V6, Word};
    Some(match rtype {
        RecordType::A => &[V4],
        RecordType::AAAA => &[V6],
        RecordType::NS
        | RecordType::CNAME
        | RecordType::DNAME
        | RecordType::PTR
        | RecordType::MB
        | RecordType::MD
        | RecordType::MF
        | RecordType::MG
        | RecordType::MR => &[Name],
        RecordType::SOA => &[
            Name,
            Name,
            Number(4),
            Number(4),
            Number(4),
            Number(4),
            Number(4),
        ],
        RecordType::MX | RecordType::AFSDB | RecordType::RT | RecordType::KX => &[Number(2), Name],
        RecordType::MINFO | RecordType::RP => &[Name, Name],
        RecordType::SRV => &[Number(2), Number(2), Number(2), Name],
        RecordType::NAPTR => &[Number(2), Number(2), Text, Text, Text, Name],
        RecordType::HINFO => &[Text, Text],
        RecordType::TXT | RecordType::SPF | RecordType::RESINFO => &[Texts],
        RecordType::CAA => &[Number(1), Word, Bare],
        RecordType::DS | RecordType::CDS => &[Number(2), Number(1), Number(1), Hex],
        RecordType::DNSKEY | RecordType::CDNSKEY => &[Number(2), Number(1), Number(1), Base64],
        RecordType::RRSIG => &[
            Type,
            Number(1),
            Number(1),
            Number(4),
            Time,
            Time,
            Number(2),
            Name,
            Base64,
        ],
        RecordType::NSEC => &[Name, Types],
        RecordType::TLSA => &[Number(1), Number(1), Number(1), Hex],
        RecordType::SSHFP => &[Number(1), Number(1), Hex],
        RecordType::ZONEMD => &[Number(4), Number(1), Number(1), Hex],
        _ => return None,
    })
}

/// RDATA as people write it. Never fails: what does not fit its type, or could be written in more ways than one (a type bitmap
/// with empty octets), comes in the generic form, so that every octet can be read back.
#[must_use]
pub fn rdata_to_text(rtype: RecordType, rdata: &[u8]) -> String {
    let exact =
        |text: &String| rdata_from_text(rtype, text).is_ok_and(|read| read.as_ref() == rdata);
    let own = fields(rtype).and_then(|fields| show(fields, rdata));
    own.filter(exact)
        .or_else(|| by_hickory::show(rtype, rdata))
        .unwrap_or_else(|| generic(rdata))
}

/// RDATA from what people write; names are absolute whether or not they end in a dot.
///
/// # Errors
/// A sentence that says which field is wrong.
pub fn rdata_from_text(rtype: RecordType, text: &str) -> Result<Box<[u8]>, TextError> {
    let tokens = tokens(text).map_err(|why| TextError(why.into()))?;
    let rdata = if tokens.first().is_some_and(Token::is_generic) {
        read_generic(&tokens)?
    } else if let Some(fields) = fields(rtype) {
        read(fields, &tokens)?
    } else {
        by_hickory::read(rtype, text)?
    };
    rdata::check(rtype, &rdata)
        .map_err(|error| TextError(format!("not the data of a {rtype} record: {error}")))?;
    Ok(rdata.into_boxed_slice())
}

/// One record of class IN as `owner [ttl] [IN] type data`, TTL and class in either order; `default_ttl` for one without.
///
/// # Errors
/// A sentence that says what is wrong or missing.
pub fn record_from_text(line: &str, default_ttl: u32) -> Result<Record, TextError> {
    let (owner, mut rest) = next_word(line);
    if owner.is_empty() {
        return Err(TextError("a record begins with its owner name".into()));
    }
    let owner: Name = owner
        .parse()
        .map_err(|_| TextError(format!("`{owner}` is not a domain name")))?;
    let mut ttl = None;
    let mut class = None;
    loop {
        let (word, behind) = next_word(rest);
        if word.is_empty() {
            return Err(TextError("the record type is missing".into()));
        }
        rest = behind;
        if ttl.is_none() && word.starts_with(|first: char| first.is_ascii_digit()) {
            ttl = Some(
                capped_seconds(word).ok_or_else(|| TextError(format!("`{word}` is not a TTL")))?,
            );
        } else if class.is_none() && word.eq_ignore_ascii_case("IN") {
            class = Some(Class::IN);
        } else if ["CH", "HS"]
            .iter()
            .any(|other| word.eq_ignore_ascii_case(other))
        {
            return Err(TextError(format!("class {word} is not served, only IN")));
        } else {
            let rtype: RecordType = word
                .parse()
                .map_err(|_| TextError(format!("`{word}` is not a record type")))?;
            if rtype.is_meta() {
                return Err(TextError(format!("{rtype} cannot be the type of a record")));
            }
            return Ok(Record {
                owner,
                rtype,
                class: Class::IN,
                ttl: ttl.unwrap_or(default_ttl),
                rdata: rdata_from_text(rtype, rest)?,
            });
        }
    }
}

/// The records of a set, one line each with this TTL, signatures behind.
#[must_use]
pub fn rrset_to_lines(rrset: &Rrset, ttl: u32) -> Vec<String> {
    let line = |rtype: RecordType, rdata: &[u8]| {
        format!(
            "{} {ttl} IN {rtype} {}",
            rrset.owner,
            rdata_to_text(rtype, rdata)
        )
    };
    let own = rrset.rdata.iter().map(|rdata| line(rrset.rtype, rdata));
    let signatures = rrset
        .rrsigs
        .iter()
        .map(|rdata| line(RecordType::RRSIG, rdata));
    own.chain(signatures).collect()
}

/// The first word and what is behind it. A backslash keeps the character behind it in the word; `;` begins a comment.
fn next_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let mut escaped = false;
    let end = text.find(|character: char| {
        let ends = !escaped && (character.is_whitespace() || character == ';');
        escaped = !escaped && character == '\\';
        ends
    });
    end.and_then(|end| text.split_at_checked(end))
        .unwrap_or((text, ""))
}

/// [`seconds`], at most 2^31-1 (RFC 2181 section 8).
fn capped_seconds(text: &str) -> Option<u32> {
    seconds(text).filter(|total| *total <= i32::MAX.cast_unsigned())
}

fn show(fields: &[Show], rdata: &[u8]) -> Option<String> {
    let mut words: Vec<String> = Vec::with_capacity(fields.len());
    let mut at = 0;
    for field in fields {
        let rest = rdata.get(at..)?;
        at += match *field {
            Show::V4 => {
                let address = rdata::a(rest)?;
                words.push(address.to_string());
                4
            }
            Show::V6 => {
                let address = rdata::aaaa(rest)?;
                words.push(address.to_string());
                16
            }
            Show::Name => {
                let length = super::query::plain_name_end(rest, 0).ok()?;
                words.push(Name::from_wire(rest.get(..length)?).ok()?.to_string());
                length
            }
            Show::Number(width) => {
                words.push(number(rest, width)?.to_string());
                width
            }
            Show::Time => {
                words.push(number(rest, 4)?.to_string());
                4
            }
            Show::Type => {
                words.push(RecordType(u16_at(rest, 0).ok()?).to_string());
                2
            }
            Show::Text | Show::Word => {
                let (length, behind) = rest.split_first()?;
                let string = behind.get(..usize::from(*length))?;
                let text = quoted(string);
                if matches!(field, Show::Word) {
                    if !string.iter().all(u8::is_ascii_alphanumeric) || string.is_empty() {
                        return None;
                    }
                    words.push(text.trim_matches('"').to_owned());
                } else {
                    words.push(text);
                }
                string.len() + 1
            }
            Show::Texts => {
                let mut behind = rest;
                while let Some((length, text)) = behind.split_first() {
                    let (string, further) = text.split_at_checked(usize::from(*length))?;
                    words.push(quoted(string));
                    behind = further;
                }
                if rest.is_empty() {
                    return None;
                }
                rest.len()
            }
            Show::Bare => {
                words.push(quoted(rest));
                rest.len()
            }
            Show::Hex | Show::Base64 => {
                if rest.is_empty() {
                    return None;
                }
                words.push(if matches!(field, Show::Hex) {
                    hex(rest)
                } else {
                    base64(rest)
                });
                rest.len()
            }
            Show::Types => {
                words.extend(bitmap(rest)?);
                rest.len()
            }
        };
    }
    (at == rdata.len()).then(|| words.join(" "))
}

fn number(octets: &[u8], width: usize) -> Option<u32> {
    match width {
        1 => octets.first().map(|octet| u32::from(*octet)),
        2 => u16_at(octets, 0).ok().map(u32::from),
        _ => u32_at(octets, 0).ok(),
    }
}

fn bitmap(mut octets: &[u8]) -> Option<Vec<String>> {
    let mut types = Vec::new();
    while let Some((&[window, length], behind)) = octets.split_first_chunk::<2>() {
        let (bits, further) = behind.split_at_checked(usize::from(length))?;
        for (place, octet) in (0_u16..).zip(bits) {
            for bit in 0..8 {
                if octet & (0x80 >> bit) != 0 {
                    let rtype = u16::from(window) << 8 | (place * 8 + bit);
                    types.push(RecordType(rtype).to_string());
                }
            }
        }
        octets = further;
    }
    octets.is_empty().then_some(types)
}

fn read(fields: &[Show], tokens: &[Token]) -> Result<Vec<u8>, TextError> {
    let mut out = Vec::new();
    let mut words = tokens.iter();
    for field in fields {
        let mut word = || {
            words
                .next()
                .ok_or_else(|| TextError("the data ends too early".into()))
        };
        match *field {
            Show::V4 => out.extend(parsed::<Ipv4Addr>(word()?, "an IPv4 address")?.octets()),
            Show::V6 => out.extend(parsed::<Ipv6Addr>(word()?, "an IPv6 address")?.octets()),
            Show::Name => {
                out.extend_from_slice(parsed::<Name>(word()?, "a domain name")?.as_wire())
            }
            Show::Number(1) => out.push(parsed(word()?, "a number of 0..=255")?),
            Show::Number(2) => {
                out.extend(parsed::<u16>(word()?, "a number of 0..=65535")?.to_be_bytes())
            }
            Show::Number(_) => {
                let word = word()?;
                let value = capped_seconds(&word.raw)
                    .or_else(|| word.raw.parse().ok())
                    .ok_or_else(|| TextError(format!("`{}` is not a number", word.raw)))?;
                out.extend(value.to_be_bytes());
            }
            Show::Time => {
                let word = word()?;
                let at = word.raw.parse().ok().or_else(|| moment(&word.raw));
                let at = at.ok_or_else(|| TextError(format!("`{}` is no time", word.raw)))?;
                out.extend(u32::to_be_bytes(at));
            }
            Show::Type => {
                out.extend(
                    parsed::<RecordType>(word()?, "a record type")?
                        .0
                        .to_be_bytes(),
                );
            }
            Show::Text | Show::Word => push_string(&mut out, word()?)?,
            Show::Texts => {
                push_string(&mut out, word()?)?;
                for word in words.by_ref() {
                    push_string(&mut out, word)?;
                }
            }
            Show::Bare => out.extend_from_slice(&word()?.octets),
            Show::Hex | Show::Base64 => {
                let joined: String = words.by_ref().map(|word| word.raw.as_str()).collect();
                let octets = if matches!(field, Show::Hex) {
                    unhex(&joined)
                } else {
                    unbase64(&joined)
                };
                out.extend(octets.filter(|octets| !octets.is_empty()).ok_or_else(|| {
                    TextError(format!(
                        "`{joined}` is not hexadecimal or base64 as it should be"
                    ))
                })?);
            }
            Show::Types => {
                let mut types = Vec::new();
                for word in words.by_ref() {
                    types.push(parsed::<RecordType>(word, "a record type")?);
                }
                push_bitmap(&mut out, types);
            }
        }
    }
    match words.next() {
        None => Ok(out),
        Some(extra) => Err(TextError(format!("`{}` is one too many", extra.raw))),
    }
}

fn parsed<T: std::str::FromStr>(token: &Token, what: &str) -> Result<T, TextError> {
    token
        .raw
        .parse()
        .map_err(|_| TextError(format!("`{}` is not {what}", token.raw)))
}

fn push_string(out: &mut Vec<u8>, token: &Token) -> Result<(), TextError> {
    let length = u8::try_from(token.octets.len())
        .map_err(|_| TextError("a string is longer than 255 octets".into()))?;
    out.push(length);
    out.extend_from_slice(&token.octets);
    Ok(())
}

fn push_bitmap(out: &mut Vec<u8>, mut types: Vec<RecordType>) {
    types.sort_unstable();
    for window in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
        let mut bits: Vec<u8> = Vec::new();
        for rtype in window {
            let [_, low] = rtype.0.to_be_bytes();
            let place = usize::from(low / 8);
            bits.resize(bits.len().max(place + 1), 0);
            if let Some(octet) = bits.get_mut(place) {
                *octet |= 0x80 >> (low % 8);
            }
        }
        if let (Some(first), Ok(length)) = (window.first(), u8::try_from(bits.len())) {
            out.extend([first.0.to_be_bytes()[0], length]);
            out.extend(bits);
        }
    }
}

/// `\# length hex` (RFC 3597 section 5).
fn generic(rdata: &[u8]) -> String {
    format!("\\# {} {}", rdata.len(), hex(rdata))
        .trim_end()
        .to_owned()
}

fn read_generic(tokens: &[Token]) -> Result<Vec<u8>, TextError> {
    let mut words = tokens.iter().skip(1);
    let length: u16 = match words.next() {
        Some(word) => parsed(word, "a length")?,
        None => return Err(TextError("`\\#` is followed by a length".into())),
    };
    let joined: String = words.map(|word| word.raw.as_str()).collect();
    unhex(&joined)
        .filter(|octets| octets.len() == usize::from(length))
        .ok_or_else(|| {
            TextError(format!(
                "`\\# {length}` is followed by {length} octets in hexadecimal"
            ))
        })
}
