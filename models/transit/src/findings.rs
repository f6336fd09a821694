//! Findings about data: what is wrong, where, and what to do about it. One list serves the readers
//! (what they repaired or dropped) and the quality report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing was changed.
    Note,
    /// Repaired or doubtful; results depend on it.
    Warning,
    /// Dropped, or wrong beyond repair.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule, e.g. `Q1`; the table of `docs/transit/quality.md` lists them.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// The table of the feed.
    pub file: String,
    /// The row in it, the header being 1, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<u64>,
    /// Identifier of the stop, trip, route or service.
    pub subject: String,
    /// The measured value, in the unit the message names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// Findings by rule: all are counted, the first [`Findings::KEPT`] of each rule are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// How many there were of each rule.
    pub counts: BTreeMap<String, u64>,
    /// The kept ones, by rule, in the order found.
    pub kept: BTreeMap<String, Vec<Finding>>,
}

impl Findings {
    /// How many findings of one rule are kept.
    pub const KEPT: usize = 100;

    /// Adds one; `make` is called only where it is kept.
    pub(crate) fn add(&mut self, rule: &str, make: impl FnOnce() -> Finding) {
        if let Some(count) = self.counts.get_mut(rule) {
            *count += 1;
        } else {
            self.counts.insert(rule.to_owned(), 1);
        }
        let kept = match self.kept.get_mut(rule) {
            Some(kept) => kept,
            None => self.kept.entry(rule.to_owned()).or_default(),
        };
        if kept.len() < Self::KEPT {
            kept.push(make());
        }
    }

    /// How often a rule fired.
    #[must_use]
    pub fn count(&self, rule: &str) -> u64 {
        self.counts.get(rule).copied().unwrap_or(0)
    }

    /// How many findings there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The kept findings of all rules.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.kept.values().flatten()
    }
}
