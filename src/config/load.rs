//! How does a configuration come together? Defaults, file, conf.d, environment and flags, then every check.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use figment::value::{Num, Value};

use super::check;
use super::diagnose::{Place, Problem, SourceFile};
use super::hints;
use super::layers::{Layer, Layers};
use super::options;
use super::plan::Plan;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "/etc/suimon/suimon.toml";

/// Where Debian's package publicsuffix puts the list.
const SYSTEM_SUFFIXES: &str = "/usr/share/publicsuffix/public_suffix_list.dat";

/// Where settings come from. Nothing of the process is read but these files.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config FILE`: must exist.
    pub file: Option<PathBuf>,
    /// Read when no file is named; need not exist.
    pub defaults_path: Option<PathBuf>,
    /// The environment; only names that begin with `SUIMON_` count.
    pub environment: Vec<(String, String)>,
    /// `--set section.key=value`, in order.
    pub sets: Vec<String>,
    /// Root hints of the system, used when there and `recursion.root_hints` is not set.
    pub system_root_hints: Option<PathBuf>,
    /// The public suffix list of the system, used when there and `zone_guard.public_suffixes` is not set.
    pub system_suffixes: Option<PathBuf>,
    /// Wall seconds now, to tell what has ended already; nothing = it is not told.
    pub now: Option<u64>,
}

impl Sources {
    /// No file, no environment, no flags: the built-in defaults.
    #[must_use]
    pub fn none() -> Self {
        Self {
            system_root_hints: Some(PathBuf::from(hints::SYSTEM_FILE)),
            system_suffixes: Some(PathBuf::from(SYSTEM_SUFFIXES)),
            ..Self::default()
        }
    }

    /// What a program started with `--config file` and `--set` flags reads at `now` (wall seconds); `environment` is
    /// `std::env::vars_os()`.
    pub fn of_process(
        now: u64,
        file: Option<PathBuf>,
        sets: Vec<String>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let environment = environment
            .into_iter()
            .filter_map(|(name, value)| {
                Some((
                    name.into_string().ok()?,
                    value.to_string_lossy().into_owned(),
                ))
            })
            .filter(|(name, _)| name.starts_with("SUIMON_"))
            .collect();
        Self {
            file,
            defaults_path: Some(PathBuf::from(DEFAULT_FILE)),
            environment,
            sets,
            now: Some(now),
            ..Self::none()
        }
    }
}

/// A configuration that holds.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What runs.
    pub plan: Plan,
    /// What someone should look at.
    pub warnings: Vec<Problem>,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// The files that these name and that are read as well: trust anchors, secrets of cookies, the root zone.
    pub named_files: Vec<PathBuf>,
    /// Every setting in force as TOML, each with the place it comes from.
    pub effective: String,
}

/// Reads, layers and checks a configuration.
///
/// # Errors
/// Every problem found, errors first, warnings after them.
pub fn load(sources: &Sources) -> Result<Loaded, Vec<Problem>> {
    let mut layers = Layers::with_defaults();
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for (path, named) in paths(sources, &mut problems) {
        match std::fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) => {
                match SourceFile::parse(&path, text) {
                    Ok(file) => problems.extend(layers.push_file(file)),
                    Err(problem) => problems.push(*problem),
                }
                files.push(path);
            }
            Ok(Err(error)) => problems.push(not_utf8(&path, &error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => {}
            Err(error) => problems.push(Problem::error(
                Place::File(path),
                "this configuration file cannot be read",
                error.to_string(),
                if error.kind() == io::ErrorKind::NotFound {
                    "name a file that exists, or leave --config out"
                } else {
                    "let the user that runs this read it"
                },
            )),
        }
    }
    finish(sources, layers, problems, files)
}

/// Checks `text` as if it were the only file, without conf.d, environment and flags. `name` stands in problems.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &Path, text: &str) -> Result<Loaded, Vec<Problem>> {
    let mut layers = Layers::with_defaults();
    match SourceFile::parse(name, text.to_owned()) {
        Ok(file) => {
            let problems = layers.push_file(file);
            finish(&Sources::none(), layers, problems, vec![name.to_owned()])
        }
        Err(problem) => Err(vec![*problem]),
    }
}

/// Lays environment and flags over the files, and makes the plan.
fn finish(
    sources: &Sources,
    mut layers: Layers,
    mut problems: Vec<Problem>,
    files: Vec<PathBuf>,
) -> Result<Loaded, Vec<Problem>> {
    for (name, text) in &sources.environment {
        problems.extend(lay_variable(&mut layers, name, text));
    }
    for text in &sources.sets {
        problems.extend(lay_flag(&mut layers, text));
    }
    let file = match layers.extract() {
        Ok(file) => file,
        Err(problem) => {
            problems.push(*problem);
            return Err(problems);
        }
    };
    let (plan, found) = check::plan(
        &file,
        &layers,
        check::SystemFiles {
            root_hints: sources.system_root_hints.as_deref(),
            suffixes: sources.system_suffixes.as_deref(),
        },
        sources.now,
    );
    problems.extend(found);
    problems.sort_by(Problem::reading_order);
    if problems.iter().any(Problem::is_error) {
        return Err(problems);
    }
    let root_file = plan.local_root.as_ref().and_then(|root| root.file.clone());
    Ok(Loaded {
        plan,
        warnings: problems,
        files,
        named_files: file
            .dnssec
            .trust_anchor_files
            .into_iter()
            .chain(file.cookies.secret_file)
            .chain(root_file)
            .collect(),
        effective: effective(&layers),
    })
}

impl Default for Plan {
    /// What runs without any configuration: loopback serves loopback.
    #[expect(
        clippy::expect_used,
        reason = "the option table alone is valid; a test holds it so"
    )]
    fn default() -> Self {
        load(&Sources::none()).expect("the defaults hold").plan
    }
}

/// The main file, whether it must exist, and the files of conf.d beside it, sorted.
fn paths(sources: &Sources, problems: &mut Vec<Problem>) -> Vec<(PathBuf, bool)> {
    let named = sources.file.is_some();
    let Some(main) = sources
        .file
        .clone()
        .or_else(|| sources.defaults_path.clone())
    else {
        return Vec::new();
    };
    let directory = main
        .parent()
        .unwrap_or_else(|| Path::new(""))
        .join("conf.d");
    let listed = std::fs::read_dir(&directory).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<PathBuf>>>()
    });
    let mut more = match listed {
        Ok(paths) => paths,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Vec::new()
        }
        Err(error) => {
            problems.push(Problem::error(
                Place::File(directory),
                "this directory cannot be read",
                error.to_string(),
                "let the user that runs this read it",
            ));
            Vec::new()
        }
    };
    more.retain(|path| {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        !hidden
            && path
                .extension()
                .is_some_and(|extension| extension == "toml")
    });
    more.sort();
    let mut all = vec![(main, named)];
    all.extend(more.into_iter().map(|path| (path, true)));
    all
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Problem {
    let start = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    Problem::error(
        Place::in_text(path, &text, &(start..start + 1)),
        "this file is not UTF-8 text",
        "TOML is UTF-8 without exception",
        "save it as UTF-8 (iconv -f latin1 -t utf8)",
    )
}

fn lay_variable(layers: &mut Layers, name: &str, text: &str) -> Vec<Problem> {
    if !name.starts_with("SUIMON_") {
        return Vec::new();
    }
    let variables = || {
        let tables = options::SECTIONS
            .iter()
            .filter(|section| section.repeated)
            .map(|section| section.name);
        let settings = options::settings()
            .filter(|setting| setting.variable().is_some())
            .map(|setting| setting.path);
        settings.chain(tables).map(|path| (variable(path), path))
    };
    let found = variables()
        .find(|(variable, _)| variable == name)
        .map(|(_, path)| path);
    if let Some(path) = found {
        return layers.push_text(Layer::Variable(name.to_owned()), path, text);
    }
    let all: Vec<(String, &str)> = variables().collect();
    let near = options::closest(
        name,
        all.iter()
            .map(|(variable, _)| (variable.as_str(), variable.as_str())),
    );
    vec![Problem::error(
        Place::Variable(name.to_owned()),
        format!("unknown variable `{name}`"),
        "variables that begin with SUIMON_ set SUIMON_SECTION__KEY (two underscores between them), and this one sets nothing",
        near.map_or_else(
            || "unset it".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ),
    )]
}

fn variable(path: &str) -> String {
    format!("SUIMON_{}", path.to_ascii_uppercase().replace('.', "__"))
}

fn lay_flag(layers: &mut Layers, text: &str) -> Vec<Problem> {
    let flag = format!("--set {text}");
    let Some((path, value)) = text.split_once('=') else {
        return vec![Problem::error(
            Place::Flag(flag),
            "there is no `=` in this flag",
            "--set takes section.key=value",
            format!("write --set {text}=VALUE"),
        )];
    };
    let path = path.trim();
    let repeated = options::section(path).is_some_and(|section| section.repeated);
    let of_table = options::setting(path)
        .and_then(|setting| options::section(setting.section()))
        .filter(|section| section.repeated);
    if let Some(table) = of_table {
        return vec![Problem::error(
            Place::Flag(flag),
            format!("`{path}` cannot be set alone"),
            format!(
                "[[{}]] may stand many times, and a flag does not say which",
                table.name
            ),
            format!(
                "write --set '{}=[{{ ... }}]' with whole tables, or use a file",
                table.name
            ),
        )];
    }
    if repeated || options::setting(path).is_some() {
        return layers.push_text(Layer::Flag(flag), path, value);
    }
    let fix = options::nearest(path).map_or_else(
        || "see suimon.toml(5) for all keys".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    vec![Problem::error(
        Place::Flag(flag),
        format!("unknown key `{path}`"),
        "--set takes section.key=value of a key that exists",
        fix,
    )]
}

/// Every setting in force as TOML, with its place.
fn effective(layers: &Layers) -> String {
    let mut text = String::new();
    for section in options::SECTIONS {
        if section.repeated {
            let Some(Value::Array(_, tables)) = layers.value(section.name) else {
                continue;
            };
            for (index, table) in tables.iter().enumerate() {
                let place = layers.place(&format!("{}.{index}", section.name));
                let _ = write!(text, "\n[[{}]]    # {}\n", section.name, comment(&place));
                for (key, value) in table.as_dict().into_iter().flatten() {
                    let _ = writeln!(text, "{key} = {}", toml(value));
                }
            }
            continue;
        }
        let _ = write!(text, "\n[{}]\n", section.name);
        for setting in options::settings().filter(|setting| setting.section() == section.name) {
            if let Some(value) = layers.value(setting.path) {
                let place = layers.place(setting.path);
                let _ = writeln!(
                    text,
                    "{} = {}    # {}",
                    setting.key(),
                    toml(value),
                    comment(&place)
                );
            }
        }
    }
    text.trim_start().to_owned()
}

fn comment(place: &Place) -> String {
    place.to_string().replace(char::is_control, " ")
}

/// A value as TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::String(_, text) => toml_edit::Value::from(text.as_str()).to_string(),
        Value::Char(_, letter) => toml_edit::Value::from(letter.to_string()).to_string(),
        Value::Bool(_, switch) => switch.to_string(),
        Value::Num(_, Num::F32(number)) => number.to_string(),
        Value::Num(_, Num::F64(number)) => number.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map_or_else(String::new, |number| number.to_string()),
        Value::Empty(..) => String::new(),
        Value::Array(_, elements) => {
            let elements: Vec<String> = elements.iter().map(toml).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Dict(_, dict) => {
            let pairs: Vec<String> = dict
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
