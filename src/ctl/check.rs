//! `suimon check`: would suimond start with this configuration, and what does an option mean?

use std::path::PathBuf;

use serde::Serialize;

use super::output::{Paint, counted};
use super::{Error, Exit, Session};
use crate::config::plan;
use crate::config::{self, Loaded, Place, Problem, Severity, Sources};
use crate::guard::shape;
use crate::sys::shape::Shape;

/// Check a configuration without starting anything, or explain an option.
///
/// Reads what suimond would read: the file, conf.d beside it, SUIMON_* variables and --set. Every problem is shown with its
/// place, the reason and what to write instead.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file; without it, /etc/suimon/suimon.toml if there is one.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Set one option over everything else; may be repeated.
    #[arg(short, long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,

    /// Explain an option or a section instead.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["set", "effective", "host"])]
    explain: Option<String>,

    /// Also tell which protections against forged sources this host's shape makes impossible or leaves unused.
    #[arg(long)]
    host: bool,

    /// Print every option in force and where it comes from.
    #[arg(long)]
    effective: bool,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        if let Some(key) = &self.explain {
            return explain(key, session);
        }
        let sources = Sources::of_process(
            crate::sys::clock::now().wall_secs(),
            self.file.clone(),
            self.set.clone(),
            std::env::vars_os(),
        );
        let report = CheckReport::of(config::load(&sources), self.effective, self.host);
        session
            .screen
            .show(&report, |paint| human(&report, paint))?;
        Ok(if report.holds { Exit::Done } else { Exit::No })
    }
}

/// What is known of a configuration.
#[derive(Debug, Serialize)]
struct CheckReport {
    /// Whether suimond would run with it.
    holds: bool,
    /// Errors, then warnings.
    problems: Vec<Found>,
    /// Files that were read, in order; only known if it holds.
    files: Vec<PathBuf>,
    /// Every option in force, as TOML with its place; if asked for and it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<String>,
    /// What this host cannot do, or could and does not; if asked for and it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Vec<String>>,
}

/// One problem.
#[derive(Debug, Serialize)]
struct Found {
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// The same for places that are no file: a variable, a flag.
    place: String,
    what: String,
    why: String,
    fix: String,
    /// All of it for people, with the caret.
    text: String,
}

impl CheckReport {
    fn of(loaded: Result<Loaded, Vec<Problem>>, effective: bool, host: bool) -> Self {
        match loaded {
            Ok(loaded) => Self {
                holds: true,
                problems: loaded.warnings.iter().map(Found::of).collect(),
                host: host.then(|| tell_host(&loaded.plan.guard)),
                files: loaded.files,
                effective: effective.then_some(loaded.effective),
            },
            Err(problems) => Self {
                holds: false,
                problems: problems.iter().map(Found::of).collect(),
                files: Vec::new(),
                effective: None,
                host: None,
            },
        }
    }
}

impl Found {
    fn of(problem: &Problem) -> Self {
        let (file, line, column) = match &problem.place {
            Place::Text {
                file, line, column, ..
            } => (Some(file.clone()), Some(*line), Some(*column)),
            Place::File(file) => (Some(file.clone()), None, None),
            Place::Variable(_) | Place::Flag(_) | Place::Default => (None, None, None),
        };
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            file,
            line,
            column,
            place: problem.place.to_string(),
            what: problem.what.clone(),
            why: problem.why.clone(),
            fix: problem.fix.clone(),
            text: problem.to_string(),
        }
    }
}

fn human(report: &CheckReport, paint: Paint) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        let painted = match problem.severity {
            "error" => paint.bad("error:"),
            _ => paint.warn("warning:"),
        };
        let rest = problem
            .text
            .strip_prefix(problem.severity)
            .and_then(|rest| rest.strip_prefix(':'));
        match rest {
            Some(rest) => text += &format!("{painted}{rest}\n\n"),
            None => text += &format!("{}\n\n", problem.text),
        }
    }
    if let Some(effective) = &report.effective {
        text += effective.trim_end();
        text += "\n\n";
    }
    if let Some(host) = &report.host {
        text += &paint.strong("This host");
        text.push('\n');
        for sentence in host {
            text += &format!("  - {sentence}\n");
        }
        if host.is_empty() {
            text += "  nothing stands in the way of the checks that are configured, and none is missing\n";
        }
        text.push('\n');
    }
    let number = |severity| {
        let found = report.problems.iter();
        let matching = found.filter(|problem| problem.severity == severity).count();
        u64::try_from(matching).unwrap_or(u64::MAX)
    };
    let warnings = match number("warning") {
        0 => String::new(),
        some => format!(", {}", counted(some, "warning", "warnings")),
    };
    if report.holds {
        let files: Vec<String> = report
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let read = match files.as_slice() {
            [] => "built-in defaults, there is no file".to_owned(),
            some => some.join(", "),
        };
        text += &format!("{}: {read}{warnings}\n", paint.good("ok"));
    } else {
        text += &format!(
            "{}: {}{warnings}; suimond would not start with it\n",
            paint.bad("not ok"),
            counted(number("error"), "error", "errors")
        );
    }
    text
}

/// What there is to say of the host this runs on.
fn tell_host(plan: &plan::Guard) -> Vec<String> {
    match Shape::of_this_host(shape::clients(plan)) {
        Ok(host) => shape::tell(&host, plan, true),
        Err(error) => vec![format!("its interfaces cannot be read: {error}")],
    }
}

/// An option's whole entry.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    key: &'a str,
    text: String,
}

fn explain(key: &str, session: &mut Session<'_>) -> Result<Exit, Error> {
    let Some(text) = config::explain(key) else {
        let near = config::options::nearest(key).map_or_else(
            || "see suimon.toml(5) for all of them".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        return Err(Error::Usage(format!(
            "there is no option \"{key}\"; {near}"
        )));
    };
    let explanation = Explanation { key, text };
    session
        .screen
        .show(&explanation, |_| explanation.text.clone())?;
    Ok(Exit::Done)
}
