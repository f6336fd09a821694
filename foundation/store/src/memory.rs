//! The memory backend: the whole behaviour, nothing on disk. For tests and throw-away runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conurb_base::TimeMs;
use rustc_hash::FxHashMap;

use crate::entities::Entities;
use crate::hash::sha256_hex;
use crate::head::{Head, cut, sort_points, within};
use crate::{
    Batch, BlobStore, Document, EntityStore, LedgerLine, LedgerStore, Point, RegistryStore,
    SeriesKey, SeriesStore, StoreError, Stores,
};

/// Opens empty stores that live as long as the handle.
#[must_use]
pub fn open<D: Document>() -> Stores<D> {
    let state = Arc::new(State {
        entities: Entities::new(),
        head: Mutex::default(),
    });
    Stores {
        entities: state.clone(),
        series: state,
        ledger: Arc::new(Ledger::default()),
        blobs: Arc::new(Blobs::default()),
        registry: Arc::new(Registry::default()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct State<D> {
    entities: Entities<D>,
    /// Also the order of commits: held while a batch is applied.
    head: Mutex<Head>,
}

impl<D: Document> EntityStore<D> for State<D> {
    fn commit(&self, batch: Batch<D>) -> Result<u64, StoreError> {
        let mut head = lock(&self.head);
        let seq = self.entities.last_seq() + 1;
        for sample in batch.samples {
            head.push(seq, sample);
        }
        self.entities.apply([(seq, batch.ops)]);
        Ok(seq)
    }

    fn get(&self, id: &str) -> Option<Arc<D>> {
        self.entities.get(id)
    }

    fn len(&self) -> usize {
        self.entities.len()
    }

    fn scan(&self, after: Option<&str>, visit: &mut dyn FnMut(&Arc<str>, &Arc<D>) -> bool) {
        self.entities.scan(after, visit);
    }

    fn last_seq(&self) -> u64 {
        self.entities.last_seq()
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<D: Document> SeriesStore for State<D> {
    fn range(
        &self,
        series: &SeriesKey,
        from: TimeMs,
        to: TimeMs,
        limit: usize,
        newest_first_cut: bool,
    ) -> Result<Vec<Point>, StoreError> {
        let mut points: Vec<Point> = lock(&self.head)
            .points(series)
            .iter()
            .filter(|p| within(p.observed_at, from, to))
            .cloned()
            .collect();
        sort_points(&mut points);
        Ok(cut(points, limit, newest_first_cut))
    }

    fn series_of(&self, entity: &str) -> Result<Vec<SeriesKey>, StoreError> {
        let mut keys = lock(&self.head).series_of(entity);
        keys.sort();
        Ok(keys)
    }

    fn seal(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget(&self, entity: &str) -> Result<(), StoreError> {
        lock(&self.head).forget(entity, u64::MAX);
        Ok(())
    }
}

#[derive(Default)]
struct Ledger {
    lines: Mutex<Vec<LedgerLine>>,
}

impl LedgerStore for Ledger {
    fn append(&self, lines: &[LedgerLine]) -> Result<u64, StoreError> {
        crate::ledger_lines_fit("the ledger in memory", lines)?;
        let mut kept = lock(&self.lines);
        let first = kept.len() as u64;
        kept.extend_from_slice(lines);
        Ok(first)
    }

    fn len(&self) -> u64 {
        lock(&self.lines).len() as u64
    }

    fn lines_of(&self, id: &str) -> Result<Vec<(u64, String)>, StoreError> {
        let kept = lock(&self.lines);
        Ok((0u64..)
            .zip(kept.iter())
            .filter(|(_, line)| line.id == id)
            .map(|(seq, line)| (seq, line.text.clone()))
            .collect())
    }

    fn scan(&self, from: u64, visit: &mut dyn FnMut(u64, &str) -> bool) -> Result<(), StoreError> {
        let mut seq = from;
        loop {
            // One line at a time, so that a visitor may append.
            let line = usize::try_from(seq)
                .ok()
                .and_then(|at| lock(&self.lines).get(at).map(|l| l.text.clone()));
            match line {
                Some(text) if visit(seq, &text) => seq += 1,
                _ => return Ok(()),
            }
        }
    }
}

#[derive(Default)]
struct Blobs {
    by_hash: Mutex<FxHashMap<String, Vec<u8>>>,
}

impl BlobStore for Blobs {
    fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let hash = sha256_hex(bytes);
        lock(&self.by_hash)
            .entry(hash.clone())
            .or_insert_with(|| bytes.to_vec());
        Ok(hash)
    }

    fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(lock(&self.by_hash).get(hash).cloned())
    }
}

#[derive(Default)]
struct Registry {
    kinds: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

impl RegistryStore for Registry {
    fn put(&self, kind: &str, id: &str, json: &str) -> Result<(), StoreError> {
        lock(&self.kinds)
            .entry(kind.to_owned())
            .or_default()
            .insert(id.to_owned(), json.to_owned());
        Ok(())
    }

    fn get(&self, kind: &str, id: &str) -> Result<Option<String>, StoreError> {
        Ok(lock(&self.kinds).get(kind).and_then(|k| k.get(id)).cloned())
    }

    fn delete(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        Ok(lock(&self.kinds)
            .get_mut(kind)
            .is_some_and(|k| k.remove(id).is_some()))
    }

    fn list(&self, kind: &str) -> Result<Vec<(String, String)>, StoreError> {
        Ok(lock(&self.kinds)
            .get(kind)
            .into_iter()
            .flatten()
            .map(|(id, json)| (id.clone(), json.clone()))
            .collect())
    }
}
