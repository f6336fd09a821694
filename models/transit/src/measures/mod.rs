//! Accessibility: what a table of travel times and a mass per place say about reach and its
//! balance. Nothing here knows how the times were made: by the scan, read from a table, or from a
//! run-time network. A pair without a journey is none, never a number, and every measure tells
//! the destinations it could not count.

mod day_trip;
mod equity;
mod matrix;
mod reach;
mod service;
mod services;

pub use day_trip::{DayTrip, day_trip};
pub use equity::{Equity, equity};
pub use matrix::{Basis, Mass, Own, Targets, TimeKind, TimeMatrix};
pub use reach::{
    Ask, Convergence, Inside, Reach, contour, convergence, efficiency, exponential_potential,
    inside_and_out, potential, self_min, watt, weighted_mean,
};
pub use service::{ServiceRow, Tail, schedule_wait_min, service_between};
pub use services::{Decay, FloatingCatchment, floating_catchment};
