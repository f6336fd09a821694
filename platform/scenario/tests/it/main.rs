//! The loop with a lamp as its only scenario.

// Helpers of tests may unwrap like the tests they serve.
#![allow(clippy::unwrap_used)]

mod lamp;
mod resume;
