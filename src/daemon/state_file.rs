//! How is a file of the state directory read and replaced, so that what stands in it is always whole?

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// One file of the state directory.
#[derive(Debug)]
pub(super) struct StateFile {
    directory: PathBuf,
    name: Cow<'static, str>,
    longest: u64,
}

impl StateFile {
    /// The file `name` of `directory`, of which more than `longest` octets are never read.
    pub(super) fn of(directory: &Path, name: impl Into<Cow<'static, str>>, longest: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            name: name.into(),
            longest,
        }
    }

    /// The directory it is in.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(&*self.name)
    }

    /// What stands in it; nothing if there is no such file yet.
    ///
    /// # Errors
    /// It cannot be read, or is longer than anything suimond writes there.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match fs::File::open(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut octets = Vec::new();
        file.take(self.longest + 1).read_to_end(&mut octets)?;
        if octets.len() as u64 > self.longest {
            return Err(io::Error::other("it is too long"));
        }
        Ok(Some(octets))
    }

    /// What `read` makes of it as it comes, at most `longest` octets; nothing if there is no such file yet.
    ///
    /// # Errors
    /// It cannot be opened, or what `read` returns.
    pub(super) fn read_by<T>(
        &self,
        read: impl FnOnce(&mut dyn io::Read) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let file = match fs::File::open(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        read(&mut io::BufReader::new(file).take(self.longest)).map(Some)
    }

    /// A new file takes the place of the old one as a whole, once it is on the disk. Whatever the umask, nobody else may read it.
    pub(super) fn replace(&self, octets: &[u8]) -> io::Result<()> {
        self.replace_by(|file| file.write_all(octets))
    }

    /// The same for what is too long to be held in memory once more.
    pub(super) fn replace_by(
        &self,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let new = self.directory.join(format!("{}.new", self.name));
        let mut private = fs::OpenOptions::new();
        private.write(true).create(true).truncate(true).mode(0o600);
        let written = private.open(&new).and_then(|file| {
            let mut file = io::BufWriter::new(file);
            write(&mut file)?;
            file.into_inner()?.sync_all()
        });
        if let Err(error) = written {
            let _nothing_to_remove = fs::remove_file(&new);
            return Err(error);
        }
        fs::rename(&new, self.path())?;
        // The new name should be on the disk as well; where that cannot be asked for, the old content is as good.
        let _cannot_be_asked = fs::File::open(&self.directory).and_then(|dir| dir.sync_all());
        Ok(())
    }

    /// Moves it out of the way, to `name` in the same directory; where it is then.
    pub(super) fn put_aside(&self, name: &str) -> io::Result<PathBuf> {
        let aside = self.directory.join(name);
        fs::rename(self.path(), &aside)?;
        Ok(aside)
    }
}
