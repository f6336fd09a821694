//! The one write path of all surfaces: operations in, one durable commit, changes out.

use std::sync::{Arc, Mutex, PoisonError};

use conurb_base::{SharedClock, TimeMs};
use conurb_store::{Batch, Op, Stores};
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde_json::Value;

use crate::ContextError;
use crate::jsonld::ContextCache;
use crate::model::{Attribute, AttributeValue, Change, ChangeKind, Entity};
use crate::parse::Reader;
use crate::write::{OpOutcome, WriteOp, step};

/// The registry's kind of hosted contexts.
const CONTEXT_KIND: &str = "context";

/// Bounds of the engine. Each is checked before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextLimits {
    /// Attributes of one entity, and members of one document.
    pub attributes_per_entity: usize,
    /// Instances of one attribute.
    pub instances_per_attribute: usize,
    /// How deep sub-attributes nest.
    pub sub_attribute_depth: usize,
    /// Roughly the bytes of text one entity may hold.
    pub entity_bytes: usize,
    /// Operations in one call of `apply`.
    pub ops_per_batch: usize,
    /// Entities (or instances) one answer may hold.
    pub page: usize,
    /// Points of one series an answer holds.
    pub points_per_series: usize,
    /// Subscriptions at one time.
    pub subscriptions: usize,
    /// Terms and nesting one query may have.
    pub query_terms: usize,
}

impl Default for ContextLimits {
    fn default() -> Self {
        Self {
            attributes_per_entity: 1_000,
            instances_per_attribute: 1_000,
            sub_attribute_depth: 8,
            entity_bytes: 1 << 20,
            ops_per_batch: 100_000,
            page: 1_000,
            points_per_series: 10_000,
            subscriptions: 10_000,
            query_terms: 200,
        }
    }
}

impl ContextLimits {
    /// Refuses an entity that is larger than allowed.
    pub(crate) fn check(&self, entity: &Entity) -> Result<(), ContextError> {
        let too_large = |what: String| {
            Err(ContextError::TooLarge {
                path: entity.id.to_string(),
                what,
            })
        };
        if entity.attributes.len() > self.attributes_per_entity {
            return too_large(format!(
                "more than {} attributes",
                self.attributes_per_entity
            ));
        }
        let mut bytes = 0;
        for (_, instances) in &entity.attributes {
            if instances.len() > self.instances_per_attribute {
                return too_large(format!(
                    "more than {} instances of an attribute",
                    self.instances_per_attribute
                ));
            }
            bytes += instances.iter().map(attribute_bytes).sum::<usize>();
        }
        if bytes > self.entity_bytes {
            return too_large(format!("larger than {} bytes", self.entity_bytes));
        }
        Ok(())
    }
}

fn attribute_bytes(a: &Attribute) -> usize {
    let value = match &a.value {
        AttributeValue::Property(v) | AttributeValue::Geo(v) | AttributeValue::Json(v) => {
            value_bytes(v)
        }
        AttributeValue::Relationship(all) | AttributeValue::ListRelationship(all) => {
            all.iter().map(|t| t.len()).sum()
        }
        AttributeValue::Vocab(all, _) => all.iter().map(|t| t.len()).sum(),
        AttributeValue::Language(m) => m.iter().map(|(k, v)| k.len() + value_bytes(v)).sum(),
        AttributeValue::List(items) => items.iter().map(value_bytes).sum(),
    };
    let sub: usize = a.sub.iter().flat_map(|(_, i)| i).map(attribute_bytes).sum();
    32 + value + sub
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(s) => s.len() + 2,
        Value::Array(items) => items.iter().map(value_bytes).sum::<usize>() + 2,
        Value::Object(m) => {
            m.iter()
                .map(|(k, v)| k.len() + 4 + value_bytes(v))
                .sum::<usize>()
                + 2
        }
        _ => 8,
    }
}

/// What one call of [`ContextEngine::apply`] did.
#[derive(Debug)]
pub struct Applied {
    /// One per operation, in order. A failed operation leaves the others alone.
    pub outcomes: Vec<Result<OpOutcome, ContextError>>,
    /// What changed, in order of the operations.
    pub changes: Vec<Change>,
    /// The commit; the last one before if nothing changed.
    pub seq: u64,
    /// When it was recorded.
    pub at: TimeMs,
}

/// Current state and history of a city, behind one write path. `&self`, `Send + Sync`, no async:
/// call [`Self::apply`] from one owner thread that drains a queue to get group commit, or from
/// anywhere. Reads never wait for a commit.
pub struct ContextEngine {
    pub(crate) stores: Stores<Entity>,
    pub(crate) clock: SharedClock,
    pub(crate) contexts: Arc<ContextCache>,
    pub(crate) limits: ContextLimits,
    writer: Mutex<()>,
}

impl std::fmt::Debug for ContextEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextEngine").finish_non_exhaustive()
    }
}

impl ContextEngine {
    /// An engine on these stores; hosted contexts are read back from the registry.
    pub fn open(
        stores: Stores<Entity>,
        clock: SharedClock,
        contexts: Arc<ContextCache>,
        limits: ContextLimits,
    ) -> Result<Self, ContextError> {
        for (url, text) in stores.registry.list(CONTEXT_KIND)? {
            let json: Value = serde_json::from_str(&text)
                .map_err(|e| ContextError::data(url.as_str(), format!("is kept damaged: {e}")))?;
            contexts.host(&url, &json)?;
        }
        Ok(Self {
            stores,
            clock,
            contexts,
            limits,
            writer: Mutex::new(()),
        })
    }

    /// Hosts a context document durably under `url`.
    pub fn host_context(&self, url: &str, json: &Value) -> Result<(), ContextError> {
        self.contexts.host(url, json)?;
        Ok(self
            .stores
            .registry
            .put(CONTEXT_KIND, url, &json.to_string())?)
    }

    /// The contexts names are read and written with.
    #[must_use]
    pub const fn contexts(&self) -> &Arc<ContextCache> {
        &self.contexts
    }

    /// The bounds in force.
    #[must_use]
    pub const fn limits(&self) -> &ContextLimits {
        &self.limits
    }

    /// The stores underneath.
    #[must_use]
    pub const fn stores(&self) -> &Stores<Entity> {
        &self.stores
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// A reader of documents in `ctx` within this engine's limits.
    #[must_use]
    pub const fn reader<'c>(&'c self, ctx: &'c crate::LdContext) -> Reader<'c> {
        Reader::new(ctx, &self.limits)
    }

    /// Applies operations in order as one atomic, durable commit. An operation sees those before
    /// it; one that fails changes nothing and is reported in its place. An error of the whole
    /// call means nothing was written (unless the store says it is uncertain).
    pub fn apply(&self, ops: Vec<WriteOp>) -> Result<Applied, ContextError> {
        if ops.len() > self.limits.ops_per_batch {
            return Err(ContextError::TooLarge {
                path: "batch".into(),
                what: format!("has more than {} operations", self.limits.ops_per_batch),
            });
        }
        let _one_writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let mut work = Work::with_capacity(ops.len());
        let outcomes = ops
            .into_iter()
            .map(|op| self.one(op, now, &mut work))
            .collect();
        let seq = if work.changes.is_empty() {
            self.stores.entities.last_seq()
        } else {
            self.stores.entities.commit(work.batch())?
        };
        for change in &mut work.changes {
            change.seq = seq;
        }
        Ok(Applied {
            outcomes,
            changes: work.changes,
            seq,
            at: now,
        })
    }

    fn one(&self, op: WriteOp, now: TimeMs, work: &mut Work) -> Result<OpOutcome, ContextError> {
        let id = op.id().clone();
        let before = match work.states.get(&id) {
            Some(state) => state.clone(),
            None => self.stores.entities.get(&id),
        };
        let stored = before.is_some();
        let before = before.filter(|e| e.expires_at.is_none_or(|t| t > now));
        let mark = work.samples.len();
        let step = match step(op, before.as_ref(), now, &self.limits, &mut work.samples) {
            Ok(step) => step,
            Err(e) => {
                work.samples.truncate(mark);
                return Err(e);
            }
        };
        let same = match (&before, &step.next) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => !stored,
            _ => false,
        };
        if same {
            return Ok(step.outcome);
        }
        let (kind, entity) = match (&step.next, &before) {
            (Some(next), None) => (ChangeKind::Created, next.clone()),
            (Some(next), Some(_)) => (ChangeKind::Updated, next.clone()),
            (None, Some(gone)) => (ChangeKind::Deleted, gone.clone()),
            (None, None) => return Ok(step.outcome),
        };
        work.changes.push(Change {
            seq: 0, // set once the commit has its number
            kind,
            entity,
            before,
            written: step.written,
            at: now,
        });
        work.states.insert(id, step.next);
        Ok(step.outcome)
    }
}

/// What a batch is about to commit.
struct Work {
    /// The newest state of each id touched, in order of first touch.
    states: IndexMap<Arc<str>, Option<Arc<Entity>>, FxBuildHasher>,
    samples: Vec<conurb_store::Sample>,
    changes: Vec<Change>,
}

impl Work {
    fn with_capacity(n: usize) -> Self {
        Self {
            states: IndexMap::with_capacity_and_hasher(n, FxBuildHasher),
            samples: Vec::with_capacity(n * 4),
            changes: Vec::with_capacity(n),
        }
    }

    fn batch(&mut self) -> Batch<Entity> {
        let ops = self
            .states
            .drain(..)
            .map(|(id, state)| match state {
                Some(doc) => Op::Put { id, doc },
                None => Op::Delete { id },
            })
            .collect();
        Batch {
            ops,
            samples: std::mem::take(&mut self.samples),
        }
    }
}
