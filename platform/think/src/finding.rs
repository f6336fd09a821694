//! What thinking gives: an event, an anomaly, a forecast.

use std::sync::Arc;

use conurb_base::TimeMs;
use serde::{Deserialize, Serialize};

use crate::rule::Severity;

/// What a finding says about its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A condition began.
    Raised,
    /// A condition ended.
    Cleared,
    /// A window closed with a value.
    Window,
}

/// One observation a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Entity id.
    pub entity: Arc<str>,
    /// Expanded attribute name.
    pub attribute: Arc<str>,
    /// When it was observed.
    pub observed_at: TimeMs,
    /// The value, where it is a number.
    pub value: Option<f64>,
}

/// Something the city should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// URN, deterministic: rule, entity and time.
    pub id: String,
    /// The rule that made it, with its version.
    pub rule: String,
    /// What it says.
    pub kind: FindingKind,
    /// What it is about.
    pub entity: Arc<str>,
    /// When, in event time.
    pub at: TimeMs,
    /// The figure it rests on.
    pub value: Option<f64>,
    /// How bad.
    pub severity: Severity,
    /// What it read.
    pub evidence: Vec<Evidence>,
}
