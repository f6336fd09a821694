//! The one thing this surface needs of a node to write: operations in, durable outcomes out.

use std::future::Future;
use std::pin::Pin;

use conurb_context::WriteOp;

pub(crate) use crate::up::node::{WriteFailure, Writer, Written};

/// A write under way.
pub(crate) type Writing<'w> =
    Pin<Box<dyn Future<Output = Result<Written, WriteFailure>> + Send + 'w>>;

/// Where writes go. Returns once they are durable.
pub(crate) trait WritePort: Send + Sync {
    /// Writes `ops` in order, as one commit; `bytes` is their size for the queue's bound.
    fn write(&self, ops: Vec<WriteOp>, bytes: usize) -> Writing<'_>;
}

impl WritePort for Writer {
    fn write(&self, ops: Vec<WriteOp>, bytes: usize) -> Writing<'_> {
        Box::pin(Self::write(self, ops, bytes))
    }
}
