//! Options, prediction, choice, approval: decision records and their hash-chained ledger.
//!
//! **Invariant** No action without a decision; no decision without options, prediction and reason.
//! Held by [`Ledger::append`], which refuses any other order (`no_action_without_a_decision`).
//!
//! **Invariant** A line once written is never changed: any changed byte is found and its record
//! named (`any_changed_byte_is_found_and_named`).

mod approval;
pub mod chain;
mod choose;
mod decision;
mod error;
mod explain;
mod ledger;
mod record;
mod residuals;
mod rules;

pub use approval::{Approvals, POLICY_EXPIRY, Pending};
pub use chain::{Broken, Verified, verify_bytes};
pub use choose::{Choice, Constraint, Direction, Goal, Objective, choose, settle};
pub use decision::{Acted, Approval, Decision, Measured, Status, Stop, command_id, decision_id};
pub use error::DecideError;
pub use explain::{Lang, explain};
pub use ledger::{Counts, Filter, LINE_BYTES_MAX, LIST_MAX, Ledger, Undo};
pub use record::{
    Bilingual, Counterfactual, DecisionOption, DecisionRecord, InputRef, Inputs, Interval,
    KpiValue, LedgerEntry, Mode, ModelRef,
};
pub use residuals::{Residuals, SAMPLES_MIN, student_t_interval};
pub use rules::POLICY_AUTO;
