//! The bounds the engine keeps, and what it counts.

use serde::Serialize;

/// What the engine may use; over a limit it counts and says so, it never grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineLimits {
    /// Rules at most.
    pub max_rules: usize,
    /// Entities one rule follows at most.
    pub max_entities_per_rule: usize,
    /// Bytes of state one rule may hold; a rule with large windows follows fewer entities.
    pub max_state_bytes_per_rule: usize,
    /// How far behind the newest event time an observation of another entity may come before
    /// durations and absences are decided, in ms. Windows have their own `lag_s`.
    pub disorder_ms: i64,
    /// How far an observation may lie ahead of its recording, in ms. One further ahead is counted
    /// and not read: it would drag event time along and end every wait at once.
    pub future_ms: i64,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            max_rules: 10_000,
            max_entities_per_rule: 1_000_000,
            max_state_bytes_per_rule: 512 << 20,
            disorder_ms: 0,
            future_ms: 300_000,
        }
    }
}

/// What the engine has seen since it was made. Counts of observations are per (type, attribute)
/// watched, not per rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EngineStats {
    /// Observations of watched attributes.
    pub observations: u64,
    /// Older than the newest of the same entity: read by windows, skipped by the other rules.
    pub out_of_order: u64,
    /// With the `observedAt` of the newest of the same entity: skipped.
    pub duplicates: u64,
    /// Too late for every window they belong to (summed over window rules).
    pub late: u64,
    /// Too far ahead of their recording: skipped.
    pub future: u64,
    /// No finite number, or one too large to sum: signs of life only.
    pub not_numeric: u64,
    /// Flagged by intake as out of range, late or double: signs of life only.
    pub flagged: u64,
    /// Not followed because a rule follows as many entities as it may (summed over rules).
    pub untracked: u64,
    /// Findings given.
    pub findings: u64,
}

/// What one rule has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleStats {
    /// Id and version, as findings name it.
    pub rule: String,
    /// Entities it follows.
    pub entities: usize,
    /// Findings it gave.
    pub findings: u64,
    /// Observations too late for its windows.
    pub late: u64,
    /// Observations of entities it could not follow.
    pub untracked: u64,
}
