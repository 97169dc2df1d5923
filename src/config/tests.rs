//! Tests of the whole way from text to plan.

mod accepted;
mod arriving;
mod proof;
mod refused;
mod trust;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Loaded, Problem, Sources, load};

/// A directory with `suimon.toml` and whatever else a test puts there.
struct Files(TempDir);

impl Files {
    fn with(text: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put("suimon.toml", text);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn sources(&self) -> Sources {
        Sources {
            file: Some(self.path("suimon.toml")),
            ..Sources::none()
        }
    }

    fn load(&self) -> Result<Loaded, Vec<Problem>> {
        load(&self.sources())
    }

    /// Problems as a person sees them, the directory left out.
    fn shown(&self, problems: &[Problem]) -> Vec<String> {
        let root = format!("{}/", self.0.path().display());
        problems
            .iter()
            .map(|problem| problem.to_string().replace(&root, ""))
            .collect()
    }
}

/// What a person sees who tries to start with `text`; it must be refused.
fn refusal(text: &str) -> String {
    let files = Files::with(text);
    match files.load() {
        Ok(_) => panic!("accepted: {text}"),
        Err(problems) => files.shown(&problems).join("\n\n"),
    }
}

/// The plan and warnings of `text`, which must be accepted.
fn accepted(text: &str) -> Loaded {
    let files = Files::with(text);
    files
        .load()
        .unwrap_or_else(|problems| panic!("{}", files.shown(&problems).join("\n\n")))
}

/// The first lines (`error: ...`) of all problems with `text`, accepted or not.
fn headlines(text: &str) -> Vec<String> {
    let files = Files::with(text);
    let problems = files
        .load()
        .map_or_else(|problems| problems, |loaded| loaded.warnings);
    files
        .shown(&problems)
        .iter()
        .filter_map(|problem| problem.lines().next().map(str::to_owned))
        .collect()
}
