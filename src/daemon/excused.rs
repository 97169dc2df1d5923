//! How do the zones excused from validation at run time outlive the process? One small file in the state directory.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::kept_list::{KeptList, Kind};
use crate::dnssec::{Excused, ExcusedZones};

/// The file. The most zones with the longest names and reasons take a third of what is read at most.
const KIND: Kind = Kind {
    file: "negative-anchors.json",
    key: "negative_anchors",
    longest: 1 << 20,
    what: "negative trust anchors",
    again: "suimon nta add",
};

/// One zone, as it stands in the file.
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
pub(super) struct Keeper(KeptList);

impl Keeper {
    /// In this directory.
    pub(super) fn of(state_dir: &Path) -> Self {
        Self(KeptList::of(state_dir, KIND))
    }

    /// The zones that were excused before and have not ended at `at` (wall seconds). What cannot be used is said once.
    pub(super) fn load(&self, at: u64) -> ExcusedZones {
        let zones = ExcusedZones::default();
        let kept = self.0.load::<KeptAnchor>().into_iter();
        for anchor in kept.filter(|one| at < one.until) {
            match anchor.zone.parse() {
                Ok(zone) => {
                    let _full = zones.add(Excused {
                        zone,
                        until: anchor.until,
                        reason: anchor.reason,
                    });
                }
                Err(error) => self.0.complain(&anchor.zone, &error.to_string()),
            }
        }
        zones
    }

    /// Keeps them; whether that worked.
    pub(super) fn save(&self, zones: &ExcusedZones) -> bool {
        let kept: Vec<KeptAnchor> = zones
            .list()
            .iter()
            .map(|excused| KeptAnchor {
                zone: excused.zone.to_string(),
                until: excused.until,
                reason: excused.reason.clone(),
            })
            .collect();
        self.0.save(&kept)
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
        assert_eq!(names, [KIND.file]);
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
            fs::write(directory.path().join(KIND.file), text).unwrap();
            assert!(keeper.load(0).list().is_empty(), "{text}");
        }
        // What it said is not lost with the next zone that is excused.
        fs::write(directory.path().join(KIND.file), "{").unwrap();
        keeper.save(&keeper.load(0));
        let aside = directory.path().join("negative-anchors.json.bad");
        assert_eq!(fs::read_to_string(aside).unwrap(), "{");
        let nowhere = Keeper::of(&directory.path().join("nowhere"));
        assert!(!nowhere.save(&ExcusedZones::default()));
    }
}
