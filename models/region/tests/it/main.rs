//! Integration tests of the regional models.

// Helpers of tests may unwrap like the tests they serve.
#![allow(clippy::unwrap_used)]

mod archive;
mod cooperation;
mod flows;
mod growth;
mod industry;
mod network;
mod optimisation;
mod secondary;
mod size;
mod spatial;
mod support;
mod workbook;
