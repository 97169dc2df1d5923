//! Which differences are judged? The list in `verdicts.toml`, each entry with who is at fault, or why it is a matter of choice.

use toml_edit::{DocumentMut, Item, Table};

use super::Difference;

/// What one entry says.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// One word of its own.
    pub id: String,
    name: Vec<String>,
    kind: Vec<String>,
    family: Vec<String>,
    rtype: Vec<String>,
    flags: Vec<String>,
    who: Vec<String>,
    what: Vec<String>,
    ours: Vec<String>,
    theirs: Vec<String>,
    /// "peer" or "choice".
    pub fault: String,
    /// Why, with the RFC's section.
    pub why: String,
}

/// The list of the repository; panics on an entry that is not complete.
pub fn list() -> Vec<Verdict> {
    read(include_str!("verdicts.toml"))
}

/// Reads a list.
pub fn read(text: &str) -> Vec<Verdict> {
    let document: DocumentMut = text.parse().expect("verdicts.toml is TOML");
    let Some(entries) = document.get("verdict").and_then(Item::as_array_of_tables) else {
        return Vec::new();
    };
    entries.iter().map(Verdict::read).collect()
}

impl Verdict {
    fn read(table: &Table) -> Self {
        let known = [
            "id", "name", "kind", "family", "type", "flags", "who", "what", "ours", "theirs",
            "fault", "why",
        ];
        for (key, _) in table.iter() {
            assert!(known.contains(&key), "verdicts.toml: unknown key {key}");
        }
        let text = |key: &str| {
            let value = table.get(key).and_then(Item::as_str);
            value
                .unwrap_or_else(|| panic!("verdicts.toml: an entry without {key}: {table}"))
                .to_owned()
        };
        let patterns = |key: &str| match table.get(key) {
            None => vec!["*".to_owned()],
            Some(item) if item.is_str() => vec![text(key)],
            Some(item) => {
                let list = item.as_array().expect("a list of patterns");
                let words = list.iter().map(|word| word.as_str().expect("a pattern"));
                words.map(str::to_owned).collect()
            }
        };
        let verdict = Self {
            id: text("id"),
            name: patterns("name"),
            kind: patterns("kind"),
            family: patterns("family"),
            rtype: patterns("type"),
            flags: patterns("flags"),
            who: patterns("who"),
            what: patterns("what"),
            ours: patterns("ours"),
            theirs: patterns("theirs"),
            fault: text("fault"),
            why: text("why"),
        };
        assert!(
            ["peer", "choice"].contains(&&*verdict.fault),
            "verdicts.toml: {}: the fault is the peer's, or nobody's (choice); ours is to be mended",
            verdict.id
        );
        assert!(
            verdict.who != ["*"] && verdict.what != ["*"],
            "verdicts.toml: {}: an entry says who differs, and in what",
            verdict.id
        );
        verdict
    }

    /// Whether it speaks of this difference.
    pub fn covers(&self, difference: &Difference) -> bool {
        let any =
            |patterns: &[String], text: &str| patterns.iter().any(|pattern| matches(pattern, text));
        let name = difference.asked.question.name.to_string();
        any(&self.name, &name.to_ascii_lowercase())
            && any(&self.kind, difference.asked.kind.word())
            && any(&self.family, &difference.asked.family)
            && any(&self.rtype, &difference.asked.question.rtype.to_string())
            && any(&self.flags, &difference.asked.flags.to_string())
            && any(&self.who, difference.who.name())
            && any(&self.what, difference.what)
            && any(&self.ours, &difference.ours)
            && any(&self.theirs, &difference.theirs)
    }
}

/// Whether a pattern, in which `*` stands for anything, fits the whole text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut rest = rest;
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}
