//! Integration tests of the regional models.

// Helpers of tests may unwrap like the tests they serve.
// What a test prints is for whoever runs it: figures, seeds, why it was skipped.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod community;
mod degurba;
mod facts;
mod percolation;
mod places;
mod polygons;
mod support;
mod urban_area;
