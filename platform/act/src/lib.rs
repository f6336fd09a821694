//! Commands with envelope, receipt, expiry and watchdog.
//!
//! **Invariant** Every command names the decision it carries out, can expire, and has a safe plan
//! to fall back to. Held by [`Desk::issue`] (`every_command_has_an_approved_decision_before_it`)
//! and [`Desk::tick`] (`the_watchdog_returns_every_actuator_under_every_fault`).

mod command;
mod desk;
mod envelope;
mod error;
mod grants;
mod sim_channel;

pub use command::{Cause, Channel, Command, Receipt};
pub use desk::{ActOutcome, Desk, DeskLimits, SafePlan};
pub use envelope::{ACTION_BYTES_MAX, Envelope, Guard, ID_BYTES_MAX, NoGuard};
pub use error::ActError;
pub use sim_channel::{FaultPlan, FieldChange, Plan, SimChannel, SimField};
