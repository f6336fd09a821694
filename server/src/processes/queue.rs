//! Jobs one after the other: models use all cores themselves, so two at a time gain nothing.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use conurb_base::{Coded as _, SharedClock};
use serde_json::Value;
use tokio::sync::oneshot;

use super::Process;
use super::error::ProcessError;
use super::job::Job;

/// Most jobs that wait.
const WAITING_MAX: usize = 64;
/// Most jobs remembered; the oldest that ended are forgotten first.
const REMEMBERED_MAX: usize = 1_000;

struct Ticket {
    job: Arc<Job>,
    inputs: Value,
    done: oneshot::Sender<()>,
}

#[derive(Default)]
struct Jobs {
    next: u64,
    by_number: BTreeMap<u64, Arc<Job>>,
}

/// The queue and what is remembered of it. Clones share it.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: Arc<Mutex<Jobs>>,
    tickets: SyncSender<Ticket>,
    clock: SharedClock,
    /// Tells the jobs of this process from those of the one before it.
    prefix: String,
}

impl Queue {
    /// Starts the thread that computes. It ends when the last clone is dropped.
    pub(crate) fn start(clock: SharedClock) -> std::io::Result<Self> {
        let (tickets, waiting) = sync_channel::<Ticket>(WAITING_MAX);
        let at = clock.clone();
        std::thread::Builder::new()
            .name("processes".to_owned())
            .spawn(move || {
                for ticket in waiting {
                    compute(&ticket.job, ticket.inputs, &at);
                    // Nobody waits for a job that was asked for asynchronously.
                    let _ = ticket.done.send(());
                }
            })?;
        Ok(Self {
            jobs: Arc::default(),
            tickets,
            prefix: format!("{:x}", clock.now().0),
            clock,
        })
    }

    /// Puts an execution into the queue; the receiver tells when it has ended.
    pub(super) fn submit(
        &self,
        process: &'static Process,
        inputs: Value,
    ) -> Result<(Arc<Job>, oneshot::Receiver<()>), ProcessError> {
        let mut jobs = self.lock();
        let number = jobs.next;
        let id = format!("{}-{number}", self.prefix);
        let job = Arc::new(Job::new(id, process, self.clock.now()));
        let (done, ended) = oneshot::channel();
        let ticket = Ticket {
            job: job.clone(),
            inputs,
            done,
        };
        match self.tickets.try_send(ticket) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(ProcessError::Full(WAITING_MAX)),
            Err(TrySendError::Disconnected(_)) => {
                return Err(ProcessError::Crashed("its thread has ended".to_owned()));
            }
        }
        jobs.next += 1;
        jobs.by_number.insert(number, job.clone());
        forget(&mut jobs.by_number);
        Ok((job, ended))
    }

    /// The job of this id.
    pub(super) fn job(&self, id: &str) -> Result<Arc<Job>, ProcessError> {
        let missing = || ProcessError::NoJob(id.to_owned());
        let number = id
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|n| n.parse::<u64>().ok())
            .ok_or_else(missing)?;
        self.lock()
            .by_number
            .get(&number)
            .cloned()
            .ok_or_else(missing)
    }

    /// All that are remembered, the newest first.
    pub(super) fn list(&self) -> Vec<Arc<Job>> {
        self.lock().by_number.values().rev().cloned().collect()
    }

    /// Dismisses a job: one that waits never starts; one that runs stops at its next step where its
    /// model has steps, and in any case its results are dropped.
    pub(super) fn dismiss(&self, id: &str) -> Result<Arc<Job>, ProcessError> {
        let job = self.job(id)?;
        job.dismiss(self.clock.now());
        Ok(job)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Jobs> {
        // Nothing panics while it is held.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(jobs: &mut BTreeMap<u64, Arc<Job>>) {
    if jobs.len() <= REMEMBERED_MAX {
        return;
    }
    let oldest = jobs
        .iter()
        .find(|(_, job)| job.course().stand.ended())
        .map(|(number, _)| *number);
    if let Some(number) = oldest {
        jobs.remove(&number);
    }
}

fn compute(job: &Job, inputs: Value, clock: &SharedClock) {
    if !job.start(clock.now()) {
        return;
    }
    // A model that panics must not take the other jobs with it.
    let ran = catch_unwind(AssertUnwindSafe(|| job.process.run(inputs, &job.run)));
    let outcome = ran.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(ProcessError::Crashed(what).problem())
    });
    job.end(outcome, clock.now());
}
