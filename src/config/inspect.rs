//! Is one layer good by itself? Sections, keys, types and ranges, each problem at its place.

use std::collections::BTreeSet;

use figment::value::{Dict, Value};

use super::diagnose::{Aim, Problem};
use super::layers::{Layer, insert};
use super::options::{self, Section};

/// The check of one layer alone: sections, keys, types and ranges.
pub(super) struct Inspection<'a> {
    pub(super) layer: &'a Layer,
    pub(super) problems: Vec<Problem>,
    /// Paths that hold nothing good.
    pub(super) broken: &'a mut BTreeSet<String>,
    /// `[[tables]]`, which are merged apart from values.
    pub(super) tables: Dict,
}

impl Inspection<'_> {
    /// Checks everything and gives back what is good, `[[tables]]` aside.
    pub(super) fn sections(&mut self, dict: Dict) -> Dict {
        let mut kept = Dict::new();
        for (name, value) in dict {
            let path = vec![name.clone()];
            // A dot inside a quoted key is a letter, not a path.
            let section = options::section(&name).filter(|_| !name.contains('.'));
            match (section, value) {
                (Some(section), value) if section.repeated => self.repeated(section, &path, value),
                (Some(section), Value::Dict(tag, keys)) => {
                    let keys = self.keys(section, &path, keys);
                    kept.insert(name, Value::Dict(tag, keys));
                }
                (Some(section), _) => self.no_section(section, &path),
                (None, _) => self.unknown_section(&name),
            }
        }
        kept
    }

    fn keys(&mut self, section: &'static Section, steps: &[String], keys: Dict) -> Dict {
        let mut kept = Dict::new();
        for (key, value) in keys {
            let path = format!("{}.{key}", section.name);
            let mut steps = steps.to_vec();
            steps.push(key.clone());
            if key.contains('.') {
                self.unknown_key(section, &key, &path, &steps);
            } else if let Some(inner) = options::section(&path) {
                match value {
                    Value::Dict(tag, keys) if !inner.repeated => {
                        let keys = self.keys(inner, &steps, keys);
                        kept.insert(key, Value::Dict(tag, keys));
                    }
                    value if inner.repeated => self.repeated(inner, &steps, value),
                    _ => self.no_section(inner, &steps),
                }
            } else if let Some(setting) = options::setting(&path) {
                match setting.kind.check(&value) {
                    Ok(()) => {
                        kept.insert(key, value);
                    }
                    Err(complaints) => {
                        self.broken.insert(path.clone());
                        for complaint in complaints {
                            let mut steps = steps.clone();
                            steps.extend(complaint.element.map(|index| index.to_string()));
                            self.error(
                                &steps,
                                Aim::Value,
                                format!("`{path}` does not take this value"),
                                complaint.why,
                                complaint.fix,
                            );
                        }
                    }
                }
            } else {
                self.unknown_key(section, &key, &path, &steps);
            }
        }
        kept
    }

    fn repeated(&mut self, section: &'static Section, steps: &[String], value: Value) {
        let Value::Array(tag, elements) = value else {
            self.broken.insert(section.name.to_owned());
            let name = section.name;
            return self.error(
                steps,
                Aim::Key,
                format!("`{name}` is a list of tables"),
                "it may stand many times",
                format!("write [[{name}]], with double brackets"),
            );
        };
        let mut kept = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let mut steps = steps.to_vec();
            steps.push(index.to_string());
            let before = self.problems.len();
            let Value::Dict(tag, keys) = element else {
                self.broken.insert(section.name.to_owned());
                self.error(
                    &steps,
                    Aim::Value,
                    format!("`{}` is a list of tables", section.name),
                    "a single value stands here",
                    "write { key = value, ... } or a [[table]]".to_owned(),
                );
                continue;
            };
            for required in section
                .required
                .iter()
                .filter(|key| !keys.contains_key(**key))
            {
                let path = format!("{}.{required}", section.name);
                let summary = options::setting(&path).map_or("", |setting| setting.summary);
                let example = options::setting(&path).map_or("", |setting| setting.example);
                self.error(
                    &steps,
                    Aim::Value,
                    format!("`{required}` is missing in [[{}]]", section.name),
                    format!("every such table needs it: {summary}"),
                    format!("add a line like {required} = {example}"),
                );
            }
            let keys = self.keys(section, &steps, keys);
            if self.problems.len() == before {
                kept.push(Value::Dict(tag, keys));
            } else {
                self.broken.insert(section.name.to_owned());
            }
        }
        let list = Value::Array(tag, kept);
        insert(&mut self.tables, section.name, list);
    }

    fn no_section(&mut self, section: &Section, steps: &[String]) {
        let name = section.name;
        self.broken.insert(name.to_owned());
        self.error(
            steps,
            Aim::Key,
            format!("`{name}` is a section"),
            "a single value stands here",
            format!("write [{name}] on a line of its own, and its keys below"),
        );
    }

    fn unknown_section(&mut self, name: &str) {
        let steps = [name.to_owned()];
        let (why, fix) = if let Some(section) = options::nearest_section(name) {
            (
                format!("there is no section [{name}]"),
                format!("did you mean [{section}]?"),
            )
        } else if let Some(path) = options::settings()
            .find(|setting| setting.key() == name)
            .map(|setting| setting.path)
        {
            (
                format!("`{name}` is no section, and keys stand in sections"),
                format!("did you mean `{path}`? It stands in its own section"),
            )
        } else {
            let names: Vec<String> = options::SECTIONS
                .iter()
                .map(|section| format!("[{}]", section.name))
                .collect();
            (
                format!("there is no section [{name}]"),
                format!("there are {}", names.join(", ")),
            )
        };
        self.error(
            &steps,
            Aim::Key,
            format!("unknown section `{name}`"),
            why,
            fix,
        );
    }

    fn unknown_key(&mut self, section: &Section, key: &str, path: &str, steps: &[String]) {
        let fix = match options::nearest(path).and_then(options::setting) {
            Some(near) if near.section() == section.name => format!(
                "did you mean `{}`? See suimon check --explain {}",
                near.key(),
                near.path
            ),
            Some(near) => format!(
                "did you mean `{}` of section [{}]? See suimon check --explain {}",
                near.key(),
                near.section(),
                near.path
            ),
            None => format!("see suimon check --explain {}", section.name),
        };
        self.error(
            steps,
            Aim::Key,
            format!("unknown key `{key}`"),
            format!("section [{}] has no such key", section.name),
            fix,
        );
    }

    fn error(
        &mut self,
        steps: &[String],
        aim: Aim,
        what: String,
        why: impl Into<String>,
        fix: String,
    ) {
        self.problems
            .push(Problem::error(self.layer.place(steps, aim), what, why, fix));
    }
}
