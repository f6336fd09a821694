//! The simulation: state, step and what can be read from it.

mod ahead;
mod choose;
mod cross;
mod detour;
mod halts;
mod lane_change;
mod local;
mod memory;
mod order;
mod parallel;
mod parking;
mod priority;
mod read;
mod speed;
mod state;
mod step;
mod streets;

use std::sync::Arc;

pub(crate) use ahead::{Due, Feed, Part, Put, Start};
pub use detour::DetourTally;
pub use halts::HaltTally;
pub use local::{Placed, SMALL_PATH_MAX, SmallPath};
pub use memory::Memory;
pub use parking::{ParkReading, ParkingTally};
pub use read::{LaneReading, VehicleView, WAITING_BELOW_M_S};
pub use state::State;

use crate::changes::Changes;
use crate::demand::Demand;
use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::Network;
use crate::parking::Parking;
use crate::plan::Plan;
use lane_change::Lattice;
use parallel::{Crew, SHARE_FROM};
use step::Scratch;

/// Who sets the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signals {
    /// [`Sim::set_phase`]; phase 0 until then.
    External,
    /// The programme in the road network file.
    Programme,
}

/// How to run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimOptions {
    /// Seed of priorities and first lanes.
    pub seed: u32,
    /// Step length, s: 0.05 to 5. The reference data use 1.
    pub step_s: f64,
    /// Who sets the phases.
    pub signals: Signals,
    /// Whether vehicles change lane to pass a slower one. Off, runs equal the reference's to the
    /// last digit; on, averages do within 0.5 %. Networks with lists of foes (SUMO's) refuse it.
    pub lane_change: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            step_s: 1.0,
            signals: Signals::External,
            lane_change: false,
        }
    }
}

/// A trip that ended in the last step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// Slot the vehicle had in this step.
    pub slot: u32,
    /// Number of the vehicle in order of creation.
    pub event: u32,
    /// Time of creation (before waiting to enter), s.
    pub entered_s: f64,
    /// Time the step began in which it left, s.
    pub left_s: f64,
}

/// One run of a network under a demand.
#[derive(Debug, Clone)]
pub struct Sim {
    net: Arc<Network>,
    demand: Arc<Demand>,
    plan: Arc<Plan>,
    state: State,
    scratch: Scratch,
    dt: f64,
    programme: bool,
    /// Ways from every lane of every route: there when vehicles change lane.
    lattice: Option<Arc<Lattice>>,
    /// There when steps run on several threads.
    crew: Option<Crew>,
    /// Occupied drivables from which on the crew is called.
    share_from: usize,
    /// There when something changes on the streets.
    changes: Option<Arc<Changes>>,
    /// There when vehicles look for a place to park.
    parking: Option<Arc<Parking>>,
}

impl Sim {
    /// A simulation at time 0.
    pub fn new(
        net: Arc<Network>,
        demand: Arc<Demand>,
        options: SimOptions,
    ) -> Result<Self, TrafficError> {
        if !(0.05..=5.0).contains(&options.step_s) {
            return Err(TrafficError::Option {
                what: "step_s",
                message: format!("{} is not between 0.05 and 5 s", options.step_s),
            });
        }
        let lane_change = options.lane_change;
        if lane_change && net.priority.is_some() {
            return Err(TrafficError::Option {
                what: "lane_change",
                message:
                    "in a network with lists of foes lanes are chosen when a road is entered: \
                          leave it off"
                        .into(),
            });
        }
        let mut plan = Plan::new(&net, &demand, options.seed, options.step_s, lane_change);
        let lattice = lane_change.then(|| Arc::new(Lattice::new(&net, &demand, &mut plan.paths)));
        let mut state = State::new(&net);
        if lane_change {
            state.changing = true;
            state.from_beside.resize(net.lanes.len(), 0);
        }
        Ok(Self {
            state,
            plan: Arc::new(plan),
            scratch: Scratch::default(),
            dt: options.step_s,
            programme: options.signals == Signals::Programme,
            lattice,
            crew: None,
            share_from: SHARE_FROM,
            changes: None,
            parking: None,
            net,
            demand,
        })
    }

    /// Shows a phase, effective from the next step.
    pub fn set_phase(&mut self, junction: JunctionIx, phase: u16) -> Result<(), TrafficError> {
        let known = self
            .net
            .junctions
            .get(junction.ix())
            .map_or(0, |j| j.phases.len());
        if usize::from(phase) >= known {
            return Err(TrafficError::Option {
                what: "phase",
                message: format!(
                    "junction {} has {known} phases, there is no phase {phase}",
                    junction.0
                ),
            });
        }
        if self.state.phase[junction.ix()] != phase {
            self.state.show(&self.net, junction.ix(), phase);
        }
        Ok(())
    }

    /// Goes back (or over) to a state of the same network and demand.
    pub fn restore(&mut self, state: &State) -> Result<(), TrafficError> {
        let sizes = [
            ("network", state.tracks.len(), self.state.tracks.len()),
            ("network", state.phase.len(), self.state.phase.len()),
            (
                "lane change",
                usize::from(state.changing),
                usize::from(self.state.changing),
            ),
        ];
        for (what, found, expected) in sizes {
            if found != expected {
                return Err(TrafficError::StateMismatch {
                    what,
                    found,
                    expected,
                });
            }
        }
        // Usually nothing was added since, if anything ever was.
        if state.mark != self.state.mark
            && !Arc::make_mut(&mut self.plan).follow(
                &self.net,
                &self.demand,
                state.mark,
                state.step,
            )
        {
            return Err(TrafficError::StateMismatch {
                what: "run: vehicles pushed in or sent another way",
                found: 1,
                expected: 0,
            });
        }
        while state.next_event as usize > self.plan.events.len() || state.step > self.plan.covered {
            if self.plan.covered > state.step {
                return Err(TrafficError::StateMismatch {
                    what: "demand",
                    found: state.next_event as usize,
                    expected: self.plan.events.len(),
                });
            }
            Arc::make_mut(&mut self.plan).extend(&self.net, &self.demand);
        }
        self.state.clone_from(state);
        self.scratch.forget();
        Ok(())
    }
}
