//! Where do frames go? To files that are replaced when they are full, to a socket whose reader may come and go.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::frames::Frames;
use crate::config::plan;
use crate::sys::clock::Now;

/// Time between two attempts to open a file or to reach a reader.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest that a reader may leave us waiting, at the handshake or with a full buffer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file, and those before it: `PATH.1` is the last full one.
pub(super) struct FileSink {
    path: PathBuf,
    /// Octets at which the next one begins.
    most: u64,
    /// Files in all.
    files: u32,
    open: Option<(Frames<BufWriter<File>>, u64)>,
    attempts: Attempts,
}

/// A reader at a socket.
pub(super) struct SocketSink {
    path: PathBuf,
    open: Option<Frames<Stream>>,
    attempts: Attempts,
}

/// When it was tried last, and whether that it did not work has been told.
#[derive(Default)]
struct Attempts {
    last: Option<Now>,
    told: bool,
}

impl FileSink {
    pub(super) fn new(path: PathBuf, plan: &plan::Dnstap) -> Self {
        Self {
            path,
            most: plan.file_size,
            files: plan.files,
            open: None,
            attempts: Attempts::default(),
        }
    }

    pub(super) fn write(&mut self, message: &[u8], now: Now) {
        let octets = u64::try_from(message.len())
            .unwrap_or(u64::MAX)
            .saturating_add(4);
        let full = self
            .open
            .as_ref()
            .is_some_and(|(_, written)| written.saturating_add(octets) > self.most);
        if full && let Some((frames, _)) = self.open.take() {
            let _told_when_opened = frames.end();
            // The next one begins at once, however soon that is.
            self.attempts.last = None;
        }
        if self.open.is_none() && self.attempts.may_try(now) {
            let begun = begin(&self.path, self.files);
            self.open = self
                .attempts
                .came_to(begun, &self.path)
                .map(|frames| (frames, 0));
        }
        let Some((frames, written)) = &mut self.open else {
            return;
        };
        *written = written.saturating_add(octets);
        if let Err(error) = frames.write(message) {
            self.attempts.failed(&error, &self.path);
            self.open = None;
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some((frames, _)) = &mut self.open
            && let Err(error) = frames.flush()
        {
            self.attempts.failed(&error, &self.path);
            self.open = None;
        }
    }

    pub(super) fn end(self) {
        if let Some((frames, _)) = self.open {
            let _nobody_left_to_tell = frames.end();
        }
    }
}

/// A fresh file, after those before it moved on.
fn begin(path: &Path, files: u32) -> io::Result<Frames<BufWriter<File>>> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    if path.exists() {
        for number in (1..files.saturating_sub(1)).rev() {
            let _missing = std::fs::rename(numbered(number), numbered(number + 1));
        }
        if files > 1 {
            std::fs::rename(path, numbered(1))?;
        }
    }
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(path)?;
    Frames::begin(BufWriter::new(file))
}

impl SocketSink {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            attempts: Attempts::default(),
        }
    }

    /// Reaches the reader if there is one, and sends it what is held back.
    pub(super) fn see_to_it(&mut self, now: Now) {
        if self.open.is_none() && self.attempts.may_try(now) {
            let greeted = Stream::connect(&self.path).and_then(Frames::greet);
            self.open = self.attempts.came_to(greeted, &self.path);
        }
        if let Some(frames) = &mut self.open
            && let Err(error) = frames.flush()
        {
            self.attempts.failed(&error, &self.path);
            self.open = None;
        }
    }

    pub(super) fn write(&mut self, message: &[u8], now: Now) {
        if self.open.is_none() {
            self.see_to_it(now);
        }
        if let Some(frames) = &mut self.open
            && let Err(error) = frames.write(message)
        {
            // Part of a frame may have left: the rest would be misread.
            self.attempts.failed(&error, &self.path);
            self.open = None;
        }
    }

    pub(super) fn end(self) {
        if let Some(frames) = self.open {
            let _nobody_left_to_tell = frames.part();
        }
    }
}

impl Attempts {
    fn may_try(&mut self, now: Now) -> bool {
        let may = self.last.is_none_or(|last| now.since(last) >= AGAIN);
        if may {
            self.last = Some(now);
        }
        may
    }

    fn came_to<T>(&mut self, outcome: io::Result<T>, path: &Path) -> Option<T> {
        match outcome {
            Ok(open) => {
                tracing::info!(path = %path.display(), "dnstap: messages go there");
                self.told = false;
                Some(open)
            }
            Err(error) => {
                self.failed(&error, path);
                None
            }
        }
    }

    /// Once, until it works again.
    fn failed(&mut self, error: &io::Error, path: &Path) {
        if !self.told {
            tracing::warn!(path = %path.display(), %error, "dnstap: messages cannot go there, and are lost until they can");
        }
        self.told = true;
    }
}

/// A connection that is written to in large pieces and read from at the handshake.
#[derive(Debug)]
struct Stream(BufWriter<UnixStream>);

impl Stream {
    fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufWriter::new(stream)))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.get_mut().read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
