//! Integration tests: the reference simulator's geometry and runs, bad input, determinism.

mod common;
mod geometry;
mod golden;
mod trajectories;
