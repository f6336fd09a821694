//! Rules as data: what to watch, on what condition, for how long.

use serde::{Deserialize, Serialize};

/// How bad a condition is (ITU-T X.733).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not to be judged.
    Indeterminate,
    /// May become a fault.
    Warning,
    /// Little effect.
    Minor,
    /// Needs action soon.
    Major,
    /// Needs action now.
    Critical,
}

/// One rule over the change stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, unique on the node.
    pub id: String,
    /// Its version; findings carry it.
    #[serde(default = "first_version")]
    pub version: String,
    /// Entities of this type (expanded or, in files, a term of the core or a loaded context).
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The attribute to watch.
    pub attribute: String,
    /// How bad it is when it holds.
    pub severity: Severity,
    /// The condition.
    #[serde(flatten)]
    pub kind: RuleKind,
}

fn first_version() -> String {
    "1".to_owned()
}

/// The conditions there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum RuleKind {
    /// Raised at or beyond `raise` for `for_s`; cleared at or beyond `clear` on the other side.
    Threshold {
        /// Above (`raise >= clear`) or below (`raise <= clear`) is told by their order; equal
        /// means above.
        raise: f64,
        /// The value at which the condition ends (hysteresis).
        clear: f64,
        /// How long it must hold before it is raised.
        #[serde(default)]
        for_s: f64,
    },
    /// Raised when nothing was observed for `silent_s`.
    Absence {
        /// The longest gap that is no finding.
        silent_s: f64,
    },
    /// Raised when the change per second is at least `per_s` in size.
    Rate {
        /// Units of the attribute a second.
        per_s: f64,
        /// Over at least this span.
        over_s: f64,
    },
    /// Gives the aggregate of each window as a finding.
    Window {
        /// How it is folded.
        aggregate: Aggregate,
        /// Length of the window.
        length_s: f64,
        /// Distance between window starts; equal to the length for tumbling windows.
        step_s: f64,
        /// How late an observation may come and still count.
        #[serde(default)]
        lag_s: f64,
    },
    /// Raised when at least `k` of the `n` newest observations are at or beyond `raise`.
    KOfN {
        /// How many must be.
        k: usize,
        /// Of how many.
        n: usize,
        /// At or above this value.
        raise: f64,
    },
}

/// How a window is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Arithmetic mean.
    Mean,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Number of observations.
    Count,
}
