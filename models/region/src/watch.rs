//! How a caller watches a long computation and stops it between two steps.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::RegionError;

/// Told how many steps of how many are done; `Break` stops the computation
/// ([`RegionError::Stopped`]). It is called from all threads of the pool.
pub type OnStep<'a> = &'a (dyn Fn(usize, usize) -> ControlFlow<()> + Sync);

/// Nobody watches.
pub(crate) fn unwatched(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Counts steps over all threads.
pub(crate) struct Watch<'a> {
    what: &'static str,
    total: usize,
    done: AtomicUsize,
    stopped: AtomicBool,
    tell: OnStep<'a>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(what: &'static str, total: usize, tell: OnStep<'a>) -> Self {
        Self {
            what,
            total,
            done: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            tell,
        }
    }

    /// Does a step, unless somebody stopped before it.
    ///
    /// # Errors
    /// [`RegionError::Stopped`].
    pub(crate) fn step<T>(&self, work: impl FnOnce() -> T) -> Result<T, RegionError> {
        let stop = || RegionError::Stopped {
            what: self.what.to_owned(),
        };
        if self.stopped.load(Ordering::Relaxed) {
            return Err(stop());
        }
        let made = work();
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if (self.tell)(done, self.total).is_break() {
            self.stopped.store(true, Ordering::Relaxed);
            return Err(stop());
        }
        Ok(made)
    }
}
