//! The decision record: options, prediction, choice, reason, approval, command, effect.
//!
//! A record is append-only. What happens to a decision later (approval, command receipt,
//! measurement, overturning) is appended as a further [`LedgerEntry`] about the same id.

use conurb_base::TimeMs;
use serde::{Deserialize, Serialize};

/// How an automatic decision becomes an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is shown; nothing is sent.
    Advise,
    /// It is sent once a person approves.
    Approve,
    /// It is sent at once, inside its envelope.
    Auto,
}

/// A text for people, in both languages of the interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One predicted or measured figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KpiValue {
    /// The KPI's id in the scenario's manifest, with its unit last, e.g. `delay_veh_s`.
    pub kpi: String,
    /// The value in the KPI's unit.
    pub value: f64,
    /// An interval and what it means, or null: not measured.
    pub interval: Option<Interval>,
}

/// An interval around a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Coverage, e.g. 0.9.
    pub level: f64,
    /// How it was made, e.g. `residual quantiles, n = 40`.
    pub method: String,
}

/// What a decision read: an attribute of an entity as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputRef {
    /// Entity id.
    pub entity: String,
    /// The entity's version: milliseconds of `modifiedAt`.
    pub version_ms: i64,
}

/// All a decision read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// Which entities, in which version.
    pub entities: Vec<InputRef>,
    /// SHA-256 of the canonical input document (`InputDocument` of the scenario), which is kept
    /// as a blob under this hash so that `replay` reads just what the model read.
    pub hash: String,
}

/// Which model predicted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    /// Name, e.g. `signals.local-twin`.
    pub name: String,
    /// Version; a change of behaviour is a change of version.
    pub version: String,
    /// Seed of its randomness.
    pub seed: u64,
    /// The level of information it had, e.g. `LD` (detectors only).
    pub information_level: String,
}

/// One thing that could be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionOption {
    /// The action in the scenario's own words, e.g. `{"phase": 3}`.
    pub action: serde_json::Value,
    /// What the model expects of it.
    pub predicted: Vec<KpiValue>,
    /// Whether the constraints allow it; if not, which one forbids it.
    pub refused_by: Option<String>,
}

/// The decision record as first written. Times of later steps come in later entries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// URN, deterministic: `urn:conurb:decision:<city>:<scenario>:<subject>:<iso time>`.
    pub id: String,
    /// Scenario id.
    pub scenario: String,
    /// City id.
    pub city: String,
    /// The entity decided about.
    pub subject: String,
    /// Observation time of the newest input.
    pub perceived_at: TimeMs,
    /// When the choice was made.
    pub decided_at: TimeMs,
    /// The findings that asked for it.
    pub findings: Vec<String>,
    /// What it read.
    pub inputs: Inputs,
    /// Which model predicted.
    pub model: ModelRef,
    /// What could be done; never empty.
    pub options: Vec<DecisionOption>,
    /// Index into `options`.
    pub chosen: usize,
    /// Why, for people.
    pub why: Bilingual,
    /// How it becomes an action.
    pub mode: Mode,
    /// The decision this one replaces.
    pub supersedes: Option<String>,
}

/// What happens to a decision, in the order it happens. One ledger line each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum LedgerEntry {
    /// The record itself.
    Decided(Box<DecisionRecord>),
    /// A person (or, where the mode is auto, the policy) let it pass.
    Approved {
        /// Which decision.
        id: String,
        /// When.
        approved_at: TimeMs,
        /// Who: `policy:auto`, or an account.
        approver: String,
    },
    /// A person refused it, or nobody approved in time.
    Rejected {
        /// Which decision.
        id: String,
        /// When.
        rejected_at: TimeMs,
        /// Who.
        approver: String,
        /// Why.
        reason: String,
    },
    /// A command left for an actuator, or its receipt came.
    Acted {
        /// Which decision.
        id: String,
        /// When.
        acted_at: TimeMs,
        /// Which command.
        command_id: String,
        /// `sent` (no answer yet), `accepted`, `refused`, `expired`, `unconfirmed`.
        receipt: String,
        /// What the actuator said.
        detail: String,
    },
    /// The effect was measured.
    Measured {
        /// Which decision.
        id: String,
        /// When.
        measured_at: TimeMs,
        /// What was seen.
        measured: Vec<KpiValue>,
        /// What would have been without it.
        counterfactual: Option<Counterfactual>,
    },
    /// A person took it back.
    Overturned {
        /// Which decision.
        id: String,
        /// When.
        overturned_at: TimeMs,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// What would have happened otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counterfactual {
    /// How it was computed, e.g. `twin rollout of the fixed plan from the same state`.
    pub method: String,
    /// The figures.
    pub values: Vec<KpiValue>,
}

impl LedgerEntry {
    /// The decision this entry is about.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Decided(r) => &r.id,
            Self::Approved { id, .. }
            | Self::Rejected { id, .. }
            | Self::Acted { id, .. }
            | Self::Measured { id, .. }
            | Self::Overturned { id, .. } => id,
        }
    }
}
