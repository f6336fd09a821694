//! Signal control: the port controllers fill, fixed time, actuated control, pressure rules, replayed
//! plans.

mod actuated;
pub(crate) mod by_signal;
mod detector;
mod fixed;
pub(crate) mod lamp;
pub mod lookahead;
mod movements;
mod plan;
mod pressure;
pub mod priority;

pub use actuated::{Actuated, ActuatedOptions};
pub use detector::{Placement, Presence};
pub use fixed::FixedTime;
pub use lookahead::{Level, LookAhead, LookAheadOptions};
pub(crate) use movements::serving;
pub use movements::{Movement, Movements};
pub use plan::{ProgrammePlan, RecordedPlan, SecondPlan};
pub use pressure::{Pressure, PressureRule};
pub use priority::{Priority, PriorityOptions};

use crate::ids::JunctionIx;
use crate::sim::Sim;

/// Chooses the next phase of a junction when the protocol asks.
pub trait Controller {
    /// Looks at the simulation after every second; detectors and cameras report here.
    fn observe(&mut self, _sim: &Sim) {}

    /// Decides for all junctions at once, before [`Controller::choose`] asks for each.
    fn decide(&mut self, _sim: &Sim, _time_s: f64) {}

    /// The phase to show from now on (after yellow if it differs from the present one).
    fn choose(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16;
}
