//! Stream rules over changes: findings.
//!
//! **Invariant** Event time is the only time: the same changes in the same order give the same
//! findings however fast they come. A finding names its inputs and the rule that made it.
//!
//! **Invariant** State is bounded: a rule follows a limited number of entities with a limited
//! number of bytes each; what it cannot follow is counted and reported by a finding.

mod check;
mod engine;
mod error;
mod finding;
mod limits;
mod ops;
mod rule;
mod rules_file;
mod watch;

pub use engine::{QUALITY, RuleEngine};
pub use error::ThinkError;
pub use finding::{Evidence, Finding, FindingKind};
pub use limits::{EngineLimits, EngineStats, RuleStats};
pub use rule::{Aggregate, Rule, RuleKind, Severity};
pub use rules_file::{expand_names, rules_from_toml};
