//! From tables of trips to vehicles with routes: matrices, turning shares, assignment, calibration.
//!
//! Tables in CSV become single trips ([`OdMatrix`], [`TurnDemand`]); trips get routes by static
//! assignment or by dynamic user equilibrium in the twin ([`assign`]); a matrix is fitted to counts
//! ([`calibrate`]). Formulas, sources and limits stand in `docs/traffic/demand.md`.
//!
//! **Invariant** Equal tables, network, seed and options give equal trips and routes, on any number
//! of threads; no vehicle is lost or made between a matrix and its demand.

mod calibrate;
mod cost;
mod counts;
mod dynamic;
mod equilibrium;
mod fit;
mod observe;
mod od;
mod route;
pub(crate) mod table;
mod trips;
mod turns;

pub use calibrate::{Calibration, CalibrationOptions, CalibrationRound, calibrate};
pub use cost::RoadCost;
pub use counts::{Count, Counts, FitSummary, geh};
pub use dynamic::{DynamicOptions, DynamicRound};
pub use equilibrium::{
    Pair, RouteFlow, StaticAssignment, StaticRound, assign_equilibrium, assign_incremental,
};
pub use fit::FitMethod;
pub use observe::Ran;
pub use od::{Cell, OdMatrix, Zones};
pub use route::{AssignMethod, Assignment, assign, drive};
pub use table::Interval;
pub(crate) use trips::RouteTable;
pub use trips::{RoutedTrips, TRIPS_MAX, Trip, largest_remainder};
pub use turns::{TurnDemand, Walked};
