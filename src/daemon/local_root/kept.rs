//! How does the copy of the root zone outlive the process? One zone file in the state directory, which other tools read as well.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::daemon::state_file::StateFile;
use crate::wire::{Record, text::rdata_to_text};

/// The file's name in the state directory.
pub(super) const FILE: &str = "local-root.zone";
/// What a file that is of no use is renamed to.
pub(super) const ASIDE: &str = "local-root.zone.unusable";
/// How the first line begins; the moment at which the copy was known to be the newest follows, wall seconds.
const HEAD: &str = "; suimon local-root 1, checked ";
/// Text takes no more than so many times the octets of the wire form.
const TEXT: u64 = 4;

/// What stands in the file.
pub(super) struct Kept {
    pub(super) text: String,
    /// Wall seconds at which it was known to be the newest.
    pub(super) checked: u64,
}

/// The file.
pub(super) struct KeptFile(StateFile);

impl KeptFile {
    pub(super) fn of(directory: &Path, max_bytes: u64) -> Self {
        let longest = max_bytes.saturating_mul(TEXT);
        Self(StateFile::of(directory, FILE, longest))
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// What was kept; nothing if there is no file yet.
    ///
    /// # Errors
    /// It cannot be read, or does not begin as it should.
    pub(super) fn read(&self) -> io::Result<Option<Kept>> {
        let Some(octets) = self.0.read()? else {
            return Ok(None);
        };
        let text = String::from_utf8(octets).map_err(io::Error::other)?;
        let first = text.lines().next().unwrap_or_default();
        let checked = first.strip_prefix(HEAD).and_then(|at| at.parse().ok());
        let checked = checked.ok_or_else(|| {
            io::Error::other("its first line is not one that this suimond writes")
        })?;
        Ok(Some(Kept { text, checked }))
    }

    /// A new text in place of the old one.
    pub(super) fn replace(&self, text: &str) -> io::Result<()> {
        self.0.replace(text.as_bytes())
    }

    /// Writes another moment into the first line.
    pub(super) fn note_checked(&self, at: u64) -> io::Result<()> {
        let Some(Kept { text, .. }) = self.read()? else {
            return Ok(());
        };
        let zone = text.split_once('\n').map_or("", |(_, zone)| zone);
        self.replace(&format!("{HEAD}{at}\n{zone}"))
    }

    pub(super) fn put_aside(&self) -> io::Result<PathBuf> {
        self.0.put_aside(ASIDE)
    }
}

/// The text of a zone that was known to be the newest at `checked` (wall seconds).
pub(super) fn text(records: &[Record], checked: u64) -> String {
    let mut text = format!("{HEAD}{checked}\n");
    for record in records {
        let data = rdata_to_text(record.rtype, &record.rdata);
        let (owner, ttl, rtype) = (&record.owner, record.ttl, record.rtype);
        let _ = writeln!(text, "{owner} {ttl} IN {rtype} {data}");
    }
    text
}
