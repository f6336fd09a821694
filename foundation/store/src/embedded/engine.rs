//! Commits: concurrent callers join one write and one sync, then all of it becomes visible.
//!
//! **Invariant** A batch is applied only after its record is durable (buffered stores: ordered
//! and checksummed), in the order of the log. A failed group leaves nothing behind and uses no
//! sequence.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::disk::{Disk, on};
use super::history::History;
use super::log::Log;
use super::{EmbeddedOptions, Layout, snapshot, wire};
use crate::entities::Entities;
use crate::{Batch, Document, Op, Sample, StoreError};

/// A group takes no more than this, so that one record stays a moderate write.
const GROUP_BYTES: usize = 8 << 20;
/// Callers wait while this much is waiting already.
const WAITING_BYTES: usize = 64 << 20;

/// State, history and log of an embedded store.
pub(crate) struct Engine<D> {
    pub(crate) entities: Entities<D>,
    pub(crate) history: History,
    layout: Layout,
    disk: Arc<dyn Disk>,
    options: EmbeddedOptions,
    log: Mutex<Log>,
    /// The size of the log, readable while somebody writes to it.
    log_bytes: AtomicU64,
    queue: Mutex<Queue<D>>,
    turn: Condvar,
    checkpoints: Mutex<Checkpoint>,
}

struct Queue<D> {
    waiting: Vec<Waiting<D>>,
    bytes: usize,
    next_ticket: u64,
    /// Whether somebody is writing a group.
    led: bool,
    results: FxHashMap<u64, Result<u64, StoreError>>,
}

struct Waiting<D> {
    ticket: u64,
    encoded: Vec<u8>,
    batch: Batch<D>,
}

struct Checkpoint {
    snapshot_seq: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Document> Engine<D> {
    /// Recovers the newest sound snapshot and the log after it.
    pub(crate) fn open(
        layout: Layout,
        disk: Arc<dyn Disk>,
        options: EmbeddedOptions,
    ) -> Result<Self, StoreError> {
        let history = History::open(&layout.history, disk.clone())?;
        let entities = Entities::new();
        let snapshot_seq = load_snapshot(&layout, &entities)?;
        let mut recover = |first: u64, body: &[u8]| -> Result<u64, String> {
            let mut reader = wire::Reader::new(body);
            let count = reader.varint()?;
            for seq in first..first.saturating_add(count) {
                let batch: Batch<D> = wire::read_batch(reader.bytes()?)?;
                if seq > snapshot_seq {
                    entities.apply([(seq, batch.ops)]);
                }
                history.recover(seq, batch.samples);
            }
            Ok(count)
        };
        let log = Log::open(&layout.log, disk.clone(), snapshot_seq, &mut recover)?;
        if log.next_seq() <= history.sealed_seq() {
            let what = format!(
                "the log ends with commit {}, but history is sealed up to {}",
                log.next_seq() - 1,
                history.sealed_seq()
            );
            return Err(super::log::damaged(log.path(), 0, what));
        }
        entities.set_last_seq(log.next_seq() - 1);
        // Commits without samples count too: sealing covers them.
        history.push([(log.next_seq() - 1, Vec::new())]);
        Ok(Self {
            entities,
            history,
            layout,
            disk,
            options,
            log_bytes: AtomicU64::new(log.all_bytes()),
            log: Mutex::new(log),
            queue: Mutex::new(Queue {
                waiting: Vec::new(),
                bytes: 0,
                next_ticket: 0,
                led: false,
                results: FxHashMap::default(),
            }),
            turn: Condvar::new(),
            checkpoints: Mutex::new(Checkpoint { snapshot_seq }),
        })
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue<D>>) -> MutexGuard<'a, Queue<D>> {
        self.turn
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn commit(&self, batch: Batch<D>) -> Result<u64, StoreError> {
        if self.history.head_bytes() > self.options.head_bytes.saturating_mul(4) {
            // The background work does not keep up (or cannot): do it here, or say why not.
            self.seal()?;
        }
        let mut encoded = Vec::new();
        wire::put_batch(&mut encoded, &batch);
        let mut queue = lock(&self.queue);
        while queue.bytes > WAITING_BYTES {
            queue = self.wait(queue);
        }
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.bytes += encoded.len();
        queue.waiting.push(Waiting {
            ticket,
            encoded,
            batch,
        });
        loop {
            if let Some(result) = queue.results.remove(&ticket) {
                return result;
            }
            if queue.led {
                queue = self.wait(queue);
                continue;
            }
            queue.led = true;
            let group = take_group(&mut queue);
            drop(queue);
            let results = self.write_group(group);
            queue = lock(&self.queue);
            queue.led = false;
            queue.results.extend(results);
            self.turn.notify_all();
        }
    }

    /// One write and one sync for all, then one moment at which all is visible.
    fn write_group(&self, group: Vec<Waiting<D>>) -> Vec<(u64, Result<u64, StoreError>)> {
        let (mut tickets, mut encoded, mut batches) = (Vec::new(), Vec::new(), Vec::new());
        for waiting in group {
            tickets.push(waiting.ticket);
            encoded.push(waiting.encoded);
            batches.push(waiting.batch);
        }
        // Held until all is applied: who holds the log sees state and log agree.
        let mut log = lock(&self.log);
        let written = self.append(&mut log, &encoded);
        let first = match written {
            Ok(first) => first,
            Err(error) => {
                let same = |ticket| (ticket, Err(again(&error)));
                return tickets.into_iter().map(same).collect();
            }
        };
        let mut samples: Vec<(u64, Vec<Sample>)> = Vec::new();
        let mut ops: Vec<(u64, Vec<Op<D>>)> = Vec::new();
        for (seq, batch) in (first..).zip(batches) {
            samples.push((seq, batch.samples));
            ops.push((seq, batch.ops));
        }
        self.history.push(samples);
        self.entities.apply(ops);
        self.log_bytes.store(log.all_bytes(), Ordering::Relaxed);
        drop(log);
        tickets
            .into_iter()
            .zip(first..)
            .map(|(ticket, seq)| (ticket, Ok(seq)))
            .collect()
    }

    fn append(&self, log: &mut Log, encoded: &[Vec<u8>]) -> Result<u64, StoreError> {
        if log.tail_bytes() > self.options.segment_bytes {
            log.rotate()?;
        }
        log.append(encoded, self.options.pack_from_bytes, self.options.synced())
    }

    /// Whether the log or the head has grown enough for background work.
    pub(crate) fn is_due(&self) -> Due {
        if self.log_bytes.load(Ordering::Relaxed) > self.options.checkpoint_bytes {
            Due::Checkpoint
        } else if self.history.head_bytes() > self.options.head_bytes {
            Due::Seal
        } else {
            Due::Nothing
        }
    }

    pub(crate) fn seal(&self) -> Result<(), StoreError> {
        let mut log = lock(&self.log);
        log.sync()?;
        // Buffered: sealed history must not be newer than the durable log, so commits wait.
        let _held = (!self.options.synced()).then_some(log);
        crate::SeriesStore::seal(&self.history)
    }

    /// Forgets the history of an entity up to now.
    pub(crate) fn forget(&self, entity: &str) -> Result<(), StoreError> {
        // The tombstone names a commit: in a buffered store that commit must be durable first.
        lock(&self.log).sync()?;
        crate::SeriesStore::forget(&self.history, entity)
    }

    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        let mut done = lock(&self.checkpoints);
        let pin = {
            let mut log = lock(&self.log);
            log.rotate()?;
            self.entities.pin()
        };
        self.seal()?;
        if pin.seq() > done.snapshot_seq {
            let path = snapshot::write(&self.layout.snapshot, &*self.disk, &pin)?;
            done.snapshot_seq = pin.seq();
            for old in snapshot::list(&self.layout.snapshot)? {
                if old != path {
                    std::fs::remove_file(&old).map_err(on("cannot remove", &old))?;
                }
            }
        }
        let released = {
            let mut log = lock(&self.log);
            let released = log.release_up_to(pin.seq());
            self.log_bytes.store(log.all_bytes(), Ordering::Relaxed);
            released
        };
        super::log::remove(&self.layout.log, &*self.disk, &released)
    }
}

// Without a bound on D, so that a handle can close when it is dropped.
impl<D> Engine<D> {
    /// Writes the end mark: from then on, damage to the last record cannot pass for a crash.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let mut log = lock(&self.log);
        log.append(&[], usize::MAX, true).map(|_| ())
    }
}

/// What the background should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Seal,
    Checkpoint,
}

fn take_group<D>(queue: &mut Queue<D>) -> Vec<Waiting<D>> {
    let mut size = 0;
    let fits = queue
        .waiting
        .iter()
        .take_while(|w| {
            let first = size == 0;
            size += w.encoded.len() + 1;
            first || size <= GROUP_BYTES
        })
        .count();
    let group: Vec<Waiting<D>> = queue.waiting.drain(..fits).collect();
    queue.bytes -= group.iter().map(|w| w.encoded.len()).sum::<usize>();
    group
}

/// The same error for another caller of the same group.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::DiskFull { path } => StoreError::DiskFull { path: path.clone() },
        StoreError::Uncertain { path, what } => StoreError::Uncertain {
            path: path.clone(),
            what: what.clone(),
        },
        StoreError::Io {
            doing,
            path,
            source,
        } => StoreError::Io {
            doing,
            path: path.clone(),
            source: std::io::Error::new(source.kind(), source.to_string()),
        },
        other => StoreError::Uncertain {
            path: String::new(),
            what: other.to_string(),
        },
    }
}

/// Loads the newest sound snapshot; returns its sequence, 0 when there is none.
fn load_snapshot<D: Document>(layout: &Layout, entities: &Entities<D>) -> Result<u64, StoreError> {
    let files: Vec<PathBuf> = snapshot::list(&layout.snapshot)?;
    let mut first_error = None;
    for path in files {
        match snapshot::read(&path) {
            Ok((seq, docs)) => {
                entities.apply([(seq, docs)]);
                return Ok(seq);
            }
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(%error, "a snapshot is damaged; trying an older one");
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    first_error.map_or(Ok(0), Err)
}
