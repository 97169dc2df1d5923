//! Where do frames go? To files that are replaced when they are full, to a socket whose reader may come and go.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

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
    /// The one that is being filled; it stays the same when it cannot be written for a while.
    file: Option<Arc<File>>,
    open: Option<Frames<BufWriter<Arc<File>>>>,
    /// Octets of it that are there for certain: whole frames.
    kept: u64,
    /// The same with those that wait to be written.
    written: u64,
    attempts: Attempts,
}

/// A reader at a socket.
pub(super) struct SocketSink {
    path: PathBuf,
    open: Option<Frames<Stream>>,
    /// Whether messages wait to be sent.
    unsent: bool,
    attempts: Attempts,
}

/// When it was tried last, and whether it has been told that it works, or that it does not.
#[derive(Default)]
struct Attempts {
    last: Option<Now>,
    told: Option<bool>,
}

impl FileSink {
    pub(super) fn new(path: PathBuf, plan: &plan::Dnstap) -> Self {
        Self {
            path,
            most: plan.file_size,
            files: plan.files,
            file: None,
            open: None,
            kept: 0,
            written: 0,
            attempts: Attempts::default(),
        }
    }

    pub(super) fn write(&mut self, message: &[u8], now: Now) {
        let octets = u64::try_from(message.len())
            .unwrap_or(u64::MAX)
            .saturating_add(4);
        let full = self.written.saturating_add(octets) > self.most;
        if full && let Some(frames) = self.open.take() {
            let _told_when_opened = frames.end();
            // The next one begins at once, however soon that is.
            self.file = None;
            self.attempts.last = None;
        }
        if self.open.is_none() && self.attempts.may_try(now) {
            match self.begin() {
                Ok(frames) => {
                    self.attempts.opened(&self.path);
                    self.open = Some(frames);
                }
                Err(error) => self.attempts.failed(&error, &self.path),
            }
        }
        let Some(frames) = &mut self.open else {
            return;
        };
        self.written = self.written.saturating_add(octets);
        if let Err(error) = frames.write(message) {
            self.give_up(&error);
        }
    }

    pub(super) fn flush(&mut self) {
        let Some(frames) = &mut self.open else {
            return;
        };
        if self.kept == self.written {
            return;
        }
        match frames.flush() {
            Ok(()) => {
                self.kept = self.written;
                self.attempts.worked(&self.path);
            }
            Err(error) => self.give_up(&error),
        }
    }

    pub(super) fn end(self) {
        if let Some(frames) = self.open {
            let _nobody_left_to_tell = frames.end();
        }
    }

    /// Goes on with the file that could not be written, or begins a fresh one: a full disk must not push out what is kept.
    fn begin(&mut self) -> io::Result<Frames<BufWriter<Arc<File>>>> {
        let file = if let Some(file) = &self.file {
            Arc::clone(file)
        } else {
            let file = Arc::new(fresh(&self.path, self.files)?);
            self.kept = 0;
            Arc::clone(self.file.insert(file))
        };
        // Part of a frame may have been left behind.
        file.set_len(self.kept)?;
        file.as_ref().seek(SeekFrom::Start(self.kept))?;
        let out = BufWriter::new(Arc::clone(&file));
        let frames = if self.kept > 0 {
            Frames::resume(out)
        } else {
            let mut frames = Frames::begin(out)?;
            frames.flush()?;
            self.kept = file.as_ref().stream_position()?;
            frames
        };
        self.written = self.kept;
        Ok(frames)
    }

    fn give_up(&mut self, error: &io::Error) {
        self.attempts.failed(error, &self.path);
        self.open = None;
        if let Some(file) = &self.file {
            let _tried_again_when_it_goes_on = file.set_len(self.kept);
        }
    }
}

/// A fresh file, after those before it moved on.
fn fresh(path: &Path, files: u32) -> io::Result<File> {
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
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(path)
}

impl SocketSink {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            unsent: false,
            attempts: Attempts::default(),
        }
    }

    /// Reaches the reader if there is one, and sends it what is held back.
    pub(super) fn see_to_it(&mut self, now: Now) {
        if self.open.is_none() && self.attempts.may_try(now) {
            match Stream::connect(&self.path).and_then(Frames::greet) {
                Ok(frames) => {
                    self.attempts.opened(&self.path);
                    self.open = Some(frames);
                    self.unsent = false;
                }
                Err(error) => self.attempts.failed(&error, &self.path),
            }
        }
        let Some(frames) = &mut self.open else {
            return;
        };
        match frames.flush() {
            Ok(()) if self.unsent => {
                self.unsent = false;
                self.attempts.worked(&self.path);
            }
            Ok(()) => {}
            Err(error) => self.give_up(&error),
        }
    }

    pub(super) fn write(&mut self, message: &[u8], now: Now) {
        if self.open.is_none() {
            self.see_to_it(now);
        }
        let Some(frames) = &mut self.open else {
            return;
        };
        self.unsent = true;
        if let Err(error) = frames.write(message) {
            self.give_up(&error);
        }
    }

    pub(super) fn end(self) {
        if let Some(frames) = self.open {
            let _nobody_left_to_tell = frames.part();
        }
    }

    /// Part of a frame may have left: the rest would be misread.
    fn give_up(&mut self, error: &io::Error) {
        self.attempts.failed(error, &self.path);
        self.open = None;
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

    /// It can be tried; after a failure only what arrives shows that it works.
    fn opened(&mut self, path: &Path) {
        if self.told.is_none() {
            self.worked(path);
        }
    }

    /// Once, until it fails.
    fn worked(&mut self, path: &Path) {
        if self.told != Some(true) {
            tracing::info!(path = %path.display(), "dnstap: messages go there");
        }
        self.told = Some(true);
    }

    /// Once, until it works again.
    fn failed(&mut self, error: &io::Error, path: &Path) {
        if self.told != Some(false) {
            tracing::warn!(path = %path.display(), %error, "dnstap: messages cannot go there, and are lost until they can");
        }
        self.told = Some(false);
    }
}

/// A connection that is written to in large pieces and read from at the handshake.
#[derive(Debug)]
struct Stream(BufWriter<UnixStream>);

impl Stream {
    fn connect(path: &Path) -> io::Result<Self> {
        // A reader that was stopped with a full backlog would keep us waiting for good: it is tried again later.
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)?;
        socket.set_nonblocking(false)?;
        let stream = UnixStream::from(OwnedFd::from(socket));
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

#[cfg(test)]
mod tests {
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn what_cannot_be_written_for_a_while_pushes_out_nothing_and_goes_on_in_the_same_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tap");
        let mut sink = FileSink::new(path.clone(), &plan());
        sink.write(b"one", Now::at_secs(1));
        sink.flush();
        assert_eq!(sink.attempts.told, Some(true));
        let good = sink.file.clone();
        let whole = std::fs::read(&path).unwrap();
        // A file that only can be read, as one on a full disk.
        sink.open = None;
        sink.file = Some(Arc::new(File::open(&path).unwrap()));
        for second in 10..100 {
            sink.write(b"lost", Now::at_secs(second));
            sink.flush();
            assert_eq!(sink.attempts.told, Some(false));
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        // Part of a frame was left, and there is room again.
        sink.file = good;
        std::fs::write(&path, [&whole, b"\0\0\0\x09par".as_slice()].concat()).unwrap();
        sink.write(b"two", Now::at_secs(105));
        assert_eq!(sink.attempts.told, Some(false), "not yet");
        sink.flush();
        assert_eq!(sink.attempts.told, Some(true));
        sink.end();
        let ended = [
            &whole,
            b"\0\0\0\x03two".as_slice(),
            b"\0\0\0\0\0\0\0\x04\0\0\0\x03",
        ];
        assert_eq!(std::fs::read(&path).unwrap(), ended.concat());
    }

    #[test]
    fn a_reader_that_accepts_nobody_keeps_nothing_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tap.sock");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let held: Vec<_> = (0..4).map(|_| Stream::connect(&path).is_ok()).collect();
            ended.send(held).unwrap();
        });
        let held = end.recv_timeout(Duration::from_secs(5)).expect("no wait");
        assert_eq!(held.last(), Some(&false));
    }
}
