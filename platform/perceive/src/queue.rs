//! The queue between links and the one thread that owns the state: bounded in items and bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

use crate::error::PerceiveError;

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Items (observations, operations) at most, over all submissions.
    pub items_max: usize,
    /// Bytes at most, as the submitters count them.
    pub bytes_max: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            items_max: 200_000,
            bytes_max: 256 << 20,
        }
    }
}

/// Tells a submitter, once, what became of its submission. Dropped unanswered it says
/// [`PerceiveError::Stopped`]: a link never takes silence for durability.
pub struct Ack<R>(Option<Then<R>>);

/// What runs when the answer is known.
type Then<R> = Box<dyn FnOnce(Result<R, PerceiveError>) + Send>;

impl<R> Ack<R> {
    /// An acknowledgement that calls `then`.
    pub fn new(then: impl FnOnce(Result<R, PerceiveError>) + Send + 'static) -> Self {
        Self(Some(Box::new(then)))
    }

    /// Answers: durable with a result, or not.
    pub fn answer(mut self, result: Result<R, PerceiveError>) {
        if let Some(then) = self.0.take() {
            then(result);
        }
    }
}

impl<R> Drop for Ack<R> {
    fn drop(&mut self) {
        if let Some(then) = self.0.take() {
            then(Err(PerceiveError::Stopped));
        }
    }
}

impl<R> std::fmt::Debug for Ack<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ack")
    }
}

/// What one link or request hands in.
#[derive(Debug)]
pub struct Submission<T, R> {
    /// Entities, write operations: what the owner understands.
    pub payload: T,
    /// How many items it counts for.
    pub items: usize,
    /// How many bytes it counts for.
    pub bytes: usize,
    /// Where the answer goes.
    pub ack: Ack<R>,
}

/// What the queue has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct QueueStats {
    /// Items waiting.
    pub items: usize,
    /// Bytes waiting.
    pub bytes: usize,
    /// Most items that ever waited.
    pub items_peak: usize,
    /// Submissions taken in.
    pub accepted: u64,
    /// Submissions refused because it was full.
    pub refused: u64,
}

#[derive(Debug)]
struct Inner<T, R> {
    waiting: VecDeque<Submission<T, R>>,
    stats: QueueStats,
    open: bool,
}

/// A bounded queue: many submitters, one owner. Clones are handles to the same queue.
#[derive(Debug)]
pub struct IntakeQueue<T, R> {
    shared: Arc<(Mutex<Inner<T, R>>, Condvar)>,
    limits: QueueLimits,
}

impl<T, R> Clone for IntakeQueue<T, R> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            limits: self.limits,
        }
    }
}

impl<T, R> IntakeQueue<T, R> {
    /// An empty queue.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Self {
        let inner = Inner {
            waiting: VecDeque::new(),
            stats: QueueStats::default(),
            open: true,
        };
        Self {
            shared: Arc::new((Mutex::new(inner), Condvar::new())),
            limits,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T, R>> {
        // No code of others runs under the lock, so a poisoned one still holds a whole state.
        self.shared
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Hands in a submission without waiting.
    ///
    /// # Errors
    /// `QueueFull` (HTTP 429; a link waits and stops reading), `TooLargeForQueue` (it never
    /// fits), `Stopped`. The submission comes back whole, its acknowledgement unanswered.
    pub fn submit(
        &self,
        submission: Submission<T, R>,
    ) -> Result<(), (PerceiveError, Submission<T, R>)> {
        let QueueLimits {
            items_max,
            bytes_max,
        } = self.limits;
        if submission.bytes > bytes_max || submission.items > items_max {
            let error = PerceiveError::TooLargeForQueue {
                bytes: submission.bytes,
                limit: bytes_max,
            };
            return Err((error, submission));
        }
        let mut inner = self.lock();
        if !inner.open {
            return Err((PerceiveError::Stopped, submission));
        }
        let QueueStats { items, bytes, .. } = inner.stats;
        if items + submission.items > items_max || bytes + submission.bytes > bytes_max {
            inner.stats.refused += 1;
            return Err((PerceiveError::QueueFull { items, bytes }, submission));
        }
        inner.stats.items += submission.items;
        inner.stats.bytes += submission.bytes;
        inner.stats.items_peak = inner.stats.items_peak.max(inner.stats.items);
        inner.stats.accepted += 1;
        inner.waiting.push_back(submission);
        drop(inner);
        self.shared.1.notify_one();
        Ok(())
    }

    /// Takes what waits, oldest first, up to about `items_max` items (at least one submission);
    /// waits for at most `patience` when there is nothing. None once it is closed and empty.
    #[must_use]
    pub fn take(&self, items_max: usize, patience: Duration) -> Option<Vec<Submission<T, R>>> {
        let mut inner = self.lock();
        if inner.waiting.is_empty() && inner.open {
            let waited = self.shared.1.wait_timeout(inner, patience);
            inner = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        if inner.waiting.is_empty() && !inner.open {
            return None;
        }
        let mut batch = Vec::new();
        let mut items = 0;
        while let Some(next) = inner.waiting.pop_front() {
            if !batch.is_empty() && items + next.items > items_max {
                inner.waiting.push_front(next);
                break;
            }
            items += next.items;
            inner.stats.items -= next.items;
            inner.stats.bytes -= next.bytes;
            batch.push(next);
        }
        Some(batch)
    }

    /// Takes nothing in any more; what waits can still be taken.
    pub fn close(&self) {
        self.lock().open = false;
        self.shared.1.notify_all();
    }

    /// What it has seen.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.lock().stats
    }
}
