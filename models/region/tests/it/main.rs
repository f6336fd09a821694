//! Integration tests of the regional models.

// Helpers of tests may unwrap like the tests they serve.
#![allow(clippy::unwrap_used)]

mod archive;
mod flows;
mod industry;
mod network;
mod secondary;
mod size;
mod support;
mod workbook;
