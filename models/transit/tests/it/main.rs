//! Integration tests of the transit model.

// Helpers of tests may unwrap like the tests they serve.
#![allow(clippy::unwrap_used)]

mod agree;
mod china;
mod feeds;
mod measures;
mod quality;
mod real_agree;
mod scenario;
mod support;
mod tokyo;
