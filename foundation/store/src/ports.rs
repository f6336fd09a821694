//! The ports: what the platform asks of a store, whichever backend keeps the bytes.
//!
//! One [`Batch`] is one atomic commit. `commit` returns only when the batch is durable, and only
//! then is it visible: *visible = durable*. Every backend passes `store_suite!`.

use std::sync::Arc;

use conurb_base::TimeMs;

use crate::StoreError;

/// A document a store keeps: typed in memory, bytes on disk.
pub trait Document: Send + Sync + 'static {
    /// Appends the persistent form. Equal documents give equal bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads the persistent form; the error text says what is wrong with it.
    fn decode(bytes: &[u8]) -> Result<Self, String>
    where
        Self: Sized;
}

/// One change of current state.
#[derive(Debug)]
pub enum Op<D> {
    /// The document of `id` is now `doc`.
    Put {
        /// The entity.
        id: Arc<str>,
        /// Its whole new document.
        doc: Arc<D>,
    },
    /// `id` is gone. Deleting an absent id is not an error.
    Delete {
        /// The entity.
        id: Arc<str>,
    },
}

impl<D> Clone for Op<D> {
    fn clone(&self) -> Self {
        match self {
            Self::Put { id, doc } => Self::Put {
                id: id.clone(),
                doc: doc.clone(),
            },
            Self::Delete { id } => Self::Delete { id: id.clone() },
        }
    }
}

/// What a series is about: an attribute of an entity, and which of its instances.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// Entity id.
    pub entity: Arc<str>,
    /// Expanded attribute name.
    pub attribute: Arc<str>,
    /// `datasetId`; `None` is the default instance.
    pub dataset: Option<Arc<str>>,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number in the attribute's unit.
    Number(f64),
    /// Anything else, as JSON text.
    Json(Arc<str>),
    /// The attribute was deleted at this moment (a tombstone).
    Deleted,
}

/// One observation of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Which series.
    pub series: SeriesKey,
    /// When it was observed (`observedAt`; where absent, when it was recorded).
    pub observed_at: TimeMs,
    /// When we recorded it.
    pub recorded_at: TimeMs,
    /// What was observed.
    pub value: SampleValue,
}

/// A point read back from a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// When it was observed.
    pub observed_at: TimeMs,
    /// When we recorded it.
    pub recorded_at: TimeMs,
    /// The store's own sequence of the commit that brought it; with the series it identifies
    /// the instance.
    pub seq: u64,
    /// What was observed.
    pub value: SampleValue,
}

/// What one commit carries. Ops apply in order; a later op on the same id wins.
#[derive(Debug)]
pub struct Batch<D> {
    /// Changes of current state.
    pub ops: Vec<Op<D>>,
    /// Observations for history.
    pub samples: Vec<Sample>,
}

impl<D> Default for Batch<D> {
    fn default() -> Self {
        Self {
            ops: Vec::new(),
            samples: Vec::new(),
        }
    }
}

impl<D> Batch<D> {
    /// Nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.samples.is_empty()
    }
}

/// Current state: documents by id.
pub trait EntityStore<D>: Send + Sync {
    /// Makes `batch` durable, then visible; returns its sequence (from 1, +1 a commit).
    /// After an error nothing of the batch is visible, and nothing of it comes back after a
    /// restart unless the error says [`StoreError::Uncertain`].
    fn commit(&self, batch: Batch<D>) -> Result<u64, StoreError>;

    /// The document of `id`.
    fn get(&self, id: &str) -> Option<Arc<D>>;

    /// How many documents there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits documents in ascending id order from the first id greater than `after`, until
    /// `visit` returns false. Concurrent commits may or may not be seen, each whole.
    fn scan(&self, after: Option<&str>, visit: &mut dyn FnMut(&Arc<str>, &Arc<D>) -> bool);

    /// The sequence of the newest commit.
    fn last_seq(&self) -> u64;

    /// Writes a snapshot and drops the log it makes unnecessary.
    fn checkpoint(&self) -> Result<(), StoreError>;
}

/// History: points by series.
pub trait SeriesStore: Send + Sync {
    /// Points with `from <= observed_at < to`, ascending by (observed_at, seq); at most
    /// `limit`, the newest ones if `newest_first_cut`, else the oldest.
    fn range(
        &self,
        series: &SeriesKey,
        from: TimeMs,
        to: TimeMs,
        limit: usize,
        newest_first_cut: bool,
    ) -> Result<Vec<Point>, StoreError>;

    /// The series of one entity, sorted.
    fn series_of(&self, entity: &str) -> Result<Vec<SeriesKey>, StoreError>;

    /// Seals the in-memory head into sorted Parquet files (a no-op for memory).
    fn seal(&self) -> Result<(), StoreError>;

    /// Forgets the history of one entity (legal deletion, `DELETE /temporal/entities/{id}`).
    fn forget(&self, entity: &str) -> Result<(), StoreError>;
}

/// One line for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// What the line is about (a decision id); several lines may share it.
    pub id: String,
    /// The line, UTF-8 JSON without a newline.
    pub text: String,
}

/// An append-only file of lines. The hash chain over them is the platform's business.
pub trait LedgerStore: Send + Sync {
    /// Appends lines durably, all or none; returns the sequence (from 0) of the first.
    fn append(&self, lines: &[LedgerLine]) -> Result<u64, StoreError>;

    /// How many lines there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines about `id`, oldest first, each with its sequence.
    fn lines_of(&self, id: &str) -> Result<Vec<(u64, String)>, StoreError>;

    /// Visits lines from `from` in order until `visit` returns false. Reads the bytes as they
    /// are on disk, damaged or not: lossy UTF-8, so that a verifier can name a broken record.
    fn scan(&self, from: u64, visit: &mut dyn FnMut(u64, &str) -> bool) -> Result<(), StoreError>;
}

/// Immutable bytes by their SHA-256 (lower-case hex).
pub trait BlobStore: Send + Sync {
    /// Keeps `bytes` durably; returns their hash. Putting the same bytes twice is free.
    fn put(&self, bytes: &[u8]) -> Result<String, StoreError>;

    /// The bytes with this hash; checked on read.
    fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError>;
}

/// Small JSON documents by (kind, id): subscriptions, contexts, registry, settings.
pub trait RegistryStore: Send + Sync {
    /// Keeps `json` under (kind, id) durably, replacing what was there.
    fn put(&self, kind: &str, id: &str, json: &str) -> Result<(), StoreError>;

    /// The document under (kind, id).
    fn get(&self, kind: &str, id: &str) -> Result<Option<String>, StoreError>;

    /// Deletes it; says whether it was there.
    fn delete(&self, kind: &str, id: &str) -> Result<bool, StoreError>;

    /// All of a kind, ascending by id.
    fn list(&self, kind: &str) -> Result<Vec<(String, String)>, StoreError>;
}

/// Everything a node keeps, behind one handle; backends hand this out when opened.
pub struct Stores<D> {
    /// Current state.
    pub entities: Arc<dyn EntityStore<D>>,
    /// History.
    pub series: Arc<dyn SeriesStore>,
    /// Decision ledger.
    pub ledger: Arc<dyn LedgerStore>,
    /// Blobs.
    pub blobs: Arc<dyn BlobStore>,
    /// Registry and settings.
    pub registry: Arc<dyn RegistryStore>,
}

impl<D> Clone for Stores<D> {
    fn clone(&self) -> Self {
        Self {
            entities: self.entities.clone(),
            series: self.series.clone(),
            ledger: self.ledger.clone(),
            blobs: self.blobs.clone(),
            registry: self.registry.clone(),
        }
    }
}
