//! The group-commit log: segments of records, each segment with a header that says which
//! sequence it starts with.
//!
//! **Invariant** Records follow one another without a gap in sequence. A record that is not
//! sound is cut only where nothing sound follows it: then it was never acknowledged. Anywhere
//! else it is damage, named and refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Appender, Disk, on};
use super::wire::{self, u32_at, u64_at};
use crate::StoreError;

const MAGIC: &[u8; 8] = b"CNB-LOG\n";
const VERSION: u32 = 1;
const HEADER: usize = 24;
/// The extension of a segment that nothing needs any more.
const GONE: &str = "gone";
/// A segment shrinks by so much at a time when it is removed.
const SHRINK_BYTES: u64 = 2 << 20;

/// The open log.
pub(crate) struct Log {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    /// Older segments, ascending: where they are, and their first sequence.
    older: Vec<(PathBuf, u64)>,
    /// The size of the older segments in bytes.
    older_bytes: u64,
    number: u64,
    first_seq: u64,
    next_seq: u64,
    tail: Appender,
}

/// What recovery hands each record to: the first sequence and the unpacked batches; it returns
/// how many there were.
pub(crate) type Visit<'a> = dyn FnMut(u64, &[u8]) -> Result<u64, String> + 'a;

impl Log {
    /// Opens the log of a store whose snapshot covers everything up to `snapshot_seq`.
    pub(crate) fn open(
        folder: &Path,
        disk: Arc<dyn Disk>,
        snapshot_seq: u64,
        visit: &mut Visit<'_>,
    ) -> Result<Self, StoreError> {
        remove_nameless(folder)?;
        let mut segments = segments(folder)?;
        let Some(last) = segments.pop() else {
            if snapshot_seq > 0 {
                let what = format!("the log is gone; the snapshot was made at {snapshot_seq}");
                return Err(damaged(folder, 0, what));
            }
            return Self::begin(folder, disk, 1, 1);
        };
        let (mut older, mut older_bytes, mut next) = (Vec::new(), 0, None);
        for (_, path) in segments {
            let bytes = std::fs::read(&path).map_err(on("cannot read", &path))?;
            let first = header(&path, &bytes)?;
            check_order(&path, next, first, snapshot_seq)?;
            let (end, good) = read_segment(&path, &bytes, first, visit)?;
            if good < bytes.len() {
                return Err(damaged(&path, good as u64, "a record is not sound".into()));
            }
            next = Some(end);
            older_bytes += bytes.len() as u64;
            older.push((path, first));
        }
        let bytes = std::fs::read(&last.1).map_err(on("cannot read", &last.1))?;
        if bytes.len() < HEADER && (next.is_some() || snapshot_seq == 0) {
            // Cut off while it was being created: nothing in it was ever acknowledged.
            let seq = next.unwrap_or(1);
            std::fs::remove_file(&last.1).map_err(on("cannot remove", &last.1))?;
            let mut log = Self::begin(folder, disk, last.0, seq)?;
            log.older = older;
            log.older_bytes = older_bytes;
            return log.not_shorter_than(snapshot_seq);
        }
        let first = header(&last.1, &bytes)?;
        check_order(&last.1, next, first, snapshot_seq)?;
        let (next_seq, good) = read_segment(&last.1, &bytes, first, visit)?;
        if good < bytes.len() {
            let (cut, path) = (bytes.len() - good, last.1.display());
            tracing::warn!(%path, bytes = cut, "cut an unfinished write off the log");
        }
        let tail = Appender::open(&*disk, &last.1, good as u64)?;
        Self {
            folder: folder.to_owned(),
            disk,
            older,
            older_bytes,
            number: last.0,
            first_seq: first,
            next_seq,
            tail,
        }
        .not_shorter_than(snapshot_seq)
    }

    fn not_shorter_than(self, snapshot_seq: u64) -> Result<Self, StoreError> {
        if self.next_seq <= snapshot_seq {
            let what = format!(
                "the log ends with commit {}, but a snapshot was made at {snapshot_seq}",
                self.next_seq - 1
            );
            return Err(damaged(self.tail.path(), self.tail.len(), what));
        }
        Ok(self)
    }

    /// Starts a segment; its name and header are durable before it is used.
    fn begin(
        folder: &Path,
        disk: Arc<dyn Disk>,
        number: u64,
        first_seq: u64,
    ) -> Result<Self, StoreError> {
        let path = folder.join(format!("{number:06}.log"));
        let mut tail = Appender::open(&*disk, &path, 0)?;
        let started = tail
            .append(&header_bytes(first_seq))
            .and_then(|_| tail.sync())
            .and_then(|()| disk.sync_folder(folder).map_err(on("cannot sync", folder)));
        if let Err(error) = started {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self {
            folder: folder.to_owned(),
            disk,
            older: Vec::new(),
            older_bytes: 0,
            number,
            first_seq,
            next_seq: first_seq,
            tail,
        })
    }

    /// The sequence of the next commit.
    pub(crate) const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The size of the newest segment in bytes.
    pub(crate) const fn tail_bytes(&self) -> u64 {
        self.tail.len()
    }

    /// The size of all segments in bytes.
    pub(crate) const fn all_bytes(&self) -> u64 {
        self.older_bytes + self.tail.len()
    }

    /// Where the newest segment is.
    pub(crate) fn path(&self) -> &Path {
        self.tail.path()
    }

    /// Appends a group of encoded batches as one record.
    pub(crate) fn append(
        &mut self,
        batches: &[Vec<u8>],
        pack_from: usize,
        sync: bool,
    ) -> Result<u64, StoreError> {
        let record = wire::record(self.next_seq, batches, pack_from);
        self.tail.append(&record)?;
        if sync {
            self.tail.sync()?;
        }
        let first = self.next_seq;
        self.next_seq += batches.len() as u64;
        Ok(first)
    }

    /// Makes all that was appended durable.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.tail.sync()
    }

    /// Closes the newest segment and starts another, unless it is still empty.
    pub(crate) fn rotate(&mut self) -> Result<(), StoreError> {
        self.tail.sync()?;
        if self.next_seq == self.first_seq {
            return Ok(());
        }
        let next = Self::begin(
            &self.folder,
            self.disk.clone(),
            self.number + 1,
            self.next_seq,
        )?;
        let closed = std::mem::replace(self, next);
        self.older = closed.older;
        self.older_bytes = closed.older_bytes + closed.tail.len();
        self.older
            .push((closed.tail.path().to_owned(), closed.first_seq));
        Ok(())
    }

    /// Lets go of the segments that hold nothing after `seq`; returns them, oldest first, for
    /// [`remove`].
    pub(crate) fn release_up_to(&mut self, seq: u64) -> Vec<PathBuf> {
        let ends: Vec<u64> = self
            .older
            .iter()
            .skip(1)
            .map(|(_, first)| first - 1)
            .chain([self.first_seq - 1])
            .take(self.older.len())
            .collect();
        let gone = ends.iter().take_while(|end| **end <= seq).count();
        let mut released = Vec::new();
        for (path, _) in self.older.drain(..gone) {
            let len = std::fs::metadata(&path).map_or(0, |m| m.len());
            self.older_bytes = self.older_bytes.saturating_sub(len);
            released.push(path);
        }
        released
    }
}

/// Removes released segments; not under the lock of the log, and bit by bit: to give back 64 MiB at
/// once keeps a file system that tells the disk (`discard`) busy for a hundred milliseconds, and
/// every commit would wait. They lose their names first, oldest first, so that whatever a crash
/// or an error leaves is still a log without a gap.
pub(crate) fn remove(
    folder: &Path,
    disk: &dyn Disk,
    released: &[PathBuf],
) -> Result<(), StoreError> {
    if released.is_empty() {
        return Ok(());
    }
    let mut nameless = Vec::new();
    for path in released {
        let gone = path.with_extension(GONE);
        std::fs::rename(path, &gone).map_err(on("cannot rename", path))?;
        nameless.push(gone);
    }
    // Else a machine that crashes could show the old name with what is left of the content.
    disk.sync_folder(folder)
        .map_err(on("cannot sync", folder))?;
    for path in &nameless {
        remove_slowly(path).map_err(on("cannot remove", path))?;
    }
    Ok(())
}

fn remove_slowly(path: &Path) -> std::io::Result<()> {
    let file = std::fs::File::options().write(true).open(path)?;
    let mut len = file.metadata()?.len();
    while len > SHRINK_BYTES {
        len -= SHRINK_BYTES;
        file.set_len(len)?;
    }
    std::fs::remove_file(path)
}

/// Removes what [`remove`] was not given the time to.
fn remove_nameless(folder: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(folder).map_err(on("cannot list", folder))? {
        let path = entry.map_err(on("cannot list", folder))?.path();
        if path.extension().is_some_and(|e| e == GONE) {
            std::fs::remove_file(&path).map_err(on("cannot remove", &path))?;
        }
    }
    Ok(())
}

fn segments(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(on("cannot list", folder))? {
        let path = entry.map_err(on("cannot list", folder))?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".log")?.parse().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn damaged(path: &Path, offset: u64, what: String) -> StoreError {
    StoreError::Damaged {
        path: path.display().to_string(),
        offset,
        what,
    }
}

fn header_bytes(first_seq: u64) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&first_seq.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The first sequence of a segment.
fn header(path: &Path, bytes: &[u8]) -> Result<u64, StoreError> {
    let header = bytes
        .get(..HEADER)
        .filter(|h| h.starts_with(MAGIC))
        .ok_or_else(|| damaged(path, 0, "this is no log segment".into()))?;
    let version = u32_at(header, 8);
    if version > VERSION {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found: version,
            known: VERSION,
        });
    }
    if crc32c::crc32c(&header[..20]) != u32_at(header, 20) {
        return Err(damaged(
            path,
            0,
            "the header's checksum does not fit".into(),
        ));
    }
    Ok(u64_at(header, 12))
}

fn check_order(
    path: &Path,
    expected: Option<u64>,
    first: u64,
    snapshot_seq: u64,
) -> Result<(), StoreError> {
    let fits = match expected {
        Some(expected) => first == expected,
        None => first <= snapshot_seq + 1,
    };
    if fits {
        return Ok(());
    }
    let wanted = expected.unwrap_or(snapshot_seq + 1);
    let what = format!("it starts with commit {first}, but {wanted} comes next");
    Err(damaged(path, 0, what))
}

/// Visits the records of a segment; returns the sequence after the last one and how many bytes
/// are good.
fn read_segment(
    path: &Path,
    bytes: &[u8],
    first: u64,
    visit: &mut Visit<'_>,
) -> Result<(u64, usize), StoreError> {
    let (mut at, mut next) = (HEADER, first);
    while at < bytes.len() {
        let (seq, payload) = match wire::read_record(&bytes[at..]) {
            Ok(record) => record,
            Err(what) if wire::any_record_after(&bytes[at + 1..], next - 1) => {
                return Err(damaged(path, at as u64, what));
            }
            Err(_) => break,
        };
        if seq != next {
            let what = format!("commit {seq} is where {next} comes next");
            return Err(damaged(path, at as u64, what));
        }
        let count = wire::unpack(payload)
            .and_then(|body| visit(seq, &body))
            .map_err(|what| damaged(path, at as u64, what))?;
        next += count;
        at += wire::RECORD_HEADER + payload.len();
    }
    Ok((next, at))
}
