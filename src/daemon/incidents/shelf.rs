//! Where do incidents lie? One JSON file each in a directory of the state directory, each replaced as a whole.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::calendar::Date;
use crate::daemon::state_file::StateFile;
use crate::ops::control::protocol::{Incident, NoIncident};
use crate::sys::clock::Now;

/// The directory's name in the state directory.
const DIRECTORY: &str = "incidents";
/// What a file's name ends in, and what is added to that of one that cannot be used.
const ENDING: &str = ".json";
const ASIDE: &str = ".bad";
/// Longest file that is read, octets; suimond writes a tenth of that.
const LONGEST: u64 = 256 * 1024;
/// Files that are looked at when suimond starts; the journal never holds so many.
const LOOKED_AT: usize = 20_000;
/// Files set aside that are kept for somebody to look at.
pub(super) const SET_ASIDE: usize = 16;

/// The directory.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    directory: PathBuf,
}

/// What lies there.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) incidents: Vec<Lying>,
    pub(super) aside: Vec<Aside>,
    /// The ids of those that cannot be read now.
    pub(super) unread: Vec<String>,
}

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aside {
    /// When it was set aside, or written last.
    pub(super) since: Date,
    /// Its file's name.
    pub(super) name: String,
}

/// An incident that lies there, and how many octets it takes.
#[derive(Debug)]
pub(super) struct Lying {
    pub(super) incident: Incident,
    pub(super) octets: u64,
    /// Wall seconds when its file was written.
    pub(super) written: u64,
}

/// What lies there after a piece of work.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Left {
    /// A file of so many octets.
    File(u64),
    /// No file.
    Nothing,
    /// One that cannot be used, set aside.
    Aside(Aside),
}

/// Why a file is not taken in.
#[derive(Debug)]
enum Unusable {
    /// It is not there any more.
    Gone,
    /// It will never be readable.
    Damaged(String),
    /// The system refuses it just now, or a later suimond wrote it.
    NotNow(String),
}

impl Shelf {
    pub(super) fn of(state_dir: &Path) -> Self {
        Self {
            directory: state_dir.join(DIRECTORY),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// All that lies there. What is damaged is set aside, with a line of log; what cannot be read now, or only by a later suimond, stays
    /// where it is, with one line for all; what a writing left behind is removed.
    ///
    /// # Errors
    /// The directory cannot be read. That there is none yet is no error.
    pub(super) fn all(&self, now: Now) -> io::Result<Found> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            entries => entries?,
        };
        let mut found = Found::default();
        let mut left: Vec<String> = Vec::new();
        for entry in entries.take(LOOKED_AT) {
            let entry = entry?;
            // Directories and links are none of ours; nothing follows them.
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(ASIDE) {
                let since = modified(&entry.path());
                let since = Date::Before(since, since);
                found.aside.push(Aside { since, name });
                continue;
            }
            if name.ends_with(".new") {
                let _gone_already = fs::remove_file(entry.path());
                continue;
            }
            match self.read_file(&name) {
                Ok(lying) => found.incidents.push(lying),
                Err(Unusable::Gone) => {}
                Err(Unusable::Damaged(why)) => {
                    found.aside.extend(self.set_aside(&name, &why, now).ok());
                }
                Err(Unusable::NotNow(why)) => {
                    left.push(why);
                    let id = name.strip_suffix(ENDING);
                    found.unread.extend(id.map(str::to_owned));
                }
            }
        }
        if let Some(why) = left.first() {
            tracing::warn!(
                directory = %self.directory.display(),
                files = left.len(),
                why,
                "incidents of before the start cannot be read now; they stay there and are not listed, and their details stay in them"
            );
        }
        self.forget_aside(&mut found.aside);
        Ok(found)
    }

    /// One of them, for the id of an incident that is known to lie there.
    pub(super) fn read(&self, id: &str) -> io::Result<Incident> {
        let read = self.read_file(&file_name(id));
        read.map(|lying| lying.incident)
            .map_err(|unusable| io::Error::other(unusable.in_words()))
    }

    /// Lays it there, or a newer one in its place; how many octets it takes. The old one stays whole until the new one is.
    pub(super) fn lay(&self, incident: &Incident) -> io::Result<u64> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let octets = incident.write()?;
        self.file(file_name(&incident.id)).replace(&octets)?;
        Ok(u64::try_from(octets.len()).unwrap_or(u64::MAX))
    }

    /// Takes the details out of one of them. One that is damaged is set aside with them and a line of log: nobody can tell what in it is
    /// a detail and what is all that is left of an attack.
    ///
    /// # Errors
    /// The system refuses to read, write or move it. It is there as it was.
    pub(super) fn strip(&self, id: &str, now: Now) -> io::Result<Left> {
        let name = file_name(id);
        match self.read_file(&name) {
            Ok(Lying { mut incident, .. }) => {
                incident.detail = None;
                self.lay(&incident).map(Left::File)
            }
            Err(Unusable::Gone) => Ok(Left::Nothing),
            Err(Unusable::Damaged(why)) => self.set_aside(&name, &why, now).map(Left::Aside),
            Err(Unusable::NotNow(why)) => Err(io::Error::other(why)),
        }
    }

    /// Takes it away; that it was gone already is no error.
    pub(super) fn take_away(&self, id: &str) -> io::Result<()> {
        self.remove(&file_name(id))
    }

    /// The same of one that was set aside.
    pub(super) fn discard(&self, aside: &str) -> io::Result<()> {
        self.remove(aside)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn file(&self, name: String) -> StateFile {
        StateFile::of(&self.directory, name, LONGEST)
    }

    fn read_file(&self, name: &str) -> Result<Lying, Unusable> {
        let octets = self.file(name.to_owned()).read().map_err(|error| {
            // What the system refuses it may grant another time; what is too long stays so.
            match error.raw_os_error() {
                Some(_) => Unusable::NotNow(format!("{name}: {error}")),
                None => Unusable::Damaged(error.to_string()),
            }
        })?;
        let octets = octets.ok_or(Unusable::Gone)?;
        let incident = Incident::read(&octets).map_err(|error| match error {
            NoIncident::Damaged(why) => Unusable::Damaged(why),
            NoIncident::Later(_) => Unusable::NotNow(format!("{name}: {error}")),
        })?;
        if file_name(&incident.id) != name {
            let why = "its name is not that of the incident in it";
            return Err(Unusable::Damaged(why.to_owned()));
        }
        Ok(Lying {
            incident,
            octets: u64::try_from(octets.len()).unwrap_or(u64::MAX),
            written: modified(&self.directory.join(name)),
        })
    }

    /// Moves a damaged file out of the way, and says so; what it is then. From now on its age counts, so that somebody can look at it
    /// even if it was old, and no restart makes it younger.
    fn set_aside(&self, name: &str, why: &str, now: Now) -> io::Result<Aside> {
        let aside_name = format!("{name}{ASIDE}");
        let aside = self.file(name.to_owned()).put_aside(&aside_name);
        let to = match &aside {
            Ok(to) => format!("moved to {}", to.display()),
            Err(error) => format!("and cannot be moved aside ({error})"),
        };
        tracing::warn!(
            file = %self.directory.join(name).display(),
            why,
            aside = to,
            "the file of an incident cannot be used, and the incident is not listed; it is kept as long as details are (secrecy.detail_for)"
        );
        let path = aside?;
        let since = modified(&path).max(now.wall_secs());
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(since);
        let _then_its_own_time_counts =
            fs::File::open(path).and_then(|file| file.set_modified(time));
        Ok(Aside {
            since: Date::Here(now.mono),
            name: aside_name,
        })
    }

    /// Of files set aside only the youngest are kept.
    fn forget_aside(&self, aside: &mut Vec<Aside>) {
        aside.sort_by_key(|one| std::cmp::Reverse(one.since.order()));
        // One that was there before has given way to another of its name.
        let mut names = BTreeSet::new();
        aside.retain(|one| names.insert(one.name.clone()));
        for old in aside.drain(aside.len().min(SET_ASIDE)..) {
            let _gone_already = self.discard(&old.name);
        }
    }
}

/// When a file was written last, wall seconds; 0 = nobody knows.
fn modified(path: &Path) -> u64 {
    let time = fs::symlink_metadata(path).and_then(|file| file.modified());
    time.ok()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs())
}

impl Unusable {
    fn in_words(self) -> String {
        match self {
            Self::Gone => "it is gone".to_owned(),
            Self::Damaged(why) | Self::NotNow(why) => why,
        }
    }
}

fn file_name(id: &str) -> String {
    format!("{id}{ENDING}")
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const NOW: Now = Now::at_secs(0);

    fn lay(shelf: &Shelf, id: &str) {
        let incident = Incident {
            id: id.to_owned(),
            ..Incident::example()
        };
        shelf.lay(&incident).unwrap();
    }

    #[test]
    fn what_is_laid_there_is_read_again_and_what_is_damaged_or_foreign_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path());
        assert!(
            shelf.all(NOW).unwrap().incidents.is_empty(),
            "nothing there yet"
        );
        for id in ["whole", "cut", "other", "newer"] {
            lay(&shelf, id);
        }
        let path = |name: &str| shelf.directory().join(name);
        let text = fs::read_to_string(path("cut.json")).unwrap();
        fs::write(path("cut.json"), text.split_at(text.len() / 2).0).unwrap();
        fs::rename(path("other.json"), path("another.json")).unwrap();
        let text = fs::read_to_string(path("newer.json")).unwrap();
        fs::write(
            path("newer.json"),
            // Of another shape as well.
            text.replace("\"schema\": 1", "\"schema\": 2")
                .replace("\"kind\"", "\"sort\""),
        )
        .unwrap();
        fs::write(path("notes.txt"), "foreign").unwrap();
        fs::write(path("long.json"), vec![b' '; LONGEST as usize + 1]).unwrap();
        fs::write(path("left.json.new"), "half").unwrap();
        fs::create_dir(path("directory")).unwrap();
        let found = shelf.all(NOW).unwrap().incidents;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].incident.id, "whole");
        assert_eq!(
            found[0].octets,
            fs::metadata(path("whole.json")).unwrap().len()
        );
        let mut names: Vec<String> = fs::read_dir(shelf.directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "another.json.bad",
                "cut.json.bad",
                "directory",
                "long.json.bad",
                "newer.json",
                "notes.txt.bad",
                "whole.json",
            ]
        );
        assert_eq!(
            shelf.all(NOW).unwrap().incidents.len(),
            1,
            "and the next start is quiet"
        );
        assert_eq!(shelf.read("whole").unwrap().kind, "zone_under_attack");
        shelf.take_away("whole").unwrap();
        shelf.take_away("whole").unwrap();
        assert!(shelf.read("whole").is_err());
    }

    #[test]
    fn what_the_system_refuses_is_not_held_for_damaged_and_nobody_else_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path());
        lay(&shelf, "whole");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = shelf.directory().join("whole.json");
        assert_eq!((mode(shelf.directory()), mode(&path)), (0o700, 0o600));
        // EISDIR: the one refusal that root meets, too.
        fs::create_dir(shelf.directory().join("refused.json")).unwrap();
        let read = shelf.read_file("refused.json");
        assert!(matches!(read, Err(Unusable::NotNow(_))), "{read:?}");
        for number in 0..2 * SET_ASIDE {
            let text = "{\"schema\": 2}";
            fs::write(shelf.directory().join(format!("{number}.json")), text).unwrap();
        }
        assert_eq!(shelf.all(NOW).unwrap().incidents.len(), 1);
        let files = fs::read_dir(shelf.directory()).unwrap().count();
        assert_eq!(files, 2 * SET_ASIDE + 2, "all are still there");
    }

    #[test]
    fn files_set_aside_do_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path());
        fs::create_dir(shelf.directory()).unwrap();
        for number in 0..50 {
            fs::write(shelf.directory().join(format!("{number}.json")), "{").unwrap();
        }
        assert!(shelf.all(NOW).unwrap().incidents.is_empty());
        assert_eq!(fs::read_dir(shelf.directory()).unwrap().count(), SET_ASIDE);
    }

    #[test]
    fn the_age_of_a_file_set_aside_counts_from_then_and_no_restart_makes_it_younger() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path());
        lay(&shelf, "cut");
        let path = |name: &str| shelf.directory().join(name);
        fs::write(path("cut.json"), "{").unwrap();
        let file = fs::File::open(path("cut.json")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let aside = |since| Aside {
            since,
            name: "cut.json.bad".to_owned(),
        };
        let here = Date::Here(NOW.mono);
        assert_eq!(shelf.all(NOW).unwrap().aside, [aside(here)]);
        let later = NOW.plus(Duration::from_secs(86_400));
        let then = Date::Before(NOW.wall_secs(), NOW.wall_secs());
        assert_eq!(shelf.all(later).unwrap().aside, [aside(then)]);
        fs::create_dir(path("directory.bad")).unwrap();
        assert_eq!(shelf.all(later).unwrap().aside.len(), 1);
        shelf.discard("cut.json.bad").unwrap();
        shelf.discard("cut.json.bad").unwrap();
        assert!(!path("cut.json.bad").exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_stands_in_a_file_it_is_listed_or_there_as_it_was(
            cut in 0..1_200_usize,
            changes in vec((0..1_200_usize, any::<u8>()), 0..4),
            junk in vec(any::<u8>(), 0..64),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let shelf = Shelf::of(dir.path());
            lay(&shelf, "whole");
            let path = |name: &str| shelf.directory().join(name);
            let mut octets = fs::read(path("whole.json")).unwrap();
            octets.truncate(cut);
            for (at, octet) in changes {
                if let Some(old) = octets.get_mut(at) {
                    *old = octet;
                }
            }
            let files = [("whole.json", octets), ("junk.json", junk)];
            for (name, octets) in &files {
                fs::write(path(name), octets).unwrap();
            }
            let found = shelf.all(NOW).unwrap();
            for (name, octets) in &files {
                let is_listed = found.incidents.iter().any(|one| file_name(&one.incident.id) == *name);
                let is_unread = found.unread.iter().any(|id| file_name(id) == *name);
                let aside = format!("{name}.bad");
                let is_aside = found.aside.iter().any(|one| one.name == aside);
                prop_assert_eq!(u8::from(is_listed) + u8::from(is_unread) + u8::from(is_aside), 1);
                let there = if is_aside { path(&aside) } else { path(name) };
                prop_assert_eq!(&fs::read(there).unwrap(), octets);
            }
            // What is listed loses its details and nothing else.
            for lying in found.incidents {
                let id = &lying.incident.id;
                prop_assert!(matches!(shelf.strip(id, NOW), Ok(Left::File(_))));
                let left = shelf.read(id).unwrap();
                prop_assert_eq!(left, Incident { detail: None, ..lying.incident.clone() });
            }
        }
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        assert!(Incident::is_id("20261122T094708Z-zone-2"));
        for odd in ["", "..", "a/b", "../../etc/passwd", "a.json", "ä"] {
            assert!(!Incident::is_id(odd), "{odd}");
        }
    }
}
