//! Tests of the option table.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::config::file::File;
use crate::config::load::{Sources, load};
use crate::config::plan::Plan;

/// A file with every setting at `value(setting)`.
fn everything(value: impl Fn(&Setting) -> &'static str) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        let brackets = if section.repeated {
            ("[[", "]]")
        } else {
            ("[", "]")
        };
        let _ = writeln!(text, "{}{}{}", brackets.0, section.name, brackets.1);
        for setting in settings().filter(|setting| setting.section() == section.name) {
            let _ = writeln!(text, "{} = {}", setting.key(), value(setting));
        }
    }
    text
}

fn parsed(text: &str) -> figment::value::Value {
    let value: figment::Figment = figment::Figment::from(figment::providers::Serialized::defaults(
        figment::providers::Toml::from_text(text),
    ));
    figment::value::Value::from(value.extract::<figment::value::Dict>().unwrap())
}

trait FromText {
    fn from_text(text: &str) -> figment::value::Dict;
}

impl FromText for figment::providers::Toml {
    fn from_text(text: &str) -> figment::value::Dict {
        use figment::providers::Format;
        figment::Figment::from(Self::string(text))
            .extract()
            .unwrap()
    }
}

/// Dotted paths of all leaves; elements of lists of tables count as their table.
fn leaves(prefix: &str, value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (key, value) in object {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                leaves(&path, value, found);
            }
        }
        serde_json::Value::Array(elements) if elements.iter().any(serde_json::Value::is_object) => {
            for element in elements {
                leaves(prefix, element, found);
            }
        }
        _ => {
            found.insert(prefix.to_owned());
        }
    }
}

#[test]
fn the_table_and_the_file_types_have_the_same_keys() {
    let file: File = parsed(&everything(|setting| setting.example))
        .deserialize()
        .unwrap();
    let mut fields = BTreeSet::new();
    leaves("", &serde_json::to_value(&file).unwrap(), &mut fields);
    let table: BTreeSet<String> = settings().map(|setting| setting.path.to_owned()).collect();
    assert_eq!(fields, table);
    assert_eq!(
        settings().count(),
        table.len(),
        "a setting stands twice in the table"
    );
}

#[test]
fn every_example_and_default_is_in_its_own_range() {
    for setting in settings() {
        for text in [Some(setting.example), setting.default]
            .into_iter()
            .flatten()
        {
            let value = parsed(&format!("x = {text}"));
            let value = value.find_ref("x").unwrap();
            assert_eq!(
                setting.kind.check(value),
                Ok(()),
                "{} = {text}",
                setting.path
            );
        }
        assert_ne!(
            Some(setting.example),
            setting.default,
            "{}: an example that is the default shows nothing",
            setting.path
        );
    }
}

#[test]
fn defaults_written_out_give_the_default_plan() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("all.toml");
    let mut text = String::new();
    for section in SECTIONS.iter().filter(|section| !section.repeated) {
        let _ = writeln!(text, "[{}]", section.name);
        for setting in settings().filter(|setting| setting.section() == section.name) {
            if let Some(default) = setting.default {
                let _ = writeln!(text, "{} = {default}", setting.key());
            }
        }
    }
    std::fs::write(&path, text).unwrap();
    let loaded = load(&Sources {
        file: Some(path),
        ..Sources::none()
    })
    .unwrap();
    assert_eq!(loaded.plan, Plan::default());
    assert_eq!(
        loaded.plan.recursion.limits,
        crate::config::plan::Limits::default()
    );
}

#[test]
fn every_section_and_setting_belongs_together() {
    for setting in settings() {
        let section = section(setting.section()).unwrap();
        assert!(setting.summary.ends_with('.'), "{}", setting.path);
        assert!(setting.doc.ends_with('.'), "{}", setting.path);
        if section.repeated {
            assert!(setting.default.is_none() || !section.required.contains(&setting.key()));
        }
    }
    for section in SECTIONS {
        assert!(
            settings().any(|setting| setting.section() == section.name),
            "{}",
            section.name
        );
        for key in section.required {
            assert!(setting(&format!("{}.{key}", section.name)).is_some());
        }
    }
}

#[test]
fn explain_knows_settings_and_sections() {
    assert_eq!(
        explain("cache.max_negative_ttl").unwrap(),
        "cache.max_negative_ttl: Highest TTL of \"does not exist\".\n\n  \
         RFC 2308 section 5: one to three hours have been found to work well.\n\n  \
         type     a length of time in whole seconds from \"0s\" to \"1d\"\n  \
         default  \"3h\"\n  \
         example  max_negative_ttl = \"15m\"\n  \
         also     SUIMON_CACHE__MAX_NEGATIVE_TTL in the environment, --set cache.max_negative_ttl=VALUE\n"
    );
    assert!(explain("[[forward]]").unwrap().contains("forward.leak_ok"));
    assert!(explain("forward.zone").unwrap().contains("(required)"));
    assert!(!explain("forward.zone").unwrap().contains("--set"));
    assert_eq!(explain("cache.sise"), None);
}

#[test]
fn the_nearest_spelling_is_found() {
    assert_eq!(nearest("cache.sise"), Some("cache.size"));
    assert_eq!(nearest("cache.maxttl"), Some("cache.max_ttl"));
    assert_eq!(nearest("cache.packets"), Some("limits.packets"));
    assert_eq!(nearest("cashe.size"), Some("cache.size"));
    assert_eq!(nearest("process.statedir"), Some("process.state_dir"));
    assert_eq!(nearest("cache.completely_else"), None);
    assert_eq!(nearest_section("acls"), Some("acl"));
    assert_eq!(nearest_section("forwards"), Some("forward"));
}

/// Compares with the file in the tree; `REGENERATE=1` writes it instead.
fn in_sync(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/config")
        .join(file);
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let shipped = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shipped == text,
        "{} is out of date; run REGENERATE=1 cargo test config::options",
        path.display()
    );
}

#[test]
fn the_reference_config_in_the_tree_is_the_generated_one() {
    in_sync("suimon.toml.reference", &reference_config());
}

#[test]
fn the_reference_config_holds_every_setting_and_is_toml_when_uncommented() {
    let text = reference_config();
    let uncommented: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with(' '))
                .unwrap_or("")
        })
        .fold(String::new(), |all, line| all + line + "\n");
    let file: File = parsed(&uncommented).deserialize().unwrap();
    assert_eq!(file.cache.size.to_string(), "256MiB");
    for line in text.lines() {
        assert!(line.is_empty() || line.starts_with('#'), "{line}");
    }
}

#[test]
fn the_man_page_names_every_setting_and_starts_no_line_with_a_stray_request() {
    let page = man_page();
    for setting in settings() {
        assert!(
            page.contains(&format!(".B {}", setting.path)),
            "{}",
            setting.path
        );
    }
    for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
        let request = line.split_whitespace().next().unwrap();
        assert!(
            [".TH", ".SH", ".TP", ".B", ".PP", ".br"].contains(&request),
            "{line}"
        );
    }
}

#[test]
fn groff_has_nothing_to_say_about_the_man_page() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("suimon.toml.5");
    std::fs::write(&path, man_page()).unwrap();
    let Ok(output) = std::process::Command::new("groff")
        .args(["-man", "-ww", "-z", "-Tutf8"])
        .arg(&path)
        .output()
    else {
        return; // no groff on this machine
    };
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
