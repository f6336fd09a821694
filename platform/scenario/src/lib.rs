//! The contract every scenario fills, the kit that checks it, and the loop that runs it.
//!
//! **Invariant** The platform runs and passes its tests with no scenario at all.

mod contract;
mod manifest;

pub use contract::{Effect, Order, Proposal, Scenario, Trigger, World};
pub use manifest::{
    ActionBlank, Better, BorderBlank, DecisionBlank, EntityBlank, KpiBlank, KpiFamily, Manifest,
    ModelBlank, RegisterBlank, ShareBlank,
};
