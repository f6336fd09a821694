//! The one thing this surface needs of a node to write: operations in, durable outcomes out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{ContextError, OpOutcome, WriteOp};

/// What one durable write did.
#[derive(Debug)]
pub(crate) struct Written {
    /// One per operation, in order.
    pub(crate) outcomes: Vec<Result<OpOutcome, ContextError>>,
    /// The commit it is part of.
    pub(crate) seq: u64,
    /// When it was recorded.
    pub(crate) at: TimeMs,
}

/// Why a write was not done; nothing of it was written.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// The queue is full: later.
    Full,
    /// The node is going down.
    Closed,
    /// The engine refused the whole call.
    Context(Arc<ContextError>),
}

/// A write under way.
pub(crate) type Writing<'w> =
    Pin<Box<dyn Future<Output = Result<Written, WriteFailure>> + Send + 'w>>;

/// Where writes go. Returns once they are durable.
pub(crate) trait WritePort: Send + Sync {
    /// Writes `ops` in order, as one commit; `bytes` is their size for the queue's bound.
    fn write(&self, ops: Vec<WriteOp>, bytes: usize) -> Writing<'_>;
}
