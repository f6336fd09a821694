//! The contract every scenario fills, the kit that checks it, and the loop that runs it.
//!
//! **Invariant** The platform runs and passes its tests with no scenario at all.

mod brain;
mod contract;
mod document;
mod error;
pub mod kit;
mod manifest;
mod resume;

pub use brain::{Brain, BrainOptions, Counts, Tick};
pub use contract::{Effect, Order, Proposal, Scenario, Trigger, World};
pub use document::KeptDocument;
pub use error::ScenarioError;
pub use manifest::{
    ActionBlank, Better, BorderBlank, DecisionBlank, EntityBlank, KpiBlank, KpiFamily, Manifest,
    ModelBlank, RegisterBlank, ShareBlank,
};
pub use resume::Resumed;
