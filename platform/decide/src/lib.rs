//! Options, prediction, choice, approval: decision records and their hash-chained ledger.
//!
//! **Invariant** No action without a decision; no decision without options, prediction and reason.
//! Held by [`Ledger::append`], which refuses any other order (`no_action_without_a_decision`).
//!
//! **Invariant** A line once written is never changed: any changed byte is found and its record
//! named (`any_changed_byte_is_found_and_named`).

pub mod chain;
mod decision;
mod error;
mod ledger;
mod record;
mod rules;

pub use chain::{Broken, Verified, verify_bytes};
pub use decision::{Acted, Approval, Decision, Measured, Status, Stop, command_id, decision_id};
pub use error::DecideError;
pub use ledger::{Counts, Filter, LINE_BYTES_MAX, LIST_MAX, Ledger, Undo};
pub use record::{
    Bilingual, Counterfactual, DecisionOption, DecisionRecord, InputRef, Inputs, Interval,
    KpiValue, LedgerEntry, Mode, ModelRef,
};
pub use rules::POLICY_AUTO;
