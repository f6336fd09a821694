//! What the node counts about itself, in OpenMetrics form.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Label `mode` of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByMode {
    /// `advise`, `approve` or `auto`.
    pub(crate) mode: &'static str,
}

/// Label `scenario`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByScenario {
    /// The scenario's id.
    pub(crate) scenario: String,
}

/// Label `outcome` of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByOutcome {
    /// `sent`, `failed` or `dropped`.
    pub(crate) outcome: &'static str,
}

/// A whole-number gauge.
pub(crate) type Level = Gauge<i64, AtomicI64>;

/// The counters of a node. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    /// Group commits.
    pub(crate) commits: Counter,
    /// Write operations committed.
    pub(crate) operations: Counter,
    /// Operations that were refused one by one.
    pub(crate) operations_refused: Counter,
    /// Committed changes of entities.
    pub(crate) changes: Counter,
    /// Seconds from taking a batch to its durable commit.
    pub(crate) commit_s: Histogram,
    /// Findings of rules.
    pub(crate) findings: Counter,
    /// Decisions by mode.
    pub(crate) decisions: Family<ByMode, Counter>,
    /// Commands sent, by scenario.
    pub(crate) commands: Family<ByScenario, Counter>,
    /// Effects measured.
    pub(crate) measured: Counter,
    /// Seconds from the arrival of a report to the command it led to.
    pub(crate) decision_s: Histogram,
    /// Turns of the loop.
    pub(crate) turns: Counter,
    /// Notifications by outcome.
    pub(crate) notifications: Family<ByOutcome, Counter>,
    /// Requests that are under way.
    pub(crate) requests_open: Level,
    /// Requests answered.
    pub(crate) requests: Counter,
    /// Sequence of the newest commit.
    pub(crate) seq: Gauge<u64, AtomicU64>,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            commits: Counter::default(),
            operations: Counter::default(),
            operations_refused: Counter::default(),
            changes: Counter::default(),
            commit_s: Histogram::new(exponential_buckets(0.000_25, 2.0, 15)),
            findings: Counter::default(),
            decisions: Family::default(),
            commands: Family::default(),
            measured: Counter::default(),
            decision_s: Histogram::new(exponential_buckets(0.000_5, 2.0, 15)),
            turns: Counter::default(),
            notifications: Family::default(),
            requests_open: Level::default(),
            requests: Counter::default(),
            seq: Gauge::default(),
        }
    }
}

impl Meters {
    /// Counters at zero, shared.
    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Enters all of them into a registry.
    pub(crate) fn register(&self, r: &mut Registry) {
        let seconds = || Unit::Seconds;
        r.register("commits", "Group commits", self.commits.clone());
        r.register(
            "operations",
            "Write operations committed",
            self.operations.clone(),
        );
        r.register(
            "operations_refused",
            "Write operations refused one by one",
            self.operations_refused.clone(),
        );
        r.register(
            "changes",
            "Committed changes of entities",
            self.changes.clone(),
        );
        r.register("commit_seq", "Newest commit", self.seq.clone());
        r.register_with_unit(
            "commit",
            "From taking a batch to its durable commit",
            seconds(),
            self.commit_s.clone(),
        );
        r.register("findings", "Findings of rules", self.findings.clone());
        r.register("decisions", "Decisions by mode", self.decisions.clone());
        r.register(
            "commands",
            "Commands sent, by scenario",
            self.commands.clone(),
        );
        r.register("effects", "Effects measured", self.measured.clone());
        r.register_with_unit(
            "sensor_to_command",
            "From the arrival of a report to the command it led to",
            seconds(),
            self.decision_s.clone(),
        );
        r.register("turns", "Turns of the loop", self.turns.clone());
        r.register(
            "notifications",
            "Notifications to subscribers by outcome",
            self.notifications.clone(),
        );
        r.register(
            "http_requests_open",
            "Requests under way",
            self.requests_open.clone(),
        );
        r.register("http_requests", "Requests answered", self.requests.clone());
    }
}
