//! What is believed without proof? Trust anchors read from a file of DS and DNSKEY records, or the root's built in.

use std::fmt;

use crate::wire::text::record_from_text;
use crate::wire::{Name, RdataSet, Record, RecordType, Rrset};

/// The anchors of the root: KSK-2017 (20326) and KSK-2024 (38696), as in IANA's root-anchors.xml and
/// Debian's dns-root-data 2024071801; compared with that by a test.
const BUILT_IN: &str = "
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// Flags of a DNSKEY (RFC 4034 section 2.1.1, RFC 5011 section 2.1).
const ZONE_KEY: u16 = 0x0100;
const REVOKED: u16 = 0x0080;

/// What is wrong with a file of anchors, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAnchor {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for BadAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

/// The root's DS records that come with the program.
#[must_use]
pub fn built_in() -> Vec<Rrset> {
    parse(BUILT_IN, "built in").unwrap_or_default()
}

/// Reads DS and DNSKEY records in the form of RFC 1035 section 5, one a line or in parentheses, for any zones; one set for each
/// zone and type comes out, in the order of the file.
///
/// What `dig`, `dnssec-dsfromkey`, `ldns-key2ds` and dns-root-data write can be read, and what Unbound keeps for
/// `auto-trust-anchor-file`: a key that its `state=` says is not trusted (yet, or any more) is left out, as is a
/// revoked one. TTLs do not matter; `$TTL` and `$ORIGIN .` may stand there.
///
/// # Errors
/// Every bad line, or that there is no anchor at all.
pub fn parse(text: &str, file: &str) -> Result<Vec<Rrset>, Vec<BadAnchor>> {
    let mut sets = Sets::default();
    let mut problems = Vec::new();
    for entry in entries(text) {
        match read(&entry) {
            Ok(Some(record)) => sets.add(record),
            Ok(None) => {}
            Err(why) => problems.push(BadAnchor {
                file: file.to_owned(),
                line: entry.line,
                why,
            }),
        }
    }
    if problems.is_empty() && sets.0.is_empty() {
        problems.push(BadAnchor {
            file: file.to_owned(),
            line: 1,
            why: "there is no DS or DNSKEY record that can be trusted".to_owned(),
        });
    }
    if problems.is_empty() {
        Ok(sets.finish())
    } else {
        Err(problems)
    }
}

/// Whether a set of DS or DNSKEY records has one by which answers can be validated: of an algorithm, and if it is a DS with a
/// digest, that `dnssec` believes (RFC 9904; with `sha1` those by SHA-1, too); held equal with what it does by a test there.
#[must_use]
pub fn is_usable(set: &Rrset, sha1: bool) -> bool {
    let believes =
        |algorithm: u8| matches!(algorithm, 8 | 10 | 13..=16) || sha1 && matches!(algorithm, 5 | 7);
    set.rdata.iter().any(|rdata| match (set.rtype, rdata) {
        (RecordType::DS, [_, _, algorithm, digest, ..]) => {
            believes(*algorithm) && (matches!(digest, 2 | 4) || sha1 && *digest == 1)
        }
        (RecordType::DNSKEY, [_, _, _, algorithm, ..]) => believes(*algorithm),
        _ => false,
    })
}

/// One record: a line, or several joined by parentheses, without comments.
struct Entry {
    line: usize,
    text: String,
    open: bool,
    /// What Unbound says of the key: `;;state=2`.
    state: Option<u8>,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (line, whole) in (1..).zip(text.lines()) {
        let (data, comment) = whole.split_once(';').unwrap_or((whole, ""));
        let open = match entries.last_mut() {
            Some(entry) if entry.open => entry,
            _ if data.trim().is_empty() => continue,
            _ => {
                entries.push(Entry {
                    line,
                    text: String::new(),
                    open: false,
                    state: None,
                });
                match entries.last_mut() {
                    Some(entry) => entry,
                    None => continue,
                }
            }
        };
        for letter in data.chars() {
            match letter {
                '(' => open.open = true,
                ')' => open.open = false,
                _ => open.text.push(letter),
            }
        }
        open.text.push(' ');
        open.state = open.state.or_else(|| {
            let digit = comment.split_once("state=")?.1.chars().next()?;
            u8::try_from(digit.to_digit(10)?).ok()
        });
    }
    entries
}

fn read(entry: &Entry) -> Result<Option<Record>, String> {
    if entry.open {
        return Err("a parenthesis is opened and never closed".to_owned());
    }
    let mut words = entry.text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("$TTL"), Some(_), None) | (Some("$ORIGIN"), Some("."), None) => return Ok(None),
        (Some(first), ..) if first.starts_with('$') => {
            return Err(format!("`{first}` has no place among trust anchors"));
        }
        _ => {}
    }
    if entry.text.starts_with(char::is_whitespace) {
        return Err("every record begins with the name of its zone".to_owned());
    }
    let record = record_from_text(&entry.text, 0).map_err(|error| error.to_string())?;
    match record.rtype {
        RecordType::DS => check_ds(&record.rdata)?,
        RecordType::DNSKEY => {
            if !check_dnskey(&record.rdata)? {
                return Ok(None);
            }
        }
        other => {
            return Err(format!(
                "a trust anchor is a DS or DNSKEY record, not {other}"
            ));
        }
    }
    // Unbound's states (RFC 5011 section 4.2): 0 start, 1 add pending, 2 valid, 3 missing, 4 revoked, 5 removed.
    Ok(matches!(entry.state, None | Some(2 | 3)).then_some(record))
}

fn check_ds(rdata: &[u8]) -> Result<(), String> {
    let [_, _, _, kind, digest @ ..] = rdata else {
        return Err("the DS record is too short".to_owned());
    };
    let wanted = match kind {
        1 => 20,
        2 | 3 => 32,
        4 => 48,
        _ => digest.len().max(1),
    };
    if digest.len() == wanted {
        Ok(())
    } else {
        Err(format!(
            "a digest of type {kind} has {wanted} octets, not {}",
            digest.len()
        ))
    }
}

/// Whether the key is one to trust: a revoked one is left out, one that can sign no zone is a mistake.
fn check_dnskey(rdata: &[u8]) -> Result<bool, String> {
    let [f0, f1, protocol, _, _, ..] = rdata else {
        return Err("the DNSKEY record has no key".to_owned());
    };
    let flags = u16::from_be_bytes([*f0, *f1]);
    if flags & ZONE_KEY == 0 {
        return Err(format!(
            "flags {flags} are not those of a zone key (257 or 256)"
        ));
    }
    if *protocol != 3 {
        return Err(format!("the protocol of a DNSKEY is 3, not {protocol}"));
    }
    Ok(flags & REVOKED == 0)
}

/// Owner and type of a set.
type SetKey = (Name, RecordType);

/// Sets in the making: their RDATA.
#[derive(Default)]
struct Sets(Vec<(SetKey, Vec<Box<[u8]>>)>);

impl Sets {
    fn add(&mut self, record: Record) {
        let key = (record.owner, record.rtype);
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rdata)) if rdata.contains(&record.rdata) => {}
            Some((_, rdata)) => rdata.push(record.rdata),
            None => self.0.push((key, vec![record.rdata])),
        }
    }

    fn finish(self) -> Vec<Rrset> {
        let set = |((owner, rtype), rdata): (SetKey, Vec<Box<[u8]>>)| Rrset {
            owner,
            rtype,
            ttl: 0,
            rdata: RdataSet::new(rdata.iter().map(AsRef::as_ref)),
            rrsigs: RdataSet::default(),
        };
        self.0.into_iter().map(set).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";

    fn whys(text: &str) -> Vec<String> {
        let problems = parse(text, "anchors").unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }

    fn shown(text: &str) -> Vec<String> {
        let sets = parse(text, "anchors").unwrap();
        let show = |set: &Rrset| format!("{} {} {}", set.owner, set.rtype, set.rdata.len());
        sets.iter().map(show).collect()
    }

    #[test]
    fn the_built_in_anchors_are_the_two_keys_of_the_root() {
        let sets = built_in();
        assert_eq!(sets.len(), 1);
        assert!(sets[0].owner.is_root());
        let tags: Vec<u16> = sets[0]
            .rdata
            .iter()
            .map(|rdata| u16::from_be_bytes([rdata[0], rdata[1]]))
            .collect();
        assert_eq!(tags, [20326, 38696]);
    }

    #[test]
    fn the_built_in_anchors_equal_those_debian_ships() {
        // Where dns-root-data is not installed there is nothing to compare with.
        let Ok(ds) = std::fs::read_to_string("/usr/share/dns/root.ds") else {
            return;
        };
        assert_eq!(parse(&ds, "root.ds").unwrap(), built_in());
        let keys = std::fs::read_to_string("/usr/share/dns/root.key").unwrap();
        assert_eq!(shown(&keys), [". DNSKEY 2"]);
    }

    #[test]
    fn several_zones_several_lines_and_parentheses_are_read() {
        let text = format!(
            "; comment\n$TTL 1d\n\nexample. 3600 IN DNSKEY {KEY} ; keytag 1\n\
             . IN DS 20326 8 2 ( E06D44B80B8F1D39A95C0B0D7C65D084 ; half\n  58E880409BBC683457104237C7F8EC8D )\n\
             Example. DS 1 13 2 {0}\nexample. IN DS 1 13 2 {0}\n. DS 2 8 2 {0}\n",
            "00".repeat(32)
        );
        assert_eq!(
            shown(&text),
            ["example. DNSKEY 1", ". DS 2", "Example. DS 1"]
        );
    }

    #[test]
    fn keys_that_are_not_trusted_yet_or_any_more_are_left_out() {
        let line = |state: u8| {
            format!(". 1 IN DNSKEY {KEY} ;{{id = 1 (ksk)}} ;;state={state} [ X ] ;;count=0\n")
        };
        for (state, trusted) in [
            (0, false),
            (1, false),
            (2, true),
            (3, true),
            (4, false),
            (5, false),
        ] {
            assert_eq!(parse(&line(state), "f").is_ok(), trusted, "{state}");
        }
        let revoked = format!(". DNSKEY {}", KEY.replace("257", "385"));
        assert_eq!(
            whys(&revoked),
            ["anchors:1: there is no DS or DNSKEY record that can be trusted"]
        );
    }

    #[test]
    fn every_bad_line_is_named_with_its_file() {
        let text = format!(
            ". IN NS a.\n\n. IN DS 1 8 2 ABCD\n. DNSKEY {}\n$INCLUDE /etc/passwd\n . DS 1 8 2 00\n. DNSKEY 257 4 8 AwEAAQ==\n. DNSKEY \\# 4 01010308\n. DS 1 8 2 ( 00\n",
            KEY.replace("257", "1")
        );
        assert_eq!(
            whys(&text),
            [
                "anchors:1: a trust anchor is a DS or DNSKEY record, not NS",
                "anchors:3: a digest of type 2 has 32 octets, not 2",
                "anchors:4: flags 1 are not those of a zone key (257 or 256)",
                "anchors:5: `$INCLUDE` has no place among trust anchors",
                "anchors:6: every record begins with the name of its zone",
                "anchors:7: the protocol of a DNSKEY is 3, not 4",
                "anchors:8: the DNSKEY record has no key",
                "anchors:9: a parenthesis is opened and never closed",
            ]
        );
        assert_eq!(whys("; nothing\n").len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ .;()$a-zA-Z0-9=\\n]{0,200}") {
            let _ = parse(&text, "f");
        }
    }
}
