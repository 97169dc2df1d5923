//! Which layer said what? Files, variables and flags as one kind of layer each, checked alone, merged by figment.

use std::collections::BTreeSet;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use toml_edit::Item;

use super::diagnose::{Aim, Place, Problem, SourceFile};
use super::inspect::Inspection;
use super::options::{self, Kind};

/// One source of settings.
#[derive(Debug)]
pub(super) enum Layer {
    /// The option table.
    Defaults,
    /// A file.
    File(Box<SourceFile>),
    /// An environment variable.
    Variable(String),
    /// `--set key=value`.
    Flag(String),
}

impl Layer {
    /// Where it says something about `steps`.
    pub(super) fn place(&self, steps: &[String], aim: Aim) -> Place {
        match self {
            Self::Defaults => Place::Default,
            Self::File(file) => file.place(steps, aim),
            Self::Variable(name) => Place::Variable(name.clone()),
            Self::Flag(text) => Place::Flag(text.clone()),
        }
    }
}

/// All layers, lowest first, and what they say together.
#[derive(Debug, Default)]
pub(super) struct Layers {
    layers: Vec<Layer>,
    figment: Figment,
    merged: Dict,
    broken: BTreeSet<String>,
}

impl Layers {
    /// The lowest layer: every default of the option table.
    pub(super) fn with_defaults() -> Self {
        let mut dict = Dict::new();
        for setting in options::settings() {
            let repeated =
                options::section(setting.section()).is_some_and(|section| section.repeated);
            if let (Some(text), false) = (setting.default, repeated)
                && let Ok(value) = text.parse::<toml_edit::Value>()
            {
                insert(&mut dict, setting.path, value_of(&value));
            }
        }
        let mut layers = Self::default();
        let problems = layers.push(Layer::Defaults, dict);
        debug_assert!(problems.is_empty(), "{problems:?}");
        layers
    }

    /// Lays a file over what is there.
    pub(super) fn push_file(&mut self, file: SourceFile) -> Vec<Problem> {
        let dict = dict_of(file.root());
        self.push(Layer::File(Box::new(file)), dict)
    }

    /// Lays one value over what is there. Whether `path` exists was checked before.
    pub(super) fn push_text(&mut self, layer: Layer, path: &str, text: &str) -> Vec<Problem> {
        let value = match read_text(options::setting(path).map(|setting| setting.kind), text) {
            Ok(value) => value,
            Err(why) => {
                self.broken.insert(path.to_owned());
                return vec![Problem::error(
                    layer.place(&[], Aim::Value),
                    format!("`{path}` cannot be read"),
                    why,
                    "write a TOML list, or the elements with commas between them and no brackets",
                )];
            }
        };
        let mut dict = Dict::new();
        insert(&mut dict, path, value);
        self.push(layer, dict)
    }

    /// Checks a layer alone, keeps what is good of it, and merges that over what is there.
    fn push(&mut self, layer: Layer, dict: Dict) -> Vec<Problem> {
        let mut inspection = Inspection {
            layer: &layer,
            problems: Vec::new(),
            broken: &mut self.broken,
            tables: Dict::new(),
        };
        let values = inspection.sections(dict);
        let (tables, mut problems) = (inspection.tables, inspection.problems);
        if matches!(layer, Layer::File(_)) {
            problems.extend(self.replaced_lists(&layer, &values));
        }
        let adds_up = matches!(layer, Layer::File(_));
        let index = self.layers.len();
        self.layers.push(layer);
        let figment = std::mem::take(&mut self.figment).merge(Merged {
            index,
            dict: values,
        });
        let tables = Merged {
            index,
            dict: tables,
        };
        self.figment = if adds_up {
            figment.admerge(tables)
        } else {
            figment.merge(tables)
        };
        self.merged = self
            .figment
            .data()
            .ok()
            .and_then(|mut profiles| profiles.remove(&Profile::Default))
            .unwrap_or_default();
        problems
    }

    /// Warnings for lists of `[acl]`, `[policy]` and `[dnssec]` that this file takes from an earlier one.
    fn replaced_lists(&self, layer: &Layer, values: &Dict) -> Vec<Problem> {
        let mut problems = Vec::new();
        for section in ["acl", "policy", "dnssec"] {
            let Some(Value::Dict(_, keys)) = values.get(section) else {
                continue;
            };
            for (key, value) in keys {
                let path = format!("{section}.{key}");
                if !matches!(value, Value::Array(..))
                    || !matches!(self.layer_of(&path), Some(Layer::File(_)))
                {
                    continue;
                }
                problems.push(Problem::warning(
                    layer.place(&steps(&path), Aim::Key),
                    format!("`{path}` replaces the list of an earlier file"),
                    format!(
                        "it was set at {}, and the file read last has the whole word on a list",
                        self.place(&path)
                    ),
                    if section == "acl" {
                        "keep the list in one file, or use [[acl.rule]] tables, which add up"
                    } else {
                        "keep the list in one file"
                    },
                ));
            }
        }
        problems
    }

    /// What all layers say together, as file types.
    pub(super) fn extract(&self) -> Result<super::file::File, Box<Problem>> {
        Value::from(self.merged.clone())
            .deserialize()
            .map_err(|error: figment::Error| {
                let place = self.place(&error.path.join("."));
                Box::new(Problem::error(
                    place,
                    error.kind.to_string(),
                    "the option table and the file types disagree",
                    "report this as a bug",
                ))
            })
    }

    /// Where the value at `path` (`"forward.0.servers.1"`) was written.
    pub(super) fn place(&self, path: &str) -> Place {
        let (layer, steps) = self.trace(path);
        layer.map_or(Place::Default, |layer| layer.place(&steps, Aim::Value))
    }

    /// Whether some layer above the defaults set `path`.
    pub(super) fn is_written(&self, path: &str) -> bool {
        !matches!(self.layer_of(path), None | Some(Layer::Defaults))
    }

    /// Whether any value below `prefix` was refused, so that what depends on it cannot be judged.
    pub(super) fn is_broken(&self, prefix: &str) -> bool {
        self.broken.iter().any(|path| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The merged value at `path`.
    pub(super) fn value(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let value = self.merged.get(first)?;
        if rest.is_empty() {
            Some(value)
        } else {
            value.find_ref(rest)
        }
    }

    fn layer_of(&self, path: &str) -> Option<&Layer> {
        self.value(path)
            .and_then(|value| self.layer_of_value(value))
    }

    fn layer_of_value(&self, value: &Value) -> Option<&Layer> {
        self.index_of(value)
            .and_then(|index| self.layers.get(index))
    }

    fn index_of(&self, value: &Value) -> Option<usize> {
        self.figment.get_metadata(value.tag())?.name.parse().ok()
    }

    /// The layer of the deepest part of `path` that exists, and the path in that layer's own count of elements.
    fn trace(&self, path: &str) -> (Option<&Layer>, Vec<String>) {
        let mut local = Vec::new();
        let mut all = steps(path).into_iter();
        let Some(first) = all.next() else {
            return (None, local);
        };
        let Some(mut value) = self.merged.get(&first) else {
            return (None, local);
        };
        local.push(first);
        for step in all {
            match value {
                Value::Dict(_, dict) => match dict.get(&step) {
                    Some(next) => {
                        local.push(step);
                        value = next;
                    }
                    None => break,
                },
                Value::Array(_, elements) => {
                    let Some((index, next)) = step
                        .parse::<usize>()
                        .ok()
                        .and_then(|index| Some((index, elements.get(index)?)))
                    else {
                        break;
                    };
                    let layer = self.index_of(next);
                    let before = elements
                        .iter()
                        .take(index)
                        .filter(|element| self.index_of(element) == layer);
                    local.push(before.count().to_string());
                    value = next;
                }
                _ => break,
            }
        }
        (self.layer_of_value(value), local)
    }
}

/// A dictionary on its way into figment, labelled with the number of its layer.
struct Merged {
    index: usize,
    dict: Dict,
}

impl Provider for Merged {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.index.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

fn steps(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// Puts `value` at the dotted `path`, making the tables on the way.
pub(super) fn insert(dict: &mut Dict, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            dict.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = dict
                .entry(first.to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The value of a variable or flag: text where text is wanted, lists with commas or as TOML, TOML otherwise, text failing that.
fn read_text(kind: Option<Kind>, text: &str) -> Result<Value, String> {
    let toml = || {
        text.trim()
            .parse::<toml_edit::Value>()
            .map(|value| value_of(&value))
    };
    match kind {
        Some(kind) if kind.is_text() => Ok(match toml() {
            Ok(value @ Value::String(..)) => value,
            _ => Value::from(text),
        }),
        Some(kind) if kind.is_list() && !text.trim_start().starts_with('[') => {
            if kind == Kind::Records {
                return Ok(Value::from(vec![Value::from(text)]));
            }
            let elements = text
                .split(',')
                .map(str::trim)
                .filter(|element| !element.is_empty());
            Ok(Value::from(
                elements
                    .map(|element| match element.parse::<i64>() {
                        Ok(number) if kind == Kind::Ports => Value::from(number),
                        _ => Value::from(element),
                    })
                    .collect::<Vec<Value>>(),
            ))
        }
        Some(kind) if kind.is_list() => toml().map_err(|error| error.message().to_owned()),
        Some(_) => Ok(toml().unwrap_or_else(|_| Value::from(text))),
        None => toml().map_err(|error| error.message().to_owned()),
    }
}

fn dict_of(table: &dyn toml_edit::TableLike) -> Dict {
    table
        .iter()
        .filter_map(|(key, item)| Some((key.to_owned(), item_value(item)?)))
        .collect()
}

fn item_value(item: &Item) -> Option<Value> {
    match item {
        Item::None => None,
        Item::Value(value) => Some(value_of(value)),
        Item::Table(table) => Some(Value::from(dict_of(table))),
        Item::ArrayOfTables(tables) => Some(Value::from(
            tables
                .iter()
                .map(|table| Value::from(dict_of(table)))
                .collect::<Vec<Value>>(),
        )),
    }
}

fn value_of(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => Value::from(*number.value()),
        toml_edit::Value::Boolean(switch) => Value::from(*switch.value()),
        toml_edit::Value::Datetime(time) => Value::from(time.value().to_string()),
        toml_edit::Value::Array(array) => {
            Value::from(array.iter().map(value_of).collect::<Vec<Value>>())
        }
        toml_edit::Value::InlineTable(table) => Value::from(dict_of(table)),
    }
}
