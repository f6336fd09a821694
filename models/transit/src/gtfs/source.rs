//! Where a feed's tables come from: a folder, or a zip archive with or without a folder inside.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use crate::error::TransitError;

/// Anything an archive can be read from.
pub(crate) trait Bytes: Read + Seek {}
impl<T: Read + Seek> Bytes for T {}

/// A folder or an archive.
pub(crate) enum Source {
    /// A folder.
    Folder(PathBuf),
    /// An archive, and the folder inside it that holds the tables.
    Zip(Box<zip::ZipArchive<Box<dyn Bytes>>>, String),
}

impl Source {
    /// Opens a folder or an archive.
    pub(crate) fn open(path: &Path) -> Result<Self, TransitError> {
        let name = path.display().to_string();
        if path.is_dir() {
            return Ok(Self::Folder(nested_folder(path)));
        }
        let file = File::open(path).map_err(|e| TransitError::unreadable(&name, &e))?;
        Self::archive(&name, Box::new(BufReader::with_capacity(1 << 16, file)))
    }

    /// Takes an archive held in memory.
    pub(crate) fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, TransitError> {
        Self::archive(name, Box::new(Cursor::new(bytes)))
    }

    fn archive(name: &str, bytes: Box<dyn Bytes>) -> Result<Self, TransitError> {
        let archive =
            zip::ZipArchive::new(bytes).map_err(|e| TransitError::unreadable(name, &e))?;
        let folder = archive
            .file_names()
            .filter_map(|n| Some(n.ok()?.strip_suffix("stops.txt")?.to_owned()))
            .filter(|n| n.is_empty() || n.ends_with('/'))
            .min_by_key(|n| (n.len(), n.clone()))
            .unwrap_or_default();
        Ok(Self::Zip(Box::new(archive), folder))
    }

    /// A table, if there; no more than `bytes_max` of it is read.
    pub(crate) fn table(
        &mut self,
        file: &str,
        bytes_max: u64,
    ) -> Result<Option<Box<dyn Read + '_>>, TransitError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(file);
                if !path.is_file() {
                    return Ok(None);
                }
                let open = File::open(&path).map_err(|e| TransitError::unreadable(file, &e))?;
                Ok(Some(Box::new(Limited::new(open, bytes_max))))
            }
            Self::Zip(archive, folder) => match archive.by_name(&format!("{folder}{file}")) {
                Ok(entry) => Ok(Some(Box::new(Limited::new(entry, bytes_max)))),
                Err(zip::result::ZipError::FileNotFound) => Ok(None),
                Err(e) => Err(TransitError::unreadable(file, &e)),
            },
        }
    }
}

/// The folder itself, or its only subfolder that holds a feed.
fn nested_folder(path: &Path) -> PathBuf {
    if path.join("stops.txt").is_file() {
        return path.to_owned();
    }
    let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p.join("stops.txt").is_file())
        .collect();
    inside.sort();
    inside.into_iter().next().unwrap_or_else(|| path.to_owned())
}

/// Reads up to a limit, then fails: a small archive can hold a very long table.
struct Limited<R> {
    from: R,
    left: u64,
}

impl<R> Limited<R> {
    const fn new(from: R, left: u64) -> Self {
        Self { from, left }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| std::io::Error::other("the table is longer than the limit of bytes"))?;
        Ok(read)
    }
}
