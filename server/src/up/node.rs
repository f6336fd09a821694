//! The write path at wall time: many submitters, one bounded queue, one owner thread, one durable
//! commit for all that waited.
//!
//! **Invariant** An answer `Ok` from [`Writer::write`] means the commit is on disk. Changes reach
//! every consumer in commit order; a consumer that is slow slows intake down, it loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

use conurb_base::{Coded, SharedClock};
use conurb_context::{Applied, Change, ContextEngine, ContextError, OpOutcome, WriteOp};
use conurb_perceive::{Ack, IntakeQueue, PerceiveError, QueueLimits, QueueStats, Submission};
use tokio::sync::oneshot;

use super::meters::Meters;

/// Operations of one group commit at most, unless a single submission has more: keeps the time to
/// an answer short under load.
const GROUP_OPS_MAX: usize = 20_000;

/// What a submission's commit did.
#[derive(Debug)]
pub(crate) struct Written {
    /// One per operation, in order.
    pub(crate) outcomes: Vec<Result<OpOutcome, ContextError>>,
}

/// Why a submission was not written. Nothing of it was, unless the store says it is uncertain.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum WriteFailure {
    /// Intake is full: HTTP 429 with `Retry-After: 1`.
    #[error(transparent)]
    Full(PerceiveError),
    /// The node is stopping: HTTP 503.
    #[error(transparent)]
    Closed(PerceiveError),
    /// The context engine refused the whole commit.
    #[error(transparent)]
    Context(Arc<ContextError>),
}

impl WriteFailure {
    fn inner(&self) -> &dyn Coded {
        match self {
            Self::Full(e) | Self::Closed(e) => e,
            Self::Context(e) => &**e,
        }
    }
}

impl Coded for WriteFailure {
    fn code(&self) -> &'static str {
        self.inner().code()
    }

    fn status(&self) -> u16 {
        self.inner().status()
    }

    fn problem_type(&self) -> Option<&'static str> {
        self.inner().problem_type()
    }

    fn title(&self) -> &'static str {
        self.inner().title()
    }

    fn remedy(&self) -> Option<String> {
        self.inner().remedy()
    }
}

impl From<PerceiveError> for WriteFailure {
    fn from(error: PerceiveError) -> Self {
        match error {
            PerceiveError::Stopped => Self::Closed(error),
            other => Self::Full(other),
        }
    }
}

/// Operations on their way, and when they came.
#[derive(Debug)]
struct Parcel {
    ops: Vec<WriteOp>,
    received_ns: u64,
}

type Answer = Result<Written, Arc<ContextError>>;
type Queue = IntakeQueue<Parcel, Answer>;
type Reply = oneshot::Receiver<Result<Answer, PerceiveError>>;

/// The one way to write, for every surface. Clones write into the same queue.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: Queue,
    clock: SharedClock,
    ops_max: usize,
    /// Whether the owner is there to write.
    open: Arc<AtomicBool>,
}

impl Writer {
    /// Writes `ops` as part of one durable commit. `bytes` is what the submission counts for in
    /// the queue (the size of the body it came in).
    ///
    /// # Errors
    /// At once when the queue is full or closed; later when the commit as a whole failed. An
    /// operation that failed alone is in [`Written::outcomes`].
    pub(crate) async fn write(
        &self,
        ops: Vec<WriteOp>,
        bytes: usize,
    ) -> Result<Written, WriteFailure> {
        self.fits(&ops)?;
        let (submission, reply) = self.parcel(ops, bytes);
        self.queue.submit(submission).map_err(|(e, _)| e)?;
        answer(reply).await
    }

    /// The same for links, which can hold their source back: waits while the queue is full.
    pub(crate) async fn write_patiently(
        &self,
        ops: Vec<WriteOp>,
        bytes: usize,
    ) -> Result<Written, WriteFailure> {
        self.fits(&ops)?;
        let (mut submission, reply) = self.parcel(ops, bytes);
        let mut wait_ms = 5;
        loop {
            match self.queue.submit(submission) {
                Ok(()) => return answer(reply).await,
                Err((PerceiveError::QueueFull { .. }, back)) => submission = back,
                Err((e, _)) => return Err(e.into()),
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            wait_ms = (wait_ms * 2).min(200);
        }
    }

    /// What the queue has seen.
    pub(crate) fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    /// Whether the owner thread is there: false once the node stops, or if it ever panicked.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    fn fits(&self, ops: &[WriteOp]) -> Result<(), WriteFailure> {
        if ops.len() <= self.ops_max {
            return Ok(());
        }
        Err(WriteFailure::Context(Arc::new(ContextError::TooLarge {
            path: "batch".to_owned(),
            what: format!("has more than {} operations", self.ops_max),
        })))
    }

    fn parcel(&self, ops: Vec<WriteOp>, bytes: usize) -> (Submission<Parcel, Answer>, Reply) {
        let (tx, rx) = oneshot::channel();
        let submission = Submission {
            items: ops.len(),
            bytes,
            payload: Parcel {
                ops,
                received_ns: self.clock.monotonic_ns(),
            },
            // A submitter that has gone away does not want to know any more.
            ack: Ack::new(move |result| drop(tx.send(result))),
        };
        (submission, rx)
    }
}

async fn answer(reply: Reply) -> Result<Written, WriteFailure> {
    match reply.await {
        Ok(Ok(answer)) => answer.map_err(WriteFailure::Context),
        Ok(Err(e)) => Err(e.into()),
        Err(_) => Err(PerceiveError::Stopped.into()),
    }
}

/// One durable commit, as consumers of the change stream get it.
#[derive(Debug)]
pub(crate) struct Committed {
    /// What changed, in order.
    pub(crate) changes: Vec<Change>,
    /// When the oldest of its submissions came, on the monotonic clock.
    pub(crate) received_ns: u64,
}

/// Where commits go: a bounded channel whose reader is waited for.
pub(crate) type Consumer = SyncSender<Arc<Committed>>;

/// The owner thread and the queue in front of it.
#[derive(Debug)]
pub(crate) struct WritePath {
    queue: Queue,
    writer: Writer,
    thread: JoinHandle<()>,
}

impl WritePath {
    /// Starts the owner of `context`; each of `consumers` gets every commit that changed anything.
    pub(crate) fn start(
        context: Arc<ContextEngine>,
        limits: QueueLimits,
        consumers: Vec<Consumer>,
        meters: Arc<Meters>,
    ) -> std::io::Result<Self> {
        let queue = Queue::new(limits);
        let clock = context.clock().clone();
        let writer = Writer {
            queue: queue.clone(),
            clock: clock.clone(),
            ops_max: context.limits().ops_per_batch,
            open: Arc::new(AtomicBool::new(true)),
        };
        let open = writer.open.clone();
        let owner = Owner {
            context,
            queue: queue.clone(),
            consumers,
            meters,
            clock,
        };
        let thread = std::thread::Builder::new()
            .name("owner".to_owned())
            .spawn(move || {
                let _closes = Closes(open);
                owner.run();
            })?;
        Ok(Self {
            queue,
            writer,
            thread,
        })
    }

    /// A handle to write with.
    pub(crate) fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Takes nothing in any more, writes what waits, and ends: consumers see their channel close.
    pub(crate) fn stop(self) {
        self.queue.close();
        if self.thread.join().is_err() {
            tracing::error!("the owner thread panicked");
        }
    }
}

/// Says that the owner is gone, however it went.
struct Closes(Arc<AtomicBool>);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

struct Owner {
    context: Arc<ContextEngine>,
    queue: Queue,
    consumers: Vec<Consumer>,
    meters: Arc<Meters>,
    clock: SharedClock,
}

impl Owner {
    fn run(mut self) {
        while let Some(batch) = self.queue.take(GROUP_OPS_MAX, Duration::from_millis(500)) {
            if !batch.is_empty() {
                self.commit(batch);
            }
        }
    }

    fn commit(&mut self, batch: Vec<Submission<Parcel, Answer>>) {
        let began_ns = self.clock.monotonic_ns();
        let mut received_ns = began_ns;
        let mut ops = Vec::with_capacity(batch.iter().map(|s| s.items).sum());
        let mut acks = Vec::with_capacity(batch.len());
        for submission in batch {
            received_ns = received_ns.min(submission.payload.received_ns);
            acks.push((submission.payload.ops.len(), submission.ack));
            ops.extend(submission.payload.ops);
        }
        let count = ops.len() as u64;
        match self.context.apply(ops) {
            Ok(applied) => {
                let spent_ns = self.clock.monotonic_ns().saturating_sub(began_ns);
                self.meters.commits.inc();
                self.meters.operations.inc_by(count);
                self.meters.changes.inc_by(applied.changes.len() as u64);
                self.meters.seq.set(applied.seq);
                self.meters.commit_s.observe(seconds(spent_ns));
                self.tell(applied, acks, received_ns);
            }
            Err(error) => {
                tracing::error!(%error, operations = count, "nothing of a commit was written");
                let error = Arc::new(error);
                for (_, ack) in acks {
                    ack.answer(Ok(Err(error.clone())));
                }
            }
        }
    }

    /// Answers each submission with its slice of the outcomes, then hands the changes on.
    fn tell(&mut self, applied: Applied, acks: Vec<(usize, Ack<Answer>)>, received_ns: u64) {
        let Applied {
            outcomes, changes, ..
        } = applied;
        let mut outcomes = outcomes.into_iter();
        for (count, ack) in acks {
            let outcomes: Vec<_> = outcomes.by_ref().take(count).collect();
            let refused = outcomes.iter().filter(|o| o.is_err()).count();
            self.meters.operations_refused.inc_by(refused as u64);
            ack.answer(Ok(Ok(Written { outcomes })));
        }
        if changes.is_empty() {
            return;
        }
        let committed = Arc::new(Committed {
            changes,
            received_ns,
        });
        // A consumer whose thread is gone takes nothing any more; health says so.
        self.consumers.retain(|c| c.send(committed.clone()).is_ok());
    }
}

/// Nanoseconds as seconds.
#[allow(clippy::cast_precision_loss)] // spans far below 2^53 ns
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use conurb_base::SystemClock;
    use conurb_context::{Attribute, ContextCache, ContextLimits, Entity};

    use super::*;

    fn engine() -> Arc<ContextEngine> {
        let clock = SystemClock::shared();
        let stores = conurb_store::memory::open();
        let contexts = Arc::new(ContextCache::default());
        Arc::new(ContextEngine::open(stores, clock, contexts, ContextLimits::default()).unwrap())
    }

    fn op(id: usize, value: i64) -> WriteOp {
        let entity = Entity::new(format!("urn:ngsi-ld:T:{id}"), "urn:x:T".into())
            .with("urn:x:v".into(), Attribute::property(value.into()));
        WriteOp::upsert(entity)
    }

    fn start(limits: QueueLimits) -> (WritePath, mpsc::Receiver<Arc<Committed>>) {
        let (tx, rx) = mpsc::sync_channel(64);
        let path = WritePath::start(engine(), limits, vec![tx], Meters::shared()).unwrap();
        (path, rx)
    }

    #[tokio::test]
    async fn many_submitters_each_get_their_own_outcomes_and_consumers_see_every_change() {
        let (path, changes) = start(QueueLimits::default());
        let tasks: Vec<_> = (0..50)
            .map(|i| {
                let writer = path.writer();
                tokio::spawn(async move {
                    let mut ops = vec![op(i, 1); i % 3 + 1];
                    ops.push(WriteOp::Delete {
                        id: format!("urn:none:{i}").into(),
                    });
                    (i, writer.write(ops, 100).await.unwrap())
                })
            })
            .collect();
        for task in tasks {
            let (i, written) = task.await.unwrap();
            assert_eq!(written.outcomes.len(), i % 3 + 2);
            assert!(matches!(written.outcomes[0], Ok(OpOutcome::Created)));
            assert!(written.outcomes.last().unwrap().is_err());
        }
        path.stop();
        let mut ids: Vec<_> = changes
            .iter()
            .flat_map(|c| {
                c.changes
                    .iter()
                    .map(|c| c.entity.id.clone())
                    .collect::<Vec<_>>()
            })
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 50);
    }

    #[tokio::test]
    async fn a_full_queue_answers_429_and_a_patient_writer_waits() {
        let limits = QueueLimits {
            items_max: 1,
            bytes_max: 1000,
        };
        // No room at the consumer: the owner waits for it with the third commit in its hands.
        let (tx, rx) = mpsc::sync_channel(0);
        let path = WritePath::start(engine(), limits, vec![tx], Meters::shared()).unwrap();
        let writer = path.writer();
        writer.write(vec![op(1, 1)], 10).await.unwrap();
        let waiting = tokio::spawn({
            let writer = writer.clone();
            async move { writer.write_patiently(vec![op(2, 1)], 10).await }
        });
        while writer.stats().items == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let full = writer.write(vec![op(3, 1)], 10).await.unwrap_err();
        assert_eq!(full.status(), 429);
        let patient = tokio::spawn({
            let writer = writer.clone();
            async move { writer.write_patiently(vec![op(4, 1)], 10).await }
        });
        let reader = std::thread::spawn(move || rx.iter().count());
        waiting.await.unwrap().unwrap();
        patient.await.unwrap().unwrap();
        path.stop();
        assert_eq!(reader.join().unwrap(), 3);
        let closed = writer.write(vec![op(5, 1)], 10).await.unwrap_err();
        assert_eq!(closed.status(), 503);
    }

    #[tokio::test]
    async fn a_batch_beyond_the_limit_is_refused_before_it_is_queued() {
        let (path, _changes) = start(QueueLimits::default());
        let ops = vec![op(1, 1); ContextLimits::default().ops_per_batch + 1];
        let error = path.writer().write(ops, 1).await.unwrap_err();
        assert_eq!(error.status(), 413);
        assert_eq!(path.writer().stats().accepted, 0);
    }
}
