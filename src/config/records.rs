//! What records does the operator give? Lines of presentation form turned into RRsets.

use std::collections::HashMap;

use hickory_proto::rr::{RData, RecordType as HickoryType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::wire::{Name, RdataSet, RecordType, Rrset};

/// TTL of a line that has none, seconds.
const DEFAULT_TTL: u32 = 3_600;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) owner: Name,
    pub(super) ttl: u32,
    pub(super) rtype: RecordType,
    pub(super) rdata: Vec<u8>,
}

/// Reads `owner [TTL] [IN] type data` (RFC 1035 section 5.1; data of any type also as RFC 3597 section 5).
pub(super) fn parse(line: &str) -> Result<Line, String> {
    if line.contains(['\n', '\r']) {
        return Err("one record stands on one line".to_owned());
    }
    if line.starts_with(['$', ' ', '\t']) {
        return Err(
            "every record begins with its owner; $ directives have no place here".to_owned(),
        );
    }
    let (owner, mut rest) = word(line).ok_or("the line is empty")?;
    let owner: Name = owner
        .parse()
        .map_err(|error| format!("`{owner}`: {error}"))?;
    let mut ttl = None;
    let mut class = false;
    let rtype = loop {
        let (next, after) = word(rest).ok_or("there is no record type")?;
        rest = after;
        if ttl.is_none() && next.starts_with(|letter: char| letter.is_ascii_digit()) {
            ttl = Some(
                next.parse::<u32>()
                    .ok()
                    .filter(|ttl| *ttl < 1 << 31)
                    .ok_or_else(|| {
                        format!("`{next}` is not a TTL; write whole seconds from 0 to 2147483647")
                    })?,
            );
        } else if !class && next.eq_ignore_ascii_case("IN") {
            class = true;
        } else if ["CH", "HS", "ANY", "NONE"]
            .iter()
            .any(|other| next.eq_ignore_ascii_case(other))
            && !class
        {
            return Err(format!("class {next} is not served, only IN"));
        } else {
            break next
                .parse::<RecordType>()
                .map_err(|_| format!("`{next}` is not a record type"))?;
        }
    };
    if rtype.is_meta() {
        return Err(format!("{rtype} is not a type of records"));
    }
    let rdata = match rest.trim_start().strip_prefix("\\#") {
        Some(generic) => unknown_rdata(generic)?,
        None => known_rdata(rtype, rest)?,
    };
    Ok(Line {
        owner,
        ttl: ttl.unwrap_or(DEFAULT_TTL),
        rtype,
        rdata,
    })
}

/// Groups lines into RRsets: lowest TTL, repeats dropped (RFC 2181 section 5), first seen first.
pub(super) fn group(lines: impl IntoIterator<Item = Line>) -> Vec<Rrset> {
    let mut sets: Vec<(Line, Vec<Vec<u8>>)> = Vec::new();
    let mut places: HashMap<(Name, RecordType), usize> = HashMap::new();
    for line in lines {
        let place = *places
            .entry((line.owner.clone(), line.rtype))
            .or_insert(sets.len());
        match sets.get_mut(place) {
            None => sets.push((line.clone(), vec![line.rdata])),
            Some((first, rdata)) => {
                first.ttl = first.ttl.min(line.ttl);
                if !rdata.contains(&line.rdata) {
                    rdata.push(line.rdata);
                }
            }
        }
    }
    sets.into_iter()
        .map(|(first, rdata)| Rrset {
            owner: first.owner,
            rtype: first.rtype,
            ttl: first.ttl,
            rdata: RdataSet::new(rdata.iter().map(Vec::as_slice)),
            rrsigs: RdataSet::default(),
        })
        .collect()
}

/// The first word of `text` and what follows it. A backslash keeps the octet behind it in the word.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let mut escaped = false;
    let end = text
        .find(|letter: char| {
            let ends = !escaped && (letter.is_whitespace() || letter == ';');
            escaped = !escaped && letter == '\\';
            ends
        })
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    (!word.is_empty()).then_some((word, rest))
}

/// RDATA in the form of its type, through hickory's reader. Its names are written out in full.
fn known_rdata(rtype: RecordType, text: &str) -> Result<Vec<u8>, String> {
    if rtype == RecordType::DNAME {
        // hickory reads no DNAME; its RDATA is one name (RFC 6672 section 2.1).
        let (target, rest) = word(text).ok_or("the DNAME record has no target")?;
        if word(rest).is_some() {
            return Err("something follows the target of the DNAME record".to_owned());
        }
        let target: Name = target
            .parse()
            .map_err(|error| format!("`{target}`: {error}"))?;
        return Ok(target.as_wire().to_vec());
    }
    let what = |reason: String| format!("the data of this {rtype} record cannot be read: {reason}");
    let data = RData::try_from_str(HickoryType::from(rtype.0), text).map_err(|error| {
        let generic = if text.trim().is_empty() {
            ""
        } else {
            " (any type can be written as \\# LENGTH HEX)"
        };
        what(format!("{error}{generic}"))
    })?;
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder)
        .map_err(|error| what(error.to_string()))?;
    if octets.len() > usize::from(u16::MAX) {
        return Err(what("it is longer than 65535 octets".to_owned()));
    }
    Ok(octets)
}

/// RDATA as `LENGTH HEX...` (RFC 3597 section 5).
fn unknown_rdata(text: &str) -> Result<Vec<u8>, String> {
    let text = text.split(';').next().unwrap_or("");
    let (length, hex) = word(text).ok_or("the length is missing behind \\#")?;
    let digits: Vec<u8> = hex
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| {
            letter
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()
        .ok_or("only hexadecimal digits follow the length")?;
    let octets: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| Some(pair.first()? << 4 | pair.last()?))
        .collect();
    if digits.len().is_multiple_of(2)
        && length.parse() == Ok(octets.len())
        && octets.len() <= usize::from(u16::MAX)
    {
        Ok(octets)
    } else {
        Err(format!(
            "the length says {length} octets and {} follow",
            digits.len() / 2
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rdata(line: &str) -> Vec<u8> {
        parse(line).unwrap().rdata
    }

    #[test]
    fn common_records_become_wire_octets() {
        let line = parse("Router.corp.example. 300 IN A 192.0.2.1").unwrap();
        assert_eq!(line.owner.to_string(), "Router.corp.example.");
        assert_eq!((line.ttl, line.rtype), (300, RecordType::A));
        assert_eq!(line.rdata, [192, 0, 2, 1]);
        assert_eq!(rdata("a. IN 60 MX 10 mx.a."), b"\x00\x0a\x02mx\x01a\x00");
        assert_eq!(rdata("a. CNAME b.example."), b"\x01b\x07example\x00");
        assert_eq!(rdata("a. DNAME b."), b"\x01b\x00");
        assert_eq!(rdata("a. TXT \"v=1; x\" two"), b"\x06v=1; x\x03two");
        assert_eq!(
            rdata("a. SRV 1 2 53 ns.a."),
            b"\x00\x01\x00\x02\x00\x35\x02ns\x01a\x00"
        );
        assert_eq!(rdata("a. AAAA 2001:db8::1")[..4], [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(rdata("a. TYPE65280 \\# 4 0A00 0001"), [10, 0, 0, 1]);
        assert_eq!(rdata("a. DS \\# 0"), b"");
        assert_eq!(
            rdata("a. PTR host.example. ; a comment"),
            b"\x04host\x07example\x00"
        );
        assert_eq!(parse("a. A 192.0.2.1").unwrap().ttl, DEFAULT_TTL);
    }

    #[test]
    fn names_repeated_in_rdata_are_written_in_full() {
        let soa = rdata("a. SOA ns.example. host.example. 1 2 3 4 5");
        assert_eq!(soa[..26], *b"\x02ns\x07example\x00\x04host\x07example\x00");
        assert_eq!(soa.len(), 26 + 20);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |line: &str| parse(line).unwrap_err();
        assert!(why("a. A 192.0.2.300").starts_with("the data of this A record cannot be read"));
        assert_eq!(why("a. 300 IN"), "there is no record type");
        assert_eq!(why("a. CH TXT x"), "class CH is not served, only IN");
        assert_eq!(why("a. ANY x"), "class ANY is not served, only IN");
        assert_eq!(why("a. AXFR x"), "AXFR is not a type of records");
        assert_eq!(why("a. WHAT x"), "`WHAT` is not a record type");
        assert_eq!(
            why("a. 4294967295 A 192.0.2.1"),
            "`4294967295` is not a TTL; write whole seconds from 0 to 2147483647"
        );
        assert_eq!(
            why("a. TYPE1 \\# 3 00"),
            "the length says 3 octets and 1 follow"
        );
        assert!(why("$INCLUDE /etc/passwd").starts_with("every record begins with its owner"));
        assert!(why("").starts_with("the line is empty"));
        assert!(why("a. A 192.0.2.1\nb. A 192.0.2.2").starts_with("one record"));
    }

    #[test]
    fn lines_of_one_owner_and_type_are_one_set() {
        let lines = [
            "a. 300 A 192.0.2.1",
            "b. A 192.0.2.9",
            "A. 60 A 192.0.2.2",
            "a. A 192.0.2.1",
        ];
        let sets = group(lines.iter().map(|line| parse(line).unwrap()));
        assert_eq!(sets.len(), 2);
        assert_eq!((sets[0].ttl, sets[0].rdata.len()), (60, 2));
        assert_eq!(sets[1].owner.to_string(), "b.");
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,60}", rtype in "[A-Z0-9]{1,6}", data in "[ -~]{0,40}") {
            let _ = parse(&line);
            let _ = parse(&format!("a. {rtype} {data}"));
            for rtype in ["A", "AAAA", "TXT", "SOA", "MX", "SRV", "NAPTR", "CAA", "SVCB", "HTTPS", "TLSA", "SSHFP", "CERT", "CSYNC", "HINFO", "OPENPGPKEY"] {
                let _ = parse(&format!("a. 5 IN {rtype} {data}"));
            }
        }
    }
}
