//! Integration tests: the reference simulator's geometry and runs, bad input, determinism.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod bad_input;
mod common;
mod geometry;
mod golden;
mod lookahead;
mod runs;
mod speed;
mod sumo;
mod trajectories;
