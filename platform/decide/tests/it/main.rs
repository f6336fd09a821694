//! Tests of the ledger, its chain and the rules of deciding.

#![allow(clippy::unwrap_used)]

mod approval;
mod chain;
mod docs;
mod explain;
mod on_disk;
mod rules;
mod support;
