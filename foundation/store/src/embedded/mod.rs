//! The embedded backend: one folder, one process, no server.
//!
//! ```text
//! lock                 held while the store is open
//! log/NNNNNN.log       group commits since the last snapshot
//! snapshot/SEQ.snap    current state at a commit
//! history/             manifest.json and sealed Parquet files
//! ledger/ledger.jsonl  the ledger's lines, nothing else
//! blobs/NNNNNN.pack    blobs
//! registry.sqlite      registry, and where ledger lines are
//! ```
//!
//! **Invariant** Acknowledged means synced ([`Durability::Synced`]). A failed sync closes the
//! file for writing; a full disk refuses the write and leaves nothing of it.

mod blobs;
mod columns;
pub mod disk;
mod engine;
mod history;
mod ledger;
mod log;
mod registry;
mod snapshot;
mod wire;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use conurb_base::{SharedClock, SystemClock, TimeMs};

use self::disk::{Disk, RealDisk, on};
use self::engine::{Due, Engine};
pub use self::ledger::{LedgerId, json_id};
use crate::{Batch, Document, EntityStore, Point, SeriesKey, SeriesStore, StoreError, Stores};

/// How far the keeper stands behind: about a tenth of the weight of the others.
#[cfg(target_os = "linux")]
const KEEPER_NICE: i32 = 10;

/// When an acknowledged write is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Synced to the disk before it is acknowledged: safe from a crash of process or machine.
    #[default]
    Synced,
    /// Handed to the system, synced at checkpoints and on close: safe from a crash of the
    /// process, not of the machine (a torn end may then be refused as damage). For runs that
    /// can be repeated, such as simulated days.
    Buffered,
}

/// How an embedded store is opened.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// When an acknowledged write is safe.
    pub durability: Durability,
    /// For the times the store reports in its log messages.
    pub clock: SharedClock,
    /// The disk; tests put a broken one here.
    pub disk: Arc<dyn Disk>,
    /// A new log segment begins when one is larger than this, bytes.
    pub segment_bytes: u64,
    /// A checkpoint is made when the log is larger than this, bytes.
    pub checkpoint_bytes: u64,
    /// History is sealed when its head takes more memory than this, bytes; commits wait at four
    /// times as much.
    pub head_bytes: usize,
    /// Group commits of at least this many bytes are packed with zstd.
    pub pack_from_bytes: usize,
    /// How a ledger line's id is found when its index is made again.
    pub ledger_id: LedgerId,
}

impl EmbeddedOptions {
    /// The defaults, on this clock.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            durability: Durability::Synced,
            clock,
            disk: Arc::new(RealDisk),
            segment_bytes: 64 << 20,
            checkpoint_bytes: 256 << 20,
            head_bytes: 64 << 20,
            pack_from_bytes: 1 << 20,
            ledger_id: json_id,
        }
    }

    /// The same, safe only from a crash of the process: for simulated days.
    #[must_use]
    pub fn buffered(mut self) -> Self {
        self.durability = Durability::Buffered;
        self
    }

    const fn synced(&self) -> bool {
        matches!(self.durability, Durability::Synced)
    }
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self::new(SystemClock::shared())
    }
}

/// The folders of a store.
#[derive(Debug, Clone)]
struct Layout {
    log: PathBuf,
    snapshot: PathBuf,
    history: PathBuf,
    ledger: PathBuf,
    blobs: PathBuf,
    registry: PathBuf,
}

impl Layout {
    fn create(dir: &Path, disk: &dyn Disk) -> Result<Self, StoreError> {
        let layout = Self {
            log: dir.join("log"),
            snapshot: dir.join("snapshot"),
            history: dir.join("history"),
            ledger: dir.join("ledger"),
            blobs: dir.join("blobs"),
            registry: dir.join("registry.sqlite"),
        };
        for folder in [
            &layout.log,
            &layout.snapshot,
            &layout.history,
            &layout.ledger,
            &layout.blobs,
        ] {
            std::fs::create_dir_all(folder).map_err(on("cannot create", folder))?;
        }
        disk.sync_folder(dir).map_err(on("cannot sync", dir))?;
        Ok(layout)
    }
}

/// Holds the store for this process until it is dropped.
pub(crate) struct LockFile {
    _file: File,
}

impl LockFile {
    fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(on("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
                path: dir.display().to_string(),
            }),
            Err(TryLockError::Error(e)) => Err(on("cannot lock", &path)(e)),
        }
    }
}

/// Opens the store in `dir`, creating it where there is none. It is held until the last clone of
/// the handle is dropped.
pub fn open<D: Document>(dir: &Path, options: EmbeddedOptions) -> Result<Stores<D>, StoreError> {
    std::fs::create_dir_all(dir).map_err(on("cannot create", dir))?;
    let lock = Arc::new(LockFile::take(dir)?);
    let start_ns = options.clock.monotonic_ns();
    let (disk, synced) = (options.disk.clone(), options.synced());
    let layout = Layout::create(dir, &*disk)?;
    let registry = registry::Registry::open(&layout.registry, synced, lock.clone())?;
    let ledger = ledger::Ledger::open(
        &layout.ledger,
        &layout.registry,
        &*disk,
        options.ledger_id,
        synced,
        lock.clone(),
    )?;
    let blobs = blobs::Blobs::open(&layout.blobs, disk.clone(), synced, lock.clone())?;
    let clock = options.clock.clone();
    let engine = Arc::new(Engine::<D>::open(layout, disk, options)?);
    tracing::info!(
        dir = %dir.display(),
        entities = engine.entities.len(),
        seq = engine.entities.last_seq(),
        took_ms = (clock.monotonic_ns() - start_ns) / 1_000_000,
        "opened the store"
    );
    let handle = Arc::new(Handle::start(engine, lock)?);
    Ok(Stores {
        entities: handle.clone(),
        series: handle,
        ledger: Arc::new(ledger),
        blobs: Arc::new(blobs),
        registry: Arc::new(registry),
    })
}

/// What callers hold: the engine, and the thread that seals and checkpoints beside them.
struct Handle<D> {
    engine: Arc<Engine<D>>,
    keeper: Option<JoinHandle<()>>,
    work: Arc<Work>,
    _lock: Arc<LockFile>,
}

#[derive(Default)]
struct Work {
    state: Mutex<WorkState>,
    changed: Condvar,
}

#[derive(Default)]
struct WorkState {
    wanted: bool,
    stop: bool,
}

impl Work {
    fn set(&self, change: impl FnOnce(&mut WorkState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Waits until there is something to do; false = stop.
    fn next(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.wanted && !state.stop {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.wanted = false;
        !state.stop
    }
}

impl<D: Document> Handle<D> {
    fn start(engine: Arc<Engine<D>>, lock: Arc<LockFile>) -> Result<Self, StoreError> {
        let work = Arc::new(Work::default());
        let (theirs, engine_there) = (work.clone(), engine.clone());
        let keeper = std::thread::Builder::new()
            .name("store-keeper".into())
            .spawn(move || {
                behind_others();
                while theirs.next() {
                    keep(&engine_there);
                }
            })
            .map_err(on("cannot start the keeper of", Path::new("the store")))?;
        Ok(Self {
            engine,
            keeper: Some(keeper),
            work,
            _lock: lock,
        })
    }
}

/// Lets this thread run where others leave time: sealing takes a core for a second, and commits,
/// which share the machine with it, have a reader who waits. Intake that outruns the keeper is
/// held back by [`EmbeddedOptions::head_bytes`], not by its priority.
fn behind_others() {
    // Elsewhere the call would slow the whole process down.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(KEEPER_NICE) {
        tracing::warn!(%error, "the store's keeper runs at the priority of everybody");
    }
}

fn keep<D: Document>(engine: &Engine<D>) {
    let done = match engine.is_due() {
        Due::Nothing => Ok(()),
        Due::Seal => engine.seal(),
        Due::Checkpoint => engine.checkpoint(),
    };
    if let Err(error) = done {
        // Nothing is lost: the log keeps it. The next commit asks again.
        tracing::error!(%error, "the store could not tidy up");
    }
}

impl<D> Drop for Handle<D> {
    fn drop(&mut self) {
        self.work.set(|state| state.stop = true);
        if let Some(keeper) = self.keeper.take()
            && keeper.join().is_err()
        {
            tracing::error!("the store's keeper panicked");
        }
        if let Err(error) = self.engine.close() {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }
}

impl<D: Document> EntityStore<D> for Handle<D> {
    fn commit(&self, batch: Batch<D>) -> Result<u64, StoreError> {
        let seq = self.engine.commit(batch)?;
        // A look every so often is enough, and spares the lock.
        if seq.is_multiple_of(16) && self.engine.is_due() != Due::Nothing {
            self.work.set(|state| state.wanted = true);
        }
        Ok(seq)
    }

    fn get(&self, id: &str) -> Option<Arc<D>> {
        self.engine.entities.get(id)
    }

    fn len(&self) -> usize {
        self.engine.entities.len()
    }

    fn scan(&self, after: Option<&str>, visit: &mut dyn FnMut(&Arc<str>, &Arc<D>) -> bool) {
        self.engine.entities.scan(after, visit);
    }

    fn last_seq(&self) -> u64 {
        self.engine.entities.last_seq()
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.engine.checkpoint()
    }
}

impl<D: Document> SeriesStore for Handle<D> {
    fn range(
        &self,
        series: &SeriesKey,
        from: TimeMs,
        to: TimeMs,
        limit: usize,
        newest_first_cut: bool,
    ) -> Result<Vec<Point>, StoreError> {
        let history = &self.engine.history;
        history.range(series, from, to, limit, newest_first_cut)
    }

    fn series_of(&self, entity: &str) -> Result<Vec<SeriesKey>, StoreError> {
        self.engine.history.series_of(entity)
    }

    fn seal(&self) -> Result<(), StoreError> {
        self.engine.seal()
    }

    fn forget(&self, entity: &str) -> Result<(), StoreError> {
        self.engine.forget(entity)
    }
}
