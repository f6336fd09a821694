//! An engine on a memory store with a clock that stands still.

use std::sync::Arc;

use conurb_base::{ManualClock, TimeMs};
use conurb_context::{
    Applied, ContextCache, ContextEngine, ContextError, ContextLimits, Entity, LdContext, Node,
    OpOutcome, WriteOp, parse_json,
};
use serde_json::Value;

/// 2026-03-02T08:00:00Z
pub(crate) const START: TimeMs = TimeMs(1_772_438_400_000);

pub(crate) struct City {
    pub(crate) engine: ContextEngine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ctx: Arc<LdContext>,
}

pub(crate) fn city() -> City {
    let clock = Arc::new(ManualClock::new(START));
    let contexts = Arc::new(ContextCache::default());
    let ctx = contexts.core();
    let engine = ContextEngine::open(
        conurb_store::memory::open(),
        clock.clone(),
        contexts,
        ContextLimits::default(),
    )
    .unwrap();
    City { engine, clock, ctx }
}

pub(crate) fn node(value: &Value) -> Node<'_> {
    Node::from(value)
}

impl City {
    pub(crate) fn entity(&self, text: &str) -> Result<Entity, ContextError> {
        self.engine
            .reader(&self.ctx)
            .entity(&parse_json(text.as_bytes())?)
    }

    pub(crate) fn create(&self, text: &str) -> Result<OpOutcome, ContextError> {
        let entity = self.entity(text)?;
        self.one(WriteOp::Create(entity))
    }

    pub(crate) fn apply(&self, ops: Vec<WriteOp>) -> Applied {
        self.engine.apply(ops).unwrap()
    }

    pub(crate) fn one(&self, op: WriteOp) -> Result<OpOutcome, ContextError> {
        self.apply(vec![op]).outcomes.pop().unwrap()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Entity>> {
        self.engine.stores().entities.get(id)
    }

    pub(crate) fn name(&self, name: &str) -> conurb_context::Name {
        self.ctx.expand(name).unwrap()
    }
}
