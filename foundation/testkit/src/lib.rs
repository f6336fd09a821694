//! Helpers for tests: the shared data folder, seeded random moments.
//!
//! **Invariant** A dev-dependency only: nothing a node runs depends on this crate.

mod moments;
mod shared;

pub use moments::Moments;
pub use shared::{need_shared, shared_data};
