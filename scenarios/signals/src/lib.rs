//! Signal control: a decision at every signal each decision interval.
//!
//! Options are the admissible phases; the prediction comes from the local twin ([`twin`]) or, for
//! all signals together, from look-ahead control ([`joint`]), run from detector reports alone; the
//! choice is the least predicted delay under minimum and maximum green; the command is bounded and
//! runs out into the controller's own plan.
//!
//! **Invariant** A decision is never made on a gap: an entering lane without a fresh report means
//! no decision, and the controller's plan goes on.

mod estimate;
pub mod field;
pub mod head;
pub mod input;
pub mod joint;
pub mod layout;
pub mod names;
mod propose;
mod scenario;
pub mod settings;
pub mod twin;

pub use head::{FixedPlan, SignalController};
pub use scenario::{
    HORIZON_DELAY, INTERVAL_DELAY, LOOKAHEAD_MODEL, MODEL_NAME, MODEL_VERSION, QUEUE, Signals,
    SignalsError, fixed_plan, model_of,
};
pub use settings::{Decider, Fleet, Settings};

/// The scenario's manifest, the six blanks.
pub const MANIFEST: &str = include_str!("../scenario.toml");

/// How detector and signal payloads of `city` become entities: a mapping file for the intake.
#[must_use]
pub fn mapping(city: &str) -> String {
    include_str!("../detectors.toml").replace(":CITY:", &format!(":{city}:"))
}
