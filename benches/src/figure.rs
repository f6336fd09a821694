//! One figure: what was measured, against what.

use serde::Serialize;

/// A line of `cargo xtask bench --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// Which bench.
    pub(crate) bench: &'static str,
    /// What was measured.
    pub(crate) metric: String,
    /// The value.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it must keep: `<=` or `>=` is told by the unit's nature, see `at_least`.
    pub(crate) limit: Option<f64>,
    /// Whether the limit is the least allowed (a rate) rather than the most (a time, a count).
    pub(crate) at_least: bool,
    /// Whom it is compared with, and that one's value in the same unit.
    pub(crate) peer: Option<String>,
    /// Value over limit, or over the peer's value.
    pub(crate) ratio: Option<f64>,
}

impl Figure {
    /// A figure that must be at least `limit`.
    pub(crate) fn at_least(
        bench: &'static str,
        metric: &str,
        value: f64,
        unit: &'static str,
        limit: f64,
    ) -> Self {
        Self {
            bench,
            metric: metric.to_owned(),
            value,
            unit,
            limit: Some(limit),
            at_least: true,
            peer: None,
            ratio: Some(value / limit),
        }
    }
}
