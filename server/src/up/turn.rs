//! The loop at wall time: one thread owns the brain, takes committed changes as they come, and
//! answers what people say about decisions between two turns.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use conurb_base::SharedClock;
use conurb_bus::Bus;
use conurb_context::{Change, ContextEngine};
use conurb_decide::Mode;
use conurb_scenario::{Brain, Counts, ScenarioError, Tick};
use conurb_think::Finding;
use serde::Serialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::meters::{ByMode, ByScenario, Meters};
use super::node::{Committed, seconds};
use crate::ngsi::Notifier;

/// How often rules and desks look at the time when nothing changes.
const PERIOD: Duration = Duration::from_millis(50);

/// Changes taken into one turn at most, so that a backlog does not hold up the first command.
const TURN_CHANGES_MAX: usize = 50_000;

/// Newest findings kept for `GET findings`.
const FINDINGS_MAX: usize = 1_000;

/// What a person says about a decision.
#[derive(Debug)]
pub(crate) enum Word {
    /// Let it pass.
    Approve,
    /// Refuse it.
    Reject,
    /// Take it back.
    Overturn,
}

/// A word about a decision, with the way back for the answer.
#[derive(Debug)]
pub(crate) struct Control {
    /// What is said.
    pub(crate) word: Word,
    /// Of which decision.
    pub(crate) id: String,
    /// By whom.
    pub(crate) who: String,
    /// Why; empty for an approval.
    pub(crate) reason: String,
    /// Where the answer goes.
    pub(crate) reply: oneshot::Sender<Result<(), ScenarioError>>,
}

/// A KPI's measured values so far.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Sum {
    /// Measurements.
    pub(crate) n: u64,
    /// Their sum, in the KPI's unit.
    pub(crate) sum: f64,
    /// Counterfactuals.
    pub(crate) n_counterfactual: u64,
    /// Their sum.
    pub(crate) sum_counterfactual: f64,
}

/// What there is to know of the loop from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Counts since the start.
    pub(crate) counts: Counts,
    /// Decisions waiting for a person.
    pub(crate) pending: usize,
    /// The newest findings, oldest first.
    pub(crate) findings: VecDeque<Finding>,
    /// Measured values by (scenario, KPI).
    pub(crate) measured: BTreeMap<(String, String), Sum>,
    /// Why it stopped acting.
    pub(crate) failed: Option<String>,
}

/// The loop as others see it. Clones see the same.
#[derive(Clone)]
pub(crate) struct LoopPort {
    seen: Arc<Mutex<Seen>>,
    control: SyncSender<Control>,
}

impl LoopPort {
    /// What is known now.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// Says something about a decision; `None` when the loop is gone or too much waits.
    pub(crate) async fn say(
        &self,
        word: Word,
        id: String,
        who: String,
        reason: String,
    ) -> Option<Result<(), ScenarioError>> {
        let (reply, answer) = oneshot::channel();
        let control = Control {
            word,
            id,
            who,
            reason,
            reply,
        };
        match self.control.try_send(control) {
            Ok(()) => answer.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The loop and all it reaches.
pub(crate) struct Loop {
    /// Decides.
    pub(crate) brain: Brain,
    /// What the city is now.
    pub(crate) context: Arc<ContextEngine>,
    /// Where events are published.
    pub(crate) bus: Arc<dyn Bus>,
    /// Who tells subscribers.
    pub(crate) notifier: Arc<Notifier>,
    /// Time.
    pub(crate) clock: SharedClock,
    /// Counters.
    pub(crate) meters: Arc<Meters>,
    /// Commits.
    pub(crate) changes: Receiver<Arc<Committed>>,
}

impl Loop {
    /// Starts its thread; it ends when the commits do.
    pub(crate) fn start(self) -> std::io::Result<(LoopPort, JoinHandle<()>)> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (control, words) = std::sync::mpsc::sync_channel(256);
        let port = LoopPort {
            seen: seen.clone(),
            control,
        };
        let thread = std::thread::Builder::new()
            .name("loop".to_owned())
            .spawn(move || self.run(&words, &seen))?;
        Ok((port, thread))
    }

    fn run(mut self, words: &Receiver<Control>, seen: &Mutex<Seen>) {
        let mut failed = false;
        loop {
            let commits = match self.changes.recv_timeout(PERIOD) {
                Ok(first) => self.drain(first),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            while let Ok(word) = words.try_recv() {
                self.obey(word, seen, failed);
            }
            // After a failure nothing is decided any more, but subscribers are still told and
            // intake still flows: data are kept, nothing acts.
            if failed {
                continue;
            }
            if let Err(error) = self.turn(commits, seen) {
                tracing::error!(%error, "the loop has stopped acting");
                lock(seen).failed = Some(error.to_string());
                failed = true;
            }
        }
    }

    /// All commits that wait, up to a bound; subscribers are told on the way.
    fn drain(&self, first: Arc<Committed>) -> Vec<Arc<Committed>> {
        let mut total = first.changes.len();
        let mut commits = vec![first];
        while total < TURN_CHANGES_MAX {
            match self.changes.try_recv() {
                Ok(next) => {
                    total += next.changes.len();
                    commits.push(next);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        for commit in &commits {
            self.notifier.on_changes(&commit.changes);
        }
        commits
    }

    fn turn(
        &mut self,
        commits: Vec<Arc<Committed>>,
        seen: &Mutex<Seen>,
    ) -> Result<(), ScenarioError> {
        let received_ns = commits.iter().map(|c| c.received_ns).min();
        let changes = joined(commits);
        let now = self.clock.now();
        let tick = self.brain.step(&changes, &*self.context, now)?;
        self.meters.turns.inc();
        if let Some(received_ns) = received_ns
            && !tick.commands.is_empty()
        {
            let spent_ns = self.clock.monotonic_ns().saturating_sub(received_ns);
            for _ in &tick.commands {
                self.meters.decision_s.observe(seconds(spent_ns));
            }
        }
        self.publish(&tick, seen);
        Ok(())
    }

    fn publish(&self, tick: &Tick, seen: &Mutex<Seen>) {
        for f in &tick.findings {
            let rule = f.rule.split('@').next().unwrap_or_default();
            self.event(&format!("finding.{rule}"), f);
        }
        for r in &tick.decided {
            let mode = match r.mode {
                Mode::Advise => "advise",
                Mode::Approve => "approve",
                Mode::Auto => "auto",
            };
            self.meters.decisions.get_or_create(&ByMode { mode }).inc();
            self.event(&format!("decision.{}", r.scenario), r);
        }
        for (r, effect) in &tick.measured {
            let body = json!({
                "id": r.id,
                "subject": r.subject,
                "measured": effect.measured,
                "counterfactual": effect.counterfactual,
            });
            self.event(&format!("measured.{}", r.scenario), &body);
        }
        self.meters.findings.inc_by(tick.findings.len() as u64);
        self.meters.measured.inc_by(tick.measured.len() as u64);
        self.count_commands(tick);
        let mut seen = lock(seen);
        seen.counts = self.brain.counts();
        seen.pending = self.brain.pending().len();
        for f in &tick.findings {
            if seen.findings.len() == FINDINGS_MAX {
                seen.findings.pop_front();
            }
            seen.findings.push_back(f.clone());
        }
        for (r, effect) in &tick.measured {
            for v in &effect.measured {
                let sum = seen
                    .measured
                    .entry((r.scenario.clone(), v.kpi.clone()))
                    .or_default();
                sum.n += 1;
                sum.sum += v.value;
            }
            for v in effect.counterfactual.iter().flat_map(|c| &c.values) {
                let sum = seen
                    .measured
                    .entry((r.scenario.clone(), v.kpi.clone()))
                    .or_default();
                sum.n_counterfactual += 1;
                sum.sum_counterfactual += v.value;
            }
        }
    }

    fn count_commands(&self, tick: &Tick) {
        for command in &tick.commands {
            let scenario = tick
                .decided
                .iter()
                .find(|r| r.id == command.decision_id)
                .map_or_else(|| scenario_of(&command.decision_id), |r| r.scenario.clone());
            self.meters
                .commands
                .get_or_create(&ByScenario { scenario })
                .inc();
        }
    }

    fn event(&self, subject: &str, body: &impl Serialize) {
        let bytes = match serde_json::to_vec(body) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, subject, "an event has no JSON form");
                return;
            }
        };
        if let Err(error) = self.bus.publish(subject, &bytes) {
            tracing::warn!(%error, subject, "an event was not published");
        }
    }

    fn obey(&mut self, control: Control, seen: &Mutex<Seen>, failed: bool) {
        let Control {
            word,
            id,
            who,
            reason,
            reply,
        } = control;
        let now = self.clock.now();
        let result = match word {
            _ if failed => Err(ScenarioError::Ledger(
                "the loop has stopped acting; see /healthz".to_owned(),
            )),
            Word::Approve => self
                .brain
                .approve(&id, &who, now)
                .map(|tick| self.publish(&tick, seen)),
            Word::Reject => self.brain.reject(&id, &who, &reason, now),
            Word::Overturn => self.brain.overturn(&id, &who, &reason, now),
        };
        {
            let mut seen = lock(seen);
            seen.counts = self.brain.counts();
            seen.pending = self.brain.pending().len();
        }
        // Who asked may have gone: the ledger has the answer.
        let _ = reply.send(result);
    }
}

/// The scenario's name inside a decision's id (`urn:conurb:decision:CITY:SCENARIO:...`).
fn scenario_of(decision_id: &str) -> String {
    decision_id.split(':').nth(4).unwrap_or_default().to_owned()
}

/// The changes of all commits, in order; moved where nobody else holds them.
fn joined(mut commits: Vec<Arc<Committed>>) -> Vec<Change> {
    let take =
        |c: Arc<Committed>| Arc::try_unwrap(c).map_or_else(|c| c.changes.clone(), |c| c.changes);
    if commits.len() == 1 {
        return commits.pop().map(take).unwrap_or_default();
    }
    commits.into_iter().flat_map(take).collect()
}
