//! How do scenario files write records? Zone-file lines under an $ORIGIN, with the mnemonics and dates people use there.

use super::text::split;
use crate::wire::encoding::unhex;
use crate::wire::text::{rdata_from_text, seconds};
use crate::wire::{Class, Name, Record, RecordType};

/// TTL of a record that has none and stands under no `$TTL`, seconds: what testbound and Deckard take.
const DEFAULT_TTL: u32 = 3600;

/// What `$ORIGIN` and `$TTL` said last.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    origin: Name,
    ttl: u32,
}

impl Default for Zone {
    fn default() -> Self {
        Self {
            origin: Name::root(),
            ttl: DEFAULT_TTL,
        }
    }
}

/// A question as a file writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name, its case kept.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
    /// The class.
    pub class: Class,
}

impl Zone {
    /// Takes in `$ORIGIN` or `$TTL`; says no to any other word.
    pub(super) fn directive(&mut self, word: &str, rest: &str) -> Result<bool, String> {
        match word {
            "$ORIGIN" => self.origin = self.name(rest)?,
            "$TTL" => self.ttl = seconds(rest).ok_or_else(|| format!("`{rest}` is not a TTL"))?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A name; one without a final dot is relative to the origin.
    pub(super) fn name(&self, text: &str) -> Result<Name, String> {
        let wrong = || format!("`{text}` is not a domain name");
        if text == "@" {
            return Ok(self.origin.clone());
        }
        let name: Name = text.parse().map_err(|_| wrong())?;
        let absolute = text.ends_with('.') && !text.ends_with("\\.");
        if absolute || self.origin.is_root() {
            return Ok(name);
        }
        let octets = [
            name.as_wire()
                .get(..name.as_wire().len() - 1)
                .unwrap_or_default(),
            self.origin.as_wire(),
        ]
        .concat();
        Name::from_wire(&octets).map_err(|_| wrong())
    }

    /// `name [ttl] [class] type`.
    pub(super) fn question(&self, text: &str) -> Result<Asked, String> {
        let (owner, rest) = split(text);
        let (_, class, rtype, rest) = self.middle(rest)?;
        if !rest.is_empty() {
            return Err(format!("`{rest}` is too much for a question"));
        }
        Ok(Asked {
            name: self.name(owner)?,
            rtype,
            class,
        })
    }

    /// `owner [ttl] [class] type data`, TTL and class in either order.
    pub(super) fn record(&self, text: &str) -> Result<Record, String> {
        let (owner, rest) = split(text);
        let owner = self.name(owner)?;
        let (ttl, class, rtype, data) = self.middle(rest)?;
        Ok(Record {
            owner,
            rtype,
            class,
            ttl,
            rdata: self.data(rtype, data)?,
        })
    }

    fn middle<'a>(&self, text: &'a str) -> Result<(u32, Class, RecordType, &'a str), String> {
        let (mut found_ttl, mut class) = (None, None);
        let mut rest = text;
        loop {
            let (word, behind) = split(rest);
            if word.is_empty() {
                return Err("the record type is missing".to_owned());
            }
            rest = behind;
            if found_ttl.is_none() && word.starts_with(|c: char| c.is_ascii_digit()) {
                found_ttl = Some(seconds(word).ok_or_else(|| format!("`{word}` is not a TTL"))?);
            } else if class.is_none() && is_class(word, rest) {
                class = word.parse().ok().or(Some(Class(255)));
            } else {
                let rtype =
                    record_type(word).ok_or_else(|| format!("`{word}` is not a record type"))?;
                return Ok((
                    found_ttl.unwrap_or(self.ttl),
                    class.unwrap_or(Class::IN),
                    rtype,
                    rest,
                ));
            }
        }
    }

    /// RDATA; what `wire::text` reads, and besides: names under the origin, dates and mnemonics of RRSIG, NSEC3.
    fn data(&self, rtype: RecordType, text: &str) -> Result<Box<[u8]>, String> {
        // Data may be left out: Deckard's scenarios hold such records on purpose.
        if text.is_empty() {
            return Ok(Box::default());
        }
        let text = text.replace(['(', ')'], " ");
        let words: Vec<&str> = text.split_whitespace().collect();
        if let ["\\#", length, digits @ ..] = words.as_slice() {
            // Whatever the type: malformed data is written like this on purpose.
            let octets = unhex(&digits.concat());
            return octets
                .filter(|octets| length.parse() == Ok(octets.len()))
                .map(Vec::into_boxed_slice)
                .ok_or_else(|| format!("`{text}` is not {length} octets of hexadecimal"));
        }
        let name_at = match rtype {
            RecordType::NS | RecordType::CNAME | RecordType::DNAME | RecordType::PTR => Some(0..1),
            RecordType::MX => Some(1..2),
            RecordType::SOA => Some(0..2),
            RecordType::SRV => Some(3..4),
            _ => None,
        };
        if matches!(rtype, RecordType::RRSIG | RecordType::SIG) {
            let fields = rrsig(&words);
            return rdata_from_text(rtype, &fields)
                .or_else(|error| damaged_rrsig(rtype, &fields).ok_or(error))
                .map_err(|error| error.to_string());
        }
        let own = match rtype {
            RecordType::DNSKEY | RecordType::CDNSKEY => with_algorithm(&words, 2),
            RecordType::DS | RecordType::CDS => with_algorithm(&words, 1),
            RecordType::SOA if words.len() > 7 => {
                // What stands behind the seven fields is read over, as testbound does.
                self.with_names(words.get(..7).unwrap_or_default(), 0..2)?
            }
            RecordType::NSEC3 => return nsec3(&words),
            RecordType::NSEC3PARAM => return nsec3_parameters(&words).map(Vec::into_boxed_slice),
            _ => match name_at {
                Some(places) => self.with_names(&words, places)?,
                None => text,
            },
        };
        rdata_from_text(rtype, &own).map_err(|error| error.to_string())
    }

    fn with_names(&self, words: &[&str], places: std::ops::Range<usize>) -> Result<String, String> {
        let mut out = Vec::with_capacity(words.len());
        for (place, word) in words.iter().enumerate() {
            out.push(if places.contains(&place) {
                self.name(word)?.to_string()
            } else {
                (*word).to_owned()
            });
        }
        Ok(out.join(" "))
    }
}

/// Whether a word names a class and no type: `ANY` is a class if a type follows.
fn is_class(word: &str, rest: &str) -> bool {
    let word = word.to_ascii_uppercase();
    matches!(word.as_str(), "IN" | "CH" | "HS" | "NONE")
        || word.starts_with("CLASS")
        || (word == "ANY" && !rest.is_empty())
}

/// A type by its mnemonic: those that suimond has a use for, and the others of the registry that somebody might ask for (IANA
/// "Resource Record (RR) TYPEs").
fn record_type(word: &str) -> Option<RecordType> {
    const OTHERS: [(&str, u16); 36] = [
        ("MD", 3),
        ("MF", 4),
        ("MB", 7),
        ("MG", 8),
        ("MR", 9),
        ("NULL", 10),
        ("WKS", 11),
        ("HINFO", 13),
        ("MINFO", 14),
        ("RP", 17),
        ("AFSDB", 18),
        ("X25", 19),
        ("ISDN", 20),
        ("RT", 21),
        ("NSAP", 22),
        ("KEY", 25),
        ("PX", 26),
        ("GPOS", 27),
        ("LOC", 29),
        ("NXT", 30),
        ("KX", 36),
        ("CERT", 37),
        ("A6", 38),
        ("APL", 42),
        ("SSHFP", 44),
        ("IPSECKEY", 45),
        ("DHCID", 49),
        ("SMIMEA", 53),
        ("HIP", 55),
        ("OPENPGPKEY", 61),
        ("SPF", 99),
        ("NID", 104),
        ("EUI48", 108),
        ("URI", 256),
        ("AVC", 258),
        ("DLV", 32769),
    ];
    let others = || {
        let mut others = OTHERS.iter();
        others.find(|(name, _)| name.eq_ignore_ascii_case(word))
    };
    word.parse()
        .ok()
        .or_else(|| others().map(|(_, number)| RecordType(*number)))
}

/// Seconds since the epoch of `YYYYMMDDHHMMSS` (RFC 4034 section 3.2), all of it modulo 2^32 as signatures count.
pub(super) fn date(text: &str) -> Option<u64> {
    if text.len() != 14 || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (field(0, 4)?, field(4, 6)?, field(6, 8)?);
    let (hour, minute, second) = (field(8, 10)?, field(10, 12)?, field(12, 14)?);
    if !(1..=12).contains(&month) || year < 1970 {
        return None;
    }
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut days: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    for before in 1..month {
        days += match before {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u64::from(leap(year)),
            _ => 31,
        };
    }
    days += day.checked_sub(1)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn rrsig(words: &[&str]) -> String {
    let dated = |word: &str| {
        date(word).map_or_else(
            || word.to_owned(),
            |seconds| (seconds & u64::from(u32::MAX)).to_string(),
        )
    };
    let own = words.iter().enumerate().map(|(place, word)| match place {
        1 => algorithm(word),
        4 | 5 => dated(word),
        _ => (*word).to_owned(),
    });
    own.collect::<Vec<_>>().join(" ")
}

/// A signature that is missing or is no base64, so that it is easily seen to be none: what can be read of it.
fn damaged_rrsig(rtype: RecordType, text: &str) -> Option<Box<[u8]>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (fields, signature) = words.split_at_checked(8)?;
    let (fields, signature) = (fields.join(" "), signature.concat());
    let sound = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let digits = signature.chars().take_while(sound).count();
    let padding = signature.chars().skip(digits).take_while(|c| *c == '=');
    let padding = padding.take((4 - digits % 4) % 4).count();
    let whole = if (digits + padding).is_multiple_of(4) {
        digits + padding
    } else {
        digits / 4 * 4
    };
    if whole > 0 {
        let text = format!("{fields} {}", signature.get(..whole)?);
        return rdata_from_text(rtype, &text).ok();
    }
    // There must be something to read; it is not kept.
    let octets = rdata_from_text(rtype, &format!("{fields} AAAA")).ok()?;
    Some(octets.iter().copied().take(octets.len() - 3).collect())
}

fn with_algorithm(words: &[&str], at: usize) -> String {
    let own = words.iter().enumerate().map(|(place, word)| {
        if place == at {
            algorithm(word)
        } else {
            (*word).to_owned()
        }
    });
    own.collect::<Vec<_>>().join(" ")
}

/// The number of an algorithm mnemonic (IANA "DNS Security Algorithm Numbers"); a number stays as it is.
fn algorithm(word: &str) -> String {
    match word.to_ascii_uppercase().as_str() {
        "RSAMD5" => "1",
        "DH" => "2",
        "DSA" => "3",
        "RSASHA1" => "5",
        "DSA-NSEC3-SHA1" => "6",
        "RSASHA1-NSEC3-SHA1" | "NSEC3RSASHA1" => "7",
        "RSASHA256" => "8",
        "RSASHA512" => "10",
        "ECC-GOST" => "12",
        "ECDSAP256SHA256" => "13",
        "ECDSAP384SHA384" => "14",
        "ED25519" => "15",
        "ED448" => "16",
        _ => return word.to_owned(),
    }
    .to_owned()
}

/// Hash algorithm, flags, iterations and salt (RFC 5155 section 4.3).
fn nsec3_parameters(words: &[&str]) -> Result<Vec<u8>, String> {
    let [algorithm, flags, iterations, salt] = words else {
        return Err("NSEC3 parameters are four words".to_owned());
    };
    let octet = |word: &str| {
        word.parse::<u8>()
            .map_err(|_| format!("`{word}` is not a number of 0..=255"))
    };
    let iterations: u16 = iterations
        .parse()
        .map_err(|_| format!("`{iterations}` is not a number of 0..=65535"))?;
    let salt = if *salt == "-" {
        Vec::new()
    } else {
        unhex(salt).ok_or_else(|| format!("`{salt}` is not hexadecimal"))?
    };
    let mut out = vec![octet(algorithm)?, octet(flags)?];
    out.extend(iterations.to_be_bytes());
    out.push(u8::try_from(salt.len()).map_err(|_| "the salt is too long".to_owned())?);
    out.extend(salt);
    Ok(out)
}

/// The same, then the next hash in base32hex and the types (RFC 5155 section 3.3).
fn nsec3(words: &[&str]) -> Result<Box<[u8]>, String> {
    let (Some(parameters), Some(next)) = (words.get(..4), words.get(4)) else {
        return Err("the data ends too early".to_owned());
    };
    let mut out = nsec3_parameters(parameters)?;
    let next = unbase32(next).ok_or_else(|| format!("`{next}` is not base32hex"))?;
    out.push(u8::try_from(next.len()).map_err(|_| "the hash is too long".to_owned())?);
    out.extend(next);
    // The bitmap as NSEC writes it, behind the root as next name.
    let types = words.get(5..).unwrap_or_default().join(" ");
    let nsec = rdata_from_text(RecordType::NSEC, &format!(". {types}"))
        .map_err(|error| error.to_string())?;
    out.extend_from_slice(nsec.get(1..).unwrap_or_default());
    Ok(out.into_boxed_slice())
}

/// Octets from base32hex without padding, either case (RFC 4648 section 7).
fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for character in text.trim_end_matches('=').chars() {
        bits = bits << 5 | character.to_digit(32)?;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xFF).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}
