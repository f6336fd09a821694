//! Integration tests of the regional models.

// Helpers of tests may unwrap like the tests they serve.
// What a test prints is for whoever runs it: figures, seeds, why it was skipped.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod archive;
mod community;
mod cooperation;
mod degurba;
mod facts;
mod flows;
mod growth;
mod industry;
mod network;
mod optimisation;
mod percolation;
mod places;
mod polygons;
mod secondary;
mod size;
mod spatial;
mod support;
mod urban_area;
mod workbook;
