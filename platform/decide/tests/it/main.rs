//! Tests of the ledger, its chain and the rules of deciding.

#![allow(clippy::unwrap_used)]

mod chain;
mod rules;
mod support;
