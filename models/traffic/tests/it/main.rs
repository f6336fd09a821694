//! Integration tests: the reference simulator's geometry and runs, bad input, determinism.

mod bad_input;
mod common;
mod geometry;
mod golden;
mod runs;
mod speed;
mod trajectories;
