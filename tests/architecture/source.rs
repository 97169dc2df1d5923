//! What does a Rust file say, once comments, strings and test code are set aside?

use std::ops::RangeInclusive;

/// A word or a punctuation mark, and the line it stands on (counted from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// An identifier, or one character of punctuation; `::` is one token.
    pub(crate) text: String,
    /// Line, counted from 1.
    pub(crate) line: usize,
}

/// A path from the crate's root that code mentions: `crate::a::b`, or what `super::` resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Segments below the root; a glob ends in `*`.
    pub(crate) path: Vec<String>,
    /// Line, counted from 1.
    pub(crate) line: usize,
}

/// One file, read.
#[derive(Debug)]
pub(crate) struct Source {
    /// Code outside `#[cfg(test)]` items.
    pub(crate) code: Vec<Token>,
    /// Lines of the file without its `#[cfg(test)]` items.
    pub(crate) lines: usize,
}

impl Source {
    /// Reads a file's text.
    pub(crate) fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let (code, test_lines) = without_tests(&tokens);
        let lines = text.lines().count()
            - test_lines
                .iter()
                .map(|range| range.clone().count())
                .sum::<usize>();
        Self { code, lines }
    }

    /// Every path from the crate's root that the code mentions. `module` is the file's own module path, `root` the names
    /// the root goes by here (`crate`; in a binary the library's name).
    pub(crate) fn mentions(&self, module: &[String], root: &[&str]) -> Vec<Mention> {
        let mut found = Vec::new();
        let mut inline: Vec<(String, usize)> = Vec::new();
        let mut depth = 0;
        for (at, token) in self.code.iter().enumerate() {
            let before = |back: usize| {
                at.checked_sub(back)
                    .and_then(|i| self.code.get(i))
                    .map_or("", |t| t.text.as_str())
            };
            let after = |on: usize| self.code.get(at + on).map_or("", |t| t.text.as_str());
            match token.text.as_str() {
                "{" => {
                    if before(2) == "mod" {
                        inline.push((before(1).to_owned(), depth));
                    }
                    depth += 1;
                }
                "}" => {
                    depth -= 1;
                    inline.pop_if(|(_, opened)| *opened == depth);
                }
                // `pub(in crate::x)` is a visibility, not a use; `a::super` cannot start a path.
                _ if before(1) == "in" && before(2) == "("
                    || before(1) == "::"
                    || after(1) != "::" => {}
                word if root.contains(&word) => tree(&self.code, at + 2, &[], &mut found),
                "super" => {
                    let mut base: Vec<String> = module
                        .iter()
                        .cloned()
                        .chain(inline.iter().map(|(name, _)| name.clone()))
                        .collect();
                    let mut next = at;
                    while self.code.get(next).is_some_and(|t| t.text == "super") {
                        base.pop();
                        next += 2;
                    }
                    tree(&self.code, next, &base, &mut found);
                }
                _ => {}
            }
        }
        found
    }

    /// Lines on which `words`, one token after the other, stand in the code.
    pub(crate) fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        self.code
            .windows(words.len())
            .filter(|window| {
                window
                    .iter()
                    .zip(words)
                    .all(|(token, word)| token.text == *word)
            })
            .filter_map(|window| window.first().map(|token| token.line))
            .collect()
    }
}

/// Reads a path or a tree of paths that starts at token `at`, below `prefix`; returns through `found`.
fn tree(code: &[Token], at: usize, prefix: &[String], found: &mut Vec<Mention>) {
    let mut path = prefix.to_vec();
    let mut next = at;
    let line = code.get(at).map_or(0, |t| t.line);
    while let Some(token) = code.get(next) {
        let is_word = token
            .text
            .starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if token.text == "{" {
            let mut depth = 1;
            let mut starts = vec![next + 1];
            let mut end = next + 1;
            while let Some(inner) = code.get(end).filter(|_| depth > 0) {
                match inner.text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 1 => starts.push(end + 1),
                    _ => {}
                }
                end += 1;
            }
            for start in starts {
                tree(code, start, &path, found);
            }
            return;
        }
        if token.text == "*" || is_word && token.text != "as" {
            // In a group, `self` is the module itself.
            if token.text != "self" {
                path.push(token.text.clone());
            }
            if code.get(next + 1).is_some_and(|t| t.text == "::") {
                next += 2;
                continue;
            }
        }
        break;
    }
    if path.len() > prefix.len() || code.get(at).is_some_and(|t| t.text == "self") {
        found.push(Mention { path, line });
    }
}

/// Cuts `#[cfg(test)]` items out; returns what is left and the lines that were cut.
fn without_tests(tokens: &[Token]) -> (Vec<Token>, Vec<RangeInclusive<usize>>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut code = Vec::new();
    let mut cut = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let is_mark = MARK
            .iter()
            .enumerate()
            .all(|(i, word)| tokens.get(at + i).is_some_and(|t| t.text == *word));
        if !is_mark {
            code.push(token.clone());
            at += 1;
            continue;
        }
        // The item ends with its first `;` or its closing `}` outside all brackets.
        let first = token.line;
        let mut last = first;
        let mut depth = 0_usize;
        at += MARK.len();
        while let Some(inner) = tokens.get(at) {
            last = inner.line;
            at += 1;
            match inner.text.as_str() {
                "{" | "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                ";" if depth == 0 => break,
                _ => {}
            }
        }
        cut.push(first..=last);
    }
    (code, cut)
}

/// Splits a text into words and punctuation, without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = quoted(rest) {
            length
        } else if c == '\'' {
            character_or_lifetime(rest)
        } else {
            0
        };
        let length = if skipped > 0 {
            skipped
        } else {
            let word = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let length = match c {
                _ if word > 0 => word,
                ':' if rest.starts_with("::") => 2,
                _ => c.len_utf8(),
            };
            if !c.is_whitespace() {
                out.push(Token {
                    text: rest
                        .chars()
                        .take(rest.split_at(length).0.chars().count())
                        .collect(),
                    line,
                });
            }
            length
        };
        let (taken, left) = rest.split_at(length);
        line += taken.matches('\n').count();
        rest = left;
    }
    out
}

/// The length of a block comment, nested ones included.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a string literal of any kind that starts here, if one does.
fn quoted(text: &str) -> Option<usize> {
    let body = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find_map(|prefix| {
            let body = text.strip_prefix(prefix)?;
            let raw = prefix.ends_with('r');
            (body.starts_with('"') || raw && body.trim_start_matches('#').starts_with('"'))
                .then_some((body, raw))
        });
    let (body, raw) = body?;
    let start = text.len() - body.len();
    if raw {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let inner = body.split_at(hashes + 1).1;
        return Some(
            start + hashes + 1 + inner.find(&close).map_or(inner.len(), |i| i + close.len()),
        );
    }
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            '"' if !escaped => return Some(start + at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some(text.len())
}

/// The length of a character literal or a lifetime.
fn character_or_lifetime(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let from = at + c.len_utf8();
            text.split_at(from)
                .1
                .find('\'')
                .map_or(text.len(), |i| from + i + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => {
            let name = text.split_at(1).1;
            1 + name
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(name.len())
        }
    }
}
