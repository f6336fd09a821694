//! The ledger: `ledger.jsonl` holds the lines and nothing else, byte for byte; SQLite keeps where
//! each one is. The index may lag; it is made again from the file.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::LockFile;
use super::disk::{Appender, Disk, on};
use super::log::damaged;
use super::registry::{connect, refused};
use crate::{LedgerLine, LedgerStore, StoreError};

/// So many lines wait in memory before they go to the index together.
const INDEX_BATCH: usize = 1024;

/// How the id of a line is found again when the index is made from the file.
pub type LedgerId = fn(&str) -> Option<String>;

/// Finds the text member `id` of a JSON line: at the top, else in the nearest object inside.
#[must_use]
pub fn json_id(line: &str) -> Option<String> {
    let mut level = vec![serde_json::from_str::<serde_json::Value>(line).ok()?];
    while !level.is_empty() {
        let id = level.iter().find_map(|value| value.get("id")?.as_str());
        if let Some(id) = id {
            return Some(id.to_owned());
        }
        let mut next = Vec::new();
        for value in level {
            match value {
                serde_json::Value::Object(members) => next.extend(members.into_values()),
                serde_json::Value::Array(items) => next.extend(items),
                _ => {}
            }
        }
        level = next;
    }
    None
}

pub(crate) struct Ledger {
    path: PathBuf,
    database: PathBuf,
    synced: bool,
    state: Mutex<State>,
    _lock: Arc<LockFile>,
}

struct State {
    file: Appender,
    reader: File,
    index: Connection,
    count: u64,
    /// Lines the index does not know yet.
    fresh: Vec<Entry>,
}

struct Entry {
    seq: u64,
    id: String,
    offset: u64,
    len: u64,
}

impl Ledger {
    pub(crate) fn open(
        folder: &Path,
        database: &Path,
        disk: &dyn Disk,
        id_of: LedgerId,
        synced: bool,
        lock: Arc<LockFile>,
    ) -> Result<Self, StoreError> {
        let path = folder.join("ledger.jsonl");
        let index = connect(database, "NORMAL")?;
        index
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS ledger_line (
                    seq INTEGER PRIMARY KEY, id TEXT NOT NULL,
                    start INTEGER NOT NULL, len INTEGER NOT NULL);
                 CREATE INDEX IF NOT EXISTS ledger_line_id ON ledger_line (id, seq);",
            )
            .map_err(refused(database))?;
        // Creates it where it is missing, cuts nothing yet.
        let found = std::fs::metadata(&path).map_or(0, |m| m.len());
        drop(Appender::open(disk, &path, found)?);
        disk.sync_folder(folder)
            .map_err(on("cannot sync", folder))?;
        let (count, indexed) = known(&index, database)?;
        if found < indexed {
            let what = format!("it ends here, but {count} lines up to byte {indexed} were kept");
            return Err(damaged(&path, found, what));
        }
        let reader = File::open(&path).map_err(on("cannot open", &path))?;
        let (fresh, end) = unindexed(&path, count, indexed, id_of)?;
        if end < found {
            let bytes = found - end;
            tracing::warn!(path = %path.display(), bytes, "cut an unfinished line off the ledger");
        }
        let mut state = State {
            file: Appender::open(disk, &path, end)?,
            reader,
            index,
            count: count + fresh.len() as u64,
            fresh,
        };
        state.flush(database)?;
        Ok(Self {
            path,
            database: database.to_owned(),
            synced,
            state: Mutex::new(state),
            _lock: lock,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many lines the index knows, and where the last of them ends.
fn known(index: &Connection, database: &Path) -> Result<(u64, u64), StoreError> {
    let last = index
        .query_row(
            "SELECT seq + 1, start + len + 1 FROM ledger_line ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(refused(database))?;
    Ok(last.unwrap_or((0, 0)))
}

/// The whole lines after `start`, and where they end.
fn unindexed(
    path: &Path,
    count: u64,
    start: u64,
    id_of: LedgerId,
) -> Result<(Vec<Entry>, u64), StoreError> {
    let mut file = File::open(path).map_err(on("cannot open", path))?;
    file.seek(SeekFrom::Start(start))
        .map_err(on("cannot read", path))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut entries, mut offset, mut line) = (Vec::new(), start, Vec::new());
    loop {
        line.clear();
        reader
            .read_until(b'\n', &mut line)
            .map_err(on("cannot read", path))?;
        if line.last() != Some(&b'\n') {
            return Ok((entries, offset));
        }
        let len = line.len() as u64 - 1;
        let text = String::from_utf8_lossy(&line[..line.len() - 1]);
        entries.push(Entry {
            seq: count + entries.len() as u64,
            id: id_of(&text).unwrap_or_default(),
            offset,
            len,
        });
        offset += line.len() as u64;
    }
}

impl State {
    /// Brings the index up to date. The file is durable first: the index never knows more.
    fn flush(&mut self, database: &Path) -> Result<(), StoreError> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        self.file.sync()?;
        let insert = |index: &mut Connection, fresh: &[Entry]| -> rusqlite::Result<()> {
            let transaction = index.transaction()?;
            {
                let mut statement = transaction
                    .prepare_cached("INSERT INTO ledger_line VALUES (?1, ?2, ?3, ?4)")?;
                for entry in fresh {
                    statement.execute(params![entry.seq, entry.id, entry.offset, entry.len])?;
                }
            }
            transaction.commit()
        };
        insert(&mut self.index, &self.fresh).map_err(refused(database))?;
        self.fresh.clear();
        Ok(())
    }

    fn place(&self, seq: u64, database: &Path) -> Result<Option<u64>, StoreError> {
        if let Some(entry) = self.fresh.iter().find(|e| e.seq == seq) {
            return Ok(Some(entry.offset));
        }
        self.index
            .query_row("SELECT start FROM ledger_line WHERE seq = ?1", [seq], |r| {
                r.get(0)
            })
            .optional()
            .map_err(refused(database))
    }
}

impl LedgerStore for Ledger {
    fn append(&self, lines: &[LedgerLine]) -> Result<u64, StoreError> {
        crate::ledger_lines_fit(&self.path.display().to_string(), lines)?;
        let mut state = self.lock();
        let first = state.count;
        if lines.is_empty() {
            return Ok(first);
        }
        if state.fresh.len() >= INDEX_BATCH {
            state.flush(&self.database)?;
        }
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        let mut offset = state.file.append(&bytes)?;
        if self.synced {
            state.file.sync()?;
        }
        for line in lines {
            let len = line.text.len() as u64;
            let seq = state.count;
            state.fresh.push(Entry {
                seq,
                id: line.id.clone(),
                offset,
                len,
            });
            offset += len + 1;
            state.count += 1;
        }
        Ok(first)
    }

    fn len(&self) -> u64 {
        self.lock().count
    }

    fn lines_of(&self, id: &str) -> Result<Vec<(u64, String)>, StoreError> {
        let state = self.lock();
        let query = |index: &Connection| -> rusqlite::Result<Vec<(u64, u64, u64)>> {
            let mut statement = index.prepare_cached(
                "SELECT seq, start, len FROM ledger_line WHERE id = ?1 ORDER BY seq",
            )?;
            statement
                .query_map([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                .collect()
        };
        let mut places = query(&state.index).map_err(refused(&self.database))?;
        let fresh = state.fresh.iter().filter(|e| e.id == id);
        places.extend(fresh.map(|e| (e.seq, e.offset, e.len)));
        let mut lines = Vec::new();
        for (seq, offset, len) in places {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            state
                .reader
                .read_exact_at(&mut bytes, offset)
                .map_err(on("cannot read", &self.path))?;
            lines.push((seq, String::from_utf8_lossy(&bytes).into_owned()));
        }
        Ok(lines)
    }

    fn scan(&self, from: u64, visit: &mut dyn FnMut(u64, &str) -> bool) -> Result<(), StoreError> {
        let (start, end) = {
            let state = self.lock();
            let Some(start) = state.place(from, &self.database)? else {
                return Ok(());
            };
            (start, state.file.len())
        };
        let mut file = File::open(&self.path).map_err(on("cannot open", &self.path))?;
        file.seek(SeekFrom::Start(start))
            .map_err(on("cannot read", &self.path))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let (mut at, mut seq, mut line) = (start, from, Vec::new());
        while at < end {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .map_err(on("cannot read", &self.path))?;
            if read == 0 {
                break;
            }
            at += read as u64;
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if !visit(seq, &String::from_utf8_lossy(&line)) {
                break;
            }
            seq += 1;
        }
        Ok(())
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let mut state = self.lock();
        // The file alone is the truth: a lagging index is made up for at the next open.
        let closed = state.file.sync().and_then(|()| state.flush(&self.database));
        if let Err(error) = closed {
            tracing::warn!(%error, "the ledger was not closed cleanly");
        }
    }
}
