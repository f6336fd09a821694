//! The file port: what the store appends to and syncs goes through here, so that tests can make
//! the disk full, slow, short or broken.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Where files are opened for appending.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Opens (or creates) a file for appending.
    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send {
    /// Appends some of `bytes`, says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The machine's own disk.
#[derive(Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Box::new(file))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// What an error of the system means for a store.
pub(crate) fn io_error(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    let path = path.display().to_string();
    match source.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::WriteZero => StoreError::DiskFull { path },
        _ => StoreError::Io {
            doing,
            path,
            source,
        },
    }
}

/// The same, for `map_err`.
pub(crate) fn on<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| io_error(doing, path, source)
}

/// A file that grows by whole appends: one that fails leaves nothing behind.
pub(crate) struct Appender {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    /// What is durable of it.
    synced_len: u64,
    /// Why nothing may be written any more.
    failed: Option<String>,
}

impl Appender {
    /// Opens `path`, whose first `len` bytes are known to be good; cuts what follows them.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, len: u64) -> Result<Self, StoreError> {
        let mut file = disk.append_to(path).map_err(on("cannot open", path))?;
        let found = std::fs::metadata(path)
            .map_err(on("cannot open", path))?
            .len();
        if found > len {
            file.truncate(len).map_err(on("cannot cut", path))?;
            file.sync().map_err(on("cannot sync", path))?;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            len,
            synced_len: len,
            failed: None,
        })
    }

    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn uncertain(&self, what: &str) -> StoreError {
        StoreError::Uncertain {
            path: self.path.display().to_string(),
            what: what.to_owned(),
        }
    }

    /// Appends all of `bytes` or nothing; returns where they start. Not yet durable.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        if let Some(what) = &self.failed {
            return Err(self.uncertain(what));
        }
        if let Err(error) = self.write_all(bytes) {
            let cut = self.file.truncate(self.len);
            // Else a crash could bring back a part of what we are about to call not kept.
            if let Err(second) = cut.and_then(|()| self.file.sync()) {
                self.failed = Some(format!("{error}, then {second}"));
                return Err(self.uncertain(&format!("{error}, then {second}")));
            }
            return Err(io_error("cannot write", &self.path, error));
        }
        let start = self.len;
        self.len += bytes.len() as u64;
        Ok(start)
    }

    /// The same for files that nobody waits for: syncs once [`PACE_BYTES`] have come together.
    pub(crate) fn append_paced(&mut self, bytes: &[u8]) -> Result<u64, StoreError> {
        let start = self.append(bytes)?;
        if self.len - self.synced_len >= PACE_BYTES as u64 {
            self.sync()?;
        }
        Ok(start)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Makes what was appended durable. A failure is final: the system may already have dropped
    /// the pages it could not write, so a second sync that succeeds would prove nothing.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        if let Some(what) = &self.failed {
            return Err(self.uncertain(what));
        }
        if self.synced_len < self.len {
            if let Err(error) = self.file.sync() {
                self.failed = Some(error.to_string());
                return Err(self.uncertain(&error.to_string()));
            }
            self.synced_len = self.len;
        }
        Ok(())
    }
}

/// A large file is synced so often while it is written: one flush of all of it would make every
/// commit of the log wait behind it.
const PACE_BYTES: usize = 256 << 10;

/// Puts `bytes` at `path` so that a crash leaves either the old file or the new one.
pub(crate) fn replace_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temp = path.with_extension("tmp");
    let written = Appender::open(disk, &temp, 0).and_then(|mut file| {
        for part in bytes.chunks(PACE_BYTES) {
            file.append_paced(part)?;
        }
        file.sync()
    });
    written
        .and_then(|()| publish(disk, &temp, path))
        .inspect_err(|_| {
            // Best effort: an orphan is removed at the next open anyway.
            let _ = std::fs::remove_file(&temp);
        })
}

/// Gives a synced temporary file its name, durably.
pub(crate) fn publish(disk: &dyn Disk, temp: &Path, path: &Path) -> Result<(), StoreError> {
    std::fs::rename(temp, path).map_err(on("cannot rename", temp))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.sync_folder(folder).map_err(on("cannot sync", folder))
}
