//! Which settings exist? One table: path, kind and range, default, one line, the reason, an example.
//!
//! It feeds the lowest layer of the configuration, the checks of every single value, the commented reference
//! config, suimon.toml(5) and `suimon check --explain KEY`. Tests hold it equal to the file types.

mod answering;
mod arriving;
mod finding;
mod incidents;
mod kind;
mod limiting;
mod pages;
mod proving;
mod shadowing;
mod shares;
mod tapping;
mod trusting;
mod zone_guard;

use std::fmt::Write as _;

pub use kind::Kind;
pub use pages::{man_page, reference_config};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Section and key: `"cache.size"`; in a `[[table]]`, `"forward.zone"`.
    pub path: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// The value when nothing is written, as TOML; nothing if the setting is off then (or required).
    pub default: Option<&'static str>,
    /// One line.
    pub summary: &'static str,
    /// Unit, reason, origin.
    pub doc: &'static str,
    /// A value someone may want, as TOML.
    pub example: &'static str,
}

impl Setting {
    /// The section: `"cache"`, `"acl.rule"`.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path
            .rsplit_once('.')
            .map_or("", |(section, _)| section)
    }

    /// The key in its section: `"size"`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, key)| key)
    }

    /// The environment variable that sets it; nothing for keys of `[[tables]]`.
    #[must_use]
    pub fn variable(&self) -> Option<String> {
        let section = section(self.section())?;
        (!section.repeated).then(|| {
            format!(
                "SUIMON_{}",
                self.path.to_ascii_uppercase().replace('.', "__")
            )
        })
    }
}

/// One section.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// `"cache"`, `"acl.rule"`.
    pub name: &'static str,
    /// Whether it is written `[[name]]` and may stand many times.
    pub repeated: bool,
    /// Keys that every such table needs.
    pub required: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
}

/// All sections, in the order of the reference config.
pub const SECTIONS: [Section; 30] = [
    plain("listen", "Where queries come in."),
    plain("tcp", "Limits of TCP service."),
    plain(
        "acl",
        "Who may ask. The longest matching prefix decides; no match is REFUSED.",
    ),
    Section {
        name: "acl.rule",
        repeated: true,
        required: &["prefix", "action"],
        summary: "An access rule with conditions; it counts among equal prefixes before a plain list entry.",
    },
    plain(
        "guard",
        "What a packet must look like, and how much refusing may cost.",
    ),
    Section {
        name: "guard.bind",
        repeated: true,
        required: &["prefixes", "interfaces"],
        summary: "By which interfaces some clients' queries arrive; by others they are dropped.",
    },
    Section {
        name: "guard.group",
        repeated: true,
        required: &["interfaces"],
        summary: "Interfaces that count as one for guard.route_back.",
    },
    plain("cookies", "How clients prove their address over UDP."),
    plain("limiter", "How much one client may ask."),
    Section {
        name: "limiter.prefix",
        repeated: true,
        required: &["prefix"],
        summary: "Addresses with limits of their own.",
    },
    plain(
        "limiter.isc",
        "BIND's response rate limiting, with limiter.algorithm = \"isc\".",
    ),
    plain(
        "policy",
        "What is answered here instead of being looked up.",
    ),
    Section {
        name: "forward",
        repeated: true,
        required: &["zone", "servers"],
        summary: "Names under `zone` are asked of other resolvers.",
    },
    Section {
        name: "stub",
        repeated: true,
        required: &["zone", "servers"],
        summary: "Names under `zone` are asked of these authoritative servers instead of the delegated ones.",
    },
    plain(
        "zone_guard",
        "What is done when a zone is flooded with made-up names, or its servers fail.",
    ),
    plain(
        "shares",
        "How much of what is under way one client or one server may have.",
    ),
    plain("cache", "What is remembered, and how long."),
    plain("recursion", "How names are found out."),
    plain(
        "limits",
        "The budget of one client query, inherited by every sub-query and never reset.",
    ),
    plain(
        "dnssec",
        "Whether what is found is believed: validation of DNSSEC.",
    ),
    plain(
        "local_root",
        "A copy of the root zone, used instead of asking the root servers.",
    ),
    plain("egress", "How authoritative servers are asked."),
    plain("answer", "How replies are written."),
    plain("incidents", "What is kept of attacks."),
    plain(
        "secrecy",
        "Who may see which customers and names are concerned.",
    ),
    plain("log", "What is logged, and where to."),
    plain("metrics", "The Prometheus page."),
    plain(
        "dnstap",
        "Single messages for other people's tools; off unless a socket or a file is named.",
    ),
    plain("control", "The control socket that suimon(1) talks to."),
    plain("process", "The process."),
];

const fn plain(name: &'static str, summary: &'static str) -> Section {
    Section {
        name,
        repeated: false,
        required: &[],
        summary,
    }
}

/// All settings, in the order of the reference config.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    answering::INCOMING
        .iter()
        .chain(arriving::SETTINGS)
        .chain(proving::SETTINGS)
        .chain(shadowing::SETTINGS)
        .chain(limiting::SETTINGS)
        .chain(answering::POLICY)
        .chain(zone_guard::SETTINGS)
        .chain(shares::SETTINGS)
        .chain(finding::SETTINGS)
        .chain(trusting::SETTINGS)
        .chain(incidents::SETTINGS)
        .chain(answering::OUTGOING)
        .chain(tapping::SETTINGS)
}

/// The setting of that path.
#[must_use]
pub fn setting(path: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.path == path)
}

/// The section of that name.
#[must_use]
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// What `suimon check --explain KEY` prints: the whole entry of a setting, or of a section with its keys.
///
/// Nothing if there is no such setting; [`nearest`] may know what was meant.
#[must_use]
pub fn explain(key: &str) -> Option<String> {
    let key = key.trim().trim_matches(['[', ']']);
    if let Some(setting) = setting(key) {
        let mut text = format!(
            "{}: {}\n\n  {}\n\n",
            setting.path, setting.summary, setting.doc
        );
        let _ = writeln!(text, "  type     {}", setting.kind);
        let _ = writeln!(text, "  default  {}", default_text(setting));
        let _ = writeln!(text, "  example  {} = {}", setting.key(), setting.example);
        if let Some(variable) = setting.variable() {
            let _ = writeln!(
                text,
                "  also     {variable} in the environment, --set {}=VALUE",
                setting.path
            );
        }
        return Some(text);
    }
    let section = section(key)?;
    let mut text = format!("[{}]: {}\n\n", section.name, section.summary);
    for setting in settings().filter(|setting| setting.section() == section.name) {
        let _ = writeln!(text, "  {:<32} {}", setting.path, setting.summary);
    }
    Some(text)
}

/// The path that `written` most likely means: a key of the same section first, the same key elsewhere, then any path.
#[must_use]
pub fn nearest(written: &str) -> Option<&'static str> {
    let (section, key) = written.rsplit_once('.').unwrap_or(("", written));
    let home = closest(
        key,
        settings()
            .filter(|setting| setting.section() == section)
            .map(|setting| (setting.key(), setting.path)),
    );
    let elsewhere = || {
        settings()
            .find(|setting| setting.key() == key)
            .map(|setting| setting.path)
    };
    let any = || {
        closest(
            written,
            settings().map(|setting| (setting.path, setting.path)),
        )
    };
    home.or_else(elsewhere).or_else(any)
}

/// The section that `written` most likely means.
#[must_use]
pub fn nearest_section(written: &str) -> Option<&'static str> {
    closest(
        written,
        SECTIONS.iter().map(|section| (section.name, section.name)),
    )
}

/// Of (spelling, meaning) pairs the meaning whose spelling is near enough: a third of the letters, at least two.
pub(crate) fn closest<'a>(
    written: &str,
    candidates: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<&'a str> {
    let allowed = (written.chars().count() / 3).max(2);
    candidates
        .map(|(spelling, meaning)| (strsim::damerau_levenshtein(written, spelling), meaning))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, meaning)| meaning)
}

/// The default as people read it.
fn default_text(setting: &Setting) -> &'static str {
    let required =
        section(setting.section()).is_some_and(|section| section.required.contains(&setting.key()));
    setting
        .default
        .unwrap_or(if required { "(required)" } else { "(not set)" })
}

#[cfg(test)]
mod tests;
