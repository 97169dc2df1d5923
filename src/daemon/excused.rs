//! How do the zones excused from validation at run time outlive the process? One small file in the state directory.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::state_file::StateFile;
use crate::dnssec::{Excused, ExcusedZones};

/// The file's name in the state directory.
const FILE: &str = "negative-anchors.json";

/// Longest file that is read, octets: the most zones with the longest names and reasons, thrice.
const LONGEST: u64 = 1 << 20;

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    schema: u32,
    negative_anchors: Vec<KeptAnchor>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptAnchor {
    zone: String,
    /// Wall seconds.
    until: u64,
    #[serde(default)]
    reason: String,
}

/// Where they are kept.
#[derive(Debug)]
pub(super) struct Keeper {
    file: StateFile,
}

impl Keeper {
    /// In this directory.
    pub(super) fn of(state_dir: &Path) -> Self {
        Self {
            file: StateFile::of(state_dir, FILE, LONGEST),
        }
    }

    /// The zones that were excused before and have not ended at `at` (wall seconds). What cannot be read is said once.
    pub(super) fn load(&self, at: u64) -> ExcusedZones {
        let zones = ExcusedZones::default();
        match self.read() {
            Ok(None) => {}
            Ok(Some(kept)) => {
                for anchor in kept
                    .negative_anchors
                    .into_iter()
                    .filter(|one| at < one.until)
                {
                    match anchor.zone.parse() {
                        Ok(zone) => {
                            let _full = zones.add(Excused {
                                zone,
                                until: anchor.until,
                                reason: anchor.reason,
                            });
                        }
                        Err(error) => self.complain(&format!("{}: {error}", anchor.zone)),
                    }
                }
            }
            Err(error) => self.complain(&error.to_string()),
        }
        zones
    }

    /// Keeps them; whether that worked.
    pub(super) fn save(&self, zones: &ExcusedZones) -> bool {
        let kept = Kept {
            schema: 1,
            negative_anchors: zones
                .list()
                .iter()
                .map(|excused| KeptAnchor {
                    zone: excused.zone.to_string(),
                    until: excused.until,
                    reason: excused.reason.clone(),
                })
                .collect(),
        };
        match self.write(&kept) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(
                    directory = %self.file.directory().display(),
                    %error,
                    "the negative trust anchors cannot be kept: a restart will not know of them"
                );
                false
            }
        }
    }

    fn read(&self) -> io::Result<Option<Kept>> {
        let Some(octets) = self.file.read()? else {
            return Ok(None);
        };
        let kept: Kept = serde_json::from_slice(&octets)?;
        if kept.schema == 1 {
            Ok(Some(kept))
        } else {
            Err(io::Error::other(format!(
                "it has schema {}, and this suimond knows schema 1",
                kept.schema
            )))
        }
    }

    fn write(&self, kept: &Kept) -> io::Result<()> {
        self.file.replace(&serde_json::to_vec_pretty(kept)?)
    }

    fn complain(&self, why: &str) {
        tracing::warn!(
            file = %self.file.path().display(),
            why,
            "negative trust anchors of before the start are lost: the file cannot be read; add them again with `suimon nta add`"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_excused_is_excused_after_a_restart_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let keeper = Keeper::of(directory.path());
        let zones = keeper.load(0);
        assert!(zones.list().is_empty());
        let excused = |zone: &str, until| Excused {
            zone: zone.parse().unwrap(),
            until,
            reason: "why \"not\"".to_owned(),
        };
        zones.add(excused("a.test.", 10)).unwrap();
        zones.add(excused("\\000\\255.test.", 20)).unwrap();
        assert!(keeper.save(&zones));
        assert_eq!(
            keeper.load(9).list().as_ref(),
            [excused("a.test.", 10), excused("\\000\\255.test.", 20)]
        );
        assert_eq!(
            keeper.load(10).list().as_ref(),
            [excused("\\000\\255.test.", 20)]
        );
        let names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, [FILE]);
    }

    #[test]
    fn a_file_that_cannot_be_read_excuses_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let keeper = Keeper::of(directory.path());
        for text in [
            "",
            "{",
            r#"{"schema":2,"negative_anchors":[{"zone":"a.","until":99}]}"#,
            r#"{"schema":1,"negative_anchors":[{"zone":"a..b","until":99}]}"#,
        ] {
            fs::write(directory.path().join(FILE), text).unwrap();
            assert!(keeper.load(0).list().is_empty(), "{text}");
        }
        let nowhere = Keeper::of(&directory.path().join("nowhere"));
        assert!(!nowhere.save(&ExcusedZones::default()));
    }
}
