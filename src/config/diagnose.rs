//! What is wrong, where, why, and what to write instead? Problems that carry their place, down to the caret.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Key, Table, TableLike, Value};

/// Whether suimond can run in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but someone should look.
    Warning,
}

/// Something wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops suimond.
    pub severity: Severity,
    /// What is wrong, one line.
    pub what: String,
    /// Where it was written.
    pub place: Place,
    /// Why that is wrong.
    pub why: String,
    /// What to do.
    pub fix: String,
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, with its line.
    Text {
        /// The file as it was named.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in letters, from 1.
        column: usize,
        /// The text of the line.
        source: String,
        /// Letters to underline, at least 1.
        width: usize,
    },
    /// A file or directory as a whole.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A command line flag, as it was written.
    Flag(String),
    /// Nowhere: the built-in default.
    Default,
}

impl Problem {
    /// A problem that stops suimond.
    pub fn error(
        place: Place,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            what: what.into(),
            place,
            why: why.into(),
            fix: fix.into(),
        }
    }

    /// A problem that does not.
    pub fn warning(
        place: Place,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, what, why, fix)
        }
    }

    /// Whether it stops suimond.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Errors first, then by file, line and column; what stands in no file comes last.
    #[must_use]
    pub fn reading_order(&self, other: &Self) -> Ordering {
        let key = |problem: &Self| match &problem.place {
            Place::Text {
                file, line, column, ..
            } => (false, Some(file.clone()), *line, *column),
            Place::File(file) => (false, Some(file.clone()), 0, 0),
            _ => (true, None, 0, 0),
        };
        self.severity
            .cmp(&other.severity)
            .then_with(|| key(self).cmp(&key(other)))
    }
}

impl Place {
    /// The place of `span` (octets) in `text`, the content of `file`.
    #[must_use]
    pub fn in_text(file: &Path, text: &str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let before = text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(line_start..).unwrap_or("");
        let source = rest.split('\n').next().unwrap_or("").trim_end_matches('\r');
        let line_end = line_start + source.len();
        let marked = text
            .get(start..floor(text, span.end.min(line_end)).max(start))
            .unwrap_or("");
        Self::Text {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
            source: source.to_owned(),
            width: marked.chars().count().max(1),
        }
    }
}

/// The start of the letter that octet `at` is part of.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text {
                file, line, column, ..
            } => write!(f, "{}:{line}:{column}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "{name} in the environment"),
            Self::Flag(text) => f.write_str(text),
            Self::Default => f.write_str("the default"),
        }
    }
}

impl fmt::Display for Problem {
    /// Plain text of several lines without a final newline, laid out as rustc does; never a control character of the input.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}", plain(&self.what))?;
        let mut margin = 1;
        if let Place::Text {
            line,
            column,
            source,
            width,
            ..
        } = &self.place
        {
            margin = line.to_string().len();
            writeln!(f, "{:margin$}--> {}", "", plain(&self.place.to_string()))?;
            writeln!(f, "{:margin$} |", "")?;
            writeln!(f, "{line} | {}", plain(source))?;
            writeln!(
                f,
                "{:margin$} | {:indent$}{}",
                "",
                "",
                "^".repeat(*width),
                indent = column - 1
            )?;
        } else {
            writeln!(f, " --> {}", plain(&self.place.to_string()))?;
        }
        writeln!(f, "{:margin$} = why: {}", "", plain(&self.why))?;
        write!(f, "{:margin$} = fix: {}", "", plain(&self.fix))
    }
}

/// Text without control characters, letter for letter, so that carets stay below what they mark.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' => ' ',
            letter if letter.is_control() => '\u{FFFD}',
            letter => letter,
        })
        .collect()
}

/// One file that was read and is TOML.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    pub(super) path: PathBuf,
    document: Document<String>,
}

/// Whether a problem is with the name of a key or with what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    Key,
    Value,
}

impl SourceFile {
    /// Reads the text of `path`.
    pub(super) fn parse(path: &Path, text: String) -> Result<Self, Box<Problem>> {
        match Document::parse(text.clone()) {
            Ok(document) => Ok(Self {
                path: path.to_owned(),
                document,
            }),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                Err(Box::new(Problem::error(
                    Place::in_text(path, &text, &span),
                    "this is not TOML",
                    error.message().replace('\n', ", "),
                    "correct the line; texts stand in quotes, lists in square brackets, sections begin with [name]",
                )))
            }
        }
    }

    pub(super) fn root(&self) -> &Table {
        self.document.as_table()
    }

    /// Where the value at `steps` was written, or the deepest part of the path that is there.
    pub(super) fn place(&self, steps: &[String], aim: Aim) -> Place {
        match find(self.root(), steps, aim) {
            Some(span) => Place::in_text(&self.path, self.document.raw(), &span),
            None => Place::File(self.path.clone()),
        }
    }
}

/// A node of a TOML document on the way down a path.
#[derive(Clone, Copy)]
enum Node<'a> {
    Item(&'a Item),
    Value(&'a Value),
    Table(&'a Table),
}

impl<'a> Node<'a> {
    fn table(self) -> Option<&'a dyn TableLike> {
        match self {
            Self::Item(item) => item.as_table_like(),
            Self::Value(value) => value.as_inline_table().map(|table| table as &dyn TableLike),
            Self::Table(table) => Some(table),
        }
    }

    fn element(self, index: usize) -> Option<Self> {
        match self {
            Self::Item(Item::ArrayOfTables(tables)) => tables.get(index).map(Self::Table),
            Self::Item(Item::Value(Value::Array(array))) | Self::Value(Value::Array(array)) => {
                array.get(index).map(Self::Value)
            }
            _ => None,
        }
    }

    fn span(self) -> Option<Range<usize>> {
        match self {
            Self::Item(item) => item.span(),
            Self::Value(value) => value.span(),
            Self::Table(table) => table.span(),
        }
    }
}

fn find(root: &Table, steps: &[String], aim: Aim) -> Option<Range<usize>> {
    let mut node = Node::Table(root);
    let mut found = None;
    for step in steps {
        let (key, next): (Option<&Key>, Node<'_>) = if let Some(table) = node.table() {
            match table.get_key_value(step) {
                Some((key, item)) => (Some(key), Node::Item(item)),
                None => break,
            }
        } else {
            match step.parse().ok().and_then(|index| node.element(index)) {
                Some(element) => (None, element),
                None => break,
            }
        };
        let key_span = key.and_then(Key::span);
        let own_span = next.span();
        found = match aim {
            Aim::Key => key_span.or(own_span),
            Aim::Value => own_span.or(key_span),
        }
        .or(found);
        node = next;
    }
    found
}
