//! The ledger: what was decided and what became of it, appended once and never changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conurb_base::TimeMs;
use conurb_store::{BlobStore, LedgerLine, LedgerStore, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chain::{self, Broken, Hash, Verified, Walk};
use crate::rules::{self, Facts};
use crate::{DecideError, Decision, LedgerEntry, Mode, POLICY_AUTO, Status};

/// Longest line of a ledger, in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Most decisions one call of [`Ledger::list`] returns.
pub const LIST_MAX: usize = 10_000;
/// Decisions whose standing is kept in memory; older ones are looked up.
const RECENT_MAX: usize = 1 << 18;
/// Lines judged at a time while listing, so that no lock of the store is held in between.
const CHUNK: usize = 1024;

/// How many decisions went which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records.
    pub decided: u64,
    /// Approved by their policy.
    pub auto: u64,
    /// Approved by a person.
    pub approved: u64,
    /// Rejected, by a person or by time.
    pub rejected: u64,
    /// Taken back.
    pub overturned: u64,
}

impl Counts {
    fn add(&mut self, entry: &LedgerEntry) {
        match entry {
            LedgerEntry::Decided(_) => self.decided += 1,
            LedgerEntry::Approved { approver, .. } if approver == POLICY_AUTO => self.auto += 1,
            LedgerEntry::Approved { .. } => self.approved += 1,
            LedgerEntry::Rejected { .. } => self.rejected += 1,
            LedgerEntry::Overturned { .. } => self.overturned += 1,
            LedgerEntry::Acted { .. } | LedgerEntry::Measured { .. } => {}
        }
    }
}

/// Which decisions to list. An empty filter takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Scenario id.
    pub scenario: Option<String>,
    /// Entity decided about.
    pub subject: Option<String>,
    /// Decided at or after.
    pub from: Option<TimeMs>,
    /// Decided before.
    pub to: Option<TimeMs>,
    /// Mode.
    pub mode: Option<Mode>,
    /// Where it stands.
    pub status: Option<Status>,
    /// Most decisions to return, the newest; `None` means [`LIST_MAX`], which is also the most.
    pub limit: Option<usize>,
}

impl Filter {
    fn takes(&self, record: &crate::DecisionRecord) -> bool {
        self.scenario.as_ref().is_none_or(|s| *s == record.scenario)
            && self.subject.as_ref().is_none_or(|s| *s == record.subject)
            && self.from.is_none_or(|t| record.decided_at >= t)
            && self.to.is_none_or(|t| record.decided_at < t)
            && self.mode.is_none_or(|m| m == record.mode)
    }
}

/// What must be undone when a decision was overturned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The decision.
    pub decision_id: String,
    /// Its scenario.
    pub scenario: String,
    /// The entity it was about.
    pub subject: String,
    /// Its commands; empty where nothing was sent.
    pub command_ids: Vec<String>,
}

struct State {
    next: u64,
    /// The last line's hash, or why nothing may be appended.
    tail: Result<Hash, Broken>,
    recent: BTreeMap<u128, Facts>,
    order: VecDeque<u128>,
    /// Whether `recent` holds every decision of the ledger.
    all_recent: bool,
    counts: Counts,
    counted: u64,
}

/// The decision ledger of one city. Shared by reference; calls may come from several threads.
pub struct Ledger {
    store: Arc<dyn LedgerStore>,
    blobs: Arc<dyn BlobStore>,
    city: String,
    state: Mutex<State>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("city", &self.city)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens `city`'s ledger: reads the last line only. A damaged last line does not keep it
    /// from opening (it can be read and verified), but from appending.
    pub fn open(
        store: Arc<dyn LedgerStore>,
        blobs: Arc<dyn BlobStore>,
        city: &str,
    ) -> Result<Self, DecideError> {
        let next = store.len();
        let tail = read_tail(store.as_ref(), next, city)?;
        Ok(Self {
            store,
            blobs,
            city: city.to_owned(),
            state: Mutex::new(State {
                next,
                tail,
                recent: BTreeMap::new(),
                order: VecDeque::new(),
                all_recent: next == 0,
                counts: Counts::default(),
                counted: 0,
            }),
        })
    }

    /// The city it belongs to.
    #[must_use]
    pub fn city(&self) -> &str {
        &self.city
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.lock().next
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last line's hash, hex; the genesis hash where there is none. Kept elsewhere (a report,
    /// a neighbour), it is the anchor for [`Ledger::verify_against`].
    pub fn head(&self) -> Result<String, DecideError> {
        match &self.lock().tail {
            Ok(hash) => Ok(hex::encode(hash)),
            Err(broken) => Err(DecideError::Broken(broken.clone())),
        }
    }

    /// Appends entries, all or none, with one durable write; returns their line numbers. Each must
    /// be complete and follow from what happened before: an action needs an approved decision.
    pub fn append(&self, entries: &[LedgerEntry]) -> Result<Vec<u64>, DecideError> {
        let mut state = self.lock();
        let mut head = match &state.tail {
            Ok(hash) => *hash,
            Err(broken) => return Err(DecideError::Broken(broken.clone())),
        };
        let mut changed: BTreeMap<u128, Facts> = BTreeMap::new();
        let mut lines = Vec::with_capacity(entries.len());
        let mut seqs = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = key_of(entry.id());
            let known = match changed.get(&key) {
                Some(facts) => Some(*facts),
                None => self.facts(&state, entry.id(), key)?,
            };
            changed.insert(key, judge(entry, known)?);
            let seq = state.next + lines.len() as u64;
            let text = self.text_of(entry)?;
            let (text, hash) = chain::format_line(&head, seq, &text);
            head = hash;
            lines.push(LedgerLine {
                id: entry.id().to_owned(),
                text,
            });
            seqs.push(seq);
        }
        if lines.is_empty() {
            return Ok(seqs);
        }
        let first = self.store.append(&lines)?;
        let expected = state.next;
        state.next = first + lines.len() as u64;
        if first != expected {
            // Somebody else wrote in between: our lines no longer chain, and all must know.
            let broken = Broken {
                seq: first,
                id: entries.first().map(|e| e.id().to_owned()),
                what: format!("another writer appended: expected line {expected}"),
            };
            state.tail = Err(broken.clone());
            return Err(DecideError::Broken(broken));
        }
        state.tail = Ok(head);
        state.remember(changed);
        if state.counted == expected {
            entries.iter().for_each(|e| state.counts.add(e));
            state.counted = state.next;
        }
        Ok(seqs)
    }

    /// Keeps an input document; returns the hash that [`crate::Inputs`] names.
    pub fn put_inputs(&self, bytes: &[u8]) -> Result<String, DecideError> {
        Ok(self.blobs.put(bytes)?)
    }

    /// The input document with this hash, checked.
    pub fn inputs(&self, hash: &str) -> Result<Vec<u8>, DecideError> {
        let wrong = |what: &str| DecideError::Inputs {
            hash: hash.to_owned(),
            what: what.to_owned(),
        };
        let bytes = self
            .blobs
            .get(hash)?
            .ok_or_else(|| wrong("it is not kept here"))?;
        if hex::encode(Sha256::digest(&bytes)) == hash {
            Ok(bytes)
        } else {
            Err(wrong("its bytes do not have that hash"))
        }
    }

    /// A decision with its whole story; `None` where there is none. Every line's own hash is
    /// checked; only [`Ledger::verify`] checks the chain.
    pub fn read(&self, id: &str) -> Result<Option<Decision>, DecideError> {
        let mut decision: Option<Decision> = None;
        for (seq, line) in self.store.lines_of(id)? {
            let entry = read_line(&line, seq).map_err(DecideError::Broken)?;
            if entry.id() != id {
                continue;
            }
            match (&mut decision, entry) {
                (None, LedgerEntry::Decided(record)) => {
                    decision = Some(Decision::new(*record, seq));
                }
                (Some(decision), entry) => decision.fold(entry),
                (None, _) => {}
            }
        }
        Ok(decision)
    }

    /// The newest decisions the filter takes, newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Decision>, DecideError> {
        let limit = filter.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
        let mut kept: VecDeque<String> = VecDeque::new();
        let mut from = 0;
        loop {
            let mut next = from;
            let mut found = Vec::new();
            self.each_line(from, CHUNK, &mut |seq, entry| {
                next = seq + 1;
                if let LedgerEntry::Decided(record) = entry
                    && filter.takes(&record)
                {
                    found.push(record.id);
                }
            })?;
            if next == from {
                break;
            }
            from = next;
            for id in found {
                if let Some(status) = filter.status
                    && self.read(&id)?.is_none_or(|d| d.status() != status)
                {
                    continue;
                }
                kept.push_back(id);
                if kept.len() > limit {
                    kept.pop_front();
                }
            }
        }
        let mut out = Vec::with_capacity(kept.len());
        for id in kept.iter().rev() {
            out.extend(self.read(id)?);
        }
        Ok(out)
    }

    /// Visits every entry from line `from`, in order, until `visit` returns false. A damaged line
    /// ends it with an error.
    pub fn for_each(
        &self,
        from: u64,
        visit: &mut dyn FnMut(u64, LedgerEntry) -> bool,
    ) -> Result<(), DecideError> {
        let mut broken = None;
        self.store
            .scan(from, &mut |seq, line| match read_line(line, seq) {
                Ok(entry) => visit(seq, entry),
                Err(e) => {
                    broken = Some(e);
                    false
                }
            })?;
        broken.map_or(Ok(()), |b| Err(DecideError::Broken(b)))
    }

    /// How many decisions went which way. The first call after opening reads the whole ledger.
    pub fn counts(&self) -> Result<Counts, DecideError> {
        let mut state = self.lock();
        let mut counts = state.counts;
        let mut counted = state.counted;
        if counted < state.next {
            self.for_each(counted, &mut |seq, entry| {
                counts.add(&entry);
                counted = seq + 1;
                true
            })?;
            state.counts = counts;
            state.counted = counted;
        }
        Ok(counts)
    }

    /// Walks the whole chain as it is on disk.
    pub fn verify(&self) -> Result<Verified, DecideError> {
        self.verify_against(None)
    }

    /// Walks the whole chain and compares its end with an anchored head (hex): without one, a cut
    /// at the end of a line cannot be told from a ledger that ended there.
    pub fn verify_against(&self, head: Option<&str>) -> Result<Verified, DecideError> {
        let mut walk = Walk::new(&self.city);
        let mut broken = None;
        self.store.scan(0, &mut |seq, line| {
            let step = if seq == walk.verified_len() {
                walk.step(line).map(|_| ())
            } else {
                Err(Broken {
                    seq: walk.verified_len(),
                    id: None,
                    what: format!("the store went on with line {seq}"),
                })
            };
            broken = step.err();
            broken.is_none()
        })?;
        match broken {
            Some(broken) => Err(DecideError::Broken(broken)),
            None => chain::against(walk.verified(), head).map_err(DecideError::Broken),
        }
    }

    /// Takes a decision back, whatever happened to it before; says what must be undone.
    pub fn overturn(
        &self,
        id: &str,
        by: &str,
        reason: &str,
        now: TimeMs,
    ) -> Result<Undo, DecideError> {
        let decision = self
            .read(id)?
            .ok_or_else(|| DecideError::Unknown { id: id.to_owned() })?;
        self.append(&[LedgerEntry::Overturned {
            id: id.to_owned(),
            overturned_at: now,
            by: by.to_owned(),
            reason: reason.to_owned(),
        }])?;
        Ok(Undo {
            decision_id: id.to_owned(),
            command_ids: decision
                .command_ids()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            scenario: decision.record.scenario,
            subject: decision.record.subject,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half-changed: it is written after the append.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self, state: &State, id: &str, key: u128) -> Result<Option<Facts>, DecideError> {
        if let Some(facts) = state.recent.get(&key) {
            return Ok(Some(*facts));
        }
        if state.all_recent {
            return Ok(None);
        }
        Ok(self.read(id)?.map(|d| Facts {
            mode: d.record.mode,
            approved: d.approved.is_some(),
            rejected: d.rejected.is_some(),
            overturned: d.overturned.is_some(),
        }))
    }

    fn text_of(&self, entry: &LedgerEntry) -> Result<String, DecideError> {
        if let LedgerEntry::Decided(record) = entry
            && record.city != self.city
        {
            return Err(DecideError::Incomplete {
                id: record.id.clone(),
                what: format!(
                    "it is of city {}, this ledger is of {}",
                    record.city, self.city
                ),
            });
        }
        let text = chain::entry_json(entry).map_err(|e| DecideError::Incomplete {
            id: entry.id().to_owned(),
            what: format!("it cannot be written as JSON: {e}"),
        })?;
        // The line adds its number and two hashes: under 256 bytes.
        if text.len() + 256 > LINE_BYTES_MAX {
            return Err(DecideError::TooLarge {
                id: entry.id().to_owned(),
                bytes: text.len(),
                limit: LINE_BYTES_MAX - 256,
            });
        }
        Ok(text)
    }

    fn each_line(
        &self,
        from: u64,
        most: usize,
        visit: &mut dyn FnMut(u64, LedgerEntry),
    ) -> Result<(), DecideError> {
        let mut left = most;
        self.for_each(from, &mut |seq, entry| {
            visit(seq, entry);
            left -= 1;
            left > 0
        })
    }
}

impl State {
    fn remember(&mut self, changed: BTreeMap<u128, Facts>) {
        for (key, facts) in changed {
            if self.recent.insert(key, facts).is_none() {
                self.order.push_back(key);
            }
        }
        while self.order.len() > RECENT_MAX {
            self.all_recent = false;
            if let Some(key) = self.order.pop_front() {
                self.recent.remove(&key);
            }
        }
    }
}

fn judge(entry: &LedgerEntry, known: Option<Facts>) -> Result<Facts, DecideError> {
    rules::finite(entry)?;
    match (entry, known) {
        (LedgerEntry::Decided(record), None) => {
            rules::complete(record)?;
            Ok(Facts::new(record.mode))
        }
        (entry, None) => Err(DecideError::Unknown {
            id: entry.id().to_owned(),
        }),
        (entry, Some(facts)) => facts.after(entry).map_err(|what| DecideError::OutOfOrder {
            id: entry.id().to_owned(),
            what: what.to_owned(),
        }),
    }
}

/// The last line's hash, if the line is whole in itself.
fn read_tail(
    store: &dyn LedgerStore,
    next: u64,
    city: &str,
) -> Result<Result<Hash, Broken>, StoreError> {
    let Some(last) = next.checked_sub(1) else {
        return Ok(Ok(chain::genesis(city)));
    };
    let mut tail = Err(Broken {
        seq: last,
        id: None,
        what: "the store does not give it back".to_owned(),
    });
    store.scan(last, &mut |seq, line| {
        tail = own_hash(line, seq).map(|(hash, _)| hash);
        true
    })?;
    Ok(tail)
}

/// Checks a line against itself: its hash must follow from its own `prev`, number and entry.
fn own_hash(line: &str, seq: u64) -> Result<(Hash, LedgerEntry), Broken> {
    let mut prev: Hash = [0; 32];
    let claimed = chain::parts(line).ok().map(|p| p.prev);
    match claimed.map(|p| hex::decode_to_slice(p, &mut prev)) {
        Some(Ok(())) => chain::check_line(line, seq, &prev),
        _ => Err(Broken {
            seq,
            id: chain::name_record(line, seq, &prev),
            what: "the hash of the line before is damaged".to_owned(),
        }),
    }
}

fn read_line(line: &str, seq: u64) -> Result<LedgerEntry, Broken> {
    own_hash(line, seq).map(|(_, entry)| entry)
}

fn key_of(id: &str) -> u128 {
    let hash: Hash = Sha256::digest(id.as_bytes()).into();
    let mut head = [0; 16];
    head.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(head)
}
