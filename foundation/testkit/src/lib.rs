//! Helpers for tests and benches: the shared data folder, seeded random moments and mutations, a
//! real node as a child process and a lean client for it.
//!
//! **Invariant** A dev-dependency, or one of `benches/`: nothing a node runs depends on this crate.

pub mod feed;
pub mod http;
mod moments;
mod mutate;
pub mod node;
mod shared;

pub use moments::Moments;
pub use mutate::Mutator;
pub use shared::{need_shared, shared_data};
