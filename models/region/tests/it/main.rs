//! Integration tests of the regional models.

// Helpers of tests may unwrap like the tests they serve.
#![allow(clippy::unwrap_used)]

mod community;
mod degurba;
mod facts;
mod percolation;
mod places;
mod polygons;
mod support;
mod urban_area;
