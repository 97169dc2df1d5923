//! Where does one field of presentation form end? Words, quoted strings and escapes (RFC 1035 section 5.1).

/// One field of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// As written, without the quotes; escapes kept.
    pub(super) raw: String,
    /// As meant: escapes undone.
    pub(super) octets: Vec<u8>,
    quoted: bool,
}

impl Token {
    /// Whether this is the `\#` of RFC 3597 section 5.
    pub(super) fn is_generic(&self) -> bool {
        !self.quoted && self.raw == "\\#"
    }
}

/// Splits the data of one record. Parentheses group nothing here (a record is one line) and are left out; `;` begins a comment.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut found = Vec::new();
    let mut open: Option<Token> = None;
    let mut bytes = text.char_indices().peekable();
    while let Some((_, character)) = bytes.next() {
        let in_quotes = open.as_ref().is_some_and(|token| token.quoted);
        match character {
            '"' if in_quotes => {
                found.extend(open.take());
            }
            '"' => {
                found.extend(open.take());
                open = Some(Token {
                    raw: String::new(),
                    octets: Vec::new(),
                    quoted: true,
                });
            }
            ';' if !in_quotes => break,
            '(' | ')' if !in_quotes => found.extend(open.take()),
            blank if blank.is_whitespace() && !in_quotes => found.extend(open.take()),
            _ => {
                let token = open.get_or_insert_with(|| Token {
                    raw: String::new(),
                    octets: Vec::new(),
                    quoted: false,
                });
                token.raw.push(character);
                if character == '\\' {
                    let (_, escaped) = bytes.next().ok_or("a lone backslash at the end")?;
                    token.raw.push(escaped);
                    if let Some(first) = escaped.to_digit(10) {
                        let mut value = first;
                        for _ in 0..2 {
                            let (_, digit) = bytes.next().ok_or("an escape has three digits")?;
                            token.raw.push(digit);
                            value = value * 10
                                + digit.to_digit(10).ok_or("an escape has three digits")?;
                        }
                        token
                            .octets
                            .push(u8::try_from(value).map_err(|_| "an escape is at most \\255")?);
                    } else {
                        push_char(&mut token.octets, escaped);
                    }
                } else {
                    push_char(&mut token.octets, character);
                }
            }
        }
    }
    match open {
        Some(token) if token.quoted => Err("a quote is not closed"),
        last => {
            found.extend(last);
            Ok(found)
        }
    }
}

/// A string in quotes, everything that is not plain ASCII escaped.
pub(super) fn quoted(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() + 2);
    text.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x20..=0x7E => text.push(char::from(octet)),
            _ => text.push_str(&format!("\\{octet:03}")),
        }
    }
    text.push('"');
    text
}

fn push_char(octets: &mut Vec<u8>, character: char) {
    octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
