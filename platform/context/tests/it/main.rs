//! The context engine from outside: JSON in, commits and JSON out, on the memory store.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod formats;
mod jsonld;
mod queries;
mod support;
mod writes;
