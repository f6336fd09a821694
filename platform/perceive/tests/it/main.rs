//! Tests of intake through its public interface.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod mapping;
mod mapping_file;
mod queue;
mod receiver;
