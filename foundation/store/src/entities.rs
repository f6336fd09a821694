//! Current state in memory: documents by id, with scans that see one moment.
//!
//! **Invariant** A scan sees the state right after one commit, whatever is committed while it
//! runs. While a scan is open a commit keeps what it replaces in `undo`; without one it keeps
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;

use crate::Op;

/// How many documents a scan copies out under one lock.
const SCAN_CHUNK: usize = 256;

/// Documents by id, all of one moment for whoever scans.
pub(crate) struct Entities<D> {
    table: RwLock<Table<D>>,
}

struct Table<D> {
    docs: FxHashMap<Arc<str>, Arc<D>>,
    order: BTreeSet<Arc<str>>,
    last_seq: u64,
    /// Sequences at which scans are open, with how many.
    pins: BTreeMap<u64, usize>,
    /// What an id was before the commit with that sequence, oldest first.
    undo: BTreeMap<Arc<str>, Vec<Before<D>>>,
}

type Before<D> = (u64, Option<Arc<D>>);

impl<D> Table<D> {
    fn put(&mut self, seq: u64, id: Arc<str>, doc: Arc<D>) {
        let before = match self.docs.get_mut(&id) {
            Some(slot) => Some(std::mem::replace(slot, doc)),
            None => {
                self.order.insert(id.clone());
                self.docs.insert(id.clone(), doc);
                None
            }
        };
        self.keep(seq, id, before);
    }

    fn delete(&mut self, seq: u64, id: Arc<str>) {
        if let Some(before) = self.docs.remove(&id) {
            self.order.remove(&id);
            self.keep(seq, id, Some(before));
        }
    }

    fn keep(&mut self, seq: u64, id: Arc<str>, before: Option<Arc<D>>) {
        let Some((&newest_pin, _)) = self.pins.last_key_value() else {
            return;
        };
        let kept = self.undo.entry(id).or_default();
        if kept.last().is_none_or(|(at, _)| *at <= newest_pin) {
            kept.push((seq, before));
        }
    }

    /// The document of `id` as it was at `pin`.
    fn at(&self, pin: u64, id: &str) -> Option<&Arc<D>> {
        if let Some(kept) = self.undo.get(id)
            && let Some((_, before)) = kept.iter().find(|(seq, _)| *seq > pin)
        {
            return before.as_ref();
        }
        self.docs.get(id)
    }
}

impl<D> Entities<D> {
    pub(crate) fn new() -> Self {
        Self {
            table: RwLock::new(Table {
                docs: FxHashMap::default(),
                order: BTreeSet::new(),
                last_seq: 0,
                pins: BTreeMap::new(),
                undo: BTreeMap::new(),
            }),
        }
    }

    // A panic cannot leave the table half changed in a way that matters more than going on.
    fn read(&self) -> RwLockReadGuard<'_, Table<D>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<D>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes commits visible, in order, all at once.
    pub(crate) fn apply(&self, commits: impl IntoIterator<Item = (u64, Vec<Op<D>>)>) {
        let mut table = self.write();
        for (seq, ops) in commits {
            for op in ops {
                match op {
                    Op::Put { id, doc } => table.put(seq, id, doc),
                    Op::Delete { id } => table.delete(seq, id),
                }
            }
            table.last_seq = seq;
        }
    }

    /// Sets the newest sequence after recovery.
    pub(crate) fn set_last_seq(&self, seq: u64) {
        self.write().last_seq = seq;
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<D>> {
        self.read().docs.get(id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.read().docs.len()
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.read().last_seq
    }

    /// Holds the present moment still for scanning.
    pub(crate) fn pin(&self) -> Pin<'_, D> {
        let mut table = self.write();
        let seq = table.last_seq;
        *table.pins.entry(seq).or_default() += 1;
        Pin {
            entities: self,
            seq,
        }
    }

    pub(crate) fn scan(
        &self,
        after: Option<&str>,
        visit: &mut dyn FnMut(&Arc<str>, &Arc<D>) -> bool,
    ) {
        self.pin().scan(after, visit);
    }
}

/// A moment of the store; dropping it lets go.
pub(crate) struct Pin<'a, D> {
    entities: &'a Entities<D>,
    seq: u64,
}

impl<D> Pin<'_, D> {
    /// The newest commit this moment includes.
    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn scan(
        &self,
        after: Option<&str>,
        visit: &mut dyn FnMut(&Arc<str>, &Arc<D>) -> bool,
    ) {
        let mut chunk = self.chunk(after);
        loop {
            for (id, doc) in &chunk {
                if !visit(id, doc) {
                    return;
                }
            }
            let full = chunk.len() == SCAN_CHUNK;
            match chunk.last() {
                Some((last, _)) if full => chunk = self.chunk(Some(&last.clone())),
                _ => return,
            }
        }
    }

    /// The next documents of this moment after `after`, copied out so that a visitor may use
    /// the store.
    fn chunk(&self, after: Option<&str>) -> Vec<(Arc<str>, Arc<D>)> {
        let table = self.entities.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut live = table
            .order
            .range::<str, _>((from, Bound::Unbounded))
            .peekable();
        let mut old = table
            .undo
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(id, _)| id)
            .peekable();
        let mut chunk = Vec::new();
        while chunk.len() < SCAN_CHUNK {
            let id = match (live.peek(), old.peek()) {
                (Some(l), Some(o)) if l > o => old.next(),
                (Some(l), o) => {
                    if o.is_some_and(|o| o == l) {
                        old.next();
                    }
                    live.next()
                }
                (None, _) => old.next(),
            };
            let Some(id) = id else { break };
            if let Some(doc) = table.at(self.seq, id) {
                chunk.push((id.clone(), doc.clone()));
            }
        }
        chunk
    }
}

impl<D> Drop for Pin<'_, D> {
    fn drop(&mut self) {
        let mut table = self.entities.write();
        if let Some(count) = table.pins.get_mut(&self.seq) {
            *count -= 1;
            if *count == 0 {
                table.pins.remove(&self.seq);
            }
        }
        let unneeded = table
            .pins
            .is_empty()
            .then(|| std::mem::take(&mut table.undo));
        // Freed without the lock: a whole city's old documents take tens of milliseconds, and
        // every commit would wait.
        drop(table);
        drop(unneeded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(id: u8, doc: u32) -> Op<u32> {
        Op::Put {
            id: Arc::from(format!("{id:03}")),
            doc: Arc::new(doc),
        }
    }

    fn seen(pin: &Pin<'_, u32>) -> Vec<(String, u32)> {
        let mut all = Vec::new();
        pin.scan(None, &mut |id, doc| {
            all.push((id.to_string(), **doc));
            true
        });
        all
    }

    proptest! {
        #[test]
        fn every_pin_sees_its_own_moment_for_ever(
            steps in proptest::collection::vec((0u8..12, 0u32..100, any::<bool>(), any::<bool>()), 1..60)
        ) {
            let entities = Entities::new();
            let mut pins = Vec::new();
            for (n, (id, doc, delete, pin)) in steps.into_iter().enumerate() {
                let op = if delete { Op::Delete { id: Arc::from(format!("{id:03}")) } } else { put(id, doc) };
                // The second op on the same id belongs to the same commit.
                let again = put(id.wrapping_add(1), doc);
                entities.apply([(n as u64 + 1, vec![op.clone(), again, op])]);
                if pin {
                    let pin = entities.pin();
                    let now = seen(&pin);
                    pins.push((pin, now));
                }
            }
            for (pin, then) in &pins {
                prop_assert_eq!(&seen(pin), then);
            }
            drop(pins);
            prop_assert!(entities.read().undo.is_empty());
        }
    }

    #[test]
    fn a_visitor_may_commit_and_read_while_it_scans() {
        let entities = Entities::new();
        entities.apply([(1, (0..200u8).map(|i| put(i, 1)).collect())]);
        entities.apply([(2, (0..200u8).map(|i| put(i, 2)).collect())]);
        let mut count = 0;
        entities.scan(None, &mut |id, doc| {
            assert_eq!(**doc, 2);
            entities.apply([(3 + count, vec![put(7, 9), put(250, 9)])]);
            assert!(entities.get(id).is_some());
            count += 1;
            true
        });
        assert_eq!(count, 200);
    }
}
