//! A fuzz target per parser; the tests feed them seeds and mutations where no fuzzer is at hand.
//!
//! **Invariant** A target returns for every input: parsers give a value or an error (the crate's
//! own tests run seeds and mutations).

mod targets;

pub use targets::{TARGETS, gmns_tables};

/// A parser under any bytes.
#[derive(Debug)]
pub struct Target {
    /// Its name, that of its corpus folder.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
    /// Mutations it gets in the tests.
    pub rounds: u64,
}

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|t| t.name == name)
}
