//! Which records stand in a zone file? Lines of RFC 1035 section 5, names absolute whether or not they end in a dot.

use super::Record;
use super::text::{record_from_text, seconds};

/// A line that is no record, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// A sentence.
    pub why: String,
}

/// The records of class IN in `text`, at most `most` of them.
///
/// Reads what transfer tools and signers write: comments, parentheses over several lines, `$TTL`, `$ORIGIN .`, a line without
/// an owner or a TTL that takes those of the line before. Not `$INCLUDE`, and no other origin than the root.
///
/// # Errors
/// The first line that cannot be read, or the first record too many.
pub fn records(text: &str, most: usize) -> Result<Vec<Record>, BadLine> {
    let mut found: Vec<Record> = Vec::new();
    let mut default_ttl = None;
    for entry in Entries::of(text) {
        let bad = |why: String| BadLine {
            line: entry.line,
            why,
        };
        if let Some(directive) = entry.text.strip_prefix('$') {
            let mut words = directive.split_whitespace();
            match (words.next(), words.next()) {
                (Some("TTL"), Some(ttl)) => {
                    let ttl = seconds(ttl).ok_or_else(|| bad(format!("`{ttl}` is no TTL")))?;
                    default_ttl = Some(ttl);
                }
                (Some("ORIGIN"), Some(".")) => {}
                _ => {
                    return Err(bad(
                        "of directives only $TTL and `$ORIGIN .` are read".into()
                    ));
                }
            }
            continue;
        }
        let last = found.last();
        let ttl = default_ttl.or_else(|| last.map(|record| record.ttl));
        let ttl = ttl.unwrap_or(0);
        let owned;
        let line = match last {
            Some(last) if entry.text.starts_with([' ', '\t']) => {
                owned = format!("{}{}", last.owner, entry.text);
                owned.as_str()
            }
            _ => match entry.text.strip_prefix('@') {
                Some(rest) => {
                    owned = format!(".{rest}");
                    owned.as_str()
                }
                None => entry.text.as_str(),
            },
        };
        let record = record_from_text(line, ttl).map_err(|error| bad(error.to_string()))?;
        if found.len() >= most {
            return Err(bad(format!("there are more than {most} records")));
        }
        found.push(record);
    }
    Ok(found)
}

/// One entry: a line, or several within parentheses, without comments.
struct Entry {
    line: usize,
    text: String,
}

/// The entries of a text that are not empty.
struct Entries<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Entries<'a> {
    const fn of(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// The next entry, empty or not; nothing at the end.
    fn entry(&mut self) -> Option<Entry> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let mut text = String::new();
        let (mut quoted, mut escaped, mut comment, mut depth) = (false, false, false, 0_u32);
        let mut end = self.rest.len();
        for (at, character) in self.rest.char_indices() {
            if character == '\n' {
                self.line += 1;
                (comment, escaped) = (false, false);
                if depth == 0 || quoted {
                    end = at + 1;
                    break;
                }
                text.push(' ');
                continue;
            }
            if comment {
                continue;
            }
            match character {
                ';' if !quoted && !escaped => {
                    comment = true;
                    continue;
                }
                '"' if !escaped => quoted = !quoted,
                '(' if !quoted && !escaped => depth += 1,
                ')' if !quoted && !escaped => depth = depth.saturating_sub(1),
                _ => {}
            }
            escaped = !escaped && character == '\\';
            text.push(character);
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(Entry { line, text })
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let entry = self.entry()?;
            if !entry.text.trim().is_empty() {
                return Some(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let found = records(text, 100).unwrap();
        found
            .iter()
            .map(|record| {
                let data = crate::wire::text::rdata_to_text(record.rtype, &record.rdata);
                format!("{} {} {} {data}", record.owner, record.ttl, record.rtype)
            })
            .collect()
    }

    #[test]
    fn comments_parentheses_directives_and_what_is_left_out_are_understood() {
        let text = "; a comment ( with a parenthesis\n$ORIGIN .\n$TTL 1h\n\
            @ 60 IN SOA a. b. ( 1 ; serial (\n\t2 3\n 4 5 ) ; end\n\n\
            \tIN NS ns\n\
            t. TXT \"a ; b ( c\" ; d\n\
            \t5 A 192.0.2.1\r\n\
            u\\;. IN 7 A 192.0.2.2";
        assert_eq!(
            lines(text),
            [
                ". 60 SOA a. b. 1 2 3 4 5",
                ". 3600 NS ns.",
                "t. 3600 TXT \"a ; b ( c\"",
                "t. 5 A 192.0.2.1",
                "u\\;. 7 A 192.0.2.2",
            ]
        );
        assert_eq!(
            lines("a. 9 IN A 192.0.2.1\nb. IN A 192.0.2.2")[1],
            "b. 9 A 192.0.2.2"
        );
        assert!(lines("").is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let why = |text: &str| records(text, 1).unwrap_err().to_string();
        assert_eq!(
            why("\n; x\n$INCLUDE /etc/passwd"),
            "line 3: of directives only $TTL and `$ORIGIN .` are read"
        );
        assert_eq!(
            why("$ORIGIN example."),
            "line 1: of directives only $TTL and `$ORIGIN .` are read"
        );
        assert_eq!(
            why("a. A 192.0.2.1\n\nb. A 192.0.2.1"),
            "line 3: there are more than 1 records"
        );
        assert!(why("a. (\nA\n192.0.2.300 )").starts_with("line 1: "));
        assert!(why("a. TXT \"open").starts_with("line 1: "));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_every_text_ends(text in "[ -~\n\t\"();\\\\]{0,200}") {
            let _ = records(&text, 10);
        }
    }
}
