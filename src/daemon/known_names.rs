//! How do the names known to be real outlive the process? One file in the state directory, written every hour and at the end.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::live::Live;
use super::state_file::StateFile;
use crate::config::plan::{Process, ZoneGuard as Plan, ZoneGuardMode};
use crate::guard::zones::{KnownNames, Unusable};
use crate::sys::clock::Now;

/// The file's name in the state directory, and what it is moved to if it cannot be used.
const FILE: &str = "known-names.bin";
const ASIDE: &str = "known-names.bin.bad";
/// Longest file that is read: two filters of 4 GiB and what stands beside them.
const LONGEST: u64 = 9 << 30;
/// Milliseconds of the monotonic clock between two writings.
const PACE: u64 = 3_600_000;

/// When the file was written last, milliseconds since the start.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    written: AtomicU64,
    /// Held while it is written: two at a time would spoil it.
    writing: Arc<Mutex<()>>,
}

impl Keeper {
    /// The names of before the start. What cannot be used is put aside and said once; the service starts with no names then.
    pub(super) fn load(process: &Process, plan: &Plan, now: Now) -> Option<KnownNames> {
        if plan.mode == ZoneGuardMode::Off {
            return None;
        }
        let file = file(&process.state_dir);
        let at = millis(now);
        match file.read_by(|from| Ok(KnownNames::load(from, plan.known_names, at))) {
            Ok(None) => None,
            Ok(Some(Ok(known))) => {
                tracing::info!(names = known.names(), "names known to be real were read");
                Some(known)
            }
            Ok(Some(Err(why))) => {
                complain(&file, &why);
                None
            }
            Err(error) => {
                complain(&file, &Unusable::Unreadable(error));
                None
            }
        }
    }

    /// Writes the file if an hour has passed; on a thread of its own, for it may be large and the disk may stall: nobody waits for it.
    pub(super) fn see_to_it(&self, live: &Live, now: Now) {
        let at = millis(now);
        if at.saturating_sub(self.written.load(Ordering::Relaxed)) < PACE {
            return;
        }
        self.written.store(at, Ordering::Relaxed);
        let (zones, process) = (Arc::clone(&live.pipeline.zones), live.plan.process.clone());
        let writing = Arc::clone(&self.writing);
        tokio::task::spawn_blocking(move || {
            // If the last one still waits for the disk, so would this one.
            if let Ok(_alone) = writing.try_lock() {
                save(&zones, &process, at);
            }
        });
    }

    /// Writes the file, as far as the disk takes it within `limit`: the service ends.
    pub(super) async fn close(&self, live: &Live, now: Now, limit: Duration) {
        let (zones, process) = (Arc::clone(&live.pipeline.zones), live.plan.process.clone());
        let writing = Arc::clone(&self.writing);
        let last = tokio::task::spawn_blocking(move || {
            let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
            save(&zones, &process, millis(now));
        });
        if tokio::time::timeout(limit, last).await.is_err() {
            tracing::warn!(
                directory = %live.plan.process.state_dir.display(),
                seconds = limit.as_secs(),
                "the disk does not answer, and suimond ends without it: names learned since the last writing are not kept"
            );
        }
    }
}

fn save(zones: &crate::guard::zones::ZoneGuard, process: &Process, at: u64) {
    if !zones.is_on() {
        return;
    }
    let file = file(&process.state_dir);
    if let Err(error) = file.replace_by(|out| zones.known_names().save(out, at)) {
        tracing::warn!(
            file = %file.path().display(),
            %error,
            "the names known to be real cannot be kept: after a restart they are learned anew"
        );
    }
}

fn complain(file: &StateFile, why: &Unusable) {
    let aside = match file.put_aside(ASIDE) {
        Ok(aside) => format!("moved to {}", aside.display()),
        Err(error) => format!("and cannot be moved aside ({error})"),
    };
    tracing::warn!(
        file = %file.path().display(),
        %why,
        aside,
        "the names known to be real of before the start are not used; they are learned anew"
    );
}

fn file(state_dir: &Path) -> StateFile {
    StateFile::of(state_dir, FILE, LONGEST)
}

fn millis(now: Now) -> u64 {
    u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::config;
    use crate::guard::zones::ZoneGuard;

    #[test]
    fn what_is_damaged_is_set_aside_and_what_was_written_is_read() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let mut plan =
            config::load_text(Path::new("t.toml"), "[zone_guard]\nknown_names = '64KiB'")
                .unwrap()
                .plan;
        plan.process.state_dir = dir.path().to_owned();
        let now = Now::at_secs(5);
        let load = || Keeper::load(&plan.process, &plan.zone_guard, now);
        assert!(load().is_none());
        assert_eq!(
            std::fs::read_dir(dir.path())?.count(),
            0,
            "nothing there is nothing wrong"
        );
        let zones = ZoneGuard::new(&plan.zone_guard, None, Arc::default(), now);
        save(&zones, &plan.process, 5_000);
        assert!(load().is_some());
        let path = dir.path().join(FILE);
        let mut octets = std::fs::read(&path)?;
        if let Some(octet) = octets.get_mut(5_000) {
            *octet ^= 1;
        }
        std::fs::write(&path, octets)?;
        assert!(load().is_none());
        assert!(!path.exists() && dir.path().join(ASIDE).exists());
        assert!(load().is_none(), "and the next start finds nothing wrong");
        Ok(())
    }
}
