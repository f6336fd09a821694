//! Stream rules over changes: findings.
//!
//! **Invariant** Event time is the only time: the same changes in the same order give the same
//! findings however fast they come. A finding names its inputs and the rule that made it.

mod finding;
mod rule;

pub use finding::{Evidence, Finding, FindingKind};
pub use rule::{Aggregate, Rule, RuleKind, Severity};
