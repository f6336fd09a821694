//! The ledger: `ledger.jsonl` holds the lines and nothing else, byte for byte; SQLite keeps where
//! each one is. The index may lag: a thread of its own brings it up to date, and it is made again
//! from the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension, params};

use super::disk::{Appender, Disk, on};
use super::log::damaged;
use super::registry::{connect, refused};
use super::{LockFile, Work};
use crate::{LedgerLine, LedgerStore, StoreError};

/// So many lines wait in memory before they go to the index together.
const INDEX_BATCH: usize = 1024;
/// With so many waiting, who appends brings the index up to date: its thread does not keep up.
const INDEX_WAITING_MAX: usize = 64 * INDEX_BATCH;

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
    shared: Arc<Shared>,
    work: Arc<Work>,
    indexer: Option<JoinHandle<()>>,
    _lock: Arc<LockFile>,
}

struct Shared {
    path: PathBuf,
    database: PathBuf,
    synced: bool,
    reader: File,
    state: Mutex<State>,
    /// Never waited for with `state` in hand: who appends would wait for a transaction.
    index: Mutex<Connection>,
}

struct State {
    file: Appender,
    count: u64,
    /// Lines the index does not know yet.
    fresh: Vec<Entry>,
}

#[derive(Clone)]
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
        let state = State {
            file: Appender::open(disk, &path, end)?,
            count: count + fresh.len() as u64,
            fresh,
        };
        let shared = Arc::new(Shared {
            path,
            database: database.to_owned(),
            synced,
            reader,
            state: Mutex::new(state),
            index: Mutex::new(index),
        });
        shared.flush()?;
        let work = Arc::new(Work::default());
        let indexer = start_indexer(shared.clone(), work.clone())?;
        Ok(Self {
            shared,
            work,
            indexer: Some(indexer),
            _lock: lock,
        })
    }
}

fn start_indexer(shared: Arc<Shared>, work: Arc<Work>) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name("ledger-index".into())
        .spawn(move || {
            while work.next() {
                if let Err(error) = shared.flush() {
                    // Nothing is lost: the lines are in the file. The next append asks again.
                    tracing::error!(%error, "the ledger's index is not up to date");
                }
            }
        })
        .map_err(on("cannot start the indexer of", Path::new("the ledger")))
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_index(&self) -> MutexGuard<'_, Connection> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the index up to date. The file is durable first: the index never knows more.
    fn flush(&self) -> Result<(), StoreError> {
        let mut index = self.lock_index();
        let fresh = {
            let mut state = self.lock();
            if state.fresh.is_empty() {
                return Ok(());
            }
            state.file.sync()?;
            state.fresh.clone()
        };
        let insert = |index: &mut Connection| -> rusqlite::Result<()> {
            let transaction = index.transaction()?;
            {
                let mut statement = transaction
                    .prepare_cached("INSERT INTO ledger_line VALUES (?1, ?2, ?3, ?4)")?;
                for entry in &fresh {
                    statement.execute(params![entry.seq, entry.id, entry.offset, entry.len])?;
                }
            }
            transaction.commit()
        };
        insert(&mut index).map_err(refused(&self.database))?;
        self.lock().fresh.drain(..fresh.len());
        Ok(())
    }

    /// Where a line begins. What waits is looked at first: what it has left the index knows.
    fn place(&self, seq: u64) -> Result<Option<u64>, StoreError> {
        let waits = |state: &State| Some(state.fresh.iter().find(|e| e.seq == seq)?.offset);
        if let Some(offset) = waits(&self.lock()) {
            return Ok(Some(offset));
        }
        self.lock_index()
            .query_row("SELECT start FROM ledger_line WHERE seq = ?1", [seq], |r| {
                r.get(0)
            })
            .optional()
            .map_err(refused(&self.database))
    }

    /// Offset and length of the lines of `id`, by their number.
    fn places_of(&self, id: &str) -> Result<BTreeMap<u64, (u64, u64)>, StoreError> {
        let place = |e: &Entry| (e.seq, (e.offset, e.len));
        let of_id = |state: &State| {
            let fresh = state.fresh.iter().filter(|e| e.id == id);
            fresh.map(place).collect::<BTreeMap<_, _>>()
        };
        let mut places = of_id(&self.lock());
        let query = |index: &Connection| -> rusqlite::Result<Vec<(u64, (u64, u64))>> {
            let mut statement = index.prepare_cached(
                "SELECT seq, start, len FROM ledger_line WHERE id = ?1 ORDER BY seq",
            )?;
            statement
                .query_map([id], |r| Ok((r.get(0)?, (r.get(1)?, r.get(2)?))))?
                .collect()
        };
        places.extend(query(&self.lock_index()).map_err(refused(&self.database))?);
        Ok(places)
    }
}

impl LedgerStore for Ledger {
    fn append(&self, lines: &[LedgerLine]) -> Result<u64, StoreError> {
        crate::ledger_lines_fit(&self.shared.path.display().to_string(), lines)?;
        let waiting = self.shared.lock().fresh.len();
        if waiting >= INDEX_WAITING_MAX {
            self.shared.flush()?;
        } else if waiting >= INDEX_BATCH {
            self.work.set(|state| state.wanted = true);
        }
        let mut state = self.shared.lock();
        let first = state.count;
        if lines.is_empty() {
            return Ok(first);
        }
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        let mut offset = state.file.append(&bytes)?;
        if self.shared.synced {
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
        self.shared.lock().count
    }

    fn lines_of(&self, id: &str) -> Result<Vec<(u64, String)>, StoreError> {
        let mut lines = Vec::new();
        for (seq, (offset, len)) in self.shared.places_of(id)? {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            self.shared
                .reader
                .read_exact_at(&mut bytes, offset)
                .map_err(on("cannot read", &self.shared.path))?;
            lines.push((seq, String::from_utf8_lossy(&bytes).into_owned()));
        }
        Ok(lines)
    }

    fn scan(&self, from: u64, visit: &mut dyn FnMut(u64, &str) -> bool) -> Result<(), StoreError> {
        let path = &self.shared.path;
        let Some(start) = self.shared.place(from)? else {
            return Ok(());
        };
        let end = self.shared.lock().file.len();
        let mut file = File::open(path).map_err(on("cannot open", path))?;
        file.seek(SeekFrom::Start(start))
            .map_err(on("cannot read", path))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let (mut at, mut seq, mut line) = (start, from, Vec::new());
        while at < end {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .map_err(on("cannot read", path))?;
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
        self.work.set(|state| state.stop = true);
        if let Some(indexer) = self.indexer.take()
            && indexer.join().is_err()
        {
            tracing::error!("the ledger's indexer panicked");
        }
        // The file alone is the truth: a lagging index is made up for at the next open.
        let synced = self.shared.lock().file.sync();
        if let Err(error) = synced.and_then(|()| self.shared.flush()) {
            tracing::warn!(%error, "the ledger was not closed cleanly");
        }
    }
}
