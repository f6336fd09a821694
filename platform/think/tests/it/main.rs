//! Tests of the rule engine through its public interface.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod bench;
mod cb1;
mod determinism;
mod rules_file;
mod semantics;
mod support;
