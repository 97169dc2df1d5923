//! How does what the operator said at run time outlive the process? A list in a small JSON file of the state directory.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::state_file::StateFile;

/// Schema of these files.
const SCHEMA: u64 = 1;

/// One such file.
#[derive(Debug)]
pub(super) struct KeptList {
    file: StateFile,
    kind: Kind,
}

/// What stands in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// The file's name in the state directory.
    pub(super) file: &'static str,
    /// The list's name in the file.
    pub(super) key: &'static str,
    /// Longest file that is read, octets.
    pub(super) longest: u64,
    /// What the entries are, for the log.
    pub(super) what: &'static str,
    /// By which command one is made again.
    pub(super) again: &'static str,
}

impl KeptList {
    /// In this directory.
    pub(super) fn of(state_dir: &Path, kind: Kind) -> Self {
        Self {
            file: StateFile::of(state_dir, kind.file, kind.longest),
            kind,
        }
    }

    /// What was kept; nothing if there is no file yet. One that cannot be used is set aside, with one line of log.
    pub(super) fn load<T: DeserializeOwned>(&self) -> Vec<T> {
        self.read().unwrap_or_else(|error| {
            let aside = self.file.put_aside(&format!("{}.bad", self.kind.file));
            let aside = match aside {
                Ok(to) => format!("moved to {}", to.display()),
                Err(error) => format!("and cannot be moved aside ({error})"),
            };
            tracing::warn!(
                file = %self.file.path().display(),
                why = %error,
                aside,
                "{} of before the start are lost, the file cannot be used; make them again with `{}`",
                self.kind.what,
                self.kind.again
            );
            Vec::new()
        })
    }

    /// Keeps the list; whether that worked. If not, a line of log says so.
    pub(super) fn save<T: Serialize>(&self, list: &[T]) -> bool {
        let whole = json!({ "schema": SCHEMA, self.kind.key: list });
        let written = serde_json::to_vec_pretty(&whole)
            .map_err(io::Error::other)
            .and_then(|octets| self.file.replace(&octets));
        if let Err(error) = &written {
            tracing::warn!(
                directory = %self.file.directory().display(),
                %error,
                "{} cannot be kept: a restart will not know of them",
                self.kind.what
            );
        }
        written.is_ok()
    }

    /// One entry of before the start means nothing.
    pub(super) fn complain(&self, entry: &str, why: &str) {
        tracing::warn!(
            file = %self.file.path().display(),
            entry,
            why,
            "one of the {} of before the start is lost; make it again with `{}`",
            self.kind.what,
            self.kind.again
        );
    }

    fn read<T: DeserializeOwned>(&self) -> io::Result<Vec<T>> {
        let Some(octets) = self.file.read()? else {
            return Ok(Vec::new());
        };
        let mut whole: Value = serde_json::from_slice(&octets)?;
        match whole.get("schema").and_then(Value::as_u64) {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(io::Error::other(format!(
                    "it has schema {other}, and this suimond knows schema {SCHEMA}"
                )));
            }
            None => return Err(io::Error::other("it has no schema")),
        }
        let list = whole.get_mut(self.kind.key).map(Value::take);
        let list = list.ok_or_else(|| io::Error::other(format!("it has no {}", self.kind.key)))?;
        Ok(serde_json::from_value(list)?)
    }
}
