//! Options, prediction, choice, approval: decision records and their hash-chained ledger.
//!
//! **Invariant** No action without a decision; no decision without options, prediction and reason.

mod record;

pub use record::{
    Bilingual, Counterfactual, DecisionOption, DecisionRecord, InputRef, Inputs, Interval,
    KpiValue, LedgerEntry, Mode, ModelRef,
};
