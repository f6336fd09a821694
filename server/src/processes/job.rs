//! One execution: where it stands, how far it is, what came of it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use conurb_base::{Problem, TimeMs};
use serde_json::{Value, json};

use super::Process;

/// Where a running model tells how far it is, and is told to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run(Arc<Signals>);

#[derive(Debug, Default)]
struct Signals {
    percent: AtomicU8,
    stop: AtomicBool,
}

impl Run {
    /// Says how far the computation is, 0 to 100.
    pub(crate) fn progress(&self, percent: u8) {
        (self.0.percent).store(percent.min(100), Ordering::Relaxed);
    }

    /// For models that count their steps: tells the progress, and breaks once the job is dismissed.
    pub(crate) fn watch(&self) -> impl Fn(usize, usize) -> ControlFlow<()> + Sync {
        move |done, total| {
            self.progress(u8::try_from(100 * done / total.max(1)).unwrap_or(100));
            if self.0.stop.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }

    fn percent(&self) -> u8 {
        self.0.percent.load(Ordering::Relaxed)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    Accepted,
    Running,
    Successful,
    Failed,
    Dismissed,
}

impl Stand {
    /// The word of clause 7.12.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Dismissed => "dismissed",
        }
    }

    pub(super) const fn ended(&self) -> bool {
        matches!(self, Self::Successful | Self::Failed | Self::Dismissed)
    }
}

/// What is known of a job's course.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) stand: Stand,
    pub(super) started: Option<TimeMs>,
    pub(super) updated: TimeMs,
    pub(super) finished: Option<TimeMs>,
    pub(super) outcome: Option<Result<Arc<Value>, Box<Problem>>>,
}

/// One execution.
pub(super) struct Job {
    pub(super) id: String,
    pub(super) process: &'static Process,
    pub(super) created: TimeMs,
    pub(super) run: Run,
    course: Mutex<Course>,
}

impl Job {
    pub(super) fn new(id: String, process: &'static Process, now: TimeMs) -> Self {
        Self {
            id,
            process,
            created: now,
            run: Run::default(),
            course: Mutex::new(Course {
                stand: Stand::Accepted,
                started: None,
                updated: now,
                finished: None,
                outcome: None,
            }),
        }
    }

    pub(super) fn course(&self) -> Course {
        self.lock().clone()
    }

    /// Marks the start; false when it was dismissed while it waited.
    pub(super) fn start(&self, now: TimeMs) -> bool {
        let mut course = self.lock();
        if course.stand != Stand::Accepted {
            return false;
        }
        course.stand = Stand::Running;
        course.started = Some(now);
        course.updated = now;
        true
    }

    /// Marks the end; a job that was dismissed stays so.
    pub(super) fn end(&self, outcome: Result<Value, Problem>, now: TimeMs) {
        let mut course = self.lock();
        if course.stand.ended() {
            return;
        }
        course.stand = if outcome.is_ok() {
            Stand::Successful
        } else {
            Stand::Failed
        };
        course.updated = now;
        course.finished = Some(now);
        course.outcome = Some(outcome.map(Arc::new).map_err(Box::new));
    }

    pub(super) fn dismiss(&self, now: TimeMs) {
        let mut course = self.lock();
        if !course.stand.ended() {
            course.stand = Stand::Dismissed;
            course.updated = now;
            course.finished = Some(now);
            self.run.0.stop.store(true, Ordering::Relaxed);
        }
    }

    /// The status document (clause 7.12).
    pub(super) fn status(&self) -> Value {
        let course = self.course();
        let progress = if course.stand == Stand::Successful {
            100
        } else {
            self.run.percent()
        };
        let mut status = json!({
            "jobID": self.id,
            "processID": self.process.id,
            "type": "process",
            "status": course.stand.word(),
            "progress": progress,
            "created": self.created.to_string(),
            "updated": course.updated.to_string(),
            "links": [{ "href": format!("/ogc/jobs/{}", self.id), "rel": "self" }],
        });
        for (name, time) in [("started", course.started), ("finished", course.finished)] {
            if let Some(time) = time {
                status[name] = json!(time.to_string());
            }
        }
        if let Some(Err(problem)) = &course.outcome {
            status["message"] = json!(problem.detail);
        }
        if course.stand == Stand::Successful
            && let Some(links) = status["links"].as_array_mut()
        {
            links.push(json!({
                "href": format!("/ogc/jobs/{}/results", self.id),
                "rel": "http://www.opengis.net/def/rel/ogc/1.0/results",
            }));
        }
        status
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Course> {
        // A course is written field by field without a call in between: never half-changed.
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
