//! What do the generated pages say? The commented reference config and suimon.toml(5).

use std::fmt::Write as _;

use super::{SECTIONS, Section, Setting, default_text, settings};

/// `packaging/config/suimon.toml.reference`: every setting, commented out at its default, with its reason.
#[must_use]
pub fn reference_config() -> String {
    let mut text = String::from(
        "# Reference of all suimon settings, made from the option table. Nothing here is in force: copy what you\n\
         # change to /etc/suimon/suimon.toml or a file in /etc/suimon/conf.d. See suimon.toml(5).\n",
    );
    for section in &SECTIONS {
        let _ = write!(text, "\n# {}\n#{}\n", section.summary, header(section));
        for setting in of(section) {
            text.push('\n');
            for line in wrap(setting.summary, 96).chain(wrap(setting.doc, 96)) {
                let _ = writeln!(text, "# {line}");
            }
            let _ = writeln!(text, "# Write {}.", setting.kind);
            let shown = setting.default.unwrap_or(setting.example);
            let note = if setting.default.is_some() {
                ""
            } else {
                "    # not set by default"
            };
            let _ = writeln!(text, "#{} = {shown}{note}", setting.key());
        }
    }
    text
}

/// suimon.toml(5) in roff.
#[must_use]
pub fn man_page() -> String {
    let mut page = String::from(PREAMBLE);
    for section in &SECTIONS {
        let _ = write!(
            page,
            ".SH {}\n{}\n",
            roff(&header(section)),
            roff(section.summary)
        );
        for setting in of(section) {
            let _ = write!(
                page,
                ".TP\n.B {}\n{}\n{}\n.br\nWrite {}. Default: {}. Example: {}\n",
                roff(setting.path),
                roff(setting.summary),
                roff(setting.doc),
                roff(&setting.kind.to_string()),
                roff(default_text(setting)),
                roff(&format!("{} = {}", setting.key(), setting.example)),
            );
        }
    }
    page.push_str(CLOSING);
    page
}

const PREAMBLE: &str = r#".TH SUIMON.TOML 5 "" "suimon" "File formats"
.SH NAME
suimon.toml \- configuration of suimond(8)
.SH DESCRIPTION
TOML. Without any file suimond listens on loopback and serves loopback only.
.PP
Layers, each over the ones before it: the defaults; /etc/suimon/suimon.toml or the file named by \-\-config (a missing default
file is no error, a missing named file is); the files conf.d/*.toml beside that file, in the order of their names;
environment variables SUIMON_SECTION__KEY; \-\-set section.key=value.
.PP
A key written in a later layer replaces the earlier value, and so does a list of values: acl.allow of the last file that sets it
is the whole list. Tables in double brackets ([[acl.rule]], [[forward]], [[stub]]) add up over all files; the environment and
\-\-set replace them. A warning names every list of [acl], [policy] or [dnssec] that one file takes
from another.
.PP
Lengths of time are written "500ms", "2s", "5m", "3h", "1d", "1w", sizes "200kB", "64KiB", "1GiB"; plain integers count seconds
and octets. Relative paths start at the working directory of suimond. Environment variables and \-\-set take lists with commas
(10.0.0.0/8,192.0.2.0/24) or as TOML.
.PP
"suimon check" prints every problem with file, line and a proposal; "suimon check \-\-explain KEY" prints one entry of this page.
"#;

const CLOSING: &str = r#".SH FILES
/etc/suimon/suimon.toml, /etc/suimon/conf.d/*.toml, /usr/share/dns/root.hints
.SH SEE ALSO
suimond(8), suimon(1)
"#;

fn of(section: &'static Section) -> impl Iterator<Item = &'static Setting> {
    settings().filter(move |setting| setting.section() == section.name)
}

fn header(section: &Section) -> String {
    if section.repeated {
        format!("[[{}]]", section.name)
    } else {
        format!("[{}]", section.name)
    }
}

/// Escapes text for roff: backslashes, hyphens, and a leading dot or quote.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

/// Lines of at most `width` letters, broken at blanks.
fn wrap(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}
