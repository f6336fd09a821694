//! Integration tests: the reference simulator's geometry and runs, bad input, determinism.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod actuated;
mod assignment;
mod bad_input;
mod changes;
mod common;
mod corridor;
mod crossings;
mod geometry;
mod golden;
mod greenwave;
mod halts;
mod lane_change;
mod lookahead;
mod maps;
mod orders;
mod parking;
mod priority;
mod replay;
mod runs;
mod speed;
mod streets;
mod sumo;
mod sumo_closures;
mod sumo_files;
mod sumo_stops;
mod trajectories;
